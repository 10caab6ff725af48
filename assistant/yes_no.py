"""Whether a sentence says yes or no to a question, and in whose words; silent where it is not plain.

Rules, not a model: nothing here was trained on yes and no, so a verdict is given only where the sentence says what the
question says, word for word (stemmed) and in its order. A speaker's yes stays the speaker's: the verdict goes with a
statement and its attribution, never alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from assistant.question import Kind, Question
from index.claims import Claim

_AFFIRM = frozenset(
    "admits announces claims confirms estimates explains finds recalls replies reports says shows".split()
)
_JUDGES = re.compile(r"^\W*(?:can|could|may|might|should|would)\b", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:not|never|neither|nor|without|cannot|fail(?:s|ed)? to)\b|n[’']t\b", re.IGNORECASE)
_NO = re.compile(r"\b(?:no|none|nobody|nothing)\b", re.IGNORECASE)
# What leaves it open, or makes of a "no" or "not" something else than the opposite.
_OPEN = re.compile(
    r"\b(?:if|whether|unless|may|might|could|would|should|unclear|allegedly|reportedly|apparently|possibly|perhaps|likely|"
    r"no|none|nobody|nothing|hardly|only|false|until|yet)\b"
    r"|\bnot (?:just|only|clear|known|know|sure|certain|immediately|all)\b|\?",
    re.IGNORECASE,
)


def negated(text: str) -> bool:
    """Whether a text says that something is not so: an odd number of its words negate."""
    return len(_NEGATION.findall(text)) % 2 == 1 or bool(_NO.search(text))


def verdict(
    question: Question,
    sentence: str,
    claims: Sequence[Claim],
    terms: Callable[[str], list[str]],
    asked: Sequence[str],
) -> str | None:
    """Return "yes", "no" or, where the sentence does not plainly say, None.

    `terms` gives the stemmed words of a text, in order, and `asked` are those of the question, without its question
    words.
    """
    if question.kind is not Kind.YES_NO or question.speaker or len(asked) < 2 or _JUDGES.search(question.text):
        return None
    said, denied = _who_says_it(sentence, claims, terms, asked)
    in_order = [term for term in terms(said) if term in asked] == list(asked)
    if not in_order or _OPEN.search(said) or _NEGATION.search(question.text):
        return None
    negations = len(_NEGATION.findall(said)) + denied
    return ("yes", "no", None)[min(negations, 2)]


def _who_says_it(
    sentence: str, claims: Sequence[Claim], terms: Callable[[str], list[str]], asked: Sequence[str]
) -> tuple[str, bool]:
    """The words that say what is asked, and whether they are denied; none where it is not the speaker's claim.

    The speaker is the one that the sentence is attributed to: its first. A sentence without claims speaks for itself.
    """
    if not claims:
        return sentence, False
    claim = next((claim for claim in claims if claim.speaker), None)
    content = " ".join(piece.text for piece in claim.content) if claim else ""
    if claim is None or not set(asked) <= set(terms(content)) or claim.stance not in _AFFIRM | {"denies"}:
        return "", False
    return content, claim.stance == "denies"
