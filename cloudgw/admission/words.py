"""A clear word for fields and kinds that the server does not know: renamed, experimental, later, or a slip of the pen.

`verdict` calls it for what `shape` dropped and for kinds that no channel serves. This module must never say more than
the schemas and `former` know.
"""

from __future__ import annotations

from cloudgw.admission import former
from cloudgw.admission.problem import Code, Problem
from cloudgw.admission.schemas import Kind, Node, Schemas


def unknown_field(pointer: str, kind: Kind, root: Node, channel: str, schemas: Schemas) -> Problem:
    """pointer: of the topmost field that the schema does not have."""
    path = former.starred(pointer)
    above, _, name = path.rpartition("/")
    if today := former.field(kind.name, path):
        return _dropped(pointer, "Renamed", "is a field of an older version", f"today it is {today}")
    later = path in schemas.later.get(channel, {}).get(kind.name, ())
    experimental = schemas.kinds["experimental"].get(kind.name) if channel == "standard" else None
    if experimental is not None and (node := experimental.newest.root) is not None and node.at(path) is not None:
        also = f", and in the standard channel from {schemas.later_version}" if later else ""
        message = f"stands in the experimental channel only ({schemas.version}){also}"
        fix = "remove it, or install that channel and say --channel experimental"
        return _dropped(pointer, "Experimental", message, fix)
    if later:
        message = f"comes with {schemas.later_version}; {schemas.version} does not know it"
        return _dropped(pointer, "Later", message, f"remove it, or use a cluster with {schemas.later_version}")
    parent = root.at(above)
    near = former.nearest(name, list(parent.properties)) if parent is not None else ""
    known = ", ".join(sorted(parent.properties)) if parent is not None and parent.properties else "none"
    fix = f"write {near}" if near else f"remove it; fields here: {known}"
    return _dropped(pointer, "UnknownField", f"{kind.name} has no such field", fix)


def _dropped(pointer: str, code: Code, message: str, fix: str) -> Problem:
    return Problem(
        pointer=pointer,
        message=f"{message}; the server drops it, kubectl apply refuses it",
        fix=fix,
        code=code,
        refused=False,
    )


def unknown_kind(name: str, channel: str, schemas: Schemas) -> Problem:
    """A kind that the group does not have in this channel."""
    pointer = "/kind"
    kinds = schemas.kinds[channel]
    if name in former.KINDS:
        today, fix = former.KINDS[name]
        return Problem(pointer=pointer, message=f"{name} is now {today}", fix=fix, code="Renamed")
    if name in schemas.kinds["experimental"]:
        message = f"{name} stands in the experimental channel only ({schemas.version})"
        fix = "install that channel and say --channel experimental, or remove the object"
        return Problem(pointer=pointer, message=message, fix=fix, code="Experimental")
    if "" in schemas.later.get("experimental", {}).get(name, ()):
        message = (
            f"{name} comes with {schemas.later_version} (experimental channel); {schemas.version} does not know it"
        )
        fix = f"remove the object, or use a cluster with {schemas.later_version}"
        return Problem(pointer=pointer, message=message, fix=fix, code="Later")
    near = former.nearest(name, list(kinds))
    fix = f"write {near}" if near else f"use one of: {', '.join(sorted(kinds))}"
    return Problem(pointer=pointer, message=f"the Gateway API has no kind {name}", fix=fix, code="UnknownKind")
