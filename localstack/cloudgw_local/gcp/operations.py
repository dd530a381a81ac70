"""Operations: how changes begin, take effect when their time comes, fail late, and look to whoever polls them.

`resources` begins them; `server` settles the world around each request, so an operation ends as soon as anyone could
notice. Times come from the caller. A change takes effect at its end; an insert's resource exists from the begin,
not ready. Sources: cloud.google.com/compute/docs/api/how-tos/api-requests-responses and .../rest/v1/globalOperations;
types and members as recorded in k8s-config-connector's golden logs.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import uuid
from typing import Any

from cloudgw_local import gcp
from cloudgw_local.gcp import call, errors, fingerprints, health, names, references, schema, world

Json = dict[str, Any]
USER = f"local@{gcp.PROJECT}.iam.gserviceaccount.com"
REMEMBERED = 3600.0  # seconds that a request id stays known: "at least 60 minutes"
TYPES = {
    ("sslPolicies", "patch"): "compute.sslPolicies.patch",
    ("targetHttpsProxies", "setQuicOverride"): "compute.targetHttpsProxies.setQuicOverride",
    ("targetTcpProxies", "setProxyHeader"): "TargetTcpProxySetProxyHeader",
    ("*", "setTarget"): "SetTarget",
    ("*", "setUrlMap"): "SetUrlMap",
}
# Endpoint groups take several of these at once; everything else has one change at a time.
TOGETHER = ("attachNetworkEndpoints", "detachNetworkEndpoints")
AT_ONCE = ("setLabels",)


def seconds(asked: call.Call) -> float:
    """How long an operation of this call runs."""
    if asked.verb in AT_ONCE:
        return 0.0
    if asked.verb in TOGETHER:
        return asked.seconds("endpoints_seconds")
    if asked.verb == "insert":
        rule = asked.collection == "forwardingRules"
        return asked.seconds("forwarding_rule_seconds" if rule else "insert_seconds")
    return asked.seconds("delete_seconds" if asked.verb == "delete" else "update_seconds")


def begin(asked: call.Call, document: Json | None, failure: errors.Refusal | None = None) -> world.Operation:
    """Start the operation of a call: `document` is what its target becomes; `failure` is how it ends instead."""
    state, place = asked.world, asked.place
    verb = asked.verb if asked.verb in ("insert", "delete") else "change"
    number = state.next_id()
    current = document or state.resources.get(place) or {}
    before = state.under_way(place)
    lasting = seconds(asked)
    waiting = asked.seconds("pending_seconds") if lasting else 0.0
    operation = world.Operation(
        name=_name(number, asked.now),
        id=number,
        type=TYPES.get((asked.collection, asked.verb)) or TYPES.get(("*", asked.verb), asked.verb),
        verb=verb,
        target=place,
        target_id=str(current.get("id") or state.next_id()),
        began=asked.now,
        starts=asked.now + waiting,
        ends=max([asked.now + waiting + lasting, *(one.ends for one in before)]),
        document=document,
        failure=failure.operation_error() if failure else None,
    )
    state.operations[operation.name] = operation
    state.running.append(operation.name)
    if verb == "insert" and document is not None:
        document["_created"] = operation.ends  # nothing may count on it before
        state.resources[place] = document
        state.fresh.add(place)
    settle(asked.around)
    return operation


def _name(number: str, now: float) -> str:
    text = world.digest(f"operation {number}").hex()
    return f"operation-{int(now * 1000)}-{text[:13]}-{text[13:21]}-{text[21:29]}"


def settle(surroundings: call.Surroundings) -> None:
    """End every operation whose time has come, in the order of their ends, and note which endpoints that connects."""
    state = surroundings.world
    due = [state.operations[name] for name in state.running if state.operations[name].ends <= surroundings.time]
    for operation in sorted(due, key=lambda one: one.ends):
        state.running.remove(operation.name)
        _end(state, operation)
        if operation.target.collection in health.COLLECTIONS:
            reached = health.reachable(dataclasses.replace(surroundings, time=operation.ends))
            state.moments = {key: state.moments.get(key, operation.ends) for key in sorted(reached)}


def _end(state: world.World, operation: world.Operation) -> None:
    document, operation.document = operation.document, None
    operation.done = True
    place = operation.target
    if operation.verb == "insert":
        state.fresh.discard(place)
    if operation.failure is not None:
        if operation.verb == "insert":
            state.resources.pop(place, None)
        return
    if operation.verb == "delete":
        state.resources.pop(place, None)
    elif document is not None:
        document["_changed"] = operation.ends
        state.resources[place] = fingerprints.stamp(document, place)


def shown(operation: world.Operation, now: float) -> Json:
    """What GET answers, as recorded: progress is 0 until it is 100; startTime is missing while it is PENDING."""
    place = operation.place
    status = "DONE" if operation.done else "RUNNING" if now >= operation.starts else "PENDING"
    answer: Json = {
        "kind": "compute#operation",
        "id": operation.id,
        "name": operation.name,
        "operationType": operation.type,
        "targetLink": operation.target.link,
        "targetId": operation.target_id,
        "status": status,
        "user": USER,
        "progress": 100 if operation.done else 0,
        "insertTime": world.timestamp(operation.began),
        "selfLink": place.link,
    }
    if status != "PENDING":
        answer["startTime"] = world.timestamp(operation.starts)
    if operation.done:
        answer["endTime"] = world.timestamp(operation.ends)
        answer |= operation.failure or {}
    return answer | location(place)


def location(place: names.Place) -> Json:
    """The member that says where something regional or zonal is."""
    if place.scope == "global":
        return {}
    return {place.scope.partition("s/")[0]: f"{names.ROOT}projects/{place.project}/{place.scope}"}


def find(asked: call.Call) -> world.Operation:
    """The operation a path names, in its own scope."""
    operation = asked.world.operations.get(asked.route.name)
    if operation is None or operation.place != asked.place:
        raise references.missing(asked.place)
    return operation


def delete(asked: call.Call) -> None:
    operation = find(asked)
    if operation.name not in asked.world.running:
        del asked.world.operations[operation.name]


def visible(asked: call.Call) -> collections.abc.Iterator[tuple[names.Place, Json]]:
    for operation in asked.world.operations.values():
        if operation.target.project == asked.route.project:
            yield operation.place, shown(operation, asked.now)


def repeated(asked: call.Call) -> world.Operation | None:
    """The operation of an earlier call with the same requestId, method and path. Refusal 400 for one that is no UUID
    or the zero one (the discovery document's text on requestId)."""
    given = asked.query.get("requestId", "")
    if not given:
        return None
    try:
        parsed = uuid.UUID(given)
    except ValueError:
        parsed = uuid.UUID(int=0)
    if parsed.int == 0 or len(given) != 36:
        raise schema.invalid("requestId", given, "Must be a valid UUID other than the zero UUID.")
    name, at = asked.world.requests.get(_request_key(asked), ("", 0.0))
    known = asked.world.operations.get(name)
    return known if asked.now - at <= REMEMBERED else None


def remember(asked: call.Call, operation: world.Operation) -> None:
    if asked.query.get("requestId"):
        asked.world.requests[_request_key(asked)] = (operation.name, asked.now)


def _request_key(asked: call.Call) -> str:
    return f"{asked.query['requestId'].lower()} {asked.route.method.id} {asked.place.path}"
