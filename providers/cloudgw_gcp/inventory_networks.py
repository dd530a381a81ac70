"""The part of a listing that is nobody's of ours: the networks that Gateways use, their subnetworks, the machines.

`inventory` calls it, `facts` reads what it made. A project has thousands of machines and each is 5 KB as Google shows
it, so only the members that decide are asked for (`fields`: compute/docs/api/how-tos/performance#partial-response).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from cloudgw.provider import Failed
from cloudgw_gcp import calls, names

FIELDS = (
    "nextPageToken,warning,items(name,tags/items,"
    "networkInterfaces(network,subnetwork,networkIP,aliasIpRanges/ipCidrRange))"
)
NETWORK = ("name", "selfLink")
SUBNETWORK = ("name", "selfLink", "network", "region", "ipCidrRange", "secondaryIpRanges", "purpose", "role")

Json = Mapping[str, Any]


def networks(read: calls.Read, wanted: Collection[str]) -> dict[str, Any]:
    """wanted: names. {"networks": documents of those that exist, "subnetworks": theirs in our region}, cut to what
    decides."""
    found = [read.get("networks", names.GLOBAL, name) for name in sorted(wanted)]
    standing = [item for item in found if item is not None]
    paths = {_path(item) for item in standing}
    subnetworks = read.items("subnetworks", read.region) if standing else []
    return {
        "networks": [_cut(item, NETWORK) for item in standing],
        "subnetworks": sorted(
            (_cut(item, SUBNETWORK) for item in subnetworks if names.path_of(item["network"]) in paths), key=_path
        ),
    }


def instances(read: calls.Read, wanted: Collection[str]) -> dict[str, Any]:
    """{"zones": names of the region's, "instances": [{"zone", "name", "network" and "subnetwork": paths, "ip",
    "aliases": [cidr], "tags"}] on the wanted networks}: one item for each network interface."""
    paths = {names.path(read.project, names.GLOBAL, "networks", name) for name in wanted}
    zones = sorted(str(item["name"]) for item in read.items("zones") if _region(item) == read.region)
    if not zones:
        raise Failed("unknown", f"the region {read.region} has no zone that can be seen; correct region")
    found = [
        item
        for zone in (zones if paths else ())
        for instance in read.items("instances", zone, fields=FIELDS)
        for item in _interfaces(instance, zone)
        if item["network"] in paths
    ]
    return {"zones": zones, "instances": sorted(found, key=lambda item: (item["zone"], item["name"], item["ip"]))}


def _interfaces(instance: Json, zone: str) -> Iterator[dict[str, Any]]:
    for interface in instance.get("networkInterfaces") or ():
        yield {
            "zone": zone,
            "name": instance["name"],
            "network": names.path_of(str(interface.get("network", ""))),
            "subnetwork": names.path_of(str(interface.get("subnetwork", ""))),
            "ip": interface.get("networkIP", ""),
            "aliases": sorted(alias["ipCidrRange"] for alias in interface.get("aliasIpRanges") or ()),
            "tags": sorted((instance.get("tags") or {}).get("items") or ()),
        }


def _region(zone: Json) -> str:
    return str(zone.get("region", "")).rsplit("/", 1)[-1]


def _path(item: Json) -> str:
    return names.path_of(str(item["selfLink"]))


def _cut(item: Json, members: tuple[str, ...]) -> dict[str, Any]:
    return {member: item[member] for member in members if member in item}
