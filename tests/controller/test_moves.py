"""Gateways that go, or go elsewhere: given to another class, deleted by the dozen, kept by their class.

What moves stands anew before it goes; nothing stays behind; what belongs to nobody of ours is not spoken of any more.
"""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.controller import manifests
from tests.controller.manifests import API, OWN
from tests.controller.stage import SYSTEM, Stage, condition, until

pytestmark = pytest.mark.cluster
FAR = "europe-west4"


def give(stage: Stage, name: str, of: str) -> None:
    """A person edits the Gateway's class."""
    stage.patch(API, "Gateway", "shop", name, {"spec": {"gatewayClassName": of}})


def state(stage: Stage, name: str = "edge") -> dict[str, Any] | None:
    found = stage.get(OWN, "GatewayState", SYSTEM, f"shop.{name}")
    return dict(found["spec"]) if found is not None else None


def places(stage: Stage) -> list[str]:
    return list((state(stage) or {}).get("placements", ()))


def test_a_move_to_another_cloud(stage: Stage) -> None:
    begun = stage.clouds["aws"].dump()
    controller = stage.start()
    controller.wait_leads()
    stage.apply(*manifests.of_class("aws"), *manifests.of_class("gcp", "gcp"), *manifests.shop())
    stage.programmed("shop", "edge", 90)
    time.sleep(2)
    marks = stage.marks()
    give(stage, "edge", "gcp")
    deletes = until(lambda: [one for one in stage.writes(marks) if one.startswith("aws ")], "the old one goes", 120)
    assert "Delete" in deletes[0] or "Modify" in deletes[0] or "Revoke" in deletes[0]
    found = stage.gateway("shop", "edge") or {}
    assert condition(found, "Programmed")["status"] == "True", "it stands anew before the old one is touched"
    assert found["status"]["addresses"][0]["type"] == "IPAddress"
    until(lambda: stage.clouds["aws"].dump() == begun, "nothing stays behind", 120)
    until(lambda: [one.split("/")[0] for one in places(stage)] == ["gcp"], "the state names one place", 60)
    assert stage.programmed("shop", "edge")["metadata"]["finalizers"]
    stage.delete(API, "Gateway", "shop", "edge")
    stage.gone("shop", "edge", 120)
    until(lambda: state(stage) is None, "nobody remembers it", 30)


def test_a_move_to_another_region(stage: Stage) -> None:
    begun = stage.clouds["gcp"].dump()
    for name, block, more in (
        ("subnet-nodes", "10.4.0.0/20", {}),
        ("subnet-proxy", "10.133.0.0/23", {"purpose": "REGIONAL_MANAGED_PROXY", "role": "ACTIVE"}),
    ):
        network = "projects/cloudgw-local/global/networks/net-edge"
        vendor(stage, f"regions/{FAR}/subnetworks", {"name": name, "network": network, "ipCidrRange": block, **more})
    time.sleep(2)
    prepared = stage.clouds["gcp"].dump()
    assert prepared != begun
    controller = stage.start()
    controller.wait_leads()
    far = manifests.of_class("far", "gcp", region=FAR, zones=[f"{FAR}-a"])
    stage.apply(*manifests.of_class("near", "gcp"), *far, *manifests.shop(of="near"))
    stage.programmed("shop", "edge", 90)
    time.sleep(2)
    mark = stage.clouds["gcp"].mark()
    give(stage, "edge", "far")
    until(lambda: [one.rpartition("/")[2] for one in places(stage)] == [FAR], "the state names one place", 180)
    calls = [one for one in stage.clouds["gcp"].journal(mark) if one["write"]]
    made = [one["sequence"] for one in calls if one["operation"].startswith("insert ") and FAR in json.dumps(one)]
    old = [one["sequence"] for one in calls if one["operation"].startswith("delete ")]
    assert made
    assert old
    assert max(made) < min(old), "it stands anew before the old one is touched"
    assert condition(stage.gateway("shop", "edge") or {}, "Programmed")["status"] == "True"
    stage.delete(API, "Gateway", "shop", "edge")
    stage.gone("shop", "edge", 120)
    assert stage.clouds["gcp"].dump() == prepared, "nothing stays behind, in neither region"


def vendor(stage: Stage, path: str, body: dict[str, Any]) -> None:
    """Somebody makes something by the vendor's own API."""
    parts = urlsplit(stage.clouds["gcp"].endpoint)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    headers = {"Authorization": "Bearer x", "Content-Type": "application/json"}
    connection.request("POST", f"/compute/v1/projects/cloudgw-local/{path}", json.dumps(body), headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()


def test_a_gateway_given_to_a_foreign_class_leaves_nothing(stage: Stage) -> None:
    begun = stage.clouds["aws"].dump()
    controller = stage.start()
    controller.wait_leads()
    stage.apply(*manifests.of_class(), manifests.foreign_class("theirs"), *manifests.shop())
    stage.programmed("shop", "edge", 90)
    give(stage, "edge", "theirs")
    until(lambda: stage.clouds["aws"].dump() == begun, "the load balancer goes", 120)
    until(lambda: "finalizers" not in (stage.gateway("shop", "edge") or {})["metadata"], "the finalizer goes", 60)
    until(lambda: state(stage) is None, "nobody remembers it", 60)
    parents = (stage.route("shop", "web") or {})["status"]["parents"]
    assert [one for one in parents if one["controllerName"].startswith("cloudgw.dev/")] == []
    found = stage.gateway("shop", "edge") or {}
    assert not [one for one in found["status"]["conditions"] if one["type"].startswith("cloudgw.dev/")]
    version = found["metadata"]["resourceVersion"]
    stage.apply(manifests.route("more", "edge", path="/more"))
    time.sleep(3)
    assert (stage.gateway("shop", "edge") or {})["metadata"]["resourceVersion"] == version, "it is none of ours"
    assert "status" not in (stage.route("shop", "more") or {}) or not (stage.route("shop", "more") or {})["status"].get(
        "parents"
    )
    give(stage, "edge", "aws")
    stage.programmed("shop", "edge", 90)


def test_a_class_that_retains_keeps_the_load_balancer(stage: Stage) -> None:
    """Deleted, it stands; the next Gateway of that name takes it over and nothing is made anew."""
    controller = stage.start()
    controller.wait_leads()
    stage.apply(*manifests.of_class(deletionPolicy="Retain"), *manifests.shop())
    before = stage.programmed("shop", "edge", 90)["status"]["addresses"]
    time.sleep(3)
    marks = stage.marks()
    stage.delete(API, "Gateway", "shop", "edge")
    stage.gone("shop", "edge", 60)
    time.sleep(3)
    assert stage.writes(marks) == []
    assert (state(stage) or {})["released"], "the state remembers for whom it stands"
    stage.apply(manifests.gateway())
    assert stage.programmed("shop", "edge", 90)["status"]["addresses"] == before
    assert not [one for one in stage.writes(marks) if "Create" in one or "Delete" in one]
    assert (stage.get(OWN, "GatewayPlan", "shop", "edge") or {}).get("status", {}).get("phase") != "Pending"


def test_many_deletions_go_by_the_budget(stage: Stage) -> None:
    """Two of six go within the hour; of the others a condition and an Event say why they wait."""
    names = [f"edge-{number}" for number in range(6)]
    controller = stage.start("--fleet-budget", "2")
    controller.wait_leads()
    stage.apply(*manifests.of_class(), *(manifests.gateway(name) for name in names))
    for name in names:
        stage.programmed("shop", name, 120)
    for name in names:
        stage.delete(API, "Gateway", "shop", name)

    def left() -> list[str]:
        return [name for name in names if stage.gateway("shop", name) is not None]

    def waiting() -> list[str]:
        found = {name: condition(stage.gateway("shop", name) or {}, "cloudgw.dev/Degraded") for name in left()}
        return [name for name, one in found.items() if one.get("reason") == "FleetBudget"]

    until(lambda: len(left()) <= 4, "two go", 60)
    until(lambda: len(waiting()) == 4, "four say why they wait", 30)
    assert len(left()) == 4
    assert len(stage.clouds["aws"].dump()["load_balancers"]) == 4
    said = condition(stage.gateway("shop", waiting()[0]) or {}, "cloudgw.dev/Degraded")["message"]
    assert "2 Gateways" in said

    def told() -> set[str]:
        events = stage.cluster.get("/apis/events.k8s.io/v1/namespaces/shop/events")["items"]
        return {one["regarding"]["name"] for one in events if one["reason"] == "FleetBudget"}

    until(lambda: set(left()) <= told(), "an Event for each that waits", 30)
    until(lambda: len(left()) <= 2, "an hour of the clouds later two more go", 120)
