"""One listing: what is ours, who uses it, what costs a call and is therefore remembered, and what a failure means."""

from __future__ import annotations

import collections.abc
import json
from typing import Any

import pytest
import requests

from cloudgw.provider import Inventory
from cloudgw_gcp import calls_members, failures, inventory, names
from cloudgw_local import gcp as local
from tests.unit.gcp import edge

LISTS = [f"aggregatedList {collection}" for collection in inventory.COLLECTIONS]
NETWORKS = ["get networks", "list subnetworks", "list zones", *["list instances"] * 3]


@pytest.fixture(scope="module")
def served() -> collections.abc.Iterator[edge.Cloud]:
    with edge.serve() as cloud:
        yield cloud


@pytest.fixture
def cloud(served: edge.Cloud) -> edge.Cloud:
    served.running.control.reset()
    served.session = edge.session(served.running)
    return served


def listed(cloud: edge.Cloud, **spec: Any) -> Inventory:
    return inventory.listing(cloud.session.read, [edge.wanted(**spec)], edge.OWNER, 7.0)


def calls_of(cloud: edge.Cloud, **spec: Any) -> tuple[Inventory, list[str]]:
    before = len(cloud.calls())
    return listed(cloud, **spec), cloud.calls()[before:]


def group(cloud: edge.Cloud, service: str = "cart", *ips: str, suffix: str = edge.SUFFIX) -> str:
    of = ("neg", f"shop/{service}:8080/{edge.ZONE}")
    body = edge.neg(edge.record(*of, suffix=suffix))
    path = cloud.put("networkEndpointGroups", edge.ZONE, edge.name(*of, suffix=suffix), **body)
    if ips:
        attach(cloud, path, *ips)
    return path


def attach(cloud: edge.Cloud, path: str, *ips: str) -> None:
    body = {"networkEndpoints": [edge.endpoint(ip) for ip in ips]}
    cloud.make(cloud.session.write.act(*names.place_of(path), "attachNetworkEndpoints", body))


HC = edge.name("health-check", "http")


def service(cloud: edge.Cloud, name: str, *groups: str, suffix: str = edge.SUFFIX) -> str:
    found = cloud.session.read.get("healthChecks", local.REGION, HC)
    check = (
        inventory.path_of(found)
        if found
        else cloud.put("healthChecks", local.REGION, HC, **edge.check(edge.record("health-check", "http")))
    )
    of = ("backend-service", f"shop/{name}:8080")
    body = edge.service(check, *groups, description=edge.record(*of, suffix=suffix))
    return cloud.put("backendServices", local.REGION, edge.name(*of, suffix=suffix), **body)


def test_an_empty_project(cloud: edge.Cloud) -> None:
    found = listed(cloud)
    assert found.incomplete == ()
    assert (found.began, found.placement) == (7.0, edge.PLACE)
    assert cloud.calls() == [*LISTS, "list firewalls", *NETWORKS]
    content = found.content
    assert (content["owner"], content["project"], content["region"]) == (edge.OWNER, local.PROJECT, local.REGION)
    assert not any(content[collection] for collection in (*inventory.COLLECTIONS, "firewalls", "users", "endpoints"))
    assert content["zones"] == list(local.ZONES)
    assert [item["name"] for item in content["networks"]] == [local.NETWORK]
    assert [(item["name"], item.get("purpose")) for item in content["subnetworks"]] == [
        ("subnet-nodes", "PRIVATE"),
        ("subnet-proxy", "REGIONAL_MANAGED_PROXY"),
    ]
    first = content["instances"][0]
    assert "10.0.64.0/20" in first["aliases"]
    assert first == {
        **first,
        "zone": edge.ZONE,
        "name": "node-b",
        "network": edge.NETWORK,
        "subnetwork": edge.SUBNETWORK,
        "ip": "10.0.0.11",
        "tags": ["gke-edge"],
    }
    assert len(content["instances"]) == 3
    json.dumps(content)


def test_machines_of_other_networks_are_left_out(cloud: edge.Cloud) -> None:
    assert listed(cloud, network={"name": "net-closed"}).content["instances"] == []


def test_only_ours_and_whole(cloud: edge.Cloud) -> None:
    ours = cloud.put("healthChecks", local.REGION, HC, **edge.check(edge.record("health-check", "http")))
    of = ("health-check", "https")
    body = edge.check(edge.record(*of, place=names.GLOBAL))
    everywhere = cloud.put("healthChecks", names.GLOBAL, edge.name(*of), **body)
    cloud.put("healthChecks", local.REGION, "foreign-a", **edge.check(edge.record("health-check", owner="prod")))
    cloud.put("healthChecks", local.REGION, "foreign-b", **edge.check())
    copied = edge.check(edge.record("health-check", "http")) | {"timeoutSec": 4}
    cloud.put("healthChecks", local.REGION, "foreign-g", **copied)
    twin = cloud.put("healthChecks", names.GLOBAL, HC, **copied)
    elsewhere = names.record_text(edge.OWNER, edge.address_of("health-check"), edge.SUFFIX, {}, "europe-west4")
    cloud.put("healthChecks", names.GLOBAL, "foreign-c", **edge.check(elsewhere))
    cloud.put("healthChecks", "europe-west4", "foreign-d", **edge.check(elsewhere))
    rule = {
        "network": names.link_of(edge.NETWORK),
        "allowed": [{"IPProtocol": "tcp"}],
        "sourceRanges": ["35.191.0.0/16"],
        "targetTags": ["gke-edge"],
    }
    cloud.put("firewalls", names.GLOBAL, "foreign-e", **rule)
    wall = cloud.put("firewalls", names.GLOBAL, edge.name("firewall"), **rule, description=edge.record("firewall"))
    found = listed(cloud)
    whole = [cloud.session.read.get(*names.place_of(path)) for path in sorted((ours, everywhere))]
    assert found.content["healthChecks"] == whole
    assert found.content["firewalls"] == [cloud.session.read.get(*names.place_of(wall))]
    assert "foreign" not in json.dumps(found.content)
    assert twin not in json.dumps(found.content)


def test_who_uses_ours(cloud: edge.Cloud) -> None:
    """A map, a proxy and a backend service of somebody else; ours among themselves are no users."""
    path = group(cloud)
    ours = service(cloud, "cart", path)
    check = inventory.path_of(cloud.session.read.get("healthChecks", local.REGION, HC) or {})
    theirs = cloud.put("backendServices", local.REGION, "theirs", **edge.service(check, path))
    record = edge.record("url-map", "80")
    one = cloud.put("urlMaps", local.REGION, edge.name("url-map", "80"), **edge.url_map(ours, record))
    wild = {"pathMatchers": [edge.matcher("m", ours, edge.rule(1, "/", theirs), edge.rule(2, "/x", ours))]}
    rules: dict[str, Any] = {"hostRules": [{"hosts": ["*"], "pathMatcher": "m"}], **wild}
    two = cloud.put("urlMaps", local.REGION, "theirs", **edge.url_map(theirs, **rules))
    proxy = cloud.put("targetHttpProxies", local.REGION, "theirs", urlMap=names.link_of(one))
    assert listed(cloud).content["users"] == {check: [theirs], path: [theirs], ours: [two], one: [proxy]}


def test_who_uses_an_address_it_says_itself() -> None:
    link = names.link_of(names.path(local.PROJECT, local.REGION, "forwardingRules", "theirs"))
    item = {"selfLink": "https://x/projects/p/regions/r/addresses/a", "users": [link], "region": "https://x/r"}
    assert list(inventory.users(item)) == [names.path_of(link)]
    assert list(inventory.users({**item, "users": [], "usedBy": [{"reference": link}]})) == [names.path_of(link)]
    assert list(inventory.links(item)) == []


def test_endpoints_are_asked_for_once(cloud: edge.Cloud) -> None:
    one, two = group(cloud, "cart", "10.0.64.5"), group(cloud, "pay")
    found, asked = calls_of(cloud)
    assert found.content["endpoints"] == {one: ["node-b/10.0.64.5:8080"], two: []}
    assert asked.count("listNetworkEndpoints networkEndpointGroups") == 2  # until the operations on both have ended


def test_an_empty_group_is_known_without_asking(cloud: edge.Cloud) -> None:
    one, two = group(cloud, "cart", "10.0.64.5"), group(cloud, "pay")
    cloud.session = edge.session(cloud.running)
    found, asked = calls_of(cloud)
    assert found.content["endpoints"] == {one: ["node-b/10.0.64.5:8080"], two: []}
    assert asked.count("listNetworkEndpoints networkEndpointGroups") == 1


def test_endpoints_are_asked_for_again_after_our_write_until_it_has_ended(cloud: edge.Cloud) -> None:
    """A swap leaves the size as it is, and takes its effect some seconds after the call."""
    path = group(cloud, "cart", "10.0.64.5")
    many(cloud)
    listed(cloud)
    listed(cloud)
    write = cloud.session.write
    where = names.place_of(path)
    began = [
        write.act(*where, "attachNetworkEndpoints", {"networkEndpoints": [edge.endpoint("10.0.64.6")]}),
    ]
    assert listed(cloud).content["endpoints"][path] == ["node-b/10.0.64.5:8080"]
    cloud.make(*began)
    cloud.make(write.act(*where, "detachNetworkEndpoints", {"networkEndpoints": [edge.endpoint("10.0.64.5")]}))
    assert listed(cloud).content["endpoints"][path] == ["node-b/10.0.64.6:8080"]


def many(cloud: edge.Cloud) -> list[str]:
    """More groups than one listing asks for again."""
    began = [
        cloud.session.write.insert(
            "networkEndpointGroups",
            edge.ZONE,
            {"name": edge.name(*of), **edge.neg(edge.record(*of))},
        )
        for number in range(calls_members.REREAD * 2)
        for of in [("neg", f"shop/many{number:02}:80/{edge.ZONE}")]
    ]
    return cloud.make(*began)


def test_endpoints_that_seem_unchanged_are_asked_for_in_turn(cloud: edge.Cloud) -> None:
    many(cloud)
    first, second, third, fourth = (
        sum(call.startswith("listNetworkEndpoints") for call in calls_of(cloud)[1]) for _ in range(4)
    )
    assert first == 2 * calls_members.REREAD
    assert second == third == fourth == calls_members.REREAD


def test_a_swap_of_others_is_seen_in_its_turn_and_a_change_of_size_at_once(cloud: edge.Cloud) -> None:
    path = group(cloud, "zz", "10.0.64.5")
    many(cloud)
    listed(cloud)
    other = edge.session(cloud.running)
    body = {"networkEndpoints": [edge.endpoint("10.0.64.9")]}
    assert other.write.wait([other.write.act(*names.place_of(path), "attachNetworkEndpoints", body)]) == [None]
    assert "node-b/10.0.64.9:8080" in listed(cloud).content["endpoints"][path]
    swap = (("detachNetworkEndpoints", "10.0.64.9"), ("attachNetworkEndpoints", "10.0.64.8"))
    for verb, ip in swap:
        began = other.write.act(*names.place_of(path), verb, {"networkEndpoints": [edge.endpoint(ip)]})
        assert other.write.wait([began]) == [None]
    seen = ["node-b/10.0.64.8:8080" in listed(cloud).content["endpoints"][path] for _ in range(3)]
    assert seen[-1]


def test_health_is_asked_for_only_where_it_decides(cloud: edge.Cloud) -> None:
    service(cloud, "cart", group(cloud))
    found, asked = calls_of(cloud)
    assert found.content["health"] == {}
    assert "getHealth backendServices" not in asked


def test_a_warm_rule_makes_it_decide(cloud: edge.Cloud) -> None:
    path = group(cloud)
    warmed, plain = service(cloud, "cart", path), service(cloud, "pay", path)
    warm = edge.rule(2_000_000_001, "/w", warmed, names.child("route-rule", "80/*/warm.1", edge.SUFFIX))
    mine = edge.rule(1, "/", plain, names.child("route-rule", "80/*/shop/cart/x", edge.SUFFIX))
    name = names.matcher_name("80/*", edge.SUFFIX)
    matcher = edge.matcher(name, plain, warm, mine, description=names.child("path-matcher", "80/*", edge.SUFFIX))
    rules = {"pathMatchers": [matcher], "hostRules": [{"hosts": ["*"], "pathMatcher": name}]}
    cloud.put(
        "urlMaps",
        local.REGION,
        edge.name("url-map", "80"),
        **edge.url_map(plain, edge.record("url-map", "80"), **rules),
    )
    assert listed(cloud).content["health"] == {warmed: {path: []}}


@pytest.mark.parametrize("kind", ["backend-service", "address"])
def test_a_replacement_makes_both_decide(cloud: edge.Cloud, kind: str) -> None:
    """Two incarnations of one backend service, or of the load balancer above it."""
    path = group(cloud)
    first = service(cloud, "cart", path)
    wanted: dict[str, dict[str, Any]] = {first: {path: []}}
    if kind == "backend-service":
        wanted[service(cloud, "cart", path, suffix="bbbbbbbbbb")] = {path: []}
    else:
        for suffix in (edge.SUFFIX, "bbbbbbbbbb"):
            body = {
                "addressType": "INTERNAL",
                "purpose": "SHARED_LOADBALANCER_VIP",
                "subnetwork": names.link_of(edge.SUBNETWORK),
                "description": edge.record("address", suffix=suffix),
            }
            cloud.put("addresses", local.REGION, edge.name("address", suffix=suffix), **body)
    assert listed(cloud).content["health"] == wanted
    cloud.running.control.fault("getHealth backendServices", "error", code="forbidden", status=403, times=1)
    found = listed(cloud)
    assert (len(found.content["health"]), found.incomplete) == (len(wanted), ())
    assert sorted(found.content["health"].values(), key=len) == [{}, {path: []}][: len(wanted)]
    (reason,) = found.content["unread"].values()
    assert "forbidden" in reason


@pytest.mark.parametrize(
    ("operation", "part"),
    [
        ("aggregatedList urlMaps", "urlMaps"),
        ("aggregatedList networkEndpointGroups", "networkEndpointGroups"),
        ("list firewalls", "firewalls"),
    ],
)
def test_a_collection_that_fails_makes_it_incomplete(cloud: edge.Cloud, operation: str, part: str) -> None:
    cloud.running.control.fault(operation, "error", code="forbidden", status=403, times=1)
    found = listed(cloud)
    (reason,) = found.incomplete
    assert reason.startswith(part)
    assert "forbidden" in reason
    assert listed(cloud).incomplete == ()


@pytest.mark.parametrize(
    ("operation", "part"),
    [
        ("get networks", "networks"),
        ("list subnetworks", "networks"),
        ("list instances", "instances"),
        ("list zones", "instances"),
    ],
)
def test_what_only_building_needs_is_unread_itself(cloud: edge.Cloud, operation: str, part: str) -> None:
    """A Gateway that is gone can be deleted without it."""
    cloud.running.control.fault(operation, "error", code="forbidden", status=403, times=1)
    found = listed(cloud)
    assert found.incomplete == ()
    ((unread, reason),) = found.content["unread"].items()
    assert (unread, "forbidden" in reason) == (part, True)
    assert not found.content[part]
    assert listed(cloud).content["unread"] == {}


def test_a_group_that_does_not_answer_is_not_known(cloud: edge.Cloud) -> None:
    """Also where it did before: its size has changed."""
    path, other = group(cloud, "cart", "10.0.64.5"), group(cloud, "pay", "10.0.64.6")
    listed(cloud)
    listed(cloud)
    foreign = edge.session(cloud.running)
    body = {"networkEndpoints": [edge.endpoint("10.0.64.9")]}
    cloud.make(foreign.write.act(*names.place_of(path), "attachNetworkEndpoints", body))
    cloud.running.control.fault("listNetworkEndpoints networkEndpointGroups", "error", code="backendError", times=1)
    found = listed(cloud)
    assert (set(found.content["endpoints"]), set(found.content["unread"])) == ({other}, {path})
    assert found.incomplete == ()
    assert "node-b/10.0.64.9:8080" in listed(cloud).content["endpoints"][path]


def test_a_region_that_cannot_be_reached_is_missed_only_by_its_own(cloud: edge.Cloud) -> None:
    cloud.running.control.settings(unreachable="regions/europe-west4")
    assert listed(cloud).incomplete == ()
    cloud.running.control.settings(unreachable=f"regions/{local.REGION}")
    found = listed(cloud)
    assert len(found.incomplete) >= len(inventory.COLLECTIONS) - 1


@pytest.mark.parametrize("problem", [("authError", 401), ("accessNotConfigured", 403)])
def test_no_credentials_are_no_listing(cloud: edge.Cloud, problem: tuple[str, int]) -> None:
    """An empty world must not be made of it."""
    code, status = problem
    cloud.running.control.fault("aggregatedList addresses", "error", code=code, status=status, times=9)
    with pytest.raises(Exception, match=r".") as caught:
        listed(cloud)
    failure = failures.classify(caught.value)
    assert failure is not None
    assert failure.why == "denied"


def test_no_endpoint_is_no_listing() -> None:
    with edge.serve() as cloud:
        session = cloud.session
    with pytest.raises(requests.exceptions.ConnectionError):
        inventory.listing(session.read, [edge.wanted()], edge.OWNER, 0.0)


def test_a_defect_is_no_reason(cloud: edge.Cloud) -> None:
    cloud.session.read.everything = None
    with pytest.raises(TypeError):
        listed(cloud)
