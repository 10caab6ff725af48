"""The same figures for groups of questions: by kind of answer, outlet, year, and the question file's own fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assistant.evaluation.metrics import statistics
from assistant.evaluation.statistics import estimate
from assistant.question import understand

MOST_GROUPS = 20
OTHERS = "(others)"

Json = Mapping[str, Any]
About = Callable[[str], tuple[str, str]]  # an article's outlet and year by its id, each "" where unknown


def by_group(scored: Sequence[Json], about: About, seed: int) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Return {field: {value: {metric: estimate}}} for each field that tells questions apart.

    A field with more than twenty values keeps the twenty most frequent. One that is another name of the question is
    left out: none of its values occurs twice, or it has more than twenty and most occur once.
    """
    groups = {}
    for field, values in _fields(scored, about).items():
        parts = _parts(scored, values)
        if len(parts) > 1:
            groups[field] = {value: _figures(part, seed) for value, part in parts.items()}
    return groups


def _figures(part: Sequence[Json], seed: int) -> dict[str, dict[str, float]]:
    return {name: figure.as_json() for name, figure in estimate(statistics(part), seed).items()}


def _fields(scored: Sequence[Json], about: About) -> dict[str, list[str]]:
    """Return each field's value for every question, "" where it has none."""
    known = [[about(article) for article in entry["articles"]] for entry in scored]
    found = {
        "kind": [understand(entry["question"]).kind.value for entry in scored],
        "outlet": [_only({outlet for outlet, _ in articles}) for articles in known],
        "year": [_only({year for _, year in articles}) for articles in known],
        "answerable": [_answerable(entry) for entry in scored],
    }
    own = dict.fromkeys(name for entry in scored for name in entry["fields"])
    for name in own:
        found[name if name not in found else f"{name} (of the file)"] = [
            _word(entry["fields"].get(name)) for entry in scored
        ]
    return found


def _only(values: set[str]) -> str:
    return next(iter(values)) if len(values) == 1 else ""


def _answerable(entry: Json) -> str:
    return "" if entry["answers"] is None else "yes" if entry["answers"] else "no"


def _word(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case str() | int() | float():
            return str(value)
    return ""


def _parts(scored: Sequence[Json], values: Sequence[str]) -> dict[str, list[Json]]:
    counts = Counter(filter(None, values))
    once = sum(count == 1 for count in counts.values())
    if once == len(counts) or 2 * once > len(counts) > MOST_GROUPS:
        return {}
    kept = [value for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))][:MOST_GROUPS]
    parts: dict[str, list[Json]] = {value: [] for value in kept}
    for entry, value in zip(scored, values, strict=True):
        if value:
            parts.setdefault(value if value in kept else OTHERS, []).append(entry)
    return parts
