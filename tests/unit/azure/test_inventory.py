"""One listing: what is ours, whose health is asked for, and what a part that fails means."""

from __future__ import annotations

import collections.abc
import json
from typing import Any

import azure.core.exceptions as sdk
import pytest

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.provider import Inventory
from cloudgw_azure import facts, inventory, kinds_paths, names
from cloudgw_local import azure as local
from tests.unit.azure import edge


@pytest.fixture(scope="module")
def served() -> collections.abc.Iterator[edge.Cloud]:
    with edge.serve() as cloud:
        yield cloud


@pytest.fixture
def cloud(served: edge.Cloud) -> edge.Cloud:
    served.running.control.reset()
    return served


def put(cloud: edge.Cloud, name: str, **more: Any) -> None:
    cloud.session.write.put_gateway(local.GROUP, name, edge.gateway(name, **more))


def listed(cloud: edge.Cloud, **spec: Any) -> Inventory:
    return inventory.listing(cloud.session.read, [edge.wanted(**spec)], edge.OWNER, 7.0)


def test_an_empty_subscription(cloud: edge.Cloud) -> None:
    found = listed(cloud)
    assert found.incomplete == ()
    assert found.began == 7.0
    assert found.placement == edge.PLACE
    assert {key: found.content[key] for key in ("owner", "subscription", "gateways", "public_ips", "health")} == {
        "owner": edge.OWNER,
        "subscription": local.SUBSCRIPTION,
        "gateways": [],
        "public_ips": [],
        "health": {},
    }
    assert list(found.content["networks"]) == [edge.NETWORK.lower()]
    assert cloud.calls() == ["GET applicationGateways", "GET publicIPAddresses", "GET virtualNetworks"]


def test_only_ours_and_whole(cloud: edge.Cloud) -> None:
    put(cloud, "ours", tags=edge.tags())
    put(cloud, "foreign-a", private="10.0.1.249", tags=edge.tags(owner="prod"))
    put(cloud, "foreign-b", private="10.0.1.248")
    cloud.advance(400)
    found = listed(cloud)
    whole = cloud.session.read.gateway(local.GROUP, "ours")
    assert found.content["gateways"] == [whole]
    assert found.content["private_ips"] == {edge.SUBNET.lower(): ["10.0.1.248", "10.0.1.249", "10.0.1.250"]}
    assert "foreign" not in json.dumps(found.content)
    assert cloud.writes() == ["PUT applicationGateways"] * 3


def test_our_public_addresses(cloud: edge.Cloud) -> None:
    where = model.address("shop/edge", "azure", "public-ip", "lb")
    body = {
        "location": local.LOCATION,
        "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static"},
    }
    cloud.session.write.put_public_ip(local.GROUP, "ours", {**body, "tags": edge.tags(where)})
    cloud.session.write.put_public_ip(local.GROUP, "theirs", body)
    assert [item["name"] for item in listed(cloud).content["public_ips"]] == ["ours"]


def test_health_is_asked_for_only_where_it_decides(cloud: edge.Cloud) -> None:
    put(cloud, "one", tags=edge.tags())
    cloud.advance(400)
    assert listed(cloud).content["health"] == {}
    assert "POST applicationGateways/backendhealth" not in cloud.calls()


def test_a_warm_rule_makes_it_decide(cloud: edge.Cloud) -> None:
    put(cloud, "one", tags=edge.tags(), paths=("/shop", f"{kinds_paths.WARM_PATH}abc"))
    cloud.advance(400)
    health = listed(cloud).content["health"]
    assert list(health) == [f"{edge.SCOPE}/applicationGateways/one".lower()]
    (pools,) = (answer["backendAddressPools"] for answer in health.values())
    assert pools[0]["backendAddressPool"]["id"].endswith("/backendAddressPools/pool")


def test_a_replacement_makes_both_decide(cloud: edge.Cloud) -> None:
    """The second does not run yet: that nothing serves there is known without asking."""
    put(cloud, "one", tags=edge.tags())
    cloud.advance(400)
    put(cloud, "two", private="10.0.1.249", tags=edge.tags(suffix="bbbbbbbbbb"))
    health = listed(cloud).content["health"]
    assert len(health) == 2
    assert health[f"{edge.SCOPE}/applicationGateways/two".lower()] == {"backendAddressPools": []}
    assert health[f"{edge.SCOPE}/applicationGateways/one".lower()]["backendAddressPools"]
    cloud.advance(400)
    assert all(answer["backendAddressPools"] for answer in listed(cloud).content["health"].values())


@pytest.mark.parametrize(
    ("operation", "part"),
    [
        ("GET applicationGateways", "application gateways"),
        ("GET publicIPAddresses", "public IP addresses"),
        ("POST applicationGateways/backendhealth", "health of one"),
    ],
)
def test_a_part_that_fails_makes_it_incomplete(cloud: edge.Cloud, operation: str, part: str) -> None:
    put(cloud, "one", tags=edge.tags(), paths=(f"{kinds_paths.WARM_PATH}abc",))
    cloud.advance(400)
    cloud.running.control.fault(operation, "error", code="AuthorizationFailed", status=403, times=1)
    (reason,) = listed(cloud).incomplete
    assert reason.startswith(part)
    assert "AuthorizationFailed" in reason


@pytest.mark.parametrize(
    ("code", "status"),
    [("AuthorizationFailed", 403), ("InvalidAuthenticationTokenTenant", 401), ("InternalError", 500)],
)
def test_a_network_that_cannot_be_read_is_missed_by_its_gateways_alone(
    cloud: edge.Cloud, code: str, status: int
) -> None:
    put(cloud, "one", tags=edge.tags())
    cloud.running.control.fault("GET virtualNetworks", "error", code=code, status=status, times=1)
    found = listed(cloud)
    assert found.incomplete == ()
    assert [one["name"] for one in found.content["gateways"]] == ["one"]
    assert found.content["networks"] == {}
    (why,) = found.content["unread"].values()
    assert code in why
    network = facts.facts(found, edge.routing(), edge.wanted()).values["network"]
    assert isinstance(network.subnet, Unknown)
    assert code in network.subnet.reason
    assert "virtualNetworks/read" in network.subnet.reason


def test_a_network_of_another_subscription_is_not_looked_for_in_ours(cloud: edge.Cloud) -> None:
    elsewhere = edge.SUBNET.replace(local.SUBSCRIPTION, "00000000-0000-0000-0000-000000000002")
    spec = {"subnet": None, "subnetId": elsewhere}
    found = listed(cloud, **spec)
    assert found.incomplete == ()
    assert found.content["networks"] == {}
    network = facts.facts(found, edge.routing(), edge.wanted(**spec)).values["network"]
    assert isinstance(network.subnet, Unknown)
    assert "0002/resourceGroups" in network.subnet.reason


def test_without_credentials_there_is_no_listing(cloud: edge.Cloud) -> None:
    cloud.running.control.fault("GET applicationGateways", "error", code="ExpiredAuthenticationToken", status=401)
    with pytest.raises(sdk.ClientAuthenticationError):
        listed(cloud)
    cloud.running.control.clear_faults()


def test_of_a_network_only_what_facts_need(cloud: edge.Cloud) -> None:
    (network,) = listed(cloud).content["networks"].values()
    assert network["properties"]["addressSpace"]["addressPrefixes"] == ["10.0.0.0/16"]
    assert network["properties"]["subnets"][0] == {
        "id": edge.SUBNET,
        "name": "snet-appgw",
        "properties": {"addressPrefix": "10.0.1.0/24"},
    }


def test_a_network_that_does_not_exist_is_no_reason(cloud: edge.Cloud) -> None:
    found = listed(cloud, subnet={"virtualNetwork": "vnet-other", "name": "s"})
    assert found.incomplete == ()
    assert found.content["networks"] == {}


def test_the_listing_can_be_saved(cloud: edge.Cloud) -> None:
    put(cloud, "one", tags=edge.tags())
    cloud.advance(400)
    content = listed(cloud).content
    assert json.loads(json.dumps(content)) == content


def test_the_warm_path_is_one_that_nobody_asks_for() -> None:
    document = edge.gateway(tags=names.tags_of(edge.OWNER, edge.GATEWAY, "aaaaaaaaaa", {}))
    assert inventory.deciding([document], edge.OWNER) == []
    assert list(inventory.paths(document)) == ["/shop"]
