"""What happened: one Outcome per change of a pass. Read by the CLI, by tests and by the controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cloudgw.graph import model
from cloudgw.provider import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """by: the key of the change that blocks this one, or the wait's message; failure: what the cloud answered."""

    change: model.Change
    state: Literal["done", "failed", "blocked", "waiting"]
    by: str = ""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    outcomes: tuple[Outcome, ...] = ()
    writes: int = 0  # commits, not calls
    problems: tuple[str, ...] = field(default=())
    operations: Mapping[str, str] = field(default_factory=dict)  # group -> the long operation that was started

    def of(self, state: str) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.state == state)
