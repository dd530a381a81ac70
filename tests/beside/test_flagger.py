"""Flagger runs three canaries through our controller, one on each cloud, two of which take longer than its interval.

Asserted from the local clouds: at the moment when `Accepted` names a generation, the cloud answers as that generation
says; pods go after the cloud has let go of them; nothing that carries requests is made anew. On Azure, which knows no
weights, Flagger switches from one to the other (`iterations`). https://docs.flagger.app/tutorials/gatewayapi-progressive-delivery
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cloudgw_local.cluster import build
from tests.beside import programs, rollout
from tests.controller import manifests
from tests.controller.manifests import document
from tests.controller.stage import RATE, Controller, Stage, free_port, unchanging, until

pytestmark = pytest.mark.cluster
NAMESPACE = "rollouts"
PODS = "sg-00000000000000001"  # the security group of the pods on the local AWS: without it no health check arrives
CLOUDS = {"web-aws": "aws", "web-azure": "azure", "web-gcp": "gcp"}
SLOW = {"azure": 420.0, "gcp": 720.0}  # cloud seconds of a change; two of Azure's are needed for a shift
STEPS: dict[str, dict[str, Any]] = {
    "aws": {"stepWeights": [20, 60]},
    "gcp": {"stepWeights": [20, 60]},
    "azure": {"iterations": 1},
}
SHIFTS = {
    "aws": [(100, 0), (80, 20), (40, 60), (100, 0)],
    "gcp": [(100, 0), (80, 20), (40, 60), (100, 0)],
    "azure": [(100, 0), (0, 100), (100, 0)],
}
PATIENCE = 400.0
CANARY = "flagger.app/v1beta1"


def objects() -> list[dict[str, Any]]:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    found = [namespace]
    for name, cloud in CLOUDS.items():
        more = {"backendSecurityGroups": [PODS]} if cloud == "aws" else {}
        gateway = manifests.gateway(f"edge-{cloud}", cloud)
        gateway["metadata"]["namespace"] = NAMESPACE
        found += [*manifests.of_class(cloud, cloud, **more), gateway, deployment(name), canary(name, cloud)]
    return found


def deployment(name: str) -> dict[str, Any]:
    container = {
        "name": "server",
        "image": "cloudgw.local/echo",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "VERSION", "value": "1"}],
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    return document("apps/v1", "Deployment", name, NAMESPACE, spec=spec)


def canary(name: str, cloud: str) -> dict[str, Any]:
    service = {
        "port": 80,
        "targetPort": 8080,
        "hosts": [f"{cloud}.example.com"],
        "gatewayRefs": [{"name": f"edge-{cloud}", "namespace": NAMESPACE}],
    }
    spec = {
        "provider": "gatewayapi:v1",
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "service": service,
        "analysis": {"interval": "10s", "threshold": 2, **STEPS[cloud]},
    }
    return document(CANARY, "Canary", name, NAMESPACE, spec=spec)


def phase(stage: Stage, name: str, *wanted: str) -> None:
    """Waits until Flagger says one of these of a canary."""

    def true() -> bool:
        found = stage.get(CANARY, "Canary", NAMESPACE, name) or {}
        return found.get("status", {}).get("phase", "") in wanted

    until(true, f"the canary {name} is {' or '.join(wanted)}", PATIENCE, 0.5)


@dataclass(frozen=True, slots=True)
class Told:
    """What was seen of all three rollouts. said: Flagger's log; journals: what each cloud was asked once all was set
    up; measured: by cloud, count and sum of the controller's histogram."""

    stories: dict[str, rollout.Story]
    said: str
    journals: dict[str, list[dict[str, Any]]]
    measured: dict[str, tuple[float, float]]


@pytest.fixture(scope="module")
def told(platform: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The whole story, once: set up, a new version, the last phase."""
    flagger = build.tools(build.FLAGGER) / "flagger"
    log = tmp_path_factory.mktemp("flagger") / "flagger.log"
    platform.clear()
    controller = platform.start()
    controller.wait_leads(PATIENCE)
    recorder = rollout.Recorder(platform, NAMESPACE, CLOUDS)
    command = [
        str(flagger), f"-kubeconfig={platform.cluster.kubeconfig}", "-mesh-provider=gatewayapi:v1",
        f"-port={free_port()}", f"-namespace={NAMESPACE}", "-metrics-server=http://127.0.0.1:9",
        "-control-loop-interval=1s", "-enable-config-tracking=false", "-log-level=info",
    ]  # fmt: skip
    try:
        platform.apply(*objects())
        with recorder.watching(), programs.running(command, log):
            for name in CLOUDS:
                phase(platform, name, "Initialized")
                platform.programmed(NAMESPACE, f"edge-{CLOUDS[name]}", PATIENCE)
            begun = platform.marks()
            unchanging(lambda: platform.writes(begun))  # a Gateway is programmed before its routes are
            for cloud, seconds in SLOW.items():
                platform.clouds[cloud].ask("POST", "settings", {"update_seconds": seconds})
            marks = platform.marks()
            for name in CLOUDS:
                new = {"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": "2"}
                platform.patch("apps/v1", "Deployment", NAMESPACE, name, [new])
            for name in CLOUDS:
                phase(platform, name, "Succeeded", "Failed")
        journals = {cloud: one.journal(marks[cloud]) for cloud, one in platform.clouds.items()}
        measured = {cloud: (counted(controller, cloud, "count"), counted(controller, cloud, "sum")) for cloud in STEPS}
        found = Told(recorder.stories, log.read_text(errors="replace"), journals, measured)
        assert recorder.failed == []
        figures(found)
        yield found
    finally:
        controller.kill()
        for name in CLOUDS:
            platform.delete(CANARY, "Canary", NAMESPACE, name)
        platform.cluster.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
        platform.clear()


def counted(controller: Controller, cloud: str, part: str) -> float:
    return controller.metric(f"cloudgw_route_propagation_seconds_{part}", provider=cloud)


def figures(found: Told) -> None:
    print()
    for name, story in found.stories.items():
        steps = ", ".join(f"{show(one.wanted)} after {one.at - one.asked:.1f} s" for one in story.moments)
        print(f"{name}: {steps}; Flagger waited {waited(found, name)} times")


def show(found: rollout.Shares) -> str:
    return "/".join(f"{100 * part:.0f} {name.rpartition('-')[2]}" for name, part in found.items())


def waited(found: Told, name: str) -> int:
    """How often Flagger did nothing because the newest generation was not accepted yet."""
    return len(re.findall(rf"HTTPRoute {name}\.{NAMESPACE} parent .* is not ready \(status: True", found.said))


@pytest.fixture(params=sorted(CLOUDS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_flagger_comes_to_its_end_by_its_own_steps(told: Told, name: str) -> None:
    assert "New revision detected" in told.said
    wanted = [rollout.shares({f"{name}-canary": to, f"{name}-primary": stays}) for stays, to in SHIFTS[CLOUDS[name]]]
    assert [one.wanted for one in told.stories[name].moments] == wanted
    assert f"Promotion completed! Scaling down {name}.{NAMESPACE}" in told.said
    assert f"Rolling back {name}" not in told.said
    assert "status: False" not in told.said


def test_accepted_names_a_generation_when_the_cloud_answers_so(told: Told, name: str) -> None:
    """A tool that takes pods away a step later must be able to rely on it, on clouds that need longer than its step."""
    moments = told.stories[name].moments
    later = moments[1:]  # a route that was never accepted is accepted at once: nobody takes pods away for it
    assert [one.answered for one in later] == [one.wanted for one in later]
    assert all(one.echoed for one in moments), "Flagger compares parentRefs as they stand"


@pytest.mark.parametrize("cloud", sorted(STEPS))
def test_how_long_it_takes_is_measured(told: Told, cloud: str) -> None:
    """By it people choose the pauses of tools that read no status."""
    count, seconds = told.measured[cloud]
    shifts = len(SHIFTS[cloud]) - 1
    assert count >= shifts
    assert seconds >= shifts * 0.9 * SLOW.get(cloud, 0.0) / RATE


@pytest.mark.parametrize("cloud", sorted(SLOW))
def test_a_cloud_that_takes_its_time_is_waited_for(told: Told, cloud: str) -> None:
    story = told.stories[f"web-{cloud}"]
    for one in story.moments[1:]:
        assert one.at - one.asked >= 0.9 * SLOW[cloud] / RATE
    assert waited(told, f"web-{cloud}") > 0


def test_pods_go_after_the_cloud_has_let_go_of_them(told: Told, name: str) -> None:
    story = told.stories[name]
    assert story.gone, "Flagger scaled nothing down"
    assert story.gone[-1] == {f"{name}-primary": 1.0}


def test_nothing_that_carries_requests_is_made_anew(told: Told, name: str) -> None:
    seen: dict[str, set[str]] = {}
    for moment in told.stories[name].moments[1:]:
        for part, identity in moment.ids.items():
            seen.setdefault(part, set()).add(identity)
    assert {part: len(found) for part, found in seen.items()} == dict.fromkeys(seen, 1)
    assert len(seen) == 3, "two backends, and what divides requests among them"


def test_each_step_is_one_change_of_one_rule_on_aws(told: Told) -> None:
    """Beside it: the canary's target group, and one rule that nobody meets, by which it is probed first."""
    calls = Counter(one["operation"] for one in told.journals["aws"] if one["write"])
    assert calls["ModifyRule"] == len(SHIFTS["aws"]) - 1
    assert calls["CreateTargetGroup"] == calls["CreateRule"] == calls["DeleteRule"] == 1
    assert calls.keys().isdisjoint({"CreateLoadBalancer", "CreateListener", "ModifyListener", "SetRulePriorities"})


def test_the_canary_is_probed_before_it_gets_requests(told: Told) -> None:
    """Its target group is named by a rule that nobody meets, and holds its pods, before a weight leads to it."""
    calls = [one["operation"] for one in told.journals["aws"] if one["write"]]
    first = [calls.index(name) for name in ("CreateTargetGroup", "CreateRule", "RegisterTargets", "ModifyRule")]
    assert first == sorted(first)
    assert first[-1] < calls.index("DeleteRule")
