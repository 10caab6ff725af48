"""The HTTP API: the same engine as the page and the command line, for programs."""

from __future__ import annotations

from fastapi import FastAPI

from assistant.web.article_routes import article_router
from assistant.web.startup import Startup


def add_api(app: FastAPI, startup: Startup) -> None:
    """Add the routes under /api; refusals are JSON with the sentence under `detail`."""
    app.include_router(article_router(startup))
