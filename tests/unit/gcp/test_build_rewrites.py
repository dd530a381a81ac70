"""Paths and hosts that rules rewrite or redirect to, step by step; what Google cannot say of them is refused."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw.objects import PathModifier, RouteMatch, URLRewrite
from cloudgw.routing import ir
from tests.unit.gcp import samples
from tests.unit.gcp.samples import CART, codes, entry, forward, made, match, one, only, rows, said, table
from tests.unit.gcp.test_build_actions import rule


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


def test_a_prefix_too_long_for_a_template() -> None:
    whole = forward((CART, 1), rewrite=samples.replaced("/n"))
    assert codes(one(whole, match("/" + "a" * 1012))) == []
    built = one(whole, match("/" + "a" * 1016))
    assert codes(built) == ["RewriteNotExpressible"]
    assert "takes a template of 1027, Google allows 1024" in said(built, "RewriteNotExpressible")[0]
