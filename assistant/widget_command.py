"""`saidso widget`: publish keys for pages that show the assistant, and what they were used for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from html import escape
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from assistant.access_settings import LOOPBACK
from assistant.settings import Settings
from assistant.terminal import Terminal
from assistant.widget_keys import Limit, WidgetKey, WidgetKeys, parse_origin, parse_origins
from assistant.widget_log import WidgetLog
from index.catalogue import Catalogue
from index.errors import SaidsoError
from index.filters import Filters

INTERRUPTED = 130
_PATH = re.compile(r"(/[\w.~-]+)*", re.ASCII)

widget_app = typer.Typer(no_args_is_help=True, help="Let pages of other sites show the assistant; see how it is used.")

Name = Annotated[str, typer.Argument(help="What the widget is called here.")]
Origins = Annotated[
    list[str] | None,
    typer.Option("--origin", help="A site that may show it, such as https://portal.example; may be repeated."),
]
Sources = Annotated[list[str] | None, typer.Option("--source", help="Only articles of this outlet; may be repeated.")]
Since = Annotated[str | None, typer.Option("--from", help="Only articles of this day or later, YYYY-MM-DD.")]
Until = Annotated[str | None, typer.Option("--to", help="Only articles of this day or earlier, YYYY-MM-DD.")]
Speaker = Annotated[str | None, typer.Option("--speaker", help="Only what this person or body is quoted with.")]
PerVisitor = Annotated[str, typer.Option("--per-visitor", help="Questions of one visitor: 30/hour, or /minute, /day.")]
PerDay = Annotated[int, typer.Option("--per-day", min=1, max=1_000_000, help="Questions of all visitors in 24 hours.")]
LogQuestions = Annotated[bool, typer.Option("--log-questions", help="Keep the questions too; else only that one was.")]
Grace = Annotated[float, typer.Option("--grace", min=0, max=8760, help="Hours that the old key goes on to work.")]
Server = Annotated[
    str | None,
    typer.Option("--server", help="The address by which browsers reach Saidso. [default: where it is served]"),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where the index lies. [default: your user data folder]", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


@widget_app.command("create")
def create_command(
    name: Name,
    origins: Origins = None,
    sources: Sources = None,
    since: Since = None,
    until: Until = None,
    speaker: Speaker = None,
    per_visitor: PerVisitor = "30/hour",
    per_day: PerDay = 2000,
    log_questions: LogQuestions = False,
    server: Server = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a publish key for the pages of one site or several, and print what to paste into them."""
    settings, terminal = Settings.from_environment(data_dir), Terminal()
    asked = WidgetKey(
        name=name,
        origins=parse_origins(origins or ()),
        filters=Filters.parse(tuple(sources or ()), since, until, speaker),
        per_visitor=Limit.parse(per_visitor),
        per_day=Limit(per_day, Limit.parse("1/day").seconds),
        log_questions=log_questions,
    )
    address = _address(server, settings)
    with _keys(settings) as keys:
        made = keys.create(asked)
    for warning in (*_unknown_outlets(settings, asked.filters), *_mixed(asked.origins, address)):
        terminal.error(warning)
    _show(made, address, as_json, terminal)


@widget_app.command("list")
def list_command(data_dir: DataDir = None, as_json: Json = False) -> None:
    """List the widgets with their keys, and what they are bound to."""
    with _keys(Settings.from_environment(data_dir)) as keys:
        found = keys.all()
    if as_json:
        for key in found:
            _print_json(key.as_json())
    else:
        Terminal().widgets(found)


@widget_app.command("rotate")
def rotate_command(
    name: Name, grace: Grace = 0.0, server: Server = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Put a new key in the place of the old one, which ends at once or after some hours."""
    settings = Settings.from_environment(data_dir)
    address = _address(server, settings)
    with _keys(settings) as keys:
        made = keys.rotate(name, grace * 3600)
    _show(made, address, as_json, Terminal())


@widget_app.command("revoke")
def revoke_command(name: Name, data_dir: DataDir = None, as_json: Json = False) -> None:
    """End a widget's keys and all of its sessions at once; its log stays."""
    with _keys(Settings.from_environment(data_dir)) as keys:
        count = keys.revoke(name)
    _print_json({"name": name, "revoked": count}) if as_json else Terminal().say(f"Keys of {name} ended: {count}.")


@widget_app.command("log")
def log_command(
    name: Name,
    count: Annotated[int, typer.Option("-n", min=1, max=10_000_000, help="How many uses, the last ones.")] = 100,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show what a widget was used for in the last 90 days: when, from which site, by whom, and how it ended."""
    settings = Settings.from_environment(data_dir)
    with closing(WidgetLog.open(settings.database_url)) as log:
        uses = log.last(name, count)
    if not uses:
        with _keys(settings) as keys:
            keys.named(name)
    if as_json:
        for use in uses:
            _print_json(use.as_json())
    else:
        Terminal().uses(uses)


@widget_app.command("demo")
def demo_command(
    server: Server = None,
    port: Annotated[int, typer.Option(help="The port of the page.", min=0, max=65535)] = 7861,
    data_dir: DataDir = None,
) -> None:
    """Serve a page of another site that shows the widget, with a key that lasts as long as this command runs."""
    from assistant.web.widget_demo import demonstrate

    settings = Settings.from_environment(data_dir)
    with _keys(settings) as keys:
        demonstrate(keys, _address(server, settings), port, Terminal().say)


@contextmanager
def _keys(settings: Settings) -> Iterator[WidgetKeys]:
    with closing(WidgetKeys.open(settings.database_url)) as keys:
        yield keys


def _address(server: str | None, settings: Settings) -> str:
    """Return the address that pages load the widget from, without a slash at its end; a proxy may give it a path."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    given = (server or f"http://{host}:{settings.port}").strip().rstrip("/")
    scheme, _, rest = given.partition("://")
    site, slash, path = rest.partition("/")
    if not _PATH.fullmatch(slash + path):
        raise SaidsoError(f"{given!r} is not an address to load the widget from, such as https://saidso.example.")
    return parse_origin(f"{scheme}://{site}") + slash + path


def _show(key: WidgetKey, address: str, as_json: bool, terminal: Terminal) -> None:
    script = f'<script src="{escape(address)}/widget.js" data-key="{key.key}" async></script>'
    frame = (
        f'<iframe src="{escape(address)}/widget/frame?key={key.key}" title="Ask the articles" width="420" height="680" '
        'referrerpolicy="origin" allow="clipboard-write"></iframe>'
    )
    if as_json:
        _print_json({**key.as_json(), "script": script, "frame": frame})
        return
    terminal.say(f"Publish key of {key.name}: {key.key}\n")
    terminal.say(f"Paste this into the pages of {', '.join(key.origins)}:\n\n{script}\n")
    terminal.say(f"Or, as part of a page:\n\n{frame}")


def _unknown_outlets(settings: Settings, filters: Filters) -> Iterator[str]:
    if filters.sources:
        with closing(Catalogue.open(settings.database_url)) as catalogue:
            indexed = {source for source, _ in catalogue.holdings().sources}
        for source in filters.sources:
            if source not in indexed:
                yield f"No article of {source!r} is indexed; is that how the articles write it?"


def _mixed(origins: tuple[str, ...], address: str) -> Iterator[str]:
    secure = [origin for origin in origins if origin.startswith("https:")]
    if secure and address.startswith("http:") and urlsplit(address).hostname not in LOOPBACK:
        yield f"Browsers do not let {secure[0]} load anything from {address}: Saidso has to be at https:// as well."


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))
