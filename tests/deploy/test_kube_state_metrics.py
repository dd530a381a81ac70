"""The file for kube-state-metrics: served versions, fields that exist, and never the same series twice.

kube-state-metrics is not run here: `series` follows what its documentation says of paths
(https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/extend/customresourcestate-metrics.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cloudgw.admission import schemas
from tests.deploy.rendering import ROOT

FILE = ROOT / "deploy" / "kube-state-metrics" / "custom-resource-state.yaml"
RESOURCES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["spec"]["resources"]
CRDS = {
    crd["spec"]["names"]["kind"]: crd
    for crd in (yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml")))
}
METRICS = [
    pytest.param(resource, metric, id=f"{resource['metricNamePrefix']}_{metric['name']}")
    for resource in RESOURCES
    for metric in resource["metrics"]
]
GENERATION = 1


def series(
    resource: dict[str, Any], metric: dict[str, Any], item: dict[str, Any]
) -> Iterator[tuple[tuple[str, str], ...]]:
    """The label sets that a metric has for one object."""
    kind = metric["each"]["type"]
    each = metric["each"][kind[0].lower() + kind[1:]]
    common = {name: found(item, path) for name, path in resource["labelsFromPath"].items()}
    at = found(item, each.get("path", []))
    for element in at if isinstance(at, list) else [] if at is None else [at]:
        labels = dict(common)
        for name, path in each.get("labelsFromPath", {}).items():
            value = found(element, path)
            if name == "*":
                labels |= {f"label_{key}": text for key, text in (value or {}).items()}
            elif value is not None:
                labels[name] = value
        if kind == "Gauge" and each.get("valueFrom"):
            assert found(element, each["valueFrom"]) is not None, f"{metric['name']}: no value"
        yield tuple(sorted((key, str(value)) for key, value in labels.items()))


def found(value: Any, path: list[str]) -> Any:
    for step in path:
        if step.startswith("["):
            key, _, wanted = step.strip("[]").partition("=")
            value = next((one for one in value or () if one.get(key) == wanted), None)
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def conditions(*types: str) -> list[dict[str, Any]]:
    return [
        {"type": one, "status": "True", "reason": one, "message": "m", "observedGeneration": GENERATION}
        for one in types
    ]


ROUTE_PARENTS: list[dict[str, Any]] = [
    {"name": "edge", "sectionName": "http"},
    {"name": "edge", "sectionName": "https"},
    {"name": "edge", "namespace": "infra", "port": 80},
]
SAMPLES: dict[str, dict[str, Any]] = {
    "GatewayClass": {
        "spec": {"controllerName": "cloudgw.dev/gateway-controller"},
        "status": {
            "conditions": conditions("Accepted", "SupportedVersion"),
            "supportedFeatures": [{"name": "Gateway"}, {"name": "HTTPRoute"}],
        },
    },
    "Gateway": {
        "spec": {
            "gatewayClassName": "edge",
            "listeners": [
                {"name": "http", "port": 80, "protocol": "HTTP"},
                {"name": "https", "port": 443, "protocol": "HTTPS", "tls": {"mode": "Terminate"}},
            ],
        },
        "status": {
            "conditions": conditions("Accepted", "Programmed", "cloudgw.dev/Degraded"),
            "addresses": [{"type": "IPAddress", "value": "192.0.2.1"}, {"type": "IPAddress", "value": "192.0.2.2"}],
            "listeners": [{"name": "http", "attachedRoutes": 2}, {"name": "https", "attachedRoutes": 0}],
        },
    },
    "BackendTLSPolicy": {
        "spec": {"targetRefs": [{"group": "", "kind": "Service", "name": "a"}, {"kind": "Service", "name": "b"}]},
        "status": {"ancestors": []},
    },
    "GatewayPlan": {
        "status": {"phase": "Pending", "dangerous": 2, "conditions": conditions("Ready")},
    },
}
SAMPLES["ListenerSet"] = {
    "spec": {"listeners": SAMPLES["Gateway"]["spec"]["listeners"]},
    "status": {key: SAMPLES["Gateway"]["status"][key] for key in ("conditions", "listeners")},
}
ROUTE: dict[str, Any] = {
    "spec": {"hostnames": ["a.example.com", "b.example.com"], "parentRefs": ROUTE_PARENTS},
    "status": {
        "parents": [
            {"parentRef": ref, "controllerName": name, "conditions": conditions("Accepted", "ResolvedRefs")}
            for ref in ROUTE_PARENTS
            for name in ("cloudgw.dev/gateway-controller", "example.com/other")
        ]
    },
}
SAMPLES |= dict.fromkeys(("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"), ROUTE)
SETTLED: dict[str, Any] = {"status": {"conditions": conditions("Ready", "Reconciling")}}


def sample(kind: str) -> dict[str, Any]:
    metadata = {"name": "x", "namespace": "shop", "labels": {"app": "x"}, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": metadata, **SAMPLES.get(kind, SETTLED)}


def test_every_kind_of_the_gateway_api_and_of_ours_is_there_once() -> None:
    kinds = [resource["groupVersionKind"]["kind"] for resource in RESOURCES]
    assert len(kinds) == len(set(kinds))
    assert CRDS.keys() - {"GatewayState"} <= set(kinds), "GatewayState is the controller's own"
    assert {"GatewayClass", *SAMPLES} <= set(kinds)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one["groupVersionKind"]["kind"])
def test_its_version_is_served_by_the_standard_channel(resource: dict[str, Any]) -> None:
    asked = resource["groupVersionKind"]
    kind, version = asked["kind"], asked["version"]
    if kind in CRDS:
        crd = CRDS[kind]["spec"]
        assert (asked["group"], version) in {(crd["group"], one["name"]) for one in crd["versions"] if one["served"]}
        namespaced = crd["scope"] == "Namespaced"
    else:
        known = schemas.load().kinds["standard"][kind]
        assert (asked["group"], version) == (known.group, known.newest.name)
        namespaced = known.namespaced
    assert ("namespace" in resource["labelsFromPath"]) is namespaced


def paths(resource: dict[str, Any], metric: dict[str, Any]) -> Iterator[list[str]]:
    """What a metric reads of the object's spec, and of our kinds of the status too; `*` for an item."""
    kind = metric["each"]["type"]
    each = metric["each"][kind[0].lower() + kind[1:]]
    above = each.get("path", [])
    below = [*each.get("labelsFromPath", {}).values(), each.get("valueFrom", [])]
    item = ["*"] if above[-1:] in (["listeners"], ["hostnames"], ["parentRefs"], ["targetRefs"], ["conditions"]) else []
    for path in below or [[]]:
        whole = [*above, *(item if path else []), *path]
        if whole[:1] == ["spec"] or (whole[:1] == ["status"] and resource["groupVersionKind"]["kind"] in CRDS):
            yield whole


@pytest.mark.parametrize(("resource", "metric"), METRICS)
def test_fields_that_are_read_exist(resource: dict[str, Any], metric: dict[str, Any]) -> None:
    kind = resource["groupVersionKind"]["kind"]
    for path in paths(resource, metric):
        if kind in CRDS:
            node: Any = CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            for step in path:
                node = node["items"] if step == "*" else node["properties"][step]
        else:
            root = schemas.load().kinds["standard"][kind].newest.root
            assert root is not None
            assert root.at("/" + "/".join(path)) is not None, path


@pytest.mark.parametrize(("resource", "metric"), METRICS)
def test_no_series_comes_twice(resource: dict[str, Any], metric: dict[str, Any]) -> None:
    kind = resource["groupVersionKind"]["kind"]
    labels = list(series(resource, metric, sample(kind)))
    assert len(labels) == len(set(labels))
    assert labels or metric["name"] == "deleted", "the sample has something to show"


def test_names_and_help_are_prometheus() -> None:
    keys = {"Info": "info", "Gauge": "gauge", "StateSet": "stateSet"}
    names = []
    for resource in RESOURCES:
        for metric in resource["metrics"]:
            names.append(f"{resource['metricNamePrefix']}_{metric['name']}")
            assert re.fullmatch(r"[a-z_]+", names[-1])
            assert metric["help"].endswith(".")
            assert metric["each"].keys() == {"type", keys[metric["each"]["type"]]}
    assert len(names) == len(set(names))


def test_a_phase_that_a_plan_can_have_is_a_state() -> None:
    (plan,) = [one for one in RESOURCES if one["groupVersionKind"]["kind"] == "GatewayPlan"]
    (phase,) = [one["each"]["stateSet"] for one in plan["metrics"] if one["name"] == "status_phase"]
    schema = CRDS["GatewayPlan"]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert phase["list"] == schema["properties"]["status"]["properties"]["phase"]["enum"]
