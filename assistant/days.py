"""Days counted from another: a question's from the day it is asked ("last week"), a report's from its article's."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

SPAN = r"\d{4}-\d{2}-\d{2}/\d{4}-\d{2}-\d{2}"  # how `in_full` writes first and last day

Days = tuple[date, date]  # the first and the last

_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTHS = "january february march april may june july august september october november december".split()
_NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()
_NUMBER = rf"(?P<number>\d{{1,3}}|an?|{'|'.join(_NUMBERS)})"
_WEEKDAY = rf"(?P<weekday>{'|'.join(_WEEKDAYS)})\b"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_NO_YEAR = r"(?!\s*,?\s*\d)"


@dataclass(frozen=True)
class Dated:
    """A question with its days in full, the words that each stands for, and the first day that it plainly counts."""

    text: str
    words: Mapping[str, str]
    first: int | None = None  # yyyymmdd

    def as_asked(self, text: str) -> str:
        """Return a part of the question in its own words again."""
        for written, own in self.words.items():
            text = text.replace(written, own)
        return text


def in_full(text: str, as_of: int) -> Dated:
    """Write out the days that a question counts from `as_of` (yyyymmdd).

    "What did he say last week?" is, as of 17 March 2017, "What did he say in 2017-03-06/2017-03-12?". Weeks begin on
    Monday; a weekday, and a day or month without a year, is the last one up to `as_of`.
    """
    today = date(as_of // 10_000, as_of // 100 % 100, as_of % 100)
    words: dict[str, str] = {}
    counted: list[date] = []
    for pattern, days_of in (*_COUNTED, *_NAMED):
        for match in reversed(list(pattern.finditer(text))):
            try:
                first, last = days_of(match, today)
            except (ValueError, OverflowError):  # the 31st of a shorter month; more years ago than the calendar has
                continue
            written = f"{_relation(match)} {first}/{last}"
            words[written] = match.group()
            text = f"{text[: match.start()]}{written}{text[match.end() :]}"
            counted += [first] if (pattern, days_of) in _COUNTED else []
    return Dated(text, words, int(f"{min(counted):%Y%m%d}") if counted else None)


def day_beside(before: str, after: str, published: str) -> str:
    """Return the day that is named right before some words or right after them, as YYYY-MM-DD, or "".

    "On Friday", "on March 17" and "on 17 March" are the last ones up to the day on which the article was `published`.
    """
    for ends, begins, days_of in _BESIDE:
        if match := ends.search(before) or begins.match(after):
            try:
                return days_of(match, date.fromisoformat(published[:10]))[0].isoformat()
            except ValueError:  # an article without a date; the 31st of a shorter month
                return ""
    return ""


def _relation(match: re.Match[str]) -> str:
    relation = (match["relation"] or "").casefold()
    return relation if relation in ("since", "before", "after", "until", "by") else "in"


def _named_day(match: re.Match[str], today: date) -> Days:
    day = today - timedelta(days=match["day"].casefold() == "yesterday")
    return day, day


def _this_or_last(match: re.Match[str], today: date) -> Days:
    which, unit = match["which"].casefold(), match["unit"].casefold()
    if which == "past":
        return _rolling(1, unit, today)
    return _whole(unit, today if which == "this" else _back(1, unit, today))


def _past(match: re.Match[str], today: date) -> Days:
    return _rolling(_count(match["number"]), match["unit"].casefold(), today)


def _ago(match: re.Match[str], today: date) -> Days:
    unit = match["unit"].casefold()
    return _whole(unit, _back(_count(match["number"]), unit, today))


def _weekday(match: re.Match[str], today: date) -> Days:
    back = (today.weekday() - _WEEKDAYS.index(match["weekday"].casefold())) % 7
    if back == 0 and (match.groupdict().get("which") or "").casefold() == "last":
        back = 7
    day = today - timedelta(days=back)
    return day, day


def _month(match: re.Match[str], today: date) -> Days:
    month = _MONTHS.index(match["month"].casefold()) + 1
    named = match.groupdict()
    day = int(named.get("day") or 0)
    year = int(named.get("year") or 0) or today.year - ((month, day) > (today.month, today.day))
    return (date(year, month, day),) * 2 if day else _whole("month", date(year, month, 1))


def _whole(unit: str, day: date) -> Days:
    """Return the whole day, week, month or year that `day` lies in."""
    match unit:
        case "week":
            monday = day - timedelta(days=day.weekday())
            return monday, monday + timedelta(days=6)
        case "month":
            return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
        case "year":
            return date(day.year, 1, 1), date(day.year, 12, 31)
    return day, day


def _rolling(number: int, unit: str, today: date) -> Days:
    return _back(number, unit, today), today


def _back(number: int, unit: str, today: date) -> date:
    """Return the day that lies so many days, weeks, months or years back; the last of a month that is too short."""
    if unit in ("day", "week"):
        return today - timedelta(days=number * (7 if unit == "week" else 1))
    months = today.year * 12 + today.month - 1 - number * (12 if unit == "year" else 1)
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(today.day, monthrange(year, month)[1]))


def _count(words: str) -> int:
    words = words.casefold()
    return int(words) if words.isdecimal() else _NUMBERS.index(words) + 1 if words in _NUMBERS else 1


_RELATION = r"\b(?:(?P<relation>since|before|after|until|by|on|in|during|over|within|for)\s+)?(?:the\s+)?"
_REQUIRED = r"\b(?P<relation>since|before|after|until|by|on|in|during)\s+"
_UNIT = r"(?P<unit>day|week|month|year)"
_WHOSE = r"(?!['’-]\w)"  # "last week's report" is a report, not a week
_Reckoning = tuple[re.Pattern[str], Callable[[re.Match[str], date], Days]]
_COUNTED: tuple[_Reckoning, ...] = tuple(
    (re.compile(pattern + _WHOSE, re.IGNORECASE), days_of)
    for pattern, days_of in (
        (rf"{_RELATION}(?P<day>today|yesterday)\b", _named_day),
        (rf"{_RELATION}(?P<which>this|last|past)\s+(?P<unit>week|month|year)\b", _this_or_last),
        (rf"{_RELATION}(?:last|past)\s+{_NUMBER}\s+{_UNIT}s?\b", _past),
        (rf"{_RELATION}\b{_NUMBER}\s+{_UNIT}s?\s+ago\b", _ago),
        (rf"{_RELATION}(?P<which>last|this)\s+{_WEEKDAY}", _weekday),
    )
)
_NAMED: tuple[_Reckoning, ...] = tuple(
    (re.compile(pattern + _WHOSE, re.IGNORECASE), days_of)
    for pattern, days_of in (
        (rf"{_REQUIRED}{_WEEKDAY}", _weekday),
        (rf"{_REQUIRED}(?P<day>\d{{1,2}})\s+{_MONTH}\b{_NO_YEAR}", _month),
        (rf"{_REQUIRED}{_MONTH}\s+(?P<day>\d{{1,2}})\b{_NO_YEAR}", _month),
        (rf"{_RELATION}last\s+{_MONTH}\b{_NO_YEAR}", _month),
        (rf"{_REQUIRED}{_MONTH}\b{_NO_YEAR}", _month),
    )
)

# A report may have the weekday beside the date, and a year behind it: "on Friday, March 17, 2017".
_YEAR = r"(?:,?\s+(?P<year>\d{4})\b)?"
_BESIDE: tuple[tuple[re.Pattern[str], re.Pattern[str], Callable[[re.Match[str], date], Days]], ...] = tuple(
    (
        re.compile(rf"\bon\s+{pattern}\s*,?\s*$", re.IGNORECASE),
        re.compile(rf"\s*,?\s*\bon\s+{pattern}", re.IGNORECASE),
        days_of,
    )
    for pattern, days_of in (
        (rf"(?:{_WEEKDAY},?\s+)?{_MONTH}\s+(?P<day>\d{{1,2}})\b{_YEAR}", _month),
        (rf"(?:{_WEEKDAY},?\s+)?(?P<day>\d{{1,2}})\s+{_MONTH}\b{_YEAR}", _month),
        (_WEEKDAY, _weekday),
    )
)
