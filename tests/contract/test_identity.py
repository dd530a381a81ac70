"""What is ours and what is known of it, through the real provider and SDK on the local Google Cloud: copies, twins and
parts that could not be read change nothing of anybody, and a port changes hands without a refusal."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import gcp_ground
import pytest

from cloudgw.graph import model
from cloudgw.testing import ground, worlds
from cloudgw_local.gcp import start

BASE, SECURE = worlds.BASE, worlds.SECURE
HTTP, HTTPS = replace(BASE, listeners=((8080, ""),)), replace(SECURE, listeners=((8080, "site"),))
# 400 of external rules, as kubernetes/ingress-gce#1895 has it
TAKEN = (
    "Invalid value for field 'resource.IPAddress': '203.0.113.9'. Specified IP address is in-use and would result in a "
    "conflict."
)
GATHERED = 150.0  # seconds until what was made is probed


class Cloud(gcp_ground.GCP):
    """A rule for a port that another one still has is refused as Google does it: at once."""

    def __init__(self) -> None:
        super().__init__()
        self.process = ground.Process(self)
        self.refused = 0

    def stand(self, world: worlds.World) -> None:
        ground.journey(self.process, [world])
        self.clock.sleep(GATHERED)
        ground.journey(self.process, [world])

    def _wrapped(self, operation: str, *arguments: Any, **keywords: Any) -> Any:
        if operation == "insert forwardingRules" and self._taken(arguments[-1]):
            self.refused += 1
            self.control.fault(operation, "error", times=1, code="invalid", status=400, message=TAKEN)
        return super()._wrapped(operation, *arguments, **keywords)

    def _taken(self, body: dict[str, Any]) -> bool:
        standing = self.stored("forwardingRules").values()
        return any(str(rule["portRange"]).partition("-")[0] == body["portRange"] for rule in standing)

    def stored(self, collection: str) -> dict[Any, dict[str, Any]]:
        """Documents that say they are ours, by place; who edits them edits the cloud."""
        cloud, _ = self._cloud()
        return {
            place: document
            for place, document in sorted(cloud.world.resources.items())
            if place.collection == collection and '"cloudgw":1' in document.get("description", "")
        }

    def endpoints(self) -> dict[str, list[dict[str, Any]]]:
        return {
            place.path: found.get("_endpoints", []) for place, found in self.stored("networkEndpointGroups").items()
        }


@pytest.mark.parametrize(("before", "after"), [(HTTP, HTTPS), (HTTPS, HTTP)], ids=["becomes HTTPS", "becomes HTTP"])
@pytest.mark.parametrize("scheme", ["internal", "public"])
def test_a_port_changes_hands(scheme: str, before: worlds.World, after: worlds.World) -> None:
    cloud = Cloud()
    cloud.stand(replace(before, scheme=scheme))
    done = cloud.process.apply(replace(after, scheme=scheme), limit=60)
    assert (done.state, done.failures, cloud.refused) == ("done", (), 0)
    (rule,) = cloud.stored("forwardingRules").values()
    assert ("/targetHttpsProxies/" in rule["target"]) is (after is HTTPS)


def test_a_port_that_is_not_free_yet_is_tried_again() -> None:
    """Somebody's rule holds it: no fault of ours, and nothing is convicted for good."""
    cloud = Cloud()
    world = replace(HTTP, scheme="public")
    cloud.control.fault("insert forwardingRules", "error", times=9, code="invalid", status=400, message=TAKEN)
    done = cloud.process.apply(world, limit=60)
    assert done.state == "done"


@pytest.mark.parametrize(
    "operation", ["list instances", "list zones", "get networks", "list subnetworks", "listNetworkEndpoints"]
)
def test_what_could_not_be_read_is_left_as_it_is(operation: str) -> None:
    cloud = Cloud()
    cloud.stand(SECURE)
    before, calls = cloud.endpoints(), cloud.calls()
    assert any(before.values())
    suffix = " networkEndpointGroups" if operation == "listNetworkEndpoints" else ""
    cloud.control.fault(operation + suffix, "error", times=10_000, code="forbidden")
    cloud.process = ground.Process(cloud)
    done = cloud.process.apply(SECURE, limit=10)
    assert done.failures == ()
    assert [call for call in cloud.operations(calls) if not call.startswith(("get", "list", "aggregated"))] == []
    assert cloud.endpoints() == before


@pytest.mark.parametrize("operation", ["list instances", "list zones", "get networks", "list subnetworks"])
def test_a_gateway_that_is_gone_is_deleted_although_no_machine_can_be_listed(operation: str) -> None:
    cloud = Cloud()
    cloud.stand(BASE)
    cloud.control.fault(operation, "error", times=10_000, code="forbidden")
    assert cloud.process.apply(None, limit=60).state == "done"
    assert cloud.stored("addresses") == cloud.stored("backendServices") == {}


@pytest.mark.parametrize("code", ["forbidden", "backendError"])
def test_what_nobody_could_judge_gets_no_requests(code: str) -> None:
    """The pods of Service one never answer, and the reports cannot be had."""
    one, two = (BASE.with_rules(worlds.Rule(host="a.example", to=((name, 1),))) for name in ("one", "two"))
    cloud = Cloud()
    cloud.stand(two)
    for endpoint in ("10.0.1.10:8080", "10.0.2.10:8080"):
        cloud.control.cloud.set_health(endpoint, False)
    cloud.control.fault("getHealth backendServices", "error", times=10_000, code=code)
    (top,) = (e.name for e in cloud.process.observed() if model.kind_of(e.address) == "address")
    failed: list[float] = []
    cloud.on_tick(lambda: failed.append(cloud.clock.now()) if cloud.fails(top, 80, "a.example", "/") else None)
    cloud.process.apply(one, limit=40)
    assert failed == []
    assert cloud.answer(top, 80, "a.example", "/") == ("forward", (("two", 1),))


def _twin(cloud: Cloud, collection: str, scope: str) -> Any:
    """The same name and description in another scope, as an export and import makes it."""
    place, document = next(iter(cloud.stored(collection).items()))
    copied = {m: v for m, v in copy.deepcopy(document).items() if m not in ("region", "zone", "selfLink", "id")}
    twin = start.at(scope, collection, place.name)
    start.plant(cloud.control.cloud.world, twin, copied)
    cloud.forget()
    return twin


@pytest.mark.parametrize(
    ("collection", "state"),
    [
        ("healthChecks", "done"),
        ("addresses", "done"),
        ("networkEndpointGroups", "done"),
        ("urlMaps", "waiting"),  # these use ours, so that a person must say a word
        ("backendServices", "waiting"),
        ("forwardingRules", "waiting"),
    ],
)
def test_a_twin_in_another_scope_is_its_maker_s(collection: str, state: str) -> None:
    cloud = Cloud()
    cloud.stand(SECURE)
    twin = _twin(cloud, collection, "zones/europe-west1-d" if collection == "networkEndpointGroups" else "global")
    before = copy.deepcopy(cloud.stored(collection)[twin])
    assert cloud.process.plan(SECURE).changes == ()
    assert cloud.process.apply(None, approve=state == "done", limit=60).state == state
    assert cloud.stored(collection)[twin] == before


@pytest.mark.parametrize("first", [True, False])
def test_a_copied_path_matcher_is_its_maker_s(first: bool) -> None:
    cloud = Cloud()
    cloud.stand(BASE)
    (url_map,) = cloud.stored("urlMaps").values()
    mine = next(one for one in url_map["pathMatchers"] if "a.example" in one["description"])
    url_map["pathMatchers"].insert(0 if first else 9, {**copy.deepcopy(mine), "name": "theirs"})
    url_map["hostRules"].insert(0, {"hosts": ["theirs.example"], "pathMatcher": "theirs"})
    before = _theirs(url_map)
    cloud.forget()
    assert cloud.process.plan(BASE).changes == ()
    cloud.process.apply(BASE.with_rules(BASE.rules[1]), limit=30)
    (url_map,) = cloud.stored("urlMaps").values()
    assert _theirs(url_map) == before
    assert mine["name"] not in [one["name"] for one in url_map["pathMatchers"]]


def _theirs(url_map: dict[str, Any]) -> Any:
    found = [
        [one for one in url_map["pathMatchers"] if one["name"] == "theirs"],
        [one for one in url_map["hostRules"] if one["pathMatcher"] == "theirs"],
    ]
    assert all(found)
    return copy.deepcopy(found)
