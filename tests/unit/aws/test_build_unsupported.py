"""What an Application Load Balancer does not do is answered 500 on its own match, or left out, and always said."""

from __future__ import annotations

import dataclasses

import pytest

from cloudgw.graph import model
from cloudgw.objects import (
    CORS,
    GRPCMethod,
    HeaderModifier,
    Note,
    Origin,
    PathModifier,
    Retry,
    RouteMatch,
    SessionPersistence,
    Timeouts,
    Unknown,
    URLRewrite,
    ValueMatch,
)
from cloudgw.routing import ir
from cloudgw_aws import build
from tests.unit.aws import samples

FIXED_500 = {"type": "fixed", "status": 500, "body": "", "content": "text/plain"}
SET = HeaderModifier(set=(("x-a", "1"),))
MIRROR = ir.Mirror(to=samples.PAY, origin=samples.origin("cart"))
CART = samples.forward((samples.CART, 1))
TLS = ir.BackendTLS(
    hostname="cart.example.com",
    well_known="System",
    origin=Origin(kind="BackendTLSPolicy", namespace="shop", name="cart"),
)
GRPC = RouteMatch(grpc=GRPCMethod(service="shop.Cart", method="Add"))


def made(*entries: ir.Entry, **more: object) -> tuple[model.Graph, tuple[Note, ...]]:
    routing = samples.routing(samples.table(entries), **more)  # type: ignore[arg-type]
    graph, notes = build.build(routing, samples.network(), samples.wanted())
    assert [note for note in notes if note.code != "BackendAccessUnmanaged"] == list(build.lint(routing))
    return graph, notes


def rules(graph: model.Graph) -> list[model.Spec]:
    return [graph.elements[where][0].fields for order in graph.order.values() for where in order]


def said(notes: tuple[Note, ...], code: str) -> list[str]:
    return [note.message for note in notes if note.code == code]


@pytest.mark.parametrize(
    ("action", "field"),
    [
        (dataclasses.replace(CART, edits=ir.Edits(request=SET)), "RequestHeaderModifier"),
        (dataclasses.replace(CART, edits=ir.Edits(response=SET)), "ResponseHeaderModifier"),
        (dataclasses.replace(CART, edits=ir.Edits(mirrors=(MIRROR,))), "RequestMirror"),
        (dataclasses.replace(CART, edits=ir.Edits(mirrors=(MIRROR, MIRROR))), "RequestMirror"),
        (dataclasses.replace(CART, cors=CORS(allow_origins=("*",))), "CORS"),
        (ir.Redirect(hostname="b.example.com", response=SET), "ResponseHeaderModifier"),
        (ir.Redirect(hostname="b.example.com", cors=CORS(allow_origins=("*",))), "CORS"),
    ],
)
def test_filters_answer_500(action: ir.Action, field: str) -> None:
    of = samples.match("/a", method="GET", headers=[("x-b", "1")])
    graph, notes = made(samples.entry(1, action, of=of))
    plain, _ = made(samples.entry(1, of=of))
    assert [rule["action"] for rule in rules(graph)] == [FIXED_500]
    assert rules(graph)[0]["conditions"] == rules(plain)[0]["conditions"]
    assert [message for message in said(notes, "UnsupportedFilter") if f"filters, {field}:" in message]
    assert not [element for element in graph if model.kind_of(element.address) == "target-group"]


def test_every_filter_of_a_rule_is_named_once() -> None:
    action = dataclasses.replace(CART, edits=ir.Edits(request=SET, response=SET, mirrors=(MIRROR,)))
    of_both = [samples.entry(number, action, of=samples.match(path)) for number, path in enumerate(["/a", "/b"])]
    _, notes = made(*of_both)
    (message,) = said(notes, "UnsupportedFilter")
    assert message.count("filters, ") == 3
    assert message.endswith("these requests are answered with 500")


@pytest.mark.parametrize(
    ("edits", "field"),
    [
        (ir.Edits(rewrite=URLRewrite(path=PathModifier(type="ReplaceFullPath", value="/x"))), "URLRewrite"),
        (ir.Edits(request=SET), "RequestHeaderModifier"),
        (ir.Edits(response=SET, mirrors=(MIRROR,)), "ResponseHeaderModifier, RequestMirror"),
    ],
)
def test_filters_of_one_backend(edits: ir.Edits, field: str) -> None:
    both = samples.forward((samples.CART, 3), (samples.PAY, 1))
    edited = dataclasses.replace(both, shares=(dataclasses.replace(both.shares[0], edits=edits), both.shares[1]))
    graph, notes = made(samples.entry(1, edited))
    shares = {(ref.to.rpartition("/")[2], weight) for ref, weight in rules(graph)[0]["action"]["to"]}
    assert shares == {("unavailable", 3), ("pay:8080", 1)}
    (message,) = said(notes, "UnsupportedFilter")
    assert message.startswith("backendRefs shop/cart:8080: filters, ")
    assert all(f"filters, {one}:" in message for one in field.split(", "))
    assert ("write it in the rule's filters" in message) == (field == "URLRewrite")  # others would fail for the rule
    alone, _ = made(samples.entry(1, dataclasses.replace(edited, shares=edited.shares[:1])))
    assert rules(alone)[0]["action"] == FIXED_500


def test_a_backend_with_a_tls_policy_gets_nothing() -> None:
    backends = {
        samples.CART: dataclasses.replace(samples.backend(samples.CART, "10.0.0.5"), tls=TLS),
        samples.PAY: samples.backend(samples.PAY, "10.0.0.6"),
    }
    graph, notes = made(samples.entry(1), samples.entry(2, samples.forward((samples.PAY, 1))), backends=backends)
    assert rules(graph)[0]["action"] == FIXED_500
    assert rules(graph)[1]["action"]["type"] == "forward"
    assert ["BackendTLSPolicy shop/cart" in message for message in said(notes, "BackendTLS")] == [True]
    assert not [where for where in graph.elements if where.endswith("/shop/cart:8080")]


def test_an_unseen_policy_leaves_the_answer_open() -> None:
    unseen = Unknown("BackendTLSPolicies could not be listed")
    backends = {samples.CART: dataclasses.replace(samples.backend(samples.CART, "10.0.0.5"), tls=unseen)}
    graph, _ = made(samples.entry(1), backends=backends)
    assert rules(graph)[0]["action"] == unseen
    assert graph.one("shop/edge/aws/target-group/shop/cart:8080") is not None


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"timeouts": Timeouts(request=1000)}, "timeouts"),
        ({"timeouts": Timeouts(backend_request=0)}, "timeouts"),
        ({"retry": Retry(codes=(500,), attempts=2)}, "retry"),
        ({"session": SessionPersistence()}, "sessionPersistence"),
    ],
)
def test_what_is_left_out_is_said(more: dict[str, object], field: str) -> None:
    action = dataclasses.replace(CART, **more)  # type: ignore[arg-type]
    graph, notes = made(*(samples.entry(number, action, of=samples.match(f"/{number}")) for number in range(3)))
    plain, _ = made(*(samples.entry(number, of=samples.match(f"/{number}")) for number in range(3)))
    assert rules(graph) == rules(plain)
    (message,) = said(notes, "NotHonoured")
    assert message.startswith(f"{field}: ")
    assert message.endswith("requests are forwarded without it")


def test_nothing_is_said_of_empty_timeouts() -> None:
    _, notes = made(samples.entry(1, dataclasses.replace(CART, timeouts=Timeouts())))
    assert said(notes, "NotHonoured") == []


def grpc(number: int, match: RouteMatch = GRPC, action: ir.Action | None = None) -> ir.Entry:
    return samples.entry(number, action, of=match, route="grpc:cart")


@pytest.mark.parametrize(
    ("match", "path"),
    [
        (GRPC, ("path-pattern", "", "values", ("/shop.Cart/Add",))),
        (
            RouteMatch(grpc=GRPCMethod(service="shop.Cart")),
            ("path-pattern", "", "regex", (r"^(?:/shop\.Cart/[^/]+)$",)),
        ),
        (RouteMatch(grpc=GRPCMethod(method="Add")), ("path-pattern", "", "regex", ("^(?:/[^/]+/Add)$",))),
        (RouteMatch(grpc=GRPCMethod()), None),
        (
            RouteMatch(grpc=GRPCMethod(type="RegularExpression", service=r"shop\..*", method="Get|Add")),
            ("path-pattern", "", "regex", (r"^(?:/(?:shop\.[^/]*)/(?:Get|Add))$",)),
        ),
    ],
)
def test_grpc_answers_500(match: RouteMatch, path: tuple[object, ...] | None) -> None:
    graph, notes = made(grpc(1, match), samples.entry(2))
    found = rules(graph)
    assert found[0]["action"] == FIXED_500
    assert set(found[0]["conditions"]) == {
        ("host-header", "", "values", ("a.example.com",)),
        *([path] if path else []),
        ("http-request-method", "", "values", ("POST",)),
        ("http-header", "content-type", "values", ("application/grpc*",)),
    }
    assert "gRPC" in said(notes, "UnsupportedKind")[0]
    assert graph.order["shop/edge/aws/listener/80"][0].endswith("/shop/grpc:cart/a.example.com/1")


def test_grpc_that_nobody_serves_keeps_its_status() -> None:
    graph, notes = made(grpc(1, RouteMatch(grpc=GRPCMethod()), ir.Respond(status=404)))
    assert rules(graph)[0]["action"]["status"] == 404
    assert said(notes, "UnsupportedKind") == []


@pytest.mark.parametrize(
    "method",
    [
        GRPCMethod(service="s" * 200, method="Add"),
        GRPCMethod(type="RegularExpression", service="[^a]+"),
        GRPCMethod(type="RegularExpression", service="a/b"),
        GRPCMethod(type="RegularExpression", service=r"\W+"),
    ],
)
def test_grpc_that_cannot_be_told_apart_refuses_its_route(method: GRPCMethod) -> None:
    graph, notes = made(grpc(1, RouteMatch(grpc=method)), grpc(2), samples.entry(3))
    assert len(rules(graph)) == 1
    (message,) = said(notes, "MatchNotExpressible")
    assert "GRPCRoute shop/cart is refused" in message
    assert "HTTPRoute shop/cart" in message


def test_two_headers_beside_the_content_type_are_too_many() -> None:
    headers = tuple(ValueMatch(name=name, value="1") for name in ("x-a", "x-b"))
    _, notes = made(grpc(1, dataclasses.replace(GRPC, headers=headers[:1])), samples.entry(3))
    assert said(notes, "MatchNotExpressible") == []
    _, notes = made(grpc(1, dataclasses.replace(GRPC, headers=headers)), samples.entry(3))
    assert "6 values" in said(notes, "MatchNotExpressible")[0]
