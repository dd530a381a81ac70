"""Attachment: parentRefs, allowedRoutes, namespaces that cannot be seen."""

from __future__ import annotations

import dataclasses

import pytest

from cloudgw.objects import GATEWAY_GROUP, AllowedRoutes, HTTPRoute, Meta, Namespace, ParentRef, Selector
from cloudgw.routing import ir
from tests.unit.routing import world


def attached(routing: ir.Routing) -> dict[str, int]:
    return {one.name: one.attached for table in routing.tables for one in table.listeners}


def parent(section: str = "", port: int = 0, kind: str = "Gateway") -> ParentRef:
    return ParentRef(namespace="shop", name="edge", section=section, port=port, kind=kind)


@pytest.mark.parametrize(
    ("refs", "expected"),
    [
        ((parent(),), {"http": 1, "alt": 1}),
        ((parent("http"),), {"http": 1, "alt": 0}),
        ((parent(port=8080),), {"http": 0, "alt": 1}),
        ((parent("http", 8080),), {"http": 0, "alt": 0}),
        ((parent("http"), parent("alt")), {"http": 1, "alt": 1}),
        ((parent("http"), parent("http")), {"http": 1, "alt": 0}),
        ((parent("nowhere"),), {"http": 0, "alt": 0}),
        ((parent(kind="Service"),), {"http": 0, "alt": 0}),
    ],
)
def test_section_and_port(refs: tuple[ParentRef, ...], expected: dict[str, int]) -> None:
    gateway = world.gateway(world.listener(), world.listener("alt", port=8080))
    routing = world.resolved(world.snapshot(world.CLASS, gateway, world.route(parents=refs)))
    assert attached(routing) == expected
    assert ("NoMatchingParent" in world.codes(routing)) is (not any(expected.values()) and refs[0].kind == "Gateway")


def allowing(route: HTTPRoute, allowed: AllowedRoutes, *more: Namespace, complete: bool = True) -> ir.Routing:
    gateway = world.gateway(dataclasses.replace(world.listener(), allowed=allowed))
    known = frozenset({"*"} if complete else {"HTTPRoute", "GatewayClass"})
    return world.resolved(world.snapshot(world.CLASS, gateway, route, *more, complete=known))


def test_namespaces() -> None:
    other = world.route(namespace="other")
    assert attached(allowing(other, AllowedRoutes())) == {"http": 0}
    assert attached(allowing(other, AllowedRoutes(namespaces="All"))) == {"http": 1}
    assert attached(allowing(other, AllowedRoutes(namespaces="None"))) == {"http": 0}
    assert "NotAllowedByListeners" in world.codes(allowing(other, AllowedRoutes()))


def test_kinds() -> None:
    ours = AllowedRoutes(kinds=((GATEWAY_GROUP, "HTTPRoute"),))
    theirs = AllowedRoutes(kinds=((GATEWAY_GROUP, "GRPCRoute"),))
    assert attached(allowing(world.route(), ours)) == {"http": 1}
    assert attached(allowing(world.route(), theirs)) == {"http": 0}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (Selector(), 1),
        (Selector(labels=(("team", "web"),)), 1),
        (Selector(labels=(("team", "db"),)), 0),
        (Selector(labels=(("kubernetes.io/metadata.name", "other"),)), 1),
        (Selector(expressions=(("team", "In", ("web", "db")),)), 1),
        (Selector(expressions=(("team", "NotIn", ("web",)),)), 0),
        (Selector(expressions=(("absent", "NotIn", ("web",)),)), 1),
        (Selector(expressions=(("team", "Exists", ()),)), 1),
        (Selector(expressions=(("team", "DoesNotExist", ()),)), 0),
        (Selector(expressions=(("team", "Near", ()),)), 0),
    ],
)
def test_selectors(selector: Selector, expected: int) -> None:
    namespace = Namespace(meta=Meta(name="other", labels={"team": "web"}))
    allowed = AllowedRoutes(namespaces="Selector", selector=selector)
    assert attached(allowing(world.route(namespace="other"), allowed, namespace)) == {"http": expected}


def test_labels_that_cannot_be_seen_make_the_entry_unknown() -> None:
    asks = AllowedRoutes(namespaces="Selector", selector=Selector(labels=(("team", "web"),)))
    routing = allowing(world.route(namespace="other"), asks, complete=False)
    (entry,) = routing.tables[0].entries
    assert entry.unknown is not None
    assert attached(routing) == {"http": 0}
    by_name = Selector(labels=(("kubernetes.io/metadata.name", "other"),))
    routing = allowing(
        world.route(namespace="other"), AllowedRoutes(namespaces="Selector", selector=by_name), complete=False
    )
    assert routing.tables[0].entries[0].unknown is None


def test_hostnames_that_do_not_meet() -> None:
    gateway = world.gateway(world.listener(hostname="*.a.io"))
    routing = world.resolved(world.snapshot(world.CLASS, gateway, world.route(hostnames=("a.io",))))
    assert attached(routing) == {"http": 0}
    assert world.codes(routing)[-1] == "NoMatchingListenerHostname"
