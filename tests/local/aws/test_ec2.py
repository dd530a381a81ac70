"""The EC2 subset: discovery of the start world, security groups and their rules, tags, interfaces."""

from __future__ import annotations

from typing import Any

import pytest

from . import conftest as c


def ids(answer: dict[str, Any], kind: str, name: str) -> list[str]:
    return [one[name] for one in answer[kind]]


def test_discovery(cloud: c.Cloud) -> None:
    role = [{"Name": "tag:kubernetes.io/role/elb", "Values": ["1"]}, {"Name": "vpc-id", "Values": [c.VPC]}]
    assert ids(cloud.ec2.describe_subnets(Filters=role), "Subnets", "SubnetId") == c.SUBNETS
    assert ids(cloud.ec2.describe_vpcs(VpcIds=[c.VPC]), "Vpcs", "CidrBlock") == ["10.0.0.0/16"]
    assert len(cloud.ec2.describe_availability_zones()["AvailabilityZones"]) == 3
    tables = cloud.ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": c.SUBNETS}])
    assert {route["GatewayId"] for route in tables["RouteTables"][0]["Routes"]} == {"local", "igw-00000000000000001"}
    assert len(cloud.ec2.describe_internet_gateways()["InternetGateways"]) == 1
    c.refused("InvalidSubnetID.NotFound", cloud.ec2.describe_subnets, SubnetIds=["subnet-1"])
    c.refused("InvalidVpcID.NotFound", cloud.ec2.describe_vpcs, VpcIds=["vpc-1"])
    c.refused("InvalidParameterValue", cloud.ec2.describe_subnets, Filters=[{"Name": "colour", "Values": ["a"]}])


def test_new_group(cloud: c.Cloud) -> None:
    specification = [{"ResourceType": "security-group", "Tags": [{"Key": "a", "Value": "1"}]}]
    made = cloud.ec2.create_security_group(
        GroupName="lb", Description="d", VpcId=c.VPC, TagSpecifications=specification
    )
    found = cloud.ec2.describe_security_groups(Filters=[{"Name": "tag:a", "Values": ["1"]}])["SecurityGroups"]
    assert [group["GroupId"] for group in found] == [made["GroupId"]]
    assert found[0]["IpPermissions"] == []
    assert [rule["IpProtocol"] for rule in found[0]["IpPermissionsEgress"]] == ["-1"]
    c.refused("InvalidGroup.Duplicate", cloud.group, "lb")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"GroupName": "sg-a"}, "InvalidParameterValue"),
        ({"GroupName": "a" * 256}, "InvalidParameterValue"),
        ({"Description": "ä"}, "InvalidParameterValue"),
        ({"Description": ""}, "MissingParameter"),
        ({"VpcId": "vpc-1"}, "InvalidVpcID.NotFound"),
        ({"VpcId": None}, "VPCIdNotSpecified"),
        ({"TagSpecifications": [{"ResourceType": "subnet", "Tags": []}]}, "InvalidParameterValue"),
        (
            {"TagSpecifications": [{"ResourceType": "security-group", "Tags": [{"Key": "aws:a", "Value": ""}]}]},
            "InvalidParameterValue",
        ),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_refused_groups(cloud: c.Cloud, given: dict[str, Any], code: str) -> None:
    full = {"GroupName": "lb", "Description": "d", "VpcId": c.VPC, **given}
    full = {name: value for name, value in full.items() if value is not None}
    c.refused(code, cloud.ec2.create_security_group, **full)


def permission(port: int = 80, **sources: Any) -> list[dict[str, Any]]:
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **sources}]


EVERYWHERE: dict[str, Any] = {"IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}]}


def test_rules_with_tags(cloud: c.Cloud) -> None:
    group = cloud.group()
    made = cloud.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=permission(IpRanges=[{"CidrIp": "10.0.0.5/24"}], UserIdGroupPairs=[{"GroupId": c.PODS}]),
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "a", "Value": "1"}]}],
    )["SecurityGroupRules"]
    assert [(rule.get("CidrIpv4"), rule.get("ReferencedGroupInfo", {}).get("GroupId")) for rule in made] == [
        ("10.0.0.0/24", None),
        (None, c.PODS),
    ]
    filters = [{"Name": "group-id", "Values": [group]}, {"Name": "tag:a", "Values": ["1"]}]
    found = cloud.ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
    assert {rule["SecurityGroupRuleId"] for rule in found} == {rule["SecurityGroupRuleId"] for rule in made}
    everything = cloud.ec2.describe_security_group_rules(Filters=filters[:1])["SecurityGroupRules"]
    assert sum(rule["IsEgress"] for rule in everything) == 1
    cloud.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[made[0]["SecurityGroupRuleId"]])
    shown = cloud.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert [pair["GroupId"] for pair in shown[0]["UserIdGroupPairs"]] == [c.PODS]
    assert shown[0]["IpRanges"] == []


def test_refused_rules(cloud: c.Cloud) -> None:
    group = cloud.group()
    authorize = cloud.ec2.authorize_security_group_ingress
    authorize(GroupId=group, IpPermissions=permission(**EVERYWHERE))
    again = [*permission(81, **EVERYWHERE), *permission(**EVERYWHERE)]
    c.refused("InvalidPermission.Duplicate", authorize, GroupId=group, IpPermissions=again)
    twice = permission(IpRanges=[{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "10.0.0.0/8"}])
    c.refused("InvalidParameterValue", authorize, GroupId=group, IpPermissions=twice)
    c.refused("InvalidParameterValue", authorize, GroupId=group, IpPermissions=permission(IpRanges=[{"CidrIp": "x"}]))
    c.refused("InvalidParameterValue", authorize, GroupId=group, IpPermissions=[{"IpProtocol": "tcp", **EVERYWHERE}])
    backwards = [{"IpProtocol": "tcp", "FromPort": 2, "ToPort": 1, **EVERYWHERE}]
    c.refused("InvalidParameterValue", authorize, GroupId=group, IpPermissions=backwards)
    c.refused("MissingParameter", authorize, GroupId=group, IpPermissions=permission())
    strange = permission(UserIdGroupPairs=[{"GroupId": "sg-1"}])
    c.refused("InvalidGroup.NotFound", authorize, GroupId=group, IpPermissions=strange)
    c.refused("InvalidGroup.NotFound", authorize, GroupId="sg-1", IpPermissions=permission(**EVERYWHERE))
    c.refused("InvalidGroupId.Malformed", authorize, GroupId="lb", IpPermissions=permission(**EVERYWHERE))
    many = [one for port in range(100, 160) for one in permission(port, **EVERYWHERE)]
    c.refused("RulesPerSecurityGroupLimitExceeded", authorize, GroupId=group, IpPermissions=many)
    c.refused(
        "InvalidSecurityGroupRuleId.NotFound",
        cloud.ec2.revoke_security_group_ingress,
        GroupId=group,
        SecurityGroupRuleIds=["sgr-1"],
    )


def test_revoking_an_unknown_permission_lists_it(cloud: c.Cloud) -> None:
    answer = cloud.ec2.revoke_security_group_ingress(GroupId=cloud.group(), IpPermissions=permission(**EVERYWHERE))
    assert [one["FromPort"] for one in answer["UnknownIpPermissions"]] == [80]


def test_delete_group(cloud: c.Cloud) -> None:
    group = cloud.group()
    balancer = cloud.balancer(SecurityGroups=[group])
    delete = cloud.ec2.delete_security_group
    c.refused("DependencyViolation", delete, GroupId=group)
    cloud.elb.delete_load_balancer(LoadBalancerArn=balancer)
    c.refused("DependencyViolation", delete, GroupId=group)
    cloud.control.advance(60)
    pairs = permission(UserIdGroupPairs=[{"GroupId": group}])
    cloud.ec2.authorize_security_group_ingress(GroupId=c.PODS, IpPermissions=pairs)
    c.refused("DependencyViolation", delete, GroupId=group)
    cloud.ec2.revoke_security_group_ingress(GroupId=c.PODS, IpPermissions=pairs)
    own = permission(UserIdGroupPairs=[{"GroupId": group}])
    cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=own)
    delete(GroupId=group)
    assert all(rule["group_id"] != group for rule in cloud.control.dump()["security_rules"])
    c.refused("InvalidGroup.NotFound", delete, GroupId=group)
    c.refused("CannotDelete", delete, GroupId="sg-0000000000000000d")


def test_tags(cloud: c.Cloud) -> None:
    group = cloud.group()
    cloud.ec2.create_tags(Resources=[group], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    cloud.ec2.delete_tags(Resources=[group], Tags=[{"Key": "a", "Value": "other"}, {"Key": "b"}])
    shown = cloud.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["Tags"]
    assert shown == [{"Key": "a", "Value": "1"}]
    c.refused("InvalidID", cloud.ec2.create_tags, Resources=["sg-1"], Tags=[{"Key": "a", "Value": "1"}])
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    c.refused("TagLimitExceeded", cloud.ec2.create_tags, Resources=[group], Tags=many)


def test_pages(cloud: c.Cloud) -> None:
    made = {cloud.group(f"g{number}") for number in range(12)}
    pages = list(cloud.ec2.get_paginator("describe_security_groups").paginate(PaginationConfig={"PageSize": 5}))
    assert [len(page["SecurityGroups"]) for page in pages] == [5, 5, 4]
    assert made <= {group["GroupId"] for page in pages for group in page["SecurityGroups"]}
    c.refused("InvalidParameterValue", cloud.ec2.describe_security_groups, MaxResults=4)
    c.refused("InvalidNextToken", cloud.ec2.describe_security_groups, MaxResults=5, NextToken="nonsense")


def test_interfaces(cloud: c.Cloud) -> None:
    create = cloud.ec2.create_network_interface
    made = create(SubnetId=c.SUBNETS[0], PrivateIpAddress="10.0.1.5", Groups=[c.PODS])["NetworkInterface"]
    c.refused("InvalidIPAddress.InUse", create, SubnetId=c.SUBNETS[0], PrivateIpAddress="10.0.1.5")
    c.refused("InvalidParameterValue", create, SubnetId=c.SUBNETS[0], PrivateIpAddress="10.0.2.5")
    filters = [{"Name": "addresses.private-ip-address", "Values": ["10.0.1.*"]}]
    found = cloud.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert [group["GroupId"] for group in found[0]["Groups"]] == [c.PODS]
    group = cloud.group()
    cloud.ec2.modify_network_interface_attribute(NetworkInterfaceId=made["NetworkInterfaceId"], Groups=[group])
    c.refused("DependencyViolation", cloud.ec2.delete_security_group, GroupId=group)
    cloud.ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
    cloud.ec2.delete_security_group(GroupId=group)


def test_subnets(cloud: c.Cloud) -> None:
    create = cloud.ec2.create_subnet
    made = create(VpcId=c.VPC, CidrBlock="10.0.3.0/28", AvailabilityZone="eu-central-1c")["Subnet"]
    assert made["AvailableIpAddressCount"] == 11
    c.refused("InvalidSubnet.Conflict", create, VpcId=c.VPC, CidrBlock="10.0.3.0/24")
    c.refused("InvalidSubnet.Range", create, VpcId=c.VPC, CidrBlock="10.1.0.0/24")
    balancer = cloud.balancer(Subnets=[*c.SUBNETS, made["SubnetId"]])
    c.refused("DependencyViolation", cloud.ec2.delete_subnet, SubnetId=made["SubnetId"])
    cloud.elb.delete_load_balancer(LoadBalancerArn=balancer)
    cloud.ec2.delete_subnet(SubnetId=made["SubnetId"])
