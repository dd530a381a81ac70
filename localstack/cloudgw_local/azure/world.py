"""The state of the local Azure: resources and operations as plain records, and the world every test starts from.

`resources` and `operations` read and write one `World`; `server` pickles it for snapshots and for stale answers, so
records hold nothing but data. Keys are ARM ids without case. Members of documents that begin with an underscore are
private to the cloud (secrets among them) and never leave it. No rule about Azure lives here.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import uuid
from typing import Any

from cloudgw_local import azure

Json = dict[str, Any]
SCOPE = f"/subscriptions/{azure.SUBSCRIPTION}/resourceGroups/{azure.GROUP}"
PROVIDERS = f"{SCOPE}/providers/Microsoft.Network"


@dataclasses.dataclass(kw_only=True)
class Resource:
    """`document` is what the last accepted request asked for, `applied` what the data plane holds: the document of
    the last operation that succeeded. `failure` is the error that any operation with this document ends with.
    `operation` runs on it now. `attached` is when an operation attached a backend (see `health`)."""

    id: str
    namespace: str
    type: str
    group: str
    name: str
    document: Json
    guid: str
    etag: str
    applied: Json | None = None
    failure: Json | None = None
    state: str = "Succeeded"
    operational: str = ""
    operation: str = ""
    locked_until: float = 0.0
    attached: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(kw_only=True)
class Operation:
    """A long operation. `verb`: put, patch, delete, start, stop, health. `child` is the subnet that goes with a
    deletion, `address` what a public IP gets. `status` is ARM's."""

    id: str
    name: str
    verb: str
    target: str
    location: str
    began: float
    ends: float
    status: str = "InProgress"
    error: Json | None = None
    result: Json | None = None
    child: str = ""
    address: str = ""


@dataclasses.dataclass(kw_only=True)
class Probe:
    """What the health probes of a target find since `since`, and what they found before."""

    healthy: bool
    since: float
    before: bool


@dataclasses.dataclass(kw_only=True)
class World:
    groups: dict[str, Json] = dataclasses.field(default_factory=dict)
    resources: dict[str, Resource] = dataclasses.field(default_factory=dict)
    operations: dict[str, Operation] = dataclasses.field(default_factory=dict)
    running: list[str] = dataclasses.field(default_factory=list)
    health: dict[str, Probe] = dataclasses.field(default_factory=dict)
    serial: int = 0
    addresses: int = -1

    def find(self, resource_id: str) -> Resource | None:
        return self.resources.get(resource_id.lower())

    def of_type(self, kind: str) -> list[Resource]:
        return [one for one in self.resources.values() if one.type == kind]

    def next_guid(self, what: str) -> str:
        """The same in every run that does the same calls."""
        self.serial += 1
        return guid(f"{what} {self.serial}")

    def dump(self) -> Json:
        """Every group, resource and running operation, sorted by id. Versions (etags, guids) are not state."""
        return {
            "groups": [_plain(self.groups[key]) for key in sorted(self.groups)],
            "resources": [
                {
                    "document": _plain(one.document),
                    "applied": _plain(one.applied),
                    "state": one.state,
                    "operational": one.operational,
                }
                for _, one in sorted(self.resources.items())
            ],
            "operations": sorted(
                (
                    {"name": one.name, "target": one.target, "began": one.began, "ends": one.ends}
                    for one in self.operations.values()
                    if one.status == "InProgress"
                ),
                key=lambda one: (one["target"], one["began"], one["name"]),
            ),
            "health": {target: self.health[target].healthy for target in sorted(self.health)},
        }


def guid(text: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def etag(text: str) -> str:
    return f'W/"{guid(text)}"'


def _plain(value: Any) -> Any:
    """A copy with sorted members, without private members, etags and guids."""
    if isinstance(value, dict):
        return {
            key: _plain(value[key])
            for key in sorted(value)
            if not key.startswith("_") and key not in ("etag", "resourceGuid")
        }
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def add(state: World, kind: str, name: str, document: Json, namespace: str = "Microsoft.Network") -> Resource:
    """Put a finished resource into the world, as if its operation had ended long ago."""
    resource_id = f"{SCOPE}/providers/{namespace}/{kind}/{name}"
    made = Resource(
        id=resource_id,
        namespace=namespace,
        type=kind,
        group=azure.GROUP,
        name=name,
        document={"id": resource_id, "name": name, "type": f"{namespace}/{kind}", "location": azure.LOCATION}
        | document,
        guid=guid(resource_id),
        etag=etag(resource_id),
    )
    made.applied = copy.deepcopy(made.document)
    state.resources[resource_id.lower()] = made
    return made


def start() -> World:
    """One resource group with a network of four subnets, two security groups, an identity and a WAF policy."""
    state = World()
    state.groups[azure.GROUP.lower()] = {
        "id": SCOPE,
        "name": azure.GROUP,
        "type": "Microsoft.Resources/resourceGroups",
        "location": azure.LOCATION,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    }
    management = [
        _rule("AllowGatewayManager", 100, "GatewayManager", "65200-65535"),
        _rule("AllowLoadBalancer", 110, "AzureLoadBalancer", "65200-65535"),
    ]
    web = _rule("AllowWeb", 120, "Internet", "80-443")
    add(state, "networkSecurityGroups", "nsg-appgw", {"properties": {"securityRules": [*management, web]}})
    add(state, "networkSecurityGroups", "nsg-closed", {"properties": {"securityRules": [web]}})
    delegation = {"name": "appgw", "properties": {"serviceName": "Microsoft.Network/applicationGateways"}}
    subnets = [
        _subnet("snet-appgw", "10.0.1.0/24", "nsg-appgw", [delegation]),
        _subnet("snet-appgw-two", "10.0.2.0/24", "nsg-appgw", [delegation]),
        _subnet("snet-closed", "10.0.3.0/24", "nsg-closed", []),
        _subnet("snet-pods", "10.0.64.0/18", "", []),
    ]
    space = {"addressPrefixes": ["10.0.0.0/16"]}
    network = {"addressSpace": space, "subnets": subnets, "virtualNetworkPeerings": []}
    add(state, "virtualNetworks", "vnet-edge", {"properties": network})
    identity = add(state, "userAssignedIdentities", "id-edge", {"tags": {}}, "Microsoft.ManagedIdentity")
    identity.document["properties"] = {
        name: guid(f"{name} id-edge") for name in ("tenantId", "principalId", "clientId")
    }
    identity.applied = copy.deepcopy(identity.document)
    rules = {"managedRuleSets": [{"ruleSetType": "OWASP", "ruleSetVersion": "3.2"}]}
    settings = {"state": "Enabled", "mode": "Prevention"}
    policy = {"properties": {"policySettings": settings, "managedRules": rules, "customRules": []}}
    add(state, "applicationGatewayWebApplicationFirewallPolicies", "waf-edge", policy)
    return state


def _rule(name: str, priority: int, source: str, ports: str) -> Json:
    return {
        "name": name,
        "properties": {
            "access": "Allow",
            "direction": "Inbound",
            "protocol": "Tcp",
            "priority": priority,
            "sourceAddressPrefix": source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": ports,
        },
    }


def _subnet(name: str, prefix: str, security: str, delegations: list[Json]) -> Json:
    properties: Json = {"addressPrefix": prefix, "delegations": delegations}
    if security:
        properties["networkSecurityGroup"] = {"id": f"{PROVIDERS}/networkSecurityGroups/{security}"}
    return {"name": name, "properties": properties}
