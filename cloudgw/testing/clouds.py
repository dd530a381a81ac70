"""A cloud of many small objects, in memory, with its provider: the model's worst cases before any real cloud.

Balancers hold listeners, listeners hold an ordered table of rules, rules send requests to pools, pools hold targets
that are probed only while a rule names their pool. References are enforced, deletes of what is in use refused, names
are given by the caller and unique. `documents` is its counterpart. Laws and state machines drive it; nothing ships
requests. It is written for reading: one state dict, one method per operation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from cloudgw.graph import model, table
from cloudgw.objects import Note, Parameters
from cloudgw.provider import (
    UNHOOKED,
    Capability,
    Facts,
    Failed,
    Failure,
    Hook,
    Inventory,
    Operation,
    Partial,
    Placement,
    ProviderParameters,
    Session,
    Sleep,
)
from cloudgw.routing import ir
from cloudgw.testing import stage
from cloudgw.testing.objects_cloud import Cloud, ids_in, is_healthy

READY_SECONDS = 4.0
DRAIN_SECONDS = 5.0
TTL_SECONDS = 8.0
STALENESS_SECONDS = 2.0
PLACE = Placement("objects", "testing", "here")
Built: TypeAlias = tuple[model.Graph, tuple[Note, ...]]


class Read:
    """The planning handle: it can list, and nothing else."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def list(self) -> dict[str, Any]:
        return self._cloud.stage.seen()

    def now(self) -> float:
        return self._cloud.stage.clock.now()


def _stored(value: Any, ids: Mapping[str, str]) -> Any:
    """A bound spec value as the cloud stores it: refs become ids."""
    if isinstance(value, model.Ref):
        return ids[value.key]
    if isinstance(value, tuple):
        return [_stored(item, ids) for item in value]
    return value


def record_of(session: Session, element: model.Element) -> dict[str, str]:
    return {"owner": session.owner, "address": element.address, "suffix": element.name}


def commit_single(
    session: Session, _: str, __: Sequence[model.Element], changes: Sequence[model.Change], ids: Mapping[str, str]
) -> dict[str, str]:
    """One call per change: create with record, update of the differing fields, delete."""
    cloud: Cloud = session.write
    done: dict[str, str] = {}
    for change in changes:
        key = model.key_of(change.address, change.name)
        try:
            if change.op == "create" and change.after is not None:
                spec = {n: _stored(v, ids) for n, v in change.after.fields.items()}
                if model.kind_of(change.address) in ("balancer", "pool"):
                    spec.setdefault("title", key)
                done[key] = _adopted(session, spec, change.after) or cloud.create(
                    model.kind_of(change.address), spec, record_of(session, change.after)
                )
            elif change.op == "update" and change.after is not None:
                cloud.update(ids[key], {n: _stored(change.after.fields[n], ids) for n in change.fields})
                done[key] = ids[key]
            elif change.op == "delete":
                _check_children(cloud, ids[key], change)
                cloud.delete(ids[key])
                done[key] = ""
        except (stage.Refused, stage.Lost) as cause:
            raise Partial(cause, key=change.key, done=done) from cause
    return done


def _adopted(session: Session, spec: Mapping[str, Any], element: model.Element) -> str:
    """The id of what exists under this name, if it is ours; stops if it is not."""
    cloud: Cloud = session.write
    for thing in cloud.stage.state["things"].values():
        if (
            thing["kind"] == model.kind_of(element.address)
            and "title" in spec
            and thing["spec"].get("title") == spec["title"]
        ):
            if thing["record"] == record_of(session, element):
                return str(thing["id"])
            raise Failed("conflict", f"{thing['id']} has the name {spec['title']} and is not ours: rename or remove it")
    return ""


def _check_children(cloud: Cloud, parent: str, change: model.Change) -> None:
    """Right before the call: nobody else's child may have come meanwhile (a real cloud may delete it along)."""
    approved = change.before.outputs.get("foreign", ()) if change.before is not None else ()
    for thing in cloud.things.values():
        if thing["record"] is None and parent in ids_in(thing["spec"]) and thing["id"] not in approved:
            raise Failed("conflict", f"{thing['id']} is not ours and depends on {parent}", key=change.key)


def commit_targets(
    session: Session, _: str, __: Sequence[model.Element], changes: Sequence[model.Change], ids: Mapping[str, str]
) -> dict[str, str]:
    """Registers the whole list of one pool."""
    done: dict[str, str] = {}
    for change in changes:
        assert change.after is not None
        pool = next(model.refs_in(change.after.fields))
        try:
            session.write.register(ids[pool.key], list(change.after.fields["targets"]))
        except (stage.Refused, stage.Lost) as cause:
            raise Partial(cause, key=change.key, done=done) from cause
        done[model.key_of(change.address, change.name)] = ids[pool.key]
    return done


def commit_rules(
    session: Session,
    _: str,
    observed: Sequence[model.Element],
    changes: Sequence[model.Change],
    ids: Mapping[str, str],
) -> dict[str, str]:
    """Walks the safe sequence of one table."""
    cloud: Cloud = session.write
    done: dict[str, str] = {}
    fresh: dict[str, str] = {}
    present = [e for e in observed if ids.get(e.key) in cloud.things]
    listeners = {cloud.things[ids[e.key]]["spec"]["listener"] for e in present}
    taken = [r["position"] for where in sorted(listeners) for r in cloud.rules(where) if not r["record"]]
    for step in table.steps(KINDS["rule"], present, changes, taken):
        change = step.change
        key = model.key_of(change.address, change.name)
        try:
            if step.what == "create" and change.after is not None:
                spec = {n: _stored(v, ids) for n, v in change.after.fields.items()}
                fresh[key] = cloud.create("rule", spec, record_of(session, change.after), step.position)
                if change.op == "create":
                    done[key] = fresh[key]
            elif step.what == "update" and change.after is not None:
                cloud.update(ids[key], {n: _stored(change.after.fields[n], ids) for n in change.fields})
                done[key] = ids[key]
            elif step.what == "delete":
                cloud.delete(ids[key])
                done[key] = fresh.get(key, "")
            elif step.what == "reorder":
                moves = {ids[k]: p for k, p in step.moves.items()} | {fresh[k]: p for k, p in step.fresh.items()}
                cloud.reorder(cloud.things[next(iter(moves))]["spec"]["listener"], moves)
        except (stage.Refused, stage.Lost) as cause:
            raise Partial(cause, key=change.key, done=done) from cause
    return done


def rule_group(where: model.Address, _: str, spec: model.Spec) -> str:
    ref = spec.get("listener")
    return f"rules:{ref.key}" if isinstance(ref, model.Ref) else f"rules:{where}"


def warm_rule(listener: model.Element, number: int, refs: tuple[model.Ref, ...]) -> model.Element:
    """An entry for a host that no request has."""
    where = model.address(model.owner_of(listener.address), "objects", "rule", f"warm/{listener.name}/{number}")
    action = ("forward", *((ref, 1) for ref in refs))
    parent = model.Ref(listener.address, "exists", listener.name)
    return model.Element(
        address=where, spec={"listener": parent, "host": "warm.invalid", "path": f"/{number}", "action": action}
    )


def meets_host(spec: model.Spec) -> tuple[str, ...]:
    return (model.EVERYTHING,) if spec["host"] == "*" else (str(spec["host"]),)


def refused_rule(element: model.Element) -> model.Element:
    return model.Element(
        address=element.address, spec={**element.fields, "action": ("status", 500)}, origins=element.origins
    )


def _share(element: model.Element) -> float:
    return float(element.outputs["healthy"]) / max(1, int(element.outputs["targets"]))


KINDS: dict[str, model.Kind] = {
    kind.name: kind
    for kind in (
        model.Kind(
            name="balancer",
            immutable=("scheme", "title"),
            mutable=("ranges",),
            optional=("shield",),
            defaults={"scheme": "internal"},
            commit=commit_single,
            ready=lambda e: e.outputs["state"] == "active",
            published=TTL_SECONDS,
            claims=lambda _, spec: (f"name {spec['title']}",) if spec.get("title") else (),
            exposes=lambda spec: (
                frozenset(spec.get("ranges", ()))
                | frozenset((f"scheme {spec['scheme']}",) if spec.get("scheme") else ())
            ),
        ),
        model.Kind(
            name="listener",
            immutable=("balancer", "port"),
            mutable=("certificate",),
            commit=commit_single,
            claims=lambda _, spec: (f"port {spec['port']} of {spec['balancer'].key}",),
        ),
        model.Kind(
            name="rule",
            immutable=("listener", "host", "path"),
            mutable=("action",),
            commit=commit_rules,
            group=rule_group,
            traffic=("action",),
            warm=warm_rule,
            warm_room=2,
            warm_positions=range(9_000, 9_100),
            is_warm=lambda where: where.split("/", 4)[4].startswith("warm/"),
            positions=range(1, 9_000),
            meets=meets_host,
            stand_in=refused_rule,
        ),
        model.Kind(
            name="pool",
            immutable=("protocol",),
            mutable=("check",),
            commit=commit_single,
            serving=_share,
            drain=lambda _: DRAIN_SECONDS,
        ),
        model.Kind(
            name="targets",
            immutable=("pool",),
            mutable=("targets",),
            commit=commit_targets,
            fast="targets",
            of="pool",
        ),
        model.Kind(name="certificate", immutable=("key",), mutable=("fingerprint",), commit=commit_single),
    )
}


@dataclass(frozen=True, slots=True)
class Objects:
    """The provider. Its `build` is not used: laws hand over desired graphs."""

    name: str = "objects"
    parameters_kind: str = "ObjectsParameters"
    staleness: float = STALENESS_SECONDS
    kinds: ClassVar[dict[str, model.Kind]] = KINDS
    capabilities: tuple[Capability, ...] = ()

    def parameters(self, raw: Parameters) -> ProviderParameters:
        raise NotImplementedError(f"{raw.kind}: the in-memory cloud takes graphs, not objects")

    def connect(self, placement: Placement, sleep: Sleep, hook: Hook = UNHOOKED) -> Session:
        del sleep, hook
        raise NotImplementedError(f"{placement}: use session_of(cloud)")

    def facts(self, inventory: Inventory, routing: ir.Routing, parameters: ProviderParameters) -> Facts:
        raise NotImplementedError(f"{inventory.placement} {routing.name} {parameters}")

    def build(self, routing: ir.Routing, facts: Facts, parameters: ProviderParameters) -> Built:
        raise NotImplementedError(f"{routing.name} {facts} {parameters}")

    def lint(self, routing: ir.Routing) -> tuple[Note, ...]:
        del routing
        return ()

    def list(self, read: Any, scope: Sequence[ProviderParameters], owner: str) -> Inventory:
        del scope, owner
        return Inventory(placement=PLACE, content=read.list(), began=read.now())

    def observe(self, inventory: Inventory, owner: str) -> model.Graph:
        now = inventory.began
        things = inventory.content["things"]
        ours = _once({t["id"]: t["record"] for t in things.values() if t["record"] and t["record"]["owner"] == owner})
        elements, taken = [], dict[str, list[int]]()
        for thing in things.values():
            refs = {n: _observed_value(n, v, ours) for n, v in thing["spec"].items()}
            if thing["id"] not in ours:
                if thing["kind"] == "rule" and thing["spec"]["listener"] in ours:
                    taken.setdefault(f"rules:{refs['listener'].key}", []).append(thing["position"])
                continue
            record = ours[thing["id"]]
            if refs.get("title") == model.key_of(record["address"], record["suffix"]):
                refs.pop("title")
            outputs: dict[str, Any] = {"id": thing["id"], "state": "active"}
            outputs["foreign"] = tuple(
                t["id"] for t in things.values() if t["id"] not in ours and thing["id"] in ids_in(t["spec"])
            )
            if thing["kind"] == "balancer":
                outputs["state"] = "active" if now >= thing["made"] + READY_SECONDS else "provisioning"
                outputs["dns"] = thing["id"]
            if "position" in thing:
                outputs["position"] = thing["position"]
            if thing["kind"] == "pool":
                outputs["healthy"] = sum(1 for t in thing["targets"] if is_healthy(t, now))
                outputs["targets"] = len(thing["targets"])
                elements.append(_targets_of(record, thing))
            elements.append(model.Element(address=record["address"], name=record["suffix"], spec=refs, outputs=outputs))
        return model.graph(elements, taken={group: tuple(sorted(found)) for group, found in taken.items()})

    def operation(self, read: Any, token: str) -> Operation:
        raise NotImplementedError(f"{read}: {token} is no operation of this cloud")

    def classify(self, exception: BaseException) -> Failure | None:
        return classify(exception)


def _once(ours: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """What has no name (a certificate) may stand twice under one record: the later one gets a suffix of its own."""
    seen: set[tuple[str, str]] = set()
    for made in sorted(ours):
        record = ours[made]
        if (record["address"], record["suffix"]) in seen:
            ours[made] = {**record, "suffix": f"{record['suffix']}-{made}"}
        seen.add((record["address"], record["suffix"]))
    return ours


def classify(exception: BaseException) -> Failure | None:
    """Failure of what a stage raises."""
    if isinstance(exception, stage.Lost):
        return Failure(why="outcome_unknown", code="Lost", message=f"no answer to {exception}")
    if isinstance(exception, stage.Refused):
        why: Any = {"in_use": "not_ready"}.get(exception.code, exception.code)
        return Failure(why=why, code=exception.code, message=str(exception), guilty=exception.child)
    return None


def _targets_of(record: Mapping[str, str], thing: Mapping[str, Any]) -> model.Element:
    where = record["address"].replace("/pool/", "/targets/", 1)
    targets = tuple(t["at"] for t in thing["targets"])
    spec = {"pool": model.Ref(record["address"], "exists", record["suffix"]), "targets": targets}
    return model.Element(address=where, name=record["suffix"], spec=spec, outputs={"id": thing["id"]})


def _observed_value(name: str, value: Any, ours: Mapping[str, Mapping[str, str]]) -> Any:
    """A stored value as a spec value: ids of ours become bound refs."""
    if isinstance(value, str) and value in ours:
        until: Any = "serving" if name == "action" else "exists"
        return model.Ref(ours[value]["address"], until, ours[value]["suffix"])
    if isinstance(value, list):
        return tuple(_observed_value(name, item, ours) for item in value)
    return value


def session_of(cloud: Cloud, owner: str = "owner-1") -> Session:
    return Session(read=Read(cloud), write=cloud, owner=owner)
