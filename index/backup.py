"""A copy of a data folder in one file, made while others read and write; and a data folder made of it again.

What is in it is the catalogue, with all that is kept beside the articles in its database, and the evaluations; the
derived indexes are built again from the catalogue.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path

from index.catalogue import Catalogue
from index.embedder import Embedder
from index.errors import SaidsoError
from index.store import Step, Store, before_restore, check_model, locked, vector_tier

_CATALOGUE = "catalogue.sqlite"
_EVALUATIONS = "evaluations"


def back_up(folder: Path, file: Path) -> None:
    """Write the data folder into a new file that only its owner can read.

    Raises SaidsoError when there is no index in `folder`, or `file` is there already or cannot be written.
    """
    if not (folder / _CATALOGUE).exists():
        raise SaidsoError(f"There is no index in {folder}; give another folder with --data-dir.")
    if file.exists():
        raise SaidsoError(f"{file} is there already; remove it, or give another name.")
    try:
        with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=f".{file.name}-") as passing:
            packed = Path(passing) / "packed"
            _copy_database(folder / _CATALOGUE, Path(passing) / _CATALOGUE)
            _pack(Path(passing) / _CATALOGUE, folder / _EVALUATIONS, packed)
            packed.rename(file)
    except (OSError, sqlite3.OperationalError) as error:
        raise SaidsoError(f"The backup {file} could not be written ({error}); give another place.") from error


def _copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database as it is at one moment, while others write to it."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def _pack(catalogue: Path, evaluations: Path, file: Path) -> None:
    with open(file, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
        with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=3) as packed:
            packed.add(catalogue, _CATALOGUE)
            if evaluations.exists():
                packed.add(evaluations, _EVALUATIONS, filter=lambda item: None if item.name.endswith(".lock") else item)
        stream.flush()
        os.fsync(stream.fileno())


def restore(
    file: Path,
    folder: Path,
    embedder: Embedder,
    replace: bool = False,
    on_step: Callable[[Step], None] = lambda _: None,
) -> int:
    """Make a data folder of a backup and return how many articles it holds.

    All is built beside `folder` and put in its place at the end; what was there is kept until then. Raises SaidsoError
    when `folder` is not empty and `replace` is not set, when `file` is no backup, and when it is of another embedding
    model; BusyError while another process writes to `folder`.
    """
    before, building = before_restore(folder), folder.with_name(f"{folder.name}.restoring")
    if before.exists():
        raise SaidsoError(
            f"A restore was interrupted: {before} holds what was in {folder} before. Move it back there, or remove it "
            "if the restored articles are in place."
        )
    if folder.exists() and any(folder.iterdir()) and not replace:
        raise SaidsoError(f"{folder} is not empty; give --replace to put the backup in the place of what is there.")
    try:
        with locked(folder) if folder.exists() else nullcontext():
            articles = _build(file, building, embedder, on_step)
            if folder.exists():
                folder.rename(before)
            building.rename(folder)
        if before.exists():
            shutil.rmtree(before)
    except OSError as error:
        raise SaidsoError(f"{file} could not be restored to {folder} ({error}); nothing there was lost.") from error
    return articles


def _build(file: Path, building: Path, embedder: Embedder, on_step: Callable[[Step], None]) -> int:
    if building.exists():
        shutil.rmtree(building)
    building.mkdir(parents=True)
    _unpack(file, building)
    catalogue = Catalogue.open(f"sqlite:///{building / _CATALOGUE}")
    check_model(catalogue, embedder, building)
    catalogue.forget_derived()
    with closing(Store.assemble(building, catalogue, embedder, vector_tier(building, catalogue, None))) as store:
        store.catch_up(on_step)
        return catalogue.holdings().articles


def _unpack(file: Path, folder: Path) -> None:
    try:
        with tarfile.open(file, "r:gz") as packed:
            names = [name for name in packed.getnames() if name.split("/")[0] not in (_CATALOGUE, _EVALUATIONS)]
            if names or _CATALOGUE not in packed.getnames():
                raise SaidsoError(f"{file} is no backup of Saidso's; `saidso backup FILE` makes one.")
            packed.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise SaidsoError(f"{file} is no backup of Saidso's, or is damaged ({error}); give another one.") from error
