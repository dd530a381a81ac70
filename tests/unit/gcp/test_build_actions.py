"""What rules answer: shares, errors, redirects, rewrites; and what is not done is answered 500, and always said."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cloudgw.building import scaling
from cloudgw.graph import model
from cloudgw.objects import (
    CORS,
    GRPCMethod,
    HeaderModifier,
    Retry,
    RouteMatch,
    SessionPersistence,
    Timeouts,
    Unknown,
    URLRewrite,
)
from cloudgw.routing import ir
from cloudgw_gcp import build_actions
from tests.unit.gcp import samples
from tests.unit.gcp.samples import CART, PAY, codes, entry, forward, logicals, made, match, one, only, rows, said, table

SET = HeaderModifier(set=(("X-A", "1"),))
MIRROR = ir.Mirror(to=PAY, origin=samples.origin("cart"))
TO_CART = forward((CART, 1))
FAILS = [(["full /a", "prefix /a/"], "500")]
TLS = ir.BackendTLS(hostname="x.example.com", well_known="System", origin=samples.GATEWAY)


def edits(**given: Any) -> ir.Forward:
    return forward((CART, 1), edits=ir.Edits(**given))


def rule(action: ir.Action, of: RouteMatch | None = None) -> model.Spec:
    """The only one, of which nothing is said."""
    graph, notes = one(action, of or match("/a"))
    assert notes == ()
    return only(graph, "route-rule")


@pytest.mark.parametrize(
    ("action", "field"),
    [
        (edits(mirrors=(MIRROR,)), "RequestMirror"),
        (edits(mirrors=(MIRROR, MIRROR)), "RequestMirror"),
        (dataclasses.replace(TO_CART, cors=CORS(allow_origins=("*",))), "CORS"),
        (ir.Redirect(hostname="b.example.com", response=SET), "ResponseHeaderModifier"),
        (ir.Redirect(hostname="b.example.com", cors=CORS(allow_origins=("*",))), "CORS"),
    ],
)
def test_filters_answer_500(action: ir.Action, field: str) -> None:
    graph, notes = built = one(action, match("/a"))
    assert rows(graph) == FAILS
    (message,) = said(built, "UnsupportedFilter")
    assert f"filters, {field}:" in message
    assert message.endswith("these requests are answered with 500")
    assert notes[0].refuses == "rule"
    assert logicals(graph, "backend-service") == ["none"]


def test_retries_are_left_out() -> None:
    """As on other clouds: a request that is not repeated is answered all the same."""
    graph, notes = built = one(dataclasses.replace(TO_CART, retry=Retry(attempts=2)), match("/a"))
    assert [what for _, what in rows(graph)] == ["shop/cart:8080"]
    assert only(graph, "route-rule")["timeout"] is None
    assert codes(built) == ["NotHonoured"]
    assert notes[0].message.startswith("retry: ")
    assert notes[0].refuses == ""


@pytest.mark.parametrize("given", [{"mirrors": (MIRROR,)}, {"rewrite": URLRewrite(hostname="b.c")}])
def test_filters_of_one_backend(given: dict[str, Any]) -> None:
    shares = forward((CART, 3), (PAY, 1)).shares
    action = ir.Forward(shares=(shares[0], dataclasses.replace(shares[1], edits=ir.Edits(**given))))
    graph, notes = built = one(action, match("/a"))
    assert [what for _, what in rows(graph)] == ["shop/cart:8080 (500, '25')"]
    (message,) = said(built, "UnsupportedFilter")
    assert message.startswith("backendRefs shop/pay:8080: filters, ")
    assert ("rule's filters" in message) == ("rewrite" in given)  # a mirror of the rule would fail for all of it
    assert notes[0].refuses == "share"
    named = dataclasses.replace(action.shares[1].origin, path="/spec/rules/0/backendRefs/1")
    action = ir.Forward(shares=(shares[0], dataclasses.replace(action.shares[1], origin=named)))
    assert said(one(action, match("/a")), "UnsupportedFilter")[0].startswith("backendRefs[1] shop/pay:8080: ")


@pytest.mark.parametrize(
    ("backend", "code"),
    [
        (samples.backend(CART, "10.0.64.5", protocol="H2C"), "BackendProtocol"),
        (samples.backend(CART, "10.0.64.5", protocol="HTTPS"), "BackendProtocol"),
        (samples.backend(CART, "10.0.64.5", protocol="WSS"), "BackendProtocol"),
        (samples.backend(CART, "10.0.64.5", tls=TLS), "BackendTLS"),
    ],
)
def test_backends_that_are_refused(backend: ir.Backend, code: str) -> None:
    pods = {CART: backend, PAY: samples.backend(PAY, "10.0.64.6")}
    graph, _ = built = one(TO_CART, match("/a"), backends=pods)
    assert rows(graph) == FAILS
    assert codes(built) == [code]
    graph, notes = one(forward((CART, 1), (PAY, 2)), match("/a"), backends=pods)
    assert [what for _, what in rows(graph)] == ["shop/pay:8080 (500, '33.3333')"]
    assert (notes[0].code, notes[0].refuses) == (code, "share")


def test_an_unknown_policy_is_an_unknown_rule() -> None:
    pods = {CART: samples.backend(CART, "10.0.64.5", tls=Unknown("unseen"))}
    graph, _ = one(TO_CART, match("/a"), backends=pods)
    assert rows(graph) == [([], "unknown")]


def test_websockets() -> None:
    pods = {CART: samples.backend(CART, "10.0.64.5", protocol="WS")}
    graph, notes = one(TO_CART, match("/a"), backends=pods)
    assert [what for _, what in rows(graph)] == ["shop/cart:8080"]
    assert notes == ()


def test_grpc_answers_500() -> None:
    """Exactly the gRPC requests of the match."""
    built = one(TO_CART, RouteMatch(grpc=GRPCMethod(service="shop.Cart", method="Add")))
    assert codes(built) == ["UnsupportedKind"]
    spec = only(built[0], "route-rule")
    assert spec["action"] == {"type": "fail", "status": 500}
    assert ("content-type", "prefix", "application/grpc", False) in spec["matches"][0]["headers"]
    graph, notes = one(ir.Respond(status=404), RouteMatch(grpc=GRPCMethod()))
    assert (only(graph, "route-rule")["action"]["status"], notes) == (404, ())


@pytest.mark.parametrize("status", [404, 500, 503])
def test_statuses(status: int) -> None:
    spec = rule(ir.Respond(status=status))
    assert spec["action"] == {"type": "fail", "status": status}
    assert [spec[name] for name in ("rewrite", "request", "response", "timeout")] == [None] * 4


@pytest.mark.parametrize(
    ("shares", "weights", "abort"),
    [
        (((CART, 7),), (1,), None),
        (((CART, 9), (PAY, 1)), (9, 1), None),
        (((CART, 1000), (PAY, 1)), (1000, 1), None),
        (((CART, 10_000), (PAY, 5000)), (2, 1), None),
        (((CART, 1), (500, 1)), (1,), ((500, "50"),)),
        (((CART, 4), (PAY, 2), (500, 3)), (4, 2), ((500, "33.3333"),)),
        (((CART, 999_999), (500, 1)), (1,), ((500, "0.0001"),)),
    ],
)
def test_shares(shares: tuple[tuple[ir.BackendKey | int, int], ...], weights: tuple[int, ...], abort: object) -> None:
    """The share of an error is aborted, and the rest is divided as if it were not there."""
    action = rule(forward(*shares))["action"]
    assert tuple(share["weight"] for share in action["shares"]) == weights
    assert action["abort"] == abort
    assert all(share["to"].until == "serving" for share in action["shares"])


def test_shares_that_answer_themselves() -> None:
    assert rule(forward((500, 1), (500, 2)))["action"] == {"type": "fail", "status": 500}


def test_weights_are_scaled() -> None:
    built = one(forward((CART, 1_000_000), (PAY, 1501)), match("/a"))
    assert [share["weight"] for share in only(built[0], "route-rule")["action"]["shares"]] == [1000, 2]
    assert codes(built) == ["WeightsRounded"]
    assert scaling.scale([1_000_000, 1], build_actions.HIGHEST_WEIGHT) == [1000, 1]
    assert scaling.scale([5], build_actions.HIGHEST_WEIGHT) == [1]
    assert scaling.scale([3000, 2000, 1000], build_actions.HIGHEST_WEIGHT) == [3, 2, 1]


@pytest.mark.parametrize(
    ("timeouts", "timeout"),
    [
        (None, None),
        (Timeouts(), None),
        (Timeouts(request=10_000), "10s"),
        (Timeouts(backend_request=5000), "5s"),
        (Timeouts(request=10_000, backend_request=5000), "5s"),
        (Timeouts(request=0, backend_request=5000), "5s"),
        (Timeouts(request=500), "0.5s"),
        (Timeouts(request=1250), "1.25s"),
        (Timeouts(request=100_000), "100s"),
        (Timeouts(request=0), "86400s"),
    ],
)
def test_timeouts(timeouts: Timeouts | None, timeout: str | None) -> None:
    built = one(dataclasses.replace(TO_CART, timeouts=timeouts), match("/a"))
    assert only(built[0], "route-rule")["timeout"] == timeout
    assert codes(built) == (["NotHonoured"] if timeout == "86400s" else [])


@pytest.mark.parametrize(
    ("session", "cookie"),
    [
        (SessionPersistence(name="sid"), ("sid", 0)),
        (SessionPersistence(), ("GCLB", 0)),
        (SessionPersistence(name="sid", lifetime="Permanent", absolute_timeout=3_600_000), ("sid", 3600)),
        (SessionPersistence(type="Header"), None),
        (SessionPersistence(idle_timeout=1000), None),
        (SessionPersistence(lifetime="Permanent", absolute_timeout=1500), None),
        (SessionPersistence(absolute_timeout=1000), None),
        (SessionPersistence(lifetime="Permanent"), None),
        (SessionPersistence(name="a b;c"), None),
        (SessionPersistence(name="é"), None),
        (SessionPersistence(lifetime="Permanent", absolute_timeout=1_209_600_000), ("GCLB", 1_209_600)),
        (SessionPersistence(lifetime="Permanent", absolute_timeout=1_209_601_000), None),
    ],
)
def test_session_persistence(session: SessionPersistence, cookie: tuple[str, int] | None) -> None:
    graph, _ = built = one(dataclasses.replace(TO_CART, session=session), match("/a"))
    if cookie is None:
        assert rows(graph) == FAILS
        assert codes(built) == ["SessionNotExpressible"]
        return
    (where,) = (ref.to for ref in model.refs_in(only(graph, "route-rule")["action"]))
    spec = graph.elements[where][0].fields
    assert (spec["affinity"], spec["cookie"]) == ("STRONG_COOKIE_AFFINITY", cookie)
    assert where.startswith(samples.at("backend-service", "shop/cart:8080/"))
    assert logicals(graph, "backend-service") == ["none", where.split("/", 4)[4]]
    assert codes(built) == []


def test_sessions_beside_weights_are_refused() -> None:
    built = one(forward((CART, 1), (PAY, 1), session=SessionPersistence(name="sid")), match("/a"))
    assert rows(built[0]) == FAILS
    assert codes(built) == ["SessionNotExpressible"]


def test_two_rules_with_one_session_share_a_backend_service() -> None:
    session = SessionPersistence(name="sid")
    entries = [
        entry(1, forward((CART, 1), session=session), of=match("/a")),
        entry(2, forward((CART, 1), session=session), of=match("/b")),
        entry(3, TO_CART),
    ]
    graph, _ = made(samples.routing(table(entries)))
    assert len(logicals(graph, "backend-service")) == 3
    assert logicals(graph, "neg") == [f"shop/cart:8080/{zone}" for zone in samples.ZONES]


EDITS = HeaderModifier(set=(("X-S", "1"), ("X-B", "1")), add=(("X-A", "2"), ("x-b", "3")), remove=("X-R",))
NORMAL = {"set": (("X-S", "1"), ("x-b", "1,3")), "add": (("X-A", "2"),), "remove": ("X-R",)}


def test_headers() -> None:
    """Each name stands once: what is set and added to is set to both."""
    spec = rule(edits(request=EDITS, response=EDITS))
    assert (spec["request"], spec["response"]) == (NORMAL, NORMAL)
    assert spec["action"]["shares"][0]["request"] is None
    removed = HeaderModifier(remove=("X-A",), add=(("x-a", "1"), ("X-A", "2")))
    assert rule(edits(request=removed))["request"] == {"set": (("X-A", "1,2"),), "add": (), "remove": ()}
    twice = HeaderModifier(add=(("x-a", "1"), ("X-A", "2")))
    assert rule(edits(request=twice))["request"] == {"set": (), "add": (("X-A", "1,2"),), "remove": ()}
    assert rule(edits(request=HeaderModifier()))["request"] is None


def test_headers_of_one_backend() -> None:
    """Google changes those first, the Gateway API last: both are folded into every share."""
    shares = forward((CART, 1), (PAY, 1)).shares
    own = ir.Edits(request=HeaderModifier(add=(("X-A", "own"),), remove=("X-Z",)), response=SET)
    action = ir.Forward(
        shares=(shares[0], dataclasses.replace(shares[1], edits=own)),
        edits=ir.Edits(request=HeaderModifier(set=(("X-A", "rule"), ("X-Z", "9")))),
    )
    spec = rule(action)
    assert (spec["request"], spec["response"]) == (None, None)
    cart, pay = spec["action"]["shares"]
    assert cart["request"] == {"set": (("X-A", "rule"), ("X-Z", "9")), "add": (), "remove": ()}
    assert pay["request"] == {"set": (("X-A", "rule,own"),), "add": (), "remove": ("X-Z",)}
    assert (cart["response"], pay["response"]) == (None, {"set": (("X-A", "1"),), "add": (), "remove": ()})


@pytest.mark.parametrize(
    ("rule", "own"),
    [
        (ir.Edits(), ir.Edits(request=HeaderModifier(set=(("X-A", "{x}"),)))),
        (ir.Edits(response=SET), ir.Edits(response=HeaderModifier(remove=("Connection",)))),
        (
            ir.Edits(response=HeaderModifier(add=(("Set-Cookie", "a"),))),
            ir.Edits(response=HeaderModifier(add=(("Set-Cookie", "b"),))),
        ),
    ],
)
def test_headers_of_one_backend_that_are_refused(rule: ir.Edits, own: ir.Edits) -> None:
    """Only its share answers an error, and the note names it."""
    shares = forward((CART, 99), (PAY, 1)).shares
    action = ir.Forward(shares=(shares[0], dataclasses.replace(shares[1], edits=own)), edits=rule)
    graph, notes = built = one(action, match("/a"))
    assert [what for _, what in rows(graph)] == ["shop/cart:8080 (500, '1')"]
    assert codes(built) == ["RewriteNotExpressible"]
    assert notes[0].refuses == "share"
    assert notes[0].message.startswith("backendRefs shop/pay:8080: filters, ")


def test_headers_of_the_rule_fail_for_all_backends() -> None:
    shares = forward((CART, 99), (PAY, 1)).shares
    bad = ir.Edits(request=HeaderModifier(set=(("X-A", "{x}"),)))
    action = ir.Forward(shares=(shares[0], dataclasses.replace(shares[1], edits=ir.Edits(request=SET))), edits=bad)
    graph, notes = one(action, match("/a"))
    assert rows(graph) == FAILS
    assert [note.refuses for note in notes] == ["rule"]


@pytest.mark.parametrize(
    ("side", "modifier", "reason"),
    [
        ("request", HeaderModifier(set=(("Host", "x"),)), "'Host'; use URLRewrite.hostname"),
        ("request", HeaderModifier(remove=("Connection",)), "Google does not change 'Connection'"),
        ("request", HeaderModifier(add=(("X-Goog-A", "1"),)), "Google does not change 'X-Goog-A'"),
        ("response", HeaderModifier(set=(("X-Amz-A", "1"),)), "Google does not change 'X-Amz-A'"),
        ("response", HeaderModifier(set=(("X A", "1"),)), "Google does not change 'X A'"),
        ("request", HeaderModifier(set=(("X-A", "{client_region}"),)), "holds a brace"),
        ("response", HeaderModifier(add=(("X-A", ""),)), "is empty"),
        ("response", HeaderModifier(add=(("Set-Cookie", "a"), ("set-cookie", "b"))), "one Set-Cookie"),
        ("request", HeaderModifier(set=(("x" * 256, "1"),)), "has 256 characters, Google allows 255"),
        ("request", HeaderModifier(set=tuple((f"X-{n}", "v" * 2048) for n in range(4))), "of headers, Google allows"),
    ],
)
def test_headers_that_are_refused(side: str, modifier: HeaderModifier, reason: str) -> None:
    graph, _ = built = one(edits(**{side: modifier}), match("/a"))
    assert rows(graph) == FAILS
    (message,) = said(built, "RewriteNotExpressible")
    assert message.startswith(f"filters, {'Request' if side == 'request' else 'Response'}HeaderModifier: ")
    assert reason in message
