"""Priorities of route rules in a draft, and what is in the way of a change: stale places, hosts and names of others.

`document` alone uses it. Pure. The route rule with the lowest priority that matches answers, priorities are unique in
their matcher and may have gaps, and a host may stand in one host rule only (cloud.google.com/load-balancing/docs/
url-map-concepts). In matchers that a change touches the route rules are sorted, whoever's they are, and none changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_gcp import document_parts
from cloudgw_gcp.document_draft import Draft
from cloudgw_gcp.document_parts import MATCHER, RULE, Key, key_of
from cloudgw_gcp.shapes_values import Json


def move(draft: Draft, change: model.Change) -> None:
    """A reorder."""
    for element, position in change.moves:
        where, _, suffix = element.rpartition("@")
        key = key_of(where, suffix)
        if key in draft.rules:  # else it goes in this very write
            draft.rules[key]["priority"] = position
            draft.turned.add(draft.homes[key])


def sort(draft: Draft) -> None:
    for key in draft.turned & draft.matchers.keys():
        draft.siblings(key).sort(key=lambda rule: int(rule.get("priority") or 0))


def guard_places(draft: Draft, changes: Sequence[model.Change], observed: Sequence[model.Element]) -> None:
    """A position was chosen among those that were observed: where these have changed since, the plan is stale."""
    placed = {change.table for change in changes if change.op == "reorder"}
    placed |= {f"routes:{c.after.fields['matcher'].key}" for c in changes if _places(c) and c.after is not None}
    for element in observed:
        if model.kind_of(element.address) != RULE or f"routes:{element.fields['matcher'].key}" not in placed:
            continue
        rule = draft.rules.get(key_of(element.address, element.name))
        if rule is not None and rule.get("priority") != element.outputs.get("position"):
            raise Failed(
                "conflict",
                f"the route rules around {model.short(element.address)} were changed since it was planned; plan again",
                key=changes[0].key,
            )


def guard_doubles(found: Mapping[str, Any], changes: Sequence[model.Change]) -> None:
    """A rule that stands twice is not observed, so that it would be made a third time."""
    wanted = {key_of(c.address, c.name): c for c in changes if c.after is not None and model.kind_of(c.address) == RULE}
    for key, matcher in document_parts.matchers(found):
        for own, those in document_parts.doubles(key, matcher).items() if key is not None else ():
            if own in wanted:
                places = " and ".join(str(rule.get("priority") or 0) for rule in those)
                raise Failed(
                    "invalid",
                    f"{model.short(wanted[own].address)} stands twice in path matcher {matcher.get('name')} of URL map "
                    f"{found.get('name')}, with priorities {places}, so that nobody can tell which one is a copy; both "
                    "are left alone: remove the copy, or its description",
                    key=wanted[own].key,
                )


def _places(change: model.Change) -> bool:
    return change.op == "create" and model.kind_of(change.address) == RULE and not change.warm


def guard_priorities(draft: Draft, changes: Sequence[model.Change]) -> None:
    """Somebody took a priority since it was planned: that is no fault of the rule that Google would blame."""
    for matcher in draft.matchers.values():
        for priority, found in _double(matcher.get("routeRules") or (), lambda rule: (rule.get("priority"),)):
            who = " and ".join(sorted(str(rule.get("description") or "one without description") for rule in found))
            raise Failed(
                "conflict",
                f"priority {priority} of path matcher {matcher.get('name')} is held by route rules {who}; plan again",
                key=_guilty(draft, changes, found).key,
            )


def guard_names(draft: Draft, changes: Sequence[model.Change]) -> None:
    """The name of a matcher of ours is taken by one that does not say that it is ours."""
    for name, found in _double(draft.body.get("pathMatchers") or (), lambda one: (one.get("name"),)):
        raise Failed(
            "conflict",
            f"path matcher {name} of URL map {draft.body.get('name')} exists and its description does not say that it "
            "is ours; it is left alone: rename or remove it",
            key=_guilty(draft, changes, found).key,
        )


def guard_hosts(draft: Draft, changes: Sequence[model.Change]) -> None:
    """A host may stand once in a map. Where it is somebody else's, our matcher cannot have it."""
    named = {str(matcher.get("name")): matcher for matcher in draft.matchers.values()}
    for host, found in _double(draft.body.get("hostRules") or (), lambda rule: rule.get("hosts") or ()):
        holders = sorted(str(rule.get("pathMatcher")) for rule in found)
        foreign = [name for name in holders if name not in named]
        ours = [named[name] for name in holders if name in named]
        if not ours:
            continue
        writers = [change for change in changes if _writes(change) and any(draft.child(change) is one for one in ours)]
        decided = bool(foreign) or len(writers) == len(ours)  # else the one that stands is to go, or is news
        raise Failed(
            "invalid" if decided and writers else "conflict",
            f"host {host} of URL map {draft.body.get('name')} leads to path matchers {' and '.join(holders)}"
            + (
                f", and {foreign[0]} is not ours; choose another host, or remove it there"
                if foreign
                else "; plan again"
            ),
            key=(writers or list(changes))[-1].key,
        )


def _writes(change: model.Change) -> bool:
    return change.op in ("create", "update") and model.kind_of(change.address) == MATCHER


def _double(found: Iterable[Json], values: Callable[[Json], Iterable[Any]]) -> list[tuple[Any, list[Json]]]:
    """(value, its holders) of those that more than one has, in their order."""
    holders: dict[Any, list[Json]] = {}
    for one in found:
        for value in dict.fromkeys(values(one)):
            holders.setdefault(value, []).append(one)
    return [(value, those) for value, those in holders.items() if len(those) > 1]


def _guilty(draft: Draft, changes: Sequence[model.Change], found: Sequence[Json]) -> model.Change:
    """The change that wrote one of these, else the first."""
    written = (change for change in changes if change.after is not None and change.op != "reorder")
    return next((c for c in written if any(draft.child(c) is one for one in found)), changes[0])


def rule_keys(changes: Iterable[model.Change]) -> set[Key]:
    """Of the matchers in which a change writes route rules."""
    rules = (c.after for c in changes if c.after is not None and model.kind_of(c.address) == RULE and c.op != "reorder")
    return {key_of(element.fields["matcher"].to, element.fields["matcher"].name) for element in rules}
