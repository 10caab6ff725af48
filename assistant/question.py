"""What is asked: the kind of answer wanted, and whose words, where the question names a speaker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from assistant.days import SPAN, Dated, in_full
from index.cues import stance_of
from index.errors import SaidsoError
from index.speakers import speaks_for

LONGEST_QUESTION = 2_000  # characters
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class Kind(StrEnum):
    """The kind of answer that a question wants."""

    WHO = "who"
    WHO_SAID = "who said"
    SAID = "what was said"
    WHEN = "when"
    WHERE = "where"
    HOW_MANY = "how many"
    YES_NO = "yes or no"
    OTHER = "other"


SAYING_WORDS = (
    "say said says saying claim claimed claims claiming tell told telling deny denied denies denying admit admitted "
    "admits stated report reported announce announced describe described describes call called calls argue "
    "argued argues warn warned warns confirm confirmed confirms accuse accused accuses blame blamed blames allege "
    "alleged explain explained acknowledge acknowledged insist insisted insists respond responded comment commented "
    "conclude concluded find found think believe believed believes add added assert asserted mention mentioned note "
    "noted predict predicted promise promised suggest suggested estimate estimated criticise criticised criticize "
    "criticized condemn condemned dispute disputed reject rejected write wrote tweet tweeted testify testified reply "
    "replied demand demanded urge urged recall recalled vow vowed declare declared remark remarked quote quoted "
    "stress stressed"
)
_WORD_OF_SAYING = rf"(?:{'|'.join(SAYING_WORDS.split())})"
_SHOUTED = _WORD_OF_SAYING.upper()
# Neither a noun ("the report said") nor a name ("the State Department").
_NO_NOUN = r"(?<!\bthe\s)(?<!\ban\s)(?<!\ba\s)(?<!\bits\s)"
_SAYING = rf"{_NO_NOUN}(?P<saying>(?-i:{_WORD_OF_SAYING}|{_SHOUTED}))(?!\s+{_WORD_OF_SAYING}\b)"
_FINDING = frozenset("find found call called think".split())  # what is done without a word just as well
_SPEAKER = r"(?P<speaker>[^?,;]{2,80}?)"
_ADVERBS = r"(?:(?:also|ever|first|later|now|originally|initially|finally|since|\w+ly)\s+)?"
# “What did the Pentagon claim was hit?” – “Why does he deny it?” – “How has the UN described …?”
_ASKS_SPEAKER = re.compile(
    r"\b(?P<asks>what|why|how|when|where|whom?|which)\b[^?]{0,60}?"
    rf"\b(?:did|does|do|has|have|had|(?:is|are|was|were)(?=[^?]{{3,90}}ing\b))\s+{_SPEAKER}\s+{_ADVERBS}"
    rf"(?:have\s+)?{_SAYING}\b",
    re.IGNORECASE,
)
_DID_SPEAKER_SAY = re.compile(
    rf"^\s*(?P<asks>did|does|do|has|have|had)\s+{_SPEAKER}\s+{_ADVERBS}{_SAYING}\b", re.IGNORECASE
)
_ACCORDING_TO = re.compile(rf"\b(?:according\s+to|in\s+the\s+words\s+of)\s+{_SPEAKER}\s*(?:[?,;]|$)", re.IGNORECASE)
# “What do the parties say about the mosque?” asks who said anything about it, one party after the other.
_WHAT_PARTIES = (
    r"(?:summari[sz]e\s+|list\s+)?what\s+(?:(?:do|does|did|have|has)\s+)?(?:(?:all|both|each|every|the|two|different|"
    r"various|opposing)\s+)*(?:of\s+the\s+)?(?:part(?:y|ies)|sides?|speakers?|sources|everybody|everyone)"
)
_ASKS_EVERYBODY = re.compile(rf"^\W*{_WHAT_PARTIES}\s", re.IGNORECASE)
_WHO_SAID = re.compile(
    rf"^\W*(?:who|which\s+(?:\w+\s+)?\w+|{_WHAT_PARTIES})\s+(?:else\s+)?(?:has\s+|have\s+|had\s+)?(?:\w+ly\s+)?"
    rf"{_SAYING}\b",
    re.IGNORECASE,
)
# “Has the Pentagon changed its account?” – “How did the Pentagon’s story change?”
_CHANGED = re.compile(
    rf"\b(?:did|has|have|had)\s+{_SPEAKER}(?:\s+\w+ly)?\s+chang(?:e|ed)\s+(?:its|his|her|their)\b"
    rf"|\b(?:did|has|have|had)\s+(?P<owner>[^?,;]{{2,80}}?)[’']s?\s+(?:account|story|version|statement|position|words?|"
    r"claims?|count|explanation|figures?|numbers?|tune|mind)s?\s+chang(?:e|ed)\b",
    re.IGNORECASE,
)
# “What did the Pentagon say, and how did that change?”
_AND_CHANGED = re.compile(
    r",?\s+and\s+(?:how|when|why)\s+(?:did|has|have)\s+(?:that|it|this|its\s+\w+)\s+(?:\w+ly\s+|since\s+)?changed?\W*$",
    re.IGNORECASE,
)
_QUESTION_WORD = re.compile(r"^\W*(?:how\s+(?:many|much)|what|why|how|when|where|who|whom|which)\s+", re.IGNORECASE)
# What stands between the word of saying and what was said.
_LEADS_IN = re.compile(
    r"^(?:(?:to|in|during|at|on)\s+(?:reporters|journalists|the\s+press|an?\s+\w+|\w+day)\s+)?"
    r"(?:(?:that|anything|something|about|of|on|regarding|concerning|over|for|whether|if|how|in)\s+){0,2}",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"(?:anything|something|nothing|about|of|on|regarding|concerning)\b", re.IGNORECASE)
_DAY = (
    r"(?:\d{4}-\d{2}-\d{2}|\d{1,2}\s+[A-Z]\w+\.?,?(?:\s+\d{4})?|[A-Z]\w{2,8}\.?\s+\d{1,2}(?:,?\s+\d{4})?"
    r"|[A-Z]\w{2,8}\.?\s+\d{4}|\d{4})"
)
_WHEN = re.compile(
    rf"\b(?P<relation>before|after|since|until|by|on|in|during)\s+(?P<day>{_DAY})(?=\s*(?:[?,.]|$|about\b|that\b))"
    rf"|\b(?P<reckoned>before|after|since|until|by|in)\s+(?P<span>{SPAN})"
)
_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (Kind.WHO_SAID, _WHO_SAID.pattern),
        (
            Kind.HOW_MANY,
            r"\bhow\s+(?:many|much|old|long|far|large|big|tall|high|often|fast)\b"
            r"|\bwhat\s+(?:number|percentage|share|age)\b",
        ),
        (Kind.WHEN, r"^\W*when\b|\b(?:what|which)\s+(?:day|date|year|month|time)\b"),
        (Kind.WHERE, r"^\W*where\b|\b(?:what|which)\s+(?:city|country|town|place|state|province|village)\b"),
        (Kind.WHO, r"^\W*who(?:m|se|\b)|\bwhich\s+(?:person|man|woman|official|spokesman|spokeswoman)\b"),
        (Kind.YES_NO, r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might)\b"),
    )
)  # fmt: skip
# What stands where a speaker would and names none.
_NOBODY = re.compile(
    r"(?:he|she|it|they|we|i|you|one|anyone|anybody|someone|everyone|people|there|this|that|the|an?|articles?|"
    r"(?:all\s+|both\s+|the\s+)*(?:parties|sides?|articles?|speakers|accounts))|.*\b(?:been|being|be|not)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Question:
    """A question, the kind of answer that it wants, and the speaker whose words it wants (as the question names it).

    `matter` is what the words are to be about: the question without its speaker, word of saying and question word; ""
    where nothing is left. `stance` is what its word of saying makes of them. `asserts` is true where the question takes
    for granted, or asks, that the speaker said just that ("why did X deny that …?", "did X say that …?"). `namings` are
    the speaker's names in the claims of the articles. `since` and `until` are the days (yyyymmdd) of the saying; where
    the question names none but counts days from the one on which it is asked, `since` is the first of these: what
    happened then is told from then on.
    `only_claims` is true where only certain claims are wanted, so that no other sentence answers.
    """

    text: str
    kind: Kind
    speaker: str | None
    matter: str = ""
    stance: str = "says"
    asserts: bool = False
    changed: bool = False
    everybody: bool = False  # whether the words of all who are quoted on it are wanted
    namings: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None
    only_claims: bool = False

    def is_by(self, said_by: str | None) -> bool:
        """Whether a claim of somebody so named may be given as the asked speaker's word."""
        if not (self.speaker and said_by):
            return False
        return said_by in self.namings or speaks_for(said_by, self.speaker)

    def was_then(self, day: int | None) -> bool:
        """Whether an article of a day (yyyymmdd) tells of the days of saying."""
        if self.since is None and self.until is None:
            return True
        return day is not None and (self.since or 0) <= day <= (self.until or day)


def understand(text: str, as_of: int | None = None) -> Question:
    """Read a question; with `as_of` (yyyymmdd), "last week" and the like are days.

    Raises SaidsoError when there is nothing to answer or too much to read.
    """
    text = " ".join(text.split())
    if not any(character.isalnum() for character in text):
        raise SaidsoError('The question is empty; ask something such as "What did the Pentagon say was hit?"')
    if len(text) > LONGEST_QUESTION:
        raise SaidsoError(
            f"The question has {len(text):,} characters; at most {LONGEST_QUESTION:,} are read. "
            "Ask it in a few sentences."
        )
    told, dated = text, in_full(text, as_of) if as_of else Dated(text, {})
    since_then = _AND_CHANGED.search(dated.text)
    text = dated.text[: since_then.start()] if since_then else dated.text
    changed, found = _CHANGED.search(text), _speaking(text)
    named = (changed["speaker"] or changed["owner"]) if changed else found and found["speaker"]
    speaker, owned = _owner(dated.as_asked(named.strip())) if named else (None, "")
    said = _said(found) or _WHO_SAID.search(text)
    undated, since, until = _days(text, said)
    since = dated.first if said is None else since
    about = _matter(undated, _speaking(undated) or _WHO_SAID.search(undated))
    return Question(
        text=told,
        kind=_kind(text, speaker),
        speaker=speaker,
        matter="" if changed else dated.as_asked(f"{owned} {about}".strip()),
        stance=stance_of(said["saying"], text[said.end("saying") :]) if said else "says",
        asserts=_asserts(text, found, about) and not changed,
        changed=changed is not None or since_then is not None,
        everybody=_ASKS_EVERYBODY.match(text) is not None,
        since=since,
        until=until,
    )


def _kind(text: str, speaker: str | None) -> Kind:
    for kind, pattern in _KINDS:
        if pattern.search(text):
            return kind
    return Kind.SAID if speaker else Kind.OTHER


def _speaking(text: str) -> re.Match[str] | None:
    """Return where the question names a speaker."""
    if _WHO_SAID.search(text):
        return None
    for pattern in (_DID_SPEAKER_SAY, _ACCORDING_TO, _ASKS_SPEAKER):
        match = pattern.search(text)
        if match and not _NOBODY.fullmatch(match["speaker"].strip()) and not _only_does(match):
            return match
    return None


def _owner(speaker: str) -> tuple[str, str]:
    """Return whose words are asked for, and of what: "the department's assessment" is the department's word."""
    owner = re.match(r"(.*[A-Z].*?)[’']s?\s+([a-z].*)", speaker)
    return (owner[1], owner[2]) if owner else (speaker, "")


def _only_does(match: re.Match[str]) -> bool:
    """Whether what is asked is no word but a deed: "where did they find it?"."""
    asked = match.groupdict()
    return (asked.get("asks") or "").casefold() in ("where", "when", "which") and (
        asked.get("saying") or ""
    ).casefold() in _FINDING


def _said(found: re.Match[str] | None) -> re.Match[str] | None:
    return found if found and "saying" in found.groupdict() else None


def _matter(text: str, found: re.Match[str] | None) -> str:
    """Return what the question is about, beside who says it."""
    if found is None:
        return text
    if "saying" not in found.groupdict():  # “according to …”
        rest = " ".join(f"{text[: found.start()]} {text[found.end() :]}".split()).strip(" ?,")
        return _QUESTION_WORD.sub("", rest)
    before = text[found.start() : found.start("speaker")] if "speaker" in found.groupdict() else ""
    asked_of = re.sub(
        r"^\W*(?:how\s+(?:many|much)|\w+)\s+|\b(?:did|does|do|has|have|had|is|are|was|were)\s*$",
        "",
        before,
        flags=re.IGNORECASE,
    )
    after = _LEADS_IN.sub("", text[found.end() :].strip(" ?.") + " ", count=1)
    return " ".join(f"{asked_of} {after}".split()).strip(" ?,.")


def _asserts(text: str, found: re.Match[str] | None, matter: str) -> bool:
    said = _said(found)
    if said is None or not matter:
        return False
    asks = said["asks"].casefold()
    about = _ABOUT.match(text[said.end() :].strip())
    yes_no = asks in ("did", "does", "do", "has", "have", "had")
    return (asks in ("why", "when") or yes_no) and not about


def _days(text: str, said: re.Match[str] | None) -> tuple[str, int | None, int | None]:
    """Take the days of saying off a question: "said before March 20, 2017", "say about the mosque in 2017".

    A day without a year says too little of when an article appeared, and stays; so does that of what was said to be.
    """
    if said is None:
        return text, None, None
    for match in _WHEN.finditer(text, said.end("saying")):
        between = text[said.end("saying") : match.start()].strip()
        relation, words = match["relation"] or match["reckoned"], match["day"] or match["span"]
        bounds = _bounds(relation.casefold(), words)
        if bounds and (not between or _ABOUT.match(between)):
            return f"{text[: match.start()].rstrip()}{text[match.end() :]}", *bounds
    return text, None, None


def _bounds(relation: str, words: str) -> tuple[int | None, int | None] | None:
    """Return the first and last day (yyyymmdd) that "before 2017", "in March 2017" or "on 16 March 2017" means."""
    first, last = day_span(words) or (0, 0)
    if not first:
        return None
    match relation:
        case "before":
            return None, first - 1
        case "after":
            return last + 1, None
        case "since":
            return first, None
        case "until" | "by":
            return None, last
        case _:
            return first, last


def day_span(words: str) -> tuple[int, int] | None:
    """Return the first and last day (yyyymmdd) of a written day, month or year, or None where no year is named."""
    if "/" in words:
        first, last = (int(day.replace("-", "")) for day in words.split("/"))
        return first, last
    numbers = [int(number) for number in re.findall(r"\d+", words)]
    month = next((at for at, name in enumerate(_MONTHS, 1) if re.search(rf"\b{name}", words, re.IGNORECASE)), None)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", words):
        day = numbers[0] * 10_000 + numbers[1] * 100 + numbers[2]
        return day, day
    year = next((number for number in numbers if 1900 <= number <= 2100), None)
    day_of_month = next((number for number in numbers if 1 <= number <= 31), None)
    if year is None or (month is None and len(numbers) > 1):
        return None
    if month is None:
        return year * 10_000 + 101, year * 10_000 + 1231
    first = year * 10_000 + month * 100
    return (first + day_of_month,) * 2 if day_of_month else (first + 1, first + 31)
