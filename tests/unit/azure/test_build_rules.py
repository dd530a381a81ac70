"""Matches that a path map does not have, paths that only case tells apart, and what does not fit: routes are refused
whole, the heir named, and nobody else's answer changes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cloudgw.objects import GRPCMethod, RouteMatch, Unknown
from cloudgw.routing import ir
from cloudgw_azure import build, build_match, build_rules, names
from tests.unit.azure import samples
from tests.unit.azure.samples import CART, PAY, codes, entry, forward, made, match, one, rows, said, table

MAP = "80.a.example.com"
TO_PAY = forward((PAY, 1))
QUERY = match(query=[("q", "v")])


@pytest.mark.parametrize(
    ("of", "field"),
    [
        (match(query=[("q", "v")]), "queryParams q"),
        (match(headers=[("X-A", "1")]), "headers X-A"),
        (match(method="GET"), "method GET"),
        (match("/a.*", "RegularExpression"), "path"),
        (match("/", "Exact"), "path"),
        (match("/a*"), "path"),
        (match("/a%20b", "Exact"), "path"),
        (match("/a?b", "Exact"), "path"),
        (match("/é"), "path"),
        (match("/a b", "Exact"), "path"),
    ],
)
def test_matches_that_are_refused(of: RouteMatch, field: str) -> None:
    graph, notes = built = one(forward((CART, 1)), of)
    assert rows(graph, "80.none.invalid") == []
    assert codes(built) == ["MatchNotExpressible"]
    assert notes[0].message.startswith(f"{field}: ")
    assert "HTTPRoute shop/cart is refused on this Gateway" in notes[0].message
    assert notes[0].refuses == "route"
    assert "pool/shop.cart.8080" not in [where.split("/azure/")[1] for where in graph.elements]


def test_grpc_routes_are_refused() -> None:
    for method in (GRPCMethod(), GRPCMethod(service="shop.Cart", method="Add")):
        built = made(samples.routing(table([entry(1, of=RouteMatch(grpc=method), route="grpc:cart"), entry(2)])))
        assert rows(built[0], MAP) == [(("/*",), "shop.cart.8080")]
        (message,) = said(built, "MatchDropped")
    built = made(samples.routing(table([entry(1, TO_PAY, of=RouteMatch(grpc=method), route="grpc:pay"), entry(2)])))
    (message,) = said(built, "MatchNotExpressible")
    assert "GRPCRoute shop/pay is refused" in message
    assert "HTTPRoute shop/cart" in message
    assert rows(built[0], MAP) == [(("/*",), "shop.cart.8080")]


def test_a_match_that_cannot_be_expressed_refuses_its_route() -> None:
    entries = [entry(1, TO_PAY, of=QUERY, route="pay"), entry(2, TO_PAY, of=match("/pay"), route="pay"), entry(3)]
    built = made(samples.routing(table(entries)))
    assert rows(built[0], MAP) == [(("/*",), "shop.cart.8080")]
    (message,) = said(built, "MatchNotExpressible")
    assert "HTTPRoute shop/pay" in message
    assert "HTTPRoute shop/cart" in message.partition("answered by")[2]


def test_a_match_whose_heir_answers_the_same_is_dropped() -> None:
    built = made(samples.routing(table([entry(1, of=QUERY), entry(2)])))
    assert codes(built) == ["MatchDropped"]
    assert rows(built[0], MAP) == [(("/*",), "shop.cart.8080")]


def test_the_same_backend_with_other_settings_is_another_answer() -> None:
    slow = dataclasses.replace(forward((CART, 1)), timeouts=samples.seconds(10))
    assert codes(made(samples.routing(table([entry(1, slow, of=QUERY), entry(2)])))) == ["MatchNotExpressible"]


def test_not_knowing_refuses_no_route() -> None:
    unknown = Unknown("grants could not be read")
    graph, notes = built = made(samples.routing(table([entry(1, unknown, of=QUERY), entry(2, unknown)])))
    assert codes(built) == ["MatchUndecided"]
    assert notes[0].refuses == ""
    assert rows(graph, MAP) == [((), "unknown")]


def isolated(*entries: ir.Entry) -> ir.Table:
    """Entries of listener "one" for a.example.com, and below them one of a listener for every host."""
    found = table([*entries, entry(9, TO_PAY, host="", route="other")])
    own = dataclasses.replace(found.listeners[0], name="one", hostname="a.example.com")
    return dataclasses.replace(found, listeners=(own, found.listeners[0]))


def test_a_refused_route_leaves_its_hosts_to_nobody() -> None:
    refused = [entry(1, of=QUERY, listener="one"), entry(2, ir.Respond(status=500), listener="one")]
    graph, _ = made(samples.routing(isolated(*refused)))
    assert rows(graph, MAP) == [(("/*",), "not-found")]
    assert rows(graph, "80.any") == [(("/*",), "shop.pay.8080")]
    graph, _ = made(samples.routing(isolated(entry(2, listener="one"))))
    assert rows(graph, MAP) == [(("/*",), "shop.cart.8080")]


CASES = [("/Foo", "/foo"), ("/foo/Bar", "/foo/bar"), ("/foo", "/FOO/bar")]


@pytest.mark.parametrize(("above", "below"), CASES)
def test_paths_that_only_case_tells_apart(above: str, below: str) -> None:
    """One route is refused whole: the lower one, or the one that has nothing standing."""
    entries = [entry(1, of=match(above)), entry(2, TO_PAY, of=match(below), route="pay"), entry(3, host="")]
    graph, notes = built = made(samples.routing(table(entries)))
    assert codes(built) == ["PathsDifferInCase"]
    assert notes[0].refuses == "route"
    assert "HTTPRoute shop/pay is refused" in notes[0].message
    assert "HTTPRoute shop/cart" in notes[0].message
    assert rows(graph, MAP)[0] == ((above, f"{above}/*"), "shop.cart.8080")
    rule = build_rules.rule_id(entries[1])
    graph, notes = made(samples.routing(table(entries)), standing=frozenset({rule}))
    assert [note.code for note in notes] == ["PathsDifferInCase"]
    assert "HTTPRoute shop/cart is refused" in notes[0].message
    assert rows(graph, MAP) == [((below, f"{below}/*"), "shop.pay.8080")]


def test_paths_that_case_tells_apart_with_one_answer() -> None:
    entries = [entry(1, of=match("/Foo")), entry(2, of=match("/foo"), route="pay")]
    built = made(samples.routing(table(entries)))
    assert codes(built) == []
    assert rows(built[0], MAP) == [(("/Foo", "/Foo/*"), "shop.cart.8080")]


def test_paths_that_share_no_host_do_not_collide() -> None:
    entries = [entry(1, of=match("/Foo")), entry(2, TO_PAY, of=match("/foo"), host="b.example.com", route="pay")]
    assert codes(made(samples.routing(table(entries)))) == []


def test_a_refused_route_collides_with_nobody() -> None:
    entries = [
        entry(1, TO_PAY, of=match("/Foo"), route="bad"),
        entry(2, TO_PAY, of=QUERY, route="bad"),
        entry(3, of=match("/foo")),
        entry(4),
    ]
    built = made(samples.routing(table(entries)))
    assert codes(built) == ["MatchNotExpressible"]
    assert rows(built[0], MAP)[0] == (("/foo", "/foo/*"), "shop.cart.8080")


def test_a_collision_that_cannot_be_decided_leaves_the_lower_route() -> None:
    entries = [entry(1, of=match("/Foo")), entry(2, Unknown("unseen"), of=match("/foo"), route="pay")]
    graph, notes = made(samples.routing(table(entries)))
    assert notes == ()
    assert [answer for _, answer in rows(graph, MAP)] == ["shop.cart.8080"]


def many(count: int, **more: Any) -> list[ir.Entry]:
    return [entry(n, of=match(f"/{n}"), route=f"r{n}", **more) for n in range(count)]


def standing(*entries: ir.Entry) -> frozenset[str]:
    return frozenset(build_rules.rule_id(one) for one in entries)


@pytest.mark.parametrize(
    ("quota", "limit", "what"),
    [
        ("paths", 5 + 12, "paths for a.example.com on port 80"),
        ("pools", 2 + 2 + 6, "Service ports"),
        ("settings", 2 + 2 + 6, "backend settings"),
        ("redirects", 6, "redirects"),
        ("rewrites", 6, "rewrite sets"),
        ("active", 6, "hostnames"),
    ],
)
def test_routes_beyond_the_quotas(quota: str, limit: int, what: str) -> None:
    """Six of eight routes fit; those that stand stay."""
    keys = [ir.BackendKey(namespace="shop", name=f"s{n}", port=80) for n in range(8)]
    found = []
    for n, key in enumerate(keys):
        of, host = match(f"/{n}"), f"h{n}.example.com" if quota == "active" else "a.example.com"
        action: ir.Action = forward((key, 1))
        if quota == "redirects":
            action = ir.Redirect(hostname=f"r{n}.example.com")
        elif quota == "rewrites":
            action = forward((key, 1), rewrite=samples.replaced(f"/n{n}"))
        found.append(entry(n, action, of=of, host=host, route=f"r{n}"))
    wish = samples.routing(table(found), backends={key: samples.backend(key) for key in keys})
    built = made(wish, quotas={quota: limit}, standing=standing(found[7], found[6]))
    messages = said(built, "GatewayQuota")
    assert [f"r{n} is refused" in message for n, message in zip((5, 4), messages, strict=True)] == [True, True]
    assert all(what in message for message in messages)
    assert len([where for where in built[0].elements if "/path-rule/" in where]) == 6
    assert {note.refuses for note in built[1]} == {"route"}
    assert codes(made(wish)) == []


def test_a_route_that_frees_nothing_is_not_refused() -> None:
    """Three hosts, room for two: z has nothing of its own."""
    entries = [
        entry(1, host="a.example.com", route="a"),
        entry(2, host="b.example.com", route="b"),
        entry(3, host="c.example.com", route="c"),
        entry(4, host="a.example.com", of=match("/z"), route="z"),
    ]
    entries = [entries[3], *entries[:3]]
    built = made(samples.routing(table(entries)), quotas={"active": 2})
    (message,) = said(built, "GatewayQuota")
    assert "shop/c is refused" in message


def test_routes_that_stand_go_last() -> None:
    found = many(4)
    built = made(samples.routing(table(found)), quotas={"paths": 5 + 4}, standing=standing(*found))
    assert codes(built) == ["GatewayQuota"] * 2


def test_not_knowing_counts_and_refuses_nobody() -> None:
    unseen = [dataclasses.replace(one, unknown=Unknown("unseen")) for one in many(4)]
    built = made(samples.routing(table(unseen)), quotas={"paths": 6}, standing=standing(*unseen))
    assert codes(built) == []


def test_many_routes_are_compiled_in_time() -> None:
    entries = [
        entry(n, of=match(f"/{n}"), host=f"h{n % 150}.example.com", route=f"r{n}", listener="http") for n in range(1500)
    ]
    _, notes = made(samples.routing(table(entries)))
    assert len(notes) == 50 * 10


@pytest.mark.parametrize(
    ("path", "taken", "whole"),
    [
        ("/a", {"/a"}, True),
        ("/a", {"/a/*"}, False),
        ("/a/", {"/a/*"}, True),
        ("/a/b", {"/a/*"}, True),
        ("/a/b/*", {"/a/*"}, True),
        ("/ab", {"/a/*"}, False),
        ("/a/*", {"/a"}, False),
        ("/a/*", {"/*"}, True),
        ("/a", {"/*"}, True),
        ("/*", {"/a/*"}, False),
    ],
)
def test_paths_within_others(path: str, taken: set[str], whole: bool) -> None:
    assert build_match.within(path, taken) is whole


def test_ids_of_rules_begin_with_their_route() -> None:
    for name in ("cart", "cart.old", "a" * 30):
        found = entry(1, route=name)
        cut = build_rules.rule_id(found)
        assert cut.startswith(build_rules.known_prefix("shop", name)) or len(cut) == names.LOGICAL_LIMIT


def test_lint_says_what_build_says() -> None:
    wish = samples.routing(table([entry(1, of=QUERY), entry(2, TO_PAY, of=match("/a"))]))
    assert made(wish)[1] == build.lint(wish) != ()


def test_what_a_route_refused_by_a_quota_hid_is_there_again() -> None:
    """The 404 of its listener, the entry behind one of its own, and a match that it would have inherited."""
    many = [entry(n, of=match(f"/p{n}"), route="zz") for n in range(10, 30)]
    whole = [dataclasses.replace(one, listener="one") for one in [*many, entry(1, route="zz")]]
    built = made(samples.routing(isolated(*whole)), quotas={"paths": 20})
    assert codes(built) == ["GatewayQuota"]
    assert rows(built[0], MAP) == [(("/*",), "not-found")]

    first = entry(1, of=match("/admin"), route="zz")
    second = dataclasses.replace(entry(1, TO_PAY, of=match("/admin"), route="aa"), behind=first.key)
    built = made(samples.routing(table([*many, first, second, entry(2, route="aa")])), quotas={"paths": 20})
    assert rows(built[0], MAP) == [(("/admin", "/admin/*"), "shop.pay.8080"), (("/*",), "shop.cart.8080")]

    hears = [entry(1, of=match("/a", query=[("q", "v")]), route="aa"), entry(2, of=match("/a"), route="zz")]
    built = made(samples.routing(table([*many, *hears, entry(3, TO_PAY, route="bb")])), quotas={"paths": 20})
    assert codes(built) == ["MatchNotExpressible", "GatewayQuota"]
    assert rows(built[0], MAP) == [(("/*",), "shop.pay.8080")]


def test_the_winner_of_two_spellings_is_refused_by_a_quota() -> None:
    """Then the other one stays."""
    many = [entry(n, of=match(f"/p{n}"), route="zz") for n in range(10, 30)]
    spelt = [entry(1, of=match("/Foo"), route="zz"), entry(2, TO_PAY, of=match("/foo"), route="pay")]
    built = made(samples.routing(table([*many, *spelt])), quotas={"paths": 20})
    assert codes(built) == ["GatewayQuota"]
    assert rows(built[0], MAP) == [(("/foo", "/foo/*"), "shop.pay.8080")]
