"""What a Google application load balancer can do of the Gateway API, row by row, with the vendor's document and a test.

`supportedFeatures`, lint and the documentation read it. First one row for every feature of the Gateway API
(`capabilities_features`), then what is narrower than a feature, and what Google itself adds. A Note that `build*`
raises names the code of a row; a test compares both. It must never claim more than its test shows.
"""

from __future__ import annotations

from cloudgw.provider import Capability, row
from cloudgw_gcp.capabilities_features import (
    ABORTS,
    ACTIONS,
    AFFINITY,
    BACKENDS,
    BUILD,
    CERTIFICATES,
    DOCS,
    EQUAL,
    EXPRESSIONS,
    FEATURES,
    HEADERS,
    LISTENER,
    MAPS,
    MATCH,
    PROTOCOLS,
    QUOTAS,
    REFUSED,
    REWRITES,
    TESTS,
    URL_MAPS,
)

_CERT = f"{TESTS}/test_build_certificates.py"
_FACTS = f"{TESTS}/test_facts.py"
_POLICY = "tests/unit/test_backend_policy_builds.py"
_FIREWALL = f"{DOCS}/firewall-rules"
_GROUPS = f"{DOCS}/negs/zonal-neg-concepts"
_UNFOUND = f"{_FACTS}::test_what_cannot_be_found_is_unknown_and_says_what_to_do"
_SIZE = f"{TESTS}/test_build_size.py"

CAPABILITIES: tuple[Capability, ...] = (
    *FEATURES,
    row(
        "BackendPolicy.spec.healthCheck and drainSeconds",
        "partial",
        f"{DOCS}/health-check-concepts",
        f"{_POLICY}::test_google_takes_what_a_health_check_can",
        "statusCodes other than 200 have no effect, as that alone is a good answer; unhealthyThreshold is at most 10, "
        "timeoutSeconds at most intervalSeconds; without a policy requests have 30 seconds to end",
        "PolicyNotHonoured",
    ),
    row(
        "BackendPolicy.spec.affinity",
        "yes",
        AFFINITY,
        f"{_POLICY}::test_google_knows_cookies_and_addresses",
    ),
    row(
        "HTTPRoute.spec.rules.matches.headers",
        "partial",
        URL_MAPS,
        f"{MATCH}::test_matches_that_are_refused",
        "not Host, Port, Via, X-Forwarded-For, X-Forwarded-Proto and X-Cloud-Trace-Context, which Google takes for "
        "something else or adds to; names of 255, values of 1024 printable ASCII characters; expressions as for paths",
        "MatchNotExpressible",
    ),
    row(
        "HTTPRoute.spec.rules.matches.path.RegularExpression",
        "partial",
        EXPRESSIONS,
        f"{MATCH}::test_expressions_are_regional",
        "of regional load balancers only; 250 characters with the anchors, no repeated groups, no flags, no counts "
        "without a lower end, no classes by name; 5 for a hostname",
        "MatchNotExpressible",
    ),
    row(
        "HTTPRoute.spec.rules.matches.path",
        "partial",
        URL_MAPS,
        f"{MATCH}::test_matches_that_are_refused",
        "1024 visible ASCII characters without ? and #; letters, digits and . _ ~ - are not written encoded",
        "MatchNotExpressible",
    ),
    row(
        "encoded paths",
        "partial",
        MAPS,
        f"{MATCH}::test_matches_that_are_refused",
        "letters, digits and . _ ~ - are compared decoded: requests for /%66oo are answered as /foo",
    ),
    row(
        "paths with /../",
        "partial",
        MAPS,
        EQUAL,
        "Google answers them itself, with a redirect to the path without these segments",
    ),
    row(
        "Host headers with another port",
        "partial",
        MAPS,
        f"{BUILD}::test_hosts_with_a_port",
        "a host rule hears its host without a port and with that of the listener: with any other one the requests are "
        "answered as those for any host",
        "HostReadOtherwise",
    ),
    row(
        "hosts below a wildcard",
        "partial",
        MAPS,
        f"{LISTENER}::test_hosts_that_a_wildcard_does_not_hear",
        "a wildcard hears letters, digits, hyphens and dots: a host with an underscore is answered as by a less "
        "specific listener or hostname, and .example.com as below *.example.com",
        "HostReadOtherwise",
    ),
    row(
        "Content-Type of gRPC requests",
        "partial",
        URL_MAPS,
        f"{MATCH}::test_grpc",
        "it is compared with case: requests that write Application/grpc are answered as if they were not of gRPC",
    ),
    row(
        "repeated and encoded headers and parameters",
        "partial",
        URL_MAPS,
        f"{MATCH}::test_headers_method_and_query",
        "which of several values is compared, and whether a parameter is decoded first, is not documented",
    ),
    row(
        "match with the same heir",
        "yes",
        MAPS,
        f"{REFUSED}::test_a_match_whose_heir_answers_the_same_is_dropped",
        "a match that cannot be expressed is left out where whoever inherits its requests answers the same; a later "
        "route that takes them may have the whole route refused",
        "MatchDropped",
    ),
    row(
        "match with an unknown heir",
        "partial",
        MAPS,
        f"{REFUSED}::test_not_knowing_refuses_no_route",
        "where the answers to compare are not known, what stands of the route stays and nothing is made of it",
        "MatchUndecided",
    ),
    row("requests that no route matches", "yes", ABORTS, EQUAL),
    row("500 and 503", "yes", ABORTS, f"{ACTIONS}::test_statuses"),
    row("share of an invalid backendRef", "yes", ABORTS, f"{ACTIONS}::test_shares"),
    row(
        "HTTPRoute.spec.rules.backendRefs.weight",
        "partial",
        URL_MAPS,
        f"{ACTIONS}::test_weights_are_scaled",
        "0 to 1000: larger weights are scaled, and rounded where their proportion needs it",
        "WeightsRounded",
    ),
    row(
        "HTTPRoute.spec.rules.backendRefs.filters",
        "partial",
        URL_MAPS,
        f"{ACTIONS}::test_filters_of_one_backend",
        "headers only: the share of a backend with another filter answers 500",
        "UnsupportedFilter",
    ),
    row(
        "HTTPRoute.spec.rules.filters.RequestHeaderModifier",
        "partial",
        HEADERS,
        f"{ACTIONS}::test_headers_that_are_refused",
        "not Host, hop-by-hop headers, X-Google, X-Goog-, X-GFE and X-Amz-, nor values with braces",
        "RewriteNotExpressible",
    ),
    row(
        "HTTPRoute.spec.rules.filters.RequestRedirect with ResponseHeaderModifier",
        "no",
        URL_MAPS,
        f"{ACTIONS}::test_filters_answer_500",
        "headers of what a backend answers are changed, not those of redirects",
        "UnsupportedFilter",
    ),
    row(
        "RequestRedirect without a hostname",
        "partial",
        URL_MAPS,
        f"{REWRITES}::test_redirects_that_need_a_host",
        "on ports other than 80 and 443, for wildcard and any hostnames, only where the port stays: Location shows the "
        "port of the request",
        "RedirectNotExpressible",
    ),
    row(
        "HTTPRoute.spec.rules.sessionPersistence",
        "partial",
        AFFINITY,
        f"{ACTIONS}::test_session_persistence",
        "a cookie for the client's session, or for absoluteTimeout of two weeks at most (how long a strong cookie may "
        "last is not documented); sessionName is a token of RFC 6265; not beside weights; headers and idleTimeout "
        "answer 500",
        "SessionNotExpressible",
    ),
    row(
        "Service appProtocol https and kubernetes.io/wss",
        "later",
        PROTOCOLS,
        f"{ACTIONS}::test_backends_that_are_refused",
        "certificates of backends are not checked yet: the share of such a backend answers 500",
        "BackendProtocol",
    ),
    row(
        "pods of clusters that are not VPC-native",
        "no",
        _GROUPS,
        f"{BACKENDS}::test_targets_that_are_left_out",
        "an endpoint has the primary or an alias address of an instance of the network, in a zone that is served",
        "TargetOutside",
    ),
    row(
        "pods with IPv6 addresses",
        "later",
        _GROUPS,
        f"{BACKENDS}::test_targets_that_are_left_out",
        "IPv4 pods only",
        "TargetAddress",
    ),
    row(
        "pods of a Service",
        "partial",
        QUOTAS,
        f"{BACKENDS}::test_targets_that_are_left_out",
        "10000 in a zone",
        "TargetQuota",
    ),
    row(
        "hostnames, matches and backends of a Gateway",
        "partial",
        QUOTAS,
        f"{REFUSED}::test_routes_beyond_the_quotas",
        "on each port 1000 hostnames (2000 internal), 2500 Service ports, 1 MB as one document with 5 % kept free; for "
        "a hostname 1000 rules, 1000 comparisons (a prefix takes two), 5 expressions, 100 replacements of whole paths",
        "GatewayQuota",
    ),
    row(
        "large URL maps",
        "partial",
        QUOTAS,
        f"{_SIZE}::test_a_large_map_is_told_of",
        "pages differ: 64 KB external and 128 KB internal, or 1 MB",
        "UrlMapLarge",
    ),
    row(
        "Gateway.spec.listeners.tls.certificateRefs",
        "yes",
        CERTIFICATES,
        f"{_CERT}::test_no_certificate_no_listener",
        "uploaded; several on a port are chosen by server name; nothing listens without one, and of several listeners "
        "on a port the hosts of one without any answer 404",
        "NoCertificate",
    ),
    row(
        "certificates of a port",
        "partial",
        QUOTAS,
        f"{_CERT}::test_quota",
        "15",
        "CertificateQuota",
    ),
    row(
        "keys of certificates",
        "partial",
        CERTIFICATES,
        f"{_CERT}::test_keys",
        "RSA-2048 and EC P-256; of regional load balancers RSA-3072, RSA-4096 and EC P-384 too",
        "CertificateKey",
    ),
    row(
        "allowedSourceRanges",
        "no",
        "https://cloud.google.com/armor/docs/security-policy-overview",
        f"{TESTS}/test_parameters.py::test_refused",
        "a load balancer has none: Cloud Armor decides",
    ),
    row(
        "opening the nodes",
        "yes",
        _FIREWALL,
        f"{BUILD}::test_who_may_reach_the_nodes",
        "to Google's probers and the proxy-only subnet; with firewall None nothing is opened",
        "BackendAccessUnmanaged",
    ),
    row(
        "tags of the nodes",
        "yes",
        _FIREWALL,
        f"{_FACTS}::test_the_narrowest_tag_that_all_nodes_share",
        "named, or the narrowest network tag that all nodes share; without one nothing is opened",
        "NodeTagsNotFound",
    ),
    row(
        "network and subnetwork",
        "yes",
        "https://cloud.google.com/vpc/docs/vpc",
        _UNFOUND,
        "named in the parameters; those of another project are not supported yet",
        "NetworkNotFound",
    ),
    row(
        "proxy-only subnet",
        "yes",
        f"{DOCS}/proxy-only-subnets",
        _UNFOUND,
        "regional load balancers need one in the region and network; it is not made",
        "ProxySubnetMissing",
    ),
    row(
        "zones",
        "yes",
        _GROUPS,
        _UNFOUND,
        "named, or those that hold instances of the network",
        "ZonesNotFound",
    ),
    row(
        "groups and health that cannot be read",
        "yes",
        _GROUPS,
        f"{_FACTS}::test_a_group_or_backend_service_that_did_not_answer_is_told",
        "endpoints of a group that was not read stay as they are, and nothing counts as healthy that was not seen so",
        "NotListed",
    ),
    row("wildcard hostnames", "yes", MAPS, EQUAL),
    row("health of pods", "yes", f"{DOCS}/health-check-concepts", f"{BACKENDS}::test_probes"),
)
