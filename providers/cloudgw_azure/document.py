"""The gateway's whole document with exactly some changes made: what `kinds_commit` puts. Pure.

Azure has no call for one child of an application gateway: a PUT replaces everything, and what it leaves out is deleted
(learn.microsoft.com/rest/api/application-gateway/application-gateways/create-or-update).
So this module takes what a GET shows and must leave every child that is not ours as it stands. A gateway without a
routing rule is refused, and so is a path map without a path rule: `document_anchor` keeps documents valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_azure import document_anchor, names, shapes, shapes_backends, shapes_front
from cloudgw_azure.document_parts import Json, children, collection_id, map_children, ours, writable

STEP = 1000  # of positions between neighbouring path rules
Secrets = Callable[[model.Element], Mapping[str, str]]
"""The members `data` and `password` of a certificate that must be sent; raises Failed where its bytes are missing."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """A document being changed. positions: path rule's name -> position. shown: name -> `properties` of what a
    restoring write takes up again: Azure keeps the bytes of a certificate that is put without them."""

    id: str
    mark: str
    body: Json
    secrets: Secrets
    positions: dict[str, float] = field(default_factory=dict)
    shown: dict[str, Json] = field(default_factory=dict)

    @property
    def properties(self) -> Json:
        found: Json = self.body["properties"]
        return found

    def collection(self, kind: str) -> list[Json]:
        found: list[Json] = self.properties.setdefault(shapes.SHAPES[kind].collection, [])
        return found

    def find(self, kind: str, logical: str, suffix: str) -> Json | None:
        """Our child of that kind, wherever it stands."""
        suffix = suffix.removesuffix(names.DRIFTED)
        for child in map_children(self.properties) if kind == "path-rule" else self.collection(kind):
            name = names.read_child(child["name"], detailed=kind == "pool")
            if name is not None and (name.mark, name.logical, name.suffix) == (self.mark, logical, suffix):
                return child
        return None

    def child_of(self, change: model.Change) -> Json | None:
        """The child that a change is about (of targets: their pool), where it is in the document."""
        kind = model.kind_of(change.address)
        if kind == "gateway":
            return None
        return self.find("pool" if kind == "targets" else kind, names.logical_of(change.address), change.name)

    def id_of(self, ref: model.Ref) -> str:
        """The id of the child that a Ref means. Raises Failed where it is not in the document."""
        kind, logical = model.kind_of(ref.to), names.logical_of(ref.to)
        if kind == shapes_front.FRONTEND_COLLECTION:
            return collection_id(self.id, kind, logical)
        found = self.find(kind, logical, ref.name) or self._stand_in(kind, logical)
        if found is None:
            raise Failed("not_ready", f"{model.short(ref.to)} is not in the gateway's document; plan again")
        return collection_id(self.id, shapes.SHAPES[kind].collection, found["name"])

    def _stand_in(self, kind: str, logical: str) -> Json | None:
        """What answers for a refused rule is made by convention: any incarnation of it will do."""
        if logical != "none" or kind not in ("pool", "settings"):
            return None
        for child in self.collection(kind):
            name = names.read_child(child["name"], detailed=kind == "pool")
            if name is not None and (name.mark, name.logical) == (self.mark, logical):
                return child
        return None


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
    _remember_positions(draft)
    if restore:
        _restore(draft, observed)
    else:
        _guard_positions(draft, changes, observed)
    _apply(draft, changes)
    _guard_priorities(draft, changes)
    _guard_paths(draft, changes)
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
            draft.body = _settled(draft.body, change.after.fields, change.fields if change.op == "update" else ALL)
    for change in changes:
        if change.op == "reorder":
            _move(draft, change)
    _sort(draft)


ALL = ("sku", "capacity", "http2", "ssl_policy", "firewall_policy", "identities", "tags")


def _settled(body: Json, spec: model.Spec, fields: tuple[str, ...]) -> Json:
    """The gateway's own fields."""
    settled = {**body, "properties": shapes_front.settle_gateway(body["properties"], spec, fields)}
    if "tags" in fields:
        settled["tags"] = names.with_user_tags(body.get("tags"), spec.get("tags"))
    return _identified(settled, spec) if "identities" in fields else settled


def _delete(draft: Draft, change: model.Change) -> None:
    """Absent is done. Targets go by emptying their pool, the pool's path rules by their own changes."""
    kind, logical = model.kind_of(change.address), names.logical_of(change.address)
    if kind == "targets":
        pool = draft.find("pool", logical, change.name)
        if pool is not None:
            pool["properties"]["backendAddresses"] = []
        return
    child = draft.find(kind, logical, change.name)
    for siblings in _arrays(draft, kind):
        siblings[:] = [one for one in siblings if one is not child]


def _arrays(draft: Draft, kind: str) -> list[list[Json]]:
    if kind == "gateway":
        return []
    if kind != "path-rule":
        return [draft.collection(kind)]
    return [one["properties"].setdefault("pathRules", []) for one in draft.collection("path-map")]


def _place(draft: Draft, change: model.Change) -> Json | None:
    """The child that a create or update is about; a new one gets its name, and no content yet."""
    kind, logical = model.kind_of(change.address), names.logical_of(change.address)
    if kind in ("gateway", "targets"):
        return None
    assert change.after is not None
    child = draft.find(kind, logical, change.name)
    if child is not None:
        return child
    if change.op == "update":
        raise Failed("not_ready", f"{model.short(change.address)} is gone; plan again", key=change.key)
    name = names.child(draft.mark, logical, change.name, _detail(kind, change.after))
    child = {"name": name, "properties": draft.shown.get(name, {})}
    if kind == "path-rule":
        owner = change.after.fields["map"]
        parent = draft.find("path-map", names.logical_of(owner.to), owner.name)
        if parent is None:
            raise Failed("not_ready", f"{model.short(owner.to)} is not in the gateway's document", key=change.key)
        parent["properties"].setdefault("pathRules", []).append(child)
        last = names.is_warm(change.address) or change.position is None
        draft.positions[name] = float("inf") if last else float(change.position or 0)
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
    elif kind == "certificate" and not properties and child["name"] not in draft.shown:
        properties = dict(draft.secrets(change.after))
    child["properties"] = properties


def _set_targets(draft: Draft, change: model.Change, targets: tuple[str, ...]) -> None:
    pool = draft.find("pool", names.logical_of(change.address), change.name)
    if pool is None:
        raise Failed("not_ready", f"the pool of {model.short(change.address)} is gone; plan again", key=change.key)
    pool["properties"]["backendAddresses"] = shapes_backends.write_targets(targets)


def _move(draft: Draft, change: model.Change) -> None:
    for key, position in change.moves:
        where, _, suffix = key.rpartition("@")
        child = draft.find(model.kind_of(where), names.logical_of(where), suffix)
        if child is None:
            continue  # it goes in this very write
        if model.kind_of(where) == "rule":
            child["properties"]["priority"] = position
        else:
            draft.positions[child["name"]] = position


def _remember_positions(draft: Draft) -> None:
    for one in draft.collection("path-map"):
        for index, child in enumerate(one["properties"].get("pathRules") or ()):
            draft.positions.setdefault(child["name"], (index + 1) * STEP)


def _sort(draft: Draft) -> None:
    """The first path rule that matches answers: .../url-route-overview. Warm ones stand last."""
    for one in draft.collection("path-map"):
        rules = one["properties"].get("pathRules") or []
        rules.sort(key=lambda child: draft.positions[child["name"]])


def _guard_positions(draft: Draft, changes: Sequence[model.Change], observed: Sequence[model.Element]) -> None:
    """A position means a place among what was observed: where that has moved since, the plan is stale."""
    placed = {c.table for c in changes if c.op == "reorder"}
    placed |= {c.after.fields["map"].key for c in changes if _places_path(c) and c.after is not None}
    if not placed:
        return
    for element in observed:
        if model.kind_of(element.address) != "path-rule" or "position" not in element.outputs:
            continue
        table = element.fields["map"].key
        if table not in placed and f"paths:{table}" not in placed:
            continue
        child = draft.find("path-rule", names.logical_of(element.address), element.name)
        if child is None or draft.positions[child["name"]] != element.outputs["position"]:
            raise Failed(
                "conflict",
                f"the order of path rules around {model.short(element.address)} was changed since "
                "it was planned; plan again",
                key=changes[0].key,
            )


def _places_path(change: model.Change) -> bool:
    return change.op == "create" and model.kind_of(change.address) == "path-rule" and not change.warm


def _restore(draft: Draft, observed: Sequence[model.Element]) -> None:
    """Ours as observed, in the place of whatever the document shows of ours."""
    shown = [*(child for _, child in children(draft.properties)), *map_children(draft.properties)]
    draft.shown = {child["name"]: child.get("properties", {}) for child in shown if ours(child, draft.mark)}
    for kind in ("path-rule", *shapes.SHAPES):  # before the maps they lie in
        for siblings in _arrays(draft, kind):
            siblings[:] = [child for child in siblings if not ours(child, draft.mark)]
    again = [
        model.Change(op="create", address=e.address, name=e.name, after=e, position=e.outputs.get("position"))
        for e in observed
    ]
    _apply(draft, again)
    draft.shown = {}


def _guard_priorities(draft: Draft, changes: Sequence[model.Change]) -> None:
    """Somebody took a priority since it was planned: that is no fault of the rule that Azure would blame."""
    holders: dict[Any, list[str]] = {}
    for collection in ("requestRoutingRules", "routingRules"):
        for child in draft.properties.get(collection) or ():
            holders.setdefault(child.get("properties", {}).get("priority"), []).append(child["name"])
    for priority, found in sorted(holders.items(), key=lambda item: str(item[0])):
        if len(found) > 1 and changes:
            message = f"priority {priority} is held by {' and '.join(sorted(found))}; plan again"
            raise Failed("conflict", message, key=changes[0].key)


def _guard_paths(draft: Draft, changes: Sequence[model.Change]) -> None:
    """A path may stand once in a map (.../url-route-overview). Where it is somebody else's, our rule cannot have it."""
    for one in draft.collection("path-map"):
        holders: dict[str, Json] = {}
        for rule in one["properties"].get("pathRules") or ():
            for path in rule["properties"].get("paths") or ():
                first = holders.setdefault(path.casefold(), rule)
                if first is rule:
                    continue
                writers = [next((c for c in changes if draft.child_of(c) is r), None) for r in (first, rule)]
                foreign = [r["name"] for r in (first, rule) if not ours(r, draft.mark)]
                guilty = writers[1] or writers[0]
                if guilty is None or len(foreign) == 2:
                    continue
                decided = bool(foreign) or None not in writers  # else the one that stands is to go, or is news
                raise Failed(
                    "invalid" if decided else "conflict",
                    f"path {path} of map {one['name']} is held by path rules {first['name']} and {rule['name']}"
                    + (f", and {foreign[0]} is not ours; choose another path, or remove it" if foreign else ""),
                    key=guilty.key,
                )


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
