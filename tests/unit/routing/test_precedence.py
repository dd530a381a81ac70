"""Precedence: each criterion of HTTPRouteRule.matches decides before the next."""

from __future__ import annotations

import itertools

from cloudgw.objects import GRPCMethod, PathMatch, RouteMatch, ValueMatch
from cloudgw.routing import precedence

HEADER = ValueMatch(name="a", value="1")


def rank(match: RouteMatch | None = None, **more: object) -> precedence.Rank:
    asked: dict[str, object] = {
        "listener": "http",
        "listener_hostname": "",
        "hostname": "",
        "match": match or RouteMatch(),
        "created": "2026-01-01T00:00:00Z",
        "route": "shop/b",
        "rule": 1,
        "position": 1,
    }
    return precedence.rank(**{**asked, **more})  # type: ignore[arg-type]


def test_every_criterion_in_its_order() -> None:
    def match(path: str, kind: str = "PathPrefix", method: str = "", headers: int = 0, query: int = 0) -> RouteMatch:
        values = tuple(ValueMatch(name=str(number), value="1") for number in range(3))
        return RouteMatch(
            path=PathMatch(type=kind, value=path), method=method, headers=values[:headers], query=values[:query]
        )

    ordered = [
        rank(match("/"), listener_hostname="a.io", hostname="a.io"),
        rank(match("/a", "Exact"), hostname="a.io"),
        rank(match("/abc", method="GET"), hostname="a.io"),
        rank(match("/"), hostname="a.io"),
        rank(match("/a", "Exact"), hostname="*.long.io"),
        rank(match("/a", "Exact"), hostname="*.io"),
        rank(match("/a", "Exact", "GET")),
        rank(match("/a", "Exact")),
        rank(match("/abc")),
        rank(match("/ab", method="GET")),
        rank(match("/ab", headers=2)),
        rank(match("/ab", headers=1, query=2)),
        rank(match("/ab", headers=1, query=1)),
        rank(match("/ab", headers=1)),
        rank(match("/ab", query=3)),
        rank(match("/ab"), created=""),
        rank(match("/ab"), created="2025-01-01T00:00:00Z", route="shop/z"),
        rank(match("/ab"), route="shop/a"),
        rank(match("/ab"), rule=0),
        rank(match("/ab"), position=0),
        rank(match("/ab")),
        rank(match("/")),
    ]
    for first, second in itertools.combinations(ordered, 2):
        assert first < second


def test_spelling_of_expressions_decides_nothing() -> None:
    one = rank(RouteMatch(path=PathMatch(type="RegularExpression", value="/b.*")), rule=0)
    other = rank(RouteMatch(path=PathMatch(type="RegularExpression", value="/a.*")), rule=1)
    assert one < other


def test_grpc_methods_come_before_paths() -> None:
    def grpc(service: str = "", method: str = "", kind: str = "Exact", headers: int = 0) -> RouteMatch:
        values = tuple(ValueMatch(name=str(number), value="1") for number in range(headers))
        return RouteMatch(grpc=GRPCMethod(type=kind, service=service, method=method), headers=values)

    ordered = [
        rank(grpc(), hostname="a.io"),
        rank(RouteMatch(path=PathMatch(type="Exact", value="/a.B/C")), hostname="a.io"),
        rank(grpc("a.Long", "B")),
        rank(grpc("a.B", "Long")),
        rank(grpc("a.B", "C")),
        rank(grpc("a.B", headers=1)),
        rank(grpc("a.B"), created=""),
        rank(grpc("a.B"), route="shop/a"),
        rank(grpc("a.B")),
        rank(grpc("a[.].*", kind="RegularExpression")),
        rank(grpc(".*", kind="RegularExpression")),
        rank(grpc(method="Long")),
        rank(grpc(headers=1)),
        rank(grpc()),
        rank(RouteMatch(path=PathMatch(type="Exact", value="/a.Long/B"), method="POST")),
        rank(RouteMatch()),
    ]
    for first, second in itertools.combinations(ordered, 2):
        assert first < second
    like = rank(grpc("b.*", kind="RegularExpression"), rule=0), rank(grpc("a.*", kind="RegularExpression"), rule=1)
    assert like[0] < like[1]
