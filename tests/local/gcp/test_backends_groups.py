"""Zonal endpoint groups and their endpoints: what they take, what is refused, pages, and what is a belief."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_local.gcp import server

from . import conftest, samples
from .balancers import refused
from .conftest import Cloud
from .samples import ZONE, Json

NEG = f"{ZONE}/networkEndpointGroups/neg"
ELSEWHERE = samples.link("regions/europe-west4", "subnetworks", "default")


def test_a_group_shows_its_size_and_not_its_endpoints(cloud: Cloud) -> None:
    made = cloud.make(f"{ZONE}/networkEndpointGroups", samples.group())
    assert made["size"] == 0
    assert made["zone"].endswith(f"/{ZONE}")
    assert made["defaultPort"] == 8080
    cloud.done("POST", f"{NEG}/attachNetworkEndpoints", samples.endpoints(samples.endpoint(5)))
    after = cloud.get(NEG)
    assert after["size"] == 1
    assert not [name for name in after if name.startswith("_")]


def test_a_group_never_changes(cloud: Cloud) -> None:
    cloud.make(f"{ZONE}/networkEndpointGroups", samples.group())
    assert cloud.ask("PATCH", NEG, {"description": "new"}).status == 404
    assert cloud.ask("PUT", NEG, samples.group()).status == 404


def test_the_subnetwork_says_the_network(cloud: Cloud) -> None:
    made = cloud.make(f"{ZONE}/networkEndpointGroups", samples.group(network=None))
    assert made["network"] == samples.NETWORK
    auto = cloud.make(f"{ZONE}/networkEndpointGroups", {"name": "auto", "networkEndpointType": "GCE_VM_IP_PORT"})
    assert auto["network"].endswith("/global/networks/default")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"networkEndpointType": "SERVERLESS"}, "resource.networkEndpointType"),
        ({"networkEndpointType": "GCE_VM_IP"}, "resource.defaultPort"),
        ({"networkEndpointType": "NON_GCP_PRIVATE_IP_PORT"}, "resource.subnetwork"),
        ({"defaultPort": 0}, "resource.defaultPort"),
        ({"network": samples.CLOSED}, "resource.subnetwork"),
        ({"subnetwork": None}, "resource.subnetwork"),
        ({"network": None, "subnetwork": ELSEWHERE}, "resource.subnetwork"),
    ],
)
def test_a_bad_group_is_refused(cloud: Cloud, change: Json, field: str) -> None:
    refused(cloud.ask("POST", f"{ZONE}/networkEndpointGroups", samples.group() | change), field)


def listed(cloud: Cloud, **query: Any) -> list[Json]:
    answer = cloud.taken("POST", f"{NEG}/listNetworkEndpoints", {}, **query)
    return [one["networkEndpoint"] for one in answer.get("items", [])]


def test_endpoints_take_the_port_and_the_address_that_they_leave_out(cloud: Cloud) -> None:
    cloud.make(f"{ZONE}/networkEndpointGroups", samples.group())
    url = samples.link(ZONE, "instances", "node-b")
    cloud.done("POST", f"{NEG}/attachNetworkEndpoints", samples.endpoints({"instance": url}))
    assert listed(cloud) == [{"instance": "node-b", "ipAddress": "10.0.0.11", "port": 8080}]
    cloud.done("POST", f"{NEG}/detachNetworkEndpoints", samples.endpoints({"instance": "node-b"}))
    assert listed(cloud) == []


@pytest.mark.parametrize(
    ("given", "field", "why"),
    [
        ({"instance": "node-x", "ipAddress": "10.0.64.5"}, "resource.instance", "Couldn't find instance"),
        ({"instance": "node-c", "ipAddress": "10.0.80.5"}, "resource.instance", "Couldn't find instance"),
        ({"instance": "node-b", "ipAddress": "10.0.80.5"}, "resource.ipAddress", "doesn't belong to the (sub)network"),
        ({"instance": "node-b", "ipAddress": "pod"}, "resource.ipAddress", ""),
        ({"instance": "node-b", "port": 0}, "resource.port", ""),
    ],
)
def test_a_bad_endpoint_is_refused_and_nothing_attached(cloud: Cloud, given: Json, field: str, why: str) -> None:
    cloud.make(f"{ZONE}/networkEndpointGroups", samples.group())
    body = samples.endpoints(samples.endpoint(5), given)
    refused(cloud.ask("POST", f"{NEG}/attachNetworkEndpoints", body), field, why=why)
    assert listed(cloud) == []


def test_an_endpoint_needs_instance_and_port(cloud: Cloud) -> None:
    cloud.make(f"{ZONE}/networkEndpointGroups", samples.group(defaultPort=None))
    path = f"{NEG}/attachNetworkEndpoints"
    body = samples.endpoints({"ipAddress": "10.0.64.5", "port": 1})
    refused(cloud.ask("POST", path, body), "resource.instance", reason="required")
    body = samples.endpoints(samples.endpoint(5, port=None))
    refused(cloud.ask("POST", path, body), "resource.port", reason="required")
    refused(cloud.ask("POST", path, {}), "resource.networkEndpoints", reason="required")


def test_batches_are_of_five_hundred_and_groups_of_ten_thousand(cloud: Cloud) -> None:
    cloud.make(f"{ZONE}/networkEndpointGroups", samples.group())
    path = f"{NEG}/attachNetworkEndpoints"
    many = [{"instance": "node-b", "ipAddress": "10.0.64.5", "port": 1 + port} for port in range(10_001)]
    refused(cloud.ask("POST", path, samples.endpoints(*many[:501])), "resource.networkEndpoints")
    for begin in range(0, 10_000, 500):
        cloud.taken("POST", path, samples.endpoints(*many[begin : begin + 500]))
    refused(cloud.ask("POST", path, samples.endpoints(many[-1])), "resource.networkEndpoints")
    cloud.control.advance(12)
    assert cloud.get(NEG)["size"] == 10_000


def test_endpoints_come_in_pages(cloud: Cloud) -> None:
    cloud.make(f"{ZONE}/networkEndpointGroups", samples.group())
    given = [samples.endpoint(last) for last in (7, 5, 6)]
    cloud.done("POST", f"{NEG}/attachNetworkEndpoints", samples.endpoints(*given))
    first = cloud.taken("POST", f"{NEG}/listNetworkEndpoints", {}, maxResults=2)
    assert [one["networkEndpoint"]["ipAddress"] for one in first["items"]] == ["10.0.64.5", "10.0.64.6"]
    second = cloud.taken("POST", f"{NEG}/listNetworkEndpoints", {}, pageToken=first["nextPageToken"])
    assert [one["networkEndpoint"]["ipAddress"] for one in second["items"]] == ["10.0.64.7"]
    assert "nextPageToken" not in second
    assert cloud.ask("POST", f"{NEG}/listNetworkEndpoints", {}, pageToken="x").status == 400
    assert cloud.ask("POST", f"{NEG}/listNetworkEndpoints", {}, maxResults=501).status == 400
    found = listed(cloud, filter='networkEndpoint.ipAddress = "10.0.64.6"')
    assert [one["ipAddress"] for one in found] == ["10.0.64.6"]


def test_hybrid_endpoints_have_no_instance(cloud: Cloud) -> None:
    body = samples.group(networkEndpointType="NON_GCP_PRIVATE_IP_PORT", subnetwork=None)
    cloud.make(f"{ZONE}/networkEndpointGroups", body)
    path = f"{NEG}/attachNetworkEndpoints"
    refused(cloud.ask("POST", path, samples.endpoints(samples.endpoint())), "resource.instance")
    refused(cloud.ask("POST", path, samples.endpoints({"port": 80})), "resource.ipAddress", reason="required")
    cloud.done("POST", path, samples.endpoints({"ipAddress": "192.168.7.7"}))
    assert listed(cloud) == [{"ipAddress": "192.168.7.7", "port": 8080}]


def test_endpoints_without_port_are_whole_nodes(cloud: Cloud) -> None:
    body = samples.group(networkEndpointType="GCE_VM_IP", defaultPort=None)
    cloud.make(f"{ZONE}/networkEndpointGroups", body)
    path = f"{NEG}/attachNetworkEndpoints"
    refused(cloud.ask("POST", path, samples.endpoints(samples.endpoint(port=None))), "resource.ipAddress")
    refused(cloud.ask("POST", path, samples.endpoints({"instance": "node-b", "port": 80})), "resource.port")
    cloud.done("POST", path, samples.endpoints({"instance": "node-b"}))
    assert listed(cloud) == [{"instance": "node-b", "ipAddress": "10.0.0.11"}]


@pytest.mark.parametrize(("belief", "verb"), [("gcp-attach-present", "attach"), ("gcp-detach-absent", "detach")])
@pytest.mark.parametrize("answer", ["ignored", "refused"])
def test_attaching_and_detaching_twice_is_a_belief(belief: str, verb: str, answer: str) -> None:
    with server.serve(stepped=True, beliefs={belief: answer}) as running:
        cloud = conftest.connect(running)
        cloud.make(f"{ZONE}/networkEndpointGroups", samples.group())
        body = samples.endpoints(samples.endpoint())
        if verb == "attach":
            cloud.done("POST", f"{NEG}/attachNetworkEndpoints", body)
        again = cloud.ask("POST", f"{NEG}/{verb}NetworkEndpoints", body)
        assert again.status == (200 if answer == "ignored" else 400)
