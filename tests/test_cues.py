from __future__ import annotations

import pytest

from index.cues import stance_of


@pytest.mark.parametrize(
    ("cue", "following", "stance"),
    [
        ("said", "", "says"),
        ("According to", "the mayor", "says"),
        ("has flatly denied", "that", "denies"),
        ("denies", "", "denies"),
        ("’s claim", "that", "claims"),
        ("called", "it a day", "describes"),
        ("called", "for a probe", "asks"),
        ("called for", "a probe", "asks"),
        ("would not comment", "", "says"),
        ("declined to say", "", "declines"),
        ("admitted to", "", "admits"),
        ("criticizing", "", "accuses"),
        ("identified", "", "describes"),
        ("plans", "", "intends"),
        ("sought", "", "wants"),
        (":", "", "says"),
        ("", "", "says"),
        ("mumbled", "", "says"),
    ],
)
def test_the_first_known_word_of_a_cue_decides(cue: str, following: str, stance: str) -> None:
    assert stance_of(cue, following) == stance
