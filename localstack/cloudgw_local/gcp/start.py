"""The world that every test starts from: one project with networks, nodes and a security policy, and no load balancer.

`server` makes it once. What a client could have made goes through the rules of its kind, in this order; the security
policy, which nothing here can insert, is written as GET shows it.
"""

from __future__ import annotations

import collections.abc
from typing import Any

from cloudgw_local import gcp
from cloudgw_local.gcp import call, kind, names, references, resources, world

Json = dict[str, Any]
BORN = 1767225600.0  # 2026-01-01
HOME = f"regions/{gcp.REGION}"
# Name, zone, address, and alias ranges: the pods' own range, and a part of the primary range.
NODES = (
    ("node-b", "europe-west1-b", "10.0.0.11", "10.0.64.0/20", "10.0.1.0/24"),
    ("node-c", "europe-west1-c", "10.0.0.12", "10.0.80.0/20", "10.0.2.0/24"),
    ("node-d", "europe-west1-d", "10.0.0.13", "10.0.96.0/20", "10.0.3.0/24"),
)
SECONDARY = [
    {"rangeName": "pods", "ipCidrRange": "10.0.64.0/18"},
    {"rangeName": "services", "ipCidrRange": "10.1.0.0/20"},
]


def make(
    kinds: collections.abc.Mapping[str, kind.Kind],
    settings: collections.abc.Mapping[str, Any],
    beliefs: collections.abc.Mapping[str, str],
) -> world.World:
    state = world.World()
    surroundings = call.Surroundings(world=state, kinds=kinds, settings=settings, beliefs=beliefs, time=BORN)
    for place, given in _bodies():
        rules, body = kinds[place.collection], {"name": place.name} | given
        references.settle(body, rules, place, state, surroundings)
        plant(state, place, rules.accept(body, place, None, surroundings))
    plant(state, at("global", "securityPolicies", "armor-edge"), _policy())
    return state


def at(scope: str, collection: str, name: str) -> names.Place:
    return names.Place(project=gcp.PROJECT, scope=scope, collection=collection, name=name)


def plant(state: world.World, place: names.Place, document: Json) -> None:
    """Put a finished resource into the world, as if its operation had ended long ago."""
    state.resources[place] = resources.framed(place, document, state.next_id(), BORN)


def _bodies() -> collections.abc.Iterator[tuple[names.Place, Json]]:
    for name, auto in (("default", True), (gcp.NETWORK, False), ("net-closed", False)):
        yield at("global", "networks", name), {"autoCreateSubnetworks": auto}
    yield _subnetwork("default", "default", "10.132.0.0/20")
    yield _subnetwork("default", "default", "10.164.0.0/20", scope="regions/europe-west4")
    yield _subnetwork("subnet-nodes", gcp.NETWORK, "10.0.0.0/20", secondaryIpRanges=SECONDARY)
    proxies = {"purpose": "REGIONAL_MANAGED_PROXY", "role": "ACTIVE"}
    yield _subnetwork("subnet-proxy", gcp.NETWORK, "10.129.0.0/23", **proxies)
    yield _subnetwork("subnet-closed", "net-closed", "10.8.0.0/20")
    for name, zone, address, pods, part in NODES:
        yield at(f"zones/{zone}", "instances", name), _node(zone, address, pods, part)


def _subnetwork(name: str, network: str, block: str, scope: str = HOME, **more: Any) -> tuple[names.Place, Json]:
    link = at("global", "networks", network).link
    return at(scope, "subnetworks", name), {"network": link, "ipCidrRange": block, **more}


def _node(zone: str, address: str, pods: str, part: str) -> Json:
    interface = {
        "network": at("global", "networks", gcp.NETWORK).link,
        "subnetwork": at(HOME, "subnetworks", "subnet-nodes").link,
        "networkIP": address,
        "aliasIpRanges": [{"ipCidrRange": pods, "subnetworkRangeName": "pods"}, {"ipCidrRange": part}],
    }
    return {
        "machineType": f"{names.ROOT}projects/{gcp.PROJECT}/zones/{zone}/machineTypes/e2-standard-4",
        "networkInterfaces": [interface],
        "tags": {"items": ["gke-edge"]},
    }


def _policy() -> Json:
    rule = {
        "kind": "compute#securityPolicyRule",
        "description": "Default rule, higher priority overrides it",
        "priority": 2147483647,
        "match": {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}},
        "action": "allow",
        "preview": False,
    }
    return {"description": "", "type": "CLOUD_ARMOR", "rules": [rule]}
