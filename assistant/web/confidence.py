"""What the confidence means, and what the one setting does that trades wrong answers for abstentions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from assistant.settings import Settings
from assistant.web.wording import escape

_READER = Path(__file__).parent.parent / "models" / "reader"
DIAGRAM = _READER / "reliability.svg"
_SURE, _FAIRLY_SURE = 0.85, 0.65


@dataclass(frozen=True)
class Measured:
    """What thresholds do, on questions that the confidence was not fitted on (`assistant.training.evidence`)."""

    questions: int
    calibration_error: float
    thresholds: Sequence[Mapping[str, float]]  # threshold, and the shares answered when there, refused when not


def in_words(probability: float) -> str:
    """Return a probability in words."""
    if probability >= _SURE:
        return "High confidence"
    return "Fair confidence" if probability >= _FAIRLY_SURE else "Low confidence"


@cache
def measured() -> Measured:
    """Return the figures that lie beside the shipped reader."""
    figures: dict[str, Any] = json.loads((_READER / "confidence.json").read_text(encoding="utf-8"))
    return Measured(**figures)


def explanation(settings: Settings, diagram: str) -> str:
    """Explain the confidence and the threshold as set, as HTML; `diagram` is the address of the picture."""
    now, default = settings.answer_threshold, Settings.answer_threshold
    beside = "the default" if now == default else f"the default is {default:.0%}"
    told = (
        f"The confidence is how likely the articles are to hold the answer: high from {_SURE:.0%}, fair from "
        f"{_FAIRLY_SURE:.0%}, low below.",
        f"Saidso answers from a confidence of {now:.0%} on ({beside}). Below that, and where the speaker asked for is "
        "not quoted on the matter, it says so and shows what comes closest.",
        "A higher threshold gives fewer wrong answers and refuses more that could be answered. To set it, start Saidso "
        "with SAIDSO_ANSWER_THRESHOLD, from 0 (always answer) to 1.",
    )
    shown = _uncalibrated() if settings.reader else _figures(measured(), now) + _picture(measured(), diagram)
    return f'<div class="confidence">{"".join(map(_paragraph, told))}{shown}</div>'


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _uncalibrated() -> str:
    return _paragraph("It was fitted for the reader that ships with Saidso; with SAIDSO_READER set it is a guess.")


def _figures(found: Measured, now: float) -> str:
    rows = "".join(
        f'<tr{_current(row["threshold"] == now)}><th scope="row">{row["threshold"]:.0%}</th>'
        f"<td>{row['answered']:.0%}</td><td>{row['refused']:.0%}</td></tr>"
        for row in found.thresholds
    )
    return (
        f"<table><caption>Measured on {found.questions:,} news questions that it was not fitted on</caption><thead><tr>"
        '<th scope="col">From</th><th scope="col">answered where the answer was found</th>'
        f'<th scope="col">refused where not</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _current(is_now: bool) -> str:
    return ' class="now"' if is_now else ""


def _picture(found: Measured, diagram: str) -> str:
    told = (
        "Each dot is a group of these questions of nearly one confidence. On the dashed line the answer is there "
        f"as often as the confidence says; on average it is off by {found.calibration_error:.1%}."
    )
    alternative = "Reliability diagram: how often the answer was there, by confidence"
    return f'<img src="{escape(diagram)}" alt="{alternative}" width="312" height="324">{_paragraph(told)}'
