"""Tallies: which party gives which figure for what is counted, where they differ, and how one changed its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise

from assistant.counts import Figure
from assistant.parties import Party, Report, grouped, same_matter
from assistant.question import Question
from assistant.reader import Evidence
from index.people import named_in
from index.speakers import same_speaker

_LOOKED_AT = 3  # of the best sentences one must give a figure, or the figures found are of something else


def tallies(question: Question, evidence: Sequence[Evidence]) -> list[Party]:
    """Return who gives which figure for what the question counts; none where it counts nothing.

    Only the speaker that the question names, where it names one. An article's own figure is left out where a party
    gives it.
    """
    if not any(one.figures for one in evidence[:_LOOKED_AT]):
        return []
    counting = [one for one in evidence if one.figures]
    articles = same_matter(counting[0], evidence)
    reports = [_report(one, f) for one in counting if one.passage.article_id in articles for f in one.figures]
    if question.speaker:
        reports = [report for report in reports if question.is_by(report.speaker)]
    attributed = {report.key for report in reports if report.speaker}
    return grouped([report for report in reports if report.speaker or report.key not in attributed])


def differ(parties: Sequence[Party]) -> bool:
    """Whether two named parties give plainly different figures; an article's own may be of another thing."""
    pairs = combinations([party for party in parties if party.reports[0].speaker], 2)
    return any(a.differs_from(b) for one, other in pairs for a in _figures(one) for b in _figures(other))


def told(question: Question, parties: Sequence[Party]) -> str | None:
    """Say in a sentence who gives which figure, where parties differ, and in another who changed its own.

    The party that the question names is the first.
    """
    names = [one.naming for one in named_in(question.text)]

    def is_asked(party: Party) -> bool:
        return any(same_speaker(party.name, name) for name in names)

    sentences = []
    if differ(parties):
        first, *others = sorted(parties, key=lambda party: not is_asked(party))
        said = f"{first.says} {_listed(first)}"
        rest = "; ".join(f"{party.in_sentence} {_listed(party)}" for party in others)
        sentences.append(
            f"{first.name} {said}. Others differ: {rest}."
            if is_asked(first)
            else f"The articles differ: {first.in_sentence} {said}; {rest}."
        )
    sentences += filter(None, (_change(party) for party in parties if party.known))
    return " ".join(sentences) or None


def _report(evidence: Evidence, figure: Figure) -> Report:
    position = figure.text[0].lower() + figure.text[1:]
    report = Report.of(evidence, figure.claim, figure.speaker, position, figure.key)
    return replace(report, place=figure.span.start)


def _figures(party: Party) -> list[Figure]:
    return [_figure(report) for report in party.positions()]


def _figure(report: Report) -> Figure:
    return next(figure for figure in report.evidence.figures if figure.span.start == report.place)


def _listed(party: Party) -> str:
    *before, last = [report.position for report in party.positions()]
    return f"{', '.join(before)} and {last}" if before else last


def _change(party: Party) -> str | None:
    """Say how a party's figure changed; nothing where it did not, or where it is not plain which came first."""
    steps: list[Report] = []
    for report in party.positions():
        if not steps or _is_another(_figure(steps[-1]), _figure(report)):
            steps.append(report)
    if len(steps) < 2:
        return None
    said = [f"{party.name} first said {steps[0].position}" + (f" ({steps[0].day})" if steps[0].day else "")]
    for before, after in pairwise(steps):
        if before.day == after.day and not _in_one_sentence(party, before, after):
            return None
        said.append(f"later {after.position}" if before.day == after.day else f"from {after.day} {after.position}")
    return "; ".join(said) + "."


def _is_another(one: Figure, other: Figure) -> bool:
    return one.differs_from(other) or (one.low is None) != (other.low is None)


def _in_one_sentence(party: Party, one: Report, other: Report) -> bool:
    """Whether a sentence gives both figures, the other one after the first."""
    places = {(id(report.evidence), report.key): report.place for report in party.reports}
    return any(
        key == one.key and places.get((sentence, other.key), -1) > place for (sentence, key), place in places.items()
    )
