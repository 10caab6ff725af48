"""Chroma, in the data folder or on a server. The only file that imports chromadb.

    python -m index.chroma FOLDER [all]

tries a folder out, in a process that may crash: exit code 0 when some of its vectors, or all, can be read.
"""

from __future__ import annotations

import shutil
import sys
import threading
import warnings
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

import httpx
import numpy as np
from numpy.typing import NDArray

from index import soundness
from index.batches import parts
from index.errors import SaidsoError, UnreadableError, UnwritableError
from index.filters import Filters
from index.soundness import Look
from index.vectors import About

if TYPE_CHECKING:
    from chromadb import Collection
    from chromadb.api import ClientAPI

_COLLECTION = "passages"
_READ_AT_ONCE = 4_000  # vectors: some MB
_TREE = {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 32}
_SOME = 1_000  # vectors
_FEW = 2_000  # vectors that are compared one by one
_LOOKED_PAST = 500  # one vector in so many is looked at: the nearest hundred of a million miss one in six of the ten
_PATIENCE = 60.0  # seconds for a server's answer


class _Tier(Protocol):
    @property
    def address(self) -> str: ...

    # Chroma writes its whole search tree anew each time that so many vectors have come; whoever opens it before that
    # builds them in first, which takes half a second a thousand.
    @property
    def waiting(self) -> int: ...

    # While many come, one part in so many of all vectors may wait; None where that cannot be changed.
    @property
    def share(self) -> int | None: ...

    def connect(self, name: str) -> tuple[ClientAPI, Collection]: ...

    def let_go(self, client: ClientAPI) -> None: ...

    def unwritable(self, name: str, error: Exception) -> UnwritableError: ...


@dataclass(frozen=True)
class ChromaFolder:
    """Collections embedded in this process, each in a folder of its name."""

    folder: Path
    waiting: int = 1_000
    share: int | None = 50

    @property
    def address(self) -> str:
        """Nowhere else."""
        return ""

    def open(self, name: str) -> ChromaVectors:
        """Open the collection in the folder of this name. Raises UnreadableError when it cannot be read."""
        return ChromaVectors(self, name)

    def connect(self, name: str) -> tuple[ClientAPI, Collection]:
        """Return an open client and its collection."""
        import chromadb

        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            client = chromadb.PersistentClient(str(folder), _settings())
            return client, _collection(client, _COLLECTION, self.waiting)
        except (chromadb.errors.ChromaError, ValueError, OSError, AttributeError) as error:
            # Where it cannot start, Chroma stumbles over stopping what has not started: an AttributeError.
            raise UnreadableError(
                f"The vector store in {folder} cannot be opened ({error}); `saidso doctor --repair` builds it again "
                "from the catalogue."
            ) from error

    def close(self) -> None:
        """There is nothing of its own."""

    def let_go(self, client: ClientAPI) -> None:
        """Close the client, and with it the files."""
        client.close()  # type: ignore[attr-defined]  # missing from its declared interface

    def unwritable(self, name: str, error: Exception) -> UnwritableError:
        """Return what to raise where nothing can be written."""
        return UnwritableError(self.folder / name, error)

    def look(self, name: str, thoroughly: bool = False) -> Look:
        """Look at the files, without Chroma, which may crash on broken ones."""
        return soundness.look_at(self.folder / name, thoroughly)

    def try_out(self, name: str, thoroughly: bool = False) -> str | None:
        """Have another process read some of the collection, or all."""
        return soundness.try_out(self.folder / name, thoroughly)

    def set_aside(self, name: str) -> None:
        """Move the folder out of the way."""
        if (self.folder / name).exists():
            soundness.set_aside(self.folder / name)

    def keep_only(self, name: str) -> None:
        """Remove the folders of other collections; those set aside stay."""
        for left in self.folder.glob("chroma*"):
            if left.name != name and left.suffix != ".broken":
                shutil.rmtree(left)


@dataclass(frozen=True)
class ChromaServer:
    """Collections on a Chroma server, `http://host:port`, for several processes; each under this index's id and a name.

    A user and password in the address are for a proxy before it (Basic authentication): Chroma itself asks for none.
    """

    url: str
    index_id: str
    waiting: int = 10_000  # it opens them once
    share: None = None

    @property
    def address(self) -> str:
        """The address without its password."""
        parts_ = urlsplit(self.url)
        return f"{parts_.scheme}://{parts_.hostname}:{parts_.port or 8000}"

    def open(self, name: str) -> ChromaVectors:
        """Open the collection of this name. Raises SaidsoError when the server does not answer."""
        return ChromaVectors(self, name)

    def connect(self, name: str) -> tuple[ClientAPI, Collection]:
        """Return a client and its collection."""
        client = self._client()
        with self._answering():
            return client, _collection(client, self._called(name), self.waiting)

    def close(self) -> None:
        """There is nothing of its own."""

    def let_go(self, client: ClientAPI) -> None:
        """Close the client, and its connections, which it would leave open."""
        client.close()  # type: ignore[attr-defined]  # missing from its declared interface
        for session in _sessions(client):
            session.close()

    def unwritable(self, name: str, error: Exception) -> UnwritableError:
        """Return what to raise where nothing can be written."""
        return UnwritableError(f"{self._called(name)!r} on {self.address}", error, "that the server runs and has room")

    def look(self, name: str, _thoroughly: bool = False, /) -> Look:
        """Count the collection's vectors; the server answers for its files."""
        with self._asking() as client:
            return Look(client.get_collection(self._called(name), embedding_function=None).count())
        return Look(0)

    def try_out(self, _name: str, _thoroughly: bool = False, /) -> str | None:
        """Nothing here can be hurt by reading."""
        return None

    def set_aside(self, name: str) -> None:
        """Delete the collection: all that it holds can be computed again."""
        with self._asking() as client:
            client.delete_collection(self._called(name))

    def keep_only(self, name: str) -> None:
        """Delete the other collections of this index."""
        with self._asking() as client:
            for other in client.list_collections():
                if other.name.startswith(self._called("")) and other.name != self._called(name):
                    client.delete_collection(other.name)

    def _called(self, name: str) -> str:
        return f"saidso-{self.index_id}-{name}"

    def _client(self) -> ClientAPI:
        import chromadb

        parts_ = urlsplit(self.url)
        user = f"{unquote(parts_.username or '')}:{unquote(parts_.password or '')}"
        headers = {"Authorization": f"Basic {b64encode(user.encode()).decode()}"} if parts_.username else None
        with self._answering():  # asked first, since the client would wait for ever for one that is silent
            httpx.get(f"{self.address}/api/v2/heartbeat", headers=headers, timeout=_PATIENCE).raise_for_status()
            client = chromadb.HttpClient(
                parts_.hostname or "", parts_.port or 8000, parts_.scheme == "https", headers, _settings()
            )
        for session in _sessions(client):
            session.timeout = httpx.Timeout(_PATIENCE)
        return client

    @contextmanager
    def _asking(self) -> Iterator[ClientAPI]:
        """A client for one thing, which is passed over where the collection is not there."""
        from chromadb.errors import NotFoundError

        client = self._client()
        try:
            with self._answering(), suppress(NotFoundError):
                yield client
        finally:
            self.let_go(client)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Raises SaidsoError where the server does not answer, or is none of Chroma's."""
        from chromadb.errors import ChromaError, NotFoundError

        try:
            yield
        except NotFoundError:
            raise
        except (httpx.HTTPError, ChromaError, ValueError) as error:
            raise silent(self.address, error) from error


def _sessions(client: Any) -> list[httpx.Client]:
    """Return what a client and its administrating part speak through; there is no other way to close them."""
    return [client._server._session, client._admin_client._server._session]


def silent(address: str, error: Exception) -> SaidsoError:
    """Return what to raise where a vector server does not answer."""
    return SaidsoError(
        f"The vector server {address} does not answer ({error}); check that it runs and SAIDSO_VECTORS_URL names it."
    )


def _settings() -> Any:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False, allow_reset=False)


def _collection(client: ClientAPI, name: str, waiting: int) -> Collection:
    configuration: Any = {"hnsw": {**_TREE, "sync_threshold": waiting}}
    # No function that embeds: the default one would download a model.
    return client.get_or_create_collection(name, embedding_function=None, configuration=configuration)


class ChromaVectors:
    """One open collection; see `index.vectors.VectorStore`."""

    widest = 20_000  # the nearest thousands of a million take tens of milliseconds, a filter that leaves half seconds

    def __init__(self, tier: _Tier, name: str) -> None:
        self._tier, self._name = tier, name
        self._in_use = threading.RLock()  # so that nobody is searching while the client is exchanged
        self._client, self._collection = tier.connect(name)
        self._size = self.count()  # about; counting takes as long as a search
        self._come = 0  # vectors since how many may wait was looked at

    def close(self) -> None:
        """Let go of the store's files or connections."""
        self._tier.let_go(self._client)

    def reopen(self, name: str) -> None:
        """See what another process has written, in this collection or another: an open Chroma client does not."""
        with self._in_use:
            self.close()
            self._name = name
            self._client, self._collection = self._tier.connect(name)
            self._size = self.count()

    def upsert(self, ids: Sequence[int], vectors: NDArray[np.float32], about: Sequence[About]) -> None:
        """Store one vector a passage. Raises UnwritableError when Chroma cannot, as `delete` does."""
        with self._using(writes=True):
            self._expect(len(ids))
            for part in self._parts(len(ids)):
                self._collection.upsert(
                    ids=[str(id_) for id_ in ids[part]],
                    embeddings=vectors[part],
                    metadatas=[_metadata(*facts) for facts in about[part]],
                )
                self._take_in()

    def delete(self, ids: Sequence[int]) -> None:
        """Forget these passages; ids that are not there are passed over."""
        with self._using(writes=True):
            for part in self._parts(len(ids)):
                self._collection.delete(ids=[str(id_) for id_ in ids[part]])
                self._take_in()

    def settle(self) -> None:
        """Write the search tree, where more wait for that than may when nobody writes."""
        with self._using(writes=True):
            if self._tier.share and self._waiting > self._tier.waiting:
                self._let_wait(self._tier.waiting)
                self._take_in()

    def _expect(self, more: int) -> None:
        """Where many vectors come, let more wait: a million would be written a thousand times, 900 GB in all."""
        self._size += more
        self._come += more
        if self._tier.share and self._come > self._waiting:
            self._come = 0
            if (waiting := self.count() // self._tier.share) >= 2 * self._waiting:
                self._let_wait(waiting)

    @property
    def _waiting(self) -> int:
        """How many vectors may wait until the tree is written."""
        return int(self._collection.configuration_json["hnsw"]["sync_threshold"])

    def _let_wait(self, waiting: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that no function which embeds is configured
            self._collection.modify(configuration={"hnsw": {"sync_threshold": waiting}})
        self.reopen(self._name)  # an open collection goes on as it was

    def _take_in(self) -> None:
        """Have Chroma put what was written into its tree now, not in some reader later: any reading does that."""
        self._collection.get(ids=["none"], include=[])

    @contextmanager
    def _using(self, writes: bool = False) -> Iterator[None]:
        from chromadb.errors import InternalError, NotFoundError

        with self._in_use:
            try:
                yield
            except InternalError as error:
                if writes:
                    raise self._tier.unwritable(self._name, error) from error
                raise
            except httpx.HTTPError as error:
                if writes:
                    raise self._tier.unwritable(self._name, error) from error
                raise silent(self._tier.address, error) from error
            except NotFoundError as error:
                raise SaidsoError(
                    f"The vectors {self._name!r} are no longer there; if they were computed anew just now, ask again, "
                    "else start Saidso again."
                ) from error

    def _parts(self, count: int) -> Iterator[slice]:
        size = self._client.get_max_batch_size()
        return (slice(start, start + size) for start in range(0, count, size))

    def search(
        self, vector: NDArray[np.float32], k: int, filters: Filters, only: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """Return up to `k` (passage id, cosine similarity), best first; equal similarities by id.

        Of the filters, those by outlet and date are looked at; `only` are the passages that the others leave.
        """
        if only is not None and len(only) <= _FEW:
            return self._nearest_among(only, vector)[:k]
        with self._using():
            found = self._collection.query(
                query_embeddings=vector[np.newaxis],
                ids=None if only is None else [str(id_) for id_ in only],
                n_results=max(k, self._size // _LOOKED_PAST),
                where=_where(filters),
                include=["distances"],
            )
        distances = (found["distances"] or [[]])[0]
        hits = [(int(id_), 1.0 - float(distance)) for id_, distance in zip(found["ids"][0], distances, strict=True)]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]

    def _nearest_among(self, ids: Sequence[int], vector: NDArray[np.float32]) -> list[tuple[int, float]]:
        """Compare with each: a search tree that is told of few passages looks at all others to find them."""
        with self._using():
            found = self._collection.get(ids=[str(id_) for id_ in ids], include=["embeddings"]) if ids else None
        if not found or not found["ids"]:
            return []
        nearness = np.asarray(found["embeddings"], dtype=np.float32) @ vector
        hits = zip(map(int, found["ids"]), nearness.tolist(), strict=True)
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))

    def count(self) -> int:
        """Return the number of vectors stored."""
        with self._using():
            return self._collection.count()

    def ids(self) -> list[int]:
        """Return the passage ids that have a vector."""
        with self._using():
            return sorted(map(int, self._collection.get(include=[])["ids"]))

    def stored(self, ids: Sequence[int]) -> Iterator[NDArray[np.float32]]:
        """Yield the vectors of these passages, some thousands at a time, in the order of their ids."""
        for part in parts(ids, _READ_AT_ONCE):
            with self._using():
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


def _faults_of(folder: Path, most: int | None) -> Iterator[str]:
    """Read the first `most` vectors in a folder, and search for some; yield what is wrong."""
    store = ChromaFolder(folder.parent).open(folder.name)
    ids, found = store.ids()[:most], 0
    for vectors in store.stored(ids):
        found += len(vectors)
        if len(vectors) and not store.search(vectors[0], 1, Filters()):
            yield "a search finds nothing"
    if found != len(ids):
        yield f"{len(ids) - found:,} of its {len(ids):,} vectors are not there"
    store.close()


if __name__ == "__main__":
    sys.exit("; ".join(_faults_of(Path(sys.argv[1]), None if "all" in sys.argv[2:] else _SOME)) or 0)
