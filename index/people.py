"""Persons and bodies that a text names: where, by which words, and how most fully."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from index.passages import STARTERS, Span, split_sentences
from index.speakers import BODY_WORDS, OFFICERS, RANKS, SPOKESMEN, Words, fold, genders

_LONGEST_NAMING = 140  # characters

_HE = (
    "spokesman chairman congressman councilman businessman actor king prince father son brother husband man boy mr sir"
)
_SHE = (
    "spokeswoman chairwoman congresswoman councilwoman businesswoman actress queen princess mother daughter sister "
    "wife woman girl mrs ms miss dame lady widow"
)
_GENDERS = {**dict.fromkeys(_HE.split(), "he"), **dict.fromkeys(_SHE.split(), "she")}
# Nouns for people, of which an apposition to a person's name has one.
ROLES = (
    OFFICERS
    | frozenset(_GENDERS)
    | frozenset(
        "professor analyst doctor physician nurse resident activist witness researcher scientist expert author editor "
        "writer journalist reporter correspondent columnist student candidate nominee senator player coach singer "
        "pastor priest fellow scholar historian economist strategist pollster adviser advisor aide counsel member "
        "partner consultant teacher farmer driver soldier veteran engineer critic advocate organizer campaigner "
        "democrat republican billionaire entrepreneur producer cousin uncle aunt grandmother grandfather friend "
        "neighbor neighbour parent survivor victim suspect detective deputy lawmaker legislator politician diplomat "
        "psychologist surgeon epidemiologist biologist judge sheriff dean principal pilot worker employee customer "
        "rival ally boss associate recruiter dancer artist musician blogger hunter lobbyist donor backer supporter "
        "treasurer anchor host".split()
    )
)
_NOT_PEOPLE = frozenset(  # what is written with a capital and is no one
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december christmas easter islam christianity english arabic god internet web facebook "
    "twitter".split()
)
# What begins a sentence and, though with a capital, no name.
_OPENERS = STARTERS | frozenset(
    "even besides like unlike today yesterday asked according despite during under until through among perhaps now "
    "earlier later last next several other others another only just never still again also instead once given "
    "following speaking responding such same each every either neither nor than over against between without within "
    "upon about above across around behind beyond via per than first second finally indeed however moreover of into "
    "more less few asking calling citing noting saying adding described told asks did do does has have had can could "
    "will would should may might must let please yet whether whatever wherever whenever whose whom three four five "
    "six seven".split()
)
_WORD = r"(?:(?:[A-ZÀ-Þ]\.)+|(?:[A-Z][a-z]{0,5}\.(?=\s[A-Z]))|(?:al-|el-|d’|d')?[A-ZÀ-Þ][\w’'&-]*)"
_LINK = r"(?:\s(?:de|del|della|van|von|der|den|bin|ibn|al|el|la|le|da|dos))?"
_CAPITALS = re.compile(rf"(?<![\w’'-]){_WORD}(?:{_LINK}\s{_WORD})*")
_POSSESSIVE = re.compile(r"[’']s?$")
_JOINS_BODY = re.compile(r"\s(?:of|for|on|to|against)\s(?:the\s)?$")
_INSIDE = (
    r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Gov|Sen|Rep|Gen|Col|Lt|Adm|Rev)\."
    r"|[^,;:.()“”\"\n—–]|\.(?=\w)|(?<=\b[A-Z])\.|(?<=\b[A-Z][a-z])\.)"
)
_GOES_ON = r"\s(?:who|said|says|told)\b"
_APPOSITION = re.compile(rf"(?:,\s\d{{1,3}})?,\s((?:(?!{_GOES_ON}){_INSIDE}){{3,90}})(?=[,.;)\n—–]|{_GOES_ON}|$)")
_CAPITAL = r"(?:(?:[A-Z]\.){2,}|[A-Z][\w’'&-]*)"
_OF_BODY = re.compile(
    rf",?\s(?:also\s)?(?:of|from|at|with)\s(?:the\s)?{_CAPITAL}(?:\s(?:(?:of|for|the)\s){{0,2}}{_CAPITAL})*"
)
_ADJECTIVES = (
    "former senior chief deputy top acting vice executive assistant presidential campaign press police city state "
    "county national federal district department military army company foreign security legal medical lead lieutenant "
    "then outgoing veteran fellow longtime political conservative liberal"
)
_TITLES = (ROLES | RANKS) - frozenset("former retired late first second".split())  # which alone are none
_TITLE = r"(?i:{}|(?:{})\.?)".format(
    "|".join(sorted(ROLES, key=len, reverse=True)), "|".join(sorted(RANKS & _TITLES, key=len, reverse=True))
)
_BEFORE = re.compile(
    r"(?<![\w’'.-])(?:(?:[Tt]he|[Aa]n?)\s)?"
    rf"(?:(?:{_TITLE}|(?:[A-ZÀ-Þ]\.)+|[A-ZÀ-Þ][\w’'&-]*|\w+-\w+|{'|'.join(_ADJECTIVES.split())})\s){{0,6}}"
    rf"{_TITLE}(?:\s(?:of|for)\s(?:the\s)?[A-Z]\w*(?:\s[A-Z]\w*)?)?,?\s$"
)
_DETERMINED = re.compile(r"(?:the|an?|one|his|her|its|their|former|then|[A-Z][\w’'-]*[’']s?)\s", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:said|says|say|told|added|is|was|are|were|has|had|have|will|would|can|could|did|does|do|be|been|who|and then|"
    r"called|argued|wrote|announced|made|went|came|got|took)\b",
    re.IGNORECASE,
)
_ACRONYM = re.compile(r"\s\((?:the\s)?([A-Z][A-Za-z]{0,6}[A-Z])\)")


@dataclass(frozen=True)
class Named:
    """A person or body where a text names it: the words of the name, folded, and the whole naming there."""

    start: int
    end: int
    words: Words
    naming: str
    person: bool | None  # None where that cannot be told
    gender: str | None  # "he" or "she", where a first name or title tells
    acronym: str = ""
    titled: bool = False  # a title or office stands before the name


def named_in(text: str) -> list[Named]:
    """Return the persons and bodies named in `text`, in order; the same one each time it is named."""
    begins = {sentence.start for sentence in split_sentences(text)}
    return [named for span in _runs(text, begins) if (named := _read(text, span))]


def _runs(text: str, begins: set[int]) -> Iterator[Span]:
    """Yield the runs of capitalised words, joined in a body's name, without a sentence's first small word."""
    waiting: Span | None = None
    for match in _CAPITALS.finditer(text):
        for span in _cut(text, match.start(), match.end(), begins):
            if waiting and _joins(text, waiting, span):
                waiting = Span(waiting.start, span.end)
                continue
            if waiting:
                yield waiting
            waiting = span
    if waiting:
        yield waiting


def _cut(text: str, start: int, end: int, begins: set[int]) -> Iterator[Span]:
    """Cut a run of capitals after each possessive and between sentences."""
    first = start
    for word in re.finditer(r"\S+", text[start:end]):
        at = start + word.start()
        opens = at in begins or text[at - 1 : at] in "“\"'‘"
        if at in begins and first < at:
            yield Span(first, at)
            first = at
        if opens and first == at and word.group().casefold() in _OPENERS:
            first = min(end, start + word.end() + 1)
        elif possessive := re.search(r"[’']s?$", word.group()):
            yield Span(first, at + possessive.start())
            first = min(end, start + word.end() + 1)
    if first < end:
        yield Span(first, end)


def _joins(text: str, one: Span, other: Span) -> bool:
    words = text[one.start : one.end].split()
    return bool(words) and fold(words[-1]) in BODY_WORDS and bool(_JOINS_BODY.fullmatch(text, one.end, other.start))


def _read(text: str, span: Span) -> Named | None:
    tokens = [(match.start(), match.group()) for match in re.finditer(r"\S+", text[span.start : span.end])]
    tokens = [(span.start + at, word) for at, word in tokens]
    end = tokens[-1][0] + len(_without_stop(tokens[-1][1])) if tokens else span.end
    if not tokens or all(fold(word) in _NOT_PEOPLE for _, word in tokens):
        return None
    body = any(fold(word) in BODY_WORDS for _, word in tokens)
    first, titled = _start_of_name(tokens)
    start = tokens[first][0]
    words = tuple(fold(word) for _, word in tokens[first:])
    known = len(words) > 1 and words[0] in genders()
    if body and not titled and not known:
        acronym = _acronym(text, end, words)
        naming = text[_with_article(text, start) : acronym.end() if acronym else end]
        return Named(start, end, words, _plain(naming), False, None, acronym[1] if acronym else "")
    return _person(text, Span(start, end), words, titled, known)


def _person(text: str, span: Span, words: Words, titled: bool, known: bool) -> Named:
    before = _title_before(text, span.start)
    left = before.start() + _small_start(before.group()) if before else span.start
    title = text[left : span.start]
    if title[:1].islower() and not _DETERMINED.match(title) and text[max(0, left - 2) : left].strip()[-1:].isalpha():
        left = span.start  # some of the title stands before it, in a word that is not known
    right, apposition = _apposition(text, span.end)
    person = titled or known or bool(title.strip()) or bool(apposition)
    if not person:
        acronym = _acronym(text, span.end, words)
        left = _with_article(text, span.start)
        is_body = bool(acronym) or left < span.start or (len(words) == 1 and text[span.start : span.end].isupper())
        right = acronym.end() if acronym else span.end
        naming = _plain(text[left:right])
        return Named(
            span.start, span.end, words, naming, False if is_body else None, None, acronym[1] if acronym else ""
        )
    naming = _plain(text[left:right])
    if len(naming) > _LONGEST_NAMING:
        naming = _plain(text[span.start : span.end])
    gender = gender_of(f"{title} {apposition}") or (genders().get(words[0]) if len(words) > 1 else None)
    return Named(span.start, span.end, words, naming, True, gender, titled=bool(title.strip()))


def _acronym(text: str, end: int, words: Words) -> re.Match[str] | None:
    """Return the acronym in brackets after a name, if its letters stand in the name in their order."""
    found = _ACRONYM.match(text, end)
    if not found or len(words) < 2 or words[0][:1] != found[1][0].casefold():
        return None
    letters = iter("".join(words))
    return found if all(letter in letters for letter in found[1].casefold()) else None


def _with_article(text: str, start: int) -> int:
    """Return where "the" begins that stands right before, or `start`."""
    return start - 4 if text[max(0, start - 4) : start].casefold() == "the " else start


def _title_before(text: str, start: int) -> re.Match[str] | None:
    """Return the title or office right before a name, with what belongs to it."""
    last = text[max(0, start - 60) : start].split()[-6:]
    if not any(word.casefold().strip(".,") in _TITLES for word in last):  # quicker than the search that it saves
        return None
    return _BEFORE.search(text, max(0, start - 90), start)


def _without_stop(word: str) -> str:
    return word if re.fullmatch(r"(?:[A-Z]\.){2,}|[JS]r\.", word) else word.rstrip(".")


def _start_of_name(tokens: list[tuple[int, str]]) -> tuple[int, bool]:
    """Return which word a person's name begins with after titles, and whether there are any."""
    folded = [fold(word) for _, word in tokens]
    ranks = [at for at, word in enumerate(folded[:-1]) if word in RANKS or word in SPOKESMEN]
    first = ranks[-1] + 1 if ranks else 0
    named = next((at for at, word in enumerate(folded[:-1]) if at >= first and word in genders()), None)
    if named is not None and named > 0 and not any(word in BODY_WORDS for word in folded[named:]):
        return named, True
    return first, first > 0


def _small_start(before: str) -> int:
    """Return after how many characters the title begins: a sentence's first small word is none of it."""
    word = re.match(r"\s*(\w+)\s", before)
    if word and word[1].casefold() in STARTERS - {"the", "a", "an"}:
        return word.end()
    return 0


def _apposition(text: str, end: int) -> tuple[int, str]:
    """Return where the apposition to a name that ends at `end` ends, and the apposition; `end` and "" where none."""
    of_body = _OF_BODY.match(text, end)
    if of_body:
        return of_body.end(), of_body.group()
    found = _APPOSITION.match(text, end)
    if not found or _VERB.search(found[1]):
        return end, ""
    words = [fold(word) for word in found[1].split()]
    opens = bool(_DETERMINED.match(found[1])) or words[0] in ROLES or found[1][0].isupper()
    return (found.end(1), found[1]) if opens and not ROLES.isdisjoint(words) else (end, "")


def gender_of(description: str) -> str | None:
    """Return "he" or "she" where the words tell ("a spokeswoman"), else None."""
    told = {_GENDERS[word] for word in map(fold, description.split()) if word in _GENDERS}
    return told.pop() if len(told) == 1 else None


def _plain(words: str) -> str:
    plain = " ".join(words.split()).rstrip(",")
    return "the " + plain[4:] if plain.startswith("The ") else plain
