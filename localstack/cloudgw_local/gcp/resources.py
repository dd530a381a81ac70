"""What a call does: the verbs that every kind has alike, around the rules that each kind has of its own.

`server` calls `perform` with the settled world. Reads answer documents; changes are checked here, by schema,
fingerprint, references, quota and the kind's rules, and handed to `operations`, which stores. Facts that belong to
one kind have no place here. Source: cloud.google.com/compute/docs/api/how-tos/api-requests-responses and the
reference of each method; a change while another runs is refused as recorded for networks and as reported in
hashicorp/terraform-provider-google#13033.
"""

from __future__ import annotations

import collections.abc
import copy
from typing import Any

from cloudgw_local.gcp import (
    call,
    discovery,
    errors,
    fingerprints,
    kind,
    lists,
    locations,
    names,
    operations,
    orders,
    quotas,
    references,
    schema,
    world,
)

Json = dict[str, Any]
LOCATIONS = ("projects", "regions", "zones")
FIXED = ("kind", "id", "creationTimestamp", "name", "selfLink", "region", "zone")
LATE_IN_USE = ("networks",)  # recorded: the deletion of a network in use fails in its operation


def perform(asked: call.Call) -> Json | None:
    """The body of the answer; None for an empty one. Raises Refusal."""
    if asked.collection in LOCATIONS:
        return locations.get(asked) if asked.verb == "get" else lists.listed(asked, _places(asked))
    if asked.collection == "operations":
        return _operation(asked)
    rules = asked.around.kinds.get(asked.collection)
    if rules is None:
        raise errors.Refusal(status=501, reason="notImplemented", message=f"No rules for {asked.collection}.")
    if asked.verb in ("list", "aggregatedList"):
        return (lists.listed if asked.verb == "list" else lists.aggregated)(asked, _rows(asked, rules))
    if asked.verb == "get":
        return show(asked, rules, asked.place, _existing(asked))
    if asked.verb in rules.reads:
        return _read(asked, rules)
    return _change(asked, rules)


def is_write(route: discovery.Route, kinds: collections.abc.Mapping[str, kind.Kind]) -> bool:
    """Whether a call changes a resource."""
    method = route.method
    rules = kinds.get(method.collection)
    return method.http != "GET" and method.collection != "operations" and not (rules and method.verb in rules.reads)


def _operation(asked: call.Call) -> Json | None:
    if asked.verb == "delete":
        operations.delete(asked)
        return None
    if asked.verb in ("get", "wait"):
        return operations.shown(operations.find(asked), asked.now)
    rows = [(place.scope, document) for place, document in operations.visible(asked)]
    if asked.verb == "aggregatedList":
        return lists.aggregated(asked, rows)
    return lists.listed(asked, [row for row in rows if row[0] == asked.route.scope])


def _places(asked: call.Call) -> list[lists.Row]:
    return [("", one) for one in locations.items(asked)]


def _rows(asked: call.Call, rules: kind.Kind) -> collections.abc.Iterator[lists.Row]:
    scope = asked.route.scope
    for place, stored in asked.around.every(asked.collection):
        if (not scope or place.scope == scope) and _is_visible(asked, place):
            yield place.scope, show(asked, rules, place, stored)


def _is_visible(asked: call.Call, place: names.Place) -> bool:
    return place not in asked.world.fresh or asked.around.belief("gcp-insert-visible") == "at-once"


def show(asked: call.Call, rules: kind.Kind, place: names.Place, stored: Json) -> Json:
    return dict(world.without(rules.show(stored, place, asked.around), rules.secret))


def _existing(asked: call.Call) -> Json:
    stored = asked.world.resources.get(asked.place)
    if stored is None or not _is_visible(asked, asked.place):
        raise references.missing(asked.place)
    return stored


def _read(asked: call.Call, rules: kind.Kind) -> Json:
    current = asked.world.resources.get(asked.place)
    if current is None and asked.place.name and asked.verb != "validate":
        raise references.missing(asked.place)
    request = asked.route.method.request
    body = schema.take(request, asked.body) if request else {}
    return rules.reads[asked.verb](copy.deepcopy(current), body, asked.query, asked.place, asked.around)


def _change(asked: call.Call, rules: kind.Kind) -> Json:
    operation = operations.repeated(asked)
    if operation is None:
        if asked.verb == "insert":
            operation = _insert(asked, rules)
        elif asked.verb == "delete":
            operation = _delete(asked)
        else:
            operation = _update(asked, rules)
        operations.remember(asked, operation)
    return operations.shown(operation, asked.now)


def _insert(asked: call.Call, rules: kind.Kind) -> world.Operation:
    body = _taken(asked)
    place = asked.place
    if not place.name:
        raise schema.required("resource.name")
    if place in asked.world.resources or asked.world.under_way(place):
        message = f"The resource '{place.path}' already exists"
        raise errors.Refusal(status=409, reason="alreadyExists", message=message)
    references.settle(body, rules, place, asked.world, asked.around)
    quotas.check(asked)
    try:
        document = _accepted(asked, rules, body, None)
    except errors.Refusal as refusal:
        return _late(asked, refusal)
    return operations.begin(asked, framed(place, document, asked.world.next_id(), asked.now))


def framed(place: names.Place, document: Json, number: str, now: float) -> Json:
    """A new document with the members that every resource has."""
    head = {
        "kind": discovery.SCHEMAS[call.schema_of(place.collection)]["properties"]["kind"]["default"],
        "id": number,
        "creationTimestamp": world.timestamp(now),
        "name": place.name,
        "selfLink": place.link,
        "_created": now,
        "_changed": now,
    }
    return fingerprints.stamp(document | head | operations.location(place), place)


def _delete(asked: call.Call) -> world.Operation:
    place = asked.place
    _existing(asked)
    _check_free(asked)
    holders = asked.around.holders(place)
    if not holders:
        return operations.begin(asked, None)
    refusal = references.in_use(place, holders[0])
    refusal.late = place.collection in LATE_IN_USE
    return _late(asked, refusal)


def _update(asked: call.Call, rules: kind.Kind) -> world.Operation:
    """update, patch and every action."""
    place = asked.place
    current = _existing(asked)
    body = _taken(asked)
    _check_free(asked)
    fingerprints.check(asked, current)
    current = _latest(asked, current)
    try:
        document = _changed(asked, rules, copy.deepcopy(current), body)
    except errors.Refusal as refusal:
        return _late(asked, refusal)
    private = {name: current[name] for name in current if name.startswith("_")}
    fixed = {name: current[name] for name in FIXED if name in current}
    return operations.begin(asked, fingerprints.stamp(private | document | fixed, place))


def _changed(asked: call.Call, rules: kind.Kind, current: Json, body: Json) -> Json:
    place, verb = asked.place, asked.verb
    if verb not in ("update", "patch"):
        references.settle(body, rules, place, asked.world, asked.around)
        if verb in rules.actions:
            document = rules.actions[verb](current, body, place, asked.around)
            references.settle(document, rules, place, asked.world, asked.around)
            return document
        if verb == "setLabels":
            return {name: current[name] for name in current if name != "labels"} | _labels(body)
        message = f"No rules for {verb} of {asked.collection}."
        raise errors.Refusal(status=501, reason="notImplemented", message=message)
    if body.get("name", place.name) != place.name:
        raise schema.invalid("resource.name", body["name"], "The name of a resource cannot be changed.")
    if verb == "patch":
        request = str(asked.route.method.request)
        base = {name: current[name] for name in schema.writable(request) if name in current}
        body = schema.take(request, world.without(_merged(base, body), ()))
    for member in rules.immutable:
        if member in current and body.setdefault(member, current[member]) != current[member]:
            _check_same(asked, rules, member, body, current)
    body["name"] = place.name
    references.settle(body, rules, place, asked.world, asked.around)
    return _labels(current) | _accepted(asked, rules, body, current)


def _labels(document: Json) -> Json:
    return {"labels": document["labels"]} if document.get("labels") else {}


def _check_same(asked: call.Call, rules: kind.Kind, member: str, body: Json, current: Json) -> None:
    """An immutable member may come in another spelling of the same reference, but not with another value."""
    settled = {member: copy.deepcopy(body[member])}
    references.settle(settled, rules, asked.place, asked.world, asked.around)
    if settled[member] != current[member]:
        raise schema.invalid(f"resource.{member}", body[member], "The field cannot be changed after creation.")


def _accepted(asked: call.Call, rules: kind.Kind, body: Json, current: Json | None) -> Json:
    orders.check(asked, body)
    body.pop("fingerprint", None)
    body.pop("labelFingerprint", None)
    stored: Json = world.filled(rules.accept(body, asked.place, current, asked.around))
    return stored


def _late(asked: call.Call, refusal: errors.Refusal) -> world.Operation:
    """The operation that a late refusal ends; raises the refusal when it is not late."""
    if not refusal.late:
        raise refusal
    return operations.begin(asked, None, refusal)


def _taken(asked: call.Call) -> Json:
    request = asked.route.method.request
    return schema.take(request, asked.body, nulls=asked.verb == "patch") if request else {}


def _check_free(asked: call.Call) -> None:
    """Refuse a change of a resource on which another one runs, unless the two may run together."""
    running = asked.world.under_way(asked.place)
    together = asked.verb in operations.TOGETHER and all(one.type in operations.TOGETHER for one in running)
    if running and not together:
        raise references.not_ready(asked.place)


def _latest(asked: call.Call, stored: Json) -> Json:
    """What the resource becomes when everything that runs on it has ended."""
    documents = [one.document for one in asked.world.under_way(asked.place) if one.document is not None]
    return documents[-1] if documents else stored


def _merged(base: Any, patch: Any) -> Any:
    """RFC 7396: objects merge, null deletes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
