"""The scratch value that diff's five steps share. Private to `graph`; made and dropped within one call of `diff`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudgw.graph import memory, model
from cloudgw.objects import Unknown


@dataclass(slots=True, kw_only=True)
class Work:
    """current: address -> suffix of the incarnation that desired means (observed or to be made), "" when nothing can
    be said. bound: address -> desired spec with bound refs. referrers: element key -> keys of observed elements that
    refer to it. after_refs: refs that stay. attached / attached_warm: element keys that observed traffic fields name.
    """

    desired: model.Graph
    observed: model.Graph
    kinds: Mapping[str, model.Kind]
    now: float
    staleness: float
    shift_deadline: float
    diary: memory.Diary
    cache: memory.Cache
    current: dict[model.Address, str] = field(default_factory=dict)
    bound: dict[model.Address, model.Spec] = field(default_factory=dict)
    by_key: dict[str, model.Element] = field(default_factory=dict)
    referrers: dict[str, list[str]] = field(default_factory=dict)
    carriers: dict[str, list[str]] = field(default_factory=dict)
    changes: dict[str, model.Change] = field(default_factory=dict)
    ranks: dict[str, dict[str, int]] = field(default_factory=dict)  # table -> element key -> place in wanted order
    turned: set[str] = field(default_factory=set)  # tables in which standing entries change order
    publish: dict[model.Address, str] = field(default_factory=dict)
    unreferred: set[str] = field(default_factory=set)
    shifting: set[str] = field(default_factory=set)
    warming: dict[str, dict[str, model.Ref]] = field(default_factory=dict)  # group -> element key -> ref
    warming_owner: dict[str, model.Element] = field(default_factory=dict)
    refs: dict[str, list[model.Ref]] = field(default_factory=dict)  # element key -> of observed elements but targets
    _kinds: dict[model.Address, model.Kind] = field(default_factory=dict)  # of addresses that were asked for

    def kind(self, where: model.Address) -> model.Kind:
        found = self._kinds.get(where)
        if found is None:
            found = self._kinds[where] = self.kinds[model.kind_of(where)]
        return found

    def seen(self, key: str) -> model.Element | None:
        return self.by_key.get(key)

    def current_element(self, where: model.Address) -> model.Element | None:
        """The observed incarnation that desired means, if it exists."""
        return self.by_key.get(model.key_of(where, self.current.get(where, "")))

    def group_of(self, element: model.Element) -> str:
        return self.kind(element.address).group(element.address, element.name, element.fields)

    def table_of(self, element: model.Element) -> str:
        return self.kind(element.address).table_of(element.address, element.name, element.fields)

    def value(self, kind: model.Kind, spec: model.Spec, name: str) -> Any:
        """A field's value: left out means the kind's default, or Unknown for an optional one."""
        value = spec.get(name)
        if value is not None:
            return value
        if name in kind.optional:
            return Unknown("unset")
        return kind.defaults.get(name)

    def add(self, change: model.Change) -> None:
        if change.key in self.changes:
            raise ValueError(f"two changes with one key: {change.key}")
        self.changes[change.key] = change

    def put(self, change: model.Change) -> None:
        self.changes[change.key] = change

    def is_warm(self, element: model.Element) -> bool:
        return self.kind(element.address).is_warm(element.address)

    def traffic_refs(self, element: model.Element | None) -> list[model.Ref]:
        """References of an element that carry requests."""
        if element is None:
            return []
        kind = self.kind(element.address)
        return [ref for name in kind.traffic for ref in model.refs_in(element.fields.get(name))]

    def parents(self, element: model.Element) -> list[model.Ref]:
        """What an element lies in: the references of its immutable fields."""
        kind = self.kind(element.address)
        return [ref for name in kind.immutable for ref in model.refs_in(element.fields.get(name))]
