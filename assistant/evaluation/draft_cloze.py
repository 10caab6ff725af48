"""Questions made from one sentence: who, when, where or how many in the place of the words, or a gap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assistant.evaluation.draft_wording import (
    AUXILIARIES,
    CAPITAL,
    DETERMINERS,
    PAST,
    PRONOUNS,
    UNCLEAR,
    VERBS,
    Drafted,
    is_name,
    lowered,
    one_line,
    word_set,
)
from index.claim_words import Piece
from index.passages import split_sentences

_LONGEST = 600  # characters of a sentence; what is longer is a table or junk
_BOUNDARY = re.compile(
    r"\b(?:that|who|which|when|after|before|because|as|if|while|where|and|but|said|says)\b|[,;:](?=\s)|[—–]|--"
)

_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day(?: (?:morning|afternoon|evening|night))?"
_DATE = rf"(?:{_DAY}, )?{_MONTH} \d{{1,2}}(?:, \d{{4}})?|{_MONTH} \d{{4}}|{_DAY}|(?:19|20)\d\d"
# with “…, a Thursday”, which would give the answer away
_WHEN = re.compile(rf",?\s+(?:(?:on|in)\s+(?P<gold>{_DATE})|(?P<bare>{_DAY}))\b(?![-’'\w])(?:, a {_DAY},?)?")
_PERFECT = word_set("has have had")  # “When has she …?” asks for something else
_ANY_DATE = re.compile(rf"\b(?:{_DATE})\b(?![-’'])")
_WHERE = re.compile(
    r"\s+(?:in|at|near|outside)\s+(?P<gold>(?:the\s+)?(?:al-)?[A-Z][\w’'.-]*\w(?:,?\s+[A-Z][\w’'.-]*\w)*)$"
)
_ABOUT = r"(?:at least|at most|more than|fewer than|less than|up to|about|around|nearly|almost|some|over)"
_COUNT = (
    r"(?:\d[\d,.]*\d|\d|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens|hundreds|thousands)"
    r"(?: (?:hundred|thousand|million|billion))?"
)
_PLURAL = r"(?:[\w’'-]+ ){0,2}?(?:people|men|women|children|[a-z]{3,}[^s\W]s)"
_HOW_MANY = re.compile(rf"(?:{_ABOUT} )?(?P<gold>{_COUNT}) (?:of the )?(?P<things>{_PLURAL})(?![\w’'-])", re.IGNORECASE)
_ANY_NUMBER = re.compile(rf"(?<![\w$£€.,-])(?:{_ABOUT} )?(?P<gold>\d[\d,.]*\d|\d\d?)(?![\w%.,-]*\d|%|[\w’'-])")
_NAMES = re.compile(rf"{CAPITAL}(?: (?:of |for |al-|de |bin |ibn )?{CAPITAL})+")
# “LONDON, England (CNN) -- After a week …”
_DATELINE = re.compile(r"[^.!?]{0,60}?(?:\([A-Z][\w .]{1,20}\)|[A-Z]{4,}[^.!?]{0,30}?)\s*(?:--|—|–|-)\s+")


@dataclass(frozen=True)
class _Clause:
    """A sentence as subject, verb and rest, with the place in the text where each begins."""

    article: str
    start: int
    subject: str
    verb: str
    rest: str

    @property
    def rest_start(self) -> int:
        return self.start + len(self.subject) + len(self.verb) + 2

    def inverted(self, rest: str) -> str:
        """The words that follow "When", "Where" and the like: “was the mosque struck”, “did the jury meet”."""
        subject, verb = lowered(self.subject, self.article), self.verb
        words = (verb, subject, rest) if verb in AUXILIARIES else ("did", subject, PAST[verb], rest)
        return " ".join(filter(None, words))

    def gold(self, match: re.Match[str], at: int, group: str = "gold") -> tuple[Piece, ...]:
        return (Piece(at + match.start(group), at + match.end(group), match[group]),)


def clozes(text: str) -> Iterator[Drafted]:
    """Yield questions made from the sentences that tell things in the article's own words."""
    for span in split_sentences(text):
        dateline = _DATELINE.match(text, span.start, span.end)
        start = dateline.end() if dateline else span.start
        sentence = text[start : span.end]
        # What spans lines or quotes is a heading, a list, or somebody's words, which have questions of their own.
        if len(sentence) > _LONGEST or re.search(r"[“”\"«»\n]|  ", sentence) or not sentence.endswith("."):
            continue
        yield from _gaps(start, sentence)
        clause = _clause(text, start, sentence)
        if clause:
            yield from (*_who(clause), *_when(clause), *_where(clause), *_how_many(clause))


def _clause(text: str, start: int, sentence: str) -> _Clause | None:
    words = sentence.split(" ")
    at = next((at for at, word in enumerate(words[:9]) if at and word in VERBS), 0)
    subject = " ".join(words[:at])
    rest = sentence[len(subject) + len(words[at]) + 2 :].removesuffix(".")
    if not at or re.search(r"[,;:()—–]", subject) or not rest:
        return None
    low = {word.casefold() for word in words[:at]}
    opens = words[0].casefold() in DETERMINERS or words[0][0].isupper() or words[0][0].isdigit()
    crooked = low & (PRONOUNS | UNCLEAR | _CROOKED) or words[0].casefold() in _OPENERS or _is_relative(rest)
    return None if crooked or not opens else _Clause(text, start, subject, words[at], rest)


_CROOKED = word_set("who that which there and")
_OPENERS = word_set(
    "in on at by for from with after before when while if but and or so as although though because since then thus "
    "during under over among despite according what who how why where both most many all one some several no not"
)


def _is_relative(rest: str) -> bool:
    """Whether another verb follows at once, as in “The man accused of murder was …”: the first was no main verb."""
    boundary = _BOUNDARY.search(rest)
    near = rest[: boundary.start()] if boundary else rest
    return re.search(r"\b(?:was|were|is|are|has|have|had|will|would)\b", near) is not None or rest.startswith("by ")


# “…, the police said.”, which a question leaves away
_ATTRIBUTION = re.compile(r",(?: [^\s,]+){1,7}? (?:said|says|told|reported|added)\b.*$|,? according to .*$")


def _ended(rest: str) -> str:
    """The rest of a sentence, cut after its first clause where it is long."""
    rest = _ATTRIBUTION.sub("", one_line(rest)).strip(" ,")
    boundary = re.search(r"[,;](?= )|[—–]| --", rest)
    return rest[: boundary.start()] if boundary and len(rest.split()) > 14 and boundary.start() > 25 else rest


def _who(clause: _Clause) -> Iterator[Drafted]:
    name = re.sub(r"^The ", "", clause.subject)
    is_person = re.fullmatch(rf"(?:{CAPITAL})(?: (?:{CAPITAL}))*", name) is not None
    if is_person and is_name(name, clause.article) and not _ANY_DATE.fullmatch(name) and clause.verb != "said":
        start = clause.start + len(clause.subject) - len(name)
        verb = {"were": "was", "are": "is", "have": "has"}.get(clause.verb, clause.verb)
        yield Drafted("who", f"Who {verb} {_ended(clause.rest)}?", (Piece(start, start + len(name), name),))


def _when(clause: _Clause) -> Iterator[Drafted]:
    match = _WHEN.search(f" {clause.rest}")
    plain = clause.verb not in _PERFECT
    if match and plain and not _BOUNDARY.search(f" {clause.rest}"[: match.start() + 1].rstrip(", ")):
        group = "gold" if match["gold"] else "bare"
        rest = f"{clause.rest[: max(match.start() - 1, 0)]}{clause.rest[match.end() - 1 :]}"
        yield Drafted(
            "when", f"When {clause.inverted(_ended(rest))}?", clause.gold(match, clause.rest_start - 1, group)
        )


def _where(clause: _Clause) -> Iterator[Drafted]:
    boundary = _BOUNDARY.search(clause.rest)
    near = clause.rest[: boundary.start()].rstrip() if boundary else clause.rest
    match = _WHERE.search(near)
    if match and clause.verb not in _PERFECT and not _ANY_DATE.search(match["gold"]):
        rest = _ended(near[: match.start()])
        yield Drafted("where", f"Where {clause.inverted(rest)}?", clause.gold(match, clause.rest_start))


def _how_many(clause: _Clause) -> Iterator[Drafted]:
    counted = _HOW_MANY.fullmatch(clause.subject)
    if counted:
        question = f"How many {counted['things']} {clause.verb} {_ended(clause.rest)}?"
        yield Drafted("how many", question, clause.gold(counted, clause.start))
    match = _HOW_MANY.match(clause.rest)
    if match and clause.verb in PAST:
        question = f"How many {match['things']} {clause.inverted(_ended(clause.rest[match.end() :]))}?"
        yield Drafted("how many", question, clause.gold(match, clause.rest_start))


def _gaps(start: int, sentence: str) -> Iterator[Drafted]:
    """The sentence itself with a blank: easier than a real question, so only where there is nothing better."""
    if not 8 <= len(sentence.split()) <= 30 or sentence.split()[0].casefold() in PRONOUNS | {"there"}:
        return
    date = _ANY_DATE.search(sentence)
    undated = _ANY_DATE.sub(lambda match: " " * len(match[0]), sentence)
    number = _ANY_NUMBER.search(undated)
    name = next(
        (match for match in _NAMES.finditer(sentence) if match.start() and not _ANY_DATE.search(match[0])), None
    )
    for kind, match in (("number", number), ("date", date), ("name", name)):
        if match:
            left, right = match.span("gold") if kind == "number" else match.span()
            asked = "Which name" if kind == "name" else f"What {kind}"
            gapped = f"{sentence[:left]}____{sentence[right:]}".removesuffix(".")
            gold = Piece(start + left, start + right, sentence[left:right])
            yield Drafted("gap", f"{asked} is missing: “{one_line(gapped)}”?", (gold,))
