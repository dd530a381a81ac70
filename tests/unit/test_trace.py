"""Traces: who answers, what happens to the request, and one reason for everybody who lost."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import pytest

from cloudgw import objects, trace
from cloudgw.objects import (
    GRPCMethod,
    HeaderModifier,
    KubernetesObject,
    Meta,
    Note,
    Origin,
    ParentRef,
    PathModifier,
    RequestHeaderModifier,
    RequestMirror,
    RequestRedirect,
    RouteMatch,
    ServicePort,
    URLRewrite,
    ValueMatch,
)
from cloudgw.routing import ir, request
from cloudgw.routing.request import Connection, Request
from tests.unit.routing import world

SHOP = "shop.example.com"


def traced(
    items: Sequence[KubernetesObject],
    asked: Request | Connection,
    *,
    known: bool = True,
    protocol: str = "",
    provider: Any = None,
) -> trace.Trace:
    """known: the trace sees the snapshot too."""
    seen = world.snapshot(world.CLASS, world.PARAMETERS, *items)
    routing = world.resolved(seen)
    made = trace.trace(routing, asked, seen if known else None, protocol=protocol, provider=provider)
    ask = request.answer(routing, asked) if isinstance(asked, Request) else request.connect(routing, asked)
    if made.answer.entry:
        assert made.answer == ask  # the answer is never the trace's own
    json.dumps(made.json())
    return made


def get(path: str = "/", host: str = SHOP, **more: Any) -> Request:
    return Request(port=more.pop("port", 80), host=host, path=path, **more)


def reasons(made: trace.Trace) -> dict[str, str]:
    """Rule -> why it lost."""
    return {f"{one.origin.name} {one.origin.section}": one.reason for one in made.lost}


def with_filters(rule: objects.RouteRule, *filters: objects.Filter) -> objects.RouteRule:
    return dataclasses.replace(rule, filters=filters)


def test_the_winner_and_what_its_backend_sees() -> None:
    rewrite = URLRewrite(hostname="cart.internal", path=PathModifier(type="ReplacePrefixMatch", value="/api"))
    headers = RequestHeaderModifier(headers=HeaderModifier(set=(("x-env", "prod"),), remove=("x-debug",)))
    mirror = RequestMirror(ref=objects.ObjectRef(kind="Service", namespace="shop", name="cart"), port=80, numerator=25)
    rule = with_filters(
        world.rule(world.path("/cart"), backends=[world.backend(weight=3), world.backend("next")]),
        rewrite,
        headers,
        mirror,
    )
    items: list[KubernetesObject] = [
        world.gateway(),
        world.route("cart", rule),
        world.service(),
        world.service("next"),
        world.endpoints("10.0.0.1", "10.0.0.2"),
    ]
    made = traced(items, get("/cart/7", headers=(("x-debug", "1"),)))
    assert made.winner is not None
    assert (made.winner.origin.name, made.winner.origin.section, made.winner.match) == (
        "cart",
        "rule 0",
        "PathPrefix /cart",
    )
    first, second = made.shares
    assert (first.sent.path, first.sent.host, first.sent.headers) == ("/api/7", "cart.internal", (("x-env", "prod"),))
    assert (first.percent, second.percent) == (75.0, 25.0)
    assert (first.pods, second.pods) == (2, None)
    assert "no EndpointSlice" in second.unseen
    assert made.answer.mirrors == ((ir.BackendKey(namespace="shop", name="cart", port=80), 25, 100),)
    assert made.answered


def test_one_reason_for_every_predicate() -> None:
    def match(**fields: Any) -> objects.RouteRule:
        return world.rule(RouteMatch(path=objects.PathMatch(value="/cart"), **fields))

    value = ValueMatch(name="x-canary", value="hidden-1")
    rules = [
        match(method="PUT"),
        match(headers=(value, ValueMatch(name="x-tenant", value="blue"))),
        match(headers=(ValueMatch(name="x-tenant", value="red"),)),
        match(query=(ValueMatch(name="debug", value="1"),)),
        match(),
        world.rule(world.path("/other")),
        world.rule(world.path("/cart/7/x", "Exact")),
        world.rule(),
    ]
    items: list[KubernetesObject] = [
        world.gateway(),
        world.route("cart", *rules),
        world.route("far", hostnames=("far.example.com",)),
        world.service(),
    ]
    made = traced(items, get("/cart/7", headers=(("x-tenant", "blue"),)))
    assert made.winner is not None
    assert made.winner.origin.section == "rule 4"
    found = reasons(made)
    assert found["cart rule 0"] == "method: it is for PUT, not GET"
    assert found["cart rule 1"] == "header x-canary: it is missing"
    assert found["cart rule 2"] == "header x-tenant: it has another value"
    assert found["cart rule 3"] == "query parameter debug: it is missing"
    assert found["cart rule 5"] == "path: /cart/7 does not match PathPrefix /other"
    assert found["cart rule 6"] == "path: /cart/7 does not match Exact /cart/7/x"
    assert found["cart rule 7"] == (
        "later in precedence: HTTPRoute shop/cart rule 4 has PathPrefix /cart, which is longer"
    )
    assert found["far rule 0"] == "host: it is for far.example.com"
    assert "hidden-1" not in json.dumps(made.json())  # what a rule asks of a header may be a credential


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (world.path("/a", "Exact"), world.path("/a"), "has Exact /a, and Exact comes before other paths"),
        (RouteMatch(method="GET"), RouteMatch(headers=(ValueMatch(name="x", value="1"),)), "names a method as well"),
        (
            RouteMatch(headers=(ValueMatch(name="x", value="1"), ValueMatch(name="y", value="1"))),
            RouteMatch(headers=(ValueMatch(name="x", value="1"),)),
            "matches 2 headers, not 1 header",
        ),
        (
            RouteMatch(query=(ValueMatch(name="q", value="1"),)),
            RouteMatch(),
            "matches 1 query parameter, not 0 query parameters",
        ),
    ],
)
def test_why_one_match_comes_before_another(first: RouteMatch, second: RouteMatch, reason: str) -> None:
    items: list[KubernetesObject] = [
        world.gateway(),
        world.route("a", world.rule(second), created="2020-01-01T00:00:00Z"),
        world.route("b", world.rule(first), created="2021-01-01T00:00:00Z"),
        world.service(),
    ]
    made = traced(items, get("/a", headers=(("x", "1"), ("y", "1")), query=(("q", "1"),)))
    assert made.winner is not None
    assert made.winner.origin.name == "b"
    assert reasons(made) == {"a rule 0": f"later in precedence: HTTPRoute shop/b rule 0 {reason}"}


def test_ties_are_shadowed_by_age_and_by_name() -> None:
    items: list[KubernetesObject] = [
        world.gateway(),
        world.route("a", created="2021-01-01T00:00:00Z"),
        world.route("b", created="2020-01-01T00:00:00Z"),
        world.route("c", world.rule(), world.rule(), created="2020-01-01T00:00:00Z"),
        world.service(),
    ]
    made = traced(items, get())
    assert made.winner is not None
    assert made.winner.origin.name == "b"
    equal = "shadowed: HTTPRoute shop/b rule 0 has the same hostname and match, and"
    assert reasons(made) == {
        "a rule 0": f"{equal} is the older route",
        "c rule 0": f"{equal} comes before HTTPRoute shop/c by name",
        "c rule 1": f"{equal} comes before HTTPRoute shop/c by name",
    }
    # without the snapshot the tables are all there is, and nobody's age is known
    assert sorted(reasons(traced(items, get(), known=False))) == ["a rule 0", "c rule 0"]


def test_the_more_specific_listener_isolates() -> None:
    gateway = world.gateway(world.listener("any"), world.listener("shop", hostname=SHOP))
    wide = world.route("wide", parents=(ParentRef(namespace="shop", name="edge", section="any"),))
    named = world.route("named", hostnames=(SHOP,), parents=(ParentRef(namespace="shop", name="edge", section="any"),))
    made = traced([gateway, wide, named, world.service()], get())
    assert made.answer.status == 404
    assert [(one.id, one.chosen, one.reason) for one in made.listeners] == [
        ("shop", True, ""),
        ("any", False, 'listener "shop" is more specific'),
    ]
    isolated = 'isolated: the host belongs to listener "shop", which is more specific'
    assert reasons(made) == {"wide rule 0": isolated, "named rule 0": isolated}
    assert made.winner is not None
    assert made.winner.origin.section == 'listener "shop"'
    assert not made.answered


def test_a_listener_that_is_not_programmed_keeps_its_hosts() -> None:
    gateway = world.gateway(
        world.listener("any"), world.listener("one", hostname=SHOP), world.listener("two", hostname=SHOP)
    )
    made = traced([gateway, world.route(), world.service()], get())
    chosen = next(one for one in made.listeners if one.chosen)
    assert chosen.reason.startswith("it is not programmed: hostname: listeners")
    assert made.answer.status == 404


def test_nobody_listens() -> None:
    made = traced([world.gateway(), world.route(), world.service()], get(port=81))
    assert (made.listens, made.answered, made.answer.kind, made.lost) == (False, False, "none", ())
    assert [one.reason for one in made.listeners] == ["it listens on port 80"]


def test_routes_that_are_not_attached() -> None:
    elsewhere = world.route("elsewhere", parents=(ParentRef(namespace="shop", name="edge", section="https"),))
    foreign = world.route("foreign", namespace="other")
    other = world.route("other", hostnames=("other.example.com",), namespace="other")
    made = traced([world.gateway(), elsewhere, foreign, other, world.service()], get())
    found = reasons(made)
    assert sorted(found) == ["elsewhere rule 0", "foreign rule 0"]
    assert found["elsewhere rule 0"].startswith("not attached: parentRefs[0]: Gateway shop/edge has no listener")
    assert found["foreign rule 0"].startswith("not attached: parentRefs[0]:")


def test_a_redirect_answers_and_an_error_does_not() -> None:
    redirect = with_filters(world.rule(backends=[]), RequestRedirect(scheme="https", status=301))
    made = traced([world.gateway(), world.route("to-https", redirect)], get("/a", query=(("q", "1"),)))
    assert (made.answer.location, made.answered) == ("https://shop.example.com/a?q=1", True)
    broken = traced([world.gateway(), world.route()], get())
    assert (broken.answer.status, broken.answered) == (500, False)
    part = world.rule(backends=[world.backend(), world.backend("missing")])
    partly = traced([world.gateway(), world.route("cart", part), world.service()], get())
    assert [share.sent.to for share in partly.shares][1] == 500
    assert not partly.answered


def test_a_backend_without_a_ready_pod_does_not_answer() -> None:
    pods = world.endpoints("10.0.0.1")
    idle = dataclasses.replace(pods, endpoints=(objects.Endpoint(addresses=("10.0.0.1",), ready=False),))
    items: list[KubernetesObject] = [world.gateway(), world.route(), world.service()]
    assert traced([*items, pods], get()).answered
    made = traced([*items, idle], get())
    assert (made.shares[0].pods, made.answered) == (0, False)


def test_grpc() -> None:
    method = RouteMatch(grpc=GRPCMethod(service="shop.Cart", method="Add"))
    route = objects.GRPCRoute(
        meta=Meta(namespace="shop", name="rpc"),
        parents=(ParentRef(namespace="shop", name="edge"),),
        rules=(world.rule(method), world.rule(RouteMatch(grpc=GRPCMethod(service="shop.Cart")))),
    )
    items: list[KubernetesObject] = [world.gateway(), route, world.route("web"), world.service()]
    headers = (("content-type", "application/grpc"),)
    made = traced(items, get("/shop.Cart/Add", method="POST", headers=headers))
    assert made.winner is not None
    assert made.winner.match == "gRPC shop.Cart/Add"
    assert reasons(made) == {
        "rpc rule 1": "later in precedence: GRPCRoute shop/rpc rule 0 names its service or method more exactly",
        "web rule 0": "later in precedence: GRPCRoute shop/rpc rule 0 is for gRPC",
    }
    plain = traced(items, get("/shop.Cart/Add"))
    assert plain.winner is not None
    assert plain.winner.origin.name == "web"
    assert reasons(plain)["rpc rule 0"].startswith("it takes gRPC alone")


def test_connections() -> None:
    tls = [
        dataclasses.replace(world.listener("db", port=5432, protocol="TLS", hostname=name), name=label, tls_mode=mode)
        for label, name, mode in (("db", "db.example.com", "Passthrough"), ("any", "*.example.com", "Passthrough"))
    ]
    udp = world.listener("dns", port=53, protocol="UDP")

    def route(kind: type[objects.Route], name: str, *hostnames: str, port: int) -> objects.Route:
        return kind(
            meta=Meta(namespace="shop", name=name),
            parents=(ParentRef(namespace="shop", name="edge"),),
            hostnames=hostnames,
            rules=(world.rule(backends=[world.backend(port=port)]),),
        )

    items: list[KubernetesObject] = [
        world.gateway(*tls, udp),
        route(objects.TLSRoute, "db", "db.example.com", port=80),
        route(objects.TLSRoute, "wild", "*.example.com", port=80),
        route(objects.UDPRoute, "dns", port=53),
        world.service(tcp=ServicePort(port=80), udp=ServicePort(port=53, protocol="UDP")),
    ]
    made = traced(items, Connection(port=5432, protocol="TLS", sni="db.example.com"))
    assert made.winner is not None
    assert made.winner.origin.name == "db"
    assert made.answered
    assert [one.id for one in made.listeners if one.chosen] == ["db"]
    assert any(one.origin.name == "wild" for one in made.lost)
    other = traced(items, Connection(port=5432, protocol="TLS", sni="x.example.com"))
    assert other.winner is not None
    assert other.winner.origin.name == "wild"
    assert reasons(other) == {"db rule 0": "server name: it is for db.example.com"}
    assert traced(items, Connection(port=53, protocol="UDP")).answered
    assert not traced(items, Connection(port=53, protocol="TCP")).listens


def test_what_the_client_speaks_must_be_what_the_port_speaks() -> None:
    made = traced([world.gateway(), world.route(), world.service()], get(), protocol="HTTPS")
    assert (made.answer.kind, made.answered, made.lost) == ("none", False, ())
    assert made.answer.reason == "port 80 speaks HTTP: write http://"


def test_credentials_are_never_shown() -> None:
    set_ = RequestHeaderModifier(headers=HeaderModifier(set=(("x-api-key", "of-the-route"),)))
    items: list[KubernetesObject] = [
        world.gateway(),
        world.route("cart", with_filters(world.rule(), set_)),
        world.service(),
    ]
    made = traced(items, get(headers=(("Authorization", "of-the-client"), ("x-shown", "yes"))))
    text = json.dumps(made.json())
    assert "of-the-route" not in text
    assert "of-the-client" not in text
    assert '["x-shown", "yes"]' in text


class Cloud:
    """A provider that says one thing of every rule of a route, and counts what it was handed."""

    def __init__(self, level: str, code: str, route: str) -> None:
        self.said = (level, code, route)
        self.entries = 0

    def lint(self, routing: ir.Routing) -> tuple[Note, ...]:
        level, code, route = self.said
        self.entries = sum(len(table.entries) for table in routing.tables)
        where = Origin(kind="HTTPRoute", namespace="shop", name=route, path="/spec/rules/0")
        return (Note(level=level, code=code, message="no such thing", origin=where),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("level", "code", "route", "told", "answered"),
    [
        ("warning", "UnsupportedFilter", "cart", True, False),
        ("warning", "NotHonoured", "cart", True, True),
        ("info", "WeightsRounded", "cart", False, True),
        ("warning", "UnsupportedFilter", "far", False, True),
    ],
)
def test_what_the_cloud_cannot_honour(level: str, code: str, route: str, told: bool, answered: bool) -> None:
    cloud = Cloud(level, code, route)
    items: list[KubernetesObject] = [
        world.gateway(),
        world.route(),
        world.route("far", hostnames=("far.example.com",)),
        world.service(),
    ]
    made = traced(items, get(), provider=cloud)
    assert ([note.code for note in made.notes], made.answered) == ([code] * told, answered)
    assert cloud.entries == 1  # of the host that was asked alone


def test_thousands_of_rules_take_no_time() -> None:
    """What is quadratic takes a minute with 3,000 rules."""
    import time

    routes = [world.route(f"r{number}", hostnames=(f"h{number}.example.com",)) for number in range(3000)]
    seen = world.snapshot(world.CLASS, world.PARAMETERS, world.gateway(), *routes, world.service())
    routing = world.resolved(seen)
    began = time.perf_counter()
    made = trace.trace(routing, get(host="h7.example.com"), seen)
    assert time.perf_counter() - began < 5
    assert len(made.lost) == 2999
