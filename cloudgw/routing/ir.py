"""The routing model: who answers which request, without any cloud. `resolve` makes it, `build` and `request` read it.

One Routing per Gateway. Per port there is one Table: every entry is one (listener, hostname, match) in the total
order of precedence that the Gateway API gives; the first entry that matches a request answers it. Connections that
carry no HTTP are Streams. Verdicts say what the input means for the objects' statuses. Nothing here names a cloud, and
nothing here is a guess: what could not be seen is Unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cloudgw.objects import (
    CORS,
    Affinity,
    GatewayClass,
    HeaderModifier,
    HealthCheck,
    Note,
    Origin,
    Parameters,
    Retry,
    RouteMatch,
    SessionPersistence,
    Timeouts,
    Unknown,
    URLRewrite,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendKey:
    """A Service port that receives traffic; one number may be used with TCP and with UDP. str: "shop/cart-v2:8080",
    "shop/dns:53/udp"."""

    namespace: str
    name: str
    port: int
    protocol: str = "TCP"  # TCP | UDP

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}:{self.port}" + ("/udp" if self.protocol == "UDP" else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One pod (address and target port), or one node when backends are reached by NodePort."""

    address: str
    port: int
    zone: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendTLS:
    """What a BackendTLSPolicy asks for. authorities: (fingerprint, PEM) of each CA ConfigMap, or well_known is set.
    alt_names: (type, value). origin: the policy."""

    hostname: str
    authorities: tuple[tuple[str, str], ...] = ()
    well_known: str = ""
    alt_names: tuple[tuple[str, str], ...] = ()
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendPolicy:
    """What a BackendPolicy asks for. What it leaves out is as without a policy: each provider's present default. drain:
    seconds. origin: the policy."""

    check: HealthCheck
    drain: int | None = None
    affinity: Affinity | None = None
    origin: Origin

    @property
    def asks(self) -> tuple[str, ...]:
        """The fields that are written, below spec: "healthCheck.path"."""
        check, affinity = self.check, self.affinity
        written = {
            "healthCheck.path": check.path,
            "healthCheck.port": check.port,
            "healthCheck.intervalSeconds": check.interval,
            "healthCheck.timeoutSeconds": check.timeout,
            "healthCheck.healthyThreshold": check.healthy,
            "healthCheck.unhealthyThreshold": check.unhealthy,
            "healthCheck.statusCodes": check.statuses,
            "drainSeconds": self.drain is not None,
            "affinity.type": affinity is not None,
            "affinity.cookieName": affinity is not None and affinity.cookie,
            "affinity.ttlSeconds": affinity is not None and affinity.ttl,
        }
        return tuple(field for field, value in written.items() if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A Service port that exists. targets: ready endpoints, sorted, unique; Unknown when slices could not be seen, or
    when there is not one EndpointSlice for the Service (then nobody said that it has no pods)."""

    key: BackendKey
    protocol: str = "HTTP"  # from appProtocol: HTTP | HTTPS | H2C | WS ...
    node_port: int = 0
    port_number: int = 0  # most common target port number, 0 when unknown: what a health check and a firewall need
    targets: tuple[Target, ...] | Unknown
    tls: BackendTLS | Unknown | None = None  # None: no policy
    policy: BackendPolicy | Unknown | None = None  # None: none was seen; see Routing.policed
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """numerator of denominator requests are copied there. to: 500 where the reference cannot be honoured: nothing is
    copied."""

    to: BackendKey | int | Unknown
    numerator: int = 100
    denominator: int = 100
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What happens to a request and to its response on the way. Of a rule, or of one share (applied after the
    rule's)."""

    rewrite: URLRewrite | None = None
    request: HeaderModifier | None = None
    response: HeaderModifier | None = None
    mirrors: tuple[Mirror, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A weighted part of an answer: a backend, or an error status for a reference that cannot be honoured
    (500: no such Service, no grant, wrong kind), or Unknown when it could not be decided. edits: of this share alone,
    None = none."""

    to: BackendKey | int | Unknown
    weight: int
    edits: Edits | None = None
    origin: Origin
    withdrawn: BackendKey | None = None  # `to` is 500 because the ReferenceGrant that allowed this one is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """shares: weight > 0 only; never empty. edits: of all shares. cors: preflights are answered, responses marked.
    timeouts, retry, session: as the rule says, None = it says nothing."""

    shares: tuple[Share, ...]
    edits: Edits = Edits()
    cors: CORS | None = None
    timeouts: Timeouts | None = None
    retry: Retry | None = None
    session: SessionPersistence | None = None


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
    response: HeaderModifier | None = None
    cors: CORS | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Respond:
    """Answered by the load balancer itself: 404, 500, 503."""

    status: int
    reason: str = ""
    withdrawn: tuple[BackendKey, ...] = ()  # as in Share, where nothing but refused shares is left


Action: TypeAlias = Forward | Redirect | Respond


_ISOLATION = "/-/-/isolation/"  # no route is called "-"


def isolation_key(listener: Listener) -> str:
    """The key of what answers for a listener itself."""
    return f"{listener.id}{_ISOLATION}{listener.hostname or '*'}"


def is_isolation(key: str) -> bool:
    return _ISOLATION in key


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One (listener, hostname, match) and its answer.

    key: identity within the port, stable when neighbours come and go:
    "<listener>/<route namespace>/<route name>/<hostname or *>/<match hash>": depends on the match only, never on
    actions or neighbours; of a GRPCRoute the name is "grpc:<route name>". Entries made for a listener itself
    (isolation, gRPC requests that nobody serves) use "<listener>/-/-/isolation/<hostname or *>". listener: its id.
    match: canonical, see `matches`; with `match.grpc` only gRPC requests meet it, and errors are gRPC statuses.
    action Unknown: the entry exists, its answer could not be decided. unknown: not even known whether it exists.
    behind: key of the earlier entry of another route with the same listener, hostname and match: as long as that one
    is there, this one is never asked; who leaves that one out puts this one in its place.
    """

    key: str
    listener: str
    hostname: str  # "" = any; "*.example.com" spans one or more labels; exact otherwise
    match: RouteMatch
    action: Action | Unknown
    origin: Origin
    unknown: Unknown | None = None
    behind: str = ""

    @property
    def isolates(self) -> bool:
        """Whether it stands for a listener and no rule."""
        return is_isolation(self.key)


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
class ClientValidation:
    """Clients' certificates are checked against these authorities, (fingerprint, PEM) of each CA ConfigMap that could
    be read; Unknown where one could not be seen. insecure: a client without a valid certificate is let in."""

    authorities: tuple[tuple[str, str], ...] | Unknown
    insecure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """owner: (kind, namespace, name) of the object that declares it: a Gateway or a ListenerSet."""

    name: str
    owner: tuple[str, str, str]
    port: int
    protocol: str  # HTTP | HTTPS | TLS | TCP | UDP
    hostname: str = ""
    tls_mode: str = ""  # "", Terminate, Passthrough
    certificates: tuple[Certificate, ...] = ()
    client: ClientValidation | None = None
    attached: int = 0
    origin: Origin

    @property
    def id(self) -> str:
        """Unique within the Gateway: the name; "<namespace>:<set>:<name>" for a ListenerSet's."""
        kind, namespace, name = self.owner
        return self.name if kind == "Gateway" else f"{namespace}:{name}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    port: int
    protocol: str  # HTTP | HTTPS
    listeners: tuple[Listener, ...]
    entries: tuple[Entry, ...]  # total precedence order, first match answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Connections of a TLS listener by server name, or of a TCP or UDP listener: hostname "" there.

    key: "<listener>/<route kind>/<route namespace>/<route name>/<hostname or *>". The first of a listener whose
    hostname covers the server name answers. Respond: the connection is closed (UDP: dropped).
    """

    key: str
    listener: str
    hostname: str = ""
    action: Forward | Respond | Unknown
    origin: Origin
    unknown: Unknown | None = None

    @property
    def isolates(self) -> bool:
        """As of an Entry."""
        return is_isolation(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTable:
    """A port's listeners that carry no HTTP. A port may have both a Table (HTTPS) and a StreamTable (TLS): the server
    name chooses the listener."""

    port: int
    protocol: str  # TLS | TCP | UDP
    listeners: tuple[Listener, ...]
    streams: tuple[Stream, ...]  # most specific listener and hostname first


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the specification says of one thing: a condition without its object. status None = cannot be decided."""

    status: bool | None
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerVerdict:
    """A listener as its status shows it. kinds: supportedKinds, (group, kind). programmed: what keeps it from being
    programmed, None = nothing that the input says."""

    id: str
    name: str
    owner: tuple[str, str, str]
    accepted: Verdict
    resolved: Verdict
    programmed: Verdict | None = None
    conflicted: Verdict | None = None
    overlapping: Verdict | None = None
    kinds: tuple[tuple[str, str], ...] = ()
    attached: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SetVerdict:
    """A ListenerSet that names this Gateway. programmed: as in ListenerVerdict."""

    namespace: str
    name: str
    generation: int
    accepted: Verdict
    programmed: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentVerdict:
    """One parentRef of one route, by its number in spec.parentRefs. listeners: ids of those it attaches to. rules: how
    many the route has; dropped: paths of those that cannot be honoured."""

    kind: str
    namespace: str
    name: str
    number: int
    accepted: Verdict
    resolved: Verdict
    partially: Verdict | None = None  # PartiallyInvalid, only when True
    listeners: tuple[str, ...] = ()
    rules: int = 0
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVerdict:
    """A BackendTLSPolicy of a Service that this Gateway sends requests to."""

    namespace: str
    name: str
    accepted: Verdict
    resolved: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendPolicyVerdict:
    """A BackendPolicy of a Service that this Gateway sends requests to. asks: BackendPolicy.asks. partially:
    PartiallyInvalid, only when True: some of it is beyond the cloud."""

    namespace: str
    name: str
    accepted: Verdict
    partially: Verdict | None = None
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What the input means for each object that has to do with one Gateway; `statuses` writes it as conditions."""

    accepted: Verdict
    resolved: Verdict | None = None  # the Gateway's own references; None: it has none and no listener fails
    insecure: bool = False  # some listener lets clients in without a valid certificate
    listeners: tuple[ListenerVerdict, ...] = ()
    sets: tuple[SetVerdict, ...] = ()
    parents: tuple[ParentVerdict, ...] = ()
    policies: tuple[PolicyVerdict, ...] = ()
    backend_policies: tuple[BackendPolicyVerdict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """The parameters that a Gateway itself refers to; they stand over those of its class, `base`. spec: what they say.
    wrong: why nothing can be made of them, status None = that cannot be decided; None = nothing is wrong."""

    kind: str
    namespace: str
    name: str
    base: Parameters | Unknown | None
    spec: Mapping[str, Any] = field(default_factory=dict)
    wrong: Verdict | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """What one Gateway means. parameters: of its class, with its `own` over them. `known`: every
    (namespace, name) of an HTTPRoute of which the input knows all (present or known absent); `complete`: nothing else
    can exist, so whatever is not here is not wanted. policed: every BackendPolicy was seen."""

    namespace: str
    name: str
    uid: str = ""
    gateway_class: GatewayClass | Unknown | None
    parameters: Parameters | Unknown | None
    own: Own | None = None
    tables: tuple[Table, ...]
    streams: tuple[StreamTable, ...] = ()
    backends: Mapping[BackendKey, Backend | Unknown]
    known: tuple[tuple[str, str], ...]
    complete: bool
    incomplete: tuple[str, ...] = ()  # why not, in words
    policed: bool = True
    notes: tuple[Note, ...] = ()
    verdicts: Verdicts = Verdicts(accepted=Verdict(status=None, reason="Pending"))
    origin: Origin

    @property
    def owner(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def withdrawn(self) -> frozenset[BackendKey]:
        """Backends to which requests went until the ReferenceGrant that allowed it was gone."""
        found: set[BackendKey] = set()
        for table in self.tables:
            for entry in table.entries:
                if isinstance(entry.action, Forward):
                    found.update(share.withdrawn for share in entry.action.shares if share.withdrawn is not None)
                elif isinstance(entry.action, Respond):
                    found.update(entry.action.withdrawn)
        return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """All Gateways of our classes, by namespace and name; notes that belong to no single Gateway;
    gone: Gateways known not to exist (they were in the base)."""

    gateways: tuple[Routing, ...]
    notes: tuple[Note, ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
