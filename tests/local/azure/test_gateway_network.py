"""What a gateway stands on and may hold: subnets, addresses, identity, SKU, limits, firewall, certificates."""

from __future__ import annotations

import base64
import collections.abc

import pytest

from cloudgw_local.azure import gateway

from . import samples
from .samples import Json, add, child, edit, ref
from .test_gateway import ID, accept, refused
from .test_gateway_refusals import Change, Row, many, of

Around = collections.abc.Callable[[samples.Surroundings], None]
PUBLIC = "frontendIPConfigurations/public"


def private(**members: object) -> Json:
    properties = {
        "subnet": {"id": samples.SUBNET},
        "privateIPAddress": "10.0.1.9",
        "privateIPAllocationMethod": "Static",
    }
    return child("private", **(properties | members))


def with_private(**members: object) -> Change:
    return lambda document: add(document, "frontendIPConfigurations", private(**members))


def sku(tier: str, **members: object) -> Change:
    return of("", sku={"name": tier, "tier": tier} | members)


def scale(low: int, high: int) -> Change:
    return of("", autoscaleConfiguration={"minCapacity": low, "maxCapacity": high})


def waf(change: Change) -> Change:
    return lambda document: change(edit(sku("WAF_v2")(document), "", firewallPolicy={"id": samples.WAF_POLICY}))


def identity(kind: str, *names: str) -> Change:
    given = {"type": kind, "userAssignedIdentities": {name: {} for name in names}}
    return lambda document: document | {"identity": given}


def listeners(count: int, rules: bool) -> Change:
    """`count` more listeners, each with a host; with a rule to the pool each, if wanted."""

    def change(document: Json) -> Json:
        for index in range(count):
            at = {
                "frontendIPConfiguration": ref("frontendIPConfigurations", "public"),
                "frontendPort": ref("frontendPorts", "p80"),
            }
            add(document, "httpListeners", child(f"l{index}", protocol="Http", hostName=f"{index}.example", **at))
            if rules:
                to = {
                    "backendAddressPool": ref("backendAddressPools", "pool"),
                    "backendHttpSettings": ref("backendHttpSettingsCollection", "http"),
                }
                listener = ref("httpListeners", f"l{index}")
                add(
                    document,
                    "requestRoutingRules",
                    child(f"r{index}", priority=1000 + index, httpListener=listener, **to),
                )
        return document

    return change


def redirects(count: int) -> Change:
    return many("redirectConfigurations", count, redirectType="Found", targetUrl="https://a.example")


INLINE = {"enabled": True, "firewallMode": "Detection", "ruleSetType": "OWASP", "ruleSetVersion": "3.2"}
ROWS: dict[str, Row] = {
    "public IP and subnet": (
        of(PUBLIC, subnet={"id": samples.SUBNET}),
        "FrontendIpCannotHavePublicIpAndSubnet",
        PUBLIC,
    ),
    "dynamic private address": (
        with_private(privateIPAllocationMethod="Dynamic"),
        "FrontendIpPrivateIpAddressInvalidAllocationType",
        "frontendIPConfigurations/private",
    ),
    "private address of another subnet": (
        with_private(subnet={"id": samples.SUBNET_TWO}),
        "FrontendIpSubnetCannotBeDifferentFromGatewaySubnet",
        "frontendIPConfigurations/private",
    ),
    "two public addresses": (
        lambda document: add(
            document, "frontendIPConfigurations", child("more", publicIPAddress={"id": samples.public_ip_id("pip-two")})
        ),
        "FrontendIpConfigurationLimitReached",
        "public FrontendIpConfigurations is 2",
    ),
    "two private addresses": (
        lambda document: add(with_private()(document), "frontendIPConfigurations", private() | {"name": "third"}),
        "FrontendIpConfigurationLimitReached",
        "private FrontendIpConfigurations is 2",
    ),
    "two subnets": (
        lambda document: add(document, "gatewayIPConfigurations", child("more", subnet={"id": samples.SUBNET})),
        "GatewayIpConfigurationLimitReached",
        "is 2",
    ),
    "one port twice": (
        lambda document: add(document, "frontendPorts", child("again", port=80)),
        "FrontendPortsUsingSamePortNumber",
        "frontendPorts/again",
    ),
    "closed subnet": (
        of("gatewayIPConfigurations/gwip", subnet={"id": samples.SUBNET_CLOSED}),
        "SubnetInboundTrafficBlockedByNetworkSecurityGroup",
        "nsg-closed",
    ),
    "system identity": (identity("SystemAssigned"), "IdentityTypeNotSupported", "SystemAssigned"),
    "unknown identity": (identity("UserAssigned", samples.IDENTITY + "x"), "FailedIdentityOperation", "id-edgex"),
    "no sku": (of("", sku=None), "SkuIsInvalid", ID),
    "sku and tier differ": (of("", sku={"name": "WAF_v2", "tier": "Standard_v2"}), "SkuIsInvalid", "WAF_v2"),
    "old sku": (of("", sku={"name": "Standard_Small", "tier": "Standard"}), "SkuTierDeprecated", "Standard has"),
    "capacity and autoscale": (
        sku("Standard_v2", capacity=2),
        "V2SkuMustSpecifyEitherCapacityOrAutoscaleConfiguration",
        ID,
    ),
    "neither": (
        of("", autoscaleConfiguration=None),
        "V2SkuMustSpecifyEitherCapacityOrAutoscaleConfiguration",
        ID,
    ),
    "capacity 126": (
        lambda document: edit(sku("Standard_v2", capacity=126)(document), "", autoscaleConfiguration=None),
        "SkuCapacityIsInvalid",
        "126",
    ),
    "autoscale upside down": (scale(3, 2), "AutoscaleConfigurationIsInvalid", "MinCapacity 3"),
    "autoscale to 126": (scale(0, 126), "AutoscaleConfigurationIsInvalid", "MaxCapacity 126"),
    "autoscale to 1": (scale(0, 1), "AutoscaleConfigurationIsInvalid", "MaxCapacity 1"),
    "firewall in Standard_v2": (
        of("", firewallPolicy={"id": samples.WAF_POLICY}),
        "FirewallCannotBeEnabledForSelectedSku",
        "Standard_v2",
    ),
    "firewall of a listener in Standard_v2": (
        of("httpListeners/web", firewallPolicy={"id": samples.WAF_POLICY}),
        "FirewallCannotBeEnabledForSelectedSku",
        "httpListeners/web",
    ),
    "WAF_v2 without a policy": (sku("WAF_v2"), "FirewallNotConfiguredForSelectedSku", ID),
    "unknown policy": (
        lambda document: edit(sku("WAF_v2")(document), "", firewallPolicy={"id": samples.WAF_POLICY + "x"}),
        "InvalidResourceReference",
        "waf-edgex",
    ),
    "inline firewall": (
        waf(of("", webApplicationFirewallConfiguration=INLINE)),
        "WafConfigurationDeprecated",
        ID,
    ),
    "weights": (
        lambda document: add(document, "loadDistributionPolicies", child("weights")),
        "SubscriptionNotRegisteredForFeature",
        "LoadDistributionPolicy",
    ),
    "advanced routing": (
        lambda document: add(document, "advancedRoutingMaps", child("advanced", advancedRoutingRules=[])),
        "SubscriptionNotRegisteredForFeature",
        "AdvancedRouting",
    ),
    "TLS policy of 2015": (
        of("", sslPolicy={"policyType": "Predefined", "policyName": "AppGwSslPolicy20150501"}),
        "DeprecatedTlsVersionUsedInSslPolicy",
        ID,
    ),
    "TLS 1.1": (
        of("", sslPolicy={"policyType": "CustomV2", "minProtocolVersion": "TLSv1_1"}),
        "DeprecatedTlsVersionUsedInSslPolicy",
        ID,
    ),
    "101 pools": (
        many("backendAddressPools", 100),
        "BackendAddressPoolLimitReached",
        "is 101 and the maximum allowed is 100",
    ),
    "101 settings": (
        many("backendHttpSettingsCollection", 100, port=80, protocol="Http"),
        "BackendHttpSettingsLimitReached",
        "is 101",
    ),
    "101 ports": (many("frontendPorts", 100, port=81), "FrontendPortLimitReached", "is 101"),
    "101 redirects": (redirects(101), "RedirectConfigurationLimitReached", "is 101"),
    "401 rewrite rule sets": (many("rewriteRuleSets", 401), "RewriteRuleSetLimitReached", "is 401"),
    "201 listeners": (listeners(200, rules=False), "HttpListenerLimitReached", "is 201"),
    "101 active listeners": (listeners(100, rules=True), "ActiveHttpListenerLimitReached", "is 101"),
    "101 certificates": (many("sslCertificates", 101), "SslCertificateLimitReached", "is 101"),
    "101 root certificates": (many("trustedRootCertificates", 101), "TrustedRootCertificateLimitReached", "is 101"),
    "201 client certificates": (
        many("trustedClientCertificates", 201),
        "TrustedClientCertificateLimitReached",
        "is 201",
    ),
    "Basic: 6 pools": (
        lambda document: many("backendAddressPools", 5)(sku("Basic")(document)),
        "BackendAddressPoolLimitReached",
        "maximum allowed is 5",
    ),
    "Basic: URL rewrite": (
        lambda document: add(
            sku("Basic")(document), "rewriteRuleSets", child("r", rewriteRules=[samples.rewrite_rule()])
        ),
        "FeatureCannotBeEnabledForSelectedSku",
        "URL rewrite",
    ),
    "Basic: 6 targets": (
        lambda document: edit(
            sku("Basic")(document), "backendAddressPools/pool", backendAddresses=[{"ipAddress": "10.0.0.1"}] * 6
        ),
        "BackendAddressLimitReached",
        "maximum allowed is 5",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_refused(name: str) -> None:
    change, code, named = ROWS[name]
    refusal = refused(change(samples.gateway()))
    assert refusal.code in (code, f"ApplicationGateway{code}")
    assert named in refusal.message


ACCEPTED: dict[str, Change] = {
    "a private address too": with_private(),
    "a listener on it": lambda document: edit(
        with_private()(document),
        "httpListeners/web",
        frontendIPConfiguration=ref("frontendIPConfigurations", "private"),
    ),
    "fixed capacity": lambda document: edit(sku("Standard_v2", capacity=2)(document), "", autoscaleConfiguration=None),
    "WAF_v2": waf(of("httpListeners/web", firewallPolicy={"id": samples.WAF_POLICY})),
    "delegated and open": of("gatewayIPConfigurations/gwip", subnet={"id": samples.SUBNET_TWO}),
    "100 active listeners": listeners(99, rules=True),
    "100 pools": many("backendAddressPools", 99),
    "100 redirects": redirects(100),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    stored = gateway.accept(ACCEPTED[name](samples.gateway()), id=ID, current=None, around=samples.Surroundings())
    assert stored["properties"]["httpListeners"]


def _only_private(document: Json) -> Json:
    document["properties"]["frontendIPConfigurations"] = [private()]
    return edit(document, "httpListeners/web", frontendIPConfiguration=ref("frontendIPConfigurations", "private"))


def test_private_only_gateways_need_network_isolation_and_delegation() -> None:
    around = samples.Surroundings()
    assert accept(_only_private(samples.gateway()), around)
    around.settings["network_isolation"] = False
    refusal = refused(_only_private(samples.gateway()), around)
    assert refusal.code == "ApplicationGatewayFrontendIpCannotHavePublicIpAndSubnet"
    assert "without Public IP for the selected SKU tier Standard_v2" in refusal.message
    around = samples.Surroundings()
    del around.resources[samples.SUBNET.lower()]["properties"]["delegations"]
    assert refused(_only_private(samples.gateway()), around).code == refusal.code


def _pip(around: samples.Surroundings) -> Json:
    return around.resources[samples.public_ip_id().lower()]


def _nsg(around: samples.Surroundings) -> list[Json]:
    name = f"{samples.NETWORK}/networkSecurityGroups/nsg-appgw".lower()
    rules: list[Json] = around.resources[name]["properties"]["securityRules"]
    return rules


def _deny(source: str, ports: str, priority: int) -> Json:
    rule = {"direction": "Inbound", "access": "Deny", "protocol": "*", "priority": priority}
    return {"name": "deny", "properties": rule | {"sourceAddressPrefix": source, "destinationPortRange": ports}}


def _route(around: samples.Surroundings) -> None:
    table = f"{samples.NETWORK}/routeTables/out"
    route = {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance"}
    around.resources[table.lower()] = {"properties": {"routes": [{"name": "all", "properties": route}]}}
    around.resources[samples.SUBNET_TWO.lower()]["properties"]["routeTable"] = {"id": table}


OTHER = samples.gateway_id("other")
BLOCKED = "SubnetInboundTrafficBlockedByNetworkSecurityGroup"
SURROUNDINGS: dict[str, tuple[Around, str, str]] = {
    "Basic public IP": (
        lambda around: _pip(around).update(sku={"name": "Basic"}),
        "InvalidPublicIpSku",
        "Standard SKU",
    ),
    "dynamic public IP": (
        lambda around: _pip(around)["properties"].update(publicIPAllocationMethod="Dynamic"),
        "PublicIpAllocationMethodMustBeStatic",
        "publicIPAddresses/pip",
    ),
    "public IP of another gateway": (
        lambda around: around.holders.update(
            {samples.public_ip_id().lower(): f"{OTHER}/frontendIPConfigurations/public"}
        ),
        "PublicIPAddressInUse",
        OTHER,
    ),
    "subnet with something else": (
        lambda around: around.holders.update({samples.SUBNET_TWO.lower(): f"{samples.NETWORK}/networkInterfaces/nic"}),
        "SubnetCannotHaveOtherResources",
        "networkInterfaces/nic",
    ),
    "no rule for GatewayManager": (lambda around: _nsg(around).clear(), BLOCKED, "nsg-appgw"),
    "one port denied first": (lambda around: _nsg(around).append(_deny("*", "65300", 90)), BLOCKED, "nsg-appgw"),
    "AzureLoadBalancer denied": (
        lambda around: _nsg(around).append(_deny("AzureLoadBalancer", "*", 90)),
        BLOCKED,
        "nsg-appgw",
    ),
    "half of the ports": (
        lambda around: _nsg(around)[0]["properties"].update(destinationPortRange="65200-65400"),
        BLOCKED,
        "nsg-appgw",
    ),
    "default route to an appliance": (_route, "SubnetUserDefinedRouteNotAllowed", "routeTables/out"),
}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_refused_for_its_surroundings(name: str) -> None:
    change, code, named = SURROUNDINGS[name]
    around = samples.Surroundings()
    body = samples.gateway(subnet=samples.SUBNET_TWO)
    assert accept(body, around)
    change(around)
    refusal = refused(body, around)
    assert refusal.code in (code, f"ApplicationGateway{code}")
    assert named in refusal.message


def test_later_or_narrow_rules_of_a_security_group_do_not_block() -> None:
    around = samples.Surroundings()
    _nsg(around).extend([_deny("*", "*", 200), _deny("10.0.0.0/8", "*", 90), _deny("*", "1-65199", 91)])
    refusal = refused(samples.gateway(subnet=samples.SUBNET_TWO), around)
    assert refusal.code.endswith(BLOCKED), "AzureLoadBalancer has no rule before the one that denies all"
    _nsg(around)[1]["properties"]["sourceAddressPrefix"] = "Internet"
    assert accept(samples.gateway(subnet=samples.SUBNET_TWO), around)


def test_a_gateway_keeps_its_own_public_ip_and_subnet() -> None:
    around = samples.Surroundings()
    stored = accept(samples.gateway(), around)
    around.holders[samples.public_ip_id().lower()] = f"{ID}/frontendIPConfigurations/public"
    around.holders[samples.SUBNET.lower()] = f"{ID}/gatewayIPConfigurations/gwip"
    assert accept(samples.gateway(), around, stored) == stored


def test_a_running_gateway_does_not_move() -> None:
    around = samples.Surroundings()
    stored = accept(samples.gateway(), around)
    moved = samples.gateway(subnet=samples.SUBNET_TWO)
    around.resources[ID.lower()] = {"properties": {"operationalState": "Stopped"}}
    assert accept(moved, around, stored)
    around.resources[ID.lower()] = {"properties": {"operationalState": "Running"}}
    assert refused(moved, around, stored).code == "ApplicationGatewaySubnetCannotBeUpdatedForActiveGateway"


def test_old_rule_sets_of_the_firewall_lower_the_limits() -> None:
    around = samples.Surroundings()
    body = waf(redirects(41))(samples.gateway())
    assert accept(body, around)
    sets = around.resources[samples.WAF_POLICY.lower()]["properties"]["managedRules"]["managedRuleSets"]
    sets[0]["ruleSetVersion"] = "3.1"
    assert refused(body, around).code == "ApplicationGatewayRedirectConfigurationLimitReached"


def _tls(**certificate: object) -> Json:
    return add(samples.gateway(), "sslCertificates", child("cert", **certificate))


def _junk(length: int) -> str:
    return base64.b64encode(b"0" * length).decode()


CERTIFICATES: dict[str, tuple[Json, str]] = {
    "nothing": (_tls(), "CertificateDataOrKeyVaultSecretIdMustBeSpecified"),
    "no base64": (_tls(data="%", password="sample"), "SslCertificateInvalidData"),
    "junk": (_tls(data=_junk(2000), password="sample"), "SslCertificateInvalidData"),
    "a certificate alone": (_tls(data=samples.certificate(), password="sample"), "SslCertificateInvalidData"),
    "wrong password": (_tls(data=samples.pfx(), password="other"), "SslCertificatePasswordIncorrect"),
    "no password": (_tls(data=samples.pfx()), "SslCertificatePasswordIncorrect"),
    "too large": (_tls(data=samples.large_pfx(), password="sample"), "SslCertificateInvalidData"),
    "no vault": (_tls(keyVaultSecretId="https://kv.example.com/secrets/a"), "KeyVaultSecretIdInvalid"),
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_refused_certificates(name: str) -> None:
    body, code = CERTIFICATES[name]
    refusal = refused(body)
    assert refusal.code == f"ApplicationGateway{code}"
    assert f"{ID}/sslCertificates/cert" in refusal.message
    assert "sample" not in refusal.message


TRUSTED: dict[str, tuple[str, Json, str]] = {
    "root: nothing": ("trustedRootCertificates", {}, "CertificateDataOrKeyVaultSecretIdMustBeSpecified"),
    "root: junk": ("trustedRootCertificates", {"data": _junk(20)}, "TrustedRootCertificateInvalidData"),
    "client: nothing": ("trustedClientCertificates", {}, "TrustedClientCertificateMustSpecifyData"),
    "client: junk": ("trustedClientCertificates", {"data": _junk(20)}, "TrustedClientCertificateInvalidData"),
    "client: private key": (
        "trustedClientCertificates",
        {"data": samples.private_key()},
        "TrustedClientCertificateMustNotHavePrivateKey",
    ),
    "client: no CA": (
        "trustedClientCertificates",
        {"data": samples.certificate(ca=False)},
        "TrustedClientCertificateDoesNotContainAnyCACertificate",
    ),
}


@pytest.mark.parametrize("name", TRUSTED)
def test_refused_trusted_certificates(name: str) -> None:
    collection, properties, code = TRUSTED[name]
    refusal = refused(add(samples.gateway(), collection, child("ca", **properties)))
    assert refusal.code == f"ApplicationGateway{code}"
    assert f"{ID}/{collection}/ca" in refusal.message


def test_aes_may_be_refused_and_triple_des_never() -> None:
    around = samples.Surroundings()
    aes, old = _tls(data=samples.pfx(), password="sample"), _tls(data=samples.old_pfx(), password="sample")
    assert accept(aes, around)
    around.beliefs["azure-pfx-aes"] = "refused"
    assert accept(old, around)
    assert refused(aes, around).code == "ApplicationGatewaySslCertificatePasswordIncorrect"
