"""Markers and the exact spans they stand for; none is made without being checked against the article."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from index.catalogue import Passage
from index.passages import Span


class BrokenCitationError(ValueError):
    """A quote that is not what the article says at its place: a fault of ours, never of the input."""


@dataclass(frozen=True)
class Citation:
    """A quote with where it stands: `article.text[start:end] == quote`, and the passage around it."""

    marker: int
    article_id: str
    title: str
    source: str
    published: str
    url: str
    quote: str
    start: int
    end: int
    passage: Span

    @classmethod
    def of(cls, marker: int, passage: Passage, start: int, end: int, quote: str | None = None) -> Citation:
        """Cite characters `start` to `end` of the passage's article.

        `quote` is what the caller believes to stand there. Raises BrokenCitationError when the span leaves the
        passage, is empty, or reads differently.
        """
        actual = passage.text[start - passage.start : end - passage.start]
        if not passage.start <= start < end <= passage.end or len(actual) != end - start:
            raise BrokenCitationError(f"{start}–{end} is not within passage {passage.id} of {passage.article_id}")
        if quote is not None and quote != actual:
            raise BrokenCitationError(f"{passage.article_id} reads {actual!r} at {start}–{end}, not {quote!r}")
        return cls(
            marker, passage.article_id, passage.title, passage.source, passage.published, passage.url,
            actual, start, end, Span(passage.start, passage.end),
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Return the citation as the contract writes it."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "passage"}
        return {**fields, "passage": {"start": self.passage.start, "end": self.passage.end}}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Citation:
        """Read what `as_json` wrote, perhaps long ago: the article may read differently now."""
        passage = Span(fields["passage"]["start"], fields["passage"]["end"])
        return cls(passage=passage, **{name: fields[name] for name in cls.__dataclass_fields__ if name != "passage"})
