"""A BackendPolicy on the local clouds: set, read back from the cloud itself, changed in place, and taken back again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import aws_ground
import azure_ground
import gcp_ground
import pytest

from cloudgw.objects import Affinity, HealthCheck, Origin, Unknown
from cloudgw.routing import ir
from cloudgw.testing import ground, stage, worlds

WHERE = Origin(kind="BackendPolicy", namespace="shop", name="one")
ASKED = ir.BackendPolicy(check=HealthCheck(path="/healthz", interval=20), drain=7, origin=WHERE)
GROUNDS: dict[str, Any] = {"aws": aws_ground.AWS, "azure": azure_ground.Azure, "gcp": gcp_ground.GCP}
every = pytest.mark.parametrize("name", sorted(GROUNDS))


def world(policy: ir.BackendPolicy | Unknown | None) -> worlds.World:
    """Of the two Services one has the policy."""
    return worlds.BASE.with_service("one", worlds.Service(policy=policy))


def facts(cloud: Any) -> dict[tuple[str, int, int], int]:
    """(path, interval, seconds that it drains) -> how many backends the cloud itself shows so."""
    found: list[tuple[str, int, int]] = []
    if cloud.name == "aws":
        cloud.control.dump()
        for group in cloud.control.cloud.world.target_groups.values():
            check, drain = group.check, group.attributes["deregistration_delay.timeout_seconds"]
            found.append((check["HealthCheckPath"], check["HealthCheckIntervalSeconds"], int(drain)))
    elif cloud.name == "azure":
        (document,) = cloud.documents()
        properties = document["properties"]
        probes = {one["id"].lower(): one["properties"] for one in properties["probes"]}
        for settings in properties["backendHttpSettingsCollection"]:
            if "-shop." in settings["name"]:
                own = settings["properties"]
                probe = probes[own["probe"]["id"].lower()]
                found.append((probe["path"], probe["interval"], own["connectionDraining"]["drainTimeoutInSec"]))
    else:
        resources, _ = cloud._cloud()
        of = resources.world.resources
        checks = {one["selfLink"]: one for place, one in of.items() if place.collection == "healthChecks"}
        for place, service in of.items():
            if place.collection == "backendServices" and service.get("backends"):
                check = checks[service["healthChecks"][0]]
                drain = service["connectionDraining"]["drainingTimeoutSec"]
                found.append((check["httpHealthCheck"]["requestPath"], check["checkIntervalSec"], drain))
    return {one: found.count(one) for one in found}


DEFAULT = {"aws": 300, "azure": 30, "gcp": 30}


@every
def test_a_policy_is_set_changed_and_taken_back(name: str) -> None:
    cloud = GROUNDS[name]()
    process = ground.Process(cloud)
    plain = ("/", 15, DEFAULT[name])
    ground.journey(process, [world(None)])
    before = cloud.named()
    assert facts(cloud) == {plain: 2}
    ground.journey(process, [world(ASKED)])
    assert facts(cloud) == {plain: 1, ("/healthz", 20, 7): 1}
    assert not process.plan(world(ASKED)).changes
    calls = cloud.calls()
    ground.journey(process, [world(replace(ASKED, check=HealthCheck(path="/ready", interval=20)))])
    assert facts(cloud) == {plain: 1, ("/ready", 20, 7): 1}
    assert len(cloud.operations(calls)) == 1, cloud.operations(calls)
    ground.journey(process, [world(None)])
    assert facts(cloud) == {plain: 2}
    assert cloud.named() == before


@every
def test_what_somebody_changes_is_repaired_and_what_is_unknown_stays(name: str) -> None:
    cloud = GROUNDS[name]()
    process = ground.Process(cloud)
    ground.journey(process, [world(ASKED)])
    standing = facts(cloud)
    assert not process.restarted(keep_diary=False).plan(world(Unknown("it could not be read"))).changes
    if name == "aws":
        for group in cloud.control.cloud.world.target_groups.values():
            group.attributes["deregistration_delay.timeout_seconds"] = "99"
        cloud.forget()
        ground.journey(process, [world(ASKED)])
        # of the other group, whose draining nobody asked for, nothing is known and nothing changed
        assert facts(cloud) == {("/", 15, 99): 1, ("/healthz", 20, 7): 1}
    assert standing == {("/", 15, DEFAULT[name]): 1, ("/healthz", 20, 7): 1}


@pytest.mark.parametrize("way", ["set", "taken back"])
@pytest.mark.parametrize("at", ["before", "after"])
@pytest.mark.parametrize("call", [0, 1, 2])
def test_a_process_killed_between_two_calls_leaves_no_half(way: str, at: stage.FaultKind, call: int) -> None:
    """On AWS draining takes two calls beside that for the health check."""
    cloud = aws_ground.AWS()
    process = ground.Process(cloud)
    first, then = (None, ASKED) if way == "set" else (ASKED, None)
    ground.journey(process, [world(first)])
    cloud.arm(call, at)
    with pytest.raises(stage.Killed):
        process.apply(world(then))
    cloud.disarm()
    process = process.restarted(keep_diary=False)
    ground.journey(process, [world(then)])
    asked = ("/healthz", 20, 7) if then is not None else ("/", 15, 300)
    assert facts(cloud)[asked] == (1 if then is not None else 2)
    assert not process.plan(world(then)).changes


def test_affinity_on_the_clouds_that_have_it() -> None:
    asked = replace(ASKED, affinity=Affinity(type="Cookie", cookie="pod"))
    azure = azure_ground.Azure()
    ground.journey(ground.Process(azure), [world(None), world(asked), world(None), world(asked)])
    collection = azure.documents()[0]["properties"]["backendHttpSettingsCollection"]
    cookies = [one["properties"].get("affinityCookieName") for one in collection if "-shop." in one["name"]]
    assert sorted(map(str, cookies)) == ["None", "pod"]
    gcp = gcp_ground.GCP()
    by_address = replace(ASKED, affinity=Affinity(type="ClientIP"))
    ground.journey(ground.Process(gcp), [world(None), world(asked), world(by_address)])
    state, _ = gcp._cloud()
    services = [one for place, one in state.world.resources.items() if place.collection == "backendServices"]
    assert sorted(one.get("sessionAffinity", "NONE") for one in services) == ["CLIENT_IP", "NONE", "NONE"]
