"""Quotations as what is said: whole, and with the one whose tag stands beside them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace

from index.claim_finder import Attribution
from index.cues import verbs_of
from index.passages import Span
from index.quotations import GAP, Token

_STANCES = "says replies claims explains asks announces warns reports recalls admits confirms insists denies".split()
_LOUD = "cried chanted shouted yelled exclaimed quipped whispered muttered screamed interjected".split()
_SAYING = rf"(?:(?:also|later|then)\s+)?(?P<cue>(?:{'|'.join([*verbs_of(_STANCES), *_LOUD])}|went on|goes on)\b)"
_SOMEONE = (
    r"(?P<source>(?:[Tt]he|[Aa]n?|[Oo]ne|[Ss]ome)\s+(?:[\w’'-]+\s+){0,3}?[\w’'-]+|[Hh]e|[Ss]he|[Tt]hey"
    r"|(?:[A-Z][\w.’'-]*\s+){0,6}?[A-Z][\w’'-]*)"
)
_APPOSITION = r"(?:, [^,;:“”\"\n.]{2,80},)?"
_TAGS_AFTER = (  # “…,” the crowd shouted; “…,” said Ortiz
    re.compile(rf"\s*{_SOMEONE}{_APPOSITION}\s+{_SAYING}"),
    re.compile(rf"\s*{_SAYING}\s+{_SOMEONE}"),
)
_TAG_BEFORE = re.compile(  # Ortiz went on: “…”
    rf"(?:^|[.!?”\"]\s+|\n){_SOMEONE}\s+{_SAYING}(?:\s+(?:in|on|at|to)\s[^.,;:“”\"\n]{{2,60}})?\s*[,:]\s*$"
)
_LONGEST_TAG = 160
_ONLY_A_CUE = re.compile(r"[a-z]+[,:]?\s*")
_SENTENCE_END = re.compile(r"(?:^|[.!?:”\"’'…\n])\s*$")


def with_quotations(text: str, found: Sequence[Attribution], quoted: Sequence[Token]) -> list[Attribution]:
    """Return the attributions with their quotations as they stand, and those that tags give to the rest."""
    if not quoted:
        return list(found)
    whole = [replace(one, content=tuple(_whole(one, quoted))) for one in found]
    cues = sorted(one.cue.start for one in found)
    kept = [_own(text, one, quoted, cues) for one in whole]
    kept = [*kept, *_parted(text, whole, kept, quoted)]
    return [*kept, *_tagged(text, kept, quoted)]


def touched(quoted: Sequence[Token], span: Span) -> Sequence[Token]:
    """Return the quotations of which some stands in `span`."""
    first = bisect_left(quoted, span.start + 1, key=lambda quotation: quotation.end)
    return quoted[first : bisect_left(quoted, span.end, key=lambda quotation: quotation.start)]


def _whole(one: Attribution, quoted: Sequence[Token]) -> list[Span]:
    """Return the content with each quotation whole that it begins with or has half of, unless the cue stands in it."""
    whole: list[Span] = []
    for span in one.content:
        start, end = span.start, span.end
        for quotation in touched(quoted, span):
            covered = min(span.end, quotation.end) - max(span.start, quotation.start)
            mostly = covered * 2 >= quotation.end - quotation.start or span.start <= quotation.start + 1
            mostly = mostly or span.end >= quotation.end - 1  # the beginning was too far from the cue to be seen
            if mostly and not quotation.start < one.cue.start < quotation.end:
                start, end = min(start, quotation.start), max(end, quotation.end)
        if whole and start <= whole[-1].end:
            start, end = whole[-1].start, max(end, whole.pop().end)
        whole.append(Span(start, end))
    return whole


def _own(text: str, one: Attribution, quoted: Sequence[Token], cues: Sequence[int]) -> Attribution:
    """Leave out quotations of another paragraph, and those right after another's cue, if anything is left then."""
    kept = tuple(span for span in one.content if not _is_beyond(text, one, span, quoted))
    kept = tuple(span for span in kept if not _is_anothers(text, one, span, quoted, cues)) or kept
    return replace(one, content=kept or one.content)


def _parted(
    text: str, whole: Sequence[Attribution], kept: Sequence[Attribution], quoted: Sequence[Token]
) -> Iterator[Attribution]:
    """Yield the quotations of another paragraph that were left out, and are nobody else's, as said by the same."""
    for one, own in zip(whole, kept, strict=True):
        out = [span for span in one.content if span not in own.content and _is_beyond(text, one, span, quoted)]
        alone = tuple(span for span in out if not _overlaps(span, kept))
        if alone:
            yield replace(one, content=alone)


def _begins(span: Span, quoted: Sequence[Token]) -> bool:
    inside = touched(quoted, span)
    return bool(inside) and inside[0].start <= span.start + 1


def _is_beyond(text: str, one: Attribution, span: Span, quoted: Sequence[Token]) -> bool:
    """Whether content that begins with a quotation stands in another paragraph than the cue."""
    between = sorted((one.cue.start, span.start))
    return _begins(span, quoted) and GAP.search(text, *between) is not None


def _is_anothers(text: str, one: Attribution, span: Span, quoted: Sequence[Token], cues: Sequence[int]) -> bool:
    """Whether content begins with a quotation right after a cue that is not its own: “…,” she said, adding, “…”."""
    before = bisect_left(cues, span.start) - 1
    if before < 0 or cues[before] <= one.cue.start or not _begins(span, quoted):
        return False
    return _ONLY_A_CUE.fullmatch(text, cues[before], touched(quoted, span)[0].start) is not None


def _overlaps(span: Span, attributions: Sequence[Attribution]) -> bool:
    return any(own.start < span.end and span.start < own.end for one in attributions for own in one.content)


def _tagged(text: str, found: Sequence[Attribution], quoted: Sequence[Token]) -> Iterator[Attribution]:
    """Yield each quotation that is nobody's, and stands as a sentence, with the tag beside it."""
    taken = [False] * len(quoted)
    for one in found:
        for span in one.content:
            inside = touched(quoted, span)
            if inside:
                first = bisect_left(quoted, inside[0].start, key=lambda quotation: quotation.start)
                taken[first : first + len(inside)] = [True] * len(inside)
    for quotation, is_taken in zip(quoted, taken, strict=True):
        tag = None if is_taken else _tag(text, quotation)
        if tag:
            content = (Span(quotation.start, quotation.end),)
            yield Attribution(0.0, Span(*tag.span("source")), Span(*tag.span("cue")), content)


def _tag(text: str, quotation: Token) -> re.Match[str] | None:
    inner = quotation.inner
    start = max(0, quotation.start - _LONGEST_TAG)
    ends_open = inner is not None and text[inner.end - 1 : inner.end] in ",?!"
    if ends_open and _SENTENCE_END.search(text, start, quotation.start):
        tags = (tag.match(text, quotation.end) for tag in _TAGS_AFTER)
        return next((tag for tag in tags if tag), None)
    return _TAG_BEFORE.search(text, start, quotation.start)
