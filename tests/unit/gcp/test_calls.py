"""The one session: what it sends, what it refuses to send, that it asks once, and that nothing unknown is lost."""

from __future__ import annotations

import collections.abc
import functools
import http.server
import json
import logging
import os
import subprocess
import sys
import threading
from typing import Any, ClassVar
from unittest import mock

import google.auth.exceptions
import pytest
import requests

from cloudgw.provider import Failed, Failure, Placement
from cloudgw_gcp import calls, failures, names
from cloudgw_local import gcp as local
from tests.unit.gcp import edge, elements


@pytest.fixture(scope="module")
def served() -> collections.abc.Iterator[edge.Cloud]:
    with edge.serve() as cloud:
        yield cloud


@pytest.fixture
def cloud(served: edge.Cloud) -> edge.Cloud:
    served.running.control.reset()
    served.session = edge.session(served.running)
    return served


def classified(problem: BaseException | None) -> Failure:
    assert problem is not None
    found = failures.classify(problem)
    assert found is not None
    return found


def refused(call: collections.abc.Callable[[], Any]) -> Failure:
    with pytest.raises(Exception, match=r".") as caught:
        call()
    return classified(caught.value)


def test_a_change_returns_at_once_with_its_operation(cloud: edge.Cloud) -> None:
    began = cloud.session.write.insert("healthChecks", local.REGION, {"name": "hc", **edge.check()})
    assert (began.name, began.document["status"]) == ("insert healthChecks", "RUNNING")
    assert began.target == f"projects/{local.PROJECT}/regions/{local.REGION}/healthChecks/hc"
    assert began.path == names.path_of(began.document["selfLink"])
    assert cloud.calls() == ["insert healthChecks"]
    assert cloud.session.read.operation(began.path)["status"] == "RUNNING"
    cloud.advance(60)
    assert cloud.session.write.wait([began]) == [None]


def test_no_log_of_the_sdk_holds_a_key(
    cloud: edge.Cloud, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for it gets whole requests written down: GOOGLE_SDK_PYTHON_LOGGING_SCOPE."""
    monkeypatch.setenv("GOOGLE_SDK_PYTHON_LOGGING_SCOPE", "google")
    google = logging.getLogger("google")
    monkeypatch.setattr(google, "handlers", [caplog.handler])
    monkeypatch.setattr(google, "propagate", False)
    caplog.set_level("DEBUG", logger="google")
    material = elements.material()
    pem = {"certificate": material.certificate_pem.decode(), "privateKey": material.key_pem.decode()}
    for place in (local.REGION, names.GLOBAL):
        cloud.put("sslCertificates", place, "tls", type="SELF_MANAGED", **pem)
        assert cloud.session.read.get("sslCertificates", place, "tls") is not None
    cloud.put("healthChecks", local.REGION, "hc", **edge.check())
    written = "".join(str(vars(record)) for record in caplog.records)
    assert "httpHealthCheck" in written  # it does write requests down
    assert "PRIVATE KEY" not in written


def test_what_is_read_is_what_google_wrote(cloud: edge.Cloud) -> None:
    path = cloud.put("healthChecks", local.REGION, "hc", **edge.check())
    url = f"{cloud.running.endpoint}/compute/v1/{path}"
    plain = requests.get(url, headers={"Authorization": "Bearer x"}, timeout=5).json()
    assert cloud.session.read.get("healthChecks", local.REGION, "hc") == plain
    assert cloud.session.read.everything("healthChecks") == ([plain], [])
    assert cloud.session.read.get("healthChecks", local.REGION, "other") is None


def test_the_fingerprint_is_sent_as_it_was_read(cloud: edge.Cloud) -> None:
    check = cloud.put("healthChecks", local.REGION, "hc", **edge.check())
    cloud.put("backendServices", local.REGION, "bs", **edge.service(check))
    document = cloud.session.read.get("backendServices", local.REGION, "bs")
    assert document is not None
    body = {**document, "timeoutSec": 55}
    cloud.make(cloud.session.write.update("backendServices", local.REGION, "bs", body))
    found = cloud.session.read.get("backendServices", local.REGION, "bs")
    assert found is not None
    assert found["timeoutSec"] == 55
    assert refused(lambda: cloud.session.write.update("backendServices", local.REGION, "bs", body)).why == "conflict"


def test_every_collection_can_be_made_acted_on_and_deleted(cloud: edge.Cloud) -> None:
    """Regional and global: a whole load balancer through the vendor's client, and down again."""
    for place in (local.REGION, names.GLOBAL):
        scheme = "INTERNAL_MANAGED" if place == local.REGION else "EXTERNAL_MANAGED"
        check = cloud.put("healthChecks", place, "hc", **edge.check())
        group = cloud.put("networkEndpointGroups", edge.ZONE, f"neg-{scheme.lower()[:3]}", **edge.neg())
        body = {"networkEndpoints": [edge.endpoint("10.0.64.5")]}
        neg = names.place_of(group)
        cloud.make(cloud.session.write.act(*neg, "attachNetworkEndpoints", body))
        assert cloud.session.read.endpoints(group) == ["node-b/10.0.64.5:8080"]
        backend = cloud.put(
            "backendServices", place, "bs", **{**edge.service(check, group), "loadBalancingScheme": scheme}
        )
        one, two = (cloud.put("urlMaps", place, name, **edge.url_map(backend)) for name in ("one", "two"))
        proxy = cloud.put("targetHttpProxies", place, "web", urlMap=names.link_of(one))
        act = cloud.session.write.act
        cloud.make(act("targetHttpProxies", place, "web", "setUrlMap", {"urlMap": names.link_of(two)}))
        policy = cloud.put("sslPolicies", place, "tls", profile="MODERN", minTlsVersion="TLS_1_2")
        patch = {"profile": "RESTRICTED", "fingerprint": (found(cloud, policy))["fingerprint"]}
        cloud.make(cloud.session.write.patch("sslPolicies", place, "tls", patch))
        assert found(cloud, policy)["profile"] == "RESTRICTED"
        shared = {"purpose": "SHARED_LOADBALANCER_VIP", "subnetwork": names.link_of(edge.SUBNETWORK)}
        internal = {"addressType": "INTERNAL", **shared} if place == local.REGION else {"addressType": "EXTERNAL"}
        address = cloud.put("addresses", place, "ip", **internal)
        labels = {"labels": {"team": "shop"}, "labelFingerprint": found(cloud, address)["labelFingerprint"]}
        cloud.make(act("addresses", place, "ip", "setLabels", labels))
        assert found(cloud, address)["labels"] == {"team": "shop"}
        where = {"network": names.link_of(edge.NETWORK), "subnetwork": names.link_of(edge.SUBNETWORK)}
        front = {
            "IPAddress": names.link_of(address),
            "IPProtocol": "TCP",
            "portRange": "80",
            "target": names.link_of(proxy),
            "loadBalancingScheme": scheme,
            **(where if place == local.REGION else {}),
        }
        rule = cloud.put("forwardingRules", place, "fr", **front)
        other = cloud.put("targetHttpProxies", place, "other", urlMap=names.link_of(one))
        cloud.make(act("forwardingRules", place, "fr", "setTarget", {"target": names.link_of(other)}))
        assert names.path_of(found(cloud, rule)["target"]) == other
        held = refused(functools.partial(cloud.session.write.delete, "urlMaps", place, "one"))
        assert (held.why, held.code) == ("not_ready", "resourceInUseByAnotherResource")
        for path in (rule, proxy, other, one, two, backend, check, group, policy, address):
            cloud.make(cloud.session.write.delete(*names.place_of(path)))
            assert cloud.session.read.get(*names.place_of(path)) is None
    rules = {
        "network": names.link_of(edge.NETWORK),
        "allowed": [{"IPProtocol": "tcp"}],
        "sourceRanges": ["35.191.0.0/16"],
        "targetTags": ["gke-edge"],
    }
    path = cloud.put("firewalls", names.GLOBAL, "fw", **rules)
    cloud.make(cloud.session.write.update("firewalls", names.GLOBAL, "fw", {**found(cloud, path), "priority": 900}))
    assert found(cloud, path)["priority"] == 900


def found(cloud: edge.Cloud, path: str) -> dict[str, Any]:
    document: dict[str, Any] | None = cloud.session.read.get(*names.place_of(path))
    assert document is not None
    return document


def test_a_refusal_and_a_throttled_write_are_sent_once(cloud: edge.Cloud) -> None:
    wrong = refused(lambda: cloud.session.write.insert("healthChecks", local.REGION, {"name": "Wrong", **edge.check()}))
    assert wrong.why == "invalid"
    cloud.running.control.fault("insert healthChecks", "throttle", times=1)
    good = {"name": "good", **edge.check()}
    throttled = refused(lambda: cloud.session.write.insert("healthChecks", local.REGION, good))
    assert (throttled.why, throttled.code) == ("throttled", "rateLimitExceeded")
    cloud.running.control.fault("insert healthChecks", "error", code="backendError", status=503, times=1)
    assert refused(lambda: cloud.session.write.insert("healthChecks", local.REGION, good)).why == "outcome_unknown"
    cloud.running.control.fault("get healthChecks", "error", code="backendError", status=503, times=1)
    assert refused(lambda: cloud.session.read.get("healthChecks", local.REGION, "good")).why == "outcome_unknown"
    assert cloud.calls() == ["insert healthChecks"] * 3 + ["get healthChecks"]


@pytest.mark.parametrize(("kind", "stands"), [("lost", True), ("refuse-before", False)])
def test_a_lost_answer_may_have_had_its_effect(cloud: edge.Cloud, kind: str, stands: bool) -> None:
    cloud.running.control.fault("insert healthChecks", kind, times=1)
    good = {"name": "good", **edge.check()}
    assert refused(lambda: cloud.session.write.insert("healthChecks", local.REGION, good)).why == "outcome_unknown"
    cloud.advance(60)
    assert (cloud.session.read.get("healthChecks", local.REGION, "good") is not None) is stands
    assert cloud.writes() == ["insert healthChecks"]


@pytest.mark.parametrize("verb", ["insert", "update", "patch", "delete", "setUrlMap", "attachNetworkEndpoints", "wait"])
def test_planning_cannot_write(cloud: edge.Cloud, verb: str) -> None:
    with pytest.raises(PermissionError, match="no read"):
        cloud.session.read.call("urlMaps", verb, names.GLOBAL, "x", body={})
    assert cloud.calls() == []
    assert not [name for name in dir(cloud.session.read) if name in ("insert", "update", "patch", "delete", "act")]


def test_a_name_that_is_taken_and_one_that_is_not_there(cloud: edge.Cloud) -> None:
    cloud.put("healthChecks", local.REGION, "hc", **edge.check())
    with pytest.raises(Exception, match="already exists") as caught:
        cloud.session.write.insert("healthChecks", local.REGION, {"name": "hc", **edge.check()})
    assert failures.is_taken(caught.value)
    assert classified(caught.value).why == "conflict"
    with pytest.raises(Exception, match="not found") as caught:
        cloud.session.write.delete("healthChecks", local.REGION, "other")
    assert failures.is_absent(caught.value)
    assert not failures.is_taken(caught.value)


def test_a_report_of_health(cloud: edge.Cloud) -> None:
    check = cloud.put("healthChecks", local.REGION, "hc", **edge.check())
    group = cloud.put("networkEndpointGroups", edge.ZONE, "neg", **edge.neg())
    service = cloud.put("backendServices", local.REGION, "bs", **edge.service(check, group))
    assert cloud.session.read.health(service, group) == []
    assert cloud.calls()[-1] == "getHealth backendServices"


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers (status, headers, body) in turn and keeps (method, path, headers, body)."""

    answers: ClassVar[list[tuple[int, dict[str, str], Any]]] = []
    seen: ClassVar[list[tuple[str, str, dict[str, str], Any]]] = []

    def _answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append(
            (
                self.command,
                self.path,
                {name.lower(): text for name, text in self.headers.items()},
                json.loads(sent) if sent else None,
            )
        )
        status, headers, body = self.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        text = json.dumps(body).encode()
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def recorder() -> collections.abc.Iterator[str]:
    Recorder.answers, Recorder.seen = [], []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        with mock.patch.dict(os.environ, {"GOOGLE_COMPUTE_CUSTOM_ENDPOINT": endpoint}):
            yield endpoint
    finally:
        server.shutdown()
        server.server_close()


STARTED: tuple[int, dict[str, str], Any] = (200, {}, {"name": "operation-1", "status": "RUNNING"})
ROOT = f"/compute/v1/projects/{local.PROJECT}"


@pytest.mark.usefixtures("recorder")
def test_what_the_library_does_not_know_survives() -> None:
    """google-cloud-compute would read this map without its newest member, and a PUT would then take it away."""
    newest = {"name": "m", "fingerprint": "abc=", "inventedTomorrow": {"deep": [1, {"x": None}]}, "tests": []}
    Recorder.answers = [(200, {}, newest), STARTED, STARTED]
    session = calls.connect(edge.PLACE)
    document = session.read.get("urlMaps", names.GLOBAL, "m")
    assert document == newest
    session.write.update("urlMaps", names.GLOBAL, "m", {**newest, "defaultService": "s"})
    session.write.patch("targetHttpsProxies", local.REGION, "p", {"sslPolicy": None})
    (_, put, patch) = Recorder.seen
    assert (put[:2], put[3]) == (("PUT", f"{ROOT}/global/urlMaps/m"), {**newest, "defaultService": "s"})
    assert patch[:2] == ("PATCH", f"{ROOT}/regions/{local.REGION}/targetHttpsProxies/p")
    assert patch[3] == {"sslPolicy": None}


@pytest.mark.usefixtures("recorder")
def test_paths_that_are_not_like_the_others() -> None:
    Recorder.answers = [STARTED] * 4
    write = calls.connect(edge.PLACE).write
    write.act("targetHttpsProxies", names.GLOBAL, "p", "setUrlMap", {"urlMap": "m"})
    write.act("targetHttpsProxies", names.GLOBAL, "p", "setSslCertificates", {"sslCertificates": ["c"]})
    write.act("targetHttpsProxies", names.GLOBAL, "p", "setSslPolicy", {"sslPolicy": "s"})
    write.act("targetHttpsProxies", local.REGION, "p", "setUrlMap", {"urlMap": "m"})
    assert [(path.split("?")[0].removeprefix(ROOT), body) for _, path, _, body in Recorder.seen] == [
        ("/targetHttpsProxies/p/setUrlMap", {"urlMap": "m"}),
        ("/targetHttpsProxies/p/setSslCertificates", {"sslCertificates": ["c"]}),
        ("/global/targetHttpsProxies/p/setSslPolicy", {"sslPolicy": "s"}),
        (f"/regions/{local.REGION}/targetHttpsProxies/p/setUrlMap", {"urlMap": "m"}),
    ]
    assert {headers["authorization"] for _, _, headers, _ in Recorder.seen} == {"Bearer local"}


@pytest.mark.usefixtures("recorder")
def test_a_member_that_google_does_not_have_is_our_defect() -> None:
    write = calls.connect(edge.PLACE).write
    with pytest.raises(Exception, match="notAMember") as caught:
        write.insert("urlMaps", names.GLOBAL, {"name": "m", "notAMember": 1})
    assert failures.classify(caught.value) is None
    assert Recorder.seen == []


@pytest.mark.usefixtures("recorder")
def test_every_page_and_only_our_scopes() -> None:
    def page(scope: str, *items: str, **part: Any) -> dict[str, Any]:
        return {scope: {"urlMaps": [{"name": item} for item in items], **part}}

    none = {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "nothing"}}
    first = {**page("global", "a"), "regions/us-east1": {"warning": {"code": "UNREACHABLE"}}, "zones/x": none}
    far = {"code": "UNREACHABLE", "message": "us-east1"}
    second = {**page(f"regions/{local.REGION}", "b"), **page("regions/us-east1", "c")}
    Recorder.answers = [
        (200, {}, {"items": first, "nextPageToken": "t", "unreachables": ["regions/us-east1"], "warning": far}),
        (200, {}, {"items": second}),
    ]
    assert calls.connect(edge.PLACE).read.everything("urlMaps") == ([{"name": "a"}, {"name": "b"}], [])
    assert [path for _, path, _, _ in Recorder.seen] == [
        f"{ROOT}/aggregated/urlMaps?maxResults=500&returnPartialSuccess=true",
        f"{ROOT}/aggregated/urlMaps?maxResults=500&returnPartialSuccess=true&pageToken=t",
    ]


@pytest.mark.usefixtures("recorder")
def test_endpoints_are_read_to_the_last_page() -> None:
    def members(*ips: str) -> list[dict[str, Any]]:
        link = names.link_of(names.path(local.PROJECT, edge.ZONE, "instances", "node-b"))
        return [{"networkEndpoint": edge.endpoint(ip, link)} for ip in ips]

    Recorder.answers = [(200, {}, {"items": members("10.0.64.9", "10.0.64.5"), "nextPageToken": "t"})]
    Recorder.answers += [(200, {}, {"items": members("10.0.64.7")}), (200, {}, {})]
    read = calls.connect(edge.PLACE).read
    group = read.path("networkEndpointGroups", edge.ZONE, "neg")
    assert read.endpoints(group) == ["node-b/10.0.64.5:8080", "node-b/10.0.64.7:8080", "node-b/10.0.64.9:8080"]
    assert read.endpoints(group) == []
    asked = [(method, path.removeprefix(ROOT), body) for method, path, _, body in Recorder.seen[:2]]
    where = f"/zones/{edge.ZONE}/networkEndpointGroups/neg/listNetworkEndpoints?maxResults=500"
    assert asked == [
        ("POST", where, {"healthStatus": "SKIP"}),
        ("POST", f"{where}&pageToken=t", {"healthStatus": "SKIP"}),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        {"items": {}, "unreachables": [f"regions/{local.REGION}"]},
        {"items": {}, "unreachables": [f"https://x/projects/p/zones/{edge.ZONE}"]},
        {"items": {f"regions/{local.REGION}": {"warning": {"code": "UNREACHABLE", "message": "m"}}}},
        {"items": {"global": {"warning": {"code": "PARTIAL_SUCCESS", "message": "m"}}}},
        {"warning": {"code": "UNREACHABLE", "message": "m"}},
    ],
)
@pytest.mark.usefixtures("recorder")
def test_what_is_missing_of_our_scopes_is_said(answer: dict[str, Any]) -> None:
    Recorder.answers = [(200, {}, answer)]
    items, problems = calls.connect(edge.PLACE).read.everything("urlMaps")
    assert items == []
    assert len(problems) == 1
    assert problems[0].startswith("urlMaps")


@pytest.mark.usefixtures("recorder")
def test_a_list_with_a_hole_is_no_list() -> None:
    Recorder.answers = [(200, {}, {"items": [{"name": "a"}], "warning": {"code": "UNREACHABLE", "message": "m"}})]
    with pytest.raises(Failed, match="firewalls of global: UNREACHABLE"):
        calls.connect(edge.PLACE).read.items("firewalls", names.GLOBAL)


@pytest.mark.usefixtures("recorder")
def test_a_redirect_is_not_followed() -> None:
    Recorder.answers = [(307, {"Location": "https://elsewhere.example.com/"}, {})] * 2
    session = calls.connect(edge.PLACE)
    assert refused(lambda: session.read.get("urlMaps", names.GLOBAL, "m")).why == "outcome_unknown"
    assert refused(lambda: session.write.delete("urlMaps", names.GLOBAL, "m")).why == "outcome_unknown"
    assert len(Recorder.seen) == 2


@pytest.mark.usefixtures("recorder")
def test_a_proxy_never_sees_a_local_endpoint() -> None:
    Recorder.answers = [(200, {}, {"name": "m"}), STARTED]
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}
    with mock.patch.dict(os.environ, proxies):
        session = calls.connect(edge.PLACE)
        assert session.read.get("urlMaps", names.GLOBAL, "m") == {"name": "m"}
        session.write.delete("urlMaps", names.GLOBAL, "m")
    assert len(Recorder.seen) == 2


@pytest.mark.usefixtures("recorder")
def test_an_answer_that_names_no_operation_has_an_unknown_outcome() -> None:
    Recorder.answers = [(200, {}, {})]
    session = calls.connect(edge.PLACE)
    assert refused(lambda: session.write.delete("urlMaps", names.GLOBAL, "m")).why == "outcome_unknown"


def test_the_endpoint_may_be_written_as_terraform_has_it(recorder: str) -> None:
    for written in (f"{recorder}/", f"{recorder}/compute/v1/", f"{recorder}/compute/v1"):
        Recorder.answers = [(200, {}, {"name": "m"})]
        with mock.patch.dict(os.environ, {"GOOGLE_COMPUTE_CUSTOM_ENDPOINT": written}):
            assert calls.connect(edge.PLACE).read.get("urlMaps", names.GLOBAL, "m") == {"name": "m"}
    assert {path for _, path, _, _ in Recorder.seen} == {f"{ROOT}/global/urlMaps/m"}


def test_no_project(recorder: str) -> None:
    assert recorder
    place = Placement("gcp", "", local.REGION)
    with mock.patch.dict(os.environ, {"GOOGLE_CLOUD_PROJECT": ""}), pytest.raises(Failed, match="projectId") as caught:
        calls.connect(place)
    assert caught.value.why == "denied"
    with mock.patch.dict(os.environ, {"GOOGLE_CLOUD_PROJECT": "elsewhere"}):
        assert calls.connect(place).read.project == "elsewhere"
        assert calls.connect(edge.PLACE).read.project == local.PROJECT


def test_credentials_travel_over_https_only() -> None:
    environment = {"GOOGLE_COMPUTE_CUSTOM_ENDPOINT": "http://compute.example.com"}
    with mock.patch.dict(os.environ, environment), pytest.raises(Failed, match="https") as caught:
        calls.connect(edge.PLACE)
    assert caught.value.why == "denied"


def test_no_credentials_at_all() -> None:
    def nobody(**_: Any) -> None:
        raise google.auth.exceptions.DefaultCredentialsError("nothing is configured")  # type: ignore[no-untyped-call]

    plain = mock.patch.dict(os.environ, {"GOOGLE_COMPUTE_CUSTOM_ENDPOINT": ""})
    with plain, mock.patch.object(google.auth, "default", nobody), pytest.raises(Failed, match="gcloud auth") as caught:
        calls.connect(edge.PLACE)
    assert caught.value.why == "denied"
    assert "nothing is configured" in str(caught.value)


def test_a_word_instead_of_a_token_stays_on_this_machine() -> None:
    for endpoint in (calls.ENDPOINT, "https://compute.example.com", "https://127.0.0.1.example.com"):
        assert not calls._is_loopback(endpoint)
    for endpoint in ("http://127.0.0.1:1", "http://127.8.9.1", "http://localhost:4", "http://[::1]:5"):
        assert calls._is_loopback(endpoint)


def test_the_clients_of_every_scope() -> None:
    assert calls._client_name("urlMaps", names.GLOBAL) == "UrlMapsClient"
    assert calls._client_name("urlMaps", local.REGION) == "RegionUrlMapsClient"
    assert calls._client_name("forwardingRules", names.GLOBAL) == "GlobalForwardingRulesClient"
    assert calls._client_name("addresses", local.REGION) == "AddressesClient"
    assert calls._client_name("networkEndpointGroups", edge.ZONE) == "NetworkEndpointGroupsClient"


def test_planning_does_not_import_the_sdk() -> None:
    """1.3 s and 142 MB that only a write needs; and importing the package needs nothing of Google's at all."""
    program = (
        "from cloudgw_gcp import calls, inventory, failures, facts, parameters; import sys\n"
        "assert not any(name == 'google' or name.startswith('google.') for name in sys.modules)\n"
        "from cloudgw.provider import Placement\n"
        "import os; os.environ['GOOGLE_COMPUTE_CUSTOM_ENDPOINT'] = 'http://127.0.0.1:1'\n"
        "calls.connect(Placement('gcp', 'project', 'europe-west1'))\n"
        "assert not any(name.startswith('google.cloud.compute') for name in sys.modules)\n"
    )
    path = ":".join(entry for entry in sys.path if entry)
    done = subprocess.run([sys.executable, "-c", program], check=False, env={"PYTHONPATH": path}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
