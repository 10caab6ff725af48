"""Articles over HTTP: list them and search the list, fetch one, add some, remove one."""

from __future__ import annotations

import asyncio
import json
import shutil
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from assistant.assistant import Assistant
from assistant.web import schema
from assistant.web.events import Stream, event_stream
from assistant.web.openapi import described, in_document, refusals
from assistant.web.refusals import known_article
from assistant.web.startup import Startup
from index.articles import Article
from index.document import UnreadableError
from index.errors import SaidsoError
from index.filters import Filters
from index.ingest import IngestReport, Progress
from index.records import parse

_AT_ONCE = 2  # one reads in, one learns that the store is busy
_MOST_FILES = 1000
_LONGEST_NAME = 200  # bytes
_FIELDS = ("id", "title", "source", "authors", "published", "url")
_FILES = {"type": "array", "items": {"type": "string", "format": "binary"}, "examples": [["articles.jsonl"]]}
_ADDED = {
    "required": True,
    "content": {
        "application/json": {"schema": {"anyOf": [in_document(schema.NewArticle), in_document(schema.NewArticles)]}},
        "multipart/form-data": {
            "schema": {"type": "object", "required": ["files"], "properties": {"files": _FILES}},
        },
    },
}
_JSON_NAME = "request.json"


def article_router(startup: Startup) -> APIRouter:
    """Return the routes under /api/articles."""
    routes = _Routes(startup)
    router = APIRouter(prefix="/api/articles", tags=["Articles"], responses=refusals(422, 503))
    router.add_api_route("", routes.listed, **described("List articles", schema.Listing))
    router.add_api_route(
        "", routes.add, methods=["POST"], openapi_extra={"requestBody": _ADDED}, summary="Add articles",
        responses={200: {"model": schema.Outcome}, 422: {"model": schema.RefusedOutcome}, **refusals(413)},
    )  # fmt: skip
    one = described("Read an article", schema.ArticleWhole, 404)
    router.add_api_route("/{article_id:path}", routes.one, **one)
    router.add_api_route(
        "/{article_id:path}", routes.remove, methods=["DELETE"], status_code=204, summary="Remove an article",
        responses=refusals(404),
    )  # fmt: skip
    return router


class _Routes:
    """What each route does; those that are not `async` run in a thread, so that they hold nobody up."""

    def __init__(self, startup: Startup) -> None:
        self._startup = startup
        # Threads that the server's end does not wait for, as it would for those of its own pool.
        self._threads = ThreadPoolExecutor(_AT_ONCE, "reading-in")

    def listed(self, asked: Annotated[schema.ListingQuery, Query()]) -> dict[str, Any]:
        """The articles, the newest first, with counts by outlet and month over all that `q` and the filters keep."""
        filters = Filters.parse(tuple(asked.source), asked.since, asked.until)
        listing = self._startup.assistant.listing(asked.q, filters, asked.offset, asked.limit)
        return {
            "total": listing.total,
            "articles": [_described(article, passages) for article, passages in listing.articles],
            "sources": [{"source": name, "articles": count} for name, count in listing.sources],
            "months": [{"month": month, "articles": count} for month, count in listing.months],
            "undated": listing.undated,
        }

    def one(self, article_id: schema.ArticleId) -> dict[str, Any]:
        """One article with its text, in whose characters all offsets count."""
        assistant = self._startup.assistant
        article = known_article(assistant, article_id)
        return {**_described(article, assistant.passage_count(article_id)), "text": article.text}

    async def add(self, request: Request) -> Response:
        """Read articles in: one or several as JSON, or files (txt, md, html, pdf, docx, eml, json, jsonl, jsonl.gz).

        What is there unchanged is passed over, what has changed is replaced, and what cannot be read is named with the
        reason. With `Accept: text/event-stream` the answer comes as events: `progress` {done, total, name}, in bytes
        and with the file at hand, and last `done` with the outcome, or `error` {detail}. What was sent is read to the
        end even where the connection closes.
        """
        assistant = self._startup.assistant
        with ExitStack() as unless_received:
            folder = TemporaryDirectory(prefix="saidso-")
            unless_received.enter_context(folder)
            paths = await _received(request, Path(folder.name))
            unless_received.pop_all()  # whoever reads the files in removes them
        if "text/event-stream" not in request.headers.get("accept", ""):
            report = await self._read_in(assistant, folder, paths)
            return JSONResponse(_outcome(report), 422 if _nothing_taken(report) else 200)

        async def tell(stream: Stream) -> None:
            report = await self._read_in(assistant, folder, paths, stream)
            stream.send("done", _outcome(report))

        return event_stream(tell)

    def remove(self, article_id: schema.NewArticleId) -> Response:
        """Remove an article and all that was derived from it."""
        assistant = self._startup.assistant
        known_article(assistant, article_id)
        assistant.remove([article_id])
        return Response(status_code=204)

    async def _read_in(
        self, assistant: Assistant, folder: TemporaryDirectory[str], paths: list[Path], stream: Stream | None = None
    ) -> IngestReport:
        """Read the files in and remove them; to the end, even where the client goes away, but not where we end."""
        ends = list(accumulate(path.stat().st_size for path in paths))

        def tell(progress: Progress) -> None:
            if not self._startup.ready:
                raise SaidsoError("Saidso is ending; what was read so far stays. Send the rest again.")
            if stream is not None:
                at_hand = paths[min(bisect_right(ends, progress.done_bytes), len(paths) - 1)].name
                stream.send("progress", {"done": progress.done_bytes, "total": progress.total_bytes, "name": at_hand})

        def read() -> IngestReport:
            with folder:
                return self._startup.metrics.ingesting(partial(assistant.ingest_upload, *paths, on_progress=tell))

        return await asyncio.get_running_loop().run_in_executor(self._threads, read)


def _described(article: Article, passages: int) -> dict[str, Any]:
    return {**{name: getattr(article, name) for name in _FIELDS}, "passages": passages}


# ── adding ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _received(request: Request, folder: Path) -> list[Path]:
    """Put what was sent into the folder, as files to read."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _received_files(request, folder)
    file = folder / _JSON_NAME
    file.write_text(json.dumps(_entries(await request.body())), encoding="utf-8")
    return [file]


async def _received_files(request: Request, folder: Path) -> list[Path]:
    async with request.form(max_files=_MOST_FILES) as form:
        files = [file for file in form.getlist("files") if isinstance(file, UploadFile) and file.filename]
        if not files:
            raise SaidsoError("There is no file; send one or more as the form's field `files`.")
        return [await run_in_threadpool(_kept, file, folder / str(number)) for number, file in enumerate(files)]


def _kept(file: UploadFile, folder: Path) -> Path:
    """Write an uploaded file under its own name, into a folder of its own, since two may have one name."""
    folder.mkdir()
    path = folder / _file_name(file.filename or "")
    with path.open("wb") as kept:
        shutil.copyfileobj(file.file, kept)
    return path


def _file_name(sent: str) -> str:
    """Return the name as a file can have it: no folders, not too long."""
    name = sent.replace("\\", "/").replace("\0", "").rpartition("/")[2]
    short = name.encode("utf-8", "ignore")[-_LONGEST_NAME:].decode("utf-8", "ignore")
    return short if short.strip(".") else "unnamed"


def _entries(body: bytes) -> list[object]:
    """Return the articles that a JSON request holds: one, or those in the list under `articles`."""
    try:
        sent = parse(body)
    except UnreadableError as error:
        raise SaidsoError(f"The request {error}.") from error
    entries = sent.get("articles", [sent]) if isinstance(sent, dict) else None
    if not isinstance(entries, list) or not entries:
        raise SaidsoError('Send one article, {"id": …, "text": …}, or several, {"articles": [{"id": …}, …]}.')
    return entries


def _nothing_taken(report: IngestReport) -> bool:
    return not (report.added or report.replaced or report.unchanged)


def _outcome(report: IngestReport) -> dict[str, Any]:
    """Return what became of each article, and where none was taken the reason as any refusal has it."""
    outcome = {
        "added": report.added,
        "replaced": report.replaced,
        "unchanged": report.unchanged,
        "passages": report.passages,
        "rejected": [{"origin": Path(item.origin).name, "reason": item.reason} for item in report.rejected],
    }
    if _nothing_taken(report):
        outcome["detail"] = " ".join([item.reason for item in report.rejected[:1]]) or "There is no article in this."
    return outcome
