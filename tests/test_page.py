"""The chat page in a real Chromium over a real server: no request may leave the loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from assistant.assistant import Assistant
from assistant.settings import Settings, sample_articles
from assistant.verification import verify
from assistant.web import source_pane, wording
from index.embedder import bundled_model
from tests.app_server import ready_at, serving
from tests.conftest import Visit, needs_chromium

PENTAGON = "What did the Pentagon claim was hit?"

pytestmark = needs_chromium
Open = Callable[..., Page]

HOSTILE = {
    "id": "evil/1 (a)#?'<b>",
    "title": "<img src=http://evil.test/t.png onerror=alert(1)> <script>alert(2)</script>",
    "source": "<b>Evil</b> Weekly",
    "published": "2019-05-01",
    "url": "javascript:alert(3)",
    "text": (
        "The zeppelin inspector Wanda Quark said that 77 zeppelins <script>alert(4)</script> were grounded in "
        'Ruritania <img src="http://evil.test/x.png" onerror="alert(5)"> on Friday.\n\n'
        '![pixel](http://evil.test/md.png) <iframe src="http://evil.test/"></iframe> '
        '<style>@import "http://evil.test/c.css";</style> </div></mark> [link](javascript:alert(6)) $$x$$ **bold** '
        '<div style="position:fixed;inset:0;background:url(http://evil.test/b.png)">x</div> said Wanda Quark.'
    ),
}


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def address(data_folder: Path) -> Iterator[str]:
    """The app's address, in a folder that was never used."""
    with serving(data_folder) as url:
        yield url


@pytest.fixture
def open_page(visit: Visit, address: str) -> Open:
    """Open the page, and wait until it is built."""

    def open_(width: int = 1280, height: int = 860, scheme: str = "light") -> Page:
        page = visit(address, width, height, scheme)
        page.wait_for_selector("#question textarea")
        return page

    return open_


@pytest.fixture(scope="module")
def ready(address: str) -> str:
    return ready_at(address)


def ask(page: Page, question: str) -> None:
    """Ask, and wait until the answer is whole."""
    before = page.locator(".answer .foot").count()
    page.fill("#question textarea", question)
    page.keyboard.press("Enter")
    expect(page.locator(".answer .foot")).to_have_count(before + 1)


def contrast(page: Page, selector: str) -> float:
    """Return the contrast of an element's text against its own background, as WCAG 2 counts it."""
    style = "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    colours = page.locator(selector).first.evaluate(style)
    light, dark = sorted((luminance(colour) for colour in colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# The first test needs the server as it starts; the others wait for it.


def starting_slowly(data_folder: Path) -> AbstractContextManager[str]:
    """Serve one article with a model that sentence-transformers loads, which takes longer than opening the page."""
    assistant = Assistant.open(Settings(data_folder, embedding_model=str(bundled_model())))
    assistant.ingest([sample_articles() / "2017-03-17-pahon-meeting-hall.md"])
    assistant.close()
    return serving(data_folder, SAIDSO_EMBEDDING_MODEL=str(bundled_model()))


def test_while_loading_a_question_can_be_stopped_and_another_is_answered_by_itself(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page()
    with starting_slowly(tmp_path) as url:
        page.goto(url)
        page.fill("#question textarea", "How many people were killed, and who says so?")
        page.keyboard.press("Enter")
        expect(page.locator("#stop")).to_be_visible()
        held: list[Route] = []
        page.route("**/queue/join*", lambda route: held.append(route))  # a busy server is late to hear of the stop
        page.locator("#stop").click()
        expect(page.locator("#ask")).to_be_hidden()
        for route in held:
            route.continue_()
        page.unroute("**/queue/join*")
        expect(page.locator("#chat .notice")).to_have_text("Stopped.")
        expect(page.locator("#ask")).to_be_visible()
        page.fill("#question textarea", PENTAGON)
        page.keyboard.press("Enter")
        expect(page.locator("#chat .asked").last).to_have_text(PENTAGON)
        expect(page.locator("#chat .stage")).to_contain_text("Still loading")
        expect(page.locator(".answer .foot")).to_have_count(1, timeout=120_000)
        expect(page.locator("#holdings")).to_contain_text("1 article,")
        expect(page.locator("#chat .notice")).to_have_text("Stopped.")
        expect(page.locator("#chat .asked")).to_have_count(2)


def test_an_answer_is_streamed(open_page: Open, ready: str) -> None:
    page = open_page()
    page.evaluate("""() => {
        window.seen = [];
        const look = () => {
            const stage = document.querySelector("#chat .stage")?.textContent;
            const state = stage ?? document.querySelectorAll(".answer .statements li").length;
            if (window.seen.at(-1) !== state) window.seen.push(state);
        };
        new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
    }""")
    ask(page, PENTAGON)
    states = page.evaluate("window.seen")
    assert [state for state in states if isinstance(state, str)], states
    counts = [state for state in states if isinstance(state, int) and state]
    assert counts == sorted(counts) and len(counts) > 1, states
    expect(page.locator(".answer .speaker").first).to_contain_text("Pentagon")
    assert page.locator(".answer .speaker").first.evaluate("e => +getComputedStyle(e).fontWeight") >= 600
    expect(page.locator("[role=log]")).to_have_attribute("aria-live", "polite")
    expect(page.locator("#examples")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_citation_opens_its_article_with_the_quote_marked(
    open_page: Open, ready: str, data_folder: Path, scheme: str
) -> None:
    page = open_page(scheme=scheme)
    ask(page, PENTAGON)
    assistant = Assistant.open(Settings(data_folder))
    for link in page.locator(".answer .statements .cite").all():
        cited = source_pane.cited((link.get_attribute("href") or "").removeprefix("#"))
        assert cited is not None
        link.click()
        article = assistant.article(cited.article_id)
        assert article is not None
        expect(page.locator("#source h2")).to_have_text(article.title)
        expect(page.locator("#source .byline")).to_contain_text(f"{article.source} · {wording.day(article.published)}")
        quote = article.text[cited.quote.start : cited.quote.end]
        page.wait_for_function("quote => document.querySelector('#source mark')?.textContent === quote", arg=quote)
        assert page.locator("#source .text").text_content() == article.text
        expect(page.locator("#source mark")).to_be_in_viewport()
    assistant.close()
    assert contrast(page, "#source mark") >= 4.5
    page.keyboard.press("Escape")
    expect(page.locator("#source-pane")).to_be_hidden()


def test_dark_is_dark_and_readable(open_page: Open, ready: str) -> None:
    page = open_page(scheme="dark")
    expect(page.locator("#holdings")).to_contain_text("articles,")  # drawn for good, no more to be exchanged
    assert luminance(page.evaluate("getComputedStyle(document.body).backgroundColor")) < 0.05
    assert luminance(page.locator("#holdings p").evaluate("e => getComputedStyle(e).color")) > 0.3
    assert contrast(page, "#ask") >= 4.5


def test_an_abstention_looks_different(open_page: Open, ready: str) -> None:
    page = open_page()
    ask(page, "Who won the 2022 World Cup?")
    expect(page.locator(".answer.abstained .lead")).to_have_text(
        "∅ The articles do not hold an answer to this question."
    )
    page.locator(".answer.abstained .cite").first.click()
    expect(page.locator("#source mark")).to_be_in_viewport()


def test_examples_ask(open_page: Open, ready: str) -> None:
    page = open_page()
    examples = page.locator("#examples button:visible")
    expect(examples).to_have_count(6)  # each is tried out
    example = examples.first.inner_text()
    examples.first.click()
    expect(page.locator("#chat .asked")).to_have_text(example)
    expect(page.locator(".answer .foot")).to_have_count(1)
    page.get_by_label("Clear").click()
    expect(page.locator("#chat .asked")).to_have_count(0)
    expect(examples).to_have_count(6)


def test_filters_do_what_they_say(open_page: Open, ready: str) -> None:
    page = open_page()
    page.get_by_role("button", name="Filters").click()
    page.locator("#sources input").click()
    page.get_by_role("option", name="Sample Digest: Investigations").click()
    page.locator("#since input").fill("2017-09-01")
    page.locator("#until input").fill("2017-12-31")
    ask(page, "What did the U.N. commission find?")
    only = "Only: Sample Digest: Investigations, from 1 September 2017 to 31 December 2017".replace(" to", ", to")
    expect(page.locator(".answer .only")).to_contain_text(only)
    expect(page.locator("#only")).to_contain_text(only)
    places = page.locator(".answer .place").all_text_contents()
    assert places
    assert all(place.endswith("Sample Digest: Investigations, 6 September 2017") for place in places)
    page.locator("#since input").fill("2018-01-01")
    ask(page, "What did the U.N. commission find?")
    expect(page.locator(".answer.abstained .lead")).to_contain_text("No article fits the filters.")
    page.locator("#only .clear").click()
    expect(page.locator("#only p")).to_have_count(0)
    expect(page.locator("#since input")).to_have_value("")
    page.locator("#as-of input").fill("2017-03-16")
    page.locator("#speaker input").fill("Central Command")
    expect(page.locator("#only")).to_contain_text("Only: words of Central Command, as of 16 March 2017")
    expect(page.locator("#speakers option").first).to_have_attribute("value", re.compile("Central Command"))
    ask(page, "What was hit today?")
    expect(page.locator(".answer .place").last).to_contain_text("16 March 2017")


def test_a_hostile_article_is_text(open_page: Open, ready: str, tmp_path: Path) -> None:
    page = open_page()
    (tmp_path / "hostile.json").write_text(json.dumps(HOSTILE))
    page.get_by_role("tab", name="Articles").click()
    page.locator("#articles-files").set_input_files([tmp_path / "hostile.json"])
    expect(page.locator(".outcomes .good")).to_be_visible()
    page.get_by_role("tab", name="Ask").click()
    ask(page, "How many zeppelins were grounded in Ruritania?")
    expect(page.locator(".answer .quote").first).to_contain_text("77 zeppelins <script>alert(4)</script> were")
    page.locator(".answer .cite").first.click()
    expect(page.locator("#source h2")).to_have_text(HOSTILE["title"])
    assert page.locator("#source .text").text_content() == HOSTILE["text"]
    for selector in ("#chat", "#source"):
        inside = page.locator(selector).locator(
            "img, script, iframe, style:not(svg *), form, [onerror], [href^='javascript:']"
        )
        assert inside.count() == 0
    assert page.locator("#source .byline a").count() == 0
    page.wait_for_timeout(300)


def test_questions_are_text_too(open_page: Open, ready: str) -> None:
    page = open_page()
    question = "Who said <img src=http://evil.test/q.png onerror=alert(1)> **that**?"
    ask(page, question)
    expect(page.locator("#chat .asked")).to_have_text(question)
    assert page.locator("#chat .message-content img").count() == 0


def test_errors_are_sentences(open_page: Open, ready: str) -> None:
    page = open_page()
    page.fill("#question textarea", "why " * 600)
    page.keyboard.press("Enter")
    expect(page.locator("#chat .problem")).to_contain_text("2,000")
    expect(page.locator("#ask")).to_be_visible()
    page.fill("#question textarea", "   ")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    expect(page.locator("#chat .asked")).to_have_count(1)
    assert "Traceback" not in page.content()


def test_copy_gives_quotes_with_their_sources(open_page: Open, ready: str) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, PENTAGON)
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator(".answer .copy")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    first = page.locator(".answer .statements li").first
    assert f"“{first.locator('.quote').text_content()}” [1]" in copied
    assert f"{first.locator('.speaker').text_content()}" in copied
    assert f"{first.locator('.place').text_content()}" in copied
    assert "Copy" not in copied and "&#" not in copied


def test_a_receipt_is_saved_and_holds(open_page: Open, ready: str, data_folder: Path, tmp_path: Path) -> None:
    page = open_page()
    ask(page, PENTAGON)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Receipt").click()
    assert saved.value.suggested_filename == "what-did-the-pentagon-claim-was-hit.receipt.html"
    saved.value.save_as(tmp_path / "receipt.html")
    assistant = Assistant.open(Settings(data_folder))
    assert not any(finding.changed for finding in verify(assistant, tmp_path / "receipt.html", again=True))
    assistant.close()
    expect(page.locator(".answer .receipt")).to_have_text("Receipt")


def test_help_teaches_by_examples_that_ask(open_page: Open, ready: str) -> None:
    page = open_page()
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog", name="Help")).to_be_visible()
    expect(page.locator("#help section h4")).to_have_text(
        ["What somebody said", "Who said it", "How many, where accounts differ", "Yes or no", "Not in the articles"],
    )
    page.locator("#help section button").last.click()
    expect(page.locator("#help")).to_be_hidden()
    expect(page.locator(".answer.abstained .foot")).to_have_count(1)


def test_a_phone_needs_no_sideways_scrolling(open_page: Open, ready: str) -> None:
    page = open_page(390, 844)
    expect(page.locator("#holdings")).to_contain_text("articles")
    fits(page, "h1", "#holdings p", "#examples .example", "#question textarea", "#ask")
    ask(page, PENTAGON)
    assert page.locator("#question textarea").evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 16
    fits(page, ".answer", ".asked", "#question textarea", "#ask")
    page.locator(".answer .cite").first.click()
    expect(page.locator("#source mark")).to_be_in_viewport()
    fits(page, "#source-pane", "#source h2", "#close-source")
    page.locator("#close-source").click()
    expect(page.locator("#source-pane")).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    fits(page, "#sources", "#speaker input", "#since input", "#until input", "#as-of input")


def fits(page: Page, *selectors: str) -> None:
    """Check that elements lie between the sides of the window, none cut off, with nothing to scroll to."""
    width = page.evaluate("innerWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in selectors:
        for element in page.locator(selector).all():
            box = element.bounding_box()
            assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width, selector


def test_the_keyboard_is_enough(open_page: Open, ready: str) -> None:
    page = open_page()
    expect(page.locator("#question textarea")).to_be_focused()
    page.keyboard.type(PENTAGON)
    page.keyboard.press("Enter")
    expect(page.locator(".answer .foot")).to_have_count(1)
    expect(page.locator("#question textarea")).to_be_focused()
    tab_to(page, ".answer .statements .cite", back=True)
    page.keyboard.press("Enter")
    expect(page.locator("#source mark")).to_be_in_viewport()
    expect(page.locator("#source-pane")).to_be_focused()
    tab_to(page, "#close-source")
    page.keyboard.press("Enter")
    expect(page.locator("#source-pane")).to_be_hidden()
    expect(page.locator(".answer .cite:focus")).to_have_count(1)
    for selector in (
        ".answer .why",
        ".answer .copy",
        ".answer .chip",
        ".answer .sort",
        "#question textarea",
        "#ask",
        "#filters button",
        "#confidence button",
    ):
        tab_to(page, selector)
        outline = page.locator(f"{selector}:focus").evaluate("e => getComputedStyle(e).outlineStyle")
        assert outline != "none", selector


def tab_to(page: Page, selector: str, back: bool = False) -> None:
    for _ in range(40):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def test_labels_and_headings(open_page: Open, ready: str) -> None:
    page = open_page()
    expect(page.locator("h1")).to_have_text("Saidso")
    expect(page.get_by_label("Your question")).to_be_visible()
    page.get_by_role("button", name="Filters").click()
    for label in ("Outlets", "Speaker", "From", "To", "As of: nothing later counts"):
        expect(page.get_by_label(label, exact=True).first).to_be_visible()
    ask(page, PENTAGON)
    for message in page.locator("#chat [data-testid=bot], #chat [data-testid=user]").all():
        assert message.get_attribute("aria-label") in {"Question", "Answer"}
