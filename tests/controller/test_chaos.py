"""What Kubernetes does to a controller on a bad day: whatever cannot be seen is not gone, and nothing of it is deleted.

Each test begins with a load balancer that stands, lets something happen, and looks at what every cloud was told: no
deletion, whoever is missing. Then the trouble ends, and a change that a person makes arrives as on any other day.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.controller import portrait
from tests.controller.stage import Stage, condition, until
from tests.controller.sweep import API, PATIENCE, Play

pytestmark = pytest.mark.cluster
OWN = "cloudgw.dev/v1alpha1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GATEWAY_API = "gateway.networking.k8s.io"


@pytest.fixture
def play(stage: Stage) -> Play:
    """A Gateway on the local AWS that stands, and its controller."""
    return standing(stage)


def standing(stage: Stage, kubeconfig: Path | None = None) -> Play:
    found = Play(stage=stage, name="aws")
    found.prepare()
    found.start(kubeconfig=kubeconfig).wait_leads(PATIENCE)
    found.begin("made")
    found.wait("made", "the Gateway stands")
    found.quiet()
    return found


def changed(play: Play) -> None:
    """A person's change arrives."""
    play.begin("changed")
    play.wait("changed", "a change after the trouble")


def deletions(play: Play, since: Mapping[str, int]) -> list[str]:
    return [one for one in play.stage.writes(since) if any(word in one for word in ("Delete", "DELETE", "delete"))]


def leads(play: Play) -> None:
    """Until the controller is at work again, and everything was looked at."""
    assert play.controller is not None
    controller = play.controller
    until(lambda: controller.metric("leader_election_master_status") == 1, "it leads again", PATIENCE)
    until(lambda: controller.get("/readyz")[0] == 200, "it is ready again", PATIENCE)


# The control plane


def test_etcd_is_away(play: Play) -> None:
    running, marks = play.stage.cluster, play.stage.marks()
    running.stop_etcd()
    time.sleep(20)
    running.start_etcd()
    leads(play)
    assert play.stage.writes(marks) == []
    changed(play)


def test_the_server_restarts_and_every_watch_is_cut(play: Play) -> None:
    running, marks = play.stage.cluster, play.stage.marks()
    running.kill()
    time.sleep(20)
    running.restart()
    leads(play)
    assert play.stage.writes(marks) == []
    changed(play)


def test_the_server_hangs(play: Play) -> None:
    """Its connections stay open and nothing comes: the lease cannot be renewed, and the fence falls."""
    running, marks = play.stage.cluster, play.stage.marks()
    running.pause()
    time.sleep(20)
    running.resume()
    leads(play)
    assert play.stage.writes(marks) == []
    changed(play)


def test_history_is_compacted(play: Play) -> None:
    """What was deleted while nobody looked is found by a list (410), and what is still there stays."""
    running, controller = play.stage.cluster, play.controller
    assert controller is not None
    controller.signal(signal.SIGSTOP)
    play.stage.delete(API, "HTTPRoute", play.namespace, "to-https")
    marks = play.stage.marks()
    running.compact()
    running.restart()
    controller.signal(signal.SIGCONT)
    until(lambda: [one for one in play.stage.writes(marks) if "DeleteRule" in one], "the redirect goes", PATIENCE)
    leads(play)
    play.quiet()
    assert len(deletions(play, marks)) == 1, deletions(play, marks)
    changed(play)


# Rights


RULES: list[dict[str, Any]] = [
    {
        "apiGroups": [""],
        "resources": ["configmaps", "services", "namespaces", "nodes"],
        "verbs": ["get", "list", "watch"],
    },
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["*"]},
    {"apiGroups": [GATEWAY_API, "cloudgw.dev"], "resources": ["*"], "verbs": ["*"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]},
    {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["*"]},
]
SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}


def test_secrets_are_forbidden(stage: Stage) -> None:
    """The certificate stays, other changes go on."""
    kubeconfig = stage.cluster.user("seer", rules=[*RULES, SECRETS])
    play = standing(stage, kubeconfig)
    before = [one for one in play.portrait() if '"section": "certificates"' in one]
    marks = stage.marks()
    stage.cluster.user("seer", rules=RULES)
    stage.cluster.restart()
    leads(play)
    controller = play.controller
    assert controller is not None
    until(lambda: "may not list and watch" in controller.text(), "it says so", PATIENCE)
    play.begin("changed")
    until(lambda: "CreateRule" in " ".join(stage.writes(marks)), "other changes go on", PATIENCE)
    play.quiet()
    assert [one for one in play.portrait() if '"section": "certificates"' in one] == before
    assert not [one for one in stage.writes(marks) if "Certificate" in one or "Listener" in one]
    stage.cluster.user("seer", rules=[*RULES, SECRETS])
    play.wait("changed", "Secrets can be seen again")
    play.quiet()
    assert [one for one in play.portrait() if '"section": "certificates"' in one] == before


# Definitions


def definition(stage: Stage, plural: str) -> dict[str, Any] | None:
    status, answer = stage.cluster.request("GET", f"{DEFINITIONS}/{plural}.{GATEWAY_API}")
    return answer if status == 200 else None


def undefine(stage: Stage, plural: str) -> None:
    stage.cluster.request("DELETE", f"{DEFINITIONS}/{plural}.{GATEWAY_API}")
    until(lambda: definition(stage, plural) is None, f"the definition of {plural} is gone", PATIENCE)


@pytest.fixture
def defined(platform: Stage) -> Iterator[None]:
    """Whatever was deleted is defined again."""
    yield
    platform.cluster.install("standard")


@pytest.mark.usefixtures("defined")
def test_the_definition_of_gateways_goes(play: Play) -> None:
    """It stamps every Gateway for deletion: they are let go, their load balancers stay and are taken over by name."""
    before, marks = play.portrait(), play.stage.marks()
    undefine(play.stage, "gateways")
    time.sleep(5)
    assert play.stage.writes(marks) == []
    play.stage.cluster.install("standard")
    play.begin("made")
    play.wait("made", "it is taken over")
    play.quiet()
    assert portrait.differences(before, play.portrait()) == ""
    assert deletions(play, marks) == []
    changed(play)
    begun = play.stage.marks()
    play.begin("deleted")
    play.wait("deleted", "a person's deletion")
    assert deletions(play, begun)


@pytest.mark.usefixtures("defined")
@pytest.mark.parametrize("restarted", [False, True], ids=["watching", "restarted"])
def test_the_definition_of_routes_goes(play: Play, restarted: bool) -> None:
    """Every route goes, and nobody wished that; made anew the definition is complete and empty for a while."""
    before, marks = play.portrait(), play.stage.marks()
    undefine(play.stage, "httproutes")
    if restarted:
        assert play.controller is not None
        assert play.controller.stop() == 0
        play.start().wait_leads(PATIENCE)
    time.sleep(5)
    assert play.stage.writes(marks) == []
    play.stage.cluster.install("standard")
    time.sleep(5)
    assert play.stage.writes(marks) == []
    assert condition(play.stage.gateway(play.namespace, "edge") or {}, "Programmed")["status"] == "True"
    play.begin("made")
    play.wait("made", "the routes are back")
    play.quiet()
    assert deletions(play, marks) == []
    assert portrait.differences(before, play.portrait()) == ""
    changed(play)


# Deletion when nothing is left to ask


def test_everything_that_it_was_made_of_is_gone(stage: Stage) -> None:
    """The class, its parameters, the Secret, the Services and the namespace: the address book knows where to look."""
    begun = portrait.of("aws", stage.clouds["aws"].dump())
    play = standing(stage)
    assert play.controller is not None
    play.controller.stop()
    stage.delete(API, "GatewayClass", "", "aws")
    stage.delete(OWN, "AWSGatewayClassParameters", "", "aws")
    stage.delete("v1", "Namespace", "", play.namespace)
    until(lambda: stage.get("v1", "Service", play.namespace, "cart") is None, "the Services are gone", PATIENCE)
    until(lambda: stage.get("v1", "Secret", play.namespace, "shop-tls") is None, "the Secret is gone", PATIENCE)
    play.start().wait_leads(PATIENCE)
    play.wait("deleted", "the Gateway goes")
    play.quiet()
    assert portrait.differences(begun, play.portrait()) == ""
    until(lambda: stage.get("v1", "Namespace", "", play.namespace) is None, "its namespace too", PATIENCE)
    until(lambda: states(stage, play) == [], "nobody remembers it", PATIENCE)


def states(stage: Stage, play: Play) -> list[str]:
    answer = stage.cluster.request("GET", f"/apis/cloudgw.dev/v1alpha1/namespaces/{play.system}/gatewaystates")[1]
    return [one["metadata"]["name"] for one in answer["items"] if one["spec"].get("gateway")]


# Moving


@pytest.mark.parametrize(("here", "there"), [("aws", "azure"), ("azure", "gcp"), ("gcp", "aws")])
def test_a_gateway_moves(stage: Stage, here: str, there: str) -> None:
    """It stands anew before it goes, and nothing is left behind."""
    play = Play(stage=stage, name=here)
    other = Play(stage=stage, name=there, controller_name=play.controller_name)
    begun, empty = play.portrait(), other.portrait()
    play.prepare()
    stage.apply(*other.classes())
    play.start().wait_leads(PATIENCE)
    play.begin("made")
    play.wait("made", "it stands here")
    play.quiet()
    marks = stage.marks()
    stage.patch(API, "Gateway", play.namespace, "edge", {"spec": {"gatewayClassName": there}})
    until(lambda: any(one["write"] for one in play.cloud.journal(marks[here])), "it goes here", PATIENCE, 0.02)
    standing_there = portrait.of(there, stage.clouds[there].dump())
    until(lambda: portrait.differences(begun, play.portrait()) == "", "nothing is left here", PATIENCE)
    other.quiet()
    assert portrait.differences(standing_there, other.portrait()) == "", "it stood there before it went here"
    gateway = stage.programmed(play.namespace, "edge", PATIENCE)
    assert gateway["status"]["addresses"]
    marks = stage.marks()
    stage.delete(API, "Gateway", play.namespace, "edge")
    stage.gone(play.namespace, "edge", PATIENCE)
    assert portrait.differences(empty, other.portrait()) == ""
    assert not any(one["write"] for one in play.cloud.journal(marks[here]))


def test_a_gateway_moves_to_where_nothing_can_be_made(play: Play) -> None:
    """What stands stays, and serves on when the mistake is taken back."""
    before, marks = play.portrait(), play.stage.marks()
    own = {"apiVersion": OWN, "kind": "AWSGatewayClassParameters"}
    region = play.stage.get(OWN, own["kind"], "", "aws")
    assert region is not None
    play.stage.patch(OWN, own["kind"], "", "aws", {"spec": {"region": "eu-north-1"}})
    controller = play.controller
    assert controller is not None
    until(lambda: "eu-north-1" in controller.text(), "it is tried", PATIENCE)
    time.sleep(5)
    assert play.stage.writes(marks) == []
    play.stage.patch(OWN, own["kind"], "", "aws", {"spec": {"region": region["spec"]["region"]}})
    play.wait("made", "it is wanted here again")
    play.quiet()
    assert portrait.differences(before, play.portrait()) == ""
    changed(play)
