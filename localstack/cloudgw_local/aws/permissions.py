"""Who may do what: an IAM policy, read as AWS reads it, and which actions each operation is checked for.

`server` asks `Policy.check` before a call has an effect, where the test set a policy. What an operation needs is
written from AWS's own tables, never from a client: the Service Authorization Reference
(docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html, list_amazonec2.html,
list_awscertificatemanager.html), what Elastic Load Balancing asks of EC2 and IAM beside
(elasticloadbalancing/latest/userguide/elb-api-permissions.html), and how statements are judged
(IAM/latest/UserGuide/reference_policies_evaluation-logic.html). A document with anything that is not judged here is
refused, so that nothing in it can be without effect unseen.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import re
from typing import Any

from cloudgw_local.aws import errors, world

Tags = collections.abc.Mapping[str, str]
PREFIXES = {"elbv2": "elasticloadbalancing", "ec2": "ec2", "acm": "acm", "resourcegroupstaggingapi": "tag"}
CALLER = f"arn:aws:iam::{world.ACCOUNT}:user/local"
FREE = ("sts",)  # GetCallerIdentity needs no permission: STS/latest/APIReference/API_GetCallerIdentity.html
_STATEMENT = {"Sid", "Effect", "Action", "Resource", "Condition"}
_BESIDE = {
    "CreateLoadBalancer": (
        *("ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways"),
        *("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
    ),
    "CreateTargetGroup": ("ec2:DescribeInternetGateways", "ec2:DescribeVpcs"),
    "RegisterTargets": (
        *("ec2:DescribeInstances", "ec2:DescribeInternetGateways", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
    ),
    "SetSubnets": ("ec2:DescribeSubnets",),
}
LINKED_ROLE = "arn:aws:iam::{account}:role/aws-service-role/elasticloadbalancing.amazonaws.com/{name}"
LINKED_ROLE = LINKED_ROLE.format(account=world.ACCOUNT, name="AWSServiceRoleForElasticLoadBalancing")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """An action on a resource. request: tags in the request, by which aws:RequestTag is judged; standing: tags of the
    resource (aws:ResourceTag); more: the other condition keys that are known."""

    action: str
    resource: str = "*"
    request: Tags = dataclasses.field(default_factory=dict)
    standing: Tags = dataclasses.field(default_factory=dict)
    more: Tags = dataclasses.field(default_factory=dict)

    def value(self, key: str) -> str | None:
        """The value of a condition key, None where there is none. ValueError for a key that is not judged here."""
        head, _, name = key.partition("/")
        if head == "aws:RequestTag":
            return self.request.get(name)
        if head == "aws:ResourceTag":
            return self.standing.get(name)
        if key in ("ec2:CreateAction", "elasticloadbalancing:CreateAction", "iam:AWSServiceName"):
            return self.more.get(key)
        raise ValueError(f"condition key {key} is not judged here")


class Policy:
    """A policy document. needed: "<Sid> <action>" of what alone allowed something."""

    def __init__(self, document: Any) -> None:
        if not isinstance(document, dict) or document.get("Version") != "2012-10-17":
            raise ValueError("a policy is an object with Version 2012-10-17 and Statement")
        self.needed: set[str] = set()
        self._statements = [_statement(index, one) for index, one in enumerate(document["Statement"])]
        for one in self._statements:
            one.allows(Need(action=""))  # judges every condition once: what cannot be judged is refused now

    def check(self, service: str, operation: str, parameters: dict[str, Any], state: world.World) -> None:
        """Raises AwsError for a call that is not allowed."""
        for need in needs(service, operation, parameters, state):
            allowing = [grant for one in self._statements for grant in one.allows(need)]
            if not allowing:
                raise _denied(service, need)
            if len(allowing) == 1:
                self.needed.add(allowing[0])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]

    def allows(self, need: Need) -> list[str]:
        """The grants of this statement that allow it."""
        met = [_met(need, *condition) for condition in self.conditions]
        if not all(met) or not any(_like(pattern, need.resource) for pattern in self.resources):
            return []
        return [f"{self.name} {action}" for action in self.actions if _like(action.lower(), need.action.lower())]


def _statement(index: int, given: dict[str, Any]) -> Statement:
    if given["Effect"] != "Allow" or not given.keys() <= _STATEMENT:
        raise ValueError(f"statement {index} has what is not judged here: {sorted(given.keys() - _STATEMENT)}")
    conditions = given.get("Condition", {})
    return Statement(
        name=given.get("Sid", str(index)),
        actions=_listed(given["Action"]),
        resources=_listed(given["Resource"]),
        conditions=tuple(
            (operator, key, _listed(wanted)) for operator, keys in conditions.items() for key, wanted in keys.items()
        ),
    )


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _met(need: Need, operator: str, key: str, wanted: tuple[str, ...]) -> bool:
    """IAM/latest/UserGuide/reference_policies_elements_condition_operators.html."""
    found = need.value(key)
    if operator == "Null":
        return wanted == (("true",) if found is None else ("false",))
    if operator == "StringEquals":
        return found in wanted
    if operator == "StringLike":
        return found is not None and any(_like(pattern, found) for pattern in wanted)
    raise ValueError(f"condition operator {operator} is not judged here")


def _like(pattern: str, text: str) -> bool:
    return _expression(pattern).fullmatch(text) is not None


@functools.cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _denied(service: str, need: Need) -> errors.AwsError:
    """IAM/latest/UserGuide/troubleshoot_access-denied.html; codes: CommonErrors of each API's reference."""
    said = (
        f"User: {CALLER} is not authorized to perform: {need.action} on resource: {need.resource} because no "
        f"identity-based policy allows the {need.action} action"
    )
    if service == "ec2":
        text = f"You are not authorized to perform this operation. {said}. Encoded authorization failure message: x"
        return errors.AwsError("UnauthorizedOperation", text, 403)
    if service == "elbv2":
        return errors.AwsError("AccessDenied", said, 403)
    return errors.AwsError("AccessDeniedException", said, 400)


def needs(
    service: str, operation: str, parameters: dict[str, Any], state: world.World
) -> collections.abc.Iterator[Need]:
    """Everything that a call is checked for."""
    if service in FREE:
        return
    action = f"{PREFIXES[service]}:{operation}"
    if operation.startswith(("Describe", "List", "Get")):
        yield Need(action=action)
        return
    find = {"elbv2": _balancing, "ec2": _network, "acm": _certificates}.get(service)
    if find is None:
        raise errors.AwsError("InternalFailure", f"The local AWS does not know what {service} {operation} needs", 500)
    yield from find(action, operation, parameters, state)


def _balancing(
    action: str, operation: str, parameters: dict[str, Any], state: world.World
) -> collections.abc.Iterator[Need]:
    tags = _tags(parameters.get("Tags"))
    if operation in ("CreateLoadBalancer", "CreateTargetGroup", "CreateListener", "CreateRule"):
        made = _made(operation, parameters)
        if operation in ("CreateListener", "CreateRule"):  # checked on what they are made in
            parent = parameters["LoadBalancerArn" if operation == "CreateListener" else "ListenerArn"]
            yield Need(action=action, resource=parent, request=tags, standing=state.tags.get(parent, {}))
        else:
            yield Need(action=action, resource=made, request=tags)
        if tags:
            more = {"elasticloadbalancing:CreateAction": operation}
            yield Need(action="elasticloadbalancing:AddTags", resource=made, request=tags, more=more)
    else:
        for arn in _named(parameters):
            yield Need(action=action, resource=arn, request=tags, standing=state.tags.get(arn, {}))
    for beside in _BESIDE.get(operation, ()):
        yield Need(action=beside)
    if operation == "CreateLoadBalancer" and not state.load_balancers:  # the account has no such role yet
        more = {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}
        yield Need(action="iam:CreateServiceLinkedRole", resource=LINKED_ROLE, more=more)


def _made(operation: str, parameters: dict[str, Any]) -> str:
    """The ARN that is to be, as policies can name it."""
    if operation == "CreateLoadBalancer":
        kind = {"application": "app", "network": "net", "gateway": "gwy"}[parameters.get("Type", "application")]
        return f"{_ELB}loadbalancer/{kind}/{parameters['Name']}/*"
    if operation == "CreateTargetGroup":
        return f"{_ELB}targetgroup/{parameters['Name']}/*"
    if operation == "CreateListener":
        return f"{parameters['LoadBalancerArn'].replace(':loadbalancer/', ':listener/')}/*"
    return f"{parameters['ListenerArn'].replace(':listener/', ':listener-rule/')}/*"


_ELB = f"arn:aws:elasticloadbalancing:{world.REGION}:{world.ACCOUNT}:"
_EC2 = f"arn:aws:ec2:{world.REGION}:{world.ACCOUNT}:"
_OWN = ("LoadBalancerArn", "ListenerArn", "RuleArn", "TargetGroupArn")


def _named(parameters: dict[str, Any]) -> list[str]:
    """The ARNs that a call of Elastic Load Balancing acts on."""
    found = [parameters[name] for name in _OWN if name in parameters]
    found += parameters.get("ResourceArns", [])
    found += [one["RuleArn"] for one in parameters.get("RulePriorities", [])]
    return found or ["*"]


def _network(
    action: str, operation: str, parameters: dict[str, Any], state: world.World
) -> collections.abc.Iterator[Need]:
    tags = _tags([tag for one in parameters.get("TagSpecifications", ()) for tag in one.get("Tags", ())])
    kinds = {"CreateSecurityGroup": "security-group", "AuthorizeSecurityGroupIngress": "security-group-rule"}
    if operation == "CreateSecurityGroup":
        vpc = parameters.get("VpcId", "*")
        yield Need(action=action, resource=f"{_EC2}vpc/{vpc}", standing=state.tags.get(vpc, {}))
    else:
        group = parameters.get("GroupId", "*")
        yield Need(action=action, resource=f"{_EC2}security-group/{group}", standing=state.tags.get(group, {}))
    for rule in parameters.get("SecurityGroupRuleIds", ()):
        yield Need(action=action, resource=f"{_EC2}security-group-rule/{rule}", standing=state.tags.get(rule, {}))
    if operation in kinds:
        made = f"{_EC2}{kinds[operation]}/*"
        yield Need(action=action, resource=made, request=tags)
        if tags:
            yield Need(action="ec2:CreateTags", resource=made, request=tags, more={"ec2:CreateAction": operation})


def _certificates(
    action: str, operation: str, parameters: dict[str, Any], state: world.World
) -> collections.abc.Iterator[Need]:
    arn = parameters.get("CertificateArn", f"arn:aws:acm:{world.REGION}:{world.ACCOUNT}:certificate/*")
    tags, standing = _tags(parameters.get("Tags")), state.tags.get(arn, {})
    yield Need(action=action, resource=arn, request=tags, standing=standing)
    if operation == "ImportCertificate" and tags:
        yield Need(action="acm:AddTagsToCertificate", resource=arn, request=tags, standing=standing)


def _tags(given: list[dict[str, str]] | None) -> dict[str, str]:
    return {one["Key"]: one.get("Value", "") for one in given or ()}
