"""The oracle against the examples and sentences of the Gateway API documentation on listeners, matches and backends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle import hostnames, matches, specification
from tests.oracle.examples import GROUP, ask, get, listener, made, path, route, rule, secured, shares, status, world
from tests.oracle.matches import Request
from tests.oracle.references import Manifest


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("test.example.com", "", "test.example.com"),
        ("test.example.com", "test.example.com", "test.example.com"),
        ("test.example.com", "*.example.com", "test.example.com"),
        ("*.example.com", "foo.test.example.com", "foo.test.example.com"),
        ("*.example.com", "*.foo.example.com", "*.foo.example.com"),
        ("*.example.com", "example.com", None),
        ("*.example.com", "test.example.net", None),
        ("*.example.com", "*.example.net", None),
        ("*.example.com", "*.xexample.com", None),
        ("", "", ""),
    ],
)
def test_hostname_intersection(one: str, other: str, common: str | None) -> None:
    assert hostnames.intersection(one, other) == common
    assert hostnames.intersection(other, one) == common


def test_a_wildcard_is_a_suffix_match() -> None:
    hosts = ("test.example.com", "foo.test.example.com", "example.com", ".example.com", "testexample.com")
    assert [hostnames.covers("*.example.com", host) for host in hosts] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("kind", "value", "sent", "held"),
    [
        ("PathPrefix", "/abc", "/abc", True),
        ("PathPrefix", "/abc", "/abc/", True),
        ("PathPrefix", "/abc", "/abc/def", True),
        ("PathPrefix", "/abc", "/abcd", False),
        ("PathPrefix", "/abc/", "/abc", True),
        ("PathPrefix", "/abc", "/Abc", False),
        ("PathPrefix", "/", "/anything", True),
        ("Exact", "/abc", "/abc", True),
        ("Exact", "/abc", "/abc/", False),
        ("Exact", "/abc", "/Abc", False),
        ("Exact", "/abc", "/abcd", False),
        ("RegularExpression", "/a+", "/aaa", True),
        ("RegularExpression", "/a+", "/aab", False),
    ],
)
def test_paths(kind: str, value: str, sent: str, held: bool) -> None:
    assert matches.path_holds(kind, value, sent) is held


def test_matches_of_a_rule_are_alternatives_and_conditions_are_anded() -> None:
    versioned = path("/foo", headers=[{"name": "version", "value": "v2"}])
    objects = world(route("r", rule("one", [versioned, path("/v2/foo")])))
    assert shares(ask(objects, get("/foo/1", headers=(("Version", "v2"),)))) == [("ns/one:80", 1)]
    assert shares(ask(objects, get("/v2/foo"))) == [("ns/one:80", 1)]
    assert status(ask(objects, get("/foo"))) == 404


def test_of_equivalent_header_names_the_first_counts_and_repeated_headers_are_joined() -> None:
    twice = path("/", headers=[{"name": "a", "value": "1,2"}, {"name": "A", "value": "no"}])
    objects = world(route("r", rule("one", [twice])))
    assert shares(ask(objects, get(headers=(("A", "1"), ("a", "2"))))) == [("ns/one:80", 1)]
    assert status(ask(objects, get(headers=(("a", "no"),)))) == 404


def test_the_first_value_of_a_query_parameter_counts() -> None:
    objects = world(route("r", rule("one", [path("/", queryParams=[{"name": "q", "value": "1"}])])))
    assert shares(ask(objects, get(query=(("q", "1"), ("q", "2"))))) == [("ns/one:80", 1)]
    assert status(ask(objects, get(query=(("q", "2"), ("q", "1"))))) == 404
    assert status(ask(objects, get(query=(("Q", "1"),)))) == 404


HEADER = [{"name": "h", "value": "1"}]
QUERY = [{"name": "q", "value": "1"}]


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (path("/abc", "Exact"), path("/abc", method="GET", headers=HEADER)),
        (path("/abc"), path("/", method="GET", headers=HEADER)),
        (path("/a.c", "RegularExpression"), path("/abc")),
        (path("/abc", method="GET"), path("/abc", headers=HEADER, queryParams=QUERY)),
        (path("/abc", headers=HEADER), path("/abc", queryParams=QUERY)),
        (path("/abc", queryParams=QUERY), path("/abc")),
    ],
)
def test_precedence_of_matches_beats_age_and_order(winner: Manifest, loser: Manifest) -> None:
    request = get("/abc", headers=(("h", "1"),), query=(("q", "1"),))
    within = world(route("r", rule("two", [loser]), rule("one", [winner])))
    assert shares(ask(within, request)) == [("ns/one:80", 1)]
    across = world(
        route("a", rule("two", [loser]), at="2020-01-01T00:00:00Z"),
        route("b", rule("one", [winner]), at="2021-01-01T00:00:00Z"),
    )
    assert shares(ask(across, request)) == [("ns/one:80", 1)]


def test_ties_go_to_the_oldest_then_the_name_then_the_first_rule() -> None:
    older, newer = "2020-09-08T01:02:03Z", "2020-09-08T01:02:04Z"
    by_age = world(route("a", rule("two"), at=newer), route("b", rule("one"), at=older))
    by_name = world(route("foo-baz", rule("two"), at=older), route("foo-bar", rule("one"), at=older))
    by_order = world(route("a", rule("one"), rule("two")))
    for objects in (by_age, by_name, by_order):
        assert shares(ask(objects, get())) == [("ns/one:80", 1)]


def test_alphabetical_order_is_that_of_the_text_with_its_slash() -> None:
    anywhere = [listener("http", allowedRoutes={"namespaces": {"from": "All"}})]
    spec = {"parentRefs": [{"name": "gw", "namespace": "ns"}]}
    routes = [
        route("x", rule(name), namespace=namespace, spec=spec) for name, namespace in (("two", "a"), ("one", "a-b"))
    ]
    services = [
        made("Service", name, {"ports": [{"port": 80}]}, space) for name, space in (("one", "a-b"), ("two", "a"))
    ]
    assert shares(ask(world(*routes, *services, on=anywhere), get())) == [("a-b/one:80", 1)]


def test_the_longer_hostname_wins_over_the_longer_path() -> None:
    objects = world(
        route("a", rule("three", [path("/abc", "Exact")])),
        route("b", rule("two", [path("/abc")]), host="*.example.com"),
        route("c", rule("one", [path("/")]), host="foo.example.com"),
    )
    assert shares(ask(objects, get("/abc"))) == [("ns/one:80", 1)]
    assert shares(ask(objects, get("/abc", "bar.example.com"))) == [("ns/two:80", 1)]
    assert shares(ask(objects, get("/abc", "FOO.Example.com:8080"))) == [("ns/one:80", 1)]
    assert shares(ask(objects, get("/abc", "example.com"))) == [("ns/three:80", 1)]


def test_listeners_are_isolated() -> None:
    on = [listener("any"), listener("wild", "*.example.com"), listener("exact", "foo.example.com")]
    refs = {name: {"parentRefs": [{"name": "gw", "sectionName": name}]} for name in ("any", "wild", "exact")}
    objects = world(
        route("a", rule("one", [path("/a")]), spec=refs["any"]),
        route("b", rule("two", [path("/b")]), spec=refs["wild"]),
        route("c", rule("three", [path("/c")]), spec=refs["exact"]),
        on=on,
    )
    assert shares(ask(objects, get("/c"))) == [("ns/three:80", 1)]
    assert status(ask(objects, get("/b"))) == 404
    assert shares(ask(objects, get("/b", "x.foo.example.com"))) == [("ns/two:80", 1)]
    assert status(ask(objects, get("/a", "x.foo.example.com"))) == 404
    assert shares(ask(objects, get("/a", "other.test"))) == [("ns/one:80", 1)]


def test_misdirected_requests() -> None:
    objects = world(route("r", rule("one")), on=[secured("wild", "*.example.com"), secured("foo", "foo.example.com")])

    def https(sni: str, host: str) -> specification.Answer:
        return ask(objects, get("/", host, port=443, sni=sni))

    assert shares(https("foo.example.com", "foo.example.com:443")) == [("ns/one:80", 1)]
    assert shares(https("bar.example.com", "baz.example.com")) == [("ns/one:80", 1)]
    assert status(https("bar.example.com", "foo.example.com")) == 421
    assert status(https("foo.example.com", "bar.example.com")) == 421
    assert status(https("foo.example.com", "other.test")) == 404


def test_a_listener_without_usable_certificate_is_not_programmed() -> None:
    broken = secured("foo", "foo.example.com", secret="missing")
    request = get("/", port=443, sni="foo.example.com")
    assert ask(world(route("r", rule()), on=[broken]), request) == {"kind": "refused"}
    assert status(ask(world(route("r", rule()), on=[broken, secured("wild", "*.example.com")]), request)) == 404


def test_conflicts_inside_a_gateway_and_across_listener_sets() -> None:
    def listener_set(name: str, at: str) -> Manifest:
        spec = {"parentRef": {"name": "gw"}, "listeners": [listener("set", "foo.example.com", port=81)]}
        return made("ListenerSet", name, spec, at=at)

    def by_set(name: str, backend: str) -> Manifest:
        parent = {"parentRefs": [{"kind": "ListenerSet", "name": name}]}
        return route(f"r-{name}", rule(backend), spec=parent)

    sets = [listener_set("a", "2022-01-01T00:00:00Z"), listener_set("b", "2021-01-01T00:00:00Z")]
    routes = [by_set("a", "two"), by_set("b", "one")]
    assert shares(ask(world(*sets, *routes, allowed="Same"), get(port=81))) == [("ns/one:80", 1)]
    assert ask(world(*sets, *routes), get(port=81)) == {"kind": "refused"}
    own = [listener("http"), listener("same", "foo.example.com", port=81)]
    assert status(ask(world(*sets, *routes, on=own, allowed="Same"), get(port=81))) == 404
    clash = [listener("http"), listener("tcp", port=80, protocol="TCP"), listener("fine", port=82)]
    assert ask(world(route("r", rule()), on=clash), get()) == {"kind": "refused"}
    assert shares(ask(world(route("r", rule()), on=clash), get(port=82))) == [("ns/one:80", 1)]


def test_routes_attach_to_their_direct_parent_only() -> None:
    own_set = made("ListenerSet", "s", {"parentRef": {"name": "gw"}, "listeners": [listener("set", port=81)]})
    assert status(ask(world(own_set, route("r", rule()), allowed="All"), get(port=81))) == 404


def test_allowed_routes() -> None:
    expressions = [
        {"key": "team", "operator": "In", "values": ["a"]},
        {"key": "gone", "operator": "DoesNotExist"},
        {"key": "tier", "operator": "NotIn", "values": ["lead"]},
        {"key": "tier", "operator": "Exists"},
    ]
    selector = {"matchLabels": {"team": "a"}, "matchExpressions": expressions}
    on = [listener("http", allowedRoutes={"namespaces": {"from": "Selector", "selector": selector}})]
    for labels, expected in (
        ({"team": "a", "tier": "gold"}, 1),
        ({"team": "a", "tier": "lead"}, 0),
        ({"team": "a"}, 0),
    ):
        namespace = made("Namespace", "other", {})
        namespace["metadata"]["labels"] = labels
        there = route("r", rule(), namespace="other", spec={"parentRefs": [{"name": "gw", "namespace": "ns"}]})
        objects = world(namespace, there, made("Service", "one", {"ports": [{"port": 80}]}, "other"), on=on)
        assert (ask(objects, get())["kind"] == "forward") is bool(expected)
    only_grpc = [listener("http", allowedRoutes={"kinds": [{"kind": "GRPCRoute"}]})]
    assert status(ask(world(route("r", rule()), on=only_grpc), get())) == 404


def test_backend_references() -> None:
    refs: list[Manifest] = [
        {"name": "one", "port": 80, "weight": 3},
        {"name": "one", "port": 80},
        {"name": "two", "port": 80, "weight": 0},
        {"name": "missing", "port": 80},
        {"name": "one", "port": 81},
        {"name": "one", "port": 53},
        {"name": "one", "port": 80, "kind": "Other", "group": "example.com"},
        {"name": "secret", "namespace": "far", "port": 80},
        {"name": "open", "namespace": "far", "port": 80},
        {"name": "outside", "port": 80},
    ]
    grant = {
        "from": [{"group": GROUP, "kind": "HTTPRoute", "namespace": "ns"}],
        "to": [{"group": "", "kind": "Service", "name": "open"}],
    }
    objects = world(
        route("r", {"backendRefs": refs}),
        made("Service", "open", {"ports": [{"port": 80}]}, "far"),
        made("Service", "secret", {"ports": [{"port": 80}]}, "far"),
        made("Service", "outside", {"type": "ExternalName", "externalName": "x.test", "ports": [{"port": 80}]}),
        made("ReferenceGrant", "g", grant, "far"),
    )
    assert shares(ask(objects, get())) == [(500, 6), ("far/open:80", 1), ("ns/one:80", 4)]
    for several in ([], [refs[2]], [refs[3], refs[4]]):
        assert status(ask(world(route("r", {"backendRefs": several})), get())) == 500


def grpc(where: str, **more: Any) -> Request:
    return get(where, method="POST", headers=(("Content-Type", "application/grpc+proto"),), **more)


def test_grpc_routes() -> None:
    def method(service: str = "", name: str = "", kind: str = "Exact") -> Manifest:
        return {"method": {"type": kind, "service": service, "method": name}}

    objects = world(
        route("http", rule("one", [path("/web")])),
        route(
            "grpc",
            rule("missing", [method("foo.bar", "Broken")]),
            rule("two", [method("foo.bar")]),
            rule("three", [method("foo.bar", "Get")]),
            rule("one", [method("foo.b[a-z]+z", kind="RegularExpression")]),
            kind="GRPCRoute",
        ),
    )
    assert shares(ask(objects, grpc("/foo.bar/Get"))) == [("ns/three:80", 1)]
    assert shares(ask(objects, grpc("/foo.bar/List"))) == [("ns/two:80", 1)]
    assert shares(ask(objects, grpc("/foo.baz/List"))) == [("ns/one:80", 1)]
    assert ask(objects, grpc("/foo.bar/Broken")) == {"kind": "grpc", "status": "UNAVAILABLE"}
    assert ask(objects, grpc("/other/Get")) == {"kind": "grpc", "status": "UNIMPLEMENTED"}
    assert shares(ask(objects, grpc("/web"))) == [("ns/one:80", 1)]
    assert status(ask(objects, get("/foo.bar/Get"))) == 404
    assert status(ask(world(route("http", rule("one", [path("/web")]))), grpc("/foo.bar/Get"))) == 404


def test_grpc_entries_are_asked_first_on_the_same_hostname() -> None:
    objects = world(route("http", rule("one", [path("/s/M", "Exact")])), route("grpc", rule("two"), kind="GRPCRoute"))
    assert shares(ask(objects, grpc("/s/M"))) == [("ns/two:80", 1)]
    exact = [route("http", rule("one"), host="foo.example.com"), route("grpc", rule("two"), kind="GRPCRoute")]
    assert shares(ask(world(*exact), grpc("/s/M"))) == [("ns/one:80", 1)]


def test_connections() -> None:
    on = [
        listener("web"),
        listener("tcp", port=9000, protocol="TCP"),
        listener("udp", port=9000, protocol="UDP"),
        listener("pass", "*.example.com", port=443, protocol="TLS", tls={"mode": "Passthrough"}),
        secured("end", "foo.example.com", protocol="TLS"),
    ]
    objects = world(
        route("new", rule("two"), kind="TCPRoute", at="2024-01-02T00:00:00Z"),
        route("old", rule("one"), kind="TCPRoute"),
        route("udp", {"backendRefs": [{"name": "one", "port": 53}, {"name": "one", "port": 80}]}, kind="UDPRoute"),
        route("tls", rule("two"), host="*.example.com", kind="TLSRoute"),
        route("tls-foo", rule("three"), host="a.example.com", kind="TLSRoute", at="2025-01-01T00:00:00Z"),
        on=on,
    )

    def connect(port: int, protocol: str, sni: str = "") -> specification.Answer:
        return specification.connect(objects, ("ns", "gw"), port, protocol, sni)

    assert shares(connect(9000, "TCP")) == [("ns/one:80", 1)]
    assert shares(connect(9000, "UDP")) == [(500, 1), ("ns/one:53", 1)]
    assert shares(connect(443, "TLS", "b.example.com")) == [("ns/two:80", 1)]
    assert shares(connect(443, "TLS", "a.example.com")) == [("ns/three:80", 1)]
    assert shares(connect(443, "TLS", "foo.example.com")) == [("ns/two:80", 1)]
    assert connect(443, "TLS", "other.test") == {"kind": "closed"}
    assert connect(444, "TLS", "foo.example.com") == {"kind": "refused"}


def test_gateways_of_other_controllers_are_not_ours() -> None:
    objects = world(route("r", rule()))
    objects[0]["spec"]["controllerName"] = "example.com/other"
    assert ask(objects, get()) == {"kind": "refused"}
    assert specification.answer(world(), ("ns", "missing"), get()) == {"kind": "refused"}


def test_parent_refs_select_by_name_and_port() -> None:
    on = [listener("a", port=80), listener("b", port=81)]
    for ref, ports in (
        ({"name": "gw"}, [80, 81]),
        ({"name": "gw", "sectionName": "b"}, [81]),
        ({"name": "gw", "port": 80}, [80]),
        ({"name": "gw", "sectionName": "b", "port": 80}, []),
        ({"name": "gw", "kind": "Service", "group": ""}, []),
    ):
        objects = world(route("r", rule(), spec={"parentRefs": [ref]}), on=on)
        assert [port for port in (80, 81) if ask(objects, get(port=port))["kind"] == "forward"] == ports
