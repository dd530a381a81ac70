"""References from one object to another, with the defaults that the API server would fill in.

Called by `gateway_kinds`, `route_kinds` and `filters`. This module must never look whether the object exists.
"""

from __future__ import annotations

from cloudgw.objects import Meta, ObjectRef
from cloudgw.sources.fields import Fields


def anywhere(meta: Meta, fields: Fields, *, kind: str = "", group: str = "") -> ObjectRef:
    """A reference that may name a namespace, and else means the referrer's own; kind "" has no default."""
    return ObjectRef(
        group=fields.text("group", group),
        kind=fields.text("kind", kind, required=not kind),
        namespace=fields.text("namespace") or meta.namespace,
        name=fields.text("name", required=True),
    )


def local(meta: Meta, fields: Fields) -> ObjectRef:
    """A reference within the referrer's namespace, to any kind."""
    return ObjectRef(
        group=fields.text("group"),
        kind=fields.text("kind", required=True),
        namespace=meta.namespace,
        name=fields.text("name", required=True),
    )
