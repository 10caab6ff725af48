"""The one error type that reaches a person: a plain sentence that names the input and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# How the loader, torch and the system say it, where Python's own MemoryError is not raised.
_OUT_OF_MEMORY = ("failed to map segment", "annot allocate memory", "can't allocate memory", "can't start new thread")


class SaidsoError(Exception):
    """Something a person can put right; `str(error)` is the sentence to show, never a traceback."""


class UnreadableError(SaidsoError):
    """A derived index does not open. It can be built again from the catalogue."""


class UnwritableError(SaidsoError):
    """A derived index cannot be written, or not now; what it lacks stays owed in the catalogue."""

    def __init__(self, folder: Path, error: Exception) -> None:
        super().__init__(
            f"The index in {folder} could not be written ({error}); no article is lost. Check the disk's free space "
            "and the folder's permissions, then run the command again."
        )


@contextmanager
def memory_watched() -> Iterator[None]:
    """Raise SaidsoError in place of whatever is raised for want of memory."""
    try:
        yield
    except (MemoryError, ImportError, OSError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(sign in str(error) for sign in _OUT_OF_MEMORY):
            raise
        raise SaidsoError(
            "There is not enough memory (Saidso takes about 1 GB); end other programs or allow this one more, then run "
            "the command again. What was stored stays."
        ) from error
