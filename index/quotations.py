"""Quotations and words: a sentence as tokens, each quotation being one."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from index.passages import Span

QUOTED = "“”"  # the word that stands for a whole quotation

GAP = re.compile(r"\n\s*\n")
_TOKEN = re.compile(r"\w+(?:[.'’&/-]\w+)*|[^\w\s]")
_MARK = re.compile(r"''|[\"“”„«»‘’']")
_SHORT_YEAR = re.compile(r"\d\ds?\b")
_CLOSERS = {"“": '”"', "„": "“”", "«": "»", '"': '"”', "''": ("''",), "‘": "’", "'": "'’"}


class Token(NamedTuple):
    """A word, a punctuation mark, or a whole quotation with its marks, `inner` being what they enclose."""

    start: int
    end: int
    word: str
    inner: Span | None = None


def units(text: str, sentences: Sequence[Span]) -> Iterator[list[Token]]:
    """Yield the tokens of each sentence, or of several that a quotation or a colon holds together."""
    quoted = quotations(text)
    starts = [quotation.start for quotation in quoted]
    units: list[Span] = []
    for sentence in sentences:
        nearest = bisect_right(starts, sentence.start) - 1
        if units and nearest >= 0 and _joined(text, units[-1], quoted[nearest], sentence):
            units[-1] = Span(units[-1].start, max(units[-1].end, sentence.end))
        else:
            units.append(sentence)
    for unit in units:
        first = max(0, bisect_right(starts, unit.start) - 1)
        if tokens := _tokens(text, unit, quoted[first : bisect_right(starts, unit.end)]):
            yield tokens


def _joined(text: str, unit: Span, quotation: Token, following: Span) -> bool:
    introduced = text[unit.end - 1 : unit.end] == ":" and not text[unit.end : following.start].strip()
    if introduced and quotation.start == following.start:
        return True
    return quotation.start < unit.end and following.start < quotation.end


def quotations(text: str) -> list[Token]:
    """Return the outermost quotations of `text`. One that is not closed ends with its paragraph."""
    gaps = list(GAP.finditer(text))
    starts, ends = [0, *(gap.end() for gap in gaps)], [*(gap.start() for gap in gaps), len(text)]
    return [found for start, end in zip(starts, ends, strict=True) for found in _quotations_within(text, start, end)]


def _quotations_within(text: str, start: int, end: int) -> Iterator[Token]:
    opened: re.Match[str] | None = None
    for mark in _MARK.finditer(text, start, end):
        if opened is None:
            opened = mark if _opens(text, mark) else None
        elif _closes(text, mark, opened.group()):
            yield Token(opened.start(), mark.end(), QUOTED, Span(opened.end(), mark.start()))
            opened = None
    # A single mark that is never closed is an apostrophe.
    if opened is not None and opened.group() not in "‘'":
        yield Token(opened.start(), end, QUOTED, Span(opened.end(), end))


def _opens(text: str, mark: re.Match[str]) -> bool:
    before, after = text[max(0, mark.start() - 1) : mark.start()], text[mark.end() : mark.end() + 1]
    century = mark.group() in "'‘’" and _SHORT_YEAR.match(text, mark.end())  # ’08, ’90s
    return mark.group() in _CLOSERS and bool(after.strip()) and not before.isalnum() and not century


def _closes(text: str, mark: re.Match[str], opening: str) -> bool:
    sign, after = mark.group(), text[mark.end() : mark.end() + 1]
    if sign in _CLOSERS[opening]:
        return not (sign in "'’" and after.isalnum())
    before = text[mark.start() - 1]
    return sign == opening == "“" and not before.isspace() and not after.isalnum()  # “rapists“, a slip


def _tokens(text: str, unit: Span, quotations: Sequence[Token]) -> list[Token]:
    tokens: list[Token] = []
    at = unit.start
    for start, end, word, inner in quotations:
        if inner is not None and start < unit.end and end > unit.start:
            tokens += _words(text, at, start)
            start, at = max(start, unit.start), min(end, unit.end)
            tokens.append(Token(start, at, word, Span(max(inner.start, start), min(inner.end, at))))
    return tokens + _words(text, at, unit.end)


def _words(text: str, start: int, end: int) -> list[Token]:
    return [Token(match.start(), match.end(), match.group()) for match in _TOKEN.finditer(text, start, end)]
