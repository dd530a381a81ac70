"""What requests get now: sample requests of a route, asked of every Gateway that its parentRefs lead to.

Used by `routes`. `routing.request` answers; this module only thinks up the requests (one per hostname, listener and
first match of a rule) and says the answer in a line. It must never judge what the answer should be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloudgw.explain import gates
from cloudgw.explain.model import World
from cloudgw.objects import (
    GATEWAY_GROUP,
    Gateway,
    GatewayClass,
    GRPCMethod,
    ListenerSet,
    Origin,
    ParentRef,
    PathMatch,
    Route,
    RouteMatch,
    Unknown,
    ValueMatch,
)
from cloudgw.routing import attach, hostnames, ir, knowledge, matches, request
from cloudgw.routing.sets import Declared

MOST = 6
ANY_HOST = "any.example"


def entries(routing: ir.Routing, key: tuple[str, str, str], path: str) -> list[ir.Entry | ir.Stream]:
    """Everything that one rule has in the tables of a Gateway. path: JSON pointer of the rule."""
    return [
        one
        for one in _all(routing)
        if (one.origin.kind, one.origin.namespace, one.origin.name) == key and one.origin.path == path
    ]


def _all(routing: ir.Routing) -> list[ir.Entry | ir.Stream]:
    found: list[ir.Entry | ir.Stream] = [one for table in routing.tables for one in table.entries if not one.behind]
    return found + [one for table in routing.streams for one in table.streams]


def of_route(world: World, route: Route) -> tuple[str, ...]:
    """One line per sample request, at most MOST; a line for each parentRef that leads nowhere."""
    lines: dict[str, None] = {}
    for number, ref in enumerate(route.parents):
        gateway = _gateway(world, ref)
        if isinstance(gateway, Unknown):
            lines[f"parentRefs[{number}]: not known: {gateway.reason}"] = None
            continue
        routing = world.routing((gateway.meta.namespace, gateway.meta.name)) if gateway is not None else None
        if gateway is None or routing is None:
            lines[f"parentRefs[{number}]: cloudgw answers no request for it"] = None
            continue
        if _halted(world, routing):
            said = "its class's parameters cannot be used: what stands in the cloud stays as it is"
            lines[f"parentRefs[{number}]: Gateway {routing.owner}: {said}"] = None
            continue
        for one in _asked(gates.declared(world, gateway), ref):
            for line in _lines(routing, route, one):
                lines[line] = None
    found = list(lines)
    return tuple(found if len(found) <= MOST else [*found[:MOST], f"... and {len(found) - MOST} more"])


def _gateway(world: World, ref: ParentRef) -> Gateway | Unknown | None:
    if ref.group != GATEWAY_GROUP or ref.kind not in knowledge.PARENT_KINDS:
        return None
    found = world.snapshot.get(ref.kind, ref.namespace, ref.name)
    if isinstance(found, ListenerSet):
        found = world.snapshot.get(Gateway, found.parent.namespace, found.parent.name)
    return found if isinstance(found, Gateway | Unknown) else None


def _halted(world: World, routing: ir.Routing) -> bool:
    """Whether nothing can be built for want of parameters."""
    found = routing.gateway_class
    return routing.parameters is None or (isinstance(found, GatewayClass) and found.meta.name in world.refused)


def _asked(declared: Sequence[Declared], ref: ParentRef) -> list[Declared]:
    """The listeners that the parentRef selects; where it selects none, all of the Gateway."""
    picked = [
        one for one in declared if one.key == (ref.kind, ref.namespace, ref.name) and attach.selects(ref, one.spec)
    ]
    return picked or list(declared)


def _lines(routing: ir.Routing, route: Route, one: Declared) -> Iterator[str]:
    shared = hostnames.intersections(one.spec.hostname, route.hostnames) or route.hostnames or ("",)
    if one.spec.protocol in ("HTTP", "HTTPS"):
        for hostname in shared:
            for rule in route.rules:
                for match in rule.matches[:1]:
                    if (line := _line(routing, route, one, hostname, match)) is not None:
                        yield line
    else:
        for hostname in shared if one.spec.protocol == "TLS" else ("",):
            yield _stream(routing, route, one, hostname)


def _line(routing: ir.Routing, route: Route, one: Declared, hostname: str, match: RouteMatch) -> str | None:
    asked = _request(one.spec.port, hostname, match, secure=one.spec.protocol == "HTTPS")
    if asked is None:
        return None
    headers = "".join(f" with {name}: {value}" for name, value in asked.headers if (name, value) != matches.GRPC_HEADER)
    query = f"?{'&'.join(f'{name}={value}' for name, value in asked.query)}" if asked.query else ""
    scheme = "grpc" if match.grpc is not None else one.spec.protocol.lower()
    method = "" if asked.method in ("GET", "POST") and match.method == "" else f"{asked.method} "
    port = "" if (one.spec.protocol, one.spec.port) in (("HTTP", 80), ("HTTPS", 443)) else f":{one.spec.port}"
    host = asked.host if hostname else "(any host)"
    held = next((item for table in routing.tables for item in table.listeners if item.id == one.id), None)
    line = f'{method}{scheme}://{host}{port}{asked.path}{query}{headers} (listener "{one.spec.name}")'
    if held is not None and held.certificates and not any(c.state in ("found", "unknown") for c in held.certificates):
        return f"{line}: no TLS handshake: the listener has no certificate"
    return f"{line}: {_told(routing, route, request.answer(routing, asked))}"


def _request(port: int, hostname: str, match: RouteMatch, *, secure: bool) -> request.Request | None:
    """A request that meets the match; None for expressions, of which nobody can think up a sample."""
    values: list[PathMatch | ValueMatch | GRPCMethod] = [
        match.path,
        *match.headers,
        *match.query,
        *([match.grpc] if match.grpc is not None else []),
    ]
    if any(value.type == "RegularExpression" for value in values) or matches.problem(match):
        return None
    path, method = match.path.value, match.method or "GET"
    headers = tuple((one.name, one.value) for one in match.headers)
    if match.grpc is not None:
        path = f"/{match.grpc.service or 'any.Service'}/{match.grpc.method or 'Any'}"
        method, headers = "POST", (*headers, matches.GRPC_HEADER)
    host = hostname.replace("*", "any", 1) if hostname else ANY_HOST
    query = tuple((one.name, one.value) for one in match.query)
    sni = host if secure else ""
    return request.Request(port=port, method=method, host=host, path=path, headers=headers, query=query, sni=sni)


def _told(routing: ir.Routing, route: Route, found: request.Answer) -> str:
    entry = next((one for one in _all(routing) if one.key == found.entry), None)
    by = _by(route, entry.origin) if entry is not None else ""
    if found.kind == "forward":
        to = [f"{where if isinstance(where, ir.BackendKey) else f'an error {where}'}" for where, _ in found.backends]
        total = sum(weight for _, weight in found.backends) or 1
        if len(to) > 1:
            to = [f"{name} ({weight * 100 // total} %)" for name, (_, weight) in zip(to, found.backends, strict=True)]
        return f"{', '.join(to)}{_without_pods(routing, found)}{by}"
    if found.kind == "redirect":
        return f"{found.status} to {found.location}{by}"
    if found.kind == "unknown":
        return f"unknown: {found.reason}{by}"
    if found.kind == "respond":
        return f"{found.grpc_status or found.status}, {found.reason}{by}"
    if found.kind == "closed":
        return f"the connection is closed: {found.reason}{by}"
    return f"{found.status} from nobody: {found.reason}" if found.status else f"no answer: {found.reason}"


def _without_pods(routing: ir.Routing, found: request.Answer) -> str:
    for where, _ in found.backends:
        backend = routing.backends.get(where) if isinstance(where, ir.BackendKey) else None
        if isinstance(backend, ir.Backend) and backend.targets == ():
            return f", of which {where} has no ready pod (503)" if len(found.backends) > 1 else ", without pods: 503"
    return ""


def _by(route: Route, where: Origin) -> str:
    """Who answers, where it is not the route itself."""
    if (where.kind, where.namespace, where.name) == (route.kind, route.meta.namespace, route.meta.name):
        return ""
    return f", by {where}"


def _stream(routing: ir.Routing, route: Route, one: Declared, hostname: str) -> str:
    name = hostname.replace("*", "any", 1)
    server_name = f", server name {name}" if name else ""
    line = f'{one.spec.protocol} port {one.spec.port}{server_name} (listener "{one.spec.name}")'
    found = request.connect(routing, request.Connection(port=one.spec.port, protocol=one.spec.protocol, sni=name))
    return f"{line}: {_told(routing, route, found)}"
