"""What an interrupted run has already asked, so that the same command goes on from there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from index.errors import SaidsoError

Outcome = dict[str, Any]  # {"id", "answer", "passages"}


@dataclass(frozen=True)
class Journal:
    """A file of one outcome a line under a key; a file with another key is of another run and is not read."""

    path: Path
    key: str

    @classmethod
    def beside(cls, out: Path, about: Mapping[str, Any]) -> Journal:
        """Return the journal of the run that goes to `out`; `about` is all that its outcomes depend on."""
        written = json.dumps(about, sort_keys=True, default=str)
        return cls(out.with_name(f"{out.name}.journal"), hashlib.sha256(written.encode()).hexdigest())

    def outcomes(self) -> dict[str, Outcome]:
        """Return what was asked so far, by question id. A line that was cut off by the interruption is left out."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return {}
        if not lines or _parsed(lines[0]) != {"key": self.key}:
            return {}
        return {outcome["id"]: outcome for outcome in map(_parsed, lines[1:]) if outcome}

    def append_to(self, known: Mapping[str, Outcome]) -> Appender:
        """Write the journal anew with what is `known`, and return what appends to it. Raises SaidsoError."""
        try:
            stream = self.path.open("w", encoding="utf-8")
            appender = Appender(stream)
            appender.add({"key": self.key})
            for outcome in known.values():
                appender.add(outcome)
        except OSError as error:
            raise SaidsoError(f"{self.path} cannot be written ({error.strerror}); choose another --out.") from error
        return appender

    def remove(self) -> None:
        """Forget the run: it is done."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Appender:
    """Adds lines to a journal, each on disk before the next question is asked."""

    stream: IO[str]

    def add(self, outcome: Mapping[str, Any]) -> None:
        """Append one line."""
        self.stream.write(json.dumps(outcome, ensure_ascii=True) + "\n")
        self.stream.flush()

    def close(self) -> None:
        """Close the file."""
        self.stream.close()


def _parsed(line: str) -> Outcome | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
