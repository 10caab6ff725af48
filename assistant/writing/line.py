"""The line to a model's server, to be cut at any moment: closing an HTTP client wakes nobody who waits to read."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import httpx


class Line:
    """Knows the sockets of an httpx client that is made with its `hooks`."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    @property
    def hooks(self) -> Mapping[str, list[Callable[..., Any]]]:
        """The client's `event_hooks`."""
        return {"request": [self._listen]}

    def cut(self) -> None:
        """End all connections, and those that are still to come: the server learns it, whoever reads gets an error."""
        self._is_cut = True
        for one in self._sockets:
            with suppress(OSError):  # it has ended by itself, or goes on under another, encrypted one
                one.shutdown(socket.SHUT_RDWR)

    def _listen(self, request: httpx.Request) -> None:
        request.extensions["trace"] = self._note  # https://www.encode.io/httpcore/extensions/#trace

    def _note(self, event: str, about: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets.append(about["return_value"].get_extra_info("socket"))
            if self._is_cut:
                self.cut()
