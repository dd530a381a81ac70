"""What building needs to know of the account: the VPC, two subnets in two zones, ranges, quotas, what stands already.

`pipeline` calls `facts` between listing and building. Pure. Facts are sticky: the subnets of a standing load balancer
stay while they are valid, and a discovery that would now choose others is only a note. What cannot be found is
Unknown with the next step in its reason, never a guess. Subnets of a load balancer: docs.aws.amazon.com/
elasticloadbalancing/latest/application/application-load-balancers.html; their role tags:
docs.aws.amazon.com/eks/latest/userguide/network-load-balancing.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.provider import Facts, Inventory
from cloudgw.routing import ir
from cloudgw_aws import inventory as listing
from cloudgw_aws import names, parameters

# application/load-balancer-limits.html; the keys are those of API_DescribeAccountLimits.html
QUOTAS = {
    "rules-per-application-load-balancer": 100,
    "target-groups-per-application-load-balancer": 100,
    "certificates-per-application-load-balancer": 25,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Facts.values["network"]. standing: routes ("ns/name") and certificates that have something at AWS already;
    pools: logical ids of the target groups that stand."""

    vpc: str | Unknown
    subnets: tuple[str, ...] | Unknown
    ranges: tuple[str, ...] | Unknown
    rules: int = 100
    groups: int = 100
    certificates: int = 25
    standing: frozenset[str] = field(default_factory=frozenset)
    pools: frozenset[str] = field(default_factory=frozenset)


def facts(inventory: Inventory, routing: ir.Routing, wanted: parameters.AWSParameters) -> Facts:
    content = inventory.content
    notes: list[Note] = []
    vpc = _vpc(content, wanted)
    standing = _standing_subnets(content, _standing(inventory).balancers.get(routing.owner, ()), wanted)
    found = _subnets(content, vpc, wanted)
    subnets: tuple[str, ...] | Unknown = found
    if standing is not None and not wanted.subnets:
        subnets = standing
        if isinstance(found, tuple) and found != standing:
            message = (
                f"facts moved: discovery would now choose {', '.join(found)}; the load balancer stays in "
                f"{', '.join(standing)}; name them in subnets.ids to move it"
            )
            notes.append(Note(level="info", code="FactsMoved", message=message, origin=routing.origin))
    if isinstance(subnets, Unknown):
        notes.append(Note(level="error", code="SubnetsNotFound", message=subnets.reason, origin=routing.origin))
    limits = content.get("limits", {})
    quota = {key: int(limits.get(key, value)) for key, value in QUOTAS.items()}
    network = Network(
        vpc=vpc,
        subnets=subnets,
        ranges=_ranges(content, vpc),
        rules=quota["rules-per-application-load-balancer"],
        groups=quota["target-groups-per-application-load-balancer"],
        certificates=quota["certificates-per-application-load-balancer"],
        standing=_standing(inventory).routes.get(routing.owner, frozenset()),
        pools=_standing(inventory).pools.get(routing.owner, frozenset()),
    )
    return Facts(values={"network": network}, notes=tuple(notes))


def _vpc(content: Mapping[str, Any], wanted: parameters.AWSParameters) -> str | Unknown:
    if wanted.vpc:
        return wanted.vpc
    vpcs = {subnet["VpcId"] for subnet in content["subnets"] if subnet["SubnetId"] in wanted.subnets}
    if len(vpcs) == 1:
        return str(vpcs.pop())
    return Unknown(
        f"the subnets {', '.join(wanted.subnets)} lie in {len(vpcs)} VPCs that can be seen; "
        "name subnets of one VPC in subnets.ids, or the VPC in vpcId"
    )


def _ranges(content: Mapping[str, Any], vpc: str | Unknown) -> tuple[str, ...] | Unknown:
    for item in content["vpcs"]:
        if item["VpcId"] == vpc:
            blocks = [block["CidrBlock"] for block in item.get("CidrBlockAssociationSet", ())]
            return tuple(sorted(set(blocks) | {item["CidrBlock"]}))
    return Unknown(f"{vpc} cannot be seen; check vpcId, the region and the permission ec2:DescribeVpcs")


def _subnets(
    content: Mapping[str, Any], vpc: str | Unknown, wanted: parameters.AWSParameters
) -> tuple[str, ...] | Unknown:
    """Explicit ids, or one subnet of each zone by its role tag; in each zone the one with the lowest id."""
    if isinstance(vpc, Unknown):
        return vpc
    inside = {subnet["SubnetId"]: subnet for subnet in content["subnets"] if subnet["VpcId"] == vpc}
    if wanted.subnets:
        missing = [subnet for subnet in wanted.subnets if subnet not in inside]
        if missing:
            return Unknown(f"subnets {', '.join(missing)} cannot be seen in {vpc}; correct subnets.ids")
        zones = [inside[subnet]["AvailabilityZone"] for subnet in wanted.subnets]
        if len(set(zones)) < len(zones) or len(zones) < 2:
            return Unknown("subnets.ids must name one subnet in each of at least two Availability Zones")
        return wanted.subnets
    tag = listing.ROLE_TAGS[wanted.public]
    by_zone: dict[str, str] = {}
    for subnet in sorted(inside):
        tags = names.as_mapping(inside[subnet].get("Tags"))
        if tags.get(tag) in ("1", ""):
            by_zone.setdefault(inside[subnet]["AvailabilityZone"], subnet)
    if len(by_zone) < 2:
        return Unknown(
            f"{len(by_zone)} Availability Zones of {vpc} have a subnet with the tag {tag}, two are needed; "
            "tag subnets or name them in subnets.ids"
        )
    return tuple(sorted(by_zone.values()))


def _standing_subnets(
    content: Mapping[str, Any], balancers: Sequence[Mapping[str, Any]], wanted: parameters.AWSParameters
) -> tuple[str, ...] | None:
    """Subnets of this Gateway's load balancer, where all of them still exist in its VPC."""
    known = {subnet["SubnetId"]: subnet["VpcId"] for subnet in content["subnets"]}
    for item in balancers:
        if item["Scheme"] != wanted.scheme:
            continue
        subnets = tuple(sorted(zone["SubnetId"] for zone in item["AvailabilityZones"]))
        if all(known.get(subnet) == item["VpcId"] for subnet in subnets) and wanted.vpc in ("", item["VpcId"]):
            return subnets
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """By Gateway: its load balancers as listed; "namespace/name" of every route that has a rule; logical ids of its
    target groups."""

    balancers: Mapping[str, Sequence[Mapping[str, Any]]]
    routes: Mapping[str, frozenset[str]]
    pools: Mapping[str, frozenset[str]]


def _standing(inventory: Inventory) -> _Standing:
    """Worked out once for all Gateways of a listing."""
    found: _Standing | None = inventory.derived.get("standing")
    if found is None:
        found = inventory.derived["standing"] = _read_standing(inventory.content)
    return found


def _read_standing(content: Mapping[str, Any]) -> _Standing:
    balancers: dict[str, list[Mapping[str, Any]]] = {}
    for item in content["load_balancers"]:
        record = names.ours(content["tags"].get(item["LoadBalancerArn"], {}), content["owner"])
        if record is not None and model.short(record.address) == "load-balancer/lb":
            balancers.setdefault(model.owner_of(record.address), []).append(item)
    routes: dict[str, set[str]] = {}
    for rule in content["rules"]:
        record = names.ours(content["tags"].get(rule["RuleArn"], {}), content["owner"])
        parts = model.short(record.address).split("/") if record is not None else ()
        if record is not None and len(parts) >= 5:
            routes.setdefault(model.owner_of(record.address), set()).add(f"{parts[3]}/{parts[4]}")
    pools: dict[str, set[str]] = {}
    for group in content["target_groups"]:
        record = names.ours(content["tags"].get(group["TargetGroupArn"], {}), content["owner"])
        if record is not None:
            logical = model.short(record.address).partition("/")[2]
            pools.setdefault(model.owner_of(record.address), set()).add(logical)
    return _Standing(
        balancers=balancers,
        routes={owner: frozenset(named) for owner, named in routes.items()},
        pools={owner: frozenset(named) for owner, named in pools.items()},
    )
