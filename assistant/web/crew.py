"""The threads that answer, and the line before them: short, so that a rush is sent away at once and drowns nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from index.errors import SaidsoError

_Result = TypeVar("_Result")
_AT_ONCE = 2
_WAITING = 64


class OverloadedError(SaidsoError):
    """As many questions wait as may."""


class Crew:
    """A few threads, and as many more pieces of work waiting for one as may. To be used from one event loop."""

    def __init__(self, at_once: int = _AT_ONCE, waiting: int = _WAITING) -> None:
        self._threads = ThreadPoolExecutor(at_once, "answering")
        self._most = at_once + waiting
        self._taken = 0

    def check(self) -> None:
        """Raise OverloadedError where one more piece of work would be too many."""
        if self._taken >= self._most:
            raise OverloadedError(f"{self._taken} questions are waiting already; ask again in a few seconds.")

    async def do(self, work: Callable[[], _Result]) -> _Result:
        """Do the work in a thread, in its turn; what is cancelled before that is never begun.

        Raises OverloadedError, at once, where too many wait already.
        """
        self.check()
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)
        finally:
            self._taken -= 1
