"""What an Application Load Balancer can do of the Gateway API, row by row, with the vendor's document and a test.

`supportedFeatures`, lint and the documentation read it. First one row for every feature of the Gateway API
(`capabilities_features`), then what is narrower than a feature, and what AWS itself adds. A Note that `build*` raises
names the code of a row; a test compares both. It must never claim more than its test shows.
"""

from __future__ import annotations

from cloudgw.provider import Capability, row
from cloudgw_aws.capabilities_features import (
    ACTIONS,
    BALANCERS,
    BUILD,
    CERTIFICATES,
    CONDITIONS,
    DOCS,
    FEATURES,
    GROUPS,
    HEADERS,
    MATCH,
    REDIRECT,
    REFUSED,
    TESTS,
    TRANSFORMS,
)

_LIMITS = f"{DOCS}/application/load-balancer-limits.html"
_STICKY = f"{DOCS}/application/edit-target-group-attributes.html"
_CERT = f"{TESTS}/test_build_certificates.py"
_POLICY = "tests/unit/test_backend_policy_builds.py"
_FACTS = f"{TESTS}/test_facts.py"

CAPABILITIES: tuple[Capability, ...] = (
    *FEATURES,
    row(
        "HTTPRoute.spec.rules.filters.RequestHeaderModifier",
        "no",
        TRANSFORMS,
        f"{REFUSED}::test_filters_answer_500",
        "no rule changes headers",
        "UnsupportedFilter",
    ),
    row(
        "HTTPRoute.spec.rules.filters.RequestRedirect with ResponseHeaderModifier",
        "no",
        HEADERS,
        f"{REFUSED}::test_filters_answer_500",
        "headers of responses are set for a whole listener only",
        "UnsupportedFilter",
    ),
    row(
        "HTTPRoute.spec.rules.backendRefs.filters",
        "no",
        ACTIONS,
        f"{REFUSED}::test_filters_of_one_backend",
        "nothing is done for one backend of a rule alone: its share answers an error",
        "UnsupportedFilter",
    ),
    row(
        "HTTPRoute.spec.rules.sessionPersistence",
        "later",
        _STICKY,
        f"{REFUSED}::test_what_is_left_out_is_said",
        "requests are forwarded without it",
        "NotHonoured",
    ),
    row(
        "BackendPolicy.spec.healthCheck and drainSeconds",
        "partial",
        f"{DOCS}/APIReference/API_ModifyTargetGroup.html",
        f"{_POLICY}::test_aws_takes_what_an_alb_can",
        "an interval of 5 seconds or more, a timeout of 2 to 120 and less than that, thresholds of 2 to 10, codes from "
        "200 to 499; another value has no effect; without a policy AWS drains for 300 seconds",
        "PolicyNotHonoured",
    ),
    row(
        "BackendPolicy.spec.affinity",
        "later",
        _STICKY,
        f"{_POLICY}::test_aws_has_no_affinity_yet",
        "target groups are not made sticky yet: pods are chosen anew for each request",
        "PolicyNotHonoured",
    ),
    row(
        "Service appProtocol https and kubernetes.io/wss",
        "no",
        GROUPS,
        f"{BUILD}::test_https_backends_are_refused",
        "certificates of targets are not validated",
        "BackendProtocol",
    ),
    row(
        "hostname of a listener beyond 128 characters",
        "partial",
        CONDITIONS,
        f"{BUILD}::test_a_barrier_for_a_long_host_is_wider",
        "where no route matches, every host with the same end answers 404",
        "HostnameTooLong",
    ),
    row(
        "HTTPRoute.spec.rules.matches.headers",
        "partial",
        CONDITIONS,
        f"{MATCH}::test_headers_that_are_refused",
        "not Host; a name of at most 40 characters, a value of at most 128; a repeated header matches when any one of "
        "its values does",
        "MatchNotExpressible",
    ),
    row(
        "HTTPRoute.spec.rules.matches.path.RegularExpression",
        "partial",
        CONDITIONS,
        f"{MATCH}::test_path_expressions",
        "at most 128 characters with the anchors; RE2 without look-around and back-references",
        "MatchNotExpressible",
    ),
    row(
        "HTTPRoute.spec.rules.matches",
        "partial",
        CONDITIONS,
        f"{MATCH}::test_five_values",
        "five values in all conditions of a rule: host 1, path 1, method 1, each header 1",
        "MatchNotExpressible",
    ),
    row(
        "HTTPRoute.spec.hostnames",
        "partial",
        CONDITIONS,
        f"{MATCH}::test_hosts",
        "at most 128 characters as an expression; on ports 80 and 443 a Host header with a port matches "
        "no name, and is answered by rules without a host, if there are any",
        "MatchNotExpressible",
    ),
    row(
        "match with the same heir",
        "yes",
        CONDITIONS,
        f"{BUILD}::test_a_match_whose_heir_answers_the_same_is_dropped",
        "a match that cannot be expressed is left out where whoever inherits its requests answers the same; a later "
        "route that takes them may have the whole route refused",
        "MatchDropped",
    ),
    row(
        "match with an unknown heir",
        "partial",
        CONDITIONS,
        f"{BUILD}::test_not_knowing_refuses_no_route",
        "where the answers to compare are not known, what stands of the route stays and nothing is made of it",
        "MatchUndecided",
    ),
    row(
        "HTTPRoute.spec.rules.backendRefs",
        "partial",
        _LIMITS,
        f"{BUILD}::test_six_backends_answer_500",
        "at most five different backends in a rule",
        "TooManyBackends",
    ),
    row(
        "HTTPRoute.spec.rules.backendRefs.weight",
        "partial",
        f"{DOCS}/APIReference/API_TargetGroupTuple.html",
        f"{BUILD}::test_weights_are_scaled",
        "0 to 999: larger weights are scaled, and rounded where their proportion needs it",
        "WeightsRounded",
    ),
    row(
        "share of an invalid backendRef",
        "partial",
        ACTIONS,
        f"{BUILD}::test_an_invalid_share_goes_to_the_empty_group",
        "answered with 503 instead of 500 when other shares of the rule work",
        "PartlyInvalidWeights",
    ),
    row(
        "RequestRedirect to the same place",
        "no",
        REDIRECT,
        f"{BUILD}::test_redirects_that_are_refused",
        "a redirect has to change protocol, host, port or path",
        "RedirectLoop",
    ),
    row(
        "rules of a Gateway",
        "partial",
        _LIMITS,
        f"{BUILD}::test_routes_beyond_the_quota_of_rules",
        "100 by default, 5 of them kept free; the account's own limit is read",
        "RuleQuota",
    ),
    row(
        "backends of a Gateway",
        "partial",
        _LIMITS,
        f"{BUILD}::test_routes_beyond_the_quota_of_target_groups",
        "100 target groups",
        "TargetGroupQuota",
    ),
    row(
        "certificates of a Gateway",
        "partial",
        _LIMITS,
        f"{_CERT}::test_quota",
        "25 beside the defaults",
        "CertificateQuota",
    ),
    row(
        "Gateway.spec.listeners.tls.certificateRefs",
        "yes",
        CERTIFICATES,
        f"{_CERT}::test_no_certificate_no_listener",
        "imported into ACM; several on a port are chosen by SNI; nothing listens without one, and of several listeners "
        "on a port one without a certificate gets nothing new: what stands for its hosts stays, else they answer 404",
        "NoCertificate",
    ),
    row(
        "pods outside the VPC's IPv4 ranges",
        "no",
        GROUPS,
        f"{BUILD}::test_pods_outside_the_vpc",
        "targets are registered by VPC address",
        "TargetOutside",
    ),
    row(
        "opening the pods' security groups",
        "yes",
        f"{DOCS}/application/load-balancer-update-security-groups.html",
        f"{BUILD}::test_the_way_to_the_pods",
        "for the groups that backendSecurityGroups names; else nothing is opened",
        "BackendAccessUnmanaged",
    ),
    row(
        "allowedSourceRanges",
        "yes",
        f"{DOCS}/application/load-balancer-update-security-groups.html",
        f"{BUILD}::test_unknown_ranges_open_nothing",
        "an Internal load balancer without them is opened to its VPC's own ranges, once they are known",
        "SourceRangesUnknown",
    ),
    row(
        "subnets",
        "yes",
        BALANCERS,
        f"{_FACTS}::test_too_few_zones",
        "named, or found by role tag; two Availability Zones are needed",
        "SubnetsNotFound",
    ),
    row(
        "subnets that move",
        "yes",
        BALANCERS,
        f"{_FACTS}::test_standing_subnets_stay",
        "the subnets of a standing load balancer stay while they are valid",
        "FactsMoved",
    ),
)
