from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.embedder import Embedder
from index.passages import Span, split_passages, split_sentences

PIECES = (
    "The | U.S. | Capt. | Jeff | said | “We | struck | it.” | it”, | he | No. | 5 | a.m. | ? | ! | ... | Really?” | "
    "\n\n | \n | 3.5 | (sic) | Inc. | So | é | 漢字 | " + "x" * 120
)
NEWS_TEXT = st.lists(st.sampled_from(PIECES.split(" | ")), max_size=80).map(" ".join)


def sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in split_sentences(text)]


def word_starts(text: str) -> list[int]:
    return [match.start() for match in re.finditer(r"\S+", text)]


@pytest.mark.parametrize(
    "text",
    [
        "Capt. Jeff Davis, a Pentagon spokesman, spoke.",
        "A statement from the U.S. Central Command said so.",
        "“We struck it”, he said.",
        "“Is it over?” Woods asked.",
        "“Stop!” he shouted.",
        "It rose 3.5 percent, to No. 5 in the table, at 7 p.m. local time.",
        "Col. John J. Thomas of U.S. Central Command denied it.",
        "Brig. Gen. Paul Bontrager spoke.",
        "He paused … and went on.",
        "Apple Inc. shares fell.",
    ],
)
def test_one_sentence_stays_whole(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It fell. It rose.", ["It fell.", "It rose."]),
        ("In its denial, the U.S. He said so.", ["In its denial, the U.S.", "He said so."]),
        ("“It was ours.” The mosque stands.", ["“It was ours.”", "The mosque stands."]),
        ("“We struck it. It was ours.”", ["“We struck it.", "It was ours.”"]),
        ("A headline\n\nA first sentence.", ["A headline", "A first sentence."]),
        ("They met at 7 p.m. The talks failed.", ["They met at 7 p.m.", "The talks failed."]),
        ("Who was hit? Nobody knows.", ["Who was hit?", "Nobody knows."]),
        ("“It was (sic) so.”) Then it ended.", ["“It was (sic) so.”)", "Then it ended."]),
        ('She said "go." They went.', ['She said "go."', "They went."]),
        ("", []),
        (" \n\n ", []),
    ],
)
def test_sentences_end_where_they_end(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.one_of(st.text(), NEWS_TEXT))
def test_every_character_is_in_exactly_one_sentence(text: str) -> None:
    spans = split_sentences(text)
    assert all(one.end <= two.start for one, two in pairwise(spans))
    kept = "".join(text[span.start : span.end] for span in spans)
    assert "".join(kept.split()) == "".join(text.split())
    assert all(text[span.start : span.end].strip() == text[span.start : span.end] != "" for span in spans)


@given(NEWS_TEXT, st.integers(3, 30), st.integers(0, 2))
def test_passages_hold_all_of_the_text_within_the_limit(text: str, limit: int, overlap: int) -> None:
    spans = split_passages(text, word_starts, limit, overlap)
    covered = {at for span in spans for at in range(span.start, span.end)}
    assert all(at in covered for at, character in enumerate(text) if not character.isspace())
    assert all(len(word_starts(text[span.start : span.end])) <= limit for span in spans)
    assert all(one.start < two.start and one.end < two.end for one, two in pairwise(spans))


def test_neighbouring_passages_share_a_sentence() -> None:
    text = "One two three. Four five six. Seven eight nine."
    assert split_passages(text, word_starts, 6, overlap=1) == [Span(0, 29), Span(15, 47)]


def test_a_sentence_longer_than_a_passage_is_cut_between_words() -> None:
    text = "word " * 50
    spans = split_passages(text, word_starts, 20, overlap=1)
    assert [text[span.start : span.end].count("word") for span in spans] == [20, 20, 10]


@settings(deadline=None, max_examples=60)
@given(text=st.one_of(st.text(), NEWS_TEXT))
def test_no_passage_is_longer_than_the_model_reads(embedder: Embedder, text: str) -> None:
    for span in split_passages(text, embedder.token_starts, 16, 1):
        assert len(embedder.token_starts(text[span.start : span.end])) <= 16


def test_the_embedder_counts_beyond_the_stored_truncation(embedder: Embedder) -> None:
    assert len(embedder.token_starts("word " * 5000)) == 5000
    assert embedder.max_tokens == 254
