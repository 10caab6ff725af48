"""What widgets were used for, by whom and how it ended; and whether a visitor may ask once more.

A use is kept for 90 days: without the question, unless the key says otherwise, and of the visitor only a pseudonym that
lasts as long as a tab is open.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from assistant.widget_keys import DAY, Limit, WidgetKey
from index.database import connect, writing
from index.errors import SaidsoError

KEPT = 90 * DAY
_MOST_NOTES_A_DAY = 10_000  # of one widget, questions that are answered apart: nobody may fill the disk with refusals
_TOO_MANY = 429

_schema = MetaData()
_uses = Table(
    "widget_uses",
    _schema,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False, index=True),
    Column("at", Float, nullable=False, index=True),
    Column("what", String, nullable=False),
    Column("key", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("visitor", String, nullable=False, index=True),
    Column("status", Integer),
    Column("abstained", Boolean),
    Column("ms", Float),
    Column("question", Text),
)
_ADMITTED = and_(_uses.c.what == "ask", func.coalesce(_uses.c.status, 0) != _TOO_MANY)


class LimitError(SaidsoError):
    """A question too many; `retry_after` is in how many seconds one more is taken."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Use:
    """One use of a widget: frame, session, ask or passage. Without `status` it was broken off before it was done."""

    name: str
    at: float
    what: str
    key: str
    origin: str
    visitor: str
    status: int | None = None
    abstained: bool | None = None
    ms: float | None = None
    question: str | None = None

    @property
    def time(self) -> str:
        """When it was, in UTC, as ISO 8601 writes it."""
        return moment(self.at)

    def as_json(self) -> dict[str, Any]:
        """Return the use as the command line prints it; the question only where it was kept."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("at", "question")}
        return {"time": self.time, **fields, **({"question": self.question} if self.question is not None else {})}


class WidgetLog:
    """The uses in the database at `url`. Safe to use from several threads."""

    def __init__(
        self, engine: Engine, now: Callable[[], float] = time.time, most_notes: int = _MOST_NOTES_A_DAY
    ) -> None:
        self._engine = engine
        self._now = now
        self._most_notes = most_notes
        self._admitting = threading.Lock()

    @classmethod
    def open(cls, url: str, now: Callable[[], float] = time.time, most_notes: int = _MOST_NOTES_A_DAY) -> WidgetLog:
        """Connect to the database and create what is missing. Raises SaidsoError when that cannot be done."""
        return cls(connect(url, _schema), now, most_notes)

    def close(self) -> None:
        """Let go of the database's files."""
        self._engine.dispose()

    def admit(self, key: WidgetKey, origin: str, visitor: str, question: str) -> int:
        """Take a question, and return the number to `finish` it by. Raises LimitError where it is one too many."""
        with self._admitting:  # or two questions at once could both be the last one
            try:
                with writing(self._engine) as connection:
                    self._within_limits(connection, key, visitor)
                    return self._add(connection, "ask", key, origin, visitor, question=question)
            except LimitError:
                self.note("ask", key, origin, visitor, _TOO_MANY)
                raise

    def finish(self, use: int, status: int, abstained: bool | None, ms: float) -> None:
        """Write down how an admitted question ended."""
        with writing(self._engine) as connection:
            ended = update(_uses).where(_uses.c.id == use)
            connection.execute(ended.values(status=status, abstained=abstained, ms=round(ms, 1)))

    def note(self, what: str, key: WidgetKey, origin: str, visitor: str, status: int) -> None:
        """Write down another use, or a refusal; and forget what is older than is kept."""
        of_today = select(func.count()).where(_uses.c.name == key.name, _uses.c.at > self._now() - DAY)
        with writing(self._engine) as connection:
            connection.execute(delete(_uses).where(_uses.c.at < self._now() - KEPT))
            if (connection.scalar(of_today.where(~_ADMITTED)) or 0) < self._most_notes:
                self._add(connection, what, key, origin, visitor, status=status)

    def last(self, name: str, count: int) -> list[Use]:
        """Return the last `count` uses of a widget, the oldest first; of those that are kept."""
        query = select(_uses).where(_uses.c.name == name, _uses.c.at >= self._now() - KEPT)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(_uses.c.id.desc()).limit(count)).all()
        return [_to_use(row) for row in reversed(rows)]

    def _within_limits(self, connection: Connection, key: WidgetKey, visitor: str) -> None:
        wait = self._wait(connection, key, key.per_visitor, visitor)
        if wait:
            raise LimitError(f"No more than {_told(key.per_visitor)} here; ask again in {_lasting(wait)}.", wait)
        wait = self._wait(connection, key, key.per_day)
        if wait:
            told = f"All {key.per_day.count:,} questions of the day have been asked here"
            raise LimitError(f"{told}; ask again in {_lasting(wait)}.", wait)

    def _wait(self, connection: Connection, key: WidgetKey, limit: Limit, visitor: str | None = None) -> int:
        """Return in how many seconds the limit lets one more question through, 0 for now."""
        now = self._now()
        asked = select(_uses.c.at).where(_uses.c.name == key.name, _uses.c.at > now - limit.seconds, _ADMITTED)
        if visitor is not None:
            asked = asked.where(_uses.c.visitor == visitor)
        full_since = connection.scalar(asked.order_by(_uses.c.at.desc()).offset(limit.count - 1).limit(1))
        return 0 if full_since is None else math.ceil(full_since + limit.seconds - now)

    def _add(self, connection: Connection, what: str, key: WidgetKey, origin: str, visitor: str, **more: Any) -> int:
        if not key.log_questions:
            more.pop("question", None)
        who = {"name": key.name, "key": key.key, "origin": origin, "visitor": visitor}
        added = connection.execute(
            insert(_uses).returning(_uses.c.id), {"at": self._now(), "what": what, **who, **more}
        )
        return int(added.scalar_one())


def moment(seconds: float) -> str:
    """Return a time, in seconds since 1970, as ISO 8601 writes it: "2026-11-27T09:30:00Z"."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _told(limit: Limit) -> str:
    period = {60: "a minute", 3600: "an hour", DAY: "a day"}[limit.seconds]
    return f"{limit.count:,} question{'' if limit.count == 1 else 's'} {period}"


def _lasting(seconds: int) -> str:
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = -(-seconds // length)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def _to_use(row: Row[Any]) -> Use:
    return Use(**{name: getattr(row, name) for name in Use.__dataclass_fields__})
