"""Every refusal has a row, every row a document and a test that exists."""

from __future__ import annotations

import pathlib
import re

from azure.mgmt.network import models

import cloudgw_azure
from cloudgw_azure import capabilities, kinds

PACKAGE = pathlib.Path(cloudgw_azure.__file__).parent
ROOT = pathlib.Path(__file__).parents[3]
LITERAL = re.compile(r'"([A-Z][a-z]+(?:[A-Z0-9][A-Za-z0-9]*)+)"')
SAYS = re.compile(r'note\(|_say\(|refused\($|refused\("|code=|return "[A-Z]|^ +"[A-Z]\w+",$')


def raised() -> set[str]:
    """Codes of notes in what builds: the arguments of `note`, `_say` and `refused`, `code=`, and what is returned."""
    found: set[str] = set()
    for path in [*PACKAGE.glob("build*.py"), PACKAGE / "facts.py"]:
        for line in path.read_text().splitlines():
            if SAYS.search(line):
                found |= set(LITERAL.findall(line))
    return found


def test_every_code_has_a_row() -> None:
    codes = {row.code for row in capabilities.CAPABILITIES} - {""}
    assert raised() == codes
    assert len(codes) > 20


def test_every_row_has_a_document_and_a_reason() -> None:
    for row in capabilities.CAPABILITIES:
        assert row.source.startswith("https://learn.microsoft.com/azure/"), row
        assert row.reason or row.support == "yes", row


def test_every_row_has_a_test_that_exists() -> None:
    for row in capabilities.CAPABILITIES:
        path, _, name = row.test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(), row.test


# https://github.com/kubernetes-sigs/gateway-api/tree/v1.6.1/pkg/features, without those of meshes
FEATURES = """
    Gateway ReferenceGrant HTTPRoute GRPCRoute TLSRoute TCPRoute UDPRoute GatewayPort8080 GatewayStaticAddresses
    GatewayAddressEmpty GatewayHTTPListenerIsolation GatewayHTTPSListenerDetectMisdirectedRequests
    GatewayInfrastructurePropagation GatewayBackendClientCertificate GatewayFrontendClientCertificateValidation
    GatewayFrontendClientCertificateValidationInsecureFallback ListenerSet HTTPRouteDestinationPortMatching
    HTTPRouteParentRefPort HTTPRouteQueryParamMatching HTTPRouteMethodMatching HTTPRouteResponseHeaderModification
    HTTPRouteBackendRequestHeaderModification HTTPRoutePortRedirect HTTPRouteSchemeRedirect HTTPRoutePathRedirect
    HTTPRoute303RedirectStatusCode HTTPRoute307RedirectStatusCode HTTPRoute308RedirectStatusCode HTTPRouteHostRewrite
    HTTPRoutePathRewrite HTTPRouteRequestMirror HTTPRouteRequestMultipleMirrors HTTPRouteRequestPercentageMirror
    HTTPRouteRequestTimeout HTTPRouteBackendTimeout HTTPRouteBackendProtocolH2C HTTPRouteBackendProtocolWebSocket
    HTTPRouteNamedRouteRule HTTPRouteCORS HTTPRouteRetry HTTPRouteRetryBackendTimeout HTTPRouteRetryConnectionError
    BackendTLSPolicy BackendTLSPolicySANValidation TLSRouteModeTerminate TLSRouteModeMixed GRPCRouteNamedRouteRule
""".split()  # noqa: SIM905


def test_every_feature_has_one_row() -> None:
    rows = [row.feature for row in capabilities.CAPABILITIES]
    assert len(rows) == len(set(rows))
    assert len(FEATURES) == 48
    assert set(FEATURES) <= set(rows)


def test_what_is_not_honoured_is_said_by_a_code() -> None:
    """But for what no object of a routing asks of a gateway: there `build` has nothing to speak of."""
    silent = {row.feature for row in capabilities.CAPABILITIES if row.support != "yes" and not row.code}
    assert silent == {
        "HTTPRoute",
        "GatewayStaticAddresses",
        "GatewayAddressEmpty",
        "GatewayHTTPSListenerDetectMisdirectedRequests",
        "GatewayInfrastructurePropagation",
        "GatewayBackendClientCertificate",
        "allowedSourceRanges",
        "certificates in Key Vault",
    }


def members(model: type) -> set[str]:
    """Members of a model of the vendor, as JSON names: when they change, a row is out of date."""
    found: dict[str, object] = {}
    for one in model.__mro__:
        found |= getattr(one, "__annotations__", {})
    return {name for name in found if not name.startswith("_")}


def test_a_frontend_may_have_a_named_address() -> None:
    found = members(models.ApplicationGatewayFrontendIPConfigurationPropertiesFormat)
    assert {"private_ip_address", "public_ip_address"} <= found


def test_no_listener_compares_the_server_name() -> None:
    found = members(models.ApplicationGatewayHttpListenerPropertiesFormat)
    assert {name for name in found if "server_name" in name or "sni" in name} == {"require_server_name_indication"}


def test_backends_see_no_certificate() -> None:
    found = members(models.ApplicationGatewayBackendHttpSettingsPropertiesFormat)
    assert "sni_name" in found
    assert not [name for name in found if "client" in name or name.endswith("ssl_certificate")]


def test_nothing_is_made_in_kubernetes() -> None:
    assert set(kinds.KINDS) == {
        "public-ip",
        "gateway",
        "frontend-port",
        "certificate",
        "trusted-root",
        "listener",
        "pool",
        "targets",
        "probe",
        "settings",
        "path-map",
        "path-rule",
        "rule",
        "redirect",
        "rewrite-set",
    }
