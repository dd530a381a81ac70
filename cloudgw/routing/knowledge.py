"""What the input does not tell: which routes are known, what is incomplete, what belongs to no Gateway.

Called by `resolve`. Whoever deletes asks `Routing.known` and `Routing.complete` first, so this module must never call
something known that could only not be seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from cloudgw.objects import (
    GATEWAY_GROUP,
    ROUTE_KINDS,
    Gateway,
    Key,
    ListenerSet,
    Meta,
    Note,
    Origin,
    ParentRef,
    Route,
    Snapshot,
    Unknown,
)
from cloudgw.routing import conditions
from cloudgw.routing.index import Index
from cloudgw.routing.sets import Joining

PARENT_KINDS: dict[str, type[Gateway] | type[ListenerSet]] = {"Gateway": Gateway, "ListenerSet": ListenerSet}


def incomplete(index: Index, joined: Sequence[Joining]) -> tuple[str, ...]:
    """Why there may be more of a Gateway than was seen, in words; empty when nothing else can exist."""
    reasons = list(index.unseen)
    for one in joined:
        if one.verdict.status is None:
            reasons.append(f"ListenerSet {one.set.meta.namespace}/{one.set.meta.name}: {one.verdict.message}")
    return tuple(reasons)


def gone(snapshot: Snapshot) -> tuple[Key, ...]:
    """Gateways that are known not to exist any more."""
    there = snapshot.objects.get("Gateway", {})
    absent = ((namespace, name) for kind, namespace, name in snapshot.absent if kind == "Gateway")
    return tuple(sorted(key for key in absent if key not in there))


def unhandled(gateway: Gateway, sets: Sequence[ListenerSet]) -> list[Note]:
    """A note for every field of a Gateway or ListenerSet that has no effect yet."""
    owners: list[tuple[str, Meta]] = [("Gateway", gateway.meta), *(("ListenerSet", one.meta) for one in sets)]
    found = [(kind, meta, pointer) for kind, meta in owners for pointer in meta.unhandled]
    if gateway.addresses:
        found.append(("Gateway", gateway.meta, "/spec/addresses"))
    for field in ("annotations", "labels"):
        if getattr(gateway.infrastructure, field):
            found.append(("Gateway", gateway.meta, f"/spec/infrastructure/{field}"))
    if gateway.backend_certificate is not None:
        found.append(("Gateway", gateway.meta, "/spec/tls/backend"))
    return [
        conditions.note(
            "warning",
            conditions.NOT_HONOURED,
            conditions.origin(kind, meta, path=pointer),
            f"{pointer}: not honoured; it has no effect",
        )
        for kind, meta, pointer in found
    ]


def strays(snapshot: Snapshot) -> list[Note]:
    """Notes on what no Gateway speaks of: unreadable objects, routes whose parent is not here or not handled."""
    notes = [
        conditions.note(
            "warning",
            conditions.UNREADABLE,
            Origin(kind=kind.__name__, namespace=namespace, name=name),
            f"could not be read ({unknown.reason}): what stands for it stays",
        )
        for kind in (Gateway, ListenerSet, *ROUTE_KINDS)
        for (namespace, name), unknown in snapshot.unreadable(kind)
    ]
    for kind in ROUTE_KINDS:
        for route in snapshot.all(kind):
            for number, parent in enumerate(route.parents):
                notes += _stray(snapshot, route, number, parent)
    for one in snapshot.all(ListenerSet):
        to = one.parent
        where = conditions.origin("ListenerSet", one.meta, path="/spec/parentRef")
        if (to.group, to.kind) != (GATEWAY_GROUP, "Gateway"):
            reason = f"parentRef: {to.kind} {to.name} is no Gateway; refer to a Gateway"
            notes.append(conditions.note("warning", conditions.UNSUPPORTED_KIND, where, reason))
        elif (said := _missing(snapshot, "Gateway", to.namespace, to.name, where, "parentRef")) is not None:
            notes.append(said)
    return notes


def _stray(snapshot: Snapshot, route: Route, number: int, parent: ParentRef) -> list[Note]:
    if parent.group == GATEWAY_GROUP and parent.kind in PARENT_KINDS:
        there = snapshot.objects.get(parent.kind, {}).get((parent.namespace, parent.name))
        if there is not None and not isinstance(there, Unknown):
            return []
    where = conditions.origin(route.kind, route.meta, path=f"/spec/parentRefs/{number}")
    field = f"parentRefs[{number}]"
    if (parent.group, parent.kind) == ("", "Service"):
        return []  # traffic inside a mesh: somebody else's
    if parent.group != GATEWAY_GROUP or parent.kind not in PARENT_KINDS:
        reason = f"{field}: {parent.kind} {parent.namespace}/{parent.name}: this kind of parent is not handled"
        return [conditions.note("info", conditions.UNSUPPORTED_KIND, where, reason)]
    found = _missing(snapshot, parent.kind, parent.namespace, parent.name, where, field)
    return [found] if found is not None else []


def _missing(snapshot: Snapshot, kind: str, namespace: str, name: str, where: Origin, field: str) -> Note | None:
    found = snapshot.get(PARENT_KINDS[kind], namespace, name)
    if found is None:
        reason = f"{field}: {kind} {namespace}/{name} does not exist; create it, or correct the reference"
        return conditions.note("warning", conditions.MISSING_GATEWAY, where, reason)
    if isinstance(found, Unknown):
        reason = f"{field}: {kind} {namespace}/{name} cannot be seen ({found.reason})"
        return conditions.note("info", conditions.MISSING_GATEWAY, where, reason)
    return None
