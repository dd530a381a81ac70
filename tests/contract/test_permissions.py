"""The roles that we ship, on local clouds that refuse what a role does not allow.

Whoever has the role of the controller can do everything that a Gateway ever asks for, and needs all that it grants;
whoever has the one of plans can plan, and is refused every change. What each call needs is the local clouds' own
opinion, from the vendors' references.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import whole_life

from cloudgw.provider import UNHOOKED
from cloudgw.testing import ground, worlds
from cloudgw_local.aws import world as aws_world

CLOUDS = sorted(whole_life.GROUNDS)
MANAGED_POLICY = 6_144  # characters without white space: IAM/latest/UserGuide/reference_iam-quotas.html
DENIED = {
    "aws": r"not authorized to perform: \S+ on resource: arn:aws:|not authorized to perform: \S+ on resource: \*",
    "azure": r"perform action 'Microsoft\.[\w./]+'",
    "gcp": r"Required 'compute\.\w+\.\w+' permission for 'projects/",
}


def grants(cloud: str, role: Any) -> list[str]:
    """What a document grants, one by one, as the local cloud tells it apart."""
    if cloud == "aws":
        return [f"{one['Sid']} {action}" for one in role["Statement"] for action in one["Action"]]
    found: list[str] = role["Actions" if cloud == "azure" else "includedPermissions"]
    return found


def without(cloud: str, role: Any, grant: str) -> Any:
    changed = copy.deepcopy(role)
    if cloud == "aws":
        name, _, action = grant.partition(" ")
        for one in changed["Statement"]:
            if one["Sid"] == name:
                one["Action"].remove(action)
    else:
        grants(cloud, changed).remove(grant)
    return changed


@pytest.fixture
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    return whole_life.connected(request.param, UNHOOKED, monkeypatch)


each = pytest.mark.parametrize("cloud", CLOUDS, indirect=True)


@each
def test_a_whole_life_needs_all_of_the_controller_s_role_and_is_no_plan_s(cloud: Any) -> None:
    """Each change is tried with the role of plans first."""
    controls, denied = cloud.control, list[str]()
    policies: dict[str, Any] = {}
    for name in ("plan-only", "controller"):
        controls.permissions(whole_life.role(cloud.name, name))
        policies[name] = controls.policy
    plain: Callable[..., Any] = cloud._base.write.call

    def twice(*arguments: Any, **keywords: Any) -> Any:
        controls.policy = policies["plan-only"]
        with pytest.raises(Exception, match=DENIED[cloud.name]) as refused:
            plain(*arguments, **keywords)
        controls.policy = policies["controller"]
        failure = cloud.provider.classify(refused.value)
        assert failure is not None
        assert failure.why == "denied"
        assert re.search(DENIED[cloud.name], failure.text)
        denied.append(failure.text)
        return plain(*arguments, **keywords)

    cloud._base.write.call = twice
    ends = {step: (done.state, done.failures) for step, done in whole_life.live(cloud)}
    assert ends == dict.fromkeys(whole_life.LIVES[cloud.name], ("done", ()))
    assert len(denied) > 20
    assert {one.level for one in whole_life.checked(cloud)} <= {"ok", "warning"}
    assert set(grants(cloud.name, whole_life.role(cloud.name, "controller"))) - policies["controller"].needed == set()


@pytest.mark.sweep
@each
@pytest.mark.parametrize("journey", sorted(worlds.JOURNEYS))
def test_journeys(cloud: Any, journey: str) -> None:
    cloud.control.permissions(whole_life.role(cloud.name, "controller"))
    ground.journey(ground.Process(cloud), worlds.JOURNEYS[journey])


@each
def test_a_plan_needs_all_of_its_role_and_no_more(cloud: Any) -> None:
    """While backends are replaced, and while what was replaced is deleted: then most is asked."""
    planner, needed, plans = ground.Process(cloud), set[str](), list[tuple[Any, Any]]()
    wanted, calls = whole_life.SECURE, itertools.count()

    def plan(operation: str) -> None:
        if operation and next(calls) % 3:
            return
        role = cloud.control.policy
        for name in (None, "plan-only"):
            cloud.control.permissions(None if name is None else whole_life.role(cloud.name, name))
            found = planner.plan(wanted)
            plans.append((found.digest, found.complete))
        if not operation:
            whole_life.checked(cloud)
        needed.update(cloud.control.needed())
        cloud.control.policy = role

    for before in (whole_life.SECURE, whole_life.PUBLIC):
        process = ground.Process(cloud)
        process.apply(before)
        if before is whole_life.SECURE:
            cloud.on_call(plan)
        wanted = before.with_service("one", worlds.Service(protocol="HTTPS"))
        process.apply(wanted)
        plan("")
    assert plans[0::2] == plans[1::2]
    assert set(grants(cloud.name, whole_life.role(cloud.name, "plan-only"))) - needed == set()


@each
def test_nothing_is_made_with_the_role_of_plans(cloud: Any) -> None:
    before = cloud.everything()
    cloud.control.permissions(whole_life.role(cloud.name, "plan-only"))
    done = ground.Process(cloud).apply(whole_life.SECURE, limit=3)
    assert done.state == "failed"
    assert all(re.search(DENIED[cloud.name], failure) for failure in done.failures), done.failures
    assert cloud.everything() == before


def lives(cloud: Any) -> bool:
    """Whether every step of a life ends well; stops at the first that does not."""
    try:
        return all(done.state == "done" for _, done in whole_life.live(cloud))
    except Exception as problem:
        if cloud.provider.classify(problem) is None:
            raise
        return False


SAMPLE = [
    ("aws", "MakeTagged elasticloadbalancing:CreateLoadBalancer"),
    ("aws", "RoleOfElasticLoadBalancing iam:CreateServiceLinkedRole"),
    ("azure", "Microsoft.Network/virtualNetworks/subnets/join/action"),
    ("azure", "Microsoft.Network/virtualNetworks/read"),
    ("gcp", "compute.subnetworks.use"),
    ("gcp", "compute.regionHealthChecks.useReadOnly"),
]


@pytest.mark.parametrize(("cloud", "grant"), SAMPLE, indirect=["cloud"])
def test_without_one_grant_a_life_fails(cloud: Any, grant: str) -> None:
    role = whole_life.role(cloud.name, "controller")
    cloud.control.permissions(without(cloud.name, role, grant))
    assert not lives(cloud)


OF_DOCTOR = [
    ("azure", "Microsoft.Authorization/permissions/read"),
    ("azure", "Microsoft.Network/locations/usages/read"),
    ("gcp", "compute.projects.get"),
    ("gcp", "compute.regions.get"),
]
"""What nobody but `doctor` asks for."""
DONE_WITHOUT = [
    ("azure", "Microsoft.Network/locations/operations/read"),
    ("gcp", "compute.zoneOperations.get"),
]
"""Ends of operations that the next listing shows too: without them it takes longer, and why one failed is not known."""
EVERY = [(name, grant) for name in CLOUDS for grant in grants(name, whole_life.role(name, "controller"))]


@pytest.mark.parametrize(("cloud", "grant"), OF_DOCTOR, indirect=["cloud"])
def test_without_one_grant_doctor_cannot_look(cloud: Any, grant: str) -> None:
    cloud.control.permissions(without(cloud.name, whole_life.role(cloud.name, "plan-only"), grant))
    said = [one for one in whole_life.checked(cloud) if one.message.startswith("not looked at")]
    assert said
    assert all(one.level == "warning" and grant in one.fix for one in said)


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("cloud", "grant"), [one for one in EVERY if one not in (*OF_DOCTOR, *DONE_WITHOUT)], indirect=["cloud"]
)
def test_without_any_grant_a_life_fails(cloud: Any, grant: str) -> None:
    test_without_one_grant_a_life_fails(cloud, grant)


@pytest.mark.parametrize("name", CLOUDS)
def test_plans_are_given_less(name: str) -> None:
    plan, all_ = (set(grants(name, whole_life.role(name, role))) for role in ("plan-only", "controller"))
    assert plan < all_


@pytest.mark.parametrize("cloud", ["aws"], indirect=True)
def test_what_is_not_tagged_as_ours_is_left_alone_by_aws(cloud: Any) -> None:
    """Whatever we might do by mistake, AWS refuses: the role is limited to what bears an owner's tag."""
    ground.Process(cloud).apply(whole_life.BASE)
    balancer, group, rule = cloud.plant("shop/edge")
    cloud.control.permissions(whole_life.role("aws", "controller"))
    write = cloud._base.write
    tags = [{"Key": "cloudgw.dev/owner", "Value": "owner-1"}]
    attempts: list[tuple[str, str, dict[str, Any]]] = [
        ("elbv2", "delete_load_balancer", {"LoadBalancerArn": balancer}),
        ("elbv2", "set_security_groups", {"LoadBalancerArn": balancer, "SecurityGroups": [aws_world.PODS]}),
        ("elbv2", "add_tags", {"ResourceArns": [balancer], "Tags": tags}),
        ("elbv2", "delete_rule", {"RuleArn": rule}),
        ("elbv2", "create_target_group", {"Name": "x", "Protocol": "HTTP", "Port": 80, "VpcId": aws_world.VPC}),
        ("ec2", "delete_security_group", {"GroupId": aws_world.PODS}),
        ("ec2", "create_tags", {"Resources": [aws_world.PODS], "Tags": tags}),
    ]
    before = cloud.everything()
    for service, operation, parameters in attempts:
        with pytest.raises(Exception, match="not authorized") as refused:
            write.call(service, operation, **parameters)
        failure = cloud.provider.classify(refused.value)
        assert failure is not None
        assert failure.why == "denied", operation
    assert cloud.everything() == before
    assert group  # bears an owner's tag, another one's: only a role with StringEquals tells owners apart


@pytest.mark.parametrize("role", ["controller", "plan-only"])
def test_a_managed_policy_of_aws_holds_it(role: str) -> None:
    assert len(re.sub(r"\s", "", json.dumps(whole_life.role("aws", role)))) <= MANAGED_POLICY
