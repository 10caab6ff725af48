"""How fast passages are read, beside the stock way of scoring them.

    python -m tests.benchmarks.reading ARTICLES.jsonl.gz QUESTIONS.jsonl.gz [--every 40]

Indexes the articles, then asks every n-th question four ways, in turn: a whole answer (`Assistant.ask`); what an answer
reads of the passages that were found; the network over all of them; and a float32 MiniLM cross-encoder of
sentence-transformers over all of them, which tells how relevant each is and nothing else. The cross-encoder has the
sentence encoder's layers under an untrained head: what it says is worthless, what it costs is not. Times are of the
clock and of the processor, all threads together: where other programs want the cores, only the latter says much.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from assistant.assistant import READ_DEPTH, Assistant
from assistant.question import understand
from assistant.reader import TrainedReader, open_network
from assistant.settings import Settings
from index.embedder import bundled_model
from index.search import search


def main() -> None:
    """Time the four, print their medians and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--every", type=int, default=40, help="use every n-th question")
    parser.add_argument("--data-dir", type=Path, help="use what is indexed here, or index here")
    options = parser.parse_args()
    with gzip.open(options.questions, "rt", encoding="utf-8") as lines:
        questions = [json.loads(line)["question"] for line in lines][:: options.every]
    with tempfile.TemporaryDirectory() as passing:
        settings = replace(
            Settings.from_environment(options.data_dir or Path(passing)), catalogue_url=None, vectors_url=None
        )
        assistant = Assistant.open(settings)
        assistant.ingest([options.articles])
        times = _timed(assistant, questions)
        assistant.close()
    print(json.dumps({"questions": len(questions), "passages": READ_DEPTH, **_figures(times)}))


def _figures(times: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    """Medians and 95th percentiles in ms, and how many times the cross-encoder's time each way is; clock, processor."""
    all_ = {name: np.array(pairs) for name, pairs in times.items()}
    ms = {name: np.percentile(1000 * pairs, [50, 95], axis=0).T.round(1).tolist() for name, pairs in all_.items()}
    ratios = {
        name: np.median(all_["cross-encoder"] / all_[name], axis=0).round(2).tolist() for name in ("reading", "network")
    }
    return {"p50, p95 in ms": ms, "times as fast": ratios}


def _timed(assistant: Assistant, questions: list[str]) -> dict[str, list[tuple[float, float]]]:
    stock, network, reader = _cross_encoder(), open_network(None), assistant._reader
    assert isinstance(reader, TrainedReader)
    assistant.warm_up()
    times: dict[str, list[tuple[float, float]]] = {"answer": [], "reading": [], "network": [], "cross-encoder": []}
    for number, question in enumerate([questions[0], *questions]):
        asked, hits = understand(question), search(assistant._store, question, READ_DEPTH)
        texts = [hit.passage.text for hit in hits]
        ways: dict[str, Callable[[], Any]] = {
            "answer": lambda asked=question: assistant.ask(asked),
            "reading": lambda asked=asked, hits=hits: reader.spans(asked, hits),
            "network": lambda asked=question, texts=texts: network.read(asked, texts),
            "cross-encoder": lambda asked=question, texts=texts: stock.predict([(asked, text) for text in texts]),
        }
        for name, way in ways.items():
            began = perf_counter(), process_time()
            way()
            if number:  # the first one warms up
                times[name].append((perf_counter() - began[0], process_time() - began[1]))
    return times


def _cross_encoder() -> Any:
    from sentence_transformers import CrossEncoder

    return CrossEncoder(str(bundled_model()), num_labels=1, device="cpu", local_files_only=True)


if __name__ == "__main__":
    main()
