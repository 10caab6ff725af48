"""Access control over the whole application: no route, path or header gets round it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from assistant.access_settings import Access, Permission, Rate
from assistant.evaluation.jobs import Jobs
from assistant.settings import Settings
from assistant.tokens import Tokens
from assistant.web.access import SESSION_COOKIE, TABLE, Doorkeeper, Visitor, row_for
from assistant.web.server import create_app, serve, warnings_about
from assistant.web.startup import Startup
from index.errors import SaidsoError

HOST = "news.test"
PORTAL = "https://portal.test"
STRANGER = "https://evil.test"
NEAR, FAR = "10.0.0.5", "203.0.113.9"  # the proxy, and somebody
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# And the widget's own files; for its other routes, with keys of their own, whoever shows none is a stranger too.
PUBLIC = {"/healthz", "/readyz", "/login", "/logout", "/widget.js", "/widget/frame.js", "/widget/frame.css"}
REFUSED = {401, 403, 404, 405}


@dataclass(frozen=True)
class Got:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_log_in(self) -> bool:
        return self.status == 303 and self.headers["location"].startswith("/login")

    @property
    def detail(self) -> str:
        return str(json.loads(self.body)["detail"])


Headers = Sequence[tuple[str, str]]


async def call(
    app: FastAPI,
    method: str,
    path: str,
    *headers: tuple[str, str],
    body: bytes = b"",
    peer: str = FAR,
    host: str = HOST,
) -> Got:
    """Send one request as a server passes it on: nothing tidies the path, and a header may come twice."""
    start: dict[str, Any] = {}
    parts: list[bytes] = []
    over = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not parts and not over.is_set():
            over.set()
            return {"type": "http.request", "body": body, "more_body": False}
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        start.update(message) if message["type"] == "http.response.start" else parts.append(message.get("body", b""))

    path, _, query = path.partition("?")
    named = [("host", host), *headers] if host else list(headers)
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": method,
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "state": {},
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in named],
        "client": (peer, 50_000), "server": ("192.0.2.1", 7860),
    }  # fmt: skip
    await app(scope, receive, send)  # type: ignore[arg-type]
    return Got(start["status"], {n.decode(): v.decode("latin-1") for n, v in start["headers"]}, b"".join(parts))


def run(wanted: Awaitable[Any]) -> Any:
    async def wait() -> Any:
        return await wanted

    return asyncio.run(wait())


def bearer(secret: str) -> tuple[str, str]:
    return "authorization", f"Bearer {secret}"


def app_with(folder: Path, access: Access, host: str = "0.0.0.0") -> FastAPI:
    settings = Settings(folder, host=host, access=replace(access, hosts=frozenset({HOST})))

    def never() -> Any:
        raise SaidsoError("The data folder /secret/place cannot be written.")

    async def make() -> FastAPI:
        startup = Startup(never)
        startup.run()
        return create_app(startup, Jobs(settings, startup.wait), settings)

    return asyncio.run(make())


@dataclass(frozen=True)
class Secrets:
    ask: str
    ingest: str
    admin: str


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access")


@pytest.fixture(scope="module")
def tokens(folder: Path) -> Iterator[Tokens]:
    tokens = Tokens.open(Settings(folder).database_url)
    yield tokens
    tokens.close()


@pytest.fixture(scope="module")
def secrets(tokens: Tokens) -> Secrets:
    return Secrets(*(tokens.create(f"the {one.scope}", one)[1] for one in Permission if one))


@pytest.fixture(scope="module")
def app(folder: Path, secrets: Secrets) -> FastAPI:
    """The application as served beyond this machine, with tokens and one site that may call it."""
    return app_with(folder, Access(origins=frozenset({PORTAL}), rate=None, rate_is_set=True))


# ── the sweep ───────────────────────────────────────────────────────────────────────────────────────────────


def routes_of(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (method, path) of every route, in mounted applications too; what varies in a path is filled in."""
    for context in iter_route_contexts(routes):
        route = context.original_route
        path = prefix + (context.path or getattr(route, "path", ""))
        inner = getattr(route, "routes", None)
        if inner:
            yield from routes_of(inner, path)
        else:
            concrete = path.replace(":path", "")
            for part in [piece.split("}")[0] for piece in concrete.split("{")[1:]]:
                concrete = concrete.replace(f"{{{part}}}", "some")
            methods = context.methods or getattr(route, "methods", None)
            for method in sorted(methods or ("GET", "HEAD")):  # what has none serves files
                yield method, concrete if methods else f"{concrete}/some"


@pytest.fixture(scope="module")
def routes(app: FastAPI) -> list[tuple[str, str]]:
    return sorted(set(routes_of(app.routes)))


def test_the_sweep_sees_gradio_and_our_own(routes: list[tuple[str, str]]) -> None:
    for known in [
        ("GET", "/"), ("POST", "/login"), ("DELETE", "/api/evaluations/some"), ("GET", "/web/some"),
        ("POST", "/gradio_api/queue/join"), ("GET", "/gradio_api/file=some"), ("GET", "/config"),
    ]:  # fmt: skip
        assert known in routes


def test_every_route_is_in_the_table(routes: list[tuple[str, str]]) -> None:
    unknown = [f"{method} {path}" for method, path in routes if row_for(method, path) not in TABLE]
    assert not unknown, f"say in assistant/web/access.py what these need: {unknown}"


STRANGERS: dict[str, Headers] = {
    "nothing": (),
    "a browser": (("accept", "text/html"), ("sec-fetch-mode", "navigate")),
    "another site": (("origin", STRANGER), ("sec-fetch-site", "cross-site")),
    "no origin's": (("origin", "null"),),
    "a made-up token": (bearer("saidso_" + "A" * 48),),
    "a made-up session": (("cookie", f"{SESSION_COOKIE}=AAAA"),),
    "a made-up proxy": (("x-forwarded-user", "a"), ("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1")),
    "an overridden method": (("x-http-method-override", "GET"), ("x-original-url", "/login"), ("x-rewrite-url", "/")),
}  # fmt: skip


@pytest.mark.parametrize("headers", STRANGERS.values(), ids=STRANGERS.keys())
def test_strangers_get_nothing(app: FastAPI, routes: list[tuple[str, str]], headers: Headers) -> None:
    async def sweep() -> list[str]:
        other = [(method, path) for _, path in routes for method in METHODS] if not headers else []
        asked = {(method, path) for method, path in [*routes, *other] if path not in PUBLIC}
        got = {(method, path): await call(app, method, path, *headers) for method, path in sorted(asked)}
        return [
            f"{method} {path}: {answer.status}"
            for (method, path), answer in got.items()
            if not (answer.status in REFUSED or answer.is_log_in)
            or any(name.startswith("access-control-") for name in answer.headers)
        ]

    assert run(sweep()) == []


def test_another_host_name_gets_nothing_even_with_a_token(
    app: FastAPI, routes: list[tuple[str, str]], secrets: Secrets
) -> None:
    async def sweep() -> set[int]:
        return {
            (await call(app, method, path, bearer(secrets.admin), host=host)).status
            for method, path in routes
            for host in ("evil.test", f"{HOST}.evil.test", "")
        }

    assert run(sweep()) == {400}


@pytest.mark.parametrize("has", [Permission.ASK, Permission.INGEST])
def test_too_small_a_scope_is_refused_by_name(
    app: FastAPI, routes: list[tuple[str, str]], secrets: Secrets, has: Permission
) -> None:
    async def sweep() -> list[str]:
        wrong = []
        for method, path in [*routes, ("PUT", "/web/some"), ("PATCH", "/"), ("DELETE", "/some"), ("GET", "/some")]:
            needs = row_for(method, path).needs
            if needs is None or needs > has:
                answer = await call(app, method, path, bearer(getattr(secrets, has.scope)))
                expected = 404 if needs is None else 403
                if answer.status != expected or (needs and f"the scope {needs.scope}" not in answer.detail):
                    wrong.append(f"{method} {path}: {answer.status}")
        return wrong

    assert run(sweep()) == []


def test_what_the_table_does_not_know_needs_an_admin(app: FastAPI, secrets: Secrets) -> None:
    async def ask() -> list[int]:
        return [
            (await call(app, "GET", "/brand/new", bearer(secret))).status
            for secret in (secrets.ask, secrets.ingest, secrets.admin)
        ]

    assert run(ask()) == [403, 403, 404]


# ── ways round ──────────────────────────────────────────────────────────────────────────────────────────────

ODD_PATHS = [
    "//api/evaluations", "///", "/./api/evaluations", "/healthz/../api/evaluations", "/login/../api/evaluations",
    "/widget/../api/evaluations", "/widget.js/../../api/evaluations", "/healthz/..", "/web/../../pyproject.toml",
    "/API/evaluations", "/Api/Evaluations", "/api/evaluations/", "/api//evaluations", "/api/evaluations;/healthz",
    "/api/evaluations?/healthz", "/api/evaluations\x00/healthz", "/api\\evaluations", "/healthz\\..\\api\\evaluations",
    "/healthz/", "/healthzz", "/healthz%2f..%2fapi", "/login/", "/login/x", "/logout/", "/readyz/x", "/widgets",
    "/widget.jsx", "/gradio_api/file=/etc/passwd", "/gradio_api//file=/etc/passwd", "/file=/etc/passwd", "healthz", "",
]  # fmt: skip


def test_no_spelling_of_a_path_gets_round(app: FastAPI) -> None:
    async def sweep() -> list[str]:
        got = [(path, method, await call(app, method, path)) for path in ODD_PATHS for method in METHODS]
        return [f"{method} {path!r}: {answer.status}" for path, method, answer in got if answer.status not in REFUSED]

    assert run(sweep()) == []


def test_a_strange_method_gets_nothing(app: FastAPI, secrets: Secrets) -> None:
    for method in ("get", "Get", "TRACE", "CONNECT", "PROPFIND", "QUERY", "GET "):
        assert run(call(app, method, "/config")).status in REFUSED


def test_a_token_counts_once_and_as_it_is(app: FastAPI, secrets: Secrets) -> None:
    good = bearer(secrets.admin)
    for wrong in [
        (good, good), (good, bearer("saidso_x")), (bearer("saidso_x"), good), (("authorization", secrets.admin),),
        (("authorization", f"Basic {secrets.admin}"),), (("authorization", "Bearer"),), (("authorization", ""),),
        (bearer(f"{secrets.admin},{secrets.ask}"),), (("cookie", f"{SESSION_COOKIE}={secrets.admin}"),),
        (("x-api-key", secrets.admin),),
    ]:  # fmt: skip
        answer = run(call(app, "GET", "/config", *wrong))
        assert (answer.status, answer.headers.get("www-authenticate")) == (401, "Bearer"), wrong
    assert run(call(app, "GET", "/config", ("authorization", f"bearer  {secrets.admin} "))).status == 200
    assert run(call(app, "GET", f"/config?access_token={secrets.admin}&token={secrets.admin}")).status == 401


def test_there_is_no_socket(app: FastAPI, secrets: Secrets) -> None:
    async def connect(path: str) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"host", HOST.encode()), (b"authorization", f"Bearer {secrets.admin}".encode())]
        scope = {"type": "websocket", "path": path, "headers": headers, "query_string": b"", "subprotocols": []}
        await app(scope, receive, send)  # type: ignore[arg-type]
        return sent

    for path in ("/", "/gradio_api/queue/join", "/mcp", "/nowhere"):
        assert run(connect(path)) == [{"type": "websocket.close", "code": 1008}]


def test_gradio_takes_no_files(app: FastAPI, secrets: Secrets) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
    form = ("content-type", "multipart/form-data; boundary=x")
    assert run(call(app, "POST", "/gradio_api/upload", bearer(secrets.ingest), form, body=body)).status == 404


# ── what gets in ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_public_part_tells_no_more_than_that_it_is_there(app: FastAPI, secrets: Secrets) -> None:
    assert run(call(app, "GET", "/healthz")).body == b'{"status":"ok"}'
    assert json.loads(run(call(app, "GET", "/readyz")).body) == {"status": "failed"}
    assert json.loads(run(call(app, "GET", "/readyz", bearer("saidso_x"))).body) == {"status": "failed"}
    told = json.loads(run(call(app, "GET", "/readyz", bearer(secrets.ask))).body)
    assert told == {"status": "failed", "reason": "The data folder /secret/place cannot be written."}


def test_each_scope_opens_its_part(app: FastAPI, secrets: Secrets) -> None:
    def status(secret: str, method: str, path: str) -> int:
        return int(run(call(app, method, path, bearer(secret))).status)

    for secret in (secrets.ask, secrets.ingest, secrets.admin):
        assert status(secret, "GET", "/") == status(secret, "GET", "/config") == 200
    assert status(secrets.ask, "POST", "/api/evaluations") == 403
    assert status(secrets.ingest, "POST", "/api/evaluations") == 422  # there is no file
    assert run(call(app, "GET", "/config", bearer(secrets.ask), host="192.0.2.1:7860")).status == 200


def test_the_use_of_a_token_is_noted(app: FastAPI, tokens: Tokens) -> None:
    _, secret = tokens.create("noted", Permission.ASK)

    async def use() -> None:
        await call(app, "GET", "/config", bearer(secret))
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))

    run(use())
    assert next(token.last_used for token in tokens.all() if token.name == "noted") is not None
    tokens.revoke("noted")
    assert run(call(app, "GET", "/config", bearer(secret))).status == 401


# ── the log-in ──────────────────────────────────────────────────────────────────────────────────────────────

FORM = ("content-type", "application/x-www-form-urlencoded")
OWN = ("origin", f"http://{HOST}")


def log_in(app: FastAPI, secret: str, *headers: tuple[str, str], next_: str = "/", peer: str = FAR) -> Got:
    got: Got = run(call(app, "POST", "/login", FORM, *headers, body=f"token={secret}&next={next_}".encode(), peer=peer))
    return got


def session_of(got: Got) -> tuple[str, str]:
    return "cookie", got.headers["set-cookie"].split(";")[0]


def test_a_person_is_sent_to_log_in_and_back(app: FastAPI) -> None:
    browser = (("accept", "text/html,*/*"), ("sec-fetch-mode", "navigate"))
    sent = run(call(app, "GET", "/?a=1&b=2", *browser))
    assert (sent.status, sent.headers["location"]) == (303, "/login?next=%2F%3Fa%3D1%26b%3D2")
    assert b'value="/?a=1&amp;b=2"' in run(call(app, "GET", "/login?next=%2F%3Fa%3D1%26b%3D2")).body
    for program in [
        (),
        (("accept", "*/*"),),
        (*browser, bearer("saidso_x")),
        (("accept", "text/html"), ("sec-fetch-mode", "cors")),
    ]:
        assert run(call(app, "GET", "/", *program)).status == 401
    assert run(call(app, "POST", "/api/evaluations", *browser)).status == 401


def test_a_session_is_the_browsers_own(app: FastAPI, secrets: Secrets) -> None:
    got = log_in(app, secrets.ask, OWN, next_="/%3Fa=1")
    assert (got.status, got.headers["location"]) == (303, "/?a=1")
    rules = set(got.headers["set-cookie"].lower().split("; ")[1:])
    assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= rules and "secure" not in rules
    assert "secure" in log_in(app, secrets.ask, ("origin", f"https://{HOST}")).headers["set-cookie"].lower()
    session = session_of(got)
    assert run(call(app, "GET", "/", session)).status == 200
    assert run(call(app, "GET", "/login?next=/x", session)).headers["location"] == "/x"
    assert run(call(app, "POST", "/api/evaluations", session)).status == 403  # what the token may not, it may not
    assert run(call(app, "GET", "/config", session, ("origin", PORTAL))).status == 401  # not for another site's page
    out = run(call(app, "GET", "/logout", session))
    assert (out.status, out.headers["location"]) == (303, "/login") and 'saidso_session=""' in out.headers["set-cookie"]
    assert run(call(app, "GET", "/config", session)).status == 401


def test_a_revoked_token_ends_its_sessions(app: FastAPI, tokens: Tokens) -> None:
    _, secret = tokens.create("leaving", Permission.ASK)
    session = session_of(log_in(app, secret))
    assert run(call(app, "GET", "/config", session)).status == 200
    tokens.revoke("leaving")
    assert run(call(app, "GET", "/config", session)).status == 401


def test_a_link_of_another_site_finds_the_session_again(app: FastAPI) -> None:
    got = run(call(app, "GET", "/login?next=/x", ("sec-fetch-site", "cross-site")))
    assert got.status == 200 and b"url=/login?next=%2Fx" in got.body and b"<form" not in got.body


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.test", "//evil.test", "/\\evil.test", "\\\\evil.test", "/%09/evil.test", "/%0d%0aSet-Cookie:x=1",
        "javascript:alert(1)", "evil", "", "/login", "/logout",
    ],
)  # fmt: skip
def test_the_way_back_leads_nowhere_else(app: FastAPI, secrets: Secrets, place: str) -> None:
    assert log_in(app, secrets.ask, next_=place).headers["location"] == "/"


def test_failed_log_ins_are_slowed_and_tell_nothing(
    app: FastAPI, tokens: Tokens, secrets: Secrets, caplog: pytest.LogCaptureFixture
) -> None:
    _, gone = tokens.create("gone", Permission.ASK)
    tokens.revoke("gone")
    peer = "198.51.100.1"
    failed = [log_in(app, wrong, peer=peer) for wrong in (gone, "saidso_x", "", "%00", "<b>")]
    assert {(got.status, got.body) for got in failed} == {(401, failed[0].body)}
    assert "set-cookie" not in failed[0].headers
    assert [record.getMessage() for record in caplog.records] == [f"A log-in from {peer} failed."] * 5
    slowed = log_in(app, secrets.admin, ("x-forwarded-for", "192.0.2.77"), peer=peer)
    assert slowed.status == 429 and 1 <= int(slowed.headers["retry-after"]) <= 12
    assert b"Too many log-ins have failed; try again in" in slowed.body
    assert log_in(app, secrets.admin, peer="198.51.100.2").status == 303


@pytest.mark.parametrize("origin", [STRANGER, "null", f"http://{HOST}.evil.test"])
def test_another_site_cannot_log_anybody_in(app: FastAPI, secrets: Secrets, origin: str) -> None:
    assert log_in(app, secrets.ask, ("origin", origin)).status == 403


def test_a_broken_form_is_told_so(app: FastAPI) -> None:
    upload = ("content-type", "multipart/form-data; boundary=x")
    assert run(call(app, "POST", "/login", upload, body=b"--x--", peer="198.51.100.3")).status == 400
    crowded = b"&".join(b"a=1" for _ in range(1000))
    assert run(call(app, "POST", "/login", FORM, body=crowded, peer="198.51.100.3")).status == 401


# ── other sites ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_allowed_site_may_call_with_a_token_and_show_the_page(app: FastAPI, secrets: Secrets) -> None:
    wishes = (
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    )
    allowed = run(call(app, "OPTIONS", "/api/evaluations", ("origin", PORTAL), *wishes))
    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == PORTAL
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in allowed.headers
    read = run(call(app, "GET", "/config", ("origin", PORTAL), bearer(secrets.ask)))
    assert (read.status, read.headers["access-control-allow-origin"]) == (200, PORTAL)
    assert "origin" in read.headers["vary"].lower() and "access-control-allow-credentials" not in read.headers
    assert run(call(app, "POST", "/api/evaluations", ("origin", PORTAL), bearer(secrets.ingest))).status == 422
    refused = run(call(app, "GET", "/config", ("origin", PORTAL)))
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, PORTAL)
    assert f"frame-ancestors {PORTAL}" in read.headers["content-security-policy"]
    assert "x-frame-options" not in read.headers


def test_a_stranger_may_not(app: FastAPI, secrets: Secrets) -> None:
    for origin in (STRANGER, "null", "https://portal.test.evil.test", "http://portal.test", "https://portal.test:444"):
        preflight = (("origin", origin), ("access-control-request-method", "POST"))
        for method, headers in (("OPTIONS", preflight), ("POST", (("origin", origin), bearer(secrets.admin)))):
            got = run(call(app, method, "/api/evaluations", *headers))
            assert got.status == 403 and not any(name.startswith("access-control") for name in got.headers)


# ── the other ways to serve ─────────────────────────────────────────────────────────────────────────────────

PROXY = {
    "SAIDSO_PROXY_USER_HEADER": "X-Forwarded-User",
    "SAIDSO_PROXY_ADDRESSES": f"{NEAR},10.1.0.0/16",
    "SAIDSO_PROXY_ADMINS": "ann",
}


@pytest.fixture(scope="module")
def proxied(folder: Path, secrets: Secrets) -> FastAPI:
    return app_with(folder, Access.from_environment(PROXY))


def test_the_proxys_word_counts_from_the_proxy_only(
    proxied: FastAPI, routes: list[tuple[str, str]], secrets: Secrets
) -> None:
    ann, bob = ("x-forwarded-user", "ann"), ("x-forwarded-user", "bob")
    assert run(call(proxied, "GET", "/config", bob, peer=NEAR)).status == 200
    assert run(call(proxied, "GET", "/config", bob, peer="::ffff:10.1.2.3")).status == 200
    assert run(call(proxied, "POST", "/api/evaluations", bob, peer=NEAR)).status == 403
    assert run(call(proxied, "POST", "/api/evaluations", ann, peer=NEAR)).status == 422
    spoofed = (ann, ("x-forwarded-for", NEAR), ("x-real-ip", NEAR), ("forwarded", f"for={NEAR}"), bearer(secrets.admin))

    async def sweep() -> set[tuple[int, bool]]:
        got = [await call(proxied, method, path, *spoofed) for method, path in routes if path != "/healthz"]
        return {(answer.status, "through its proxy only" in answer.detail) for answer in got}

    assert run(sweep()) == {(403, True)}


def test_the_proxy_names_one_user_or_nobody(proxied: FastAPI, secrets: Secrets) -> None:
    def status(*headers: tuple[str, str]) -> int:
        return int(run(call(proxied, "GET", "/config", *headers, peer=NEAR)).status)

    ann, bob = ("x-forwarded-user", "ann"), ("X-Forwarded-User", "bob")
    assert status() == 401
    assert status(("x-forwarded-user", "")) == status(("x-forwarded-user", "a" * 201)) == 401
    assert status(ann, bob) == status(bob, ann) == 401
    assert status(bob, bearer(secrets.admin)) == 200
    assert status(bearer(secrets.ask)) == 200  # a program, which the proxy lets through with its token
    assert run(call(proxied, "GET", "/", ("accept", "text/html"), peer=NEAR)).status == 401  # there is no log-in
    # A page of another site, looked at by an admin, may ask at most.
    allowed = run(call(proxied, "POST", "/api/evaluations", ann, ("origin", STRANGER), peer=NEAR))
    assert allowed.status == 403


def test_insecure_serves_everybody_but_for_other_sites(tmp_path: Path) -> None:
    app = app_with(tmp_path, Access(insecure=True, origins=frozenset({PORTAL})))
    assert run(call(app, "GET", "/config")).status == 200
    assert run(call(app, "GET", "/login")).headers["location"] == "/"
    assert log_in(app, "x").headers["location"] == "/"
    assert run(call(app, "POST", "/api/evaluations")).status == 422
    assert run(call(app, "POST", "/api/evaluations", ("origin", STRANGER))).status == 403
    assert run(call(app, "POST", "/api/evaluations", ("origin", PORTAL))).status == 403  # it may ask, not write
    assert run(call(app, "GET", "/config", ("origin", PORTAL))).status == 200
    assert run(call(app, "GET", "/config", host="evil.test")).status == 400
    assert run(call(app, "GET", "/gradio_api/file=/etc/passwd")).status == 404


def test_questions_have_a_rate_for_each_who_asks(folder: Path, tokens: Tokens, secrets: Secrets) -> None:
    app = app_with(folder, Access(rate=Rate(2, 3600), rate_is_set=True))

    def ask(secret: str, peer: str = FAR) -> Got:
        got: Got = run(call(app, "POST", "/api/ask", bearer(secret), peer=peer))
        return got

    assert [ask(secrets.ask).status == 429 for _ in range(3)] == [False, False, True]
    slowed = ask(secrets.ask, peer=NEAR)  # from elsewhere, yet the same token
    assert slowed.status == 429 and 1 <= int(slowed.headers["retry-after"]) <= 1800
    assert slowed.detail.startswith("That is more questions than you may ask; go on in ")
    assert ask(secrets.admin).status != 429
    assert run(call(app, "GET", "/config", bearer(secrets.ask))).status == 200  # only questions count


@pytest.mark.parametrize(
    ("access", "host", "rate"),
    [
        (Access(), "127.0.0.1", None),
        (Access(insecure=True), "0.0.0.0", 60),
        (Access(insecure=True, rate=None, rate_is_set=True), "0.0.0.0", None),
        (Access(rate=Rate(3, 60), rate_is_set=True), "127.0.0.1", 3),
    ],
)
def test_the_rate_is_off_on_this_machine_and_on_beyond(access: Access, host: str, rate: int | None) -> None:
    doorkeeper, somebody = Doorkeeper(access, host), Visitor("address:203.0.113.9", Permission.ASK)
    waits = [doorkeeper.wait_for(somebody) for _ in range(100)]
    assert waits.index(next(filter(None, waits))) == rate if rate else not any(waits)


# ── the choice before serving ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "example.com", "::"])
def test_beyond_this_machine_nothing_is_served_without_a_choice(tmp_path: Path, host: str) -> None:
    with pytest.raises(SaidsoError) as caught:
        serve(Settings(tmp_path, host=host))
    for choice in (host, "saidso token create", "SAIDSO_PROXY_USER_HEADER", "--insecure"):
        assert choice in str(caught.value)


def test_a_name_beyond_this_machine_takes_a_choice_too(tmp_path: Path) -> None:
    with pytest.raises(SaidsoError, match=r"does not serve news\.test until you choose"):
        serve(Settings(tmp_path, access=Access(hosts=frozenset({HOST}))))


def test_tokens_that_have_run_out_are_no_choice(tmp_path: Path) -> None:
    settings = Settings(tmp_path, host="0.0.0.0")
    tokens = Tokens.open(settings.database_url)
    tokens.create("old", Permission.ASK, days=-1)
    tokens.close()
    with pytest.raises(SaidsoError, match="until you choose"):
        serve(settings)


@pytest.mark.parametrize(
    ("access", "sentence"),
    [
        (Access(require_token=True), "SAIDSO_REQUIRE_TOKEN is set and there is no token"),
        (Access(require_token=True, insecure=True), "--insecure lets everybody in"),
        (Access(certificate=Path("c.pem")), "both --certificate and --key"),
        (Access(certificate=Path("no.pem"), key=Path("no.key")), r"no\.pem with the key no\.key cannot be used"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, access: Access, sentence: str) -> None:
    with pytest.raises(SaidsoError, match=sentence):
        serve(Settings(tmp_path, access=access))


def test_an_address_of_another_machine_is_named(tmp_path: Path) -> None:
    with pytest.raises(SaidsoError, match=r"'203\.0\.113\.9' is no address of this machine"):
        serve(Settings(tmp_path, host="203.0.113.9", access=Access(insecure=True)))


def test_who_starts_it_is_warned(tmp_path: Path) -> None:
    def warned(**access: Any) -> list[str]:
        return warnings_about(Settings(tmp_path, host="0.0.0.0", access=Access(**access)))

    assert warnings_about(Settings(tmp_path)) == []
    assert "everybody who reaches 0.0.0.0" in warned(insecure=True)[0]
    assert "Without --certificate" in warned()[0]
    assert warned(certificate=tmp_path, key=tmp_path) == []
