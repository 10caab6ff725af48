"""Opening the assistant in the background, so that the page is there before the models are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from assistant.assistant import Assistant
from assistant.web.metrics import Metrics
from index.errors import SaidsoError
from index.memory import memory_watched, nothing_collected


class NotReadyError(SaidsoError):
    """The assistant is not there yet, or will not come."""


class Startup:
    """An assistant on its way: what it is doing, whether it is ready, and why it failed if it did."""

    def __init__(self, open_assistant: Callable[[], Assistant], samples: Path | None = None) -> None:
        self._open = open_assistant
        self._samples = samples
        self._over = threading.Event()  # the attempt, however it ended
        self._thread: threading.Thread | None = None
        self._assistant: Assistant | None = None
        self._refusal: str | None = None
        self.stage = "Opening the collection"
        self.metrics = Metrics()  # of what is asked of the assistant and read in, and of all requests

    @property
    def ready(self) -> bool:
        """Whether questions are answered now."""
        return self._assistant is not None

    @property
    def under_way(self) -> bool:
        """Whether the assistant may still come."""
        return not self.ready and self.failure is None

    @property
    def failure(self) -> str | None:
        """Why there will be no assistant, or None while one is there or may come."""
        if self.ready or not self._over.is_set():
            return None
        return self._refusal or "Saidso could not start; the terminal it runs in says why."

    @property
    def assistant(self) -> Assistant:
        """The assistant. Raises NotReadyError, saying how things stand, until it is ready."""
        if self._assistant is None:
            raise NotReadyError(self.failure or f"{self.stage}; one moment, please.")
        return self._assistant

    def wait(self) -> Assistant:
        """Return the assistant once it is there. Raises SaidsoError when it has failed to come."""
        self._over.wait()
        return self.assistant

    def begin(self) -> None:
        """Start opening, unless that has been done."""
        if self._thread is None:
            self._thread = threading.Thread(target=self.run, name="startup", daemon=True)
            self._thread.start()

    def end(self, patience: float = 2.0) -> bool:
        """Let go of the files; return False where the start is still under way after `patience` seconds."""
        if self._thread is not None:
            self._thread.join(patience)
        if self._assistant is not None:
            self._refusal = "Saidso is ending."
            assistant, self._assistant = self._assistant, None
            assistant.close()
        return self._thread is None or not self._thread.is_alive()

    def run(self) -> None:
        """Open the data folder, load the models and, on the very first start, read the sample articles in."""
        try:
            with memory_watched():
                assistant = self._opened()
        except SaidsoError as error:
            self._refusal = str(error)
        else:
            self._assistant = assistant
        finally:
            self._over.set()

    def _opened(self) -> Assistant:
        with nothing_collected():
            assistant = self._open()
            self.stage = "Loading the models"
            assistant.warm_up()
        if self._samples is not None and assistant.is_fresh():
            self.stage = "Reading the sample articles"
            self.metrics.ingesting(partial(assistant.ingest, [self._samples]))
        return assistant
