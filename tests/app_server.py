"""The app in a process of its own, as `python app.py` starts it, but for its imports: they are done once, ahead."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

ROOT = Path(__file__).parent.parent
_SLOW_TO_IMPORT = ["torch", "chromadb", "assistant.cli", "assistant.assistant", "assistant.web.page", __name__]


@contextmanager
def serving(data_folder: Path, **settings: str) -> Iterator[str]:
    """Start the app, give its address as soon as it listens, and stop it with Ctrl-C."""
    environment = {**os.environ, "SAIDSO_DATA_DIR": str(data_folder), "SAIDSO_PORT": "0", **settings}
    environment.pop("GRADIO_TEMP_DIR", None)
    ahead = multiprocessing.get_context("forkserver")
    ahead.set_forkserver_preload(_SLOW_TO_IMPORT)
    printed, printing = ahead.Pipe(duplex=False)
    app = ahead.Process(target=_run, args=(environment, printing))
    app.start()
    printing.close()
    try:
        with os.fdopen(os.dup(printed.fileno())) as lines:
            yield lines.readline().split()[-1]
            assert app.pid is not None
            os.kill(app.pid, signal.SIGINT)
            app.join(20)
            assert app.exitcode == 0
    finally:
        app.kill()
        app.join()


def _run(environment: Mapping[str, str], printing: Connection) -> None:
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(printing.fileno(), sys.stdout.fileno())
    sys.argv = ["app.py"]
    runpy.run_path(str(ROOT / "app.py"), run_name="__main__")


def ready_at(address: str) -> str:
    """Wait until questions are answered there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urlopen(f"{address}/readyz", timeout=5):
                return address
        except HTTPError:
            time.sleep(0.2)
    raise AssertionError("not ready within a minute")
