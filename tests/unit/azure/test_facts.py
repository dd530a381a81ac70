"""Subnet, zones, private address, ranges and what is left of the limits, as a listing shows them."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from cloudgw.objects import Unknown
from cloudgw.provider import Facts, Inventory
from cloudgw_azure import facts, names
from cloudgw_local import azure as local
from tests.unit.azure import edge

MARK = names.mark(edge.OWNER, "shop/edge")


def network(*prefixes: str, location: str = "westeurope", subnet: str = "snet-appgw") -> dict[str, Any]:
    properties: dict[str, Any] = {"addressPrefix": "10.0.1.0/24"}
    if prefixes:
        properties = {"addressPrefixes": list(prefixes)}
    return {
        "id": edge.NETWORK,
        "name": "vnet-edge",
        "location": location,
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.8.0.0/16", "10.0.0.0/16"]},
            "subnets": [{"name": subnet, "id": f"{edge.NETWORK}/subnets/{subnet}", "properties": properties}],
        },
    }


def standing(name: str = "gw", **more: Any) -> dict[str, Any]:
    given = {"tags": edge.tags(), **more}
    return {"id": f"{edge.SCOPE}/applicationGateways/{name}", "name": name, **edge.gateway(name, **given)}


def found(
    *gateways: dict[str, Any],
    vnet: dict[str, Any] | None = None,
    private: dict[str, list[str]] | None = None,
    owner: str = "edge",
    **spec: Any,
) -> tuple[facts.Network, Facts]:
    content = {
        "owner": edge.OWNER,
        "subscription": local.SUBSCRIPTION,
        "gateways": list(gateways),
        "networks": {edge.NETWORK.lower(): vnet or network()},
        "private_ips": private or {},
    }
    inventory = Inventory(placement=edge.PLACE, content=content)
    result = facts.facts(inventory, edge.routing(owner), edge.wanted(**spec))
    return result.values["network"], result


def test_a_new_gateway() -> None:
    network, result = found()
    assert network.subscription == local.SUBSCRIPTION
    assert (network.resource_group, network.location, network.zones) == ("rg-edge", "westeurope", ())
    assert network.subnet == edge.SUBNET
    assert network.ranges == ("10.0.0.0/16", "10.8.0.0/16")
    assert network.standing == frozenset()
    assert network.quotas == facts.QUOTAS
    assert result.notes == ()


def test_a_private_address_is_in_the_upper_half_and_of_this_name() -> None:
    seen = {name: str(found(owner=name)[0].private_ip) for name in ("edge", "web", "api")}
    assert len(set(seen.values())) == 3
    for address in seen.values():
        assert int(ipaddress.ip_address("10.0.1.129")) <= int(ipaddress.ip_address(address))
        assert int(ipaddress.ip_address(address)) <= int(ipaddress.ip_address("10.0.1.254"))
    assert found()[0].private_ip == seen["edge"]


@pytest.mark.parametrize(("prefix", "least"), [("10.0.1.0/24", 26), ("10.0.0.0/20", 30)])
def test_gateways_that_are_new_at_once_hardly_want_the_same_address(prefix: str, least: int) -> None:
    seen = {found(vnet=network(prefix), owner=f"g{number}")[0].private_ip for number in range(30)}
    assert len(seen) >= least


def test_a_taken_address_is_passed_over() -> None:
    first = str(found()[0].private_ip)
    second = found(private={edge.SUBNET.lower(): [first]})[0].private_ip
    assert second not in (first, None)
    assert second == str(ipaddress.ip_address(first) - 1) or first == "10.0.1.130"


def test_every_address_of_a_small_subnet_can_be_had() -> None:
    taken: list[str] = []
    for _ in range(11):
        address = found(vnet=network("10.0.1.0/28"), private={edge.SUBNET.lower(): taken})[0].private_ip
        assert isinstance(address, str)
        taken.append(address)
    assert sorted(taken, key=ipaddress.ip_address) == [f"10.0.1.{number}" for number in range(4, 15)]
    full, result = found(vnet=network("10.0.1.0/28"), private={edge.SUBNET.lower(): taken})
    assert isinstance(full.private_ip, Unknown)
    assert "no free IPv4" in full.private_ip.reason
    assert [note.code for note in result.notes] == ["SubnetNotUsable"]


def test_ipv6_prefixes_give_no_address() -> None:
    assert str(found(vnet=network("fd00::/64", "10.0.9.0/24"))[0].private_ip).startswith("10.0.9.")


def test_a_standing_address_stays() -> None:
    assert (
        found(standing(private="10.0.1.77"), private={edge.SUBNET.lower(): ["10.0.1.77"]})[0].private_ip == "10.0.1.77"
    )


@pytest.mark.parametrize("spec", [{"zones": ["1"]}, {"resourceGroup": "rg-other"}])
def test_a_gateway_that_is_to_be_replaced_keeps_its_address(spec: dict[str, Any]) -> None:
    """Old and new stand side by side for a while, so the new one needs another."""
    given = {"subnet": {"virtualNetwork": "vnet-edge", "name": "snet-appgw", "resourceGroup": "rg-edge"}, **spec}
    old = standing(private="10.0.1.77")
    taken = {edge.SUBNET.lower(): ["10.0.1.77"]}
    chosen = found(old, private=taken, **given)[0].private_ip
    assert isinstance(chosen, str)
    assert chosen != "10.0.1.77"
    made = standing("new", private=chosen, zones=given.get("zones", []))
    made["id"] = made["id"].replace("rg-edge", given.get("resourceGroup", "rg-edge"))
    assert found(old, made, private={edge.SUBNET.lower(): ["10.0.1.77", chosen]}, **given)[0].private_ip == chosen


def test_a_public_gateway_has_no_private_address() -> None:
    network, result = found(exposure="Public", allowedSourceRanges=["0.0.0.0/0"])
    assert network.private_ip is None
    assert result.notes == ()


def test_zones_that_nobody_names_are_as_they_stand() -> None:
    assert found(standing(zones=["3", "1"]))[0].zones == ("1", "3")
    assert found(standing(zones=["3", "1"]), zones=["2"])[0].zones == ("2",)
    assert found(standing(zones=["1"]), zones=[])[0].zones == ()


def test_the_subnet_is_spelled_as_it_stands() -> None:
    gateway = standing()
    spelled = edge.SUBNET.replace("resourceGroups", "resourcegroups")
    gateway["properties"]["gatewayIPConfigurations"][0]["properties"]["subnet"]["id"] = spelled
    assert found(gateway)[0].subnet == spelled
    assert found(subnet={"virtualNetwork": "VNET-EDGE", "name": "SNET-APPGW"})[0].subnet == edge.SUBNET


@pytest.mark.parametrize(
    ("vnet", "says"),
    [
        (network(location="northeurope"), "is in northeurope"),
        (network(subnet="other"), "has no subnet snet-appgw"),
    ],
)
def test_a_subnet_that_cannot_be_used(vnet: dict[str, Any], says: str) -> None:
    network, result = found(vnet=vnet)
    assert isinstance(network.subnet, Unknown)
    assert says in network.subnet.reason
    assert isinstance(network.private_ip, Unknown)
    assert [(note.code, note.level, note.message) for note in result.notes] == [
        ("SubnetNotUsable", "error", network.subnet.reason)
    ]
    assert network.ranges == ("10.0.0.0/16", "10.8.0.0/16")


def test_a_network_that_cannot_be_seen() -> None:
    network, result = found(subnet={"virtualNetwork": "vnet-other", "name": "snet-appgw"})
    assert isinstance(network.subnet, Unknown)
    assert isinstance(network.ranges, Unknown)
    assert "vnet-other" in network.subnet.reason
    assert "virtualNetworks/read" in network.subnet.reason
    assert len(result.notes) == 1


def test_the_subscription_of_the_credentials_where_none_is_named() -> None:
    network, _ = found(subscriptionId=None)
    assert network.subscription == local.SUBSCRIPTION
    assert network.subnet == edge.SUBNET


def state(gateway: dict[str, Any], operational: str, provisioning: str = "Succeeded") -> dict[str, Any]:
    shown = {"operationalState": operational, "provisioningState": provisioning}
    return {**gateway, "properties": {**gateway["properties"], **shown}}


def test_a_stopped_gateway_is_told_of() -> None:
    (note,) = found(state(standing(), "Stopped"))[1].notes
    assert (note.code, note.level, note.origin) == ("GatewayStopped", "warning", edge.routing().origin)
    assert "gw is stopped" in note.message
    assert found(state(standing(), "Running"))[1].notes == ()
    assert found(state(standing(), "Stopped", "Updating"))[1].notes == ()  # it is being made


def test_a_firewall_that_the_sku_does_not_take_is_told_of() -> None:
    gateway = standing()
    policy = edge.SCOPE + "/applicationGatewayWebApplicationFirewallPolicies/waf-edge"
    gateway["properties"]["firewallPolicy"] = {"id": policy}
    (note,) = found(gateway)[1].notes
    assert (note.code, note.level) == ("FirewallStands", "error")
    assert 'firewallPolicyId: ""' in note.message
    assert found(gateway, firewallPolicyId="")[1].notes == ()
    assert found(gateway, sku="WAF_v2", firewallPolicyId=policy)[1].notes == ()


def test_rules_that_stand_are_known() -> None:
    ours = names.child(MARK, "shop.cart.aaaa", "bbbbbbbbbb")
    assert found(standing(rule=ours))[0].standing == {"shop.cart.aaaa"}
    assert found(standing(rule="theirs"))[0].standing == frozenset()
    other = names.child(names.mark(edge.OWNER, "shop/other"), "shop.cart.aaaa", "bbbbbbbbbb")
    assert found(standing(rule=other))[0].standing == frozenset()
    assert found(standing(rule=ours), owner="web")[0].standing == frozenset()


def test_what_others_keep_in_the_document_counts_against_its_limits() -> None:
    gateway = standing()
    pools = gateway["properties"]["backendAddressPools"]
    pools.append({"name": names.child(MARK, "shop.cart.80", "bbbbbbbbbb", "8080h"), "properties": {}})
    quotas = found(gateway)[0].quotas
    assert quotas["pools"] == facts.QUOTAS["pools"] - 1
    assert quotas["listeners"] == facts.QUOTAS["listeners"] - 1
    assert quotas["active"] == facts.QUOTAS["active"] - 1
    assert quotas["paths"] == facts.QUOTAS["paths"]
    assert quotas["redirects"] == facts.QUOTAS["redirects"]
    rest = facts.QUOTAS["bytes"] - quotas["bytes"]
    assert 2_000 < rest < len(json.dumps(gateway["properties"]))
    many = [edge._child(f"theirs-{number}", data="x" * 1000) for number in range(3)]
    ours = {"name": names.child(MARK, "ca.aaaa", "bbbbbbbbbb"), "properties": {}}
    gateway["properties"]["trustedRootCertificates"] = [*many, ours]
    network, _ = found(gateway)
    assert network.quotas["roots"] == facts.QUOTAS["roots"] - 3
    assert network.quotas["bytes"] < quotas["bytes"] - 3_000
    assert network.roots == {"ca.aaaa"}
