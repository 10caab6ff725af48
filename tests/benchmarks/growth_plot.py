"""The table and the plot of `tests/benchmarks/growth.py`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_Found = Mapping[str, Mapping[str, Any]]  # what was measured, by size
_Line = list[tuple[int, float]]  # passages, value
_WIDTH, _HEIGHT, _LEFT, _GAP = 300, 180, 52, 62  # of a panel, and around it
_COLOURS = ("#8f1d1d", "#2b5c8a", "#3f7d4e", "#8a6d1f", "#6b4a86")


def table(found: _Found) -> str:
    """Return all figures as Markdown, a column a size."""
    sizes = sorted(map(int, found))
    rows: dict[str, dict[int, str]] = {}
    for size in sizes:
        for name, value in _flat(found[str(size)]):
            rows.setdefault(name, {})[size] = value
    lines = [f"| passages | {' | '.join(f'{size:,}' for size in sizes)} |", f"| --- |{' --- |' * len(sizes)}"]
    lines += [f"| {name} | {' | '.join(row.get(size, '') for size in sizes)} |" for name, row in rows.items()]
    return "\n".join(lines)


def _flat(facts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}, ")
        elif isinstance(value, list):
            yield f"{above}{name}", " / ".join(_figure(one) for one in value)
        else:
            yield f"{above}{name}", _figure(value)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plot(found: _Found) -> str:
    """Return panels of curves against the number of passages, both axes logarithmic, in SVG."""
    panels: dict[str, dict[str, _Line]] = {
        "Search, ms": {"p95": _line(found, "search", "p95"), "p50": _line(found, "search", "p50")},
        "Parts of a search (p50), ms": {
            name: _line(found, "search", "parts", name, 0)
            for name in ("question", "vectors", "passage words", "article words", "catalogue")
        },
        "Whole answer, ms": {"p95": _line(found, "answers", "p95"), "p50": _line(found, "answers", "p50")},
        "Server's memory, MB": {"peak": _line(found, "server", "MB", "peak")},
        "Disk, MB": {name: _line(found, "open", "MB", name) for name in ("all", "chroma", "catalogue", "keywords")},
        "Stored a second": {"passages": [(size, of["passages"] / of["seconds"]) for size, of in _grown(found)]},
    }
    drawn = [_panel(place, title, lines) for place, (title, lines) in enumerate(panels.items())]
    wide, high = 3 * (_WIDTH + _LEFT + _GAP), 2 * (_HEIGHT + _GAP)
    about = f'viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="11" fill="#1f1c18"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {about}>{"".join(drawn)}</svg>\n'


def _line(found: _Found, *keys: str | int) -> _Line:
    points = []
    for size in sorted(map(int, found)):
        value: Any = found[str(size)]
        for key in keys:
            value = value[key] if isinstance(key, int) or key in value else None
            if value is None:
                break
        else:
            points.append((size, float(value)))
    return points


def _grown(found: _Found) -> list[tuple[int, Any]]:
    return sorted((int(size), facts["ingestion"]) for size, facts in found.items() if "ingestion" in facts)


def _panel(place: int, title: str, lines: Mapping[str, _Line]) -> str:
    left, top = _LEFT + place % 3 * (_WIDTH + _LEFT + _GAP), 30 + place // 3 * (_HEIGHT + _GAP)
    points = [point for line in lines.values() for point in line]
    across, up = _Axis([x for x, _ in points], _WIDTH), _Axis([y for _, y in points], _HEIGHT)
    parts = [f'<text x="{left}" y="{top - 10}" font-size="13">{escape(title)}</text>']
    parts += [_rule(left, top + _HEIGHT - up.at(value), value) for value in up.ticks]
    for value in across.ticks:
        x = left + across.at(value)
        parts.append(f'<text x="{x:.0f}" y="{top + _HEIGHT + 16}" text-anchor="middle">{_short(value)}</text>')
    labels = _apart([(up.at(line[-1][1]), name) for name, line in lines.items() if line])
    for (name, line), colour in zip(lines.items(), _COLOURS, strict=False):
        if line:
            at = [(f"{left + across.at(x):.1f}", f"{top + _HEIGHT - up.at(y):.1f}") for x, y in line]
            path = " ".join(",".join(point) for point in at)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in at]
            beside, height = left + across.at(line[-1][0]) + 6, top + _HEIGHT - labels[name] + 4
            parts.append(f'<text x="{beside:.0f}" y="{height:.0f}" fill="{colour}">{escape(name)}</text>')
    if place >= 3:
        middle = left + _WIDTH // 2
        parts.append(f'<text x="{middle}" y="{top + _HEIGHT + 30}" text-anchor="middle">passages</text>')
    return "".join(parts)


def _rule(left: float, y: float, value: float) -> str:
    line = f'<path d="M{left} {y:.1f}h{_WIDTH}" stroke="#ddd6cb"/>'
    return f'{line}<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{_short(value)}</text>'


def _apart(labels: list[tuple[float, str]]) -> dict[str, float]:
    """Return the heights at which labels stand without touching, by name."""
    placed: dict[str, float] = {}
    below = -math.inf
    for height, name in sorted(labels):
        placed[name] = below = max(height, below + 12)
    return placed


def _short(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}m"
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


class _Axis:
    """A logarithmic axis, of so many units, over some values."""

    def __init__(self, values: list[float] | list[int], length: float) -> None:
        low, high = (min(values), max(values)) if values else (1, 10)
        steps = [step * 10**power for power in range(-2, 8) for step in (1, 2, 5)]
        first = max(step for step in steps if step <= low * 1.001)
        last = min(step for step in steps if step >= high * 0.999 and step > first)
        self._low, self._scale = math.log(first), length / math.log(last / first)
        between = [step for step in steps if first <= step <= last]
        self.ticks = between if len(between) <= 8 else [step for step in between if f"{step:e}".startswith("1")]

    def at(self, value: float) -> float:
        """Return where a value stands."""
        return (math.log(value) - self._low) * self._scale
