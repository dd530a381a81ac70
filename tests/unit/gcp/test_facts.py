"""Network, proxies' ranges, zones, machines, tags and what is left of the limits, as a listing shows them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloudgw.objects import Unknown
from cloudgw.provider import Facts, Inventory
from cloudgw_gcp import facts, facts_nodes, names
from cloudgw_local import gcp as local
from tests.unit.gcp import edge

PUBLIC: dict[str, Any] = {"exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0"]}
OTHER = names.path(local.PROJECT, names.GLOBAL, "networks", "other")
GROUPS = f"projects/{local.PROJECT}/zones"


def machine(name: str, zone: str, ip: str, *aliases: str, tags: tuple[str, ...] = ("gke-edge",), **more: Any) -> Any:
    return {
        "zone": f"{local.REGION}-{zone}",
        "name": name,
        "network": edge.NETWORK,
        "subnetwork": edge.SUBNETWORK,
        "ip": ip,
        "aliases": list(aliases),
        "tags": list(tags),
        **more,
    }


NODES = (
    machine("node-b", "b", "10.0.0.11", "10.0.64.0/20"),
    machine("node-c", "c", "10.0.0.12", "10.0.80.0/20", "10.0.80.128/25"),
    machine("other", "d", "10.0.0.13", network=OTHER),
)


def subnet(name: str, cidr: str, purpose: str = "PRIVATE", network: str = edge.NETWORK, **more: Any) -> dict[str, Any]:
    link = names.link_of(names.path(local.PROJECT, local.REGION, "subnetworks", name))
    return {
        "name": name,
        "selfLink": link,
        "network": names.link_of(network),
        "ipCidrRange": cidr,
        "purpose": purpose,
        **more,
    }


PROXY = subnet("subnet-proxy", "10.129.0.0/23", facts.PROXIES, role="ACTIVE")


def listed(**content: Any) -> Inventory:
    network = {"name": local.NETWORK, "selfLink": names.link_of(edge.NETWORK)}
    base = {
        "owner": edge.OWNER,
        "project": local.PROJECT,
        "region": local.REGION,
        "networks": [network],
        "subnetworks": [subnet("subnet-nodes", "10.0.0.0/20"), PROXY],
        "instances": list(NODES),
        "zones": list(local.ZONES),
        **{name: [] for name in ("urlMaps", "networkEndpointGroups", "sslCertificates", "firewalls")},
    }
    return Inventory(placement=edge.PLACE, content={**base, **content})


def found(
    inventory: Inventory | None = None, *targets: str, gateway: str = "edge", **spec: Any
) -> tuple[facts.Network, Facts]:
    result = facts.facts(inventory or listed(), edge.routing(gateway, *targets), edge.wanted(**spec))
    return result.values["network"], result


def test_a_new_gateway() -> None:
    network, result = found()
    assert (network.project, network.region, network.place) == (local.PROJECT, local.REGION, local.REGION)
    assert (network.network, network.subnetwork) == (edge.NETWORK, edge.SUBNETWORK)
    assert network.proxy_ranges == ("10.129.0.0/23",)
    assert network.zones == (f"{local.REGION}-b", f"{local.REGION}-c")
    assert network.tags == ("gke-edge",)
    assert (network.standing, network.certificates, network.quotas) == (frozenset(), frozenset(), {})
    assert result.notes == ()


def test_what_a_listing_of_the_local_cloud_gives() -> None:
    from cloudgw_gcp import inventory

    with edge.serve() as cloud:
        content = inventory.listing(cloud.session.read, [edge.wanted()], edge.OWNER, 0.0)
    network, result = found(content)
    assert network.zones == local.ZONES
    assert network.proxy_ranges == ("10.129.0.0/23",)
    assert network.subnetwork == edge.SUBNETWORK
    assert not isinstance(network.instances, Unknown)
    assert network.instances.find("10.0.96.7") == (local.ZONES[2], "node-d")
    assert result.notes == ()


def test_global_proxies_have_no_range_of_their_own() -> None:
    network, result = found(listed(subnetworks=[subnet("subnet-nodes", "10.0.0.0/20")]), **PUBLIC, location="Global")
    assert (network.place, network.proxy_ranges) == ("global", ())
    assert result.notes == ()


@pytest.mark.parametrize(
    ("content", "spec", "attribute", "code", "says"),
    [
        ({"networks": []}, {}, "network", "NetworkNotFound", "network.name"),
        ({}, {"subnetwork": {"name": "none"}}, "subnetwork", "NetworkNotFound", "subnetwork.name"),
        (
            {"subnetworks": [subnet("subnet-nodes", "10.0.0.0/20", network=OTHER), PROXY]},
            {},
            "subnetwork",
            "NetworkNotFound",
            "subnetwork.name",
        ),
        (
            {"subnetworks": [subnet("subnet-nodes", "10.0.0.0/20")]},
            {},
            "proxy_ranges",
            "ProxySubnetMissing",
            "REGIONAL_MANAGED_PROXY",
        ),
        (
            {"subnetworks": [subnet("subnet-nodes", "10.0.0.0/20"), {**PROXY, "role": "BACKUP"}]},
            {},
            "proxy_ranges",
            "ProxySubnetMissing",
            "role ACTIVE",
        ),
        ({"instances": []}, {"nodeTags": ["t"]}, "zones", "ZonesNotFound", "zones"),
        ({"instances": []}, {"zones": [edge.ZONE]}, "tags", "NodeTagsNotFound", "nodeTags"),
        ({"instances": [machine("a", "b", "10.0.0.1", tags=())]}, {}, "tags", "NodeTagsNotFound", "firewall: None"),
    ],
)
def test_what_cannot_be_found_is_unknown_and_says_what_to_do(
    content: dict[str, Any], spec: dict[str, Any], attribute: str, code: str, says: str
) -> None:
    network, result = found(listed(**content), **spec)
    value = getattr(network, attribute)
    assert isinstance(value, Unknown)
    assert says in value.reason
    assert [(note.code, note.message) for note in result.notes] == [(code, value.reason)]
    assert all(note.level == "error" for note in result.notes)


@pytest.mark.parametrize("named", [(), (edge.ZONE,)])
def test_machines_that_were_not_listed_are_not_absent(named: tuple[str, ...]) -> None:
    """Pods on them would be taken out of their groups, and zones without any would be left."""
    link = names.link_of(f"{GROUPS}/{local.ZONES[2]}/networkEndpointGroups/x")
    group = {"selfLink": link, "description": edge.record("neg", f"shop/cart:8080/{local.ZONES[2]}")}
    unread = {"instances": "403 forbidden"}
    inventory = listed(instances=[], zones=[], unread=unread, networkEndpointGroups=[group])
    zones: dict[str, Any] = {"zones": list(named)} if named else {}
    network, result = found(inventory, "10.0.64.5", **zones)
    assert isinstance(network.instances, Unknown)
    assert isinstance(network.tags, Unknown)
    assert network.zones == named if named else isinstance(network.zones, Unknown)
    assert network.subnetwork == edge.SUBNETWORK
    (note,) = result.notes
    assert "403 forbidden" in note.message
    assert "compute.instances.list" in note.message


def test_networks_that_were_not_listed_are_not_absent() -> None:
    network, result = found(listed(networks=[], subnetworks=[], unread={"networks": "503 backendError"}))
    unknown = (network.network, network.subnetwork, network.proxy_ranges, network.zones, network.instances)
    assert all(isinstance(value, Unknown) and "503 backendError" in value.reason for value in unknown)
    assert len(result.notes) == 1


def test_a_group_or_backend_service_that_did_not_answer_is_told() -> None:
    zone = f"{GROUPS}/{edge.ZONE}/networkEndpointGroups/x"
    service = names.path(local.PROJECT, local.REGION, "backendServices", "s")
    group = {"selfLink": names.link_of(zone), "description": edge.record("neg", f"shop/cart:8080/{edge.ZONE}")}
    backend = {"selfLink": names.link_of(service), "description": edge.record("backend-service", "shop/cart:8080")}
    unread = {zone: "403 forbidden", service: "503 backendError"}
    inventory = listed(networkEndpointGroups=[group], backendServices=[backend], unread=unread)
    said = {note.message: (note.code, note.level) for note in found(inventory)[1].notes}
    assert set(said.values()) == {("NotListed", "warning")}
    assert any("neg/shop/cart" in one and "403 forbidden" in one for one in said)
    assert any("none counts as healthy: 503 backendError" in one for one in said)
    assert found(inventory, gateway="web")[1].notes == ()


def test_one_cause_is_told_once() -> None:
    network, result = found(listed(networks=[]))
    assert all(isinstance(value, Unknown) for value in (network.subnetwork, network.zones, network.tags))
    assert [note.code for note in result.notes] == ["NetworkNotFound"]


def test_zones_that_are_named() -> None:
    assert found(zones=[local.ZONES[1]])[0].zones == (local.ZONES[1],)
    assert found(zones=list(local.ZONES))[0].zones == local.ZONES
    assert found(listed(instances=[]), zones=[local.ZONES[2]])[0].zones == (local.ZONES[2],)
    for zone, word in ((local.ZONES[2], "no machine"), ("europe-west1-z", "no zone of")):
        network, notes = found(zones=[zone])[0], found(zones=[zone])[1].notes
        assert isinstance(network.zones, Unknown)
        assert word in network.zones.reason
        assert [note.code for note in notes if note.message == network.zones.reason] == ["ZonesNotFound"]


def test_a_zone_with_a_group_of_ours_stays() -> None:
    """A node pool that shrank to nothing for an hour replaces nothing."""
    link = names.link_of(f"{GROUPS}/{local.ZONES[2]}/networkEndpointGroups/x")
    group = {"selfLink": link, "description": edge.record("neg", f"shop/cart:8080/{local.ZONES[2]}")}
    assert found(listed(networkEndpointGroups=[group]))[0].zones == local.ZONES
    assert found(listed(networkEndpointGroups=[group]), gateway="web")[0].zones == local.ZONES[:2]


def test_who_holds_an_address() -> None:
    instances = found()[0].instances
    assert not isinstance(instances, Unknown)
    places = {ip: instances.find(ip) for ip in ("10.0.0.11", "10.0.64.5", "10.0.79.255", "10.0.80.1", "10.0.80.200")}
    assert [place and place[1] for place in places.values()] == ["node-b", "node-b", "node-b", "node-c", "node-c"]
    for nowhere in ("10.0.0.13", "10.0.96.1", "192.168.0.1", "fd00::1", "", "pod"):
        assert instances.find(nowhere) is None
    assert instances.zones == local.ZONES[:2]


def test_a_machine_with_two_interfaces_is_one_machine() -> None:
    items = [machine("n", "b", "10.0.0.1", tags=("a",)), machine("n", "b", "10.9.0.1", tags=("a",), network=OTHER)]
    one = facts_nodes.of_network(items, OTHER)
    assert (one.find("10.9.0.1"), one.find("10.0.0.1")) == (("europe-west1-b", "n"), None)


def test_many_machines_are_searched_by_length_of_prefix() -> None:
    items = [
        machine(f"n{n}", "b", f"10.0.{n // 200}.{n % 200 + 1}", f"10.{n // 256 + 64}.{n % 256}.0/24")
        for n in range(900)
    ]
    instances = facts_nodes.of_network(items, edge.NETWORK)
    assert len(instances.ranges) == 2
    assert instances.find("10.66.100.77") == ("europe-west1-b", "n612")


TAGGED = (
    machine("node-b", "b", "10.0.0.11", "10.0.64.0/20", tags=("cluster", "everything", "pool-1")),
    machine("node-c", "c", "10.0.0.12", "10.0.80.0/20", tags=("cluster", "everything", "pool-2")),
    machine("bastion", "b", "10.0.0.13", tags=("everything",)),
)


def wall(*tags: str) -> dict[str, Any]:
    return {"description": edge.record("firewall"), "targetTags": list(tags), "selfLink": "x"}


def test_the_narrowest_tag_that_all_nodes_share() -> None:
    """Nodes are those that hold a target: the bastion's tag opens too much."""
    everything = listed(instances=list(TAGGED))
    assert found(everything, "10.0.64.5", "10.0.80.5")[0].tags == ("cluster",)
    assert found(everything, "10.0.64.5")[0].tags == ("pool-1",)
    assert found(everything)[0].tags == ("everything",)


def test_tags_of_a_standing_rule_stay_while_every_node_has_one() -> None:
    standing = listed(instances=list(TAGGED), firewalls=[wall("pool-1", "cluster")])
    assert found(standing, "10.0.64.5")[0].tags == ("cluster", "pool-1")
    narrow = listed(instances=list(TAGGED), firewalls=[wall("pool-1")])
    assert found(narrow, "10.0.64.5")[0].tags == ("pool-1",)
    assert found(narrow, "10.0.64.5", "10.0.80.5")[0].tags == ("cluster",)
    assert found(narrow, "10.0.64.5", nodeTags=["mine"])[0].tags == ("mine",)


def test_without_a_firewall_of_ours_no_tag_is_needed() -> None:
    network, result = found(listed(instances=[machine("a", "b", "10.0.0.1", tags=())]), firewall="None")
    assert (network.tags, result.notes) == ((), ())


def url_map(**more: Any) -> dict[str, Any]:
    link = names.link_of(names.path(local.PROJECT, local.REGION, "urlMaps", "m"))
    return {"selfLink": link, "description": edge.record("url-map", "80"), **more}


def child(kind: str, logical: str) -> str:
    return names.child(kind, logical, edge.SUFFIX)


def mine(*rules: dict[str, Any]) -> dict[str, Any]:
    name = names.matcher_name("80/*", edge.SUFFIX)
    return edge.matcher(name, "s", *rules, description=child("path-matcher", "80/*"))


def test_what_stands() -> None:
    ours = [
        edge.rule(1, "/", "s", child("route-rule", "80/*/shop/cart/a")),
        edge.rule(2_000_000_001, "/w", "s", child("route-rule", "80/*/warm.1")),
        edge.rule(3, "/x", "s", "somebody's"),
    ]
    copied = edge.rule(4, "/y", "s", child("route-rule", "80/shop.example/shop/cart/b"))
    matcher = mine(*ours, copied)
    certificate = {"selfLink": "x", "description": edge.record("certificate", "shop/tls")}
    inventory = listed(urlMaps=[url_map(pathMatchers=[matcher])], sslCertificates=[certificate])
    network, _ = found(inventory)
    assert network.standing == {"80/*/shop/cart/a", "80/*/warm.1"}
    assert network.certificates == {"shop/tls"}
    assert found(inventory, gateway="web")[0].standing == frozenset()


def test_what_others_keep_counts_against_the_limits() -> None:
    theirs = [
        {**edge.rule(5, "/x", "s"), "matchRules": [{"prefixMatch": "/x", "headerMatches": [{}, {}]}, {}]},
        edge.rule(6, "/y", "s"),
    ]
    ours = mine(edge.rule(1, "/", "s", child("route-rule", "80/*/a")), *theirs)
    foreign = edge.matcher("f", "s", *[edge.rule(n, "/", "s") for n in range(1, 9)])
    hosts = [{"hosts": ["*"], "pathMatcher": ours["name"]}, {"hosts": ["a"], "pathMatcher": "f"}]
    document = url_map(pathMatchers=[ours, foreign], hostRules=hosts, tests=[{"host": "a"}])
    size = sum(len(json.dumps(item)) for item in (*theirs, foreign, hosts[1], {"host": "a"}))
    quotas = found(listed(urlMaps=[document]))[0].quotas
    assert quotas == {"rules": 998, "predicates": 995, "hosts": 1999, "bytes": 1_000_000 - size}
    assert found(listed(urlMaps=[document]), **PUBLIC)[0].quotas["hosts"] == 999


def test_the_fullest_of_our_maps_counts() -> None:
    def of(number: int) -> dict[str, Any]:
        rules = [edge.rule(n, "/", "s") for n in range(1, number + 1)]
        return url_map(pathMatchers=[mine(*rules)])

    assert found(listed(urlMaps=[of(3), of(7), of(5)]))[0].quotas["rules"] == 993


def test_facts_are_worked_out_once_for_a_listing() -> None:
    inventory = listed()
    assert found(inventory)[0].instances is found(inventory, gateway="web")[0].instances
