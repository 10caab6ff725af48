"""Publish keys: who may show the widget, on which articles, and how much.

A publish key stands in the source of every page that shows the widget, so it is no secret. What it allows is bound to
the origins of those pages, to a selection of the articles, and to limits.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Engine,
    Float,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from index.database import connect, writing
from index.errors import SaidsoError
from index.filters import Filters

_schema = MetaData()
_keys = Table(
    "widget_keys",
    _schema,
    Column("key", String, primary_key=True),
    Column("name", String, nullable=False, index=True),
    Column("origins", JSON, nullable=False),
    Column("filters", JSON, nullable=False),
    Column("visitor_count", Integer, nullable=False),
    Column("visitor_seconds", Integer, nullable=False),
    Column("day_count", Integer, nullable=False),
    Column("log_questions", Boolean, nullable=False),
    Column("created", Float, nullable=False),
    Column("ends", Float),
)
_secrets = Table("widget_secrets", _schema, Column("use", String, primary_key=True), Column("value", String))

DAY = 86_400
_PERIODS = {"minute": 60, "hour": 3600, "day": DAY}
_NAME = re.compile(r"[\w.-]{1,60}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\]")
_USUAL_PORTS = {"http": 80, "https": 443}
_MOST_ORIGINS = 50
_MOST = 1_000_000  # of a limit


@dataclass(frozen=True)
class Limit:
    """So many questions within so many seconds, counted back from now."""

    count: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read "30/hour". Raises SaidsoError for anything else."""
        found = re.fullmatch(r"(\d{1,7})\s*/\s*(minute|hour|day)", text.strip())
        if found is None or not 1 <= int(found[1]) <= _MOST:
            raise SaidsoError(f"{text!r} is not a limit; write it as 30/hour (or /minute, /day).")
        return cls(int(found[1]), _PERIODS[found[2]])

    def __str__(self) -> str:
        period = next(name for name, seconds in _PERIODS.items() if seconds == self.seconds)
        return f"{self.count}/{period}"


@dataclass(frozen=True)
class WidgetKey:
    """A publish key with all it is bound to. Times are seconds since 1970, UTC; one that `ends` ends then."""

    name: str
    origins: tuple[str, ...]
    filters: Filters = field(default_factory=Filters)
    per_visitor: Limit = Limit(30, _PERIODS["hour"])
    per_day: Limit = Limit(2000, DAY)
    log_questions: bool = False
    key: str = ""
    created: float = 0.0
    ends: float | None = None

    def is_live(self, now: float) -> bool:
        """Whether the key is taken at this time."""
        return self.ends is None or now < self.ends

    def as_json(self) -> dict[str, Any]:
        """Return the key as the command line prints it."""
        kept = {name: value for name, value in asdict(self.filters).items() if value}
        return {**asdict(self), "filters": kept, "per_visitor": str(self.per_visitor), "per_day": self.per_day.count}


class WidgetKeys:
    """The publish keys in the database at `url`. Safe to use from several threads."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self.now = now

    @classmethod
    def open(cls, url: str, now: Callable[[], float] = time.time) -> WidgetKeys:
        """Connect to the database and create what is missing. Raises SaidsoError when that cannot be done."""
        return cls(connect(url, _schema), now)

    def close(self) -> None:
        """Let go of the database's files."""
        self._engine.dispose()

    def create(self, asked: WidgetKey) -> WidgetKey:
        """Make a key bound as `asked` is, and return it. Raises SaidsoError for a name that is taken or is none."""
        if not _NAME.fullmatch(asked.name):
            raise SaidsoError(f"{asked.name!r} is not a name; use up to 60 letters, digits, dots, - and _.")
        if any(other.name == asked.name for other in self.all()):
            raise SaidsoError(
                f"There is a widget {asked.name!r} already; choose another name, or end it first with "
                f"`saidso widget revoke {asked.name}`."
            )
        return self._store(asked)

    def all(self) -> list[WidgetKey]:
        """Return the keys that are taken now, by name, the newest of a name first."""
        query = select(_keys).order_by(_keys.c.name, _keys.c.created.desc())
        with self._engine.connect() as connection:
            found = map(_to_key, connection.execute(query))
            return [key for key in found if key.is_live(self.now())]

    def find(self, key: str) -> WidgetKey | None:
        """Return what is known of a publish key, also of one that has ended, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(select(_keys).where(_keys.c.key == key)).one_or_none()
        return _to_key(row) if row else None

    def rotate(self, name: str, grace: float = 0.0) -> WidgetKey:
        """Put a new key, bound in the same way, in the place of the one there is, which ends after `grace` seconds."""
        current = self.named(name)[0]
        self._end(name, self.now() + grace)
        return self._store(current)

    def revoke(self, name: str) -> int:
        """End all keys of this name now; return how many there were. Raises SaidsoError where there is none."""
        count = len(self.named(name))
        self._end(name, self.now())
        return count

    def secret(self) -> bytes:
        """Return what sessions are signed with: made once, and kept."""
        query = select(_secrets.c.value).where(_secrets.c.use == "sessions")
        with self._engine.connect() as connection:
            kept = connection.scalar(query)
        if kept is None:
            try:
                with writing(self._engine) as connection:
                    connection.execute(insert(_secrets).values(use="sessions", value=secrets.token_hex(32)))
            except IntegrityError:
                pass  # another process was a moment faster
            with self._engine.connect() as connection:
                kept = connection.scalar(query)
        return bytes.fromhex(kept or "")

    def named(self, name: str) -> list[WidgetKey]:
        """Return the keys of this name that are taken now, the newest first. Raises SaidsoError where there is none."""
        found = [key for key in self.all() if key.name == name]
        if not found:
            raise SaidsoError(f"There is no widget {name!r}; `saidso widget list` lists those there are.")
        return found

    def _store(self, asked: WidgetKey) -> WidgetKey:
        made = replace(asked, key=f"pk_{secrets.token_urlsafe(18)}", created=self.now(), ends=None)
        with writing(self._engine) as connection:
            connection.execute(insert(_keys).values(**_to_row(made)))
        return made

    def _end(self, name: str, when: float) -> None:
        """End the keys of this name at `when`; one that ends before goes on to do so."""
        later = (_keys.c.ends.is_(None)) | (_keys.c.ends > when)
        with writing(self._engine) as connection:
            connection.execute(update(_keys).where(_keys.c.name == name, later).values(ends=when))


def parse_origins(texts: Iterable[str]) -> tuple[str, ...]:
    """Return origins in the browsers' own writing. Raises SaidsoError for none, for too many, and for what is none."""
    origins = tuple(dict.fromkeys(map(parse_origin, texts)))
    if not 0 < len(origins) <= _MOST_ORIGINS:
        raise SaidsoError(
            f"A widget needs from one to {_MOST_ORIGINS} origins, the sites that may show it: "
            "--origin https://portal.example, repeated for each."
        )
    return origins


def parse_origin(text: str) -> str:
    """Return an origin as browsers write it: scheme, host, and port where it is not the usual one.

    Raises SaidsoError for what is none, or more than one: no path, no user, no `*`, no `null`.
    """
    remedy = "write scheme, host and port exactly, for example https://portal.example or http://intranet:8080"
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
        if not host.isascii():
            host = host.encode("idna").decode("ascii")
    except ValueError:
        raise SaidsoError(f"{text!r} is not an origin; {remedy}.") from None
    if "*" in text:
        raise SaidsoError(f"{text!r} would let any site show the widget; {remedy}.")
    shown = f"[{host}]" if ":" in host else host
    odd = "@" in parts.netloc or any(sign.isspace() for sign in text.strip())
    if odd or parts.scheme not in _USUAL_PORTS or not _HOST.fullmatch(shown):
        raise SaidsoError(f"{text!r} is not an origin; {remedy}.")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise SaidsoError(f"{text!r} has more than an origin; leave out what follows the host: {remedy}.")
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, _USUAL_PORTS[parts.scheme]) else "")


def _to_row(key: WidgetKey) -> dict[str, Any]:
    return {
        "key": key.key, "name": key.name, "origins": list(key.origins), "filters": asdict(key.filters),
        "visitor_count": key.per_visitor.count, "visitor_seconds": key.per_visitor.seconds,
        "day_count": key.per_day.count, "log_questions": key.log_questions, "created": key.created, "ends": key.ends,
    }  # fmt: skip


def _to_key(row: Row[Any]) -> WidgetKey:
    return WidgetKey(
        name=row.name, origins=tuple(row.origins), filters=_to_filters(row.filters),
        per_visitor=Limit(row.visitor_count, row.visitor_seconds), per_day=Limit(row.day_count, DAY),
        log_questions=row.log_questions, key=row.key, created=row.created, ends=row.ends,
    )  # fmt: skip


def _to_filters(fields: dict[str, Any]) -> Filters:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return Filters(**values)
