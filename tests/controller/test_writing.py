"""One write where something differs, none where nothing does, and never over what somebody else wrote meanwhile."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Sequence
from typing import Any

import pytest

from cloudgw.controller import boards, kube, store, writing
from cloudgw.routing import statuses
from tests.controller import object_server

OURS, THEIRS = "cloudgw.dev/gateway-controller", "example.com/other"
NOW = datetime.datetime(2026, 11, 21, 12, 0, 0, 999, datetime.UTC)
ROUTE, GATEWAY = ("shop", "cart"), ("shop", "edge")
GATEWAY_SPEC = {"gatewayClassName": "cloud", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}


def ref(name: str, **more: Any) -> dict[str, Any]:
    return {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name, **more}


def entry(name: str, status: str = "True", by: str = OURS, generation: int = 1, **more: Any) -> dict[str, Any]:
    said = {
        "type": "Accepted",
        "status": status,
        "reason": "Accepted",
        "message": "it is",
        "observedGeneration": generation,
    }
    return {"parentRef": ref(name, **more), "controllerName": by, "conditions": [said]}


def theirs(name: str) -> dict[str, Any]:
    found = entry(name, by=THEIRS)
    found["conditions"][0]["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    return found


def gateway_status(status: str = "True", generation: int = 1) -> statuses.ObjectStatus:
    said = [
        statuses.Condition(
            type=one, status="True" if status == "True" else "False", reason=one, message="it is", generation=generation
        )
        for one in ("Accepted", "Programmed")
    ]
    return statuses.ObjectStatus(
        kind="Gateway", namespace="shop", name="edge", status={"conditions": [one.json() for one in said]}
    )


class Scene:
    def __init__(self) -> None:
        self.server = object_server.Server()
        self.world = object_server.World(self.server)
        self.told: list[tuple[str, str]] = []
        self.board = boards.RouteBoard(self.world)
        self.writer = writing.Writer(
            self.server,
            self.world,
            object_server.resource,
            told=lambda *what: self.told.append(what),
            clock=lambda: NOW,
        )

    def route(self, *parents: str, entries: Sequence[Any] = (), name: str = "cart") -> None:
        spec = {"parentRefs": [ref(one) for one in parents]}
        self.server.add({**object_server.manifest("HTTPRoute", name, spec), "status": {"parents": list(entries)}})

    def gateway(self, name: str = "edge", **status: Any) -> None:
        self.server.add(
            {**object_server.manifest("Gateway", name, GATEWAY_SPEC), **({"status": status} if status else {})}
        )

    def post(self, *keys: boards.RouteKey) -> list[bool]:
        async def each() -> list[bool]:
            return [await self.writer.post(self.board, *key) for key in keys]

        return asyncio.run(each())

    def write(self, wanted: statuses.ObjectStatus | None) -> bool:
        return asyncio.run(self.writer.write("Gateway", GATEWAY, wanted))

    def parents(self, name: str = "cart") -> list[str]:
        """Who said what, in order."""
        found = self.server.objects[f"/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/{name}"]
        return [
            f"{one['parentRef']['name']}{'' if one['controllerName'] == OURS else ' (theirs)'}"
            for one in found["status"]["parents"]
        ]

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.server.requests]


@pytest.fixture
def scene() -> Scene:
    return Scene()


KEY: boards.RouteKey = ("HTTPRoute", ROUTE)


def test_one_patch_where_it_differs_and_no_request_where_it_does_not(scene: Scene) -> None:
    scene.gateway()
    assert scene.write(gateway_status()) is True
    assert scene.methods == ["PATCH"]
    assert scene.write(gateway_status()) is False  # what we wrote is known before the informers see it
    scene.server.catch_up()
    assert scene.write(gateway_status()) is False
    assert scene.methods == ["PATCH"]
    assert [outcome for _, outcome in scene.told] == ["written", "same", "same"]


def test_one_condition_is_marked_by_itself(scene: Scene) -> None:
    scene.gateway(addresses=[{"value": "192.0.2.1"}])
    degraded = statuses.Condition(type="cloudgw.dev/Degraded", status="True", reason="R", message="why", generation=1)
    assert asyncio.run(scene.writer.mark("Gateway", GATEWAY, degraded)) is True
    assert asyncio.run(scene.writer.mark("Gateway", GATEWAY, degraded)) is False
    found = scene.server.objects[_path("edge")]["status"]
    assert [one["type"] for one in found["conditions"]] == ["cloudgw.dev/Degraded"]
    assert found["addresses"] == [{"value": "192.0.2.1"}]
    assert scene.methods == ["PATCH"]


def test_a_second_write_before_the_informers_have_seen_the_first_is_one_request(scene: Scene) -> None:
    scene.gateway()
    assert [scene.write(gateway_status()), scene.write(gateway_status("False"))] == [True, True]
    assert scene.methods == ["PATCH", "PATCH"]


def test_a_cache_that_is_behind_costs_one_reading(scene: Scene) -> None:
    scene.gateway()
    scene.server.add(
        {**scene.server.objects[_path("edge")], "status": {"addresses": [{"value": "192.0.2.1"}]}}, seen=False
    )
    assert scene.write(gateway_status()) is True
    assert scene.methods == ["PATCH", "GET", "PATCH"]
    assert scene.server.objects[_path("edge")]["status"]["addresses"] == [{"value": "192.0.2.1"}]


def test_somebody_who_writes_twice_in_between_is_told_to_the_caller(scene: Scene) -> None:
    scene.gateway()

    def other() -> None:
        scene.server.add(scene.server.objects[_path("edge")], seen=False)

    scene.server.hooks = [other, lambda: None, other]
    with pytest.raises(kube.Refused) as refused:
        scene.write(gateway_status())
    assert (refused.value.status, scene.methods) == (409, ["PATCH", "GET", "PATCH"])
    assert scene.write(gateway_status()) is True


def test_an_answer_that_did_not_come_is_looked_up(scene: Scene) -> None:
    scene.gateway()
    patch = scene.server.patch

    async def lost(path: str, body: Any, content_type: str) -> dict[str, Any]:
        await patch(path, body, content_type)
        raise TimeoutError("no answer")

    scene.server.patch = lost  # type: ignore[method-assign]
    with pytest.raises(TimeoutError):
        scene.write(gateway_status())
    scene.server.patch = patch  # type: ignore[method-assign]
    assert scene.write(gateway_status()) is False
    assert scene.methods == ["PATCH", "GET"]


def test_an_object_that_is_gone_needs_no_status(scene: Scene) -> None:
    assert scene.write(gateway_status()) is False
    scene.gateway()
    del scene.server.objects[_path("edge")]
    assert scene.write(gateway_status()) is False
    assert [outcome for _, outcome in scene.told] == ["gone", "gone"]
    assert asyncio.run(scene.writer.write("GRPCRoute", ROUTE, None)) is False  # not installed


def test_another_object_of_the_same_name_is_not_told_what_was_found_out_about_the_first(scene: Scene) -> None:
    scene.gateway()
    scene.server.add(object_server.manifest("Gateway", "edge", GATEWAY_SPEC, uid="another"), seen=False)
    assert scene.write(gateway_status(generation=7)) is False
    assert "status" not in scene.server.objects[_path("edge")]


def test_what_the_server_finds_invalid_is_the_callers_to_hear(scene: Scene) -> None:
    scene.gateway()

    def invalid() -> None:
        raise kube.Refused(422, "Invalid", "status.conditions: Too many")

    scene.server.hooks = [invalid]
    with pytest.raises(kube.Refused, match="Too many"):
        scene.write(gateway_status())


def test_writers_of_one_object_take_turns(scene: Scene) -> None:
    scene.route("a", "b", "c", entries=[theirs("x")])
    for name in "abc":
        scene.board.put(("shop", name), {KEY: [entry(name)]})

    async def all_at_once() -> list[bool]:
        return await asyncio.gather(*(scene.writer.post(scene.board, *KEY) for _ in range(10)))

    assert sum(asyncio.run(all_at_once())) == 1
    assert scene.methods == ["PATCH"]
    assert scene.parents() == ["x (theirs)", "a", "b", "c"]


def test_what_has_no_room_is_said(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    others = [
        {"type": f"x/{n}", "status": "True", "reason": "R", "message": "", "lastTransitionTime": ""} for n in range(7)
    ]
    scene.gateway(conditions=others)
    assert scene.write(gateway_status()) is True
    assert "Gateway shop/edge: its status has no room for conditions Programmed" in caplog.text


# Entries of several Gateways


def test_gateways_are_joined_in_the_order_of_the_parent_refs_whoever_comes_first(scene: Scene) -> None:
    scene.route("b", "a")
    assert scene.board.put(("shop", "a"), {KEY: [entry("a")]}) == [KEY]
    scene.post(KEY)
    assert scene.parents() == ["a"]
    scene.board.put(("shop", "b"), {KEY: [entry("b")]})
    scene.post(KEY)
    assert scene.parents() == ["b", "a"]


def test_a_gateway_that_speaks_no_more_of_a_route_is_taken_out_and_asks_for_the_write(scene: Scene) -> None:
    scene.route("a", "b", entries=[])
    scene.board.put(("shop", "a"), {KEY: [entry("a")]})
    scene.board.put(("shop", "b"), {KEY: [entry("b")]})
    scene.post(KEY)
    assert scene.board.put(("shop", "a"), {}) == [KEY]
    scene.post(KEY)
    assert scene.parents() == ["b"]
    assert scene.board.put(("shop", "a"), {}) == []


def test_entries_of_a_gateway_that_was_not_resolved_yet_stay(scene: Scene) -> None:
    """A controller that has just started must not take away what the one before it wrote."""
    scene.gateway("a")
    scene.gateway("b")
    scene.route("a", "b", entries=[entry("a"), entry("b")])
    scene.board.put(("shop", "a"), {KEY: [entry("a", "False")]})
    scene.post(KEY)
    assert scene.parents() == ["a", "b"]
    scene.board.put(("shop", "b"), {})
    scene.post(KEY)
    assert scene.parents() == ["a"]


@pytest.mark.parametrize(
    ("case", "stays"),
    [
        ("gone", False),
        ("unlisted", True),
        ("foreign", False),
        ("unknown", True),
        ("class absent", True),
        ("unwatched", True),
    ],
)
def test_who_stands_behind_an_entry_that_nobody_wants(case: str, stays: bool) -> None:
    scene = Scene()
    if case == "unwatched":
        scene.board = boards.RouteBoard(scene.world, namespaces=["elsewhere"])
    elif case == "unlisted":
        scene.server.complete.discard("Gateway")
    elif case != "gone":
        scene.gateway("old")
        scene.server.classes[("shop", "old")] = case.rpartition(" ")[2]
    scene.route("edge", "old", entries=[entry("old")])
    scene.board.put(GATEWAY, {KEY: [entry("edge")]})
    assert (KEY in scene.board.strays()) is not stays
    scene.post(KEY)
    assert scene.parents() == (["old", "edge"] if stays else ["edge"])
    scene.server.catch_up()
    assert scene.board.strays() == []


@pytest.mark.parametrize(
    ("case", "stays"),
    [("of a Gateway not resolved", True), ("of one that was", False), ("gone", False), ("unlisted", True)],
)
def test_an_entry_for_a_listener_set_is_its_gateways(case: str, stays: bool) -> None:
    scene = Scene()
    scene.gateway("edge")
    parent = {"parentRef": {"name": "edge"}, "listeners": []}
    if case.startswith("of "):
        found = store.live("ListenerSet", {**object_server.manifest("ListenerSet", "more", parent)})
    if case == "unlisted":
        scene.server.complete.discard("ListenerSet")
    old = entry("more", kind="ListenerSet")
    spec = {"parentRefs": [old["parentRef"]]}
    scene.server.add({**object_server.manifest("HTTPRoute", "cart", spec), "status": {"parents": [old]}})
    if case.startswith("of "):
        scene.server.seen[("ListenerSet", found[0])] = found[1]
    if case == "of one that was":
        scene.board.put(GATEWAY, {})
    assert (KEY in scene.board.strays()) is not stays


def test_a_parent_that_left_the_spec_is_taken_out_whoever_has_spoken(scene: Scene) -> None:
    scene.gateway("a")
    scene.gateway("slow")
    scene.route("a", entries=[entry("slow"), entry("a")])
    assert scene.board.strays() == [KEY]
    scene.board.put(("shop", "slow"), {KEY: [entry("slow")]})  # resolved before the route changed
    scene.board.put(("shop", "a"), {KEY: [entry("a")]})
    scene.post(KEY)
    assert scene.parents() == ["a"]


def test_a_route_that_cannot_be_read_keeps_what_is_said_of_it(scene: Scene) -> None:
    scene.gateway("a")
    data = object_server.manifest("HTTPRoute", "cart", {"parentRefs": [{"name": 7}]})
    scene.server.add({**data, "status": {"parents": [entry("a")]}})
    assert scene.board.strays() == []
    assert scene.post(KEY) == [False]


def test_ancestors_of_a_policy_are_joined_too(scene: Scene) -> None:
    key: boards.RouteKey = ("BackendTLSPolicy", ("shop", "tls"))
    found = statuses.ObjectStatus(
        kind="BackendTLSPolicy", namespace="shop", name="tls",
        status={"ancestors": [{"ancestorRef": ref("a", namespace="shop"), "controllerName": OURS, "conditions": []}]},
    )  # fmt: skip
    said = boards.entries([found, gateway_status()])
    assert list(said) == [key]
    assert scene.board.put(("shop", "a"), said) == [key]
    assert scene.board.wanted(*key, None) == found
    scene.gateway("b")
    keep = scene.board.keeps(*key, None)
    held = [keep({"ancestorRef": ref(name, namespace="shop")}) for name in ("a", "b", "gone")]
    assert held == [False, True, False]


@pytest.mark.parametrize(
    ("accepted", "ready"),
    [
        ((), {}),
        (("True", "True"), {"Ready": "True"}),
        (("True", "Unknown"), {"Ready": "False", "Reconciling": "True"}),
        (("Unknown", "False"), {"Ready": "False", "Stalled": "True"}),
    ],
)
def test_a_policy_of_our_own_is_as_ready_as_its_gateways_say(
    scene: Scene, accepted: tuple[str, ...], ready: dict[str, str]
) -> None:
    key: boards.RouteKey = ("BackendPolicy", ("shop", "cart"))
    for number, status in enumerate(accepted):
        condition = {"type": "Accepted", "status": status, "reason": "X", "message": status, "observedGeneration": 4}
        one = {"ancestorRef": ref(str(number)), "controllerName": OURS, "conditions": [condition]}
        found = statuses.ObjectStatus(kind=key[0], namespace="shop", name="cart", status={"ancestors": [one]})
        scene.board.put(("shop", str(number)), boards.entries([found]))
    said = dict(scene.board.wanted(*key, None).status)
    assert [one["ancestorRef"]["name"] for one in said["ancestors"]] == [str(n) for n in range(len(accepted))]
    assert {one["type"]: one["status"] for one in said.get("conditions", ())} == ready
    assert said.get("observedGeneration") == (4 if accepted else None)


def _path(name: str) -> str:
    return f"/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways/{name}"
