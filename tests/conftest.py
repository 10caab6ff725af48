"""One data folder with the sample articles, made once; and no test touches the user's own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.settings import Settings, sample_articles
from index.embedder import Embedder


def interruptible() -> None:
    """For a child process: take Ctrl-C as from a terminal, even where the tests run in the background, ignoring it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def own_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "user-data"
    monkeypatch.setenv("SAIDSO_DATA_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The real model, loaded once."""
    return Embedder()


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant over the sample articles, which tests only read."""
    assistant = Assistant.open(Settings(tmp_path_factory.mktemp("samples")))
    assistant.ingest([sample_articles()])
    yield assistant
    assistant.close()
