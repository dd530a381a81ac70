"""The kinds that open the way: security-group, security-group-rule and load-balancer.

`kinds` collects them. Each Gateway has its own security group, and the rules of the pods' groups name it as their
source, so that nothing is shared between Gateways. Group and rules are as old as their load balancer: while one
replaces another, each keeps its own, and the rules of the old one go when it goes. Must never touch a rule, a group or
a tag that is not recorded as ours.
docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html,
docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed, Session
from cloudgw_aws import failures, kinds_commit, names

DNS_SECONDS = 60.0  # time to live of a load balancer's name: application/introduction.html


def _create_group(session: Session, change: model.Change, ids: kinds_commit.Ids) -> str:  # noqa: ARG001
    spec = kinds_commit.wanted(change)
    name = names.name_of(session.owner, change.address, change.name)
    standing = session.read.ec2(
        "describe_security_groups",
        "SecurityGroups",
        Filters=[{"Name": "group-name", "Values": [name]}, {"Name": "vpc-id", "Values": [spec["vpc"]]}],
    )
    for group in standing:
        if kinds_commit.is_same(session, change, names.as_mapping(group.get("Tags"))):
            return str(group["GroupId"])
        raise kinds_commit.refuse_taken(change, "security group", name)
    answer = session.write.call(
        "ec2",
        "create_security_group",
        GroupName=name,
        Description=f"cloudgw: {model.owner_of(change.address)}"[:255],
        VpcId=spec["vpc"],
        TagSpecifications=[
            {
                "ResourceType": "security-group",
                "Tags": kinds_commit.tags_for(session, change, {"Name": name, names.SCHEME: spec["scheme"]}),
            }
        ],
    )
    return str(answer["GroupId"])


def _delete_group(session: Session, change: model.Change) -> None:
    group = kinds_commit.id_of(change)
    assert change.before is not None
    rules = session.read.ec2(
        "describe_security_group_rules", "SecurityGroupRules", Filters=[{"Name": "group-id", "Values": [group]}]
    )
    approved = change.before.outputs.get("foreign", ())
    foreign = [
        rule["SecurityGroupRuleId"]
        for rule in rules
        if not rule["IsEgress"]
        and names.ours(names.as_mapping(rule.get("Tags")), session.owner) is None
        and rule["SecurityGroupRuleId"] not in approved
    ]
    if foreign:
        raise Failed(
            "conflict",
            f"security group {group} holds rules that are not ours: {', '.join(sorted(foreign))}; "
            "remove them, or plan again and approve",
            key=change.key,
        )
    session.write.call("ec2", "delete_security_group", GroupId=group)


def permission(spec: model.Spec, ids: kinds_commit.Ids) -> dict[str, Any]:
    """One IpPermission of a security-group-rule's spec."""
    found: dict[str, Any] = {
        "IpProtocol": spec["protocol"],
        "FromPort": spec["from_port"],
        "ToPort": spec["to_port"],
    }
    source = spec["source"]
    if isinstance(source, model.Ref) or source.startswith("sg-"):
        found["UserIdGroupPairs"] = [{"GroupId": kinds_commit.resolve(source, ids)}]
    elif ipaddress.ip_network(source, strict=False).version == 6:
        found["Ipv6Ranges"] = [{"CidrIpv6": source}]
    else:
        found["IpRanges"] = [{"CidrIp": source}]
    return found


def _create_group_rule(session: Session, change: model.Change, ids: kinds_commit.Ids) -> str:
    spec = kinds_commit.wanted(change)
    group = kinds_commit.resolve(spec["group"], ids)
    tags = kinds_commit.tags_for(session, change, {names.PARENT: spec["load_balancer"].name})
    try:
        answer = session.write.call(
            "ec2",
            "authorize_security_group_ingress",
            GroupId=group,
            IpPermissions=[permission(spec, ids)],
            TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": tags}],
        )
    except Exception as problem:
        if failures.code_of(problem) != "InvalidPermission.Duplicate":
            raise
        return _adopt_group_rule(session, change, group)
    return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])


def _adopt_group_rule(session: Session, change: model.Change, group: str) -> str:
    """The same permission stands already: ours from an earlier call, or somebody else's."""
    for rule in session.read.ec2(
        "describe_security_group_rules", "SecurityGroupRules", Filters=[{"Name": "group-id", "Values": [group]}]
    ):
        if kinds_commit.is_same(session, change, names.as_mapping(rule.get("Tags"))):
            return str(rule["SecurityGroupRuleId"])
    raise kinds_commit.refuse_taken(change, f"a rule of security group {group} for", model.short(change.address))


def _delete_group_rule(session: Session, change: model.Change) -> None:
    assert change.before is not None
    session.write.call(
        "ec2",
        "revoke_security_group_ingress",
        GroupId=change.before.outputs["group"],
        SecurityGroupRuleIds=[kinds_commit.id_of(change)],
    )


def opens(spec: model.Spec) -> frozenset[str]:
    """What a security-group-rule lets in from addresses: "cidr:0.0.0.0/0 tcp/443"."""
    source = spec.get("source")
    if not isinstance(source, str) or source.startswith("sg-"):
        return frozenset()
    ports = f"{spec.get('from_port')}"
    if spec.get("to_port") != spec.get("from_port"):
        ports = f"{ports}-{spec.get('to_port')}"
    return frozenset({f"cidr:{source} {spec.get('protocol')}/{ports}"})


def _user_tags(spec: model.Spec) -> dict[str, str]:
    """The user's tags and the list of their keys, by which we know later which ones were ours to remove."""
    tags = spec.get("tags") or {}
    if not tags:
        return {}
    return {**tags, names.TAG_KEYS: " ".join(names.encode(key) for key in sorted(tags))}


def _create_balancer(session: Session, change: model.Change, ids: kinds_commit.Ids) -> str:
    spec = kinds_commit.wanted(change)
    name = names.name_of(session.owner, change.address, change.name)
    standing = session.read.named("describe_load_balancers", "LoadBalancers", name)
    if standing is not None:
        arn = str(standing["LoadBalancerArn"])
        if kinds_commit.is_same(session, change, session.read.tags([arn]).get(arn, {})):
            return arn
        raise kinds_commit.refuse_taken(change, "load balancer", name)
    answer = session.write.call(
        "elbv2",
        "create_load_balancer",
        Name=name,
        Type="application",
        IpAddressType="ipv4",
        Scheme=spec["scheme"],
        Subnets=list(spec["subnets"]),
        SecurityGroups=[kinds_commit.resolve(group, ids) for group in spec["security_groups"]],
        Tags=kinds_commit.tags_for(session, change, _user_tags(spec)),
    )
    return str(answer["LoadBalancers"][0]["LoadBalancerArn"])


def _update_balancer(session: Session, change: model.Change, ids: kinds_commit.Ids) -> None:
    spec, arn = kinds_commit.wanted(change), kinds_commit.id_of(change)
    assert change.before is not None
    if "subnets" in change.fields:
        session.write.call("elbv2", "set_subnets", LoadBalancerArn=arn, Subnets=list(spec["subnets"]))
    if "security_groups" in change.fields:
        groups = [kinds_commit.resolve(group, ids) for group in spec["security_groups"]]
        session.write.call("elbv2", "set_security_groups", LoadBalancerArn=arn, SecurityGroups=groups)
    if "tags" in change.fields:
        leaving = sorted(set(change.before.fields.get("tags") or {}) - set(spec["tags"] or {}))
        if leaving:
            session.write.call("elbv2", "remove_tags", ResourceArns=[arn], TagKeys=leaving)
        tags = _user_tags(spec)
        if tags:
            session.write.call("elbv2", "add_tags", ResourceArns=[arn], Tags=names.as_list(tags))
        else:
            session.write.call("elbv2", "remove_tags", ResourceArns=[arn], TagKeys=[names.TAG_KEYS])


def _delete_balancer(session: Session, change: model.Change) -> None:
    arn = kinds_commit.id_of(change)
    listeners = session.read.elb("describe_listeners", "Listeners", LoadBalancerArn=arn)
    kinds_commit.guard_children(session, change, [item["ListenerArn"] for item in listeners], "listeners")
    session.write.call("elbv2", "delete_load_balancer", LoadBalancerArn=arn)


SECURITY_GROUP = model.Kind(
    name="security-group",
    immutable=("vpc", "scheme"),
    commit=kinds_commit.one_by_one(_create_group, None, _delete_group),
)
# The way to the pods stays open as long as targets may drain behind it: the default deregistration delay
# (docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html),
# and a little more, because the clock starts when the rule is no longer wanted, shortly before targets leave.
PATH_SECONDS = 330.0
SECURITY_GROUP_RULE = model.Kind(
    name="security-group-rule",
    immutable=("load_balancer", "group", "protocol", "from_port", "to_port", "source"),
    commit=kinds_commit.one_by_one(_create_group_rule, None, _delete_group_rule),
    drain=lambda element: PATH_SECONDS if isinstance(element.fields.get("group"), str) else 0.0,
    exposes=opens,
)
LOAD_BALANCER = model.Kind(
    name="load-balancer",
    immutable=("scheme", "vpc"),
    mutable=("subnets", "security_groups", "tags"),
    commit=kinds_commit.one_by_one(_create_balancer, _update_balancer, _delete_balancer),
    ready=lambda element: element.outputs.get("state") == "active",
    published=DNS_SECONDS,
    exposes=lambda spec: frozenset({f"scheme:{spec['scheme']}"} if spec.get("scheme") == "internet-facing" else ()),
)
