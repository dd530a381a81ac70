"""What the interpreter of Azure's documents refuses: each member by name, and only for requests that meet it."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_azure import semantics
from tests.unit.azure import semantics_samples as az

SECURE = {"targetListener": az.ref("httpListeners", "https")}


def ask(host: str, path: str = "/") -> semantics.Request:
    return semantics.Request(port=80, host=host, path=path)


def put(gateway: az.Json, collection: str, **members: Any) -> az.Json:
    gateway["properties"][collection][0]["properties"].update(members)
    return gateway


POLICY = {"id": "/policy"}
MTLS = az.child("sslProfiles", "t", trustedClientCertificates=[az.ref("trustedClientCertificates", "c")])


@pytest.mark.parametrize(
    ("member", "gateway"),
    [
        ("sku.tier", az.document(az.listener("l"), az.basic("l", az.to("p")), sku={"tier": "Standard"})),
        (
            "requestRoutingRules/l.loadDistributionPolicy",
            put(az.one(), "requestRoutingRules", loadDistributionPolicy=POLICY),
        ),
        ("urlPathMaps/m.loadDistributionPolicy", put(az.paths(), "urlPathMaps", defaultLoadDistributionPolicy=POLICY)),
        ("requestRoutingRules/l.ruleType", put(az.one(), "requestRoutingRules", ruleType="AdvancedRouting")),
        ("requestRoutingRules/l.authConfigs", put(az.one(), "requestRoutingRules", authConfigs=[{"name": "a"}])),
        (
            "requestRoutingRules/l.entraJWTValidationConfig",
            put(az.one(), "requestRoutingRules", entraJWTValidationConfig=POLICY),
        ),
        ("sku.tier", az.document(az.listener("l"), az.basic("l", az.to("p")), sku={"tier": "WAF"})),
        ("requestRoutingRules/l.priority", put(az.one(), "requestRoutingRules", priority=None)),
        ("requestRoutingRules/l.rewriteRuleSet", put(az.paths(), "requestRoutingRules", rewriteRuleSet=POLICY)),
        (
            "listeners/t",
            az.document(
                az.listener("l"), az.basic("l", az.to("p")), ("listeners", az.listener("t", protocol="Tcp")[1])
            ),
        ),
        ("httpListeners/l.firewallPolicy", az.one(firewallPolicy=POLICY)),
        ("firewallPolicy", az.document(az.listener("l"), az.basic("l", az.to("p")), firewallPolicy=POLICY)),
        (
            "webApplicationFirewallConfiguration",
            az.document(
                az.listener("l"), az.basic("l", az.to("p")), webApplicationFirewallConfiguration={"enabled": True}
            ),
        ),
        (
            "urlPathMaps/m.pathRules/r.firewallPolicy",
            az.document(
                az.listener("l"),
                az.by_path("l", "m"),
                az.path_map("m", az.to("p"), az.path_rule("r", ["/*"], {**az.to("p"), "firewallPolicy": POLICY})),
            ),
        ),
        (
            "httpListeners/l.sslProfile",
            az.document(az.listener("l", sslProfile=az.ref("sslProfiles", "t")), az.basic("l", az.to("p")), MTLS),
        ),
        ("urlPathMaps/m.pathRules/X.paths", az.paths(("/images/*.jpg", "X"))),
        ("requestRoutingRules/l.backendAddressPool", put(az.one(), "requestRoutingRules", backendAddressPool=POLICY)),
        ("redirectConfigurations/r", az.redirected({}, redirectType="Found")),
        ("redirectConfigurations/r.redirectType", az.redirected({}, redirectType="Gone", **SECURE)),
        (
            "redirectConfigurations/r.targetListener",
            az.redirected({"hosts": ["*.contoso.com"]}, redirectType="Found", **SECURE),
        ),
        (
            "redirectConfigurations/r.targetUrl",
            az.redirected({}, redirectType="Found", targetUrl="https://b.com/#a", includeQueryString=True),
        ),
        (
            "redirectConfigurations/r.includePath",
            az.redirected({}, redirectType="Found", targetUrl="https://b.com/?a=b", includePath=True),
        ),
    ],
)
def test_what_is_not_read_is_refused(member: str, gateway: az.Json) -> None:
    with pytest.raises(semantics.NotInterpreted) as refusal:
        semantics.answer(gateway, ask("a"))
    assert refusal.value.member == member


def test_only_what_a_request_meets_is_refused() -> None:
    gateway = az.document(
        az.listener("l", "a.com", firewallPolicy=POLICY),
        az.listener("m", "b.com"),
        az.basic("l", az.to("p"), 1),
        az.basic("m", az.to("p"), 2),
        ("listeners", az.listener("t", port=5432, protocol="Tcp")[1]),
    )
    assert semantics.answer(gateway, ask("b.com")).kind == "forward"


def test_an_escape_under_an_overridden_path_is_refused() -> None:
    with pytest.raises(semantics.NotInterpreted, match="escaped"):
        semantics.answer(az.overridden("/a*", "/b"), ask("a", "/a/%20"))
