"""One row for every feature of the Gateway API that concerns a Gateway, as an Application Gateway v2 has it today.

`capabilities` puts them before its own rows. The names are those of
https://github.com/kubernetes-sigs/gateway-api/tree/v1.6.1/pkg/features. "later": the cloud could, we do not yet. It
must never leave a feature out: who is not told asks for it.
"""

from __future__ import annotations

from cloudgw.provider import Capability, Support, row

DOCS = "https://learn.microsoft.com/azure/application-gateway"
COMPONENTS = f"{DOCS}/application-gateway-components"
FAQ = f"{DOCS}/application-gateway-faq"
FRONTEND = f"{DOCS}/configuration-frontend-ip"
LAYER4 = f"{DOCS}/tcp-tls-proxy-overview"
MUTUAL = f"{DOCS}/mutual-authentication-overview"
PATHS = f"{DOCS}/url-route-overview"
PROBES = f"{DOCS}/application-gateway-probe-overview"
REDIRECT = f"{DOCS}/redirect-overview"
REWRITE = f"{DOCS}/rewrite-http-headers-url"
RULES = f"{DOCS}/configuration-request-routing-rules"
SETTINGS = f"{DOCS}/configuration-http-settings"
SITES = f"{DOCS}/multiple-site-overview"
STATUSES = f"{DOCS}/http-response-codes"
TLS = f"{DOCS}/ssl-overview"

TESTS = "tests/unit/azure"
BUILD = f"{TESTS}/test_build.py"
ACTIONS = f"{TESTS}/test_build_actions.py"
BACKENDS = f"{TESTS}/test_build_backends.py"
EQUAL = f"{TESTS}/test_equivalence.py::test_whole_worlds_answer_as_the_gateway_api_says"
LISTENER = f"{TESTS}/test_build_listeners.py"
MODEL = f"{TESTS}/test_capabilities.py"
REFUSED = f"{TESTS}/test_build_rules.py"


def _match(feature: str, reason: str) -> Capability:
    """A match that a path map does not have."""
    return row(feature, "no", PATHS, f"{REFUSED}::test_matches_that_are_refused", reason, "MatchNotExpressible")


def _filter(feature: str, reason: str, source: str = RULES) -> Capability:
    """A filter for which its rule answers 502."""
    return row(feature, "no", source, f"{ACTIONS}::test_filters_answer_502", reason, "UnsupportedFilter")


def _left_out(feature: str, reason: str) -> Capability:
    """A field without which requests are forwarded."""
    return row(feature, "no", FAQ, f"{ACTIONS}::test_what_is_left_out_is_said", reason, "NotHonoured")


def _timeout(feature: str) -> Capability:
    return row(
        feature,
        "partial",
        SETTINGS,
        f"{ACTIONS}::test_timeouts",
        "whole seconds from 1 to 86400, for the backend's answer; of two limits the shorter counts; others answer 502",
        "TimeoutNotExpressible",
    )


def _stream(feature: str, support: Support, reason: str) -> Capability:
    return row(feature, support, LAYER4, f"{LISTENER}::test_streams_are_not_built", reason, "UnsupportedProtocol")


def _grpc(feature: str) -> Capability:
    return row(
        feature,
        "no",
        FAQ,
        f"{REFUSED}::test_grpc_routes_are_refused",
        "HTTP/1.1 is spoken to backends, and gRPC requests are not told apart: the whole route is refused",
        "MatchNotExpressible",
    )


def _client(feature: str) -> Capability:
    return row(
        feature,
        "later",
        MUTUAL,
        f"{LISTENER}::test_client_certificates_close_the_port",
        "SSL profiles are not made yet: nothing listens on the port",
        "ClientCertificates",
    )


_NO_MIRROR = "a request is sent once"
_NO_RETRY = "how often a request is repeated cannot be set; it is forwarded without the field"
_LATER4 = "listeners of layer 4 are not made yet"

FEATURES: tuple[Capability, ...] = (
    row("Gateway", "yes", COMPONENTS, f"{BUILD}::test_one_route_is_a_document"),
    row("ReferenceGrant", "yes", RULES, f"{BUILD}::test_a_revoked_grant_is_withdrawn"),
    row(
        "HTTPRoute",
        "partial",
        RULES,
        EQUAL,
        "no matches of headers, one backend for a rule, paths without regard to case, 502 in place of 500, and what "
        "the rows below say",
    ),
    _grpc("GRPCRoute"),
    _stream("TLSRoute", "later", f"{_LATER4}; TLS that is passed on cannot be told apart by server name"),
    _stream("TCPRoute", "later", _LATER4),
    _stream("UDPRoute", "no", "an Application Gateway carries no UDP"),
    row("GatewayPort8080", "yes", COMPONENTS, EQUAL),
    row(
        "GatewayStaticAddresses",
        "later",
        FRONTEND,
        f"{MODEL}::test_a_frontend_may_have_a_named_address",
        "the address is chosen, and stays; a wanted one is not taken yet",
    ),
    row(
        "GatewayAddressEmpty",
        "later",
        FRONTEND,
        f"{MODEL}::test_a_frontend_may_have_a_named_address",
        "the address is chosen; spec.addresses is not read yet",
    ),
    row("GatewayHTTPListenerIsolation", "yes", SITES, EQUAL),
    row(
        "GatewayHTTPSListenerDetectMisdirectedRequests",
        "no",
        TLS,
        f"{MODEL}::test_no_listener_compares_the_server_name",
        "the server name of the handshake is not compared with the host",
    ),
    row(
        "GatewayInfrastructurePropagation",
        "no",
        COMPONENTS,
        f"{MODEL}::test_nothing_is_made_in_kubernetes",
        "no Kubernetes object is made for a Gateway, so there is none to carry labels",
    ),
    row(
        "GatewayBackendClientCertificate",
        "no",
        SETTINGS,
        f"{MODEL}::test_backends_see_no_certificate",
        "no certificate is shown to backends",
    ),
    _client("GatewayFrontendClientCertificateValidation"),
    _client("GatewayFrontendClientCertificateValidationInsecureFallback"),
    row("ListenerSet", "yes", SITES, f"{LISTENER}::test_listeners_of_a_set_are_ordinary_ones"),
    row("HTTPRouteDestinationPortMatching", "yes", COMPONENTS, EQUAL),
    row("HTTPRouteParentRefPort", "yes", COMPONENTS, EQUAL),
    _match("HTTPRouteMethodMatching", "a path map looks at paths only"),
    _match("HTTPRouteQueryParamMatching", "a path map looks at paths only"),
    row(
        "HTTPRouteResponseHeaderModification",
        "partial",
        REWRITE,
        f"{ACTIONS}::test_headers_that_are_refused",
        "not Connection, Upgrade, names with other than letters, digits and hyphens, values with braces, nor one "
        "more Set-Cookie",
        "RewriteNotExpressible",
    ),
    _filter("HTTPRouteBackendRequestHeaderModification", "nothing is done for one backend of a rule", REWRITE),
    row("HTTPRoutePortRedirect", "yes", REDIRECT, EQUAL),
    row("HTTPRouteSchemeRedirect", "yes", REDIRECT, EQUAL),
    row(
        "HTTPRoutePathRedirect",
        "partial",
        REDIRECT,
        f"{ACTIONS}::test_redirects_that_are_refused",
        "ReplaceFullPath only: a redirect cannot cut a prefix off",
        "RedirectNotExpressible",
    ),
    row("HTTPRoute303RedirectStatusCode", "yes", REDIRECT, EQUAL),
    row("HTTPRoute307RedirectStatusCode", "yes", REDIRECT, EQUAL),
    row(
        "HTTPRoute308RedirectStatusCode",
        "no",
        REDIRECT,
        f"{ACTIONS}::test_redirects_that_are_refused",
        "redirects have 301, 302, 303 and 307",
        "RedirectStatus",
    ),
    row("HTTPRouteHostRewrite", "yes", SETTINGS, EQUAL),
    row(
        "HTTPRoutePathRewrite",
        "partial",
        REWRITE,
        f"{ACTIONS}::test_rewrites_that_are_refused",
        "replacements without braces, ? and #",
        "RewriteNotExpressible",
    ),
    _filter("HTTPRouteRequestMirror", _NO_MIRROR),
    _filter("HTTPRouteRequestMultipleMirrors", _NO_MIRROR),
    _filter("HTTPRouteRequestPercentageMirror", _NO_MIRROR),
    _timeout("HTTPRouteRequestTimeout"),
    _timeout("HTTPRouteBackendTimeout"),
    row(
        "HTTPRouteBackendProtocolH2C",
        "no",
        FAQ,
        f"{ACTIONS}::test_backends_that_are_refused",
        "HTTP/1.1 is spoken to backends",
        "BackendProtocol",
    ),
    row("HTTPRouteBackendProtocolWebSocket", "yes", FAQ, f"{BACKENDS}::test_websockets"),
    row("HTTPRouteNamedRouteRule", "yes", RULES, EQUAL),
    _filter("HTTPRouteCORS", "no rule answers preflights"),
    _left_out("HTTPRouteRetry", _NO_RETRY),
    _left_out("HTTPRouteRetryBackendTimeout", _NO_RETRY),
    _left_out("HTTPRouteRetryConnectionError", _NO_RETRY),
    row("BackendTLSPolicy", "yes", TLS, f"{BACKENDS}::test_tls_to_backends"),
    row(
        "BackendTLSPolicySANValidation",
        "no",
        TLS,
        f"{ACTIONS}::test_backends_that_are_refused",
        "one host name is compared: a backend with subjectAltNames answers 502",
        "BackendTLS",
    ),
    _stream("TLSRouteModeTerminate", "later", _LATER4),
    _stream("TLSRouteModeMixed", "no", "TLS that is passed on cannot be told apart by server name"),
    _grpc("GRPCRouteNamedRouteRule"),
)
