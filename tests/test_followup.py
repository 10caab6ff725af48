"""Questions that lean on the conversation before them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.evaluation.run import evaluate
from assistant.followup import MOST_EXCHANGES, Exchange, read_history, standalone_question
from assistant.question import LONGEST_QUESTION
from index.errors import SaidsoError

MAYOR = Exchange("What did Mayor Ana Ruiz say about the bridge?", "it is safe; Mayor Ana Ruiz")
CLOSED = Exchange("Who closed the harbor in Porto?", "Admiral Nuno Costa")
HIT = Exchange("Did the strike hit a mosque?")
COUNT = Exchange("How many people did the Red Cross say were injured?", "12; The Red Cross")


@pytest.mark.parametrize(
    ("before", "asked", "alone"),
    [
        # a part of the question
        (COUNT, "And the ministry?", "How many people did the ministry say were injured?"),
        (COUNT, "What about the Health Ministry?", "How many people did the Health Ministry say were injured?"),
        (COUNT, "and in April?", "How many people did the Red Cross say were injured in April?"),
        (COUNT, "No, the Red Crescent.", "How many people did the Red Crescent say were injured?"),
        (COUNT, "and children?", "How many children did the Red Cross say were injured?"),
        (Exchange("What did Lee say in May?"), "And in June 2019?", "What did Lee say in June 2019?"),
        (Exchange("What did Lee say?"), "on Friday?", "What did Lee say on Friday?"),
        (Exchange("What did the Pentagon say?"), "About the mosque?", "What did the Pentagon say about the mosque?"),
        (Exchange("Was the ship late?"), "The captain?", "Was the ship late, according to the captain?"),
        (Exchange("What did the American envoy say?"), "No, the Russian one.", "What did the Russian envoy say?"),
        # another question word
        (Exchange("Did the police find the car?"), "When?", "When did the police find the car?"),
        (Exchange("When did the ship sink?"), "Why?", "Why did the ship sink?"),
        (Exchange("What did Wenger kick?", "a bottle; Wenger"), "When?", "When did Wenger kick a bottle?"),
        (Exchange("How many people were freed?"), "Where?", "Where were people freed?"),
        (Exchange("Who was elected in Brno?", "Jan Novak"), "When?", "When was Jan Novak elected in Brno?"),
        (CLOSED, "Why?", "Why was it that Admiral Nuno Costa closed the harbor in Porto?"),
        (Exchange("What did the UN say about drugs?"), "Which drug?", "Which drug: what did the UN say about drugs?"),
        # small words
        (MAYOR, "When did she say that?", "When did Mayor Ana Ruiz say something about the bridge?"),
        (MAYOR, "How long is it?", "How long is the bridge (Mayor Ana Ruiz)?"),
        (CLOSED, "How old is he?", "How old is Admiral Nuno Costa (Porto, the harbor)?"),
        (COUNT, "Were they treated?", "Were the people treated (the Red Cross)?"),
        (Exchange("What did the UN find?"), "What did it say in May?", "What did the UN say in May?"),
        (Exchange("What did Fed say about jobs?"), "How did that change?", "How did Fed’s account of jobs change?"),
        (Exchange("How many men were in the hall?"), "Why were they there?", "Why were the men in the hall?"),
        (HIT, "How many people did it kill?", "How many people did the strike kill (a mosque)?"),
        (HIT, "Has the Fed changed its account?", "Has the Fed changed its account?"),
        (HIT, "Has the envoy changed its account?", "Has the envoy changed its account?"),
        # the matter
        (CLOSED, "How many ships were there?", "How many ships were there (Porto, the harbor)?"),
        (CLOSED, "What did Lopez say?", "What did Lopez say (Porto, the harbor)?"),
        (
            Exchange("What do the parties say about the dam?"),
            "How many people were hurt?",
            "How many people were hurt (the dam)?",
        ),
    ],
)  # fmt: skip
def test_a_follow_up_stands_alone(before: Exchange, asked: str, alone: str) -> None:
    assert standalone_question(asked, [before]) == alone


@pytest.mark.parametrize(
    "asked",
    [
        "Who won the Nobel Prize in 2009?",
        "What did the Observatory say about the strike?",
        "Who chaired the Davos panel?",
        "Did Davis say that he had seen the photo?",
        "???",
        "",
    ],
)
def test_a_question_of_its_own_is_left_alone(asked: str) -> None:
    assert standalone_question(asked, [MAYOR, COUNT]) == asked


def test_a_conversation_is_followed_from_turn_to_turn() -> None:
    history = [Exchange("Why was Nancy Reagan taken to hospital?"), Exchange("How old is she?")]
    assert standalone_question("And when did she fall?", history) == "When did Nancy Reagan fall?"


def test_without_a_conversation_nothing_changes() -> None:
    assert standalone_question("  And in April? ") == "  And in April? "


def test_long_questions_and_long_conversations_are_borne() -> None:
    history = [Exchange("Who? " * LONGEST_QUESTION), *[Exchange("")] * 500, MAYOR]
    assert standalone_question("What did she say?", history[-MOST_EXCHANGES:]).startswith("What did Mayor Ana Ruiz say")
    assert len(standalone_question("Why? " * LONGEST_QUESTION, history)) == 5 * LONGEST_QUESTION
    for asked in ("he " * 600, "and the " * 250, "the A b " * 200):
        standalone_question(asked, history)


@pytest.mark.parametrize(
    "value", ["Who?", [1], [{"answer": "x"}], [{"question": "Who?", "answer": 3}], {"question": "Who?"}]
)
def test_what_is_no_conversation_is_shown(value: object) -> None:
    with pytest.raises(SaidsoError, match=r"history|earlier turn"):
        read_history(value)


def test_the_assistant_answers_what_is_meant(samples: Assistant) -> None:
    first = samples.ask("What did the Pentagon claim was hit?")
    then = samples.ask("And the Observatory?", history=[Exchange.of(first)])
    assert then.question == "And the Observatory?"
    assert then.as_json()["standalone_question"] == "What did the Observatory claim was hit?"
    assert first.as_json()["standalone_question"] == first.question


def test_an_evaluation_holds_the_conversation(samples: Assistant, tmp_path: Path) -> None:
    path = tmp_path / "turns.jsonl"
    turn = {"id": "1", "question": "And the Syrian Civil Defence?", "answers": ["35"]}
    path.write_text(
        json.dumps(turn | {"history": ["How many people did the Syrian Network for Human Rights say were killed?"]})
    )
    asked = evaluate(samples, path).questions[0]
    assert asked["answer"]["standalone_question"] == "How many people did the Syrian Civil Defence say were killed?"
