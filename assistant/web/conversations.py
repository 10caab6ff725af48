"""Conversations over HTTP: listed, searched, read, renamed, deleted, exported; and what people think of answers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Query, Request, Response
from pydantic import BaseModel

from assistant.conversations import Conversations, Feedback
from assistant.feedback import as_lines
from assistant.web.access import owner_of
from assistant.web.startup import Startup
from index.errors import SaidsoError

_MOST_LISTED = 200


class Title(BaseModel):
    """What a conversation is to be called."""

    title: str


class Opinion(BaseModel):
    """What a person thinks of an answer; see `assistant.conversations.Feedback`."""

    rating: str | None = None
    note: str = ""
    answers: list[str] | None = None


def add_conversations(app: FastAPI, startup: Startup, conversations: Conversations) -> None:
    """Add the routes under /api/conversations; refusals are JSON with the sentence under `detail`."""
    app.include_router(_router(startup, conversations))


def _router(startup: Startup, conversations: Conversations) -> APIRouter:
    """Return all routes; the first five only read."""
    routes, router = _Routes(startup, conversations), APIRouter(prefix="/api/conversations", tags=["Conversations"])
    router.add_api_route("", routes.listed, summary="List conversations")
    router.add_api_route("/feedback", routes.feedback, summary="Fetch the marked answers as a question set")
    router.add_api_route("/{conversation_id}", routes.one, summary="Read a conversation")
    router.add_api_route("/{conversation_id}/export", routes.export, summary="Export a conversation")
    mark = "/{conversation_id}/turns/{number}/feedback"
    router.add_api_route(mark, routes.rating, summary="Read an answer's mark")
    router.add_api_route("/{conversation_id}", routes.rename, methods=["PATCH"], summary="Rename a conversation")
    router.add_api_route(
        "/{conversation_id}", routes.delete, methods=["DELETE"], status_code=204, summary="Delete a conversation"
    )
    router.add_api_route(mark, routes.rate, methods=["PUT"], summary="Mark an answer")
    return router


class _Routes:
    """What each route does; all run in a thread, so that they hold nobody up."""

    def __init__(self, startup: Startup, conversations: Conversations) -> None:
        self._startup = startup
        self._all = conversations

    def _of(self, request: Request) -> Conversations:
        return self._all.of(owner_of(request))

    def listed(
        self,
        request: Request,
        q: str = "",
        limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = 50,
        offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    ) -> dict[str, Any]:
        """Conversations, the newest first; `q` keeps those that hold all its words. `more` says whether more follow."""
        own = self._of(request)
        found = own.listed(q, limit + 1, offset)
        shown = [conversation.as_json() for conversation in found[:limit]]
        return {"conversations": shown, "more": len(found) > limit, "marked": own.count_marked()}

    def feedback(self, request: Request) -> Response:
        """The answers that were marked, as a question set that `saidso eval` reads."""
        headers = {"Content-Disposition": 'attachment; filename="saidso-feedback.jsonl"'}
        lines = as_lines(self._of(request)).encode("utf-8", "replace")
        return Response(lines, headers=headers, media_type="application/x-ndjson")

    def one(self, request: Request, conversation_id: str, turns: bool = True) -> dict[str, Any]:
        """One conversation with its turns, or without."""
        conversation = self._of(request).get(conversation_id).as_json()
        if not turns:
            return conversation
        return {**conversation, "turns": [turn.as_json() for turn in self._of(request).turns(conversation_id)]}

    def export(self, conversation_id: str, request: Request, format: str = "md") -> Response:
        """The conversation as a file: Markdown (`md`), HTML (`html`) or PDF (`pdf`)."""
        from assistant.export import FORMATS  # takes a second to import

        if format not in FORMATS:
            raise SaidsoError(f"{format!r:.40} is no format; the formats are {', '.join(FORMATS)}.")
        conversation, turns = self._all.get(conversation_id), self._all.turns(conversation_id)
        media_type, write = FORMATS[format]
        article_of = self._startup.assistant.article if self._startup.ready else None
        data = write(conversation, turns, str(request.base_url), article_of)
        name = quote(f"{_file_name(conversation.title)}.{format}", safe="")
        headers = {"Content-Disposition": f"attachment; filename*=utf-8''{name}", "Cache-Control": "no-store"}
        return Response(data, headers=headers, media_type=media_type)

    def rename(self, request: Request, conversation_id: str, wanted: Title) -> dict[str, Any]:
        """Give a conversation another title."""
        return self._of(request).rename(conversation_id, wanted.title).as_json()

    def delete(self, request: Request, conversation_id: str) -> Response:
        """Remove a conversation with all its turns."""
        self._of(request).delete(conversation_id)
        return Response(status_code=204)

    def rating(self, request: Request, conversation_id: str, number: int) -> dict[str, Any]:
        """What a person thinks of an answer."""
        return asdict(self._of(request).turn(conversation_id, number).feedback)

    def rate(self, request: Request, conversation_id: str, number: int, opinion: Opinion) -> dict[str, Any]:
        """Keep what a person thinks of an answer, in place of what was thought before."""
        answers = None if opinion.answers is None else tuple(opinion.answers)
        feedback = Feedback(opinion.rating, opinion.note, answers)
        return self._of(request).rate(conversation_id, number, feedback).as_json()


def _file_name(title: str) -> str:
    kept = "".join(sign if sign.isalnum() or sign in " -_." else " " for sign in title)
    return " ".join(kept.split()).strip(". ")[:80] or "conversation"
