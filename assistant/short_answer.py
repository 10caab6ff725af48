"""The bare answer within a sentence, by the kind of answer that the question wants."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.question import Kind, Question
from index.claims import Claim
from index.passages import Span

_NUMBER_WORD = (
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    r"seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|dozens?|scores|hundreds?|"
    r"thousands?|millions?|billions?|trillions?|half|none)"
)
_MULTIPLE = r"(?:hundred|thousand|million|billion|trillion|dozen|percent|per cent)"
_FIGURE = rf"(?:[$£€]\s?)?(?:\d[\d,.]*\d|\d|{_NUMBER_WORD})(?:-{_NUMBER_WORD})?(?:\s+{_MULTIPLE})*%?"
_NUMBER = re.compile(
    rf"(?:\b(?:at least|at most|more than|fewer than|less than|up to|about|around|nearly|almost|some|between|over)\s+)?"
    rf"(?<![\w.,-]){_FIGURE}(?:(?:\s+(?:to|and|or)\s+|\s*[-–]\s*){_FIGURE})?(?![\w])",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:Jan(?:uary|\.)?|Feb(?:ruary|\.)?|March|Mar\.|April|Apr\.|May|June|July|Aug(?:ust|\.)?|Sept?(?:ember|\.)?|"
    r"Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_DATE = re.compile(
    rf"\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,\s*\d{{4}})?\b"
    rf"|\b\d{{1,2}}\s+{_MONTH}(?:\s+\d{{4}})?|\b{_MONTH}\s+\d{{4}}\b"
    r"|\b(?:last |next |on |late on |early on )?(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
    r"(?: (?:morning|afternoon|evening|night)\b)?"
    r"|\b(?:in |since )?(?:19|20)\d\d\b|\b\d{1,2}(?::\d\d)?\s*[ap]\.?m\b\.?|\b(?:yesterday|today|tonight|tomorrow)\b"
    r"|\b(?:last|next|this) (?:week|month|year|night|spring|summer|autumn|fall|winter)\b",
    re.IGNORECASE,
)
# “less than five minutes after the strike”
_AFTER = re.compile(
    rf"(?:\b(?:less than|more than|about|around|nearly|almost|some|within|just)\s+)?(?:\b(?:an?|{_NUMBER_WORD}|\d+)\s+)"
    r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)\s+(?:ago|earlier|later|(?:after|before)"
    r"(?:\s+(?:the|an?|his|her|its|their)\s+[\w-]+)?)\b",
    re.IGNORECASE,
)
_NAME_WORD = r"(?:[A-Z][\w'’.-]*[\w]|[A-Z]\.)"
_NAME = re.compile(rf"{_NAME_WORD}(?:\s+(?:(?:of|the|al|de|van|bin|ibn|for|and)\s+)?{_NAME_WORD})*")
_PLACE = re.compile(
    rf"\b(?:in|at|near|from|outside|inside|around|across)\s+(?:the\s+)?(?:\w+\s+)?((?:al-)?{_NAME_WORD}(?:,?\s+{_NAME_WORD})*)"
)
_QUOTED = re.compile(r"[“\"]([^“”\"]{2,400})[”\"]")
_COUNTS = re.compile(r"\b(?:how\s+many|what\s+number)\b", re.IGNORECASE)
_MOST_WORDS_OF_A_UNIT = 3  # “three feet deep”
_SMALL_WORDS = frozenset("the a an of and for".split())


def names(mention: str, asked: str | None) -> bool:
    """Whether `mention` (a speaker as an article has it) names the speaker that a question asks for.

    All of the asked name occurs in the mention ("the Pentagon" in "A Pentagon spokesman"), or the mention is the asked
    name shortened from the left ("Solvang" for "Ole Solvang").
    """
    wanted, found = _name_words(asked or ""), _name_words(mention)
    return bool(wanted) and (set(wanted) <= set(found) or found == wanted[-len(found) :])


def _name_words(text: str) -> list[str]:
    words = re.findall(r"[\w.'’-]+", text.casefold())
    plain = (re.sub(r"['’]s$", "", word).replace(".", "") for word in words)
    return [word for word in plain if word not in _SMALL_WORDS]


def fits(question: Question, sentence: str) -> bool:
    """Whether the sentence holds something of the kind that the question wants."""
    return bool(_spans(question, sentence)) or question.kind in (Kind.OTHER, Kind.YES_NO, Kind.SAID)


def short_answer(question: Question, sentence: str, claims: Sequence[Claim]) -> Span | None:
    """Return the bare answer's place in `sentence`, or None where only a trained reader could tell.

    `claims` are the sentence's own, with offsets into it.
    """
    if question.kind is Kind.WHO_SAID:
        return next((Span(c.speaker.start, c.speaker.end) for c in claims if c.speaker and c.speaker.start >= 0), None)
    if question.kind is Kind.SAID:
        return _said(sentence, claims)
    spans = _spans(question, sentence)
    return spans[0] if spans else None


def times(sentence: str) -> list[Span]:
    """Return where a sentence tells when: a day, a time of the day, or how long after something else."""
    found = [match.span() for pattern in (_DATE, _AFTER) for match in pattern.finditer(sentence)]
    return [Span(*span) for span in sorted(found)]


def numbers(sentence: str) -> list[Span]:
    """Return where numbers stand in a sentence, with the "at least" or "about" before them; those of dates left out."""
    dates = [match.span() for match in _DATE.finditer(sentence)]
    return [Span(*match.span()) for match in _NUMBER.finditer(sentence) if not _lies_in_one(match, dates)]


def figure(question: Question, span: str) -> Span | None:
    """The number within a span that says how many; of how much, how long or how old also the words after it, if few."""
    numbers = _spans(question, span)
    if not numbers:
        return None
    after = span[numbers[0].end :].split()
    bare = _COUNTS.search(question.text) or len(after) > _MOST_WORDS_OF_A_UNIT
    return numbers[0] if bare else Span(numbers[0].start, len(span.rstrip()))


def _said(sentence: str, claims: Sequence[Claim]) -> Span | None:
    quoted = _QUOTED.search(sentence)
    if quoted:
        return Span(*quoted.span(1))
    return next((Span(piece.start, piece.end) for claim in claims for piece in claim.content), None)


def _spans(question: Question, sentence: str) -> list[Span]:
    """Return what in the sentence is of the wanted kind and not already in the question."""
    asked = set(_name_words(question.text))
    match question.kind:
        case Kind.HOW_MANY:
            found = numbers(sentence)
        case Kind.WHEN:
            found = times(sentence)
        case Kind.WHERE:
            found = [Span(*match.span(1)) for match in _PLACE.finditer(sentence)]
        case Kind.WHO | Kind.WHO_SAID:
            found = [Span(*match.span()) for match in _NAME.finditer(sentence)]
        case _:
            found = []
    return [span for span in found if not asked.issuperset(_name_words(sentence[span.start : span.end]))]


def _lies_in_one(match: re.Match[str], spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= match.start() and match.end() <= end for start, end in spans)
