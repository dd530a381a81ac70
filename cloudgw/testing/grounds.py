"""The two in-memory clouds as Grounds for the laws."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cloudgw.graph import model
from cloudgw.provider import Inventory, Placement, Session
from cloudgw.testing import clouds, documents, objects_cloud, stage, worlds


class _Staged:
    """What both grounds get from the stage that their cloud plays on."""

    __slots__ = ()

    @property
    def scene(self) -> stage.Stage:
        raise NotImplementedError

    @property
    def clock(self) -> stage.Clock:
        return self.scene.clock

    def calls(self) -> int:
        return self.scene.calls

    def operations(self, since: int = 0) -> list[str]:
        return [call.operation for call in self.scene.journal[since:]]

    def arm(self, after: int, fault: stage.FaultKind) -> None:
        self.scene.faults[self.scene.calls + after] = fault

    def lag(self, seconds: float) -> None:
        self.scene.lag = seconds

    def disarm(self) -> None:
        self.scene.faults.clear()

    def on_call(self, hook: Callable[[str], None]) -> None:
        self.scene.after_call.append(hook)

    def on_tick(self, hook: Callable[[], None]) -> None:
        self.clock.ticks.append(hook)


@dataclass(slots=True)
class Objects(_Staged):
    """The cloud of many small objects."""

    name: str = "objects"
    balancer: str = "balancer"
    cloud: objects_cloud.Cloud = field(default_factory=objects_cloud.Cloud)
    provider: clouds.Objects = field(default_factory=clouds.Objects)
    placement: ClassVar[Placement] = clouds.PLACE

    @property
    def scene(self) -> stage.Stage:
        return self.cloud.stage

    def session(self) -> Session:
        return clouds.session_of(self.cloud)

    def listing(self, session: Session) -> Inventory:
        return self.provider.list(session.read, [], session.owner)

    def desired(self, world: worlds.World, inventory: Inventory) -> model.Graph:
        del inventory
        return worlds.objects_graph(world)

    def named(self) -> Any:
        names = {t["id"]: _name(t) for t in self.cloud.things.values()}
        found: dict[str, list[Any]] = {}
        for thing in self.cloud.things.values():
            body = {"spec": _renamed(thing["spec"], names), "record": thing["record"]}
            if "targets" in thing:
                body["targets"] = sorted(t["at"] for t in thing["targets"])
            if thing["kind"] == "rule":
                siblings = [names[r["id"]] for r in self.cloud.rules(thing["spec"]["listener"])]
                body["rank"] = siblings.index(names[thing["id"]])
            found.setdefault(names[thing["id"]], []).append(body)
        return {name: sorted(bodies, key=str) for name, bodies in sorted(found.items())}

    def everything(self) -> Any:
        return copy.deepcopy(self.cloud.things)

    def plant(self, gateway: str) -> Any:
        """A balancer named like ours, a pool with our tag keys and another owner, a rule on our listener that alone
        forwards to it."""
        del gateway
        listener = next(t["id"] for t in self.cloud.things.values() if t["kind"] == "listener" and t["record"])
        held = {rule["position"] for rule in self.cloud.rules(listener)}
        planted = [self.cloud.create("balancer", {"scheme": "public", "title": "shop/edge/objects/balancer/lb"}, None)]
        other = {"owner": "somebody", "address": "shop/edge/objects/pool/one", "suffix": "aaaaaaaaaa"}
        pool = self.cloud.create("pool", {"protocol": "HTTP", "check": "/", "title": "theirs"}, other)
        planted.append(pool)
        spec = {"listener": listener, "host": "theirs.example", "path": "/", "action": ["forward", [pool, 1]]}
        planted.append(self.cloud.create("rule", spec, None, next(p for p in range(1850, 9000) if p not in held)))
        return planted

    def foreign(self, token: Any) -> Any:
        strip = ("targets",)
        return {t: {k: v for k, v in self.cloud.things.get(t, {}).items() if k not in strip} for t in token}

    def uproot(self, token: Any) -> None:
        for thing_id in reversed(token):
            self.cloud.delete(thing_id)

    def _balancer(self, suffix: str) -> str:
        found = [t["id"] for t in self.cloud.things.values() if t["kind"] == "balancer" and _suffix(t) == suffix]
        return found[0] if found else ""

    def answer(self, address_name: str, port: int, host: str, path: str) -> Any:
        action = self.cloud.answer(self._balancer(address_name), port, host, path)
        if not action or action[0] != "forward":
            return tuple(action) if action else None
        things = self.cloud.things
        return ("forward", tuple(sorted((_service(things[p]), w) for p, w in action[1:])))

    def fails(self, address_name: str, port: int, host: str, path: str) -> bool:
        return self.cloud.fails(self.cloud.answer(self._balancer(address_name), port, host, path))

    def drift(self, element: model.Element, field_: str) -> bool:
        thing = self.cloud.things[element.outputs["id"]]
        if model.kind_of(element.address) == "targets":
            thing["targets"] = [{"at": "10.0.9.9:8080", "since": None}]
            return True
        changed = drifted(thing["spec"].get(field_))
        thing["spec"][field_] = changed
        return True


def drifted(value: Any) -> Any:
    """Another value of the same shape."""
    if isinstance(value, list) and value and value[0] == "forward":
        return ["status", 418]
    if isinstance(value, list) and value and value[0] == "status":
        return ["status", 418]
    if isinstance(value, list | tuple):
        return [*value, "192.0.2.0/24"]
    return None if value is None else f"{value}-drifted"


def _name(thing: Mapping[str, Any]) -> str:
    record = thing["record"]
    if not record or record["owner"] != "owner-1":
        return str(thing["id"])
    return model.key_of(record["address"], record["suffix"])


def _suffix(thing: Mapping[str, Any]) -> str:
    return str(thing["record"]["suffix"]) if thing["record"] else ""


def _service(thing: Mapping[str, Any]) -> str:
    return str(thing["record"]["address"]).rsplit("/", 1)[1] if thing["record"] else str(thing["id"])


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list | tuple):
        return [_renamed(item, names) for item in value]
    if isinstance(value, Mapping):
        return {key: _renamed(item, names) for key, item in sorted(value.items())}
    return value


@dataclass(slots=True)
class Documents(_Staged):
    """The cloud of one whole document."""

    name: str = "documents"
    balancer: str = "gateway"
    cloud: documents.Cloud = field(default_factory=documents.Cloud)
    provider: documents.Documents = field(default_factory=documents.Documents)
    placement: ClassVar[Placement] = documents.PLACE

    @property
    def scene(self) -> stage.Stage:
        return self.cloud.stage

    def session(self) -> Session:
        return documents.session_of(self.cloud)

    def listing(self, session: Session) -> Inventory:
        return self.provider.list(session.read, [], session.owner)

    def desired(self, world: worlds.World, inventory: Inventory) -> model.Graph:
        del inventory
        return documents.graph(world)

    def named(self) -> Any:
        found = {}
        for gateway in self.cloud.gateways.values():
            document = {
                kind: sorted(copy.deepcopy(children), key=lambda c: str(c["name"])) if kind != "rule" else children
                for kind, children in gateway["document"].items()
            }
            document["rule"].sort(key=lambda rule: str(rule["listener"]))  # order means something within a listener
            found[gateway["spec"]["title"]] = {
                "spec": gateway["spec"],
                "record": gateway["record"],
                "document": copy.deepcopy(document),
                "pending": gateway["pending"] is not None,
            }
        return found

    def everything(self) -> Any:
        return copy.deepcopy(self.cloud.gateways)

    def plant(self, gateway: str) -> Any:
        """In every document of ours, children that we did not name."""
        del gateway
        for found in self.cloud.gateways.values():
            document = found["document"]
            document["pool"].append({"name": "theirs", "protocol": "HTTP", "check": "/x", "targets": ["10.0.3.3:1"]})
            if document["listener"]:
                rule = {"name": "their-rule", "listener": document["listener"][0]["name"], "host": "theirs.example"}
                rule |= {"path": "/", "action": ["forward", ["theirs", 1]], "refs": ["theirs"]}
                document["rule"].insert(1, rule)
            found["etag"] += 1
        return list(self.cloud.gateways)

    def foreign(self, token: Any) -> Any:
        return [
            [c for kind in documents.CHILDREN for c in document[kind] if not c["name"].startswith("cgw!")]
            for gateway in token
            if (document := self.cloud.gateways[gateway]["document"])
        ]

    def uproot(self, token: Any) -> None:
        del token
        for gateway in self.cloud.gateways.values():
            for kind in documents.CHILDREN:
                children = gateway["document"][kind]
                gateway["document"][kind] = [c for c in children if c["name"].startswith("cgw!")]
            gateway["etag"] += 1

    def _gateway(self, suffix: str) -> str:
        found = [g["id"] for g in self.cloud.gateways.values() if g["record"]["suffix"] == suffix]
        return found[0] if found else ""

    def answer(self, address_name: str, port: int, host: str, path: str) -> Any:
        action = self.cloud.answer(self._gateway(address_name), port, host, path)
        if not action or action[0] != "forward":
            return tuple(action) if action else None
        return ("forward", tuple(sorted((p.rsplit("@", 1)[0].rsplit("/", 1)[-1], w) for p, w in action[1:])))

    def fails(self, address_name: str, port: int, host: str, path: str) -> bool:
        gateway = self._gateway(address_name)
        return bool(gateway) and self.cloud.fails(gateway, self.cloud.answer(gateway, port, host, path))

    def drift(self, element: model.Element, field_: str) -> bool:
        gateway = self.cloud.gateways[element.outputs["id"]]
        kind = model.kind_of(element.address)
        if kind == "gateway":
            gateway["spec"][field_] = drifted(gateway["spec"][field_])
            return True
        at = element.address.replace("/targets/", "/pool/", 1) if kind == "targets" else element.address
        name = documents.child_name(model.key_of(at, element.name))
        for child in gateway["document"]["pool" if kind == "targets" else kind]:
            if child["name"] == name:
                child[field_] = ["10.0.9.9:8080"] if kind == "targets" else drifted(child.get(field_))
        gateway["etag"] += 1
        return True
