"""The page behind the log-in: a real Chromium, a real server that speaks HTTPS and wants a token even from here."""

from __future__ import annotations

import http.client
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from assistant.access_settings import Permission
from assistant.settings import Settings
from assistant.tokens import Tokens
from tests.app_server import serving
from tests.conftest import needs_chromium
from tests.test_page import PENTAGON, ask, contrast, fits, luminance

pytestmark = needs_chromium
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def data_folder(copy_of_samples: Callable[[], Path]) -> Path:
    return copy_of_samples()


@pytest.fixture(scope="module")
def tokens(data_folder: Path) -> Iterator[Tokens]:
    tokens = Tokens.open(Settings(data_folder).database_url)
    yield tokens
    tokens.close()


@pytest.fixture(scope="module")
def asker(tokens: Tokens) -> str:
    return tokens.create("asker", Permission.ASK)[1]


@pytest.fixture(scope="module")
def address(data_folder: Path, asker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 1 -subj /CN=127.0.0.1".split()
    subprocess.run([*make, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    given = {"SAIDSO_CERTIFICATE": str(certificate), "SAIDSO_CERTIFICATE_KEY": str(key), "SAIDSO_REQUIRE_TOKEN": "1"}
    with serving(data_folder, **given) as url:
        assert url.startswith("https://127.0.0.1:")
        yield url


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Open]:
    """Open the page as somebody new, which takes them to the log-in."""
    contexts = []

    def open_(width: int = 1280, height: int = 860, scheme: str = "light") -> Page:
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, color_scheme=scheme, ignore_https_errors=True)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()


def log_in(page: Page, secret: str) -> None:
    """With the keyboard alone: the field has the focus already."""
    expect(page.get_by_label("Access token")).to_be_focused()
    page.keyboard.insert_text(secret)
    page.keyboard.press("Enter")


def test_log_in_ask_and_log_out(open_page: Open, address: str, asker: str) -> None:
    page = open_page()
    expect(page).to_have_url(f"{address}/login?next=%2F")
    log_in(page, f"{asker}x")
    expect(page.get_by_role("alert")).to_contain_text("not a valid token")
    assert page.get_by_label("Access token").input_value() == ""
    log_in(page, asker)
    expect(page).to_have_url(f"{address}/")
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    expect(page.locator("#holdings")).to_contain_text("22 articles")
    ask(page, PENTAGON)
    expect(page.locator(".answer .quote").first).to_contain_text("al-Jinah")
    page.locator(".answer .cite").first.click()
    expect(page.locator("#source mark")).to_be_in_viewport()
    expect(page.locator("#add")).to_be_hidden()  # it takes another scope
    page.get_by_role("link", name="Log out").click()
    expect(page).to_have_url(f"{address}/login")
    assert page.context.cookies() == []
    page.goto(address)
    expect(page.get_by_label("Access token")).to_be_focused()


def test_who_may_ingest_can_upload(open_page: Open, tokens: Tokens, tmp_path: Path) -> None:
    page = open_page()
    log_in(page, tokens.create("ingester", Permission.INGEST)[1])
    (tmp_path / "harbour.txt").write_text("Harbour master Ada Lind said the ferry to Vinga would sail again in June.")
    page.get_by_role("tab", name="Articles").click()
    page.locator("#articles input[type=file]").set_input_files([tmp_path / "harbour.txt"])
    expect(page.locator("#articles .good")).to_have_text("1 article added.")


def test_who_may_only_ask_is_not_offered_to_add_or_remove(open_page: Open, asker: str) -> None:
    page = open_page()
    log_in(page, asker)
    page.get_by_role("tab", name="Articles").click()
    expect(page.locator("#articles-list li").first).to_be_visible()
    expect(page.locator("#articles-add")).to_be_hidden()
    page.locator("#articles-list button").first.click()
    expect(page.locator("#article .text")).to_be_visible()
    expect(page.get_by_role("button", name="Remove…")).to_have_count(0)


def test_a_page_left_open_is_sent_to_log_in_again(open_page: Open, address: str, tokens: Tokens) -> None:
    page = open_page()
    log_in(page, tokens.create("leaving", Permission.ASK)[1])
    expect(page.locator("#holdings")).to_contain_text("articles")
    page.fill("#question textarea", PENTAGON)
    tokens.revoke("leaving")  # whatever the page asks for next leads to the log in, be it the question or not
    page.keyboard.press("Enter")
    expect(page.get_by_label("Access token")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_log_in_is_readable(open_page: Open, width: int, scheme: str) -> None:
    page = open_page(width=width, scheme=scheme)
    expect(page.get_by_role("heading", level=1)).to_have_text("Saidso")
    fits(page, "h1", "input:visible", "button")
    background = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert background < 0.05 if scheme == "dark" else background > 0.8
    assert contrast(page, "button") >= 4.5 and contrast(page, "#token") >= 4.5
    assert page.locator("#token").evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 16


@pytest.mark.parametrize(
    "path",
    [
        "/web/%2e%2e/%2e%2e/pyproject.toml", "/healthz/%2e%2e/config", "/%2e%2e/%2e%2e/etc/passwd", "//config",
        "/healthz%2f..%2fconfig", "/%63onfig", "/config%00", "/healthz%3f/../config", "/gradio_api/file=%2fetc/passwd",
        "/gradio_api/%66ile=/etc/passwd", "/web/..%5c..%5cpyproject.toml", "/config#/healthz", "/CONFIG",
    ],
)  # fmt: skip
def test_no_encoding_of_a_path_gets_round(address: str, path: str) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(urlsplit(address).netloc, context=context)
    connection.putrequest("GET", path)
    connection.endheaders()
    assert connection.getresponse().status in {400, 401, 404}
    connection.close()
