"""Who answers this request? The routing model, asked one question at a time.

Called by explanations and traces, and by tests as the Gateway API's own opinion beside those of the clouds. It reads
a Routing as `resolve` made it: the first entry that matches answers. It must never look at Kubernetes objects, and
never guess: where the model says Unknown, so does the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from cloudgw.objects import PathModifier, Unknown
from cloudgw.routing import hostnames, ir, matches

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """host: the Host header or `:authority`; a port in it is ignored. path: without query. query: decoded pairs in
    order. headers: pairs in order. sni: of the TLS handshake; it chooses the certificate, not who answers."""

    port: int
    method: str = "GET"
    host: str = ""
    path: str = "/"
    query: Pairs = ()
    headers: Pairs = ()
    sni: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """kind: forward (backends: key or error status, with weight; path and host as the backend sees them) | redirect
    (status, location) | respond (status) | none (nobody listens on the port: status 0; nothing matches: status 404) |
    unknown (reason). entry: key of the entry that answers, "" for none."""

    kind: Literal["forward", "redirect", "respond", "none", "unknown"]
    entry: str = ""
    status: int = 0
    location: str = ""
    backends: tuple[tuple[ir.BackendKey | int, int], ...] = ()
    path: str = ""
    host: str = ""
    reason: str = ""


def answer(routing: ir.Routing, request: Request) -> Answer:
    """What the Gateway answers; semantics of https://gateway-api.sigs.k8s.io/reference/spec/, HTTPRouteRule."""
    table = next((table for table in routing.tables if table.port == request.port), None)
    if table is None:
        return Answer(kind="none", reason=f"nobody listens on port {request.port}")
    entry = next((entry for entry in table.entries if _meets(entry, request)), None)
    if entry is None:
        return Answer(kind="none", status=404, reason="no route matches")
    action = entry.action
    unknown = entry.unknown or (action if isinstance(action, Unknown) else None)
    if unknown is not None or isinstance(action, Unknown):
        return Answer(kind="unknown", entry=entry.key, reason=unknown.reason if unknown else "")
    if isinstance(action, ir.Respond):
        return Answer(kind="respond", entry=entry.key, status=action.status, reason=action.reason)
    if isinstance(action, ir.Redirect):
        location = _location(table, entry, action, request)
        return Answer(kind="redirect", entry=entry.key, status=action.status, location=location)
    rewrite = action.rewrite
    return Answer(
        kind="forward",
        entry=entry.key,
        backends=tuple((share.to, share.weight) for share in action.shares if not isinstance(share.to, Unknown)),
        path=modified(rewrite.path if rewrite else None, entry.match.path.value, request.path),
        host=(rewrite.hostname if rewrite else "") or request.host,
    )


def modified(modifier: PathModifier | None, prefix: str, path: str) -> str:
    """The path after a rewrite or redirect. prefix: of the PathPrefix match; its trailing slash and that of the
    replacement do not count (table in https://gateway-api.sigs.k8s.io/reference/spec/, HTTPPathModifier)."""
    if modifier is None:
        return path
    if modifier.type == "ReplaceFullPath":
        return modifier.value or "/"
    rest = path[len(prefix.rstrip("/")) :]
    return modifier.value.rstrip("/") + rest or "/"


def _meets(entry: ir.Entry, request: Request) -> bool:
    return hostnames.covers(entry.hostname, hostnames.of_authority(request.host)) and matches.meets(
        entry.match, method=request.method, path=request.path, headers=request.headers, query=request.query
    )


def _location(table: ir.Table, entry: ir.Entry, action: ir.Redirect, request: Request) -> str:
    """The Location header. The query stays as it was in the request."""
    modifier = PathModifier(type=action.path_type, value=action.path) if action.path_type else None
    path = modified(modifier, entry.match.path.value, request.path)
    scheme = action.scheme or table.protocol.lower()
    host = action.hostname or hostnames.of_authority(request.host)
    port = f":{action.port}" if action.port else ""
    query = f"?{urlencode(request.query)}" if request.query else ""
    return f"{scheme}://{host}{port}{path}{query}"
