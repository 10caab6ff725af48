"""Access tokens and the browser sessions opened with them, kept in the database beside the catalogue."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from assistant.access_settings import Permission
from index.database import connect, writing
from index.errors import SaidsoError

SESSION_LENGTH = timedelta(hours=12)
MOST_DAYS = 3650
_PREFIX = "saidso_"
_SECRET_BYTES = 36  # 288 bits; the letters that lists show give 24 of them away
_SHOWN = len(_PREFIX) + 4
_LONGEST = 200  # characters of what may be a token at all
_NAME = re.compile(r"\w[\w.@ -]{0,59}")

_schema = MetaData()
_tokens = Table(
    "access_tokens",
    _schema,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False, unique=True),
    Column("scope", String, nullable=False),
    Column("first_letters", String, nullable=False),
    Column("hash", String, nullable=False, unique=True),
    Column("created", String, nullable=False),
    Column("expires", String),
    Column("last_used", String),
    sqlite_autoincrement=True,  # an id is never used twice, so no session can come to belong to another token
)
_sessions = Table(
    "access_sessions",
    _schema,
    Column("hash", String, primary_key=True),
    Column("token_id", ForeignKey("access_tokens.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("expires", String, nullable=False),
)


@dataclass(frozen=True)
class Token:
    """What is known of a token once it is made, which is all but the token itself. Times are ISO 8601, in UTC."""

    id: int
    name: str
    permission: Permission
    first_letters: str
    created: str
    expires: str | None
    last_used: str | None

    def as_json(self) -> dict[str, Any]:
        """Return what `saidso token list --json` prints of it."""
        return {
            "name": self.name,
            "scope": self.permission.scope,
            "created": self.created,
            "last_used": self.last_used,
            "expires": self.expires,
            "first_letters": self.first_letters,
        }


def _now() -> datetime:
    return datetime.now(UTC)


class Tokens:
    """The tokens of one database; every method is one transaction."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = _now) -> None:
        self._engine = engine
        self._now = now

    @classmethod
    def open(cls, url: str, now: Callable[[], datetime] = _now) -> Tokens:
        """Connect to the database at `url` and create what is missing. Raises SaidsoError when that cannot be done."""
        return cls(connect(url, _schema), now)

    def close(self) -> None:
        """Let go of the database's files."""
        self._engine.dispose()

    # ── tokens ──────────────────────────────────────────────────────────────────────────────────────────────

    def create(self, name: str, permission: Permission, days: int | None = None) -> tuple[Token, str]:
        """Make a token that holds for so many days, or until it is revoked; return what is known of it, and itself.

        Raises SaidsoError for a name that is taken or is none.
        """
        if not _NAME.fullmatch(name):
            raise SaidsoError(f"{name!r} is no name for a token; take up to 60 letters, digits, spaces or . @ _ -")
        secret = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        now = self._now()
        row = {
            "name": name,
            "scope": permission.scope,
            "first_letters": secret[:_SHOWN],
            "hash": _hash(secret),
            "created": _text(now),
            "expires": _text(now + timedelta(days=days)) if days else None,
        }
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(_tokens).values(**row))
                made = connection.execute(select(_tokens).where(_tokens.c.hash == row["hash"])).one()
        except IntegrityError:
            raise SaidsoError(
                f"There is a token {name!r} already; choose another name, or revoke it first: saidso token revoke "
                f"{name!r}."
            ) from None
        return _to_token(made), secret

    def all(self) -> list[Token]:
        """Return the tokens, those that have run out included, by name."""
        with self._engine.connect() as connection:
            return [_to_token(row) for row in connection.execute(select(_tokens).order_by(_tokens.c.name))]

    def has_expired(self, token: Token) -> bool:
        """Whether a token's days are over."""
        return token.expires is not None and token.expires <= _text(self._now())

    def any(self) -> bool:
        """Whether there is a token that opens anything now."""
        with self._engine.connect() as connection:
            return bool(connection.scalar(self._valid(select(func.count()).select_from(_tokens))))

    def revoke(self, name: str) -> None:
        """Remove a token; what was opened with it closes. Raises SaidsoError where there is none of that name."""
        with writing(self._engine) as connection:
            id_ = connection.scalar(select(_tokens.c.id).where(_tokens.c.name == name))
            connection.execute(delete(_sessions).where(_sessions.c.token_id == id_))
            removed = connection.execute(delete(_tokens).where(_tokens.c.id == id_)).rowcount
        if not removed:
            raise SaidsoError(f"There is no token {name!r}; `saidso token list` lists those there are.")

    def find(self, secret: str) -> Token | None:
        """Return the token that `secret` is, if it holds now."""
        if not secret.startswith(_PREFIX) or len(secret) > _LONGEST:
            return None
        wanted = _hash(secret)
        with self._engine.connect() as connection:
            row = connection.execute(self._valid(select(_tokens).where(_tokens.c.hash == wanted))).one_or_none()
        # Found by its hash, which nobody can steer; compared anew so that no collation decides what is equal.
        return _to_token(row) if row is not None and hmac.compare_digest(row.hash, wanted) else None

    def note_use(self, token: Token) -> None:
        """Remember that a token was used now."""
        with writing(self._engine) as connection:
            connection.execute(update(_tokens).where(_tokens.c.id == token.id).values(last_used=_text(self._now())))

    # ── sessions ────────────────────────────────────────────────────────────────────────────────────────────

    def open_session(self, token: Token) -> str:
        """Open a browser's session; return what the browser shows for it from now on."""
        secret, now = secrets.token_urlsafe(_SECRET_BYTES), self._now()
        with writing(self._engine) as connection:
            connection.execute(delete(_sessions).where(_sessions.c.expires <= _text(now)))
            expires = _text(now + SESSION_LENGTH)
            connection.execute(insert(_sessions).values(hash=_hash(secret), token_id=token.id, expires=expires))
        return secret

    def session(self, secret: str) -> Token | None:
        """Return the token that a session was opened with, if both hold now."""
        wanted = _hash(secret)
        query = select(_tokens, _sessions.c.hash.label("session")).join(_sessions, _sessions.c.token_id == _tokens.c.id)
        query = query.where(_sessions.c.hash == wanted, _sessions.c.expires > _text(self._now()))
        with self._engine.connect() as connection:
            row = connection.execute(self._valid(query)).one_or_none()
        return _to_token(row) if row is not None and hmac.compare_digest(row.session, wanted) else None

    def close_session(self, secret: str) -> None:
        """End a session, if there is one."""
        with writing(self._engine) as connection:
            connection.execute(delete(_sessions).where(_sessions.c.hash == _hash(secret)))

    def _valid(self, query: Select[Any]) -> Select[Any]:
        return query.where(_tokens.c.expires.is_(None) | (_tokens.c.expires > _text(self._now())))


def _hash(secret: str) -> str:
    # One round of SHA-256 is right here: a slow, salted hash protects what can be guessed, and nobody guesses 264 bits.
    return hashlib.sha256(secret.encode()).hexdigest()


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")  # sorts as it counts


def _to_token(row: Row[Any]) -> Token:
    permission = Permission.named(row.scope, f"The scope of the token {row.name!r}")
    return Token(row.id, row.name, permission, row.first_letters, row.created, row.expires, row.last_used)
