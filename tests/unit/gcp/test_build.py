"""Routings become a graph: which elements there are, how they refer to each other, and what stays unknown."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest

from cloudgw.graph import diff, model
from cloudgw.objects import HeaderModifier, Meta, Parameters, SessionPersistence, Unknown
from cloudgw.routing import ir
from cloudgw_gcp import build, kinds, parameters
from tests.unit.gcp import elements, samples
from tests.unit.gcp.samples import at, codes, entry, logicals, made, match, of_kind, one, only, routing, rows, table

CERTIFICATE = samples.certificate("tls")


def spec_of(graph: model.Graph, kind: str, logical: str) -> model.Spec:
    element = graph.one(at(kind, logical))
    assert element is not None
    return element.fields


def test_one_route_is_a_load_balancer() -> None:
    graph, notes = made(routing(table([entry(1, of=match("/a"))])))
    assert notes == ()
    assert sorted(model.short(where) for where in graph.elements) == [
        "address/lb",
        "backend-service/none",
        "backend-service/shop/cart:8080",
        "endpoints/shop/cart:8080/europe-west1-b",
        "endpoints/shop/cart:8080/europe-west1-c",
        "firewall/lb",
        "forwarding-rule/80",
        "health-check/http",
        "neg/shop/cart:8080/europe-west1-b",
        "neg/shop/cart:8080/europe-west1-c",
        "path-matcher/80/*",
        "path-matcher/80/a.example.com",
        f"route-rule/80/a.example.com/shop/cart/{model.hash_of('http/shop/cart/a.example.com/1')[:10]}",
        "target-proxy/80",
        "url-map/80",
    ]
    assert rows(graph) == [(["full /a", "prefix /a/"], "shop/cart:8080")]
    assert rows(graph, "80/*") == []
    assert [spec["hosts"] for spec in of_kind(graph, "path-matcher")] == [("*",), ("a.example.com", "a.example.com:80")]
    assert (graph.unknown, graph.known) == ((), ())


def test_every_element_has_the_fields_of_its_kind() -> None:
    """What is not given has a default."""
    session = samples.forward((samples.CART, 1), session=SessionPersistence(name="sid"))
    wish = routing(
        table([entry(2, ir.Redirect(hostname="to.example.com"), of=match("/r")), entry(1)]),
        table([entry(3, session), entry(4, ir.Respond(status=404), of=match("/x"))], 443, "HTTPS", [CERTIFICATE]),
    )
    seen = set()
    for spec in (None, samples.PUBLIC, samples.GLOBAL):
        graph, _ = made(wish, spec)
        for element in graph:
            kind = kinds.KINDS[model.kind_of(element.address)]
            seen.add(kind.name)
            given = set(element.fields)
            assert given <= set(kind.all_fields), kind.name
            assert set(kind.immutable) | set(kind.mutable) <= given | set(kind.defaults), kind.name
    assert seen == set(kinds.KINDS)


def test_every_reference_leads_somewhere() -> None:
    tables = [table([entry(1), entry(2, host="*.example.com"), entry(3, host="")], 443, "HTTPS", [CERTIFICATE])]
    graph, _ = made(routing(*tables, table([entry(4, samples.forward((samples.PAY, 1), (500, 1)))])))
    for element in graph:
        for reference in model.refs_in(element.fields):
            assert reference.to in graph.elements


@pytest.mark.parametrize(
    ("spec", "lies", "place"),
    [
        (
            {},
            {"exposure": "Internal", "network": samples.NETWORK, "subnetwork": samples.SUBNETWORK, "tier": None},
            samples.REGION,
        ),
        (
            samples.PUBLIC,
            {"exposure": "Public", "network": samples.NETWORK, "subnetwork": None, "tier": "PREMIUM"},
            samples.REGION,
        ),
        (
            {**samples.PUBLIC, "networkTier": "STANDARD"},
            {"exposure": "Public", "network": samples.NETWORK, "subnetwork": None, "tier": "STANDARD"},
            samples.REGION,
        ),
        (samples.GLOBAL, {"exposure": "Public", "network": None, "subnetwork": None, "tier": None}, "global"),
    ],
)
def test_where_it_lies(spec: dict[str, Any], lies: dict[str, Any], place: str) -> None:
    graph, _ = made(routing(table([entry(1)])), {**spec, "tags": {"team": "shop"}})
    address, rule = only(graph, "address"), only(graph, "forwarding-rule")
    assert address == {"place": place, **lies, "labels": {"team": "shop"}}
    assert {name: rule[name] for name in lies} == lies
    assert rule["labels"] == {"team": "shop"}
    assert {spec["exposure"] for spec in of_kind(graph, "backend-service")} == {lies["exposure"]}
    assert only(graph, "health-check")["place"] == place


def test_the_address_stands_without_a_listener() -> None:
    graph, notes = made(routing())
    assert [model.short(where) for where in sorted(graph.elements)] == ["address/lb", "firewall/lb"]
    assert notes == ()


def test_who_may_reach_the_nodes() -> None:
    """Google's probers, and in a region the proxies; of a global load balancer the probers' ranges are all."""
    firewall = only(made(routing())[0], "firewall")
    assert firewall["ranges"] == ("10.129.0.0/23", "130.211.0.0/22", "35.191.0.0/16")
    assert (firewall["network"], firewall["tags"]) == (samples.NETWORK, ("gke-edge",))
    firewall = only(made(routing(), samples.GLOBAL)[0], "firewall")
    assert (firewall["ranges"], firewall["network"]) == (("130.211.0.0/22", "35.191.0.0/16"), samples.NETWORK)
    graph, _ = built = made(routing(), {"firewall": "None"})
    assert of_kind(graph, "firewall") == []
    assert codes(built) == ["BackendAccessUnmanaged"]


def test_what_is_not_known_of_the_network_is_unknown_there() -> None:
    unseen = Unknown("not listed")
    graph, _ = made(routing(), proxy_ranges=unseen, tags=unseen)
    firewall = only(graph, "firewall")
    assert (firewall["ranges"], firewall["tags"]) == (unseen, unseen)
    graph, _ = made(routing(), network=unseen, subnetwork=unseen)
    assert only(graph, "address")["network"] == unseen


def test_tls() -> None:
    wish = routing(table([entry(1)]), table([entry(2)], 443, "HTTPS", [CERTIFICATE]))
    graph, _ = made(wish)
    assert only(graph, "ssl-policy") == {"place": samples.REGION, "profile": "MODERN", "min_version": "TLS_1_2"}
    secure, plain = spec_of(graph, "target-proxy", "443"), spec_of(graph, "target-proxy", "80")
    assert secure["certificates"] == (model.Ref(at("certificate", "shop/tls")),)
    assert secure["certificates"][0].until == "ready"
    assert (secure["ssl_policy"], plain["ssl_policy"]) == (model.Ref(at("ssl-policy", "tls")), None)
    assert (plain["certificates"], plain["secure"], secure["secure"]) == ((), False, True)
    assert spec_of(graph, "url-map", "443")["secure"] is True


def test_an_ssl_policy_of_others() -> None:
    wish = routing(table([entry(2)], 443, "HTTPS", [CERTIFICATE]))
    graph, _ = made(wish, {"tls": {"policy": "strict"}})
    assert of_kind(graph, "ssl-policy") == []
    path = f"projects/{samples.PROJECT}/regions/{samples.REGION}/sslPolicies/strict"
    assert only(graph, "target-proxy")["ssl_policy"] == path
    graph, _ = made(wish, {**samples.GLOBAL, "tls": {"policy": "strict"}})
    assert only(graph, "target-proxy")["ssl_policy"] == f"projects/{samples.PROJECT}/global/sslPolicies/strict"


def test_a_host_holds_every_entry_that_covers_it() -> None:
    """Google asks one host rule and never comes back to a wider one."""
    entries = [
        entry(1, of=match("/a")),
        entry(2, host="*.example.com", of=match("/b")),
        entry(3, host="*.a.example.com", of=match("/c")),
        entry(4, host="b.example.com", of=match("/d")),
        entry(5, host="", of=match("/e")),
    ]
    graph, _ = made(routing(table(entries)))
    found = {
        logical.partition("/")[2]: [paths[0].removeprefix("full ") for paths, _ in rows(graph, logical)]
        for logical in logicals(graph, "path-matcher")
    }
    assert found == {
        "a.example.com": ["/a", "/b", "/e"],
        "*.a.example.com": ["/b", "/c", "/e"],
        "*.example.com": ["/b", "/e"],
        "b.example.com": ["/b", "/d", "/e"],
        "*": ["/e"],
    }


def test_nothing_stands_behind_what_takes_every_request() -> None:
    entries = [
        entry(1, of=match("/", headers=[("x-a", "1")])),
        entry(2),
        entry(3, of=match("/a"), host="*.example.com"),
        entry(4, host=""),
    ]
    graph, _ = made(routing(table(entries)))
    assert rows(graph) == [(["prefix /"], "shop/cart:8080")] * 2
    assert len(rows(graph, "80/*.example.com")) == 2


@pytest.mark.parametrize(
    ("port", "protocol", "hosts"),
    [
        (80, "HTTP", ("*.example.com", "*.example.com:80")),
        (443, "HTTPS", ("*.example.com", "*.example.com:443")),
        (8080, "HTTP", ("*.example.com", "*.example.com:8080")),
        (8443, "HTTPS", ("*.example.com", "*.example.com:8443")),
    ],
)
def test_hosts_with_a_port(port: int, protocol: str, hosts: tuple[str, ...]) -> None:
    found = table([entry(1, host="*.example.com")], port, protocol, [CERTIFICATE] * (protocol == "HTTPS"))
    graph, _ = made(routing(found))
    assert spec_of(graph, "path-matcher", f"{port}/*.example.com")["hosts"] == hosts
    assert spec_of(graph, "path-matcher", f"{port}/*")["hosts"] == ("*",)


def test_the_order_of_entries_is_that_of_rules() -> None:
    entries = [entry(n, of=match(f"/{n}"), route=f"r{n}") for n in (3, 1, 2)]
    graph, _ = made(routing(table(entries)))
    assert [paths[0] for paths, _ in rows(graph)] == ["full /3", "full /1", "full /2"]


def test_inserting_a_route_changes_no_other_rule() -> None:
    old, _ = made(routing(table([entry(1, of=match("/a")), entry(3, of=match("/c"))])))
    new, _ = made(routing(table([entry(1, of=match("/a")), entry(2, of=match("/b")), entry(3, of=match("/c"))])))
    assert set(old.elements) < set(new.elements)
    assert all(new.elements[where] == old.elements[where] for where in old.elements)


def test_shuffled_input_gives_the_same_graph() -> None:
    keys = [samples.CART, samples.PAY]
    wish = routing(table([entry(1, samples.forward(*((key, 1) for key in keys)))]))
    pods = {key: samples.backend(key, *(f"10.0.64.{n}" for n in (3, 1, 2))) for key in keys}
    found = []
    for seed in range(4):
        rng = random.Random(seed)
        shuffled = {}
        for key in rng.sample(keys, 2):
            targets = tuple(rng.sample(pods[key].targets, 3))  # type: ignore[arg-type]
            shuffled[key] = dataclasses.replace(pods[key], targets=targets)
        found.append(made(dataclasses.replace(wish, backends=shuffled)))
    assert all(one == found[0] for one in found)


def test_an_unknown_entry_is_an_unknown_rule() -> None:
    unseen = dataclasses.replace(entry(1, of=match("/a")), unknown=Unknown("unreadable"))
    wish = routing(table([unseen, entry(2)]))
    graph, _ = made(wish)
    assert rows(graph) == [([], "unknown"), (["prefix /"], "shop/cart:8080")]
    (where, _) = graph.order[at("path-matcher", "80/a.example.com")]
    assert graph.one(where).spec == Unknown("unreadable")  # type: ignore[union-attr]
    assert "shop/pay:8080" in logicals(graph, "backend-service")  # it may be what stands


def test_all_rules_of_an_unknown_entry_stay() -> None:
    """How many it takes is not known either."""
    unseen = dataclasses.replace(entry(1, of=match("/a")), unknown=Unknown("unreadable"))
    wish = routing(table([unseen, entry(2)]))
    first = made(wish)[0].order[at("path-matcher", "80/a.example.com")][0]
    logical = first.split("/", 4)[4]
    graph, _ = made(wish, standing=frozenset({logical, f"{logical}.exact", "80/a.example.com/shop/x/aaaaaaaaaa"}))
    assert graph.order[at("path-matcher", "80/a.example.com")][:2] == (first, f"{first}.exact")
    assert [what for _, what in rows(graph)] == ["unknown", "unknown", "shop/cart:8080"]


def test_a_host_that_may_not_exist_is_unknown() -> None:
    unseen = dataclasses.replace(entry(1, host="b.example.com"), unknown=Unknown("unreadable"))
    graph, _ = made(routing(table([unseen, entry(2)])))
    assert graph.one(at("path-matcher", "80/b.example.com")).spec == Unknown("unreadable")  # type: ignore[union-attr]
    assert isinstance(graph.one(at("path-matcher", "80/a.example.com")).spec, dict)  # type: ignore[union-attr]
    unseen = dataclasses.replace(entry(1, host=""), unknown=Unknown("unreadable"))
    graph, _ = made(routing(table([unseen])))
    assert isinstance(graph.one(at("path-matcher", "80/*")).spec, dict)  # type: ignore[union-attr]


def test_an_unknown_action_is_an_unknown_rule() -> None:
    graph, _ = one(Unknown("no grant seen"), match("/a"))
    assert rows(graph) == [([], "unknown")]
    graph, _ = one(ir.Forward(shares=(ir.Share(to=Unknown("unseen"), weight=1, origin=samples.GATEWAY),)), match("/a"))
    assert rows(graph) == [([], "unknown")]


def test_a_revoked_grant_is_withdrawn() -> None:
    share = ir.Share(to=500, weight=1, origin=samples.origin("x"), withdrawn=samples.PAY)
    graph, _ = one(ir.Forward(shares=(share,)))
    assert graph.withdrawn == {at("backend-service", "shop/pay:8080")}
    sticky = ir.Forward(shares=(share,), session=SessionPersistence(name="sid"))
    standing, _ = one(samples.forward((samples.PAY, 1), session=sticky.session))
    assert set(one(sticky)[0].withdrawn) > set(graph.withdrawn)
    assert one(sticky)[0].withdrawn & set(standing.elements)
    graph, _ = one(ir.Respond(status=500, withdrawn=(samples.CART,)))
    assert graph.withdrawn == {at("backend-service", "shop/cart:8080")}


def test_incomplete_input_knows_only_its_routes() -> None:
    graph, _ = made(routing(table([entry(1)]), complete=False))
    rule = at("route-rule", "80/a.example.com")
    assert not graph.is_unknown(f"{rule}/shop/cart/aaaaaaaaaa")
    assert graph.is_unknown(f"{rule}/shop/cart-old/aaaaaaaaaa")
    assert graph.is_unknown(at("backend-service", "shop/old:80"))


def test_lint_needs_neither_parameters_nor_a_project() -> None:
    expression = match("/a[0-9]", "RegularExpression")
    wish = routing(table([entry(1, of=expression)]))
    assert build.lint(wish) == ()
    raw = Parameters(meta=Meta(name="p"), kind=parameters.KIND, spec={"location": "Global", "exposure": "Public"})
    assert [note.code for note in build.lint(dataclasses.replace(wish, parameters=raw))] == ["MatchNotExpressible"]
    assert build.lint(routing()) == ()


@pytest.mark.parametrize("spec", [{}, samples.PUBLIC, samples.GLOBAL])
def test_what_a_first_apply_makes_is_read_back_without_a_difference(spec: dict[str, Any]) -> None:
    """And its changes wait for nothing, nor for each other in a circle."""
    modifier = HeaderModifier(set=(("X-A", "1"),), add=(("X-B", "2"),), remove=("X-C",))
    edits = ir.Edits(request=modifier, response=modifier, rewrite=samples.replaced("/n"))
    timed = samples.forward((samples.CART, 1), edits=edits, timeouts=samples.seconds(5))
    shares = tuple(
        dataclasses.replace(share, edits=ir.Edits(request=modifier) if number else None)
        for number, share in enumerate(samples.forward((samples.CART, 3), (samples.PAY, 1), (500, 1)).shares)
    )
    cut = samples.forward((samples.PAY, 1), rewrite=samples.replaced("/v2", "ReplacePrefixMatch"))
    lead = ir.Redirect(path_type="ReplacePrefixMatch", path="/to", status=308)
    sticky = samples.forward((samples.CART, 1), session=SessionPersistence(name="sid"))
    wish = routing(
        table([entry(1, ir.Redirect(scheme="https", status=301), host=""), entry(4, of=match("/a", method="GET"))]),
        table(
            [
                entry(2, timed, of=match("/x")),
                entry(3, ir.Forward(shares=shares), host="*.example.com", of=match("/s", query=[("v", "2")])),
                entry(5, cut, of=match("/v1")),
                entry(6, lead, of=match("/from")),
                entry(7, sticky, of=match("/in", "Exact", headers=[("x-a", "b c")])),
                entry(8, ir.Respond(status=503), of=match("/no")),
            ],
            8443,
            "HTTPS",
            [CERTIFICATE, samples.certificate("two")],
        ),
    )
    graph, notes = made(wish, {**spec, "tags": {"team": "shop"}})
    first = diff.diff(graph, model.graph([]), kinds.KINDS)
    assert (notes, first.cyclic) == ((), ())
    assert [change.waits for change in first.changes if change.waits] == []
    again = diff.diff(graph, elements.observed(elements.content_of(graph)), kinds.KINDS)
    assert again.changes == ()
