"""Prose by a language model over a real socket: what it is shown, what of it counts, and what happens when it fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.llms.mock import MockLLM

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.followup import Exchange
from assistant.settings import Settings
from assistant.writer_settings import LEAVE_OUT, WriterSettings
from assistant.writing.exhibits import choose
from assistant.writing.model import Model
from assistant.writing.support import THRESHOLD, Source
from assistant.writing.verification import Verifier
from assistant.writing.writer import Writer
from index.embedder import Embedder
from index.errors import SaidsoError
from index.filters import Filters
from tests.stand_in_model import FAULTS, StandIn, standing_in

PENTAGON = "What did the Pentagon claim was hit?"
DAVIS = "Capt. Jeff Davis said the strike had hit its target and killed al-Qaeda members [1]."


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def assistant(stand_in: StandIn, samples_folder: Path, samples: Assistant) -> Iterator[Assistant]:
    """The sample articles, answered in prose by whatever the stand-in says."""
    settings = WriterSettings(stand_in.url, "a model")
    assistant = Assistant.open(Settings(samples_folder, writer=settings))
    yield assistant
    assistant.close()


@pytest.fixture(autouse=True)
def as_usual(stand_in: StandIn) -> None:
    stand_in.fault, stand_in.pause, stand_in.says = None, 0.0, lambda _: DAVIS
    stand_in.left.clear()


def faults_of(assistant: Assistant, stand_in: StandIn, *sentences: str) -> dict[str, tuple[str, str | None]]:
    """Return what became of sentences that are written for a question, each with its fault."""
    stand_in.says = lambda _: " ".join((DAVIS, *sentences))
    answer = assistant.ask(PENTAGON)
    assert answer.prose is not None
    return {one.written: (one.text, one.fault) for one in answer.prose.sentences[1:]}


# ── what counts ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_in_prose_has_exact_citations_and_says_who_wrote_it(assistant: Assistant, stand_in: StandIn) -> None:
    told: list[str] = []
    answer = assistant.ask(PENTAGON, on_text=told.append)
    assert (answer.mode, answer.note) == ("llm", None)
    assert answer.prose is not None and answer.prose.model == "a model"
    assert answer.text.startswith("Capt. Jeff Davis said the strike") and "[1]" in answer.text
    assert "".join(told) == answer.text
    for citation in answer.citations:
        article = assistant.article(citation.article_id)
        assert article is not None and article.text[citation.start : citation.end] == citation.quote
    assert {marker for one in answer.prose.sentences for marker in one.markers} <= {c.marker for c in answer.citations}
    assert Answer.from_json(json.loads(json.dumps(answer.as_json()))).as_json() == answer.as_json()
    assert answer.in_quotes() == assistant.ask(PENTAGON, extractive=True)


def test_what_is_not_borne_out_is_struck_with_its_reason(assistant: Assistant, stand_in: StandIn) -> None:
    found = faults_of(
        assistant, stand_in,
        "The strike killed 4,200 people [1].", "Angela Merkel said the strike hit its target [1].",
        "Cheese is made from milk and salt [1].", "The Observatory counted the dead [17].", "Everybody agrees.",
        "Eric Pahon said that the destroyed structure was part of a mosque compound [2].",
        "The strike hit its target in November [1].",
    )  # fmt: skip
    reasons = [fault for _, fault in found.values()]
    for wanted, reason in zip(
        ("names 4200", "names “Angela”", "“Cheese”", "cites 17", "cites nothing", "has Eric Pahon say", "November"),
        reasons,
        strict=True,
    ):
        assert reason is not None and wanted in reason, (wanted, reason)
    answer = assistant.ask(PENTAGON)
    assert "~~Everybody agrees.~~ (cites nothing)" in answer.text


def test_what_is_not_borne_out_can_be_left_out(stand_in: StandIn, samples: Assistant, embedder: Embedder) -> None:
    settings = WriterSettings(stand_in.url, "a model", unsupported=LEAVE_OUT)
    samples._writer = Writer.open(settings, embedder)
    try:
        stand_in.says = lambda _: f"Everybody agrees. {DAVIS} The strike killed 4,200 people [1]."
        told: list[str] = []
        answer = samples.ask(PENTAGON, on_text=told.append)
        assert "".join(told) == answer.text and "4,200" not in answer.text and "Everybody" not in answer.text
        assert answer.prose and [one.fault is None for one in answer.prose.sentences] == [False, True, False]
    finally:
        samples._writer = None


def test_a_claim_told_as_a_fact_gets_its_speaker(assistant: Assistant, stand_in: StandIn) -> None:
    ((text, fault),) = faults_of(
        assistant, stand_in, "The building was a partially constructed community meeting hall [2]."
    ).values()
    assert fault is None
    assert text.startswith("According to Eric Pahon, also of the Pentagon, the building was")


def test_quotation_marks_hold_the_words_of_a_passage_or_go(assistant: Assistant, stand_in: StandIn) -> None:
    found = faults_of(
        assistant, stand_in,
        'Davis said: "This was the building we intended to strike, and we struck it" [2].',
        'Davis said that this was "the building which we intended to strike" [2].',
    )  # fmt: skip
    (exact, first), (changed, second) = found.values()
    assert first is second is None
    assert "struck it" in exact and '"' in exact
    assert '"' not in changed.rstrip("[0123456789] ")


def test_to_say_that_the_articles_do_not_say_it_needs_no_source(assistant: Assistant, stand_in: StandIn) -> None:
    found = faults_of(
        assistant, stand_in, "The articles do not say who flew the aircraft.", "The articles do not name Angela Merkel."
    )
    (_, first), (_, second) = found.values()
    assert first is None and second is not None


@pytest.mark.parametrize(
    ("written", "cut"),
    [
        ("It was hit. [1] It stood. [2]", ["It was hit [1].", "It stood [2]."]),
        ("It was hit [1]. It stood [2].", ["It was hit [1].", "It stood [2]."]),
        ("“It was hit.”[1][2] It stood. [3, 4]", ["“It was hit[1][2].”", "It stood [3, 4]."]),
        ("<think>Hm [1]. No.</think>It was hit [1].", ["It was hit [1]."]),
    ],
)
def test_sentences_keep_the_numbers_behind_them_however_the_pieces_fall(written: str, cut: list[str]) -> None:
    for size in (1, 2, 3, 7, 100):
        pieces = [written[at : at + size] for at in range(0, len(written), size)]
        model = Model("m", partial(nullcontext, _Speaks(pieces)))
        writer = Writer(model, WriterSettings("http://x", "m"), lambda texts: pytest.fail("nothing is embedded"), len)
        sentences = [one for one in writer._sentences(_nothing()) if one]
        assert [" ".join(one.split()) for one in sentences] == cut, size


def test_support_tells_what_a_text_says_from_what_it_does_not(embedder: Embedder) -> None:
    source = Source(["The ferry to Vinga sails again in June.", "Harbour master Ada Lind said so."], embedder.embed)
    assert source.probability("The ferry to Vinga sails again in June.") > 0.8
    assert source.probability("In June the Vinga ferry will sail again.") > THRESHOLD
    assert source.probability("The mayor has resigned over a bribe.") < 0.1
    assert Source([], embedder.embed).probability("The ferry sails.") < THRESHOLD


@pytest.fixture(scope="module")
def verifier(samples: Assistant, embedder: Embedder) -> Verifier:
    """One passage: Davis said that the strike hit its target and denied that the mosque in a photo was one."""
    catalogue = samples._store.catalogue
    hits = samples.search("What did Davis say about the strike?", 12)
    passages = catalogue.with_claims([hit.passage for hit in hits], Filters())
    about = next(one for one in passages if "had hit its target and killed" in one.text)
    question = "Did Angela Merkel and Davis say that 4,200 were killed?"
    return Verifier(question, choose([], [about], 4000, embedder.count_tokens), (), embedder.embed)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("Capt. Jeff Davis said the strike near al-Jinah had not hit its target", "says the opposite"),
        ("Capt. Jeff Davis said that the mosque in a photo of the site had been a target", "says the opposite"),
        ("Davis did not deny that the mosque in a photo of the site had been a target", "says the opposite"),
        ("Davis said the mosque in a photo of the site had not been a target", None),
        ("Capt. Jeff Davis denied that the mosque in a photo had been a target", None),
        ("Davis said the strike hit its target and killed al-Qaeda members, and denied that the mosque was one", None),
    ],
)
def test_a_sentence_that_turns_its_source_round_is_struck(verifier: Verifier, written: str, why: str | None) -> None:
    fault = verifier.check(f"{written} [1].").fault
    assert fault is None if why is None else fault is not None and why in fault


def test_what_a_question_takes_for_granted_bears_nothing_out(verifier: Verifier) -> None:
    for wanted, written in (
        ("4200", "Capt. Jeff Davis said the strike near al-Jinah killed 4,200 al-Qaeda members [1]."),
        ("Angela", "Davis and Angela Merkel said the strike near al-Jinah had hit its target [1]."),
        ("cites nothing", "The articles do not mention that the mosque was bombed by a madman."),
    ):
        assert wanted in (verifier.check(written).fault or "")
    assert verifier.check("The articles do not say what Angela Merkel said.").fault is None


def test_to_name_a_speaker_is_not_to_say_that_it_is_said(verifier: Verifier) -> None:
    told = verifier.check("The Pentagon strike near al-Jinah hit its target and killed al-Qaeda members [1].")
    assert told.text.startswith("According to Capt. Jeff Davis, a Pentagon spokesman, the Pentagon strike")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Davis said: 'We believe we killed dozens' of them", "'We believe we killed dozens'"),
        (
            "Davis said: ‘This was the building we intended to strike’ and ‘we believe we killed the dozens’",
            "and we believe",
        ),
        ("Davis said: “We believe we killed dozens of them", "Davis said: We believe"),
    ],
)
def test_single_and_half_quotation_marks_are_seen(verifier: Verifier, written: str, shown: str) -> None:
    assert shown in verifier.check(f"{written} [1].").text


# ── what it is shown ────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_shown_whole_sentences_within_its_context_both_sides_first(
    stand_in: StandIn, samples: Assistant, embedder: Embedder
) -> None:
    question, shown = "How many people were killed?", []
    for context in (1500, 4096):
        samples._writer = Writer.open(WriterSettings(stand_in.url, "m", context=context), embedder)
        try:
            samples.ask(question)
        finally:
            samples._writer = None
        shown.append(stand_in.asked[-1]["messages"][-1]["content"])
    small, large = shown
    assert len(small) < len(large) and embedder.count_tokens(small) < 1500 - 600
    quotes = [citation.quote for citation in samples.ask(question).citations]
    assert len(quotes) > 2 and all(quote in large for quote in quotes)
    assert "Accounts differ" in small and sum(quote in small for quote in quotes) >= 2


def test_each_party_is_written_about_by_itself(assistant: Assistant, stand_in: StandIn) -> None:
    stand_in.asked.clear()
    stand_in.says = lambda user: f"{DAVIS}" if "about what" in user else ""
    assistant.ask("How many people were killed, according to both sides?")
    asked = [one["messages"][-1]["content"].rsplit("Write only about what ", 1) for one in stand_in.asked]
    assert len(asked) > 2 and len({parts[1] for parts in asked}) == len(asked)


def test_a_question_of_a_conversation_is_put_by_the_model_if_it_adds_no_name(
    assistant: Assistant, stand_in: StandIn
) -> None:
    history = [Exchange(PENTAGON, "a meeting hall; Eric Pahon")]

    def alone(said: str) -> str:
        stand_in.says = lambda user: said if "Last question" in user else DAVIS
        return assistant.ask("And did he deny a mosque?", history=history).standalone_question

    assert alone("Did Eric Pahon deny that a mosque was hit?") == "Did Eric Pahon deny that a mosque was hit?"
    by_rule = assistant.ask("And did he deny a mosque?", history=history, extractive=True).standalone_question
    assert alone("Did Angela Merkel deny that a mosque was hit?") == by_rule
    assert alone("Here is your question: yes") == alone("") == alone("One? Two?") == by_rule


# ── what can go wrong ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("no model", "the server has no model 'a model'"), ("key", "SAIDSO_LLM_KEY"), ("too often", "too often"),
        ("too long", "SAIDSO_LLM_CONTEXT"), ("broken", "has failed"), ("hangs up", "went away while it wrote"),
        ("garbage", "sent what cannot be read"), ("a page", "wrote nothing"), ("breaks off", "went away"),
    ],
)  # fmt: skip
def test_the_quotes_are_given_with_a_line_that_says_why(
    assistant: Assistant, stand_in: StandIn, fault: str, why: str
) -> None:
    assert set(FAULTS) < {*FAULTS, fault, "hangs up"}
    stand_in.fault = fault
    stand_in.says = lambda _: f"{DAVIS} {DAVIS}"
    answer = assistant.ask(PENTAGON)
    assert answer.note is not None and answer.note.startswith("Quotes alone: ") and why in answer.note
    assert (answer.mode, answer.prose) == ("extractive", None)
    assert answer.in_quotes() == assistant.ask(PENTAGON, extractive=True)


def test_a_slow_model_and_one_that_is_not_there(stand_in: StandIn, samples: Assistant, embedder: Embedder) -> None:
    for settings, pause, why in (
        (WriterSettings(stand_in.url, "slow", seconds=0.3), 1.0, "took too long"),
        (WriterSettings("http://127.0.0.1:9/v1", "none"), 0.0, "is not there"),
        (WriterSettings(f"http://127.0.0.1:{stand_in.port}", "slow", kind="ollama", seconds=0.3), 1.0, "took too long"),
    ):
        stand_in.pause = pause
        samples._writer = Writer.open(settings, embedder)
        try:
            assert why in (samples.ask(PENTAGON).note or "")
        finally:
            samples._writer = None


def test_ollama_is_spoken_to_as_well(stand_in: StandIn, samples: Assistant, embedder: Embedder) -> None:
    settings = WriterSettings(f"http://127.0.0.1:{stand_in.port}", "m", kind="ollama")
    samples._writer = Writer.open(settings, embedder)
    try:
        assert samples.ask(PENTAGON).mode == "llm"
        stand_in.fault = "no model"
        assert "has no model" in (samples.ask(PENTAGON).note or "")
        stand_in.fault = "breaks off"
        assert "went away" in (samples.ask(PENTAGON).note or "")
    finally:
        samples._writer = None


def test_stopping_ends_the_models_work(assistant: Assistant, stand_in: StandIn) -> None:
    class EnoughError(Exception):
        pass

    heard: list[str] = []

    def stop(text: str) -> None:
        heard.append(text)
        if len(heard) > 3:
            raise EnoughError

    stand_in.pause = 0.02
    stand_in.says = lambda _: "word " * 2000
    with pytest.raises(EnoughError):
        assistant.ask(PENTAGON, on_text=stop)
    assert stand_in.left.wait(10), "the server still writes to somebody who has gone"


@pytest.mark.parametrize("kind", ["openai", "ollama"])
def test_a_silent_model_can_be_stopped_too(
    stand_in: StandIn, samples: Assistant, embedder: Embedder, kind: str
) -> None:
    class StopError(Exception):
        pass

    heard: list[str] = []
    stand_in.asked.clear()

    def stop(text: str) -> None:
        heard.append(text)
        if stand_in.asked:
            raise StopError

    url = stand_in.url if kind == "openai" else f"http://127.0.0.1:{stand_in.port}"
    samples._writer = Writer.open(WriterSettings(url, "m", kind=kind), embedder)
    stand_in.pause = 1.5
    stand_in.says = lambda _: "word " * 20
    try:
        with pytest.raises(StopError):
            samples.ask(PENTAGON, on_text=stop)
    finally:
        samples._writer = None
    assert set(heard) == {""}, "before its first word"
    assert stand_in.left.wait(20)


def test_a_model_that_puts_a_follow_up_can_be_stopped_and_does_not_go_on_for_ever(
    assistant: Assistant, stand_in: StandIn
) -> None:
    class StopError(Exception):
        pass

    def stop(_: str) -> None:
        if stand_in.asked:
            raise StopError

    history = [Exchange(PENTAGON, "a meeting hall; Eric Pahon")]
    stand_in.asked.clear()
    stand_in.left.clear()
    stand_in.pause = 0.05
    stand_in.says = lambda _: "word " * 2000
    with pytest.raises(StopError):
        assistant.ask("And did he deny a mosque?", history=history, on_text=stop)
    assert len(stand_in.asked) == 1 and stand_in.left.wait(10)
    stand_in.pause = 0.0
    stand_in.says = lambda user: "word " * 4000 if "Last question" in user else DAVIS
    by_rule = assistant.ask("And did he deny a mosque?", history=history, extractive=True).standalone_question
    assert assistant.ask("And did he deny a mosque?", history=history).standalone_question == by_rule


def test_nothing_is_asked_of_a_model_where_there_is_no_answer(assistant: Assistant, stand_in: StandIn) -> None:
    stand_in.asked.clear()
    answer = assistant.ask("Who won the 2022 World Cup?")
    assert answer.abstained and answer.mode == "extractive" and stand_in.asked == []


def test_any_llama_index_model_writes(samples: Assistant, embedder: Embedder) -> None:
    samples._writer = Writer(
        Model("mock", partial(nullcontext, MockLLM())), WriterSettings("http://x", "mock"), embedder.embed, len
    )
    try:
        assert "do not bear out" in (samples.ask(PENTAGON).note or "")  # it repeats what it is told
    finally:
        samples._writer = None


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"URL": "http://x"}, "SAIDSO_LLM_MODEL is not set"),
        ({"MODEL": "m"}, "SAIDSO_LLM_URL is not set"),
        ({"URL": "localhost:8000", "MODEL": "m"}, "is no address"),
        ({"URL": "http://x", "MODEL": "m", "KIND": "telepathy"}, "openai, ollama"),
        ({"URL": "http://x", "MODEL": "m", "SECONDS": "soon"}, "not a number"),
        ({"URL": "http://x", "MODEL": "m", "UNSUPPORTED": "keep"}, "strike, leave out"),
    ],
)
def test_settings_that_cannot_be_used_are_named(environment: dict[str, str], said: str) -> None:
    with pytest.raises(SaidsoError, match=said):
        WriterSettings.from_environment({f"SAIDSO_LLM_{name}": value for name, value in environment.items()})


def test_without_settings_there_is_no_model() -> None:
    assert WriterSettings.from_environment({}) is None


class _Speaks(MockLLM):
    """A llama-index model that writes given pieces."""

    def __init__(self, pieces: list[str], **fields: Any) -> None:
        super().__init__(**fields)
        self._written = pieces

    def stream_chat(self, *_: Any, **__: Any) -> Any:
        from llama_index.core.llms import ChatMessage, ChatResponse

        return (ChatResponse(message=ChatMessage(), delta=piece) for piece in self._written)


def _nothing() -> Any:
    from assistant.writing.prompt import Prompt

    return Prompt("", "")
