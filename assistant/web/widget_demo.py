"""A page of another site that shows the widget, to see it at work: another port is another origin to a browser."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from assistant.widget_keys import WidgetKey, WidgetKeys
from index.errors import SaidsoError

_FILES = Path(__file__).with_name("static") / "widget"
# As strict as a security team may have it: nothing but the widget, and no style that stands in the page.
_POLICY = "default-src 'none'; script-src {server}; frame-src {server}; style-src 'self'; base-uri 'none'"


def demonstrate(keys: WidgetKeys, server: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C, with a key that ends then. `server` is the address of a Saidso that runs.

    Raises SaidsoError when it does not, when it keeps its keys elsewhere, and when the port cannot be used.
    """
    with _listen(port) as portal:
        origin = f"http://127.0.0.1:{portal.server_port}"
        key = keys.create(WidgetKey(f"demo-{portal.server_port}", (origin,)))
        try:
            _check(server, key)
            portal.RequestHandlerClass = partial(_Page, _files(server, key))
            say(f"The portal is at {origin}, its assistant comes from {server}. Ctrl-C ends the portal and its key.")
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            with suppress(KeyboardInterrupt):
                portal.serve_forever()
        finally:
            keys.revoke(key.name)


def _listen(port: int) -> ThreadingHTTPServer:
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler)
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise SaidsoError(f"Port {port} {why}; choose another, for example --port {port + 1}.") from error


def _check(server: str, key: WidgetKey) -> None:
    """Ask the server for the frame as a browser would. Raises SaidsoError, saying what to do, when it is not given."""
    try:
        with urlopen(Request(f"{server}/widget/frame?key={key.key}", headers={"Referer": key.origins[0]}), timeout=10):
            return
    except HTTPError as error:
        error.close()
        raise SaidsoError(
            f"The server at {server} does not know the new key ({error.code}); give the --data-dir that it serves."
        ) from error
    except (URLError, OSError) as error:
        raise SaidsoError(f"Nothing answers at {server}; start `saidso serve` first, or give --server.") from error


def _files(server: str, key: WidgetKey) -> dict[str, tuple[str, bytes, str]]:
    """Return what is served: path → kind, content, policy."""
    page = (_FILES / "portal.html").read_text(encoding="utf-8")
    page = page.replace("SERVER", escape(server)).replace("KEY", key.key)
    parts = urlsplit(server)
    policy = _POLICY.format(server=f"{parts.scheme}://{parts.netloc}")
    return {
        "/": ("text/html; charset=utf-8", page.encode(), policy),
        "/portal.css": ("text/css", (_FILES / "portal.css").read_bytes(), policy),
    }


class _Page(BaseHTTPRequestHandler):
    """Answers with one of a few files that are known beforehand."""

    def __init__(self, files: dict[str, tuple[str, bytes, str]], *connection: object) -> None:
        self._files = files
        super().__init__(*connection)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer a browser."""
        kind, content, policy = self._files.get(self.path, ("text/plain", b"Not Found", ""))
        self.send_response(200 if self.path in self._files else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""
