"""Opening the assistant in the background, so that the page is there before the models are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from assistant.assistant import Assistant
from index.errors import SaidsoError


class Startup:
    """An assistant on its way: what it is doing, whether it is ready, and why it failed if it did."""

    def __init__(self, open_assistant: Callable[[], Assistant], samples: Path | None = None) -> None:
        self._open = open_assistant
        self._samples = samples
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._assistant: Assistant | None = None
        self.stage = "Opening the collection"
        self.failure: str | None = None

    @property
    def ready(self) -> bool:
        """Whether questions are answered now."""
        return self._ready.is_set()

    @property
    def assistant(self) -> Assistant:
        """The assistant. Raises SaidsoError, saying how things stand, until it is ready."""
        if self.failure:
            raise SaidsoError(self.failure)
        if not self.ready or self._assistant is None:
            raise SaidsoError(f"{self.stage}; one moment, please.")
        return self._assistant

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
            self._ready.clear()
            self._assistant.close()
        return self._thread is None or not self._thread.is_alive()

    def run(self) -> None:
        """Open the data folder, load the models and, on the very first start, read the sample articles in."""
        try:
            assistant = self._open()
            self.stage = "Loading the models"
            assistant.warm_up()
            if self._samples is not None and assistant.is_fresh():
                self.stage = "Reading the sample articles"
                assistant.ingest([self._samples])
        except SaidsoError as error:
            self.failure = str(error)
        except BaseException:
            self.failure = "Saidso could not start; the terminal it runs in says why."
            raise
        else:
            self._assistant = assistant
            self._ready.set()
