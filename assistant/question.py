"""What is asked: the kind of answer wanted, and whose words, where the question names a speaker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from index.errors import SaidsoError

LONGEST_QUESTION = 2_000  # characters


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
    "say said says claim claimed claims tell told deny denied denies admit admitted admits state stated report "
    "reported announce announced describe described describes call called calls argue argued argues warn warned "
    "confirm confirmed confirms accuse accused accuses blame blamed blames allege alleged explain explained "
    "acknowledge acknowledged insist insisted respond responded comment commented conclude concluded find found "
    "think believe believed believes"
)
_SAYING = rf"(?:{'|'.join(SAYING_WORDS.split())})"
_SPEAKER = r"(?P<speaker>[^?,;]{2,80}?)"
# “What did the Pentagon claim was hit?” – “Why does he deny it?” – “How has the UN described …?”
_ASKS_SPEAKER = re.compile(
    rf"\b(?:what|why|how|when|where|whom?|which)\b[^?]{{0,40}}?\b(?:did|does|do|has|have|had|is|are|was|were)\s+{_SPEAKER}\s+"
    rf"(?:(?:also|ever|first|later|now|originally|initially|finally|publicly)\s+)?{_SAYING}\b",
    re.IGNORECASE,
)
_DID_SPEAKER_SAY = re.compile(rf"^\s*(?:did|does|has|have|had)\s+{_SPEAKER}\s+(?:\w+ly\s+)?{_SAYING}\b", re.IGNORECASE)
_ACCORDING_TO = re.compile(rf"\baccording to\s+{_SPEAKER}\s*(?:[?,;]|$)", re.IGNORECASE)
_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (Kind.WHO_SAID, rf"^\W*who\s+(?:else\s+)?(?:has\s+|have\s+|had\s+)?(?:\w+ly\s+)?{_SAYING}\b"),
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
_NOBODY = frozenset("he she it they we i you one anyone anybody someone people there this that the a an".split())


@dataclass(frozen=True)
class Question:
    """A question, the kind of answer that it wants, and the speaker whose words it wants (as the question names it)."""

    text: str
    kind: Kind
    speaker: str | None


def understand(text: str) -> Question:
    """Read a question. Raises SaidsoError when there is nothing to answer or too much to read."""
    text = " ".join(text.split())
    if not any(character.isalnum() for character in text):
        raise SaidsoError('The question is empty; ask something such as "What did the Pentagon say was hit?"')
    if len(text) > LONGEST_QUESTION:
        raise SaidsoError(
            f"The question has {len(text):,} characters; at most {LONGEST_QUESTION:,} are read. "
            "Ask it in a few sentences."
        )
    return Question(text, _kind(text), _speaker(text))


def _kind(text: str) -> Kind:
    for kind, pattern in _KINDS:
        if pattern.search(text):
            return kind
    return Kind.SAID if _speaker(text) else Kind.OTHER


def _speaker(text: str) -> str | None:
    for pattern in (_ASKS_SPEAKER, _DID_SPEAKER_SAY, _ACCORDING_TO):
        if match := pattern.search(text):
            speaker = match["speaker"].strip()
            return None if speaker.casefold() in _NOBODY else speaker
    return None
