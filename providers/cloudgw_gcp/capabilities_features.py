"""One row for every feature of the Gateway API that concerns a Gateway, as a Google load balancer has it today.

`capabilities` puts them before its own rows. The names are those of
https://github.com/kubernetes-sigs/gateway-api/tree/v1.6.1/pkg/features. "later": the cloud could, we do not yet. It
must never leave a feature out: who is not told asks for it.
"""

from __future__ import annotations

from cloudgw.provider import Capability, Support, row

DOCS = "https://cloud.google.com/load-balancing/docs"
REST = "https://cloud.google.com/compute/docs/reference/rest/v1"
ABORTS = f"{DOCS}/https/traffic-management-global"
AFFINITY = f"{DOCS}/backend-service#session_affinity"
BALANCERS = f"{DOCS}/application-load-balancer"
CERTIFICATES = f"{DOCS}/ssl-certificates/self-managed-certs"
EXPRESSIONS = f"{DOCS}/re2-support"
HEADERS = f"{DOCS}/l7-internal/custom-headers"
MAPS = f"{DOCS}/url-map-concepts"
MUTUAL = f"{DOCS}/mtls"
PROTOCOLS = f"{DOCS}/backend-service#protocol_to_the_backends"
QUOTAS = f"{DOCS}/quotas"
RULES = f"{DOCS}/forwarding-rule-concepts"
STREAMS = f"{DOCS}/load-balancing-overview"
TIMEOUTS = f"{DOCS}/https/request-distribution"
URL_MAPS = f"{REST}/urlMaps"

TESTS = "tests/unit/gcp"
BUILD = f"{TESTS}/test_build.py"
ACTIONS = f"{TESTS}/test_build_actions.py"
BACKENDS = f"{TESTS}/test_build_backends.py"
EQUAL = f"{TESTS}/test_equivalence.py::test_whole_worlds_answer_as_the_gateway_api_says"
LISTENER = f"{TESTS}/test_build_listeners.py"
MATCH = f"{TESTS}/test_build_match.py"
MODEL = f"{TESTS}/test_capabilities.py"
REFUSED = f"{TESTS}/test_build_rules.py"
REWRITES = f"{TESTS}/test_build_rewrites.py"


def _filter(feature: str, support: Support, reason: str, source: str = URL_MAPS) -> Capability:
    """A filter for which its rule answers 500."""
    return row(feature, support, source, f"{ACTIONS}::test_filters_answer_500", reason, "UnsupportedFilter")


def _retry(feature: str) -> Capability:
    return row(
        feature,
        "later",
        URL_MAPS,
        f"{ACTIONS}::test_retries_are_left_out",
        "retry policies are not made yet: requests are forwarded without",
        "NotHonoured",
    )


def _timeout(feature: str) -> Capability:
    return row(
        feature,
        "partial",
        TIMEOUTS,
        f"{ACTIONS}::test_timeouts",
        "one limit for all tries of a request: of two the shorter counts; none at all is 24 hours",
        "NotHonoured",
    )


def _stream(feature: str) -> Capability:
    return row(
        feature,
        "later",
        STREAMS,
        f"{LISTENER}::test_streams_are_not_built",
        "needs a network load balancer, which is not made yet",
        "UnsupportedProtocol",
    )


def _grpc(feature: str) -> Capability:
    return row(
        feature,
        "later",
        PROTOCOLS,
        f"{ACTIONS}::test_grpc_answers_500",
        "backend services that speak gRPC are not made yet: its requests answer 500",
        "UnsupportedKind",
    )


def _client(feature: str) -> Capability:
    return row(
        feature,
        "later",
        MUTUAL,
        f"{LISTENER}::test_client_certificates_close_the_port",
        "trust configs are not made yet: nothing listens on the port",
        "ClientCertificates",
    )


def _tls(feature: str) -> Capability:
    return row(
        feature,
        "later",
        f"{DOCS}/backend-authenticated-tls-backend-mtls",
        f"{ACTIONS}::test_backends_that_are_refused",
        "TLS settings of backend services are not made yet: the share of such a backend answers 500",
        "BackendTLS",
    )


def _address(feature: str, reason: str) -> Capability:
    return row(feature, "later", RULES, f"{MODEL}::test_a_forwarding_rule_may_have_a_named_address", reason)


_MIRRORS = "requests are not copied yet: the rule answers 500"

FEATURES: tuple[Capability, ...] = (
    row("Gateway", "yes", BALANCERS, f"{BUILD}::test_one_route_is_a_load_balancer"),
    row("ReferenceGrant", "yes", MAPS, f"{BUILD}::test_a_revoked_grant_is_withdrawn"),
    row("HTTPRoute", "partial", MAPS, EQUAL, "everything of the core, and what the rows below say"),
    _grpc("GRPCRoute"),
    _stream("TLSRoute"),
    _stream("TCPRoute"),
    _stream("UDPRoute"),
    row("GatewayPort8080", "yes", RULES, EQUAL),
    _address("GatewayStaticAddresses", "the address is chosen, and stays; a wanted one is not taken yet"),
    _address("GatewayAddressEmpty", "the address is chosen; spec.addresses is not read yet"),
    row("GatewayHTTPListenerIsolation", "yes", MAPS, EQUAL),
    row(
        "GatewayHTTPSListenerDetectMisdirectedRequests",
        "no",
        MAPS,
        f"{MODEL}::test_no_match_sees_the_server_name",
        "the server name of the handshake is not compared with the host",
    ),
    row(
        "GatewayInfrastructurePropagation",
        "no",
        BALANCERS,
        f"{MODEL}::test_nothing_is_made_in_kubernetes",
        "no Kubernetes object is made for a Gateway, so there is none to carry labels",
    ),
    row(
        "GatewayBackendClientCertificate",
        "later",
        f"{DOCS}/backend-authenticated-tls-backend-mtls",
        f"{MODEL}::test_backends_may_see_a_certificate",
        "a backend authentication config could hold one, and is not made yet",
    ),
    _client("GatewayFrontendClientCertificateValidation"),
    _client("GatewayFrontendClientCertificateValidationInsecureFallback"),
    row("ListenerSet", "yes", MAPS, f"{LISTENER}::test_listeners_of_a_set_are_ordinary_ones"),
    row("HTTPRouteDestinationPortMatching", "yes", RULES, EQUAL),
    row("HTTPRouteParentRefPort", "yes", RULES, EQUAL),
    row("HTTPRouteMethodMatching", "yes", URL_MAPS, f"{MATCH}::test_headers_method_and_query"),
    row(
        "HTTPRouteQueryParamMatching",
        "partial",
        URL_MAPS,
        f"{MATCH}::test_matches_that_are_refused",
        "names and values of letters, digits and . _ ~ -, because whether a query is decoded is not documented; "
        "expressions of regional load balancers only, for the values as they are sent",
        "MatchNotExpressible",
    ),
    row(
        "HTTPRouteResponseHeaderModification",
        "partial",
        HEADERS,
        f"{ACTIONS}::test_headers_that_are_refused",
        "not hop-by-hop headers, X-Google, X-Goog-, X-GFE and X-Amz-, values with braces, nor several Set-Cookie",
        "RewriteNotExpressible",
    ),
    row(
        "HTTPRouteBackendRequestHeaderModification",
        "partial",
        URL_MAPS,
        f"{ACTIONS}::test_headers_of_one_backend_that_are_refused",
        "what is refused of a rule's headers is of a backend's too: its share answers 500",
        "RewriteNotExpressible",
    ),
    row(
        "HTTPRoutePortRedirect",
        "no",
        URL_MAPS,
        f"{REWRITES}::test_redirects_that_are_refused",
        "a redirect shows the port of the request or none; how another one is written is not documented",
        "RedirectNotExpressible",
    ),
    row(
        "HTTPRouteSchemeRedirect",
        "partial",
        URL_MAPS,
        f"{REWRITES}::test_redirects_that_are_refused",
        "HTTP to HTTPS; a redirect from HTTPS to HTTP is refused",
        "RedirectToHTTP",
    ),
    row("HTTPRoutePathRedirect", "yes", URL_MAPS, EQUAL),
    *(row(f"HTTPRoute{status}RedirectStatusCode", "yes", URL_MAPS, EQUAL) for status in (303, 307, 308)),
    row("HTTPRouteHostRewrite", "yes", URL_MAPS, EQUAL),
    row(
        "HTTPRoutePathRewrite",
        "partial",
        URL_MAPS,
        f"{REWRITES}::test_rewrites_that_are_refused",
        "replacements that begin with a slash, without braces, ? and #; ReplaceFullPath of a prefix with what a "
        "template takes: requests whose rest has other characters may answer 500; none behind a regular expression",
        "RewriteNotExpressible",
    ),
    _filter("HTTPRouteRequestMirror", "later", _MIRRORS),
    _filter("HTTPRouteRequestMultipleMirrors", "no", "a rule copies its requests to one backend service"),
    _filter("HTTPRouteRequestPercentageMirror", "later", _MIRRORS),
    _timeout("HTTPRouteRequestTimeout"),
    _timeout("HTTPRouteBackendTimeout"),
    row(
        "HTTPRouteBackendProtocolH2C",
        "later",
        PROTOCOLS,
        f"{ACTIONS}::test_backends_that_are_refused",
        "HTTP/1.1 is spoken to backends; the share of such a backend answers 500",
        "BackendProtocol",
    ),
    row(
        "HTTPRouteBackendProtocolWebSocket",
        "yes",
        TIMEOUTS,
        f"{BACKENDS}::test_websockets_last_a_day",
        "a connection lasts 24 hours, because a backend's timeout ends it, idle or not; so may ordinary requests to "
        "such a backend, and to others of its rule, where the rule has no timeout",
    ),
    row("HTTPRouteNamedRouteRule", "yes", MAPS, EQUAL),
    _filter("HTTPRouteCORS", "later", "preflights are not answered yet: the rule answers 500"),
    _retry("HTTPRouteRetry"),
    _retry("HTTPRouteRetryBackendTimeout"),
    _retry("HTTPRouteRetryConnectionError"),
    _tls("BackendTLSPolicy"),
    _tls("BackendTLSPolicySANValidation"),
    _stream("TLSRouteModeTerminate"),
    _stream("TLSRouteModeMixed"),
    _grpc("GRPCRouteNamedRouteRule"),
)
