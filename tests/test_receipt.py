"""Receipts: what they hold, and what `saidso verify` says when something has changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from assistant.assistant import Assistant
from assistant.receipt import Receipt
from assistant.receipt_file import LARGEST, read_receipt, write_receipt
from assistant.settings import Settings
from assistant.verification import Finding, verify
from assistant.web.receipts import request_for
from assistant.web.startup import Startup
from index.errors import SaidsoError
from index.filters import Filters
from tests.test_cli import saidso  # noqa: F401  (a fixture)
from tests.test_web import ORIGIN, app_of

QUESTION = "When will the ferry to Vinga sail again?"
FERRY = "Harbour master Ada Lind said on Tuesday that the ferry to Vinga would sail again in June."
HOSTILE = "</script><script>alert(1)</script> <b>x</b>"


def article(text: str = FERRY, **fields: str) -> dict[str, str]:
    about = {"id": "ferry", "title": HOSTILE, "source": "Post", "published": "2019-05-01", "text": text}
    return {**about, **fields}


def ingest(assistant: Assistant, folder: Path, **fields: str) -> None:
    (folder / "ferry.json").write_text(json.dumps(article(**fields)))
    assistant.ingest([folder / "ferry.json"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("receipts")


@pytest.fixture(scope="module")
def assistant(folder: Path) -> Iterator[Assistant]:
    with_ferry = Assistant.open(Settings(folder / "data"))
    yield with_ferry
    with_ferry.close()


@pytest.fixture(scope="module")
def receipt(assistant: Assistant, folder: Path) -> Receipt:
    ingest(assistant, folder)
    answer = assistant.ask(QUESTION, Filters.parse(("Post",), as_of="2019-06-01"))
    assert not answer.abstained
    return Receipt.of(assistant, answer)


@pytest.fixture
def file(receipt: Receipt, assistant: Assistant, folder: Path) -> Path:
    """A receipt of the article as it first was, which is there again."""
    ingest(assistant, folder)
    write_receipt(receipt, folder / "receipt.json")
    return folder / "receipt.json"


def changed(findings: list[Finding]) -> list[str]:
    return [finding.sentence for finding in findings if finding.changed]


@pytest.mark.parametrize("name", ["receipt.html", "receipt.json"])
def test_a_receipt_of_what_still_holds(
    assistant: Assistant, receipt: Receipt, folder: Path, file: Path, name: str
) -> None:
    write_receipt(receipt, folder / name)
    findings = verify(assistant, folder / name, again=True)
    assert changed(findings) == []
    assert [finding.about for finding in findings] == ["receipt", "quote", "answer"]
    assert findings[1].sentence == f"Quote [1] stands in 'ferry' at characters 0–{len(FERRY)}."


def test_a_receipt_holds_all_that_the_answer_rests_on(assistant: Assistant, receipt: Receipt, file: Path) -> None:
    content = read_receipt(file)[0].content
    assert content == json.loads(json.dumps(receipt.content))
    assert content["answer"]["question"] == QUESTION
    assert content["answer"]["filters"] == {"sources": ["Post"], "as_of": "2019-06-01"}
    assert content["models"] == assistant.made_with()["models"] and all(
        "@" in name for name in content["models"].values()
    )
    assert content["settings"] == {"answer_threshold": Settings.answer_threshold}
    assert content["articles"]["ferry"]["characters"] == len(FERRY)


def test_the_page_shows_what_it_holds_and_runs_nothing(receipt: Receipt, folder: Path) -> None:
    write_receipt(receipt, folder / "page.html")
    page = (folder / "page.html").read_text()
    shown = unescape(re.sub(r"<script.*?</script>|<[^>]+>", "", page, flags=re.S))
    for words in (QUESTION, FERRY, HOSTILE, "2019-05-01", "saidso verify"):
        assert words in shown
    assert page.count("<script") == 1 and "default-src 'none'" in page
    assert "<b>x" not in page


@pytest.mark.parametrize(
    ("fields", "sentences"),
    [
        ({"text": f"{FERRY} It is white."}, ["The text of article 'ferry' has changed."]),
        (
            {"text": f"CORRECTED. {FERRY}"},
            [
                "The text of article 'ferry' has changed.",
                f"Quote [1] still stands in 'ferry', now at characters 11–{11 + len(FERRY)}.",
            ],
        ),
        (
            {"text": FERRY.replace("June", "July")},
            ["The text of article 'ferry' has changed.", "Quote [1] is no longer in 'ferry'."],
        ),
        ({"source": "Times"}, ["Article 'ferry' has another source now."]),
    ],
)  # fmt: skip
def test_an_article_that_changed(
    assistant: Assistant, folder: Path, file: Path, fields: dict[str, str], sentences: list[str]
) -> None:
    ingest(assistant, folder, **fields)
    assert changed(verify(assistant, file)) == sentences


def test_an_article_that_is_gone(assistant: Assistant, file: Path) -> None:
    assistant.remove(["ferry"])
    findings = verify(assistant, file, again=True)
    assert changed(findings) == [
        "Article 'ferry' is gone; quote [1] cannot be checked.",
        "Asked again, the answer is another: "
        "'No articles are indexed yet. Add some with `saidso ingest PATH` or on the page.'",
    ]  # fmt: skip
    assert "The index holds 0 articles; it held 1." in [finding.sentence for finding in findings]


def test_other_models_settings_and_versions(assistant: Assistant, folder: Path, file: Path) -> None:
    receipt = read_receipt(file)[0]
    content = {**receipt.content, "saidso": "0.0.1", "settings": {"answer_threshold": 0.9}}
    content["models"] = {**content["models"], "reader": "other@123"}
    write_receipt(Receipt(content), folder / "other.json")
    found = changed(verify(assistant, folder / "other.json"))
    assert len(found) == 3
    for beginning in (
        "It was written by Saidso '0.0.1'; this is ",
        "reader was 'other@123'; it is 'reader@",
        "answer_threshold was 0.9; it is 0.4 now.",
    ):
        assert any(sentence.startswith(beginning) for sentence in found), found


Alter = Callable[[str], str]


@pytest.mark.parametrize(
    ("kind", "alter", "sentence"),
    [
        ("json", lambda text: text.replace("in June.", "in July."), "does not have the hash that it names"),
        ("html", lambda text: text.replace("in June.", "in July."), "does not have the hash that it names"),
        ("html", lambda text: text.replace("in June.<span", "in July.<span"), "its page does not show what it holds"),
        ("html", lambda text: text.replace("<h1>", "<h1>Not: "), "its page does not show what it holds"),
    ],
)
def test_what_was_altered(
    assistant: Assistant, receipt: Receipt, folder: Path, kind: str, alter: Alter, sentence: str
) -> None:
    path = folder / f"altered.{kind}"
    write_receipt(receipt, path)
    text = path.read_text()
    assert alter(text) != text
    path.write_text(alter(text))
    assert any(sentence in finding for finding in changed(verify(assistant, path)))


def test_a_false_quote_with_a_right_hash(assistant: Assistant, folder: Path, file: Path) -> None:
    content: dict[str, Any] = json.loads(json.dumps(read_receipt(file)[0].content))
    content["answer"]["citations"][0]["quote"] = "Ada Lind said nothing."
    write_receipt(Receipt(content), folder / "false.json")
    assert changed(verify(assistant, folder / "false.json")) == [
        "Quote [1] is not what 'ferry' says there, nor was it then."
    ]


def nested(levels: int) -> bytes:
    return b"[" * levels


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is no receipt of Saidso"),
        (b"\x00\xff\xfe\x89PNG", "is no receipt of Saidso"),
        (b"hello", "is no receipt of Saidso"),
        (b"{}", "is no receipt of Saidso"),
        (b"[1]", "is no receipt of Saidso"),
        (nested(200_000), "is no receipt of Saidso"),
        (b'{"receipt": NaN}', "is no receipt of Saidso"),
        (b'{"receipt": ' + b"9" * 10_000 + b"}", "is no receipt of Saidso"),
        (b'{"receipt": 2}', "is a receipt of format 2; this Saidso reads format 1"),
        (b'{"receipt": 1}', "is no whole receipt: in created, field required"),
        (b'<script type="application/json" id="saidso-receipt">{</script>', "is no receipt of Saidso"),
        (b" " * (LARGEST + 1), "no receipt is that long"),
    ],
    ids=range(12),
)
def test_what_is_no_receipt(folder: Path, data: bytes, sentence: str) -> None:
    path = folder / "broken.json"
    path.write_bytes(data)
    with pytest.raises(SaidsoError, match=re.escape(sentence)):
        read_receipt(path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("answer", "citations", 0, "start"), -1),
        (("answer", "citations", 0, "end"), 0),
        (("answer", "citations", 0, "article_id"), "other"),
        (("answer", "citations"), {"0": 1}),
        (("answer", "filters"), {"colour": "red"}),
        (("answer", "filters"), {"as_of": "soon"}),
        (("articles", "ferry"), 7),
        (("models",), {"reader": []}),
        (("answer", "confidence"), "high"),
    ],
)
def test_a_receipt_whose_parts_are_not_what_they_should_be(
    assistant: Assistant, folder: Path, file: Path, place: tuple[Any, ...], value: object
) -> None:
    content: Any = json.loads(json.dumps(read_receipt(file)[0].as_json()))
    inside = content
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    (folder / "odd.json").write_text(json.dumps(content))
    with pytest.raises(SaidsoError, match=r"odd\.json is no whole receipt|no filter|not a date"):
        read_receipt(folder / "odd.json")


def test_on_the_command_line(saidso: Any, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "ferry.txt").write_text(FERRY)
    saidso("ingest", tmp_path / "ferry.txt")
    receipt = tmp_path / "receipt.html"
    assert saidso("ask", QUESTION, "--receipt", receipt).code == 0
    ran = saidso("verify", receipt, "--again")
    assert ran.code == 0 and "All of it holds." in ran.out and "✓ Quote [1] stands in 'ferry'" in ran.out
    (tmp_path / "ferry.txt").write_text("The ferry is sold.")
    saidso("ingest", tmp_path / "ferry.txt")
    ran = saidso("verify", receipt, "--json")
    assert ran.code == 3 and ran.lines[0]["holds"] is False
    assert {"about": "quote", "changed": True, "sentence": "Quote [1] is no longer in 'ferry'."} in ran.lines[0][
        "findings"
    ]
    for arguments, code, sentence in (
        (("verify", tmp_path / "none.json"), 1, "cannot be read"),
        (("verify", tmp_path), 1, "cannot be read"),
        (("ask", QUESTION, "--receipt", "receipt.pdf"), 1, "'receipt.pdf' does not"),
        (("ask", QUESTION, "--receipt", tmp_path / "no" / "r.json"), 1, "choose another place"),
        (("ask", "--file", "q.jsonl", "--receipt", "r.json"), 2, "a receipt is of one answer"),
    ):
        ran = saidso(*arguments)
        assert ran.code == code and sentence in " ".join(ran.err.replace("│", " ").split())


def test_over_http(samples: Assistant, tmp_path: Path) -> None:
    startup = Startup(lambda: samples)
    startup.run()
    client = TestClient(app_of(startup, Settings(tmp_path)), base_url=ORIGIN)
    answer = samples.ask("How many bombs did the F-15s drop?", Filters.parse(as_of="2018-01-01")).as_json()
    wanted = request_for(answer)
    for kind in ("html", "json"):
        sent = client.post("/api/receipt", json={**wanted, "format": kind})
        assert sent.status_code == 200, sent.text
        assert (
            sent.headers["content-disposition"]
            == f'attachment; filename="how-many-bombs-did-the-f-15s-drop.receipt.{kind}"'
        )
        (tmp_path / f"sent.{kind}").write_bytes(sent.content)
        assert changed(verify(samples, tmp_path / f"sent.{kind}")) == []
    refused = client.post("/api/receipt", json={**wanted, "filters": {"as_of": "2017-03-16"}})
    assert refused.status_code == 409 and "ask again" in refused.json()["detail"]
    for wrong in (
        {},
        {"question": ""},
        {"question": "Who?", "filters": {"as_of": "soon"}},
        {"question": "Who?", "format": "pdf"},
    ):
        refused = client.post("/api/receipt", json=wrong)
        assert refused.status_code == 422 and isinstance(refused.json()["detail"], str)
