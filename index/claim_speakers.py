"""The speaker of an attribution: of the words that the network takes for it, those that name somebody."""

from __future__ import annotations

import re
from functools import lru_cache

from index.claim_finder import Attribution
from index.claim_words import Piece, piece_of, trimmed
from index.cues import LEADING, is_cue, place_of_verb
from index.passages import STARTERS, TITLES, Span
from index.people import named_in
from index.quotations import GAP

_RELATIVE = re.compile(r",?\s+(?:who|whom|which)\b")
_NO_TITLES = frozenset("art fig no nos v vs".split())
# The words of a name, and the titles before it, that may stand before its last part.
_NAME_BEFORE = re.compile(rf"(?<!\w)(?:(?:[A-Z][\w’'-]*|(?=[A-Z])(?i:{'|'.join(sorted(TITLES - _NO_TITLES))})\.) )+$")
_NAMED_BEFORE_WHO = re.compile(
    r"((?:[A-Z][\w’'-]*\.? )*[A-Z][\w’'-]*(?:, (?:an?|the|his|her|its|their|one|former) [^,;.:“”\"\n]{2,60})?),? $"
)
_NOUN_BEFORE_WHO = re.compile(
    r"\b((?:an?|the|those|his|her|its|their|some|many|most|all)\b[^,;.:“”\"\n]{0,40}),? $", re.I
)
_ADVERB = re.compile(r"(?:(?:later|also|but|and|then|now|earlier|yet|still|meanwhile)\s+)+(?=\w)", re.IGNORECASE)
_FUNCTION_WORDS = frozenset(
    "a an and are as at be been but by for from had has have how in is later not of on or s than that the there to was "
    "were what when where whose why widely with".split()
)
_NOBODY = _FUNCTION_WORDS - {"that", "there", "what"}  # which name nobody by themselves
_ENDS_NONE = _FUNCTION_WORDS - {"later", "there", "what", "widely"}
_ENDS_LOOSE = re.compile(rf"(?:,?\s+(?:{'|'.join(sorted(_ENDS_NONE))}))+$")
# “The vote | her lawyer Ann Smith”: a noun phrase of which nothing leads into the next.
_RUNS_ON = re.compile(
    rf"(?:the|an?|this|that)\s+(?:(?!(?:{'|'.join(sorted(_FUNCTION_WORDS))})\b)[\w’'-]+\s+){{1,3}}"
    r"(?=(?:his|her|its|their)\s+\w)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[^:“”\"\n]{1,40}:\s+(?=\S)")
_NOUN = re.compile(r"\s+(?P<noun>[^\W\d_][\w’'-]*)(?=(?:[,;:.)—–]|\s+(?P<next>[\w’'-]+)|\s*$))")
_NAME = re.compile(r"\s+[A-Z][\w’'&-]*(?:\s+[A-Z][\w’'&-]*)*")
_AFTER_NOUN = LEADING | frozenset("of in on at by for from with that which who whose to and or may will would".split())
_TIMESTAMP = r"[ \t]*(?:[\[(]?\d[\d:.]*[\])]?[ \t]+)?"
_FURNITURE = frozenset("correction date location more news note photo photos read related update video watch".split())


def speaker_of(text: str, found: Attribution) -> Piece | None:
    """Return who is named as the speaker, or None where nobody is."""
    if found.source is None:
        return None
    piece = trimmed(text, _beside_cue(text, found.source, found.cue))
    if piece.text.casefold() in ("the", "a", "an"):
        return _with_noun(text, piece, found.cue)
    if piece.text.casefold() in ("who", "which"):
        piece = _antecedent(text, piece) or piece
    start = _start_of_name(text, piece.start)
    for leading in (_ADVERB, _RUNS_ON):
        if match := leading.match(text, start, piece.end):
            start = match.end()
    clause = _RELATIVE.search(text, start, piece.end)
    end = clause.start() if clause and clause.start() > start else piece.end
    loose = _ENDS_LOOSE.search(text, start, end)
    piece = piece_of(text, start, loose.start() if loose else end)
    names = piece.text not in _NOBODY and any(map(str.isalnum, piece.text))  # Al From has a name
    return piece if names else None


def speaks(text: str, label: Piece) -> bool:
    """Whether the words before a colon are a speaker's, as in a transcript, and not the place or matter of an item.

    Speakers are people that the text names, or stand before several lines.
    """
    if label.text.casefold() in _FURNITURE:
        return False
    line = text.rfind("\n", 0, label.start) + 1
    if not re.fullmatch(_TIMESTAMP, text[line : label.start]):
        return False
    lines = re.compile(rf"^{_TIMESTAMP}{re.escape(label.text)}[ \t]*:", re.MULTILINE)
    if any(match.start() != line for match in lines.finditer(text)):
        return True
    people = (*_people_in(f"It was {label.text}."), *_people_in(text))
    return any(f" {person}".endswith(f" {label.text}") for person in people)


@lru_cache(maxsize=2)
def _people_in(text: str) -> tuple[str, ...]:
    return tuple(name.naming for name in named_in(text) if name.person)


def _beside_cue(text: str, source: Span, cue: Span) -> Span:
    """Return what stands in the paragraph of the cue, and not in a label before it: “Utah | Salt Lake City: | Gov.”."""
    if cue.end <= source.start:
        gap = GAP.search(text, source.start, source.end)
        return Span(source.start, gap.start() if gap else source.end)
    start = max([source.start, *(gap.end() for gap in GAP.finditer(text, source.start, source.end))])
    label = _LABEL.match(text, start, source.end)
    return Span(label.end() if label else start, source.end)


def _with_noun(text: str, article: Piece, cue: Span) -> Piece | None:
    """Return an article of which the network has nothing else with its noun, where that is certain, else None."""
    verb = cue.start + place_of_verb(text[cue.start : cue.end])
    until = verb if verb >= article.end else len(text)
    if name := _NAME.match(text, article.end, until):
        return piece_of(text, article.start, name.end())
    noun = _NOUN.match(text, article.end)
    if noun is None or noun.end() > until:
        return None
    follows = (noun["next"] or "").casefold()
    at_cue = not text[noun.end() : verb].strip()
    if at_cue or noun["next"] is None or follows in _AFTER_NOUN or is_cue(follows):
        return piece_of(text, article.start, noun.end("noun"))
    return None


def _antecedent(text: str, who: Piece) -> Piece | None:
    """Return whom "who" stands for: the name, with its apposition, or the noun phrase right before it."""
    found = _NAMED_BEFORE_WHO.search(text, max(0, who.start - 100), who.start) or _NOUN_BEFORE_WHO.search(
        text, max(0, who.start - 60), who.start
    )
    return found and piece_of(text, found.start(1), found.end(1))


def _start_of_name(text: str, start: int) -> int:
    """Return where a name begins of which the network has only the end: "Brig. Gen. Bontrager" for "Bontrager"."""
    before = _NAME_BEFORE.search(text, max(0, start - 80), start)
    if not before or not text[start : start + 1].isupper():
        return start
    for word in reversed(before.group().split()):
        if word.casefold() in STARTERS:
            break
        start -= len(word) + 1
    return start
