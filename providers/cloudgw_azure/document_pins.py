"""Which parts of a document that are not ours hold on to parts that are.

`observe` names them on the element, so that its deletion waits for a word; the commit looks again right before it
writes. A foreign child pins what it refers to, and a foreign path rule pins the map that it lies in: both would be lost
with it, or the whole document refused. Pure. It must never read what shows who refers to a child, only references.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudgw_azure.document_parts import back_references, children, ours


def pins(gateway: str, properties: Mapping[str, Any], mark: str) -> dict[str, tuple[str, ...]]:
    """Id of a child in lower case -> names of the foreign parts that pin it, "collection/name", sorted."""
    found: dict[str, set[str]] = {}
    inside = f"{gateway}/".casefold()

    def pin(identity: str, name: str) -> None:
        if identity.casefold().startswith(inside):
            found.setdefault(identity.casefold(), set()).add(name)

    for collection, child in children(properties):
        plain = {key: value for key, value in _fields(child).items() if key not in back_references(collection)}
        if not ours(child, mark):
            for identity in _references(plain):
                pin(identity, f"{collection}/{child['name']}")
        elif collection == "urlPathMaps":
            for rule in plain.get("pathRules") or ():
                if not ours(rule, mark):
                    name = f"pathRules/{rule['name']}"
                    pin(f"{gateway}/{collection}/{child['name']}", name)
                    for identity in _references(_fields(rule)):
                        pin(identity, name)
    return {identity: tuple(sorted(names)) for identity, names in found.items()}


def _fields(child: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = child.get("properties") or {}
    return found


def _references(value: Any) -> Iterator[str]:
    """Every {"id": ...} inside, but the ids of children that lie in it."""
    if isinstance(value, Mapping):
        if isinstance(value.get("id"), str) and "name" not in value:
            yield value["id"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
