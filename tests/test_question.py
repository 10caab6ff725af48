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
