"""What an Application Gateway does not do is answered 502 on its own match, or left out, and always said."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.objects import (
    CORS,
    HeaderModifier,
    PathModifier,
    Retry,
    SessionPersistence,
    Timeouts,
    URLRewrite,
)
from cloudgw.routing import ir
from tests.unit.azure import samples
from tests.unit.azure.samples import (
    CART,
    PAY,
    codes,
    entry,
    forward,
    made,
    match,
    of_kind,
    one,
    only,
    rows,
    said,
    table,
)

MAP = "80.a.example.com"
SET = HeaderModifier(set=(("X-A", "1"),))
MIRROR = ir.Mirror(to=PAY, origin=samples.origin("cart"))
TO_CART = forward((CART, 1))


def edits(**given: Any) -> ir.Forward:
    return forward((CART, 1), edits=ir.Edits(**given))


def settings(graph: model.Graph) -> model.Spec:
    """Those that the only path rule names."""
    where = only(graph, "path-rule")["action"]["settings"].to
    return graph.elements[where][0].fields


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
def test_filters_answer_502(action: ir.Action, field: str) -> None:
    graph, notes = built = one(action, match("/a"))
    assert rows(graph, MAP) == [(("/a", "/a/*"), "none")]
    (message,) = said(built, "UnsupportedFilter")
    assert f"filters, {field}:" in message
    assert message.endswith("these requests are answered with 502")
    assert notes[0].refuses == "rule"
    assert graph.one("shop/edge/azure/pool/shop.cart.8080") is None


@pytest.mark.parametrize("given", [{"request": SET}, {"mirrors": (MIRROR,)}, {"rewrite": URLRewrite(hostname="b.c")}])
def test_filters_of_one_backend(given: dict[str, Any]) -> None:
    action = dataclasses.replace(TO_CART, shares=(dataclasses.replace(TO_CART.shares[0], edits=ir.Edits(**given)),))
    built = one(action, match("/a"))
    assert rows(built[0], MAP) == [(("/a", "/a/*"), "none")]
    assert "backendRefs shop/cart:8080: filters, " in said(built, "UnsupportedFilter")[0]


@pytest.mark.parametrize("shares", [((CART, 9), (PAY, 1)), ((CART, 1), (500, 1))])
def test_two_backends_answer_502(shares: tuple[tuple[ir.BackendKey | int, int], ...]) -> None:
    """And nothing is forwarded: no part of the requests may reach a backend that was meant for another part."""
    graph, notes = built = one(forward(*shares), match("/a"))
    assert rows(graph, MAP) == [(("/a", "/a/*"), "none")]
    assert codes(built) == ["TooManyBackends"]
    assert notes[0].refuses == "rule"
    assert samples.logicals(graph, "pool") == ["none", "not-found"]


def test_shares_that_answer_themselves() -> None:
    built = one(forward((500, 1), (500, 2)), match("/a"))
    assert rows(built[0], MAP) == [(("/a", "/a/*"), "none")]


@pytest.mark.parametrize("status", [500, 503])
def test_errors_are_502(status: int) -> None:
    graph, notes = built = one(ir.Respond(status=status, reason="it has no backendRefs"), match("/a"))
    assert rows(graph, MAP) == [(("/a", "/a/*"), "none")]
    (message,) = said(built, "StatusIs502")
    assert message.startswith("it has no backendRefs")
    assert str(status) in message
    assert notes[0].refuses == ""


def test_not_found_is_the_not_found_backend() -> None:
    built = one(ir.Respond(status=404), match("/a"))
    assert rows(built[0], MAP) == [(("/a", "/a/*"), "not-found")]
    assert codes(built) == []


@pytest.mark.parametrize(
    ("timeouts", "seconds"),
    [
        (None, 30),
        (Timeouts(), 30),
        (Timeouts(request=10_000), 10),
        (Timeouts(backend_request=5000), 5),
        (Timeouts(request=10_000, backend_request=5000), 5),
        (Timeouts(request=0, backend_request=5000), 5),
        (Timeouts(request=0), 86_400),
        (Timeouts(request=500), None),
        (Timeouts(request=1500), None),
        (Timeouts(backend_request=86_401_000), None),
    ],
)
def test_timeouts(timeouts: Timeouts | None, seconds: int | None) -> None:
    graph, notes = built = one(dataclasses.replace(TO_CART, timeouts=timeouts), match("/a"))
    if seconds is None:
        assert rows(graph, MAP) == [(("/a", "/a/*"), "none")]
        assert codes(built) == ["TimeoutNotExpressible"]
        assert notes[0].refuses == "rule"
        return
    assert settings(graph)["timeout"] == seconds
    assert codes(built) == (["NotHonoured"] if seconds == 86_400 else [])


def test_settings_beside_the_plain_ones() -> None:
    """A pool's plain settings are always there, whatever its rules ask for."""
    slow = dataclasses.replace(TO_CART, timeouts=Timeouts(request=10_000))
    entries = [entry(1, slow, of=match("/a")), entry(2, slow, of=match("/b")), entry(3, of=match("/c"))]
    graph, _ = made(samples.routing(table(entries)))
    assert len([one for one in samples.logicals(graph, "settings") if one.startswith("shop.cart.8080")]) == 2
    graph, _ = one(slow, match("/a"))
    assert graph.one("shop/edge/azure/settings/shop.cart.8080").fields["timeout"] == 30  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("session", "cookie"),
    [
        (SessionPersistence(), "ApplicationGatewayAffinity"),
        (SessionPersistence(name="sid"), "sid"),
        (SessionPersistence(type="Header", name="x"), None),
        (SessionPersistence(absolute_timeout=1000), None),
        (SessionPersistence(idle_timeout=1000), None),
        (SessionPersistence(lifetime="Permanent", absolute_timeout=1000), None),
    ],
)
def test_session_persistence(session: SessionPersistence, cookie: str | None) -> None:
    graph, notes = built = one(dataclasses.replace(TO_CART, session=session), match("/a"))
    if cookie is None:
        assert rows(graph, MAP) == [(("/a", "/a/*"), "none")]
        assert codes(built) == ["SessionNotExpressible"]
        assert notes[0].refuses == "rule"
        return
    assert settings(graph)["affinity"] == cookie
    assert notes == ()


def test_what_is_left_out_is_said() -> None:
    graph, notes = built = one(dataclasses.replace(TO_CART, retry=Retry(attempts=2)), match("/a"))
    assert rows(graph, MAP) == [(("/a", "/a/*"), "shop.cart.8080")]
    assert said(built, "NotHonoured")[0].startswith("retry: ")
    assert notes[0].refuses == ""


TLS = ir.BackendTLS(hostname="cart.example.com", well_known="System", origin=samples.GATEWAY)
NAMES = dataclasses.replace(TLS, alt_names=(("Hostname", "x.example.com"),))


@pytest.mark.parametrize(
    ("protocol", "tls", "code"),
    [
        ("H2C", None, "BackendProtocol"),
        ("H2C", TLS, "BackendProtocol"),
        ("HTTPS", None, "BackendProtocol"),
        ("WSS", None, "BackendProtocol"),
        ("HTTP", NAMES, "BackendTLS"),
    ],
)
def test_backends_that_are_refused(protocol: str, tls: ir.BackendTLS | None, code: str) -> None:
    backends = {CART: samples.backend(CART, "10.0.0.5", protocol=protocol, tls=tls)}
    graph, notes = built = one(TO_CART, match("/a"), backends=backends)
    assert rows(graph, MAP) == [(("/a", "/a/*"), "none")]
    assert codes(built) == [code]
    assert notes[0].refuses == "share"


@pytest.mark.parametrize(
    ("redirect", "code"),
    [
        (ir.Redirect(hostname="b.example.com", status=308), "RedirectStatus"),
        (ir.Redirect(path_type="ReplacePrefixMatch", path="/b"), "RedirectNotExpressible"),
        (ir.Redirect(path_type="ReplaceFullPath", path="/b?c"), "RedirectNotExpressible"),
    ],
)
def test_redirects_that_are_refused(redirect: ir.Redirect, code: str) -> None:
    graph, notes = built = one(redirect, match("/a"))
    assert rows(graph, MAP) == [(("/a", "/a/*"), "none")]
    assert codes(built) == [code]
    assert notes[0].refuses == "rule"
    assert of_kind(graph, "redirect") == []


@pytest.mark.parametrize(
    ("redirect", "type_", "url", "path"),
    [
        (ir.Redirect(scheme="https"), "Found", "https://a.example.com", True),
        (ir.Redirect(hostname="b.example.com", status=301), "Permanent", "http://b.example.com", True),
        (ir.Redirect(port=8443, scheme="https", status=303), "SeeOther", "https://a.example.com:8443", True),
        (ir.Redirect(path_type="ReplaceFullPath", path="/n", status=307), "Temporary", "http://a.example.com/n", False),
        (ir.Redirect(path_type="ReplacePrefixMatch", path="/a/"), "Found", "http://a.example.com", True),
    ],
)
def test_redirects(redirect: ir.Redirect, type_: str, url: str, path: bool) -> None:
    graph, notes = one(redirect, match("/a"))
    found = only(graph, "redirect")
    assert {name: found[name] for name in ("type", "url", "listener", "include_path", "include_query")} == {
        "type": type_,
        "url": url,
        "listener": None,
        "include_path": path,
        "include_query": True,
    }
    assert only(graph, "path-rule")["action"]["type"] == "redirect"
    assert notes == ()


HTTPS = [samples.certificate("tls")]


@pytest.mark.parametrize(
    ("redirect", "host", "fix"),
    [
        (ir.Redirect(scheme="https"), "*.example.com", "hostname"),
        (ir.Redirect(scheme="https", port=8443), "", "no other HTTPS listener"),
        (ir.Redirect(scheme="http"), "", "no other HTTP listener"),
        (ir.Redirect(path_type="ReplaceFullPath", path="/n"), "", "another path"),
    ],
)
def test_redirects_that_need_a_host(redirect: ir.Redirect, host: str, fix: str) -> None:
    tables = [table([entry(1, redirect, host=host)]), table([entry(2)], 443, "HTTPS", HTTPS)]
    graph, notes = built = made(samples.routing(*tables))
    (message,) = said(built, "RedirectNotExpressible")
    assert fix in message
    assert notes[0].refuses == "rule"
    assert of_kind(graph, "redirect") == []


def test_a_redirect_for_any_host_leads_to_another_listener_for_any_host() -> None:
    """Which is made for it where the Gateway has one without a hostname."""
    redirect = ir.Redirect(scheme="https", status=301)
    tables = [table([entry(1, redirect, host="")]), table([entry(2)], 443, "HTTPS", HTTPS)]
    graph, notes = made(samples.routing(*tables))
    assert notes == ()
    assert only(graph, "redirect")["listener"] == model.Ref("shop/edge/azure/listener/443.any")
    assert rows(graph, "443.any") == []
    closed = table([entry(2)], 443, "HTTPS", HTTPS, hostname="a.example.com")
    assert codes(made(samples.routing(tables[0], closed))) == ["RedirectNotExpressible"]


@pytest.mark.parametrize("path", ["/{x}", "/a?b", "/a#b"])
def test_rewrites_that_are_refused(path: str) -> None:
    rewrite = URLRewrite(path=PathModifier(type="ReplaceFullPath", value=path))
    built = one(forward((CART, 1), rewrite=rewrite), match("/a"))
    assert rows(built[0], MAP) == [(("/a", "/a/*"), "none")]
    assert codes(built) == ["RewriteNotExpressible"]


@pytest.mark.parametrize(
    ("prefix", "to", "pattern", "path"),
    [
        ("/a", "/b", "^/a(.*)$", "/b{var_uri_path_1}"),
        ("/a.c", "/b/", r"^/a\.c(.*)$", "/b{var_uri_path_1}"),
        ("/a", "/", "^/a/?(.*)$", "/{var_uri_path_1}"),
        ("/", "/b", "^(.*)$", "/b{var_uri_path_1}"),
    ],
)
def test_a_prefix_is_replaced_by_a_capture(prefix: str, to: str, pattern: str, path: str) -> None:
    rewrite = URLRewrite(path=PathModifier(type="ReplacePrefixMatch", value=to))
    graph, _ = one(forward((CART, 1), rewrite=rewrite), match(prefix))
    (rule,) = only(graph, "rewrite-set")["rules"]
    assert rule["conditions"] == (("var_uri_path", pattern, True, False),)
    assert (rule["path"], rule["query"], rule["request"], rule["response"]) == (path, None, (), ())


def test_a_prefix_replaced_by_itself_is_no_rewrite() -> None:
    rewrite = URLRewrite(path=PathModifier(type="ReplacePrefixMatch", value="/a/"))
    graph, _ = one(forward((CART, 1), rewrite=rewrite), match("/a"))
    assert of_kind(graph, "rewrite-set") == []


def test_a_host_is_rewritten_by_the_settings() -> None:
    graph, _ = one(forward((CART, 1), rewrite=URLRewrite(hostname="in.example.net")), match("/a"))
    assert settings(graph)["host"] == "in.example.net"
    assert of_kind(graph, "rewrite-set") == []


def test_headers_are_set_removed_and_added() -> None:
    """An added value follows the one that is there; of what the filter sets too, it is part of the value."""
    modifier = HeaderModifier(set=(("X-A", "1"),), add=(("x-a", "2"), ("X-B", "3")), remove=("X-C",))
    graph, _ = one(edits(request=modifier), match("/a"))
    found = only(graph, "rewrite-set")["rules"]
    assert [(rule["conditions"], rule["request"]) for rule in found] == [
        ((), (("X-A", "1,2"), ("X-C", ""))),
        ((("http_req_X-B", ".+", False, False),), (("X-B", "{http_req_X-B},3"),)),
        ((("http_req_X-B", ".+", False, True),), (("X-B", "3"),)),
    ]
    assert len({rule["sequence"] for rule in found}) == len({rule["name"] for rule in found}) == 3
    graph, _ = one(edits(response=modifier), match("/a"))
    assert only(graph, "rewrite-set")["rules"][1]["conditions"][0][0] == "http_resp_X-B"


@pytest.mark.parametrize(
    ("side", "modifier"),
    [
        ("request", HeaderModifier(set=(("Host", "x"),))),
        ("request", HeaderModifier(remove=("Connection",))),
        ("request", HeaderModifier(set=(("x_a", "1"),))),
        ("request", HeaderModifier(set=(("X-A", "{var_host}"),))),
        ("request", HeaderModifier(add=(("X-Forwarded-For", "1"),))),
        ("request", HeaderModifier(set=tuple((f"X-{n}", "1") for n in range(41)))),
        ("response", HeaderModifier(set=(("Upgrade", "x"),))),
        ("response", HeaderModifier(add=(("Set-Cookie", "x"),))),
    ],
)
def test_headers_that_are_refused(side: str, modifier: HeaderModifier) -> None:
    built = one(edits(**{side: modifier}), match("/a"))
    assert rows(built[0], MAP) == [(("/a", "/a/*"), "none")]
    assert codes(built) == ["RewriteNotExpressible"]
    assert len(modifier.set) > 40 or f"{side.capitalize()}HeaderModifier" in said(built, "RewriteNotExpressible")[0]


def test_rules_of_one_content_share_a_set() -> None:
    entries = [entry(n, edits(request=SET), of=match(f"/{n}")) for n in range(3)]
    graph, _ = made(samples.routing(table(entries)))
    assert len(of_kind(graph, "rewrite-set")) == 1
