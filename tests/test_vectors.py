from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index.filters import Filters
from index.vectors import VectorStore

UNIT = np.eye(4, dtype=np.float32)
ABOUT = [("a", "X", 20170316), ("b", "Y", 20170317), ("c", "X", None)]


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    store = VectorStore.open(tmp_path / "chroma")
    store.upsert([1, 2, 3], UNIT[:3], ABOUT)
    return store


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


def test_upserting_again_replaces_and_deleting_forgets(store: VectorStore) -> None:
    store.upsert([1], UNIT[3:4], ABOUT[:1])
    store.delete([2, 99])
    assert store.count() == 2
    assert store.search(UNIT[3], 1, Filters())[0][0] == 1


def test_an_empty_store_finds_nothing(tmp_path: Path) -> None:
    assert VectorStore.open(tmp_path / "empty").search(UNIT[0], 5, Filters()) == []


def test_what_another_process_wrote_is_seen_after_reopening(store: VectorStore, tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path; from index.vectors import VectorStore;"
        "store = VectorStore.open(Path(sys.argv[1]));"
        "store.upsert([7], np.eye(4, dtype=np.float32)[3:], [('d', 'X', None)]); store.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "chroma")], check=True)
    store.reopen(tmp_path / "chroma")
    assert store.search(UNIT[3], 1, Filters()) == [(7, pytest.approx(1.0))]
