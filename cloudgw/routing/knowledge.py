"""What the input does not tell: which routes are known, what is incomplete, what belongs to no Gateway.

Called by `resolve`. Whoever deletes asks `Routing.known` and `Routing.complete` first, so this module must never call
something known that could only not be seen.
"""

from __future__ import annotations

from cloudgw.objects import (
    GATEWAY_GROUP,
    EndpointSlice,
    Gateway,
    HTTPRoute,
    Key,
    Namespace,
    Note,
    Origin,
    ReferenceGrant,
    Secret,
    Service,
    Snapshot,
    Unknown,
)
from cloudgw.routing import conditions, listeners

LISTED = (HTTPRoute, Service, EndpointSlice, ReferenceGrant, Secret, Namespace)


def known(snapshot: Snapshot) -> tuple[Key, ...]:
    """Every HTTPRoute that was read, or that is known not to exist."""
    read = {(route.meta.namespace, route.meta.name) for route in snapshot.all(HTTPRoute)}
    absent = {(namespace, name) for kind, namespace, name in snapshot.absent if kind == "HTTPRoute"}
    unreadable = {key for key, _ in snapshot.unreadable(HTTPRoute)}
    return tuple(sorted((read | absent) - unreadable))


def incomplete(snapshot: Snapshot) -> tuple[str, ...]:
    """Why there may be more than was seen, in words; empty when nothing else can exist."""
    reasons: list[str] = []
    missing = [kind.__name__ for kind in LISTED if not snapshot.is_complete(kind)]
    if missing:
        reasons.append(f"not every {', '.join(missing)} is among the input")
    if "HTTPRoute" in missing:
        reasons.append("deletions cannot be seen")
    for (namespace, name), unknown in snapshot.unreadable(HTTPRoute):
        reasons.append(f"HTTPRoute {namespace}/{name} could not be read ({unknown.reason})")
    return tuple(reasons)


def gone(snapshot: Snapshot) -> tuple[Key, ...]:
    """Gateways that are known not to exist any more."""
    there = snapshot.objects.get("Gateway", {})
    absent = ((namespace, name) for kind, namespace, name in snapshot.absent if kind == "Gateway")
    return tuple(sorted(key for key in absent if key not in there))


def unhandled(gateway: Gateway) -> list[Note]:
    """A note for every field of a Gateway that has no effect yet; `listeners` speaks of client certificates."""
    return [
        conditions.note(
            "warning",
            conditions.NOT_HONOURED,
            conditions.origin("Gateway", gateway.meta, path=pointer),
            f"{pointer}: not honoured; it has no effect",
        )
        for pointer in gateway.meta.unhandled
        if not pointer.startswith(listeners.FRONTEND_VALIDATION)
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
        for kind in (Gateway, HTTPRoute)
        for (namespace, name), unknown in snapshot.unreadable(kind)
    ]
    for route in snapshot.all(HTTPRoute):
        for number, parent in enumerate(route.parents):
            where = conditions.origin("HTTPRoute", route.meta, path=f"/spec/parentRefs/{number}")
            parent_name = f"{parent.kind} {parent.namespace}/{parent.name}"
            if (parent.group, parent.kind) != (GATEWAY_GROUP, "Gateway"):
                reason = f"parentRefs[{number}]: {parent_name}: this kind of parent is not handled yet"
                notes.append(conditions.note("info", conditions.UNSUPPORTED_KIND, where, reason))
                continue
            found = snapshot.get(Gateway, parent.namespace, parent.name)
            if found is None:
                reason = f"parentRefs[{number}]: {parent_name} does not exist; create it, or correct the reference"
                notes.append(conditions.note("warning", conditions.MISSING_GATEWAY, where, reason))
            elif isinstance(found, Unknown):
                reason = f"parentRefs[{number}]: {parent_name} cannot be seen ({found.reason})"
                notes.append(conditions.note("info", conditions.MISSING_GATEWAY, where, reason))
    return notes
