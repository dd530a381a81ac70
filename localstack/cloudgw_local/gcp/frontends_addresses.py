"""Which IP address a forwarding rule takes: a reserved one, a given one or an ephemeral one, and whether it is free.

`frontends.accept` calls `settle`. Must never reserve anything: reserving is the addresses' own.

Source: cloud.google.com/load-balancing/docs/forwarding-rule-concepts (IP address specifications; many forwarding rules
with a common address), cloud.google.com/compute/docs/reference/rest/v1/forwardingRules; words as reported by users of
kubemci and of ingress-gce (pkg/l4lb: external conflicts are a 400, internal ones an error of the operation).
Inferred: the other sentences, and that an unreserved address may be shared with the rule that has it.
"""

from __future__ import annotations

import collections.abc
import ipaddress

from cloudgw_local.gcp import around, errors, names, network_addresses, references, schema
from cloudgw_local.gcp.balancing_rules import Json, found

GLOBAL, REGIONAL = ipaddress.IPv4Network("203.0.113.0/24"), ipaddress.IPv4Network("198.51.100.0/24")
_PATH = "resource.IPAddress"
_SHARED = "SHARED_LOADBALANCER_VIP"


def settle(rule: Json, place: names.Place, surroundings: around.Around) -> None:
    """Writes the literal address into `IPAddress` and the reserved one's link into `_address`; refuses an address that
    is malformed, of another scope or type or tier, or taken."""
    internal = rule["loadBalancingScheme"].startswith("INTERNAL")
    given = rule.get("IPAddress", "")
    if given and "ipVersion" in rule:
        why = "Both IP Version and IP Address cannot be specified."
        raise schema.invalid("resource.ipVersion", rule["ipVersion"], why)
    if not given:
        rule["IPAddress"] = _ephemeral(rule, place, internal, surroundings)
        return
    reserved = _reserved(given, rule, place, internal, surroundings)
    if reserved is not None:
        _suits(reserved[1], rule, given, internal)
        rule |= {"IPAddress": reserved[1]["address"], "_address": reserved[0].link}
    elif internal:
        if ipaddress.ip_address(given) not in _range(rule, surroundings):
            why = "Requested internal IP address is outside the network/subnetwork range."
            raise schema.invalid(_PATH, given, why)
    elif not _ours(given, place, surroundings):
        why = "Specified IP address is not allocated to the project or does not belong to the specified scope."
        raise schema.invalid(_PATH, given, why)
    _conflicts(rule, place, reserved[1] if reserved else {}, internal, surroundings)


def _reserved(
    given: str, rule: Json, place: names.Place, internal: bool, surroundings: around.Around
) -> tuple[names.Place, Json] | None:
    named = names.parse(given)
    if named is not None and named.collection == "addresses":
        if named.scope != place.scope:
            why = "The address must be in the same scope as the forwarding rule."
            raise schema.invalid(_PATH, given, why)
        document = surroundings.get(named)
        if document is None:
            raise references.missing(named)
        if document.get("_created", 0.0) > surroundings.now():
            raise references.not_ready(named)
        return named, document
    try:
        literal = ipaddress.ip_address(given)
    except ValueError:
        why = "Must be a literal IP address or URL referencing an Address resource."
        raise schema.invalid(_PATH, given, why) from None
    for where, document in surroundings.every("addresses"):
        if where.scope == place.scope and document["address"] == str(literal):
            subnet = found(document.get("subnetwork"), surroundings)
            if not internal or subnet is None or subnet[1]["network"] == rule.get("network"):
                return where, document
    return None


def _suits(address: Json, rule: Json, given: str, internal: bool) -> None:
    wanted = "INTERNAL" if internal else "EXTERNAL"
    if address.get("addressType", "EXTERNAL") != wanted:
        scheme = rule["loadBalancingScheme"]
        why = f"The address must be of type {wanted} for load balancing scheme {scheme}."
        raise schema.invalid(_PATH, given, why)
    if internal:
        if address.get("purpose", "GCE_ENDPOINT") not in ("GCE_ENDPOINT", _SHARED):
            why = f"An address with purpose {address['purpose']} cannot be used by a forwarding rule."
            raise schema.invalid(_PATH, given, why)
        if address.get("subnetwork") != rule.get("subnetwork"):
            why = "The address does not belong to the subnetwork of the forwarding rule."
            raise schema.invalid(_PATH, given, why)
    elif address.get("networkTier", "PREMIUM") != rule["networkTier"]:
        why = f"The network tier of the forwarding rule must be that of the address, {address['networkTier']}."
        raise schema.invalid("resource.networkTier", rule["networkTier"], why)


def _ours(given: str, place: names.Place, surroundings: around.Around) -> bool:
    """An ephemeral address that another forwarding rule of the scope has may be shared with it."""
    others = surroundings.every("forwardingRules")
    return any(other["IPAddress"] == given and where.scope == place.scope for where, other in others)


def _conflicts(rule: Json, place: names.Place, address: Json, internal: bool, surroundings: around.Around) -> None:
    """Two rules on one address must not overlap; internal ones share one only if it was reserved to be shared."""
    shared = address.get("purpose") == _SHARED
    for where, other in surroundings.every("forwardingRules"):
        if where == place or other["IPAddress"] != rule["IPAddress"]:
            continue
        if internal != other["loadBalancingScheme"].startswith("INTERNAL"):
            continue
        if internal:
            if other.get("network") == rule.get("network") and (not shared or _overlap(rule, other)):
                raise network_addresses.in_use(rule["IPAddress"])
        elif _overlap(rule, other):
            why = "Specified IP address is in-use and would result in a conflict."
            raise schema.invalid(_PATH, rule["IPAddress"], why)
    if internal and rule["IPAddress"] in set(_of_instances(rule, surroundings)):
        raise network_addresses.in_use(rule["IPAddress"])


def _overlap(one: Json, other: Json) -> bool:
    if one["IPProtocol"] != other["IPProtocol"] and "L3_DEFAULT" not in (one["IPProtocol"], other["IPProtocol"]):
        return False
    return any(a[0] <= b[1] and b[0] <= a[1] for a in _ports(one) for b in _ports(other))


def _ports(rule: Json) -> list[tuple[int, int]]:
    if "portRange" in rule:
        first, _, last = rule["portRange"].partition("-")
        return [(int(first), int(last))]
    if rule.get("ports"):
        return [(int(one), int(one)) for one in rule["ports"]]
    return [(1, 65535)]


def _range(rule: Json, surroundings: around.Around) -> ipaddress.IPv4Network:
    subnet = found(rule.get("subnetwork"), surroundings)
    return ipaddress.IPv4Network(subnet[1]["ipCidrRange"] if subnet else "0.0.0.0/32")


def _of_instances(rule: Json, surroundings: around.Around) -> collections.abc.Iterator[str]:
    for _, instance in surroundings.every("instances"):
        for card in instance.get("networkInterfaces", []):
            if card.get("network") == rule.get("network"):
                yield card["networkIP"]


def _ephemeral(rule: Json, place: names.Place, internal: bool, surroundings: around.Around) -> str:
    """The highest free address; reservations begin at the lowest."""
    pool = _range(rule, surroundings) if internal else GLOBAL if place.scope == "global" else REGIONAL
    taken = {other["IPAddress"] for _, other in surroundings.every("forwardingRules")}
    taken |= {document["address"] for _, document in surroundings.every("addresses")}
    if internal:
        taken |= set(_of_instances(rule, surroundings))
    # The last two addresses of a primary range are reserved: cloud.google.com/vpc/docs/subnets, unusable addresses.
    for offset in range(pool.num_addresses - 3, 1, -1):
        if str(pool[offset]) not in taken:
            return str(pool[offset])
    message = f"IP space of '{pool}' is exhausted."
    raise errors.Refusal(status=400, reason="invalid", code="IP_SPACE_EXHAUSTED", message=message, late=True)
