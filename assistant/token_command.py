"""`saidso token`: make, list and revoke access tokens."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from assistant.access_settings import SCOPES, Permission
from assistant.options import DataDir, Json, print_json
from assistant.settings import Settings
from assistant.terminal import Terminal
from assistant.tokens import MOST_DAYS, Tokens
from index.errors import SaidsoError

token_app = typer.Typer(
    no_args_is_help=True, help="Make, list and revoke access tokens, for serving beyond this machine."
)

Name = Annotated[str, typer.Argument(help="Whose token it is, or what for.")]
ScopeOption = Annotated[
    str,
    typer.Option(
        "--scope",
        help="What it may do: ask (and read), ingest (and ask), admin (everything).",
        metavar="|".join(SCOPES),
    ),
]
Days = Annotated[
    int | None,
    typer.Option(
        "--days", min=1, max=MOST_DAYS, help="How long it holds. [default: until revoked]", show_default=False
    ),
]


@token_app.command("create")
def create_command(
    name: Name, scope: ScopeOption = "ask", days: Days = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Make a token and print it, this once: only its hash is kept."""
    try:
        permission = Permission.named(scope, "--scope")
    except SaidsoError as error:
        raise typer.BadParameter(str(error)) from error
    with _tokens(data_dir) as tokens:
        token, secret = tokens.create(name, permission, days)
    if as_json:
        print_json({**token.as_json(), "token": secret})
        return
    until = f"until {token.expires}" if token.expires else "until you revoke it"
    sys.stdout.write(f"{secret}\n")
    Terminal().note(f"Keep it safe, it is not shown again. It has the scope {scope} {until}.")


@token_app.command("list")
def list_command(data_dir: DataDir = None, as_json: Json = False) -> None:
    """List the tokens: scope, when made, last used and running out, first letters."""
    with _tokens(data_dir) as tokens:
        held = tokens.all()
        over = {token.id for token in held if tokens.has_expired(token)}
    if as_json:
        for token in held:
            print_json({**token.as_json(), "expired": token.id in over})
    elif held:
        Terminal().tokens(held, over)
    else:
        Terminal().say("There is no token; make one: saidso token create NAME --scope ask")


@token_app.command("revoke")
def revoke_command(name: Name, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Revoke a token; what was opened with it closes at once."""
    with _tokens(data_dir) as tokens:
        tokens.revoke(name)
    print_json({"revoked": name}) if as_json else Terminal().say(f"Revoked: {name}")


def _tokens(data_dir: Path | None) -> closing[Tokens]:
    return closing(Tokens.open(Settings.from_environment(data_dir).database_url))
