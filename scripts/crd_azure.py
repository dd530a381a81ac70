"""What AzureGatewayClassParameters and AzureGatewayParameters say. `scripts.crds` calls it.

Sources: learn.microsoft.com/azure/application-gateway (application-gateway-ssl-policy-overview,
application-gateway-autoscaling-zone-redundant, configuration-infrastructure), azure-resource-manager/management
(resource-name-rules, tag-resources). An empty text counts as left out, but as firewallPolicyId, where it means that
there is to be none.
"""

from __future__ import annotations

from scripts import crd_parameters
from scripts.crd_words import flag, items, number, record, text

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GROUP = r"[-\p{L}\p{N}_.()]{1,89}[-\p{L}\p{N}_()]"
_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?"
_ID = rf"/subscriptions/{_GUID}/resourceGroups/{_GROUP}/providers/"
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"


def _or_empty(pattern: str) -> str:
    return f"({pattern})?"


def cloud() -> crd_parameters.Cloud:
    subnet = record(
        "Subnet that holds application gateways and nothing else; this or subnetId.",
        {
            "virtualNetwork": text("Name of its virtual network.", _NAME),
            "name": text("Name of the subnet.", _NAME),
            "resourceGroup": text("Of the virtual network. Left out: resourceGroup.", _or_empty(_GROUP)),
        },
        ("virtualNetwork", "name"),
    )
    tags = crd_parameters.tags(
        "Tags on everything that is made.",
        text("Value of the tag.", high=256),
        20,
        (
            (
                "self.all(key, size(key) <= 512 && key.matches('\\\\S') && !key.contains('\\\\') && "
                "!key.matches('[<>%&?/\\\\x00-\\\\x1f\\\\x7f]'))",
                "a key has 1 to 512 characters, not blank: without < > % & \\ ? / and control characters",
            ),
            (
                "self.all(key, !key.lowerAscii().matches('^(microsoft|azure|windows|cloudgw-)'))",
                "keys beginning with microsoft, azure, windows and cloudgw- are reserved: choose another",
            ),
            (
                "self.all(key, self.exists_one(other, other.lowerAscii() == key.lowerAscii()))",
                "two keys differ by case alone, and Azure ignores case in keys: remove one",
            ),
        ),
    )
    address = text(
        "IPv4 address or name, in lower case, of a server that answers 404.",
        rf"{_LABEL}(\.{_LABEL})+",
        high=253,
        rules=(
            (
                "isIP(self) || !self.matches('\\\\.[0-9]+$')",
                "must be an IPv4 address, or a name whose last part is no number",
            ),
        ),
    )
    capacity = record(
        "Instances between which the gateway scales.",
        {
            "min": number("At least. Left out: 0.", 0, 125),
            "max": number("At most. Left out: 10, or min where that is more.", 2, 125),
        },
        rules=(("!has(self.min) || !has(self.max) || self.min <= self.max", "max is less than min: raise it"),),
    )
    policy = rf"{_ID}Microsoft\.Network/[Aa]pplicationGatewayWebApplicationFirewallPolicies/{_NAME}"
    fields = {
        "subscriptionId": text("Subscription. Left out: that of the credentials.", _or_empty(_GUID)),
        "resourceGroup": text("Resource group in which to create.", _GROUP),
        "location": text("Region in which to create, such as westeurope.", "[a-z0-9]+"),
        "subnet": subnet,
        "subnetId": text(
            "The subnet by its id; this or subnet.",
            _or_empty(rf"{_ID}Microsoft\.Network/virtualNetworks/{_NAME}/subnets/{_NAME}"),
            high=None,
        ),
        "zones": items(
            "Availability zones of the instances. Left out: as the standing gateway has them.",
            text("Number of a zone, in quotes.", enum=("1", "2", "3")),
            3,
        ),
        "exposure": crd_parameters.exposure(),
        "allowedSourceRanges": crd_parameters.the_world(
            "to restrict them use the network security group of its subnet, or a firewall policy"
        ),
        "sku": text("WAF_v2 has a firewall.", enum=("Standard_v2", "WAF_v2"), default="Standard_v2"),
        "capacity": capacity,
        "tls": record(
            "How HTTPS listeners speak TLS.",
            {
                "policy": text(
                    "Predefined policy, none of which takes less than TLS 1.2.",
                    enum=("AppGwSslPolicy20220101S", "AppGwSslPolicy20220101", "AppGwSslPolicy20170401S"),
                    default="AppGwSslPolicy20220101S",
                )
            },
        ),
        "http2": flag("Whether clients may speak HTTP/2.", True),
        "firewallPolicyId": text(
            "Id of the web application firewall's policy; needed with WAF_v2. Left out: whatever stands, stays. Empty: "
            "there is to be none.",
            _or_empty(policy),
            high=None,
        ),
        "identityIds": items(
            "User-assigned identities of the gateway. Left out: not managed. Empty: there are to be none.",
            text(
                "Id of an identity.",
                rf"{_ID}Microsoft\.ManagedIdentity/userAssignedIdentities/[-\p{{L}}\p{{N}}_]{{3,128}}",
                high=None,
            ),
            64,
        ),
        "notFoundBackend": record(
            "Server that answers 404 to what no route matches. Left out: an empty pool answers 502.",
            {"address": address, "port": number("Its port.", 1, 65535)},
            ("address", "port"),
        ),
        "tags": tags,
    }
    return crd_parameters.Cloud(
        prefix="Azure",
        name="Azure",
        short="az",
        fields=fields,
        own=(
            *("exposure", "allowedSourceRanges", "zones", "sku", "capacity", "tls", "http2", "firewallPolicyId"),
            *("notFoundBackend", "tags", "driftPolicy", "deletionPolicy"),
        ),
        required=("resourceGroup", "location"),
        rules=(
            (
                "has(self.subnet) || (has(self.subnetId) && self.subnetId != '')",
                "subnet is required, or subnetId: name a subnet that holds gateways only",
            ),
            (
                "!has(self.subnet) || !has(self.subnetId) || self.subnetId == ''",
                "subnet cannot be given together with subnetId: remove one",
            ),
            *crd_parameters.PUBLIC,
            (
                "self.sku != 'WAF_v2' || (has(self.firewallPolicyId) && self.firewallPolicyId != '')",
                "sku WAF_v2 needs firewallPolicyId: name the policy",
            ),
            (
                "self.sku == 'WAF_v2' || !has(self.firewallPolicyId) || self.firewallPolicyId == ''",
                "firewallPolicyId needs sku WAF_v2: another has no firewall",
            ),
        ),
        region="location",
        columns=(
            ("SKU", "string", ".spec.sku", 1),
            ("Subscription", "string", ".spec.subscriptionId", 1),
            ("Group", "string", ".spec.resourceGroup", 1),
        ),
    )
