"""Which objects have to do with which: what each object needs, and what it joins without being asked.

`web` keeps the ties of every object in the store and follows them both ways: from a Gateway to everything that its
routing is made of, and back from whatever changes to the Gateways that have to be looked at. One description serves
both, so that what a selection holds and what marks its Gateway dirty can never differ. It says what `routing` looks up
and must follow it: a tie too many costs a look, a tie too few is a load balancer that nobody brings up to date. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cloudgw.objects import (
    GATEWAY_GROUP,
    OWN_GROUP,
    ROUTE_KINDS,
    BackendPolicy,
    BackendTLSPolicy,
    ConfigMap,
    EndpointSlice,
    Gateway,
    GatewayClass,
    Key,
    KubernetesObject,
    Listener,
    ListenerSet,
    Namespace,
    ObjectRef,
    ReferenceGrant,
    RequestMirror,
    Route,
    Secret,
    Service,
    Unknown,
)

Knot: TypeAlias = tuple[str, str, str]  # (kind, namespace, name), whether the object exists or not

# Nodes that are no objects. What cannot be read may be meant for anybody near: an unreadable EndpointSlice or policy
# for every Service of its namespace, an unreadable route or ListenerSet for every Gateway.
# The grants of a namespace are asked by whoever refers to something in it from another one.
EVERYWHERE: Knot = ("*", "", "")
GRANTS, _NEAR = "*grants", "*near"
_FOR_ANY_GATEWAY = frozenset(kind.__name__ for kind in (*ROUTE_KINDS, ListenerSet))
_PARENTS = ("Gateway", "ListenerSet")


@dataclass(frozen=True, slots=True)
class Ties:
    """needs: what the object refers to, and so depends on. joins: what depends on it because it says so itself."""

    needs: frozenset[Knot] = frozenset()
    joins: frozenset[Knot] = frozenset()


NONE = Ties()


def of(kind: str, key: Key, item: KubernetesObject | Unknown, foreign: Mapping[str, str] | None = None) -> Ties:
    """The ties of one object; of a kind that routing does not know there are none, but others may need it. foreign:
    name of another controller -> class of ours that stands for its classes."""
    if isinstance(item, Unknown):
        return _unreadable(kind, key[0])
    if isinstance(item, GatewayClass) and foreign and item.controller in foreign:
        return Ties(needs=frozenset({(GatewayClass.__name__, "", foreign[item.controller])}))
    describe = _DESCRIBED.get(type(item))
    return describe(item) if describe is not None else NONE


def _unreadable(kind: str, namespace: str) -> Ties:
    if kind in _FOR_ANY_GATEWAY:
        return Ties(joins=frozenset({EVERYWHERE}))
    if kind in (EndpointSlice.__name__, BackendTLSPolicy.__name__, BackendPolicy.__name__):
        return Ties(joins=frozenset({(_NEAR, namespace, "")}))
    if kind == ReferenceGrant.__name__:
        return Ties(joins=frozenset({(GRANTS, namespace, "")}))
    return NONE


def _referred(home: str, refs: Iterable[ObjectRef], kind: str) -> Iterator[Knot]:
    """The objects of a core kind that are referred to, and the grants that are asked before."""
    for ref in refs:
        if (ref.group, ref.kind) == ("", kind):
            yield kind, ref.namespace, ref.name
            if ref.namespace != home:
                yield GRANTS, ref.namespace, ""


def _certificates(home: str, listeners: Iterable[Listener]) -> Iterator[Knot]:
    for listener in listeners:
        if listener.certificates:
            yield from _referred(home, listener.certificates, Secret.__name__)


def _gateway(item: Gateway) -> Ties:
    home = item.meta.namespace
    needs: set[Knot] = {EVERYWHERE, (GatewayClass.__name__, "", item.class_name)}
    needs.update(_certificates(home, item.listeners))
    if item.backend_certificate is not None:
        needs.update(_referred(home, (item.backend_certificate,), Secret.__name__))
    if item.frontend is not None:
        for validation in (item.frontend.default, *(one for _, one in item.frontend.per_port)):
            if validation is not None:
                needs.update(_referred(home, validation.authorities, ConfigMap.__name__))
    ref = item.infrastructure.parameters
    if ref is not None and ref.group == OWN_GROUP:
        needs.add((ref.kind, home, ref.name))
    return Ties(needs=frozenset(needs))


def _class(item: GatewayClass) -> Ties:
    ref = item.parameters
    if ref is None or ref.group != OWN_GROUP or ref.namespace:
        return NONE
    return Ties(needs=frozenset({(ref.kind, "", ref.name)}))


def _set(item: ListenerSet) -> Ties:
    home = item.meta.namespace
    needs: set[Knot] = {(Namespace.__name__, "", home), *_certificates(home, item.listeners)}
    to = item.parent
    joins = {("Gateway", to.namespace, to.name)} if (to.group, to.kind) == (GATEWAY_GROUP, "Gateway") else set()
    return Ties(needs=frozenset(needs), joins=frozenset(joins))


def _route(item: Route) -> Ties:
    home = item.meta.namespace
    needs: set[Knot] = {(Namespace.__name__, "", home)}
    for knot in _referred(home, _backends(item), Service.__name__):
        needs.add(knot)
        needs.add((_NEAR, knot[1], ""))
    joins = {
        (parent.kind, parent.namespace, parent.name)
        for parent in item.parents
        if parent.group == GATEWAY_GROUP and parent.kind in _PARENTS
    }
    return Ties(needs=frozenset(needs), joins=frozenset(joins))


def _backends(route: Route) -> Iterator[ObjectRef]:
    """Also of mirrors."""
    for rule in route.rules:
        for filter in rule.filters:
            if isinstance(filter, RequestMirror):
                yield filter.ref
        for backend in rule.backends:
            yield backend.ref
            for filter in backend.filters:
                if isinstance(filter, RequestMirror):
                    yield filter.ref


def _slice(item: EndpointSlice) -> Ties:
    return Ties(joins=frozenset({(Service.__name__, item.meta.namespace, item.service)})) if item.service else NONE


def _tls_policy(item: BackendTLSPolicy) -> Ties:
    needs = _referred(item.meta.namespace, item.authorities, ConfigMap.__name__)
    return Ties(needs=frozenset(needs), joins=_targets(item))


def _policy(item: BackendPolicy) -> Ties:
    return Ties(joins=_targets(item))


def _targets(item: BackendPolicy | BackendTLSPolicy) -> frozenset[Knot]:
    return frozenset(
        (Service.__name__, item.meta.namespace, target.name)
        for target in item.targets
        if (target.group, target.kind) == ("", Service.__name__)
    )


def _grant(item: ReferenceGrant) -> Ties:
    return Ties(joins=frozenset({(GRANTS, item.meta.namespace, "")}))


_DESCRIBED: Mapping[type, Callable[[Any], Ties]] = {
    Gateway: _gateway,
    GatewayClass: _class,
    ListenerSet: _set,
    **dict.fromkeys(ROUTE_KINDS, _route),
    EndpointSlice: _slice,
    BackendTLSPolicy: _tls_policy,
    BackendPolicy: _policy,
    ReferenceGrant: _grant,
}
