"""The Gateway API's CRDs as schemas: every kind, every served version, every rule and where in the schema it stands.

Called by `admission` and its parts. A path is a tuple of property names, with `[]` for the items of a list and `{}` for
the values of a map. This module must never judge an object: the server does.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tests.cluster import cluster

GROUP = "gateway.networking.k8s.io"
ITEMS, VALUES = "[]", "{}"
Schema: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[str | int, ...]  # of a value in a document


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One version of one kind in one channel. preferred: the first served version."""

    channel: str
    kind: str
    version: str
    plural: str
    namespaced: bool
    served: bool
    preferred: bool
    schema: Schema = field(repr=False, hash=False, compare=False)

    @property
    def label(self) -> str:
        return f"{self.channel} {self.kind} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One x-kubernetes-validations entry of one node."""

    kind: Kind
    path: Path
    rule: str
    message: str

    @property
    def on_create(self) -> bool:
        """False where a create never evaluates it: a transition rule, or one below the status, which a create drops."""
        return "oldSelf" not in self.rule and self.path[:1] != ("status",)

    @property
    def label(self) -> str:
        return f"{self.kind.label} {'.'.join(self.path)}: {self.message}"


@functools.cache
def kinds(channel: str) -> tuple[Kind, ...]:
    """Every version of every kind of our group, also those that are not served."""
    found: list[Kind] = []
    for crd in cluster.gateway_api(channel):
        if crd["kind"] != "CustomResourceDefinition" or crd["spec"]["group"] != GROUP:
            continue
        spec, preferred = crd["spec"], True
        for version in spec["versions"]:
            found.append(
                Kind(
                    channel=channel,
                    kind=spec["names"]["kind"],
                    version=version["name"],
                    plural=spec["names"]["plural"],
                    namespaced=spec["scope"] == "Namespaced",
                    served=version["served"],
                    preferred=version["served"] and preferred,
                    schema=version["schema"]["openAPIV3Schema"],
                )
            )
            preferred = preferred and not version["served"]
    return tuple(found)


def served(channel: str) -> tuple[Kind, ...]:
    return tuple(kind for kind in kinds(channel) if kind.served)


def rules(kind: Kind) -> Iterator[Rule]:
    """Every rule of a kind."""
    for path, node in _nodes(kind.schema, ()):
        for entry in node.get("x-kubernetes-validations", ()):
            yield Rule(kind=kind, path=path, rule=entry["rule"], message=entry["message"])


def paths(kind: Kind) -> Iterator[Path]:
    return (path for path, _ in _nodes(kind.schema, ()))


def _nodes(node: Schema, path: Path) -> Iterator[tuple[Path, Schema]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from _nodes(child, (*path, name))
    if "items" in node:
        yield from _nodes(node["items"], (*path, ITEMS))
    if isinstance(node.get("additionalProperties"), dict):
        yield from _nodes(node["additionalProperties"], (*path, VALUES))


def values(document: Any, schema: Schema) -> Iterator[tuple[Path, Place, Schema]]:
    """Every value of a document that the schema describes: its path, its place, and its schema. Without metadata: its
    schema is Kubernetes' own."""
    return _values(document, schema, (), ())


def _values(value: Any, schema: Schema, path: Path, place: Place) -> Iterator[tuple[Path, Place, Schema]]:
    yield path, place, schema
    if isinstance(value, dict):
        for name, child in value.items():
            if name in schema.get("properties", {}):
                if (*path, name) != ("metadata",):
                    yield from _values(child, schema["properties"][name], (*path, name), (*place, name))
            elif isinstance(schema.get("additionalProperties"), dict):
                yield from _values(child, schema["additionalProperties"], (*path, VALUES), (*place, name))
    elif isinstance(value, list) and "items" in schema:
        for number, child in enumerate(value):
            yield from _values(child, schema["items"], (*path, ITEMS), (*place, number))
