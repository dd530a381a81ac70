"""Calls at the pace that a cloud allows: the token buckets of one identity, which all threads of its site draw from.

`worker.Fence` asks before a call leaves. Waiting here costs a moment; an answer that says "too often" costs the call,
a pause of the whole pass, and on some clouds everybody else in the account. It must never keep a call back for longer
than the buckets say.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cloudgw.provider import Rate


@dataclass(slots=True)
class _Bucket:
    tokens: float
    since: float


@dataclass(slots=True)
class Buckets:
    """now: seconds."""

    now: Callable[[], float]
    _found: dict[str, _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def draw(self, rates: Sequence[Rate]) -> float:
        """Takes a token out of each; seconds until the call may leave. Who comes later waits for its own turn."""
        with self._lock:
            now, wait = self.now(), 0.0
            for rate in rates:
                bucket = self._filled(rate, now)
                bucket.tokens -= 1
                wait = max(wait, -bucket.tokens / rate.refill)
            return wait

    def empty(self, rates: Sequence[Rate]) -> None:
        """The cloud says that it was too often: others draw from these too."""
        with self._lock:
            now = self.now()
            for rate in rates:
                bucket = self._filled(rate, now)
                bucket.tokens = min(bucket.tokens, 0.0)

    def _filled(self, rate: Rate, now: float) -> _Bucket:
        bucket = self._found.setdefault(rate.name, _Bucket(rate.capacity, now))
        bucket.tokens = min(rate.capacity, bucket.tokens + max(0.0, now - bucket.since) * rate.refill)
        bucket.since = now
        return bucket
