"""The SQL database of one data folder: opening it, and writing to it all or nothing."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, FromClause, MetaData, create_engine, event, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DisconnectionError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from index.errors import SaidsoError
from index.filters import Filters

_LOOK_AGAIN = 0.1  # seconds, while another one holds a place


def connect(url: str, schema: MetaData, before: Callable[[Engine], None] = lambda _: None) -> Engine:
    """Connect to the database at `url`, do `before`, and create the tables of `schema` that are missing.

    The address is SQLAlchemy's; the folder of a SQLite file is made. Raises SaidsoError when it cannot be opened.
    """
    engine = engine_at(url, "SAIDSO_CATALOGUE_URL")
    try:
        if engine.dialect.name == "sqlite":
            Path(engine.url.database or "").parent.mkdir(parents=True, exist_ok=True)
            event.listen(engine, "connect", _prepare_sqlite)
            _follow(engine, Path(engine.url.database or ""))
        before(engine)
        schema.create_all(engine)
    except (OperationalError, DatabaseError, OSError) as error:
        why = error.orig if isinstance(error, DatabaseError) else error.strerror
        remedy = (
            "check that the folder exists and can be written, or choose another with --data-dir"
            if engine.dialect.name == "sqlite"
            else "check that its server runs and SAIDSO_CATALOGUE_URL names it, a user and a database of theirs"
        )
        raise SaidsoError(
            f"The catalogue {engine.url.render_as_string()} cannot be opened ({why}); {remedy}."
        ) from error
    return engine


def engine_at(url: str, setting: str) -> Engine:
    """Return what speaks to the database at `url`; a connection that its server has dropped meanwhile is made anew.

    Raises SaidsoError, naming the setting that gave the address, where it is none or its driver is missing.
    """
    try:
        return create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    except (ArgumentError, NoSuchModuleError) as error:
        raise SaidsoError(
            f"{setting} is no address of a database ({error}); one looks like "
            "postgresql+psycopg://user:password@host/database."
        ) from error
    except ModuleNotFoundError as error:
        raise SaidsoError(
            f"The database that {setting} names is spoken to by {error.name}, which is not installed; "
            "`pip install 'saidso[postgres]'` installs it for PostgreSQL."
        ) from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction. Raises SaidsoError, and leaves everything as it was, when it cannot be written."""
    try:
        with transaction(engine) as connection:
            yield connection
    except OperationalError as error:
        remedy = (
            "the disk's free space and the data folder's permissions"
            if engine.dialect.name == "sqlite"
            else "the database's server"
        )
        raise SaidsoError(
            f"The catalogue could not be written ({error.orig}); nothing of this step was stored. "
            f"Check {remedy}, then run the command again."
        ) from error


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, whose commit no Ctrl-C cuts in two: in its midst SQLAlchemy makes an AssertionError of it."""
    with engine.connect() as connection, connection.begin() as begun:
        yield connection
        with _interrupts_held_back():
            begun.commit()


@contextmanager
def one_at_a_time(engine: Engine, what: str, patience: float) -> Iterator[bool]:
    """Hold the place of the one who does `what` to a PostgreSQL database; yield whether it was had in time (seconds).

    A process that dies gives it back, as the server sees its connection end. In SQLite a lock beside its file does.
    """
    if engine.dialect.name != "postgresql":
        yield True
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        name = {"name": f"{what} in {connection.scalar(text('SELECT current_schema()'))}"}
        until = time.monotonic() + patience
        while not (held := bool(connection.scalar(text("SELECT pg_try_advisory_lock(hashtext(:name))"), name))):
            if time.monotonic() > until:
                break
            time.sleep(_LOOK_AGAIN)
        try:
            yield held
        finally:
            if held:
                with suppress(OperationalError):  # the server has ended the connection, and with it the lock
                    connection.execute(text("SELECT pg_advisory_unlock(hashtext(:name))"), name)


def fitting(table: FromClause, filters: Filters) -> list[ColumnElement[bool]]:
    """Return what the filters by outlet and date ask of a table with the columns `source` and `day`."""
    conditions: list[ColumnElement[bool]] = []
    if filters.sources:
        conditions.append(table.c.source.in_(filters.sources))
    if filters.since is not None:
        conditions.append(table.c.day >= filters.since)
    if filters.last_day is not None:
        conditions.append(table.c.day <= filters.last_day)
    return conditions


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Have a Ctrl-C wait for what is under way; it only ever comes to the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def _follow(engine: Engine, file: Path) -> None:
    """Have connections to a file that has been replaced, by `saidso restore`, make way for new ones."""

    def identity() -> tuple[int, int] | None:
        try:
            found = file.stat()
        except FileNotFoundError:  # between two renames, or not yet made
            return None
        return found.st_dev, found.st_ino

    def note(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["file"] = identity()

    def look(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        now = identity()
        if now and record.info["file"] != now:
            raise DisconnectionError(f"{file} is another file now")

    event.listen(engine, "connect", note)
    event.listen(engine, "checkout", look)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # what was committed survives a power cut too
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()
