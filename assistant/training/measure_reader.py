"""Measures a reader: `python -m assistant.training.measure_reader --data DATA --reader DIR`.

`--part dev`, for choosing: the small part of NewsQA's fold A that no reader is trained on, with the gold article given,
and SQuAD 2.0's titles kept for calibration. `--part test`, for reporting: NewsQA's fold B, which a reader closed with
fold A has not seen, and SQuAD 2.0's held-out titles, abstaining below the threshold that was best on the others.
`--other DIR`, a reader closed with fold B, adds fold A as read by that one: every question of NewsQA is then answered
by a reader that has not seen its article. `--reader` is a folder of weights, or a run's checkpoint."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assistant.evaluation.matching import exact_match, token_f1
from assistant.neural_reader import NeuralReader, Reading
from assistant.reader_network import from_encoder
from assistant.training.data import newsqa_part, read, squad2_parts
from assistant.training.reader import Plan, Trainer
from index.embedder import bundled_model
from index.encoder import fast_dtype

Record = dict[str, Any]

PARTS = {"dev": ("dev", "calibrate"), "test": ("test", "test")}
"""The parts of NewsQA and of SQuAD 2.0 that go under one name."""

WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Weights of relevance beside the span's score that are tried; the choice is made on `dev`."""


@dataclass(frozen=True)
class WindowReading:
    """What one window of the gold article said, and whether it holds the marked answer whole."""

    reading: Reading
    gold: bool


@dataclass(frozen=True)
class Asked:
    """A NewsQA question, its article and what each window of the article said."""

    record: Record
    text: str
    windows: list[WindowReading]

    def answer(self, weight: float) -> str:
        """The best span over the windows, relevance counting `weight` times."""
        best = max((w.reading for w in self.windows), key=lambda r: r.span_score + weight * r.relevance)
        return self.text[best.start : best.end]


def exact(answer: str, accepted: Sequence[str]) -> float:
    """1 where the answer equals an accepted one; [] accepts only the empty answer."""
    return max(exact_match(answer, a) for a in accepted or [""])


def f1(answer: str, accepted: Sequence[str]) -> float:
    """The best overlap of words with an accepted answer; [] accepts only the empty answer."""
    return max(token_f1(answer, a) for a in accepted or [""])


def ask_newsqa(reader: NeuralReader, folder: Path, parts: Sequence[str], most: int | None) -> list[Asked]:
    """Every question of some parts, read in all windows of its article."""
    texts = {a["id"]: a["text"] for a in read(folder / "articles.jsonl.gz") if newsqa_part(a["id"]) in parts}
    records = [q for q in read(folder / "questions.jsonl.gz") if q["articles"][0] in texts][:most]
    asked = []
    for record in records:
        text, (span,) = texts[record["articles"][0]], record["spans"]
        windows = list(reader.windows(record["question"], [text]))
        held = [w.offsets[0][0] <= span["start"] and span["end"] <= w.offsets[-1][1] + 1 for w in windows]
        readings = reader.read_windows(windows)
        asked.append(Asked(record, text, [WindowReading(r, g) for r, g in zip(readings, held, strict=True)]))
    return asked


def newsqa_figures(asked: list[Asked], weight: float) -> Record:
    """Exact match and F1, each with its 95 % interval, and the relevance's area under the curve."""
    articles = [a.record["articles"][0] for a in asked]
    answers = [(a.answer(weight), a.record["answers"]) for a in asked]
    figures: Record = {"questions": len(asked), "articles": len(set(articles)), "relevance_weight": weight}
    figures["em"] = interval([exact(*pair) for pair in answers], articles)
    figures["f1"] = interval([f1(*pair) for pair in answers], articles)
    figures["window_auc_relevance"] = round(float(np.mean([window_auc(a, relevance=True) for a in asked])), 3)
    figures["window_auc_span"] = round(float(np.mean([window_auc(a, relevance=False) for a in asked])), 3)
    return figures


def window_auc(asked: Asked, relevance: bool) -> float:
    """How often a window with the answer scores above one without, in the same article; 0.5 where there is no
    pair."""
    scores = [(w.reading.relevance if relevance else w.reading.span_score, w.gold) for w in asked.windows]
    pairs = [(good > bad) + 0.5 * (good == bad) for good, g in scores if g for bad, b in scores if not b]
    return float(np.mean(pairs)) if pairs else 0.5


def interval(values: list[float], groups: list[str], draws: int = 2000) -> list[float]:
    """Mean and its 95 % bootstrap interval in hundredths, drawing whole articles: their questions are
    alike."""
    names, index = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(index, weights=values), np.bincount(index)
    drawn = np.random.default_rng(0).integers(len(names), size=(draws, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return [round(100 * float(x), 1) for x in (np.mean(values), low, high)]


def squad2_figures(reader: NeuralReader, path: Path, part: str, weight: float, most: int | None) -> Record:
    """F1 with abstention on titles that were not trained on, at the threshold best on the `calibrate` part."""
    parts = squad2_parts(read(path))
    calibrate = read_contexts(reader, parts["calibrate"][:most], weight)
    measured = calibrate if part == "calibrate" else read_contexts(reader, parts[part][:most], weight)
    threshold = max(
        np.quantile([score for _, _, score in calibrate], np.linspace(0, 1, 101)),
        key=lambda t: np.mean([f1(answer if score >= t else "", a) for a, answer, score in calibrate]),
    )
    groups = [r["context"] for r in parts[part][:most]]
    answers = [(answer if score >= threshold else "", accepted) for accepted, answer, score in measured]
    labels = [bool(accepted) for accepted, _, _ in measured]
    return {
        "part": part,
        "questions": len(measured),
        "threshold": round(float(threshold), 3),
        "em": interval([exact(*p) for p in answers], groups),
        "f1": interval([f1(*p) for p in answers], groups),
        "answerable_auc": round(auc([score for _, _, score in measured], labels), 3),
        "f1_if_answerable": round(100 * float(np.mean([f1(b, a) for a, b, _ in measured if a])), 1),
    }


def read_contexts(reader: NeuralReader, records: list[Record], weight: float) -> list[tuple[list[str], str, float]]:
    """Each question's accepted answers, the reader's answer from its paragraph, and the score of it."""
    read_out = []
    for record in records:
        (one,) = reader.read(record["question"], [record["context"]])
        accepted = [a["text"] for a in record["answers"]]
        read_out.append((accepted, record["context"][one.start : one.end], one.span_score + weight * one.relevance))
    return read_out


def auc(scores: list[float], labels: list[bool]) -> float:
    """Area under the curve: how often a score with a true label is above one with a false label."""
    order = np.argsort(np.argsort(scores))
    good = np.array(labels)
    count = int(good.sum())
    return float((order[good].sum() - count * (count - 1) / 2) / (count * (len(good) - count)))


def latency(reader: NeuralReader, texts: list[str], repeats: int = 15) -> Record:
    """Milliseconds for 10 and 20 passages of about 150 tokens: the median, and the least of the repeats."""
    joined = " ".join(texts)
    tokens = reader.tokenizer.encode(joined, add_special_tokens=False).offsets
    passages = [joined[tokens[n][0] : tokens[n + 149][1]] for n in range(0, 20 * 150, 150)]
    figures: Record = {"dtype": str(reader.dtype), "threads": torch.get_num_threads()}
    for count in (10, 20):
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            reader.read("What did the minister say about the new law on Monday?", passages[:count])
            times.append(1000 * (time.perf_counter() - began))
        figures[f"{count}_passages_ms"] = {
            "p50": round(float(np.median(times)), 1),
            "min": round(min(times), 1),
        }
    return figures


def open_reader(path: Path) -> NeuralReader:
    """A reader from a folder of shipped weights or from a checkpoint."""
    encoder = bundled_model()
    if path.is_dir():
        return NeuralReader.load(path, encoder)
    trainer = Trainer(from_encoder(encoder), Plan())
    trainer.restore(path)
    return NeuralReader.over(trainer.averaged().eval(), encoder, fast_dtype())


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of questions and articles")
    parser.add_argument("--reader", type=Path, required=True, help="a folder of weights, or a checkpoint.pt")
    parser.add_argument("--part", choices=tuple(PARTS), default="dev", help="dev to choose, test to report")
    parser.add_argument("--other", type=Path, help="a reader closed with NewsQA's fold B, to be asked fold A")
    parser.add_argument("--most", type=int, help="questions of each set, for a quick look")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--latency", action="store_true", help="time it instead")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    if options.latency:
        texts = [article["text"] for article in read(options.data / "newsqa" / "articles.jsonl.gz")[:20]]
        for dtype in (torch.float32, torch.bfloat16):
            timed = NeuralReader.load(options.reader, bundled_model(), dtype)
            sys.stdout.write(json.dumps(latency(timed, texts)) + "\n")
        return
    reader = open_reader(options.reader)
    newsqa, squad2 = PARTS[options.part]
    asked = ask_newsqa(reader, options.data / "newsqa", (newsqa,), options.most)
    weights = WEIGHTS if options.part == "dev" else (reader.relevance_weight,)
    figures: Record = {"newsqa": [newsqa_figures(asked, weight) for weight in weights]}
    contexts = options.data / "reading" / "squad2-dev-half.jsonl.gz"
    figures["squad2"] = squad2_figures(reader, contexts, squad2, reader.relevance_weight, options.most)
    if options.other:
        asked += ask_newsqa(open_reader(options.other), options.data / "newsqa", ("train", "dev"), options.most)
        figures["newsqa, both folds"] = newsqa_figures(asked, reader.relevance_weight)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
