"""Listener rules. Called by `server`; the grammar is in `elbv2_conditions`, actions in `elbv2_actions`.

Facts: elasticloadbalancing/latest/APIReference (CreateRule, ModifyRule, SetRulePriorities),
application/listener-rules.html, application/load-balancer-limits.html. Setting priorities is atomic: it either holds
for all the given rules at once or changes nothing.
"""

from __future__ import annotations

from typing import Any

from cloudgw_local.aws import call, elbv2_actions, elbv2_conditions, elbv2_lookup, errors, world


def create_rule(this: call.Call) -> dict[str, Any]:
    given = this.parameters
    listener = elbv2_lookup.listener(this)
    balancer = this.world.load_balancers[listener.load_balancer_arn]
    if balancer.type != "application":
        raise errors.AwsError("UnsupportedProtocol", f"Rules are not offered for {listener.protocol} listeners")
    conditions = elbv2_conditions.conditions(given["Conditions"], this.beliefs)
    actions = elbv2_actions.checked(this, given["Actions"], balancer, listener.protocol, listener.port)
    transforms = elbv2_conditions.transforms(given.get("Transforms") or [])
    tags = call.tags_of(given.get("Tags"))
    priority = given["Priority"]
    if any(rule.priority == priority for rule in this.world.rules_of(listener.arn)):
        raise errors.AwsError("PriorityInUse", f"Priority '{priority}' is currently in use")
    held = sum(
        rule.priority is not None
        for one in this.world.listeners_of(balancer.arn)
        for rule in this.world.rules_of(one.arn)
    )
    if held >= 100:
        raise errors.AwsError("TooManyRules", "You've reached the limit on the number of rules per load balancer.")
    path = listener.arn.partition(":listener/")[2]
    rule = world.Rule(
        arn=elbv2_lookup.arn(f"listener-rule/{path}/{this.world.new_id('rule', 16)}"),
        listener_arn=listener.arn,
        priority=priority,
        conditions=conditions,
        actions=actions,
        transforms=transforms,
    )
    this.world.rules[rule.arn] = rule
    this.world.tags[rule.arn] = tags
    return {"Rules": [_json(rule)]}


def modify_rule(this: call.Call) -> dict[str, Any]:
    """What is not given stays. The default rule is changed through its listener."""
    given = this.parameters
    rule = elbv2_lookup.rule(this)
    if rule.priority is None:
        raise errors.AwsError("OperationNotPermitted", "Default rule cannot be modified: modify the listener")
    listener = this.world.listeners[rule.listener_arn]
    balancer = this.world.load_balancers[listener.load_balancer_arn]
    if given.get("Transforms") and given.get("ResetTransforms"):
        raise errors.AwsError("ValidationError", "Transforms and ResetTransforms cannot be specified together")
    conditions, actions, transforms = rule.conditions, rule.actions, rule.transforms
    if "Conditions" in given:
        conditions = elbv2_conditions.conditions(given["Conditions"], this.beliefs)
    if "Actions" in given:
        actions = elbv2_actions.checked(this, given["Actions"], balancer, listener.protocol, listener.port, rule.arn)
    if given.get("ResetTransforms"):
        transforms = []
    elif given.get("Transforms"):
        transforms = elbv2_conditions.transforms(given["Transforms"])
    rule.conditions, rule.actions, rule.transforms = conditions, actions, transforms
    return {"Rules": [_json(rule)]}


def delete_rule(this: call.Call) -> dict[str, Any]:
    rule = elbv2_lookup.rule(this)
    if rule.priority is None:
        raise errors.AwsError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be deleted")
    del this.world.rules[rule.arn]
    this.world.tags.pop(rule.arn, None)
    return {}


def set_rule_priorities(this: call.Call) -> dict[str, Any]:
    wanted: dict[str, int] = {}
    for pair in this.parameters["RulePriorities"]:
        if not pair.get("RuleArn") or pair.get("Priority") is None:
            raise errors.AwsError("ValidationError", "A rule ARN and a priority must be specified")
        if pair["RuleArn"] in wanted:
            raise errors.AwsError("ValidationError", f"Rule '{pair['RuleArn']}' is specified more than once")
        wanted[pair["RuleArn"]] = pair["Priority"]
    rules = [elbv2_lookup.rule(this, arn) for arn in wanted]
    if not rules:
        raise errors.AwsError("ValidationError", "At least one rule priority must be specified")
    if any(rule.priority is None for rule in rules):
        raise errors.AwsError("OperationNotPermitted", "The priority of a default rule cannot be changed")
    for listener_arn in {rule.listener_arn for rule in rules}:
        after = [wanted.get(rule.arn, rule.priority) for rule in this.world.rules_of(listener_arn)]
        taken = [priority for priority in after if priority is not None]
        double = sorted({priority for priority in taken if taken.count(priority) > 1})
        if double:
            raise errors.AwsError("PriorityInUse", f"Priority '{double[0]}' is currently in use")
    for rule in rules:
        rule.priority = wanted[rule.arn]
    return {"Rules": [_json(rule) for rule in rules]}


def describe_rules(this: call.Call) -> dict[str, Any]:
    arns, listener_arn = this.parameters.get("RuleArns"), this.parameters.get("ListenerArn")
    if bool(arns) == bool(listener_arn):
        raise errors.AwsError("ValidationError", "Specify either rule ARNs or a listener ARN")
    if arns:
        found = [elbv2_lookup.rule(this, arn) for arn in dict.fromkeys(arns)]
    else:
        found = this.world.rules_of(elbv2_lookup.listener(this).arn)
    shown, marker = elbv2_lookup.page(this, found, lambda one: one.arn)
    return {"Rules": [_json(one) for one in shown], "NextMarker": marker}


def _json(rule: world.Rule) -> dict[str, Any]:
    return {
        "RuleArn": rule.arn,
        "Priority": "default" if rule.priority is None else str(rule.priority),
        "Conditions": rule.conditions,
        "Actions": rule.actions,
        "IsDefault": rule.priority is None,
        "Transforms": rule.transforms or None,
    }


OPERATIONS: dict[str, call.Operation] = {
    "CreateRule": create_rule,
    "ModifyRule": modify_rule,
    "DeleteRule": delete_rule,
    "SetRulePriorities": set_rule_priorities,
    "DescribeRules": describe_rules,
}
