"""Who stands under whom: forwarding rule, target proxy, URL map, backend service, group.

Rules of each of them ask here what a change would do to the others: schemes must be one, networks must be one.
`health` walks the same chain. Must never change a document, nor say anything about one resource alone.

Source: cloud.google.com/load-balancing/docs/{forwarding-rule-concepts,backend-service}; the words about schemes as the
real cloud reported them in GoogleCloudPlatform/cloud-foundation-fabric#1065. Inferred: those about networks.
"""

from __future__ import annotations

import collections.abc
from typing import Any

from cloudgw_local.gcp import around, balancing_rules, names, schema
from cloudgw_local.gcp.balancing_rules import MANAGED, Json

PROXIES = ("targetHttpProxies", "targetHttpsProxies", "targetTcpProxies")
USERS = ("urlMaps", "targetTcpProxies", "forwardingRules")
Found = tuple[names.Place, Json]


def named(document: Json) -> collections.abc.Iterator[tuple[str, names.Place]]:
    """Each backend service that a URL map's document names, with the path of the member: ("resource.defaultService",
    place)."""
    yield from _named(document, "resource")


def _named(value: Any, path: str) -> collections.abc.Iterator[tuple[str, names.Place]]:
    if isinstance(value, dict):
        for name, item in value.items():
            if not name.startswith("_"):
                yield from _named(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _named(item, f"{path}[{index}]")
    elif isinstance(value, str) and "/backendServices/" in value:
        place = names.parse(value)
        if place is not None and place.collection == "backendServices":
            yield path, place


def services(document: Json) -> list[names.Place]:
    """Every backend service that a URL map's document names, once."""
    return list(dict.fromkeys(place for _, place in named(document)))


def services_of(rule: Json, surroundings: around.Around) -> list[names.Place]:
    """Every backend service that a forwarding rule sends requests to."""
    place = names.parse(rule.get("backendService", ""))
    if place is not None:
        return [place]
    proxy = balancing_rules.found(rule.get("target"), surroundings)
    return services_of_proxy(proxy[1], surroundings) if proxy else []


def services_of_proxy(proxy: Json, surroundings: around.Around) -> list[names.Place]:
    place = names.parse(proxy.get("service", ""))
    if place is not None:
        return [place]
    mapped = balancing_rules.found(proxy.get("urlMap"), surroundings)
    return services(mapped[1]) if mapped else []


def rules_over(place: names.Place, surroundings: around.Around) -> list[Found]:
    """The forwarding rules above a backend service, a URL map or a target proxy."""
    if place.collection == "forwardingRules":
        document = surroundings.get(place)
        return [] if document is None else [(place, document)]
    above = (*USERS, *PROXIES)
    holders = [one for one in surroundings.holders(place) if one.collection in above]
    return list({one[0]: one for holder in holders for one in rules_over(holder, surroundings)}.values())


def check_rule(rule: Json, place: names.Place, surroundings: around.Around) -> None:
    """A forwarding rule's scheme and network against the backend services it would use."""
    for service in services_of(rule, surroundings):
        _check(rule, place, service, "resource.backendService", "", surroundings)


def check_proxy(proxy: Json, place: names.Place, surroundings: around.Around) -> None:
    """The same for a target proxy that changes its URL map or service under its forwarding rules."""
    member = "service" if "service" in proxy else "urlMap"
    for rule_place, rule in rules_over(place, surroundings):
        for service in services_of_proxy(proxy, surroundings):
            _check(rule, rule_place, service, f"resource.{member}", proxy[member], surroundings)


def check_map(document: Json, place: names.Place, surroundings: around.Around) -> None:
    """The same for a URL map that changes under its forwarding rules; the field is the member that names the wrong
    service."""
    for rule_place, rule in rules_over(place, surroundings):
        for path, service in named(document):
            _check(rule, rule_place, service, path, service.link, surroundings)


def check_service(service: Json, place: names.Place, surroundings: around.Around) -> None:
    """The same for a backend service that changes its groups under its forwarding rules."""
    for rule_place, rule in rules_over(place, surroundings):
        _check_networks(rule, rule_place, service, "", surroundings)


def _check(
    rule: Json, rule_place: names.Place, place: names.Place, path: str, value: str, surroundings: around.Around
) -> None:
    service = surroundings.get(place)
    if service is None:
        return
    scheme, other = rule["loadBalancingScheme"], service["loadBalancingScheme"]
    if scheme != other:
        why = f"Load balancing scheme {scheme} does not match the backend service load balancing scheme {other}."
        raise schema.invalid(path, value, why)
    _check_networks(rule, rule_place, service, path, surroundings)


def _check_networks(rule: Json, place: names.Place, service: Json, path: str, surroundings: around.Around) -> None:
    """A regional proxy reaches only the network of its forwarding rule: all groups must be of that network. `path`
    is the field to blame, "" for the group's own."""
    if place.scope == "global" or rule["loadBalancingScheme"] not in MANAGED:
        return
    for index, backend in enumerate(service.get("backends", [])):
        group = balancing_rules.found(backend.get("group"), surroundings)
        network = group[1].get("network") if group else None
        if network is not None and network != rule.get("network"):
            why = f"The network of the backend must be the forwarding rule's network '{rule.get('network')}'."
            raise schema.invalid(path or f"resource.backends[{index}].group", backend["group"], why)
