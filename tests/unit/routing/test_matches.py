"""Matches: HTTP semantics, canonical form, and what is refused."""

from __future__ import annotations

import pytest

from cloudgw.objects import PathMatch, RouteMatch, ValueMatch
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
