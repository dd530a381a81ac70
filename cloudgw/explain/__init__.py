"""Why does this object work, or not? Gate by gate, with evidence, the first that fails, and what to do.

`cloudgw explain` calls `explain`. Pure: it reads a Snapshot and its Resolution, and asks the pure functions of
`routing` for what no verdict holds. It must never decide anything that `routing` decides, never do I/O, and never show
more of a Secret than anybody may see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloudgw import objects
from cloudgw.explain import fixes, gateways, policies, routes, services
from cloudgw.explain.model import Chain, Explanation, Gate, Section, State, World
from cloudgw.objects import (
    ROUTE_KINDS,
    BackendPolicy,
    BackendTLSPolicy,
    Gateway,
    GatewayClass,
    ListenerSet,
    Origin,
    Route,
    Service,
    Snapshot,
    Unknown,
)
from cloudgw.routing import index, ir

__all__ = ["KINDS", "Explanation", "Gate", "Missing", "Section", "State", "explain", "kind_of"]

KINDS = (
    "GatewayClass",
    "Gateway",
    "ListenerSet",
    *(kind.__name__ for kind in ROUTE_KINDS),
    "BackendTLSPolicy",
    "BackendPolicy",
    "Service",
)
_SHORT = {
    "gc": "GatewayClass",
    "gtw": "Gateway",
    "gw": "Gateway",
    "lset": "ListenerSet",
    "btlspolicy": "BackendTLSPolicy",
    "btls": "BackendTLSPolicy",
    "bepol": "BackendPolicy",
    "svc": "Service",
}


class Missing(Exception):
    """There is no such object. The text says what may have been meant."""


def kind_of(text: str) -> str:
    """The kind that a person means: any case, singular or plural, kubectl's short names, with or without group.
    Raises Missing."""
    word = text.partition(".")[0].lower()
    if word in _SHORT:
        return _SHORT[word]
    for kind in KINDS:
        plural = f"{kind[:-1]}ies" if kind.endswith("y") and kind != "Gateway" else f"{kind}s"
        if word in (kind.lower(), plural.lower(), f"{kind}es".lower()):
            return kind
    known = {**{kind.lower(): kind for kind in KINDS}, **_SHORT}
    best = fixes.similar(word, known)
    raise Missing(f"kind {text!r} is not known{f'; did you mean {best}?' if best else ''}; use {', '.join(KINDS)}")


def find(snapshot: Snapshot, kind: str, namespace: str, name: str) -> objects.Key:
    """The object's key. namespace "": any, where only one object has that name. Raises Missing."""
    items = snapshot.objects.get(kind, {})
    if kind == "GatewayClass":
        namespace = ""
    keys = [key for key in sorted(items) if key[1] == name and (not namespace or key[0] == namespace)]
    if len(keys) == 1:
        return keys[0]
    if keys:
        raise Missing(f"{kind} {name} exists in more than one namespace: {', '.join(map(fixes.named, keys))}; add -n")
    near = fixes.near(snapshot, kind, namespace, name)
    others = [other for other in KINDS if any(key[1] == name for key in snapshot.objects.get(other, {}))]
    hint = fixes.meant(near) or (f"; there is a {others[0]} of that name" if others else "")
    if not hint:
        have = ", ".join(fixes.named(key) for key in sorted(items)[:5])
        hint = f"; there is: {have}{' ...' if len(items) > 5 else ''}" if have else f"; there is no {kind} in the input"
    raise Missing(f"{kind} {fixes.named((namespace, name))} is not among the input{hint}")


def explain(
    snapshot: Snapshot,
    resolution: ir.Resolution,
    kind: str,
    namespace: str,
    name: str,
    *,
    refused: Mapping[str, str] | None = None,
    unread: Mapping[str, str] | None = None,
    clouds: Mapping[objects.Key, Sequence[objects.Note]] | None = None,
    controller_name: str = objects.CONTROLLER_NAME,
) -> Explanation:
    """Everything about one object. kind: one of KINDS; namespace "": any, where the name is unique. refused, unread: by
    name of a GatewayClass, why its parameters cannot be used, or why nobody could tell; clouds: by Gateway, what its
    provider cannot honour. Raises Missing."""
    key = find(snapshot, kind, namespace, name)
    world = World(
        snapshot=snapshot,
        resolution=resolution,
        view=index.of(snapshot),
        refused=refused or {},
        unread=unread or {},
        clouds=clouds or {},
        controller=controller_name,
    )
    found = snapshot.objects[kind][key]
    if isinstance(found, Unknown):
        return _unreadable(kind, key, found)
    if isinstance(found, Route):
        return routes.explain(world, found)
    if isinstance(found, Gateway):
        return gateways.of_gateway(world, found)
    if isinstance(found, ListenerSet):
        return gateways.of_set(world, found)
    if isinstance(found, GatewayClass):
        return gateways.of_class(world, found)
    if isinstance(found, BackendTLSPolicy | BackendPolicy):
        return policies.of_policy(world, found)
    assert isinstance(found, Service), kind
    return services.of_service(world, found)


def _unreadable(kind: str, key: objects.Key, found: Unknown) -> Explanation:
    chain = Chain("", ("object",))
    where = Origin(kind=kind, namespace=key[0], name=key[1])
    chain.failed("object", f"it could not be read: {found.reason}", where, "correct the manifest")
    line = "nothing is concluded from it: what stands in a cloud for it stays as it is"
    return Explanation(kind=kind, namespace=key[0], name=key[1], sections=(chain.section(),), answers=(line,))
