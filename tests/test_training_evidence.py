"""The fit of the regressions: leaving out what tells right from wrong is seen in the figures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from assistant.neural_reader import Reading
from assistant.reader import SENTENCE_WEIGHTS
from assistant.training.evidence import Read, leaving_out


def reads(seed: int) -> Iterator[Read]:
    """Questions of four sentences each; where there is an answer, `words` alone tells which of them it is."""
    rng = np.random.default_rng(seed)
    for number in range(200):
        answer = int(rng.integers(4)) if number % 2 else None
        rows = [
            {name: float(rng.normal()) for name in SENTENCE_WEIGHTS} | {"bias": 1.0, "words": float(at == answer)}
            for at in range(4)
        ]
        passages = [{name: row[name] for name in ("bias", "retrieval", "relevance", "span")} for row in rows[:2]]
        holds, noise = [answer is not None, False], Reading(0, 1, float(rng.normal()), float(rng.normal()))
        yield Read(rows, [at == answer for at in range(4)], passages, holds, [noise], measured=False)


def test_leaving_out_the_feature_that_tells_costs_most() -> None:
    found = dict(leaving_out(list(reads(1)), list(reads(2))))
    assert set(found) >= {f"sentences' {name}" for name in SENTENCE_WEIGHTS if name != "bias"}
    assert found["sentences' holds"]["best sentence answers"] == 1.0
    assert found["sentences' words"]["best sentence answers"] < 0.5
    assert found["confidence's relevance"]["AUC of confidence"] == pytest.approx(1.0, abs=0.01)
