"""POST backendhealth: who is probed, since when, and what an override of the control API does to it."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_local.azure import health, schema, server

from . import conftest as c
from . import samples

UP = [("10.0.64.5", "Healthy"), ("10.0.64.6", "Healthy")]
DOWN = [("10.0.64.5", "Unhealthy"), ("10.0.64.6", "Unhealthy")]


def test_shape(cloud: c.Cloud) -> None:
    cloud.gateway()
    asked = cloud.ask("POST", f"{c.GATEWAY}/backendhealth")
    assert (asked.status, asked.body) == (202, None)
    cloud.control.advance(19)
    assert cloud.ask("GET", asked.headers["Location"]).status == 202
    cloud.control.advance(1)
    found = cloud.get(asked.headers["Location"])
    pool = found["backendAddressPools"][0]
    assert pool["backendAddressPool"] == {"id": f"{c.GATEWAY}/backendAddressPools/pool"}
    settings = pool["backendHttpSettingsCollection"][0]
    assert settings["backendHttpSettings"] == {"id": f"{c.GATEWAY}/backendHttpSettingsCollection/http"}
    assert set(settings["servers"][0]) == {"address", "health", "healthProbeLog"}
    assert cloud.state() == "Succeeded"


def test_a_target_is_judged_by_its_first_probe(cloud: c.Cloud) -> None:
    cloud.gateway()
    assert cloud.backends() == {"pool": DOWN}  # 20 seconds after the attaching operation ended, 30 before the probe
    assert cloud.backends() == {"pool": UP}


def test_probes_begin_when_the_attaching_operation_ends(cloud: c.Cloud) -> None:
    cloud.gateway()
    cloud.control.advance(60)
    document = samples.gateway()
    document["properties"]["backendAddressPools"][0]["properties"]["backendAddresses"].append({"fqdn": "a.example.com"})
    cloud.put(document)
    cloud.control.advance(20)
    assert cloud.backends() == {"pool": UP}  # asked at 40 of 45 seconds: the data plane still has the old document
    cloud.control.advance(29)
    assert cloud.backends()["pool"] == [*UP, ("a.example.com", "Healthy")]
    cloud.put(samples.gateway())
    cloud.control.advance(45)
    cloud.put(document)
    cloud.control.advance(45)
    assert cloud.backends()["pool"] == [*UP, ("a.example.com", "Unhealthy")]


@pytest.mark.parametrize("target", ["10.0.64.5:8080", "10.0.64.5"])
def test_overrides(cloud: c.Cloud, target: str) -> None:
    cloud.gateway()
    cloud.control.advance(100)
    cloud.control.set_health(target, False)
    cloud.control.advance(50)
    assert cloud.backends() == {"pool": UP}  # two failures of three
    cloud.control.advance(10)
    assert cloud.backends() == {"pool": [DOWN[0], UP[1]]}
    cloud.control.set_health(target, True)
    cloud.control.advance(10)
    assert cloud.backends() == {"pool": UP}  # one success heals
    cloud.control.set_health(target, False)
    cloud.control.advance(120)
    cloud.control.set_health(target, None)
    assert cloud.backends() == {"pool": UP}
    cloud.control.set_health("10.0.64.5:9", False)
    cloud.control.advance(120)
    assert cloud.backends() == {"pool": UP}


def test_custom_probe_and_every_use(cloud: c.Cloud) -> None:
    """One pool behind a path rule (probed each 10 s), a map's default and a routing rule (each 30 s)."""
    cloud.gateway(samples.whole())
    cloud.control.advance(10)
    asked = cloud.ask("POST", f"{c.GATEWAY}/backendhealth")
    cloud.control.advance(20)
    pool = cloud.get(asked.headers["Location"])["backendAddressPools"][0]
    used = [one["backendHttpSettings"]["id"].rsplit("/", 1)[-1] for one in pool["backendHttpSettingsCollection"]]
    assert sorted(used) == ["http", "https", "tcp"]
    cloud.control.set_health("10.0.64.5:8443", False)
    cloud.control.advance(20)
    asked = cloud.ask("POST", f"{c.GATEWAY}/backendhealth")
    cloud.control.advance(20)
    pool = cloud.get(asked.headers["Location"])["backendAddressPools"][0]
    down = {
        one["backendHttpSettings"]["id"].rsplit("/", 1)[-1]: [server["health"] for server in one["servers"]]
        for one in pool["backendHttpSettingsCollection"]
    }
    assert down == {"http": ["Healthy"] * 2, "https": ["Unhealthy", "Healthy"], "tcp": ["Healthy"] * 2}


def test_unused_pools_are_not_probed(cloud: c.Cloud) -> None:
    document = samples.gateway()
    document["properties"]["backendAddressPools"].append(
        samples.child("spare", backendAddresses=[{"ipAddress": "10.0.64.9"}])
    )
    cloud.gateway(document)
    cloud.control.advance(60)
    assert cloud.backends() == {"pool": UP, "spare": []}


def test_belief_about_new_targets() -> None:
    with server.serve(stepped=True, beliefs={"azure-new-target": "up-until-probed"}) as running:
        cloud = c.connect(running)
        cloud.control.set_health("10.0.64.5", False)
        cloud.gateway()
        assert cloud.backends() == {"pool": UP}
        assert cloud.backends() == {"pool": [DOWN[0], UP[1]]}


def test_health_of_a_gateway_that_is_being_created(cloud: c.Cloud) -> None:
    cloud.public_ip()
    cloud.put()
    assert cloud.backends() == {}


def test_pairs_of_advanced_routing_and_distribution() -> None:
    at: Any = samples.ref
    rule = {
        "backendAddressPool": at("backendAddressPools", "b"),
        "backendHttpSettings": at("backendHttpSettingsCollection", "t"),
    }
    default = {
        "defaultLoadDistributionPolicy": at("loadDistributionPolicies", "l"),
        "defaultBackendHttpSettings": at("backendHttpSettingsCollection", "s"),
    }
    target = samples.child("one", weightPerServer=1, backendAddressPool=at("backendAddressPools", "a"))
    document = {
        "id": c.GATEWAY,
        "properties": {
            "loadDistributionPolicies": [samples.child("l", loadDistributionTargets=[target])],
            "advancedRoutingMaps": [samples.child("m", advancedRoutingRules=[samples.child("r", **rule)], **default)],
            "requestRoutingRules": [samples.child("rule", advancedRoutingMap=at("advancedRoutingMaps", "m"))],
        },
    }
    found = [(pool.rsplit("/", 1)[-1], settings.rsplit("/", 1)[-1]) for pool, settings in health.pairs(document)]
    assert found == [("a", "s"), ("b", "t")]


def test_the_schema_has_this_shape(cloud: c.Cloud) -> None:
    """The published model of a server's health is an enumeration of other words; the rest conforms."""
    cloud.gateway()
    asked = cloud.ask("POST", f"{c.GATEWAY}/backendhealth")
    cloud.control.advance(20)
    found = cloud.get(asked.headers["Location"])
    for pool in found["backendAddressPools"]:
        for settings in pool["backendHttpSettingsCollection"]:
            for one in settings["servers"]:
                one["health"] = {"Healthy": "Up", "Unhealthy": "Down"}[one["health"]]
    schema.check("ApplicationGatewayBackendHealth", found)
