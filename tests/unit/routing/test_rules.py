"""Rules and backends: what cannot be honoured is 500 on its own match, what cannot be seen is Unknown."""

from __future__ import annotations

import dataclasses

import pytest

from cloudgw import objects
from cloudgw.objects import (
    BackendRef,
    Filter,
    ObjectRef,
    OtherFilter,
    PathModifier,
    RequestRedirect,
    RouteRule,
    Unknown,
    URLRewrite,
)
from cloudgw.routing import ir, rules
from tests.unit.routing import world

CART = ir.BackendKey(namespace="shop", name="cart", port=80)


def action_of(rule: RouteRule, *more: objects.KubernetesObject, complete: bool = True) -> ir.Action | Unknown:
    return routing_of(rule, *more, complete=complete).tables[0].entries[0].action


def routing_of(rule: RouteRule, *more: objects.KubernetesObject, complete: bool = True) -> ir.Routing:
    known = frozenset({"*"} if complete else {"HTTPRoute"})
    route = world.route("cart", rule)
    return world.resolved(world.snapshot(world.CLASS, world.PARAMETERS, world.gateway(), route, *more, complete=known))


def prefix(value: str) -> PathModifier:
    return PathModifier(type="ReplacePrefixMatch", value=value)


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ((OtherFilter(type="RequestMirror"),), "UnsupportedFilter"),
        ((OtherFilter(type="Typo"), RequestRedirect()), "UnsupportedFilter"),
        ((RequestRedirect(), URLRewrite()), "IncompatibleFilters"),
        ((RequestRedirect(), RequestRedirect()), "IncompatibleFilters"),
        ((URLRewrite(), URLRewrite()), "IncompatibleFilters"),
        ((RequestRedirect(),), "IncompatibleFilters"),  # beside backendRefs
    ],
)
def test_filters_that_cannot_be_honoured(filters: tuple[Filter, ...], code: str) -> None:
    routing = routing_of(dataclasses.replace(world.rule(world.path("/a")), filters=filters), world.service())
    (entry,) = routing.tables[0].entries
    assert isinstance(entry.action, ir.Respond)
    assert entry.action.status == 500
    assert entry.match == world.path("/a")
    assert code in world.codes(routing)
    assert routing.backends == {}


def test_prefix_replacement_needs_a_prefix() -> None:
    rule = dataclasses.replace(world.rule(world.path("/a", "Exact")), filters=(URLRewrite(path=prefix("/b")),))
    assert isinstance(action_of(rule, world.service()), ir.Respond)
    rule = dataclasses.replace(world.rule(world.path("/a")), filters=(URLRewrite(path=prefix("/b")),))
    assert isinstance(action_of(rule, world.service()), ir.Forward)


def test_filters_of_a_backend() -> None:
    filtered = dataclasses.replace(world.backend(), filters=(URLRewrite(),))
    assert isinstance(action_of(world.rule(backends=[filtered]), world.service()), ir.Respond)


def test_fields_that_degrade_and_fields_that_nobody_knows() -> None:
    degraded = dataclasses.replace(world.rule(), unhandled=("/spec/rules/0/timeouts",))
    assert isinstance(action_of(degraded, world.service()), ir.Forward)
    assert "NotHonoured" in world.codes(routing_of(degraded, world.service()))
    unknown = dataclasses.replace(world.rule(), unhandled=("/spec/rules/0/matches/0/pth",))
    assert isinstance(action_of(unknown, world.service()), ir.Respond)


@pytest.mark.parametrize(
    ("backend", "code"),
    [
        (world.backend("gone"), "BackendNotFound"),
        (world.backend(port=81), "BackendNotFound"),
        (world.backend(port=0), "UnsupportedValue"),
        (world.backend(namespace="money"), "RefNotPermitted"),
        (BackendRef(ref=ObjectRef(group="x.io", kind="Bucket", namespace="shop", name="b"), port=80), "InvalidKind"),
    ],
)
def test_a_bad_share_is_500_with_its_weight(backend: BackendRef, code: str) -> None:
    bad = dataclasses.replace(backend, weight=3)
    routing = routing_of(world.rule(backends=[world.backend(), bad]), world.service())
    action = routing.tables[0].entries[0].action
    assert isinstance(action, ir.Forward)
    assert [(share.to, share.weight) for share in action.shares] == [(CART, 1), (500, 3)]
    assert code in world.codes(routing)
    alone = action_of(world.rule(backends=[bad]), world.service())
    assert isinstance(alone, ir.Respond)
    assert alone.status == 500


def test_without_a_grant_nobody_learns_whether_a_service_exists() -> None:
    rule = world.rule(backends=[world.backend(), world.backend(namespace="money")])
    without = routing_of(rule, world.service())
    with_service = routing_of(rule, world.service(), world.service(namespace="money"))
    assert without.notes == with_service.notes
    action = without.tables[0].entries[0].action
    assert isinstance(action, ir.Forward)
    assert action.shares[1].withdrawn == ir.BackendKey(namespace="money", name="cart", port=80)


@pytest.mark.parametrize(
    ("grant", "allowed"),
    [
        (world.grant("money"), True),
        (world.grant("money", name="cart"), True),
        (world.grant("money", name="other"), False),
        (world.grant("money", to="Secret"), False),
        (world.grant("money", source="other"), False),
        (world.grant("money", kind="GRPCRoute"), False),
        (world.grant("shop"), False),
    ],
)
def test_grants(grant: objects.ReferenceGrant, allowed: bool) -> None:
    rule = world.rule(backends=[world.backend(namespace="money")])
    action = action_of(rule, grant, world.service(namespace="money"))
    assert isinstance(action, ir.Forward if allowed else ir.Respond)


def test_a_grant_that_cannot_be_seen() -> None:
    rule = world.rule(backends=[world.backend(), world.backend(namespace="money")])
    routing = routing_of(rule, world.service(), world.service(namespace="money"), complete=False)
    assert isinstance(routing.tables[0].entries[0].action, Unknown)
    assert isinstance(routing.backends[CART], ir.Backend)
    assert isinstance(routing.backends[ir.BackendKey(namespace="money", name="cart", port=80)], Unknown)


def test_an_unreadable_grant_is_no_missing_grant() -> None:
    route = world.route("cart", world.rule(backends=[world.backend(namespace="money")]))
    snapshot = world.snapshot(world.CLASS, world.gateway(), route, unreadable=[("ReferenceGrant", "money", "grant")])
    assert isinstance(world.resolved(snapshot).tables[0].entries[0].action, Unknown)


def test_a_service_that_cannot_be_seen_keeps_its_share() -> None:
    routing = routing_of(world.rule(), complete=False)
    action = routing.tables[0].entries[0].action
    assert isinstance(action, ir.Forward)
    assert action.shares[0].to == CART
    assert isinstance(routing.backends[CART], Unknown)


def test_weights() -> None:
    zero = world.rule(backends=[world.backend(weight=0)])
    assert isinstance(action_of(zero, world.service()), ir.Respond)
    assert isinstance(action_of(world.rule(backends=[])), ir.Respond)
    twice = action_of(world.rule(backends=[world.backend(weight=2), world.backend(weight=3)]), world.service())
    assert isinstance(twice, ir.Forward)
    assert [share.weight for share in twice.shares] == [5]


@pytest.mark.parametrize(
    ("scheme", "port", "listener", "protocol", "shown"),
    [
        ("", 0, 80, "HTTP", 0),
        ("", 0, 8080, "HTTP", 8080),
        ("", 0, 443, "HTTPS", 0),
        ("", 0, 8443, "HTTPS", 8443),
        ("https", 0, 80, "HTTP", 0),
        ("https", 0, 8080, "HTTP", 0),
        ("http", 0, 443, "HTTPS", 0),
        ("https", 8443, 80, "HTTP", 8443),
        ("https", 443, 8080, "HTTP", 0),
        ("", 443, 80, "HTTP", 443),
        ("http", 8080, 80, "HTTP", 8080),
        ("http", 80, 8443, "HTTPS", 0),
    ],
)
def test_the_port_of_a_location(scheme: str, port: int, listener: int, protocol: str, shown: int) -> None:
    where = ir.Listener(
        name="l", owner=("Gateway", "shop", "edge"), port=listener, protocol=protocol, origin=objects.Origin(kind="x")
    )
    action = rules.for_listener(ir.Redirect(scheme=scheme, port=port), where)
    assert isinstance(action, ir.Redirect)
    assert action.port == shown


def test_targets() -> None:
    port = objects.ServicePort(name="web", port=80, target="http")
    service = world.service(web=port)
    unready = dataclasses.replace(
        world.endpoints(name="b", port=("web", 9090)),
        endpoints=(objects.Endpoint(addresses=("10.0.0.9",), ready=False),),
    )
    routing = routing_of(
        world.rule(),
        service,
        world.endpoints("10.0.0.2", "10.0.0.1", name="a", port=("web", 8080)),
        world.endpoints("10.0.0.1", name="c", port=("web", 8080)),
        world.endpoints("fd00::1", name="d", family="IPv6"),
        unready,
    )
    found = routing.backends[CART]
    assert isinstance(found, ir.Backend)
    assert found.targets == (ir.Target(address="10.0.0.1", port=8080), ir.Target(address="10.0.0.2", port=8080))
    assert found.port_number == 8080
    assert "UnsupportedAddressType" in world.codes(routing)


def test_no_slice_is_not_zero_targets() -> None:
    without = routing_of(world.rule(), world.service()).backends[CART]
    assert isinstance(without, ir.Backend)
    assert isinstance(without.targets, Unknown)
    assert without.port_number == 8080
    empty = routing_of(world.rule(), world.service(), world.endpoints()).backends[CART]
    assert isinstance(empty, ir.Backend)
    assert empty.targets == ()
    ipv6 = routing_of(world.rule(), world.service(), world.endpoints("fd00::1", family="IPv6")).backends[CART]
    assert isinstance(ipv6, ir.Backend)
    assert isinstance(ipv6.targets, Unknown)


def test_an_unreadable_slice_may_hold_anything() -> None:
    snapshot = world.snapshot(
        world.CLASS,
        world.gateway(),
        world.route(),
        world.service(),
        world.endpoints("10.0.0.1"),
        unreadable=[("EndpointSlice", "shop", "odd")],
    )
    found = world.resolved(snapshot).backends[CART]
    assert isinstance(found, ir.Backend)
    assert isinstance(found.targets, Unknown)
