"""Others work on the same objects: another controller, people, a GitOps tool, a policy. Nobody fights and nobody hangs.

Each plays its part on a real API server while the controller runs; what is asserted is what is left of theirs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from cloudgw.controller import names
from cloudgw.objects import CONTROLLER_NAME
from tests.controller import manifests
from tests.controller.manifests import API, document
from tests.controller.stage import Stage, condition, until

pytestmark = pytest.mark.cluster
OTHER = "example.com/other"
WATCHED = 30.0  # seconds in which all of them work
APPLY = "application/apply-patch+yaml"
GATEWAY = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways/edge"
ROUTE = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/web"


@contextmanager
def beside(*parts: tuple[float, Callable[[int], None]]) -> Iterator[list[BaseException]]:
    """Each part is called every so many seconds with 0, 1, 2, ... while the block runs. What one raises is listed."""
    stop, failed = threading.Event(), list[BaseException]()

    def run(pause: float, act: Callable[[int], None]) -> None:
        turn = 0
        while not stop.wait(pause):
            try:
                act(turn)
            except BaseException as error:
                failed.append(error)
                return
            turn += 1

    threads = [threading.Thread(target=run, args=part, daemon=True) for part in parts]
    for thread in threads:
        thread.start()
    try:
        yield failed
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def entry(turn: int) -> dict[str, Any]:
    """What another controller says of the shared route: its moment changes each time."""
    accepted = {
        "type": "Accepted", "status": "True", "reason": "Accepted", "message": f"turn {turn}", "observedGeneration": 1,
        "lastTransitionTime": "2026-11-21T00:00:00Z",
    }  # fmt: skip
    reference = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "theirs"}
    return {"controllerName": OTHER, "parentRef": reference, "conditions": [accepted]}


def other_controller(stage: Stage) -> Callable[[int], None]:
    """Puts its entry in place of its last one, as a read and a write that fails when somebody wrote in between."""

    def act(turn: int) -> None:
        while True:
            _, found = stage.cluster.request("GET", ROUTE)
            parents = found.get("status", {}).get("parents", [])
            kept = [one for one in parents if one["controllerName"] != OTHER]
            found["status"] = {"parents": [entry(turn), *kept]}
            status, answer = stage.cluster.request("PUT", f"{ROUTE}/status", found)
            if status != 409:
                assert status == 200, answer
                return

    return act


def user(stage: Stage) -> Callable[[int], None]:
    def act(turn: int) -> None:
        mark = {"metadata": {"labels": {"turn": str(turn)}, "annotations": {"example.com/note": f"turn {turn}"}}}
        for path in (GATEWAY, ROUTE):
            stage.cluster.patch(path, mark)

    return act


def gitops(stage: Stage, *documents: Mapping[str, Any]) -> Callable[[int], None]:
    """Server-side apply of the same text, with force."""

    def act(_turn: int) -> None:
        for one in documents:
            path = f"{stage.cluster.path_of(one)}?fieldManager=argocd&force=true"
            status, answer = stage.cluster.request("PATCH", path, one, content_type=APPLY)
            assert status == 200, answer

    return act


def owned(found: Mapping[str, Any], manager: str) -> set[str]:
    """What a field manager has of an object: "status" for the subresource, else the paths of its fields."""
    result: set[str] = set()
    for one in found["metadata"]["managedFields"]:
        if one["manager"] == manager:
            subresource = one.get("subresource", "")
            result |= {subresource} if subresource else set(paths(one["fieldsV1"]))
    return result


def paths(fields: Mapping[str, Any], head: str = "") -> Iterator[str]:
    for name, below in fields.items():
        if name != ".":
            yield from paths(below, f"{head}/{name}") if set(below) - {"."} else [f"{head}/{name}"]


def test_others_keep_what_is_theirs(stage: Stage) -> None:
    controller = stage.start("--resync", "10")
    controller.wait_leads()
    objects = manifests.shop()
    stage.apply(*manifests.of_class(), manifests.foreign_class("theirs", OTHER), manifests.gateway("theirs", "theirs"))
    objects[-1]["spec"]["parentRefs"].append({"name": "theirs"})
    stage.apply(*objects)
    stage.programmed("shop", "edge", 90)
    until(lambda: parent(stage, CONTROLLER_NAME), "the route has our entry", 60)
    time.sleep(4)
    specs = [(stage.gateway("shop", "edge") or {})["spec"], (stage.route("shop", "web") or {})["spec"]]
    marks, before = stage.marks(), controller.metric("rest_client_requests_total", method="PATCH")
    applied = [one for one in objects if one["kind"] in ("Gateway", "HTTPRoute")]
    began = time.monotonic()
    with beside((1.0, other_controller(stage)), (1.0, user(stage)), (2.0, gitops(stage, *applied))) as failed:
        time.sleep(WATCHED)
    turns = int(time.monotonic() - began)
    assert failed == []
    time.sleep(2)
    writes = controller.metric("rest_client_requests_total", method="PATCH") - before

    found, web = stage.gateway("shop", "edge") or {}, stage.route("shop", "web") or {}
    for one, spec in zip((found, web), specs, strict=True):
        assert one["spec"] == spec
        assert int(one["metadata"]["labels"]["turn"]) > turns // 4, "the user came through"
        assert one["metadata"]["annotations"]["example.com/note"] == f"turn {one['metadata']['labels']['turn']}"
        assert one["metadata"]["generation"] == 1, "nobody changed a spec"
    theirs = parent(stage, OTHER)
    assert theirs == entry(int(condition(theirs, "Accepted")["message"].split()[1])), "to the byte"
    assert condition(parent(stage, CONTROLLER_NAME), "Accepted")["status"] == "True"
    assert owned(found, "cloudgw") == {"status", f'/f:metadata/f:finalizers/v:"{names.FINALIZER}"'}
    assert owned(web, "cloudgw") == {"status"}
    print(f"beside others: {writes:.0f} writes of ours in {turns} s")
    assert before > 0
    assert writes <= 3, "nothing of ours changed, so there was nothing to write"
    assert stage.writes(marks) == []


def parent(stage: Stage, controller: str) -> dict[str, Any]:
    parents = (stage.route("shop", "web") or {}).get("status", {}).get("parents", ())
    return next((dict(one) for one in parents if one["controllerName"] == controller), {})


POLICY = "ValidatingAdmissionPolicy"


def policy(stage: Stage, expression: str) -> list[dict[str, Any]]:
    """Denies updates of Gateway shop/edge for which the expression does not hold, once it counts."""
    rule = {
        "apiGroups": ["gateway.networking.k8s.io"],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["gateways"],
    }
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "matchConditions": [{"name": "edge", "expression": "object.metadata.name == 'edge'"}],
        "validations": [{"expression": expression, "message": "finalizers are frozen"}],
    }
    found = [
        document("admissionregistration.k8s.io/v1", POLICY, "frozen", "", spec=spec),
        document(
            "admissionregistration.k8s.io/v1", f"{POLICY}Binding", "frozen", "",
            spec={"policyName": "frozen", "validationActions": ["Deny"]},
        ),
    ]  # fmt: skip
    stage.apply(*found)
    return found


SAME = "has(object.metadata.finalizers) == has(oldObject.metadata.finalizers)"
PROBED = f"{GATEWAY}?dryRun=All"


def counts(stage: Stage, finalizers: list[str] | None) -> bool:
    """Whether the policy denies these finalizers by now: a policy counts some moments after it was made."""
    body = {"metadata": {"finalizers": finalizers}}
    return stage.cluster.request("PATCH", PROBED, body, content_type="application/merge-patch+json")[0] == 422


def events(stage: Stage, reason: str) -> list[str]:
    found = stage.cluster.get("/apis/events.k8s.io/v1/namespaces/shop/events")["items"]
    return [one["note"] for one in found if one["reason"] == reason and one["regarding"]["name"] == "edge"]


@pytest.fixture
def frozen(stage: Stage) -> Iterator[Stage]:
    """No policy is left behind."""
    yield stage
    for kind in (f"{POLICY}Binding", POLICY):
        stage.delete("admissionregistration.k8s.io/v1", kind, "", "frozen")


def test_a_policy_that_keeps_our_finalizer_is_named_and_survived(frozen: Stage) -> None:
    stage = frozen
    begun = stage.clouds["aws"].dump()
    controller = stage.start()
    controller.wait_leads()
    stage.apply(*manifests.of_class(), *manifests.shop())
    stage.programmed("shop", "edge", 90)
    denies = policy(stage, SAME)
    until(lambda: counts(stage, None), "the policy counts")
    stage.delete(API, "Gateway", "shop", "edge")

    def named() -> dict[str, Any] | None:
        found = condition(stage.gateway("shop", "edge") or {}, "cloudgw.dev/Degraded")
        return found if found.get("reason") == "PolicyDenies" else None

    found = until(named, "the Gateway says that a policy denies", 90)
    assert f"change {POLICY} frozen" in found["message"]
    assert "finalizers are frozen" in found["message"]
    notes = until(lambda: events(stage, "PolicyDenies"), "an Event says it")
    assert f"{POLICY} frozen" in notes[0]
    assert stage.clouds["aws"].dump() == begun, "the load balancer went all the same"

    stage.apply(manifests.gateway("next"))
    stage.programmed("shop", "next", 90)
    assert stage.gateway("shop", "edge") is not None
    for one in reversed(denies):
        stage.cluster.delete(one)
    stage.gone("shop", "edge", 120)
    assert condition(stage.gateway("shop", "next") or {}, "Programmed")["status"] == "True"


def test_a_policy_that_keeps_our_finalizer_away_is_named_and_nothing_is_made(frozen: Stage) -> None:
    """Without the finalizer a load balancer could outlive its Gateway, so none is begun."""
    stage = frozen
    controller = stage.start()
    controller.wait_leads()
    denies = policy(stage, SAME)
    stage.apply(manifests.gateway("edge", "nobody"))
    until(lambda: counts(stage, ["example.com/probe"]), "the policy counts")
    stage.delete(API, "Gateway", "shop", "edge")
    marks = stage.marks()
    stage.apply(*manifests.of_class(), *manifests.shop())

    def named() -> dict[str, Any] | None:
        found = condition(stage.gateway("shop", "edge") or {}, "cloudgw.dev/Degraded")
        return found if found.get("reason") == "PolicyDenies" else None

    found = until(named, "the Gateway says that a policy denies", 60)
    assert f"change {POLICY} frozen" in found["message"]
    version = (stage.gateway("shop", "edge") or {})["metadata"]["resourceVersion"]
    time.sleep(3)
    assert (stage.gateway("shop", "edge") or {})["metadata"]["resourceVersion"] == version, "it is said once"
    assert events(stage, "PolicyDenies")
    assert stage.writes(marks) == []
    for one in reversed(denies):
        stage.cluster.delete(one)
    stage.programmed("shop", "edge", 90)
    assert condition(stage.gateway("shop", "edge") or {}, "cloudgw.dev/Degraded").get("reason") != "PolicyDenies"
