"""Memory: what is said where it does not suffice, what is spared searching through, how freed memory goes back."""

from __future__ import annotations

import ctypes
import gc
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from index.errors import SaidsoError

# How the loader, torch and the system say it, where Python's own MemoryError is not raised.
_OUT_OF_MEMORY = ("failed to map segment", "annot allocate memory", "can't allocate memory", "can't start new thread")
_ROOM = 2 << 30  # bytes: what is mapped beside the interpreter for an article to be read in, most of it by torch
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8  # glibc, malloc.h


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


def probe_room() -> None:
    """Raise OSError where so much cannot be mapped: libraries in Rust fall over when they get no memory for a thread.

    What is mapped is only read, so that nothing but a limit on the process can refuse it.
    """
    if sys.platform.startswith("linux"):
        mmap.mmap(-1, _ROOM, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ).close()


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Hold back Python's search for unreachable objects while what stays is imported and loaded.

    All that is there afterwards is spared for good. Else such searches are a fifth of a start.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def keep_few_heaps() -> None:
    """Have all threads share two of glibc's heaps: with up to sixteen, what is freed in one is no use to the others."""
    _tell_malloc("mallopt", _M_ARENA_MAX, 2)


def give_back_freed() -> None:
    """Give the system what glibc keeps of freed memory: networks free some MB a batch, and new blocks fill few gaps."""
    _tell_malloc("malloc_trim", 0)


def keep_freed() -> None:
    """Have glibc keep what a network's layers free for the next ones: page faults are a tenth of an ingestion else.

    They are a third of a step of training. For programs that do one such thing and end.
    """
    _tell_malloc("mallopt", _M_MMAP_THRESHOLD, 2**31 - 1)
    _tell_malloc("mallopt", _M_TRIM_THRESHOLD, 2**31 - 1)
    _tell_malloc("mallopt", _M_TOP_PAD, 2**28)


def _tell_malloc(function: str, *values: int) -> None:
    if sys.platform.startswith("linux") and hasattr(libc := ctypes.CDLL(None), function):
        getattr(libc, function)(*values)
