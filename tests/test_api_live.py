"""The API over a real server: what the README and the description say is done, to the letter."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from assistant.web.documentation import curl_lines, render
from tests.app_server import ready_at, serving
from tests.conftest import Visit, needs_chromium
from tests.test_readme import blocks

OWN = {"Questions", "Articles", "Evidence", "Evaluations", "Health"}
FILES = {
    "articles.jsonl": b'{"id": "sent", "text": "The mayor said on Monday that the bridge would open in May."}\n',
    "questions.jsonl": b'{"id": "1", "question": "How many bombs did the F-15s drop?", "answers": ["ten bombs"]}\n',
}


@pytest.fixture(scope="module")
def client(copy_of_samples: Callable[[], Path]) -> Iterator[httpx.Client]:
    """A client of a server over the sample articles."""
    with (
        serving(copy_of_samples()) as address,
        httpx.Client(base_url=ready_at(address), timeout=60, trust_env=False) as client,
    ):
        yield client


def test_the_client_of_the_readme_works(client: httpx.Client) -> None:
    address = str(client.base_url).rstrip("/")
    program = blocks("py")[0].replace("http://127.0.0.1:7860", address)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ten bombs" in done.stdout


def test_every_example_works(client: httpx.Client) -> None:
    api = client.get("/openapi.json").json()
    operations = [
        (path, method.upper(), operation)
        for path, methods in api["paths"].items()
        for method, operation in methods.items()
        if OWN & set(operation.get("tags", ()))
    ]
    assert len(operations) >= 17
    job = ""
    for path, method, operation in sorted(operations, key=lambda one: one[1] == "DELETE"):  # the last take away
        for line in curl_lines(api, "", method, path, operation):
            answer = sent(client, method, line.replace("JOB_ID", job))
            # An evaluation may be over before it is ended, and its files come only once it is done.
            may_be_early = "{job_id}" in path and answer.status_code == 409
            assert answer.is_success or may_be_early, f"{line}: {answer.text}"
            if path == "/api/evaluations" and method == "POST":
                job = answer.json()["id"]
                while client.get(f"/api/evaluations/{job}").json()["state"] in ("queued", "running"):
                    pass


def sent(client: httpx.Client, method: str, line: str) -> httpx.Response:
    """Do what a curl command says."""
    command, *words = shlex.split(line)
    url, told = words.pop(), list(zip(words[::2], words[1::2], strict=True))
    assert command == "curl" and {flag for flag, _ in told} <= {"-X", "-H", "-d", "-F"}
    given: dict[str, list[str]] = {flag: [value for name, value in told if name == flag] for flag, _ in told}
    assert given.get("-X", ["POST" if "-d" in given or "-F" in given else "GET"]) == [method]
    if "-F" not in given:
        headers = dict(header.split(": ") for header in given.get("-H", []))
        return client.request(method, url, headers=headers, content="".join(given.get("-d", [])))
    fields = [field.split("=", 1) for field in given["-F"]]
    files = [(name, (value[1:], FILES[value[1:]])) for name, value in fields if value.startswith("@")]
    return client.request(method, url, files=files, data={n: v for n, v in fields if not v.startswith("@")})


@pytest.mark.parametrize("id_", ["a/b", "a//b?c#d", "100%2F 'x' <b>", "ü & é", "..x/y", "a+b"])
def test_any_id_can_be_fetched_and_removed(client: httpx.Client, id_: str) -> None:
    text = "The mayor said on Monday that the bridge would open in May."
    assert client.post("/api/articles", json={"id": id_, "text": text}).json()["added"] == [id_]
    address = f"/api/articles/{quote(id_, safe='')}"
    assert client.get(address).json()["text"] == text
    opened = client.get(f"/api/passages/{quote(id_, safe='')}", params={"start": 4, "end": 9})
    assert opened.json()["text"] == "mayor"
    assert client.get("/api/claims", params={"article_id": id_}).status_code == 200
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


def test_a_stream_that_is_left_leaves_the_server_at_work(client: httpx.Client) -> None:
    asked = {"question": "How many bombs did the F-15s drop?"}
    for _ in range(80):  # more than may wait: each must give its place back
        with client.stream("POST", "/api/ask/stream", json=asked) as answer:
            assert answer.status_code == 200
            assert next(answer.iter_lines()) == "event: stage"
    assert client.post("/api/ask", json=asked).status_code == 200


def test_every_route_is_described_in_a_group(client: httpx.Client) -> None:
    operations = [one for path in client.get("/openapi.json").json()["paths"].values() for one in path.values()]
    assert operations
    for operation in operations:
        assert operation["tags"] and " " in operation["summary"], operation["operationId"]


@needs_chromium
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_describes_every_route(client: httpx.Client, visit: Visit, width: int, scheme: str) -> None:
    page = visit(f"{client.base_url}/docs", width=width, scheme=scheme)
    expect(page.get_by_role("heading", level=1)).to_have_text("Saidso API")
    paths = client.get("/openapi.json").json()["paths"]
    assert page.locator("main section h3 .method").count() == sum(len(methods) for methods in paths.values())
    page.get_by_role("link", name="Ask a question", exact=True).click()
    expect(page.locator("section:target")).to_contain_text("/api/ask")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].every(a => document.getElementById(decodeURIComponent(a.hash.slice(1))))")  # fmt: skip # noqa: E501


def test_what_a_description_says_is_shown_and_never_run() -> None:
    hostile = "<script>alert(1)</script>"
    schema: dict[str, Any] = {"properties": {hostile: {"type": "string", "description": hostile, "default": hostile}}}
    operation = {"summary": hostile, "description": hostile, "responses": {"200": {"description": hostile}}}
    page = render(
        {
            "info": {"title": hostile, "description": hostile},
            "paths": {f"/{hostile}": {"get": operation}},
            "components": {"schemas": {hostile: schema}},
        },
        "http://127.0.0.1",
    )
    assert "<script" not in page and json.dumps(hostile)[1:-1] not in page
