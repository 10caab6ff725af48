"""Questions over HTTP: answered whole, answered as it is written, or only searched for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.citations import Citation
from assistant.question import understand
from assistant.web import schema
from assistant.web.crew import Crew
from assistant.web.events import EventStream, Stream, event_stream
from assistant.web.openapi import described, refusals
from assistant.web.startup import Startup

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "Events, numbered by their ids: `stage` {stage: loading, understanding, searching, reading, writing}; then "
            "`text` {delta}, which put together are the answer's text, each with a statement's `citation`; last `done` "
            "with the whole answer, or `error` {detail}. Where a language model writes there is a stage `wording`, the "
            "citations come after the text, and `restart` says that the model broke off and the text so far does not "
            "count. Comments in between keep the connection open."
        )
    }
}
_LOOK_AGAIN = 0.05  # seconds, while the models load


def question_router(startup: Startup, crew: Crew) -> APIRouter:
    """Return the routes that take a question; `crew` answers them."""
    routes = _Routes(startup, crew)
    router = APIRouter(prefix="/api", tags=["Questions"], responses=refusals(413, 422, 503))
    router.add_api_route("/ask", routes.ask, methods=["POST"], **described("Ask a question", schema.Answer))
    router.add_api_route(
        "/ask/stream", routes.stream, methods=["POST"], summary="Ask, and watch the answer come", responses=_EVENTS,
        response_class=EventStream,
    )  # fmt: skip
    search = described("Search for passages", schema.Found)
    router.add_api_route("/search", routes.search, methods=["POST"], **search)
    return router


class _Routes:
    """What each route does. A question is checked before it waits for its turn."""

    def __init__(self, startup: Startup, crew: Crew) -> None:
        self._startup = startup
        self._crew = crew

    async def ask(self, asked: schema.Ask) -> Response:
        """The answer, with a citation for every statement; or none, with what came closest."""
        assistant, filters = self._startup.assistant, asked.filters
        history, extractive = asked.conversation, asked.extractive
        asking = partial(assistant.ask, asked.question, filters, asked.name, history=history, extractive=extractive)
        return JSONResponse((await self._crew.do(partial(self._startup.metrics.asking, asking))).as_json())

    async def stream(self, asked: schema.Ask) -> Response:
        """The answer as server-sent events, while it is made; to stop it, close the connection."""
        understand(asked.question)
        filters = asked.filters
        self._crew.check()

        async def tell(stream: Stream) -> None:
            assistant = await self._arrived(stream)

            def on_stage(stage: str) -> None:
                stream.check()
                stream.send("stage", {"stage": stage})

            told = _Told(stream)
            history, extractive = asked.conversation, asked.extractive
            asking = partial(
                assistant.ask, asked.question, filters, asked.name, on_stage, history, extractive, told.on_text
            )
            told.answer(await self._crew.do(partial(self._startup.metrics.asking, asking)))

        return event_stream(tell)

    async def search(self, asked: schema.Search) -> Response:
        """The passages that fit the question best, without an answer."""
        assistant, filters = self._startup.assistant, asked.filters
        hits = await self._crew.do(partial(assistant.search, asked.question, asked.k, filters))
        passages = [hit.as_json() for hit in hits]
        return JSONResponse({"id": asked.name, "question": asked.question, "passages": passages})

    async def _arrived(self, stream: Stream) -> Assistant:
        """Wait for the assistant, saying so. Raises SaidsoError where it has failed to come."""
        if self._startup.under_way:
            stream.send("stage", {"stage": "loading"})
        while self._startup.under_way:
            await asyncio.sleep(_LOOK_AGAIN)
        return self._startup.assistant


class _Told:
    """What a client has been told of an answer."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._has_text = False

    def on_text(self, delta: str) -> None:
        """Tell a piece that a language model wrote. Raises GoneError once the client has gone."""
        self._stream.check()
        if delta:
            self._has_text = True
            self._stream.send("text", {"delta": delta})

    def answer(self, answer: Answer) -> None:
        """Tell what was not told yet; where a model broke off, that what it wrote does not count."""
        if answer.prose is None:
            if self._has_text:
                self._stream.send("restart", {})
            for text, citation in _in_pieces(answer):
                self._stream.send("text", {"delta": text})
                if citation is not None:
                    self._stream.send("citation", citation.as_json())
        else:
            for citation in answer.citations:
                self._stream.send("citation", citation.as_json())
        self._stream.send("done", answer.as_json())


def _in_pieces(answer: Answer) -> Iterator[tuple[str, Citation | None]]:
    """Yield the answer's text in order and whole: up to the end of each statement, with its citation; then the rest."""
    told = 0
    for statement in answer.statements:
        end = answer.text.index(statement.text, told) + len(statement.text)
        yield answer.text[told:end], statement.citation
        told = end
    if rest := answer.text[told:]:
        yield rest, None
