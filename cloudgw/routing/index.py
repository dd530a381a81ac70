"""The Snapshot, arranged for the questions that `resolve` asks, so that no question walks over all objects.

`resolve` makes one per run and hands it to every module of `routing`. It holds references only and decides nothing;
it must never drop an object, and its order never depends on the order of the input.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from cloudgw.objects import (
    GATEWAY_GROUP,
    EndpointSlice,
    HTTPRoute,
    Key,
    ReferenceGrant,
    Snapshot,
    Unknown,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """routes: by (namespace, name) of each Gateway in parentRefs. grants, blind_grants: readable and unreadable
    ReferenceGrants by namespace. slices: by (namespace, Service name); blind_slices: unreadable ones by namespace, as
    their Service is not known."""

    snapshot: Snapshot
    routes: Mapping[Key, tuple[HTTPRoute, ...]]
    grants: Mapping[str, tuple[ReferenceGrant, ...]]
    blind_grants: Mapping[str, Unknown]
    slices: Mapping[Key, tuple[EndpointSlice, ...]]
    blind_slices: Mapping[str, Unknown]


def of(snapshot: Snapshot) -> Index:
    routes: dict[Key, dict[Key, HTTPRoute]] = defaultdict(dict)
    for route in snapshot.all(HTTPRoute):
        for parent in route.parents:
            if (parent.group, parent.kind) == (GATEWAY_GROUP, "Gateway"):
                routes[parent.namespace, parent.name][route.meta.namespace, route.meta.name] = route
    grants: dict[str, list[ReferenceGrant]] = defaultdict(list)
    for grant in snapshot.all(ReferenceGrant):
        grants[grant.meta.namespace].append(grant)
    slices: dict[Key, list[EndpointSlice]] = defaultdict(list)
    for item in snapshot.all(EndpointSlice):
        slices[item.meta.namespace, item.service].append(item)
    return Index(
        snapshot=snapshot,
        routes={key: tuple(found.values()) for key, found in routes.items()},
        grants={namespace: tuple(found) for namespace, found in grants.items()},
        blind_grants={namespace: unknown for (namespace, _), unknown in snapshot.unreadable(ReferenceGrant)},
        slices={key: tuple(found) for key, found in slices.items()},
        blind_slices={namespace: unknown for (namespace, _), unknown in snapshot.unreadable(EndpointSlice)},
    )
