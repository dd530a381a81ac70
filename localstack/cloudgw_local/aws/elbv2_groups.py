"""Target groups and their targets. Called by `server`; health itself is `health`'s.

Facts: elasticloadbalancing/latest/APIReference (CreateTargetGroup, RegisterTargets, DescribeTargetHealth),
application/load-balancer-target-groups.html, application/load-balancer-limits.html. A target is an (id, port) pair:
the same address on two ports is two targets.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from cloudgw_local.aws import call, elbv2_attributes, elbv2_lookup, errors, health, world

_CHECKS = (
    *("HealthCheckProtocol", "HealthCheckPort", "HealthCheckEnabled", "HealthCheckPath", "HealthCheckIntervalSeconds"),
    *("HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount", "Matcher"),
)
_OUTSIDE = [ipaddress.ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]


def create_target_group(this: call.Call) -> dict[str, Any]:
    given = this.parameters
    name = elbv2_lookup.check_name(given["Name"], "Target group")
    kind = given.get("TargetType", "instance")
    tags = call.tags_of(given.get("Tags"))
    group = world.TargetGroup(
        arn=elbv2_lookup.arn(f"targetgroup/{name}/{this.world.new_id('target-group', 16)}"),
        name=name,
        target_type=kind,
        protocol=given.get("Protocol"),
        protocol_version=None,
        port=given.get("Port"),
        vpc_id=given.get("VpcId"),
        ip_address_type=given.get("IpAddressType", "ipv4"),
        check={},
        attributes={},
        control_port=given.get("TargetControlPort"),
    )
    if kind == "lambda":
        if group.protocol or group.port or group.vpc_id:
            raise errors.AwsError("ValidationError", "A lambda target group has no protocol, port or VPC")
    else:
        if not group.protocol or not group.port:
            raise errors.AwsError("ValidationError", "A protocol and a port must be specified")
        if not group.vpc_id:
            raise errors.AwsError("ValidationError", "A VPC ID must be specified")
        if group.vpc_id not in this.world.vpcs:
            raise errors.AwsError("ValidationError", f"The VPC ID '{group.vpc_id}' is not found")
        if kind == "alb" and group.protocol != "TCP":
            raise errors.AwsError("InvalidConfigurationRequest", "A target group of type alb has protocol TCP")
    group.protocol_version = _protocol_version(given.get("ProtocolVersion"), group)
    group.check = _check(given, _default_check(group), group)
    family = _family(group)
    group.attributes = elbv2_attributes.defaults(elbv2_attributes.GROUPS[family])
    if family == "network" and (kind == "instance" or group.protocol in ("UDP", "TCP_UDP")):
        group.attributes["preserve_client_ip.enabled"] = "true"
    existing = next((one for one in this.world.target_groups.values() if one.name == name), None)
    if existing is not None:
        same = _settings(existing) == _settings(group) and elbv2_lookup.same_tags(this, existing.arn, tags)
        if not same:
            raise errors.AwsError(
                "DuplicateTargetGroupName",
                f"A target group with the same name '{name}' exists, but with different settings",
            )
        return {"TargetGroups": [_json(existing, health.users(this.world))]}
    if len(this.world.target_groups) >= 3000:
        raise errors.AwsError("TooManyTargetGroups", "You've reached the limit on the number of target groups.")
    this.world.target_groups[group.arn] = group
    this.world.tags[group.arn] = tags
    return {"TargetGroups": [_json(group, {})]}


def modify_target_group(this: call.Call) -> dict[str, Any]:
    group = elbv2_lookup.target_group(this)
    group.check = _check(this.parameters, group.check, group)
    return {"TargetGroups": [_json(group, health.users(this.world))]}


def delete_target_group(this: call.Call) -> dict[str, Any]:
    """Deleting one that does not exist succeeds: the model lists no error for it."""
    arn = elbv2_lookup.well_formed(this.parameters["TargetGroupArn"], "targetgroup", "target group")
    group = this.world.target_groups.get(arn)
    lag = float(this.settings["target_group_release"])
    held = group is not None and group.released_at is not None and this.now < group.released_at + lag
    if arn in health.users(this.world) or held:
        raise errors.AwsError("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")
    if any(target.id == arn for one in this.world.target_groups.values() for target in one.targets):
        raise errors.AwsError("ResourceInUse", f"Target group '{arn}' is currently in use")
    this.world.target_groups.pop(arn, None)
    this.world.tags.pop(arn, None)
    return {}


def describe_target_groups(this: call.Call) -> dict[str, Any]:
    given = this.parameters
    groups = this.world.target_groups
    if sum(bool(given.get(name)) for name in ("TargetGroupArns", "Names", "LoadBalancerArn")) > 1:
        raise errors.AwsError("ValidationError", "Target group ARNs, names and a load balancer ARN exclude each other")
    used = health.users(this.world)
    found = list(groups.values())
    if given.get("LoadBalancerArn"):
        balancer = elbv2_lookup.load_balancer(this)
        found = [one for one in found if balancer.arn in used.get(one.arn, [])]
    elif given.get("TargetGroupArns"):
        found = [elbv2_lookup.target_group(this, arn) for arn in dict.fromkeys(given["TargetGroupArns"])]
    elif given.get("Names"):
        by_name = {one.name: one for one in found}
        missing = [name for name in given["Names"] if name not in by_name]
        if missing:
            raise errors.AwsError("TargetGroupNotFound", f"One or more target groups not found: {missing}")
        found = [by_name[name] for name in dict.fromkeys(given["Names"])]
    shown, marker = elbv2_lookup.page(this, found, lambda one: one.arn)
    return {"TargetGroups": [_json(one, used) for one in shown], "NextMarker": marker}


def describe_target_group_attributes(this: call.Call) -> dict[str, Any]:
    return {"Attributes": elbv2_attributes.attribute_list(elbv2_lookup.target_group(this).attributes)}


def modify_target_group_attributes(this: call.Call) -> dict[str, Any]:
    group = elbv2_lookup.target_group(this)
    specs = elbv2_attributes.GROUPS[_family(group)]
    attributes = elbv2_attributes.changed(group.attributes, this.parameters["Attributes"], specs)
    if _family(group) == "application":
        elbv2_attributes.check_group(attributes)
    group.attributes = attributes
    return {"Attributes": elbv2_attributes.attribute_list(attributes)}


def register_targets(this: call.Call) -> dict[str, Any]:
    """Registering a registered target changes nothing; a draining one comes back."""
    group = elbv2_lookup.target_group(this)
    asked = [_target(this, group, one) for one in this.parameters["Targets"]]
    held = {(one.id, one.port): one for one in group.targets}
    fresh = {(one.id, one.port): one for one in asked if (one.id, one.port) not in held}
    living = sum(one.draining_until is None for one in group.targets)
    if living + len(fresh) > 1000:
        raise errors.AwsError("TooManyTargets", "You've reached the limit on the number of targets.")
    for one in asked:
        known = held.get((one.id, one.port))
        if known is not None and known.draining_until is not None:
            known.draining_until, known.registered_at = None, this.now
    group.targets.extend(fresh.values())
    return {}


def deregister_targets(this: call.Call) -> dict[str, Any]:
    """Without a port every port of the address goes. Targets of a group in use drain, others are gone at once."""
    group = elbv2_lookup.target_group(this)
    doomed: list[world.Target] = []
    for one in this.parameters["Targets"]:
        matching = [held for held in group.targets if held.id == one["Id"] and one.get("Port", held.port) == held.port]
        if not matching:
            raise errors.AwsError(
                "InvalidTarget",
                f"The following targets are not registered: '{one['Id']}:{one.get('Port', group.port)}'",
            )
        doomed.extend(matching)
    delay = float(group.attributes.get("deregistration_delay.timeout_seconds", "0"))
    for target in doomed:
        if group.attached_at is None:
            group.targets = [held for held in group.targets if held is not target]
        elif target.draining_until is None:
            target.draining_until = this.now + delay
    return {}


def describe_target_health(this: call.Call) -> dict[str, Any]:
    group = elbv2_lookup.target_group(this)
    used = health.users(this.world).get(group.arn, [])
    initial = float(this.settings["target_initial"])
    asked = this.parameters.get("Targets")
    described = []
    if asked is None:
        for target in sorted(group.targets, key=lambda one: (one.id, one.port)):
            state = health.of(this.world, group, target, used, this.now, initial)
            described.append(_health_json(this, group, target.id, target.port, target.zone, state))
    for one in asked or []:
        port = one.get("Port", group.port)
        held = next((held for held in group.targets if (held.id, held.port) == (one["Id"], port)), None)
        if held is not None:
            state = health.of(this.world, group, held, used, this.now, initial)
        else:
            why = health.DESCRIPTIONS["Target.NotRegistered"]
            state = health.Health(state="unused", reason="Target.NotRegistered", description=why)
        described.append(_health_json(this, group, one["Id"], port, held.zone if held else None, state))
    return {"TargetHealthDescriptions": described}


def _health_json(
    this: call.Call, group: world.TargetGroup, address: str, port: int, zone: str | None, state: health.Health
) -> dict[str, Any]:
    check_port = group.check["HealthCheckPort"]
    target: dict[str, Any] = {"Id": address, "Port": port}
    where = zone or health.zone_of(this.world, address)
    if where:
        target["AvailabilityZone"] = where
    return {
        "Target": target,
        "HealthCheckPort": str(port) if check_port == "traffic-port" else check_port,
        "TargetHealth": state.as_json(),
    }


def _target(this: call.Call, group: world.TargetGroup, given: dict[str, Any]) -> world.Target:
    address, port, zone = given["Id"], given.get("Port", group.port), given.get("AvailabilityZone")
    if group.target_type == "ip":
        _check_address(this, group, address, zone)
    elif group.target_type == "alb":
        balancer = this.world.load_balancers.get(address)
        if balancer is None or balancer.type != "application":
            raise errors.AwsError("InvalidTarget", f"'{address}' is not an Application Load Balancer")
        if all(one.port != port for one in this.world.listeners_of(address)):
            raise errors.AwsError("InvalidTarget", f"Load balancer '{address}' has no listener on port {port}")
    elif group.target_type == "instance":
        raise errors.AwsError(
            "InvalidTarget", f"The following targets are not in a running state or do not exist: '{address}'"
        )
    return world.Target(id=address, port=port or 0, zone=zone, registered_at=this.now)


def _check_address(this: call.Call, group: world.TargetGroup, address: str, zone: str | None) -> None:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        raise errors.AwsError("InvalidTarget", f"The IP address '{address}' is not a valid IP address") from None
    if (ip.version == 6) != (group.ip_address_type == "ipv6"):
        raise errors.AwsError("InvalidTarget", f"The IP address '{address}' is not {group.ip_address_type}")
    if ip.version == 6:
        return
    inside = ip in ipaddress.ip_network(this.world.vpcs[group.vpc_id or ""].cidr)
    if inside and zone == "all":
        raise errors.AwsError("InvalidTarget", f"The IP address '{address}' is in the VPC: its zone cannot be 'all'")
    if not inside and (zone != "all" or not any(ip in network for network in _OUTSIDE)):
        raise errors.AwsError("InvalidTarget", f"The IP address '{address}' is not within the VPC of the target group")


def _protocol_version(given: str | None, group: world.TargetGroup) -> str | None:
    if group.protocol not in ("HTTP", "HTTPS"):
        if given is not None:
            raise errors.AwsError("ValidationError", "A protocol version needs protocol HTTP or HTTPS")
        return None
    if given not in (None, "HTTP1", "HTTP2", "GRPC"):
        raise errors.AwsError("ValidationError", f"Protocol version '{given}' must be one of 'HTTP1, HTTP2, GRPC'")
    return given or "HTTP1"


def _default_check(group: world.TargetGroup) -> dict[str, Any]:
    if group.target_type == "lambda":
        check = {"HealthCheckEnabled": False, "HealthCheckIntervalSeconds": 35, "HealthCheckTimeoutSeconds": 30}
        return {
            **check,
            "HealthyThresholdCount": 5,
            "UnhealthyThresholdCount": 2,
            "HealthCheckPath": "/",
            "HealthCheckPort": "",
        }
    application = group.protocol in ("HTTP", "HTTPS")
    return {
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": "HTTP" if application or group.target_type == "alb" else "TCP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 5 if application else 10,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
    }


def _check(given: dict[str, Any], held: dict[str, Any], group: world.TargetGroup) -> dict[str, Any]:
    """Health check settings after a change; path and matcher exist only for HTTP and HTTPS checks."""
    check = {**held, **{name: given[name] for name in _CHECKS if given.get(name) is not None}}
    if not check["HealthCheckEnabled"] and group.target_type in ("instance", "ip"):
        raise errors.AwsError(
            "ValidationError", f"Health checks cannot be disabled for target type '{group.target_type}'"
        )
    web = check.get("HealthCheckProtocol") in ("HTTP", "HTTPS") or group.target_type == "lambda"
    if not web and group.protocol in ("HTTP", "HTTPS"):
        raise errors.AwsError("ValidationError", "Health check protocol must be HTTP or HTTPS for this target group")
    if check.get("HealthCheckProtocol") in ("TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC", "GENEVE"):
        raise errors.AwsError("ValidationError", "Health check protocol must be one of 'HTTP, HTTPS, TCP'")
    port = check["HealthCheckPort"]
    if port and port != "traffic-port" and not (re.fullmatch(r"\d{1,5}", port) and 1 <= int(port) <= 65535):
        raise errors.AwsError("ValidationError", f"Health check port '{port}' is not valid")
    if check["HealthCheckTimeoutSeconds"] >= check["HealthCheckIntervalSeconds"]:
        raise errors.AwsError("ValidationError", "Health check timeout must be smaller than the interval")
    if not web:
        if given.get("HealthCheckPath") or given.get("Matcher"):
            raise errors.AwsError("ValidationError", "Path and matcher need a health check protocol of HTTP or HTTPS")
        return {name: value for name, value in check.items() if name not in ("HealthCheckPath", "Matcher")}
    grpc = group.protocol_version == "GRPC"
    check.setdefault("HealthCheckPath", "/AWS.ALB/healthcheck" if grpc else "/")
    if not check["HealthCheckPath"].startswith("/"):
        raise errors.AwsError("ValidationError", "Health check path must start with '/'")
    network = group.protocol not in ("HTTP", "HTTPS") and group.target_type != "lambda"
    check.setdefault("Matcher", {"GrpcCode": "12"} if grpc else {"HttpCode": "200-399" if network else "200"})
    _check_matcher(check["Matcher"], grpc, 599 if network else 499)
    return check


def _check_matcher(matcher: dict[str, str], grpc: bool, highest: int) -> None:
    own, low, high = ("GrpcCode", 0, 99) if grpc else ("HttpCode", 200, highest)
    codes = [part for piece in matcher.get(own, "x").split(",") for part in piece.split("-")]
    if set(matcher) != {own} or not all(code.isdecimal() and low <= int(code) <= high for code in codes):
        raise errors.AwsError("ValidationError", f"The matcher must be a {own} between {low} and {high}")


def _family(group: world.TargetGroup) -> str:
    if group.target_type == "lambda":
        return "lambda"
    return "application" if group.protocol in ("HTTP", "HTTPS") else "network"


def _settings(group: world.TargetGroup) -> tuple[Any, ...]:
    return (
        *(group.target_type, group.protocol, group.protocol_version, group.port, group.vpc_id, group.ip_address_type),
        *(group.check, group.control_port),
    )


def _json(group: world.TargetGroup, used: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": group.protocol,
        "Port": group.port,
        "VpcId": group.vpc_id,
        "TargetType": group.target_type,
        "ProtocolVersion": group.protocol_version,
        "IpAddressType": group.ip_address_type,
        "TargetControlPort": group.control_port,
        "LoadBalancerArns": used.get(group.arn, []),
        **{name: value for name, value in group.check.items() if value != ""},
    }


OPERATIONS: dict[str, call.Operation] = {
    "CreateTargetGroup": create_target_group,
    "ModifyTargetGroup": modify_target_group,
    "DeleteTargetGroup": delete_target_group,
    "DescribeTargetGroups": describe_target_groups,
    "DescribeTargetGroupAttributes": describe_target_group_attributes,
    "ModifyTargetGroupAttributes": modify_target_group_attributes,
    "RegisterTargets": register_targets,
    "DeregisterTargets": deregister_targets,
    "DescribeTargetHealth": describe_target_health,
}
