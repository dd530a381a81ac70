"""The read-only commands say of a real API server what they say of the same objects in files, and write nothing there.

The objects are the shop's (`shop.yaml`): whatever else is in the cluster is not asked about. Its class's parameters are
of a kind that the cluster does not have.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudgw.cli import main
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster
SHOP = Path(__file__).parent / "shop.yaml"
OWN = {"observedGeneration", "message"}  # a server counts generations; messages name files


@pytest.fixture(scope="module")
def live(standard: Cluster) -> list[str]:
    """Flags that read the cluster, after the shop was applied."""
    documents = list(yaml.safe_load_all(SHOP.read_text()))
    standard.apply(sorted(documents, key=lambda document: document["kind"] != "Namespace"))
    return ["--kubeconfig", str(standard.kubeconfig)]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main.main([*arguments, "--output", "json"])
    return code, json.loads(capsys.readouterr().out)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key not in OWN}
    return [plain(item) for item in value] if isinstance(value, list) else value


def statuses(found: Any) -> dict[tuple[str, str], Any]:
    return {
        (item["kind"], item["metadata"]["name"]): plain(item["status"])
        for item in found["items"]
        if item["kind"] != "GatewayClass" and item["metadata"].get("namespace") == "shop"
    }


def test_status(live: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    _, there = said(capsys, "status", *live)
    _, here = said(capsys, "status", "-f", str(SHOP), "--complete")
    wanted, found = statuses(here), statuses(there)
    assert {kind for kind, _ in wanted} > {"Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "BackendTLSPolicy"}
    accepted = found["Gateway", "edge"].pop("conditions")[0]
    assert (accepted["type"], accepted["status"]) == ("Accepted", "Unknown"), "its class's parameters cannot be seen"
    wanted["Gateway", "edge"].pop("conditions")
    assert {key: found.get(key) for key in wanted} == wanted


def test_generations_are_the_servers(live: list[str], standard: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    _, there = said(capsys, "status", *live)
    for item in there["items"]:
        if item["kind"] != "HTTPRoute":
            continue
        name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
        path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/{name}"
        _, seen = standard.request("GET", path)
        for parent in item["status"]["parents"]:
            assert parent["parentRef"] in seen["spec"]["parentRefs"], "echoed as the server keeps it"
            for condition in parent["conditions"]:
                assert condition["observedGeneration"] == seen["metadata"]["generation"]


def test_lint_and_explain(live: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    _, findings = said(capsys, "lint", *live)
    assert findings
    _, there = said(capsys, "status", *live)
    route = next(item for item in there["items"] if item["kind"] == "HTTPRoute")["metadata"]
    code, explained = said(capsys, "explain", f"httproute/{route['name']}", "-n", route["namespace"], *live)
    assert code in (0, 2)
    assert explained


def test_nothing_is_written(live: list[str], standard: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    path = "/apis/gateway.networking.k8s.io/v1/gateways"
    _, before = standard.request("GET", path)
    for command in (["status"], ["lint"], ["plan"]):
        main.main([*command, *live])
    capsys.readouterr()
    _, after = standard.request("GET", path)
    assert [item["metadata"]["resourceVersion"] for item in before["items"]] == [
        item["metadata"]["resourceVersion"] for item in after["items"]
    ]
