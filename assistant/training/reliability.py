"""Whether a confidence means what it says: its calibration error, and the diagram that shows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BINS = 10
_SIDE, _EDGE = 240, 48  # of the diagram, in pixels


@dataclass(frozen=True)
class Bin:
    """Questions of nearly one confidence: how many, the mean confidence, and the share that could be answered."""

    count: int
    confidence: float
    share: float


def bins(sure: NDArray[np.float64], there: NDArray[np.bool_]) -> list[Bin]:
    """Ten bins of equal width over the confidences (questions,), empty ones left out."""
    place = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    groups = [(place == n) for n in range(_BINS)]
    return [Bin(int(g.sum()), float(sure[g].mean()), float(there[g].mean())) for g in groups if g.any()]


def calibration_error(sure: NDArray[np.float64], there: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten equal bins (Guo et al., ICML 2017)."""
    return sum(b.count * abs(b.confidence - b.share) for b in bins(sure, there)) / len(sure)


def diagram(sure: NDArray[np.float64], there: NDArray[np.bool_], told: str) -> str:
    """A reliability diagram as SVG: a dot a bin, as large as it has questions, and the line that they should lie on."""
    points = bins(sure, there)
    largest = max(b.count for b in points)

    def x(value: float) -> float:
        return _EDGE + _SIDE * value

    def y(value: float) -> float:
        return _EDGE / 2 + _SIDE * (1 - value)

    marks = [
        f'<circle cx="{x(b.confidence):.1f}" cy="{y(b.share):.1f}" r="{2 + 8 * (b.count / largest) ** 0.5:.1f}">'
        f"<title>{b.count} questions: confidence {b.confidence:.2f}, answer there {b.share:.2f}</title></circle>"
        for b in points
    ]
    ticks = [
        f'<text x="{x(v):.0f}" y="{y(0) + 16:.0f}" text-anchor="middle">{v}</text>'
        f'<text x="{x(0) - 6:.0f}" y="{y(v) + 4:.0f}" text-anchor="end">{v}</text>'
        for v in (0.0, 0.5, 1.0)
    ]
    width, height = _SIDE + 1.5 * _EDGE, _SIDE + 1.75 * _EDGE
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img"',
            f'  font-family="sans-serif" font-size="11"><title>{told}</title>',
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
            f'<path d="M{x(0)} {y(1)}V{y(0)}H{x(1)}" fill="none" stroke="black"/>',
            f'<path d="M{x(0)} {y(0)}L{x(1)} {y(1)}" stroke="gray" stroke-dasharray="4"/>',
            '<g fill="#1f5fa8" fill-opacity=".75">',
            *marks,
            "</g>",
            *ticks,
            f'<text x="{x(0.5):.0f}" y="{y(0) + 34:.0f}" text-anchor="middle">confidence</text>',
            f'<text transform="translate(14 {y(0.5):.0f}) rotate(-90)" text-anchor="middle">the answer is there</text>',
            "</svg>\n",
        ]
    )
