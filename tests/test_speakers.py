from itertools import product

import pytest

from index.speakers import (
    is_full_name,
    known_by,
    named_otherwise,
    same_speaker,
    short_for,
    speaks_for,
    words_of,
    words_of_same,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Davis", "Capt. Jeff Davis, a Pentagon spokesman"),
        ("Jeff Davis", "Pentagon spokesman Capt. Jeff Davis"),
        ("Mr. Votel", "Gen. Joseph L. Votel"),
        ("Joseph Votel", "Joseph L. Votel, the commander"),
        ("the Pentagon", "the Defense Department"),
        ("DoD", "the U.S. Department of Defense"),
        ("a Pentagon spokesman", "the Pentagon"),
        ("CENTCOM", "U.S. Central Command"),
        ("a spokesman for Central Command", "US Central Command"),
        ("Washington", "the United States"),
        ("the Russian foreign ministry", "Russia's Ministry of Foreign Affairs"),
        ("the Syrian Observatory", "the Syrian Observatory for Human Rights (SOHR)"),
        ("SOHR", "Syrian Observatory for Human Rights"),
        ("the NHTSA", "the National Highway Traffic Safety Administration"),
        ("the Syrian government", "Syria"),
        ("the government of Syria", "Syria"),
        ("the U.S. Centers for Disease Control and Prevention", "the CDC"),
        ("José Ortiz", "Jose Ortiz"),
    ],
)
def test_one_person_or_body_is_known_by_its_names(one, other):
    assert same_speaker(one, other) and same_speaker(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("he", "he"),
        ("he", "Davis"),
        ("Jeff Davis", "Jim Davis"),
        ("Jeff Davis", "the Pentagon"),
        ("a spokesman", "a spokesman"),
        ("the ministry", "the Russian foreign ministry"),
        ("the Chinese foreign ministry", "the Russian foreign ministry"),
        ("the US-led coalition", "the United States"),
        ("the Syrian Observatory for Human Rights", "Syria"),
        ("residents", "two residents"),
        ("Ole Solvang", "Ole Gunnar"),
        ("a retired judge, and the executor for her uncle Robert Ortiz", "A Butler County judge"),
        ("Her son, Kyle Ortiz", "the miner's son"),
        ("a jury in Austin, Texas", "Texas"),
    ],
)
def test_nobody_is_merged_on_a_guess(one, other):
    assert not same_speaker(one, other) and not same_speaker(other, one)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("Capt. Jeff Davis, a Pentagon spokesman", "the Pentagon"),
        ("Pentagon spokesman Eric Pahon", "the Defense Department"),
        ("Col. John Thomas, a spokesman for Central Command", "CENTCOM"),
        ("Maria Zakharova, a spokeswoman for the Russian Foreign Ministry", "Russia"),
        ("the Pentagon", "the United States"),
        ("Chris Woods, director of Airwars", "Airwars"),
        ("Gen. Joseph Votel, commander of U.S. Central Command", "US Central Command"),
        ("Pentagon officials", "Pentagon"),
        ("Pentagon press secretary John Kirby", "the Pentagon"),
        ("members of the Harbour Council", "the Harbour Council"),
        ("a study published by the Harbour Council", "the Harbour Council"),
        ("data from the Harbour Council", "the Harbour Council"),
    ],
)
def test_officers_speak_for_their_body(name, asked):
    assert speaks_for(name, asked)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("the Pentagon", "Jeff Davis"),
        ("Abu Ahmed, a Syrian activist", "Syria"),
        ("John Kirby, a former Pentagon spokesman", "the Pentagon"),
        ("the Syrian Observatory for Human Rights", "Syria"),
        ("the Pentagon", "Russia"),
        ("he", "the Pentagon"),
        ("a frequent critic of former President Donald Trump", "Trump"),
        ("supporters of Trump", "Trump"),
        ("Supporters of Donald Trump", "Donald Trump"),
        ("a tribe that has sparred with President Joe Biden", "Joe Biden"),
        ("Rep. Adam Schiff, the lead manager in the impeachment trial of President Donald Trump", "Trump"),
        ("a systems architect for the Department of Defense", "the Pentagon"),
        ("documents obtained by the Harbour Times", "the Harbour Times"),
        ("Russian human rights lawyer Pavel Orlov", "Russia"),
    ],
)
def test_others_do_not(name, asked):
    assert not speaks_for(name, asked)


@pytest.mark.parametrize(
    ("asked", "names", "found"),
    [
        ("the Observatory", ["the Harbour Observatory for Tides", "Lena Ortiz"], ["the Harbour Observatory for Tides"]),
        ("the commission", ["the Port Commission", "Ann Woods, of the commission"], ["the Port Commission"]),
        ("the Ministry", ["the Health Ministry", "the Foreign Ministry"], []),
        ("Observatory", ["the Harbour Observatory for Tides"], []),
        ("the Harbour", ["the Harbour Observatory for Tides"], []),
        ("the Observatory", [], []),
    ],
)
def test_a_noun_stands_for_the_only_body_that_is_called_so(asked: str, names: list[str], found: list[str]) -> None:
    assert short_for(asked, names) == found


def test_an_officer_is_known_in_other_articles_by_name_alone() -> None:
    known = known_by("the Pentagon", ["Pentagon spokesman John Kirby", "Kyiv, a senior Defense Department official"])
    assert known == ["Pentagon spokesman John Kirby"]
    others = ["John Kirby", "Jim Kirby", "John Kirby, a former Pentagon spokesman"]
    assert named_otherwise([*known, "John Kirby of the Pentagon"], others) == ["John Kirby"]


def test_who_has_another_office_more_often_is_not() -> None:
    elsewhere = ["John Kirby, a White House spokesman", "White House spokesman John Kirby"]
    assert named_otherwise(["Pentagon spokesman John Kirby"], ["John Kirby", *elsewhere]) == []
    assert named_otherwise(["Pentagon spokesman John Kirby"], ["John Kirby"]) == ["John Kirby"]


def test_a_body_is_known_by_its_other_names_and_a_person_by_no_one_else() -> None:
    assert known_by("HOT", ["HOT", "the Harbour Observatory for Tides"]) == ["the Harbour Observatory for Tides"]
    assert known_by("Trump", ["Donald Trump", "Trump lawyer Rudy Giuliani", "CNN, Trump's lawyer Alan Woods"]) == []


def test_whoever_is_the_same_is_found_by_a_word() -> None:
    names = [
        *(
            "Capt. Jeff Davis, a Pentagon spokesman",
            "Jeff Davis of the Pentagon",
            "Kim Jong Un",
            "North Korea's Kim Un",
        ),
        *(
            "US Central Command",
            "U.S. Central Command",
            "Central Command",
            "CENTCOM",
            "the Syrian Observatory for Rights",
        ),
        *("Syrian Observatory", "the Department of Defense", "DoD", "the United Nations", "UN", "Mary Ann Smith"),
        *(
            "Mary Smith",
            "Smith Mary Ann",
            "the New York Times",
            "The Times",
            "Bank of England",
            "British Foreign Office",
        ),
        *("the foreign ministry of Iran", "Iran's foreign ministry", "Johns Hopkins University", "Johns Hopkins"),
    ]
    full = list(filter(is_full_name, names))
    same = [(one, other) for one, other in product(full, full) if one != other and same_speaker(one, other)]
    assert len(same) >= 10
    for one, other in same:
        assert words_of_same(one) & words_of(other), (one, other)
        assert words_of_same(one) & words_of_same(other), (one, other)
