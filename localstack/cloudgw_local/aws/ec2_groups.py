"""EC2 security groups and their rules. Called by `server`; `health` reads the rules to know who reaches a target.

Facts: AWSEC2/latest/APIReference (CreateSecurityGroup, AuthorizeSecurityGroupIngress, RevokeSecurityGroupIngress,
DescribeSecurityGroupRules, errors-overview) and vpc/latest/userguide/security-group-rules.html. A group that a load
balancer, an interface or another group's rule uses must never be deletable.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from cloudgw_local.aws import call, ec2_filters, errors, world

_TEXT = re.compile(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}


def create_security_group(this: call.Call) -> dict[str, Any]:
    name, description = this.parameters.get("GroupName", ""), this.parameters.get("Description", "")
    vpc_id = this.parameters.get("VpcId")
    if not name or not description:
        raise errors.AwsError("MissingParameter", "The request must contain GroupName and GroupDescription")
    if vpc_id is None:
        raise errors.AwsError("VPCIdNotSpecified", "No default VPC for this user.")
    if vpc_id not in this.world.vpcs:
        raise errors.AwsError("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")
    if not _TEXT.fullmatch(name) or name.startswith("sg-") or name == "default":
        raise errors.AwsError("InvalidParameterValue", f"Value ({name}) for parameter GroupName is invalid.")
    if not _TEXT.fullmatch(description):
        raise errors.AwsError(
            "InvalidParameterValue", f"Value ({description}) for parameter GroupDescription is invalid."
        )
    if any(group.vpc_id == vpc_id and group.name == name for group in this.world.security_groups.values()):
        raise errors.AwsError(
            "InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc_id}'"
        )
    tags = ec2_filters.given_tags(this, "security-group")
    group_id = f"sg-{this.world.new_id('security-group')}"
    this.world.security_groups[group_id] = world.SecurityGroup(
        id=group_id, vpc_id=vpc_id, name=name, description=description
    )
    this.world.tags[group_id] = tags
    world.add_default_egress(this.world, group_id, f"sgr-{this.world.new_id('security-group-rule')}")
    return {"GroupId": group_id, "Tags": call.tag_list(tags), "SecurityGroupArn": _arn("security-group", group_id)}


def delete_security_group(this: call.Call) -> dict[str, Any]:
    group = _group(this)
    if group.name == "default":
        raise errors.AwsError(
            "CannotDelete", f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
        )
    used = (
        any(group.id in one.security_groups for one in this.world.load_balancers.values())
        or any(group.id in one.security_groups for one in this.world.leaving)
        or any(group.id in one.groups for one in this.world.interfaces.values())
        or any(one.referenced == group.id and one.group_id != group.id for one in this.world.security_rules.values())
    )
    if used:
        raise errors.AwsError("DependencyViolation", f"resource {group.id} has a dependent object")
    del this.world.security_groups[group.id]
    this.world.tags.pop(group.id, None)
    for rule in [one for one in this.world.security_rules.values() if one.group_id == group.id]:
        del this.world.security_rules[rule.id]
        this.world.tags.pop(rule.id, None)
    return {"Return": True, "GroupId": group.id}


def describe_security_groups(this: call.Call) -> dict[str, Any]:
    names = this.parameters.get("GroupNames")
    if names:
        raise errors.AwsError("InvalidGroup.NotFound", f"The security group '{names[0]}' does not exist in default VPC")
    ids = ec2_filters.chosen(this, "GroupIds", this.world.security_groups, "InvalidGroup.NotFound")
    known = ("group-id", "group-name", "vpc-id", "description", "owner-id")

    def values(group_id: str) -> ec2_filters.Values:
        group = this.world.security_groups[group_id]
        return {
            "group-id": [group.id],
            "group-name": [group.name],
            "vpc-id": [group.vpc_id],
            "description": [group.description],
            "owner-id": [world.ACCOUNT],
        }

    found, token = ec2_filters.paged(this, ec2_filters.matching(this, ids, values, known))
    return {"SecurityGroups": [_group_json(this, this.world.security_groups[one]) for one in found], "NextToken": token}


def describe_security_group_rules(this: call.Call) -> dict[str, Any]:
    ids = ec2_filters.chosen(
        this, "SecurityGroupRuleIds", this.world.security_rules, "InvalidSecurityGroupRuleId.NotFound"
    )

    def values(rule_id: str) -> ec2_filters.Values:
        return {"group-id": [this.world.security_rules[rule_id].group_id], "security-group-rule-id": [rule_id]}

    matching = ec2_filters.matching(this, ids, values, ("group-id", "security-group-rule-id"))
    found, token = ec2_filters.paged(this, matching)
    return {
        "SecurityGroupRules": [_rule_json(this, this.world.security_rules[one]) for one in found],
        "NextToken": token,
    }


def authorize_ingress(this: call.Call) -> dict[str, Any]:
    return _authorize(this, egress=False)


def authorize_egress(this: call.Call) -> dict[str, Any]:
    return _authorize(this, egress=True)


def revoke_ingress(this: call.Call) -> dict[str, Any]:
    return _revoke(this, egress=False)


def revoke_egress(this: call.Call) -> dict[str, Any]:
    return _revoke(this, egress=True)


def _authorize(this: call.Call, *, egress: bool) -> dict[str, Any]:
    group = _group(this)
    asked = _asked(this, group, egress)
    if not asked:
        raise errors.AwsError("MissingParameter", "The request must contain IpPermissions")
    tags = ec2_filters.given_tags(this, "security-group-rule")
    keys = [_key(rule) for rule in asked]
    if len(set(keys)) < len(keys):
        raise errors.AwsError("InvalidParameterValue", "The same permission must not appear multiple times")
    held = [rule for rule in this.world.security_rules.values() if rule.group_id == group.id and rule.egress == egress]
    taken = {_key(rule) for rule in held}
    for rule, key in zip(asked, keys, strict=True):
        if key in taken:
            raise errors.AwsError("InvalidPermission.Duplicate", f'the specified rule "{_words(rule)}" already exists')
    if len(held) + len(asked) > int(this.settings["security_group_rule_quota"]):
        raise errors.AwsError(
            "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached."
        )
    for rule in asked:
        rule.id = f"sgr-{this.world.new_id('security-group-rule')}"
        this.world.security_rules[rule.id] = rule
        this.world.tags[rule.id] = dict(tags)
    return {"Return": True, "SecurityGroupRules": [_rule_json(this, rule) for rule in asked]}


def _revoke(this: call.Call, *, egress: bool) -> dict[str, Any]:
    """A rule that does not exist is no error in a nondefault VPC: the answer lists it (RevokeSecurityGroupIngress)."""
    group = _group(this)
    held = {
        rule.id: rule
        for rule in this.world.security_rules.values()
        if rule.group_id == group.id and rule.egress == egress
    }
    doomed: list[world.SecurityRule] = []
    for rule_id in this.parameters.get("SecurityGroupRuleIds") or []:
        if rule_id not in held:
            raise errors.AwsError(
                "InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist"
            )
        doomed.append(held[rule_id])
    by_key = {_key(rule): rule for rule in held.values()}
    unknown: list[world.SecurityRule] = []
    for rule in _asked(this, group, egress):
        match = by_key.get(_key(rule))
        if match is None:
            unknown.append(rule)
        else:
            doomed.append(match)
    for rule in doomed:
        this.world.security_rules.pop(rule.id, None)
        this.world.tags.pop(rule.id, None)
    answer: dict[str, Any] = {"Return": True, "UnknownIpPermissions": _permissions(unknown)}
    if doomed:
        members = ("GroupOwnerId", "Tags", "SecurityGroupRuleArn", "ReferencedGroupInfo")
        answer["RevokedSecurityGroupRules"] = [
            {
                **{name: value for name, value in _rule_json(this, rule).items() if name not in members},
                "ReferencedGroupId": rule.referenced,
            }
            for rule in doomed
        ]
    return answer


def _group(this: call.Call) -> world.SecurityGroup:
    group_id = this.parameters.get("GroupId")
    if group_id is None:
        raise errors.AwsError("MissingParameter", "The request must contain the parameter groupId")
    if not group_id.startswith("sg-"):
        raise errors.AwsError("InvalidGroupId.Malformed", f'Invalid id: "{group_id}"')
    if group_id not in this.world.security_groups:
        raise errors.AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
    return this.world.security_groups[group_id]


def _asked(this: call.Call, group: world.SecurityGroup, egress: bool) -> list[world.SecurityRule]:
    """The single rules that IpPermissions (or the short form with CidrIp) stand for, with no ids yet."""
    permissions: list[dict[str, Any]] = list(this.parameters.get("IpPermissions") or [])
    if this.parameters.get("CidrIp"):
        short: dict[str, Any] = {
            name: this.parameters[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in this.parameters
        }
        permissions.append({**short, "IpRanges": [{"CidrIp": this.parameters["CidrIp"]}]})
    rules: list[world.SecurityRule] = []
    for permission in permissions:
        protocol, from_port, to_port = _ports(permission)
        sides: list[dict[str, str | None]] = []
        for one in permission.get("IpRanges") or []:
            sides.append({"cidr4": _network(one.get("CidrIp", ""), 4), "description": one.get("Description")})
        for one in permission.get("Ipv6Ranges") or []:
            sides.append({"cidr6": _network(one.get("CidrIpv6", ""), 6), "description": one.get("Description")})
        for one in permission.get("PrefixListIds") or []:
            sides.append({"prefix_list": one.get("PrefixListId"), "description": one.get("Description")})
        for one in permission.get("UserIdGroupPairs") or []:
            referenced = one.get("GroupId")
            if referenced not in this.world.security_groups:
                raise errors.AwsError("InvalidGroup.NotFound", f"The security group '{referenced}' does not exist")
            sides.append({"referenced": referenced, "description": one.get("Description")})
        if not sides:
            raise errors.AwsError("MissingParameter", "The request must contain a source or destination")
        for side in sides:
            rules.append(
                world.SecurityRule(
                    id="",
                    group_id=group.id,
                    egress=egress,
                    protocol=protocol,
                    from_port=from_port,
                    to_port=to_port,
                    **side,
                )
            )
    return rules


def _ports(permission: dict[str, Any]) -> tuple[str, int, int]:
    protocol = str(permission.get("IpProtocol", "")).lower()
    protocol = _PROTOCOLS.get(protocol, protocol)
    if protocol == "-1":
        return protocol, -1, -1
    if protocol not in ("tcp", "udp", "icmp", "icmpv6") and not protocol.isdecimal():
        raise errors.AwsError("InvalidPermission.Malformed", f'Unsupported IP protocol "{protocol}"')
    from_port, to_port = permission.get("FromPort"), permission.get("ToPort")
    if protocol in ("tcp", "udp"):
        if from_port is None or to_port is None:
            raise errors.AwsError(
                "InvalidParameterValue",
                "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
            )
        if not 0 <= from_port <= to_port <= 65535:
            raise errors.AwsError("InvalidParameterValue", f"Invalid TCP/UDP port range ({from_port}:{to_port})")
    return protocol, -1 if from_port is None else from_port, -1 if to_port is None else to_port


def _network(text: str, version: int) -> str:
    """The canonical block; EC2 clears host bits (CreateSecurityGroup rules, "CIDR block 100.68.0.18/18")."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        network = None
    if network is None or network.version != version:
        raise errors.AwsError("InvalidParameterValue", f"CIDR block {text} is malformed")
    return str(network)


def _key(rule: world.SecurityRule) -> tuple[Any, ...]:
    return rule.protocol, rule.from_port, rule.to_port, rule.cidr4, rule.cidr6, rule.prefix_list, rule.referenced


def _words(rule: world.SecurityRule) -> str:
    peer = rule.cidr4 or rule.cidr6 or rule.prefix_list or rule.referenced
    return f"peer: {peer}, {rule.protocol.upper()}, from port: {rule.from_port}, to port: {rule.to_port}, ALLOW"


def _group_json(this: call.Call, group: world.SecurityGroup) -> dict[str, Any]:
    rules = [rule for rule in this.world.security_rules.values() if rule.group_id == group.id]
    return {
        "GroupId": group.id,
        "GroupName": group.name,
        "Description": group.description,
        "VpcId": group.vpc_id,
        "OwnerId": world.ACCOUNT,
        "SecurityGroupArn": _arn("security-group", group.id),
        "IpPermissions": _permissions([rule for rule in rules if not rule.egress]),
        "IpPermissionsEgress": _permissions([rule for rule in rules if rule.egress]),
        "Tags": call.tag_list(this.world.tags.get(group.id, {})),
    }


def _permissions(rules: list[world.SecurityRule]) -> list[dict[str, Any]]:
    """Rules with the same protocol and ports come back as one permission."""
    merged: dict[tuple[str, int, int], dict[str, Any]] = {}
    for rule in rules:
        one = merged.setdefault(
            (rule.protocol, rule.from_port, rule.to_port),
            {
                "IpProtocol": rule.protocol,
                **({} if rule.protocol == "-1" else {"FromPort": rule.from_port, "ToPort": rule.to_port}),
                "IpRanges": [],
                "Ipv6Ranges": [],
                "PrefixListIds": [],
                "UserIdGroupPairs": [],
            },
        )
        if rule.cidr4:
            one["IpRanges"].append({"CidrIp": rule.cidr4, "Description": rule.description})
        if rule.cidr6:
            one["Ipv6Ranges"].append({"CidrIpv6": rule.cidr6, "Description": rule.description})
        if rule.prefix_list:
            one["PrefixListIds"].append({"PrefixListId": rule.prefix_list, "Description": rule.description})
        if rule.referenced:
            pair = {"GroupId": rule.referenced, "UserId": world.ACCOUNT, "Description": rule.description}
            one["UserIdGroupPairs"].append(pair)
    return list(merged.values())


def _rule_json(this: call.Call, rule: world.SecurityRule) -> dict[str, Any]:
    other = {"GroupId": rule.referenced, "UserId": world.ACCOUNT} if rule.referenced else None
    return {
        "SecurityGroupRuleId": rule.id,
        "GroupId": rule.group_id,
        "GroupOwnerId": world.ACCOUNT,
        "IsEgress": rule.egress,
        "IpProtocol": rule.protocol,
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
        "CidrIpv4": rule.cidr4,
        "CidrIpv6": rule.cidr6,
        "PrefixListId": rule.prefix_list,
        "ReferencedGroupInfo": other,
        "Description": rule.description,
        "Tags": call.tag_list(this.world.tags.get(rule.id, {})),
        "SecurityGroupRuleArn": _arn("security-group-rule", rule.id),
    }


def _arn(kind: str, name: str) -> str:
    return f"arn:aws:ec2:{world.REGION}:{world.ACCOUNT}:{kind}/{name}"


OPERATIONS: dict[str, call.Operation] = {
    "CreateSecurityGroup": create_security_group,
    "DeleteSecurityGroup": delete_security_group,
    "DescribeSecurityGroups": describe_security_groups,
    "DescribeSecurityGroupRules": describe_security_group_rules,
    "AuthorizeSecurityGroupIngress": authorize_ingress,
    "AuthorizeSecurityGroupEgress": authorize_egress,
    "RevokeSecurityGroupIngress": revoke_ingress,
    "RevokeSecurityGroupEgress": revoke_egress,
}
