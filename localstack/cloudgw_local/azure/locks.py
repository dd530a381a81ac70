"""What keeps two writers apart: If-Match, and the short lock that a write puts on its resource.

`resources` asks before every write. Facts: 412 as reported in kubernetes-sigs/cloud-provider-azure#9729; 429 as
reported in Azure/azure-cli#28615 and pulumi/pulumi-azure-native#3720; 409 in Azure/azure-cli#2120.
"""

from __future__ import annotations

import math

from cloudgw_local.azure import call, errors, operations, world


def check_match(asked: call.Call, resource: world.Resource | None) -> None:
    """If-Match holds "*" or the etag of the resource as it is; whether gateways honour it is a belief."""
    given = asked.headers.get("if-match", "")
    gateway = asked.address.type == "applicationGateways"
    if not given or (gateway and asked.beliefs["azure-if-match"] == "ignored"):
        return
    if resource is None:
        _refuse("PreconditionFailedResourceNotFound", f"Resource {asked.address.id} was not found in NRP data store.")
    elif given not in ("*", resource.etag):
        message = (
            f"Etag provided in if-match header {given} does not match etag {resource.etag} of resource {resource.id} "
            "in NRP data store."
        )
        _refuse("PreconditionFailedEtagMismatch", message)


def _refuse(code: str, message: str) -> None:
    raise errors.Refusal(
        code="PreconditionFailed", message="Precondition failed.", details=((code, message, ""),), status=412
    )


def check_free(asked: call.Call, resource: world.Resource) -> None:
    """Refuse a write while another one holds the lock, or while the resource goes away."""
    running = asked.world.operations.get(resource.operation)
    if running is None:
        return
    if resource.state == "Deleting":
        url = operations.urls(asked, running)["Azure-AsyncOperation"]
        message = (
            "Another operation on this or dependent resource is in progress. To retrieve status of the operation use "
            f"uri: {url}."
        )
        raise errors.Refusal(code="AnotherOperationInProgress", message=message, status=409)
    if asked.now < resource.locked_until:
        wait = max(1, math.ceil(resource.locked_until - asked.now))
        message = (
            f"Operation {running.name} ({running.id}) is updating resource {resource.id}. "
            f"The call can be retried in {wait} seconds."
        )
        raise errors.Refusal(
            code="RetryableError",
            message="A retryable error occurred.",
            details=(("RetryableErrorDueToAnotherOperation", message, ""),),
            status=429,
            headers={"Retry-After": str(wait)},
        )


def take(asked: call.Call, resource: world.Resource) -> None:
    resource.locked_until = asked.now + asked.seconds("lock_seconds")
