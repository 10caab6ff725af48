"""Scoring a question set: ask everything, score each answer, sum up. The Python call is `evaluate`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from assistant.assistant import Assistant
from assistant.evaluation.baseline import Baseline
from assistant.evaluation.gold import Gold, QuestionSet
from assistant.evaluation.groups import by_group
from assistant.evaluation.journal import Journal, Outcome
from assistant.evaluation.metrics import DEPTH, calibration, risk_area, score, statistics
from assistant.evaluation.questions import read_questions
from assistant.evaluation.statistics import estimate
from assistant.followup import Exchange
from index.articles import Article
from index.errors import SaidsoError
from index.filters import Filters
from index.version import saidso_version

_NAMED = 5  # ids in a warning


@dataclass(frozen=True)
class Step:
    """How far a run is, and how many seconds the rest will take at this pace (None before there is a pace)."""

    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True)
class Run:
    """A scored question set; its fields are those of a run file."""

    saidso: str
    created: str
    questions_file: str
    questions_sha256: str
    settings: Mapping[str, Any]
    seed: int
    warnings: Sequence[str]
    summary: Mapping[str, Mapping[str, float]]
    groups: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]
    latency_ms: Mapping[str, float]
    peak_memory_mb: float
    curves: Mapping[str, Any]
    questions: Sequence[Mapping[str, Any]]
    baseline: Mapping[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return the run as its file holds it."""
        return asdict(self)

    def write(self, path: Path) -> None:
        """Write the run file, whole or not at all. Raises SaidsoError when that cannot be done."""
        part = path.with_name(f"{path.name}.part")
        try:
            part.write_text(json.dumps(self.as_json(), allow_nan=False, indent=1), encoding="utf-8")
            part.replace(path)
        except OSError as error:
            raise SaidsoError(f"{path} cannot be written ({error.strerror}); choose another --out.") from error


def evaluate(
    assistant: Assistant,
    questions: QuestionSet | Path,
    *,
    seed: int = 0,
    limit: int | None = None,
    settings: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
    baseline: Baseline | None = None,
    out: Path | None = None,
    on_progress: Callable[[Step], None] = lambda _: None,
) -> Run:
    """Ask `assistant` every question (or `limit` of them, drawn by `seed`) and score the answers.

    With `out`, what was asked is kept beside it until the run is done, so that after an interruption the same call
    goes on; the run is written there at the end. `settings` are put into the run as they are and tell runs apart.
    The same index, questions and seed give the same figures, those of time and memory excepted. Raises SaidsoError
    for a question set that cannot be read, an empty index, or a file that cannot be written.
    """
    asked = questions if isinstance(questions, QuestionSet) else read_questions(questions)
    if not assistant.holdings().articles:
        raise SaidsoError(
            "No articles are indexed, so there is nothing to score; read some in first, or give them with --articles."
        )
    chosen = _drawn(asked.questions, limit, seed)
    if baseline:
        baseline.check(chosen)
    about: dict[str, Any] = {"saidso": saidso_version(), "questions": asked.sha256, "settings": settings}
    about |= {"ids": [gold.id for gold in chosen], "index": (index := _fingerprint(assistant))}
    outcomes = _ask_all(assistant, chosen, Journal.beside(out, about) if out else None, on_progress)
    library = _Library(assistant)
    scored = [_scored(_judgeable(gold, library), outcomes[gold.id], library) for gold in chosen]
    found = [*asked.warnings, *warnings, *_doubts(chosen, library)]
    if _fingerprint(assistant) != index:
        found.append("Articles were added or removed while the questions were asked, so not all met the same articles.")
    if baseline and (warning := baseline.warning(scored)):
        found.append(warning)
    run = Run(
        saidso=saidso_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        questions_file=asked.file,
        questions_sha256=asked.sha256,
        settings=dict(settings or {}),
        seed=seed,
        warnings=found,
        summary={name: figure.as_json() for name, figure in estimate(statistics(scored), seed).items()},
        groups=by_group(scored, library.outlet_and_year, seed),
        latency_ms=_latency(scored),
        peak_memory_mb=_peak_memory(),
        curves={"risk_coverage": risk_area(scored).curve(), "reliability": calibration(scored).diagram()},
        questions=scored,
        baseline=baseline.compared(scored, seed) if baseline else None,
    )
    if out:
        run.write(out)
        Journal.beside(out, about).remove()
    return run


def _drawn(questions: Sequence[Gold], limit: int | None, seed: int) -> list[Gold]:
    """Return `limit` questions in the file's order; a draw, since the first ones are often all about one article."""
    if limit is None or limit >= len(questions):
        return list(questions)
    places = np.random.default_rng(seed).choice(len(questions), limit, replace=False)
    return [questions[place] for place in sorted(places.tolist())]


def _fingerprint(assistant: Assistant) -> dict[str, Any]:
    """Return what tells one state of an index from another, as far as answers are concerned."""
    return {**asdict(assistant.holdings()), "ids": [article.id for article in assistant.articles()]}


def _ask_all(
    assistant: Assistant, chosen: Sequence[Gold], journal: Journal | None, on_progress: Callable[[Step], None]
) -> dict[str, Outcome]:
    """Return every question's outcome, by id: from the journal what is there, the rest by asking."""
    recorded = journal.outcomes() if journal else {}
    known = {gold.id: recorded[gold.id] for gold in chosen if gold.id in recorded}
    missing = [gold for gold in chosen if gold.id not in known]
    appender = journal.append_to(known) if journal else None
    assistant.warm_up()  # or the first question would be charged with loading the models
    on_progress(Step(len(known), len(chosen), None))
    began, conversations = perf_counter(), Conversations(assistant)
    try:
        for count, gold in enumerate(missing, start=1):
            known[gold.id] = _outcome(assistant, gold, conversations)
            if appender:
                appender.add(known[gold.id])
            pace = (perf_counter() - began) / count
            on_progress(Step(len(known), len(chosen), pace * (len(missing) - count)))
    finally:
        if appender:
            appender.close()
    return known


def _outcome(assistant: Assistant, gold: Gold, conversations: Conversations) -> Outcome:
    filters = Filters(as_of=gold.as_of)
    history = conversations.held(gold.history, filters)
    answer = assistant.ask(gold.question, filters, id=gold.id, history=history)
    conversations.remember((*gold.history, Exchange(gold.question)), filters, (*history, Exchange.of(answer)))
    hits = assistant.search(answer.standalone_question, DEPTH, filters)
    return {"id": gold.id, "answer": answer.as_json(), "passages": [hit.as_json() for hit in hits]}


class Conversations:
    """Holds the conversations before questions, each turn once, however many questions come after it."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._held: dict[tuple[Filters, tuple[Exchange, ...]], tuple[Exchange, ...]] = {}

    def held(self, history: tuple[Exchange, ...], filters: Filters) -> tuple[Exchange, ...]:
        """Return the turns with answers: what the file has none to, the assistant is asked."""
        if history and (filters, history) not in self._held:
            before, last = self.held(history[:-1], filters), history[-1]
            if not last.answer:
                last = Exchange.of(self._assistant.ask(last.question, filters, history=before))
            self.remember(history, filters, (*before, last))
        return self._held[filters, history] if history else ()

    def remember(self, history: tuple[Exchange, ...], filters: Filters, held: tuple[Exchange, ...]) -> None:
        """Keep what became of a conversation."""
        self._held[filters, history] = held


def _judgeable(gold: Gold, library: _Library) -> Gold:
    """Return a question as it can be judged: what is right is not known while a left-out article is there."""
    if not library.has_any(gold.left_out):
        return gold
    return replace(gold, answers=None, articles=(), spans=(), speaker=None, conflicting=False)


def _scored(gold: Gold, outcome: Outcome, library: _Library) -> dict[str, Any]:
    """Return a question as a run file holds it."""
    return {
        "id": gold.id,
        "question": gold.question,
        "answers": None if gold.answers is None else list(gold.answers),
        "articles": list(gold.gold_articles),
        "spans": [span.as_json() for span in gold.spans],
        "speaker": gold.speaker,
        "fields": dict(gold.fields),
        "answer": outcome["answer"],
        "passages": outcome["passages"],
        "scores": score(gold, outcome["answer"], outcome["passages"], library.text),
    }


class _Library:
    """The assistant's articles by id, each fetched once."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._articles: dict[str, Article | None] = {}

    def article(self, article_id: str) -> Article | None:
        if article_id not in self._articles:
            self._articles[article_id] = self._assistant.article(article_id)
        return self._articles[article_id]

    def has_any(self, article_ids: Sequence[str]) -> bool:
        return any(self.article(article_id) for article_id in article_ids)

    def text(self, article_id: str) -> str | None:
        article = self.article(article_id)
        return article.text if article else None

    def outlet_and_year(self, article_id: str) -> tuple[str, str]:
        article = self.article(article_id)
        return (article.source, article.published[:4]) if article else ("", "")


def _doubts(chosen: Sequence[Gold], library: _Library) -> list[str]:
    """Say what makes the figures less than they seem."""
    named = dict.fromkeys(article for gold in chosen for article in gold.gold_articles)
    absent = [article for article in named if library.article(article) is None]
    beyond = [g.id for g in chosen if any(s.end > len(library.text(s.article) or " " * s.end) for s in g.spans)]
    spoilt = [gold.id for gold in chosen if library.has_any(gold.left_out)]
    doubts = (
        (absent, "gold articles are not indexed, so that nothing can find them"),
        (beyond, "questions have spans that reach beyond their articles' ends"),
        (
            spoilt,
            "questions are to be asked without an article that is indexed, so are not scored; --articles leaves it out",
        ),
    )
    return [f"{len(ids):,} {what}: {_some(ids)}." for ids, what in doubts if ids]


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_NAMED]) + (", …" if len(ids) > _NAMED else "")


def _latency(scored: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return percentiles of the milliseconds that `Assistant.ask` took, linearly interpolated (numpy's default)."""
    times = [entry["answer"]["timings_ms"]["total"] for entry in scored]
    return {f"p{share}": round(float(np.percentile(times, share)), 1) for share in (50, 95, 99)}


def _peak_memory() -> float:
    """Return the most memory that this process has held, in MB; 0 where the system keeps no count of it."""
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024**2 if sys.platform == "darwin" else 1024), 1)
