"""One FastAPI application: health, the page's own files, and the chat page mounted on it; and serving it."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles

from assistant.access_settings import LOOPBACK, Access, is_loopback
from assistant.assistant import Assistant
from assistant.conversations import Conversations
from assistant.evaluation.jobs import Jobs
from assistant.settings import Settings, sample_articles
from assistant.tokens import Tokens
from assistant.web.access import Doorkeeper, visitor_of
from assistant.web.api import add_api
from assistant.web.confidence import DIAGRAM
from assistant.web.conversations import add_conversations
from assistant.web.crew import Crew
from assistant.web.documentation import add_documentation
from assistant.web.evaluations import add_evaluations
from assistant.web.login import add_login
from assistant.web.logs import logging_as
from assistant.web.mcp_route import add_mcp
from assistant.web.metrics import CONTENT_TYPE
from assistant.web.observer import Observer
from assistant.web.openai_api import add_openai
from assistant.web.readiness import Readiness
from assistant.web.receipts import add_receipts
from assistant.web.refusals import add_refusals
from assistant.web.security import MAX_UPLOAD_BYTES, Guard
from assistant.web.startup import Startup
from assistant.web.suggestions import Suggestions, add_suggestions
from assistant.web.widget import add_widget
from index.errors import SaidsoError
from index.memory import keep_few_heaps, nothing_collected

_STATIC = Path(__file__).with_name("static")
_STYLES = (
    *("saidso.css", "claims.css", "tabs.css", "articles.css", "help.css", "evaluate.css"),
    "conversations.css",
)
_SCRIPTS = (  # in this order
    *("saidso.js", "claims.js", "tabs.js", "articles.js", "filters.js", "help.js", "evaluate.js"),
    *("conversations.js", "feedback.js"),
)


def create_app(startup: Startup, jobs: Jobs, settings: Settings) -> FastAPI:
    """Return the web application; `startup` and `jobs` begin when it is served."""
    conversations = Conversations(settings.database_url)
    doorkeeper = Doorkeeper.of(settings)
    readiness = Readiness(startup, settings.data_dir, settings.disk_reserve)
    life = partial(_lifespan, startup, jobs, conversations, doorkeeper, readiness)
    app = FastAPI(title="Saidso", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    app.add_api_route(f"/web/{DIAGRAM.name}", _diagram, include_in_schema=False)
    app.mount("/web", StaticFiles(directory=_STATIC))
    add_login(app, doorkeeper)
    add_refusals(app)
    crew = Crew()
    add_api(app, startup, crew)
    suggestions = Suggestions(startup)
    add_receipts(app, startup)
    add_suggestions(app, suggestions)
    add_evaluations(app, jobs)
    add_openai(app, startup, crew)
    add_mcp(app, startup)
    add_widget(app, startup, settings)
    _add_health(app, startup, readiness)
    add_conversations(app, startup, conversations)
    add_documentation(app)
    _mount_page(app, startup, suggestions, conversations, settings, readiness)
    app.add_middleware(CORSMiddleware, allow_origins=[])  # Gradio reflects any origin unless the parent has one
    hosts = {*LOOPBACK, settings.host, *settings.access.hosts}
    app.add_middleware(Guard, doorkeeper=doorkeeper, hosts=hosts, origins=lambda _scope: settings.access.origins)
    app.add_middleware(Observer, metrics=startup.metrics, proxy=settings.access.proxy)
    return app


def serve(settings: Settings, announce: Callable[[str], None] | None = None) -> None:
    """Serve the page until Ctrl-C. Raises SaidsoError when the address cannot be used, or not without a choice."""
    _check_choice(settings)
    encrypted = _certificate(settings.access)
    startup = Startup(partial(Assistant.open, settings), sample_articles())
    jobs = Jobs(settings, startup.wait)
    with (
        _listen(settings.host, settings.port) as listening,
        TemporaryDirectory(prefix="saidso-") as uploads,
        logging_as(settings.log),
    ):
        _mind_signals()
        keep_few_heaps()
        os.environ["GRADIO_TEMP_DIR"] = uploads  # readable by this user only, unlike gradio's own choice
        address = f"{'https' if encrypted else 'http'}://{_in_address(settings.host)}:{listening.getsockname()[1]}"
        with nothing_collected():
            app = create_app(startup, jobs, settings)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,  # open pages hold a stream for ever
            **encrypted,
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
async def _lifespan(
    startup: Startup,
    jobs: Jobs,
    conversations: Conversations,
    doorkeeper: Doorkeeper,
    readiness: Readiness,
    _app: FastAPI,
) -> AsyncIterator[None]:
    startup.begin()
    jobs.begin()
    watching = asyncio.create_task(readiness.watch())
    yield
    watching.cancel()
    await run_in_threadpool(jobs.end)
    conversations.close()
    doorkeeper.close()


def _add_health(app: FastAPI, startup: Startup, readiness: Readiness) -> None:
    app.add_api_route("/healthz", _healthz, tags=["Health"], summary="Whether the server runs")
    app.add_api_route(
        "/readyz", partial(_readyz, readiness), tags=["Health"], summary="Whether it does its work",
        description=(
            "Status 200 with what is indexed where questions are answered and articles could be stored, with a "
            "`warning` when the disk is nearly full; else 503 with the reason."
        ),
    )  # fmt: skip
    app.add_api_route(
        "/metrics", partial(_metrics, startup, readiness), tags=["Health"], summary="Figures for Prometheus",
        description="Requests, answers, ingestion, errors, memory and disk, as text. It takes the scope `admin`.",
        response_class=PlainTextResponse,
    )  # fmt: skip


async def _healthz() -> dict[str, str]:
    return {"status": "ok"}


def _readyz(readiness: Readiness, request: Request) -> JSONResponse:
    """Whether all is well, for anybody; how much is indexed or why it is not, for who may ask."""
    standing = readiness.look()
    shown = standing.details if visitor_of(request) else {}
    return JSONResponse({"status": standing.status, **shown}, 200 if standing.is_ready else 503)


def _metrics(startup: Startup, readiness: Readiness) -> Response:
    gauges = {"saidso_ready": int(readiness.look().is_ready), "saidso_disk_free_bytes": readiness.free()}
    return Response(startup.metrics.exposition(gauges), media_type=CONTENT_TYPE)


def _diagram() -> FileResponse:
    return FileResponse(DIAGRAM)


def _mount_page(
    app: FastAPI,
    startup: Startup,
    suggestions: Suggestions,
    conversations: Conversations,
    settings: Settings,
    readiness: Readiness,
) -> None:
    from assistant.web.page import build_page, mount  # gradio takes seconds to import

    page = build_page(startup, suggestions, conversations, settings, _versioned(DIAGRAM), readiness.warning)
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


def warnings_about(settings: Settings) -> list[str]:
    """Return what whoever starts the server must know of how it is served."""
    access = settings.access
    if access.insecure:
        return [f"--insecure: everybody who reaches {settings.host} may ask, read, add and remove, with no log-in."]
    if access.is_beyond(settings.host) and not (access.certificate or access.proxy):
        return [
            "Without --certificate and --key, tokens and answers cross the network for all to read; give them, or let "
            "a proxy that speaks HTTPS stand in front."
        ]
    return []


def _check_choice(settings: Settings) -> None:
    """Raise SaidsoError unless it is settled who may come in."""
    access, host = settings.access, settings.host
    if access.insecure and (access.require_token or access.proxy):
        raise SaidsoError(
            "--insecure lets everybody in, SAIDSO_REQUIRE_TOKEN and SAIDSO_PROXY_… do not; leave out one of them."
        )
    if access.is_open(host) or access.proxy:
        return
    with closing(Tokens.open(settings.database_url)) as tokens:
        if tokens.any():
            return
    if not access.is_beyond(host):
        raise SaidsoError(
            "SAIDSO_REQUIRE_TOKEN is set and there is no token that holds; make one: saidso token create NAME --scope "
            "admin."
        )
    beyond = ", ".join(sorted(name for name in {host, *access.hosts} if not is_loopback(name)))
    raise SaidsoError(
        f"Saidso does not serve {beyond} until you choose who may come in: (a) holders of a token: saidso token create "
        "NAME --scope ask; (b) those whom a proxy has asked who they are: SAIDSO_PROXY_USER_HEADER and "
        "SAIDSO_PROXY_ADDRESSES; (c) everybody: --insecure. Without --host, SAIDSO_HOST and SAIDSO_ALLOWED_HOSTS it "
        "serves this machine only."
    )


def _certificate(access: Access) -> dict[str, Any]:
    """Return uvicorn's options for HTTPS, or none. Raises SaidsoError when the certificate cannot be used."""
    if access.certificate is None and access.key is None:
        return {}
    if access.certificate is None or access.key is None:
        raise SaidsoError("HTTPS takes both --certificate and --key; give both, or neither.")
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(access.certificate, access.key, password="")  # else it asks at the terminal
    except (OSError, ValueError) as error:  # of ssl's own kind too
        raise SaidsoError(
            f"The certificate {access.certificate} with the key {access.key} cannot be used ({error}); give two PEM "
            "files that belong together, the key not encrypted."
        ) from error
    return {"ssl_certfile": access.certificate, "ssl_keyfile": access.key}


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere this would let two programs share the port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise SaidsoError(
                f"{host!r} is no address of this machine; choose one that is with --host, such as 127.0.0.1, or "
                "0.0.0.0 for all of them."
            ) from error
        taken = error.errno == errno.EADDRINUSE
        why = "is in use by another program" if taken else f"cannot be used ({error.strerror})"
        raise SaidsoError(f"Port {port} {why}; choose another, for example --port {port + 1}.") from error
    return listening


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
