"""One request as the parts of the local Azure see it, and the answer they give.

`server` builds a `Call` for each request and turns the `Answer` into HTTP. Nothing here may know about sockets.
"""

from __future__ import annotations

import collections.abc
import dataclasses
from typing import Any

from cloudgw_local.azure import arm, world


@dataclasses.dataclass(kw_only=True)
class Call:
    """`world` is the live state, or an older one for a read that lags; `now` is the local clock's. `endpoint` is how
    the client reached this cloud, for the URLs in answers. `headers` and `query` have lower-case names."""

    address: arm.Address
    method: str
    world: world.World
    now: float
    endpoint: str
    headers: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any] | None
    settings: collections.abc.Mapping[str, Any]
    beliefs: collections.abc.Mapping[str, str]

    def url(self, path: str) -> str:
        return f"{self.endpoint}{path}?api-version={self.query.get('api-version', arm.VERSION)}"

    def seconds(self, name: str) -> float:
        return float(self.settings[name])

    @property
    def retry_after(self) -> str:
        return str(int(self.settings["retry_after"]))


@dataclasses.dataclass(kw_only=True)
class Answer:
    status: int
    body: dict[str, Any] | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
