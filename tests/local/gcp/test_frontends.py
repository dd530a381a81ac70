"""Target proxies and forwarding rules: what they take, what changes and what does not, and how they fit together."""

from __future__ import annotations

import pytest

from cloudgw_local.gcp import server

from . import conftest, samples
from .balancers import RULES, https, patch, proxies, refused
from .conftest import Cloud
from .samples import GLOBAL, REGIONAL, ZONE, Json

# --- target proxies


@pytest.mark.parametrize("scope", [GLOBAL, REGIONAL])
def test_an_https_proxy_is_filled_in(cloud: Cloud, scope: str) -> None:
    made = cloud.get(https(cloud, scope))
    assert (made["quicOverride"], made["tlsEarlyData"]) == ("NONE", "DISABLED")
    assert made["sslCertificates"] == [samples.link(scope, "sslCertificates", "cert")]
    assert made["fingerprint"]


def test_a_proxy_needs_a_map_and_certificates(cloud: Cloud) -> None:
    https(cloud)
    answer = cloud.ask("POST", f"{GLOBAL}/targetHttpProxies", {"name": "other"})
    refused(answer, "resource.urlMap", reason="required")
    for change, field in (
        ({"sslCertificates": []}, "resource.sslCertificates"),
        ({"sslCertificates": [samples.link(GLOBAL, "sslCertificates", "cert")] * 16}, "resource.sslCertificates"),
        ({"httpKeepAliveTimeoutSec": 4}, "resource.httpKeepAliveTimeoutSec"),
        ({"httpKeepAliveTimeoutSec": 1201}, "resource.httpKeepAliveTimeoutSec"),
        ({"serverTlsPolicy": "policy"}, "resource.serverTlsPolicy"),
    ):
        refused(cloud.ask("POST", f"{GLOBAL}/targetHttpsProxies", samples.https_proxy("other") | change), field)


def test_a_proxy_takes_fifteen_certificates(cloud: Cloud) -> None:
    path = https(cloud)
    for number in range(14):
        cloud.taken("POST", f"{GLOBAL}/sslCertificates", samples.certificate(f"cert-{number}"))
    cloud.control.advance(12)
    links = [one["selfLink"] for one in cloud.get(f"{GLOBAL}/sslCertificates")["items"]]
    cloud.done("POST", "targetHttpsProxies/proxy/setSslCertificates", {"sslCertificates": links})
    assert len(cloud.get(path)["sslCertificates"]) == 15
    twice = cloud.ask("POST", "targetHttpsProxies/proxy/setSslCertificates", {"sslCertificates": links[:1] * 2})
    refused(twice, "resource.sslCertificates[1]", why="more than once")


def test_certificates_of_certificate_manager_are_regional(cloud: Cloud) -> None:
    managed = "//certificatemanager.googleapis.com/projects/p/locations/europe-west1/certificates/shop"
    https(cloud)
    body = samples.https_proxy("other", sslCertificates=[managed])
    refused(cloud.ask("POST", f"{GLOBAL}/targetHttpsProxies", body), "resource.sslCertificates")
    cloud.control.reset()
    https(cloud, REGIONAL)
    body = samples.https_proxy("other", REGIONAL, sslCertificates=[managed])
    assert cloud.make(f"{REGIONAL}/targetHttpsProxies", body)["sslCertificates"] == [managed]
    mixed = [managed, samples.link(REGIONAL, "sslCertificates", "cert")]
    answer = cloud.ask("POST", f"{REGIONAL}/targetHttpsProxies", body | {"name": "mixed", "sslCertificates": mixed})
    refused(answer, "resource.sslCertificates")


def test_a_certificate_map_replaces_certificates_globally(cloud: Cloud) -> None:
    https(cloud)
    path = "//certificatemanager.googleapis.com/projects/p/locations/global/certificateMaps/all"
    body = samples.http_proxy("mapped") | {"certificateMap": path}
    assert cloud.make(f"{GLOBAL}/targetHttpsProxies", body)["certificateMap"] == path
    cloud.control.reset()
    https(cloud, REGIONAL)
    body = samples.http_proxy("mapped", REGIONAL) | {"certificateMap": path}
    refused(cloud.ask("POST", f"{REGIONAL}/targetHttpsProxies", body), "resource.certificateMap")


def test_a_global_http_proxy_changes_map_by_action_and_keepalive_by_patch(cloud: Cloud) -> None:
    proxies(cloud)
    path = f"{GLOBAL}/targetHttpProxies/proxy"
    cloud.make(f"{GLOBAL}/urlMaps", samples.url_map("other"))
    other = samples.link(GLOBAL, "urlMaps", "other")
    refused(patch(cloud, path, urlMap=other), "resource.urlMap", why="setUrlMap")
    cloud.end(patch(cloud, path, httpKeepAliveTimeoutSec=60).body)
    # This path has no "global/".
    cloud.done("POST", "targetHttpProxies/proxy/setUrlMap", {"urlMap": "global/urlMaps/other"})
    after = cloud.get(path)
    assert (after["urlMap"], after["httpKeepAliveTimeoutSec"]) == (other, 60)


def test_a_regional_http_proxy_has_no_patch(cloud: Cloud) -> None:
    proxies(cloud, REGIONAL)
    path = f"{REGIONAL}/targetHttpProxies/proxy"
    assert cloud.ask("PATCH", path, {"httpKeepAliveTimeoutSec": 60}).status == 404
    cloud.make(f"{REGIONAL}/urlMaps", samples.url_map("other", REGIONAL))
    other = samples.link(REGIONAL, "urlMaps", "other")
    cloud.done("POST", f"{path}/setUrlMap", {"urlMap": other})
    assert cloud.get(path)["urlMap"] == other


def test_a_global_https_proxy_changes_by_its_actions(cloud: Cloud) -> None:
    path = https(cloud)
    cloud.make(f"{GLOBAL}/sslCertificates", samples.certificate("next"))
    cloud.make(f"{GLOBAL}/sslPolicies", samples.ssl_policy())
    certificates = [samples.link(GLOBAL, "sslCertificates", "next")]
    for member, value in (
        ("sslCertificates", certificates),
        ("sslPolicy", samples.link(GLOBAL, "sslPolicies", "policy")),
        ("quicOverride", "ENABLE"),
        ("description", "new"),
    ):
        refused(patch(cloud, path, **{member: value}), f"resource.{member}")
    cloud.done("POST", "targetHttpsProxies/proxy/setSslCertificates", {"sslCertificates": certificates})
    cloud.done("POST", f"{path}/setSslPolicy", {"sslPolicy": "global/sslPolicies/policy"})
    cloud.done("POST", f"{path}/setQuicOverride", {"quicOverride": "ENABLE"})
    after = cloud.get(path)
    assert (after["sslCertificates"], after["quicOverride"]) == (certificates, "ENABLE")
    assert after["sslPolicy"] == samples.link(GLOBAL, "sslPolicies", "policy")
    assert cloud.ask("DELETE", f"{GLOBAL}/sslPolicies/policy").reason == "resourceInUseByAnotherResource"
    cloud.done("POST", f"{path}/setSslPolicy", {})
    assert "sslPolicy" not in cloud.get(path)
    cloud.done("DELETE", f"{GLOBAL}/sslPolicies/policy")
    cloud.done("DELETE", f"{GLOBAL}/sslCertificates/cert")
    tls = "//networksecurity.googleapis.com/projects/p/locations/global/serverTlsPolicies/mtls"
    cloud.end(patch(cloud, path, serverTlsPolicy=tls, tlsEarlyData="STRICT").body)
    cloud.end(patch(cloud, path, serverTlsPolicy=None).body)
    after = cloud.get(path)
    assert after["tlsEarlyData"] == "STRICT"
    assert "serverTlsPolicy" not in after


def test_a_regional_https_proxy_patches_its_policy(cloud: Cloud) -> None:
    path = https(cloud, REGIONAL)
    cloud.make(f"{REGIONAL}/sslPolicies", samples.ssl_policy())
    policy = samples.link(REGIONAL, "sslPolicies", "policy")
    assert cloud.ask("POST", f"{path}/setSslPolicy", {"sslPolicy": policy}).status == 404
    cloud.end(patch(cloud, path, sslPolicy=policy).body)
    assert cloud.get(path)["sslPolicy"] == policy
    cloud.make(f"{REGIONAL}/urlMaps", samples.url_map("other", REGIONAL))
    refused(patch(cloud, path, urlMap=samples.link(REGIONAL, "urlMaps", "other")), "resource.urlMap", why="setUrlMap")
    empty = cloud.ask("POST", f"{path}/setSslCertificates", {"sslCertificates": []})
    refused(empty, "resource.sslCertificates", why="At least one SSL certificate")


def test_a_map_that_redirects_to_https_stays_away_from_https(cloud: Cloud) -> None:
    https(cloud)
    redirect = {"name": "up", "defaultUrlRedirect": {"httpsRedirect": True, "stripQuery": False}}
    cloud.make(f"{GLOBAL}/urlMaps", redirect)
    answer = cloud.ask("POST", "targetHttpsProxies/proxy/setUrlMap", {"urlMap": "global/urlMaps/up"})
    refused(answer, "resource.urlMap", why="httpsRedirect")
    up = samples.link(GLOBAL, "urlMaps", "up")
    body = samples.https_proxy("other", urlMap=up)
    refused(cloud.ask("POST", f"{GLOBAL}/targetHttpsProxies", body), "resource.urlMap")
    assert cloud.make(f"{GLOBAL}/targetHttpProxies", samples.http_proxy("other", urlMap=up))["urlMap"] == up


def test_a_tcp_proxy_takes_a_tcp_service(cloud: Cloud) -> None:
    samples.build(cloud, upto="backendServices")
    connections: Json = {"balancingMode": "CONNECTION", "maxConnectionsPerEndpoint": 9, "maxRatePerEndpoint": None}
    for name, protocol, backend in (("tcp", "TCP", samples.backend(**connections)), ("bs", "HTTP", samples.backend())):
        cloud.make(f"{GLOBAL}/backendServices", samples.service(name, protocol=protocol, backends=[backend]))
    web = {"name": "proxy", "service": samples.link(GLOBAL, "backendServices", "bs")}
    refused(cloud.ask("POST", f"{GLOBAL}/targetTcpProxies", web), "resource.service")
    raw = {"name": "proxy", "service": samples.link(GLOBAL, "backendServices", "tcp")}
    assert cloud.make(f"{GLOBAL}/targetTcpProxies", raw)["proxyHeader"] == "NONE"
    cloud.make(RULES, samples.rule(target="targetTcpProxies"))
    path = f"{GLOBAL}/targetTcpProxies/proxy"
    refused(cloud.ask("POST", f"{path}/setBackendService", {"service": web["service"]}), "resource.service")
    cloud.done("POST", f"{path}/setBackendService", {"service": raw["service"]})
    cloud.done("POST", f"{path}/setProxyHeader", {"proxyHeader": "PROXY_V1"})
    assert cloud.get(path)["proxyHeader"] == "PROXY_V1"


# --- forwarding rules


def test_a_global_rule_is_filled_in_and_drops_labels(cloud: Cloud) -> None:
    proxies(cloud)
    made = cloud.make(RULES, samples.rule(labels={"team": "edge"}, allowGlobalAccess=False))
    assert made["portRange"] == "80-80"
    assert (made["IPProtocol"], made["networkTier"]) == ("TCP", "PREMIUM")
    assert made["IPAddress"].startswith("203.0.113.")
    assert not {"labels", "allowGlobalAccess", "network"} & made.keys()
    body = {"labels": {"team": "edge"}, "labelFingerprint": made["labelFingerprint"]}
    cloud.done("POST", f"{RULES}/rule/setLabels", body)
    assert cloud.get(f"{RULES}/rule")["labels"] == {"team": "edge"}


def test_a_regional_rule_takes_an_address_of_the_region(cloud: Cloud) -> None:
    proxies(cloud, REGIONAL)
    made = cloud.make(f"{REGIONAL}/forwardingRules", samples.rule(scope=REGIONAL, networkTier="STANDARD"))
    assert made["IPAddress"].startswith("198.51.100.")
    assert (made["networkTier"], made["network"]) == ("STANDARD", samples.NETWORK)


def test_an_internal_rule_takes_an_address_of_the_subnetwork(cloud: Cloud) -> None:
    proxies(cloud, REGIONAL, "INTERNAL_MANAGED")
    made = cloud.make(f"{REGIONAL}/forwardingRules", samples.internal_rule(network=None, allowGlobalAccess=True))
    assert made["IPAddress"].startswith("10.0.")
    assert (made["network"], made["subnetwork"]) == (samples.NETWORK, samples.SUBNETWORK)
    assert made["allowGlobalAccess"] is True


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"loadBalancingScheme": "INTERNAL"}, "resource.loadBalancingScheme", ""),
        ({"portRange": "80-81"}, "resource.portRange", "one port"),
        ({"portRange": "http"}, "resource.portRange", ""),
        ({"portRange": "0"}, "resource.portRange", ""),
        ({"portRange": None}, "resource.target", "with no port specified"),
        ({"portRange": None, "ports": ["80"]}, "resource.target", "with no port specified"),
        ({"IPProtocol": "UDP"}, "resource.IPProtocol", ""),
        ({"networkTier": "STANDARD"}, "resource.networkTier", ""),
        ({"network": samples.NETWORK}, "resource.network", ""),
        ({"allPorts": True}, "resource.allPorts", "use portRange"),
        ({"ipVersion": "IPV6"}, "resource.ipVersion", "IPv6"),
        ({"networkTier": "FIXED_STANDARD"}, "resource.networkTier", ""),
        ({"IPAddress": "web"}, "resource.IPAddress", "Must be a literal IP address or URL"),
        ({"IPAddress": "192.0.2.1"}, "resource.IPAddress", "not allocated to the project"),
        ({"IPAddress": "203.0.113.9", "ipVersion": "IPV4"}, "resource.ipVersion", "cannot be specified"),
        ({"loadBalancingScheme": "EXTERNAL"}, "resource.backendService", "EXTERNAL_MANAGED"),
        ({"backendService": samples.link(GLOBAL, "backendServices", "bs")}, "resource.backendService", "Only one"),
    ],
)
def test_a_bad_rule_is_refused(cloud: Cloud, change: Json, field: str, why: str) -> None:
    proxies(cloud)
    refused(cloud.ask("POST", RULES, samples.rule() | change), field, why=why)


def test_a_rule_needs_a_target(cloud: Cloud) -> None:
    refused(cloud.ask("POST", RULES, samples.rule(target="") | {"target": None}), "resource.target", reason="required")
    body = {"name": "rule", "loadBalancingScheme": "INTERNAL", "ports": ["80"]}
    answer = cloud.ask("POST", f"{REGIONAL}/forwardingRules", body)
    refused(answer, "resource.backendService", reason="required")


def test_a_rule_and_its_target_are_of_one_scope(cloud: Cloud) -> None:
    proxies(cloud)
    answer = cloud.ask("POST", f"{REGIONAL}/forwardingRules", samples.rule(network=samples.NETWORK))
    refused(answer, "resource.target", why="same scope")
    classic = samples.rule(network=samples.NETWORK, loadBalancingScheme="EXTERNAL")
    answer = cloud.ask("POST", f"{REGIONAL}/forwardingRules", classic)
    refused(answer, "resource.target", why="Invalid target type TARGET_HTTP_PROXY for forwarding rule in scope REGION")


@pytest.mark.parametrize("network", [samples.CLOSED, samples.link(GLOBAL, "networks", "default")])
def test_a_regional_rule_needs_a_proxy_only_subnetwork(cloud: Cloud, network: str) -> None:
    samples.build(cloud, REGIONAL, upto="backendServices")
    cloud.make(f"{REGIONAL}/backendServices", samples.service(scope=REGIONAL, backends=[]))
    cloud.make(f"{REGIONAL}/urlMaps", samples.url_map(scope=REGIONAL))
    cloud.make(f"{REGIONAL}/targetHttpProxies", samples.http_proxy(scope=REGIONAL))
    answer = cloud.ask("POST", f"{REGIONAL}/forwardingRules", samples.rule(scope=REGIONAL, network=network))
    why = "An active proxy-only subnetwork is required in the same region and VPC as the forwarding rule."
    refused(answer, "resource.target", why=why)


def test_groups_are_of_the_rules_network(cloud: Cloud) -> None:
    samples.build(cloud, REGIONAL, upto="backendServices")
    closed = samples.group("closed", network=samples.CLOSED, subnetwork=samples.CLOSED_SUBNETWORK)
    cloud.make(f"{ZONE}/networkEndpointGroups", closed)
    other = [samples.backend(name="closed")]
    cloud.make(f"{REGIONAL}/backendServices", samples.service(scope=REGIONAL, backends=other))
    cloud.make(f"{REGIONAL}/urlMaps", samples.url_map(scope=REGIONAL))
    cloud.make(f"{REGIONAL}/targetHttpProxies", samples.http_proxy(scope=REGIONAL))
    rules = f"{REGIONAL}/forwardingRules"
    refused(cloud.ask("POST", rules, samples.rule(scope=REGIONAL)), "resource.backendService", why="network")
    path = f"{REGIONAL}/backendServices/bs"
    good = samples.service(scope=REGIONAL) | {"fingerprint": cloud.get(path)["fingerprint"]}
    cloud.done("PUT", path, good)
    cloud.make(rules, samples.rule(scope=REGIONAL))
    bad = good | {"backends": other, "fingerprint": cloud.get(path)["fingerprint"]}
    refused(cloud.ask("PUT", path, bad), "resource.backends[0].group", why="network")


def test_all_services_under_a_rule_are_of_its_scheme(cloud: Cloud) -> None:
    samples.build(cloud)
    classic = samples.service("classic", loadBalancingScheme="EXTERNAL")
    cloud.make(f"{GLOBAL}/backendServices", classic)
    cloud.make(f"{GLOBAL}/urlMaps", samples.url_map("old", service="classic"))
    why = "Load balancing scheme EXTERNAL_MANAGED does not match the backend service load balancing scheme EXTERNAL."
    answer = cloud.ask("POST", "targetHttpProxies/proxy/setUrlMap", {"urlMap": "global/urlMaps/old"})
    refused(answer, "resource.urlMap", why=why)
    mapped = cloud.get(f"{GLOBAL}/urlMaps/map")
    changed = samples.url_map() | {"fingerprint": mapped["fingerprint"]}
    matcher = {"name": "shop", "defaultService": samples.link(GLOBAL, "backendServices", "classic")}
    changed |= {"hostRules": [{"hosts": ["shop.example"], "pathMatcher": "shop"}], "pathMatchers": [matcher]}
    answer = cloud.ask("PUT", f"{GLOBAL}/urlMaps/map", changed)
    refused(answer, "resource.pathMatchers[0].defaultService", why=why)
    cloud.make(f"{GLOBAL}/targetHttpProxies", samples.http_proxy("old", urlMap=samples.link(GLOBAL, "urlMaps", "old")))
    target = {"target": samples.link(GLOBAL, "targetHttpProxies", "old")}
    refused(cloud.ask("POST", f"{RULES}/rule/setTarget", target), "resource.backendService", why=why)


def test_the_target_changes_within_its_type(cloud: Cloud) -> None:
    samples.build(cloud)
    cloud.make(f"{GLOBAL}/targetHttpProxies", samples.http_proxy("next"))
    target = samples.link(GLOBAL, "targetHttpProxies", "next")
    refused(cloud.ask("POST", f"{RULES}/rule/setTarget", {}), "resource.target", reason="required")
    refused(cloud.ask("PATCH", f"{RULES}/rule", {"target": target}), "resource.target", why="setTarget")
    ended = cloud.done("POST", f"{RULES}/rule/setTarget", {"target": "global/targetHttpProxies/next"})
    assert ended["operationType"] == "SetTarget"
    assert cloud.get(f"{RULES}/rule")["target"] == target
    cloud.done("DELETE", f"{GLOBAL}/targetHttpProxies/proxy")


@pytest.mark.parametrize(("answer", "status"), [("refused", 400), ("taken", 200)])
def test_whether_the_targets_type_changes_is_a_belief(answer: str, status: int) -> None:
    with server.serve(stepped=True, beliefs={"gcp-set-target-type": answer}) as running:
        cloud = conftest.connect(running)
        samples.build(cloud)
        cloud.make(f"{GLOBAL}/sslCertificates", samples.certificate())
        cloud.make(f"{GLOBAL}/targetHttpsProxies", samples.https_proxy("tls"))
        target = {"target": samples.link(GLOBAL, "targetHttpsProxies", "tls")}
        assert cloud.ask("POST", f"{RULES}/rule/setTarget", target).status == status


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("IPAddress", "203.0.113.7"),
        ("IPProtocol", "UDP"),
        ("portRange", "81-81"),
        ("loadBalancingScheme", "EXTERNAL"),
        ("description", "new"),
    ],
)
def test_what_is_fixed_of_a_global_rule(cloud: Cloud, member: str, value: str) -> None:
    samples.build(cloud)
    refused(cloud.ask("PATCH", f"{RULES}/rule", {member: value}), f"resource.{member}")


def test_what_is_fixed_of_an_internal_rule(cloud: Cloud) -> None:
    samples.build(cloud, REGIONAL, "INTERNAL_MANAGED")
    path = f"{REGIONAL}/forwardingRules/rule"
    for member, value in (
        ("network", samples.CLOSED),
        ("subnetwork", samples.CLOSED_SUBNETWORK),
    ):
        refused(cloud.ask("PATCH", path, {member: value}), f"resource.{member}")


def test_whom_an_internal_rule_serves_may_change(cloud: Cloud) -> None:
    samples.build(cloud, REGIONAL, "INTERNAL_MANAGED")
    path = f"{REGIONAL}/forwardingRules/rule"
    cloud.done("PATCH", path, {"allowGlobalAccess": True})
    assert cloud.get(path)["allowGlobalAccess"] is True
    cloud.done("PATCH", path, {"allowGlobalAccess": False})
    assert "allowGlobalAccess" not in cloud.get(path)


def test_the_tier_of_an_ephemeral_address_may_change(cloud: Cloud) -> None:
    samples.build(cloud, REGIONAL)
    path = f"{REGIONAL}/forwardingRules/rule"
    before = cloud.get(path)
    cloud.done("PATCH", path, {"networkTier": "STANDARD"})
    after = cloud.get(path)
    assert after["networkTier"] == "STANDARD"
    assert {name for name in after if after[name] != before[name]} == {"networkTier", "fingerprint"}


def test_an_internal_rule_in_custom_mode_needs_a_subnetwork(cloud: Cloud) -> None:
    proxies(cloud, REGIONAL, "INTERNAL_MANAGED")
    rules = f"{REGIONAL}/forwardingRules"
    refused(cloud.ask("POST", rules, samples.internal_rule(subnetwork=None)), "resource.subnetwork")
    proxy = samples.link(REGIONAL, "subnetworks", "subnet-proxy")
    refused(cloud.ask("POST", rules, samples.internal_rule(subnetwork=proxy)), "resource.subnetwork", why="purpose")
    closed = samples.internal_rule(subnetwork=samples.CLOSED_SUBNETWORK)
    refused(cloud.ask("POST", rules, closed), "resource.subnetwork")
    far = samples.internal_rule(network=None, subnetwork=samples.link("regions/europe-west4", "subnetworks", "default"))
    refused(cloud.ask("POST", rules, far), "resource.subnetwork", why="same region")
    refused(cloud.ask("POST", rules, samples.internal_rule(networkTier="STANDARD")), "resource.networkTier")


def test_a_regional_external_rule_has_no_subnetwork_and_no_reach(cloud: Cloud) -> None:
    proxies(cloud, REGIONAL)
    rules = f"{REGIONAL}/forwardingRules"
    for change, field in (
        ({"subnetwork": samples.SUBNETWORK}, "resource.subnetwork"),
        ({"allowGlobalAccess": True}, "resource.allowGlobalAccess"),
        (
            {"backendService": samples.link(REGIONAL, "backendServices", "bs"), "target": None},
            "resource.backendService",
        ),
    ):
        refused(cloud.ask("POST", rules, samples.rule(scope=REGIONAL) | change), field)


def test_in_auto_mode_the_subnetwork_of_the_region_is_meant(cloud: Cloud) -> None:
    default = samples.link(GLOBAL, "networks", "default")
    body = {"name": "rule", "loadBalancingScheme": "INTERNAL", "ports": ["80"]}
    cloud.make(f"{REGIONAL}/backendServices", {"name": "direct", "loadBalancingScheme": "INTERNAL", "protocol": "TCP"})
    made = cloud.make(
        f"{REGIONAL}/forwardingRules", body | {"backendService": samples.link(REGIONAL, "backendServices", "direct")}
    )
    assert (made["network"], made["subnetwork"]) == (default, samples.link(REGIONAL, "subnetworks", "default"))


def test_a_passthrough_rule_names_its_service_and_ports(cloud: Cloud) -> None:
    cloud.make(f"{REGIONAL}/backendServices", {"name": "direct", "loadBalancingScheme": "INTERNAL", "protocol": "TCP"})
    rules = f"{REGIONAL}/forwardingRules"
    service = samples.link(REGIONAL, "backendServices", "direct")
    body = {"name": "rule", "loadBalancingScheme": "INTERNAL", "backendService": service}
    body |= {"network": samples.NETWORK, "subnetwork": samples.SUBNETWORK}
    for change, field in (
        ({}, "resource.ports"),
        ({"ports": [str(port) for port in range(80, 86)]}, "resource.ports"),
        ({"portRange": "80"}, "resource.portRange"),
        ({"ports": ["http"]}, "resource.ports[0]"),
    ):
        refused(cloud.ask("POST", rules, body | change), field)
    everything = body | {"name": "all", "IPProtocol": "L3_DEFAULT", "ports": ["80"]}
    refused(cloud.ask("POST", rules, everything), "resource.allPorts")
    made = cloud.make(rules, body | {"ports": ["80", "443"]})
    assert made["ports"] == ["80", "443"]
    target = {"target": samples.link(REGIONAL, "targetHttpProxies", "none")}
    assert cloud.ask("POST", f"{rules}/rule/setTarget", target).status == 404
    cloud.done("PATCH", f"{rules}/rule", {"allowGlobalAccess": True})
    assert cloud.get(f"{rules}/rule")["allowGlobalAccess"] is True
