"""A text as the claim network reads it: tokens, what the words alone do not show of them, and windows of both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from index.passages import split_sentences
from index.quotations import quotations

Ids = NDArray[np.int32]

WINDOW = 254
"""Tokens of a window, its [CLS] and [SEP] not counted."""

OVERLAP = 24
"""Tokens that neighbouring windows share: more of them cost time and find nothing more."""

CAPITAL, OPENS_SENTENCE, OPENS_PARAGRAPH, IN_QUOTATION = 1, 2, 4, 8
"""What a token's feature is the sum of."""

_CLS, _SEP = 101, 102
_STEP = 8  # tokens: the processor keeps a program for each length of an input, so that there had better be few


@dataclass(frozen=True)
class Tokens:
    """The tokens of a text, one entry each: id, first character, end, feature, number of its quotation (0 where it
    stands in none), whether it is of a word rather than punctuation, and whether it continues one."""

    ids: Ids
    starts: Ids
    ends: Ids
    features: Ids
    quotations: Ids
    words: NDArray[np.bool_]
    continues: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Window:
    """The tokens `start` to `end` (exclusive), of which those from `first` to `last` (exclusive) are its own to judge:
    a token near an edge is judged by the neighbour that sees more around it."""

    start: int
    end: int
    first: int
    last: int


def tokenise(tokenizer: Tokenizer, text: str) -> Tokens:
    """Return the tokens of a text with their features."""
    encoding = tokenizer.encode(text, add_special_tokens=False)
    offsets = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)
    starts, ends = offsets[:, 0], offsets[:, 1]
    continues = np.array([token.startswith("##") for token in encoding.tokens], dtype=bool)
    quoted = np.zeros(len(starts), dtype=np.int32)
    for number, quotation in enumerate(quotations(text), start=1):
        first, last = np.searchsorted(starts, (quotation.start, quotation.end))
        quoted[first:last] = number
    ids = np.array(encoding.ids, dtype=np.int32)
    words = np.array([text[start].isalnum() for start in starts.tolist()], dtype=bool)
    return Tokens(ids, starts, ends, _features(text, starts, quoted), quoted, words, continues)


def _features(text: str, starts: Ids, quoted: Ids) -> Ids:
    capital = np.array([text[start].isupper() for start in starts.tolist()], dtype=bool)
    sentences = np.array([sentence.start for sentence in split_sentences(text)], dtype=np.int32)
    breaks = np.array([found.start() for found in re.finditer("\n", text)], dtype=np.int32)
    opens_paragraph = np.diff(np.searchsorted(breaks, starts), prepend=-1) > 0
    features: Ids = CAPITAL * capital.astype(np.int32) + OPENS_SENTENCE * np.isin(starts, sentences).astype(np.int32)
    features += OPENS_PARAGRAPH * opens_paragraph.astype(np.int32) + IN_QUOTATION * (quoted > 0).astype(np.int32)
    return features


def windows(tokens: Tokens, first: int = WINDOW, overlap: int = OVERLAP) -> Iterator[Window]:
    """Yield the windows over a text's tokens, each beginning with a sentence where one begins in the overlap.

    `first` is the length of the first one.
    """
    count = len(tokens)
    opens = np.flatnonzero(tokens.features & OPENS_SENTENCE)
    start = own = 0
    end = min(first, count)
    while start < count:
        if end == count:
            yield Window(start, end, own, count)
            return
        following = _next_start(opens, max(end - overlap, start + 1), end)
        until = (following + end) // 2
        yield Window(start, end, own, until)
        start, own, end = following, until, min(following + WINDOW, count)


def _next_start(opens: NDArray[np.intp], lowest: int, end: int) -> int:
    """Return the first sentence start in the earlier half of the overlap, or where the overlap begins."""
    at = int(np.searchsorted(opens, lowest))
    return int(opens[at]) if at < len(opens) and opens[at] <= (lowest + end) // 2 else lowest


def padded(shown: Sequence[tuple[Tokens, Window]]) -> tuple[Ids, Ids, Ids]:
    """Return ids and features, (windows, tokens) with [CLS] and [SEP] around each window, and the lengths.

    Of tokens there are as many as the longest has, and up to seven more.
    """
    lengths = np.array([window.end - window.start + 2 for _, window in shown], dtype=np.int32)
    ids = np.zeros((len(shown), -(-int(lengths.max()) // _STEP) * _STEP), dtype=np.int32)
    features = np.zeros_like(ids)
    for row, (tokens, window) in enumerate(shown):
        length = lengths[row]
        ids[row, 0], ids[row, length - 1] = _CLS, _SEP
        ids[row, 1 : length - 1] = tokens.ids[window.start : window.end]
        features[row, 1 : length - 1] = tokens.features[window.start : window.end]
    return ids, features, lengths
