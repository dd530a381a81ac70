"""The resources around gateways: public IP addresses, virtual networks, security groups, identities, WAF policies.

`resources` accepts and shows them through here; `around` looks them up for gateways. Bodies go through the SDK's
schema (`schema.take`). Facts: rest/api/virtualnetwork and rest/api/managedidentity on learn.microsoft.com; codes as
reported in issues that the functions name.
"""

from __future__ import annotations

import collections.abc
import ipaddress
import re
from typing import Any

from cloudgw_local.azure import arm, call, errors, gateway, schema, world

Accept = collections.abc.Callable[[call.Call, world.Json, world.Resource | None], world.Json]
_LABEL = re.compile(r"[a-z][a-z0-9-]{1,61}[a-z0-9]")
_POOLS = {"IPv4": ipaddress.ip_network("203.0.113.0/24"), "IPv6": ipaddress.ip_network("2001:db8::/120")}


def show(state: world.World, resource: world.Resource) -> world.Json:
    """What a GET shows of any resource."""
    document = resource.document
    if resource.type == "userAssignedIdentities":
        return document
    if resource.type == "applicationGateways":
        properties = document["properties"] | {
            "operationalState": resource.operational or "Stopped",
            "resourceGuid": resource.guid,
        }
        stored = document | {"etag": resource.etag, "properties": properties}
        return gateway.show(stored, state=resource.state)
    properties = {"provisioningState": resource.state, "resourceGuid": resource.guid} | document["properties"]
    if resource.type == "publicIPAddresses":
        used = users(state, resource.id)
        if used:
            properties["ipConfiguration"] = {"id": used[0]}
    elif resource.type == "virtualNetworks":
        properties["subnets"] = [show_subnet(state, resource, one) for one in properties.get("subnets") or []]

    elif resource.type == "networkSecurityGroups":
        rules = properties.get("securityRules") or []
        kind = f"{arm.NETWORK}/networkSecurityGroups/securityRules"
        properties["securityRules"] = [_child(resource, "securityRules", one) | {"type": kind} for one in rules]
        attached = subnets_with(state, resource.id)
        if attached:
            properties["subnets"] = [{"id": one} for one in attached]
    else:
        del properties["resourceGuid"]  # the model of a policy has none
        properties |= _policy_users(state, resource.id)
    return document | {"etag": resource.etag, "properties": properties}


def show_subnet(state: world.World, resource: world.Resource, subnet: world.Json) -> world.Json:
    shown = _child(resource, "subnets", subnet)
    used = users(state, shown["id"])
    configurations = [{"id": one} for one in used if "/gatewayIPConfigurations/" in one]
    private = [{"id": one} for one in used if "/frontendIPConfigurations/" in one]
    if configurations:
        shown["properties"]["applicationGatewayIPConfigurations"] = configurations
    if private:
        shown["properties"]["ipConfigurations"] = private
    shown["properties"]["delegations"] = [
        _child(resource, f"subnets/{subnet['name']}/delegations", one)
        for one in subnet["properties"].get("delegations") or []
    ]
    return shown | {"type": f"{arm.NETWORK}/virtualNetworks/subnets"}


def _child(resource: world.Resource, collection: str, child: world.Json) -> world.Json:
    properties = {"provisioningState": resource.state} | child.get("properties", {})
    own = f"{resource.id}/{collection}/{child['name']}"
    return {"name": child["name"], "id": own, "etag": resource.etag, "properties": properties}


def users(state: world.World, resource_id: str) -> list[str]:
    """Ids of the frontend and gateway IP configurations that name a public IP or subnet, wanted or still served."""
    wanted = resource_id.lower()
    found: dict[str, None] = {}
    for one in state.of_type("applicationGateways"):
        for document in (one.document, one.applied or {"properties": {}}):
            for collection in ("gatewayIPConfigurations", "frontendIPConfigurations"):
                for child in document["properties"].get(collection) or []:
                    named = [child["properties"].get(name) for name in ("publicIPAddress", "subnet")]
                    if any(reference and reference["id"].lower() == wanted for reference in named):
                        found[f"{one.id}/{collection}/{child['name']}"] = None
    return list(found)


def subnets_of(document: world.Json) -> list[str]:
    """Ids without case of the subnets that a gateway's instances are in."""
    given = document["properties"].get("gatewayIPConfigurations") or []
    return [one["properties"]["subnet"]["id"].lower() for one in given if "subnet" in one["properties"]]


def subnets_with(state: world.World, security_group_id: str) -> list[str]:
    found = []
    for one in state.of_type("virtualNetworks"):
        for subnet in one.document["properties"].get("subnets") or []:
            reference = subnet["properties"].get("networkSecurityGroup")
            if reference and reference["id"].lower() == security_group_id.lower():
                found.append(f"{one.id}/subnets/{subnet['name']}")
    return found


def _policy_users(state: world.World, policy_id: str) -> world.Json:
    found: dict[str, list[world.Json]] = {"applicationGateways": [], "httpListeners": [], "pathBasedRules": []}

    def named(properties: world.Json) -> bool:
        reference = properties.get("firewallPolicy") or {"id": ""}
        return str(reference["id"]).lower() == policy_id.lower()

    for one in state.of_type("applicationGateways"):
        properties = one.document["properties"]
        if named(properties):
            found["applicationGateways"].append({"id": one.id})
        for listener in properties.get("httpListeners") or []:
            if named(listener["properties"]):
                found["httpListeners"].append({"id": f"{one.id}/httpListeners/{listener['name']}"})
        for paths in properties.get("urlPathMaps") or []:
            for rule in paths["properties"].get("pathRules") or []:
                if named(rule["properties"]):
                    own = f"{one.id}/urlPathMaps/{paths['name']}/pathRules/{rule['name']}"
                    found["pathBasedRules"].append({"id": own})
    return {name: listed for name, listed in found.items() if listed}


def accept_public_ip(asked: call.Call, body: world.Json, current: world.Resource | None) -> world.Json:
    """MicrosoftDocs/azure-docs#42889 (Standard is static); Basic ones were retired in September 2025."""
    taken = schema.take("PublicIPAddress", body)
    properties = {
        "publicIPAddressVersion": "IPv4",
        "publicIPAllocationMethod": "Dynamic",
        "idleTimeoutInMinutes": 4,
        "ipTags": [],
        "ddosSettings": {"protectionMode": "VirtualNetworkInherited"},
    } | taken.get("properties", {})
    sku = {"name": "Basic", "tier": "Regional"} | taken.get("sku", {})
    if sku["name"] == "Basic":
        message = "Cannot create more than 0 IPv4 Basic SKU public IP addresses for this subscription in this region."
        raise errors.Refusal(code="IPv4BasicSkuPublicIpCountLimitReached", message=message)
    if properties["publicIPAllocationMethod"] != "Static":
        message = f"Standard sku publicIp {asked.address.id} must have AllocationMethod set to Static."
        raise errors.Refusal(code="StandardSkuPublicIPAddressesMustBeStatic", message=message)
    for name in ("ipAddress", "ipConfiguration"):
        properties.pop(name, None)
    if current is not None:
        before = current.document["properties"]
        if properties["publicIPAddressVersion"] != before["publicIPAddressVersion"]:
            message = f"The property publicIPAddressVersion of {current.id} cannot be changed."
            raise errors.Refusal(code="PropertyChangeNotAllowed", message=message)
        if "ipAddress" in before:
            properties["ipAddress"] = before["ipAddress"]
    if properties.get("dnsSettings", {}).get("domainNameLabel"):
        properties["dnsSettings"] = _dns(asked, properties["dnsSettings"], str(body["location"]))
    return taken | {"sku": sku, "properties": properties}


def _dns(asked: call.Call, settings: world.Json, location: str) -> world.Json:
    label = settings["domainNameLabel"]
    if not _LABEL.fullmatch(label):
        message = f"The domain name label {label} is invalid. It must conform to: ^[a-z][a-z0-9-]{{1,61}}[a-z0-9]$."
        raise errors.Refusal(code="InvalidDomainNameLabel", message=message)
    name = f"{label}.{location}.cloudapp.azure.com"
    for other in asked.world.of_type("publicIPAddresses"):
        taken = other.document["properties"].get("dnsSettings", {}).get("fqdn")
        if taken == name and other.id.lower() != asked.address.id.lower():
            message = f"DNS record {name} is already used by another public IP."
            raise errors.Refusal(code="DnsRecordInUse", message=message)
    return settings | {"fqdn": name}


def new_address(state: world.World, version: str) -> str:
    """An address that nobody has, and that nobody had for as long as there are others."""
    used = {one.document["properties"].get("ipAddress") for one in state.of_type("publicIPAddresses")}
    used |= {one.address for one in state.operations.values() if one.status == "InProgress"}
    pool = _POOLS[version]
    for step in range(254):
        state.addresses += 1
        address = str(pool[1 + (state.addresses + step) % 254])
        if address not in used:
            return address
    raise errors.Refusal(code="PublicIPCountLimitReached", message="Cannot create more than 254 public IP addresses.")


def accept_network(asked: call.Call, body: world.Json, current: world.Resource | None) -> world.Json:
    taken = schema.take("VirtualNetwork", body)
    properties = taken.setdefault("properties", {})
    if not properties.get("addressSpace", {}).get("addressPrefixes"):
        message = f"Address space of virtual network {asked.address.id} is empty."
        raise errors.Refusal(code="AddressSpaceEmpty", message=message)
    properties.setdefault("virtualNetworkPeerings", [])
    properties["subnets"] = [subnet_of(one) for one in properties.get("subnets") or []]
    _check_subnets(asked, properties)
    kept = {one["name"].lower() for one in properties["subnets"]}
    for one in current.document["properties"]["subnets"] if current else ():
        if one["name"].lower() not in kept:
            assert current is not None
            check_subnet_free(asked.world, f"{current.id}/subnets/{one['name']}")
    return taken


def subnet_of(taken: world.Json) -> world.Json:
    """What is stored of a subnet: its name and what may be written."""
    properties = dict(taken.get("properties", {}))
    for name in ("applicationGatewayIPConfigurations", "ipConfigurations"):
        properties.pop(name, None)
    properties["delegations"] = [
        {"name": one.get("name", ""), "properties": one.get("properties", {})}
        for one in properties.get("delegations") or []
    ]
    if "addressPrefix" not in properties and properties.get("addressPrefixes"):
        properties["addressPrefix"] = properties["addressPrefixes"][0]
    return {"name": taken.get("name", ""), "properties": properties}


def with_subnet(asked: call.Call, parent: world.Resource, body: world.Json) -> world.Json:
    """The document of a virtual network after a PUT of one of its subnets."""
    subnet = subnet_of(schema.take("Subnet", body) | {"name": asked.address.name})
    properties = parent.document["properties"]
    listed = list(properties["subnets"])
    names = [one["name"].lower() for one in listed]
    if subnet["name"].lower() in names:
        listed[names.index(subnet["name"].lower())] = subnet
    else:
        listed.append(subnet)
    changed = properties | {"subnets": listed}
    _check_subnets(asked, changed)
    return parent.document | {"properties": changed}


def _check_subnets(asked: call.Call, properties: world.Json) -> None:
    spaces = [ipaddress.ip_network(one) for one in properties["addressSpace"]["addressPrefixes"]]
    seen: list[tuple[str, Any]] = []
    for subnet in properties["subnets"]:
        name, prefix = subnet["name"], subnet["properties"].get("addressPrefix", "")
        try:
            block: Any = ipaddress.ip_network(prefix)
        except ValueError:
            message = f"The address prefix {prefix or 'null'} of subnet {name} is not valid."
            raise errors.Refusal(code="InvalidCIDRNotation", message=message) from None
        if not any(block.version == space.version and block.subnet_of(space) for space in spaces):
            message = (
                f"Subnet '{name}' is not valid because its IP address range is outside that of its virtual network."
            )
            raise errors.Refusal(code="NetcfgInvalidSubnet", message=message)
        for other, taken in seen:
            if block.version == taken.version and block.overlaps(taken):
                message = (
                    f"Subnet '{name}' is not valid because its IP address range overlaps with that of subnet '{other}'."
                )
                raise errors.Refusal(code="NetcfgSubnetRangesOverlap", message=message)
        seen.append((name, block))
        reference = subnet["properties"].get("networkSecurityGroup")
        if reference and asked.world.find(reference["id"]) is None:
            message = (
                f"Resource {reference['id']} referenced by resource {asked.address.id} was not found. Please make "
                "sure that the referenced resource exists, and that both resources are in the same region."
            )
            raise errors.Refusal(code="InvalidResourceReference", message=message)


def accept_security_group(_asked: call.Call, body: world.Json, _current: world.Resource | None) -> world.Json:
    taken = schema.take("NetworkSecurityGroup", body)
    rules = taken.setdefault("properties", {}).setdefault("securityRules", [])
    taken["properties"]["securityRules"] = [
        {"name": one.get("name", ""), "properties": one.get("properties", {})} for one in rules
    ]
    return taken


def accept_policy(_asked: call.Call, body: world.Json, _current: world.Resource | None) -> world.Json:
    taken = schema.take("WebApplicationFirewallPolicy", body)
    taken.setdefault("properties", {}).setdefault("customRules", [])
    return taken


def accept_identity(asked: call.Call, _body: world.Json, current: world.Resource | None) -> world.Json:
    """rest/api/managedidentity/user-assigned-identities/create-or-update: location and tags, nothing else."""
    name = asked.address.name
    own = {one: world.guid(f"{one} {name}") for one in ("tenantId", "principalId", "clientId")}
    return {"properties": current.document["properties"] if current else own}


def check_unused(state: world.World, resource: world.Resource) -> None:
    """May the resource be deleted? Codes as in terraform-provider-azurerm#688 and microsoft/nav-arm-templates#161."""
    if resource.type == "publicIPAddresses":
        for used in users(state, resource.id):
            message = (
                f"Public IP address {resource.id} can not be deleted since it is still allocated to resource {used}. "
                "In order to delete the public IP, disassociate/detach the Public IP address from the resource.  To "
                "learn how to do this, see aka.ms/deletepublicip."
            )
            raise errors.Refusal(code="PublicIPAddressCannotBeDeleted", message=message)
    elif resource.type == "virtualNetworks":
        for subnet in resource.document["properties"]["subnets"]:
            check_subnet_free(state, f"{resource.id}/subnets/{subnet['name']}")
    elif resource.type == "networkSecurityGroups":
        attached = subnets_with(state, resource.id)
        if attached:
            message = (
                f"Network security group {resource.id} cannot be deleted because it is in use by the following "
                f"resources: {', '.join(attached)}. In order to delete the Network security group, remove the "
                "association with the resource(s). To learn how to do this, see aka.ms/deletensg."
            )
            raise errors.Refusal(code="InUseNetworkSecurityGroupCannotBeDeleted", message=message)
    elif resource.type == "applicationGatewayWebApplicationFirewallPolicies":
        for listed in _policy_users(state, resource.id).values():
            message = f"Firewall policy {resource.id} is in use by {listed[0]['id']} and cannot be deleted."
            raise errors.Refusal(code="ApplicationGatewayFirewallPolicyCannotBeDeletedWhenInUse", message=message)


def check_subnet_free(state: world.World, subnet_id: str) -> None:
    for used in users(state, subnet_id):
        name = subnet_id.rsplit("/", 1)[-1]
        message = (
            f"Subnet {name} is in use by {used} and cannot be deleted. In order to delete the subnet, delete all the "
            "resources within the subnet. See aka.ms/deletesubnet."
        )
        raise errors.Refusal(code="InUseSubnetCannotBeDeleted", message=message)
