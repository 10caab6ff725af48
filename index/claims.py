"""Who said what: the attributions of a text, as exact spans."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from index.cues import (
    ADVERBS,
    ALSO_NOUNS,
    ASIDES,
    BE,
    BREAKS,
    CLAUSAL,
    DETERMINERS,
    HAVE,
    MODALS,
    NUMBERS,
    PLURALS,
    PREPOSITIONS,
    PRONOUNS,
    SUBORDINATORS,
    TIMES,
    VERBS,
    Verb,
    word_set,
)
from index.passages import Span, split_sentences
from index.quotations import GAP, QUOTED, Token, units


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


_STOPS = word_set(". , ; : — –") | {""}
_LONGEST = 400  # A "sentence" of more words is a table or junk, and reading it would take quadratic time.
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
    for tokens in units(text, split_sentences(text) if sentences is None else sentences):
        between = text[end : tokens[0].start]
        if between.strip() or GAP.search(between):
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


def _claim(text: str, tokens: Sequence[Token], found: _Found) -> Claim:
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


def _untagged(text: str, tokens: Sequence[Token], speaker: Piece | None) -> list[Claim]:
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


class _Sentence:
    """One sentence, and the rules that read it."""

    def __init__(self, tokens: Sequence[Token]) -> None:
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
        return self._is_name(index) or self._at(index) in DETERMINERS | PRONOUNS

    def _verb(self, index: int) -> Verb | None:
        return VERBS.get((self._at(index), ""))

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
        particle = self._at(at + 1)
        particled = VERBS.get((self._low[at], particle)) if particle else None
        verb = particled or self._verb(at)
        if verb is None or not self._is_used(at, verb):
            return None
        after = at + 2 if particled else at + 1
        end = self._subject_end(at)
        speaker = self._speaker_before(end, at, verb, earlier)
        inverted = None if speaker else self._speaker_after(at, after)
        if inverted and verb.frames & CLAUSAL:
            content = self._around(at, inverted[1])
        else:
            speaker = speaker or (earlier if self._at(end - 1) == "," else None)
            content = self._content(speaker, after, verb) if speaker and self._agrees(speaker, verb) else ()
        said_by = inverted or speaker
        return _Found(said_by, (at, after), content, verb.stance) if said_by and content else None

    def _subject_end(self, at: int) -> int:
        while self._at(at - 1) in ADVERBS | HAVE | BE or self._at(at - 1).endswith("ly"):
            at -= 1
        return at

    def _is_used(self, at: int, verb: Verb) -> bool:
        """Whether this form is a finite verb or a participle here: not negated, passive, conditional or a noun."""
        end = self._subject_end(at)
        auxiliaries = set(self._low[end:at])
        if self._at(end - 1) in MODALS | DETERMINERS | PREPOSITIONS | {"of"} or self._at(at - 1) == "so":
            return False
        if auxiliaries & (BE if verb.form == "past" else BE | HAVE if verb.form != "ing" else frozenset()):
            return False
        return self._low[at] not in ALSO_NOUNS or self._at(at + 1) in DETERMINERS | PRONOUNS | {
            "to",
            ":",
            QUOTED,
        }

    def _agrees(self, speaker: _Range, verb: Verb) -> bool:
        """Whether these words can be the subject of this form, and are a party that says something."""
        words = self._low[slice(*speaker)]
        if words in (["you"], ["one"]) or (words == ["i"] and verb.stance == "believes"):
            return False
        if words[0] in ("a", "an") and verb.frames == {"o"} and self._is_word(speaker[0] - 1):
            return self._at(speaker[0] - 1) in BREAKS | ADVERBS  # "shared a paper called …"
        return verb.form != "base" or any(word in PLURALS or word.endswith("s") or word == "and" for word in words)

    # The speaker

    def _speaker_before(self, end: int, at: int, verb: Verb, earlier: _Range | None) -> _Range | None:
        previous = self._at(end - 1)
        participle = verb.form == "ing" and not BE & set(self._low[end:at])
        if participle or previous in ("and", "but", "then"):
            return earlier or self._opening_name()
        if previous == QUOTED or (previous == "," and self._at(end - 2) == QUOTED):
            return None
        if previous in ("who", "which"):
            return self._antecedent(end - 1)
        return self._noun_phrase(end)

    def _opening_name(self) -> _Range | None:
        first = end = int(self._at(0) in ("but", "and", "yet"))
        end += self._at(first) in ("the", "he", "she", "it", "they")
        while self._is_name(end) and self._low[end] not in ASIDES | DETERMINERS:
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
        first = next((at for at in near if self._low[at] in DETERMINERS), first)
        return (first, end) if self._may_speak(first, end) else None

    def _noun_phrase(self, end: int) -> _Range | None:
        """Return the noun phrase that ends at `end`, with its appositions, as in "Davis, 51, a spokesman,"."""
        if self._at(end - 1) != ",":
            return self._chunk(end)
        commas = [at for at in range(max(0, end - 50), end - 1) if self._low[at] == ","]
        for opened in commas[-1:-6:-1]:
            head = self._chunk(opened)
            if head and (self._at(head[0] - 1) != "," or (self._is_name(head[0]) and self._is_name(head[1] - 1))):
                aside = self._at(opened + 1) in ASIDES and self._at(opened + 2) != "of"
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
            return not joins or self._at(index + 1) in DETERMINERS | PRONOUNS
        if verb and verb.form in ("past", "s") and word not in ALSO_NOUNS:
            return True
        return word in BREAKS | BE | HAVE | MODALS or not (word[0].isalnum() or word in ".&$%#()'")

    def _after_adverbial(self, first: int, end: int) -> int:
        """Skip "On Friday", "A day later", "The day after the strike" and the like before a noun phrase."""
        linked = PREPOSITIONS | DETERMINERS | {"of", "and", "or", "&", "all", "both", "half"}
        for at in range(end - 1, first, -1):
            if self._low[at] in DETERMINERS | PRONOUNS and self._low[at - 1] not in linked:
                return at
            if self._low[at - 1] in TIMES and self._starts_phrase(at) and self._low[at] not in TIMES:
                return at
        opens = self._at(first) in PREPOSITIONS
        names = (at for at in range(first + 2, end) if self._is_name(at) and not self._is_name(at - 1))
        return next(names, end) if opens else first

    def _may_speak(self, first: int, end: int) -> bool:
        if not 0 <= first < end:
            return False
        last = self._low[end - 1]
        if last in PREPOSITIONS | {"there", "of"} | (DETERMINERS - {"this", "that", "some", "another"}):
            return False
        first_word = self._low[first]
        opens = self._starts_phrase(first) or first_word in PLURALS or first_word[0].isdigit()
        return opens or last in PLURALS or last.endswith("s")

    def _speaker_after(self, at: int, after: int) -> _Range | None:
        """Return X in “…,” said X."""
        quoted = QUOTED in (self._at(at - 1), self._at(at - 2) if self._at(at - 1) == "," else "")
        starts = self._starts_phrase(after) and self._at(after) != "that"
        if not starts or not (quoted or self._at(at - 1) == ","):
            return None
        end, stops = after, TIMES | (PREPOSITIONS - {"for", "with", "from", "at"})
        while end < len(self._low) and not self._ends_phrase(end) and self._low[end] not in stops:
            end += 1
        if self._at(end) in MODALS | BE | HAVE or not (quoted or self._at(end) in ASIDES | {"", ","}):
            return None
        end = self._with_apposition(self._trimmed(after, end))
        return (after, end) if end > after else None

    def _with_apposition(self, end: int) -> int:
        following = self._at(end + 1)
        if self._at(end) != "," or following in ASIDES | {QUOTED} or following.endswith("ing"):
            return end
        return self._trimmed(end, self._find(end + 1, {",", ";", ":", "—", "–", QUOTED}))

    # The content

    def _content(self, speaker: _Range, after: int, verb: Verb) -> tuple[_Range, ...]:
        if self._is_tag(speaker[0], after, verb):
            return self._around(speaker[0], after)
        start = self._start(after, verb)
        if start is None or start >= len(self._low):
            return ()
        return (self._part(start),)

    def _part(self, start: int) -> _Range:
        """Return the quotation that starts here, where nothing but punctuation follows it, or else the clause."""
        if self._low[start] == QUOTED and not any(map(self._is_word, range(start + 1, len(self._low)))):
            return (start, start + 1)
        end = next((at for at in range(start + 1, len(self._low)) if self._breaks_off(at)), len(self._low))
        return (start, max(self._trimmed(start, end), start + 1))

    def _breaks_off(self, index: int) -> bool:
        """Whether a clause ends here: "…, adding that …", "…, and showed …"."""
        word, following, verb = self._low[index], self._at(index + 1), self._verb(index + 1)
        if word == ",":
            if verb and verb.form in ("ing", "past") and following not in ALSO_NOUNS:
                return True
            return following == "according" or (following in ("and", "but") and self._at(index + 2).endswith("ed"))
        participle = self._verb(index)
        return word == ";" or bool(participle and participle.form == "ing" and following == "that")

    def _is_tag(self, first: int, after: int, verb: Verb) -> bool:
        """Whether "X said" stands after (or inside) what X said."""
        before, word = self._at(first - 1), self._at(after)
        quoted = before == QUOTED or (before == "," and self._at(first - 2) == QUOTED)
        if not verb.frames & CLAUSAL or not (quoted or before in (",", "—", "–")):
            return False
        if word in _STOPS:
            return quoted or (word != ":" and self._at(after + 1) != QUOTED)
        if self._introduced(after) is not None:
            return False
        adverbial = word in (ASIDES | {"last"}) - {"to", "that", "and", "but"} or word.endswith("ly")
        return adverbial or (quoted and "p" in verb.frames)

    def _introduced(self, index: int) -> int | None:
        """Return where the content starts if "that", a colon or a quotation introduces it, after adverbials."""
        for at in range(index, min(index + 25, len(self._low))):
            verb = self._verb(at)
            if self._low[at] in ("that", ":"):
                return at + 1
            if self._low[at] == QUOTED:
                return at
            if self._low[at] in (BREAKS | {";"}) - {"then"} or (verb and verb.form == "ing"):
                return None
        return None

    def _start(self, index: int, verb: Verb) -> int | None:
        """Return where what the verb reports starts after it."""
        word, frames = self._at(index), verb.frames
        if word == QUOTED or (word in ("that", ",", ":") and frames & CLAUSAL):
            introduced = word in ("that", QUOTED) or self._at(index + 1) == QUOTED
            return index + (word != QUOTED) if introduced else None
        if word == "to" or not self._is_word(index):
            return index if word == "to" and "i" in frames else None
        if "p" in frames:
            return self._after_person(index)
        if self._at(index - 1) in ("put", "puts", "putting"):
            return index if self._sets_number(index) else None
        if word in PREPOSITIONS | TIMES | ADVERBS | {"of"}:
            return self._introduced(index) if frames & CLAUSAL else None
        if word in BREAKS | BE | HAVE | MODALS | {"otherwise", "differently"}:
            asked = word in ("if", "whether", "what", "how", "why", "who", "where", "when") and frames & {
                "c",
                "o",
            }
            return index if asked or word in ("having", "being") else None
        found_nothing = word == "no" and self._at(index + 1) == "evidence"
        bare = "t" in frames and word in PRONOUNS
        return index if frames & {"c", "o"} or found_nothing or bare else None

    def _sets_number(self, index: int) -> bool:
        """Whether "the dead at 42" or the like stands here."""
        ahead = self._low[index : index + 20]
        return any(word == "at" and (than[0].isdigit() or than in NUMBERS) for word, than in pairwise(ahead))

    def _after_person(self, index: int) -> int | None:
        """Return where the content starts in "told reporters that …", "asked her whether …", "told CNN he …"."""
        introduced = self._introduced(index)
        ahead = range(index, min(index + 12, len(self._low)) if introduced is None else introduced)
        for at in ahead:
            if self._low[at] in ("whether", "if", "what", "how", "why", "to"):
                return at
        if introduced is not None:
            return introduced
        end = index + (self._low[index] in DETERMINERS)
        while self._is_name(end):
            end += 1
        end = max(end, index + 1)
        return end if self._at(end) in DETERMINERS | PRONOUNS else None

    def _around(self, first: int, last: int) -> tuple[_Range, ...]:
        """Return what stands before the words `first` to `last` of a tag, and what goes on after them."""
        end = self._trimmed(0, first)
        start = max((at + 1 for at in range(end) if self._low[at] in (";", ":")), default=0)
        if self._at(end - 1) == QUOTED and not self._is_word(end - 2) and self._at(end - 2) != QUOTED:
            start = end - 1
        while start < end and self._low[start] in ("but", "and", "yet", "so", ","):
            start += 1
        if start >= end:
            return ()
        after = self._resumed(last, start == end - 1 and self._low[start] == QUOTED)
        opens = self._low[start] in (PREPOSITIONS | SUBORDINATORS) - NUMBERS
        if opens and after is None and not {",", QUOTED} & set(self._low[start:end]):
            return ()  # "After the hearing, X said on Friday …"
        return ((start, end), after) if after else ((start, end),)

    def _resumed(self, last: int, quoted: bool) -> _Range | None:
        """Return what goes on after a tag: “…,” X said, “…”  It was, X said, the first."""
        mark = self._find(last, {",", ":", ";", "—", "–", QUOTED})
        start = mark if self._at(mark) == QUOTED else mark + 1
        word = self._at(start)
        if self._at(mark) == ";" or not word:
            return None
        if word == QUOTED:
            return self._part(start) if self._is_word(start + 1) else (start, start + 1)
        if word == "that":
            return self._part(start + 1) if self._at(start + 1) else None
        goes_on = word in ("and", "but", "because", "although") or (mark == last and word not in ASIDES | {"a", "an"})
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
