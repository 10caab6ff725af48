"""Whether questions are answered and articles could be stored, told as it is; and a warning before the disk is full."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from fastapi.concurrency import run_in_threadpool

from assistant.web.startup import Startup
from index.errors import SaidsoError

_EVERY = 60.0  # seconds between looks at the disk
_FULL = 0.1  # of what is warned of: so little is as good as nothing
_GB = 1_000_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """How things are: `status` is ready, starting, failed, unsearchable, unwritable or full.

    `details` are for who may ask.
    """

    status: str
    details: dict[str, object] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        """Whether questions are answered and articles could be stored."""
        return self.status == "ready"


class Readiness:
    """Looks at the assistant and at the disk of its data folder."""

    def __init__(self, startup: Startup, folder: Path, reserve: float) -> None:
        """Warn when less than `reserve` GB are free where `folder` is."""
        self._startup = startup
        self._folder = folder
        self._reserve = reserve
        self._warned: str | None = None

    def look(self) -> Standing:
        """Return how things are now."""
        try:
            assistant = self._startup.assistant
            holdings = assistant.holdings()
        except SaidsoError as error:
            return Standing("failed" if self._startup.failure else "starting", {"reason": str(error)})
        if reason := assistant.unsearchable():
            return Standing("unsearchable", {"reason": reason})
        if self.free() < _FULL * self._reserve * _GB:
            return Standing("full", {"reason": self.warning()})
        if reason := self._refusal():
            return Standing("unwritable", {"reason": reason})
        held: dict[str, object] = {"articles": holdings.articles, "passages": holdings.passages}
        return Standing("ready", {**held, **({"warning": warning} if (warning := self.warning()) else {})})

    def free(self) -> int:
        """Return how many bytes are free where the data folder is, or is going to be."""
        there = next(folder for folder in (self._folder, *self._folder.parents) if folder.exists())
        return shutil.disk_usage(there).free

    def warning(self) -> str | None:
        """Say that the disk is nearly full, where it is."""
        free = self.free() / _GB
        if free >= self._reserve:
            return None
        return f"The disk is nearly full: {free:.1f} GB are free; make room before articles can no longer be added."

    async def watch(self) -> None:
        """Look at the disk for ever, and warn in the log each time it becomes nearly full."""
        while True:
            await run_in_threadpool(self.note)
            await asyncio.sleep(_EVERY)

    def note(self) -> None:
        """Warn in the log where the disk has become nearly full since the last look."""
        warning = self.warning()
        if warning and not self._warned:
            _log.warning("%s (%s)", warning, self._folder)
        self._warned = warning

    def _refusal(self) -> str | None:
        """Say why nothing can be written into the data folder, where that is so."""
        try:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                file.write(b"1")
        except OSError as error:
            return f"The data folder {self._folder} cannot be written ({error.strerror}); mend that, or choose another."
        return None
