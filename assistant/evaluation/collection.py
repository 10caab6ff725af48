"""An index for one question set, gone when it has been scored; after an interruption it can be kept to go on with."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from assistant.assistant import Assistant
from assistant.evaluation.gold import QuestionSet
from assistant.settings import Settings
from index.articles import Rejected, find_files
from index.errors import SaidsoError
from index.ingest import OVERLAP_SENTENCES, PASSAGE_TOKENS, Progress

_PREFIX = "saidso-eval-"
_LOCK, _KEY = "lock", "key"
_DATA = ".data"  # hidden, so that it is no article of the folder that `out` may lie in


@dataclass(frozen=True)
class Collection:
    """An assistant over articles that were read in for the occasion, and the inputs that could not be read."""

    assistant: Assistant
    rejected: tuple[Rejected, ...]


@contextmanager
def temporary_collection(
    settings: Settings,
    paths: Sequence[Path],
    asked: QuestionSet,
    out: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Iterator[Collection]:
    """Read the articles at `paths` and those that `asked` brings along into an index that is removed afterwards.

    Articles that `asked` leaves out are not read in. Without `out` the index is gone when the block ends, however it
    does; with it, it lies beside `out` and stays when the block is interrupted: the same call then finds what was read
    in. Nothing else of `settings` changes; in particular nothing is written to the user's own catalogue. Raises
    SaidsoError when no article could be read.
    """
    key = _key(settings, paths, asked)
    with _kept(out.with_name(f"{out.name}.index"), key) if out else _passing() as folder:
        data = folder / _DATA
        data.mkdir(exist_ok=True)
        own = data / "articles.jsonl"
        if asked.articles:
            own.write_text("".join(json.dumps(article) + "\n" for article in asked.articles), encoding="utf-8")
        with closing(
            Assistant.open(replace(settings, data_dir=data, catalogue_url=None, vectors_url=None))
        ) as assistant:
            report = assistant.ingest([*paths, *([own] if asked.articles else [])], on_progress, asked.left_out)
            if assistant.holdings().articles:
                yield Collection(assistant, tuple(report.rejected))
                return
        shutil.rmtree(data, ignore_errors=True)  # an index of nothing is not worth keeping
        why = report.rejected[0].reason if report.rejected else "there is none in them."
        raise SaidsoError(f"No article could be read in: {why}")


def _key(settings: Settings, paths: Sequence[Path], asked: QuestionSet) -> str:
    """Return what tells apart indexes that differ: what is read in, and how."""
    files = [str(found) for found in find_files(paths)]
    seen = [(file, *_stamp(Path(file))) for file in files]
    how = (settings.embedding_model, PASSAGE_TOKENS, OVERLAP_SENTENCES)
    about = [how, seen, [dict(article) for article in asked.articles], sorted(asked.left_out)]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0)  # reading it will say so
    return (found.st_size, found.st_mtime_ns)


@contextmanager
def _passing() -> Iterator[Path]:
    """Yield a temporary folder that is this process's while the block lasts, after those of killed ones are removed."""
    _sweep()
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with FileLock(folder / _LOCK):  # before there is an index in it: see `_sweep`
            yield folder


def _sweep() -> None:
    """Remove the temporary indexes of processes that were killed; a living one holds the lock of its own."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if folder.is_symlink() or not ((folder / _LOCK).is_file() and (folder / _DATA).is_dir()):
            continue
        try:
            with FileLock(folder / _LOCK, timeout=0):
                pass
        except (Timeout, OSError):
            continue  # in use, or another user's
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _kept(folder: Path, key: str) -> Iterator[Path]:
    """Yield a folder that stays if the block is interrupted, empty unless it holds what `key` stands for."""
    try:
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / _LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise SaidsoError(f"Another process is scoring with {folder}; wait for it, or choose another --out.") from None
    except OSError as error:
        raise SaidsoError(f"{folder} cannot be written ({error.strerror}); choose another --out.") from error
    is_done = False
    try:
        _made_for(key, folder)
        yield folder
        is_done = True
    finally:
        lock.release()
        if is_done or not (folder / _DATA).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _made_for(key: str, folder: Path) -> None:
    """Empty a folder that was made for something else."""
    mark = folder / _KEY
    if not mark.exists() or mark.read_text(encoding="utf-8") != key:
        shutil.rmtree(folder / _DATA, ignore_errors=True)
        mark.write_text(key, encoding="utf-8")
