"""What the server writes to standard error: requests and warnings, each with its request's id.

Never what was asked or read: no question, no text of an article, no token, no query string. An unexpected error is told
by its kind and where it arose, without its message, since that may quote what was at hand.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import islice
from traceback import extract_tb
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Scope

from assistant.access_settings import Proxy
from assistant.web.access import address_of

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")
_MOST_CAUSES = 5
_OURS = "assistant.web"


def request_id(scope: Scope, proxy: Proxy | None) -> str:
    """Return a request's id: the one that a trusted proxy gave it, where that is well formed, or else a new one."""
    given = Headers(scope=scope).getlist(HEADER)
    if proxy and proxy.is_at(address_of(scope)) and len(given) == 1 and _WELL_FORMED.fullmatch(given[0]):
        return given[0]
    return secrets.token_hex(8)


@contextmanager
def logging_as(form: str) -> Iterator[None]:
    """Write the log to standard error: as `warnings` alone, or also every request, as `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines() if form == "json" else _Readable())
    handler.setLevel(logging.WARNING if form == "warnings" else logging.INFO)
    root, ours = logging.getLogger(), logging.getLogger(_OURS)
    before = ours.level
    root.addHandler(handler)
    ours.setLevel(handler.level)
    try:
        yield
    finally:
        root.removeHandler(handler)
        ours.setLevel(before)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a record says, by name. Facts of its own are those that it was given as `extra={"facts": …}`."""
    facts: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage().rstrip(),
        "request": REQUEST_ID.get(),
        **getattr(record, "facts", {}),
        "error": list(_told(record.exc_info[1])) if record.exc_info else [],
    }
    return {name: fact for name, fact in facts.items() if fact not in ("", [])}


def _told(error: BaseException | None) -> Iterator[str]:
    """Yield each error of a chain by its kind, with where it went through, but without its message."""
    for one in islice(_chain(error), _MOST_CAUSES):
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(one.__traceback__)]
        yield " < ".join([type(one).__qualname__, *reversed(places)])


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class _Lines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        return json.dumps(_facts(record), ensure_ascii=False)


class _Readable(logging.Formatter):
    """Text for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line, with one more for each error of a chain."""
        facts = _facts(record)
        request = f" [{facts['request']}]" if "request" in facts else ""
        line = f"{facts['time']} {facts['level']}{request} {facts['message']}"
        return "\n  ".join([line, *facts.get("error", [])])
