"""What getHealth and listNetworkEndpoints say of endpoints: who is probed, when the first judgement falls, and why."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_local.gcp import server

from . import conftest, samples
from .conftest import Cloud
from .samples import GLOBAL, REGIONAL, ZONE, Json

FIREWALLS = f"{GLOBAL}/firewalls"
NEG = f"{ZONE}/networkEndpointGroups/neg"
GROUP = {"group": samples.link(ZONE, "networkEndpointGroups", "neg")}


def health(cloud: Cloud, scope: str = GLOBAL) -> dict[str, str]:
    """Address and port -> state, as getHealth says."""
    answer = cloud.taken("POST", f"{scope}/backendServices/bs/getHealth", GROUP)
    assert answer["kind"] == "compute#backendServiceGroupHealth"
    return {f"{one['ipAddress']}:{one['port']}": one["healthState"] for one in answer.get("healthStatus", [])}


def states(cloud: Cloud) -> list[str]:
    """The states of all endpoints, as the group says; "" for one that nobody probes."""
    answer = cloud.taken("POST", f"{NEG}/listNetworkEndpoints", {"healthStatus": "SHOW"})
    return [(one.get("healths") or [{"healthState": ""}])[0]["healthState"] for one in answer["items"]]


def serving(cloud: Cloud, scope: str = GLOBAL, scheme: str = "EXTERNAL_MANAGED") -> None:
    """A whole load balancer whose endpoints the probes reach, just made."""
    cloud.make(FIREWALLS, samples.firewall())
    samples.build(cloud, scope, scheme)


UP = {"10.0.64.5:8080": "HEALTHY", "10.0.64.6:8080": "HEALTHY"}


@pytest.mark.parametrize("scope", [GLOBAL, REGIONAL])
def test_endpoints_are_probed_once_a_rule_leads_to_them(cloud: Cloud, scope: str) -> None:
    cloud.make(FIREWALLS, samples.firewall())
    samples.build(cloud, scope, upto="forwardingRules")
    cloud.control.advance(60)
    assert health(cloud, scope) == {}
    assert states(cloud) == ["", ""]
    cloud.make(f"{scope}/forwardingRules", samples.rule(scope=scope))
    cloud.control.advance(30)
    assert health(cloud, scope) == UP
    shown = cloud.taken("POST", f"{NEG}/listNetworkEndpoints", {"healthStatus": "SHOW"})["items"][0]["healths"][0]
    assert shown["backendService"]["backendService"].endswith(f"/{scope}/backendServices/bs")
    assert shown["healthState"] == "HEALTHY"
    status = cloud.taken("POST", f"{scope}/backendServices/bs/getHealth", GROUP)["healthStatus"][0]
    assert status["instance"] == samples.link(ZONE, "instances", "node-b")


@pytest.mark.parametrize(
    ("belief", "state", "shown"),
    [("down-until-probed", "UNHEALTHY", "UNKNOWN"), ("up-until-probed", "HEALTHY", "HEALTHY")],
)
def test_the_first_judgement_falls_one_interval_later(belief: str, state: str, shown: str) -> None:
    with server.serve(stepped=True, beliefs={"gcp-new-endpoint": belief}) as running:
        cloud = conftest.connect(running)
        serving(cloud)
        cloud.control.advance(60)
        cloud.done("POST", f"{NEG}/attachNetworkEndpoints", samples.endpoints(samples.endpoint(9)))
        # done() waits for 12 seconds of the clock; the attachment took effect after 2, the interval is 5.
        assert health(cloud)["10.0.64.9:8080"] == "HEALTHY"
        cloud.taken("POST", f"{NEG}/attachNetworkEndpoints", samples.endpoints(samples.endpoint(10)))
        cloud.control.advance(2)
        assert health(cloud)["10.0.64.10:8080"] == state
        cloud.control.advance(4.9)
        assert health(cloud)["10.0.64.10:8080"] == state
        assert states(cloud)[0] == shown  # 10.0.64.10 is the first as text
        cloud.control.advance(0.1)
        assert health(cloud)["10.0.64.10:8080"] == "HEALTHY"


def test_a_change_of_the_map_does_not_begin_anew(cloud: Cloud) -> None:
    serving(cloud)
    cloud.control.advance(60)
    mapped = cloud.get(f"{GLOBAL}/urlMaps/map")
    cloud.done(
        "PUT", f"{GLOBAL}/urlMaps/map", samples.url_map(description="new") | {"fingerprint": mapped["fingerprint"]}
    )
    assert health(cloud) == UP


def test_a_rule_that_is_still_made_serves_nobody(cloud: Cloud) -> None:
    cloud.make(FIREWALLS, samples.firewall())
    samples.build(cloud, upto="forwardingRules")
    cloud.taken("POST", f"{GLOBAL}/forwardingRules", samples.rule())
    cloud.taken("POST", f"{NEG}/attachNetworkEndpoints", samples.endpoints(samples.endpoint(7)))
    cloud.control.advance(3)
    assert health(cloud) == {}
    cloud.control.advance(9)
    assert set(health(cloud).values()) == {"UNHEALTHY"}
    cloud.control.advance(5)
    assert set(health(cloud).values()) == {"HEALTHY"}


def test_what_leaves_the_load_balancer_is_probed_no_more(cloud: Cloud) -> None:
    serving(cloud)
    cloud.control.advance(60)
    cloud.done("POST", f"{NEG}/detachNetworkEndpoints", samples.endpoints(samples.endpoint(5)))
    assert health(cloud) == {"10.0.64.6:8080": "HEALTHY"}
    cloud.done("DELETE", f"{GLOBAL}/forwardingRules/rule")
    assert health(cloud) == {}


def test_an_order_shows_after_some_failures_in_a_row(cloud: Cloud) -> None:
    serving(cloud)
    cloud.control.advance(58)
    assert health(cloud) == UP
    cloud.control.set_health("10.0.64.5:8080", False)
    cloud.control.advance(5)
    assert health(cloud) == UP
    cloud.control.advance(5)
    assert health(cloud) == UP | {"10.0.64.5:8080": "UNHEALTHY"}
    cloud.control.set_health("10.0.64.5:8080", True)
    cloud.control.advance(5)
    assert health(cloud)["10.0.64.5:8080"] == "UNHEALTHY"
    cloud.control.advance(5)
    assert health(cloud) == UP


def test_an_order_before_the_first_probe_decides_it(cloud: Cloud) -> None:
    cloud.control.set_health("10.0.64.6", False)
    serving(cloud)
    cloud.control.advance(60)
    assert health(cloud) == UP | {"10.0.64.6:8080": "UNHEALTHY"}


def firewalls(**change: Any) -> list[Json]:
    return [samples.firewall(**change)]


@pytest.mark.parametrize(
    ("rules", "state"),
    [
        ([], "UNHEALTHY"),
        (firewalls(), "HEALTHY"),
        (firewalls(sourceRanges=["0.0.0.0/0"]), "HEALTHY"),
        (firewalls(targetTags=None), "HEALTHY"),
        (firewalls(allowed=[{"IPProtocol": "all"}]), "HEALTHY"),
        (firewalls(allowed=[{"IPProtocol": "tcp", "ports": ["8000-9000"]}]), "HEALTHY"),
        (firewalls(allowed=[{"IPProtocol": "tcp", "ports": ["80"]}]), "UNHEALTHY"),
        (firewalls(allowed=[{"IPProtocol": "udp"}]), "UNHEALTHY"),
        (firewalls(sourceRanges=samples.SOURCES[:1]), "UNHEALTHY"),
        (firewalls(targetTags=["other"]), "UNHEALTHY"),
        (firewalls(disabled=True), "UNHEALTHY"),
        (firewalls(network=samples.CLOSED), "UNHEALTHY"),
        ([samples.firewall(), samples.firewall("no", allowed=None, denied=[{"IPProtocol": "tcp"}])], "UNHEALTHY"),
        (
            [samples.firewall(), samples.firewall("no", allowed=None, denied=[{"IPProtocol": "all"}], priority=2000)],
            "HEALTHY",
        ),
    ],
)
def test_probes_need_a_way_through_the_firewall(cloud: Cloud, rules: list[Json], state: str) -> None:
    for rule in rules:
        cloud.make(FIREWALLS, rule)
    samples.build(cloud)
    cloud.control.advance(60)
    assert set(health(cloud).values()) == {state}
    cloud.control.settings(firewalls=False)
    assert health(cloud) == UP


def test_probes_go_to_the_checks_port(cloud: Cloud) -> None:
    cloud.make(FIREWALLS, samples.firewall(allowed=[{"IPProtocol": "tcp", "ports": ["9000"]}]))
    samples.build(cloud)
    cloud.control.advance(60)
    assert set(health(cloud).values()) == {"UNHEALTHY"}
    check = samples.health_check(httpHealthCheck={"port": 9000})
    cloud.done("PUT", f"{GLOBAL}/healthChecks/hc", check)
    assert health(cloud) == UP
    serving_port = samples.health_check(httpHealthCheck={"portSpecification": "USE_SERVING_PORT"})
    cloud.done("PUT", f"{GLOBAL}/healthChecks/hc", serving_port)
    assert set(health(cloud).values()) == {"UNHEALTHY"}


def test_the_question_names_a_backend_of_the_service(cloud: Cloud) -> None:
    serving(cloud)
    other = {"group": samples.link(ZONE, "networkEndpointGroups", "other")}
    answer = cloud.ask("POST", f"{GLOBAL}/backendServices/bs/getHealth", other)
    assert (answer.status, answer.reason) == (400, "invalid")
    assert cloud.ask("POST", f"{GLOBAL}/backendServices/none/getHealth", GROUP).status == 404


def test_moments_survive_a_snapshot(cloud: Cloud) -> None:
    serving(cloud)
    cloud.control.advance(60)
    saved = cloud.control.snapshot()
    cloud.done("DELETE", f"{GLOBAL}/forwardingRules/rule")
    assert health(cloud) == {}
    cloud.control.restore(saved)
    assert health(cloud) == UP
