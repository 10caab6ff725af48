"""What is counted while the server runs, and its text for Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from time import perf_counter

from assistant.answer import Answer
from index.ingest import IngestReport

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_KINDS = {
    "saidso_requests_total": ("counter", "HTTP requests, by method, route and status."),
    "saidso_request_seconds": ("histogram", "How long requests took, streams to their end, by route."),
    "saidso_answers_total": ("counter", "Questions, by outcome: answered, abstained or failed."),
    "saidso_answer_seconds": ("histogram", "How long questions took that were answered or abstained on."),
    "saidso_articles_ingested_total": ("counter", "Articles read in: added, replaced, unchanged or rejected."),
    "saidso_ingestions_total": ("counter", "Ingestions, by outcome: done or failed."),
    "saidso_errors_total": ("counter", "Requests that ended in an error nobody expected; the log says where."),
    "saidso_ready": ("gauge", "1 where questions are answered, as /readyz says, else 0."),
    "saidso_disk_free_bytes": ("gauge", "What is free on the disk of the data folder."),
    "process_resident_memory_bytes": ("gauge", "Memory that the process holds, where the system tells."),
    "process_open_fds": ("gauge", "Open file handles, where the system tells."),
}
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds
_STATUS = Path("/proc/self/statm")
_HANDLES = Path("/dev/fd")

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """The counts of one server. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, Labels]] = Counter({("saidso_errors_total", ()): 0})
        self._timings: dict[tuple[str, Labels], _Timing] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        with self._lock:
            labels = (("method", method), ("route", route), ("status", str(status)))
            self._counts["saidso_requests_total", labels] += 1
            self._time("saidso_request_seconds", (("route", route),), seconds)

    def error(self) -> None:
        """Count an error that nobody expected."""
        with self._lock:
            self._counts["saidso_errors_total", ()] += 1

    def asking(self, ask: Callable[[], Answer]) -> Answer:
        """Ask, and count what came of it. Raises whatever `ask` does."""
        answer, began = None, perf_counter()
        try:
            answer = ask()
            return answer
        finally:
            outcome = "failed" if answer is None else "abstained" if answer.abstained else "answered"
            with self._lock:
                self._counts["saidso_answers_total", (("outcome", outcome),)] += 1
                if answer is not None:
                    self._time("saidso_answer_seconds", (), perf_counter() - began)

    def ingesting(self, read_in: Callable[[], IngestReport]) -> IngestReport:
        """Read articles in, and count what became of them. Raises whatever `read_in` does."""
        report: IngestReport | None = None
        try:
            report = read_in()
            return report
        finally:
            with self._lock:
                self._counts["saidso_ingestions_total", (("outcome", "done" if report else "failed"),)] += 1
                for outcome, count in _outcomes(report or IngestReport()):
                    self._counts["saidso_articles_ingested_total", (("outcome", outcome),)] += count

    def exposition(self, gauges: Mapping[str, float]) -> str:
        """Return everything as Prometheus reads it, with `gauges` (by name) as they are now."""
        with self._lock:
            lines: dict[str, list[str]] = {name: [] for name in _KINDS}
            for (name, labels), count in sorted(self._counts.items()):
                lines[name].append(f"{name}{_braced(labels)} {count}")
            for (name, labels), timing in sorted(self._timings.items()):
                lines[name].extend(timing.lines(name, labels))
        for name, value in {**gauges, **_process()}.items():
            lines[name].append(f"{name} {value:g}" if value != int(value) else f"{name} {int(value)}")
        return "".join(
            f"# HELP {name} {_KINDS[name][1]}\n# TYPE {name} {_KINDS[name][0]}\n" + "\n".join(told) + "\n"
            for name, told in lines.items()
            if told
        )

    def _time(self, name: str, labels: Labels, seconds: float) -> None:
        self._timings.setdefault((name, labels), _Timing()).add(seconds)


class _Timing:
    """A histogram of seconds."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self._sum += seconds

    def lines(self, name: str, labels: Labels) -> Iterator[str]:
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), accumulate(self._counts), strict=True):
            yield f"{name}_bucket{_braced((*labels, ('le', bound)))} {count}"
        yield f"{name}_sum{_braced(labels)} {self._sum:.6f}"
        yield f"{name}_count{_braced(labels)} {sum(self._counts)}"


def _outcomes(report: IngestReport) -> Iterator[tuple[str, int]]:
    yield "added", len(report.added)
    yield "replaced", len(report.replaced)
    yield "unchanged", report.unchanged
    yield "rejected", len(report.rejected)


def _braced(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _process() -> dict[str, float]:
    """Return what the system tells of this process: nothing on Windows, no memory on macOS."""
    told: dict[str, float] = {}
    if _STATUS.exists():
        told["process_resident_memory_bytes"] = int(_STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if _HANDLES.exists():
        told["process_open_fds"] = sum(1 for _ in _HANDLES.iterdir()) - 1  # the listing's own
    return told
