"""Who said what, below an answer, in a real Chromium: sorting, choosing a speaker, opening a claim, on every window."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from assistant.assistant import Assistant
from assistant.settings import Settings
from assistant.web import source_pane
from tests.app_server import ready_at, serving
from tests.conftest import Visit, needs_chromium
from tests.test_page import ask, contrast, fits, tab_to

pytestmark = needs_chromium
Open = Callable[..., Page]

KILLED = "How many people were killed?"
COLUMNS = ("Speaker", "Stance", "Quote", "Outlet", "Date")
HOSTILE = {  # and without a date
    "id": "evil/2 (a)#?'<b>",
    "title": "<img src=http://evil.test/t.png onerror=alert(1)> <script>alert(2)</script>",
    "source": "<b onclick=alert(3)>Evil</b> [Weekly](javascript:alert(4))",
    "text": (
        "The inspector Wanda Quark said that 90 zeppelins <b onclick=alert(5)>of hers</b> "
        '<img src="http://evil.test/x.png" onerror="alert(6)"> were grounded in Ruritania.'
    ),
}


@pytest.fixture(scope="module")
def data_folder(copy_of_samples: Callable[[], Path]) -> Path:
    folder = copy_of_samples()
    hostile = folder.parent / "hostile.json"
    hostile.write_text(json.dumps(HOSTILE))
    assistant = Assistant.open(Settings(folder))
    assistant.ingest([hostile])
    assistant.close()
    return folder


@pytest.fixture(scope="module")
def address(data_folder: Path) -> Iterator[str]:
    with serving(data_folder) as url:
        yield ready_at(url)


@pytest.fixture
def asked(visit: Visit, address: str) -> Open:
    """Open the page and ask, and wait until the answer is whole."""

    def asked_(question: str, width: int = 1280, height: int = 860, scheme: str = "light") -> Page:
        page = visit(address, width, height, scheme)
        expect(page.locator("#holdings")).to_contain_text("articles,")
        ask(page, question)
        return page

    return asked_


def column(page: Page, name: str) -> list[str]:
    """Return what the rows that are shown are sorted by in a column."""
    at = COLUMNS.index(name) + 1
    if name == "Date":
        return [str(time.get_attribute("datetime")) for time in page.locator(".claims tbody time:visible").all()]
    return page.locator(f".claims tbody tr:visible td:nth-child({at})").all_text_contents()


def in_order(text: str) -> str:
    """Return what a text is sorted by: neither case nor a quotation mark before it counts."""
    return text.lstrip("“").casefold()


def test_every_column_sorts_by_mouse_and_keyboard(asked: Open) -> None:
    page = asked(KILLED)
    heads = page.get_by_role("columnheader")
    expect(heads).to_have_text(list(COLUMNS))
    assert len(column(page, "Speaker")) >= 3
    for name in COLUMNS:
        head = page.get_by_role("columnheader", name=name)
        expect(head).to_have_attribute("aria-sort", "none")
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", "ascending")
        assert column(page, name) == sorted(column(page, name), key=in_order)
        page.keyboard.press("Enter")
        expect(head).to_have_attribute("aria-sort", "descending")
        assert column(page, name) == sorted(column(page, name), key=in_order, reverse=True)
        expect(page.locator(".who .showing")).to_have_text(f"Sorted by {name.lower()}, descending.")
        assert page.locator("th:not([aria-sort=none])").count() == 1


def test_every_claim_opens_its_article_at_its_words(asked: Open, data_folder: Path) -> None:
    page = asked(KILLED)
    assistant = Assistant.open(Settings(data_folder))
    rows = page.locator(".claims tbody tr")
    for row in rows.all():
        place = source_pane.cited((row.locator("a.cite").get_attribute("href") or "").removeprefix("#"))
        assert place is not None
        article = assistant.article(place.article_id)
        assert article is not None
        row.locator("td").first.click()
        expect(page.locator("#source mark")).to_have_text(article.text[place.quote.start : place.quote.end])
        expect(page.locator("#source mark")).to_be_in_viewport()
        assert all(piece in article.text for piece in (row.locator("q").text_content() or "").split(" … "))
    assistant.close()
    page.keyboard.press("Escape")
    expect(rows.last.locator("a.cite")).to_be_focused()
    tab_to(page, ".timeline a.cite")
    page.keyboard.press("Enter")
    expect(page.locator("#source mark")).to_be_in_viewport()


def test_a_speaker_is_chosen_and_all_again(asked: Open) -> None:
    page = asked(KILLED)
    chips = page.get_by_role("group", name="Show the claims of").get_by_role("button")
    everyone = column(page, "Speaker")
    expect(chips.first).to_have_attribute("aria-pressed", "true")
    expect(chips.first).to_have_text(f"All {len(everyone)}")
    for chip in chips.all()[1:]:
        chip.focus()
        page.keyboard.press("Space")
        expect(chip).to_have_attribute("aria-pressed", "true")
        assert page.locator(".chip[aria-pressed=true]").count() == 1
        name, count = (chip.locator(part).text_content() or "" for part in (".name", ".count"))
        assert len(column(page, "Speaker")) == int(count)
        assert all(speaker.startswith(name) for speaker in column(page, "Speaker"))
        assert set(page.locator(".timeline .said:visible > b").all_text_contents()) == {name}
        assert page.locator(".timeline > li:visible").count() == len(set(column(page, "Date")))
    chips.first.click()
    assert column(page, "Speaker") == everyone
    expect(page.locator(".who .showing")).to_have_text("")


def test_the_timeline_is_in_order_and_in_words(asked: Open) -> None:
    page = asked(KILLED)
    days = [str(time.get_attribute("datetime")) for time in page.locator(".timeline time").all()]
    assert days == sorted(set(days)) and len(days) >= 2
    assert page.locator(".timeline .passed").count() == len(days) - 1
    assert page.locator(".timeline .said").count() == page.locator(".claims tbody tr").count()


def test_differing_accounts_stand_first_with_their_sources(asked: Open) -> None:
    page = asked(KILLED)
    differing = page.locator(".answer > :first-child")
    expect(differing).to_have_class("differing")
    expect(differing.get_by_role("heading")).to_have_text("≠ How the accounts differ")
    for position, speaker in (("at least 42", "Observatory"), ("at least 38", "Human Rights Watch")):
        held = differing.locator("li").filter(has_text=position).filter(has_text=speaker)
        held.locator("a.cite").first.click()
        expect(page.locator("#source mark")).to_contain_text(position)


def test_a_hostile_claim_is_text_and_listed_apart_without_a_date(asked: Open) -> None:
    page = asked("How many zeppelins of hers were grounded in Ruritania?")
    expect(page.locator(".claims td:nth-child(4)").first).to_have_text(HOSTILE["source"])
    expect(page.locator(".claims td:nth-child(3)").first).to_contain_text(
        "90 zeppelins <b onclick=alert(5)>of hers</b>"
    )
    expect(page.locator(".claims td:nth-child(5)").first).to_have_text("undated")
    expect(page.locator(".undated .said")).to_have_count(1)
    assert page.locator(".timeline, .chips").count() == 0
    assert page.locator(".who").locator("img, script, [onclick], [onerror], a:not(.cite)").count() == 0
    page.locator(".undated a.cite").click()
    expect(page.locator("#source h2")).to_have_text(HOSTILE["title"])
    expect(page.locator("#source mark")).to_be_in_viewport()
    page.wait_for_timeout(300)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_phone_shows_claims_without_sideways_scrolling(asked: Open, scheme: str) -> None:
    page = asked(KILLED, 360, 740, scheme)
    fits(page, ".chip", ".claims", ".sort", ".claims td", ".timeline", ".timeline .said")
    assert page.get_by_role("row").count() == 1 + page.locator(".claims tbody tr").count()
    assert contrast(page, ".chip[aria-pressed=true]") >= 4.5
    assert contrast(page, ".chip[aria-pressed=false]") >= 4.5
    page.locator(".why").click()
    page.wait_for_timeout(200)
    fits(page, "#confidence table", "#confidence img")


def test_the_threshold_is_explained_with_its_picture(asked: Open) -> None:
    page = asked("Who won the 2022 World Cup?")
    assert page.locator(".who, .differing").count() == 0
    why = page.get_by_role("button", name="Why no answer?")
    for _ in range(2):  # a second time must not close it
        why.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#confidence .confidence")).to_contain_text("SAIDSO_ANSWER_THRESHOLD")
        expect(page.locator("#confidence button")).to_be_focused()
    picture = page.get_by_role("img", name="Reliability diagram")
    expect(picture).to_be_in_viewport()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("e => e.naturalWidth") > 0
