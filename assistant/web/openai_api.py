"""The routes under /v1: what programs written for OpenAI's chat completions ask, answered by Saidso.

The answer's whole JSON, citations and all, rides in the field `saidso` of the message, or of the stream's last delta.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from time import time
from typing import Any, NamedTuple
from uuid import uuid4

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.followup import Exchange
from assistant.web.crew import Crew
from assistant.web.metrics import Metrics
from assistant.web.openai_request import MODEL, Chat, RefusalError, read_chat
from assistant.web.refusals import status_of
from assistant.web.startup import Startup
from index.errors import SaidsoError

_SOON = {"Retry-After": "2"}  # seconds
_STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def add_openai(app: FastAPI, startup: Startup, crew: Crew) -> None:
    """Add the routes under /v1, whose questions `crew` answers.

    Refusals are JSON in OpenAI's shape, with the sentence under `error.message`.
    """
    app.include_router(_router(startup, crew))
    app.add_exception_handler(RefusalError, _refused)


def _router(startup: Startup, crew: Crew) -> APIRouter:
    routes, router = _Routes(startup, crew), APIRouter(prefix="/v1", include_in_schema=False)
    router.add_api_route("/models", routes.models)
    router.add_api_route("/models/{name}", routes.model)
    router.add_api_route("/chat/completions", routes.completions, methods=["POST"], response_model=None)
    router.add_api_route("/{path:path}", _elsewhere, methods=_METHODS)
    return router


class _Told(NamedTuple):
    """An answer, and how many tokens of question and answer it took, as OpenAI counts them."""

    answer: Answer
    usage: dict[str, int]


class _Routes:
    """What each route does."""

    def __init__(self, startup: Startup, crew: Crew) -> None:
        self._startup = startup
        self._crew = crew
        self._began = int(time())

    def models(self) -> dict[str, Any]:
        """List the one model there is."""
        return {"object": "list", "data": [self._model]}

    def model(self, name: str) -> dict[str, Any]:
        """Describe the one model there is."""
        if name != MODEL:
            raise RefusalError.unknown_model(name)
        return self._model

    async def completions(self, request: Request) -> Response:
        """Answer the last question of a conversation, whole or as a stream of server-sent events."""
        chat = read_chat(await request.body())
        ask = partial(self._crew.do, partial(_ask, self._assistant(), self._startup.metrics, chat))
        head = {"id": f"chatcmpl-{uuid4().hex}", "created": int(time()), "model": MODEL, "system_fingerprint": None}
        if chat.stream:
            events = _events({**head, "object": "chat.completion.chunk"}, ask, chat.wants_usage)
            return StreamingResponse(events, media_type="text/event-stream", headers=_STREAM_HEADERS)
        try:
            return JSONResponse(_completion({**head, "object": "chat.completion"}, await ask()))
        except SaidsoError as error:
            raise _failure(error) from error

    def _assistant(self) -> Assistant:
        try:
            return self._startup.assistant
        except SaidsoError as error:
            headers = None if self._startup.failure else _SOON
            raise RefusalError(str(error), status=503, code="not_ready", headers=headers) from error

    @property
    def _model(self) -> dict[str, Any]:
        return {"id": MODEL, "object": "model", "created": self._began, "owned_by": "saidso"}


async def _elsewhere(request: Request) -> None:
    raise RefusalError(
        f"There is no {request.method} {request.url.path} here; POST /v1/chat/completions answers a question, "
        "GET /v1/models lists the model that does.",
        status=404,
    )


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusalError)
    return JSONResponse(error.as_json(), error.status, error.headers)


def _failure(error: SaidsoError) -> RefusalError:
    busy = status_of(error) == 503
    return RefusalError(str(error), status=503 if busy else 500, headers=_SOON if busy else None)


def _ask(assistant: Assistant, metrics: Metrics, chat: Chat) -> _Told:
    history = [Exchange(turn) for turn in chat.turns[:-1]]
    answer = metrics.asking(partial(assistant.ask, chat.question, chat.filters, history=history))
    asked, told = (assistant.count_tokens(text) for text in (chat.question, answer.text))
    return _Told(answer, {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told})


def _completion(head: dict[str, Any], told: _Told) -> dict[str, Any]:
    answer = told.answer
    message = {"role": "assistant", "content": answer.text, "refusal": None, "saidso": answer.as_json()}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {**head, "choices": [choice], "usage": told.usage}


async def _events(head: dict[str, Any], ask: Callable[[], Awaitable[_Told]], wants_usage: bool) -> AsyncIterator[str]:
    """Yield the role at once, the text statement by statement, then all that the answer holds, and its usage."""
    head = {**head, "usage": None} if wants_usage else head
    yield _event(_chunk(head, {"role": "assistant", "content": ""}))
    try:
        told = await ask()
    except SaidsoError as error:
        yield _event(_failure(error).as_json())
        return
    for piece in _pieces(told.answer):
        yield _event(_chunk(head, {"content": piece}))
    yield _event(_chunk(head, {"saidso": told.answer.as_json()}, "stop"))
    if wants_usage:
        yield _event({**head, "choices": [], "usage": told.usage})
    yield "data: [DONE]\n\n"


def _chunk(head: dict[str, Any], delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**head, "choices": [choice]}


def _pieces(answer: Answer) -> Iterator[str]:
    """Cut the answer's text after each of its statements."""
    done = 0
    for statement in answer.statements:
        end = answer.text.index(statement.text, done) + len(statement.text)
        yield answer.text[done:end]
        done = end
    if answer.text[done:]:
        yield answer.text[done:]


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"
