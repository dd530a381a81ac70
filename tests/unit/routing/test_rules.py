"""Rules and backends: what cannot be honoured is 500 on its own match, what cannot be seen is Unknown."""

from __future__ import annotations

import dataclasses

import pytest

from cloudgw import objects
from cloudgw.objects import (
    CORS,
    BackendRef,
    Filter,
    GRPCMethod,
    GRPCRoute,
    HeaderModifier,
    Meta,
    Note,
    ObjectRef,
    OtherFilter,
    PathModifier,
    RequestHeaderModifier,
    RequestMirror,
    RequestRedirect,
    ResponseHeaderModifier,
    Retry,
    Route,
    RouteMatch,
    RouteRule,
    SessionPersistence,
    TCPRoute,
    Timeouts,
    TLSRoute,
    UDPRoute,
    Unknown,
    URLRewrite,
)
from cloudgw.routing import index, ir, rules
from tests.unit.routing import world

CART = ir.BackendKey(namespace="shop", name="cart", port=80)


def action_of(rule: RouteRule, *more: objects.KubernetesObject, complete: bool = True) -> ir.Action | Unknown:
    return routing_of(rule, *more, complete=complete).tables[0].entries[0].action


def routing_of(rule: RouteRule, *more: objects.KubernetesObject, complete: bool = True) -> ir.Routing:
    known = frozenset({"*"} if complete else {"HTTPRoute"})
    route = world.route("cart", rule)
    return world.resolved(world.snapshot(world.CLASS, world.PARAMETERS, world.gateway(), route, *more, complete=known))


def rule_of(
    route: Route, *items: objects.KubernetesObject, complete: frozenset[str] = world.EVERYTHING
) -> tuple[rules.Rule, list[Note]]:
    """The first rule of a route, and what is said about it."""
    notes: list[Note] = []
    view = index.of(world.snapshot(*items, complete=complete))
    read = rules.of_routes(view, [route], notes)
    return read[route.kind, route.meta.namespace, route.meta.name][0], notes


def prefix(value: str) -> PathModifier:
    return PathModifier(type="ReplacePrefixMatch", value=value)


@pytest.mark.parametrize(
    ("filters", "code", "reason"),
    [
        ((OtherFilter(type="ExtensionRef"),), "UnsupportedFilter", "UnsupportedValue"),
        ((OtherFilter(type="Typo"), RequestRedirect()), "UnsupportedFilter", "UnsupportedValue"),
        ((RequestRedirect(), URLRewrite()), "IncompatibleFilters", "IncompatibleFilters"),
    ],
)
def test_filters_that_cannot_be_honoured(filters: tuple[Filter, ...], code: str, reason: str) -> None:
    written = dataclasses.replace(world.rule(world.path("/a")), filters=filters)
    routing = routing_of(written, world.service())
    (entry,) = routing.tables[0].entries
    assert isinstance(entry.action, ir.Respond)
    assert entry.action.status == 500
    assert entry.match == world.path("/a")
    assert code in world.codes(routing)
    assert routing.backends == {}
    found, _ = rule_of(world.route("cart", written), world.service())
    assert found.problem is not None
    assert (found.problem.status, found.problem.reason) == (False, reason)
    assert found.unresolved == ()


def test_prefix_replacement_needs_a_prefix() -> None:
    rule = dataclasses.replace(world.rule(world.path("/a", "Exact")), filters=(URLRewrite(path=prefix("/b")),))
    assert isinstance(action_of(rule, world.service()), ir.Respond)
    rule = dataclasses.replace(world.rule(world.path("/a")), filters=(URLRewrite(path=prefix("/b")),))
    assert isinstance(action_of(rule, world.service()), ir.Forward)


def test_matches_that_are_wrong() -> None:
    some, notes = rule_of(world.route("cart", world.rule(world.path("/a"), world.path("b"))), world.service())
    assert some.matches == ((0, world.path("/a")),)
    assert some.action == ir.Respond(status=500, reason=some.problem.message if some.problem else "")
    assert [note.code for note in notes] == ["InvalidMatch"]
    none, _ = rule_of(world.route("cart", world.rule(world.path("a"), world.path("b"))), world.service())
    assert none.matches == ()
    assert none.problem is not None
    assert (none.problem.reason, none.problem.message[:15]) == ("UnsupportedValue", "matches[0].path")


def test_fields_that_degrade_and_fields_that_nobody_knows() -> None:
    degraded = dataclasses.replace(world.rule(), unhandled=("/spec/rules/0/timeouts/idle",))
    assert isinstance(action_of(degraded, world.service()), ir.Forward)
    assert "NotHonoured" in world.codes(routing_of(degraded, world.service()))
    unknown = dataclasses.replace(world.rule(), unhandled=("/spec/rules/0/matches/0/pth",))
    assert isinstance(action_of(unknown, world.service()), ir.Respond)


def test_an_unknown_field_of_the_route_is_a_problem_of_every_rule() -> None:
    route = world.route("cart", world.rule())
    odd = dataclasses.replace(route, meta=dataclasses.replace(route.meta, unhandled=("/spec/hostname",)))
    found, notes = rule_of(odd, world.service())
    assert found.problem is not None
    assert isinstance(found.action, ir.Respond)
    assert [note.code for note in notes] == ["UnknownField"]
    scope = dataclasses.replace(route, meta=dataclasses.replace(route.meta, unhandled=("/spec/useDefaultGateways",)))
    ignored, notes = rule_of(scope, world.service())
    assert ignored.problem is None
    assert [note.code for note in notes] == ["NotHonoured"]


def test_edits_of_the_rule_and_of_a_share() -> None:
    one, two = HeaderModifier(set=(("A", "1"),)), HeaderModifier(remove=("B",))
    copy = RequestMirror(ref=ObjectRef(kind="Service", namespace="shop", name="copy"), port=80, numerator=1)
    filtered = dataclasses.replace(
        world.backend(), filters=(RequestHeaderModifier(headers=two), URLRewrite(hostname="in.io"), copy)
    )
    rule = dataclasses.replace(
        world.rule(backends=[world.backend(), filtered]),
        filters=(ResponseHeaderModifier(headers=one), copy, CORS(allow_origins=("*",)), copy),
        timeouts=Timeouts(request=1000, backend_request=1000),
        retry=Retry(codes=(500,), attempts=2),
        session=SessionPersistence(name="s"),
    )
    found, notes = rule_of(world.route("cart", rule), world.service(), world.service("copy"))
    action = found.action
    assert isinstance(action, ir.Forward)
    assert notes == []
    key = ir.BackendKey(namespace="shop", name="copy", port=80)
    assert [(mirror.to, mirror.numerator, mirror.denominator) for mirror in action.edits.mirrors] == [(key, 1, 100)] * 2
    assert [mirror.origin.path for mirror in action.edits.mirrors] == [
        "/spec/rules/0/filters/1",
        "/spec/rules/0/filters/3",
    ]
    assert (action.edits.response, action.edits.request, action.edits.rewrite) == (one, None, None)
    assert action.cors == CORS(allow_origins=("*",))
    assert (action.timeouts, action.retry, action.session) == (rule.timeouts, rule.retry, rule.session)
    plain, edited = action.shares
    assert (plain.to, plain.edits) == (CART, None)
    assert (edited.to, edited.weight) == (CART, 1)
    assert edited.edits is not None
    assert (edited.edits.request, edited.edits.rewrite) == (two, URLRewrite(hostname="in.io"))
    assert [mirror.to for mirror in edited.edits.mirrors] == [key]
    assert edited.edits.mirrors[0].origin.path == "/spec/rules/0/backendRefs/1/filters/2"
    assert dict(found.pools) == {CART: None, key: None}


def test_shares_that_differ_in_nothing_are_one() -> None:
    filtered = dataclasses.replace(
        world.backend(weight=2), filters=(RequestHeaderModifier(headers=HeaderModifier(remove=("B",))),)
    )
    found, _ = rule_of(world.route("cart", world.rule(backends=[filtered, world.backend(), filtered])), world.service())
    assert isinstance(found.action, ir.Forward)
    assert [share.weight for share in found.action.shares] == [4, 1]


def test_a_copy_that_cannot_be_made_stops_nobody() -> None:
    gone = RequestMirror(ref=ObjectRef(kind="Service", namespace="shop", name="gone"), port=80)
    far = RequestMirror(ref=ObjectRef(kind="Service", namespace="money", name="pay"), port=80)
    rule = dataclasses.replace(world.rule(), filters=(gone, far))
    found, notes = rule_of(world.route("cart", rule), world.service())
    assert isinstance(found.action, ir.Forward)
    assert [mirror.to for mirror in found.action.edits.mirrors] == [500, 500]
    assert [(one.status, one.reason) for one in found.unresolved] == [
        (False, "BackendNotFound"),
        (False, "RefNotPermitted"),
    ]
    assert found.unresolved[0].message.startswith("filters[0].requestMirror.backendRef: Service shop/gone")
    assert all("nothing is copied" in note.message for note in notes)
    assert dict(found.pools) == {CART: None}
    blind, _ = rule_of(world.route("cart", rule), world.service(), complete=frozenset({"HTTPRoute"}))
    assert isinstance(blind.action, ir.Forward)
    assert isinstance(blind.action.edits.mirrors[1].to, Unknown)
    assert isinstance(blind.pools[ir.BackendKey(namespace="money", name="pay", port=80)], Unknown)


def test_filters_of_a_backend_that_cannot_be_honoured() -> None:
    filtered = dataclasses.replace(world.backend(weight=0), filters=(RequestRedirect(),))
    found, _ = rule_of(world.route("cart", world.rule(backends=[world.backend(), filtered])), world.service())
    assert isinstance(found.action, ir.Respond)
    assert found.problem is not None
    assert found.problem.reason == "UnsupportedValue"


@pytest.mark.parametrize(
    ("timeouts", "fine"),
    [
        (Timeouts(request=1000, backend_request=1001), False),
        (Timeouts(request=1000, backend_request=0), True),
        (Timeouts(request=0, backend_request=1), True),
        (Timeouts(backend_request=1), True),
    ],
)
def test_timeouts_that_contradict_each_other(timeouts: Timeouts, fine: bool) -> None:
    found, _ = rule_of(world.route("cart", dataclasses.replace(world.rule(), timeouts=timeouts)), world.service())
    assert (found.problem is None) is fine
    assert isinstance(found.action, ir.Forward if fine else ir.Respond)


def test_a_cookie_without_end() -> None:
    session = SessionPersistence(lifetime="Permanent")
    found, _ = rule_of(world.route("cart", dataclasses.replace(world.rule(), session=session)), world.service())
    assert found.problem is not None
    bounded = dataclasses.replace(world.rule(), session=dataclasses.replace(session, absolute_timeout=1000))
    assert rule_of(world.route("cart", bounded), world.service())[0].problem is None


def test_a_redirect_marks_its_response() -> None:
    headers = HeaderModifier(set=(("A", "1"),))
    filters = (RequestRedirect(), ResponseHeaderModifier(headers=headers), CORS())
    rule = dataclasses.replace(world.rule(backends=[]), filters=filters)
    found, notes = rule_of(world.route("cart", rule))
    assert found.action == ir.Redirect(response=headers, cors=CORS())
    assert notes == []


def test_a_redirect_copies_nothing() -> None:
    copy = RequestMirror(ref=ObjectRef(kind="Service", namespace="shop", name="gone"), port=80)
    rule = dataclasses.replace(world.rule(backends=[]), filters=(RequestRedirect(), copy))
    found, notes = rule_of(world.route("cart", rule))
    assert found.action == ir.Redirect()
    assert [one.reason for one in found.unresolved] == ["BackendNotFound"]
    assert [note.code for note in notes] == ["BackendNotFound", "NotHonoured"]
    assert found.pools == {}


def test_a_grpc_route() -> None:
    match = RouteMatch(grpc=GRPCMethod(service="shop.Cart", method="Add"))
    route = GRPCRoute(
        meta=Meta(namespace="shop", name="cart"),
        parents=(),
        rules=(world.rule(match), world.rule(backends=[])),
    )
    notes: list[Note] = []
    view = index.of(world.snapshot(world.service(), world.grant("shop")))
    served, empty = rules.of_routes(view, [route], notes)["GRPCRoute", "shop", "cart"]
    assert served.matches == ((0, match),)
    assert isinstance(served.action, ir.Forward)
    assert served.origin.kind == "GRPCRoute"
    assert isinstance(empty.action, ir.Respond)
    assert empty.problem is None


@pytest.mark.parametrize("kind", [TLSRoute, TCPRoute, UDPRoute])
def test_routes_that_carry_bytes(kind: type[Route]) -> None:
    protocol = "UDP" if kind is UDPRoute else "TCP"
    service = world.service(one=objects.ServicePort(port=80, protocol=protocol, app_protocol="mysql"))
    both = world.rule(backends=[world.backend(weight=2), world.backend("gone")])
    found, notes = rule_of(kind(meta=Meta(namespace="shop", name="cart"), parents=(), rules=(both,)), service)
    assert found.matches == ((0, RouteMatch()),)
    assert isinstance(found.action, ir.Forward)
    assert [(share.to, share.weight) for share in found.action.shares] == [
        (dataclasses.replace(CART, protocol=protocol), 2),
        (500, 1),
    ]
    assert [one.reason for one in found.unresolved] == ["BackendNotFound"]
    assert "its share of the connections is closed" in notes[0].message
    lost, _ = rule_of(
        kind(meta=Meta(namespace="shop", name="cart"), parents=(), rules=(world.rule(backends=[world.backend("x")]),))
    )
    assert lost.action == ir.Respond(status=500, reason="none of its backendRefs can be used")


def test_every_reference_has_its_verdict_in_order() -> None:
    rule = world.rule(
        backends=[
            world.backend("gone", weight=0),
            BackendRef(ref=ObjectRef(group="x.io", kind="Bucket", namespace="shop", name="b"), port=80),
            world.backend(),
            world.backend(namespace="money"),
        ]
    )
    found, _ = rule_of(world.route("cart", rule), world.service())
    assert [(one.status, one.reason, one.message.partition(":")[0]) for one in found.unresolved] == [
        (False, "BackendNotFound", "backendRefs[0]"),
        (False, "InvalidKind", "backendRefs[1]"),
        (False, "RefNotPermitted", "backendRefs[3]"),
    ]
    assert found.problem is None
    blind, _ = rule_of(world.route("cart", rule), complete=frozenset({"HTTPRoute"}))
    assert [one.status for one in blind.unresolved] == [None, False, None, None]


def test_named_are_the_ports_that_the_rule_may_use() -> None:
    rule = world.rule(backends=[world.backend(weight=0), world.backend("pay"), world.backend(namespace="money")])
    found, _ = rule_of(world.route("cart", rule), world.service(), world.service("pay"))
    pay = ir.BackendKey(namespace="shop", name="pay", port=80)
    assert found.named == (CART, pay)
    assert dict(found.pools) == {pay: None}


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
