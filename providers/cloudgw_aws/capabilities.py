"""What an Application Load Balancer can do of the Gateway API, row by row, with the vendor's document and a test.

`supportedFeatures`, lint and the documentation read it. A Note that `build*` raises names the code of a row here; a
test compares both. It must never claim more than its test shows.
"""

from __future__ import annotations

from cloudgw.provider import Capability

_DOCS = "https://docs.aws.amazon.com/elasticloadbalancing/latest"
_CONDITIONS = f"{_DOCS}/application/rule-condition-types.html"
_ACTIONS = f"{_DOCS}/application/rule-action-types.html"
_REDIRECT = f"{_DOCS}/APIReference/API_RedirectActionConfig.html"
_TRANSFORMS = f"{_DOCS}/application/rule-transforms.html"
_LIMITS = f"{_DOCS}/application/load-balancer-limits.html"
_GROUPS = f"{_DOCS}/application/load-balancer-target-groups.html"
_CERTIFICATES = f"{_DOCS}/application/https-listener-certificates.html"
_BALANCERS = f"{_DOCS}/application/application-load-balancers.html"
_BUILD = "tests/unit/aws/test_build.py"
_MATCH = "tests/unit/aws/test_match.py"
_EQUAL = "tests/unit/aws/test_equivalence.py"
_CERT = "tests/unit/aws/test_build_certificates.py"
_FACTS = "tests/unit/aws/test_facts.py"

CAPABILITIES: tuple[Capability, ...] = (
    Capability(
        feature="Gateway", support="yes", source=_BALANCERS, test=f"{_BUILD}::test_one_route_is_a_load_balancer"
    ),
    Capability(feature="HTTPRoute", support="yes", source=_CONDITIONS, test=f"{_EQUAL}::test_answers_agree"),
    Capability(
        feature="ReferenceGrant", support="yes", source=_ACTIONS, test=f"{_BUILD}::test_a_revoked_grant_is_withdrawn"
    ),
    Capability(
        feature="HTTPRouteMethodMatching",
        support="yes",
        source=_CONDITIONS,
        test=f"{_MATCH}::test_method",
    ),
    Capability(
        feature="HTTPRouteQueryParamMatching",
        support="no",
        reason="names and values of query parameters are compared without regard to case, and not by expressions",
        source=_CONDITIONS,
        test=f"{_MATCH}::test_query_is_refused",
        code="MatchNotExpressible",
    ),
    Capability(
        feature="HTTPRoute.spec.rules.matches.headers",
        support="partial",
        reason="not Host; a name of at most 40 characters, a value of at most 128; a repeated header matches when any "
        "one of its values does",
        source=_CONDITIONS,
        test=f"{_MATCH}::test_headers_that_are_refused",
        code="MatchNotExpressible",
    ),
    Capability(
        feature="HTTPRoute.spec.rules.matches.path.RegularExpression",
        support="partial",
        reason="at most 128 characters with the anchors; RE2 without look-around and back-references",
        source=_CONDITIONS,
        test=f"{_MATCH}::test_path_expressions",
        code="MatchNotExpressible",
    ),
    Capability(
        feature="HTTPRoute.spec.rules.matches",
        support="partial",
        reason="five values in all conditions of a rule: host 1, path 1, method 1, each header 1",
        source=_CONDITIONS,
        test=f"{_MATCH}::test_five_values",
        code="MatchNotExpressible",
    ),
    Capability(
        feature="HTTPRoute.spec.hostnames",
        support="partial",
        reason="at most 128 characters as an expression; on ports 80 and 443 a Host header with a port matches no name",
        source=_CONDITIONS,
        test=f"{_MATCH}::test_hosts",
        code="MatchNotExpressible",
    ),
    Capability(
        feature="match with the same heir",
        support="yes",
        reason="a match that cannot be expressed is left out where whoever inherits its requests answers the same",
        source=_CONDITIONS,
        test=f"{_BUILD}::test_a_match_whose_heir_answers_the_same_is_dropped",
        code="MatchDropped",
    ),
    Capability(
        feature="match with an unknown heir",
        support="partial",
        reason="where the answers to compare are not known, what stands of the route stays and nothing is made of it",
        source=_CONDITIONS,
        test=f"{_BUILD}::test_not_knowing_refuses_no_route",
        code="MatchUndecided",
    ),
    Capability(
        feature="HTTPRoute.spec.rules.backendRefs",
        support="partial",
        reason="at most five different backends in a rule",
        source=_LIMITS,
        test=f"{_BUILD}::test_six_backends_answer_500",
        code="TooManyBackends",
    ),
    Capability(
        feature="HTTPRoute.spec.rules.backendRefs.weight",
        support="partial",
        reason="0 to 999: larger weights are scaled, and rounded where their proportion needs it",
        source=f"{_DOCS}/APIReference/API_TargetGroupTuple.html",
        test=f"{_BUILD}::test_weights_are_scaled",
        code="WeightsRounded",
    ),
    Capability(
        feature="share of an invalid backendRef",
        support="partial",
        reason="answered with 503 instead of 500 when other shares of the rule work",
        source=_ACTIONS,
        test=f"{_BUILD}::test_an_invalid_share_goes_to_the_empty_group",
        code="PartlyInvalidWeights",
    ),
    Capability(
        feature="HTTPRouteBackendProtocolH2C",
        support="partial",
        reason="behind HTTPS listeners only",
        source=_GROUPS,
        test=f"{_BUILD}::test_h2c_behind_http_is_refused",
        code="BackendProtocol",
    ),
    Capability(
        feature="HTTPRouteBackendProtocolWebSocket", support="yes", source=_GROUPS, test=f"{_BUILD}::test_websockets"
    ),
    Capability(
        feature="BackendTLSPolicy",
        support="no",
        reason="certificates of targets are not validated",
        source=_GROUPS,
        test=f"{_BUILD}::test_https_backends_are_refused",
        code="BackendProtocol",
    ),
    Capability(
        feature="HTTPRouteSchemeRedirect",
        support="partial",
        reason="HTTP to HTTPS; a redirect from HTTPS to HTTP is refused",
        source=_REDIRECT,
        test=f"{_BUILD}::test_redirects_that_are_refused",
        code="RedirectToHTTP",
    ),
    Capability(
        feature="HTTPRoutePortRedirect", support="yes", source=_REDIRECT, test=f"{_EQUAL}::test_answers_agree"
    ),
    Capability(
        feature="HTTPRoutePathRedirect",
        support="partial",
        reason="ReplaceFullPath, and ReplacePrefixMatch of /; other prefixes cannot be cut off in a redirect",
        source=_REDIRECT,
        test=f"{_BUILD}::test_redirects_that_are_refused",
        code="RedirectNotExpressible",
    ),
    Capability(
        feature="RequestRedirect.statusCode",
        support="partial",
        reason="301 and 302",
        source=_REDIRECT,
        test=f"{_BUILD}::test_redirects_that_are_refused",
        code="RedirectStatus",
    ),
    Capability(
        feature="RequestRedirect to the same place",
        support="no",
        reason="a redirect has to change protocol, host, port or path",
        source=_REDIRECT,
        test=f"{_BUILD}::test_redirects_that_are_refused",
        code="RedirectLoop",
    ),
    Capability(
        feature="HTTPRouteHostRewrite", support="yes", source=_TRANSFORMS, test=f"{_EQUAL}::test_answers_agree"
    ),
    Capability(
        feature="HTTPRoutePathRewrite",
        support="partial",
        reason="replacements without $, backslash and ?: how they are escaped is not documented",
        source=_TRANSFORMS,
        test=f"{_BUILD}::test_rewrites_that_are_refused",
        code="RewriteNotExpressible",
    ),
    Capability(
        feature="rules of a Gateway",
        support="partial",
        reason="100 by default, 5 of them kept free; the account's own limit is read",
        source=_LIMITS,
        test=f"{_BUILD}::test_routes_beyond_the_quota_of_rules",
        code="RuleQuota",
    ),
    Capability(
        feature="backends of a Gateway",
        support="partial",
        reason="100 target groups",
        source=_LIMITS,
        test=f"{_BUILD}::test_routes_beyond_the_quota_of_target_groups",
        code="TargetGroupQuota",
    ),
    Capability(
        feature="certificates of a Gateway",
        support="partial",
        reason="25 beside the defaults",
        source=_LIMITS,
        test=f"{_CERT}::test_quota",
        code="CertificateQuota",
    ),
    Capability(
        feature="Gateway.spec.listeners.tls.certificateRefs",
        support="yes",
        reason="imported into ACM; several on a port are chosen by SNI; nothing listens without one",
        source=_CERTIFICATES,
        test=f"{_CERT}::test_no_certificate_no_listener",
        code="NoCertificate",
    ),
    Capability(
        feature="pods outside the VPC's IPv4 ranges",
        support="no",
        reason="targets are registered by VPC address",
        source=_GROUPS,
        test=f"{_BUILD}::test_pods_outside_the_vpc",
        code="TargetOutsideVPC",
    ),
    Capability(
        feature="opening the pods' security groups",
        support="yes",
        reason="for the groups that backendSecurityGroups names; else nothing is opened",
        source=f"{_DOCS}/application/load-balancer-update-security-groups.html",
        test=f"{_BUILD}::test_the_way_to_the_pods",
        code="BackendAccessUnmanaged",
    ),
    Capability(
        feature="allowedSourceRanges",
        support="yes",
        reason="an Internal load balancer without them is opened to its VPC's own ranges, once they are known",
        source=f"{_DOCS}/application/load-balancer-update-security-groups.html",
        test=f"{_BUILD}::test_unknown_ranges_open_nothing",
        code="SourceRangesUnknown",
    ),
    Capability(
        feature="subnets",
        support="yes",
        reason="named, or found by role tag; two Availability Zones are needed",
        source=_BALANCERS,
        test=f"{_FACTS}::test_too_few_zones",
        code="SubnetsNotFound",
    ),
    Capability(
        feature="subnets that move",
        support="yes",
        reason="the subnets of a standing load balancer stay while they are valid",
        source=_BALANCERS,
        test=f"{_FACTS}::test_standing_subnets_stay",
        code="FactsMoved",
    ),
    Capability(
        feature="HTTPRouteRequestHeaderModification",
        support="no",
        reason="no rule changes headers",
        source=_TRANSFORMS,
        test=f"{_MATCH}::test_documented_transforms_are_all_there_is",
    ),
    Capability(
        feature="HTTPRouteResponseHeaderModification",
        support="no",
        reason="attributes of a whole listener only",
        source=f"{_DOCS}/application/header-modification.html",
        test=f"{_MATCH}::test_documented_transforms_are_all_there_is",
    ),
    Capability(
        feature="HTTPRouteRequestMirror",
        support="no",
        reason="an action forwards to one place",
        source=_ACTIONS,
        test=f"{_MATCH}::test_documented_transforms_are_all_there_is",
    ),
    Capability(
        feature="HTTPRouteRequestTimeout",
        support="no",
        reason="one idle timeout for the whole load balancer",
        source=f"{_DOCS}/application/edit-load-balancer-attributes.html",
        test=f"{_MATCH}::test_documented_transforms_are_all_there_is",
    ),
)
