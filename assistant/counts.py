"""How many: what a question counts, and the figures that a sentence gives for it, each with who gives it.

Rules, not a model: a figure counts only where the words beside it say that it is of the asked thing, so that ages,
dates, distances and the figures of other things are passed over. Silent where it is not plain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistant.question import SAYING_WORDS, Question
from assistant.short_answer import numbers
from assistant.words import stem, words_of
from index.claims import Claim
from index.passages import Span
from index.speakers import PRONOUNS

# What befalls people, and the words that say so.
_FATES = {
    "killed": r"kill(?:ed|s|ing|ings)?|die[sd]?|dying|dead|deaths?|fatal\w*|bod(?:y|ies)|corpses?|slain|perished|"
    r"murdered|lost (?:his|her|their) li(?:fe|ves)|lives|toll",
    "hurt": r"wound(?:ed|s|ing)?|injur\w+|hurt",
    "missing": r"missing|unaccounted|disappeared",
    "held": r"arrest\w*|detain\w*|detention|custody",
    "displaced": r"displaced|homeless|fled|evacuat\w+",
}
_FATE = re.compile("|".join(rf"(?P<{name}>\b(?:{words})\b)" for name, words in _FATES.items()), re.IGNORECASE)
_ASKS = re.compile(r"\b(?:how\s+many|(?:what|which)\s+(?:is\s+|was\s+|were\s+)?(?:the\s+)?number(?:\s+of)?)\b", re.I)
_ASKS_CHANGED = re.compile(  # "has X changed its count?", of whatever it counts
    r"\b(?:chang|revis|rais|correct|lower)\w*\b[^?]*\b(?:its|his|her|their|the)\s+(?:\w+\s+)?(?:counts?|figures?|tolls?|tally)\b",
    re.IGNORECASE,
)
_ANY_FATE = "any"
_OF_THESE = re.compile(r"^\s+of\s+[^?]*?\b(?:were|was|are|is)\b", re.IGNORECASE)  # "how many of the dead were women"
_ASKS_TOLL = re.compile(
    r"\b(?:death toll|tolls?|(?:number|counts?|figures?) of (?:the )?(?:dead|deaths|killed))\b", re.IGNORECASE
)
_ANYBODY = frozenset("people person victims victim others lives souls bodies body corpses".split())
_PERSONS = _ANYBODY | frozenset(
    "man woman child boy girl civilian member fighter militant soldier troops terrorist insurgent rebel officer police "
    "policeman resident passenger student worker employee villager protester demonstrator worshipper worshiper miner "
    "tourist patient refugee migrant prisoner detainee inmate hostage marine sailor journalist guard adult teenager "
    "citizen american palestinian israeli iraqi syrian afghan pakistani".split()
)
_STOP = frozenset(
    "a an the did do does were was are is be been being have has had will would can could may might there in on at by "
    "from with to when where who whom that which and or but as for since into than "
    "while because so this these those it he she they them him her his their its our you i we of".split()
)
_ASKING = frozenset("how what which of first count counts number toll figure figures many".split()) | frozenset(
    SAYING_WORDS.split()
)
_ADDED = re.compile(r"\b(?:too|also|another|more|further|additional|others?)\b", re.IGNORECASE)
_PART = re.compile(
    r"\b(?:of (?:them|whom|these|those|the (?:dead|victims|wounded))|among (?:them|whom|the dead)|including|most of)\b",
    re.IGNORECASE,
)
_STRETCH = re.compile(
    r"\bsince\b|\bso far\b|\bin total\b|\b(?:over|in|during) the (?:past|last)\b|\b(?:each|every|per|a) year\b|\bannual"
    r"|\b(?:in|during|from|of) (?:19|20)\d\d\b(?! and)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r"\bseveral\b", re.IGNORECASE)
_AGE_BEFORE = re.compile(r"\b(?:man|woman|boy|girl|child|son|daughter|aged?)\s+(?:of\s+)?$", re.IGNORECASE)
_AGE_AFTER = re.compile(r"[-\s]years?[-\s]olds?\b|\s+years? of age\b", re.IGNORECASE)
_NOBODY = re.compile(r"(?:none|one)", re.IGNORECASE)  # a number only before what it counts
_LATER = re.compile(r"\b(?:later|then|now|since|raised|revised|up|rose|risen|updated|corrected)\b", re.IGNORECASE)
_CHANGED_FROM = re.compile(
    r"\b(?:went|go|rose|risen|raised|climbed|increased|grew|fell|lowered|revised)\b.*\bfrom\s+$", re.IGNORECASE
)
_NAMED = re.compile(r"(?<![.!?“] )(?<!^)\b[A-Z][\w’'-]+")
_OF_WHOM = re.compile(r"(?: of)?(?: the)?(?: [\w-]+)?? (?P<last>\w+)")
_COUNTS = re.compile(  # “The White Helmets, formally the Syrian Civil Defence, had counted 35”
    r"^(?P<who>(?:[Tt]he\s+)?[A-Z][\w.’'-]*(?:\s+(?:(?:of|for|the|al|and)\s+)?[A-Z][\w.’'-]*)*)(?:,[^,;]{3,60},)?\s+"
    r"(?:(?:has|had|have|now|later|also)\s+)*(?:count(?:s|ed)?|puts?|estimate[sd]?|said|says|report(?:s|ed)|gave|gives|given|"
    r"raised|raises|lists?|listed|spoke of|admitted|confirm(?:s|ed))\b"
)
_GIVES = re.compile(  # that the figure is one of those the sentence before speaks of
    r"\b(?:number|count(?:s|ed)?|toll|figures?|tally|estimate[sd]?|puts?|gives?|gave|given|raised|spoken? of)\b",
    re.IGNORECASE,
)
_OPEN_END = re.compile(r"^[\s”\"’']*(?:$|[,;.:)”—–]|(?:later|on|at|by|and|but|in|to|after|from|so)\b)")
_BOUNDARY = re.compile(r",|;|\b(?:and|but|while|when|where|who|in|by|at|on|during|from)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"[^,;.:()”“\"—–]{0,60}")
_NEAR = 70  # characters between a figure and the word that says what befell those counted
_APART = 25  # characters that a comma or an "and" between the two is worth
_WORD = re.compile(r"[^\W_]+(?:[.’'-][^\W_]+)*")
_UNITS = {
    **{word: number for number, word in enumerate("zero one two three four five six seven eight nine ten".split())},
    **{word: n for n, word in enumerate("eleven twelve thirteen fourteen fifteen sixteen".split(), 11)},
    **{word: n for n, word in enumerate("seventeen eighteen nineteen".split(), 17)},
    **{word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)},
}
_TIMES = {"dozen": 12, "hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_QUALIFIER = re.compile(
    r"^(at least|at most|more than|fewer than|less than|up to|about|around|nearly|almost|some|over|between)\s+", re.I
)
_ROUGHLY = frozenset("about around nearly almost some".split())
_MOSTLY = 0.7  # of the question's other words, in the sentence and the one before it
_ABOUT_AS_MANY = 0.1  # by which share two rough figures may lie apart and still be one


@dataclass(frozen=True)
class Counted:
    """What a question counts: the thing (none for people of any kind), what befell it, and the other words of it."""

    things: frozenset[str]
    fate: str | None
    about: frozenset[str]
    over_time: bool  # over a stretch of time, and not on one occasion


@dataclass(frozen=True)
class Figure:
    """A number as it is written, where it stands, what it amounts to, and who gives it (None: the article itself).

    `low` and `high` are the least and the most that it can be taken for; both None for "dozens", which is no number.
    """

    text: str
    span: Span
    low: float | None
    high: float | None
    qualifier: str
    claim: Claim | None = None
    speaker: str | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What two figures have in common that are one and the same."""
        rough = "about" if self.qualifier in _ROUGHLY else self.qualifier
        return (self.text.casefold().split()[0],) if self.low is None else (self.low, self.high, rough)

    def differs_from(self, other: Figure) -> bool:
        """Whether the two are plainly different numbers; a vague one differs from none."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return False
        rough = _ABOUT_AS_MANY * max(self.high, other.high) if _ROUGHLY & {self.qualifier, other.qualifier} else 0.0
        return self.low > other.high + rough or other.low > self.high + rough


def counted(question: Question) -> Counted | None:
    """Return what the question counts, or None where it does not ask how many."""
    text = question.text
    asks = _ASKS.search(text)
    toll = None if asks else _ASKS_TOLL.search(text)
    if not asks and not toll:
        return Counted(frozenset(), _ANY_FATE, frozenset(), False) if _ASKS_CHANGED.search(text) else None
    rest = _OF_THESE.sub("", text[asks.end() :]) if asks else text
    said = question.speaker or ""
    words = [word for word in words_of(text.replace(said, " ") if said else text) if word not in _ASKING]
    fate = next((match.lastgroup for match in _FATE.finditer(rest)), None)
    kinds = [stem(word) for word in ([] if toll else _thing(rest)) if not _FATE.fullmatch(word)]
    things = frozenset(kinds[-1:]) - _ANYONE
    about = frozenset(stem(word) for word in words if word not in _STOP and not (fate and _FATE.fullmatch(word)))
    about -= frozenset(kinds)
    if not about and fate is None:
        return None
    return Counted(things, fate, about, bool(_STRETCH.search(text)))


def figures(wanted: Counted, sentence: str, before: str, claims: Sequence[Claim], start: int) -> list[Figure]:
    """Return the figures that a sentence gives for what is counted, each once, in their order.

    `before` is the sentence before it, or "". The sentence begins at character `start` of its article, and `claims` are
    its own, with offsets into the article.
    """
    stretch = bool(_STRETCH.search(sentence)) or (wanted.over_time and bool(_STRETCH.search(before)))
    if stretch != wanted.over_time:
        return []
    spans = sorted([*_split(sentence, numbers(sentence)), *_several(sentence)], key=lambda span: span.start)
    found = [span for span in spans if _is_of(wanted, sentence, before, span, spans)]
    given = [_given(sentence, span, claims, start) for span in found]
    return list(_own(sentence, given, start))


def _thing(rest: str) -> list[str]:
    """Return the words right after "how many": "civilian deaths"."""
    words = [match.group() for match in _WORD.finditer(rest)]
    end = next((at for at, word in enumerate(words) if word.casefold() in _STOP or _is_verb(word)), len(words))
    return [word.casefold() for word in words[:end]]


def _is_verb(word: str) -> bool:
    return word.endswith(("ed", "ing")) or word in ("died", "fled")


def _is_of(wanted: Counted, sentence: str, before: str, span: Span, others: Sequence[Span]) -> bool:
    """Whether the figure at `span` is one of what is counted."""
    unit = _unit(sentence, span)
    if _AGE_BEFORE.search(sentence, 0, span.start) or _AGE_AFTER.match(sentence, span.end):
        return False
    if _NOBODY.fullmatch(sentence, span.start, span.end) and (not unit or sentence.startswith(" of", span.end)):
        return False
    if wanted.things:
        units = [unit] if unit else [_unit(before, other) for other in numbers(before)]
        if not units or not all(_names_thing(wanted, words) for words in units):
            return False
    elif unit and not any(stem(word) in _PEOPLE or _FATE.fullmatch(word) for word in unit):
        return False
    tail = _CLAUSE.match(sentence, span.end)
    after = tail.group() if tail else ""
    beside = sentence[max(0, span.start - 20) : span.start] + after
    if not wanted.things and (_PART.search(beside) or _ADDED.search(after)) and not _LATER.search(beside):
        return False
    if wanted.fate:
        taken_up = before if bool(_STRETCH.search(before)) == wanted.over_time else ""
        return _has_fate(wanted, sentence, taken_up, span, others, bare=not unit)
    told = {stem(word) for word in words_of(f"{before} {sentence}")}
    return len(wanted.about & told) >= _MOSTLY * len(wanted.about) and not _has_any_fate(sentence, span, others)


def _names_thing(wanted: Counted, words: Sequence[str]) -> bool:
    return any(_is_kind_of(stem(word), thing) for word in words for thing in wanted.things)


def _has_fate(wanted: Counted, sentence: str, before: str, span: Span, others: Sequence[Span], bare: bool) -> bool:
    """Whether what is asked befell those that the figure counts.

    A word that says so belongs to the figure nearest to it. A figure with nothing after it may take up what the
    sentence, or the one before it, has named: "it gave the number as 46". So may one of the very thing that is asked.
    """
    told = _fates(wanted, sentence)
    if any(_belongs(sentence, match, span, others) for match in told):
        return True
    if _has_any_fate(sentence, span, others):
        return False
    if wanted.things and not bare:
        return bool(told)
    taken_up = bool(_GIVES.search(sentence)) and bool(_fates(wanted, before))
    return bool(bare and _OPEN_END.match(sentence[span.end :]) and (told or taken_up))


def _fates(wanted: Counted, text: str) -> list[re.Match[str]]:
    return [match for match in _FATE.finditer(text) if wanted.fate in (match.lastgroup, _ANY_FATE)]


def _has_any_fate(sentence: str, span: Span, others: Sequence[Span]) -> bool:
    return any(_belongs(sentence, match, span, others) for match in _FATE.finditer(sentence))


def _belongs(sentence: str, fate: re.Match[str], span: Span, others: Sequence[Span]) -> bool:
    nearest = min(others, key=lambda other: _distance(sentence, other, fate))
    return nearest == span and _distance(sentence, span, fate) <= _NEAR


def _distance(sentence: str, span: Span, match: re.Match[str]) -> int:
    start, end = (span.end, match.start()) if span.end <= match.start() else (match.end(), span.start)
    between = sentence[start:end]
    return len(between) + _APART * len(_BOUNDARY.findall(between))


def _unit(sentence: str, span: Span) -> list[str]:
    """Return the words after a figure that say of what it is one; none where it stands alone."""
    tail = _CLAUSE.match(sentence, span.end + sentence.startswith(("”", '"'), span.end))
    words = words_of(tail.group() if tail else "")[:6]
    if words[:1] == ["of"]:
        words = words[2:] if words[1:2] in (["them"], ["whom"], ["these"], ["those"]) else words[1:]
    end = next((at for at, word in enumerate(words) if word in _STOP and at), None)
    if words[:1] and words[0] in _STOP - {"the", "these", "those"}:
        return []
    return [word for word in words[:end][:4] if word not in ("the", "later", "of")]


def _several(sentence: str) -> Iterator[Span]:
    yield from (Span(*match.span()) for match in _SEVERAL.finditer(sentence))


def _split(sentence: str, spans: Sequence[Span]) -> Iterator[Span]:
    """Yield figures, the two of "went from 42 to 46" apart: that is a change and not a range."""
    for span in spans:
        cut = re.search(r"\s+to\s+", sentence[span.start : span.end])
        if cut and _CHANGED_FROM.search(sentence, 0, span.start):
            yield Span(span.start, span.start + cut.start())
            yield Span(span.start + cut.end(), span.end)
        else:
            yield span


def _given(sentence: str, span: Span, claims: Sequence[Claim], start: int) -> Figure:
    """Return the figure with what it amounts to and the claim that it stands in: the shortest, since claims nest."""
    here = Span(span.start + start, span.end + start)
    own = [c for c in claims if any(p.start <= here.start and here.end <= p.end for p in c.content)]
    claim = min(own, key=lambda c: sum(len(p.text) for p in c.content), default=None)
    text = sentence[span.start : span.end]
    low, high, qualifier = amount(text)
    if low is None and (of := _OF_WHOM.match(sentence, span.end)) and stem(of["last"]) in _PEOPLE:
        text += of.group()
    return Figure(text, here, low, high, qualifier, claim, _giver(claim, here, sentence[: span.start]))


def _giver(claim: Claim | None, here: Span, before: str) -> str | None:
    """Who gives a figure: the one named before it as counting ("B reported that A counted 38"), or who says it."""
    if claim:
        piece = next(piece for piece in claim.content if piece.start <= here.start < piece.end)
        before = piece.text[: here.start - piece.start]
    counts = _COUNTS.match(before)
    if counts and counts["who"].casefold() not in PRONOUNS:
        return counts["who"]
    return claim.said_by if claim else None


def _own(sentence: str, given: Sequence[Figure], start: int) -> Iterator[Figure]:
    """Yield what each claim itself gives: its first figure, and later ones only where the sentence says "later".

    "A spoke of 29 killed, and B of 35" is often read as one claim of A's; the name between gives it away.
    """
    last: dict[Claim | None, Figure] = {}
    for figure in given:
        first = last.get(figure.claim)
        if first is not None:
            between = sentence[first.span.end - start : figure.span.start - start]
            beside = between + sentence[figure.span.end - start :][:20]
            named = [name for name in _NAMED.findall(between) if not name.endswith("day")]
            if named or not (_LATER.search(beside) or between.strip() == "to"):
                continue
        last[figure.claim] = figure
        yield figure


def amount(text: str) -> tuple[float | None, float | None, str]:
    """Return the least and the most that a figure can be taken for, and its qualifier: 42, 42, "at least"."""
    found = _QUALIFIER.match(text)
    qualifier = found.group(1).casefold() if found else ""
    parts = re.split(r"\s+(?:to|and|or)\s+|\s*[-–]\s*(?=\d)", text[found.end() :] if found else text)
    values = [_value(part) for part in parts]
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None, None, qualifier
    return min(known), max(known), "" if qualifier == "between" else qualifier


def numbers_in(text: str) -> frozenset[float]:
    """Return all numbers that a text names, in digits or in words; "one", which is often no number, is left out."""
    words = "|".join((*_UNITS, *_TIMES))
    runs = re.findall(rf"\d[\d,]*(?:\.\d+)?|\b(?:{words})(?:[\s-]+(?:{words}))*\b", text.casefold())
    values = (_value(run.replace("-", " ")) for run in runs if run != "one")
    return frozenset(value for value in values if value is not None)


def _value(text: str) -> float | None:
    """Return what a number amounts to, None for "dozens": 2,462 · two dozen · thirty-five · 1.5 million."""
    total: float | None = None
    for word in re.findall(r"\d[\d,.]*|[a-z]+", text.casefold()):
        if word[0].isdigit():
            total = float(word.replace(",", "").rstrip(".")) if re.fullmatch(r"[\d,]+(?:\.\d+)?\.?", word) else None
        elif word in _UNITS:
            total = (total or 0.0) + _UNITS[word]
        elif word in _TIMES:
            total = (1.0 if total is None else total) * _TIMES[word]
        else:
            return None
    return total


def _is_kind_of(word: str, thing: str) -> bool:
    return word == thing or (len(thing) > 3 and word.endswith(thing))  # “airstrikes” are strikes


_PEOPLE, _ANYONE = (frozenset(map(stem, words)) for words in (_PERSONS, _ANYBODY))
