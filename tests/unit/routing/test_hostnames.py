"""Hostnames: the examples of the Gateway API's Hostname and of HTTPRouteSpec.hostnames."""

from __future__ import annotations

import pytest

from cloudgw.routing import hostnames


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "", ""),
        ("", "a.io", "a.io"),
        ("a.io", "", "a.io"),
        ("*.a.io", "x.a.io", "x.a.io"),
        ("*.a.io", "x.y.a.io", "x.y.a.io"),
        ("*.a.io", "a.io", None),
        ("*.a.io", "xa.io", None),
        ("*.a.io", "*.x.a.io", "*.x.a.io"),
        ("*.a.io", "*.b.io", None),
        ("a.io", "b.io", None),
    ],
)
def test_intersection(one: str, other: str, expected: str | None) -> None:
    assert hostnames.intersect(one, other) == expected
    assert hostnames.intersect(other, one) == expected


@pytest.mark.parametrize(
    ("host", "wide"),
    [
        ("", {""}),
        ("a.b.c", {"a.b.c", "*.b.c", "*.c", ""}),
        ("*.b.c", {"*.b.c", "*.c", ""}),
        ("localhost", {"localhost", ""}),
    ],
)
def test_hostnames_that_cover_another(host: str, wide: set[str]) -> None:
    assert hostnames.covering(host) == wide


def test_intersections_are_unique_and_sorted() -> None:
    assert hostnames.intersections("x.a.io", ["*.a.io", "x.a.io", "b.io"]) == ("x.a.io",)
    assert hostnames.intersections("", []) == ("",)
    assert hostnames.intersections("*.a.io", ["z.a.io", "b.a.io"]) == ("b.a.io", "z.a.io")


def test_specificity() -> None:
    names = ["", "*.io", "*.a.io", "a.io", "long.a.io"]
    assert sorted(names, key=hostnames.specificity) == ["long.a.io", "a.io", "*.a.io", "*.io", ""]


@pytest.mark.parametrize(
    ("authority", "host"), [("A.io:8080", "a.io"), ("a.io", "a.io"), ("[::1]:80", "[::1]"), ("", "")]
)
def test_authority(authority: str, host: str) -> None:
    assert hostnames.of_authority(authority) == host
