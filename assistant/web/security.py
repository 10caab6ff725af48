"""What may reach the app, and what a browser may do with what it sends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.web.access import Doorkeeper, Refusal, admit

MAX_UPLOAD_BYTES = 50 * 2**20
MAX_JSON_BYTES = 4 * 2**20
_MULTIPART_OVERHEAD = 2**20

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; frame-src 'self'; manifest-src 'self'; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors {ancestors}"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_GRADIO = "/gradio_api/"
# What another page shows says itself under which policy and by whom: an evaluation's report, the widget and its files.
_SHOWN_ELSEWHERE = re.compile(r"/api/evaluations/[^/]+/report|/widget\.js|/widget/frame(\.js|\.css)?")
_POLICIES = frozenset({"Content-Security-Policy", "X-Frame-Options", "Cross-Origin-Resource-Policy"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = ("GET", "POST", "PUT", "DELETE")
_HASHED = re.compile(r"/(assets|web)/")
# Steps up, an empty first step, control characters: nothing here is asked for so, and no rule should guess at them.
_ODD_PATH = re.compile(r"//.*|.*/\.{1,2}(/.*)?|.*[\x00-\x1f].*", re.S)

Origins = Callable[[Scope], frozenset[str]]


class Guard:
    """ASGI middleware over every route: which host is asked for, who asks, what they may, how much comes in.

    It sets the headers that tell a browser what it may do with the answer.

    `origins` gives, for a request, the other sites whose pages may call the app there and show it in a frame.
    """

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper, hosts: Iterable[str], origins: Origins) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._hosts = {host.strip("[]").lower() for host in hosts}
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with a refusal; either way with the headers."""
        if scope["type"] == "websocket":  # there is none
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        else:
            origins = self._origins(scope)
            answer = self._for_other_sites(origins) if Headers(scope=scope).get("origin") in origins else self._answer
            await answer(scope, receive, _with_headers(scope, send, origins))

    def _for_other_sites(self, origins: frozenset[str]) -> ASGIApp:
        """Answer so that pages of these origins may read it, with a token of their own but with no cookie."""
        return CORSMiddleware(
            self._answer,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=("Authorization", "Content-Type"),
            expose_headers=("Retry-After", "X-Request-ID"),
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = self._misdirected(scope, headers)
        if refusal is None:
            visitor = await self._doorkeeper.visitor(scope, _is_own(headers))
            refusal = self._doorkeeper.refusal(scope, visitor)
            admit(scope, self._doorkeeper, visitor)
        if refusal is None and scope["method"] not in _READING and not _is_upload(headers):
            body = await _whole_body(receive)
            refusal = _refused_body(scope["path"], body)
            receive = _again({"type": "http.request", "body": body or b"", "more_body": False}, receive)
        if refusal is not None:
            await JSONResponse({"detail": refusal.reason}, refusal.status, dict(refusal.headers))(scope, receive, send)
            return
        await self._app(scope, _limited(receive, MAX_UPLOAD_BYTES + _MULTIPART_OVERHEAD), send)

    def _misdirected(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Refuse what nobody may send."""
        if len(headers.getlist("host")) != 1 or not self._is_served(_hostname(headers["host"]), scope):
            return Refusal(400, "This address is not served here; SAIDSO_ALLOWED_HOSTS names those that are.")
        if _ODD_PATH.fullmatch(scope["path"]):
            return Refusal(404, "Not Found")
        only_reads = scope["method"] in _READING and "access-control-request-method" not in headers
        if not (only_reads or _is_own(headers) or headers["origin"] in self._origins(scope)):
            return Refusal(403, "Requests from other sites are refused.")
        if _declared_length(headers) > MAX_UPLOAD_BYTES + _MULTIPART_OVERHEAD:
            return Refusal(413, f"An upload may have {MAX_UPLOAD_BYTES // 2**20} MB at most.")
        return None

    def _is_served(self, host: str, scope: Scope) -> bool:
        """Whether the app goes by this name, or this is the very address, in figures, that the request has come to."""
        return host in self._hosts or (host == (scope.get("server") or ("",))[0] and _is_address(host))


def _refused_body(path: str, body: bytes | None) -> Refusal | None:
    if body is None:
        return Refusal(413, "The request is too large.")
    reason = _refused_event(body) if path.startswith(_GRADIO) else None
    return Refusal(400, reason) if reason else None


def _is_own(headers: Headers) -> bool:
    """Whether a request comes from a page of this very address, or from no page at all (a program's has no origin)."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _hostname(authority: str) -> str:
    try:
        return (urlsplit(f"//{authority}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _declared_length(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


def _is_upload(headers: Headers) -> bool:
    return headers.get("content-type", "").startswith("multipart/form-data")


async def _whole_body(receive: Receive) -> bytes | None:
    """Read a body that is not an upload, or give up when it grows too large."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_JSON_BYTES:
            return None
    return body


def _names_remote_file(value: Any) -> bool:
    """Whether an event's data hold a file with an address: Gradio fetches it, whatever component it is for."""
    if isinstance(value, dict):
        path = value.get("path")
        return (isinstance(path, str) and "://" in path) or any(map(_names_remote_file, value.values()))
    return isinstance(value, list) and any(map(_names_remote_file, value))


def _refused_event(body: bytes) -> str | None:
    try:
        return "Files are not fetched from addresses." if _names_remote_file(json.loads(body or b"null")) else None
    except (ValueError, RecursionError):
        return "The request is not JSON."


def _again(message: Message, then: Receive) -> Receive:
    """Return a `receive` that gives `message` first, and then goes on as before."""
    waiting = [message]

    async def receive() -> Message:
        return waiting.pop() if waiting else await then()

    return receive


def _limited(receive: Receive, limit: int) -> Receive:
    """Break off a body that grows past `limit`, whatever length it had declared."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if seen > limit else message

    return limited


def _brought(headers: Headers) -> frozenset[str]:
    """Return which policies an answer brings; one that names who may frame it is not to be contradicted."""
    brought = frozenset(name for name in _POLICIES if name in headers)
    return brought | {"X-Frame-Options"} if "frame-ancestors" in headers.get("Content-Security-Policy", "") else brought


def _with_headers(scope: Scope, send: Send, origins: frozenset[str]) -> Send:
    """Return a `send` that sets the headers; pages of `origins` may show the answer in a frame."""
    security = {**_HEADERS, "Content-Security-Policy": _POLICY.format(ancestors=" ".join(sorted(origins)) or "'none'")}
    if origins:
        del security["X-Frame-Options"]  # it cannot name them

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            brought = _brought(headers) if _SHOWN_ELSEWHERE.fullmatch(scope["path"]) else frozenset()
            for name, value in security.items():
                if name not in brought:
                    headers[name] = value
            if message["status"] == 200 and _HASHED.match(scope["path"]):
                headers["Cache-Control"] = "public, max-age=31536000, immutable"
        await send(message)

    return guarded
