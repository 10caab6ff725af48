"""Whose words: what the asked speaker is quoted with, who is quoted with what is asked, and whom it is put into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from assistant.question import Kind, Question
from assistant.reader import Evidence, Reading
from assistant.short_answer import fits
from assistant.yes_no import negated
from index.claims import Claim
from index.keywords import KeywordIndex
from index.speakers import PRONOUNS, same_speaker, words_of

# Chosen on articles of PolNeAR's train that the claims network has not learnt from; see tests/benchmarks/LOG.md.
CLAIM_IS_RIGHT = 0.72  # how often a claim that was found is one, and its speaker's
_SAYS_THAT = 0.60  # share of a question's words, by weight, at which a claim says just what is asked
_AHEAD = 0.25  # by which another's words must be nearer than the asked speaker's own
_SAYS_NEARLY = 0.50
_ON_THE_MATTER = 0.30
_BESIDE_WEIGHT = 0.3  # of what stands in the passage around them
_READ_WEIGHT = 0.5  # of what reading makes of the speaker's words, beside their own
_NEAR = 3  # others who are named where the asked speaker says nothing
# Stances that a question asks for by name; a question with any other wants whatever was said.
_TELLING = frozenset("accuses admits asks confirms declines denies opposes praises predicts promises warns".split())
_DOING = {"admits": "admitting", "confirms": "confirming", "denies": "denying", "warns": "warning of"}


def heard(question: Question, reading: Reading, words: KeywordIndex) -> Reading:
    """Return what was read as the question about a speaker wants it; of any other question, just what was read.

    Where a speaker is asked for, only that speaker's words on the matter are evidence, and where there are none, or
    they are another's, a note says so. Where it is asked who said something, those come first whose words it is.
    """
    matter = _Matter(question, words)
    if question.kind is Kind.WHO_SAID:
        return matter.sayers(reading)
    return matter.own_words(reading) if question.speaker else reading


class _Matter:
    """What a question is about, and how far claims are about it."""

    def __init__(self, question: Question, words: KeywordIndex) -> None:
        self._question = question
        self._words = words
        self._weights: Mapping[str, float] = words.weights(question.matter) if question.matter else {}

    def sayers(self, reading: Reading) -> Reading:
        """Put the claims that say what is asked first, each with its speaker."""
        found = [one for evidence in reading.evidence if (one := self._told(evidence, evidence.claims))]
        told = [one for one in found if one.score >= _ON_THE_MATTER and one.said_by]
        told.sort(key=lambda one: (-one.score, _is_nobody(one.said_by)))
        if self._question.everybody:
            told = _one_each(told)
        if not told or (told[0].score < _SAYS_NEARLY and self._share([reading.evidence[0].text]) >= _SAYS_THAT):
            # No claim was found where the sentence stands: whom reading takes for the speaker is the next best.
            return replace(reading, evidence=tuple(replace(one, short=one.read) for one in reading.evidence))
        return replace(reading, evidence=tuple(told), confidence=max(reading.confidence, self._sure(told[0].score)))

    def own_words(self, reading: Reading) -> Reading:
        """Keep the asked speaker's own words on the matter; where there are none, say so and who is quoted on it."""
        own = [one for evidence in reading.evidence if (one := self._told(evidence, self._own(evidence)))]
        own = [one for one in own if self._question.was_then(one.passage.day)]
        others = [one for evidence in reading.evidence if (one := self._told(evidence, self._not_own(evidence)))]
        own, others = (sorted(found, key=lambda one: -one.score) for found in (own, others))
        if not own and (missed := self._missed(reading)).evidence:
            return missed
        best, nearest = (found[0].score if found else 0.0 for found in (own, others))
        if self._question.asserts and nearest >= _SAYS_THAT and nearest - best >= _AHEAD:
            return self._corrected(own, others)
        if best < (_SAYS_NEARLY if self._question.asserts else _ON_THE_MATTER):
            return self._not_quoted(own, others)
        ranked = self._by_reading(own if self._weights else [one for one in own if one.score == best], reading)
        return Reading(tuple(one for one in ranked if one.score >= _ON_THE_MATTER), self._sure(best))

    def _by_reading(self, own: Sequence[Evidence], reading: Reading) -> list[Evidence]:
        """Raise the speaker's words that reading finds to be the answer, once some of them are on the matter."""
        if self._question.asserts or not own or own[0].score < _ON_THE_MATTER:
            return list(own)
        read = {(one.passage.article_id, one.sentence.start): one.score for one in reading.evidence}
        scores = [read[one.passage.article_id, one.sentence.start] for one in own]
        best = max(scores) or 1.0
        raised = [
            replace(one, score=one.score + _READ_WEIGHT * s / best + _BESIDE_WEIGHT * self._share([one.passage.text]))
            for one, s in zip(own, scores, strict=True)
        ]
        return sorted(raised, key=lambda one: -one.score)

    def _told(self, evidence: Evidence, claims: Sequence[Claim]) -> Evidence | None:
        """Return the evidence with its claim that is most about the matter, and how far it is, as its score."""
        if not claims:
            return None
        scores = [self._fit(claim, evidence) for claim in claims]
        at = max(range(len(claims)), key=lambda at: scores[at])
        return replace(evidence, score=scores[at], said_by=claims[at].said_by)

    def _fit(self, claim: Claim, evidence: Evidence) -> float:
        """Return how far a claim is about the matter, 0 to 1, with what reading its sentence adds."""
        if not self._weights:
            return 1.0 if self._stance_fits(claim) else 0.5
        content = self._share(piece.text for piece in claim.content)
        if self._question.asserts or self._question.kind is Kind.WHO_SAID:
            return content * (1.0 if self._stance_fits(claim) else 0.4)
        around, beyond = self._share([evidence.text]), self._share([evidence.passage.text])
        if self._question.kind is Kind.HOW_MANY:  # "the number at 35" says of what only before
            content = max(content, 0.6 * beyond * fits(self._question, evidence.text))
        return max(content, 0.8 * around, 0.9 * evidence.score) * (1.0 if self._stance_fits(claim) else 0.8)

    def _share(self, texts: Iterable[str]) -> float:
        present = {term for text in texts for term in self._words.terms(text)}
        total = sum(self._weights.values())
        return sum(weight for term, weight in self._weights.items() if term in present) / total if total else 0.0

    def _stance_fits(self, claim: Claim) -> bool:
        """Whether a claim says it as the question has it: denied as denied, blamed as blamed, with or without "not"."""
        asked = self._question.stance
        content = " ".join(piece.text for piece in claim.content)
        if self._question.asserts or asked == "denies":
            wanted = (asked == "denies") != negated(self._question.matter)
            return wanted == ((claim.stance == "denies") != negated(content))
        return asked not in _TELLING or asked == claim.stance

    def _own(self, evidence: Evidence) -> list[Claim]:
        return [claim for claim in evidence.claims if self._question.is_by(claim.said_by)]

    def _not_own(self, evidence: Evidence) -> list[Claim]:
        return [claim for claim in evidence.claims if claim.said_by and not self._question.is_by(claim.said_by)]

    def _missed(self, reading: Reading) -> Reading:
        """Return the sentences that name the speaker and report nobody's words: a claim may have been missed there."""
        names = words_of(self._question.speaker or "")
        kept = [
            one
            for one in reading.evidence
            if not any(claim.said_by for claim in one.claims) and names <= words_of(one.text)
        ]
        best = kept[0].score if kept and kept[0] == reading.evidence[0] else 0.0
        return Reading(tuple(kept), reading.confidence) if best else Reading((), 0.0)

    def _sure(self, fit: float) -> float:
        return CLAIM_IS_RIGHT * min(1.0, fit / _SAYS_THAT)

    def _corrected(self, own: Sequence[Evidence], others: Sequence[Evidence]) -> Reading:
        """Say that it is not the asked speaker's word, but whose."""
        saying = _DOING.get(self._question.stance, "saying")
        whose = _first(others[0].said_by)
        note = f"The articles do not quote {self._question.speaker} as {saying} this; {whose}: “{others[0].text}” [1]"
        return Reading((), 0.0, note=note, closest=(others[0], *own[:2]))

    def _not_quoted(self, own: Sequence[Evidence], others: Sequence[Evidence]) -> Reading:
        """Say that the speaker is not quoted on the matter, and who is."""
        speaker = self._question.speaker or ""
        if self._question.asserts and own:
            saying = _DOING.get(self._question.stance, "saying")
            note = f"The articles do not quote {speaker} as {saying} this."
        else:
            note = f"{_first(speaker)} {_is(speaker)} not quoted on this in the articles."
        near = [one for one in others if one.score >= _ON_THE_MATTER and not _is_nobody(one.said_by)]
        near = list(_each_once(near))[:_NEAR]
        if near:
            note += f" Quoted on it: {'; '.join(one.said_by or '' for one in near)}."
        return Reading((), 0.0, note=note, closest=tuple(near))


def _first(name: str | None) -> str:
    return f"{name[0].upper()}{name[1:]}" if name else ""


def _is(speaker: str) -> str:
    """Return "are" for many, as far as a name tells: "the White Helmets are", "Human Rights Watch is"."""
    last = speaker.split()[-1]
    return (
        "are"
        if speaker.casefold().startswith("the ") and last.endswith("s") and last not in ("States", "Nations")
        else "is"
    )


def _one_each(told: Sequence[Evidence]) -> list[Evidence]:
    """Keep of each speaker's words those that are most on the matter, all of them to be said."""
    kept: list[Evidence] = []
    for one in told:
        if not any(same_speaker(one.said_by or "", other.said_by or "") for other in kept):
            kept.append(replace(one, by_speaker=True))
    return kept


def _is_nobody(name: str | None) -> bool:
    return not name or name.casefold() in PRONOUNS


def _each_once(evidence: Iterable[Evidence]) -> Iterator[Evidence]:
    """Yield the first of each speaker."""
    seen: list[str] = []
    for one in evidence:
        name = one.said_by or ""
        if not any(name == other or same_speaker(name, other) for other in seen):
            seen.append(name)
            yield one
