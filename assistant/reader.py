"""Evidence: which sentences of the retrieved passages answer the question, and how surely."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from assistant.question import Question
from assistant.short_answer import fits, names, short_answer
from index.catalogue import Passage
from index.claims import Claim, Piece, find_claims
from index.embedder import Embedder
from index.keywords import KeywordIndex
from index.passages import Span, split_sentences
from index.search import Hit


@dataclass(frozen=True)
class Evidence:
    """A sentence of a passage, who is reported in it to say what, and the probability that it answers."""

    passage: Passage
    sentence: Span
    claims: tuple[Claim, ...] = ()
    by_speaker: bool = False  # it reports words of the speaker that the question names
    score: float = 0.0
    short: Span | None = None  # the bare answer within it

    @property
    def text(self) -> str:
        """The sentence, as the article has it."""
        return self.within(self.sentence)

    def within(self, span: Span) -> str:
        """Return the article's words at `span`, which lies in the passage."""
        return self.passage.text[span.start - self.passage.start : span.end - self.passage.start]


@dataclass(frozen=True)
class Reading:
    """Evidence, best first, and the probability that the articles hold the answer."""

    evidence: tuple[Evidence, ...]
    confidence: float


class Reader(Protocol):
    """Anything that finds evidence for a question in passages."""

    def read(self, question: Question, hits: Sequence[Hit]) -> Reading:
        """Return the evidence that `hits` hold for `question`."""
        ...


Features = dict[str, float]

# Logistic regressions, fitted on one half of the NewsQA sample by `python -m assistant.training.evidence`. On the other
# half the best sentence answers 57 % of what was retrieved, one of the best three 79 %, and confidence has an area
# under the curve of .82 and a calibration error of .04.
SENTENCE_WEIGHTS: Features = {
    "bias": -9.12, "cosine": 0.70, "words": 4.03, "passage_words": -1.07, "retrieval": 5.96, "fits": 2.00,
    "speaker": 0.50,
}  # fmt: skip
CONFIDENCE_WEIGHTS: Features = {
    "bias": -4.09, "score": 3.86, "cosine": 2.37, "words": 0.07, "passage_words": 0.40, "similarity": 0.06,
}  # fmt: skip


class SentenceReader:
    """Scores each sentence by its likeness to the question, in meaning and in words, and by what the question wants."""

    def __init__(self, embedder: Embedder, words: KeywordIndex) -> None:
        self._embedder = embedder
        self._words = words

    def read(self, question: Question, hits: Sequence[Hit]) -> Reading:
        """Return the evidence that `hits` hold for `question`."""
        found = candidates(question, hits)
        if not found:
            return Reading((), 0.0)
        rows = self.features(question, hits, found)
        scores = [probability(row, SENTENCE_WEIGHTS) for row in rows]
        order = sorted(range(len(found)), key=lambda at: (-scores[at], at))
        confidence = probability(confidence_features(rows, scores), CONFIDENCE_WEIGHTS)
        return Reading(tuple(_finished(question, found[at], scores[at]) for at in order), confidence)

    def features(self, question: Question, hits: Sequence[Hit], found: Sequence[Evidence]) -> list[Features]:
        """Return what the two regressions look at, one row a sentence."""
        vectors = self._embedder.embed([question.text, *(evidence.text for evidence in found)])
        cosines = vectors[1:] @ vectors[0]
        by_passage = {hit.passage.id: hit for hit in hits}
        weights = self._words.weights(question.text)
        shares = {id_: self._share(weights, _context(hit.passage)) for id_, hit in by_passage.items()}
        return [
            {
                "bias": 1.0,
                "cosine": float(cosine),
                "words": self._share(weights, evidence.text),
                "passage_words": shares[evidence.passage.id],
                "retrieval": by_passage[evidence.passage.id].score,
                "similarity": by_passage[evidence.passage.id].similarity,
                "fits": float(fits(question, evidence.text)),
                "speaker": float(evidence.by_speaker),
            }
            for evidence, cosine in zip(found, cosines, strict=True)
        ]

    def _share(self, weights: Mapping[str, float], text: str) -> float:
        """Return the share of the question's words, by weight, that occur in `text`."""
        present = set(self._words.terms(text))
        total = sum(weights.values())
        return sum(weight for term, weight in weights.items() if term in present) / total if total else 0.0


def probability(row: Features, weights: Features) -> float:
    """Logistic regression: 1 / (1 + exp(−w·x)) over the features that `weights` names."""
    return 1.0 / (1.0 + math.exp(-sum(weight * row[name] for name, weight in weights.items())))


def confidence_features(rows: Sequence[Features], scores: Sequence[float]) -> Features:
    """Return what speaks for the answer being there at all: the best of each feature, over the three best sentences."""
    best = sorted(range(len(rows)), key=lambda at: (-scores[at], at))[:3]
    top = {name: max(rows[at][name] for at in best) for name in rows[0]}
    return {**top, "score": scores[best[0]]}


def candidates(question: Question, hits: Sequence[Hit]) -> list[Evidence]:
    """Return every sentence of the passages once, with its claims."""
    found: dict[tuple[str, int], Evidence] = {}
    for hit in hits:
        passage = hit.passage
        sentences = split_sentences(passage.text)
        claims = find_claims(passage.text, sentences)
        for sentence in sentences:
            span = Span(passage.start + sentence.start, passage.start + sentence.end)
            own = tuple(_moved(claim, passage.start) for claim in claims if _lies_in(claim, sentence))
            by_speaker = any(names(claim.speaker.text, question.speaker) for claim in own if claim.speaker)
            found.setdefault((passage.article_id, span.start), Evidence(passage, span, own, by_speaker))
    return list(found.values())


def _finished(question: Question, evidence: Evidence, score: float) -> Evidence:
    short = short_answer(question, evidence.text, [_moved(c, -evidence.sentence.start) for c in evidence.claims])
    moved = short and Span(short.start + evidence.sentence.start, short.end + evidence.sentence.start)
    return replace(evidence, score=score, short=moved)


def _context(passage: Passage) -> str:
    return f"{passage.title} {passage.source} {passage.published} {passage.text}"


def _lies_in(claim: Claim, sentence: Span) -> bool:
    return bool(claim.content) and sentence.start <= claim.content[0].start < sentence.end


def _moved(claim: Claim, by: int) -> Claim:
    def move(piece: Piece | None) -> Piece | None:
        return piece and Piece(piece.start + by, piece.end + by, piece.text)

    content = tuple(Piece(piece.start + by, piece.end + by, piece.text) for piece in claim.content)
    return replace(claim, speaker=move(claim.speaker), cue=move(claim.cue), content=content)
