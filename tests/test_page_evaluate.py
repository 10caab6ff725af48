"""The Evaluate tab in a real Chromium over a real server: a question file in, figures and a report out."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.app_server import ready_at, serving
from tests.conftest import Visit, needs_chromium
from tests.test_page import PENTAGON, ask, contrast, fits, luminance, tab_to

pytestmark = needs_chromium
Open = Callable[..., Page]

ASKED = [
    ("How many bombs did the F-15s drop?", ["ten bombs"]),
    ("What did Bellingcat say was destroyed?", ["the northern side"]),
    ("Who won the 2022 World Cup?", []),
    ("How do I bake <img src=http://evil.test/x.png onerror=alert(1)> bread?", []),
]


@pytest.fixture
def no_jobs_left(address: str) -> Iterator[None]:
    """Cancel what a failed test leaves running, so that the next does not wait behind it."""
    yield
    route = f"{address}/api/evaluations"
    for job in httpx.get(route).json()["evaluations"]:
        httpx.post(f"{route}/{job['id']}/cancel")


@pytest.fixture(scope="module")
def data_folder(copy_of_samples: Callable[[], Path]) -> Path:
    return copy_of_samples()


@pytest.fixture(scope="module")
def address(data_folder: Path) -> Iterator[str]:
    with serving(data_folder) as url:
        yield ready_at(url)


@pytest.fixture(scope="module")
def short_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = [{"id": str(n), "question": question, "answers": answers} for n, (question, answers) in enumerate(ASKED)]
    path = tmp_path_factory.mktemp("questions") / "short & <b>sweet.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "long.csv"
    path.write_text("id,question\n" + "".join(f"{n},Who said what about building {n}?\n" for n in range(400)))
    return path


@pytest.fixture(scope="module")
def finished(address: str, short_file: Path) -> str:
    """A run that is done, started by a program; return its id."""
    with short_file.open("rb") as stream:
        job = httpx.post(f"{address}/api/evaluations", files={"file": (short_file.name, stream)}).json()
    deadline = time.monotonic() + 60
    while httpx.get(f"{address}/api/evaluations/{job['id']}").json()["state"] != "done":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return str(job["id"])


@pytest.fixture
def open_tab(visit: Visit, address: str, no_jobs_left: None) -> Open:
    def open_(width: int = 1280, height: int = 860, scheme: str = "light", at: str = "") -> Page:
        page = visit(f"{address}/{at}", width, height, scheme)
        page.get_by_role("tab", name="Evaluate").click()
        expect(page.locator("#evaluation-form")).to_be_visible()
        return page

    return open_


def run(page: Page, file: Path, **fields: str) -> None:
    page.get_by_label("Question file").set_input_files(file)
    for label, value in fields.items():
        page.get_by_label(label.replace("_", " ").capitalize()).fill(value)
    page.get_by_role("button", name="Run the evaluation").click()


def report(page: Page) -> FrameLocator:
    expect(page.locator("#evaluation iframe")).to_be_visible(timeout=60_000)
    return page.frame_locator("#evaluation iframe")


def test_a_question_file_becomes_figures_plots_and_a_report(open_tab: Open, short_file: Path, tmp_path: Path) -> None:
    page = open_tab()
    page.get_by_text("Gates").click()
    run(page, short_file, **{"Conditions_that_must_hold,_one_a_line": "verbatim>=1\nf1>=1.1\n"})
    shown = report(page)
    expect(shown.locator("h1")).to_have_text("4 of 4 questions answered as they should be")
    expect(shown.locator("svg.plot")).to_have_count(3)
    expect(shown.locator(".scores .range").nth(3)).to_contain_text("–")
    shown.get_by_label("Search").fill("bread")
    expect(shown.locator(".item .asked")).to_have_text(ASKED[3][0])
    shown.locator("body").evaluate("() => { location.hash = '#question=2'; }")
    expect(shown.locator(".item .asked")).to_have_text(ASKED[2][0])
    shown.get_by_role("button", name="Show all").click()
    expect(shown.locator(".item .asked")).to_have_count(4)
    expect(page.locator("#evaluation h2")).to_have_text(short_file.name)
    expect(page.locator(".gates .good")).to_contain_text("✓ verbatim>=1")
    expect(page.locator(".gates .bad")).to_contain_text("✗ f1>=1.1: f1 is")
    expect(page.locator("#runs button")).to_contain_text("4 questions, 100% right")
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Open in a new tab").click()
    expect(popup.value.locator("h1")).to_contain_text("4 of 4 questions")
    for name, start in (("Download the report", "<!doctype html>"), ("Run file (JSON)", '{\n "saidso"')):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        kept = tmp_path / name
        download.value.save_as(kept)
        assert kept.read_text(encoding="utf-8").startswith(start)


def test_a_run_is_compared_with_an_earlier_one(open_tab: Open, short_file: Path, finished: str) -> None:
    page = open_tab()
    page.get_by_label("Compare with").select_option(finished)
    run(page, short_file, Questions_to_ask="2", Seed="5")
    expect(page.locator("#evaluation header p")).to_contain_text("seed 5")
    shown = report(page)
    expect(shown.locator(".facts")).to_contain_text(f"Compared with {short_file.name} of 20")
    expect(shown.locator(".scores thead")).to_contain_text("Difference")
    expect(shown.locator("[aria-label=Warnings]")).to_contain_text("Only 2 of 2 questions are in the baseline")


def test_a_page_loaded_anew_finds_the_run_and_the_questions_asked_meanwhile_are_answered(
    open_tab: Open, long_file: Path
) -> None:
    page = open_tab()
    run(page, long_file)
    expect(page.locator("#evaluation .stage")).to_have_text(re.compile(r"of 400 questions, about .* left"))
    page.reload()
    expect(page.locator("#evaluation .stage")).to_contain_text("of 400 questions")
    page.context.set_offline(True)
    expect(page.locator("#evaluation-pane > .problem")).to_contain_text("Saidso does not answer")
    page.context.set_offline(False)
    expect(page.locator("#evaluation-pane > .problem")).to_be_hidden()
    expect(page.get_by_role("tab", name="Evaluate")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Ask").click()
    expect(page.locator("#evaluate")).to_be_hidden()
    ask(page, PENTAGON)
    page.get_by_role("tab", name="Evaluate").click()
    expect(page.locator("#evaluation .stage")).to_contain_text("of 400 questions")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#evaluation .notice")).to_contain_text(re.compile(r"^Cancelled after \d+ of 400 questions"))
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("#runs")).not_to_contain_text("long.csv")
    expect(page.locator("#evaluation .welcome")).to_be_visible()


def test_what_is_wrong_is_told_beside_the_form(open_tab: Open, tmp_path: Path) -> None:
    page = open_tab()
    (tmp_path / "broken.jsonl").write_text('{"question": "Who?"}\n{"question": <b>')
    run(page, tmp_path / "broken.jsonl")
    alert = page.locator("#evaluation-form [role=alert]")
    expect(alert).to_contain_text("broken.jsonl, line 2: this is not JSON")
    expect(page.get_by_role("button", name="Run the evaluation")).to_be_enabled()
    (tmp_path / "broken.jsonl").write_text('{"question": "Who?"}')
    page.get_by_role("button", name="Run the evaluation").click()
    expect(alert).to_have_text("broken.jsonl has changed since it was chosen; choose it again.")
    (tmp_path / "large.csv").write_bytes(b"question\n" + b"Who?\n" * (10 * 2**20 + 1))
    run(page, tmp_path / "large.csv")
    expect(alert).to_have_text("large.csv is too large; a question file may have 50 MB.")


def test_a_widget_has_no_such_tab(visit: Visit, address: str) -> None:
    page = visit(f"{address}/?widget#evaluate")
    page.wait_for_selector("#question textarea")
    expect(page.locator("#holdings")).to_contain_text("22 articles")
    for selector in ("#tabs", "[role=tab]", "#evaluate", "#evaluation-form"):
        expect(page.locator(selector)).to_have_count(0)
    expect(page.locator("#desk")).to_be_visible()


def test_the_keyboard_is_enough(open_tab: Open, short_file: Path) -> None:
    page = open_tab()
    tabs = page.get_by_role("tab")
    expect(tabs.nth(2)).to_be_focused()
    page.keyboard.press("Home")
    expect(tabs.nth(0)).to_be_focused()
    expect(page.locator("#desk")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#evaluate")).to_be_visible()
    for selector in ("#questions-file", "[name=limit]", "[name=seed]", "[name=baseline]", "summary", ".primary"):
        tab_to(page, f"#evaluation-form {selector}")
        outline = page.locator(f"#evaluation-form {selector}:focus").evaluate("e => getComputedStyle(e).outlineStyle")
        assert outline != "none", selector
    page.get_by_label("Question file").set_input_files(short_file)
    page.keyboard.press("Enter")
    report(page)
    tab_to(page, "#runs button")
    page.keyboard.press("Enter")
    for name in ("Open in a new tab", "Download the report", "Run file (JSON)"):
        expect(page.get_by_role("link", name=name)).to_be_visible()
    tab_to(page, "#evaluation .deeds button")
    for label in ("Question file", "Questions to ask", "Seed", "Compare with"):
        expect(page.get_by_label(label)).to_be_visible()
    assert page.get_by_role("tabpanel", name="Evaluate").count() == 1
    assert page.locator("#evaluation iframe").get_attribute("title") == f"Report of {short_file.name}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_in_light_and_dark(open_tab: Open, finished: str, scheme: str) -> None:
    page = open_tab(scheme=scheme, at=f"#evaluate={finished}")
    shown = report(page)
    assert contrast(page, "#evaluation-form button.primary") >= 4.5
    paper = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    for selector in ("#evaluation-form label", "#runs span", "#evaluation header p", "#tabs button", ".deeds a"):
        ink = luminance(page.locator(selector).first.evaluate("e => getComputedStyle(e).color"))
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5, selector
    inside = luminance(shown.locator("body").evaluate("e => getComputedStyle(e).backgroundColor"))
    assert abs(inside - paper) < 0.02


def test_a_phone_needs_no_sideways_scrolling(open_tab: Open, finished: str) -> None:
    page = open_tab(390, 844)
    fits(page, "#tabs button", "#evaluation-form input", "#evaluation-form .primary", "#evaluate h2")
    assert page.locator("#evaluation-form [name=seed]").evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 16
    page.locator(f"#runs [data-id='{finished}'] button").click()
    report(page)
    fits(page, "#runs button", "#evaluation iframe", ".deeds a", ".deeds button")
    expect(page.locator("#evaluation h2")).to_be_in_viewport()
