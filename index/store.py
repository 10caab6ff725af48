"""One data folder: the catalogue and what is derived from it, kept in step."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from pathlib import Path

from filelock import FileLock, Timeout

from index.catalogue import Catalogue, Changes, Found, Passage, Unread
from index.claims import Stretch, batches, found_by, stretches_of
from index.embedder import Embedder, Vectors
from index.errors import SaidsoError, UnreadableError
from index.keyword_indexes import Gap, KeywordIndexes, have_followed, places
from index.keywords import look_at as look_at_words
from index.memory import give_back_freed, probe_room
from index.soundness import Look, set_aside
from index.vectors import VectorStore, VectorTier
from index.workers import ThisProcess, Workers, alongside

SETTLE_BATCH = 512
_LEAST_BATCH = 32  # passages that are worth handing to a worker
_CLAIMS_BATCH = 32  # articles
_ROOM = 1 << 20  # bytes
_LOCK_PATIENCE = 2.0  # seconds; a page that removes an article while another does so should not fail at once
_FOLLOW_PATIENCE = (
    0.5  # seconds; whoever holds the folder then follows by itself, or will have been by the next question
)


@dataclass(frozen=True)
class Step:
    """How far a stage of settling is: of finding `claims` in characters, of computing `vectors` in passages."""

    stage: str
    done: int
    total: int


class BusyError(SaidsoError):
    """Another process is writing to the data folder."""


@dataclass(frozen=True)
class Derived:
    """One of the derived indexes: what a look at it shows, how many entries it must hold, and how to be rid of it."""

    name: str
    look: Look
    expected: int
    set_aside: Callable[[], object]


@dataclass(frozen=True)
class Gaps:
    """What the derived indexes lack, and what they should not have: passages, passages, articles."""

    vectors: Gap[int]
    passage_words: Gap[int]
    article_words: Gap[str]

    def __bool__(self) -> bool:
        return bool(self.vectors or self.passage_words or self.article_words)


@dataclass
class Store:
    """The catalogue, the vectors, the keyword indexes and the embedder of one data folder, and what computes for it."""

    folder: Path
    catalogue: Catalogue
    vectors: VectorStore
    words: KeywordIndexes
    embedder: Embedder
    workers: Workers
    _generation: str | None = None  # of the vectors that are open
    _words_generation: str | None = None  # that the keyword indexes have followed
    _refreshing: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(
        cls,
        folder: Path,
        embedder: Embedder,
        catalogue_url: str | None = None,
        vectors_url: str | None = None,
        workers: Workers | None = None,
    ) -> Store:
        """Open the data folder, creating what is missing, and finish what an interrupted process left half done.

        Without `workers` this process computes. Raises SaidsoError when the folder cannot be used or holds another
        embedding model's vectors, OSError when this process may not have the memory.
        """
        probe_room()
        if not folder.exists() and (before := before_restore(folder)).exists():
            raise SaidsoError(
                f"{folder} is missing since a restore was interrupted: move {before} there, and nothing has changed."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _probe_writable(folder)
        except OSError as error:
            raise SaidsoError(
                f"The data folder {folder} cannot be written ({error.strerror}); make room on its disk, look at its "
                "permissions, or choose another with --data-dir."
            ) from error
        catalogue = catalogue_at(folder, catalogue_url)
        check_model(catalogue, embedder, folder)
        tier = vector_tier(folder, catalogue, vectors_url)
        if not is_behind(folder, catalogue, tier):
            try:
                return cls.assemble(folder, catalogue, embedder, tier, workers)
            except UnreadableError:
                pass  # the look did not show it
        return cls._mended(folder, catalogue, embedder, tier, workers)

    @classmethod
    def _mended(
        cls, folder: Path, catalogue: Catalogue, embedder: Embedder, tier: VectorTier, workers: Workers | None
    ) -> Store:
        """Finish or undo what a killed process left half done, unless a living one is at it right now."""
        try:
            with writing_to(folder, catalogue):
                if _have_moved(catalogue, tier):
                    tier.set_aside(vectors_name(catalogue))  # of another time: ids may mean other passages now
                    catalogue.set_fact("vectors_at", tier.address)
                for index in broken(folder, catalogue, tier):
                    index.set_aside()
                store = cls.assemble(folder, catalogue, embedder, tier, workers)
                store.catch_up()
                return store
        except BusyError:
            store = cls.assemble(folder, catalogue, embedder, tier, workers)
            store._follow(catalogue.fact("generation"))
            return store

    @classmethod
    def assemble(
        cls,
        folder: Path,
        catalogue: Catalogue,
        embedder: Embedder,
        tier: VectorTier,
        workers: Workers | None = None,
    ) -> Store:
        """Open what is there, as it is. Raises UnreadableError when one of the derived indexes does not open."""
        generation = catalogue.fact("generation")
        vectors, words = tier.open(vectors_name(catalogue)), KeywordIndexes(folder)
        return cls(folder, catalogue, vectors, words, embedder, workers or ThisProcess(embedder), generation)

    def close(self) -> None:
        """Let go of all files."""
        self.vectors.close()
        self.catalogue.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the one writer's place. Raises BusyError when another process, here or on another machine, has it."""
        with writing_to(self.folder, self.catalogue):
            self._reopen(self.catalogue.fact("generation"))  # Chroma must not write beside what it has not seen
            self.words.follow(self.catalogue)
            try:
                yield
            finally:
                self.vectors.settle()
                self.catalogue.gather_statistics()

    def refresh(self) -> None:
        """Take notice of what another process, here or on another machine, has written since the last look.

        Raises SaidsoError when that is vectors of another embedding model.
        """
        generation = self.catalogue.fact("generation")
        if generation != self._generation:
            self._reopen(generation)
        if generation != self._words_generation:
            self._follow(generation)

    def _reopen(self, generation: str | None) -> None:
        with self._refreshing:
            if generation != self._generation:
                check_model(self.catalogue, self.embedder, self.folder)
                self.vectors.reopen(vectors_name(self.catalogue))
                self._generation = generation

    def _follow(self, generation: str | None) -> None:
        """Have this machine's keyword indexes hold what has been settled, unless a process here is at them now."""
        if not have_followed(self.folder, self.catalogue):
            try:
                with locked(self.folder, _FOLLOW_PATIENCE):
                    self.words.follow(self.catalogue)
            except BusyError:
                return
        self._words_generation = generation

    def settle(self, on_step: Callable[[Step], None] = lambda _: None) -> None:
        """Bring claims, Chroma and the keyword indexes up to the catalogue; to be called by the writer only.

        What is done is stored step by step, so that after an interruption the next settling goes on from there.
        """
        self._find_claims(on_step)
        done, total = 0, self.catalogue.owed_passages()
        if total:
            on_step(Step("vectors", done, total))
        for (owed, passages), vectors in alongside(self._owed(total), self._vectors_of):
            store_vectors(self.vectors, passages, vectors)
            self.vectors.delete(owed.remove)
            self.words.update(self.catalogue, passages, owed.remove, owed.articles)
            self.words.note(self.catalogue, self.catalogue.settle(owed))
            done += len(owed.add) + len(owed.remove)
            if done < total:
                on_step(Step("vectors", done, total))
        self.words.forget_removed(self.catalogue)
        self._generation = self._words_generation = self.catalogue.fact("generation")
        give_back_freed()

    def _owed(self, total: int) -> Iterator[tuple[Changes, list[Passage]]]:
        """Yield what is owed, about `total` passages, part by part, with those of them that are there."""
        size = min(SETTLE_BATCH, max(_LEAST_BATCH, ceil(total / self.workers.at_once)))
        after = 0
        while owed := self.catalogue.owed(size, after):
            after = max((*owed.add, *owed.remove))
            yield owed, list(self.catalogue.passages(owed.add).values())

    def _vectors_of(self, parts: Iterable[tuple[Changes, list[Passage]]]) -> Iterator[Vectors]:
        return self.workers.embed([passage.text for passage in passages] for _, passages in parts)

    def _find_claims(self, on_step: Callable[[Step], None]) -> None:
        """Find who said what in the articles, or the rest of them, that have not been read for it yet."""
        while unread := self.catalogue.without_claims(found_by(), _CLAIMS_BATCH * self.workers.at_once):
            done, total = 0, sum(one.length - one.until for one in unread)
            on_step(Step("claims", done, total))
            for together, found in alongside(batches(self._stretches(unread)), self.workers.claims):
                read = [
                    Found(stretch.of, tuple(claims), stretch.start, None if stretch.last else stretch.end)
                    for stretch, claims in zip(together, found, strict=True)
                ]
                self.catalogue.add_claims(read, found_by())
                done += sum(len(stretch.text) for stretch in together)
                if done < total:
                    on_step(Step("claims", done, total))

    def _stretches(self, unread: Sequence[Unread]) -> Iterator[Stretch]:
        for one in unread:
            if article := self.catalogue.article(one.id):
                yield from stretches_of(article.text, one.until, one.id)

    def catch_up(self, on_step: Callable[[Step], None] = lambda _: None) -> None:
        """Bring the derived indexes, whatever they hold, up to the catalogue; to be called by the writer only."""
        self.settle(on_step)
        self.close_gaps(self.gaps(), on_step)
        self.words.remove_older()

    def gaps(self) -> Gaps:
        """Compare the derived indexes with the catalogue; what is owed counts as missing or too much."""
        wanted, vectors = set(self.catalogue.passage_ids()), set(self.vectors.ids())
        return Gaps(Gap.between(wanted, vectors), *self.words.gaps(self.catalogue))

    def close_gaps(self, gaps: Gaps, on_step: Callable[[Step], None] = lambda _: None) -> None:
        """Add what is missing and remove what is too much; to be called by the writer only."""
        if gaps:
            self.vectors.delete(gaps.vectors.extra)
            self.words.close_gaps(self.catalogue, gaps.passage_words, gaps.article_words)
            self.catalogue.owe(gaps.vectors.missing)
            self.catalogue.tell_of_change()
            self.settle(on_step)
        self.words.note(self.catalogue, self.catalogue.last_change())
        self.vectors.settle()
        self.catalogue.gather_statistics()


def store_vectors(store: VectorStore, passages: Sequence[Passage], vectors: Vectors) -> None:
    """Store the vectors of some passages, if there are any."""
    about = [(passage.article_id, passage.source, passage.day) for passage in passages]
    if passages:
        store.upsert([passage.id for passage in passages], vectors, about)


@contextmanager
def writing_to(folder: Path, catalogue: Catalogue) -> Iterator[None]:
    """Hold the one writer's place, in the data folder and among the machines that share the catalogue.

    Raises BusyError when another process has it.
    """
    with locked(folder), catalogue.one_writer(_LOCK_PATIENCE) as held:
        if not held:
            raise BusyError(
                "Another Saidso process, on another machine, is writing to the catalogue that both share; wait until "
                "it is done and run this again. Nothing was changed."
            )
        yield


@contextmanager
def locked(folder: Path, patience: float = _LOCK_PATIENCE) -> Iterator[None]:
    """Hold a data folder alone, after at most so many seconds. Raises BusyError when another process has it."""
    lock = FileLock(folder / "writer.lock")
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise BusyError(
            f"Another Saidso process is writing to {folder}; wait until it is done and run this again, "
            "or use another folder with --data-dir. Nothing was changed."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def for_upkeep(
    folder: Path, catalogue_url: str | None, vectors_url: str | None
) -> Iterator[tuple[Catalogue, VectorTier]]:
    """Open the catalogue and where the vectors are, as the one writer, and nothing of the derived indexes.

    Raises SaidsoError where there is no index, BusyError when another process is writing.
    """
    if not folder.is_dir():
        raise SaidsoError(f"There is no index in {folder}; give another folder with --data-dir.")
    with (
        closing(catalogue_at(folder, catalogue_url)) as catalogue,
        writing_to(folder, catalogue),
        closing(vector_tier(folder, catalogue, vectors_url)) as tier,
    ):
        yield catalogue, tier


def catalogue_at(folder: Path, url: str | None) -> Catalogue:
    """Open the catalogue at an address, or else that in the data folder. Raises SaidsoError when it cannot be."""
    return Catalogue.open(url or f"sqlite:///{folder / 'catalogue.sqlite'}")


def before_restore(folder: Path) -> Path:
    """Return where a restore puts a data folder that it replaces, for the moment until it has."""
    return folder.with_name(f"{folder.name}.before-restore")


def vectors_name(catalogue: Catalogue) -> str:
    """Return the name of the vectors' collection: a reindexing fills another, and has the catalogue name it."""
    return catalogue.fact("vectors") or "chroma"


def vector_tier(folder: Path, catalogue: Catalogue, url: str | None) -> VectorTier:
    """Return where the vectors are kept: at this address, or embedded in the data folder. Raises SaidsoError."""
    if url is None or url.startswith(("http://", "https://")):
        from index.chroma import ChromaFolder, ChromaServer

        return ChromaServer(url, catalogue.identity()) if url else ChromaFolder(folder)
    if not url.startswith("postgresql"):
        raise SaidsoError(
            f"SAIDSO_VECTORS_URL={url!r} is no address of a vector server; one looks like http://host:8000 for Chroma, "
            "postgresql+psycopg://user:password@host/database for PostgreSQL with pgvector."
        )
    try:
        from index.pgvector import Postgres
    except ModuleNotFoundError as error:
        raise SaidsoError(
            f"SAIDSO_VECTORS_URL names PostgreSQL, which wants {error.name}; `pip install 'saidso[postgres]'` "
            "installs it."
        ) from error
    return Postgres(url, catalogue.identity())


def _have_moved(catalogue: Catalogue, tier: VectorTier) -> bool:
    """Say whether the vectors were last kept somewhere else."""
    return (catalogue.fact("vectors_at") or "") != tier.address


def derived(
    folder: Path, catalogue: Catalogue, tier: VectorTier, thoroughly: bool = False
) -> tuple[Derived, Derived, Derived]:
    """Look at the vectors and the keyword indexes of passages and articles, without opening them."""
    passages, articles = catalogue.derived_counts()
    name = vectors_name(catalogue)

    def words(of: str, expected: int) -> Derived:
        place = places(folder)[f"{of}s"]
        return Derived(f"{of} words", look_at_words(place, thoroughly), expected, partial(set_aside, place))

    return (
        Derived("vectors", tier.look(name, thoroughly), passages, partial(tier.set_aside, name)),
        words("passage", passages),
        words("article", articles),
    )


def is_behind(folder: Path, catalogue: Catalogue, tier: VectorTier) -> bool:
    """Say, in some milliseconds, whether the derived indexes want mending: something is owed, missing or broken."""
    if not have_followed(folder, catalogue) or catalogue.owed(1) or catalogue.without_claims(found_by(), 1):
        return True
    return _have_moved(catalogue, tier) or any(
        index.look.fault or index.look.count != index.expected for index in derived(folder, catalogue, tier)
    )


def broken(folder: Path, catalogue: Catalogue, tier: VectorTier, thoroughly: bool = False) -> list[Derived]:
    """Return the derived indexes that must not be opened, with why; vectors are tried out where it hurts nothing."""
    vectors, *words = derived(folder, catalogue, tier, thoroughly)
    if vectors.look.fault is None and vectors.look.count:
        fault = tier.try_out(vectors_name(catalogue), thoroughly)
        vectors = replace(vectors, look=replace(vectors.look, fault=fault))
    return [index for index in (vectors, *words) if index.look.fault]


def _probe_writable(folder: Path) -> None:
    """Raise OSError where nothing can be written: better at the start than half way through.

    Chroma writes when it is opened, and one that cannot for want of room looks as if it were broken.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(_ROOM))


def check_model(catalogue: Catalogue, embedder: Embedder, folder: Path) -> None:
    """Raise SaidsoError when the vectors are of another embedding model; remember this one where there are none."""
    stored = catalogue.fact("embedding_model")
    if stored is None:
        catalogue.set_fact("embedding_model", embedder.name)
    elif stored != embedder.name:
        raise SaidsoError(
            f"{folder} was indexed with the embedding model {stored!r}, and {embedder.name!r} is set now; "
            "their vectors must not mix. Set SAIDSO_EMBEDDING_MODEL back, compute them all anew with `saidso reindex`, "
            "or choose another folder with --data-dir."
        )
