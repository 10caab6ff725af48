"""The report in a real Chromium, from the file system: no request but for the file itself."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page, expect

from assistant.evaluation import plots
from assistant.evaluation.report import render_report, write_report
from tests.conftest import Visit, needs_chromium

Open = Callable[..., Page]
Run = dict[str, Any]

HOSTILE = (
    "</script><script>window.pwned = 1</script><img src=http://evil.test/x.png onerror='window.pwned = 2'>"
    "<!--<script>\u2028\u2029'\"`&amp;${window.pwned = 3} 𝔘𝔫𝔦 <svg onload=window.pwned=4>"
)


def figure(value: float, n: int = 100, half: float = 0.05) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half, "n": n}


def passage(article: str, start: int, text: str, **about: str) -> dict[str, Any]:
    known = {"title": f"About {article}", "source": "The Digest", "published": "2017-03-17", **about}
    return {"article_id": article, "start": start, "end": start + len(text), "text": text, "score": 0.5, **known}


def cite(hit: dict[str, Any], quote: str, marker: int = 1, url: str = "") -> dict[str, Any]:
    start = hit["start"] + hit["text"].index(quote)
    about = {name: hit[name] for name in ("article_id", "title", "source", "published")}
    place = {"start": start, "end": start + len(quote), "passage": {"start": hit["start"], "end": hit["end"]}}
    return {"marker": marker, "quote": quote, "url": url, **about, **place}


def question(key: str, asked: str, gold: list[str] | None, right: float | None, **more: Any) -> dict[str, Any]:
    answer = {
        "answer": more.get("text", "A line. [1]"),
        "short_answer": more.get("short"),
        "abstained": "closest" in more,
        "confidence": more.get("confidence", 0.5),
        "citations": more.get("citations", []),
        "closest": more.get("closest", []),
        "timings_ms": {"total": more.get("ms", 100.0)},
    }
    scores = {"right": right, "f1": more.get("f1"), "mrr@10": 0.5}
    return {
        "id": key,
        "question": asked,
        "answers": gold,
        "articles": [],
        "spans": more.get("spans", []),
        "speaker": more.get("speaker"),
        "fields": more.get("fields", {}),
        "answer": answer,
        "passages": more.get("hits", []),
        "scores": scores,
    }


STRIKE = passage("al-jinah", 40, "𝔄 strike hit a mosque. It killed 38 people, the Pentagon said. No more is known.")


def sample_run() -> Run:
    gold = STRIKE["start"] + STRIKE["text"].index("38 people")
    questions = [
        question(
            "q1",
            "How many people were killed?",
            ["38", "38 people"],
            1.0,
            short="38",
            confidence=0.9,
            ms=90,
            hits=[STRIKE],
            citations=[cite(STRIKE, "It killed 38 people, the Pentagon said.", url="https://a.test/1")],
            spans=[{"article": "al-jinah", "start": gold, "end": gold + 9}],
            fields={"kind": "how many"},
            f1=0.4,
        ),
        question("q2", "Who won the cup?", [], 1.0, closest=[cite(STRIKE, STRIKE["text"])], confidence=0.1),
        question("q3", "Where was the meeting?", ["in Aleppo"], 0.0, closest=[], fields={"kind": "where"}),
        question("q4", "Why was there a strike?", ["a meeting"], 0.0, short="a mosque", fields={"kind": "why"}),
        question("q/5 é#", "What will follow?", None, None, short="an inquiry"),
    ]
    changed = [
        {
            "id": "q/5 é#",
            "question": "What will follow?",
            "metric": "f1",
            "before": 0.0,
            "after": 1.0,
            "difference": 1.0,
        }
    ]
    return {
        "saidso": "0.1.0",
        "created": "2026-11-23T18:20:05+00:00",
        "questions_file": "/tmp/news.jsonl",
        "questions_sha256": "ab" * 32,
        "settings": {"answer_threshold": 0.4},
        "seed": 7,
        "warnings": ["2 gold articles are not indexed."],
        "summary": {
            "mrr@10": figure(0.73),
            "f1": figure(0.34),
            "ece": figure(0.06),
            "speaker": figure(0.9) | {"value": None},
        },
        "groups": {"kind": {"how many": {"f1": figure(0.4, 1)}, "where": {"f1": figure(0.0, 1)}}},
        "latency_ms": {"p50": 100.0, "p95": 180.0, "p99": 190.0},
        "peak_memory_mb": 1234.5,
        "curves": {
            "risk_coverage": [[0.2, 0.0], [0.4, 0.5]],
            "reliability": [{"low": 0.4, "high": 0.5, "confidence": 0.45, "accuracy": 0.5, "n": 2}],
        },
        "questions": questions,
        "baseline": {
            "file": "/tmp/before.json",
            "changed": changed,
            "differences": {
                "mrr@10": {"value": 0.02, "low": 0.01, "high": 0.03, "p": 0.0004},
                "ece": {"value": 0.02, "low": 0.01, "high": 0.03, "p": 0.04},
            },
        },
    }


@pytest.fixture
def open_report(visit: Visit, tmp_path: Path) -> Open:
    """Write a run's report and open it."""
    file = tmp_path / "report.html"

    def open_(run: Run, width: int = 1280, scheme: str = "light") -> Page:
        write_report(run, file)
        return visit(file.as_uri(), width, scheme=scheme)

    return open_


def shown(page: Page) -> list[str]:
    return page.locator(".item .asked").all_text_contents()


def expect_shown(page: Page, *questions: str) -> None:
    expect(page.locator(".item .asked")).to_have_text(list(questions))


@needs_chromium
def test_a_report_says_how_the_run_went(open_report: Open) -> None:
    page = open_report(sample_run())
    expect(page.locator("h1")).to_have_text("2 of 4 questions answered as they should be")
    expect(page.locator(".facts")).to_contain_text("23 November 2026 18:20")
    expect(page.locator("[aria-label=Warnings]")).to_have_text("2 gold articles are not indexed.")
    rows = page.locator(".scores tbody tr:not(.family)")
    expect(rows.nth(0)).to_contain_text("Answer F1")
    assert "0.730" in rows.nth(3).inner_text() and "0.680–0.780" in rows.nth(3).inner_text()
    expect(rows.nth(3).locator(".up")).to_have_text("+0.020")
    expect(rows.nth(2).locator(".down")).to_have_text("+0.020")  # a larger calibration error is worse
    expect(page.locator("svg.plot")).to_have_count(3)
    verdicts = page.locator(".item .verdict").all_inner_texts()
    words = ["Right", "Abstained rightly", "Abstained wrongly", "Wrong", "Not scored"]
    assert [word in text for word, text in zip(words, verdicts, strict=True)] == [True] * 5


@needs_chromium
def test_a_quote_is_marked_in_its_passage(open_report: Open) -> None:
    page = open_report(sample_run())
    item = page.locator(".item").first
    item.locator("summary").first.click()
    block = item.locator("blockquote").first
    assert block.text_content() == STRIKE["text"]
    marked = block.locator("mark").all_text_contents()
    assert "".join(marked) == "It killed 38 people, the Pentagon said."
    expect(block.locator(".gold")).to_have_text("38 people")
    link = item.locator("figcaption a").first
    assert link.get_attribute("href") == "https://a.test/1" and "noreferrer" in (link.get_attribute("rel") or "")
    expect(item.locator(".accepted li")).to_have_text(["38", "38 people"])


@needs_chromium
def test_questions_are_searched_filtered_and_ordered(open_report: Open) -> None:
    page = open_report(sample_run())
    page.get_by_label("Search").fill("STRIKE why")
    expect_shown(page, "Why was there a strike?")
    expect(page.locator("#status")).to_contain_text("1 of 5 questions")
    page.get_by_label("Search").fill("aleppo")  # the gold answer
    expect_shown(page, "Where was the meeting?")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".item .asked")).to_have_count(5)
    page.get_by_role("button", name="Abstained rightly").click()
    expect_shown(page, "Who won the cup?")
    page.get_by_role("button", name="All 5").click()
    page.get_by_role("combobox", name="kind").select_option("how many")
    expect_shown(page, "How many people were killed?")
    page.get_by_role("combobox", name="kind").select_option("")
    page.get_by_label("Order").select_option("Most confident first")
    expect(page.locator(".item .asked").first).to_have_text("How many people were killed?")
    page.get_by_label("Order").select_option("Most improved first")
    expect(page.locator(".item .asked").first).to_have_text("What will follow?")


@needs_chromium
def test_a_changed_question_is_a_click_away(open_report: Open) -> None:
    page = open_report(sample_run())
    page.locator(".changes a").click()
    expect_shown(page, "What will follow?")
    expect(page.locator(".item .answer")).to_be_visible()
    page.locator(".item .body > details > summary").last.click()
    expect(page.locator(".measured")).to_contain_text("Answer F1")
    page.locator(".tally .wrong a").click()
    expect_shown(page, "Why was there a strike?")


@needs_chromium
def test_dark_is_dark_and_readable(open_report: Open) -> None:
    page = open_report(sample_run(), scheme="dark")
    assert luminance(page, "body", "backgroundColor") < 0.05
    page.locator(".item summary").first.click()
    for selector in ("h1", ".note", ".verdict", ".brief q", ".up", ".down", "a", "blockquote"):
        assert luminance(page, selector, "color") > 0.3, selector
    assert luminance(page, "mark", "backgroundColor") > 0.5 > 0.1 > luminance(page, "mark", "color")


def luminance(page: Page, selector: str, what: str) -> float:
    colour = page.locator(selector).first.evaluate(f"e => getComputedStyle(e).{what}")
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@needs_chromium
def test_a_phone_needs_no_sideways_scrolling(open_report: Open) -> None:
    page = open_report(sample_run(), width=390)
    page.locator(".item summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for selector in (".item .asked", ".scores .value", "#search"):
        box = page.locator(selector).first.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390


@needs_chromium
def test_a_hostile_text_stays_text(open_report: Open) -> None:
    hit = passage(HOSTILE, 0, HOSTILE, title=HOSTILE, source=HOSTILE, published=HOSTILE)
    evil = question(
        HOSTILE,
        HOSTILE,
        [HOSTILE],
        1.0,
        text=HOSTILE,
        short=HOSTILE,
        speaker=HOSTILE,
        hits=[hit],
        fields={"__proto__": HOSTILE, HOSTILE: "x"},
        citations=[cite(hit, HOSTILE, url="javascript:window.pwned=5")],
        spans=[{"article": HOSTILE, "start": 3, "end": 9}],
    )
    run = sample_run() | {
        "questions": [evil],
        "questions_file": HOSTILE,
        "settings": {HOSTILE: HOSTILE},
        "warnings": [HOSTILE],
        "saidso": HOSTILE,
        "created": HOSTILE,
        "summary": {HOSTILE: figure(0.5)},
        "latency_ms": {HOSTILE: 3.0},
        "groups": {HOSTILE: {HOSTILE: {HOSTILE: figure(0.5)}}},
        "baseline": {
            "file": HOSTILE,
            "differences": {},
            "changed": [{"id": HOSTILE, "question": HOSTILE, "metric": HOSTILE}],
        },
    }
    page = open_report(run)
    assert page.locator(".item .asked").text_content() == HOSTILE
    page.locator(".item summary").first.click()
    for details in page.locator(".item .body > details > summary").all():
        details.click()
    assert page.locator(".item blockquote").first.text_content() == HOSTILE
    page.locator(".changes a").click()
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    assert page.locator("img, iframe, script:not(#data):not(#data + script), [onerror], [onload]").count() == 0
    assert page.locator("[href^='javascript:']").count() == 0
    assert page.locator(".item figcaption a").count() == 0


@needs_chromium
def test_a_large_set_is_small_and_quick(open_report: Open, tmp_path: Path) -> None:
    hits = [passage(f"a{at}", start, f"Sentence {at}. " * 60) for at in range(320) for start in (0, 800, 1600)]
    questions = [
        question(
            f"q{at}",
            f"What about number {at}?",
            [f"Sentence {at}"],
            float(at % 2),
            hits=[hits[(at * 7 + n) % len(hits)] for n in range(10)],
            ms=50 + at % 300,
        )
        for at in range(2_172)
    ]
    began = time.perf_counter()
    page = open_report(sample_run() | {"questions": questions})
    page.get_by_label("Search").fill("number 2171?")
    expect_shown(page, "What about number 2171?")
    took = time.perf_counter() - began
    assert (tmp_path / "report.html").stat().st_size < 15_000_000
    assert page.evaluate("performance.timing.domContentLoadedEventEnd - performance.timing.fetchStart") < 2_000
    assert took < 10  # a stalled machine, and the writing, included
    page.get_by_role("button", name="Show all").click()
    assert len(shown(page)) < 200
    for _ in range(3):
        page.mouse.wheel(0, 20_000)
        page.wait_for_timeout(100)
    assert len(shown(page)) > 80


def test_where_there_is_no_room_every_question_keeps_its_best_passages() -> None:
    hits = [[passage(f"a{at}-{n}", 0, f"{at} {n} " + "x" * 100_000) for n in range(10)] for at in range(50)]
    run = {"questions": [question(f"q{at}", "Who?", None, None, hits=found) for at, found in enumerate(hits)]}
    data = embedded(render_report(run))
    assert all(1 <= len(entry["hits"]) < 10 for entry in data["questions"])


def embedded(html: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.parametrize(
    "run",
    [
        {},
        {"questions": []},
        {"questions": [{"id": "1", "question": "Who?"}]},
        {
            "questions": [
                {"id": "1", "question": "Who?", "answer": {"abstained": True}, "scores": {"right": float("nan")}}
            ]
        },
        {"summary": {"f1": {"value": None}, "odd": {"value": 12.5}, "empty": {}}, "baseline": None, "groups": {}},
        {"baseline": {"file": "x"}, "curves": {"risk_coverage": [], "reliability": []}, "latency_ms": {}},
    ],
)
def test_what_is_missing_is_left_out(run: Run) -> None:
    html = render_report(run)
    assert html.startswith("<!doctype html>") and "$" not in re.sub(
        r"<(script|style).*?</\1>", "", html, flags=re.DOTALL
    )
    assert len(embedded(html)["questions"]) == len(run.get("questions", ()))


def test_half_a_character_does_not_stop_the_report(tmp_path: Path) -> None:
    write_report(
        {"questions_file": "\ud800", "questions": [question("\udfff", "\ud800?", ["\ud800"], 1.0)]}, tmp_path / "r"
    )
    assert embedded((tmp_path / "r").read_text(encoding="utf-8"))["questions"][0]["gold"] == ["\ud800"]


def test_a_quote_without_its_passage_is_its_own() -> None:
    found = cite(STRIKE, "It killed 38 people")
    data = embedded(render_report({"questions": [question("1", "Who?", None, 1.0, citations=[found])]}))
    [[_, place, start, end]] = data["questions"][0]["cites"]
    assert data["passages"][place] == ["al-jinah", start, end, "It killed 38 people"]


PICTURES = [
    plots.interval_bar(0.5, 0.4, 0.6),
    plots.interval_bar(1.0, 1.0, 1.0, before=1.2),
    plots.risk_coverage([]),
    plots.risk_coverage([(at / 5_000, at / 10_000) for at in range(1, 5_001)]),
    plots.reliability([]),
    plots.reliability([{"low": 0.9, "high": 1.0, "confidence": 0.97, "accuracy": 0.9, "n": 12}]),
    plots.latency([], {}),
    plots.latency([100.0] * 5, {"p50": 100.0, "p95": 100.0}),
    plots.latency([0.0, 12.0, 90_000.0], {"p50": 12.0, "p99": 80_000.0}),
]


@pytest.mark.parametrize("picture", PICTURES)
def test_a_plot_is_well_formed_and_says_what_it_shows(picture: str) -> None:
    svg = ElementTree.fromstring(picture)
    assert "nan" not in picture and "inf" not in picture
    if svg.get("aria-hidden") != "true":
        assert svg.get("role") == "img"
        assert (svg.findtext("title") or "") and (svg.findtext("desc") or "")


def test_a_long_curve_is_thinned_but_keeps_its_ends() -> None:
    points = [(at / 5_000, at / 10_000) for at in range(5_000)]
    kept = plots.thinned(points)
    assert len(kept) <= 240 and kept[0] == points[0] and kept[-1] == points[-1]
    assert plots.thinned([(0.1, 0.2)]) == [(0.1, 0.2)]


@pytest.mark.parametrize(
    ("milliseconds", "said"), [(85.2, "85.2 ms"), (999, "999 ms"), (1234, "1.23 s"), (60_000, "60 s")]
)
def test_times_are_written_as_people_do(milliseconds: float, said: str) -> None:
    assert plots.duration(milliseconds) == said
