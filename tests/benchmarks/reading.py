"""How fast passages are read, beside the stock way of scoring them.

    python -m tests.benchmarks.reading ARTICLES.jsonl.gz QUESTIONS.jsonl.gz [--every 40]

Indexes the articles, then asks every n-th question three ways, in turn: a whole answer (`Assistant.ask`); the network
alone over the passages that were found; and a float32 MiniLM cross-encoder of sentence-transformers over the same
passages, which tells how relevant each is and nothing else. The cross-encoder has the sentence encoder's layers under
an untrained head: what it says is worthless, what it costs is not.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from assistant.assistant import READ_DEPTH, Assistant
from assistant.reader import open_network
from assistant.settings import Settings
from index.embedder import bundled_model


def main() -> None:
    """Time the three, print their medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--every", type=int, default=40, help="use every n-th question")
    parser.add_argument("--data-dir", type=Path, help="use what is indexed here, or index here")
    options = parser.parse_args()
    with gzip.open(options.questions, "rt", encoding="utf-8") as lines:
        questions = [json.loads(line)["question"] for line in lines][:: options.every]
    with tempfile.TemporaryDirectory() as passing:
        settings = replace(Settings.from_environment(options.data_dir or Path(passing)), catalogue_url=None)
        assistant = Assistant.open(settings)
        assistant.ingest([options.articles])
        times = _timed(assistant, questions)
        assistant.close()
    ms = {name: np.percentile(np.array(all_) * 1000, [50, 95]).round(1).tolist() for name, all_ in times.items()}
    ratio = float(np.median(np.array(times["cross-encoder"]) / np.array(times["network"])))
    print(
        json.dumps(
            {"questions": len(questions), "passages": READ_DEPTH, "p50, p95 in ms": ms, "ratio": round(ratio, 2)}
        )
    )


def _timed(assistant: Assistant, questions: list[str]) -> dict[str, list[float]]:
    stock, network = _cross_encoder(), open_network(None)
    assistant.warm_up()
    times: dict[str, list[float]] = {"answer": [], "network": [], "cross-encoder": []}
    for number, question in enumerate([questions[0], *questions]):
        texts = [hit.passage.text for hit in assistant.search(question, READ_DEPTH)]
        ways: dict[str, Callable[[], Any]] = {
            "answer": lambda asked=question: assistant.ask(asked),
            "network": lambda asked=question, texts=texts: network.read(asked, texts),
            "cross-encoder": lambda asked=question, texts=texts: stock.predict([(asked, text) for text in texts]),
        }
        for name, way in ways.items():
            began = perf_counter()
            way()
            if number:  # the first one warms up
                times[name].append(perf_counter() - began)
    return times


def _cross_encoder() -> Any:
    from sentence_transformers import CrossEncoder

    return CrossEncoder(str(bundled_model()), num_labels=1, device="cpu", local_files_only=True)


if __name__ == "__main__":
    main()
