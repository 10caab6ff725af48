from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.settings import Settings
from index.errors import SaidsoError
from index.filters import Filters

CONTRACT = {
    "id", "question", "standalone_question", "answer", "short_answer", "abstained", "confidence", "mode", "citations",
    "claims", "accounts", "disagreement", "closest", "filters", "undated_left_out", "timings_ms",
}  # fmt: skip
CITATION = {
    "marker", "article_id", "title", "source", "published", "url", "quote", "start", "end", "passage",
}  # fmt: skip
WHERE = ("article_id", "source", "published")


def check(assistant: Assistant, answer: Answer) -> None:
    """Every citation is exact, every marker has its citation, and every quotation in the text is a citation's."""
    for citation in (*answer.citations, *answer.closest):
        article = assistant.article(citation.article_id)
        assert article is not None
        assert article.text[citation.start : citation.end] == citation.quote
        assert citation.passage.start <= citation.start < citation.end <= citation.passage.end
    assert [citation.marker for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
    if not answer.abstained:
        assert [int(n) for n in re.findall(r"\[(\d+)\]$", answer.text, re.M)] == [c.marker for c in answer.citations]
    assert answer.abstained is (not answer.citations)


def test_what_the_pentagon_claimed(samples: Assistant) -> None:
    answer = samples.ask("what did the Pentagon claim was hit?")
    check(samples, answer)
    assert not answer.abstained
    assert all("Pentagon" in statement.speaker for statement in answer.statements)
    assert any("partially constructed community meeting hall" in citation.quote for citation in answer.citations)


@pytest.mark.parametrize(
    "question",
    [
        "Who won the 2022 World Cup?",
        "What is the capital of Australia?",
        "How do I bake sourdough bread?",
        "Wer gewann die Bundestagswahl 2005?",
    ],
)
def test_what_the_articles_do_not_hold_is_not_answered(samples: Assistant, question: str) -> None:
    answer = samples.ask(question)
    check(samples, answer)
    assert answer.abstained
    assert answer.text == "The articles do not hold an answer to this question."
    assert answer.closest
    assert answer.short_answer is None


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many bombs did the F-15s drop?", "ten bombs"),
        ("Who called for a probe into which target was hit?", "Zakharova"),
        ("What did Human Rights Watch find about the building?", "Omar Ibn al-Khatab mosque"),
        ("What did Ole Solvang say about the investigation?", "should not end with its findings"),
        ("How many civilians did Airwars say the coalition had killed?", "2,462"),
        ("What did Mohamed al Shaghel say about the people inside?", "no affiliation with any military faction"),
    ],
)
def test_the_samples_are_answered_from(samples: Assistant, question: str, expected: str) -> None:
    answer = samples.ask(question)
    check(samples, answer)
    assert any(expected in citation.quote for citation in answer.citations)


def test_when_it_was_is_not_when_it_was_said(samples: Assistant) -> None:
    assert samples.ask("When was the building struck?").short_answer == "Thursday, March 16, 2017"


def test_what_somebody_said_is_attributed(samples: Assistant) -> None:
    answer = samples.ask("What did Ole Solvang say about the investigation?")
    assert all("Solvang" in statement.speaker for statement in answer.statements)


def test_the_same_question_gives_the_same_answer(samples: Assistant) -> None:
    first, second = (samples.ask("How many people were killed?") for _ in range(2))
    assert first == second


def test_the_json_keeps_the_contract(samples: Assistant) -> None:
    for question in ("what did the Pentagon claim was hit?", "Who won the 2022 World Cup?"):
        answer = json.loads(json.dumps(samples.ask(question, id="q7").as_json()))
        assert set(answer) >= CONTRACT
        assert answer["id"] == "q7"
        assert all(set(citation) >= CITATION for citation in answer["citations"] + answer["closest"])
        assert 0 <= answer["confidence"] <= 1
        for claim in answer["claims"]:
            assert set(claim) >= {"article_id", "speaker", "cue", "content", "stance", "direct", "name"}
            cited = answer["citations"][claim["citation"] - 1]
            assert {name: claim[name] for name in WHERE} == {name: cited[name] for name in WHERE}
        markers = {citation["marker"] for citation in answer["citations"]}
        for account in answer["accounts"]:
            assert set(account) == {"position", "speakers", "citations", "origins"}
            assert account["speakers"]
            assert 1 <= account["origins"] <= max(len(account["citations"]), len(account["speakers"]))
            assert set(account["citations"]) <= markers


def test_filters_hold(samples: Assistant) -> None:
    filters = Filters.parse((), None, "2017-03-16")
    answer = samples.ask("How many people were killed?", filters)
    assert {c.published for c in (*answer.citations, *answer.closest)} == {"2017-03-16"}
    nothing = samples.ask("How many people were killed?", Filters.parse(("No such outlet",)))
    assert nothing.text == "No article fits the filters."


def test_who_said_it_by_date_or_by_what_it_is_about(samples: Assistant) -> None:
    by_date = samples.who_said(Filters(speaker="the Pentagon"), k=8)
    days = [one.article.published for one in by_date]
    assert len(days) == 8 and days == sorted(days)
    about = samples.who_said(Filters(speaker="the Pentagon"), "a mosque that was hit")
    assert any("mosque" in piece.text for piece in about[0].claim.content)
    theirs = {one.claim.said_by for one in samples.who_said(Filters(speaker="the Pentagon"), k=1000)}
    assert {one.claim.said_by for one in about} <= theirs
    for said in (*by_date, *samples.who_said(Filters(), "killed", k=50)):
        article = samples.article(said.article.id)
        for piece in said.claim.content:
            assert article is not None and article.text[piece.start : piece.end] == piece.text
    with pytest.raises(SaidsoError, match="give a speaker, a stance, or words"):
        samples.who_said(Filters(("A",)), " ")


def test_as_of_a_day_nothing_later_counts(samples: Assistant) -> None:
    asked = samples.ask("How many people were killed?", Filters.parse(as_of="2017-03-17"))
    assert not asked.abstained and all(citation.published[:10] <= "2017-03-17" for citation in asked.citations)
    assert asked.as_json()["filters"] == {"as_of": "2017-03-17"} and asked.undated == 0
    yesterday = samples.ask("What did Central Command say yesterday?", Filters.parse(as_of="2017-03-17"))
    assert {citation.published[:10] for citation in yesterday.citations} == {"2017-03-16"}
    week = samples.search("Which building was hit this week?", 50, Filters.parse(as_of="2017-04-20"))
    assert {hit.passage.published[:10] for hit in week} == {"2017-04-18"}
    nothing = samples.ask("Who was killed last week?", Filters.parse(as_of="2016-01-01"))
    assert nothing.text == "No article of the days that are asked about fits the filters."


def test_articles_without_a_date_are_left_out_and_counted(tmp_path: Path) -> None:
    assistant = Assistant.open(Settings(tmp_path / "data"))
    for name, day in (("dated", "2017-03-16"), ("undated", "")):
        words = {"dated": "the ferry to Vinga sails at noon", "undated": "no boat at all sails in winter"}[name]
        article = {"id": name, "text": f"The harbour master said that {words}.", "published": day}
        (tmp_path / f"{name}.json").write_text(json.dumps(article))
        assistant.ingest([tmp_path / f"{name}.json"])
    question = "What did the harbour master say sails?"
    assert {citation.article_id for citation in assistant.ask(question).citations} == {"dated", "undated"}
    answer = assistant.ask(question, Filters.parse(as_of="2017-12-31"))
    assert [citation.article_id for citation in answer.citations] == ["dated"]
    assert answer.as_json()["undated_left_out"] == 1
    assert assistant.ask(question, Filters.parse(("Post",), as_of="2017-12-31")).undated == 0, "of that outlet"
    assistant.close()


def test_an_empty_index_says_so(tmp_path: Path) -> None:
    answer = Assistant.open(Settings(tmp_path)).ask("Who was killed?")
    assert answer.abstained
    assert "No articles are indexed yet" in answer.text


def test_stages_are_told_in_order(samples: Assistant) -> None:
    stages: list[str] = []
    answer = samples.ask("Who was killed?", on_stage=stages.append)
    assert stages == ["understanding", "searching", "reading", "writing"]
    assert list(answer.timings_ms) == [*stages, "total"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(question=st.text(max_size=200))
def test_any_question_is_answered_abstained_or_refused(samples: Assistant, question: str) -> None:
    try:
        answer = samples.ask(question)
    except SaidsoError:
        return
    check(samples, answer)
