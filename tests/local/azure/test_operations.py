"""Long operations: outcomes, superseding, locks, etags, failures, start and stop, on a stepped clock."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_local import azure
from cloudgw_local.azure import server

from . import conftest as c
from . import samples


def test_create_update_delete(cloud: c.Cloud) -> None:
    cloud.public_ip()
    made = cloud.put()
    assert made.status == 201
    assert made.headers["Retry-After"] == "10"
    assert made.body["properties"]["provisioningState"] == "Updating"
    assert made.body["properties"]["operationalState"] == "Stopped"
    child = made.body["properties"]["httpListeners"][0]
    assert (child["properties"]["provisioningState"], child["etag"]) == ("Updating", made.body["etag"])
    assert cloud.poll(made) == {"status": "InProgress"}
    cloud.control.advance(359)
    assert cloud.state() == "Updating"
    cloud.control.advance(1)
    assert cloud.poll(made) == {"status": "Succeeded"}
    shown = cloud.get()
    assert shown["properties"]["provisioningState"] == "Succeeded"
    assert shown["properties"]["operationalState"] == "Running"
    assert shown["properties"]["httpListeners"][0]["properties"]["provisioningState"] == "Succeeded"
    changed = cloud.put()
    assert changed.status == 200
    cloud.control.advance(45)
    assert cloud.state() == "Succeeded"
    gone = cloud.ask("DELETE", c.GATEWAY)
    assert (gone.status, gone.body, gone.headers["Retry-After"]) == (202, None, "10")
    assert cloud.state() == "Deleting"
    waiting = cloud.ask("GET", gone.headers["Location"])
    assert (waiting.status, waiting.headers["Location"]) == (202, gone.headers["Location"])
    cloud.control.advance(90)
    assert cloud.ask("GET", gone.headers["Location"]).status == 204
    assert cloud.poll(gone) == {"status": "Succeeded"}
    assert cloud.ask("GET", c.GATEWAY).code == "ResourceNotFound"
    assert cloud.ask("DELETE", c.GATEWAY).status == 204


def test_operation_results_of_a_put_are_the_resource(cloud: c.Cloud) -> None:
    cloud.public_ip()
    url = cloud.put().headers["Azure-AsyncOperation"].replace("/operations/", "/operationResults/")
    assert cloud.ask("GET", url).status == 202
    cloud.control.advance(360)
    assert cloud.get(url) == cloud.get()


def test_unknown_operation(cloud: c.Cloud) -> None:
    path = f"/subscriptions/{azure.SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope/operations/x"
    assert cloud.ask("GET", path).status == 404


def test_a_later_put_supersedes(cloud: c.Cloud) -> None:
    cloud.gateway()
    first = cloud.put()
    cloud.control.advance(3)
    other = samples.gateway()
    other["properties"]["backendAddressPools"][0]["properties"]["backendAddresses"] = [{"ipAddress": "10.0.64.9"}]
    second = cloud.put(other)
    assert second.status == 200
    ended = cloud.poll(first)
    assert (ended["status"], ended["error"]["code"]) == ("Canceled", "Canceled")
    detail = ended["error"]["details"][0]
    assert detail["code"] == "CanceledAndSupersededDueToAnotherOperation"
    assert detail["message"].startswith("Operation PutApplicationGatewayOperation (")
    cloud.control.advance(45)
    assert cloud.poll(second) == {"status": "Succeeded"}
    assert cloud.get()["properties"]["backendAddressPools"][0]["properties"]["backendAddresses"] == [
        {"ipAddress": "10.0.64.9"}
    ]


def test_a_superseded_creation_takes_as_long_as_a_creation(cloud: c.Cloud) -> None:
    cloud.public_ip()
    cloud.put()
    cloud.control.advance(300)
    assert cloud.put().status == 200
    cloud.control.advance(359)
    assert cloud.state() == "Updating"
    cloud.control.advance(1)
    assert cloud.state() == "Succeeded"


def test_near_simultaneous_puts(cloud: c.Cloud) -> None:
    cloud.gateway()
    first = cloud.put()
    cloud.control.advance(1)
    second = cloud.put()
    assert (second.status, second.code, second.headers["Retry-After"]) == (429, "RetryableError", "1")
    assert second.body["error"]["details"][0]["code"] == "RetryableErrorDueToAnotherOperation"
    assert cloud.poll(first)["status"] == "InProgress"
    cloud.control.settings(lock_seconds=0)
    cloud.control.advance(1)
    assert cloud.put().status == cloud.put().status == 200


def test_a_patch_supersedes_but_keeps_the_document(cloud: c.Cloud) -> None:
    cloud.gateway()
    other = samples.gateway()
    other["properties"]["backendAddressPools"].append(samples.child("spare"))
    first = cloud.put(other)
    cloud.control.advance(3)
    patched = cloud.ask("PATCH", c.GATEWAY, {"tags": {"a": "1"}})
    assert patched.status == 200
    assert "PatchApplicationGatewayOperation" in cloud.poll(first)["error"]["details"][0]["message"]
    cloud.control.advance(45)
    shown = cloud.get()
    assert (shown["tags"], shown["properties"]["provisioningState"]) == ({"a": "1"}, "Succeeded")
    assert len(shown["properties"]["backendAddressPools"]) == 2
    assert len(applied(cloud)["properties"]["backendAddressPools"]) == 2


def applied(cloud: c.Cloud) -> Any:
    """What the data plane holds."""
    found = [one for one in cloud.control.dump()["resources"] if one["document"]["id"] == c.GATEWAY]
    return found[0]["applied"]


def test_the_data_plane_changes_when_the_operation_ends(cloud: c.Cloud) -> None:
    cloud.gateway()
    before = applied(cloud)
    other = samples.gateway()
    other["properties"]["backendAddressPools"].append(samples.child("spare"))
    cloud.put(other)
    assert applied(cloud) == before
    cloud.control.advance(45)
    assert len(applied(cloud)["properties"]["backendAddressPools"]) == 2


def test_a_delete_supersedes_and_then_nothing_may_be_written(cloud: c.Cloud) -> None:
    cloud.gateway()
    first = cloud.put()
    cloud.control.advance(3)
    gone = cloud.ask("DELETE", c.GATEWAY)
    assert "DeleteApplicationGatewayOperation" in cloud.poll(first)["error"]["details"][0]["message"]
    refused = cloud.put()
    assert (refused.status, refused.code) == (409, "AnotherOperationInProgress")
    again = cloud.ask("DELETE", c.GATEWAY)
    assert (again.status, again.headers["Location"]) == (202, gone.headers["Location"])
    cloud.control.advance(90)
    assert cloud.put().status == 201


def test_etags(cloud: c.Cloud) -> None:
    cloud.gateway()
    first = cloud.ask("GET", c.GATEWAY)
    assert first.headers["ETag"] == first.body["etag"]
    answered = cloud.put(if_match=first.body["etag"]).body["etag"]
    running = cloud.get()["etag"]
    cloud.control.advance(45)
    ended = cloud.get()["etag"]
    assert len({first.body["etag"], answered, running, ended}) == 4
    old = cloud.put(if_match=first.body["etag"])
    assert (old.status, old.code) == (412, "PreconditionFailed")
    detail = old.body["error"]["details"][0]
    assert (detail["code"], ended in detail["message"]) == ("PreconditionFailedEtagMismatch", True)
    assert cloud.ask("PATCH", c.GATEWAY, {"tags": {}}, if_match=answered).status == 412
    assert cloud.ask("DELETE", c.GATEWAY, if_match=running).status == 412
    assert cloud.put(if_match="*").status == 200
    assert cloud.put(name="none", if_match="*").status == 412


def test_beliefs_about_etags() -> None:
    with server.serve(stepped=True, beliefs={"azure-if-match": "ignored", "azure-etag-moves": "stays"}) as running:
        cloud = c.connect(running)
        cloud.gateway()
        made = cloud.put(if_match='W/"nonsense"')
        assert made.status == 200
        assert cloud.get()["etag"] == made.body["etag"]
        cloud.control.advance(45)
        assert cloud.get()["etag"] == made.body["etag"]
        assert cloud.ask("DELETE", c.PUBLIC_IP, if_match='W/"nonsense"').status == 412


def with_pool(name: str = "guilty") -> dict[str, Any]:
    document = samples.gateway()
    document["properties"]["backendAddressPools"].append(samples.child(name))
    return document


@pytest.mark.parametrize("mode", ["sync", "unnamed"])
def test_ordered_refusal(cloud: c.Cloud, mode: str) -> None:
    cloud.gateway()
    cloud.control.settings(refuse_child="^guilty$", refuse_mode=mode)
    refused = cloud.put(with_pool())
    assert (refused.status, refused.code) == (400, "ApplicationGatewayTestRefusal")
    assert ("guilty" in str(refused.body)) == (mode == "sync")
    assert cloud.state() == "Succeeded"
    assert cloud.put(with_pool("innocent")).status == 200


@pytest.mark.parametrize("mode", ["late", "late-unnamed"])
def test_failed_operation(cloud: c.Cloud, mode: str) -> None:
    cloud.gateway()
    before = applied(cloud)
    cloud.control.settings(refuse_child="^guilty$", refuse_mode=mode)
    accepted = cloud.put(with_pool())
    assert (accepted.status, accepted.body["properties"]["provisioningState"]) == (200, "Updating")
    cloud.control.advance(45)
    ended = cloud.poll(accepted)
    assert (ended["status"], ended["error"]["code"]) == ("Failed", "ApplicationGatewayTestRefusal")
    assert ("guilty" in str(ended)) == (mode == "late")
    shown = cloud.get()
    assert shown["properties"]["provisioningState"] == "Failed"
    assert shown["properties"]["operationalState"] == "Running"
    assert len(shown["properties"]["backendAddressPools"]) == 2
    assert applied(cloud) == before
    cloud.ask("PATCH", c.GATEWAY, {"tags": {"a": "1"}})
    cloud.control.advance(45)
    assert cloud.state() == "Failed"
    cloud.put()
    cloud.control.advance(45)
    assert cloud.state() == "Succeeded"


def test_failed_creation(cloud: c.Cloud) -> None:
    cloud.public_ip()
    cloud.control.settings(refuse_child="^guilty$", refuse_mode="late")
    assert cloud.put(with_pool()).status == 201
    cloud.control.advance(360)
    assert cloud.state() == "Failed"
    assert applied(cloud) is None
    assert cloud.put().status == 200
    cloud.control.advance(360)
    assert (cloud.state(), cloud.get()["properties"]["operationalState"]) == ("Succeeded", "Running")


def test_belief_that_the_last_good_document_is_shown() -> None:
    with server.serve(stepped=True, beliefs={"azure-failed-document": "last-good"}) as running:
        cloud = c.connect(running)
        cloud.gateway()
        cloud.control.settings(refuse_child="^guilty$", refuse_mode="late")
        cloud.put(with_pool())
        assert len(cloud.get()["properties"]["backendAddressPools"]) == 2
        cloud.control.advance(45)
        assert len(cloud.get()["properties"]["backendAddressPools"]) == 1
        assert cloud.state() == "Failed"


def test_belief_that_refusals_are_late() -> None:
    with server.serve(stepped=True, beliefs={"azure-late-refusal": "late"}) as running:
        cloud = c.connect(running)
        cloud.gateway(samples.whole())
        bad = samples.whole()
        bad["properties"]["requestRoutingRules"][0]["properties"]["priority"] = 200
        bad["properties"]["sslCertificates"][0]["properties"] = {}
        accepted = cloud.put(bad)
        assert accepted.status == 200
        cloud.control.advance(45)
        assert cloud.poll(accepted)["error"]["code"] == "ApplicationGatewayRequestRoutingRulePriorityMustBeUnique"
        shown = cloud.get()
        assert shown["properties"]["provisioningState"] == "Failed"
        assert samples.pfx() not in str(shown)
        good = samples.whole()
        good["properties"]["sslCertificates"][0]["properties"] = {}
        accepted = cloud.put(good)
        cloud.control.advance(45)
        assert cloud.poll(accepted) == {"status": "Succeeded"}
        unknown = samples.whole() | {"nonsense": 1}
        assert cloud.put(unknown).code == "InvalidRequestFormat"


def test_key_vault_failures_are_late(cloud: c.Cloud) -> None:
    cloud.gateway(samples.whole())
    cloud.control.settings(key_vault_refused="kv-edge")
    accepted = cloud.put(samples.whole())
    assert accepted.status == 200
    cloud.control.advance(45)
    assert cloud.poll(accepted)["error"]["code"] == "ApplicationGatewayKeyVaultSecretException"
    assert cloud.state() == "Failed"


def test_stop_and_start(cloud: c.Cloud) -> None:
    cloud.gateway()
    stopping = cloud.ask("POST", f"{c.GATEWAY}/stop")
    assert stopping.status == 202
    assert cloud.get()["properties"]["operationalState"] == "Stopping"
    cloud.control.advance(45)
    assert cloud.poll(stopping) == {"status": "Succeeded"}
    assert cloud.get()["properties"]["operationalState"] == "Stopped"
    cloud.ask("POST", f"{c.GATEWAY}/start")
    assert cloud.get()["properties"]["operationalState"] == "Starting"
    cloud.control.advance(45)
    assert cloud.get()["properties"]["operationalState"] == "Running"
    cloud.ask("POST", f"{c.GATEWAY}/stop")
    cloud.control.advance(45)
    cloud.put()
    assert cloud.get()["properties"]["operationalState"] == "Starting"
    cloud.control.advance(45)
    assert cloud.get()["properties"]["operationalState"] == "Running"


def test_operations_without_duration(cloud: c.Cloud) -> None:
    cloud.control.settings(public_ip_seconds=0, create_seconds=0, delete_seconds=0)
    assert cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip()).body["properties"]["ipAddress"] == "203.0.113.1"
    assert cloud.put().body["properties"]["provisioningState"] == "Succeeded"
    gone = cloud.ask("DELETE", c.GATEWAY)
    assert cloud.ask("GET", gone.headers["Location"]).status == 204
