"""Who speaks, within one article: each speaker to the fullest naming of the same person or body, or to nobody.

Rules, and careful ones: a pronoun goes to a name only where a single person (or body) can be meant, among those that
speak or are named in its paragraph and the one before."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from index.passages import Span, split_sentences
from index.people import ROLES, Named, gender_of, named_in
from index.quotations import GAP
from index.speakers import BODY_WORDS, RANKS, Words, fold, read_naming

VERSION = 4  # of the rules: where it changes, claims are found anew

_HE_SHE = frozenset(("he", "she"))
_OF_A_PERSON = re.compile(r"\b(?:he|she|his|her|him)\b", re.IGNORECASE)
_NO_NAME = frozenset("i we you them who which that this those these her him his".split())
_MANY = re.compile(  # people without a name, more than one
    r"\b(?:people|police|troops|forces|families|relatives|rebels|militants|insurgents|men|women|children|girls|boys|"
    r"crowds?|\w+men|\w+women|(?!others|numbers|papers|letters|years|matters|orders|hours|doors|factors|floors|colors)\w+"
    r"(?:[eo]rs|ists|ians|ees)|(?:resident|official|student|witness|doctor|activist|citizen|parent|victim|survivor|"
    r"analyst|expert|critic|Democrat|Republican|client|patient|immigrant|president|pilot|cop|aide|diplomat|agent|"
    r"relative|neighbour|friend|supporter|opponent|Briton|American|German)(?:e?s))\b",
)
_GROUP_PRONOUNS = frozenset(("they", "it"))
_DEFINITE = re.compile(r"(?:the|that|this)\s", re.IGNORECASE)
_SOMEONE = re.compile(
    r"\b(?i:an?|one|another|the|his|her|their)\s(?:[\w’'-]+\s){0,3}?(?P<noun>man|woman|boy|girl|teenager|resident|witness|official|"
    r"officer|doctor|mother|father|wife|husband|son|daughter|brother|sister|victim|suspect|survivor|neighbor|neighbour|"
    r"student|reporter|journalist|worker|activist|soldier|commander|judge|prosecutor|lawyer|attorney|source|"
    r"spokesman|spokeswoman|spokesperson|president|minister|player|driver|gunman|person|friend|aide|adviser)\b(?![’'])"
)
_OWNED = re.compile(
    r"(?:\b(?:of|for|to|by|with|from|about|on|in|at|under|against|like|than|including|and|or|\w+ing)\s(?:the\s)?"
    r"|[’']s\s[^,]*|\s[-–—]\s)$|^[^,]*\sand\s|^(?:[A-Z]\S*\s?){1,3},\s$"
)
_QUOTED_IN = re.compile(r"\b(?:quoting|citing|quoted)\b")
_NAME_ENDS = re.compile(
    r"\s*(?:[,(—–;:](?!\s(?:[A-Z][\w’'-]*\s?){1,3}$|\salong with\b)|$|(?:of|from|at|in|with|who)\s)"
)
_ONE_THOUGH_S = frozenset("states nations times news motors airlines services".split())
_POSSESSED = re.compile(r"(?:his|her|its|their)\s", re.IGNORECASE)
_ONE = re.compile(r"(?:an?|one|another|the|his|her)\s", re.IGNORECASE)
_TITLES_BEFORE = re.compile(r"(?:(?i:{})\.?\s)+$".format("|".join(sorted(RANKS, key=len, reverse=True))))
# What a body is called for short, with a word of its name.
_BODY_NOUNS = frozenset(
    "group agency organization organisation ministry department network company paper newspaper union association "
    "council committee commission court bank university party watchdog campaign firm site website outlet bureau team "
    "institute foundation coalition charity center centre school board office government command observatory".split()
)


@dataclass(frozen=True)
class Mention:
    """A speaker where a claim has it, if it has one, and the content of that claim."""

    speaker: Span | None
    content: tuple[Span, ...] = ()


@dataclass
class _Someone:
    """A person or body of the article: by which words it is called, and how most fully."""

    words: Words
    naming: str
    person: bool | None
    gender: str | None
    acronym: str = ""
    fullness: tuple[int, bool, bool, int] = (0, False, False, 0)  # of the naming, see `_gathered`
    places: list[int] = field(default_factory=list)


def names_of(text: str, mentions: Sequence[Mention]) -> list[str | None]:
    """Return for each speaker its fullest naming in `text`, or None where it is nobody's for sure.

    `mentions` stand in the order of their claims. A speaker without a name ("two residents") is its own naming.
    """
    article = _Article.read(text, mentions)
    said: list[tuple[int, _Someone | None]] = []  # (place, who) of the speakers so far
    names: list[str | None] = []
    for mention in mentions:
        someone = article.who(mention.speaker, said) if mention.speaker else None
        names.append(someone.naming if someone else None)
        if mention.speaker:
            said.append((mention.speaker.start, someone))
    return names


def candidates_for(text: str, mentions: Sequence[Mention], places: Sequence[int]) -> list[list[str]]:
    """Return whom the speakers of `mentions` at these places may stand for: who is named in the paragraph and the one
    before, the nearest first. A pronoun of one gender leaves those of the other out; "we" has no candidates.
    """
    article = _Article.read(text, mentions) if places else None
    speakers = [mentions[at].speaker for at in places]
    return [article.candidates(speaker) if article and speaker else [] for speaker in speakers]


@dataclass(frozen=True)
class _Article:
    text: str
    everyone: tuple[_Someone, ...]
    named: tuple[tuple[Named, _Someone], ...]
    paragraphs: tuple[int, ...]  # where each begins
    contents: tuple[Span, ...]
    speakers: tuple[Span, ...]

    @classmethod
    def read(cls, text: str, mentions: Sequence[Mention]) -> _Article:
        named = named_in(text)
        speaking = [mention.speaker for mention in mentions if mention.speaker]
        everyone = _gathered(text, named, speaking)
        owners = [(one, owner) for one in named if (owner := _owner(one.words, everyone))]
        for one, owner in owners:
            owner.places.append(one.start)
        begins = (0, *(gap.end() for gap in GAP.finditer(text)))
        contents = tuple(piece for mention in mentions for piece in mention.content)
        return cls(text, tuple(everyone), tuple(owners), begins, contents, tuple(speaking))

    def who(self, speaker: Span, said: Sequence[tuple[int, _Someone | None]]) -> _Someone | None:
        """Return whom a speaker's words stand for."""
        words = " ".join(self.text[speaker.start : speaker.end].split())
        if words.casefold() in _HE_SHE:
            return self._he_or_she(speaker.start, words.casefold(), said)
        if words.casefold() == "it":
            return self._last_body(speaker.start, said)
        if words.casefold() == "they":
            return self._last_group(speaker.start, said)
        if words.casefold() in _NO_NAME or not any(sign.isalnum() for sign in words):
            return None
        inside = [(one, owner) for one, owner in self.named if speaker.start <= one.start and one.end <= speaker.end]
        for one, owner in inside:
            if owner.person and _is_head(self.text, one, speaker):
                return owner
        head = speaker.start + len(self.text[speaker.start : speaker.end].split(",")[0])
        called = _body_words(words.split(",")[0])
        body = _owner(called, self.everyone) if not words.islower() else None
        if body and not _says_office(words):
            return replace(body, naming=_plain(words)) if called == body.words and not body.acronym else body
        if _is_bare_name(words):
            return None if _shared(called, self.everyone) else _new(words)
        if _DEFINITE.match(words) and words[4:5].islower() and not any(one.start < head for one, _ in inside):
            return self._described(words, speaker.start, said)
        return _new(words)

    def _he_or_she(self, at: int, pronoun: str, said: Sequence[tuple[int, _Someone | None]]) -> _Someone | None:
        reach = self.reach(at)
        speakers = [(place, who) for place, who in said if place >= reach.start]
        last_place, last = speakers[-1] if speakers else (reach.start, None)
        near = [one for one in self.near(reach, at) if one.gender in (None, pronoun)]
        unnamed = self._unnamed(reach.start, at)
        if last and last.person and last.gender in (None, pronoun):
            rivals = [one for one in self._named_between(last_place, at, told=False) if one.person and one is not last]
            if not any(one.gender in (None, pronoun) for one in rivals) and not self._unnamed(last_place + 1, at):
                return last if self._goes_on(last_place, at) else None
        if len(near) == 1 and not unnamed and all(who is near[0] for _, who in speakers):
            return near[0] if self._goes_on(max(place for place in near[0].places if place < at), at) else None
        return None

    def _goes_on(self, place: int, at: int) -> bool:
        """Whether the paragraph of a pronoun tells on of a person at `place`: it holds both, or begins with the
        pronoun's sentence, what is said in it or another pronoun; else others may have been brought in since."""
        begin = self.paragraphs[bisect_right(self.paragraphs, at) - 1]
        if place >= begin:
            return True
        before = self.text[begin:at]
        for sentence in split_sentences(before)[:-1]:
            said = self._in_content(begin + sentence.start) or before[sentence.start] in "“\"‘'"
            if not said and not _OF_A_PERSON.search(before, sentence.start, sentence.end):
                return False
        return True

    def _unnamed(self, start: int, end: int) -> bool:
        """Whether somebody without a name, whom a pronoun may mean, is told of between two characters."""
        for match in _SOMEONE.finditer(self.text, start, end):
            apposition = any(one.end <= match.start() <= one.end + 3 for one, _ in self.named)
            title = any(match.end() + 1 <= one.start <= match.end() + 2 for one, _ in self.named)
            if not apposition and not title and not self._in_content(match.start()):
                return True
        return False

    def _last_body(
        self, at: int, said: Sequence[tuple[int, _Someone | None]], a_group: bool = False
    ) -> _Someone | None:
        """Return the body that spoke last, where nobody else has spoken since in reach."""
        reach = self.reach(at)
        if said and said[-1][0] >= reach.start and (last := said[-1][1]) and _is_body(last, a_group):
            named = self._named_between(said[-1][0], at, told=False)
            return None if any(_is_body(one, a_group) and one.words != last.words for one in named) else last
        return None

    def _last_group(self, at: int, said: Sequence[tuple[int, _Someone | None]]) -> _Someone | None:
        """Return the group or body that spoke last, where "they" can mean no others: neither people told of since, nor
        two persons."""
        place, last = said[-1] if said else (-1, None)
        if last is None or place < self.reach(at).start or not self._goes_on(place, at):
            return None
        if not (last.person is False or (last.person is None and _MANY.search(last.naming))):
            return None
        named = [one for one in self._named_between(place, at, told=False) if one.words != last.words]
        bodies = [one for one in named if one.person is False]
        if bodies or len(named) > 1 or self._others(place + len(last.naming), at):
            return None
        return last

    def _others(self, start: int, end: int) -> bool:
        """Whether more than one person without a name is told of between two characters, other than in a claim."""
        return any(not self._in_content(match.start()) for match in _MANY.finditer(self.text, start, end))

    def _described(self, words: str, at: int, said: Sequence[tuple[int, _Someone | None]]) -> _Someone | None:
        """Return who "the spokesman" or "the group" is: the only one so called before, or the body that spoke last."""
        noun = _noun_of(words)
        if noun in ROLES:
            so_called = [one for one in self.everyone if one.person and noun in _roles_in(one.naming)]
            before = [one for one in so_called if one.places and one.places[0] < at]
            if len(so_called) == 1 and before:
                return before[0]
            if so_called:
                return None
            unnamed = {id(who): who for place, who in said if place >= self.reach(at).start and _is_called(who, noun)}
            return next(iter(unnamed.values())) if len(unnamed) == 1 else None
        if noun in _BODY_NOUNS:
            so_called = [one for one in self.everyone if one.person is False and noun in one.words]
            if len(so_called) == 1:
                return so_called[0]
            return None if so_called else self._last_body(at, said, a_group=True)
        return _new(words) if noun.endswith("s") else None

    def reach(self, at: int) -> Span:
        """Return the paragraph that holds a character and the one before, up to the character."""
        number = bisect_right(self.paragraphs, at) - 1
        return Span(self.paragraphs[max(0, number - 1)], at)

    def candidates(self, speaker: Span) -> list[str]:
        """Return whom an unresolved speaker may stand for, the nearest first."""
        pronoun = self.text[speaker.start : speaker.end].casefold()
        if pronoun in _NO_NAME:
            return []
        if pronoun in _GROUP_PRONOUNS or (_DEFINITE.match(pronoun) and _noun_of(pronoun) in _BODY_NOUNS):
            return self._groups(speaker.start, many=pronoun == "they")
        near = self.near(self.reach(speaker.start), speaker.start)
        return [one.naming for one in near if pronoun not in _HE_SHE or one.gender in (None, pronoun)]

    def _groups(self, at: int, many: bool) -> list[str]:
        """Return the bodies named in reach, and with `many` the groups that speak there, the nearest first."""
        reach = self.reach(at)
        found = [(one.start, owner.naming) for one, owner in self.named if owner.person is False]
        for speaker in self.speakers if many else ():
            words = _plain(self.text[speaker.start : speaker.end])
            if _MANY.search(words):
                found.append((speaker.start, words))
        near = sorted(((place, naming) for place, naming in found if reach.start <= place < at), reverse=True)
        return list(dict.fromkeys(naming for _, naming in near))

    def near(self, reach: Span, at: int) -> list[_Someone]:
        """Return the persons named in a stretch, each once, the nearest first."""
        return [one for one in self._named_between(reach.start, at) if one.person]

    def _named_between(self, start: int, end: int, told: bool = True) -> list[_Someone]:
        """Return who is named in a stretch, the nearest first; without `told`, not who is only spoken of in a claim."""
        found = [
            owner
            for one, owner in reversed(self.named)
            if start <= one.start and one.end <= end and (told or not self._in_content(one.start))
        ]
        return list({id(one): one for one in found}.values())

    def _in_content(self, at: int) -> bool:
        return any(piece.start <= at < piece.end for piece in self.contents)


def _is_head(text: str, one: Named, speaker: Span) -> bool:
    """Whether a name in a speaker's words is the speaker: not so in "Clinton's lawyer" and "a friend of Clinton"."""
    before = _TITLES_BEFORE.sub("", text[speaker.start : one.start])
    return (
        not _OWNED.search(before)
        and not _QUOTED_IN.search(before)
        and bool(_NAME_ENDS.match(text[one.end : speaker.end]))
    )


def _begins_with(text: str, one: Named, speaker: Span) -> bool:
    """Whether a speaker's words begin with the name, after titles and what goes with them."""
    before = _TITLES_BEFORE.sub("", text[speaker.start : one.start])
    return "," not in before.strip(" ,") and (not before or before[0].isupper() or bool(_ONE.match(before)))


def _gathered(text: str, named: Sequence[Named], speaking: Sequence[Span]) -> list[_Someone]:
    """Gather the namings of each person and body.

    The fullest has the most words of the name, then is not called "its spokesman", then has an office, then is longest.
    """
    everyone: list[_Someone] = []
    for one in sorted(named, key=lambda one: -len(one.words)):
        speaker = next((span for span in speaking if span.start <= one.start and one.end <= span.end), None)
        speaks = speaker is not None and _is_head(text, one, speaker)
        person = one.person if one.person is not None or not speaks or len(one.words) < 2 else True
        naming = one.naming
        if speaker and speaks and person and _begins_with(text, one, speaker):
            # the speaker's own words may say more of who it is
            naming = max(naming, _plain(text[speaker.start : speaker.end]), key=len)
        fullness = (len(one.words), not _POSSESSED.match(naming), bool(read_naming(naming).offices), len(naming))
        same = [other for other in everyone if _is_called_so(one.words, other)]
        if len(one.words) == 1 and len(same) > 1:
            continue
        known = same[0] if len(same) == 1 else next((other for other in same if other.words == one.words), None)
        if known is None:
            everyone.append(_Someone(one.words, naming, person, one.gender, one.acronym, fullness))
            continue
        if fullness > known.fullness:
            known.naming, known.fullness = naming, fullness
        known.person = person if known.person is None else known.person or bool(person)
        known.gender = known.gender or one.gender
        known.acronym = known.acronym or one.acronym
    return everyone


def _may_be(short: Words, long: Words) -> bool:
    """Whether a name is another, whole or shortened: by its last words, or first and last of a person's."""
    if short == long or short == long[-len(short) :]:
        return True
    return len(short) == 2 and len(long) > 2 and (short[0], short[-1]) == (long[0], long[-1])


def _owner(words: Words, everyone: Iterable[_Someone]) -> _Someone | None:
    """Return the only one who is called so, or None."""
    found = _all_called(words, everyone)
    return found[0] if len(found) == 1 else None


def _shared(words: Words, everyone: Iterable[_Someone]) -> bool:
    return len(_all_called(words, everyone)) > 1


def _all_called(words: Words, everyone: Iterable[_Someone]) -> list[_Someone]:
    if not words:
        return []
    whole = [one for one in everyone if words == one.words or (len(words) == 1 and words[0] == fold(one.acronym))]
    if acronym := [one for one in whole if one.acronym and words != one.words]:
        return acronym
    if whole and len(words) > 1:
        return whole[:1]
    called = [one for one in everyone if _is_called_so(words, one)]
    people = [one for one in called if one.person]
    return people if len(people) == 1 else called


def _is_called_so(words: Words, one: _Someone) -> bool:
    """Whether somebody may be called by these words; a body by its last words only with the noun that makes it one."""
    if words != one.words and one.person is False and BODY_WORDS.isdisjoint(words):
        return False
    return _may_be(words, one.words) or _is_short_for(words, one)


def _is_short_for(words: Words, one: _Someone) -> bool:
    """Whether a body is called by the noun in its name ("the Observatory"), or by its first words up to that."""
    if one.person is not False or words[-1] not in BODY_WORDS:
        return False
    return (len(words) == 1 and words[0] in one.words) or words == one.words[: len(words)]


def _body_words(speaker: str) -> Words:
    words = [fold(word) for word in re.split(r"[\s,]+", re.sub(r"\s\(.*", "", speaker)) if word]
    while len(words) > 1 and (words[0] in RANKS or words[0] in ("the", "a", "an")):
        words.pop(0)
    return tuple(words)


def _is_bare_name(words: str) -> bool:
    return all(word[0].isupper() for word in words.split()) and len(words.split()) <= 3


def _says_office(words: str) -> bool:
    return not ROLES.isdisjoint(word for word in words.split() if word.islower())


_TITLE_OF = {
    "sen": "senator", "rep": "representative", "gov": "governor", "gen": "general", "capt": "captain",
    "lt": "lieutenant", "col": "colonel", "sgt": "sergeant", "dr": "doctor", "prof": "professor", "det": "detective",
    "adm": "admiral",
}  # fmt: skip


def _noun_of(words: str) -> str:
    """Return what "the former secretary of state" is called: the last word before "of" and the like."""
    return fold(re.split(r"\s(?:of|for|at|in|from|with|who|on)\s|,", words)[0].split()[-1])


def _roles_in(naming: str) -> set[str]:
    words = {fold(word.strip(",")) for word in naming.split()}
    return words | {_TITLE_OF[word] for word in words if word in _TITLE_OF}


def _new(words: str) -> _Someone:
    """Return one who is named by these words alone."""
    noun = _noun_of(words)
    person = (
        True if noun in ROLES and noun not in ("report", "statement", "authorities") and _ONE.match(words) else None
    )
    return _Someone(tuple(fold(word) for word in words.split()), _plain(words), person, gender_of(words))


def _is_called(one: _Someone | None, noun: str) -> bool:
    """Whether somebody without a name is called by a noun: "an unnamed official"."""
    return one is not None and one.person is True and _noun_of(one.naming) == noun


def _is_body(one: _Someone, many: bool) -> bool:
    """Whether somebody is a body, or has a name of one word of which nothing more is known; `many`, if also "they"."""
    body = one.person is False or (one.person is None and len(one.words) == 1 and one.naming[:1].isupper())
    last = one.words[-1]
    return body and (many or not last.endswith("s") or last in _ONE_THOUGH_S or len(last) < 4)


def _plain(words: str) -> str:
    plain = " ".join(words.split()).strip(" ,")
    return "the " + plain[4:] if plain.startswith("The ") else plain
