"""A Gateway's life on each cloud: made, changed, approved, moved, deleted; on a real API server and local clouds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.controller.stage import ROOT, Stage, condition, unchanging, until

pytestmark = pytest.mark.cluster
API = "gateway.networking.k8s.io/v1"
OWN = "cloudgw.dev/v1alpha1"
EXAMPLES = ROOT / "examples"
COMMON = [EXAMPLES / name for name in ("namespaces.yaml", "routes.yaml", "services.yaml", "grants.yaml")]
GATEWAYS = {"aws": "edge", "azure": "edge-azure", "gcp": "edge-gcp"}


def files(cloud: str) -> list[Path]:
    name = "gateway.yaml" if cloud == "aws" else f"{cloud}-gateway.yaml"
    return [EXAMPLES / f"{cloud}-class.yaml", EXAMPLES / name, *COMMON]


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
def test_made_restarted_and_deleted(stage: Stage, cloud: str) -> None:
    begun = stage.clouds[cloud].dump()
    controller = stage.start()
    controller.wait_leads()
    stage.apply(*files(cloud))
    found = stage.programmed("shop", GATEWAYS[cloud], 90)
    assert found["status"]["addresses"]
    unchanging(lambda: versions(stage))
    controller.stop()
    marks, objects = stage.marks(), versions(stage)
    again = stage.start()
    again.wait_leads()
    until(lambda: again.metric("controller_runtime_reconcile_total") > 0, "everything was looked at")
    time.sleep(3)
    assert stage.writes(marks) == []
    assert versions(stage) == objects
    stage.delete(API, "Gateway", "shop", GATEWAYS[cloud])
    stage.gone("shop", GATEWAYS[cloud], 90)
    assert stage.clouds[cloud].dump() == begun
    name = f"shop.{GATEWAYS[cloud]}"
    until(lambda: stage.get(OWN, "GatewayState", "cloudgw-system", name) is None, "its state goes after the finalizer")
    parents = [parent for route in routes(stage) for parent in route.get("status", {}).get("parents", ())]
    assert parents == []


def routes(stage: Stage) -> list[dict[str, Any]]:
    return list(stage.cluster.request("GET", "/apis/gateway.networking.k8s.io/v1/httproutes")[1]["items"])


def versions(stage: Stage) -> dict[str, str]:
    """resourceVersion of everything that a controller may write."""
    found = {}
    for path in (
        "/apis/gateway.networking.k8s.io/v1/gatewayclasses",
        "/apis/gateway.networking.k8s.io/v1/gateways",
        "/apis/gateway.networking.k8s.io/v1/httproutes",
        "/apis/cloudgw.dev/v1alpha1/gatewaystates",
        "/apis/cloudgw.dev/v1alpha1/gatewayplans",
        "/apis/cloudgw.dev/v1alpha1/awsgatewayclassparameters",
    ):
        for item in stage.cluster.request("GET", path)[1]["items"]:
            found[f"{path}/{item['metadata'].get('namespace')}/{item['metadata']['name']}"] = item["metadata"][
                "resourceVersion"
            ]
    return found


def test_a_dangerous_change_waits_for_a_word(stage: Stage) -> None:
    """Wider exposure: shown in a GatewayPlan, done when its digest is approved, by the plan or by the annotation."""
    controller = stage.start()
    controller.wait_leads()
    stage.apply(*files("aws"))
    stage.programmed("shop", "edge", 90)
    widen(stage, ["10.0.0.0/16", "192.168.0.0/16"])
    plan = until(lambda: pending(stage), "a pending GatewayPlan", 60)
    assert any("SECURITY: opens" in reason for one in plan["dangerous"] for reason in one["reasons"])
    assert "192.168.0.0/16" in plan["text"]
    marks = stage.marks()
    time.sleep(2)
    assert not [one for one in stage.writes(marks) if "Authorize" in one]
    stage.patch(OWN, "GatewayPlan", "shop", "edge", {"spec": {"approvedDigests": [plan["digest"]]}})
    until(lambda: [one for one in stage.writes(marks) if "Authorize" in one], "it is opened", 60)
    until(lambda: pending(stage) is None, "nothing waits any more", 60)

    widen(stage, ["10.0.0.0/16", "192.168.0.0/16", "172.16.0.0/12"])
    plan = until(lambda: pending(stage), "a pending GatewayPlan", 60)
    marks = stage.marks()
    body = {"metadata": {"annotations": {"cloudgw.dev/approved": plan["digest"]}}}
    stage.patch(API, "Gateway", "shop", "edge", body)
    until(lambda: [one for one in stage.writes(marks) if "Authorize" in one], "it is opened", 60)


def widen(stage: Stage, ranges: list[str]) -> None:
    stage.patch(OWN, "AWSGatewayClassParameters", "", "aws", {"spec": {"allowedSourceRanges": ranges}})


def pending(stage: Stage) -> dict[str, object] | None:
    found = stage.get(OWN, "GatewayPlan", "shop", "edge")
    if found is None or found.get("status", {}).get("phase") != "Pending":
        return None
    return dict(found["status"]["plans"][0])


def test_plan_mode_writes_to_no_cloud(stage: Stage) -> None:
    controller = stage.start("--mode", "plan")
    controller.wait_leads()
    marks = stage.marks()
    stage.apply(*files("aws"))
    found = until(lambda: stage.get(OWN, "GatewayPlan", "shop", "edge"), "a GatewayPlan", 60)
    until(lambda: (stage.get(OWN, "GatewayPlan", "shop", "edge") or {}).get("status"), "it shows a plan", 60)
    found = stage.get(OWN, "GatewayPlan", "shop", "edge") or {}
    assert "load-balancer" in found["status"]["plans"][0]["text"]
    assert stage.writes(marks) == []
    gateway = stage.gateway("shop", "edge") or {}
    assert "finalizers" not in gateway["metadata"]
    assert condition(gateway, "Programmed")["status"] == "Unknown", "nobody wrote a status"


def test_a_bad_route_harms_nobody(stage: Stage) -> None:
    controller = stage.start()
    controller.wait_leads()
    stage.apply(*files("aws"))
    stage.programmed("shop", "edge", 90)
    time.sleep(3)
    before = stage.clouds["aws"].dump()
    stage.apply(BAD)
    until(lambda: (stage.route("shop", "bad") or {}).get("status", {}).get("parents"), "the route has a status", 60)
    parent = (stage.route("shop", "bad") or {})["status"]["parents"][0]
    assert condition(parent, "Accepted")["status"] == "False"
    assert condition(parent, "Accepted")["reason"] == "UnsupportedValue"
    time.sleep(3)
    assert stage.clouds["aws"].dump()["rules"] == before["rules"]
    assert condition(stage.gateway("shop", "edge") or {}, "Programmed")["status"] == "True"


BAD = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad, namespace: shop}
spec:
  parentRefs: [{name: edge, sectionName: http}]
  hostnames: [shop.example.com]
  rules:
    - matches: [{queryParams: [{name: q, value: "1"}]}]
      backendRefs: [{name: cart, port: 8080}]
"""
