"""Who said what: the attributions of a text, as exact spans."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from index.passages import Span, split_sentences


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


# After the colon, what may follow the verb: a (c)lause, a clause only after (t)hat, an (o)bject, an (i)nfinitive,
# the (p)erson told.
_STANCES = {
    "accuses": "accuse:o blame:o condemn:o criticise:o criticize:o denounce:o",
    "admits": "acknowledge:co admit:co admit_to:o concede:co confess:c",
    "agrees": "agree:ti",
    "announces": "announce:co",
    "asks": "ask:pi ask_for:o call_for:o call_on:o demand:co request:o urge:o wonder:c",
    "believes": "believe:c doubt:co fear:c hope:ci think:c",
    "claims": "allege:c argue:c assert:co claim:coi contend:c insist:c maintain:c",
    "confirms": "confirm:co",
    "declines": "decline:i dismiss:o refuse:i reject:o",
    "denies": "deny:co dispute:o",
    "describes": "call:o characterize:o describe:o identify:o portray:o refer_to:o",
    "estimates": "estimate:co put:o",
    "explains": "explain:c",
    "finds": "conclude:c determine:t discover:t find:t learn:t",
    "orders": "instruct:p order:o",
    "praises": "hail:o praise:o",
    "predicts": "predict:co",
    "promises": "offer:i pledge:ti promise:ti threaten:i vow:ti",
    "questions": "question:o",
    "recalls": "recall:co",
    "replies": "answer:t reply:t respond:t",
    "reports": "report:co",
    "says": "add:t assure:p cite:o comment:t continue:t declare:c emphasize:co inform:p joke:c mention:o note:c "
    "observe:t point_out:c point_to:o remark:t remind:p say:c speak_of:o state:c stress:co tell:p testify:c tweet:t "
    "write:t",
    "shows": "indicate:t reveal:t show:t",
    "suggests": "hint:t imply:t propose:o suggest:co",
    "warns": "caution:c warn:c warn_against:o warn_of:o",
}
_IRREGULAR = {
    "admit": "admitted admitting",
    "agree": "agreeing",
    "find": "found",
    "put": "put putting",
    "refer": "referred referring",
    "say": "said",
    "show": "shown",
    "speak": "spoke spoken",
    "tell": "told",
    "think": "thought",
    "write": "wrote written",
}


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# These forms are nouns at least as often, and count as verbs only before "the", "that", a quotation or the like.
_ALSO_NOUNS = _set(
    "answer answers call calls claim claims comment comments demand demands dispute doubt doubts estimate estimates "
    "fear fears finding hope hopes joke jokes note notes offer offers order orders pledge pledges praise promise "
    "promises put question questions remark remarks reply report reporting reports request requests saying show "
    "shows state states stress thinking thought tweet tweets vow vows writing"
)
_BE = _set("am is are was were be been being isn't wasn't get gets got getting")
_HAVE = _set("has have had having")
_MODALS = _set(
    "to will would can could may might must shall should cannot do does did not never nor if whether don't didn't "
    "doesn't won't wouldn't couldn't can't hasn't haven't hadn't"
)
_ADVERBS = _set(
    "also later then now once again still since already just too first earlier often always ever both all even only "
    "soon thus further"
)
_SUBORDINATORS = _set("while although though as after since because when where how whereas before until once")
_BREAKS = _SUBORDINATORS | _set(
    "and but or yet so that if whether what which who whom whose why unless than nor meanwhile however moreover then"
)
_PREPOSITIONS = _set(
    "in on at during for from by with about over under to into through after before since until within via outside "
    "inside amid despite following against among around without near between upon toward towards like per"
)
_TIMES = _set(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december jan feb aug sept oct nov dec yesterday today tomorrow tonight earlier later "
    "ago day week month year morning afternoon evening night"
)
_DETERMINERS = _set("a an the this that these those his her its their our my your some any each every no another")
_PRONOUNS = _set("i you he she it we they one there")
_PLURALS = _set("i we they who those many some most all both others people police men women critics percent half")
_NUMBERS = _set("about around at between least more nearly no over roughly under up")
_ASIDES = _PREPOSITIONS | _ADVERBS | _BREAKS | _TIMES
_QUOTED = "“”"  # the word that stands for a whole quotation
_STOPS = _set(". , ; : — –") | {""}

_GAP = re.compile(r"\n\s*\n")
_TOKEN = re.compile(r"\w+(?:[.'’&/-]\w+)*|[^\w\s]")
_MARK = re.compile(r"''|[\"“”„«»‘’']")
_CLOSERS = {"“": '”"', "„": "“”", "«": "»", '"': '"”', "''": ("''",), "‘": "’", "'": "'’"}
_LONGEST = 400  # A "sentence" of more words is a table or junk, and reading it would take quadratic time.


class _Verb(NamedTuple):
    stance: str
    frames: frozenset[str]
    form: str


def _forms(base: str) -> dict[str, str]:
    """Return the forms of a verb, each with what it is: base, s, past or ing."""
    stem, third = base.removesuffix("e"), base + ("es" if base.endswith(("s", "sh", "ch")) else "s")
    past = stem + "ed"
    if base.endswith("y") and base != "say" and base != "portray":
        third, past = base[:-1] + "ies", base[:-1] + "ied"
    forms = {base: "base", third: "s", past: "past", stem + "ing": "ing"}
    return forms | {form: "ing" if form.endswith("ing") else "past" for form in _IRREGULAR.get(base, "").split()}


def _read_table() -> dict[tuple[str, str], _Verb]:
    """Map (form, particle or "") to what is known of the verb."""
    table = {}
    for stance, entries in _STANCES.items():
        for entry in entries.split():
            verb, frames = entry.split(":")
            base, _, particle = verb.partition("_")
            for form, kind in _forms(base).items():
                table[form, particle] = _Verb(stance, frozenset(frames), kind)
    return table


_VERBS = _read_table()
_CLAUSAL = frozenset("ctp")  # the frames of a verb that may stand after what it reports


class _Token(NamedTuple):
    """A word, a punctuation mark, or a whole quotation with its marks, `inner` being what they enclose."""

    start: int
    end: int
    word: str
    inner: Span | None = None


_Range = tuple[int, int]  # token numbers, the end exclusive


@dataclass(frozen=True)
class _Found:
    speaker: _Range
    cue: _Range
    content: tuple[_Range, ...]
    stance: str


def find_claims(text: str, sentences: Sequence[Span] | None = None) -> list[Claim]:
    """Return who said what in `text`, in order, reading only `sentences` where they are given.

    Rules, not a model: exact about the forms that news uses most, and silent about the others.
    """
    claims: list[Claim] = []
    carried: Piece | None = None  # who goes on speaking in a sentence that is nothing but a quotation
    end = 0
    for tokens in _units(text, split_sentences(text) if sentences is None else sentences):
        between = text[end : tokens[0].start]
        if between.strip() or _GAP.search(between):
            carried = None
        found = _Sentence(tokens).claims() if len(tokens) <= _LONGEST else []
        made = [claim for one in found if (claim := _claim(text, tokens, one)).content] or _untagged(
            text, tokens, carried
        )
        carried = made[-1].speaker if made and made[-1].direct is not False else None
        end = tokens[-1].end
        claims += made
    return claims


def _piece(text: str, start: int, end: int) -> Piece:
    return Piece(start, end, text[start:end])


def _claim(text: str, tokens: Sequence[_Token], found: _Found) -> Claim:
    def piece(part: _Range) -> Piece:
        first, last = tokens[part[0]], tokens[part[1] - 1]
        alone = part[1] - part[0] == 1 and first.inner
        return _inside(text, alone) if alone else _piece(text, first.start, last.end)

    quoted = [sum(token.inner is not None for token in tokens[slice(*part)]) for part in found.content]
    whole = all(count == last - first for count, (first, last) in zip(quoted, found.content, strict=True))
    content = tuple(words for part in found.content if (words := piece(part)).text)
    return Claim(
        piece(found.speaker),
        piece(found.cue),
        content,
        found.stance,
        whole or (None if any(quoted) else False),
    )


def _untagged(text: str, tokens: Sequence[_Token], speaker: Piece | None) -> list[Claim]:
    """Return the claim of a sentence that is nothing but quotations."""
    inners = [token.inner for token in tokens if token.inner]
    if any(token.inner is None and token.word[0].isalnum() for token in tokens):
        return []
    content = tuple(piece for piece in (_inside(text, inner) for inner in inners) if piece.text)
    return [Claim(speaker, None, content, "says", True)] if content else []


def _inside(text: str, span: Span) -> Piece:
    words = text[span.start : span.end]
    start = span.start + len(words) - len(words.lstrip())
    return _piece(text, start, start + len(words.strip().rstrip(",")))


def _units(text: str, sentences: Sequence[Span]) -> Iterator[list[_Token]]:
    """Yield the tokens of each sentence, or of several that a quotation or a colon holds together."""
    quotations = _quotations(text)
    starts = [quotation.start for quotation in quotations]
    units: list[Span] = []
    for sentence in sentences:
        nearest = bisect_right(starts, sentence.start) - 1
        if units and nearest >= 0 and _joined(text, units[-1], quotations[nearest], sentence):
            units[-1] = Span(units[-1].start, max(units[-1].end, sentence.end))
        else:
            units.append(sentence)
    for unit in units:
        first = max(0, bisect_right(starts, unit.start) - 1)
        if tokens := _tokens(text, unit, quotations[first : bisect_right(starts, unit.end)]):
            yield tokens


def _joined(text: str, unit: Span, quotation: _Token, following: Span) -> bool:
    introduced = text[unit.end - 1 : unit.end] == ":" and not text[unit.end : following.start].strip()
    if introduced and quotation.start == following.start:
        return True
    return quotation.start < unit.end and following.start < quotation.end


def _quotations(text: str) -> list[_Token]:
    """Return the outermost quotations of `text`. One that is not closed ends with its paragraph."""
    gaps = list(_GAP.finditer(text))
    starts, ends = [0, *(gap.end() for gap in gaps)], [*(gap.start() for gap in gaps), len(text)]
    return [found for start, end in zip(starts, ends, strict=True) for found in _quotations_within(text, start, end)]


def _quotations_within(text: str, start: int, end: int) -> Iterator[_Token]:
    opened: re.Match[str] | None = None
    for mark in _MARK.finditer(text, start, end):
        sign, after = mark.group(), text[mark.end() : mark.end() + 1]
        if opened is None:
            if sign in _CLOSERS and after.strip() and not text[max(0, mark.start() - 1) : mark.start()].isalnum():
                opened = mark
        elif sign in _CLOSERS[opened.group()] and not (sign in "'’" and after.isalnum()):
            yield _Token(opened.start(), mark.end(), _QUOTED, Span(opened.end(), mark.start()))
            opened = None
    # A single mark that is never closed is an apostrophe.
    if opened is not None and opened.group() not in "‘'":
        yield _Token(opened.start(), end, _QUOTED, Span(opened.end(), end))


def _tokens(text: str, unit: Span, quotations: Sequence[_Token]) -> list[_Token]:
    tokens: list[_Token] = []
    at = unit.start
    for start, end, word, inner in quotations:
        if inner is not None and start < unit.end and end > unit.start:
            tokens += _words(text, at, start)
            start, at = max(start, unit.start), min(end, unit.end)
            tokens.append(_Token(start, at, word, Span(max(inner.start, start), min(inner.end, at))))
    return tokens + _words(text, at, unit.end)


def _words(text: str, start: int, end: int) -> list[_Token]:
    return [_Token(match.start(), match.end(), match.group()) for match in _TOKEN.finditer(text, start, end)]


class _Sentence:
    """One sentence, and the rules that read it."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._low = [token.word.casefold().replace("’", "'") for token in tokens]
        self._capital = [token.word[0].isupper() for token in tokens]

    def claims(self) -> list[_Found]:
        found: list[_Found] = []
        for at, word in enumerate(self._low):
            if word == "according" and self._at(at + 1) == "to":
                claim = self._according(at)
            else:
                claim = self._by_verb(at, found[-1].speaker if found else None)
            if claim is not None:
                found.append(claim)
        return self._cut_apart(found)

    def _at(self, index: int) -> str:
        return self._low[index] if 0 <= index < len(self._low) else ""

    def _is_word(self, index: int) -> bool:
        return self._at(index)[:1].isalnum()

    def _is_name(self, index: int) -> bool:
        return 0 <= index < len(self._low) and self._capital[index]

    def _starts_phrase(self, index: int) -> bool:
        return self._is_name(index) or self._at(index) in _DETERMINERS | _PRONOUNS

    def _verb(self, index: int) -> _Verb | None:
        return _VERBS.get((self._at(index), ""))

    def _find(self, start: int, stops: Collection[str]) -> int:
        """Return the first position from `start` on that holds one of `stops`, or the end."""
        return next((at for at in range(start, len(self._low)) if self._low[at] in stops), len(self._low))

    def _trimmed(self, start: int, end: int) -> int:
        """Leave out the punctuation before `end`, but not the full stop of "U.S."."""
        while (
            end > start
            and self._low[end - 1] in _STOPS
            and not (self._low[end - 1] == "." and "." in self._at(end - 2)[1:])
        ):
            end -= 1
        return end

    # “…,” X said.  X said …  “…,” said X.

    def _by_verb(self, at: int, earlier: _Range | None) -> _Found | None:
        particled = _VERBS.get((self._low[at], self._at(at + 1)))
        verb = particled or self._verb(at)
        if verb is None or not self._is_used(at, verb):
            return None
        after = at + 2 if particled else at + 1
        end = self._subject_end(at)
        speaker = self._speaker_before(end, at, verb, earlier)
        inverted = None if speaker else self._speaker_after(at, after)
        if inverted and verb.frames & _CLAUSAL:
            content = self._around(at, inverted[1])
        else:
            speaker = speaker or (earlier if self._at(end - 1) == "," else None)
            content = self._content(speaker, after, verb) if speaker and self._agrees(speaker, verb) else ()
        said_by = inverted or speaker
        return _Found(said_by, (at, after), content, verb.stance) if said_by and content else None

    def _subject_end(self, at: int) -> int:
        while self._at(at - 1) in _ADVERBS | _HAVE | _BE or self._at(at - 1).endswith("ly"):
            at -= 1
        return at

    def _is_used(self, at: int, verb: _Verb) -> bool:
        """Whether this form is a finite verb or a participle here: not negated, passive, conditional or a noun."""
        end = self._subject_end(at)
        auxiliaries = set(self._low[end:at])
        if self._at(end - 1) in _MODALS | _DETERMINERS | _PREPOSITIONS | {"of"} or self._at(at - 1) == "so":
            return False
        if auxiliaries & (_BE if verb.form == "past" else _BE | _HAVE if verb.form != "ing" else frozenset()):
            return False
        return self._low[at] not in _ALSO_NOUNS or self._at(at + 1) in _DETERMINERS | _PRONOUNS | {
            "to",
            ":",
            _QUOTED,
        }

    def _agrees(self, speaker: _Range, verb: _Verb) -> bool:
        """Whether these words can be the subject of this form, and are a party that says something."""
        words = self._low[slice(*speaker)]
        if words in (["you"], ["one"]) or (words == ["i"] and verb.stance == "believes"):
            return False
        if words[0] in ("a", "an") and verb.frames == {"o"} and self._is_word(speaker[0] - 1):
            return self._at(speaker[0] - 1) in _BREAKS | _ADVERBS  # "shared a paper called …"
        return verb.form != "base" or any(word in _PLURALS or word.endswith("s") or word == "and" for word in words)

    # The speaker

    def _speaker_before(self, end: int, at: int, verb: _Verb, earlier: _Range | None) -> _Range | None:
        previous = self._at(end - 1)
        participle = verb.form == "ing" and not _BE & set(self._low[end:at])
        if participle or previous in ("and", "but", "then"):
            return earlier or self._opening_name()
        if previous == _QUOTED or (previous == "," and self._at(end - 2) == _QUOTED):
            return None
        if previous in ("who", "which"):
            return self._antecedent(end - 1)
        return self._noun_phrase(end)

    def _opening_name(self) -> _Range | None:
        first = end = int(self._at(0) in ("but", "and", "yet"))
        end += self._at(first) in ("the", "he", "she", "it", "they")
        while self._is_name(end) and self._low[end] not in _ASIDES | _DETERMINERS:
            end += 1
        return (first, end) if end > first and not self._at(end - 1).endswith(("ing", "the", "'s")) else None

    def _antecedent(self, end: int) -> _Range | None:
        """Return the noun phrase before "who"."""
        if self._at(end - 1) == ",":
            return self._noun_phrase(end) or self._chunk(end - 1)
        first = end - 1
        while self._is_name(first) and self._is_name(first - 1):
            first -= 1
        near = range(first - 1, max(first - 4, -1), -1)
        first = next((at for at in near if self._low[at] in _DETERMINERS), first)
        return (first, end) if self._may_speak(first, end) else None

    def _noun_phrase(self, end: int) -> _Range | None:
        """Return the noun phrase that ends at `end`, with its appositions, as in "Davis, 51, a spokesman,"."""
        if self._at(end - 1) != ",":
            return self._chunk(end)
        commas = [at for at in range(max(0, end - 50), end - 1) if self._low[at] == ","]
        for opened in commas[-1:-6:-1]:
            head = self._chunk(opened)
            if head and (self._at(head[0] - 1) != "," or (self._is_name(head[0]) and self._is_name(head[1] - 1))):
                aside = self._at(opened + 1) in _ASIDES and self._at(opened + 2) != "of"
                return (head[0], opened if aside else end - 1)
        return None

    def _chunk(self, end: int) -> _Range | None:
        """Return the noun phrase without a comma that ends at `end`."""
        first = end
        while first > max(0, end - 30) and not self._ends_phrase(first - 1):
            first -= 1
        if self._at(first - 1) in ("what", "than", "if", "unless"):
            return None
        first = self._after_adverbial(first, end)
        return (first, end) if self._may_speak(first, end) else None

    def _ends_phrase(self, index: int) -> bool:
        word, verb = self._low[index], self._verb(index)
        if word in ("and", "or"):
            joins = self._is_name(index - 1) == self._is_name(index + 1)
            return not joins or self._at(index + 1) in _DETERMINERS | _PRONOUNS
        if verb and verb.form in ("past", "s") and word not in _ALSO_NOUNS:
            return True
        return word in _BREAKS | _BE | _HAVE | _MODALS or not (word[0].isalnum() or word in ".&$%#()'")

    def _after_adverbial(self, first: int, end: int) -> int:
        """Skip "On Friday", "A day later", "The day after the strike" and the like before a noun phrase."""
        linked = _PREPOSITIONS | _DETERMINERS | {"of", "and", "or", "&", "all", "both", "half"}
        for at in range(end - 1, first, -1):
            if self._low[at] in _DETERMINERS | _PRONOUNS and self._low[at - 1] not in linked:
                return at
            if self._low[at - 1] in _TIMES and self._starts_phrase(at) and self._low[at] not in _TIMES:
                return at
        opens = self._at(first) in _PREPOSITIONS
        names = (at for at in range(first + 2, end) if self._is_name(at) and not self._is_name(at - 1))
        return next(names, end) if opens else first

    def _may_speak(self, first: int, end: int) -> bool:
        if not 0 <= first < end:
            return False
        last = self._low[end - 1]
        if last in _PREPOSITIONS | {"there", "of"} | (_DETERMINERS - {"this", "that", "some", "another"}):
            return False
        first_word = self._low[first]
        opens = self._starts_phrase(first) or first_word in _PLURALS or first_word[0].isdigit()
        return opens or last in _PLURALS or last.endswith("s")

    def _speaker_after(self, at: int, after: int) -> _Range | None:
        """Return X in “…,” said X."""
        quoted = _QUOTED in (self._at(at - 1), self._at(at - 2) if self._at(at - 1) == "," else "")
        starts = self._starts_phrase(after) and self._at(after) != "that"
        if not starts or not (quoted or self._at(at - 1) == ","):
            return None
        end, stops = after, _TIMES | (_PREPOSITIONS - {"for", "with", "from", "at"})
        while end < len(self._low) and not self._ends_phrase(end) and self._low[end] not in stops:
            end += 1
        if self._at(end) in _MODALS | _BE | _HAVE or not (quoted or self._at(end) in _ASIDES | {"", ","}):
            return None
        end = self._with_apposition(self._trimmed(after, end))
        return (after, end) if end > after else None

    def _with_apposition(self, end: int) -> int:
        following = self._at(end + 1)
        if self._at(end) != "," or following in _ASIDES | {_QUOTED} or following.endswith("ing"):
            return end
        return self._trimmed(end, self._find(end + 1, {",", ";", ":", "—", "–", _QUOTED}))

    # The content

    def _content(self, speaker: _Range, after: int, verb: _Verb) -> tuple[_Range, ...]:
        if self._is_tag(speaker[0], after, verb):
            return self._around(speaker[0], after)
        start = self._start(after, verb)
        if start is None or start >= len(self._low):
            return ()
        return (self._part(start),)

    def _part(self, start: int) -> _Range:
        """Return the quotation that starts here, where nothing but punctuation follows it, or else the clause."""
        if self._low[start] == _QUOTED and not any(map(self._is_word, range(start + 1, len(self._low)))):
            return (start, start + 1)
        end = next((at for at in range(start + 1, len(self._low)) if self._breaks_off(at)), len(self._low))
        return (start, max(self._trimmed(start, end), start + 1))

    def _breaks_off(self, index: int) -> bool:
        """Whether a clause ends here: "…, adding that …", "…, and showed …"."""
        word, following, verb = self._low[index], self._at(index + 1), self._verb(index + 1)
        if word == ",":
            if verb and verb.form in ("ing", "past") and following not in _ALSO_NOUNS:
                return True
            return following == "according" or (following in ("and", "but") and self._at(index + 2).endswith("ed"))
        participle = self._verb(index)
        return word == ";" or bool(participle and participle.form == "ing" and following == "that")

    def _is_tag(self, first: int, after: int, verb: _Verb) -> bool:
        """Whether "X said" stands after (or inside) what X said."""
        before, word = self._at(first - 1), self._at(after)
        quoted = before == _QUOTED or (before == "," and self._at(first - 2) == _QUOTED)
        if not verb.frames & _CLAUSAL or not (quoted or before in (",", "—", "–")):
            return False
        if word in _STOPS:
            return quoted or (word != ":" and self._at(after + 1) != _QUOTED)
        if self._introduced(after) is not None:
            return False
        adverbial = word in (_ASIDES | {"last"}) - {"to", "that", "and", "but"} or word.endswith("ly")
        return adverbial or (quoted and "p" in verb.frames)

    def _introduced(self, index: int) -> int | None:
        """Return where the content starts if "that", a colon or a quotation introduces it, after adverbials."""
        for at in range(index, min(index + 25, len(self._low))):
            verb = self._verb(at)
            if self._low[at] in ("that", ":"):
                return at + 1
            if self._low[at] == _QUOTED:
                return at
            if self._low[at] in (_BREAKS | {";"}) - {"then"} or (verb and verb.form == "ing"):
                return None
        return None

    def _start(self, index: int, verb: _Verb) -> int | None:
        """Return where what the verb reports starts after it."""
        word, frames = self._at(index), verb.frames
        if word == _QUOTED or (word in ("that", ",", ":") and frames & _CLAUSAL):
            introduced = word in ("that", _QUOTED) or self._at(index + 1) == _QUOTED
            return index + (word != _QUOTED) if introduced else None
        if word == "to" or not self._is_word(index):
            return index if word == "to" and "i" in frames else None
        if "p" in frames:
            return self._after_person(index)
        if self._at(index - 1) in ("put", "puts", "putting"):
            return index if self._sets_number(index) else None
        if word in _PREPOSITIONS | _TIMES | _ADVERBS | {"of"}:
            return self._introduced(index) if frames & _CLAUSAL else None
        if word in _BREAKS | _BE | _HAVE | _MODALS | {"otherwise", "differently"}:
            asked = word in ("if", "whether", "what", "how", "why", "who", "where", "when") and frames & {
                "c",
                "o",
            }
            return index if asked or word in ("having", "being") else None
        found_nothing = word == "no" and self._at(index + 1) == "evidence"
        bare = "t" in frames and word in _PRONOUNS
        return index if frames & {"c", "o"} or found_nothing or bare else None

    def _sets_number(self, index: int) -> bool:
        """Whether "the dead at 42" or the like stands here."""
        ahead = self._low[index : index + 20]
        return any(word == "at" and (than[0].isdigit() or than in _NUMBERS) for word, than in pairwise(ahead))

    def _after_person(self, index: int) -> int | None:
        """Return where the content starts in "told reporters that …", "asked her whether …", "told CNN he …"."""
        introduced = self._introduced(index)
        ahead = range(index, min(index + 12, len(self._low)) if introduced is None else introduced)
        for at in ahead:
            if self._low[at] in ("whether", "if", "what", "how", "why", "to"):
                return at
        if introduced is not None:
            return introduced
        end = index + (self._low[index] in _DETERMINERS)
        while self._is_name(end):
            end += 1
        end = max(end, index + 1)
        return end if self._at(end) in _DETERMINERS | _PRONOUNS else None

    def _around(self, first: int, last: int) -> tuple[_Range, ...]:
        """Return what stands before the words `first` to `last` of a tag, and what goes on after them."""
        end = self._trimmed(0, first)
        start = max((at + 1 for at in range(end) if self._low[at] in (";", ":")), default=0)
        if self._at(end - 1) == _QUOTED and not self._is_word(end - 2) and self._at(end - 2) != _QUOTED:
            start = end - 1
        while start < end and self._low[start] in ("but", "and", "yet", "so", ","):
            start += 1
        if start >= end:
            return ()
        after = self._resumed(last, start == end - 1 and self._low[start] == _QUOTED)
        opens = self._low[start] in (_PREPOSITIONS | _SUBORDINATORS) - _NUMBERS
        if opens and after is None and not {",", _QUOTED} & set(self._low[start:end]):
            return ()  # "After the hearing, X said on Friday …"
        return ((start, end), after) if after else ((start, end),)

    def _resumed(self, last: int, quoted: bool) -> _Range | None:
        """Return what goes on after a tag: “…,” X said, “…”  It was, X said, the first."""
        mark = self._find(last, {",", ":", ";", "—", "–", _QUOTED})
        start = mark if self._at(mark) == _QUOTED else mark + 1
        word = self._at(start)
        if self._at(mark) == ";" or not word:
            return None
        if word == _QUOTED:
            return self._part(start) if self._is_word(start + 1) else (start, start + 1)
        if word == "that":
            return self._part(start + 1) if self._at(start + 1) else None
        goes_on = word in ("and", "but", "because", "although") or (mark == last and word not in _ASIDES | {"a", "an"})
        if quoted or self._at(mark) != "," or not goes_on or word.endswith("ing") or word == "according":
            return None
        return self._part(start)

    # According to X, …

    def _according(self, at: int) -> _Found | None:
        end = at + 2
        while end < len(self._low) and not self._ends_phrase(end):
            end += 1
        end = self._trimmed(at + 2, end)
        if end == at + 2:
            return None
        if at > 0:
            content = self._around(at, end)
        else:
            start = self._find(end, {","}) + 1
            content = (self._part(start),) if start < len(self._low) else ()
        return _Found((at + 2, end), (at, at + 2), content, "says") if content else None

    # Several claims in one sentence

    def _cut_apart(self, found: Sequence[_Found]) -> list[_Found]:
        """End each content where the next claim begins, unless that is part of what is said."""
        kept = list(found)
        for index, following in enumerate(found[1:]):
            end = self._beginning(following, kept[index])
            if end is not None:
                cut = tuple((first, self._trimmed(first, min(last, end))) for first, last in kept[index].content)
                if all(first < last for first, last in cut):
                    kept[index] = replace(kept[index], content=cut)
        return kept

    def _beginning(self, claim: _Found, before: _Found) -> int | None:
        """Return where `claim` begins if it stands beside the claim before it rather than inside it."""
        start = claim.content[0][0]
        if start < claim.cue[0]:
            return start if start > before.cue[1] + 1 else claim.speaker[0]
        first = self._subject_end(claim.speaker[0] if claim.speaker[0] > before.cue[0] else claim.cue[0])
        if self._at(first - 1) in ("and", "but", "while", ";", ":"):
            return first - 1
        joints = (at for at in range(first - 1, max(first - 7, 0), -1) if self._low[at] in ("and", "but", "while"))
        return next((at for at in joints if self._low[at - 1] == ","), None)
