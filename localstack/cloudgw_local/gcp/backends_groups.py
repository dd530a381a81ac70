"""Rules of zonal network endpoint groups and of the endpoints in them.

`balancing` puts the kind into the frame; `health` reads `endpoints`. Endpoints live in the stored member `_endpoints`
of their group. Everything but the endpoints of a group is fixed at its creation.

Source: cloud.google.com/load-balancing/docs/negs/zonal-neg-concepts, cloud.google.com/compute/docs/reference/rest/v1/
networkEndpointGroups; messages as reported in kubernetes/ingress-gce#1463 (an address that is not the VM's) and in
public logs of GKE (an instance that is gone). That the list writes an instance's bare name: kubernetes/ingress-gce
pkg/neg/syncers, which compares it with the name of the node. Inferred: the other sentences.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import Any

from cloudgw_local.gcp import around, balancing_rules, errors, filters, health, kind, names, schema
from cloudgw_local.gcp.balancing_rules import Json

BATCH, LIMIT, PAGE = 500, 10_000, 500
TYPES = ("GCE_VM_IP_PORT", "GCE_VM_IP", "NON_GCP_PRIVATE_IP_PORT")


def accept(body: Json, place: names.Place, _current: Json | None, surroundings: around.Around) -> Json:
    """A new group, empty. (There is no update.)"""
    kind_of = body.setdefault("networkEndpointType", "GCE_VM_IP_PORT")
    if kind_of not in TYPES:
        why = f"Network endpoint type {kind_of} is not supported for zonal network endpoint groups."
        raise schema.invalid("resource.networkEndpointType", kind_of, why)
    if kind_of == "GCE_VM_IP" and "defaultPort" in body:
        why = "Default port must not be specified for GCE_VM_IP network endpoint groups."
        raise schema.invalid("resource.defaultPort", body["defaultPort"], why)
    balancing_rules.within(body.get("defaultPort"), "resource.defaultPort", 1, 65535)
    _networks(body, place, surroundings)
    return body | {"_endpoints": []}


def _networks(body: Json, place: names.Place, surroundings: around.Around) -> None:
    subnet = balancing_rules.found(body.get("subnetwork"), surroundings)
    if subnet is not None:
        subnet_place, document = subnet
        path, value = "resource.subnetwork", body["subnetwork"]
        if body["networkEndpointType"] == "NON_GCP_PRIVATE_IP_PORT":
            why = "Subnetwork must not be specified for NON_GCP_PRIVATE_IP_PORT network endpoint groups."
            raise schema.invalid(path, value, why)
        if subnet_place.region != place.region:
            raise schema.invalid(path, value, "Subnetwork must be in the same region.")
        if body.setdefault("network", document["network"]) != document["network"]:
            raise schema.invalid(path, value, f"Subnetwork does not belong to the network '{body['network']}'.")
        return
    default = names.Place(project=place.project, scope="global", collection="networks", name="default")
    network = surroundings.get(names.parse(body.setdefault("network", default.link)) or default) or {}
    if body["networkEndpointType"] != "NON_GCP_PRIVATE_IP_PORT" and network.get("autoCreateSubnetworks") is False:
        why = "A subnetwork must be specified for a network in custom subnet mode."
        raise schema.invalid("resource.subnetwork", "", why)


def show(stored: Json, _place: names.Place, _around: around.Around) -> Json:
    """The group with its size; its endpoints are asked for by listNetworkEndpoints."""
    return stored | {"size": len(stored.get("_endpoints", []))}


def attach(current: Json, body: Json, place: names.Place, surroundings: around.Around) -> Json:
    """attachNetworkEndpoints: at most 500 at once, 10,000 in all. One bad endpoint refuses the call."""
    present = {_key(one): one for one in current.get("_endpoints", [])}
    for given in _batch(body):
        endpoint = _endpoint(given, current, place, surroundings)
        if _key(endpoint) in present:
            if surroundings.belief("gcp-attach-present") == "refused":
                why = "The network endpoint is already attached to the network endpoint group."
                raise schema.invalid("resource.networkEndpoints", _spelled(endpoint), why)
            continue
        present[_key(endpoint)] = endpoint
    if len(present) > LIMIT:
        why = f"A network endpoint group holds at most {LIMIT} network endpoints."
        raise schema.invalid("resource.networkEndpoints", "", why)
    return current | {"_endpoints": [present[key] for key in sorted(present)]}


def detach(current: Json, body: Json, _place: names.Place, surroundings: around.Around) -> Json:
    """detachNetworkEndpoints: an endpoint is named by instance, address and port, defaults as at attach."""
    present = {_key(one): one for one in current.get("_endpoints", [])}
    for given in _batch(body):
        wanted: Json = {"port": current.get("defaultPort")} | given
        if "instance" in wanted:
            wanted["instance"] = str(wanted["instance"]).rpartition("/")[2]
        members = [name for name in ("instance", "ipAddress", "port") if wanted.get(name) is not None]
        gone = [key for key, one in present.items() if all(one.get(name) == wanted[name] for name in members)]
        if not gone and surroundings.belief("gcp-detach-absent") == "refused":
            why = "The network endpoint is not attached to the network endpoint group."
            raise schema.invalid("resource.networkEndpoints", _spelled(wanted), why)
        for key in gone:
            del present[key]
    return current | {"_endpoints": [present[key] for key in sorted(present)]}


def listed(
    current: Json | None, body: Json, query: kind.Query, place: names.Place, surroundings: around.Around
) -> Json:
    """listNetworkEndpoints: a page of endpoints, with their health where `healthStatus` is SHOW."""
    shown = (current or {}).get("_endpoints", [])
    if query.get("filter"):
        passes = filters.parse(query["filter"])
        shown = [one for one in shown if passes({"networkEndpoint": _public(one)})]
    after = _after(query.get("pageToken", ""))
    left = [one for one in shown if _key(one) > after]
    said = query.get("maxResults") or str(PAGE)
    size = int(said) if said.isdecimal() else -1
    if not 0 <= size <= PAGE:
        raise schema.invalid("maxResults", said, f"Must be between 0 and {PAGE}.")
    page = left[: size or PAGE]
    answer: Json = {"kind": "compute#networkEndpointGroupsListNetworkEndpoints", "id": place.path}
    items: list[Json] = [{"networkEndpoint": _public(one)} for one in page]
    if body.get("healthStatus") == "SHOW":
        for item, one in zip(items, page, strict=True):
            healths = health.of_endpoint(place, one, surroundings)
            if healths:
                item["healths"] = healths
    if items:
        answer["items"] = items
    if len(left) > len(page):
        answer["nextPageToken"] = base64.urlsafe_b64encode("|".join(map(str, _key(page[-1]))).encode()).decode()
    return answer


def _after(token: str) -> tuple[str, str, int]:
    if not token:
        return ("", "", 0)
    try:
        address, instance, port = base64.urlsafe_b64decode(token.encode()).decode().split("|")
        return (address, instance, int(port))
    except (binascii.Error, ValueError):
        raise errors.Refusal(
            status=400,
            reason="invalid",
            message=f"Invalid value for field 'pageToken': '{token}'.",
            location="pageToken",
        ) from None


def _batch(body: Json) -> list[Json]:
    given: list[Json] = body.get("networkEndpoints") or []
    if not given:
        raise schema.required("resource.networkEndpoints")
    if len(given) > BATCH:
        why = f"At most {BATCH} network endpoints can be specified in one request."
        raise schema.invalid("resource.networkEndpoints", "", why)
    return given


def _endpoint(given: Json, group: Json, place: names.Place, surroundings: around.Around) -> Json:
    """The whole endpoint: an instance of the group's zone, an address of that instance, a port."""
    endpoint = dict(given)
    if group["networkEndpointType"] == "NON_GCP_PRIVATE_IP_PORT":
        if "instance" in endpoint:
            why = "Instance must not be specified for NON_GCP_PRIVATE_IP_PORT network endpoints."
            raise schema.invalid("resource.instance", endpoint["instance"], why)
        if "ipAddress" not in endpoint:
            raise schema.required("resource.ipAddress")
        _ip(endpoint["ipAddress"])
    else:
        _of_instance(endpoint, group, place, surroundings)
    if group["networkEndpointType"] == "GCE_VM_IP":
        if "port" in endpoint:
            why = "Port must not be specified for GCE_VM_IP network endpoints."
            raise schema.invalid("resource.port", endpoint["port"], why)
        return endpoint
    endpoint.setdefault("port", group.get("defaultPort"))
    if endpoint["port"] is None:
        raise schema.required("resource.port")
    balancing_rules.within(endpoint["port"], "resource.port", 1, 65535)
    return endpoint


def _of_instance(endpoint: Json, group: Json, place: names.Place, surroundings: around.Around) -> None:
    if "instance" not in endpoint:
        raise schema.required("resource.instance")
    said = endpoint["instance"]
    meant = names.parse(said) or names.Place(
        project=place.project, scope=place.scope, collection="instances", name=said.rpartition("/")[2]
    )
    document = surroundings.get(meant)
    if document is None or meant.scope != place.scope or meant.collection != "instances":
        why = f"Couldn't find instance with a specified name in {place.scope}."
        raise schema.invalid("resource.instance", said, why)
    endpoint["instance"] = meant.name
    cards = [card for card in document.get("networkInterfaces", []) if card.get("network") == group["network"]]
    if "subnetwork" in group:
        cards = [card for card in cards if card.get("subnetwork") == group["subnetwork"]]
    primary = cards[0]["networkIP"] if cards else ""
    address = endpoint.setdefault("ipAddress", primary)
    if group["networkEndpointType"] == "GCE_VM_IP":
        owned = address == primary != ""
    else:
        owned = bool(address) and any(_holds(card, _ip(address)) for card in cards)
    if not owned:
        where = str(group.get("subnetwork") or group["network"]).rpartition("/")[2]
        missed = f"the (sub)network {where} or to the instance {meant.name}"
        why = f"Specified IP address {address} doesn't belong to {missed}."
        raise schema.invalid("resource.ipAddress", address, why)


def _ip(text: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        raise schema.invalid("resource.ipAddress", text, "Must be a literal IPv4 address.") from None


def _holds(card: Json, address: ipaddress.IPv4Address) -> bool:
    if card.get("networkIP") == str(address):
        return True
    return any(address in ipaddress.ip_network(one["ipCidrRange"]) for one in card.get("aliasIpRanges", []))


def _key(endpoint: Json) -> tuple[str, str, int]:
    return (endpoint.get("ipAddress", ""), endpoint.get("instance", ""), endpoint.get("port", 0))


def _spelled(endpoint: Json) -> str:
    return ":".join(str(endpoint[name]) for name in ("instance", "ipAddress", "port") if endpoint.get(name))


def _public(endpoint: Json) -> dict[str, Any]:
    return {name: value for name, value in endpoint.items() if not name.startswith("_")}


KINDS = (
    kind.Kind(
        "networkEndpointGroups",
        balancing_rules.semantic(accept),
        references=(
            kind.Reference("network", ("networks",), "any"),
            kind.Reference("subnetwork", ("subnetworks",), "any"),
        ),
        show=show,
        actions={
            "attachNetworkEndpoints": balancing_rules.semantic(attach),
            "detachNetworkEndpoints": balancing_rules.semantic(detach),
        },
        reads={"listNetworkEndpoints": listed},
    ),
)
