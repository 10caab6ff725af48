"""Sentences, and the passages that are made of them: exact spans of an article's text, nothing left out."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

# Terminal punctuation, then closing quotation marks or brackets, then white space: a sentence may end here. (Looking
# behind and never giving back keeps a line of a million dots linear.)
_CANDIDATE = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s)")
_PARAGRAPH_GAP = re.compile(r"\n[^\S\n]*\n\s*")
_LAST_WORD = re.compile(r"([^\W\d_][\w.&'’-]*)$")
_NEXT_WORD = re.compile(r"\s*[\"'“‘«(\[]*\s*([\w'’-]+)")
_QUOTE_IN_CLOSERS = re.compile(r"[\"'”’»]")

# A title is always followed by a name, so its full stop never ends a sentence.
TITLES = frozenset(
    "mr mrs ms messrs dr prof capt col gen lt sgt maj brig adm cmdr cpl pvt cpt pte sen rep gov pres rev hon fr "
    "st mt supt insp det sec amb pfc spc vs v no nos fig art".split()
)
# These end a sentence only when what follows can hardly be anything but the start of another.
_ABBREVIATIONS = frozenset(
    "inc corp co ltd llc plc bros jr sr ph.d m.d b.a m.a etc al jan feb mar apr jun jul aug sep sept oct nov dec "
    "mon tue tues wed thu thur thurs fri sat sun a.m p.m e.g i.e approx est dept univ assn ave blvd rd ft cf "
    "calif mass pa fla ala ariz ark colo conn del ga ill ind kan ky la md mich minn miss mo mont neb nev okla ore "
    "tenn tex vt va wash wis wyo ct minn".split()
)
STARTERS = frozenset(
    "a an the this that these those he she it they we i you his her its their our my there here in on at by for "
    "from with after before when while if but and or so yet as although though because since then thus however "
    "meanwhile what who why how where which is are was were not no yes both some many most all one two".split()
)
_SPEECH = (
    r"(?:said|says|say|asked|asks|told|added|adds|wrote|writes|replied|shouted|cried|explained|continued|recalled|"
    r"warned|insisted|noted|declared|joked|quipped|tweeted|concluded|recalls|wondered)"
)
# “Is it over?” Woods asked.  —  the words after the quotation belong to it.
_TAG_AFTER_QUOTE = re.compile(rf"\s+(?:[^\W\d_][\w.'’-]*\s+){{1,4}}?{_SPEECH}\b|\s+{_SPEECH}\s")


@dataclass(frozen=True)
class Span:
    """The characters `start` to `end` (exclusive) of an article's text."""

    start: int
    end: int


def split_sentences(text: str) -> list[Span]:
    """Return the sentences of `text` in order, without the white space around them.

    Every character that is not white space lies in exactly one sentence. A blank line always ends one.
    Rules rather than a model, since they are exact about what news is full of: titles, initials,
    "U.S.", and quotation marks that close after the full stop.
    """
    sentences: list[Span] = []
    for paragraph in _paragraphs(text):
        start = paragraph.start
        for match in _CANDIDATE.finditer(text, paragraph.start, paragraph.end):
            if _ends_sentence(text, match.start(), match.group(), match.end(), paragraph.end):
                sentences.append(_trim(text, start, match.end()))
                start = match.end()
        sentences.append(_trim(text, start, paragraph.end))
    return [sentence for sentence in sentences if sentence.start < sentence.end]


def _paragraphs(text: str) -> Iterator[Span]:
    start = 0
    for gap in _PARAGRAPH_GAP.finditer(text):
        yield Span(start, gap.start())
        start = gap.end()
    yield Span(start, len(text))


def _trim(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    return Span(start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip()))


def _ends_sentence(text: str, mark_at: int, marks: str, after: int, limit: int) -> bool:
    following = _NEXT_WORD.match(text, after, min(limit, after + 80))
    if following is None:
        return True
    word = following.group(1)
    if word[0].islower():
        return False
    closing = marks.lstrip(".!?…")
    if _QUOTE_IN_CLOSERS.search(closing) and marks[0] in "!?":
        return _TAG_AFTER_QUOTE.match(text, after, min(limit, after + 80)) is None
    return marks[0] != "." or marks.startswith("..") or _stop_ends(text, mark_at, word)


def _stop_ends(text: str, stop_at: int, next_word: str) -> bool:
    """Whether the single full stop at `stop_at` ends a sentence, by the words on either side of it."""
    before = _LAST_WORD.search(text, max(0, stop_at - 40), stop_at)
    if before is None:
        return True
    word = before.group(1).casefold()
    is_starter = next_word.casefold() in STARTERS
    if word in TITLES:
        return False
    if len(word) == 1 or re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]", word):
        return is_starter or word == "i"
    return is_starter or word not in _ABBREVIATIONS


def split_passages(
    text: str, token_starts: Callable[[str], Sequence[int]], max_tokens: int, overlap: int
) -> list[Span]:
    """Cut `text` into runs of whole sentences of at most `max_tokens` tokens each.

    `token_starts` gives the character at which each token of a text begins, in order; it is asked once, for the
    whole text. Neighbouring passages share up to `overlap` sentences. A sentence that is itself too long is
    cut between words, and a word that is too long between characters, so that nothing is lost to the model.
    """
    starts = token_starts(text)

    def count(start: int, end: int) -> int:
        return bisect_left(starts, end) - bisect_left(starts, start)

    units = [
        unit
        for sentence in split_sentences(text)
        for unit in (
            [sentence]
            if count(sentence.start, sentence.end) <= max_tokens and not _has_giant_word(text, sentence)
            else _cut(text, sentence, count, max_tokens)
        )
    ]
    return list(_pack(units, count, max_tokens, overlap))


def _pack(units: Sequence[Span], count: Callable[[int, int], int], max_tokens: int, overlap: int) -> Iterator[Span]:
    first = 0
    while first < len(units):
        last = first
        while last + 1 < len(units) and count(units[first].start, units[last + 1].end) <= max_tokens:
            last += 1
        yield Span(units[first].start, units[last].end)
        if last + 1 == len(units):
            return
        # Step back for the overlap, but always far enough forward that the next passage holds something new.
        first = max(first + 1, last + 1 - overlap)
        while count(units[first].start, units[last + 1].end) > max_tokens and first <= last:
            first += 1


# A BERT tokenizer turns a longer word into one "unknown" token: it would be indexed without being read.
_GIANT_WORD = re.compile(r"\S{100,}")


def _has_giant_word(text: str, span: Span) -> bool:
    return _GIANT_WORD.search(text, span.start, span.end) is not None


def _cut(text: str, sentence: Span, count: Callable[[int, int], int], max_tokens: int) -> Iterator[Span]:
    """Cut one overlong sentence between words (and an overlong word between characters)."""
    start = end = sentence.start
    for word in re.compile(r"\S+").finditer(text, sentence.start, sentence.end):
        for piece_start in range(word.start(), word.end(), 99):
            piece_end = min(piece_start + 99, word.end())
            if end > start and count(start, piece_end) > max_tokens:
                yield Span(start, end)
                start = piece_start
            end = piece_end
    if end > start:
        yield Span(start, end)
