"""The route /mcp: the tools of `assistant.mcp_server` over streamable HTTP."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from assistant.web.startup import Startup

PATH = "/mcp"
_POST = {"Allow": "POST"}


def add_mcp(app: FastAPI, startup: Startup) -> None:
    """Add /mcp; with and without a slash at its end, since programs are told it in both ways."""
    endpoint = _Endpoint(startup)
    app.router.routes.extend((Route(PATH, endpoint), Route(f"{PATH}/", endpoint)))


class _Endpoint:
    """An ASGI application. What answers is imported at the first request, since that takes a second."""

    def __init__(self, startup: Startup) -> None:
        self._startup = startup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one message; `Guard` has seen to its host and its origin."""
        if scope["method"] != "POST":  # a GET would wait for messages that are never sent
            refusal = JSONResponse({"detail": "Programs that speak MCP POST their messages here."}, 405, _POST)
            await refusal(scope, receive, send)
            return
        app = await run_in_threadpool(lambda: self._new_app())
        async with app.router.lifespan_context(app):
            await app({**scope, "path": PATH, "root_path": ""}, receive, send)

    @cached_property
    def _new_app(self) -> Callable[[], Starlette]:
        from assistant.mcp_server import http_app, make_server

        return partial(http_app, make_server(lambda: self._startup.assistant, self._startup.metrics.asking), PATH)
