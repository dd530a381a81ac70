"""Edits behind our back, one for each (kind, field) of a gateway document that somebody may change by hand.

`azure_ground` applies them to a document and puts it. An edit takes the document and the child's name and answers
whether there was anything to edit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]
Edit = Callable[[Json, str], bool]


def _child(document: Json, collection: str, name: str) -> Json:
    found: Json = next(one for one in document["properties"][collection] if one["name"] == name)
    properties: Json = found["properties"]
    return properties


def _set(collection: str, member: str, value: Any) -> Edit:
    def edit(document: Json, name: str) -> bool:
        _child(document, collection, name)[member] = value
        return True

    return edit


def _gateway(*path: str, value: Any) -> Edit:
    def edit(document: Json, name: str) -> bool:
        del name
        found = document
        for part in path[:-1]:
            found = found[part]
        found[path[-1]] = value
        return True

    return edit


def _path_rule(document: Json, name: str) -> bool:
    """The answer of another path rule."""
    rules = [one for each in document["properties"]["urlPathMaps"] for one in each["properties"]["pathRules"]]
    mine = next(one["properties"] for one in rules if one["name"] == name)
    for other in rules:
        pool = other["properties"].get("backendAddressPool")
        if pool is not None and pool != mine.get("backendAddressPool"):
            mine["backendAddressPool"] = pool
            mine["backendHttpSettings"] = other["properties"]["backendHttpSettings"]
            return True
    return False


def _targets(document: Json, name: str) -> bool:
    _child(document, "backendAddressPools", name)["backendAddresses"].append({"ipAddress": "10.0.64.99"})
    return True


def _default(document: Json, name: str) -> bool:
    """The map's default becomes what its first path rule answers."""
    found = _child(document, "urlPathMaps", name)
    rules = found["pathRules"]
    if not rules:
        return False
    found["defaultBackendAddressPool"] = rules[0]["properties"]["backendAddressPool"]
    found["defaultBackendHttpSettings"] = rules[0]["properties"]["backendHttpSettings"]
    return True


SETTINGS = "backendHttpSettingsCollection"
EDITS: Mapping[tuple[str, str], Edit] = {
    ("path-rule", "action"): _path_rule,
    ("path-map", "default"): _default,
    ("targets", "targets"): _targets,
    ("settings", "timeout"): _set(SETTINGS, "requestTimeout", 99),
    ("settings", "draining"): _set(SETTINGS, "connectionDraining", {"enabled": True, "drainTimeoutInSec": 99}),
    ("settings", "extra"): _set(SETTINGS, "path", "/elsewhere/"),
    ("probe", "path"): _set("probes", "path", "/drifted"),
    ("probe", "interval"): _set("probes", "interval", 77),
    ("listener", "hosts"): _set("httpListeners", "hostNames", ["drifted.example"]),
    ("gateway", "capacity"): _gateway(
        "properties", "autoscaleConfiguration", value={"minCapacity": 1, "maxCapacity": 3}
    ),
    ("gateway", "http2"): _gateway("properties", "enableHttp2", value=False),
}
