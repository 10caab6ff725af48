"""THE READ FLOW: question → candidates → evidence → claims → Answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from assistant.answer import Answer
from assistant.settings import Settings
from index.articles import Article
from index.catalogue import Holdings
from index.filters import Filters
from index.ingest import IngestReport, Progress
from index.search import Hit


class Assistant:
    """Answers questions from one data folder. Safe to use from several threads."""

    @classmethod
    def open(cls, settings: Settings) -> Assistant:
        """Open the data folder; models load at first use (see `warm_up`). Raises SaidsoError when it cannot be used."""
        raise NotImplementedError

    def warm_up(self) -> None:
        """Load the models now rather than at the first question."""

    def ask(self, question: str, filters: Filters | None = None, id: str | None = None) -> Answer:
        """Answer `question` from the articles, or abstain. Raises SaidsoError for an empty question."""
        raise NotImplementedError

    def search(self, question: str, k: int = 10, filters: Filters | None = None) -> list[Hit]:
        """Return ranked passages only."""
        raise NotImplementedError

    def ingest(self, paths: Sequence[Path], on_progress: Callable[[Progress], None] = lambda _: None) -> IngestReport:
        """Read articles in; see `index.ingest.ingest`."""
        raise NotImplementedError

    def article(self, article_id: str) -> Article | None:
        """Return an article, or None."""
        raise NotImplementedError

    def holdings(self) -> Holdings:
        """Return what is indexed."""
        raise NotImplementedError
