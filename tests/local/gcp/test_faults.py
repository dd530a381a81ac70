"""What tests can order: faults by name, refusals by name, quotas, request limits, answers that lag."""

from __future__ import annotations

import http.client
from typing import Any

import pytest

from cloudgw_local import gcp
from cloudgw_local.gcp import discovery, kinds, resources, server, throttle

from . import conftest as c

HC, BS, UM = "global/healthChecks/hc", "global/backendServices/bs", "global/urlMaps/um"


@pytest.fixture
def backend(cloud: c.Cloud) -> c.Cloud:
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    cloud.make("global/backendServices", c.BACKEND_SERVICE)
    return cloud


@pytest.mark.parametrize("name", ["insert healthChecks", "insert", "healthChecks", "*"])
def test_a_throttle_hits_the_call_it_is_ordered_for(cloud: c.Cloud, name: str) -> None:
    cloud.control.fault(operation=name, kind="throttle")
    answer = cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK)
    assert (answer.status, answer.reason) == (403, "rateLimitExceeded")
    assert answer.body["error"]["errors"][0]["domain"] == "usageLimits"
    assert answer.body["error"]["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    assert f"project_number:{gcp.NUMBER}" in answer.message
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    assert [one["outcome"] for one in cloud.journal("insert healthChecks")] == ["rateLimitExceeded", "ok"]


def test_a_fault_spares_other_calls(cloud: c.Cloud) -> None:
    cloud.control.fault(operation="delete healthChecks", kind="throttle")
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    assert cloud.ask("DELETE", HC).status == 403


@pytest.mark.parametrize(
    ("code", "status", "given"),
    [("backendError", 503, 0), ("internalError", 500, 0), ("forbidden", 403, 0), ("backendError", 504, 504)],
)
def test_an_error_has_no_effect(cloud: c.Cloud, code: str, status: int, given: int) -> None:
    cloud.control.fault(operation="insert healthChecks", kind="error", code=code, status=given, message="told")
    answer = cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK)
    assert (answer.status, answer.reason, answer.message) == (status, code, "told")
    assert cloud.ask("GET", HC).status == 404


def test_a_lost_answer_has_its_effect(cloud: c.Cloud) -> None:
    cloud.control.fault(operation="insert healthChecks", kind="lost")
    with pytest.raises(http.client.RemoteDisconnected):
        cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK)
    assert cloud.get(HC)["name"] == "hc"
    assert [one["outcome"] for one in cloud.journal("insert healthChecks")] == ["lost"]


def test_a_refused_connection_has_none(cloud: c.Cloud) -> None:
    cloud.control.fault(operation="insert healthChecks", kind="refuse-before")
    with pytest.raises(http.client.RemoteDisconnected):
        cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK)
    assert cloud.ask("GET", HC).status == 404


MATCHERS = c.URL_MAP | {
    "hostRules": [{"hosts": ["a.example"], "pathMatcher": "good"}, {"hosts": ["b.example"], "pathMatcher": "poison"}],
    "pathMatchers": [
        {
            "name": "good",
            "defaultService": BS,
            "routeRules": [
                {"priority": 1, "description": "fine", "matchRules": [{"prefixMatch": "/a"}], "service": BS},
                {"priority": 2, "description": "bitter", "matchRules": [{"prefixMatch": "/b"}], "service": BS},
            ],
        },
        {"name": "poison", "defaultService": BS},
    ],
}


@pytest.mark.parametrize(
    ("pattern", "path", "text"),
    [
        ("^um$", "resource.name", "um"),
        ("poi", "resource.pathMatchers[1].name", "poison"),
        ("^bitter$", "resource.pathMatchers[0].routeRules[1].description", "bitter"),
    ],
)
def test_a_name_that_the_cloud_refuses(backend: c.Cloud, pattern: str, path: str, text: str) -> None:
    backend.control.settings(refuse_name=pattern)
    answer = backend.ask("POST", "global/urlMaps", MATCHERS)
    assert (answer.status, answer.reason) == (400, "invalid")
    assert answer.message.startswith(f"Invalid value for field '{path}': '{text}'.")
    assert backend.ask("GET", UM).status == 404
    backend.control.settings(refuse_name="")
    backend.make("global/urlMaps", MATCHERS)


def test_the_refusal_may_name_nothing(backend: c.Cloud) -> None:
    backend.control.settings(refuse_name="poison", refuse_mode="unnamed")
    answer = backend.ask("POST", "global/urlMaps", MATCHERS)
    assert answer.status == 400
    assert "poison" not in answer.message
    assert "pathMatchers" not in answer.message


@pytest.mark.parametrize(("mode", "named"), [("late", True), ("late-unnamed", False)])
def test_the_refusal_may_come_in_the_operation(backend: c.Cloud, mode: str, named: bool) -> None:
    good = backend.make("global/urlMaps", c.URL_MAP)
    backend.control.settings(refuse_name="poison", refuse_mode=mode)
    operation = backend.end(backend.taken("PUT", UM, MATCHERS | {"fingerprint": good["fingerprint"]}))
    assert (operation["httpErrorStatusCode"], operation["httpErrorMessage"]) == (400, "BAD REQUEST")
    assert ("poison" in operation["error"]["errors"][0]["message"]) is named
    assert backend.get(UM) == good


@pytest.mark.parametrize(("belief", "status"), [("403", 403), ("413", 413)])
def test_a_quota(belief: str, status: int) -> None:
    with server.serve(stepped=True, beliefs={"gcp-quota-status": belief}) as running:
        cloud = c.connect(running)
        cloud.control.settings(quota_health_checks=1)
        cloud.make("global/healthChecks", c.HEALTH_CHECK)
        answer = cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK | {"name": "hc2"})
        assert (answer.status, answer.reason) == (status, "quotaExceeded")
        assert answer.message == "Quota 'HEALTH_CHECKS' exceeded.  Limit: 1.0 globally."
        cloud.make(f"regions/{gcp.REGION}/healthChecks", c.HEALTH_CHECK)
        regional = cloud.ask("POST", f"regions/{gcp.REGION}/healthChecks", c.HEALTH_CHECK | {"name": "hc2"})
        assert regional.message.endswith(f"in region {gcp.REGION}.")
        for path in (c.PROJECT, f"{c.PROJECT}/regions/{gcp.REGION}"):
            usage = {one["metric"]: (one["usage"], one["limit"]) for one in cloud.get(path)["quotas"]}
            assert usage["HEALTH_CHECKS"] == (1, 1)


def test_request_limits_per_project_and_minute(cloud: c.Cloud) -> None:
    cloud.control.settings(throttling=True)
    cloud.control.advance(60 - cloud.control.now() % 60 + 15)
    heavy = [cloud.ask("GET", "aggregated/urlMaps").status for _ in range(throttle.HEAVY_PER_MINUTE + 1)]
    assert heavy == [200] * throttle.HEAVY_PER_MINUTE + [403]
    assert cloud.ask("GET", "global/urlMaps").status == 200
    cloud.control.advance(44.9)
    assert cloud.ask("GET", "aggregated/urlMaps").status == 403
    cloud.control.advance(0.1)  # the next minute of the clock, not a minute later
    assert cloud.ask("GET", "aggregated/urlMaps").status == 200


@pytest.mark.parametrize(
    ("method", "path", "write", "group"),
    [
        ("GET", "global/urlMaps", False, "global_reads"),
        ("POST", "global/urlMaps", True, "global_writes"),
        ("GET", "regions/europe-west1/urlMaps", False, "reads_per_region europe-west1"),
        ("DELETE", "zones/europe-west4-a/networkEndpointGroups/x", True, "writes_per_region europe-west4"),
        (
            "POST",
            "zones/europe-west1-b/networkEndpointGroups/x/attachNetworkEndpoints",
            True,
            "network_endpoint_write_requests_per_region europe-west1",
        ),
        (
            "POST",
            "zones/europe-west1-b/networkEndpointGroups/x/listNetworkEndpoints",
            False,
            "network_endpoint_list_requests_per_region europe-west1",
        ),
        ("GET", "aggregated/urlMaps", False, "heavy_weight_read_requests"),
        (
            "POST",
            "regions/europe-west1/operations/x/wait",
            False,
            "heavy_weight_read_requests_per_region europe-west1",
        ),
        ("POST", "global/operations/x/wait", False, "global_reads"),
    ],
)
def test_which_limit_a_call_belongs_to(method: str, path: str, write: bool, group: str) -> None:
    route = discovery.match(method, f"{c.PROJECT}/{path}")
    assert route is not None
    assert resources.is_write(route, kinds.KINDS) is write
    assert throttle.group_of(route, write) == group


def test_reads_lag(cloud: c.Cloud) -> None:
    cloud.control.settings(staleness=5.0)
    operation = cloud.taken("POST", "global/healthChecks", c.HEALTH_CHECK)
    assert cloud.ask("GET", HC).status == 404
    cloud.control.advance(5)
    assert cloud.get(operation["selfLink"])["status"] == "DONE"
    assert cloud.get(HC)["timeoutSec"] == 5
    cloud.taken("PATCH", HC, {"timeoutSec": 3})
    cloud.control.advance(4.5)
    assert cloud.get(HC)["timeoutSec"] == 5
    assert cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK).status == 409
    cloud.control.advance(5)
    assert cloud.get(HC)["timeoutSec"] == 3


def journalled(cloud: c.Cloud, body: Any) -> str:
    cloud.ask("POST", "global/sslCertificates", body)
    return str(cloud.control.journal())


def test_no_secret_in_the_journal(cloud: c.Cloud) -> None:
    for body in (
        {"name": "cert", "privateKey": "TOPSECRET", "certificate": "x"},
        {"name": "cert", "selfManaged": {"privateKey": "TOPSECRET"}},
        {"nonsense": {"privateKey": "TOPSECRET"}},
    ):
        assert "TOPSECRET" not in journalled(cloud, body)
    cloud.ask("POST", "global/backendServices", c.BACKEND_SERVICE | {"iap": {"oauth2ClientSecret": "TOPSECRET"}})
    assert "TOPSECRET" not in str(cloud.control.journal())
    entry = cloud.journal("insert sslCertificates")[0]
    assert entry["write"] is True
    assert entry["parameters"]["path"] == f"{c.PROJECT}/global/sslCertificates"
    assert entry["parameters"]["body"]["name"] == "cert"
