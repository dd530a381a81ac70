"""The order of path rules in a document, and what is in the way of one: stale places, priorities and paths of others.

`document` alone uses it. Pure. A position is 1000 times a path rule's place in its map as it was observed. Maps that
are not ours are never looked into; of ours only those are sorted that a change touches, and there path rules of others
keep their places (learn.microsoft.com/azure/application-gateway/url-route-overview: the first that matches answers).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_azure.document_draft import Draft
from cloudgw_azure.document_parts import Json, ours

STEP = 1000  # of positions between neighbouring path rules


def remember(draft: Draft) -> None:
    """The places as they are found."""
    for one, rules in draft.maps():
        for index, rule in enumerate(rules):
            draft.positions[one["name"], rule["name"]] = (index + 1) * STEP


def sort(draft: Draft) -> None:
    """Those maps that were touched. Warm path rules stand last."""
    for one, rules in draft.maps():
        if one["name"] in draft.turned:
            places = {rule["name"]: draft.positions[one["name"], rule["name"]] for rule in rules}
            rules.sort(key=lambda rule: places[rule["name"]])


def place(draft: Draft, one: Json, rule: Json, position: float | None) -> None:
    """Puts a new path rule into a map. position: None for the end."""
    one["properties"].setdefault("pathRules", []).append(rule)
    draft.positions[one["name"], rule["name"]] = float("inf") if position is None else position
    if position is not None:
        draft.turned.add(one["name"])


def move(draft: Draft, change: model.Change) -> None:
    """A reorder, of path rules or of routing rules by their priorities."""
    for key, position in change.moves:
        where, _, suffix = key.rpartition("@")
        if model.kind_of(where) == "rule":
            rule = draft.find(where, suffix)
            if rule is not None:
                rule["properties"]["priority"] = position
            continue
        found = draft.path_rule(where, suffix)
        if found is not None:  # else it goes in this very write
            draft.positions[found[0]["name"], found[1]["name"]] = position
            draft.turned.add(found[0]["name"])


def restore(draft: Draft, observed: Sequence[model.Element]) -> None:
    """Ours where they were observed, those of others in the places between, in their order."""
    believed: dict[str, dict[str, int]] = {}
    for element in observed:
        found = (
            draft.path_rule(element.address, element.name) if model.kind_of(element.address) == "path-rule" else None
        )
        if found is not None and "position" in element.outputs:
            believed.setdefault(found[0]["name"], {})[found[1]["name"]] = int(element.outputs["position"])
    for one, rules in draft.maps():
        places = believed.get(one["name"])
        if not places:
            continue
        mine = [places[rule["name"]] for rule in rules if rule["name"] in places]
        if mine != sorted(mine):
            draft.turned.add(one["name"])
        taken = set(places.values())
        free = (number for number in itertools.count(STEP, STEP) if number not in taken)
        for rule in rules:
            position = places.get(rule["name"])
            draft.positions[one["name"], rule["name"]] = next(free) if position is None else position


def guard_places(draft: Draft, changes: Sequence[model.Change], observed: Sequence[model.Element]) -> None:
    """A position means a place among what was observed: where that has moved since, the plan is stale."""
    placed = {c.table for c in changes if c.op == "reorder"}
    placed |= {f"paths:{c.after.fields['map'].key}" for c in changes if _places_path(c) and c.after is not None}
    for element in observed:
        if model.kind_of(element.address) != "path-rule" or "position" not in element.outputs:
            continue
        if f"paths:{element.fields['map'].key}" not in placed:
            continue
        found = draft.path_rule(element.address, element.name)
        if found is None or draft.positions[found[0]["name"], found[1]["name"]] != element.outputs["position"]:
            raise Failed(
                "conflict",
                f"the order of path rules around {model.short(element.address)} was changed since "
                "it was planned; plan again",
                key=changes[0].key,
            )


def _places_path(change: model.Change) -> bool:
    return change.op == "create" and model.kind_of(change.address) == "path-rule" and not change.warm


def guard_priorities(draft: Draft, changes: Sequence[model.Change]) -> None:
    """Somebody took a priority since it was planned: that is no fault of the rule that Azure would blame."""
    holders: dict[Any, list[str]] = {}
    for collection in ("requestRoutingRules", "routingRules"):
        for child in draft.properties.get(collection) or ():
            holders.setdefault(child.get("properties", {}).get("priority"), []).append(child["name"])
    for priority, found in sorted(holders.items(), key=lambda item: str(item[0])):
        if len(found) > 1 and changes:
            message = f"priority {priority} is held by {' and '.join(sorted(found))}; plan again"
            raise Failed("conflict", message, key=changes[0].key)


def guard_paths(draft: Draft, changes: Sequence[model.Change]) -> None:
    """A path may stand once in a map. Where it is somebody else's, our rule cannot have it."""
    for one, rules in draft.maps():
        holders: dict[str, Json] = {}
        for rule in rules:
            for path in rule["properties"].get("paths") or ():
                first = holders.setdefault(path.casefold(), rule)
                if first is rule:
                    continue
                writers = [next((c for c in changes if draft.child_of(c) is r), None) for r in (first, rule)]
                foreign = [r["name"] for r in (first, rule) if not ours(r, draft.mark)]
                guilty = writers[1] or writers[0]
                if guilty is None or len(foreign) == 2:
                    continue
                decided = bool(foreign) or None not in writers  # else the one that stands is to go, or is news
                raise Failed(
                    "invalid" if decided else "conflict",
                    f"path {path} of map {one['name']} is held by path rules {first['name']} and {rule['name']}"
                    + (f", and {foreign[0]} is not ours; choose another path, or remove it" if foreign else ""),
                    key=guilty.key,
                )
