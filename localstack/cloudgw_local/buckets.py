"""Token buckets on the local clock, for clouds that document their request limits as buckets.

The server of a cloud draws before it executes a call. Cloud neutral: capacities and refills are given by the
cloud from its documents. It must never sleep or count wall time.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(kw_only=True)
class Bucket:
    """`capacity` tokens, `refill` of them per second of cloud time."""

    capacity: float
    refill: float
    tokens: float
    filled: float | None = None

    def level(self, now: float) -> float:
        if self.filled is not None and now > self.filled:
            self.tokens = min(self.capacity, self.tokens + (now - self.filled) * self.refill)
        self.filled = now
        return self.tokens


class Buckets:
    def __init__(self, limits: dict[str, tuple[float, float]]) -> None:
        self._limits = limits
        self._buckets: dict[str, Bucket] = {}
        self.fill()

    def fill(self) -> None:
        self._buckets = {
            name: Bucket(capacity=capacity, refill=refill, tokens=capacity)
            for name, (capacity, refill) in self._limits.items()
        }

    def draw(self, names: list[str], now: float) -> bool:
        """Take one token from every named bucket, or none at all and answer False."""
        wanted = [self._buckets[name] for name in names]
        if any(bucket.level(now) < 1 for bucket in wanted):
            return False
        for bucket in wanted:
            bucket.tokens -= 1
        return True
