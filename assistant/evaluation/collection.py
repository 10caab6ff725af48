"""A temporary index for a question set, gone when it has been scored."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.assistant import Assistant
from assistant.settings import Settings
from index.articles import Rejected
from index.errors import SaidsoError
from index.ingest import Progress


@dataclass(frozen=True)
class Collection:
    """An assistant over articles that were read in for the occasion, and the inputs that could not be read."""

    assistant: Assistant
    rejected: tuple[Rejected, ...]


@contextmanager
def temporary_collection(
    settings: Settings,
    paths: Sequence[Path],
    articles: Sequence[Mapping[str, str]] = (),
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Iterator[Collection]:
    """Read the articles at `paths` and those given into an index that is removed when the block ends, however it does.

    Nothing else of `settings` changes; in particular nothing is written to the user's own catalogue. Raises SaidsoError
    when no article could be read.
    """
    with tempfile.TemporaryDirectory(prefix="saidso-eval-", ignore_cleanup_errors=True) as folder:
        own = Path(folder) / "articles.jsonl"
        if articles:
            own.write_text("".join(json.dumps(article) + "\n" for article in articles), encoding="utf-8")
        assistant = Assistant.open(replace(settings, data_dir=Path(folder) / "data", catalogue_url=None))
        try:
            report = assistant.ingest([*paths, *([own] if articles else [])], on_progress)
            if not assistant.holdings().articles:
                why = report.rejected[0].reason if report.rejected else "there is none in them."
                raise SaidsoError(f"No article could be read in: {why}")
            yield Collection(assistant, tuple(report.rejected))
        finally:
            assistant.close()
