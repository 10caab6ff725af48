"""The report's list of questions: what its script reads, and what became of each question."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from assistant.evaluation.metrics import BY_NAME
from assistant.web.source_pane import safe_address
from assistant.web.wording import day

Json = Mapping[str, Any]

VERDICTS = {
    "right": "Right",
    "wrong": "Wrong",
    "rightly": "Abstained rightly",
    "wrongly": "Abstained wrongly",
    "unscored": "Not scored",
}
_MOST_PASSAGE_CHARACTERS = 8_000_000
_HITS_SHOWN = 10


def verdict(question: Json) -> str:
    """Return which of VERDICTS a question of a run deserves."""
    right = number((question.get("scores") or {}).get("right"))
    if right is None:
        return "unscored"
    if (question.get("answer") or {}).get("abstained"):
        return "rightly" if right else "wrongly"
    return "right" if right else "wrong"


def number(value: object) -> float | None:
    """Return a finite number, or None for anything else that a run file may hold in its place."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def label(name: str) -> str:
    """Return a metric's name for people."""
    return BY_NAME[name].label if name in BY_NAME else name


def more_is_better(name: str) -> bool:
    """Whether a rise of the metric is a gain."""
    return name not in BY_NAME or BY_NAME[name].more_is_better


def milliseconds(question: Json) -> float | None:
    """Return how long the answer took, or None where that was not measured."""
    return number(((question.get("answer") or {}).get("timings_ms") or {}).get("total"))


def listed(run: Json) -> dict[str, Any]:
    """Return what the list shows; each article and passage once, though many questions find it."""
    questions = run.get("questions") or ()
    changes = defaultdict(list)
    for change in (run.get("baseline") or {}).get("changed") or ():
        changes[str(change.get("id", ""))].append(change)
    shelf = _Shelf()
    shown = [_question(question, changes[str(question.get("id", ""))], shelf) for question in questions]
    for rank in range(_HITS_SHOWN):  # rank by rank, so that where the room runs out every question keeps its best
        for entry, question in zip(shown, questions, strict=True):
            hits = question.get("passages") or ()
            if rank < len(hits) and (place := shelf.found(hits[rank])) is not None:
                entry["hits"].append(place)
    return {"articles": shelf.articles, "passages": shelf.passages, "questions": shown}


def _question(question: Json, changes: Sequence[Json], shelf: _Shelf) -> dict[str, Any]:
    answer, gold = question.get("answer") or {}, question.get("answers")
    hits = question.get("passages") or ()
    return {
        "id": str(question.get("id", "")),
        "question": str(question.get("question", "")),
        "verdict": verdict(question),
        "abstained": bool(answer.get("abstained")),
        "text": str(answer.get("answer") or ""),
        "short": str(answer.get("short_answer") or ""),
        "confidence": number(answer.get("confidence")),
        "ms": milliseconds(question),
        "gold": None if gold is None else [str(text) for text in gold],
        "speaker": str(question.get("speaker") or ""),
        "spans": [[span["article"], span["start"], span["end"]] for span in question.get("spans") or ()],
        "cites": [shelf.cited(citation, hits) for citation in answer.get("citations") or ()],
        "closest": [shelf.cited(citation, hits) for citation in answer.get("closest") or ()],
        "hits": [],
        "scores": {label(name): number(value) for name, value in (question.get("scores") or {}).items()},
        "before": {label(str(change.get("metric"))): number(change.get("before")) for change in changes},
        "change": sum(_signed(change) for change in changes) if changes else None,
        "fields": {
            str(name): str(value) for name, value in (question.get("fields") or {}).items() if value is not None
        },
    }


def _signed(change: Json) -> float:
    """A difference, positive for the better."""
    return (number(change.get("difference")) or 0.0) * (1 if more_is_better(str(change.get("metric"))) else -1)


class _Shelf:
    """Articles and passages, each kept once under a number, with a limit to what search results may add."""

    def __init__(self) -> None:
        self.articles: dict[str, dict[str, str]] = {}
        self.passages: list[tuple[str, int, int, str]] = []
        self._places: dict[tuple[str, int, int], int] = {}
        self._room = _MOST_PASSAGE_CHARACTERS

    def found(self, hit: Json) -> int | None:
        """Return the number of a passage that search found, or None where there is no room left for it."""
        is_kept = (hit["article_id"], hit["start"], hit["end"]) in self._places
        return self._keep(hit, hit) if is_kept or self._room > 0 else None

    def cited(self, citation: Json, hits: Sequence[Json]) -> list[Any]:
        """Return marker, passage, start and end of a citation; its passage is the quote where no other is known."""
        article, start, end = citation["article_id"], citation["start"], citation["end"]
        around = (hit for hit in hits if hit["article_id"] == article and hit["start"] <= start and end <= hit["end"])
        passage = next(around, {**citation, "text": citation.get("quote", "")})
        return [citation.get("marker"), self._keep(passage, citation), start, end]

    def _keep(self, passage: Json, about: Json) -> int:
        key, text = (passage["article_id"], passage["start"], passage["end"]), str(passage.get("text", ""))
        if key not in self._places:
            self._places[key] = len(self.passages)
            self.passages.append((*key, text))
            self._room -= len(text)
        self.articles.setdefault(key[0], {}).update(_known(about))
        return self._places[key]


def _known(about: Json) -> dict[str, str]:
    """Return what is known of an article; only the address of a web page may become a link."""
    facts = {
        "title": str(about.get("title") or ""),
        "source": str(about.get("source") or ""),
        "published": day(str(about.get("published") or "")),
        "url": safe_address(str(about.get("url") or "")) or "",
    }
    return {name: value for name, value in facts.items() if value}
