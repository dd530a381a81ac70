"""What the kinds declare is what is built, and what is observed is what was built."""

from __future__ import annotations

import json
import pathlib
import re

import pytest

import cloudgw_aws
from cloudgw.graph import diff, model
from cloudgw.objects import PathModifier, URLRewrite
from cloudgw.provider import Inventory, Placement
from cloudgw.routing import ir
from cloudgw_aws import PROVIDER, build, kinds, kinds_access, kinds_rules, kinds_rules_order, names, observe, shapes
from tests.unit.aws import samples

PACKAGE = pathlib.Path(cloudgw_aws.__file__).parent


def world() -> model.Graph:
    """One of everything."""
    rewrite = URLRewrite(hostname="in.example.com", path=PathModifier(type="ReplacePrefixMatch", value="/q"))
    shared = samples.forward((samples.CART, 9), (samples.PAY, 1), rewrite=rewrite)
    plain = samples.table(
        [
            samples.entry(1, shared, of=samples.match("/p")),
            samples.entry(2, of=samples.match("/x*", "Exact", method="GET", headers=[("X-A", "b")])),
            samples.entry(3, samples.forward((samples.CART, 1), (500, 1)), host="*.example.com"),
            samples.entry(4, ir.Redirect(scheme="https", status=301), host=""),
        ],
        8080,
    )
    secure = samples.table(
        [samples.entry(5, ir.Respond(status=503), listener="https")],
        443,
        "HTTPS",
        [samples.certificate("a"), samples.certificate("b", key="EC-P-256")],
    )
    parameters = samples.wanted(backendSecurityGroups=["sg-0a"], tags={"team": "x y", "cost": ""})
    graph, _ = build.build(samples.routing(plain, secure), samples.network(), parameters)
    return graph


def seen(graph: model.Graph) -> model.Graph:
    content = json.loads(json.dumps(samples.render(graph)))
    return observe.observe(Inventory(placement=Placement("aws"), content=content), samples.OWNER)


def test_the_world_has_every_kind() -> None:
    assert {model.kind_of(element.address) for element in world()} == set(kinds.KINDS)


def test_built_fields_are_the_declared_ones() -> None:
    for element in world():
        kind = kinds.KINDS[model.kind_of(element.address)]
        assert set(element.fields) == set(kind.all_fields), element.address


def test_fields_are_declared_once() -> None:
    for kind in kinds.KINDS.values():
        assert len(set(kind.all_fields)) == len(kind.all_fields)
        assert set(kind.traffic) <= set(kind.all_fields)


def test_observed_is_what_was_built() -> None:
    graph = world()
    observed = seen(graph)
    specs = samples.bound(graph)
    assert set(observed.elements) == set(specs)
    for element in observed:
        suffix, spec = specs[element.address]
        if model.kind_of(element.address) not in ("targets",):
            assert element.name == suffix, element.address
        assert dict(element.fields) == dict(spec), element.address


def test_a_perfect_world_needs_no_change() -> None:
    graph = world()
    found = diff.diff(graph, seen(graph), PROVIDER.kinds, now=1000.0, staleness=10.0)
    assert [change.key for change in found.changes] == []


@pytest.mark.parametrize(
    ("part", "spoil", "kind", "field"),
    [
        ("load_balancers", {"SecurityGroups": ["sg-other"]}, "load-balancer", "security_groups"),
        ("load_balancers", {"AvailabilityZones": [{"SubnetId": "subnet-x"}]}, "load-balancer", "subnets"),
        ("target_groups", {"HealthCheckPath": "/z"}, "target-group", "health_check"),
        ("target_groups", {"Matcher": {"HttpCode": "200"}}, "target-group", "health_check"),
        ("target_groups", {"HealthCheckEnabled": False}, "target-group", "health_check"),
        ("listeners", {"DefaultActions": [{"Type": "authenticate-oidc"}]}, "listener", "default"),
        ("rules", {"Actions": [{"Type": "jwt-validation"}, {"Type": "forward", "Order": 2}]}, "rule", "action"),
        (
            "rules",
            {"Transforms": shapes.write_transforms((("url-rewrite", "a", "b"),))},
            "rule",
            "transforms",
        ),
    ],
)
def test_drift_is_exactly_one_field(part: str, spoil: dict[str, object], kind: str, field: str) -> None:
    graph = world()
    content = samples.render(graph)
    content[part][0].update(spoil)
    observed = observe.observe(Inventory(placement=Placement("aws"), content=content), samples.OWNER)
    found = diff.diff(graph, observed, PROVIDER.kinds, now=1000.0, staleness=10.0)
    assert [(model.kind_of(c.address), c.op, c.fields) for c in found.changes] == [(kind, "update", (field,))]


def test_what_is_foreign_is_seen_as_such() -> None:
    graph = world()
    content = samples.render(graph)
    rule = content["rules"][0]
    foreign = {**rule, "RuleArn": "arn:foreign", "Priority": "7"}
    content["rules"].append(foreign)
    content["listeners"].append({**content["listeners"][0], "ListenerArn": "arn:foreign-listener", "Port": 9})
    observed = observe.observe(Inventory(placement=Placement("aws"), content=content), samples.OWNER)
    listener = next(e for e in observed if e.outputs["id"] == rule["ListenerArn"])
    assert listener.outputs["foreign"] == ("arn:foreign",)
    assert observed.taken == {f"rules:{listener.key}": (7,)}
    balancer = observed.one("shop/edge/aws/load-balancer/lb")
    assert balancer is not None
    assert balancer.outputs["foreign"] == ("arn:foreign-listener",)


def test_other_owners_are_not_ours() -> None:
    graph = world()
    inventory = Inventory(placement=Placement("aws"), content=samples.render(graph))
    assert observe.observe(inventory, "another").elements == {}


def test_a_rule_made_twice_is_two_incarnations() -> None:
    graph = world()
    content = samples.render(graph)
    rule = content["rules"][0]
    content["rules"].append({**rule, "RuleArn": rule["RuleArn"] + "-again", "Priority": "999"})
    content["tags"][rule["RuleArn"] + "-again"] = content["tags"][rule["RuleArn"]]
    observed = observe.observe(Inventory(placement=Placement("aws"), content=content), samples.OWNER)
    twins = [e for found in observed.elements.values() for e in found if len(found) == 2]
    assert len({twin.name for twin in twins}) == 2
    found = diff.diff(graph, observed, PROVIDER.kinds, now=1000.0, staleness=10.0)
    assert [change.op for change in found.changes] == ["delete"]


def test_a_listener_and_its_rules_are_different_groups() -> None:
    graph = world()
    for where, (name, spec) in samples.bound(graph).items():
        kind = kinds.KINDS[model.kind_of(where)]
        group = kind.group(where, name, spec)
        assert group.startswith("rules:" if kind.name == "rule" else f"{kind.name}:")


def test_health_and_state() -> None:
    element = next(e for e in seen(world()) if e.address.endswith("target-group/shop/cart:8080"))
    serving = kinds.KINDS["target-group"].serving
    assert serving is not None
    assert serving(element) == 1.0
    assert element.outputs["drain"] == 300.0
    balancer = seen(world()).one("shop/edge/aws/load-balancer/lb")
    assert balancer is not None
    assert kinds.KINDS["load-balancer"].ready(balancer)
    assert balancer.outputs["dns"] == "x.elb.example"


def test_warm_rules() -> None:
    listener = model.Element(address="shop/edge/aws/listener/80", spec={}, name="s")
    refs = tuple(model.Ref(f"shop/edge/aws/target-group/{name}", "serving", "t") for name in "ba")
    warm = kinds_rules_order.warm(listener, 3, refs)
    assert warm.address == "shop/edge/aws/rule/80/warm/3"
    assert kinds_rules_order.is_warm(warm.address)
    assert not kinds_rules_order.is_warm("shop/edge/aws/rule/80/warm/3/x/y/z")
    assert set(warm.fields) == set(kinds_rules.RULE.all_fields)
    assert [weight for _, weight in warm.fields["action"]["to"]] == [1, 1]
    assert kinds_rules_order.group_of("", "", warm.fields) == "rules:shop/edge/aws/listener/80@s"


def test_a_stand_in_answers_500_to_the_same_requests() -> None:
    element = next(e for e in world() if model.kind_of(e.address) == "rule")
    stand_in = kinds_rules_order.stand_in(element)
    assert stand_in is not None
    assert stand_in.fields["conditions"] == element.fields["conditions"]
    assert stand_in.fields["action"]["status"] == 500


def test_exposure() -> None:
    spec = {"group": "g", "protocol": "tcp", "from_port": 443, "to_port": 443, "source": "0.0.0.0/0"}
    assert kinds_access.opens(spec) == {"cidr:0.0.0.0/0 tcp/443"}
    assert kinds_access.opens({**spec, "source": model.Ref("x")}) == frozenset()
    exposes = kinds.KINDS["load-balancer"].exposes
    assert exposes is not None
    assert exposes({"scheme": "internet-facing"}) == {"scheme:internet-facing"}
    assert exposes({"scheme": "internal"}) == frozenset()


def test_only_three_modules_name_the_sdk() -> None:
    line = re.compile(r"^\s*(import|from) (boto3|botocore)", re.M)
    naming = {path.stem for path in PACKAGE.glob("*.py") if line.search(path.read_text())}
    assert naming <= {"calls", "inventory", "failures"}


def test_semantics_and_build_are_two_opinions() -> None:
    assert not re.search(r"^(from|import) .*(build|shapes)", (PACKAGE / "semantics.py").read_text(), re.M)
    assert all("semantics" not in path.read_text() for path in PACKAGE.glob("build*.py"))


def test_names_of_the_world_are_unique() -> None:
    specs = samples.bound(world())
    made = [names.name_of(samples.OWNER, where, suffix) for where, (suffix, _) in specs.items()]
    assert len(set(made)) == len(made)
