"""The kind rule: one listener rule for each match, written in an order that is safe after every single call.

`kinds` collects it. The sequence is `cloudgw.graph.table`'s; this module turns its steps into calls. Priorities belong
to the group, never to an element; rules that are not ours keep theirs.
docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html, API_SetRulePriorities.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudgw.graph import model, table
from cloudgw.provider import Failed, Partial, Session
from cloudgw_aws import kinds_commit, kinds_rules_order, shapes

LAST = 50_000  # application/listener-rules.html: priorities are 1 to 50000
WARM_FROM = 49_900
WARM_GROUPS = 5  # target groups of one action: application/load-balancer-limits.html


@dataclass
class _Table:
    """One commit at work. standing: element key -> ARN before it; fresh: what it made itself."""

    session: Session
    ids: kinds_commit.Ids
    listener: str
    standing: dict[str, str]
    found: dict[str, dict[str, Any]]  # ARN -> rule, as just read
    fresh: dict[str, str] = field(default_factory=dict)
    finished: dict[str, str] = field(default_factory=dict)  # updated or deleted: element key -> ARN

    def do(self, step: table.Step) -> None:
        if step.what == "create":
            self.create(step.change, step.position)
        elif step.what == "update":
            self.update(step.change)
        elif step.what == "delete":
            self.delete(step.change)
        else:
            self.reorder(step)

    def arn(self, reference: model.Ref) -> str:
        return kinds_commit.resolve(reference, self.ids)

    def create(self, change: model.Change, position: int) -> None:
        spec = kinds_commit.wanted(change)
        key = kinds_commit.own(change)
        made = self.adopt(change, spec, position)
        if made is None:
            transforms = shapes.write_transforms(spec["transforms"])
            answer = self.session.write.call(
                "elbv2",
                "create_rule",
                ListenerArn=self.listener,
                Priority=position,
                Conditions=shapes.write_conditions(spec["conditions"]),
                Actions=shapes.write_actions(spec["action"], self.arn),
                Tags=kinds_commit.tags_for(self.session, change),
                **({"Transforms": transforms} if transforms else {}),
            )
            made = str(answer["Rules"][0]["RuleArn"])
        self.fresh[key] = made

    def adopt(self, change: model.Change, spec: model.Spec, position: int) -> str | None:
        """The rule that an earlier call made whose answer was lost: same record, same place, same meaning."""
        known = {*self.standing.values(), *self.fresh.values()}
        for arn, rule in self.found.items():
            if arn in known or int(rule["Priority"]) != position:
                continue
            if not kinds_commit.is_same(self.session, change, self.session.read.tags([arn]).get(arn, {})):
                continue
            action = shapes.read_actions(rule["Actions"], lambda group: group)
            goal = shapes.read_actions(shapes.write_actions(spec["action"], self.arn), lambda group: group)
            transforms = shapes.read_transforms(rule.get("Transforms") or ())
            if action == goal and transforms == tuple(sorted(spec["transforms"])):
                return arn
        return None

    def update(self, change: model.Change) -> None:
        spec = kinds_commit.wanted(change)
        parameters: dict[str, Any] = {}
        if "action" in change.fields:
            parameters["Actions"] = shapes.write_actions(spec["action"], self.arn)
        if "transforms" in change.fields:
            transforms = shapes.write_transforms(spec["transforms"])
            parameters.update({"Transforms": transforms} if transforms else {"ResetTransforms": True})
        self.session.write.call("elbv2", "modify_rule", RuleArn=self.there(change), **parameters)

    def delete(self, change: model.Change) -> None:
        arn = kinds_commit.id_of(change)
        if arn in self.found:
            self.session.write.call("elbv2", "delete_rule", RuleArn=arn)

    def reorder(self, step: table.Step) -> None:
        moves = [(self.standing[key], position) for key, position in step.moves.items()]
        moves += [(self.fresh[key], position) for key, position in step.fresh.items()]
        priorities = [{"RuleArn": arn, "Priority": position} for arn, position in sorted(moves, key=lambda m: m[1])]
        if priorities:
            self.session.write.call("elbv2", "set_rule_priorities", RulePriorities=priorities)

    def there(self, change: model.Change) -> str:
        arn = kinds_commit.id_of(change)
        if arn not in self.found:
            raise Failed("not_ready", f"{model.short(change.address)} is gone; plan again", key=change.key)
        return arn


def _commit(
    session: Session,
    group: str,
    observed: Sequence[model.Element],
    changes: Sequence[model.Change],
    ids: Mapping[str, str],
) -> Mapping[str, str]:
    listener = ids.get(group.removeprefix("rules:")) or _listener_arn(observed, changes)
    if listener is None:
        raise Failed("not_ready", f"the listener of {group.removeprefix('rules:')} has no id yet", key=changes[0].key)
    found = {rule["RuleArn"]: rule for rule in session.read.rules(listener)}
    standing = {element.key: str(element.outputs["id"]) for element in observed}
    missing = [e.address for e in observed if e.outputs["id"] not in found and not _goes(e, changes)]
    if missing:
        raise Failed("not_ready", f"{model.short(missing[0])} is gone; plan again", key=changes[0].key)
    _guard_positions(found, standing, changes)
    work = _Table(session=session, ids=ids, listener=listener, standing=standing, found=found)
    try:
        strangers = sorted(int(rule["Priority"]) for arn, rule in found.items() if arn not in set(standing.values()))
        steps = table.steps(RULE, observed, changes, strangers)
    except table.NoRoom as problem:
        raise Failed("quota", f"no room left in the priorities of {group}: {problem}", key=changes[0].key) from None
    for step in steps:
        try:
            work.do(step)
        except Exception as problem:
            raise Partial(problem, key=step.change.key, done={**work.finished, **work.fresh}) from problem
        if step.what in ("update", "delete"):
            work.finished.setdefault(kinds_commit.own(step.change), standing.get(kinds_commit.own(step.change), ""))
    return work.fresh


def _goes(element: model.Element, changes: Sequence[model.Change]) -> bool:
    return any(c.op == "delete" and kinds_commit.own(c) == element.key for c in changes)


def _guard_positions(
    found: Mapping[str, Mapping[str, Any]], standing: Mapping[str, str], changes: Sequence[model.Change]
) -> None:
    """Something stands meanwhile where we were about to write. A rule of ours would be in `standing`."""
    taken = {int(rule["Priority"]): arn for arn, rule in found.items() if arn not in standing.values()}
    for change in changes:
        wanted = [position for _, position in change.moves] if change.op == "reorder" else []
        clash = [position for position in wanted if position in taken]
        if clash:
            raise Failed("not_ready", f"priority {clash[0]} is taken by {taken[clash[0]]}; plan again", key=change.key)


def _listener_arn(observed: Sequence[model.Element], changes: Sequence[model.Change]) -> str | None:
    """`arn:...:listener-rule/app/<lb>/<id>/<listener>/<rule>` names its listener: API_CreateRule.html, Examples."""
    known = [str(e.outputs["id"]) for e in observed] + [str(c.before.outputs["id"]) for c in changes if c.before]
    for arn in known:
        return arn.replace(":listener-rule/", ":listener/").rpartition("/")[0]
    return None


RULE = model.Kind(
    name="rule",
    immutable=("listener", "conditions"),
    mutable=("action", "transforms"),
    group=kinds_rules_order.group_of,
    commit=_commit,
    traffic=("action",),
    meets=kinds_rules_order.meets,
    positions=range(1, WARM_FROM),
    warm=kinds_rules_order.warm,
    warm_room=WARM_GROUPS,
    warm_positions=range(WARM_FROM, LAST + 1),
    is_warm=kinds_rules_order.is_warm,
    stand_in=kinds_rules_order.stand_in,
)
