from __future__ import annotations

from pathlib import Path

import pytest

from index.filters import Filters
from index.keywords import Entry, KeywordIndex


@pytest.fixture
def words(tmp_path: Path) -> KeywordIndex:
    index = KeywordIndex.open(tmp_path / "keywords")
    index.update(
        [
            Entry("1", "The Pentagon denied striking the mosque.", "X", 20170316),
            Entry("2", "The Observatory counted 42 deaths at the mosque.", "Y", 20170317),
            Entry("3", "Bread prices rose in Cairo.", "X", None),
        ],
        [],
    )
    return index


def keys(hits: list[tuple[str, float]]) -> list[str]:
    return [key for key, _ in hits]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who struck the mosque? strikes", ["1", "2"]),  # stems: strikes ~ striking
        ("bread", ["3"]),
        ("what is the", []),
        ("", []),
        ("zebra", []),
    ],
)
def test_words_find_their_texts(words: KeywordIndex, question: str, expected: list[str]) -> None:
    assert keys(words.search(question, 10)) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(sources=("Y",)), ["2"]),
        (Filters(sources=("X", "Y")), ["1", "2"]),
        (Filters(since=20170317), ["2"]),
        (Filters(until=20170316), ["1"]),
        (Filters(since=20170316, until=20170317), ["1", "2"]),
        (Filters(sources=("Z",)), []),
    ],
)
def test_filters_restrict_and_leave_scores_alone(words: KeywordIndex, filters: Filters, expected: list[str]) -> None:
    unfiltered = dict(words.search("mosque", 10))
    found = words.search("mosque", 10, filters)
    assert sorted(keys(found)) == expected
    assert all(score == pytest.approx(unfiltered[key]) for key, score in found)


def test_updating_replaces_and_removes(words: KeywordIndex) -> None:
    words.update([Entry("1", "A new text about bread.", "X", None)], ["2"])
    assert keys(words.search("mosque", 10)) == []
    assert sorted(keys(words.search("bread", 10))) == ["1", "3"]
    assert words.count() == 2


def test_it_is_there_after_reopening(words: KeywordIndex, tmp_path: Path) -> None:
    assert keys(KeywordIndex.open(tmp_path / "keywords").search("bread", 10)) == ["3"]


def test_rare_words_weigh_more(words: KeywordIndex) -> None:
    weights = words.weights("What did the Observatory say about the mosque and the zebra?")
    assert weights["zebra"] > weights["observatori"] > weights["mosqu"] > 0
    assert "what" not in weights


@pytest.mark.parametrize("question", ["What did the UN say?", "the U.N. commission"])
def test_acronyms_are_found_in_either_spelling(tmp_path: Path, question: str) -> None:
    index = KeywordIndex.open(tmp_path / "other")
    index.update([Entry("dots", "The U.N. panel met.", "", None), Entry("none", "UN envoys met.", "", None)], [])
    assert sorted(keys(index.search(question, 10))) == ["dots", "none"]


def test_a_pasted_book_is_no_query_of_a_million_terms(words: KeywordIndex) -> None:
    assert len(words.query_terms(" ".join(f"word{n}" for n in range(10_000)))) == 64


def test_words_that_stand_together_as_asked_count_for_more(tmp_path: Path) -> None:
    index = KeywordIndex.open(tmp_path)
    apart = "The bridge was closed while the harbour commission met in the old town hall with the mayor."
    together = "The mayor met the harbour commission in the old town hall while the bridge there was closed."
    index.update([Entry("apart", apart, "", None), Entry("together", together, "", None)], [])
    (best, score), (_, other) = index.search("the mayor met", 2)
    assert best == "together" and score > other


def test_words_of_the_lead_count_for_more(tmp_path: Path) -> None:
    index = KeywordIndex.open(tmp_path)
    text = "The harbour is closed. The bridge is open."
    index.update([Entry("1", text, "", None, "The bridge"), Entry("2", text, "", None, "The harbour")], [])
    assert keys(index.search("harbour", 2)) == ["2", "1"]
    assert keys(index.search("bridge", 2)) == ["1", "2"]
