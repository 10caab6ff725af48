"""Publish keys, their limits and their log, on a real database and with a clock that the tests turn."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.web.seal import Seal
from assistant.widget_keys import DAY, Limit, WidgetKey, WidgetKeys, parse_origin, parse_origins
from assistant.widget_log import KEPT, LimitError, WidgetLog
from index.errors import SaidsoError
from index.filters import Filters

PORTAL = "https://portal.example"
ASKED = WidgetKey("portal", (PORTAL,))


class Clock:
    """Seconds since 1970, as a test wants them."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'catalogue.sqlite'}"


@pytest.fixture
def keys(url: str, clock: Clock) -> Iterator[WidgetKeys]:
    keys = WidgetKeys.open(url, clock)
    yield keys
    keys.close()


@pytest.fixture
def log(url: str, clock: Clock) -> Iterator[WidgetLog]:
    log = WidgetLog.open(url, clock)
    yield log
    log.close()


# ── origins and limits ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://portal.example", PORTAL),
        (" HTTPS://Portal.Example:443/ ", PORTAL),
        ("http://intranet:8080", "http://intranet:8080"),
        ("http://intranet:80", "http://intranet"),
        ("https://10.0.0.7:8443", "https://10.0.0.7:8443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_written_as_browsers_do(given: str, origin: str) -> None:
    assert parse_origin(given) == origin


@pytest.mark.parametrize(
    "given",
    [
        "", "*", "null", "portal.example", "https://*.example", "https://*", "ftp://a.example", "file:///etc",
        "https://a.example/path", "https://a.example?x", "https://a.example#x", "https://user@a.example", "https://",
        "https://a.example; script-src *", "https://a.example\nx", "https://a.example:99999", "https://a.example:x",
        "http://[", "https://-a.example", "https://a..example", "https://a.example,https://b.example", "javascript:1",
        "https://a.example\\b",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused_with_what_one_is(given: str) -> None:
    with pytest.raises(SaidsoError, match=re.compile("^" + re.escape(repr(given)) + ".*https://portal.example")):
        parse_origin(given)


def test_a_widget_has_origins_and_each_once() -> None:
    assert parse_origins([PORTAL, f"{PORTAL}/", "http://b"]) == (PORTAL, "http://b")
    for none in ([], [f"https://{number}.example" for number in range(51)]):
        with pytest.raises(SaidsoError, match="from one to 50 origins"):
            parse_origins(none)


def test_limits_are_read_and_written() -> None:
    assert Limit.parse("30/hour") == Limit(30, 3600)
    assert str(Limit.parse(" 5 / minute ")) == "5/minute"
    for wrong in ("", "30", "0/hour", "30/week", "-1/hour", "1.5/hour", "30/hourly", "9999999/day"):
        with pytest.raises(SaidsoError, match="write it as 30/hour"):
            Limit.parse(wrong)


# ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_kept_with_all_it_is_bound_to(keys: WidgetKeys, url: str, clock: Clock) -> None:
    filters = Filters(("Daily",), 20170301, 20170401, "the Pentagon")
    asked = WidgetKey("press", (PORTAL, "http://b:1"), filters, Limit(3, 60), Limit(9, DAY), log_questions=True)
    made = keys.create(asked)
    assert re.fullmatch(r"pk_[\w-]{24}", made.key)
    again = WidgetKeys.open(url, clock)
    assert again.find(made.key) == made and again.all() == [made]
    again.close()
    assert (made.filters, made.origins, made.per_visitor) == (filters, asked.origins, asked.per_visitor)
    assert made.as_json()["filters"] == {
        "sources": ("Daily",), "since": 20170301, "until": 20170401, "speaker": "the Pentagon",
    }  # fmt: skip


def test_a_name_is_given_once_and_again_when_it_is_free(keys: WidgetKeys) -> None:
    first = keys.create(ASKED)
    with pytest.raises(SaidsoError, match=r"widget 'portal' already.*saidso widget revoke portal"):
        keys.create(ASKED)
    keys.revoke("portal")
    assert keys.create(ASKED).key != first.key
    for wrong in ("", "a b", "a/b", "x" * 61, "<b>"):
        with pytest.raises(SaidsoError, match="not a name"):
            keys.create(WidgetKey(wrong, (PORTAL,)))


def test_rotation_leaves_the_old_key_its_grace_and_no_more(keys: WidgetKeys, clock: Clock) -> None:
    first = keys.create(ASKED)
    clock.now += 1
    second = keys.rotate("portal", 3600)
    assert second.key != first.key and second.origins == first.origins
    assert [key.key for key in keys.all()] == [second.key, first.key]
    clock.now += 10
    third = keys.rotate("portal", DAY)  # the first key does not live longer for it
    clock.now += 3600
    assert [key.key for key in keys.all()] == [third.key, second.key]
    ended = keys.find(first.key)
    assert ended is not None and not ended.is_live(clock.now)
    clock.now += DAY
    assert [key.key for key in keys.all()] == [third.key]


def test_revoking_ends_all_keys_of_the_name(keys: WidgetKeys, clock: Clock) -> None:
    keys.create(ASKED)
    other = keys.create(WidgetKey("other", (PORTAL,)))
    keys.rotate("portal", 3600)
    assert keys.revoke("portal") == 2
    assert keys.all() == [other]
    for act in (keys.revoke, keys.rotate):
        with pytest.raises(SaidsoError, match="no widget 'portal'; `saidso widget list`"):
            act("portal")
    assert keys.find("pk_unknown") is None


def test_the_secret_is_made_once(keys: WidgetKeys, url: str) -> None:
    others = [WidgetKeys.open(url) for _ in range(4)]
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda one=one: found.append(one.secret())) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()
    assert set(found) == {keys.secret()} and len(keys.secret()) == 32


# ── seals ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_seal_opens_what_it_closed_and_nothing_else() -> None:
    seal = Seal(b"one")
    values = ["pk", "ä <b>", 5]
    text = seal.close("session", values)
    assert seal.open("session", text) == values
    body, _, signature = text.partition(".")
    changed = seal.close("session", ["pk", "ä <b>", 6]).partition(".")[0]
    forged = (f"{changed}.{signature}", body, f"{body}.", f".{signature}", "", ".", "ä.ö", f"{text}=", f" {text}")
    for wrong in (*forged, Seal(b"two").close("session", values), seal.close("passage", values)):
        assert seal.open("session", wrong) is None


# ── the log and the limits ──────────────────────────────────────────────────────────────────────────────────


def test_a_use_is_kept_without_its_question_unless_that_is_wanted(log: WidgetLog, keys: WidgetKeys) -> None:
    silent = keys.create(ASKED)
    telling = keys.create(WidgetKey("telling", (PORTAL,), log_questions=True))
    for key in (silent, telling):
        use = log.admit(key, PORTAL, "v1", "Who said so?")
        log.finish(use, 200, True, 12.34)
    [kept] = log.last("portal", 10)
    assert kept.as_json() == {
        "time": "2027-01-15T08:00:00Z", "name": "portal", "what": "ask", "key": silent.key, "origin": PORTAL,
        "visitor": "v1", "status": 200, "abstained": True, "ms": 12.3,
    }  # fmt: skip
    assert log.last("telling", 10)[0].as_json()["question"] == "Who said so?"


def test_a_visitor_has_so_many_questions_and_then_waits(log: WidgetLog, keys: WidgetKeys, clock: Clock) -> None:
    key = keys.create(WidgetKey("w", (PORTAL,), per_visitor=Limit(2, 60)))
    log.admit(key, PORTAL, "v1", "a")
    clock.now += 20
    log.admit(key, PORTAL, "v1", "b")
    with pytest.raises(LimitError, match="No more than 2 questions a minute here; ask again in 40 seconds") as refused:
        log.admit(key, PORTAL, "v1", "c")
    assert refused.value.retry_after == 40
    log.admit(key, PORTAL, "v2", "another visitor")
    clock.now += 40
    log.admit(key, PORTAL, "v1", "c")  # refusals do not count
    assert [use.status for use in log.last("w", 10)] == [None, None, 429, None, None]


def test_the_day_has_a_limit_for_all_that_a_new_key_does_not_lift(
    log: WidgetLog, keys: WidgetKeys, clock: Clock
) -> None:
    key = keys.create(WidgetKey("w", (PORTAL,), per_day=Limit(2, DAY)))
    log.admit(key, PORTAL, "v1", "a")
    log.admit(key, PORTAL, "v2", "b")
    key = keys.rotate("w")
    with pytest.raises(LimitError, match="All 2 questions of the day have been asked here; ask again in 24 hours"):
        log.admit(key, PORTAL, "v3", "c")
    clock.now += DAY
    log.admit(key, PORTAL, "v3", "c")


def test_no_more_are_admitted_at_once_than_in_a_row(log: WidgetLog, keys: WidgetKeys) -> None:
    key = keys.create(WidgetKey("w", (PORTAL,), per_visitor=Limit(5, 60)))
    refused: list[LimitError] = []

    def ask() -> None:
        try:
            log.admit(key, PORTAL, "v1", "a")
        except LimitError as error:
            refused.append(error)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7


def test_the_log_forgets_after_ninety_days(log: WidgetLog, keys: WidgetKeys, clock: Clock) -> None:
    key = keys.create(ASKED)
    log.note("session", key, PORTAL, "old", 200)
    clock.now += KEPT + 1
    assert log.last("portal", 10) == []
    log.note("session", key, PORTAL, "new", 200)
    clock.now -= KEPT  # what was forgotten is gone, and not only hidden
    assert [use.visitor for use in log.last("portal", 10)] == ["new"]


def test_refusals_cannot_fill_the_disk(keys: WidgetKeys, url: str, clock: Clock) -> None:
    log = WidgetLog.open(url, clock, most_notes=3)
    key = keys.create(ASKED)
    for _ in range(5):
        log.note("session", key, "", "", 403)
    log.admit(key, PORTAL, "v1", "a question is still written down")
    assert [use.what for use in log.last("portal", 10)] == ["session"] * 3 + ["ask"]
    assert len(log.last("portal", 2)) == 2
    log.close()
