"""A run as plain text that fits a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assistant.evaluation.metrics import METRICS

WIDTH = 100
_MOST_CHANGED = 10
_LONGEST_FILE = 38
_CERTAIN = 0.05

Json = Mapping[str, Any]
Row = tuple[str, ...]


def rows(run: Json) -> list[Row]:
    """Return the table's rows, the header first: metric, value, interval, questions, and changes if compared."""
    differences = (run["baseline"] or {}).get("differences")
    header: Row = ("metric", "value", "95 % interval", "n")
    found = [(*header, "change", "95 % interval", "p", "") if differences is not None else header]
    for metric in METRICS:
        figure = run["summary"].get(metric.name)
        if figure is not None:
            row = (metric.name, f"{figure['value']:.3f}", _interval(figure), f"{figure['n']:,}")
            found.append(row if differences is None else (*row, *_change(differences.get(metric.name), metric)))
    return found


def _interval(figure: Json) -> str:
    return f"{figure['low']:.3f} – {figure['high']:.3f}"


def _change(difference: Json | None, metric: Any) -> Row:
    if difference is None:
        return ("", "", "", "")
    better = (difference["value"] > 0) == metric.more_is_better
    verdict = "" if difference["p"] > _CERTAIN else "better" if better else "worse"
    interval = f"{difference['low']:+.3f} – {difference['high']:+.3f}"
    return (f"{difference['value']:+.3f}", interval, f"{difference['p']:.4f}", verdict)


def table(run: Json) -> str:
    """Return the figures, their intervals, what changed, time and memory, as text of at most 100 columns."""
    parts = ["\n".join(_aligned(rows(run))), _costs(run)]
    if run["baseline"]:
        parts.append("\n".join(_changed(run["baseline"])))
    return "\n\n".join(parts)


def _aligned(found: Sequence[Row]) -> Iterable[str]:
    widths = [max(len(row[at]) for row in found) for at in range(len(found[0]))]
    for row in found:
        cells = [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _costs(run: Json) -> str:
    times = ", ".join(f"{name} {value:,.0f} ms" for name, value in run["latency_ms"].items())
    asked, memory = f"{len(run['questions']):,} questions", f"{run['peak_memory_mb']:,.0f} MB"
    return f"{asked}. Time for an answer: {times}. Peak memory: {memory}."


def _changed(baseline: Json) -> Iterable[str]:
    """Yield the questions that differ most, each once, with the score of it that differs most."""
    file = baseline["file"]
    file = file if len(file) <= _LONGEST_FILE else f"…{file[1 - _LONGEST_FILE :]}"
    by_question: dict[str, Json] = {}
    for change in baseline["changed"]:
        by_question.setdefault(change["id"], change)
    if not by_question:
        yield f"No question scores differently from {file}."
        return
    yield f"{len(by_question):,} questions score differently from {file}; those that differ most:"
    for change in list(by_question.values())[:_MOST_CHANGED]:
        figures = f"{change['metric']:<15} {_score(change['before'])} → {_score(change['after'])}  "
        yield f"  {figures}{_shortened(change['question'], WIDTH - 2 - len(figures))}"
    if len(by_question) > _MOST_CHANGED:
        yield f"  … and {len(by_question) - _MOST_CHANGED:,} more; a run file (--out) lists them all."


def _score(value: float | None) -> str:
    return "  –  " if value is None else f"{value:.3f}"


def _shortened(text: str, width: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
