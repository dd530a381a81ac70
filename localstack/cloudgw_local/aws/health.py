"""When targets are healthy, and everything else in the load balancers that changes by time alone.

`server` settles the world around each call; `elbv2_groups` asks for the health of a target. A target is healthy only
while a security-group path from its load balancer to it exists. Facts: application/target-group-health-checks.html
(states and reasons), application/target-group-register-targets.html#target-security-groups. Times come from the
caller; nothing here may read a clock.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import ipaddress
from typing import Any

from cloudgw_local.aws import world

DESCRIPTIONS = {
    "Elb.RegistrationInProgress": "Target registration is in progress",
    "Elb.InitialHealthChecking": "Initial health checks in progress",
    "Target.NotInUse": "Target group is not configured to receive traffic from the load balancer",
    "Target.NotRegistered": "Target is not registered to the target group",
    "Target.Timeout": "Request timed out",
    "Target.FailedHealthChecks": "Health checks failed",
    "Target.DeregistrationInProgress": "Target deregistration is in progress",
    "Target.HealthCheckDisabled": "Health checks are not enabled for this target",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Health:
    state: str
    reason: str | None = None
    description: str | None = None

    def as_json(self) -> dict[str, str | None]:
        return {"State": self.state, "Reason": self.reason, "Description": self.description}


def groups_of(actions: collections.abc.Iterable[dict[str, Any]]) -> list[str]:
    """ARNs of the target groups that actions forward to, in order, without repeats."""
    found: dict[str, None] = {}
    for action in actions:
        for one in action.get("ForwardConfig", {}).get("TargetGroups", []):
            found[one["TargetGroupArn"]] = None
    return list(found)


def users(state: world.World) -> dict[str, list[str]]:
    """Target group ARN -> ARNs of the load balancers whose rules name it, matching or not, default rules included."""
    if state.users is not None:
        return state.users
    found: dict[str, dict[str, None]] = {}
    for rule in state.rules.values():
        balancer = state.listeners[rule.listener_arn].load_balancer_arn
        for group in groups_of(rule.actions):
            found.setdefault(group, {})[balancer] = None
    return {group: list(balancers) for group, balancers in found.items()}


def settle(state: world.World, now: float) -> None:
    """Drop what has finished draining or leaving."""
    for group in state.target_groups.values():
        if any(target.draining_until is not None and target.draining_until <= now for target in group.targets):
            group.targets = [one for one in group.targets if one.draining_until is None or one.draining_until > now]
    if state.leaving:
        state.leaving = [one for one in state.leaving if one.until > now]


def resettle(state: world.World, now: float) -> None:
    """After a write: also start and stop the health clocks of target groups. A write begins with `users` None."""
    state.users = None
    state.users = used = users(state)
    for group in state.target_groups.values():
        if group.arn not in used and group.attached_at is not None:
            group.attached_at, group.released_at = None, now
        elif group.arn in used and group.attached_at is None:
            group.attached_at = now
    settle(state, now)


def of(
    state: world.World, group: world.TargetGroup, target: world.Target, used: list[str], now: float, initial: float
) -> Health:
    """`used` are the load balancers of the group, `initial` the seconds a target stays initial."""
    if target.draining_until is not None:
        return _because("draining", "Target.DeregistrationInProgress")
    if not used or group.attached_at is None:
        return _because("unused", "Target.NotInUse")
    if not group.check["HealthCheckEnabled"]:
        return _because("unavailable", "Target.HealthCheckDisabled")
    balancer = state.load_balancers[used[0]]
    zone = zone_of(state, target.id)
    if zone is not None and zone not in {state.subnets[subnet].zone for subnet in balancer.subnets}:
        why = "Target is in an Availability Zone that is not enabled for the load balancer"
        return Health(state="unused", reason="Target.NotInUse", description=why)
    began = max(group.attached_at, target.registered_at)
    if now < max(began + initial / 2, balancer.active_at):
        return _because("initial", "Elb.RegistrationInProgress")
    if now < began + initial:
        return _because("initial", "Elb.InitialHealthChecking")
    override = state.health.get(f"{target.id}:{target.port}", state.health.get(target.id))
    if override is False:
        return _because("unhealthy", "Target.FailedHealthChecks")
    if override is None and not _reaches(state, balancer, group, target):
        return _because("unhealthy", "Target.Timeout")
    return Health(state="healthy")


def zone_of(state: world.World, address: str) -> str | None:
    """The zone of the subnet that an address is in, if it is an address and in one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    return next((one.zone for one in state.subnets.values() if ip in ipaddress.ip_network(one.cidr)), None)


def _because(state: str, reason: str) -> Health:
    return Health(state=state, reason=reason, description=DESCRIPTIONS[reason])


def _reaches(state: world.World, balancer: world.LoadBalancer, group: world.TargetGroup, target: world.Target) -> bool:
    """May the load balancer's nodes open a connection to the port that the health check uses?"""
    try:
        ip = ipaddress.ip_address(target.id)
    except ValueError:
        return True  # a load balancer or a function as target: no security group of ours is between
    if zone_of(state, target.id) is None and not any(
        ip in ipaddress.ip_network(vpc.cidr) for vpc in state.vpcs.values()
    ):
        return True  # outside the VPC, where no security group of this account guards it
    check_port = group.check["HealthCheckPort"]
    port = int(check_port) if check_port.isdecimal() else target.port
    carried = next((one.groups for one in state.interfaces.values() if one.ip == target.id), [world.PODS])
    opening = [
        rule
        for rule in state.security_rules.values()
        if rule.protocol == "-1" or (rule.protocol == "tcp" and rule.from_port <= port <= rule.to_port)
    ]
    inward = [rule for rule in opening if not rule.egress and rule.group_id in carried]
    by_group = any(rule.referenced in balancer.security_groups for rule in inward if rule.referenced)
    networks = [ipaddress.ip_network(state.subnets[one].cidr) for one in balancer.subnets]
    by_block = bool(networks) and all(
        any(rule.cidr4 and _within(network, rule.cidr4) for rule in inward) for network in networks
    )
    if not by_group and not by_block:
        return False
    if not balancer.security_groups:
        return True
    outward = [rule for rule in opening if rule.egress and rule.group_id in balancer.security_groups]
    return any(rule.referenced in carried or (rule.cidr4 and _within(ip, rule.cidr4)) for rule in outward)


def _within(inner: Any, block: str) -> bool:
    outer = ipaddress.ip_network(block)
    if isinstance(inner, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return inner.version == outer.version and inner in outer
    return bool(inner.version == outer.version and inner.subnet_of(outer))
