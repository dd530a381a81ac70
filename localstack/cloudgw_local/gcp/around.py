"""What the rules of one resource may know about everything else: the surroundings of a call.

`world` implements it, rules modules ask it, tests of rules give a small one of their own. It must never let a rule
change anything: rules answer documents, the frame stores them.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

from cloudgw_local.gcp import names

Json = dict[str, Any]


@dataclasses.dataclass(kw_only=True)
class Finding:
    """What the health checks of a target find since `since`, and what they found before."""

    healthy: bool
    since: float
    before: bool


class Around(Protocol):
    def get(self, place: names.Place) -> Json | None:
        """The stored document, or None. Not to be changed."""

    def holders(self, place: names.Place) -> list[names.Place]:
        """Who refers to it by a declared reference, sorted."""

    def every(self, collection: str) -> list[tuple[names.Place, Json]]:
        """All resources of a collection in every scope of the project, sorted by place."""

    def setting(self, name: str) -> Any:
        """A setting of the control API."""

    def belief(self, name: str) -> str:
        """The answer to a disputed fact of beliefs.yaml."""

    def now(self) -> float:
        """Seconds since the epoch on the local clock."""

    def health(self, target: str) -> Finding | None:
        """What `set_health` ordered for "ip" or "ip:port"; None when nobody did."""

    def moment(self, key: str) -> float | None:
        """Since when `health.reachable` names a key without a break; None when it does not."""
