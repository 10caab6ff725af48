"""Accounts: what the parties say on what is asked, and where they differ. Facts with quotes, never who is right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from assistant.answer import Account, Statement
from assistant.counts import Figure
from assistant.question import Question
from assistant.reader import Evidence
from assistant.short_answer import names
from index.speakers import PRONOUNS, read_naming, same_speaker, speaks_for

MOST_CITED = 8
"""Most statements of an answer whose accounts differ."""

_LOOKED_AT = 3  # of the best sentences one must be an account, or the figures found are of something else
_SHARED_NAMES = 2  # that two passages have in common which are on one matter
_UNNAMED = re.compile(r"^(?:the|his|her|its|their|that|this|these|those)\b", re.IGNORECASE)
_BESIDE_NAME = re.compile(r"\s*(?:,|\(|\bwho\b).*", re.DOTALL)
_CAPITAL = re.compile(r"(?<![.!?…”\"] )(?<!^)(?<!\n)\b(?:[a-z]{2}-)?[A-Z][\w’'-]+", re.MULTILINE)
_DAY_OR_MONTH = re.compile(r"\w+day|January|February|March|April|May|June|July|August|(?:Sept|Octo|Novem|Decem)ber")
_SHINGLE = 3  # words
_COPIED = 0.5  # of the shingles of two sentences in common: one is a copy of the other


@dataclass(frozen=True)
class Report:
    """A party's word on what is asked: the sentence, the party as it is named there, and the position it takes.

    `speaker` is None where the article itself says it, or somebody whose name is not known.
    """

    evidence: Evidence
    speaker: str | None
    figure: Figure

    @property
    def day(self) -> str:
        """The date of the article, or ""."""
        return self.evidence.passage.published[:10]


@dataclass(frozen=True)
class Party:
    """Reports that go back to one person or body, in the order of their evidence."""

    name: str
    known: bool  # by a name that tells it from others
    reports: tuple[Report, ...]

    @property
    def figures(self) -> list[Figure]:
        """The figures it gives, each once, in the order in which it gave them."""
        first: dict[tuple[object, ...], Report] = {}
        for report in sorted(self.reports, key=lambda report: report.day or "9999"):
            first.setdefault(report.figure.key, report)
        return [report.figure for report in sorted(first.values(), key=self._when)]

    def _when(self, report: Report) -> tuple[str, int]:
        return report.day or "9999", report.figure.span.start

    def said(self, figure: Figure) -> list[Report]:
        """Its reports of one figure, the earliest first."""
        return sorted((r for r in self.reports if r.figure.key == figure.key), key=lambda report: report.day or "9999")


def parties(question: Question, evidence: Sequence[Evidence]) -> list[Party]:
    """Return who gives which figure for what the question counts; none where it counts nothing.

    Only the named speaker, where the question names one.
    """
    if not any(one.figures for one in evidence[:_LOOKED_AT]):
        return []
    found = [Report(one, _named(figure.speaker), figure) for one in on_the_matter(evidence) for figure in one.figures]
    if question.speaker:
        found = [report for report in found if report.speaker and _asked(report.speaker, question.speaker)]
    attributed = {report.figure.key for report in found if report.speaker}
    return _grouped([report for report in found if report.speaker or report.figure.key not in attributed])


def on_the_matter(evidence: Sequence[Evidence]) -> Iterator[Evidence]:
    """Yield the sentences with figures that are of one matter with the best of them, by the names in their passages."""
    counting = [one for one in evidence if one.figures]
    wanted = _names_in(counting[0]) if counting else frozenset()
    for one in counting:
        if one is counting[0] or len(wanted & _names_in(one)) >= min(_SHARED_NAMES, len(wanted)):
            yield one


def to_cite(found: Sequence[Party]) -> list[Evidence]:
    """Return one sentence for each figure of each party, best first; a sentence with several stands for all of them."""
    cited: list[Evidence] = []
    missing = {(party.name, figure.key) for party in found for figure in party.figures}
    by_sentence: dict[int, tuple[Evidence, set[tuple[str, tuple[object, ...]]]]] = {}
    for party in found:
        for report in party.reports:
            entry = by_sentence.setdefault(id(report.evidence), (report.evidence, set()))
            entry[1].add((party.name, report.figure.key))
    best_first = sorted(by_sentence.values(), key=lambda entry: -entry[0].score)
    while missing and len(cited) < MOST_CITED:
        evidence, said = max(best_first, key=lambda entry: len(entry[1] & missing))
        cited.append(evidence)
        missing -= said
    return sorted(cited, key=lambda one: -one.score)


def cited(found: Sequence[Party], chosen: Sequence[Evidence]) -> list[Party]:
    """Return the parties with those of their figures that the chosen sentences give."""
    said = {id(evidence) for evidence in chosen}
    kept = []
    for party in found:
        keys = {report.figure.key for report in party.reports if id(report.evidence) in said}
        if keys:
            kept.append(replace(party, reports=tuple(r for r in party.reports if r.figure.key in keys)))
    return kept


def differ(found: Sequence[Party]) -> bool:
    """Whether two parties give plainly different figures."""
    pairs = combinations([party for party in found if party.known], 2)
    return any(a.differs_from(b) for one, other in pairs for a in one.figures for b in other.figures)


def disagreement(found: Sequence[Party]) -> str | None:
    """Say in a sentence who gives which figure, where parties differ, and in another who changed its own."""
    sentences = []
    if differ(found):
        said = [f"{_in_sentence(party.name)} {_listed(party)}" for party in found]
        said[0] = said[0].replace(f"{_in_sentence(found[0].name)} ", f"{_in_sentence(found[0].name)} says ", 1)
        sentences.append(f"The articles differ: {'; '.join(said)}.")
    sentences += filter(None, (_change(party) for party in found if party.known))
    return " ".join(sentences) or None


def as_counted(found: Sequence[Party], statements: Sequence[Statement]) -> tuple[Account, ...]:
    """Return each figure as a position, with the parties that give it and the citations that say so."""
    markers = {(s.citation.article_id, s.citation.start): s.citation.marker for s in statements}
    held: dict[tuple[object, ...], list[tuple[Party, Report]]] = {}
    for party in found:
        for report in party.reports:
            if (report.evidence.passage.article_id, report.evidence.sentence.start) in markers:
                held.setdefault(report.figure.key, []).append((party, report))
    return tuple(
        Account(
            position=_position(reports[0][1].figure),
            speakers=tuple(dict.fromkeys(party.name for party, _ in reports)),
            citations=tuple(
                sorted({markers[r.evidence.passage.article_id, r.evidence.sentence.start] for _, r in reports})
            ),
            origins=origins([(party.name if party.known else None, r.evidence.text) for party, r in reports]),
        )
        for reports in held.values()
    )


def as_said(statements: Sequence[Statement]) -> tuple[Account, ...]:
    """Return the positions of statements as their claims have them: each one's words, by its speaker."""
    held: dict[tuple[str, str], list[int]] = {}
    for statement in statements:
        for claim in statement.claims:
            words = " … ".join(piece.text for piece in claim.content)
            markers = held.setdefault((words, claim.said_by or statement.speaker), [])
            markers.append(statement.citation.marker)
    return tuple(Account(words, (who,), tuple(dict.fromkeys(cited))) for (words, who), cited in held.items())


def origins(reports: Iterable[tuple[str | None, str]]) -> int:
    """Count what reports (whose word, or None; the sentence) go back to: parties, and sentences that are no copies."""
    known: set[str] = set()
    sentences: list[frozenset[str]] = []
    for party, sentence in reports:
        shingles = _shingles(sentence)
        if party is not None:
            known.add(party)
        elif not any(_jaccard(shingles, other) >= _COPIED for other in sentences):
            sentences.append(shingles)
    return len(known) + len(sentences)


def _shingles(text: str) -> frozenset[str]:
    words = re.findall(r"\w+", text.casefold())
    return frozenset(" ".join(words[at : at + _SHINGLE]) for at in range(max(1, len(words) - _SHINGLE + 1)))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def _named(speaker: str | None) -> str | None:
    """The speaker, where the words tell who that is: not "he", and not "the group"."""
    if speaker is None or speaker.casefold() in PRONOUNS:
        return None
    naming = read_naming(speaker)
    return None if _UNNAMED.match(speaker) and not naming.name and not naming.offices else speaker


def _asked(speaker: str, asked: str) -> bool:
    return speaks_for(speaker, asked) or names(speaker, asked)


def _grouped(found: Sequence[Report]) -> list[Party]:
    """Put the reports of one person or body together; what an article says by itself is its outlet's."""
    groups: list[Party] = []
    for report in found:
        at = next((at for at, party in enumerate(groups) if _is_of(party, report)), None)
        if at is None:
            groups.append(Party(_label(report), _is_known(report), (report,)))
        else:
            better = max(groups[at].name, _label(report), key=_fullness)
            groups[at] = replace(groups[at], name=better, reports=(*groups[at].reports, report))
    return sorted(groups, key=lambda party: min(report.day or "9999" for report in party.reports))


def _is_of(party: Party, report: Report) -> bool:
    mine, other = report.speaker, party.reports[0].speaker
    if mine is None or other is None:
        return mine is other and _label(report) == party.name
    return any(
        mine.casefold() == theirs.casefold() or same_speaker(mine, theirs)
        for theirs in {one.speaker for one in party.reports if one.speaker}
    )


def _label(report: Report) -> str:
    passage = report.evidence.passage
    if report.speaker is None:
        return passage.source or passage.title or passage.article_id
    short = _BESIDE_NAME.sub("", report.speaker)
    return short if read_naming(short).name or not read_naming(report.speaker).name else report.speaker


def _is_known(report: Report) -> bool:
    return report.speaker is not None or report.figure.claim is None


def _fullness(name: str) -> tuple[bool, int]:
    return bool(read_naming(name).name), len(name)


def _position(figure: Figure) -> str:
    return figure.text[0].lower() + figure.text[1:]


def _in_sentence(name: str) -> str:
    return f"the {name[4:]}" if name.startswith("The ") else name


def _listed(party: Party) -> str:
    figures = [_position(figure) for figure in party.figures]
    return f"{', '.join(figures[:-1])} and {figures[-1]}" if len(figures) > 1 else figures[0]


def _change(party: Party) -> str | None:
    """Say how a party's figure changed; nothing where it did not, or where it is not plain which came first."""
    figures = party.figures
    steps = [figures[0]]
    for figure in figures[1:]:
        if figure.differs_from(steps[-1]) or (figure.low is None) != (steps[-1].low is None):
            steps.append(figure)
    if len(steps) < 2:
        return None
    first, *later = ((step, party.said(step)[0]) for step in steps)
    told = [f"{party.name} first said {_position(first[0])}{_on(first[1])}"]
    for before, (step, report) in zip([first, *later], later, strict=False):
        if report.day == before[1].day:
            if not _in_one_sentence(party, before[0], step):
                return None
            told.append(f"later {_position(step)}")
        else:
            told.append(f"from {report.day} {_position(step)}")
    return "; ".join(told) + "."


def _on(report: Report) -> str:
    return f" ({report.day})" if report.day else ""


def _in_one_sentence(party: Party, one: Figure, other: Figure) -> bool:
    """Whether a sentence gives both, the later one after the earlier."""
    places = {(id(r.evidence), r.figure.key): r.figure.span.start for r in party.reports}
    return any(
        key == one.key and places.get((sentence, other.key), -1) > start for (sentence, key), start in places.items()
    )


def _names_in(evidence: Evidence) -> frozenset[str]:
    text = f"{evidence.passage.title}. {evidence.passage.text}"
    found = (match.group() for match in _CAPITAL.finditer(text))
    return frozenset(name for name in found if not _DAY_OR_MONTH.fullmatch(name))
