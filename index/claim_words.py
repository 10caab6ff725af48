"""Exact words of an article: pieces of its text, without loose punctuation at their ends."""

from __future__ import annotations

import re
from dataclasses import dataclass

from index.passages import Span

# Loose at the end of words: all punctuation but the full stop of "U.S." and the bracket that closes one.
_LOOSE_END = re.compile(r"(?:[\s,;:—–-]|(?<!\.\w)\.)+$")
_LOOSE_START = re.compile(r"^[\s,;:.—–-]+")
_ABBREVIATION = re.compile(r"\b[A-Z]\.(?:[A-Z]\.)+")


@dataclass(frozen=True)
class Piece:
    """Exact words of an article: its characters `start` to `end` (exclusive), which read `text`."""

    start: int
    end: int
    text: str

    def moved(self, by: int) -> Piece:
        """Return the same words, `by` characters further on."""
        return Piece(self.start + by, self.end + by, self.text)


def trimmed(text: str, span: Span) -> Piece:
    """Return the words of a span without punctuation around them, abbreviations whole."""
    span = _whole_words(text, span)
    words = text[span.start : span.end]
    opening = _LOOSE_START.match(words)
    start = span.start + (opening.end() if opening else 0)
    closing = _LOOSE_END.search(text[start : span.end])
    return piece_of(text, start, start + closing.start() if closing else span.end)


def _whole_words(text: str, span: Span) -> Span:
    """Return a span with the whole of the abbreviations that it begins or ends in: “U.S.”, not “S.”."""
    start, end = span.start, span.end
    for found in _ABBREVIATION.finditer(text, max(0, start - 12), min(len(text), end + 12)):
        if found.start() < start < found.end():
            start = found.start()
        if found.start() < end < found.end():
            end = found.end()
    return Span(start, end)


def piece_of(text: str, start: int, end: int) -> Piece:
    """Return the characters `start` to `end` (exclusive) of a text."""
    return Piece(start, end, text[start:end])
