"""Routings become one document: which children there are, how they refer to each other, and what stays unknown."""

from __future__ import annotations

import dataclasses
import random

import pytest

from cloudgw.graph import diff, model
from cloudgw.objects import HeaderModifier, Unknown
from cloudgw.provider import Inventory, Placement
from cloudgw.routing import ir
from cloudgw_azure import build, kinds, names, observe
from tests.unit.azure import samples
from tests.unit.azure.samples import codes, entry, made, match, of_kind, one, only, rows, table

MAP = "80.a.example.com"
CERTIFICATE = samples.certificate("tls")


def test_one_route_is_a_document() -> None:
    graph, notes = made(samples.routing(table([entry(1, of=match("/a"))])))
    assert notes == ()
    assert sorted(model.short(where) for where in graph.elements) == [
        "frontend-port/80",
        "gateway/lb",
        f"listener/{MAP}",
        f"path-map/{MAP}",
        f"path-rule/{MAP}/shop.cart.{model.hash_of('http/shop/cart/a.example.com/1')[:10]}",
        "pool/none",
        "pool/not-found",
        "pool/shop.cart.8080",
        "probe/http",
        f"rule/{MAP}",
        "settings/none",
        "settings/not-found",
        "settings/shop.cart.8080",
        "targets/none",
        "targets/not-found",
        "targets/shop.cart.8080",
    ]
    assert rows(graph, MAP) == [(("/a", "/a/*"), "shop.cart.8080")]
    assert only(graph, "listener")["hosts"] == ("a.example.com",)
    assert only(graph, "path-map")["default"]["pool"].to.endswith("/pool/not-found")
    assert graph.one("shop/edge/azure/targets/not-found").fields["targets"] == ("10.0.9.9",)  # type: ignore[union-attr]
    assert (graph.unknown, graph.known) == ((), ())


def test_every_element_has_the_fields_of_its_kind() -> None:
    """And every child the gateway; what is not given is an add-on or has a default."""
    tls = ir.BackendTLS(hostname="x.example.com", well_known="System", origin=samples.GATEWAY)
    backends = {samples.CART: samples.backend(samples.CART, "10.0.0.5", tls=tls)}
    redirect = ir.Redirect(hostname="to.example.com")
    secure = [samples.certificate("tls")]
    wish = samples.routing(
        table([entry(2, redirect, of=match("/r")), entry(1)]),
        table([entry(3)], 443, "HTTPS", secure),
        backends=backends,
    )
    graph, _ = made(wish, {"exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0"]})
    seen = set()
    for element in graph:
        kind = kinds.KINDS[model.kind_of(element.address)]
        seen.add(kind.name)
        given = set(element.fields)
        assert given <= set(kind.all_fields), kind.name
        assert set(kind.immutable) <= given, kind.name
        assert set(kind.mutable) - given <= set(kind.defaults), kind.name
        if kind.name not in ("gateway", "public-ip"):
            assert element.fields["gateway"] == model.Ref("shop/edge/azure/gateway/lb")
    assert seen == set(kinds.KINDS) - {"rewrite-set", "trusted-root"}


def test_every_reference_leads_somewhere() -> None:
    graph, _ = made(samples.routing(table([entry(1), entry(2, host="*.example.com"), entry(3, host="")])))
    for element in graph:
        for reference in model.refs_in(element.fields):
            assert reference.to in graph.elements


def test_internal_has_a_private_address() -> None:
    gateway = only(made(samples.routing())[0], "gateway")
    assert (gateway["exposure"], gateway["public_ip"], gateway["private_ip"]) == ("Internal", None, "10.0.1.200")
    assert "firewall_policy" not in gateway
    assert gateway["ssl_policy"] == "AppGwSslPolicy20220101S"


def test_public_has_a_public_address() -> None:
    graph, _ = made(samples.routing(table([entry(1)])), {"exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0"]})
    gateway, address = only(graph, "gateway"), only(graph, "public-ip")
    assert gateway["public_ip"] == model.Ref("shop/edge/azure/public-ip/lb", "ready")
    assert gateway["public_ip"].until == "ready"
    assert gateway["private_ip"] is None
    assert address["subnet"] == gateway["subnet"] == samples.SUBNET
    assert only(graph, "listener")["frontend"] == "public"


def test_an_unknown_subnet_is_one_unknown_field() -> None:
    graph, _ = made(samples.routing(table([entry(1)])), subnet=Unknown("unseen"))
    assert only(graph, "gateway")["subnet"] == Unknown("unseen")
    assert len(of_kind(graph, "path-rule")) == 1


def test_a_gateway_without_a_listener_keeps_its_address() -> None:
    graph, notes = made(samples.routing(), {"notFoundBackend": None})
    assert [model.short(where) for where in graph.elements] == ["gateway/lb"]
    assert (notes, graph.order) == ((), {})


def test_a_port_without_routes_listens_for_nobody() -> None:
    """So that everybody gets the gateway's own 404."""
    graph, _ = made(samples.routing(table([])))
    assert only(graph, "listener")["hosts"] == ("none.invalid",)
    assert of_kind(graph, "path-rule") == []


def test_the_same_whatever_the_order_of_the_backends() -> None:
    backends = [(key, samples.backend(key, "10.0.0.5", "10.0.0.6")) for key in (samples.CART, samples.PAY)]
    entries = [entry(1, of=match("/a")), entry(2, samples.forward((samples.PAY, 1)))]
    found = set()
    for seed in range(6):
        random.Random(seed).shuffle(backends)
        found.add(repr(made(samples.routing(table(entries), backends=dict(backends)))))
    assert len(found) == 1


def test_a_map_holds_everything_that_answers_on_its_host() -> None:
    pay = samples.forward((samples.PAY, 1))
    entries = [
        entry(1, of=match("/a"), host="a.example.com"),
        entry(2, pay, of=match("/b"), host="*.example.com"),
        entry(3, host="*.example.com"),
        entry(4, pay, of=match("/c"), host=""),
    ]
    graph, _ = made(samples.routing(table(entries)))
    wild = names.logical("80", "*.example.com")
    assert rows(graph, MAP) == [
        (("/a", "/a/*"), "shop.cart.8080"),
        (("/b", "/b/*"), "shop.pay.8080"),
        (("/*",), "shop.cart.8080"),
    ]
    assert rows(graph, wild) == rows(graph, MAP)[1:]
    assert rows(graph, "80.any") == [(("/c", "/c/*"), "shop.pay.8080")]


def test_the_order_of_listeners() -> None:
    hosts = ["", "*.example.com", "b.example.com", "*.a.example.com", "a.example.com", "*.b.example.com"]
    tables = [table([entry(n, host=host) for n, host in enumerate(hosts)], port) for port in (80, 8080)]
    graph, _ = made(samples.routing(*tables))
    found = [where.rpartition("/")[2] for where in graph.order["shop/edge/azure/gateway/lb"]]
    wanted = ["a.example.com", "b.example.com", "*.a.example.com", "*.b.example.com", "*.example.com", "any"]
    assert found == [names.logical(str(port), host) for host in wanted for port in (80, 8080)]


def test_one_path_stands_once_in_a_map() -> None:
    """The exact path above has it; what lies wholly below others is left out."""
    entries = [
        entry(1, of=match("/a", "Exact")),
        entry(2, samples.forward((samples.PAY, 1)), of=match("/a")),
        entry(3, of=match("/a/b"), host="*.example.com"),
        entry(4, of=match("/a", "Exact"), host="*.example.com"),
    ]
    graph, _ = made(samples.routing(table(entries)))
    assert rows(graph, MAP) == [(("/a",), "shop.cart.8080"), (("/a/*",), "shop.pay.8080")]


def test_paths_of_every_kind() -> None:
    entries = [entry(1, of=match("/a/", "Exact")), entry(2, of=match("/a")), entry(3)]
    graph, _ = made(samples.routing(table(entries)))
    assert [paths for paths, _ in rows(graph, MAP)] == [("/a/",), ("/a", "/a/*"), ("/*",)]


def test_without_a_not_found_backend_an_empty_pool_answers() -> None:
    barrier = ir.Respond(status=404)
    wish = samples.routing(table([entry(1, of=match("/a")), entry(2, barrier)]))
    graph, notes = built = made(wish, {"notFoundBackend": None})
    assert codes(built) == ["NotFoundIs502"]
    assert "notFoundBackend" in notes[0].message
    assert rows(graph, MAP)[1] == (("/*",), "none")
    assert only(graph, "path-map")["default"]["pool"].to.endswith("/pool/none")
    assert graph.one("shop/edge/azure/targets/none").fields["targets"] == ()  # type: ignore[union-attr]
    assert graph.one("shop/edge/azure/pool/not-found") is None
    named, _ = made(wish)
    assert rows(named, MAP)[1] == (("/*",), "not-found")


def test_an_unknown_entry_is_an_unknown_rule() -> None:
    unseen = dataclasses.replace(entry(1, of=match("/a")), unknown=Unknown("unreadable"))
    wish = samples.routing(table([unseen, entry(2)]))
    graph, _ = made(wish)
    assert rows(graph, MAP) == [((), "unknown"), (("/*",), "shop.cart.8080")]
    where = graph.order[f"shop/edge/azure/path-map/{MAP}"][0]
    assert graph.one(where).spec == Unknown("unreadable")  # type: ignore[union-attr]
    assert "pool/shop.pay.8080" in [model.short(where) for where in graph.elements]  # it may be what stands


def test_an_unknown_entry_keeps_its_path_only_where_it_stands() -> None:
    unseen = dataclasses.replace(entry(1, of=match("/a")), unknown=Unknown("unreadable"))
    wish = samples.routing(table([unseen, entry(2, of=match("/a/b")), entry(3, of=match("/a"), route="pay")]))
    assert [paths for paths, _ in rows(made(wish)[0], MAP)[1:]] == [("/a/b", "/a/b/*"), ("/a", "/a/*")]
    rule = made(wish)[0].order[f"shop/edge/azure/path-map/{MAP}"][0].rpartition("/")[2]
    assert rows(made(wish, standing=frozenset({rule}))[0], MAP) == [((), "unknown")]


def test_a_host_that_may_not_exist_is_unknown() -> None:
    unseen = dataclasses.replace(entry(1, host="b.example.com"), unknown=Unknown("unreadable"))
    graph, _ = made(samples.routing(table([unseen, entry(2)])))
    for kind in ("listener", "path-map", "rule"):
        assert graph.one(f"shop/edge/azure/{kind}/80.b.example.com").spec == Unknown("unreadable")  # type: ignore[union-attr]
        assert isinstance(graph.one(f"shop/edge/azure/{kind}/{MAP}").spec, dict)  # type: ignore[union-attr]


def test_an_unknown_action_is_one_unknown_field() -> None:
    graph, _ = one(Unknown("no grant seen"), match("/a"))
    assert rows(graph, MAP) == [(("/a", "/a/*"), "unknown")]
    assert only(graph, "path-rule")["rewrite"] == Unknown("no grant seen")


def test_a_revoked_grant_is_withdrawn() -> None:
    share = ir.Share(to=500, weight=1, origin=samples.origin("x"), withdrawn=samples.PAY)
    graph, _ = one(ir.Forward(shares=(share,)))
    assert graph.withdrawn == {"shop/edge/azure/pool/shop.pay.8080"}
    graph, _ = one(ir.Respond(status=500, withdrawn=(samples.CART,)))
    assert graph.withdrawn == {"shop/edge/azure/pool/shop.cart.8080"}


def test_incomplete_input_knows_only_its_routes() -> None:
    graph, _ = made(samples.routing(table([entry(1)]), complete=False))
    rule = f"shop/edge/azure/path-rule/{MAP}"
    assert not graph.is_unknown(f"{rule}/shop.cart.aaaaaaaaaa")
    assert graph.is_unknown(f"{rule}/shop.other.aaaaaaaaaa")
    assert graph.is_unknown("shop/edge/azure/pool/shop.old.80")


@pytest.mark.parametrize("other", ["cart.old", "cart-old", "cart.aaaaaaaaaa"])
def test_routes_whose_names_begin_alike_are_told_apart(other: str) -> None:
    graph, _ = made(samples.routing(table([entry(2, of=match("/x"), route=other), entry(1)]), complete=False))
    other_rule, own_rule = graph.order[f"shop/edge/azure/path-map/{MAP}"]
    assert graph.is_unknown(other_rule)
    assert not graph.is_unknown(own_rule)


def test_lint_needs_neither_parameters_nor_an_account() -> None:
    refused = match("/a", query=[("q", "v")])
    assert [note.code for note in build.lint(samples.routing(table([entry(1, of=refused)])))] == ["MatchNotExpressible"]
    assert build.lint(samples.routing()) == ()


def test_a_host_that_is_called_any() -> None:
    graph, _ = made(samples.routing(table([entry(1, host="any"), entry(2, host="")])))
    assert len(of_kind(graph, "listener")) == 2


def test_what_a_first_apply_puts_is_read_back_without_a_difference() -> None:
    """And its changes wait for nothing, nor for each other in a circle."""
    modifier = HeaderModifier(set=(("X-A", "1"),), add=(("X-B", "2"),))
    edits = ir.Edits(request=modifier, response=modifier, rewrite=samples.replaced("/n"))
    tls = ir.BackendTLS(hostname="x.example.com", well_known="System", origin=samples.GATEWAY)
    timed = samples.forward((samples.CART, 1), edits=edits, timeouts=samples.seconds(5))
    wish = samples.routing(
        table([entry(1, ir.Redirect(scheme="https", status=301), host=""), entry(4, of=match("/a"))]),
        table([entry(2, timed, of=match("/x")), entry(3, host="*.example.com")], 443, "HTTPS", [CERTIFICATE]),
        backends={samples.CART: samples.backend(samples.CART, "10.0.0.5", tls=tls)},
    )
    graph, notes = made(wish)
    first = diff.diff(graph, model.graph([]), kinds.KINDS)
    assert (notes, first.cyclic) == ((), ())
    assert [change.waits for change in first.changes if change.waits] == []
    (gateway,) = (one for one in samples.bound(graph) if model.kind_of(one.address) == "gateway")
    document = samples.render(graph)
    document["tags"] |= names.tags_of("dev", gateway.address, gateway.name, {})
    document["properties"]["provisioningState"] = "Succeeded"
    found = {"owner": "dev", "subscription": samples.SUBSCRIPTION, "gateways": [document], "public_ips": []}
    empty: dict[str, dict[str, object]] = {"networks": {}, "health": {}, "names": {}, "private_ips": {}}
    inventory = Inventory(placement=Placement("azure"), content=found | empty)
    again = diff.diff(graph, observe.observe(inventory, "dev"), kinds.KINDS)
    assert again.changes == ()
