"""The trained reader: for a question and passages, where each answers it and how surely.

`Reading.span_score` is how much likelier the best span is than "not here", `Reading.relevance` how likely the
passage answers the question at all; both are log-odds, comparable between passages and, calibrated, between
questions. torch is imported when a reader is loaded, not before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from assistant.reader_input import QUESTION_TOKENS, Ids, Pair, padded, pair
from index.batches import cores, side_by_side
from index.embedder import open_tokenizer

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

    from assistant.reader_network import ReaderNetwork

LONGEST_INPUT = 192
"""Longest input, in tokens and question included, that is read at once."""

WINDOW_TOKENS = 128
"""What a text that does not fit is read in: the middle of the lengths trained on, which found more answers in
whole articles than longer windows did (F1 +2 to +4 on NewsQA's `dev` part, at two points of the training)."""

WINDOW_OVERLAP = 48
"""Tokens that two windows over one text share, so that most answers stand whole in one of them."""

ANSWER_TOKENS = 40
"""Longest answer."""

TOGETHER = 16
"""Most windows read in one forward pass; neighbours in length, so that little is padded."""


@dataclass(frozen=True)
class Reading:
    """What one passage says: its best answer in characters, and log-odds that it is one and that there is
    one."""

    start: int
    end: int
    span_score: float
    relevance: float


class PassageReader(Protocol):
    """Anything that finds the likeliest answer in passages: this module's network, or a model of `hf_reader`."""

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """The best answer in each passage, in the order given."""
        ...


@dataclass(frozen=True)
class Window:
    """A stretch of a passage as the network reads it: its input, each token's characters and paragraph."""

    passage: int
    pair: Pair
    offsets: Sequence[tuple[int, int]]
    paragraphs: Ids


@dataclass(frozen=True)
class NeuralReader:
    """A reader network with its tokenizer; make one with `load`."""

    network: ReaderNetwork
    tokenizer: Tokenizer
    dtype: torch.dtype
    relevance_weight: float = 1.0

    @classmethod
    def load(cls, folder: Path, encoder_folder: Path, dtype: torch.dtype | None = None) -> NeuralReader:
        """The reader in `folder`, over the sentence encoder in `encoder_folder`.

        Without a `dtype`, it computes in bfloat16 where the processor has instructions for it, else in
        float32."""
        from assistant.reader_network import load_network
        from index.encoder import fast_dtype

        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        network = load_network(folder / "reader.safetensors", encoder_folder)
        return cls.over(network, encoder_folder, dtype or fast_dtype(), config["relevance_weight"])

    @classmethod
    def over(
        cls, network: ReaderNetwork, encoder_folder: Path, dtype: torch.dtype, relevance_weight: float = 1.0
    ) -> NeuralReader:
        """A reader over a network that is already in memory."""
        network.layers.to(dtype)
        return cls(network, open_tokenizer(encoder_folder), dtype, relevance_weight)

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """The best answer in each passage, in the order given; a long passage is read in overlapping
        windows."""
        windows = list(self.windows(question, passages))
        readings = self.read_windows(windows)
        best: list[Reading | None] = [None] * len(passages)
        for window, reading in zip(windows, readings, strict=True):
            before = best[window.passage]
            if before is None or self.score(reading) > self.score(before):
                best[window.passage] = reading
        return [reading or NOTHING for reading in best]

    def score(self, reading: Reading) -> float:
        """One number to rank answers by, over passages of one question."""
        return reading.span_score + self.relevance_weight * reading.relevance

    def windows(self, question: str, passages: Sequence[str]) -> Iterator[Window]:
        """Every passage in stretches that fit the network; one without a single token has none."""
        asked = np.array(
            self.tokenizer.encode(question, add_special_tokens=False).ids[:QUESTION_TOKENS], dtype=np.int32
        )
        around = 3 + len(asked)
        encodings = self.tokenizer.encode_batch(list(passages), add_special_tokens=False)
        for n, (text, encoding) in enumerate(zip(passages, encodings, strict=True)):
            ids, paragraphs = (
                np.array(encoding.ids, dtype=np.int32),
                paragraph_numbers(text, encoding.offsets),
            )
            room = (LONGEST_INPUT if len(ids) + around <= LONGEST_INPUT else WINDOW_TOKENS) - around
            for start in window_starts(len(ids), room):
                part = slice(start, start + room)
                yield Window(n, pair(asked, ids[part]), encoding.offsets[part], paragraphs[part])

    def read_windows(self, windows: Sequence[Window]) -> list[Reading]:
        """The best answer in each window."""
        order = sorted(range(len(windows)), key=lambda n: len(windows[n].pair.ids))
        together = min(TOGETHER, -(-len(order) // cores()) or 1)
        groups = [order[first : first + together] for first in range(0, len(order), together)]
        read = side_by_side(self.forward, [[windows[n] for n in group] for group in groups])
        readings = {
            n: one for group, ones in zip(groups, read, strict=True) for n, one in zip(group, ones, strict=True)
        }
        return [readings[n] for n in range(len(windows))]

    def forward(self, windows: Sequence[Window]) -> list[Reading]:
        """One padded pass over some windows."""
        import torch

        ids, segments, lengths = padded([w.pair for w in windows])
        with torch.inference_mode():
            logits = self.network(ids, segments, lengths, self.dtype).numpy()
        return [reading(w, one) for w, one in zip(windows, logits, strict=True)]


NOTHING = Reading(0, 0, -100.0, -100.0)
"""The reading of a passage without a token."""


def window_starts(tokens: int, room: int) -> Iterator[int]:
    """Where windows of `room` tokens begin, over `tokens`; the last ends with the text."""
    step = max(1, room - WINDOW_OVERLAP)
    for start in range(0, max(0, tokens - room) + step, step):
        if tokens:
            yield min(start, max(0, tokens - room))


def paragraph_numbers(text: str, offsets: Sequence[tuple[int, int]]) -> Ids:
    """For each token the number of its paragraph: how many line breaks' gaps lie before it."""
    breaks = ["\n" in text[before[1] : after[0]] for before, after in pairwise(offsets)]
    return np.cumsum([0, *breaks], dtype=np.int32)[: len(offsets)]


def reading(window: Window, logits: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> Reading:
    """The best span of a window from its (tokens, 3) logits, over "not here"."""
    inside = slice(window.pair.passage_start, window.pair.passage_start + len(window.offsets))
    start, end, score = best_span(logits[inside, 0], logits[inside, 1], window.paragraphs)
    nothing = float(logits[0, 0] + logits[0, 1])
    return Reading(window.offsets[start][0], window.offsets[end][1], score - nothing, float(logits[0, 2]))


def best_span(starts: np.ndarray[Any, Any], ends: np.ndarray[Any, Any], paragraphs: Ids) -> tuple[int, int, float]:
    """First token, last token and score of the span with the highest sum of start and end logits.

    All arguments are (tokens,); a span is no longer than `ANSWER_TOKENS` and stays in one paragraph."""
    count = len(starts)
    sums = starts[:, None] + ends[None, :]
    width = np.arange(count)[None, :] - np.arange(count)[:, None]
    apart = paragraphs[:, None] != paragraphs[None, :]
    sums[(width < 0) | (width >= ANSWER_TOKENS) | apart] = -np.inf
    start, end = divmod(int(sums.argmax()), count)
    return start, end, float(sums[start, end])
