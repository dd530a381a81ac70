"""Which routes attach to which listeners of a Gateway, and why the others do not.

Called by `resolve` for each Gateway. A route attaches where a parentRef selects the listener (of the Gateway or of one
ListenerSet, by sectionName and port), the listener's allowedRoutes accept its kind and namespace, and the two share a
hostname (https://gateway-api.sigs.k8s.io/concepts/api-overview/#attaching-routes-to-gateways). Whether a listener
itself is usable does not matter here: routes are counted regardless. This module must never read a route's rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloudgw.objects import GATEWAY_GROUP, Gateway, Listener, Note, Origin, ParentRef, Route, Unknown
from cloudgw.routing import conditions, hostnames, ir, namespaces
from cloudgw.routing.index import Index
from cloudgw.routing.listeners import KINDS, Standing
from cloudgw.routing.sets import Declared, Joining

RouteKey = tuple[str, str, str]  # (kind, namespace, name)
WITHOUT_HOSTNAMES = ("TCPRoute", "UDPRoute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A route on a listener, by the listener's id. hostnames: where the two intersect, sorted; "" = any.
    unknown: not even known whether it attaches."""

    listener: str
    route: Route
    hostnames: tuple[str, ...]
    unknown: Unknown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """One parentRef that names this Gateway or one of its ListenerSets, and where it leads."""

    route: Route
    number: int
    accepted: ir.Verdict
    attachments: tuple[Attachment, ...] = ()


def key_of(route: Route) -> RouteKey:
    return route.kind, route.meta.namespace, route.meta.name


def parents(
    index: Index,
    gateway: Gateway,
    joined: Sequence[Joining],
    standings: Sequence[Standing],
    notes: list[Note],
) -> list[Parent]:
    """Every parentRef of every route that names the Gateway or a ListenerSet of it, by route and number; adds a note
    for each one that attaches nowhere."""
    groups: dict[RouteKey, tuple[ir.Verdict | None, list[Standing]]] = {
        ("Gateway", gateway.meta.namespace, gateway.meta.name): (None, [])
    }
    for one in joined:
        verdict = one.verdict if one.verdict.status is False else None
        groups["ListenerSet", one.set.meta.namespace, one.set.meta.name] = (verdict, [])
    for standing in standings:
        groups[standing.declared.key][1].append(standing)
    routes = {key_of(route): route for target in groups for route in index.routes.get(target, ())}
    found: list[Parent] = []
    for _, route in sorted(routes.items(), key=lambda item: _route_order(item[0])):
        for number, ref in enumerate(route.parents):
            target = (ref.kind, ref.namespace, ref.name)
            if ref.group == GATEWAY_GROUP and target in groups:
                closed, listeners = groups[target]
                found.append(_parent(index, route, ref, number, closed, listeners, notes))
    return found


def attachments(found: Sequence[Parent]) -> list[Attachment]:
    """Every attachment once, by route and listener: of several parentRefs that lead to one listener, one that is
    known to."""
    order: dict[tuple[RouteKey, str], Attachment] = {}
    for parent in found:
        for one in parent.attachments:
            key = (key_of(one.route), one.listener)
            if key not in order or (one.unknown is None and order[key].unknown is not None):
                order[key] = one
    return list(order.values())


def _route_order(key: RouteKey) -> tuple[str, str, str]:
    kind, namespace, name = key
    return namespace, name, kind


def _parent(
    index: Index,
    route: Route,
    ref: ParentRef,
    number: int,
    closed: ir.Verdict | None,
    listeners: Sequence[Standing],
    notes: list[Note],
) -> Parent:
    where = conditions.origin(route.kind, route.meta, path=f"/spec/parentRefs/{number}")
    to = f"{ref.kind} {ref.namespace}/{ref.name}"

    def refuse(code: str, reason: str) -> Parent:
        notes.append(conditions.note("warning", code, where, f"parentRefs[{number}]: {reason}"))
        return Parent(route=route, number=number, accepted=ir.Verdict(status=False, reason=code, message=reason))

    if closed is not None:
        return refuse(conditions.NO_MATCHING_PARENT, f"{to} has not joined a Gateway: {closed.message}")
    selected = [one for one in listeners if selects(ref, one.declared.spec)]
    if not selected:
        wanted = " and ".join(
            [f'sectionName "{ref.section}"'] * bool(ref.section) + [f"port {ref.port}"] * bool(ref.port)
        )
        have = ", ".join(f'"{one.listener.name}" ({one.listener.port})' for one in listeners) or "none"
        reason = f"{to} has no listener with {wanted or 'any name'}; it has: {have}"
        return refuse(conditions.NO_MATCHING_PARENT, reason)
    allowed = {one.listener.id: allows(index, one.declared, route) for one in selected}
    if all(isinstance(answer, str) for answer in allowed.values()):
        reasons = "; ".join(f'listener "{one.listener.name}" {allowed[one.listener.id]}' for one in selected)
        reason = f"{to} does not accept the route: {reasons}; change allowedRoutes or the route"
        return refuse(conditions.NOT_ALLOWED, reason)
    result = [found for one in selected if (found := _attachment(one, route, allowed[one.listener.id])) is not None]
    if not result:
        theirs = ", ".join(sorted({one.listener.hostname or "*" for one in selected}))
        reason = (
            f"none of {', '.join(route.hostnames)} is one of {theirs}, which {to} listens for; "
            "change the route's hostnames or the listener's"
        )
        notes.append(conditions.note("warning", conditions.NO_HOSTNAME, where, f"hostnames: {reason}"))
        verdict = ir.Verdict(status=False, reason=conditions.NO_HOSTNAME, message=f"hostnames: {reason}")
        return Parent(route=route, number=number, accepted=verdict)
    return Parent(
        route=route, number=number, accepted=_accepted(result, to, number, where, notes), attachments=tuple(result)
    )


def _attachment(one: Standing, route: Route, answer: bool | str | Unknown) -> Attachment | None:
    wanted = () if route.kind in WITHOUT_HOSTNAMES else route.hostnames
    shared = hostnames.intersections(one.listener.hostname, wanted)
    if not shared or isinstance(answer, str):
        return None
    unknown = answer if isinstance(answer, Unknown) else one.unknown
    return Attachment(listener=one.listener.id, route=route, hostnames=shared, unknown=unknown)


def _accepted(result: Sequence[Attachment], to: str, number: int, where: Origin, notes: list[Note]) -> ir.Verdict:
    unknown = ""
    for one in result:
        if one.unknown:
            reason = f'whether listener "{one.listener}" of {to} accepts the route is unknown: {one.unknown.reason}'
            notes.append(conditions.note("warning", conditions.UNKNOWN_INPUT, where, f"parentRefs[{number}]: {reason}"))
            unknown = unknown or reason
    if any(one.unknown is None for one in result):
        return ir.Verdict(status=True, reason="Accepted")
    return ir.Verdict(status=None, reason="Pending", message=unknown)


def selects(ref: ParentRef, listener: Listener) -> bool:
    """Whether a parentRef means this listener of its parent."""
    return ref.section in ("", listener.name) and ref.port in (0, listener.port)


def uncarried(declared: Declared, route: Route) -> str:
    """Why the listener takes no route of this kind, or ""."""
    kinds = declared.spec.allowed.kinds
    if route.kind not in KINDS.get(declared.spec.protocol, ()):
        return f"has protocol {declared.spec.protocol}, which carries no {route.kind}"
    if kinds and (GATEWAY_GROUP, route.kind) not in kinds:
        return f"allows only the kinds {', '.join(sorted(kind for _, kind in kinds))}"
    return ""


def allows(index: Index, declared: Declared, route: Route) -> bool | str | Unknown:
    """Whether the listener's allowedRoutes take the route: True, the reason why not, or Unknown."""
    allowed = declared.spec.allowed
    return uncarried(declared, route) or namespaces.allows(
        index,
        allowed.namespaces,
        allowed.selector,
        home=declared.meta.namespace,
        namespace=route.meta.namespace,
        what="routes",
    )


def by_listener(found: Sequence[Attachment]) -> Mapping[str, tuple[Attachment, ...]]:
    """Attachments by the listener's id."""
    grouped: dict[str, list[Attachment]] = {}
    for one in found:
        grouped.setdefault(one.listener, []).append(one)
    return {listener: tuple(items) for listener, items in grouped.items()}
