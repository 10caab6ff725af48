"""Conditions that a run must meet, for a build that is to fail when answers get worse."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assistant.evaluation.metrics import BY_NAME
from index.errors import SaidsoError

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_EXPRESSION = re.compile(
    rf"\s*(?P<metric>[\w@.]+)\s*(?P<compare>>=|<=|>|<)\s*"
    rf"(?:(?P<limit>{_NUMBER})|(?P<baseline>baseline)\s*(?:(?P<sign>[+-])\s*(?P<offset>{_NUMBER}))?)\s*"
)
_LATENCY = ("p50", "p95", "p99")
_RESOURCES = (*_LATENCY, "peak_memory_mb")
_SLACK = 1e-9  # what rounding may cost

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Gate:
    """A condition such as `mrr@10>=0.74` or `f1>=baseline-0.01`."""

    text: str
    metric: str
    compare: str
    limit: float  # or, against a baseline, how far from it
    against_baseline: bool

    @classmethod
    def parse(cls, text: str) -> Gate:
        """Read a condition. Raises SaidsoError that says what it should look like."""
        match = _EXPRESSION.fullmatch(text)
        if match is None:
            raise SaidsoError(
                f"The gate {text!r} is not a condition; write a metric, >= or <=, and a number or the baseline, for "
                'example "mrr@10>=0.74" or "f1>=baseline-0.01".'
            )
        metric, against_baseline = match["metric"], match["baseline"] is not None
        if metric not in BY_NAME and metric not in _RESOURCES:
            raise SaidsoError(f"The gate {text!r} names no metric; there are {', '.join((*BY_NAME, *_RESOURCES))}.")
        if metric in _RESOURCES and against_baseline:
            raise SaidsoError(f"The gate {text!r} cannot be held against the baseline; give {metric} a number.")
        limit = float(match["limit"] or match["offset"] or 0)
        return cls(text, metric, match["compare"], -limit if match["sign"] == "-" else limit, against_baseline)

    def check(self, run: Json) -> Verdict:
        """Hold a run against the condition. What was not measured does not pass."""
        value = self._value(run)
        wanted = self._wanted(run, value)
        passed = value is not None and wanted is not None and self._holds(value, wanted)
        return Verdict(self, value, wanted, passed)

    def _value(self, run: Json) -> float | None:
        if self.metric in _LATENCY:
            return float(run["latency_ms"][self.metric])
        if self.metric in _RESOURCES:
            return float(run[self.metric])
        figure = run["summary"].get(self.metric)
        return None if figure is None else float(figure["value"])

    def _wanted(self, run: Json, value: float | None) -> float | None:
        """Return the number to compare with; the baseline's is over the questions that both runs ask."""
        if not self.against_baseline:
            return self.limit
        difference = (run["baseline"] or {}).get("differences", {}).get(self.metric)
        return None if difference is None or value is None else value - difference["value"] + self.limit

    def _holds(self, value: float, wanted: float) -> bool:
        slack = _SLACK if "=" in self.compare else 0.0
        return _COMPARE[self.compare](value, wanted - slack if self.compare == ">=" else wanted + slack)


@dataclass(frozen=True)
class Verdict:
    """What became of a gate."""

    gate: Gate
    value: float | None
    wanted: float | None
    passed: bool

    @property
    def sentence(self) -> str:
        """Say what the figure is, what it should be and how much is missing."""
        if self.value is None or self.wanted is None:
            where = "this run" if self.value is None else "both runs for the same question"
            return f"{self.gate.text}: {self.gate.metric} was not measured in {where}; no question asks for it."
        verdict = "met" if self.passed else f"not met, it falls short by {abs(self.value - self.wanted):.4f}"
        wanted = f"{self.gate.compare} {self.wanted:.4f}"
        return f"{self.gate.text}: {self.gate.metric} is {self.value:.4f}, wanted {wanted}: {verdict}."

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for a program to read."""
        return {"gate": self.gate.text, "value": self.value, "wanted": self.wanted, "passed": self.passed}
