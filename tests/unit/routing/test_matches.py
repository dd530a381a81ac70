"""Matches: HTTP semantics, canonical form, and what is refused."""

from __future__ import annotations

import pytest

from cloudgw.objects import GRPCMethod, PathMatch, RouteMatch, ValueMatch
from cloudgw.routing import matches
from tests.unit.routing import world


def meets(match: RouteMatch, path: str = "/", **more: object) -> bool:
    asked: dict[str, object] = {"method": "GET", "headers": (), "query": (), **more}
    return matches.meets(match, path=path, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "value", "path", "expected"),
    [
        ("PathPrefix", "/", "/x", True),
        ("PathPrefix", "/abc", "/abc", True),
        ("PathPrefix", "/abc", "/abc/", True),
        ("PathPrefix", "/abc", "/abc/def", True),
        ("PathPrefix", "/abc", "/abcd", False),
        ("PathPrefix", "/abc/", "/abc", True),
        ("PathPrefix", "/abc/", "/abcd", False),
        ("PathPrefix", "/ABC", "/abc", False),
        ("Exact", "/abc", "/abc", True),
        ("Exact", "/abc", "/abc/", False),
        ("Exact", "/abc/", "/abc", False),
        ("RegularExpression", "/a[0-9]", "/a1", True),
        ("RegularExpression", "/a[0-9]", "/a11", False),
    ],
)
def test_paths(kind: str, value: str, path: str, expected: bool) -> None:
    assert meets(world.path(value, kind), path) is expected


def test_headers_by_any_case_and_values_exactly() -> None:
    match = RouteMatch(headers=(ValueMatch(name="X-Version", value="One"),))
    assert meets(match, headers=(("x-version", "One"),))
    assert not meets(match, headers=(("X-Version", "one"),))
    assert not meets(match)
    assert not meets(match, headers=(("X-Version", "One"), ("X-Version", "Two")))


def test_of_equal_header_names_the_first_counts() -> None:
    match = RouteMatch(headers=(ValueMatch(name="X-V", value="1"), ValueMatch(name="x-v", value="2")))
    assert meets(match, headers=(("x-v", "1"),))
    assert len(matches.canonical(match).headers) == 1


def test_of_a_repeated_query_parameter_the_first_counts() -> None:
    match = RouteMatch(query=(ValueMatch(name="a", value="1"),))
    assert meets(match, query=(("a", "1"), ("a", "2")))
    assert not meets(match, query=(("a", "2"), ("a", "1")))
    assert not meets(match, query=(("A", "1"),))


def test_method() -> None:
    assert meets(RouteMatch(method="POST"), method="POST")
    assert not meets(RouteMatch(method="POST"), method="post")


def test_identity_is_that_of_the_requests() -> None:
    one = RouteMatch(
        path=PathMatch(value="/a"), headers=(ValueMatch(name="A", value="1"), ValueMatch(name="B", value="2"))
    )
    same = RouteMatch(
        path=PathMatch(value="/a/"), headers=(ValueMatch(name="b", value="2"), ValueMatch(name="a", value="1"))
    )
    assert matches.identity(one) == matches.identity(same)
    assert matches.identity(one) != matches.identity(world.path("/a"))
    assert matches.identity(world.path("/a", "Exact")) != matches.identity(world.path("/a/", "Exact"))


@pytest.mark.parametrize(
    ("match", "field"),
    [
        (world.path("a"), "path"),
        (world.path("/a//b"), "path"),
        (world.path("/a/../b"), "path"),
        (world.path("/a/.."), "path"),
        (world.path("/a%2fb"), "path"),
        (world.path("/", "Glob"), "path"),
        (world.path("[a", "RegularExpression"), "path"),
        (world.path("/(?=a)", "RegularExpression"), "path"),
        (world.path(r"/(a)\1", "RegularExpression"), "path"),
        (world.path(r"/\u0041", "RegularExpression"), "path"),
        (world.path(r"/[\U00000041]", "RegularExpression"), "path"),
        (world.path(r"/\N{BULLET}", "RegularExpression"), "path"),
        (world.path("/a{1001}", "RegularExpression"), "path"),
        (world.path("/a{1,5000}", "RegularExpression"), "path"),
        (RouteMatch(method="get"), "method"),
        (RouteMatch(headers=(ValueMatch(type="Prefix", name="a", value="b"),)), "headers"),
        (RouteMatch(query=(ValueMatch(type="RegularExpression", name="a", value="("),)), "queryParams"),
    ],
)
def test_invalid_matches_are_named_and_meet_nothing(match: RouteMatch, field: str) -> None:
    assert matches.problem(match).startswith(field)
    assert not meets(match, match.path.value, method=match.method)


def test_escaped_backslash_is_no_back_reference() -> None:
    assert not matches.problem(world.path(r"/a\\1", "RegularExpression"))
    assert not matches.problem(world.path(r"/a\\u0041", "RegularExpression"))
    assert not matches.problem(world.path(r"/a{1000}\{5000}", "RegularExpression"))


@pytest.mark.parametrize("text", ["/a{,3}", "/a{,}", "/[a[:digit:]]", "/[[:^alpha:]]"])
def test_expressions_that_are_read_in_two_ways(text: str) -> None:
    """Both readings are legal, so that the match is, and no build may express it."""
    assert matches.ambiguous(text).startswith(repr(text))


@pytest.mark.parametrize("text", ["/a{0,3}", r"/a\{,3}", "/[:]", "/a{3,}", "/[a-z]:[0-9]"])
def test_expressions_that_are_read_in_one_way(text: str) -> None:
    assert matches.ambiguous(text) == ""


@pytest.mark.parametrize(
    ("match", "digits"),
    [
        (RouteMatch(), "195ccaf439"),
        (
            RouteMatch(path=PathMatch(value="/cart"), method="GET", headers=(ValueMatch(name="X-A", value="1"),)),
            "f72aa54019",
        ),
    ],
)
def test_identities_that_are_in_use_stay(match: RouteMatch, digits: str) -> None:
    """They are a part of the names of things that exist."""
    assert matches.identity(match) == digits


def grpc(service: str = "", method: str = "", kind: str = "Exact") -> RouteMatch:
    return RouteMatch(grpc=GRPCMethod(type=kind, service=service, method=method))


@pytest.mark.parametrize(
    ("match", "path", "expected"),
    [
        (grpc(), "/shop.Cart/Add", True),
        (grpc(), "/shop.Cart", True),
        (grpc("shop.Cart"), "/shop.Cart", False),
        (grpc("shop.Cart"), "/shop.Cart/", False),
        (grpc("shop.Cart"), "/shop.Cart/Add/x", False),
        (grpc(method="Add"), "//Add", False),
        (grpc("shop.Cart"), "/shop.Cart/Add", True),
        (grpc("shop.Cart"), "/shop.Carts/Add", False),
        (grpc("shop.Cart"), "/shop.cart/Add", False),
        (grpc("shop.Cart", "Add"), "/shop.Cart/Add", True),
        (grpc("shop.Cart", "Add"), "/shop.Cart/Drop", False),
        (grpc(method="Add"), "/any.Thing/Add", True),
        (grpc("shop[.].*", kind="RegularExpression"), "/shop.Cart/Add", True),
        (grpc("shop", kind="RegularExpression"), "/shop.Cart/Add", False),
        (grpc(method="A.", kind="RegularExpression"), "/shop.Cart/Add", False),
    ],
)
def test_grpc_methods(match: RouteMatch, path: str, expected: bool) -> None:
    asked = {"method": "POST", "headers": (("Content-Type", "application/grpc+proto"),)}
    assert meets(match, path, **asked) is expected


def test_only_grpc_requests_meet_a_grpc_match() -> None:
    match = RouteMatch(grpc=GRPCMethod(), headers=(ValueMatch(name="v", value="1"),))
    right = (("content-type", "application/grpc"), ("v", "1"))
    assert meets(match, "/a.B/C", method="POST", headers=right)
    assert not meets(match, "/a.B/C", method="GET", headers=right)
    assert not meets(match, "/a.B/C", method="POST", headers=right[1:])
    assert not meets(match, "/a.B/C", method="POST", headers=(("content-type", "application/json"), ("v", "1")))
    assert not meets(match, "/a.B/C", method="POST", headers=right[:1])
    assert not matches.matches_all(grpc())


def test_grpc_identities() -> None:
    found = [RouteMatch(), grpc(), grpc("a"), grpc(method="a"), grpc("a", kind="RegularExpression")]
    assert len({matches.identity(match) for match in found}) == len(found)
    assert matches.identity(grpc(kind="RegularExpression")) == matches.identity(grpc())


@pytest.mark.parametrize(
    ("match", "field"),
    [
        (grpc("a", kind="Prefix"), "method: type 'Prefix'"),
        (grpc("a/b"), "method.service: 'a/b'"),
        (grpc("a", "b.c"), "method.method: 'b.c'"),
        (grpc("(", kind="RegularExpression"), "method.service: '('"),
        (grpc("a", "(?=b)", kind="RegularExpression"), "method.method: '(?=b)'"),
    ],
)
def test_invalid_grpc_matches(match: RouteMatch, field: str) -> None:
    assert matches.problem(match).startswith(field)


def test_matches_are_described() -> None:
    assert matches.describe(grpc("shop.Cart")) == "gRPC shop.Cart/*"
    assert matches.describe(grpc(method="A.*", kind="RegularExpression")) == "gRPC RegularExpression */A.*"
    described = matches.describe(RouteMatch(method="GET", headers=(ValueMatch(name="a", value="1"),)))
    assert described == "PathPrefix /, GET, header a"
