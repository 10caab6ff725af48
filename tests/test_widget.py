"""The widget's routes through the whole application: what a session gets, and that nothing else gets anything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import Response
from starlette.testclient import TestClient

from assistant.access_settings import Access
from assistant.assistant import Assistant
from assistant.settings import Settings
from assistant.web.seal import Seal
from assistant.web.startup import Startup
from assistant.widget_keys import DAY, Limit, WidgetKey, WidgetKeys
from assistant.widget_log import Use, WidgetLog
from index.errors import SaidsoError
from index.filters import Filters
from tests.test_web import ORIGIN, app_of

PORTAL, EVIL, PARTNER = "https://portal.example", "https://evil.example", "https://partner.example"
PENTAGON = "What did the Pentagon claim was hit?"
OWN = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Another site, which is let in elsewhere, must not be by the widget."""
    return Settings(tmp_path_factory.mktemp("widget"), access=Access(origins=frozenset({PARTNER})))


@pytest.fixture(scope="module")
def app(samples: Assistant, settings: Settings) -> FastAPI:
    return app_of(Startup(lambda: samples), settings)


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=ORIGIN) as client:
        yield client


@pytest.fixture(scope="module")
def keys(settings: Settings) -> Iterator[WidgetKeys]:
    keys = WidgetKeys.open(settings.database_url)
    yield keys
    keys.close()


@pytest.fixture(scope="module")
def log(settings: Settings) -> Iterator[WidgetLog]:
    log = WidgetLog.open(settings.database_url)
    yield log
    log.close()


@pytest.fixture
def key(keys: WidgetKeys) -> WidgetKey:
    """A key of the test's own."""
    return keys.create(WidgetKey(uuid4().hex, (PORTAL, "http://intranet:8080")))


def exchange(client: TestClient, key: WidgetKey, origin: str = PORTAL, **more: str) -> Response:
    return client.post("/widget/session", json={"key": key.key, "origin": origin, **more}, headers=OWN)


def token(client: TestClient, key: WidgetKey) -> dict[str, str]:
    """Open a session, and return the headers that show it."""
    answer = exchange(client, key)
    assert answer.status_code == 200, answer.text
    return {**OWN, "authorization": f"Bearer {answer.json()['token']}"}


def ask(client: TestClient, question: str, headers: Mapping[str, str], **more: Any) -> Response:
    return client.post("/widget/ask", json={"question": question, **more}, headers=dict(headers))


def events(answer: Response) -> list[tuple[str, dict[str, Any]]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = [dict(line.split(": ", 1) for line in event.split("\n")) for event in answer.text.strip().split("\n\n")]
    return [(event["event"], json.loads(event["data"])) for event in told]


def answered(answer: Response) -> dict[str, Any]:
    name, data = events(answer)[-1]
    assert name == "answer", data
    return data


def uses(log: WidgetLog, key: WidgetKey) -> list[Use]:
    return log.last(key.name, 100)


def nobody(answer: Response) -> None:
    """Nothing but a sentence comes, and no page of another origin may read even that."""
    assert answer.status_code in (401, 403), answer.text
    assert set(answer.json()) == {"detail"} and answer.json()["detail"].endswith(".")
    assert "access-control-allow-origin" not in answer.headers


# ── the script and the frame ────────────────────────────────────────────────────────────────────────────────


def test_the_script_is_small_and_any_site_may_load_and_keep_it(client: TestClient) -> None:
    answer = client.get("/widget.js", headers={"sec-fetch-site": "cross-site", "referer": f"{PORTAL}/"})
    assert answer.headers["content-type"].startswith("text/javascript")
    assert 1000 < len(answer.content) < 6000
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    again = client.get("/widget.js", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_frame_is_for_the_origins_of_its_key(client: TestClient, key: WidgetKey) -> None:
    answer = client.get(
        f"/widget/frame?key={key.key}", headers={"referer": f"{PORTAL}/page", "sec-fetch-dest": "iframe"}
    )
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert policy.endswith(f"frame-ancestors {PORTAL} http://intranet:8080")
    assert "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';" in policy
    assert "unsafe" not in policy and "require-trusted-types-for 'script'" in policy
    assert "x-frame-options" not in answer.headers and PARTNER not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert key.key not in answer.text
    for name in ("frame.js", "frame.css"):
        file = answer.text.split(f'"{name}')[1].split('"')[0]
        assert client.get(f"/widget/{name}{file}").status_code == 200


def test_pages_hold_no_script_and_no_style_of_their_own(client: TestClient, key: WidgetKey) -> None:
    page = client.get(f"/widget/frame?key={key.key}").text
    assert page.count("<script") == page.count("<script src=") == 1
    assert "<style" not in page and "style=" not in page and " on" not in page.partition("<body>")[2]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"referer": f"{EVIL}/"}, "may not show the assistant"),
        ({"referer": f"{PORTAL}.evil.example/"}, "may not show the assistant"),
        ({"referer": "https://portal.example:8443/"}, "may not show the assistant"),
        ({"referer": "http://portal.example/"}, "may not show the assistant"),
        ({"referer": f"{ORIGIN}/"}, "may not show the assistant"),
        ({"referer": "about:blank"}, "may not show the assistant"),
        ({"sec-fetch-dest": "document"}, "works only inside the page"),
        ({"sec-fetch-dest": "empty"}, "works only inside the page"),
        ({"sec-fetch-dest": "embed", "referer": f"{PORTAL}/"}, "works only inside the page"),
    ],
)
def test_the_frame_is_not_given_elsewhere(
    client: TestClient, key: WidgetKey, log: WidgetLog, headers: dict[str, str], said: str
) -> None:
    answer = client.get(f"/widget/frame?key={key.key}", headers=headers)
    assert answer.status_code == 403 and said in answer.text
    assert answer.headers["content-security-policy"].endswith(f"frame-ancestors {PORTAL} http://intranet:8080")
    assert [(use.what, use.status) for use in uses(log, key)][-1] == ("frame", 403)


@pytest.mark.parametrize("wrong", ["", "?key=", "?key=pk_unknown", "?key=%00", "?key=" + "x" * 5000, "?key=';--"])
def test_without_a_key_there_is_no_frame(client: TestClient, wrong: str) -> None:
    answer = client.get(f"/widget/frame{wrong}")
    assert answer.status_code == 404 and "There is no such assistant." in answer.text
    assert f"frame-ancestors {PARTNER}" in answer.headers["content-security-policy"]


# ── the exchange ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_of_an_origin_gets_a_session(client: TestClient, key: WidgetKey, log: WidgetLog) -> None:
    answer = exchange(client, key)
    assert answer.json().keys() == {"token", "expires_in", "scope"}
    assert (answer.json()["expires_in"], answer.json()["scope"]) == (1800, "")
    assert answer.headers["cache-control"] == "no-store"
    other = exchange(client, key, "http://intranet:8080/")
    visitors = [use.visitor for use in uses(log, key)]
    assert other.status_code == 200 and len(set(visitors)) == 2 and all(len(visitor) == 16 for visitor in visitors)


@pytest.mark.parametrize(
    "origin",
    [
        EVIL, "null", "", "*", "https://portal.example.evil.example", "http://portal.example", ORIGIN, PARTNER,
        "https://portal.example:444", "https://evil.example/https://portal.example", f"{PORTAL} {EVIL}", "\x1b[2J",
    ],
)  # fmt: skip
def test_an_origin_that_is_not_listed_gets_no_session(
    client: TestClient, key: WidgetKey, log: WidgetLog, origin: str
) -> None:
    nobody(exchange(client, key, origin))
    kept = uses(log, key)[-1]
    assert (kept.what, kept.status) == ("session", 403) and origin.startswith(kept.origin)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL},
        {"origin": PORTAL},  # even a page of the key's: it is the frame that asks
        {"origin": PARTNER},
        {"origin": "null"},
        {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
        {"origin": ORIGIN, "sec-fetch-site": "same-site"},
        {"origin": ORIGIN, "sec-fetch-site": "none"},
        {"origin": "http://127.0.0.1"},
        {},
    ],
)
def test_only_the_frame_gets_sessions_and_answers(client: TestClient, key: WidgetKey, headers: dict[str, str]) -> None:
    asked = {"key": key.key, "origin": PORTAL}
    refused = client.post("/widget/session", json=asked, headers=headers)
    assert refused.status_code == 403 and "token" not in refused.text
    if not headers:
        return  # a program with a token is one that could send any header
    session = {**token(client, key), "sec-fetch-site": "cross-site", **headers}
    assert ask(client, PENTAGON, session).status_code == 403
    assert client.get("/widget/passage?cited=x", headers=session).status_code == 403


def test_what_is_no_exchange_is_refused(client: TestClient, key: WidgetKey) -> None:
    nobody(client.post("/widget/session", json={"key": "pk_unknown", "origin": PORTAL}, headers=OWN))
    for wrong in ({}, {"key": key.key}, {"key": 1, "origin": 2}, [], {"key": "x" * 5000, "origin": PORTAL}):
        assert client.post("/widget/session", json=wrong, headers=OWN).status_code == 422


def test_a_visitor_stays_who_it_was(client: TestClient, key: WidgetKey, keys: WidgetKeys, log: WidgetLog) -> None:
    seal = Seal(keys.secret())
    ended = seal.close("session", (key.key, PORTAL, "0123456789abcdef", int(keys.now()) - 5000))
    exchange(client, key, token=ended)
    elsewhere = seal.close("session", (key.key, "http://intranet:8080", "0123456789abcdef", 0))
    exchange(client, key, token=elsewhere)
    exchange(client, key, token=f"{ended}x")
    first, *others = (use.visitor for use in uses(log, key))
    assert first == "0123456789abcdef" and len({first, *others}) == 3


# ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_asks_and_opens_what_is_cited(
    client: TestClient, key: WidgetKey, samples: Assistant, log: WidgetLog
) -> None:
    session = token(client, key)
    told = events(ask(client, PENTAGON, session))
    assert [data["stage"] for name, data in told if name == "stage"][-4:] == [
        "understanding", "searching", "reading", "writing",
    ]  # fmt: skip
    answer, expected = told[-1][1], samples.ask(PENTAGON)
    assert [said["quote"] for said in answer["statements"]] == [one.quote for one in expected.citations]
    assert [said["lead"] for said in answer["statements"]] == [one.lead for one in expected.statements]
    assert answer["short_answer"] == expected.short_answer and not answer["abstained"]
    for said, cited in zip(answer["statements"], expected.citations, strict=True):
        shown = client.get("/widget/passage", params={"cited": said["opens"]}, headers=session).json()
        article = samples.article(cited.article_id)
        assert article is not None
        passage = article.text[cited.passage.start : cited.passage.end]
        assert (shown["quote"], shown["before"] + shown["quote"] + shown["after"]) == (cited.quote, passage)
        assert shown["title"] == article.title and article.source in shown["byline"]
    kept = uses(log, key)
    assert [use.what for use in kept] == ["session", "ask", *["passage"] * len(expected.citations)]
    assert {use.status for use in kept} == {200} and len({use.visitor for use in kept}) == 1
    assert kept[1].abstained is False and (kept[1].ms or 0) > 0 and kept[1].question is None


def test_an_abstention_is_told_with_what_comes_closest(client: TestClient, key: WidgetKey, log: WidgetLog) -> None:
    answer = answered(ask(client, "Who won the 2022 World Cup?", token(client, key)))
    assert answer["abstained"] and answer["closest"] and not answer["statements"]
    assert uses(log, key)[-1].abstained is True


def test_a_follow_up_is_asked_as_it_would_stand_alone(client: TestClient, key: WidgetKey) -> None:
    session = token(client, key)
    first = answered(ask(client, "What did Human Rights Watch say about the building?", session))
    second = answered(ask(client, "And the Pentagon?", session, history=[first["turn"]]))
    assert second["turn"]["question"] != "And the Pentagon?" and "Pentagon" in second["turn"]["question"]


def test_what_is_no_question_is_told_in_a_sentence(client: TestClient, key: WidgetKey, log: WidgetLog) -> None:
    session = token(client, key)
    for question, said in (("  ?! ", "The question is empty"), ("why " * 5000, "at most")):
        name, data = events(ask(client, question, session))[-1]
        assert name == "error" and said in data["detail"]
        assert uses(log, key)[-1].status == 422
    assert client.post("/widget/ask", json={"question": 5}, headers=session).status_code == 422


@pytest.mark.parametrize(
    ("filters", "scope"),
    [
        (Filters(("Sample Digest: Investigations",)), "Only: Sample Digest: Investigations"),
        (Filters((), 20170901, None), "Only: from 1 September 2017"),
        (Filters(speaker="Human Rights Watch"), "Only: words of Human Rights Watch"),
    ],
)
def test_a_visitor_cannot_leave_the_selection(
    client: TestClient, keys: WidgetKeys, samples: Assistant, filters: Filters, scope: str
) -> None:
    name = f"scope-{len(scope)}"
    key = keys.create(WidgetKey(name, (PORTAL,), filters))
    assert exchange(client, key).json()["scope"] == scope
    session = token(client, key)
    answer = answered(ask(client, PENTAGON, session, filters={}, sources=[], speaker=None))
    expected = samples.ask(PENTAGON, filters)
    shown = answer["statements"] or answer["closest"]
    assert [one["quote"] for one in shown] == [one.quote for one in expected.citations or expected.closest]
    # What an answer to another widget cites does not open here.
    other = keys.create(WidgetKey(f"{name}-all", (PORTAL,)))
    abroad = answered(ask(client, PENTAGON, token(client, other)))["statements"][0]["opens"]
    nobody(client.get("/widget/passage", params={"cited": abroad}, headers=session))


def test_only_cited_passages_open(client: TestClient, key: WidgetKey, keys: WidgetKeys) -> None:
    session = token(client, key)
    seal, token_text = Seal(keys.secret()), session["authorization"].removeprefix("Bearer ")
    forged = Seal(b"guessed").close("passage", (key.name, "2017-03-17-pahon-meeting-hall", 0, 5, 0, 9, "x"))
    for wrong in ("", "x", "a.b", forged, token_text):
        nobody(client.get("/widget/passage", params={"cited": wrong}, headers=session))
    for gone in ("2017-03-17-pahon-meeting-hall", "no-such-article"):
        cited = seal.close("passage", (key.name, gone, 0, 5, 0, 9, "not what stands there"))
        answer = client.get("/widget/passage", params={"cited": cited}, headers=session)
        assert answer.status_code == 410 and "no longer indexed as it was cited" in answer.json()["detail"]


# ── sessions that do not hold ───────────────────────────────────────────────────────────────────────────────


def test_without_a_session_there_is_no_answer(client: TestClient, key: WidgetKey, keys: WidgetKeys) -> None:
    good = token(client, key)["authorization"]
    ended = Seal(keys.secret()).close("session", (key.key, PORTAL, "v", int(keys.now())))
    forged = Seal(b"guessed").close("session", (key.key, PORTAL, "v", int(keys.now()) + 1000))
    for shown in ("", "Bearer", f"Bearer {key.key}", f"{good}x", good.replace("Bearer", "Basic"), f"Bearer {ended}",
                  f"Bearer {forged}", f"Bearer x{good.removeprefix('Bearer ')}"):  # fmt: skip
        headers = {**OWN, "authorization": shown}
        for answer in (ask(client, PENTAGON, headers), client.get("/widget/passage?cited=x", headers=headers)):
            nobody(answer)
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"


def test_a_key_that_has_ended_ends_its_sessions_at_once(
    client: TestClient, key: WidgetKey, keys: WidgetKeys, log: WidgetLog
) -> None:
    session = token(client, key)
    opens = answered(ask(client, PENTAGON, session))["statements"][0]["opens"]
    keys.revoke(key.name)
    for answer in (
        ask(client, PENTAGON, session),
        client.get("/widget/passage", params={"cited": opens}, headers=session),
        exchange(client, key),
        exchange(client, key, token=session["authorization"].removeprefix("Bearer ")),
    ):
        nobody(answer)
        assert answer.json()["detail"] == "This assistant has been switched off."
    frame = client.get(f"/widget/frame?key={key.key}")
    assert frame.status_code == 403 and "This assistant has been switched off." in frame.text
    assert PORTAL in frame.headers["content-security-policy"]  # so that its pages can say so


def test_a_rotated_key_works_on_for_its_grace(client: TestClient, key: WidgetKey, keys: WidgetKeys) -> None:
    session = token(client, key)
    new = keys.rotate(key.name, 3600)
    assert ask(client, "Who?", session).status_code == 200 and exchange(client, new).status_code == 200
    keys.rotate(key.name)
    assert ask(client, "Who?", session).status_code == 403


def test_a_question_too_many_is_refused_with_when_to_come_back(
    client: TestClient, keys: WidgetKeys, log: WidgetLog
) -> None:
    key = keys.create(WidgetKey("few", (PORTAL,), per_visitor=Limit(1, 60), per_day=Limit(2, DAY)))
    one, other, third = (token(client, key) for _ in range(3))
    assert ask(client, "Who?", one).status_code == ask(client, "Who?", other).status_code == 200
    for session, said, least in (
        (one, "No more than 1 question a minute here", 1),
        (third, "questions of the day", 60),
    ):
        refused = ask(client, "Who?", session)
        assert refused.status_code == 429 and said in refused.json()["detail"]
        assert least <= int(refused.headers["retry-after"]) <= DAY
    assert [use.status for use in uses(log, key) if use.what == "ask"] == [200, 200, 429, 429]


def test_questions_are_kept_where_that_is_wanted(client: TestClient, keys: WidgetKeys, log: WidgetLog) -> None:
    key = keys.create(WidgetKey("telling", (PORTAL,), log_questions=True))
    answered(ask(client, PENTAGON, token(client, key)))
    assert uses(log, key)[-1].question == PENTAGON


# ── while it starts ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_failed_start_is_told(tmp_path: Path, settings: Settings) -> None:
    def fail() -> Assistant:
        raise SaidsoError("The data folder /x cannot be written.")

    own = replace(settings, data_dir=tmp_path)
    keys = WidgetKeys.open(own.database_url)
    key = keys.create(WidgetKey("w", (PORTAL,)))
    keys.close()
    with TestClient(app_of(Startup(fail), own), base_url=ORIGIN) as client:
        session = token(client, key)
        assert events(ask(client, PENTAGON, session))[-1] == (
            "error",
            {"detail": "The data folder /x cannot be written."},
        )
    log = WidgetLog.open(own.database_url)
    assert log.last("w", 1)[0].status == 503
    log.close()
