"""Which HTTPRoutes attach to which listeners of a Gateway, and why the others do not.

Called by `resolve` for each Gateway. A route attaches where a parentRef selects the listener (sectionName, port), the
listener's allowedRoutes accept its kind and namespace, and the two share a hostname
(https://gateway-api.sigs.k8s.io/concepts/api-overview/#attaching-routes-to-gateways). Whether a listener itself is
usable does not matter here: routes are counted regardless. This module must never read a route's rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudgw.objects import GATEWAY_GROUP, Gateway, HTTPRoute, Listener, Namespace, Note, ParentRef, Selector, Unknown
from cloudgw.routing import conditions, hostnames
from cloudgw.routing.index import Index

HTTP_PROTOCOLS = ("HTTP", "HTTPS")
NAME_LABEL = "kubernetes.io/metadata.name"  # every namespace carries it; the API server writes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A route on a listener, by the listener's position. hostnames: where the two intersect, sorted; "" = any.
    unknown: not even known whether it attaches."""

    listener: int
    route: HTTPRoute
    hostnames: tuple[str, ...]
    unknown: Unknown | None = None


def attach(index: Index, gateway: Gateway, notes: list[Note]) -> list[Attachment]:
    """Every attachment of a Gateway, by route and listener; adds a note for each parentRef that attaches nowhere."""
    key = (gateway.meta.namespace, gateway.meta.name)
    found: list[Attachment] = []
    for route in index.routes.get(key, ()):
        known: dict[int, Attachment] = {}
        for number, parent in enumerate(route.parents):
            if (parent.group, parent.kind, parent.namespace, parent.name) != (GATEWAY_GROUP, "Gateway", *key):
                continue
            for one in _through(index, gateway, route, parent, number, notes):
                if one.listener not in known or one.unknown is None:
                    known[one.listener] = one
        found += [known[position] for position in sorted(known)]
    return found


def _through(
    index: Index, gateway: Gateway, route: HTTPRoute, parent: ParentRef, number: int, notes: list[Note]
) -> list[Attachment]:
    where = conditions.origin("HTTPRoute", route.meta, path=f"/spec/parentRefs/{number}")
    to = f"Gateway {gateway.meta.namespace}/{gateway.meta.name}"
    selected = [
        position
        for position, listener in enumerate(gateway.listeners)
        if (not parent.section or parent.section == listener.name) and (not parent.port or parent.port == listener.port)
    ]
    if not selected:
        wanted = " and ".join(
            [f'sectionName "{parent.section}"'] * bool(parent.section) + [f"port {parent.port}"] * bool(parent.port)
        )
        have = ", ".join(f'"{listener.name}" ({listener.port})' for listener in gateway.listeners) or "none"
        reason = f"parentRefs[{number}]: {to} has no listener with {wanted or 'any name'}; it has: {have}"
        notes.append(conditions.note("warning", conditions.NO_MATCHING_PARENT, where, reason))
        return []
    allowed = {position: _allowed(index, gateway, gateway.listeners[position], route) for position in selected}
    if all(isinstance(answer, str) for answer in allowed.values()):
        reasons = "; ".join(
            f'listener "{gateway.listeners[position].name}" {allowed[position]}' for position in selected
        )
        reason = f"parentRefs[{number}]: {to} does not accept the route: {reasons}; change allowedRoutes or the route"
        notes.append(conditions.note("warning", conditions.NOT_ALLOWED, where, reason))
        return []
    result: list[Attachment] = []
    for position, answer in allowed.items():
        shared = hostnames.intersections(gateway.listeners[position].hostname, route.hostnames)
        if shared and not isinstance(answer, str):
            unknown = answer if isinstance(answer, Unknown) else None
            result.append(Attachment(listener=position, route=route, hostnames=shared, unknown=unknown))
    if not result:
        theirs = ", ".join(sorted({gateway.listeners[position].hostname or "*" for position in selected}))
        reason = (
            f"hostnames: none of {', '.join(route.hostnames)} is one of {theirs}, which {to} listens for; "
            "change the route's hostnames or the listener's"
        )
        notes.append(conditions.note("warning", conditions.NO_HOSTNAME, where, reason))
    for one in result:
        if one.unknown:
            listener = gateway.listeners[one.listener]
            reason = f'parentRefs[{number}]: whether listener "{listener.name}" of {to} accepts the route is unknown: '
            notes.append(conditions.note("warning", conditions.UNKNOWN_INPUT, where, reason + one.unknown.reason))
    return result


def _allowed(index: Index, gateway: Gateway, listener: Listener, route: HTTPRoute) -> bool | str | Unknown:
    """True, the reason why not, or Unknown."""
    if listener.protocol not in HTTP_PROTOCOLS:
        return f"has protocol {listener.protocol}, which carries no HTTPRoute"
    allowed = listener.allowed
    if allowed.kinds and (GATEWAY_GROUP, "HTTPRoute") not in allowed.kinds:
        return f"allows only the kinds {', '.join(sorted(kind for _, kind in allowed.kinds))}"
    namespace = route.meta.namespace
    if allowed.namespaces == "All":
        return True
    if allowed.namespaces == "Same":
        return namespace == gateway.meta.namespace or f"allows only routes of namespace {gateway.meta.namespace}"
    if allowed.namespaces == "None" or allowed.selector is None:
        return "allows no namespace"
    return _selected(index, allowed.selector, namespace)


def _selected(index: Index, selector: Selector, namespace: str) -> bool | str | Unknown:
    """Three-valued: a selector that asks only for the namespace's name needs no Namespace object."""
    item = index.snapshot.get(Namespace, "", namespace)
    labels = dict(item.meta.labels) if isinstance(item, Namespace) else {}
    labels[NAME_LABEL] = namespace
    asked: list[tuple[str, bool]] = [(key, labels.get(key) == value) for key, value in selector.labels]
    asked += [(key, _meets(labels, key, operator, values)) for key, operator, values in selector.expressions]
    for key, met in asked:
        if not met and (key == NAME_LABEL or not isinstance(item, Unknown)):
            return f"selects namespaces by labels, and namespace {namespace} does not meet what it asks of {key}"
    if isinstance(item, Unknown) and any(key != NAME_LABEL for key, _ in asked):
        return Unknown(f"the labels of namespace {namespace} are unknown ({item.reason})")
    return True


def _meets(labels: dict[str, str], key: str, operator: str, values: Sequence[str]) -> bool:
    """A label selector requirement (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/)."""
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    return False
