"""A document while it is changed: where its children are, and what their references mean. Used by the other `document`
modules and by `kinds_commit`.

Pure. A child of ours is found by its name, a path rule by its name in a map of ours: names of path rules are unique in
their map alone, and nothing in a map of somebody else is ours. The body may hold bytes of certificates, so that no
`repr` shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_azure import names, shapes, shapes_front
from cloudgw_azure.document_parts import Json, collection_id, ours

Secrets: TypeAlias = Callable[[model.Element], Mapping[str, str]]
"""The members `data` and `password` of a certificate that must be sent; raises Failed where its bytes are missing."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """positions: (map's name, path rule's name) -> position, of maps of ours. turned: names of maps of ours whose path
    rules are to be sorted."""

    id: str
    mark: str
    body: Json = field(repr=False)
    secrets: Secrets = field(repr=False)
    positions: dict[tuple[str, str], float] = field(default_factory=dict)
    turned: set[str] = field(default_factory=set)

    @property
    def properties(self) -> Json:
        found: Json = self.body["properties"]
        return found

    def collection(self, kind: str) -> list[Json]:
        found: list[Json] = self.properties.setdefault(shapes.SHAPES[kind].collection, [])
        return found

    def maps(self) -> Iterator[tuple[Json, list[Json]]]:
        """(path map of ours, its path rules, whoever's they are)."""
        for one in self.collection("path-map"):
            if ours(one, self.mark):
                yield one, one["properties"].setdefault("pathRules", [])

    def path_rule(self, where: model.Address, suffix: str) -> tuple[Json, Json] | None:
        """(the map, the path rule in it) of a path rule of ours."""
        of, logical = names.map_of(where), names.logical_of(where)
        for one, rules in self.maps():
            if of and self._name(one, "path-map").logical != of:
                continue
            for rule in rules:
                if self._is(rule, "path-rule", logical, suffix):
                    return one, rule
        return None

    def find(self, where: model.Address, suffix: str) -> Json | None:
        """Our child of that address and incarnation; of targets: their pool."""
        kind = model.kind_of(where)
        if kind == "path-rule":
            found = self.path_rule(where, suffix)
            return found[1] if found is not None else None
        kind, logical = "pool" if kind == "targets" else kind, names.logical_of(where)
        return next((child for child in self.collection(kind) if self._is(child, kind, logical, suffix)), None)

    def child_of(self, change: model.Change) -> Json | None:
        """The child that a change is about, where it is in the document."""
        return None if model.kind_of(change.address) == "gateway" else self.find(change.address, change.name)

    def id_of(self, ref: model.Ref) -> str:
        """The id of the child that a Ref means. Raises Failed where it is not in the document."""
        kind, logical = model.kind_of(ref.to), names.logical_of(ref.to)
        if kind == shapes_front.FRONTEND_COLLECTION:
            return collection_id(self.id, kind, logical)
        found = self.find(ref.to, ref.name) or self._stand_in(kind, logical)
        if found is None:
            raise Failed("not_ready", f"{model.short(ref.to)} is not in the gateway's document; plan again")
        return collection_id(self.id, shapes.SHAPES[kind].collection, found["name"])

    def _stand_in(self, kind: str, logical: str) -> Json | None:
        """What answers for a refused rule is made by convention: any incarnation of it will do."""
        if logical != "none" or kind not in ("pool", "settings"):
            return None
        return next((child for child in self.collection(kind) if self._is(child, kind, logical, "")), None)

    def _is(self, child: Json, kind: str, logical: str, suffix: str) -> bool:
        """suffix: "" for any."""
        name = self._name(child, kind)
        suffix = suffix.removesuffix(names.DRIFTED) or name.suffix
        return (name.mark, name.logical, name.suffix) == (self.mark, logical, suffix)

    def _name(self, child: Json, kind: str) -> names.Child:
        """Of nobody's where it is not of our form."""
        return names.read_child(child["name"], detailed=kind == "pool") or names.Child("", "", "")
