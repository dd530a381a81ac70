"""Health checks, endpoint groups and backend services: defaults, refusals, what changes and what does not."""

from __future__ import annotations

import hashlib

import pytest

from cloudgw_local.gcp import server

from . import conftest, samples
from .balancers import refused
from .conftest import Cloud
from .samples import GLOBAL, REGIONAL, ZONE, Json

NEG = f"{ZONE}/networkEndpointGroups/neg"


# --- health checks


def test_a_health_check_is_filled_in(cloud: Cloud) -> None:
    made = cloud.make(f"{GLOBAL}/healthChecks", {"name": "hc", "type": "HTTP", "httpHealthCheck": {}})
    numbers = [made[name] for name in ("checkIntervalSec", "timeoutSec", "healthyThreshold", "unhealthyThreshold")]
    assert numbers == [5, 5, 2, 2]
    assert made["httpHealthCheck"] == {"port": 80, "proxyHeader": "NONE", "requestPath": "/"}
    assert "description" not in made
    assert "fingerprint" not in made


def test_the_serving_port_leaves_no_port(cloud: Cloud) -> None:
    block = {"portSpecification": "USE_SERVING_PORT"}
    made = cloud.make(f"{REGIONAL}/healthChecks", {"name": "hc", "type": "HTTPS", "httpsHealthCheck": block})
    assert made["httpsHealthCheck"] == block | {"proxyHeader": "NONE", "requestPath": "/"}
    assert made["region"].endswith("/regions/europe-west1")
    grpc = {"name": "grpc", "type": "GRPC", "grpcHealthCheck": block | {"grpcServiceName": "shop"}}
    assert cloud.make(f"{GLOBAL}/healthChecks", grpc)["grpcHealthCheck"] == grpc["grpcHealthCheck"]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"type": None}, "resource.type", "required"),
        ({"httpHealthCheck": None}, "resource.httpHealthCheck", "required"),
        ({"tcpHealthCheck": {"port": 1}}, "resource.tcpHealthCheck", "invalid"),
        ({"checkIntervalSec": 0}, "resource.checkIntervalSec", "invalid"),
        ({"checkIntervalSec": 301}, "resource.checkIntervalSec", "invalid"),
        ({"timeoutSec": 6}, "resource.timeoutSec", "invalid"),
        ({"healthyThreshold": 11}, "resource.healthyThreshold", "invalid"),
        ({"unhealthyThreshold": 0}, "resource.unhealthyThreshold", "invalid"),
        ({"httpHealthCheck": {"port": 65536}}, "resource.httpHealthCheck.port", "invalid"),
        ({"httpHealthCheck": {"requestPath": "ready"}}, "resource.httpHealthCheck.requestPath", "invalid"),
        (
            {"httpHealthCheck": {"port": 80, "portSpecification": "USE_SERVING_PORT"}},
            "resource.httpHealthCheck.port",
            "invalid",
        ),
        ({"type": "GRPC", "httpHealthCheck": None, "grpcHealthCheck": {}}, "resource.grpcHealthCheck.port", "required"),
    ],
)
def test_a_bad_health_check_is_refused(cloud: Cloud, change: Json, field: str, reason: str) -> None:
    refused(cloud.ask("POST", f"{GLOBAL}/healthChecks", samples.health_check() | change), field, reason=reason)


def test_a_health_check_changes_in_place_and_its_type_with_the_block(cloud: Cloud) -> None:
    cloud.make(f"{GLOBAL}/healthChecks", samples.health_check())
    path = f"{GLOBAL}/healthChecks/hc"
    cloud.done("PUT", path, samples.health_check(checkIntervalSec=20))
    assert cloud.get(path)["checkIntervalSec"] == 20
    cloud.done("PATCH", path, {"type": "TCP", "tcpHealthCheck": {"port": 9000}})
    after = cloud.get(path)
    assert after["tcpHealthCheck"] == {"port": 9000, "proxyHeader": "NONE"}
    assert "httpHealthCheck" not in after
    assert after["checkIntervalSec"] == 20


# --- backend services


def ready(cloud: Cloud, scope: str = GLOBAL) -> None:
    samples.build(cloud, scope, upto="backendServices")


def test_a_backend_service_is_filled_in(cloud: Cloud) -> None:
    made = cloud.make(f"{GLOBAL}/backendServices", {"name": "bs"})
    wanted = {
        "loadBalancingScheme": "EXTERNAL",
        "protocol": "HTTP",
        "port": 80,
        "portName": "http",
        "timeoutSec": 30,
        "sessionAffinity": "NONE",
        "affinityCookieTtlSec": 0,
        "description": "",
        "connectionDraining": {"drainingTimeoutSec": 0},
        "iap": {
            "enabled": False,
            "oauth2ClientId": "",
            "oauth2ClientSecretSha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        },
    }
    assert {name: made.get(name) for name in wanted} == wanted
    assert "usedBy" not in made


def test_what_a_client_reads_and_puts_back_changes_nothing(cloud: Cloud) -> None:
    ready(cloud)
    before = cloud.make(f"{GLOBAL}/backendServices", samples.service(logConfig={"enable": True}))
    assert before["logConfig"] == {"enable": True, "sampleRate": 1, "optionalMode": "EXCLUDE_ALL_OPTIONAL"}
    assert before["backends"] == [samples.backend(capacityScaler=1)]
    cloud.done("PUT", f"{GLOBAL}/backendServices/bs", before)
    assert cloud.get(f"{GLOBAL}/backendServices/bs") == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"loadBalancingScheme": "INTERNAL"}, "resource.loadBalancingScheme"),
        ({"protocol": "UDP"}, "resource.protocol"),
        ({"protocol": "GRPC"}, "resource.protocol"),
        ({"timeoutSec": 0}, "resource.timeoutSec"),
        ({"connectionDraining": {"drainingTimeoutSec": 3601}}, "resource.connectionDraining.drainingTimeoutSec"),
        ({"sessionAffinity": "GENERATED_COOKIE", "affinityCookieTtlSec": 1_209_601}, "resource.affinityCookieTtlSec"),
        ({"affinityCookieTtlSec": 5}, "resource.affinityCookieTtlSec"),
        ({"consistentHash": {"httpHeaderName": "x"}}, "resource.consistentHash"),
        ({"customRequestHeaders": [f"X-{number}:a" for number in range(17)]}, "resource.customRequestHeaders"),
        ({"customRequestHeaders": ["X-Long:" + "a" * 8192]}, "resource.customRequestHeaders"),
        ({"customRequestHeaders": ["X-One"]}, "resource.customRequestHeaders[0]"),
        ({"customResponseHeaders": ["X-One:a", "x-one:b"]}, "resource.customResponseHeaders[1]"),
        ({"tlsSettings": {"sni": "a.example"}}, "resource.tlsSettings"),
        (
            {"protocol": "HTTPS", "tlsSettings": {"subjectAltNames": [{"dnsName": f"{n}.example"} for n in range(6)]}},
            "resource.tlsSettings.subjectAltNames",
        ),
        (
            {"protocol": "HTTPS", "tlsSettings": {"subjectAltNames": [{}]}},
            "resource.tlsSettings.subjectAltNames[0]",
        ),
        (
            {"protocol": "HTTPS", "tlsSettings": {"authenticationConfig": "roots"}},
            "resource.tlsSettings.authenticationConfig",
        ),
        ({"loadBalancingScheme": "EXTERNAL", "protocol": "HTTPS", "tlsSettings": {}}, "resource.tlsSettings"),
        ({"protocol": "TCP", "sessionAffinity": "GENERATED_COOKIE"}, "resource.sessionAffinity"),
        ({"loadBalancingScheme": "EXTERNAL", "sessionAffinity": "HTTP_COOKIE"}, "resource.sessionAffinity"),
        ({"loadBalancingScheme": "EXTERNAL", "localityLbPolicy": "RANDOM"}, "resource.localityLbPolicy"),
        ({"loadBalancingScheme": "INTERNAL_MANAGED", "enableCDN": True}, "resource.enableCDN"),
        ({"loadBalancingScheme": "INTERNAL_MANAGED", "compressionMode": "AUTOMATIC"}, "resource.compressionMode"),
        ({"network": samples.NETWORK}, "resource.network"),
        ({"logConfig": {"enable": True, "optionalFields": ["tls.protocol"]}}, "resource.logConfig.optionalFields"),
        ({"logConfig": {"sampleRate": 0.5}}, "resource.logConfig.sampleRate"),
        ({"logConfig": {"enable": True, "sampleRate": 2}}, "resource.logConfig.sampleRate"),
        ({"maxStreamDuration": {"seconds": "5"}}, "resource.maxStreamDuration"),
        ({"healthChecks": []}, "resource.healthChecks"),
        ({"healthChecks": [samples.link(GLOBAL, "healthChecks", "hc")] * 2}, "resource.healthChecks"),
        ({"backends": [samples.backend()] * 51}, "resource.backends"),
        ({"backends": [{"balancingMode": "RATE"}]}, "resource.backends[0].group"),
        ({"backends": [samples.backend(), samples.backend()]}, "resource.backends[1].group"),
        ({"backends": [samples.backend(balancingMode="UTILIZATION")]}, "resource.backends[0].balancingMode"),
        ({"backends": [samples.backend(balancingMode="CONNECTION")]}, "resource.backends[0]"),
        ({"backends": [samples.backend(maxRatePerEndpoint=None)]}, "resource.backends[0]"),
        ({"backends": [samples.backend(maxRate=1)]}, "resource.backends[0]"),
        ({"backends": [samples.backend(maxRatePerInstance=1)]}, "resource.backends[0].maxRatePerInstance"),
        ({"backends": [samples.backend(maxConnections=1)]}, "resource.backends[0].maxConnections"),
        ({"backends": [samples.backend(capacityScaler=0.05)]}, "resource.backends[0].capacityScaler"),
        ({"backends": [samples.backend(failover=True)]}, "resource.backends[0].failover"),
    ],
)
def test_a_bad_backend_service_is_refused(cloud: Cloud, change: Json, field: str) -> None:
    ready(cloud)
    answer = cloud.ask("POST", f"{GLOBAL}/backendServices", samples.service() | change)
    missing = field.endswith(".group") and "more than once" not in answer.message
    refused(answer, field, reason="required" if missing else "invalid")


@pytest.mark.parametrize(
    ("affinity", "member"),
    [
        ("HEADER_FIELD", "consistentHash.httpHeaderName"),
        ("HTTP_COOKIE", "consistentHash.httpCookie"),
        ("STRONG_COOKIE_AFFINITY", "strongSessionAffinityCookie"),
    ],
)
def test_an_affinity_says_by_what(cloud: Cloud, affinity: str, member: str) -> None:
    ready(cloud)
    body = samples.service(sessionAffinity=affinity, localityLbPolicy="RING_HASH")
    refused(cloud.ask("POST", f"{GLOBAL}/backendServices", body), f"resource.{member}", reason="required")
    outer, _, inner = member.partition(".")
    given: Json = {"httpHeaderName": "x-user"} if affinity == "HEADER_FIELD" else {"httpCookie": {"name": "user"}}
    body |= {outer: given if inner else {"name": "user"}}
    assert cloud.make(f"{GLOBAL}/backendServices", body)["sessionAffinity"] == affinity


def test_a_group_is_named_by_its_full_url(cloud: Cloud) -> None:
    ready(cloud)
    partial = samples.backend(group=NEG)
    refused(
        cloud.ask("POST", f"{GLOBAL}/backendServices", samples.service(backends=[partial])),
        "resource.backends[0].group",
    )


@pytest.mark.parametrize(
    ("scope", "scheme", "protocol"),
    [
        (GLOBAL, "EXTERNAL_MANAGED", "H2C"),
        (GLOBAL, "EXTERNAL", "HTTP2"),
        (REGIONAL, "INTERNAL_MANAGED", "HTTPS"),
        (REGIONAL, "EXTERNAL_MANAGED", "H2C"),
    ],
)
def test_each_scope_has_its_schemes_and_protocols(cloud: Cloud, scope: str, scheme: str, protocol: str) -> None:
    ready(cloud, scope)
    body = samples.service(scope=scope, loadBalancingScheme=scheme, protocol=protocol)
    assert cloud.make(f"{scope}/backendServices", body)["protocol"] == protocol


def test_a_tcp_service_counts_connections(cloud: Cloud) -> None:
    ready(cloud)
    rate = cloud.ask("POST", f"{GLOBAL}/backendServices", samples.service(protocol="TCP"))
    refused(rate, "resource.backends[0]", why="RATE balancing mode is not supported for protocol TCP.")
    backend = {"group": samples.backend()["group"], "balancingMode": "CONNECTION", "maxConnectionsPerEndpoint": 10}
    made = cloud.make(f"{GLOBAL}/backendServices", samples.service(protocol="TCP", backends=[backend]))
    assert made["backends"] == [backend | {"capacityScaler": 1}]


def test_a_passthrough_service_takes_whole_nodes_only(cloud: Cloud) -> None:
    ready(cloud, REGIONAL)
    body = samples.service(scope=REGIONAL, loadBalancingScheme="INTERNAL", protocol="TCP")
    ports = {"group": samples.backend()["group"], "balancingMode": "CONNECTION"}
    answer = cloud.ask("POST", f"{REGIONAL}/backendServices", body | {"backends": [ports]})
    refused(answer, "resource.backends[0].group", why="Only GCE_VM_IP")
    nodes = samples.group("nodes", networkEndpointType="GCE_VM_IP", defaultPort=None)
    cloud.make(f"{ZONE}/networkEndpointGroups", nodes)
    group = {"group": samples.link(ZONE, "networkEndpointGroups", "nodes")}
    rate = cloud.ask("POST", f"{REGIONAL}/backendServices", body | {"backends": [group | {"balancingMode": "RATE"}]})
    refused(rate, "resource.backends[0].balancingMode", why="Balancing mode must be CONNECTION")
    sized = [group | {"maxConnections": 5}]
    answer = cloud.ask("POST", f"{REGIONAL}/backendServices", body | {"backends": sized})
    refused(answer, "resource.backends[0].maxConnections")
    made = cloud.make(f"{REGIONAL}/backendServices", body | {"backends": [group]})
    assert made["backends"] == [group | {"balancingMode": "CONNECTION"}]
    assert not {"port", "portName", "iap"} & made.keys()
    proxied = samples.service("l7", REGIONAL, backends=[samples.backend(name="nodes")])
    refused(cloud.ask("POST", f"{REGIONAL}/backendServices", proxied), "resource.backends[0].group")


def test_a_health_check_is_of_the_services_scope(cloud: Cloud) -> None:
    ready(cloud)
    body = samples.service(scope=GLOBAL)
    refused(cloud.ask("POST", f"{REGIONAL}/backendServices", body), "resource.healthChecks[0]")


def test_security_policies_come_by_their_own_call(cloud: Cloud) -> None:
    policy = samples.link(GLOBAL, "securityPolicies", "armor-edge")
    made = cloud.make(f"{GLOBAL}/backendServices", {"name": "bs", "securityPolicy": policy})
    assert "securityPolicy" not in made
    path = f"{GLOBAL}/backendServices/bs"
    cloud.done("POST", f"{path}/setSecurityPolicy", {"securityPolicy": policy.split("/v1/")[1]})
    assert cloud.get(path)["securityPolicy"] == policy
    cloud.done("PUT", path, {"name": "bs", "timeoutSec": 9, "fingerprint": cloud.get(path)["fingerprint"]})
    assert (cloud.get(path)["securityPolicy"], cloud.get(path)["timeoutSec"]) == (policy, 9)
    cloud.done("POST", f"{path}/setSecurityPolicy", {})
    assert "securityPolicy" not in cloud.get(path)
    missing = {"securityPolicy": samples.link(GLOBAL, "securityPolicies", "none")}
    assert cloud.ask("POST", f"{path}/setSecurityPolicy", missing).status == 404


def test_a_secret_is_kept_as_its_hash(cloud: Cloud) -> None:
    iap = {"enabled": True, "oauth2ClientId": "id", "oauth2ClientSecret": "hidden-sample"}
    made = cloud.make(f"{GLOBAL}/backendServices", {"name": "bs", "iap": iap})
    assert made["iap"]["oauth2ClientSecretSha256"] == hashlib.sha256(b"hidden-sample").hexdigest()
    assert "hidden-sample" not in str(cloud.control.dump())
    patch = {"iap": {"oauth2ClientId": "other"}, "fingerprint": made["fingerprint"]}
    cloud.done("PATCH", f"{GLOBAL}/backendServices/bs", patch)
    after = cloud.get(f"{GLOBAL}/backendServices/bs")["iap"]
    assert after == made["iap"] | {"oauth2ClientId": "other"}


def test_scheme_and_network_of_a_regional_service_are_fixed(cloud: Cloud) -> None:
    made = cloud.make(f"{REGIONAL}/backendServices", {"name": "bs", "loadBalancingScheme": "INTERNAL_MANAGED"})
    path = f"{REGIONAL}/backendServices/bs"
    patch = {"loadBalancingScheme": "EXTERNAL_MANAGED", "fingerprint": made["fingerprint"]}
    refused(cloud.ask("PATCH", path, patch), "resource.loadBalancingScheme")
    direct = {"name": "direct", "loadBalancingScheme": "INTERNAL", "network": samples.NETWORK}
    made = cloud.make(f"{REGIONAL}/backendServices", direct)
    patch = {"network": samples.CLOSED, "fingerprint": made["fingerprint"]}
    refused(cloud.ask("PATCH", f"{REGIONAL}/backendServices/direct", patch), "resource.network")


def test_a_global_service_migrates_by_the_states(cloud: Cloud) -> None:
    made = cloud.make(f"{GLOBAL}/backendServices", {"name": "bs", "loadBalancingScheme": "EXTERNAL"})
    path = f"{GLOBAL}/backendServices/bs"
    patch = {"loadBalancingScheme": "EXTERNAL_MANAGED", "fingerprint": made["fingerprint"]}
    why = "Cannot change the load balancing scheme until the migration state is set to TEST_ALL_TRAFFIC."
    refused(cloud.ask("PATCH", path, patch), "resource.loadBalancingScheme", why=why)
    state = {"externalManagedMigrationState": "TEST_ALL_TRAFFIC", "fingerprint": made["fingerprint"]}
    cloud.done("PATCH", path, state)
    cloud.done("PATCH", path, patch | {"fingerprint": cloud.get(path)["fingerprint"]})
    assert cloud.get(path)["loadBalancingScheme"] == "EXTERNAL_MANAGED"


def test_who_uses_a_service_is_shown_and_keeps_it(cloud: Cloud) -> None:
    samples.build(cloud, upto="targetHttpProxies")
    shown = cloud.get(f"{GLOBAL}/backendServices/bs")
    assert shown["usedBy"] == [{"reference": samples.link(GLOBAL, "urlMaps", "map")}]
    for path in (f"{GLOBAL}/backendServices/bs", f"{GLOBAL}/healthChecks/hc", NEG):
        answer = cloud.ask("DELETE", path)
        assert (answer.status, answer.reason) == (400, "resourceInUseByAnotherResource"), path


def test_semantic_refusals_may_come_with_the_operation() -> None:
    with server.serve(stepped=True, beliefs={"gcp-late-refusal": "late"}) as running:
        cloud = conftest.connect(running)
        body = samples.health_check(checkIntervalSec=400)
        ended = cloud.end(cloud.taken("POST", f"{GLOBAL}/healthChecks", body))
        assert ended["httpErrorStatusCode"] == 400
        assert "resource.checkIntervalSec" in ended["error"]["errors"][0]["message"]
        assert cloud.ask("GET", f"{GLOBAL}/healthChecks/hc").status == 404
