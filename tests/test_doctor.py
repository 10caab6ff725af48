from __future__ import annotations

import json
import shutil
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from assistant.assistant import Assistant
from assistant.cli import app
from assistant.settings import Settings, sample_articles
from index.articles import Article
from index.chroma import ChromaFolder
from index.doctor import Finding, examine
from index.embedder import Embedder
from index.errors import SaidsoError
from index.keywords import FORMAT
from index.passages import Span
from index.search import search
from index.store import BusyError, Store
from tests.benchmarks.kills import Kills

QUESTIONS = ("What did the Pentagon claim was hit?", "How many people were killed?", "Who called for a probe?")


def asked(folder: Path, embedder: Embedder) -> list[list[int]]:
    with closing(Store.open(folder, embedder)) as store:
        return [[hit.passage.id for hit in search(store, question, 5)] for question in QUESTIONS]


def unsound(folder: Path, embedder: Embedder, repair: bool = False) -> dict[str, Finding]:
    return {one.check: one for one in examine(folder, embedder, repair=repair) if one.state != "fine"}


def in_catalogue(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "catalogue.sqlite")) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def in_store(folder: Path, change: Callable[[Store], object]) -> None:
    with closing(Store.open(folder, Embedder())) as store:
        change(store)


def missing_vectors(folder: Path) -> None:
    in_store(folder, lambda store: store.vectors.delete([1, 2, 3]))


def missing_words(folder: Path) -> None:
    in_store(folder, lambda store: store.words.passages.update([], ["1", "2"]))


def vectors_of_another_model(folder: Path) -> None:
    def turn(store: Store) -> None:
        ids = store.vectors.ids()
        turned = np.concatenate([np.roll(part, 7, axis=1) for part in store.vectors.stored(ids)])
        store.vectors.upsert(ids, turned, [("a", "X", None)] * len(ids))

    in_store(folder, turn)


def vectors_of_another_dimension(folder: Path) -> None:
    count = 0

    def number(store: Store) -> None:
        nonlocal count
        count = len(store.vectors.ids())

    in_store(folder, number)
    shutil.rmtree(folder / "chroma")
    with closing(ChromaFolder(folder).open("chroma")) as store:
        store.upsert(range(1, count + 1), np.eye(count, 128, dtype=np.float32), [("a", "X", None)] * count)


def garbage_for_chroma(folder: Path) -> None:
    (folder / "chroma" / "chroma.sqlite3").write_bytes(b"no database at all" * 1000)


def emptied_chroma(folder: Path) -> None:
    (folder / "chroma" / "chroma.sqlite3").write_bytes(b"")


def no_chroma(folder: Path) -> None:
    shutil.rmtree(folder / "chroma")


def segment(folder: Path) -> Path:
    return next((folder / "keywords" / FORMAT / "passages").glob("*.idx"))


def truncated_words(folder: Path) -> None:
    segment(folder).write_bytes(segment(folder).read_bytes()[:-100])


def words_with_a_flipped_bit(folder: Path) -> None:
    held = bytearray(segment(folder).read_bytes())
    held[len(held) // 3] ^= 1
    segment(folder).write_bytes(held)


def no_words(folder: Path) -> None:
    shutil.rmtree(folder / "keywords")


def orphan_rows(folder: Path) -> None:
    in_catalogue(
        folder,
        "INSERT INTO claims (id, article_id, stance, cue_words) VALUES (9001, 'gone', 'says', 'said')",
        "INSERT INTO claim_pieces VALUES (9001, 0, 'cue', 0, 4)",
        "INSERT INTO claims_found VALUES ('gone', 'a network', NULL)",
        "INSERT INTO speaker_words VALUES ('nobody', 'Nobody')",
    )


def another_model(folder: Path) -> None:
    in_catalogue(folder, "UPDATE facts SET value = 'another-model' WHERE key = 'embedding_model'")


def contents(folder: Path) -> None:
    """Vectors too few, and two too many; work left to do."""

    def change(store: Store) -> None:
        store.vectors.delete([1, 2, 3])
        store.vectors.upsert([8001, 8002], np.eye(2, 384, dtype=np.float32), [("gone", "X", None)] * 2)

    in_store(folder, change)
    in_catalogue(folder, "INSERT INTO outbox SELECT id, article_id, 0 FROM passages WHERE id = 4")


def contents_and_rows(folder: Path) -> None:
    contents(folder)
    orphan_rows(folder)


NOTICED_AT_THE_START = {
    contents: {"vectors", "owed work"},
    missing_words: {"passage words"},
    garbage_for_chroma: {"files of vectors"},
    emptied_chroma: {"files of vectors"},
    no_chroma: {"vectors"},
    truncated_words: {"files of passage words"},
    no_words: {"passage words", "article words"},
}
DAMAGE = {
    **{damage: checks for damage, checks in NOTICED_AT_THE_START.items() if damage is not contents},
    contents_and_rows: {"catalogue rows", "vectors", "owed work"},
    vectors_of_another_model: {"vectors of the model"},
    vectors_of_another_dimension: {"vectors of the model"},
    words_with_a_flipped_bit: {"files of passage words"},
    another_model: {"embedding model"},
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of a few articles."""
    folder = tmp_path_factory.mktemp("sound") / "data"
    with closing(Assistant.open(Settings(folder))) as assistant:
        assistant.ingest(sorted(sample_articles().glob("2017-03-1*.md"))[:5])
    return folder


@pytest.fixture(scope="module")
def before(sound: Path, embedder: Embedder) -> list[list[int]]:
    """What is found while nothing is damaged."""
    return asked(sound, embedder)


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(sound, tmp_path / "copy"))


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damage_is_found_and_mended(
    damage: Callable[[Path], None], folder: Path, embedder: Embedder, before: list[list[int]]
) -> None:
    damage(folder)
    mended = unsound(folder, embedder, repair=True)
    assert mended.keys() >= DAMAGE[damage]
    if damage is contents_and_rows:
        assert mended["vectors"].found == "3 missing, 2 of nothing"
    assert {finding.state for finding in mended.values()} == {"mended"}
    assert unsound(folder, embedder) == {}
    assert asked(folder, embedder) == before


@pytest.mark.parametrize("damage", NOTICED_AT_THE_START, ids=lambda damage: damage.__name__)
def test_the_next_start_notices_and_mends(
    damage: Callable[[Path], None], folder: Path, embedder: Embedder, before: list[list[int]]
) -> None:
    damage(folder)
    assert asked(folder, embedder) == before
    assert unsound(folder, embedder) == {}


def test_what_is_broken_is_moved_aside_and_not_deleted(folder: Path, embedder: Embedder) -> None:
    garbage_for_chroma(folder)
    Store.open(folder, embedder).close()
    assert (folder / "chroma.broken" / "chroma.sqlite3").read_bytes().startswith(b"no database")


def test_a_broken_search_tree_is_noticed_at_the_start_or_tried_out_elsewhere(
    tmp_path: Path, embedder: Embedder
) -> None:
    """Chroma writes its tree at a thousand vectors. Garbage in them shows; in their links it ends the process."""
    text = " ".join(f"Loaf {n:04} is dear." for n in range(1100))
    with closing(Store.open(tmp_path, embedder)) as store, store.writing():
        store.catalogue.store([(Article("a", text), [Span(19 * n, 19 * n + 18) for n in range(1100)])])
        store.settle()
    (tree,) = (tmp_path / "chroma").glob("*/data_level0.bin")
    held = tree.read_bytes()
    tree.write_bytes(np.random.default_rng(0).bytes(len(held)))
    assert ChromaFolder(tmp_path).look("chroma").fault == "data_level0.bin is not as it was written"
    count, size, _, vector = struct.unpack("<4q", (tree.parent / "header.bin").read_bytes()[20:52])
    elements = np.frombuffer(held, dtype=np.uint8)[: count * size].reshape(count, size).copy()
    elements[:, 4:vector] = 255
    tree.write_bytes(elements.tobytes() + held[count * size :])
    assert ChromaFolder(tmp_path).look("chroma").fault is None
    assert "crashed" in str(unsound(tmp_path, embedder)["files of vectors"].found)
    assert unsound(tmp_path, embedder, repair=True)["files of vectors"].mended
    assert unsound(tmp_path, embedder) == {}


def test_a_living_writer_is_left_alone(folder: Path, embedder: Embedder) -> None:
    with (
        closing(Store.open(folder, embedder)) as store,
        store.writing(),
        pytest.raises(BusyError, match="Another Saidso process"),
    ):
        unsound(folder, embedder)


def test_a_catalogue_that_is_broken_is_named_with_the_remedy(folder: Path, embedder: Embedder) -> None:
    file = folder / "catalogue.sqlite"
    held = file.read_bytes()
    file.write_bytes(held[:40960] + b"\xff" * (len(held) - 40960))
    found = unsound(folder, embedder, repair=True)
    assert "saidso restore" in str(found["catalogue"].found) and found["catalogue"].state == "found"


def test_the_command_prints_a_line_a_check(folder: Path) -> None:
    missing_vectors(folder)

    def doctor(*options: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["doctor", "--data-dir", str(folder), *options])
        return done.exit_code, done.stdout

    code, out = doctor("--json")
    states = {line["check"]: line["state"] for line in map(json.loads, out.splitlines())}
    assert code == 1 and len(states) == 11
    assert [check for check, state in states.items() if state != "fine"] == ["vectors"]
    code, out = doctor()
    assert code == 1 and "✗ vectors: 3 missing, 0 of nothing\n" in out
    code, out = doctor("--repair")
    assert code == 0 and "✓ vectors: 3 missing, 0 of nothing, mended" in out
    code, out = doctor()
    assert code == 0 and out.count(": fine") == 11


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, embedder: Embedder) -> None:
    with pytest.raises(SaidsoError, match=r"no index in .*nowhere; .*--data-dir"):
        unsound(tmp_path / "nowhere", embedder)


def test_killed_at_random_moments_nothing_is_lost(tmp_path: Path) -> None:
    kills = Kills(tmp_path / "data", seed=9)
    kills.one()
    kills.one()
    assert kills.faults == []
    assistant = Assistant.open(Settings(tmp_path / "data"))
    assert assistant.holdings().articles > 0
    assistant.close()
