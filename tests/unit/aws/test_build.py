"""Routings become graphs; what cannot be honoured is refused on its own match, with a note."""

from __future__ import annotations

import dataclasses
import random
import re
from typing import Any

import pytest

from cloudgw.building import scaling
from cloudgw.graph import model
from cloudgw.objects import Note, PathModifier, Unknown, URLRewrite
from cloudgw.routing import ir
from cloudgw_aws import build, build_actions
from tests.unit.aws import samples

Built = tuple[model.Graph, tuple[Note, ...]]


def made(routing: ir.Routing, parameters: dict[str, Any] | None = None, **facts: Any) -> Built:
    return build.build(routing, samples.network(**facts), samples.wanted(**(parameters or {})))


def one(action: ir.Action, *, port: int = 80, protocol: str = "HTTP", **backends: Any) -> Built:
    certificates = [samples.certificate("tls")] if protocol == "HTTPS" else []
    table = samples.table([samples.entry(1, action)], port, protocol, certificates)
    return made(samples.routing(table, **backends))


def rule(graph: model.Graph) -> model.Spec:
    return next(element.fields for element in graph if model.kind_of(element.address) == "rule")


def codes(built: Built) -> list[str]:
    return [note.code for note in built[1]]


def addresses(graph: model.Graph) -> list[str]:
    return sorted(model.short(element.address) for element in graph)


FIXED_500 = {"type": "fixed", "status": 500, "body": "", "content": "text/plain"}


def test_one_route_is_a_load_balancer() -> None:
    graph, notes = made(samples.routing(samples.table([samples.entry(1)])), {"backendSecurityGroups": ["sg-0a"]})
    assert addresses(graph) == [
        "listener/80",
        "load-balancer/lb",
        "rule/80/http/shop/cart/a.example.com/1",
        "security-group-rule/lb/80/10.0.0.0=16",
        "security-group-rule/pods/sg-0a/8080",
        "security-group/lb",
        "target-group/shop/cart:8080",
        "targets/shop/cart:8080",
    ]
    assert notes == ()
    assert graph.unknown == ()
    assert graph.order == {"shop/edge/aws/listener/80": ("shop/edge/aws/rule/80/http/shop/cart/a.example.com/1",)}
    assert graph.one("shop/edge/aws/targets/shop/cart:8080").fields["targets"] == ("10.0.0.5:8080",)  # type: ignore[union-attr]


def test_the_same_whatever_the_order_of_the_backends() -> None:
    shares = [(samples.CART, 2), (samples.PAY, 1)]
    backends = [(key, samples.backend(key, "10.0.0.5", "10.0.0.6")) for key, _ in shares]
    found = set()
    for seed in range(6):
        random.Random(seed).shuffle(backends)
        table = samples.table([samples.entry(1, samples.forward(*shares))])
        found.add(repr(made(samples.routing(table, backends=dict(backends)))))
    assert len(found) == 1


def test_the_order_of_rules_is_the_order_of_entries() -> None:
    entries = [samples.entry(n, host=host) for n, host in [(3, "b.example.com"), (1, "a.example.com"), (2, "")]]
    graph, _ = made(samples.routing(samples.table(entries)))
    assert [where.rpartition("/")[2] for where in graph.order["shop/edge/aws/listener/80"]] == ["3", "1", "2"]


def test_a_revoked_grant_is_withdrawn() -> None:
    share = ir.Share(to=500, weight=1, origin=samples.origin("x"), withdrawn=samples.PAY)
    action = ir.Forward(shares=(*samples.forward((samples.CART, 1)).shares, share))
    graph, _ = one(action)
    assert graph.withdrawn == {"shop/edge/aws/target-group/shop/pay:8080"}
    assert "target-group/shop/pay:8080" not in addresses(graph)


def test_an_invalid_share_goes_to_the_empty_group() -> None:
    built = one(samples.forward((samples.CART, 3), (500, 1), (500, 2)))
    shares = {(ref.to, weight) for ref, weight in rule(built[0])["action"]["to"]}
    assert shares == {
        ("shop/edge/aws/target-group/shop/cart:8080", 3),
        ("shop/edge/aws/target-group/-/unavailable", 3),
    }
    assert built[0].one("shop/edge/aws/targets/-/unavailable").fields["targets"] == ()  # type: ignore[union-attr]
    assert "PartlyInvalidWeights" in codes(built)


def test_only_invalid_shares_answer_themselves() -> None:
    graph, notes = one(samples.forward((500, 1), (500, 2)))
    assert rule(graph)["action"] == FIXED_500
    assert "target-group/-/unavailable" not in addresses(graph)
    assert all(note.code == "BackendAccessUnmanaged" for note in notes)


def test_an_unknown_share_leaves_the_action_open() -> None:
    share = ir.Share(to=Unknown("no grant seen"), weight=1, origin=samples.origin("x"))
    graph, _ = one(ir.Forward(shares=(share,)))
    assert rule(graph)["action"] == Unknown("no grant seen")
    assert "target-group/shop/cart:8080" in addresses(graph)


def test_an_unknown_entry_is_an_unknown_rule() -> None:
    entry = dataclasses.replace(samples.entry(1), unknown=Unknown("unreadable"))
    graph, _ = made(samples.routing(samples.table([entry])))
    where = "shop/edge/aws/rule/80/http/shop/cart/a.example.com/1"
    assert graph.one(where).spec == Unknown("unreadable")  # type: ignore[union-attr]
    assert graph.order["shop/edge/aws/listener/80"] == (where,)


def test_unknown_backends_stay_as_they_are() -> None:
    backends = {samples.CART: Unknown("Service unseen")}
    graph, _ = one(samples.forward((samples.CART, 1)), backends=backends)
    for kind in ("target-group", "targets"):
        assert graph.one(f"shop/edge/aws/{kind}/shop/cart:8080").spec == Unknown("Service unseen")  # type: ignore[union-attr]
    assert graph.is_unknown("shop/edge/aws/security-group-rule/pods/sg-0a/8080")


def test_unknown_targets_are_one_unknown_field() -> None:
    backend = dataclasses.replace(samples.backend(samples.CART), targets=Unknown("no slices"))
    graph, _ = one(samples.forward((samples.CART, 1)), backends={samples.CART: backend})
    assert graph.one("shop/edge/aws/targets/shop/cart:8080").fields["targets"] == Unknown("no slices")  # type: ignore[union-attr]
    assert isinstance(graph.one("shop/edge/aws/target-group/shop/cart:8080").spec, dict)  # type: ignore[union-attr]


def test_incomplete_input_knows_only_its_routes() -> None:
    graph, _ = made(samples.routing(samples.table([samples.entry(1)]), complete=False))
    assert not graph.is_unknown("shop/edge/aws/rule/80/http/shop/cart/b.example.com/9")
    assert graph.is_unknown("shop/edge/aws/rule/80/http/shop/other/b.example.com/9")
    assert graph.is_unknown("shop/edge/aws/target-group/shop/old:80")


def test_six_backends_answer_500() -> None:
    keys = [ir.BackendKey(namespace="shop", name=f"s{n}", port=80) for n in range(6)]
    backends = {key: samples.backend(key) for key in keys}
    built = one(samples.forward(*((key, 1) for key in keys)), backends=backends)
    assert rule(built[0])["action"] == FIXED_500
    assert "TooManyBackends" in codes(built)
    assert not [where for where in addresses(built[0]) if where.startswith("target-group")]


@pytest.mark.parametrize(
    ("weights", "scaled"),
    [
        ([1], [1]),
        ([90], [1]),
        ([90, 10], [90, 10]),
        ([999, 1], [999, 1]),
        ([2000, 1000], [2, 1]),
        ([1_000_000, 1], [999, 1]),
        ([1001, 1000, 999], [999, 998, 997]),
    ],
)
def test_weights_are_scaled(weights: list[int], scaled: list[int]) -> None:
    assert scaling.scale(weights, build_actions.HIGHEST_WEIGHT) == scaled


def test_rounded_weights_are_said() -> None:
    built = one(samples.forward((samples.CART, 1_000_000), (samples.PAY, 1)))
    assert "WeightsRounded" in codes(built)
    assert "WeightsRounded" not in codes(one(samples.forward((samples.CART, 2000), (samples.PAY, 1000))))


def test_h2c_behind_http_is_refused() -> None:
    backends = {samples.CART: samples.backend(samples.CART, "10.0.0.5", protocol="H2C")}
    built = one(samples.forward((samples.CART, 1)), backends=backends)
    assert rule(built[0])["action"] == FIXED_500
    assert "BackendProtocol" in codes(built)
    graph, _ = one(samples.forward((samples.CART, 1)), port=443, protocol="HTTPS", backends=backends)
    group = graph.one("shop/edge/aws/target-group/shop/cart:8080")
    assert group is not None
    assert group.fields["protocol_version"] == "HTTP2"


def test_websockets() -> None:
    backends = {samples.CART: samples.backend(samples.CART, "10.0.0.5", protocol="WS")}
    graph, _ = one(samples.forward((samples.CART, 1)), backends=backends)
    group = graph.one("shop/edge/aws/target-group/shop/cart:8080")
    assert group is not None
    assert group.fields["protocol_version"] == "HTTP1"


def test_https_backends_are_refused() -> None:
    backends = {samples.CART: samples.backend(samples.CART, "10.0.0.5", protocol="HTTPS")}
    built = one(samples.forward((samples.CART, 1)), backends=backends)
    assert rule(built[0])["action"] == FIXED_500
    assert "BackendProtocol" in codes(built)


@pytest.mark.parametrize(
    ("redirect", "protocol", "code"),
    [
        (ir.Redirect(hostname="b.example.com", status=307), "HTTP", "RedirectStatus"),
        (ir.Redirect(scheme="http"), "HTTPS", "RedirectToHTTP"),
        (ir.Redirect(), "HTTP", "RedirectLoop"),
        (ir.Redirect(path_type="ReplacePrefixMatch", path="/b"), "HTTP", "RedirectNotExpressible"),
        (ir.Redirect(path_type="ReplaceFullPath", path="/" + "b" * 128), "HTTP", "RedirectNotExpressible"),
        (ir.Redirect(path_type="ReplaceFullPath", path="/#{host}"), "HTTP", "RedirectNotExpressible"),
    ],
)
def test_redirects_that_are_refused(redirect: ir.Redirect, protocol: str, code: str) -> None:
    port = 443 if protocol == "HTTPS" else 80
    certificates = [samples.certificate("tls")] if protocol == "HTTPS" else []
    entry = samples.entry(1, redirect, of=samples.match("/a"))
    built = made(samples.routing(samples.table([entry], port, protocol, certificates)))
    assert rule(built[0])["action"] == FIXED_500
    assert code in codes(built)


@pytest.mark.parametrize("path", ["/$1", "/a\\b", "/a?b", "/" + "a" * 1024])
def test_rewrites_that_are_refused(path: str) -> None:
    rewrite = URLRewrite(path=PathModifier(type="ReplaceFullPath", value=path))
    built = one(samples.forward((samples.CART, 1), rewrite=rewrite))
    assert rule(built[0])["action"] == FIXED_500
    assert rule(built[0])["transforms"] == ()
    assert "RewriteNotExpressible" in codes(built)


QUERY = samples.match(query=[("q", "v")])


def test_a_match_that_cannot_be_expressed_refuses_its_route() -> None:
    entries = [
        samples.entry(1, samples.forward((samples.PAY, 1)), of=QUERY, route="pay"),
        samples.entry(2, samples.forward((samples.PAY, 1)), of=samples.match("/pay"), route="pay"),
        samples.entry(3, route="cart"),
    ]
    built = made(samples.routing(samples.table(entries)))
    assert [where for where in addresses(built[0]) if where.startswith("rule")] == [
        "rule/80/http/shop/cart/a.example.com/3"
    ]
    said = next(note for note in built[1] if note.code == "MatchNotExpressible")
    assert "HTTPRoute shop/pay" in said.message
    assert "HTTPRoute shop/cart" in said.message.partition("answered by")[2]
    assert "target-group/shop/pay:8080" not in addresses(built[0])


def test_without_an_heir_the_message_says_404() -> None:
    built = made(samples.routing(samples.table([samples.entry(1, of=QUERY)])))
    assert "nobody (404)" in next(note.message for note in built[1] if note.code == "MatchNotExpressible")


def test_a_match_whose_heir_answers_the_same_is_dropped() -> None:
    built = made(samples.routing(samples.table([samples.entry(1, of=QUERY), samples.entry(2)])))
    assert codes(built).count("MatchDropped") == 1
    assert "rule/80/http/shop/cart/a.example.com/2" in addresses(built[0])


def test_not_knowing_refuses_no_route() -> None:
    """The same match and heir, but nobody knows what they answer: what stands stays, and nothing is refused."""
    unknown = Unknown("grants could not be read")
    entries = [samples.entry(1, unknown, of=QUERY), samples.entry(2, unknown)]
    graph, notes = built = made(samples.routing(samples.table(entries)))
    assert "MatchUndecided" in codes(built)
    assert "MatchNotExpressible" not in {note.code for note in notes}
    where = next(a for a in graph.elements if a.endswith("rule/80/http/shop/cart/a.example.com/2"))
    assert isinstance(graph.elements[where][0].spec, Unknown)


def test_an_heir_that_takes_only_a_part_is_no_excuse() -> None:
    entries = [
        samples.entry(1, of=QUERY),
        samples.entry(2, of=samples.match("/a")),
        samples.entry(3, ir.Respond(status=404)),
    ]
    assert "MatchNotExpressible" in codes(made(samples.routing(samples.table(entries))))


def test_a_refused_route_is_nobodys_heir() -> None:
    entries = [
        samples.entry(1, of=QUERY, route="one"),
        samples.entry(2, of=samples.match("/x", query=[("q", "v")]), route="two"),
        samples.entry(3, route="two"),
    ]
    built = made(samples.routing(samples.table(entries)))
    assert "MatchDropped" in codes(built)
    other = [*entries[:2], samples.entry(3, samples.forward((samples.PAY, 1)), route="two", of=samples.match())]
    assert codes(made(samples.routing(samples.table(other)))).count("MatchNotExpressible") == 2


def test_routes_beyond_the_quota_of_rules() -> None:
    entries = [samples.entry(n, of=samples.match(f"/{n}"), route=f"r{n}") for n in range(10)]
    built = made(samples.routing(samples.table(entries)), rules=13, standing=frozenset({"shop/r9", "shop/r8"}))
    rules = [where for where in addresses(built[0]) if where.startswith("rule")]
    assert len(rules) == 8
    assert {"rule/80/http/shop/r9/a.example.com/9", "rule/80/http/shop/r8/a.example.com/8"} <= set(rules)
    said = [note for note in built[1] if note.code == "RuleQuota"]
    assert len(said) == 2
    assert "takes 13" in said[0].message


def test_routes_beyond_the_quota_of_target_groups() -> None:
    keys = [ir.BackendKey(namespace="shop", name=f"s{n}", port=80) for n in range(4)]
    entries = [
        samples.entry(n, samples.forward((key, 1)), of=samples.match(f"/{n}"), route=f"r{n}")
        for n, key in enumerate(keys)
    ]
    routing = samples.routing(samples.table(entries), backends={key: samples.backend(key) for key in keys})
    built = made(routing, groups=3)
    assert codes(built).count("TargetGroupQuota") == 2


def test_what_a_route_refused_by_a_quota_hid_is_there_again() -> None:
    """The 404 of its listener, the entry behind one of its own, and a match that it would have inherited."""
    many = [samples.entry(n, of=samples.match(f"/p{n}"), route="zz") for n in range(10, 30)]
    to_pay = samples.forward((samples.PAY, 1))

    def left(*entries: ir.Entry, own: str = "") -> tuple[list[str], list[str]]:
        table = samples.table([*(dataclasses.replace(one, listener=own or "http") for one in many), *entries])
        if own:
            listener = dataclasses.replace(table.listeners[0], name=own, hostname="a.example.com")
            table = dataclasses.replace(table, listeners=(listener, *table.listeners))
        built = made(samples.routing(table), rules=20)
        rules = [where.partition("/80/")[2] for where in addresses(built[0]) if where.startswith("rule")]
        return sorted(rules), [code for code in codes(built) if code != "BackendAccessUnmanaged"]

    whole = samples.entry(1, route="zz", listener="one")
    rules, said = left(whole, samples.entry(2, to_pay, host=""), own="one")
    assert (rules, said) == (["http/shop/cart/*/2", "one/-/-/isolation/a.example.com"], ["RuleQuota"])

    first = samples.entry(1, of=samples.match("/admin"), route="zz")
    second = dataclasses.replace(samples.entry(1, to_pay, of=first.match, route="aa"), behind=first.key)
    assert left(first, second) == (["http/shop/aa/a.example.com/1"], ["RuleQuota"])

    heirs = [samples.entry(1, of=QUERY, route="aa"), samples.entry(2, route="zz"), samples.entry(3, to_pay, route="bb")]
    assert left(*heirs) == (["http/shop/bb/a.example.com/3"], ["MatchNotExpressible", "RuleQuota"])


def test_pods_outside_the_vpc() -> None:
    backends = {samples.CART: samples.backend(samples.CART, "10.0.0.5", "192.168.0.9", "fd00::1")}
    built = one(samples.forward((samples.CART, 1)), backends=backends)
    assert built[0].one("shop/edge/aws/targets/shop/cart:8080").fields["targets"] == ("10.0.0.5:8080",)  # type: ignore[union-attr]
    assert "TargetOutside" in codes(built)


def test_the_way_to_the_pods() -> None:
    table = samples.table([samples.entry(1)])
    graph, _ = made(samples.routing(table), {"backendSecurityGroups": ["sg-0a", "sg-0b"]})
    found = graph.one("shop/edge/aws/security-group-rule/pods/sg-0b/8080")
    assert found is not None
    assert found.fields["group"] == "sg-0b"
    assert found.fields["source"] == model.Ref("shop/edge/aws/security-group/lb")
    assert "BackendAccessUnmanaged" in codes(made(samples.routing(table)))


def test_unknown_ranges_open_nothing() -> None:
    built = made(samples.routing(samples.table([samples.entry(1)])), ranges=Unknown("vpc unseen"))
    assert "SourceRangesUnknown" in codes(built)
    assert not [where for where in addresses(built[0]) if where.startswith("security-group-rule")]
    assert built[0].is_unknown("shop/edge/aws/security-group-rule/lb/80/10.0.0.0=16")


def test_public_opens_what_is_named_and_nothing_else() -> None:
    table = samples.table([samples.entry(1)])
    graph, _ = made(samples.routing(table), {"exposure": "Public", "allowedSourceRanges": ["192.0.2.0/24"]})
    assert [where for where in addresses(graph) if where.startswith("security-group-rule")] == [
        "security-group-rule/lb/80/192.0.2.0=24"
    ]


def test_a_gateway_without_a_listener_keeps_its_address() -> None:
    graph, _ = made(samples.routing())
    assert addresses(graph) == ["load-balancer/lb", "security-group/lb"]


def isolated(*entries: ir.Entry, hostname: str = "a.example.com") -> ir.Table:
    """Entries of listener "one" for a.example.com, and below them one of a listener for every host."""
    table = samples.table([*entries, samples.entry(9, samples.forward((samples.PAY, 1)), host="", route="other")])
    one = dataclasses.replace(table.listeners[0], name="one", hostname=hostname)
    return dataclasses.replace(table, listeners=(one, table.listeners[0]))


def test_a_refused_route_leaves_its_hosts_to_nobody() -> None:
    """Routing saw that the route takes all requests for the host; without it they are nobody's, and never those of a
    less specific listener."""
    entries = [samples.entry(1, of=QUERY, listener="one"), samples.entry(2, ir.Respond(status=500), listener="one")]
    graph, notes = made(samples.routing(isolated(*entries)))
    assert [where.split("/rule/80/")[1] for where in graph.order["shop/edge/aws/listener/80"]] == [
        "one/-/-/isolation/a.example.com",
        "http/shop/other/*/9",
    ]
    assert next(iter(rule_of(graph, "isolation")))["action"]["status"] == 404
    assert "MatchNotExpressible" in codes((graph, notes))


def rule_of(graph: model.Graph, part: str) -> list[model.Spec]:
    return [element.fields for element in graph if f"/{part}/" in element.address]


def test_the_spare_404_is_made_only_where_it_is_needed() -> None:
    kept, _ = made(samples.routing(isolated(samples.entry(2, listener="one"))))
    assert rule_of(kept, "isolation") == []
    entries = [samples.entry(2, listener="one", route="full")]
    full, notes = made(samples.routing(isolated(*entries)), rules=6, standing=frozenset({"shop/other"}))
    assert [note.code for note in notes if "Quota" in note.code] == ["RuleQuota"]
    assert len(rule_of(full, "isolation")) == 1


def test_a_barrier_for_a_long_host_is_wider() -> None:
    host = ".".join(["a" * 60] * 3) + ".example.com"
    barrier = samples.entry(0, ir.Respond(status=404), host=host, listener="one")
    barrier = dataclasses.replace(barrier, key=f"one/-/-/isolation/{host}")
    graph, notes = made(samples.routing(isolated(barrier, hostname=host)))
    ((condition,),) = [rule["conditions"] for rule in rule_of(graph, "isolation")]
    assert (condition[0], condition[2]) == ("host-header", "regex")
    assert len(condition[3][0]) <= 128
    assert re.search(condition[3][0], host)
    assert re.search(condition[3][0], f"{host}:80")
    assert not re.search(condition[3][0], f"x{host}.org")
    assert "HostnameTooLong" in {note.code for note in notes}
