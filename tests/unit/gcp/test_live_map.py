"""URL maps in the local Google Cloud, through the real SDK: one write, read back equal, refused as it should be."""

from __future__ import annotations

import collections.abc
import contextlib
import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.provider import Failed, Failure, Session
from cloudgw_gcp import document, failures, kinds_paths, kinds_paths_commit, names, shapes
from cloudgw_gcp.shapes_values import Json, Until, fail, forward
from cloudgw_local import gcp
from tests.unit.gcp import edge
from tests.unit.gcp import paths_elements as world

UPDATE, INSERT, DELETE = "update urlMaps", "insert urlMaps", "delete urlMaps"
BACKENDS = {"none": world.NONE, **{name: world.service(name) for name in ("cart", "pay", "new")}}
THEIRS: Json = {"priority": 3, "matchRules": [{"prefixMatch": "/theirs"}], "urlRedirect": {"hostRedirect": "t.example"}}


@dataclasses.dataclass
class Ground:
    """The local cloud as our commit sees it. paths: element key -> path of what the maps refer to."""

    cloud: edge.Cloud
    place: str
    paths: dict[str, str] = dataclasses.field(default_factory=dict)
    since: int = 0

    def prepare(self) -> None:
        """Backend services without endpoints, where the maps will be."""
        bound = world.bound_names()
        scheme = "INTERNAL_MANAGED" if self.place != names.GLOBAL else "EXTERNAL_MANAGED"
        check = self.cloud.put("healthChecks", self.place, "check", **edge.check())
        self.paths[model.key_of(world.ADDRESS.to, bound[world.ADDRESS.to])] = names.path(
            gcp.PROJECT, self.place, "addresses", "lb"
        )
        for name, ref in BACKENDS.items():
            body = {**edge.service(check), "loadBalancingScheme": scheme}
            path = self.cloud.put("backendServices", self.place, f"backend-{name}", **body)
            self.paths[model.key_of(ref.to, bound[ref.to])] = path
        self.since = len(self.cloud.running.control.journal())

    def writes(self) -> list[str]:
        """Of this test so far, since the last asking."""
        journal = self.cloud.running.control.journal()
        found = [entry["operation"] for entry in journal[self.since :] if entry["write"]]
        self.since = len(journal)
        return found

    def name(self, port: str) -> str:
        (found,) = [name for name in self.names() if f"-edge-{port}-" in name]
        return found

    def names(self) -> list[str]:
        return [str(one["name"]) for one in self.cloud.session.read.items("urlMaps", self.place)]

    def map(self, port: str = "80") -> Json:
        found = self.cloud.session.read.get("urlMaps", self.place, self.name(port))
        assert found is not None
        return dict(found)

    def put(self, body: Json) -> None:
        """Somebody else's client."""
        begun = self.cloud.session.write.update("urlMaps", self.place, body["name"], body)
        assert self.cloud.session.write.wait([begun]) == [None]
        self.writes()

    def ref_of(self, path: str, until: Until) -> model.Ref | str:
        found = next((key.rpartition("@") for key, known in self.paths.items() if known == path), None)
        return model.Ref(found[0], until, found[2]) if found is not None else path

    def observe(self) -> model.Graph:
        """As observe does it for URL maps."""
        found = [e for e in world.observed() if model.kind_of(e.address) in ("address", "backend-service")]
        taken: dict[str, tuple[int, ...]] = {}
        for name in self.names():
            one = self.cloud.session.read.get("urlMaps", self.place, name)
            record = names.ours((one or {}).get("description"), edge.OWNER, gcp.REGION)
            if one is None or record is None:
                continue
            me = model.Ref(record.address, "exists", record.suffix)
            outputs = {"id": names.path_of(one["selfLink"]), "foreign": document.foreign(one)}
            spec = shapes.read("url-map", one, self.ref_of)
            found.append(model.Element(address=me.to, name=me.name, spec=spec, outputs=outputs))
            found += document.elements(one, world.PEOPLE, me, self.ref_of)
            taken |= document.taken(one, world.PEOPLE)
        return model.graph(found, taken=taken)

    def plan(self, wanted: Sequence[model.Element], port: str = "80") -> list[model.Change]:
        return world.of_port(world.difference(world.graph(wanted), self.observe()), port)

    def commit(self, changes: Sequence[model.Change]) -> Mapping[str, str]:
        seen = self.observe()
        mine = [e for e in seen if model.group_of(world.KINDS, e) == changes[0].group]
        ids = {e.key: str(e.outputs["id"]) for e in mine} | self.paths
        return kinds_paths_commit.commit(self.cloud.session, changes[0].group, mine, changes, ids)

    def apply(self, wanted: Sequence[model.Element]) -> None:
        for port in ("80", "8443"):
            changes = self.plan(wanted, port)
            if changes:
                self.commit(changes)

    def differs(self, wanted: Sequence[model.Element]) -> tuple[model.Change, ...]:
        return world.difference(world.graph(wanted), self.observe())

    @contextlib.contextmanager
    def refusing(self, pattern: str, mode: str) -> collections.abc.Iterator[None]:
        self.cloud.running.control.settings(refuse_name=pattern, refuse_mode=mode)
        yield
        self.cloud.running.control.settings(refuse_name="", refuse_mode="sync")


@pytest.fixture(scope="module")
def served() -> collections.abc.Iterator[edge.Cloud]:
    with edge.serve() as cloud:
        yield cloud


def session(cloud: edge.Cloud) -> Session:
    """A process of its own, on the stepped clock."""
    found = edge.session()
    found.read.sleep = cloud.running.control.advance
    return found


def failure_of(commit: Callable[[], object]) -> Failure:
    """What the engine makes of what a commit raised."""
    found: Failure | None = None
    try:
        commit()
    except Exception as problem:
        found = failures.classify(problem)
    assert found is not None
    return found


@pytest.fixture(params=[gcp.REGION, names.GLOBAL])
def ground(served: edge.Cloud, request: pytest.FixtureRequest) -> Ground:
    served.running.control.reset()
    found = Ground(edge.Cloud(served.running, session(served)), request.param)
    found.prepare()
    found.apply(world.elements())
    return found


def new(identity: str, path: str) -> model.Element:
    return world.rule(world.SHOP, identity, world.prefix(path), forward(world.service("new")))


def matcher_of(body: Json, host: str) -> Json:
    found: list[Json] = [m for m in body["pathMatchers"] if f"/{host}@" in str(m.get("description"))]
    assert len(found) == 1
    return found[0]


def test_each_map_is_one_insert_and_is_read_back_equal(ground: Ground) -> None:
    assert ground.writes() == [INSERT, INSERT]
    assert ground.differs(world.elements()) == ()
    assert {e.outputs.get("foreign", ()) for e in ground.observe()} == {()}
    assert names.place_of(names.path_of(ground.map()["selfLink"]))[1] == ground.place


def test_many_changes_are_one_update(ground: Ground) -> None:
    ground.writes()
    wanted = [e for e in world.elements() if not e.address.endswith((f"{world.SHOP}/cart", "/*/old"))]
    wanted = [
        dataclasses.replace(e, spec={**e.fields, "timeout": "31s"}) if e.address.endswith("/split") else e
        for e in wanted
    ]
    wanted += [new("a", "/a"), new("b", "/b"), world.matcher("more.example.com")]
    wanted += [world.rule("more.example.com", "m", world.prefix("/m"), fail(503))]
    ground.apply(wanted)
    assert ground.writes() == [UPDATE]
    assert ground.differs(wanted) == ()
    ground.apply(wanted)
    assert ground.writes() == []


def test_a_reorder_is_one_update(ground: Ground) -> None:
    ground.writes()
    mine = [e for e in world.elements() if f"route-rule/80/{world.SHOP}/" in e.address]
    wanted = [e for e in world.elements() if e not in mine] + mine[::-1]
    ground.apply(wanted)
    assert ground.writes() == [UPDATE]
    assert ground.differs(wanted) == ()
    said = [
        r["description"].rpartition("/")[2].partition("@")[0]
        for r in matcher_of(ground.map(), world.SHOP)["routeRules"]
    ]
    assert said == ["all", "bad", "split", "cart"]


def test_strangers_stay_as_they_are(ground: Ground) -> None:
    body = ground.map()
    body["hostRules"].append({"hosts": ["t.example"], "pathMatcher": "theirs", "description": "mine"})
    body["pathMatchers"].append({"name": "theirs", "defaultService": body["defaultService"], "routeRules": [THEIRS]})
    matcher_of(body, world.SHOP)["routeRules"].append(THEIRS)
    if ground.place == names.GLOBAL:
        body["tests"] = [{"host": "t.example", "path": "/theirs", "expectedOutputUrl": "http://t.example/theirs"}]
        body["tests"][0]["expectedRedirectResponseCode"] = 301
    ground.put(body)

    def theirs() -> list[Any]:
        shown = ground.map()
        found = [r for r in shown["hostRules"] if r["pathMatcher"] == "theirs"]
        found += [m for m in shown["pathMatchers"] if m["name"] == "theirs"]
        found += [r for r in matcher_of(shown, world.SHOP)["routeRules"] if not r.get("description")]
        return [*found, *(shown.get("tests") or ())]

    before = copy.deepcopy(theirs())
    assert len(before) == (4 if ground.place == names.GLOBAL else 3)
    assert ground.differs(world.elements()) == ()
    ground.apply([*world.elements(), new("a", "/a")])
    assert theirs() == before
    assert ground.differs([*world.elements(), new("a", "/a")]) == ()


def test_what_others_changed_in_ours_is_repaired(ground: Ground) -> None:
    good = ground.map()
    body = copy.deepcopy(good)
    rules = matcher_of(body, world.SHOP)["routeRules"]
    rules[0]["matchRules"][0]["ignoreCase"] = True
    rules[1]["routeAction"]["retryPolicy"] = {"numRetries": 2, "retryConditions": ["5xx"]}
    body["headerAction"] = {"requestHeadersToRemove": ["Cookie"]}
    matcher_of(body, world.SHOP)["defaultService"] = names.link_of(ground.paths[key_of("cart")])
    ground.put(body)
    assert len(ground.differs(world.elements())) == 5  # the failing rule no longer names the fallback
    ground.apply(world.elements())
    assert ground.writes() == [UPDATE]
    assert ground.differs(world.elements()) == ()
    assert document_of(ground.map()) == document_of(good)


def key_of(name: str) -> str:
    where = BACKENDS[name].to
    return model.key_of(where, world.bound_names()[where])


def document_of(shown: Json) -> Json:
    return {name: value for name, value in shown.items() if name != "fingerprint"}


@pytest.mark.parametrize("mode", ["sync", "late"])
@pytest.mark.parametrize("who", ["rule", "matcher"])
def test_a_refused_child_is_named(ground: Ground, mode: str, who: str) -> None:
    ground.writes()
    wanted = [*world.elements(), new("a", "/a"), new("bbb", "/b"), new("c", "/c"), world.matcher("more.example.com")]
    wanted += [world.rule("more.example.com", "m", world.prefix("/m"), fail(503))]
    changes = ground.plan(wanted)
    before = ground.map()
    pattern = {"rule": f"route-rule/80/{world.SHOP}/bbb@", "matcher": "more-example-com"}[who]
    with ground.refusing(pattern, mode), pytest.raises(Failed) as refusal:
        ground.commit(changes)
    where = {"rule": ("route-rule", f"80/{world.SHOP}/bbb"), "matcher": ("path-matcher", "80/more.example.com")}[who]
    assert refusal.value.why == "invalid"
    assert refusal.value.key.startswith(f"create {world.at(*where)}@")
    assert ground.writes() == [UPDATE]
    assert document_of(ground.map()) == document_of(before)


@pytest.mark.parametrize("mode", ["unnamed", "late-unnamed"])
def test_a_refusal_that_names_nobody_names_nobody(ground: Ground, mode: str) -> None:
    changes = ground.plan([*world.elements(), new("a", "/a")])
    with ground.refusing("route-rule/80/.*/a@", mode):
        failure = failure_of(lambda: ground.commit(changes))
    assert (failure.why, failure.guilty) == ("invalid", "")


def test_what_the_cloud_itself_refuses_is_named(ground: Ground) -> None:
    """No setting: a status that Google does not take, in the middle of good rules."""
    good = [new("a", "/a"), new("c", "/c")]
    bad = world.rule(world.SHOP, "b", world.prefix("/b"), fail(99))
    changes = ground.plan([*world.elements(), good[0], bad, good[1]])
    with pytest.raises(Failed) as refusal:
        ground.commit(changes)
    assert refusal.value.why == "invalid"
    assert refusal.value.key.startswith(f"create {bad.address}@")
    instead = kinds_paths.ROUTE_RULE.stand_in
    assert instead is not None
    repaired = instead(bad)
    assert repaired is not None
    ground.apply([*world.elements(), good[0], repaired, good[1]])
    assert ground.differs([*world.elements(), good[0], repaired, good[1]]) == ()


def test_a_writer_in_between_is_a_conflict_and_wins(ground: Ground) -> None:
    changes = ground.plan([*world.elements(), new("a", "/a")])
    mine, theirs = ground.cloud.session, session(ground.cloud)
    path = names.path(gcp.PROJECT, ground.place, "urlMaps", ground.name("80"))

    class Read:
        def __getattr__(self, name: str) -> Any:
            return getattr(mine.read, name)

        def get(self, *place: str) -> Json | None:
            found: Json | None = mine.read.get(*place)
            body = copy.deepcopy(found)
            assert body is not None
            matcher_of(body, world.SHOP)["routeRules"].append(THEIRS)
            assert theirs.write.wait([theirs.write.update("urlMaps", ground.place, body["name"], body)]) == [None]
            return found

    meddled = dataclasses.replace(mine, read=Read())
    ids = {changes[0].group.removeprefix("map:"): path} | ground.paths
    failure = failure_of(lambda: kinds_paths_commit.commit(meddled, changes[0].group, [], changes, ids))
    assert failure.why == "conflict"
    assert len([r for r in matcher_of(ground.map(), world.SHOP)["routeRules"] if r["priority"] == 3]) == 1
    ground.commit(ground.plan([*world.elements(), new("a", "/a")]))
    assert len(matcher_of(ground.map(), world.SHOP)["routeRules"]) == 6


def test_a_map_is_deleted_with_all_that_is_ours(ground: Ground) -> None:
    ground.writes()
    wanted = [e for e in world.elements() if "/80" not in model.short(e.address) or "service" in e.address]
    ground.apply(wanted)
    assert ground.writes() == [DELETE]
    assert len(ground.names()) == 1
    assert ground.differs(wanted) == ()


def test_a_map_in_use_waits(ground: Ground) -> None:
    ground.cloud.put("targetHttpProxies", ground.place, "proxy", urlMap=ground.map()["selfLink"])
    changes = ground.plan(
        [e for e in world.elements() if "/80" not in model.short(e.address) or "service" in e.address]
    )
    failure = failure_of(lambda: ground.commit(changes))
    assert failure.why == "not_ready"
    assert "proxy" in failure.message


def test_warm_rules_are_taken_and_hold_their_backend(ground: Ground) -> None:
    top = ground.observe().elements[world.at("url-map", "80")][0]
    warm = kinds_paths.ROUTE_RULE.warm
    assert warm is not None
    bound = world.bound_names()
    made = warm(top, 0, tuple(model.Ref(r.to, "serving", bound[r.to]) for r in BACKENDS.values()))
    matcher = ground.observe().elements[world.at("path-matcher", "80/*")][0]
    spec = {n: model.bind(v, lambda ref: ref.name or matcher.name) for n, v in made.fields.items()}
    suffix = model.suffix_of(kinds_paths.ROUTE_RULE, spec)
    after = dataclasses.replace(made, spec=spec, name=suffix)
    position = kinds_paths.ROUTE_RULE.warm_positions[0]
    group = model.group_of(world.KINDS, after)
    ground.commit(
        [
            model.Change(
                op="create", address=made.address, name=suffix, group=group, after=after, position=position, warm=True
            )
        ]
    )
    (seen,) = ground.observe().elements[made.address]
    assert seen.fields == spec
    assert seen.outputs["position"] == position
    assert ground.differs(world.elements())[0].op == "delete"
