"""Fit the regression that tells whether a written sentence is borne out: `python -m assistant.training.support DATA`.

DATA is the folder with `support/qags.jsonl.gz`: sentences of summaries, each with the article and three people's votes
on whether it bears the sentence out (Wang, Cho and Lewis, 2020). Half of the articles, by a hash of their text, fits
the weights and chooses the threshold; the other half measures. Prints both.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from assistant.regression import Features, probability
from assistant.writing.support import Source
from index.embedder import Embedder
from index.passages import split_sentences

_LEAST_PRECISION = 0.8  # of the sentences that pass


@dataclass(frozen=True)
class Judged:
    """A sentence: what is weighed of it, whether most people found it borne out, and which half its article is in."""

    row: Features
    holds: bool
    measured: bool


def main() -> None:
    """Fit, choose a threshold, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    judged = list(_read(parser.parse_args().data / "support" / "qags.jsonl.gz"))
    fitted = [one for one in judged if not one.measured]
    weights = _fit(fitted)
    threshold = _threshold(fitted, weights)
    report = {name: _figures(half, weights, threshold) for name, half in _halves(judged).items()}
    sys.stdout.write(json.dumps({"weights": weights, "threshold": threshold, **report}, indent=1) + "\n")


def _read(path: Path) -> Sequence[Judged]:
    embedder, judged = Embedder(), []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record: dict[str, Any] = json.loads(line)
            article = record["article"]
            source = Source([article[span.start : span.end] for span in split_sentences(article)], embedder.embed)
            measured = hashlib.sha256(article.encode()).digest()[0] % 2 == 1
            for sentence in record["summary_sentences"]:
                votes = [vote["response"] == "yes" for vote in sentence["responses"]]
                judged.append(Judged(source.features(sentence["sentence"]), 2 * sum(votes) > len(votes), measured))
    return judged


def _fit(judged: Sequence[Judged]) -> Features:
    names = [name for name in judged[0].row if name != "bias"]
    rows = np.array([[one.row[name] for name in names] for one in judged])
    model = LogisticRegression(C=1.0, max_iter=1000).fit(rows, [one.holds for one in judged])
    found = zip(names, model.coef_[0].tolist(), strict=True)
    return {"bias": round(float(model.intercept_[0]), 3), **{name: round(weight, 3) for name, weight in found}}


def _threshold(judged: Sequence[Judged], weights: Features) -> float:
    """Return the least hundredth from which on sentences that pass hold often enough."""
    scores = np.array([probability(one.row, weights) for one in judged])
    holds = np.array([one.holds for one in judged])
    steps = [step / 100 for step in range(100) if (scores >= step / 100).any()]
    return next((step for step in steps if holds[scores >= step].mean() >= _LEAST_PRECISION), steps[-1])


def _halves(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    return {
        "fitted": [one for one in judged if not one.measured],
        "measured": [one for one in judged if one.measured],
    }


def _figures(judged: Sequence[Judged], weights: Features, threshold: float) -> dict[str, float]:
    scores = np.array([probability(one.row, weights) for one in judged])
    holds, passed = np.array([one.holds for one in judged]), scores >= threshold
    return {
        "sentences": len(judged),
        "held": round(float(holds.mean()), 3),
        "auc": round(float(roc_auc_score(holds, scores)), 3),
        "precision": round(float(holds[passed].mean()), 3),
        "recall": round(float(passed[holds].mean()), 3),
        "unsupported stopped": round(float((~passed)[~holds].mean()), 3),
    }


if __name__ == "__main__":
    main()
