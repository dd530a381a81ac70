"""The commit against the local Azure, through the real SDK: written once, read back equal, refused as it should be."""

from __future__ import annotations

import collections.abc
import contextlib
import copy
import dataclasses
import os
import traceback
from typing import Any
from unittest import mock

import pytest

from cloudgw.graph import memory, model
from cloudgw.objects import Material
from cloudgw.provider import Failed, Session
from cloudgw_azure import calls, document_anchor, document_parts, failures, inventory, kinds, names, observe
from cloudgw_local import azure
from cloudgw_local.azure import server
from tests.unit.azure import edge, elements

PUT = "PUT applicationGateways"
Json = dict[str, Any]


@dataclasses.dataclass
class World:
    """The local Azure as our commit and our listing see it."""

    cloud: edge.Cloud

    @property
    def session(self) -> Session:
        found = elements.material()
        return dataclasses.replace(self.cloud.session, materials={found.fingerprint: found})

    def observe(self) -> model.Graph:
        found = inventory.listing(self.cloud.session.read, [edge.wanted()], elements.OWNER, 0.0)
        assert found.incomplete == ()
        return observe.observe(found, elements.OWNER)

    def plan(self, wanted: list[model.Element], cache: memory.Cache | None = None) -> list[model.Change]:
        return list(elements.difference(elements.graph(wanted), self.observe(), cache))

    def commit(self, changes: list[model.Change], session: Session | None = None) -> dict[str, str]:
        """One write of everything that waits for nothing, to its end."""
        seen = self.observe()
        standing = elements.group(seen)[1] if elements.GATEWAY in seen.elements else []
        ids = {e.key: str(e.outputs["id"]) for e in seen}
        ready = [change for change in changes if not change.waits]
        commit = kinds.KINDS["gateway"].commit
        done = dict(commit(session or self.session, ready[0].group, standing, ready, ids))
        self.cloud.advance(400)
        return done

    def apply(self, wanted: list[model.Element]) -> dict[str, str]:
        return self.commit(self.plan(wanted))

    def document(self) -> Json:
        (found,) = self.cloud.session.read.gateways()
        return dict(found)

    def write(self, body: Json) -> None:
        """Somebody else's client, which knows nothing of ours."""
        place = calls.place_of(body["id"])
        self.cloud.session.write.put_gateway(*place, document_parts.writable(body))
        self.cloud.advance(400)


@contextlib.contextmanager
def refusing_late() -> collections.abc.Iterator[World]:
    """A cloud that takes documents, and refuses them at the end of the operation."""
    with (
        server.serve(stepped=True, beliefs={"azure-late-refusal": "late"}) as running,
        mock.patch.dict(os.environ, azure.LOCAL.env(running.endpoint)),
    ):
        session = dataclasses.replace(calls.connect(edge.PLACE), owner=elements.OWNER)
        yield World(edge.Cloud(running, session))


@pytest.fixture(scope="module")
def served() -> collections.abc.Iterator[edge.Cloud]:
    with edge.serve() as cloud:
        yield cloud


@pytest.fixture
def world(served: edge.Cloud) -> World:
    served.running.control.reset()
    return World(served)


def theirs(body: Json) -> Json:
    """The same with a site of somebody else."""
    found = copy.deepcopy(body)
    base = found["id"]

    def ref(collection: str) -> Json:
        return {"id": f"{base}/{collection}/theirs"}

    front = found["properties"]["frontendIPConfigurations"][0]["id"]
    forward = {
        "backendAddressPool": ref("backendAddressPools"),
        "backendHttpSettings": ref("backendHttpSettingsCollection"),
    }
    contents = {
        "frontendPorts": {"port": 8080},
        "backendAddressPools": {"backendAddresses": [{"ipAddress": "10.0.64.77"}]},
        "backendHttpSettingsCollection": {"port": 81, "protocol": "Http", "requestTimeout": 3},
        "httpListeners": {
            "frontendIPConfiguration": {"id": front},
            "frontendPort": ref("frontendPorts"),
            "protocol": "Http",
        },
        "requestRoutingRules": {
            "ruleType": "Basic",
            "priority": 19,
            "httpListener": ref("httpListeners"),
            **forward,
        },
    }
    for collection, properties in contents.items():
        found["properties"][collection].append({"name": "theirs", "properties": properties})
    rules = found["properties"]["urlPathMaps"][0]["properties"]["pathRules"]
    rules.insert(0, {"name": "theirs", "properties": {"paths": ["/theirs"], **forward}})
    return found


def of_others(body: Json) -> dict[str, Json]:
    found = {}
    stripped = document_parts.writable(body)["properties"]
    for collection, child in [
        *document_parts.children(stripped),
        *(("r", c) for c in document_parts.map_children(stripped)),
    ]:
        if child["name"] == "theirs":
            found[collection] = child
    return found


def test_everything_is_written_once_and_read_back_equal(world: World) -> None:
    wanted = elements.elements()
    changes = world.plan(wanted)
    done = world.commit(changes)
    assert world.cloud.writes() == [PUT]
    assert calls.operation(world.session.read, done["operation"]).state == "done"
    seen = world.observe()
    for change in changes:
        assert change.after is not None
        (element,) = seen.elements[change.address]
        for field, value in change.after.fields.items():
            assert model.same(value, element.fields[field]), (change.key, field)
        assert element.outputs["id"].casefold() == done[element.key].casefold()
    assert world.plan(wanted) == []


def test_the_world_grows_and_shrinks_by_one_write_each(world: World) -> None:
    small = [e for e in elements.elements(certificates=False) if "80.any" not in e.address and "/r." not in e.address]
    for number, wanted in enumerate((small, elements.elements(), small, [elements.gateway()]), 1):
        world.apply(wanted)
        assert world.cloud.writes() == [PUT] * number
        assert [c.key for c in world.plan(wanted)] == []


def test_what_is_not_ours_stays_byte_for_byte(world: World) -> None:
    world.apply(elements.elements())
    world.write(theirs(world.document()))
    before = of_others(world.document())
    assert len(before) == 6
    assert world.plan(elements.elements()) == []
    wanted = [e for e in elements.elements() if "80.any" not in e.address and not e.address.endswith("/r.x")]
    wanted += [elements.path("80.shop.example.com", "shop.n.aaaaaaaaaa", ("/n",), elements.answer("shop.cart.8080"))]
    world.apply(wanted)
    assert of_others(world.document()) == before
    assert world.plan(wanted) == []


def test_a_gateway_of_nothing_is_valid_and_empty(world: World) -> None:
    world.apply([elements.gateway()])
    assert [e.address for e in world.observe()] == [elements.GATEWAY]
    (rule,) = world.document()["properties"]["requestRoutingRules"]
    assert document_anchor.is_anchor(rule["name"])
    world.apply(elements.elements())
    assert document_anchor.HOST not in repr(world.document())


def test_a_map_without_path_rules_is_valid(world: World) -> None:
    wanted = [e for e in elements.elements() if not e.address.startswith(elements.at("path-rule", "80.any"))]
    world.apply(wanted)
    assert world.plan(wanted) == []


def test_a_refusal_names_its_change(world: World) -> None:
    world.apply(elements.elements())
    bad = elements.path("80.any", "shop.n.aaaaaaaaaa", ("/a?b",), elements.answer("shop.cart.8080"))
    good = elements.path("80.any", "shop.n.bbbbbbbbbb", ("/good",), elements.answer("shop.cart.8080"))
    changes = world.plan([*elements.elements(), bad, good])
    with pytest.raises(Failed, match="PathRule") as caught:
        world.commit(changes)
    assert caught.value.why == "invalid"
    assert caught.value.key == next(c.key for c in changes if c.address == bad.address)
    world.commit([change for change in changes if change.key != caught.value.key])
    assert [c.key for c in world.plan([*elements.elements(), good])] == []


def test_a_refusal_that_names_a_map_blames_no_map_for_its_path_rules(world: World) -> None:
    found = [*elements.elements(), *elements.site("80.twice", ("twice.example.com",))]
    found += [
        elements.path("80.twice", f"shop.n.{letter * 10}", ("/same",), elements.answer("shop.cart.8080"))
        for letter in "ab"
    ]
    changes = world.plan(found)
    with pytest.raises(Exception) as caught:  # noqa: PT011 (whichever names it)
        world.commit(changes)
    failure = failures.classify(caught.value)
    assert failure is not None
    assert failure.why == "invalid"
    assert "/path-map/" not in failure.guilty


def test_a_new_pool_is_warmed_before_it_gets_requests(world: World) -> None:
    world.apply(elements.elements())
    fresh = elements.pool("shop.new.8080", ("10.0.64.40",))  # nobody asks for the path of its warm rule
    wanted = [
        dataclasses.replace(e, spec={**e.fields, "action": elements.answer("shop.new.8080")})
        if e.address.endswith("shop.r.aaaaaaaaaa")
        else e
        for e in elements.elements()
    ] + fresh
    changes = world.plan(wanted)
    (waiting,) = [change for change in changes if change.waits]
    assert (waiting.op, waiting.waits[0].what) == ("update", "health")
    (warm,) = [change for change in changes if change.warm]
    assert warm.op == "create"
    world.cloud.running.control.set_health("10.0.64.40:8080", False)
    world.commit(changes)
    assert [w.what for c in world.plan(wanted) for w in c.waits] == ["health"]
    world.cloud.running.control.set_health("10.0.64.40:8080", True)
    world.cloud.advance(60)
    changes = world.plan(wanted)
    assert not any(change.waits for change in changes)
    assert [(c.op, c.warm) for c in changes] == [("update", False)]
    world.commit(changes)
    changes = world.plan(wanted)
    assert [(c.op, c.warm) for c in changes] == [("delete", True)]
    world.commit(changes)
    assert world.plan(wanted) == []


def test_certificates_are_rotated_and_their_bytes_stay_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.apply(elements.elements())
    other = elements.material("other.example.com")
    wanted = [
        dataclasses.replace(e, spec={**e.fields, "fingerprint": other.fingerprint})
        if "/certificate/" in e.address
        else e
        for e in elements.elements()
    ]
    changes = world.plan(wanted)
    with pytest.raises(Failed, match="not at hand") as caught:
        world.commit(changes)
    assert (caught.value.why, "/certificate/shop.tls@" in caught.value.key) == ("not_ready", True)
    wrong = Material(fingerprint=other.fingerprint, certificate_pem=b"hush", key_pem=b"hush")
    for material in (wrong, dataclasses.replace(other, fingerprint="else")):
        session = dataclasses.replace(world.session, materials={other.fingerprint: material})
        with pytest.raises(Failed) as caught:
            world.commit(changes, session)
        chain: BaseException | None = caught.value
        while chain is not None:
            assert "hush" not in str(chain)
            assert "BEGIN" not in str(chain)
            chain = chain.__cause__ or chain.__context__
    world.commit(changes, dataclasses.replace(world.session, materials={other.fingerprint: other}))
    assert "hush" not in caplog.text
    left = world.plan(wanted)
    world.commit(left) if left else None
    (one,) = world.observe().elements[elements.at("certificate", "shop.tls")]
    assert one.fields["fingerprint"] == other.fingerprint
    assert names.fingerprints(world.document()["tags"]) == (other.fingerprint,)


def chain(problem: BaseException) -> str:
    """All that a tool for crashes would show but this test: the exceptions, their causes, and the variables of every
    frame."""
    frames = problem.__traceback__.tb_next if problem.__traceback__ is not None else None
    shown = traceback.TracebackException(type(problem), problem, frames, capture_locals=True)
    contexts = problem.__cause__, problem.__context__
    return "".join(shown.format()) + "".join(chain(one) for one in contexts if one is not None)


@pytest.mark.parametrize("refusal", ["refuse", "refuse-before"])
def test_what_is_raised_for_a_write_with_bytes_does_not_hold_them(
    world: World, refusal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK's exception has the request in it. Its class and words are kept."""
    changes = world.plan(elements.elements())
    sent: list[Json] = []
    put = world.cloud.session.write.put_gateway

    def spy(*arguments: Any) -> Any:
        sent.append(arguments[2])
        return put(*arguments)

    monkeypatch.setattr(world.cloud.session.write, "put_gateway", spy)
    if refusal == "refuse":
        world.cloud.running.control.settings(refuse_child="-shop.tls-", refuse_body="", refuse_mode="sync")
    else:
        world.cloud.running.control.fault(PUT, "error", code="AuthorizationFailed", status=403, times=1)
    with pytest.raises(Failed) as caught:
        world.commit(changes)
    world.cloud.running.control.settings(refuse_child="")
    assert caught.value.why == ("invalid" if refusal == "refuse" else "denied")
    assert str(caught.value).startswith("ApplicationGateway" if refusal == "refuse" else "AuthorizationFailed")
    assert ("/certificate/" in caught.value.key) == (refusal == "refuse")
    (certificate,) = elements.collection(sent[0], "certificate")
    text = chain(caught.value)
    assert certificate["properties"]["password"] not in text
    assert certificate["properties"]["data"][100:140] not in text


def test_a_write_in_between_is_a_conflict_and_nothing_is_sent_twice(world: World) -> None:
    world.apply(elements.elements())
    changes = world.plan(elements.elements(certificates=False))
    put = world.session.write.put_gateway

    def late(*arguments: Any) -> Any:
        world.write(theirs(world.document()))
        return put(*arguments)

    writes = len(world.cloud.writes())
    write = type("Late", (), {"put_gateway": staticmethod(late)})()
    with pytest.raises(Exception) as caught:  # noqa: PT011 (the SDK's)
        world.commit(changes, dataclasses.replace(world.session, write=write))
    failure = failures.classify(caught.value)
    assert failure is not None
    assert failure.why == "conflict"
    assert len(world.cloud.writes()) == writes + 2  # theirs, and ours which was refused
    assert len(of_others(world.document())) == 6


def test_a_map_that_somebody_used_meanwhile_is_not_deleted(world: World) -> None:
    """Their path rule would go along with it."""
    extra = [*elements.site("80.twice", ("twice.example.com",))]
    extra.append(elements.path("80.twice", "shop.n.aaaaaaaaaa", ("/same",), elements.answer("shop.cart.8080")))
    world.apply([*elements.elements(), *extra])
    changes = world.plan(elements.elements())
    document = world.document()
    for one in document["properties"]["urlPathMaps"]:
        if "-80.twice-" in one["name"]:
            rule = {**one["properties"]["pathRules"][0], "name": "theirs"}
            rule = {"name": "theirs", "properties": {**rule["properties"], "paths": ["/theirs"]}}
            one["properties"]["pathRules"].append(rule)
    world.write(document)
    writes = len(world.cloud.writes())
    with pytest.raises(Failed, match="pathRules/theirs") as caught:
        world.commit(changes)
    assert caught.value.why == "conflict"
    assert len(world.cloud.writes()) == writes


def test_nothing_is_written_while_an_operation_runs(world: World) -> None:
    world.apply(elements.elements())
    body = world.document()
    world.cloud.session.write.put_gateway(*calls.place_of(body["id"]), document_parts.writable(body))
    writes = len(world.cloud.writes())
    changes = elements.difference(elements.graph([elements.gateway()]), elements.observed(body))
    seen = elements.observed(body)
    with pytest.raises(Failed, match="Updating") as caught:
        kinds.KINDS["gateway"].commit(world.session, changes[0].group, elements.group(seen)[1], changes, {})
    assert caught.value.why == "not_ready"
    assert len(world.cloud.writes()) == writes
    group, _ = elements.group(world.observe())
    assert world.observe().busy == {group}


def test_a_create_whose_answer_was_lost_is_done_again(world: World) -> None:
    changes = world.plan(elements.elements())
    world.commit(changes)
    done = kinds.KINDS["gateway"].commit(world.session, changes[0].group, [], changes, {})
    world.cloud.advance(400)
    assert len(world.observe().elements[elements.GATEWAY]) == 1
    assert {model.key_of(c.address, c.name) for c in changes} <= set(done)
    assert world.plan(elements.elements()) == []


def test_a_gateway_of_somebody_else_is_left_alone(world: World) -> None:
    changes = world.plan(elements.elements())
    world.commit(changes)
    body = world.document()
    world.write(body | {"tags": {**body["tags"], names.OWNER: "somebody"}})
    with pytest.raises(Failed, match="left alone") as caught:
        kinds.KINDS["gateway"].commit(world.session, changes[0].group, [], changes, {})
    assert caught.value.why == "conflict"


def test_a_gateway_with_strangers_is_deleted_on_approval_only(world: World) -> None:
    world.apply(elements.elements())
    before = world.plan([])
    world.write(theirs(world.document()))
    with pytest.raises(Failed, match="httpListeners/theirs") as caught:
        world.commit([dataclasses.replace(change, waits=()) for change in before])
    assert caught.value.why == "conflict"
    approved = [dataclasses.replace(change, waits=()) for change in world.plan([])]
    assert any("deletes along what is not ours" in text for change in approved for text in change.danger)
    world.commit(approved)
    assert world.cloud.session.read.gateways() == []
    assert kinds.KINDS["gateway"].commit(world.session, approved[0].group, [], approved, {
        e.key: str(e.outputs["id"]) for c in approved if (e := c.before) is not None
    }) == {}  # fmt: skip


def test_user_tags_and_the_gateway_s_own_fields_change_in_place(world: World) -> None:
    world.apply(elements.elements())
    body = world.document()
    world.write(body | {"tags": {**body["tags"], "policy": "x"}})
    wanted = [elements.gateway(tags={"cost": "1"}, capacity=(1, 9), http2=False), *elements.elements()[1:]]
    (change,) = world.plan(wanted)
    assert change.fields == ("capacity", "http2", "tags")
    world.commit([change])
    tags = world.document()["tags"]
    assert (tags["cost"], tags["policy"], "team" in tags) == ("1", "x", False)
    assert world.plan(wanted) == []
    assert len(names.fingerprints(tags)) == 1


def test_the_last_good_document_is_put_again_after_a_late_refusal() -> None:
    with refusing_late() as world:
        world.apply(elements.elements())
        good = world.observe()
        bad = elements.path("80.any", "shop.n.aaaaaaaaaa", ("/a?b",), elements.answer("shop.cart.8080"))
        done = world.commit(world.plan([*elements.elements(), bad]))
        ended = calls.operation(world.session.read, done["operation"])
        assert ended.state == "failed"
        assert ended.failure is not None
        assert ended.failure.why == "invalid"
        group, standing = elements.group(good)
        assert world.observe().failed == {group}
        kinds.KINDS["gateway"].commit(world.session, group, standing, [], {})
        world.cloud.advance(400)
        assert world.observe().failed == frozenset()
        assert world.plan(elements.elements()) == []


def test_a_first_write_that_failed_late_leaves_a_gateway_of_nothing() -> None:
    with refusing_late() as world:
        bad = elements.path("80.any", "shop.n.aaaaaaaaaa", ("/a?b",), elements.answer("shop.cart.8080"))
        changes = world.plan([*elements.elements(), bad])
        world.commit(changes)
        assert len(world.observe().failed) == 1
        kinds.KINDS["gateway"].commit(world.session, changes[0].group, [], [], {})
        world.cloud.advance(400)
        assert [e.address for e in world.observe()] == [elements.GATEWAY]
        world.apply(elements.elements())
        assert world.plan(elements.elements()) == []
