"""Application Gateway documents in a few words, as ARM's GET shows them; for the tests of `semantics` alone.

Children come as (collection, child); frontends, ports, pools and settings that are only referred to are made.
"""

from __future__ import annotations

import json
import re
from typing import Any

Json = dict[str, Any]
Child = tuple[str, Json]

ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw"
IMPLIED: dict[str, Json] = {
    "backendAddressPools": {"backendAddresses": [{"ipAddress": "10.0.0.4"}]},
    "backendHttpSettingsCollection": {"port": 80, "protocol": "Http", "cookieBasedAffinity": "Disabled"},
    "frontendIPConfigurations": {},
}


def ref(collection: str, name: str) -> Json:
    return {"id": f"{ID}/{collection}/{name}"}


def child(collection: str, name: str, **properties: Any) -> Child:
    return collection, {"name": name, **ref(collection, name), "properties": properties}


def listener(
    name: str, *hosts: str, port: int = 80, protocol: str = "Http", frontend: str = "public", **more: Any
) -> Child:
    return child(
        "httpListeners",
        name,
        frontendIPConfiguration=ref("frontendIPConfigurations", frontend),
        frontendPort=ref("frontendPorts", str(port)),
        protocol=protocol,
        hostNames=list(hosts),
        **more,
    )


def to(pool: str, settings: str = "plain") -> Json:
    return {
        "backendAddressPool": ref("backendAddressPools", pool),
        "backendHttpSettings": ref("backendHttpSettingsCollection", settings),
    }


def away(redirect: str) -> Json:
    return {"redirectConfiguration": ref("redirectConfigurations", redirect)}


def rewritten(rewrites: str) -> Json:
    return {"rewriteRuleSet": ref("rewriteRuleSets", rewrites)}


def basic(listens: str, action: Json, priority: int = 100, **more: Any) -> Child:
    heard = ref("httpListeners", listens)
    return child(
        "requestRoutingRules", listens, ruleType="Basic", priority=priority, httpListener=heard, **action, **more
    )


def by_path(listens: str, path_map: str, priority: int = 100, **more: Any) -> Child:
    named = {"httpListener": ref("httpListeners", listens), "urlPathMap": ref("urlPathMaps", path_map)}
    return child("requestRoutingRules", listens, ruleType="PathBasedRouting", priority=priority, **named, **more)


def path_map(name: str, default: Json, *rules: Json) -> Child:
    defaults = {f"default{member[0].upper()}{member[1:]}": value for member, value in default.items()}
    return child("urlPathMaps", name, pathRules=list(rules), **defaults)


def path_rule(name: str, paths: list[str], action: Json) -> Json:
    return {"name": name, "id": f"{ID}/urlPathMaps/m/pathRules/{name}", "properties": {"paths": paths, **action}}


def pool(name: str, *addresses: str) -> Child:
    members = [{"ipAddress": one} if re.fullmatch(r"[\d.]+", one) else {"fqdn": one} for one in addresses]
    return child("backendAddressPools", name, backendAddresses=members)


def settings(name: str, **more: Any) -> Child:
    return child("backendHttpSettingsCollection", name, **{**IMPLIED["backendHttpSettingsCollection"], **more})


def rule(name: str = "r", *conditions: Json, sequence: int | None = None, **actions: Any) -> Json:
    numbered = {} if sequence is None else {"ruleSequence": sequence}
    return {"name": name, **numbered, "conditions": list(conditions), "actionSet": actions}


def when(variable: str, pattern: str, *, ignore_case: bool = False, negate: bool = False) -> Json:
    return {"variable": variable, "pattern": pattern, "ignoreCase": ignore_case, "negate": negate}


def sets(**headers: str) -> list[Json]:
    """X_Name=value, as header names have no underscore."""
    return [{"headerName": name.replace("_", "-"), "headerValue": value} for name, value in headers.items()]


def document(*children: Child, **members: Any) -> Json:
    properties: Json = {"sku": {"name": "Standard_v2", "tier": "Standard_v2"}, "operationalState": "Running", **members}
    for collection, one in children:
        properties.setdefault(collection, []).append(one)
    for collection, name in sorted(set(re.findall(rf"{ID}/(\w+)/([\w.-]+)\"", json.dumps(properties)))):
        found = properties.setdefault(collection, [])
        if collection == "frontendPorts":
            found.append(child(collection, name, port=int(name))[1])
        elif collection in IMPLIED and all(one["name"] != name for one in found):
            found.append(child(collection, name, **IMPLIED[collection])[1])
    return {"name": "gw", "id": ID, "properties": properties}


def rewriting(*rules: Json) -> Json:
    """A gateway with one basic rule and these rewrite rules."""
    rewrites = child("rewriteRuleSets", "w", rewriteRules=list(rules))
    return document(listener("l"), basic("l", {**to("p"), **rewritten("w")}), rewrites)


def one(*hosts: str, **more: Any) -> Json:
    return document(listener("l", *hosts, **more), basic("l", to("p")))


def paths(*rules: tuple[str, str]) -> Json:
    """Path rules in this order, (pattern, pool)."""
    listed = [path_rule(name, [pattern], to(name)) for pattern, name in rules]
    return document(listener("l"), by_path("l", "m"), path_map("m", to("Default"), *listed))


def redirected(action: Json, *hosts: str, **config: Any) -> Json:
    return document(
        listener("http", *hosts),
        listener("https", *action.get("hosts", ()), port=action.get("port", 443), protocol="Https"),
        basic("http", away("r"), 1),
        basic("https", to("Secure"), 2),
        child("redirectConfigurations", "r", **config),
    )


def overridden(pattern: str | None, override: str) -> Json:
    """pattern None: in a basic rule. Else the map's default has the same settings."""
    held = settings("s", path=override)
    if pattern is None:
        return document(listener("l"), basic("l", to("p", "s")), held)
    mapped = path_map("m", to("p", "s"), path_rule("r", [pattern], to("p", "s")))
    return document(listener("l"), by_path("l", "m"), mapped, held)


def serving(*members: str, **more: Any) -> Json:
    return document(listener("l"), basic("l", to("p", "s")), pool("p", *members), settings("s", **more))
