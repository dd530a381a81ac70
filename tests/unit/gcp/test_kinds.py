"""What the kinds declare is what is built and observed; their commit sends all, waits for all and books each."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

import cloudgw_gcp
from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.provider import Failed, Partial, Session
from cloudgw_gcp import failures, kinds, kinds_address, kinds_backends, kinds_commit, kinds_front, names, shapes
from tests.unit.gcp import elements

PACKAGE = pathlib.Path(cloudgw_gcp.__file__).parent
OWN = [kind for kind in kinds.KINDS.values() if kind.commit.__module__ == kinds_commit.__name__]
Json = dict[str, Any]


def test_the_samples_have_every_kind() -> None:
    assert {model.kind_of(e.address) for e in elements.elements()} == set(kinds.KINDS)


def test_sampled_fields_are_the_declared_ones() -> None:
    for element in elements.elements():
        kind = kinds.KINDS[model.kind_of(element.address)]
        assert set(element.fields) == set(kind.all_fields) - set(kind.optional), element.address


def test_fields_are_declared_once() -> None:
    for kind in kinds.KINDS.values():
        assert len(set(kind.all_fields)) == len(kind.all_fields)
        assert set(kind.traffic) <= set(kind.all_fields)
        assert set(kind.defaults) <= set(kind.all_fields)


def test_resources_of_a_kind_are_written_together_per_gateway() -> None:
    assert len(OWN) == len(shapes.SHAPES) - 1  # all but URL maps
    for kind in OWN:
        assert kind.group(elements.at(kind.name, "x"), "s", {}) == f"{kind.name}:shop/edge"
        assert not kind.atomic
    endpoints = kinds.KINDS["endpoints"]
    zones = {endpoints.group(elements.at("endpoints", f"shop/x:80/{zone}"), "s", {}) for zone in elements.ZONES}
    assert zones == {"endpoints:shop/edge/shop/x:80"}
    assert (endpoints.fast, endpoints.of) == ("targets", "neg")


def test_what_belongs_to_a_load_balancer_is_replaced_with_its_address() -> None:
    mine = {kind.name for kind in kinds.KINDS.values() if "address" in kind.immutable}
    assert mine == {"firewall", "backend-service", "url-map", "target-proxy", "forwarding-rule"}


def test_the_address_is_the_load_balancer() -> None:
    kind = kinds_address.ADDRESS
    assert kind.published == 300
    for state, ready in (("RESERVED", True), ("IN_USE", True), ("RESERVING", False), ("", False)):
        assert kind.ready(model.Element(address="a", spec={}, outputs={"state": state})) is ready
    assert kind.exposes is not None
    assert kind.exposes({"exposure": "Public"}) == {"exposure:Public"}
    assert kind.exposes({"exposure": "Internal"}) == frozenset()


def test_what_a_firewall_rule_opens_and_how_long_it_stays() -> None:
    kind = kinds_address.FIREWALL
    assert kind.exposes is not None
    assert kind.exposes(elements.firewall().fields) == {
        "cidr:10.129.0.0/23 tcp",
        "cidr:130.211.0.0/22 tcp",
        "cidr:35.191.0.0/16 tcp",
    }
    assert kind.exposes({"ranges": Unknown("not listed")}) == frozenset()
    assert kind.drain is not None
    assert kinds_backends.BACKEND_SERVICE.drain is not None
    element = elements.firewall()
    assert kind.drain(element) > kinds_backends.BACKEND_SERVICE.drain(element) == 300


def test_a_port_of_an_address_has_one_rule() -> None:
    spec = {"address": model.Ref(elements.ADDRESS, "ready", "a"), "port": 443, "secure": True}
    other = {**spec, "secure": False}
    claims = kinds_front.FORWARDING_RULE.claims
    assert claims("x", spec) == claims("y", other) == (f"port:{elements.ADDRESS}@a:443",)
    assert claims("x", {"port": 443}) == ()


def test_whom_a_rule_serves_is_changed_in_place_and_widening_it_needs_a_word() -> None:
    kind = kinds_front.FORWARDING_RULE
    assert "global_access" in kind.mutable
    assert kind.exposes is not None
    assert kind.exposes({"global_access": True}) == {"global access"}
    assert kind.exposes({"global_access": False}) == frozenset()


@pytest.mark.parametrize(
    ("outputs", "share"), [({}, 0.0), ({"healthy": 0, "targets": 0}, 0.0), ({"healthy": 1, "targets": 4}, 0.25)]
)
def test_how_much_of_a_backend_service_serves(outputs: Json, share: float) -> None:
    serving = kinds_backends.BACKEND_SERVICE.serving
    assert serving is not None
    assert serving(model.Element(address="a", spec={}, outputs=outputs)) == share


class Cloud:
    """Stands for the calls: stores what is sent, and fails what it is told to. Each change is visible at its end."""

    project, region = elements.PROJECT, elements.REGION

    def __init__(self) -> None:
        self.documents: dict[str, Json] = {}
        self.log: list[str] = []
        self.refuse: dict[str, BaseException] = {}  # "insert", or an op that ends so -> what it raises
        self.late: dict[str, BaseException] = {}
        self.pending: dict[str, Any] = {}
        self.held: dict[str, int] = {}
        self.members: dict[str, list[str]] = {}
        self.states: dict[str, str] = {}  # endpoint -> what its health check says; without: nobody probes it
        self.sleep = lambda _: None

    def get(self, collection: str, place: str, name: str) -> Json | None:
        return self.documents.get(names.path(self.project, place, collection, name))

    def endpoint_states(self, path: str) -> dict[str, frozenset[str]]:
        self.log.append(f"list {path}")
        return {
            one: frozenset({self.states[one]} if one in self.states else ())
            for one in sorted(self.members.get(path, ()))
        }

    def _begin(self, verb: str, path: str, effect: Any) -> Any:
        self.log.append(f"{verb} {path.rpartition('/')[2]}")
        for told, problem in self.refuse.items():
            if told in self.log[-1]:
                raise problem
        return (self.log[-1], effect)

    def insert(self, collection: str, place: str, body: Json) -> Any:
        path = names.path(self.project, place, collection, body["name"])

        def effect() -> None:
            self.documents[path] = {**body, "selfLink": names.link_of(path)}

        return self._begin("insert", path, effect)

    def update(self, collection: str, place: str, name: str, body: Json) -> Any:
        path = names.path(self.project, place, collection, name)
        return self._begin("update", path, lambda: self.documents.update({path: body}))

    def delete(self, collection: str, place: str, name: str) -> Any:
        path = names.path(self.project, place, collection, name)
        return self._begin("delete", path, lambda: self.documents.pop(path))

    def act(self, collection: str, place: str, name: str, verb: str, body: Json) -> Any:
        path = names.path(self.project, place, collection, name)

        def effect() -> None:
            found = {f"{e['instance']}/{e['ipAddress']}:{e['port']}" for e in body.get("networkEndpoints", ())}
            now = set(self.members.get(path, ()))
            self.members[path] = sorted(now | found if verb.startswith("attach") else now - found)
            self.documents.setdefault(path, {}).update({k: v for k, v in body.items() if k == "labels"})

        return self._begin(verb, path, effect)

    def wait(self, operations: Sequence[Any]) -> list[BaseException | None]:
        self.log.append(f"wait {len(operations)}")
        ends: list[BaseException | None] = []
        for said, effect in operations:
            problem = next((p for told, p in self.late.items() if told in said), None)
            ends.append(problem)
            if problem is None:
                effect()
        return ends


@dataclasses.dataclass
class World:
    cloud: Cloud = dataclasses.field(default_factory=Cloud)

    @property
    def session(self) -> Session:
        return Session(read=self.cloud, write=self.cloud, owner=elements.OWNER)

    def commit(self, kind: str, changes: Sequence[model.Change], ids: Mapping[str, str] | None = None) -> Json:
        found = kinds.KINDS[kind]
        return dict(found.commit(self.session, f"{kind}:shop/edge", (), changes, ids or {}))

    def verbs(self) -> list[str]:
        return [line.split(" ")[0] for line in self.cloud.log]


def checks(count: int) -> list[model.Change]:
    """Creations of health checks."""
    found = [
        model.Element(address=elements.at("health-check", f"c{number}"), spec=elements.check().fields)
        for number in range(count)
    ]
    return list(elements.difference(elements.graph(found)))


def update(change: model.Change, path: str, **spec: Any) -> model.Change:
    assert change.after is not None
    before = dataclasses.replace(change.after, outputs={"id": path})
    after = dataclasses.replace(change.after, spec={**change.after.fields, **spec})
    return dataclasses.replace(change, op="update", before=before, after=after, fields=tuple(spec))


def delete(change: model.Change, path: str) -> model.Change:
    assert change.after is not None
    before = dataclasses.replace(change.after, outputs={"id": path})
    return dataclasses.replace(change, op="delete", before=before, after=None)


def test_all_is_sent_before_anything_is_awaited() -> None:
    world = World()
    made = world.commit("health-check", checks(4))
    assert world.verbs() == ["insert"] * 4 + ["wait"]
    assert sorted(made.values()) == sorted(world.cloud.documents)
    changes = checks(4)
    mixed = [
        update(changes[0], made[kinds_commit.own(changes[0])], interval=99),
        delete(changes[1], made[kinds_commit.own(changes[1])]),
    ]
    world.cloud.log.clear()
    done = world.commit("health-check", mixed)
    assert world.verbs() == ["update", "delete", "wait"]
    assert set(done) == {kinds_commit.own(change) for change in mixed}
    assert world.cloud.documents[done[kinds_commit.own(mixed[0])]]["checkIntervalSec"] == 99
    assert len(world.cloud.documents) == 3


@pytest.mark.parametrize("late", [False, True])
def test_one_that_fails_keeps_none_of_the_others(late: bool) -> None:
    world, changes = World(), checks(3)
    guilty = named(changes[1])
    problem = Failed("invalid", "no")
    (world.cloud.late if late else world.cloud.refuse)[guilty] = problem
    with pytest.raises(Partial) as caught:
        world.commit("health-check", changes)
    assert caught.value.key == changes[1].key
    assert caught.value.cause is problem
    assert set(caught.value.done) == {kinds_commit.own(changes[0]), kinds_commit.own(changes[2])}
    assert sorted(caught.value.done.values()) == sorted(world.cloud.documents)


def test_where_nothing_was_done_the_failure_is_raised_as_it_is() -> None:
    world = World()
    world.cloud.refuse["insert"] = Failed("invalid", "no")
    with pytest.raises(Failed, match="no"):
        world.commit("health-check", checks(1))


@pytest.mark.parametrize(
    ("why", "sent"),
    [("throttled", 1), ("denied", 3), ("unknown", 3), ("outcome_unknown", 3), ("invalid", 3), ("quota", 3)],
)
def test_what_every_further_call_would_meet_ends_the_sending(why: Any, sent: int) -> None:
    world = World()
    world.cloud.refuse["insert"] = Failed(why, "no")
    with pytest.raises(Failed):
        world.commit("health-check", checks(3))
    assert world.verbs().count("insert") == sent


def test_what_was_sent_before_a_hopeless_failure_is_booked() -> None:
    world, changes = World(), checks(3)
    second = named(changes[1])
    world.cloud.refuse[second] = Failed("throttled", "no")
    with pytest.raises(Partial) as caught:
        world.commit("health-check", changes)
    assert set(caught.value.done) == {kinds_commit.own(changes[0])}


def named(change: model.Change) -> str:
    return names.resource_name(elements.OWNER, change.address, change.name, elements.REGION)


def test_what_needs_another_change_of_the_batch_comes_when_that_one_has_ended() -> None:
    """A port is let go before it is taken."""
    world, (first, second, third) = World(), checks(3)
    path = world.commit("health-check", [first])[kinds_commit.own(first)]
    gone = delete(first, path)
    taking = dataclasses.replace(second, needs=(gone.key, "update something else"))
    world.cloud.log.clear()
    world.commit("health-check", [taking, third, gone])
    assert world.verbs() == ["insert", "delete", "wait", "insert", "wait"]
    assert world.cloud.log[3] == f"insert {named(second)}"


def test_what_needs_a_change_that_was_not_sent_is_not_begun() -> None:
    """Also where another one fails after the sending was given up."""
    world, (first, second, third) = World(), checks(3)
    taking = dataclasses.replace(third, needs=(second.key,))
    world.cloud.refuse[named(second)] = Failed("throttled", "slow down")
    world.cloud.late[named(first)] = Failed("invalid", "no")
    with pytest.raises(Failed, match="slow down"):
        world.commit("health-check", [first, second, taking])
    assert not any(named(third) in line for line in world.cloud.log)


def test_what_needs_a_change_that_failed_is_not_begun() -> None:
    world, (first, second, third) = World(), checks(3)
    path = world.commit("health-check", [first])[kinds_commit.own(first)]
    gone = delete(first, path)
    taking = dataclasses.replace(second, needs=(gone.key,))
    world.cloud.late["delete"] = Failed("not_ready", "in use")
    with pytest.raises(Partial) as caught:
        world.commit("health-check", [gone, taking, third])
    assert (caught.value.key, set(caught.value.done)) == (gone.key, {kinds_commit.own(third)})
    assert not any(named(second) in line for line in world.cloud.log)


def test_labels_follow_in_a_second_round() -> None:
    world = World()
    world.commit("address", elements.difference(elements.graph([elements.address()])))
    assert world.verbs() == ["insert", "wait", "setLabels", "wait"]
    (document,) = world.cloud.documents.values()
    assert names.user_labels(document["labels"]) == {"team": "shop"}
    bare = World()
    bare.commit("address", elements.difference(elements.graph([elements.address(labels={})])))
    assert bare.verbs() == ["insert", "wait"]


def test_an_update_that_is_already_so_writes_nothing() -> None:
    world, (change,) = World(), checks(1)
    path = world.commit("health-check", [change])[kinds_commit.own(change)]
    world.cloud.log.clear()
    assert world.commit("health-check", [update(change, path)]) == {kinds_commit.own(change): path}
    assert world.cloud.log == []


def test_what_is_gone_is_deleted_and_cannot_be_changed() -> None:
    world, (change,) = World(), checks(1)
    path = names.path(elements.PROJECT, elements.REGION, "healthChecks", "cgw-gone")
    assert world.commit("health-check", [delete(change, path)]) == {kinds_commit.own(change): path}
    with pytest.raises(Failed, match="does not exist any more") as caught:
        world.commit("health-check", [update(change, path, interval=9)])
    assert (caught.value.why, caught.value.key) == ("gone", update(change, path).key)


@pytest.mark.parametrize("op", ["update", "delete"])
@pytest.mark.parametrize("owner", ["somebody", ""])
def test_what_is_not_ours_is_neither_changed_nor_deleted(op: str, owner: str) -> None:
    world, (change,) = World(), checks(1)
    path = world.commit("health-check", [change])[kinds_commit.own(change)]
    text = names.record_text(owner, change.address, change.name, {}, elements.REGION) if owner else "by hand"
    world.cloud.documents[path]["description"] = text
    world.cloud.log.clear()
    with pytest.raises(Failed, match="left alone") as caught:
        world.commit("health-check", [update(change, path, interval=9) if op == "update" else delete(change, path)])
    assert caught.value.why == "conflict"
    assert world.cloud.log == []


def test_a_reference_without_an_id_waits() -> None:
    world = World()
    changes = [c for c in elements.difference(elements.graph(elements.elements())) if "backend-service/none" in c.key]
    with pytest.raises(Failed, match="has no id yet") as caught:
        world.commit("backend-service", changes)
    assert caught.value.why == "not_ready"


@pytest.mark.parametrize("extra", [{}, {names.PLACE: names.GLOBAL}])
def test_a_copy_from_another_place_is_left_alone(extra: Json) -> None:
    """Its description came along; or it has none of ours to say where it was made."""
    world, (change,) = World(), checks(1)
    path = world.commit("health-check", [change])[kinds_commit.own(change)]
    text = names.record_text(elements.OWNER, change.address, change.name, {}, elements.REGION, extra)
    world.cloud.documents[path]["description"] = text
    for again in (change, delete(change, path)):
        world.cloud.refuse["insert"] = failures.OperationFailed(({"code": "RESOURCE_ALREADY_EXISTS"},), 409)
        with pytest.raises(Failed, match="left alone" if not extra else "a copy of one in global; it is left alone"):
            world.commit("health-check", [again])
    assert path in world.cloud.documents


def test_the_placement_that_a_name_is_taken_by_is_named() -> None:
    world, (change,) = World(), checks(1)
    path = world.commit("health-check", [change])[kinds_commit.own(change)]
    text = names.record_text(elements.OWNER, change.address, change.name, {}, "europe-west4")
    world.cloud.documents[path]["description"] = text
    with pytest.raises(Failed, match="of its placement in europe-west4"):
        world.commit("health-check", [delete(change, path)])


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_only_the_edge_names_the_sdk(module: pathlib.Path) -> None:
    found = re.findall(r"^\s*(?:import|from) google\b", module.read_text(), re.MULTILINE)
    assert not found or module.name in ("calls.py", "inventory.py", "failures.py")
    assert not re.search(r"^(?:import|from) google\b", module.read_text(), re.MULTILINE)  # lazily
