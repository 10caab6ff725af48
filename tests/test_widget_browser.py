"""The widget in a real Chromium: on a portal of another origin under a strict policy; and where its key was copied."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page, Route, expect, sync_playwright

from assistant.assistant import Assistant
from assistant.settings import Settings
from assistant.web.startup import Startup
from assistant.widget_keys import Limit, WidgetKey, WidgetKeys
from assistant.widget_log import WidgetLog
from tests.app_server import ROOT
from tests.conftest import CHROMIUM, interruptible, needs_chromium
from tests.test_page import HOSTILE, PENTAGON, contrast, luminance
from tests.test_web import app_of

pytestmark = needs_chromium

LOUD = """
*:not(html) { all: unset !important; display: none !important; visibility: hidden !important; opacity: 0 !important;
  transform: scale(0) !important; position: static !important; pointer-events: none !important; }
saidso-widget, iframe, button { display: none !important; width: 1px !important; height: 1px !important; }
:root { color: red; font-size: 3px; }
"""
INJECTED = '"><img src=x onerror=alert(1)></p><script>alert(2)</script>'


@dataclass
class Site:
    """Other sites: portal.test and evil.test on one port. Pages are set by the tests; `policy` is the portal's."""

    port: int
    server: str
    pages: dict[str, str] = field(default_factory=dict)

    @property
    def portal(self) -> str:
        return f"http://portal.test:{self.port}"

    @property
    def evil(self) -> str:
        return f"http://evil.test:{self.port}"

    @property
    def policy(self) -> str:
        return f"default-src 'none'; script-src {self.server}; frame-src {self.server}; style-src 'self'"

    def page(self, path: str, key: str, attributes: str = "", body: str = "") -> None:
        """Let there be a page that holds the one line that `saidso widget create` prints."""
        script = f'<script src="{self.server}/widget.js" data-key="{key}" {attributes} async></script>'
        style = '<link rel="stylesheet" href="/loud.css">' if path == "/loud" else ""
        self.pages[path] = f"<!doctype html><html lang=en><title>x</title>{style}{script}<body><h1>News</h1>{body}"


@pytest.fixture(scope="module")
def data_folder(copy_of_samples: Callable[[], Path]) -> Path:
    return copy_of_samples()


@pytest.fixture(scope="module")
def server(data_folder: Path) -> Iterator[str]:
    """The whole application over the sample articles and a hostile one, on a real port."""
    settings, hostile = Settings(data_folder), data_folder.parent / "hostile.json"
    hostile.write_text(json.dumps(HOSTILE))
    assistant = Assistant.open(settings)
    assistant.ingest([hostile])
    config = uvicorn.Config(app_of(Startup(lambda: assistant), settings), port=0, log_level="warning", lifespan="on")
    config.timeout_graceful_shutdown = 1
    serving = uvicorn.Server(config)
    listening = config.bind_socket()
    thread = threading.Thread(target=serving.run, args=([listening],))
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    serving.should_exit = True
    thread.join()
    assistant.close()


@pytest.fixture(scope="module")
def site(server: str) -> Iterator[Site]:
    made: Site

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_style = self.path == "/loud.css"
            content = LOUD if is_style else made.pages.get(self.path, "")
            self.send_response(200)
            self.send_header("Content-Type", "text/css" if is_style else "text/html; charset=utf-8")
            if self.headers["Host"].startswith("portal."):
                self.send_header("Content-Security-Policy", made.policy)
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as listening:
        made = Site(listening.server_port, server)
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield made
        listening.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def keys(data_folder: Path) -> Iterator[WidgetKeys]:
    keys = WidgetKeys.open(Settings(data_folder).database_url)
    yield keys
    keys.close()


@pytest.fixture(scope="module")
def log(data_folder: Path) -> Iterator[WidgetLog]:
    log = WidgetLog.open(Settings(data_folder).database_url)
    yield log
    log.close()


@pytest.fixture(scope="module")
def key(keys: WidgetKeys, site: Site) -> str:
    return keys.create(WidgetKey("portal", (site.portal,), per_visitor=Limit(100, 60))).key


@pytest.fixture(scope="module")
def browser(server: str) -> Iterator[Browser]:
    """A Chromium for which both sites are on this machine; after the server, which is made where no loop runs."""
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP *.test 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@dataclass
class Visited:
    """A page, and what it asked for."""

    page: Page
    requests: list[str]

    @property
    def host(self) -> Locator:
        return self.page.locator("saidso-widget")

    @property
    def opener(self) -> Locator:
        return self.page.locator("saidso-widget .open")

    @property
    def frame(self) -> FrameLocator:
        return self.page.frame_locator("saidso-widget iframe")

    @property
    def question(self) -> Locator:
        return self.frame.get_by_label("Your question")

    def open(self) -> FrameLocator:
        self.opener.click()
        expect(self.question).to_be_focused()
        return self.frame

    def ask(self, question: str) -> Locator:
        """Ask with the keyboard, and return the answer once it is there."""
        before = self.frame.locator(".answer").count()
        self.question.fill(question)
        self.page.keyboard.press("Enter")
        expect(self.frame.locator(".answer")).to_have_count(before + 1)
        return self.frame.locator(".answer").last


Visit = Callable[..., Visited]


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """Visit a page of a site; the test fails when it shows a dialog, throws, or asks for anything of a third place."""
    faults: list[str] = []
    contexts: list[BrowserContext] = []

    def visit_(url: str, width: int = 1280, height: int = 860, scheme: str = "light") -> Visited:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page, requests = context.new_page(), []
        own = {f"portal.test:{site.port}", f"evil.test:{site.port}"}

        def guard(route: Route) -> None:
            requests.append(route.request.url)
            asked = urlsplit(route.request.url)
            if asked.netloc in own or asked.hostname == "127.0.0.1":
                route.continue_()
            else:
                faults.append(f"requested {route.request.url}")
                route.abort()

        context.route("**/*", guard)
        page.on("dialog", lambda dialog: (faults.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: faults.append(f"script error {error}"))
        page.goto(url)
        return Visited(page, requests)

    yield visit_
    for context in contexts:
        context.close()
    assert faults == []


def active(page: Page) -> str:
    """Name what has the focus, into the widget but not into its frame."""
    script = "() => { const e = document.activeElement; return (e.shadowRoot?.activeElement ?? e).localName; }"
    return str(page.evaluate(script))


# ── on the portal ───────────────────────────────────────────────────────────────────────────────────────────


def test_closed_it_costs_one_request(visit: Visit, site: Site, key: str, log: WidgetLog) -> None:
    site.page("/", key)
    before = len(log.last("portal", 1000))
    visited = visit(f"{site.portal}/")
    expect(visited.opener).to_be_visible()
    expect(visited.opener).to_have_text("Ask the articles")
    visited.page.wait_for_load_state("networkidle")
    assert visited.requests == [f"{site.portal}/", f"{site.server}/widget.js"]
    assert len(log.last("portal", 1000)) == before
    assert contrast(visited.page, "saidso-widget .open") >= 4.5


def test_it_answers_and_opens_what_it_cites(visit: Visit, site: Site, key: str, data_folder: Path) -> None:
    site.page("/", key)
    visited = visit(f"{site.portal}/")
    visited.page.evaluate("() => addEventListener('saidso:answer', (event) => (window.heard = event.detail))")
    frame = visited.open()
    assert {urlsplit(url).netloc for url in visited.requests} == {f"portal.test:{site.port}", site.server[7:]}
    answer = visited.ask(PENTAGON)
    expect(answer.locator(".speaker").first).to_contain_text("Pentagon")
    expect(frame.locator("#log")).to_have_attribute("aria-live", "polite")
    heard = visited.page.evaluate("window.heard")
    assert heard.keys() == {"abstained", "confidence", "citations"} and heard["citations"] > 0
    cite = answer.locator(".cite").first
    quote = answer.locator(".quote").first.text_content()
    assert (cite.get_attribute("aria-label") or "").startswith("Source 1: ")
    cite.click()
    expect(frame.locator("mark")).to_have_text(quote or "-")
    expect(frame.locator("mark")).to_be_in_viewport()
    expect(frame.locator("#back")).to_be_focused()
    ratio = frame.locator("mark").evaluate("e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]")
    assert abs(luminance(ratio[0]) - luminance(ratio[1])) > 0.5
    visited.page.keyboard.press("Escape")
    expect(frame.locator("#source")).to_be_hidden()
    expect(cite).to_be_focused()
    # Another turn, an abstention, stands below the first and looks different.
    other = visited.ask("Who won the 2022 World Cup?")
    expect(other.locator(".lead")).to_have_text("The articles do not hold an answer to this question.")
    expect(other.locator(".cite").first).to_be_visible()
    assert other.evaluate("e => getComputedStyle(e).borderTopStyle") == "dashed"
    expect(frame.locator(".asked")).to_have_text([PENTAGON, "Who won the 2022 World Cup?"])
    # Accounts that differ are told before the quotes.
    differing = visited.ask("How many people were killed?").locator(".differing")
    expect(differing.locator("p")).to_contain_text("differ")
    assert differing.locator("li .cite").count() >= 2
    visited.page.keyboard.press("Escape")
    expect(frame.locator("#talk")).to_be_hidden()
    assert active(visited.page) == "button"
    visited.opener.click()
    expect(frame.locator(".asked")).to_have_count(3)


def test_the_keyboard_alone_will_do(visit: Visit, site: Site, key: str) -> None:
    site.page("/links", key, body='<a href="#one">One</a> <a href="#two">Two</a>')
    visited = visit(f"{site.portal}/links")
    press = visited.page.keyboard.press
    expect(visited.opener).to_be_visible()
    for _ in range(3):
        press("Tab")
    expect(visited.opener).to_be_focused()
    press("Enter")
    expect(visited.question).to_be_focused()
    assert visited.host.locator("section").get_attribute("role") == "dialog"
    visited.ask(PENTAGON)
    seen = []
    for _ in range(30):  # round and round, and never to the page behind
        press("Tab")
        seen.append(active(visited.page))
    assert set(seen) == {"button", "iframe"} and "button, iframe" in ", ".join(seen), seen
    visited.host.locator("header button").focus()
    press("Shift+Tab")
    expect(visited.question).to_be_focused()
    press("Escape")
    expect(visited.opener).to_be_focused()


def test_a_loud_page_and_the_widget_leave_each_other_alone(visit: Visit, site: Site, key: str) -> None:
    site.page("/loud", key)
    site.pages["/without"] = site.pages["/loud"].replace("widget.js", "nothing.js")
    seen = """() => {
        const style = getComputedStyle(document.querySelector("h1"));
        const said = [...style].map((name) => style.getPropertyValue(name)).join();
        return [Object.keys(window).length, said, document.adoptedStyleSheets.length];
    }"""
    without = visit(f"{site.portal}/without").page.evaluate(seen)
    visited = visit(f"{site.portal}/loud")
    expect(visited.opener).to_be_visible()
    names, styles, sheets = visited.page.evaluate(seen)
    assert (names, styles, sheets) == (without[0] + 1, without[1], 0)  # one name: saidso
    visited.open()
    box = visited.host.locator("section").bounding_box()
    assert box is not None and (box["width"], box["height"]) == (420, 680)
    assert visited.host.locator("header button").evaluate("e => getComputedStyle(e).fontSize") == "16px"
    expect(visited.frame.locator("#ask")).to_be_in_viewport()


def test_it_takes_the_pages_colours_and_words(visit: Visit, site: Site, key: str) -> None:
    attributes = (
        'data-color="#ffd000" data-label="Fragen" data-title="Archiv" data-greeting="Guten Tag" data-lang="de" '
        'data-position="left" data-theme="dark" data-question'
    )
    site.page("/own", key, attributes)
    visited = visit(f"{site.portal}/own")
    visited.page.evaluate("() => addEventListener('saidso:answer', (event) => (window.heard = event.detail))")
    expect(visited.opener).to_have_text("Fragen")
    visited.page.evaluate("question => window.saidso.ask(question)", PENTAGON)
    expect(visited.frame.locator(".answer")).to_be_visible()
    expect(visited.frame.locator("#greeting")).to_have_text("Guten Tag")
    expect(visited.frame.locator("html")).to_have_attribute("lang", "de")
    assert visited.page.evaluate("window.heard.question") == PENTAGON
    box = visited.host.locator("section").bounding_box()
    assert box is not None and box["x"] == 20
    colours = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    assert visited.frame.locator("#ask").evaluate(colours) == ["rgb(255, 208, 0)", "rgb(0, 0, 0)"]
    assert contrast(visited.page, "saidso-widget header") >= 4.5
    assert luminance(visited.frame.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")) < 0.05
    visited.page.evaluate("window.saidso.close()")
    expect(visited.opener).to_be_visible()


@pytest.mark.parametrize(
    ("said", "scheme", "is_dark"), [("dark", "light", True), ("", "dark", True), ("light", "dark", False)]
)
def test_it_is_as_light_or_dark_as_the_page(
    visit: Visit, site: Site, key: str, said: str, scheme: str, is_dark: bool
) -> None:
    site.page("/", key, "data-open")
    visited = visit(f"{site.portal}/", scheme=scheme)
    visited.page.evaluate("said => (document.documentElement.style.colorScheme = said)", said)
    expect(visited.frame.locator("html")).to_have_attribute("data-theme", "dark" if is_dark else "light")
    assert active(visited.page) == "body"  # opened by itself it leaves the focus where it was
    paper = visited.frame.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    assert (luminance(paper) < 0.05) == is_dark


def test_on_a_phone_it_has_the_whole_screen(visit: Visit, site: Site, key: str) -> None:
    site.page("/", key)
    visited = visit(f"{site.portal}/", width=390, height=844)
    frame = visited.open()
    panel = visited.host.locator("section")
    assert panel.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    expect(panel).to_have_attribute("aria-modal", "true")
    assert float(frame.locator("#question").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 16
    visited.ask(PENTAGON)
    assert frame.locator("body").evaluate("e => e.scrollWidth <= innerWidth")


def test_a_plain_frame_will_do(visit: Visit, site: Site, key: str) -> None:
    site.pages["/frame"] = f'<iframe src="{site.server}/widget/frame?key={key}" width=400 height=600></iframe>'
    visited = visit(f"{site.portal}/frame")
    frame = visited.page.frame_locator("iframe")
    frame.get_by_label("Your question").fill(PENTAGON)
    frame.get_by_role("button", name="Ask").click()
    expect(frame.locator(".answer .speaker").first).to_contain_text("Pentagon")


def test_the_demonstration_page_answers(visit: Visit, site: Site, data_folder: Path, keys: WidgetKeys) -> None:
    command = [sys.executable, "-m", "assistant", "widget", "demo", "--server", site.server, "--port", "0"]
    place = [*command, "--data-dir", str(data_folder)]
    with subprocess.Popen(place, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=interruptible) as demo:
        try:
            assert demo.stdout is not None
            line = demo.stdout.readline()
            visited = visit(line.split("The portal is at ")[1].split(",")[0])
            expect(visited.opener).to_have_text("Ask the press archive")
            visited.open()
            expect(visited.ask(PENTAGON).locator(".speaker").first).to_contain_text("Pentagon")
            assert [key.name for key in keys.all() if key.name.startswith("demo-")]
            demo.send_signal(signal.SIGINT)
            assert demo.wait(20) == 0
        finally:
            demo.kill()
    assert not [key.name for key in keys.all() if key.name.startswith("demo-")]


# ── what goes wrong ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_stop_leaves_the_question_to_be_asked_again(visit: Visit, site: Site, key: str) -> None:
    site.page("/", key)
    visited = visit(f"{site.portal}/")
    frame = visited.open()
    held: list[Route] = []
    visited.page.context.route("**/widget/ask", lambda route: held.append(route))  # and not answered
    visited.question.fill(PENTAGON)
    visited.page.keyboard.press("Enter")
    frame.get_by_role("button", name="Stop").click()
    expect(frame.locator(".notice")).to_have_text("Stopped.")
    expect(visited.question).to_have_value(PENTAGON)
    held[0].abort()
    visited.page.context.unroute("**/widget/ask")
    visited.page.context.route("**/widget/ask", lambda route: route.abort())
    visited.page.keyboard.press("Enter")
    expect(frame.locator(".problem")).to_contain_text("cannot be reached")
    visited.page.context.unroute("**/widget/ask")
    visited.page.keyboard.press("Enter")
    expect(frame.locator(".answer")).to_have_count(1)


def test_a_session_that_ran_out_is_renewed_silently(visit: Visit, site: Site, key: str, log: WidgetLog) -> None:
    site.page("/", key)
    visited = visit(f"{site.portal}/")
    visited.open()
    refused: list[Route] = []

    def refuse_once(route: Route) -> None:
        if refused:
            route.fallback()
        else:
            refused.append(route)
            route.fulfill(status=401, json={"detail": "Ended."})

    visited.page.context.route("**/widget/ask", refuse_once)
    visited.ask(PENTAGON)
    *_, first, second, asked = log.last("portal", 1000)
    assert [use.what for use in (first, second, asked)] == ["session", "session", "ask"]
    assert first.visitor == second.visitor == asked.visitor


def test_limits_and_an_end_are_told(visit: Visit, site: Site, keys: WidgetKeys) -> None:
    made = keys.create(WidgetKey("few", (site.portal,), per_visitor=Limit(1, 3600)))
    site.page("/few", made.key)
    visited = visit(f"{site.portal}/few")
    frame = visited.open()
    visited.ask(PENTAGON)
    visited.question.fill("And who denied it?")
    visited.page.keyboard.press("Enter")
    expect(frame.locator(".problem")).to_contain_text("No more than 1 question an hour here; ask again in ")
    expect(visited.question).to_have_value("And who denied it?")
    keys.revoke("few")
    visited.page.keyboard.press("Enter")
    expect(frame.locator(".problem").last).to_have_text("This assistant has been switched off.")
    visited.page.reload()
    visited.opener.click()
    expect(frame.get_by_role("alert")).to_have_text("This assistant has been switched off.")
    visited.page.keyboard.press("Escape")
    expect(visited.opener).to_be_focused()


# ── on pages that must not have it ──────────────────────────────────────────────────────────────────────────


def test_a_page_that_copies_the_key_gets_nothing(visit: Visit, site: Site, key: str, log: WidgetLog) -> None:
    site.page("/copied", key)
    before = len(log.last("portal", 1000))
    visited = visit(f"{site.evil}/copied")
    visited.opener.click()
    expect(visited.host.get_by_role("alert")).to_contain_text(f"is {site.evil} an origin of its key?")
    expect(visited.question).to_have_count(0)
    # Nor when it asks by itself, in any way that a page can.
    tried = visited.page.evaluate(
        """async ([server, key, portal]) => {
            const body = JSON.stringify({key, origin: portal});
            const kinds = [
                {method: "POST", body, headers: {"Content-Type": "application/json"}},
                {method: "POST", body, headers: {"Content-Type": "text/plain"}},
                {method: "POST", body, mode: "no-cors"},
                {method: "POST", body, credentials: "include"},
            ];
            const paths = ["/widget/session", "/widget/ask"];
            const all = paths.flatMap((path) => kinds.map((kind) => fetch(server + path, kind)));
            const frame = fetch(`${server}/widget/frame?key=${key}`);
            const outcomes = await Promise.allSettled([...all, frame]);
            return outcomes.map(({value}) => value?.type ?? "failed");
        }""",
        [site.server, key, site.portal],
    )
    assert set(tried) == {"failed"}
    gained = [use for use in log.last("portal", 1000)[before:] if use.status != 403]
    assert gained == []


def test_a_page_around_the_portal_gets_nothing_either(visit: Visit, site: Site, key: str) -> None:
    site.page("/open", key, "data-open")
    site.pages["/around"] = f'<iframe src="{site.portal}/open" width=900 height=800></iframe>'
    visited = visit(f"{site.evil}/around")
    inner = visited.page.frame_locator("iframe")
    expect(inner.locator("saidso-widget").get_by_role("alert")).to_contain_text("does not open here")
    expect(inner.frame_locator("saidso-widget iframe").locator("#question")).to_have_count(0)


def test_a_sandbox_and_a_window_of_its_own_are_told_why(visit: Visit, site: Site, key: str, log: WidgetLog) -> None:
    address = f"{site.server}/widget/frame?key={key}"
    site.pages["/sandbox"] = f'<iframe sandbox="allow-scripts" src="{address}"></iframe>'
    before = len(log.last("portal", 1000))
    visited = visit(f"{site.portal}/sandbox")
    frame = visited.page.frame_locator("iframe")
    expect(frame.get_by_role("alert")).to_contain_text("shut in a sandbox here")
    expect(frame.locator("#question")).to_be_hidden()
    alone = visit(address).page
    expect(alone.get_by_role("alert")).to_contain_text("works only inside the page")
    expect(alone.locator("#question")).to_be_hidden()
    assert [use.status for use in log.last("portal", 1000)[before:]] == [403]


# ── what articles and pages bring ───────────────────────────────────────────────────────────────────────────


def test_nothing_in_articles_or_attributes_is_run(visit: Visit, site: Site, key: str) -> None:
    quoted = INJECTED.replace('"', "&quot;").replace("<", "&lt;")
    names = ("label", "title", "greeting", "color", "lang", "theme", "position")
    site.page("/injected", key, " ".join(f'data-{name}="{quoted}"' for name in names))
    visited = visit(f"{site.portal}/injected")
    expect(visited.opener).to_have_text(INJECTED)
    assert visited.opener.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(143, 29, 29)"
    frame = visited.open()
    expect(frame.locator("#greeting")).to_have_text(INJECTED)
    expect(frame.locator("html")).to_have_attribute("lang", "en")
    answer = visited.ask("How many zeppelins were grounded in Ruritania?")
    expect(answer.locator(".quote").first).to_contain_text("<script>alert(4)</script>")
    answer.locator(".cite").first.click()
    expect(frame.locator("mark")).to_contain_text('<img src="http://evil.test/x.png" onerror="alert(5)">')
    expect(frame.locator("#source-title")).to_have_text(str(HOSTILE["title"]))
    assert frame.locator("img, iframe, style, script:not([src]), b b, #original a").count() == 0
    assert visited.host.locator("img, script").count() == 0
    with pytest.raises(Exception, match="TrustedHTML"):
        frame.locator("body").evaluate("e => { e.innerHTML = '<b>x</b>'; }")
