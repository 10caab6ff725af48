"""Conversations on the page in a real Chromium: kept over a restart, linked to, marked, renamed and deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.app_server import ready_at, serving
from tests.conftest import Visit, needs_chromium
from tests.test_page import PENTAGON, ask, contrast, fits

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def data_folder(copy_of_samples: Callable[[], Path]) -> Path:
    return copy_of_samples()


@pytest.fixture(scope="module")
def conversation(data_folder: Path) -> str:
    """A conversation that an earlier server kept."""
    from assistant.assistant import Assistant
    from assistant.conversations import Conversations
    from assistant.settings import Settings
    from index.filters import Filters

    settings = Settings(data_folder)
    assistant, kept = Assistant.open(settings), Conversations(settings.database_url)
    turn = None
    for question in (PENTAGON, "Who won the 2022 World Cup?", "<script>alert(1)</script> ![x](http://evil.test/x)?"):
        turn = kept.ask(turn.conversation_id if turn else None, question, Filters(), settings.fingerprint)
        kept.answered(turn, assistant.ask(question))
    kept.close()
    assistant.close()
    assert turn is not None
    return turn.conversation_id


@pytest.fixture(scope="module")
def address(conversation: str, data_folder: Path) -> Iterator[str]:
    with serving(data_folder) as url:
        yield ready_at(url)


def opened(visit: Visit, address: str, *size: int, scheme: str = "light") -> Page:
    page = visit(address, *(size or (1280, 860)), scheme)
    page.wait_for_selector("#question textarea")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_pasted_link_opens_the_conversation_at_its_turn(
    visit: Visit, address: str, conversation: str, scheme: str
) -> None:
    page = opened(visit, f"{address}/?conversation={conversation}#turn-2", scheme=scheme)
    expect(page.locator("#chat .answer .foot")).to_have_count(3)
    expect(page.locator("#turn-2")).to_be_in_viewport()
    expect(page.locator("#talk-head h2")).to_have_text(PENTAGON)
    expect(page.locator("#conversation-list [aria-current=true]")).to_have_text(PENTAGON)
    assert page.locator("#chat .message-content img").count() == 0
    page.locator(".answer .cite").first.click()
    expect(page.locator("#source mark")).to_be_in_viewport()
    page.keyboard.press("Escape")
    page.locator(".thumb.up").first.click()
    expect(page.locator(".thumb.up").first).to_have_attribute("aria-pressed", "true")
    assert contrast(page, ".thumb.up") >= 3
    page.locator(".thumb.up").first.click()
    expect(page.locator(".thumb.up").first).to_have_attribute("aria-pressed", "false")


def test_asking_begins_a_conversation_that_can_be_marked_renamed_and_deleted(visit: Visit, address: str) -> None:
    page = opened(visit, address)
    ask(page, PENTAGON)
    page.wait_for_url("**/?conversation=*")
    page.locator(".remark").click()
    page.get_by_label("Note").fill("<b>note</b>")
    page.get_by_label("The articles do not hold the answer").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".remark")).to_have_text("Edit note")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Title").fill("<i>Renamed</i>")
    page.keyboard.press("Enter")
    expect(page.locator("#talk-head h2")).to_have_text("<i>Renamed</i>")
    page.reload()
    expect(page.locator("#chat .answer .foot")).to_have_count(1)
    expect(page.locator(".remark")).to_have_text("Edit note")
    ask(page, "Who denied it?")
    expect(page.locator("#chat .asked")).to_have_count(2)
    page.get_by_label("Search conversations").fill("renamed nowhere")
    expect(page.locator("#conversations > p").nth(1)).to_have_text("No conversation holds these words.")
    page.get_by_label("Search conversations").fill("RENAMED")
    expect(page.locator("#conversation-list button")).to_have_text(["<i>Renamed</i>"])
    with page.expect_download() as download:
        page.locator("#talk-head summary").click()
        page.get_by_role("link", name="PDF").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("#chat .asked")).to_have_count(0)
    expect(page.locator("#talk-head")).to_be_hidden()
    assert "conversation=" not in page.url


def test_links_that_lead_nowhere_say_so(visit: Visit, address: str) -> None:
    page = opened(visit, f"{address}/?conversation={quote('<b>& x', safe='')}")
    expect(page.locator("#chat .problem")).to_contain_text("There is no conversation '<b>& x'")
    page.goto(f"{address}/?article={quote('no/such (a)#?', safe='')}&start=1&end=9")
    expect(page.locator("#source .problem")).to_contain_text("The article 'no/such (a)#?' is no longer indexed")
    page.goto(f"{address}/?article=2017-03-16-strike-near-al-jinah&start=9&end=x")
    expect(page.locator("#source .problem")).to_contain_text("The link names no place of an article")
    page.goto(f"{address}/?article=2017-03-16-strike-near-al-jinah&start=0&end=4&words=4:00000000")
    expect(page.locator("#source .problem")).to_contain_text("This article has changed since")
    page.goto(f"{address}/?article=2017-03-16-strike-near-al-jinah&start=0&end=4")
    expect(page.locator("#source mark")).to_have_text("U.S.")


def test_a_phone_has_a_drawer(visit: Visit, address: str, conversation: str) -> None:
    page = opened(visit, f"{address}/?conversation={conversation}", 390, 844)
    expect(page.locator("#chat .answer .foot")).to_have_count(3)
    expect(page.locator("#conversations")).to_be_hidden()
    fits(page, "h1", "#conversations-toggle", "#tabs button", "#talk-head h2", "#question textarea", "#ask")
    page.get_by_role("button", name="Conversations", exact=True).click()
    expect(page.get_by_label("Search conversations")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#conversations")).to_be_hidden()


def test_a_widget_keeps_nothing(visit: Visit, address: str) -> None:
    before = len(httpx.get(f"{address}/api/conversations").json()["conversations"])
    page = opened(visit, f"{address}/?widget")
    expect(page.locator("#conversation [data-testid=markdown]")).to_have_text("unkept", use_inner_text=False)
    ask(page, PENTAGON)
    expect(page.locator("#conversations, .thumb")).to_have_count(0)
    assert len(httpx.get(f"{address}/api/conversations").json()["conversations"]) == before
