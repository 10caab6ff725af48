from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

from index.memory import give_back_freed

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
