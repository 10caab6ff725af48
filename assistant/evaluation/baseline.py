"""An earlier run to compare with: what changed, how surely, and for which questions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.evaluation.gold import Gold
from assistant.evaluation.metrics import statistics
from assistant.evaluation.statistics import compare
from index.errors import SaidsoError

# One figure for each thing that can change; the rest would say the same of the same question again.
TELLING = ("right", "f1", "citation_recall", "mrr@10", "passage_mrr@10")

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Baseline:
    """A stored run, and the file that it was read from."""

    file: str
    run: Json

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read a run file. Raises SaidsoError where it is none."""
        try:
            run = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SaidsoError(f"The baseline {path} cannot be read ({error.strerror}).") from error
        except (ValueError, RecursionError) as error:
            raise SaidsoError(f"The baseline {path} is not JSON ({error}).") from error
        questions = run.get("questions") if isinstance(run, dict) else None
        if not isinstance(questions, list) or not all(_is_scored(entry) for entry in questions):
            raise SaidsoError(f"The baseline {path} is not a run of `saidso eval`; write one with --out.")
        return cls(str(path), run)

    def check(self, asked: Sequence[Gold]) -> None:
        """Raise SaidsoError when the earlier run asks none of these questions, before an hour goes into asking them."""
        if not self.pairs([{"id": gold.id, "question": gold.question} for gold in asked]):
            raise SaidsoError(
                f"The baseline {self.file} has no question in common with this set; give one of its runs."
            )

    def pairs(self, scored: Sequence[Json]) -> list[tuple[Json, Json]]:
        """Return (now, then) for the questions that both runs ask, under the same id and in the same words."""
        then = {(entry["id"], entry["question"]): entry for entry in self.run["questions"]}
        found = [(entry, then.get((entry["id"], entry["question"]))) for entry in scored]
        return [(now, before) for now, before in found if before is not None]

    def compared(self, scored: Sequence[Json], seed: int) -> dict[str, Any]:
        """Return the baseline's part of a run file; the runs have a question in common (see `check`)."""
        now, then = [list(side) for side in zip(*self.pairs(scored), strict=True)]
        differences = compare(statistics(now), statistics(then), seed)
        return {
            "file": self.file,
            "differences": {name: difference.as_json() for name, difference in differences.items()},
            "changed": _changed(now, then),
        }

    def warning(self, scored: Sequence[Json]) -> str | None:
        """Say how many questions of either run the other does not ask, or None when they ask the same."""
        common = len(self.pairs(scored))
        if common == len(scored) == len(self.run["questions"]):
            return None
        return (
            f"Only {common} of {len(scored)} questions are in the baseline too (which has "
            f"{len(self.run['questions'])}); differences are over those."
        )


def _is_scored(entry: object) -> bool:
    match entry:
        case {"id": str(), "question": str(), "answers": list() | None, "scores": {"right": _}, "answer": dict(answer)}:
            return {"abstained", "confidence"} <= answer.keys()
    return False


def _changed(after: Sequence[Json], before: Sequence[Json]) -> list[dict[str, Any]]:
    """Return the questions whose telling scores differ, those that differ most first."""
    changed = [
        {
            "id": now["id"],
            "question": now["question"],
            "metric": name,
            "before": then["scores"].get(name),
            "after": now["scores"].get(name),
            "difference": round((now["scores"].get(name) or 0.0) - (then["scores"].get(name) or 0.0), 6),
        }
        for now, then in zip(after, before, strict=True)
        for name in TELLING
    ]
    return sorted(filter(_differs, changed), key=lambda change: -abs(change["difference"]))


def _differs(change: Json) -> bool:
    return bool(change["difference"]) or (change["before"] is None) != (change["after"] is None)
