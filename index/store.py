"""One data folder: the catalogue and what is derived from it, kept in step."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from index.articles import Article
from index.catalogue import Catalogue, Found, Passage, Unread
from index.claims import Stretch, batches, claims_in, found_by, stretches_of
from index.embedder import Embedder
from index.errors import SaidsoError
from index.keywords import FORMAT, Entry, KeywordIndex
from index.vectors import VectorStore

_SETTLE_BATCH = 512
_CLAIMS_BATCH = 32  # articles
_REBUILD_BATCH = 32  # articles
_LEAD = 700  # characters of title and text in which an article says what it is about
_LOCK_PATIENCE = 2.0  # seconds; a page that removes an article while another does so should not fail at once


@dataclass(frozen=True)
class Step:
    """How far a stage of settling is: of finding `claims` in characters, of computing `vectors` in passages."""

    stage: str
    done: int
    total: int


class BusyError(SaidsoError):
    """Another process is writing to the data folder."""


@dataclass
class Store:
    """The catalogue, Chroma, the keyword index and the embedder of one data folder."""

    folder: Path
    catalogue: Catalogue
    vectors: VectorStore
    passage_words: KeywordIndex
    article_words: KeywordIndex
    embedder: Embedder
    _generation: str | None = None
    _refreshing: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, folder: Path, embedder: Embedder, catalogue_url: str | None = None) -> Store:
        """Open the data folder, creating what is missing, and finish what an interrupted process left half done.

        Raises SaidsoError when the folder cannot be used or holds another embedding model's vectors.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _probe_writable(folder)
        except OSError as error:
            raise SaidsoError(
                f"The data folder {folder} cannot be written ({error.strerror}); choose another with --data-dir."
            ) from error
        catalogue = Catalogue.open(catalogue_url or f"sqlite:///{folder / 'catalogue.sqlite'}")
        _check_model(catalogue, embedder, folder)
        words = folder / "keywords" / FORMAT
        store = cls(
            folder,
            catalogue,
            VectorStore.open(folder / "chroma"),
            KeywordIndex.open(words / "passages"),
            KeywordIndex.open(words / "articles"),
            embedder,
        )
        store._generation = catalogue.fact("generation")
        store._repair()
        return store

    def close(self) -> None:
        """Let go of all files."""
        self.vectors.close()
        self.catalogue.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the data folder's one writer's place. Raises BusyError when another process has it."""
        lock = FileLock(self.folder / "writer.lock")
        try:
            lock.acquire(timeout=_LOCK_PATIENCE)
        except Timeout:
            raise BusyError(
                f"Another Saidso process is writing to {self.folder}; wait until it is done and run this again, "
                "or use another folder with --data-dir. Nothing was changed."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def refresh(self) -> None:
        """Take notice of what another process has written since the last look."""
        generation = self.catalogue.fact("generation")
        if generation != self._generation:
            with self._refreshing:
                if generation != self._generation:
                    self.vectors.reopen()
                    self._generation = generation

    def settle(self, on_step: Callable[[Step], None] = lambda _: None) -> None:
        """Bring claims, Chroma and the keyword indexes up to the catalogue; to be called by the writer only.

        What is done is stored step by step, so that after an interruption the next settling goes on from there.
        """
        self._find_claims(on_step)
        done, total = 0, self.catalogue.owed_passages()
        while owed := self.catalogue.owed(_SETTLE_BATCH):
            passages = list(self.catalogue.passages(owed.add).values())
            if passages:
                on_step(Step("vectors", done, total))
                about = [(passage.article_id, passage.source, passage.day) for passage in passages]
                vectors = self.embedder.embed([passage.text for passage in passages])
                self.vectors.upsert([passage.id for passage in passages], vectors, about)
            self.vectors.delete(owed.remove)
            self._index_words(passages, owed.remove, owed.articles)
            self.catalogue.settle(owed)
            done += len(owed.add) + len(owed.remove)
        self._generation = self.catalogue.fact("generation")

    def _find_claims(self, on_step: Callable[[Step], None]) -> None:
        """Find who said what in the articles, or the rest of them, that have not been read for it yet."""
        while unread := self.catalogue.without_claims(found_by(), _CLAIMS_BATCH):
            done, total = 0, sum(one.length - one.until for one in unread)
            for together in batches(self._stretches(unread)):
                on_step(Step("claims", done, total))
                found = claims_in(together)
                parts = [
                    Found(stretch.of, tuple(claims), stretch.start, None if stretch.last else stretch.end)
                    for stretch, claims in zip(together, found, strict=True)
                ]
                self.catalogue.add_claims(parts, found_by())
                done += sum(len(stretch.text) for stretch in together)

    def _stretches(self, unread: Sequence[Unread]) -> Iterator[Stretch]:
        for one in unread:
            if article := self.catalogue.article(one.id):
                yield from stretches_of(article.text, one.until, one.id)

    def _index_words(self, passages: Sequence[Passage], removed: Sequence[int], articles: Sequence[str]) -> None:
        """Bring the keyword indexes up to date on these passages and articles, changed or removed."""
        entries = [Entry(str(p.id), p.text, p.source, p.day) for p in passages]
        self.passage_words.update(entries, [str(id_) for id_ in removed])
        known = [self.catalogue.article(id_) for id_ in articles]
        self.article_words.update([_whole(article) for article in known if article], articles)

    def _repair(self) -> None:
        """Finish or undo what a killed process left half done, unless a living one is at it right now."""
        outdated = self.catalogue.fact("keywords") != FORMAT
        if outdated or self.catalogue.owed(1) or self.catalogue.without_claims(found_by(), 1):
            try:
                with self.writing():
                    if outdated:
                        self._rebuild_words()
                    self.settle()
            except BusyError:
                return

    def _rebuild_words(self) -> None:
        """Build the keyword indexes anew from the catalogue, in place of those that an older Saidso left."""
        ids = [article.id for article in self.catalogue.articles()]
        for start in range(0, len(ids), _REBUILD_BATCH):
            part = ids[start : start + _REBUILD_BATCH]
            self._index_words([passage for id_ in part for passage in self.catalogue.passages_of(id_)], (), part)
        for outdated in (self.folder / "keywords").iterdir():
            if outdated.name != FORMAT:
                shutil.rmtree(outdated)
        self.catalogue.set_fact("keywords", FORMAT)


def _whole(article: Article) -> Entry:
    """Return an article as the article index holds it: its title read with the text, and its first words twice."""
    titled = f"{article.title}\n{article.text}" if article.title else article.text
    return Entry(article.id, titled, article.source, article.day, lead=titled[:_LEAD])


def _probe_writable(folder: Path) -> None:
    """Raise OSError where a file cannot be made: better at the start than half way through."""
    with tempfile.TemporaryFile(dir=folder):
        pass


def _check_model(catalogue: Catalogue, embedder: Embedder, folder: Path) -> None:
    stored = catalogue.fact("embedding_model")
    if stored is None:
        catalogue.set_fact("embedding_model", embedder.name)
    elif stored != embedder.name:
        raise SaidsoError(
            f"{folder} was indexed with the embedding model {stored!r}, and {embedder.name!r} is set now; "
            "their vectors must not mix. Set SAIDSO_EMBEDDING_MODEL back, or choose another folder with --data-dir."
        )
