"""Long operations: how they begin, supersede each other, end on the clock, and look to whoever polls them.

`resources` begins them; `server` settles the world around each request, so an operation ends as soon as anyone could
notice. Times come from the caller. Facts: azure-resource-manager/management/async-operations on learn.microsoft.com;
superseding as reported in Azure/azure-cli#21156 (a PATCH supersedes a PUT too); etags as azure-cli recorded them (the
answer to a PUT carries one etag, a GET right after it another, and a GET after the end a third).
"""

from __future__ import annotations

import collections.abc
from typing import Any

from cloudgw_local.azure import call, errors, health, world

RUNNING = "InProgress"
Beliefs = collections.abc.Mapping[str, str]


def begin(
    state: world.World,
    resource: world.Resource,
    *,
    name: str,
    verb: str,
    now: float,
    seconds: float,
    child: str = "",
    address: str = "",
) -> world.Operation:
    """Start an operation on a resource; the one that runs there is canceled. `name` is Azure's ("PutSubnetOperation").

    A first creation that is superseded goes on for at least as long as it would have.
    """
    before = state.operations.get(resource.operation)
    ends = now + seconds
    if before is not None and resource.applied is None and verb != "delete":
        ends = max(ends, before.ends)
    operation = _add(state, resource, name=name, verb=verb, now=now, ends=ends)
    operation.child, operation.address = child, address
    if before is not None:
        _cancel(state, before, operation)
    resource.operation = operation.id
    resource.state = "Deleting" if verb == "delete" and not child else "Updating"
    resource.etag = world.etag(f"{operation.id} begun")
    return operation


def begin_reading(state: world.World, resource: world.Resource, *, name: str, now: float, seconds: float) -> Any:
    """Start an operation that only computes an answer, and takes nothing from those that change the resource."""
    return _add(state, resource, name=name, verb="health", now=now, ends=now + seconds)


def moved(state: world.World, resource: world.Resource, beliefs: Beliefs) -> None:
    """To be called when the answer to a write is made: from here on a running operation has another etag."""
    if resource.operation in state.operations and beliefs["azure-etag-moves"] == "moves":
        resource.etag = world.etag(f"{resource.operation} running")


def _add(
    state: world.World, resource: world.Resource, *, name: str, verb: str, now: float, ends: float
) -> world.Operation:
    operation = world.Operation(
        id=state.next_guid(f"operation {resource.id}"),
        name=name,
        verb=verb,
        target=resource.id.lower(),
        location=resource.document["location"],
        began=now,
        ends=ends,
    )
    state.operations[operation.id] = operation
    state.running.append(operation.id)
    return operation


def _cancel(state: world.World, operation: world.Operation, by: world.Operation) -> None:
    message = (
        f"Operation {operation.name} ({operation.id}) was canceled and superseded by operation {by.name} ({by.id})."
    )
    detail = ("CanceledAndSupersededDueToAnotherOperation", message, "")
    refusal = errors.Refusal(code="Canceled", message="Operation was canceled.", details=(detail,))
    operation.status, operation.error = "Canceled", refusal.body()["error"]
    state.running.remove(operation.id)


def settle(state: world.World, now: float, beliefs: Beliefs) -> None:
    """End every operation whose time has come, in the order of their ends."""
    due = [state.operations[one] for one in state.running if state.operations[one].ends <= now]
    for operation in sorted(due, key=lambda one: one.ends):
        state.running.remove(operation.id)
        _end(state, operation, beliefs)


def _end(state: world.World, operation: world.Operation, beliefs: Beliefs) -> None:
    resource = state.resources.get(operation.target)
    operation.status = "Succeeded"
    if resource is None:
        return
    if operation.verb == "health":
        operation.result = health.report(state, resource, operation.ends, beliefs)
        return
    resource.operation = ""
    if operation.verb == "delete" and not operation.child:
        del state.resources[operation.target]
        return
    if beliefs["azure-etag-moves"] == "moves":
        resource.etag = world.etag(f"{operation.id} ended")
    if resource.failure is not None:
        _fail(operation, resource, beliefs)
        return
    if operation.child:
        resource.document = _without_subnet(resource.document, operation.child)
    if operation.address:
        properties = resource.document["properties"] | {"ipAddress": operation.address}
        resource.document = resource.document | {"properties": properties}
    resource.state, resource.applied = "Succeeded", resource.document
    if resource.type == "applicationGateways":
        resource.operational = "Stopped" if operation.verb == "stop" else "Running"
        health.attach(resource, operation.ends)


def _fail(operation: world.Operation, resource: world.Resource, beliefs: Beliefs) -> None:
    """The data plane keeps the last good document; what a GET shows of the rejected one is disputed."""
    operation.status, operation.error = "Failed", resource.failure
    resource.state = "Failed"
    if resource.operational == "Starting":
        resource.operational = "Stopped"
    if beliefs["azure-failed-document"] == "last-good" and resource.applied is not None:
        resource.document, resource.failure = resource.applied, None


def _without_subnet(document: world.Json, name: str) -> world.Json:
    subnets = [one for one in document["properties"]["subnets"] if one["name"].lower() != name.lower()]
    return document | {"properties": document["properties"] | {"subnets": subnets}}


def urls(asked: call.Call, operation: world.Operation) -> dict[str, str]:
    """Where to poll: both URLs of an operation, by the header that carries them."""
    scope = f"/subscriptions/{asked.address.subscription}/providers/Microsoft.Network/locations/{operation.location}"
    return {
        "Azure-AsyncOperation": asked.url(f"{scope}/operations/{operation.id}"),
        "Location": asked.url(f"{scope}/operationResults/{operation.id}"),
        "Retry-After": asked.retry_after,
    }


def poll(asked: call.Call) -> call.Answer:
    """GET .../locations/{location}/operations/{id}: 200 with the status, whatever it is."""
    operation = _of(asked)
    if operation.status == RUNNING:
        return call.Answer(status=200, body={"status": RUNNING}, headers={"Retry-After": asked.retry_after})
    body: dict[str, Any] = {"status": operation.status}
    if operation.error is not None:
        body["error"] = operation.error
    if operation.result is not None:
        body["properties"] = operation.result
    return call.Answer(status=200, body=body)


def result(asked: call.Call, show: collections.abc.Callable[[world.Resource], world.Json]) -> call.Answer:
    """GET .../locations/{location}/operationResults/{id}: 202 while it runs, then what the operation gives."""
    operation = _of(asked)
    if operation.status == RUNNING:
        headers = urls(asked, operation)
        del headers["Azure-AsyncOperation"]
        return call.Answer(status=202, headers=headers)
    if operation.error is not None:
        return call.Answer(status=409 if operation.status == "Canceled" else 400, body={"error": operation.error})
    if operation.result is not None:
        return call.Answer(status=200, body=operation.result)
    resource = asked.world.resources.get(operation.target)
    if operation.verb == "delete" or resource is None:
        return call.Answer(status=204)
    return call.Answer(status=200, body=show(resource))


def _of(asked: call.Call) -> world.Operation:
    operation = asked.world.operations.get(asked.address.name.lower())
    if operation is None:
        message = f"The operation '{asked.address.name}' was not found."
        raise errors.Refusal(code="OperationNotFound", message=message, status=404)
    return operation
