"""The finalizer, references, our own kinds and Events on a real API server."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import Any

import pytest

from cloudgw.controller import boards, events, finalizers, kube, merging, names
from cloudgw.objects import CONTROLLER_NAME, GATEWAY_GROUP
from tests.cluster import build, cluster
from tests.controller.live_statuses import (
    OWN,
    SHOP,
    V1,
    Live,
    create,
    gateway,
    get,
    path,
    resource,
    run,
    said,
    server,
    wanted,
)

__all__ = ["server"]  # the fixture
pytestmark = pytest.mark.cluster


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
