"""What listeners and rules may do with a request: forward, redirect, fixed response, authenticate.

`elbv2_listeners` and `elbv2_rules` call `checked` before they store actions. Facts: botocore elbv2 Action;
application/rule-action-types.html, application/load-balancer-limits.html, network/load-balancer-listeners.html (which
protocols go together). It reads the world but must never change it.
"""

from __future__ import annotations

import re
from typing import Any

from cloudgw_local.aws import call, errors, health, world

Json = dict[str, Any]

APPLICATION = ("HTTP", "HTTPS")
PAIRS = {
    "TCP": ("TCP", "TCP_UDP"),
    "TLS": ("TLS", "TCP"),
    "UDP": ("UDP", "TCP_UDP"),
    "TCP_UDP": ("TCP_UDP",),
    "QUIC": ("QUIC", "TCP_QUIC"),
    "TCP_QUIC": ("TCP_QUIC",),
}
_BODIES = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")
_CONFIGS = {
    "forward": "ForwardConfig",
    "redirect": "RedirectConfig",
    "fixed-response": "FixedResponseConfig",
    "authenticate-oidc": "AuthenticateOidcConfig",
    "authenticate-cognito": "AuthenticateCognitoConfig",
    "jwt-validation": "JwtValidationConfig",
}
_TERMINAL = ("forward", "redirect", "fixed-response")


def checked(
    this: call.Call,
    given: list[Json],
    balancer: world.LoadBalancer,
    protocol: str,
    port: int,
    rule_arn: str | None = None,
) -> list[Json]:
    """Actions as AWS returns them. `rule_arn` is the rule whose actions these replace, if any."""
    if not given:
        raise errors.AwsError("ValidationError", "An action must be specified")
    ordered = sorted(given, key=lambda action: action.get("Order", 0))
    orders = [action["Order"] for action in given if "Order" in action]
    if len(given) > 1 and len(set(orders)) < len(given):
        raise errors.AwsError("InvalidLoadBalancerAction", "Each action must have an order of its own")
    if [one["Type"] in _TERMINAL for one in ordered] != [False] * (len(given) - 1) + [True]:
        raise errors.AwsError(
            "InvalidLoadBalancerAction",
            "The last action, and only the last, must be forward, redirect or fixed-response",
        )
    if len(given) > 2:
        raise errors.AwsError("TooManyActions", "A rule can have one authentication action and one routing action")
    actions = [_action(action, balancer, protocol, port) for action in ordered]
    _check_groups(this, health.groups_of(actions), balancer, protocol, rule_arn)
    return actions


def _action(given: Json, balancer: world.LoadBalancer, protocol: str, port: int) -> Json:
    kind = given["Type"]
    strange = [name for name in _CONFIGS.values() if name in given and name != _CONFIGS[kind]]
    if strange or ("TargetGroupArn" in given and kind != "forward"):
        raise errors.AwsError(
            "InvalidLoadBalancerAction", f"An action of type '{kind}' cannot have {strange or 'a target group'}"
        )
    if balancer.type == "network" and kind != "forward":
        raise errors.AwsError(
            "InvalidLoadBalancerAction", f"Action type '{kind}' is not valid for a Network Load Balancer"
        )
    action: Json = {"Type": kind}
    if "Order" in given:
        action["Order"] = given["Order"]
    if kind == "forward":
        action.update(_forward(given, balancer))
    elif _CONFIGS[kind] not in given:
        raise errors.AwsError("InvalidLoadBalancerAction", f"An action of type '{kind}' needs '{_CONFIGS[kind]}'")
    elif kind == "redirect":
        action["RedirectConfig"] = _redirect(given["RedirectConfig"], protocol, port)
    elif kind == "fixed-response":
        fixed = given["FixedResponseConfig"]
        if fixed.get("ContentType") and fixed["ContentType"] not in _BODIES:
            raise errors.AwsError("ValidationError", f"ContentType must be one of {', '.join(_BODIES)}")
        if len(fixed.get("MessageBody", "").encode()) > 1024:
            raise errors.AwsError("ValidationError", "MessageBody is longer than 1024 bytes")
        action["FixedResponseConfig"] = dict(fixed)
    else:
        if protocol != "HTTPS":
            raise errors.AwsError("InvalidLoadBalancerAction", f"Action type '{kind}' needs an HTTPS listener")
        action[_CONFIGS[kind]] = {
            name: value for name, value in given[_CONFIGS[kind]].items() if name != "ClientSecret"
        }
    return action


def _forward(given: Json, balancer: world.LoadBalancer) -> Json:
    """One group comes back both as TargetGroupArn and in ForwardConfig, several only in ForwardConfig."""
    single = given.get("TargetGroupArn")
    config = given.get("ForwardConfig") or {}
    groups: list[Json] = config.get("TargetGroups") or []
    if single and groups and [one.get("TargetGroupArn") for one in groups] != [single]:
        raise errors.AwsError(
            "InvalidLoadBalancerAction", "ForwardConfig can name only the target group that TargetGroupArn names"
        )
    if single and not groups:
        groups = [{"TargetGroupArn": single}]
    if not groups or any(not one.get("TargetGroupArn") for one in groups):
        raise errors.AwsError("ValidationError", "A target group ARN must be specified for a forward action")
    if len(groups) > 5:
        raise errors.AwsError("ValidationError", "A forward action can have at most 5 target groups")
    if len({one["TargetGroupArn"] for one in groups}) < len(groups):
        raise errors.AwsError("ValidationError", "A target group can be specified only once in a forward action")
    for one in groups:
        if not 0 <= one.get("Weight", 1) <= 999:
            raise errors.AwsError("ValidationError", f"Weight '{one['Weight']}' must be between 0 and 999")
    sticky: Json = dict(config.get("TargetGroupStickinessConfig") or {"Enabled": False})
    if sticky.get("Enabled") and balancer.type == "application" and not 1 <= sticky.get("DurationSeconds", 0) <= 604800:
        raise errors.AwsError("ValidationError", "Target group stickiness duration must be between 1 and 604800")
    weighted = [{"TargetGroupArn": one["TargetGroupArn"], "Weight": one.get("Weight", 1)} for one in groups]
    answer: Json = {"ForwardConfig": {"TargetGroups": weighted, "TargetGroupStickinessConfig": sticky}}
    if len(groups) == 1:
        answer["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    return answer


def _redirect(given: Json, protocol: str, port: int) -> Json:
    defaults = {
        "Protocol": "#{protocol}",
        "Port": "#{port}",
        "Host": "#{host}",
        "Path": "/#{path}",
        "Query": "#{query}",
    }
    full: Json = {**defaults, **given}
    if not full["Path"].startswith("/"):
        raise errors.AwsError("ValidationError", "The redirect path must start with '/'")
    if full["Port"] != "#{port}" and not (re.fullmatch(r"\d{1,5}", full["Port"]) and 1 <= int(full["Port"]) <= 65535):
        raise errors.AwsError("ValidationError", f"The redirect port '{full['Port']}' is not valid")
    for name in ("Host", "Path", "Query"):
        for word in re.findall(r"#\{[^}]*\}?", full[name]):
            if word not in ("#{protocol}", "#{host}", "#{port}", "#{path}", "#{query}"):
                raise errors.AwsError("ValidationError", f"The redirect has an unknown keyword '{word}'")
    if protocol == "HTTPS" and full["Protocol"] == "HTTP":
        raise errors.AwsError("InvalidLoadBalancerAction", "An HTTPS listener cannot redirect to HTTP")
    same = (
        full["Protocol"] in ("#{protocol}", protocol)
        and full["Port"] in ("#{port}", str(port))
        and full["Host"] == "#{host}"
        and full["Path"] == "/#{path}"
    )
    if same:
        raise errors.AwsError(
            "InvalidLoadBalancerAction", "The redirect configuration is not valid because it creates a loop"
        )
    return full


def _check_groups(
    this: call.Call, groups: list[str], balancer: world.LoadBalancer, protocol: str, rule_arn: str | None
) -> None:
    used = health.users(this.world)
    for arn in groups:
        group = this.world.target_groups.get(arn)
        if group is None:
            raise errors.AwsError("TargetGroupNotFound", f"Target groups '{arn}' not found")
        if any(one != balancer.arn for one in used.get(arn, [])):
            raise errors.AwsError(
                "TargetGroupAssociationLimit",
                f"The following target groups cannot be associated with more than one load balancer: {arn}",
            )
        if group.vpc_id is not None and group.vpc_id != balancer.vpc_id:
            raise errors.AwsError(
                "InvalidConfigurationRequest",
                f"Target group '{arn}' and load balancer '{balancer.arn}' are in different VPCs",
            )
        accepted = PAIRS.get(protocol, APPLICATION)
        if group.target_type != "lambda" and group.protocol not in accepted:
            raise errors.AwsError(
                "IncompatibleProtocols",
                f"The protocol {group.protocol} of target group '{arn}' cannot be used with a {protocol} listener",
            )
        if group.target_type == "lambda" and balancer.type == "network":
            raise errors.AwsError("InvalidConfigurationRequest", "A Network Load Balancer has no lambda targets")
        if group.protocol_version in ("HTTP2", "GRPC") and protocol != "HTTPS":
            raise errors.AwsError(
                "InvalidConfigurationRequest",
                f"Listener protocol '{protocol}' is not supported with a target group with the protocol-version "
                f"'{group.protocol_version}'",
            )
    others = {
        arn
        for listener in this.world.listeners_of(balancer.arn)
        for rule in this.world.rules_of(listener.arn)
        if rule.arn != rule_arn
        for arn in health.groups_of(rule.actions)
    }
    if len(others | set(groups)) > 100:
        raise errors.AwsError(
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            "You've reached the limit on the number of unique target groups per load balancer",
        )
