"""What a route rule matches: path forms, header matches, query matches, and how many of them a matcher may hold.

Called by `urlmaps`. It judges whether matches are legal and must not evaluate one.

Source: HttpRouteRule, HttpRouteRuleMatch, HttpHeaderMatch, HttpQueryParameterMatch of
cloud.google.com/compute/docs/reference/rest/v1/urlMaps; limits: cloud.google.com/load-balancing/docs/quotas#url_maps.
"""

from __future__ import annotations

import re
from typing import Any

from cloudgw_local.gcp import urlmap_patterns, urlmap_walk
from cloudgw_local.gcp.urlmap_problems import Problems, invalid, required, too_large, within

Json = dict[str, Any]
PREDICATES, TEMPLATES, EXPRESSIONS = 1000, 100, 5  # of one path matcher
_PATHS = ("prefixMatch", "fullPathMatch", "regexMatch", "pathTemplateMatch")
_HEADERS = ("exactMatch", "prefixMatch", "suffixMatch", "regexMatch", "presentMatch", "rangeMatch")
_QUERIES = ("presentMatch", "exactMatch", "regexMatch")
_HEADER_NAME = re.compile(r":?[A-Za-z0-9!#$%&'*+\-.^_`|~]+")
_LONG, _NAME, _EXPRESSION = 1024, 255, 250


def check(document: Json) -> Problems:
    for path, matcher in urlmap_walk.matchers(document):
        yield from _counts(path, matcher)
        for rule_path, rule in urlmap_walk.listed(path, matcher, "routeRules"):
            if not rule.get("matchRules"):
                yield required(f"{rule_path}.matchRules")
            for match_path, match in urlmap_walk.listed(rule_path, rule, "matchRules"):
                yield from _match(match_path, match)


def _counts(path: str, matcher: Json) -> Problems:
    matches = [match for rule in matcher.get("routeRules") or [] for match in rule.get("matchRules") or []]
    predicates = sum(
        1 + len(match.get("headerMatches") or []) + len(match.get("queryParameterMatches") or []) for match in matches
    )
    if predicates > PREDICATES:
        why = f"Total number of predicates is {predicates}, which exceeds the limit {PREDICATES}."
        yield invalid(path, matcher, why)
    templates = sum("pathTemplateMatch" in match for match in matches)
    if templates > TEMPLATES:
        why = f"Total number of path templates is {templates}, which exceeds the limit {TEMPLATES}."
        yield invalid(path, matcher, why)
    expressions = sum(_expressions(match) for match in matches)
    if expressions > EXPRESSIONS:
        why = f"Total number of regular expressions is {expressions}, which exceeds the limit {EXPRESSIONS}."
        yield invalid(path, matcher, why)


def _expressions(match: Json) -> int:
    inner = [*(match.get("headerMatches") or []), *(match.get("queryParameterMatches") or [])]
    return sum(bool(one.get("regexMatch")) for one in (match, *inner))


def _match(path: str, match: Json) -> Problems:
    given = _given(match, _PATHS)
    if len(given) != 1:
        yield invalid(path, match, f"Precisely one of {', '.join(_PATHS)} must be set.")
    for member in given:
        yield from _path_form(f"{path}.{member}", member, match[member])
    if match.get("ignoreCase") and "regexMatch" in given:
        yield invalid(f"{path}.ignoreCase", True, "ignoreCase must not be used with regexMatch.")
    for header_path, header in urlmap_walk.listed(path, match, "headerMatches"):
        yield from _header(header_path, header)
    for query_path, query in urlmap_walk.listed(path, match, "queryParameterMatches"):
        yield from _query(query_path, query)


def _given(body: Json, members: tuple[str, ...]) -> list[str]:
    return [member for member in members if body.get(member) not in (None, "", False)]


def _path_form(path: str, member: str, value: str) -> Problems:
    if member == "regexMatch":
        yield from _regular(path, value)
        return
    yield from within(path, value, _LONG)
    if not value.startswith("/"):
        yield invalid(path, value, "The value must start with '/'.")
    elif member == "pathTemplateMatch":
        try:
            urlmap_patterns.template(value)
        except ValueError as fault:
            yield invalid(path, value, str(fault))
    elif "?" in value or "#" in value:
        yield invalid(path, value, "The characters '?' and '#' are not allowed in a path.")


def _regular(path: str, value: str) -> Problems:
    if len(value) > _EXPRESSION:
        yield too_large(path, _EXPRESSION, len(value), "character(s)")
    elif fault := urlmap_patterns.expression_fault(value):
        yield invalid(path, value, fault)


def _header(path: str, header: Json) -> Problems:
    name = header.get("headerName") or ""
    if not name:
        yield required(f"{path}.headerName")
    elif not _HEADER_NAME.fullmatch(name) or len(name) > _NAME:
        yield invalid(f"{path}.headerName", name, "The header name is malformed.")
    given = _given(header, _HEADERS)
    if len(given) != 1:
        yield invalid(path, header, f"Precisely one of {', '.join(_HEADERS)} must be set.")
    for member in given:
        if member == "regexMatch":
            yield from _regular(f"{path}.{member}", header[member])
        elif member == "rangeMatch":
            yield from _range(f"{path}.{member}", header[member])
        elif member != "presentMatch":
            yield from within(f"{path}.{member}", header[member], _LONG)


def _range(path: str, value: Json) -> Problems:
    if int(value.get("rangeStart", 0)) >= int(value.get("rangeEnd", 0)):
        yield invalid(path, value, "rangeEnd must be greater than rangeStart.")


def _query(path: str, query: Json) -> Problems:
    if not query.get("name"):
        yield required(f"{path}.name")
    given = _given(query, _QUERIES)
    if len(given) != 1:
        yield invalid(path, query, f"Precisely one of {', '.join(_QUERIES)} must be set.")
    for member in given:
        if member == "regexMatch":
            yield from _regular(f"{path}.{member}", query[member])
        elif member == "exactMatch":
            yield from within(f"{path}.{member}", query[member], _LONG)
