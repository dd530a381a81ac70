"""The Snapshot, arranged for the questions that `resolve` asks, so that no question walks over all objects.

`resolve` makes one per run and hands it to every module of `routing`. It holds references only and decides nothing;
it must never drop an object, and its order never depends on the order of the input.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from cloudgw.objects import (
    GATEWAY_GROUP,
    ROUTE_KINDS,
    BackendPolicy,
    BackendTLSPolicy,
    EndpointSlice,
    GRPCRoute,
    HTTPRoute,
    Key,
    ListenerSet,
    Namespace,
    ReferenceGrant,
    Route,
    Secret,
    Service,
    Snapshot,
    Unknown,
)

P = TypeVar("P", BackendPolicy, BackendTLSPolicy)
PARENT_KINDS = ("Gateway", "ListenerSet")
LISTED = (
    HTTPRoute,
    GRPCRoute,
    ListenerSet,
    BackendTLSPolicy,
    Service,
    EndpointSlice,
    ReferenceGrant,
    Secret,
    Namespace,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """routes: by (kind, namespace, name) of each Gateway or ListenerSet in parentRefs, by kind, namespace and name.
    sets: ListenerSets by (namespace, name) of their Gateway. grants, blind_grants: readable and unreadable
    ReferenceGrants by namespace. slices: by (namespace, Service name); blind_slices: unreadable ones by namespace, as
    their Service is not known. policies: BackendTLSPolicies by (namespace, Service name), oldest first; blind_policies:
    by namespace; backend_policies, blind_backend_policies: the same of BackendPolicies.
    known: every HTTPRoute and GRPCRoute that was read, or that is known not to exist, named as in the keys of entries.
    unseen: why there may be more of any Gateway than was seen, in words."""

    snapshot: Snapshot
    routes: Mapping[tuple[str, str, str], tuple[Route, ...]]
    sets: Mapping[Key, tuple[ListenerSet, ...]]
    grants: Mapping[str, tuple[ReferenceGrant, ...]]
    blind_grants: Mapping[str, Unknown]
    slices: Mapping[Key, tuple[EndpointSlice, ...]]
    blind_slices: Mapping[str, Unknown]
    policies: Mapping[Key, tuple[BackendTLSPolicy, ...]]
    blind_policies: Mapping[str, Unknown]
    backend_policies: Mapping[Key, tuple[BackendPolicy, ...]]
    blind_backend_policies: Mapping[str, Unknown]
    known: tuple[Key, ...]
    unseen: tuple[str, ...]


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
    blind_grants = {namespace: unknown for (namespace, _), unknown in snapshot.unreadable(ReferenceGrant)}
    for grant in snapshot.all(ReferenceGrant):
        if strange := [pointer for pointer in grant.meta.unhandled if pointer.startswith("/spec")]:
            # nobody can tell what it was meant to narrow: without it the grant may be for everything
            reason = f"{grant.meta.name}: {strange[0]}: this field is not known; remove or correct it"
            blind_grants.setdefault(grant.meta.namespace, Unknown(reason))
        else:
            grants[grant.meta.namespace].append(grant)
    slices: dict[Key, list[EndpointSlice]] = defaultdict(list)
    for item in snapshot.all(EndpointSlice):
        slices[item.meta.namespace, item.service].append(item)
    return Index(
        snapshot=snapshot,
        routes={key: tuple(found.values()) for key, found in routes.items()},
        sets={key: tuple(found) for key, found in sets.items()},
        grants={namespace: tuple(found) for namespace, found in grants.items()},
        blind_grants=blind_grants,
        slices={key: tuple(found) for key, found in slices.items()},
        blind_slices={namespace: unknown for (namespace, _), unknown in snapshot.unreadable(EndpointSlice)},
        policies=_by_service(snapshot.all(BackendTLSPolicy)),
        blind_policies={namespace: unknown for (namespace, _), unknown in snapshot.unreadable(BackendTLSPolicy)},
        backend_policies=_by_service(snapshot.all(BackendPolicy)),
        blind_backend_policies={namespace: unknown for (namespace, _), unknown in snapshot.unreadable(BackendPolicy)},
        known=_known(snapshot),
        unseen=_unseen(snapshot),
    )


def _by_service(policies: Iterable[P]) -> dict[Key, tuple[P, ...]]:
    """By (namespace, name) of the Services that are targeted, the oldest first."""
    found: dict[Key, list[P]] = defaultdict(list)
    for policy in sorted(policies, key=lambda policy: (policy.meta.created, policy.meta.name)):
        for name in {target.name for target in policy.targets if (target.group, target.kind) == ("", "Service")}:
            found[policy.meta.namespace, name].append(policy)
    return {key: tuple(ones) for key, ones in sorted(found.items())}


def _known(snapshot: Snapshot) -> tuple[Key, ...]:
    found: set[Key] = set()
    for kind, prefix in ((HTTPRoute, ""), (GRPCRoute, "grpc:")):
        read = {(route.meta.namespace, route.meta.name) for route in snapshot.all(kind)}
        absent = {(namespace, name) for other, namespace, name in snapshot.absent if other == kind.__name__}
        unreadable = {key for key, _ in snapshot.unreadable(kind)}
        found |= {(namespace, prefix + name) for namespace, name in (read | absent) - unreadable}
    return tuple(sorted(found))


def _unseen(snapshot: Snapshot) -> tuple[str, ...]:
    reasons: list[str] = []
    missing = [kind.__name__ for kind in LISTED if not snapshot.is_complete(kind)]
    if missing:
        reasons.append(f"not every {', '.join(missing)} is among the input")
    if "HTTPRoute" in missing:
        reasons.append("deletions cannot be seen")
    for kind in (*ROUTE_KINDS, ListenerSet):
        for (namespace, name), unknown in snapshot.unreadable(kind):
            reasons.append(f"{kind.__name__} {namespace}/{name} could not be read ({unknown.reason})")
    return tuple(reasons)
