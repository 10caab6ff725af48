"""Question and passage as one input of the reader: token ids, and a segment for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Ids = NDArray[np.int32]

CLS, SEP, MASK = 101, 102, 103
QUESTION_TOKENS = 48
"""Longest question, in tokens; the rest of a longer one is not read."""

QUESTION, PASSAGE, QUESTION_MATCH, PASSAGE_MATCH = range(4)
"""Segments: a token of the question or of the passage, and whether the other text has the same word."""

COMMON_WORDS = 2130
"""BERT's vocabulary is in order of frequency: below this stand punctuation, single characters and function
words, whose being in both texts says nothing."""


@dataclass(frozen=True)
class Pair:
    """`[CLS] question [SEP] passage [SEP]`; the passage's tokens begin at `passage_start`."""

    ids: Ids
    segments: Ids
    passage_start: int


def pair(question: Ids, passage: Ids) -> Pair:
    """One input from the token ids of both texts."""
    ids = np.concatenate([[CLS], question, [SEP], passage, [SEP]]).astype(np.int32)
    start = len(question) + 2
    segments = np.full(len(ids), PASSAGE, dtype=np.int32)
    segments[:start] = QUESTION
    segments[start:-1][np.isin(passage, question) & (passage >= COMMON_WORDS)] = PASSAGE_MATCH
    segments[1 : start - 1][np.isin(question, passage) & (question >= COMMON_WORDS)] = QUESTION_MATCH
    return Pair(ids, segments, start)


def padded(pairs: Sequence[Pair]) -> tuple[Tensor, Tensor, Tensor]:
    """A batch of inputs: ids and segments, (batch, tokens) each, and lengths, (batch,).

    The longest is padded to a multiple of eight, at which the processor's vector units work an eighth faster.
    """
    import torch

    lengths = [len(p.ids) for p in pairs]
    ids = np.zeros((len(pairs), -(-max(lengths) // 8) * 8), dtype=np.int64)
    segments = np.full(ids.shape, PASSAGE, dtype=np.int64)
    for row, (p, length) in enumerate(zip(pairs, lengths, strict=True)):
        ids[row, :length], segments[row, :length] = p.ids, p.segments
    return torch.from_numpy(ids), torch.from_numpy(segments), torch.tensor(lengths)
