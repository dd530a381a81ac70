"""Load balancers, tags and account facts of Elastic Load Balancing v2. Called by `server`.

Facts: elasticloadbalancing/latest/APIReference (CreateLoadBalancer and DeleteLoadBalancer are idempotent, DescribeTags
takes 20 ARNs), application/load-balancer-limits.html, application/application-load-balancers.html (two zones, one
subnet each). Creating again with the same settings answers the existing load balancer and changes nothing.
"""

from __future__ import annotations

import collections.abc
from typing import Any

from cloudgw_local.aws import call, elbv2_attributes, elbv2_lookup, errors, world

POLICIES = (
    *("ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS-1-1-2017-01", "ELBSecurityPolicy-TLS-1-2-2017-01"),
    *("ELBSecurityPolicy-TLS-1-2-Ext-2018-06", "ELBSecurityPolicy-FS-2018-06", "ELBSecurityPolicy-FS-1-1-2019-08"),
    *(
        "ELBSecurityPolicy-FS-1-2-2019-08",
        "ELBSecurityPolicy-FS-1-2-Res-2019-08",
        "ELBSecurityPolicy-FS-1-2-Res-2020-10",
    ),
    *(
        "ELBSecurityPolicy-TLS13-1-0-2021-06",
        "ELBSecurityPolicy-TLS13-1-1-2021-06",
        "ELBSecurityPolicy-TLS13-1-2-2021-06",
    ),
    *("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06"),
    *("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", "ELBSecurityPolicy-TLS13-1-3-2021-06"),
    *("ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"),
)
LIMITS = {
    "application-load-balancers": 50,
    "listeners-per-application-load-balancer": 50,
    "rules-per-application-load-balancer": 100,
    "certificates-per-application-load-balancer": 25,
    "target-groups-per-application-load-balancer": 100,
    "target-groups-per-action-on-application-load-balancer": 5,
    "condition-values-per-alb-rule": 5,
    "condition-wildcards-per-alb-rule": 5,
    "targets-per-application-load-balancer": 1000,
    "targets-per-target-group": 1000,
    "target-groups": 3000,
    "network-load-balancers": 50,
    "listeners-per-network-load-balancer": 50,
}
Lookup = collections.abc.Callable[[call.Call, str], object]
_ZONE_IDS = {"application": "Z215JYRZR1TBD5", "network": "Z3F0SRJ5LGBH90"}  # eu-central-1, general/latest/gr/elb.html


def create_load_balancer(this: call.Call) -> dict[str, Any]:
    given = this.parameters
    name = elbv2_lookup.check_name(given["Name"], "Load balancer")
    kind = given.get("Type", "application")
    if kind == "gateway":
        raise errors.AwsError("OperationNotPermitted", "The local AWS has no Gateway Load Balancers")
    scheme = given.get("Scheme", "internet-facing")
    subnets, mappings = _subnets(this, kind, scheme)
    vpc_id = this.world.subnets[subnets[0]].vpc_id
    tags = call.tags_of(given.get("Tags"))
    made = world.LoadBalancer(
        arn="",
        name=name,
        type=kind,
        scheme=scheme,
        ip_address_type=_ip_address_type(given.get("IpAddressType", "ipv4"), kind, scheme),
        vpc_id=vpc_id,
        subnets=subnets,
        mappings=mappings,
        security_groups=_security_groups(this, given.get("SecurityGroups"), kind, vpc_id),
        dns_name="",
        created=this.now,
        active_at=this.now + float(this.settings["load_balancer_provisioning"]),
        attributes=elbv2_attributes.defaults(elbv2_attributes.BALANCERS[kind]),
    )
    existing = next((one for one in this.world.load_balancers.values() if one.name == name), None)
    if existing is not None:
        if _settings(existing) != _settings(made) or not elbv2_lookup.same_tags(this, existing.arn, tags):
            raise errors.AwsError(
                "DuplicateLoadBalancerName",
                f"A load balancer with the same name '{name}' exists, but with different settings",
            )
        return {"LoadBalancers": [_json(this, existing)]}
    if sum(one.type == kind for one in this.world.load_balancers.values()) >= _quota(this, kind):
        raise errors.AwsError("TooManyLoadBalancers", "You've reached the limit on the number of load balancers")
    unique = this.world.new_id("load-balancer", 16)
    path = {"application": "app", "network": "net"}[kind]
    made.arn = elbv2_lookup.arn(f"loadbalancer/{path}/{name}/{unique}")
    made.dns_name = _dns_name(made, unique)
    if kind == "network" and made.security_groups:
        made.enforce_on_private_link = "on"
    this.world.load_balancers[made.arn] = made
    this.world.tags[made.arn] = tags
    return {"LoadBalancers": [_json(this, made)]}


def _quota(this: call.Call, kind: str) -> int:
    return int(this.settings["load_balancer_quota"]) if kind == "application" else LIMITS[f"{kind}-load-balancers"]


def describe_load_balancers(this: call.Call) -> dict[str, Any]:
    arns, names = this.parameters.get("LoadBalancerArns") or [], this.parameters.get("Names") or []
    if len(arns) > 20 or len(names) > 20:
        raise errors.AwsError(
            "ValidationError", "At most 20 load balancers can be described by ARN or name in one call"
        )
    if arns and names:
        raise errors.AwsError("ValidationError", "Load balancer ARNs and names cannot be given together")
    found = list(this.world.load_balancers.values())
    if arns:
        found = [elbv2_lookup.load_balancer(this, arn) for arn in dict.fromkeys(arns)]
    elif names:
        by_name = {one.name: one for one in found}
        missing = [name for name in names if name not in by_name]
        if missing:
            raise errors.AwsError("LoadBalancerNotFound", f"Load balancers '{missing}' not found")
        found = [by_name[name] for name in dict.fromkeys(names)]
    shown, marker = elbv2_lookup.page(this, found, lambda one: one.arn)
    return {"LoadBalancers": [_json(this, one) for one in shown], "NextMarker": marker}


def delete_load_balancer(this: call.Call) -> dict[str, Any]:
    """Listeners and rules go with it, whoever made them; target groups stay; its interfaces stay for a while."""
    arn = elbv2_lookup.well_formed(this.parameters["LoadBalancerArn"], "loadbalancer", "load balancer")
    balancer = this.world.load_balancers.get(arn)
    if balancer is None:
        return {}
    if balancer.attributes["deletion_protection.enabled"] == "true":
        raise errors.AwsError(
            "OperationNotPermitted", f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        )
    if any(target.id == arn for group in this.world.target_groups.values() for target in group.targets):
        raise errors.AwsError("ResourceInUse", f"Load balancer '{arn}' is currently in use as a target")
    for listener in this.world.listeners_of(arn):
        drop_listener(this.world, listener.arn)
    lag = float(this.settings["load_balancer_release"])
    if balancer.security_groups and lag > 0:
        this.world.leaving.append(
            world.Leaving(load_balancer_arn=arn, security_groups=balancer.security_groups, until=this.now + lag)
        )
    del this.world.load_balancers[arn]
    this.world.tags.pop(arn, None)
    return {}


def drop_listener(state: world.World, arn: str) -> None:
    for rule in state.rules_of(arn):
        del state.rules[rule.arn]
        state.tags.pop(rule.arn, None)
    del state.listeners[arn]
    state.tags.pop(arn, None)


def set_subnets(this: call.Call) -> dict[str, Any]:
    balancer = elbv2_lookup.load_balancer(this)
    subnets, mappings = _subnets(this, balancer.type, balancer.scheme)
    if this.world.subnets[subnets[0]].vpc_id != balancer.vpc_id:
        raise errors.AwsError("InvalidSubnet", "The subnets are not in the VPC of the load balancer")
    if balancer.type == "network" and not set(balancer.subnets) <= set(subnets):
        raise errors.AwsError("InvalidConfigurationRequest", "Subnets of this Network Load Balancer cannot be removed")
    if this.parameters.get("IpAddressType"):
        balancer.ip_address_type = _ip_address_type(this.parameters["IpAddressType"], balancer.type, balancer.scheme)
    balancer.subnets, balancer.mappings = subnets, mappings
    return {"AvailabilityZones": _zones(this, balancer), "IpAddressType": balancer.ip_address_type}


def set_security_groups(this: call.Call) -> dict[str, Any]:
    balancer = elbv2_lookup.load_balancer(this)
    if balancer.type == "network" and not balancer.security_groups:
        raise errors.AwsError(
            "InvalidConfigurationRequest", "Security groups can be set only if the load balancer was created with some"
        )
    asked = this.parameters["SecurityGroups"]
    if not asked:
        raise errors.AwsError("InvalidConfigurationRequest", "At least one security group must be specified")
    balancer.security_groups = _security_groups(this, asked, balancer.type, balancer.vpc_id)
    answer: dict[str, Any] = {"SecurityGroupIds": balancer.security_groups}
    if balancer.type == "network":
        flag = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"
        balancer.enforce_on_private_link = this.parameters.get(flag, balancer.enforce_on_private_link)
        answer[flag] = balancer.enforce_on_private_link
    return answer


def set_ip_address_type(this: call.Call) -> dict[str, Any]:
    balancer = elbv2_lookup.load_balancer(this)
    balancer.ip_address_type = _ip_address_type(this.parameters["IpAddressType"], balancer.type, balancer.scheme)
    return {"IpAddressType": balancer.ip_address_type}


def describe_load_balancer_attributes(this: call.Call) -> dict[str, Any]:
    return {"Attributes": elbv2_attributes.attribute_list(elbv2_lookup.load_balancer(this).attributes)}


def modify_load_balancer_attributes(this: call.Call) -> dict[str, Any]:
    balancer = elbv2_lookup.load_balancer(this)
    specs = elbv2_attributes.BALANCERS[balancer.type]
    attributes = elbv2_attributes.changed(balancer.attributes, this.parameters["Attributes"], specs)
    addresses = "secondary_ips.auto_assigned.per_subnet"
    if int(attributes.get(addresses, "0")) < int(balancer.attributes.get(addresses, "0")):
        raise errors.AwsError("InvalidConfigurationRequest", f"'{addresses}' cannot decrease")
    balancer.attributes = attributes
    return {"Attributes": elbv2_attributes.attribute_list(attributes)}


def add_tags(this: call.Call) -> dict[str, Any]:
    given = call.tags_of(this.parameters["Tags"])
    resources = [_taggable(this, arn) for arn in this.parameters["ResourceArns"]]
    for arn in resources:
        if len({*this.world.tags.get(arn, {}), *given}) > 50:
            raise errors.AwsError("TooManyTags", f"Resource '{arn}' can have at most 50 tags")
    for arn in resources:
        this.world.tags.setdefault(arn, {}).update(given)
    return {}


def remove_tags(this: call.Call) -> dict[str, Any]:
    for arn in [_taggable(this, arn) for arn in this.parameters["ResourceArns"]]:
        for key in this.parameters["TagKeys"]:
            this.world.tags.get(arn, {}).pop(key, None)
    return {}


def describe_tags(this: call.Call) -> dict[str, Any]:
    arns = this.parameters["ResourceArns"]
    if not 1 <= len(arns) <= 20:
        raise errors.AwsError(
            "ValidationError", f"Tags of 1 to 20 resources can be described in one call, not {len(arns)}"
        )
    return {
        "TagDescriptions": [
            {"ResourceArn": arn, "Tags": call.tag_list(this.world.tags.get(_taggable(this, arn), {}))}
            for arn in dict.fromkeys(arns)
        ]
    }


def describe_account_limits(this: call.Call) -> dict[str, Any]:
    shown, marker = elbv2_lookup.page(this, list(LIMITS), str)
    limits = {**LIMITS, "application-load-balancers": _quota(this, "application")}
    return {"Limits": [{"Name": name, "Max": str(limits[name])} for name in shown], "NextMarker": marker}


def describe_ssl_policies(this: call.Call) -> dict[str, Any]:
    names = this.parameters.get("Names") or list(POLICIES)
    for name in names:
        if name not in POLICIES:
            raise errors.AwsError("SSLPolicyNotFound", f"SSL policy '{name}' not found")
    shown, marker = elbv2_lookup.page(this, names, str)
    policies = [
        {
            "Name": name,
            "SslProtocols": _protocols(name),
            "Ciphers": [{"Name": "ECDHE-RSA-AES128-GCM-SHA256", "Priority": 1}],
            "SupportedLoadBalancerTypes": ["application", "network"],
        }
        for name in shown
    ]
    return {"SslPolicies": policies, "NextMarker": marker}


def _protocols(policy: str) -> list[str]:
    newest = ["TLSv1.3"] if "TLS13" in policy else []
    if "TLS13-1-3" in policy:
        return newest
    oldest = 2 if "-1-2-" in policy else 1 if "-1-1-" in policy else 0
    return [*newest, *["TLSv1.2", "TLSv1.1", "TLSv1"][: 3 - oldest]]


def _taggable(this: call.Call, arn: str) -> str:
    kind = arn.partition(f"{world.ACCOUNT}:")[2].partition("/")[0]
    lookups: dict[str, Lookup] = {
        "loadbalancer": elbv2_lookup.load_balancer,
        "listener": elbv2_lookup.listener,
        "listener-rule": elbv2_lookup.rule,
        "targetgroup": elbv2_lookup.target_group,
    }
    if kind not in lookups:
        raise errors.AwsError("ValidationError", f"'{arn}' is not a valid resource ARN")
    lookups[kind](this, arn)
    return arn


def _subnets(this: call.Call, kind: str, scheme: str) -> tuple[list[str], dict[str, Any]]:
    """Subnet ids in zone order, and the mappings that had more than a subnet id."""
    given = this.parameters
    if bool(given.get("Subnets")) == bool(given.get("SubnetMappings")):
        raise errors.AwsError("ValidationError", "Specify either subnets or subnet mappings")
    mappings = {one.get("SubnetId", ""): one for one in given.get("SubnetMappings") or []}
    ids: list[str] = list(given.get("Subnets") or mappings)
    missing = [one for one in ids if one not in this.world.subnets]
    if missing:
        raise errors.AwsError("SubnetNotFound", f"The subnet ID '{missing[0]}' does not exist")
    subnets = [this.world.subnets[one] for one in ids]
    if len({one.vpc_id for one in subnets}) > 1:
        raise errors.AwsError("InvalidConfigurationRequest", "All subnets must belong to the same VPC")
    zones = [one.zone for one in subnets]
    if len(set(zones)) < len(zones):
        raise errors.AwsError(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    if kind == "application" and len(zones) < 2:
        raise errors.AwsError(
            "ValidationError", "At least two subnets in two different Availability Zones must be specified"
        )
    for one in subnets:
        if kind == "application" and one.free_addresses < 8:
            raise errors.AwsError(
                "InvalidSubnet", f"Not enough IP space available in {one.id}. ELB requires at least 8 free"
            )
        if scheme == "internet-facing" and not _public(this, one):
            raise errors.AwsError(
                "InvalidSubnet", f"VPC {one.vpc_id} has no internet gateway route for subnet {one.id}"
            )
    subnets.sort(key=lambda one: one.zone)
    return [one.id for one in subnets], {key: value for key, value in sorted(mappings.items()) if len(value) > 1}


def _public(this: call.Call, subnet: world.Subnet) -> bool:
    tables = [one for one in this.world.route_tables.values() if one.vpc_id == subnet.vpc_id]
    own = [one for one in tables if subnet.id in one.subnets] or [one for one in tables if one.main]
    return any(gateway.startswith("igw-") for one in own for gateway in one.routes.values())


def _security_groups(this: call.Call, given: list[str] | None, kind: str, vpc_id: str) -> list[str]:
    if not given:
        if kind == "network":
            return []
        return [one.id for one in this.world.security_groups.values() if (one.vpc_id, one.name) == (vpc_id, "default")]
    for one in given:
        group = this.world.security_groups.get(one)
        if group is None:
            raise errors.AwsError("InvalidSecurityGroup", f"Security group '{one}' does not exist")
        if group.vpc_id != vpc_id:
            raise errors.AwsError("InvalidConfigurationRequest", f"Security group '{one}' is not in VPC '{vpc_id}'")
    if len(given) > 5:
        raise errors.AwsError("InvalidConfigurationRequest", "A load balancer can have at most 5 security groups")
    return list(dict.fromkeys(given))


def _ip_address_type(given: str, kind: str, scheme: str) -> str:
    """The start world's subnets have no IPv6 blocks, so dual-stack types are refused as AWS refuses them there."""
    if given == "dualstack-without-public-ipv4" and (kind != "application" or scheme != "internet-facing"):
        raise errors.AwsError(
            "InvalidConfigurationRequest", f"'{given}' needs an internet-facing Application Load Balancer"
        )
    if given != "ipv4":
        raise errors.AwsError("InvalidSubnet", f"IP address type '{given}' needs subnets with IPv6 CIDR blocks")
    return given


def _settings(one: world.LoadBalancer) -> tuple[Any, ...]:
    return one.type, one.scheme, one.ip_address_type, one.subnets, one.mappings, sorted(one.security_groups)


def _dns_name(one: world.LoadBalancer, unique: str) -> str:
    inner = "internal-" if one.scheme == "internal" and one.type == "application" else ""
    if one.type == "network":
        return f"{one.name}-{unique}.elb.{world.REGION}.amazonaws.com"
    return f"{inner}{one.name}-{int(unique[:8], 16) % 10**10}.{world.REGION}.elb.amazonaws.com"


def _zones(this: call.Call, one: world.LoadBalancer) -> list[dict[str, Any]]:
    return [
        {
            "ZoneName": this.world.subnets[subnet].zone,
            "SubnetId": subnet,
            "LoadBalancerAddresses": [
                {
                    name: value
                    for name, value in one.mappings.get(subnet, {}).items()
                    if name in ("AllocationId", "PrivateIPv4Address")
                }
            ]
            if subnet in one.mappings
            else [],
        }
        for subnet in one.subnets
    ]


def _json(this: call.Call, one: world.LoadBalancer) -> dict[str, Any]:
    return {
        "LoadBalancerArn": one.arn,
        "DNSName": one.dns_name,
        "CanonicalHostedZoneId": _ZONE_IDS[one.type],
        "CreatedTime": one.created,
        "LoadBalancerName": one.name,
        "Scheme": one.scheme,
        "VpcId": one.vpc_id,
        "State": {"Code": "active" if this.now >= one.active_at else "provisioning"},
        "Type": one.type,
        "AvailabilityZones": _zones(this, one),
        "SecurityGroups": one.security_groups or None,
        "IpAddressType": one.ip_address_type,
        "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": one.enforce_on_private_link,
    }


OPERATIONS: dict[str, call.Operation] = {
    "CreateLoadBalancer": create_load_balancer,
    "DescribeLoadBalancers": describe_load_balancers,
    "DeleteLoadBalancer": delete_load_balancer,
    "SetSubnets": set_subnets,
    "SetSecurityGroups": set_security_groups,
    "SetIpAddressType": set_ip_address_type,
    "DescribeLoadBalancerAttributes": describe_load_balancer_attributes,
    "ModifyLoadBalancerAttributes": modify_load_balancer_attributes,
    "AddTags": add_tags,
    "RemoveTags": remove_tags,
    "DescribeTags": describe_tags,
    "DescribeAccountLimits": describe_account_limits,
    "DescribeSSLPolicies": describe_ssl_policies,
}
