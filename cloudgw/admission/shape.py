"""A document takes the shape that the server would store: unknown fields and nulls dropped, defaults set.

`verdict` calls `shaped`, then `duplicates` on what it made. The order is the server's: it prunes, drops nulls, then
sets defaults, and all of that before anything is validated
(k8s.io/apiextensions-apiserver: pkg/apiserver/schema/pruning, defaulting and listtype). This module must never refuse
anything but equal keys, and never follow a value further than its schema goes: a small file with aliases can stand for
gigabytes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cloudgw.admission.problem import Problem, Way, shown, text
from cloudgw.admission.schemas import Node

_SURROGATE = re.compile("[\ud800-\udfff]")
_INT64 = 2**63
_EXACT = 2**53  # from here on the server takes no float for an integer (go-openapi/swag: IsFloat64AJSONInteger)
_ROOM = 10_000


@dataclass(slots=True)
class Shaper:
    """items: how many were kept so far. unknown: JSON pointers of fields that no schema has, without what stands below
    them. problems: numbers that JSON cannot say, or that are too large for an integer. floats: integers that are
    written as floats (80.0): valid, and no integers to a rule. kubectl: there are none, because kubectl sends 80 for
    80.0."""

    kubectl: bool = False
    items: int = 0
    unknown: list[str] = field(default_factory=list)
    floats: list[Way] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def shaped(self, value: Any, node: Node, way: Way) -> Any:
        """A copy. A mapping or list where the schema has another type becomes an empty one: its type is wrong, whatever
        it holds. A list that is too long keeps all items as long as there is room, else one more than allowed."""
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, dict):
            return self._mapping(value, node, way) if node.type == "object" else {}
        if isinstance(value, list):
            below = node.items
            if node.type != "array" or below is None:
                return []
            most = node.words.get("maxItems", len(value))
            kept: list[Any] = []
            for number, item in enumerate(value):
                if number > most and self.items > _ROOM:
                    break
                self.items += 1
                kept.append(self.shaped(item, below, (way, number)))
            return kept
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value, node, way)
        return value

    def _mapping(self, value: dict[str, Any], node: Node, way: Way) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, item in value.items():
            below = node.properties.get(key) or node.additional
            if below is None:
                self.unknown.append(text((way, key)))
            elif item is not None:
                made[_text(key)] = self.shaped(item, below, (way, key))
        for key, below in node.defaults:
            if key not in made:
                made[key] = self.shaped(below.default, below, (way, key))
        return made

    def _number(self, value: int | float, node: Node, way: Way) -> int | float:
        """An integer that needs more than 64 bits is a float, and too large for one."""
        written = value
        if isinstance(value, int) and not -_INT64 <= value < _INT64:
            value = float(value) if value.bit_length() < 1000 else math.inf
        if not math.isfinite(value):
            message = "is a number that JSON cannot hold"
            self.problems.append(_wrong(way, message, node))
            return 0
        if isinstance(value, float) and node.type == "integer":
            if self.kubectl and value.is_integer() and abs(value) < _INT64:
                return int(value)
            if abs(value) >= _EXACT:
                self.problems.append(_wrong(way, f"is {shown(written)}, too large for a whole number", node))
            self.floats.append(way)
        return value


def _wrong(way: Way, message: str, node: Node) -> Problem:
    most = f" up to {node.words['maximum']}" if "maximum" in node.words else ""
    return Problem(pointer=text(way), message=message, fix=f"write a smaller number{most}", code="Schema")


def _text(value: str) -> str:
    """Without halves of UTF-16 pairs, which JSON can escape: Go puts the replacement character in their place."""
    return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


def duplicates(value: Any, node: Node, way: Way = None) -> Iterator[Problem]:
    """Items of lists of type map with equal keys, and of type set that are equal; value: as `shaped` made it, at a
    node that `has_lists`."""
    if isinstance(value, dict):
        for key, item in value.items():
            below = node.properties.get(key) or node.additional
            if below is not None and below.has_lists:
                yield from duplicates(item, below, (way, key))
    elif isinstance(value, list) and node.items is not None:
        if len(value) > 1 and node.list_type == "map":
            yield from _equal_keys(value, node.keys, way)
        elif len(value) > 1 and node.list_type == "set":
            yield from _equal_items(value, way)
        if node.items.has_lists:
            for number, item in enumerate(value):
                yield from duplicates(item, node.items, (way, number))


def _equal_keys(items: list[Any], keys: tuple[str, ...], way: Way) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for number, item in enumerate(items):
        found = {key: item[key] for key in keys if key in item} if isinstance(item, dict) else {}
        first = seen.setdefault(json.dumps(found, sort_keys=True), number)
        if first != number:
            said = (
                ", ".join(f"{key}: {shown(found[key])}" for key in keys if key in found) or f"no {' and '.join(keys)}"
            )
            yield Problem(
                pointer=text((way, number)),
                message=f"has the same {' and '.join(keys)} as item {first} ({said})",
                fix=f"give every item another {' or '.join(keys)}, or merge the two",
                code="ListMapKey",
            )


def _equal_items(items: list[Any], way: Way) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for number, item in enumerate(items):
        first = seen.setdefault(json.dumps(item, sort_keys=True), number)
        if first != number:
            message = f"{shown(item)} stands in the list twice (first as item {first})"
            fix = "remove one of the two"
            yield Problem(pointer=text((way, number)), message=message, fix=fix, code="ListMapKey")
