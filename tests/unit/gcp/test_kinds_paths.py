"""The kinds in a URL map say what is built, how entries meet, warm and stand in, and one commit is one write."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from cloudgw.graph import diff, model
from cloudgw.objects import Unknown
from cloudgw.provider import Failed, Session
from cloudgw_gcp import document_parts, failures, kinds_paths, kinds_paths_commit, names
from cloudgw_gcp.shapes_values import Json, fail, forward
from tests.unit.gcp import paths_elements as world

RULE = kinds_paths.ROUTE_RULE


def test_sampled_fields_are_the_declared_ones() -> None:
    for element in world.elements():
        if model.kind_of(element.address) not in ("address", "backend-service"):
            kind = world.KINDS[model.kind_of(element.address)]
            assert set(element.fields) == set(kind.all_fields), element.address
            assert len(set(kind.all_fields)) == len(kind.all_fields)


def test_what_lies_in_a_map_is_written_with_it() -> None:
    group = f"map:{world.at('url-map', '80')}@abc"
    assert kinds_paths.URL_MAP.group(world.at("url-map", "80"), "abc", {}) == group
    for kind in (kinds_paths.PATH_MATCHER, RULE):
        assert kind.immutable[0] == "url_map"  # the first parent: what warm entries are made for
        spec = {"url_map": model.Ref(world.at("url-map", "80"), name="abc")}
        assert kind.group(world.at(kind.name, "80/a/b"), "s", spec) == group
        assert kind.group(world.at(kind.name, "80/a/b"), "", {}) == f"map:{world.at('url-map', '80')}@"


def test_route_rules_are_ordered_in_their_matcher() -> None:
    of = model.Ref(world.at("path-matcher", "80/*"), name="m")
    assert RULE.table_of("x", "y", {"matcher": of}) == f"routes:{of.key}"


@pytest.mark.parametrize(
    ("paths", "tokens"),
    [
        ([("full", "/Cart"), ("prefix", "/Cart/")], ("Cart",)),
        ([("full", "/a/b"), ("full", "/c")], ("a", "c")),
        ([("prefix", "/")], (model.EVERYTHING,)),
        ([("full", "/")], ("",)),
        ([("full", "/a"), ("prefix", "/")], (model.EVERYTHING,)),
        ([("prefix", "/a")], (model.EVERYTHING,)),
        ([("prefix", "/a/b")], ("a",)),
        ([("template", "/a/{v}")], ("a",)),
        ([("template", "/{v}/a")], (model.EVERYTHING,)),
        ([("template", "/*")], (model.EVERYTHING,)),
        ([("regex", "/a/.*")], (model.EVERYTHING,)),
        ([("none", "")], (model.EVERYTHING,)),
        ([], (model.EVERYTHING,)),
    ],
)
def test_route_rules_meet_by_the_first_segment(paths: list[tuple[str, str]], tokens: tuple[str, ...]) -> None:
    assert RULE.meets({"matches": tuple(world.match(path) for path in paths)}) == tokens


@pytest.mark.parametrize(
    ("host", "path", "answer"), [("a", "/x/z", True), ("a", "/y", False), ("a", "", True), ("b", "/x", False)]
)
def test_a_new_rule_takes_requests_of_its_own_matcher_only(host: str, path: str, answer: bool) -> None:
    assert RULE.displaces is not None
    new = world.rule("a", "n", [world.match(("full", "/x/y"))], fail(500)).fields
    match = world.match(("full", path)) if path else world.match(("prefix", "/"))
    assert RULE.displaces(new, world.rule(host, "s", [match], fail(500)).fields) is answer


def test_a_stand_in_answers_500_on_the_same_matches() -> None:
    assert RULE.stand_in is not None
    element = next(e for e in world.elements() if e.address.endswith(f"{world.SHOP}/all"))
    instead = RULE.stand_in(element)
    assert instead is not None
    same = ("url_map", "matcher", "matches")
    assert {n: instead.fields[n] for n in same} == {n: element.fields[n] for n in same}
    assert instead.fields["action"] == fail(500)
    assert set(instead.fields) == set(element.fields)
    assert {instead.fields[n] for n in ("rewrite", "request", "response", "timeout")} == {None}
    assert RULE.stand_in(model.Element(address=element.address, spec=Unknown("x"))) is None


def test_a_warm_rule_names_what_it_attaches_and_meets_no_request() -> None:
    cloud = Cloud()
    cloud.stand(world.elements())
    seen = world.observed(*cloud.maps.values())
    fresh = model.Element(address=world.service("fresh").to, spec={"address": world.ADDRESS})
    wanted = [
        dataclasses.replace(e, spec={**e.fields, "action": forward(world.service("fresh"))})
        if e.address.endswith(f"{world.SHOP}/cart")
        else e
        for e in world.elements()
    ] + [fresh]
    lame = {**world.KINDS, "backend-service": dataclasses.replace(world.KINDS["backend-service"], serving=lame_service)}
    changes = diff.diff(world.graph(wanted), seen, lame).changes
    (warm,) = [c for c in changes if c.warm]
    assert (warm.op, warm.position) == ("create", kinds_paths.LAST + 1)
    assert kinds_paths.is_warm(warm.address)
    assert warm.needs
    assert warm.after is not None
    assert warm.after.fields["matcher"].to == world.at("path-matcher", "80/*")
    assert [s["to"].to for s in warm.after.fields["action"]["shares"]] == [fresh.address]
    (match,) = warm.after.fields["matches"]
    (header, said, _, there), (again, same, _, absent) = match["headers"]
    assert (header, said) == (again, same)
    assert there is not absent
    cloud.known[warm.after.fields["action"]["shares"][0]["to"].key] = "projects/acme/regions/x/backendServices/fresh"
    cloud.commit([warm])
    (rule,) = [r for m in cloud.map()["pathMatchers"] for r in m["routeRules"] if r["priority"] > kinds_paths.LAST]
    assert document_parts.is_warm(names.read_child(rule["description"]).logical)  # type: ignore[union-attr]


def lame_service(element: model.Element) -> float:
    return 0.0 if "fresh" in element.address else 1.0


@pytest.mark.parametrize("logical", ["80/*/cart", "80/a/warm.1", "80/*/warm.x", "80/*/warm.1/x"])
def test_only_warm_rules_are_warm(logical: str) -> None:
    assert not kinds_paths.is_warm(world.at("route-rule", logical))


class Cloud:
    """URL maps as the session's calls see them, in memory: fingerprints are checked, operations may fail at the end."""

    def __init__(self) -> None:
        self.maps: dict[str, Json] = {}
        self.calls: list[str] = []
        self.fails: list[BaseException] = []  # what the next operations end with
        self.known = {
            model.key_of(where, suffix): world.path_of(where, suffix) for where, suffix in world.bound_names().items()
        }
        self.between: Any = lambda: None  # somebody else, after the GET

    def session(self) -> Session:
        read = SimpleNamespace(project=world.PROJECT, region=world.REGION, get=self._get)
        write = SimpleNamespace(insert=self._insert, update=self._update, delete=self._delete, wait=self._wait)
        return Session(read=read, write=write, owner=world.OWNER)

    def map(self, port: str = "80") -> Json:
        (found,) = [one for name, one in self.maps.items() if f"-edge-{port}-" in name]
        return found

    def stand(self, wanted: Sequence[model.Element]) -> None:
        for port in ("80", "8443"):
            self.commit(
                world.of_port(world.difference(world.graph(wanted), world.observed(*self.maps.values())), port), port
            )
        self.calls.clear()

    def commit(self, changes: Sequence[model.Change], port: str = "80") -> Mapping[str, str]:
        seen = world.observed(*self.maps.values())
        mine = [e for e in seen if model.group_of(world.KINDS, e) == changes[0].group] if changes else []
        ids = self.known | {e.key: str(e.outputs["id"]) for e in seen if "id" in e.outputs}
        group = changes[0].group if changes else world.group(seen, port)[0]
        return kinds_paths_commit.commit(self.session(), group, mine, changes, ids)

    def to(self, wanted: Sequence[model.Element]) -> Mapping[str, str]:
        return self.commit(world.of_port(world.difference(world.graph(wanted), world.observed(*self.maps.values()))))

    def _get(self, collection: str, place: str, name: str) -> Json | None:
        assert (collection, place) == ("urlMaps", world.REGION)
        self.calls.append("get")
        found = copy.deepcopy(self.maps.get(name))
        self.between()
        return found

    def _insert(self, collection: str, place: str, body: Json) -> str:
        assert (collection, place) == ("urlMaps", world.REGION)
        self.calls.append("insert")
        if not self.fails:
            self.maps[body["name"]] = world.shown(body)
        return "operation"

    def _update(self, collection: str, place: str, name: str, body: Json) -> str:
        assert (collection, place) == ("urlMaps", world.REGION)
        self.calls.append("update")
        if body["fingerprint"] != self.maps[name]["fingerprint"]:
            raise failures.OperationFailed(({"reason": "conditionNotMet", "message": "Invalid fingerprint."},), 412)
        if not self.fails:
            self.maps[name] = {**world.shown(body), "fingerprint": f"{len(self.calls)}"}
        return "operation"

    def _delete(self, collection: str, place: str, name: str) -> str:
        assert (collection, place) == ("urlMaps", world.REGION)
        self.calls.append("delete")
        if not self.fails:
            del self.maps[name]
        return "operation"

    def _wait(self, operations: list[str]) -> list[BaseException | None]:
        return [self.fails.pop(0) if self.fails else None for _ in operations]


def late(code: str, message: str) -> failures.OperationFailed:
    return failures.OperationFailed(({"code": code, "message": message},), 400)


@pytest.fixture
def cloud() -> Cloud:
    found = Cloud()
    found.stand(world.elements())
    return found


def test_a_map_is_made_whole_by_one_insert() -> None:
    cloud = Cloud()
    made = cloud.to(world.elements())
    assert cloud.calls == ["get", "insert"]
    assert len(made) == 1 + 2 + 6
    seen = world.observed(*cloud.maps.values())
    assert made == {e.key: e.outputs["id"] for e in world.group(seen)[1]}
    assert names.ours(cloud.map()["description"], world.OWNER, world.REGION) is not None


def test_many_changes_are_one_update_of_a_map_read_anew(cloud: Cloud) -> None:
    theirs = {"priority": 3, "matchRules": [{"prefixMatch": "/t"}], "urlRedirect": {"hostRedirect": "t"}}
    wanted = [e for e in world.elements() if not e.address.endswith(("/cart", "/*/old"))]
    wanted += [world.matcher("n.example"), world.rule("n.example", "n", world.prefix("/n"), fail(503))]
    changes = world.of_port(world.difference(world.graph(wanted), world.observed(*cloud.maps.values())))
    cloud.map()["pathMatchers"][0]["routeRules"].append(theirs)  # after the listing
    cloud.commit(changes)
    assert cloud.calls == ["get", "update"]
    assert theirs in cloud.map()["pathMatchers"][0]["routeRules"]
    assert world.difference(world.graph(wanted), world.observed(*cloud.maps.values())) == ()


def test_nothing_to_do_is_no_write(cloud: Cloud) -> None:
    wanted = [e for e in world.elements() if not e.address.endswith("/cart")]
    changes = world.of_port(world.difference(world.graph(wanted), world.observed(*cloud.maps.values())))
    cloud.commit(changes)
    cloud.calls.clear()
    cloud.commit(changes)
    assert cloud.calls == ["get"]
    assert cloud.commit([]) == {}


def test_a_repeated_creation_adopts_what_is_there(cloud: Cloud) -> None:
    changes = world.of_port(world.difference(world.graph(world.elements())))
    made = cloud.commit(changes)
    assert cloud.calls == ["get"]
    assert len(made) == 9


@pytest.mark.parametrize("description", [None, "somebody's", "other owner", "other region", "other incarnation"])
def test_a_map_of_others_with_our_name_is_left_alone(cloud: Cloud, description: str | None) -> None:
    changes = world.of_port(world.difference(world.graph(world.elements())))
    found = cloud.map()
    found["description"] = {
        "other owner": found["description"].replace('"dev"', '"prod"'),
        "other region": found["description"].replace(world.REGION, "us-east1"),
        "other incarnation": found["description"].replace(changes[0].name, "aaaaaaaaaa"),
    }.get(str(description), description)
    kinds_of_changes = {model.kind_of(c.address) for c in changes}
    assert "url-map" in kinds_of_changes
    top = next(c for c in changes if model.kind_of(c.address) == "url-map")
    if description == "other incarnation":
        found["description"] = found["description"].replace(top.name, "aaaaaaaaaa")
    before = copy.deepcopy(cloud.maps)
    session, group = cloud.session(), f"map:{model.key_of(top.address, top.name)}"
    with pytest.raises(Failed, match="left alone") as refusal:
        kinds_paths_commit.commit(session, group, [], changes, cloud.known)
    assert refusal.value.why == "conflict"
    assert cloud.maps == before
    assert cloud.calls == ["get"]


def test_somebody_who_writes_in_between_is_a_conflict(cloud: Cloud) -> None:
    def meddle() -> None:
        cloud.map()["fingerprint"] = "moved"

    cloud.between = meddle
    with pytest.raises(failures.OperationFailed) as refusal:
        cloud.to([e for e in world.elements() if not e.address.endswith("/cart")])
    failure = failures.classify(refusal.value)
    assert failure is not None
    assert failure.why == "conflict"


@pytest.mark.parametrize("code", ["INVALID_FIELD_VALUE", "RESOURCE_NOT_READY"])
def test_a_late_refusal_names_its_change(cloud: Cloud, code: str) -> None:
    wanted = [*world.elements(), world.rule(world.SHOP, "z", world.prefix("/z"), fail(503))]
    message = "Invalid value for field 'resource.pathMatchers[1].routeRules[4].priority': '1'. Not so."
    cloud.fails = [late(code, message)]
    before = copy.deepcopy(cloud.maps)
    with pytest.raises((Failed, failures.OperationFailed)) as refusal:
        cloud.to(wanted)
    failure = failures.classify(refusal.value)
    assert failure is not None
    if code == "INVALID_FIELD_VALUE":
        assert failure.why == "invalid"
        assert failure.guilty.startswith(f"create {world.at('route-rule', f'80/{world.SHOP}/z')}@")
    else:
        assert (failure.why, failure.guilty) == ("not_ready", "")
    assert cloud.maps == before


def test_a_refusal_that_names_nobody_stays_what_it_is(cloud: Cloud) -> None:
    cloud.fails = [late("INVALID_FIELD_VALUE", "Too large.")]
    with pytest.raises(failures.OperationFailed):
        cloud.to([e for e in world.elements() if not e.address.endswith("/cart")])


def test_a_backend_service_without_an_id_is_waited_for(cloud: Cloud) -> None:
    wanted = [*world.elements(), world.rule(world.SHOP, "z", world.prefix("/z"), forward(world.service("new")))]
    cloud.known = {key: path for key, path in cloud.known.items() if "shop/new" not in key}
    changes = world.of_port(world.difference(world.graph(wanted), world.observed(*cloud.maps.values())))
    ids = cloud.known | {model.key_of(world.at("url-map", "80"), changes[0].group.rpartition("@")[2]): ""}
    ids = {key: path or names.path_of(cloud.map()["selfLink"]) for key, path in ids.items()}
    with pytest.raises(Failed, match="shop/new") as refusal:
        kinds_paths_commit.commit(cloud.session(), changes[0].group, [], changes, ids)
    assert (refusal.value.why, refusal.value.key) == ("not_ready", changes[0].key)
    assert cloud.calls == ["get"]


def test_a_map_without_its_address_s_id_is_waited_for() -> None:
    cloud = Cloud()
    del cloud.known[next(key for key in cloud.known if "/address/" in key)]
    changes = world.of_port(world.difference(world.graph(world.elements())))
    with pytest.raises(Failed, match="address/lb") as refusal:
        kinds_paths_commit.commit(cloud.session(), changes[0].group, [], changes, cloud.known)
    assert refusal.value.why == "not_ready"
    assert cloud.calls == []


def test_a_map_that_is_gone_is_planned_again(cloud: Cloud) -> None:
    wanted = [e for e in world.elements() if not e.address.endswith("/cart")]
    changes = world.of_port(world.difference(world.graph(wanted), world.observed(*cloud.maps.values())))
    path = names.path_of(cloud.map()["selfLink"])
    cloud.maps.clear()
    for ids in ({}, {changes[0].group.removeprefix("map:"): path}):
        with pytest.raises(Failed, match="does not exist") as refusal:
            kinds_paths_commit.commit(cloud.session(), changes[0].group, [], changes, ids)
        assert refusal.value.why == "gone"


def gone(cloud: Cloud) -> list[model.Change]:
    wanted = [e for e in world.elements() if "/80" not in model.short(e.address) or "service" in e.address]
    return world.of_port(world.difference(world.graph(wanted), world.observed(*cloud.maps.values())))


def test_the_whole_map_is_deleted_by_one_call(cloud: Cloud) -> None:
    changes = gone(cloud)
    assert len(changes) == 9
    assert {c.op for c in changes} == {"delete"}
    assert cloud.commit(changes) == {}
    assert cloud.calls == ["get", "delete"]
    assert len(cloud.maps) == 1


def test_what_is_absent_is_deleted(cloud: Cloud) -> None:
    changes = gone(cloud)
    ids = {changes[0].group.removeprefix("map:"): names.path_of(cloud.map()["selfLink"])}
    cloud.maps.clear()
    assert kinds_paths_commit.commit(cloud.session(), changes[0].group, [], changes, ids) == {}
    assert cloud.calls == ["get"]


def test_a_map_with_strangers_in_it_is_deleted_only_where_they_were_approved(cloud: Cloud) -> None:
    changes = gone(cloud)
    cloud.map()["tests"] = [{"host": "a", "path": "/x"}]
    with pytest.raises(Failed, match="tests/a/x") as refusal:
        cloud.commit(changes)
    assert refusal.value.why == "conflict"
    assert "delete" not in cloud.calls
    cloud.commit(gone(cloud))
    assert len(cloud.maps) == 1


@pytest.mark.parametrize(
    ("code", "status"), [("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", 400), ("RESOURCE_NOT_FOUND", 404)]
)
def test_a_map_in_use_waits_and_an_absent_one_is_done(cloud: Cloud, code: str, status: int) -> None:
    cloud.fails = [failures.OperationFailed(({"code": code, "message": "used by targetHttpProxies/x"},), status)]
    if status == 404:
        assert cloud.commit(gone(cloud)) == {}
        return
    with pytest.raises(failures.OperationFailed) as refusal:
        cloud.commit(gone(cloud))
    failure = failures.classify(refusal.value)
    assert failure is not None
    assert failure.why == "not_ready"
    assert "targetHttpProxies/x" in failure.message
