"""Values cut into runs; batches of a network's input read side by side, each by one thread on one core.

Threads that share one matrix product wait for each other at every one of them, which on a busy machine costs more than
half of the speed; threads with a batch each never wait.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

_Batch = TypeVar("_Batch")
_Result = TypeVar("_Result")
_Value = TypeVar("_Value")
_share: int | None = None  # cores that this process was given of those there are


def parts(values: Sequence[_Value], size: int) -> Iterator[Sequence[_Value]]:
    """Cut values into runs of at most `size`, in their order."""
    return (values[start : start + size] for start in range(0, len(values), size))


def cores() -> int:
    """Return how many processor cores this process may use."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(there, _share or there)


def keep_to(count: int) -> None:
    """Have this process use `count` cores at most; to be called before anything is read."""
    global _share
    _share = count


def side_by_side(read: Callable[[_Batch], _Result], batches: Sequence[_Batch]) -> list[_Result]:
    """Return what `read` makes of each batch, in their order; torch uses one thread for each of them."""
    return list(_threads().map(read, batches))


def on_one_core(work: Callable[[], _Result]) -> _Result:
    """Return what `work` returns, done on one of these threads: reading weights is no work to share either."""
    return _threads().submit(work).result()


@cache
def _threads() -> ThreadPoolExecutor:
    import torch

    return ThreadPoolExecutor(cores(), "network", initializer=lambda: torch.set_num_threads(1))
