"""A cloud of one whole document, in memory, with its provider: what writing everything at once does to the model.

A gateway is a resource with one document of children (pools, listeners, rules, certificates). Every write is a
conditional PUT of the whole document that takes WRITE_SECONDS; while one runs, others are refused. One bad child
refuses the document for everybody, at once or at the end of the operation, named or not. Children have no tags: their
names carry the record. Pools are probed whether or not a rule names them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.provider import Capability, Failed, Failure, Inventory, Operation, Placement, ProviderParameters, Session
from cloudgw.testing import clouds, stage, worlds

WRITE_SECONDS = 60.0
HEALTH_SECONDS = 3.0
TTL_SECONDS = 8.0
STALENESS_SECONDS = 2.0
DRAIN_SECONDS = 5.0
POSITION_STEP = 1000
PLACE = Placement("documents", "testing", "here")
CHILDREN = ("pool", "certificate", "listener", "rule")


@dataclass(slots=True)
class Cloud:
    """state: {"gateways": {id: {id, spec, record, etag, document, pending, failed}}, "next": n}; a document maps each
    kind of child to a list of {"name", ...fields}; references between children are names.

    refuses: child -> message or ""; mode: how a refusal is said."""

    stage: stage.Stage = field(default_factory=stage.Stage)
    refuses: Callable[[str, dict[str, Any]], str] | None = None
    mode: Literal["sync", "late"] = "sync"
    named: bool = False
    honours_etag: bool = True
    shows_refused: bool = False  # a listing shows the document that a long operation refused, not the one that serves

    def __post_init__(self) -> None:
        self.stage.state.update({"gateways": {}, "next": 1})
        self.stage.clock.ticks.append(self._finish)

    @property
    def gateways(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stage.state["gateways"]
        return found

    def create(self, spec: dict[str, Any], record: dict[str, str]) -> str:
        def effect() -> str:
            made = f"gateway-{self.stage.state['next']:04d}"
            self.stage.state["next"] += 1
            if any(g["spec"].get("title") == spec.get("title") for g in self.gateways.values()):
                raise stage.Refused("conflict", f"the name {spec.get('title')} is taken")
            document: dict[str, list[Any]] = {kind: [] for kind in CHILDREN}
            blank: dict[str, Any] = {"pending": None, "until": 0.0, "failed": False, "etag": 1, "health": {}}
            blank |= {"refused": None, "reason": ""}
            self.gateways[made] = {"id": made, "spec": spec, "record": record, "document": document, **blank}
            return made

        return str(self.stage.write("create gateway", {"spec": spec}, effect))

    def update(self, gateway: str, changed: dict[str, Any]) -> None:
        self.stage.write("update gateway", changed, lambda: self.gateways[gateway]["spec"].update(changed))

    def delete(self, gateway: str) -> None:
        self.stage.write("delete gateway", {"id": gateway}, lambda: self.gateways.pop(gateway))

    def put(self, gateway: str, document: dict[str, Any], etag: int) -> None:
        """The whole document. Refused while another write runs; etag honoured or ignored."""

        def effect() -> None:
            self._finish()
            found = self.gateways.get(gateway)
            if found is None:
                raise stage.Refused("gone", f"{gateway} does not exist")
            if found["pending"] is not None:
                raise stage.Refused("conflict", "another operation is running")
            if self.honours_etag and etag != found["etag"]:
                raise stage.Refused("conflict", f"etag {etag} is not {found['etag']}")
            self._consistent(document)
            guilty, message = self._guilty(document)
            if guilty and self.mode == "sync":
                raise stage.Refused("invalid", message, guilty if self.named else "")
            found["pending"] = copy.deepcopy(document)
            found["until"] = self.stage.clock.now() + WRITE_SECONDS

        self.stage.write("put document", {"gateway": gateway, "document": document}, effect)

    def _consistent(self, document: Mapping[str, Any]) -> None:
        names = [child["name"] for kind in CHILDREN for child in document[kind]]
        if len(names) != len(set(names)):
            raise stage.Refused("invalid", "two children with one name")
        for kind in CHILDREN:
            for child in document[kind]:
                for used in child.get("refs", ()):
                    if used not in names:
                        raise stage.Refused("invalid", f"{child['name']} refers to {used}, which is not there")

    def _guilty(self, document: Mapping[str, Any]) -> tuple[str, str]:
        if self.refuses is not None:
            for kind in CHILDREN:
                for child in document[kind]:
                    message = self.refuses(kind, child)
                    if message:
                        return str(child["name"]), message
        return "", ""

    def _finish(self) -> None:
        """Ends operations whose time has come."""
        for found in self.gateways.values():
            if found["pending"] is None or self.stage.clock.now() < found["until"]:
                continue
            document, found["pending"] = found["pending"], None
            self.stage.history.append((found["until"], copy.deepcopy(self.stage.state)))
            if self._guilty(document)[0]:
                found["failed"], found["reason"] = True, self._guilty(document)[1]
                found["refused"] = document if self.shows_refused else None
                continue
            found["failed"], found["refused"] = False, None
            found["document"] = document
            found["etag"] += 1
            known = {(p["name"], at) for p in document["pool"] for at in p["targets"]}
            health = {f"{name} {at}": self.stage.clock.now() for name, at in sorted(known)}
            found["health"] = {key: found["health"].get(key, since) for key, since in health.items()}

    def answer(self, gateway: str, port: int, host: str, path: str) -> Any:
        """Action of the first rule that matches, as stored; None = 404."""
        document = self.gateways[gateway]["document"] if gateway in self.gateways else {"listener": []}
        for listener in document["listener"]:
            if listener["port"] == port:
                for rule in document["rule"]:
                    mine = rule["listener"] == listener["name"] and rule["host"] in ("*", host)
                    if mine and path.startswith(rule["path"]):
                        return rule["action"]
        return None

    def healthy(self, gateway: str, pool: str) -> int:
        found = self.gateways[gateway]
        now = self.stage.clock.now()
        targets: list[str] = next((p["targets"] for p in found["document"]["pool"] if p["name"] == pool), [])
        return sum(1 for at in targets if now >= found["health"].get(f"{pool} {at}", now) + HEALTH_SECONDS)

    def fails(self, gateway: str, action: Any) -> bool:
        return (
            bool(action) and action[0] == "forward" and any(w and not self.healthy(gateway, p) for p, w in action[1:])
        )


class Read:
    """The planning handle."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def list(self) -> dict[str, Any]:
        return self._cloud.stage.seen()

    def now(self) -> float:
        return self._cloud.stage.clock.now()

    def operation(self, gateway: str) -> Operation:
        self._cloud._finish()
        found = self._cloud.gateways.get(gateway)
        if found is None or (found["pending"] is None and not found["failed"]):
            return Operation(state="done")
        if found["pending"] is not None:
            return Operation(state="running")
        return Operation(state="failed", failure=Failure(why="invalid", code="refused", message=found["reason"]))


def child_name(element_key: str) -> str:
    return f"cgw!{element_key}"


def _stored(value: Any) -> Any:
    if isinstance(value, model.Ref):
        return child_name(value.key)
    if isinstance(value, tuple):
        return [_stored(item) for item in value]
    return value


def _child(element: model.Element) -> dict[str, Any]:
    fields = element.fields
    stored = {n: _stored(v) for n, v in fields.items() if n not in ("gateway",)}
    stored["refs"] = [child_name(r.key) for n, v in fields.items() if n != "gateway" for r in model.refs_in(v)]
    if model.kind_of(element.address) == "pool":
        stored.setdefault("targets", [])
    return {"name": child_name(element.key), **stored}


def commit_gateway(
    session: Session, _: str, __: Sequence[model.Element], changes: Sequence[model.Change], ids: Mapping[str, str]
) -> dict[str, str]:
    cloud: Cloud = session.write
    done: dict[str, str] = {}
    for change in changes:
        key = model.key_of(change.address, change.name)
        if change.op == "create" and change.after is not None:
            record = clouds.record_of(session, change.after)
            spec = {n: _stored(v) for n, v in change.after.fields.items()} | {"title": key}
            found = next((g for g in cloud.gateways.values() if g["spec"].get("title") == key), None)
            if found is not None and found["record"] != record:
                raise Failed("conflict", f"{found['id']} has our name and is not ours", key=change.key, done=done)
            done[key] = found["id"] if found is not None else cloud.create(spec, record)
        elif change.op == "update" and change.after is not None:
            cloud.update(ids[key], {n: _stored(change.after.fields[n]) for n in change.fields})
            done[key] = ids[key]
        elif change.op == "delete":
            document = cloud.gateways[ids[key]]["document"]
            approved = change.before.outputs.get("foreign", ()) if change.before is not None else ()
            strange = [c["name"] for k in CHILDREN for c in document[k] if not c["name"].startswith("cgw!")]
            if set(strange) - set(approved):
                raise Failed("conflict", f"{strange[0]} is not ours and lies in {ids[key]}", key=change.key, done=done)
            cloud.delete(ids[key])
            done[key] = ""
    return done


def commit_document(
    session: Session,
    group: str,
    observed: Sequence[model.Element],
    changes: Sequence[model.Change],
    ids: Mapping[str, str],
) -> dict[str, str]:
    """GET, change exactly our named children, PUT. No changes = put the last good document again."""
    cloud: Cloud = session.write
    gateway = ids[group.removeprefix("document:")]
    found = cloud.gateways.get(gateway)
    if found is None:
        raise Failed("gone", f"{gateway} does not exist")
    if found["pending"] is not None:
        raise Failed("conflict", "another operation is running")
    document = copy.deepcopy(found["refused"] or found["document"])
    positions = _positions(document["rule"])
    if found["failed"]:
        _restore(document, positions, observed)
    for change in changes:
        _change(document, positions, change)
    document["rule"].sort(key=lambda rule: positions[rule["name"]])
    try:
        cloud.put(gateway, document, found["etag"])
    except stage.Refused as refused:
        guilty = next((c for c in changes if child_name(model.key_of(c.address, c.name)) == refused.child), None)
        if refused.code == "invalid":
            raise Failed("invalid", str(refused), key=guilty.key if guilty is not None else "") from refused
        raise
    return {model.key_of(c.address, c.name): gateway for c in changes} | {"operation": gateway}


def _restore(document: dict[str, Any], positions: dict[str, int], observed: Sequence[model.Element]) -> None:
    """Ours as they were observed, whatever a refused document shows; what is not ours stays."""
    for kind in CHILDREN:
        document[kind] = [child for child in document[kind] if not child["name"].startswith("cgw!")]
        for element in observed:
            if model.kind_of(element.address) == kind:
                document[kind].append(_child(element))
                if "position" in element.outputs:
                    positions[child_name(element.key)] = int(element.outputs["position"])
    for element in observed:
        if model.kind_of(element.address) == "targets":
            _set_targets(document, element)


def _positions(rules: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {rule["name"]: (index + 1) * POSITION_STEP for index, rule in enumerate(rules)}


def _change(document: dict[str, Any], positions: dict[str, int], change: model.Change) -> None:
    if change.op == "reorder":
        positions.update({child_name(key): position for key, position in change.moves})
        return
    kind = model.kind_of(change.address)
    name = child_name(model.key_of(change.address, change.name))
    if kind == "targets":
        assert change.after is not None
        _set_targets(document, change.after)
        return
    children = document[kind]
    at = next((i for i, child in enumerate(children) if child["name"] == name), None)
    if change.op == "delete":
        if at is not None:
            del children[at]
        return
    assert change.after is not None
    made = _child(change.after)
    if at is not None:
        if kind == "pool":
            made["targets"] = children[at]["targets"]
        children[at] = made
    else:
        children.append(made)
        if change.position is not None:
            positions[name] = change.position


def _set_targets(document: dict[str, Any], element: model.Element) -> None:
    pool = child_name(element.fields["pool"].key)
    for child in document["pool"]:
        if child["name"] == pool:
            child["targets"] = list(element.fields["targets"])


def _group(where: model.Address, _: str, spec: model.Spec) -> str:
    ref = spec.get("gateway")
    return f"document:{ref.key}" if isinstance(ref, model.Ref) else f"document:{where}"


def _kind(name: str, **rest: Any) -> model.Kind:
    return model.Kind(name=name, group=_group, atomic=True, commit=commit_document, **rest)


KINDS: dict[str, model.Kind] = {
    kind.name: kind
    for kind in (
        model.Kind(
            name="gateway",
            immutable=("scheme",),
            mutable=("ranges",),
            optional=("shield",),
            commit=commit_gateway,
            published=TTL_SECONDS,
            exposes=lambda spec: frozenset(spec.get("ranges", ())) | {f"scheme {spec.get('scheme')}"},
        ),
        _kind("certificate", immutable=("gateway", "key"), mutable=("fingerprint",)),
        _kind("listener", immutable=("gateway", "port"), mutable=("certificate",)),
        _kind(
            "rule",
            immutable=("gateway", "listener", "host", "path"),
            mutable=("action",),
            traffic=("action",),
            positions=range(1, 100_000_000),
            table=clouds.rule_group,
            meets=clouds.meets_host,
            stand_in=clouds.refused_rule,
        ),
        _kind(
            "pool",
            immutable=("gateway", "protocol"),
            mutable=("check",),
            serving=clouds._share,
            drain=lambda _: DRAIN_SECONDS,
        ),
        _kind("targets", immutable=("gateway", "pool"), mutable=("targets",), fast="targets", of="pool"),
    )
}


@dataclass(frozen=True, slots=True)
class Documents(clouds.Objects):
    """The provider of the document cloud."""

    name: str = "documents"
    parameters_kind: str = "DocumentsParameters"
    staleness: float = STALENESS_SECONDS
    kinds: ClassVar[dict[str, model.Kind]] = KINDS
    capabilities: tuple[Capability, ...] = ()

    def list(self, read: Any, scope: Sequence[ProviderParameters], owner: str) -> Inventory:
        del scope, owner
        return Inventory(placement=PLACE, content=read.list(), began=read.now())

    def observe(self, inventory: Inventory, owner: str) -> model.Graph:
        elements: list[model.Element] = []
        taken: dict[str, tuple[int, ...]] = {}
        busy, failed = set(), set()
        for found in inventory.content["gateways"].values():
            if found["record"]["owner"] != owner:
                continue
            where, suffix = found["record"]["address"], found["record"]["suffix"]
            key = model.key_of(where, suffix)
            group = f"document:{key}"
            if found["pending"] is not None:
                busy.add(group)
            if found["failed"]:
                failed.add(group)
            document = found["refused"] or found["document"]
            strange = [c["name"] for k in CHILDREN for c in document[k] if not c["name"].startswith("cgw!")]
            spec = {n: tuple(v) if isinstance(v, list) else v for n, v in found["spec"].items() if n != "title"}
            outputs = {"id": found["id"], "dns": found["id"], "foreign": tuple(strange)}
            elements.append(model.Element(address=where, name=suffix, spec=spec, outputs=outputs))
            for index, rule in enumerate(document["rule"]):
                if not rule["name"].startswith("cgw!") and rule["listener"].startswith("cgw!"):
                    table = f"rules:{rule['listener'].removeprefix('cgw!')}"
                    taken[table] = (*taken.get(table, ()), (index + 1) * POSITION_STEP)
            for kind in CHILDREN:
                for index, child in enumerate(document[kind]):
                    if child["name"].startswith("cgw!"):
                        elements.extend(_observed(kind, index, child, found, key, inventory.began))
        return model.graph(elements, taken=taken, busy=frozenset(busy), failed=frozenset(failed))

    def operation(self, read: Any, token: str) -> Operation:
        found: Operation = read.operation(token)
        return found

    def classify(self, exception: BaseException) -> Failure | None:
        return clouds.classify(exception)


def _observed(
    kind: str, index: int, child: Mapping[str, Any], found: Mapping[str, Any], key: str, now: float
) -> list[model.Element]:
    where, suffix = child["name"].removeprefix("cgw!").rsplit("@", 1)
    parent_where, parent_suffix = key.rsplit("@", 1)
    gateway = model.Ref(parent_where, "exists", parent_suffix)
    spec = {n: _observed_value(n, v) for n, v in child.items() if n not in ("name", "refs", "targets")}
    outputs: dict[str, Any] = {"id": found["id"]}
    if kind == "rule":
        outputs["position"] = (index + 1) * POSITION_STEP
    elements = []
    if kind == "pool":
        since = found["health"]
        healthy = [at for at in child["targets"] if now >= since.get(f"{child['name']} {at}", now) + HEALTH_SECONDS]
        outputs |= {"healthy": len(healthy), "targets": len(child["targets"])}
        fields = {"gateway": gateway, "pool": model.Ref(where, "exists", suffix), "targets": tuple(child["targets"])}
        at = where.replace("/pool/", "/targets/", 1)
        elements.append(model.Element(address=at, name=suffix, spec=fields, outputs={"id": found["id"]}))
    elements.append(model.Element(address=where, name=suffix, spec={"gateway": gateway, **spec}, outputs=outputs))
    return elements


def _observed_value(name: str, value: Any) -> Any:
    if isinstance(value, str) and value.startswith("cgw!"):
        where, suffix = value.removeprefix("cgw!").rsplit("@", 1)
        return model.Ref(where, "serving" if name == "action" else "exists", suffix)
    if isinstance(value, list):
        return tuple(_observed_value(name, item) for item in value)
    return value


def session_of(cloud: Cloud, owner: str = "owner-1") -> Session:
    return Session(read=Read(cloud), write=cloud, owner=owner)


def graph(world: worlds.World) -> model.Graph:
    """Desired graph of a World on this cloud: as on the other one, with everything lying in the gateway document."""
    plain = worlds.objects_graph(world, cloud="documents")
    gateway = model.address(world.gateway, "documents", "gateway", "gw")
    balancer = model.address(world.gateway, "documents", "balancer", "lb")
    elements = []
    for element in plain:
        if element.address == balancer:
            elements.append(model.Element(address=gateway, spec={**element.fields}))
            continue
        if isinstance(element.spec, Unknown):
            elements.append(element)
            continue
        spec = {n: v for n, v in element.spec.items() if n != "balancer"}
        elements.append(model.Element(address=element.address, spec={"gateway": model.Ref(gateway), **spec}))
    return model.graph(elements, order=plain.order, withdrawn=plain.withdrawn)
