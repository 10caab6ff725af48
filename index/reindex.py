"""Computing all vectors anew with another embedding model: beside the old ones, which serve until the swap."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from index.batches import parts
from index.catalogue import Catalogue, Passage
from index.embedder import Embedder, Vectors
from index.errors import SaidsoError
from index.store import SETTLE_BATCH, Step, for_upkeep, store_vectors, vectors_name
from index.vectors import VectorStore, VectorTier
from index.workers import ThisProcess, Workers, alongside


def reindex(
    folder: Path,
    embedder: Embedder,
    catalogue_url: str | None = None,
    vectors_url: str | None = None,
    on_step: Callable[[Step], None] = lambda _: None,
    workers: Workers | None = None,
) -> int:
    """Compute the vectors of all passages with this model, unless they are; return how many passages there are.

    Without `workers` this process computes. Raises BusyError while another process writes, SaidsoError when there is no
    index or the model reads too little.
    """
    with for_upkeep(folder, catalogue_url, vectors_url) as (catalogue, tier):
        if catalogue.fact("embedding_model") != embedder.name:
            rebuild_vectors(catalogue, embedder, tier, on_step, workers)
        return catalogue.derived_counts()[0]


def rebuild_vectors(
    catalogue: Catalogue,
    embedder: Embedder,
    tier: VectorTier,
    on_step: Callable[[Step], None] = lambda _: None,
    workers: Workers | None = None,
) -> None:
    """Build the vectors in a collection of their own, then have the catalogue name it; to be called by the writer only.

    That naming is the one moment of the swap: before it the old vectors are as they were, and what an interruption has
    left of the new ones is gone on with.
    """
    old, new = vectors_name(catalogue), f"chroma-{hashlib.sha256(embedder.name.encode()).hexdigest()[:8]}"
    new = f"{new}-2" if new == old else new
    look = tier.look(new)
    if look.fault or (look.count and tier.try_out(new)):
        tier.set_aside(new)
    with closing(tier.open(new)) as vectors:
        _fill(vectors, catalogue, embedder, workers or ThisProcess(embedder), on_step)
    catalogue.adopt(embedder.name, new)
    tier.keep_only(new)


def _fill(
    store: VectorStore, catalogue: Catalogue, embedder: Embedder, workers: Workers, on_step: Callable[[Step], None]
) -> None:
    wanted, there = catalogue.passage_ids(), set(store.ids())
    store.delete(sorted(there - set(wanted)))
    missing = [id_ for id_ in wanted if id_ not in there]
    done = len(wanted) - len(missing)

    def read() -> Iterator[list[Passage]]:
        for part in parts(missing, SETTLE_BATCH):
            passages = list(catalogue.passages(part).values())
            _check_length(passages, embedder)
            yield passages

    def vectors_of(batches: Iterable[list[Passage]]) -> Iterator[Vectors]:
        return workers.embed([passage.text for passage in passages] for passages in batches)

    on_step(Step("vectors", done, len(wanted)))
    for passages, vectors in alongside(read(), vectors_of):
        store_vectors(store, passages, vectors)
        done += len(passages)
        if done < len(wanted):
            on_step(Step("vectors", done, len(wanted)))
    store.settle()


def _check_length(passages: Sequence[Passage], embedder: Embedder) -> None:
    """Raise SaidsoError for a passage that the model would cut without a word."""
    for passage in passages:
        if (tokens := embedder.count_tokens(passage.text)) > embedder.max_tokens:
            raise SaidsoError(
                f"A passage of {passage.article_id!r} has {tokens:,} tokens, and {embedder.name!r} reads "
                f"{embedder.max_tokens:,}; the index stays as it was. Ingest the articles with this model into "
                "another folder with --data-dir."
            )
