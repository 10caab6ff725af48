"""Every request has an id, is counted and timed, and is written to the log without what was asked in it."""

from __future__ import annotations

import logging
from time import perf_counter

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.access_settings import Proxy
from assistant.web.access import Visitor, row_for
from assistant.web.logs import HEADER, REQUEST_ID, request_id
from assistant.web.metrics import Metrics

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})  # asked every few seconds; counted, and not told
_log = logging.getLogger(__name__)


class Observer:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, metrics: Metrics, proxy: Proxy | None) -> None:
        self._app = app
        self._metrics = metrics
        self._proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id_ = request_id(scope, self._proxy)
        REQUEST_ID.set(id_)  # for the log, in this request's own context
        status, began = 500, perf_counter()

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = id_
            await send(message)

        try:
            await self._app(scope, receive, answered)
        except Exception:
            self._metrics.error()
            raise
        finally:
            self._note(scope, status, perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = _route(scope)
        self._metrics.request(method, route, status, seconds)
        if route not in _PROBES:
            visitor = scope.get("state", {}).get("visitor")
            facts = {
                "method": method,
                "route": route,
                "status": status,
                "seconds": round(seconds, 4),
                "visitor": visitor.name if isinstance(visitor, Visitor) else "",
            }
            _log.info("%s %s %d in %.3f s", method, route, status, seconds, extra={"facts": facts})


def _route(scope: Scope) -> str:
    """Return the template of the route that answered, or the table's row where none did: of either there are few."""
    path = getattr(scope.get("route"), "path", "")
    return path or row_for(scope["method"], scope["path"]).path
