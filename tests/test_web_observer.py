"""What an operator sees: the log without what was asked, figures for Prometheus, whether the server is ready."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from assistant.access_settings import Access
from assistant.assistant import Assistant
from assistant.settings import Settings
from assistant.web.crew import Crew
from assistant.web.logs import HEADER, REQUEST_ID, logging_as
from assistant.web.metrics import Metrics
from assistant.web.readiness import Readiness
from assistant.web.startup import Startup
from index.articles import Rejected
from index.errors import SaidsoError
from index.ingest import IngestReport
from tests.test_web import ORIGIN, app_of
from tests.test_web_access import FAR, NEAR, PROXY, app_with, bearer, call, run

QUESTION = "What did the Pentagon claim was hit?"
NEVER = "How much does the moon weigh in teaspoons of purple?"


@pytest.fixture(scope="module")
def startup(samples: Assistant) -> Startup:
    startup = Startup(lambda: samples)
    startup.run()
    return startup


@pytest.fixture(scope="module")
def app(startup: Startup, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    app = app_of(startup, Settings(tmp_path_factory.mktemp("observed")))

    async def broken(secret: str = "") -> None:
        raise ZeroDivisionError(f"over {secret}")

    app.router.routes.insert(0, _route("/web/broken", broken))
    return app


def _route(path: str, endpoint: Any) -> Any:
    from fastapi.routing import APIRoute

    return APIRoute(path, endpoint)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url=ORIGIN, raise_server_exceptions=False)


def written(form: str, monkeypatch: pytest.MonkeyPatch, client: TestClient, *requests: tuple[str, str, Any]) -> str:
    """What is logged of these requests."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with logging_as(form):
        for method, path, body in requests:
            client.request(method, path, json=body, headers={"authorization": "Bearer saidso_secret"})
    return stream.getvalue()


# ── the log ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_log_is_json_without_what_was_asked(monkeypatch: pytest.MonkeyPatch, client: TestClient) -> None:
    requests = (
        ("POST", "/api/ask", {"question": QUESTION}),
        ("GET", "/api/articles?q=Pentagon", None),
        ("GET", "/api/articles/2017-03-16-central-command-first-statement", None),
        ("GET", "/nowhere/Pentagon", None),
        ("GET", "/healthz", None),
    )
    lines = written("json", monkeypatch, client, *requests)
    told = [json.loads(line) for line in lines.splitlines()]
    assert [(one["method"], one["route"], one["status"]) for one in told] == [
        ("POST", "/api/ask", 200),
        ("GET", "/api/articles", 200),
        ("GET", "/api/articles/{article_id:path}", 200),
        ("GET", "/*", 404),
    ]
    for one in told:
        assert re.fullmatch("[0-9a-f]{16}", one["request"]) and one["seconds"] >= 0
        assert one["level"] == "info" and one["logger"] == "assistant.web.observer"
        assert one["visitor"].startswith("address:")
    for secret in ("Pentagon", "claim", "secret", "central-command", "saidso_"):
        assert secret not in lines


def test_the_log_is_text_for_people_and_warnings_alone_unless_asked(
    monkeypatch: pytest.MonkeyPatch, client: TestClient
) -> None:
    line = written("text", monkeypatch, client, ("GET", "/api/articles", None))
    assert re.fullmatch(r"\S+ info \[[0-9a-f]{16}\] GET /api/articles 200 in \d+\.\d{3} s\n", line)
    assert written("warnings", monkeypatch, client, ("GET", "/api/articles", None)) == ""


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_error_is_told_by_its_kind_and_place(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with logging_as(form):
        try:
            try:
                raise ValueError(QUESTION)
            except ValueError as error:
                raise RuntimeError(QUESTION) from error
        except RuntimeError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    told = stream.getvalue()
    assert "RuntimeError < " in told and "ValueError < " in told and "test_an_error_is_told" in told
    assert "Exception in ASGI application" in told and QUESTION not in told
    assert len(told.splitlines()) == (1 if form == "json" else 3)


def test_an_unexpected_error_is_answered_with_its_number(client: TestClient, startup: Startup) -> None:
    got = client.get(f"/web/broken?secret={QUESTION}")
    assert got.status_code == 500
    assert got.json()["detail"].endswith(f"finds it in the log as {got.headers[HEADER]}.")
    assert "saidso_errors_total 1\n" in startup.metrics.exposition({})


def test_every_answer_has_an_id_of_its_own(client: TestClient) -> None:
    ids = [client.get(path, headers={HEADER: "given-by-anybody"}).headers[HEADER] for path in ("/healthz", "/", "/no")]
    assert len(set(ids)) == 3 and "given-by-anybody" not in ids
    assert client.get("/healthz", headers={"host": "evil.test"}).headers[HEADER]


@pytest.mark.parametrize(
    ("given", "peer", "is_taken"),
    [
        ("0af7651916cd43dd8448eb211c80319c", NEAR, True),
        ("0af7651916cd43dd8448eb211c80319c", FAR, False),
        ("short", NEAR, False),
        ("a" * 65, NEAR, False),
        ("abcdefgh ijkl", NEAR, False),
        ('abcdefgh"ijkl', NEAR, False),
    ],
)
def test_an_id_is_taken_from_a_trusted_proxy(tmp_path: Path, given: str, peer: str, is_taken: bool) -> None:
    app = app_with(tmp_path, Access.from_environment(PROXY))
    got = run(call(app, "GET", "/healthz", (HEADER, given), peer=peer))
    assert (got.headers[HEADER.lower()] == given) is is_taken


def test_the_threads_that_answer_know_the_request() -> None:
    async def ask() -> str:
        REQUEST_ID.set("abcdefgh")
        return await Crew().do(REQUEST_ID.get)

    assert run(ask()) == "abcdefgh"


# ── figures ─────────────────────────────────────────────────────────────────────────────────────────────────


def figures(text: str) -> dict[str, float]:
    """Read the exposition as Prometheus would: every line a comment, or a name with labels and a number."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            form = re.fullmatch(r'([a-z_]+(?:\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)+\})?) ([0-9.e+-]+)', line)
            assert form, line
            found[form[1]] = float(form[2])
    return found


def test_what_happens_is_counted(client: TestClient, startup: Startup) -> None:
    before = figures(client.get("/metrics").text)
    for question in (QUESTION, NEVER, ""):
        client.post("/api/ask", json={"question": question})
    client.post("/v1/chat/completions", json={"model": "saidso", "messages": [{"role": "user", "content": QUESTION}]})
    client.post("/api/receipt", json={"question": QUESTION})
    with client.stream("POST", "/api/ask/stream", json={"question": QUESTION}) as events:
        events.read()
    got = client.get("/metrics")
    assert got.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    after = figures(got.text)

    def more(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert more('saidso_answers_total{outcome="answered"}') == 4
    assert more('saidso_answers_total{outcome="abstained"}') == 1
    assert more("saidso_answer_seconds_count") == 5
    assert more('saidso_requests_total{method="POST",route="/api/ask",status="200"}') == 2
    assert more('saidso_requests_total{method="POST",route="/api/ask",status="422"}') == 1
    assert more('saidso_request_seconds_count{route="/api/ask"}') == 3
    assert more('saidso_request_seconds_bucket{route="/api/ask",le="+Inf"}') == 3
    assert after["saidso_ready"] == 1 and after["saidso_disk_free_bytes"] > 0
    assert QUESTION not in got.text and "Pentagon" not in got.text
    if sys.platform == "linux":
        assert after["process_resident_memory_bytes"] > 10_000_000 and after["process_open_fds"] > 3


def test_routes_are_few_however_many_addresses_are_asked_for(client: TestClient) -> None:
    before = len(figures(client.get("/metrics").text))
    for number in range(20):
        client.get(f"/nowhere/{number}")
        client.get(f"/api/articles/{number}")
        client.request("BREW", f"/{number}")
    assert len(figures(client.get("/metrics").text)) - before < 70  # three routes, each with its histogram


def test_ingestion_is_counted_and_its_failure_too() -> None:
    metrics = Metrics()
    metrics.ingesting(lambda: IngestReport(["a", "b"], ["c"], 4, [Rejected("d", "d is empty.")]))

    def fail() -> IngestReport:
        raise SaidsoError("The disk is full.")

    with pytest.raises(SaidsoError):
        metrics.ingesting(fail)
    found = figures(metrics.exposition({}))
    for outcome, count in {"added": 2, "replaced": 1, "unchanged": 4, "rejected": 1}.items():
        assert found[f'saidso_articles_ingested_total{{outcome="{outcome}"}}'] == count
    assert found['saidso_ingestions_total{outcome="done"}'] == found['saidso_ingestions_total{outcome="failed"}'] == 1


def test_nothing_is_lost_where_many_count_at_once() -> None:
    metrics = Metrics()

    def count() -> None:
        for _ in range(500):
            metrics.request("GET", 'odd"\\route\n', 200, 0.02)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = figures(metrics.exposition({}))
    assert found['saidso_requests_total{method="GET",route="odd\\"\\\\route\\n",status="200"}'] == 4000
    assert found['saidso_request_seconds_bucket{route="odd\\"\\\\route\\n",le="0.025"}'] == 4000
    assert found['saidso_request_seconds_bucket{route="odd\\"\\\\route\\n",le="0.01"}'] == 0


def test_figures_take_an_admin(tmp_path: Path) -> None:
    from assistant.access_settings import Permission
    from assistant.tokens import Tokens

    tokens = Tokens.open(Settings(tmp_path).database_url)
    secrets = {scope: tokens.create(scope.name, scope)[1] for scope in Permission if scope}
    tokens.close()
    app = app_with(tmp_path, Access())
    assert run(call(app, "GET", "/metrics")).status == 401
    got = {scope: run(call(app, "GET", "/metrics", bearer(secret))).status for scope, secret in secrets.items()}
    assert list(got.values()) == [403, 403, 200]


# ── readiness ───────────────────────────────────────────────────────────────────────────────────────────────


def with_reserve(startup: Startup, folder: Path, times: float) -> tuple[Readiness, TestClient]:
    """The server where so many times as much is wanted free as is free."""
    reserve = times * shutil.disk_usage(folder).free / 1e9
    client = TestClient(app_of(startup, Settings(folder, disk_reserve=reserve)), base_url=ORIGIN)
    return Readiness(startup, folder, reserve), client


def test_it_says_nothing_where_there_is_room(
    startup: Startup, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    readiness, client = with_reserve(startup, tmp_path, 0.5)
    readiness.note()
    assert caplog.records == [] and "warning" not in client.get("/readyz").json()


def test_it_warns_before_the_disk_is_full(startup: Startup, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    readiness, client = with_reserve(startup, tmp_path, 2)
    for _ in range(3):
        readiness.note()
    sentence = r"The disk is nearly full: \d+\.\d GB are free; make room before articles can no longer be added\."
    (record,) = caplog.records
    assert re.fullmatch(rf"{sentence} \({re.escape(str(tmp_path))}\)", record.getMessage())
    got = client.get("/readyz")
    assert (got.status_code, got.json()["status"]) == (200, "ready")
    assert re.fullmatch(sentence, got.json()["warning"])


def test_it_is_not_ready_once_the_disk_is_as_good_as_full(startup: Startup, tmp_path: Path) -> None:
    _, client = with_reserve(startup, tmp_path, 20)
    got = client.get("/readyz")
    assert (got.status_code, got.json()["status"]) == (503, "full")
    assert "saidso_ready 0\n" in client.get("/metrics").text
    assert client.get("/healthz").status_code == 200


def test_it_is_not_ready_where_nothing_can_be_written(startup: Startup, tmp_path: Path) -> None:
    client = TestClient(app_of(startup, Settings(tmp_path / "data")), base_url=ORIGIN)
    (tmp_path / "data").mkdir(exist_ok=True)
    assert client.get("/readyz").status_code == 200
    shutil.rmtree(tmp_path / "data")
    got = client.get("/readyz")
    assert (got.status_code, got.json()["status"]) == (503, "unwritable")
    assert f"The data folder {tmp_path / 'data'} cannot be written (No such file" in got.json()["reason"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_it_is_not_ready_where_it_may_not_write(startup: Startup, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert Readiness(startup, tmp_path, 1.0).look().status == "unwritable"
    finally:
        tmp_path.chmod(0o700)


def test_the_settings_are_read_and_wrong_ones_named(tmp_path: Path) -> None:
    read = Settings.from_environment(tmp_path, {"SAIDSO_LOG": "json", "SAIDSO_DISK_RESERVE_GB": "2.5"})
    assert (read.log, read.disk_reserve) == ("json", 2.5)
    assert replace(read, log="warnings", disk_reserve=1.0) == Settings.from_environment(tmp_path, {})
    with pytest.raises(SaidsoError, match="SAIDSO_LOG='loud' is none of warnings, text, json; change it or unset it"):
        Settings.from_environment(tmp_path, {"SAIDSO_LOG": "loud"})
    with pytest.raises(SaidsoError, match="SAIDSO_DISK_RESERVE_GB='-1' is not a number"):
        Settings.from_environment(tmp_path, {"SAIDSO_DISK_RESERVE_GB": "-1"})
