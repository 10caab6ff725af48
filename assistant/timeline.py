"""Timelines: what a speaker said, by date, where a question asks how its account changed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.parties import Report
from assistant.question import Question
from assistant.reader import Evidence
from assistant.sides import position, quoted
from assistant.words import content_words
from index.claims import Claim

_NOT_THE_MATTER = frozenset("account story version count figure number toll position change say chang whether".split())
_REPEATED = 0.5  # of the smaller one's words in common: it is said once more
_FEW = 2  # words that two claims must at least have in common for that
_MOST_DAYS = 6
_THE = r"(?:the|an?|another|its|his|her|their|this|that|these|those)\b"
_VERB = r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|will|would|can|could|may|might|must|should|not)\b"
_IN_PASSING = re.compile(rf"(?:to|of|about|into) {_THE}|['’]s\b", re.IGNORECASE)
_THING = re.compile(rf"{_THE}(?!.*{_VERB})(?:\s+[\w’'-]+){{1,3}}$", re.IGNORECASE)
_STANDS = frozenset("admits confirms denies".split())  # what is said against, or after, something else


def timeline(question: Question, evidence: Sequence[Evidence]) -> list[Report]:
    """Return the best of a speaker's words of each day, in order; what repeats an earlier day's is left out.

    Nothing where the question does not ask for a change, or all was said on one day.
    """
    speaker = question.speaker
    if not speaker or not question.changed:
        return []
    spoken = [
        Report.of(one, claim, claim.said_by, position(claim), None)
        for one in evidence
        for claim in one.claims
        if question.is_by(claim.said_by) and one.passage.published and not _is_spoken_of(claim)
    ]
    matter = content_words(question.text) - content_words(speaker) - _NOT_THE_MATTER
    to_the_point = [report for report in spoken if matter & content_words(report.position)]
    return _day_by_day(to_the_point, speaker) or _day_by_day(spoken, speaker)


def _day_by_day(spoken: Sequence[Report], speaker: str) -> list[Report]:
    """Return the best of each day that has something new, where there are two days or more."""
    days: list[Report] = []
    for day in sorted({report.day for report in spoken}):
        earlier = [report for report in spoken if report.day < day]
        new = [r for r in spoken if r.day == day and not any(_repeats(r, other) for other in earlier)]
        if new:
            days.append(max(new, key=lambda report: (_is_about(report, speaker), _takes_a_stand(report))))
    return days[:_MOST_DAYS] if len(days) > 1 else []


def _is_spoken_of(claim: Claim) -> bool:
    """Whether the content is what words are about, and not what they say: "announced | a full investigation"."""
    content = position(claim)
    is_named = claim.stance in ("announces", "describes") and bool(_THING.match(content))
    return is_named or bool(_IN_PASSING.match(content))


def _is_about(report: Report, speaker: str) -> bool:
    """Whether the article is about what the speaker says, by its title."""
    return content_words(speaker) <= content_words(report.evidence.passage.title)


def _takes_a_stand(report: Report) -> bool:
    return report.claim is not None and report.claim.stance in _STANDS


def told(speaker: str, reports: Sequence[Report]) -> str | None:
    """Say in a sentence what the speaker said first and what since, with the dates."""
    if not reports:
        return None
    first, *later = reports
    steps = [f"from {report.day} {'denied: ' if _denies(report) else ''}{quoted(report)}" for report in later]
    verb = "denied:" if _denies(first) else "said"
    return f"{speaker[0].upper()}{speaker[1:]} first {verb} {quoted(first)} ({first.day}); {'; '.join(steps)}."


def _denies(report: Report) -> bool:
    return report.claim is not None and report.claim.stance == "denies"


def _repeats(report: Report, earlier: Report) -> bool:
    if _denies(report) != _denies(earlier):
        return False
    one, other = content_words(report.position), content_words(earlier.position)
    return len(one & other) >= max(_FEW, _REPEATED * min(len(one), len(other)))
