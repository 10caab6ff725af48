from __future__ import annotations

import pytest

from assistant.scope import scope
from assistant.web.wording import day
from index.errors import SaidsoError
from index.filters import Filters


@pytest.mark.parametrize(
    ("filters", "undated", "said"),
    [
        (Filters(), 0, ""),
        (Filters(("A", "B"), 20170316), 0, "Only: A, B, from 16 March 2017"),
        (Filters(until=20170906), 1, "Only: to 6 September 2017. 1 article without a date is left out."),
        (Filters(speaker="the Pentagon", as_of=20170401), 3, "Only: words of the Pentagon, as of 1 April 2017. "
         "3 articles without a date are left out."),
        (Filters(stances=("denies", "says"), cue="flatly denied"), 0, "Only: told as denies or says, told with "
         "“flatly denied”"),
    ],
)  # fmt: skip
def test_what_is_kept_in_words(filters: Filters, undated: int, said: str) -> None:
    assert scope(filters, undated, day) == said
    assert Filters.from_json(filters.as_json()) == filters


@pytest.mark.parametrize("fields", [{"colour": "red"}, {"as_of": "soon"}, {"stances": ["shouts"]}])
def test_filters_from_elsewhere_are_checked(fields: dict[str, object]) -> None:
    with pytest.raises(SaidsoError, match=r"no filter 'colour'|'soon' is not a date|'shouts' is not a stance"):
        Filters.from_json(fields)


def test_the_last_day_is_the_earlier_one() -> None:
    assert Filters(until=20170906, as_of=20170401).last_day == 20170401
    assert Filters().last_day is None and not Filters().by_day and Filters(since=20170401).by_day
