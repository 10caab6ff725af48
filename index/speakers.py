"""Whether two namings of speakers stand for one person or body: titles, offices, acronyms and known aliases."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from index.passages import TITLES

_ALIASES = Path(__file__).with_name("aliases.txt")
_FIRST_NAMES = Path(__file__).with_name("first_names.txt")
_COUNTRIES, _MINISTRIES = "# Countries", "# Ministries that many countries have"  # headings in it

Words = tuple[str, ...]

PRONOUNS = frozenset("he she it they we i you one who which that this these those him her them his us me".split())
SPOKESMEN = frozenset("spokesman spokeswoman spokesperson spokesmen spokeswomen spokespersons spokespeople".split())
# Whoever holds one of these speaks for the body that is named with it.
OFFICERS = SPOKESMEN | frozenset(
    "official officials president premier minister chancellor secretary director chief head commander chairman "
    "chairwoman chairperson chair leader founder co-founder ambassador envoy representative governor mayor "
    "executive ceo prosecutor lawyer lawyers attorney attorneys coordinator commissioner superintendent "
    "manager captain general admiral colonel chair speaker owner co-chair investigator investigators officers officer "
    "director-general secretary-general undersecretary statement report authorities".split()
)
# What stands before the word of an office: “the Pentagon press secretary”.
_OF_OFFICES = frozenset("press deputy vice senior associate assistant acting interim".split())
# Ranks and forms of address that stand before a name and are none of it.
RANKS = TITLES | frozenset(
    "captain colonel general lieutenant sergeant major brigadier admiral commander corporal private doctor professor "
    "senator representative governor president reverend father saint sir dame lord lady miss judge justice sheriff "
    "king queen prince princess pope mayor secretary minister vice deputy chief prime congressman congresswoman "
    "ambassador chancellor premier maj-gen sheikh imam rabbi bishop archbishop cardinal detective inspector rear "
    "first second warrant officer staff master special agent former retired late".split()
)
# What tells a government's body from others of its country.
_GOVERNMENT = frozenset(
    "government ministry president presidency embassy army military navy state parliament foreign defense interior "
    "prime minister cabinet forces force authorities officials".split()
)
# Words that make a name a body's.
BODY_WORDS = frozenset(
    "observatory ministry department agency administration command university college institute foundation center "
    "centre council committee commission bureau office service services association union federation league "
    "organization organisation group network watch company corporation corp inc co llc ltd bank court senate house "
    "congress parliament party army navy force forces police guard times post journal news press magazine tribune "
    "herald gazette guardian daily television radio authority board school hospital church society alliance coalition "
    "movement international government embassy exchange club airlines motors fund campaign project program defence "
    "defense state states street county city district republic kingdom nations airport republicans democrats act day "
    "prize trust review "
    "chamber chiefs institutes federations doctors bureaus".split()
)
# Words that name nothing by themselves: “the ministry” is no one in particular.
_GENERIC = _GOVERNMENT | frozenset(
    "ministry government police group army military department agency company court union council committee commission "
    "party health justice finance education office bureau service department association organization company firm "
    "team school university hospital association foundation institute center centre command report statement "
    "study authorities officials official family man woman men women people residents witnesses activists experts "
    "analysts critics both others some many most several two three four source sources media website newspaper".split()
)
_COMMON = frozenset("department ministry government office agency state official officials".split())
_SMALL = frozenset("the a an of for and in at on to by from with our their his her its this that own s".split())
_FOR = frozenset("for of at with from in to".split())
_ABOUT = _FOR | frozenset(
    "by against on about over under including like as than near behind within outside inside between among during "
    "without".split()
)
# People that are told of by whom they belong to, stand for or are against; none of them speaks for that.
_FOLK = frozenset(
    "supporters opponents critics residents allies friends relatives fans followers voters survivors victims parents "
    "neighbors neighbours colleagues aides family people men women witnesses activists experts analysts".split()
)
# Words for somebody who is called so: “the government of Syria”, “members of the council”.
_CALLED_SO = BODY_WORDS | _GOVERNMENT | OFFICERS | RANKS | {"member", "members"}
_ISSUED = frozenset("published released issued posted compiled conducted written".split())
# What somebody has written is given as the writer's words.
_WRITINGS = frozenset(
    "study studies analysis analyses poll survey letter data figure statistic research review investigation filing "
    "memo tweet article story editorial post video email message release paper estimate projection audit complaint "
    "lawsuit note forecast readout".split()
)
_NOT_NOW = frozenset("former ex onetime".split())
_SUFFIXES = frozenset("jr sr ii iii iv".split())
_DETERMINER = re.compile(r"(?:the|an?|his|her|its|their|one|another)\s", re.IGNORECASE)
_ADJECTIVE = re.compile(r"(?:an|ish|ese|ch|i)$")
_TOKEN = re.compile(r"[^\W_]+(?:[.’'&/-]+[^\W_]+)*\.?")
_BESIDE = re.compile(r"\s*(?:,|;|\(|\bwho\b|\bwhich\b|–|—|\s-\s)\s*")


@dataclass(frozen=True)
class Naming:
    """A naming taken apart: the words of a name (none in "a Pentagon spokesman") and the bodies it speaks for."""

    name: Words
    offices: tuple[Words, ...]
    spokesman: bool = False  # nobody but the body's voice: an unnamed spokesman


def same_speaker(one: str, other: str) -> bool:
    """Whether two namings stand for one person or body, also across articles; never on a guess.

    Titles and small words do not matter; a person may be called by the last name alone, a body by its initials or by
    any name in `aliases.txt`, and an unnamed spokesman is the body's own voice. Pronouns stand for nobody.
    """
    a, b = read_naming(one), read_naming(other)
    if a.name and b.name:
        # "Gen. Bontrager of Central Command" ends with the command's name and is not the command.
        bare = not a.offices and not b.offices
        return _same_name(a.name, b.name) or (bare and _is_last_name(_plain_name(one), _plain_name(other)))
    if a.name or b.name:
        named, unnamed = (a, b) if a.name else (b, a)
        return unnamed.spokesman and any(_same_name(named.name, office) for office in unnamed.offices)
    return a.spokesman and b.spokesman and any(_same_name(x, y) for x in a.offices for y in b.offices)


def _is_last_name(one: Words, other: Words) -> bool:
    """Whether one is the end of the other: "the Times" of "the New York Times", "Cuban" of "Mark Cuban"."""
    short, long = sorted((one, other), key=len)
    known = _aliases().names.get(short)
    person = long[0] in genders() if long else False
    if not short or len(short) == len(long) or short != long[-len(short) :] or not _names_something(short):
        return False
    return not known or (
        person and known in _aliases().countries and known != short[0] and bool(_ADJECTIVE.search(short[-1]))
    )


def speaks_for(name: str, asked: str) -> bool:
    """Whether the words of `name` may be given as those of `asked`: the same, or an officer or a part of that body."""
    if same_speaker(name, asked):
        return True
    wanted, speaker = read_naming(asked), read_naming(name)
    if not wanted.name and not wanted.spokesman:  # "the unnamed U.S. official": whoever is described so
        described = _described(asked) - PRONOUNS
        return bool(described - _GENERIC) and described <= _described(name)
    bodies = [wanted.name] if wanted.name else list(wanted.offices)
    theirs = [*speaker.offices, *([speaker.name] if speaker.name else [])]
    return any(_belongs_to(body, to) for body in theirs for to in bodies)


def short_for(asked: str, names: Iterable[str]) -> list[str]:
    """Return the names of the body that `asked` is short for, “the Observatory”; none where several are called so."""
    words = _plain_name(asked)
    if len(words) != 1 or words[0] not in BODY_WORDS or not asked.casefold().startswith("the "):
        return []
    fitting = [name for name in names if words[0] in _plain_name(name)]
    fullest = max(fitting, key=len, default="")
    return fitting if all(same_speaker(name, fullest) for name in fitting) else []


def _described(naming: str) -> frozenset[str]:
    return frozenset(_canonical(_tokens(naming)))


def words_of(name: str) -> frozenset[str]:
    """Return the words by which a naming is looked up: its own, folded, and the initials of its name."""
    words = {fold(token) for token in _tokens(name)} - _SMALL
    long = [read_naming(name).name]
    return frozenset(words | {"".join(word[0] for word in one) for one in long if len(one) > 1}) - {""}


def lookup_words(asked: str) -> frozenset[str]:
    """Return the words of which a naming has at least one that stands for `asked` or speaks for it."""
    naming = read_naming(asked)
    own = {word for part in (naming.name, *naming.offices) for word in part}
    bodies = own | {part for part in _aliases().part_of if own.intersection(_above(part))}
    words = {word for names, first in _aliases().names.items() if first in bodies for word in _telling(names)}
    initials = {"".join(word[0] for word in naming.name)} if len(naming.name) > 1 else set()
    telling = frozenset(words | initials | set(_telling(tuple(own | words_of(asked))))) - OFFICERS - RANKS
    return telling or words_of(asked) - _SMALL


def known_by(asked: str, own: Iterable[str]) -> list[str]:
    """Return those of `own`, namings that speak for `asked`, by which it is known in articles that name it otherwise.

    They are other names of a body, and persons who hold an office of it. A person is known by no one else.
    """
    wanted = read_naming(asked).name
    full = [name for name in own if is_full_name(name)]
    same = {name for name in full if same_speaker(name, asked)}
    if not _is_known_body(wanted) and any(read_naming(name).name[0] in genders() for name in same):
        return []
    other_names = [name for name in full if name in same and not set(wanted) <= set(read_naming(name).name)]
    return other_names + [name for name in full if name not in same and not _is_known_body(read_naming(name).name)]


def named_otherwise(known: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return those of `others` that stand for one of `known`, by no other office and not in former times.

    Whoever is told of with other offices more often than with this one stands for it nowhere else.
    """
    by_word: dict[str, list[str]] = {}
    for one in known:
        for word in words_of_same(one):
            by_word.setdefault(word, []).append(one)

    def same_as(name: str) -> set[str]:
        return {one for word in words_of_same(name) for one in by_word.get(word, ()) if same_speaker(name, one)}

    found = {name: same for name in others if is_full_name(name) and (same := same_as(name))}
    holds_another = {name for name in found if read_naming(name).offices or _NOT_NOW.intersection(words_of(name))}
    elsewhere = Counter(one for name in holds_another for one in found[name])
    stand = {one for one in set().union(*found.values()) if len(same_as(one)) > elsewhere[one]}
    return [name for name, same in found.items() if name not in holds_another and not stand.isdisjoint(same)]


def _is_known_body(name: Words) -> bool:
    return not BODY_WORDS.isdisjoint(name) or any(word in _aliases().names.values() for word in name)


@lru_cache(maxsize=20_000)
def words_of_same(naming: str) -> frozenset[str]:
    """Return words, and the name's words in their order, of which any full name of the same person or body has one.

    Two full names of one person end alike, or have all their words in common; those of a body may also begin alike.
    """
    name = read_naming(naming).name
    ends = {*_telling(name)} if BODY_WORDS.intersection(name) else {*name[-1:], *_bare(name)[-1:]}
    known = {word for end in ends for names in _names_by_first().get(end, ()) for word in _telling(names)}
    initials = {"".join(word[0] for word in words) for words in (name, _bare(name)) if len(words) > 1}
    return frozenset({*ends, *known, *initials, *_plain_name(naming)[-1:], " ".join(sorted({*_bare(name)}))})


def _telling(words: Words) -> Words:
    """Return the words of a name that tell it from others, or the least common where none does alone."""
    telling = tuple(word for word in words if word not in _GENERIC)
    return telling or tuple(word for word in words if word not in _COMMON)[:1] or words[:1]


def is_full_name(naming: str) -> bool:
    """Whether a naming names a person or body in two words or more, or by a name that `aliases.txt` knows."""
    name = read_naming(naming).name
    return len(name) > 1 or any(word in _aliases().names.values() for word in name)


def _above(part: str) -> Iterator[str]:
    """Yield what a body speaks for, and what that speaks for."""
    seen = {part}
    while (part := _aliases().part_of.get(part, part)) not in seen:
        seen.add(part)
        yield part


@lru_cache(maxsize=20_000)
def _plain_name(text: str) -> Words:
    """Return the words of a naming without titles and what stands beside it, folded."""
    head = next((part for part in _BESIDE.split(text) if part.strip()), "")
    tokens = _without_titles(_tokens(head))
    if all(token.islower() for token in tokens) and not text.islower():  # "a retired judge, Ann Woods"
        return ()
    return tuple(word for token in tokens if (word := fold(token)) not in _SMALL)


@lru_cache(maxsize=20_000)
def read_naming(text: str) -> Naming:
    """Take a naming apart. A pronoun, or nothing but words that name nobody, gives an empty one."""
    head, *beside = [part for part in _BESIDE.split(text) if part.strip()] or [""]
    if head.islower() and not text.islower():  # "one conservative, radio host Dennis Prager"
        head, beside = "", [head, *beside]
    tokens = _tokens(head)
    if len(tokens) == 1 and tokens[0].casefold() in PRONOUNS:
        return Naming((), ())
    name, offices, spokesman = _read_head(tokens)
    mentions = _only_mentions(tokens)
    if beside and _DETERMINER.match(head) and _is_bare_name(_tokens(beside[0])):
        name = ()  # "his friend at Lehigh, Bruce Turry"
    for part in beside:
        part_name, part_offices, part_spokesman = _read_head(_tokens(part))
        offices += part_offices
        if not name and not spokesman:
            spokesman = part_spokesman
        if mentions and not _is_bare_name(_tokens(part)):
            continue  # "a jury in Austin, Texas"
        if not name and part_name and not part_offices and not part.islower():
            name = part_name  # "the spokesman, Jeff Davis"
    return Naming(name, tuple(dict.fromkeys(offices)), spokesman and not name)


def _is_bare_name(tokens: list[str]) -> bool:
    return 1 < len(tokens) < 5 and all(token[0].isupper() for token in tokens)


def _read_head(tokens: list[str]) -> tuple[Words, tuple[Words, ...], bool]:
    """Return the name in a phrase, the bodies of its offices, and whether it is an unnamed spokesman's."""
    role = next((at for at in reversed(range(len(tokens))) if _is_role(tokens, at)), None)
    if role is None:
        if person := _person_of(tokens):
            return person
        if _only_mentions(tokens):
            return (), (), False
        words = _canonical(_without_titles(tokens))
        return (words if _names_something(words) else ()), (), False
    before, after = tokens[:role], tokens[role + 1 :]
    spokesman = tokens[role].casefold() in SPOKESMEN or tokens[role].casefold() == "statement"
    name: Words = ()
    if after and after[0].casefold() in _FOR:
        office = _canonical(after[1:])
        if not _names_something(office) or (_only_mentions(after[1:]) and _ends_with_person(after[1:])):
            office = ()
    else:
        office, name = _canonical(_without_adjectives(before)), _canonical(_without_titles(after))
    if any(token.casefold().removesuffix("-elect") in _NOT_NOW for token in before):
        office = ()
    named = name if _names_something(name) else ()
    return named, ((office,) if _names_something(office, alone=True) else ()), spokesman and not named


def _only_mentions(tokens: list[str]) -> bool:
    """Whether these are words for somebody whom a name only tells of: "a critic of Donald Trump".

    In "the government of Syria", "the Bank of England" and "a study by Airwars" they are words for the named.
    """
    if all(token.islower() for token in tokens):
        return False  # as people type
    at = next((at for at, token in enumerate(tokens) if at and token in _ABOUT), None)
    if at is None:
        return False
    head = fold(tokens[at - 1])
    if head in _FOLK:
        return True
    if head in _CALLED_SO or head.removesuffix("s") in _CALLED_SO:
        return False
    if tokens[at] in ("by", "from") and (head in _ISSUED or head.removesuffix("s") in _WRITINGS):
        return False
    return not any(letter.isupper() for letter in tokens[at - 1])


def _ends_with_person(tokens: list[str]) -> bool:
    last = max(at for at, token in enumerate(tokens) if token in _ABOUT)
    after = [fold(token) for token in tokens[last + 1 :]]
    return any(word in RANKS or word in genders() for word in after[:2])


def _person_of(tokens: list[str]) -> tuple[Words, tuple[Words, ...], bool] | None:
    """Read "Capt. Jeff Davis of the Pentagon", and "also of the Pentagon" beside a name; None for anything else."""
    at = next((at for at, token in enumerate(tokens) if token.casefold() in ("of", "from", "at", "with")), None)
    if at is None:
        return None
    before = [fold(token) for token in tokens[:at]]
    known = any(word in RANKS or word in genders() for word in before[:2])
    two = (
        len(before) > 1
        and before[0] not in _SMALL
        and BODY_WORDS.isdisjoint(before)
        and _canonical(before) == tuple(before)
    )
    if before and not known and not two and before != ["also"]:
        return None
    office = _canonical(tokens[at + 1 :])
    name = _canonical(_without_titles(tokens[:at])) if before != ["also"] else ()
    return (name if _names_something(name) else ()), ((office,) if _names_something(office) else ()), False


def _is_role(tokens: list[str], at: int) -> bool:
    """Whether the word is an office, not a title before a name nor a part of one."""
    word = tokens[at]
    if word.casefold() not in OFFICERS:
        return False
    # “President Obama” and “Gen. Votel” bear a title; “Pentagon spokesman Davis” and “a Pentagon spokesman” an office.
    return word.islower() or at + 1 == len(tokens) or tokens[at + 1].casefold() in _FOR or word.casefold() in SPOKESMEN


def _tokens(phrase: str) -> list[str]:
    return [re.sub(r"['’]s?$", "", match.group()) for match in _TOKEN.finditer(phrase)]


def _without_titles(tokens: list[str]) -> list[str]:
    """Leave out what stands before a name: ranks, what is written small, and all before a person's first name."""
    first = 0
    if any(not token.islower() for token in tokens):
        first = next(at for at, token in enumerate(tokens) if not token.islower())
    while first < len(tokens) - 1 and tokens[first].casefold().strip(".") in RANKS | _SMALL:
        first += 1
    named = next((at for at in range(first, len(tokens) - 1) if fold(tokens[at]) in genders()), first)
    return tokens[first if any(fold(token) in BODY_WORDS for token in tokens[named:]) else named :]


def _without_adjectives(tokens: list[str]) -> list[str]:
    """Leave out what stands before the first word with a capital, and what is the office's: "a senior", "press"."""
    first = next((at for at, token in enumerate(tokens) if not token[0].islower()), len(tokens))
    kept = [token for token in tokens[first:] if token.casefold() not in OFFICERS]
    while kept and kept[-1] in _OF_OFFICES:
        kept.pop()
    return kept


def _canonical(tokens: Iterable[str]) -> Words:
    """Return the words of a name, folded, small words left out, known names by their first."""
    words = tuple(word for token in tokens if (word := fold(token)) and word not in _SMALL | _SUFFIXES)
    return tuple(_with_known_names(words))


@lru_cache(maxsize=50_000)
def fold(token: str) -> str:
    """Return a word of a name without capitals, full stops, accents and possessive."""
    plain = unicodedata.normalize("NFKD", token.casefold().replace(".", "").replace("’", "'"))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return plain.replace("defence", "defense").removesuffix("'s")


def _with_known_names(words: Words) -> Iterator[str]:
    """Put each run of words that the file knows by its first name, in one word."""
    known = _aliases().names
    longest = _aliases().longest
    at = 0
    while at < len(words):
        for length in range(min(longest, len(words) - at), 0, -1):
            if first := known.get(words[at : at + length]):
                yield first
                at += length
                break
        else:
            yield words[at]
            at += 1


def _names_something(words: Words, alone: bool = False) -> bool:
    nothing = _GENERIC | OFFICERS | _aliases().ministries
    return bool(words) and (alone or not all(word in nothing or word.isdigit() for word in words))


def _same_name(one: Words, other: Words) -> bool:
    short, long = sorted((_bare(one), _bare(other)), key=len)
    if set(short) == set(long):
        return True
    if len(short) == len(long) or any(word in _aliases().countries for word in short):
        return False
    if len(short) == 1 and short[0] == "".join(word[0] for word in long):
        return True
    if len(short) > 1 and short == long[: len(short)] and short[-1] in BODY_WORDS:
        return True
    by_last_name = short == long[-len(short) :] or (len(short) > 1 and (short[0], short[-1]) == (long[0], long[-1]))
    return by_last_name and not any(word in _aliases().countries for word in long[:-1])


def _bare(words: Words) -> Words:
    """Leave out what a body's name is said to belong to, where there is but one: "US Central Command"."""
    parts = _aliases().part_of
    owners = {parts[word] for word in words if word in parts}
    kept = tuple(word for word in words if word not in owners)
    government = len(kept) > 1 and any(word in _aliases().countries for word in kept)
    return tuple(word for word in kept if word != "government") if government else kept


def _belongs_to(body: Words, asked: Words) -> bool:
    if _same_name(body, asked):
        return True
    wanted = _bare(asked)
    if len(wanted) != 1:
        return False
    if any(wanted[0] in _above(word) for word in body):
        return True
    government = any(word in _GOVERNMENT or word in _aliases().ministries for word in body)
    return government and wanted[0] in body and wanted[0] in _aliases().countries


@cache
def genders() -> dict[str, str]:
    """Return first names, folded, with "he" or "she"."""
    told: dict[str, str] = {}
    for block in _FIRST_NAMES.read_text(encoding="utf-8").split("\n# ")[1:]:
        heading, names = block.split("\n", 1)
        told |= {fold(name): heading.strip().casefold() for name in names.split()}
    return told


@cache
def _names_by_first() -> dict[str, list[Words]]:
    """Return all names that the file has for each first one."""
    found: dict[str, list[Words]] = {}
    for names, first in _aliases().names.items():
        found.setdefault(first, []).append(names)
    return found


@dataclass(frozen=True)
class _Aliases:
    names: Mapping[Words, str]  # every name, in words → the body's first name
    part_of: Mapping[str, str]
    countries: frozenset[str]
    ministries: frozenset[str]  # what many governments have
    longest: int  # words of a name


@cache
def _aliases() -> _Aliases:
    """Read the file of names."""
    names: dict[Words, str] = {}
    part_of: dict[str, str] = {}
    under: dict[str, set[str]] = {}  # heading → the first names below it
    heading = ""
    for line in _ALIASES.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            heading = line if line.startswith("#") else heading
        elif "<" in line:
            part, whole = (part.strip().casefold() for part in line.split("<"))
            names.setdefault(_words_of(part), part)
            part_of[part] = whole
        else:
            first, *others = (name.strip() for name in line.split("="))
            for name in (first, *others):
                names.setdefault(_words_of(name), first.casefold())
            under.setdefault(heading, set()).add(first.casefold())
    countries, ministries = (frozenset(under.get(heading, ())) for heading in (_COUNTRIES, _MINISTRIES))
    return _Aliases(names, part_of, countries, ministries, max(map(len, names)))


def _words_of(name: str) -> Words:
    return tuple(word for token in _tokens(name) if (word := fold(token)) and word not in _SMALL)
