"""What computes vectors and claims, nearly all the work of reading articles in: this process, or a Ray cluster.

The process that ingests stays the one writer. It alone reads files, holds the catalogue and stores what was computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import tee
from typing import Protocol, TypeVar

import numpy as np

from index.claims import Claim, Stretch, claims_in
from index.embedder import Embedder, Vectors
from index.errors import SaidsoError

_Batch = TypeVar("_Batch")
_Result = TypeVar("_Result")


class Workers(Protocol):
    """Computes for the one writer; results come in the order of the batches, which are taken as they are wanted.

    Raises SaidsoError where a worker cannot do it. What came before is right and can be stored.
    """

    @property
    def at_once(self) -> int:
        """How many batches there should be at a time, so that every worker has something to do."""

    def embed(self, batches: Iterable[Sequence[str]]) -> Iterator[Vectors]:
        """Yield the vectors of each batch of texts, (texts, dimension)."""

    def claims(self, batches: Iterable[Sequence[Stretch]]) -> Iterator[list[list[Claim]]]:
        """Yield the claims of each batch, a list a stretch."""


@dataclass(frozen=True)
class ThisProcess:
    """Computes here, one batch after the other, each when its result is asked for."""

    embedder: Embedder
    at_once: int = 1

    def embed(self, batches: Iterable[Sequence[str]]) -> Iterator[Vectors]:
        """See `Workers`. Where there are no texts the model is not loaded."""
        for texts in batches:
            yield self.embedder.embed(texts) if texts else np.empty((0, 0), dtype=np.float32)

    def claims(self, batches: Iterable[Sequence[Stretch]]) -> Iterator[list[list[Claim]]]:
        """See `Workers`."""
        for stretches in batches:
            yield list(claims_in(stretches))


def alongside(
    batches: Iterable[_Batch], compute: Callable[[Iterable[_Batch]], Iterator[_Result]]
) -> Iterator[tuple[_Batch, _Result]]:
    """Yield each batch with what `compute` makes of it, which may take the next ones before."""
    beside, ahead = tee(batches)
    return zip(beside, compute(ahead), strict=True)


@contextmanager
def workers_at(address: str | None, model: str | None) -> Iterator[Workers | None]:
    """Reach the Ray cluster at an address, to compute with this embedding model; None stands for this process.

    Raises SaidsoError where that cannot be reached, or ray is not installed.
    """
    if address is None:
        yield None
        return
    try:
        from index.cluster import cluster_at
    except ModuleNotFoundError as error:
        raise SaidsoError(
            f"SAIDSO_RAY_ADDRESS={address!r} wants {error.name}; `pip install 'saidso[ray]'` installs it."
        ) from error
    with cluster_at(address, model) as cluster:
        yield cluster
