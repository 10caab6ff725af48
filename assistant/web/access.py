"""Who asks, and what may they: one table of what each address of the app needs, and one look at the credentials."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from http.cookies import CookieError, SimpleCookie
from time import monotonic
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from assistant.access_settings import Access, Permission, Rate
from assistant.settings import Settings
from assistant.tokens import Token, Tokens
from assistant.web.limits import Limiter, network_of
from assistant.web.wording import counted
from index.errors import SaidsoError

SESSION_COOKIE = "saidso_session"
DEFAULT_RATE = Rate(60, 60)  # of questions, beyond this machine
_NOTED_EVERY = 60.0  # seconds: how exact a token's last use is
_LONGEST_USER = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """What an address needs. `path` stands for itself, or with `/*` for itself and all below it."""

    path: str
    methods: str
    needs: Permission | None  # None: nobody gets it, as if it were not there
    asks: bool = False  # whether a request is a question, of which there may be so many a minute

    def fits(self, method: str, path: str) -> bool:
        """Whether a request is this row's."""
        whole, below = self.path.removesuffix("/*"), self.path.endswith("/*")
        return method in self.methods.split() and (path == whole or (below and path.startswith(f"{whole}/")))


_NONE, _ASK, _INGEST, _ADMIN = Permission
_ANY = "GET POST PUT PATCH DELETE"
# The first row that fits counts, and what fits none needs an admin. HEAD and OPTIONS are GET here.
TABLE = (
    Row("/healthz", "GET", _NONE),
    Row("/readyz", "GET", _NONE),
    Row("/metrics", "GET", _ADMIN),
    Row("/login", "GET POST", _NONE),
    Row("/logout", "GET POST", _NONE),
    Row("/widget.js", "GET", _NONE),  # the widget asks with publish keys of its own
    Row("/widget/*", "GET POST", _NONE),
    # ── programs ──
    Row("/api/ask/*", "GET POST", _ASK, asks=True),
    Row("/api/search/*", "GET POST", _ASK, asks=True),
    Row("/api/receipt", "POST", _ASK, asks=True),
    Row("/api/examples", "GET", _ASK),
    Row("/api/speakers", "GET", _ASK),
    Row("/api/claims/*", "GET", _ASK),
    Row("/api/passages/*", "GET", _ASK),
    Row("/api/articles/*", "GET", _ASK),
    Row("/api/articles/*", "POST PUT DELETE", _INGEST),
    Row("/v1/chat/completions", "POST", _ASK, asks=True),
    Row("/v1/*", _ANY, _ASK),  # the models, and that there is nothing else
    Row("/mcp/*", "POST", _ASK, asks=True),
    Row("/mcp/*", _ANY, _ASK),
    Row("/openapi.json", "GET", _ASK),
    Row("/docs", "GET", _ASK),
    Row("/api/evaluations/*", "GET", _ASK),
    Row("/api/evaluations/*", "POST DELETE", _INGEST),
    Row("/api/conversations/*", "GET PUT PATCH DELETE", _ASK),
    # ── the page; what an event of it needs is asked where it is handled ──
    Row("/", "GET", _ASK),
    Row("/docs", "GET", _ASK),
    Row("/web/*", "GET", _ASK),
    Row("/config/*", "GET", _ASK),
    Row("/assets/*", "GET", _ASK),
    Row("/static/*", "GET", _ASK),
    Row("/theme.css", "GET", _ASK),
    Row("/favicon.ico", "GET", _ASK),
    Row("/manifest.json", "GET", _ASK),
    Row("/robots.txt", "GET", _ASK),
    Row("/gradio_api/queue/join/*", "POST", _ASK),
    Row("/gradio_api/queue/data/*", "GET", _ASK),
    Row("/gradio_api/heartbeat/*", "GET", _ASK),
    Row("/gradio_api/cancel/*", "POST", _ASK),
    Row("/gradio_api/reset/*", "POST", _ASK),
    Row("/gradio_api/startup-events/*", "GET", _ASK),
    Row("/gradio_api/app_id/*", "GET", _ASK),
    Row("/gradio_api/theme.css", "GET", _ASK),
    Row("/gradio_api/info/*", "GET", _ASK),
    Row("/gradio_api/user/*", "GET", _ASK),
    Row("/gradio_api/login_check/*", "GET", _ASK),
    # ── of what gradio brings the rest: it fetches addresses, hands out files or calls other services ──
    Row("/gradio_api/*", _ANY, None),
    Row("/login/*", _ANY, None),
    Row("/monitoring/*", _ANY, None),
    Row("/pwa_icon/*", _ANY, None),
    Row("/svelte/*", _ANY, None),
)
_OTHERWISE = Row("/*", _ANY, _ADMIN)


def row_for(method: str, path: str) -> Row:
    """Return the row of the table that counts for a request."""
    method = "GET" if method in ("HEAD", "OPTIONS") else method
    return next((row for row in TABLE if row.fits(method, path)), _OTHERWISE)


@dataclass(frozen=True)
class Visitor:
    """Who asks, and what they may. `name` is unique among all that ask: token:NAME, user:NAME or address:NUMBER."""

    name: str
    permission: Permission
    has_session: bool = False  # whether there is something to log out of


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered, with the headers that say what to do about it."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


class Doorkeeper:
    """Finds out who asks and whether they may."""

    def __init__(self, access: Access, host: str, tokens: Tokens | None = None) -> None:
        """Keep the door of an app that listens on `host`; without `tokens` it must be open, or the proxy's."""
        self.access = access
        self.tokens = tokens
        self.is_open = access.is_open(host)
        self.has_log_in = not self.is_open and access.proxy is None
        rate = access.rate if access.rate_is_set or not access.is_beyond(host) else DEFAULT_RATE
        self._limiter = Limiter(rate) if rate else None
        self._noted: dict[int, float] = {}  # token id → when its use was last written down, by the clock
        self._noting: set[asyncio.Task[None]] = set()

    @classmethod
    def of(cls, settings: Settings) -> Doorkeeper:
        """Keep the door as the settings want it. Raises SaidsoError when the tokens' database cannot be opened."""
        tokens = None if settings.access.is_open(settings.host) else Tokens.open(settings.database_url)
        return cls(settings.access, settings.host, tokens)

    def close(self) -> None:
        """Let go of the database."""
        if self.tokens:
            self.tokens.close()

    # ── who asks ────────────────────────────────────────────────────────────────────────────────────────────

    async def visitor(self, scope: Scope, is_own: bool) -> Visitor | None:
        """Return who sent a request, or None; `is_own` says whether it comes from no other site's page."""
        headers = Headers(scope=scope)
        # Another site's page that shows no token of its own may ask, and no more than that, whoever looks at it.
        if self.is_open:
            return Visitor(f"address:{address_of(scope)}", _ADMIN if is_own else _ASK)
        if self.access.proxy and headers.getlist(self.access.proxy.header):
            visitor = self._named_by_proxy(scope, headers.getlist(self.access.proxy.header))
            return visitor if visitor is None or is_own else replace(visitor, permission=min(_ASK, visitor.permission))
        if headers.getlist("authorization"):
            return await self._with_token(headers.getlist("authorization"))
        return await self._with_session(headers) if self.has_log_in and is_own else None

    def _named_by_proxy(self, scope: Scope, names: list[str]) -> Visitor | None:
        proxy = self.access.proxy
        # Two headers: the proxy has added its own to one that the visitor made up.
        if proxy is None or not proxy.is_at(address_of(scope)) or len(names) != 1:
            return None
        user = names[0].strip()
        if not user or len(user) > _LONGEST_USER or not user.isprintable():
            return None
        return Visitor(f"user:{user}", _ADMIN if user in proxy.admins else proxy.permission)

    async def _with_token(self, credentials: list[str]) -> Visitor | None:
        kind, _, secret = credentials[0].partition(" ")
        if self.tokens is None or len(credentials) != 1 or kind.lower() != "bearer":
            return None
        return self._holder(await run_in_threadpool(self.tokens.find, secret.strip()), False)

    async def _with_session(self, headers: Headers) -> Visitor | None:
        secret = session_secret(headers)
        if self.tokens is None or not secret:
            return None
        return self._holder(await run_in_threadpool(self.tokens.session, secret), True)

    def _holder(self, token: Token | None, has_session: bool) -> Visitor | None:
        if token is None:
            return None
        if monotonic() >= self._noted.get(token.id, 0.0) + _NOTED_EVERY:
            self._noted[token.id] = monotonic()
            task = asyncio.create_task(run_in_threadpool(self._note_use, token))
            self._noting.add(task)  # else nothing holds it
            task.add_done_callback(self._noting.discard)
        return Visitor(f"token:{token.name}", token.permission, has_session)

    def _note_use(self, token: Token) -> None:
        """Write down that a token was used; not in the request's own time, for another may be writing."""
        try:
            if self.tokens:
                self.tokens.note_use(token)
        except SaidsoError as error:
            _log.warning("The use of the token %r could not be noted: %s", token.name, error)

    # ── what may they ───────────────────────────────────────────────────────────────────────────────────────

    def refusal(self, scope: Scope, visitor: Visitor | None) -> Refusal | None:
        """Return why a request is refused, or None where it may pass."""
        path, proxy = scope["path"], self.access.proxy
        if proxy and path != "/healthz" and not proxy.is_at(address_of(scope)):
            return Refusal(403, "Saidso is reached through its proxy only.")
        row = row_for(scope["method"], path)
        if row.needs == _NONE:
            return None
        if visitor is None:
            return self._unknown(scope)
        if row.needs is None:
            return Refusal(404, "Not Found")
        if visitor.permission < row.needs:
            return Refusal(403, lacking(row.needs))
        wait = self.wait_for(visitor) if row.asks else 0
        return Refusal(429, _too_often(wait), (("Retry-After", str(wait)),)) if wait else None

    def wait_for(self, visitor: Visitor) -> int:
        """Count a question of a visitor's: return 0, or in how many seconds the next may be asked."""
        if self._limiter is None:
            return 0
        kind, _, name = visitor.name.partition(":")
        return self._limiter.take(f"{kind}:{network_of(name)}" if kind == "address" else visitor.name)

    def _unknown(self, scope: Scope) -> Refusal:
        """Send a person who opens a page to the log-in; tell a program what to show."""
        headers = Headers(scope=scope)
        is_page = headers.get("sec-fetch-mode", "navigate") == "navigate" and "text/html" in headers.get("accept", "")
        if self.has_log_in and is_page and scope["method"] in ("GET", "HEAD") and "authorization" not in headers:
            wanted = scope["path"] + (f"?{query}" if (query := scope["query_string"].decode("latin-1")) else "")
            return Refusal(303, "Log in first.", (("Location", f"/login?next={quote(wanted, safe='')}"),))
        shown = "Show a valid access token: Authorization: Bearer saidso_…"
        return Refusal(401, shown, (("WWW-Authenticate", "Bearer"),))


def lacking(needed: Permission) -> str:
    """Return the sentence for somebody who may not do what takes the permission `needed`."""
    return f"This takes the scope {needed.scope}, which you have not; ask whoever runs Saidso."


def _too_often(wait: int) -> str:
    return f"That is more questions than you may ask; go on in {counted(wait, 'second')}."


def address_of(scope: Scope) -> str:
    """Return the address of the socket's other end, which nobody can make up, unlike any header."""
    return str((scope.get("client") or ("",))[0])


def session_secret(headers: Headers) -> str:
    """Return what the session's cookie holds, or nothing."""
    try:
        cookie = SimpleCookie("; ".join(headers.getlist("cookie"))).get(SESSION_COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


# ── for those who answer ────────────────────────────────────────────────────────────────────────────────────


def admit(scope: Scope, doorkeeper: Doorkeeper, visitor: Visitor | None) -> None:
    """Let those who answer a request know who asks."""
    scope.setdefault("state", {}).update(visitor=visitor, doorkeeper=doorkeeper)


def visitor_of(request: HTTPConnection) -> Visitor | None:
    """Return who sent a request that has passed the guard; None where nobody had to say."""
    visitor = request.scope.get("state", {}).get("visitor")
    return visitor if isinstance(visitor, Visitor) else None


def owner_of(request: HTTPConnection) -> str:
    """Return whose conversations a visitor has: their own under a name, those of all who come without one."""
    visitor = visitor_of(request)
    return "" if visitor is None or visitor.name.startswith("address:") else visitor.name


def require(request: HTTPConnection, permission: Permission) -> Visitor:
    """Return who asks. Raises SaidsoError where they have not the permission."""
    visitor = visitor_of(request)
    if visitor is None or visitor.permission < permission:
        raise SaidsoError(lacking(permission))
    return visitor


def count_question(request: HTTPConnection) -> None:
    """Count a question. Raises SaidsoError where there have been too many; only for what the table does not count."""
    visitor = require(request, Permission.ASK)
    if wait := request.scope["state"]["doorkeeper"].wait_for(visitor):
        raise SaidsoError(_too_often(wait))
