"""What each Gateway says of routes and policies, side by side, so that one writer joins it into one status.

Workers put what they resolved, `writing` asks what a route's status has to hold. A route may have Gateways of several
placements, each resolved on its own: an entry is taken away when it is known that nobody stands behind it any more, and
never because its Gateway was not resolved yet. Thread-safe; this module must never do I/O.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from cloudgw import objects
from cloudgw.controller import merging, names
from cloudgw.objects import GATEWAY_GROUP, ROUTE_KINDS, Key
from cloudgw.routing import statuses

Entry: TypeAlias = Mapping[str, Any]
RouteKey: TypeAlias = tuple[str, Key]  # kind (of a policy, too), (namespace, name)
LISTS: Mapping[str, str] = {
    **{kind.__name__: "parents" for kind in ROUTE_KINDS},
    "BackendTLSPolicy": "ancestors",
    names.POLICY: "ancestors",
}


class Seen(Protocol):
    """What is asked of a `store.Live`."""

    @property
    def item(self) -> Any: ...
    @property
    def uid(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def generation(self) -> int: ...
    @property
    def status(self) -> Mapping[str, Any]: ...


class World(Protocol):
    """What is asked of the `store.Store`."""

    def get(self, kind: str, key: Key, /) -> Seen | None: ...
    def keys(self, kind: str, /) -> Sequence[Key]: ...
    def is_complete(self, kind: str, /) -> bool: ...
    def class_of(self, gateway: Key, /) -> str: ...


def entries(found: Collection[statuses.ObjectStatus]) -> dict[RouteKey, list[Entry]]:
    """What `RouteBoard.put` takes, of the statuses that one Gateway's resolution gives."""
    return {
        (one.kind, (one.namespace, one.name)): list(one.status.get(LISTS[one.kind], ()))
        for one in found
        if one.kind in LISTS
    }


class RouteBoard:
    """namespaces: those that are watched, empty = all; nothing is concluded about a Gateway elsewhere."""

    def __init__(
        self, world: World, *, controller: str = objects.CONTROLLER_NAME, namespaces: Collection[str] = ()
    ) -> None:
        self._world, self._controller, self._namespaces = world, controller, frozenset(namespaces)
        self._lock = threading.Lock()
        self._said: dict[Key, frozenset[RouteKey]] = {}  # by Gateway; one that is here was resolved
        self._entries: dict[RouteKey, dict[Key, tuple[Entry, ...]]] = {}

    def put(self, gateway: Key, found: Mapping[RouteKey, Sequence[Entry]]) -> list[RouteKey]:
        """Everything that one Gateway's resolution says of routes and policies. Which of them to write: those it speaks
        of now and those it spoke of before; writing what did not change costs no request. Never put what was resolved
        of a Gateway, or of a class, that is Unknown."""
        with self._lock:
            before = self._said.get(gateway, frozenset())
            for route in before - found.keys():
                self._entries[route].pop(gateway, None)
                if not self._entries[route]:
                    del self._entries[route]
            for route, items in found.items():
                self._entries.setdefault(route, {})[gateway] = tuple(items)
            self._said[gateway] = frozenset(found)
            return sorted(before | found.keys())

    def forget(self, gateway: Key) -> list[RouteKey]:
        """A Gateway that is gone for certain, or another controller's now. Which routes to write."""
        return self.put(gateway, {})

    def wanted(self, kind: str, key: Key, refs: Sequence[Entry] | None) -> statuses.ObjectStatus:
        """All entries of a route or policy, in the order of its parentRefs. refs: those parentRefs as the spec has them
        now, None when they are not known or there are none (policies): an entry for another is not wanted any more."""
        name = LISTS[kind]
        with self._lock:
            of = self._entries.get((kind, key), {})
            found = [one for gateway in sorted(of) for one in of[gateway]]
        if refs is not None:
            places = {merging.canonical(ref, key[0]): number for number, ref in reversed(list(enumerate(refs)))}
            ranked = [(self._canonical(one, name, key[0]), one) for one in found]
            found = [one for to, one in sorted(ranked, key=lambda pair: places.get(pair[0], 0)) if to in places]
        ready = _readiness(kind, key, found) if kind == names.POLICY else {}
        return statuses.ObjectStatus(kind=kind, namespace=key[0], name=key[1], status={**ready, name: found})

    def keeps(self, kind: str, key: Key, refs: Sequence[Entry] | None) -> Callable[[Entry], bool]:
        """Which entries of ours stay though nobody wants them: those whose Gateway may still speak of them."""
        name = LISTS[kind]
        named = None if refs is None else {merging.canonical(ref, key[0]) for ref in refs}

        def keep(entry: Entry) -> bool:
            to = self._canonical(entry, name, key[0])
            return (named is None or to in named) and self._is_pending(to)

        return keep

    def strays(self) -> list[RouteKey]:
        """Routes and policies with an entry of ours that nobody stands behind, as those that lost their Gateway while
        we were not running. For each pass over everything."""
        found = []
        for kind, name in LISTS.items():
            for key in self._world.keys(kind):
                seen = self._world.get(kind, key)
                ours = [one for one in seen.status.get(name) or () if self._is_ours(one)] if seen is not None else []
                if seen is not None and ours and self._is_stray(kind, key, ours, parent_refs(seen.item)):
                    found.append((kind, key))
        return found

    def _is_ours(self, entry: Entry) -> bool:
        return bool(entry.get("controllerName") == self._controller)

    def _is_stray(self, kind: str, key: Key, ours: Sequence[Entry], refs: Sequence[Entry] | None) -> bool:
        name = LISTS[kind]
        wanted = {self._canonical(one, name, key[0]) for one in self.wanted(kind, key, refs).status[name]}
        keep = self.keeps(kind, key, refs)
        return any(self._canonical(one, name, key[0]) not in wanted and not keep(one) for one in ours)

    def _canonical(self, entry: Entry, name: str, namespace: str) -> tuple[str, str, str, str, str, int]:
        return merging.canonical(entry.get(merging.ENTRIES[name]) or {}, namespace)

    def _is_pending(self, to: tuple[str, str, str, str, str, int]) -> bool:
        """Whether the Gateway behind a reference may be ours and has not spoken yet."""
        group, kind, namespace, name = to[:4]
        if group != GATEWAY_GROUP or kind not in ("Gateway", "ListenerSet"):
            return False
        if self._namespaces and namespace not in self._namespaces:
            return True
        if kind == "ListenerSet":
            found = self._world.get("ListenerSet", (namespace, name))
            if found is None:
                return not self._world.is_complete("ListenerSet")
            if not isinstance(found.item, objects.ListenerSet):
                return True
            parent = found.item.parent
            return self._is_pending((parent.group, parent.kind, parent.namespace, parent.name, "", 0))
        gateway = (namespace, name)
        with self._lock:
            if gateway in self._said:
                return False
        if self._world.get("Gateway", gateway) is None:
            return not self._world.is_complete("Gateway")
        return self._world.class_of(gateway) != "foreign"


def _readiness(kind: str, key: Key, ancestors: Sequence[Entry]) -> Mapping[str, Any]:
    """Of a kind of our own, that has conditions too: what its Gateways say, in one word. Nothing before any does."""
    said = [one for entry in ancestors for one in entry["conditions"] if one["type"] == "Accepted"]
    if not said:
        return {}
    generation = max(one["observedGeneration"] for one in said)
    problems = [one["message"] for one in said if one["status"] == "False"]
    waits = "; ".join(sorted({one["message"] for one in said if one["status"] == "Unknown"}))
    return merging.readiness(kind, *key, generation, problems, working=waits).status


def parent_refs(item: Any) -> list[Entry] | None:
    """spec.parentRefs of a route as the API server keeps them; None for anything else, or one that cannot be read."""
    if isinstance(item, ROUTE_KINDS):
        return [statuses.parent_json(ref) for ref in item.parents]
    return None
