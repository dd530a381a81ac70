"""Load balancers: names, settings, idempotency, life cycle, attributes, tags, pages."""

from __future__ import annotations

from typing import Any

import pytest

from . import conftest as c

A, B = c.SUBNETS


def test_start_world(cloud: c.Cloud) -> None:
    assert cloud.sts.get_caller_identity()["Account"] == "123456789012"
    assert cloud.elb.describe_load_balancers()["LoadBalancers"] == []
    assert [group["name"] for group in cloud.control.dump()["security_groups"]] == ["pods", "default"]


@pytest.mark.parametrize("name", ["", "-a", "a-", "a_b", "a" * 33, "internal-a", "a b"])
def test_names(cloud: c.Cloud, name: str) -> None:
    c.refused("ValidationError", cloud.balancer, name)
    c.refused("ValidationError", cloud.targets, name)


def test_provisioning_then_active(cloud: c.Cloud) -> None:
    arn = cloud.balancer()

    def state() -> str:
        shown = cloud.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
        assert shown["DNSName"].endswith(".eu-central-1.elb.amazonaws.com")
        return str(shown["State"]["Code"])

    assert state() == "provisioning"
    cloud.control.advance(89)
    assert state() == "provisioning"
    cloud.control.advance(1)
    assert state() == "active"


def test_same_settings_answer_the_existing_one(cloud: c.Cloud) -> None:
    tags = [{"Key": "a", "Value": "1"}]
    assert cloud.balancer(Tags=tags) == cloud.balancer(Tags=tags, Subnets=[B, A])
    assert len(cloud.control.dump()["load_balancers"]) == 1
    c.refused("DuplicateLoadBalancerName", cloud.balancer, Tags=tags, Scheme="internal")
    c.refused("DuplicateLoadBalancerName", cloud.balancer, Tags=tags, SecurityGroups=[cloud.group()])
    c.refused("DuplicateLoadBalancerName", cloud.balancer)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"Subnets": [A]}, "ValidationError"),
        ({"Subnets": [A, "subnet-1"]}, "SubnetNotFound"),
        ({"Subnets": [A, B], "SubnetMappings": [{"SubnetId": A}]}, "ValidationError"),
        ({"Subnets": [A, B], "SecurityGroups": ["sg-1"]}, "InvalidSecurityGroup"),
        ({"Subnets": [A, B], "Scheme": "public"}, "ValidationError"),
        ({"Subnets": [A, B], "IpAddressType": "dualstack"}, "InvalidSubnet"),
        (
            {"Subnets": [A, B], "Type": "network", "IpAddressType": "dualstack-without-public-ipv4"},
            "InvalidConfigurationRequest",
        ),
    ],
)
def test_refused_settings(cloud: c.Cloud, settings: dict[str, Any], code: str) -> None:
    c.refused(code, cloud.elb.create_load_balancer, Name="one", **settings)


def test_two_subnets_of_one_zone(cloud: c.Cloud) -> None:
    made = cloud.ec2.create_subnet(VpcId=c.VPC, CidrBlock="10.0.3.0/24", AvailabilityZone="eu-central-1a")
    c.refused("InvalidConfigurationRequest", cloud.balancer, Subnets=[A, B, made["Subnet"]["SubnetId"]])


def test_quota(cloud: c.Cloud) -> None:
    for number in range(50):
        cloud.balancer(f"b{number}")
    c.refused("TooManyLoadBalancers", cloud.balancer, "b50")


def test_network_load_balancer(cloud: c.Cloud) -> None:
    arn = cloud.balancer("net", Type="network", Subnets=[A])
    shown = cloud.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    assert "loadbalancer/net/net/" in arn
    assert "SecurityGroups" not in shown
    c.refused(
        "InvalidConfigurationRequest",
        cloud.elb.set_security_groups,
        LoadBalancerArn=arn,
        SecurityGroups=[cloud.group()],
    )


def test_delete_takes_listeners_and_rules_but_not_groups(cloud: c.Cloud) -> None:
    arn, group = cloud.balancer(), cloud.targets()
    cloud.rule(cloud.listener(arn, c.forward(group)))
    cloud.elb.delete_load_balancer(LoadBalancerArn=arn)
    dump = cloud.control.dump()
    assert (dump["load_balancers"], dump["listeners"], dump["rules"]) == ([], [], [])
    assert [one["arn"] for one in dump["target_groups"]] == [group]
    cloud.elb.delete_load_balancer(LoadBalancerArn=arn)
    c.refused("LoadBalancerNotFound", cloud.elb.describe_load_balancers, LoadBalancerArns=[arn])
    c.refused("LoadBalancerNotFound", cloud.elb.describe_load_balancers, Names=["one"])
    c.refused("LoadBalancerNotFound", cloud.elb.describe_listeners, LoadBalancerArn=arn)
    c.refused("ValidationError", cloud.elb.delete_load_balancer, LoadBalancerArn="nonsense")


def test_deletion_protection(cloud: c.Cloud) -> None:
    arn = cloud.balancer()
    protection = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    cloud.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=protection)
    c.refused("OperationNotPermitted", cloud.elb.delete_load_balancer, LoadBalancerArn=arn)


def test_attributes(cloud: c.Cloud) -> None:
    arn = cloud.balancer()
    shown = cloud.elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "60"} in shown
    modify = cloud.elb.modify_load_balancer_attributes
    for key, value in (("nonsense", "1"), ("idle_timeout.timeout_seconds", "4001"), ("routing.http2.enabled", "yes")):
        c.refused("ValidationError", modify, LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": value}])
    network = cloud.balancer("net", Type="network")
    attribute = {"Key": "idle_timeout.timeout_seconds", "Value": "60"}
    c.refused("ValidationError", modify, LoadBalancerArn=network, Attributes=[attribute])


def test_set_subnets_and_security_groups(cloud: c.Cloud) -> None:
    arn, group = cloud.balancer(), cloud.group()
    made = cloud.ec2.create_subnet(VpcId=c.VPC, CidrBlock="10.0.3.0/24", AvailabilityZone="eu-central-1c")
    zones = cloud.elb.set_subnets(LoadBalancerArn=arn, Subnets=[A, made["Subnet"]["SubnetId"]])["AvailabilityZones"]
    assert [zone["ZoneName"] for zone in zones] == ["eu-central-1a", "eu-central-1c"]
    c.refused("ValidationError", cloud.elb.set_subnets, LoadBalancerArn=arn, Subnets=[A])
    assert cloud.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[group])["SecurityGroupIds"] == [group]
    c.refused("InvalidSecurityGroup", cloud.elb.set_security_groups, LoadBalancerArn=arn, SecurityGroups=["sg-9"])
    interfaces = cloud.ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])
    assert {one["RequesterId"] for one in interfaces["NetworkInterfaces"]} == {"amazon-elb"}


def test_pages_and_limits(cloud: c.Cloud) -> None:
    made = {cloud.balancer(f"b{number}") for number in range(7)}
    cloud.control.settings(page_size=3)
    pages = list(cloud.elb.get_paginator("describe_load_balancers").paginate())
    assert [len(page["LoadBalancers"]) for page in pages] == [3, 3, 1]
    assert {one["LoadBalancerArn"] for page in pages for one in page["LoadBalancers"]} == made
    c.refused("ValidationError", cloud.elb.describe_load_balancers, LoadBalancerArns=[*made] * 3)
    c.refused("ValidationError", cloud.elb.describe_load_balancers, PageSize=0)


def tag(key: str, value: str = "") -> dict[str, str]:
    return {"Key": key, "Value": value}


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([tag("aws:a")], "ValidationError"),
        ([tag("a", "x" * 257)], "ValidationError"),
        ([tag("a" * 129)], "ValidationError"),
        ([tag("")], "ValidationError"),
        ([tag("a", "b;c")], "ValidationError"),
        ([tag("a"), tag("a")], "DuplicateTagKeys"),
        ([tag(f"k{number}") for number in range(51)], "TooManyTags"),
    ],
)
def test_refused_tags(cloud: c.Cloud, tags: Any, code: str) -> None:
    c.refused(code, cloud.balancer, Tags=tags)
    arn = cloud.balancer("tagged")
    c.refused(code, cloud.elb.add_tags, ResourceArns=[arn], Tags=tags)
    c.refused(code, cloud.targets, Tags=tags)


def test_tags_on_every_kind(cloud: c.Cloud) -> None:
    balancer = cloud.balancer(Tags=[tag("é 1_.:/=+-@", "v")])
    listener = cloud.listener(balancer, Tags=[tag("a", "1")])
    arns = [balancer, listener, cloud.rule(listener, Tags=[tag("a", "2")]), cloud.targets(Tags=[tag("a", "3")])]
    cloud.elb.add_tags(ResourceArns=arns, Tags=[tag("b", "4")])
    cloud.elb.remove_tags(ResourceArns=arns, TagKeys=["a", "missing"])
    shown = cloud.elb.describe_tags(ResourceArns=arns)["TagDescriptions"]
    assert [one["ResourceArn"] for one in shown] == arns
    assert [one["Tags"] for one in shown[1:]] == [[tag("b", "4")]] * 3


def test_fifty_tags_in_all(cloud: c.Cloud) -> None:
    arn = cloud.balancer(Tags=[tag(f"k{number}") for number in range(50)])
    cloud.elb.add_tags(ResourceArns=[arn], Tags=[tag("k0", "again")])
    c.refused("TooManyTags", cloud.elb.add_tags, ResourceArns=[arn], Tags=[tag("more")])


def test_describe_tags_limits(cloud: c.Cloud) -> None:
    arn = cloud.balancer()
    c.refused("ValidationError", cloud.elb.describe_tags, ResourceArns=[arn] * 21)
    cloud.elb.delete_load_balancer(LoadBalancerArn=arn)
    c.refused("LoadBalancerNotFound", cloud.elb.describe_tags, ResourceArns=[arn])
    c.refused("ValidationError", cloud.elb.describe_tags, ResourceArns=["arn:aws:s3:::bucket"])


def test_limits_and_policies(cloud: c.Cloud) -> None:
    limits = {one["Name"]: one["Max"] for one in cloud.elb.describe_account_limits()["Limits"]}
    assert limits["rules-per-application-load-balancer"] == "100"
    names = {one["Name"] for one in cloud.elb.describe_ssl_policies()["SslPolicies"]}
    assert "ELBSecurityPolicy-TLS13-1-2-2021-06" in names
    c.refused("SSLPolicyNotFound", cloud.elb.describe_ssl_policies, Names=["nonsense"])


def test_unoffered_operations_say_so(cloud: c.Cloud) -> None:
    c.refused("InvalidAction", cloud.elb.describe_trust_stores)


def test_subnets_that_cannot_hold_a_load_balancer(cloud: c.Cloud) -> None:
    """No call of the subset makes such subnets, so the world is changed directly."""
    world = cloud.control.cloud.world
    world.subnets[A].free_addresses = 7
    c.refused("InvalidSubnet", cloud.balancer)
    world.subnets[A].free_addresses = 8
    for table in world.route_tables.values():
        table.routes.pop("0.0.0.0/0")
    c.refused("InvalidSubnet", cloud.balancer)
    cloud.balancer(Scheme="internal")
