"""The server around the resources: refusals of ARM, control API, journal, faults, lag, buckets, the process."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from typing import Any

import pytest

from cloudgw_local import azure, control
from cloudgw_local.azure import arm, server

from . import conftest as c
from . import samples

PYTHONPATH = {"PYTHONPATH": os.pathsep.join(sys.path)}  # the package may be found by pytest's configuration only
SUBSCRIPTION = f"/subscriptions/{azure.SUBSCRIPTION}"
ELSEWHERE = "/subscriptions/00000000-0000-0000-0000-000000000002"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"{c.NETWORK}/applicationGateways/none", 404, "ResourceNotFound"),
        ("GET", f"{c.NETWORK}/virtualNetworks/none/subnets/one", 404, "ResourceNotFound"),
        ("GET", f"{c.NETWORK}/virtualNetworks/vnet-edge/subnets/none", 404, "NotFound"),
        ("GET", c.NETWORK.replace("rg-edge", "none") + "/applicationGateways", 404, "ResourceGroupNotFound"),
        ("GET", f"{SUBSCRIPTION}/resourceGroups/none", 404, "ResourceGroupNotFound"),
        ("GET", f"{c.NETWORK}/nonsense/one", 404, "InvalidResourceType"),
        ("GET", f"{c.SCOPE}/providers/Microsoft.Nonsense/things/one", 404, "InvalidResourceNamespace"),
        ("GET", f"{ELSEWHERE}/resourceGroups", 404, "SubscriptionNotFound"),
        ("GET", "/subscriptions/nonsense/resourceGroups", 400, "InvalidSubscriptionId"),
        ("GET", "/nonsense", 404, "NotFound"),
        ("POST", f"{c.NETWORK}/applicationGateways/none/start", 404, "ResourceNotFound"),
        ("POST", f"{c.NETWORK}/applicationGateways/none/nonsense", 404, "NotFound"),
        ("GET", f"{c.NETWORK}/applicationGateways/none/start", 405, "MethodNotAllowed"),
        ("POST", f"{c.NETWORK}/applicationGateways", 405, "MethodNotAllowed"),
        ("POST", f"{c.NETWORK}/publicIPAddresses/one", 405, "MethodNotAllowed"),
        ("DELETE", f"{SUBSCRIPTION}/resourceGroups/rg-edge", 405, "MethodNotAllowed"),
        ("GET", f"{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope/operations", 405, "MethodNotAllowed"),
    ],
)
def test_whom_a_url_names(cloud: c.Cloud, method: str, path: str, status: int, code: str) -> None:
    answer = cloud.ask(method, path, version=arm.VERSION if "providers" in path else "2024-11-01")
    assert (answer.status, answer.code) == (status, code)
    if code in ("ResourceNotFound", "ResourceGroupNotFound"):
        assert answer.headers["x-ms-failure-cause"] == "gateway"


def test_ids_have_no_case(cloud: c.Cloud) -> None:
    cloud.public_ip()
    path = c.PUBLIC_IP.replace("resourceGroups", "resourcegroups").replace("rg-edge", "RG-Edge")
    assert cloud.get(path.replace("publicIPAddresses/pip", "publicipaddresses/PIP"))["id"] == c.PUBLIC_IP
    assert cloud.ask("PUT", f"{c.NETWORK}/publicIPAddresses/PIP", samples.public_ip()).body["id"] == c.PUBLIC_IP


def test_versions(cloud: c.Cloud) -> None:
    missing = cloud.ask("GET", c.GATEWAY, version="")
    assert (missing.status, missing.code) == (400, "MissingApiVersionParameter")
    unknown = cloud.ask("GET", c.GATEWAY, version="1999-01-01")
    assert (unknown.status, unknown.code) == (400, "InvalidApiVersionParameter")
    assert "2026-03-01" in unknown.body["error"]["message"]
    assert cloud.ask("GET", c.SCOPE, version="2024-11-01").status == 200


def test_bearer(cloud: c.Cloud) -> None:
    for given in ("", "Basic eA==", "Bearer "):
        answer = cloud.ask("GET", c.GATEWAY, Authorization=given)
        assert (answer.status, answer.code) == (401, "AuthenticationFailed")
    assert cloud.ask("GET", "/nonsense", Authorization="").code == "AuthenticationFailed"
    assert cloud.ask("GET", c.SCOPE, Authorization="Bearer other", version="2024-11-01").status == 200


TOO_MANY = {f"t{number}": "" for number in range(51)}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"location": None}, 400, "LocationRequired"),
        ({"location": "atlantis"}, 400, "LocationNotAvailableForResourceType"),
        ({"tags": TOO_MANY}, 400, "TooManyTags"),
        ({"tags": {"a/b": "1"}}, 400, "InvalidTagNameCharacters"),
        ({"tags": {"a" * 513: "1"}}, 400, "InvalidTagName"),
        ({"tags": {" ": "1"}}, 400, "InvalidTagName"),
        ({"tags": {"a": "b" * 257}}, 400, "InvalidTagValueLength"),
        ({"tags": {"a": "1", "A": "2"}}, 400, "InvalidRequestContent"),
        ({"tags": {"a": 1}}, 400, "InvalidRequestContent"),
        ({"nonsense": 1}, 400, "InvalidRequestFormat"),
    ],
)
def test_what_every_put_must_have(cloud: c.Cloud, change: dict[str, Any], status: int, code: str) -> None:
    for path, body in ((c.PUBLIC_IP, samples.public_ip()), (c.GATEWAY, samples.gateway())):
        answer = cloud.ask("PUT", path, body | change)
        assert (answer.status, answer.code) == (status, code)
    assert cloud.ask("GET", c.PUBLIC_IP).status == 404


def test_limits_of_tags_are_inclusive(cloud: c.Cloud) -> None:
    tags = {f"t{number}": "" for number in range(49)} | {"n" * 512: "v" * 256}
    assert cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip() | {"tags": tags}).status == 201
    assert cloud.get(c.PUBLIC_IP)["tags"] == tags


def test_a_resource_keeps_its_location(cloud: c.Cloud) -> None:
    cloud.public_ip()
    moved = cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip() | {"location": "eastus"})
    assert (moved.status, moved.code) == (409, "InvalidResourceLocation")
    cloud.control.advance(4)
    assert cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip() | {"location": "West Europe"}).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"'])
def test_content_that_is_no_object(cloud: c.Cloud, body: bytes) -> None:
    answer = cloud.ask("PUT", c.GATEWAY, body)
    assert (answer.status, answer.code) == (400, "InvalidRequestContent")


def test_a_request_that_is_too_large(cloud: c.Cloud) -> None:
    """4 MB to the byte, before anything else of the content is looked at."""
    body = json.dumps(samples.public_ip()).encode()
    path = f"{c.NETWORK}/publicIPAddresses/pip"
    assert cloud.ask("PUT", path, body.ljust(arm.REQUEST_BYTES)).status == 201
    answer = cloud.ask("PUT", path, body.ljust(arm.REQUEST_BYTES + 1))
    assert (answer.status, answer.code) == (413, "RequestContentTooLarge")


def test_private_links_are_stored_and_shown(cloud: c.Cloud) -> None:
    cloud.gateway(samples.private_link())
    (link,) = cloud.get()["properties"]["privateLinkConfigurations"]
    assert link["id"].endswith("/privateLinkConfigurations/link")
    (inner,) = link["properties"]["ipConfigurations"]
    assert inner["properties"]["provisioningState"] == "Succeeded"
    assert cloud.put(cloud.get()).status == 200


@pytest.mark.parametrize("name", ["-a", "a-", "a" * 81, "a%20b", "a!"])
def test_names(cloud: c.Cloud, name: str) -> None:
    answer = cloud.ask("PUT", f"{c.NETWORK}/applicationGateways/{name}", samples.gateway())
    assert (answer.status, answer.code) == (400, "InvalidResourceName")


def test_patch_takes_tags_alone(cloud: c.Cloud) -> None:
    cloud.public_ip()
    assert cloud.ask("PATCH", c.PUBLIC_IP, {"sku": {}}).code == "InvalidRequestFormat"
    assert cloud.ask("PATCH", c.PUBLIC_IP, {"tags": {"a/b": ""}}).code == "InvalidTagNameCharacters"
    before = cloud.get(c.PUBLIC_IP)
    cloud.ask("PATCH", c.PUBLIC_IP, {"tags": {"a": "1"}})
    after = cloud.get(c.PUBLIC_IP)
    assert after == before | {"tags": {"a": "1"}, "etag": after["etag"]}
    assert after["etag"] != before["etag"]


def test_headers(cloud: c.Cloud) -> None:
    first, second = cloud.ask("GET", c.SCOPE, version="2024-11-01"), cloud.ask("GET", c.GATEWAY)
    assert first.headers["x-ms-request-id"] != second.headers["x-ms-request-id"]
    assert second.headers["x-ms-correlation-request-id"] == second.headers["x-ms-request-id"]
    assert first.headers["x-ms-ratelimit-remaining-subscription-reads"] == "250"


def test_resource_groups(cloud: c.Cloud) -> None:
    path, version = f"{SUBSCRIPTION}/resourcegroups/rg-two", "2024-11-01"
    assert cloud.ask("HEAD", path, version=version).status == 404
    assert cloud.ask("PUT", path, {"location": "eastus"}, version=version).status == 201
    assert cloud.ask("PUT", path, {"location": "eastus", "tags": {"a": "1"}}, version=version).status == 200
    assert cloud.ask("PUT", path, {"location": "westus2"}, version=version).code == "InvalidResourceGroupLocation"
    assert cloud.ask("HEAD", path, version=version).status == 204
    assert cloud.ask("GET", path, version=version).body["tags"] == {"a": "1"}
    assert cloud.ask("PUT", path + "-", {"location": "eastus"}, version=version).status == 201
    assert cloud.ask("PUT", path + ".", {"location": "eastus"}, version=version).code == "InvalidResourceGroupName"
    listed = cloud.ask("GET", f"{SUBSCRIPTION}/resourcegroups", version=version).body["value"]
    assert {one["name"] for one in listed} == {"rg-edge", "rg-two", "rg-two-"}


def test_lists(cloud: c.Cloud) -> None:
    assert cloud.get(f"{c.NETWORK}/applicationGateways") == {"value": []}
    cloud.control.settings(page_size=1)
    cloud.public_ip("one")
    assert "nextLink" not in cloud.get(f"{c.NETWORK}/publicIPAddresses")
    cloud.public_ip("two")
    assert cloud.ask("GET", f"{c.NETWORK}/publicIPAddresses?$skiptoken=x").code == "InvalidSkipToken"
    first = cloud.get(f"{SUBSCRIPTION}/providers/Microsoft.Network/publicIPAddresses")
    second = cloud.get(first["nextLink"])
    assert "nextLink" not in second
    assert {one["name"] for one in first["value"] + second["value"]} == {"one", "two"}


def test_journal(cloud: c.Cloud) -> None:
    cloud.gateway(samples.whole())
    other = samples.gateway()
    other["properties"]["sslCertificates"] = [{"name": "c", "Properties": {"DATA": "secret-1", "Password": "secret-2"}}]
    cloud.put(other)
    cloud.ask("POST", f"{c.GATEWAY}/backendhealth")
    cloud.ask("GET", "/nonsense")
    entries = cloud.control.journal()
    assert [(one["service"], one["operation"], one["write"], one["outcome"]) for one in entries] == [
        ("network", "PUT publicIPAddresses", True, "ok"),
        ("network", "PUT applicationGateways", True, "ok"),
        ("network", "PUT applicationGateways", True, entries[2]["outcome"]),
        ("network", "POST applicationGateways/backendhealth", False, "ok"),
        ("arm", "GET unknown", False, "NotFound"),
    ]
    assert entries[1]["parameters"]["path"] == c.GATEWAY
    text = json.dumps([entries, cloud.control.dump(), cloud.get()])
    for secret in (samples.pfx(), "secret-1", "secret-2", '"_data"'):
        assert secret not in text


def test_dump_comes_back_to_the_start(cloud: c.Cloud) -> None:
    before = json.dumps(cloud.control.dump())
    cloud.gateway(samples.whole())
    assert json.dumps(cloud.control.dump()) != before
    cloud.ask("DELETE", c.GATEWAY)
    cloud.control.advance(90)
    cloud.ask("DELETE", c.PUBLIC_IP)
    cloud.control.advance(4)
    assert json.dumps(cloud.control.dump()) == before


def test_snapshot_repeats_exactly(cloud: c.Cloud) -> None:
    taken = cloud.control.snapshot()
    results = []
    for _ in range(2):
        cloud.gateway()
        results.append((cloud.get(), cloud.control.dump(), cloud.control.now()))
        cloud.control.restore(taken)
    assert results[0] == results[1]


@pytest.mark.parametrize("order", ["PUT publicIPAddresses", "PUT", "publicIPAddresses", "*"])
def test_faults_by_name(cloud: c.Cloud, order: str) -> None:
    cloud.control.fault(order, "throttle")
    throttled = cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip())
    assert (throttled.status, throttled.headers["Retry-After"]) == (429, "10")
    cloud.control.fault(order, "error", code="InternalServerError", status=500)
    assert cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip()).status == 500
    cloud.control.fault("GET", "throttle")
    assert cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip()).status == 201


@pytest.mark.parametrize(("kind", "made"), [("lost", 200), ("refuse-before", 404)])
def test_connection_faults(cloud: c.Cloud, kind: str, made: int) -> None:
    cloud.control.fault("publicIPAddresses", kind)
    with pytest.raises(http.client.RemoteDisconnected):
        cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip())
    assert cloud.control.journal()[-1]["outcome"] == kind
    assert cloud.ask("GET", c.PUBLIC_IP).status == made


def test_a_mistake_of_the_local_cloud_is_an_answer(cloud: c.Cloud, capfd: pytest.CaptureFixture[str]) -> None:
    cloud.control.cloud.world.resources[c.GATEWAY.lower()] = None
    answer = cloud.ask("GET", f"{c.NETWORK}/applicationGateways")
    assert (answer.status, answer.code) == (500, "InternalServerError")
    assert cloud.control.journal()[-1]["outcome"] == "InternalServerError"
    assert "Traceback" in capfd.readouterr().err


def test_reads_lag_writes(cloud: c.Cloud) -> None:
    cloud.control.settings(staleness=10)
    made = cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip())
    assert cloud.ask("GET", c.PUBLIC_IP).status == 404
    assert cloud.get(f"{c.NETWORK}/publicIPAddresses") == {"value": []}
    cloud.control.advance(9)
    assert cloud.poll(made) == {"status": "Succeeded"}
    assert cloud.ask("GET", c.PUBLIC_IP).status == 404
    cloud.ask("PATCH", c.PUBLIC_IP, {"tags": {"a": "1"}})
    cloud.control.advance(1)
    assert "tags" not in cloud.get(c.PUBLIC_IP)
    cloud.control.advance(9)
    assert cloud.get(c.PUBLIC_IP)["tags"] == {"a": "1"}


def test_buckets(cloud: c.Cloud) -> None:
    cloud.control.settings(throttling=True, public_ip_seconds=0, lock_seconds=0)
    for _ in range(200):
        assert cloud.ask("PATCH", c.PUBLIC_IP, {"tags": {}}).status == 404
    full = cloud.ask("PATCH", c.PUBLIC_IP, {"tags": {}})
    assert (full.status, full.code, full.headers["Retry-After"]) == (429, "SubscriptionRequestsThrottled", "1")
    assert full.headers["x-ms-ratelimit-remaining-subscription-writes"] == "0"
    assert cloud.ask("GET", c.GATEWAY).headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    cloud.control.advance(1)
    assert cloud.ask("PATCH", c.PUBLIC_IP, {"tags": {}}).status == 404


def test_the_network_provider_has_buckets_of_its_own(cloud: c.Cloud) -> None:
    limits = cloud.control.cloud.limits
    now = cloud.control.now()
    while limits.draw(["network-writes"], now):
        pass
    cloud.control.settings(throttling=True)
    full = cloud.ask("PATCH", c.PUBLIC_IP, {"tags": {}})
    assert (full.status, full.code) == (429, "ResourceRequestsThrottled")
    assert cloud.ask("GET", c.SCOPE, version="2024-11-01").status == 200


def ask(cloud: c.Cloud, request: str, body: dict[str, Any] | None = None) -> Any:
    method, path = request.split()
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(f"{cloud.endpoint}{control.PREFIX}{path}", data=data, method=method)
    ) as answer:
        return json.load(answer)


def test_control_over_http(cloud: c.Cloud) -> None:
    assert ask(cloud, "GET ready") == {"ready": True, "cloud": "azure"}
    assert ask(cloud, "POST settings", {"refuse_child": "x", "create_seconds": 5})["refuse_child"] == "x"
    for wrong in ({"refuse_child": 1}, {"create_seconds": "x"}, {"throttling": "x"}, {"throttling": 1}):
        with pytest.raises(ValueError, match="takes values like"):
            cloud.control.settings(**wrong)
    ask(cloud, "POST health", {"target": "10.0.64.5:8080", "healthy": False})
    assert ask(cloud, "GET dump")["health"] == {"10.0.64.5:8080": False}
    ask(cloud, "POST health", {"target": "10.0.64.5:8080", "healthy": None})
    assert ask(cloud, "GET dump")["health"] == {}


def test_beliefs_are_checked() -> None:
    for answers in ({"nonsense": "1"}, {"azure-if-match": "perhaps"}, {"azure-unattached-probed": "yes"}):
        with pytest.raises(ValueError, match="belief"), server.serve(beliefs=answers):
            pass


def test_import_is_light() -> None:
    code = "import sys, cloudgw_local.azure; print([name for name in sys.modules if name.startswith('azure')])"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **PYTHONPATH}
    )
    assert ran.stdout == "[]\n"


def test_one_call_is_fast(cloud: c.Cloud) -> None:
    cloud.gateway(samples.whole())
    began = time.perf_counter()
    for _ in range(20):
        cloud.ask("GET", c.GATEWAY)
    assert (time.perf_counter() - began) / 20 < 0.03
    began = time.perf_counter()
    cloud.control.reset()
    assert time.perf_counter() - began < 0.05


def test_process() -> None:
    command = azure.LOCAL.command(port=0, rate=3600.0, stepped=False)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **PYTHONPATH}) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        environment = azure.LOCAL.env(ready["endpoint"])
        assert ready["cloud"] == "azure"
        assert environment == {
            "AZURE_ARM_ENDPOINT": ready["endpoint"],
            "AZURE_SUBSCRIPTION_ID": azure.SUBSCRIPTION,
            "CLOUDGW_CLOCK": f"{ready['endpoint']}/_cloudgw/clock",
        }
        asked = urllib.request.Request(
            f"{ready['endpoint']}{c.SCOPE}?api-version=2024-11-01", headers={"Authorization": "Bearer x"}
        )
        with urllib.request.urlopen(asked) as answer:
            assert json.load(answer)["name"] == azure.GROUP
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
