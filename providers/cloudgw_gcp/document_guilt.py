"""Which change is at fault when Google refuses a URL map. `kinds_paths_commit` alone uses it. Pure.

A refusal names a field by its path in the body that was sent, "Invalid value for field
'resource.pathMatchers[2].routeRules[5].priority'" (hashicorp/terraform-provider-google#14093), or shows a child's JSON,
with its name and description. A matcher is not at fault for the route rules in it: "Total number of paths is 1001,
which exceeds the limit 1000" is said of 'resource.pathMatchers[0]' itself, and then nobody is named: the engine halves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cloudgw.graph import model
from cloudgw_gcp import names
from cloudgw_gcp.document_draft import Draft
from cloudgw_gcp.document_order import rule_keys
from cloudgw_gcp.document_parts import MATCHER, RULE, key_of
from cloudgw_gcp.shapes_values import Json

_FIELD = re.compile(r"(pathMatchers|hostRules)\[(\d+)\](?:\.(\w+)(?:\[(\d+)\])?)?")
_HELD = ("routeRules", "")  # what a message about a matcher's rules as a whole ends with


def guilty(told: str, changes: Sequence[model.Change], draft: Draft) -> str:
    """The key of the change that wrote the child which a refusal names, "" where it names none. told: everything that
    the cloud said."""
    writers = [change for change in changes if change.after is not None and change.op != "reorder"]
    crowded = rule_keys(changes)
    for found in _FIELD.finditer(told):
        collection, number, member, inner = found[1], int(found[2]), found[3] or "", found[4]
        named = _at(draft.body, collection, number)
        if collection == "hostRules":
            named = _matcher(draft, str(named.get("pathMatcher"))) if named is not None else None
        elif named is not None and member == "routeRules" and inner:
            named = _at(named, member, int(inner))
        elif member in _HELD and any(draft.matchers.get(key) is named for key in crowded):
            continue
        change = next((c for c in writers if named is not None and draft.child(c) is named), None)
        if change is not None:
            return change.key
    return "" if _FIELD.search(told) else _by_text(told, writers, draft, crowded)


def _at(body: Json, collection: str, number: int) -> Json | None:
    found = body.get(collection) or []
    return found[number] if number < len(found) else None


def _matcher(draft: Draft, name: str) -> Json | None:
    return next((matcher for matcher in draft.matchers.values() if matcher.get("name") == name), None)


def _by_text(told: str, writers: Sequence[model.Change], draft: Draft, crowded: set[tuple[str, str]]) -> str:
    """By a description of ours, or a matcher's name; route rules first."""
    named: list[tuple[bool, int, str]] = []
    for change in writers:
        kind, key = model.kind_of(change.address), key_of(change.address, change.name)
        if kind not in (MATCHER, RULE) or (kind == MATCHER and key in crowded):
            continue
        texts = [names.child(kind, *key)]
        if kind == MATCHER and key in draft.matchers:
            texts.append(str(draft.matchers[key].get("name")))
        at = min((found for text in texts if (found := told.find(text)) >= 0), default=-1)
        if at >= 0:
            named.append((kind != RULE, at, change.key))
    return min(named)[2] if named else ""
