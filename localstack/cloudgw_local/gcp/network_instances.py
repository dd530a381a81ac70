"""Instances and instance groups, as far as endpoints and firewall rules ask: where they are, addresses, tags.

The kinds that `network.KINDS` holds. Machines, disks, images and everything else of an instance are taken and shown,
and mean nothing: an instance runs from its insert on.

Source: cloud.google.com/compute/docs/reference/rest/v1/instances and .../instanceGroups;
cloud.google.com/vpc/docs/alias-ip (an alias lies in the primary or a secondary range of the interface's subnetwork).
Inferred: the messages.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from cloudgw_local.gcp import around, kind, names, network_addresses, network_ranges, schema

Json = dict[str, Any]


def accept(body: Json, place: names.Place, _current: Json | None, state: around.Around) -> Json:
    if not body.get("machineType"):
        raise schema.required("resource.machineType")
    if not body.get("networkInterfaces"):
        raise schema.invalid("resource.networkInterfaces", [], "At least one network interface is required.")
    interfaces = [_interface(one, index, place, state) for index, one in enumerate(body["networkInterfaces"])]
    return (
        {"canIpForward": False, "deletionProtection": False, "description": "", "tags": {}}
        | body
        | {
            "networkInterfaces": interfaces,
            "status": "RUNNING",
        }
    )


def _interface(body: Json, index: int, place: names.Place, state: around.Around) -> Json:
    path = f"resource.networkInterfaces[{index}]"
    default = names.Place(
        project=place.project, scope=f"regions/{place.region}", collection="subnetworks", name="default"
    )
    link = body.get("subnetwork", default.link)
    found = names.parse(link)
    subnetwork = state.get(found) if found else None
    if found is None or subnetwork is None or found.region != place.region:
        raise schema.invalid(f"{path}.subnetwork", link, "The referenced subnetwork resource cannot be found.")
    if body.get("network", subnetwork["network"]) != subnetwork["network"]:
        raise schema.invalid(f"{path}.network", body["network"], "The subnetwork is not in this network.")
    primary = ipaddress.ip_network(subnetwork["ipCidrRange"])
    address = body.get("networkIP") or str(network_ranges.free(state, scope=place.scope, subnetwork=link))
    if ipaddress.ip_address(address) not in primary:
        raise schema.invalid(f"{path}.networkIP", address, f"Must be in the subnetwork's range {primary}.")
    if body.get("networkIP") in network_ranges.used(state, subnetwork["network"]):
        raise network_addresses.in_use(address)
    named = {one["rangeName"]: one["ipCidrRange"] for one in subnetwork.get("secondaryIpRanges", ())}
    aliases = body.get("aliasIpRanges", ())
    for at, alias in enumerate(aliases):
        text, name = alias.get("ipCidrRange", ""), alias.get("subnetworkRangeName", "")
        within = ipaddress.ip_network(named.get(name, str(primary)))
        if (name and name not in named) or not network_ranges.block(f"{path}.aliasIpRanges[{at}]", text).subnet_of(
            within  # type: ignore[arg-type]
        ):
            why = f"Must be in the range '{name}' of the subnetwork." if name else f"Must be in {primary}."
            raise schema.invalid(f"{path}.aliasIpRanges[{at}].ipCidrRange", text, why)
    return (
        {"kind": "compute#networkInterface", "name": f"nic{index}", "stackType": "IPV4_ONLY"}
        | body
        | {
            "network": subnetwork["network"],
            "networkIP": address,
            "subnetwork": link,
        }
    )


def set_tags(current: Json, body: Json, _place: names.Place, _around: around.Around) -> Json:
    return current | {"tags": {"items": body.get("items", [])}}


def accept_group(body: Json, place: names.Place, current: Json | None, _around: around.Around) -> Json:
    network = names.Place(project=place.project, scope="global", collection="networks", name="default")
    members = (current or {}).get("_instances", [])
    return {"description": "", "network": network.link} | body | {"_instances": members, "size": len(members)}


def add(current: Json, body: Json, _place: names.Place, state: around.Around) -> Json:
    """addInstances: a member twice, or one of another network than the first, is refused."""
    members = list(current["_instances"])
    for index, one in enumerate(body.get("instances", ())):
        path = f"resource.instances[{index}].instance"
        found = names.parse(one.get("instance", ""))
        instance = state.get(found) if found else None
        if found is None or instance is None:
            raise schema.invalid(path, one.get("instance", ""), "The referenced instance resource cannot be found.")
        if found.link in members:
            raise schema.invalid(path, found.link, "The instance is already a member of the group.")
        members.append(found.link)
        current = current | {"network": instance["networkInterfaces"][0]["network"]}
    return current | {"_instances": members, "size": len(members)}


def remove(current: Json, body: Json, _place: names.Place, _around: around.Around) -> Json:
    members = list(current["_instances"])
    for index, one in enumerate(body.get("instances", ())):
        found = names.parse(one.get("instance", ""))
        if found is None or found.link not in members:
            why = "The instance is not a member of the group."
            raise schema.invalid(f"resource.instances[{index}].instance", one.get("instance", ""), why)
        members.remove(found.link)
    return current | {"_instances": members, "size": len(members)}


def set_ports(current: Json, body: Json, _place: names.Place, _around: around.Around) -> Json:
    return current | {"namedPorts": body.get("namedPorts", [])}


def members(current: Json | None, _body: Json, _query: kind.Query, place: names.Place, _around: around.Around) -> Json:
    """listInstances."""
    items = [{"instance": link, "status": "RUNNING"} for link in (current or {}).get("_instances", ())]
    return {
        "kind": "compute#instanceGroupsListInstances",
        "id": f"{place.path}/listInstances",
        "items": items,
        "selfLink": f"{place.link}/listInstances",
    }


KINDS: tuple[kind.Kind, ...] = (
    kind.Kind(
        "instances",
        accept,
        references=(
            kind.Reference("networkInterfaces[].network", ("networks",), scope="any"),
            kind.Reference("networkInterfaces[].subnetwork", ("subnetworks",), scope="any"),
        ),
        actions={"setTags": set_tags},
    ),
    kind.Kind(
        "instanceGroups",
        accept_group,
        references=(
            kind.Reference("network", ("networks",), scope="any"),
            kind.Reference("_instances[]", ("instances",), scope="any"),
        ),
        actions={"addInstances": add, "removeInstances": remove, "setNamedPorts": set_ports},
        reads={"listInstances": members},
    ),
)
