"""What is to be looked at, and when: keys that become due, each handed to one thread at a time, none ever lost.

Every site (one identity of one cloud) has a queue of its own, so that a throttled cloud delays no other. A key that is
added while it is worked on comes once more afterwards. Moments are those of an injected clock, which a local cloud may
run faster. Nothing is kept here that could not be found again by looking at everything.
"""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 300.0
DOUBLINGS = 16  # more make no longer pause, and in the end no number
TICK = 0.25  # real seconds between two looks at the clock while something becomes due later


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Generic[K]):
    """reasons: why it was added. waited: seconds between the moment it was due and now."""

    key: K
    reasons: frozenset[str]
    waited: float


@dataclass(slots=True)
class Queue(Generic[K]):
    """now: seconds. told: (how many others are due, seconds the item waited) whenever one is taken."""

    now: Callable[[], float]
    told: Callable[[int, float], None] = lambda _, __: None
    _reasons: dict[K, set[str]] = field(default_factory=dict)
    _due: dict[K, float] = field(default_factory=dict)
    _heap: list[tuple[float, int, K]] = field(default_factory=list)
    _working: set[K] = field(default_factory=set)
    _failures: dict[K, int] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _count: int = 0
    _closed: bool = False

    def add(self, key: K, reason: str, after: float = 0.0) -> None:
        """Due in `after` seconds, or sooner when it already is."""
        with self._changed:
            moment = self.now() + max(0.0, after)
            self._reasons.setdefault(key, set()).add(reason)
            if key not in self._due or moment < self._due[key]:
                self._due[key] = moment
                self._count += 1
                heapq.heappush(self._heap, (moment, self._count, key))
            self._changed.notify()

    def take(self, patience: float | None = None) -> Item[K] | None:
        """The next key that is due and not worked on; None when closed, or when nothing was due for `patience` real
        seconds."""
        left = patience
        with self._changed:
            while not self._closed:
                found = self._next()
                if found is not None:
                    return found
                wait = TICK if self._heap else left
                if left is not None:
                    if left <= 0:
                        return None
                    wait = min(left, TICK) if self._heap else left
                    left -= wait
                self._changed.wait(wait)
        return None

    def done(self, key: K) -> None:
        with self._changed:
            self._working.discard(key)
            if key in self._due:
                self._count += 1
                heapq.heappush(self._heap, (self._due[key], self._count, key))
            self._changed.notify()

    def failed(self, key: K) -> float:
        """Seconds to wait before the key is tried again: longer with each failure in a row, never at the same moment
        as others'."""
        with self._changed:
            count = self._failures.get(key, 0)
            self._failures[key] = count + 1
        pause = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(count, DOUBLINGS))
        return pause * random.uniform(0.8, 1.2)

    def succeeded(self, key: K) -> None:
        with self._changed:
            self._failures.pop(key, None)

    def due(self, limit: int) -> list[K]:
        """Keys that wait to be taken now, the oldest first."""
        with self._changed:
            now = self.now() if self._due else 0.0
            waiting = [key for key, moment in self._due.items() if moment <= now and key not in self._working]
            return heapq.nsmallest(limit, waiting, key=self._due.__getitem__)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return len(self._due)

    def _next(self) -> Item[K] | None:
        """Entries that were overtaken by an earlier moment, or whose key is worked on, are dropped: `done` puts the
        latter back."""
        now = self.now() if self._heap else 0.0
        while self._heap and self._heap[0][0] <= now:
            moment, _, key = heapq.heappop(self._heap)
            if self._due.get(key) != moment or key in self._working:
                continue
            del self._due[key]
            self._working.add(key)
            waited = max(0.0, now - moment)
            self.told(sum(1 for due in self._due.values() if due <= now), waited)
            return Item(key=key, reasons=frozenset(self._reasons.pop(key)), waited=waited)
        return None
