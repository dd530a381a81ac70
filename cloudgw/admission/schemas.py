"""The schemas of every served version, both channels: `schemas.json` as linked nodes.

Every module of this package walks them. A node stands for one JSON Schema node of a CustomResourceDefinition; equal
nodes are one object, so that what is made for a node (validators, programs) can be kept by its number. Read once, at
the first use. This module must never interpret a document.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CHANNELS = ("standard", "experimental")
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """expression: CEL over `self`. message: what the server says when it does not hold."""

    expression: str
    message: str

    @property
    def transition(self) -> bool:
        """Compares with the stored object: not evaluated when an object is created."""
        return "oldSelf" in self.expression


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """words: the node's own JSON Schema words, children left out. keys: of a list of type map. has_rules, has_lists:
    something at or below this node has rules, or is a list of type map or set. defaults: the properties with one."""

    number: int
    words: Mapping[str, Any]
    properties: Mapping[str, Node]
    items: Node | None
    additional: Node | None
    type: str
    rules: tuple[Rule, ...]
    default: Any
    defaults: tuple[tuple[str, Node], ...]
    list_type: str
    keys: tuple[str, ...]
    has_rules: bool
    has_lists: bool
    alternatives: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)

    def at(self, path: str) -> Node | None:
        """The node of a field; path: a JSON pointer with `*` for items and free keys."""
        found: Node | None = self
        for key in path.split("/")[1:]:
            if found is None:
                return None
            found = (found.items or found.additional) if key == "*" else found.properties.get(key)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """root: None when it is not served. status: a subresource, dropped when an object is created."""

    name: str
    served: bool
    deprecated: bool
    status: bool
    root: Node | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """versions: newest first, as in the definition."""

    name: str
    group: str
    namespaced: bool
    versions: tuple[Version, ...]

    @property
    def newest(self) -> Version:
        return next(version for version in self.versions if version.served)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schemas:
    """kinds: channel -> kind -> Kind. later: channel -> kind -> fields that `later_version` adds ("": the kind)."""

    version: str
    kinds: Mapping[str, Mapping[str, Kind]]
    later_version: str
    later: Mapping[str, Mapping[str, tuple[str, ...]]]


@functools.cache
def load() -> Schemas:
    text = importlib.resources.files("cloudgw.admission").joinpath("schemas.json").read_text(encoding="utf-8")
    raw = json.loads(text)
    rules = [Rule(expression=rule["rule"], message=rule["message"]) for rule in raw["rules"]]
    nodes: list[Node] = []
    for words in raw["nodes"]:  # children come before their parents
        nodes.append(_node(words, nodes, rules))
    return Schemas(
        version=raw["version"],
        kinds={
            channel: {name: _kind(name, kind, nodes) for name, kind in kinds.items()}
            for channel, kinds in raw["kinds"].items()
        },
        later_version=raw["later"]["version"],
        later={
            channel: {kind: tuple(paths) for kind, paths in kinds.items()}
            for channel, kinds in raw["later"]["fields"].items()
        },
    )


def _node(words: dict[str, Any], nodes: list[Node], rules: list[Rule]) -> Node:
    properties = {name: nodes[number] for name, number in words.pop("properties", {}).items()}
    items = nodes[words.pop("items")] if "items" in words else None
    additional = nodes[words.pop("additionalProperties")] if "additionalProperties" in words else None
    alternatives: dict[str, tuple[Node, ...]] = {}
    for word in ("oneOf", "anyOf", "not"):
        if word in words:
            numbers = words.pop(word)
            alternatives[word] = tuple(nodes[number] for number in (numbers if word != "not" else [numbers]))
    own = tuple(rules[number] for number in words.pop("x-kubernetes-validations", ()))
    list_type = words.pop("x-kubernetes-list-type", "")
    below = [*properties.values(), *(node for node in (items, additional) if node is not None)]
    return Node(
        number=len(nodes),
        properties=properties,
        items=items,
        additional=additional,
        type=words.get("type", ""),
        rules=own,
        default=words.pop("default", _ABSENT),
        defaults=tuple((name, below) for name, below in properties.items() if below.default is not _ABSENT),
        list_type=list_type,
        keys=tuple(words.pop("x-kubernetes-list-map-keys", ())),
        has_rules=bool(own) or any(node.has_rules for node in below),
        has_lists=bool(list_type) or any(node.has_lists for node in below),
        alternatives=alternatives,
        words=words,
    )


def _kind(name: str, raw: dict[str, Any], nodes: list[Node]) -> Kind:
    return Kind(
        name=name,
        group=raw["group"],
        namespaced=raw["namespaced"],
        versions=tuple(
            Version(
                name=version,
                served=flags["served"],
                deprecated=flags["deprecated"],
                status=flags["status"],
                root=nodes[flags["schema"]] if "schema" in flags else None,
            )
            for version, flags in raw["versions"].items()
        ),
    )
