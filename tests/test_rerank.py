from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.neural_reader import Reading
from assistant.rerank import reranked
from index.catalogue import Passage
from index.search import Hit

PASSAGE = Passage(
    id=0, article_id="a", start=0, end=4, text="text", title="", source="", published="", day=None, url=""
)


def hits(*scores: float) -> list[Hit]:
    return [Hit(replace(PASSAGE, id=number), score) for number, score in enumerate(scores)]


def says(relevance: float, span: float = 0.0) -> Reading:
    return Reading(0, 4, span, relevance)


def test_of_two_that_fit_alike_the_one_that_answers_goes_first() -> None:
    order = reranked(hits(0.6, 0.6), {0: says(-4.0, -6.0), 1: says(3.0, 5.0)})
    assert [hit.passage.id for hit in order] == [1, 0]
    assert 0 < order[1].score < order[0].score < 1


def test_what_was_not_read_stays_behind_in_its_order() -> None:
    order = reranked(hits(0.9, 0.8, 0.7, 0.6), {0: says(-3.0), 1: says(-5.0)})
    assert [hit.passage.id for hit in order][2:] == [2, 3]
    assert [hit.score for hit in order] == sorted((hit.score for hit in order), reverse=True)


def test_where_nothing_was_read_nothing_changes() -> None:
    assert reranked(hits(0.9, 0.8), {}) == hits(0.9, 0.8)
    assert reranked([], {}) == []


def test_the_worst_fit_is_not_lifted_by_a_sure_span_alone() -> None:
    order = reranked(hits(0.95, 0.05), {0: says(0.0), 1: says(1.0, 6.0)})
    assert order[0].passage.id == 0


@pytest.mark.parametrize("relevance", [-1e4, 1e4])
def test_no_reading_is_too_sure_to_be_ranked(relevance: float) -> None:
    assert 0 <= reranked(hits(0.5), {0: says(relevance)})[0].score <= 1
