"""What Google's Application Load Balancers answer, interpreted from their own objects as GET shows them.

Plans use it to say which requests change; tests compare it with the Gateway API's opinion. Pure. It reads raw JSON and
nothing of ours: it must never import `build*`, `shapes*`, `kinds*` or `document*`, so that they stay two opinions.
What it does not read it refuses (NotInterpreted), and only for requests that it touches.
Documents: cloud.google.com/load-balancing/docs/ url-map-concepts, https/setting-up-global-traffic-mgmt,
https/traffic-management, https/setting-up-url-rewrite, https/custom-headers-global, re2-support;
cloud.google.com/compute/docs/reference/rest/v1/ urlMaps and backendServices.

Documents contradict each other, and the first is taken: `**` in a path template is zero or more characters (url-map-
concepts) or segments (urlMaps); a template rewrite keeps the "/" that is written at its end (its field; the example in
url-map-concepts loses it); ignoreCase ignores case (its name; its text says the reverse). They are silent, and the
plain reading is taken, on: `:80` in the Host of an http request says nothing, as `:443` of https; of several `*`
patterns the longest wins, `*` last; a match rule without a path condition takes every path; doubled slashes are
compared as they come; a hostRedirect replaces the port too; a backend service without backends answers 503; an https
port closes on plain http. They are silent, and where it counts the request is refused, on: which of several values of a
header or query parameter is compared, and whether decoded; whether an expression has to cover all of a value; whether
escapes of letters and digits in a path are decoded first; removing and adding one header at once. What a header action
does to answers that the load balancer makes by itself is not said here at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from cloudgw_gcp import semantics_match as match
from cloudgw_gcp import semantics_model as model

Request = model.Request
Answer = model.Answer
Share = model.Share
Edits = model.Edits
NotInterpreted = model.NotInterpreted

Json = model.Json
path_of = model.path_of

CODES = {
    "MOVED_PERMANENTLY_DEFAULT": 301,
    "FOUND": 302,
    "SEE_OTHER": 303,
    "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}
SCHEMES = ("EXTERNAL_MANAGED", "INTERNAL_MANAGED")
PROXIES = {"targetHttpProxies": "http", "targetHttpsProxies": "https"}
SERVICE_TIMEOUT = 30.0  # backendServices: timeoutSec "The default is 30 seconds"
COOKIES = {"global": "GCLB", "regions": "GCILB"}  # backend-service, "Generated cookie affinity"

_UNREAD_ACTIONS = (
    "corsPolicy",
    "retryPolicy",
    "cachePolicy",
    "maxStreamDuration",
    "dynamicCompressionPolicy",
    "imageOptimizationPolicy",
)
_UNREAD_SERVICE = ("enableCDN", "securityPolicy", "edgeSecurityPolicy", "customRequestHeaders", "customResponseHeaders")
_UNRESERVED = re.compile(r"%(?:2[DE]|3[0-9]|[46][1-9A-F]|[57][0-9A]|5F|7E)", re.IGNORECASE)
_FORBIDDEN = re.compile(r"host|authority|:.*|x-user-ip|cdn-loop|(?:x-google|x-goog-|x-gfe|x-amz-).*", re.IGNORECASE)


def answer(project: Mapping[str, Any], request: Request) -> Answer:
    """project: GET documents under "forwardingRules", "targetHttpProxies", "targetHttpsProxies", "urlMaps",
    "backendServices", "addresses" (only where a rule names an address by link); with "endpoints" ({path of a network
    endpoint group: its endpoints}) a group that is listed there without endpoints counts as none. What the
    configuration says, whatever the health of backends and whoever can reach the address. Raises NotInterpreted."""
    found = _proxy(project, request)
    if found is None:
        return Answer(kind="closed")
    kind, proxy = found
    if PROXIES[kind] != request.scheme:
        return Answer(kind="closed")
    _refuse(f"{_name(proxy)}.serverTlsPolicy", proxy.get("serverTlsPolicy"), "which clients it lets in is not read")
    if not request.path.startswith("/"):
        raise NotInterpreted("request.path", f"what {request.path!r} is compared with is not documented")
    url_map = _find(project, "urlMaps", proxy.get("urlMap"), f"{_name(proxy)}.urlMap")
    return _Map(project=project, url_map=url_map, name=_name(url_map), request=request).answer()


def _proxy(project: Mapping[str, Any], request: Request) -> tuple[str, Json] | None:
    """The target of the forwarding rule on this address and port."""
    targets = set()
    for rule in project.get("forwardingRules") or ():
        if _address(project, rule) != request.ip or not _on_port(rule, request.port):
            continue
        scheme = rule.get("loadBalancingScheme")
        if scheme not in SCHEMES:
            raise NotInterpreted(f"{_name(rule)}.loadBalancingScheme", f"{scheme} has other rules than those read here")
        targets.add(path_of(rule.get("target")))
    if not targets:
        return None
    if len(targets) > 1:
        raise NotInterpreted("forwardingRules", f"{request.ip}:{request.port} leads to {', '.join(sorted(targets))}")
    target = targets.pop()
    kind = target.split("/")[-2] if "/" in target else ""
    if kind not in PROXIES:
        raise NotInterpreted("forwardingRules.target", f"{target!r} is no HTTP or HTTPS proxy")
    return kind, _find(project, kind, target, "forwardingRules.target")


def _address(project: Mapping[str, Any], rule: Json) -> str:
    """GET shows the number; a link stands for the address it names."""
    shown = str(rule.get("IPAddress", ""))
    if "/" not in shown:
        return shown
    return str(_find(project, "addresses", shown, f"{_name(rule)}.IPAddress").get("address", ""))


def _on_port(rule: Json, port: int) -> bool:
    ranges = [str(item) for item in [rule.get("portRange"), *(rule.get("ports") or ())] if item]
    ends = [item.partition("-") for item in ranges]
    return rule.get("IPProtocol", "TCP") == "TCP" and any(
        int(first) <= port <= int(last or first) for first, _, last in ends
    )


def _find(project: Mapping[str, Any], collection: str, link: object, where: str) -> Json:
    wanted = path_of(link)
    documents: Sequence[Json] = project.get(collection) or ()
    for document in documents:
        if wanted and path_of(document.get("selfLink")) == wanted:
            return document
    raise NotInterpreted(where, f"none of the {collection} given here is {wanted!r}")


def _name(document: Json) -> str:
    """Collection and name, as messages show them: "urlMaps/m"."""
    return "/".join(path_of(document.get("selfLink")).split("/")[-2:])


def _refuse(where: str, found: object, reason: str) -> None:
    if found:
        raise NotInterpreted(where, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """What takes the request: a rule, or the default of a matcher or of the map. where: its name in messages. actions:
    header actions in the order in which they happen, after those of the share."""

    where: str
    service: object
    redirect: Json | None
    action: Json
    matched: match.Matched
    actions: tuple[tuple[str, Json], ...]
    matcher: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Map:
    project: Mapping[str, Any]
    url_map: Json
    name: str
    request: Request

    def answer(self) -> Answer:
        request = self.request
        path = request.path.partition("#")[0]
        if path.endswith("/.."):
            raise NotInterpreted("request.path", "what happens to two dots at the end is not documented")
        if "/../" in path:
            return self._dots(path)
        chosen = self._choose(path)
        bare = _UNRESERVED.sub(lambda escape: unquote(escape.group()), path)
        if bare != path and self._choose(bare).where != chosen.where:
            raise NotInterpreted("request.path", "whether its escapes are decoded first is not documented")
        found = self._redirect(chosen, path) if chosen.redirect is not None else self._forward(chosen, path)
        return replace(found, url_map=path_of(self.url_map.get("selfLink")), matcher=chosen.matcher, rule=chosen.rule)

    def _dots(self, path: str) -> Answer:
        """A path with `/../` is answered with 302 to the path without that segment (url-map-concepts)."""
        segments: list[str] = []
        for segment in path.split("/")[1:]:
            if segment == "..":
                del segments[-1:]
            else:
                segments.append(segment)
        location = _location(self.request.scheme, self.request.host, "/" + "/".join(segments), self.request.query)
        return Answer(kind="redirect", status=302, location=location, url_map=path_of(self.url_map.get("selfLink")))

    def _choose(self, path: str) -> _Chosen:
        url_map, name = self.url_map, self.name
        last = ((name, url_map),)
        _refuse(f"{name}.defaultCustomErrorResponsePolicy", url_map.get("defaultCustomErrorResponsePolicy"), _ERRORS)
        rule = match.host_rule(url_map, name, self.request)
        if rule is None:
            return _default(url_map, name, last, "")
        matchers: Sequence[Json] = url_map.get("pathMatchers") or ()
        matcher = next((item for item in matchers if item.get("name") == rule.get("pathMatcher")), None)
        if matcher is None:
            raise NotInterpreted(f"{name}.hostRules", f"there is no path matcher {rule.get('pathMatcher')!r}")
        where = f"{name}.pathMatchers[{matcher['name']}]"
        _refuse(f"{where}.defaultCustomErrorResponsePolicy", matcher.get("defaultCustomErrorResponsePolicy"), _ERRORS)
        levels = ((where, matcher), *last)
        if matcher.get("pathRules") and matcher.get("routeRules"):
            raise NotInterpreted(where, "only one of pathRules or routeRules can be set")
        by_path = match.path_rule(matcher, where, path)
        if by_path is not None:
            pattern, rule, matched = by_path
            return _ruled(rule, f"{where}.pathRules[{pattern}]", levels, matched, str(matcher["name"]), pattern)
        regexes = "/regions/" in path_of(url_map.get("selfLink")) or self._internal()
        by_route = match.route_rule(matcher, where, path, self.request, regexes)
        if by_route is not None:
            rule, matched = by_route
            priority = str(rule["priority"])
            here = f"{where}.routeRules[{priority}]"
            return _ruled(rule, here, ((here, rule), *levels), matched, str(matcher["name"]), priority)
        return _default(matcher, where, levels, str(matcher["name"]))

    def _internal(self) -> bool:
        rules: Sequence[Json] = self.project.get("forwardingRules") or ()
        return any(
            rule.get("loadBalancingScheme") == "INTERNAL_MANAGED"
            for rule in rules
            if _address(self.project, rule) == self.request.ip and _on_port(rule, self.request.port)
        )

    def _redirect(self, chosen: _Chosen, path: str) -> Answer:
        where, found = f"{chosen.where}.urlRedirect", chosen.redirect or {}
        _refuse(where, chosen.service or chosen.action, "it stands beside a service or a route action")
        code = found.get("redirectResponseCode") or "MOVED_PERMANENTLY_DEFAULT"
        if code not in CODES:
            raise NotInterpreted(f"{where}.redirectResponseCode", f"{code!r} is no code of a redirect")
        scheme, host = self.request.scheme, found.get("hostRedirect") or self.request.host
        if found.get("httpsRedirect"):
            _refuse(f"{where}.httpsRedirect", scheme == "https", "it is not permitted behind an HTTPS proxy")
            if not found.get("hostRedirect") and match.split_host(self.request)[1]:
                raise NotInterpreted(f"{where}.httpsRedirect", f"which port follows {host!r} is not documented")
            scheme, host = "https", found.get("hostRedirect") or re.sub(r":80?$", "", host)
        if found.get("pathRedirect") and found.get("prefixRedirect"):
            raise NotInterpreted(f"{where}.prefixRedirect", "it cannot be supplied together with pathRedirect")
        if found.get("prefixRedirect"):
            path = _prefixed(chosen.matched, path, str(found["prefixRedirect"]), f"{where}.prefixRedirect")
        path = _plain(found.get("pathRedirect") or path, where)
        query = "" if found.get("stripQuery") else self.request.query
        return Answer(kind="redirect", status=CODES[code], location=_location(scheme, host, path, query))

    def _forward(self, chosen: _Chosen, path: str) -> Answer:
        where, action = f"{chosen.where}.routeAction", chosen.action
        abort = _abort(action, f"{where}.faultInjectionPolicy")
        weighted: Sequence[Json] = action.get("weightedBackendServices") or ()
        if bool(chosen.service) is bool(weighted):
            raise NotInterpreted(chosen.where, "exactly one of service, weightedBackendServices and redirect is wanted")
        if abort is not None and abort[1] >= 100:
            return Answer(kind="fixed", status=abort[0])
        for member in _UNREAD_ACTIONS:
            if member != "corsPolicy" or not (action.get(member) or {}).get("disabled"):
                _refuse(f"{where}.{member}", action.get(member), "what it changes is not read here")
        rewrite: Json = action.get("urlRewrite") or {}
        parts = [(item["backendService"], int(item.get("weight", 0)), item) for item in weighted]
        parts = parts or [(chosen.service, 1, {})]
        shares = tuple(self._share(*part, chosen) for part in parts if part[1] > 0)
        if not shares:
            raise NotInterpreted(f"{where}.weightedBackendServices", "all weights are 0: who answers is not documented")
        return Answer(
            kind="forward",
            status=503 if all(share.empty for share in shares) else 0,
            shares=shares,
            abort=abort,
            path=_rewritten(rewrite, chosen.matched, path, f"{where}.urlRewrite"),
            query=self.request.query,
            host=str(rewrite.get("hostRewrite") or self.request.host),
            timeout=self._timeout(action, [link for link, _, _ in parts], where),
            mirror=_mirror(action, where),
        )

    def _timeout(self, action: Json, services: Sequence[object], where: str) -> float:
        """Without one of its own a route has the largest of its backend services."""
        given: Json | None = action.get("timeout")
        if given is not None:
            return int(given.get("seconds", 0)) + int(given.get("nanos", 0)) / 1_000_000_000
        found = [_find(self.project, "backendServices", service, where) for service in services]
        return max(float(service.get("timeoutSec", SERVICE_TIMEOUT)) for service in found)

    def _share(self, link: object, weight: int, item: Json, chosen: _Chosen) -> Share:
        """Header actions of the share come first, those of the map last (HttpHeaderAction)."""
        service = _find(self.project, "backendServices", link, f"{chosen.where}.service")
        name = _name(service)
        for member in _UNREAD_SERVICE:
            _refuse(f"{name}.{member}", service.get(member), "what it changes is not read here")
        _refuse(f"{name}.iap", (service.get("iap") or {}).get("enabled"), "who is let in is not read here")
        actions = ((f"{chosen.where}.weightedBackendServices[{name}]", item), *chosen.actions)
        request = [_edits(level, where, "request") for where, level in actions]
        response = [_edits(level, where, "response") for where, level in actions]
        affinity = str(service.get("sessionAffinity") or "NONE")
        return Share(
            service=path_of(service.get("selfLink")),
            weight=weight,
            empty=self._empty(service),
            protocol=str(service.get("protocol") or "HTTP"),
            affinity=affinity,
            cookie=_cookie(affinity, service),
            headers=Edits(steps=tuple(step for edits in request for step in edits)).apply(self.request.headers),
            response=Edits(steps=tuple(step for edits in response for step in edits)),
        )

    def _empty(self, service: Json) -> bool:
        endpoints: Mapping[str, Sequence[object]] = self.project.get("endpoints") or {}
        groups = [path_of(backend.get("group")) for backend in service.get("backends") or ()]
        return not any(group not in endpoints or endpoints[group] for group in groups)


_ERRORS = "which answers it replaces is not read here"


def _default(owner: Json, where: str, levels: tuple[tuple[str, Json], ...], matcher: str) -> _Chosen:
    """A default matches `/`, so a prefix comes before the whole path (url-map-concepts, "URL redirects")."""
    return _Chosen(
        where=f"{where}.default",
        service=owner.get("defaultService"),
        redirect=owner.get("defaultUrlRedirect"),
        action=owner.get("defaultRouteAction") or {},
        matched=match.Matched(prepend=True),
        actions=levels,
        matcher=matcher,
    )


def _ruled(
    rule: Json, where: str, levels: tuple[tuple[str, Json], ...], matched: match.Matched, matcher: str, name: str
) -> _Chosen:
    _refuse(f"{where}.customErrorResponsePolicy", rule.get("customErrorResponsePolicy"), _ERRORS)
    return _Chosen(
        where=where,
        service=rule.get("service"),
        redirect=rule.get("urlRedirect"),
        action=rule.get("routeAction") or {},
        matched=matched,
        actions=levels,
        matcher=matcher,
        rule=name,
    )


def _location(scheme: str, host: str, path: str, query: str) -> str:
    return f"{scheme}://{host}{path}{'?' if query else ''}{query}"


def _plain(path: object, where: str) -> str:
    text = str(path)
    if not text.startswith("/") or "?" in text or "#" in text:
        raise NotInterpreted(where, f"what {text!r} becomes as a path is not documented")
    return text


def _prefixed(matched: match.Matched, path: str, prefix: str, where: str) -> str:
    """The portion that the rule matched is replaced; a default replaces nothing (url-map-concepts)."""
    if matched.prepend:
        _refuse(where, prefix.endswith("/"), "whether its last slash is doubled is not documented")
        return _plain(prefix + path, where)
    if matched.portion is None:
        raise NotInterpreted(where, "which portion of the path it replaces is not documented")
    return _plain(prefix + path[len(matched.portion) :], where)


def _rewritten(rewrite: Json, matched: match.Matched, path: str, where: str) -> str:
    _refuse(f"{where}.regexRewrite", rewrite.get("regexRewrite"), "rewrites by regular expressions are not read here")
    prefix, template = rewrite.get("pathPrefixRewrite"), rewrite.get("pathTemplateRewrite")
    if prefix and template:
        raise NotInterpreted(where, "only one of pathPrefixRewrite or pathTemplateRewrite may be specified")
    if prefix:
        _refuse(f"{where}.pathPrefixRewrite", matched.prepend, "what it replaces in a default is not documented")
        return _prefixed(matched, path, str(prefix), f"{where}.pathPrefixRewrite")
    if template:
        if matched.variables is None:
            raise NotInterpreted(
                f"{where}.pathTemplateRewrite", "which pathTemplateMatch gives its variables is unknown"
            )
        return _plain(match.fill(str(template), matched.variables, f"{where}.pathTemplateRewrite"), where)
    return path


def _abort(action: Json, where: str) -> tuple[int, float] | None:
    """(status, percent > 0)."""
    policy: Json = action.get("faultInjectionPolicy") or {}
    _refuse(f"{where}.delay", (policy.get("delay") or {}).get("percentage"), "delays are not read here")
    abort: Json = policy.get("abort") or {}
    percent = float(abort.get("percentage", 0))
    if percent <= 0:
        return None
    if not 200 <= int(abort.get("httpStatus", 0)) <= 599:
        raise NotInterpreted(f"{where}.abort.httpStatus", "it must be from 200 to 599")
    return int(abort["httpStatus"]), percent


def _mirror(action: Json, where: str) -> tuple[str, float] | None:
    """Copies go to it with `-shadow` behind the host; nobody waits for them, so they change no answer."""
    policy: Json | None = action.get("requestMirrorPolicy")
    if not policy:
        return None
    if not policy.get("backendService"):
        raise NotInterpreted(f"{where}.requestMirrorPolicy", "it names no backend service")
    return path_of(policy["backendService"]), float(policy.get("mirrorPercent", 100))


def _cookie(affinity: str, service: Json) -> str:
    if affinity == "STRONG_COOKIE_AFFINITY":
        return str((service.get("strongSessionAffinityCookie") or {}).get("name", ""))
    if affinity == "HTTP_COOKIE":
        return str(((service.get("consistentHash") or {}).get("httpCookie") or {}).get("name", ""))
    if affinity == "GENERATED_COOKIE":
        return COOKIES["regions" if "/regions/" in path_of(service.get("selfLink")) else "global"]
    return ""


def _edits(level: Json, where: str, side: str) -> tuple[tuple[str, str | None, bool], ...]:
    """The changes of one headerAction to the request or the response. `replace` is true unless it is said; a value
    with a variable is refused, so that the other default never counts (HttpHeaderOption)."""
    action: Json = level.get("headerAction") or {}
    where = f"{where}.headerAction"
    removed: list[str] = [str(name) for name in action.get(f"{side}HeadersToRemove") or ()]
    added: Sequence[Json] = action.get(f"{side}HeadersToAdd") or ()
    names = {str(item["headerName"]).lower() for item in added}
    for name in [*removed, *names]:
        if _FORBIDDEN.fullmatch(name):
            raise NotInterpreted(where, f"the header {name} cannot be changed")
    for name in removed:
        _refuse(where, name.lower() in names, f"{name} is removed and added: which happens first is not documented")
    for item in added:
        if not item.get("headerValue") or "{" in str(item["headerValue"]):
            raise NotInterpreted(
                where, f"the value of {item['headerName']} is empty or holds a variable: not read here"
            )
    gone = tuple((name, None, True) for name in removed)
    return (
        *gone,
        *((str(item["headerName"]), str(item["headerValue"]), item.get("replace") is not False) for item in added),
    )
