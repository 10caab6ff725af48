"""What tests share: a folder of sample articles, a browser that is watched; and none touches the user's own data."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from filelock import FileLock
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from assistant.assistant import Assistant
from assistant.evaluation.jobs import Jobs
from assistant.settings import Settings, sample_articles
from assistant.web.server import create_app
from assistant.web.startup import Startup
from index.embedder import Embedder, bundled_model

# Files that take long are begun first, so that at the end no process waits for another.
LONGEST = (
    "test_page.py",
    "test_page_accessible.py",
    "test_page_evaluate.py",
    "test_cluster.py",
    "test_doctor.py",
    "test_page_claims.py",
    "test_page_payloads.py",
    "test_page_conversations.py",
    "test_page_writing.py",
    "test_evaluation_draft.py",
    "test_page_articles.py",
    "test_readme.py",
    "test_evaluation.py",
    "test_accounts.py",
    "test_page_login.py",
    "test_writing.py",
    "test_embedder.py",
)
# The same browser twice: built without its own windows it takes two thirds of the time.
_CHROMIUM = [Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")]
CHROMIUM = next((path for path in _CHROMIUM if path.exists()), _CHROMIUM[0])
needs_chromium = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"{' and '.join(map(str, _CHROMIUM))} are missing; install one of them"
)
Visit = Callable[..., Page]
expect.set_options(timeout=30_000)  # milliseconds; the machine may be busy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first; within a file the order stays."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def interruptible() -> None:
    """For a child process: take Ctrl-C as from a terminal, even where the tests run in the background, ignoring it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def own_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "user-data"
    monkeypatch.setenv("SAIDSO_DATA_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def broken_pipes_as_before() -> Iterator[None]:
    """Running the command in this process makes a broken pipe end it, as it should; not the tests that come after."""
    before = signal.getsignal(signal.SIGPIPE)
    yield
    signal.signal(signal.SIGPIPE, before)


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The real model, loaded once."""
    return Embedder()


@pytest.fixture(scope="session")
def copy_of_samples(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Give data folders that hold the sample articles, one a call; they are read in once for all processes."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    done = root / "samples"
    with FileLock(root / "samples.lock"):
        if not done.exists():
            assistant = Assistant.open(Settings(root / "samples-begun"))
            assistant.ingest([sample_articles()])
            assistant.close()
            (root / "samples-begun").rename(done)

    def copy() -> Path:
        folder = tmp_path_factory.mktemp("copy") / "data"
        return Path(shutil.copytree(done, folder))

    return copy


@pytest.fixture(scope="session")
def samples_folder(copy_of_samples: Callable[[], Path]) -> Path:
    """The data folder of `samples`, for other programs to read."""
    return copy_of_samples()


@pytest.fixture(scope="session")
def samples(samples_folder: Path) -> Iterator[Assistant]:
    """An assistant over the sample articles, which tests only read."""
    assistant = Assistant.open(Settings(samples_folder))
    yield assistant
    assistant.close()


@pytest.fixture(scope="session")
def new_postgres_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Give addresses of new databases on a real PostgreSQL server, one a call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))  # pgserver keeps its locks there
        pgserver = pytest.importorskip(
            "pgserver", reason="pgserver, a PostgreSQL for tests, has no wheel for this Python"
        )
        server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="stop")

    def new() -> str:
        name = f"test_{secrets.token_hex(6)}"
        server.psql(f"CREATE DATABASE {name}")
        return str(server.get_uri(name)).replace("postgresql://", "postgresql+psycopg://")

    yield new
    server.cleanup()


@contextmanager
def chroma_at(folder: Path, port: int = 0) -> Iterator[str]:
    """Run a real Chroma server over a folder, and give its address."""
    with socket.create_server(("127.0.0.1", port)) as free:
        port = free.getsockname()[1]
    folder.mkdir(exist_ok=True)
    command = [Path(sys.executable).with_name("chroma"), "run", "--path", folder, "--port", str(port)]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while not _answers(f"{address}/api/v2/heartbeat"):
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        yield address
    finally:
        server.kill()
        server.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Chroma server."""
    with chroma_at(tmp_path_factory.mktemp("chroma-server")) as address:
        yield address


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bundled model under another name, which is another model for all that Saidso knows."""
    folder = tmp_path_factory.mktemp("models") / "other"
    shutil.copytree(bundled_model(), folder)
    return str(folder)


@pytest.fixture(scope="session")
def live(samples: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server over the sample articles, on a real socket; it logs to pytest."""
    settings = Settings(tmp_path_factory.mktemp("live"))
    startup = Startup(lambda: samples)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(
                lambda: create_app(startup, Jobs(settings, startup.wait), settings),
                factory=True,
                log_config=None,
                log_level="warning",
                timeout_graceful_shutdown=2,
            )
        )
        serving = threading.Thread(target=server.run, args=([listening],))
        serving.start()
        startup.begin()
        startup.wait()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        serving.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium to which no name leads anywhere; one a module, as playwright's event loop must not outlive it."""
    args = ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def profiles(browser: Browser) -> list[BrowserContext]:
    """What the tests of a module visit with, one after another: scripts are loaded and compiled once, not in each."""
    return []


@pytest.fixture
def visit(browser: Browser, profiles: list[BrowserContext]) -> Iterator[Visit]:
    """Open pages, each as another visitor who comes for the first time.

    The test fails when one reaches for another place, shows a dialog, opens a socket or throws an error. A page from
    the file system may read nothing but itself, and leave the console alone.
    """
    faults: list[str] = []
    pages: list[Page] = []

    def visit_(url: str, width: int = 1280, height: int = 860, scheme: Literal["light", "dark"] = "light") -> Page:
        if len(pages) == len(profiles):
            profiles.append(browser.new_context())
        page = profiles[len(pages)].new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)

        def look_at(request: Request) -> None:
            if not _is_own(request.url, url):
                faults.append(f"requested {request.url}")

        page.context.on("request", look_at)  # also the first one of a window that the page opens
        page.once("close", lambda page: page.context.remove_listener("request", look_at))
        page.on("dialog", lambda dialog: (faults.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("websocket", lambda socket: faults.append(f"opened {socket.url}"))
        page.on("pageerror", lambda error: faults.append(f"script error {error}"))
        if url.startswith("file:"):
            page.on("console", lambda message: faults.append(f"console {message.text}"))
        page.goto(url)
        return page

    yield visit_
    for page in pages:
        _forget(page)
    assert faults == []


def _forget(page: Page) -> None:
    """Leave nothing in the browser's profile of what a visitor has done but the scripts that it has loaded."""
    context = page.context
    address = urlsplit(page.url)
    given = {"origin": f"{address.scheme}://{address.netloc}", "storageTypes": "cookies,local_storage,indexeddb"}
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", given)
    context.clear_permissions()
    for open_ in context.pages:
        open_.close()


def _is_own(requested: str, visited: str) -> bool:
    if visited.startswith("file:"):
        return requested.split("#")[0] == visited.split("#")[0]
    asked = urlsplit(requested)
    return asked.scheme in {"data", "blob"} or asked.hostname == "127.0.0.1"
