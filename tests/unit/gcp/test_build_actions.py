"""What rules answer: shares, errors, redirects, rewrites; and what is not done is answered 500, and always said."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.objects import (
    CORS,
    GRPCMethod,
    HeaderModifier,
    PathModifier,
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


def test_retries_answer_500() -> None:
    graph, notes = built = one(dataclasses.replace(TO_CART, retry=Retry(attempts=2)), match("/a"))
    assert rows(graph) == FAILS
    assert codes(built) == ["RetryNotExpressible"]
    assert notes[0].refuses == "rule"


@pytest.mark.parametrize("given", [{"mirrors": (MIRROR,)}, {"rewrite": URLRewrite(hostname="b.c")}])
def test_filters_of_one_backend(given: dict[str, Any]) -> None:
    shares = forward((CART, 3), (PAY, 1)).shares
    action = ir.Forward(shares=(shares[0], dataclasses.replace(shares[1], edits=ir.Edits(**given))))
    graph, notes = built = one(action, match("/a"))
    assert [what for _, what in rows(graph)] == ["shop/cart:8080 (500, '25')"]
    assert "backendRefs shop/pay:8080: filters, " in said(built, "UnsupportedFilter")[0]
    assert notes[0].refuses == "share"


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
    assert build_actions.scale([1_000_000, 1]) == [1000, 1]
    assert build_actions.scale([5]) == [1]
    assert build_actions.scale([3000, 2000, 1000]) == [3, 2, 1]


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
        ("request", HeaderModifier(set=tuple((f"X-{n}", "v" * 2048) for n in range(4))), "of headers, Google allows"),
    ],
)
def test_headers_that_are_refused(side: str, modifier: HeaderModifier, reason: str) -> None:
    graph, _ = built = one(edits(**{side: modifier}), match("/a"))
    assert rows(graph) == FAILS
    (message,) = said(built, "RewriteNotExpressible")
    assert message.startswith(f"filters, {'Request' if side == 'request' else 'Response'}HeaderModifier: ")
    assert reason in message


def steps(action: ir.Action, of: RouteMatch, part: str) -> list[tuple[str, list[str], object]]:
    """Ends of ids, paths, and what becomes of the path."""
    graph, notes = one(action, of)
    assert notes == ()
    found = []
    for element in samples.rules(graph):
        end = element.address.rpartition("/")[2].partition(".")[2]
        spec = element.fields
        goal = spec["action"] if part == "action" else spec["rewrite"]
        said = {name: value for name, value in (goal or {}).items() if name in ("prefix", "template", "path") and value}
        found.append((end, samples.paths(spec), spec["action"].get("status") or said))
    return found


PREFIX = "ReplacePrefixMatch"


@pytest.mark.parametrize(
    ("of", "value", "wanted"),
    [
        (match("/a"), "/n", [("exact", ["full /a"], {"prefix": "/n"}), ("", ["prefix /a/"], {"prefix": "/n/"})]),
        (match("/a"), "/n/", [("exact", ["full /a"], {"prefix": "/n"}), ("", ["prefix /a/"], {"prefix": "/n/"})]),
        (match("/a"), "/", [("exact", ["full /a"], {"prefix": "/"}), ("", ["prefix /a/"], {"prefix": "/"})]),
        (match("/a"), "", [("exact", ["full /a"], {"prefix": "/"}), ("", ["prefix /a/"], {"prefix": "/"})]),
        (match("/"), "/n", [("", ["prefix /"], {"prefix": "/n/"})]),
        (match("/a"), "/a/", [("", ["full /a", "prefix /a/"], {})]),
        (match("/"), "/", [("", ["prefix /"], {})]),
    ],
)
def test_prefixes_are_rewritten(of: RouteMatch, value: str, wanted: list[object]) -> None:
    assert steps(forward((CART, 1), rewrite=samples.replaced(value, PREFIX)), of, "rewrite") == wanted


@pytest.mark.parametrize(
    ("of", "wanted"),
    [
        (match("/a", "Exact"), [("", ["full /a"], {"prefix": "/n"})]),
        (
            match("/a"),
            [
                ("exact", ["full /a"], {"prefix": "/n"}),
                ("", ["template /a/{rest=**}"], {"template": "/n"}),
                ("rest", ["prefix /a/"], 500),
            ],
        ),
        (match("/"), [("", ["template /{rest=**}"], {"template": "/n"}), ("rest", ["prefix /"], 500)]),
    ],
)
def test_whole_paths_are_rewritten(of: RouteMatch, wanted: list[object]) -> None:
    """What a template leaves of a prefix goes to nobody else."""
    assert steps(forward((CART, 1), rewrite=samples.replaced("/n")), of, "rewrite") == wanted


def test_predicates_stay_with_every_step() -> None:
    graph, _ = one(forward((CART, 1), rewrite=samples.replaced("/n")), match("/a", method="GET"))
    assert {spec["matches"][0]["headers"] for spec in samples.of_kind(graph, "route-rule")} == {
        ((":method", "exact", "GET", False),)
    }


def test_the_host_is_rewritten() -> None:
    spec = rule(forward((CART, 1), rewrite=URLRewrite(hostname="in.example.net")))
    assert spec["rewrite"] == {"host": "in.example.net", "prefix": None, "template": None}
    assert len(spec["matches"]) == 2
    both = URLRewrite(hostname="in.example.net", path=PathModifier(type=PREFIX, value="/n"))
    graph, _ = one(forward((CART, 1), rewrite=both), match("/a"))
    assert [spec["rewrite"]["host"] for spec in samples.of_kind(graph, "route-rule")] == ["in.example.net"] * 2


@pytest.mark.parametrize(
    ("rewrite", "of", "reason"),
    [
        (samples.replaced("/n?x"), match("/a"), "'/n?x' does not begin with a slash, or holds a character"),
        (samples.replaced("n"), match("/a"), "'n' does not begin with a slash"),
        (samples.replaced("/{x}"), match("/a"), "holds a character that Google reads as its own"),
        (samples.replaced("/é", PREFIX), match("/a"), "holds a character"),
        (samples.replaced("/n"), match("/a*"), "takes a template"),
        (samples.replaced("/n|"), match("/a"), "takes a template"),
        (samples.replaced("/" + "n" * 255), match("/a"), "takes a template"),
        (samples.replaced("/" + "n" * 1024), match("/a", "Exact"), "path has 1025 characters"),
        (samples.replaced("/n"), match("/a.", "RegularExpression"), "behind a regular expression"),
        (URLRewrite(hostname="h" * 256), match("/a"), "256 characters"),
    ],
)
def test_rewrites_that_are_refused(rewrite: URLRewrite, of: RouteMatch, reason: str) -> None:
    graph, notes = built = one(forward((CART, 1), rewrite=rewrite), of)
    assert [what for _, what in rows(graph)] == ["500"]
    assert reason in said(built, "RewriteNotExpressible")[0]
    assert notes[0].refuses == "rule"


PLAIN = {
    "type": "redirect",
    "host": "a.example.com",
    "path": None,
    "prefix": None,
    "https": False,
    "strip_query": False,
}


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        (ir.Redirect(scheme="https", status=301), {"https": True, "code": 301}),
        (ir.Redirect(hostname="to.example.net"), {"host": "to.example.net", "code": 302}),
        (ir.Redirect(path_type="ReplaceFullPath", path="/n", status=303), {"path": "/n", "code": 303}),
        (ir.Redirect(path_type="ReplaceFullPath", path="", status=307), {"path": "/", "code": 307}),
        (ir.Redirect(scheme="http", hostname="x.y", status=308), {"host": "x.y", "code": 308}),
    ],
)
def test_redirects(action: ir.Redirect, wanted: dict[str, Any]) -> None:
    spec = rule(action)
    assert spec["action"] == {**PLAIN, **wanted}
    assert len(spec["matches"]) == 2
    assert (spec["rewrite"], spec["timeout"]) == (None, None)


@pytest.mark.parametrize(
    ("of", "value", "wanted"),
    [
        (match("/a"), "/n", [("exact", ["full /a"], {"path": "/n"}), ("", ["prefix /a/"], {"prefix": "/n/"})]),
        (match("/a"), "/", [("exact", ["full /a"], {"path": "/"}), ("", ["prefix /a/"], {"prefix": "/"})]),
        (match("/"), "/n/", [("", ["prefix /"], {"prefix": "/n/"})]),
        (match("/a"), "/a", [("", ["full /a", "prefix /a/"], {})]),
    ],
)
def test_prefixes_are_redirected(of: RouteMatch, value: str, wanted: list[object]) -> None:
    assert steps(ir.Redirect(path_type=PREFIX, path=value), of, "action") == wanted


@pytest.mark.parametrize(
    ("action", "of", "port", "protocol", "code", "reason"),
    [
        (ir.Redirect(scheme="http"), match("/a"), 443, "HTTPS", "RedirectToHTTP", "HTTPS to HTTP"),
        (ir.Redirect(port=8443, scheme="https"), match("/a"), 80, "HTTP", "RedirectNotExpressible", "port 8443"),
        (ir.Redirect(port=8080, hostname="x.y"), match("/a"), 8080, "HTTP", "RedirectNotExpressible", "port 8080"),
        (ir.Redirect(status=305), match("/a"), 80, "HTTP", "RedirectNotExpressible", "statusCode 305"),
        (
            ir.Redirect(path_type="ReplaceFullPath", path="/a?b"),
            match("/a"),
            80,
            "HTTP",
            "RedirectNotExpressible",
            "RequestRedirect: path '/a?b'",
        ),
        (
            ir.Redirect(path_type=PREFIX, path="/n"),
            match("/a.", "RegularExpression"),
            80,
            "HTTP",
            "RedirectNotExpressible",
            "behind a regular expression",
        ),
    ],
)
def test_redirects_that_are_refused(
    action: ir.Redirect, of: RouteMatch, port: int, protocol: str, code: str, reason: str
) -> None:
    certificates = [samples.certificate("tls")] * (protocol == "HTTPS")
    graph, notes = built = made(samples.routing(table([entry(1, action, of=of)], port, protocol, certificates)))
    assert [what for _, what in rows(graph, f"{port}/a.example.com")] == ["500"]
    assert reason in said(built, code)[0]
    assert notes[0].refuses == "rule"


def test_redirects_that_keep_the_port_of_the_request() -> None:
    graph, notes = made(samples.routing(table([entry(1, ir.Redirect(port=8080, status=301))], 8080)))
    assert notes == ()
    assert only(graph, "route-rule")["action"]["host"] is None


def test_redirects_that_need_a_host() -> None:
    """Without one the port of the request would be shown, where the Gateway API shows none."""
    to_tls = ir.Redirect(scheme="https", status=301)
    for host, shown in (("a.example.com", "redirect"), ("*.example.com", "500"), ("", "500")):
        built = made(samples.routing(table([entry(1, to_tls, host=host)], 8080)))
        where = f"8080/{host or '*'}"
        assert [what for _, what in rows(built[0], where)] == [shown]
        assert ("RedirectNotExpressible" in codes(built)) == (shown == "500")
    graph, notes = made(samples.routing(table([entry(1, to_tls, host="")], 80)))
    assert (only(graph, "route-rule")["action"]["host"], notes) == (None, ())
