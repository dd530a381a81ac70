"""Statuses, the finalizer and Events on a real API server: what is not ours stays, to the byte, whoever writes when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from cloudgw.controller import finalizers, kube, merging, names, store
from cloudgw.objects import CONTROLLER_NAME
from tests.cluster import cluster
from tests.controller.live_statuses import (
    SHOP,
    V1,
    Live,
    apply_status,
    create,
    entry,
    foreign,
    gateway,
    get,
    listener,
    managers,
    path,
    ref,
    resource,
    run,
    said,
    server,
    texts,
    until_taken,
    wanted,
    write,
)

__all__ = ["server"]  # the fixture
pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("kind", ["Gateway", "ListenerSet", "GatewayClass"])
def test_foreign_conditions_and_their_manager_stay_as_they_are(server: cluster.Cluster, kind: str) -> None:
    if kind == "Gateway":
        gateway(server, "audited", "http", "more")
    elif kind == "ListenerSet":
        entries = [{"name": one, "port": 90 + n, "protocol": "HTTP"} for n, one in enumerate(("http", "more"))]
        create(server, kind, "audited", {"parentRef": {"name": "edge"}, "listeners": entries})
    else:
        create(server, kind, "audited", {"controllerName": CONTROLLER_NAME})
    status: dict[str, Any] = {"conditions": [foreign("example.com/Audited"), foreign("example.com/Seen")]}
    want: dict[str, Any] = {"conditions": said("Accepted")}
    if kind != "GatewayClass":
        status["listeners"] = [{"name": "http", "attachedRoutes": 1, "conditions": [foreign("example.com/Seen")]}]
        want = {
            "conditions": said("Accepted", "Programmed"),
            "listeners": [listener("http", "Accepted", "Programmed"), listener("more", "Accepted")],
        }
    apply_status(server, kind, "audited", status)
    before = get(server, kind, "audited")
    assert write(server, wanted(kind, "audited", **want)) == [("PATCH", 200)]
    after = get(server, kind, "audited")
    assert len(texts(after["status"]["conditions"])) == 2
    assert texts(after["status"]["conditions"]) == texts(before["status"]["conditions"])
    if kind != "GatewayClass":
        (was, now) = (one["status"]["listeners"][0]["conditions"] for one in (before, after))
        assert texts(now) == texts(was) != []
        assert [one["name"] for one in after["status"]["listeners"]] == ["http", "more"]
    assert managers(after)[("auditor", "Apply")] == managers(before)[("auditor", "Apply")]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    apply_status(server, kind, "audited", {"conditions": [foreign("example.com/Audited")]})  # it may still take back
    left = get(server, kind, "audited")["status"]["conditions"]
    assert [one["type"] for one in left if "/" in one["type"]] == ["example.com/Audited"]
    assert {one["type"] for one in left} >= {"Accepted"}


def test_entries_of_others_stay_as_they_are(server: cluster.Cluster) -> None:
    for kind, name, spec in (
        ("HTTPRoute", "parents", {"parentRefs": [ref("edge"), ref("theirs")]}),
        (
            "BackendTLSPolicy",
            "ancestors",
            {
                "targetRefs": [{"group": "", "kind": "Service", "name": "s"}],
                "validation": {"hostname": "a.example", "wellKnownCACertificates": "System"},
            },
        ),
    ):
        create(server, kind, name, spec)
        to = merging.ENTRIES[name]
        theirs = [
            {
                to: ref("theirs", sectionName="s"),
                "controllerName": f"example.com/{n}",
                "conditions": [foreign("Accepted"), foreign("example.com/Seen")],
            }
            for n in (1, 2)
        ]
        apply_status(server, kind, name, {name: theirs})
        before = get(server, kind, name)["status"][name]
        ours = {to: ref("edge"), "controllerName": CONTROLLER_NAME, "conditions": said("Accepted", "ResolvedRefs")}
        assert write(server, wanted(kind, name, **{name: [ours]})) == [("PATCH", 200)]
        after = get(server, kind, name)["status"][name]
        assert [json.dumps(one) for one in after[:2]] == [json.dumps(one) for one in before]
        assert (len(after), after[2][to]) == (3, ref("edge"))

        async def remove(live: Live, kind: str = kind, name: str = name) -> bool:
            await live.see(kind, name)
            return await live.writer.write(kind, (SHOP, name), None)

        assert run(server, remove) is True
        assert [json.dumps(one) for one in get(server, kind, name)["status"][name]] == [
            json.dumps(one) for one in before
        ]


def test_two_controllers_on_one_route_lose_nothing(server: cluster.Cluster) -> None:
    """The other one reads, puts its own in, writes; both as fast as they can, so that many writes conflict."""
    rounds, other_name, key = 60, "example.com/other", (SHOP, "contested")
    create(server, "HTTPRoute", "contested", {"parentRefs": [ref("edge"), ref("theirs")]})
    target = path("HTTPRoute", "contested")

    def generations(found: Mapping[str, Any]) -> dict[str, int]:
        parents = found["status"]["parents"]
        assert len(parents) == len({one["controllerName"] for one in parents})
        return {one["controllerName"]: one["conditions"][0]["observedGeneration"] for one in parents}

    async def work(live: Live) -> int:
        await live.see("HTTPRoute", "contested")

        async def others(count: int) -> None:
            found = await live.kube.get(target)
            parents = found.get("status", {}).get("parents", [])
            conditions = [foreign("Accepted", generation=count)]
            mine = {"parentRef": ref("theirs"), "controllerName": other_name, "conditions": conditions}
            found["status"] = {"parents": [mine, *(one for one in parents if one["controllerName"] != other_name)]}
            await live.kube.replace(f"{target}/status", found)

        async def other() -> None:
            for count in range(1, rounds + 1):
                await until_taken(lambda count=count: others(count))  # type: ignore[misc]
                assert generations(await live.kube.get(target))[other_name] == count

        async def ours() -> None:
            for count in range(1, rounds + 1):
                live.board.put((SHOP, "edge"), {("HTTPRoute", key): [entry("edge", count=count)]})
                await until_taken(lambda: live.writer.post(live.board, "HTTPRoute", key))
                data = await live.kube.get(target)
                assert generations(data)[CONTROLLER_NAME] == count
                if not count % 5:  # the informers are behind, mostly
                    live.store.put("HTTPRoute", *store.live("HTTPRoute", data))

        await asyncio.gather(other(), ours())
        return live.counted.count(("PATCH", 409))

    assert run(server, work) >= rounds / 4  # else nothing was contested
    assert generations(get(server, "HTTPRoute", "contested")) == {CONTROLLER_NAME: rounds, other_name: rounds}


def test_a_version_that_is_old_costs_one_reading(server: cluster.Cluster) -> None:
    gateway(server, "old")

    async def work(live: Live) -> list[tuple[str, int]]:
        await live.see("Gateway", "old")
        apply_status(server, "Gateway", "old", {"conditions": [foreign("example.com/Seen")]})
        assert await live.writer.write("Gateway", (SHOP, "old"), wanted("Gateway", "old", conditions=said("Accepted")))
        return list(live.counted)

    assert run(server, work) == [("PATCH", 409), ("GET", 200), ("PATCH", 200)]
    types = [one["type"] for one in get(server, "Gateway", "old")["status"]["conditions"]]
    assert sorted(types) == ["Accepted", "example.com/Seen"]


def test_a_tool_that_applies_the_spec_owns_the_spec_and_we_own_status_and_finalizer(server: cluster.Cluster) -> None:
    server.request("DELETE", path("Gateway", "gitops"))
    spec = {"gatewayClassName": "cloud", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}
    data = {
        "apiVersion": V1, "kind": "Gateway",
        "metadata": {"name": "gitops", "namespace": SHOP, "labels": {"team": "shop"}, "annotations": {"a": "b"}},
        "spec": spec,
    }  # fmt: skip

    def apply() -> dict[str, Any]:
        target = f"{path('Gateway', 'gitops')}?fieldManager=gitops"  # without force: a conflict would be refused
        code, found = server.request("PATCH", target, data, content_type="application/apply-patch+yaml")
        assert code in (200, 201), found
        return found

    first = apply()
    want = wanted(
        "Gateway",
        "gitops",
        conditions=said("Accepted", "Programmed"),
        listeners=[listener("http", "Accepted")],
        addresses=[{"type": "IPAddress", "value": "192.0.2.1"}],
    )
    write(server, want)
    found = resource("Gateway")
    assert found is not None

    async def hold(live: Live) -> bool:
        return await finalizers.hold(live.kube, found, (SHOP, "gitops"), first["metadata"]["uid"])

    assert run(server, hold) is True
    ours = get(server, "Gateway", "gitops")
    assert apply()["metadata"]["resourceVersion"] == ours["metadata"]["resourceVersion"]  # nothing to fight about
    assert managers(ours)[("gitops", "Apply")] == managers(first)[("gitops", "Apply")]
    mine = [one["fieldsV1"] for one in ours["metadata"]["managedFields"] if one["manager"] == names.MANAGER]
    assert [set(one) for one in sorted(mine, key=len)] in (
        [{"f:status"}, {"f:metadata"}],
        [{"f:metadata"}, {"f:status"}],
    )
    (metadata,) = [one["f:metadata"] for one in mine if "f:metadata" in one]
    assert metadata == {"f:finalizers": {".": {}, f'v:"{names.FINALIZER}"': {}}}
    assert (ours["spec"], ours["metadata"]["generation"]) == (first["spec"], 1)

    # a person edits labels while we write from what we saw before
    async def late(live: Live) -> bool:
        await live.see("Gateway", "gitops")
        label = {"metadata": {"labels": {"edited": "yes"}}}
        await live.kube.patch(path("Gateway", "gitops"), label, kube.MERGE)
        return await live.writer.write(
            "Gateway", (SHOP, "gitops"), wanted("Gateway", "gitops", conditions=said("Accepted", status="False"))
        )

    assert run(server, late) is True
    after = get(server, "Gateway", "gitops")
    assert after["metadata"]["labels"] == {"team": "shop", "edited": "yes"}
    assert after["metadata"]["annotations"] == {"a": "b"}
    assert after["status"]["addresses"] == [{"type": "IPAddress", "value": "192.0.2.1"}]

    async def release(live: Live) -> bool:
        return await finalizers.release(live.kube, found, (SHOP, "gitops"), first["metadata"]["uid"])

    assert run(server, release) is True
    assert "finalizers" not in get(server, "Gateway", "gitops")["metadata"]


# What the server refuses, and what it would


def test_what_is_gone_or_invalid(server: cluster.Cluster) -> None:
    gateway(server, "short")

    async def work(live: Live) -> None:
        await live.see("Gateway", "short")
        bad = wanted("Gateway", "short", conditions=[{**said("Accepted")[0], "reason": ""}])
        with pytest.raises(kube.Refused) as refused:
            await live.writer.write("Gateway", (SHOP, "short"), bad)
        assert refused.value.status == 422
        assert 'Gateway.gateway.networking.k8s.io "short" is invalid' in refused.value.message
        assert "reason" in refused.value.message
        await live.kube.delete(path("Gateway", "short"))
        good = wanted("Gateway", "short", conditions=said("Accepted"))
        assert await live.writer.write("Gateway", (SHOP, "short"), good) is False
        gateway(server, "short")  # another one of the same name
        assert await live.writer.write("Gateway", (SHOP, "short"), good) is False

    run(server, work)
    assert [one["reason"] for one in get(server, "Gateway", "short")["status"]["conditions"]] == ["Pending", "Pending"]


def test_lists_that_are_full_are_still_written(server: cluster.Cluster) -> None:
    listeners = [f"l{number}" for number in range(64)]
    gateway(server, "full", *listeners)
    others = [foreign(f"example.com/{number}") for number in range(6)]  # and two that the CRD fills in
    apply_status(server, "Gateway", "full", {"conditions": others})
    addresses = [{"type": "IPAddress", "value": f"192.0.2.{number}"} for number in range(20)]
    want = wanted(
        "Gateway", "full", conditions=said("Accepted", "Programmed", "ResolvedRefs"), addresses=addresses,
        listeners=[listener(one, "Accepted", "Programmed", "ResolvedRefs") for one in listeners],
    )  # fmt: skip
    write(server, want)
    found = get(server, "Gateway", "full")["status"]
    assert [len(found[name]) for name in ("conditions", "addresses", "listeners")] == [8, 16, 64]
    assert [one["type"] for one in found["conditions"] if "/" not in one["type"]] == ["Accepted", "Programmed"]

    create(server, "HTTPRoute", "full", {"parentRefs": [ref("edge")]})
    parents = [
        {"parentRef": ref(f"g{n}"), "controllerName": "example.com/other", "conditions": [foreign("Accepted")]}
        for n in range(31)
    ]
    apply_status(server, "HTTPRoute", "full", {"parents": parents})
    write(server, wanted("HTTPRoute", "full", parents=[entry("edge"), entry("more")]))
    found = get(server, "HTTPRoute", "full")["status"]["parents"]
    assert (len(found), found[31]["parentRef"]["name"]) == (32, "edge")
