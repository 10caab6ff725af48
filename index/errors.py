"""The one error type that reaches a person: a plain sentence that names the input and the remedy."""

from __future__ import annotations

from pathlib import Path


class SaidsoError(Exception):
    """Something a person can put right; `str(error)` is the sentence to show, never a traceback."""


class UnreadableError(SaidsoError):
    """A derived index does not open. It can be built again from the catalogue."""


class UnwritableError(SaidsoError):
    """A derived index cannot be written, or not now; what it lacks stays owed in the catalogue."""

    def __init__(
        self, place: Path | str, error: Exception, check: str = "the disk's free space and the folder's permissions"
    ) -> None:
        super().__init__(
            f"The index in {place} could not be written ({error}); no article is lost. Check {check}, then run the "
            "command again."
        )
