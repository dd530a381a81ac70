"""An API server with a Gateway or two, for tests of what is written to statuses: see test_statuses_live."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar

import pytest

from cloudgw.controller import boards, kube, names, store, writing
from cloudgw.objects import CONTROLLER_NAME, GATEWAY_GROUP, Key
from cloudgw.routing import statuses
from cloudgw.sources import kubeconfig, served
from tests.cluster import cluster

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


def ref(name: str = "edge", **more: Any) -> dict[str, Any]:
    return {"group": GATEWAY_GROUP, "kind": "Gateway", "name": name, **more}


def entry(name: str, *, by: str = CONTROLLER_NAME, count: int = 1, **more: Any) -> dict[str, Any]:
    return {"parentRef": ref(name, **more), "controllerName": by, "conditions": said("Accepted", generation=count)}


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
