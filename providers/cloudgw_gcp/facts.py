"""What building needs to know of the project: network, proxies' ranges, zones, machines, what stands already.

`pipeline` calls `facts` between listing and building. Pure. Facts are sticky: zones with groups of ours and the tags of
a standing firewall rule stay while they are valid. What cannot be found is Unknown with the next step in its reason,
never a guess. Proxy-only subnets: cloud.google.com/load-balancing/docs/proxy-only-subnets; limits:
cloud.google.com/load-balancing/docs/quotas.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.provider import Facts, Inventory
from cloudgw.routing import ir
from cloudgw_gcp import document_parts, facts_nodes, inventory, names, parameters

PROXIES = "REGIONAL_MANAGED_PROXY"
LIMITS = {
    "rules": 1000,  # route rules of one path matcher
    "predicates": 1000,  # path, header and query matches of one path matcher
    "hosts": 1000,  # host rules of a URL map
    "bytes": 1_000_000,  # of a URL map as JSON: load-balancing/docs/url-map-size-quota
}
INTERNAL_HOSTS = 2000
UNLISTED = Unknown("the machines of the network were not listed")
ASKED = {  # part of a listing -> what a person calls it, and what it takes to read it
    "networks": ("the network and its subnetworks", "compute.networks.get and compute.subnetworks.list"),
    "instances": ("the zones and machines of the region", "compute.zones.list and compute.instances.list"),
}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Facts.values["network"]. place: "global" or the region. network, subnetwork: paths, of the nodes. proxy_ranges:
    from where the proxies come, () with a global place: then only Google's own ranges do. tags: of the nodes, for a
    firewall rule.

    standing: logical ids of the route rules that stand; certificates: of the certificates; services: of the backend
    services. quotas: limits of which others took some: less than documented.
    """

    project: str
    region: str
    place: str
    network: str | Unknown
    subnetwork: str | Unknown
    proxy_ranges: tuple[str, ...] | Unknown = ()
    zones: tuple[str, ...] | Unknown = ()
    instances: facts_nodes.Instances | Unknown = UNLISTED
    tags: tuple[str, ...] | Unknown = UNLISTED
    standing: frozenset[str] = frozenset()
    certificates: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    quotas: Mapping[str, int] = field(default_factory=dict)


def facts(listed: Inventory, routing: ir.Routing, wanted: parameters.GCPParameters) -> Facts:
    content = listed.content
    standing = _standing(listed).get(routing.owner, _Standing())
    network = _unread(content, "networks") or _network(content, wanted)
    subnetwork = network if isinstance(network, Unknown) else _subnetwork(content, network, wanted)
    proxies = _proxy_ranges(content, network, wanted)
    instances = network if isinstance(network, Unknown) else _instances(listed, network)
    zones = _zones(standing, content["zones"], instances, wanted)
    tags = facts_nodes.tags(instances, routing, standing.tags, wanted.node_tags) if wanted.firewall else ()
    problems = {
        "NetworkNotFound": subnetwork,
        "ProxySubnetMissing": proxies,
        "ZonesNotFound": zones,
        "NodeTagsNotFound": tags,
    }
    notes: dict[str, Note] = {}
    for code, problem in problems.items():
        if isinstance(problem, Unknown) and problem.reason not in notes:
            notes[problem.reason] = Note(level="error", code=code, message=problem.reason, origin=routing.origin)
    found = Network(
        project=str(content["project"]),
        region=wanted.region,
        place=wanted.place,
        network=network,
        subnetwork=subnetwork,
        proxy_ranges=proxies,
        zones=zones,
        instances=instances,
        tags=tags,
        standing=frozenset(rule for url_map in standing.maps for rule in _rules(url_map)),
        certificates=standing.certificates,
        services=standing.services,
        quotas=_quotas(standing.maps, wanted),
    )
    return Facts(values={"network": found}, notes=(*notes.values(), *standing.unread))


def _unread(content: Json, part: str) -> Unknown | None:
    """What could not be read is not absent: everything that hangs on it stays as it is."""
    why = (content.get("unread") or {}).get(part)
    if why is None:
        return None
    what, right = ASKED[part]
    return Unknown(f"{what} could not be listed: {why}; what needs them stays as it is (allow {right}, or wait)")


def _network(content: Json, wanted: parameters.GCPParameters) -> str | Unknown:
    for item in content["networks"]:
        if item["name"] == wanted.network:
            return inventory.path_of(item)
    return Unknown(
        f"the network {wanted.network} cannot be seen in project {content['project']}; correct network.name, or allow "
        "compute.networks.get (a network shared by another project is not supported yet)"
    )


def _subnetwork(content: Json, network: str, wanted: parameters.GCPParameters) -> str | Unknown:
    for item in _subnetworks(content, network):
        if item["name"] == wanted.subnetwork:
            return inventory.path_of(item)
    return Unknown(
        f"the network {wanted.network} has no subnetwork {wanted.subnetwork} in {wanted.region}; correct "
        "subnetwork.name or region"
    )


def _proxy_ranges(content: Json, network: str | Unknown, wanted: parameters.GCPParameters) -> tuple[str, ...] | Unknown:
    """Without such a subnet a regional load balancer is made and answers nobody."""
    if wanted.place == names.GLOBAL:
        return ()
    if isinstance(network, Unknown):
        return network
    found = sorted(
        str(item["ipCidrRange"])
        for item in _subnetworks(content, network)
        if item.get("purpose") == PROXIES and item.get("role") == "ACTIVE"
    )
    if found:
        return tuple(found)
    return Unknown(
        f"the network {wanted.network} has no proxy-only subnet in {wanted.region}, without which a regional load "
        f"balancer answers nobody; create a subnetwork there with purpose {PROXIES} and role ACTIVE"
    )


def _subnetworks(content: Json, network: str) -> Iterator[Json]:
    for item in content["subnetworks"]:
        if names.path_of(item["network"]) == network:
            yield item


def _instances(listed: Inventory, network: str) -> facts_nodes.Instances | Unknown:
    """Worked out once for all Gateways of a listing."""
    unread = _unread(listed.content, "instances")
    if unread is not None:
        return unread
    found: dict[str, facts_nodes.Instances] = listed.derived.setdefault("instances", {})
    if network not in found:
        found[network] = facts_nodes.of_network(listed.content["instances"], network)
    return found[network]


def _zones(
    standing: _Standing,
    known: Sequence[str],
    instances: facts_nodes.Instances | Unknown,
    wanted: parameters.GCPParameters,
) -> tuple[str, ...] | Unknown:
    """Named, or where there are machines. A zone that lost its last one keeps its groups, which are empty: node pools
    come back, and to have them go zones can be named."""
    if wanted.zones is not None:
        return _named_zones(wanted, known, instances)
    if isinstance(instances, Unknown):
        return instances
    found = tuple(sorted({*instances.zones, *standing.zones}))
    if found:
        return found
    return Unknown(
        f"no machine of {wanted.region} is on the network {wanted.network}, so that no zone is known for endpoints; "
        "correct network.name or region, or name the zones of the nodes in zones"
    )


def _named_zones(
    wanted: parameters.GCPParameters, known: Sequence[str], instances: facts_nodes.Instances | Unknown
) -> tuple[str, ...] | Unknown:
    """One letter must not take a Service from all its pods: zones that do not exist, or in which no machine of the
    network is while others have some, are not believed. known: the region's zones, empty where they were not listed."""
    zones = wanted.zones or ()
    strange = [zone for zone in zones if known and zone not in known]
    if strange:
        return Unknown(
            f"{', '.join(strange)} is no zone of {wanted.region}; there are {', '.join(sorted(known))}; correct zones"
        )
    if isinstance(instances, Unknown) or not instances.zones or set(zones) & set(instances.zones):
        return zones
    return Unknown(
        f"no machine of the network {wanted.network} is in {', '.join(zones)}, so that no endpoint would be left; the "
        f"machines are in {', '.join(instances.zones)}; correct zones"
    )


def _rules(url_map: Json) -> Iterator[str]:
    for key, matcher in document_parts.matchers(url_map):
        for own, _ in document_parts.rules(key, matcher) if key is not None else ():
            if own is not None:
                yield own[0]


def documented(*, public: bool) -> dict[str, int]:
    """The limits that others can take something of."""
    return {**LIMITS, "hosts": LIMITS["hosts"] if public else INTERNAL_HOSTS}


def _quotas(maps: Sequence[Json], wanted: parameters.GCPParameters) -> dict[str, int]:
    """The limits that others left less of, in the fullest of our maps and matchers."""
    limits = documented(public=wanted.public)
    found: dict[str, int] = {}
    for url_map in maps:
        taken = dict.fromkeys(limits, 0)
        foreign: list[Json] = []
        rules: list[list[Json]] = []  # of others, by matcher of ours
        theirs = list(url_map.get("hostRules") or ())
        for key, matcher in document_parts.matchers(url_map):
            if key is None:
                foreign.append(matcher)
                continue
            theirs = [rule for rule in theirs if rule.get("pathMatcher") != matcher["name"]]
            rules.append([rule for own, rule in document_parts.rules(key, matcher) if own is None])
        taken["hosts"] = len(theirs)
        taken["rules"] = max(map(len, rules), default=0)
        taken["predicates"] = max((sum(map(_predicates, some)) for some in rules), default=0)
        alien = [*theirs, *foreign, *(rule for some in rules for rule in some), *(url_map.get("tests") or ())]
        taken["bytes"] = sum(len(json.dumps(item)) for item in alien)
        for quota, count in taken.items():
            if count:
                found[quota] = min(found.get(quota, limits[quota]), max(0, limits[quota] - count))
    return found


def _predicates(rule: Json) -> int:
    return sum(
        1 + len(match.get("headerMatches") or ()) + len(match.get("queryParameterMatches") or ())
        for match in rule.get("matchRules") or ()
    )


@dataclass(slots=True, kw_only=True)
class _Standing:
    """What stands of one Gateway. unread: what of it did not answer; zones: of its endpoint groups; tags: of its
    firewall rule."""

    unread: list[Note] = field(default_factory=list)
    maps: list[Json] = field(default_factory=list)
    zones: set[str] = field(default_factory=set)
    tags: tuple[str, ...] = ()
    certificates: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()


def _standing(listed: Inventory) -> Mapping[str, _Standing]:
    """By Gateway, worked out once for all Gateways of a listing."""
    found: dict[str, _Standing] | None = listed.derived.get("standing")
    if found is not None:
        return found
    found = {}
    content = listed.content
    for collection in ("urlMaps", "backendServices", "networkEndpointGroups", "sslCertificates", "firewalls"):
        for item in content.get(collection) or ():
            record = names.ours(item.get("description"), str(content["owner"]), str(content["region"]))
            if record is None:
                continue
            of = found.setdefault(model.owner_of(record.address), _Standing())
            why = (content.get("unread") or {}).get(names.path_of(str(item.get("selfLink") or "")))
            if why is not None:
                of.unread.append(_silent(model.short(record.address), collection, why))
            if collection == "urlMaps":
                of.maps.append(item)
            elif collection == "networkEndpointGroups":
                of.zones.add(names.place_of(inventory.path_of(item))[1])
            elif collection == "sslCertificates":
                of.certificates |= {model.short(record.address).partition("/")[2]}
            elif collection == "backendServices":
                of.services |= {model.short(record.address).partition("/")[2]}
            elif collection == "firewalls":
                of.tags = tuple(sorted(item.get("targetTags") or ()))
    listed.derived["standing"] = found  # whole: other threads read it
    return found


def _silent(what: str, collection: str, why: str) -> Note:
    """Of a group or a backend service that was asked for what it alone knows."""
    if collection == "backendServices":
        kept, right = "which of its endpoints are healthy; none counts as healthy", "compute.backendServices.get"
    else:
        kept, right = "which endpoints it has; they stay as they are", "compute.networkEndpointGroups.get"
    message = f"{what} does not say {kept}: {why} (allow {right}, or wait)"
    return Note(level="warning", code="NotListed", message=message)
