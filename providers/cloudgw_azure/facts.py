"""What building needs to know of the subscription: the subnet, its network's ranges, a private address, what stands.

`pipeline` calls `facts` between listing and building. Pure. Facts are sticky: zones and private address of a standing
gateway stay while they are valid. What cannot be found is Unknown with the next step in its reason, never a guess.
Subnets: learn.microsoft.com/azure/application-gateway/configuration-infrastructure; limits: .../azure-resource-manager/
management/azure-subscription-service-limits#application-gateway-limits.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.provider import Facts, Inventory
from cloudgw.routing import ir
from cloudgw_azure import inventory as listing
from cloudgw_azure import names, parameters

QUOTAS = {
    "listeners": 200,
    "active": 100,  # listeners whose rule leads to a backend
    "rules": 400,
    "pools": 100,
    "settings": 100,
    "paths": 100,  # strings in the paths of one map
    "redirects": 100,
    "rewrites": 400,
    "certificates": 100,
    "targets": 1200,  # of one pool
    "roots": 100,
    "bytes": 4 * 1024 * 1024,  # of one PUT: Azure/azure-resource-manager-rpc#138, Azure/Azure-Landing-Zones#2644
}
# What others keep in a document counts against its limits too; path maps and pools have their own.
_COLLECTIONS = {
    "listeners": "httpListeners",
    "rules": "requestRoutingRules",
    "pools": "backendAddressPools",
    "settings": "backendHttpSettingsCollection",
    "redirects": "redirectConfigurations",
    "rewrites": "rewriteRuleSets",
    "certificates": "sslCertificates",
    "roots": "trustedRootCertificates",
}
RESERVED_FIRST = 4  # virtual-network/virtual-networks-faq: network, gateway and two for names; and the last address


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Facts.values["network"]. subnet: its full ARM id. private_ip None: the gateway is public. resource_group: in
    lower case, because Azure compares groups without case and answers in either spelling.

    ranges: of the virtual network. standing: ids of the path rules that stand; roots: logical ids of the trusted roots
    that stand; settings: of the backend settings. quotas: what is left for us.
    """

    subscription: str
    resource_group: str
    location: str
    subnet: str | Unknown
    zones: tuple[str, ...]
    private_ip: str | Unknown | None
    ranges: tuple[str, ...] | Unknown
    standing: frozenset[str] = field(default_factory=frozenset)
    roots: frozenset[str] = field(default_factory=frozenset)
    settings: frozenset[str] = field(default_factory=frozenset)
    quotas: Mapping[str, int] = field(default_factory=lambda: dict(QUOTAS))


def facts(inventory: Inventory, routing: ir.Routing, wanted: parameters.AzureParameters) -> Facts:
    content = inventory.content
    subscription = wanted.settings.placement.account or str(content["subscription"])
    gateways = _standing(inventory).get(routing.owner, ())
    mark = names.mark(str(content["owner"]), routing.owner)
    found = _subnet(content, wanted, subscription)
    subnet = found if isinstance(found, Unknown) else _spelled(str(found["id"]), gateways)
    zones = wanted.zones if wanted.zones is not None else _zones(gateways)
    notes: list[Note] = []
    private: str | Unknown | None = None
    if not wanted.public:
        fitting = [gateway for gateway in gateways if _fits(gateway, wanted, subnet, zones)]
        private = found if isinstance(found, Unknown) else _private_ip(content, found, fitting, routing.owner)
    problem = found if isinstance(found, Unknown) else private
    if isinstance(problem, Unknown):
        notes.append(Note(level="error", code="SubnetNotUsable", message=problem.reason, origin=routing.origin))
    notes += [_stopped(gateway, routing) for gateway in gateways if _is_stopped(gateway)]
    notes += [_has_firewall(gateway, routing) for gateway in gateways if _keeps_firewall(gateway, wanted)]
    network = Network(
        subscription=subscription,
        resource_group=wanted.resource_group.lower(),
        location=wanted.location,
        subnet=subnet,
        zones=zones,
        private_ip=private,
        ranges=_ranges(content, wanted, subscription),
        standing=frozenset(rule for gateway in gateways for rule in _rules(gateway, mark)),
        roots=frozenset(root for gateway in gateways for root in _logical(gateway, mark, "trustedRootCertificates")),
        settings=frozenset(
            one for gateway in gateways for one in _logical(gateway, mark, "backendHttpSettingsCollection")
        ),
        quotas=_quotas(gateways, mark),
    )
    return Facts(values={"network": network}, notes=tuple(notes))


def _network(
    content: Mapping[str, Any], wanted: parameters.AzureParameters, subscription: str
) -> Mapping[str, Any] | Unknown:
    wanted_id = wanted.subnet.network_id(subscription)
    found: Mapping[str, Any] | None = content["networks"].get(wanted_id.lower())
    if found is None:
        unread = content.get("unread", {}).get(wanted_id.lower())
        if unread is not None:
            return Unknown(
                f"the virtual network {wanted_id} could not be read ({unread}); allow "
                "Microsoft.Network/virtualNetworks/read on it, or correct subnet"
            )
        return Unknown(
            f"the virtual network {wanted_id} cannot be seen; correct subnet.virtualNetwork or subnet.resourceGroup, "
            "or allow Microsoft.Network/virtualNetworks/read on it"
        )
    return found


def _ranges(
    content: Mapping[str, Any], wanted: parameters.AzureParameters, subscription: str
) -> tuple[str, ...] | Unknown:
    found = _network(content, wanted, subscription)
    if isinstance(found, Unknown):
        return found
    return tuple(sorted(found["properties"]["addressSpace"]["addressPrefixes"]))


def _subnet(
    content: Mapping[str, Any], wanted: parameters.AzureParameters, subscription: str
) -> Mapping[str, Any] | Unknown:
    """The subnet as its network shows it. A gateway is made in the region of its network only."""
    network = _network(content, wanted, subscription)
    if isinstance(network, Unknown):
        return network
    region = str(network.get("location", "")).replace(" ", "").lower()
    if region != wanted.location:
        return Unknown(
            f"the virtual network {network['name']} is in {region}, location says {wanted.location}, and a gateway is "
            "made in the region of its network; correct location or subnet"
        )
    for subnet in network["properties"].get("subnets") or ():
        if subnet["name"].lower() == wanted.subnet.name.lower():
            found: Mapping[str, Any] = subnet
            return found
    return Unknown(f"the virtual network {network['name']} has no subnet {wanted.subnet.name}; correct subnet.name")


def _spelled(subnet: str, gateways: Sequence[Mapping[str, Any]]) -> str:
    """The id as our gateway has it: Azure compares ids without case and gives back the writer's."""
    for gateway in gateways:
        if _subnet_of(gateway).lower() == subnet.lower():
            return _subnet_of(gateway)
    return subnet


def _subnet_of(gateway: Mapping[str, Any]) -> str:
    for item in gateway["properties"].get("gatewayIPConfigurations") or ():
        return str(item["properties"]["subnet"]["id"])
    return ""


def _zones(gateways: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Of the standing gateway, which unset zones must not replace. Two stand: the first by id."""
    return tuple(sorted(gateways[0].get("zones") or ())) if gateways else ()


def _fits(
    gateway: Mapping[str, Any], wanted: parameters.AzureParameters, subnet: str | Unknown, zones: tuple[str, ...]
) -> bool:
    """It is not about to be replaced: its private address is for us to keep."""
    group = str(gateway["id"]).split("/")[4]
    return (
        _subnet_of(gateway) == subnet
        and tuple(sorted(gateway.get("zones") or ())) == zones
        and group.lower() == wanted.resource_group.lower()
        and str(gateway["location"]).replace(" ", "").lower() == wanted.location
    )


def _private_ip(
    content: Mapping[str, Any], subnet: Mapping[str, Any], fitting: Sequence[Mapping[str, Any]], owner: str
) -> str | Unknown:
    """The address that the standing gateway has, else a free one of the upper half of the subnet.

    Where the search begins depends on the Gateway's name, so that of two that are new at once hardly ever both want the
    same. Where they do, Azure refuses the second PUT, and the next listing shows the address as taken: one write is
    lost. Of 30 that are new at once in 256 addresses about 3 meet, in 4096 hardly one.
    """
    subnet_id = str(subnet["id"]).lower()
    for gateway in fitting:
        for at, address in listing.private_addresses(gateway):
            if at == subnet_id:
                return address
    taken = set(content["private_ips"].get(subnet_id, ()))
    free = next((address for address in _candidates(_prefixes(subnet), owner) if address not in taken), None)
    if free is None:
        return Unknown(
            f"the subnet {subnet['name']} has no free IPv4 address for a private frontend; name a larger one in subnet"
        )
    return free


def _prefixes(subnet: Mapping[str, Any]) -> list[str]:
    properties = subnet["properties"]
    return list(properties.get("addressPrefixes") or [properties["addressPrefix"]])


def _candidates(prefixes: Sequence[str], owner: str) -> Iterator[str]:
    for prefix in prefixes:
        network = ipaddress.ip_network(prefix, strict=False)
        if network.version != 4:
            continue
        first, last = int(network.network_address) + RESERVED_FIRST, int(network.broadcast_address) - 1
        usable = last - first + 1
        top = max(1, usable // 2)  # instances take theirs from the bottom: .../configuration-infrastructure
        start = int.from_bytes(hashlib.sha256(owner.encode()).digest()[:8], "big") % top
        for step in range(top):
            yield str(ipaddress.IPv4Address(last - (start + step) % top))
        for number in range(top, usable):
            yield str(ipaddress.IPv4Address(last - number))


def _rules(gateway: Mapping[str, Any], mark: str) -> Iterator[str]:
    for item in gateway["properties"].get("urlPathMaps") or ():
        for rule in item["properties"].get("pathRules") or ():
            child = names.read_child(rule["name"])
            if child is not None and child.mark == mark:
                yield child.logical


def _logical(gateway: Mapping[str, Any], mark: str, collection: str) -> Iterator[str]:
    for item in gateway["properties"].get(collection) or ():
        child = names.read_child(item["name"])
        if child is not None and child.mark == mark:
            yield child.logical


def _is_stopped(gateway: Mapping[str, Any]) -> bool:
    """By a person: one that is being made for the first time is shown as stopped, too."""
    properties = gateway["properties"]
    return (properties.get("operationalState"), properties.get("provisioningState")) == ("Stopped", "Succeeded")


def _stopped(gateway: Mapping[str, Any], routing: ir.Routing) -> Note:
    message = (
        f"application gateway {gateway['name']} is stopped and answers nobody; the next change that is written starts "
        "it, and its cost; to have it stay off, delete the Gateway, or hold its changes back"
    )
    return Note(level="warning", code="GatewayStopped", message=message, origin=routing.origin)


def _keeps_firewall(gateway: Mapping[str, Any], wanted: parameters.AzureParameters) -> bool:
    has = bool(gateway["properties"].get("firewallPolicy"))
    return has and wanted.sku != "WAF_v2" and wanted.firewall_policy is None


def _has_firewall(gateway: Mapping[str, Any], routing: ir.Routing) -> Note:
    message = (
        f"application gateway {gateway['name']} has a firewall policy, and the sku that is wanted takes none: Azure "
        'will refuse the change; set sku: WAF_v2 with firewallPolicyId, or firewallPolicyId: "" to take the firewall '
        "away"
    )
    return Note(level="error", code="FirewallStands", message=message, origin=routing.origin)


def _quotas(gateways: Sequence[Mapping[str, Any]], mark: str) -> dict[str, int]:
    """The limits less what others keep in the fullest of our documents."""
    foreign = dict.fromkeys(QUOTAS, 0)
    for gateway in gateways:
        for quota, collection in _COLLECTIONS.items():
            children = gateway["properties"].get(collection) or ()
            foreign[quota] = max(foreign[quota], sum(1 for child in children if not _is_ours(child["name"], mark)))
        foreign["bytes"] = max(foreign["bytes"], _foreign_bytes(gateway["properties"], mark))
    foreign["active"] = foreign["rules"]
    return {quota: max(0, limit - foreign[quota]) for quota, limit in QUOTAS.items()}


def _foreign_bytes(properties: Mapping[str, Any], mark: str) -> int:
    """As JSON: what others keep goes along in each PUT."""
    found = [
        child
        for children in properties.values()
        if isinstance(children, list)
        for child in children
        if isinstance(child, Mapping) and "name" in child and not _is_ours(child["name"], mark)
    ]
    for item in properties.get("urlPathMaps") or ():
        if _is_ours(item["name"], mark):
            found += [rule for rule in item["properties"].get("pathRules") or () if not _is_ours(rule["name"], mark)]
    return sum(len(json.dumps(child)) for child in found)


def _is_ours(name: str, mark: str) -> bool:
    child = names.read_child(name)
    return child is not None and child.mark == mark


def _standing(inventory: Inventory) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Our gateways by Gateway, worked out once for all Gateways of a listing."""
    found: dict[str, list[Mapping[str, Any]]] | None = inventory.derived.get("standing")
    if found is None:
        found = {}
        for document in inventory.content["gateways"]:
            record = names.ours(document.get("tags"), str(inventory.content["owner"]))
            if record is not None:
                found.setdefault(model.owner_of(record.address), []).append(document)
        inventory.derived["standing"] = found  # whole: other threads read it
    return found
