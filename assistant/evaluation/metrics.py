"""The metrics: what each question scores, and how scores become one figure.

Scores are numbers from 0 to 1, or None where the question says nothing about the metric (it names no gold article, or
the answer has no citation). Those of one question need nothing but its gold, its answer and its passages as JSON, so
that a stored run can be scored again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assistant.evaluation.gold import Gold
from assistant.evaluation.matching import (
    contains,
    exact_match,
    hit_at,
    ndcg_at,
    recall_at,
    reciprocal_rank,
    token_f1,
)
from assistant.evaluation.statistics import F1, AbstainedAt, CalibrationError, Mean, RiskArea, Statistic
from assistant.short_answer import names

DEPTH = 10
_CUTS = (1, 4, DEPTH)

Json = Mapping[str, Any]
Scores = dict[str, float | None]
TextOf = Callable[[str], str | None]  # an article's text by its id


@dataclass(frozen=True)
class Metric:
    """A figure's name in files and gates, its name for people, and whether more of it is better."""

    name: str
    label: str
    more_is_better: bool = True


METRICS = tuple(
    Metric(*about)
    for about in (
        ("hit@1", "Article hit@1"),
        ("hit@4", "Article hit@4"),
        ("hit@10", "Article hit@10"),
        ("recall@1", "Article recall@1"),
        ("recall@4", "Article recall@4"),
        ("recall@10", "Article recall@10"),
        ("mrr@10", "Article MRR@10"),
        ("ndcg@10", "Article nDCG@10"),
        ("passage_hit@1", "Passage hit@1"),
        ("passage_hit@4", "Passage hit@4"),
        ("passage_hit@10", "Passage hit@10"),
        ("passage_recall@1", "Passage recall@1"),
        ("passage_recall@4", "Passage recall@4"),
        ("passage_recall@10", "Passage recall@10"),
        ("passage_mrr@10", "Passage MRR@10"),
        ("passage_ndcg@10", "Passage nDCG@10"),
        ("em", "Exact match"),
        ("f1", "Answer F1"),
        ("contains_gold", "Answer contains gold"),
        ("right", "Right answer or abstention"),
        ("citation_precision", "Citation precision"),
        ("citation_recall", "Citation recall"),
        ("verbatim", "Quotes verbatim"),
        ("answered", "Answered when it should"),
        ("abstained", "Abstained when it should"),
        ("answered_f1", "F1 of answering"),
        ("abstained_f1", "F1 of abstaining"),
        ("abstained@75", "Abstained where 75 % are answered"),
        ("aurc", "Risk–coverage area", False),
        ("ece", "Calibration error", False),
        ("speaker", "Speaker right"),
        ("disagreement_shown", "Disagreement shown"),
        ("disagreement_sides", "Sides of it quoted"),
    )
)
BY_NAME = {metric.name: metric for metric in METRICS}


def score(gold: Gold, answer: Json, passages: Sequence[Json], text_of: TextOf) -> Scores:
    """Return what one question scores on every metric that has a score a question."""
    return {
        **_by_article(gold, passages),
        **_by_passage(gold, passages),
        **_answer(gold, answer),
        **_citations(gold, answer, text_of),
        "right": _right(gold, answer),
        "answered": float(not answer["abstained"]) if gold.answerable else None,
        "abstained": float(answer["abstained"]) if gold.answerable is False else None,
        "speaker": _speaker(gold, answer),
        **_disagreement(gold, answer),
    }


def _by_article(gold: Gold, passages: Sequence[Json]) -> Scores:
    """Score the distinct articles among the first ten passages, in the order of each one's first passage.

    What a person sees who asks for ten passages; deeper lists would flatter. See `assistant.evaluation.matching` for
    the formulas.
    """
    grades = gold.gold_articles
    ranked = dict.fromkeys(passage["article_id"] for passage in passages[:DEPTH])
    return _ranked("", [grades.get(article, 0.0) for article in ranked], list(grades.values()))


def _by_passage(gold: Gold, passages: Sequence[Json]) -> Scores:
    """Score the first ten passages; what is to be found are the places of the gold spans, each once.

    A passage finds a place when it covers a whole span there. One that finds several counts as that many in a row,
    and one that finds none, or only what an earlier one has found, counts as a miss.
    """
    wanted = list(gold.places)
    gains: list[float] = []
    for passage in passages[:DEPTH]:
        found = [place for place in wanted if _covers_any(passage, place)]
        wanted = [place for place in wanted if place not in found]
        gains += [1.0] * len(found) or [0.0]
    return _ranked("passage_", gains, [1.0] * len(gold.places))


def _covers_any(where: Json, spans: Sequence[Any]) -> bool:
    return any(span.lies_in(where["article_id"], where["start"], where["end"]) for span in spans)


def _ranked(prefix: str, gains: Sequence[float], ideal: Sequence[float]) -> Scores:
    names = [f"{name}@{k}" for name in ("hit", "recall") for k in _CUTS]
    values: Scores = dict.fromkeys((*names, "mrr@10", "ndcg@10"))
    if ideal:
        values |= {f"hit@{k}": hit_at(gains, k) for k in _CUTS}
        values |= {f"recall@{k}": recall_at(gains, len(ideal), k) for k in _CUTS}
        values["mrr@10"] = reciprocal_rank(gains, DEPTH)
        values["ndcg@10"] = ndcg_at(gains, ideal, DEPTH)
    return {prefix + name: value for name, value in values.items()}


def _answer(gold: Gold, answer: Json) -> Scores:
    """SQuAD 2.0's EM and F1 of the bare answer, the best over the accepted ones (Rajpurkar et al. 2018).

    A question that the articles do not answer scores 1 if the answer is an abstention, else 0; an abstention on any
    other scores 0. `contains_gold` is whether the answer's whole text, quotes included, holds an accepted answer.
    """
    if gold.answers is None:
        return {"em": None, "f1": None, "contains_gold": None}
    if not gold.answers:
        return {"em": float(answer["abstained"]), "f1": float(answer["abstained"]), "contains_gold": None}
    if answer["abstained"]:
        return {"em": 0.0, "f1": 0.0, "contains_gold": 0.0}
    given = answer["short_answer"] or ""
    return {
        "em": max(exact_match(given, accepted) for accepted in gold.answers),
        "f1": max(token_f1(given, accepted) for accepted in gold.answers),
        "contains_gold": _contains_accepted(gold, answer["answer"]),
    }


def _contains_accepted(gold: Gold, text: str) -> float:
    return float(any(contains(text, accepted) for accepted in gold.answers or ()))


def is_right(citation: Json, gold: Gold) -> bool:
    """Whether a citation covers a gold span, or stands in a gold article and contains an accepted answer."""
    if _covers_any(citation, gold.spans):
        return True
    return citation["article_id"] in gold.gold_articles and bool(_contains_accepted(gold, citation["quote"]))


def _citations(gold: Gold, answer: Json, text_of: TextOf) -> Scores:
    """Citation precision, recall and verbatim rate.

    Precision is right citations ÷ citations, over the answers that have any (after Gao et al., ALCE, EMNLP 2023, with
    gold evidence in the place of an entailment model). Recall is whether the gold evidence is cited at all: 1 with a
    right citation, 0 without one or with an abstention. Both only where the question says where its answer stands.
    Verbatim is the share of all quotes, the closest passages of an abstention included, that are to the letter what
    the article says at their place.
    """
    judged = bool(gold.answerable and gold.gold_articles)
    right = [is_right(citation, gold) for citation in answer["citations"]]
    quoted = [*answer["citations"], *answer["closest"]]
    exact = [(text_of(c["article_id"]) or "")[c["start"] : c["end"]] == c["quote"] for c in quoted]
    return {
        "citation_precision": sum(right) / len(right) if judged and right else None,
        "citation_recall": float(any(right)) if judged else None,
        "verbatim": sum(exact) / len(exact) if exact else None,
    }


def _right(gold: Gold, answer: Json) -> float | None:
    """1 for an answer that contains an accepted answer or cites rightly, and for abstaining where that is right."""
    if gold.answerable is None:
        return None
    if answer["abstained"] or not gold.answerable:
        return float(answer["abstained"] and not gold.answerable)
    cited = any(is_right(citation, gold) for citation in answer["citations"])
    return float(cited or bool(_contains_accepted(gold, answer["answer"])))


def _speaker(gold: Gold, answer: Json) -> float | None:
    """1 if a claim that the answer rests on, or the bare answer, names the speaker that the question file names.

    A claim does by the words of its speaker, or by the name that they are known to stand for.
    """
    if gold.speaker is None:
        return None
    speakers = [claim["speaker"]["text"] for claim in answer["claims"] if claim["speaker"]]
    resolved = [claim.get("name") for claim in answer["claims"]]
    named = [*speakers, *filter(None, [*resolved, answer["short_answer"]])]
    return float(not answer["abstained"] and any(names(mention, gold.speaker) for mention in named))


def _disagreement(gold: Gold, answer: Json) -> Scores:
    """Whether the answer points out a disagreement, and the share of the conflicting answers that its text holds.

    Only where the question file says that the accepted answers conflict.
    """
    if not gold.conflicting:
        return {"disagreement_shown": None, "disagreement_sides": None}
    sides = [contains(answer["answer"], side) and not answer["abstained"] for side in gold.answers or ()]
    return {
        "disagreement_shown": float(bool(answer["disagreement"])),
        "disagreement_sides": sum(sides) / len(sides) if sides else None,
    }


# ── figures over many questions ─────────────────────────────────────────────────────────────────────────────


def statistics(scored: Sequence[Json]) -> dict[str, Statistic]:
    """Return every metric as a statistic over questions as a run file writes them.

    Those with a score a question are means over the questions that have one. The two F1 are of the decision to answer
    and of the decision to abstain, over a set that holds questions of both kinds. Risk–coverage and
    calibration are over the answers given, an answer being right as in `right`: what an abstention would have said
    cannot be known. Set SAIDSO_ANSWER_THRESHOLD to 0 to see the whole curve.
    """
    found: dict[str, Statistic] = {}
    for metric in METRICS:
        if metric.name in _OVER_ALL:
            found[metric.name] = _OVER_ALL[metric.name](scored)
        else:
            found[metric.name] = Mean.of([entry["scores"].get(metric.name) for entry in scored])
    return found


def _answering(scored: Sequence[Json]) -> Statistic:
    return _decided(scored, answering=True)


def _abstaining(scored: Sequence[Json]) -> Statistic:
    return _decided(scored, answering=False)


def _decided(scored: Sequence[Json], answering: bool) -> Statistic:
    """F1 of a decision; nothing where all questions call for the same one, as there is nothing to tell apart."""
    known = [_answerable(entry) for entry in scored]
    if not {True, False} <= set(known):
        return Mean.of([None] * len(scored))
    wanted = [None if value is None else value == answering for value in known]
    return F1.of(wanted, [entry["answer"]["abstained"] != answering for entry in scored])


def _answerable(entry: Json) -> bool | None:
    return None if entry["answers"] is None else bool(entry["answers"])


def _abstained_at(scored: Sequence[Json]) -> Statistic:
    answerable = [_answerable(entry) for entry in scored]
    confidence = [entry["answer"]["confidence"] for entry in scored]
    return AbstainedAt(np.array(confidence, dtype=np.float64), np.array(answerable, dtype=np.float64))


def risk_area(scored: Sequence[Json]) -> RiskArea:
    """Return the risk–coverage curve of a run's answers."""
    confidence, right = _judged(scored)
    return RiskArea(confidence, 1.0 - right)


def calibration(scored: Sequence[Json]) -> CalibrationError:
    """Return the calibration of a run's answers."""
    return CalibrationError(*_judged(scored))


def _judged(scored: Sequence[Json]) -> tuple[Any, Any]:
    """Return each question's confidence, and whether it was answered rightly (NaN: not answered, or not known)."""
    rights = [None if entry["answer"]["abstained"] else entry["scores"]["right"] for entry in scored]
    confidence = [entry["answer"]["confidence"] for entry in scored]
    return np.array(confidence, dtype=np.float64), np.array(rights, dtype=np.float64)


_OVER_ALL: dict[str, Callable[[Sequence[Json]], Statistic]] = {
    "answered_f1": _answering,
    "abstained_f1": _abstaining,
    "abstained@75": _abstained_at,
    "aurc": risk_area,
    "ece": calibration,
}
