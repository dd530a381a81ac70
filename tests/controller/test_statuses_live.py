"""Statuses, the finalizer and Events on a real API server: what is not ours stays, to the byte, whoever writes when."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar

import pytest

from cloudgw.controller import boards, events, finalizers, kube, merging, names, store, writing
from cloudgw.objects import CONTROLLER_NAME, GATEWAY_GROUP, Key
from cloudgw.routing import statuses
from cloudgw.sources import kubeconfig, served
from tests.cluster import build, cluster

pytestmark = pytest.mark.cluster
T = TypeVar("T")
SHOP = "shop"
V1 = f"{GATEWAY_GROUP}/v1"
PLURALS = {
    "GatewayClass": "gatewayclasses",
    "Gateway": "gateways",
    "ListenerSet": "listenersets",
    "HTTPRoute": "httproutes",
    "BackendTLSPolicy": "backendtlspolicies",
}
OWN = served.Resource(group=names.GROUP, version=names.VERSION, kind="GatewayPlan", plural="gatewayplans")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    running = cluster.start(tmp_path_factory.mktemp("cluster-statuses"))
    try:
        running.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHOP}}])
        yield running
    finally:
        running.stop()


def resource(kind: str) -> served.Resource | None:
    if kind == OWN.kind:
        return OWN
    if kind not in PLURALS:
        return None
    return served.Resource(
        group=GATEWAY_GROUP, version="v1", kind=kind, plural=PLURALS[kind], namespaced=kind != "GatewayClass"
    )


def path(kind: str, name: str) -> str:
    found = resource(kind)
    assert found is not None
    return f"{found.path('' if kind == 'GatewayClass' else SHOP)}/{name}"


class Live:
    """Our side: a Kube, a Store that sees only what `see` shows it, and a Writer. counted: (method, code)."""

    def __init__(self, running: cluster.Cluster) -> None:
        self.counted: list[tuple[str, int]] = []
        self.kube = kube.Kube(
            lambda: kubeconfig.access(str(running.kubeconfig)),
            told=lambda method, code, _: self.counted.append((method, code)),
        )
        self.store = store.Store(lambda *_: None)
        for kind in PLURALS:
            self.store.complete(kind)
        self.board = boards.RouteBoard(self.store)
        self.writer = writing.Writer(self.kube, self.store, resource)

    async def see(self, kind: str, name: str) -> dict[str, Any]:
        data = await self.kube.get(path(kind, name))
        data["metadata"].pop("managedFields", None)
        self.store.put(kind, *store.live(kind, data))
        self.counted.clear()
        return data


def run(running: cluster.Cluster, work: Callable[[Live], Awaitable[T]]) -> T:
    async def main() -> T:
        live = Live(running)
        try:
            return await work(live)
        finally:
            await live.kube.close()

    return asyncio.run(main())


def get(running: cluster.Cluster, kind: str, name: str) -> dict[str, Any]:
    code, found = running.request("GET", path(kind, name))
    assert code == 200, found
    return found


def create(running: cluster.Cluster, kind: str, name: str, spec: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    """A new object in place of what had the name."""
    running.request("DELETE", path(kind, name))
    metadata |= {"name": name} | ({} if kind == "GatewayClass" else {"namespace": SHOP})
    data = {"apiVersion": V1, "kind": kind, "metadata": metadata, "spec": spec}
    code, found = running.request("POST", path(kind, name).rpartition("/")[0] + "?fieldManager=person", data)
    assert code == 201, found
    return found


def gateway(running: cluster.Cluster, name: str = "edge", *listeners: str, **metadata: Any) -> dict[str, Any]:
    found = [{"name": one, "port": 80 + n, "protocol": "HTTP"} for n, one in enumerate(listeners or ("http",))]
    return create(running, "Gateway", name, {"gatewayClassName": "cloud", "listeners": found}, **metadata)


def apply_status(
    running: cluster.Cluster, kind: str, name: str, status: Mapping[str, Any], manager: str = "auditor"
) -> None:
    """As another controller does, by server-side apply."""
    metadata = {"name": name} | ({} if kind == "GatewayClass" else {"namespace": SHOP})
    data = {"apiVersion": V1, "kind": kind, "metadata": metadata, "status": status}
    target = f"{path(kind, name)}/status?fieldManager={manager}&force=true"
    code, found = running.request("PATCH", target, data, content_type="application/apply-patch+yaml")
    assert code == 200, found


def foreign(type: str, generation: int = 1) -> dict[str, Any]:
    return {
        "type": type,
        "status": "False",
        "reason": "Asked",
        "message": 'with "quotes", ünïcode and \\',
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "observedGeneration": generation,
    }


def said(*types: str, status: statuses.State = "True", generation: int = 1) -> list[dict[str, Any]]:
    found = [
        statuses.Condition(type=one, status=status, reason=one, message="it is so", generation=generation)
        for one in types
    ]
    return [one.json() for one in found]


def wanted(kind: str, name: str, **status: Any) -> statuses.ObjectStatus:
    namespace = "" if kind == "GatewayClass" else SHOP
    return statuses.ObjectStatus(kind=kind, namespace=namespace, name=name, status=status)


def listener(name: str, *types: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "attachedRoutes": 1, "supportedKinds": [], "conditions": said(*types), **more}


def managers(found: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """(manager, operation) -> its whole record, as text."""
    return {(one["manager"], one["operation"]): json.dumps(one) for one in found["metadata"]["managedFields"]}


def texts(conditions: list[dict[str, Any]]) -> list[str]:
    return [json.dumps(one) for one in conditions if one["type"].startswith("example.com/")]


def write(running: cluster.Cluster, want: statuses.ObjectStatus) -> list[tuple[str, int]]:
    """Which requests it took."""

    async def work(live: Live) -> list[tuple[str, int]]:
        key: Key = (want.namespace, want.name)
        await live.see(want.kind, want.name)
        assert await live.writer.write(want.kind, key, want) is True
        assert await live.writer.write(want.kind, key, want) is False
        first = list(live.counted)
        await live.see(want.kind, want.name)
        assert await live.writer.write(want.kind, key, want) is False
        assert live.counted == []
        return first

    return run(running, work)


# What others say stays


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


def ref(name: str = "edge", **more: Any) -> dict[str, Any]:
    return {"group": GATEWAY_GROUP, "kind": "Gateway", "name": name, **more}


def entry(name: str, *, by: str = CONTROLLER_NAME, count: int = 1, **more: Any) -> dict[str, Any]:
    return {"parentRef": ref(name, **more), "controllerName": by, "conditions": said("Accepted", generation=count)}


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


async def until_taken(attempt: Callable[[], Awaitable[Any]]) -> None:
    """Again after each conflict, as every controller does."""
    while True:
        try:
            await attempt()
        except kube.Refused as refused:
            if refused.status != 409:
                raise
        else:
            return


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


FREEZE = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "frozen-gateways"},
    "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [GATEWAY_GROUP],
                    "apiVersions": ["*"],
                    "operations": ["UPDATE"],
                    "resources": ["gateways"],
                }
            ]
        },
        "validations": [{"expression": "false", "message": "Gateways are frozen"}],
    },
}
BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "frozen-gateways"},
    "spec": {"policyName": "frozen-gateways", "validationActions": ["Deny"]},
}


def test_a_policy_added_later_denies_the_finalizer_alone_and_is_named(server: cluster.Cluster) -> None:
    uid = gateway(server, "frozen", finalizers=["example.com/theirs"])["metadata"]["uid"]
    found = resource("Gateway")
    assert found is not None

    async def work(live: Live) -> str:
        assert await finalizers.hold(live.kube, found, (SHOP, "frozen"), uid) is True
        server.apply([FREEZE, BINDING])
        try:
            await live.kube.delete(path("Gateway", "frozen"))
            async with asyncio.timeout(30):  # until the server has compiled the policy
                for count in range(1000):
                    label = {"metadata": {"labels": {"count": str(count)}}}
                    try:
                        await live.kube.patch(path("Gateway", "frozen"), label)
                    except kube.Refused:
                        break
                    await asyncio.sleep(0.1)
            await live.see("Gateway", "frozen")
            want = wanted("Gateway", "frozen", conditions=said("Accepted", "Programmed", status="False"))
            assert await live.writer.write("Gateway", (SHOP, "frozen"), want) is True
            with pytest.raises(finalizers.Denied) as denied:
                await finalizers.release(live.kube, found, (SHOP, "frozen"), uid)
        finally:
            server.delete(BINDING)
            server.delete(FREEZE)
        async with asyncio.timeout(30):
            while True:
                try:
                    assert await finalizers.release(live.kube, found, (SHOP, "frozen"), uid) is True
                    break
                except finalizers.Denied:
                    await asyncio.sleep(0.1)
        assert denied.value.policy == "ValidatingAdmissionPolicy frozen-gateways"
        return str(denied.value)

    words = run(server, work)
    assert "Gateways are frozen" in words
    assert "matchConditions: !has(object.metadata.deletionTimestamp)" in words
    left = get(server, "Gateway", "frozen")["metadata"]
    assert left["finalizers"] == ["example.com/theirs"]

    async def hold(live: Live) -> bool:
        return await finalizers.hold(live.kube, found, (SHOP, "frozen"), uid)

    assert run(server, hold) is False  # it is being deleted
    server.request("PATCH", path("Gateway", "frozen"), {"metadata": {"finalizers": []}}, content_type=kube.MERGE)
    assert server.request("GET", path("Gateway", "frozen"))[0] == 404


# A parentRef is what the spec says


@pytest.mark.parametrize(
    "written",
    [
        {"name": "edge"},
        {"name": "edge", "group": GATEWAY_GROUP, "kind": "Gateway"},
        {"name": "edge", "namespace": SHOP},
        {"name": "edge", "namespace": "elsewhere", "sectionName": "http"},
        {"name": "edge", "namespace": None, "sectionName": "http", "port": 80},
        {"name": "more", "kind": "ListenerSet", "port": 443},
        {"name": "x", "group": "", "kind": "Service", "port": 80},
    ],
)
def test_a_parent_ref_is_echoed_to_the_byte(server: cluster.Cluster, written: dict[str, Any]) -> None:
    create(server, "HTTPRoute", "echo", {"parentRefs": [written]})

    async def work(live: Live) -> None:
        data = await live.see("HTTPRoute", "echo")
        seen = live.store.get("HTTPRoute", (SHOP, "echo"))
        assert seen is not None
        refs = boards.parent_refs(seen.item)
        assert refs is not None
        assert refs == data["spec"]["parentRefs"]
        said_of_it = {"parentRef": refs[0], "controllerName": CONTROLLER_NAME, "conditions": said("Accepted")}
        live.board.put((SHOP, "edge"), {("HTTPRoute", (SHOP, "echo")): [said_of_it]})
        assert await live.writer.post(live.board, "HTTPRoute", (SHOP, "echo")) is True

    run(server, work)
    found = get(server, "HTTPRoute", "echo")
    assert json.dumps(found["status"]["parents"][0]["parentRef"]) == json.dumps(found["spec"]["parentRefs"][0])


# Our own kinds, and Events


def definition() -> dict[str, Any]:
    loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": loose, "status": loose}}
    version = {"name": names.VERSION, "served": True, "storage": True, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{OWN.plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {"plural": OWN.plural, "kind": OWN.kind},
            "versions": [{**version, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def test_kubectl_waits_for_one_of_our_own_kinds(server: cluster.Cluster) -> None:
    server.apply([definition()])
    server.wait_for(definition())
    server.apply(
        [{"apiVersion": OWN.api_version, "kind": OWN.kind, "metadata": {"name": "web", "namespace": SHOP}, "spec": {}}]
    )
    kubectl = [str(build.control_plane() / "kubectl"), "--kubeconfig", str(server.kubeconfig), "-n", SHOP]

    def ready(condition: str) -> int:
        command = [*kubectl, "wait", f"--for=condition={condition}", "gatewayplan/web", "--timeout=1s"]
        return subprocess.run(command, capture_output=True, timeout=60).returncode

    async def put(live: Live, *problems: str) -> list[tuple[str, int]]:
        want = merging.readiness(OWN.kind, SHOP, "web", 1, problems)
        assert await live.writer.write(OWN.kind, (SHOP, "web"), want) is True
        return list(live.counted)

    assert run(server, lambda live: put(live, "spec.x: is wrong; remove it")) == [("GET", 200), ("PATCH", 200)]
    assert (ready("Ready") != 0, ready("Stalled")) == (True, 0)
    run(server, put)
    assert (ready("Ready"), ready("Stalled") != 0) == (0, True)
    code, found = server.request("GET", f"{OWN.path(SHOP)}/web")
    assert (code, found["status"]["observedGeneration"], len(found["status"]["conditions"])) == (200, 1, 1)


def test_people_see_events(server: cluster.Cluster) -> None:
    uid = gateway(server, "told")["metadata"]["uid"]

    async def work(live: Live) -> None:
        speaker = events.Events(live.kube, instance="pod-1")
        sending = asyncio.create_task(speaker.run())
        for _ in range(3):
            speaker.say("Gateway", (SHOP, "told"), uid, "Warning", "Denied", "ä" * 2000, V1)
        speaker.say("Gateway", (SHOP, "told"), uid, "Normal", "Programmed", "it serves", V1)
        speaker.say("Gateway", ("nowhere", "told"), uid, "Normal", "Programmed", "lost", V1)
        speaker.say("GatewayClass", ("", "c" * 253), uid, "Normal", "Accepted", "it is taken", V1)
        async with asyncio.timeout(10):
            while len(live.counted) < 4:
                await asyncio.sleep(0.01)
        sending.cancel()
        assert [code for _, code in live.counted] == [201, 201, 404, 201]

    run(server, work)
    command = [
        str(build.control_plane() / "kubectl"),
        "--kubeconfig",
        str(server.kubeconfig),
        "describe",
        "gateway",
        "told",
        "-n",
        SHOP,
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    lines = [line.split() for line in shown.partition("Events:")[2].splitlines()]
    found = sorted(line[:2] for line in lines if line[:1] in (["Warning"], ["Normal"]))
    assert found == [["Normal", "Programmed"], ["Warning", "Denied"]]
    assert "it serves" in shown
