"""Who said what: the attributions of a text, as exact spans."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """Exact words of an article: its characters `start` to `end` (exclusive), which read `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Claim:
    """What a speaker is reported to have said: who, by which cue word, and what, in one or several pieces.

    `stance` is what the cue makes of it: says, claims, denies, confirms, accuses, admits, declines, asks, orders, …
    `direct` is true where all of the content stands in quotation marks, false where none of it does, None where some does.
    """

    speaker: Piece | None
    cue: Piece | None
    content: tuple[Piece, ...]
    stance: str
    direct: bool | None
