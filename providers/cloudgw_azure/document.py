"""The gateway's whole document with exactly some changes made: what `kinds_commit` puts. Pure.

Azure has no call for one child of an application gateway: a PUT replaces everything, and what it leaves out is deleted
(learn.microsoft.com/rest/api/application-gateway/application-gateways/create-or-update).
So this module takes what a GET shows and must leave every child that is not ours as it stands. A gateway without a
routing rule is refused, and so is a path map without a path rule: `document_anchor` keeps documents valid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_azure import (
    document_anchor,
    document_order,
    document_restore,
    names,
    shapes,
    shapes_backends,
    shapes_front,
)
from cloudgw_azure.document_draft import Draft, Secrets
from cloudgw_azure.document_parts import Json, writable


def blank(id_: str, spec: model.Spec, tags: Mapping[str, str], public_ip: str) -> Json:
    """The document of a new gateway without children. spec: of the gateway element; public_ip: its ARM id or ""."""
    body: Json = {
        "id": id_,
        "location": spec["location"],
        "tags": names.with_user_tags(tags, spec.get("tags")),
        "properties": shapes_front.write_gateway(spec, public_ip),
    }
    if spec["zones"]:
        body["zones"] = list(spec["zones"])
    return _identified(body, spec)


def _identified(body: Json, spec: model.Spec) -> Json:
    identities = spec.get("identities")
    if not isinstance(identities, tuple):
        return body
    rest = {name: value for name, value in body.items() if name != "identity"}
    if not identities:
        return rest
    return {**rest, "identity": {"type": "UserAssigned", "userAssignedIdentities": {one: {} for one in identities}}}


def changed(
    found: Mapping[str, Any],
    changes: Sequence[model.Change],
    observed: Sequence[model.Element],
    *,
    id: str,
    mark: str,
    secrets: Secrets,
    restore: bool = False,
) -> Draft:
    """The Draft whose `body` is to be PUT. found: the GET's (or `blank`); observed: our elements of the group.

    restore: what stands of ours is taken from `observed`, because `found` is what Azure could not bring about. Raises
    Failed with the change's key where a change does not fit what is found.
    """
    draft = Draft(id=id, mark=mark, body=writable(found), secrets=secrets)
    document_anchor.remove(draft.properties, mark)
    document_order.remember(draft)
    if restore:
        _restore(draft, observed)
    else:
        document_order.guard_places(draft, changes, observed)
    _apply(draft, changes)
    document_order.sort(draft)
    document_order.guard_priorities(draft, changes)
    document_order.guard_paths(draft, changes)
    _tag(draft, changes, observed)
    document_anchor.add(draft.properties, mark, id)
    return draft


def _apply(draft: Draft, changes: Iterable[model.Change]) -> None:
    """Deletes first, then all names, then all contents, so that every reference finds what it means."""
    ordered = [change for change in changes if change.op != "reorder"]
    for change in ordered:
        if change.op == "delete":
            _delete(draft, change)
    ordered.sort(key=lambda change: model.kind_of(change.address) == "path-rule")  # after the maps they lie in
    written = [(change, _place(draft, change)) for change in ordered if change.op != "delete"]
    for change, child in written:
        if child is not None:
            _write(draft, change, child)
    for change in ordered:
        if model.kind_of(change.address) == "targets" and change.after is not None:
            _set_targets(draft, change, change.after.fields["targets"])
        elif model.kind_of(change.address) == "gateway" and change.after is not None:
            fields = change.fields if change.op == "update" else shapes_front.SETTLED
            draft.body = _settled(draft.body, change.after.fields, fields)
    for change in changes:
        if change.op == "reorder":
            document_order.move(draft, change)


def _restore(draft: Draft, observed: Sequence[model.Element]) -> None:
    """Ours as observed. No change of the plan is at fault where that cannot be."""
    try:
        _apply(draft, document_restore.lacks(draft, observed))
    except Failed as problem:
        raise Failed(problem.why, f"the last good document: {problem}") from None
    document_order.restore(draft, observed)


def _settled(body: Json, spec: model.Spec, fields: tuple[str, ...]) -> Json:
    """The gateway's own fields."""
    settled = {**body, "properties": shapes_front.settle_gateway(body["properties"], spec, fields)}
    if "tags" in fields:
        settled["tags"] = names.with_user_tags(body.get("tags"), spec.get("tags"))
    return _identified(settled, spec) if "identities" in fields else settled


def _delete(draft: Draft, change: model.Change) -> None:
    """Absent is done. Targets go by emptying their pool, the pool's path rules by their own changes."""
    kind = model.kind_of(change.address)
    if kind == "gateway":
        return
    child = draft.find(change.address, change.name)
    if child is None:
        return
    if kind == "targets":
        child["properties"]["backendAddresses"] = []
        return
    arrays = [rules for _, rules in draft.maps()] if kind == "path-rule" else [draft.collection(kind)]
    for siblings in arrays:
        siblings[:] = [one for one in siblings if one is not child]


def _place(draft: Draft, change: model.Change) -> Json | None:
    """The child that a create or update is about; a new one gets its name, and no content yet."""
    kind, logical = model.kind_of(change.address), names.logical_of(change.address)
    if kind in ("gateway", "targets"):
        return None
    assert change.after is not None
    child = draft.find(change.address, change.name)
    if child is not None:
        return child
    if change.op == "update":
        raise Failed("not_ready", f"{model.short(change.address)} is gone; plan again", key=change.key)
    name = names.child(draft.mark, logical, change.name, _detail(kind, change.after))
    child = {"name": name, "properties": {}}
    if kind == "path-rule":
        owner = change.after.fields["map"]
        parent = draft.find(owner.to, owner.name)
        if parent is None:
            raise Failed("not_ready", f"{model.short(owner.to)} is not in the gateway's document", key=change.key)
        document_order.place(draft, parent, child, None if names.is_warm(change.address) else change.position)
    else:
        draft.collection(kind).append(child)
    return child


def _detail(kind: str, element: model.Element) -> str:
    """A pool's port and protocol, which Azure keeps in the settings: "8080h", "8443s"."""
    if kind != "pool":
        return ""
    return f"{element.fields['port']}{'s' if element.fields['protocol'] == 'Https' else 'h'}"


def _write(draft: Draft, change: model.Change, child: Json) -> None:
    """The content of a child, from the whole spec after the change."""
    assert change.after is not None
    kind, before = model.kind_of(change.address), child["properties"]
    try:
        properties = shapes.write(kind, change.after.fields, draft.id_of, before)
    except Failed as problem:
        raise Failed(problem.why, f"{model.short(change.address)}: {problem}", key=change.key) from None
    if kind == "path-map":
        properties["pathRules"] = before.get("pathRules", [])
    elif kind == "rule":
        position = change.position if change.op == "create" else before.get("priority")
        properties["priority"] = position if position is not None else before.get("priority")
    elif kind == "pool":
        properties["backendAddresses"] = before.get("backendAddresses", [])
    elif kind == "certificate" and not properties:
        properties = _bytes(draft, change, change.after)
    child["properties"] = properties


def _bytes(draft: Draft, change: model.Change, certificate: model.Element) -> Json:
    try:
        return dict(draft.secrets(certificate))
    except Failed as problem:
        raise Failed(problem.why, str(problem), key=change.key) from None


def _set_targets(draft: Draft, change: model.Change, targets: tuple[str, ...]) -> None:
    pool = draft.find(change.address, change.name)
    if pool is None:
        raise Failed("not_ready", f"the pool of {model.short(change.address)} is gone; plan again", key=change.key)
    pool["properties"]["backendAddresses"] = shapes_backends.write_targets(targets)


def _tag(draft: Draft, changes: Sequence[model.Change], observed: Sequence[model.Element]) -> None:
    """Which fingerprints the certificates have: Azure shows nothing of what it was given."""
    gone = {change.before.key for change in changes if change.op == "delete" and change.before is not None}
    wanted = {str(f) for e in observed if e.key not in gone and (f := _fingerprint(e))}
    wanted |= {str(f) for c in changes if c.op == "create" and c.after is not None and (f := _fingerprint(c.after))}
    lost = {str(f) for c in changes if c.op == "delete" and c.before is not None and (f := _fingerprint(c.before))}
    noted = {f for f in names.fingerprints(draft.body.get("tags")) if f not in lost}
    if wanted != noted or lost:
        draft.body["tags"] = names.with_fingerprints(draft.body.get("tags"), wanted | noted)


def _fingerprint(element: model.Element) -> str:
    if model.kind_of(element.address) != "certificate":
        return ""
    found = element.fields.get("fingerprint")
    return found if isinstance(found, str) else ""
