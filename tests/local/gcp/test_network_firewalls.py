"""Firewall rules, instances and their groups, backend buckets: one test per rule, through the running cloud."""

from __future__ import annotations

import pytest

from . import conftest as c
from . import network_samples as s


def test_a_firewall_rule_as_it_is_shown(cloud: c.Cloud) -> None:
    shown = cloud.make(s.FIREWALLS, {"name": "rule", "allowed": [{"IPProtocol": "TCP"}]})
    assert {name: value for name, value in shown.items() if name not in ("creationTimestamp", "id")} == {
        "allowed": [{"IPProtocol": "tcp"}],
        "description": "",
        "direction": "INGRESS",
        "disabled": False,
        "kind": "compute#firewall",
        "logConfig": {"enable": False},
        "name": "rule",
        "network": f"{s.ROOT}/global/networks/default",
        "priority": 1000,
        "selfLink": f"{s.ROOT}/global/firewalls/rule",
        "sourceRanges": ["0.0.0.0/0"],
    }


def test_an_egress_rule_has_destinations(cloud: c.Cloud) -> None:
    shown = cloud.make(s.FIREWALLS, s.firewall(direction="EGRESS"))
    assert shown["destinationRanges"] == ["0.0.0.0/0"]
    assert "sourceRanges" not in shown


def test_tags_alone_are_no_ranges(cloud: c.Cloud) -> None:
    assert "sourceRanges" not in cloud.make(s.FIREWALLS, s.firewall(sourceTags=["web"]))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"denied": [{"IPProtocol": "udp"}]}, "denied"),
        ({"allowed": []}, "allowed"),
        ({"allowed": [{"IPProtocol": "http"}]}, "allowed[0].IPProtocol"),
        ({"allowed": [{}]}, "allowed[0].IPProtocol"),
        ({"allowed": [{"IPProtocol": "icmp", "ports": ["80"]}]}, "allowed[0].ports[0]"),
        ({"allowed": [{"IPProtocol": "tcp", "ports": ["80", "90-80"]}]}, "allowed[0].ports[1]"),
        ({"allowed": [{"IPProtocol": "tcp", "ports": ["65536"]}]}, "allowed[0].ports[0]"),
        ({"priority": 65536}, "priority"),
        ({"priority": -1}, "priority"),
        ({"sourceRanges": ["10.0.0.1/8"]}, "sourceRanges[0]"),
        ({"sourceRanges": ["10.0.0.0/8", "everyone"]}, "sourceRanges[1]"),
        ({"targetTags": ["Nodes"]}, "targetTags[0]"),
        ({"destinationRanges": ["10.0.0.0/8"]}, "destinationRanges"),
        ({"direction": "EGRESS", "sourceRanges": ["10.0.0.0/8"]}, "sourceRanges"),
        ({"targetTags": ["nodes"], "targetServiceAccounts": ["a@b"]}, "targetServiceAccounts"),
        ({"direction": "SIDEWAYS"}, "direction"),
    ],
)
def test_what_a_firewall_rule_may_not_hold(cloud: c.Cloud, more: s.Json, field: str) -> None:
    s.refused(cloud, "POST", s.FIREWALLS, s.firewall(**more), field)


@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp", "icmp", "esp", "ah", "ipip", "all", "6", "255"])
def test_protocols(cloud: c.Cloud, protocol: str) -> None:
    assert (
        cloud.make(s.FIREWALLS, s.firewall(allowed=[{"IPProtocol": protocol}]))["allowed"][0]["IPProtocol"] == protocol
    )


def test_the_network_of_a_rule_is_fixed(cloud: c.Cloud) -> None:
    cloud.make(s.FIREWALLS, s.firewall())
    s.refused(cloud, "PATCH", f"{s.FIREWALLS}/rule", {"network": "global/networks/default"}, "network")
    s.refused(cloud, "PATCH", f"{s.FIREWALLS}/rule", {"direction": "EGRESS"}, "direction")


def test_a_rule_is_patched_and_updated(cloud: c.Cloud) -> None:
    cloud.make(s.FIREWALLS, s.firewall(targetTags=["nodes"]))
    cloud.done("PATCH", f"{s.FIREWALLS}/rule", {"disabled": True})
    shown = cloud.get(f"{s.FIREWALLS}/rule")
    assert (shown["disabled"], shown["targetTags"]) == (True, ["nodes"])
    cloud.done("PUT", f"{s.FIREWALLS}/rule", s.firewall(priority=5))
    shown = cloud.get(f"{s.FIREWALLS}/rule")
    assert (shown["disabled"], shown["priority"], "targetTags" in shown) == (False, 5, False)


def test_an_instance_runs_with_an_address(cloud: c.Cloud) -> None:
    shown = cloud.make(s.INSTANCES, s.instance())
    assert shown["status"] == "RUNNING"
    interface = shown["networkInterfaces"][0]
    assert (interface["networkIP"], interface["network"]) == ("10.0.0.2", f"{s.ROOT}/{s.EDGE}")


@pytest.mark.parametrize(
    ("interface", "field"),
    [
        ({"networkIP": "10.9.0.1"}, "networkIP"),
        ({"network": "global/networks/default"}, "network"),
        ({"aliasIpRanges": [{"ipCidrRange": "10.50.0.0/24"}]}, "aliasIpRanges[0].ipCidrRange"),
        (
            {"aliasIpRanges": [{"ipCidrRange": "10.0.5.0/24", "subnetworkRangeName": "pods"}]},
            "aliasIpRanges[0].ipCidrRange",
        ),
    ],
)
def test_what_an_interface_may_not_hold(cloud: c.Cloud, interface: s.Json, field: str) -> None:
    s.refused(cloud, "POST", s.INSTANCES, s.instance(**interface), f"networkInterfaces[0].{field}")


def test_tags_are_set_by_their_own_method(cloud: c.Cloud) -> None:
    cloud.make(s.INSTANCES, s.instance())
    cloud.done("POST", f"{s.INSTANCES}/vm/setTags", {"items": ["web"]})
    assert cloud.get(f"{s.INSTANCES}/vm")["tags"]["items"] == ["web"]


def test_an_instance_group(cloud: c.Cloud) -> None:
    cloud.done("POST", s.GROUPS, {"name": "group"})
    node = {"instances": [{"instance": f"{s.INSTANCES}/node-b".removeprefix("/compute/v1/")}]}
    cloud.done("POST", f"{s.GROUPS}/group/addInstances", node)
    shown = cloud.get(f"{s.GROUPS}/group")
    assert (shown["size"], shown["network"]) == (1, f"{s.ROOT}/{s.EDGE}")
    assert [one["status"] for one in cloud.taken("POST", f"{s.GROUPS}/group/listInstances", {})["items"]] == ["RUNNING"]
    assert cloud.ask("POST", f"{s.GROUPS}/group/addInstances", node).reason == "invalid"
    cloud.done("POST", f"{s.GROUPS}/group/removeInstances", node)
    assert cloud.get(f"{s.GROUPS}/group")["size"] == 0


def test_a_backend_bucket(cloud: c.Cloud) -> None:
    shown = cloud.make(f"{c.GLOBAL}/backendBuckets", {"name": "bucket", "bucketName": "files"})
    assert (shown["bucketName"], shown["enableCdn"], "usedBy" in shown) == ("files", False, False)
