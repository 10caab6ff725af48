"""Which articles a question was put to, in words."""

from __future__ import annotations

from collections.abc import Callable

from index.filters import Filters


def scope(filters: Filters, undated: int = 0, write_day: Callable[[str], str] = str) -> str:
    """Say which articles are kept, and how many `undated` ones are left out for it; nothing where all are kept.

    `write_day` writes an ISO date for people.
    """
    kept = filters.as_json()
    days = (("from", "since"), ("to", "until"), ("as of", "as_of"))
    said = (
        ", ".join(filters.sources),
        f"words of {filters.speaker}" if filters.speaker else "",
        f"told as {' or '.join(filters.stances)}" if filters.stances else "",
        f"told with “{filters.cue}”" if filters.cue else "",
        *(f"{word} {write_day(kept[name])}" for word, name in days if name in kept),
    )
    only = ", ".join(filter(None, said))
    return f"Only: {only}{_left_out(undated)}" if only else ""


def _left_out(undated: int) -> str:
    if not undated:
        return ""
    return f". {undated:,} article{' without a date is' if undated == 1 else 's without a date are'} left out."
