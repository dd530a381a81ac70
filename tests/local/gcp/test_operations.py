"""Operations: states by the clock, what others see meanwhile, late failures, waits, request ids, fingerprints."""

from __future__ import annotations

import base64
import time
import uuid
from typing import Any

import pytest

from cloudgw_local import gcp
from cloudgw_local.gcp import names, server

from . import conftest as c
from . import samples

HC, BS, UM = "global/healthChecks/hc", "global/backendServices/bs", "global/urlMaps/um"


def begun(cloud: c.Cloud) -> Any:
    return cloud.taken("POST", "global/healthChecks", c.HEALTH_CHECK)


def backend(cloud: c.Cloud) -> None:
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    cloud.make("global/backendServices", c.BACKEND_SERVICE)


def test_an_insert_runs_for_four_seconds(cloud: c.Cloud) -> None:
    operation = begun(cloud)
    assert operation["kind"] == "compute#operation"
    assert (operation["status"], operation["progress"], operation["operationType"]) == ("RUNNING", 0, "insert")
    assert operation["targetLink"] == f"{names.ROOT}projects/{gcp.PROJECT}/{HC}"
    assert operation["insertTime"] == operation["startTime"]
    assert "endTime" not in operation
    cloud.control.advance(3.9)
    assert cloud.get(operation["selfLink"])["status"] == "RUNNING"
    cloud.control.advance(0.1)
    ended = cloud.get(operation["selfLink"])
    assert (ended["status"], ended["progress"]) == ("DONE", 100)
    assert ended["endTime"] > ended["startTime"]
    assert ended["targetId"] == cloud.get(HC)["id"]


def test_an_operation_may_wait_before_it_runs(cloud: c.Cloud) -> None:
    cloud.control.settings(pending_seconds=2.0)
    operation = begun(cloud)
    assert operation["status"] == "PENDING"
    assert "startTime" not in operation
    cloud.control.advance(2)
    assert cloud.get(operation["selfLink"])["status"] == "RUNNING"
    cloud.control.advance(4)
    assert cloud.get(operation["selfLink"])["status"] == "DONE"


def test_a_forwarding_rule_takes_longer(cloud: c.Cloud) -> None:
    cloud.chain()
    cloud.done("DELETE", "global/forwardingRules/rule")
    operation = cloud.taken("POST", "global/forwardingRules", c.RULE)
    cloud.control.advance(11.9)
    assert cloud.get(operation["selfLink"])["status"] == "RUNNING"
    cloud.control.advance(0.1)
    assert cloud.get(operation["selfLink"])["status"] == "DONE"


def test_a_region_has_its_own_operations(cloud: c.Cloud) -> None:
    operation = cloud.taken("POST", f"regions/{gcp.REGION}/healthChecks", c.HEALTH_CHECK)
    assert operation["region"] == f"{names.ROOT}projects/{gcp.PROJECT}/regions/{gcp.REGION}"
    assert cloud.get(f"regions/{gcp.REGION}/operations/{operation['name']}")["name"] == operation["name"]
    elsewhere = cloud.ask("GET", f"global/operations/{operation['name']}")
    assert (elsewhere.status, elsewhere.reason) == (404, "notFound")
    assert [one["name"] for one in cloud.get(f"regions/{gcp.REGION}/operations")["items"]] == [operation["name"]]
    assert "items" not in cloud.get("global/operations")


@pytest.mark.parametrize(
    ("verb", "path", "body", "type_", "status"),
    [
        ("POST", "targetHttpProxies/proxy/setUrlMap", {"urlMap": UM}, "SetUrlMap", "RUNNING"),
        (
            "POST",
            "global/forwardingRules/rule/setTarget",
            {"target": "global/targetHttpProxies/proxy"},
            "SetTarget",
            "RUNNING",
        ),
        (
            "POST",
            "global/forwardingRules/rule/setLabels",
            {"labels": {"a": "b"}, "labelFingerprint": "42WmSpB8rSM="},
            "setLabels",
            "DONE",
        ),
        ("DELETE", "global/forwardingRules/rule", None, "delete", "RUNNING"),
    ],
)
def test_recorded_types_and_first_answers(
    cloud: c.Cloud, verb: str, path: str, body: Any, type_: str, status: str
) -> None:
    cloud.chain()
    operation = cloud.taken(verb, path, body)
    assert (operation["operationType"], operation["status"]) == (type_, status)


def test_the_type_of_an_ssl_policys_patch_is_irregular(cloud: c.Cloud) -> None:
    policy = cloud.make("global/sslPolicies", {"name": "tls", "profile": "MODERN", "minTlsVersion": "TLS_1_2"})
    patch = {"profile": "RESTRICTED", "fingerprint": policy["fingerprint"]}
    assert cloud.done("PATCH", "global/sslPolicies/tls", patch)["operationType"] == "compute.sslPolicies.patch"
    assert cloud.get("global/sslPolicies/tls")["profile"] == "RESTRICTED"


def test_an_update_shows_when_it_is_done(cloud: c.Cloud) -> None:
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    cloud.taken("PATCH", HC, {"timeoutSec": 3})
    assert cloud.get(HC)["timeoutSec"] == 5
    cloud.control.advance(4)
    assert cloud.get(HC)["timeoutSec"] == 3


def test_a_resource_on_its_way_out_is_there_until_the_end(cloud: c.Cloud) -> None:
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    cloud.taken("DELETE", HC)
    assert cloud.get(HC)["name"] == "hc"
    again = cloud.ask("DELETE", HC)
    assert (again.status, again.reason) == (400, "resourceNotReady")
    assert again.message == f"The resource 'projects/{gcp.PROJECT}/{HC}' is not ready"
    cloud.control.advance(4)
    assert cloud.ask("GET", HC).status == 404


@pytest.mark.parametrize(("belief", "status"), [("at-once", 200), ("when-done", 404)])
def test_what_an_insert_under_way_looks_like(belief: str, status: int) -> None:
    with server.serve(stepped=True, beliefs={"gcp-insert-visible": belief}) as running:
        cloud = c.connect(running)
        begun(cloud)
        assert cloud.ask("GET", HC).status == status
        assert len(cloud.get("global/healthChecks").get("items", [])) == (1 if status == 200 else 0)
        twice = cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK)
        assert (twice.status, twice.reason) == (409, "alreadyExists")
        used = cloud.ask("POST", "global/backendServices", c.BACKEND_SERVICE)
        assert (used.status, used.reason) == (400, "resourceNotReady")
        cloud.control.advance(4)
        assert cloud.get(HC)["name"] == "hc"
        cloud.make("global/backendServices", c.BACKEND_SERVICE)


def test_one_change_at_a_time(cloud: c.Cloud) -> None:
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    cloud.taken("PATCH", HC, {"timeoutSec": 3})
    for verb, body in (("PATCH", {"timeoutSec": 2}), ("PUT", c.HEALTH_CHECK), ("DELETE", None)):
        second = cloud.ask(verb, HC, body)
        assert (second.status, second.reason) == (400, "resourceNotReady")
    cloud.control.advance(4)
    cloud.done("PATCH", HC, {"timeoutSec": 2})
    assert cloud.get(HC)["timeoutSec"] == 2


def test_wait_answers_at_once_on_a_stepped_clock(cloud: c.Cloud) -> None:
    operation = begun(cloud)
    path = f"global/operations/{operation['name']}/wait"
    assert cloud.taken("POST", path)["status"] == "RUNNING"
    cloud.control.advance(4)
    assert cloud.taken("POST", path)["status"] == "DONE"
    assert cloud.ask("POST", "global/operations/none/wait").status == 404


def test_wait_waits_on_a_running_clock_and_others_go_on() -> None:
    with server.serve(rate=60) as running:
        cloud = c.connect(running)
        cloud.control.settings(insert_seconds=30.0)
        operation = begun(cloud)
        began = time.monotonic()
        answer = cloud.taken("POST", f"global/operations/{operation['name']}/wait")
        assert answer["status"] == "DONE"
        assert time.monotonic() - began > 0.3


def test_a_wait_ends_after_two_minutes() -> None:
    with server.serve(rate=600) as running:
        cloud = c.connect(running)
        cloud.control.settings(insert_seconds=1e6)
        operation = begun(cloud)
        before = cloud.control.now()
        assert cloud.taken("POST", f"global/operations/{operation['name']}/wait")["status"] == "RUNNING"
        assert 115 < cloud.control.now() - before < 300


def test_a_finished_operation_can_be_deleted(cloud: c.Cloud) -> None:
    operation = cloud.end(begun(cloud))
    answer = cloud.ask("DELETE", operation["selfLink"])
    assert (answer.status, answer.body) == (204, "")
    assert cloud.ask("GET", operation["selfLink"]).status == 404


def test_the_deletion_of_a_network_in_use_fails_in_its_operation(cloud: c.Cloud) -> None:
    operation = cloud.end(cloud.taken("DELETE", "global/networks/net-closed"))
    assert operation["error"]["errors"][0]["code"] == "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"
    assert "already being used by" in operation["error"]["errors"][0]["message"]
    assert (operation["httpErrorStatusCode"], operation["httpErrorMessage"]) == (400, "BAD REQUEST")
    assert cloud.get("global/networks/net-closed")["name"] == "net-closed"


def test_a_late_refusal_leaves_nothing_behind() -> None:
    with server.serve(stepped=True, beliefs={"gcp-late-refusal": "late"}) as running:
        cloud = c.connect(running)
        backend(cloud)
        broken = c.URL_MAP | {"pathMatchers": [{"name": "m"}], "hostRules": [{"hosts": ["a"], "pathMatcher": "none"}]}
        operation = cloud.end(cloud.taken("POST", "global/urlMaps", broken))
        assert operation["httpErrorStatusCode"] == 400
        assert cloud.ask("GET", UM).status == 404
        good = cloud.make("global/urlMaps", c.URL_MAP)
        operation = cloud.end(cloud.taken("PUT", UM, broken | {"fingerprint": good["fingerprint"]}))
        assert "error" in operation
        assert cloud.get(UM) == good


def test_a_request_id_makes_a_repeated_call_the_same(cloud: c.Cloud) -> None:
    number = str(uuid.uuid4())
    first = cloud.taken("POST", "global/healthChecks", c.HEALTH_CHECK, requestId=number)
    again = cloud.taken("POST", "global/healthChecks", c.HEALTH_CHECK, requestId=number)
    assert again["name"] == first["name"]
    cloud.control.advance(4)
    third = cloud.taken("POST", "global/healthChecks", c.HEALTH_CHECK, requestId=number)
    assert (third["name"], third["status"]) == (first["name"], "DONE")
    other = cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK, requestId=str(uuid.uuid4()))
    assert other.status == 409
    deleted = cloud.taken("DELETE", HC, requestId=number)
    assert deleted["name"] != first["name"]
    cloud.control.advance(3600)
    assert cloud.taken("POST", "global/healthChecks", c.HEALTH_CHECK, requestId=number)["name"] != first["name"]


@pytest.mark.parametrize("number", ["x", "00000000-0000-0000-0000-000000000000", "{" + str(uuid.uuid4()) + "}"])
def test_a_request_id_is_a_uuid(cloud: c.Cloud, number: str) -> None:
    answer = cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK, requestId=number)
    assert (answer.status, answer.reason) == (400, "invalid")
    assert "'requestId'" in answer.message


def test_a_refused_call_does_not_use_up_its_request_id(cloud: c.Cloud) -> None:
    number = str(uuid.uuid4())
    assert cloud.ask("POST", "global/backendServices", c.BACKEND_SERVICE, requestId=number).status == 404
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    cloud.done("POST", "global/backendServices", c.BACKEND_SERVICE, requestId=number)


def test_fingerprints_rotate_with_the_content(cloud: c.Cloud) -> None:
    backend(cloud)
    first = cloud.make("global/urlMaps", c.URL_MAP)
    assert len(base64.b64decode(first["fingerprint"])) == 8
    cloud.done("PUT", UM, first | {"description": "two"})
    second = cloud.get(UM)
    assert second["fingerprint"] != first["fingerprint"]
    stale = cloud.ask("PUT", UM, first)
    assert (stale.status, stale.reason, stale.message) == (412, "conditionNotMet", "Invalid fingerprint.")
    assert stale.body["error"]["errors"][0]["location"] == "If-Match"
    assert cloud.get(UM) == second


def test_an_update_without_a_fingerprint(cloud: c.Cloud) -> None:
    backend(cloud)
    cloud.make("global/urlMaps", c.URL_MAP)
    update = cloud.ask("PUT", UM, c.URL_MAP)
    assert (update.status, update.reason) == (400, "required")
    assert update.message == "Required field 'resource.fingerprint' not specified"
    patch = cloud.ask("PATCH", UM, {"description": "x"})
    assert (patch.status, patch.reason) == (412, "conditionNotMet")


def test_a_fingerprint_may_be_optional() -> None:
    with server.serve(stepped=True, beliefs={"gcp-fingerprint-needed": "optional"}) as running:
        cloud = c.connect(running)
        backend(cloud)
        made = cloud.make("global/urlMaps", c.URL_MAP)
        cloud.done("PATCH", UM, {"description": "x"})
        assert cloud.get(UM)["description"] == "x"
        assert cloud.ask("PATCH", UM, {"description": "y", "fingerprint": made["fingerprint"]}).status == 412


def test_labels_are_set_with_their_own_fingerprint(cloud: c.Cloud) -> None:
    address = cloud.make("global/addresses", {"name": "ip", "labels": {"dropped": "yes"}})
    assert "labels" not in address
    assert address["labelFingerprint"] == "42WmSpB8rSM="
    path = "global/addresses/ip/setLabels"
    for given in ({}, {"labelFingerprint": "AAAAAAAAAAA="}):
        stale = cloud.ask("POST", path, {"labels": {"a": "b"}} | given)
        assert (stale.status, stale.reason) == (412, "conditionNotMet")
        assert stale.message == "Labels fingerprint either invalid or resource labels have changed"
    cloud.done("POST", path, {"labels": {"a": "b"}, "labelFingerprint": address["labelFingerprint"]})
    labelled = cloud.get("global/addresses/ip")
    assert labelled["labels"] == {"a": "b"}
    assert labelled["labelFingerprint"] != address["labelFingerprint"]
    cloud.done("POST", path, {"labels": {}, "labelFingerprint": labelled["labelFingerprint"]})
    assert cloud.get("global/addresses/ip") == address


def test_a_patch_merges_replaces_lists_and_deletes_with_null(cloud: c.Cloud) -> None:
    backend(cloud)
    cloud.make("global/healthChecks", c.HEALTH_CHECK | {"name": "hc2"})
    made = cloud.get(BS)
    patch = {
        "description": None,
        "connectionDraining": {"drainingTimeoutSec": 30},
        "healthChecks": ["global/healthChecks/hc2"],
        "fingerprint": made["fingerprint"],
    }
    cloud.done("PATCH", BS, patch)
    changed = cloud.get(BS)
    assert changed["connectionDraining"] == {"drainingTimeoutSec": 30}
    assert [link.rsplit("/", 1)[-1] for link in changed["healthChecks"]] == ["hc2"]
    assert changed["protocol"] == made["protocol"]
    assert changed["id"] == made["id"]


def test_what_a_client_reads_and_puts_back_changes_nothing(cloud: c.Cloud) -> None:
    cloud.chain()
    for path in (HC, BS, UM):
        before = cloud.get(path)
        cloud.done("PUT", path, before)
        assert cloud.get(path) == before


def test_an_endpoint_group_takes_several_changes_at_once(cloud: c.Cloud) -> None:
    group = f"zones/{gcp.ZONES[0]}/networkEndpointGroups"
    cloud.make(group, samples.group("neg"))

    def ask(verb: str, *last: int) -> Any:
        endpoints = samples.endpoints(*(samples.endpoint(one) for one in last))
        return cloud.taken("POST", f"{group}/neg/{verb}NetworkEndpoints", endpoints)

    def present() -> list[str]:
        listed = cloud.taken("POST", f"{group}/neg/listNetworkEndpoints", {"healthStatus": "SKIP"})
        return sorted(one["networkEndpoint"]["ipAddress"] for one in listed.get("items", []))

    ask("attach", 5, 6)
    cloud.control.advance(1)
    ask("attach", 7)
    ask("detach", 5)
    assert present() == []
    blocked = cloud.ask("DELETE", f"{group}/neg")
    assert (blocked.status, blocked.reason) == (400, "resourceNotReady")
    cloud.control.advance(1)
    assert present() == ["10.0.64.5", "10.0.64.6"]
    cloud.control.advance(1)
    assert present() == ["10.0.64.6", "10.0.64.7"]
    assert cloud.get(f"{group}/neg")["size"] == 2
