from __future__ import annotations

import pytest

from index.people import named_in


@pytest.mark.parametrize(
    ("text", "naming", "person", "gender"),
    [
        ("“No,” said Pentagon spokesman Capt. Jeff Davis.", "Pentagon spokesman Capt. Jeff Davis", True, "he"),
        ("Eric Pahon, a Pentagon spokesman, said so.", "Eric Pahon, a Pentagon spokesman", True, "he"),
        ("Ole Solvang, director at the Watch, spoke.", "Ole Solvang, director at the Watch", True, "he"),
        ("But President Obama disagreed.", "President Obama", True, None),
        ("He met Secretary of State John Kerry.", "Secretary of State John Kerry", True, "he"),
        ("Rami Abdulrahman of the Syrian Observatory spoke.", "Rami Abdulrahman of the Syrian Observatory", True, "he"),
        ("Then Mrs. Xu left.", "Mrs. Xu", True, "she"),
        ("Qiu Li, 34, a farmer, agreed.", "Qiu Li, 34, a farmer", True, None),
        ("It was the Observatory for Rights (OR).", "the Observatory for Rights (OR)", False, None),
        ("He left the Russian Foreign Ministry.", "the Russian Foreign Ministry", False, None),
        ("He went to Aleppo.", "Aleppo", None, None),
    ],
)  # fmt: skip
def test_who_is_named_and_how(text: str, naming: str, person: bool | None, gender: str | None) -> None:
    assert (naming, person, gender) in [(one.naming, one.person, one.gender) for one in named_in(text)]


def test_small_words_that_begin_a_sentence_are_no_names() -> None:
    assert [one.naming for one in named_in("The man left. However, Smith stayed. On Monday, it rained.")] == ["Smith"]


def test_a_possessive_ends_a_name() -> None:
    assert [one.words for one in named_in("Russia’s Sergei Lavrov met Trump’s aide.")] == [
        ("russia",), ("sergei", "lavrov"), ("trump",),
    ]  # fmt: skip
