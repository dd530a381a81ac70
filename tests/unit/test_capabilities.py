"""Every refusal of every provider has a row, every row a document and a test that exists, every feature one row."""

from __future__ import annotations

import ast
import pathlib
import re
from dataclasses import dataclass
from types import ModuleType

import pytest

import cloudgw.building
import cloudgw_aws
import cloudgw_azure
import cloudgw_gcp
from cloudgw.provider import Provider

ROOT = pathlib.Path(__file__).parents[2]
SHARED = pathlib.Path(cloudgw.building.__file__).parent
LITERAL = re.compile(r'"([A-Z][a-z]+(?:[A-Z0-9][A-Za-z0-9]*)+)"')
SAYS = re.compile(r'note\(|say\(|refused\($|refused\("|code=|return "[A-Z]|^ +"[A-Z]\w+",$|^ +"[A-Z]\w+": [a-z]\w+,$')
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
SILENT = {  # nothing asks a load balancer for these
    "HTTPRoute",
    "GatewayStaticAddresses",
    "GatewayAddressEmpty",
    "GatewayHTTPSListenerDetectMisdirectedRequests",
    "GatewayInfrastructurePropagation",
    "GatewayBackendClientCertificate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """documents: where the vendor's begin; codes: fewer would mean that the reading of sources is broken; silent: rows
    of this cloud alone that no Note speaks of."""

    package: ModuleType
    documents: str
    codes: int
    silent: frozenset[str] = frozenset()

    @property
    def provider(self) -> Provider:
        found: Provider = self.package.PROVIDER
        return found

    @property
    def builds(self) -> list[pathlib.Path]:
        """What builds: modules of the provider, and those that they share with others."""
        where = pathlib.Path(str(self.package.__file__)).parent
        own = [*sorted(where.glob("build*.py")), *sorted(where.glob("facts*.py"))]
        shared = {name for path in own for name in imported(path, "cloudgw.building")}
        below = {name for shared_ in shared for name in imported(SHARED / f"{shared_}.py", "cloudgw.building")}
        return [*own, *(SHARED / f"{name}.py" for name in sorted(shared | below))]


CLOUDS = [
    Cloud(package=cloudgw_aws, documents="https://docs.aws.amazon.com/", codes=15),
    Cloud(
        package=cloudgw_azure,
        documents="https://learn.microsoft.com/azure/",
        codes=20,
        silent=frozenset({"allowedSourceRanges", "certificates in Key Vault"}),
    ),
    Cloud(
        package=cloudgw_gcp,
        documents="https://cloud.google.com/",
        codes=20,
        silent=frozenset(
            {
                "Content-Type of gRPC requests",
                "allowedSourceRanges",
                "encoded paths",
                "paths with /../",
                "repeated and encoded headers and parameters",
            }
        ),
    ),
]
every_cloud = pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.package.__name__)


def imported(path: pathlib.Path, package: str) -> set[str]:
    """Names of the modules of a package that a file imports."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in nodes if node.module == package for alias in node.names}


def raised(cloud: Cloud) -> set[str]:
    """Codes of notes in what builds: the arguments of `note`, `say` and `refused`, `code=`, and what is returned."""
    lines = [line for path in cloud.builds for line in path.read_text().splitlines() if SAYS.search(line)]
    return {code for line in lines for code in LITERAL.findall(line)}


@every_cloud
def test_every_code_has_a_row(cloud: Cloud) -> None:
    codes = {row.code for row in cloud.provider.capabilities} - {""}
    assert raised(cloud) == codes
    assert len(codes) > cloud.codes


@every_cloud
def test_every_row_has_a_document_and_a_reason(cloud: Cloud) -> None:
    for row in cloud.provider.capabilities:
        assert row.source.startswith(cloud.documents), row
        assert row.reason or row.support == "yes", row


@every_cloud
def test_every_row_has_a_test_that_exists(cloud: Cloud) -> None:
    for row in cloud.provider.capabilities:
        path, _, name = row.test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(), row.test


@every_cloud
def test_every_feature_has_one_row(cloud: Cloud) -> None:
    rows = [row.feature for row in cloud.provider.capabilities]
    assert len(rows) == len(set(rows))
    assert len(FEATURES) == 48
    assert set(FEATURES) <= set(rows)


@every_cloud
def test_what_is_not_honoured_is_said_by_a_code(cloud: Cloud) -> None:
    """But for what no object of a routing asks of a load balancer: there `build` has nothing to speak of."""
    silent = {row.feature for row in cloud.provider.capabilities if row.support != "yes" and not row.code}
    assert silent == SILENT | cloud.silent
