from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from assistant.training.reliability import bins, calibration_error, diagram


def test_the_error_is_the_distance_weighed_by_how_many() -> None:
    sure = np.array([0.05, 0.05, 0.95, 0.95])
    assert calibration_error(sure, np.array([False, False, True, True])) == pytest.approx(0.05)
    assert calibration_error(sure, np.array([True, True, False, False])) == pytest.approx(0.95)


def test_bins_hold_every_question_once() -> None:
    sure = np.array([0.0, 0.1, 0.55, 1.0])
    found = bins(sure, np.array([False, False, True, True]))
    assert [b.count for b in found] == [1, 1, 1, 1]
    assert found[-1].share == 1.0


def test_the_diagram_has_a_dot_a_bin_in_its_place() -> None:
    svg = diagram(np.array([0.25, 0.25, 0.75]), np.array([False, True, True]), "how well")
    root = ElementTree.fromstring(svg)
    dots = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert [round(float(dot.attrib["cx"])) for dot in dots] == [108, 228]
    assert [round(float(dot.attrib["cy"])) for dot in dots] == [144, 24]
