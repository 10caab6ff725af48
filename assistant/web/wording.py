"""How the page writes text, dates and numbers."""

from __future__ import annotations

import re
from datetime import date

_PLAIN = re.compile(r"[^\w ]|_")


def escape(text: str) -> str:
    """Return `text` for a place where HTML and Markdown are read alike, so that neither finds a sign of its own."""
    return _PLAIN.sub(lambda sign: f"&#{ord(sign[0])};", text)


def day(published: str) -> str:
    """Return an ISO date as people write it, "16 March 2017"; anything else as it is."""
    try:
        value = date.fromisoformat(published[:10])
    except ValueError:
        return published
    return f"{value.day} {value:%B} {value.year}"


def days(first: str, last: str) -> str:
    """Return a range of ISO dates, without saying the same year or day twice."""
    start, end = day(first), day(last)
    if start == end:
        return start
    return f"{start.removesuffix(first[:4]).strip() if first[:4] == last[:4] else start} – {end}"


def counted(number: int, thing: str) -> str:
    """Return "1 article", "1,200 articles"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
