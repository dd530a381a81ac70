"""What stands around a gateway document: the lookups that its rules ask for, and the rules that only the world answers.

`resources` hands an `Around` to the document's own rules and then calls `check`. Refusals: NRP's, as reported in
gardener/gardener-extension-provider-azure#2 (a referenced resource that is not provisioned),
daniel-rhoades/acs-engine-terraform#10 and hashicorp/terraform-provider-azurerm#4225 (private addresses; five of a
subnet's addresses are reserved: virtual-network/virtual-networks-faq on learn.microsoft.com).
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

from cloudgw_local.azure import arm, call, errors, gateway_certificates, gateway_document, network, schema, world

TEST_REFUSAL = "ApplicationGatewayTestRefusal"


class Around:
    """Lookups for a gateway in `location`: what lies in another region does not exist for it."""

    def __init__(self, asked: call.Call, location: str) -> None:
        self._asked = asked
        self._world = asked.world
        self._location = location

    def exists(self, resource_id: str) -> world.Json | None:
        """The document of a resource or subnet as a GET shows it; None if there is none, or not in this region."""
        parent, _, subnet = resource_id.lower().partition("/subnets/")
        found = self._world.find(parent)
        if found is None:
            return None
        if found.namespace == arm.NETWORK and found.document["location"] != self._location:
            return None  # an identity may be anywhere
        document = network.show(self._world, found)
        if not subnet:
            return document
        return next((one for one in document["properties"]["subnets"] if one["name"].lower() == subnet), None)

    def holder(self, resource_id: str) -> str:
        """The id of the frontend or gateway IP configuration that uses a public IP or a subnet."""
        return next(iter(network.users(self._world, resource_id)), "")

    def setting(self, name: str) -> Any:
        return self._asked.settings[name]

    def belief(self, name: str) -> str:
        return self._asked.beliefs[name]

    def gateways_in(self, subnet_id: str) -> list[str]:
        gateways = self._world.of_type("applicationGateways")
        return [one.id for one in gateways if subnet_id.lower() in network.subnets_of(one.document)]


def rejected(asked: call.Call, body: world.Json, current: world.Resource | None) -> world.Json:
    """What a GET shows of a body that the gateway's rules refused late: canonical, with its secrets hidden."""
    own = current.id if current else asked.address.id
    kept = {"id": own, "name": own.rsplit("/", 1)[-1]} | schema.take("ApplicationGateway", body)
    document = gateway_document.Document(
        kept, id=own, current=current.document if current else None, around=Around(asked, body["location"])
    )
    gateway_certificates.restore(document)
    for child in document.children:
        child.body.pop("id", None)
    return kept


def check(asked: call.Call, document: world.Json) -> None:
    """What no document shows by itself: are its public IPs and networks ready, its private
    addresses free? Also the test's order."""
    late = asked.beliefs["azure-late-refusal"] == "late"
    try:
        for collection in ("gatewayIPConfigurations", "frontendIPConfigurations"):
            for child in document["properties"].get(collection) or []:
                _check_ready(asked, document, child["properties"])
                _check_private(asked, document, child)
    except errors.Refusal as refusal:
        refusal.late = late and refusal.status == 400
        raise
    _check_order(asked, document)


def _check_ready(asked: call.Call, document: world.Json, properties: world.Json) -> None:
    """A public IP, and the network of a subnet, must be provisioned before a gateway may name it."""
    for name in ("publicIPAddress", "subnet"):
        reference = properties.get(name) or {"id": ""}
        found = asked.world.find(reference["id"].lower().partition("/subnets/")[0])
        if found is None or found.state == "Succeeded":
            continue
        running = asked.world.operations[found.operation].name
        message = (
            f"Cannot proceed with operation because resource {found.id} used by resource {document['id']} is not in "
            f"Succeeded state. Resource is in {found.state} state and the last operation that updated/is updating "
            f"the resource is {running}."
        )
        wait = {"Retry-After": asked.retry_after}
        raise errors.Refusal(code="ReferencedResourceNotProvisioned", message=message, status=429, headers=wait)


def _check_private(asked: call.Call, document: world.Json, frontend: world.Json) -> None:
    properties = frontend["properties"]
    address = properties.get("privateIPAddress")
    if not address or "subnet" not in properties:
        return
    subnet = Around(asked, document["location"]).exists(properties["subnet"]["id"])
    prefix = subnet["properties"]["addressPrefix"] if subnet else "0.0.0.0/0"
    own = f"{document['id']}/frontendIPConfigurations/{frontend['name']}"
    block = ipaddress.ip_network(prefix)
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        message = f"IP configuration {own} has an invalid private IP address {address}."
        raise errors.Refusal(code="InvalidIPAddressFormat", message=message, target=own) from None
    if ip not in block:
        message = f"Private static IP address {ip} does not belong to the range of subnet prefix {prefix}."
        raise errors.Refusal(code="PrivateIPAddressNotInSubnet", message=message, target=own)
    if int(ip) - int(block.network_address) < 4 or ip == block.broadcast_address:
        message = f"Private static IP address {ip} falls within reserved IP range of subnet prefix {prefix}."
        raise errors.Refusal(code="PrivateIPAddressInReservedRange", message=message, target=own)
    for other in asked.world.of_type("applicationGateways"):
        if other.id.lower() == document["id"].lower():
            continue
        for one in other.document["properties"].get("frontendIPConfigurations") or []:
            if one["properties"].get("privateIPAddress") == address:
                message = (
                    f"IP configuration {own} is using the private IP address {address} which is already allocated to "
                    f"resource {other.id}/frontendIPConfigurations/{one['name']}."
                )
                raise errors.Refusal(code="PrivateIPAddressIsAllocated", message=message, target=own)


def _check_order(asked: call.Call, document: world.Json) -> None:
    """The settings refuse_child (a regular expression for the name), refuse_body (one for the child as JSON) and
    refuse_mode: sync, late, unnamed, late-unnamed."""
    name, body, mode = (str(asked.settings[key]) for key in ("refuse_child", "refuse_body", "refuse_mode"))
    if not name:
        return
    for identity, child in _children(document):
        if re.search(name, identity.rsplit("/", 1)[-1]) and re.search(body, json.dumps(child, sort_keys=True)):
            break
    else:
        return
    named = "unnamed" not in mode
    message = f"The test refuses {identity}." if named else "The test refuses this application gateway."
    raise errors.Refusal(
        code=TEST_REFUSAL, message=message, target=identity if named else "", late=mode.startswith("late")
    )


def _children(document: world.Json) -> list[tuple[str, world.Json]]:
    """Children and their children (path rules ...), with their ids."""
    found = []
    for collection, listed in document["properties"].items():
        for child in listed if isinstance(listed, list) else ():
            if isinstance(child, dict) and "name" in child:
                own = f"{document['id']}/{collection}/{child['name']}"
                found.append((own, child))
                for inner, items in (child.get("properties") or {}).items():
                    for one in items if isinstance(items, list) else ():
                        if isinstance(one, dict) and "name" in one:
                            found.append((f"{own}/{inner}/{one['name']}", one))
    return found
