"""What may hold the vectors, side by side and by size: `python -m tests.benchmarks.tiers DATA [--sizes 10000 50000]`.

Embedded Chroma, a Chroma server and PostgreSQL with pgvector, each over the same vectors: those of passages of the
NewsQA sample, and from them as many as are wanted by adding noise (cosine .93 with their origin), since purely random
vectors are all alike to a search tree. The queries are made so too. Counted are vectors stored a second, a search's
milliseconds, how many of the exact ten nearest it finds, and bytes on disk. DATA holds the folder `newsqa`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import pgserver
from numpy.typing import NDArray

from index.chroma import ChromaFolder, ChromaServer
from index.embedder import Embedder
from index.filters import Filters
from index.passages import split_passages
from index.pgvector import Postgres
from index.vectors import VectorStore, VectorTier
from tests.conftest import chroma_at

_BATCH = 512  # as the store settles
_TOP = 10
_NOISE = 0.4  # length of what is added to a unit vector
_SOURCES = 20  # outlets, so that a filter leaves one in twenty
Vectors = NDArray[np.float32]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--passages", type=int, default=2_000, help="real ones, from which the others are made")
    parser.add_argument("--questions", type=int, default=200)
    options = parser.parse_args()
    random = np.random.default_rng(1)
    real = _real(options.data, options.passages)
    vectors, queries = _like(real, max(options.sizes), random), _like(real, options.questions, random)
    print("| | vectors | stored/s | p50 ms | p95 ms | p50 ms, one outlet of 20 | of the exact 10 | MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in ("Chroma, embedded", "Chroma server", "pgvector"):
        with tempfile.TemporaryDirectory() as at, _tier(name, Path(at)) as tier, closing(tier.open("v")) as store:
            held, taken = 0, 0.0
            for size in sorted(options.sizes):
                taken += _stored(store, vectors[held:size], held)
                held = size
                found, ms = _searched(store, queries, Filters())
                _, filtered = _searched(store, queries, Filters(sources=("3",)))
                exact = np.argsort(-(queries @ vectors[:size].T), axis=1)[:, :_TOP].tolist()
                right = np.mean([len({*ids} & {*best}) / _TOP for ids, best in zip(found, exact, strict=True)])
                disk = sum(file.stat().st_size for file in Path(at).rglob("*") if file.is_file()) / 1e6
                p50, p95, one = np.percentile(ms, 50), np.percentile(ms, 95), np.percentile(filtered, 50)
                print(f"| {name} | {size:,} | {size / taken:,.0f} | {p50:.1f} | {p95:.1f} | {one:.1f} ", end="")
                print(f"| {right:.3f} | {disk:,.0f} |", flush=True)


def _real(data: Path, count: int) -> Vectors:
    """The vectors of the first passages."""
    embedder = Embedder()
    texts: list[str] = []
    with gzip.open(data / "newsqa" / "articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            text = json.loads(line)["text"]
            texts += [text[span.start : span.end] for span in split_passages(text, embedder.token_starts, 180, 1)]
    return embedder.embed(texts[:count])


def _like(real: Vectors, count: int, random: np.random.Generator) -> Vectors:
    """So many vectors, each near one of the real ones."""
    chosen = real[random.integers(len(real), size=count)]
    noise = random.standard_normal(chosen.shape, dtype=np.float32)
    moved = chosen + _NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), dtype=np.float32)


@contextmanager
def _tier(name: str, folder: Path) -> Iterator[VectorTier]:
    with ExitStack() as stack:
        if name == "Chroma, embedded":
            yield ChromaFolder(folder)
        elif name == "Chroma server":
            yield ChromaServer(stack.enter_context(chroma_at(folder / "server")), "bench")
        else:
            server = pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
            stack.callback(server.cleanup)
            yield Postgres(str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://"), "bench")


def _stored(store: VectorStore, vectors: Vectors, first: int) -> float:
    """Store vectors whose ids go on from `first`; return the seconds that took."""
    begun = time.perf_counter()
    for start in range(0, len(vectors), _BATCH):
        part = vectors[start : start + _BATCH]
        ids = range(first + start, first + start + len(part))
        store.upsert(ids, part, [("a", str(id_ % _SOURCES), None) for id_ in ids])
    store.count()
    return time.perf_counter() - begun


def _searched(store: VectorStore, queries: Vectors, filters: Filters) -> tuple[list[list[int]], Sequence[float]]:
    """What each query finds, and its milliseconds."""
    found, ms = [], []
    store.search(queries[0], _TOP, filters)
    for query in queries:
        begun = time.perf_counter()
        hits = store.search(query, _TOP, filters)
        ms.append(1000 * (time.perf_counter() - begun))
        found.append([id_ for id_, _ in hits])
    return found, ms


if __name__ == "__main__":
    main()
