"""Networks and subnetworks, and the list of all kinds around load balancers that this project's networks hold.

`kinds` collects `KINDS`. Proxy-only subnetworks are the point: regional load balancers do not work without one. A
network in auto mode gets no subnetworks of its own here, but for the one the start world plants.

Source: cloud.google.com/compute/docs/reference/rest/v1/networks and .../subnetworks;
cloud.google.com/load-balancing/docs/proxy-only-subnets; defaults as recorded in k8s-config-connector's golden logs.
Messages as reported: overlap in terraform-google-network#20, "Must be a CIDR address range", auto mode in
bosh-google-cpi-release#262, proxy-only subnetworks in terraform-google-network#371 and
terraform-provider-google#13438. Inferred: the other messages.
"""

from __future__ import annotations

import collections.abc
import ipaddress
from typing import Any

from cloudgw_local.gcp import (
    around,
    kind,
    names,
    network_addresses,
    network_buckets,
    network_firewalls,
    network_instances,
    network_ranges,
    schema,
)

Json = dict[str, Any]
PROXY_ONLY = ("REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY", "INTERNAL_HTTPS_LOAD_BALANCER")
AUTO = ipaddress.ip_network("10.128.0.0/9")
# Unlike in other purposes, these may not be sent with a proxy-only subnetwork, whatever their value.
_NO_PROXY = ("logConfig", "enableFlowLogs", "privateIpGoogleAccess", "privateIpv6GoogleAccess", "secondaryIpRanges")
_MTU = range(1300, 8897)


def accept_network(body: Json, _place: names.Place, _current: Json | None, _around: around.Around) -> Json:
    if "IPv4Range" in body or "autoCreateSubnetworks" not in body:
        raise schema.invalid("resource.IPv4Range", body.get("IPv4Range", ""), "Legacy networks can not be created.")
    if body.get("mtu", 1460) not in _MTU:
        raise schema.invalid("resource.mtu", body["mtu"], f"Must be between {_MTU[0]} and {_MTU[-1]}.")
    routing = {"bgpBestPathSelectionMode": "LEGACY", "routingMode": "REGIONAL"} | body.get("routingConfig", {})
    order = {"networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL"}
    return order | body | {"routingConfig": routing}


def show_network(stored: Json, place: names.Place, state: around.Around) -> Json:
    """`subnetworks` are found, not stored; `selfLinkWithId` is in the recordings of every network."""
    shown = dict(stored)
    if "id" in stored:
        shown["selfLinkWithId"] = place.link.removesuffix(place.name) + str(stored["id"])
    subnetworks = [one.link for one, document in state.every("subnetworks") if document["network"] == place.link]
    return shown | {"subnetworks": subnetworks} if subnetworks else shown


def accept_subnetwork(body: Json, place: names.Place, current: Json | None, state: around.Around) -> Json:
    for name in ("network", "ipCidrRange"):
        if not body.get(name):
            raise schema.required(f"resource.{name}")
    purpose = body.get("purpose", "PRIVATE")
    purpose = "PRIVATE" if purpose == "PRIVATE_RFC_1918" else purpose
    document = body | {"purpose": purpose}
    document.pop("region", None)  # the frame's, whatever was sent
    if purpose in PROXY_ONLY:
        _check_proxy_only(document, place, current, state)
    elif "role" in document:
        why = f"Subnetwork role can not be specified when purpose set to {purpose}."
        raise schema.invalid("resource.role", document["role"], why)
    _check_ranges(document, place, state)
    defaults = {
        "allowSubnetCidrRoutesOverlap": False,
        "gatewayAddress": str(ipaddress.ip_network(document["ipCidrRange"])[1]),
        "privateIpGoogleAccess": False,
        "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
    }
    if purpose in PROXY_ONLY:
        return defaults | document | {"state": "READY"}
    logs = {"enableFlowLogs": document.get("logConfig", {}).get("enable", False), "logConfig": {"enable": False}}
    stack = {} if purpose == "PRIVATE_NAT" else {"stackType": "IPV4_ONLY"}
    return defaults | logs | stack | document


def _check_proxy_only(document: Json, place: names.Place, current: Json | None, state: around.Around) -> None:
    purpose = document["purpose"]
    if current is None:
        for name in _NO_PROXY:
            if name in document:
                why = f"Invalid field set in subnetwork with purpose {purpose}."
                raise schema.invalid(f"resource.{name}", document[name], why)
    if "role" not in document:
        why = f"Subnetwork role must be specified when purpose set to {purpose}."
        raise schema.invalid("resource.role", "UNSPECIFIED_ROLE", why)
    for other, stored in state.every("subnetworks"):
        same = (stored["network"], stored["purpose"]) == (document["network"], purpose)
        if same and other.scope == place.scope and other != place and stored["role"] == document["role"]:
            why = (
                f"There is already a subnetwork '{other.name}' with purpose {purpose} and role {document['role']} "
                f"in region '{place.location}' of the network."
            )
            raise schema.invalid("resource.role", document["role"], why)


def _check_ranges(document: Json, place: names.Place, state: around.Around) -> None:
    """Every range is one, is as large as its purpose needs, and meets no other of the network."""
    longest = 26 if document["purpose"] in PROXY_ONLY else 29
    own = list(_ranges(document))
    taken = [
        (other, block)
        for other, stored in state.every("subnetworks")
        if stored["network"] == document["network"] and other != place
        for _, _, block in _ranges(stored)
    ]
    named: set[str] = set()
    for path, text, block in own:
        if block.prefixlen > longest:
            raise schema.invalid(path, text, f"Prefix length must be at most {longest}.")
        for other, theirs in [*taken, *((place, one) for p, _, one in own if p != path)]:
            if block.overlaps(theirs):
                why = f"Invalid IPCidrRange: {text} conflicts with existing subnetwork '{other.name}' in region "
                raise schema.invalid(path, text, f"{why}'{other.location}'.")
    network = names.parse(document["network"])
    stored = state.get(network) if network else None
    # The subnetwork that auto mode itself makes in a region is called like the network; others keep out of its range.
    if network and stored and stored["autoCreateSubnetworks"] and place.name != network.name:
        path, text, block = own[0]
        if block.overlaps(AUTO):
            why = f"Extended subnetworks in auto subnet mode networks cannot overlap with {AUTO}."
            raise schema.invalid(path, text, why)
    for index, secondary in enumerate(document.get("secondaryIpRanges", ())):
        name = secondary.get("rangeName", "")
        if not name or name in named:
            why = "Range names must be unique in a subnetwork." if name else "A range name must be specified."
            raise schema.invalid(f"resource.secondaryIpRanges[{index}].rangeName", name, why)
        named.add(name)


def _ranges(document: Json) -> collections.abc.Iterator[tuple[str, str, ipaddress.IPv4Network]]:
    path = "resource.ipCidrRange"
    yield path, document["ipCidrRange"], network_ranges.block(path, document["ipCidrRange"])
    for index, secondary in enumerate(document.get("secondaryIpRanges", ())):
        path = f"resource.secondaryIpRanges[{index}].ipCidrRange"
        text = secondary.get("ipCidrRange", "")
        yield path, text, network_ranges.block(path, text)


def expand(current: Json, body: Json, place: names.Place, state: around.Around) -> Json:
    """expandIpCidrRange: the new range must hold the old one."""
    path, text = "resource.ipCidrRange", body.get("ipCidrRange", "")
    old = ipaddress.ip_network(current["ipCidrRange"])
    new = network_ranges.block(path, text)
    if new.prefixlen >= old.prefixlen or not old.subnet_of(new):  # type: ignore[arg-type]
        raise schema.invalid(path, text, f"Must be larger than the existing range {old} and hold it.")
    document = current | {"ipCidrRange": text, "gatewayAddress": str(new[1])}
    _check_ranges(document, place, state)
    return document


def set_private_access(current: Json, body: Json, _place: names.Place, _around: around.Around) -> Json:
    return current | {"privateIpGoogleAccess": body.get("privateIpGoogleAccess", False)}


def keep(body: Json, _place: names.Place, _current: Json | None, _around: around.Around) -> Json:
    """Security policies come with the world; none of their methods that would change one is served."""
    return body


KINDS: tuple[kind.Kind, ...] = (
    kind.Kind("securityPolicies", keep),
    kind.Kind(
        "networks",
        accept_network,
        immutable=("autoCreateSubnetworks", "IPv4Range", "description", "networkProfile"),
        show=show_network,
    ),
    kind.Kind(
        "subnetworks",
        accept_subnetwork,
        references=(kind.Reference("network", ("networks",), scope="any"),),
        immutable=("network", "ipCidrRange", "purpose", "description"),
        actions={"expandIpCidrRange": expand, "setPrivateIpGoogleAccess": set_private_access},
    ),
    *network_addresses.KINDS,
    *network_buckets.KINDS,
    *network_firewalls.KINDS,
    *network_instances.KINDS,
)
