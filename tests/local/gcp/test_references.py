"""References: which are taken in which spelling, which are refused and how, and what a use prevents."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_local import gcp
from cloudgw_local.gcp import names, references, server

from . import conftest as c

HERE = f"{names.ROOT}projects/{gcp.PROJECT}"
UM, BS = "global/urlMaps/um", "global/backendServices/bs"


@pytest.fixture
def backend(cloud: c.Cloud) -> c.Cloud:
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    cloud.make("global/backendServices", c.BACKEND_SERVICE)
    return cloud


@pytest.mark.parametrize(
    "spelling",
    [
        BS,
        f"projects/{gcp.PROJECT}/{BS}",
        f"projects/{gcp.NUMBER}/{BS}",
        f"{HERE}/{BS}",
        f"https://compute.googleapis.com/compute/v1/projects/{gcp.PROJECT}/{BS}",
        f"https://www.googleapis.com/compute/beta/projects/{gcp.PROJECT}/{BS}",
    ],
)
def test_every_spelling_becomes_the_full_link(backend: c.Cloud, spelling: str) -> None:
    made = backend.make("global/urlMaps", {"name": "um", "defaultService": spelling})
    assert made["defaultService"] == f"{HERE}/{BS}"


@pytest.mark.parametrize(
    ("service", "status", "reason", "message"),
    [
        ("bs", 400, "invalid", "The URL is malformed."),
        ("https://example.com/global/backendServices/bs", 400, "invalid", "The URL is malformed."),
        ("global/healthChecks/hc", 400, "invalid", "Unexpected resource collection 'healthChecks'."),
        (
            f"projects/other/{BS}",
            400,
            "invalid",
            "Cross project referencing is not allowed for this resource.",
        ),
        ("regions/europe-west1/backendServices/bs", 400, "invalid", "The referenced resource must be global."),
    ],
)
def test_a_reference_that_cannot_be(backend: c.Cloud, service: str, status: int, reason: str, message: str) -> None:
    answer = backend.ask("POST", "global/urlMaps", {"name": "um", "defaultService": service})
    assert (answer.status, answer.reason) == (status, reason)
    assert answer.message == f"Invalid value for field 'resource.defaultService': '{service}'. {message}"


def test_a_region_refers_to_itself(backend: c.Cloud) -> None:
    answer = backend.ask("POST", f"regions/{gcp.REGION}/urlMaps", {"name": "um", "defaultService": BS})
    assert (answer.status, answer.reason) == (400, "invalid")
    assert f"must be in region '{gcp.REGION}'" in answer.message


def test_deep_references_are_named_by_their_path(backend: c.Cloud) -> None:
    body = c.URL_MAP | {
        "hostRules": [{"hosts": ["a.example"], "pathMatcher": "m"}],
        "pathMatchers": [
            {
                "name": "m",
                "defaultService": BS,
                "pathRules": [{"paths": ["/a"], "service": "global/healthChecks/hc"}],
            }
        ],
    }
    answer = backend.ask("POST", "global/urlMaps", body)
    assert "'resource.pathMatchers[0].pathRules[0].service'" in answer.message


@pytest.mark.parametrize(
    ("belief", "collection", "status"),
    [
        ("mixed", "backendServices", 404),
        ("mixed", "networks", 400),
        ("not-found", "networks", 404),
        ("invalid", "backendServices", 400),
    ],
)
def test_a_reference_to_nothing(belief: str, collection: str, status: int) -> None:
    bodies: dict[str, tuple[str, Any]] = {
        "backendServices": ("global/urlMaps", {"name": "um", "defaultService": "global/backendServices/none"}),
        "networks": (
            "global/firewalls",
            {"name": "fw", "network": "global/networks/none", "allowed": [{"IPProtocol": "tcp"}]},
        ),
    }
    with server.serve(stepped=True, beliefs={"gcp-missing-reference": belief}) as running:
        path, body = bodies[collection]
        answer = c.connect(running).ask("POST", path, body)
    assert answer.status == status
    if status == 404:
        expected = f"The resource 'projects/{gcp.PROJECT}/global/{collection}/none' was not found"
        assert (answer.reason, answer.message) == ("notFound", expected)
    else:
        assert answer.reason == "invalid"
        assert answer.message.endswith(f"The referenced {references.spoken(collection)} resource cannot be found.")


def test_a_group_must_be_named_in_full(backend: c.Cloud) -> None:
    zone = gcp.ZONES[0]
    group = {
        "name": "neg",
        "networkEndpointType": "GCE_VM_IP_PORT",
        "network": f"global/networks/{gcp.NETWORK}",
        "subnetwork": f"regions/{gcp.REGION}/subnetworks/subnet-nodes",
    }
    backend.make(f"zones/{zone}/networkEndpointGroups", group)
    part = f"zones/{zone}/networkEndpointGroups/neg"
    member = {"balancingMode": "RATE", "maxRatePerEndpoint": 100}
    made = backend.get(BS)
    for text, status in ((part, 400), (f"{HERE}/{part}", 200)):
        patch = {"backends": [member | {"group": text}], "fingerprint": made["fingerprint"]}
        answer = backend.ask("PATCH", BS, patch)
        assert answer.status == status, answer.body


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "global/healthChecks/hc",
            f"The health_check resource 'GLOBAL:global/PROJECT:{gcp.NUMBER}/HEALTH_CHECK:hc' is already being used by "
            f"'GLOBAL:global/PROJECT:{gcp.NUMBER}/BACKEND_SERVICE:bs'",
        ),
        (
            BS,
            f"The backend_service resource 'projects/{gcp.PROJECT}/{BS}' is already being used by "
            f"'projects/{gcp.PROJECT}/{UM}'",
        ),
        (
            UM,
            f"The url_map resource 'projects/{gcp.PROJECT}/{UM}' is already being used by "
            f"'projects/{gcp.PROJECT}/global/targetHttpProxies/proxy'",
        ),
        (
            "global/targetHttpProxies/proxy",
            f"The target_http_proxy resource 'projects/{gcp.PROJECT}/global/targetHttpProxies/proxy' is already being "
            f"used by 'projects/{gcp.PROJECT}/global/forwardingRules/rule'",
        ),
    ],
)
def test_what_is_in_use_cannot_go(cloud: c.Cloud, path: str, message: str) -> None:
    cloud.chain()
    answer = cloud.ask("DELETE", path)
    assert (answer.status, answer.reason) == (400, "resourceInUseByAnotherResource")
    assert answer.message == message


def test_the_reverse_order_takes_everything_away(cloud: c.Cloud) -> None:
    before = cloud.control.dump()
    cloud.chain()
    for path in ("global/forwardingRules/rule", "global/targetHttpProxies/proxy", UM, BS, "global/healthChecks/hc"):
        cloud.done("DELETE", path)
    assert cloud.control.dump() == before


def test_a_use_lasts_until_the_update_that_drops_it_is_done(backend: c.Cloud) -> None:
    backend.make("global/backendServices", c.BACKEND_SERVICE | {"name": "bs2"})
    made = backend.make("global/urlMaps", c.URL_MAP)
    backend.taken("PUT", UM, made | {"defaultService": "global/backendServices/bs2"})
    for name in ("bs", "bs2"):
        assert backend.ask("DELETE", f"global/backendServices/{name}").reason == "resourceInUseByAnotherResource"
    backend.control.advance(4)
    assert backend.ask("DELETE", "global/backendServices/bs2").reason == "resourceInUseByAnotherResource"
    backend.done("DELETE", BS)


def test_nobody_may_refer_to_what_is_going_away(backend: c.Cloud) -> None:
    backend.taken("DELETE", BS)
    answer = backend.ask("POST", "global/urlMaps", c.URL_MAP)
    assert (answer.status, answer.reason) == (400, "resourceNotReady")


def test_the_reference_of_an_action_is_checked_too(cloud: c.Cloud) -> None:
    cloud.chain()
    answer = cloud.ask("POST", "targetHttpProxies/proxy/setUrlMap", {"urlMap": "global/urlMaps/none"})
    assert (answer.status, answer.reason) == (404, "notFound")
    assert "urlMaps/none" in answer.message


@pytest.mark.parametrize(
    ("collection", "word"),
    [
        ("urlMaps", "url_map"),
        ("sslPolicies", "ssl_policy"),
        ("addresses", "address"),
        ("targetHttpsProxies", "target_https_proxy"),
        ("networkEndpointGroups", "network_endpoint_group"),
        ("networks", "network"),
    ],
)
def test_how_messages_call_a_collection(collection: str, word: str) -> None:
    assert references.spoken(collection) == word
