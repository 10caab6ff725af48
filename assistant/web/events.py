"""Server-sent events of work that goes on: numbered, sent as they come, kept alive, ended when the client goes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any

from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from index.errors import SaidsoError

KEEP_ALIVE_SECONDS = 10.0  # proxies give up after 30 to 60
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Work = Callable[["Stream"], Awaitable[None]]


class EventStream(StreamingResponse):
    """An answer of server-sent events; FastAPI's own class of that kind takes over the route's generator."""

    media_type = "text/event-stream"


class GoneError(Exception):
    """The client has closed the connection: whoever works for it alone may stop."""


class Stream:
    """Where work tells what happens, from whatever thread, to a client that may go away."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._numbers = count(1)
        self._gone = threading.Event()
        self.sent: asyncio.Queue[bytes | None] = asyncio.Queue()

    def send(self, event: str, data: dict[str, Any]) -> None:
        """Send an event. Does nothing once the client has gone."""
        if not self._gone.is_set():
            self._loop.call_soon_threadsafe(self._put, event, data)

    def check(self) -> None:
        """Raise GoneError once the client has gone."""
        if self._gone.is_set():
            raise GoneError

    def leave(self) -> None:
        """Let the work know that the client has gone."""
        self._gone.set()

    def _put(self, event: str, data: dict[str, Any]) -> None:
        text = json.dumps(data, ensure_ascii=False)
        self.sent.put_nowait(format_sse_event(event=event, data_str=text, id=str(next(self._numbers))))


def event_stream(work: Work, keep_alive: float = KEEP_ALIVE_SECONDS) -> EventStream:
    """Answer with what `work` sends until it is done; where it raises a SaidsoError, that is the `error` event.

    After `keep_alive` seconds of silence a comment is sent.
    """
    return EventStream(_events(work, keep_alive), headers=_HEADERS)


async def _events(work: Work, keep_alive: float) -> AsyncIterator[bytes]:
    stream = Stream()
    working = asyncio.create_task(_told(work, stream))
    working.add_done_callback(lambda _: stream.sent.put_nowait(None))
    try:
        while (event := await _next(stream, keep_alive)) is not None:
            yield event
        await working
    finally:  # also where the client has gone
        stream.leave()
        working.cancel()


async def _told(work: Work, stream: Stream) -> None:
    try:
        with suppress(GoneError):
            await work(stream)
    except SaidsoError as error:
        stream.send("error", {"detail": str(error)})


async def _next(stream: Stream, patience: float) -> bytes | None:
    try:
        return await asyncio.wait_for(stream.sent.get(), patience)
    except TimeoutError:
        return KEEPALIVE_COMMENT
