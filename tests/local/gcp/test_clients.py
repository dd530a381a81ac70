"""The vendor's unmodified clients: google-cloud-compute and google-api-python-client drive a whole load balancer,
and every error comes out as the exception class that a client of the real cloud gets."""

from __future__ import annotations

import collections.abc
import json
import uuid
from typing import Any

import google.api_core.exceptions
import google.auth.credentials
import google.oauth2.credentials
import googleapiclient.discovery  # type: ignore[import-untyped]
import googleapiclient.errors  # type: ignore[import-untyped]
import httplib2  # type: ignore[import-untyped]
import pytest
import requests
from google.api_core import client_options
from google.api_core.retry import Retry
from google.cloud import compute_v1

from cloudgw_local import gcp
from cloudgw_local.gcp import server

from . import conftest as c

ZONE = gcp.ZONES[0]
CHECK = compute_v1.HealthCheck(name="hc", type_="HTTP", http_health_check={"port": 8080, "request_path": "/healthy"})
SERVICES = {
    "global_operations": compute_v1.GlobalOperationsClient,
    "region_operations": compute_v1.RegionOperationsClient,
    "zone_operations": compute_v1.ZoneOperationsClient,
}


@pytest.fixture(scope="module", autouse=True)
def direct() -> collections.abc.Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield


class Compute:
    """google-cloud-compute on this endpoint. `X("UrlMaps")` is its UrlMapsClient."""

    def __init__(self, endpoint: str) -> None:
        self.given: Any = {
            "credentials": google.oauth2.credentials.Credentials(token="local"),  # type: ignore[no-untyped-call]
            "client_options": client_options.ClientOptions(api_endpoint=endpoint),
        }

    def __call__(self, name: str) -> Any:
        client = getattr(compute_v1, f"{name}Client")(**self.given)
        if not name.endswith("Operations"):
            for service, operations in SERVICES.items():  # or they poll the real cloud
                client.transport._extended_operations_services[service] = operations(**self.given)
        return client


@pytest.fixture(scope="module")
def running() -> collections.abc.Iterator[c.Cloud]:
    """A cloud whose clock runs: the clients' own polling ends."""
    with server.serve(rate=2000) as served:
        yield c.connect(served)


@pytest.fixture
def live(running: c.Cloud) -> c.Cloud:
    running.control.reset()
    return running


@pytest.fixture
def compute(cloud: c.Cloud) -> Compute:
    return Compute(cloud.endpoint)


def quick(operation: Any) -> Any:
    return operation.result(retry=Retry(initial=0.01, maximum=0.02), timeout=30)


def test_google_cloud_compute_drives_a_whole_load_balancer(live: c.Cloud) -> None:
    before = live.control.dump()
    x = Compute(live.endpoint)
    at: Any = {"project": gcp.PROJECT}
    checks, groups, services = x("HealthChecks"), x("NetworkEndpointGroups"), x("BackendServices")
    maps, proxies, rules = x("UrlMaps"), x("TargetHttpProxies"), x("GlobalForwardingRules")

    check = compute_v1.HealthCheck(
        name="hc", type_="HTTP", http_health_check={"port_specification": "USE_SERVING_PORT", "request_path": "/"}
    )
    quick(checks.insert(health_check_resource=check, **at))
    group = compute_v1.NetworkEndpointGroup(
        name="neg",
        network_endpoint_type="GCE_VM_IP_PORT",
        network=f"global/networks/{gcp.NETWORK}",
        subnetwork=f"regions/{gcp.REGION}/subnetworks/subnet-nodes",
    )
    quick(groups.insert(network_endpoint_group_resource=group, zone=ZONE, **at))
    endpoint = compute_v1.NetworkEndpoint(instance="node-b", ip_address="10.0.64.5", port=8080)
    attach = compute_v1.NetworkEndpointGroupsAttachEndpointsRequest(network_endpoints=[endpoint])
    named: Any = {"network_endpoint_group": "neg", "zone": ZONE, **at}
    quick(groups.attach_network_endpoints(network_endpoint_groups_attach_endpoints_request_resource=attach, **named))
    listing = compute_v1.NetworkEndpointGroupsListEndpointsRequest(health_status="SKIP")
    found = groups.list_network_endpoints(network_endpoint_groups_list_endpoints_request_resource=listing, **named)
    assert [one.network_endpoint.ip_address for one in found] == ["10.0.64.5"]
    assert groups.get(**named).size == 1

    service = compute_v1.BackendService(
        name="bs",
        protocol="HTTP",
        load_balancing_scheme="EXTERNAL_MANAGED",
        health_checks=[checks.get(health_check="hc", **at).self_link],
        backends=[
            compute_v1.Backend(group=groups.get(**named).self_link, balancing_mode="RATE", max_rate_per_endpoint=100.0)
        ],
    )
    quick(services.insert(backend_service_resource=service, **at))
    link = services.get(backend_service="bs", **at).self_link
    quick(maps.insert(url_map_resource=compute_v1.UrlMap(name="um", default_service=link), **at))
    made = maps.get(url_map="um", **at)
    quick(
        proxies.insert(
            target_http_proxy_resource=compute_v1.TargetHttpProxy(name="proxy", url_map=made.self_link), **at
        )
    )
    rule = compute_v1.ForwardingRule(
        name="rule",
        I_p_protocol="TCP",
        port_range="80",
        load_balancing_scheme="EXTERNAL_MANAGED",
        target=proxies.get(target_http_proxy="proxy", **at).self_link,
    )
    quick(rules.insert(forwarding_rule_resource=rule, **at))
    assert rules.get(forwarding_rule="rule", **at).I_p_address

    stale = compute_v1.UrlMap(made)
    made.description = "two"
    quick(maps.update(url_map="um", url_map_resource=made, **at))
    assert maps.get(url_map="um", **at).description == "two"
    stale.description = "three"
    with pytest.raises(google.api_core.exceptions.PreconditionFailed) as refused:
        maps.update_unary(url_map="um", url_map_resource=stale, **at)
    assert refused.value.errors[0]["reason"] == "conditionNotMet"
    with pytest.raises(google.api_core.exceptions.BadRequest) as used:
        services.delete_unary(backend_service="bs", **at)
    assert used.value.errors[0]["reason"] == "resourceInUseByAnotherResource"

    quick(rules.delete(forwarding_rule="rule", **at))
    quick(proxies.delete(target_http_proxy="proxy", **at))
    quick(maps.delete(url_map="um", **at))
    quick(services.delete(backend_service="bs", **at))
    quick(groups.delete(**named))
    quick(checks.delete(health_check="hc", **at))
    assert live.control.dump() == before


def test_google_cloud_compute_pages_and_aggregates(cloud: c.Cloud, compute: Compute) -> None:
    for name in ("a", "b", "c"):
        cloud.done("POST", "global/healthChecks", c.HEALTH_CHECK | {"name": name})
    checks = compute("HealthChecks")
    request = compute_v1.ListHealthChecksRequest(project=gcp.PROJECT, max_results=2)
    assert [one.name for one in checks.list(request=request)] == ["a", "b", "c"]
    assert len(list(checks.list(request=request).pages)) == 2
    scopes = dict(checks.aggregated_list(project=gcp.PROJECT))
    assert [one.name for one in scopes["global"].health_checks] == ["a", "b", "c"]
    assert scopes["regions/europe-west4"].warning.code == "NO_RESULTS_ON_PAGE"
    cloud.control.settings(unreachable="regions/europe-west4")
    partial = checks.aggregated_list(project=gcp.PROJECT)  # this client's API version always succeeds partially
    assert list(partial.unreachables) == ["regions/europe-west4"]


def test_google_cloud_compute_repeats_a_request(cloud: c.Cloud, compute: Compute) -> None:
    checks = compute("HealthChecks")
    request = compute_v1.InsertHealthCheckRequest(
        project=gcp.PROJECT,
        request_id=str(uuid.uuid4()),
        health_check_resource=CHECK,
    )
    cloud.control.fault(operation="insert healthChecks", kind="lost")
    with pytest.raises(requests.exceptions.ConnectionError):
        checks.insert_unary(request=request)
    operation = checks.insert_unary(request=request)
    assert operation.status == compute_v1.Operation.Status.RUNNING
    cloud.control.advance(4)
    waited = compute("GlobalOperations").wait(project=gcp.PROJECT, operation=operation.name)
    assert waited.status == compute_v1.Operation.Status.DONE


def test_google_api_python_client_drives_a_whole_load_balancer(cloud: c.Cloud) -> None:
    before = cloud.control.dump()

    class Bearer(httplib2.Http):  # type: ignore[misc]
        def request(self, uri: str, method: str = "GET", headers: Any = None, **more: Any) -> Any:
            return super().request(uri, method, headers=(headers or {}) | {"authorization": "Bearer local"}, **more)

    api: Any = googleapiclient.discovery.build(
        "compute",
        "v1",
        http=Bearer(proxy_info=None),
        static_discovery=True,
        client_options={"api_endpoint": f"{cloud.endpoint}/compute/v1/"},
    )

    def done(request: Any) -> Any:
        operation = request.execute()
        if operation["status"] != "DONE":
            cloud.control.advance(12)
            where = {"project": gcp.PROJECT, "operation": operation["name"]}
            operations = api.globalOperations()
            if "zone" in operation:
                operations, where["zone"] = api.zoneOperations(), ZONE
            operation = operations.wait(**where).execute()
        assert operation["status"] == "DONE"
        assert "error" not in operation
        return operation

    at = {"project": gcp.PROJECT}
    done(api.healthChecks().insert(body=c.HEALTH_CHECK, **at))
    group = {
        "name": "neg",
        "networkEndpointType": "GCE_VM_IP_PORT",
        "network": f"global/networks/{gcp.NETWORK}",
        "subnetwork": f"regions/{gcp.REGION}/subnetworks/subnet-nodes",
    }
    link = done(api.networkEndpointGroups().insert(body=group, zone=ZONE, **at))["targetLink"]
    endpoints = {"networkEndpoints": [{"instance": "node-b", "ipAddress": "10.0.64.5", "port": 8080}]}
    named = {"networkEndpointGroup": "neg", "zone": ZONE, **at}
    done(api.networkEndpointGroups().attachNetworkEndpoints(body=endpoints, **named))
    backend = {"group": link, "balancingMode": "RATE", "maxRatePerEndpoint": 100}
    done(api.backendServices().insert(body=c.BACKEND_SERVICE | {"backends": [backend]}, **at))
    done(api.urlMaps().insert(body=c.URL_MAP, **at))
    done(api.targetHttpProxies().insert(body={"name": "proxy", "urlMap": "global/urlMaps/um"}, **at))
    done(api.globalForwardingRules().insert(body=c.RULE, **at))

    made = api.urlMaps().get(urlMap="um", **at).execute()
    done(api.urlMaps().update(urlMap="um", body=made | {"description": "two"}, **at))
    with pytest.raises(googleapiclient.errors.HttpError) as refused:
        api.urlMaps().update(urlMap="um", body=made | {"description": "three"}, **at).execute()
    assert refused.value.status_code == 412
    assert json.loads(refused.value.content)["error"]["errors"][0]["reason"] == "conditionNotMet"
    current = api.urlMaps().get(urlMap="um", **at).execute()
    patch = {"description": None, "fingerprint": current["fingerprint"]}
    done(api.urlMaps().patch(urlMap="um", body=patch, **at))
    assert "two" not in api.urlMaps().get(urlMap="um", **at).execute().get("description", "")
    with pytest.raises(googleapiclient.errors.HttpError) as used:
        api.backendServices().delete(backendService="bs", **at).execute()
    assert used.value.status_code == 400

    done(api.globalForwardingRules().delete(forwardingRule="rule", **at))
    done(api.targetHttpProxies().delete(targetHttpProxy="proxy", **at))
    done(api.urlMaps().delete(urlMap="um", **at))
    done(api.backendServices().delete(backendService="bs", **at))
    done(api.networkEndpointGroups().detachNetworkEndpoints(body=endpoints, **named))
    done(api.networkEndpointGroups().delete(**named))
    done(api.healthChecks().delete(healthCheck="hc", **at))
    assert cloud.control.dump() == before


# One row per error: what is done, the exception's class, the reason in its first error.


def refused(kind: type[Exception], reason: str, perform: collections.abc.Callable[..., Any], **given: Any) -> Any:
    with pytest.raises(kind) as caught:
        perform(project=gcp.PROJECT, **given)
    assert type(caught.value) is kind
    assert caught.value.errors[0]["reason"] == reason  # type: ignore[attr-defined]
    return caught.value


def test_404_is_not_found(compute: Compute) -> None:
    error = google.api_core.exceptions.NotFound
    refused(error, "notFound", compute("UrlMaps").get, url_map="none")


def test_409_is_conflict(cloud: c.Cloud, compute: Compute) -> None:
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    error = google.api_core.exceptions.Conflict
    refused(error, "alreadyExists", compute("HealthChecks").insert_unary, health_check_resource=CHECK)


def test_412_is_precondition_failed(cloud: c.Cloud, compute: Compute) -> None:
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    cloud.make("global/backendServices", c.BACKEND_SERVICE)
    error = google.api_core.exceptions.PreconditionFailed
    stale = compute_v1.BackendService(description="x", fingerprint="AAAAAAAAAAA=")
    perform = compute("BackendServices").patch_unary
    refused(error, "conditionNotMet", perform, backend_service="bs", backend_service_resource=stale)


def test_400_is_bad_request(cloud: c.Cloud, compute: Compute) -> None:
    error = google.api_core.exceptions.BadRequest
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    cloud.make("global/backendServices", c.BACKEND_SERVICE)
    perform = compute("HealthChecks").delete_unary
    refused(error, "resourceInUseByAnotherResource", perform, health_check="hc")
    cloud.taken("DELETE", "global/backendServices/bs")
    refused(error, "resourceNotReady", compute("BackendServices").delete_unary, backend_service="bs")
    named = compute_v1.HealthCheck(CHECK, name="Bad_Name")
    refused(error, "invalid", compute("HealthChecks").insert_unary, health_check_resource=named)


@pytest.mark.parametrize("kind", ["throttle", "quota"])
def test_403_is_forbidden_and_not_retried(cloud: c.Cloud, compute: Compute, kind: str) -> None:
    if kind == "throttle":
        cloud.control.fault(operation="insert healthChecks", kind="throttle", times=1)
    else:
        cloud.control.settings(quota_health_checks=0)
    reason = "rateLimitExceeded" if kind == "throttle" else "quotaExceeded"
    error = google.api_core.exceptions.Forbidden
    refused(error, reason, compute("HealthChecks").insert_unary, health_check_resource=CHECK)
    assert len(cloud.journal("insert healthChecks")) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, google.api_core.exceptions.TooManyRequests),
        (500, google.api_core.exceptions.InternalServerError),
        (503, google.api_core.exceptions.ServiceUnavailable),
        (504, google.api_core.exceptions.GatewayTimeout),
        (413, google.api_core.exceptions.GoogleAPICallError),
    ],
)
def test_an_ordered_status_is_its_class_and_a_write_is_not_retried(
    cloud: c.Cloud, compute: Compute, status: int, kind: type[Exception]
) -> None:
    cloud.control.fault(operation="insert healthChecks", kind="error", code="backendError", status=status)
    refused(kind, "backendError", compute("HealthChecks").insert_unary, health_check_resource=CHECK)
    assert len(cloud.journal("insert healthChecks")) == 1


def test_503_is_retried_by_reads_only(cloud: c.Cloud, compute: Compute) -> None:
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    cloud.control.fault(operation="get healthChecks", kind="error", code="backendError", times=2)
    seen = len(cloud.journal("get healthChecks"))
    assert compute("HealthChecks").get(project=gcp.PROJECT, health_check="hc").name == "hc"
    assert len(cloud.journal("get healthChecks")) == seen + 3


@pytest.mark.parametrize("kind", ["lost", "refuse-before"])
def test_a_broken_connection_is_the_transports_own(cloud: c.Cloud, compute: Compute, kind: str) -> None:
    cloud.control.fault(operation="insert healthChecks", kind=kind)
    with pytest.raises(requests.exceptions.ConnectionError):
        compute("HealthChecks").insert_unary(project=gcp.PROJECT, health_check_resource=CHECK)


def test_a_failed_operation_is_the_class_of_its_status(live: c.Cloud) -> None:
    networks = Compute(live.endpoint)("Networks")
    with pytest.raises(google.api_core.exceptions.BadRequest) as caught:
        quick(networks.delete(project=gcp.PROJECT, network=gcp.NETWORK))
    assert caught.value.message.startswith("BAD REQUEST")
    assert caught.value.errors[0].code == "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"


def test_no_credentials(cloud: c.Cloud) -> None:
    anonymous: Any = {
        "credentials": google.auth.credentials.AnonymousCredentials(),  # type: ignore[no-untyped-call]
        "client_options": client_options.ClientOptions(api_endpoint=cloud.endpoint),
    }
    with pytest.raises(google.auth.exceptions.InvalidOperation):
        compute_v1.UrlMapsClient(**anonymous).get(project=gcp.PROJECT, url_map="um")
    assert [one["outcome"] for one in cloud.journal("get urlMaps")] == ["required"]
