"""Text that a browser keeps for the server and cannot change: signed, not hidden."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Seal:
    """Signs with a secret (HMAC-SHA256); what is signed for one use is not taken for another."""

    secret: bytes

    def close(self, use: str, values: Sequence[str | int]) -> str:
        """Return the values with their signature, as text that an address or a header can hold."""
        body = _encoded(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode())
        return f"{body}.{self._signature(use, body)}"

    def open(self, use: str, text: str) -> list[Any] | None:
        """Return the values that `close` was given; None for whatever it did not write."""
        body, _, signature = text.partition(".")
        if not hmac.compare_digest(self._signature(use, body).encode(), signature.encode()):
            return None
        values: list[Any] = json.loads(base64.urlsafe_b64decode(f"{body}{'=' * (-len(body) % 4)}"))
        return values

    def _signature(self, use: str, body: str) -> str:
        return _encoded(hmac.digest(self.secret, f"{use}:{body}".encode(), hashlib.sha256))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
