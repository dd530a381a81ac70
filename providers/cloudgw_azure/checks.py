"""What may be missing in an Azure subscription before the first Gateway: permissions, the subnet, quotas, the way in.

`doctor` calls `check` with a listing and what is known for each Gateway. Reads only. The actions are those of the roles
that we ship (deploy/iam/azure), by learn.microsoft.com/azure/role-based-access-control/permissions/networking and
.../application-gateway/configuration-infrastructure (permissions, size of the subnet, network security groups).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cloudgw import provider
from cloudgw.objects import Unknown
from cloudgw.provider import Finding, Inventory
from cloudgw_azure import calls, failures

ROLE = "deploy/iam/azure/controller.json"
NETWORK = "Microsoft.Network"
POLICIES = f"{NETWORK}/ApplicationGatewayWebApplicationFirewallPolicies"
READS = (
    "Microsoft.Authorization/permissions/read",
    f"{NETWORK}/applicationGateways/backendhealth/action",
    f"{NETWORK}/applicationGateways/read",
    f"{NETWORK}/locations/operationResults/read",
    f"{NETWORK}/locations/usages/read",
    f"{NETWORK}/publicIPAddresses/read",
    f"{NETWORK}/virtualNetworks/read",
)
WRITES = (
    f"{NETWORK}/applicationGateways/delete",
    f"{NETWORK}/applicationGateways/write",
    f"{NETWORK}/locations/operations/read",
    f"{NETWORK}/virtualNetworks/subnets/join/action",
    f"{NETWORK}/virtualNetworks/subnets/read",
)
PUBLIC = (
    f"{NETWORK}/publicIPAddresses/delete",
    f"{NETWORK}/publicIPAddresses/join/action",
    f"{NETWORK}/publicIPAddresses/write",
)
FIREWALL = (f"{POLICIES}/join/action", f"{POLICIES}/read")
IDENTITY = ("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",)
# application-gateway/application-gateway-private-deployment: of a subnet whose gateways have no public address
DELEGATION = f"{NETWORK}/applicationGateways"
RESERVED = 5  # addresses of each subnet that Azure keeps
NEARLY = 0.8  # of a quota
USAGES = ("ApplicationGateways", "PublicIPAddresses", "StandardSkuPublicIpAddresses")

Json = Mapping[str, Any]


def check(read: calls.Read, inventory: Inventory, wanted: Sequence[provider.Wanted]) -> list[Finding]:
    who = f"{read.caller()}, subscription {read.subscription}"
    found = [Finding(level="ok", check="identity", message=who)]
    for group in sorted({parameters.resource_group for parameters, _ in wanted}):
        found += _answered("permissions", _permissions(read, group, wanted), READS[0])
    for network, names in _networks(read, wanted).items():
        found += _answered("subnets", _subnets(read, network, names, wanted), f"{NETWORK}/virtualNetworks/read")
    for location in sorted({parameters.location for parameters, _ in wanted}):
        found += _answered("quotas", _quotas(read, location), f"{NETWORK}/locations/usages/read")
    del inventory
    return found


def _answered(what: str, findings: Iterator[Finding], action: str) -> list[Finding]:
    """A check that its own permission keeps from being made is a warning."""
    try:
        return list(findings)
    except Exception as problem:
        failure = failures.classify(problem)
        if failure is None or failure.why != "denied":
            raise
        return [Finding(level="warning", check=what, message=f"not looked at: {failure.text}", fix=f"allow {action}")]


def _permissions(read: calls.Read, group: str, wanted: Sequence[provider.Wanted]) -> Iterator[Finding]:
    mine = [parameters for parameters, _ in wanted if parameters.resource_group == group]
    writes = {
        *WRITES,
        *(PUBLIC if any(one.public for one in mine) else ()),
        *(FIREWALL if any(one.firewall_policy for one in mine) else ()),
        *(IDENTITY if any(one.identities for one in mine) else ()),
    }
    grants = read.grants(group)
    reads = sorted(action for action in READS if not _granted(action, grants))
    missing = sorted(action for action in writes if not _granted(action, grants))
    if reads:
        message = f"missing in resource group {group}: {', '.join(reads)}; plans are incomplete without them"
        fix = "assign the role of deploy/iam/azure/plan-only.json in the subscription to who plans"
        yield Finding(level="error", check="permissions", message=message, fix=fix)
    if missing:
        message = f"missing in resource group {group}: {', '.join(missing)}; plan works, apply will be refused"
        yield Finding(level="warning", check="permissions", message=message, fix=f"assign the role of {ROLE}")
    if not reads and not missing:
        message = f"all {len(READS) + len(writes)} actions that plan and apply ask for, in resource group {group}"
        yield Finding(level="ok", check="permissions", message=message)


def _granted(action: str, grants: Sequence[Json]) -> bool:
    """One role must allow it and not take it away again: role-based-access-control/role-definitions#notactions."""
    return any(
        any(_like(one, action) for one in grant.get("actions") or ())
        and not any(_like(one, action) for one in grant.get("notActions") or ())
        for grant in grants
    )


def _like(pattern: str, action: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) is not None


def _networks(read: calls.Read, wanted: Sequence[provider.Wanted]) -> dict[str, list[str]]:
    """Network id -> names of subnets. What could not be found is a note of the facts already."""
    found: dict[str, list[str]] = {}
    for parameters, facts in wanted:
        if not isinstance(facts.values["network"].subnet, Unknown):
            names = found.setdefault(parameters.subnet.network_id(read.subscription), [])
            if parameters.subnet.name not in names:
                names.append(parameters.subnet.name)
    return found


def _subnets(
    read: calls.Read, network: str, names: Sequence[str], wanted: Sequence[provider.Wanted]
) -> Iterator[Finding]:
    document = read.network(network) or {"properties": {}}
    for subnet in document["properties"].get("subnets") or ():
        if subnet["name"].lower() in {name.lower() for name in names}:
            here = [one for one, _ in wanted if one.subnet.name.lower() == subnet["name"].lower()]
            yield from _subnet(subnet, max(one.capacity[1] for one in here), any(not one.public for one in here))


def _subnet(subnet: Json, capacity: int, internal: bool) -> Iterator[Finding]:
    """A gateway takes an address for each instance and one for a private frontend; nobody else may live there."""
    properties, name = subnet["properties"], subnet["name"]
    strangers = [
        str(one["id"]) for one in properties.get("ipConfigurations") or () if "/applicationgateways/" not in _low(one)
    ]
    services = [str(one["properties"].get("serviceName", "")) for one in properties.get("delegations") or ()]
    strangers += [f"a delegation to {one}" for one in services if one.lower() != DELEGATION.lower()]
    if internal and not services:
        message = f"{name} is not delegated to {DELEGATION}, as gateways without any public address need it"
        fix = "delegate it, and register EnableApplicationGatewayNetworkIsolation in the subscription"
        yield Finding(level="warning", check="subnets", message=message, fix=fix)
    if strangers:
        message = f"{name} is not for application gateways alone: {', '.join(sorted(strangers)[:3])}"
        yield Finding(level="error", check="subnets", message=message, fix="name a subnet of its own in subnet")
    prefixes = [ipaddress.ip_network(one) for one in properties.get("addressPrefixes") or [properties["addressPrefix"]]]
    free = sum(one.num_addresses - RESERVED for one in prefixes if one.version == 4)
    free -= len(properties.get("ipConfigurations") or ())
    said = f"{name} ({', '.join(map(str, prefixes))}, room for {free} instances and frontends)"
    if free < capacity + 1:
        message = f"{said}, and one gateway may take {capacity + 1} by capacity.max"
        fix = "a /24 is Microsoft's advice; name a larger subnet, or a lower capacity.max"
        yield Finding(level="warning", check="subnets", message=message, fix=fix)
    elif not strangers:
        yield Finding(level="ok", check="subnets", message=said)
    group = properties.get("networkSecurityGroup")
    if group:
        message = f"{name} has a network security group, whose rules were not read: {group['id']}"
        fix = "let in GatewayManager to 65200-65535, AzureLoadBalancer, and your clients; let out to the pods"
        yield Finding(level="warning", check="way to pods", message=message, fix=fix)
    else:
        message = f"{name} has no network security group; those of the pods' subnets were not read"
        yield Finding(level="ok", check="way to pods", message=message)


def _low(one: Json) -> str:
    return str(one["id"]).lower()


def _quotas(read: calls.Read, location: str) -> Iterator[Finding]:
    full = False
    for usage in read.usages(location):
        name, used, limit = usage["name"]["value"], int(usage["currentValue"]), int(usage["limit"])
        if name in USAGES and used >= NEARLY * limit:
            full = True
            yield Finding(
                level="error" if used >= limit else "warning",
                check="quotas",
                message=f"{location}: {name}: {used} of {limit} used",
                fix="ask for more: Usage + quotas of the subscription",
            )
    if not full:
        yield Finding(level="ok", check="quotas", message=f"{location}: room for more gateways and addresses")
