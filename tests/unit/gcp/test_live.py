"""The commits against the local Google Cloud, through the real SDK: read back equal, adopted, refused where due."""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import os
import traceback
import types
from typing import Any
from unittest import mock

import pytest

from cloudgw.engine import commit, report
from cloudgw.graph import memory, model
from cloudgw.provider import Failed, Partial, Session
from cloudgw_gcp import calls, failures, inventory, kinds, names, observe
from cloudgw_local import gcp, serving
from cloudgw_local.gcp import server
from tests.unit.gcp import elements

Json = dict[str, Any]
WORLDS = [(elements.REGION, "Internal"), (elements.REGION, "Public"), (names.GLOBAL, "Public")]
PROVIDER: Any = types.SimpleNamespace(kinds=kinds.KINDS, classify=failures.classify)
HOUR = 3600.0
NEG = f"{elements.CART}/{elements.ZONES[0]}"


@dataclasses.dataclass
class World:
    """The local cloud as our commits and our listing see it. It measures the time, too."""

    running: serving.Running
    session: Session

    def now(self) -> float:
        return self.running.control.now()

    def sleep(self, seconds: float) -> None:
        self.running.control.advance(seconds)

    def observe(self) -> model.Graph:
        found = inventory.listing(self.session.read, [], elements.OWNER, 0.0)
        assert found.incomplete == ()
        return observe.observe(found, elements.OWNER)

    def plan(self, wanted: list[model.Element], now: float = 0.0) -> list[model.Change]:
        return list(elements.difference(elements.graph(wanted), self.observe(), now=now))

    def run(self, changes: list[model.Change]) -> report.Report:
        """What waits for nothing, in the engine's batches."""
        return commit.run(
            changes, provider=PROVIDER, session=self.session, observed=self.observe(), clock=self, cache=memory.Cache()
        )

    def apply(self, wanted: list[model.Element]) -> report.Report:
        found = self.run(self.plan(wanted))
        assert found.problems == ()
        self.sleep(30)  # endpoints are not waited for
        return found

    def commit(self, changes: collections.abc.Sequence[model.Change]) -> Json:
        """One group."""
        seen = self.observe()
        ids = {e.key: str(e.outputs["id"]) for e in seen}
        kind = kinds.KINDS[model.kind_of(changes[0].address)]
        return dict(kind.commit(self.session, changes[0].group, (), changes, ids))

    def writes(self) -> list[str]:
        return [entry["operation"] for entry in self.running.control.journal() if entry["write"]]

    def get(self, kind: str, logical: str) -> Json:
        path = str(elements.one(self.observe(), kind, logical).outputs["id"])
        found = self.session.read.get(*names.place_of(path))
        assert isinstance(found, dict)
        return found

    def write(self, verb: str, document: Json, **body: Any) -> None:
        """Somebody else's client, which knows nothing of ours."""
        where = names.place_of(document["selfLink"])
        write = self.session.write
        begun = write.update(*where, body) if verb == "update" else write.act(*where, verb, body)
        assert write.wait([begun]) == [None]


@pytest.fixture(scope="module")
def served() -> collections.abc.Iterator[World]:
    with server.serve(stepped=True) as running, mock.patch.dict(os.environ, gcp.LOCAL.env(running.endpoint)):
        yield World(running, calls.connect(elements.PLACEMENT))


@pytest.fixture
def world(served: World) -> World:
    """A new process and an empty cloud."""
    served.running.control.reset()
    session = calls.connect(elements.PLACEMENT)
    session.read.sleep = served.running.control.advance
    session = dataclasses.replace(
        session, owner=elements.OWNER, materials=elements.MATERIALS, evidence={"cluster": "c-1"}
    )
    return World(served.running, session)


@contextlib.contextmanager
def believing(**beliefs: str) -> collections.abc.Iterator[World]:
    told = {f"gcp-{name.replace('_', '-')}": value for name, value in beliefs.items()}
    with (
        server.serve(stepped=True, beliefs=told) as running,
        mock.patch.dict(os.environ, gcp.LOCAL.env(running.endpoint)),
    ):
        session = calls.connect(elements.PLACEMENT)
        session.read.sleep = running.control.advance
        yield World(running, dataclasses.replace(session, owner=elements.OWNER, materials=elements.MATERIALS))


@pytest.mark.parametrize(("place", "exposure"), WORLDS)
def test_everything_is_written_and_read_back_equal_and_deleted(world: World, place: str, exposure: str) -> None:
    before = world.running.control.dump()
    wanted = elements.elements(place, exposure)
    changes = world.plan(wanted)
    done = world.apply(wanted)
    assert len(done.of("done")) == len(changes) == len(wanted)
    seen = world.observe()
    assert set(seen.elements) == {element.address for element in wanted}
    for change in changes:
        assert change.after is not None
        (element,) = seen.elements[change.address]
        assert element.name == change.name
        for field, value in change.after.fields.items():
            assert model.same(value, element.fields[field]), (change.key, field)
    assert seen.elements[elements.ADDRESS][0].outputs["cluster"] == "c-1"
    assert elements.one(seen, "address", "lb").outputs["dns"]
    assert world.plan(wanted) == []
    for _ in range(3):
        world.apply([])
    assert list(world.observe()) == []
    assert _resources(world.running.control.dump()) == _resources(before)


def _resources(dump: Json) -> Any:
    return {key: value for key, value in dump.items() if key not in ("operations", "time", "now", "clock")}


CHANGES: list[tuple[str, str, Json, list[str]]] = [
    ("address", "lb", {"labels": {"team": "x", "more": "y"}}, ["setLabels addresses"]),
    ("address", "lb", {"labels": {}}, ["setLabels addresses"]),
    ("health-check", "http", {"path": "/healthz", "port": 81, "interval": 30}, ["update healthChecks"]),
    (
        "backend-service",
        elements.CART,
        {"timeout": 55, "backends": (), "affinity": "GENERATED_COOKIE", "cookie": ("", 60)},
        ["update backendServices"],
    ),
    (
        "backend-service",
        f"{elements.CART}/sticky",
        {"affinity": "NONE", "cookie": None, "draining": 9},
        ["update backendServices"],
    ),
    ("ssl-policy", "tls", {"profile": "RESTRICTED"}, ["patch sslPolicies"]),
    (
        "target-proxy",
        "443",
        {"certificates": (elements.to("certificate", "shop/two", "ready"),)},
        ["setSslCertificates targetHttpsProxies"],
    ),
    ("forwarding-rule", "443", {"labels": {"a": "b"}}, ["setLabels forwardingRules"]),
]


@pytest.mark.parametrize(("place", "exposure"), [WORLDS[0], WORLDS[2]])
def test_each_kind_is_updated_in_place_by_one_call(world: World, place: str, exposure: str) -> None:
    plain = elements.elements(place, exposure)
    world.apply(plain)
    for kind, logical, spec, calls_made in CHANGES:
        wanted = elements.changed(plain, elements.at(kind, logical), **spec)
        before = world.writes()
        world.apply(wanted)
        assert world.writes()[len(before) :] == calls_made, (kind, spec)
        assert world.plan(wanted) == []
        world.apply(plain)
        assert world.plan(plain) == []


@pytest.mark.parametrize(("place", "exposure"), [WORLDS[0], WORLDS[2]])
def test_a_proxy_gets_another_policy_and_map_and_a_rule_another_proxy(world: World, place: str, exposure: str) -> None:
    plain = elements.elements(place, exposure)
    more = [elements.made("ssl-policy", "strict", place=place, profile="RESTRICTED", min_version="TLS_1_2")]
    more += elements.url_map("81")
    world.apply([*plain, *more])
    wanted = elements.changed(
        plain + more, elements.at("target-proxy", "443"), ssl_policy=elements.to("ssl-policy", "strict")
    )
    wanted = elements.changed(wanted, elements.at("target-proxy", "80"), url_map=elements.to("url-map", "81"))
    before = world.writes()
    world.apply(wanted)
    policy = "setSslPolicy" if place == names.GLOBAL else "patch"
    assert sorted(world.writes()[len(before) :]) == sorted(
        [f"{policy} targetHttpsProxies", "setUrlMap targetHttpProxies"]
    )
    assert world.plan(wanted) == []


@pytest.mark.parametrize("place", [elements.REGION, names.GLOBAL])
def test_a_proxy_loses_what_hides_our_certificates(world: World, place: str) -> None:
    """Also where ours were taken away with it."""
    wanted = elements.elements(place, "Public")
    world.apply(wanted)
    before = world.get("target-proxy", "443")
    stored: Any = world.running.control.cloud
    (shown,) = [d for p, d in stored.world.resources.items() if p.path == names.path_of(before["selfLink"])]
    shown["serverTlsPolicy"] = "//networksecurity.googleapis.com/projects/p/locations/global/serverTlsPolicies/theirs"
    if place == names.GLOBAL:
        shown["certificateMap"] = "//certificatemanager.googleapis.com/projects/p/locations/global/certificateMaps/m"
        shown["quicOverride"] = "ENABLE"
    shown["sslCertificates"] = []
    (change,) = world.plan(wanted)
    assert change.fields == ("certificates", "extra")
    world.apply(wanted)
    after = world.get("target-proxy", "443")
    assert after | {"fingerprint": ""} == before | {"fingerprint": ""}
    assert world.plan(wanted) == []


def test_whom_an_internal_balancer_serves_is_changed_in_place(world: World) -> None:
    world.apply(elements.elements())
    before = world.get("forwarding-rule", "80")
    for everywhere in (True, False):
        spec: Json = {"global_access": everywhere, "labels": {"team": "other"}}
        wanted = elements.changed(elements.elements(), elements.at("forwarding-rule", "80"), **spec)
        (change,) = world.plan(wanted)
        assert "global_access" in change.fields
        world.apply(wanted)
        assert world.plan(wanted) == []
        after = world.get("forwarding-rule", "80")
        assert (after["id"], bool(after.get("allowGlobalAccess"))) == (before["id"], everywhere)


def test_members_of_others_survive_an_update(world: World) -> None:
    plain = elements.elements()
    world.apply(plain)
    service = world.get("backend-service", elements.CART)
    world.write("update", service, **{**service, "logConfig": {"enable": True, "sampleRate": 0.5}})
    address = world.get("address", "lb")
    theirs = {**address["labels"], "theirs": "x"}
    world.write("setLabels", address, labels=theirs, labelFingerprint=address["labelFingerprint"])
    assert world.plan(plain) == []
    wanted = elements.changed(plain, elements.at("backend-service", elements.CART), timeout=77)
    world.apply(elements.changed(wanted, elements.ADDRESS, labels={}))
    assert world.get("backend-service", elements.CART)["logConfig"]["sampleRate"] == 0.5
    assert world.get("address", "lb")["labels"] == {"theirs": "x"}


@pytest.mark.parametrize("operation", ["healthChecks", "backendServices", "addresses", "networkEndpointGroups"])
def test_what_was_made_and_not_answered_is_adopted(world: World, operation: str) -> None:
    wanted = elements.elements()
    world.running.control.fault(f"insert {operation}", "lost")
    first = world.run(world.plan(wanted))
    assert first.of("failed")
    world.sleep(60)
    for _ in range(3):
        world.run(world.plan(wanted))
        world.sleep(60)
    assert world.plan(wanted) == []
    inserted = [name for name in world.writes() if name == f"insert {operation}"]
    assert len(inserted) == sum(
        1 for e in wanted if kinds.KINDS[model.kind_of(e.address)].name == _kind_of_collection(operation)
    )


def _kind_of_collection(collection: str) -> str:
    return {
        "healthChecks": "health-check",
        "backendServices": "backend-service",
        "addresses": "address",
        "networkEndpointGroups": "neg",
    }[collection]


def test_a_create_that_was_forgotten_adopts_what_it_made(world: World) -> None:
    wanted = [elements.address(), *(elements.check(p) for p in ("HTTP", "HTTPS"))]
    changes = world.plan(wanted)
    first = world.commit([c for c in changes if "health-check" in c.key])
    assert world.commit([c for c in changes if "health-check" in c.key]) == first
    address = [c for c in changes if "address" in c.key]
    made = world.commit(address)
    world.session.write.wait(
        [
            world.session.write.act(
                *names.place_of(next(iter(made.values()))), "setLabels", {"labels": {}, **_print(world)}
            )
        ]
    )
    assert world.commit(address) == made
    assert world.plan(wanted) == []


def _print(world: World) -> Json:
    return {"labelFingerprint": world.get("address", "lb")["labelFingerprint"]}


def test_a_thing_of_somebody_else_with_our_name_is_left_alone(world: World) -> None:
    changes = world.plan([elements.check("HTTP"), elements.check("HTTPS")])
    first = changes[0]
    name = names.resource_name(elements.OWNER, first.address, first.name, elements.REGION)
    theirs = {"name": name, "type": "TCP", "tcpHealthCheck": {"port": 80}, "description": "made by hand"}
    world.session.write.wait([world.session.write.insert("healthChecks", elements.REGION, theirs)])
    with pytest.raises(Partial, match="left alone") as caught:
        world.commit(changes)
    assert caught.value.key == first.key
    assert set(caught.value.done) == {model.key_of(changes[1].address, changes[1].name)}
    found = world.session.read.get("healthChecks", elements.REGION, name)
    assert found is not None
    assert found["description"] == "made by hand"


def test_one_refused_insert_keeps_none_of_the_others(world: World) -> None:
    services = [elements.service(f"shop/s{n}:80") for n in range(4)]
    wanted = [elements.address(), elements.check(), elements.service("none"), *services]
    changes = world.plan(wanted)
    guilty = next(c for c in changes if "/shop/s2:80" in c.key)
    world.running.control.settings(
        refuse_name=names.resource_name(elements.OWNER, guilty.address, guilty.name, elements.REGION)
    )
    done = world.run(changes)
    assert [outcome.change.key for outcome in done.outcomes if outcome.state != "done"] == [guilty.key]
    (failed,) = done.of("failed")
    assert failed.failure is not None
    assert failed.failure.why == "invalid"
    world.running.control.settings(refuse_name="")
    assert [c.key for c in world.plan(wanted)] == [guilty.key]


def test_a_refusal_that_comes_late_names_its_change_too() -> None:
    with believing(late_refusal="late") as world:
        wanted = [elements.address(), elements.check(), *(elements.service(f"shop/s{n}:80") for n in range(3))]
        changes = world.plan(wanted)
        guilty = next(c for c in changes if "/shop/s1:80" in c.key)
        world.running.control.settings(
            refuse_name=names.resource_name(elements.OWNER, guilty.address, guilty.name, elements.REGION)
        )
        done = world.run(changes)
        assert [outcome.change.key for outcome in done.outcomes if outcome.state != "done"] == [guilty.key]


def test_what_is_in_use_by_a_stranger_says_by_whom(world: World) -> None:
    wanted = [elements.check()]
    world.apply(wanted)
    path = str(elements.one(world.observe(), "health-check", "http").outputs["id"])
    body = {"name": "theirs", "loadBalancingScheme": "INTERNAL_MANAGED", "healthChecks": [names.link_of(path)]}
    write = world.session.write
    assert write.wait([write.insert("backendServices", elements.REGION, {**body, "protocol": "HTTP"})]) == [None]
    changes = world.plan([])
    with pytest.raises(Failed, match=r"used by what is not ours: .*theirs") as caught:
        world.commit(changes)
    assert caught.value.why == "conflict"
    assert caught.value.key == changes[0].key


def test_what_is_in_use_by_ours_is_tried_again(world: World) -> None:
    world.apply([elements.address(), elements.check(), elements.service("none")])
    change = next(c for c in world.plan([]) if "health-check" in c.key)
    with pytest.raises(Partial) as caught:
        world.commit([change])
    failure = failures.classify(caught.value)
    assert failure is not None
    assert failure.why == "not_ready"


def test_a_renewed_certificate_replaces_the_one_before(world: World) -> None:
    plain = elements.elements()
    world.apply(plain)
    renewed = elements.material("renewed.example")
    world.session = dataclasses.replace(world.session, materials={**elements.MATERIALS, renewed.fingerprint: renewed})
    wanted = elements.changed(plain, elements.at("certificate", "shop/tls"), fingerprint=renewed.fingerprint)
    world.apply(wanted)
    world.apply(wanted)
    assert world.plan(wanted) == []
    (one,) = world.observe().elements[elements.at("certificate", "shop/tls")]
    assert one.fields["fingerprint"] == renewed.fingerprint
    first = world.get("target-proxy", "443")["sslCertificates"][0]
    assert names.path_of(first) == one.outputs["id"]


def test_bytes_of_certificates_stay_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    wanted = [
        elements.made("certificate", "shop/tls", place=elements.REGION, fingerprint=elements.material().fingerprint)
    ]
    secret = elements.material().key_pem.decode().splitlines()[1]
    (change,) = world.plan(wanted)
    name = names.resource_name(elements.OWNER, change.address, change.name, elements.REGION)
    world.running.control.settings(refuse_name=name)
    for session in (world.session, dataclasses.replace(world.session, materials={})):
        world.session = session
        with pytest.raises(Failed) as caught:
            world.commit([change])
        told = "".join(traceback.format_exception(caught.value))
        assert caught.value.__context__ is None
        assert secret not in told
        assert "PRIVATE KEY" not in told
    world.running.control.fault("insert sslCertificates", "lost")
    world.session = dataclasses.replace(world.session, materials=elements.MATERIALS)
    world.running.control.settings(refuse_name="")
    with pytest.raises(Failed) as caught:
        world.commit([change])
    assert (caught.value.why, caught.value.__context__) == ("outcome_unknown", None)
    assert secret not in caplog.text
    world.apply(wanted)
    assert world.plan(wanted) == []


@pytest.mark.parametrize("kind", ["firewall", "health-check"])
def test_what_somebody_changed_for_good_is_repaired_under_its_name(world: World, kind: str) -> None:
    wanted = [elements.address(), elements.firewall(), elements.check()]
    world.apply(wanted)
    before = elements.one(world.observe(), kind, "lb" if kind == "firewall" else "http")
    document = world.get(kind, "lb" if kind == "firewall" else "http")
    if kind == "firewall":
        world.write("update", document, **{**document, "sourceRanges": ["10.9.0.0/16"]})
    else:
        rest = {k: v for k, v in document.items() if k != "httpHealthCheck"}
        world.write("update", document, **rest | {"type": "TCP", "tcpHealthCheck": {"port": 80}})
    seen = world.observe().elements[before.address]
    assert [element.name for element in seen] == [before.name + names.DRIFTED]
    written = len(world.writes())
    world.apply(wanted)
    assert not [name for name in world.writes()[written:] if name.startswith("delete")]
    assert world.plan(wanted) == []
    assert elements.one(world.observe(), kind, "lb" if kind == "firewall" else "http").key == before.key


def test_endpoints_are_followed_without_waiting(world: World) -> None:
    plain = elements.elements()
    world.apply(plain)
    wanted = elements.changed(
        plain, elements.at("endpoints", NEG), targets=("node-b/10.0.64.6:8080", "node-b/10.0.64.9:8080")
    )
    done = world.run(world.plan(wanted))
    assert [outcome.state for outcome in done.outcomes] == ["done"]
    assert len(world.session.write.pending) >= 1
    world.sleep(30)
    assert world.plan(wanted) == []
    path = str(elements.one(world.observe(), "neg", NEG).outputs["id"])
    assert world.session.read.endpoints(path) == ["node-b/10.0.64.6:8080", "node-b/10.0.64.9:8080"]


def test_other_endpoints_of_the_same_number_are_seen(world: World) -> None:
    """The size of a group says nothing: what we write ourselves is read again in any case."""
    plain = elements.elements()
    world.apply(plain)
    assert world.plan(plain) == []
    wanted = elements.changed(plain, elements.at("endpoints", NEG), targets=("node-b/10.0.64.7:8080",))
    world.run(world.plan(wanted))
    for _ in range(20):  # the last that answer stay for a while
        world.sleep(30)
        changes = world.plan(wanted)
        if not changes:
            break
        world.run(changes)
    else:
        raise AssertionError("the other endpoint is never seen")


def test_a_port_that_becomes_secure_changes_hands(world: World) -> None:
    plain = [e for e in elements.elements() if "/443" not in e.address]
    world.apply(plain)
    secure = {"secure": True, "certificates": (elements.to("certificate", "shop/tls", "ready"),)}
    wanted = elements.changed(plain, elements.at("url-map", "80"), secure=True)
    wanted = elements.changed(
        wanted, elements.at("target-proxy", "80"), **secure, ssl_policy=elements.to("ssl-policy", "tls")
    )
    wanted = elements.changed(wanted, elements.at("forwarding-rule", "80"), secure=True)
    (rule,) = [c for c in world.plan(wanted) if c.op == "create" and "forwarding-rule" in c.key]
    assert any("downtime" in word for word in rule.danger)
    for _ in range(4):
        assert world.run(world.plan(wanted)).problems == ()  # the port is let go before it is taken
        world.sleep(HOUR)
    (one,) = world.observe().elements[elements.at("forwarding-rule", "80")]
    assert one.fields["secure"] is True


def test_a_hundred_inserts_take_as_long_as_one(world: World) -> None:
    checks = [
        model.Element(address=elements.at("health-check", f"c{number}"), spec=elements.check().fields)
        for number in range(100)
    ]
    began = world.now()
    world.commit(world.plan(checks))
    assert world.now() - began < 30
    assert world.writes() == ["insert healthChecks"] * 100


def test_planning_writes_nothing(world: World) -> None:
    world.plan(elements.elements())
    assert world.writes() == []
