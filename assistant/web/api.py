"""The HTTP API: the same engine as the page and the command line, for programs."""

from __future__ import annotations

from fastapi import FastAPI

from assistant.web.article_routes import article_router
from assistant.web.crew import Crew
from assistant.web.evidence_routes import evidence_router
from assistant.web.question_routes import question_router
from assistant.web.startup import Startup

_AT_ONCE = 2
_WAITING = 64


def add_api(app: FastAPI, startup: Startup) -> None:
    """Add the routes under /api; refusals are JSON with the sentence under `detail`."""
    crew = Crew(_AT_ONCE, _WAITING)
    app.include_router(question_router(startup, crew))
    app.include_router(article_router(startup))
    app.include_router(evidence_router(startup))
