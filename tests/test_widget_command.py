"""`saidso widget` on the command line: what it prints, keeps and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assistant.cli import app
from assistant.settings import Settings
from assistant.widget_keys import WidgetKey, WidgetKeys
from assistant.widget_log import WidgetLog
from index.errors import SaidsoError

PORTAL = "https://portal.example"
Run = Callable[..., Result]


@pytest.fixture
def widget() -> Run:
    """Run `saidso widget …` in the test's own data folder."""
    return lambda *arguments: CliRunner(env={"COLUMNS": "200"}).invoke(app, ["widget", *arguments])


def refused(result: Result) -> str:
    assert isinstance(result.exception, SaidsoError), result.output
    return str(result.exception)


def created(widget: Run, name: str, *arguments: str) -> dict[str, object]:
    result = widget("create", name, "--origin", PORTAL, "--json", *arguments)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_create_prints_what_to_paste(widget: Run) -> None:
    result = widget("create", "portal", "--origin", PORTAL, "--origin", "http://intranet:8080/")
    key = result.stdout.split("Publish key of portal: ")[1].split()[0]
    assert result.exit_code == 0 and key.startswith("pk_") and f"{PORTAL}, http://intranet:8080" in result.stdout
    assert f'<script src="http://127.0.0.1:7860/widget.js" data-key="{key}" async></script>' in result.stdout
    assert f'<iframe src="http://127.0.0.1:7860/widget/frame?key={key}"' in result.stdout


def test_create_binds_the_key_to_all_that_is_asked(widget: Run) -> None:
    made = created(
        widget, "press", "--source", "Daily", "--from", "2017-03-01", "--to", "2017-04-01", "--speaker", "NATO",
        "--per-visitor", "5/minute", "--per-day", "50", "--log-questions", "--server", "https://saidso.example/ask/",
    )  # fmt: skip
    assert made["filters"] == {"sources": ["Daily"], "since": 20170301, "until": 20170401, "speaker": "NATO"}
    assert (made["per_visitor"], made["per_day"], made["log_questions"]) == ("5/minute", 50, True)
    assert '"https://saidso.example/ask/widget.js"' in str(made["script"])
    [listed] = map(json.loads, widget("list", "--json").stdout.splitlines())
    assert listed.items() <= made.items()
    table = widget("list").stdout
    assert str(made["key"]) in table and "5/minute" in table


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "needs from one to 50 origins"),
        (("--origin", "*"), "would let any site show the widget"),
        (("--origin", "portal.example"), "'portal.example' is not an origin"),
        (("--origin", PORTAL, "--per-visitor", "many"), "'many' is not a limit"),
        (("--origin", PORTAL, "--from", "soon"), "'soon' is not a date"),
        (("--origin", PORTAL, "--server", "saidso.example"), "is not an origin"),
        (("--origin", PORTAL, "--server", 'https://s.example/"><script>'), "is not an address to load the widget from"),
        (("--origin", PORTAL, "--server", "http://["), "is not an origin"),
    ],
)
def test_a_slip_is_told_and_nothing_is_made(widget: Run, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(widget("create", "portal", *arguments))
    assert widget("list").stdout.startswith("No widget; `saidso widget create")


def test_what_will_not_work_is_told(widget: Run) -> None:
    result = widget("create", "w", "--origin", PORTAL, "--source", "Dayly", "--server", "http://saidso.example")
    assert "No article of 'Dayly' is indexed" in result.stderr
    assert f"Browsers do not let {PORTAL} load anything from http://saidso.example" in result.stderr
    assert widget("create", "v", "--origin", PORTAL).stderr == ""  # this machine's own address is let through


def test_rotate_and_revoke(widget: Run) -> None:
    first = created(widget, "portal")
    second = json.loads(widget("rotate", "portal", "--grace", "2", "--json").stdout)
    assert second["key"] != first["key"]
    states = [json.loads(line) for line in widget("list", "--json").stdout.splitlines()]
    assert [(state["key"], state["ends"] is None) for state in states] == [(second["key"], True), (first["key"], False)]
    assert json.loads(widget("revoke", "portal", "--json").stdout) == {"name": "portal", "revoked": 2}
    assert "no widget 'portal'" in refused(widget("revoke", "portal"))


def test_the_log_is_shown(widget: Run, own_data_folder: Path) -> None:
    created(widget, "portal", "--log-questions")
    assert widget("log", "portal").stdout == "Not used yet.\n"
    url = Settings(own_data_folder).database_url
    keys, log = WidgetKeys.open(url), WidgetLog.open(url)
    key = keys.named("portal")[0]
    log.finish(log.admit(key, PORTAL, "0123456789abcdef", "Who [b]said\x1b[2J so?"), 200, True, 12)
    log.admit(key, PORTAL, "0123456789abcdef", "And then?")
    keys.close()
    log.close()
    shown = widget("log", "portal").stdout
    assert "abstained" in shown and "broken off" in shown and "[b]said" in shown and "\x1b" not in shown
    one, other = map(json.loads, widget("log", "portal", "--json").stdout.splitlines())
    assert (one["abstained"], one["status"], other["status"], other["question"]) == (True, 200, None, "And then?")
    assert len(widget("log", "portal", "--json", "-n", "1").stdout.splitlines()) == 1
    widget("revoke", "portal")
    assert "abstained" in widget("log", "portal").stdout  # what was done stays to be seen
    assert "no widget 'nobody'" in refused(widget("log", "nobody"))


def test_a_demonstration_needs_a_server(widget: Run, own_data_folder: Path) -> None:
    sentence = refused(widget("demo", "--server", "http://127.0.0.1:9", "--port", "0"))
    assert sentence == "Nothing answers at http://127.0.0.1:9; start `saidso serve` first, or give --server."
    keys = WidgetKeys.open(Settings(own_data_folder).database_url)
    assert keys.all() == []
    assert keys.create(WidgetKey("w", (PORTAL,))).key
    keys.close()
