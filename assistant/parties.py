"""Parties: who a report goes back to, within an answer's evidence, and whether it is on the matter at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistant.reader import Evidence
from assistant.short_answer import names
from index.claims import Claim
from index.speakers import PRONOUNS, read_naming, same_speaker, speaks_for

_SHARED_NAMES = 2  # that two passages have in common which are on one matter
_UNNAMED = re.compile(r"^(?:the|his|her|its|their|that|this|these|those)\b", re.IGNORECASE)
_BESIDE_NAME = re.compile(r"\s*(?:,|\(|\bwho\b).*", re.DOTALL)
_CAPITAL = re.compile(r"(?<![.!?…”\"] )(?<!^)(?<!\n)\b(?:[a-z]{2}-)?[A-Z][\w’'-]+", re.MULTILINE)
_DAY_OR_MONTH = re.compile(r"\w+day|January|February|March|April|May|June|July|August|(?:Sept|Octo|Novem|Decem)ber")
_UNDATED = "9999"  # sorts behind every date


@dataclass(frozen=True)
class Report:
    """One party's word on what is asked: the sentence, by whom, and the position that it takes.

    `speaker` is None where the article itself says it, or somebody who is not named. Reports whose `key` is equal take
    the same position; `place` is where in its article the position stands.
    """

    evidence: Evidence
    claim: Claim | None
    speaker: str | None
    position: str
    key: Any
    place: int = 0

    @classmethod
    def of(cls, evidence: Evidence, claim: Claim | None, said_by: str | None, position: str, key: Any) -> Report:
        """Make a report, its speaker left out where the words do not tell who that is: "he", "the group"."""
        return cls(evidence, claim, named(said_by), position, key)

    @property
    def day(self) -> str:
        """The date of the article as YYYY-MM-DD, or ""."""
        return self.evidence.passage.published[:10]

    @property
    def when(self) -> tuple[str, int]:
        """Sorts reports by date, those without one last, and within an article by their place."""
        return self.day or _UNDATED, self.place


@dataclass(frozen=True)
class Party:
    """The reports that go back to one person or body."""

    name: str
    reports: tuple[Report, ...]

    @property
    def known(self) -> bool:
        """Whether it can be told from others: by its name, or as the outlet that says so itself."""
        return self.reports[0].speaker is not None or self.reports[0].claim is None

    @property
    def in_sentence(self) -> str:
        """Its name as it stands within a sentence."""
        return f"the {self.name[4:]}" if self.name.startswith("The ") else self.name

    def positions(self) -> list[Report]:
        """Return the first report of each of its positions, in the order in which it took them."""
        first: dict[Any, Report] = {}
        for report in sorted(self.reports, key=lambda report: report.when):
            first.setdefault(report.key, report)
        return list(first.values())


def named(speaker: str | None) -> str | None:
    """Return the speaker where the words tell who that is: not "he", and not "the group"."""
    if speaker is None or speaker.casefold() in PRONOUNS:
        return None
    naming = read_naming(speaker)
    return None if _UNNAMED.match(speaker) and not naming.name and not naming.offices else speaker


def is_asked(speaker: str | None, asked: str) -> bool:
    """Whether a report's speaker is the one that the question names, or speaks for it."""
    return bool(speaker) and (speaks_for(speaker or "", asked) or names(speaker or "", asked))


def grouped(reports: Sequence[Report]) -> list[Party]:
    """Put the reports of one person or body together, the party that spoke first ahead."""
    found: list[Party] = []
    for report in reports:
        at = next((at for at, party in enumerate(found) if _is_of(party, report)), None)
        if at is None:
            found.append(Party(_label(report), (report,)))
        else:
            fuller = max(found[at].name, _label(report), key=lambda name: (bool(read_naming(name).name), len(name)))
            found[at] = replace(found[at], name=fuller, reports=(*found[at].reports, report))
    return sorted(found, key=lambda party: min(report.when[0] for report in party.reports))


def on_the_matter(evidence: Sequence[Evidence]) -> Iterator[Evidence]:
    """Yield the sentences that are of one matter with the first, by the names in their passages."""
    wanted = _names_in(evidence[0]) if evidence else frozenset()
    for one in evidence:
        if one is evidence[0] or len(wanted & _names_in(one)) >= min(_SHARED_NAMES, len(wanted)):
            yield one


def _is_of(party: Party, report: Report) -> bool:
    mine = report.speaker
    if mine is None or party.reports[0].speaker is None:
        return mine is party.reports[0].speaker and _label(report) == party.name
    theirs = {one.speaker for one in party.reports if one.speaker}
    return any(mine.casefold() == other.casefold() or same_speaker(mine, other) for other in theirs)


def _label(report: Report) -> str:
    if report.speaker is None:
        passage, claim = report.evidence.passage, report.claim
        where = passage.source or passage.title or passage.article_id
        return f"{where}, of “{claim.said_by}”" if claim and claim.said_by else where
    short = _BESIDE_NAME.sub("", report.speaker)
    return short if read_naming(short).name or not read_naming(report.speaker).name else report.speaker


def _names_in(evidence: Evidence) -> frozenset[str]:
    text = f"{evidence.passage.title}. {evidence.passage.text}"
    found = (match.group() for match in _CAPITAL.finditer(text))
    return frozenset(name for name in found if not _DAY_OR_MONTH.fullmatch(name))
