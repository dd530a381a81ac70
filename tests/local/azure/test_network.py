"""Public IPs, networks, security groups, identities and WAF policies; what gateways ask of them and hold of them."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_local.azure import schema

from . import conftest as c
from . import samples

NETWORK_PATH = f"{c.NETWORK}/virtualNetworks/vnet-edge"
SUBNET_PATH = f"{NETWORK_PATH}/subnets/snet-appgw"
POLICY_PATH = f"{c.NETWORK}/applicationGatewayWebApplicationFirewallPolicies/waf-edge"
IDENTITY_PATH = f"{c.SCOPE}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
MODELS = {
    "publicIPAddresses": "PublicIPAddress",
    "virtualNetworks": "VirtualNetwork",
    "networkSecurityGroups": "NetworkSecurityGroup",
    "applicationGatewayWebApplicationFirewallPolicies": "WebApplicationFirewallPolicy",
    "applicationGateways": "ApplicationGateway",
}


@pytest.mark.parametrize("document", [samples.gateway, samples.whole])
def test_answers_conform_to_the_schema(cloud: c.Cloud, document: Any) -> None:
    cloud.gateway(document())
    for path, model in MODELS.items():
        listed = cloud.get(f"{c.NETWORK}/{path}")["value"]
        assert listed
        for one in listed:
            schema.check(model, one)
            assert cloud.get(one["id"]) == one
    for one in cloud.get(f"{NETWORK_PATH}/subnets")["value"]:
        schema.check("Subnet", one)
        assert cloud.get(one["id"]) == one


def test_what_is_read_may_be_put_back(cloud: c.Cloud) -> None:
    cloud.gateway()
    before = cloud.control.dump()
    for kind in ("publicIPAddresses", "networkSecurityGroups", "virtualNetworks", "applicationGateways"):
        for one in cloud.get(f"{c.NETWORK}/{kind}")["value"]:
            answer = cloud.ask("PUT", one["id"], one)
            assert answer.status == 200, answer.body
            cloud.control.advance(45)
    assert cloud.control.dump() == before


def test_start_world(cloud: c.Cloud) -> None:
    subnets = {one["name"]: one["properties"] for one in cloud.get(NETWORK_PATH)["properties"]["subnets"]}
    assert {name: one["addressPrefix"] for name, one in subnets.items()} == {
        "snet-appgw": "10.0.1.0/24",
        "snet-appgw-two": "10.0.2.0/24",
        "snet-closed": "10.0.3.0/24",
        "snet-pods": "10.0.64.0/18",
    }
    groups = {name: one.get("networkSecurityGroup", {}).get("id", "") for name, one in subnets.items()}
    assert groups["snet-appgw"] == groups["snet-appgw-two"] == f"{c.NETWORK}/networkSecurityGroups/nsg-appgw"
    assert groups["snet-closed"] == f"{c.NETWORK}/networkSecurityGroups/nsg-closed"
    identity = cloud.ask("GET", f"{IDENTITY_PATH}/id-edge", version="2023-01-31").body
    assert set(identity["properties"]) == {"tenantId", "principalId", "clientId"}
    assert cloud.get(POLICY_PATH)["properties"]["provisioningState"] == "Succeeded"


def test_public_ip(cloud: c.Cloud) -> None:
    made = cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip(dnsSettings={"domainNameLabel": "edge"}))
    assert (made.status, made.body["properties"]["provisioningState"]) == (201, "Updating")
    assert "ipAddress" not in cloud.get(c.PUBLIC_IP)["properties"]
    cloud.control.advance(4)
    shown = cloud.get(c.PUBLIC_IP)["properties"]
    assert shown["ipAddress"] == "203.0.113.1"
    assert shown["dnsSettings"]["fqdn"] == "edge.westeurope.cloudapp.azure.com"
    cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip(idleTimeoutInMinutes=10))
    cloud.control.advance(4)
    assert cloud.get(c.PUBLIC_IP)["properties"]["ipAddress"] == "203.0.113.1"
    cloud.ask("DELETE", c.PUBLIC_IP)
    cloud.control.advance(4)
    cloud.public_ip()
    assert cloud.get(c.PUBLIC_IP)["properties"]["ipAddress"] == "203.0.113.2"
    cloud.public_ip("six", publicIPAddressVersion="IPv6")
    assert cloud.get(f"{c.NETWORK}/publicIPAddresses/six")["properties"]["ipAddress"] == "2001:db8::3"


def test_addresses_run_out(cloud: c.Cloud) -> None:
    cloud.control.settings(public_ip_seconds=0)
    for number in range(254):
        cloud.ask("PUT", f"{c.NETWORK}/publicIPAddresses/p{number}", samples.public_ip())
    listed = cloud.get(f"{c.NETWORK}/publicIPAddresses")["value"]
    assert len({one["properties"]["ipAddress"] for one in listed}) == 254
    full = cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip())
    assert (full.code, cloud.ask("GET", c.PUBLIC_IP).status) == ("PublicIPCountLimitReached", 404)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sku": {"name": "Basic"}}, "IPv4BasicSkuPublicIpCountLimitReached"),
        ({"sku": None}, "IPv4BasicSkuPublicIpCountLimitReached"),
        ({"properties": {}}, "StandardSkuPublicIPAddressesMustBeStatic"),
        ({"properties": {"publicIPAllocationMethod": "Dynamic"}}, "StandardSkuPublicIPAddressesMustBeStatic"),
        (samples.public_ip(dnsSettings={"domainNameLabel": "Edge_1"}), "InvalidDomainNameLabel"),
        (samples.public_ip(dnsSettings={"domainNameLabel": "taken"}), "DnsRecordInUse"),
        (samples.public_ip(publicIPAddressVersion="IPv6"), "PropertyChangeNotAllowed"),
        ({"sku": {"name": "nonsense"}}, "InvalidRequestFormat"),
    ],
)
def test_refused_public_ips(cloud: c.Cloud, change: dict[str, Any], code: str) -> None:
    cloud.public_ip("other", dnsSettings={"domainNameLabel": "taken"})
    cloud.public_ip()
    answer = cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip() | change)
    assert (answer.status, answer.code) == (400, code)


def test_a_gateway_holds_its_public_ip_and_subnet(cloud: c.Cloud) -> None:
    cloud.gateway()
    frontend = f"{c.GATEWAY}/frontendIPConfigurations/public"
    assert cloud.get(c.PUBLIC_IP)["properties"]["ipConfiguration"] == {"id": frontend}
    assert cloud.get(SUBNET_PATH)["properties"]["applicationGatewayIPConfigurations"] == [
        {"id": f"{c.GATEWAY}/gatewayIPConfigurations/gwip"}
    ]
    held = cloud.ask("DELETE", c.PUBLIC_IP)
    assert (held.status, held.code) == (400, "PublicIPAddressCannotBeDeleted")
    assert frontend in held.body["error"]["message"]
    assert cloud.ask("DELETE", SUBNET_PATH).code == "InUseSubnetCannotBeDeleted"
    assert cloud.ask("DELETE", NETWORK_PATH).code == "InUseSubnetCannotBeDeleted"
    without = cloud.get(NETWORK_PATH)
    without["properties"]["subnets"] = without["properties"]["subnets"][1:]
    assert cloud.ask("PUT", NETWORK_PATH, without).code == "InUseSubnetCannotBeDeleted"
    cloud.ask("DELETE", c.GATEWAY)
    assert cloud.ask("DELETE", c.PUBLIC_IP).code == "PublicIPAddressCannotBeDeleted"
    cloud.control.advance(90)
    assert cloud.ask("DELETE", c.PUBLIC_IP).status == 202


def test_a_public_ip_is_held_until_the_data_plane_lets_it_go(cloud: c.Cloud) -> None:
    cloud.gateway()
    cloud.public_ip("other")
    cloud.put(samples.gateway(public_ip="other"))
    for name in ("pip", "other"):
        assert cloud.ask("DELETE", f"{c.NETWORK}/publicIPAddresses/{name}").code == "PublicIPAddressCannotBeDeleted"
    cloud.control.advance(45)
    assert cloud.ask("DELETE", c.PUBLIC_IP).status == 202


def test_what_a_gateway_names_must_be_ready(cloud: c.Cloud) -> None:
    cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip())
    early = cloud.put()
    assert (early.status, early.code) == (429, "ReferencedResourceNotProvisioned")
    assert "Retry-After" in early.headers
    cloud.control.advance(4)
    cloud.ask("PUT", SUBNET_PATH, cloud.get(SUBNET_PATH))
    early = cloud.put()
    assert (early.status, early.code) == (429, "ReferencedResourceNotProvisioned")
    assert "PutSubnetOperation" in early.body["error"]["message"]
    cloud.control.advance(4)
    assert cloud.put().status == 201


def test_what_lies_in_another_region_does_not_exist(cloud: c.Cloud) -> None:
    cloud.ask("PUT", c.PUBLIC_IP, samples.public_ip() | {"location": "eastus"})
    cloud.control.advance(4)
    answer = cloud.put()
    assert (answer.status, answer.code) == (400, "InvalidResourceReference")
    assert c.PUBLIC_IP in answer.body["error"]["message"]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("10.0.2.9", "PrivateIPAddressNotInSubnet"),
        ("10.0.1.0", "PrivateIPAddressInReservedRange"),
        ("10.0.1.3", "PrivateIPAddressInReservedRange"),
        ("10.0.1.255", "PrivateIPAddressInReservedRange"),
        ("10.0.1.10", "PrivateIPAddressIsAllocated"),
        ("10.0.1.11", ""),
    ],
)
def test_private_frontends(cloud: c.Cloud, address: str, code: str) -> None:
    def with_private(name: str, public_ip: str, address: str) -> dict[str, Any]:
        document = samples.gateway(name, public_ip=public_ip)
        document["properties"]["frontendIPConfigurations"].append(
            samples.child(
                "private",
                subnet={"id": samples.SUBNET},
                privateIPAddress=address,
                privateIPAllocationMethod="Static",
            )
        )
        return document

    cloud.public_ip("other")
    assert cloud.put(with_private("other", "other", "10.0.1.10"), name="other").status == 201
    cloud.public_ip()
    answer = cloud.put(with_private("gw", "pip", address))
    if code:
        assert (answer.status, answer.code) == (400, code)
        assert answer.body["error"]["target"] == f"{c.GATEWAY}/frontendIPConfigurations/private"
    else:
        assert answer.status == 201, answer.body
        used = cloud.get(SUBNET_PATH)["properties"]["ipConfigurations"]
        assert {"id": f"{c.GATEWAY}/frontendIPConfigurations/private"} in used


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"addressPrefix": "10.0.1.128/25"}, "NetcfgSubnetRangesOverlap"),
        ({"addressPrefix": "10.1.0.0/24"}, "NetcfgInvalidSubnet"),
        ({"addressPrefix": "nonsense"}, "InvalidCIDRNotation"),
        ({}, "InvalidCIDRNotation"),
        (
            {"addressPrefix": "10.0.9.0/24", "networkSecurityGroup": {"id": f"{c.NETWORK}/networkSecurityGroups/x"}},
            "InvalidResourceReference",
        ),
        ({"addressPrefix": "10.0.9.0/24", "nonsense": 1}, "InvalidRequestFormat"),
    ],
)
def test_refused_subnets(cloud: c.Cloud, properties: dict[str, Any], code: str) -> None:
    answer = cloud.ask("PUT", f"{NETWORK_PATH}/subnets/extra", {"properties": properties})
    assert (answer.status, answer.code) == (400, code)
    assert len(cloud.get(f"{NETWORK_PATH}/subnets")["value"]) == 4


def test_subnets(cloud: c.Cloud) -> None:
    path = f"{NETWORK_PATH}/subnets/extra"
    made = cloud.ask("PUT", path, {"properties": {"addressPrefixes": ["10.0.9.0/24"]}})
    assert (made.status, made.body["id"]) == (201, path)
    busy = cloud.ask("PUT", f"{NETWORK_PATH}/subnets/more", {"properties": {"addressPrefix": "10.0.10.0/24"}})
    assert (busy.status, busy.code) == (429, "RetryableError")
    assert "PutSubnetOperation" in busy.body["error"]["details"][0]["message"]
    cloud.control.advance(4)
    assert cloud.state(path) == "Succeeded"
    assert cloud.ask("PUT", path, {"properties": {"addressPrefix": "10.0.10.0/24"}}).status == 200
    cloud.control.advance(4)
    assert cloud.ask("DELETE", path).status == 202
    assert cloud.state(path) == "Updating"
    cloud.control.advance(4)
    assert cloud.ask("GET", path).code == "NotFound"
    assert cloud.ask("DELETE", path).status == 204
    orphan = f"{c.NETWORK}/virtualNetworks/none/subnets/x"
    assert cloud.ask("PUT", orphan, {"properties": {}}).code == "ParentResourceNotFound"


def test_networks(cloud: c.Cloud) -> None:
    path = f"{c.NETWORK}/virtualNetworks/two"
    empty = cloud.ask("PUT", path, {"location": "westeurope"})
    assert (empty.status, empty.code) == (400, "AddressSpaceEmpty")
    space = {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}}
    assert cloud.ask("PUT", path, {"location": "westeurope", "properties": space}).status == 201
    cloud.control.advance(4)
    assert cloud.get(path)["properties"]["subnets"] == []
    cloud.ask("DELETE", path)
    cloud.control.advance(4)
    assert cloud.ask("GET", path).code == "ResourceNotFound"


def test_security_groups(cloud: c.Cloud) -> None:
    path = f"{c.NETWORK}/networkSecurityGroups/two"
    assert cloud.ask("PUT", path, {"location": "westeurope"}).status == 201
    cloud.control.advance(4)
    assert cloud.get(path)["properties"]["securityRules"] == []
    used = cloud.ask("DELETE", f"{c.NETWORK}/networkSecurityGroups/nsg-appgw")
    assert (used.status, used.code) == (400, "InUseNetworkSecurityGroupCannotBeDeleted")
    assert cloud.ask("DELETE", path).status == 202


def test_identities(cloud: c.Cloud) -> None:
    path, version = f"{IDENTITY_PATH}/two", "2023-01-31"
    made = cloud.ask("PUT", path, {"location": "westeurope", "tags": {"a": "1"}}, version=version)
    assert (made.status, made.body["type"]) == (201, "Microsoft.ManagedIdentity/userAssignedIdentities")
    again = cloud.ask("PUT", path, {"location": "westeurope"}, version=version)
    assert (again.status, again.body["properties"]) == (200, made.body["properties"])
    assert cloud.ask("GET", path, version=version).body == again.body
    assert len(cloud.ask("GET", IDENTITY_PATH, version=version).body["value"]) == 2
    assert cloud.ask("GET", path).code == "InvalidApiVersionParameter"
    assert cloud.ask("DELETE", path, version=version).status == 200
    assert cloud.ask("GET", path, version=version).code == "ResourceNotFound"


def test_an_identity_may_lie_in_another_region(cloud: c.Cloud) -> None:
    path = f"{IDENTITY_PATH}/far"
    cloud.ask("PUT", path, {"location": "eastus"}, version="2023-01-31")
    document = samples.whole()
    document["identity"]["userAssignedIdentities"] = {path: {}}
    cloud.gateway(document)
    assert cloud.state() == "Succeeded"


def test_a_waf_policy_in_use(cloud: c.Cloud) -> None:
    document = samples.gateway()
    document["properties"]["sku"] = {"name": "WAF_v2", "tier": "WAF_v2"}
    document["properties"]["firewallPolicy"] = {"id": samples.WAF_POLICY}
    cloud.gateway(document)
    assert cloud.get(POLICY_PATH)["properties"]["applicationGateways"] == [{"id": c.GATEWAY}]
    used = cloud.ask("DELETE", POLICY_PATH)
    assert (used.status, used.code) == (400, "ApplicationGatewayFirewallPolicyCannotBeDeletedWhenInUse")
    made = cloud.ask("PUT", POLICY_PATH.replace("waf-edge", "two"), cloud.get(POLICY_PATH))
    assert made.status == 201, made.body
    assert (made.status, made.body["properties"]["provisioningState"]) == (201, "Succeeded")


def test_gateways_see_each_other_in_a_subnet(cloud: c.Cloud) -> None:
    """A second gateway may share the subnet, but not the public IP."""
    cloud.gateway()
    taken = cloud.put(samples.gateway("two"), name="two")
    assert taken.status == 400, taken.body
    cloud.public_ip("other")
    assert cloud.put(samples.gateway("two", public_ip="other"), name="two").status == 201
