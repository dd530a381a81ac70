"""Small values that all shapes share: references between children, and the answer a rule gives.

The shapes call it and nobody else. Pure. An id that is no child of ours stays the text that Azure shows, so that it
differs from every reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from cloudgw.graph import model

Until: TypeAlias = Literal["exists", "ready", "serving"]
IdOf: TypeAlias = Callable[[model.Ref], str]
RefOf: TypeAlias = Callable[[str, Until], model.Ref | str]
"""Azure id and what the referrer needs of it -> the Ref of our element, or the id."""

READ_ONLY = ("provisioningState",)


def sub(value: Any, id_of: IdOf) -> dict[str, str]:
    """A SubResource: {"id": ...} of a Ref or of an id of others."""
    return {"id": id_of(value) if isinstance(value, model.Ref) else str(value)}


def id_in(properties: Mapping[str, Any], member: str) -> str:
    """The id that a member refers to, "" for none."""
    value = properties.get(member)
    return str(value.get("id") or "") if isinstance(value, Mapping) else ""


def ref_in(
    properties: Mapping[str, Any], member: str, ref_of: RefOf, until: Until = "exists"
) -> model.Ref | str | None:
    found = id_in(properties, member)
    return ref_of(found, until) if found else None


def forward(pool: model.Ref, settings: model.Ref) -> dict[str, Any]:
    return {"type": "forward", "pool": pool, "settings": settings}


def redirect(to: model.Ref) -> dict[str, Any]:
    return {"type": "redirect", "to": to}


def _named(member: str, default: bool) -> str:
    return f"default{member[0].upper()}{member[1:]}" if default else member


def write_action(action: Mapping[str, Any], id_of: IdOf, *, default: bool = False) -> dict[str, Any]:
    """The members of a path rule, or (default) of a path map, that say where requests go."""
    if action["type"] == "redirect":
        return {_named("redirectConfiguration", default): sub(action["to"], id_of)}
    parts = {"backendAddressPool": action["pool"], "backendHttpSettings": action["settings"]}
    return {_named(member, default): sub(value, id_of) for member, value in parts.items() if value is not None}


def read_action(properties: Mapping[str, Any], ref_of: RefOf, *, default: bool = False) -> dict[str, Any]:
    """The reverse. What is neither is of type "none", which nobody builds."""
    to = ref_in(properties, _named("redirectConfiguration", default), ref_of)
    if to is not None:
        return {"type": "redirect", "to": to}
    pool = ref_in(properties, _named("backendAddressPool", default), ref_of, "serving")
    settings = ref_in(properties, _named("backendHttpSettings", default), ref_of)
    if pool is None or settings is None:
        return {"type": "none", "pool": pool, "settings": settings}
    return {"type": "forward", "pool": pool, "settings": settings}
