"""What a URL map does with a request: services, weights, redirects, rewrites, headers, faults, retries, timeouts.

Called by `urlmaps`. It judges one choice at a time and must not know the balancer that will use the map
(`urlmap_schemes` does).

Source: HttpRouteAction, HttpRedirectAction, UrlRewrite, HttpHeaderAction, HttpRetryPolicy, HttpFaultInjection of
cloud.google.com/compute/docs/reference/rest/v1/urlMaps; header names:
cloud.google.com/load-balancing/docs/l7-internal/custom-headers; regexRewrite and pathTemplateRewrite belong to route
rules alone (GoogleCloudPlatform/magic-modules#18862).
"""

from __future__ import annotations

import re
from typing import Any

from cloudgw_local.gcp import around, urlmap_patterns, urlmap_walk
from cloudgw_local.gcp.urlmap_problems import Problems, invalid, required, too_large, within
from cloudgw_local.gcp.urlmap_walk import Choice

Json = dict[str, Any]
CONDITIONS = (
    "5xx",
    "gateway-error",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)
_REWRITES = ("pathPrefixRewrite", "pathTemplateRewrite", "regexRewrite")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")
_HOP_BY_HOP = ("keep-alive", "transfer-encoding", "te", "connection", "trailer", "upgrade")
_RESERVED = ("host", "authority", "x-user-ip", *_HOP_BY_HOP)
_RESERVED_PREFIXES = ("x-google", "x-goog-", "x-gfe", "x-amz-")
_SECONDS, _NANOS = 315_576_000_000, 999_999_999
_HOST, _PATH, _EXPRESSION, _GROUPS, _WEIGHT = 255, 1024, 250, 8, 1000


def check(document: Json, world: around.Around) -> Problems:
    for choice in urlmap_walk.choices(document):
        yield from _one_of(choice)
        if choice.redirect is not None:
            yield from _redirect(choice, world)
        yield from _action(choice, world)
    for path, action in urlmap_walk.header_actions(document):
        yield from _headers(path, action)


def _one_of(choice: Choice) -> Problems:
    ways = {
        choice.member("service"): bool(choice.service),
        f"{choice.member('routeAction')}.weightedBackendServices": bool(choice.weighted),
        choice.member("urlRedirect"): choice.redirect is not None,
    }
    given = [name for name, there in ways.items() if there]
    if len(given) > 1:
        yield invalid(choice.at("service"), choice.service, f"Only one of {', '.join(given)} can be set.")
    elif not given:
        yield invalid(choice.at("service"), choice.service, f"One of {', '.join(ways)} must be set.")
    elif choice.redirect is not None and choice.member("routeAction") in choice.body:
        action, redirect = choice.member("routeAction"), choice.member("urlRedirect")
        yield invalid(choice.at("routeAction"), choice.action, f"Only one of {action} or {redirect} can be set.")


def _redirect(choice: Choice, world: around.Around) -> Problems:
    path, redirect = choice.at("urlRedirect"), choice.redirect or {}
    if redirect.get("pathRedirect") and redirect.get("prefixRedirect"):
        yield invalid(path, redirect, "pathRedirect cannot be supplied together with prefixRedirect.")
    for member, most in (("hostRedirect", _HOST), ("pathRedirect", _PATH), ("prefixRedirect", _PATH)):
        yield from within(f"{path}.{member}", redirect.get(member), most)
    for member in ("pathRedirect", "prefixRedirect"):
        value = redirect.get(member)
        if value and not value.startswith("/"):
            yield invalid(f"{path}.{member}", value, "The value must start with '/'.")
    if redirect.get("prefixRedirect"):
        yield from _needs_prefix(choice, f"{path}.prefixRedirect", redirect["prefixRedirect"], world)


def _needs_prefix(choice: Choice, path: str, value: str, world: around.Around) -> Problems:
    """Only a prefix (or a whole path) leaves a matched portion to replace."""
    matches = choice.body.get("matchRules") or [] if choice.level == "routeRules" else []
    patterns = any(match.get("regexMatch") or match.get("pathTemplateMatch") for match in matches)
    if patterns and world.belief("gcp-prefix-needs-prefix") == "refused":
        yield invalid(path, value, "It can only be used with prefixMatch or fullPathMatch.")


def _action(choice: Choice, world: around.Around) -> Problems:
    path, action = choice.at("routeAction"), choice.action
    yield from _weights(path, choice)
    if "urlRewrite" in action:
        yield from _rewrite(choice, f"{path}.urlRewrite", action["urlRewrite"], world)
    for member in ("timeout", "maxStreamDuration"):
        if member in action:
            yield from _duration(f"{path}.{member}", action[member])
    if "retryPolicy" in action:
        yield from _retries(f"{path}.retryPolicy", action["retryPolicy"])
    if "faultInjectionPolicy" in action:
        yield from _faults(f"{path}.faultInjectionPolicy", action["faultInjectionPolicy"])
    if "requestMirrorPolicy" in action:
        mirror = action["requestMirrorPolicy"]
        if not mirror.get("backendService"):
            yield required(f"{path}.requestMirrorPolicy.backendService")
        yield from _percentage(f"{path}.requestMirrorPolicy.mirrorPercent", mirror.get("mirrorPercent", 100))
    for index, pattern in enumerate((action.get("corsPolicy") or {}).get("allowOriginRegexes") or []):
        if fault := urlmap_patterns.expression_fault(pattern):
            yield invalid(f"{path}.corsPolicy.allowOriginRegexes[{index}]", pattern, fault)


def _weights(path: str, choice: Choice) -> Problems:
    total = 0
    for item_path, item in urlmap_walk.listed(path, choice.action, "weightedBackendServices"):
        weight = item.get("weight", 0)
        total += weight
        if weight > _WEIGHT:
            yield invalid(f"{item_path}.weight", weight, f"The value must be from 0 to {_WEIGHT}.")
        if not item.get("backendService"):
            yield required(f"{item_path}.backendService")
    if choice.weighted and not total:
        why = "At least one weightedBackendService must have a weight that is not zero."
        yield invalid(f"{path}.weightedBackendServices", choice.weighted, why)


def _rewrite(choice: Choice, path: str, rewrite: Json, world: around.Around) -> Problems:
    given = [member for member in _REWRITES if rewrite.get(member)]
    if len(given) > 1:
        yield invalid(path, rewrite, f"Only one of {', '.join(given)} may be specified.")
    yield from within(f"{path}.hostRewrite", rewrite.get("hostRewrite"), _HOST)
    for member in ("pathPrefixRewrite", "pathTemplateRewrite"):
        yield from within(f"{path}.{member}", rewrite.get(member), _PATH)
    for member in ("pathTemplateRewrite", "regexRewrite"):
        if rewrite.get(member) and choice.level != "routeRules":
            why = f"{member} is exclusively allowed at the route rule level."
            yield invalid(f"{path}.{member}", rewrite[member], why)
            return
    if rewrite.get("pathPrefixRewrite"):
        yield from _needs_prefix(choice, f"{path}.pathPrefixRewrite", rewrite["pathPrefixRewrite"], world)
    if rewrite.get("pathTemplateRewrite"):
        yield from _template(choice, f"{path}.pathTemplateRewrite", rewrite["pathTemplateRewrite"], world)
    if rewrite.get("regexRewrite"):
        yield from _regular(f"{path}.regexRewrite", rewrite["regexRewrite"])


def _template(choice: Choice, path: str, value: str, world: around.Around) -> Problems:
    try:
        wanted = urlmap_patterns.rewrite_variables(value)
    except ValueError as fault:
        yield invalid(path, value, str(fault))
        return
    for match in choice.body.get("matchRules") or []:
        pattern = match.get("pathTemplateMatch")
        if not pattern:
            yield invalid(path, value, "A corresponding pathTemplateMatch must be specified in every matchRule.")
            return
        try:
            known = urlmap_patterns.template(pattern).variables
        except ValueError:
            return  # told where it stands
        missing = [name for name in wanted if name not in known]
        if missing:
            yield invalid(path, value, f"The variable '{missing[0]}' does not exist in pathTemplateMatch '{pattern}'.")
        elif not known and world.belief("gcp-template-rewrite-variable") == "required":
            yield invalid(path, value, f"pathTemplateMatch '{pattern}' must have at least one variable.")


def _regular(path: str, rewrite: Json) -> Problems:
    pattern, substitution = rewrite.get("pathPattern") or "", rewrite.get("pathSubstitution") or ""
    if not pattern:
        yield required(f"{path}.pathPattern")
        return
    if not substitution:
        yield required(f"{path}.pathSubstitution")
    for member, value in (("pathPattern", pattern), ("pathSubstitution", substitution)):
        yield from within(f"{path}.{member}", value, _EXPRESSION)
    if fault := urlmap_patterns.expression_fault(pattern):
        yield invalid(f"{path}.pathPattern", pattern, fault)
        return
    count = urlmap_patterns.groups(pattern)
    if count > _GROUPS:
        yield invalid(f"{path}.pathPattern", pattern, f"It has {count} groups, which exceeds the limit {_GROUPS}.")
    try:
        missing = [number for number in urlmap_patterns.references(substitution) if number > count]
    except ValueError as fault:
        yield invalid(f"{path}.pathSubstitution", substitution, str(fault))
        return
    if missing:
        yield invalid(f"{path}.pathSubstitution", substitution, f"The pattern has no group {missing[0]}.")


def _duration(path: str, duration: Json) -> Problems:
    seconds, nanos = int(duration.get("seconds", 0)), int(duration.get("nanos", 0))
    if not 0 <= seconds <= _SECONDS:
        yield invalid(f"{path}.seconds", seconds, f"The value must be from 0 to {_SECONDS}.")
    if not 0 <= nanos <= _NANOS:
        yield invalid(f"{path}.nanos", nanos, f"The value must be from 0 to {_NANOS}.")


def _retries(path: str, policy: Json) -> Problems:
    if "numRetries" in policy and policy["numRetries"] < 1:
        yield invalid(f"{path}.numRetries", policy["numRetries"], "The value must be greater than 0.")
    if "perTryTimeout" in policy:
        timeout = policy["perTryTimeout"]
        yield from _duration(f"{path}.perTryTimeout", timeout)
        if not int(timeout.get("seconds", 0)) and not int(timeout.get("nanos", 0)):
            yield invalid(f"{path}.perTryTimeout", timeout, "The timeout of an attempt must not be zero.")
    for index, condition in enumerate(policy.get("retryConditions") or []):
        if condition not in CONDITIONS:
            why = f"The value must be one of {', '.join(CONDITIONS)}."
            yield invalid(f"{path}.retryConditions[{index}]", condition, why)


def _faults(path: str, policy: Json) -> Problems:
    if "abort" in policy:
        status = policy["abort"].get("httpStatus", 0)
        if not 200 <= status <= 599:
            yield invalid(f"{path}.abort.httpStatus", status, "The value must be from 200 to 599.")
        yield from _percentage(f"{path}.abort.percentage", policy["abort"].get("percentage", 0))
    if "delay" in policy:
        if "fixedDelay" not in policy["delay"]:
            yield required(f"{path}.delay.fixedDelay")
        yield from _duration(f"{path}.delay.fixedDelay", policy["delay"].get("fixedDelay") or {})
        yield from _percentage(f"{path}.delay.percentage", policy["delay"].get("percentage", 0))


def _percentage(path: str, value: float) -> Problems:
    if not 0 <= value <= 100:
        yield invalid(path, value, "The value must be from 0.0 to 100.0.")


def _headers(path: str, action: Json) -> Problems:
    for member in ("requestHeadersToAdd", "responseHeadersToAdd"):
        names = []
        for item_path, option in urlmap_walk.listed(path, action, member):
            name = option.get("headerName") or ""
            yield from _header_name(f"{item_path}.headerName", name)
            if name.lower() in names:
                yield invalid(f"{item_path}.headerName", name, "A header name must not appear more than once.")
            names.append(name.lower())
            if not option.get("headerValue"):
                yield required(f"{item_path}.headerValue")
    for member in ("requestHeadersToRemove", "responseHeadersToRemove"):
        for index, name in enumerate(action.get(member) or []):
            yield from _header_name(f"{path}.{member}[{index}]", name)


def _header_name(path: str, name: str) -> Problems:
    if not name:
        yield required(path)
    elif len(name) > _HOST:
        yield too_large(path, _HOST, len(name), "character(s)")
    elif not _TOKEN.fullmatch(name):
        yield invalid(path, name, "The header name is not a valid HTTP header field name.")
    elif name.lower() in _RESERVED or name.lower().startswith(_RESERVED_PREFIXES):
        yield invalid(path, name, "The header name is reserved and cannot be modified.")
