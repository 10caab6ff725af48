"""How often somebody may do something: a bucket of so many goes for each, which fills again with time."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from threading import Lock
from time import monotonic

from assistant.access_settings import Rate

_MOST_KEYS = 10_000


class Limiter:
    """Counts for each key. The longest unseen are forgotten beyond `most` keys, so that memory has a bound."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = monotonic, most: int = _MOST_KEYS) -> None:
        self._seconds = rate.seconds
        self._each = rate.seconds / rate.count  # seconds until a go that was taken is back
        self._clock = clock
        self._most = most
        self._full_at: OrderedDict[str, float] = OrderedDict()  # when all of a key's goes are back, by the clock
        self._lock = Lock()

    def take(self, key: str) -> int:
        """Take a go and return 0, or return how many seconds there is to wait for the next."""
        with self._lock:
            now = self._clock()
            full_at = max(now, self._full_at.get(key, now))
            wait = full_at + self._each - self._seconds - now
            self._full_at[key] = full_at if wait > 0 else full_at + self._each
            self._full_at.move_to_end(key)
            if len(self._full_at) > self._most:
                self._full_at.popitem(last=False)
            return math.ceil(max(wait, 0))

    def give_back(self, key: str) -> None:
        """Undo a `take` that turned out not to count."""
        with self._lock:
            if key in self._full_at:
                self._full_at[key] -= self._each


def network_of(address: str) -> str:
    """Return what stands for an address where goes are counted: an IPv6 address is one of 2^64 that its owner has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
