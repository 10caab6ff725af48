"""The web application without a browser: what it answers, refuses and never does."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from assistant.answer import Answer, Statement
from assistant.assistant import Assistant
from assistant.citations import Citation
from assistant.evaluation.jobs import Jobs
from assistant.settings import Settings
from assistant.web import render, source_pane, wording
from assistant.web.security import MAX_JSON_BYTES, MAX_UPLOAD_BYTES
from assistant.web.server import create_app, serve
from assistant.web.startup import Startup
from index.articles import Article
from index.catalogue import Holdings
from index.errors import SaidsoError
from index.filters import Filters
from index.passages import Span

ORIGIN = "http://127.0.0.1:7860"
ROOT = Path(__file__).parent.parent


def app_of(startup: Startup, settings: Settings) -> FastAPI:
    async def make() -> FastAPI:
        return create_app(startup, Jobs(settings, startup.wait), settings)

    return asyncio.run(make())  # where no event loop runs, gradio makes one and never closes it


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Startup, threading.Event]]:
    """The app while its assistant cannot be opened yet; setting the event lets it."""
    go_on = threading.Event()

    def open_slowly() -> Assistant:
        go_on.wait(60)
        raise SaidsoError("The data folder /x cannot be written; choose another with --data-dir.")

    startup = Startup(open_slowly)
    settings = Settings(tmp_path_factory.mktemp("web"))
    with TestClient(app_of(startup, settings), base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield client, startup, go_on
        go_on.set()


@pytest.fixture
def client(waiting: tuple[TestClient, Startup, threading.Event]) -> TestClient:
    return waiting[0]


# ── health ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_serves_before_it_is_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "starting", "reason": "Opening the collection; one moment, please."}
    assert client.get("/").status_code == 200


def test_ready_once_the_assistant_is_open(samples: Assistant, tmp_path: Path) -> None:
    startup = Startup(lambda: samples)
    startup.run()
    with TestClient(app_of(startup, Settings(tmp_path)), base_url=ORIGIN) as client:
        holdings = samples.holdings()
        assert client.get("/readyz").json() == {
            "status": "ready",
            "articles": holdings.articles,
            "passages": holdings.passages,
        }


def test_a_failed_start_says_why() -> None:
    def fail() -> Assistant:
        raise SaidsoError("The data folder /x cannot be written.")

    startup = Startup(fail)
    startup.run()
    assert not startup.ready
    with pytest.raises(SaidsoError, match="/x cannot be written"):
        _ = startup.assistant
    with pytest.raises(SaidsoError, match="/x cannot be written"):
        startup.wait()


def test_a_start_that_breaks_off_says_where_to_look() -> None:
    def break_off() -> Assistant:
        raise ZeroDivisionError

    startup = Startup(break_off)
    assert startup.failure is None
    with pytest.raises(ZeroDivisionError):
        startup.run()
    assert startup.failure == "Saidso could not start; the terminal it runs in says why."


def test_samples_are_read_in_on_the_first_start_only(tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "one.txt").write_text("The mayor said on Monday that the bridge would open in May.")
    settings = Settings(tmp_path / "data")

    def start() -> Startup:
        startup = Startup(lambda: Assistant.open(settings), folder)
        startup.run()
        return startup

    first = start()
    assert first.assistant.holdings().articles == 1
    first.assistant.remove([article.id for article in first.assistant.articles()])
    first.end()
    second = start()
    assert second.assistant.holdings().articles == 0
    second.end()


# ── what goes out, what comes in ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    ["/", "/healthz", "/readyz", "/config", "/web/saidso.js", "/theme.css", "/nowhere", "/gradio_api/file=/etc/passwd"],
)  # fmt: skip
def test_every_answer_carries_the_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    for rule in ("default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "object-src 'none'"):
        assert rule in policy
    assert "unsafe-eval" not in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://example.com/x",
        "/gradio_api/file=https://example.com/x",
        "/gradio_api/file=%68ttp://example.com/x",
        "/gradio_api/proxy=https://example.com/x",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=app.py",
        "/gradio_api/mcp/",
        "/gradio_api/run-history/buckets",
        "/gradio_api/deep_link?session_hash=x",
    ],
)
def test_no_file_is_handed_out_or_fetched(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("address", ["http://example.com/a.txt", "HTTPS://example.com/a.txt", "ftp://example.com/a"])
def test_an_event_cannot_make_the_server_fetch(client: TestClient, address: str) -> None:
    data = [{"path": address, "meta": {"_type": "gradio.FileData"}}]
    body = json.dumps({"data": data, "fn_index": 0, "session_hash": "x"}).replace("http", "\\u0068ttp")
    answer = client.post("/gradio_api/queue/join", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "Files are not fetched from addresses.")


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test", "", "[", "192.168.0.1:7860"])
def test_foreign_host_names_are_refused(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "LOCALHOST"])
def test_own_host_names_are_served(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["https://evil.test", "null", "http://127.0.0.1.evil.test", "http://127.0.0.1:3000", "http://localhost:7860"],
)
def test_other_sites_can_neither_write_nor_read(client: TestClient, origin: str) -> None:
    assert client.post("/gradio_api/queue/join", json={}, headers={"origin": origin}).status_code == 403
    assert "access-control-allow-origin" not in client.get("/config", headers={"origin": origin}).headers


def test_bodies_have_a_limit(client: TestClient) -> None:
    assert client.post("/gradio_api/queue/join", content=b"1" * (MAX_JSON_BYTES + 1)).status_code == 413
    declared = {"content-length": str(MAX_UPLOAD_BYTES * 2), "content-type": "multipart/form-data; boundary=x"}
    assert client.post("/api/articles", headers=declared).status_code == 413


@pytest.mark.parametrize("body", ["{", "[" * 100_000, "[]", '{"data": 1}', '{"data": [], "fn_index": 999}'])
def test_no_answer_shows_a_traceback(client: TestClient, body: str) -> None:
    answer = client.post("/gradio_api/queue/join", content=body, headers={"content-type": "application/json"})
    assert answer.status_code >= 400
    assert "Traceback" not in answer.text and ".py" not in answer.text


def test_own_files_are_cached_by_their_content(client: TestClient) -> None:
    page = client.get("/config").json()["head"]
    script = page.split('<script src="')[1].split('"')[0]
    assert script.startswith("web/saidso.js?v=")
    assert "immutable" in client.get(f"/{script}").headers["cache-control"]
    assert "cache-control" not in client.get("/web/nothing.js").headers
    assert "immutable" not in client.get("/").headers.get("cache-control", "")


# ── serving ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_taken_port_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SaidsoError, match=f"Port {port} is in use by another program; choose another, for example"):
            serve(Settings(tmp_path, port=port))


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_app_serves_at_once_and_ends_cleanly(tmp_path: Path, ending: signal.Signals) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {
        **os.environ,
        "SAIDSO_DATA_DIR": str(tmp_path / "data"),
        "SAIDSO_PORT": "0",
        "TMPDIR": str(temporary),
    }
    command = [sys.executable, str(ROOT / "app.py")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as app:
        try:
            assert app.stdout is not None
            line = app.stdout.readline()
            assert line.startswith("Saidso is at http://127.0.0.1:")
            with urlopen(f"{line.split()[-1]}/healthz", timeout=5) as answer:
                assert answer.status == 200
            app.send_signal(ending)
            out, err = app.communicate(timeout=30)
        finally:
            app.kill()
    assert (app.returncode, out, err) == (0, "", "")
    assert list(temporary.glob("saidso-*")) == []


# ── rendering ───────────────────────────────────────────────────────────────────────────────────────────────

ARTICLE = Article(
    "odd/id (1)#?", "First.\n\nSecond <b>bold</b> *star* quote.\nThird.", "T <script>alert(1)</script>",
    "Out & let", ("A. Writer",), "2017-03-16", "https://example.com/a?b=1&c=2",
)  # fmt: skip


def cite(start: int, end: int, article: Article = ARTICLE) -> Citation:
    return Citation(
        1, article.id, article.title, article.source, article.published, article.url,
        article.text[start:end], start, end, Span(0, len(article.text)),
    )  # fmt: skip


def test_escaping_leaves_no_sign_of_html_or_markdown() -> None:
    signs = "<img src=x onerror=alert(1)> [a](javascript:x) **b** `c` _d_ # e | $$x$$ & \"' \n\n> f http://g.com"
    escaped = wording.escape(signs)
    assert not set(escaped) & set("<>[]()*`_|$\"':/\n")
    assert "&#60;img" in escaped


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2017-03-16", "2017-09-06", "16 March – 6 September 2017"),
        ("2016-12-31", "2017-01-01", "31 December 2016 – 1 January 2017"),
        ("2017-03-16", "2017-03-16", "16 March 2017"),
        ("2017-03-16T10:00:00Z", "2017-03-16", "16 March 2017"),
    ],
)
def test_days(first: str, last: str, said: str) -> None:
    assert wording.days(first, last) == said


@pytest.mark.parametrize(
    ("holdings", "said"),
    [
        (
            Holdings(22, 74, (("A", 10), ("B", 2), ("C", 10)), "2017-03-16", "2017-09-06"),
            "22 articles, 74 passages, 16 March – 6 September 2017, 3 outlets",
        ),
        (Holdings(1, 1, (("", 1),), "", ""), "1 article, 1 passage"),
        (Holdings(0, 0, (), "", ""), "No articles are indexed yet. Add some to ask about."),
        (Holdings(12_000, 99_000, (("A", 12_000),), "", ""), "12,000 articles, 99,000 passages, 1 outlet"),
    ],
)
def test_holdings_line(holdings: Holdings, said: str) -> None:
    assert render.holdings_line(holdings) == said


def test_cite_key_round_trip() -> None:
    place = source_pane.place_of(cite(8, 40))
    key = source_pane.cite_key(place)
    assert not set(key) & set(" ()[]<>\"'#?/&")
    assert source_pane.cited(key) == place == source_pane.Cited(ARTICLE.id, Span(8, 40), Span(0, len(ARTICLE.text)))


@pytest.mark.parametrize(
    "key", ["", "cite-", "cite-5-4-0-9-a", "cite-0-9-1-9-a", "cite-1-2-0-9-", "x", "cite-a-b-c-d-e"]
)
def test_a_broken_cite_key_opens_nothing(key: str) -> None:
    assert source_pane.cited(key) is None


def test_source_marks_the_quote_in_its_article() -> None:
    html = source_pane.source(ARTICLE, source_pane.Cited(ARTICLE.id, Span(8, 30), Span(8, 40)))
    assert f"<mark>{wording.escape(ARTICLE.text[8:30])}</mark>" in html
    assert "<script" not in html and "<b>" not in html and "\n" not in html
    assert 'rel="noopener noreferrer"' in html and "16 March 2017" in html and "A&#46; Writer" in html


def test_a_long_article_is_shown_around_the_quote() -> None:
    article = replace(ARTICLE, text="A sentence. " * 200_000)
    html = source_pane.source(
        article, source_pane.Cited(article.id, Span(1_200_000, 1_200_011), Span(1_200_000, 1_200_023))
    )
    assert len(html) < 100_000
    assert html.count("not shown here") == 2


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "ftp://a/b", "//a.b/c", "a", "", "http://", "http://["]
)
def test_only_web_addresses_are_linked(url: str) -> None:
    assert source_pane.safe_address(url) is None
    assert "<a" not in source_pane.source(replace(ARTICLE, url=url), source_pane.Cited("a", Span(0, 1), Span(0, 1)))


def test_an_answer_grows_statement_by_statement() -> None:
    statements = tuple(Statement(speaker, cite(0, 6)) for speaker in ("Ann", "Bob"))
    answer = Answer("q", "", statements, short_answer="First", confidence=0.9)
    part, whole = render.answer(answer, 1), render.answer(answer)
    assert "Ann" in part and "Bob" not in part and "Copy" not in part
    assert "Bob" in whole and "High confidence" in whole and "#receipt-" in whole
    assert render.is_answer(part) and not render.is_answer(render.stage("Searching…"))


def test_an_abstention_is_told_apart_and_shows_what_comes_closest() -> None:
    html = render.answer(Answer("q", "The articles do not hold it.", abstained=True, closest=(cite(0, 6),)))
    assert "abstained" in html and "The articles do not hold it&#46;" in html and "Why no answer" in html
    assert 'class="cite"' in html and "confidence" not in html
    assert "No article fits" in render.answer(Answer("q", "No article fits the filters.", abstained=True))


def test_an_answer_says_first_of_which_articles_it_is() -> None:
    given = Answer("q", "", (Statement("Ann", cite(0, 6)),), filters=Filters((), None, 20170906), undated=2)
    for html in (render.answer(given), render.answer(replace(given, statements=(), abstained=True))):
        assert re.match(r'<div class="answer[^>]*"><p class="only">', html)
        assert "Only&#58; to 6 September 2017&#46; 2 articles without a date are left out&#46;" in html
        assert 'class="clear"' in html
    assert render.only(Filters()) == "" and "only" not in render.answer(replace(given, filters=Filters()))
