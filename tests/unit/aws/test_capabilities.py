"""Every refusal has a row, every row a document and a test that exists."""

from __future__ import annotations

import pathlib
import re

import botocore.session
import pytest

import cloudgw_aws
from cloudgw_aws import capabilities, kinds

PACKAGE = pathlib.Path(cloudgw_aws.__file__).parent
ROOT = pathlib.Path(__file__).parents[3]
LITERAL = re.compile(r'"([A-Z][a-z]+(?:[A-Z][A-Za-z]*)+)"')


def raised() -> set[str]:
    """Codes of notes in what builds: the second argument of `note`, `say` and `_refused`, and `code=`."""
    found: set[str] = set()
    for path in [*PACKAGE.glob("build*.py"), PACKAGE / "facts.py"]:
        for line in path.read_text().splitlines():
            if re.search(r'note\(|self\.say\(|_refused\("|code=|return "[A-Z]|^    "[A-Z]\w+",$', line):
                found |= set(LITERAL.findall(line))
    return found


def test_every_code_has_a_row() -> None:
    codes = {row.code for row in capabilities.CAPABILITIES} - {""}
    assert raised() == codes
    assert len(codes) > 15


def test_every_row_has_a_document_and_a_reason() -> None:
    for row in capabilities.CAPABILITIES:
        assert row.source.startswith("https://docs.aws.amazon.com/"), row
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
    }


@pytest.fixture(name="model", scope="module")
def _model() -> object:
    return botocore.session.get_session().get_service_model("elbv2")


def test_addresses_belong_to_network_load_balancers(model: object) -> None:
    """The vendor's model: when it changes, a row is out of date."""
    members = model.shape_for("SubnetMapping").members  # type: ignore[attr-defined]
    for name in ("AllocationId", "PrivateIPv4Address"):
        assert members[name].documentation.startswith("<p>[Network Load Balancers]"), name
    assert "IpAddress" not in model.shape_for("LoadBalancer").members  # type: ignore[attr-defined]


def test_no_condition_sees_the_server_name(model: object) -> None:
    assert set(model.shape_for("RuleCondition").members) == {  # type: ignore[attr-defined]
        "Field",
        "Values",
        "HostHeaderConfig",
        "PathPatternConfig",
        "HttpHeaderConfig",
        "QueryStringConfig",
        "HttpRequestMethodConfig",
        "SourceIpConfig",
        "RegexValues",
    }


def test_targets_see_no_certificate(model: object) -> None:
    members = model.shape_for("CreateTargetGroupInput").members  # type: ignore[attr-defined]
    assert not [name for name in members if "Certificate" in name or "Trust" in name]


def test_nothing_is_made_in_kubernetes() -> None:
    assert set(kinds.KINDS) == {
        "security-group",
        "security-group-rule",
        "load-balancer",
        "target-group",
        "targets",
        "certificate",
        "listener",
        "listener-certificate",
        "rule",
    }
