"""Fit the logistic regressions of the reader, and measure them on questions they have not seen.

    python -m assistant.training.evidence ARTICLES.jsonl.gz QUESTIONS.jsonl.gz [--near-misses SQUAD2.jsonl.gz]

The questions name the article and the spans that answer them. Those about articles that the network was trained on
are left out; of the others, one half of the articles tunes and the other half measures. Every question is asked twice:
as it is, and with its article taken away, when the right thing is to abstain. What is then found is seldom about the
question at all; `--near-misses` adds, to what confidence is fitted on, questions of SQuAD 2.0 whose paragraph is there,
is about the matter, and in half of the cases does not answer (the titles kept for calibration); how sure what was
learnt makes is then told by news alone. `--reader` fits for another network than the shipped one, `--diagram` draws how
well the measured half's confidence is calibrated, `--figures` writes what thresholds do there for the page to show.
`--leave-out` also fits without each feature in turn, and measures what is lost.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from assistant.neural_reader import Reading
from assistant.question import Question, understand
from assistant.reader import (
    CONFIDENCE_WEIGHTS,
    SENTENCE_WEIGHTS,
    UNREAD,
    TrainedReader,
    candidates,
    confidence_features,
)
from assistant.regression import Features, probability
from assistant.rerank import RANK_WEIGHTS, rank_features
from assistant.training.data import newsqa_part, squad2_parts
from assistant.training.data import read as read_lines
from assistant.training.reliability import calibration_error, diagram
from index.embedder import Embedder
from index.ingest import ingest
from index.search import Hit, search
from index.store import Store

_DEPTH = 12
_THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
SHOWN_THRESHOLDS = (0.2, 0.4, 0.5)  # on the page
# Of a paragraph's question beside one about news: chosen by the mean of the areas under the curve of NewsQA's tuning
# half and of near misses that nothing was fitted on.
_NEAR_MISS_WEIGHT = 0.4
_NEAR_MISSES = 3  # every n-th of them is asked
_BOOST = 3.0  # sentences that answer are few; weighing them up keeps the scores of good ones away from 0


@dataclass(frozen=True)
class Read:
    """The rows of one question's sentences and which of them answer, those of its passages and which of them do, what
    the network read, and the half it belongs to."""

    rows: list[Features]
    answers: list[bool]
    passages: list[Features]
    holds: list[bool]
    readings: list[Reading]
    measured: bool
    weight: float = 1.0


def main() -> None:
    """Read the questions, fit on one half, measure on the other, print the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--every", type=int, default=4, help="use every n-th question")
    parser.add_argument("--near-misses", type=Path, help="SQuAD 2.0's questions with their paragraphs")
    parser.add_argument("--reader", type=Path, help="a folder with another network [default: the shipped one]")
    parser.add_argument("--diagram", type=Path, help="write the measured half's reliability diagram to this SVG file")
    parser.add_argument("--figures", type=Path, help="write what the page says of the thresholds to this JSON file")
    parser.add_argument("--leave-out", action="store_true", help="fit again without each feature in turn")
    parser.add_argument("--data-dir", type=Path, help="index here, or use what is indexed [default: for this run only]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        store = Store.open(arguments.data_dir or Path(passing), Embedder())
        ingest(store, [arguments.articles])
        reader = TrainedReader(store.words.passages, arguments.reader)
        reads = list(_reads(store, reader, arguments.questions, arguments.every))
        store.close()
    tuning = [read for read in reads if not read.measured]
    near = list(_near_misses(arguments.near_misses, arguments.reader)) if arguments.near_misses else []
    sentence, rank = _fit_sentences(tuning), _fit_rank(tuning)
    confidence = _calibrated(_fit_confidence([*tuning, *near], sentence), tuning, sentence)
    for name, weights in (("SENTENCE", sentence), ("CONFIDENCE", confidence), ("RANK", rank)):
        sys.stdout.write(f"{name}_WEIGHTS = {json.dumps({key: round(value, 2) for key, value in weights.items()})}\n")
    if arguments.diagram:
        arguments.diagram.write_text(_diagram(reads, sentence, confidence), encoding="utf-8")
    for half in (False, True):
        found = _measure([read for read in reads if read.measured is half], sentence, confidence, rank)
        sys.stdout.write(f"{'measured' if half else 'tuned'}: {found}\n")
        if half and arguments.figures:
            arguments.figures.write_text(f"{json.dumps(shown_on_the_page(found), indent=2)}\n", encoding="utf-8")
    if arguments.leave_out:
        for name, found in leaving_out([*tuning, *near], [read for read in reads if read.measured]):
            sys.stdout.write(f"measured without {name}: {found}\n")


def _reads(store: Store, reader: TrainedReader, questions: Path, every: int) -> Iterator[Read]:
    with gzip.open(questions, "rt", encoding="utf-8") as lines:
        for line in list(lines)[::every]:
            asked = json.loads(line)
            question, gold = understand(asked["question"]), set(asked["articles"])
            if newsqa_part(min(gold)) == "train":
                continue
            measured = hashlib.sha256(min(gold).encode()).digest()[0] % 2 == 1
            hits = search(store, question.text, 2 * _DEPTH)
            others = [hit for hit in hits if hit.passage.article_id not in gold][:_DEPTH]
            for read in (hits[:_DEPTH], others):
                yield _read(reader, question, read, reader.spans(question, read), asked["spans"], measured)


def _near_misses(path: Path, model: Path | None) -> Iterator[Read]:
    """Yield every n-th question of the paragraphs kept for calibration, asked of all of them together."""
    records = squad2_parts(read_lines(path))["calibrate"]
    ids = {
        context: f"paragraph-{number}" for number, context in enumerate(dict.fromkeys(r["context"] for r in records))
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "paragraphs.jsonl"
        file.write_text("".join(json.dumps({"id": id_, "text": context}) + "\n" for context, id_ in ids.items()))
        store = Store.open(Path(folder) / "data", Embedder())
        ingest(store, [file])
        reader = TrainedReader(store.words.passages, model)
        for record in records[::_NEAR_MISSES]:
            article, question = ids[record["context"]], understand(record["question"])
            spans = [
                {"article": article, "start": answer["start"], "end": answer["start"] + len(answer["text"])}
                for answer in record["answers"]
            ]
            hits = search(store, question.text, _DEPTH)
            found = _read(reader, question, hits, reader.spans(question, hits), spans, measured=False)
            yield replace(found, weight=_NEAR_MISS_WEIGHT)
        store.close()


def _read(
    reader: TrainedReader,
    question: Question,
    hits: Sequence[Hit],
    read: Mapping[int, Reading],
    spans: Sequence[Any],
    measured: bool,
) -> Read:
    found = candidates(question, hits)
    answers = [_holds(one.passage.article_id, one.sentence.start, one.sentence.end, spans) for one in found]
    rows = reader.features(question, hits, found, read) if found else []
    passages = [rank_features(hit, read.get(hit.passage.id, UNREAD)) for hit in hits]
    holds = [_holds(hit.passage.article_id, hit.passage.start, hit.passage.end, spans) for hit in hits]
    return Read(rows, answers, passages, holds, list(read.values()), measured)


def _holds(article_id: str, start: int, end: int, spans: Sequence[Any]) -> bool:
    """Whether any of the spans lies, in part, in an article's characters from start to end."""
    return any(span["article"] == article_id and span["start"] < end and start < span["end"] for span in spans)


def _fit(rows: Sequence[Features], labels: Sequence[bool], names: Sequence[str], weights: Sequence[float]) -> Features:
    matrix = np.array([[row[name] for name in names if name != "bias"] for row in rows])
    model = LogisticRegression(C=10.0, max_iter=1000)
    model.fit(matrix, np.array(labels), sample_weight=np.array(weights))
    return dict(zip(names, [float(model.intercept_[0]), *map(float, model.coef_[0])], strict=True))


def leaving_out(fitted: Sequence[Read], measured: Sequence[Read]) -> Iterator[tuple[str, dict[str, float]]]:
    """Fit without each feature of sentences, and of confidence, in turn; yield its name and what is then measured."""
    sentences = [read for read in fitted if read.weight == 1.0]
    sentence, rank = _fit_sentences(sentences), _fit_rank(sentences)
    for name in [name for name in SENTENCE_WEIGHTS if name != "bias"]:
        less = _fit_sentences(sentences, [other for other in SENTENCE_WEIGHTS if other != name])
        confidence = _calibrated(_fit_confidence(fitted, less), sentences, less)
        yield f"sentences' {name}", _measure(measured, less, confidence, rank)
    for name in [name for name in CONFIDENCE_WEIGHTS if name != "bias"]:
        less = _fit_confidence(fitted, sentence, [other for other in CONFIDENCE_WEIGHTS if other != name])
        yield f"confidence's {name}", _measure(measured, sentence, _calibrated(less, sentences, sentence), rank)


def _fit_sentences(reads: Sequence[Read], names: Sequence[str] = tuple(SENTENCE_WEIGHTS)) -> Features:
    rows = [row for read in reads if any(read.answers) for row in read.rows]
    labels = [label for read in reads if any(read.answers) for label in read.answers]
    return _fit(rows, labels, names, [_BOOST if label else 1.0 for label in labels])


def _fit_confidence(
    reads: Sequence[Read], sentence: Features, names: Sequence[str] = tuple(CONFIDENCE_WEIGHTS)
) -> Features:
    usable = [read for read in reads if read.rows]
    rows = [confidence_features(read.rows, _scores(read, sentence), read.readings) for read in usable]
    weights = [read.weight for read in usable]
    return _fit(rows, [any(read.answers) for read in usable], names, weights)


def _calibrated(confidence: Features, news: Sequence[Read], sentence: Features) -> Features:
    """Scale the log-odds so that they are right on news: near misses teach what to look at, not how often it is there.

    After Platt, "Probabilistic Outputs for Support Vector Machines", 1999; the order of questions stays as it is.
    """
    usable = [read for read in news if read.rows]
    sure = np.array([_sure(read, sentence, confidence) for read in usable])
    fitted = LogisticRegression(C=np.inf).fit(
        np.log(sure / (1 - sure))[:, None], np.array([any(read.answers) for read in usable])
    )
    scale, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return {name: scale * weight + (shift if name == "bias" else 0.0) for name, weight in confidence.items()}


def _fit_rank(reads: Sequence[Read]) -> Features:
    rows = [row for read in reads if any(read.holds) for row in read.passages]
    labels = [label for read in reads if any(read.holds) for label in read.holds]
    return _fit(rows, labels, list(RANK_WEIGHTS), [1.0] * len(rows))


def _scores(read: Read, weights: Features) -> list[float]:
    return [probability(row, weights) for row in read.rows]


def _sure(read: Read, sentence: Features, confidence: Features) -> float:
    return probability(confidence_features(read.rows, _scores(read, sentence), read.readings), confidence)


def _measure(reads: Sequence[Read], sentence: Features, confidence: Features, rank: Features) -> dict[str, float]:
    """Return how often the best sentence (or one of the best three) answers, and how well confidence tells."""
    usable = [read for read in reads if read.rows]
    best = [np.argsort(-np.array(_scores(read, sentence)), kind="stable")[:3] for read in usable]
    there = np.array([any(read.answers) for read in usable])
    sure = np.array([_sure(read, sentence, confidence) for read in usable])
    first = np.array([read.answers[order[0]] for read, order in zip(usable, best, strict=True)])
    three = np.array([any(read.answers[at] for at in order) for read, order in zip(usable, best, strict=True)])
    figures = {
        "questions": len(usable),
        "retrieved": there.mean(),
        "best sentence answers": first[there].mean(),
        "one of three answers": three[there].mean(),
        "AUC of confidence": roc_auc_score(there, sure),
        "calibration error": calibration_error(sure, there),
        "passage reciprocal rank as retrieved": _rank([read for read in usable if any(read.holds)], {"retrieval": 1.0}),
        "passage reciprocal rank as read": _rank([read for read in usable if any(read.holds)], rank),
    }
    for threshold in _THRESHOLDS:
        figures[f"answered when there, from {threshold}"] = (sure[there] >= threshold).mean()
        figures[f"abstained when not, below {threshold}"] = (sure[~there] < threshold).mean()
    return {name: round(float(value), 3) for name, value in figures.items()}


def _rank(reads: Sequence[Read], weights: Features) -> float:
    """Return the mean reciprocal rank of the first passage that holds an answer, ordered by some weights."""
    ranked = [np.argsort([-probability(row, weights) for row in read.passages], kind="stable") for read in reads]
    firsts = [
        next(n for n, at in enumerate(order, 1) if read.holds[at]) for read, order in zip(reads, ranked, strict=True)
    ]
    return float(np.mean(1 / np.array(firsts)))


def shown_on_the_page(found: Mapping[str, float]) -> dict[str, Any]:
    """Return the measured figures as the page reads them from the file `confidence.json` beside the reader."""
    thresholds = [
        {
            "threshold": threshold,
            "answered": found[f"answered when there, from {threshold}"],
            "refused": found[f"abstained when not, below {threshold}"],
        }
        for threshold in SHOWN_THRESHOLDS
    ]
    return {
        "questions": int(found["questions"]),
        "calibration_error": found["calibration error"],
        "thresholds": thresholds,
    }


def _diagram(reads: Sequence[Read], sentence: Features, confidence: Features) -> str:
    usable = [read for read in reads if read.rows and read.measured]
    there = np.array([any(read.answers) for read in usable])
    sure = np.array([_sure(read, sentence, confidence) for read in usable])
    told = f"Reliability of the confidence on {len(usable)} questions not used to fit it"
    return diagram(sure, there, f"{told}; calibration error {calibration_error(sure, there):.3f}")


if __name__ == "__main__":
    main()
