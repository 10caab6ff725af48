"""Chroma: the passages' vectors with what filters need to know. The only file that imports chromadb."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.batches import parts
from index.errors import UnreadableError, UnwritableError
from index.filters import Filters

_COLLECTION = "passages"
_READ_AT_ONCE = 4_000  # vectors: some MB


class VectorStore:
    """Unit vectors by passage id. Derived from the catalogue; may be deleted and rebuilt."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._in_use = threading.RLock()  # so that nobody is searching while the client is exchanged
        self._connect()

    @classmethod
    def open(cls, folder: Path) -> VectorStore:
        """Open the store in `folder`, creating it if there is none. Raises UnreadableError when it cannot be read."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    def _connect(self) -> None:
        import chromadb
        from chromadb.config import Settings

        try:
            self._client = chromadb.PersistentClient(
                str(self._folder), Settings(anonymized_telemetry=False, allow_reset=False)
            )
            self._collection = self._client.get_or_create_collection(
                _COLLECTION,
                embedding_function=None,  # the default one would download a model
                configuration={
                    "hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 32}
                },
            )
        except (chromadb.errors.ChromaError, ValueError, OSError, AttributeError) as error:
            # Where it cannot start, Chroma stumbles over stopping what has not started: an AttributeError.
            raise UnreadableError(
                f"The vector store in {self._folder} cannot be opened ({error}); `saidso doctor --repair` builds it "
                "again from the catalogue."
            ) from error

    def close(self) -> None:
        """Let go of the store's files."""
        self._client.close()  # type: ignore[attr-defined]  # missing from its declared interface

    def reopen(self, folder: Path) -> None:
        """See what another process has written, in this folder or another: an open Chroma client does not."""
        with self._in_use:
            self.close()
            self._folder = folder
            self._connect()

    def upsert(
        self, ids: Sequence[int], vectors: NDArray[np.float32], about: Sequence[tuple[str, str, int | None]]
    ) -> None:
        """Store one vector a passage with its (article id, outlet, day as yyyymmdd or None).

        Raises UnwritableError when Chroma cannot, as `delete` does.
        """
        with self._writing():
            for part in self._parts(len(ids)):
                self._collection.upsert(
                    ids=[str(id_) for id_ in ids[part]],
                    embeddings=vectors[part],
                    metadatas=[_metadata(*facts) for facts in about[part]],
                )

    def delete(self, ids: Sequence[int]) -> None:
        """Forget these passages; ids that are not there are passed over."""
        with self._writing():
            for part in self._parts(len(ids)):
                self._collection.delete(ids=[str(id_) for id_ in ids[part]])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        from chromadb.errors import InternalError

        with self._in_use:
            try:
                yield
            except InternalError as error:
                raise UnwritableError(self._folder, error) from error

    def _parts(self, count: int) -> Iterator[slice]:
        size = self._client.get_max_batch_size()
        return (slice(start, start + size) for start in range(0, count, size))

    def search(
        self, vector: NDArray[np.float32], k: int, filters: Filters, only: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """Return up to `k` (passage id, cosine similarity), best first; equal similarities by id.

        Of the filters, those by outlet and date are looked at; `only` are the passages that the others leave.
        """
        with self._in_use:
            count = self.count() if only is None else len(only)
            if count == 0:
                return []
            found = self._collection.query(
                query_embeddings=vector[np.newaxis],
                ids=None if only is None else [str(id_) for id_ in only],
                n_results=min(k, count),
                where=_where(filters),
                include=["distances"],
            )
        distances = (found["distances"] or [[]])[0]
        hits = [(int(id_), 1.0 - float(distance)) for id_, distance in zip(found["ids"][0], distances, strict=True)]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))

    def count(self) -> int:
        """Return the number of vectors stored."""
        return self._collection.count()

    def ids(self) -> list[int]:
        """Return the passage ids that have a vector."""
        return sorted(map(int, self._collection.get(include=[])["ids"]))

    def stored(self, ids: Sequence[int]) -> Iterator[NDArray[np.float32]]:
        """Yield the vectors of these passages, some thousands at a time, in the order of their ids."""
        for part in parts(ids, _READ_AT_ONCE):
            found = self._collection.get(ids=[str(id_) for id_ in part], include=["embeddings"])
            vectors = dict(zip(map(int, found["ids"]), found["embeddings"], strict=True))  # type: ignore[arg-type]
            yield np.asarray([vectors[id_] for id_ in sorted(part) if id_ in vectors], dtype=np.float32)


def _metadata(article_id: str, source: str, day: int | None) -> dict[str, str | int]:
    return {"article_id": article_id, "source": source, **({"day": day} if day is not None else {})}


def _where(filters: Filters) -> dict[str, Any] | None:
    conditions: list[dict[str, Any]] = []
    if filters.sources:
        conditions.append({"source": {"$in": list(filters.sources)}})
    if filters.since is not None:
        conditions.append({"day": {"$gte": filters.since}})
    if filters.last_day is not None:
        conditions.append({"day": {"$lte": filters.last_day}})
    if len(conditions) > 1:
        return {"$and": conditions}
    return conditions[0] if conditions else None
