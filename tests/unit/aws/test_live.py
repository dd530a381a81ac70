"""The kinds' commits against the local AWS: each call is made once, adopted, refused or retried as it should be."""

from __future__ import annotations

import collections.abc
import dataclasses
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.objects import Material
from cloudgw.provider import Failed, Partial, Session
from cloudgw_aws import PROVIDER, build, calls, kinds, kinds_rules, kinds_rules_order, names, shapes
from cloudgw_local import serving
from cloudgw_local.aws import server
from tests.unit.aws import samples

VPC = "vpc-00000000000000001"
SUBNETS = ("subnet-0000000000000000a", "subnet-0000000000000000b")


@dataclasses.dataclass
class Cloud:
    running: serving.Running
    session: Session
    made: list[str]

    def create(self, graph: model.Graph) -> dict[str, str]:
        """Everything of a graph, parents first; element key -> cloud id."""
        specs = samples.bound(graph)
        order = ["security-group", "load-balancer", "security-group-rule", "target-group", "listener", "rule"]
        ids: dict[str, str] = {}
        for kind in order:
            for number, where in enumerate(sorted(w for w in specs if model.kind_of(w) == kind)):
                name, spec = specs[where]
                change = self.change("create", where, name, spec, position=(number + 1) * 100)
                ids.update(self.commit(change, ids))
        return ids

    def change(self, op: Any, where: str, name: str, spec: model.Spec, **more: Any) -> model.Change:
        kind = kinds.KINDS[model.kind_of(where)]
        after = None if op == "delete" else model.Element(address=where, spec=spec, name=name)
        return model.Change(op=op, address=where, name=name, group=kind.group(where, name, spec), after=after, **more)

    def commit(self, change: model.Change, ids: dict[str, str], observed: Any = ()) -> dict[str, str]:
        kind = kinds.KINDS[model.kind_of(change.address)]
        return dict(kind.commit(self.session, change.group, observed, [change], ids))

    def observe(self) -> model.Graph:
        inventory = PROVIDER.list(self.session.read, [samples.wanted()], samples.OWNER)
        assert inventory.incomplete == ()
        return PROVIDER.observe(inventory, samples.OWNER)


@pytest.fixture(scope="module")
def served() -> collections.abc.Iterator[serving.Running]:
    with server.serve(stepped=True) as running:
        yield running


@pytest.fixture
def cloud(served: serving.Running, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    served.control.reset()
    for name, value in {
        "AWS_ENDPOINT_URL": served.endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }.items():
        monkeypatch.setenv(name, value)
    clients = calls.Clients("eu-central-1")
    made: list[str] = []

    def call(service: str, operation: str, **parameters: Any) -> Any:
        made.append(operation)
        return clients.call(service, operation, **parameters)

    session = Session(read=calls.Read(clients.call), write=calls.Write(call), owner=samples.OWNER)
    return Cloud(served, session, made)


def world(*entries: Any) -> model.Graph:
    graph, _ = build.build(
        samples.routing(samples.table(entries or [samples.entry(1), samples.entry(2, of=samples.match("/b"))])),
        samples.network(vpc=VPC, subnets=SUBNETS),
        samples.wanted(),
    )
    return graph


def element(graph: model.Graph, kind: str) -> model.Element:
    return next(e for e in graph if model.kind_of(e.address) == kind)


def delete(cloud: Cloud, seen: model.Element) -> model.Change:
    return dataclasses.replace(cloud.change("delete", seen.address, seen.name, seen.fields), before=seen)


def test_what_is_created_is_observed(cloud: Cloud) -> None:
    graph = world()
    ids = cloud.create(graph)
    observed = cloud.observe()
    for where, (name, spec) in samples.bound(graph).items():
        if model.kind_of(where) == "targets":
            continue
        (seen,) = observed.elements[where]
        assert (seen.name, dict(seen.fields)) == (name, dict(spec)), where
        assert seen.outputs["id"] == ids[seen.key]


@pytest.mark.parametrize("kind", ["security-group", "load-balancer", "target-group", "listener", "security-group-rule"])
def test_a_create_whose_answer_was_lost_is_adopted(cloud: Cloud, kind: str) -> None:
    graph = world()
    ids = cloud.create(graph)
    seen = element(cloud.observe(), kind)
    change = cloud.change("create", seen.address, seen.name, samples.bound(graph)[seen.address][1])
    before = len([one for one in cloud.made if one.startswith("create")])
    assert cloud.commit(change, ids) == {seen.key: ids[seen.key]}
    assert len([one for one in cloud.made if one.startswith("create")]) == before


@pytest.mark.parametrize("kind", ["security-group", "load-balancer", "target-group", "listener"])
def test_a_foreign_thing_of_that_name_is_left_alone(cloud: Cloud, kind: str) -> None:
    graph = world()
    ids = cloud.create(graph)
    seen = element(cloud.observe(), kind)
    tags = [{"Key": names.OWNER, "Value": "somebody"}]
    if kind == "security-group":
        cloud.session.write.call("ec2", "create_tags", Resources=[seen.outputs["id"]], Tags=tags)
    else:
        cloud.session.write.call("elbv2", "add_tags", ResourceArns=[seen.outputs["id"]], Tags=tags)
    change = cloud.change("create", seen.address, seen.name, samples.bound(graph)[seen.address][1])
    with pytest.raises(Failed, match="is left alone") as caught:
        cloud.commit(change, ids)
    assert caught.value.why == "conflict"


def foreign_rule(cloud: Cloud, listener: str) -> str:
    answer = cloud.session.write.call(
        "elbv2",
        "create_rule",
        ListenerArn=listener,
        Priority=7,
        Conditions=shapes.write_conditions(shapes.nowhere()),
        Actions=shapes.write_actions(shapes.fixed(503), str),
    )
    return str(answer["Rules"][0]["RuleArn"])


def test_a_foreign_rule_keeps_its_listener(cloud: Cloud) -> None:
    ids = cloud.create(world())
    listener = element(cloud.observe(), "listener")
    for rule in [e for e in cloud.observe() if model.kind_of(e.address) == "rule"]:
        cloud.commit(delete(cloud, rule), ids, [rule])
    arn = foreign_rule(cloud, str(listener.outputs["id"]))
    with pytest.raises(Failed, match=arn):
        cloud.commit(delete(cloud, listener), ids)
    approved = element(cloud.observe(), "listener")
    assert approved.outputs["foreign"] == (arn,)
    cloud.commit(delete(cloud, approved), ids)
    assert "shop/edge/aws/listener/80" not in cloud.observe().elements


def test_a_listener_of_ours_keeps_its_balancer_for_now(cloud: Cloud) -> None:
    ids = cloud.create(world())
    with pytest.raises(Failed, match="of ours") as caught:
        cloud.commit(delete(cloud, element(cloud.observe(), "load-balancer")), ids)
    assert caught.value.why == "not_ready"


def test_deleting_what_is_gone_is_done(cloud: Cloud) -> None:
    ids = cloud.create(world())
    rule = element(cloud.observe(), "rule")
    cloud.commit(delete(cloud, rule), ids, [rule])
    cloud.commit(delete(cloud, rule), ids, [rule])
    group = model.Element(
        address="shop/edge/aws/target-group/x",
        spec={},
        outputs={"id": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/x/0123456789abcdef"},
    )
    cloud.commit(delete(cloud, group), ids)


def test_targets_are_registered_by_difference(cloud: Cloud) -> None:
    graph = world()
    ids = cloud.create(graph)
    name, spec = samples.bound(graph)["shop/edge/aws/target-group/shop/cart:8080"]
    where = "shop/edge/aws/targets/shop/cart:8080"
    many = tuple(sorted(f"10.0.{n // 250}.{n % 250 + 4}:8080" for n in range(250)))
    for goal in (many, many[1:], many[1:]):
        fields = {"group": model.Ref("shop/edge/aws/target-group/shop/cart:8080", "exists", name), "targets": goal}
        cloud.commit(cloud.change("update", where, name, fields, fast=True), ids)
        (seen,) = cloud.observe().elements[where]
        assert seen.fields["targets"] == goal
    assert cloud.made.count("register_targets") == 2
    assert cloud.made.count("deregister_targets") == 1
    assert spec["port"] == 8080


def test_rules_are_reordered_in_one_call(cloud: Cloud) -> None:
    ids = cloud.create(world())
    rules = sorted(
        (e for e in cloud.observe() if model.kind_of(e.address) == "rule"), key=lambda e: int(e.outputs["position"])
    )
    moves = ((rules[0].key, 200), (rules[1].key, 100))
    group = kinds_rules_order.group_of("", "", rules[0].fields)
    change = model.Change(op="reorder", address=rules[0].address, group=group, moves=moves)
    kinds_rules.RULE.commit(cloud.session, group, rules, [change], ids)
    assert {e.key: e.outputs["position"] for e in cloud.observe() if e.key in dict(moves)} == dict(moves)
    assert cloud.made.count("set_rule_priorities") == 1


def test_a_refused_rule_names_its_change(cloud: Cloud) -> None:
    graph = world()
    ids = cloud.create(graph)
    rules = [e for e in cloud.observe() if model.kind_of(e.address) == "rule"]
    spec = {**rules[0].fields, "conditions": (("path-pattern", "", "values", tuple("/abcdefg")),)}
    good = cloud.change("create", f"{rules[0].address}-good", "s", rules[0].fields, position=300)
    bad = cloud.change("create", f"{rules[0].address}-bad", "s", spec, position=400)
    with pytest.raises(Partial) as caught:
        kinds_rules.RULE.commit(cloud.session, good.group, rules, [good, bad], ids)
    assert caught.value.key == bad.key
    assert list(caught.value.done) == [model.key_of(good.address, "s")]
    failure = PROVIDER.classify(caught.value)
    assert failure is not None
    assert failure.guilty == bad.key


def test_transforms_come_and_go(cloud: Cloud) -> None:
    ids = cloud.create(world())
    rule = element(cloud.observe(), "rule")
    for transforms in ((("url-rewrite", "^/a", "/b"),), ()):
        spec = {**rule.fields, "transforms": transforms}
        change = dataclasses.replace(
            cloud.change("update", rule.address, rule.name, spec), before=rule, fields=("transforms",)
        )
        cloud.commit(change, ids, [rule])
        seen = cloud.observe().elements[rule.address][0]
        assert seen.fields["transforms"] == transforms


def test_user_tags_come_and_go_and_other_tags_stay(cloud: Cloud) -> None:
    ids = cloud.create(world())
    balancer = element(cloud.observe(), "load-balancer")
    arn = str(balancer.outputs["id"])
    cloud.session.write.call("elbv2", "add_tags", ResourceArns=[arn], Tags=[{"Key": "mine", "Value": "1"}])
    for tags in ({"a": "1", "b b": "2"}, {"a": "3"}, {}):
        seen = cloud.observe().elements[balancer.address][0]
        spec = {**seen.fields, "tags": tags}
        change = cloud.change("update", seen.address, seen.name, spec, before=seen, fields=("tags",))
        cloud.commit(change, ids)
        assert cloud.observe().elements[balancer.address][0].fields["tags"] == tags
        assert cloud.session.read.tags([arn])[arn]["mine"] == "1"


def test_secret_bytes_stay_secret(cloud: Cloud) -> None:
    where = "shop/edge/aws/certificate/shop/tls"
    change = cloud.change("create", where, "s", {"key_type": "RSA-2048", "fingerprint": "f"})
    with pytest.raises(Failed, match="not at hand"):
        cloud.commit(change, {})
    spoilt: Any = Material(fingerprint="f", certificate_pem=b"-----CERT hush", key_pem="KEY hush")  # type: ignore[arg-type]
    session = dataclasses.replace(cloud.session, materials={"f": spoilt})
    for material in (spoilt, dataclasses.replace(spoilt, key_pem=object())):
        session = dataclasses.replace(cloud.session, materials={"f": material})
        with pytest.raises((Failed, Partial)) as caught:
            kinds.KINDS["certificate"].commit(session, change.group, (), [change], {})
        chain: BaseException | None = caught.value
        while chain is not None:
            assert "hush" not in str(chain)
            chain = chain.__cause__
    other = dataclasses.replace(spoilt, fingerprint="g")
    session = dataclasses.replace(cloud.session, materials={"f": other})
    with pytest.raises(Failed, match="changed since"):
        kinds.KINDS["certificate"].commit(session, change.group, (), [change], {})


def test_reading_cannot_write(cloud: Cloud) -> None:
    with pytest.raises(PermissionError):
        cloud.session.read.call("elbv2", "create_rule")
    assert not [name for name in dir(calls.Read) if name.startswith(("create", "delete", "modify", "write"))]


def test_another_account_is_refused(cloud: Cloud) -> None:  # noqa: ARG001
    placement = samples.wanted(accountId="999999999999", region="eu-central-1").settings.placement
    with pytest.raises(Failed, match="999999999999") as caught:
        calls.connect(placement)
    assert caught.value.why == "denied"
