"""The routes under /v1: OpenAI's own client against a live server, and what no client should send."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from openai import APIStatusError, AsyncOpenAI, OpenAI
from starlette.testclient import TestClient

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.web.crew import Crew
from assistant.web.openai_api import add_openai
from assistant.web.openai_request import read_chat
from assistant.web.startup import Startup
from index.errors import SaidsoError
from index.filters import Filters

PENTAGON = "What did the Pentagon claim was hit?"
BOMBS = "How many bombs did the F-15s drop?"
NOWHERE = "Who won the 2022 World Cup?"


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def untimed(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "timings_ms"}


def json_of(answer: Answer) -> dict[str, Any]:
    return untimed(json.loads(json.dumps(answer.as_json())))


@pytest.fixture(scope="module")
def client(live: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{live}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(client: OpenAI, *messages: Any, **options: Any) -> Any:
    return client.chat.completions.create(model="saidso", messages=list(messages), **options)


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_there_is_one_model(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["saidso"]
    model = client.models.retrieve("saidso")
    assert (model.id, model.object, model.owned_by) == ("saidso", "model", "saidso")


def test_an_answer_carries_its_citations_and_all_else(client: OpenAI, samples: Assistant) -> None:
    completion = ask(client, user(PENTAGON))
    answer, choice = samples.ask(PENTAGON), completion.choices[0]
    assert (completion.object, completion.model) == ("chat.completion", "saidso")
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", answer.text, "stop")
    assert untimed(choice.message.saidso) == json_of(answer)
    assert choice.message.saidso["claims"] and len(choice.message.saidso["citations"]) > 1
    for citation in choice.message.saidso["citations"]:
        article = samples.article(citation["article_id"])
        assert article is not None and article.text[citation["start"] : citation["end"]] == citation["quote"]
        assert f"[{citation['marker']}]" in choice.message.content


def test_usage_counts_what_is_read_and_what_is_said(client: OpenAI, samples: Assistant) -> None:
    usage = ask(client, user("What was said before?"), user(BOMBS)).usage
    text = samples.ask(BOMBS).text
    counted = (samples.count_tokens(BOMBS), samples.count_tokens(text))
    assert counted[0] > 8 and (usage.prompt_tokens, usage.completion_tokens) == counted
    assert usage.total_tokens == sum(counted)


def test_an_abstention_says_so_and_shows_what_came_closest(client: OpenAI) -> None:
    message = ask(client, user(NOWHERE)).choices[0].message
    assert message.saidso["abstained"] and message.saidso["closest"] and message.saidso["citations"] == []
    assert "do not hold an answer" in message.content


def test_a_stream_gives_the_role_the_statements_and_the_whole_answer(client: OpenAI, samples: Assistant) -> None:
    chunks = list(ask(client, user(PENTAGON), stream=True, stream_options={"include_usage": True}))
    answer, deltas = samples.ask(PENTAGON), [chunk.choices[0] for chunk in chunks[:-1]]
    assert {(chunk.id, chunk.object, chunk.model) for chunk in chunks} == {
        (chunks[0].id, "chat.completion.chunk", "saidso")
    }
    assert (deltas[0].delta.role, deltas[0].delta.content) == ("assistant", "")
    pieces = [choice.delta.content for choice in deltas[1:-1]]
    assert "".join(pieces) == answer.text
    assert len(pieces) == len(answer.statements) > 1
    assert all(piece.endswith(statement.text) for piece, statement in zip(pieces, answer.statements, strict=True))
    assert [choice.finish_reason for choice in deltas] == [None] * (len(deltas) - 1) + ["stop"]
    assert untimed(deltas[-1].delta.saidso) == json_of(answer)
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == samples.count_tokens(answer.text)
    assert {chunk.usage for chunk in chunks[:-1]} == {None}


def test_a_stream_is_server_sent_events_and_gives_its_usage_only_where_asked(live: str, samples: Assistant) -> None:
    body = {"model": "saidso", "messages": [user(NOWHERE)], "stream": True}
    answer = httpx.post(f"{live}/v1/chat/completions", json=body, timeout=60)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    *events, done, end = answer.text.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks)
    assert chunks[1]["choices"][0]["delta"]["content"] == samples.ask(NOWHERE).text


@pytest.mark.parametrize(
    ("scope", "filters"),
    [
        ({"from": "2017-06-01", "to": "2017-06-30"}, Filters(since=20170601, until=20170630)),
        ({"sources": ["A", "B"], "speaker": "the Pentagon"}, Filters(sources=("A", "B"), speaker="the Pentagon")),
        (
            {"stances": ["denies", "Says"], "cue": "flatly denied"},
            Filters(stances=("denies", "says"), cue="flatly denied"),
        ),
        (None, Filters()),
    ],
)
def test_the_request_says_where_to_look(scope: dict[str, Any] | None, filters: Filters) -> None:
    body = {"model": "saidso", "messages": [user(PENTAGON)], "saidso": scope}
    assert read_chat(json.dumps(body).encode()).filters == filters


def test_only_there_is_looked(client: OpenAI) -> None:
    message = ask(client, user(PENTAGON), extra_body={"saidso": {"from": "2017-06-01"}}).choices[0].message
    shown = [*message.saidso["citations"], *message.saidso["closest"]]
    assert shown and all(citation["published"] >= "2017-06-01" for citation in shown)


def test_the_last_question_of_a_conversation_is_answered(client: OpenAI, samples: Assistant) -> None:
    turns = [user(PENTAGON), {"role": "assistant", "content": "Some."}] * 20
    asked = user([{"type": "text", "text": "How many bombs"}, {"type": "text", "text": "did the F-15s drop?"}])
    tool = {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "{}"}]}
    message = ask(client, {"role": "system", "content": "Be brief."}, *turns, asked, tool).choices[0].message
    assert message.saidso["question"].split() == BOMBS.split()
    assert message.content == samples.ask(BOMBS).text


def test_what_changes_nothing_is_passed_over(client: OpenAI, samples: Assistant) -> None:
    look_up = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    options = {
        "temperature": 2, "top_p": 0.1, "max_tokens": 1, "max_completion_tokens": 1, "n": 1, "seed": 7, "stop": ["["],
        "tools": [look_up], "tool_choice": "auto", "user": "someone", "response_format": {"type": "text"},
        "logprobs": False, "store": False, "presence_penalty": 1,
    }  # fmt: skip
    assert ask(client, user(BOMBS), **options).choices[0].message.content == samples.ask(BOMBS).text


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────

TEXT = {"type": "text", "text": "Who?"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize(
    ("changed", "status", "param", "sentence"),
    [
        ({"model": "gpt-5"}, 404, "model", "There is no model 'gpt-5'; the model is 'saidso'."),
        ({"model": 7}, 400, "model", "model is 7: input should be a valid string."),
        ({"messages": []}, 400, "messages", "No message is the user's; send the question with the role `user`."),
        ({"messages": [{"role": "system", "content": "x"}]}, 400, "messages", "No message is the user's"),
        ({"messages": "Who?"}, 400, "messages", "messages is 'Who?': input should be a valid array."),
        ({"messages": [{"role": "king", "content": "x"}]}, 400, "messages[0].role", "messages[0].role is 'king'"),
        ({"messages": [user("")]}, 400, "messages", "The question is empty; ask something such as"),
        ({"messages": [user(None)]}, 400, "messages[0].content", "messages[0].content is None: it should be a text"),
        ({"messages": [user([])]}, 400, "messages[0].content", "messages[0].content is []: it should be a text"),
        ({"messages": [user([IMAGE]), user("Who?")]}, 400, "messages[0].content", "only text is read."),
        ({"messages": [user([TEXT, IMAGE])]}, 400, "messages[0].content", "only text is read."),
        ({"messages": [user("why " * 500_000)]}, 400, "messages", "The question has 1,999,999 characters"),
        ({"n": 2}, 400, "n", "n is 2: input should be 1."),
        ({"stream": "yes"}, 400, "stream", "stream is 'yes': input should be a valid boolean."),
        ({"tool_choice": "required"}, 400, "tool_choice", "'auto' or 'none'"),
        ({"logprobs": True}, 400, "logprobs", "logprobs is True"),
        ({"modalities": ["audio"]}, 400, "modalities[0]", "modalities[0] is 'audio': input should be 'text'."),
        ({"response_format": {"type": "json_object"}}, 400, "response_format.type", "input should be 'text'."),
        ({"saidso": {"from": "soon"}}, 400, "saidso", "'soon' is not a date; write it as YYYY-MM-DD"),
        ({"saidso": {"stances": ["shouts"]}}, 400, "saidso", "'shouts' is not a stance; the stances are accuses,"),
        ({"saidso": {"form": "2017"}}, 400, "saidso.form", "There is no field 'saidso.form\'; leave it out"),
        ({"saidso": {"sources": "BBC"}}, 400, "saidso.sources", "saidso.sources is 'BBC': input should be a valid"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_names_the_field(
    client: OpenAI, changed: dict[str, Any], status: int, param: str, sentence: str, stream: bool
) -> None:
    body = {"model": "saidso", "messages": [user("Who?")], "stream": stream, **changed}
    with pytest.raises(APIStatusError) as refused:
        client.post("/chat/completions", body=body, cast_to=object)
    assert refused.value.status_code == status
    error: Any = refused.value.body
    assert sentence in error["message"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["code"] == ("model_not_found" if status == 404 else None)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000,
        b'{"model": "saidso", "messages": [{"role": "user", "content": "Who \\ud800?"}]}',
        b'{"model": "\\udc00", "messages": []}', b'{"messages": [{"role": "user", "content": "Who?"}]}',
    ],
)  # fmt: skip
def test_no_body_breaks_it(live: str, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    answer = httpx.post(f"{live}/v1/chat/completions", content=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error" and error["message"].endswith((".", "it again."))
    assert caplog.records == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/embeddings"), ("GET", "/v1/chat/completions"), ("GET", "/v1"), ("DELETE", "/v1/models/saidso")],
)
def test_what_is_not_there_is_said_to_be_so(live: str, method: str, path: str) -> None:
    answer = httpx.request(method, f"{live}{path}")
    assert answer.status_code == 404
    if path != "/v1":
        assert answer.json()["error"]["message"].startswith(f"There is no {method} {path} here; POST /v1/chat/com")


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(APIStatusError, match="There is no model 'gpt-5'") as refused:
        client.models.retrieve("gpt-5")
    assert refused.value.status_code == 404


def test_other_sites_are_refused(live: str) -> None:
    body = {"model": "saidso", "messages": [user(BOMBS)]}
    for headers, status in (({"origin": "https://evil.test"}, 403), ({"host": "evil.test"}, 400)):
        assert httpx.post(f"{live}/v1/chat/completions", json=body, headers=headers).status_code == status


def bare(startup: Startup) -> TestClient:
    app = FastAPI()
    add_openai(app, startup, Crew())
    return TestClient(app)


def opened(open_assistant: Callable[[], Assistant]) -> Startup:
    startup = Startup(open_assistant)
    startup.run()
    return startup


def failing() -> Assistant:
    raise SaidsoError("The data folder /x cannot be written.")


@pytest.mark.parametrize(
    ("startup", "sentence", "retry"),
    [
        (Startup(failing), "Opening the collection; one moment, please.", "2"),
        (opened(failing), "The data folder /x cannot be written.", None),
    ],
)
def test_it_says_when_it_is_not_there_to_answer(startup: Startup, sentence: str, retry: str | None) -> None:
    body = {"model": "saidso", "messages": [user(BOMBS)], "stream": True}
    answer = bare(startup).post("/v1/chat/completions", json=body)
    assert (answer.status_code, answer.headers.get("retry-after")) == (503, retry)
    wanted = {"message": sentence, "type": "server_error", "param": None, "code": "not_ready"}
    assert answer.json() == {"error": wanted}


class Unwell(Assistant):
    """An assistant whose database has gone."""

    def __init__(self) -> None:
        pass

    def warm_up(self) -> None:
        pass

    def ask(self, *_: Any, **__: Any) -> Answer:
        raise SaidsoError("The catalogue could not be read; check the disk.")


def test_what_goes_wrong_while_it_answers_is_told_in_the_same_shape() -> None:
    client, body = bare(opened(Unwell)), {"model": "saidso", "messages": [user(BOMBS)]}
    wanted = {"message": "The catalogue could not be read; check the disk.", "type": "server_error"}
    error = {"error": {**wanted, "param": None, "code": None}}
    whole = client.post("/v1/chat/completions", json=body)
    assert (whole.status_code, whole.json()) == (500, error)
    first, last, _ = client.post("/v1/chat/completions", json={**body, "stream": True}).text.split("\n\n")
    assert '"role": "assistant"' in first
    assert json.loads(last.removeprefix("data: ")) == error


# ── many, and gone ──────────────────────────────────────────────────────────────────────────────────────────


def test_twenty_streams_at_once_are_told_apart(live: str, samples: Assistant) -> None:
    questions = [BOMBS, NOWHERE, PENTAGON, "Who called for a probe?"]

    async def one(client: AsyncOpenAI, question: str) -> str:
        asked: Any = [user(question)]
        stream = await client.chat.completions.create(model="saidso", messages=asked, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def all_of_them() -> list[str]:
        async with AsyncOpenAI(base_url=f"{live}/v1", api_key="none", max_retries=0) as client:
            return await asyncio.gather(*(one(client, question) for question in questions * 5))

    assert asyncio.run(all_of_them()) == [samples.ask(question).text for question in questions] * 5


def test_a_client_that_goes_away_is_missed_by_nobody(live: str, caplog: pytest.LogCaptureFixture) -> None:
    body = {"model": "saidso", "messages": [user(PENTAGON)], "stream": True}
    for _ in range(3):
        with httpx.stream("POST", f"{live}/v1/chat/completions", json=body, timeout=60) as answer:
            assert '"role": "assistant"' in next(answer.iter_lines())
    with OpenAI(base_url=f"{live}/v1", api_key="none", max_retries=0) as client:
        assert "ten bombs" in str(ask(client, user(BOMBS)).choices[0].message.content)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
