"""AzureGatewayClassParameters: the platform team's choices for one GatewayClass, parsed and refused by name.

`pipeline` calls `parse` with the raw object. Every field that is not known, of a wrong type or unusable is refused
with its path, all problems at once; a typing error must never become a default. Closed by default: internal exposure,
no implicit 0.0.0.0/0, a TLS policy without old versions.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cloudgw import fields
from cloudgw.objects import Parameters
from cloudgw.provider import ParametersRefused, Placement, Settings
from cloudgw_azure import names

KIND = "AzureGatewayClassParameters"
SKUS = ("Standard_v2", "WAF_v2")
# application-gateway-ssl-policy-overview: the predefined policies whose lowest version is TLS 1.2
TLS_POLICIES = ("AppGwSslPolicy20220101S", "AppGwSslPolicy20220101", "AppGwSslPolicy20170401S")
TLS_POLICY = "AppGwSslPolicy20220101S"
# application-gateway-autoscaling-zone-redundant: 0 to 125 instances, at most 10 when nothing is said; a maximum of less
# than 2 is refused, as the reference of azurerm_application_gateway says ("2 to 125")
CAPACITY = (0, 10)
INSTANCES = 125
LEAST_MAXIMUM = 2
# What a Gateway's own AzureGatewayParameters may hold, where the class lists it as overridable.
OWN = (
    "exposure",
    "allowedSourceRanges",
    "zones",
    "sku",
    "capacity",
    "tls",
    "http2",
    "firewallPolicyId",
    "notFoundBackend",
    "tags",
    "driftPolicy",
    "deletionPolicy",
)
WORLD = "0.0.0.0/0"
USER_TAGS = 20  # of the 50 of a resource (azure-resource-manager/management/tag-resources); the record takes its share
_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GROUP = r"[-\w.()]{1,89}[-\w()]"  # azure-resource-manager/management/resource-name-rules
_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?"
_ID = rf"/subscriptions/{_GUID}/resourceGroups/{_GROUP}/providers/"
_EXAMPLE = "/subscriptions/<id>/resourceGroups/<group>/providers/"
_FQDN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """The subnet of the gateways. subscription "": that of the credentials."""

    subscription: str
    resource_group: str
    network: str
    name: str

    def network_id(self, subscription: str) -> str:
        """ARM id of the virtual network; subscription: used where none was given."""
        scope = f"/subscriptions/{self.subscription or subscription}/resourceGroups/{self.resource_group}"
        return f"{scope}/providers/Microsoft.Network/virtualNetworks/{self.network}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureParameters:
    """Parsed. zones None: as the standing gateway has them, else none named. None of the others: not managed.
    firewall_policy "" and identities (): none, and what stands is taken away. Both as `observe` spells ids."""

    settings: Settings
    resource_group: str
    location: str
    subnet: Subnet
    zones: tuple[str, ...] | None = None
    public: bool = False
    sku: str = SKUS[0]
    capacity: tuple[int, int] = CAPACITY
    tls_policy: str = TLS_POLICY
    http2: bool = True
    firewall_policy: str | None = None
    identities: tuple[str, ...] | None = None
    not_found: tuple[str, int] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def exposure(self) -> str:
        return "Public" if self.public else "Internal"


def parse(raw: Parameters) -> AzureParameters:
    """Raises ParametersRefused with (path, reason) of everything that is wrong."""
    spec = fields.spec_of(raw, KIND, blank=True)
    spec.known(
        *fields.COMMON,
        "subscriptionId",
        "resourceGroup",
        "location",
        "subnet",
        "subnetId",
        "zones",
        "exposure",
        "allowedSourceRanges",
        "sku",
        "capacity",
        "tls",
        "http2",
        "firewallPolicyId",
        "identityIds",
        "notFoundBackend",
        "tags",
    )
    subscription = spec.text("subscriptionId", _GUID, "00000000-0000-0000-0000-000000000000")
    group = spec.text("resourceGroup", _GROUP, "rg-edge", "the resource group in which to create")
    location = spec.text("location", r"[a-z0-9]+", "westeurope", "the region in which to create, such as westeurope")
    subnet = _subnet(spec, subscription, group)
    zones = spec.texts("zones", lambda text: "" if text in ("1", "2", "3") else f'{text!r} is none of "1", "2", "3"')
    public = _exposure(spec)
    sku = spec.choice("sku", *SKUS)
    policy = spec.text(
        "firewallPolicyId",
        _ID + r"Microsoft\.Network/[Aa]pplicationGatewayWebApplicationFirewallPolicies/" + _NAME,
        f"{_EXAMPLE}Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies/<name>",
    )
    if sku == "WAF_v2" and not spec.raw.get("firewallPolicyId"):
        spec.refuse("firewallPolicyId", "is required with sku WAF_v2: Azure makes no such gateway without a policy")
    if sku != "WAF_v2" and policy:
        spec.refuse("firewallPolicyId", f"needs sku WAF_v2; {sku} has no firewall")
    tls = spec.below("tls", "policy")
    identities = spec.texts("identityIds", _bad_identity)
    found = AzureParameters(
        settings=Settings(placement=Placement(names.PROVIDER, subscription, location), **fields.common(spec, OWN)),
        resource_group=group,
        location=location,
        subnet=subnet,
        zones=zones,
        public=public,
        sku=sku,
        capacity=_capacity(spec),
        tls_policy=tls.choice("policy", *TLS_POLICIES),
        http2=spec.flag("http2", True),
        firewall_policy=None if spec.raw.get("firewallPolicyId") is None else names.plain_id(policy),
        identities=None if identities is None else names.plain_ids(identities),
        not_found=_not_found(spec),
        tags=_tags(spec),
    )
    if spec.problems:
        raise ParametersRefused(spec.problems)
    return found


def _subnet(spec: fields.Fields, subscription: str, group: str) -> Subnet:
    given = spec.below("subnet", "virtualNetwork", "name", "resourceGroup")
    whole = spec.text(
        "subnetId",
        _ID + rf"Microsoft\.Network/virtualNetworks/{_NAME}/subnets/{_NAME}",
        f"{_EXAMPLE}Microsoft.Network/virtualNetworks/<network>/subnets/<subnet>",
    )
    if spec.raw.get("subnetId"):
        if spec.raw.get("subnet") is not None:
            spec.refuse("subnet", "cannot be given together with subnetId")
        parts = whole.split("/") if whole else [""] * 11
        return Subnet(subscription=parts[2], resource_group=parts[4], network=parts[8], name=parts[10])
    if spec.raw.get("subnet") is None:
        spec.refuse("subnet", "is required, or subnetId: virtualNetwork and name of a subnet that holds gateways only")
    needed = spec.raw.get("subnet") is not None
    return Subnet(
        subscription=subscription,
        resource_group=given.text("resourceGroup", _GROUP, "rg-network") or group,
        network=given.text("virtualNetwork", _NAME, "vnet-edge", "the virtual network" if needed else ""),
        name=given.text("name", _NAME, "snet-gateways", "the subnet" if needed else ""),
    )


def _exposure(spec: fields.Fields) -> bool:
    """An application gateway filters no sources, its subnet does: application-gateway/configuration-infrastructure."""
    public = spec.choice("exposure", "Internal", "Public") == "Public"
    ranges = spec.texts("allowedSourceRanges", lambda _: "")
    if public and ranges != (WORLD,):
        spec.refuse(
            "allowedSourceRanges",
            f'must be ["{WORLD}"] with exposure Public: an application gateway lets in every source; to restrict them '
            "use the network security group of its subnet or a firewall policy",
        )
    if not public and spec.raw.get("allowedSourceRanges") not in (None, [], ()):
        spec.refuse(
            "allowedSourceRanges",
            "cannot be honoured with exposure Internal: an application gateway lets in every source that reaches its "
            "private address; leave it out and restrict sources by the network security group of its subnet",
        )
    return public


def _capacity(spec: fields.Fields) -> tuple[int, int]:
    given = spec.below("capacity", "min", "max")
    low = given.number("min", 0, INSTANCES)
    high = given.number("max", LEAST_MAXIMUM, INSTANCES)
    least = CAPACITY[0] if low is None else low
    most = max(CAPACITY[1], least) if high is None else high
    if least > most:
        given.refuse("max", f"{most} is less than min {least}")
    return least, most


def _not_found(spec: fields.Fields) -> tuple[str, int] | None:
    if spec.raw.get("notFoundBackend") is None:
        return None
    given = spec.below("notFoundBackend", "address", "port")
    address = given.text("address", required="the IPv4 address or name of a server that answers 404")
    port = given.number("port", 1, 65535)
    if given.raw.get("port") is None:
        given.refuse("port", "is required: the port of that server")
    if address and not _is_address(address):
        given.refuse("address", f"{address!r} is neither an IPv4 address nor a name in lower case")
    return (address, port) if address and port else None


def _is_address(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 4
    except ValueError:
        return bool(_FQDN.fullmatch(text)) and not text.rsplit(".", 1)[1].isdigit()


def _bad_identity(text: str) -> str:
    form = _ID + r"Microsoft\.ManagedIdentity/userAssignedIdentities/[-\w]{3,128}"
    if re.fullmatch(form, text):
        return ""
    return f"{text!r} is not of the form {_EXAMPLE}Microsoft.ManagedIdentity/userAssignedIdentities/<name>"


def _tags(spec: fields.Fields) -> dict[str, str]:
    """azure-resource-manager/management/tag-resources, "Limitations"."""
    seen: set[str] = set()

    def bad(key: str, value: str) -> str:
        if not key.strip() or len(key) > 512 or len(value) > names.VALUE_LIMIT:
            return f"a key has 1 to 512 characters, a value at most {names.VALUE_LIMIT}"
        if re.search(r"[<>%&\\?/\x00-\x1f\x7f]", key):
            return r"a key may not hold < > % & \ ? / or control characters"
        if key.lower().startswith(("microsoft", "azure", "windows", names.RESERVED)):
            return f"keys beginning with microsoft, azure, windows and {names.RESERVED} are reserved"
        if key.lower() in seen:
            return "another key differs from it by case alone, and Azure ignores case in keys"
        seen.add(key.lower())
        return ""

    found = spec.pairs("tags", bad)
    if len(found) > USER_TAGS:
        spec.refuse("tags", f"at most {USER_TAGS} tags")
    return found
