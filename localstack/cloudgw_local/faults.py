"""Failures a test orders in advance: throttles, errors, lost answers, refused connections, and what befalls the caller.

`control` adds and clears them, the server of each cloud takes the next one before it executes a call. Cloud
neutral: how a throttle looks on the wire is the cloud's affair. It must never execute anything itself, and signal no
process but the one that an order names.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import os
import signal
import time

KINDS = ("throttle", "error", "lost", "refuse-before", "kill-before", "kill-after", "stop-before")
OF_A_PROCESS = ("kill-before", "kill-after", "stop-before")
WRITES = "write"  # an operation that matches every call that changes something
_LONGEST = 600.0  # seconds that a call is held when nobody lets it go


class Held(BaseException):
    """The call is under way to the cloud and does not arrive yet: whoever has it waits, without any lock, and performs
    it anew. No Exception: nothing on its way out may take it for a mistake."""

    def __init__(self, order: Fault) -> None:
        super().__init__(order.kind)
        self._order = order

    def wait(self) -> None:
        end = time.monotonic() + _LONGEST
        while not self._order.released and time.monotonic() < end:
            time.sleep(0.02)


@dataclasses.dataclass(kw_only=True)
class Fault:
    """One order: skip the first `skip` matching calls, then hit `times` of them.

    operation: a name, "write" for every call that changes something, "*" for every call. throttle, error: answered
    without effect. lost: the effect happens, the connection closes unanswered. refuse-before: the connection closes
    without effect. kill-before, kill-after: as refuse-before and lost, while process `pid` gets SIGKILL. stop-before:
    `pid` gets SIGSTOP, and its call arrives when the orders are cleared; who thaws it is the test.
    """

    operation: str = "*"
    kind: str = "error"
    skip: int = 0
    times: int = 1
    code: str = ""
    message: str = ""
    status: int = 0
    pid: int = 0
    released: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}: one of {', '.join(KINDS)}")
        if self.kind == "error" and not self.code:
            raise ValueError("an error fault needs a code")
        if self.kind in OF_A_PROCESS and self.pid <= 1:
            raise ValueError(f"a {self.kind} fault needs the pid of the caller")

    @property
    def before_effect(self) -> bool:
        """Without effect, and unanswered."""
        return self.kind in ("refuse-before", "kill-before", "stop-before")

    @property
    def after_effect(self) -> bool:
        """Unanswered, with its effect."""
        return self.kind in ("lost", "kill-after")

    def strike(self) -> None:
        """What befalls the caller. Raises Held."""
        if self.kind in ("kill-before", "kill-after"):
            os.kill(self.pid, signal.SIGKILL)
        elif self.kind == "stop-before":
            os.kill(self.pid, signal.SIGSTOP)
            raise Held(self)


class Faults:
    def __init__(self) -> None:
        self.orders: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self.orders.append(fault)

    def clear(self) -> None:
        """And every call that is held arrives."""
        for order in self.orders:
            order.released = True
        self.orders.clear()

    def take(self, names: collections.abc.Collection[str], *, write: bool) -> Fault | None:
        """The fault that hits this call, if any; `names` are the operation's accepted spellings."""
        hit: Fault | None = None
        for order in self.orders:
            if order.times <= 0 or not _meant(order.operation, names, write):
                continue
            if order.skip > 0:
                order.skip -= 1
            elif hit is None:
                order.times -= 1
                hit = order
        return hit


def _meant(operation: str, names: collections.abc.Collection[str], write: bool) -> bool:
    return operation == "*" or operation in names or (operation == WRITES and write)
