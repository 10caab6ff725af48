"""The one error type that reaches a person: a plain sentence that names the input and the remedy."""

from __future__ import annotations

from pathlib import Path


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
