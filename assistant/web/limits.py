"""How often somebody may do something: a bucket of so many goes for each, which fills again with time."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from threading import Lock
from time import monotonic

from assistant.access_settings import Rate

_MOST_BUCKETS = 10_000


@dataclass
class _Bucket:
    goes: float
    seen: float  # seconds of the clock


class Limiter:
    """Counts for each key. The longest unseen are forgotten beyond `most` keys, so that memory has a bound."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = monotonic, most: int = _MOST_BUCKETS) -> None:
        self.rate = rate
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = Lock()

    def take(self, key: str) -> int:
        """Take a go and return 0, or return how many seconds there is to wait for the next."""
        with self._lock:
            bucket = self._filled(key)
            if bucket.goes >= 1:
                bucket.goes -= 1
                return 0
            return math.ceil((1 - bucket.goes) * self.rate.seconds / self.rate.count)

    def give_back(self, key: str) -> None:
        """Undo a `take` that turned out not to count."""
        with self._lock:
            self._filled(key).goes += 1

    def _filled(self, key: str) -> _Bucket:
        """Return the key's bucket as time has filled it, and let it be the last to be forgotten."""
        now, full = self._clock(), float(self.rate.count)
        bucket = self._buckets.setdefault(key, _Bucket(full, now))
        bucket.goes = min(full, bucket.goes + (now - bucket.seen) * full / self.rate.seconds)
        bucket.seen = now
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket


def network_of(address: str) -> str:
    """Return what stands for an address where goes are counted: an IPv6 address is one of 2^64 that its owner has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
