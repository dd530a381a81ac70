"""The server around the resources: who is answered, what a URL names, control API, journal, snapshots, the process."""

from __future__ import annotations

import importlib.resources
import json
import os
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import pytest
import yaml

from cloudgw_local import gcp, serving
from cloudgw_local.gcp import errors, names, resources, server

from . import conftest as c

PYTHONPATH = {"PYTHONPATH": os.pathsep.join(sys.path)}  # the package may be found by pytest's configuration only
HERE = f"projects/{gcp.PROJECT}"


@pytest.mark.parametrize(
    ("method", "path", "status", "reason", "message"),
    [
        ("GET", "global/urlMaps/none", 404, "notFound", f"The resource '{HERE}/global/urlMaps/none' was not found"),
        ("DELETE", "global/urlMaps/none", 404, "notFound", f"The resource '{HERE}/global/urlMaps/none' was not found"),
        (
            "POST",
            "targetHttpProxies/none/setUrlMap",
            404,
            "notFound",
            f"The resource '{HERE}/global/targetHttpProxies/none' was not found",
        ),
        (
            "GET",
            "/compute/v1/projects/other/global/urlMaps",
            404,
            "notFound",
            "The resource 'projects/other' was not found",
        ),
        (
            "GET",
            "regions/nowhere/urlMaps",
            400,
            "invalid",
            "Invalid value for field 'region': 'nowhere'. Unknown region.",
        ),
        ("GET", "zones/nowhere/instances", 400, "invalid", "Invalid value for field 'zone': 'nowhere'. Unknown zone."),
        ("GET", "regions/nowhere", 404, "notFound", f"The resource '{HERE}/regions/nowhere' was not found"),
        (
            "GET",
            "global/urlMaps/x.y",
            400,
            "invalidParameter",
            "Invalid value 'x.y'. Values must match the following regular expression: "
            "'[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?'",
        ),
    ],
)
def test_what_a_url_names(cloud: c.Cloud, method: str, path: str, status: int, reason: str, message: str) -> None:
    answer = cloud.ask(method, path, {} if method == "POST" else None)
    assert (answer.status, answer.reason, answer.message) == (status, reason, message)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "global/nonsense"),
        ("GET", "/compute/v2/projects/cloudgw-local/global/urlMaps"),
        ("GET", "/nonsense"),
        ("PATCH", f"zones/{gcp.ZONES[0]}/networkEndpointGroups/neg"),
        ("POST", "global/targetHttpProxies/proxy/setUrlMap"),
        ("DELETE", "global/urlMaps"),
    ],
)
def test_what_the_api_does_not_have_is_a_page(cloud: c.Cloud, method: str, path: str) -> None:
    answer = cloud.ask(method, path, {})
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "was not found" in answer.body
    assert [one["outcome"] for one in cloud.control.journal()] == ["notFound"]


def test_who_shows_no_token_learns_nothing(cloud: c.Cloud) -> None:
    for path in (
        "global/urlMaps",
        "global/urlMaps/none",
        "global/nonsense",
        "/compute/v1/projects/other/global/urlMaps",
    ):
        answer = cloud.ask("GET", path, token="")
        assert (answer.status, answer.reason) == (401, "required")
        assert answer.body["error"]["errors"][0]["location"] == "Authorization"
        assert answer.body["error"]["errors"][0]["locationType"] == "header"


def test_the_project_may_be_a_number(cloud: c.Cloud) -> None:
    path = f"/compute/v1/projects/{gcp.NUMBER}/global/healthChecks"
    made = cloud.make(path, c.HEALTH_CHECK)
    assert made["selfLink"] == f"{names.ROOT}{HERE}/global/healthChecks/hc"
    assert cloud.get(f"/compute/v1/projects/{gcp.NUMBER}")["name"] == gcp.PROJECT


@pytest.mark.parametrize("body", [b"{", b"nonsense", b"[1]", b'"text"'])
def test_a_body_that_is_no_json_object(cloud: c.Cloud, body: bytes) -> None:
    answer = cloud.ask("POST", "global/healthChecks", body)
    assert (answer.status, answer.reason) == (400, "parseError")


def test_unknown_members_and_parameters(cloud: c.Cloud) -> None:
    answer = cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK | {"nonsense": 1})
    assert answer.status == 400
    assert 'Unknown name "nonsense"' in answer.message
    answer = cloud.ask("GET", "global/healthChecks", nonsense=1)
    assert answer.status == 400
    assert 'Unknown name "nonsense": Cannot bind query parameter.' in answer.message
    assert cloud.ask("GET", "global/healthChecks", alt="json", prettyPrint="false", fields="items/name").status == 200


@pytest.mark.parametrize("name", ["", "UPPER", "1digit", "under_score", "end-", "a" * 64])
def test_names(cloud: c.Cloud, name: str) -> None:
    answer = cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK | {"name": name})
    assert (answer.status, answer.reason) in {(400, "invalid"), (400, "required")}
    assert "'resource.name'" in answer.message
    if name:
        regex = "[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?"
        assert answer.message.startswith(f"Invalid value for field 'resource.name': '{name}'. Must be a match of regex")
        assert regex in answer.message


def test_a_body_without_a_name(cloud: c.Cloud) -> None:
    answer = cloud.ask("POST", "global/healthChecks", {"type": "TCP", "tcpHealthCheck": {}})
    assert (answer.status, answer.reason) == (400, "required")
    assert answer.message == "Required field 'resource.name' not specified"


def test_a_name_is_taken_once_per_scope(cloud: c.Cloud) -> None:
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    answer = cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK)
    assert (answer.status, answer.reason) == (409, "alreadyExists")
    assert answer.message == f"The resource '{HERE}/global/healthChecks/hc' already exists"
    cloud.make(f"regions/{gcp.REGION}/healthChecks", c.HEALTH_CHECK)


def test_a_name_cannot_change(cloud: c.Cloud) -> None:
    cloud.make("global/healthChecks", c.HEALTH_CHECK)
    answer = cloud.ask("PUT", "global/healthChecks/hc", c.HEALTH_CHECK | {"name": "other"})
    assert (answer.status, answer.reason) == (400, "invalid")


def test_an_immutable_member_may_come_again_but_not_change(cloud: c.Cloud) -> None:
    place = f"regions/{gcp.REGION}"
    cloud.make(f"{place}/healthChecks", c.HEALTH_CHECK)
    body = c.BACKEND_SERVICE | {"healthChecks": [f"{place}/healthChecks/hc"]}
    made = cloud.make(f"{place}/backendServices", body)
    cloud.done("PUT", f"{place}/backendServices/bs", made | {"timeoutSec": 20})
    assert cloud.get(f"{place}/backendServices/bs")["timeoutSec"] == 20
    change = {"loadBalancingScheme": "INTERNAL_MANAGED", "fingerprint": cloud.get(made["selfLink"])["fingerprint"]}
    answer = cloud.ask("PATCH", f"{place}/backendServices/bs", change)
    assert (answer.status, answer.reason) == (400, "invalid")
    assert "'resource.loadBalancingScheme': 'INTERNAL_MANAGED'" in answer.message


def test_what_every_resource_carries(cloud: c.Cloud) -> None:
    place = f"regions/{gcp.REGION}"
    made = cloud.make(f"{place}/healthChecks", c.HEALTH_CHECK)
    assert made["kind"] == "compute#healthCheck"
    assert made["id"].isdecimal()
    assert made["selfLink"] == f"{names.ROOT}{HERE}/{place}/healthChecks/hc"
    assert made["region"] == f"{names.ROOT}{HERE}/{place}"
    assert made["creationTimestamp"][-6:] == "-08:00"
    assert not any(name.startswith("_") for name in made)


def test_the_start_world(cloud: c.Cloud) -> None:
    networks = {one["name"]: one for one in cloud.get("global/networks")["items"]}
    assert set(networks) == {"default", gcp.NETWORK, "net-closed"}
    assert [networks[name]["autoCreateSubnetworks"] for name in ("default", gcp.NETWORK)] == [True, False]
    subnets = {one["name"]: one for one in cloud.get(f"regions/{gcp.REGION}/subnetworks")["items"]}
    nodes = subnets["subnet-nodes"]
    assert nodes["ipCidrRange"] == "10.0.0.0/20"
    assert {one["rangeName"]: one["ipCidrRange"] for one in nodes["secondaryIpRanges"]} == {
        "pods": "10.0.64.0/18",
        "services": "10.1.0.0/20",
    }
    assert (subnets["subnet-proxy"]["purpose"], subnets["subnet-proxy"]["role"]) == ("REGIONAL_MANAGED_PROXY", "ACTIVE")
    assert subnets["subnet-closed"]["network"].endswith("/net-closed")
    for zone, name, address, pods, part in (
        ("b", "node-b", "10.0.0.11", "10.0.64.0/20", "10.0.1.0/24"),
        ("c", "node-c", "10.0.0.12", "10.0.80.0/20", "10.0.2.0/24"),
        ("d", "node-d", "10.0.0.13", "10.0.96.0/20", "10.0.3.0/24"),
    ):
        node = cloud.get(f"zones/{gcp.REGION}-{zone}/instances/{name}")
        interface = node["networkInterfaces"][0]
        assert (node["status"], node["tags"]["items"]) == ("RUNNING", ["gke-edge"])
        assert interface["networkIP"] == address
        assert [one["ipCidrRange"] for one in interface["aliasIpRanges"]] == [pods, part]
        assert interface["subnetwork"].endswith("/subnet-nodes")
    assert cloud.get("global/securityPolicies/armor-edge")["type"] == "CLOUD_ARMOR"
    assert "items" not in cloud.get("global/sslPolicies")
    assert "items" not in cloud.get("global/forwardingRules")


def test_the_journal_names_verb_and_collection(cloud: c.Cloud) -> None:
    cloud.chain()
    cloud.get("aggregated/addresses", filter="name=x")
    cloud.ask("POST", "global/urlMaps/um/validate", {"resource": c.URL_MAP})
    journal = cloud.control.journal()
    writes = [one["operation"] for one in journal if one["write"]]
    collections = ("healthChecks", "backendServices", "urlMaps", "targetHttpProxies", "forwardingRules")
    assert writes == [f"insert {collection}" for collection in collections]
    assert {"get operations", "aggregatedList addresses", "validate urlMaps"} <= {one["operation"] for one in journal}
    listed = next(one for one in journal if one["operation"] == "aggregatedList addresses")
    assert listed["parameters"]["query"] == {"filter": "name=x"}
    assert listed["service"] == "compute"


def test_equal_worlds_have_equal_dumps(cloud: c.Cloud) -> None:
    cloud.chain()
    first = cloud.control.dump()
    cloud.control.reset()
    cloud.make("global/healthChecks", c.HEALTH_CHECK | {"name": "another"})
    cloud.control.advance(1000)
    cloud.done("DELETE", "global/healthChecks/another")
    cloud.chain()
    assert cloud.control.dump() == first
    assert first["operations"] == []
    paths = [one["path"] for one in first["resources"]]
    assert paths == sorted(paths)
    cloud.taken("PATCH", "global/healthChecks/hc", {"timeoutSec": 3})
    assert [one["type"] for one in cloud.control.dump()["operations"]] == ["patch"]


def test_snapshots_hold_what_runs(cloud: c.Cloud) -> None:
    cloud.taken("POST", "global/healthChecks", c.HEALTH_CHECK)
    name = cloud.control.snapshot()
    cloud.control.advance(4)
    cloud.done("DELETE", "global/healthChecks/hc")
    cloud.control.restore(name)
    assert cloud.ask("DELETE", "global/healthChecks/hc").reason == "resourceNotReady"
    cloud.control.advance(4)
    assert cloud.get("global/healthChecks/hc")["timeoutSec"] == 5


def test_a_reset_is_the_start_world(cloud: c.Cloud) -> None:
    before = cloud.control.dump()
    cloud.chain()
    cloud.control.set_health("10.0.64.5:8080", False)
    assert cloud.control.dump() != before
    cloud.control.reset()
    assert cloud.control.dump() == before


def test_a_mistake_of_ours_is_no_silence(
    cloud: c.Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(resources, "perform", broken)
    answer = cloud.ask("GET", "global/urlMaps")
    assert (answer.status, answer.reason) == (500, "internalError")
    assert "broken" in capsys.readouterr().err


def test_the_shape_of_refusals() -> None:
    refusal = errors.Refusal(status=400, reason="resourceInUseByAnotherResource", message="told")
    assert refusal.operation_error() == {
        "error": {"errors": [{"code": "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", "message": "told"}]},
        "httpErrorStatusCode": 400,
        "httpErrorMessage": "BAD REQUEST",
    }
    refusal = errors.Refusal(status=403, reason="quotaExceeded", message="told", details={"@type": "t"})
    assert refusal.body()["error"]["details"] == [{"@type": "t"}]
    assert refusal.body()["error"]["errors"][0]["domain"] == "usageLimits"


def test_beliefs_are_checked() -> None:
    for answers in ({"gcp-none": "x"}, {"gcp-unattached-probed": "yes"}, {"gcp-late-refusal": "never"}):
        with pytest.raises(ValueError, match="belief"), server.serve(beliefs=answers):
            pass


def test_every_belief_has_its_reasons() -> None:
    known = serving.beliefs("cloudgw_local.gcp", "gcp-", {})
    assert known["gcp-new-endpoint"] == "down-until-probed"
    rows = yaml.safe_load(importlib.resources.files("cloudgw_local.gcp").joinpath("beliefs.yaml").read_text())
    for row in rows:
        assert set(row) == {"id", "claim", "source", "status", "values", "default", "switch"}
        assert row["status"] in ("documented", "recorded", "reported", "inferred")
        assert str(row["default"]) in map(str, row["values"])
    assert len({row["id"] for row in rows}) == len(rows) == len(known)


def test_the_process_serves_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-m", "cloudgw_local.gcp", "--stepped", "--belief", "gcp-late-refusal=late"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | PYTHONPATH, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["cloud"] == "gcp"
        with urllib.request.urlopen(f"{told['endpoint']}/_cloudgw/ready") as answer:
            assert json.load(answer) == {"ready": True, "cloud": "gcp"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""


def test_how_the_command_line_starts_it() -> None:
    assert gcp.LOCAL.command(1234, 60.0, False)[1:3] == ["-m", "cloudgw_local.gcp"]
    environment = gcp.LOCAL.env("http://127.0.0.1:1234")
    assert environment["GOOGLE_COMPUTE_CUSTOM_ENDPOINT"] == "http://127.0.0.1:1234"
    assert environment["GOOGLE_CLOUD_PROJECT"] == gcp.PROJECT


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, cloudgw_local.gcp; print(sorted(m for m in sys.modules if m.startswith('cloudgw_local')))"
    told = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | PYTHONPATH, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "['cloudgw_local', 'cloudgw_local.gcp', 'cloudgw_local.local']"
    code = "import sys, cloudgw_local.gcp.server; print([m for m in sys.modules if m.partition('.')[0] == 'google'])"
    told = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | PYTHONPATH, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
