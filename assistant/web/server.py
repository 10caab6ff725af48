"""One FastAPI application: health, the page's own files, and the chat page mounted on it; and serving it."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from assistant.assistant import Assistant
from assistant.evaluation.jobs import Jobs
from assistant.settings import Settings, sample_articles
from assistant.web.api import add_api
from assistant.web.confidence import DIAGRAM
from assistant.web.documentation import add_documentation
from assistant.web.evaluations import add_evaluations
from assistant.web.receipts import add_receipts
from assistant.web.refusals import add_refusals
from assistant.web.security import MAX_UPLOAD_BYTES, Guard, is_loopback
from assistant.web.startup import Startup
from assistant.web.suggestions import Suggestions, add_suggestions
from index.errors import SaidsoError

_STATIC = Path(__file__).with_name("static")
_STYLES = ("saidso.css", "claims.css", "tabs.css", "articles.css", "help.css", "evaluate.css")
_SCRIPTS = ("saidso.js", "claims.js", "tabs.js", "articles.js", "filters.js", "help.js", "evaluate.js")  # in this order


def create_app(startup: Startup, jobs: Jobs, settings: Settings) -> FastAPI:
    """Return the web application; `startup` and `jobs` begin when it is served."""
    life = partial(_lifespan, startup, jobs)
    app = FastAPI(title="Saidso", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    app.add_api_route("/healthz", _healthz, tags=["Health"], summary="Whether the server runs")
    app.add_api_route("/readyz", partial(_readyz, startup), tags=["Health"], summary="Whether questions are answered")
    app.add_api_route(f"/web/{DIAGRAM.name}", _diagram, include_in_schema=False)
    app.mount("/web", StaticFiles(directory=_STATIC))
    add_refusals(app)
    add_api(app, startup)
    suggestions = Suggestions(startup)
    add_receipts(app, startup)
    add_suggestions(app, suggestions)
    add_evaluations(app, jobs)
    add_documentation(app)
    _mount_page(app, startup, suggestions, settings)
    app.add_middleware(CORSMiddleware, allow_origins=[])  # Gradio reflects any origin unless the parent has one
    app.add_middleware(Guard, hosts=[settings.host])
    return app


def serve(settings: Settings, announce: Callable[[str], None] | None = None) -> None:
    """Serve the page until Ctrl-C. Raises SaidsoError when the address cannot be used."""
    startup = Startup(partial(Assistant.open, settings), sample_articles())
    jobs = Jobs(settings, startup.wait)
    with _listen(settings.host, settings.port) as listening, TemporaryDirectory(prefix="saidso-") as uploads:
        _mind_signals()
        os.environ["GRADIO_TEMP_DIR"] = uploads  # readable by this user only, unlike gradio's own choice
        address = f"http://{_in_address(settings.host)}:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            create_app(startup, jobs, settings),
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,  # open pages hold a stream for ever
        )
        with suppress(KeyboardInterrupt):  # how uvicorn passes Ctrl-C on once it has shut down
            _Server(config, lambda: (announce or _say)(f"Saidso is at {address}")).run(sockets=[listening])
    if not (jobs.end() and startup.end()):
        # Ctrl-C while a model loads or works: native code would abort a tidy exit, and the store bears being cut off.
        sys.stdout.flush()
        os._exit(0)


def _mind_signals() -> None:
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a browser that goes away must not end the server
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn passes it on; it ends things as Ctrl-C does


class _Server(uvicorn.Server):
    """A server that tells when it really listens."""

    def __init__(self, config: uvicorn.Config, listens: Callable[[], None]) -> None:
        super().__init__(config)
        self._listens = listens

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._listens()


@asynccontextmanager
async def _lifespan(startup: Startup, jobs: Jobs, _app: FastAPI) -> AsyncIterator[None]:
    startup.begin()
    jobs.begin()
    yield
    await run_in_threadpool(jobs.end)


async def _healthz() -> dict[str, str]:
    return {"status": "ok"}


def _readyz(startup: Startup) -> JSONResponse:
    try:
        holdings = startup.assistant.holdings()
    except SaidsoError as error:
        return JSONResponse({"status": "failed" if startup.failure else "starting", "reason": str(error)}, 503)
    return JSONResponse({"status": "ready", "articles": holdings.articles, "passages": holdings.passages})


def _diagram() -> FileResponse:
    return FileResponse(DIAGRAM)


def _mount_page(app: FastAPI, startup: Startup, suggestions: Suggestions, settings: Settings) -> None:
    from assistant.web.page import build_page, mount  # gradio takes seconds to import

    page = build_page(startup, suggestions, settings, _versioned(DIAGRAM))
    mount(app, page, head=_head(), max_file_size=MAX_UPLOAD_BYTES)


def _head() -> str:
    styles = (f'<link rel="stylesheet" href="{_versioned(_STATIC / name)}">' for name in _STYLES)
    scripts = (f'<script src="{_versioned(_STATIC / name)}" defer></script>' for name in _SCRIPTS)
    return "".join((*styles, *scripts))


def _versioned(path: Path) -> str:
    """Return the address of one of the page's own files, which changes with what is in it."""
    return f"web/{path.name}?v={_digest(path)}"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _listen(host: str, port: int) -> socket.socket:
    if not is_loopback(host):
        raise SaidsoError(
            f"Saidso does not serve {host!r}: anyone on the network could read and change the articles, and access "
            "control is not built yet. Leave --host and SAIDSO_HOST out, or set them to 127.0.0.1."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere this would let two programs share the port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        taken = error.errno == errno.EADDRINUSE
        why = "is in use by another program" if taken else f"cannot be used ({error.strerror})"
        raise SaidsoError(f"Port {port} {why}; choose another, for example --port {port + 1}.") from error
    return listening


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
