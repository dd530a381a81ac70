"""Pods that move, through the real provider and SDK on the local Google Cloud: nobody sees a 5xx while the groups they
are in are replaced, cannot be made, or refuse one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gcp_ground
import pytest

from cloudgw.graph import model
from cloudgw.objects import Parameters
from cloudgw.routing import ir
from cloudgw.testing import ground, worlds
from cloudgw_local.gcp import call, kinds, references, start
from cloudgw_local.gcp import names as places

B, C = "europe-west1-b", "europe-west1-c"
GONE = ir.Target(address="10.77.0.1", port=8080, zone=B, node="node-gone")
WARM_SECONDS = 150.0  # until what was made is probed


class Cloud(gcp_ground.GCP):
    """With parameters of its own, and every moment at which a request to a.example failed."""

    def __init__(self) -> None:
        super().__init__()
        self.spec: dict[str, Any] = {}
        self.process = ground.Process(self)
        self.failed: list[float] = []
        self._parameters = self._told
        self.control.cloud.world.health.clear()

    def _told(self, world: worlds.World) -> Parameters:
        given = gcp_ground.parameters(world)
        return replace(given, spec={**given.spec, **self.spec})

    def stand(self, world: worlds.World, **spec: Any) -> None:
        """Makes it, waits until it is probed and begins to look."""
        self.spec = spec
        ground.journey(self.process, [world])
        self.clock.sleep(WARM_SECONDS)
        ground.journey(self.process, [world])
        self.on_tick(self._look)

    def _look(self) -> None:
        for where, (name, _) in self.process.memory.diary.published.items():
            if model.kind_of(where) == "address" and self.fails(name, 80, "a.example", "/"):
                self.failed.append(self.clock.now())

    def attached(self) -> Mapping[str, list[str]]:
        """Endpoints of Service one by zone, as "<ip>:<port>"."""
        found: dict[str, list[str]] = {}
        for item in self.resources():
            where = str(item["path"])
            if "/networkEndpointGroups/" in where and "-one-" in where:
                here = found.setdefault(where.split("/")[3], [])
                here += [f"{one['ipAddress']}:{one['port']}" for one in item["document"].get("_endpoints", ())]
        return {zone: sorted(here) for zone, here in found.items()}

    def plant_subnetwork(self, name: str, block: str, zone: str, node: str, pods: str) -> None:
        """A second subnetwork of the same network, with a node."""
        own: Any = self.control.cloud
        around = call.Surroundings(
            world=own.world, kinds=kinds.KINDS, settings=own.control.values, beliefs=own.beliefs, time=start.BORN
        )

        def put(place: places.Place, given: Mapping[str, Any]) -> None:
            kind = kinds.KINDS[place.collection]
            body = {"name": place.name, **given}
            references.settle(body, kind, place, own.world, around)
            start.plant(own.world, place, kind.accept(body, place, None, around))

        put(*start._subnetwork(name, "net-edge", block))
        machine = start._node(zone, block.replace(".0/16", ".5"), "", pods)
        machine["networkInterfaces"][0]["subnetwork"] = start.at(start.HOME, "subnetworks", name).link
        machine["networkInterfaces"][0]["aliasIpRanges"] = [{"ipCidrRange": pods}]
        put(start.at(f"zones/{zone}", "instances", node), machine)


def one(*targets: str) -> worlds.World:
    return worlds.BASE.with_service("one", worlds.Service(targets=targets))


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.mark.parametrize(("before", "updates"), [((B,), 4), ((B, C), 2)])
def test_zones_are_exchanged_in_two_steps(cloud: Cloud, before: tuple[str, ...], updates: int) -> None:
    """Service two has no pod in the zone that stays: its group goes for all that."""
    world = one("10.0.1.10:8080", "10.0.2.10:8080")
    cloud.stand(world, zones=list(before))
    since = cloud.calls()
    cloud.spec = {"zones": [C]}
    applied = cloud.process.apply(world)
    assert (applied.state, applied.failures) == ("done", ())
    assert cloud.attached() == {C: ["10.0.2.10:8080"]}
    assert not cloud.failed
    assert cloud.operations(since).count("update backendServices") == updates


@pytest.mark.parametrize("scheme", ["public", "internal"])
def test_nodes_move_to_another_subnetwork(cloud: Cloud, scheme: str) -> None:
    cloud.plant_subnetwork("subnet-two", "10.50.0.0/16", B, "node-two", "10.50.1.0/24")
    before = replace(one("10.0.1.10:8080"), scheme=scheme)
    after = before.with_service("one", worlds.Service(targets=("10.50.1.10:8080",)))
    after = after.with_service("two", worlds.Service(targets=("10.50.1.11:8080",)))
    cloud.stand(before, zones=[B])
    cloud.spec = {"zones": [B], "subnetwork": {"name": "subnet-two"}}
    assert cloud.process.apply(after).state == "done"
    assert cloud.attached() == {B: ["10.50.1.10:8080"]}
    assert not cloud.failed


def test_groups_that_never_get_healthy_come_at_last(cloud: Cloud) -> None:
    """A controller tries on, and what is wanted wins."""
    cloud.stand(one("10.0.1.10:8080"), zones=[B])
    cloud.control.cloud.set_health("10.0.2.10:8080", False)
    cloud.spec = {"zones": [C]}
    world = one("10.0.2.10:8080")
    session = cloud.session()
    cloud.session = lambda: session  # type: ignore[method-assign]
    applied = cloud.process.apply(world)
    assert applied.state == "failed"
    assert "until an endpoint of its other groups is healthy" in applied.failures[0]
    assert not cloud.failed
    for _ in range(5):
        applied = cloud.process.apply(world)
        if applied.state == "done":
            break
    assert applied.state == "done"
    assert cloud.failed


def test_pods_stay_where_they_answer_while_their_new_group_cannot_be_made(cloud: Cloud) -> None:
    cloud.stand(one("10.0.1.10:8080"), zones=[B])
    cloud.spec = {"zones": [B, C]}
    cloud.control.settings(quota_network_endpoint_groups=0)
    applied = cloud.process.apply(one("10.0.2.10:8080"))
    assert applied.state == "failed"
    assert any("quotaExceeded" in said for said in applied.failures)
    assert cloud.attached() == {B: ["10.0.1.10:8080"]}
    cloud.control.settings(quota_network_endpoint_groups=100)
    assert cloud.process.apply(one("10.0.2.10:8080")).state == "done"
    assert cloud.attached() == {B: [], C: ["10.0.2.10:8080"]}
    assert not cloud.failed


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> list[ir.Target]:
    """Pods of Service one on a machine that does not exist any more; a test may take them away."""
    found = [GONE]
    plain = worlds.routing

    def routing(world: worlds.World, parameters: Parameters | None = None) -> ir.Routing:
        made = plain(world, parameters)
        backends = {
            key: replace(backend, targets=(*backend.targets, *found))
            if key.name == "one" and isinstance(backend, ir.Backend) and isinstance(backend.targets, tuple)
            else backend
            for key, backend in made.backends.items()
        }
        return replace(made, backends=backends)

    monkeypatch.setattr(worlds, "routing", routing)
    return found


class Late(Cloud):
    beliefs = (("gcp-late-refusal", "late"),)


@pytest.mark.parametrize("make", [Cloud, Late])
def test_a_pod_that_is_refused_keeps_no_other(make: type[Cloud], gone: list[ir.Target]) -> None:
    cloud = make()
    gone.clear()
    cloud.stand(one("10.0.1.10:8080", "10.0.2.10:8080"), zones=[B, C])
    gone.append(GONE)
    world = one("10.0.1.20:8080", "10.0.2.20:8080")
    applied = cloud.process.apply(world)
    assert applied.state == "waiting"
    (left,) = applied.plan.changes
    assert "node-gone/10.77.0.1:8080" in next(wait.message for wait in left.waits if wait.what == "refused")
    assert cloud.attached() == {B: ["10.0.1.20:8080"], C: ["10.0.2.20:8080"]}
    gone.clear()
    assert cloud.process.apply(one("10.0.1.21:8080", "10.0.2.20:8080")).state == "done"
    assert cloud.attached() == {B: ["10.0.1.21:8080"], C: ["10.0.2.20:8080"]}
    assert not cloud.failed
