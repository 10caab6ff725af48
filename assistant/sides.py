"""Sides: who says what a yes-or-no question asks, and who says that it is not so. Silent where it is not plain.

Looser than a verdict (`assistant.yes_no`), since nothing is concluded: the words of both sides are only set beside each
other, so "the strike hit a mosque" and "we did not target any mosques" are two sides of one question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistant.parties import Party, Report, grouped, same_matter
from assistant.question import Kind, Question
from assistant.reader import Evidence
from assistant.words import content_words
from index.claims import Claim
from index.passages import STARTERS

_NEGATION = re.compile(
    r"\b(?:not|never|neither|nor|no|none|nobody|nothing|cannot|false|fail(?:s|ed)? to)\b|n[’']t\b", re.IGNORECASE
)
# What leaves it open.
_OPEN = re.compile(
    r"\b(?:if|whether|unless|may|might|could|would|should|unclear|allegedly|reportedly|possibly|perhaps|likely|until)\b"
    r"|\bnot (?:only|clear|known|sure|certain)\b|\?",
    re.IGNORECASE,
)
# "The target" or "the strike" is what is spoken of; that it hit something must be said besides.
_SPOKEN_OF = re.compile(
    r"\b(?:the|this|that|its|their)\s+(?:\w+\s+)?(?:target|strike|attack|raid|bombing)s?\b", re.IGNORECASE
)
# Stances with which a speaker stands behind the words.
_SAYS = frozenset(
    "admits announces claims confirms estimates explains finds recalls replies reports says shows".split()
)
# Words that say the opposite of one another, without a “not”.
_OPPOSITES = tuple(
    (re.compile(rf"\b(?:{one})\b", re.IGNORECASE), re.compile(rf"\b(?:{other})\b", re.IGNORECASE))
    for one, other in (
        (
            r"lawful(?:ly)?|legal(?:ly)?|within the law|in (?:line|accordance|compliance) with (?:[\w-]+ ){0,3}law",
            r"unlawful(?:ly)?|illegal(?:ly)?|war crimes?|(?:violat(?:ed?|es|ing|ions?)|breach(?:ed|es)?|broke|broken)"
            r"(?: of)? (?:[\w-]+ ){0,3}laws?",
        ),
        (r"guilty|guilt", r"innocent|innocence"),
        (r"alive|living|survived", r"dead|died|killed"),
        (r"safe(?:ly)?|harmless", r"unsafe|dangerous|harmful"),
        (r"true|genuine|real|authentic", r"untrue|false|fake|fabricated|hoax"),
        (r"accident(?:al|ally)?|by mistake|unintentional(?:ly)?", r"deliberate(?:ly)?|intentional(?:ly)?|on purpose"),
        (r"fair(?:ly)?", r"unfair(?:ly)?|unjust|rigged"),
        (r"necessary", r"unnecessary"),
        (r"possible", r"impossible"),
        (r"open", r"closed|shut"),
        (r"success(?:ful)?", r"failure|unsuccessful"),
        (r"constitutional", r"unconstitutional"),
        (r"armed", r"unarmed"),
        (r"justified", r"unjustified|unwarranted"),
    )
)
_NAME = re.compile(r"(?<!^)\b[A-Z][\w.’'-]*")
_FEW = 2  # words of a question that must all be there
_MOST = 0.66  # of more words


def sides(question: Question, evidence: Sequence[Evidence]) -> tuple[list[Party], list[Party]]:
    """Return who says that it is so and who says that it is not; twice nobody where yes or no is not asked."""
    asked = content_words(_SPOKEN_OF.sub(" ", question.text)) or content_words(question.text)
    if question.kind is not Kind.YES_NO or question.speaker or not asked or _NEGATION.search(question.text):
        return [], []
    terms = _Terms.of(question.text)
    names = content_words(" ".join(_NAME.findall(question.text)))
    reports = [report for one in evidence for report in _reports(one, _Asked(asked, asked - names), terms)]
    articles = same_matter(reports[0].evidence, evidence) if reports else frozenset()
    reports = [report for report in reports if report.evidence.passage.article_id in articles and report.speaker]
    return grouped([r for r in reports if r.key == "yes"]), grouped([r for r in reports if r.key == "no"])


def told(yes: Sequence[Party], no: Sequence[Party]) -> str | None:
    """Say in a sentence, in the words of one on each side, that they differ; nothing where only one side speaks."""
    if not yes or not no:
        return None
    return f"The articles differ: {_words_of(yes[0])}; {_words_of(no[0])}."


def _words_of(party: Party) -> str:
    report = party.reports[0]
    denies = report.claim is not None and report.claim.stance == "denies"
    return f"{party.in_sentence} {'denies:' if denies else party.says} {quoted(report)}"


def quoted(report: Report) -> str:
    """Return a report's words within a sentence: in quotation marks where the speaker is quoted with all of them."""
    words = "" if report.claim is None else report.claim.content[0].text.rstrip(".")
    if report.claim and report.claim.direct:
        return f"“{words}”"
    return words[0].lower() + words[1:] if words.split(" ", 1)[0].casefold() in STARTERS else words


@dataclass(frozen=True)
class _Terms:
    """A question's word that has an opposite, the words for the same, and those for the opposite."""

    asked: str
    same: re.Pattern[str]
    opposite: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> _Terms | None:
        """Return the terms of a question, or None."""
        for one, other in _OPPOSITES:
            for same, opposite in ((other, one), (one, other)):
                if found := same.search(text):
                    return cls(found.group(), same, opposite)
        return None

    def told(self, words: str) -> tuple[str, int] | None:
        """Return words as the question has them and whether they say the opposite, or None where they have neither."""
        same, opposite = self.same.search(words), self.opposite.search(words)
        found = same or opposite
        if not found or (same and opposite):
            return None
        clause = re.split(r"[,;]", words[: found.start()])[-1] + self.asked
        return clause + words[found.end() :], int(bool(opposite))


@dataclass(frozen=True)
class _Asked:
    """The words that a question asks about, and those of them that are no names: to share an actor is not enough."""

    words: frozenset[str]
    plain: frozenset[str]

    def covered_by(self, words: str) -> bool:
        """Whether a claim's words are on what is asked."""
        theirs = content_words(_SPOKEN_OF.sub(" ", words))
        needed = [each for each in (self.words, self.plain) if len(each) <= _FEW]
        return all(each <= theirs for each in needed) and len(self.words & theirs) >= _MOST * len(self.words)


def _reports(evidence: Evidence, asked: _Asked, terms: _Terms | None) -> Iterator[Report]:
    for claim in evidence.claims:
        words, turned = " ".join(piece.text for piece in claim.content), 0
        if terms and (told := terms.told(words)):
            words, turned = told
        if claim.stance in _SAYS | {"denies"} and asked.covered_by(words) and not _OPEN.search(words):
            denied = turned + (claim.stance == "denies") + len(_NEGATION.findall(words))
            if denied < 2:
                yield Report.of(evidence, claim, claim.said_by, position(claim), "no" if denied else "yes")


def position(claim: Claim) -> str:
    """Return a claim's words as a position: behind what the speaker makes of them, where that is not to say so."""
    words = " … ".join(piece.text for piece in claim.content)
    return words if claim.stance in _SAYS | {"describes"} else f"{claim.stance}: {words}"
