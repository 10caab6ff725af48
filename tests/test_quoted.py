"""A speaker's own words, over the sample articles and over articles made for the purpose."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from assistant.assistant import Assistant
from assistant.settings import Settings
from index.filters import Filters

ARTICLES = {
    "2017-03-01-bridge": (
        "The bridge at Ostrava fell on Monday.\n\n“The bridge was not safe,” said Ann Ortiz, a spokeswoman for the "
        "Road Agency. Ortiz said that nobody had been on it.\n\nThe mayor, Paul Novak, denied that the city had been "
        "warned. He said the agency would pay for a new bridge."
    ),
    "2017-04-01-bridge": (
        "The Road Agency said that a truck had been on the bridge at Ostrava when it fell.\n\nNovak said on Saturday "
        "that the harbour would stay open."
    ),
}


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    folder = tmp_path_factory.mktemp("bridge")
    rows = [{"id": id_, "text": text, "published": id_[:10]} for id_, text in ARTICLES.items()]
    (folder / "articles.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assistant = Assistant.open(Settings(folder / "data"))
    assistant.ingest([folder / "articles.jsonl"])
    yield assistant
    assistant.close()


@pytest.mark.parametrize(
    ("question", "quotes"),
    [
        ("What did Ortiz say?", {"“The bridge was not safe,”", "nobody had been on it"}),
        ("What did the Road Agency say?", {"not safe", "nobody had been on it", "a truck had been on the bridge"}),
        ("What did the Road Agency say before April 1, 2017?", {"not safe", "nobody had been on it"}),
        ("What did the Road Agency say in April 2017?", {"a truck had been on the bridge"}),
        ("What did Paul Novak say about the harbour?", {"the harbour would stay open"}),
        ("What did the mayor deny?", {"denied that the city had been warned"}),
    ],
)
def test_a_speaker_is_answered_with_its_own_words(bridge: Assistant, question: str, quotes: set[str]) -> None:
    answer = bridge.ask(question)
    assert not answer.abstained, answer.text
    said = [citation.quote for citation in answer.citations]
    for quote in quotes:
        assert any(quote in one for one in said), said
    assert len(said) == len(quotes), said


def test_a_speaker_may_be_chosen_beside_the_question(bridge: Assistant) -> None:
    answer = bridge.ask("Was the bridge safe?", Filters(speaker="Ortiz"))
    assert {statement.speaker for statement in answer.statements} == {"Ann Ortiz, a spokeswoman for the Road Agency"}
    assert bridge.ask("Will the harbour stay open?", Filters(speaker="Ortiz")).abstained


@pytest.mark.parametrize(
    ("question", "filters", "speakers", "stances"),
    [
        ("Had the city been warned?", Filters(stances=("denies",)), {"Paul Novak"}, {"denies"}),
        ("What did the mayor say?", Filters(stances=("denies",)), {"Paul Novak"}, {"denies"}),
        ("Had the city been warned?", Filters(cue="denied"), {"Paul Novak"}, {"denies"}),
        ("What did the Road Agency say?", Filters(speaker="Ann Ortiz"), {"Ann Ortiz"}, {"says"}),
    ],
)
def test_only_the_claims_that_are_wanted_are_quoted(
    bridge: Assistant, question: str, filters: Filters, speakers: set[str], stances: set[str]
) -> None:
    answer = bridge.ask(question, filters)
    claims = answer.as_json()["claims"]
    assert {claim["stance"] for claim in claims} == stances
    assert len(claims) >= len(answer.statements) > 0
    for statement in answer.statements:
        assert any(name in statement.speaker for name in speakers)
    assert {claim.stance for statement in answer.statements for claim in statement.claims} == stances


def test_where_nothing_fits_what_is_wanted_nothing_is_quoted(bridge: Assistant) -> None:
    answer = bridge.ask("Was the bridge safe?", Filters(stances=("praises",)))
    assert answer.abstained
    assert answer.text == "No article fits the filters."


def test_of_a_speakers_words_those_on_the_matter_come_first(bridge: Assistant) -> None:
    answer = bridge.ask("Who, according to Novak, would pay for a new bridge?")
    assert answer.citations[0].quote == "He said the agency would pay for a new bridge."
    assert answer.statements[0].speaker.endswith("Paul Novak")


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Who said that the bridge was not safe?", "Ortiz"),
        ("Who denied that the city had been warned?", "Novak"),
        ("Who said the harbour would stay open?", "Novak"),
    ],
)
def test_who_said_it_is_answered_with_a_name(bridge: Assistant, question: str, name: str) -> None:
    assert name in (bridge.ask(question).short_answer or "")


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What did Ortiz say about the harbour?", "Ortiz is not quoted on this in the articles. Quoted on it: "),
        ("What did the Vatican say about the bridge?", "The Vatican is not quoted on this in the articles."),
        ("Why did Ortiz say that the harbour would stay open?", "The articles do not quote Ortiz as saying this; "),
        ("Did Novak say that the bridge was not safe?", "The articles do not quote Novak as saying this; "),
        ("Why did the Road Agency deny that a truck was there?", "The articles do not quote the Road Agency as "),
    ],
)  # fmt: skip
def test_nothing_is_put_into_the_wrong_mouth(bridge: Assistant, question: str, text: str) -> None:
    answer = bridge.ask(question)
    assert answer.abstained
    assert answer.text.startswith(text)
    assert answer.statements == ()
    for citation in answer.closest:
        article = bridge.article(citation.article_id)
        assert article is not None
        assert article.text[citation.start : citation.end] == citation.quote


def test_a_correction_names_who_says_it_with_the_quote(bridge: Assistant) -> None:
    answer = bridge.ask("Did Novak say that the bridge was not safe?")
    assert answer.text == (
        "The articles do not quote Novak as saying this; Ann Ortiz, a spokeswoman for the Road Agency: "
        f"“{answer.closest[0].quote}” [1]"
    )


def test_confidence_is_no_more_than_how_often_a_claim_is_right(bridge: Assistant) -> None:
    assert bridge.ask("What did Ortiz say?").confidence == pytest.approx(0.72)


@pytest.mark.parametrize(
    ("question", "said_by"),
    [
        ("What did the Pentagon say about evening prayers?", "Pahon"),
        ("What did Capt. Jeff Davis say about the mosque?", "Davis"),
        ("What did Central Command say?", "Central Command"),
        ("Who blamed the US-led coalition?", "Hayat Tahrir al-Sham"),
    ],
)
def test_the_samples_tell_whose_words_they_are(samples: Assistant, question: str, said_by: str) -> None:
    answer = samples.ask(question)
    assert not answer.abstained
    assert said_by in answer.statements[0].speaker


@pytest.mark.parametrize(
    "question",
    [
        "What did the Turkish government say about the dead?",
        "What did Zakharova say about evening prayers?",
        "Why did Human Rights Watch say that the strike was lawful?",
    ],
)
def test_the_samples_do_not_hold_it(samples: Assistant, question: str) -> None:
    answer = samples.ask(question)
    assert answer.abstained
    assert "quote" in answer.text


@pytest.mark.parametrize("question", ["What do the parties say about the mosque?", "What do both sides say was hit?"])
def test_what_the_parties_say_is_told_by_each_once(samples: Assistant, question: str) -> None:
    answer = samples.ask(question)
    speakers = [statement.speaker for statement in answer.statements]
    assert len(speakers) >= 3 and len(set(speakers)) == len(speakers)
    assert answer.short_answer is None  # no one of them is the answer
    assert {"Davis", "Kareem", "Thomas", "Zakharova", "Bontrager"} & set(" ".join(speakers).replace(",", "").split())
    assert samples.ask("What do the parties say about penguins?").abstained
