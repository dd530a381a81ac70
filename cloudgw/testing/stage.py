"""The stage on which the in-memory clouds play: a clock that only moves when told, a journal, faults at chosen calls.

Used by `clouds` and by tests; third parties may put their own clouds on it. Never used in production.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

FaultKind: TypeAlias = Literal["before", "after", "lost", "lost-before", "throttled"]


LONGEST_LAG = 30.0  # seconds of history that listings may be asked for


def copied(state: dict[str, Any]) -> dict[str, Any]:
    """A deep copy of JSON-like state, several times faster than the copy module's."""
    found: dict[str, Any] = pickle.loads(pickle.dumps(state))
    return found


class Killed(BaseException):
    """The process died here: nothing catches it but the test."""


class Lost(Exception):
    """The answer of a call was lost: it may or may not have had its effect."""


class Refused(Exception):
    """The cloud says no. code: as a cloud would; child: what it names, "" when it names nothing."""

    def __init__(self, code: str, message: str, child: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.child = child


@dataclass(slots=True)
class Clock:
    """Seconds that pass only in `sleep` and `advance`; `ticks` are called after every second."""

    time: float = 1000.0
    ticks: list[Callable[[], None]] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        end = self.time + seconds
        while self.time < end:
            self.time = min(end, self.time + 1.0)
            for tick in self.ticks:
                tick()


@dataclass(slots=True)
class Call:
    sequence: int
    operation: str
    parameters: dict[str, Any]
    outcome: str


@dataclass(slots=True)
class Stage:
    """state: the cloud's whole state, JSON-like. Every write goes through `write`, every listing through `seen`.

    lag: listings show the state of up to that many seconds ago. after_call: called after every write that took
    effect, for laws that hold at every single call."""

    clock: Clock = field(default_factory=Clock)
    state: dict[str, Any] = field(default_factory=dict)
    journal: list[Call] = field(default_factory=list)
    faults: dict[int, FaultKind] = field(default_factory=dict)
    lag: float = 0.0
    history: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    after_call: list[Callable[[str], None]] = field(default_factory=list)
    calls: int = 0

    def write(self, operation: str, parameters: dict[str, Any], effect: Callable[[], Any]) -> Any:
        """One mutating call, with its fault if one is armed for it (calls are numbered from 0)."""
        fault = self.faults.pop(self.calls, None)
        self.calls += 1
        if fault == "before":
            raise Killed(operation)
        if fault == "lost-before":
            raise Lost(operation)
        if fault == "throttled":
            raise Refused("throttled", "rate exceeded")
        before = copied(self.state)
        call = Call(len(self.journal) + 1, operation, parameters, "ok")
        self.journal.append(call)
        try:
            result = effect()
        except Refused as refused:
            self.state.clear()
            self.state.update(before)
            call.outcome = refused.code
            raise
        self.history = [entry for entry in self.history if entry[0] > self.clock.now() - LONGEST_LAG]
        self.history.append((self.clock.now(), before))
        for hook in self.after_call:
            hook(operation)
        if fault == "after":
            raise Killed(operation)
        if fault == "lost":
            raise Lost(operation)
        return result

    def seen(self) -> dict[str, Any]:
        """A copy of the state as a listing shows it now."""
        horizon = self.clock.now() - self.lag
        for when, before in self.history:
            if when > horizon:
                return copied(before)
        return copied(self.state)
