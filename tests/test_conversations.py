"""Conversations in the database, over HTTP, and as a question set: what is kept, found, changed and refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from starlette.datastructures import Headers
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from assistant.access_settings import Permission
from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.conversations import ANSWERED, STOPPED, Conversations, Feedback, NotYoursError, UnknownConversationError
from assistant.evaluation.run import evaluate
from assistant.feedback import as_lines, export, question_set
from assistant.standing import check
from assistant.web.access import Visitor
from assistant.web.conversations import add_conversations
from assistant.web.refusals import add_refusals
from assistant.web.startup import Startup
from assistant.web.talk import UNKEPT, Talk, drawn
from index.errors import SaidsoError
from index.filters import Filters

PENTAGON = "What did the Pentagon claim was hit?"
NOWHERE = "Who won the 2022 World Cup?"
HOSTILE = "<script>alert(1)</script> ![x](http://evil.test/x.png) “\u0661”"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'c.sqlite'}"


@pytest.fixture
def kept(url: str) -> Iterator[Conversations]:
    conversations = Conversations(url)
    yield conversations
    conversations.close()


@pytest.fixture(scope="module")
def answers(samples: Assistant) -> dict[str, Answer]:
    return {question: samples.ask(question) for question in (PENTAGON, NOWHERE, "How many people were killed?")}


@pytest.fixture
def client(samples: Assistant, kept: Conversations) -> Iterator[TestClient]:
    startup, app = Startup(lambda: samples), FastAPI()
    startup.run()
    add_refusals(app)
    add_conversations(app, startup, kept)
    with TestClient(app) as client:
        yield client


def put(kept: Conversations, answer: Answer, conversation: str | None = None) -> tuple[str, int]:
    turn = kept.ask(conversation, answer.question, Filters(), "s")
    kept.answered(turn, answer)
    return turn.conversation_id, turn.number


def test_an_answer_is_read_as_it_was_written(answers: dict[str, Answer]) -> None:
    for answer in answers.values():
        again = Answer.from_json(json.loads(json.dumps(answer.as_json())))
        assert again == replace(answer, confidence=round(answer.confidence, 4))


def test_a_conversation_survives_a_restart(url: str, kept: Conversations, answers: dict[str, Answer]) -> None:
    filters = Filters.parse(("Sample Digest",), "2017-01-01", "2017-12-31", "Davis", ("says",))
    turn = kept.ask(None, PENTAGON, filters, "s")
    kept.answered(turn, answers[PENTAGON])
    kept.stopped(kept.ask(turn.conversation_id, NOWHERE, Filters(), "s"))
    kept.close()
    again = Conversations(url)
    first, second = again.turns(turn.conversation_id)
    assert (first.number, first.state, first.scope) == (1, ANSWERED, filters)
    assert first.told == Answer.from_json(answers[PENTAGON].as_json())
    assert (second.number, second.state, second.told) == (2, STOPPED, None)
    assert again.get(turn.conversation_id).title == PENTAGON
    again.close()


def test_two_windows_on_one_conversation(url: str, kept: Conversations) -> None:
    other = Conversations(url)
    first = kept.ask(None, "One?", Filters(), "s")
    second = other.ask(first.conversation_id, "Two?", Filters(), "s")
    third = kept.ask(first.conversation_id, "Three?", Filters(), "s")
    assert [turn.number for turn in (first, second, third)] == [1, 2, 3]
    other.delete(first.conversation_id)
    kept.stopped(third)  # what is gone stays gone
    talk = Talk(kept, "Four?", Filters())
    talk.begin(first.conversation_id, "s")
    assert talk.turn and talk.turn.conversation_id != first.conversation_id and "has been deleted" in talk.notice
    other.close()


def test_somebody_elses_is_read_by_who_knows_its_id_and_never_listed_or_changed(
    kept: Conversations, answers: dict[str, Answer]
) -> None:
    ann, ben = kept.of("user:ann"), kept.of("user:ben")
    id_, number = put(ann, answers[PENTAGON])
    ann.rate(id_, number, Feedback("up"))
    assert [found.id for found in ann.listed()] == [id_] and ann.count_marked() == 1
    assert ben.listed() == kept.listed() == [] and ben.count_marked() == 0 and not [*ben.rated()]
    assert ann.get(id_).is_own and not ben.get(id_).is_own and ben.turns(id_) == ann.turns(id_)
    for change in (partial(ben.rename, id_, "Mine"), partial(ben.delete, id_), partial(ben.rate, id_, 1, Feedback())):
        with pytest.raises(NotYoursError, match="somebody else's"):
            change()
    talk = Talk(ben, "And where?", Filters())
    talk.begin(id_, "s")
    assert talk.turn and talk.turn.conversation_id != id_ and "somebody else's" in talk.notice and not talk.earlier
    assert [turn.question for turn in ann.turns(id_)] == [PENTAGON] and ann.get(id_).title == PENTAGON
    assert len([*kept.rated(everybodys=True)]) == 1


def test_over_http_each_has_their_own(samples: Assistant, kept: Conversations, answers: dict[str, Answer]) -> None:
    id_, _ = put(kept.of("user:ann"), answers[PENTAGON])
    startup, app = Startup(lambda: samples), FastAPI()
    add_refusals(app)
    add_conversations(app, startup, kept)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        """Take the name that the guard would have found out from a header."""
        if scope["type"] == "http":
            scope["state"] = {"visitor": Visitor(Headers(scope=scope)["x-name"], Permission.ASK)}
        await app(scope, receive, send)

    def ask(name: str, method: str, path: str, **more: Any) -> Any:
        return client.request(method, f"/api/conversations{path}", headers={"x-name": name}, **more)

    with TestClient(guarded) as client:
        assert [one["id"] for one in ask("user:ann", "GET", "").json()["conversations"]] == [id_]
        assert ask("user:ben", "GET", "").json()["conversations"] == []
        assert ask("address:1.2.3.4", "GET", "").json()["conversations"] == []
        assert ask("user:ben", "GET", f"/{id_}").json()["is_own"] is False
        assert ask("user:ben", "GET", f"/{id_}/export").status_code == 200
        assert ask("user:ben", "DELETE", f"/{id_}").status_code == 403
        assert ask("user:ben", "PATCH", f"/{id_}", json={"title": "x"}).status_code == 403
        assert ask("user:ben", "PUT", f"/{id_}/turns/1/feedback", json={"rating": "up"}).status_code == 403
        assert ask("user:ben", "GET", "/feedback").status_code == 422
        assert ask("user:ann", "DELETE", f"/{id_}").status_code == 204


def test_words_of_questions_and_answers_are_found(kept: Conversations, answers: dict[str, Answer]) -> None:
    pentagon, _ = put(kept, answers[PENTAGON])
    kept.ask(None, "Что сказал ЗЕЛЕНСКИЙ? 100%", Filters(), "s")
    assert [found.id for found in kept.listed("PENTAG zeppelin")] == []
    assert [found.id for found in kept.listed("pentagon DAVIS")] == [pentagon]
    assert [found.title for found in kept.listed("зеленский 100%")] == ["Что сказал ЗЕЛЕНСКИЙ? 100%"]
    assert kept.listed("%_") == []
    kept.rename(pentagon, "Überschrift")
    assert [found.id for found in kept.listed("ÜBER")] == [pentagon]


def test_thousands_are_listed_in_parts(kept: Conversations) -> None:
    for number in range(120):
        kept.ask(None, f"Question {number}?", Filters(), "s")
    parts = [kept.listed("question", 50, offset) for offset in (0, 50, 100)]
    assert [len(part) for part in parts] == [50, 50, 20]
    assert parts[0][0].title == "Question 119?" and len({found.id for part in parts for found in part}) == 120


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("  Who\n said  it? ", "Who said it?"),
        ("word " * 40, "word " * 15 + "word…"),
        ("x" * 200, "x" * 79 + "…"),
        ("a\0b\ud800", "a�b?"),
    ],
)
def test_the_title_is_the_question_cut_well(kept: Conversations, question: str, title: str) -> None:
    assert kept.get(kept.ask(None, question, Filters(), "s").conversation_id).title == title


def test_a_full_disk_loses_nothing_and_the_question_is_still_answered(
    kept: Conversations, answers: dict[str, Answer]
) -> None:
    conversation, _ = put(kept, answers[PENTAGON])
    engine = kept._engine
    engine.dispose()
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count=1").close())
    talk = Talk(kept, "word " * 3000, Filters())
    talk.begin(conversation, "s")
    assert talk.turn is None and "disk is full" in talk.notice
    talk.answered(answers[NOWHERE])
    with pytest.raises(SaidsoError, match="disk is full"):
        kept.rate(conversation, 1, Feedback("up", "n" * 10_000))
    assert [turn.told is not None for turn in kept.turns(conversation)] == [True]


def test_nothing_is_kept_for_a_widget(kept: Conversations) -> None:
    talk = Talk(kept, "Who?", Filters())
    talk.begin(UNKEPT, "s")
    talk.stopped()
    assert talk.turn is None and kept.listed() == []


def test_changed_articles_are_told(samples: Assistant, answers: dict[str, Answer]) -> None:
    answer = answers[PENTAGON]
    first = answer.citations[0]

    def with_text(change: str):  # type: ignore[no-untyped-def]
        def article_of(article_id: str):  # type: ignore[no-untyped-def]
            article = samples.article(article_id)
            if article is None or article_id != first.article_id or change == "same":
                return article
            texts = {"moved": f"Correction.\n\n{article.text}", "other": "Withdrawn."}
            return replace(article, text=texts[change]) if change in texts else None

        return article_of

    assert check(answer, with_text("same")) == replace(check(answer, with_text("same")), answer=answer, notes=())
    moved = check(answer, with_text("moved"))
    assert moved.answer.citations[0].start == first.start + len("Correction.\n\n")
    assert "still stands in it" in moved.notes[0]
    assert "no longer stands in it" in check(answer, with_text("other")).notes[0]
    assert "no longer indexed" in check(answer, with_text("gone")).notes[0]


def test_a_conversation_is_drawn_as_text(kept: Conversations, answers: dict[str, Answer]) -> None:
    conversation, _ = put(kept, replace(answers[PENTAGON], question=HOSTILE))
    kept.ask(conversation, "And then?", Filters(), "s")
    asked, told, _, broken_off = drawn(kept.turns(conversation), None)
    assert "<script" not in asked["content"] and 'id="turn-1"' in asked["content"]
    assert "&#35;turn&#45;1" in told["content"] and "Broken off" in broken_off["content"]


# ── over HTTP ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_routes(client: TestClient, kept: Conversations, answers: dict[str, Answer]) -> None:
    conversation, _ = put(kept, answers[PENTAGON])
    route = f"/api/conversations/{conversation}"
    assert client.get("/api/conversations?q=pentagon").json()["conversations"][0]["id"] == conversation
    assert client.patch(route, json={"title": f"  {HOSTILE} "}).json()["title"] == HOSTILE
    assert client.patch(route, json={"title": "  "}).status_code == 422
    feedback = f"{route}/turns/1/feedback"
    note = {"rating": "down", "note": "é" * 10_000, "answers": [HOSTILE]}
    assert client.put(feedback, json=note).status_code == 200 and client.get(feedback).json() == note
    assert "10,001" in client.put(feedback, json={"note": "n" * 10_001}).json()["detail"]
    assert "no rating" in client.put(feedback, json={"rating": "sideways"}).json()["detail"]
    assert client.get(f"{route}/turns/2/feedback").status_code == 404
    for format, begin in (("md", b"# "), ("html", b"<!doctype"), ("pdf", b"%PDF-")):
        file = client.get(f"{route}/export?format={format}")
        assert file.content.startswith(begin) and re.fullmatch(
            r"attachment; filename\*=[\w'%.-]+", file.headers["content-disposition"]
        )
    assert "md, html, pdf" in client.get(f"{route}/export?format=docx").json()["detail"]
    assert client.delete(route).status_code == 204
    for gone in (client.get(route), client.delete(route), client.patch(route, json={"title": "x"})):
        assert gone.status_code == 404 and "There is no conversation" in gone.json()["detail"]


# ── as a question set ───────────────────────────────────────────────────────────────────────────────────────


def test_marked_answers_are_a_question_set_that_is_scored(
    kept: Conversations, samples: Assistant, answers: dict[str, Answer], tmp_path: Path
) -> None:
    with pytest.raises(SaidsoError, match="No answer has been marked"):
        as_lines(kept)
    conversation, _ = put(kept, answers[PENTAGON])
    kept.rate(conversation, 1, Feedback("up"))
    kept.rate(*put(kept, answers[NOWHERE], conversation), Feedback("up"))
    kept.rate(*put(kept, answers["How many people were killed?"], conversation), Feedback("down", HOSTILE, ("42",)))
    put(kept, answers[NOWHERE], conversation)
    good, rightly_none, bad = question_set(kept)
    assert good["answers"] == [answers[PENTAGON].short_answer] and len(good["spans"]) == len(
        answers[PENTAGON].citations
    )
    assert rightly_none["answers"] == [] and "spans" not in rightly_none
    assert (bad["answers"], bad["note"], bad["rating"], "spans" in bad) == (["42"], HOSTILE, "down", False)
    file = tmp_path / "marked.jsonl"
    assert export(kept, file) == 3
    run = evaluate(samples, file, seed=0)
    assert run.summary["em"]["value"] == pytest.approx(2 / 3) and run.summary["citation_precision"]["value"] == 1.0
    with pytest.raises(SaidsoError, match="cannot be written"):
        export(kept, tmp_path)


def test_what_is_not_there_is_said(kept: Conversations) -> None:
    with pytest.raises(UnknownConversationError, match="There is no conversation"):
        kept.get("../' OR 1=1 --")
