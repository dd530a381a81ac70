"""Every Kubernetes object that the informers read, typed, and who has to be looked at again when one of them changes.

Informers put and drop from the event loop's thread; workers ask for selections from theirs. Nothing here waits: one
lock is held for lookups only, and `dirty` is called after it was released, when the change can already be seen. What
could not be read again stays as it was and its kind is not complete: this module must never conclude from silence, and
never do I/O.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from cloudgw.controller import names, selection, ties, web
from cloudgw.controller.ties import Knot, Ties
from cloudgw.objects import (
    CONTROLLER_NAME,
    OWN_GROUP,
    ROUTE_KINDS,
    BackendTLSPolicy,
    CustomResourceDefinition,
    EndpointSlice,
    Gateway,
    GatewayClass,
    Key,
    KubernetesObject,
    ListenerSet,
    Material,
    Namespace,
    Node,
    Parameters,
    Snapshot,
    Unknown,
)
from cloudgw.sources import served

Reason: TypeAlias = Literal["config", "targets"]
ClassOf: TypeAlias = Literal["ours", "foreign", "absent", "unknown"]
_UNUSED = frozenset({names.PLAN, names.STATE, CustomResourceDefinition.__name__, Node.__name__})  # by routing
_WRITTEN = frozenset(kind.__name__ for kind in (GatewayClass, Gateway, ListenerSet, BackendTLSPolicy, *ROUTE_KINDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """An object as the cluster has it now. item: what routing reads of it. deleting: it waits for its finalizers.
    annotations: ours only. status: of kinds whose status we write; nobody changes it in place."""

    item: KubernetesObject | Unknown
    material: Material | None = None
    uid: str = ""
    version: str = ""  # resourceVersion
    generation: int = 0
    deleting: bool = False
    finalizers: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)


def live(kind: str, data: Mapping[str, Any]) -> tuple[Key, Live]:
    """An object of the API server, with apiVersion and kind. What has a field that cannot be read is Unknown."""
    reading = served.read(data, kind)
    metadata = data["metadata"]
    group = str(data.get("apiVersion", "")).rpartition("/")[0]
    annotations = metadata.get("annotations") or {}
    return reading.key, Live(
        item=reading.item,
        material=reading.material,
        uid=metadata.get("uid") or "",
        version=metadata.get("resourceVersion") or "",
        generation=metadata.get("generation") or 0,
        deleting=bool(metadata.get("deletionTimestamp")),
        finalizers=tuple(metadata.get("finalizers") or ()),
        annotations={name: value for name, value in annotations.items() if name.startswith(f"{OWN_GROUP}/")},
        status=data.get("status") or {} if kind in _WRITTEN or group == OWN_GROUP else {},
    )


class Store:
    """dirty(key of a Gateway, reason): it has to be looked at again; "targets": only for the endpoints behind it.
    classes_changed(): what `classes` gives may have changed. Both are called outside of the lock, from whichever thread
    changed something, and must return at once. controller_name: of the GatewayClasses that are ours. namespaces: those
    that are watched, empty = all; a kind is complete when it is in these, and of others nothing is known. foreign: name
    of another controller -> class of ours: its classes are taken for ours, with the parameters of that one."""

    def __init__(
        self,
        dirty: Callable[[Key, Reason], None],
        controller_name: str = CONTROLLER_NAME,
        *,
        classes_changed: Callable[[], None] = lambda: None,
        namespaces: Iterable[str] = (),
        foreign: Mapping[str, str] | None = None,
    ) -> None:
        self._dirty = dirty
        self._classes_changed = classes_changed
        self._controller = controller_name
        self._watched = frozenset(namespaces)
        self._foreign = dict(foreign or {})
        self._lock = threading.RLock()
        self._lives: dict[str, dict[Key, Live]] = {}
        self._reasons: dict[str, str] = {}  # kind -> why it is not complete, "" = it is
        self._complete: set[str] = set()
        self._web = web.Web()
        self._known: frozenset[tuple[str, str, str]] | None = None

    # What informers say

    def put(self, kind: str, key: Key, new: Live) -> None:
        """An object that is there, new or changed."""
        self._replace(kind, key, new)

    def drop(self, kind: str, key: Key) -> None:
        """An object that is known to be gone. Where its kind is not complete it may have come back unseen: Unknown."""
        self._replace(kind, key, None)

    def complete(self, kind: str) -> None:
        """Every object of a kind was put."""
        self._reason(kind, "")

    def incomplete(self, kind: str, reason: str) -> None:
        """There may be more of a kind than is here; what is here stays."""
        self._reason(kind, reason or "it was not listed")

    # What everybody may ask

    def get(self, kind: str, key: Key) -> Live | None:
        """None: it is not here, which is absent only where the kind is complete."""
        with self._lock:
            return self._lives.get(kind, {}).get(key)

    def keys(self, kind: str) -> list[Key]:
        with self._lock:
            return sorted(self._lives.get(kind, ()))

    def reason(self, kind: str) -> str:
        """Why a kind is not complete; "" when it is."""
        with self._lock:
            return self._reasons.get(kind, "it was not listed yet")

    def is_complete(self, kind: str) -> bool:
        with self._lock:
            return kind in self._complete

    def selection(self, gateway: Key, doubted: Collection[str] = ()) -> Snapshot:
        """What one Gateway's routing is made of, at one moment: `resolve(selection, only={gateway})` gives for it what
        it would give of everything, but for `known` where that does not matter. What the Resolution says of others
        (`notes`) means nothing. A Gateway that does not exist any more is in `absent`; of others nothing is known.
        doubted: kinds that count as not complete."""
        with self._lock:
            complete = self._complete.difference(doubted)
            knots = self._web.reached(("Gateway", *gateway))
            found = self._lives.get("Gateway", {}).get(gateway)
            absent: frozenset[tuple[str, str, str]] = frozenset()
            unread = bool(self._web.joined(ties.EVERYWHERE))
            if found is None:
                seen = "Gateway" in complete and (not self._watched or gateway[0] in self._watched)
                absent = frozenset({("Gateway", *gateway)} if seen else ())
            elif selection.is_doubtful(unread, complete, found.item):
                if self._known is None:
                    self._known = selection.known(self._lives)
                absent = self._known
            everything = selection.of(knots, self._lives, complete, absent, self._watched)
            return selection.played(everything, self._controller, self._foreign) if self._foreign else everything

    def classes(self) -> Snapshot:
        """For the statuses of GatewayClasses: they, their parameters, the installed definitions and the Gateways."""
        with self._lock:
            knots = [("Gateway", *key) for key in self._lives.get("Gateway", ())]
            for _, name in self._lives.get(GatewayClass.__name__, ()):
                knots += self._web.reached((GatewayClass.__name__, "", name))
            return selection.of(knots, self._lives, self._complete)

    def gateways(self) -> list[Key]:
        """Those that are ours to look after: of a class of ours, or with our finalizer whatever their class."""
        with self._lock:
            return [
                key
                for key, found in sorted(self._lives.get("Gateway", {}).items())
                if names.FINALIZER in found.finalizers or self.class_of(key) == "ours"
            ]

    def class_of(self, gateway: Key) -> ClassOf:
        """Whose a Gateway is. "unknown": it, or its class, is not here or could not be read, and may well exist."""
        with self._lock:
            found = self._lives.get("Gateway", {}).get(gateway)
            return self._class_of(found.item) if found is not None else "unknown"

    # How a change spreads

    def _replace(self, kind: str, key: Key, new: Live | None) -> None:
        knot = (kind, *key)
        with self._lock:
            lives = self._lives.setdefault(kind, {})
            old = lives.get(key)
            differs = _differs(kind, old, new)
            tied = ties.of(kind, key, new.item, self._foreign) if new is not None and differs else ties.NONE
            affected = self._affected(knot, tied) if differs else ()
            marked = self._of_interest(affected)
            if new is None:
                lives.pop(key, None)
            else:
                lives[key] = new
            if differs:
                self._web.tie(knot, tied)
                marked |= self._of_interest(affected)
            classes = differs and self._concerns_classes(knot)
            if differs and kind in selection.COUNTED:
                self._known = None
        self._tell(marked, "targets" if kind == EndpointSlice.__name__ else "config", classes)

    def _reason(self, kind: str, reason: str) -> None:
        with self._lock:
            self._reasons[kind] = reason
            differs = (kind in self._complete) is bool(reason)
            affected = list(self._lives.get("Gateway", ())) if differs and kind not in _UNUSED else []
            marked = self._of_interest(affected)
            if reason:
                self._complete.discard(kind)
            else:
                self._complete.add(kind)
            marked |= self._of_interest(affected)
        self._tell(marked, "config", differs)

    def _tell(self, marked: set[Key], reason: Reason, classes: bool) -> None:
        for key in sorted(marked):
            self._dirty(key, reason)
        if classes:
            self._classes_changed()

    def _affected(self, knot: Knot, new: Ties) -> set[Key]:
        """The Gateways that depend on a knot as it is, or will with its new ties."""
        kind, namespace, name = knot
        if kind == names.PLAN:
            return {(namespace, name)}
        found = self._web.affected(knot, new)
        return {key for key in found if self._selects(key)} if kind == Namespace.__name__ else found

    def _selects(self, gateway: Key) -> bool:
        """Whether labels of namespaces matter to a Gateway."""
        knot = ("Gateway", *gateway)
        for kind, namespace, name in (knot, *self._web.joined(knot)):
            found = self._lives.get(kind, {}).get((namespace, name))
            item = found.item if found is not None else None
            if isinstance(item, Gateway) and item.allowed_listeners.namespaces == "Selector":
                return True
            if isinstance(item, Gateway | ListenerSet) and any(
                one.allowed.namespaces == "Selector" for one in item.listeners
            ):
                return True
        return False

    def _of_interest(self, gateways: Iterable[Key]) -> set[Key]:
        """Those that are ours, were ours or may be ours."""
        lives = self._lives.get("Gateway", {})
        return {
            key
            for key in gateways
            if (found := lives.get(key)) is not None
            and (
                names.FINALIZER in found.finalizers
                or (isinstance(found.item, Gateway) and self._class_of(found.item) in ("ours", "unknown"))
            )
        }

    def _class_of(self, item: KubernetesObject | Unknown) -> ClassOf:
        if not isinstance(item, Gateway):
            return "unknown"
        whose, controller = self._whose(item.class_name)
        if whose == "foreign" and controller in self._foreign:
            played, _ = self._whose(self._foreign[controller])
            return played if played in ("ours", "unknown") else "foreign"
        return whose

    def _whose(self, name: str) -> tuple[ClassOf, str]:
        """Whose a class is, and its controller's name."""
        found = self._lives.get(GatewayClass.__name__, {}).get(("", name))
        if found is None:
            return ("absent" if GatewayClass.__name__ in self._complete else "unknown"), ""
        if not isinstance(found.item, GatewayClass):
            return "unknown", ""
        return ("ours" if found.item.controller == self._controller else "foreign"), found.item.controller

    def _concerns_classes(self, knot: Knot) -> bool:
        if knot[0] in ("Gateway", GatewayClass.__name__, CustomResourceDefinition.__name__):
            return True
        if knot[0].endswith(Parameters.__name__):
            return True
        return any(kind == GatewayClass.__name__ for kind, _, _ in self._web.needed(knot))


def _differs(kind: str, old: Live | None, new: Live | None) -> bool:
    """Whether anybody has to look: at what routing reads, and of Gateways and classes at what keeps them."""
    if old is None or new is None:
        return old is not new
    if kind in ("Gateway", GatewayClass.__name__):
        return (
            old.item != new.item
            or old.deleting != new.deleting
            or old.annotations != new.annotations
            or not set(old.finalizers) <= set(new.finalizers)  # ours may have to come back; that it came is no news
        )
    was, is_ = old.item, new.item
    if isinstance(was, EndpointSlice) and isinstance(is_, EndpointSlice):
        # its generation counts what nobody reads too
        return _content(was) != _content(is_)
    return was != is_


def _content(item: EndpointSlice) -> tuple[object, ...]:
    return item.service, item.address_type, item.ports, item.endpoints
