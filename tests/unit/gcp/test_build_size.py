"""The guess of how many bytes a URL map takes: never less than what is written, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest

from cloudgw.objects import HeaderModifier, RouteMatch, URLRewrite
from cloudgw.routing import ir
from cloudgw_gcp import build_quota, build_size
from tests.unit.gcp import elements, samples
from tests.unit.gcp.samples import CART, PAY, codes, entry, forward, made, match, routing, said, table

LONG = "a" * 200
MODIFIER = HeaderModifier(set=(("X-A", LONG), ("X-B", "1")), add=(("X-C", "2"),), remove=("X-D",))
EDITS = ir.Edits(request=MODIFIER, response=MODIFIER)


def split() -> ir.Forward:
    shares = forward((CART, 3), (PAY, 1), (500, 1)).shares
    return ir.Forward(shares=tuple(dataclasses.replace(share, edits=EDITS) for share in shares))


ACTIONS: list[tuple[ir.Action, RouteMatch]] = [
    (forward((CART, 1)), match("/a")),
    (forward((CART, 1), edits=EDITS), match("/" + LONG)),
    (split(), match("/a", headers=[("x-a", LONG), ("x-b", "1")], query=[("v", "2")], method="GET")),
    (forward((CART, 1), rewrite=samples.replaced("/" + LONG)), match("/a")),
    (forward((CART, 1), rewrite=URLRewrite(hostname=LONG), timeouts=samples.seconds(5)), match("/a", "Exact")),
    (ir.Redirect(hostname=LONG, path_type="ReplacePrefixMatch", path="/" + LONG, status=308), match("/a")),
    (ir.Redirect(path_type="ReplaceFullPath", path="/n"), match("/a[0-9]", "RegularExpression")),
    (ir.Respond(status=503), match("/")),
]


def guessed(built: samples.Built) -> int:
    """What is said of a map that is too large: with a limit of nothing nothing is left but its front."""
    found = re.match(r"quota: (\d+) bytes on port 80 are wanted", said(built, "GatewayQuota")[0])
    assert found is not None
    return int(found[1])


def written(built: samples.Built) -> int:
    (url_map,) = elements.content_of(built[0])["urlMaps"]
    return len(json.dumps(url_map, separators=(",", ":")).encode())


@pytest.mark.parametrize("number", range(len(ACTIONS)))
@pytest.mark.parametrize("spec", [{}, samples.GLOBAL])
def test_a_guess_is_never_too_small(number: int, spec: dict[str, Any]) -> None:
    action, of = ACTIONS[number]
    if spec and of.path.type == "RegularExpression":
        of = match("/a")
    count = 5 if of.path.type == "RegularExpression" else 15
    for host in ("a.example.com", "*.example.com", ""):
        entries = [
            entry(n, action, of=dataclasses.replace(of, query=samples.match(query=[("n", str(n))]).query), host=host)
            for n in range(count)
        ]
        wish = routing(table(entries))
        built = made(wish, spec)
        assert set(codes(built)) <= {"UrlMapLarge"}
        small = made(wish, spec, quotas={"bytes": 1000})
        front = build_size.FRONT + build_size.WARM
        assert written(built) <= guessed(small) <= 2 * written(built) + front


def test_a_map_that_is_too_large() -> None:
    entries = [entry(n, of=match(f"/{n}/{LONG}"), route=f"r{n}") for n in range(5)]
    built = made(routing(table(entries)), quotas={"bytes": 12_000})
    assert set(codes(built)) == {"GatewayQuota"}
    assert 0 < len(samples.logicals(built[0], "route-rule")) < 5
    assert written(built) <= 12_000


def test_a_large_map_is_told_of() -> None:
    entries = [entry(n, of=match(f"/{n}/{LONG}"), route=f"r{n}") for n in range(80)]
    wish = routing(table(entries))
    built = made(wish, samples.PUBLIC)
    assert codes(built) == ["UrlMapLarge"]
    assert codes(made(wish)) == []
    assert build_quota.LARGE == {True: 65_536, False: 131_072}
