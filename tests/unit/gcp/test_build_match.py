"""What a match becomes, and what a URL map cannot express of one."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw.objects import GRPCMethod, RouteMatch
from cloudgw.routing import heirs
from cloudgw_gcp import build_match
from tests.unit.gcp.samples import match


def found(of: RouteMatch, *, regional: bool = True) -> build_match.Match:
    one = build_match.match(of, regional=regional)
    assert isinstance(one, build_match.Match), one
    return one


def refused(of: RouteMatch, *, regional: bool = True) -> str:
    one = build_match.match(of, regional=regional)
    assert isinstance(one, heirs.Inexpressible), one
    return f"{one.field}: {one.reason}"


@pytest.mark.parametrize(
    ("of", "paths"),
    [
        (match("/a", "Exact"), (("full", "/a"),)),
        (match("/a/", "Exact"), (("full", "/a/"),)),
        (match("/", "Exact"), (("full", "/"),)),
        (match("/"), (("prefix", "/"),)),
        (match("/a"), (("full", "/a"), ("prefix", "/a/"))),
        (match("/a/"), (("full", "/a"), ("prefix", "/a/"))),
        (match("/a*b"), (("full", "/a*b"), ("prefix", "/a*b/"))),
        (match("/a%20b", "Exact"), (("full", "/a%20b"),)),
        (match("/a[0-9]+", "RegularExpression"), (("regex", "^/a[0-9]+$"),)),
        (match("/a|/b", "RegularExpression"), (("regex", "^(/a|/b)$"),)),
        (match(r"/(?:a|b)/\(x\)[)+]", "RegularExpression"), (("regex", r"^(/(a|b)/\(x\)[)+])$"),)),
    ],
)
def test_paths(of: RouteMatch, paths: tuple[Any, ...]) -> None:
    assert found(of).paths == paths


def test_headers_method_and_query() -> None:
    of = match("/a", "Exact", "GET", [("X-A", "b c"), ("x-n", "[0-9]+", "RegularExpression")], [("v", "2")])
    one = found(of)
    assert one.headers == (
        (":method", "exact", "GET", False),
        ("x-a", "exact", "b c", False),
        ("x-n", "regex", "^[0-9]+$", False),
    )
    assert one.query == (("v", "exact", "2"),)
    assert not one.takes_all
    (written,) = one.written()
    assert written == {"path": ("full", "/a"), "headers": one.headers, "query": one.query}
    assert [dict(each)["path"] for each in one.written((("template", "/a/{x=**}"),))] == [("template", "/a/{x=**}")]


def test_what_takes_every_request() -> None:
    assert found(match("/")).takes_all
    assert not found(match("/a")).takes_all
    assert not found(match("/", method="GET")).takes_all
    assert not found(match("/", query=[("q", "v")])).takes_all


def test_grpc() -> None:
    one = found(RouteMatch(grpc=GRPCMethod(service="shop.Cart", method="Add")), regional=False)
    assert one.paths == (("full", "/shop.Cart/Add"),)
    assert one.headers == ((":method", "exact", "POST", False), ("content-type", "prefix", "application/grpc", False))
    assert found(RouteMatch(grpc=GRPCMethod()), regional=False).paths == (("prefix", "/"),)
    assert found(RouteMatch(grpc=GRPCMethod(method="Add"))).paths == (("regex", "^/[^/]+/Add$"),)
    for half in (GRPCMethod(method="Add"), GRPCMethod(service="shop.Cart")):
        assert refused(RouteMatch(grpc=half), regional=False).startswith("method: service or method alone")
    expression = GRPCMethod(type="RegularExpression", service="shop[.].*")
    assert refused(RouteMatch(grpc=expression), regional=False).startswith("method: a global")


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (match("/é"), "path: '/é' has other than visible ASCII"),
        (match("/a b"), "path: '/a b' has other than visible ASCII"),
        (match("/a?b"), "path: '/a?b' holds a character that ends a path"),
        (match("/a%2Db", "Exact"), "path: '/a%2Db' holds a character that is compared decoded"),
        (match("/%61"), "path: '/%61' holds a character that is compared decoded"),
        (match("/" + "a" * 1024, "Exact"), "path: it has 1025 characters, a URL map allows 1024"),
        (match("/" + "a" * 1023), "path: it has 1024 characters"),
        (match("/(ab)+", "RegularExpression"), "path: '/(ab)+' repeats a group"),
        (match("/(ab){2}", "RegularExpression"), "path: '/(ab){2}' repeats a group"),
        (match("/(?i)a", "RegularExpression"), "path: '/(?i)a' has a group with flags"),
        (match(r"/a\Z", "RegularExpression"), r"path: '/a\\Z' holds \Z, which RE2 does not have"),
        (match("/" + "a" * 248, "RegularExpression"), "path: as an expression it has 251 characters"),
        (match(headers=[("Host", "x")]), "headers Host: a URL map compares Host with its port"),
        (match(headers=[("x a", "x")]), "headers x a: it is no name of a header"),
        (match(headers=[("x-a", " x")]), "headers x-a: the value has other than printable ASCII"),
        (match(headers=[("x-a", "é")]), "headers x-a: the value has other than printable ASCII"),
        (match(headers=[("x-a", "v" * 1025)]), "headers x-a: the value has 1025 characters, a URL map allows 1024"),
        (match(headers=[("x" * 256, "v")]), f"headers {'x' * 256}: the name has 256 characters, a URL map allows 255"),
        (match(headers=[("Port", "80")]), "headers Port: a URL map takes this name for the port"),
        (match(headers=[("X-Forwarded-For", "10.0.0.1")]), "headers X-Forwarded-For: Google adds this header"),
        (match(headers=[("via", "v.*", "RegularExpression")]), "headers via: Google adds this header"),
        (match(query=[("q", "v" * 1025)]), "queryParams q: the value has 1025 characters"),
        (match("/a{,3}", "RegularExpression"), "path: '/a{,3}' holds a count without its lower end"),
        (match(headers=[("x-a", "[[:alpha:]]", "RegularExpression")]), "headers x-a: '[[:alpha:]]' holds a class"),
        (match(query=[("a b", "x")]), "queryParams a b: the name has a character that is encoded"),
        (match(query=[("q", "a/b")]), "queryParams q: the value has a character that is encoded"),
    ],
)
def test_matches_that_are_refused(of: RouteMatch, said: str) -> None:
    assert refused(of).startswith(said)


@pytest.mark.parametrize(
    "of",
    [
        match("/a.", "RegularExpression"),
        match(headers=[("x-a", "a.", "RegularExpression")]),
        match(query=[("q", "a.", "RegularExpression")]),
    ],
)
def test_expressions_are_regional(of: RouteMatch) -> None:
    assert isinstance(found(of), build_match.Match)
    assert "a global load balancer has no regular expressions" in refused(of, regional=False)
