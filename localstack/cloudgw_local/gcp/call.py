"""One request as the parts of the local Google Cloud see it, and what surrounds it.

`server` builds a `Call` for each request; the rules of a kind see of it only `Surroundings`. Nothing here may know
about sockets, nor change the world.
"""

from __future__ import annotations

import collections.abc
import dataclasses
from typing import Any

from cloudgw_local.gcp import around, discovery, kind, names, references, world

Json = dict[str, Any]


@dataclasses.dataclass(kw_only=True)
class Surroundings:
    """`around.Around` on a world at a moment."""

    world: world.World
    kinds: collections.abc.Mapping[str, kind.Kind]
    settings: collections.abc.Mapping[str, Any]
    beliefs: collections.abc.Mapping[str, str]
    time: float

    def get(self, place: names.Place) -> Json | None:
        return self.world.resources.get(place)

    def holders(self, place: names.Place) -> list[names.Place]:
        return references.holders(place, self.world, self.kinds)

    def every(self, collection: str) -> list[tuple[names.Place, Json]]:
        return sorted(
            ((place, one) for place, one in self.world.resources.items() if place.collection == collection),
            key=lambda one: one[0],
        )

    def setting(self, name: str) -> Any:
        return self.settings[name]

    def belief(self, name: str) -> str:
        return self.beliefs[name]

    def now(self) -> float:
        return self.time

    def moment(self, key: str) -> float | None:
        return self.world.moments.get(key)

    def health(self, target: str) -> around.Finding | None:
        return self.world.health.get(target)


@dataclasses.dataclass(kw_only=True)
class Call:
    """`body` is the parsed JSON as the client sent it, {} without one. `world` is the live state, or an older one for
    a read that lags. `version` is the dated version of the API that the client asks for (X-Goog-Api-Version)."""

    route: discovery.Route
    query: collections.abc.Mapping[str, str]
    body: Json
    around: Surroundings
    version: str = ""

    @property
    def world(self) -> world.World:
        return self.around.world

    @property
    def now(self) -> float:
        return self.around.time

    @property
    def verb(self) -> str:
        return self.route.method.verb

    @property
    def collection(self) -> str:
        return self.route.method.collection

    @property
    def place(self) -> names.Place:
        """The resource the path names, or the body's for an insert; its name may be empty for a collection."""
        name = self.route.name
        if self.verb == "insert":
            given = self.body.get("name")
            name = given if isinstance(given, str) else ""
        return names.Place(project=self.route.project, scope=self.route.scope, collection=self.collection, name=name)

    def seconds(self, name: str) -> float:
        return float(self.around.settings[name])


def schema_of(collection: str) -> str:
    """The name of the schema of a collection's resources."""
    shown = next(one for one in discovery.METHODS if one.collection == collection and one.verb == "get")
    return shown.response or ""
