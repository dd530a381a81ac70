"""Bodies for the tests of networks, addresses, firewall rules and instances, and how a refusal is read."""

from __future__ import annotations

from typing import Any

from cloudgw_local import gcp
from cloudgw_local.gcp import names

from . import conftest as c

Json = dict[str, Any]
NETWORKS = f"{c.GLOBAL}/networks"
SUBNETS = f"{c.REGIONAL}/subnetworks"
ADDRESSES = f"{c.REGIONAL}/addresses"
FIREWALLS = f"{c.GLOBAL}/firewalls"
INSTANCES = f"{c.PROJECT}/zones/{gcp.ZONES[0]}/instances"
GROUPS = f"{c.PROJECT}/zones/{gcp.ZONES[0]}/instanceGroups"
ROOT = f"{names.ROOT}projects/{gcp.PROJECT}"
EDGE = f"global/networks/{gcp.NETWORK}"
NODES = f"regions/{gcp.REGION}/subnetworks/subnet-nodes"


def subnetwork(name: str = "sub", block: str = "10.20.0.0/24", **more: Any) -> Json:
    return {"name": name, "network": EDGE, "ipCidrRange": block, **more}


def proxy_only(name: str = "proxies", block: str = "10.30.0.0/24", **more: Any) -> Json:
    purpose = {"purpose": "REGIONAL_MANAGED_PROXY", "role": "ACTIVE"}
    return subnetwork(name, block, **{"network": "global/networks/net-closed", **purpose, **more})


def firewall(**more: Any) -> Json:
    return {"name": "rule", "network": EDGE, "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}], **more}


def internal(**more: Any) -> Json:
    return {"name": "vip", "addressType": "INTERNAL", "subnetwork": NODES, **more}


def refused(cloud: c.Cloud, method: str, path: str, body: Json, field: str) -> str:
    """The sentence with which a field is refused as invalid."""
    reply = cloud.ask(method, path, body)
    assert (reply.status, reply.reason) == (400, "invalid"), reply.body
    head, _, why = reply.message.partition("'. ")
    assert head.startswith(f"Invalid value for field 'resource.{field}': '"), reply.message
    return why


def instance(**interface: Any) -> Json:
    return {
        "name": "vm",
        "machineType": f"zones/{gcp.ZONES[0]}/machineTypes/e2-small",
        "networkInterfaces": [{"subnetwork": NODES, **interface}],
    }
