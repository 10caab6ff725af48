"""The explanation of the confidence and of the threshold: with the figures that were measured, and only those."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assistant.settings import Settings
from assistant.training.evidence import SHOWN_THRESHOLDS, shown_on_the_page
from assistant.web.confidence import DIAGRAM, explanation, in_words, measured

SETTINGS = Settings(Path("data"))


@pytest.mark.parametrize(("probability", "said"), [(0.99, "High"), (0.7, "Fair"), (0.5, "Low")])
def test_confidence_in_words(probability: float, said: str) -> None:
    assert in_words(probability) == f"{said} confidence"


def test_the_default_is_explained_with_what_it_does() -> None:
    html = explanation(SETTINGS, "web/x.svg?v=1")
    assert f"{Settings.answer_threshold:.0%} on".replace("%", "&#37;") in html and "the default" in html
    (row,) = (row for row in measured().thresholds if row["threshold"] == Settings.answer_threshold)
    assert f'<tr class="now"><th scope="row">{row["threshold"]:.0%}</th><td>{row["answered"]:.0%}</td>' in html
    assert "SAIDSO&#95;ANSWER&#95;THRESHOLD" in html and '<img src="web&#47;x' in html


def test_another_threshold_is_told_from_the_default() -> None:
    html = explanation(replace(SETTINGS, answer_threshold=0.6), "x")
    assert "60&#37; on" in html and "the default is 40&#37;" in html and 'class="now"' not in html


def test_another_reader_has_neither_figures_nor_picture() -> None:
    html = explanation(replace(SETTINGS, reader=Path("other")), "x")
    assert "a guess" in html and "<table" not in html and "<img" not in html


def test_the_figures_are_those_of_the_diagram_and_of_the_readme() -> None:
    found = measured()
    title = f"on {found.questions} questions not used to fit it; calibration error {found.calibration_error}"
    assert title in DIAGRAM.read_text(encoding="utf-8")
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    for row in found.thresholds:
        assert f"{row['answered'] * 100:.0f} %" in readme and f"{row['refused'] * 100:.0f} %" in readme


def test_what_is_measured_is_what_is_shown() -> None:
    thresholds = [row["threshold"] for row in measured().thresholds]
    names = ("answered when there, from", "abstained when not, below")
    figures = {f"{name} {threshold}": 0.5 for name in names for threshold in SHOWN_THRESHOLDS}
    written = shown_on_the_page({"questions": 10.0, "calibration error": 0.1, **figures})
    assert written["questions"] == 10 and written["calibration_error"] == 0.1
    assert set(thresholds) == {row["threshold"] for row in written["thresholds"]}
    assert written["thresholds"][0].keys() == measured().thresholds[0].keys()
