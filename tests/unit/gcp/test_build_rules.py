"""Matches that a URL map cannot express, and what one load balancer does not hold: which routes are refused whole."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cloudgw.objects import GRPCMethod, Note, RouteMatch, Unknown
from cloudgw.routing import ir
from cloudgw_gcp import build_quota
from tests.unit.gcp import samples
from tests.unit.gcp.samples import CART, PAY, codes, entry, forward, logicals, made, match, routing, rows, said, table

HEADER = match("/a", headers=[("Host", "x")])
TO_PAY = forward((PAY, 1))


def refused(notes: tuple[Note, ...]) -> list[str]:
    return [note.origin.name for note in notes if note.refuses == "route" and note.origin]


@pytest.mark.parametrize(
    "of",
    [
        HEADER,
        match("/é"),
        match("/(ab)+", "RegularExpression"),
        match(query=[("q", "a b")]),
        RouteMatch(grpc=GRPCMethod(type="RegularExpression", service="(a)+")),
    ],
)
def test_matches_that_are_refused(of: RouteMatch) -> None:
    """The whole route, the heir named, and nobody else."""
    entries = [entry(1, of=of), entry(2, of=match("/x")), entry(3, TO_PAY, route="pay")]
    graph, notes = built = made(routing(table(entries)))
    assert rows(graph) == [(["prefix /"], "shop/pay:8080")]
    assert refused(notes) == ["cart"]
    (message,) = said(built, "MatchNotExpressible")
    assert "HTTPRoute shop/cart is refused on this Gateway" in message
    assert "answered by HTTPRoute shop/" in message
    assert "shop/cart:8080" not in logicals(graph, "backend-service")


def test_expressions_are_refused_of_a_global_load_balancer() -> None:
    wish = routing(table([entry(1, of=match("/a[0-9]", "RegularExpression")), entry(2, TO_PAY, route="pay")]))
    assert codes(made(wish)) == []
    assert codes(made(wish, samples.GLOBAL)) == ["MatchNotExpressible"]


def test_a_match_whose_heir_answers_the_same_is_dropped() -> None:
    built = made(routing(table([entry(1, of=HEADER), entry(2, route="other")])))
    assert codes(built) == ["MatchDropped"]
    assert rows(built[0]) == [(["prefix /"], "shop/cart:8080")]


def test_a_prefix_that_is_cut_elsewhere_is_another_answer() -> None:
    """/a/x becomes /n/x here, and /n/a/x there."""
    cut = forward((CART, 1), rewrite=samples.replaced("/n", "ReplacePrefixMatch"))
    built = made(routing(table([entry(1, cut, of=HEADER), entry(2, cut, route="other")])))
    assert codes(built) == ["MatchNotExpressible"]


def test_not_knowing_refuses_no_route() -> None:
    unseen = entry(2, Unknown("unseen"), route="other")
    graph, _ = built = made(routing(table([entry(1, of=HEADER), entry(3, of=match("/x")), unseen])))
    assert codes(built) == ["MatchUndecided"]
    assert [what for _, what in rows(graph)] == ["unknown", "unknown"]


def test_a_refused_route_leaves_its_host_to_nobody() -> None:
    entries = [
        dataclasses.replace(entry(1, of=HEADER), listener="one"),
        entry(2, TO_PAY, host="", route="pay"),
    ]
    found = table(entries)
    own = dataclasses.replace(found.listeners[0], name="one", hostname="a.example.com")
    graph, _ = made(routing(dataclasses.replace(found, listeners=(own, *found.listeners))))
    assert rows(graph) == [(["prefix /"], "404")]
    assert rows(graph, "80/*") == [(["prefix /"], "shop/pay:8080")]


def many(count: int, **of: Any) -> list[ir.Entry]:
    return [entry(n, of=match(f"/{n}", **of), route=f"r{n:04}") for n in range(count)]


@pytest.mark.parametrize(
    ("quotas", "entries", "left", "what"),
    [
        ({"predicates": 11}, many(6), 5, "12 comparisons"),
        ({"predicates": 11}, many(6, headers=[("x-a", "1")]), 2, "24 comparisons"),
        ({"rules": 4}, many(6), 4, "6 route rules"),
        ({"regexes": 5}, many(7, kind="RegularExpression"), 5, "7 regular expressions"),
        ({"hosts": 3}, [entry(n, host=f"h{n}.example.com", route=f"r{n:04}") for n in range(5)], 2, "6 hostnames"),
    ],
)
def test_routes_beyond_the_quotas(quotas: dict[str, int], entries: list[ir.Entry], left: int, what: str) -> None:
    graph, notes = built = made(routing(table(entries)), quotas=quotas)
    gone = refused(notes)
    assert gone == sorted((one.origin.name for one in entries), reverse=True)[: len(entries) - left]
    assert len({logical.split("/")[3] for logical in logicals(graph, "route-rule")}) == left
    assert said(built, "GatewayQuota")[0].startswith(f"quota: {what}")
    assert " is refused on Gateway shop/edge; " in said(built, "GatewayQuota")[0]


def test_templates_have_a_quota() -> None:
    entries = [
        entry(n, forward((CART, 1), rewrite=samples.replaced("/n")), of=match(f"/{n}"), route=f"r{n}") for n in range(3)
    ]
    graph, notes = made(routing(table(entries)), quotas={"templates": 2})
    assert refused(notes) == ["r2"]
    assert len(logicals(graph, "route-rule")) == 6


def test_backends_have_a_quota() -> None:
    keys = [dataclasses.replace(CART, name=f"s{n}") for n in range(6)]
    pods = {key: samples.backend(key, "10.0.64.5") for key in keys}
    entries = [entry(n, forward((key, 1)), of=match(f"/{n}"), route=f"r{n}") for n, key in enumerate(keys)]
    graph, notes = made(routing(table(entries), backends=pods), quotas={"services": 6})
    assert refused(notes) == ["r5", "r4", "r3"]
    assert len(logicals(graph, "backend-service")) == 4  # two are kept free


def test_what_stands_goes_last() -> None:
    wish = routing(table(many(6)))
    stands = {
        logical for logical in logicals(made(wish)[0], "route-rule") if logical.split("/")[3] in ("r0004", "r0005")
    }
    _, notes = made(wish, quotas={"rules": 4}, standing=frozenset(stands))
    assert refused(notes) == ["r0003", "r0002"]


def test_wildcard_routes_count_at_every_name_below() -> None:
    entries = [entry(n, host=f"h{n}.example.com", route="exact") for n in range(3)]
    wide = [entry(9, host="*.example.com", of=match("/w"), route="wide")]
    graph, notes = made(routing(table([*wide, *entries])), quotas={"rules": 1})
    assert refused(notes) == ["wide"]
    assert len(logicals(graph, "route-rule")) == 3


def test_room_for_warm_rules() -> None:
    """They lie in the matcher for any host."""
    limit = build_quota.SPARE["rules"] + 2
    _, notes = made(
        routing(table([entry(n, of=match(f"/{n}"), route=f"r{n}", host="") for n in range(3)])), quotas={"rules": limit}
    )
    assert refused(notes) == ["r2"]


def test_the_documented_limits() -> None:
    limits = build_quota.limits(samples.network().values["network"], public=True)
    assert (limits["predicates"], limits["rules"], limits["hosts"], limits["services"]) == (1000, 1000, 1000, 2500)
    assert build_quota.limits(samples.network().values["network"], public=False)["hosts"] == 2000


SIX = [match(f"/re{n}.*", "RegularExpression") for n in range(6)]


def test_what_a_refused_route_hid_is_there_again() -> None:
    """Too many expressions refuse a route: the 404 of its listener, the entry behind one of its own, and a match that
    it would have inherited are judged as if it had never been there."""
    many = [entry(n, of=of, route="zz") for n, of in enumerate(SIX, 10)]
    barred = table(
        [
            *(dataclasses.replace(one, listener="one") for one in [*many, entry(1, route="zz")]),
            entry(2, TO_PAY, host=""),
        ]
    )
    own = dataclasses.replace(barred.listeners[0], name="one", hostname="a.example.com")
    built = made(routing(dataclasses.replace(barred, listeners=(own, *barred.listeners))))
    assert codes(built) == ["GatewayQuota"]
    assert rows(built[0]) == [(["prefix /"], "404")]

    first = entry(1, of=match("/admin"), route="zz")
    second = dataclasses.replace(entry(1, TO_PAY, of=match("/admin"), route="aa"), behind=first.key)
    built = made(routing(table([*many, first, second, entry(2, route="aa")])))
    assert refused(built[1]) == ["zz"]
    assert rows(built[0]) == [(["full /admin", "prefix /admin/"], "shop/pay:8080"), (["prefix /"], "shop/cart:8080")]

    inherits = [entry(1, of=match("/a", headers=[("Host", "x")]), route="aa"), entry(2, of=match("/a"), route="zz")]
    built = made(routing(table([*many, *inherits, entry(3, TO_PAY, route="bb")])))
    assert sorted(refused(built[1])) == ["aa", "zz"]
    assert codes(built) == ["MatchNotExpressible", "GatewayQuota"]
    assert rows(built[0]) == [(["prefix /"], "shop/pay:8080")]


def test_a_quota_speaks_of_the_route() -> None:
    (note,) = (note for note in made(routing(table(many(3))), quotas={"rules": 2})[1] if note.code == "GatewayQuota")
    assert note.origin is not None
    assert (str(note.origin), note.origin.path, note.origin.line) == ("HTTPRoute shop/r0002", "", 0)


def test_what_is_said_of_a_match_that_is_dropped() -> None:
    """That it may not last, and what is wrong with the rule all the same."""
    mirror = ir.Mirror(to=PAY, origin=samples.origin("cart"))
    copied = forward((CART, 1), edits=ir.Edits(mirrors=(mirror,)))
    built = made(routing(table([entry(1, copied, of=HEADER), entry(2, ir.Respond(status=500), route="other")])))
    assert codes(built) == ["MatchDropped", "UnsupportedFilter"]
    assert (built[1][0].level, built[1][1].refuses) == ("warning", "rule")
    assert "any later route that takes them may have HTTPRoute shop/cart refused whole" in built[1][0].message


def test_the_heir_is_named_as_an_object() -> None:
    heir = dataclasses.replace(
        entry(3, TO_PAY, route="pay"), origin=dataclasses.replace(samples.origin("pay"), section="rule 2")
    )
    (message,) = said(made(routing(table([entry(1, of=HEADER), heir]))), "MatchNotExpressible")
    assert "would be answered by HTTPRoute shop/pay rule 2; " in message
