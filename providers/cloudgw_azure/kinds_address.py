"""The kind public-ip: the address of a public gateway, a resource of its own that outlives every write of the document.

`kinds` collects it, `observe` reads it back with `read`. An application gateway v2 takes a Standard, Static address and
keeps it for life (learn.microsoft.com/azure/application-gateway/configuration-frontend-ip), so a replaced gateway gets
another one. Operations are started and not waited for. Must never touch an address whose tags do not say that it is
this incarnation of this owner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed, Partial, Session
from cloudgw_azure import calls, failures, names

READ_ONLY = ("id", "name", "type", "etag")  # of what a GET shows and a PUT does not take


def document(session: Session, change: model.Change) -> dict[str, Any]:
    """The body of the PUT that creates: rest/api/virtualnetwork/public-ip-addresses/create-or-update."""
    assert change.after is not None
    spec = change.after.fields
    tags = names.tags_of(session.owner, change.address, change.name, session.evidence)
    tags |= names.spread(names.SUBNET, str(spec["subnet"]))
    body: dict[str, Any] = {
        "location": spec["location"],
        "sku": {"name": "Standard", "tier": "Regional"},
        "tags": names.with_user_tags(tags, spec.get("tags")),
        "properties": {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"},
    }
    if spec["zones"]:
        body["zones"] = list(spec["zones"])
    return body


def read(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The spec in a public IP address of ours, as a GET shows it. Azure compares resource groups without case."""
    tags = resource.get("tags") or {}
    return {
        "resource_group": calls.place_of(str(resource["id"]))[0].lower(),
        "location": str(resource["location"]).replace(" ", "").lower(),
        "zones": tuple(sorted(resource.get("zones") or ())),
        "subnet": names.gather(names.SUBNET, {key.lower(): value for key, value in tags.items()}),
        "tags": names.user_tags(tags),
    }


def commit(
    session: Session,
    group: str,  # noqa: ARG001
    observed: Sequence[model.Element],  # noqa: ARG001
    changes: Sequence[model.Change],
    ids: Mapping[str, str],  # noqa: ARG001
) -> Mapping[str, str]:
    """One after the other; a group is one address, so there is hardly ever a second."""
    done: dict[str, str] = {}
    for change in changes:
        try:
            if change.op == "create":
                done[model.key_of(change.address, change.name)] = _create(session, change)
            elif change.op == "delete":
                _delete(session, change)
            else:
                _update(session, change)
        except Exception as problem:
            if done or not isinstance(problem, Failed):
                raise Partial(problem, key=change.key, done=done) from problem
            raise
    return done


def _create(session: Session, change: model.Change) -> str:
    """Makes it, or adopts what an earlier call made whose answer was lost."""
    body = document(session, change)
    assert change.after is not None
    place = str(change.after.fields["resource_group"])
    name = names.resource_name(session.owner, change.address, change.name)
    standing = session.read.public_ip(place, name)
    if standing is None:
        answer, _ = session.write.put_public_ip(place, name, body)
        return str(answer["id"])
    _check_ours(session, change, standing)
    return str(standing["id"])


def _update(session: Session, change: model.Change) -> None:
    """Tags alone can change. The rest goes back as it was read; tags of others stay."""
    assert change.after is not None
    place, name = _place(change)
    standing = session.read.public_ip(place, name)
    if standing is None:
        raise Failed("gone", f"public IP address {name} does not exist any more; plan again", key=change.key)
    _check_ours(session, change, standing)
    body = {key: value for key, value in standing.items() if key not in READ_ONLY}
    body["tags"] = names.with_user_tags(standing.get("tags"), change.after.fields.get("tags"))
    session.write.put_public_ip(place, name, body, str(standing.get("etag", "")))


def _delete(session: Session, change: model.Change) -> None:
    """Gone already is a success. Azure deletes no address that something uses: its gateway goes first."""
    place, name = _place(change)
    standing = session.read.public_ip(place, name)
    if standing is None or standing["properties"].get("provisioningState") == "Deleting":
        return
    _check_ours(session, change, standing)
    used = standing["properties"].get("ipConfiguration")
    if used:
        raise Failed(
            "not_ready",
            f"public IP address {name} is still used by {used['id']}; it is deleted when that is gone",
            key=change.key,
        )
    try:
        session.write.delete_public_ip(place, name)
    except Exception as problem:
        if not failures.is_absent(problem):
            raise


def _place(change: model.Change) -> tuple[str, str]:
    assert change.before is not None
    return calls.place_of(str(change.before.outputs["id"]))


def _check_ours(session: Session, change: model.Change, standing: Mapping[str, Any]) -> None:
    record = names.ours(standing.get("tags"), session.owner)
    if record is None or (record.address, record.suffix) != (change.address, change.name):
        raise Failed(
            "conflict",
            f"public IP address {standing['name']} exists and its tags do not say that it is "
            f"{model.short(change.address)} of this owner; it is left alone: delete it, or give this installation "
            "another owner id",
            key=change.key,
        )


PUBLIC_IP = model.Kind(
    name="public-ip",
    immutable=("resource_group", "location", "zones", "subnet"),
    mutable=("tags",),
    commit=commit,
    ready=lambda element: element.outputs.get("state") == "Succeeded",
)
