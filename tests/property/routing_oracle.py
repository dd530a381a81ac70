"""The Gateway API applied to objects directly, by brute force: the second opinion that properties compare with.

It shares no code with cloudgw.routing: no tables, no keys, no isolation entries. For one request it walks over every
listener, route, rule and match and picks by the text of HTTPRouteRule.matches and Gateway.listeners
(https://gateway-api.sigs.k8s.io/reference/spec/). Only path types Exact and PathPrefix, and complete Snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cloudgw import objects
from cloudgw.objects import Gateway, HTTPRoute, Listener, RouteMatch, RouteRule, Snapshot
from cloudgw.routing.request import Request

Expected = tuple[object, ...]
NOTHING: Expected = ("status", 404)


@dataclass(frozen=True)
class Winner:
    route: HTTPRoute
    rule: RouteRule
    match: RouteMatch
    listener: Listener


def winner(snapshot: Snapshot, gateway: Gateway, request: Request) -> Winner | None:
    """Who the specification gives the request to."""
    host = request.host.split(":")[0].lower()
    on_port = [listener for listener in gateway.listeners if listener.port == request.port]
    fitting = [listener for listener in on_port if _host_fits(listener.hostname, host)]
    if not fitting:
        return None
    chosen = max(fitting, key=lambda listener: _weight_of_hostname(listener.hostname))
    if sum(listener.hostname == chosen.hostname for listener in on_port) > 1:
        return None
    found: list[tuple[tuple[object, ...], Winner]] = []
    for route in snapshot.all(HTTPRoute):
        if not _attaches(gateway, chosen, route):
            continue
        hostname = _route_hostname(route, host)
        if hostname is None:
            continue
        for rule_number, rule in enumerate(route.rules):
            for match_number, match in enumerate(rule.matches):
                if _matches(match, request):
                    path = match.path.value if match.path.value == "/" else match.path.value.rstrip("/")
                    order = (
                        tuple(-part for part in _weight_of_hostname(hostname)),
                        match.path.type != "Exact",
                        -len(path) if match.path.type != "Exact" else 0,
                        not match.method,
                        -len(dict(_distinct(match.headers, lower=True))),
                        -len(dict(_distinct(match.query, lower=False))),
                        route.meta.created,
                        f"{route.meta.namespace}/{route.meta.name}",
                        rule_number,
                        match_number,
                    )
                    found.append((order, Winner(route, rule, match, chosen)))
    return min(found, key=lambda item: item[0])[1] if found else None


def answer(snapshot: Snapshot, gateway: Gateway, request: Request) -> Expected:
    """("status", code), ("redirect", code, location) or ("forward", {backend: weight}, host, path)."""
    won = winner(snapshot, gateway, request)
    if won is None:
        return NOTHING
    kinds = [type(one) for one in won.rule.filters]
    if objects.OtherFilter in kinds or len(kinds) > 1 or any(backend.filters for backend in won.rule.backends):
        return ("status", 500)
    filters = list(won.rule.filters)
    modifier = getattr(filters[0], "path", None) if filters else None
    if modifier and modifier.type == "ReplacePrefixMatch" and any(m.path.type == "Exact" for m in won.rule.matches):
        return ("status", 500)
    path = _replaced(modifier, won.match.path.value, request.path)
    if filters and isinstance(filters[0], objects.RequestRedirect):
        if won.rule.backends:
            return ("status", 500)
        return _redirect(filters[0], won.listener, request, path)
    shares: dict[str, int] = {}
    for backend in won.rule.backends:
        to = _backend(snapshot, won.route, backend)
        shares[to] = shares.get(to, 0) + backend.weight
    shares = {to: weight for to, weight in shares.items() if weight}
    if set(shares) <= {"500"}:
        return ("status", 500)
    host = request.host
    if filters and isinstance(filters[0], objects.URLRewrite):
        host = filters[0].hostname or host
    return ("forward", tuple(sorted(shares.items())), host, path)


def _weight_of_hostname(hostname: str) -> tuple[int, int]:
    """Bigger is more specific."""
    if hostname == "":
        return (0, 0)
    return (1, len(hostname)) if hostname[0] == "*" else (2, len(hostname))


def _host_fits(pattern: str, host: str) -> bool:
    if pattern == "":
        return True
    labels, wanted = host.split("."), pattern.split(".")
    if wanted[0] != "*":
        return labels == wanted
    return len(labels) >= len(wanted) and labels[-(len(wanted) - 1) :] == wanted[1:]


def _route_hostname(route: HTTPRoute, host: str) -> str | None:
    """The most specific of the route's hostnames for the host."""
    fitting = [name for name in route.hostnames or ("",) if _host_fits(name, host)]
    if not fitting:
        return None
    return max(fitting, key=_weight_of_hostname)


def _attaches(gateway: Gateway, listener: Listener, route: HTTPRoute) -> bool:
    mine = any(
        (parent.namespace, parent.name) == (gateway.meta.namespace, gateway.meta.name)
        and parent.section in ("", listener.name)
        and parent.port in (0, listener.port)
        for parent in route.parents
    )
    return mine and (listener.allowed.namespaces == "All" or route.meta.namespace == gateway.meta.namespace)


def _distinct(items: tuple[objects.ValueMatch, ...], lower: bool) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for item in items:
        name = item.name.lower() if lower else item.name
        if name not in seen:
            seen.add(name)
            yield name, item.value


def _matches(match: RouteMatch, request: Request) -> bool:
    if match.method and match.method != request.method:
        return False
    if match.path.type == "Exact":
        if request.path != match.path.value:
            return False
    else:
        prefix = [part for part in match.path.value.split("/") if part]
        if request.path.split("/")[1 : 1 + len(prefix)] != prefix:
            return False
    for name, value in _distinct(match.headers, lower=True):
        if [theirs for header, theirs in request.headers if header.lower() == name] != [value]:
            return False
    for name, value in _distinct(match.query, lower=False):
        if [theirs for param, theirs in request.query if param == name][:1] != [value]:
            return False
    return True


def _replaced(modifier: objects.PathModifier | None, matched: str, path: str) -> str:
    if modifier is None:
        return path
    if modifier.type == "ReplaceFullPath":
        return modifier.value
    rest = path.split("/")[1 + len([part for part in matched.split("/") if part]) :]
    parts = [part for part in modifier.value.split("/") if part] + rest
    return "/" + "/".join(parts)


def _redirect(filter_: objects.RequestRedirect, listener: Listener, request: Request, path: str) -> Expected:
    scheme = filter_.scheme or "http"
    port = filter_.port
    if not port:
        port = {"http": 80, "https": 443}[filter_.scheme] if filter_.scheme else listener.port
    shown = "" if (scheme, port) in (("http", 80), ("https", 443)) else f":{port}"
    host = filter_.hostname or request.host.split(":")[0].lower()
    query = "&".join(f"{name}={value}" for name, value in request.query)
    return ("redirect", filter_.status, f"{scheme}://{host}{shown}{path}" + (f"?{query}" if query else ""))


def _backend(snapshot: Snapshot, route: HTTPRoute, backend: objects.BackendRef) -> str:
    ref = backend.ref
    if ref.namespace != route.meta.namespace and not any(
        grant.meta.namespace == ref.namespace
        and (objects.GATEWAY_GROUP, "HTTPRoute", route.meta.namespace) in grant.froms
        for grant in snapshot.all(objects.ReferenceGrant)
    ):
        return "500"
    service = snapshot.get(objects.Service, ref.namespace, ref.name)
    if not isinstance(service, objects.Service) or backend.port not in [port.port for port in service.ports]:
        return "500"
    return f"{ref.namespace}/{ref.name}:{backend.port}"
