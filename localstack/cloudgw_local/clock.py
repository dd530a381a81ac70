"""The one clock of a local cloud: everything that takes time in a cloud takes it from here.

`control` exposes it to tests and to the product under test; the cloud modules read `now`. It runs faster
than the wall clock, or stands still until `advance` moves it. It must never go backwards except by `set_back`,
which a reset or a restored snapshot of a stepped cloud uses so that a sweep repeats exactly.
"""

from __future__ import annotations

import time


class Clock:
    """Seconds since the epoch, as float, running at `rate` times the wall clock, or stepped."""

    def __init__(self, rate: float = 60.0, stepped: bool = False, start: float | None = None) -> None:
        if rate <= 0:
            raise ValueError("the rate of a clock must be positive")
        self.rate = rate
        self.stepped = stepped
        self.start = float(int(time.time())) if start is None else start
        self._base = self.start
        self._wall = time.monotonic()

    def now(self) -> float:
        if self.stepped:
            return self._base
        return self._base + (time.monotonic() - self._wall) * self.rate

    def advance(self, seconds: float) -> float:
        """Move forward by `seconds` of cloud time, stepped or not; answers the time reached."""
        if seconds < 0:
            raise ValueError("a clock only advances")
        self._base += seconds
        return self.now()

    def set_back(self, to: float) -> None:
        """Only for a stepped clock: a running one goes on, because its readers may hold deadlines."""
        if self.stepped:
            self._base = to
