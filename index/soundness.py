"""Whether Chroma's folder is sound: looked at without Chroma, which may crash on a broken one, or tried out apart."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import subprocess
import sys
from array import array
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from index.errors import SaidsoError

_DATABASE = "chroma.sqlite3"
_TREE = "index_metadata.pickle"  # the last file that Chroma writes when it puts its search tree on disk
_TREE_FILES = ("header.bin", "length.bin", "link_lists.bin", "data_level0.bin")
# hnswlib's; from 3 on: how many elements, bytes of one, and where in it its label and its vector begin
_TREE_HEADER = struct.Struct("<i6qiI3qdq")
_ELEMENTS = 32  # that are looked at
_PATIENCE = 30.0  # seconds, while Chroma itself writes
_OTHERWISE = "look at the disk and at the folder's permissions, then run the command again."

# What is stored, and what is still to be taken from Chroma's queue (operation 3 deletes).
_COUNT = """
WITH taken AS (
    SELECT coalesce(max(m.seq_id), 0) AS until FROM max_seq_id m JOIN segments s ON s.id = m.segment_id
    WHERE s.scope = 'METADATA'
), last AS (
    SELECT id, operation, max(seq_id), id IN (SELECT embedding_id FROM embeddings) AS known
    FROM embeddings_queue, taken WHERE seq_id > until GROUP BY id
)
SELECT (SELECT count(*) FROM embeddings) + (SELECT count(*) FROM last WHERE operation <> 3 AND NOT known)
     - (SELECT count(*) FROM last WHERE operation = 3 AND known)
"""
_TREES = "SELECT id FROM segments WHERE scope = 'VECTOR'"
_SOME_ONLY_IN_TREE = (
    "SELECT EXISTS (SELECT 1 FROM embeddings WHERE embedding_id NOT IN (SELECT id FROM embeddings_queue))"
)


@dataclass(frozen=True)
class Look:
    """How many entries an index holds, and what is wrong with its files, or None."""

    count: int
    fault: str | None = None


def look_at(folder: Path, thoroughly: bool = False) -> Look:
    """Look at Chroma's folder without Chroma, in milliseconds; `thoroughly` reads its whole database.

    To be called before Chroma opens the folder in this process: SQLite's locks are of a process, not of a connection.
    Raises SaidsoError when the folder cannot be read though nothing in it need be broken.
    """
    file = folder / _DATABASE
    if not file.exists():
        return Look(0, f"{_DATABASE} is missing" if folder.is_dir() and any(folder.iterdir()) else None)
    try:
        # Not read-only: what a killed process was writing must be rolled back.
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=_PATIENCE)) as database:
            if thoroughly and (checked := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                return Look(0, f"{_DATABASE}: {' '.join(checked.split())}")
            count = int(database.execute(_COUNT).fetchone()[0])
            needs_tree = bool(database.execute(_SOME_ONLY_IN_TREE).fetchone()[0])
            trees = [folder / id_ for (id_,) in database.execute(_TREES)]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            return Look(0, f"{_DATABASE}: {error}")
        raise SaidsoError(f"The vector store in {folder} cannot be read ({error}); {_OTHERWISE}") from error
    return Look(count, next((fault for tree in trees if (fault := _tree_fault(tree, needs_tree))), None))


def _tree_fault(tree: Path, is_needed: bool) -> str | None:
    """Return what is wrong with the files of a search tree. Until the first time Chroma writes it none is there."""
    last = tree / _TREE
    if not last.exists():
        return f"{_TREE} is missing" if is_needed else None
    try:
        kept = last.read_bytes()
        header = (tree / "header.bin").read_bytes()
        sizes = {name: (tree / name).stat().st_size for name in _TREE_FILES}
    except FileNotFoundError as error:
        return f"{Path(str(error.filename)).name} is missing"
    if not (kept.startswith(b"\x80") and kept.endswith(b".")):
        return f"{_TREE} is cut off"
    if len(header) != _TREE_HEADER.size:
        return "header.bin is cut off"
    count, size, label, vector = _TREE_HEADER.unpack(header)[3:7]
    if sizes["data_level0.bin"] < count * size:
        return "data_level0.bin is cut off"
    with (tree / "data_level0.bin").open("rb") as stream:
        for place in range(0, count, max(1, count // _ELEMENTS)):
            stream.seek(place * size)
            if not _is_unit(stream.read(size)[vector:label]):
                return "data_level0.bin is not as it was written"
    return None


def _is_unit(floats: bytes) -> bool:
    """Say whether these are the bytes of a vector of length 1, as all are that Chroma was given."""
    return len(floats) % 4 == 0 and abs(sum(value * value for value in array("f", floats)) - 1) < 0.01


def try_out(folder: Path, thoroughly: bool = False) -> str | None:
    """Open Chroma's folder in another process and read some of it, or all; return what went wrong, or None."""
    done = subprocess.run(
        [sys.executable, "-m", "index.chroma", str(folder.absolute()), *(["all"] if thoroughly else [])],
        cwd=Path(__file__).parents[1],  # where this package is found, installed or not
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode < 0:
        return f"Chroma crashed on it (signal {-done.returncode})"
    return (done.stderr.strip().splitlines() or ["Chroma could not read it"])[-1] if done.returncode else None


def set_aside(folder: Path) -> Path:
    """Move a broken folder out of the way, in place of the one that was moved so before; return where it lies now."""
    aside = folder.with_name(f"{folder.name}.broken")
    if aside.exists():
        shutil.rmtree(aside)
    return folder.rename(aside)
