"""Prose on the page, over the API and on the terminal: as it comes, struck where it must be, quotes alone on demand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from typer.testing import CliRunner

from assistant.cli import app
from tests.app_server import ready_at, serving
from tests.conftest import Visit, needs_chromium
from tests.stand_in_model import StandIn, standing_in
from tests.test_page import PENTAGON, ask

DAVIS = "Capt. Jeff Davis said the strike had hit its target and killed al-Qaeda members [1]."
HOSTILE = "<img src=x onerror=alert(1)> Everybody agrees."


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture(autouse=True)
def as_usual(stand_in: StandIn) -> None:
    stand_in.fault, stand_in.pause, stand_in.says = None, 0.0, lambda _: f"{DAVIS} {HOSTILE}"
    stand_in.left.clear()


@pytest.fixture(scope="module")
def configured(stand_in: StandIn) -> dict[str, str]:
    return {"SAIDSO_LLM_URL": stand_in.url, "SAIDSO_LLM_MODEL": "tiny-7b"}


@pytest.fixture(scope="module")
def data_folder(copy_of_samples: Callable[[], Path]) -> Path:
    return copy_of_samples()


@pytest.fixture(scope="module")
def address(data_folder: Path, configured: dict[str, str]) -> Iterator[str]:
    with serving(data_folder, **configured) as url:
        yield ready_at(url)


@pytest.fixture
def page(visit: Visit, address: str) -> Page:
    page = visit(address)
    expect(page.locator("#extractive")).to_be_visible()
    return page


@needs_chromium
def test_the_page_shows_who_writes_and_what_is_struck(page: Page) -> None:
    ask(page, PENTAGON)
    prose = page.locator(".answer .prose")
    expect(prose).to_contain_text("Capt. Jeff Davis said the strike had hit its target")
    expect(prose.locator("s")).to_contain_text("Everybody agrees.")
    expect(page.locator(".answer")).to_contain_text("Written by tiny-7b")
    assert page.locator(".answer img").count() == 0
    prose.locator("a.cite").first.click()
    expect(page.locator("#source mark")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    page.reload()
    expect(page.locator(".answer .prose s")).to_contain_text("Everybody agrees.")


@needs_chromium
def test_quotes_alone_on_demand_and_when_the_model_fails(page: Page, stand_in: StandIn) -> None:
    asked = len(stand_in.asked)
    page.get_by_label("Quotes alone, without tiny-7b").check()
    ask(page, PENTAGON)
    assert page.locator(".answer .prose").count() == 0 and len(stand_in.asked) == asked
    page.get_by_label("Quotes alone, without tiny-7b").uncheck()
    stand_in.fault = "broken"
    ask(page, PENTAGON)
    expect(page.locator(".answer .notice").last).to_have_text("Quotes alone: the server of tiny-7b has failed.")
    expect(page.locator(".answer .statements li").first).to_be_visible()


@needs_chromium
def test_stop_stops_the_model(page: Page, stand_in: StandIn) -> None:
    stand_in.pause = 0.1
    stand_in.says = lambda _: f"{DAVIS} " + "And so on. " * 3000
    page.fill("#question textarea", PENTAGON)
    page.keyboard.press("Enter")
    expect(page.locator(".answer .prose")).to_contain_text("Capt. Jeff Davis")
    page.locator("#stop").click()
    expect(page.locator("#chat .notice")).to_have_text("Stopped.")
    expect(page.locator(".answer .prose")).to_contain_text("Capt. Jeff Davis")
    assert stand_in.left.wait(20)


@needs_chromium
def test_an_answer_is_not_written_on_into_another_conversation(page: Page, stand_in: StandIn) -> None:
    stand_in.pause = 0.02
    stand_in.says = lambda _: " ".join(f"{DAVIS} And so on {number}." for number in range(300))
    page.fill("#question textarea", PENTAGON)
    page.keyboard.press("Enter")
    expect(page.locator(".answer .prose")).to_contain_text("Capt. Jeff Davis")
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator("#chat .asked")).to_have_count(0)
    assert stand_in.left.wait(20)
    expect(page.locator("#ask")).to_be_visible()
    expect(page.locator("#chat .asked")).to_have_count(0)


def test_the_stream_tells_it_sentence_by_sentence(address: str, stand_in: StandIn) -> None:
    told = events(address, question=PENTAGON)
    assert {"stage": "wording"} in [data for name, data in told if name == "stage"]
    answer = told[-1][1]
    assert "".join(data["delta"] for name, data in told if name == "text") == answer["answer"]
    assert [data for name, data in told if name == "citation"] == answer["citations"]
    assert answer["mode"] == "llm" and answer["prose"]["sentences"][0]["fault"] is None
    stand_in.fault = "breaks off"
    stand_in.says = lambda _: f"{DAVIS} {HOSTILE} {DAVIS} {HOSTILE}"
    told = events(address, question=PENTAGON)
    names = [name for name, _ in told]
    assert "restart" in names and told[-1][1]["mode"] == "extractive"
    later = told[names.index("restart") :]
    assert "".join(data["delta"] for name, data in later if name == "text") == told[-1][1]["answer"]
    assert told[-1][1]["note"].startswith("Quotes alone: tiny-7b")
    assert events(address, question=PENTAGON, extractive=True)[-1][1]["note"] is None


def test_the_terminal_says_it_too(
    data_folder: Path, configured: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**configured, "SAIDSO_DATA_DIR": str(data_folder)}.items():
        monkeypatch.setenv(name, value)
    told = CliRunner().invoke(app, ["ask", PENTAGON])
    assert told.exit_code == 0 and "Written by tiny-7b" in told.output and "(cites nothing)" in told.output
    plain = CliRunner().invoke(app, ["ask", PENTAGON, "--extractive"])
    assert "tiny-7b" not in plain.output


def events(address: str, **asked: Any) -> list[tuple[str, dict[str, Any]]]:
    answer = httpx.post(f"{address}/api/ask/stream", json=asked, timeout=60, trust_env=False)
    blocks = [block.splitlines() for block in answer.text.split("\n\n") if block.strip() and not block.startswith(":")]
    fields = [dict(line.split(": ", 1) for line in block if ": " in line) for block in blocks]
    return [(one["event"], json.loads(one["data"])) for one in fields if "event" in one]
