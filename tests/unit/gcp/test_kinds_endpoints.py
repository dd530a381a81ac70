"""What attaches and detaches pods: in which order, what is waited for, and when the last that answer may go."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.provider import Failed, Partial
from cloudgw_gcp import kinds_commit, kinds_endpoints, names
from tests.unit.gcp import elements
from tests.unit.gcp.test_kinds import Cloud, World

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


class Picky(Cloud):
    """Refuses every call that names one of its guilty endpoints: at once, or when its operation ends."""

    def __init__(self) -> None:
        super().__init__()
        self.guilty: set[str] = set()
        self.is_late = False

    def act(self, collection: str, place: str, name: str, verb: str, body: Json) -> Any:
        said, effect = super().act(collection, place, name, verb, body)
        named = {f"{one['instance']}/{one['ipAddress']}:{one['port']}" for one in body["networkEndpoints"]}
        if not named & self.guilty or not verb.startswith("attach"):
            return said, effect
        problem = Failed("invalid", "no such instance")
        if not self.is_late:
            raise problem
        self.late["guilty"] = problem
        return f"{said} guilty", effect


class Zones:
    """One Service port in two zones: what is attached there, and what should be. standing without a zone: its group
    cannot be made, so that its change never comes."""

    def __init__(self, standing: Mapping[str, Sequence[str]], wanted: Mapping[str, Sequence[str]]) -> None:
        self.cloud = Picky()
        self.world = World(self.cloud)
        self.wanted = wanted
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
        found = [self._told(one) for zone in self.paths for one in elements.group("shop/x:80", zone, targets[zone])]
        return list(elements.difference(elements.graph(found), observed))

    def _told(self, element: model.Element) -> model.Element:
        """As build says it: whether the Service has pods in other zones."""
        others = any(self.wanted[zone] for zone in self.wanted if zone != self.zone(element.address))
        told = {"elsewhere": others} if model.kind_of(element.address) == "endpoints" else {}
        return dataclasses.replace(element, spec={**element.fields, **told})

    def zone(self, where: model.Address) -> str:
        return where.rpartition("/")[2]

    def send(self) -> None:
        group = kinds_endpoints.group_of(self.changes[0].address, "", {})
        kinds_endpoints.commit(self.world.session, group, self.observed, self.changes, self.ids)

    def commit(self) -> dict[str, list[str]]:
        """What is attached once everything has ended, by zone."""
        self.send()
        return self.ended()

    def fails(self) -> Failed:
        with pytest.raises(Failed) as caught:
            self.send()
        return caught.value

    def ended(self) -> dict[str, list[str]]:
        self.cloud.wait([self.cloud.pending.pop(path) for path in list(self.cloud.pending)])
        return {zone: self.cloud.members[path] for zone, path in self.paths.items()}

    def attempts(self) -> int:
        return sum(line.startswith("attach") for line in self.cloud.log)


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


def test_pods_that_move_to_a_group_that_cannot_be_made_stay_where_they_answer() -> None:
    """However long that takes; the one that is named is done as well, so that the engine does not try at once."""
    zones = Zones({B: (OLD,)}, {B: (), C: (OTHER,)})
    zones.cloud.states = {OLD: "HEALTHY"}
    for _ in range(kinds_endpoints.PATIENCE + 3):
        problem = zones.fails()
        assert (problem.why, problem.key) == ("not_ready", zones.changes[0].key)
        assert set(problem.done) == {kinds_commit.own(zones.changes[0])}
        assert zones.ended() == {B: [OLD]}
    zones.cloud.states = {OLD: "UNHEALTHY"}
    assert zones.commit() == {B: []}


def test_one_that_is_refused_keeps_no_other() -> None:
    bad = "gone/10.0.9.9:80"
    zones = Zones({B: (OLD,), C: (OLD,)}, {B: (FRESH, OTHER, bad), C: (OTHER,)})
    zones.cloud.guilty = {bad}
    problem = zones.fails()
    assert zones.ended() == {B: [FRESH, OTHER], C: [OTHER]}
    here = next(change for change in zones.changes if zones.zone(change.address) == B)
    assert (problem.why, problem.key) == ("invalid", here.key)
    assert set(problem.done) == {kinds_commit.own(change) for change in zones.changes}
    assert f"1 endpoints are refused and receive no requests, {bad} (no such instance)" in str(problem)


def test_what_is_refused_is_remembered_only_when_nothing_is_left_to_detach() -> None:
    bad = "gone/10.0.9.9:80"
    zones = Zones({B: (OLD,), C: ()}, {B: (FRESH, bad), C: ()})
    zones.cloud.guilty, zones.cloud.states = {bad}, {OLD: "HEALTHY"}
    assert zones.commit()[B] == [OLD, FRESH]
    zones.cloud.states[FRESH] = "HEALTHY"
    assert zones.fails().why == "invalid"
    assert zones.ended()[B] == [FRESH]


def test_nobody_leaves_for_those_that_are_refused() -> None:
    bad = "gone/10.0.9.9:80"
    zones = Zones({B: (OLD,), C: ()}, {B: (bad,), C: ()})
    zones.cloud.guilty, zones.cloud.states = {bad}, {OLD: "HEALTHY"}
    for _ in range(kinds_endpoints.PATIENCE + 3):
        problem = zones.fails()
        assert problem.why == "not_ready"
        assert bad in str(problem)
        assert zones.ended()[B] == [OLD]
    zones.cloud.states = {OLD: "UNHEALTHY"}
    assert zones.fails().why == "invalid"
    assert zones.ended()[B] == []


def test_what_is_refused_late_is_found_by_the_next() -> None:
    bad = "gone/10.0.9.9:80"
    zones = Zones({B: (), C: ()}, {B: (FRESH, bad), C: ()})
    zones.cloud.guilty, zones.cloud.is_late = {bad}, True
    zones.send()
    problem = zones.fails()
    assert (problem.why, problem.key) == ("invalid", zones.changes[0].key)
    assert zones.ended()[B] == [FRESH]


def test_what_is_refused_late_is_found_at_once_where_others_leave() -> None:
    bad = "gone/10.0.9.9:80"
    zones = Zones({B: (OLD,), C: (OLD,)}, {B: (FRESH, bad), C: (OTHER,)})
    zones.cloud.guilty, zones.cloud.is_late = {bad}, True
    assert zones.fails().why == "invalid"
    assert zones.ended() == {B: [FRESH], C: [OTHER]}


def test_a_late_refusal_of_who_is_wanted_no_more_keeps_nobody() -> None:
    bad = "gone/10.0.9.9:80"
    zones = Zones({B: (OLD, FRESH), C: ()}, {B: (FRESH, bad), C: ()})
    zones.cloud.guilty, zones.cloud.is_late = {bad}, True
    zones.cloud.members[zones.paths[B]] = [FRESH]
    zones.send()
    zones.cloud.members[zones.paths[B]] = [OLD, FRESH]
    (change,) = zones.changes
    assert change.after is not None
    spec = {**change.after.fields, "targets": (FRESH,)}
    zones.changes = [dataclasses.replace(change, after=dataclasses.replace(change.after, spec=spec))]
    assert zones.commit()[B] == [FRESH]


def test_a_detach_that_fails_late_is_said_by_the_one_after_the_next() -> None:
    zones = Zones({B: (OLD, FRESH), C: ()}, {B: (FRESH,), C: ()})
    zones.send()
    zones.cloud.late["detach"] = Failed("invalid", "no")
    with pytest.raises(Partial, match="no") as caught:
        zones.send()
    assert (caught.value.key, caught.value.done) == (zones.changes[0].key, {})


@pytest.mark.parametrize("late", [False, True])
def test_the_search_for_a_few_among_many_is_short(late: bool) -> None:
    many = [f"n/10.1.{n // 200}.{n % 200}:80" for n in range(1000)]
    bad = set(many[70:75]) | {many[600]}
    zones = Zones({B: (), C: ()}, {B: many, C: ()})
    zones.cloud.guilty, zones.cloud.is_late = bad, late
    assert zones.fails().why == "invalid"
    assert zones.attempts() < 60
    assert set(zones.ended()[B]) == set(many) - bad


def test_the_search_ends_where_everybody_is_refused() -> None:
    many = [f"n/10.1.{n // 200}.{n % 200}:80" for n in range(1000)]
    zones = Zones({B: (), C: ()}, {B: many, C: ()})
    zones.cloud.guilty = set(many)
    assert "1000 endpoints are refused" in str(zones.fails())
    assert zones.attempts() <= 2 * kinds_endpoints.REFUSALS
