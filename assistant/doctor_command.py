"""`saidso doctor`, `reindex`, `backup` and `restore`: keeping a data folder whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assistant.options import DataDir, Json, print_json
from assistant.settings import Settings
from assistant.terminal import Terminal
from index.backup import back_up, restore
from index.doctor import examine
from index.embedder import Embedder
from index.errors import SaidsoError
from index.memory import keep_freed
from index.reindex import reindex
from index.workers import workers_at

_INTERRUPTED = 130

BackupFile = Annotated[Path, typer.Argument(help="The file of the backup, such as saidso.tar.gz.")]


def doctor_command(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what is found.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Look for damage in the data folder, a line a check; nothing is changed without --repair."""
    settings, terminal = Settings.from_environment(data_dir), Terminal()
    embedder, unmended = Embedder(settings.embedding_model), 0
    with terminal.steps() as show:
        for finding in examine(settings.data_dir, embedder, settings.catalogue_url, settings.vectors_url, repair, show):
            unmended += finding.state == "found"
            print_json(finding.as_json()) if as_json else terminal.examined(finding)
    if unmended and not repair:
        terminal.note("`saidso doctor --repair` mends it.")
    raise typer.Exit(1 if unmended else 0)


def reindex_command(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Compute all vectors anew after a change of SAIDSO_EMBEDDING_MODEL; the old ones serve until it is done."""
    settings, terminal = Settings.from_environment(data_dir), Terminal()
    embedder = Embedder(settings.embedding_model)
    keep_freed()
    try:
        with terminal.steps() as show, workers_at(settings.ray_address, settings.embedding_model) as workers:
            passages = reindex(settings.data_dir, embedder, settings.catalogue_url, settings.vectors_url, show, workers)
    except KeyboardInterrupt:
        terminal.error("Interrupted. The index is as it was; run the same command again to go on.")
        raise typer.Exit(_INTERRUPTED) from None
    told = f"{passages:,} passages are indexed with {embedder.name}."
    print_json({"passages": passages, "embedding_model": embedder.name}) if as_json else terminal.say(told)


def backup_command(file: BackupFile, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Write everything into one file, while Saidso serves and ingests if need be."""
    back_up(_own_catalogue(data_dir).data_dir, file)
    size = file.stat().st_size
    told = f"{file}: {size / 1e6:,.1f} MB. Bring it back with: saidso restore {file}"
    print_json({"file": str(file), "bytes": size}) if as_json else Terminal().say(told)


def restore_command(
    file: BackupFile,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of what is in the folder.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make the data folder of a backup; what was there is kept beside it until that is done."""
    settings, terminal = _own_catalogue(data_dir), Terminal()
    try:
        with terminal.steps() as show:
            count = restore(file, settings.data_dir, Embedder(settings.embedding_model), replace, show)
    except KeyboardInterrupt:
        terminal.error("Interrupted. The data folder is as it was; run the same command again.")
        raise typer.Exit(_INTERRUPTED) from None
    told = f"{settings.data_dir}: {count:,} articles. Start a server that was serving from it again."
    print_json({"articles": count, "data_dir": str(settings.data_dir)}) if as_json else terminal.say(told)


def _own_catalogue(data_dir: Path | None) -> Settings:
    """Return the settings. Raises SaidsoError where the catalogue does not lie in the data folder."""
    settings = Settings.from_environment(data_dir)
    if settings.catalogue_url:
        raise SaidsoError(
            "SAIDSO_CATALOGUE_URL puts the catalogue into a database of its own; back that up and restore it with the "
            "database's own tools, then run `saidso doctor --repair`."
        )
    return settings
