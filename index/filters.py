"""Which articles a search may look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from index.errors import SaidsoError


@dataclass(frozen=True)
class Filters:
    """Keep articles of these outlets, published from `since` to `until` (both included, as yyyymmdd).

    An article whose date is unknown is left out as soon as either date is set.
    """

    sources: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None

    @classmethod
    def parse(cls, sources: tuple[str, ...] = (), since: str | None = None, until: str | None = None) -> Filters:
        """Build filters from ISO dates (`2017-03-16`). Raises SaidsoError naming the value that is no date."""
        return cls(tuple(sources), _day(since), _day(until))


def _day(value: str | None) -> int | None:
    if not value:
        return None
    try:
        return int(date.fromisoformat(value.strip()[:10]).strftime("%Y%m%d"))
    except ValueError:
        raise SaidsoError(f"{value!r} is not a date; write it as YYYY-MM-DD, for example 2017-03-16.") from None
