"""What holds vectors: the same of embedded Chroma, a Chroma server and PostgreSQL."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from index.chroma import ChromaFolder, ChromaServer
from index.errors import SaidsoError, UnwritableError
from index.filters import Filters
from index.pgvector import Postgres, PostgresVectors
from index.soundness import Look
from index.vectors import VectorStore, VectorTier

UNIT = np.eye(4, dtype=np.float32)
ABOUT = [("a", "X", 20170316), ("b", "Y", 20170317), ("c", "X", None)]


@pytest.fixture(params=["folder", "server", "postgres"])
def tier(request: pytest.FixtureRequest, tmp_path: Path) -> VectorTier:
    match request.param:
        case "folder":
            return ChromaFolder(tmp_path)
        case "server":
            return ChromaServer(request.getfixturevalue("chroma_server"), secrets.token_hex(6))
        case _:
            return Postgres(request.getfixturevalue("new_postgres_database")(), secrets.token_hex(6))


@pytest.fixture
def store(tier: VectorTier) -> Iterator[VectorStore]:
    with closing(tier.open("chroma")) as store:
        store.upsert([1, 2, 3], UNIT[:3], ABOUT)
        yield store


def test_the_nearest_comes_first_with_its_cosine(store: VectorStore) -> None:
    hits = store.search((UNIT[1] * 0.8 + UNIT[0] * 0.6).astype(np.float32), 2, Filters())
    assert [id_ for id_, _ in hits] == [2, 1]
    assert [similarity for _, similarity in hits] == pytest.approx([0.8, 0.6], abs=1e-5)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(sources=("X",)), [1, 3]),
        (Filters(since=20170317), [2]),
        (Filters(until=20170316), [1]),
        (Filters(sources=("X",), since=20170101, until=20171231), [1]),
        (Filters(sources=("Z",)), []),
    ],
)
def test_filters(store: VectorStore, filters: Filters, expected: list[int]) -> None:
    assert sorted(id_ for id_, _ in store.search(UNIT[0], 10, filters)) == expected


def test_only_some_are_searched_where_that_is_asked(store: VectorStore) -> None:
    assert [id_ for id_, _ in store.search(UNIT[0], 10, Filters(), only=[2, 3])] == [2, 3]


def test_upserting_again_replaces_and_deleting_forgets(store: VectorStore) -> None:
    store.upsert([1], UNIT[3:4], ABOUT[:1])
    store.delete([2, 99])
    assert (store.count(), store.ids()) == (2, [1, 3])
    assert store.search(UNIT[3], 1, Filters())[0][0] == 1
    (stored,) = store.stored([3, 1, 99])
    np.testing.assert_allclose(stored, UNIT[[3, 2]], atol=1e-6)


def test_the_search_tree_is_written_seldom_while_many_vectors_come_and_at_the_end(tmp_path: Path) -> None:
    def in_tree() -> int:
        return sum(file.stat().st_size // 4 for file in tmp_path.rglob("length.bin"))

    vectors = np.random.default_rng(0).standard_normal((600, 4), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    written = set()
    with closing(ChromaFolder(tmp_path, waiting=10, share=4).open("chroma")) as store:
        for start in range(0, 600, 10):
            store.upsert(range(start, start + 10), vectors[start : start + 10], [("a", "X", None)] * 10)
            written.add(in_tree())
        assert len(written) < 30
        assert in_tree() < 590
        store.settle()
        assert in_tree() >= 590
    with closing(ChromaFolder(tmp_path).open("chroma")) as store:
        assert [store.search(vectors[id_], 1, Filters())[0][0] for id_ in range(0, 600, 20)] == list(range(0, 600, 20))


def test_an_empty_store_finds_nothing(tier: VectorTier) -> None:
    with closing(tier.open("empty")) as store:
        assert store.search(UNIT[0], 5, Filters()) == []
        assert store.ids() == []


def test_what_is_there_is_counted_without_opening_it(tier: VectorTier, store: VectorStore) -> None:
    assert tier.look("chroma") == Look(3)
    assert tier.look("another") == Look(0)
    assert tier.try_out("chroma", True) is None


def test_all_but_one_are_forgotten(tier: VectorTier, store: VectorStore) -> None:
    with closing(tier.open("chroma-2")) as other:
        other.upsert([7], UNIT[3:], ABOUT[:1])
        store.close()
        tier.keep_only("chroma-2")
        assert [tier.look("chroma"), tier.look("chroma-2")] == [Look(0), Look(1)]
        store.reopen("chroma-2")
        assert store.ids() == [7]
    tier.set_aside("chroma-2")
    assert tier.look("chroma-2") == Look(0)


def test_what_another_process_wrote_is_seen_after_reopening(tmp_path: Path) -> None:
    store = ChromaFolder(tmp_path).open("chroma")
    store.upsert([1, 2, 3], UNIT[:3], ABOUT)
    code = (
        "import sys, numpy as np; from pathlib import Path; from index.chroma import ChromaFolder;"
        "store = ChromaFolder(Path(sys.argv[1])).open('chroma');"
        "store.upsert([7], np.eye(4, dtype=np.float32)[3:], [('d', 'X', None)]); store.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    store.reopen("chroma")
    assert store.search(UNIT[3], 1, Filters()) == [(7, pytest.approx(1.0))]
    store.close()


def test_two_indexes_on_a_server_do_not_meet(chroma_server: str) -> None:
    one, other = (ChromaServer(chroma_server, secrets.token_hex(6)) for _ in range(2))
    with closing(one.open("chroma")) as store:
        store.upsert([1], UNIT[:1], ABOUT[:1])
        other.set_aside("chroma")
        other.keep_only("chroma-2")
        assert (store.ids(), other.look("chroma")) == ([1], Look(0))


def test_a_collection_that_is_gone_is_told(chroma_server: str) -> None:
    tier = ChromaServer(chroma_server, secrets.token_hex(6))
    with closing(tier.open("chroma")) as store:
        tier.set_aside("chroma")
        with pytest.raises(SaidsoError, match="no longer there"):
            store.search(UNIT[0], 1, Filters())


def test_a_server_that_does_not_answer_is_told_without_its_password() -> None:
    tier = ChromaServer("http://me:secret@127.0.0.1:9", "0")
    for doing in (tier.open, tier.look, tier.set_aside):
        with pytest.raises(SaidsoError, match=r"http://127\.0\.0\.1:9 does not answer .* SAIDSO_VECTORS_URL") as told:
            doing("chroma")
        assert "secret" not in str(told.value)


def test_a_server_that_is_silent_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.chroma._PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tier = ChromaServer(f"http://127.0.0.1:{silent.getsockname()[1]}", "0")
        with pytest.raises(SaidsoError, match=r"does not answer \(timed out\)"):
            tier.open("chroma")


def test_a_database_that_does_not_answer_is_told_without_its_password() -> None:
    tier = Postgres("postgresql+psycopg://me:secret@127.0.0.1:9/news", "0")
    for doing in (tier.open, tier.look, tier.set_aside, tier.keep_only):
        with pytest.raises(SaidsoError, match=r"postgresql\+psycopg://127\.0\.0\.1:9/news does not answer") as told:
            doing("chroma")
        assert "secret" not in str(told.value)
    with pytest.raises(UnwritableError, match="has room and the extension"):
        PostgresVectors(tier, "chroma").upsert([1], UNIT[:1], ABOUT[:1])
