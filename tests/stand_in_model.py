"""A server that speaks OpenAI's and Ollama's chat over a real socket, and behaves or misbehaves as a test wants."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Says = Callable[[str], str]


@dataclass
class StandIn:
    """What the server does with the next requests, and what it saw.

    `says` makes the answer of what the user's message is; `fault` is one of FAULTS, or None; `pause` is how many
    seconds it waits before each word. `left` is set when a client has gone before the answer was whole.
    """

    port: int = 0
    says: Says = lambda _: ""
    fault: str | None = None
    pause: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


FAULTS = {
    "no model": (404, {"error": {"message": "The model `m` does not exist", "type": "invalid_request_error"}}),
    "key": (401, {"error": {"message": "Incorrect API key provided"}}),
    "too often": (429, {"error": {"message": "Rate limit reached"}}),
    "too long": (400, {"error": {"message": "This model's maximum context length is 2048 tokens"}}),
    "broken": (500, {"error": {"message": "Internal error"}}),
}


@contextmanager
def standing_in() -> Iterator[StandIn]:
    """Serve on a free port until the end."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            stand_in.asked.append(sent)
            try:
                _answer(stand_in, self, sent)
            except (BrokenPipeError, ConnectionResetError):
                stand_in.left.set()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stand_in.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield stand_in
        server.shutdown()
        thread.join()


def _answer(stand_in: StandIn, request: BaseHTTPRequestHandler, sent: dict[str, Any]) -> None:
    fault = stand_in.fault
    if fault in FAULTS:
        status, body = FAULTS[fault]
        _send(request, status, "application/json", json.dumps(body).encode())
    elif fault == "hangs up":
        request.connection.shutdown(socket.SHUT_RDWR)
    elif fault == "garbage":
        _send(request, 200, "text/event-stream", b"data: {oops\n\n<html>not what you think</html>\n\n")
    elif fault == "a page":
        _send(request, 200, "text/html", b"<html><h1>Welcome</h1></html>")
    elif request.path.endswith("/api/chat"):
        _ollama(stand_in, request, sent)
    else:
        _openai(stand_in, request, sent)


def _send(request: BaseHTTPRequestHandler, status: int, kind: str, body: bytes) -> None:
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def _words(stand_in: StandIn, sent: dict[str, Any]) -> Iterator[str]:
    user = sent["messages"][-1]["content"]
    text = stand_in.says(user)
    words = text.split(" ")
    for at, word in enumerate(words):
        time.sleep(stand_in.pause)
        if stand_in.fault == "breaks off" and at >= len(words) // 2:
            return
        yield f"{word} " if at < len(words) - 1 else word


def _openai(stand_in: StandIn, request: BaseHTTPRequestHandler, sent: dict[str, Any]) -> None:
    head = {"id": "1", "created": 1, "model": sent["model"]}
    if not sent.get("stream"):
        message = {"role": "assistant", "content": "".join(_words(stand_in, sent))}
        whole = {**head, "object": "chat.completion", "choices": [{"index": 0, "message": message}]}
        _send(request, 200, "application/json", json.dumps(whole).encode())
        return
    _begin(request, "text/event-stream")
    for word in _words(stand_in, sent):
        choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
        _chunk(request, f"data: {json.dumps({**head, 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n")
    if stand_in.fault == "breaks off":
        request.connection.shutdown(socket.SHUT_RDWR)
        return
    _chunk(request, "data: [DONE]\n\n")
    request.wfile.write(b"0\r\n\r\n")


def _ollama(stand_in: StandIn, request: BaseHTTPRequestHandler, sent: dict[str, Any]) -> None:
    _begin(request, "application/x-ndjson")
    head = {"model": sent["model"], "created_at": "2026-01-01T00:00:00Z"}
    for word in _words(stand_in, sent):
        _chunk(request, json.dumps({**head, "message": {"role": "assistant", "content": word}, "done": False}) + "\n")
    if stand_in.fault == "breaks off":
        request.connection.shutdown(socket.SHUT_RDWR)
        return
    last = {**head, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    _chunk(request, json.dumps(last) + "\n")
    request.wfile.write(b"0\r\n\r\n")


def _begin(request: BaseHTTPRequestHandler, kind: str) -> None:
    request.protocol_version = "HTTP/1.1"
    request.send_response(200)
    request.send_header("Content-Type", kind)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()


def _chunk(request: BaseHTTPRequestHandler, text: str) -> None:
    data = text.encode()
    request.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
    request.wfile.flush()
