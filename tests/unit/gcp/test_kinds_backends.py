"""A backend service that gets other groups: the last that answers leaves when another does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.provider import Failed, Partial
from cloudgw_gcp import kinds_backends, kinds_commit, names, shapes
from tests.unit.gcp import elements
from tests.unit.gcp.test_kinds import Cloud, World, delete, update

B, C = elements.ZONES
PATHS = {zone: names.path(elements.PROJECT, zone, "networkEndpointGroups", "x") for zone in elements.ZONES}

MADE = {
    "address": names.path(elements.PROJECT, elements.REGION, "addresses", "a"),
    "health-check": names.path(elements.PROJECT, elements.REGION, "healthChecks", "h"),
}


class Probed(Cloud):
    """up: groups in which an endpoint is healthy, as long as they are in the backend service."""

    def __init__(self) -> None:
        super().__init__()
        self.up: set[str] = set()

    def health(self, service: str, group: str) -> list[dict[str, Any]]:
        assert group in groups(self, service), "Google refuses to tell of a group that is not there"
        return [{"healthState": "HEALTHY" if group in self.up else "UNHEALTHY"}]


def groups(cloud: Cloud, service: str) -> list[str]:
    return [names.path_of(backend["group"]) for backend in cloud.documents[service]["backends"]]


class Service:
    """One backend service over groups in some zones."""

    def __init__(self, *zones: str, up: Sequence[str] = ()) -> None:
        self.cloud = Probed()
        self.world = World(self.cloud)
        self.path = ""
        self.cloud.up = {PATHS[zone] for zone in up}
        self.cloud.members = {PATHS[zone]: ["n/10.0.0.1:80"] for zone in elements.ZONES}
        found = [elements.address(labels={}), elements.check(), elements.service("shop/x:80")]
        for zone in elements.ZONES:
            found += elements.group("shop/x:80", zone)
        changes = elements.difference(elements.graph(found))
        (self.change,) = (c for c in changes if model.kind_of(c.address) == "backend-service")
        made = [c for c in changes if model.kind_of(c.address) in MADE]
        self.ids = {kinds_commit.own(c): MADE[model.kind_of(c.address)] for c in made}
        self.ids |= {
            kinds_commit.own(c): PATHS[zone] for c in changes if (zone := c.address.rpartition("/")[2]) in PATHS
        }
        self.groups = {
            c.address.rpartition("/")[2]: model.Ref(c.address, "exists", c.name)
            for c in changes
            if model.kind_of(c.address) == "neg"
        }
        after = self.wants(*zones).after
        assert after is not None
        body = shapes.inserted(after, lambda ref: self.ids[ref.key], owner=elements.OWNER, region=elements.REGION)
        self.path = names.path(elements.PROJECT, elements.REGION, "backendServices", body["name"])
        self.cloud.documents[self.path] = elements.shown(body, self.path, after.fields)

    def wants(self, *zones: str, **spec: Any) -> model.Change:
        return update(self.change, self.path, backends=tuple(self.groups[zone] for zone in zones), **spec)

    def commit(self, *zones: str) -> None:
        self.world.commit("backend-service", [self.wants(*zones)], self.ids)

    def rounds(self, *zones: str) -> int:
        """How often it fails until it is done."""
        for count in range(200):
            try:
                self.commit(*zones)
            except Failed:
                continue
            return count
        raise AssertionError("it is never done")

    def stands_in(self) -> list[str]:
        return [path.split("/")[3] for path in groups(self.cloud, self.path)]

    def updates(self) -> int:
        return self.world.verbs().count("update")


def test_both_stand_until_one_to_come_is_healthy() -> None:
    service = Service(B, up=[B])
    for _ in range(3):
        with pytest.raises(Failed, match=r"keeps projects/.* until an endpoint of its other groups") as caught:
            service.commit(C)
        assert caught.value.why == "not_ready"
        assert service.stands_in() == [C, B]
    assert service.updates() == 1
    service.cloud.up.add(PATHS[C])
    service.commit(C)
    assert service.stands_in() == [C]
    assert service.cloud.held == {}


@pytest.mark.parametrize(
    ("before", "after", "up"),
    [((B,), (C,), []), ((B, C), (C,), [B, C]), ((B,), (B, C), [B]), ((B,), (), [B]), ((B, C), (C,), [C])],
    ids=["nobody answers", "one that stays answers", "nobody leaves", "no group is wanted", "who leaves is down"],
)
def test_who_need_not_wait(before: tuple[str, ...], after: tuple[str, ...], up: list[str]) -> None:
    service = Service(*before, up=up)
    service.commit(*after)
    assert service.stands_in() == list(after)
    assert service.updates() == 1


def test_they_do_not_stay_for_ever() -> None:
    service = Service(B, up=[B])
    assert service.rounds(C) == kinds_backends.PATIENCE
    assert service.stands_in() == [C]


def test_nobody_waits_long_for_groups_that_stay_empty() -> None:
    service = Service(B, up=[B])
    service.cloud.members[PATHS[C]] = []
    assert service.rounds(C) == kinds_backends.ATTACHED
    assert service.stands_in() == [C]


def test_all_else_is_changed_at_once() -> None:
    service = Service(B, up=[B])
    with pytest.raises(Failed):
        service.world.commit("backend-service", [service.wants(C, timeout=77)], service.ids)
    assert service.cloud.documents[service.path]["timeoutSec"] == 77


def test_one_that_waits_keeps_no_other() -> None:
    service = Service(B, up=[B])
    path = names.path(elements.PROJECT, elements.REGION, "backendServices", "gone")
    made = elements.difference(elements.graph([elements.address(), elements.check(), elements.service("none")]))
    other = delete(next(change for change in made if "backend-service/none" in change.key), path)
    with pytest.raises(Partial) as caught:
        service.world.commit("backend-service", [service.wants(C), other], service.ids)
    assert caught.value.key == service.wants(C).key
    assert caught.value.done == {kinds_commit.own(other): path}
