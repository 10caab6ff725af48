from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.question import LONGEST_QUESTION, Kind, understand
from index.errors import SaidsoError


@pytest.mark.parametrize(
    ("text", "kind", "speaker"),
    [
        ("what did the Pentagon claim was hit?", Kind.SAID, "the Pentagon"),
        ("What did Capt. Jeff Davis say about the mosque?", Kind.SAID, "Capt. Jeff Davis"),
        ("What has the UN commission concluded?", Kind.SAID, "the UN commission"),
        ("How did Eric Pahon describe the building?", Kind.SAID, "Eric Pahon"),
        ("Why did the Observatory later deny it?", Kind.SAID, "the Observatory"),
        ("According to Airwars, how many civilians were killed?", Kind.HOW_MANY, "Airwars"),
        ("How many did the Observatory say were killed?", Kind.HOW_MANY, "the Observatory"),
        ("Who blamed the US-led coalition?", Kind.WHO_SAID, None),
        ("Who was killed?", Kind.WHO, None),
        ("Whose forces struck?", Kind.WHO, None),
        ("When did the strike happen?", Kind.WHEN, None),
        ("On which day was the report published?", Kind.WHEN, None),
        ("Where is al-Jinah?", Kind.WHERE, None),
        ("Did the strike hit a mosque?", Kind.YES_NO, None),
        ("Did the Pentagon deny hitting a mosque?", Kind.YES_NO, "the Pentagon"),
        ("What was destroyed?", Kind.OTHER, None),
        ("where were the bodies found?", Kind.WHERE, None),
        ("Where did police find the body?", Kind.WHERE, None),
        ("Have the bodies been found?", Kind.YES_NO, None),
        ("What is the Pentagon saying about it?", Kind.SAID, "the Pentagon"),
        ("What did the State Department announce?", Kind.SAID, "the State Department"),
        ("What did the UN report say?", Kind.SAID, "the UN report"),
        ("What had the department's own report found?", Kind.SAID, "the department's own report"),
        ("What had the Defense Department's report found?", Kind.SAID, "the Defense Department"),
        ("WHAT DID THE PENTAGON SAY?", Kind.SAID, "THE PENTAGON"),
        ("How many deaths had the Pentagon admitted, according to Airwars?", Kind.HOW_MANY, "Airwars"),
        ("Who said what did he say?", Kind.WHO_SAID, None),
        ("What do the parties say about the mosque?", Kind.WHO_SAID, None),
        ("Has the Pentagon changed its account?", Kind.YES_NO, "the Pentagon"),
        ("How did Central Command's story change?", Kind.SAID, "Central Command"),
        ("What did he say?", Kind.OTHER, None),
        ("wer hat gewonnen", Kind.OTHER, None),
    ],
)
def test_what_is_asked(text: str, kind: Kind, speaker: str | None) -> None:
    question = understand(text)
    assert (question.kind, question.speaker) == (kind, speaker)


@pytest.mark.parametrize("text", ["", "   \n", "?!", "…"])
def test_an_empty_question_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SaidsoError, match="What did the Pentagon"):
        understand(text)


def test_an_endless_question_is_refused_with_its_length() -> None:
    with pytest.raises(SaidsoError, match="100,000 characters; at most 2,000"):
        understand("x" * 100_000)


@given(st.text(max_size=LONGEST_QUESTION))
def test_any_text_is_a_question_or_refused(text: str) -> None:
    try:
        question = understand(text)
    except SaidsoError:
        return
    assert question.text == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "matter", "stance", "asserts"),
    [
        ("What did Woods say?", "", "says", False),
        ("What did Davis say about the mosque?", "the mosque", "says", False),
        ("What did the Pentagon claim was hit?", "was hit", "claims", False),
        ("How many people did the UN say were killed?", "people were killed", "says", False),
        ("Whom did Hayat Tahrir al-Sham blame?", "", "accuses", False),
        ("What did Zakharova call for?", "", "asks", False),
        ("Who denied that a mosque was targeted?", "a mosque was targeted", "denies", False),
        ("Why did the Observatory deny that civilians were killed?", "civilians were killed", "denies", True),
        ("Did Davis say that the mosque was hit?", "the mosque was hit", "says", True),
        ("Did Davis say anything about the mosque?", "the mosque", "says", False),
        ("When was the photo taken, according to Pahon?", "was the photo taken", "says", False),
    ],
)
def test_what_a_speakers_words_are_to_be_about(text: str, matter: str, stance: str, asserts: bool) -> None:
    question = understand(text)
    assert (question.matter, question.stance, question.asserts) == (matter, stance, asserts)


@pytest.mark.parametrize(
    ("text", "since", "until", "matter"),
    [
        ("What did Davis say before March 20, 2017 about the mosque?", None, 20170319, "the mosque"),
        ("What did Davis say about the mosque after 2017-03-20?", 20170321, None, "the mosque"),
        ("What did Davis say on 17 March 2017?", 20170317, 20170317, ""),
        ("What did Davis say in March 2017?", 20170301, 20170331, ""),
        ("What did Davis say since 2017?", 20170101, None, ""),
        ("What did Davis say by April 2017?", None, 20170431, ""),
        # The day of what happened is not the day of saying; a day without a year says too little.
        ("What did Davis say was hit on March 16, 2017?", None, None, "was hit on March 16, 2017"),
        ("What did Davis say on March 17?", None, None, "March 17"),
    ],
)
def test_the_days_of_saying(text: str, since: int | None, until: int | None, matter: str) -> None:
    question = understand(text)
    assert (question.since, question.until, question.matter) == (since, until, matter)


def test_a_question_knows_whose_words_it_wants() -> None:
    question = understand("What did the Pentagon say in 2017?")
    assert question.is_by("Eric Pahon, a Pentagon spokesman")
    assert not question.is_by("he") and not question.is_by(None)
    assert question.was_then(20170317) and not question.was_then(20180101) and not question.was_then(None)
    assert understand("What did the Pentagon say?").was_then(None)
