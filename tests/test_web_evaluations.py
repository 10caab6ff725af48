"""Evaluations over HTTP, through the whole application: what is answered, what is refused, and how."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from starlette.testclient import TestClient

from assistant.assistant import Assistant
from assistant.evaluation.jobs import Jobs
from assistant.evaluation.report import script_hash
from assistant.settings import Settings
from assistant.web.evaluations import add_evaluations
from assistant.web.refusals import add_refusals
from assistant.web.security import MAX_JSON_BYTES, MAX_UPLOAD_BYTES
from assistant.web.startup import Startup
from tests.test_evaluation_jobs import FIVE, Watched
from tests.test_web import ORIGIN, app_of

ROUTE = "/api/evaluations"
HOSTILE = "<img src=x onerror=alert(1)>\"';{}\r\n.jsonl"
ASKED = b"".join(
    json.dumps({"id": f"<b>{n}", "question": question, "answers": answers}).encode() + b"\n"
    for n, (question, answers) in enumerate(
        [("How many bombs did the F-15s drop?", ["ten bombs"]), ("Who won the 2022 World Cup? </script><b>", [])]
    )
)


@pytest.fixture(scope="module")
def client(samples: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    startup = Startup(lambda: samples)
    with TestClient(app_of(startup, Settings(tmp_path_factory.mktemp("web"))), base_url=ORIGIN) as client:
        yield client


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[TestClient, Watched]]:
    """An application whose assistant waits at its third question."""
    assistant = Watched()
    startup = Startup(lambda: assistant)
    with TestClient(app_of(startup, Settings(tmp_path)), base_url=ORIGIN) as client:
        yield client, assistant
        assistant.may_go_on.set()


def start(client: TestClient, data: bytes = ASKED, name: str = "asked.jsonl", **fields: Any) -> Response:
    return client.post(ROUTE, files={"file": (name, data)}, data=fields)


def finished(client: TestClient, response: Response) -> dict[str, Any]:
    assert response.status_code == 201, response.text
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = client.get(response.headers["location"]).json()
        if job["state"] not in ("queued", "running"):
            return dict(job)
        time.sleep(0.05)
    raise AssertionError(f"not done: {job}")


@pytest.fixture(scope="module")
def done(client: TestClient) -> dict[str, Any]:
    """A finished job."""
    return finished(client, start(client))


def test_a_question_file_is_scored_and_its_run_and_report_are_served(client: TestClient) -> None:
    first = finished(client, start(client, gate=["verbatim>=1", "f1>=1.1"], seed="3"))
    assert (first["state"], first["done"], first["total"], first["why"]) == ("done", 2, 2, None)
    assert first["summary"]["right"]["value"] == 1.0
    assert [gate["passed"] for gate in first["gates"]] == [True, False]
    run = client.get(f"{ROUTE}/{first['id']}/run")
    assert run.headers["content-type"] == "application/json"
    assert run.headers["content-disposition"] == 'attachment; filename="asked.jsonl.run.json"'
    assert run.json()["seed"] == 3 and len(run.json()["questions"]) == 2
    second = finished(client, start(client, baseline=first["id"], limit="1"))
    assert second["total"] == 1 and "Only 1 of 1 questions are in the baseline" in second["warnings"][0]
    listed = client.get(ROUTE).json()["evaluations"]
    assert [job["id"] for job in listed[:2]] == [second["id"], first["id"]]
    assert listed[1]["right"] == 1.0 and "summary" not in listed[1]


def test_the_report_may_do_nothing_but_run_its_own_script(client: TestClient, done: dict[str, Any]) -> None:
    job = done
    report = client.get(f"{ROUTE}/{job['id']}/report")
    assert report.headers["content-type"].startswith("text/html")
    policy = dict(rule.strip().partition(" ")[::2] for rule in report.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == f"'{script_hash()}'"
    assert policy["frame-ancestors"] == "'self'" and "allow-same-origin" not in policy["sandbox"]
    assert report.headers["x-frame-options"] == "SAMEORIGIN" and report.headers["x-content-type-options"] == "nosniff"
    assert script_hash() in report.text and "<b>" not in report.text.split('id="data">')[1].split("</script>")[0]
    assert "content-disposition" not in report.headers
    kept = client.get(f"{ROUTE}/{job['id']}/report?download=1")
    assert kept.headers["content-disposition"] == "attachment; filename*=utf-8''asked.jsonl.report.html"
    for path in ("/", ROUTE, f"{ROUTE}/{job['id']}", "/api/evaluations/none/report"):
        policy_there = client.get(path).headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy_there and "script-src 'self'" in policy_there, path


def test_a_name_is_data(client: TestClient) -> None:
    job = finished(client, start(client, name=f"../../{HOSTILE}"))
    assert "/" not in job["file"] and "\n" not in job["file"] and job["file"].endswith(".jsonl")
    report = client.get(f"{ROUTE}/{job['id']}/report?download=1")
    assert "<img" not in report.text
    for kept in (report, client.get(f"{ROUTE}/{job['id']}/run")):
        assert "<" not in kept.headers["content-disposition"] and "\r" not in kept.headers["content-disposition"]


def test_while_it_runs_questions_are_answered_and_it_can_be_cancelled(watched: tuple[TestClient, Watched]) -> None:
    client, assistant = watched
    running, waiting = start(client, FIVE).json(), start(client, FIVE).json()
    while len(assistant.asked) < 3:
        time.sleep(0.01)
    seen = client.get(f"{ROUTE}/{running['id']}").json()
    assert (seen["state"], seen["done"], seen["total"]) == ("running", 2, 5) and seen["seconds_left"] >= 0
    assert client.get("/readyz").json()["status"] == "ready"
    for path in ("run", "report"):
        answer = client.get(f"{ROUTE}/{running['id']}/{path}")
        assert (answer.status_code, answer.json()["detail"]) == (
            409, "The evaluation of asked.jsonl is running; only a finished one has figures.",
        )  # fmt: skip
    assert client.delete(f"{ROUTE}/{running['id']}").status_code == 409
    assert client.post(f"{ROUTE}/{waiting['id']}/cancel").json()["state"] == "cancelled"
    assert client.post(f"{ROUTE}/{running['id']}/cancel").status_code == 200
    assistant.may_go_on.set()
    while client.get(f"{ROUTE}/{running['id']}").json()["state"] == "running":
        time.sleep(0.01)
    assert client.get(f"{ROUTE}/{running['id']}").json()["state"] == "cancelled"
    assert client.post(f"{ROUTE}/{running['id']}/cancel").status_code == 409
    assert client.delete(f"{ROUTE}/{running['id']}").status_code == 204
    assert client.get(f"{ROUTE}/{running['id']}").status_code == 404


@pytest.mark.parametrize(
    ("data", "name", "fields", "words"),
    [
        (b'{"question": "Who?"}\n{"question": 5}', "q.jsonl", {}, "q.jsonl, line 2: the question has no text"),
        (b"x", "q.exe", {}, "q.exe is of no kind that can be read"),
        (ASKED, "q.jsonl", {"limit": "0"}, "The limit is '0'; give a whole number from 1 on"),
        (ASKED, "q.jsonl", {"limit": "٣"}, "The limit is"),
        (ASKED, "q.jsonl", {"seed": "-1"}, "The seed is '-1'"),
        (ASKED, "q.jsonl", {"gate": "good"}, "is not a condition"),
        (ASKED, "q.jsonl", {"gate": "x" * 201}, "200 characters at most"),
        (ASKED, "q.jsonl", {"gate": ["f1>=0"] * 51}, "50 gates"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_a_sentence(client: TestClient, data: bytes, name: str, fields: Any, words: str) -> None:
    before = client.get(ROUTE).json()
    answer = start(client, data, name, **fields)
    assert answer.status_code == 422 and words in answer.json()["detail"]
    assert "/tmp" not in answer.text and client.get(ROUTE).json() == before


@pytest.mark.parametrize("body", [{"data": {"file": "text"}}, {"data": {}}, {"json": {"file": "x"}}, {"content": b"x"}])
def test_without_a_file_there_is_nothing_to_score(client: TestClient, body: Any) -> None:
    answer = client.post(ROUTE, **body)
    assert answer.status_code == 422 and "There is no question file" in answer.json()["detail"]


@pytest.mark.parametrize("job_id", ["0" * 12, "..", "%2e%2e", "..%2f..%2fetc", "a%00b", "<b>", "evaluations", " "])
def test_an_unknown_id_opens_nothing(client: TestClient, job_id: str) -> None:
    for path in (f"{ROUTE}/{job_id}", f"{ROUTE}/{job_id}/run", f"{ROUTE}/{job_id}/report"):
        answer = client.get(path)
        assert answer.status_code == 404 or "<!doctype html>" in answer.text.lower(), "or the page, which .. leads to"
    assert client.post(f"{ROUTE}/{job_id}/cancel").status_code in (404, 405)
    assert client.delete(f"{ROUTE}/{job_id}").status_code in (404, 405)
    assert start(client, baseline=job_id.strip() or "x").status_code == 404


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://127.0.0.1:3000", "http://localhost:7860"])
def test_another_site_can_start_cancel_or_delete_nothing(client: TestClient, done: dict[str, Any], origin: str) -> None:
    job, headers = done, {"origin": origin}
    before = client.get(ROUTE).json()
    refused = [
        client.post(ROUTE, files={"file": ("q.jsonl", ASKED)}, headers=headers),
        client.post(f"{ROUTE}/{job['id']}/cancel", headers=headers),
        client.delete(f"{ROUTE}/{job['id']}", headers=headers),
        client.delete(f"{ROUTE}/{job['id']}", headers={"host": "evil.test"}),
    ]
    assert [answer.status_code for answer in refused] == [403, 403, 403, 400]
    asking = {**headers, "access-control-request-method": "DELETE"}
    for answer in (client.options(f"{ROUTE}/{job['id']}", headers=asking), client.get(ROUTE, headers=headers)):
        assert "access-control-allow-origin" not in answer.headers
    assert client.get(ROUTE).json() == before


def test_the_page_itself_and_programs_can(client: TestClient) -> None:
    assert start(client).status_code == 201, "a program sends no origin"
    own = client.post(ROUTE, files={"file": ("q.jsonl", ASKED)}, headers={"origin": ORIGIN})
    assert own.status_code == 201 and finished(client, own)["state"] == "done"


def test_bodies_have_a_limit(client: TestClient) -> None:
    form = {"content-type": "multipart/form-data; boundary=x"}
    declared = {**form, "content-length": str(MAX_UPLOAD_BYTES * 2)}
    assert client.post(ROUTE, headers=declared).status_code == 413
    assert client.post(ROUTE, content=b"1" * (MAX_JSON_BYTES + 1)).status_code == 413

    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="q.jsonl"\r\n\r\n'
        for _ in range(MAX_UPLOAD_BYTES // 2**20 + 4):
            yield b" " * 2**20

    before = client.get(ROUTE).json()
    assert client.post(ROUTE, content=endless(), headers=form).status_code in (400, 413)
    assert client.post(ROUTE, content=b"--x\r\n\r\nbroken", headers=form).status_code == 400
    many = [("file", (f"{n}.jsonl", ASKED)) for n in range(2)]
    assert client.post(ROUTE, files=many).status_code == 400
    assert client.get(ROUTE).json() == before


def test_a_second_server_over_the_folder_says_whose_page_to_use(client: TestClient, tmp_path: Path) -> None:
    from fastapi import FastAPI

    jobs, others = Jobs(Settings(tmp_path), Watched), Jobs(Settings(tmp_path), Watched)
    jobs.begin()
    others.begin()
    app = FastAPI()
    add_evaluations(app, others)
    add_refusals(app)
    answer = TestClient(app, base_url=ORIGIN).get(ROUTE)
    assert answer.status_code == 503 and "Another Saidso server" in answer.json()["detail"]
    assert jobs.end()


def test_the_page_answers_while_an_evaluation_runs(client: TestClient, samples: Assistant) -> None:
    many = b"".join(
        json.dumps({"id": str(n), "question": f"Who said what about building {n}?"}).encode() + b"\n"
        for n in range(300)
    )
    job = start(client, many, "many.jsonl").json()
    while client.get(f"{ROUTE}/{job['id']}").json()["done"] < 1:
        time.sleep(0.02)
    answers: list[bool] = []
    asking = threading.Thread(
        target=lambda: answers.append(samples.ask("How many bombs did the F-15s drop?").abstained)
    )
    asking.start()
    began = time.monotonic()
    assert client.get("/healthz").status_code == 200 and time.monotonic() - began < 2
    asking.join(20)
    assert answers == [False]
    assert client.get(f"{ROUTE}/{job['id']}").json()["state"] == "running"
    client.post(f"{ROUTE}/{job['id']}/cancel")
    deadline = time.monotonic() + 20
    while client.get(f"{ROUTE}/{job['id']}").json()["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
