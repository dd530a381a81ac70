"""What the elbv2 operations share: ARNs, names, finding what a call names, pages.

Errors are those of the botocore elbv2 model: an ARN that is not one at all is a ValidationError, one that names nothing
is the resource's NotFound. It must never change the world.
"""

from __future__ import annotations

import collections.abc
import re
from typing import Any

from cloudgw_local.aws import call, errors, world

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
_PREFIX = f"arn:aws:elasticloadbalancing:{world.REGION}:{world.ACCOUNT}:"


def arn(resource: str) -> str:
    return _PREFIX + resource


def check_name(name: str, what: str) -> str:
    """API_CreateLoadBalancer: at most 32 of A-Z a-z 0-9 and '-', no '-' at an end, not internal-*."""
    if not _NAME.fullmatch(name):
        raise errors.AwsError(
            "ValidationError",
            f"{what} name '{name}' must be at most 32 letters, digits and hyphens, with none at an end",
        )
    if name.startswith("internal-"):
        raise errors.AwsError("ValidationError", f"{what} name '{name}' cannot begin with 'internal-'")
    return name


def well_formed(given: str, kind: str, words: str) -> str:
    if not given.startswith(f"{_PREFIX}{kind}/"):
        raise errors.AwsError("ValidationError", f"'{given}' is not a valid {words} ARN")
    return given


def load_balancer(this: call.Call, given: str | None = None) -> world.LoadBalancer:
    one = well_formed(given or this.parameters["LoadBalancerArn"], "loadbalancer", "load balancer")
    if one not in this.world.load_balancers:
        raise errors.AwsError("LoadBalancerNotFound", f"Load balancer '{one}' not found")
    return this.world.load_balancers[one]


def listener(this: call.Call, given: str | None = None) -> world.Listener:
    one = well_formed(given or this.parameters["ListenerArn"], "listener", "listener")
    if one not in this.world.listeners:
        raise errors.AwsError("ListenerNotFound", f"One or more listeners not found: {one}")
    return this.world.listeners[one]


def rule(this: call.Call, given: str | None = None) -> world.Rule:
    one = well_formed(given or this.parameters["RuleArn"], "listener-rule", "listener rule")
    if one not in this.world.rules:
        raise errors.AwsError("RuleNotFound", f"One or more rules not found: {one}")
    return this.world.rules[one]


def target_group(this: call.Call, given: str | None = None) -> world.TargetGroup:
    one = well_formed(given or this.parameters["TargetGroupArn"], "targetgroup", "target group")
    if one not in this.world.target_groups:
        raise errors.AwsError("TargetGroupNotFound", f"One or more target groups not found: {one}")
    return this.world.target_groups[one]


def page(
    this: call.Call, items: list[Any], order: collections.abc.Callable[[Any], str]
) -> tuple[list[Any], str | None]:
    return call.page(
        this, items, order=order, token=this.parameters.get("Marker", ""), size=this.parameters.get("PageSize")
    )


def same_tags(this: call.Call, existing: str, tags: dict[str, str]) -> bool:
    """Whether tags are part of the settings that make a repeated create the same create."""
    return this.beliefs["aws-create-idempotent-tags"] == "ignored" or this.world.tags.get(existing, {}) == tags
