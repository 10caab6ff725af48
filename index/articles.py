"""Article, and reading one from each format."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cached_property


@dataclass(frozen=True)
class Article:
    """A published text. What its document does not say about it stays empty, never guessed.

    `text` is what every offset in the product counts in (Unicode code points). `published` is an ISO 8601
    date or date-time, or "". `origin` says where it was read (a file's absolute path, a JSONL line's file).
    """

    id: str
    text: str
    title: str = ""
    source: str = ""
    authors: tuple[str, ...] = ()
    published: str = ""
    url: str = ""
    origin: str = ""

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over everything a reader would see, so that an unchanged article can be skipped."""
        parts = (self.text, self.title, self.source, *self.authors, self.published, self.url)
        return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def day(self) -> int | None:
        """Publication day as yyyymmdd, the form that filters compare, or None where it is unknown."""
        return int(date.fromisoformat(self.published[:10]).strftime("%Y%m%d")) if self.published else None


@dataclass(frozen=True)
class Rejected:
    """An input that could not be read, and a sentence that says why and what to do."""

    origin: str
    reason: str
