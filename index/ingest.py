"""THE WRITE FLOW: files → articles → passages → catalogue → claims, vectors in Chroma, keyword indexes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from index.articles import Article, Rejected, find_files, read_file
from index.passages import Span, split_passages
from index.store import Step, Store

# Tuned on one half of the NewsQA sample: small passages are found more surely; see tests/benchmarks/LOG.md.
PASSAGE_TOKENS = 96
OVERLAP_SENTENCES = 1
_BATCH_ARTICLES = 64
_BATCH_CHARACTERS = 80_000


@dataclass(frozen=True)
class Progress:
    """How far an ingestion is, in bytes of its input files.

    `step` says how far the next articles are, while they are at hand.
    """

    done_bytes: int
    total_bytes: int
    articles: int
    step: Step | None = None


@dataclass
class IngestReport:
    """What became of every input."""

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    passages: int = 0


def ingest(
    store: Store,
    paths: Sequence[Path],
    on_progress: Callable[[Progress], None] = lambda _: None,
    origin_of: Callable[[str], str] = lambda origin: origin,
    without: Collection[str] = (),
) -> IngestReport:
    """Read the articles at `paths` (files and folders) into the store, and say what became of each.

    Unchanged articles are passed over; a changed one replaces what it was. Every batch is committed by itself, and so
    is each part of a long article that was read for its claims: an interruption loses no more than what is at hand, and
    the same call goes on from there. `origin_of` may put a lasting name in place of a passing one as the origin by
    which a file is known again; articles whose id is in `without` are passed over. Raises SaidsoError when the store
    cannot be written or another process is writing to it.
    """
    report = IngestReport()
    reached = Progress(0, 0, 0)

    def on_step(step: Step) -> None:
        on_progress(replace(reached, step=step))

    with store.writing():
        store.settle(on_step)
        for batch, progress in _batches(_read(paths, report, origin_of, without), store.workers.at_once):
            reached = replace(reached, total_bytes=progress.total_bytes)
            news = _what_is_new(store, batch, report)
            cut = [(article, _passages(store, article)) for article in news]
            store.catalogue.store(cut)
            store.settle(on_step)
            report.passages += sum(len(spans) for _, spans in cut)
            reached = progress
            on_progress(progress)
    return report


def _read(
    paths: Sequence[Path], report: IngestReport, origin_of: Callable[[str], str], without: Collection[str]
) -> Iterator[tuple[Article | None, Progress]]:
    """Yield the articles of all files with the progress so far; what cannot be read goes into the report."""
    files: list[tuple[Path, int]] = []
    for found in find_files(paths):
        if isinstance(found, Rejected):
            report.rejected.append(found)
        else:
            files.append((found, _size(found)))
    total, before, count = sum(size for _, size in files), 0, 0
    for path, size in files:
        for item, position in read_file(path):
            count += 1
            if isinstance(item, Rejected):
                report.rejected.append(item)
            article = None
            if isinstance(item, Article) and item.id not in without:
                article = replace(item, origin=origin_of(item.origin))
            yield article, Progress(before + min(position, size), total, count)
        before += size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone meanwhile: reading it will say so


def _batches(read: Iterator[tuple[Article | None, Progress]], at_once: int) -> Iterator[tuple[list[Article], Progress]]:
    """Yield the articles, so many times as one worker computes at once, with how far the reading is."""
    batch: list[Article] = []
    characters = 0
    progress = Progress(0, 0, 0)
    for article, progress in read:
        if article is not None:
            batch.append(article)
            characters += len(article.text)
        if len(batch) >= _BATCH_ARTICLES * at_once or characters >= _BATCH_CHARACTERS * at_once:
            yield batch, progress
            batch, characters = [], 0
    yield batch, progress


def _what_is_new(store: Store, batch: Sequence[Article], report: IngestReport) -> list[Article]:
    """Return the articles that the catalogue does not hold as they are, each under the id it is to have."""
    known = _Known(store, batch)
    news: dict[str, Article] = {}
    for article in batch:
        article = known.settled(article)
        if known.has(article):
            report.unchanged += 1
            continue
        (report.replaced if known.holds_id(article.id) else report.added).append(article.id)
        known.note(article)
        news.pop(article.id, None)
        news[article.id] = article
    return list(news.values())


class _Known:
    """What the catalogue holds of a batch, by id, by origin and by content."""

    def __init__(self, store: Store, batch: Sequence[Article]) -> None:
        catalogue = store.catalogue
        ids = [id_ for article in batch for id_ in (article.id, _apart(article).id)]
        self._by_id = {id_: facts[1:] for id_, facts in catalogue.known("id", ids).items()}
        self._by_origin = {o: f[0] for o, f in catalogue.known("origin", [a.origin for a in batch]).items()}
        self._by_hash = {h: f[0] for h, f in catalogue.known("content_hash", [a.content_hash for a in batch]).items()}

    def settled(self, article: Article) -> Article:
        """Return the article under its final id: its own if it names one, else one that its origin keeps for ever."""
        if article.named:
            return article
        if article.origin in self._by_origin:
            return replace(article, id=self._by_origin[article.origin])
        return _apart(article) if self.holds_id(article.id) else article

    def holds_id(self, article_id: str) -> bool:
        return article_id in self._by_id

    def has(self, article: Article) -> bool:
        """Whether nothing need be done: the same id with the same content, or (for a file) the content elsewhere."""
        if article.id in self._by_id:
            return self._by_id[article.id][1] == article.content_hash
        return not article.named and article.content_hash in self._by_hash

    def note(self, article: Article) -> None:
        self._by_id[article.id] = (article.origin, article.content_hash)
        self._by_origin[article.origin] = article.id
        self._by_hash[article.content_hash] = article.id


def _apart(article: Article) -> Article:
    """Return the article under an id that tells it from another file of the same name."""
    return replace(article, id=f"{article.id}-{hashlib.sha256(article.origin.encode()).hexdigest()[:8]}")


def _passages(store: Store, article: Article) -> list[Span]:
    tokens = min(PASSAGE_TOKENS, store.embedder.max_tokens)
    return split_passages(article.text, store.embedder.token_starts, tokens, OVERLAP_SENTENCES)
