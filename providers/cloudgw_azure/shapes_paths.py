"""Path maps, path rules, routing rules, redirects and rewrite sets, in both forms.

`shapes` collects it. Pure. A map's path rules are elements of their own: the document puts them into their map.
learn.microsoft.com/azure/application-gateway/url-route-overview, .../configuration-request-routing-rules,
.../redirect-overview, .../rewrite-http-headers-url.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw_azure.shapes_values import READ_ONLY, IdOf, RefOf, read_action, ref_in, sub, write_action

PATH_BASED, BASIC = "PathBasedRouting", "Basic"

_ACTION = ("backendAddressPool", "backendHttpSettings", "redirectConfiguration")
_DEFAULT = ("defaultBackendAddressPool", "defaultBackendHttpSettings", "defaultRedirectConfiguration")

MEMBERS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "urlPathMaps": ((*_DEFAULT, "pathRules", *READ_ONLY), {}),
    "pathRules": ((*_ACTION, "paths", "rewriteRuleSet", *READ_ONLY), {}),
    "requestRoutingRules": (("ruleType", "priority", "httpListener", "urlPathMap", *READ_ONLY), {}),
    "redirectConfigurations": ((), {}),
    "rewriteRuleSets": ((), {}),
}
KEPT = {"pathRules": ("firewallPolicy",)}


def write_map(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:
    """Without its path rules."""
    return write_action(spec["default"], id_of, default=True)


def read_map(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:
    return {"default": read_action(properties, ref_of, default=True)}


def write_path(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:
    found = {"paths": list(spec["paths"]), **write_action(spec["action"], id_of)}
    if spec.get("rewrite") is not None:
        found["rewriteRuleSet"] = sub(spec["rewrite"], id_of)
    return found


def read_path(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:
    return {
        "paths": tuple(properties.get("paths") or ()),
        "action": read_action(properties, ref_of),
        "rewrite": ref_in(properties, "rewriteRuleSet", ref_of),
    }


def write_rule(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:
    """Without its priority, which is its position. A rule without a map is what somebody made of ours: the rest of it
    is in `extra`."""
    if spec["map"] is None:
        return {"ruleType": BASIC, "httpListener": sub(spec["listener"], id_of)}
    return {
        "ruleType": PATH_BASED,
        "httpListener": sub(spec["listener"], id_of),
        "urlPathMap": sub(spec["map"], id_of),
    }


def read_rule(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:
    """A rule of another type shows no map of ours, so that it differs."""
    path_based = properties.get("ruleType") == PATH_BASED
    return {
        "listener": ref_in(properties, "httpListener", ref_of),
        "map": ref_in(properties, "urlPathMap", ref_of) if path_based else None,
    }


def write_redirect(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:
    found: dict[str, Any] = {
        "redirectType": spec["type"],
        "includePath": spec["include_path"],
        "includeQueryString": spec["include_query"],
    }
    if spec.get("listener") is not None:
        found["targetListener"] = sub(spec["listener"], id_of)
    else:
        found["targetUrl"] = spec["url"]
    return found


def read_redirect(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:
    return {
        "type": properties.get("redirectType") or "",
        "url": properties.get("targetUrl") or "",
        "listener": ref_in(properties, "targetListener", ref_of),
        "include_path": bool(properties.get("includePath")),
        "include_query": bool(properties.get("includeQueryString")),
    }


def write_rewrites(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:  # noqa: ARG001
    return {"rewriteRules": [_write_rewrite(rule) for rule in spec["rules"]]}


def _write_rewrite(rule: Mapping[str, Any]) -> dict[str, Any]:
    actions: dict[str, Any] = {
        "requestHeaderConfigurations": [_write_header(*header) for header in rule["request"]],
        "responseHeaderConfigurations": [_write_header(*header) for header in rule["response"]],
    }
    url = {"modifiedPath": rule.get("path"), "modifiedQueryString": rule.get("query")}
    if any(value is not None for value in url.values()):
        wanted = {name: value for name, value in url.items() if value is not None}
        actions["urlConfiguration"] = {**wanted, "reroute": rule.get("reroute", False)}
    return {
        "name": rule["name"],
        "ruleSequence": rule["sequence"],
        "conditions": [
            {"variable": variable, "pattern": pattern, "ignoreCase": ignore_case, "negate": negate}
            for variable, pattern, ignore_case, negate in rule["conditions"]
        ],
        "actionSet": actions,
    }


def read_rewrites(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:  # noqa: ARG001
    return {"rules": tuple(_read_rewrite(rule) for rule in properties.get("rewriteRules") or ())}


def _read_rewrite(rule: Mapping[str, Any]) -> dict[str, Any]:
    actions = rule.get("actionSet") or {}
    url = actions.get("urlConfiguration") or {}
    found = {
        "name": rule.get("name") or "",
        "sequence": rule.get("ruleSequence"),
        "conditions": tuple(
            (
                str(condition.get("variable") or ""),
                str(condition.get("pattern") or ""),
                bool(condition.get("ignoreCase")),
                bool(condition.get("negate")),
            )
            for condition in rule.get("conditions") or ()
        ),
        "request": _headers(actions.get("requestHeaderConfigurations") or ()),
        "response": _headers(actions.get("responseHeaderConfigurations") or ()),
        "path": url.get("modifiedPath"),
        "query": url.get("modifiedQueryString"),
    }
    return found | ({"reroute": True} if url.get("reroute") else {})


def _write_header(name: str, value: str, matcher: str = "") -> dict[str, Any]:
    """matcher: of somebody else, as `_headers` read it."""
    return {"headerName": name, "headerValue": value} | ({"headerValueMatcher": json.loads(matcher)} if matcher else {})


def _headers(raw: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    """A matcher, which we never write, makes a third part, so that it differs."""
    found = []
    for item in raw:
        matcher = item.get("headerValueMatcher")
        more = (json.dumps(matcher, sort_keys=True),) if matcher and matcher.get("pattern") else ()
        found.append((str(item.get("headerName") or ""), str(item.get("headerValue") or ""), *more))
    return tuple(found)
