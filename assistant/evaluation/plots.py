"""Plots of an evaluation as SVG text: pure functions of numbers, coloured by the page they stand in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

# Colours come from the page's own variables, so that one plot serves light and dark; the fallbacks are the light ones.
_INK = "var(--ink, #1f1c18)"
_SOFT = "var(--soft, #635c52)"
_RULE = "var(--rule, #d9d3c7)"
_ACCENT = "var(--accent, #8f1d1d)"
_WASH = "var(--bar, #d8c3b4)"

_MOST_POINTS = 240  # of a curve; more cannot be told apart at this size
_LATENCY_BINS = 28
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class _Frame:
    """A plot's drawing area within its picture; fractions of the area in, picture coordinates out."""

    width: float = 360.0
    height: float = 270.0
    left: float = 58.0
    right: float = 22.0
    top: float = 14.0
    bottom: float = 44.0

    def x(self, fraction: float) -> float:
        return self.left + _within(fraction) * (self.width - self.left - self.right)

    def y(self, fraction: float) -> float:
        return self.height - self.bottom - _within(fraction) * (self.height - self.top - self.bottom)

    def picture(self, title: str, description: str, body: Iterable[str]) -> str:
        """Wrap drawn parts; screen readers get the title and the description instead of the shapes."""
        return (
            f'<svg class="plot" viewBox="0 0 {self.width:g} {self.height:g}" role="img" font-size="12" '
            f'font-family="inherit" fill="{_INK}"><title>{escape(title)}</title>'
            f"<desc>{escape(description)}</desc>{''.join(body)}</svg>"
        )

    def percent_axes(self, horizontal: str, vertical: str) -> str:
        """Draw a grid from 0 to 100 % both ways, with a name on each axis."""
        rows = [self.rule(tick) + self.text(self.left - 7, self.y(tick) + 4, f"{tick:.0%}", "end") for tick in _TICKS]
        columns = [self.text(self.x(tick), self.height - self.bottom + 17, f"{tick:.0%}", "middle") for tick in _TICKS]
        return "".join((*rows, *columns, self.names(horizontal, vertical)))

    def names(self, horizontal: str, vertical: str) -> str:
        middle = (self.y(0) + self.y(1)) / 2
        turned = f'<g transform="rotate(-90 10 {middle:g})">{self.text(10, middle + 2, vertical, "middle")}</g>'
        return turned + self.text((self.x(0) + self.x(1)) / 2, self.height - 8, horizontal, "middle")

    def rule(self, fraction: float) -> str:
        return _line(self.x(0), self.y(fraction), self.x(1), self.y(fraction), _RULE)

    @staticmethod
    def text(x: float, y: float, words: str, anchor: str = "start", colour: str = _SOFT) -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def interval_bar(value: float, low: float, high: float, before: float | None = None) -> str:
    """Draw a figure between 0 and 1 as a bar, its interval as a whisker, and where it stood `before` as a notch.

    It stands beside the same figures in words, so screen readers pass it over.
    """
    width = 150.0
    bar, start, end = (_within(part) * width for part in (value, low, high))
    notch = "" if before is None else _line(_within(before) * width, 0, _within(before) * width, 14, _SOFT, 1.5, "2 2")
    return (
        f'<svg class="bar" viewBox="0 0 {width:g} 14" aria-hidden="true" preserveAspectRatio="none">'
        f'<rect y="2" width="{width:g}" height="10" fill="{_RULE}" opacity=".45"/>'
        f'<rect y="2" width="{bar:.1f}" height="10" fill="{_WASH}"/>'
        f"{_line(start, 7, end, 7, _ACCENT, 1.6)}{_line(start, 3.5, start, 10.5, _ACCENT, 1.6)}"
        f"{_line(end, 3.5, end, 10.5, _ACCENT, 1.6)}{notch}</svg>"
    )


def risk_coverage(points: Sequence[Sequence[float]]) -> str:
    """Draw the share of wrong answers among the most confident, for each share of the questions answered.

    Geifman & El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS 2017.
    """
    frame = _Frame()
    curve = [(frame.x(coverage), frame.y(risk)) for coverage, risk in thinned(points)]
    body = [frame.percent_axes("questions answered, most confident first", "of these wrong")]
    if curve:
        (start, _), (end, height), floor = curve[0], curve[-1], frame.y(0)
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in curve)
        body += [
            f'<polygon points="{line} {end:.1f},{floor:.1f} {start:.1f},{floor:.1f}" fill="{_WASH}" opacity=".45"/>',
            f'<polyline points="{line}" fill="none" stroke="{_ACCENT}" stroke-width="2"/>',
            f'<circle cx="{end:.1f}" cy="{height:.1f}" r="4.5" fill="{_ACCENT}"/>',
            _Frame.text(min(end, frame.x(0.9)), height - 10, f"this run: {points[-1][1]:.0%}", "middle", _INK),
        ]
    return frame.picture("Risk and coverage", _risk_in_words(points), body)


def _risk_in_words(points: Sequence[Sequence[float]]) -> str:
    if not points:
        return "No points."
    asked = [min(points, key=lambda point: abs(point[0] - share)) for share in (0.25, 0.5, 1.0)]
    return "; ".join(f"at {coverage:.0%} answered, {risk:.0%} of these are wrong" for coverage, risk in asked) + "."


def thinned(points: Sequence[Sequence[float]], most: int = _MOST_POINTS) -> list[tuple[float, float]]:
    """Return at most `most` of the points, evenly taken, the first and the last among them."""
    step = (len(points) - 1) / (most - 1)
    chosen = points if len(points) <= most else [points[round(at * step)] for at in range(most)]
    return [(point[0], point[1]) for point in chosen]


def reliability(bins: Sequence[Mapping[str, float]]) -> str:
    """Draw how often answers of each confidence are right; on the diagonal, confidence is what it says.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    frame, filled = _Frame(), [part for part in bins if part.get("n")]
    most = max((part["n"] for part in filled), default=1)
    diagonal = _line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), _SOFT, 1.2, "4 3")
    bars = [_reliability_bar(frame, part) for part in filled]
    dots = [
        f'<circle cx="{frame.x(part["confidence"]):.1f}" cy="{frame.y(part["accuracy"]):.1f}" '
        f'r="{3 + 4 * math.sqrt(part["n"] / most):.1f}" fill="{_ACCENT}"/>'
        for part in filled
    ]
    told = "; ".join(
        f"at confidence {part['confidence']:.0%}, {part['accuracy']:.0%} of {part['n']:,} right" for part in filled
    )
    body = (frame.percent_axes("confidence", "right"), *bars, diagonal, *dots)
    return frame.picture("Is the confidence to be believed?", f"{told or 'No answers'}.", body)


def _reliability_bar(frame: _Frame, part: Mapping[str, float]) -> str:
    left, right, top = frame.x(part["low"]) + 1, frame.x(part["high"]) - 1, frame.y(part["accuracy"])
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 1):.1f}" '
        f'height="{frame.y(0) - top:.1f}" fill="{_WASH}" opacity=".7"/>'
    )


def latency(milliseconds: Sequence[float], quantiles: Mapping[str, float]) -> str:
    """Draw how long questions took, on a logarithmic scale, with the quantiles as lines (`{"p50": 120.0, …}`)."""
    frame = _Frame(left=14, top=32)
    known = [value for value in (*milliseconds, *quantiles.values()) if value > 0]
    low, high = (min(known), max(known)) if known else (1.0, 10.0)
    scale = _log_scale(low / 1.15, high * 1.15)
    counts = _histogram(milliseconds, scale)
    most = max(counts, default=0) or 1
    bars = [
        f'<rect x="{frame.x(at / len(counts)) + 0.5:.1f}" y="{frame.y(count / most):.1f}" '
        f'width="{frame.x(1 / len(counts)) - frame.left - 1:.1f}" '
        f'height="{frame.y(0) - frame.y(count / most):.1f}" fill="{_WASH}"/>'
        for at, count in enumerate(counts)
        if count
    ]
    marked = [(name, value) for name, value in quantiles.items() if value > 0]
    # Names stand on two levels in turn, the last beside its line on the other side: quantiles can lie close together.
    sides = ["end"] * (len(marked) - 1) + ["start"]
    lines = [
        _quantile(frame, scale(value), name, 6 + 12 * (at % 2), side)
        for at, ((name, value), side) in enumerate(zip(marked, sides, strict=False))
    ]
    ticks = [
        _Frame.text(frame.x(scale(tick)), frame.height - frame.bottom + 17, duration(tick), "middle")
        for tick in _round_durations(low, high)
    ]
    told = ", ".join(f"{name} {duration(value)}" for name, value in quantiles.items())
    name = _Frame.text((frame.x(0) + frame.x(1)) / 2, frame.height - 8, "time for a question", "middle")
    return frame.picture(
        "Time for a question", f"{told or 'Not measured'}.", (frame.rule(0), *bars, *ticks, *lines, name)
    )


def _log_scale(low: float, high: float) -> Callable[[float], float]:
    return lambda value: _within(math.log(max(value, low) / low) / math.log(high / low))


def _histogram(values: Sequence[float], scale: Callable[[float], float]) -> list[int]:
    counts = [0] * _LATENCY_BINS
    for value in values:
        counts[min(int(scale(value) * _LATENCY_BINS), _LATENCY_BINS - 1)] += 1
    return counts


def _quantile(frame: _Frame, at: float, name: str, above: float, side: str) -> str:
    x, top = frame.x(at), frame.y(1) - above
    beside = x + (3 if side == "start" else -3)
    return _line(x, frame.y(0), x, top - 8, _ACCENT, 1.5) + _Frame.text(beside, top, name, side, _INK)


def _round_durations(low: float, high: float) -> list[float]:
    """Return round times between `low` and `high` ms: powers of ten, or finer steps where those are too few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    within: list[float] = []
    for factors in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        within = [tick for power in powers for factor in factors if low <= (tick := factor * 10.0**power) <= high]
        if len(within) >= 3:
            break
    return within


def duration(milliseconds: float) -> str:
    """Return a time as people write it: "85 ms", "1.2 s"."""
    return f"{milliseconds / 1000:.3g} s" if milliseconds >= 1000 else f"{milliseconds:.3g} ms"


def _within(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width:g}"'
        f"{dashed}/>"
    )


# ── plots with their captions, and the same figures as a table ──────────────────────────────────────────────


def risk_coverage_figure(points: Sequence[Sequence[float]]) -> str:
    """Return the risk–coverage plot with its caption and table, or "" where there are no points."""
    told = "How often answers are wrong when only the questions it is surest of are answered. Lower is better."
    rows = [(f"{coverage:.0%}", f"{risk:.1%}") for coverage, risk in thinned(points, 11)]
    return _captioned("Risk and coverage", told, risk_coverage(points), ("answered", "of these wrong"), rows)


def reliability_figure(bins: Sequence[Mapping[str, float]]) -> str:
    """Return the reliability diagram with its caption and table, or "" where no bin holds an answer."""
    told = "How often answers are right, by the confidence they state. On the dashed line, confidence is what it says."
    rows = [
        (f"{part['low']:.0%}–{part['high']:.0%}", f"{part['accuracy']:.1%}", f"{part['n']:,}")
        for part in bins
        if part.get("n")
    ]
    return _captioned("Reliability", told, reliability(bins), ("confidence", "right", "answers"), rows)


def latency_figure(milliseconds: Sequence[float], quantiles: Mapping[str, float]) -> str:
    """Return the latency plot with its caption and table, or "" where no time was measured."""
    told = "How long questions took, on a logarithmic scale. Half stayed below p50, 95% below p95, 99% below p99."
    rows = [(name, duration(value)) for name, value in quantiles.items()]
    return _captioned("Time for a question", told, latency(milliseconds, quantiles), ("quantile", "time"), rows)


def _captioned(title: str, told: str, picture: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return (
        f"<figure><figcaption><h3>{title}</h3><p>{told}</p></figcaption>{picture}"
        f"<details><summary>As a table</summary>{table}</details></figure>"
        if rows
        else ""
    )
