"""What may reach the app, and what a browser may do with what it sends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_UPLOAD_BYTES = 50 * 2**20
MAX_JSON_BYTES = 4 * 2**20
_MULTIPART_OVERHEAD = 2**20

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; frame-src 'self'; manifest-src 'self'; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Gradio answers some fifty routes; some fetch addresses, hand out files or call other services. These serve the page.
_GRADIO_IN_USE = re.compile(
    r"/gradio_api/(queue/(join|data)|upload|upload_progress|heartbeat/[^/]+|cancel|reset|startup-events|app_id"
    r"|theme\.css|info|user|login_check)/?"
)
_GRADIO = "/gradio_api/"
# What another page shows says itself under which policy and by whom: an evaluation's report, the widget and its files.
_SHOWN_ELSEWHERE = re.compile(r"/api/evaluations/[^/]+/report|/widget\.js|/widget/frame(\.js|\.css)?")
_POLICIES = frozenset({"Content-Security-Policy", "X-Frame-Options", "Cross-Origin-Resource-Policy"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_HASHED = re.compile(r"/(assets|web)/")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    return host.strip("[]") in _LOOPBACK


class Guard:
    """ASGI middleware: refuses foreign hosts and origins, large bodies and unused routes; sets the security headers."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = _LOOPBACK | {host.strip("[]").lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with a refusal; either way with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, guarded = Headers(scope=scope), _with_headers(scope, send)
        refusal = self._refusal(scope, headers)
        if refusal is None and scope["method"] not in _READING and not _is_upload(headers):
            body = await _whole_body(receive)
            refusal = self._refused_body(scope["path"], body)
            receive = _again({"type": "http.request", "body": body or b"", "more_body": False}, receive)
        if refusal is not None:
            status, reason = refusal
            await JSONResponse({"detail": reason}, status)(scope, receive, guarded)
            return
        await self._app(scope, _limited(receive, MAX_UPLOAD_BYTES + _MULTIPART_OVERHEAD), guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        path = scope["path"]
        if _hostname(headers.get("host", "")) not in self._hosts:
            return 400, "This address is not served here."
        if scope["method"] not in _READING and not _is_own(headers):
            return 403, "Requests from other sites are refused."
        if path.startswith(_GRADIO) and not _GRADIO_IN_USE.fullmatch(path):
            return 404, "Not Found"
        if _declared_length(headers) > MAX_UPLOAD_BYTES + _MULTIPART_OVERHEAD:
            return 413, f"An upload may have {MAX_UPLOAD_BYTES // 2**20} MB at most."
        return None

    def _refused_body(self, path: str, body: bytes | None) -> tuple[int, str] | None:
        if body is None:
            return 413, "The request is too large."
        reason = _refused_event(body) if path.startswith(_GRADIO) else None
        return (400, reason) if reason else None


def _is_own(headers: Headers) -> bool:
    """Whether a request comes from a page of this very address, or from no page at all (a program's has no origin)."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _hostname(authority: str) -> str:
    try:
        return (urlsplit(f"//{authority}").hostname or "").lower()
    except ValueError:
        return ""


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


def _with_headers(scope: Scope, send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            brought = _brought(headers) if _SHOWN_ELSEWHERE.fullmatch(scope["path"]) else frozenset()
            for name, value in _HEADERS.items():
                if name not in brought:
                    headers[name] = value
            if message["status"] == 200 and _HASHED.match(scope["path"]):
                headers["Cache-Control"] = "public, max-age=31536000, immutable"
        await send(message)

    return guarded
