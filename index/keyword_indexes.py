"""The keyword indexes of one data folder, of passages and of articles, and how far they have followed the catalogue.

Each machine has its own, so that a question is answered from its own disk; the catalogue remembers what was added and
removed, by whichever machine, and each takes that in before it searches.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from index.articles import Article
from index.batches import parts
from index.catalogue import Catalogue, Changes, Passage
from index.errors import UnwritableError
from index.keywords import FORMAT, Entry, KeywordIndex

_Key = TypeVar("_Key", int, str)
_PASSAGES_TOGETHER = 512
_ARTICLES_TOGETHER = 32
_LEAD = 700  # characters of title and text in which an article says what it is about
_FOLLOWED = "followed"  # the file in an index's folder that says up to which change, of which catalogue, it has come


@dataclass(frozen=True)
class Gap(Generic[_Key]):
    """The keys that an index lacks, and those that it should not have."""

    missing: tuple[_Key, ...]
    extra: tuple[_Key, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)

    @classmethod
    def between(cls, wanted: set[_Key], there: set[_Key]) -> Gap[_Key]:
        """Compare what an index should hold with what it holds."""
        return cls(tuple(sorted(wanted - there)), tuple(sorted(there - wanted)))


class KeywordIndexes:
    """BM25 over passages and over whole articles. What changes them is to be called under the data folder's lock."""

    def __init__(self, data_folder: Path) -> None:
        """Open those in the data folder, creating what is missing. Raises UnreadableError when one cannot be read."""
        at = places(data_folder)
        self._data_folder = data_folder
        self.passages = KeywordIndex.open(at["passages"])
        self.articles = KeywordIndex.open(at["articles"])

    def update(
        self, catalogue: Catalogue, passages: Sequence[Passage], removed: Sequence[int], articles: Sequence[str]
    ) -> None:
        """Bring them up to date on these passages and articles, changed or removed. Raises UnwritableError."""
        self.passages.update([_entry(passage) for passage in passages], [str(id_) for id_ in removed])
        known = [catalogue.article(id_) for id_ in articles]
        self.articles.update([_whole(article) for article in known if article], articles)

    def follow(self, catalogue: Catalogue) -> None:
        """Take in what has been settled since they last did, or all that they lack where that is not remembered.

        Raises UnwritableError.
        """
        reached = catalogue.last_change()
        at = _followed(self._data_folder, catalogue.identity())
        if at == reached:
            return
        changes = None if at is None else catalogue.changes_after(at, _PASSAGES_TOGETHER)
        if changes is None:
            self.close_gaps(catalogue, *self.gaps(catalogue))
        else:
            for some in changes:
                self._take_in(catalogue, some)
        self.forget_removed(catalogue)
        self.note(catalogue, reached)

    def _take_in(self, catalogue: Catalogue, changes: Changes) -> None:
        passages = list(catalogue.passages(changes.add).values())
        self.update(catalogue, passages, changes.remove, changes.articles)

    def note(self, catalogue: Catalogue, reached: int) -> None:
        """Remember up to which change of the catalogue they have followed. Raises UnwritableError."""
        for place in places(self._data_folder).values():
            passing = place / f"{_FOLLOWED}.new"
            try:
                passing.write_text(f"{catalogue.identity()} {reached}", encoding="utf-8")
                passing.replace(place / _FOLLOWED)
            except OSError as error:
                raise UnwritableError(place, error) from error

    def forget_removed(self, catalogue: Catalogue) -> None:
        """Have what was removed no longer count in how rare a word is, nor in how long texts are."""
        if self.passages.wants_rebuilding():
            ids = parts(catalogue.passage_ids(), _PASSAGES_TOGETHER)
            passages = (passage for part in ids for passage in catalogue.passages(part).values())
            self.passages.rebuild(map(_entry, passages))
        if self.articles.wants_rebuilding():
            articles = map(catalogue.article, catalogue.articles_with_passages())
            self.articles.rebuild(_whole(article) for article in articles if article)

    def gaps(self, catalogue: Catalogue) -> tuple[Gap[int], Gap[str]]:
        """Compare them with the catalogue: passages, articles."""
        passages, articles = set(catalogue.passage_ids()), set(catalogue.articles_with_passages())
        return (
            Gap.between(passages, set(map(int, self.passages.keys()))),
            Gap.between(articles, set(self.articles.keys())),
        )

    def close_gaps(self, catalogue: Catalogue, passages: Gap[int], articles: Gap[str]) -> None:
        """Add what is missing and remove what is too much. Raises UnwritableError."""
        self.passages.update([], [str(id_) for id_ in passages.extra])
        self.articles.update([], articles.extra)
        for ids in parts(passages.missing, _PASSAGES_TOGETHER):
            self.update(catalogue, list(catalogue.passages(ids).values()), (), ())
        for article_ids in parts(articles.missing, _ARTICLES_TOGETHER):
            self.update(catalogue, (), (), article_ids)

    def remove_older(self) -> None:
        """Remove those of other formats."""
        own = places(self._data_folder)["passages"].parent
        for older in own.parent.iterdir():
            if older != own:
                shutil.rmtree(older)


def places(data_folder: Path) -> dict[str, Path]:
    """Return where the two indexes are, by the name of what they are of."""
    folder = data_folder / "keywords" / FORMAT
    return {"passages": folder / "passages", "articles": folder / "articles"}


def have_followed(data_folder: Path, catalogue: Catalogue) -> bool:
    """Say, without opening them, whether the indexes in a data folder hold all that has been settled."""
    return _followed(data_folder, catalogue.identity()) == catalogue.last_change()


def _followed(data_folder: Path, identity: str) -> int | None:
    """Return the last change of this catalogue that both have taken in, or None where that is not known."""
    reached = {_read(place / _FOLLOWED, identity) for place in places(data_folder).values()}
    return reached.pop() if len(reached) == 1 else None


def _read(file: Path, identity: str) -> int | None:
    try:
        of, reached = file.read_text(encoding="utf-8").split()
        return int(reached) if of == identity else None
    except (FileNotFoundError, ValueError):  # not there, or not as it was written
        return None


def _entry(passage: Passage) -> Entry:
    return Entry(str(passage.id), passage.text, passage.source, passage.day)


def _whole(article: Article) -> Entry:
    """Return an article as the article index holds it: its title read with the text, and its first words twice."""
    titled = f"{article.title}\n{article.text}" if article.title else article.text
    return Entry(article.id, titled, article.source, article.day, lead=titled[:_LEAD])
