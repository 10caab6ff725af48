"""What to ask, and whose words: examples made from the present index, and the speakers that are quoted in it."""

from __future__ import annotations

import threading
from typing import Annotated, Any

from fastapi import FastAPI, Query

from assistant.examples import Example, examples
from assistant.web.startup import Startup

COUNT = 6  # examples that the page shows at first
_MOST_SPEAKERS = 20


class Suggestions:
    """The examples, made once for each state of the index, since each of them is tried out."""

    def __init__(self, startup: Startup) -> None:
        self._startup = startup
        self._making = threading.Lock()
        self._generation: str | None = None
        self._examples: list[Example] = []

    def examples(self) -> list[Example]:
        """Return the examples. Raises SaidsoError while the assistant is on its way."""
        assistant = self._startup.assistant
        with self._making:
            generation = assistant.generation
            if generation != self._generation:
                self._examples, self._generation = examples(assistant), generation
            return self._examples

    def speakers(self, words: str) -> list[tuple[str, int]]:
        """Return speakers that have all of some words in their naming, with how often each is quoted."""
        return self._startup.assistant.speakers(words, _MOST_SPEAKERS)


def add_suggestions(app: FastAPI, suggestions: Suggestions) -> None:
    """Add GET /api/examples and GET /api/speakers."""

    def listed() -> dict[str, Any]:
        """Questions to start with, each with the kind that it is an example of."""
        return {"examples": [{"kind": one.kind, "question": one.question} for one in suggestions.examples()]}

    def speakers(q: Annotated[str, Query(max_length=1000)] = "") -> dict[str, Any]:
        """Speakers whose naming has all words of `q`, the most quoted first."""
        return {"speakers": [{"name": name, "claims": claims} for name, claims in suggestions.speakers(q)]}

    app.add_api_route("/api/examples", listed, tags=["Questions"], summary="List questions to try")
    app.add_api_route("/api/speakers", speakers, tags=["Evidence"], summary="List speakers")
