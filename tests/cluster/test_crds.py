"""Our definitions on a real API server: what it takes, what it says, and what kubectl shows of them.

Also that the offline machinery, by which `tests/unit/test_crds.py` compares definitions with parsers, is the server's.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cloudgw.controller import names
from tests.cluster import build, cluster
from tests.unit import definitions
from tests.unit.test_crds import BODIES, EXAMPLES, LEAST, of_class, of_gateway

pytestmark = pytest.mark.cluster
API = f"{names.GROUP}/{names.VERSION}"
CONDITIONS = [
    {
        "type": "Ready",
        "status": "False",
        "reason": "Refused",
        "message": "x",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }
]


@pytest.fixture(scope="module")
def ours(bare: cluster.Cluster) -> Iterator[cluster.Cluster]:
    """A cluster with our definitions, which it finds structural and their rules affordable."""
    every = list(definitions.documents().values())
    bare.apply(every)
    for document in every:
        bare.wait_for(document)
    yield bare
    for document in every:
        bare.delete(document)
    end = time.monotonic() + 30
    while any(bare.request("GET", bare.path_of(document))[0] != 404 for document in every):
        assert time.monotonic() < end, "our definitions stay"
        time.sleep(0.2)


def kubectl(running: cluster.Cluster, *words: str) -> str:
    command = [str(build.control_plane() / "kubectl"), "--kubeconfig", str(running.kubeconfig), *words]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 0, asked.stderr
    return asked.stdout


def refused(running: cluster.Cluster, kind: str, body: dict[str, Any]) -> str:
    """What the server says to a new object, "" = it takes it; nothing is stored. Unknown fields are refused."""
    document = {"apiVersion": API, "kind": kind, "metadata": {"name": "x", "namespace": "default"}, **body}
    if kind.endswith("ClassParameters"):
        document["metadata"].pop("namespace")
    path = running.path_of(document, collection=True)
    status, answer = running.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", document)
    assert status in (201, 400, 422), answer
    return "" if status == 201 else str(answer["message"])


def test_the_server_keeps_the_definitions_as_they_are_written(ours: cluster.Cluster) -> None:
    """It warns of nothing, drops no word of a schema, and finds each definition structural."""
    for kind, document in definitions.documents().items():
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{document['metadata']['name']}"
        _, answer = ours.request("GET", path)
        conditions = {one["type"]: one["status"] for one in answer["status"]["conditions"]}
        assert (conditions["Established"], conditions["NamesAccepted"]) == ("True", "True"), kind
        assert "NonStructuralSchema" not in conditions, kind
        assert answer["spec"]["versions"][0]["schema"] == document["spec"]["versions"][0]["schema"], kind


@pytest.mark.parametrize(("cloud", "more", "taken"), EXAMPLES)
def test_rules_by_example(ours: cluster.Cluster, cloud: str, more: dict[str, Any], taken: bool) -> None:
    said = refused(ours, of_class(cloud), {"spec": {**LEAST[cloud], **more}})
    assert (said == "") is taken, said


@pytest.mark.parametrize(("kind", "body", "wrong"), BODIES)
def test_bodies_of_the_other_kinds(ours: cluster.Cluster, kind: str, body: dict[str, Any], wrong: str) -> None:
    said = refused(ours, kind, body)
    assert bool(said) is bool(wrong), said


@pytest.mark.parametrize("kind", [of(cloud) for cloud in definitions.CLOUDS for of in (of_class, of_gateway)])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
@given(data=st.data())
def test_the_server_judges_as_we_do_offline(ours: cluster.Cluster, kind: str, data: st.DataObject) -> None:
    least = LEAST[kind.partition("Gateway")[0]] if kind.endswith("ClassParameters") else {}
    spec = {**least, **data.draw(definitions.nearly(kind))}
    said = refused(ours, kind, {"spec": spec})
    assert bool(said) == bool(definitions.problems(kind, {"spec": spec})), (spec, said)


@pytest.mark.parametrize("cloud", definitions.CLOUDS)
def test_a_rule_says_what_to_do(ours: cluster.Cluster, cloud: str) -> None:
    said = refused(ours, of_class(cloud), {"spec": {**LEAST[cloud], "exposure": "Public"}})
    assert "exposure Public needs allowedSourceRanges: " in said


@pytest.mark.parametrize("cloud", definitions.CLOUDS)
def test_defaults_are_filled_in_for_a_class_and_never_for_a_gateway(ours: cluster.Cluster, cloud: str) -> None:
    for kind, spec in ((of_class(cloud), LEAST[cloud]), (of_gateway(cloud), {"tls": {}})):
        document = {"apiVersion": API, "kind": kind, "metadata": {"name": "d"}, "spec": spec}
        _, answer = ours.request("POST", f"{ours.path_of(document, collection=True)}?dryRun=All", document)
        if kind.endswith("ClassParameters"):
            assert (answer["spec"]["exposure"], answer["spec"]["approval"]) == ("Internal", "Dangerous")
        else:
            assert answer["spec"] == spec


@pytest.mark.parametrize("kind", definitions.documents())
def test_kubectl_explains_every_field(ours: cluster.Cluster, kind: str) -> None:
    plural = definitions.documents()[kind]["spec"]["names"]["plural"]
    told = kubectl(ours, "explain", plural)
    assert "<empty>" not in told
    for name in definitions.schema(kind)["properties"]:
        if name in ("spec", "status"):
            below = kubectl(ours, "explain", f"{plural}.{name}")
            assert "<no description>" not in below
            assert "<empty>" not in below
            for field in definitions.schema(kind)["properties"][name]["properties"]:
                assert f"\n  {field}\t" in below, field


def shown(running: cluster.Cluster, kind: str, spec: dict[str, Any], status: dict[str, Any]) -> dict[str, str]:
    """What `kubectl get -o wide` shows of an object: column -> cell."""
    document = {"apiVersion": API, "kind": kind, "metadata": {"name": "shown", "namespace": "default"}, "spec": spec}
    running.apply([document])
    if status:
        path = f"{running.path_of(document)}/status"
        code, answer = running.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")
        assert code == 200, answer
    head, row = kubectl(running, "get", kind, "shown", "-o", "wide").splitlines()
    starts = [at for at in range(len(head)) if head[at] != " " and (at == 0 or head[at - 2 : at] == "  ")]
    ends = [*starts[1:], None]
    assert kubectl(running, "get", "cloudgw", "-o", "name").count("/shown") >= 1
    running.delete(document)
    return {head[at:to].strip(): row[at:to].strip() for at, to in zip(starts, ends, strict=True)}


def test_kubectl_get_shows_the_columns(ours: cluster.Cluster) -> None:
    status = {"observedGeneration": 1, "conditions": CONDITIONS}
    found = shown(ours, of_class("AWS"), {**LEAST["AWS"], "accountId": "123456789012"}, status)
    del found["AGE"]
    assert found == {
        "NAME": "shown",
        "READY": "False",
        "REASON": "Refused",
        "REGION": "eu-west-1",
        "EXPOSURE": "Internal",
        "ACCOUNT": "123456789012",
        "VPC": "vpc-0a",
        "OVERRIDABLE": "",
    }
    assert shown(ours, of_class("Azure"), LEAST["Azure"], status)["REGION"] == "westeurope"
    assert shown(ours, of_class("GCP"), LEAST["GCP"], status)["LOCATION"] == "Regional"
    assert shown(ours, of_gateway("GCP"), {"exposure": "Public"}, status)["EXPOSURE"] == "Public"
    policy = {"targetRefs": [{"name": "web"}]}
    assert shown(ours, names.POLICY, policy, status)["TARGETS"] == "web"
    gateway = {"namespace": "shop", "name": "web"}
    assert shown(ours, names.STATE, {"gateway": gateway, "placements": ["aws/1/eu-west-1"]}, {})["GATEWAY"] == "web"
    plans = [{"placement": "aws/1/eu-west-1", "digest": "0123456789abcdef", "summary": "1 to add"}]
    plan = shown(ours, names.PLAN, {}, {**status, "phase": "Pending", "dangerous": 2, "plans": plans})
    assert (plan["PHASE"], plan["DIGEST"], plan["DANGEROUS"], plan["SUMMARY"]) == (
        *("Pending", "0123456789abcdef", "2"),
        "1 to add",
    )


def test_a_status_is_written_apart(ours: cluster.Cluster) -> None:
    """A person's write changes no status, and a status no spec: the subresource is there."""
    document = {
        "apiVersion": API,
        "kind": names.PLAN,
        "metadata": {"name": "apart", "namespace": "default"},
        "status": {"phase": "Approved"},
    }
    ours.apply([document])
    path = ours.path_of(document)
    assert "status" not in ours.request("GET", path)[1]
    patch = {"spec": {"approvedDigests": ["0123456789abcdef"]}, "status": {"phase": "Lost"}}
    code, answer = ours.request("PATCH", f"{path}/status", patch, content_type="application/merge-patch+json")
    assert (code, "Unsupported value" in json.dumps(answer)) == (422, True)
    ours.delete(document)
