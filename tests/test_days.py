"""Days that a question counts from the one on which it is asked; 17 March 2017 is a Friday."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.days import day_beside, in_full
from assistant.question import Kind, understand

AS_OF = 20170317


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("today", "in 2017-03-17/2017-03-17"),
        ("since yesterday", "since 2017-03-16/2017-03-16"),
        ("this week", "in 2017-03-13/2017-03-19"),
        ("during the last week", "in 2017-03-06/2017-03-12"),
        ("in the past week", "in 2017-03-10/2017-03-17"),
        ("last month", "in 2017-02-01/2017-02-28"),
        ("this year", "in 2017-01-01/2017-12-31"),
        ("in the last three days", "in 2017-03-14/2017-03-17"),
        ("three days ago", "in 2017-03-14/2017-03-14"),
        ("two weeks ago", "in 2017-02-27/2017-03-05"),
        ("a year ago", "in 2016-01-01/2016-12-31"),
        ("on Friday", "in 2017-03-17/2017-03-17"),
        ("last Friday", "in 2017-03-10/2017-03-10"),
        ("before Sunday", "before 2017-03-12/2017-03-12"),
        ("in March", "in 2017-03-01/2017-03-31"),
        ("in May", "in 2016-05-01/2016-05-31"),
        ("by 18 March", "by 2016-03-18/2016-03-18"),
        ("on March 17", "in 2017-03-17/2017-03-17"),
    ],
)
def test_days_are_counted_from_the_day_of_asking(words: str, written: str) -> None:
    dated = in_full(f"What was hit {words}?", AS_OF)
    assert dated.text == f"What was hit {written}?"
    assert dated.as_asked(dated.text) == f"What was hit {words}?"


@pytest.mark.parametrize(
    "text", ["on 31 February", "in March 2016", "last week's report", "may it be", "999999 years ago", "next week"]
)
def test_what_counts_no_days_stays(text: str) -> None:
    assert in_full(text, AS_OF).text == text


@given(st.text(max_size=300), st.sampled_from([20170317, 20240229, 10101]))
def test_any_text_can_be_read(text: str, as_of: int) -> None:
    dated = in_full(text, as_of)
    assert dated.words or dated.text == text


@pytest.mark.parametrize(
    ("text", "since", "until", "matter"),
    [
        ("What did the Pentagon say yesterday?", 20170316, 20170316, ""),
        ("What did the Pentagon say last week about the mosque?", 20170306, 20170312, "the mosque"),
        ("Who said this week that the mosque was hit?", 20170313, 20170319, "the mosque was hit"),
        ("What did Davis say since January?", 20170101, None, ""),
        # What happened then is told from then on.
        ("How many people were killed last month?", 20170201, None, "How many people were killed last month?"),
        # These days are not those of the saying.
        ("Did Davis say that the ferry sails this week?", None, None, "the ferry sails this week"),
        ("Who may win in May?", None, None, "Who may win in May?"),
    ],
)
def test_the_days_of_a_question(text: str, since: int | None, until: int | None, matter: str) -> None:
    question = understand(text, AS_OF)
    assert (question.text, question.since, question.until, question.matter) == (text, since, until, matter)


def test_without_a_day_of_asking_nothing_is_counted() -> None:
    question = understand("What did the Pentagon say yesterday?")
    assert (question.kind, question.since, question.until) == (Kind.SAID, None, None)


@pytest.mark.parametrize(
    ("before", "after", "published", "day"),
    [
        ("", " on March 17.", "2017-04-18", "2017-03-17"),
        ("", " on 17 March that", "2017-04-18", "2017-03-17"),
        ("", " on Friday, March 17, 2017, that", "2018-01-01", "2017-03-17"),
        ("", " on December 30", "2017-01-02T10:00:00Z", "2016-12-30"),
        ("", " on Friday that", "2017-03-18", "2017-03-17"),
        ("It rained. On Friday ", " said", "2017-03-17", "2017-03-17"),
        ("On March 17, 2017, ", "", "", ""),
        ("", " on February 31", "2017-03-01", ""),
        ("", " on condition that", "2017-03-01", ""),
        ("", ", who spoke on Monday", "2017-03-01", ""),
        ("He fell on Monday, and then ", " said", "2017-03-01", ""),
        ("", " on", "2017-03-01", ""),
    ],
)
def test_the_day_beside_words_is_the_last_one_so_called(before: str, after: str, published: str, day: str) -> None:
    assert day_beside(before, after, published) == day
