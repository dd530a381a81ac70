"""Reserved addresses, global and regional, external and internal.

The kind that `network.KINDS` holds. Labels of an insert are dropped (setLabels sets them: recorded); who uses an
address is asked of the forwarding rules and instances, never stored.

Source: cloud.google.com/compute/docs/reference/rest/v1/addresses and .../globalAddresses;
cloud.google.com/vpc/docs/configure-private-services-access (VPC_PEERING);
cloud.google.com/compute/docs/ip-addresses/reserve-static-internal-ip-address (an address in use can be promoted). An
internal address that is taken ends the operation with IP_IN_USE_BY_ANOTHER_RESOURCE, as reported in ingress-gce#2735.
Inferred: the other messages.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from cloudgw_local.gcp import around, errors, kind, names, network_ranges, schema

Json = dict[str, Any]
GLOBAL_PURPOSES = ("VPC_PEERING", "PRIVATE_SERVICE_CONNECT")
REGIONAL_PURPOSES = ("GCE_ENDPOINT", "SHARED_LOADBALANCER_VIP", "DNS_RESOLVER", "IPSEC_INTERCONNECT", "SERVERLESS")
# Private services take whole ranges from here unless one is asked for.
_PEERING = ipaddress.IPv4Network("10.128.0.0/9")


def accept(body: Json, place: names.Place, _current: Json | None, state: around.Around) -> Json:
    document = {"addressType": "EXTERNAL", "description": "", "networkTier": "PREMIUM"} | body
    document.pop("labels", None)
    external = document["addressType"] == "EXTERNAL"
    if place.scope == "global" and document["networkTier"] != "PREMIUM":
        raise schema.invalid("resource.networkTier", document["networkTier"], "Must be PREMIUM for a global address.")
    if not external and document["networkTier"] != "PREMIUM":
        raise schema.invalid(
            "resource.networkTier", document["networkTier"], "Must be PREMIUM for an internal address."
        )
    if external:
        return _external(document, place, state)
    return _global_internal(document, state) if place.scope == "global" else _internal(document, place, state)


def _external(document: Json, place: names.Place, state: around.Around) -> Json:
    for name in ("subnetwork", "network", "purpose", "prefixLength"):
        if name in document and document[name] != "NAT_AUTO":
            why = f"Field can not be set for an address of type EXTERNAL in {place.scope}."
            raise schema.invalid(f"resource.{name}", document[name], why)
    if document.get("address"):
        if document["address"] in network_ranges.used(state) - network_ranges.reserved(state):
            return document
        why = "The specified external IP address is not in use by a resource of this project, or is reserved."
        raise schema.invalid("resource.address", document["address"], why)
    version = document.get("ipVersion", "IPV4")
    return document | {"address": str(network_ranges.free(state, scope=place.scope, version=version))}


def _internal(document: Json, place: names.Place, state: around.Around) -> Json:
    purpose = document.setdefault("purpose", "GCE_ENDPOINT")
    if purpose not in REGIONAL_PURPOSES:
        raise schema.invalid("resource.purpose", purpose, "Purpose is not supported for a regional address.")
    if "network" in document and purpose != "IPSEC_INTERCONNECT":
        why = "Network can only be set with purpose VPC_PEERING, PRIVATE_SERVICE_CONNECT or IPSEC_INTERCONNECT."
        raise schema.invalid("resource.network", document["network"], why)
    default = names.Place(project=place.project, scope=place.scope, collection="subnetworks", name="default")
    link = document.setdefault("subnetwork", default.link)
    found = names.parse(link)
    subnetwork = state.get(found) if found else None
    if subnetwork is None:
        raise schema.invalid("resource.subnetwork", link, "The referenced subnetwork resource cannot be found.")
    if subnetwork["purpose"] != "PRIVATE":
        why = f"Addresses can not be reserved in a subnetwork with purpose {subnetwork['purpose']}."
        raise schema.invalid("resource.subnetwork", link, why)
    if not document.get("address"):
        return document | {"address": str(network_ranges.free(state, scope=place.scope, subnetwork=link))}
    address = _parsed(document["address"])
    if address not in ipaddress.ip_network(subnetwork["ipCidrRange"]):
        why = f"Requested internal IP address is outside the subnetwork's range {subnetwork['ipCidrRange']}."
        raise schema.invalid("resource.address", document["address"], why)
    if address not in set(network_ranges.usable(ipaddress.ip_network(subnetwork["ipCidrRange"]))):
        raise schema.invalid("resource.address", document["address"], "The IP address is reserved by the subnetwork.")
    # What something has already can be reserved for it, but only as what it is: an address of one user.
    shared = purpose != "GCE_ENDPOINT" and str(address) in network_ranges.used(state, subnetwork["network"])
    if shared or str(address) in network_ranges.reserved(state, subnetwork["network"]):
        raise in_use(str(address))
    return document


def _global_internal(document: Json, state: around.Around) -> Json:
    purpose = document.get("purpose", "")
    if purpose not in GLOBAL_PURPOSES:
        why = f"Must be one of {', '.join(GLOBAL_PURPOSES)} for a global internal address."
        raise schema.invalid("resource.purpose", purpose, why)
    if not document.get("network"):
        raise schema.required("resource.network")
    if purpose == "PRIVATE_SERVICE_CONNECT":
        if not document.get("address"):
            raise schema.required("resource.address")
        _parsed(document["address"])
        return document
    length = document.get("prefixLength")
    if length is None or not 8 <= length <= 30:
        raise schema.invalid("resource.prefixLength", length or 0, "Must be between 8 and 30 with purpose VPC_PEERING.")
    if not document.get("address"):
        return document | {"address": str(_peering(state, document["network"], length))}
    network_ranges.block("resource.address", f"{document['address']}/{length}")
    return document


def _peering(state: around.Around, network: str, length: int) -> ipaddress.IPv4Address:
    """The first range of that length that meets nothing of the network."""
    used = [stored["ipCidrRange"] for _, stored in state.every("subnetworks") if stored["network"] == network]
    used += [
        f"{stored['address']}/{stored['prefixLength']}"
        for _, stored in state.every("addresses")
        if stored.get("network") == network and "prefixLength" in stored
    ]
    blocks = [ipaddress.ip_network(text) for text in used]
    for candidate in _PEERING.subnets(new_prefix=max(length, _PEERING.prefixlen)):
        if not any(candidate.overlaps(one) for one in blocks):
            return candidate.network_address
    message = f"IP space of '{_PEERING}' is exhausted."
    raise errors.Refusal(status=403, reason="ipSpaceExhausted", message=message)


def _parsed(text: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        raise schema.invalid("resource.address", text, "Must be a valid IPV4 address.") from None


def in_use(address: str) -> errors.Refusal:
    """An internal address that something has already: found when it is taken, not when the call is read."""
    return errors.Refusal(
        status=409,
        reason="ipInUseByAnotherResource",
        code="IP_IN_USE_BY_ANOTHER_RESOURCE",
        message=f"IP '{address}' is already being used by another resource.",
        late=True,
    )


def show(stored: Json, place: names.Place, state: around.Around) -> Json:
    """With `status` and `users`: the forwarding rules that name the address, the instances that have it."""
    users = {one.link for one in state.holders(place)}
    network = network_ranges.network_of(stored, state)
    for one, document in state.every("instances"):
        for interface in document.get("networkInterfaces", ()):
            given = [access.get("natIP") for access in interface.get("accessConfigs", ())]
            if network:
                given = [interface["networkIP"]] if interface["network"] == network else []
            if stored["address"] in given:
                users.add(one.link)
    shown = stored | {"status": "IN_USE" if users else "RESERVED"}
    return shown | {"users": sorted(users)} if users else shown


KINDS: tuple[kind.Kind, ...] = (
    kind.Kind(
        "addresses",
        accept,
        references=(
            kind.Reference("subnetwork", ("subnetworks",)),
            kind.Reference("network", ("networks",), scope="any"),
        ),
        show=show,
    ),
)
