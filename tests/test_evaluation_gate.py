"""Gates, and the line that says how far a run is."""

from __future__ import annotations

import io

import pytest

from assistant.evaluation.gate import Gate
from assistant.evaluation.progress import counting, sentence
from assistant.evaluation.run import Step
from index.errors import SaidsoError


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("f1>=0.5", True), ("f1 >= .6", False), ("f1>0.5", False), ("ece<=0.1", True), ("ece<0.05", False),
        ("p95<=1500", False), ("peak_memory_mb<1000", True), ("f1>=baseline", False), ("f1>=baseline-0.1", True),
        ("f1 >= baseline - 0.05", False), ("ece<=baseline+0.05", True), ("ece<baseline", False), ("speaker>=0", False),
    ],
)  # fmt: skip
def test_gates(text: str, passes: bool) -> None:
    differences = {"f1": {"value": -0.1}, "ece": {"value": 0.02}}
    run = {
        "summary": {"f1": {"value": 0.5}, "ece": {"value": 0.1}},
        "latency_ms": {"p50": 1.0, "p95": 2000.0, "p99": 3000.0},
        "peak_memory_mb": 800.0,
        "baseline": {"file": "b.json", "differences": differences, "changed": []},
    }
    verdict = Gate.parse(text).check(run)
    assert verdict.passed is passes
    assert verdict.sentence.startswith(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("f1", "is not a condition"),
        ("f1=0.5", "is not a condition"),
        ("f1>=high", "is not a condition"),
        ("f1>=0.5 or so", "is not a condition"),
        ("bleu>=0.5", "names no metric; there are hit@1, "),
        ("p95<=baseline", "cannot be held against the baseline"),
    ],
)
def test_gates_that_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(SaidsoError, match=words):
        Gate.parse(text)


def test_progress_is_a_sentence() -> None:
    assert sentence(Step(3, 1200, None)) == "3 of 1,200 questions"
    assert sentence(Step(3, 1200, 59.6)) == "3 of 1,200 questions, about 1 min 00 s left"
    assert sentence(Step(3, 1200, 9)) == "3 of 1,200 questions, about 9 s left"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_written_over_itself_and_only_where_somebody_watches() -> None:
    screen, file = Screen(), io.StringIO()
    for stream in (screen, file):
        with counting(stream) as show:
            show(Step(1, 9, None))
            show(Step(2, 9, 4.0))  # so soon after the first that nobody could read it
    assert screen.getvalue() == "\r\x1b[K1 of 9 questions\r\x1b[K"
    assert file.getvalue() == ""
