"""The machines of a network: which of them has an address, and which tag tells the nodes from the others.

`facts` calls it, `build*` asks `Instances.find` for every target: an endpoint of a zonal group names its machine
(cloud.google.com/load-balancing/docs/negs/zonal-neg-concepts), whose address or alias range holds the pod. Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudgw.objects import Unknown
from cloudgw.routing import ir

Place = tuple[str, str]
"""(zone, name) of a machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """Machines with an interface on one network. ranges: length of a prefix -> its addresses as numbers -> machine."""

    tags: Mapping[Place, frozenset[str]]
    ranges: Mapping[int, Mapping[int, Place]] = field(repr=False)

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(sorted({zone for zone, _ in self.tags}))

    def find(self, ip: str) -> Place | None:
        """The machine that holds an IPv4 address, itself or in an alias range; None where none does."""
        try:
            number = int(ipaddress.IPv4Address(ip))
        except ValueError:
            return None
        for length, found in self.ranges.items():  # the longest prefix first
            place = found.get(number >> (32 - length))
            if place is not None:
                return place
        return None


def of_network(items: Sequence[Mapping[str, Any]], network: str) -> Instances:
    """items: `inventory_networks.instances`."""
    tags: dict[Place, frozenset[str]] = {}
    ranges: dict[int, dict[int, Place]] = {}
    for item in items:
        if item["network"] != network:
            continue
        place = (item["zone"], item["name"])
        tags[place] = tags.get(place, frozenset()) | frozenset(item["tags"])
        for text in (item["ip"], *item["aliases"]):
            if text:
                block = ipaddress.IPv4Network(text, strict=False)
                shift = 32 - block.prefixlen
                ranges.setdefault(block.prefixlen, {}).setdefault(int(block.network_address) >> shift, place)
    return Instances(tags=tags, ranges=dict(sorted(ranges.items(), reverse=True)))


def tags(
    instances: Instances | Unknown, routing: ir.Routing, standing: tuple[str, ...], named: tuple[str, ...]
) -> tuple[str, ...] | Unknown:
    """Tags of the nodes, for the target of a firewall rule: those named, else those of the standing rule while every
    node has one of them, else the one that all nodes share and the fewest other machines have.

    Nodes are the machines that hold a target of the Gateway, or all machines while there is no target.
    """
    if named:
        return named
    if isinstance(instances, Unknown):
        return instances
    nodes = {place for ip in _targets(routing) if (place := instances.find(ip)) is not None} or set(instances.tags)
    if standing and all(instances.tags[node] & set(standing) for node in nodes):
        return standing
    if not nodes:
        return Unknown("no machine is on the network, so that no tag of nodes is known; name nodeTags")
    shared = frozenset.intersection(*(instances.tags[node] for node in nodes))
    if not shared:
        return Unknown(
            "the nodes have no network tag in common, so that no firewall rule of ours can let probes and proxies "
            "reach them; name their tags in nodeTags, or set firewall: None and keep a rule of your own"
        )
    return (min(shared, key=lambda tag: (sum(tag in others for others in instances.tags.values()), tag)),)


def _targets(routing: ir.Routing) -> Iterator[str]:
    for backend in routing.backends.values():
        if not isinstance(backend, Unknown) and not isinstance(backend.targets, Unknown):
            for target in backend.targets:
                yield target.address
