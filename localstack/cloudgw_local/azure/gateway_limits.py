"""How much a gateway may hold, and what its SKU lets it hold.

Called by `gateway.accept` before the rules that look into children, so that these may trust the numbers.

Source: MicrosoftDocs/azure-docs includes/application-gateway-limits.md, articles/application-gateway/{overview-v2,
application-gateway-autoscaling-zone-redundant}.md; learn.microsoft.com/azure/application-gateway/advanced-rules.
"""

from __future__ import annotations

import re

from cloudgw_local.azure import errors, gateway_document
from cloudgw_local.azure.gateway_document import Document

# Collection: (singular in the code, plural in the message, limit, limit with an old rule set of the WAF).
_LIMITS = {
    "gatewayIPConfigurations": ("GatewayIpConfiguration", "GatewayIpConfigurations", 1, 1),
    "frontendIPConfigurations": ("FrontendIpConfiguration", "FrontendIpConfigurations", 4, 4),
    "frontendPorts": ("FrontendPort", "FrontendPorts", 100, 40),
    "httpListeners": ("HttpListener", "HttpListeners", 200, 40),
    "requestRoutingRules": ("RequestRoutingRule", "RequestRoutingRules", 400, 40),
    "backendAddressPools": ("BackendAddressPool", "BackendAddressPools", 100, 100),
    "backendHttpSettingsCollection": ("BackendHttpSettings", "BackendHttpSettingsCollection", 100, 40),
    "redirectConfigurations": ("RedirectConfiguration", "RedirectConfigurations", 100, 40),
    "rewriteRuleSets": ("RewriteRuleSet", "RewriteRuleSets", 400, 400),
    "sslCertificates": ("SslCertificate", "SslCertificates", 100, 40),
    "trustedRootCertificates": ("TrustedRootCertificate", "TrustedRootCertificates", 100, 100),
    "trustedClientCertificates": ("TrustedClientCertificate", "TrustedClientCertificates", 200, 200),
    "privateLinkConfigurations": ("PrivateLinkConfiguration", "PrivateLinkConfigurations", 2, 2),
}
_BASIC = {"httpListeners": 5, "backendAddressPools": 5, "requestRoutingRules": 5}
_ACTIVE_LISTENERS = 100
_TARGETS = 1200
_BASIC_TARGETS = 5
_HOST_NAMES = 5
_CLIENT_CERTIFICATES = 100  # of one SSL profile
_INSTANCES = 125
_V2 = ("Standard_v2", "WAF_v2", "Basic", "Basic_v2", "Basic_WAF_v2")


def check(document: Document) -> None:
    """Raises ApplicationGateway...LimitReached, whose message says how many there are and how many may be."""
    old = _old_rule_set(document)
    basic = document.tier == "Basic"
    for collection, (singular, plural, limit, limit_old) in _LIMITS.items():
        most = limit_old if old else limit
        if basic:
            most = min(most, _BASIC.get(collection, most))
        _limit(singular, plural, len(document.of(collection)), most)
    active = [listener for listener in document.of("httpListeners") if _is_active(document, listener)]
    _limit("ActiveHttpListener", "active HttpListeners", len(active), _ACTIVE_LISTENERS)
    public = [child for child in document.of("frontendIPConfigurations") if "publicIPAddress" in child.properties]
    # Two of each kind are one IPv4 and one IPv6; only IPv4 is made here.
    _limit("FrontendIpConfiguration", "public FrontendIpConfigurations", len(public), 1)
    private = len(document.of("frontendIPConfigurations")) - len(public)
    _limit("FrontendIpConfiguration", "private FrontendIpConfigurations", private, 1)
    for pool in document.of("backendAddressPools"):
        count = len(pool.properties.get("backendAddresses") or [])
        _limit("BackendAddress", f"BackendAddresses in {pool.id}", count, _BASIC_TARGETS if basic else _TARGETS)
    for listener in document.of("httpListeners", "listeners"):
        count = len(listener.properties.get("hostNames") or [])
        _limit("HttpListenerHostName", f"HostNames in {listener.id}", count, _HOST_NAMES)
    for profile in document.of("sslProfiles"):
        count = len(profile.properties.get("trustedClientCertificates") or [])
        _limit("TrustedClientCertificate", f"TrustedClientCertificates in {profile.id}", count, _CLIENT_CERTIFICATES)


def _limit(singular: str, plural: str, count: int, most: int) -> None:
    if count > most:
        raise gateway_document.refuse(
            f"{singular}LimitReached", f"The number of {plural} is {count} and the maximum allowed is {most}."
        )


def _is_active(document: Document, listener: gateway_document.Child) -> bool:
    """Active: its rule sends requests to a backend; listeners that only redirect do not count (same table)."""
    return any(
        "redirectConfiguration" not in rule.properties for rule in document.users(listener, "requestRoutingRules")
    )


def _old_rule_set(document: Document) -> bool:
    """Is the WAF policy's core rule set 3.1 or older?"""
    reference = document.properties.get("firewallPolicy")
    policy = document.around.exists(reference["id"]) if reference else None
    managed = ((policy or {}).get("properties") or {}).get("managedRules") or {}
    for rule_set in managed.get("managedRuleSets") or []:
        version = re.match(r"(\d+)\.(\d+)", str(rule_set.get("ruleSetVersion")))
        if rule_set.get("ruleSetType") == "OWASP" and version and (int(version[1]), int(version[2])) <= (3, 1):
            return True
    return False


def check_sku(document: Document) -> None:
    properties = document.properties
    sku = properties.get("sku") or {}
    tier, name = sku.get("tier"), sku.get("name")
    if not tier or not name or (tier != name and tier not in ("Standard", "WAF")):
        raise gateway_document.refuse(
            "SkuIsInvalid", f"Sku name {name} and tier {tier} of {document.id} must be given and agree."
        )
    if tier not in _V2:
        raise gateway_document.refuse(
            "SkuTierDeprecated",
            f"Application Gateway SKU tier {tier} has been deprecated. Supported SKU tiers are Standard_v2,WAF_v2.",
        )
    _check_capacity(document, sku.get("capacity"))
    _check_firewall(document, tier)
    if tier == "Basic":
        _check_basic(document)
    _check_gated(document)


def _check_capacity(document: Document, capacity: int | None) -> None:
    scale = document.properties.get("autoscaleConfiguration")
    if (capacity is None) == (scale is None):
        raise gateway_document.refuse(
            "V2SkuMustSpecifyEitherCapacityOrAutoscaleConfiguration",
            f"Application Gateway {document.id} with {document.tier} SKU must specify either Capacity or "
            "AutoscaleConfiguration, and not both.",
        )
    if capacity is not None and not 1 <= capacity <= _INSTANCES:
        raise gateway_document.refuse(
            "SkuCapacityIsInvalid", f"Capacity {capacity} of {document.id} must be in the range [1,{_INSTANCES}]."
        )
    if scale is not None:
        low, high = scale["minCapacity"], scale.get("maxCapacity", _INSTANCES)
        if not 0 <= low <= high <= _INSTANCES or high < 2:
            raise gateway_document.refuse(
                "AutoscaleConfigurationIsInvalid",
                f"AutoscaleConfiguration of {document.id} has MinCapacity {low} and MaxCapacity {high}. MinCapacity "
                f"must be in the range [0,MaxCapacity] and MaxCapacity in the range [2,{_INSTANCES}].",
            )


def _check_firewall(document: Document, tier: str) -> None:
    waf = tier in ("WAF_v2", "Basic_WAF_v2")
    if "webApplicationFirewallConfiguration" in document.properties:
        raise gateway_document.refuse(
            "WafConfigurationDeprecated",
            f"WebApplicationFirewallConfiguration of {document.id} has been deprecated. Use a firewall policy.",
        )
    holders = [(child.id, child.properties) for child in document.of("httpListeners", "pathRules")]
    for owner, properties in [(document.id, document.properties), *holders]:
        reference = properties.get("firewallPolicy")
        if reference and document.around.exists(reference["id"]) is None:
            raise gateway_document.missing(reference["id"], owner)
        if reference and not waf:
            raise gateway_document.refuse(
                "FirewallCannotBeEnabledForSelectedSku",
                f"Firewall cannot be enabled for {owner} with the selected SKU tier {tier}. Supported SKU tiers are "
                "WAF_v2.",
            )
    if waf and "firewallPolicy" not in document.properties:
        raise gateway_document.refuse(
            "FirewallNotConfiguredForSelectedSku",
            f"Firewall must be configured for {document.id} with the selected SKU tier {tier}: FirewallPolicy is "
            "missing.",
        )


def _check_basic(document: Document) -> None:
    used = {
        "TCP and TLS listeners": bool(document.of("listeners")),
        "mutual authentication": any(
            child.properties.get("trustedClientCertificates") for child in document.of("sslProfiles")
        ),
        "private link": bool(document.of("privateLinkConfigurations")),
        "URL rewrite": any(
            (rule.get("actionSet") or {}).get("urlConfiguration")
            for child in document.of("rewriteRuleSets")
            for rule in child.properties.get("rewriteRules") or []
        ),
    }
    for feature in [name for name, given in used.items() if given]:
        raise gateway_document.refuse(
            "FeatureCannotBeEnabledForSelectedSku",
            f"Application Gateway {document.id} does not support {feature} for the selected SKU tier Basic.",
        )


def _check_gated(document: Document) -> None:
    gated = {"LoadDistributionPolicy": document.of("loadDistributionPolicies")}
    if document.around.belief("azure-advanced-routing") == "refused":
        gated["AdvancedRouting"] = document.of("advancedRoutingMaps", "advancedRoutingConditionSets")
    for feature in [name for name, children in gated.items() if children]:
        subscription = document.id.split("/resourceGroups/")[0]
        raise errors.Refusal(
            code="SubscriptionNotRegisteredForFeature",
            message=f"Subscription {subscription} is not registered for feature Microsoft.Network/{feature} required "
            "to carry out the requested operation.",
        )
