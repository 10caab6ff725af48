"""Access tokens: made once, kept as hashes, revoked for good; and the command that does it."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assistant.access_settings import Permission
from assistant.assistant import Assistant
from assistant.cli import main
from assistant.settings import Settings
from assistant.tokens import SESSION_LENGTH, Tokens
from index.errors import SaidsoError


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 27, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(tmp_path: Path, clock: Clock) -> Iterator[Tokens]:
    tokens = Tokens.open(Settings(tmp_path).database_url, clock)
    yield tokens
    tokens.close()


def test_a_token_opens_until_it_is_revoked(tokens: Tokens) -> None:
    assert not tokens.any()
    made, secret = tokens.create("newsroom", Permission.INGEST)
    assert secret.startswith("saidso_") and len(secret) >= len("saidso_") + 43 and secret.startswith(made.first_letters)
    assert tokens.find(secret) == made == tokens.all()[0] and tokens.any()
    assert (made.permission, made.created, made.last_used) == (Permission.INGEST, "2026-11-27T08:00:00Z", None)
    tokens.revoke("newsroom")
    assert tokens.find(secret) is None and tokens.all() == [] and not tokens.any()
    with pytest.raises(SaidsoError, match="no token 'newsroom'"):
        tokens.revoke("newsroom")


@pytest.mark.parametrize(
    "change", [lambda s: s[:-1], lambda s: s + "a", str.upper, str.lower, lambda s: "", lambda s: "%"]
)
def test_nothing_else_opens(tokens: Tokens, change: Callable[[str], str]) -> None:
    _, secret = tokens.create("newsroom", Permission.ASK)
    assert tokens.find(change(secret)) is None
    assert tokens.session(secret) is None


def test_days_run_out(tokens: Tokens, clock: Clock) -> None:
    made, secret = tokens.create("short", Permission.ASK, days=2)
    clock.now += timedelta(days=2, seconds=-1)
    assert tokens.find(secret) == made
    clock.now += timedelta(seconds=1)
    assert tokens.find(secret) is None and not tokens.any()
    assert tokens.has_expired(tokens.all()[0])


def test_what_is_kept_opens_nothing(tokens: Tokens, tmp_path: Path) -> None:
    made, secret = tokens.create("newsroom", Permission.ASK)
    session = tokens.open_session(made)
    tokens.close()  # the log of what was written joins the file
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("catalogue.sqlite*"))
    assert b"newsroom" in kept
    assert secret[len(made.first_letters) :].encode() not in kept and session.encode() not in kept
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as database:
        tables = ("access_tokens", "access_sessions")
        hashes = [row[0] for table in tables for row in database.execute(f"SELECT hash FROM {table}")]
    database.close()
    assert len(hashes) == 2 and all(tokens.find(hash_) is None and tokens.session(hash_) is None for hash_ in hashes)


def test_a_session_ends_with_its_hours_its_log_out_or_its_token(tokens: Tokens, clock: Clock) -> None:
    made, secret = tokens.create("newsroom", Permission.ASK)
    first, second = tokens.open_session(made), tokens.open_session(made)
    assert tokens.session(first) == made and tokens.session(second) == made
    assert tokens.find(first) is None
    tokens.close_session(first)
    assert tokens.session(first) is None and tokens.session(second) == made
    clock.now += SESSION_LENGTH
    assert tokens.session(second) is None
    third = tokens.open_session(made)
    tokens.revoke("newsroom")
    assert tokens.session(third) is None
    tokens.create("newsroom", Permission.ADMIN)  # of the same name, yet another
    assert tokens.session(third) is None and tokens.find(secret) is None


def test_a_session_ends_with_its_tokens_days(tokens: Tokens, clock: Clock) -> None:
    made, _ = tokens.create("short", Permission.ASK, days=1)
    clock.now += timedelta(hours=20)
    session = tokens.open_session(made)
    clock.now += timedelta(hours=4)
    assert tokens.session(session) is None


def test_use_is_noted(tokens: Tokens, clock: Clock) -> None:
    made, secret = tokens.create("newsroom", Permission.ASK)
    clock.now += timedelta(hours=1)
    tokens.note_use(made)
    found = tokens.find(secret)
    assert found is not None and found.last_used == "2026-11-27T09:00:00Z"


@pytest.mark.parametrize("name", ["", " x", "x" * 61, "a\nb", "-x", "a/b", "<b>"])
def test_a_name_has_to_be_one(tokens: Tokens, name: str) -> None:
    with pytest.raises(SaidsoError, match="no name for a token"):
        tokens.create(name, Permission.ASK)


def test_a_name_is_given_once(tokens: Tokens) -> None:
    tokens.create("newsroom", Permission.ASK)
    with pytest.raises(SaidsoError, match="a token 'newsroom' already"):
        tokens.create("newsroom", Permission.ADMIN)


def test_tokens_made_first_leave_the_articles_their_first_start(tokens: Tokens, tmp_path: Path) -> None:
    tokens.create("newsroom", Permission.ASK)
    assistant = Assistant.open(Settings(tmp_path))
    assert assistant.is_fresh()
    assistant.close()


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def saidso(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["saidso", *arguments])
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return (int(str(code)), *capsys.readouterr())

    return run


def test_create_list_revoke(saidso: Run, own_data_folder: Path) -> None:
    code, out, err = saidso("token", "create", "news room", "--scope", "ingest", "--days", "30")
    (secret,) = out.split()
    assert code == 0 and "not shown again" in err and secret not in err
    tokens = Tokens.open(Settings(own_data_folder).database_url)
    found = tokens.find(secret)
    tokens.close()
    assert found is not None and found.permission == Permission.INGEST and found.expires is not None
    assert saidso("token", "create", "other")[0] == 0
    listed = [json.loads(line) for line in saidso("token", "list", "--json")[1].splitlines()]
    assert [(one["name"], one["scope"], one["expired"]) for one in listed] == [
        ("news room", "ingest", False), ("other", "ask", False),
    ]  # fmt: skip
    code, out, _ = saidso("token", "list")
    assert "news room" in out and secret[:11] in out and secret not in out and secret not in json.dumps(listed)
    assert saidso("token", "revoke", "other", "--json")[1] == '{"revoked": "other"}\n'
    assert saidso("token", "revoke", "other")[0] == 1


def test_json_of_a_new_token_holds_it(saidso: Run) -> None:
    made = json.loads(saidso("token", "create", "ci", "--json")[1])
    assert made["token"].startswith(made["first_letters"]) and made["scope"] == "ask" and made["expires"] is None


def test_without_tokens_the_list_says_how_to_make_one(saidso: Run) -> None:
    assert "saidso token create" in saidso("token", "list")[1]
    assert saidso("token", "list", "--json")[1] == ""


@pytest.mark.parametrize("wrong", [("--scope", "root"), ("--days", "0"), ("--days", "99999")])
def test_wrong_usage(saidso: Run, wrong: tuple[str, str]) -> None:
    assert saidso("token", "create", "x", *wrong)[0] == 2
