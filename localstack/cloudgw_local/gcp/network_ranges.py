"""IP ranges and free addresses: what is a range, what is taken, which address is next.

The network kinds ask here; load balancers' ephemeral addresses are taken from `free` too. The order is fixed, so that
the same calls give the same addresses. Nothing here may raise for want of addresses but `free`.

Source: cloud.google.com/vpc/docs/subnets (four addresses of a primary range are reserved: the first two, the last
two); message of a bad range as reported in terraform-provider-google#4032.
"""

from __future__ import annotations

import collections.abc
import ipaddress
from typing import Any

from cloudgw_local.gcp import around, errors, names, schema

Json = dict[str, Any]
POOLS = {
    ("global", "IPV4"): "203.0.113.0/24",
    ("global", "IPV6"): "2001:db8::/64",
    ("regional", "IPV4"): "198.51.100.0/24",
    ("regional", "IPV6"): "2001:db8:1::/64",
}


def block(path: str, text: str) -> ipaddress.IPv4Network:
    """The IPv4 range that a member holds; Refusal where it is none, or where bits stand behind the prefix."""
    try:
        if "/" not in text:
            raise ValueError
        return ipaddress.IPv4Network(text)
    except ValueError:
        raise schema.invalid(path, text, "Must be a CIDR address range.") from None


def pool(scope: str, version: str = "IPV4") -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Where external addresses of a scope come from."""
    return ipaddress.ip_network(POOLS["global" if scope == "global" else "regional", version])


def reserved(state: around.Around, network: str = "") -> set[str]:
    """Addresses that reservations hold: the internal ones of a network (a link), or else the external ones."""
    rows = state.every("addresses")
    return {document["address"] for _, document in rows if network_of(document, state) == network}


def used(state: around.Around, network: str = "") -> set[str]:
    """Addresses that forwarding rules and instances have, reserved or not; `network` as in `reserved`."""
    found = {
        document["IPAddress"].partition("/")[0]
        for _, document in state.every("forwardingRules")
        if document.get("IPAddress") and network_of(document, state) == network
    }
    for _, document in state.every("instances"):
        for interface in document.get("networkInterfaces", ()):
            if network and interface.get("network") == network and "networkIP" in interface:
                found.add(interface["networkIP"])
            for access in interface.get("accessConfigs", ()) if not network else ():
                found.add(access.get("natIP", ""))
    return found


def network_of(document: Json, state: around.Around) -> str:
    """The network that an address or forwarding rule takes an internal address of, "" for an external one."""
    scheme = document.get("addressType") or document.get("loadBalancingScheme", "EXTERNAL")
    if scheme.startswith("EXTERNAL"):
        return ""
    subnetwork = names.parse(document.get("subnetwork", ""))
    stored = state.get(subnetwork) if subnetwork else None
    return str(stored["network"] if stored else document.get("network", ""))


def free(
    state: around.Around, *, scope: str, subnetwork: str = "", version: str = "IPV4"
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The lowest free address: of the subnetwork (a link) where one is given, else of the scope's external pool.
    Refusal where there is none left."""
    place = names.parse(subnetwork) if subnetwork else None
    stored = state.get(place) if place else None
    within = ipaddress.ip_network(stored["ipCidrRange"]) if stored else pool(scope, version)
    network = stored["network"] if stored else ""
    taken = reserved(state, network) | used(state, network)
    blocks = [ipaddress.ip_network(text) for text in _aliases(state, network)]
    for address in usable(within):
        if str(address) not in taken and not any(address in one for one in blocks if one.version == address.version):
            return address
    message = f"IP space of '{within}' is exhausted."
    raise errors.Refusal(status=403, reason="ipSpaceExhausted", message=message, code="IP_SPACE_EXHAUSTED")


def usable(
    within: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> collections.abc.Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses of a range without its first two and last two."""
    for index in range(2, min(within.num_addresses - 2, 1 << 16)):
        yield within[index]


def _aliases(state: around.Around, network: str) -> set[str]:
    """Alias ranges of instances in a network, with their prefix length."""
    return {
        alias["ipCidrRange"]
        for _, document in state.every("instances")
        for interface in document.get("networkInterfaces", ())
        if network and interface.get("network") == network
        for alias in interface.get("aliasIpRanges", ())
    }
