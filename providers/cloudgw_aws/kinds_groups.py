"""The kinds behind the load balancer: target-group and targets.

`kinds` collects them. One target group per Gateway, Service and port, shared by all routes; its pods are an element of
their own, which follows every incarnation. Must never deregister a target that the change does not name.
docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html,
docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html, API_RegisterTargets.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed, Session
from cloudgw_aws import kinds_commit, names

CHUNK = 200  # targets of one RegisterTargets; the API states no limit
DRAIN_ATTRIBUTE = "deregistration_delay.timeout_seconds"
DRAIN_SECONDS = 300.0  # when nobody set it: edit-target-group-attributes.html
DRAINING = ("draining", "unhealthy.draining")

HEALTH_FIELDS = {
    "protocol": "HealthCheckProtocol",
    "path": "HealthCheckPath",
    "port": "HealthCheckPort",
    "interval": "HealthCheckIntervalSeconds",
    "timeout": "HealthCheckTimeoutSeconds",
    "healthy": "HealthyThresholdCount",
    "unhealthy": "UnhealthyThresholdCount",
}


def health_parameters(check: dict[str, Any]) -> dict[str, Any]:
    """A health_check field as parameters of CreateTargetGroup and ModifyTargetGroup."""
    found = {parameter: check[field] for field, parameter in HEALTH_FIELDS.items()}
    return {**found, "HealthCheckEnabled": True, "Matcher": {"HttpCode": check["matcher"]}}


def health_of(group: dict[str, Any]) -> dict[str, Any]:
    """The same field, read from a DescribeTargetGroups item."""
    if not group.get("HealthCheckEnabled", True):
        return {"disabled": True}
    found = {field: group.get(parameter) for field, parameter in HEALTH_FIELDS.items()}
    return {**found, "matcher": group.get("Matcher", {}).get("HttpCode", "")}


def _create(session: Session, change: model.Change, ids: kinds_commit.Ids) -> str:  # noqa: ARG001
    spec = kinds_commit.wanted(change)
    name = names.name_of(session.owner, change.address, change.name)
    standing = session.read.named("describe_target_groups", "TargetGroups", name)
    if standing is not None:
        arn = str(standing["TargetGroupArn"])
        if kinds_commit.is_same(session, change, session.read.tags([arn]).get(arn, {})):
            return arn
        raise kinds_commit.refuse_taken(change, "target group", name)
    drain = spec.get("drain")
    extra = {names.PARENT: spec["load_balancer"].name} | ({names.DRAIN: str(drain)} if drain is not None else {})
    answer = session.write.call(
        "elbv2",
        "create_target_group",
        Name=name,
        Protocol=spec["protocol"],
        ProtocolVersion=spec["protocol_version"],
        Port=spec["port"],
        VpcId=spec["vpc"],
        TargetType=spec["target_type"],
        Tags=kinds_commit.tags_for(session, change, extra),
        **health_parameters(spec["health_check"]),
    )
    arn = str(answer["TargetGroups"][0]["TargetGroupArn"])
    if drain is not None:
        _set_drain(session, arn, drain)
    return arn


def _update(session: Session, change: model.Change, ids: kinds_commit.Ids) -> None:  # noqa: ARG001
    """The tag says that the draining is ours: it comes before the time, and goes after it, so that whoever stops in
    between finds the difference again."""
    spec, arn = kinds_commit.wanted(change), kinds_commit.id_of(change)
    if "health_check" in change.fields:
        check = health_parameters(spec["health_check"])
        session.write.call("elbv2", "modify_target_group", TargetGroupArn=arn, **check)
    if "drain" in change.fields:
        drain = spec.get("drain")
        if drain is not None:
            tag = names.as_list({names.DRAIN: str(drain)})
            session.write.call("elbv2", "add_tags", ResourceArns=[arn], Tags=tag)
        _set_drain(session, arn, int(DRAIN_SECONDS) if drain is None else drain)
        if drain is None:
            session.write.call("elbv2", "remove_tags", ResourceArns=[arn], TagKeys=[names.DRAIN])


def _set_drain(session: Session, arn: str, seconds: int) -> None:
    attributes = [{"Key": DRAIN_ATTRIBUTE, "Value": str(seconds)}]
    session.write.call("elbv2", "modify_target_group_attributes", TargetGroupArn=arn, Attributes=attributes)


def _delete(session: Session, change: model.Change) -> None:
    """AWS refuses while a listener or rule forwards to it (API_DeleteTargetGroup.html), so nothing goes along."""
    session.write.call("elbv2", "delete_target_group", TargetGroupArn=kinds_commit.id_of(change))


def _serving(element: model.Element) -> float:
    return float(element.outputs.get("healthy", 0)) / max(1, int(element.outputs.get("targets", 0)))


def address_of(target: str) -> dict[str, Any]:
    """ "10.0.0.1:8080" as AWS's TargetDescription."""
    address, _, port = target.rpartition(":")
    return {"Id": address.strip("[]"), "Port": int(port)}


def target_of(description: dict[str, Any]) -> str:
    """The reverse of address_of, from a target's Id and Port."""
    address = str(description["Id"])
    return f"[{address}]:{description['Port']}" if ":" in address else f"{address}:{description['Port']}"


def registered(health: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Targets of a DescribeTargetHealth answer that are not leaving, sorted."""
    return tuple(
        sorted(target_of(item["Target"]) for item in health if item["TargetHealth"].get("State") not in DRAINING)
    )


def _commit_targets(
    session: Session,
    group: str,  # noqa: ARG001
    observed: Sequence[model.Element],
    changes: Sequence[model.Change],
    ids: kinds_commit.Ids,
) -> dict[str, str]:
    """Registers and deregisters what differs, after having read the group's targets again."""
    done: dict[str, str] = {}
    for change in changes:
        spec = change.after.fields if change.after is not None else {}
        arn = _group_arn(change, spec, observed, ids)
        goal = set(spec.get("targets", ()))
        standing = set(registered(session.read.target_health(arn)))
        _call_chunks(session, "register_targets", arn, sorted(goal - standing))
        leaving = standing - goal
        if change.before is not None and change.op == "delete":
            leaving = standing & set(change.before.fields.get("targets", ()))
        _call_chunks(session, "deregister_targets", arn, sorted(leaving))
        if change.op == "create":
            done[kinds_commit.own(change)] = arn
    return done


def _group_arn(change: model.Change, spec: model.Spec, observed: Sequence[model.Element], ids: kinds_commit.Ids) -> str:
    reference = spec.get("group")
    if isinstance(reference, model.Ref) and reference.key in ids:
        return ids[reference.key]
    if change.before is not None:
        return kinds_commit.id_of(change)
    for element in observed:
        if element.key == kinds_commit.own(change):
            return str(element.outputs["id"])
    raise Failed("not_ready", f"the target group of {model.short(change.address)} has no id yet", key=change.key)


def _call_chunks(session: Session, operation: str, arn: str, targets: Sequence[str]) -> None:
    for at in range(0, len(targets), CHUNK):
        part = [address_of(target) for target in targets[at : at + CHUNK]]
        session.write.call("elbv2", operation, TargetGroupArn=arn, Targets=part)


TARGET_GROUP = model.Kind(
    name="target-group",
    immutable=("load_balancer", "protocol", "port", "target_type", "vpc", "protocol_version"),
    mutable=("health_check", "drain"),
    defaults={"drain": None},
    commit=kinds_commit.one_by_one(_create, _update, _delete),
    serving=_serving,
    drain=lambda element: float(element.outputs.get("drain", DRAIN_SECONDS)),
)
TARGETS = model.Kind(
    name="targets",
    immutable=("group",),
    mutable=("targets",),
    commit=_commit_targets,
    fast="targets",
    of="target-group",
)
