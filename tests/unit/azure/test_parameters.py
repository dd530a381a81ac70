"""Every field that cannot be used is refused by its path, with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw.provider import ParametersRefused
from cloudgw_azure import parameters, shapes_front
from cloudgw_local import azure as local
from tests.unit.azure import edge, samples

POLICY = f"{edge.SCOPE}/ApplicationGatewayWebApplicationFirewallPolicies/waf-edge"
IDENTITY = edge.SCOPE.replace("Microsoft.Network", "Microsoft.ManagedIdentity/userAssignedIdentities/id-edge")


def problems(spec: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ParametersRefused) as caught:
        parameters.parse(edge.raw(**spec))
    return dict(caught.value.problems)


def test_defaults_are_closed() -> None:
    found = edge.wanted()
    assert found.exposure == "Internal"
    assert not found.public
    assert found.tls_policy == "AppGwSslPolicy20220101S"
    assert (found.sku, found.capacity, found.http2) == ("Standard_v2", (0, 10), True)
    assert (found.zones, found.firewall_policy, found.identities, found.not_found) == (None, None, None, None)
    assert found.tags == {}
    assert found.settings.deletion_budget is None
    assert str(found.settings.placement) == f"azure/{local.SUBSCRIPTION}/westeurope"
    assert found.subnet.network_id("other") == edge.NETWORK


def test_everything_given() -> None:
    found = edge.wanted(
        subnet={"virtualNetwork": "vnet", "name": "snet", "resourceGroup": "rg-net"},
        zones=["3", "1"],
        exposure="Public",
        allowedSourceRanges=["0.0.0.0/0"],
        sku="WAF_v2",
        capacity={"min": 2, "max": 20},
        tls={"policy": "AppGwSslPolicy20170401S"},
        http2=False,
        firewallPolicyId=POLICY,
        identityIds=[IDENTITY],
        notFoundBackend={"address": "10.0.64.9", "port": 8404},
        tags={"team": "shop"},
        deletionBudget=3,
    )
    assert found.exposure == "Public"
    assert found.subnet.network_id("x") == edge.NETWORK.replace("rg-edge", "rg-net").replace("vnet-edge", "vnet")
    assert found.zones == ("1", "3")
    assert (found.sku, found.capacity, found.http2) == ("WAF_v2", (2, 20), False)
    assert found.tls_policy == "AppGwSslPolicy20170401S"
    assert (found.firewall_policy, found.identities) == (POLICY.lower(), (IDENTITY.lower(),))
    assert found.not_found == ("10.0.64.9", 8404)
    assert found.tags == {"team": "shop"}
    assert found.settings.deletion_budget == 3


def test_a_whole_subnet_id() -> None:
    elsewhere = edge.SUBNET.replace(local.SUBSCRIPTION, "00000000-0000-0000-0000-000000000002")
    found = edge.wanted(subnet=None, subnetId=elsewhere)
    assert found.subnet.name == "snet-appgw"
    assert found.subnet.network_id(local.SUBSCRIPTION) == elsewhere.rpartition("/subnets/")[0]


def test_the_subscription_may_come_from_the_credentials() -> None:
    found = edge.wanted(subscriptionId=None)
    assert str(found.settings.placement) == "azure/westeurope"
    assert found.subnet.network_id(local.SUBSCRIPTION) == edge.NETWORK


def test_a_lowest_capacity_above_the_default_highest() -> None:
    assert edge.wanted(capacity={"min": 12}).capacity == (12, 12)
    assert edge.wanted(capacity={"max": 3}).capacity == (0, 3)


def test_what_is_left_out_is_not_managed_and_what_is_empty_is_none() -> None:
    assert (edge.wanted().firewall_policy, edge.wanted().identities) == (None, None)
    none = edge.wanted(firewallPolicyId="", identityIds=[])
    assert (none.firewall_policy, none.identities) == ("", ())


def test_without_its_firewall_a_gateway_becomes_a_plain_one() -> None:
    spec = samples.only(samples.made(samples.routing(), {"firewallPolicyId": "", "identityIds": []})[0], "gateway")
    assert (spec["sku"], spec["firewall_policy"], spec["identities"]) == ("Standard_v2", "", ())
    found = shapes_front.settle_gateway({"firewallPolicy": {"id": POLICY}}, spec, ("sku", "firewall_policy"))
    assert "firewallPolicy" not in found
    assert found["sku"]["tier"] == "Standard_v2"


def test_a_name_may_answer_404() -> None:
    assert edge.wanted(notFoundBackend={"address": "errors.example.com", "port": 80}).not_found == (
        "errors.example.com",
        80,
    )


@pytest.mark.parametrize(
    ("spec", "path", "says"),
    [
        ({"subscriptionId": "mine"}, "spec.subscriptionId", "00000000-"),
        ({"subscriptionId": 1}, "spec.subscriptionId", "quote"),
        ({"resourceGroup": None}, "spec.resourceGroup", "required"),
        ({"resourceGroup": "rg."}, "spec.resourceGroup", "rg-edge"),
        ({"location": None}, "spec.location", "required"),
        ({"location": "West Europe"}, "spec.location", "westeurope"),
        ({"subnet": None}, "spec.subnet", "required, or subnetId"),
        ({"subnet": "snet"}, "spec.subnet", "object"),
        ({"subnet": {"name": "s"}}, "spec.subnet.virtualNetwork", "required"),
        ({"subnet": {"virtualNetwork": "v"}}, "spec.subnet.name", "required"),
        ({"subnet": {"virtualNetwork": "v/x", "name": "s"}}, "spec.subnet.virtualNetwork", "vnet-edge"),
        ({"subnet": {"virtualNetwork": "v", "name": "s", "id": "x"}}, "spec.subnet.id", "known here: name"),
        ({"subnetId": edge.SUBNET}, "spec.subnet", "together"),
        ({"subnet": None, "subnetId": "snet-appgw"}, "spec.subnetId", "/subnets/"),
        ({"subnet": None, "subnetId": edge.NETWORK}, "spec.subnetId", "/subnets/"),
        ({"zones": ["4"]}, "spec.zones[0]", "none of"),
        ({"zones": [1]}, "spec.zones[0]", "quote"),
        ({"exposure": "public"}, "spec.exposure", "Internal, Public"),
        ({"exposure": "Public"}, "spec.allowedSourceRanges", "network security group"),
        ({"exposure": "Public", "allowedSourceRanges": ["10.0.0.0/8"]}, "spec.allowedSourceRanges", "firewall policy"),
        (
            {"exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0", "10.0.0.0/8"]},
            "spec.allowedSourceRanges",
            '["0.0.0.0/0"]',
        ),
        ({"allowedSourceRanges": ["10.0.0.0/8"]}, "spec.allowedSourceRanges", "leave it out"),
        ({"sku": "Standard"}, "spec.sku", "Standard_v2, WAF_v2"),
        ({"sku": "Basic"}, "spec.sku", "none of"),
        ({"sku": "WAF_v2"}, "spec.firewallPolicyId", "required"),
        ({"sku": "WAF_v2", "firewallPolicyId": ""}, "spec.firewallPolicyId", "required"),
        ({"firewallPolicyId": POLICY}, "spec.firewallPolicyId", "needs sku WAF_v2"),
        ({"sku": "WAF_v2", "firewallPolicyId": "waf"}, "spec.firewallPolicyId", "FirewallPolicies/<name>"),
        ({"capacity": {"min": -1}}, "spec.capacity.min", "0 to 125"),
        ({"capacity": {"min": 5, "max": 4}}, "spec.capacity.max", "less than min 5"),
        ({"capacity": {"max": 1}}, "spec.capacity.max", "2 to 125"),
        ({"capacity": {"min": 1, "max": 1}}, "spec.capacity.max", "2 to 125"),
        ({"capacity": {"max": 126}}, "spec.capacity.max", "2 to 125"),
        ({"capacity": {"max": True}}, "spec.capacity.max", "number"),
        ({"capacity": 3}, "spec.capacity", "object"),
        ({"tls": {"policy": "AppGwSslPolicy20150501"}}, "spec.tls.policy", "AppGwSslPolicy20220101S"),
        ({"tls": {"policy": "AppGwSslPolicy20170401"}}, "spec.tls.policy", "none of"),
        ({"tls": {"minVersion": "1.2"}}, "spec.tls.minVersion", "known here: policy"),
        ({"http2": "yes"}, "spec.http2", "true or false"),
        ({"identityIds": ["id-edge"]}, "spec.identityIds[0]", "userAssignedIdentities"),
        ({"identityIds": IDENTITY}, "spec.identityIds", "list"),
        ({"notFoundBackend": {"port": 80}}, "spec.notFoundBackend.address", "required"),
        ({"notFoundBackend": {"address": "10.0.0.9"}}, "spec.notFoundBackend.port", "required"),
        ({"notFoundBackend": {"address": "fd00::1", "port": 80}}, "spec.notFoundBackend.address", "IPv4"),
        ({"notFoundBackend": {"address": "10.0.0.999", "port": 80}}, "spec.notFoundBackend.address", "IPv4"),
        ({"notFoundBackend": {"address": "10.0.0.9", "port": 0}}, "spec.notFoundBackend.port", "1 to 65535"),
        ({"tags": []}, "spec.tags", "object"),
        ({"tags": {"a": 1}}, "spec.tags.a", "quote"),
        ({"tags": {"": "x"}}, "spec.tags.", "1 to 512"),
        ({"tags": {"a": "x" * 257}}, "spec.tags.a", "256"),
        ({"tags": {"shop/team": "x"}}, "spec.tags.shop/team", "may not hold"),
        ({"tags": {"Azure-x": "x"}}, "spec.tags.Azure-x", "reserved"),
        ({"tags": {"cloudgw-owner": "x"}}, "spec.tags.cloudgw-owner", "reserved"),
        ({"tags": {"Team": "x", "team": "y"}}, "spec.tags.team", "case"),
        ({"tags": {f"k{n}": "x" for n in range(21)}}, "spec.tags", "at most 20"),
        ({"deletionBudget": -1}, "spec.deletionBudget", "0 or more"),
        ({"deletionBudget": True}, "spec.deletionBudget", "number"),
        ({"loction": "westeurope"}, "spec.loction", "is not a field"),
    ],
)
def test_refusals(spec: dict[str, Any], path: str, says: str) -> None:
    found = problems(spec)
    assert path in found, found
    assert says in found[path]


def test_all_problems_at_once() -> None:
    assert len(problems({"location": "X", "exposure": "y", "zzz": 1})) == 3


def test_another_kind_is_refused() -> None:
    raw = edge.raw()
    with pytest.raises(ParametersRefused, match="GCP"):
        parameters.parse(type(raw)(meta=raw.meta, kind="GCPGatewayClassParameters", spec=raw.spec))
