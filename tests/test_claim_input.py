from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from index.claim_input import (
    CAPITAL,
    IN_QUOTATION,
    OPENS_PARAGRAPH,
    OPENS_SENTENCE,
    WINDOW,
    Tokens,
    padded,
    tokenise,
    windows,
)
from index.embedder import bundled_model, open_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return open_tokenizer(bundled_model())


def words_with(tokens: Tokens, text: str, feature: int) -> list[str]:
    return [
        text[start:end]
        for start, end, has in zip(tokens.starts, tokens.ends, tokens.features & feature, strict=True)
        if has
    ]


def test_features_say_what_the_encoder_cannot_see(tokenizer: Tokenizer) -> None:
    text = "It rained. Zakharova said: “It is closed.”\n\nNobody came."
    tokens = tokenise(tokenizer, text)

    assert words_with(tokens, text, CAPITAL) == ["It", "Za", "It", "Nobody"]
    assert words_with(tokens, text, OPENS_SENTENCE) == ["It", "Za", "Nobody"]
    assert words_with(tokens, text, OPENS_PARAGRAPH) == ["It", "Nobody"]
    assert words_with(tokens, text, IN_QUOTATION) == ["“", "It", "is", "closed", ".", "”"]
    assert "".join(text[s:e] for s, e, c in zip(tokens.starts, tokens.ends, tokens.continues, strict=True) if c) in text


@pytest.mark.parametrize("text", ["", " \n\n ", "é", "\0", "x" * 300])
def test_any_text_has_tokens_or_none(tokenizer: Tokenizer, text: str) -> None:
    tokens = tokenise(tokenizer, text)

    assert len(tokens.ids) == len(tokens.starts) == len(tokens.features) == len(tokens.continues)


@settings(deadline=None)
@given(count=st.integers(0, 60), first=st.integers(1, WINDOW), overlap=st.integers(0, 60))
def test_windows_cover_every_token_and_each_is_judged_once(
    tokenizer: Tokenizer, count: int, first: int, overlap: int
) -> None:
    tokens = tokenise(tokenizer, "The mayor, who was late, said that it had rained all day again. " * count)
    own: list[int] = []
    for window in windows(tokens, first, overlap):
        assert 0 < window.end - window.start <= WINDOW
        assert window.start <= window.first <= window.last <= window.end
        own += range(window.first, window.last)

    assert own == list(range(len(tokens)))


def test_a_window_begins_with_a_sentence_where_it_can(tokenizer: Tokenizer) -> None:
    tokens = tokenise(tokenizer, "It rained all day again. " * 100)

    assert all(tokens.features[window.start] & OPENS_SENTENCE for window in windows(tokens))


def test_windows_of_unlike_length_make_one_padded_batch(tokenizer: Tokenizer) -> None:
    short, long = tokenise(tokenizer, "He left."), tokenise(tokenizer, "She said that he left.")
    ids, features, lengths = padded([(short, *windows(short)), (long, *windows(long))])

    assert ids.shape == features.shape == (2, len(long) + 2)
    assert lengths.tolist() == [len(short) + 2, len(long) + 2]
    assert ids[0].tolist() == [101, *short.ids.tolist(), 102, *[0] * (len(long) - len(short))]
