"""Positions: the parties that answer one question with different things, each in its own words.

Each claim is read by itself for what it answers. Two answers are one wherever they may be: by a word in common, a
name of the same body, or much the same meaning; so silence is likelier than a difference that is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from assistant.neural_reader import Reading
from assistant.parties import Party, Report, grouped, same_matter
from assistant.question import Kind, Question
from assistant.reader import Evidence
from assistant.sides import TELLING
from assistant.words import content_words
from index.claims import Claim
from index.embedder import Vectors
from index.speakers import PRONOUNS, same_speaker

_KINDS = frozenset((Kind.OTHER, Kind.WHERE, Kind.WHO))  # figures, days, and yes and no are told apart elsewhere
_READ = 16  # claims, the best sentences' first
_SURE = 0.0  # log-odds of the answer that a claim gives, over none
_ON_IT = 0.5  # of the question's words, beside the answer
_MOST_WORDS = 12  # of an answer
_ALIKE = 0.35  # cosine from which two answers may be one


class Means(NamedTuple):
    """By what answers are found and compared: a reader of single texts, and an embedder."""

    read: Callable[[str, Sequence[str]], Sequence[Reading]]
    embed: Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True)
class _Answer:
    """What a claim answers, with its sentence; `place` is its first character in the article."""

    evidence: Evidence
    claim: Claim
    place: int
    text: str


def positions(question: Question, evidence: Sequence[Evidence], means: Means) -> list[Party]:
    """Return the parties whose claims answer the question, with their answers, where two of them differ; else none."""
    if question.kind not in _KINDS or question.speaker or question.changed or not evidence:
        return []
    asked = content_words(question.text)
    told = _on_it(asked, evidence)
    if len({claim.said_by for _, claim in told}) < 2:
        return []
    read = means.read(question.text, [one.text for one, _ in told])
    answers = [
        answer
        for (one, claim), found in zip(told, read, strict=True)
        if (answer := _answer(asked, one, claim, found)) is not None
    ]
    parties = grouped(list(_reports(answers, means)))
    parties = [party for party in parties if party.reports[0].speaker]
    return parties if _differ(parties) else []


def told(parties: Sequence[Party]) -> str:
    """Say in a sentence what each party answers."""
    first, *others = parties
    said = [f"{first.in_sentence} {first.says} {first.reports[0].position}"]
    said += [f"{party.in_sentence} {party.reports[0].position}" for party in others]
    return f"The articles differ: {'; '.join(said)}."


def _on_it(asked: frozenset[str], evidence: Sequence[Evidence]) -> list[tuple[Evidence, Claim]]:
    """Return the claims on the matter of the best sentence that have enough of the question's words around them."""
    articles = same_matter(evidence[0], evidence)
    near = [
        one
        for one in evidence
        if one.passage.article_id in articles and len(asked & content_words(one.text)) >= _ON_IT * len(asked)
    ]
    told = [(one, claim) for one in near for claim in one.claims if claim.said_by and claim.stance in TELLING]
    return told[:_READ]


def _answer(asked: frozenset[str], evidence: Evidence, claim: Claim, found: Reading) -> _Answer | None:
    """Return what is read in a claim's sentence as its answer, or None where it is not the claim's or too unsure."""
    text = evidence.text[found.start : found.end].strip(" ,;:.“”\"'")
    start = evidence.sentence.start + found.start
    inside = any(p.start <= start and evidence.sentence.start + found.end <= p.end + 2 for p in claim.content)
    beside = content_words(f"{evidence.text[: found.start]} {evidence.text[found.end :]}")
    says_something = bool(content_words(text) - asked) and text.casefold() not in PRONOUNS
    short = 0 < len(text.split()) <= _MOST_WORDS
    if inside and short and says_something and found.span_score > _SURE and len(asked & beside) >= _ON_IT * len(asked):
        return _Answer(evidence, claim, start, text)
    return None


def _reports(answers: Sequence[_Answer], means: Means) -> Iterator[Report]:
    """Yield the answers as reports; those that may be one have the same key, also where only a third one links them."""
    vectors = means.embed([answer.text for answer in answers]) if answers else ()
    kinds = list(range(len(answers)))
    for at, one in enumerate(answers):
        for before in range(at):
            alike = float(vectors[at] @ vectors[before]) >= _ALIKE
            if alike or _may_be_one(one.text, answers[before].text):
                kinds = [kinds[before] if kind == kinds[at] else kind for kind in kinds]
    for one, kind in zip(answers, kinds, strict=True):
        report = Report.of(one.evidence, one.claim, one.claim.said_by, one.text, kind)
        yield replace(report, place=one.place)


def _may_be_one(one: str, other: str) -> bool:
    return bool(content_words(one) & content_words(other)) or same_speaker(one, other)


def _differ(parties: Sequence[Party]) -> bool:
    """Whether two parties have no answer in common."""
    held = [{report.key for report in party.reports} for party in parties]
    return any(one.isdisjoint(other) for at, one in enumerate(held) for other in held[:at])
