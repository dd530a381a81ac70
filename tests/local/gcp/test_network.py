"""Networks and subnetworks: one test per rule, through the running cloud."""

from __future__ import annotations

import pytest

from cloudgw_local import gcp

from . import conftest as c
from . import network_samples as s


def test_a_network_as_it_is_shown(cloud: c.Cloud) -> None:
    shown = cloud.make(s.NETWORKS, {"name": "net", "autoCreateSubnetworks": False})
    link = f"{s.ROOT}/global/networks/net"
    assert shown == {
        "autoCreateSubnetworks": False,
        "creationTimestamp": shown["creationTimestamp"],
        "id": shown["id"],
        "kind": "compute#network",
        "name": "net",
        "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL",
        "routingConfig": {"bgpBestPathSelectionMode": "LEGACY", "routingMode": "REGIONAL"},
        "selfLink": link,
        "selfLinkWithId": f"{s.ROOT}/global/networks/{shown['id']}",
    }


def test_a_network_shows_its_subnetworks(cloud: c.Cloud) -> None:
    assert cloud.get(f"{s.NETWORKS}/{gcp.NETWORK}")["subnetworks"] == [
        f"{s.ROOT}/regions/europe-west1/subnetworks/subnet-nodes",
        f"{s.ROOT}/regions/europe-west1/subnetworks/subnet-proxy",
    ]


def test_no_legacy_networks(cloud: c.Cloud) -> None:
    s.refused(cloud, "POST", s.NETWORKS, {"name": "old"}, "IPv4Range")


def test_the_mtu_is_bounded(cloud: c.Cloud) -> None:
    s.refused(cloud, "POST", s.NETWORKS, {"name": "net", "autoCreateSubnetworks": False, "mtu": 9000}, "mtu")


def test_the_mode_of_a_network_is_fixed(cloud: c.Cloud) -> None:
    s.refused(cloud, "PATCH", f"{s.NETWORKS}/{gcp.NETWORK}", {"autoCreateSubnetworks": True}, "autoCreateSubnetworks")


def test_routing_can_be_patched(cloud: c.Cloud) -> None:
    cloud.done("PATCH", f"{s.NETWORKS}/{gcp.NETWORK}", {"routingConfig": {"routingMode": "GLOBAL"}})
    assert cloud.get(f"{s.NETWORKS}/{gcp.NETWORK}")["routingConfig"]["routingMode"] == "GLOBAL"


def test_a_network_in_use_is_not_deleted_late(cloud: c.Cloud) -> None:
    operation = cloud.end(cloud.taken("DELETE", f"{s.NETWORKS}/net-closed"))
    assert operation["httpErrorStatusCode"] == 400
    assert operation["error"]["errors"][0]["code"] == "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"


# Subnetworks


def test_a_subnetwork_as_it_is_shown(cloud: c.Cloud) -> None:
    shown = cloud.make(s.SUBNETS, s.subnetwork())
    made = ("creationTimestamp", "fingerprint", "id")
    assert {name: value for name, value in shown.items() if name not in made} == {
        "allowSubnetCidrRoutesOverlap": False,
        "enableFlowLogs": False,
        "gatewayAddress": "10.20.0.1",
        "ipCidrRange": "10.20.0.0/24",
        "kind": "compute#subnetwork",
        "logConfig": {"enable": False},
        "name": "sub",
        "network": f"{s.ROOT}/{s.EDGE}",
        "privateIpGoogleAccess": False,
        "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
        "purpose": "PRIVATE",
        "region": f"{s.ROOT}/regions/{gcp.REGION}",
        "selfLink": f"{s.ROOT}/regions/{gcp.REGION}/subnetworks/sub",
        "stackType": "IPV4_ONLY",
    }


@pytest.mark.parametrize("member", ["network", "ipCidrRange"])
def test_a_subnetwork_needs_a_network_and_a_range(cloud: c.Cloud, member: str) -> None:
    reply = cloud.ask("POST", s.SUBNETS, {name: value for name, value in s.subnetwork().items() if name != member})
    assert (reply.status, reply.reason) == (400, "required")
    assert f"'resource.{member}'" in reply.message


@pytest.mark.parametrize("block", ["10.20.0.1/24", "10.20.0.0", "ten", "10.20.0.0/33", ""])
def test_a_range_is_a_range(cloud: c.Cloud, block: str) -> None:
    body = s.subnetwork(secondaryIpRanges=[{"rangeName": "more", "ipCidrRange": block}])
    why = s.refused(cloud, "POST", s.SUBNETS, body, "secondaryIpRanges[0].ipCidrRange")
    assert why == "Must be a CIDR address range."


@pytest.mark.parametrize("block", ["10.0.0.0/20", "10.0.65.0/24", "10.1.0.0/16", "10.129.1.0/24"])
def test_ranges_do_not_meet_in_a_network(cloud: c.Cloud, block: str) -> None:
    why = s.refused(cloud, "POST", s.SUBNETS, s.subnetwork(block=block), "ipCidrRange")
    assert why.startswith(f"Invalid IPCidrRange: {block} conflicts with existing subnetwork 'subnet-")
    assert why.endswith("in region 'europe-west1'.")


def test_ranges_do_not_meet_in_a_subnetwork(cloud: c.Cloud) -> None:
    body = s.subnetwork(secondaryIpRanges=[{"rangeName": "more", "ipCidrRange": "10.20.0.128/25"}])
    s.refused(cloud, "POST", s.SUBNETS, body, "ipCidrRange")


def test_ranges_of_another_network_may_meet(cloud: c.Cloud) -> None:
    body = s.subnetwork(block="10.0.0.0/20") | {"network": "global/networks/net-closed"}
    assert cloud.make(s.SUBNETS, body)["ipCidrRange"] == "10.0.0.0/20"


def test_a_range_is_large_enough(cloud: c.Cloud) -> None:
    s.refused(cloud, "POST", s.SUBNETS, s.subnetwork(block="10.20.0.0/30"), "ipCidrRange")
    s.refused(cloud, "POST", s.SUBNETS, s.proxy_only(block="10.20.0.0/27"), "ipCidrRange")


def test_names_of_secondary_ranges_are_unique(cloud: c.Cloud) -> None:
    ranges = [{"rangeName": "more", "ipCidrRange": f"10.2{index}.0.0/24"} for index in (1, 2)]
    body = s.subnetwork(secondaryIpRanges=ranges)
    s.refused(cloud, "POST", s.SUBNETS, body, "secondaryIpRanges[1].rangeName")
    del ranges[0]["rangeName"]
    s.refused(cloud, "POST", s.SUBNETS, body, "secondaryIpRanges[0].rangeName")


def test_the_range_of_auto_mode_is_kept_free(cloud: c.Cloud) -> None:
    body = s.subnetwork(block="10.200.0.0/20") | {"network": "global/networks/default"}
    why = s.refused(cloud, "POST", s.SUBNETS, body, "ipCidrRange")
    assert why == "Extended subnetworks in auto subnet mode networks cannot overlap with 10.128.0.0/9."
    assert cloud.make(s.SUBNETS, body | {"ipCidrRange": "10.40.0.0/20"})["purpose"] == "PRIVATE"


def test_a_proxy_only_subnetwork(cloud: c.Cloud) -> None:
    shown = cloud.make(s.SUBNETS, s.proxy_only())
    assert (shown["purpose"], shown["role"], shown["state"]) == ("REGIONAL_MANAGED_PROXY", "ACTIVE", "READY")
    assert "logConfig" not in shown


def test_a_proxy_only_subnetwork_needs_a_role(cloud: c.Cloud) -> None:
    body = s.proxy_only()
    del body["role"]
    why = s.refused(cloud, "POST", s.SUBNETS, body, "role")
    assert why == "Subnetwork role must be specified when purpose set to REGIONAL_MANAGED_PROXY."


def test_other_subnetworks_have_no_role(cloud: c.Cloud) -> None:
    s.refused(cloud, "POST", s.SUBNETS, s.subnetwork(role="ACTIVE"), "role")


@pytest.mark.parametrize(
    "more",
    [
        {"logConfig": {"enable": False}},
        {"privateIpGoogleAccess": False},
        {"secondaryIpRanges": [{"rangeName": "more", "ipCidrRange": "10.31.0.0/24"}]},
    ],
)
def test_what_a_proxy_only_subnetwork_may_not_hold(cloud: c.Cloud, more: s.Json) -> None:
    why = s.refused(cloud, "POST", s.SUBNETS, s.proxy_only(**more), next(iter(more)))
    assert why == "Invalid field set in subnetwork with purpose REGIONAL_MANAGED_PROXY."


def test_one_active_proxy_only_subnetwork_per_region_and_network(cloud: c.Cloud) -> None:
    here = s.proxy_only() | {"network": s.EDGE}
    assert "'subnet-proxy'" in s.refused(cloud, "POST", s.SUBNETS, here, "role")
    assert cloud.make(s.SUBNETS, here | {"role": "BACKUP"})["role"] == "BACKUP"
    elsewhere = here | {"ipCidrRange": "10.31.0.0/24"}
    assert cloud.make(f"{c.PROJECT}/regions/europe-west4/subnetworks", elsewhere)["role"] == "ACTIVE"


@pytest.mark.parametrize(
    "change", [{"ipCidrRange": "10.0.0.0/19"}, {"purpose": "PRIVATE_NAT"}, {"network": "global/networks/default"}]
)
def test_what_a_subnetwork_cannot_change(cloud: c.Cloud, change: s.Json) -> None:
    current = cloud.get(f"{s.SUBNETS}/subnet-nodes")
    body = change | {"fingerprint": current["fingerprint"]}
    s.refused(cloud, "PATCH", f"{s.SUBNETS}/subnet-nodes", body, next(iter(change)))


def test_secondary_ranges_can_be_patched(cloud: c.Cloud) -> None:
    shown = cloud.make(s.SUBNETS, s.subnetwork())
    ranges = [{"rangeName": "more", "ipCidrRange": "10.21.0.0/24"}]
    cloud.done("PATCH", f"{s.SUBNETS}/sub", {"secondaryIpRanges": ranges, "fingerprint": shown["fingerprint"]})
    assert cloud.get(f"{s.SUBNETS}/sub")["secondaryIpRanges"] == ranges


def test_a_range_can_only_grow(cloud: c.Cloud) -> None:
    cloud.make(s.SUBNETS, s.subnetwork())
    path = f"{s.SUBNETS}/sub/expandIpCidrRange"
    for block in ("10.20.0.0/25", "10.20.0.0/24", "10.24.0.0/23"):
        s.refused(cloud, "POST", path, {"ipCidrRange": block}, "ipCidrRange")
    cloud.done("POST", path, {"ipCidrRange": "10.20.0.0/23"})
    assert cloud.get(f"{s.SUBNETS}/sub")["ipCidrRange"] == "10.20.0.0/23"


def test_access_to_google_is_set_by_its_own_method(cloud: c.Cloud) -> None:
    cloud.done("POST", f"{s.SUBNETS}/subnet-nodes/setPrivateIpGoogleAccess", {"privateIpGoogleAccess": True})
    assert cloud.get(f"{s.SUBNETS}/subnet-nodes")["privateIpGoogleAccess"] is True
