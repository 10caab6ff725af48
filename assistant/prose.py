"""An answer as a language model wrote it: its sentences, each with the places in the articles that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assistant.citations import Citation


@dataclass(frozen=True)
class Written:
    """A sentence as it is shown, markers and all, and as the model wrote it.

    `fault` says why the evidence does not bear it out, if it does not; `repairs` say what was changed in it.
    """

    text: str
    written: str
    markers: tuple[int, ...] = ()
    fault: str | None = None
    repairs: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the sentence as the answer's JSON has it."""
        return {
            "text": self.text,
            "written": self.written,
            "citations": list(self.markers),
            "fault": self.fault,
            "repairs": list(self.repairs),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Written:
        """Read what `as_json` wrote."""
        markers, repairs = tuple(fields["citations"]), tuple(fields["repairs"])
        return cls(fields["text"], fields["written"], markers, fields["fault"], repairs)


@dataclass(frozen=True)
class Prose:
    """What `model` wrote. `citations` are all of the answer's; what is not borne out is struck, or left out."""

    model: str
    sentences: tuple[Written, ...]
    citations: tuple[Citation, ...]
    shows_struck: bool

    def shown(self, sentence: Written) -> str:
        """Return a sentence as it stands in plain text: struck through, with the reason, where it is not borne out."""
        if sentence.fault is None:
            return sentence.text
        return f"~~{sentence.text}~~ ({sentence.fault})" if self.shows_struck else ""

    @property
    def text(self) -> str:
        """All that is shown."""
        return " ".join(filter(None, map(self.shown, self.sentences)))

    def as_json(self) -> dict[str, Any]:
        """Return the prose as the answer's JSON has it; its citations stand there already."""
        sentences = [sentence.as_json() for sentence in self.sentences]
        return {"model": self.model, "shows_struck": self.shows_struck, "sentences": sentences}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], citations: tuple[Citation, ...]) -> Prose:
        """Read what `as_json` wrote, of an answer with these citations."""
        sentences = tuple(map(Written.from_json, fields["sentences"]))
        return cls(fields["model"], sentences, citations, fields["shows_struck"])
