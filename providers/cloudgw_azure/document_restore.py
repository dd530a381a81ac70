"""What a document lacks of that which is believed of it: the changes that put the last good one again.

`document` alone uses it, where Azure could not bring about the document that a GET shows. Pure. What equals the belief
stays byte for byte as it is found, and so do children of others; a child of ours that nobody believes in goes.
"""

from __future__ import annotations

from collections.abc import Sequence

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_azure import names, shapes, shapes_backends, shapes_front
from cloudgw_azure.document_draft import Draft
from cloudgw_azure.document_parts import Json, ours


def lacks(draft: Draft, observed: Sequence[model.Element]) -> list[model.Change]:
    """Takes out what is not believed, and answers what has to be written of the rest. observed: our elements of the
    group; where the gateway itself is not among them, its own fields stay as found."""
    _strip(draft, observed)
    return [change for element in observed if (change := _lack(draft, element)) is not None]


def _strip(draft: Draft, observed: Sequence[model.Element]) -> None:
    """By identity: names are unique in one collection only."""
    shaped = [element for element in observed if model.kind_of(element.address) in shapes.SHAPES]
    believed = {id(child) for element in shaped if (child := draft.find(element.address, element.name)) is not None}
    arrays = [rules for _, rules in draft.maps()]
    arrays += [draft.collection(kind) for kind in shapes.SHAPES if kind != "path-rule"]
    for siblings in arrays:
        siblings[:] = [child for child in siblings if id(child) in believed or not ours(child, draft.mark)]


def _lack(draft: Draft, element: model.Element) -> model.Change | None:
    where, kind = element.address, model.kind_of(element.address)
    if kind == "gateway":
        fields = _settings_lost(draft.body, element.fields)
        return (
            model.Change(op="update", address=where, name=element.name, after=element, fields=fields)
            if fields
            else None
        )
    child = draft.find(where, element.name)
    if child is not None and _stands(draft, element, child):
        return None
    position = element.outputs.get("position")
    return model.Change(op="create", address=where, name=element.name, after=element, position=position)


def _settings_lost(body: Json, spec: model.Spec) -> tuple[str, ...]:
    """The gateway's own mutable fields that are not as believed."""
    found = shapes_front.read_gateway(body["properties"])
    found |= {"identities": shapes_front.read_identities(body), "tags": names.user_tags(body.get("tags"))}
    return tuple(name for name in shapes_front.SETTLED if name in spec and not model.same(spec[name], found[name]))


def _stands(draft: Draft, element: model.Element, child: Json) -> bool:
    """Whether the child is what is believed. Both are read, so that spelling and what Azure fills in do not matter."""
    kind, found = model.kind_of(element.address), child["properties"]
    if kind == "targets":
        return shapes_backends.read_targets(found) == tuple(element.fields["targets"])
    if kind == "rule" and found.get("priority") != element.outputs.get("position"):
        return False
    try:
        wanted = shapes.write(kind, element.fields, draft.id_of, found)
    except Failed:  # it refers to what is missing as well
        return False
    return shapes.read(kind, wanted, _plain) == shapes.read(kind, found, _plain)


def _plain(identity: str, _: str) -> str:
    return identity.casefold()
