"""The Articles tab in a real Chromium over a real server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app_server import ready_at, serving
from tests.conftest import Visit, needs_chromium
from tests.test_page import HOSTILE, fits, tab_to

pytestmark = needs_chromium
Open = Callable[..., Page]
FERRY = (
    "A \U0001f6a2 is back. Harbour master Ada Lind said on Tuesday that the ferry to Vinga would sail again in June."
)


@pytest.fixture(scope="module")
def address(copy_of_samples: Callable[[], Path]) -> Iterator[str]:
    with serving(copy_of_samples()) as url:
        yield ready_at(url)


@pytest.fixture
def open_tab(visit: Visit, address: str) -> Open:
    def open_(width: int = 1280, height: int = 860, scheme: str = "light", hash: str = "#articles") -> Page:
        page = visit(f"{address}/{hash}", width, height, scheme)
        expect(page.locator("#articles-list li").first).to_be_visible()
        return page

    return open_


def articles(page: Page) -> list[str]:
    return page.locator("#articles-list b").all_text_contents()


def test_the_list_is_searched_as_one_types(open_tab: Open) -> None:
    page = open_tab()
    expect(page.get_by_role("tab", name="Articles")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#articles-status")).to_have_text("22 articles")
    page.get_by_label("Find articles").press_sequentially("mosque misidentified")
    expect(page.locator("#articles-status")).to_have_text("1 article")
    assert articles(page) == ["Forensic Architecture says a functioning mosque was misidentified"]
    page.get_by_label("Find articles").fill("zeppelins")
    expect(page.locator("#articles-status")).to_have_text("No article fits.")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator("#articles-list li")).to_have_count(22)
    expect(page.get_by_label("Find articles")).to_be_focused()


def test_bars_filter_and_have_tables_beside_them(open_tab: Open) -> None:
    page = open_tab()
    april = page.get_by_role("button", name="April 2017: 3 articles")
    april.click()
    expect(page.locator("#articles-status")).to_have_text("3 articles")
    expect(april).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="March 2017: 15 articles")).to_be_visible()  # to go on to
    expect(page.locator("#articles-rail .chart [role=button]")).to_have_count(1)
    april.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#articles-status")).to_have_text("22 articles")
    expect(april).to_be_focused()
    outlet = page.get_by_role("button", name="Sample Digest: Middle East: 5 articles")
    outlet.focus()
    page.keyboard.press("Space")
    expect(page.locator("#articles-active")).to_contain_text("Only: Sample Digest: Middle East")
    expect(page.locator("#articles-list li")).to_have_count(5)
    page.locator("#articles-pane .chart summary").click()
    months = page.locator("#articles-pane .chart tbody tr")
    assert sum(int(text.split()[-1]) for text in months.all_inner_texts()) == 5


def test_an_article_shows_who_said_what(open_tab: Open, address: str) -> None:
    page = open_tab()
    page.get_by_role("button", name="Bellingcat says northern side").click()
    expect(page.get_by_role("heading", level=2, name="Bellingcat says northern side")).to_be_focused()
    expect(page).to_have_url(re.compile("#articles=2017-04-18-bellingcat-northern-side$"))
    article = page.request.get(f"{address}/api/articles/2017-04-18-bellingcat-northern-side").json()
    assert page.locator("#article .text").text_content() == article["text"]
    said = page.locator("#article .told li")
    said.first.locator("button").click()
    chosen = "".join(page.locator("#article mark.chosen").all_text_contents())
    assert chosen and chosen.split()[0] in said.first.inner_text()
    expect(page.locator("#article .chosen").first).to_be_in_viewport()
    chip = page.locator("#article .chip").nth(1)
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#article .told li:visible")).to_have_count(int(chip.locator(".count").inner_text()))
    page.reload()
    expect(page.locator("#article h2")).to_contain_text("Bellingcat says northern side")
    page.get_by_role("button", name="All articles").click()
    expect(page.locator("#articles-list li")).to_have_count(22)


def test_files_are_added_and_removed_and_what_is_wrong_is_said(open_tab: Open, tmp_path: Path) -> None:
    page = open_tab()
    good, broken = tmp_path / "harbour.txt", tmp_path / "broken.pdf"
    good.write_text(FERRY)
    broken.write_bytes(b"%PDF-1.7\n1 0 obj\n<<")
    page.locator("#articles-files").set_input_files([good, broken])
    expect(page.locator(".outcomes .good")).to_have_text("1 article added.")
    expect(page.locator(".outcomes .bad")).to_contain_text(re.compile("^broken.pdf is .* PDF"))
    expect(page.locator("#holdings")).to_contain_text("23 articles")
    expect(page.locator("#articles .chart").filter(has_text="By date")).to_contain_text("1 article without a date")
    page.get_by_role("button", name=re.compile("^harbour")).click()
    expect(page.locator("#article mark").first).to_contain_text("the ferry to Vinga would sail again in June")
    expect(page.locator("#article .text .speaker").first).to_have_text("Harbour master Ada Lind")
    page.get_by_role("button", name="Remove…").click()
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("button", name="Remove for good").click()
    expect(page.locator("#articles-status")).to_contain_text("Removed: harbour")
    expect(page.locator("#articles-list li")).to_have_count(22)
    expect(page.locator("#holdings")).to_contain_text("22 articles")


def test_dropped_files_are_added(open_tab: Open) -> None:
    page = open_tab()
    page.evaluate(
        """text => {
            const files = new DataTransfer();
            files.items.add(new File([text], "dropped.txt"));
            const event = kind => document.body.dispatchEvent(
                new DragEvent(kind, {dataTransfer: files, bubbles: true, cancelable: true}));
            event("dragover");
            window.shown = document.querySelector("#articles-add").classList.contains("over");
            event("drop");
        }""",
        "A lighthouse keeper said on Monday that the lamp was lit again.",
    )
    assert page.evaluate("window.shown")
    expect(page.locator(".outcomes .good")).to_have_text("1 article added.")
    page.request.delete(f"{page.url.split('/#')[0]}/api/articles/dropped")


def test_a_hostile_article_is_text(open_tab: Open, tmp_path: Path) -> None:
    page = open_tab()
    (tmp_path / "hostile.json").write_text(json.dumps(HOSTILE))
    page.locator("#articles-files").set_input_files([tmp_path / "hostile.json"])
    expect(page.locator(".outcomes .good")).to_be_visible()
    page.get_by_label("Find articles").fill("zeppelin")
    expect(page.locator("#articles-list li")).to_have_count(1)
    page.locator("#articles-list button").click()
    expect(page.locator("#article h2")).to_have_text(HOSTILE["title"])
    assert page.locator("#article .text").text_content() == HOSTILE["text"]
    assert page.locator("#article").locator("img, script, iframe, style, form, a, [onerror]").count() == 0
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("button", name="Remove for good").click()
    expect(page.locator("#articles-status")).to_contain_text("Removed: <img src")


def test_an_empty_index_teaches(visit: Visit, address: str) -> None:
    """What the tab shows while the server answers that there is nothing."""
    page = visit(address)
    nothing = {"total": 0, "articles": [], "sources": [], "months": [], "undated": 0}
    page.route("**/api/articles?*", lambda route: route.fulfill(json=nothing))
    page.get_by_role("tab", name="Articles").click()
    expect(page.locator("#articles .welcome")).to_contain_text("No articles yet.")
    expect(page.locator("#articles .chart:visible")).to_have_count(0)


def test_on_a_phone_and_by_keyboard(open_tab: Open) -> None:
    page = open_tab(390, 844)
    fits(page, "#articles-search", "#articles-add", "#articles-list button", "#tabs button", "#open-help")
    tab_to(page, "#articles-search")
    tab_to(page, "#articles .chart [role=button]")
    assert page.locator(":focus").evaluate("e => getComputedStyle(e).outlineStyle") != "none"
    page.locator("#articles-list button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#article h2")).to_be_focused()
    fits(page, "#article .text", "#article aside", "#article .deeds button")
