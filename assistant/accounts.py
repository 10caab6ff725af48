"""Accounts: what the parties say on what is asked, and where they differ. Facts with quotes, never who is right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistant import sides, tallies, timeline
from assistant.answer import Account, Statement
from assistant.parties import Party, Report, grouped
from assistant.question import Question
from assistant.reader import Evidence

MOST_CITED = 8
"""Most statements of an answer whose accounts differ."""

_MOST_A_SIDE = 3
_SHINGLE = 3  # words
_COPIED = 0.5  # of the shingles of two sentences in common: one is a copy of the other


@dataclass(frozen=True)
class Accounts:
    """What the parties say; the sentences that an answer must cite to show it; and where they differ, in a sentence.

    Without `cite` the accounts do not differ, and the answer cites what answers best.
    """

    parties: tuple[Party, ...] = ()
    cite: tuple[Evidence, ...] = ()
    disagreement: str | None = None
    settled: bool = True  # whether there is one answer: parties do not differ, nor has one changed what it says

    def cited_with(self, chosen: Sequence[Evidence]) -> list[Evidence]:
        """Return what to cite, given what answers best: of that, beside accounts that differ, only other figures."""
        if not self.cite:
            return list(chosen)
        others = [one for one in chosen if one.figures and not any(one is cited for cited in self.cite)]
        return [*self.cite, *others[: MOST_CITED - len(self.cite)]]

    def surer(self, confidence: float) -> float:
        """Return the probability that the articles hold the answer, given that of what answers best.

        Where parties give accounts of what is asked, each of them answers by itself: the answer is missing only if none
        of two does (noisy-or of Pearl 1988, held to two, since parties that differ are seldom independent).
        """
        return 1 - (1 - confidence) ** 2 if self.cite and len(self.parties) > 1 else confidence

    def held(self, statements: Sequence[Statement]) -> tuple[Account, ...]:
        """Return the positions that the statements cite, with the parties that hold each."""
        markers = {(s.citation.article_id, s.citation.start): s.citation.marker for s in statements}
        found: dict[tuple[Any, str], list[tuple[Party, Report, int]]] = {}
        for party in self.parties:
            for report in party.reports:
                marker = markers.get((report.evidence.passage.article_id, report.evidence.sentence.start))
                if marker is not None:
                    # Equal figures are one position however they are written; other words are each their own.
                    words = "" if isinstance(report.key, tuple) else report.position
                    found.setdefault((report.key, words), []).append((party, report, marker))
        return tuple(map(_account, found.values())) or as_said(statements)


def find_accounts(question: Question, evidence: Sequence[Evidence]) -> Accounts:
    """Return the accounts that sentences, the best first, give of what the question asks."""
    counting = tallies.tallies(question, evidence)
    if sum(len(party.positions()) for party in counting) > 1:
        cite = _to_cite(counting)
        shown = _as_cited(counting, cite)
        return Accounts(tuple(shown), tuple(cite), tallies.told(question, shown), not tallies.differ(shown))
    days = timeline.timeline(question, evidence)
    if days and question.speaker:
        cite = [report.evidence for report in days]
        sentence = timeline.told(question.speaker, days)
        return Accounts(tuple(grouped(days)), tuple(dict.fromkeys(cite)), sentence, False)
    yes, no = sides.sides(question, evidence)
    if yes and no:
        shown = [*yes[:_MOST_A_SIDE], *no[:_MOST_A_SIDE]]
        cite = [party.reports[0].evidence for party in shown]
        return Accounts(tuple(shown), tuple(dict.fromkeys(cite)), sides.told(yes, no), False)
    return Accounts(tuple(counting))


def as_said(statements: Sequence[Statement]) -> tuple[Account, ...]:
    """Return the positions of statements as their claims have them: each one's words, by its speaker."""
    found: dict[tuple[str, str], list[int]] = {}
    for statement in statements:
        for claim in statement.claims:
            markers = found.setdefault((sides.position(claim), claim.said_by or statement.speaker), [])
            markers.append(statement.citation.marker)
    return tuple(Account(words, (who,), tuple(dict.fromkeys(cited))) for (words, who), cited in found.items())


def origins(reports: Iterable[tuple[str | None, str]]) -> int:
    """Count what reports (whose word, or None; the sentence) go back to: parties, and sentences that are no copies."""
    known: set[str] = set()
    sentences: list[frozenset[str]] = []
    for party, sentence in reports:
        shingles = _shingles(sentence)
        if party is not None:
            known.add(party)
        elif not any(len(shingles & other) >= _COPIED * len(shingles | other) for other in sentences):
            sentences.append(shingles)
    return len(known) + len(sentences)


def _shingles(text: str) -> frozenset[str]:
    words = re.findall(r"\w+", text.casefold())
    return frozenset(" ".join(words[at : at + _SHINGLE]) for at in range(max(1, len(words) - _SHINGLE + 1)))


def _account(held: Sequence[tuple[Party, Report, int]]) -> Account:
    return Account(
        position=held[0][1].position,
        speakers=tuple(dict.fromkeys(party.name for party, _, _ in held)),
        citations=tuple(sorted({marker for _, _, marker in held})),
        origins=origins((party.name if report.speaker else None, report.evidence.text) for party, report, _ in held),
    )


def _to_cite(parties: Sequence[Party]) -> list[Evidence]:
    """Return a sentence for each position of each party, best first; one that gives several stands for all of them."""
    gives: dict[int, tuple[Evidence, set[tuple[str, Any]]]] = {}
    for party in parties:
        for report in party.reports:
            entry = gives.setdefault(id(report.evidence), (report.evidence, set()))
            entry[1].add((party.name, report.key))
    missing = {pair for _, pairs in gives.values() for pair in pairs}
    best_first = sorted(gives.values(), key=lambda entry: -entry[0].score)
    cite: list[Evidence] = []
    while missing and len(cite) < MOST_CITED:
        evidence, pairs = max(best_first, key=lambda entry: len(entry[1] & missing))
        cite.append(evidence)
        missing -= pairs
    return sorted(cite, key=lambda one: -one.score)


def _as_cited(parties: Sequence[Party], cite: Sequence[Evidence]) -> list[Party]:
    """Return the parties with those of their positions that the cited sentences give."""
    cited = {id(evidence) for evidence in cite}
    shown = []
    for party in parties:
        keys = {report.key for report in party.reports if id(report.evidence) in cited}
        if keys:
            shown.append(replace(party, reports=tuple(report for report in party.reports if report.key in keys)))
    return shown
