"""Machines with a data folder each, over one PostgreSQL that holds catalogue and vectors: real stores, real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from index import catalogue as catalogues
from index.articles import Article
from index.catalogue import Catalogue
from index.embedder import Embedder
from index.keyword_indexes import have_followed, places
from index.passages import Span
from index.search import search
from index.store import BusyError, Store

QUESTION = "Was the mosque hit?"
TEXTS = (
    "Bread is dear.",
    "The mosque was hit, officials said.",
    "A ferry sank near Quarry Bay.",
    "The mayor resigned.",
)
Machine = Callable[[str], Store]


def article(number: int, text: str) -> tuple[Article, list[Span]]:
    return Article(f"a{number}", text), [Span(0, len(text))]


ARTICLES = [article(number, text) for number, text in enumerate(TEXTS)]


@pytest.fixture
def url(new_postgres_database: Callable[[], str]) -> str:
    return new_postgres_database()


@pytest.fixture
def machine(url: str, embedder: Embedder, tmp_path: Path) -> Iterator[Machine]:
    """Open the data folder of a machine by its name."""
    with ExitStack() as open_ones:
        yield lambda name: open_ones.enter_context(closing(Store.open(tmp_path / name, embedder, url, url)))


def change(store: Store, add: Sequence[tuple[Article, list[Span]]] = (), remove: Sequence[str] = ()) -> None:
    with store.writing():
        store.catalogue.store(add)
        store.catalogue.remove(remove)
        store.settle()


def found(store: Store) -> tuple[list[tuple[str, float]], list[str], list[str]]:
    hits = [(hit.passage.article_id, hit.score) for hit in search(store, QUESTION)]
    return hits, store.words.passages.keys(), store.words.articles.keys()


def test_what_one_machine_adds_and_removes_the_others_find_at_once(machine: Machine) -> None:
    one, other = machine("one"), machine("other")
    change(one, ARTICLES[:2])
    assert found(other) == found(one) != ([], [], [])
    change(other, ARTICLES[2:], remove=["a0"])
    assert found(one) == found(other)
    assert one.words.articles.keys() == ["a1", "a2", "a3"]
    assert found(machine("third")) == found(one)


def test_a_text_that_was_replaced_is_found_by_its_new_words_alone(machine: Machine) -> None:
    one, other = machine("one"), machine("other")
    change(one, ARTICLES)
    assert found(other) == found(one)
    change(one, [article(1, "The harbour was spared.")])
    other.refresh()
    assert not other.words.passages.search("mosque", 5)
    assert [key for key, _ in other.words.articles.search("harbour", 5)] == ["a1"]


def test_machines_write_one_after_the_other(machine: Machine) -> None:
    one, other = machine("one"), machine("other")
    with one.writing(), pytest.raises(BusyError, match="on another machine, is writing"), other.writing():
        pass
    with other.writing():
        pass


def test_a_machine_that_opens_while_another_writes_has_what_was_settled(machine: Machine) -> None:
    one = machine("one")
    change(one, ARTICLES[:2])
    with one.writing():
        one.catalogue.store(ARTICLES[2:])
        assert {"a0", "a1"} <= set(machine("other").words.articles.keys())
        one.settle()
    assert found(machine("other")) == found(one)


def test_who_was_away_too_long_compares_all(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "_REMEMBERED", 2)
    one, other = machine("one"), machine("other")
    change(one, ARTICLES[:1])
    assert found(other) == found(one)
    change(one, ARTICLES[1:], remove=["a0"])
    assert one.catalogue.changes_after(1, 10) is None
    assert found(other) == found(one)


@pytest.mark.parametrize("garbled", [None, b"\xff\xfe", b"another 3"])
def test_what_is_not_known_to_be_followed_is_compared(machine: Machine, tmp_path: Path, garbled: bytes | None) -> None:
    one, other = machine("one"), machine("other")
    change(one, ARTICLES)
    assert found(other) == found(one)
    other.words.passages.update([], ["1"])
    file = places(tmp_path / "other")["passages"] / "followed"
    file.unlink() if garbled is None else file.write_bytes(garbled)
    one.catalogue.tell_of_change()
    assert found(other) == found(one)
    assert have_followed(tmp_path / "other", other.catalogue)


def test_a_folder_that_followed_another_catalogue_begins_anew(
    machine: Machine, new_postgres_database: Callable[[], str], embedder: Embedder, tmp_path: Path
) -> None:
    change(machine("one"), ARTICLES[:2])
    url = new_postgres_database()
    with closing(Store.open(tmp_path / "two", embedder, url, url)) as two:
        change(two, ARTICLES[2:])
    with closing(Store.open(tmp_path / "one", embedder, url, url)) as moved:
        assert moved.words.articles.keys() == ["a2", "a3"]


def test_the_writers_place_goes_with_its_connection(machine: Machine, url: str) -> None:
    one, other = machine("one"), machine("other")
    locks = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    engine = create_engine(url)
    with one.writing():
        with engine.begin() as connection:
            assert connection.scalars(text(locks)).all() == [True]
        with other.writing():
            pass
    engine.dispose()


def test_processes_that_open_a_new_index_at_once_agree_on_what_it_is(url: str) -> None:
    with ExitStack() as open_ones, ThreadPoolExecutor(8) as at_once:
        new = [open_ones.enter_context(closing(Catalogue.open(url))) for _ in range(8)]
        assert len(set(at_once.map(Catalogue.identity, new))) == 1
