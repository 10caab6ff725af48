"""What the page and the widget weigh in a browser: requests, bytes over the wire, and when each can be used.

    python -m tests.benchmarks.weights [--times 5]

Serves the sample articles, a bare Gradio page for comparison, and the widget's demonstration page. Each is opened with
an empty cache, several times in turn; the page once more with a full cache. Medians.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from tests.app_server import ready_at, serving
from tests.conftest import CHROMIUM

ROOT = Path(__file__).parents[2]
_BARE = """
import gradio
with gradio.Blocks(analytics_enabled=False) as page:
    gradio.Textbox(elem_id="question")
page.launch(server_name="127.0.0.1", quiet=True, prevent_thread_lock=True, ssr_mode=False)
print(page.local_url, flush=True)
page.block_thread()
"""


class Weight(NamedTuple):
    """One visit: requests, bytes that came over the wire (compressed, with headers), milliseconds until usable."""

    requests: int
    bytes: int
    usable_ms: float


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        page = ready_at(stack.enter_context(serving(folder)))
        bare = stack.enter_context(_started([sys.executable, "-c", _BARE], GRADIO_ANALYTICS_ENABLED="False"))
        demo = [sys.executable, "-m", "assistant", "widget", "demo", "--server", page, "--port", "0"]
        portal = stack.enter_context(_started(demo, SAIDSO_DATA_DIR=str(folder)))
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        found: dict[str, list[Weight]] = {}
        for _ in range(times):
            for name, weight in _visits(browser, page, bare, portal):
                found.setdefault(name, []).append(weight)
        print("| | requests | kB over the wire | usable after, ms |\n| --- | --- | --- | --- |")
        for name, weights in found.items():
            requests, size, usable = (median(column) for column in zip(*weights, strict=True))
            print(f"| {name} | {requests:.0f} | {size / 1000:,.1f} | {usable:,.0f} |")


def _visits(browser: Browser, page: str, bare: str, portal: str) -> Iterator[tuple[str, Weight]]:
    yield "bare Gradio page", _weigh(browser, bare, _question)
    yield "page", _weigh(browser, page, _question)
    yield "page, again", _weigh(browser, page, _question, again=True)
    yield "portal, widget closed", _weigh(browser, portal, lambda tab: tab.get_by_role("button").first.wait_for())
    yield "portal, widget opened", _weigh(browser, portal, _open_widget)


def _question(tab: Page) -> None:
    tab.wait_for_selector("#question textarea")


def _open_widget(tab: Page) -> None:
    tab.get_by_role("button").first.click()
    tab.frame_locator("saidso-widget iframe").get_by_role("textbox").wait_for()


def _weigh(browser: Browser, url: str, use: Callable[[Page], object], again: bool = False) -> Weight:
    context = browser.new_context()
    tab = context.new_page()
    if again:
        tab.goto(url)
        use(tab)
    sizes: list[float] = []
    devtools = context.new_cdp_session(tab)
    devtools.send("Network.enable")
    devtools.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    start = perf_counter()
    tab.goto(url)
    use(tab)
    usable = 1000 * (perf_counter() - start)
    tab.wait_for_timeout(500)  # for what comes after it can be used
    context.close()
    return Weight(len(sizes), int(sum(sizes)), usable)


@contextmanager
def _started(command: list[str], **environment: str) -> Iterator[str]:
    """Start a program that prints its address, and stop it with Ctrl-C."""
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as program:
        try:
            assert program.stdout is not None
            words = (word for line in program.stdout for word in line.split())
            yield next(word.rstrip(",.") for word in words if word.startswith("http"))
        finally:
            program.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
