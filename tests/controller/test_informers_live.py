"""What the store is told by a real API server that is killed, stopped, compacted, and changes its mind."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cloudgw import objects
from cloudgw.controller import informers, resources
from cloudgw.controller.informers import Informers, Pace
from cloudgw.controller.kube import Kube, Refused
from cloudgw.controller.store import Store
from cloudgw.objects import Gateway
from cloudgw.sources import kubeconfig
from tests.cluster import cluster
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import OWN
from tests.cluster.test_sources_cluster import certificate
from tests.controller.test_informers import Sink, ran, until

pytestmark = pytest.mark.cluster
QUICK = Pace(first=0.1, most=1.0, look=1.0, watch=60.0, quiet=30.0)
GATEWAYS = "gateway.networking.k8s.io"
KINDS = {one.kind for one in resources.RESOURCES}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = cluster.start(tmp_path_factory.mktemp("informers"), crds=[OWN / "backendpolicies.yaml"])
    running.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}])
    yield running
    running.stop()


# The kernel ends a part of the control plane with the thread that started it: this one lives as long as we do.
_HAND = concurrent.futures.ThreadPoolExecutor(1)


async def by_hand(act: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_HAND, functools.partial(act, *arguments, **more))


class Deaf(Kube):
    """Watches break while `deaf`: what happens then is missed. forgotten: paths whose watch was told 410."""

    deaf = False

    def __init__(self, access: Callable[[], kubeconfig.Access]) -> None:
        super().__init__(access)
        self.forgotten: set[str] = set()

    async def watch(self, path: str, *arguments: Any, **more: Any) -> AsyncGenerator[dict[str, Any], None]:
        try:
            async with contextlib.aclosing(super().watch(path, *arguments, **more)) as events:
                async for event in events:
                    if self.deaf:
                        raise ConnectionError("deaf")
                    yield event
        except Refused as refused:
            if refused.status == 410:
                self.forgotten.add(path)
            raise


@contextlib.asynccontextmanager
async def watching(config: Path, sink: Any, **more: Any) -> AsyncIterator[tuple[Informers, Deaf]]:
    api = Deaf(lambda: kubeconfig.access(str(config)))
    all_ = Informers(api, sink, **({"pace": QUICK} | more))
    task = asyncio.ensure_future(all_.run())
    try:
        yield all_, api
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await api.close()


def service(name: str, port: int = 80) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"ports": [{"port": port}]},
    }


def policy(name: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{GATEWAYS}/v1",
        "kind": "BackendTLSPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "targetRefs": [{"group": "", "kind": "Service", "name": "any"}],
            "validation": {"hostname": "a.example", "wellKnownCACertificates": "System"},
        },
    }


async def apply(real: Cluster, *documents: Mapping[str, Any]) -> None:
    await by_hand(real.apply, documents)


async def delete(real: Cluster, *documents: Mapping[str, Any]) -> None:
    for document in documents:
        await by_hand(real.delete, document)


def test_every_kind_syncs_and_changes_arrive(real: Cluster) -> None:
    dirty: list[str] = []
    store = Store(lambda key, reason: dirty.append(f"{'/'.join(key)} {reason}"))
    class_ = {
        "apiVersion": f"{GATEWAYS}/v1",
        "kind": "GatewayClass",
        "metadata": {"name": "ours"},
        "spec": {"controllerName": "cloudgw.dev/gateway-controller"},
    }
    gateway: dict[str, Any] = {
        "apiVersion": f"{GATEWAYS}/v1",
        "kind": "Gateway",
        "metadata": {"name": "edge", "namespace": "shop"},
        "spec": {"gatewayClassName": "ours", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
    }

    async def main() -> None:
        async with watching(real.kubeconfig, store, extra=[resources.own("GatewayPlan")]) as (all_, _):
            began = time.monotonic()
            await until(all_.has_synced, 20)
            print(f"synced {len(KINDS)} kinds in {time.monotonic() - began:.2f} s")
            states = dict(all_.states())
            assert states.pop("GatewayPlan").startswith("is not installed")
            assert states == dict.fromkeys(KINDS, "")
            assert not store.is_complete("GatewayPlan")
            assert store.keys("CustomResourceDefinition")
            ours = {name for _, name in store.keys("CustomResourceDefinition") if not name.endswith(GATEWAYS)}
            assert ours == {"backendpolicies.cloudgw.dev"}
            await apply(real, class_, gateway, certificate())
            await until(lambda: store.gateways() == [("shop", "edge")])
            assert "shop/edge config" in dirty
            await until(lambda: store.get("Secret", ("shop", "shop-tls")) is not None)
            dirty.clear()
            gateway["spec"]["listeners"][0]["port"] = 8080
            await apply(real, gateway)
            await until(lambda: "shop/edge config" in dirty)
            found = store.get("Gateway", ("shop", "edge"))
            assert found is not None
            assert isinstance(found.item, Gateway)
            assert (found.item.listeners[0].port, found.generation) == (8080, 2)
            await delete(real, gateway)
            await until(lambda: store.get("Gateway", ("shop", "edge")) is None)
            assert store.class_of(("shop", "edge")) == "unknown"

    ran(main, 60)


def test_what_vanished_before_a_compaction_is_dropped_by_the_list_that_follows(
    real: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(informers, "_LOST", 10**6)  # only the server's 410 leads to a list
    sink = Sink()

    async def main() -> None:
        await apply(real, *(service(f"gone{n}") for n in range(8)))
        async with watching(real.kubeconfig, sink) as (all_, api):
            await until(all_.has_synced, 20)
            assert sink.said("drop") == 0
            api.deaf = True
            await delete(real, *(service(f"gone{n}") for n in range(4)))
            await apply(real, service("gone5", 81))
            await until(lambda: bool(sink.reasons["Service"]), 20)
            assert {f"shop/gone{n}" for n in range(8)} <= sink.names("Service")
            await by_hand(real.compact)
            await by_hand(real.restart)
            api.deaf = False
            await until(lambda: not any(all_.states().values()), 40)
            await until(lambda: "shop/gone0" not in sink.names("Service"), 20)
            assert "/api/v1/services" in api.forgotten
            assert {key for what, kind, key in (one for one in sink.told if one[0] == "drop") if kind == "Service"} == {
                f"shop/gone{n}" for n in range(4)
            }
            assert {one[1] for one in sink.told if one[0] == "drop"} == {"Service"}
            assert sink.objects["Service"]["shop", "gone5"].generation == 0

    ran(main, 100)


def test_a_server_that_is_killed_and_comes_back_costs_nothing(real: Cluster) -> None:
    sink = Sink()

    async def main() -> None:
        await apply(real, service("kept"))
        async with watching(real.kubeconfig, sink) as (all_, _):
            await until(all_.has_synced, 20)
            objects = {kind: sink.names(kind) for kind in sink.objects}
            await by_hand(real.kill)
            await until(lambda: all(all_.states().values()), 20)
            assert all("no answer" in reason for reason in all_.states().values())
            assert {kind: sink.names(kind) for kind in sink.objects} == objects
            await by_hand(real.restart)
            await until(lambda: not any(all_.states().values()), 40)
            assert sink.said("drop") == 0
            await delete(real, service("kept"))
            await until(lambda: "shop/kept" not in sink.names("Service"), 20)

    ran(main, 100)


def test_ten_seconds_without_etcd(real: Cluster) -> None:
    sink = Sink()

    async def main() -> None:
        async with watching(real.kubeconfig, sink) as (all_, _):
            await until(all_.has_synced, 20)
            objects = {kind: sink.names(kind) for kind in sink.objects}
            await by_hand(real.pause, "etcd")
            await asyncio.sleep(10)
            await by_hand(real.resume, "etcd")
            await until(lambda: not any(all_.states().values()), 40)
            assert {kind: sink.names(kind) for kind in sink.objects} == objects
            assert sink.said("drop") == 0
            await apply(real, service("after"))
            await until(lambda: "shop/after" in sink.names("Service"), 20)

    ran(main, 100)


def test_a_definition_that_is_deleted_while_watched_and_comes_back(real: Cluster) -> None:
    sink = Sink()
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/backendtlspolicies.{GATEWAYS}"

    async def main() -> None:
        await apply(real, policy("one"))
        slow = Pace(first=0.1, most=1.0, look=60.0)  # so that only the news of a definition can be quick
        async with watching(real.kubeconfig, sink, pace=slow) as (all_, _):
            await until(all_.has_synced, 20)
            assert sink.names("BackendTLSPolicy") == {"shop/one"}
            crd = (await by_hand(real.request, "GET", path))[1]
            held = sink.objects["BackendTLSPolicy"]["shop", "one"]
            patch = {"metadata": {"finalizers": ["tests.example/kept"]}}
            policies = f"/apis/{GATEWAYS}/v1/namespaces/shop/backendtlspolicies/one"
            await by_hand(real.request, "PATCH", policies, patch, content_type="application/merge-patch+json")
            await by_hand(real.request, "DELETE", path)
            await until(lambda: sink.objects["BackendTLSPolicy"]["shop", "one"].deleting, 20)
            assert sink.objects["CustomResourceDefinition"]["", f"backendtlspolicies.{GATEWAYS}"].deleting
            assert not held.deleting
            patch = {"metadata": {"finalizers": []}}
            await by_hand(real.request, "PATCH", policies, patch, content_type="application/merge-patch+json")
            await until(lambda: "is not installed" in all_.states()["BackendTLSPolicy"], 30)
            assert [one for one in sink.told if one[0] == "drop" and one[1] == "BackendTLSPolicy"] == [
                ("drop", "BackendTLSPolicy", "shop/one")
            ], "the server said that it was deleted"
            others = {kind: reason for kind, reason in all_.states().items() if kind != "BackendTLSPolicy"}
            assert not any(others.values())
            for name in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
                crd["metadata"].pop(name)
            crd.pop("status")
            await apply(real, crd)
            began = time.monotonic()
            await until(lambda: not all_.states()["BackendTLSPolicy"], 30)
            print(f"watched {time.monotonic() - began:.2f} s after its definition was applied")
            await apply(real, policy("two"))
            await until(lambda: sink.names("BackendTLSPolicy") == {"shop/two"})

    ran(main, 100)


def rules(*core: str) -> list[dict[str, Any]]:
    whole = (GATEWAYS, objects.OWN_GROUP, "discovery.k8s.io", "apiextensions.k8s.io")
    groups = {**{group: ["*"] for group in whole}, "": list(core)}
    return [
        {"apiGroups": [group], "resources": names, "verbs": ["get", "list", "watch"]} for group, names in groups.items()
    ]


def test_a_right_that_is_taken_away_and_given_back(real: Cluster) -> None:
    sink = Sink()
    core = ("services", "configmaps", "namespaces", "nodes")

    async def main() -> None:
        await apply(real, certificate())
        config = await by_hand(lambda: real.user("watcher", rules=rules(*core, "secrets")))
        pace = Pace(first=0.1, most=1.0, look=1.0, watch=1.0)
        async with watching(config, sink, pace=pace) as (all_, _):
            await until(all_.has_synced, 20)
            assert not any(all_.states().values())
            assert sink.names("Secret") == {"shop/shop-tls"}
            await by_hand(lambda: real.user("watcher", rules=rules(*core)))
            await until(lambda: bool(sink.reasons["Secret"]), 20)
            assert sink.reasons["Secret"] == (
                "user 'watcher' may not list and watch it (403): "
                'grant verbs "list", "watch" on resource "secrets" of API group ""'
            )
            assert sink.names("Secret") == {"shop/shop-tls"}
            await asyncio.sleep(3)
            assert {kind for kind, reason in sink.reasons.items() if reason} == {"Secret"}
            await by_hand(lambda: real.user("watcher", rules=rules(*core, "secrets")))
            await until(lambda: not sink.reasons["Secret"], 20)
            assert not any(one[0] == "drop" and one[1] == "Secret" for one in sink.told)

    ran(main, 100)
