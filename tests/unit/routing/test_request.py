"""Requests: rewrites and Locations by the tables of HTTPPathModifier, edits, copies, and misdirected requests."""

from __future__ import annotations

import dataclasses

import pytest

from cloudgw.objects import (
    CORS,
    GRPCMethod,
    HeaderModifier,
    Origin,
    PathMatch,
    PathModifier,
    RequestRedirect,
    RouteMatch,
    Timeouts,
    Unknown,
    URLRewrite,
)
from cloudgw.routing import ir, modified, request
from cloudgw.routing.request import Request, Sent
from tests.unit.routing import world


@pytest.mark.parametrize(
    ("path", "prefix", "replacement", "expected"),
    [
        ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
        ("/foo", "/foo", "/xyz", "/xyz"),
        ("/foo/", "/foo", "/xyz", "/xyz/"),
        ("/foo/bar", "/foo", "", "/bar"),
        ("/foo/", "/foo", "", "/"),
        ("/foo", "/foo", "", "/"),
        ("/foo/", "/foo", "/", "/"),
        ("/foo", "/foo", "/", "/"),
        ("/bar", "/", "/xyz", "/xyz/bar"),
    ],
)
def test_prefix_replacement(path: str, prefix: str, replacement: str, expected: str) -> None:
    assert modified.path(PathModifier(type="ReplacePrefixMatch", value=replacement), prefix, path) == expected


def test_full_replacement() -> None:
    assert modified.path(PathModifier(type="ReplaceFullPath", value="/x"), "/a", "/a/b") == "/x"
    assert modified.path(PathModifier(type="ReplaceFullPath", value=""), "/a", "/a/b") == "/"
    assert modified.path(None, "/a", "/a/b") == "/a/b"


def answer(filter_: RequestRedirect | URLRewrite, asked: Request) -> request.Answer:
    backends = [world.backend()] if isinstance(filter_, URLRewrite) else []
    rule = dataclasses.replace(world.rule(world.path("/a"), backends=backends), filters=(filter_,))
    gateway = world.gateway(world.listener(), world.listener("alt", port=8080))
    return request.answer(
        world.resolved(world.snapshot(world.CLASS, gateway, world.route("cart", rule), world.service())), asked
    )


def test_locations() -> None:
    asked = Request(port=8080, host="a.io:8080", path="/a/b", query=(("q", "1 2"),))
    assert answer(RequestRedirect(), asked).location == "http://a.io:8080/a/b?q=1%202"
    assert answer(RequestRedirect(scheme="https", status=301), asked).location == "https://a.io/a/b?q=1%202"
    assert answer(RequestRedirect(), Request(port=80, host="A.io:80", path="/a")).location == "http://A.io/a"
    to = RequestRedirect(hostname="b.io", port=80, path=PathModifier(type="ReplacePrefixMatch", value="/"))
    found = answer(to, Request(port=80, host="a.io", path="/a/b"))
    assert (found.kind, found.status, found.location) == ("redirect", 302, "http://b.io/b")


def test_rewrite() -> None:
    rewrite = URLRewrite(hostname="in.io", path=PathModifier(type="ReplaceFullPath", value="/x"))
    found = answer(rewrite, Request(port=80, host="a.io", path="/a/b"))
    assert (found.kind, found.host, found.path) == ("forward", "in.io", "/x")


def test_nobody_answers() -> None:
    nobody = answer(RequestRedirect(), Request(port=81))
    assert (nobody.kind, nobody.status) == ("none", 0)
    nothing = answer(RequestRedirect(), Request(port=80, path="/ab"))
    assert (nothing.kind, nothing.status) == ("none", 404)


X = Origin(kind="HTTPRoute")
ONE = ir.BackendKey(namespace="shop", name="one", port=80)
TWO = ir.BackendKey(namespace="shop", name="two", port=80)


def listener(name: str, hostname: str = "", protocol: str = "HTTPS", *, certificate: str = "found") -> ir.Listener:
    """HTTPS: with a certificate in this state; TLS: passed through."""
    held = ir.Certificate(namespace="shop", name=name, state=certificate, origin=X)
    return ir.Listener(
        name=name,
        owner=("Gateway", "shop", "edge"),
        port=443,
        protocol=protocol,
        hostname=hostname,
        tls_mode={"TLS": "Passthrough", "HTTPS": "Terminate"}.get(protocol, ""),
        certificates=(held,) if protocol == "HTTPS" else (),
        origin=X,
    )


def entry(action: ir.Action | Unknown, match: RouteMatch | None = None, hostname: str = "") -> ir.Entry:
    return ir.Entry(key="e", listener="http", hostname=hostname, match=match or RouteMatch(), action=action, origin=X)


def share(to: ir.BackendKey | int | Unknown, weight: int = 1, edits: ir.Edits | None = None) -> ir.Share:
    return ir.Share(to=to, weight=weight, edits=edits, origin=X)


def routing(*tables: ir.Table | ir.StreamTable) -> ir.Routing:
    return ir.Routing(
        namespace="shop",
        name="edge",
        gateway_class=None,
        parameters=None,
        tables=tuple(one for one in tables if isinstance(one, ir.Table)),
        streams=tuple(one for one in tables if isinstance(one, ir.StreamTable)),
        backends={},
        known=(),
        complete=True,
        origin=X,
    )


def asked(action: ir.Action | Unknown, of: Request, match: RouteMatch | None = None) -> request.Answer:
    table = ir.Table(port=80, protocol="HTTP", listeners=(), entries=(entry(action, match),))
    return request.answer(routing(table), of)


def test_headers_are_removed_set_and_added() -> None:
    before = (("A", "1"), ("b", "2"), ("B", "3"), ("C", "4"))
    first = HeaderModifier(set=(("B", "5"), ("new", "6")), add=(("a", "7"), ("fresh", "8")), remove=("c",))
    after = (("A", "1"), ("B", "5"), ("new", "6"), ("a", "7"), ("fresh", "8"))
    assert modified.headers([None, first], before) == after
    second = HeaderModifier(set=(("A", "9"),), remove=("FRESH",))
    assert modified.headers([first, second], before) == (("B", "5"), ("new", "6"), ("A", "9"))
    assert modified.headers([], before) == before


def test_each_share_has_its_own_edits_after_those_of_the_rule() -> None:
    rule = ir.Edits(
        rewrite=URLRewrite(hostname="rule.io", path=PathModifier(type="ReplacePrefixMatch", value="/r")),
        request=HeaderModifier(set=(("A", "rule"), ("B", "rule"))),
        response=HeaderModifier(add=(("S", "rule"),)),
        mirrors=(
            ir.Mirror(to=TWO, numerator=1, denominator=4, origin=X),
            ir.Mirror(to=500, origin=X),
            ir.Mirror(to=Unknown("?"), origin=X),
        ),
    )
    own = ir.Edits(
        rewrite=URLRewrite(path=PathModifier(type="ReplacePrefixMatch", value="/own")),
        request=HeaderModifier(set=(("B", "own"),)),
        response=HeaderModifier(set=(("S", "own"),)),
        mirrors=(ir.Mirror(to=ONE, origin=X),),
    )
    action = ir.Forward(
        shares=(share(ONE, 3), share(TWO, 2, own), share(500)), edits=rule, timeouts=Timeouts(request=5)
    )
    match = RouteMatch(path=PathMatch(value="/a"))
    found = asked(action, Request(port=80, host="a.io", path="/a/b", headers=(("A", "client"),)), match)
    assert (found.kind, found.path, found.host) == ("forward", "/r/b", "rule.io")
    assert found.backends == ((ONE, 3), (TWO, 2), (500, 1))
    assert found.mirrors == ((TWO, 1, 4),)
    assert found.timeouts == Timeouts(request=5)
    plain, edited, failed = found.sent
    assert (plain.to, plain.weight, plain.path, plain.host) == (ONE, 3, "/r/b", "rule.io")
    assert plain.headers == (("A", "rule"), ("B", "rule"))
    assert plain.response((("S", "backend"),)) == (("S", "backend"), ("S", "rule"))
    assert (edited.path, edited.host) == ("/own/b", "rule.io")
    assert edited.headers == (("A", "rule"), ("B", "own"))
    assert edited.response((("S", "backend"),)) == (("S", "own"),)
    assert edited.mirrors == ((ONE, 100, 100),)
    assert failed == Sent(to=500, weight=1)


def test_a_redirect_has_headers_too() -> None:
    headers = HeaderModifier(set=(("A", "1"),))
    cors = CORS(allow_origins=("https://a.io",))
    found = asked(ir.Redirect(response=headers, cors=cors), Request(port=80, headers=(("Origin", "https://a.io"),)))
    assert (found.kind, found.modifiers) == ("redirect", (headers,))
    assert found.cors == (("Access-Control-Allow-Origin", "https://a.io"),)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (ir.Respond(status=500), "UNAVAILABLE"),
        (ir.Respond(status=503), "UNAVAILABLE"),
        (ir.Respond(status=404), "UNIMPLEMENTED"),
    ],
)
def test_errors_of_grpc_are_grpc_statuses(action: ir.Respond, status: str) -> None:
    of = Request(port=80, method="POST", path="/a.B/C", headers=(("content-type", "application/grpc"),))
    assert asked(action, of, RouteMatch(grpc=GRPCMethod())).grpc_status == status
    assert asked(action, of).grpc_status == ""


def test_a_failing_share_of_grpc() -> None:
    of = Request(port=80, method="POST", path="/a.B/C", headers=(("content-type", "application/grpc"),))
    found = asked(ir.Forward(shares=(share(ONE), share(500))), of, RouteMatch(grpc=GRPCMethod()))
    assert found.grpc_status == ""
    assert [one.grpc_status for one in found.sent] == ["", "UNAVAILABLE"]


HTTPS = [
    listener("any"),
    listener("second", "second.io"),
    listener("wild", "*.wild.io"),
    listener("four", "four.wild.io"),
]


@pytest.mark.parametrize(
    ("sni", "host", "kind", "status"),
    [
        ("example.io", "example.io", "forward", 0),
        ("example.io", "second.io", "respond", 421),
        ("second.io", "second.io:443", "forward", 0),
        ("SECOND.io", "Second.io", "forward", 0),
        ("second.io", "example.io", "respond", 421),
        ("three.wild.io", "five.wild.io", "forward", 0),
        ("three.wild.io", "four.wild.io", "respond", 421),
        ("three.wild.io", "unknown.io", "respond", 421),
        ("four.wild.io", "five.wild.io", "respond", 421),
        ("", "second.io", "forward", 0),
    ],
)
def test_misdirected_requests(sni: str, host: str, kind: str, status: int) -> None:
    table = ir.Table(
        port=443, protocol="HTTPS", listeners=tuple(HTTPS), entries=(entry(ir.Forward(shares=(share(ONE),))),)
    )
    found = request.answer(routing(table), Request(port=443, host=host, sni=sni))
    assert (found.kind, found.status) == (kind, status)


def https(*listeners: ir.Listener) -> ir.Table:
    return ir.Table(port=443, protocol="HTTPS", listeners=listeners, entries=(entry(ir.Forward(shares=(share(ONE),))),))


def secured(table: ir.Table, host: str, sni: str, *streams: ir.StreamTable) -> tuple[str, int]:
    found = request.answer(routing(table, *streams), Request(port=443, host=host, sni=sni))
    return found.kind, found.status


def test_hosts_and_server_names_that_no_listener_is_for() -> None:
    table = https(*HTTPS[1:])
    assert secured(table, "second.io", "example.io") == ("respond", 421)
    assert secured(table, "example.io", "second.io") == ("none", 404)
    assert secured(table, "example.io", "example.io") == ("none", 404)


def test_a_server_name_of_a_tls_listener() -> None:
    streams = ir.StreamTable(port=443, protocol="TLS", listeners=(listener("tls", "x.wild.io", "TLS"),), streams=())
    assert secured(https(*HTTPS), "x.wild.io", "x.wild.io", streams) == ("closed", 0)
    assert secured(https(*HTTPS), "y.wild.io", "y.wild.io", streams) == ("forward", 0)


def test_listeners_without_a_certificate() -> None:
    bare = listener("bare", "bare.io", certificate="absent")
    assert secured(https(bare), "bare.io", "bare.io") == ("none", 0)
    assert secured(https(bare, HTTPS[1]), "bare.io", "bare.io") == ("none", 404)
    assert secured(https(bare, HTTPS[1]), "second.io", "second.io") == ("forward", 0)
    unseen = listener("unseen", "unseen.io", certificate="unknown")
    assert secured(https(unseen), "unseen.io", "unseen.io") == ("forward", 0)


def test_plain_http_speaks_no_tls() -> None:
    table = ir.Table(
        port=80, protocol="HTTP", listeners=(listener("a", "a.io", "HTTP"),), entries=(entry(ir.Respond(status=404)),)
    )
    assert request.answer(routing(table), Request(port=80, host="a.io", sni="a.io")).kind == "closed"
    assert request.answer(routing(table), Request(port=80, host="a.io")).kind == "respond"
