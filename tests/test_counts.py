from __future__ import annotations

import pytest

from assistant.counts import amount, counted, figures
from assistant.question import understand


def given(question: str, sentence: str, before: str = "") -> list[str]:
    wanted = counted(understand(question))
    assert wanted is not None
    return [figure.text for figure in figures(wanted, sentence, before, (), 0)]


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("How many people were killed?", "At least 42 people were killed, most of them civilians.", ["At least 42"]),
        ("How many people were killed?", "About two dozen men at a meeting were killed.", ["About two dozen"]),
        ("How many people were killed?", "It put the dead at at least 38.", ["at least 38"]),
        ("How many people were killed?", "They counted 38 bodies, five of them children.", ["38"]),
        ("How many people were killed?", "The strike killed 12 and wounded 30.", ["12"]),
        ("How many were wounded?", "The strike killed 12 and wounded 30.", ["30"]),
        ("How many people were killed?", "Thirty-five people died there.", ["Thirty-five"]),
        ("How many people were killed?", "It said first that 42 had been killed, and later gave 46.", ["42", "46"]),
        ("How many people were killed?", "The count of the dead went from 42 to 46.", ["42", "46"]),
        ("How many people were killed?", "“We killed dozens” of fighters, he said.", ["dozens"]),
        ("How many people were killed?", "It spoke of “killing several terrorists”.", ["several terrorists"]),
        ("How many people were killed?", "About 300 people had gathered when aircraft struck, killing 30.", ["30"]),
        ("How many people were killed?", "A man of 42 was killed within 50 feet of it on March 16.", []),
        ("How many people were killed?", "The 84-year-old was killed by ten bombs.", []),
        ("How many people were killed?", "One woman and five boys were among them, killed at once.", []),
        ("How many people were killed?", "One civilian was killed too.", []),
        ("How many people were killed?", "At least 2,462 civilians have been killed there since 2014.", []),
        ("How many civilians were killed since 2014?", "Some 2,462 civilians were killed since 2014.", ["Some 2,462"]),
        ("How many civilians were killed?", "About two dozen men were killed, and one civilian.", ["one"]),
        ("How many bombs did the F-15s drop?", "F-15s dropped ten bombs, and a drone fired two missiles.", ["ten"]),
        ("How many of the bodies were children?", "The bodies of 38 were found, five of them children.", ["five"]),
        ("What was the death toll?", "The death toll is 29.", ["29"]),
        ("How many contenders are there for the prize?", "She is one of three contenders for the prize.", ["three"]),
    ],
)  # fmt: skip
def test_figures_of_what_is_counted_and_of_nothing_else(question: str, sentence: str, expected: list[str]) -> None:
    assert given(question, sentence) == expected


def test_a_bare_figure_takes_up_what_the_sentence_before_it_speaks_of() -> None:
    killed = "Twenty-nine people were killed, one group said."
    assert given("How many were killed?", "The other put the number at 35.", killed) == ["35"]
    assert given("How many were killed?", "The other put the number at 35.") == []
    assert given("How many were killed?", "The boat had a capacity of 1,500.", killed) == []


@pytest.mark.parametrize(
    "question", ["Who was killed?", "How much was seized?", "What did the Pentagon say?", "How many people?"]
)
def test_what_is_no_count_or_of_nothing_is_left_alone(question: str) -> None:
    assert counted(understand(question)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at least 42", (42, 42, "at least")),
        ("2,462", (2462, 2462, "")),
        ("about two dozen", (24, 24, "about")),
        ("thirty-five", (35, 35, "")),
        ("between 200 and 300", (200, 300, "")),
        ("1.5 million", (1_500_000, 1_500_000, "")),
        ("two hundred", (200, 200, "")),
        ("dozens", (None, None, "")),
    ],
)
def test_what_a_figure_amounts_to(text: str, expected: tuple[float | None, float | None, str]) -> None:
    assert amount(text) == expected
