"""Parameters, facts, and the AWS objects that a built graph would become, for the tests of this folder.

`render` gives an inventory's content for a desired graph: what describe calls would show after a perfect apply.
"""

from __future__ import annotations

from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Meta, Parameters, Unknown
from cloudgw.provider import Facts
from cloudgw_aws import facts, kinds, kinds_groups, names, parameters, shapes
from tests.unit.routings import CART, GATEWAY, PAY, backend, certificate, entry, forward, match, origin, routing, table

__all__ = [
    "CART",
    "GATEWAY",
    "PAY",
    "backend",
    "certificate",
    "entry",
    "forward",
    "match",
    "origin",
    "routing",
    "table",
]

OWNER = "dev"
VPC = "vpc-0a"
SUBNETS = ("subnet-0a", "subnet-0b")


def raw(**spec: Any) -> Parameters:
    return Parameters(
        meta=Meta(name="p"), kind=parameters.KIND, spec={"region": "eu-west-1", "vpcId": "vpc-0a", **spec}
    )


def wanted(**spec: Any) -> parameters.AWSParameters:
    return parameters.parse(raw(**spec))


def network(**more: Any) -> Facts:
    found = {"vpc": VPC, "subnets": SUBNETS, "ranges": ("10.0.0.0/16",), **more}
    return Facts(values={"network": facts.Network(**found)})


def bound(graph: model.Graph) -> dict[model.Address, tuple[str, model.Spec]]:
    """Address -> suffix and spec with bound references, as `diff` would for a first apply."""
    found: dict[model.Address, tuple[str, model.Spec]] = {}

    def name_of(reference: model.Ref) -> str:
        return settle(reference.to)[0]

    def settle(where: model.Address) -> tuple[str, model.Spec]:
        if where not in found:
            element = graph.elements[where][0]
            kind = kinds.KINDS[model.kind_of(where)]
            fixed = {n: model.bind(v, name_of) for n, v in element.fields.items() if n in kind.immutable}
            found[where] = (model.suffix_of(kind, fixed), {})
            whole = {n: model.bind(v, name_of) for n, v in element.fields.items()}
            found[where] = (found[where][0], whole)
        return found[where]

    for element in graph:
        if not isinstance(element.spec, Unknown):
            settle(element.address)
    return found


def render(graph: model.Graph, *, state: str = "healthy") -> dict[str, Any]:
    """The content of an inventory in which the graph stands."""
    specs = bound(graph)
    content: dict[str, Any] = {
        "owner": OWNER,
        "load_balancers": [],
        "listeners": [],
        "listener_certificates": {},
        "rules": [],
        "target_groups": [],
        "target_health": {},
        "target_group_attributes": {},
        "tags": {},
        "security_groups": [],
        "security_group_rules": [],
        "certificates": [],
        "vpcs": [{"VpcId": VPC, "CidrBlock": "10.0.0.0/16"}],
        "subnets": [
            {"SubnetId": subnet, "VpcId": VPC, "AvailabilityZone": f"eu-west-1{zone}"}
            for subnet, zone in zip(SUBNETS, "ab", strict=True)
        ],
        "limits": {},
    }
    for where in sorted(specs):
        suffix, spec = specs[where]
        tags = names.tags_of(OWNER, where, suffix, {})
        _RENDER[model.kind_of(where)](content, where, spec, tags)
    for number, address in enumerate(a for key in sorted(graph.order) for a in graph.order[key]):
        for rule in content["rules"]:
            if rule["RuleArn"] == arn(address):
                rule["Priority"] = str(100 + number)
    for health in content["target_health"].values():
        for item in health:
            item["TargetHealth"]["State"] = state
    return content


def arn(where: model.Address | model.Ref | None) -> str:
    """The cloud id that `render` gives to an address."""
    if isinstance(where, model.Ref):
        where = where.to
    return f"arn:aws:{where}"


def _security_group(content: dict[str, Any], where: str, spec: model.Spec, tags: dict[str, str]) -> None:
    found = names.as_list(tags | {names.SCHEME: spec["scheme"]})
    content["security_groups"].append({"GroupId": arn(where), "VpcId": spec["vpc"], "Tags": found})


def _security_group_rule(content: dict[str, Any], where: str, spec: model.Spec, tags: dict[str, str]) -> None:
    group, source = spec["group"], spec["source"]
    rule: dict[str, Any] = {
        "SecurityGroupRuleId": arn(where),
        "GroupId": arn(group) if isinstance(group, model.Ref) else group,
        "IpProtocol": spec["protocol"],
        "FromPort": spec["from_port"],
        "ToPort": spec["to_port"],
        "IsEgress": False,
        "Tags": names.as_list(tags | {names.PARENT: spec["load_balancer"].name}),
    }
    if isinstance(source, model.Ref):
        rule["ReferencedGroupInfo"] = {"GroupId": arn(source)}
    else:
        rule["CidrIpv4"] = source
    content["security_group_rules"].append(rule)


def _load_balancer(content: dict[str, Any], where: str, spec: model.Spec, tags: dict[str, str]) -> None:
    user = dict(spec["tags"])
    if user:
        user[names.TAG_KEYS] = " ".join(names.encode(key) for key in sorted(user))
    content["tags"][arn(where)] = tags | user
    content["load_balancers"].append(
        {
            "LoadBalancerArn": arn(where),
            "LoadBalancerName": "cgw-x",
            "DNSName": "x.elb.example",
            "Scheme": spec["scheme"],
            "VpcId": spec["vpc"],
            "State": {"Code": "active"},
            "AvailabilityZones": [{"SubnetId": subnet} for subnet in spec["subnets"]],
            "SecurityGroups": [arn(group) for group in spec["security_groups"]],
        }
    )


def _target_group(content: dict[str, Any], where: str, spec: model.Spec, tags: dict[str, str]) -> None:
    content["tags"][arn(where)] = tags | {names.PARENT: spec["load_balancer"].name}
    content["target_health"].setdefault(arn(where), [])
    content["target_groups"].append(
        {
            "TargetGroupArn": arn(where),
            "Protocol": spec["protocol"],
            "Port": spec["port"],
            "VpcId": spec["vpc"],
            "TargetType": spec["target_type"],
            "ProtocolVersion": spec["protocol_version"],
            "LoadBalancerArns": [arn(spec["load_balancer"])],
            **kinds_groups.health_parameters(spec["health_check"]),
        }
    )


def _targets(content: dict[str, Any], where: str, spec: model.Spec, tags: dict[str, str]) -> None:  # noqa: ARG001
    targets = () if isinstance(spec["targets"], Unknown) else spec["targets"]
    content["target_health"][arn(spec["group"])] = [
        {"Target": kinds_groups.address_of(target), "TargetHealth": {}} for target in targets
    ]


def _certificate(content: dict[str, Any], where: str, spec: model.Spec, tags: dict[str, str]) -> None:
    more = {names.FINGERPRINT: spec["fingerprint"], names.KEY_TYPE: spec["key_type"]}
    content["certificates"].append({"CertificateArn": arn(where), "Status": "ISSUED", "Tags": tags | more})


def _listener(content: dict[str, Any], where: str, spec: model.Spec, tags: dict[str, str]) -> None:
    content["tags"][arn(where)] = tags
    item: dict[str, Any] = {
        "ListenerArn": arn(where),
        "LoadBalancerArn": arn(spec["load_balancer"]),
        "Port": spec["port"],
        "Protocol": spec["protocol"],
        "DefaultActions": shapes.write_actions(spec["default"], arn),
    }
    if spec["protocol"] == "HTTPS":
        item["SslPolicy"] = spec["ssl_policy"]
        item["Certificates"] = [{"CertificateArn": arn(spec["certificate"])}]
        default = {"CertificateArn": arn(spec["certificate"]), "IsDefault": True}
        content["listener_certificates"].setdefault(arn(where), []).append(default)
    content["listeners"].append(item)


def _listener_certificate(content: dict[str, Any], where: str, spec: model.Spec, tags: dict[str, str]) -> None:  # noqa: ARG001
    extra = {"CertificateArn": arn(spec["certificate"]), "IsDefault": False}
    content["listener_certificates"].setdefault(arn(spec["listener"]), []).append(extra)


def _rule(content: dict[str, Any], where: str, spec: model.Spec, tags: dict[str, str]) -> None:
    content["tags"][arn(where)] = tags
    content["rules"].append(
        {
            "RuleArn": arn(where),
            "ListenerArn": arn(spec["listener"]),
            "Priority": "1",
            "IsDefault": False,
            "Conditions": shapes.write_conditions(spec["conditions"]),
            "Actions": shapes.write_actions(spec["action"], arn),
            "Transforms": shapes.write_transforms(spec["transforms"]),
        }
    )


_RENDER = {
    "security-group": _security_group,
    "security-group-rule": _security_group_rule,
    "load-balancer": _load_balancer,
    "target-group": _target_group,
    "targets": _targets,
    "certificate": _certificate,
    "listener": _listener,
    "listener-certificate": _listener_certificate,
    "rule": _rule,
}
