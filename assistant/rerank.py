"""The order of what was retrieved once it has been read: by what the network makes of each passage as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assistant.neural_reader import Reading
from assistant.regression import Features, probability
from index.search import Hit

# A logistic regression over the passages of one question, fitted by `python -m assistant.training.evidence`.
RANK_WEIGHTS: Features = {"bias": -5.81, "retrieval": 7.89, "relevance": 0.06, "span": 0.17}


def reranked(hits: Sequence[Hit], read: Mapping[int, Reading]) -> list[Hit]:
    """Return the hits in their new order, each with the probability that it answers as its score.

    `read` is what the network reads, by passage id. Hits that it does not hold keep their order, behind the others,
    their scores lowered to match.
    """
    was_read = [hit for hit in hits if hit.passage.id in read]
    features = [rank_features(hit, read[hit.passage.id]) for hit in was_read]
    scored = [replace(hit, score=probability(row, RANK_WEIGHTS)) for hit, row in zip(was_read, features, strict=True)]
    scored.sort(key=lambda hit: (-hit.score, hit.passage.id))
    least = scored[-1].score if scored else 1.0
    rest = [replace(hit, score=hit.score * least) for hit in hits if hit.passage.id not in read]
    return [*scored, *rest]


def rank_features(hit: Hit, read: Reading) -> Features:
    """Return what the order is made of."""
    return {"bias": 1.0, "retrieval": hit.score, "relevance": read.relevance, "span": read.span_score}
