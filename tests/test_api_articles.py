"""Articles over HTTP, through the whole application: added, fetched, removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from assistant.assistant import Assistant
from assistant.settings import Settings
from assistant.web.startup import Startup
from index.embedder import Embedder
from index.store import Store
from tests.test_api import events
from tests.test_web import ORIGIN, app_of

ROUTE = "/api/articles"
ODD = "evil/1 (a)#?'<b> ü"
EVENTS = {"accept": "text/event-stream"}


def article(
    id_: str, text: str = "The mayor said on Monday that the bridge would open.", **fields: Any
) -> dict[str, Any]:
    return {"id": id_, "text": text, **fields}


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Path]]:
    """An application over a folder of its own, and that folder."""
    settings = Settings(tmp_path_factory.mktemp("mine"))
    startup = Startup(lambda: Assistant.open(settings))
    startup.run()
    with TestClient(app_of(startup, settings), base_url=ORIGIN) as client:
        yield client, settings.data_dir
    startup.end()


def test_an_article_comes_in_is_found_is_replaced_and_goes(mine: tuple[TestClient, Path]) -> None:
    client, _ = mine
    sent = article(ODD, title="Bridge", source="Paper", authors=["Ann"], published="2020-02-01", url="https://a.test/b")
    assert client.post(ROUTE, json=sent).json() == {
        "added": [ODD], "replaced": [], "unchanged": 0, "passages": 1, "rejected": [],
    }  # fmt: skip
    assert client.post(ROUTE, json=sent).json()["unchanged"] == 1
    assert client.post(ROUTE, json={**sent, "title": "The bridge"}).json()["replaced"] == [ODD]
    address = f"{ROUTE}/{quote(ODD, safe='')}"
    assert client.get(address).json() == {**sent, "title": "The bridge", "passages": 1}
    assert client.delete(address).status_code == 204
    for gone in (client.get(address), client.delete(address)):
        assert gone.status_code == 404
        assert gone.json()["detail"].startswith("There is no article")


def test_several_come_in_and_what_cannot_be_read_is_named(mine: tuple[TestClient, Path]) -> None:
    client, _ = mine
    answer = client.post(ROUTE, json={"articles": [article("one"), {"text": "No id."}, article("two", " "), 3]})
    outcome = answer.json()
    assert (answer.status_code, outcome["added"]) == (200, ["one"])
    assert [one["origin"] for one in outcome["rejected"]] == ["request.json"] * 3
    for rejected, words in zip(
        outcome["rejected"], ('item 2 has no "id"', "item 3 has no text", "item 4 is no JSON object"), strict=True
    ):
        assert words in rejected["reason"]


def test_files_come_in_under_their_own_names(mine: tuple[TestClient, Path]) -> None:
    client, _ = mine
    files = [
        ("files", ("a/../../Report (1).txt", b"The zeppelin was grounded in Ruritania, the inspector said.")),
        (
            "files",
            (
                "lines.jsonl",
                b"\n".join(json.dumps(article(f"line-{n}", f"Text {n} is here.")).encode() for n in range(3)),
            ),
        ),
        ("files", ("broken.pdf", b"no pdf")),
        ("files", ("..", b"x")),
    ]
    outcome = client.post(ROUTE, files=files).json()
    assert outcome["added"] == ["Report--1-", "line-0", "line-1", "line-2"]
    assert [one["origin"] for one in outcome["rejected"]] == ["unnamed", "broken.pdf"]


def test_nothing_taken_is_a_refusal_with_the_reason(mine: tuple[TestClient, Path]) -> None:
    client, _ = mine
    answer = client.post(ROUTE, files={"files": ("picture.png", b"\x89PNG")})
    assert answer.status_code == 422
    assert answer.json()["detail"] == answer.json()["rejected"][0]["reason"]
    assert "picture.png is of a kind that cannot be read" in answer.json()["detail"]


def test_progress_is_told_as_it_is_made(mine: tuple[TestClient, Path]) -> None:
    client, _ = mine
    sent = {"articles": [article(f"many-{n}", f"The mayor said on day {n} that it would rain.") for n in range(150)]}
    told = events(client.post(ROUTE, json=sent, headers=EVENTS).text)
    *steps, (last, report) = told
    assert len(steps) >= 3 and {name for name, _ in steps} == {"progress"} and last == "done"
    assert {progress["name"] for _, progress in steps} == {"request.json"}
    assert steps[-1][1]["done"] == steps[-1][1]["total"]
    assert len(report["added"]) == 150


def test_a_store_that_is_written_to_is_busy(mine: tuple[TestClient, Path], embedder: Embedder) -> None:
    client, folder = mine
    other = Store.open(folder, embedder)
    with other.writing():
        answer = client.post(ROUTE, json=article("later"))
        told = events(client.post(ROUTE, json=article("later"), headers=EVENTS).text)
    other.close()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "Another Saidso process is writing" in answer.json()["detail"]
    assert told == [("error", answer.json())]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "The request is not JSON"),
        (b"{", "The request is not JSON (at character 2"),
        (b"[]", "Send one article"),
        (b'{"articles": []}', "Send one article"),
        (b'{"articles": 5}', "Send one article"),
        (b"\xff", "The request is not UTF-8"),
        (b"[" * 100_000, "nests its JSON too deeply"),
    ],
)
def test_what_is_no_article_is_refused(mine: tuple[TestClient, Path], body: bytes, words: str) -> None:
    answer = mine[0].post(ROUTE, content=body)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_a_form_without_files_is_refused(mine: tuple[TestClient, Path]) -> None:
    answer = mine[0].post(ROUTE, files={"other": ("a.txt", b"x")})
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "There is no file; send one or more as the form's field `files`.",
    )
