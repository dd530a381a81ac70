"""What the store is told while an API server behaves, fails, forgets and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from cloudgw.controller import informers, kube, resources, store
from cloudgw.controller.informers import Informers, Pace
from cloudgw.controller.kube import Kube
from cloudgw.controller.resources import Wanted
from cloudgw.objects import Key, Unknown
from cloudgw.sources import catalog, kubeconfig
from tests.controller.api_server import GROUP, KIND, ApiServer, thing

QUICK = Pace(first=0.02, most=0.2, look=0.2, watch=30.0, quiet=5.0)
THING = Wanted(group=GROUP, kind=KIND, versions=("v1",))


class Sink:
    """A store that remembers what it was told, and says it must not know of an object that nobody put."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[Key, store.Live]] = {}
        self.reasons: dict[str, str] = {}
        self.told: list[tuple[str, ...]] = []

    def put(self, kind: str, key: Key, new: store.Live) -> None:
        self.objects.setdefault(kind, {})[key] = new
        self.told.append(("put", kind, "/".join(key)))

    def drop(self, kind: str, key: Key) -> None:
        del self.objects[kind][key]
        self.told.append(("drop", kind, "/".join(key)))

    def complete(self, kind: str) -> None:
        self.reasons[kind] = ""
        self.told.append(("complete", kind))

    def incomplete(self, kind: str, reason: str) -> None:
        assert reason
        self.reasons[kind] = reason
        self.told.append(("incomplete", kind))

    def names(self, kind: str = KIND) -> set[str]:
        return {f"{namespace}/{name}".lstrip("/") for namespace, name in self.objects.get(kind, {})}

    def said(self, what: str) -> int:
        return sum(one[0] == what for one in self.told)


class Stage:
    def __init__(self, server: ApiServer, sink: Sink, all_: Informers) -> None:
        self.server, self.sink, self.informers = server, sink, all_


@contextlib.asynccontextmanager
async def stage(
    server: ApiServer | None = None, *, wanted: Sequence[Wanted] = (THING,), pace: Pace = QUICK, **more: Any
) -> AsyncIterator[Stage]:
    async with (server or ApiServer()).running() as running:
        access = kubeconfig.Access(server=running.url, user="u", source="config", headers={})
        api = Kube(lambda: access)
        sink = Sink()
        all_ = Informers(api, sink, wanted=wanted, pace=pace, **more)
        task = asyncio.ensure_future(all_.run())
        try:
            yield Stage(running, sink, all_)
            assert not task.done(), "informers never end"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await api.close()


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.01)


def ran(main: Callable[[], Awaitable[None]], seconds: float = 20.0) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(seconds):
            await main()

    asyncio.run(bounded())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube, "_FIRST_PAUSE", 0.005)
    monkeypatch.setattr(informers, "_SETTLING", 0.05)
    monkeypatch.setattr(informers, "PAGE", 3)
    monkeypatch.setattr(resources, "_KEPT", 0.05)


def full(count: int = 10) -> ApiServer:
    server = ApiServer()
    for n in range(count):
        server.put(thing(f"t{n}", n=n))
    return server


def test_a_list_in_pages_then_every_event() -> None:
    async def main() -> None:
        async with stage(full()) as now:
            assert not now.informers.has_synced()
            await until(now.informers.has_synced)
            assert now.sink.names() == {f"a/t{n}" for n in range(10)}
            assert now.informers.states() == now.sink.reasons == {KIND: ""}
            now.server.put(thing("t3", n=33))
            now.server.put(thing("new"))
            now.server.remove("t5")
            await until(lambda: now.sink.told[-1] == ("drop", KIND, "a/t5"))
            assert now.sink.names() == {f"a/t{n}" for n in range(10) if n != 5} | {"a/new"}
            item = now.sink.objects[KIND]["a", "t3"].item
            assert not isinstance(item, Unknown)
            assert item.spec == {"n": 33}  # type: ignore[union-attr]
            assert now.server.asked.count("list") == 4
            assert now.sink.told.count(("incomplete", KIND)) == 1, "only before the first list"
            (one,) = now.informers.all()
            assert (one.objects, one.synced, one.installed, one.reason) == (10, True, True, "")
            assert time.monotonic() - one.last_event < 5
            resource = now.informers.resource(KIND)
            assert resource is not None
            assert resource.path("a") == f"/apis/{GROUP}/v1/namespaces/a/things"
            assert now.informers.resource("Other") is None

    ran(main)


def test_what_vanished_while_our_place_was_forgotten_is_dropped() -> None:
    async def main() -> None:
        async with stage(full()) as now:
            await until(now.informers.has_synced)
            now.server.refuse["watch"] = 503
            now.server.cut()
            await until(lambda: bool(now.sink.reasons[KIND]))
            assert "503" in now.sink.reasons[KIND]
            for n in range(4):
                now.server.remove(f"t{n}")
            now.server.put(thing("t9", n=99))
            now.server.forget()
            assert len(now.sink.names()) == 10
            del now.server.refuse["watch"]
            await until(lambda: len(now.sink.names()) == 6 and not now.sink.reasons[KIND])
            assert now.sink.said("drop") == 4
            assert now.sink.told[-1] == ("complete", KIND)
            assert now.sink.said("put") == 11, "what did not change is not put again"

    ran(main)


def test_a_stream_that_breaks_once_goes_on_where_it_was_and_nobody_hears_of_it() -> None:
    async def main() -> None:
        async with stage(full()) as now:
            await until(now.informers.has_synced)
            await asyncio.sleep(0.1)
            told = len(now.sink.told)
            for n in range(3):
                now.server.cut()
                now.server.put(thing(f"later{n}"))
                await until(lambda n=n: f"a/later{n}" in now.sink.names())  # type: ignore[misc]
                await asyncio.sleep(0.1)
            assert [one[0] for one in now.sink.told[told:]] == ["put"] * 3
            assert now.server.asked.count("list") == 4

    ran(main)


@pytest.mark.parametrize("code", [403, 404, 401, 429, 500, 503])
def test_a_list_that_fails_is_never_an_empty_list(code: int) -> None:
    async def main() -> None:
        async with stage(full()) as now:
            await until(now.informers.has_synced)
            now.server.refuse.update(list=code, watch=code)
            now.server.forget()
            now.server.cut()
            await until(lambda: bool(now.sink.reasons[KIND]))
            await asyncio.sleep(0.5)
            assert len(now.sink.names()) == 10
            assert now.sink.said("drop") == 0
            assert now.informers.has_synced()
            assert not now.informers.all()[0].synced
            now.server.refuse.clear()
            now.server.remove("t0")
            await until(lambda: not now.sink.reasons[KIND] and len(now.sink.names()) == 9)

    ran(main)


def test_pages_that_end_halfway_drop_nothing() -> None:
    async def main() -> None:
        async with stage(full()) as now:
            await until(now.informers.has_synced)
            now.server.after_page = lambda: now.server.refuse.update(list=500)
            now.server.forget()
            now.server.cut()
            await until(lambda: "500" in now.sink.reasons[KIND])
            assert len(now.sink.names()) == 10
            now.server.after_page = lambda: None
            now.server.refuse.clear()
            await until(lambda: not now.sink.reasons[KIND])
            assert now.sink.said("drop") == 0

    ran(main)


def test_a_list_that_the_server_forgets_between_pages_is_asked_for_at_once() -> None:
    async def main() -> None:
        server = full()
        server.continues = False
        server.after_page = lambda: server.objects.__delitem__(("a", "t0"))
        async with stage(server) as now:
            await until(now.informers.has_synced)
            assert now.sink.names() == {f"a/t{n}" for n in range(1, 10)}, "t0 stood in the list that ended"

    ran(main)


def test_a_server_that_forgets_at_once_is_not_asked_in_a_loop() -> None:
    async def main() -> None:
        server = full()
        server.oldest = 10**9
        async with stage(server) as now:
            await until(now.informers.has_synced)
            await asyncio.sleep(1.0)
            assert now.server.asked.count("watch") < 25

    ran(main)


def test_a_kind_that_is_not_installed_is_looked_for_and_starts_when_it_comes() -> None:
    async def main() -> None:
        server = full()
        server.installed = False
        async with stage(server) as now:
            await until(now.informers.has_synced)
            assert now.sink.reasons[KIND] == f"is not installed in the cluster: {KIND} ({GROUP}/v1)"
            assert not now.informers.all()[0].installed
            now.server.installed = True
            await until(lambda: not now.sink.reasons[KIND])
            assert len(now.sink.names()) == 10
            now.server.installed = False
            now.server.cut()
            await until(lambda: not now.informers.all()[0].installed)
            assert now.sink.reasons[KIND].startswith("is not installed")
            assert len(now.sink.names()) == 10, "that a definition went says nothing of what it defined"

    ran(main)


@pytest.mark.parametrize("code", [403, 500])
def test_discovery_that_fails_is_not_a_kind_that_is_not_installed(code: int) -> None:
    async def main() -> None:
        server = full()
        server.refuse["discovery"] = code
        async with stage(server) as now:
            await until(lambda: str(code) in now.sink.reasons.get(KIND, ""))
            assert not now.informers.has_synced()
            server.refuse.clear()
            await until(now.informers.has_synced)
            assert not now.sink.reasons[KIND]

    ran(main)


def test_a_kind_that_must_be_there_is_waited_for() -> None:
    async def main() -> None:
        server = full()
        server.refuse["list"] = 403
        needed = Wanted(group=GROUP, kind=KIND, versions=("v1",), optional=False)
        async with stage(server, wanted=(needed,)) as now:
            await until(lambda: "403" in now.sink.reasons.get(KIND, ""))
            rule = f'grant verbs "list", "watch" on resource "things" of API group "{GROUP}"'
            assert now.sink.reasons[KIND] == f"user 'u' may not list and watch it (403): {rule}"
            await asyncio.sleep(0.1)
            assert not now.informers.has_synced()
            server.refuse.clear()
            await until(now.informers.has_synced)

    ran(main)


def test_one_object_that_cannot_be_read_harms_only_itself() -> None:
    def read(kind: str, data: Mapping[str, Any]) -> tuple[Key, store.Live]:
        if data["metadata"]["name"] == "t4":
            raise KeyError("s3cret")
        return store.live(kind, data)

    async def main() -> None:
        async with stage(full(), read=read) as now:
            await until(now.informers.has_synced)
            assert not now.sink.reasons[KIND]
            item = now.sink.objects[KIND]["a", "t4"].item
            assert item == Unknown("cannot be read (defect: KeyError)")
            assert sum(isinstance(live.item, Unknown) for live in now.sink.objects[KIND].values()) == 1

    ran(main)


def test_some_namespaces_only() -> None:
    async def main() -> None:
        server = full(4)
        for namespace in ("b", "c"):
            server.put(thing("other", namespace))
        async with stage(server, namespaces=("a", "b")) as now:
            await until(now.informers.has_synced)
            assert now.sink.names() == {"a/t0", "a/t1", "a/t2", "a/t3", "b/other"}
            server.put(thing("more", "b"))
            server.put(thing("more", "c"))
            server.put(thing("more", "a"))
            await until(lambda: {"a/more", "b/more"} <= now.sink.names())
            assert not any(name.startswith("c/") for name in now.sink.names())
            server.forget()
            server.remove("other", "b")
            server.cut()
            await until(lambda: "b/other" not in now.sink.names())
            assert now.sink.said("drop") == 1, "a list of one namespace says nothing of another"

    ran(main)


def test_the_kinds_are_those_of_the_sources() -> None:
    assert {(one.group, one.kind) for one in resources.RESOURCES} == set(catalog.KINDS) - {("", "Node")}
    assert {one.kind for one in resources.RESOURCES if not one.optional} == {"GatewayClass", "Gateway"}
    (secret,) = (one for one in resources.RESOURCES if one.kind == "Secret")
    assert secret.params == {"fieldSelector": "type=kubernetes.io/tls"}
    assert not resources.own("ExampleClassParameters").namespaced
    assert resources.own("GatewayState", namespaces=("system",)).namespaces == ("system",)


def test_many_slices_are_read_in_seconds_and_the_loop_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten endpoints in each. Everything of this process waits while a loop does not go on."""
    monkeypatch.setattr(informers, "PAGE", 500)
    endpoints = [{"addresses": [f"10.0.0.{n}"], "conditions": {"ready": True}} for n in range(10)]
    server = ApiServer("discovery.k8s.io", "EndpointSlice", "endpointslices")
    for n in range(3000):
        ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
        server.put({**thing(f"s{n}"), "addressType": "IPv4", "ports": ports, "endpoints": endpoints})
    (wanted,) = (one for one in resources.RESOURCES if one.kind == "EndpointSlice")
    gaps: list[float] = []

    async def beat() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.001)
            gaps.append(time.monotonic() - began)

    async def main() -> None:
        async with stage(server, wanted=(wanted,)) as now:
            beating = asyncio.ensure_future(beat())
            await until(now.informers.has_synced, 15)
            beating.cancel()
            assert len(now.sink.names("EndpointSlice")) == 3000
            assert not now.sink.reasons["EndpointSlice"]
            assert len(gaps) > 50, "others had their turn meanwhile"

    ran(main, 30)
