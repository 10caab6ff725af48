"""The HTTP API: the same engine as the page and the command line, for programs."""

from __future__ import annotations

from fastapi import FastAPI

from assistant.web.article_routes import article_router
from assistant.web.crew import Crew
from assistant.web.evidence_routes import evidence_router
from assistant.web.question_routes import question_router
from assistant.web.startup import Startup


def add_api(app: FastAPI, startup: Startup, crew: Crew) -> None:
    """Add the routes under /api, whose questions `crew` answers; refusals are JSON, the sentence under `detail`."""
    app.include_router(question_router(startup, crew))
    app.include_router(article_router(startup))
    app.include_router(evidence_router(startup))
