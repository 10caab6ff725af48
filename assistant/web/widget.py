"""The widget over HTTP: its script, its frame, a session for a publish key, and answers for a session.

What holds in a browser:

- The frame is shown by pages of the key's origins only: `frame-ancestors` covers every page around it, and a page in
  a sandbox has none of these origins. So a page elsewhere that copies the key shows nothing.
- Sessions, answers and passages are given to pages of this very address only: `Guard` refuses foreign origins and
  `Origin: null`, no answer allows a foreign reader, and `Sec-Fetch-Site` must be `same-origin` where a browser sends
  it. The one page that asks for them is the frame, and it names the origin by which the browser says that it is
  shown.
- The frame works inside a page only: opened by itself it is refused (`Sec-Fetch-Dest`, and again by its script). A
  `Referer` of another origin is refused as well; there may be none, since pages can hold it back.
- A session lasts 30 minutes and is bound to its key, origin and visitor; a key that has ended ends its sessions at
  once. A passage opens where an answer to this widget cited it, and nowhere else: a visitor cannot leave the
  selection.

What cannot be prevented: a program outside a browser sends any headers it likes. With a key and one of its origins,
which both stand in the source of the page, it gets what a visitor of that page gets, and can be a new visitor each
time, so that the limit for a visitor does not hold it. The limit for the day does, and it can use that up. A stolen
token works until it ends, from anywhere, within the limits of its visitor. `saidso widget log` shows both, and
`saidso widget rotate` ends both. An allowed page can ask by itself (`saidso.ask`), and show something that only looks
like the widget. Whoever must not read the articles must not reach the server: the widget is no access control.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.datastructures import Headers

from assistant.answer import Answer
from assistant.citations import Citation
from assistant.followup import Exchange, read_history
from assistant.scope import scope
from assistant.settings import Settings
from assistant.web import confidence
from assistant.web.crew import Crew
from assistant.web.events import GoneError, Stream, event_stream
from assistant.web.refusals import status_of
from assistant.web.seal import Seal
from assistant.web.source_pane import describe, safe_address
from assistant.web.startup import Startup
from assistant.web.wording import day
from assistant.widget_keys import WidgetKey, WidgetKeys, parse_origin
from assistant.widget_log import LimitError, WidgetLog
from index.errors import SaidsoError

_FILES = Path(__file__).with_name("static") / "widget"
_SESSION_SECONDS = 1800
_AT_ONCE, _WAITING = 2, 30  # questions of all widgets that are answered at one time, and that may wait
_STOPPED = 499  # as the log has it
_LOOK_AGAIN = 0.1  # seconds
_LONGEST = 2_000  # characters of a key, an origin or a token
_MOST_TURNS = 50
# Whoever may frame it is named for each key. Nothing comes from elsewhere, and no text can become HTML.
_FRAME_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors {origins}"
)
_ENDED = "This assistant has been switched off."
_NOT_HERE = "This page may not show the assistant."
_NOT_ALONE = "This page works only inside the page that it was made for."
_RAN_OUT = "The session has ended; open the assistant again."


def add_widget(app: FastAPI, startup: Startup, settings: Settings) -> None:
    """Add /widget.js and the routes under /widget."""
    routes = _Routes(startup, settings.database_url)
    router = APIRouter(lifespan=routes.lifespan, include_in_schema=False)  # for the frame, and for no program
    router.add_api_route("/widget.js", _file("widget.js", "text/javascript"))
    router.add_api_route("/widget/frame.js", _file("frame.js", "text/javascript"))
    router.add_api_route("/widget/frame.css", _file("frame.css", "text/css"))
    router.add_api_route("/widget/frame", routes.frame)
    # Who asks is looked at first, and only then what for.
    from_frame, in_session = Depends(_from_frame), Depends(routes.check_session)
    router.add_api_route("/widget/session", routes.session, methods=["POST"], dependencies=[from_frame])
    router.add_api_route("/widget/ask", routes.ask, methods=["POST"], dependencies=[in_session])
    router.add_api_route("/widget/passage", routes.passage, dependencies=[in_session])
    app.include_router(router)


class Exchanged(BaseModel):
    """A publish key, the origin that shows the frame, and the session so far, where there is one to go on with."""

    key: str = Field(max_length=_LONGEST)
    origin: str = Field(max_length=_LONGEST)
    token: str = Field("", max_length=_LONGEST)


class Asked(BaseModel):
    """A question, and the turns before it as their answers gave them (`turn`), the earliest first."""

    question: str
    history: list[dict[str, str]] = Field([], max_length=_MOST_TURNS)


class _Session(NamedTuple):
    """Who asks: with which key, from a page of which origin, under which pseudonym, until when (seconds since 1970)."""

    key: str
    origin: str
    visitor: str
    ends: int


class _Routes:
    """What each route does; those that are not `async` run in a thread, so that they hold nobody up."""

    def __init__(self, startup: Startup, url: str) -> None:
        self._startup = startup
        self._url = url
        self._opening = threading.Lock()
        self._opened: tuple[WidgetKeys, WidgetLog, Seal] | None = None
        self._crew = Crew(_AT_ONCE, _WAITING)

    @asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        """Let go of the database when the application ends."""
        yield
        if self._opened:
            keys, log, _ = self._opened
            keys.close()
            log.close()

    def frame(self, request: Request, key: str = "") -> Response:
        """The page within the frame, for the origins of its key."""
        keys, log, _ = self._open()
        found = keys.find(key[:_LONGEST])
        if found is None:
            return Response(_page("There is no such assistant."), 404, media_type="text/html")
        headers = {
            "Content-Security-Policy": _FRAME_POLICY.format(origins=" ".join(found.origins)),
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Cross-Origin-Embedder-Policy": "require-corp",  # else pages that are isolated themselves cannot show it
            "Cache-Control": "no-store",
        }
        refusal = _ENDED if not found.is_live(keys.now()) else _frame_refusal(request.headers, found)
        if refusal:
            log.note("frame", found, _origin_of(request.headers.get("referer", "")), "", 403)
            return Response(_page(refusal), 403, headers, media_type="text/html")
        return Response(_page(), headers=headers, media_type="text/html")

    def session(self, asked: Exchanged) -> JSONResponse:
        """A token for a publish key, if a page of its origins shows the frame; a visitor stays who it was."""
        keys, log, seal = self._open()
        found, origin = keys.find(asked.key), _origin_of(asked.origin)
        if found is None:
            raise HTTPException(403, "There is no such assistant.")
        if not found.is_live(keys.now()) or origin not in found.origins:
            log.note("session", found, origin, "", 403)
            raise HTTPException(403, _NOT_HERE if found.is_live(keys.now()) else _ENDED)
        visitor = _visitor(seal, asked.token, found.key, origin) or secrets.token_hex(8)
        session = _Session(found.key, origin, visitor, int(keys.now()) + _SESSION_SECONDS)
        log.note("session", found, origin, visitor, 200)
        told = {
            "token": seal.close("session", session),
            "expires_in": _SESSION_SECONDS,
            "scope": scope(found.filters, 0, day),
        }
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    async def ask(self, request: Request, asked: Asked) -> Response:
        """The answer to a question, as server-sent events: `stage`, and at last `answer` or `error`."""
        session, key = request.state.session
        _, log, _ = self._open()
        self._crew.check()
        try:
            use = await run_in_threadpool(log.admit, key, session.origin, session.visitor, asked.question)
        except LimitError as error:
            raise HTTPException(429, str(error), {"Retry-After": str(error.retry_after)}) from error
        return event_stream(partial(self._tell, key, use, asked))

    def passage(self, request: Request, cited: str = "") -> JSONResponse:
        """A passage that an answer cited, in three parts: what is before the quote, the quote, and what is after it."""
        session, key = request.state.session
        _, log, seal = self._open()
        place = seal.open("passage", cited)
        if place is None or place[0] != key.name:
            log.note("passage", key, session.origin, session.visitor, 403)
            raise HTTPException(403, "Only passages that an answer cites can be opened.")
        shown = self._shown_passage(*place[1:])
        log.note("passage", key, session.origin, session.visitor, 200 if shown else 410)
        if shown is None:
            raise HTTPException(410, "This article is no longer indexed as it was cited; ask again.")
        return JSONResponse(shown, headers={"Cache-Control": "no-store"})

    def _open(self) -> tuple[WidgetKeys, WidgetLog, Seal]:
        """Return keys, log and seal, opened at the first use: the page must come up where the folder is at fault."""
        with self._opening:
            if self._opened is None:
                keys = WidgetKeys.open(self._url)
                self._opened = keys, WidgetLog.open(self._url), Seal(keys.secret())
            return self._opened

    def check_session(self, request: Request) -> None:
        """Find a request's session, and its key as it is now. Raises 401 without one, and 403 where the key ended."""
        _same_origin(request.headers)
        keys, _, seal = self._open()
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        values = seal.open("session", token.strip()) if scheme.lower() == "bearer" else None
        if values is None or _Session(*values).ends <= keys.now():
            raise HTTPException(401, _RAN_OUT, {"WWW-Authenticate": "Bearer"})
        session = _Session(*values)
        key = keys.find(session.key)
        if key is None or not key.is_live(keys.now()):
            raise HTTPException(403, _ENDED)
        request.state.session = session, key

    async def _tell(self, key: WidgetKey, use: int, asked: Asked, stream: Stream) -> None:
        """Tell what is being done, and then the answer; it is given up where the visitor has gone."""
        if not self._startup.ready:
            stream.send("stage", {"stage": "loading"})
        while not self._startup.ready and not self._startup.failure:
            await asyncio.sleep(_LOOK_AGAIN)

        def on_stage(stage: str) -> None:
            stream.check()
            stream.send("stage", {"stage": stage})

        answer = await self._crew.do(partial(self._answer, key, use, asked, on_stage))
        stream.send("answer", self._shown(answer, key))

    def _answer(self, key: WidgetKey, use: int, asked: Asked, on_stage: Callable[[str], None]) -> Answer:
        """Ask of the key's articles, and write down how it ended."""
        began, status, abstained = perf_counter(), 500, None
        try:
            history = read_history(asked.history)
            ask = partial(self._startup.assistant.ask, asked.question, key.filters, on_stage=on_stage)
            answer = self._startup.metrics.asking(partial(ask, history=history, extractive=True))
            status, abstained = 200, answer.abstained
            return answer
        except GoneError:
            status = _STOPPED
            raise
        except SaidsoError as error:
            status = status_of(error)
            raise
        finally:
            self._open()[1].finish(use, status, abstained, (perf_counter() - began) * 1000)

    def _shown(self, answer: Answer, key: WidgetKey) -> dict[str, Any]:
        """Return what the frame shows of an answer."""
        _, _, seal = self._open()
        statements = [{"lead": said.lead, **_cited(said.citation, key, seal)} for said in answer.statements]
        return {
            "turn": asdict(Exchange.of(answer)),
            "text": answer.text,
            "short_answer": answer.short_answer,
            "abstained": answer.abstained,
            "confidence": round(answer.confidence, 4),
            "sure": confidence.in_words(answer.confidence),
            "disagreement": answer.disagreement,
            "accounts": [account.as_json() for account in answer.accounts],
            "statements": statements,
            "closest": [_cited(citation, key, seal) for citation in answer.closest],
        }

    def _shown_passage(
        self, article_id: str, start: int, end: int, first: int, last: int, digest: str
    ) -> dict[str, Any] | None:
        """Return a cited passage with its article's title; None where the article no longer says so there."""
        article = self._startup.assistant.article(article_id)
        if article is None or _digest(article.text[start:end]) != digest:
            return None
        return {
            "title": article.title or article.id,
            "byline": " · ".join(filter(None, (article.source, ", ".join(article.authors), day(article.published)))),
            "url": safe_address(article.url),
            "before": article.text[first:start],
            "quote": article.text[start:end],
            "after": article.text[end:last],
        }


def _file(name: str, kind: str) -> Callable[[Request], Response]:
    """Return the route of one of the widget's own files, which any site may load and no visitor loads twice."""
    data = (_FILES / name).read_bytes()
    headers = {
        "ETag": f'"{_digest(data.decode())}"',
        "Cache-Control": "public, max-age=3600",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Access-Control-Allow-Origin": "*",  # so that a page can pin what it loads (`integrity`)
    }

    def file(request: Request) -> Response:
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type=kind)

    return file


@cache
def _page(refusal: str = "") -> str:
    """Return the frame's page, with why there is no more of it; its files' addresses change with what is in them."""
    page = (_FILES / "frame.html").read_text(encoding="utf-8")
    for name in ("frame.js", "frame.css"):
        page = page.replace(name, f"{name}?v={_digest((_FILES / name).read_text(encoding='utf-8'))}")
    told = f'<p id="refusal" class="problem" role="alert">{refusal}</p>' if refusal else ""
    return page.replace("<p hidden></p>", told)


def _frame_refusal(headers: Headers, key: WidgetKey) -> str | None:
    """Return why the frame is not given, judged by what browsers say of whoever asks for it; they need not say it."""
    if headers.get("sec-fetch-dest", "iframe") not in ("iframe", "frame"):
        return _NOT_ALONE
    referrer = headers.get("referer")
    return _NOT_HERE if referrer and _origin_of(referrer) not in key.origins else None


def _from_frame(request: Request) -> None:
    """Raise 403 for what no browser sends from the frame; a browser says where a POST comes from."""
    _same_origin(request.headers)
    if "origin" not in request.headers:
        raise HTTPException(403, "Sessions are given to the widget's frame only.")


def _same_origin(headers: Headers) -> None:
    """Raise 403 for a page of another address, be it one that the rest of the server lets in."""
    host = headers.get("host", "").lower()
    own = urlsplit(headers.get("origin", f"//{host}")).netloc.lower() == host
    if not own or headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise HTTPException(403, "Requests from other sites are refused.")


def _origin_of(address: str) -> str:
    """Return the origin of what a browser or a program gave as an address, in one writing; "" for anything else."""
    try:
        scheme, _, rest = address.partition("://")
        return parse_origin(f"{scheme}://{rest.partition('/')[0]}")
    except SaidsoError:
        return ""


def _visitor(seal: Seal, token: str, key: str, origin: str) -> str | None:
    """Return who an earlier session was of, ended or not, if it was of this key and origin."""
    values = seal.open("session", token)
    session = _Session(*values) if values else None
    return session.visitor if session and (session.key, session.origin) == (key, origin) else None


def _cited(citation: Citation, key: WidgetKey, seal: Seal) -> dict[str, Any]:
    """Return a citation as the frame shows it; `opens` is what its passage is asked for with."""
    place = (citation.start, citation.end, citation.passage.start, citation.passage.end, _digest(citation.quote))
    return {
        "marker": citation.marker,
        "quote": citation.quote,
        "place": describe(citation),
        "url": safe_address(citation.url),
        "opens": seal.close("passage", (key.name, citation.article_id, *place)),
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
