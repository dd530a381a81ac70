"""URL maps through the running cloud: what the frame and the rules do together."""

from __future__ import annotations

import pytest

from cloudgw_local.gcp import server

from . import conftest, samples, urlmap_samples
from .conftest import Cloud, Json
from .urlmap_samples import changed, put

MAP = "global/urlMaps/whole"


@pytest.fixture
def cloud(cloud: Cloud) -> Cloud:
    """With the backend services that the good map names."""
    services(cloud)
    return cloud


def services(cloud: Cloud) -> None:
    cloud.make("global/healthChecks", conftest.HEALTH_CHECK)
    for name in ("shop", "cart", "shadow"):
        cloud.make("global/backendServices", conftest.BACKEND_SERVICE | {"name": f"{name}-external-managed"})


def test_what_is_read_and_put_back_changes_nothing(cloud: Cloud) -> None:
    before = cloud.make("global/urlMaps", urlmap_samples.whole())
    cloud.done("PUT", MAP, before)
    after = cloud.get(MAP)
    assert after | {"fingerprint": ""} == before | {"fingerprint": ""}


def test_a_patch_is_judged_as_a_whole(cloud: Cloud) -> None:
    fingerprint = cloud.make("global/urlMaps", urlmap_samples.whole())["fingerprint"]
    reply = cloud.ask("PATCH", MAP, {"pathMatchers": [], "tests": [], "fingerprint": fingerprint})
    assert (reply.status, reply.reason) == (400, "invalid")
    assert "'resource.hostRules[0].pathMatcher'" in reply.message
    gone: Json = {"hostRules": None, "pathMatchers": None, "tests": None, "fingerprint": fingerprint}
    cloud.done("PATCH", MAP, gone)
    assert not {"hostRules", "pathMatchers", "tests"} & cloud.get(MAP).keys()


def test_every_service_of_a_map_is_in_use(cloud: Cloud) -> None:
    cloud.make("global/urlMaps", urlmap_samples.whole())
    for name in ("shop", "cart", "shadow"):
        reply = cloud.ask("DELETE", f"global/backendServices/{name}-external-managed")
        assert (reply.status, reply.reason) == (400, "resourceInUseByAnotherResource")


def test_a_map_with_an_https_redirect_and_a_target_https_proxy_exclude_each_other(cloud: Cloud) -> None:
    cloud.make("global/sslCertificates", samples.certificate())
    cloud.make("global/urlMaps", urlmap_samples.upgrade())
    proxy = {"name": "secure", "sslCertificates": ["global/sslCertificates/cert"]}
    reply = cloud.ask("POST", "global/targetHttpsProxies", proxy | {"urlMap": "global/urlMaps/upgrade"})
    assert (reply.status, reply.reason) == (400, "invalid")
    assert "httpsRedirect" in reply.message
    cloud.make("global/targetHttpProxies", {"name": "plain", "urlMap": "global/urlMaps/upgrade"})
    before = cloud.make("global/urlMaps", urlmap_samples.whole())
    cloud.make("global/targetHttpsProxies", proxy | {"urlMap": MAP})
    reply = cloud.ask("PUT", MAP, changed(before, put("pathMatchers[2].defaultUrlRedirect.httpsRedirect", True)))
    assert (reply.status, reply.reason) == (400, "invalid")
    assert "'resource.pathMatchers[2].defaultUrlRedirect.httpsRedirect': 'true'" in reply.message


def test_validate_answers_for_a_map_that_is_not_there(cloud: Cloud) -> None:
    answer = cloud.taken("POST", "global/urlMaps/none/validate", {"resource": urlmap_samples.whole()})
    assert answer["result"]["testPassed"] is True
    assert cloud.ask("GET", "global/urlMaps/none").status == 404
    assert cloud.ask("POST", "global/urlMaps/none/validate", {"resource": {"defaultService": "x"}}).status == 400


def test_a_late_refusal_ends_the_operation_and_leaves_the_map_as_it_was() -> None:
    with server.serve(stepped=True, beliefs={"gcp-late-refusal": "late"}) as running:
        cloud = conftest.connect(running)
        services(cloud)
        before = cloud.make("global/urlMaps", urlmap_samples.whole())
        body = changed(before, put("pathMatchers[0].routeRules[0].priority", 10))
        operation = cloud.end(cloud.taken("PUT", MAP, body))
        [error] = operation["error"]["errors"]
        assert operation["httpErrorStatusCode"] == 400
        assert "'resource.pathMatchers[0].routeRules[1].priority': '10'" in error["message"]
        assert cloud.get(MAP)["pathMatchers"][0]["routeRules"][0]["priority"] == 40
