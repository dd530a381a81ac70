"""What a URL map answers to one request: host rule, path matcher, rule, and then a service or a redirect.

The map's own tests are run with it. It holds only what Google's documents say of an evaluation and must never judge a
map: it takes one that the checks let pass.

Source: cloud.google.com/load-balancing/docs/url-map-concepts (host rules, longest path, route rule priorities, path
templates) and cloud.google.com/compute/docs/reference/rest/v1/urlMaps (match rules, redirects, rewrites). "*" alone
matches every host, with a port or without; every other pattern matches the port that it names, or none but the
scheme's own. Faults, mirrors, weights below zero and headers of the answer do not change where a request goes.
"""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
from typing import Any

from cloudgw_local.gcp import urlmap_patterns, urlmap_walk
from cloudgw_local.gcp.urlmap_walk import Choice

Json = dict[str, Any]
CODES = {
    "MOVED_PERMANENTLY_DEFAULT": 301,
    "FOUND": 302,
    "SEE_OTHER": 303,
    "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}
_PORTS = {"http": ":80", "https": ":443"}
_UNRESERVED = re.compile(r"%(2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`path` may carry a query; `headers` are (name, value)."""

    host: str
    path: str
    scheme: str = "http"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`at` is the field path of the choice that decided. A redirect has a `code` and `url` is its location; otherwise
    `services` are the links with weights above zero, and `url` is what a backend is asked for."""

    at: str
    url: str
    services: tuple[tuple[str, int], ...] = ()
    code: int = 0


def answer(document: Json, request: Request) -> Answer:
    path, _, query = request.path.partition("#")[0].partition("?")
    path = _UNRESERVED.sub(lambda found: urllib.parse.unquote(found[0]), path)
    choice, matched = _choose(document, request, path, query)
    if choice.redirect is not None:
        return _redirect(choice, request, path, query, matched)
    rewrite = choice.action.get("urlRewrite") or {}
    host = rewrite.get("hostRewrite") or request.host
    target = _url(request.scheme, host, _rewritten(rewrite, path, matched), query)
    services = [(item["backendService"], item.get("weight", 0)) for item in choice.weighted]
    if choice.service:
        services = [(choice.service, 1)]
    return Answer(at=choice.path, url=target, services=tuple(one for one in services if one[1] > 0))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Matched:
    """The beginning of the path that a rule matched, and the variables of its template."""

    prefix: str = "/"
    variables: dict[str, str] = dataclasses.field(default_factory=dict)


def _choose(document: Json, request: Request, path: str, query: str) -> tuple[Choice, _Matched]:
    wanted = _host_rule(document, request)
    for own, matcher in urlmap_walk.matchers(document):
        if matcher.get("name") == wanted:
            found = _path_rule(own, matcher, path) or _route_rule(own, matcher, request, path, query)
            return found or (Choice(path=own, body=matcher, level="matcher"), _Matched())
    return Choice(path="resource", body=document, level="map"), _Matched()


def _host_rule(document: Json, request: Request) -> str | None:
    """The name of the path matcher of the most specific pattern: an exact one, then the longest, then "*"."""
    host = request.host.lower().removesuffix(_PORTS[request.scheme])
    best, name = -1, None
    for rule in document.get("hostRules") or []:
        for pattern in rule.get("hosts") or []:
            fit = _fit(pattern.lower(), host)
            if fit > best:
                best, name = fit, rule.get("pathMatcher")
    return name


def _fit(pattern: str, host: str) -> int:
    """How well a pattern fits; -1 is not at all."""
    if pattern == host:
        return 1 << 16
    if pattern == "*":
        return 0
    wild = re.escape(pattern[1:])
    if pattern.startswith("*") and re.fullmatch(rf"[a-z0-9\-.]*{wild}", host):
        return len(pattern)
    return -1


def _path_rule(own: str, matcher: Json, path: str) -> tuple[Choice, _Matched] | None:
    best, found = (-1, False), None
    for choice in urlmap_walk.rules(own, matcher):
        for pattern in choice.body.get("paths") or [] if choice.level == "pathRules" else []:
            prefix = pattern.removesuffix("*")
            exact = prefix == pattern
            if (path == pattern if exact else path.startswith(prefix)) and (len(prefix), exact) > best:
                best, found = (len(prefix), exact), (choice, _Matched(prefix=prefix))
    return found


def _route_rule(own: str, matcher: Json, request: Request, path: str, query: str) -> tuple[Choice, _Matched] | None:
    rules = [choice for choice in urlmap_walk.rules(own, matcher) if choice.level == "routeRules"]
    for choice in sorted(rules, key=lambda one: one.body.get("priority", 0)):
        for match in choice.body.get("matchRules") or []:
            matched = _match_path(match, path)
            if matched is not None and _match_rest(match, request, query):
                return choice, matched
    return None


def _match_path(match: Json, path: str) -> _Matched | None:
    fold = str.lower if match.get("ignoreCase") else str
    if prefix := match.get("prefixMatch"):
        return _Matched(prefix=path[: len(prefix)]) if fold(path).startswith(fold(prefix)) else None
    if whole := match.get("fullPathMatch"):
        return _Matched(prefix=path) if fold(path) == fold(whole) else None
    if pattern := match.get("regexMatch"):
        return _Matched(prefix=path) if re.fullmatch(pattern, path) else None
    if text := match.get("pathTemplateMatch"):
        variables = urlmap_patterns.template(text).match(path)
        return None if variables is None else _Matched(prefix=path, variables=variables)
    return None


def _match_rest(match: Json, request: Request, query: str) -> bool:
    given = dict(reversed(urllib.parse.parse_qsl(query, keep_blank_values=True)))
    queries = match.get("queryParameterMatches") or []
    headers = match.get("headerMatches") or []
    return all(_match_query(one, given) for one in queries) and all(_match_header(one, request) for one in headers)


def _match_query(wanted: Json, given: dict[str, str]) -> bool:
    value = given.get(wanted["name"])
    if value is None:
        return False
    if pattern := wanted.get("regexMatch"):
        return re.fullmatch(pattern, value) is not None
    return bool(wanted.get("presentMatch")) or value == wanted.get("exactMatch")


def _match_header(wanted: Json, request: Request) -> bool:
    name = wanted["headerName"].lower()
    own = {":method": request.method, ":authority": request.host, "host": request.host}
    values = [value for key, value in request.headers if key.lower() == name]
    value = own.get(name) or (",".join(values) if values else None)
    return _holds(wanted, value) != bool(wanted.get("invertMatch"))


def _holds(wanted: Json, value: str | None) -> bool:
    if value is None:
        return False
    if pattern := wanted.get("regexMatch"):
        return re.fullmatch(pattern, value) is not None
    if span := wanted.get("rangeMatch"):
        number = int(value) if re.fullmatch(r"-?\d+", value) else None
        return number is not None and int(span.get("rangeStart", 0)) <= number < int(span.get("rangeEnd", 0))
    if prefix := wanted.get("prefixMatch"):
        return value.startswith(prefix)
    if suffix := wanted.get("suffixMatch"):
        return value.endswith(suffix)
    return bool(wanted.get("presentMatch")) or value == wanted.get("exactMatch")


def _rewritten(rewrite: Json, path: str, matched: _Matched) -> str:
    if prefix := rewrite.get("pathPrefixRewrite"):
        return str(prefix) + path[len(matched.prefix) :]
    if template := rewrite.get("pathTemplateRewrite"):
        return urlmap_patterns.rewrite(template, matched.variables)
    if regular := rewrite.get("regexRewrite"):
        return urlmap_patterns.substitute(regular["pathPattern"], regular["pathSubstitution"], path)
    return path


def _redirect(choice: Choice, request: Request, path: str, query: str, matched: _Matched) -> Answer:
    redirect = choice.redirect or {}
    scheme, host = request.scheme, redirect.get("hostRedirect") or request.host
    if redirect.get("httpsRedirect"):
        scheme = "https"
        host = host.partition(":")[0] if host == request.host else host
    if redirect.get("pathRedirect"):
        path = redirect["pathRedirect"]
    elif redirect.get("prefixRedirect"):
        path = redirect["prefixRedirect"] + path[len(matched.prefix) :]
    code = CODES[redirect.get("redirectResponseCode") or "MOVED_PERMANENTLY_DEFAULT"]
    return Answer(at=choice.path, url=_url(scheme, host, path, "" if redirect.get("stripQuery") else query), code=code)


def _url(scheme: str, host: str, path: str, query: str) -> str:
    return f"{scheme}://{host}{path}" + (f"?{query}" if query else "")
