"""Where a gateway stands and listens: its subnet, public and private addresses, frontend ports, identity.

Called by `gateway.accept`. Asks `Around` about the network and must never change it. Whether a private address lies in
its subnet and is free is answered by `around.check`.

Source: MicrosoftDocs/azure-docs articles/application-gateway/{configuration-infrastructure,configuration-frontend-ip,
application-gateway-private-deployment}.md; learn.microsoft.com/troubleshoot/azure/application-gateway/error-codes/
application-gateway-frontend-ip-cannot-have-public-ip-subnet-error; MicrosoftDocs/azure-docs#64853.
"""

from __future__ import annotations

from cloudgw_local.azure import errors, gateway_document
from cloudgw_local.azure.gateway_document import Child, Document, Json

DELEGATION = "Microsoft.Network/applicationGateways"
_MANAGEMENT = range(65200, 65536)  # the v2 infrastructure's own ports
_RESERVED = 4  # Azure keeps the first four addresses of a subnet, and the last


def check_required(document: Document) -> None:
    configurations = document.of("gatewayIPConfigurations")
    without = [child for child in configurations if "subnet" not in child.properties]
    if not configurations or without:
        child = without[0] if without else None
        where = child.id if child else document.id
        raise errors.Refusal(code="SubnetIsRequired", message=f"Subnet reference is required for {where}.")
    for port in document.of("frontendPorts"):
        number = port.properties.get("port", 0)
        if not 1 <= number <= 65535 or number in _MANAGEMENT:
            raise gateway_document.refuse(
                "FrontendPortInvalidPortNumber",
                f"Port {number} of frontend port {port.id} is invalid. It must be between 1 and 65199.",
                port,
            )


def check_addresses(document: Document) -> None:
    """Each frontend has a public IP or a subnet: the last of the required parts in the recorded order."""
    for child in document.of("frontendIPConfigurations"):
        if not {"publicIPAddress", "subnet"} & child.properties.keys():
            raise gateway_document.refuse(
                "FrontendIpBothPublicIpAddressAndSubnetCannotBeNull",
                f"Both PublicIpAddress and Subnet cannot be null for frontend ip configuration {child.id}.",
                child,
            )


def check(document: Document) -> None:
    subnet_id = document.of("gatewayIPConfigurations")[0].properties["subnet"]["id"]
    subnet = document.around.exists(subnet_id) or {}
    isolated = bool(document.around.setting("network_isolation")) and _delegated(subnet)
    _check_identity(document)
    _check_subnet(document, subnet_id, subnet, isolated)
    frontends = document.of("frontendIPConfigurations")
    for child in frontends:
        if {"publicIPAddress", "subnet"} <= child.properties.keys():
            raise _public_and_subnet(f"{child.id} cannot have both a public IP address and a subnet.", child)
        if "publicIPAddress" in child.properties:
            _check_public(document, child)
        else:
            _check_private(document, child, subnet_id)
    if not any("publicIPAddress" in child.properties for child in frontends) and not isolated:
        raise _public_and_subnet(
            f"{document.id} does not support Application Gateway without Public IP for the selected SKU tier "
            f"{document.tier}. Supported SKU tiers are Standard,WAF.",
            None,
        )
    _check_ports(document)


def _public_and_subnet(message: str, child: Child | None) -> errors.Refusal:
    return gateway_document.refuse("FrontendIpCannotHavePublicIpAndSubnet", message, child)


def _delegated(subnet: Json) -> bool:
    delegations = _properties(subnet).get("delegations") or []
    services = [str((item.get("properties") or {}).get("serviceName")) for item in delegations]
    return DELEGATION.casefold() in [service.casefold() for service in services]


def _properties(found: Json) -> Json:
    properties: Json = found.get("properties") or {}
    return properties


def _check_identity(document: Document) -> None:
    identity = document.body.get("identity")
    if not identity:
        return
    kind = identity.get("type") or "None"
    if "SystemAssigned" in kind:
        raise errors.Refusal(
            code="ApplicationGatewayIdentityTypeNotSupported",
            message=f"Identity type {kind} of {document.id} is not supported. Use UserAssigned.",
        )
    for name in identity.get("userAssignedIdentities") or {}:
        if document.around.exists(name) is None:
            raise errors.Refusal(
                code="FailedIdentityOperation",
                message=f"Identity operation for resource '{document.id}' failed with error 'Failed to perform "
                f"resource identity operation. Status: 'BadRequest'. The identity '{name}' was not found.'",
            )


def _check_subnet(document: Document, subnet_id: str, subnet: Json, isolated: bool) -> None:
    first = document.of("gatewayIPConfigurations")[0]
    holder = document.around.holder(subnet_id)
    if holder and "/applicationgateways/" not in holder.casefold():
        raise gateway_document.refuse(
            "SubnetCannotHaveOtherResources",
            f"Subnet {subnet_id} cannot be used for application gateway {document.id} since it holds {holder}. A "
            "subnet of application gateways cannot have other resources.",
            first,
        )
    running = _properties(document.around.exists(document.id) or {}).get("operationalState") == "Running"
    if document.current is not None and running:
        before = document.current["properties"]["gatewayIPConfigurations"][0]["properties"]["subnet"]["id"]
        if before.casefold() != subnet_id.casefold():
            raise gateway_document.refuse(
                "SubnetCannotBeUpdatedForActiveGateway",
                f"Subnet of application gateway {document.id} cannot be changed while it is running.",
                first,
            )
    if isolated:
        return  # management traffic takes another way: application-gateway-private-deployment.md
    group_id = (_properties(subnet).get("networkSecurityGroup") or {}).get("id")
    group = document.around.exists(group_id) if group_id else None
    if group is not None and not _lets_management_in(group):
        raise gateway_document.refuse(
            "SubnetInboundTrafficBlockedByNetworkSecurityGroup",
            f"Network security group {group_id} blocks incoming internet traffic on ports 65200 - 65535 to subnet "
            f"{subnet_id}, associated with Application Gateway {document.id}. This is not permitted for Application "
            "Gateways that have V2 Sku.",
        )
    table_id = (_properties(subnet).get("routeTable") or {}).get("id")
    for route in _properties(document.around.exists(table_id) or {}).get("routes") or [] if table_id else []:
        hop = _properties(route)
        if hop.get("addressPrefix") == "0.0.0.0/0" and hop.get("nextHopType") != "Internet":
            raise gateway_document.refuse(
                "SubnetUserDefinedRouteNotAllowed",
                f"Route table {table_id} sends 0.0.0.0/0 of subnet {subnet_id} to {hop.get('nextHopType')}. This is "
                "not allowed for application gateways.",
            )


def _lets_management_in(group: Json) -> bool:
    """Both GatewayManager and AzureLoadBalancer must reach TCP 65200-65535; default rules let only the latter in."""
    rules = [_properties(rule) for rule in _properties(group).get("securityRules") or []]
    inbound = sorted(
        (rule for rule in rules if rule.get("direction") == "Inbound" and rule.get("protocol") in ("Tcp", "*")),
        key=lambda rule: rule.get("priority", 0),
    )
    for tag, default in (("GatewayManager", False), ("AzureLoadBalancer", True)):
        verdict = default
        for rule in inbound:
            sources = [rule.get("sourceAddressPrefix"), *(rule.get("sourceAddressPrefixes") or [])]
            # An unanswered report has it that Internet is wider than GatewayManager: MicrosoftDocs/azure-docs#84596.
            everyone = ("*", "0.0.0.0/0", "Any") + (("Internet",) if tag == "GatewayManager" else ())
            if not any(source in (tag, *everyone) for source in sources):
                continue
            ranges = [rule.get("destinationPortRange"), *(rule.get("destinationPortRanges") or [])]
            allow = rule.get("access") == "Allow"
            if allow and any(_covers(text, whole=True) for text in ranges):
                verdict = True
                break
            if not allow and any(_covers(text, whole=False) for text in ranges):
                verdict = False
                break
        if not verdict:
            return False
    return True


def _covers(text: str | None, *, whole: bool) -> bool:
    """Does a port range hold all of the management ports (`whole`), or at least one of them?"""
    if not text:
        return False
    first, _, last = ("0", "", "65535") if text == "*" else text.partition("-")
    low, high = int(first), int(last or first)
    if whole:
        return low <= _MANAGEMENT[0] and high >= _MANAGEMENT[-1]
    return low <= _MANAGEMENT[-1] and high >= _MANAGEMENT[0]


def _check_public(document: Document, child: Child) -> None:
    address_id = child.properties["publicIPAddress"]["id"]
    address = document.around.exists(address_id) or {}
    if (address.get("sku") or {}).get("name") != "Standard":
        raise gateway_document.refuse(
            "InvalidPublicIpSku",
            f"Application gateway {document.id} with SKU {document.tier} can only reference public ip with Standard "
            "SKU.",
        )
    if _properties(address).get("publicIPAllocationMethod") != "Static":
        raise gateway_document.refuse(
            "PublicIpAllocationMethodMustBeStatic",
            f"Application gateway {document.id} with SKU {document.tier} can only reference public ip with Static "
            f"allocation; {address_id} of {child.id} is not.",
            child,
        )
    holder = document.around.holder(address_id)
    ours = not holder or f"{holder}/".casefold().startswith(f"{document.id}/".casefold())
    twins = [other for other in document.of("frontendIPConfigurations") if other.id != child.id]
    for twin in twins:
        if (twin.properties.get("publicIPAddress") or {}).get("id", "").casefold() == address_id.casefold():
            ours, holder = False, twin.id
    if not ours:
        raise errors.Refusal(
            code="PublicIPAddressInUse",
            message=f"Resource {child.id} is referencing public IP address {address_id} that is already allocated to "
            f"resource {holder}.",
        )


def _check_private(document: Document, child: Child, subnet_id: str) -> None:
    properties = child.properties
    if properties["subnet"]["id"].casefold() != subnet_id.casefold():
        raise gateway_document.refuse(
            "FrontendIpSubnetCannotBeDifferentFromGatewaySubnet",
            f"Subnet of frontend ip configuration {child.id} cannot be different from the subnet of the gateway, "
            f"{subnet_id}.",
            child,
        )
    if properties.get("privateIPAllocationMethod") != "Static" or not properties.get("privateIPAddress"):
        raise gateway_document.refuse(
            "FrontendIpPrivateIpAddressInvalidAllocationType",
            f"FrontendIpConfiguration {child.id} of Application Gateway with SKU tier {document.tier} can only use "
            "PrivateIPAddress with IpAllocationMethod as Static.",
            child,
        )


def _check_ports(document: Document) -> None:
    seen: dict[int, Child] = {}
    for child in document.of("frontendPorts"):
        twin = seen.setdefault(child.properties["port"], child)
        if twin is not child:
            raise gateway_document.refuse(
                "FrontendPortsUsingSamePortNumber",
                f"Two Frontend Ports of Application Gateway {twin.id} and {child.id} are using the same port number "
                f"{child.properties['port']}.",
                child,
            )
