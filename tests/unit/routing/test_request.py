"""Requests: rewrites and Locations, by the tables of HTTPPathModifier."""

from __future__ import annotations

import dataclasses

import pytest

from cloudgw.objects import PathModifier, RequestRedirect, URLRewrite
from cloudgw.routing import request
from cloudgw.routing.request import Request
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
    assert request.modified(PathModifier(type="ReplacePrefixMatch", value=replacement), prefix, path) == expected


def test_full_replacement() -> None:
    assert request.modified(PathModifier(type="ReplaceFullPath", value="/x"), "/a", "/a/b") == "/x"
    assert request.modified(PathModifier(type="ReplaceFullPath", value=""), "/a", "/a/b") == "/"
    assert request.modified(None, "/a", "/a/b") == "/a/b"


def answer(filter_: RequestRedirect | URLRewrite, asked: Request) -> request.Answer:
    backends = [world.backend()] if isinstance(filter_, URLRewrite) else []
    rule = dataclasses.replace(world.rule(world.path("/a"), backends=backends), filters=(filter_,))
    gateway = world.gateway(world.listener(), world.listener("alt", port=8080))
    return request.answer(
        world.resolved(world.snapshot(world.CLASS, gateway, world.route("cart", rule), world.service())), asked
    )


def test_locations() -> None:
    asked = Request(port=8080, host="a.io:8080", path="/a/b", query=(("q", "1 2"),))
    assert answer(RequestRedirect(), asked).location == "http://a.io:8080/a/b?q=1+2"
    assert answer(RequestRedirect(scheme="https", status=301), asked).location == "https://a.io/a/b?q=1+2"
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
