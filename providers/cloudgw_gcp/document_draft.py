"""A URL map while it is changed: where its children are, by key. Used by the other `document` modules alone.

Pure. The index is kept beside the body, because a batch may hold a thousand route rules. Matchers that are not ours are
in no index, and in those of ours foreign route rules are not: nothing here can touch them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudgw.graph import model
from cloudgw_gcp.document_parts import MATCHER, Key, key_of, matchers, rules, writable
from cloudgw_gcp.shapes_values import IdOf, Json


@dataclass(slots=True, kw_only=True)
class Draft:
    """matchers, rules: ours. homes: of rules, the key of their matcher. turned: names of the matchers whose route rules
    are to be sorted by priority."""

    body: Json
    id_of: IdOf
    matchers: dict[Key, Json] = field(default_factory=dict)
    rules: dict[Key, Json] = field(default_factory=dict)
    homes: dict[Key, Key] = field(default_factory=dict)
    turned: set[Key] = field(default_factory=set)

    def child(self, change: model.Change) -> Json | None:
        """What a change is about, where it is in the document; the map itself for its own changes."""
        key, kind = key_of(change.address, change.name), model.kind_of(change.address)
        if kind == MATCHER:
            return self.matchers.get(key)
        return self.rules.get(key) if kind == "route-rule" else self.body

    def siblings(self, key: Key) -> list[Json]:
        """The route rules, whoever's they are, of a matcher of ours: to be changed in place."""
        found: list[Json] = self.matchers[key].setdefault("routeRules", [])
        return found

    def drop_rule(self, key: Key) -> None:
        rule = self.rules.pop(key)
        siblings = self.siblings(self.homes.pop(key))
        siblings[:] = [one for one in siblings if one is not rule]


def of(found: Mapping[str, Any], id_of: IdOf) -> Draft:
    """found: what a GET shows, or the body of an insert."""
    draft = Draft(body=writable(found), id_of=id_of)
    for key, matcher in matchers(draft.body):
        if key is None:
            continue
        draft.matchers[key] = matcher
        for inner, rule in rules(key, matcher):
            if inner is not None:
                draft.rules[inner] = rule
                draft.homes[inner] = key
    return draft
