"""The frame of a URL map: host rules, path matchers, rule lists, error policies, tests as written, and sizes.

Called by `urlmaps`. It must not look at what a rule matches or does (`urlmap_match`, `urlmap_action`).

Source: UrlMap, HostRule, PathMatcher, PathRule, UrlMapTest of cloud.google.com/compute/docs/reference/rest/v1/urlMaps;
cloud.google.com/load-balancing/docs/url-map ("Host rules": no IP addresses), .../quotas#url_maps and
.../url-map-size-quota (1 MB, classic 64 KB); "Total number of paths" is a field report's wording.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

from cloudgw_local.gcp import around, urlmap_walk
from cloudgw_local.gcp.urlmap_problems import Problems, invalid, required, too_large, within

Json = dict[str, Any]
HOSTS = RULES = PATHS = 1000
SERVICES, TESTS = 2500, 100
_SIZE, _CLASSIC_SIZE = 1 << 20, 64 << 10
_NAME = r"(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)"
_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_HOST = re.compile(rf"(?:\*|(?:\*[-.])?{_LABEL}(?:\.{_LABEL})*\.?(?::(\d+))?)", re.IGNORECASE)
_PRIORITY = (1 << 31) - 1
_CODES = re.compile(r"[45]xx|[45]\d\d")
_DESCRIPTION, _RULE_DESCRIPTION, _PATH, _HOST_LENGTH = 2048, 1024, 1024, 255


def check(document: Json, schemes: tuple[str, ...], world: around.Around) -> Problems:
    most = 2 * RULES if "INTERNAL_MANAGED" in schemes else RULES  # host rules and matchers
    yield from within("resource.description", document.get("description"), _DESCRIPTION)
    yield from within("resource.hostRules", document.get("hostRules"), most)
    yield from within("resource.pathMatchers", document.get("pathMatchers"), most)
    yield from _hosts(document)
    yield from _matchers(document, world)
    yield from _paths(document, world)
    for path, policy in urlmap_walk.error_policies(document):
        yield from _errors(path, policy)
    yield from _tests(document)
    used = {link for _, link in urlmap_walk.services(document)}
    if len(used) > SERVICES:
        yield too_large("resource", SERVICES, len(used), "backend service(s)")
    size, limit = len(json.dumps(document, separators=(",", ":"))), _CLASSIC_SIZE if "EXTERNAL" in schemes else _SIZE
    if size > limit:
        yield too_large("resource", limit, size, "byte(s)")


def _hosts(document: Json) -> Problems:
    named = {matcher.get("name") for _, matcher in urlmap_walk.matchers(document)}
    seen: dict[str, str] = {}
    for path, rule in urlmap_walk.listed("resource", document, "hostRules"):
        if not rule.get("hosts"):
            yield required(f"{path}.hosts")
        yield from within(f"{path}.hosts", rule.get("hosts"), HOSTS)
        for index, host in enumerate(rule.get("hosts") or []):
            yield from _host(f"{path}.hosts[{index}]", host)
            other = seen.setdefault(host.lower(), path)
            if other != path or rule["hosts"].index(host) != index:
                yield invalid(f"{path}.hosts[{index}]", host, f"The host is already used in '{other}'.")
        if rule.get("pathMatcher") not in named:
            why = "There is no path matcher of this name."
            yield invalid(f"{path}.pathMatcher", rule.get("pathMatcher"), why)


def _host(path: str, host: str) -> Problems:
    found = _HOST.fullmatch(host)
    if len(host) > _HOST_LENGTH:
        yield too_large(path, _HOST_LENGTH, len(host), "character(s)")
    elif found is None:
        why = (
            "It must be a valid hostname with an optional port; '*' must be the first character and be followed by "
            "'-', '.' or nothing."
        )
        yield invalid(path, host, why)
    elif found[1] and not 1 <= int(found[1]) <= 65535:
        yield invalid(path, host, "The port must be from 1 to 65535.")
    elif _is_address(host.partition(":")[0]):
        yield invalid(path, host, "The hostname can't be an IP address.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _matchers(document: Json, world: around.Around) -> Problems:
    used = {rule.get("pathMatcher") for rule in document.get("hostRules") or []}
    names: set[str] = set()
    for path, matcher in urlmap_walk.matchers(document):
        name = matcher.get("name") or ""
        if not re.fullmatch(_NAME, name):
            yield invalid(f"{path}.name", name, f"Must be a match of regex '{_NAME}'")
        if name in names:
            yield invalid(f"{path}.name", name, "The name of a path matcher must be unique.")
        elif name not in used and world.belief("gcp-unused-path-matcher") == "refused":
            yield invalid(f"{path}.name", name, "The path matcher is not used by any host rule.")
        names.add(name)
        yield from within(f"{path}.description", matcher.get("description"), _DESCRIPTION)
        if matcher.get("pathRules") and matcher.get("routeRules"):
            yield invalid(path, matcher, "Only one of pathRules or routeRules must be set.")
        for member in ("pathRules", "routeRules"):
            yield from within(f"{path}.{member}", matcher.get(member), RULES)
        yield from _priorities(path, matcher)


def _priorities(path: str, matcher: Json) -> Problems:
    seen: dict[int, str] = {}
    for rule_path, rule in urlmap_walk.listed(path, matcher, "routeRules"):
        yield from within(f"{rule_path}.description", rule.get("description"), _RULE_DESCRIPTION)
        priority = rule.get("priority")
        if priority is None:
            yield required(f"{rule_path}.priority")
        elif not 0 <= priority <= _PRIORITY:
            yield invalid(f"{rule_path}.priority", priority, f"The value must be from 0 to {_PRIORITY}.")
        elif priority in seen:
            why = f"The priority is already used in '{seen[priority]}'."
            yield invalid(f"{rule_path}.priority", priority, why)
        else:
            seen[priority] = rule_path


def _paths(document: Json, world: around.Around) -> Problems:
    whole = 0
    for path, matcher in urlmap_walk.matchers(document):
        seen: dict[str, str] = {}
        count = 0
        for rule_path, rule in urlmap_walk.listed(path, matcher, "pathRules"):
            if not rule.get("paths"):
                yield required(f"{rule_path}.paths")
            for index, pattern in enumerate(rule.get("paths") or []):
                count += 1
                own = f"{rule_path}.paths[{index}]"
                yield from _path(own, pattern)
                if seen.setdefault(pattern, own) != own:
                    yield invalid(own, pattern, f"The path is already used in '{seen[pattern]}'.")
        whole += count
        if count > PATHS:
            yield invalid(path, matcher, f"Total number of paths is {count}, which exceeds the limit {PATHS}.")
    if whole > PATHS and world.belief("gcp-paths-counted") == "per-map":
        why = f"Total number of paths is {whole}, which exceeds the limit {PATHS}."
        yield invalid("resource.pathMatchers[0]", document["pathMatchers"][0], why)


def _path(path: str, pattern: str) -> Problems:
    if len(pattern) > _PATH:
        yield too_large(path, _PATH, len(pattern), "character(s)")
    elif not pattern.startswith("/"):
        yield invalid(path, pattern, "The path must start with '/'.")
    elif "?" in pattern or "#" in pattern:
        yield invalid(path, pattern, "The characters '?' and '#' are not allowed in a path.")
    elif "*" in pattern.removesuffix("/*"):
        yield invalid(path, pattern, "The only place a '*' is allowed is at the end following a '/'.")


def _errors(path: str, policy: Json) -> Problems:
    seen: set[str] = set()
    for rule_path, rule in urlmap_walk.listed(path, policy, "errorResponseRules"):
        for index, code in enumerate(rule.get("matchResponseCodes") or []):
            own = f"{rule_path}.matchResponseCodes[{index}]"
            if not _CODES.fullmatch(code):
                yield invalid(own, code, "The value must be a number from 400 to 599, '4xx' or '5xx'.")
            elif code in seen:
                yield invalid(own, code, "The value must be unique within the policy.")
            seen.add(code)
        target = rule.get("path") or ""
        if target and (not target.startswith("/") or target.endswith("/")):
            yield invalid(f"{rule_path}.path", target, "The path must start with '/' and must not end with one.")
    if path == "resource.defaultCustomErrorResponsePolicy" and seen and not policy.get("errorService"):
        yield required(f"{path}.errorService")


def _tests(document: Json) -> Problems:
    yield from within("resource.tests", document.get("tests"), TESTS)
    for path, test in urlmap_walk.listed("resource", document, "tests"):
        if not test.get("host"):
            yield required(f"{path}.host")
        target = test.get("path") or ""
        if not target.startswith("/"):
            yield invalid(f"{path}.path", target, "The path must start with '/'.")
        if test.get("service") and test.get("expectedRedirectResponseCode"):
            why = "service cannot be set together with expectedRedirectResponseCode."
            yield invalid(f"{path}.service", test["service"], why)
        if not test.get("service") and not test.get("expectedOutputUrl"):
            yield required(f"{path}.expectedOutputUrl")
        for header_path, header in urlmap_walk.listed(path, test, "headers"):
            if str(header.get("name")).lower() == "host" and header.get("value") != test.get("host"):
                yield invalid(f"{header_path}.value", header.get("value"), "It must match the host of the test.")
