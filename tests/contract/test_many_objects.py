"""What fifty routes to twenty Services cost on the local Google Cloud, counted from its own journal: creates, reads at
rest, one route more, other pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gcp_ground
import pytest

from cloudgw.provider import Session
from cloudgw.testing import contract_change, ground, worlds

MAKE = gcp_ground.GCP
ROUTES, SERVICES = 50, 20
MANY = contract_change.many(ROUTES, SERVICES)
LISTS, ROTATION = 17, 10  # pages of lists, and groups whose endpoints are asked again
ENDPOINTS = {"attachNetworkEndpoints networkEndpointGroups", "detachNetworkEndpoints networkEndpointGroups"}


class Counted(MAKE):
    """One session for all its life, as a process has, and the calls that the cloud saw."""

    def __init__(self) -> None:
        super().__init__()
        self._only = super().session()
        self._mark = 0

    def session(self) -> Session:
        return self._only

    def seen(self, *, write: bool) -> Counter[str]:
        """Calls since the last `mark`, by operation; operations that are polled left out."""
        calls = self.control.journal(self._mark)
        return Counter(
            c["operation"] for c in calls if c["write"] is write and not c["operation"].endswith("operations")
        )

    def mark(self) -> None:
        self._mark = max((call["sequence"] for call in self.control.journal()), default=0)

    def ours(self) -> int:
        """Resources that are ours."""
        return len(self.named())


@pytest.fixture(scope="module")
def standing() -> tuple[Counted, ground.Process, Counter[str], int]:
    """Fifty routes made: the cloud, the process, the writes it took and the resources that were made."""
    cloud = Counted()
    process = ground.Process(cloud)
    cloud.mark()
    ground.journey(process, [MANY])
    return cloud, process, cloud.seen(write=True), cloud.ours()


def test_creates_are_resources(standing: tuple[Counted, ground.Process, Counter[str], int]) -> None:
    _, _, writes, resources = standing
    inserts = {name: count for name, count in writes.items() if name.startswith("insert ")}
    rest = {name: count for name, count in writes.items() if not name.startswith("insert ")}
    print(f"{resources} resources, inserts {inserts}, else {rest}")
    assert sum(inserts.values()) == resources
    assert inserts["insert urlMaps"] == 1
    assert set(rest) == {"attachNetworkEndpoints networkEndpointGroups"}
    assert rest["attachNetworkEndpoints networkEndpointGroups"] == SERVICES  # each has its pods in one zone


def test_nothing_is_written_at_rest_and_little_is_read(
    standing: tuple[Counted, ground.Process, Counter[str], int],
) -> None:
    cloud, process, _, _ = standing
    assert not process.plan(MANY).changes  # the first listing of a rest may still settle what was written
    cloud.mark()
    assert not process.plan(MANY).changes
    assert not cloud.seen(write=True)
    reads = cloud.seen(write=False)
    print(f"at rest {sum(reads.values())} reads: {dict(reads)}")
    assert sum(reads.values()) <= LISTS + ROTATION


Change = Callable[[worlds.World], worlds.World]


def _inserted(world: worlds.World) -> worlds.World:
    return world.with_rules(worlds.Rule(host="new.example", to=(("s0", 1),)), *world.rules)


def _turned(world: worlds.World) -> worlds.World:
    rules = world.rules
    return world.with_rules(*(replace(rule, to=((f"s{(n + 1) % SERVICES}", 1),)) for n, rule in enumerate(rules)))


@pytest.mark.parametrize("change", [_inserted, _turned], ids=["one route inserted", "all routes changed"])
def test_routes_are_one_update(standing: tuple[Counted, ground.Process, Counter[str], int], change: Change) -> None:
    cloud, process, _, _ = standing
    ground.journey(process, [MANY])
    cloud.mark()
    ground.journey(process, [change(MANY)])
    assert cloud.seen(write=True) == {"update urlMaps": 1}


def test_other_pods_are_endpoint_calls(standing: tuple[Counted, ground.Process, Counter[str], int]) -> None:
    """One more, another one, and one that moves to a zone where the Service had none."""
    cloud, process, _, _ = standing
    ground.journey(process, [MANY])
    for targets in (("10.0.1.10:8080", "10.0.1.99:8080"), ("10.0.1.98:8080",), ("10.0.3.5:8080",)):
        cloud.mark()
        ground.journey(process, [MANY.with_service("s0", worlds.Service(targets=targets))])
        writes = cloud.seen(write=True)
        assert writes
        assert set(writes) <= ENDPOINTS, writes


def _refuse(mode: str) -> Callable[[Any, Callable[[str], str]], None]:
    """A route rule of a guilty host that sends requests to a Service; its 500 is accepted."""

    def refuse(cloud: Any, verdict: Callable[[str], str]) -> None:
        hosts = [f"h{number:02d}" for number in range(ROUTES) if verdict(f"h{number:02d}.example")]
        cloud.control.settings(
            refuse_name=rf"route-rule/80/({'|'.join(hosts)})[.]example/",
            refuse_body='"service": ".*/backendServices/cgw-[a-z0-9]+-edge-shop',
            refuse_mode=mode,
        )

    return refuse


@pytest.mark.parametrize("mode", ["sync", "unnamed", "late", "late-unnamed"])
@pytest.mark.parametrize("bad", [1, 3])
def test_one_route_is_refused(mode: str, bad: int) -> None:
    """The others are programmed, and nobody searches twice; one that Google names costs no search at all."""
    took = contract_change.cloud_refuses(MAKE, _refuse(mode), bad, ROUTES, said="not")
    print(f"{mode}, {bad} refused of {took['changes']} changes: {took['writes']} writes, bound {took['bound']}")
    assert took["writes"] <= took["bound"], took
    if "unnamed" not in mode:
        assert took["writes"] <= 2 * bad + 1, took


def test_waiting_lists_nothing() -> None:
    """Twelve minutes pass until names of a replaced load balancer have left the caches and its backends have drained:
    what ends at a known moment is waited for, not looked for."""
    cloud = MAKE()
    process = ground.Process(cloud)
    before, after = worlds.JOURNEYS["replace load balancer"]
    ground.journey(process, [before])
    began = cloud.clock.now()
    applied = process.apply(after)
    assert applied.state == "done"
    assert cloud.clock.now() - began > 600
    assert applied.passes <= 20
