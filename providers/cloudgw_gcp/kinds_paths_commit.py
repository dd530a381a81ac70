"""The commit of a URL map and all that lies in it: one GET, one insert or update of the changed whole, its operation.

The kinds of the group `map:<url-map element key>` share `commit`; the engine calls it with exactly the changes to make.
It must never send a document that was not made from a GET of its own: the update names the fingerprint it read, and
Google refuses a stale one (412 conditionNotMet: cloud.google.com/compute/docs/reference/rest/v1/urlMaps/update). Never
more than one write. What Google refuses late, in the finished operation, is read like what it refuses at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed, Session
from cloudgw_gcp import document, document_guilt, document_parts, document_pins, failures, names, shapes
from cloudgw_gcp.document_draft import Draft
from cloudgw_gcp.shapes_values import IdOf

COLLECTION = "urlMaps"


def group_of(where: model.Address, name: str, spec: model.Spec) -> str:
    """`map:<url-map element key>` for the map and all that lies in it."""
    parent = spec.get("url_map")
    if isinstance(parent, model.Ref):
        return f"map:{parent.key}"
    if model.kind_of(where) == "url-map":
        return f"map:{model.key_of(where, name)}"
    port = document_parts.logical_of(where).partition("/")[0]
    return f"map:{model.key_of(model.address(model.owner_of(where), names.PROVIDER, 'url-map', port), '')}"


def commit(
    session: Session,
    group: str,
    observed: Sequence[model.Element],
    changes: Sequence[model.Change],
    ids: Mapping[str, str],
) -> Mapping[str, str]:
    """{element key: id of what was made}.

    Raises Failed("conflict") where somebody else wrote, ("not_ready") where a reference is not there yet, ("invalid",
    key) for a refusal that names a change's child; else what the SDK raises.
    """
    key = group.removeprefix("map:")
    made, gone = _of_map("create", changes), _of_map("delete", changes)
    id_of = _ids(ids)
    path = _path(session, key, made, observed, ids, id_of)
    _, place, name = names.place_of(path)
    found = session.read.get(COLLECTION, place, name)
    _guard(session, key, found, changes)
    if gone is not None:
        _delete(session, gone, place, name, found)
        return {}
    if found is None and (made is None or made.after is None):
        raise Failed("gone", f"URL map {name} of {model.owner_of(key)} does not exist; plan again")
    if not changes:
        return {}
    base = found if found is not None else _blank(session, made, id_of)
    draft = document.changed(base, changes, observed, id_of=id_of)
    if draft.body != (document_parts.writable(found) if found is not None else None):
        _put(session, place, name, draft, changes, new=found is None)
    created = [change for change in changes if change.op == "create"]
    return {model.key_of(c.address, c.name): document.id_made(draft, path, c) for c in created}


def _of_map(op: str, changes: Sequence[model.Change]) -> model.Change | None:
    return next((c for c in changes if c.op == op and model.kind_of(c.address) == "url-map"), None)


def _ids(ids: Mapping[str, str]) -> IdOf:
    def id_of(ref: model.Ref) -> str:
        if ref.key not in ids:
            raise Failed("not_ready", f"{model.short(ref.to)} has no id yet; plan again")
        return ids[ref.key]

    return id_of


def _path(
    session: Session,
    key: str,
    made: model.Change | None,
    observed: Sequence[model.Element],
    ids: Mapping[str, str],
    id_of: IdOf,
) -> str:
    """Known, or made of what its creation says: it lies where its address lies."""
    known = ids.get(key) or next((str(e.outputs["id"]) for e in observed if e.key == key), "")
    if known:
        return known
    if made is None or made.after is None:
        raise Failed("gone", f"{model.short(key)} does not exist; plan again")
    try:
        place = shapes.place("url-map", made.after.fields, id_of)
    except Failed as problem:
        raise Failed(problem.why, f"{model.short(made.address)}: {problem}", key=made.key) from None
    name = names.resource_name(session.owner, made.address, made.name, session.read.region)
    return names.path(session.read.project, place, COLLECTION, name)


def _blank(session: Session, made: model.Change | None, id_of: IdOf) -> Mapping[str, Any]:
    assert made is not None
    assert made.after is not None
    owner, region, evidence = session.owner, session.read.region, session.evidence
    try:
        return shapes.inserted(made.after, id_of, owner=owner, region=region, evidence=evidence)
    except Failed as problem:
        raise Failed(problem.why, f"{model.short(made.address)}: {problem}", key=made.key) from None


def _guard(session: Session, key: str, found: Mapping[str, Any] | None, changes: Sequence[model.Change]) -> None:
    """What was found is ours, this very incarnation."""
    if found is None:
        return
    record = names.record_in(found, session.owner, session.read.region)
    if record is None or model.key_of(record.address, record.suffix) != key.removesuffix(names.DRIFTED):
        raise Failed(
            "conflict",
            f"URL map {found.get('name')} exists and its description does not say that it is "
            f"{model.short(key.rpartition('@')[0])} of this owner; it is left alone: rename or delete it, or give this "
            "installation another owner id",
            key=changes[0].key if changes else "",
        )


def _put(session: Session, place: str, name: str, draft: Draft, changes: Sequence[model.Change], *, new: bool) -> None:
    try:
        if new:
            begun = session.write.insert(COLLECTION, place, draft.body)
        else:
            begun = session.write.update(COLLECTION, place, name, draft.body)
        _wait(session, begun)
    except Exception as problem:
        failure = failures.classify(problem)
        guilty = (
            document_guilt.guilty(failures.told(problem), changes, draft)
            if failure is not None and failure.why == "invalid"
            else ""
        )
        if failure is None or not guilty:
            raise
        raise Failed("invalid", failure.message, key=guilty) from problem


def _wait(session: Session, begun: Any) -> None:
    (problem,) = session.write.wait([begun])
    if problem is not None:
        raise problem


def _delete(session: Session, gone: model.Change, place: str, name: str, found: Mapping[str, Any] | None) -> None:
    """The whole resource. What is absent is deleted already; what is not ours goes along only where it was approved."""
    if found is None:
        return
    assert gone.before is not None
    strangers = set(document_pins.foreign(found)) - set(gone.before.outputs.get("foreign", ()))
    if strangers:
        raise Failed(
            "conflict",
            f"URL map {name} holds parts that are not ours and would be deleted with it: "
            f"{', '.join(sorted(strangers))}; remove them",
            key=gone.key,
        )
    try:
        _wait(session, session.write.delete(COLLECTION, place, name))
    except Exception as problem:
        if not failures.is_absent(problem):
            raise
