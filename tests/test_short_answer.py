from __future__ import annotations

import pytest

from assistant.question import understand
from assistant.short_answer import figure, names, short_answer
from index.claims import find_claims


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("How many were killed?", "At least 42 people were killed on March 16, 2017.", "At least 42"),
        ("How many people were inside?", "Officials spoke of between 200 and 300.", "between 200 and 300"),
        ("How many people were killed?", "How many the strike of March 16 killed is disputed.", None),
        ("How many strikes?", "It carried out more than 18,900 airstrikes since 2014.", "more than 18,900"),
        ("How many bombs were dropped?", "F-15s dropped ten bombs there.", "ten"),
        ("When did it happen?", "The strike came on March 16, 2017, at dusk.", "March 16, 2017"),
        ("When did it happen?", "The strike came late on Thursday.", "late on Thursday"),
        (
            "When was it taken?",
            "It was taken less than five minutes after the strike.",
            "less than five minutes after the strike",
        ),
        ("When was it?", "Two days earlier the port was shut.", "Two days earlier"),
        ("Where was it?", "A building near al-Jinah was struck.", "al-Jinah"),
        ("Where was it?", "It happened in Aleppo province.", "Aleppo"),
        ("Who geolocated the site?", "The site was geolocated by Christiaan Triebert.", "Christiaan Triebert"),
        ("Who said it was a mosque?", "“It was a mosque,” Ole Solvang said.", "Ole Solvang"),
        (
            "What did the Pentagon say?",
            "The Pentagon said the strike “clearly hit the target”.",
            "clearly hit the target",
        ),
        ("How many were killed?", "Nobody would say.", None),
        ("Was it a mosque?", "It was a mosque.", None),
    ],
)
def test_the_bare_answer(question: str, sentence: str, expected: str | None) -> None:
    span = short_answer(understand(question), sentence, find_claims(sentence))
    assert (span and sentence[span.start : span.end]) == expected


@pytest.mark.parametrize(
    ("mention", "asked", "expected"),
    [
        ("A Pentagon spokesman", "the Pentagon", True),
        ("Eric Pahon, a Pentagon spokesman", "the Pentagon", True),
        ("Eric Pahon, a Pentagon spokesman", "Pahon", True),
        ("The US", "the U.S.", True),
        ("The Pentagon’s spokesman", "the Pentagon", True),
        ("Solvang", "Ole Solvang", True),
        ("Central Command", "U.S. Central Command", True),
        ("The U.S.", "U.S. Central Command", False),
        ("", "the Pentagon", False),
        ("Russia", "the Pentagon", False),
        ("he", "the Pentagon", False),
        ("Anyone", None, False),
        ("The man", "the", False),
    ],
)
def test_whether_a_mention_names_a_speaker(mention: str, asked: str | None, expected: bool) -> None:
    assert names(mention, asked) is expected


@pytest.mark.parametrize(
    ("question", "span", "expected"),
    [
        ("How many people were inside?", "number of people inside at between 200 and 300", "between 200 and 300"),
        ("How many were killed?", "about 50 were killed and", "about 50"),
        ("How deep is it, and how long?", "it is 30 feet deep ", "30 feet deep"),
        ("How old is he?", "84-year-old", "84-year-old"),
        ("How much was seized?", "$7.8 million in cash and a car of the minister", "$7.8 million"),
        ("How many were killed?", "nobody", None),
    ],
)
def test_the_figure_within_what_the_network_marks(question: str, span: str, expected: str | None) -> None:
    found = figure(understand(question), span)
    assert (found and span[found.start : found.end]) == expected
