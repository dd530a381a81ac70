"""What the Grounds of all local clouds have in common: a stepped clock, and mutating calls that are counted, meet the
faults that are armed for them, and are told to whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cloudgw.testing import stage


@dataclass(slots=True)
class Clock:
    """The local cloud's clock; sleeping steps it, by at most so many seconds, and tells."""

    control: Any
    step: float
    ticks: list[Callable[[], None]] = field(default_factory=list)

    def now(self) -> float:
        return float(self.control.now())

    def sleep(self, seconds: float) -> None:
        end = self.now() + seconds
        while self.now() < end:
            self.control.advance(min(self.step, end - self.now()))
            for tick in self.ticks:
                tick()


class LocalGround:
    """Making one resets the local cloud."""

    def __init__(self, control: Any, step: float) -> None:
        self.control = control
        self.control.reset()
        self.clock = Clock(control, step)
        self._calls = 0
        self._operations: list[str] = []
        self._faults: dict[int, stage.FaultKind] = {}
        self._hooks: list[Callable[[str], None]] = []

    def forget(self) -> None:
        """What was read of the cloud is out of date."""

    def met(self, operation: str, api: str, call: Callable[[], Any]) -> Any:
        """One mutating call, with its fault if one is armed for it. api: its name for the cloud's own faults."""
        fault = self._faults.pop(self._calls, None)
        self._calls += 1
        self.forget()
        if fault == "before":
            raise stage.Killed(operation)
        if fault in ("lost", "lost-before"):
            self.control.fault(api, "lost" if fault == "lost" else "refuse-before", times=1)
        if fault == "throttled":
            self.control.fault(api, "throttle", times=1)
        result = call()
        self._operations.append(operation)
        for hook in self._hooks:
            hook(operation)
        if fault == "after":
            raise stage.Killed(operation)
        return result

    def calls(self) -> int:
        return self._calls

    def operations(self, since: int = 0) -> list[str]:
        return self._operations[since:]

    def arm(self, after: int, fault: stage.FaultKind) -> None:
        self._faults[self._calls + after] = fault

    def disarm(self) -> None:
        self._faults.clear()
        self.control.clear_faults()

    def on_call(self, hook: Callable[[str], None]) -> None:
        self._hooks.append(hook)

    def on_tick(self, hook: Callable[[], None]) -> None:
        self.clock.ticks.append(hook)

    def lag(self, seconds: float) -> None:
        self.control.settings(staleness=seconds)
