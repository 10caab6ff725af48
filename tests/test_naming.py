from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.naming import Mention, candidates_for, names_of
from index.passages import Span

# Each speaker is written between brackets in the order of the claims, and what it says between braces.
PAHON = "“It stands,” said [Eric Pahon, a Pentagon spokesman]. "
MARKED = re.compile(r"\[([^\]]*)\]|\{([^}]*)\}")


def read(marked: str) -> tuple[str, list[Mention]]:
    """Return a text without its marks, and the mentions that they mark."""
    text, mentions, at = "", [], 0
    for match in MARKED.finditer(marked):
        text += marked[at : match.start()]
        span = Span(len(text), len(text) + len(match[1] or match[2]))
        if match[1]:
            mentions.append(Mention(span))
        else:
            mentions[-1] = Mention(mentions[-1].speaker, (span,))
        text, at = text + (match[1] or match[2]), match.end()
    return text + marked[at:], mentions


def last_name(marked: str) -> str | None:
    return names_of(*read(marked))[-1]


@pytest.mark.parametrize(
    ("marked", "name"),
    [
        (PAHON + "[Pahon] added more.", "Eric Pahon, a Pentagon spokesman"),
        (PAHON + "[Mr. Pahon] added more.", "Eric Pahon, a Pentagon spokesman"),
        (PAHON + "[He] added more.", "Eric Pahon, a Pentagon spokesman"),
        (PAHON + "\n\n[He] added more.", "Eric Pahon, a Pentagon spokesman"),
        (PAHON + "\n\nThe photo lay before him. [He] added more.", "Eric Pahon, a Pentagon spokesman"),
        (PAHON + "More followed, [the spokesman] said.", "Eric Pahon, a Pentagon spokesman"),
        ("[Pahon] said so. " + PAHON + "[Eric Pahon] went on.", "Eric Pahon, a Pentagon spokesman"),
        (
            "The Syrian Observatory for Human Rights (SOHR) counts. [The Observatory] said 42.",
            "the Syrian Observatory for Human Rights (SOHR)",
        ),
        (
            "The Syrian Observatory for Human Rights (SOHR) counts. [SOHR] said 42.",
            "the Syrian Observatory for Human Rights (SOHR)",
        ),
        ("[The Observatory] said {42 died}. [It] gave no names.", "the Observatory"),
        ("[Airwars] said {the coalition killed more}. [The group] asked for a probe.", "Airwars"),
        ("Sen. Ann Ortiz met Paul Ryan. [She] said {it was late}.", "Sen. Ann Ortiz"),
        ("[Ann Ortiz, the mayor,] said {Paul Ryan had called}. [She] hung up, she said.", "Ann Ortiz, the mayor"),
        ("[An unnamed U.S. official] said {it was ours}. [The official] knew no more.", "An unnamed U.S. official"),
        ("[A Pentagon spokesman] said {it stands}.", "A Pentagon spokesman"),
        ("[Two residents] said {it fell}.", "Two residents"),
        ("U.S. Central Command struck. [Central Command] said {it hit}.", "U.S. Central Command"),
        ("[Capt. Jeff Davis of the Pentagon] said {it}. [Davis] smiled.", "Capt. Jeff Davis of the Pentagon"),
    ],
)
def test_a_speaker_goes_to_its_fullest_naming(marked: str, name: str) -> None:
    assert last_name(marked) == name


@pytest.mark.parametrize(
    "marked",
    [
        "[He] said {it was late}.",
        "Paul Ryan met John Kerry. [He] said {it was late}.",  # either
        "Ann Ortiz spoke first. [He] said {it was late}.",  # she is no he
        "A man ran past Paul Ryan. [He] shouted {it was late}.",  # the man, perhaps
        PAHON + "\n\nThe bridge fell.\n\nNobody came.\n\n[He] added more.",  # too far
        PAHON + "\n\nActivists posted pictures of the wounded. “They were running”, [he] said.",  # an activist, perhaps
        "Bill Clinton met Hillary Clinton. [Clinton] said {it was late}.",  # either
        PAHON + "Another spokesman, Jeff Davis, nodded. [The spokesman] said {no}.",
        "[Two residents] said {it fell}. The soldiers ran. [They] said {they fell}.",  # either
        "[Two residents] said {it fell}. The Pentagon heard of it. [They] said {no}.",
        "Paul Ryan met John Kerry. [They] said {it was late}.",
        "[Ann Ortiz] said {it fell}. [They] said {it did not}.",
        "[Two residents] said {it fell}.\n\nThe bridge fell.\n\nIt was late. [They] said {no}.",  # too far
        "[Two residents] said {it fell}. [Ann Ortiz] said {no}. [They] ran.",
        "[The Democrats] said {it fell}. [It] was late.",
        "[The group] said {it fell}.",
        "[The Observatory] said {42}. The Pentagon heard of it. [It] said {none}.",
    ],
)
def test_nobody_is_named_on_a_guess(marked: str) -> None:
    assert last_name(marked) is None


@pytest.mark.parametrize(
    "speaker",
    ["Clinton's lawyer", "a friend of Hillary Clinton", "Sanders supporters", "Cruz, Clinton", "Clinton and others"],
)
def test_who_is_named_beside_the_speaker_is_not_the_speaker(speaker: str) -> None:
    assert last_name(f"Hillary Clinton, a candidate, met Bernie Sanders. [{speaker}] said {{it}}.") == speaker


def test_a_claim_without_a_speaker_has_no_name() -> None:
    assert names_of("“It stands.”", [Mention(None, (Span(1, 11),))]) == [None]


@pytest.mark.parametrize(
    ("marked", "name"),
    [
        ("[Two residents] said {it fell}. [They] said {they ran}.", "Two residents"),
        ("[Two residents] said {soldiers came}. [They] said {they ran}.", "Two residents"),  # who is only told of
        ("[Local officials] said {it fell}.\n\n[They] added {nobody came}.", "Local officials"),
        ("[The White Helmets] said {35 died}. [They] said {more may}.", "the White Helmets"),
        ("[The Syrian Observatory for Human Rights] said {42 died}. [They] gave {46}.",
         "the Syrian Observatory for Human Rights"),
        ("[The Syrian Observatory for Human Rights] said {42 died}. Later [the group] said {46}.",
         "the Syrian Observatory for Human Rights"),
        ("[The Russian Defense Ministry] said {no}. [The ministry] added {never}.", "the Russian Defense Ministry"),
    ],
)  # fmt: skip
def test_a_group_is_who_of_many_spoke_last(marked: str, name: str) -> None:
    assert last_name(marked) == name


def test_groups_that_may_be_meant_are_candidates() -> None:
    text, mentions = read("[Two residents] said {it fell}. The Pentagon heard of it. [They] said {no}.")
    assert candidates_for(text, mentions, [1]) == [["the Pentagon", "Two residents"]]
    text, mentions = read(
        "The Russian Defense Ministry and the Health Ministry met Ann Ortiz. [The ministry] said {no}."
    )
    assert candidates_for(text, mentions, [0]) == [["the Health Ministry", "the Russian Defense Ministry"]]


def test_the_nearest_may_be_asked_for_where_nobody_is_named() -> None:
    text, mentions = read("Paul Ryan met John Kerry. [He] said {it was late}.")
    assert candidates_for(text, mentions, [0]) == [["John Kerry", "Paul Ryan"]]
    text, mentions = read("Paul Ryan met Ann Ortiz. [She] said {it was late}, and [they] said {good night}.")
    assert candidates_for(text, mentions, [0, 1]) == [["Ann Ortiz"], []]


@given(st.text(max_size=300), st.integers(0, 300), st.integers(1, 40))
def test_any_text_is_read(text: str, start: int, length: int) -> None:
    start = min(start, max(0, len(text) - 1))
    names_of(text, [Mention(Span(start, min(len(text), start + length)))])
