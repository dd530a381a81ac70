"""One row for every feature of the Gateway API that concerns a Gateway, as an Application Load Balancer has it today.

`capabilities` puts them before its own rows. The names are those of
https://github.com/kubernetes-sigs/gateway-api/tree/v1.6.1/pkg/features. "later": the cloud could, we do not yet. It
must never leave a feature out: who is not told asks for it.
"""

from __future__ import annotations

from cloudgw.provider import Capability, row

DOCS = "https://docs.aws.amazon.com/elasticloadbalancing/latest"
ACTIONS = f"{DOCS}/application/rule-action-types.html"
ATTRIBUTES = f"{DOCS}/application/edit-load-balancer-attributes.html"
BALANCERS = f"{DOCS}/application/application-load-balancers.html"
CERTIFICATES = f"{DOCS}/application/https-listener-certificates.html"
CONDITIONS = f"{DOCS}/application/rule-condition-types.html"
GROUPS = f"{DOCS}/application/load-balancer-target-groups.html"
HEADERS = f"{DOCS}/application/header-modification.html"
LISTENERS = f"{DOCS}/application/load-balancer-listeners.html"
MUTUAL = f"{DOCS}/application/mutual-authentication.html"
NETWORK = f"{DOCS}/network/introduction.html"
REDIRECT = f"{DOCS}/APIReference/API_RedirectActionConfig.html"
TRANSFORMS = f"{DOCS}/application/rule-transforms.html"

TESTS = "tests/unit/aws"
BUILD = f"{TESTS}/test_build.py"
EQUAL = f"{TESTS}/test_equivalence_whole.py::test_whole_worlds_answer_as_the_gateway_api_says"
LISTENER = f"{TESTS}/test_build_listeners.py"
MATCH = f"{TESTS}/test_match.py"
MODEL = f"{TESTS}/test_capabilities.py"
REFUSED = f"{TESTS}/test_build_unsupported.py"


def _filter(feature: str, reason: str, source: str = TRANSFORMS) -> Capability:
    """A filter that answers 500 on its rule's matches, or for its backend's share."""
    return row(feature, "no", source, f"{REFUSED}::test_filters_answer_500", reason, "UnsupportedFilter")


def _left_out(feature: str, reason: str) -> Capability:
    """A field without which requests are forwarded."""
    return row(feature, "no", ATTRIBUTES, f"{REFUSED}::test_what_is_left_out_is_said", reason, "NotHonoured")


def _stream(feature: str, reason: str) -> Capability:
    """What needs a Network Load Balancer."""
    return row(feature, "later", NETWORK, f"{LISTENER}::test_streams_are_not_built", reason, "UnsupportedProtocol")


_NO_STATUS = "redirects have 301 and 302"
_NO_RETRY = "no request is repeated; it is forwarded without the field"
_NO_TIMEOUT = "one idle timeout for the whole load balancer; requests are forwarded without the field"
_NO_MIRROR = "a rule forwards a request once"
_NO_TRUST = "trust stores are not made yet: nothing listens on the port"
_ONE_NETWORK = "needs a Network Load Balancer, which is not made yet"

FEATURES: tuple[Capability, ...] = (
    row("Gateway", "yes", BALANCERS, f"{BUILD}::test_one_route_is_a_load_balancer"),
    row("ReferenceGrant", "yes", ACTIONS, f"{BUILD}::test_a_revoked_grant_is_withdrawn"),
    row(
        "HTTPRoute",
        "partial",
        CONDITIONS,
        EQUAL,
        "everything of the core but the filter RequestHeaderModifier, an exact path or header beyond 128 characters, "
        "and what the rows below say",
    ),
    row(
        "GRPCRoute",
        "later",
        GROUPS,
        f"{REFUSED}::test_grpc_answers_500",
        "target groups that speak gRPC are not made yet: its requests answer 500",
        "UnsupportedKind",
    ),
    _stream("TLSRoute", _ONE_NETWORK),
    _stream("TCPRoute", _ONE_NETWORK),
    _stream("UDPRoute", _ONE_NETWORK),
    row("GatewayPort8080", "yes", LISTENERS, EQUAL),
    row(
        "GatewayStaticAddresses",
        "no",
        BALANCERS,
        f"{MODEL}::test_addresses_belong_to_network_load_balancers",
        "a load balancer of this type has a host name, its addresses change",
    ),
    row(
        "GatewayAddressEmpty",
        "no",
        BALANCERS,
        f"{MODEL}::test_addresses_belong_to_network_load_balancers",
        "there is no address to assign, only a host name",
    ),
    row("GatewayHTTPListenerIsolation", "yes", CONDITIONS, EQUAL),
    row(
        "GatewayHTTPSListenerDetectMisdirectedRequests",
        "no",
        CONDITIONS,
        f"{MODEL}::test_no_condition_sees_the_server_name",
        "no condition sees the server name of the handshake",
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
        "no",
        GROUPS,
        f"{MODEL}::test_targets_see_no_certificate",
        "no certificate is shown to targets",
    ),
    row(
        "GatewayFrontendClientCertificateValidation",
        "later",
        MUTUAL,
        f"{LISTENER}::test_client_certificates_close_the_port",
        _NO_TRUST,
        "ClientCertificates",
    ),
    row(
        "GatewayFrontendClientCertificateValidationInsecureFallback",
        "later",
        MUTUAL,
        f"{LISTENER}::test_client_certificates_close_the_port",
        _NO_TRUST,
        "ClientCertificates",
    ),
    row("ListenerSet", "yes", LISTENERS, f"{LISTENER}::test_listeners_of_a_set_are_ordinary_ones"),
    row("HTTPRouteDestinationPortMatching", "yes", LISTENERS, EQUAL),
    row("HTTPRouteParentRefPort", "yes", LISTENERS, EQUAL),
    row("HTTPRouteMethodMatching", "yes", CONDITIONS, f"{MATCH}::test_method"),
    row(
        "HTTPRouteQueryParamMatching",
        "no",
        CONDITIONS,
        f"{MATCH}::test_query_is_refused",
        "names and values of query parameters are compared without regard to case, and not by expressions",
        "MatchNotExpressible",
    ),
    _filter("HTTPRouteResponseHeaderModification", "headers of responses are set for a whole listener only", HEADERS),
    _filter("HTTPRouteBackendRequestHeaderModification", "no rule changes headers"),
    row("HTTPRoutePortRedirect", "yes", REDIRECT, EQUAL),
    row(
        "HTTPRouteSchemeRedirect",
        "partial",
        REDIRECT,
        f"{BUILD}::test_redirects_that_are_refused",
        "HTTP to HTTPS; a redirect from HTTPS to HTTP is refused",
        "RedirectToHTTP",
    ),
    row(
        "HTTPRoutePathRedirect",
        "partial",
        REDIRECT,
        f"{BUILD}::test_redirects_that_are_refused",
        "ReplaceFullPath, and ReplacePrefixMatch of /; other prefixes cannot be cut off in a redirect",
        "RedirectNotExpressible",
    ),
    *(
        row(
            f"HTTPRoute{status}RedirectStatusCode",
            "no",
            REDIRECT,
            f"{BUILD}::test_redirects_that_are_refused",
            _NO_STATUS,
            "RedirectStatus",
        )
        for status in (303, 307, 308)
    ),
    row("HTTPRouteHostRewrite", "yes", TRANSFORMS, EQUAL),
    row(
        "HTTPRoutePathRewrite",
        "partial",
        TRANSFORMS,
        f"{BUILD}::test_rewrites_that_are_refused",
        "replacements without $, backslash and ?: how they are escaped is not documented",
        "RewriteNotExpressible",
    ),
    _filter("HTTPRouteRequestMirror", _NO_MIRROR, ACTIONS),
    _filter("HTTPRouteRequestMultipleMirrors", _NO_MIRROR, ACTIONS),
    _filter("HTTPRouteRequestPercentageMirror", _NO_MIRROR, ACTIONS),
    _left_out("HTTPRouteRequestTimeout", _NO_TIMEOUT),
    _left_out("HTTPRouteBackendTimeout", _NO_TIMEOUT),
    row(
        "HTTPRouteBackendProtocolH2C",
        "partial",
        GROUPS,
        f"{BUILD}::test_h2c_behind_http_is_refused",
        "behind HTTPS listeners only",
        "BackendProtocol",
    ),
    row("HTTPRouteBackendProtocolWebSocket", "yes", GROUPS, f"{BUILD}::test_websockets"),
    row("HTTPRouteNamedRouteRule", "yes", CONDITIONS, EQUAL),
    _filter("HTTPRouteCORS", "headers are set for a whole listener only, and no rule answers preflights", HEADERS),
    _left_out("HTTPRouteRetry", _NO_RETRY),
    _left_out("HTTPRouteRetryBackendTimeout", _NO_RETRY),
    _left_out("HTTPRouteRetryConnectionError", _NO_RETRY),
    *(
        row(
            feature,
            "no",
            GROUPS,
            f"{REFUSED}::test_a_backend_with_a_tls_policy_gets_nothing",
            "certificates of targets are not validated: the share of such a backend answers an error",
            "BackendTLS",
        )
        for feature in ("BackendTLSPolicy", "BackendTLSPolicySANValidation")
    ),
    _stream("TLSRouteModeTerminate", _ONE_NETWORK),
    _stream("TLSRouteModeMixed", "a Network Load Balancer does not choose by server name"),
    row(
        "GRPCRouteNamedRouteRule",
        "later",
        GROUPS,
        f"{REFUSED}::test_grpc_answers_500",
        "as GRPCRoute",
        "UnsupportedKind",
    ),
)
