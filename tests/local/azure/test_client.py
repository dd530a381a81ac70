"""azure-mgmt-network, unmodified, through the life of a gateway."""

from __future__ import annotations

import collections.abc
import time
from typing import Any

import pytest
from azure.core import exceptions
from azure.mgmt.network import models

from cloudgw_local import azure
from cloudgw_local.azure import server

from . import conftest as c
from . import samples

GROUP = azure.GROUP


@pytest.fixture(scope="module")
def running() -> collections.abc.Iterator[c.Cloud]:
    """A cloud whose clock runs, so that the client can wait for operations; it asks to be polled at once."""
    with server.serve(rate=1800.0) as served:
        cloud = c.connect(served)
        cloud.control.settings(retry_after=0)
        yield cloud


def test_life_of_a_gateway(running: c.Cloud) -> None:
    client: Any = running.client
    address = client.public_ip_addresses.begin_create_or_update(
        GROUP,
        "pip",
        models.PublicIPAddress(
            location="westeurope",
            sku=models.PublicIPAddressSku(name="Standard"),
            properties=models.PublicIPAddressPropertiesFormat(public_ip_allocation_method="Static"),
        ),
    ).result()
    assert address.ip_address == "203.0.113.1"

    made = client.application_gateways.begin_create_or_update(GROUP, "gw", samples.gateway()).result()
    assert (made.provisioning_state, made.operational_state) == ("Succeeded", "Running")
    assert [one.name for one in client.application_gateways.list(GROUP)] == ["gw"]
    assert [one.id for one in client.application_gateways.list_all()] == [made.id]

    made.backend_address_pools[0].backend_addresses.append({"ipAddress": "10.0.64.7"})
    poller = client.application_gateways.begin_create_or_update(GROUP, "gw", made, headers={"If-Match": made.etag})
    changed = poller.result()
    assert len(changed.backend_address_pools[0].backend_addresses) == 3
    old = {"If-Match": made.etag}
    error = c.refused(
        "PreconditionFailed", client.application_gateways.begin_create_or_update, GROUP, "gw", made, headers=old
    )
    assert error.details[0].code == "PreconditionFailedEtagMismatch"

    running.control.settings(lock_seconds=0)
    first = client.application_gateways.begin_create_or_update(GROUP, "gw", made)
    second = client.application_gateways.begin_create_or_update(GROUP, "gw", changed)
    error = c.refused("Canceled", first.result)
    assert error.details[0].code == "CanceledAndSupersededDueToAnotherOperation"
    token = second.continuation_token()
    resumed = client.application_gateways.begin_create_or_update(GROUP, "gw", made, continuation_token=token)
    assert len(resumed.result().backend_address_pools[0].backend_addresses) == 3

    deadline = time.monotonic() + 5
    states: set[str] = set()
    while states != {"Healthy"} and time.monotonic() < deadline:
        health = client.application_gateways.begin_backend_health(GROUP, "gw").result()
        servers = health.backend_address_pools[0].backend_http_settings_collection[0].servers
        states = {str(one.health) for one in servers}
    assert states == {"Healthy"}
    assert {one.address for one in servers} == {"10.0.64.5", "10.0.64.6", "10.0.64.7"}

    tagged = client.application_gateways.update_tags(GROUP, "gw", {"tags": {"a": "1"}})
    assert tagged.tags == {"a": "1"}
    client.application_gateways.begin_stop(GROUP, "gw").result()
    assert client.application_gateways.get(GROUP, "gw").operational_state == "Stopped"
    client.application_gateways.begin_start(GROUP, "gw").result()

    c.refused("PublicIPAddressCannotBeDeleted", client.public_ip_addresses.begin_delete, GROUP, "pip")
    client.application_gateways.begin_delete(GROUP, "gw").result()
    client.public_ip_addresses.begin_delete(GROUP, "pip").result()
    with pytest.raises(exceptions.ResourceNotFoundError):
        client.application_gateways.get(GROUP, "gw")
    client.application_gateways.begin_delete(GROUP, "gw").result()


def test_late_failure_reaches_the_client(running: c.Cloud) -> None:
    running.control.reset()
    running.control.settings(retry_after=0, refuse_child="^web$", refuse_mode="late")
    client: Any = running.client
    client.public_ip_addresses.begin_create_or_update(GROUP, "pip", samples.public_ip()).result()
    poller = client.application_gateways.begin_create_or_update(GROUP, "gw", samples.gateway())
    error = c.refused("ApplicationGatewayTestRefusal", poller.result)
    assert error.target.endswith("/httpListeners/web")
    assert client.application_gateways.get(GROUP, "gw").provisioning_state == "Failed"


def test_networks_and_policies(running: c.Cloud) -> None:
    running.control.reset()
    running.control.settings(retry_after=0)
    client: Any = running.client
    subnet = client.subnets.get(GROUP, "vnet-edge", "snet-appgw")
    assert (subnet.address_prefix, subnet.delegations[0].service_name) == (
        "10.0.1.0/24",
        "Microsoft.Network/applicationGateways",
    )
    assert len(list(client.subnets.list(GROUP, "vnet-edge"))) == 4
    network = client.virtual_networks.get(GROUP, "vnet-edge")
    again = client.virtual_networks.begin_create_or_update(GROUP, "vnet-edge", network).result()
    assert [one.address_prefix for one in again.subnets] == [one.address_prefix for one in network.subnets]
    made = client.subnets.begin_create_or_update(
        GROUP, "vnet-edge", "snet-new", {"properties": {"addressPrefix": "10.0.4.0/24"}}
    ).result()
    assert made.provisioning_state == "Succeeded"
    client.subnets.begin_delete(GROUP, "vnet-edge", "snet-new").result()
    assert len(list(client.subnets.list(GROUP, "vnet-edge"))) == 4
    group = client.network_security_groups.get(GROUP, "nsg-appgw")
    assert {one.source_address_prefix for one in group.security_rules} >= {"GatewayManager", "AzureLoadBalancer"}
    policy = client.web_application_firewall_policies.get(GROUP, "waf-edge")
    client.web_application_firewall_policies.create_or_update(GROUP, "waf-two", policy)
    assert len(list(client.web_application_firewall_policies.list(GROUP))) == 2
    client.web_application_firewall_policies.begin_delete(GROUP, "waf-two").result()
    assert len(list(client.web_application_firewall_policies.list_all())) == 1


def test_lists_in_pages(running: c.Cloud) -> None:
    running.control.reset()
    running.control.settings(public_ip_seconds=0, page_size=2)
    for number in range(5):
        running.ask("PUT", f"{c.NETWORK}/publicIPAddresses/p{number}", samples.public_ip())
    for listed in (running.client.public_ip_addresses.list(GROUP), running.client.public_ip_addresses.list_all()):
        assert sorted(str(one.name) for one in listed) == [f"p{number}" for number in range(5)]
