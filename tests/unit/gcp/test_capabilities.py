"""Every refusal has a row, every row a document and a test that exists."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import re
from typing import Any

import pytest

import cloudgw_gcp
from cloudgw_gcp import capabilities, kinds

PACKAGE = pathlib.Path(cloudgw_gcp.__file__).parent
ROOT = pathlib.Path(__file__).parents[3]
LITERAL = re.compile(r'"([A-Z][a-z]+(?:[A-Z0-9][A-Za-z0-9]*)+)"')
SAYS = re.compile(r'note\(|say\(|refused\($|refused\("|code=|return "[A-Z]|^ +"[A-Z]\w+",$|^ +"[A-Z]\w+": [a-z]\w+,$')


def raised() -> set[str]:
    """Codes of notes in what builds: the arguments of `note`, `say` and `refused`, `code=`, and what is returned."""
    found: set[str] = set()
    for path in [*PACKAGE.glob("build*.py"), *PACKAGE.glob("facts*.py")]:
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
        assert row.source.startswith("https://cloud.google.com/"), row
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
    """But for what no object of a routing asks of a load balancer: there `build` has nothing to speak of."""
    silent = {row.feature for row in capabilities.CAPABILITIES if row.support != "yes" and not row.code}
    assert silent == {
        "HTTPRoute",
        "GatewayStaticAddresses",
        "GatewayAddressEmpty",
        "GatewayHTTPSListenerDetectMisdirectedRequests",
        "GatewayInfrastructurePropagation",
        "GatewayBackendClientCertificate",
        "allowedSourceRanges",
        "encoded paths",
        "paths with /../",
        "Host headers with another port",
    }


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """Google's own description of compute v1: when its members change, a row is out of date."""
    package = importlib.util.find_spec("googleapiclient")
    assert package is not None
    assert package.origin is not None
    where = pathlib.Path(package.origin).parent / "discovery_cache" / "documents" / "compute.v1.json"
    found: dict[str, Any] = json.loads(where.read_text())["schemas"]
    return found


def test_a_forwarding_rule_may_have_a_named_address(schemas: dict[str, Any]) -> None:
    assert "IPAddress" in schemas["ForwardingRule"]["properties"]


def test_no_match_sees_the_server_name(schemas: dict[str, Any]) -> None:
    assert set(schemas["HttpRouteRuleMatch"]["properties"]) == {
        "fullPathMatch",
        "headerMatches",
        "ignoreCase",
        "metadataFilters",
        "pathTemplateMatch",
        "prefixMatch",
        "queryParameterMatches",
        "regexMatch",
    }


def test_backends_may_see_a_certificate(schemas: dict[str, Any]) -> None:
    assert set(schemas["BackendServiceTlsSettings"]["properties"]) >= {"authenticationConfig", "sni", "subjectAltNames"}


def test_nothing_is_made_in_kubernetes() -> None:
    assert set(kinds.KINDS) == {
        "address",
        "firewall",
        "health-check",
        "neg",
        "endpoints",
        "backend-service",
        "url-map",
        "path-matcher",
        "route-rule",
        "certificate",
        "ssl-policy",
        "target-proxy",
        "forwarding-rule",
    }
