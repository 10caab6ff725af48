"""The tools for programs that speak MCP, by that protocol's own client: in this process, over HTTP, over stdio."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, TextContent

from assistant.answer import claim_as_json
from assistant.assistant import Assistant
from assistant.mcp_server import LONGEST_READ, make_server
from assistant.web.startup import Startup
from index.articles import Article
from index.errors import SaidsoError
from index.filters import Filters

ROOT = Path(__file__).parent.parent
BOMBS = "How many bombs did the F-15s drop?"
THOMAS = "2017-03-17-thomas-no-mosque-targeted"
TOOLS = ["ask", "search", "read_article", "who_said"]


def talk(server: Any, about: Callable[[Client], Awaitable[None]], mode: Any = "auto") -> None:
    async def connect() -> None:
        async with Client(server, mode=mode) as client:
            await about(client)

    asyncio.run(connect())


def call(assistant: Assistant, tool: str, **arguments: Any) -> CallToolResult:
    """Call one tool of a server in this process."""
    results = []

    async def about(client: Client) -> None:
        results.append(await client.call_tool(tool, arguments))

    talk(make_server(lambda: assistant), about)
    return results[0]


def given(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert isinstance(result.content[0], TextContent)
    assert json.loads(result.content[0].text) == result.structured_content
    return dict(result.structured_content or {})


def sentence(result: CallToolResult) -> str:
    assert result.is_error
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


# ── the tools ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_program_is_told_what_the_tools_are_for() -> None:
    async def about(client: Client) -> None:
        assert "exact quotes" in (client.instructions or "")
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == TOOLS
        for tool in tools:
            assert tool.description and tool.description == tool.description.strip() and "  " not in tool.description
            assert all(field["description"] for field in tool.input_schema["properties"].values())
            assert tool.output_schema and tool.output_schema["type"] == "object"
            assert tool.annotations and tool.annotations.read_only_hint
        assert tools[0].input_schema["required"] == ["question"]

    talk(make_server(never), about)


def never() -> Assistant:
    raise SaidsoError("The data folder /x cannot be written.")


def test_ask_gives_the_answer_with_its_citations(samples: Assistant) -> None:
    question = "What did the Pentagon claim was hit?"
    found, answer = given(call(samples, "ask", question=question)), samples.ask(question).as_json()
    for field in ("answer", "short_answer", "abstained", "confidence", "citations", "accounts", "disagreement"):
        assert found[field] == answer[field]
    assert [claim["content"] for claim in found["claims"]] == [claim["content"] for claim in answer["claims"]]
    assert len(found["citations"]) > 1
    for citation in found["citations"]:
        article = samples.article(citation["article_id"])
        assert article is not None and article.text[citation["start"] : citation["end"]] == citation["quote"]


def test_ask_says_when_the_articles_do_not_hold_it(samples: Assistant) -> None:
    found = given(call(samples, "ask", question="Who won the 2022 World Cup?", until="2017-12-31"))
    assert found["abstained"] and found["citations"] == [] and found["closest"]


def test_search_gives_passages_at_their_places(samples: Assistant) -> None:
    passages = given(call(samples, "search", question=BOMBS, k=3, since="2017-06-01"))["passages"]
    assert len(passages) == 3 and "ten bombs" in passages[0]["text"]
    for passage in passages:
        article = samples.article(passage["article_id"])
        assert article is not None and article.text[passage["start"] : passage["end"]] == passage["text"]
        assert passage["published"] >= "2017-06-01"


def test_an_article_is_read_whole_or_in_part(samples: Assistant) -> None:
    article = samples.article(THOMAS)
    assert article is not None
    whole = given(call(samples, "read_article", article_id=THOMAS))
    assert (whole["text"], whole["start"], whole["end"]) == (article.text, 0, len(article.text))
    assert (whole["title"], whole["source"], whole["length"]) == (article.title, article.source, len(article.text))
    part = given(call(samples, "read_article", article_id=THOMAS, start=10, end=30))
    assert (part["text"], part["end"]) == (article.text[10:30], 30)


class Library(Assistant):
    """An assistant with one long article."""

    def __init__(self) -> None:
        self.text = "".join(f"Line {number} of a long article.\n" for number in range(2_000))

    def article(self, article_id: str) -> Article:
        return Article(article_id, self.text)


def test_a_long_article_is_read_on_from_where_it_stopped() -> None:
    library, read, part = Library(), "", {"end": 0, "length": 1}
    while part["end"] < part["length"]:
        part = given(call(library, "read_article", article_id="long", start=part["end"]))
        assert len(part["text"]) <= LONGEST_READ
        read += part["text"]
    assert read == library.text and len(read) > 2 * LONGEST_READ


def test_who_said_lists_claims_by_speaker_and_by_matter(samples: Assistant) -> None:
    filters = Filters(speaker="the Pentagon", stances=("denies",))
    by_date = given(call(samples, "who_said", speaker="the Pentagon", stances=["denies"]))["claims"]
    wanted = samples.who_said(filters)
    assert [claim["article_id"] for claim in by_date] == [one.article.id for one in wanted] != []
    fields = {"source": wanted[0].article.source, "published": wanted[0].article.published}
    assert by_date[0] == {**claim_as_json(wanted[0].claim, wanted[0].article.id), **fields}
    about = given(call(samples, "who_said", words="prayer hall", k=3))["claims"]
    assert len(about) == 3 and "prayer hall" in json.dumps(about)


@pytest.mark.parametrize(
    ("tool", "arguments", "wanted"),
    [
        ("ask", {}, "There is no 'question'; it must be given."),
        ("ask", {"question": ""}, "The question is empty; ask something such as"),
        ("ask", {"question": 5}, "question is 5: input should be a valid string."),
        ("ask", {"question": "why " * 500_000}, "The question has 1,999,999 characters; at most 2,000 are read."),
        ("ask", {"question": "Who?", "since": "soon"}, "'soon' is not a date; write it as YYYY-MM-DD"),
        ("ask", {"question": "Who?", "stances": ["shouts"]}, "'shouts' is not a stance; the stances are accuses,"),
        ("search", {"question": "Who?", "k": 0}, "k is 0: input should be greater than or equal to 1."),
        ("read_article", {"article_id": "no'\n"}, 'There is no article "no\'\\n"; ids are in what `ask` and `search`'),
        ("read_article", {"article_id": THOMAS, "start": 5, "end": 5}, "has 937 characters, so none from 5 to 5"),
        ("read_article", {"article_id": THOMAS, "end": 938}, "has 937 characters, so none from 0 to 938"),
        ("who_said", {}, "Nobody and nothing is asked for; give a speaker, a stance, or words"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    samples: Assistant, tool: str, arguments: dict[str, Any], wanted: str
) -> None:
    told = sentence(call(samples, tool, **arguments))
    assert wanted in told and told.endswith((".", '?"')) and "\n" not in told


def test_tools_are_listed_while_the_models_load_and_calls_wait_for_them(samples: Assistant) -> None:
    go_on = threading.Event()

    def slowly() -> Assistant:
        go_on.wait(60)
        return samples

    startup = Startup(slowly)
    startup.begin()

    async def about(client: Client) -> None:
        asking = asyncio.create_task(client.call_tool("read_article", {"article_id": THOMAS}))
        assert len((await client.list_tools()).tools) == 4
        assert not asking.done()
        go_on.set()
        assert given(await asking)["article_id"] == THOMAS

    talk(make_server(startup.wait), about)


def test_a_start_that_failed_is_told() -> None:
    async def about(client: Client) -> None:
        assert sentence(await client.call_tool("ask", {"question": BOMBS})) == "The data folder /x cannot be written."

    talk(make_server(never), about)


# ── over HTTP ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["auto", "legacy"])  # the protocol with and without its handshake
@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
def test_the_tools_work_over_http(live: str, path: str, mode: str) -> None:
    async def about(client: Client) -> None:
        assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
        assert "ten bombs" in given(await client.call_tool("ask", {"question": BOMBS}))["answer"]
        assert sentence(await client.call_tool("ask", {"question": ""})).startswith("The question is empty")

    talk(f"{live}{path}", about, mode)


def test_over_http_several_programs_ask_at_once(live: str) -> None:
    async def one(number: int) -> None:
        async with Client(f"{live}/mcp") as client:
            asked = {"article_id": THOMAS, "start": number}
            assert given(await client.call_tool("read_article", asked))["start"] == number

    async def all_of_them() -> None:
        await asyncio.gather(*map(one, range(20)))

    asyncio.run(all_of_them())


LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"accept": "application/json, text/event-stream"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "https://evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "evil.test"}, 400),
        ({"host": "127.0.0.1.evil.test"}, 400),
    ],
)
def test_other_sites_are_refused(live: str, headers: dict[str, str], status: int) -> None:
    assert httpx.post(f"{live}/mcp", json=LIST, headers={**ACCEPT, **headers}).status_code == status


def test_the_own_page_may_call(live: str) -> None:
    assert httpx.post(f"{live}/mcp", json=LIST, headers={**ACCEPT, "origin": live}).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"jsonrpc": "2.0"}'])
def test_no_body_breaks_it(live: str, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    headers = {**ACCEPT, "content-type": "application/json"}
    answer = httpx.post(f"{live}/mcp", content=body, headers=headers)
    assert answer.status_code == 400
    assert "Traceback" not in answer.text
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_messages_are_posted(live: str, method: str) -> None:
    answer = httpx.request(method, f"{live}/mcp", headers=ACCEPT)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


# ── over standard input and output ──────────────────────────────────────────────────────────────────────────


def test_the_tools_work_over_stdio(samples: Assistant, samples_folder: Path) -> None:
    async def about(client: Client) -> None:
        assert client.server_info is not None and client.server_info.name == "saidso"
        found = given(await client.call_tool("ask", {"question": BOMBS}))
        assert "ten bombs" in found["answer"]
        assert sentence(await client.call_tool("who_said", {})).startswith("Nobody and nothing is asked for")

    command = ["-m", "assistant", "mcp", "--data-dir", str(samples_folder)]
    talk(StdioServerParameters(command=sys.executable, args=command, cwd=ROOT), about, "legacy")


def test_standard_output_carries_the_protocol_only(tmp_path: Path) -> None:
    """The models are still loading when it is asked, and a folder that cannot be used is the tool's error."""
    (tmp_path / "file").write_text("no folder")
    start = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": start},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "ask", "arguments": {"question": BOMBS}},
        },
    ]
    command = [sys.executable, "-m", "assistant", "mcp", "--data-dir", str(tmp_path / "file")]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write("".join(f"{json.dumps(message)}\n" for message in messages))
        server.stdin.flush()
        initialized, called = json.loads(server.stdout.readline()), json.loads(server.stdout.readline())
        server.stdin.close()
        rest = server.stdout.read()
    assert (server.returncode, rest) == (0, "")
    assert initialized["id"] == 1 and initialized["result"]["serverInfo"]["name"] == "saidso"
    assert called["id"] == 2 and called["result"]["isError"]
    assert str(tmp_path / "file") in called["result"]["content"][0]["text"]
