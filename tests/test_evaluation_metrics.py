from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    f1_score,
    label_ranking_average_precision_score,
    ndcg_score,
    recall_score,
    top_k_accuracy_score,
)

from assistant.evaluation.gold import Gold, GoldSpan
from assistant.evaluation.matching import (
    contains,
    exact_match,
    hit_at,
    ndcg_at,
    normalise,
    recall_at,
    reciprocal_rank,
    token_f1,
)
from assistant.evaluation.metrics import BY_NAME, METRICS, score, statistics

TEXT = "The mayor, Ann Lee, said the old bridge was closed on Monday. It reopens in June."


def passage(article: str, start: int = 0, end: int = 50) -> dict[str, Any]:
    return {"article_id": article, "start": start, "end": end}


def citation(article: str, start: int, end: int, quote: str | None = None) -> dict[str, Any]:
    return {**passage(article, start, end), "quote": TEXT[start:end] if quote is None else quote}


def answered(*citations: dict[str, Any], short: str | None = None, **more: Any) -> dict[str, Any]:
    text = "\n".join(f"Ann Lee: “{cited['quote']}” [{n}]" for n, cited in enumerate(citations, start=1))
    fields = {"answer": text, "short_answer": short, "abstained": False, "confidence": 0.8, "citations": citations}
    return {**fields, "closest": [], "claims": [], "disagreement": None, **more}


ABSTAINED = answered(abstained=True, confidence=0.1, answer="The articles do not hold an answer to this question.")


def scores(gold: Gold, answer: dict[str, Any] = ABSTAINED, passages: Any = ()) -> dict[str, float | None]:
    return score(gold, answer, passages, {"a": TEXT}.get)


# ── matching ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("predicted", "accepted", "em", "f1"),
    [
        ("The Bridge.", "bridge", 1.0, 1.0),
        ("Squid Game", "“Squid Game”", 1.0, 1.0),
        ("in the 10th century", "10th and 11th centuries", 0.0, 2 * 1 / (3 + 4)),
        ("ten bombs", "ten", 0.0, 2 / 3),
        ("", "ten", 0.0, 0.0),
        ("the", "a", 1.0, 1.0),
        ("bridge bridge", "bridge", 0.0, 2 / 3),
    ],
)
def test_squads_match_and_f1(predicted: str, accepted: str, em: float, f1: float) -> None:
    assert exact_match(predicted, accepted) == em
    assert token_f1(predicted, accepted) == pytest.approx(f1)


@given(st.text(max_size=40), st.text(max_size=40))
def test_f1_is_symmetric_bounded_and_1_where_the_match_is_exact(one: str, other: str) -> None:
    assert 0 <= token_f1(one, other) == token_f1(other, one) <= 1
    assert exact_match(one, other) <= token_f1(one, other)
    assert normalise(normalise(one)) == normalise(one) or not one.isascii()


@given(
    st.lists(st.sampled_from("ten bombs fell ten".split())), st.lists(st.sampled_from("ten bombs on monday".split()))
)
def test_f1_is_scikit_learns_over_the_words_each_as_often_as_it_occurs(one: list[str], other: list[str]) -> None:
    places = [(word, at) for word in {*one, *other} for at in range(max(one.count(word), other.count(word)))]
    given_, wanted = ([at < side.count(word) for word, at in places] for side in (one, other))
    expected = f1_score(wanted, given_) if one and other else float(one == other)
    assert token_f1(" ".join(one), " ".join(other)) == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("text", "accepted", "expected"),
    [
        ("It was “Ten bombs”, she said.", "ten bombs", True),
        ("tenfold", "ten", False),
        ("They said so. [1]", "1", False),
        ("He came—the Mayor—late", "mayor", True),
        ("what?!", "?!", True),
        ("what", "?!", False),
    ],
)
def test_contains_whole_words_in_a_row(text: str, accepted: str, expected: bool) -> None:
    assert contains(text, accepted) is expected


# ── ranking ─────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0]), min_size=2, max_size=15).filter(any))
def test_ndcg_is_scikit_learns(gains: list[float]) -> None:
    falling = np.arange(len(gains), 0, -1)
    assert ndcg_at(gains, gains, 10) == pytest.approx(float(ndcg_score([gains], [falling], k=10)))


@given(st.lists(st.booleans(), min_size=11, max_size=15).filter(any), st.sampled_from([1, 4, 10]))
def test_hit_recall_and_rank_are_scikit_learns(found: list[bool], k: int) -> None:
    gains, falling = [float(value) for value in found], np.arange(len(found), 0, -1)
    assert recall_at(gains, sum(found), k) == recall_score(found, [at < k for at in range(len(found))])
    first = np.eye(len(found))[found.index(True)]  # what hit and reciprocal rank look at; nothing else counts
    rank = label_ranking_average_precision_score([first], [falling])
    assert reciprocal_rank(gains, k) == pytest.approx(rank if round(1 / rank) <= k else 0.0)
    labels = range(len(found))
    assert hit_at(gains, k) == top_k_accuracy_score([found.index(True)], [falling], k=k, labels=labels)


def test_articles_count_once_in_the_order_of_their_first_passage() -> None:
    found = scores(Gold("1", "Who?", articles=("b", "c")), passages=[passage(a) for a in "aaab"])
    assert found["hit@1"] == 0
    assert found["hit@4"] == 1
    assert found["mrr@10"] == 1 / 2
    assert [found[f"recall@{k}"] for k in (1, 4, 10)] == [0, 1 / 2, 1 / 2]
    assert found["ndcg@10"] == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    assert found["passage_mrr@10"] is None, "no span is known"


def test_a_passage_must_cover_a_whole_span() -> None:
    gold = Gold("1", "Who?", spans=(GoldSpan("a", 20, 60),))
    found = scores(
        gold, passages=[passage("b", 0, 99), passage("a", 0, 59), passage("a", 10, 60), passage("a", 20, 60)]
    )
    assert found["mrr@10"] == 1 / 2, "a span's article is a gold article"
    assert found["passage_mrr@10"] == 1 / 3
    assert found["passage_recall@10"] == 1.0
    assert found["passage_ndcg@10"] == pytest.approx(1 / math.log2(4))


def test_overlapping_spans_are_one_place_and_two_places_covered_at_once_are_perfect() -> None:
    spans = (GoldSpan("a", 20, 30), GoldSpan("a", 25, 28), GoldSpan("a", 40, 45), GoldSpan("b", 0, 5))
    gold = Gold("1", "Who?", spans=spans)
    assert [len(place) for place in gold.places] == [2, 1, 1]
    found = scores(gold, passages=[passage("a", 0, 50), passage("b", 0, 50)])
    assert found["passage_ndcg@10"] == found["passage_recall@10"] == found["passage_hit@1"] == 1.0
    half = scores(gold, passages=[passage("a", 25, 28)])
    assert half["passage_recall@10"] == 1 / 3


def test_graded_articles() -> None:
    gold = Gold("1", "Who?", articles=("a", "b"), grades={"a": 1.0, "b": 3.0})
    found = scores(gold, passages=[passage("a"), passage("b")])
    assert found["ndcg@10"] == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))


# ── answers, citations, abstention ──────────────────────────────────────────────────────────────────────────

START = TEXT.index("Monday")
GOLD = Gold("1", "When?", answers=("Monday", "on Monday"), articles=("a",), spans=(GoldSpan("a", START, START + 6),))
NOWHERE = Gold("2", "Why?", answers=())


def test_the_best_reference_counts() -> None:
    found = scores(GOLD, answered(citation("a", 0, 62), short="on Monday"))
    assert found["em"] == found["f1"] == found["contains_gold"] == found["right"] == 1.0


def test_an_abstention_is_wrong_where_there_is_an_answer_and_right_where_there_is_none() -> None:
    held, absent = scores(GOLD), scores(NOWHERE)
    assert [held[name] for name in ("em", "f1", "contains_gold", "right", "citation_recall", "answered")] == [0.0] * 6
    assert held["citation_precision"] is None and held["abstained"] is None
    assert [absent[name] for name in ("em", "f1", "right", "abstained")] == [1.0] * 4
    assert absent["answered"] is None and absent["contains_gold"] is None
    given_anyway = scores(NOWHERE, answered(citation("a", 0, 62), short="Monday"))
    assert [given_anyway[name] for name in ("em", "f1", "right", "abstained")] == [0.0] * 4


def test_an_unknown_answer_scores_search_only() -> None:
    found = scores(Gold("1", "Who?", articles=("a",)), passages=[passage("a")])
    known = {name for name, value in found.items() if value is not None}
    assert known == {f"{name}@{k}" for name in ("hit", "recall") for k in (1, 4, 10)} | {"mrr@10", "ndcg@10"}


def test_citations() -> None:
    covering, elsewhere = citation("a", 0, 62), citation("a", 63, 80)
    saying = citation("b", 0, 9, quote="On Monday")
    found = scores(GOLD, answered(covering, elsewhere, saying))
    assert found["citation_precision"] == 1 / 3, "b says the same but is no gold article"
    assert found["citation_recall"] == 1.0
    assert found["verbatim"] == 2 / 3, "no article b is there to have said it"
    without_spans = Gold("1", "When?", answers=("Monday",), articles=("a", "b"))
    assert scores(without_spans, answered(covering, elsewhere, saying))["citation_precision"] == 2 / 3


def test_a_quote_that_is_not_to_the_letter_is_noticed() -> None:
    assert scores(GOLD, answered(citation("a", 0, 62, quote=TEXT[0:61] + "!")))["verbatim"] == 0.0
    assert scores(GOLD, {**ABSTAINED, "closest": [citation("a", 0, 62)]})["verbatim"] == 1.0


def test_the_speaker() -> None:
    gold = Gold("1", "Who closed it?", answers=("Ann Lee",), speaker="Ann Lee")
    claim = {"speaker": {"start": 0, "end": 18, "text": "The mayor, Ann Lee"}}
    assert scores(gold, answered(citation("a", 0, 62), claims=[claim]))["speaker"] == 1.0
    assert scores(gold, answered(citation("a", 0, 62), claims=[{"speaker": None}]))["speaker"] == 0.0
    resolved = {"speaker": {"start": 0, "end": 2, "text": "He"}, "name": "Ann Lee, the mayor"}
    assert scores(gold, answered(citation("a", 0, 62), claims=[resolved]))["speaker"] == 1.0
    assert scores(gold, answered(citation("a", 0, 62), short="Lee"))["speaker"] == 1.0
    assert scores(gold)["speaker"] == 0.0
    assert scores(GOLD)["speaker"] is None


def test_disagreement_only_where_answers_conflict() -> None:
    gold = Gold("1", "When?", answers=("Monday", "Tuesday"), conflicting=True)
    one_side = scores(gold, answered(citation("a", 0, 62)))
    assert (one_side["disagreement_shown"], one_side["disagreement_sides"]) == (0.0, 0.5)
    assert scores(gold, answered(citation("a", 0, 62), disagreement={"on": "the day"}))["disagreement_shown"] == 1.0
    assert scores(GOLD)["disagreement_shown"] is None


def test_every_metric_has_a_statistic_and_every_score_a_metric() -> None:
    assert set(scores(GOLD)) | {"answered_f1", "abstained_f1", "abstained@75", "aurc", "ece"} == set(BY_NAME)
    assert list(statistics([])) == [metric.name for metric in METRICS]


def test_f1_of_deciding_needs_questions_of_both_kinds() -> None:
    def entry(answers: list[str] | None, abstained: bool) -> dict[str, Any]:
        return {"answers": answers, "answer": {"abstained": abstained, "confidence": 0.5}, "scores": {"right": None}}

    held = [entry(["x"], False), entry(["x"], False), entry(["x"], True)]
    assert statistics(held)["answered_f1"].count == statistics(held)["abstained_f1"].count == 0
    mixed = statistics([*held, entry([], True), entry(None, False)])
    assert mixed["answered_f1"].under(np.ones((1, 5)))[0] == pytest.approx(2 * 2 / (2 * 2 + 0 + 1))
    assert mixed["abstained_f1"].under(np.ones((1, 5)))[0] == pytest.approx(2 * 1 / (2 * 1 + 1 + 0))
