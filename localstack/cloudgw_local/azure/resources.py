"""The verbs of Resource Manager over every kind of resource: PUT, GET, DELETE, PATCH, lists, actions.

`server` routes each request to `perform`. Rules about one kind live in `network` and gateway*.py, about time in
`operations`, about writers in `locks`; this module knows the order in which they are asked, and HTTP's statuses.
"""

from __future__ import annotations

import base64
import collections.abc
import dataclasses
import functools
import hashlib

from cloudgw_local.azure import arm, around, call, errors, gateway, locks, network, operations, schema, world


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How one type is written. `operation` is Azure's name for it in operations; `seconds` and `gone` are settings
    that say how long a write and a deletion take, "" for at once and without an operation."""

    operation: str
    accept: network.Accept
    seconds: str = "public_ip_seconds"
    gone: str = "public_ip_seconds"


def accept_gateway(asked: call.Call, body: world.Json, current: world.Resource | None) -> world.Json:
    surroundings = around.Around(asked, body["location"])
    own = current.id if current else asked.address.id
    document = gateway.accept(body, id=own, current=current.document if current else None, around=surroundings)
    try:
        around.check(asked, document)
    except errors.Refusal as refusal:
        refusal.document = document
        raise
    return document


KINDS = {
    "applicationGateways": Kind(operation="ApplicationGateway", accept=accept_gateway, gone="delete_seconds"),
    "publicIPAddresses": Kind(operation="PublicIpAddress", accept=network.accept_public_ip),
    "virtualNetworks": Kind(operation="VirtualNetwork", accept=network.accept_network),
    "networkSecurityGroups": Kind(operation="NetworkSecurityGroup", accept=network.accept_security_group),
    "applicationGatewayWebApplicationFirewallPolicies": Kind(
        operation="ApplicationGatewayWebApplicationFirewallPolicy", accept=network.accept_policy, seconds=""
    ),
    "userAssignedIdentities": Kind(
        operation="UserAssignedIdentity", accept=network.accept_identity, seconds="", gone=""
    ),
}


def perform(asked: call.Call) -> call.Answer:
    """Execute one request whose URL, version and bearer are good."""
    address, method = asked.address, asked.method
    if address.type == "resourceGroups":
        return _group(asked)
    if address.type == "locations/usages" and method == "GET":
        return _usages(asked)
    if address.type.startswith("locations/"):
        if method != "GET" or address.is_list:
            raise arm.not_allowed(method)
        if address.type == "locations/operations":
            return operations.poll(asked)
        return operations.result(asked, lambda resource: network.show(asked.world, resource))
    if address.group and address.group.lower() not in asked.world.groups:
        raise arm.missing_group(address.group)
    if address.action:
        return _action(asked)
    verbs: dict[str, collections.abc.Callable[[call.Call], call.Answer]] = {"GET": _list}
    if not address.is_list:
        verbs = {"GET": _get, "PUT": _put, "DELETE": _delete, "PATCH": _patch}
        if address.type == "virtualNetworks/subnets":
            verbs = {"GET": _get_subnet, "PUT": _put_subnet, "DELETE": _delete_subnet}
    if method not in verbs or (not address.is_list and not address.group):
        raise arm.not_allowed(method)
    return verbs[method](asked)


def _usages(asked: call.Call) -> call.Answer:
    """rest/api/virtualnetwork/usages/list; the limits are settings: azure-subscription-service-limits."""
    limits = {"ApplicationGateways": "applicationGateways", "PublicIPAddresses": "publicIPAddresses"}
    location = asked.address.names[0].lower()
    value = []
    for name, kind in limits.items():
        used = sum(one.document.get("location") == location for one in asked.world.of_type(kind))
        limit = int(
            asked.settings["limit_application_gateways" if kind == "applicationGateways" else "limit_addresses"]
        )
        named = {"value": name, "localizedValue": name}
        value.append({"name": named, "currentValue": used, "limit": limit, "unit": "Count"})
    return call.Answer(status=200, body={"value": value})


def _get(asked: call.Call) -> call.Answer:
    resource = _existing(asked)
    headers = {"ETag": resource.etag} if resource.namespace == arm.NETWORK else {}
    return call.Answer(status=200, body=network.show(asked.world, resource), headers=headers)


def _existing(asked: call.Call) -> world.Resource:
    resource = asked.world.find(asked.address.parent_id)
    if resource is None:
        raise arm.missing(asked.address)
    return resource


def _list(asked: call.Call) -> call.Answer:
    address = asked.address
    if address.type == "virtualNetworks/subnets":
        parent = _existing(asked)
        items = [network.show_subnet(asked.world, parent, one) for one in parent.document["properties"]["subnets"]]
        return call.Answer(status=200, body={"value": items})
    found = [
        one
        for one in asked.world.of_type(address.type)
        if not address.group or one.group.lower() == address.group.lower()
    ]
    scope = f"/subscriptions/{address.subscription}"
    scope += f"/resourceGroups/{address.group}" if address.group else ""
    path = f"{scope}/providers/{address.namespace}/{address.type}"
    return _page(asked, path, {one.id: functools.partial(network.show, asked.world, one) for one in found})


def _page(asked: call.Call, path: str, items: dict[str, collections.abc.Callable[[], world.Json]]) -> call.Answer:
    """One page. ARM promises no order, so it is a fixed shuffle; the token names the last item of the page before."""
    shuffled = sorted((hashlib.sha256(key.lower().encode()).hexdigest(), show) for key, show in items.items())
    token = asked.query.get("$skiptoken", "")
    try:
        last = base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        raise arm.refusal("InvalidSkipToken", "The provided $skipToken is invalid.") from None
    rest = [one for one in shuffled if one[0] > last]
    size = max(1, int(asked.settings["page_size"]))
    body: world.Json = {"value": [show() for _, show in rest[:size]]}
    if len(rest) > size:
        mark = base64.urlsafe_b64encode(rest[size - 1][0].encode()).decode()
        body["nextLink"] = f"{asked.url(path)}&$skiptoken={mark}"
    return call.Answer(status=200, body=body)


def _put(asked: call.Call) -> call.Answer:
    address, state, kind = asked.address, asked.world, KINDS[asked.address.type]
    arm.check_name(address)
    body = asked.body or {}
    location = arm.location_of(body, f"{address.namespace}/{address.type}")
    tags = arm.tags_of(body)
    current = state.find(address.id)
    if current is not None:
        arm.check_same_location(current.document["location"], location, current.name, current.group)
    locks.check_match(asked, current)
    if current is not None:
        locks.check_free(asked, current)
    body = {key: value for key, value in body.items() if key.lower() not in ("location", "tags")}
    body["location"] = location
    failure = None
    try:
        taken = kind.accept(asked, body, current)
    except errors.Refusal as refusal:
        if not refusal.late:
            raise
        taken = refusal.document or around.rejected(asked, body, current)
        failure = refusal.body()["error"]
    return _write(asked, current, _stored(asked, current, taken, location, tags), failure)


def _stored(
    asked: call.Call,
    current: world.Resource | None,
    taken: world.Json,
    location: str,
    tags: dict[str, str] | None,
) -> world.Json:
    address = asked.address
    own = {
        "id": current.id if current else address.id,
        "name": current.name if current else address.name,
        "type": f"{address.namespace}/{address.type}",
        "location": location,
    }
    document = own | {key: value for key, value in taken.items() if key not in own and key != "tags"}
    return document | {"tags": tags} if tags is not None else document


def _write(
    asked: call.Call, current: world.Resource | None, document: world.Json, failure: world.Json | None
) -> call.Answer:
    """Store the document and begin the operation that brings it to the data plane."""
    address, state, kind = asked.address, asked.world, KINDS[asked.address.type]
    target = ""
    if address.type == "publicIPAddresses" and "ipAddress" not in document["properties"]:
        target = network.new_address(state, document["properties"]["publicIPAddressVersion"])
    resource = current or world.Resource(
        id=document["id"],
        namespace=address.namespace,
        type=address.type,
        group=address.group,
        name=address.name,
        document=document,
        guid=world.guid(f"{document['id'].lower()} {state.serial}"),
        etag="",
    )
    resource.document, resource.failure = document, failure
    state.resources[resource.id.lower()] = resource
    status = 200 if current else 201
    if not kind.seconds:
        resource.etag, resource.applied = world.etag(state.next_guid(resource.id)), document
        return call.Answer(status=status, body=network.show(state, resource))
    seconds = asked.seconds(kind.seconds)
    if address.type == "applicationGateways":
        seconds = asked.seconds("update_seconds" if resource.applied else "create_seconds")
        if resource.operational == "Stopped":
            resource.operational = "Starting" if resource.applied else "Stopped"
    return _begin(asked, resource, f"Put{kind.operation}Operation", "put", seconds, status=status, address=target)


def _begin(
    asked: call.Call,
    resource: world.Resource,
    name: str,
    verb: str,
    seconds: float,
    *,
    status: int,
    child: str = "",
    address: str = "",
) -> call.Answer:
    """Begin an operation and answer with the resource; 202 and 204 have no body."""
    state = asked.world
    operation = operations.begin(
        state, resource, name=name, verb=verb, now=asked.now, seconds=seconds, child=child, address=address
    )
    locks.take(asked, resource)
    operations.settle(state, asked.now, asked.beliefs)
    headers = operations.urls(asked, operation)
    if status == 202:
        operations.moved(state, resource, asked.beliefs)
        return call.Answer(status=status, headers=headers)
    del headers["Location"]
    body = network.show(state, resource)
    operations.moved(state, resource, asked.beliefs)
    return call.Answer(status=status, body=body, headers=headers)


def _patch(asked: call.Call) -> call.Answer:
    """Tags only. On a gateway this is an operation that supersedes others (Azure/azure-cli#21156)."""
    resource = _existing(asked)
    unknown = [key for key in asked.body or {} if key.lower() != "tags"]
    if unknown:
        message = f"Could not find member '{unknown[0]}' on object of type 'TagsObject'. Path '{unknown[0]}'."
        raise schema.unreadable(("InvalidJson", message, ""))
    tags = arm.tags_of(asked.body or {}) or {}
    locks.check_match(asked, resource)
    locks.check_free(asked, resource)
    resource.document = resource.document | {"tags": tags}
    if resource.type == "applicationGateways":
        seconds = asked.seconds("update_seconds")
        return _begin(asked, resource, "PatchApplicationGatewayOperation", "patch", seconds, status=200)
    if resource.applied is not None:
        resource.applied = resource.applied | {"tags": tags}
    resource.etag = world.etag(asked.world.next_guid(resource.id))
    return call.Answer(status=200, body=network.show(asked.world, resource))


def _delete(asked: call.Call) -> call.Answer:
    kind = KINDS[asked.address.type]
    resource = asked.world.find(asked.address.id)
    if resource is None:
        return call.Answer(status=204)
    locks.check_match(asked, resource)
    if resource.state == "Deleting":
        running = asked.world.operations[resource.operation]
        return call.Answer(status=202, headers=operations.urls(asked, running))
    locks.check_free(asked, resource)
    network.check_unused(asked.world, resource)
    if not kind.gone:
        del asked.world.resources[resource.id.lower()]
        return call.Answer(status=200)
    name = f"Delete{kind.operation}Operation"
    resource.failure = None
    return _begin(asked, resource, name, "delete", asked.seconds(kind.gone), status=202)


def _action(asked: call.Call) -> call.Answer:
    """POST start, stop and backendhealth of a gateway."""
    action = asked.address.action
    if asked.address.type != "applicationGateways" or action not in ("start", "stop", "backendhealth"):
        message = f"No action '{action}' of {asked.address.namespace}/{asked.address.type} is offered here."
        raise errors.Refusal(code="NotFound", message=message, status=404)
    if asked.method != "POST":
        raise arm.not_allowed(asked.method)
    resource = _existing(asked)
    if action == "backendhealth":
        name, seconds = "BackendHealthOperation", asked.seconds("backend_health_seconds")
        operation = operations.begin_reading(asked.world, resource, name=name, now=asked.now, seconds=seconds)
        operations.settle(asked.world, asked.now, asked.beliefs)
        headers = operations.urls(asked, operation)
        del headers["Azure-AsyncOperation"]
        return call.Answer(status=202, headers=headers)
    locks.check_free(asked, resource)
    resource.operational = "Starting" if action == "start" else "Stopping"
    name, seconds = f"{action.title()}ApplicationGatewayOperation", asked.seconds("update_seconds")
    return _begin(asked, resource, name, action, seconds, status=202)


def _get_subnet(asked: call.Call) -> call.Answer:
    parent = _existing(asked)
    subnet = _subnet(asked, parent)
    if subnet is None:
        message = f"Resource {asked.address.id} not found."
        raise errors.Refusal(code="NotFound", message=message, status=404)
    shown = network.show_subnet(asked.world, parent, subnet)
    return call.Answer(status=200, body=shown, headers={"ETag": parent.etag})


def _subnet(asked: call.Call, parent: world.Resource) -> world.Json | None:
    wanted = asked.address.name.lower()
    listed: list[world.Json] = parent.document["properties"]["subnets"]
    return next((one for one in listed if one["name"].lower() == wanted), None)


def _put_subnet(asked: call.Call) -> call.Answer:
    arm.check_name(asked.address)
    parent = asked.world.find(asked.address.parent_id)
    if parent is None:
        message = (
            f"Can not perform requested operation on nested resource. Parent resource '{asked.address.names[0]}' not "
            "found."
        )
        raise arm.refusal("ParentResourceNotFound", message, 404)
    locks.check_match(asked, parent)
    locks.check_free(asked, parent)
    status = 200 if _subnet(asked, parent) else 201
    parent.document = network.with_subnet(asked, parent, asked.body or {})
    seconds = asked.seconds("public_ip_seconds")
    answer = _begin(asked, parent, "PutSubnetOperation", "put", seconds, status=status)
    subnet = _subnet(asked, parent)
    assert subnet is not None
    answer.body = network.show_subnet(asked.world, parent, subnet)
    return answer


def _delete_subnet(asked: call.Call) -> call.Answer:
    parent = asked.world.find(asked.address.parent_id)
    if parent is None or _subnet(asked, parent) is None:
        return call.Answer(status=204)
    locks.check_match(asked, parent)
    locks.check_free(asked, parent)
    network.check_subnet_free(asked.world, asked.address.id)
    seconds = asked.seconds("public_ip_seconds")
    return _begin(asked, parent, "DeleteSubnetOperation", "delete", seconds, status=202, child=asked.address.name)


def _group(asked: call.Call) -> call.Answer:
    """Resource groups: GET, HEAD, PUT, list. Deleting one with everything in it is not offered."""
    address, groups = asked.address, asked.world.groups
    if address.is_list:
        if asked.method != "GET":
            raise arm.not_allowed(asked.method)
        path = f"/subscriptions/{address.subscription}/resourcegroups"
        return _page(asked, path, {one["id"]: functools.partial(dict, one) for one in groups.values()})
    if asked.method not in ("GET", "HEAD", "PUT"):
        raise arm.not_allowed(asked.method)
    current = groups.get(address.name.lower())
    if asked.method == "PUT":
        arm.check_name(address)
        location = arm.location_of(asked.body or {}, "Microsoft.Resources/resourceGroups")
        if current is not None and current["location"] != location:
            message = (
                f"Invalid resource group location '{location}'. The Resource group already exists in location "
                f"'{current['location']}'."
            )
            raise arm.refusal("InvalidResourceGroupLocation", message, 409)
        made = {
            "id": current["id"] if current else address.id,
            "name": current["name"] if current else address.name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": location,
            "tags": arm.tags_of(asked.body or {}) or {},
            "properties": {"provisioningState": "Succeeded"},
        }
        groups[address.name.lower()] = made
        return call.Answer(status=200 if current else 201, body=made)
    if current is None:
        raise arm.missing_group(address.name)
    return call.Answer(status=204) if asked.method == "HEAD" else call.Answer(status=200, body=current)
