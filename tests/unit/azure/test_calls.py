"""The one client: what it sends, what it refuses to send, and that it asks once and waits for nothing."""

from __future__ import annotations

import collections.abc
import copy
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from typing import Any, ClassVar
from unittest import mock

import azure.identity as identity
import pytest

from cloudgw.provider import Failed, Operation, Placement
from cloudgw_azure import calls, failures
from cloudgw_local import azure as local
from tests.unit.azure import edge


@pytest.fixture(scope="module")
def served() -> collections.abc.Iterator[edge.Cloud]:
    with edge.serve() as cloud:
        yield cloud


@pytest.fixture
def cloud(served: edge.Cloud) -> edge.Cloud:
    served.running.control.reset()
    return served


def test_a_put_returns_at_once_with_the_operation(cloud: edge.Cloud) -> None:
    answer, url = cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    assert answer["properties"]["provisioningState"] == "Updating"
    assert url.startswith(f"{cloud.running.endpoint}/subscriptions/")
    assert calls.operation(cloud.session.read, url).state == "running"
    cloud.advance(400)
    assert calls.operation(cloud.session.read, url).state == "done"
    assert cloud.writes() == ["PUT applicationGateways"]


def test_what_is_read_is_what_azure_wrote(cloud: edge.Cloud) -> None:
    """No model in between may drop, add or rename a member: children of others must come back as they are."""
    cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    cloud.advance(400)
    url = f"{cloud.running.endpoint}{edge.SCOPE}/applicationGateways/gw?api-version=2026-03-01"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": "Bearer x"})) as answer:
        plain = json.load(answer)
    assert cloud.session.read.gateway(local.GROUP, "gw") == plain
    assert cloud.session.read.gateways() == [plain]


def test_the_etag_is_sent_as_it_was_read(cloud: edge.Cloud) -> None:
    cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    cloud.advance(400)
    document = cloud.session.read.gateway(local.GROUP, "gw")
    cloud.session.write.put_gateway(local.GROUP, "gw", document, document["etag"])
    cloud.advance(400)
    with pytest.raises(Exception, match="PreconditionFailed") as caught:
        cloud.session.write.put_gateway(local.GROUP, "gw", document, document["etag"])
    found = failures.classify(caught.value)
    assert found is not None
    assert found.why == "conflict"


def test_a_delete_returns_at_once(cloud: edge.Cloud) -> None:
    cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    cloud.advance(400)
    answer, url = cloud.session.write.delete_gateway(local.GROUP, "gw")
    assert answer == {}
    assert calls.operation(cloud.session.read, url).state == "running"
    cloud.advance(400)
    assert calls.operation(cloud.session.read, url).state == "done"
    assert cloud.session.read.gateway(local.GROUP, "gw") is None


def test_a_refusal_and_a_throttled_write_are_sent_once(cloud: edge.Cloud) -> None:
    broken = edge.gateway()
    broken["properties"]["requestRoutingRules"][0]["properties"]["priority"] = 30000
    with pytest.raises(Exception, match="ApplicationGateway") as caught:
        cloud.session.write.put_gateway(local.GROUP, "gw", broken)
    refused = failures.classify(caught.value)
    assert refused is not None
    assert refused.why == "invalid"
    cloud.running.control.fault("PUT applicationGateways", "throttle", times=1)
    with pytest.raises(Exception, match="Throttled") as caught:
        cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    throttled = failures.classify(caught.value)
    assert throttled is not None
    assert throttled.why == "throttled"
    assert cloud.writes() == ["PUT applicationGateways"] * 2


def test_a_lost_answer_may_have_had_its_effect(cloud: edge.Cloud) -> None:
    cloud.running.control.fault("PUT applicationGateways", "lost", times=1)
    with pytest.raises(Exception, match=r".") as caught:
        cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    found = failures.classify(caught.value)
    assert found is not None
    assert found.why == "outcome_unknown"
    assert cloud.writes() == ["PUT applicationGateways"]


def test_a_superseded_operation_is_a_conflict(cloud: edge.Cloud) -> None:
    _, first = cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    cloud.advance(10)
    cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway(paths=("/other",)))
    found = calls.operation(cloud.session.read, first)
    assert found.state == "failed"
    assert found.failure is not None
    assert (found.failure.why, found.failure.code) == ("conflict", "CanceledAndSupersededDueToAnotherOperation")


def test_the_lock_of_another_write_passes(cloud: edge.Cloud) -> None:
    cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    with pytest.raises(Exception, match="Retryable") as caught:
        cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    found = failures.classify(caught.value)
    assert found is not None
    assert found.why == "not_ready"


def test_an_operation_that_cannot_be_asked_about_is_still_running(cloud: edge.Cloud) -> None:
    _, url = cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    cloud.running.control.fault("GET operations", "lost", times=1)
    assert calls.operation(cloud.session.read, url).state == "running"
    cloud.running.control.fault("GET operations", "error", code="InternalServerError", status=500, times=1)
    assert calls.operation(cloud.session.read, url).state == "running"


@pytest.mark.parametrize("code", ["AuthorizationFailed", "InvalidAuthenticationTokenTenant"])
def test_an_operation_that_may_not_be_asked_about_is_left_to_the_listing(cloud: edge.Cloud, code: str) -> None:
    _, url = cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    cloud.running.control.fault("GET operations", "error", code=code, status=403, times=1)
    assert calls.operation(cloud.session.read, url) == Operation(state="done")
    forgotten = url.replace(url.split("/")[-1].split("?")[0], "00000000-0000-0000-0000-00000000000f")
    assert calls.operation(cloud.session.read, forgotten) == Operation(state="done")


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example.com/subscriptions/s/operations/1",
        "http://127.0.0.1:1/subscriptions/s/operations/1",
        "http://127.0.0.1.example.com/operations/1",
        "operations/1",
        "",
    ],
)
def test_a_foreign_operation_is_never_asked_about(cloud: edge.Cloud, url: str) -> None:
    before = cloud.calls()
    with pytest.raises(Failed, match="nothing is sent") as caught:
        cloud.session.read.poll(url)
    assert caught.value.why == "denied"
    assert calls.operation(cloud.session.read, url) == Operation(state="done")
    assert cloud.calls() == before


def test_a_regions_own_host_is_of_the_same_cloud() -> None:
    assert calls._of_endpoint("https://westeurope.management.azure.com/x", calls.ENDPOINT)
    assert calls._of_endpoint("https://management.azure.com/x", calls.ENDPOINT)
    assert not calls._of_endpoint("http://management.azure.com/x", calls.ENDPOINT)
    assert not calls._of_endpoint("https://evilmanagement.azure.com/x", calls.ENDPOINT)
    assert not calls._of_endpoint("https://user@management.azure.com/x", calls.ENDPOINT)


@pytest.mark.parametrize(
    ("group", "operation"),
    [
        ("application_gateways", "begin_create_or_update"),
        ("application_gateways", "begin_delete"),
        ("application_gateways", "begin_start"),
        ("application_gateways", "update_tags"),
        ("public_ip_addresses", "begin_backend_health"),
        ("public_ip_addresses", "begin_delete"),
    ],
)
def test_planning_cannot_write(cloud: edge.Cloud, group: str, operation: str) -> None:
    before = cloud.calls()
    with pytest.raises(PermissionError, match="no read"):
        cloud.session.read.call(group, operation, "g", "n")
    assert cloud.calls() == before
    assert not [name for name in dir(cloud.session.read) if name.startswith(("put", "delete"))]


def test_health_is_waited_for_by_the_clock_that_was_given(cloud: edge.Cloud) -> None:
    cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    cloud.advance(400)
    began = time.monotonic()
    found = cloud.session.read.health(local.GROUP, "gw")
    assert time.monotonic() - began < 5
    (pool,) = found["backendAddressPools"]
    (checked,) = pool["backendHttpSettingsCollection"]
    assert [server["address"] for server in checked["servers"]] == ["10.0.64.5"]


def test_a_report_of_health_that_never_comes_is_given_up(cloud: edge.Cloud) -> None:
    cloud.session.write.put_gateway(local.GROUP, "gw", edge.gateway())
    cloud.advance(400)
    waited: list[float] = []
    with mock.patch.object(cloud.session.read, "sleep", waited.append), pytest.raises(Failed, match="gw") as caught:
        cloud.session.read.health(local.GROUP, "gw")
    assert caught.value.why == "not_ready"
    assert sum(waited) == calls.HEALTH_SECONDS


def test_a_missing_registration_is_not_repaired_by_us(cloud: edge.Cloud) -> None:
    message = "The subscription is not registered to use namespace 'Microsoft.Network'"
    order = {"code": "MissingSubscriptionRegistration", "message": message, "status": 409, "times": 1}
    cloud.running.control.fault("GET applicationGateways", "error", **order)
    with pytest.raises(Exception, match="Registration") as caught:
        cloud.session.read.gateways()
    found = failures.classify(caught.value)
    assert found is not None
    assert found.why == "denied"
    assert cloud.calls() == ["GET applicationGateways"]


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers every request with the next of `answers`, and remembers them all."""

    answers: ClassVar[list[tuple[int, dict[str, str], Any]]] = []
    seen: ClassVar[list[tuple[str, str, dict[str, str]]]] = []

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        self.seen.append((self.command, self.path, dict(self.headers)))
        status, headers, body = self.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        text = json.dumps(body).encode()
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def recorder() -> collections.abc.Iterator[str]:
    Recorder.answers, Recorder.seen = [], []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_every_page_of_a_list_is_read(recorder: str) -> None:
    one, two = copy.deepcopy(edge.gateway(name="one")), edge.gateway(name="two")
    Recorder.answers = [(200, {}, {"value": [one], "nextLink": f"{recorder}/next?x=1"}), (200, {}, {"value": [two]})]
    with mock.patch.dict(os.environ, {"AZURE_ARM_ENDPOINT": recorder}):
        read = calls.connect(edge.PLACE).read
    assert read.gateways() == [one, two]
    assert [path.split("?")[0] for _, path, _ in Recorder.seen] == [
        f"/subscriptions/{local.SUBSCRIPTION}/providers/Microsoft.Network/applicationGateways",
        "/next",
    ]
    assert Recorder.seen[0][2]["Authorization"] == "Bearer local"
    assert Recorder.seen[0][2]["User-Agent"].startswith("cloudgw")


def test_a_network_is_asked_for_by_its_whole_id(recorder: str) -> None:
    """Of another subscription too; what another network answers is not believed."""
    elsewhere = edge.NETWORK.replace(local.SUBSCRIPTION, "00000000-0000-0000-0000-000000000002")
    Recorder.answers = [(200, {}, {"id": elsewhere.upper()}), (200, {}, {"id": edge.NETWORK})]
    with mock.patch.dict(os.environ, {"AZURE_ARM_ENDPOINT": recorder}):
        read = calls.connect(edge.PLACE).read
    assert read.network(elsewhere) == {"id": elsewhere.upper()}
    with pytest.raises(Failed, match=r"0002.*was asked for.*0001"):
        read.network(elsewhere)
    assert [path.split("?")[0] for _, path, _ in Recorder.seen] == [elsewhere, elsewhere]
    assert Recorder.seen[0][2]["Authorization"] == "Bearer local"


def test_a_redirect_is_not_followed(recorder: str) -> None:
    Recorder.answers = [(307, {"Location": "https://elsewhere.example.com/"}, {})]
    with mock.patch.dict(os.environ, {"AZURE_ARM_ENDPOINT": recorder}):
        read = calls.connect(edge.PLACE).read
    with pytest.raises(Exception, match="invalid status"):
        read.gateways()
    assert len(Recorder.seen) == 1


def test_a_proxy_never_sees_a_local_endpoint(recorder: str) -> None:
    Recorder.answers = [(200, {}, {"value": []})]
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}
    with mock.patch.dict(os.environ, {**proxies, "AZURE_ARM_ENDPOINT": recorder}):
        assert calls.connect(edge.PLACE).read.gateways() == []


def test_no_subscription(cloud: edge.Cloud) -> None:
    with mock.patch.dict(os.environ):
        del os.environ["AZURE_SUBSCRIPTION_ID"]
        with pytest.raises(Failed, match="subscriptionId") as caught:
            calls.connect(Placement("azure", "", "westeurope"))
    assert caught.value.why == "denied"
    assert cloud.session.read.subscription == local.SUBSCRIPTION


def test_credentials_travel_over_https_only() -> None:
    environment = {"AZURE_ARM_ENDPOINT": "http://management.example.com"}
    with mock.patch.dict(os.environ, environment), pytest.raises(Failed, match="https") as caught:
        calls.connect(edge.PLACE)
    assert caught.value.why == "denied"


def test_workload_identity_that_is_half_configured_says_so() -> None:
    """No request leaves: azure-identity misses its variables before."""
    environment = {"AZURE_ARM_ENDPOINT": "", "AZURE_FEDERATED_TOKEN_FILE": "/nowhere/token"}
    with mock.patch.dict(os.environ, environment):
        for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID"):
            os.environ.pop(name, None)
        with pytest.raises(Failed, match="no token was given") as caught:
            calls.connect(edge.PLACE)
    assert caught.value.why == "denied"
    assert "WorkloadIdentityCredential" in str(caught.value)


def test_no_credentials_at_all() -> None:
    class Nobody:
        def get_token(self, *_: str) -> None:
            raise identity.CredentialUnavailableError(message="nothing is configured")

    nobody = mock.patch.object(identity, "DefaultAzureCredential", Nobody)
    plain = mock.patch.dict(os.environ, {"AZURE_ARM_ENDPOINT": "", "AZURE_FEDERATED_TOKEN_FILE": ""})
    with plain, nobody, pytest.raises(Failed, match="az login") as caught:
        calls.connect(edge.PLACE)
    assert caught.value.why == "denied"
    assert "nothing is configured" in str(caught.value)


def test_places() -> None:
    assert calls.place_of(f"{edge.SCOPE}/applicationGateways/gw") == ("rg-edge", "gw")
    with pytest.raises(ValueError, match="no id"):
        calls.place_of("gw")


def test_importing_calls_imports_no_sdk() -> None:
    modules = "calls, inventory, failures, facts, parameters, kinds_address"
    program = (
        f"from cloudgw_azure import {modules}; import sys; "
        "sys.exit(any(name == 'azure' or name.startswith('azure.') for name in sys.modules))"
    )
    path = ":".join(entry for entry in sys.path if entry)
    assert subprocess.run([sys.executable, "-c", program], check=False, env={"PYTHONPATH": path}).returncode == 0
