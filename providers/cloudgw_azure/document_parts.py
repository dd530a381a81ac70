"""How a gateway's document is put together: its collections, the ids of its children, and what of a GET may be PUT.

`document`, `document_anchor` and `observe` use it. Pure. A GET shows members that only Azure writes (states, etags, and
in every child who refers to it); they are left out of what is sent, because a back reference to a child that goes in
this very write would dangle. Everything else of everybody stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from cloudgw_azure import names

Json: TypeAlias = dict[str, Any]

TYPE = "Microsoft.Network/applicationGateways"
_SHOWN = frozenset(
    (
        "etag",
        "provisioningState",
        "operationalState",
        "resourceGuid",
        "defaultPredefinedSslPolicy",
        "privateEndpointConnections",
        "publicCertData",
        "validatedCertData",
        "clientCertIssuerDN",
        "backendIPConfigurations",
    )
)
_USERS = frozenset(
    (
        "requestRoutingRules",
        "routingRules",
        "urlPathMaps",
        "pathRules",
        "advancedRoutingMaps",
        "httpListeners",
        "listeners",
        "redirectConfigurations",
        "backendHttpSettingsCollection",
        "backendSettingsCollection",
        "loadDistributionPolicies",
        "sslProfiles",
    )
)
_SINGLE = {"httpListeners": {"redirectConfiguration"}, "probes": {"backendHttpSettings", "backendSettings"}}


def back_references(collection: str) -> frozenset[str]:
    """Members by which a child of that collection shows who refers to it."""
    return (_USERS | _SINGLE.get(collection, set())) - ({"pathRules"} if collection == "urlPathMaps" else set())


def gateway_id(subscription: str, resource_group: str, name: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/{TYPE}/{name}"


def collection_id(gateway: str, collection: str, name: str) -> str:
    """Ids of children are made by the client, before they exist."""
    return f"{gateway}/{collection}/{name}"


def parts_of(identity: str) -> tuple[str, str]:
    """(collection, name) of a child's id."""
    collection, name = identity.split("/")[-2:] if identity.count("/") > 1 else ("", identity)
    return collection, name


def children(properties: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    """(collection, child) of everything with a name in the document, but path rules."""
    for collection in sorted(properties):
        items = properties[collection]
        for child in items if isinstance(items, list) else ():
            if isinstance(child, dict) and "name" in child:
                yield collection, child


def map_children(properties: Mapping[str, Any]) -> Iterator[Json]:
    """All path rules."""
    for one in properties.get("urlPathMaps") or ():
        yield from one.get("properties", {}).get("pathRules") or ()


def ours(child: Mapping[str, Any], mark: str) -> bool:
    """The name says that it is of this owner's Gateway; no pool's name is read otherwise than the rest for that."""
    found = names.read_child(str(child["name"]))
    return found is not None and found.mark == mark


def writable(found: Mapping[str, Any]) -> Json:
    """A copy of what a GET shows, without what only Azure writes."""
    body = {name: value for name, value in found.items() if name not in ("etag", "type", "name")}
    body["properties"] = _stripped(found.get("properties") or {})
    for collection, child in children(body["properties"]):
        for member in back_references(collection):
            child.get("properties", {}).pop(member, None)
    identity = body.get("identity")
    if isinstance(identity, Mapping):
        users: Json = {one: {} for one in identity.get("userAssignedIdentities") or {}}
        body["identity"] = {"type": identity.get("type", "UserAssigned"), "userAssignedIdentities": users}
    return copy.deepcopy(body)


def _stripped(value: Any) -> Any:
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: _stripped(item)
        for name, item in value.items()
        if name not in _SHOWN and not (name == "type" and str(item).startswith("Microsoft.Network/"))
    }
