"""What keeps a document valid that holds nothing of ours yet, or nothing any more. Used by `document` alone.

Azure refuses a gateway without a routing rule and a path map without a path rule. An anchor is a rule for a host that
cannot exist (RFC 2606: ".invalid"), on a port of its own, to an empty pool; it is left out as soon as a real rule is
there, and `observe` does not show it. Ports of v2: 1 to 64999 (learn.microsoft.com/azure/application-gateway/
application-gateway-components). Pure.
"""

from __future__ import annotations

from typing import Any

from cloudgw.graph import model
from cloudgw_azure import names, shapes_front
from cloudgw_azure.document_parts import Json, children, collection_id, ours

HOST = "none.invalid"
PATH = "/.well-known/cloudgw-anchor"
LAST_PORT = 64_999
LAST_PRIORITY = 20_000
_SUFFIX = "a" * model.SUFFIX_CHARACTERS


def is_anchor(name: str) -> bool:
    """Whoever's it is: by the logical id, which no real child has."""
    plain = names.read_child(name)
    pool = names.read_child(name, detailed=True)
    return any(found is not None and found.logical == names.ANCHOR for found in (plain, pool))


def remove(properties: Json, mark: str) -> None:
    """Takes every anchor of this Gateway out."""
    for _, child in list(children(properties)):
        rules = child.get("properties", {}).get("pathRules")
        if rules:
            rules[:] = [rule for rule in rules if not _mine(rule, mark)]
    for collection in sorted(properties):
        if isinstance(properties[collection], list):
            properties[collection][:] = [child for child in properties[collection] if not _mine(child, mark)]


def _mine(child: Any, mark: str) -> bool:
    return isinstance(child, dict) and "name" in child and ours(child, mark) and is_anchor(str(child["name"]))


def add(properties: Json, mark: str, gateway: str) -> None:
    """Puts an anchor where there is no routing rule of ours, and into every path map of ours without a path rule."""
    for one in properties.get("urlPathMaps") or ():
        if ours(one, mark) and not one["properties"].get("pathRules"):
            one["properties"]["pathRules"] = [_path_rule(one["properties"], mark)]
    if any(ours(rule, mark) for rule in properties.get("requestRoutingRules") or ()):
        return
    name = names.child(mark, names.ANCHOR, _SUFFIX)
    pool = names.child(mark, names.ANCHOR, _SUFFIX, "80h")

    def of(collection: str, child: str = name) -> dict[str, str]:
        return {"id": collection_id(gateway, collection, child)}

    def put(collection: str, content: Json, child: str = name) -> None:
        properties.setdefault(collection, []).append({"name": child, "properties": content})

    frontend = next(
        one["name"] for one in properties[shapes_front.FRONTEND_COLLECTION] if one["name"] in FRONTEND_NAMES
    )
    put("frontendPorts", {"port": _free(properties, "frontendPorts", "port", LAST_PORT)})
    put("backendAddressPools", {"backendAddresses": []}, pool)
    settings = {"port": 80, "protocol": "Http", "cookieBasedAffinity": "Disabled", "requestTimeout": 30}
    put("backendHttpSettingsCollection", settings)
    listener = {
        "frontendIPConfiguration": of(shapes_front.FRONTEND_COLLECTION, frontend),
        "frontendPort": of("frontendPorts"),
        "protocol": "Http",
        "hostNames": [HOST],
    }
    put("httpListeners", listener)
    rule = {
        "ruleType": "Basic",
        "priority": _free(properties, "requestRoutingRules", "priority", LAST_PRIORITY),
        "httpListener": of("httpListeners"),
        "backendAddressPool": of("backendAddressPools", pool),
        "backendHttpSettings": of("backendHttpSettingsCollection"),
    }
    put("requestRoutingRules", rule)


FRONTEND_NAMES = frozenset(shapes_front.FRONTENDS.values())


def _path_rule(map_: Json, mark: str) -> Json:
    """The map's own default, for a path that nobody asks for."""
    content: Json = {"paths": [PATH]}
    for member in ("backendAddressPool", "backendHttpSettings", "redirectConfiguration"):
        default = map_.get(f"default{member[0].upper()}{member[1:]}")
        if default is not None:
            content[member] = default
    return {"name": names.child(mark, names.ANCHOR, _SUFFIX), "properties": content}


def _free(properties: Json, collection: str, member: str, last: int) -> int:
    """The last number that nobody has. Layer-4 rules count among the priorities."""
    others = properties.get("routingRules") or () if collection == "requestRoutingRules" else ()
    taken = {child.get("properties", {}).get(member) for child in (*(properties.get(collection) or ()), *others)}
    return next(number for number in range(last, 0, -1) if number not in taken)
