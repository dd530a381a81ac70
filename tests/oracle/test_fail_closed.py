"""Fail closed: an object that joins a world, sound or broken, changes answers only for requests that it answers itself.

Worlds and requests come from `generate`; what joins is a route of another world, broken in one of many ways. The
oracle is not asked: it would refuse to read some of them, and the law is about neighbours.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from cloudgw.routing import ir, request
from tests.oracle import generate, translate
from tests.oracle.references import Manifest

ROUTES = ("HTTPRoute", "GRPCRoute")
Break = Callable[[Manifest], None]


def _rules(route: Manifest) -> list[Manifest]:
    found: list[Manifest] = route["spec"].setdefault("rules", [])
    return found


def _first(route: Manifest) -> Manifest:
    rules = _rules(route)
    return rules[0] if rules else {}


BREAKS: dict[str, Break] = {
    "sound": lambda _: None,
    "unknown field of a rule": lambda route: _first(route).update(pathRegex="/x"),
    "unknown field of a match": lambda route: _first(route).update(matches=[{"pth": "/x"}]),
    "unknown field of the route": lambda route: route["spec"].update(hostname="odd.example"),
    "no regular expression": lambda route: _first(route).update(
        matches=[{"path": {"type": "RegularExpression", "value": "/["}}]
    ),
    "unknown filter": lambda route: _first(route).update(filters=[{"type": "Teleport"}]),
    "extension": lambda route: _first(route).update(
        filters=[{"type": "ExtensionRef", "extensionRef": {"group": "x.io", "kind": "Y", "name": "z"}}]
    ),
    "missing Service": lambda route: _first(route).update(backendRefs=[{"name": "nobody", "port": 80}]),
    "no such kind": lambda route: _first(route).update(backendRefs=[{"kind": "Bucket", "name": "one", "port": 80}]),
    "no port": lambda route: _first(route).update(backendRefs=[{"name": "one"}]),
    "not granted": lambda route: _first(route).update(
        backendRefs=[{"name": "one", "namespace": "elsewhere", "port": 80}]
    ),
    "wrong type": lambda route: route["spec"].update(rules="all"),
    "bad hostname": lambda route: route["spec"].update(hostnames=["**.example"]),
    "both rewrites": lambda route: _first(route).update(
        filters=[
            {"type": "URLRewrite", "urlRewrite": {"hostname": "a.example"}},
            {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}},
        ]
    ),
}


def _answers(objects: list[Manifest], scene: generate.Scene) -> list[tuple[request.Answer | None, Any]]:
    found = translate.routings(objects, strict=False)
    return [(_answer(found.get(gateway), asked), asked) for gateway, asked in scene.requests]


def _answer(routing: ir.Routing | None, asked: Any) -> request.Answer | None:
    if routing is None:
        return None
    wanted = request.Request(
        port=asked.port,
        method=asked.method,
        host=asked.host,
        path=asked.path,
        query=asked.query,
        headers=asked.headers,
        sni=asked.sni,
    )
    return request.answer(routing, wanted)


@pytest.mark.parametrize("how", BREAKS)
def test_who_joins_answers_for_itself_alone(how: str) -> None:
    changed = asked = 0
    for seed in range(25):
        rng = random.Random(f"{how} {seed}")
        scene = generate.scene(seed, 30)
        guests = [one for one in generate.scene(seed + 5000, 1).objects if one["kind"] in ROUTES]
        if not guests:
            continue
        guest = copy.deepcopy(rng.choice(guests))
        guest["metadata"]["name"] = "guest"
        BREAKS[how](guest)
        before, after = _answers(scene.objects, scene), _answers([*scene.objects, guest], scene)
        for (was, what), (is_, _) in zip(before, after, strict=True):
            asked += 1
            if was == is_:
                continue
            changed += 1
            assert is_ is not None, what
            assert "/guest/" in is_.entry or "/grpc:guest/" in is_.entry, (seed, what, was, is_)
    assert asked > 200
    assert changed or how not in ("sound", "missing Service", "unknown filter"), "no guest was ever asked"
