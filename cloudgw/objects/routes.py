"""Routes of the five kinds: parents, hostnames, rules, matches, filters and backendRefs.

`objects` re-exports it; `sources` makes the values. One shape serves all kinds: a GRPCRoute's method is a part of its
matches, and TLS, TCP and UDP routes have rules with backends only. Field names and defaults are those of
https://gateway-api.sigs.k8s.io/reference/spec/ (v1.6). This module must never decide anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cloudgw.objects.base import GATEWAY_GROUP, Meta, ObjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRef:
    group: str = GATEWAY_GROUP
    kind: str = "Gateway"
    namespace: str = ""  # filled in by the source
    implied: bool = False  # the namespace was left out: it is the route's own
    name: str
    section: str = ""
    port: int = 0  # 0 = any


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMatch:
    type: str = "PathPrefix"  # Exact | PathPrefix | RegularExpression
    value: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMatch:
    """A header or a query parameter to match."""

    type: str = "Exact"  # Exact | RegularExpression
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GRPCMethod:
    """service, method: "" = any. A match without a method has GRPCMethod(): every gRPC request."""

    type: str = "Exact"  # Exact | RegularExpression
    service: str = ""
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteMatch:
    """grpc: of a GRPCRoute; then path, query and method stay at their defaults."""

    path: PathMatch = PathMatch()
    headers: tuple[ValueMatch, ...] = ()
    query: tuple[ValueMatch, ...] = ()
    method: str = ""
    grpc: GRPCMethod | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathModifier:
    type: str  # ReplaceFullPath | ReplacePrefixMatch
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRedirect:
    scheme: str = ""
    hostname: str = ""
    path: PathModifier | None = None
    port: int = 0
    status: int = 302


@dataclass(frozen=True, slots=True, kw_only=True)
class URLRewrite:
    hostname: str = ""
    path: PathModifier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderModifier:
    """Names as written; they are compared without regard to case. set replaces, add appends, remove drops."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHeaderModifier:
    headers: HeaderModifier


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHeaderModifier:
    headers: HeaderModifier


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMirror:
    """Of `denominator` requests `numerator` are copied to a Service port, whose answers are ignored."""

    ref: ObjectRef
    port: int = 0
    numerator: int = 100
    denominator: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CORS:
    """allow_origins, allow_methods, allow_headers: "*" stands for all. max_age: seconds a preflight may be kept."""

    allow_origins: tuple[str, ...] = ()
    allow_credentials: bool = False
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherFilter:
    """A filter that we name and do not honour: ExtensionRef (ref says what it names), ExternalAuth, an unknown type."""

    type: str
    ref: ObjectRef | None = None


Filter: TypeAlias = (
    RequestRedirect | URLRewrite | RequestHeaderModifier | ResponseHeaderModifier | RequestMirror | CORS | OtherFilter
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Milliseconds; None = not written, 0 = explicitly none."""

    request: int | None = None
    backend_request: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """codes: statuses 400-599; attempts 0 = not written; backoff: milliseconds, 0 = not written."""

    codes: tuple[int, ...] = ()
    attempts: int = 0
    backoff: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPersistence:
    """name: of the cookie or header, "" = the cloud's choice. Timeouts in milliseconds, 0 = not written."""

    type: str = "Cookie"  # Cookie | Header
    name: str = ""
    absolute_timeout: int = 0
    idle_timeout: int = 0
    lifetime: str = "Session"  # Session | Permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRef:
    ref: ObjectRef
    port: int = 0  # 0 = not given
    weight: int = 1
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRule:
    name: str = ""
    matches: tuple[RouteMatch, ...] = (RouteMatch(),)
    filters: tuple[Filter, ...] = ()
    backends: tuple[BackendRef, ...] = ()
    timeouts: Timeouts | None = None
    retry: Retry | None = None
    session: SessionPersistence | None = None
    unhandled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What routes of all kinds have in common."""

    meta: Meta
    parents: tuple[ParentRef, ...]
    hostnames: tuple[str, ...] = ()
    rules: tuple[RouteRule, ...] = ()

    @property
    def kind(self) -> str:
        return type(self).__name__


class HTTPRoute(Route):
    """One without rules in the manifest has the API server's default: one rule that matches every request."""

    __slots__ = ()


class GRPCRoute(Route):
    """Every match has `grpc`. One without rules in the manifest has one that matches every gRPC request."""

    __slots__ = ()


class TLSRoute(Route):
    """hostnames are SNIs, never empty."""

    __slots__ = ()


class TCPRoute(Route):
    __slots__ = ()


class UDPRoute(Route):
    __slots__ = ()


ROUTE_KINDS: tuple[type[Route], ...] = (HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute)
