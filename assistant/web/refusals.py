"""What a request is told that cannot be met: one sentence under `detail`, with the status that fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from assistant.assistant import Assistant
from assistant.conversations import NotYoursError, UnknownConversationError
from assistant.evaluation.jobs import TooManyError, UnknownJobError, WrongStateError
from assistant.misread import misread
from assistant.web.crew import OverloadedError
from assistant.web.logs import HEADER, REQUEST_ID
from assistant.web.security import MAX_UPLOAD_BYTES
from assistant.web.startup import NotReadyError
from index.articles import Article
from index.errors import SaidsoError
from index.store import BusyError


class UnknownArticleError(SaidsoError):
    """There is no article of this id."""

    def __init__(self, article_id: str) -> None:
        super().__init__(f"There is no article {article_id!r}; GET /api/articles lists those there are.")


def known_article(assistant: Assistant, article_id: str) -> Article:
    """Return an article. Raises UnknownArticleError where there is none of this id."""
    article = assistant.article(article_id)
    if article is None:
        raise UnknownArticleError(article_id)
    return article


_STATUS: tuple[tuple[type[SaidsoError], int], ...] = (
    (UnknownArticleError, 404),
    (UnknownConversationError, 404),
    (UnknownJobError, 404),
    (NotYoursError, 403),
    (WrongStateError, 409),
    (TooManyError, 429),
    (BusyError, 503),
    (NotReadyError, 503),
    (OverloadedError, 503),
)
_COME_BACK = {"Retry-After": "5"}  # seconds: with every 503


def add_refusals(app: FastAPI) -> None:
    """Make the application answer errors, and what is no proper request, with a sentence."""
    app.add_exception_handler(SaidsoError, _refused)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(ClientDisconnect, _broken_off)
    app.add_exception_handler(Exception, _failed)


def status_of(error: SaidsoError) -> int:
    """Return the status that goes with an error: 422 unless its kind says otherwise."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 422)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    status = status_of(error) if isinstance(error, SaidsoError) else 500
    return JSONResponse({"detail": str(error)}, status, _COME_BACK if status == 503 else None)


async def _broken_off(_request: Request, _error: Exception) -> JSONResponse:
    """Answer a client that went away while it sent, or that `Guard` cut off for sending too much."""
    return JSONResponse({"detail": f"The upload broke off; it may have {MAX_UPLOAD_BYTES // 2**20} MB."}, 413)


async def _failed(_request: Request, _error: Exception) -> JSONResponse:
    """Answer where something unexpected went wrong, by the number under which the log has it."""
    id_ = REQUEST_ID.get()
    detail = f"Something went wrong in Saidso itself; whoever runs it finds it in the log as {id_}."
    return JSONResponse({"detail": detail}, 500, {HEADER: id_})


async def _misread(_request: Request, error: Exception) -> JSONResponse:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    sentences = [misread({**fault, "loc": _within(fault)}).sentence for fault in faults[:1]]
    return JSONResponse({"detail": "".join(sentences) or "The request could not be read."}, 422)


def _within(fault: Mapping[str, Any]) -> tuple[int | str, ...]:
    """Return where a fault is, without the word for the part of the request (body, query); for broken JSON nowhere."""
    return tuple(fault["loc"][1:])
