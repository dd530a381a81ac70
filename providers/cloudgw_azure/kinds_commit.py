"""The commit of everything in a gateway's document: one GET, one PUT of the changed whole, no waiting.

All kinds of the group `document:<gateway element key>` share `commit`; the engine calls it with exactly the changes to
make. It must never send a document that was not made from a GET of its own: two writers that send older ones roll each
other back (a later PUT cancels a running one: Azure/azure-cli#21156; near ones answer 429: Azure/azure-cli#28615), so
nothing is sent twice here, and the PUT names the etag that it was made from. Bytes of certificates come from the
session's materials, are checked against their fingerprint, and must never reach an exception, a log or a tag.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Material
from cloudgw.provider import Failed, Session
from cloudgw_azure import calls, document, document_draft, document_pins, failures, names, shapes, shapes_front
from cloudgw_azure.document_parts import children, collection_id, gateway_id, map_children, ours

BUSY = ("Updating", "Deleting")
PFX_LIMIT = 16_384  # bytes: learn.microsoft.com/azure/application-gateway/ssl-overview


def group_of(where: model.Address, name: str, spec: model.Spec) -> str:
    """`document:<gateway element key>` for the gateway and all that lies in it."""
    gateway = spec.get("gateway")
    if isinstance(gateway, model.Ref):
        return f"document:{gateway.key}"
    if model.kind_of(where) == "gateway":
        return f"document:{model.key_of(where, name)}"
    return f"document:{model.key_of(gateway_address(model.owner_of(where)), '')}"


def gateway_address(owner: str) -> model.Address:
    """owner: "namespace/gateway"."""
    return model.address(owner, names.PROVIDER, "gateway", "lb")


def commit(
    session: Session,
    group: str,
    observed: Sequence[model.Element],
    changes: Sequence[model.Change],
    ids: Mapping[str, str],
) -> Mapping[str, str]:
    """{element key: id of what was made, "operation": URL of what was started}. changes=[]: the last good once more.

    Raises Failed("not_ready") while a long operation runs, ("conflict") where somebody else wrote, ("invalid", key) for
    a refusal that names a change's child; else what the SDK raises.
    """
    key = group.removeprefix("document:")
    made = _of_gateway("create", changes)
    where = _identity(session, key, made, observed, ids)
    place = calls.place_of(where)
    found = session.read.gateway(*place)
    _guard(session, key, found, changes)
    gone = _of_gateway("delete", changes)
    if gone is not None:
        return _delete(session, gone, place, found)
    owner = model.owner_of(key)
    mark = names.mark(session.owner, owner)
    if found is None:
        if made is None or made.after is None:
            raise Failed("gone", f"the application gateway of {owner} ({place[1]}) does not exist; plan again")
        tags = names.tags_of(session.owner, made.address, made.name, session.evidence)
        body = document.blank(where, made.after.fields, tags, _public_ip(made, ids))
    else:
        body = found
        _unpinned(found, changes, mark)
    restore = found is not None and _state(found) == "Failed"

    def bytes_of(element: model.Element) -> Mapping[str, str]:
        return _certificate(session, element)

    draft = document.changed(body, changes, observed, id=where, mark=mark, secrets=bytes_of, restore=restore)
    refused: Failed | None = None
    try:
        _, operation = session.write.put_gateway(*place, draft.body, str((found or {}).get("etag") or ""))
    except Exception as problem:
        refused = _guilty(problem, changes, draft) or _plain(problem, draft)
        if refused is None:
            raise
    if refused is not None:
        raise refused  # out here, so that it has no context: the SDK's exceptions hold the request
    done = {model.key_of(c.address, c.name): _id_made(draft, c) for c in changes if c.op == "create"}
    return done | ({"operation": operation} if operation else {})


def _of_gateway(op: str, changes: Sequence[model.Change]) -> model.Change | None:
    return next((c for c in changes if c.op == op and model.kind_of(c.address) == "gateway"), None)


def _identity(
    session: Session,
    key: str,
    made: model.Change | None,
    observed: Sequence[model.Element],
    ids: Mapping[str, str],
) -> str:
    """The ARM id of the gateway: known, or made of what its creation says."""
    known = ids.get(key) or next((str(e.outputs["id"]) for e in observed if e.key == key), "")
    if known:
        return known
    if made is None or made.after is None:
        return _listed(session, key)
    name = names.resource_name(session.owner, made.address, made.name)
    return gateway_id(session.read.subscription, str(made.after.fields["resource_group"]), name)


def _listed(session: Session, key: str) -> str:
    """The ARM id by the record: a gateway whose first write failed is believed not to be there."""
    for found in session.read.gateways():
        record = names.ours(found.get("tags"), session.owner)
        if record is not None and model.key_of(record.address, record.suffix) == key:
            return str(found["id"])
    raise Failed("gone", f"the application gateway of {model.owner_of(key)} does not exist; plan again")


def _guard(session: Session, key: str, found: Mapping[str, Any] | None, changes: Sequence[model.Change]) -> None:
    """What was found is ours, this very incarnation, and nothing runs on it."""
    if found is None:
        return
    guilty = changes[0].key if changes else ""
    record = names.ours(found.get("tags"), session.owner)
    if record is None or model.key_of(record.address, record.suffix) != key:
        raise Failed(
            "conflict",
            f"application gateway {found.get('name')} exists and its tags do not say that it is "
            f"{model.short(key.rpartition('@')[0])} of this owner; it is left alone: rename or delete it, or give this "
            "installation another owner id",
            key=guilty,
        )
    if _state(found) in BUSY:
        raise Failed("not_ready", f"application gateway {found.get('name')} is {_state(found)}; its end is awaited")


def _state(found: Mapping[str, Any]) -> str:
    return str((found.get("properties") or {}).get("provisioningState") or "")


def _public_ip(made: model.Change, ids: Mapping[str, str]) -> str:
    assert made.after is not None
    wanted = made.after.fields.get("public_ip")
    if wanted is None:
        return ""
    if not isinstance(wanted, model.Ref):
        return str(wanted)
    if wanted.key not in ids:
        raise Failed(
            "not_ready", f"{model.short(wanted.to)} has no id yet; it is made before the gateway", key=made.key
        )
    return ids[wanted.key]


def _delete(
    session: Session, gone: model.Change, place: tuple[str, str], found: Mapping[str, Any] | None
) -> Mapping[str, str]:
    """The whole resource. What is absent is deleted already; what is not ours goes along only where it was approved."""
    if found is None:
        return {}
    assert gone.before is not None
    approved = {str(name).casefold() for name in gone.before.outputs.get("foreign", ())}
    mark = names.mark(session.owner, model.owner_of(gone.address))
    strangers = [name for name in foreign(found, mark) if name.casefold() not in approved]
    if strangers:
        raise Failed(
            "conflict",
            f"application gateway {place[1]} holds parts that are not ours and would be deleted with it: "
            f"{', '.join(strangers)}; remove them",
            key=gone.key,
        )
    try:
        _, operation = session.write.delete_gateway(*place)
    except Exception as problem:
        if failures.is_absent(problem):
            return {}
        raise
    return {"operation": operation} if operation else {}


def _unpinned(found: Mapping[str, Any], changes: Sequence[model.Change], mark: str) -> None:
    """Nothing that is to go is held by what is not ours, but by what was approved."""
    pins = document_pins.pins(str(found["id"]), found.get("properties") or {}, mark)
    for change in changes:
        if change.op != "delete" or change.before is None:
            continue
        by = pins.get(str(change.before.outputs["id"]).casefold(), ())
        strangers = set(by) - set(change.before.outputs.get("foreign", ()))
        if strangers:
            raise Failed(
                "conflict",
                f"{model.short(change.address)} is used by parts that are not ours: {', '.join(sorted(strangers))}; "
                "remove them",
                key=change.key,
            )


def foreign(found: Mapping[str, Any], mark: str) -> tuple[str, ...]:
    """Names of parts of a document that we did not make, as "collection/name", sorted."""
    own = {shapes_front.IP_CONFIGURATION, *shapes_front.FRONTENDS.values()}
    properties = found.get("properties") or {}
    strange = [f"{kind}/{one['name']}" for kind, one in children(properties) if not _own(kind, one, own, mark)]
    strange += [f"pathRules/{one['name']}" for one in map_children(properties) if not ours(one, mark)]
    return tuple(sorted(strange))


def _own(collection: str, child: Mapping[str, Any], own: set[str], mark: str) -> bool:
    if collection in ("gatewayIPConfigurations", shapes_front.FRONTEND_COLLECTION):
        return str(child["name"]).casefold() in own
    return collection in shapes.KIND_OF and ours(child, mark)


def _id_made(draft: document_draft.Draft, change: model.Change) -> str:
    """The id of what a create put into the document; targets have their pool's."""
    kind = model.kind_of(change.address)
    child = draft.child_of(change)
    if child is None:
        return draft.id
    if kind != "path-rule":
        return collection_id(draft.id, shapes.SHAPES["pool" if kind == "targets" else kind].collection, child["name"])
    assert change.after is not None
    return f"{draft.id_of(change.after.fields['map'])}/pathRules/{child['name']}"


def _guilty(problem: BaseException, changes: Sequence[model.Change], draft: document_draft.Draft) -> Failed | None:
    """A refusal that names a child which the changes wrote. A map is not at fault for the path rules in it."""
    failure = failures.classify(problem)
    if failure is None or failure.why != "invalid":
        return None
    text = failures.told(failures.error_of(problem)).casefold()
    inside = {c.after.fields["map"].key for c in changes if _is_path(c) and c.after is not None}
    named: list[tuple[bool, int, str]] = []
    for change in changes:
        child = draft.child_of(change) if change.after is not None and not change.fast else None
        at = text.find(str(child["name"]).casefold()) if child is not None else -1
        if at >= 0 and model.key_of(change.address, change.name) not in inside:
            named.append((not _is_path(change), at, change.key))
    return Failed("invalid", failure.message, key=min(named)[2]) if named else None


def _plain(problem: BaseException, draft: document_draft.Draft) -> Failed | None:
    """The same failure without the request, where that holds bytes of certificates; None where it may stay."""
    failure = failures.classify(problem)
    sent = any(child["properties"].get("data") for child in draft.collection("certificate"))
    return Failed(failure.why, failure.message, key=failure.guilty) if failure is not None and sent else None


def _is_path(change: model.Change) -> bool:
    return change.op != "delete" and model.kind_of(change.address) == "path-rule"


def _certificate(session: Session, element: model.Element) -> Mapping[str, str]:
    """`data` and `password`: a PKCS #12 of the bytes behind the wanted fingerprint, checked again."""
    fingerprint, where = element.fields.get("fingerprint"), model.short(element.address)
    material = session.materials.get(str(fingerprint))
    if not isinstance(material, Material):
        raise Failed("not_ready", f"the Secret of {where} is not at hand; plan again with the Secret")
    if material.fingerprint != fingerprint:
        raise Failed("conflict", f"the Secret of {where} changed since it was planned; plan again")
    password = secrets.token_urlsafe(24)
    packed = _pfx(material, password)
    if packed is None:
        raise Failed("invalid", f"the Secret of {where} could not be packed for Azure; create the Secret anew")
    if len(packed) > PFX_LIMIT:
        raise Failed(
            "invalid",
            f"the certificates of {where} take {len(packed)} bytes, Azure takes {PFX_LIMIT}; "
            "leave out certificates of the chain that clients know",
        )
    return {"data": base64.b64encode(packed).decode(), "password": password}


def _pfx(material: Material, password: str) -> bytes | None:
    """None instead of an exception, which could quote what it was given."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        chain = x509.load_pem_x509_certificates(material.certificate_pem)
        key: Any = serialization.load_pem_private_key(material.key_pem, password=None)
        encryption = serialization.BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(b"cloudgw", key, chain[0], chain[1:], encryption)
    except Exception:
        return None
