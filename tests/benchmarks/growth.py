"""What grows as a collection does, up to a million passages, in one real data folder.

    python -m tests.benchmarks.growth DATA --at FOLDER [--sizes 10000 50000 150000 500000 1000000] [--plot growth.svg]

The passages are copies of real ones with other words and vectors nearby; `tests/benchmarks/copies.py` says how they are
made. They go into SQLite, embedded Chroma and the keyword indexes as `saidso ingest` puts them there, as many at once
are settled at once; what the two networks do (vectors, claims) and the cutting into passages is not measured here.
At each size fresh processes measure search and its parts over questions of NewsQA, whole answers, the server's memory
and routes, and the stock way (llama-index over Chroma with the same vectors) at 10,000 and 150,000. A second call goes
on from what FOLDER holds and has measured; `--again` measures the last size anew. DATA holds the folder `newsqa`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.assistant import Assistant
from assistant.settings import Settings
from index.catalogue import Catalogue
from index.claims import found_by
from index.embedder import Embedder, Vectors, bundled_model
from index.filters import Filters
from index.search import search
from index.store import SETTLE_BATCH, Store, is_behind, vector_tier
from tests.benchmarks.copies import Copies, Copy, originals
from tests.benchmarks.growth_plot import plot, table
from tests.benchmarks.serving import ROOT, served

SIZES = [10_000, 50_000, 150_000, 500_000, 1_000_000]
_STOCK_SIZES = (10_000, 150_000)
_QUESTIONS, _FILTERED, _ASKED, _SERVED = 200, 40, 60, 20
_ROUNDS = 3  # of all questions, of which the quietest counts
_TOP = 10
_FILTERS = {
    "one outlet of 50": Filters(sources=("Outlet 7",)),
    "one year of 15": Filters(since=20170101, until=20171231),
    "half of all days": Filters(until=20170630),
    "one speaker": Filters(speaker="Obama"),
    "one stance": Filters(stances=("denies",)),
}
_ROUTES = {
    "readyz": "/readyz",
    "examples": "/api/examples",
    "articles": "/api/articles",
    "articles with a word": "/api/articles?q=hurricane",
    "speakers": "/api/speakers",
    "speakers with a word": "/api/speakers?q=police",
    "claims of a speaker": "/api/claims?speaker=Obama",
}


def main() -> None:
    """Grow, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--at", type=Path, required=True, help="the folder for everything; some GB")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="passages")
    parser.add_argument("--plot", type=Path, help="an SVG file to draw the curves in")
    parser.add_argument("--again", nargs="+", choices=PARTS, default=[], help="what to measure anew at the last size")
    parser.add_argument("--one", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.at.mkdir(parents=True, exist_ok=True)
    work = _Work(options.data, options.at)
    if options.one:
        print(json.dumps(PARTS[options.one](work, options.sizes[0])))
        return
    for size in sorted(options.sizes):
        if work.grow(size):
            work.measure(size, options.again)
    print(table(work.found))
    if options.plot:
        options.plot.write_text(plot(work.found), encoding="utf-8")


class _Work:
    """A folder with the collection, and what has been measured of it."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.data, self.folder = data, folder
        self.index = folder / "index"
        self._notes = folder / "found.json"
        self.found: dict[str, dict[str, Any]] = json.loads(self._notes.read_text()) if self._notes.exists() else {}
        self._copies: Copies | None = None

    @property
    def copies(self) -> Copies:
        if self._copies is None:
            self._copies = Copies(originals(self.data, self.folder / "originals.pickle"))
        return self._copies

    def questions(self, number: int) -> list[str]:
        with gzip.open(self.data / "newsqa" / "questions.jsonl.gz", "rt", encoding="utf-8") as lines:
            asked = [str(json.loads(line)["question"]) for line in lines]
        return asked[:: len(asked) // number][:number]

    def note(self, size: int, facts: Mapping[str, Any]) -> None:
        """Remember some facts about a size."""
        self.found[str(size)] = self.found.get(str(size), {}) | facts
        self._notes.write_text(json.dumps(self.found, indent=1))

    def grow(self, size: int) -> bool:
        """Add articles until there are so many passages; return whether there are now that many and not far more."""
        embedder = _Given()
        store = Store.open(self.index, embedder)
        try:
            there = store.catalogue.holdings()
            if there.passages < size:
                with store.writing():
                    self._add(store, embedder, size, there.articles, there.passages)
                there = store.catalogue.holdings()
        finally:
            store.close()
        return there.passages < size * 1.05

    def _add(self, store: Store, embedder: _Given, size: int, articles: int, passages: int) -> None:
        spent = Counter(self.found.get(str(size), {}).get("ingestion", {}))
        vectors, words = store.vectors, store.words
        store.vectors, store.words = _Clocked(vectors, "vectors", spent), _Clocked(words, "words", spent)
        try:
            for batch in _batches(self.copies.make(number) for number in count(articles)):
                embedder.take(batch)
                began, worked = time.perf_counter(), time.process_time()
                _store(store, batch)
                spent["seconds"] += time.perf_counter() - began
                spent["processor"] += time.process_time() - worked
                added = sum(len(copy.spans) for copy in batch)
                passages += added
                spent["passages"] += added
                rate = spent["passages"] / spent["seconds"]
                print(f"\r{passages:,} of {size:,} passages, {rate:,.0f}/s ", end="", file=sys.stderr, flush=True)
                if passages >= size:
                    break
        finally:
            store.vectors, store.words = vectors, words
            self.note(size, {"ingestion": spent})
            print(file=sys.stderr)

    def measure(self, size: int, again: Sequence[str]) -> None:
        """Measure what has not been measured at this size, each part in a process of its own."""
        for name in PARTS:
            known = name in self.found.get(str(size), {})
            if (name in again or not known) and (name != "stock" or size in _STOCK_SIZES):
                print(f"{size:,}: {name} …", file=sys.stderr, flush=True)
                self.note(size, {name: self._apart(name, size)})

    def _apart(self, name: str, size: int) -> dict[str, Any]:
        command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.growth", str(self.data), "--at"]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        done = subprocess.run(
            [*command, str(self.folder), "--one", name, "--sizes", str(size)],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found


class _Given(Embedder):
    """An embedder that is told the vectors of the next texts; what a killed process left half done it computes."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, Any] = {}

    def take(self, batch: Sequence[Copy]) -> None:
        """Take the vectors of these articles' passages, for `embed` to give."""
        self._known = {text: vector for copy in batch for text, vector in zip(copy.texts, copy.vectors, strict=True)}

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not all(text in self._known for text in texts):
            return super().embed(texts)
        return np.asarray([self._known[text] for text in texts], dtype=np.float32)


class _Clocked:
    """Anything, with the seconds that calls of its methods take added up under a name."""

    def __init__(self, inner: Any, name: str, spent: Counter[str]) -> None:
        self._inner, self._name, self._spent = inner, name, spent

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._inner, attribute)
        return self._timed(found) if callable(found) else found

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*given, **named)
            finally:
                self._spent[self._name] += time.perf_counter() - began

        return timed


def _batches(copies: Iterator[Copy]) -> Iterator[list[Copy]]:
    batch: list[Copy] = []
    for copy in copies:
        batch.append(copy)
        if sum(len(one.spans) for one in batch) >= SETTLE_BATCH:
            yield batch
            batch = []


def _store(store: Store, batch: Sequence[Copy]) -> None:
    store.catalogue.store([(copy.article, copy.spans) for copy in batch])
    store.catalogue.store_claims({copy.article.id: copy.claims for copy in batch}, found_by())
    store.settle()


# ── what is measured, each in a process of its own ──────────────────────────────────────────────────────────────


def _opened(work: _Work, _size: int) -> dict[str, Any]:
    """Milliseconds of a start's look at the indexes, by part, of opening them, and of the first search; MB on disk."""
    catalogue, embedder = Catalogue.open(f"sqlite:///{work.index / 'catalogue.sqlite'}"), Embedder()
    tier = vector_tier(work.index, catalogue, None)
    looks: dict[str, Callable[[], Any]] = {
        "look": lambda: is_behind(work.index, catalogue, tier),
        "look, counts": catalogue.derived_counts,
        "look, claims": lambda: catalogue.without_claims(found_by(), 1),
        "look, vectors": lambda: tier.look("chroma"),
        "holdings": catalogue.holdings,
    }
    ms = {name: min(_ms(look) for _ in range(_ROUNDS)) for name, look in looks.items()}
    catalogue.close()
    embedder.embed(["warm"])
    __import__("chromadb")  # whose import is not what is measured
    opened: list[Store] = []
    ms["open"] = _ms(lambda: opened.append(Store.open(work.index, embedder)))
    ms["first search"] = _ms(lambda: search(opened[0], work.questions(1)[0], _TOP))
    opened[0].close()
    disk = {"catalogue": "catalogue.sqlite*", "chroma": "chroma/**/*", "keywords": "keywords/**/*"}
    sizes = {name: sum(f.stat().st_size for f in work.index.glob(of) if f.is_file()) / 1e6 for name, of in disk.items()}
    return {"ms": ms, "MB": sizes | {"all": sum(sizes.values())}}


def _search(work: _Work, _size: int) -> dict[str, Any]:
    """Milliseconds of a search, by part, without a filter and with some; and how many of the exact ten it finds."""
    store = Store.open(work.index, Embedder())
    vectors = store.vectors
    spent: Counter[str] = Counter()
    for holder, name, part in (
        (store, "embedder", "question"),
        (store, "vectors", "vectors"),
        (store.words, "passages", "passage words"),
        (store.words, "articles", "article words"),
        (store, "catalogue", "catalogue"),
    ):
        setattr(holder, name, _Clocked(getattr(holder, name), part, spent))
    questions = work.questions(_QUESTIONS)
    for question in questions[:_TOP]:
        search(store, question, _TOP)
    rounds = [_searched(store, questions, None, spent) for _ in range(_ROUNDS)]
    found: dict[str, Any] = min(rounds, key=lambda one: float(one["p50"]))
    found["filters"] = {
        name: _searched(store, questions[:_FILTERED], filters, spent) for name, filters in _FILTERS.items()
    }
    asked = Embedder().embed(questions)
    nearest = [[id_ for id_, _ in vectors.search(vector, 100, Filters())[:_TOP]] for vector in asked]
    exact = _exact(work.copies, asked, vectors.count())
    found["recall"] = float(np.mean([len({*a} & {*b}) / _TOP for a, b in zip(nearest, exact, strict=True)]))
    store.close()
    return found


def _searched(store: Store, questions: Sequence[str], filters: Filters | None, spent: Counter[str]) -> dict[str, Any]:
    took, parts = [], []
    for question in questions:
        spent.clear()
        took.append(_ms(lambda question=question: search(store, question, _TOP, filters)))
        parts.append({name: 1000 * seconds for name, seconds in spent.items()})
    p50, p95 = _percentiles(took)
    names = dict.fromkeys(chain.from_iterable(parts))
    return {"p50": p50, "p95": p95, "parts": {n: _percentiles([one.get(n, 0.0) for one in parts]) for n in names}}


def _exact(copies: Copies, asked: Vectors, there: int) -> list[list[int]]:
    """Return the ids of the nearest passages of all, for each question; the first passage that was stored has id 1."""
    best = np.full((len(asked), 0), 0, dtype=np.int64)
    scores = np.full((len(asked), 0), 0.0, dtype=np.float32)
    reached = number = 0
    while reached < there:
        near = copies.vectors(number)
        best = np.hstack([best, np.broadcast_to(np.arange(reached, reached + len(near)) + 1, (len(asked), len(near)))])
        scores = np.hstack([scores, asked @ near.T])
        reached, number = reached + len(near), number + 1
        if best.shape[1] > 4096 or reached >= there:
            best, scores = _kept(best, scores)
    return [row.tolist() for row in best]


def _kept(ids: NDArray[np.int64], scores: Vectors) -> tuple[NDArray[np.int64], Vectors]:
    order = np.argpartition(-scores, _TOP, axis=1)[:, :_TOP]
    return np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)


def _answers(work: _Work, _size: int) -> dict[str, Any]:
    """Milliseconds of a whole answer, and of its stages."""
    assistant = Assistant.open(Settings(work.index))
    assistant.warm_up()
    questions = work.questions(_ASKED)
    for question in questions[:3]:
        assistant.ask(question)
    rounds = [[assistant.ask(question) for question in questions] for _ in range(2)]
    assistant.close()
    quiet = min(rounds, key=lambda answers: float(np.median([answer.timings_ms["total"] for answer in answers])))
    stages = {name: _percentiles([answer.timings_ms[name] for answer in quiet]) for name in quiet[0].timings_ms}
    return {"p50": stages["total"][0], "p95": stages["total"][1], "stages": stages}


def _server(work: _Work, _size: int) -> dict[str, Any]:
    """Seconds until a server answers, MB that it holds after some questions, and milliseconds of some routes."""
    began = time.perf_counter()
    with served(work.index, 4, timeout=600) as (client, pid):
        ready = time.perf_counter() - began
        for question in work.questions(_SERVED):
            client.post("/api/ask", json={"question": question}).raise_for_status()
        status = Path(f"/proc/{pid}/status").read_text()
        routes = {
            name: [_ms(lambda route=route: client.get(route).raise_for_status()) for _ in range(2)]
            for name, route in _ROUTES.items()
        }
        last = Path(f"/proc/{pid}/status").read_text()
    memory = {"peak": _field(status, "VmHWM"), "of files": _field(status, "RssFile"), "at last": _field(last, "VmHWM")}
    return {"ready": ready, "MB": memory, "routes": routes}


def _field(status: str, name: str) -> float:
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


def _stock(work: _Work, size: int) -> dict[str, Any]:
    """Milliseconds in which llama-index retrieves, as its documentation shows it, from as many of the same vectors."""
    import chromadb
    from llama_index.core import VectorStoreIndex
    from llama_index.core.schema import TextNode
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore

    collection = chromadb.PersistentClient(str(work.folder / f"stock-{size}")).get_or_create_collection("news")
    store = ChromaVectorStore(chroma_collection=collection)
    stored, there, number = collection.count(), 0, 0
    while there < size:
        copy = work.copies.make(number)
        there, number = there + len(copy.spans), number + 1
        if there > stored:
            store.add(
                [
                    TextNode(text=text, embedding=vector.tolist(), metadata={"source": copy.article.source})
                    for text, vector in zip(copy.texts, copy.vectors, strict=True)
                ]
            )
    model = HuggingFaceEmbedding(model_name=str(bundled_model()))
    retrieve = VectorStoreIndex.from_vector_store(store, embed_model=model).as_retriever(similarity_top_k=_TOP).retrieve
    questions = work.questions(_QUESTIONS)
    for question in questions[:_TOP]:
        retrieve(question)
    rounds = [
        _percentiles([_ms(lambda question=question: retrieve(question)) for question in questions])
        for _ in range(_ROUNDS)
    ]
    p50, p95 = min(rounds)
    return {"p50": p50, "p95": p95, "passages": collection.count()}


def _ms(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    p50, p95 = np.percentile(values, [50, 95])
    return float(p50), float(p95)


PARTS: Mapping[str, Callable[[_Work, int], dict[str, Any]]] = {
    "open": _opened,
    "search": _search,
    "answers": _answers,
    "server": _server,
    "stock": _stock,
}


if __name__ == "__main__":
    main()
