"""Reserved addresses: one test per rule, through the running cloud."""

from __future__ import annotations

import pytest

from cloudgw_local import gcp

from . import conftest as c
from . import network_samples as s


def test_a_global_address(cloud: c.Cloud) -> None:
    shown = cloud.make(f"{c.GLOBAL}/addresses", {"name": "ip", "labels": {"owner": "me"}})
    made = ("creationTimestamp", "labelFingerprint", "id")
    assert {name: value for name, value in shown.items() if name not in made} == {
        "address": "203.0.113.2",
        "addressType": "EXTERNAL",
        "description": "",
        "kind": "compute#address",
        "name": "ip",
        "networkTier": "PREMIUM",
        "selfLink": f"{s.ROOT}/global/addresses/ip",
        "status": "RESERVED",
    }


def test_labels_come_by_their_own_method(cloud: c.Cloud) -> None:
    shown = cloud.make(f"{c.GLOBAL}/addresses", {"name": "ip"})
    body = {"labels": {"owner": "me"}, "labelFingerprint": shown["labelFingerprint"]}
    operation = cloud.taken("POST", f"{c.GLOBAL}/addresses/ip/setLabels", body)
    assert operation["status"] == "DONE"
    assert cloud.get(f"{c.GLOBAL}/addresses/ip")["labels"] == {"owner": "me"}


def test_addresses_differ(cloud: c.Cloud) -> None:
    shown = [cloud.make(f"{c.GLOBAL}/addresses", {"name": f"ip{index}"})["address"] for index in range(3)]
    assert shown == ["203.0.113.2", "203.0.113.3", "203.0.113.4"]
    cloud.done("DELETE", f"{c.GLOBAL}/addresses/ip1")
    assert cloud.make(f"{c.GLOBAL}/addresses", {"name": "again"})["address"] == "203.0.113.3"


def test_addresses_of_version_6(cloud: c.Cloud) -> None:
    assert cloud.make(f"{c.GLOBAL}/addresses", {"name": "ip", "ipVersion": "IPV6"})["address"] == "2001:db8::2"


def test_a_regional_external_address(cloud: c.Cloud) -> None:
    shown = cloud.make(s.ADDRESSES, {"name": "ip", "networkTier": "STANDARD"})
    assert (shown["address"], shown["networkTier"]) == ("198.51.100.2", "STANDARD")
    assert shown["region"] == f"{s.ROOT}/regions/{gcp.REGION}"


def test_standard_tier_is_regional_and_external(cloud: c.Cloud) -> None:
    s.refused(cloud, "POST", f"{c.GLOBAL}/addresses", {"name": "ip", "networkTier": "STANDARD"}, "networkTier")
    s.refused(cloud, "POST", s.ADDRESSES, s.internal(networkTier="STANDARD"), "networkTier")


@pytest.mark.parametrize(
    "more", [{"subnetwork": s.NODES}, {"purpose": "GCE_ENDPOINT"}, {"prefixLength": 24}, {"address": "203.0.113.9"}]
)
def test_what_an_external_address_may_not_hold(cloud: c.Cloud, more: s.Json) -> None:
    s.refused(cloud, "POST", s.ADDRESSES, {"name": "ip", **more}, next(iter(more)))


def test_an_internal_address(cloud: c.Cloud) -> None:
    shown = cloud.make(s.ADDRESSES, s.internal())
    assert (shown["address"], shown["purpose"]) == ("10.0.0.2", "GCE_ENDPOINT")
    assert shown["subnetwork"] == f"{s.ROOT}/{s.NODES}"


def test_an_internal_address_of_several_rules(cloud: c.Cloud) -> None:
    shown = cloud.make(s.ADDRESSES, s.internal(purpose="SHARED_LOADBALANCER_VIP", address="10.0.0.77"))
    assert (shown["address"], shown["purpose"]) == ("10.0.0.77", "SHARED_LOADBALANCER_VIP")


@pytest.mark.parametrize("address", ["10.9.0.1", "10.0.0.0", "10.0.0.1", "10.0.15.254", "10.0.15.255", "vip"])
def test_an_internal_address_lies_in_its_subnetwork(cloud: c.Cloud, address: str) -> None:
    s.refused(cloud, "POST", s.ADDRESSES, s.internal(address=address), "address")


@pytest.mark.parametrize(
    ("address", "purpose"),
    [("10.0.0.50", "GCE_ENDPOINT"), ("10.0.0.11", "SHARED_LOADBALANCER_VIP")],
    ids=["reserved", "used"],
)
def test_a_taken_internal_address_is_refused_late(cloud: c.Cloud, address: str, purpose: str) -> None:
    cloud.make(s.ADDRESSES, s.internal(address="10.0.0.50") | {"name": "first"})
    operation = cloud.end(cloud.taken("POST", s.ADDRESSES, s.internal(address=address, purpose=purpose)))
    assert operation["httpErrorStatusCode"] == 409
    assert operation["error"]["errors"] == [
        {
            "code": "IP_IN_USE_BY_ANOTHER_RESOURCE",
            "message": f"IP '{address}' is already being used by another resource.",
        }
    ]
    assert cloud.ask("GET", f"{s.ADDRESSES}/vip").status == 404


def test_an_address_in_use_can_be_reserved(cloud: c.Cloud) -> None:
    shown = cloud.make(s.ADDRESSES, s.internal(address="10.0.0.11"))
    assert (shown["status"], shown["users"]) == ("IN_USE", [f"{s.ROOT}/zones/{gcp.ZONES[0]}/instances/node-b"])


def test_an_instance_takes_a_reserved_address(cloud: c.Cloud) -> None:
    cloud.make(s.ADDRESSES, s.internal(address="10.0.0.20"))
    cloud.make(s.INSTANCES, s.instance(networkIP="10.0.0.20"))
    shown = cloud.get(f"{s.ADDRESSES}/vip")
    assert (shown["status"], shown["users"]) == ("IN_USE", [f"{s.ROOT}/zones/{gcp.ZONES[0]}/instances/vm"])
    operation = cloud.end(cloud.taken("POST", s.INSTANCES, s.instance(networkIP="10.0.0.20") | {"name": "other"}))
    assert operation["error"]["errors"][0]["code"] == "IP_IN_USE_BY_ANOTHER_RESOURCE"


def test_no_address_of_a_proxy_only_subnetwork(cloud: c.Cloud) -> None:
    body = s.internal(subnetwork=f"regions/{gcp.REGION}/subnetworks/subnet-proxy")
    s.refused(cloud, "POST", s.ADDRESSES, body, "subnetwork")


@pytest.mark.parametrize("purpose", ["VPC_PEERING", "PRIVATE_SERVICE_CONNECT", "NAT_AUTO"])
def test_purposes_of_regional_addresses(cloud: c.Cloud, purpose: str) -> None:
    s.refused(cloud, "POST", s.ADDRESSES, s.internal(purpose=purpose), "purpose")


def test_a_range_for_private_services(cloud: c.Cloud) -> None:
    body = {"name": "range", "addressType": "INTERNAL", "purpose": "VPC_PEERING", "network": s.EDGE, "prefixLength": 16}
    shown = cloud.make(f"{c.GLOBAL}/addresses", body)
    assert (shown["prefixLength"], shown["status"], shown["networkTier"]) == (16, "RESERVED", "PREMIUM")
    assert shown["address"] == "10.128.0.0"  # 10.129.0.0/23 is the proxies'
    other = cloud.make(f"{c.GLOBAL}/addresses", body | {"name": "other"})
    assert other["address"] == "10.130.0.0"


@pytest.mark.parametrize(("more", "field"), [({}, "purpose"), ({"purpose": "GCE_ENDPOINT"}, "purpose")])
def test_a_global_internal_address_has_a_purpose(cloud: c.Cloud, more: s.Json, field: str) -> None:
    s.refused(cloud, "POST", f"{c.GLOBAL}/addresses", {"name": "ip", "addressType": "INTERNAL", **more}, field)
