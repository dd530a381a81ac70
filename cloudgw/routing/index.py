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
    ROUTE_KINDS,
    BackendTLSPolicy,
    EndpointSlice,
    Key,
    ListenerSet,
    ReferenceGrant,
    Route,
    Snapshot,
    Unknown,
)

PARENT_KINDS = ("Gateway", "ListenerSet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """routes: by (kind, namespace, name) of each Gateway or ListenerSet in parentRefs, by kind, namespace and name.
    sets: ListenerSets by (namespace, name) of their Gateway. grants, blind_grants: readable and unreadable
    ReferenceGrants by namespace. slices: by (namespace, Service name); blind_slices: unreadable ones by namespace, as
    their Service is not known. policies: by (namespace, Service name), oldest first; blind_policies: by namespace."""

    snapshot: Snapshot
    routes: Mapping[tuple[str, str, str], tuple[Route, ...]]
    sets: Mapping[Key, tuple[ListenerSet, ...]]
    grants: Mapping[str, tuple[ReferenceGrant, ...]]
    blind_grants: Mapping[str, Unknown]
    slices: Mapping[Key, tuple[EndpointSlice, ...]]
    blind_slices: Mapping[str, Unknown]
    policies: Mapping[Key, tuple[BackendTLSPolicy, ...]]
    blind_policies: Mapping[str, Unknown]


def of(snapshot: Snapshot) -> Index:
    routes: dict[tuple[str, str, str], dict[tuple[str, str, str], Route]] = defaultdict(dict)
    for kind in ROUTE_KINDS:
        for route in snapshot.all(kind):
            for parent in route.parents:
                if parent.group == GATEWAY_GROUP and parent.kind in PARENT_KINDS:
                    key = (route.kind, route.meta.namespace, route.meta.name)
                    routes[parent.kind, parent.namespace, parent.name][key] = route
    sets: dict[Key, list[ListenerSet]] = defaultdict(list)
    for one in snapshot.all(ListenerSet):
        if (one.parent.group, one.parent.kind) == (GATEWAY_GROUP, "Gateway"):
            sets[one.parent.namespace, one.parent.name].append(one)
    grants: dict[str, list[ReferenceGrant]] = defaultdict(list)
    for grant in snapshot.all(ReferenceGrant):
        grants[grant.meta.namespace].append(grant)
    slices: dict[Key, list[EndpointSlice]] = defaultdict(list)
    for item in snapshot.all(EndpointSlice):
        slices[item.meta.namespace, item.service].append(item)
    policies: dict[Key, list[BackendTLSPolicy]] = defaultdict(list)
    for policy in sorted(snapshot.all(BackendTLSPolicy), key=lambda policy: (policy.meta.created, policy.meta.name)):
        services = {target.name for target in policy.targets if (target.group, target.kind) == ("", "Service")}
        for name in sorted(services):
            policies[policy.meta.namespace, name].append(policy)
    return Index(
        snapshot=snapshot,
        routes={key: tuple(found.values()) for key, found in routes.items()},
        sets={key: tuple(found) for key, found in sets.items()},
        grants={namespace: tuple(found) for namespace, found in grants.items()},
        blind_grants={namespace: unknown for (namespace, _), unknown in snapshot.unreadable(ReferenceGrant)},
        slices={key: tuple(found) for key, found in slices.items()},
        blind_slices={namespace: unknown for (namespace, _), unknown in snapshot.unreadable(EndpointSlice)},
        policies={key: tuple(found) for key, found in policies.items()},
        blind_policies={namespace: unknown for (namespace, _), unknown in snapshot.unreadable(BackendTLSPolicy)},
    )
