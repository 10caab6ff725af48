"""Which articles a search may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from index.cues import STANCES
from index.errors import SaidsoError


@dataclass(frozen=True)
class Filters:
    """Keep articles of these outlets, published from `since` to `until` (both included, as yyyymmdd).

    `as_of` is the day on which the question is asked, so to say: nothing that was published later counts, and "last
    week" is the week before it. An article whose date is unknown is left out as soon as any of the three is set.
    `speaker` keeps what that person or body is reported to have said, `stances` what is reported with one of these
    stances ("denies"), `cue` what is reported with exactly these words ("flatly denied").
    """

    sources: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    speaker: str | None = None
    stances: tuple[str, ...] = ()
    cue: str | None = None
    as_of: int | None = None

    @property
    def last_day(self) -> int | None:
        """The last day (yyyymmdd) of which articles are kept, or None."""
        return min((day for day in (self.until, self.as_of) if day is not None), default=None)

    @property
    def by_day(self) -> bool:
        """Whether articles whose date is unknown are left out."""
        return self.since is not None or self.last_day is not None

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
        as_of: str | None = None,
    ) -> Filters:
        """Build filters from ISO dates (`2017-03-16`) and names of stances.

        Raises SaidsoError naming the value that is no date, or no stance.
        """
        named = tuple(_stance(stance) for stance in stances)
        first, last, asked = map(parse_day, (since, until, as_of))
        return cls(tuple(sources), first, last, _given(speaker), named, _given(cue), asked)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Filters:
        """Build what `as_json` returned. Raises SaidsoError for what it would not return."""
        given = dict(fields)
        sources, stances = (tuple(given.pop(name, ())) for name in ("sources", "stances"))
        since, until, as_of = (given.pop(name, None) for name in ("since", "until", "as_of"))
        speaker, cue = given.pop("speaker", None), given.pop("cue", None)
        if given:
            raise SaidsoError(f"There is no filter {next(iter(given))!r:.40}.")
        return cls.parse(sources, since, until, speaker, stances, cue, as_of)

    def within(self, since: int | None, until: int | None) -> Filters:
        """Return filters that keep of these days (yyyymmdd) what these filters keep."""
        first = max((day for day in (self.since, since) if day is not None), default=None)
        last = min((day for day in (self.until, until) if day is not None), default=None)
        return replace(self, since=first, until=last)

    def as_json(self) -> dict[str, Any]:
        """Return the filters that are set, days as ISO dates, under the names that `parse` has for them."""
        days = {name: iso_day(day) for name in ("since", "until", "as_of") if (day := getattr(self, name)) is not None}
        words = {"sources": list(self.sources), "speaker": self.speaker, "stances": list(self.stances), "cue": self.cue}
        return {**{name: value for name, value in words.items() if value}, **days}


def _given(words: str | None) -> str | None:
    return (words or "").strip() or None


def _stance(value: str) -> str:
    stance = value.strip().casefold()
    if stance not in STANCES:
        raise SaidsoError(f"{value!r} is not a stance; the stances are {', '.join(STANCES)}.")
    return stance


def parse_day(value: str | None) -> int | None:
    """Return an ISO date as yyyymmdd, None for "" and None. Raises SaidsoError for what is no date."""
    if not value:
        return None
    try:
        return int(date.fromisoformat(value.strip()[:10]).strftime("%Y%m%d"))
    except ValueError:
        raise SaidsoError(f"{value!r} is not a date; write it as YYYY-MM-DD, for example 2017-03-16.") from None


def iso_day(day: int) -> str:
    """Return a day (yyyymmdd) as an ISO date."""
    return f"{day // 10_000:04}-{day // 100 % 100:02}-{day % 100:02}"
