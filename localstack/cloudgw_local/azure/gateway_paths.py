"""URL path maps and path rules of a gateway.

Called by `gateway.accept`. Paths are compared as the data plane does: without regard to case.

Source: MicrosoftDocs/azure-docs articles/application-gateway/{url-route-overview,
configuration-request-routing-rules}.md; codes and messages of public reports.
"""

from __future__ import annotations

from cloudgw_local.azure import errors, gateway_document
from cloudgw_local.azure.gateway_document import Child, Document

_PATHS = 100  # includes/application-gateway-limits.md; the service counts every string of every rule of a map


def check(document: Document) -> None:
    by_map: dict[str, list[Child]] = {}
    for rule in document.of("pathRules"):
        by_map.setdefault(rule.id.rsplit("/", 2)[0], []).append(rule)
    for path_map in document.of("urlPathMaps"):
        _check_default(path_map)
        rules = by_map.get(path_map.id, [])
        for rule in rules:
            _check_action(rule)
        _check_paths(path_map, rules)
    if document.around.belief("azure-advanced-routing") == "accepted":
        for routing_map in document.of("advancedRoutingMaps"):
            _check_default(routing_map)


def _check_default(path_map: Child) -> None:
    given = path_map.properties.keys()
    if "defaultRedirectConfiguration" in given:
        for member in ("defaultBackendAddressPool", "defaultBackendHttpSettings"):
            if member in given:
                raise _conflict(path_map, f"with a default redirect configuration cannot reference {member}")
        return
    if "defaultBackendAddressPool" not in given:
        raise gateway_document.refuse(
            "UrlPathMapMustSpecifyDefaultBackendAddressPool",
            f"UrlPathMap {path_map.id} must specify DefaultBackendAddressPool or DefaultRedirectConfiguration.",
            path_map,
        )
    if "defaultBackendHttpSettings" not in given:
        raise gateway_document.refuse(
            "UrlPathMapMustSpecifyDefaultBackendHttpSettings",
            f"UrlPathMap {path_map.id} must specify DefaultBackendHttpSettings.",
            path_map,
        )


def _check_action(rule: Child) -> None:
    given = rule.properties.keys()
    backend = [member for member in ("backendAddressPool", "backendHttpSettings") if member in given]
    if "redirectConfiguration" in given:
        if backend:
            raise _conflict(rule, f"with a redirect configuration cannot reference {backend[0]}")
    elif len(backend) < 2:
        raise gateway_document.refuse(
            "PathRuleMustReference",
            f"PathRule {rule.id} must reference BackendAddressPool and BackendHttpSettings, or RedirectConfiguration.",
            rule,
        )


def _conflict(child: Child, why: str) -> errors.Refusal:
    return gateway_document.refuse("PathRuleReferenceConflict", f"{child.id} {why}.", child)


def _check_paths(path_map: Child, rules: list[Child]) -> None:
    count = sum(len(rule.properties.get("paths") or []) for rule in rules)
    if count > _PATHS:
        raise gateway_document.refuse(
            "UrlPathMapPathLimitReached",
            f"The number of paths in UrlPathMap {path_map.id} is {count} and the maximum allowed is {_PATHS}.",
            path_map,
        )
    seen = set()
    for rule in rules:
        paths = rule.properties.get("paths") or []
        if not paths:
            raise gateway_document.refuse("PathRulePathsCannotBeEmpty", f"PathRule {rule.id} must have paths.", rule)
        for path in paths:
            _check_path(rule, path)
            if path.casefold() in seen:
                raise gateway_document.refuse(
                    "PathsWithinUrlPathMapMustBeUnique",
                    f"Paths specified in a UrlPathMap must be unique. Path {path} is already specified in another "
                    f"PathRule in UrlPathMap {path_map.id}.",
                    rule,
                )
            seen.add(path.casefold())


def _check_path(rule: Child, path: str) -> None:
    if path in ("", "/"):
        raise gateway_document.refuse(
            "PathRulePathShouldHaveNonEmptyMatchValue",
            f"Path {path} of PathRule {rule.id} should have a non-empty match value.",
            rule,
        )
    if not path.startswith("/"):
        raise gateway_document.refuse(
            "PathRulePathMustStartWithSlash", f"Path {path} of PathRule {rule.id} must start with '/'.", rule
        )
    forbidden = sorted({character for character in path if character in "?#" or character.isspace()})
    if forbidden or "*" in path[:-1]:
        raise gateway_document.refuse(
            "PathRuleInvalidCharacter",
            f"Path {path} of PathRule {rule.id} is invalid: '?', '#' and spaces are not allowed, '*' only at the end.",
            rule,
        )
