"""What attaches and detaches pods: in which order, what is waited for, and when the last that answer may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_gcp import kinds_commit, kinds_endpoints, names
from tests.unit.gcp import elements
from tests.unit.gcp.test_kinds import World

Json = dict[str, Any]
OLD, FRESH, OTHER = "n/10.0.0.1:80", "n/10.0.0.1:81", "n/10.0.0.2:80"


def endpoints(targets: Sequence[str], before: bool = True) -> tuple[model.Change, str, Json]:
    neg, wanted = elements.group("shop/x:80", elements.ZONES[0], targets)
    changes = elements.difference(elements.graph([neg, wanted]))
    change = next(c for c in changes if c.fast)
    path = names.path(elements.PROJECT, elements.ZONES[0], "networkEndpointGroups", "x")
    return change, path, {model.key_of(neg.address, change.name): path} if before else {}


def test_endpoints_that_differ_are_attached_then_detached_and_not_awaited() -> None:
    world = World()
    change, path, ids = endpoints(("n/10.0.0.1:80", "n/10.0.0.2:80"))
    world.cloud.members[path] = ["n/10.0.0.2:80", "n/10.0.0.3:80"]
    assert world.commit("endpoints", [change], ids) == {kinds_commit.own(change): path}
    assert world.cloud.log == [f"list {path}", "attachNetworkEndpoints x", "wait 1", "detachNetworkEndpoints x"]
    assert world.cloud.members[path] == ["n/10.0.0.1:80", "n/10.0.0.2:80", "n/10.0.0.3:80"]
    assert set(world.cloud.pending) == {path}
    world.cloud.log.clear()
    world.commit("endpoints", [change], ids)
    assert world.cloud.log == ["wait 1", f"list {path}"]
    assert world.cloud.members[path] == ["n/10.0.0.1:80", "n/10.0.0.2:80"]
    assert world.cloud.pending == {}


def test_many_endpoints_go_in_parts() -> None:
    world = World()
    change, path, ids = endpoints([f"n/10.1.{n // 200}.{n % 200}:80" for n in range(1201)])
    world.commit("endpoints", [change], ids)
    assert world.verbs() == ["list", "attachNetworkEndpoints", "wait", "attachNetworkEndpoints", "wait"] + [
        "attachNetworkEndpoints"
    ]
    world.commit("endpoints", [change], ids)
    assert len(world.cloud.members[path]) == 1201


def test_the_failure_of_what_was_not_awaited_comes_with_the_next() -> None:
    world = World()
    change, path, ids = endpoints(("n/10.0.0.1:80",))
    world.commit("endpoints", [change], ids)
    world.cloud.late["attach"] = Failed("invalid", "no such instance")
    with pytest.raises(Failed, match="no such instance"):
        world.commit("endpoints", [change], ids)
    world.cloud.late.clear()
    world.commit("endpoints", [change], ids)
    world.commit("endpoints", [change], ids)
    assert world.cloud.members[path] == ["n/10.0.0.1:80"]


def test_endpoints_of_a_group_without_an_id_wait() -> None:
    change, _, ids = endpoints(("n/10.0.0.1:80",), before=False)
    with pytest.raises(Failed, match="made first") as caught:
        World().commit("endpoints", [change], ids)
    assert caught.value.why == "not_ready"


class Zones:
    """One Service port in two zones: what is attached there, and what should be."""

    def __init__(self, standing: Mapping[str, Sequence[str]], wanted: Mapping[str, Sequence[str]]) -> None:
        self.world = World()
        self.paths = {zone: names.path(elements.PROJECT, zone, "networkEndpointGroups", "x") for zone in standing}
        made = self._differences(standing)
        negs = [c for c in made if c.after is not None and not c.fast]
        seen = [
            model.Element(
                address=c.address,
                name=c.name,
                spec=c.after.fields,
                outputs={"id": self.paths[self.zone(c.address)]},
            )
            for c in made
            if c.after is not None
        ]
        self.ids = {model.key_of(c.address, c.name): self.paths[self.zone(c.address)] for c in negs}
        self.observed = [one for one in seen if model.kind_of(one.address) == "endpoints"]
        self.changes = [c for c in self._differences(wanted, model.graph(seen)) if c.fast]
        self.world.cloud.members = {self.paths[zone]: list(found) for zone, found in standing.items()}

    def _differences(
        self, targets: Mapping[str, Sequence[str]], observed: model.Graph | None = None
    ) -> list[model.Change]:
        found = [one for zone in self.paths for one in elements.group("shop/x:80", zone, targets[zone])]
        return list(elements.difference(elements.graph(found), observed))

    def zone(self, where: model.Address) -> str:
        return where.rpartition("/")[2]

    def commit(self) -> dict[str, list[str]]:
        """What is attached once everything has ended, by zone."""
        group = kinds_endpoints.group_of(self.changes[0].address, "", {})
        kinds_endpoints.commit(self.world.session, group, self.observed, self.changes, self.ids)
        cloud = self.world.cloud
        cloud.wait([cloud.pending.pop(path) for path in list(cloud.pending)])
        return {zone: cloud.members[path] for zone, path in self.paths.items()}


B, C = elements.ZONES[:2]


def test_the_last_that_answer_stay_until_another_does() -> None:
    zones = Zones({B: (OLD,), C: ()}, {B: (FRESH,), C: ()})
    zones.world.cloud.states = {OLD: "HEALTHY"}
    assert zones.commit()[B] == [OLD, FRESH]
    zones.world.cloud.states[FRESH] = "UNKNOWN"
    assert zones.commit()[B] == [OLD, FRESH]
    zones.world.cloud.states[FRESH] = "HEALTHY"
    assert zones.commit()[B] == [FRESH]
    assert zones.world.cloud.held == {}


def test_they_do_not_stay_for_ever() -> None:
    zones = Zones({B: (OLD,), C: ()}, {B: (FRESH,), C: ()})
    zones.world.cloud.states = {OLD: "HEALTHY"}
    rounds = 0
    while OLD in zones.commit()[B]:
        rounds += 1
        assert rounds < 50
    assert rounds == kinds_endpoints.PATIENCE


@pytest.mark.parametrize(
    ("standing", "wanted", "states", "left"),
    [
        ({B: (OLD,), C: ()}, {B: (), C: ()}, {OLD: "HEALTHY"}, {B: [], C: []}),
        ({B: (OLD,), C: ()}, {B: (FRESH,), C: ()}, {}, {B: [FRESH], C: []}),
        ({B: (OLD,), C: ()}, {B: (FRESH,), C: ()}, {OLD: "UNHEALTHY"}, {B: [FRESH], C: []}),
        ({B: (OLD,), C: (OTHER,)}, {B: (), C: (OTHER,)}, {OLD: "HEALTHY", OTHER: "HEALTHY"}, {B: [], C: [OTHER]}),
        ({B: (OLD,), C: (OTHER,)}, {B: (), C: (OTHER,)}, {OLD: "HEALTHY"}, {B: [OLD], C: [OTHER]}),
        ({B: (OLD,), C: ()}, {B: (), C: (OTHER,)}, {OLD: "HEALTHY"}, {B: [OLD], C: [OTHER]}),
    ],
    ids=[
        "nobody is wanted",
        "nobody is probed",
        "they do not answer either",
        "another zone answers",
        "another zone does not answer",
        "all move to another zone",
    ],
)
def test_who_may_go(
    standing: dict[str, tuple[str, ...]],
    wanted: dict[str, tuple[str, ...]],
    states: dict[str, str],
    left: dict[str, list[str]],
) -> None:
    zones = Zones(standing, wanted)
    zones.world.cloud.states = states
    assert zones.commit() == left
