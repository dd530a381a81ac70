"""Failures a test orders in advance: throttles, errors, lost answers, refused connections.

`control` adds and clears them, the server of each cloud takes the next one before it executes a call. Cloud
neutral: how a throttle looks on the wire is the cloud's affair. It must never execute anything itself.
"""

from __future__ import annotations

import collections.abc
import dataclasses

KINDS = ("throttle", "error", "lost", "refuse-before")


@dataclasses.dataclass(kw_only=True)
class Fault:
    """One order: skip the first `skip` matching calls, then hit `times` of them.

    throttle, error: answered without effect. lost: the effect happens, the connection closes unanswered.
    refuse-before: the connection closes without effect.
    """

    operation: str = "*"
    kind: str = "error"
    skip: int = 0
    times: int = 1
    code: str = ""
    message: str = ""
    status: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}: one of {', '.join(KINDS)}")
        if self.kind == "error" and not self.code:
            raise ValueError("an error fault needs a code")


class Faults:
    def __init__(self) -> None:
        self.orders: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self.orders.append(fault)

    def clear(self) -> None:
        self.orders.clear()

    def take(self, names: collections.abc.Collection[str]) -> Fault | None:
        """The fault that hits this call, if any; `names` are the operation's accepted spellings."""
        hit: Fault | None = None
        for order in self.orders:
            if order.times <= 0 or (order.operation != "*" and order.operation not in names):
                continue
            if order.skip > 0:
                order.skip -= 1
            elif hit is None:
                order.times -= 1
                hit = order
        return hit
