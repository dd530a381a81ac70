"""What an object's status becomes when our part of it is put in: everybody else's part stays, to the byte.

Called by `writing`; `readiness` by whoever writes the status of one of our own kinds. Ours are, in an object of ours to
answer for, the condition types that we write there; in a route or policy, the entries with our controllerName
(https://gateway-api.sigs.k8s.io/reference/spec/, RouteStatus and PolicyStatus). Pure. This module must never change,
move past another or drop what is not ours, never lower an observedGeneration, never take addresses away unless told to,
and never move lastTransitionTime without the status.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudgw.objects import GATEWAY_GROUP, ROUTE_KINDS
from cloudgw.routing import statuses

Json = Mapping[str, Any]
ENTRIES: Mapping[str, str] = {"parents": "parentRef", "ancestors": "ancestorRef"}  # lists of entries -> their reference
# What the CRDs of the Gateway API allow (maxItems): with one more the API server refuses the whole status. (Of
# listeners there are never more than in the spec.)
LIMITS: Mapping[str, int] = {
    "addresses": 16,
    "ancestors": 16,
    "conditions": 8,
    "parents": 32,
    "supportedFeatures": 64,
}
OWN_PREFIX = "cloudgw.dev/"  # condition types that are ours wherever they stand
OWN_CONDITIONS: Mapping[str, frozenset[str]] = {
    "GatewayClass": frozenset({"Accepted", "SupportedVersion"}),
    "Gateway": frozenset({"Accepted", "Programmed", "ResolvedRefs", "InsecureFrontendValidationMode"}),
    "ListenerSet": frozenset({"Accepted", "Programmed"}),
    "listeners": frozenset({"Accepted", "Programmed", "ResolvedRefs", "Conflicted", "OverlappingTLSConfig"}),
    "parents": frozenset({"Accepted", "Programmed", "ResolvedRefs", "PartiallyInvalid"}),
    "ancestors": frozenset({"Accepted", "ResolvedRefs", "PartiallyInvalid"}),
}
_READINESS = frozenset({"Ready", "Reconciling", "Stalled"})
_FIELDS: Mapping[str, tuple[str, ...]] = {  # what is ours below `status`; of a kind that is our own: everything
    "GatewayClass": ("conditions", "supportedFeatures"),
    "Gateway": ("conditions", "addresses", "listeners", "attachedListenerSets"),
    "ListenerSet": ("conditions", "listeners"),
    **{kind.__name__: ("parents",) for kind in ROUTE_KINDS},
    "BackendTLSPolicy": ("ancestors",),
}
_FIRST = {"Accepted": 0, "Programmed": 1}  # people and tools read these two first


def nobody(_: Json) -> bool:
    return False


def merged(
    live: Json,
    wanted: statuses.ObjectStatus,
    *,
    controller: str,
    now: str,
    generation: int | None = None,
    keep: Callable[[Json], bool] = nobody,
) -> dict[str, Any] | None:
    """The whole new `status`, None when nothing differs.

    live: the object's `status`. now: RFC 3339, for conditions that change their status. generation: the object's own,
    of the same reading as `live`: a condition that claims to have seen a later one (a restored backup does) is not
    believed. keep: whether an entry with our controllerName that is not wanted stays as it is.
    Where a list is too short for everybody, what is last of ours is left out.
    """
    merge = _Merge(namespace=wanted.namespace, controller=controller, now=now, generation=generation, keep=keep)
    status = wanted.status
    if "observedGeneration" in status and merge.seen(live) > status["observedGeneration"]:
        return None  # computed for an older generation: it says nothing any more
    found = dict(live)
    for name in _FIELDS.get(wanted.kind) or dict.fromkeys((*live, *status)):
        if name in ENTRIES:
            found[name] = merge.entries(name, live.get(name, ()), status.get(name, ()))
        elif name == "conditions":
            own = OWN_CONDITIONS.get(wanted.kind, _READINESS)
            found[name] = merge.conditions(live.get(name, ()), status.get(name, ()), own)
        elif name == "listeners":
            found[name] = merge.listeners(live.get(name, ()), status.get(name, ()))
        elif name in status:
            found[name] = _limited(name, status[name])
        elif name != "addresses":
            found.pop(name, None)
        if found.get(name) == [] and name not in live:
            del found[name]
    return None if found == live else found


def marked(live: Json, condition: statuses.Condition, *, now: str) -> dict[str, Any] | None:
    """`status` with one condition of ours as given and all else as it is; None when nothing differs, or there is no
    room. The next full status takes away again what it does not hold itself."""
    conditions = list(live.get("conditions", ()))
    place = next((n for n, one in enumerate(conditions) if one["type"] == condition.type), len(conditions))
    if place == LIMITS["conditions"]:
        return None
    merge = _Merge(namespace="", controller="", now=now, generation=None, keep=nobody)
    conditions[place : place + 1] = [merge.condition(next(iter(conditions[place:]), None), condition.json())]
    return None if conditions == live.get("conditions") else {**live, "conditions": conditions}


def removed(live: Json, kind: str, *, controller: str) -> dict[str, Any] | None:
    """`status` without what is certainly ours, None when there is nothing of it: our entries in a route or policy; in
    other kinds the conditions whose type names us, since the rest may be its next controller's by now."""
    found = dict(live)
    for name in ENTRIES:
        if name in live:
            found[name] = [one for one in live[name] if one.get("controllerName") != controller]
    if "conditions" in _FIELDS.get(kind, ()) and "conditions" in live:
        found["conditions"] = [one for one in live["conditions"] if not one["type"].startswith(OWN_PREFIX)]
    return None if found == live else found


def left_out(found: Json, wanted: statuses.ObjectStatus, controller: str) -> list[str]:
    """What of `wanted` found no room in `found`, the merged status: "conditions Programmed", "parents edge", sorted."""
    missing = _said(wanted.status, controller, wanted.namespace) - _said(found, controller, wanted.namespace)
    return sorted({f"{where} {name}" for where, _, name in missing})


def _said(status: Json, controller: str, namespace: str) -> set[tuple[str, Any, str]]:
    """(list, which element, name within) of everything that has a place of its own in a list."""
    found: set[tuple[str, Any, str]] = {("addresses", "", one["value"]) for one in status.get("addresses", ())}
    found |= {("conditions", "", one["type"]) for one in status.get("conditions", ())}
    for one in status.get("listeners", ()):
        found |= {("listeners", one["name"], one["name"])}
        found |= {("listeners conditions", one["name"], item["type"]) for item in one["conditions"]}
    for name, ref in ENTRIES.items():
        for one in status.get(name, ()):
            if one.get("controllerName") == controller:
                to = canonical(one[ref], namespace)
                found |= {(name, to, one[ref]["name"])}
                found |= {(f"{name} conditions", to, item["type"]) for item in one["conditions"]}
    return found


def canonical(ref: Json, namespace: str) -> tuple[str, str, str, str, str, int]:
    """What a parentRef or ancestorRef means: (group, kind, namespace, name, section, port), defaults filled in.
    namespace: of the object that it stands in."""
    return (
        ref.get("group", GATEWAY_GROUP),
        ref.get("kind", "Gateway"),
        ref.get("namespace") or namespace,
        ref.get("name", ""),
        ref.get("sectionName") or "",
        ref.get("port") or 0,
    )


def readiness(
    kind: str, namespace: str, name: str, generation: int, problems: Collection[str] = (), *, working: str = ""
) -> statuses.ObjectStatus:
    """The status of one of our own kinds, in the words of kstatus
    (https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md): Ready always; Stalled only while
    it is True, with problems that a person has to solve; Reconciling only while it is True, which is while `working`
    says at what."""
    message = "; ".join(sorted(set(problems)))
    found: list[tuple[str, statuses.State, str, str]]
    if message:
        found = [("Ready", "False", "Invalid", message), ("Stalled", "True", "Invalid", message)]
    elif working:
        found = [("Ready", "False", "Progressing", working), ("Reconciling", "True", "Progressing", working)]
    else:
        found = [("Ready", "True", "Valid", "can be used as it is")]
    conditions = [
        statuses.Condition(type=what, status=state, reason=reason, message=text, generation=generation).json()
        for what, state, reason, text in found
    ]
    status = {"observedGeneration": generation, "conditions": conditions}
    return statuses.ObjectStatus(kind=kind, namespace=namespace, name=name, status=status)


def _limited(name: str, value: Any) -> Any:
    """A field as the API server takes it: lists unique, as some who read them insist, and not longer than allowed."""
    if name not in LIMITS:
        return value
    unique = [one for number, one in enumerate(value) if one not in value[:number]]
    return unique[: LIMITS[name]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merge:
    """What all parts of one merge share."""

    namespace: str
    controller: str
    now: str
    generation: int | None
    keep: Callable[[Json], bool]

    def seen(self, one: Json) -> int:
        """The observedGeneration of a condition or status; 0 when it has none, or none that can be true."""
        value = one.get("observedGeneration") or 0
        return 0 if self.generation is not None and value > self.generation else int(value)

    def conditions(self, live: Sequence[Json], wanted: Sequence[Json], own: Collection[str]) -> list[Json]:
        """By type. Ours take the places that ours had, in the order in which people read them."""
        types = {one["type"] for one in wanted}
        latest = max((one.get("observedGeneration") or 0 for one in wanted), default=0)
        before = {one["type"]: one for one in live}
        newer = [one for one in live if self._is_own(one, own) and one["type"] not in types and self.seen(one) > latest]
        ours = [self.condition(before.get(one["type"]), one) for one in wanted] + newer
        ours.sort(key=lambda one: _FIRST.get(one["type"], len(_FIRST)))
        foreign = [one for one in live if not self._is_own(one, own) and one["type"] not in types]
        return _placed(live, foreign, ours, LIMITS["conditions"])

    def _is_own(self, one: Json, own: Collection[str]) -> bool:
        return one["type"] in own or one["type"].startswith(OWN_PREFIX)

    def condition(self, live: Json | None, wanted: Json) -> Json:
        if live is None:
            return {**wanted, "lastTransitionTime": self.now}
        newer = self.seen(live) > (wanted.get("observedGeneration") or 0)
        if newer or all(live.get(name) == wanted[name] for name in wanted):
            return live
        moved = live["status"] != wanted["status"]
        return {**wanted, "lastTransitionTime": self.now if moved else live["lastTransitionTime"]}

    def entries(self, name: str, live: Sequence[Json], wanted: Sequence[Json]) -> list[Json]:
        """Entries of routes and policies, by controllerName and what their reference means: the one that is written
        alike first, since a route may name one Gateway with and without its namespace."""
        ref = ENTRIES[name]
        rest = [one for one in live if one.get("controllerName") == self.controller]
        before: dict[int, Json] = {}
        for alike in (lambda one: one[ref], lambda one: canonical(one[ref], self.namespace)):
            for number, one in enumerate(wanted):
                place = next((i for i, old in enumerate(rest) if alike(old) == alike(one)), None)
                if number not in before and place is not None:
                    before[number] = rest.pop(place)
        kept = [one for one in rest if self.keep(one)]
        ours = [self._entry(name, before.get(number, {}), one) for number, one in enumerate(wanted)]
        stay = [one for one in live if one.get("controllerName") != self.controller or any(one is k for k in kept)]
        return _placed(live, stay, ours, LIMITS[name])

    def _entry(self, name: str, live: Json, wanted: Json) -> Json:
        conditions = self.conditions(live.get("conditions", ()), wanted["conditions"], OWN_CONDITIONS[name])
        found = {**wanted, "conditions": conditions}
        return live if found == live else found

    def listeners(self, live: Sequence[Json], wanted: Sequence[Json]) -> list[Json]:
        """By name. A listener that is no longer wanted goes with everything that was said of it."""
        before = {one["name"]: one for one in live}
        found: list[Json] = []
        for one in wanted:
            old = before.get(one["name"], {})
            conditions = self.conditions(old.get("conditions", ()), one["conditions"], OWN_CONDITIONS["listeners"])
            merged_one = {**one, "conditions": conditions}
            found.append(old if merged_one == old else merged_one)
        return found


def _placed(live: Sequence[Json], stay: Sequence[Json], ours: Sequence[Json], limit: int) -> list[Json]:
    """`live` with what stays where it is, and `ours`, in order, where others stood; the rest of ours behind. An order
    alone is no reason to write: when all are there already, it stays."""
    left = iter(ours[: max(0, limit - len(stay))])
    found: list[Json] = []
    for one in live:
        if any(one is other for other in stay):
            found.append(one)
        elif (following := next(left, None)) is not None:
            found.append(following)
    found += left
    same = len(found) == len(live) and all(one in live for one in found)
    return list(live) if same else found
