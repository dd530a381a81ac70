"""The routing model: who answers which request, without any cloud. `resolve` makes it, `build` and `request` read it.

One Routing per Gateway. Per port there is one Table: every entry is one (listener, hostname, match) in the total
order of precedence that the Gateway API gives; the first entry that matches a request answers it. Nothing here names
a cloud, and nothing here is a guess: what could not be seen is Unknown.

Listeners carry their owner, so that listeners from other objects (ListenerSet) need no new model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cloudgw.objects import GatewayClass, Note, Origin, Parameters, RouteMatch, Unknown, URLRewrite


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendKey:
    """A Service port that receives traffic. str: "shop/cart-v2:8080"."""

    namespace: str
    name: str
    port: int

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One pod (address and target port), or one node when backends are reached by NodePort."""

    address: str
    port: int
    zone: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A Service port that exists. targets: ready endpoints, sorted, unique; Unknown when slices could not be seen, or
    when there is not one EndpointSlice for the Service (then nobody said that it has no pods)."""

    key: BackendKey
    protocol: str = "HTTP"  # from appProtocol: HTTP | HTTPS | H2C | WS ...
    node_port: int = 0
    port_number: int = 0  # most common target port number, 0 when unknown: what a health check and a firewall need
    targets: tuple[Target, ...] | Unknown
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A weighted part of an answer: a backend, or an error status for a reference that cannot be honoured
    (500: no such Service, no grant, wrong kind), or Unknown when it could not be decided."""

    to: BackendKey | int | Unknown
    weight: int
    origin: Origin
    withdrawn: BackendKey | None = None  # `to` is 500 because the ReferenceGrant that allowed this one is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    shares: tuple[Share, ...]  # weight > 0 only; never empty
    rewrite: URLRewrite | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Every part that the filter left out is "" or 0: it stays as in the request (port: see the Gateway API's rules,
    already applied: the value here is what Location shows, 0 = no port shown)."""

    scheme: str = ""
    hostname: str = ""
    path_type: str = ""  # "" | ReplaceFullPath | ReplacePrefixMatch
    path: str = ""
    port: int = 0
    status: int = 302


@dataclass(frozen=True, slots=True, kw_only=True)
class Respond:
    """Answered by the load balancer itself: 404, 500, 503."""

    status: int
    reason: str = ""
    withdrawn: tuple[BackendKey, ...] = ()  # as in Share, where nothing but refused shares is left


Action: TypeAlias = Forward | Redirect | Respond


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One (listener, hostname, match) and its answer.

    key: identity within the port, stable when neighbours come and go:
    "<listener>/<route namespace>/<route name>/<hostname or *>/<match hash>": depends on the match only, never on
    actions or neighbours. Entries made for a listener itself (isolation) use
    "<listener>/-/-/isolation/<hostname or *>". match: canonical, see `matches`.
    action Unknown: the entry exists, its answer could not be decided. unknown: not even known whether it exists.
    """

    key: str
    listener: str
    hostname: str  # "" = any; "*.example.com" spans one or more labels; exact otherwise
    match: RouteMatch
    action: Action | Unknown
    origin: Origin
    unknown: Unknown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificateRef: Found (fingerprint etc.), Absent (None) or Unknown are told apart by `state`."""

    namespace: str
    name: str
    state: str  # found | absent | unknown | refused (no grant) | invalid
    fingerprint: str = ""
    names: tuple[str, ...] = ()
    not_after: str = ""
    key_type: str = ""
    reason: str = ""  # for everything but found
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """owner: (kind, namespace, name) of the object that declares it."""

    name: str
    owner: tuple[str, str, str]
    port: int
    protocol: str  # HTTP | HTTPS
    hostname: str = ""
    certificates: tuple[Certificate, ...] = ()
    attached: int = 0
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    port: int
    protocol: str  # HTTP | HTTPS
    listeners: tuple[Listener, ...]
    entries: tuple[Entry, ...]  # total precedence order, first match answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """What one Gateway means. `known`: every (namespace, name) of an HTTPRoute of which the input knows all (present or
    known absent); `complete`: nothing else can exist, so whatever is not here is not wanted. unknown_routes: routes
    that exist and could not be read."""

    namespace: str
    name: str
    uid: str = ""
    gateway_class: GatewayClass | Unknown | None
    parameters: Parameters | Unknown | None
    tables: tuple[Table, ...]
    backends: Mapping[BackendKey, Backend | Unknown]
    known: tuple[tuple[str, str], ...]
    complete: bool
    incomplete: tuple[str, ...] = ()  # why not, in words
    notes: tuple[Note, ...] = ()
    origin: Origin

    @property
    def owner(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """All Gateways of our classes, by namespace and name; notes that belong to no single Gateway;
    gone: Gateways known not to exist (they were in the base)."""

    gateways: tuple[Routing, ...]
    notes: tuple[Note, ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
