"""Target groups, targets and their health on the clock."""

from __future__ import annotations

from typing import Any

import pytest

from . import conftest as c

HEALTHY = ("healthy", None)
TIMEOUT = ("unhealthy", "Target.Timeout")
INITIAL = ("initial", "Elb.InitialHealthChecking")
NOT_IN_USE = ("unused", "Target.NotInUse")
DRAINING = ("draining", "Target.DeregistrationInProgress")


def register(cloud: c.Cloud, group: str, *targets: tuple[str, int]) -> None:
    cloud.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": ip, "Port": port} for ip, port in targets])


def permit(cloud: c.Cloud, source: str, port: int = 8080, group: str = c.PODS) -> None:
    permission: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    if source.startswith("sg-"):
        permission["UserIdGroupPairs"] = [{"GroupId": source}]
    else:
        permission["IpRanges"] = [{"CidrIp": source}]
    cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])


@pytest.fixture
def front(cloud: c.Cloud) -> tuple[str, str, str]:
    """Security group, listener, target group of an active load balancer; the group is not in use yet."""
    group = cloud.group()
    listener = cloud.listener(cloud.balancer(SecurityGroups=[group]))
    cloud.control.advance(90)
    return group, listener, cloud.targets()


def test_health_through_time(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    group, listener, targets = front
    permit(cloud, group)
    register(cloud, targets, ("10.0.1.5", 8080))
    cloud.control.advance(1000)
    assert cloud.health(targets) == [NOT_IN_USE]
    rule = cloud.rule(listener, action=c.forward(targets))
    assert cloud.health(targets) == [("initial", "Elb.RegistrationInProgress")]
    cloud.control.advance(20)
    assert cloud.health(targets) == [INITIAL]
    cloud.control.advance(10)
    assert cloud.health(targets) == [HEALTHY]
    register(cloud, targets, ("10.0.2.6", 8080))
    assert [state for state, _ in cloud.health(targets)] == ["healthy", "initial"]
    cloud.elb.delete_rule(RuleArn=rule)
    assert cloud.health(targets) == [NOT_IN_USE, NOT_IN_USE]


def test_attached_by_default_action(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    _, listener, targets = front
    register(cloud, targets, ("10.0.1.5", 8080))
    cloud.elb.modify_listener(ListenerArn=listener, DefaultActions=[c.forward(targets)])
    cloud.control.advance(30)
    assert cloud.health(targets) == [TIMEOUT]


def healthy_after(cloud: c.Cloud, front: tuple[str, str, str]) -> bool:
    _, listener, targets = front
    register(cloud, targets, ("10.0.1.5", 8080))
    cloud.rule(listener, action=c.forward(targets))
    cloud.control.advance(30)
    return cloud.health(targets) == [HEALTHY]


def test_path_by_the_subnets_block(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    permit(cloud, "10.0.0.0/16")
    assert healthy_after(cloud, front)


def test_no_path_from_half_of_the_subnets(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    permit(cloud, "10.0.1.0/24")
    assert not healthy_after(cloud, front)


def test_no_path_on_another_port(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    permit(cloud, front[0], port=8081)
    assert not healthy_after(cloud, front)


def test_no_path_from_another_group(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    permit(cloud, cloud.group("other"))
    assert not healthy_after(cloud, front)


def test_no_path_without_egress(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    permit(cloud, front[0])
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    cloud.ec2.revoke_security_group_egress(GroupId=front[0], IpPermissions=everything)
    assert not healthy_after(cloud, front)


def test_interface_overrides_the_group_of_pods(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    own = cloud.group("own")
    cloud.ec2.create_network_interface(SubnetId=c.SUBNETS[0], PrivateIpAddress="10.0.1.5", Groups=[own])
    permit(cloud, front[0])
    assert not healthy_after(cloud, front)
    permit(cloud, front[0], group=own)
    assert cloud.health(front[2]) == [HEALTHY]


def test_health_override(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    permit(cloud, front[0])
    assert healthy_after(cloud, front)
    cloud.control.set_health("10.0.1.5", False)
    assert cloud.health(front[2]) == [("unhealthy", "Target.FailedHealthChecks")]
    cloud.control.set_health("10.0.1.5:8080", True)
    assert cloud.health(front[2]) == [HEALTHY]
    cloud.control.set_health("10.0.1.5:8080", None)
    cloud.control.set_health("10.0.1.5", None)
    assert cloud.health(front[2]) == [HEALTHY]


def test_target_in_a_zone_that_is_not_enabled(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    cloud.ec2.create_subnet(VpcId=c.VPC, CidrBlock="10.0.3.0/24", AvailabilityZone="eu-central-1c")
    _, listener, targets = front
    register(cloud, targets, ("10.0.3.5", 8080))
    cloud.rule(listener, action=c.forward(targets))
    cloud.control.advance(30)
    assert cloud.health(targets) == [NOT_IN_USE]


def test_draining(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    permit(cloud, front[0])
    assert healthy_after(cloud, front)
    targets = front[2]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}]
    cloud.elb.modify_target_group_attributes(TargetGroupArn=targets, Attributes=delay)
    cloud.elb.deregister_targets(TargetGroupArn=targets, Targets=[{"Id": "10.0.1.5", "Port": 8080}])
    assert cloud.health(targets) == [DRAINING]
    cloud.control.advance(59)
    assert cloud.health(targets) == [DRAINING]
    register(cloud, targets, ("10.0.1.5", 8080))
    assert cloud.health(targets)[0][0] == "initial"
    cloud.elb.deregister_targets(TargetGroupArn=targets, Targets=[{"Id": "10.0.1.5"}])
    cloud.control.advance(60)
    assert cloud.health(targets) == []
    c.refused("InvalidTarget", cloud.elb.deregister_targets, TargetGroupArn=targets, Targets=[{"Id": "10.0.1.5"}])


def test_targets_are_pairs(cloud: c.Cloud) -> None:
    targets = cloud.targets()
    register(cloud, targets, ("10.0.1.5", 8080), ("10.0.1.5", 8081), ("10.0.1.5", 8080))
    assert len(cloud.health(targets)) == 2
    asked = [{"Id": "10.0.1.5", "Port": 8081}, {"Id": "10.0.1.9"}]
    shown = cloud.elb.describe_target_health(TargetGroupArn=targets, Targets=asked)["TargetHealthDescriptions"]
    assert [one["TargetHealth"]["Reason"] for one in shown] == ["Target.NotInUse", "Target.NotRegistered"]
    cloud.elb.deregister_targets(TargetGroupArn=targets, Targets=[{"Id": "10.0.1.5", "Port": 8081}])
    assert [target["port"] for target in cloud.control.dump()["target_groups"][0]["targets"]] == [8080]


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ({"Id": "8.8.8.8"}, "InvalidTarget"),
        ({"Id": "8.8.8.8", "AvailabilityZone": "all"}, "InvalidTarget"),
        ({"Id": "192.168.1.1"}, "InvalidTarget"),
        ({"Id": "nonsense"}, "InvalidTarget"),
        ({"Id": "fd00::1"}, "InvalidTarget"),
        ({"Id": "10.0.1.5", "AvailabilityZone": "all"}, "InvalidTarget"),
        ({"Id": "10.0.1.5", "Port": 65536}, "ValidationError"),
        ({"Port": 80}, "ValidationError"),
    ],
)
def test_refused_targets(cloud: c.Cloud, target: dict[str, Any], code: str) -> None:
    targets = cloud.targets()
    c.refused(code, cloud.elb.register_targets, TargetGroupArn=targets, Targets=[{"Id": "10.0.1.9"}, target])
    assert cloud.health(targets) == []


def test_targets_elsewhere(cloud: c.Cloud) -> None:
    targets = cloud.targets()
    outside = [{"Id": "192.168.1.1", "AvailabilityZone": "all"}]
    cloud.elb.register_targets(TargetGroupArn=targets, Targets=outside)
    instances = cloud.targets("instances", TargetType="instance")
    c.refused("InvalidTarget", register, cloud, instances, ("i-0123456789abcdef0", 80))


def test_thousand_targets(cloud: c.Cloud) -> None:
    targets = cloud.targets()
    register(cloud, targets, *(("10.0.1.5", port) for port in range(1, 1001)))
    c.refused("TooManyTargets", register, cloud, targets, ("10.0.1.5", 1001))


def test_same_settings_answer_the_existing_group(cloud: c.Cloud) -> None:
    assert cloud.targets() == cloud.targets()
    for more in ({"Port": 81}, {"Protocol": "HTTPS"}, {"HealthCheckPath": "/z"}, {"Tags": [{"Key": "a", "Value": ""}]}):
        c.refused("DuplicateTargetGroupName", cloud.targets, **more)


@pytest.mark.parametrize(
    "more",
    [
        {"Protocol": "GOPHER"},
        {"Port": 0},
        {"VpcId": "vpc-1"},
        {"TargetType": "pod"},
        {"ProtocolVersion": "HTTP3"},
        {"Protocol": "TCP", "ProtocolVersion": "HTTP2"},
        {"HealthCheckIntervalSeconds": 4},
        {"HealthCheckTimeoutSeconds": 30, "HealthCheckIntervalSeconds": 30},
        {"HealthyThresholdCount": 11},
        {"HealthCheckPath": "z"},
        {"HealthCheckPath": "/" + "z" * 1024},
        {"HealthCheckPort": "http"},
        {"HealthCheckProtocol": "TCP"},
        {"HealthCheckEnabled": False},
        {"Matcher": {"HttpCode": "500"}},
        {"Matcher": {"GrpcCode": "0"}},
        {"Protocol": "TCP", "Matcher": {"HttpCode": "200"}},
    ],
)
def test_refused_group_settings(cloud: c.Cloud, more: dict[str, Any]) -> None:
    c.refused("ValidationError", cloud.targets, **more)


def test_defaults(cloud: c.Cloud) -> None:
    grpc = cloud.elb.create_target_group(
        Name="grpc", Protocol="HTTP", ProtocolVersion="GRPC", Port=80, VpcId=c.VPC, TargetType="ip"
    )["TargetGroups"][0]
    assert grpc["Matcher"] == {"GrpcCode": "12"}
    tcp = cloud.elb.create_target_group(Name="tcp", Protocol="TCP", Port=80, VpcId=c.VPC)["TargetGroups"][0]
    assert (tcp["HealthCheckTimeoutSeconds"], tcp["TargetType"]) == (10, "instance")
    assert "HealthCheckPath" not in tcp


def test_modify_group_keeps_the_rest(cloud: c.Cloud) -> None:
    group = cloud.targets(HealthCheckPath="/z", Matcher={"HttpCode": "200-299"})
    shown = cloud.elb.modify_target_group(TargetGroupArn=group, HealthyThresholdCount=2)["TargetGroups"][0]
    assert (shown["HealthCheckPath"], shown["Matcher"], shown["HealthyThresholdCount"]) == (
        "/z",
        {"HttpCode": "200-299"},
        2,
    )
    c.refused("ValidationError", cloud.elb.modify_target_group, TargetGroupArn=group, HealthCheckPath="z")


def attributes(**pairs: str) -> list[dict[str, str]]:
    return [{"Key": key.replace("__", "."), "Value": value} for key, value in pairs.items()]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (attributes(nonsense="1"), "ValidationError"),
        (attributes(deregistration_delay__timeout_seconds="3601"), "ValidationError"),
        (attributes(slow_start__duration_seconds="29"), "ValidationError"),
        (attributes(stickiness__type="source_ip"), "ValidationError"),
        (attributes(proxy_protocol_v2__enabled="true"), "ValidationError"),
        (
            attributes(load_balancing__algorithm__type="weighted_random", slow_start__duration_seconds="30"),
            "InvalidConfigurationRequest",
        ),
        (
            attributes(load_balancing__algorithm__type="weighted_random", stickiness__enabled="true"),
            "InvalidConfigurationRequest",
        ),
        (attributes(load_balancing__algorithm__anomaly_mitigation="on"), "InvalidConfigurationRequest"),
        (attributes(stickiness__enabled="true", stickiness__type="app_cookie"), "InvalidConfigurationRequest"),
    ],
)
def test_refused_attributes(cloud: c.Cloud, given: list[dict[str, str]], code: str) -> None:
    group = cloud.targets()
    c.refused(code, cloud.elb.modify_target_group_attributes, TargetGroupArn=group, Attributes=given)


def test_delete_in_use(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    _, listener, targets = front
    cloud.control.settings(target_group_release=10)
    rule = cloud.rule(listener, action=c.forward(targets))
    c.refused("ResourceInUse", cloud.elb.delete_target_group, TargetGroupArn=targets)
    cloud.elb.delete_rule(RuleArn=rule)
    c.refused("ResourceInUse", cloud.elb.delete_target_group, TargetGroupArn=targets)
    cloud.control.advance(10)
    cloud.elb.delete_target_group(TargetGroupArn=targets)
    cloud.elb.delete_target_group(TargetGroupArn=targets)
    c.refused("TargetGroupNotFound", cloud.elb.describe_target_health, TargetGroupArn=targets)
    c.refused("TargetGroupNotFound", cloud.elb.describe_target_groups, Names=["web"])


def test_describe_groups(cloud: c.Cloud, front: tuple[str, str, str]) -> None:
    _, listener, targets = front
    for number in range(5):
        cloud.targets(f"g{number}")
    cloud.rule(listener, action=c.forward(targets))
    cloud.control.settings(page_size=4)
    pages = list(cloud.elb.get_paginator("describe_target_groups").paginate())
    assert [len(page["TargetGroups"]) for page in pages] == [4, 2]
    balancer = cloud.elb.describe_listeners(ListenerArns=[listener])["Listeners"][0]["LoadBalancerArn"]
    shown = cloud.elb.describe_target_groups(LoadBalancerArn=balancer)["TargetGroups"]
    assert [(one["TargetGroupArn"], one["LoadBalancerArns"]) for one in shown] == [(targets, [balancer])]
