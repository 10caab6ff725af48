"""Parties: who a report goes back to, within an answer's evidence, and whether it is on the matter at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistant.days import day_beside
from assistant.reader import Evidence
from index.catalogue import Passage
from index.claims import Claim
from index.speakers import PRONOUNS, read_naming, same_speaker

_SHARED_NAMES = 2  # that two articles on one matter have in common, and which share of the names of the one with fewer
_SHARED_OF_FEWER = 0.3
_UNNAMED = re.compile(r"^(?:the|his|her|its|their|that|this|these|those)\b", re.IGNORECASE)
_UNNAMED_START = re.compile(r"(?:an?|his|her|its|their|another)\b", re.IGNORECASE)
_BESIDE_NAME = re.compile(r"\s*(?:,|\(|\)|\bwho\b)\s*")
_CAPITAL = re.compile(r"(?<![.!?…”\"] )(?<!^)(?<!\n)\b(?:[a-z]{2}-)?[A-Z][\w’'-]+", re.MULTILINE)
_DAY_OR_MONTH = re.compile(r"\w+day|January|February|March|April|May|June|July|August|(?:Sept|Octo|Novem|Decem)ber")
_LOWERED = frozenset("the a an its his her their another one local some most many several".split())
_PLURAL = frozenset(("police", "Police", "people"))
_TAG = 120  # characters from speaker to cue, or the other way round, where they stand together
_UNDATED = "9999"  # sorts behind every date


@dataclass(frozen=True)
class Report:
    """One party's word on what is asked: the sentence, by whom, and the position that it takes.

    `speaker` is None where the article itself says it, or somebody who is not named. Reports whose `key` is equal take
    the same position; `place` is where in its article the position stands. `day`, YYYY-MM-DD or "", is the one named
    beside the cue, else the article's.
    """

    evidence: Evidence
    claim: Claim | None
    speaker: str | None
    position: str
    key: Any
    day: str
    place: int = 0

    @classmethod
    def of(cls, evidence: Evidence, claim: Claim | None, said_by: str | None, position: str, key: Any) -> Report:
        """Make a report, its speaker left out where the words do not tell who that is: "he", "the group"."""
        day = _said_on(evidence.passage, claim) or evidence.passage.published[:10]
        return cls(evidence, claim, named(said_by), position, key, day)

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
        first = self.name.split()[0]
        return self.name[0].lower() + self.name[1:] if first.casefold() in _LOWERED else self.name

    @property
    def says(self) -> str:
        """The verb that goes with its name: "say" with "Local officials"."""
        last = self.name.split()[-1]
        return "say" if last in _PLURAL or (last.islower() and last.endswith("s")) else "says"

    def positions(self) -> list[Report]:
        """Return the first report of each of its positions, in the order in which it took them."""
        first: dict[Any, Report] = {}
        for report in sorted(self.reports, key=lambda report: report.when):
            first.setdefault(report.key, report)
        return list(first.values())


def _said_on(passage: Passage, claim: Claim | None) -> str:
    """Return the day on which something was said, where it is named beside cue and speaker: "he said on March 17"."""
    if claim is None or claim.cue is None:
        return ""
    words = [claim.cue, *([claim.speaker] if claim.speaker else [])]
    start, end = min(piece.start for piece in words), max(piece.end for piece in words)
    if end - start > _TAG:
        start, end = claim.cue.start, claim.cue.end
    if start < passage.start:
        return ""  # said in another passage
    start, end = start - passage.start, end - passage.start
    return day_beside(passage.text[:start], passage.text[end:], passage.published)


def named(speaker: str | None) -> str | None:
    """Return the speaker where the words tell who that is: not "he", and not "the group"."""
    if speaker is None or speaker.casefold() in PRONOUNS:
        return None
    naming = read_naming(speaker)
    nobody = not naming.name and not naming.offices
    return None if _UNNAMED.match(speaker) and (nobody or speaker[1:].islower()) else speaker


def grouped(reports: Sequence[Report]) -> list[Party]:
    """Put the reports of one person or body together, the party that spoke first ahead."""
    found: list[Party] = []
    for report in reports:
        at = next((at for at, party in enumerate(found) if _is_of(party, report)), None)
        if at is None:
            found.append(Party(_label(report), (report,)))
        else:
            fuller = max(found[at].name, _label(report), key=_fullness)
            found[at] = replace(found[at], name=fuller, reports=(*found[at].reports, report))
    return sorted(found, key=lambda party: min(report.when[0] for report in party.reports))


def same_matter(first: Evidence, evidence: Sequence[Evidence]) -> frozenset[str]:
    """Return the ids of the articles that are on one matter with the first sentence's.

    Articles are when enough of the names in their retrieved passages are the same, or when a third one is with both.
    """
    passages = {one.passage.id: one.passage for one in (first, *evidence)}.values()
    by_article: dict[str, frozenset[str]] = {}
    for passage in passages:
        by_article[passage.article_id] = by_article.get(passage.article_id, frozenset()) | _names_in(passage)
    same, reached = {first.passage.article_id}, [first.passage.article_id]
    while reached:
        known = by_article[reached.pop()]
        new = [id_ for id_, others in by_article.items() if id_ not in same and _share_names(known, others)]
        same.update(new)
        reached += new
    return frozenset(same)


def _share_names(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= max(_SHARED_NAMES, _SHARED_OF_FEWER * min(len(one), len(other)))


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
    parts = [part for part in _BESIDE_NAME.split(report.speaker) if part]
    name = next((part for part in parts if read_naming(part).name), parts[0] if parts else report.speaker)
    return name[0].upper() + name[1:]


def _fullness(name: str) -> tuple[bool, bool, int]:
    return bool(read_naming(name).name), not _UNNAMED_START.match(name), len(name)


def _names_in(passage: Passage) -> frozenset[str]:
    """Return the words with capitals of a passage and its title, the outlet's own name and dates left out."""
    found = (match.group() for match in _CAPITAL.finditer(f"{passage.title}.\n{passage.text}"))
    return frozenset(name for name in found if not _DAY_OR_MONTH.fullmatch(name) and name not in passage.source)
