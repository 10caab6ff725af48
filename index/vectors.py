"""What holds the passages' vectors, whichever it is: embedded Chroma, a Chroma server or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.filters import Filters
from index.soundness import Look

About = tuple[str, str, int | None]  # a passage's article id, outlet, and day as yyyymmdd


class VectorStore(Protocol):
    """One collection of unit vectors by passage id. Derived from the catalogue; may be deleted and rebuilt.

    All raise SaidsoError where a server does not answer.
    """

    def upsert(self, ids: Sequence[int], vectors: NDArray[np.float32], about: Sequence[About]) -> None:
        """Store one vector a passage. Raises UnwritableError where that cannot be done, as `delete` does."""

    def delete(self, ids: Sequence[int]) -> None:
        """Forget these passages; ids that are not there are passed over."""

    def settle(self) -> None:
        """Have on disk what opening it needs; to be called when a run of changes, be it a long one, is over."""

    @property
    def widest(self) -> int:
        """How many of the nearest may be asked for at once to see which the filters leave, as it is slow to apply them.

        0 where it applies them as fast.
        """

    def search(
        self, vector: NDArray[np.float32], k: int, filters: Filters, only: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """Return up to `k` (passage id, cosine similarity), best first; equal similarities by id.

        Of the filters, those by outlet and date are looked at; `only` are the passages that the others leave.
        """

    def count(self) -> int:
        """Return the number of vectors stored."""

    def ids(self) -> list[int]:
        """Return the passage ids that have a vector."""

    def stored(self, ids: Sequence[int]) -> Iterator[NDArray[np.float32]]:
        """Yield the vectors of these passages, some thousands at a time, in the order of their ids."""

    def reopen(self, name: str) -> None:
        """See what another process has written, into the collection of this name."""

    def close(self) -> None:
        """Let go of files and connections."""


class VectorTier(Protocol):
    """A place for collections, each under a name."""

    @property
    def address(self) -> str:
        """Where it is, without passwords; "" for the data folder."""

    def open(self, name: str) -> VectorStore:
        """Open a collection, creating it if there is none. Raises UnreadableError when it cannot be read."""

    def look(self, name: str, thoroughly: bool = False, /) -> Look:
        """Count what a collection holds, in milliseconds, without opening it; none holds 0.

        Raises SaidsoError where that cannot be told though nothing need be broken.
        """

    def try_out(self, name: str, thoroughly: bool = False, /) -> str | None:
        """Read some of a collection, or all, where nothing can be hurt; return what went wrong, or None."""

    def set_aside(self, name: str) -> None:
        """Move what is there out of the way, so that `open` begins anew; a server only forgets it."""

    def keep_only(self, name: str) -> None:
        """Forget the collections of this index but this one."""

    def close(self) -> None:
        """Let go of connections of its own."""
