"""Which articles a search may look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from index.cues import STANCES
from index.errors import SaidsoError


@dataclass(frozen=True)
class Filters:
    """Keep articles of these outlets, published from `since` to `until` (both included, as yyyymmdd).

    An article whose date is unknown is left out as soon as either date is set. `speaker` keeps what that person or body
    is reported to have said, `stances` what is reported with one of these stances ("denies"), `cue` what is reported
    with exactly these words ("flatly denied").
    """

    sources: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    speaker: str | None = None
    stances: tuple[str, ...] = ()
    cue: str | None = None

    @property
    def of_claims(self) -> bool:
        """Whether only passages with certain claims are kept."""
        return bool(self.speaker or self.stances or self.cue)

    @classmethod
    def parse(
        cls,
        sources: tuple[str, ...] = (),
        since: str | None = None,
        until: str | None = None,
        speaker: str | None = None,
        stances: tuple[str, ...] = (),
        cue: str | None = None,
    ) -> Filters:
        """Build filters from ISO dates (`2017-03-16`) and names of stances.

        Raises SaidsoError naming the value that is no date, or no stance.
        """
        named = tuple(_stance(stance) for stance in stances)
        return cls(tuple(sources), _day(since), _day(until), _given(speaker), named, _given(cue))

    def within(self, since: int | None, until: int | None) -> Filters:
        """Return filters that keep of these days (yyyymmdd) what these filters keep."""
        first = max((day for day in (self.since, since) if day is not None), default=None)
        last = min((day for day in (self.until, until) if day is not None), default=None)
        return replace(self, since=first, until=last)


def _given(words: str | None) -> str | None:
    return (words or "").strip() or None


def _stance(value: str) -> str:
    stance = value.strip().casefold()
    if stance not in STANCES:
        raise SaidsoError(f"{value!r} is not a stance; the stances are {', '.join(STANCES)}.")
    return stance


def _day(value: str | None) -> int | None:
    if not value:
        return None
    try:
        return int(date.fromisoformat(value.strip()[:10]).strftime("%Y%m%d"))
    except ValueError:
        raise SaidsoError(f"{value!r} is not a date; write it as YYYY-MM-DD, for example 2017-03-16.") from None
