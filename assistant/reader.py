"""Evidence: which sentences of the retrieved passages answer the question, and how surely."""

from __future__ import annotations

import hashlib
import math
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from assistant.counts import Figure, counted, figures
from assistant.neural_reader import NeuralReader, PassageReader
from assistant.neural_reader import Reading as PassageReading
from assistant.question import SAYING_WORDS, Kind, Question
from assistant.regression import Features, probability
from assistant.rerank import reranked
from assistant.short_answer import figure, fits, short_answer, times
from assistant.words import with_bases
from assistant.yes_no import verdict
from index.batches import on_one_core
from index.catalogue import Passage
from index.claims import Claim
from index.embedder import bundled_model
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
    verdict: str | None = None  # "yes" or "no", where that is asked and it plainly says so
    figures: tuple[Figure, ...] = ()  # that it gives for what is counted, where that is asked
    read: Span | None = None  # what the network reads in it as the answer
    said_by: str | None = None  # whose words in it are meant, where the question is about a speaker

    @property
    def text(self) -> str:
        """The sentence, as the article has it."""
        return self.within(self.sentence)

    def within(self, span: Span) -> str:
        """Return the article's words at `span`, which lies in the passage."""
        return self.passage.text[span.start - self.passage.start : span.end - self.passage.start]


@dataclass(frozen=True)
class Reading:
    """Evidence, best first, and the probability that the articles hold the answer.

    `note` says in a sentence why there is none, where more than that is known; `closest` is what comes nearest then.
    """

    evidence: tuple[Evidence, ...]
    confidence: float
    note: str | None = None
    closest: tuple[Evidence, ...] = ()


class Reader(Protocol):
    """Anything that finds evidence for a question in passages."""

    @property
    def name(self) -> str:
        """What tells this reader from another."""
        ...

    def warm_up(self) -> None:
        """Load what reading needs."""
        ...

    def read(self, question: Question, hits: Sequence[Hit]) -> Reading:
        """Return the evidence that `hits` hold for `question`."""
        ...

    def rank(self, question: Question, hits: Sequence[Hit], depth: int) -> list[Hit]:
        """Return the hits in the order they deserve once the first `depth` are read, without looking for evidence."""
        ...


_WEIGHTS = Path(__file__).with_name("models") / "reader"

# Logistic regressions, fitted by `python -m assistant.training.evidence` on half of the NewsQA articles that the
# network has not seen. On the other half the best sentence answers 65 % of what was retrieved, one of the best three
# 88 %, and confidence has an area under the curve of .87 and a calibration error of .03.
SENTENCE_WEIGHTS: Features = {
    "bias": -8.99, "holds": 3.27, "span": 0.23, "relevance": -0.09, "words": 1.57, "retrieval": 5.66, "fits": 1.44,
    "speaker": 0.32,
}  # fmt: skip
CONFIDENCE_WEIGHTS: Features = {
    "bias": -2.47, "score": 0.61, "ahead": 0.12, "span": -0.09, "relevance": 0.28, "words": -0.28, "retrieval": 2.26,
}  # fmt: skip

# A passage with less than this share of the best one's retrieval score is not read: on the tuning half no order and no
# first sentence hung on one, and confidence told as well without what the network made of them.
_WORTH_READING = 0.45
UNREAD = PassageReading(0, 0, -10.1, -4.2)  # the median of what the network makes of such passages

_HAPPENS = "happen happened occur occurred"  # which a question says of an event, and an article hardly ever
_LEAST_SCORE = 0.01  # below it, and above its opposite, log-odds say no more

# Punctuation after an answer that is none of it: all but the full stop of "U.S." and "Inc.".
_LOOSE_END = re.compile(r"(?:[\s,;:]|(?<!\b[A-Za-z])(?<!\bInc)(?<!\b[JS]r)(?<!\bCo)(?<!\bCorp)\.)+$")


# “concluded on Tuesday, | April 18, | that …”: a day beside the word of saying is that of saying it.
_SAID = re.compile(rf"\b(?:{'|'.join(SAYING_WORDS.split())})\s+(?:(?:late|early|on|in)\s+)*(?:\w+day,?\s+)?$")
_THAT = re.compile(r"[^;:.]{0,10}?,?\s+that\b")
# “the strike” is one event, and “also carried out strikes” tells of another.
_THE_EVENT = re.compile(
    r"\b(?:the|this|that)\s+(?:[\w-]+\s+)?(?P<event>strike|attack|raid|bombing|blast|explosion|crash|shooting|earthquake|"
    r"quake|fire|flood|storm|protest|accident|collision|killing|murder|robbery)\b(?!\s+(?:in|on|at|near|of|against)\b)",
    re.IGNORECASE,
)
_ANOTHER = r"\b(?:also|another|separate(?:ly)?|second|similar)\b[^,;:.]{0,60}"
_LESS = 0.2


class TrainedReader:
    """Scores each sentence by what the trained network makes of its passage, and by words, retrieval and speaker.

    The network reads each passage that may answer best with the question once: it gives the likeliest answer span and
    how likely the passage answers at all. A sentence that holds the span gets the span's score.
    """

    def __init__(self, words: KeywordIndex, model: Path | None = None) -> None:
        self._words = words
        self._model = model  # a folder with another network than the shipped one
        self._loading = threading.Lock()
        self._network: PassageReader | None = None

    @cached_property
    def name(self) -> str:
        """The folder's name, or "reader" for the shipped network, with the beginning of its weights' SHA-256."""
        return f"{self._model.name if self._model else 'reader'}@{weights_hash(self._model)[:12]}"

    def warm_up(self) -> None:
        """Load the network now rather than at the first question."""
        self._load()

    def read(self, question: Question, hits: Sequence[Hit]) -> Reading:
        """Return the evidence that `hits` hold for `question`."""
        found = candidates(question, hits)
        if not found:
            return Reading((), 0.0)
        spans = self.spans(question, hits)
        rows = self.features(question, hits, found, spans)
        scores = [probability(row, SENTENCE_WEIGHTS) for row in rows]
        counting = [bool(evidence.figures) for evidence in found]
        confidence = probability(confidence_features(rows, scores, spans.values(), counting), CONFIDENCE_WEIGHTS)
        if question.kind is Kind.HOW_MANY and any(row["fits"] for row in rows):
            # A sentence without a number cannot say how many, whatever else speaks for it.
            scores = [score * row["fits"] for score, row in zip(scores, rows, strict=True)]
        event = _THE_EVENT.search(question.text)
        if event:
            scores = [
                score * _LESS if _tells_of_another(event["event"], evidence.text) else score
                for score, evidence in zip(scores, found, strict=True)
            ]
        order = sorted(range(len(found)), key=lambda at: (-scores[at], at))
        asked = self._words.query_terms(question.text)
        return Reading(
            tuple(
                replace(
                    _finished(question, found[at], scores[at], spans),
                    verdict=verdict(question, found[at].text, found[at].claims, self._words.terms, asked),
                )
                for at in order
            ),
            confidence,
        )

    def rank(self, question: Question, hits: Sequence[Hit], depth: int) -> list[Hit]:
        """Return the hits in the order they deserve once the first `depth` are read, without looking for evidence."""
        return reranked(hits, self.spans(question, hits[:depth]))

    def spans(self, question: Question, hits: Sequence[Hit]) -> dict[int, PassageReading]:
        """Return what the network reads, by passage id, its span in the article's characters.

        Passages that were found far less surely than the best are not read.
        """
        least = _WORTH_READING * max((hit.score for hit in hits), default=0.0)
        near = [hit for hit in hits if hit.score >= least]
        read = self._load().read(question.text, [hit.passage.text for hit in near])
        return {
            hit.passage.id: replace(one, start=hit.passage.start + one.start, end=hit.passage.start + one.end)
            for hit, one in zip(near, read, strict=True)
        }

    def features(
        self,
        question: Question,
        hits: Sequence[Hit],
        found: Sequence[Evidence],
        spans: Mapping[int, PassageReading],
    ) -> list[Features]:
        """Return what the two regressions look at, one row a sentence."""
        retrieval = {hit.passage.id: hit.score for hit in hits}
        # That a sentence reports the speaker's words is a feature of its own.
        empty = self._words.terms(f"{_HAPPENS} {SAYING_WORDS}" if question.speaker else _HAPPENS)
        weights = {term: weight for term, weight in self._words.weights(question.text).items() if term not in empty}
        rows = []
        for evidence in found:
            read = spans.get(evidence.passage.id)
            holds = read is not None and evidence.sentence.start <= read.start < evidence.sentence.end
            rows.append(
                {
                    "bias": 1.0,
                    "holds": float(holds),
                    "span": read.span_score if read and holds else 0.0,
                    "relevance": read.relevance if read else UNREAD.relevance,
                    "words": self._share(weights, evidence.text),
                    "retrieval": retrieval[evidence.passage.id],
                    "fits": float(fits(question, evidence.text)),
                    "speaker": float(evidence.by_speaker),
                }
            )
        return rows

    def _share(self, weights: Mapping[str, float], text: str) -> float:
        """Return the share of the question's words, by weight, that occur in `text`."""
        present = set(self._words.terms(with_bases(text)))
        total = sum(weights.values())
        return sum(weight for term, weight in weights.items() if term in present) / total if total else 0.0

    def _load(self) -> PassageReader:
        with self._loading:
            if self._network is None:
                self._network = open_network(self._model)
            return self._network


def weights_hash(folder: Path | None) -> str:
    """Return the SHA-256 of the weights in a folder, or of the shipped network's, in hexadecimal."""
    digest = hashlib.sha256()
    for file in sorted((folder or _WEIGHTS).glob("*.safetensors")):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def open_network(folder: Path | None) -> PassageReader:
    """The shipped network, or that in `folder`: one trained here, or any of Hugging Face's that reads.

    Raises SaidsoError where the folder holds neither."""
    if folder is None or (folder / "reader.safetensors").is_file():
        return on_one_core(lambda: NeuralReader.load(folder or _WEIGHTS, bundled_model()))
    from assistant import hf_reader

    return hf_reader.load(folder)


def confidence_features(
    rows: Sequence[Features], scores: Sequence[float], read: Iterable[PassageReading], counting: Sequence[bool] = ()
) -> Features:
    """Return what speaks for the answer being there at all.

    That is the log-odds of the best sentence, how far it is ahead of the next, the best that the network reads in any
    passage, and the best of each feature over the three best sentences. `counting` says which sentences give a figure
    for what is counted: those are accounts of one thing, so none of them is a rival of another.
    """
    order = sorted(range(len(rows)), key=lambda at: (-scores[at], at))
    best = order[:3]
    account = bool(counting) and counting[order[0]]
    rival = next((at for at in order[1:] if not (account and counting[at])), None)
    readings = list(read)
    return {
        **{name: max(rows[at][name] for at in best) for name in rows[0]},
        "score": _log_odds(scores[order[0]]),
        "ahead": _log_odds(scores[order[0]]) - _log_odds(0.0 if rival is None else scores[rival]),
        "span": max(one.span_score for one in readings),
        "relevance": max(one.relevance for one in readings),
    }


def _log_odds(score: float) -> float:
    kept = min(max(score, _LEAST_SCORE), 1 - _LEAST_SCORE)
    return math.log(kept / (1 - kept))


def candidates(question: Question, hits: Sequence[Hit]) -> list[Evidence]:
    """Return every sentence of the passages once, with its claims and figures."""
    found: dict[tuple[str, int], Evidence] = {}
    wanted = counted(question)
    for hit in hits:
        passage, before = hit.passage, ""
        for sentence in split_sentences(passage.text):
            span = Span(passage.start + sentence.start, passage.start + sentence.end)
            own = tuple(claim for claim in passage.claims if claim.within(span.start, span.end))
            if question.only_claims and not own:
                before = passage.text[sentence.start : sentence.end]
                continue
            by_speaker = any(question.is_by(claim.said_by) for claim in own)
            evidence = Evidence(passage, span, own, by_speaker)
            if wanted:
                given = figures(wanted, evidence.text, before, own, span.start)
                given = [figure for figure in given if figure.claim or not question.only_claims]
                evidence = replace(evidence, figures=tuple(given))
            known = found.get((passage.article_id, span.start))
            # Where passages overlap, the one that shows the sentence before it tells more of the figures.
            if known is None or (evidence.figures and not known.figures):
                found[passage.article_id, span.start] = evidence
            before = evidence.text
    return list(found.values())


def _tells_of_another(event: str, sentence: str) -> bool:
    return re.search(rf"{_ANOTHER}\b\w*{event}", sentence, re.IGNORECASE) is not None


def _when_it_was(evidence: Evidence, span: Span) -> Span:
    """Return the time in what was said, where `span` only tells when it was said; else `span`."""
    start, text = evidence.sentence.start, evidence.text
    said = [Span(piece.start, piece.end) for claim in evidence.claims for piece in claim.content]
    if _SAID.search(text, 0, span.start - start) and (that := _THAT.match(text, span.end - start)):
        said.append(Span(start + that.end(), evidence.sentence.end))
    if any(piece.start < span.end and span.start < piece.end for piece in said):
        return span
    told = (Span(start + time.start, start + time.end) for time in times(text))
    return next((time for time in told if any(p.start <= time.start and time.end <= p.end for p in said)), span)


def _finished(question: Question, evidence: Evidence, score: float, spans: Mapping[int, PassageReading]) -> Evidence:
    """Add the bare answer: the claim's where the question is about a speaker's words, else the network's span."""
    start, end = evidence.sentence.start, evidence.sentence.end
    read = spans.get(evidence.passage.id)
    span = Span(read.start, min(read.end, end)) if read and start <= read.start < min(read.end, end) else None
    if span and question.kind is Kind.HOW_MANY:
        number = figure(question, evidence.within(span))
        span = number and Span(span.start + number.start, span.start + number.end)
    if span and question.kind is Kind.WHEN and not question.speaker:
        span = _when_it_was(evidence, span)
    if question.kind in (Kind.SAID, Kind.WHO_SAID, Kind.YES_NO) or span is None:
        short = short_answer(question, evidence.text, [claim.moved(-start) for claim in evidence.claims])
        moved = short and Span(short.start + start, short.end + start)
    else:
        moved = Span(span.start, span.start + len(_LOOSE_END.sub("", evidence.within(span))))
    return replace(evidence, score=score, short=moved, read=span)
