"""Who said what: the attributions of a text, as exact spans."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from index.claim_finder import Attribution, ClaimFinder
from index.cues import LEADING, stance_of
from index.embedder import bundled_model
from index.passages import Span
from index.quotations import Token, quotations

_WEIGHTS = Path(__file__).with_name("models") / "claims"


@dataclass(frozen=True)
class Piece:
    """Exact words of an article: its characters `start` to `end` (exclusive), which read `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Claim:
    """What a speaker is reported to have said: who, by which cue word, and what, in one or several pieces.

    `stance` is what the cue makes of it: says, claims, denies, confirms, accuses, admits, declines, asks, …
    `direct` is true where all of the content stands in quotation marks, false where none of it does, None where
    some does.
    """

    speaker: Piece | None
    cue: Piece | None
    content: tuple[Piece, ...]
    stance: str
    direct: bool | None

    def within(self, start: int, end: int) -> bool:
        """Whether some of the content stands in the characters `start` to `end` (exclusive)."""
        return any(piece.start < end and start < piece.end for piece in self.content)


@cache
def found_by() -> str:
    """Return what the catalogue remembers of the network that finds claims: its weights' hash."""
    return f"claims@{json.loads((_WEIGHTS / 'config.json').read_text(encoding='utf-8'))['weights_sha256'][:12]}"


@cache
def _finder() -> ClaimFinder:
    return ClaimFinder.load(_WEIGHTS, bundled_model())


def find_claims(text: str) -> list[Claim]:
    """Return who said what in `text`, in order."""
    return next(claims_of([text]))


def claims_of(texts: Sequence[str]) -> Iterator[list[Claim]]:
    """Yield the claims of each text; several texts together are read faster than one at a time."""
    for text, found in zip(texts, _finder().find(texts), strict=True):
        quoted = quotations(text)
        yield [claim for one in found if (claim := made(text, one, quoted)).content]


# Loose at the end of words: all punctuation but the full stop of "U.S." and the bracket that closes one.
_LOOSE_END = re.compile(r"(?:[\s,;:—–-]|(?<!\.\w)\.)+$")
_LOOSE_START = re.compile(r"^[\s,;:.—–-]+")
_THAT = re.compile(r"^that\s+", re.IGNORECASE)


def made(text: str, found: Attribution, quoted: Sequence[Token]) -> Claim:
    """Return an attribution as a claim: no loose punctuation, and quotations whole and without their marks."""
    content: list[Piece] = []
    inside: list[bool | None] = []
    for span in found.content:
        for piece, direct in _content(text, span, quoted):
            content.append(piece)
            inside.append(direct)
    cue = _cue(text, found.cue)
    direct = inside[0] if len(set(inside)) == 1 else None
    return Claim(
        _trimmed(text, found.source) if found.source else None, cue, tuple(content), stance_of(cue.text), direct
    )


def _content(text: str, span: Span, quoted: Sequence[Token]) -> Iterator[tuple[Piece, bool | None]]:
    first = bisect_left(quoted, span.start, key=lambda quotation: quotation.end)
    last = bisect_left(quoted, span.end, key=lambda quotation: quotation.start)
    touched = quoted[first:last]
    rest = _outside(text, span, touched)
    if touched and not any(character.isalnum() for character in rest):
        for quotation in touched:
            inner = quotation.inner or Span(quotation.start, quotation.end)
            start, end = max(span.start, inner.start), min(span.end, inner.end)
            words = text[start:end]
            start += len(words) - len(words.lstrip())
            words = words.strip().rstrip(",")
            if words:
                yield Piece(start, start + len(words), words), True
        return
    piece = _trimmed(text, span)
    that = _THAT.match(piece.text)
    if that:
        piece = _piece(text, piece.start + that.end(), piece.end)
    if piece.text:
        yield piece, None if touched else False


def _outside(text: str, span: Span, touched: Sequence[Token]) -> str:
    at, parts = span.start, []
    for quotation in touched:
        parts.append(text[at : max(at, quotation.start)])
        at = max(at, quotation.end)
    return "".join([*parts, text[at : span.end]])


def _cue(text: str, span: Span) -> Piece:
    piece = _trimmed(text, span)
    words = list(re.finditer(r"\S+", piece.text))
    at = next((at for at, word in enumerate(words) if word.group().casefold() not in LEADING), 0)
    return _piece(text, piece.start + words[at].start(), piece.end) if words else _piece(text, span.start, span.end)


def _trimmed(text: str, span: Span) -> Piece:
    words = text[span.start : span.end]
    opening = _LOOSE_START.match(words)
    start = span.start + (opening.end() if opening else 0)
    closing = _LOOSE_END.search(text[start : span.end])
    return _piece(text, start, start + closing.start() if closing else span.end)


def _piece(text: str, start: int, end: int) -> Piece:
    return Piece(start, end, text[start:end])
