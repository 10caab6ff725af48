"""The log-in page: a token is shown once, and the browser gets a session for it."""

from __future__ import annotations

import logging
import re
from functools import partial
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, quote

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from assistant.access_settings import Rate
from assistant.tokens import SESSION_LENGTH, Token, Tokens
from assistant.web.access import SESSION_COOKIE, Doorkeeper, address_of, session_secret, visitor_of
from assistant.web.limits import Limiter, network_of
from assistant.web.wording import counted

_PAGE = Template(Path(__file__).with_name("login.html").read_text(encoding="utf-8"))
_FAILURES = Rate(5, 60)  # from one address
_WRONG = "This is not a valid token. It may be mistyped, revoked or past its days."
_OWN_PLACE = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
_FORM = "application/x-www-form-urlencoded"
_log = logging.getLogger(__name__)


def add_login(app: FastAPI, doorkeeper: Doorkeeper) -> None:
    """Add /login and /logout."""
    failures = Limiter(_FAILURES)
    app.add_api_route("/login", partial(_form, doorkeeper), include_in_schema=False)
    log_in, log_out = partial(_log_in, doorkeeper, failures), partial(_log_out, doorkeeper)
    app.add_api_route("/login", log_in, methods=["POST"], include_in_schema=False)
    app.add_api_route("/logout", log_out, methods=["GET", "POST"], include_in_schema=False)


async def _form(doorkeeper: Doorkeeper, request: Request) -> Response:
    """Show the form, or go on where there is nothing to log in to."""
    wanted = _place(request.query_params.get("next", ""))
    if not doorkeeper.has_log_in or visitor_of(request):
        return RedirectResponse(wanted, 303)
    if request.headers.get("sec-fetch-site") == "cross-site":
        # A browser keeps the session to itself when a link of another site leads here, and shows it from here on.
        again = escape(f"/login?next={quote(wanted, safe='')}")
        return HTMLResponse(f'<!doctype html><meta http-equiv="refresh" content="0;url={again}"><title>Saidso</title>')
    return _page(wanted)


async def _log_in(doorkeeper: Doorkeeper, failures: Limiter, request: Request) -> Response:
    """Open a session for a valid token; every failure is counted, and they are slowed to a few a minute."""
    if not request.headers.get("content-type", "").startswith(_FORM):
        return _page("/", "The log-in form did not arrive whole; fill it in again.", 400)
    fields = _fields(await request.body())
    wanted = _place(fields.get("next", [""])[0])
    if not doorkeeper.has_log_in or doorkeeper.tokens is None:
        return RedirectResponse(wanted, 303)
    address = network_of(address_of(request.scope))
    if wait := failures.take(address):
        slowed = f"Too many log-ins have failed; try again in {counted(wait, 'second')}."
        return _page(wanted, slowed, 429, {"Retry-After": str(wait)})
    token = await run_in_threadpool(doorkeeper.tokens.find, fields.get("token", [""])[0].strip())
    if token is None:
        _log.warning("A log-in from %s failed.", address)
        return _page(wanted, _WRONG, 401)
    failures.give_back(address)
    return await _opened(doorkeeper.tokens, token, wanted, _is_encrypted(request))


def _fields(body: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:  # more of them than the form has
        return {}


async def _opened(tokens: Tokens, token: Token, wanted: str, is_encrypted: bool) -> Response:
    answer = RedirectResponse(wanted, 303)
    answer.set_cookie(
        SESSION_COOKIE,
        await run_in_threadpool(tokens.open_session, token),
        max_age=int(SESSION_LENGTH.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=is_encrypted,
    )
    return answer


async def _log_out(doorkeeper: Doorkeeper, request: Request) -> Response:
    """End the session, here and in the browser."""
    if doorkeeper.tokens and (secret := session_secret(request.headers)):
        await run_in_threadpool(doorkeeper.tokens.close_session, secret)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict", secure=_is_encrypted(request))
    return answer


def _is_encrypted(request: Request) -> bool:
    """Whether the browser speaks TLS, to Saidso or to a proxy before it: the browser tells the latter by its origin."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")


def _place(wanted: str) -> str:
    """Return where to go on to: a place of this very address, whatever was asked for."""
    return wanted if _OWN_PLACE.fullmatch(wanted) and not wanted.startswith(("/login", "/logout")) else "/"


def _page(wanted: str, problem: str = "", status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    told = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    html = _PAGE.substitute(problem=told, next=escape(wanted))
    return HTMLResponse(html, status, {"Cache-Control": "no-store", **(headers or {})})
