"""How a URL map is put together: which of its path matchers and route rules are ours, and what of a GET may be sent.

The other `document` modules and `observe` use it. Pure. Children of a URL map have no names that say whose they are,
but matchers and route rules have a description (cloud.google.com/compute/docs/reference/rest/v1/urlMaps), and ours
says kind, logical id and incarnation. In a map of ours a child is ours when its description says so, it lies where that
says, and a matcher has the name that goes with it: a copy is its maker's. Of two route rules in one matcher that say
the same neither is touched.
"""

from __future__ import annotations

import collections
import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from cloudgw.graph import model
from cloudgw_gcp import names, shapes_paths
from cloudgw_gcp.shapes_values import Json

Key: TypeAlias = tuple[str, str]
"""(logical id, suffix) of a child of ours."""

MATCHER, RULE = "path-matcher", "route-rule"
_WARM = re.compile(rf"[^/]+/\*/{names.WARM}\.[0-9]+")


def logical_of(where: model.Address) -> str:
    """All behind the kind: "80/shop.example/<rule id>"."""
    return model.short(where).partition("/")[2]


def key_of(where: model.Address, suffix: str) -> Key:
    return logical_of(where), suffix.removesuffix(names.DRIFTED)


def warm_logical(port: str, number: int) -> str:
    return f"{port}/*/{names.WARM}.{number}"


def is_warm(logical: str) -> bool:
    """Of a route rule's logical id."""
    return _WARM.fullmatch(logical) is not None


def matchers(document: Mapping[str, Any]) -> Iterator[tuple[Key | None, Json]]:
    """(key, path matcher) of every matcher; the key of those of others is None. One of ours has the name that goes with
    its description, and names are unique in a map."""
    record = names.record_of(document.get("description"))
    under = f"{logical_of(record.address)}/" if record is not None else ""
    for matcher in document.get("pathMatchers") or ():
        key = _said(matcher, MATCHER, under)
        yield key if key is not None and matcher.get("name") == names.matcher_name(*key) else None, matcher


def rules(key: Key, matcher: Mapping[str, Any]) -> Iterator[tuple[Key | None, Json]]:
    """(key, route rule) of every rule in a matcher of ours. Of two that say the same nobody knows which one we made."""
    said = [(_said(rule, RULE, f"{key[0]}/"), rule) for rule in matcher.get("routeRules") or ()]
    times = collections.Counter(own for own, _ in said)
    for own, rule in said:
        yield own if times[own] == 1 else None, rule


def doubles(key: Key, matcher: Mapping[str, Any]) -> dict[Key, list[Json]]:
    """The route rules of a matcher of ours that say the same as another one there."""
    found: dict[Key, list[Json]] = {}
    for rule in matcher.get("routeRules") or ():
        own = _said(rule, RULE, f"{key[0]}/")
        if own is not None:
            found.setdefault(own, []).append(rule)
    return {own: those for own, those in found.items() if len(those) > 1}


def _said(child: Mapping[str, Any], kind: str, under: str) -> Key | None:
    """The key in the description of a child, if that is of this kind and lies where it says."""
    said = names.read_child(child.get("description"))
    if said is None or said.kind != kind or not said.logical.startswith(under):
        return None
    return said.logical, said.suffix


def host_rules(document: Mapping[str, Any], matcher: str) -> list[Json]:
    """Those that lead to a path matcher, by its name."""
    return [rule for rule in document.get("hostRules") or () if rule.get("pathMatcher") == matcher]


def matcher_id(url_map: str, name: str) -> str:
    """Made up: the API has no links to parts of a URL map."""
    return f"{url_map}/pathMatchers/{name}"


def rule_id(url_map: str, matcher: str, key: Key) -> str:
    """matcher: its name."""
    return f"{matcher_id(url_map, matcher)}/routeRules/{key[0].split('/', 2)[2]}@{key[1]}"


def foreign_rule(matcher: Mapping[str, Any], rule: Mapping[str, Any]) -> str:
    """What a plan calls a route rule that is not ours."""
    return f"pathMatchers/{matcher.get('name')}/routeRules/{rule.get('priority')}"


def writable(found: Mapping[str, Any]) -> Json:
    """A copy of what a GET shows, without what only Google writes. The fingerprint stays: an update must name it."""
    return copy.deepcopy({name: value for name, value in found.items() if name not in shapes_paths.READ_ONLY})
