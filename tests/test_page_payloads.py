"""Hostile articles, names of files, questions and conversations in a real browser: nothing runs, nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from assistant.assistant import Assistant
from assistant.conversations import Conversations, Feedback
from assistant.export import as_html
from assistant.receipt import Receipt
from assistant.receipt_file import encoded
from assistant.settings import Settings
from index.filters import Filters
from tests.app_server import ready_at, serving
from tests.conftest import Visit, needs_chromium
from tests.payloads import PAYLOADS
from tests.test_page import ask

pytestmark = needs_chromium
MANY = 45  # messages that the page shows of one conversation


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hostile articles, with a conversation about them that was held, marked, exported and kept as a receipt."""
    folder = tmp_path_factory.mktemp("payloads")
    settings = Settings(folder / "data")
    articles = folder / "articles"
    articles.mkdir()
    for number, payload in enumerate(PAYLOADS):
        article = {
            "id": f"{number}{payload}",
            "title": f"Zeppelin {number} {payload}",
            "source": payload,
            "authors": [payload],
            "published": "2019-05-01",
            "url": payload,
            "text": f"The inspector {payload} Quark said that zeppelin {number} {payload} was grounded in Ruritania.",
        }
        (articles / f"{number}.json").write_text(json.dumps(article))
    assistant, kept = Assistant.open(settings), Conversations(settings.database_url)
    assistant.ingest([articles])
    conversation = None
    answers = [assistant.ask(f"What did the inspector say about zeppelin {number}?") for number in range(0, MANY, 5)]
    for number, payload in enumerate(PAYLOADS[:MANY]):
        question = f"What did the inspector say about zeppelin {number}? {payload}"
        turn = kept.ask(conversation, question, Filters(speaker=payload if number % 5 == 0 else None), payload)
        conversation = turn.conversation_id
        kept.answered(turn, answers[number % len(answers)]) if number % 9 else kept.failed(turn, payload)
        kept.rate(conversation, turn.number, Feedback("down", payload, (payload,)))
    assert conversation is not None
    kept.rename(conversation, " ".join(PAYLOADS)[:200])
    exported = as_html(kept.get(conversation), kept.turns(conversation), "http://127.0.0.1/", assistant.article)
    (folder / "export.html").write_bytes(exported)
    (folder / "receipt.html").write_bytes(encoded(Receipt.of(assistant, assistant.ask("What did Quark say?")), "html"))
    (folder / "id").write_text(conversation)
    kept.close()
    assistant.close()
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serving(folder / "data") as url:
        yield ready_at(url)


def opened(visit: Visit, address: str) -> Page:
    page = visit(address)
    page.wait_for_selector("#question textarea")
    return page


def is_harmless(page: Page) -> None:
    """Nothing has run; `visit` sees to it that nothing was asked of another site."""
    assert page.evaluate("window.ran") is None
    made = "[src*='evil.test'], :not(a)[href*='evil.test'], meta[http-equiv=refresh], body [onerror], body [onload]"
    assert page.locator(made).count() == 0


def test_there_are_enough() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 50


def test_a_conversation_full_of_them(visit: Visit, address: str, folder: Path) -> None:
    page = opened(visit, f"{address}/?conversation={(folder / 'id').read_text()}")
    expect(page.locator("#chat .asked")).to_have_count(MANY)
    for number, payload in enumerate(PAYLOADS[:MANY]):
        shown = page.locator(f"#turn-{number + 1}").text_content()
        assert (
            shown is not None
            and shown.split() == f"What did the inspector say about zeppelin {number}? {payload}".split()
        )
    page.locator("#chat .answer .cite").last.click()
    expect(page.locator("#source mark").first).to_be_visible()
    page.locator(".remark").last.click()
    expect(page.get_by_label("Note")).not_to_have_value("")
    is_harmless(page)


def test_articles_full_of_them(visit: Visit, address: str) -> None:
    page = opened(visit, address)
    page.get_by_role("tab", name="Articles").click()
    expect(page.locator("#articles-list li")).to_have_count(50)
    for number in (0, 8, 17, 30, 42):
        page.goto(f"{address}/#articles={quote(f'{number}{PAYLOADS[number]}', safe='')}")
        page.reload()
        expect(page.locator("#article .text")).to_contain_text(f"said that zeppelin {number} ")
    page.get_by_role("button", name="Help").click()
    expect(page.locator("#help section button").first).to_be_visible()
    is_harmless(page)


def test_names_of_files(visit: Visit, address: str, tmp_path: Path) -> None:
    page = opened(visit, address)
    page.get_by_role("tab", name="Articles").click()
    named = [payload.replace("/", "∕") for payload in PAYLOADS if len(payload) < 100 and "\n" not in payload]
    files = [{"name": f"{name}.txt", "mimeType": "text/plain", "buffer": b""} for name in named]
    page.set_input_files("#articles input[type=file]", files)
    expect(page.locator("#articles .bad")).to_have_count(len(files))
    is_harmless(page)


@pytest.mark.parametrize("payload", PAYLOADS[7:12])
def test_a_question_that_is_one(visit: Visit, address: str, payload: str) -> None:
    page = opened(visit, address)
    ask(page, f"{payload} zeppelin?")
    page.get_by_role("button", name="Filters").first.click()
    page.locator("#speaker input").fill(payload)
    expect(page.locator("#only p")).to_contain_text(payload)
    is_harmless(page)


@pytest.mark.parametrize("name", ["export.html", "receipt.html"])
def test_what_is_taken_along(visit: Visit, folder: Path, name: str) -> None:
    page = visit((folder / name).as_uri())
    expect(page.locator("body")).to_contain_text("zeppelin")
    is_harmless(page)
