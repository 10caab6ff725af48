from __future__ import annotations

import ctypes
import gc
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.memory import give_back_freed, nothing_collected

_BLOCK, _COUNT = 64 << 10, 1500


def resident() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) << 10


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere than with glibc nothing is given back")
def test_what_was_freed_under_a_block_in_use_goes_back_to_the_system() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    blocks = [ctypes.c_void_p(libc.malloc(_BLOCK)) for _ in range(_COUNT)]
    for block in blocks:
        ctypes.memset(block, 1, _BLOCK)
    *freed, kept = blocks
    for block in freed:
        libc.free(block)
    before = resident()
    give_back_freed()
    assert before - resident() > _BLOCK * _COUNT * 0.8
    libc.free(kept)


class Ring:
    """An object that only a search can find to be unreachable."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def thawed() -> Iterator[None]:
    """What is spared is searched again afterwards."""
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("thawed")
def test_nothing_is_collected_while_much_is_loaded_and_what_was_is_spared() -> None:
    with nothing_collected():
        assert not gc.isenabled()
        during = weakref.ref(Ring())
    after = weakref.ref(Ring())
    gc.collect()
    assert during() is not None
    assert after() is None


@pytest.mark.usefixtures("thawed")
def test_garbage_is_collected_again_even_after_a_fault() -> None:
    with pytest.raises(ZeroDivisionError), nothing_collected(), nothing_collected():
        _ = 1 // 0
    assert gc.isenabled()
