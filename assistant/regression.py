"""Logistic regression over named features: what all of the reader's decisions are made with."""

from __future__ import annotations

import math

Features = dict[str, float]


def probability(row: Features, weights: Features) -> float:
    """Return 1 / (1 + exp(−w·x)) over the features that `weights` names."""
    odds = sum(weight * row[name] for name, weight in weights.items())
    return 0.5 * (1.0 + math.tanh(odds / 2))  # the same, and cannot overflow
