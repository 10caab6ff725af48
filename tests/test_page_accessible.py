"""Accessibility of every state of the page, by axe-core and by what of WCAG 2.2 AA a script can see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.app_server import ready_at, serving
from tests.conftest import Visit, needs_chromium
from tests.test_page import ask, fits

pytestmark = needs_chromium
Open = Callable[..., Page]
ALL = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_COLOURS = ["color-contrast", "link-in-text-block"]  # all that a dark page can break that a light one does not
# https://www.w3.org/TR/WCAG22/#text-spacing
SPACED = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }"


@pytest.fixture(scope="module")
def address(copy_of_samples: Callable[[], Path]) -> Iterator[str]:
    with serving(copy_of_samples()) as url:
        yield ready_at(url)


@pytest.fixture
def open_page(visit: Visit, address: str) -> Open:
    def open_(width: int = 1280, height: int = 860, scheme: str = "light") -> Page:
        page = visit(address, width, height, scheme)
        page.wait_for_selector("#question textarea")
        page.emulate_media(reduced_motion="reduce")  # or a colour is caught half way
        expect(page.locator("#examples button:visible")).to_have_count(6)
        return page

    return open_


def faults(page: Page, state: str, rules: list[str] = ALL) -> list[str]:
    """Return what axe finds, a line each."""
    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]}).response["violations"]
    return [f"{state}: {one['impact']} {one['id']} {node['target']}" for one in found for node in one["nodes"]]


def faults_light_and_dark(page: Page, state: str) -> list[str]:
    found = faults(page, state)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body.dark")).to_be_visible()
    found += faults(page, f"{state}, dark", OF_COLOURS)
    page.emulate_media(color_scheme="light")
    expect(page.locator("body.dark")).to_have_count(0)
    return found


@pytest.mark.parametrize(
    ("width", "height", "look"), [(1280, 860, faults_light_and_dark), (390, 844, faults)], ids=["desktop", "phone"]
)
def test_axe_finds_nothing(open_page: Open, width: int, height: int, look: Callable[[Page, str], list[str]]) -> None:
    page = open_page(width, height)
    found = look(page, "empty")
    page.get_by_role("button", name="Filters").first.click()
    page.locator("#as-of input").fill("2017-05-01")
    expect(page.locator("#only p")).to_be_visible()
    found += look(page, "filters")
    ask(page, "How many people were killed?")
    found += look(page, "disagreement")
    ask(page, "Who won the 2022 World Cup?")
    found += look(page, "abstention")
    page.locator("#only .clear").click()
    expect(page.locator("#only p")).to_have_count(0)
    page.locator(".answer .cite").first.click()
    expect(page.locator("#source mark")).to_be_visible()
    found += look(page, "source")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="When it answers").click()
    expect(page.locator("#confidence table")).to_be_visible()
    found += look(page, "confidence")
    page.get_by_role("tab", name="Articles").click()
    page.locator("#articles [data-key='2017-04']").click()
    expect(page.locator("#articles-list li")).to_have_count(3)
    found += look(page, "articles")
    page.locator("#articles-list button").first.click()
    page.locator("#article .told button").first.click()
    page.get_by_role("button", name="Remove…").click()
    found += look(page, "article")
    page.get_by_role("button", name="Help").click()
    expect(page.locator("#help section button").first).to_be_visible()
    found += look(page, "help")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Evaluate").click()
    found += look(page, "evaluate")
    assert found == []


def test_nothing_is_lost_at_320_pixels_with_text_spaced(open_page: Open) -> None:
    page = open_page(320, 640)
    page.add_style_tag(content=SPACED)
    fits(page, "h1", "#tabs button", "#open-help", "#examples .example", "#question textarea", "#ask")
    ask(page, "How many people were killed?")
    fits(page, ".answer", ".answer .differing", ".answer .foot a", ".answer .chip", "#ask")
    page.get_by_role("button", name="Filters").first.click()
    fits(page, "#sources", "#speaker input", "#since input", "#until input", "#as-of input")
    page.get_by_role("tab", name="Articles").click()
    expect(page.locator("#articles-list li")).to_have_count(22)
    fits(page, "#articles-search", "#articles-add", "#articles-list button")
    page.locator("#articles-list button").first.click()
    expect(page.locator("#article .told li").first).to_be_visible()
    fits(page, "#article .text", "#article .told button", "#article .chip", "#article .deeds button")
    page.get_by_role("button", name="Help").click()
    expect(page.locator("#help section button").first).to_be_visible()
    fits(page, "#help", "#help button")


def test_focus_is_seen_wherever_tab_goes(open_page: Open) -> None:
    page = open_page()
    ask(page, "How many people were killed?")
    page.locator("h1").click()  # from where Tab goes on
    seen: set[str] = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        place, outline, covered = page.evaluate("""() => {
            const e = document.activeElement, style = getComputedStyle(e);
            const points = [...e.getClientRects()].flatMap(({left, top, width, height}) =>
                [0.1, 0.5, 0.9].map(part => [left + part * width, top + height / 2]));
            const tops = points.map(([x, y]) => document.elementFromPoint(x, y)).filter(Boolean);
            const by = tops.filter(top => !e.contains(top) && !top.contains(e)).map(top => top.outerHTML.slice(0, 90));
            return [e.tagName + "#" + e.id + "." + e.className, style.outlineStyle + style.boxShadow,
                    by.length && by.length === tops.length ? by[0] : ""];
        }""")
        if place.startswith("BODY"):
            break
        seen.add(place)
        assert outline != "nonenone", f"no focus is seen on {place}"
        assert not covered, f"{place} is focused behind {covered}"
    assert len(seen) >= 8, seen
