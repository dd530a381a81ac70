"""GatewayState: where something of a Gateway stands, and the diary of its passes; one object for each Gateway.

An address book that is written before the first cloud write in a place and emptied when nothing is left there. It is
kept in the controller's own namespace, so that it outlives the Gateway's. Losing it restarts clocks, and orphans are
found by `cloudgw destroy`; it is never rebuilt by guessing. Only the leader writes; one whose content did not change is
not written.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from cloudgw.controller import kube, names
from cloudgw.graph import memory
from cloudgw.objects import Key
from cloudgw.plan import check
from cloudgw.provider import Placement

FLEET = "fleet"  # the one object that belongs to no Gateway: deletions of the last hour
NAME_LIMIT = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """approved: words of changes that a person approved. version: of cloudgw, and inputs: hash of the objects, when
    nothing was left to do. released: UIDs of earlier Gateways of this name that were let go with their load balancer
    standing. retain: the load balancer is to outlive the Gateway. definitions: kind -> UID of its definition.
    class_name: of the Gateway when something was last written for it. approved_by: digests that gave the words of
    `approved`; spent: those that did and are still said, when nothing was left to do: they approve nothing again."""

    gateway: Key
    uid: str = ""
    placements: tuple[Placement, ...] = ()
    diaries: Mapping[Placement, memory.Diary] = field(default_factory=dict)
    approved: frozenset[str] = frozenset()
    approved_by: frozenset[str] = frozenset()
    spent: frozenset[str] = frozenset()
    version: str = ""
    inputs: str = ""
    released: frozenset[str] = frozenset()
    retain: bool = False
    class_name: str = ""
    definitions: Mapping[str, str] = field(default_factory=dict)

    def diary(self, placement: Placement) -> memory.Diary:
        return self.diaries.get(placement, memory.Diary())

    def with_diary(self, placement: Placement, diary: memory.Diary) -> State:
        return replace(self, diaries={**self.diaries, placement: diary})

    def without(self, placement: Placement) -> State:
        """Nothing of the Gateway stands in a placement any more."""
        return replace(
            self,
            placements=tuple(one for one in self.placements if one != placement),
            diaries={one: diary for one, diary in self.diaries.items() if one != placement},
        )


def name_of(gateway: Key) -> str:
    """Of the object: the Gateway's namespace and name, shortened by a hash where Kubernetes has no room for both."""
    plain = ".".join(gateway)
    if len(plain) <= NAME_LIMIT:
        return plain
    return f"{plain[: NAME_LIMIT - 17].rstrip('.-')}.{hashlib.sha256(plain.encode()).hexdigest()[:16]}"


def placement_of(text: str) -> Placement:
    """Of "provider/account/region"; with two parts the account is not named."""
    parts = text.split("/")
    if len(parts) == 2:
        return Placement(parts[0], "", parts[1])
    return Placement(*parts[:3])


def spec(state: State) -> dict[str, Any]:
    """Of the GatewayState, sorted: equal states have equal specs."""
    found: dict[str, Any] = {
        "gateway": {"namespace": state.gateway[0], "name": state.gateway[1], "uid": state.uid},
        "placements": sorted(str(one) for one in state.placements),
        "diaries": [_diary(where, diary) for where, diary in sorted(state.diaries.items()) if diary != memory.Diary()],
        "approved": sorted(state.approved),
        "approvedBy": sorted(state.approved_by),
        "spent": sorted(state.spent),
        "released": sorted(state.released),
        "definitions": dict(sorted(state.definitions.items())),
        "version": state.version,
        "inputs": state.inputs,
        "retain": state.retain,
        "className": state.class_name,
    }
    return {name: value for name, value in found.items() if value not in ([], {}, "", False)}


def _diary(where: Placement, diary: memory.Diary) -> dict[str, Any]:
    found = {
        "placement": str(where),
        "retired": dict(sorted(diary.retired.items())),
        "shifts": dict(sorted(diary.shifts.items())),
        "published": {
            address: {"incarnation": suffix, "since": since}
            for address, (suffix, since) in sorted(diary.published.items())
        },
        "deletions": list(diary.deletions),
        "operations": dict(sorted(diary.operations.items())),
    }
    return {name: value for name, value in found.items() if value}


def read(document: Mapping[str, Any]) -> State | None:
    """Of an object as the API server has it; None for one that belongs to no Gateway."""
    found = document.get("spec") or {}
    gateway = found.get("gateway") or {}
    if not gateway.get("name"):
        return None
    return State(
        gateway=(gateway.get("namespace", ""), gateway["name"]),
        uid=gateway.get("uid", ""),
        placements=tuple(sorted(placement_of(text) for text in found.get("placements", ()))),
        diaries={placement_of(one["placement"]): _read_diary(one) for one in found.get("diaries", ())},
        approved=frozenset(found.get("approved", ())),
        approved_by=frozenset(found.get("approvedBy", ())),
        spent=frozenset(found.get("spent", ())),
        version=found.get("version", ""),
        inputs=found.get("inputs", ""),
        released=frozenset(found.get("released", ())),
        retain=bool(found.get("retain")),
        class_name=found.get("className", ""),
        definitions=dict(found.get("definitions", {})),
    )


def _read_diary(one: Mapping[str, Any]) -> memory.Diary:
    published = {
        address: (value["incarnation"], float(value["since"])) for address, value in one.get("published", {}).items()
    }
    return memory.Diary(
        retired={key: float(when) for key, when in one.get("retired", {}).items()},
        shifts={key: float(when) for key, when in one.get("shifts", {}).items()},
        published=published,
        deletions=tuple(float(when) for when in one.get("deletions", ())),
        operations=dict(one.get("operations", {})),
    )


class Client(Protocol):
    """Of `kube.Kube`, as far as a worker's thread needs it."""

    def wait(self, coroutine: Any, timeout: float = ...) -> Any: ...
    def get(self, path: str) -> Any: ...
    def create(self, path: str, body: Mapping[str, Any]) -> Any: ...
    def replace(self, path: str, body: Mapping[str, Any]) -> Any: ...
    def delete(self, path: str) -> Any: ...


class States:
    """Every GatewayState of one namespace, kept by the leader. Threads of different Gateways may call at once."""

    def __init__(self, client: Client, namespace: str, leads: Callable[[], bool] = lambda: True) -> None:
        """leads: whether this term goes on; after it nothing is written over what the next leader wrote."""
        self._kube = client
        self._namespace = namespace
        self._leads = leads
        self._lock = threading.Lock()
        self._counting = threading.Lock()  # the fleet's budget: two must not both be last
        self._found: dict[Key, State] = {}
        self._objects: dict[str, dict[str, Any]] = {}  # by name, as last seen or written
        self._fleet: dict[str, float] = {}

    def load(self) -> None:
        """From a worker's thread, once leadership is held. Raises what the API server's client raises: without the
        address book nothing may be written."""
        answer = self._kube.wait(self._kube.get(names.path(names.STATE, self._namespace)))
        with self._lock:
            self._found.clear()
            self._objects.clear()
            for item in answer.get("items", ()):
                self._keep(item)

    def _keep(self, item: Mapping[str, Any]) -> None:
        name = item["metadata"]["name"]
        self._objects[name] = dict(item)
        if name == FLEET:
            self._fleet = {key: float(when) for key, when in (item.get("spec", {}).get("fleet") or {}).items()}
        elif (found := read(item)) is not None:
            self._found[found.gateway] = found

    def get(self, gateway: Key) -> State:
        with self._lock:
            return self._found.get(gateway, State(gateway=gateway))

    def all(self) -> list[State]:
        with self._lock:
            return [self._found[key] for key in sorted(self._found)]

    def put(self, state: State) -> bool:
        """Writes what changed; deletions that an hour has passed over are no change. True when written."""
        with self._lock:
            before = self._found.get(state.gateway, State(gateway=state.gateway, uid=state.uid))
            if _essential(before) == _essential(state) and _newest(state) <= _newest(before):
                return False
        self._write(name_of(state.gateway), spec(state))
        with self._lock:
            self._found[state.gateway] = state
        return True

    def drop(self, gateway: Key) -> None:
        """The Gateway is gone and nothing of it stands."""
        name = name_of(gateway)
        with self._lock:
            known = name in self._objects
        if known:
            self._asked()
            try:
                self._kube.wait(self._kube.delete(names.path(names.STATE, self._namespace, name)))
            except kube.Refused as refused:
                if refused.status != 404:
                    raise
        with self._lock:
            self._found.pop(gateway, None)
            self._objects.pop(name, None)

    def may_delete(self, gateway: Key, budget: int, now: float) -> bool:
        """Whether the deletion of one more Gateway may begin in this hour; what began goes on."""
        owner = "/".join(gateway)
        with self._counting:
            recent = {key: when for key, when in self._fleet.items() if when > now - check.HOUR}
            if owner in recent:
                return True
            if len(recent) >= budget:
                return False
            wanted = {**recent, owner: now}
            self._write(FLEET, {"fleet": wanted})
            self._fleet = wanted
        return True

    def _write(self, name: str, wanted: Mapping[str, Any]) -> None:
        """Somebody else's edit, or an object that an earlier call made without an answer, is read and written over: it
        is nobody's but ours."""
        path = names.path(names.STATE, self._namespace)
        for last in (False, True):
            self._asked()
            with self._lock:
                seen = self._objects.get(name)
            try:
                if seen is None:
                    written = self._kube.wait(self._kube.create(path, self._made(name, wanted)))
                else:
                    written = self._kube.wait(self._kube.replace(f"{path}/{name}", {**seen, "spec": wanted}))
                break
            except kube.Refused as refused:
                if last or refused.status not in (404, 409):
                    raise
                with self._lock:
                    self._objects.pop(name, None)
                if refused.status == 409:
                    found = self._kube.wait(self._kube.get(f"{path}/{name}"))
                    with self._lock:
                        self._objects[name] = found
        with self._lock:
            self._objects[name] = written

    def _asked(self) -> None:
        if not self._leads():
            raise ConnectionError("this process does not lead any more; whoever does writes what is to be remembered")

    def _made(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "apiVersion": f"{names.GROUP}/{names.VERSION}",
            "kind": names.STATE,
            "metadata": {"name": name, "namespace": self._namespace},
            "spec": wanted,
        }


def _essential(state: State) -> dict[str, Any]:
    """Without the deletions, which an hour passes over."""
    plain = {where: replace(diary, deletions=()) for where, diary in state.diaries.items()}
    return spec(replace(state, diaries=plain))


def _newest(state: State) -> float:
    return max((when for diary in state.diaries.values() for when in diary.deletions), default=0.0)
