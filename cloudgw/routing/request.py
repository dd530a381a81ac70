"""Who answers this request, and who gets this connection? The routing model, asked one question at a time.

Called by explanations and traces, and by tests as the Gateway API's own opinion beside those of the clouds. It reads
a Routing as `resolve` made it: the first entry that matches answers. It must never look at Kubernetes objects, and
never guess: where the model says Unknown, so does the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode

from cloudgw.objects import HeaderModifier, PathModifier, Timeouts, Unknown
from cloudgw.routing import hostnames, ir, matches, modified
from cloudgw.routing.modified import Pairs

# what a gRPC client hears of an answer that is not from a backend (GRPCRouteRule; gRPC over HTTP/2, status mapping)
GRPC_STATUSES = {404: "UNIMPLEMENTED", 500: "UNAVAILABLE", 503: "UNAVAILABLE"}
QUERY = "!$'()*,/:;?@"  # what a query may hold as it is (RFC 3986, section 3.4), but for what separates pairs
MISDIRECTED = 421  # RFC 9110, section 15.5.20

Mirrors = tuple[tuple[ir.BackendKey, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """host: the Host header or `:authority`; a port in it is ignored. path: without query. query: decoded pairs in
    order. headers: pairs in order. sni: of the TLS handshake, "" = not looked at: with HTTPS it chooses the listener,
    and a request whose host belongs to another one is misdirected."""

    port: int
    method: str = "GET"
    host: str = ""
    path: str = "/"
    query: Pairs = ()
    headers: Pairs = ()
    sni: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """protocol: TLS | TCP | UDP. sni: of a TLS handshake, "" = it names none."""

    port: int
    protocol: str
    sni: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The part of the requests that one share gets. to: a backend, or the status that it answers. path, host, headers:
    as the backend sees them. modifiers: applied to its response in this order; `response` does so. mirrors: copies that
    are made of this share's requests alone, as in Answer. grpc_status: as in Answer, where `to` is a status."""

    to: ir.BackendKey | int
    weight: int
    path: str = ""
    host: str = ""
    headers: Pairs = ()
    modifiers: tuple[HeaderModifier, ...] = ()
    mirrors: Mirrors = ()
    grpc_status: str = ""

    def response(self, headers: Pairs) -> Pairs:
        """The response headers as the client sees them, but for those of CORS. headers: as the backend sent them."""
        return modified.headers(self.modifiers, headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """kind: forward (sent: per share; backends: key or error status, with weight; path and host after the rule's
    rewrite) | redirect (status, location) | respond (status) | preflight (status, cors) | none (nobody listens: status
    0; nothing matches: status 404) | closed (a connection that nobody serves) | unknown (reason).

    entry: key of the entry or stream that answers, "" for none. mirrors: (backend, numerator, denominator), copies of
    all requests of the rule; those whose backend cannot be used or seen are left out. cors: headers that CORS adds to
    the response. modifiers: applied to the headers of a redirect. grpc_status: what a gRPC client gets in place of an
    error status, "" unless the entry is one of gRPC and answers an error. timeouts: as the rule says.
    """

    kind: Literal["forward", "redirect", "respond", "preflight", "none", "closed", "unknown"]
    entry: str = ""
    status: int = 0
    location: str = ""
    backends: tuple[tuple[ir.BackendKey | int, int], ...] = ()
    path: str = ""
    host: str = ""
    reason: str = ""
    sent: tuple[Sent, ...] = ()
    mirrors: Mirrors = ()
    cors: Pairs = ()
    modifiers: tuple[HeaderModifier, ...] = ()
    grpc_status: str = ""
    timeouts: Timeouts | None = None


def answer(routing: ir.Routing, request: Request) -> Answer:
    """What the Gateway answers; semantics of https://gateway-api.sigs.k8s.io/reference/spec/, HTTPRouteRule and
    GRPCRouteRule."""
    table = next((table for table in routing.tables if table.port == request.port), None)
    if table is None:
        return Answer(kind="none", reason=f"nobody listens on port {request.port}")
    if (wrong := _unserved(routing, table, request)) is not None:
        return wrong
    entry = next((entry for entry in table.entries if _meets(entry, request)), None)
    if entry is None:
        return Answer(kind="none", status=404, reason="no route matches")
    action = entry.action
    unknown = entry.unknown or (action if isinstance(action, Unknown) else None)
    if unknown is not None or isinstance(action, Unknown):
        return Answer(kind="unknown", entry=entry.key, reason=unknown.reason if unknown else "")
    if isinstance(action, ir.Respond):
        status = action.status
        return Answer(
            kind="respond", entry=entry.key, status=status, reason=action.reason, grpc_status=_grpc(entry, status)
        )
    cors = modified.cors(action.cors, request.method, request.headers) if action.cors else ()
    if action.cors and modified.is_preflight(request.method, request.headers):
        return Answer(kind="preflight", entry=entry.key, status=204, cors=cors)
    if isinstance(action, ir.Redirect):
        return Answer(
            kind="redirect",
            entry=entry.key,
            status=action.status,
            location=_location(table, entry, action, request),
            cors=cors,
            modifiers=_given(action.response),
        )
    return _forwarded(entry, action, request, cors)


def connect(routing: ir.Routing, connection: Connection) -> Answer:
    """Who gets a connection (UDP: the datagrams of one client): forward, closed, unknown, or none where nobody listens
    or the server name belongs to an HTTPS listener of the port. Semantics of
    https://gateway-api.sigs.k8s.io/reference/spec/, TLSRoute, TCPRoute and UDPRoute."""
    able = ("TLS", "TCP") if connection.protocol == "TLS" else (connection.protocol,)  # to TCP a handshake is bytes
    tables = {table.protocol: table for table in routing.streams if table.port == connection.port}
    table = next((tables[protocol] for protocol in able if protocol in tables), None)
    if table is None or not listens(table):
        held: list[ir.Table | ir.StreamTable] = [*routing.tables, *routing.streams]
        udp = connection.protocol == "UDP"
        other = any(one.port == connection.port and (one.protocol == "UDP") == udp and listens(one) for one in held)
        reason = f"nobody listens for {connection.protocol} on port {connection.port}"
        return Answer(kind="closed" if other else "none", reason=reason)
    name = connection.sni.lower() if table.protocol == "TLS" else ""
    others: set[str] = set()
    if table.protocol == "TLS":
        chosen = _listener(_secured(routing, connection.port), name)
        if chosen is not None and chosen.protocol != "TLS":
            return Answer(kind="closed", reason=f'listener "{chosen.id}" ends the TLS: it is a matter of requests')
        others = {one.id for one in table.listeners if chosen is None or one.id != chosen.id}
    stream = next(
        (one for one in table.streams if one.listener not in others and hostnames.covers(one.hostname, name)),
        None,
    )
    if stream is None:
        return Answer(kind="closed", reason="no route serves it")
    unknown = stream.unknown or (stream.action if isinstance(stream.action, Unknown) else None)
    if unknown is not None:
        return Answer(kind="unknown", entry=stream.key, reason=unknown.reason)
    if not isinstance(stream.action, ir.Forward):
        reason = stream.action.reason if isinstance(stream.action, ir.Respond) else ""
        return Answer(kind="closed", entry=stream.key, reason=reason)
    pairs = _pairs(stream.action.shares)
    sent = tuple(Sent(to=to, weight=weight) for to, weight in pairs)
    return Answer(kind="forward", entry=stream.key, backends=pairs, sent=sent)


def _unserved(routing: ir.Routing, table: ir.Table, request: Request) -> Answer | None:
    """The answer to a request that reaches no route because of its connection, else None: no certificate can be shown,
    or it came over the connection of another listener than its host's (Listener.hostname; RFC 9110, 15.5.20)."""
    if table.protocol != "HTTPS":
        reason = f"port {table.port} speaks plain HTTP, no TLS"
        return Answer(kind="closed", reason=reason) if request.sni else None
    if not listens(table):
        return Answer(kind="none", reason=f"no listener of port {table.port} has a certificate that can be used")
    by_name = _listener(_secured(routing, request.port), request.sni.lower()) if request.sni else None
    if by_name is not None and by_name.protocol != "HTTPS":
        reason = f'server name {request.sni} belongs to listener "{by_name.id}", which carries no HTTP'
        return Answer(kind="closed", reason=reason)
    by_host = _listener(table.listeners, hostnames.of_authority(request.host))
    if by_host is None or not _has_certificate(by_host):
        reason = f'listener "{by_host.id}" has no certificate that can be used' if by_host else "no listener is for it"
        return Answer(kind="none", status=404, reason=reason)
    if not request.sni:
        return None
    if by_name is not None and by_host.hostname == by_name.hostname:
        return None
    other = f'to listener "{by_name.id}"' if by_name else "to no listener"
    reason = f'the host belongs to listener "{by_host.id}", the connection {other}'
    return Answer(kind="respond", status=MISDIRECTED, reason=reason)


def listens(table: ir.Table | ir.StreamTable) -> bool:
    """Whether a connection to the port of a table can be made."""
    return any(one.tls_mode != "Terminate" or _has_certificate(one) for one in table.listeners)


def _has_certificate(listener: ir.Listener) -> bool:
    """Also where whether there is one could not be seen."""
    return any(one.state in ("found", "unknown") for one in listener.certificates)


def _secured(routing: ir.Routing, port: int) -> list[ir.Listener]:
    """The listeners of a port among which the server name of a handshake chooses."""
    held: list[ir.Table | ir.StreamTable] = [*routing.tables, *routing.streams]
    here = [table for table in held if table.port == port and table.protocol in ("HTTPS", "TLS")]
    return [one for table in here for one in table.listeners if one.tls_mode == "Passthrough" or _has_certificate(one)]


def _listener(listeners: Iterable[ir.Listener], host: str) -> ir.Listener | None:
    """The most specific one for a host. Without a host: one that is for any."""
    found = [one for one in listeners if hostnames.covers(one.hostname, host)]
    return min(found, key=lambda one: (hostnames.specificity(one.hostname), one.id), default=None)


def _meets(entry: ir.Entry, request: Request) -> bool:
    return hostnames.covers(entry.hostname, hostnames.of_authority(request.host)) and matches.meets(
        entry.match, method=request.method, path=request.path, headers=request.headers, query=request.query
    )


def _forwarded(entry: ir.Entry, action: ir.Forward, request: Request, cors: Pairs) -> Answer:
    path, host = _rewritten(entry, request, (action.edits,))
    return Answer(
        kind="forward",
        entry=entry.key,
        backends=_pairs(action.shares),
        path=path,
        host=host,
        sent=tuple(
            _sent(entry, share.to, share, action, request)
            for share in action.shares
            if not isinstance(share.to, Unknown)
        ),
        mirrors=_mirrors(action.edits),
        cors=cors,
        timeouts=action.timeouts,
    )


def _sent(entry: ir.Entry, to: ir.BackendKey | int, share: ir.Share, action: ir.Forward, request: Request) -> Sent:
    if isinstance(to, int):
        return Sent(to=to, weight=share.weight, grpc_status=_grpc(entry, to))
    own = share.edits or ir.Edits()
    path, host = _rewritten(entry, request, (action.edits, own))
    return Sent(
        to=to,
        weight=share.weight,
        path=path,
        host=host,
        headers=modified.headers((action.edits.request, own.request), request.headers),
        modifiers=_given(action.edits.response, own.response),
        mirrors=_mirrors(own),
    )


def _rewritten(entry: ir.Entry, request: Request, edits: Sequence[ir.Edits]) -> tuple[str, str]:
    """Path and host. Of several rewrites the last one that speaks of the path, or of the host, says what it becomes: a
    prefix is always that of the request as it came."""
    path, host = request.path, request.host
    for one in edits:
        if one.rewrite is not None and one.rewrite.path is not None:
            path = modified.path(one.rewrite.path, entry.match.path.value, request.path)
        if one.rewrite is not None and one.rewrite.hostname:
            host = one.rewrite.hostname
    return path, host


def _location(table: ir.Table, entry: ir.Entry, action: ir.Redirect, request: Request) -> str:
    """The Location header. Query and host stay as they were in the request, but for the host's port."""
    modifier = PathModifier(type=action.path_type, value=action.path) if action.path_type else None
    path = modified.path(modifier, entry.match.path.value, request.path)
    scheme = action.scheme or table.protocol.lower()
    sent = request.host.strip()
    host = action.hostname or sent[: len(hostnames.of_authority(sent))]
    port = f":{action.port}" if action.port else ""
    query = f"?{urlencode(request.query, safe=QUERY, quote_via=quote)}" if request.query else ""
    return f"{scheme}://{host}{port}{path}{query}"


def _pairs(shares: Iterable[ir.Share]) -> tuple[tuple[ir.BackendKey | int, int], ...]:
    return tuple((share.to, share.weight) for share in shares if not isinstance(share.to, Unknown))


def _mirrors(edits: ir.Edits) -> Mirrors:
    return tuple((one.to, one.numerator, one.denominator) for one in edits.mirrors if isinstance(one.to, ir.BackendKey))


def _given(*modifiers: HeaderModifier | None) -> tuple[HeaderModifier, ...]:
    return tuple(one for one in modifiers if one is not None)


def _grpc(entry: ir.Entry, status: int) -> str:
    return GRPC_STATUSES.get(status, "UNAVAILABLE") if entry.match.grpc is not None else ""
