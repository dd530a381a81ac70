"""What a class or the command line says about who decides: plan mode, foreign classes, approval, drift, an upgrade.

Where something has to wait, the test looks at what the clouds were told meanwhile: nothing.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.controller import manifests
from tests.controller.manifests import API, OWN
from tests.controller.stage import OWNER, SYSTEM, Controller, Stage, condition, until

pytestmark = pytest.mark.cluster
STATE = "shop.edge"
THEIRS = "example.com/other"


def plan(stage: Stage, name: str = "edge") -> dict[str, Any]:
    """Status of a GatewayPlan; {} where there is none."""
    return dict((stage.get(OWN, "GatewayPlan", "shop", name) or {}).get("status", {}))


def asked(stage: Stage, name: str = "edge", patience: float = 60.0, of: str = "") -> dict[str, Any]:
    """The plan that waits for a word. of: words in it."""

    def true() -> dict[str, Any] | None:
        found = plan(stage, name)
        first = found["plans"][0] if found.get("phase") == "Pending" else {}
        reasons = " ".join(reason for one in first.get("dangerous", ()) for reason in one["reasons"])
        return first if first and of in reasons else None

    return dict(until(true, f"a GatewayPlan that waits for a word ({of})", patience))


def approve(stage: Stage, digest: str, name: str = "edge") -> None:
    stage.patch(OWN, "GatewayPlan", "shop", name, {"spec": {"approvedDigests": [digest]}})


def versions(stage: Stage) -> dict[str, str]:
    """resourceVersion of everything but our GatewayPlans that a controller could write."""
    found = {}
    for head, plurals in (
        ("/apis/gateway.networking.k8s.io/v1", ("gatewayclasses", "gateways", "httproutes")),
        ("/apis/cloudgw.dev/v1alpha1", ("gatewaystates", "awsgatewayclassparameters")),
    ):
        for plural in plurals:
            for item in stage.cluster.get(f"{head}/{plural}")["items"]:
                found[f"{plural}/{item['metadata']['name']}"] = item["metadata"]["resourceVersion"]
    return found


def quiet(stage: Stage, seconds: float = 2.5, patience: float = 60.0) -> None:
    """Nothing was written anywhere for a while."""
    marks, objects, since = stage.marks(), versions(stage), time.monotonic()
    end = since + patience
    while time.monotonic() - since < seconds:
        assert time.monotonic() < end, f"still written after {patience:.0f} s: {stage.writes(marks)}"
        time.sleep(0.3)
        if stage.writes(marks) or versions(stage) != objects:
            marks, objects, since = stage.marks(), versions(stage), time.monotonic()


def rules(stage: Stage) -> list[dict[str, Any]]:
    """Of all listeners in the cloud, but those that answer when no other matches."""
    found = stage.clouds["aws"].dump()["rules"]
    return [one for one in (found.values() if isinstance(found, Mapping) else found) if not is_default(one)]


def is_default(rule: Mapping[str, Any]) -> bool:
    return rule.get("priority") in (None, "default") or bool(rule.get("default"))


def vandal(stage: Stage) -> None:
    """Somebody deletes a rule by the vendor's own client."""
    import boto3

    endpoint = stage.clouds["aws"].endpoint
    client = boto3.client(
        "elbv2", endpoint_url=endpoint, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    balancer = client.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    listener = client.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    found = [one for one in client.describe_rules(ListenerArn=listener)["Rules"] if not one["IsDefault"]]
    client.delete_rule(RuleArn=found[0]["RuleArn"])


def programmed(stage: Stage, *arguments: str, **fields: Any) -> Controller:
    """A controller that has programmed shop/edge and rests."""
    controller = stage.start(*arguments)
    controller.wait_leads()
    stage.apply(*manifests.of_class(**fields), *manifests.shop())
    stage.programmed("shop", "edge", 90)
    quiet(stage)
    return controller


# Plan mode


def test_plan_mode_beside_a_controller_that_applies(stage: Stage) -> None:
    """It writes to no cloud and on nobody's object, and the GatewayPlan that people answer to stays the other's."""
    programmed(stage, "--resync", "5")
    stage.apply(*manifests.of_class(allowedSourceRanges=["10.0.0.0/16", "192.168.0.0/16"]))
    digest = asked(stage, of="SECURITY")["digest"]
    quiet(stage)
    marks, objects = stage.marks(), versions(stage)
    watcher = stage.start("--mode", "plan", "--lease-name", "cloudgw-plan", "--resync", "5")
    watcher.wait_leads()
    until(lambda: watcher.metric("controller_runtime_reconcile_total") >= 3, "it looked more than once", 60)
    until(lambda: "it is left to it" in watcher.text(), "it saw that another controller writes", 60)
    before, version = watcher.metric("rest_client_requests_total", method="PATCH"), plan_version(stage)
    time.sleep(12)
    assert watcher.metric("rest_client_requests_total", method="PATCH") == before
    assert before <= 2, "it showed its plan once, and saw that somebody else writes there"
    assert plan_version(stage) == version, "nobody fights"
    assert asked(stage)["digest"] == digest
    assert stage.writes(marks) == []
    assert versions(stage) == objects
    approve(stage, digest)
    until(lambda: [one for one in stage.writes(marks) if "Authorize" in one], "the word is heard", 60)


def plan_version(stage: Stage) -> str:
    return str((stage.get(OWN, "GatewayPlan", "shop", "edge") or {})["metadata"]["resourceVersion"])


def test_plan_mode_alone_shows_what_changes(stage: Stage) -> None:
    """The same controller, switched to plan mode: what would be done is shown, and said not to be done."""
    controller = programmed(stage)
    controller.stop()
    marks, objects = stage.marks(), versions(stage)
    watcher = stage.start("--mode", "plan")
    watcher.wait_leads()
    until(lambda: plan(stage).get("phase") == "Empty", "an empty GatewayPlan", 60)
    stage.apply(manifests.route("other", "edge", path="/other"))
    found = until(lambda: plan(stage).get("plans"), "a plan", 60)[0]
    assert "other" in found["text"]
    ready = condition({"status": plan(stage)}, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "PlanMode")
    assert "--mode plan" in ready["message"]
    assert condition({"status": plan(stage)}, "Reconciling")["status"] == "False"
    time.sleep(2)
    assert stage.writes(marks) == []
    assert {name: version for name, version in versions(stage).items() if name != "httproutes/other"} == objects


def test_gateways_of_a_foreign_class_are_planned_as_ours(stage: Stage) -> None:
    stage.apply(*manifests.of_class(), manifests.foreign_class("theirs", THEIRS))
    stage.apply(manifests.foreign_class("third", "example.com/third"), manifests.gateway("third", "third"))
    stage.apply(*manifests.shop(of="theirs"))
    marks, objects = stage.marks(), versions(stage)
    controller = stage.start("--mode", "plan", "--foreign", f"{THEIRS}=aws")
    controller.wait_leads()
    found = until(lambda: plan(stage).get("plans"), "a GatewayPlan of their Gateway", 60)[0]
    assert "load-balancer" in found["text"]
    assert found["placement"].startswith("aws/")

    stage.apply(*manifests.of_class(tags={"team": "edge"}))
    until(lambda: "team" in plan(stage)["plans"][0]["text"], "the plan follows our class", 60)
    assert plan(stage)["plans"][0]["digest"] != found["digest"]
    stage.apply(manifests.route("more", "edge", path="/more"))
    until(lambda: "more" in plan(stage)["plans"][0]["text"], "the plan follows their routes", 60)

    stage.delete(API, "GatewayClass", "", "aws")
    until(lambda: stage.get(API, "GatewayClass", "", "aws") is None, "our class is gone")
    time.sleep(2)
    assert plan(stage)["plans"], "what was shown stays: a class that is gone is no wish"
    assert stage.get(OWN, "GatewayPlan", "shop", "third") is None
    assert stage.writes(marks) == []
    now = versions(stage)
    assert {name: now[name] for name in ("gatewayclasses/theirs", "gateways/edge", "httproutes/web")} == {
        name: objects[name] for name in ("gatewayclasses/theirs", "gateways/edge", "httproutes/web")
    }
    assert not [name for name in now if name.startswith("gatewaystates/")]


def test_foreign_classes_are_for_plan_mode(stage: Stage) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cloudgw.cli.main", "controller", "--owner", OWNER, "--foreign", f"{THEIRS}=aws"],
        capture_output=True,
        text=True,
        env=stage.env(),
        timeout=60,
    )
    assert done.returncode != 0
    assert "--foreign" in done.stderr
    assert "--mode plan" in done.stderr


# Whose word is needed


def test_always_waits_for_a_word_but_not_for_pods(stage: Stage) -> None:
    controller = stage.start()
    controller.wait_leads()
    marks = stage.marks()
    stage.apply(*manifests.of_class(approval="Always"), *manifests.shop())
    quiet(stage)  # the first plan may be of a Gateway whose route is not known yet
    first = asked(stage, of="approval: Always")
    assert stage.writes(marks) == []
    approve(stage, first["digest"])
    stage.programmed("shop", "edge", 90)
    quiet(stage)
    marks = stage.marks()
    stage.apply(manifests.route("other", "edge", path="/other"))
    second = asked(stage, of="approval: Always")
    stage.apply(*manifests.service("web", "10.0.64.12"))
    until(lambda: [one for one in stage.writes(marks) if "RegisterTargets" in one], "pods come and go", 60)
    time.sleep(2)
    assert not [one for one in stage.writes(marks) if "Targets" not in one]
    assert len(rules(stage)) == 1
    approve(stage, asked(stage)["digest"])
    until(lambda: len(rules(stage)) == 2, f"the second rule of plan {second['digest']}", 60)


def test_never_waits_for_nobody(stage: Stage) -> None:
    programmed(stage, approval="Never")
    marks = stage.marks()
    stage.apply(*manifests.of_class(approval="Never", allowedSourceRanges=["10.0.0.0/16", "192.168.0.0/16"]))
    until(lambda: [one for one in stage.writes(marks) if "Authorize" in one], "it is opened", 60)
    quiet(stage)
    assert plan(stage).get("phase") in (None, "Empty", "Waiting")


def test_a_word_is_for_one_time(stage: Stage) -> None:
    """What was approved, done and taken back is asked again, by another digest, though the old one is still said."""
    programmed(stage)
    wide = manifests.of_class(allowedSourceRanges=["10.0.0.0/16", "192.168.0.0/16"])
    stage.apply(*wide)
    first = asked(stage, of="SECURITY: opens")
    marks = stage.marks()
    approve(stage, first["digest"])
    until(lambda: [one for one in stage.writes(marks) if "Authorize" in one], "it is opened", 60)
    quiet(stage)
    stage.apply(*manifests.of_class(allowedSourceRanges=["10.0.0.0/16"]))
    until(lambda: [one for one in stage.writes(marks) if "Revoke" in one], "it is closed", 60)
    quiet(stage)
    marks = stage.marks()
    stage.apply(*wide)
    second = asked(stage, of="SECURITY: opens")
    assert second["digest"] != first["digest"]
    assert second["digest"] in second["text"]
    time.sleep(2)
    assert not stage.writes(marks)
    approve(stage, second["digest"])
    until(lambda: [one for one in stage.writes(marks) if "Authorize" in one], "it is opened again", 60)


def test_own_parameters_say_whether_gateways_can_use_them(stage: Stage) -> None:
    stage.start().wait_leads()
    reference = {"group": "cloudgw.dev", "kind": "AWSGatewayParameters", "name": "own"}
    own = manifests.document(OWN, "AWSGatewayParameters", "own", spec={"tags": {"team": "edge"}})
    stage.apply(*manifests.of_class(), own)

    def ready() -> tuple[str, str]:
        found = stage.get(OWN, "AWSGatewayParameters", "shop", "own") or {}
        said = condition(found, "Ready")
        return said.get("status", ""), said.get("message", "")

    until(lambda: ready()[0] == "True", "nobody refers to them, and they can be used", 60)
    stage.apply(manifests.gateway("edge", infrastructure={"parametersRef": reference}))
    until(lambda: ready()[0] == "False", "the class does not allow it", 60)
    assert "Gateway edge: " in ready()[1]
    assert "spec.tags: not for a Gateway to choose" in ready()[1]
    stage.apply(*manifests.of_class(overridable=["tags"]))
    until(lambda: ready()[0] == "True", "the class allows it", 60)


# What somebody else changed


def test_drift_is_reported_and_waits(stage: Stage) -> None:
    controller = programmed(stage, "--resync", "3", driftPolicy="Report")
    marks = stage.marks()
    vandal(stage)
    found = asked(stage, of="drift: somebody changed the cloud")
    assert found["text"].count("rule")
    time.sleep(5)
    assert [one for one in stage.writes(marks) if "DeleteRule" not in one] == []
    assert rules(stage) == []
    assert controller.metric("cloudgw_gateway_drifted_elements", namespace="shop") > 0
    assert condition(stage.gateway("shop", "edge") or {}, "Programmed")["status"] == "True"
    assert condition(stage.gateway("shop", "edge") or {}, "cloudgw.dev/Degraded")["reason"] == "NeedsApproval"
    approve(stage, found["digest"])
    until(lambda: len(rules(stage)) == 1, "the rule is back", 60)


def test_drift_is_repaired_at_the_resync(stage: Stage) -> None:
    programmed(stage, "--resync", "3")
    vandal(stage)
    assert rules(stage) == []
    until(lambda: len(rules(stage)) == 1, "the rule is back", 60)
    quiet(stage)
    assert condition(stage.gateway("shop", "edge") or {}, "cloudgw.dev/Degraded").get("status", "False") == "False"


def test_after_an_upgrade_what_nobody_asked_for_waits(stage: Stage) -> None:
    """Another version applied this; it would leave what stands as it is, and so does this one until somebody says."""
    programmed(stage).stop()
    stage.patch(OWN, "GatewayState", SYSTEM, STATE, {"spec": {"version": "0.0.1"}})
    vandal(stage)
    marks = stage.marks()
    controller = stage.start("--resync", "3")
    controller.wait_leads()
    found = asked(stage, of="would do otherwise than 0.0.1")
    time.sleep(4)
    assert stage.writes(marks) == []
    approve(stage, found["digest"])
    until(lambda: len(rules(stage)) == 1, "the rule is back", 60)

    def version() -> str:
        return str((stage.get(OWN, "GatewayState", SYSTEM, STATE) or {})["spec"]["version"])

    until(lambda: version() != "0.0.1", "the state names this version", 60)
    vandal(stage)
    until(lambda: len(rules(stage)) == 1, "drift is repaired again", 60)


def test_after_an_upgrade_what_a_person_asks_for_is_done(stage: Stage) -> None:
    programmed(stage).stop()
    stage.patch(OWN, "GatewayState", SYSTEM, STATE, {"spec": {"version": "0.0.1"}})
    stage.apply(manifests.route("other", "edge", path="/other"))
    controller = stage.start()
    controller.wait_leads()
    until(lambda: len(rules(stage)) == 2, "the new route is served", 60)
