"""The side of the in-memory cloud of many small objects that a vendor would write: its state and its operations.

`clouds` is the provider for it. References are enforced, deletes of what is in use refused, names of balancers and
pools unique; a target's health clock runs only while a rule names its pool.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudgw.testing import stage

HEALTH_SECONDS = 3.0


@dataclass(slots=True)
class Cloud:
    """The cloud's side. state: {"things": {id: thing}, "next": n}; a thing = {id, kind, spec, record, made}; refs in
    specs are ids. Operations raise stage.Refused like a vendor's API would."""

    stage: stage.Stage = field(default_factory=stage.Stage)
    refuses: Any = None  # predicate(kind, spec) -> message or ""

    def __post_init__(self) -> None:
        self.stage.state.update({"things": {}, "next": 1})

    @property
    def things(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stage.state["things"]
        return found

    def create(self, kind: str, spec: dict[str, Any], record: dict[str, str] | None, position: int = 0) -> str:
        def effect() -> str:
            self._may_create(kind, spec, position)
            made = f"{kind}-{self.stage.state['next']:04d}"
            self.stage.state["next"] += 1
            thing: dict[str, Any] = {
                "id": made,
                "kind": kind,
                "spec": spec,
                "record": record,
                "made": self.stage.clock.now(),
            }
            if position:
                thing["position"] = position
            if kind == "pool":
                thing["targets"] = []
            self.things[made] = thing
            self._probe()
            return made

        return str(self.stage.write(f"create {kind}", {"spec": spec, "position": position}, effect))

    def _may_create(self, kind: str, spec: dict[str, Any], position: int) -> None:
        for used in ids_in(spec):
            if used not in self.things:
                raise stage.Refused("gone", f"{used} does not exist")
        reason = self.refuses(kind, spec) if self.refuses else ""
        if reason:
            raise stage.Refused("invalid", reason)
        for thing in self.things.values():
            if thing["kind"] != kind:
                continue
            if kind == "listener" and all(thing["spec"][n] == spec[n] for n in ("balancer", "port")):
                raise stage.Refused("conflict", f"port {spec['port']} is taken by {thing['id']}")
            if kind == "rule" and thing["spec"]["listener"] == spec["listener"] and thing["position"] == position:
                raise stage.Refused("conflict", f"position {position} is taken by {thing['id']}")
            if kind in ("balancer", "pool") and thing["spec"].get("title") == spec.get("title"):
                raise stage.Refused("conflict", f"the name {spec.get('title')} is taken")

    def update(self, thing_id: str, changed: dict[str, Any]) -> None:
        def effect() -> None:
            self._get(thing_id)["spec"].update(changed)
            for used in ids_in(changed):
                self._get(used)
            self._probe()

        self.stage.write(f"update {thing_id.split('-')[0]}", {"id": thing_id, **changed}, effect)

    def reorder(self, listener: str, positions: dict[str, int]) -> None:
        def effect() -> None:
            for thing_id, position in positions.items():
                self._get(thing_id)["position"] = position
            held = [t["position"] for t in self.rules(listener)]
            if len(held) != len(set(held)):
                raise stage.Refused("conflict", "two rules at one position")

        self.stage.write("reorder rule", {"positions": positions}, effect)

    def register(self, pool: str, targets: list[str]) -> None:
        def effect() -> None:
            now = self.stage.clock.now()
            thing = self._get(pool)
            known = {t["at"]: t for t in thing["targets"]}
            thing["targets"] = [known.get(at, {"at": at, "since": None}) for at in targets]
            self._probe(now)

        self.stage.write("register pool", {"pool": pool, "targets": targets}, effect)

    def delete(self, thing_id: str) -> None:
        def effect() -> None:
            self._get(thing_id)
            users = [t["id"] for t in self.things.values() if thing_id in ids_in(t["spec"])]
            if users:
                raise stage.Refused("in_use", f"{thing_id} is used by {users[0]}")
            del self.things[thing_id]
            self._probe()

        self.stage.write(f"delete {thing_id.split('-')[0]}", {"id": thing_id}, effect)

    def _get(self, thing_id: str) -> dict[str, Any]:
        if thing_id not in self.things:
            raise stage.Refused("gone", f"{thing_id} does not exist")
        found: dict[str, Any] = self.things[thing_id]
        return found

    def _probe(self, now: float | None = None) -> None:
        """A target's health clock starts when it is registered in a pool that a rule names, and is lost with either."""
        named = {used for t in self.things.values() if t["kind"] == "rule" for used in ids_in(t["spec"])}
        for thing in self.things.values():
            for target in thing.get("targets", ()):
                if thing["id"] not in named:
                    target["since"] = None
                elif target["since"] is None:
                    target["since"] = self.stage.clock.now() if now is None else now

    def rules(self, listener: str) -> list[dict[str, Any]]:
        found = [t for t in self.things.values() if t["kind"] == "rule" and t["spec"]["listener"] == listener]
        return sorted(found, key=lambda t: int(t["position"]))

    def answer(self, balancer: str, port: int, host: str, path: str) -> Any:
        """Action of the first rule that matches, as stored; None when nothing answers (404)."""
        for thing in self.things.values():
            if thing["kind"] == "listener" and (thing["spec"]["balancer"], thing["spec"]["port"]) == (balancer, port):
                for rule in self.rules(thing["id"]):
                    spec = rule["spec"]
                    if spec["host"] in ("*", host) and path.startswith(spec["path"]):
                        return spec["action"]
        return None

    def healthy(self, pool: str) -> int:
        targets = self.things[pool]["targets"] if pool in self.things else []
        return sum(1 for t in targets if is_healthy(t, self.stage.clock.now()))

    def fails(self, action: Any) -> bool:
        """Would a request that meets this action see a 5xx of the balancer's own?"""
        return bool(action) and action[0] == "forward" and any(w and not self.healthy(p) for p, w in action[1:])


def is_healthy(target: Mapping[str, Any], now: float) -> bool:
    return target["since"] is not None and now >= target["since"] + HEALTH_SECONDS


def ids_in(value: Any) -> list[str]:
    """Cloud ids inside a stored spec: values of the form "<kind>-NNNN"."""
    if isinstance(value, str):
        return [value] if value.split("-")[0] in KIND_NAMES and value[-4:].isdigit() else []
    if isinstance(value, list | tuple):
        return [found for item in value for found in ids_in(item)]
    if isinstance(value, dict):
        return [found for item in value.values() for found in ids_in(item)]
    return []


KIND_NAMES = ("balancer", "listener", "rule", "pool", "certificate")
