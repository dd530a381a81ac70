"""The Kubernetes objects we read, as frozen values, and the Snapshot that holds them at one moment.

Everything above reads these types; `sources` creates them. Only the fields we use exist: a field that the
Gateway API has and we do not handle is kept by name in `unhandled`, so that `routing` can say so in a Note.
This module must never do I/O, and never hold secret bytes outside `Material`, whose repr shows none.

A lookup answers three ways: the object (Found), None (Absent: we know that it does not exist), or Unknown
(we could not see; never a reason to delete anything).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar, cast

GATEWAY_GROUP = "gateway.networking.k8s.io"
CONTROLLER_NAME = "cloudgw.dev/gateway-controller"


class CloudgwWarning(UserWarning):
    """A defect of ours that is survivable at run time; tests turn it into an error."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known about this value. Equal as a value only to an Unknown with the same reason; `diff` holds the
    rule that where either side is Unknown there is no difference."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which object, and which field of it, caused something."""

    kind: str
    namespace: str = ""
    name: str = ""
    section: str = ""  # a listener or a rule, by name, else by number: `listener "https"`, `rule 2`
    path: str = ""  # JSON pointer into the object, "/spec/rules/2"
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where} {self.section}".rstrip()

    @property
    def place(self) -> str:
        """`routes.yaml:41`, or "" when the object did not come from a file."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Anything dropped, degraded or assumed: said to people, never acted upon by code."""

    level: Literal["info", "warning", "error"]
    code: str  # CamelCase and stable, "UnsupportedFilter"
    message: str
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Secret bytes, found by their fingerprint at commit time. Nothing prints it."""

    fingerprint: str
    certificate_pem: bytes = field(repr=False)
    key_pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    namespace: str = ""  # "" for cluster-scoped kinds
    name: str
    uid: str = ""
    generation: int = 0
    created: str = ""  # RFC 3339, "" in files: sorts as the oldest, ties by namespace/name
    labels: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    line: int = 0
    unhandled: tuple[str, ...] = ()  # JSON pointers of fields that we do not handle


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    group: str = ""
    kind: str
    namespace: str = ""  # always filled in by the source with the referrer's own namespace when left out
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayClass:
    meta: Meta
    controller: str
    parameters: ObjectRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A provider's parameters object, unread: the provider parses `spec` and refuses unknown fields by name."""

    meta: Meta
    kind: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A label selector: match_labels and match_expressions (key, operator, values)."""

    labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedRoutes:
    namespaces: Literal["Same", "All", "Selector", "None"] = "Same"
    selector: Selector | None = None
    kinds: tuple[tuple[str, str], ...] = ()  # (group, kind); empty = all that the protocol allows


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    name: str
    hostname: str = ""  # "" = any
    port: int
    protocol: str
    tls_mode: str = ""  # "", "Terminate", "Passthrough"
    certificates: tuple[ObjectRef, ...] = ()
    allowed: AllowedRoutes = AllowedRoutes()
    unhandled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    meta: Meta
    class_name: str
    listeners: tuple[Listener, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRef:
    group: str = GATEWAY_GROUP
    kind: str = "Gateway"
    namespace: str = ""  # filled in by the source
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
class RouteMatch:
    path: PathMatch = PathMatch()
    headers: tuple[ValueMatch, ...] = ()
    query: tuple[ValueMatch, ...] = ()
    method: str = ""


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
class OtherFilter:
    """A filter that we name and do not honour yet."""

    type: str


Filter: TypeAlias = RequestRedirect | URLRewrite | OtherFilter


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
    unhandled: tuple[str, ...] = ()  # "timeouts", "retry", "sessionPersistence"


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPRoute:
    meta: Meta
    parents: tuple[ParentRef, ...]
    hostnames: tuple[str, ...] = ()
    rules: tuple[RouteRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceGrant:
    meta: Meta
    froms: tuple[tuple[str, str, str], ...]  # (group, kind, namespace)
    tos: tuple[tuple[str, str, str], ...]  # (group, kind, name or "" for all)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    name: str = ""
    port: int
    protocol: str = "TCP"
    target: int | str = 0  # number or name; 0 = the same as port
    node_port: int = 0
    app_protocol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    meta: Meta
    type: str = "ClusterIP"
    ports: tuple[ServicePort, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    addresses: tuple[str, ...]
    ready: bool = True
    zone: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSlice:
    meta: Meta
    service: str  # label kubernetes.io/service-name
    address_type: str = "IPv4"
    ports: tuple[tuple[str, int], ...] = ()  # (name, number)
    endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A Secret without its bytes: what anybody may see of a certificate, and the fingerprint of the rest.

    fingerprint: hex SHA-256 over certificate and key, "" when the Secret is not usable (then `problem` says why).
    """

    meta: Meta
    type: str
    fingerprint: str = ""
    names: tuple[str, ...] = ()  # DNS names of the leaf certificate
    not_after: str = ""  # RFC 3339
    key_type: str = ""  # "RSA-2048", "EC-P-256"
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    meta: Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    meta: Meta
    addresses: tuple[str, ...] = ()  # InternalIPs, both families
    zone: str = ""
    provider_id: str = ""


KubernetesObject: TypeAlias = (
    GatewayClass
    | Parameters
    | Gateway
    | HTTPRoute
    | ReferenceGrant
    | Service
    | EndpointSlice
    | Secret
    | Namespace
    | Node
)
T = TypeVar("T", bound=KubernetesObject)
Key: TypeAlias = tuple[str, str]  # (namespace, name)


def kind_of(item: KubernetesObject) -> str:
    """ "HTTPRoute"; for a Parameters object the kind it was written with."""
    return item.kind if isinstance(item, Parameters) else type(item).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Kubernetes objects at one moment.

    objects: kind -> (namespace, name) -> object, or Unknown where it exists but could not be read.
    absent: (kind, namespace, name) known not to exist although the kind is not completely known (`--base`).
    complete: kinds that are completely known; "*" = all of them (`--complete`, a cluster's listing).
    materials: fingerprint -> secret bytes, for commit only.
    """

    objects: Mapping[str, Mapping[Key, KubernetesObject | Unknown]] = field(default_factory=dict)
    absent: frozenset[tuple[str, str, str]] = frozenset()
    complete: frozenset[str] = frozenset()
    materials: Mapping[str, Material] = field(default_factory=dict, repr=False)

    def get(self, kind: type[T] | str, namespace: str, name: str) -> T | Unknown | None:
        """Found, Unknown, or None for Absent."""
        label = kind if isinstance(kind, str) else kind.__name__
        found = self.objects.get(label, {}).get((namespace, name))
        if found is not None:
            return cast("T | Unknown", found)
        if self.is_complete(label) or (label, namespace, name) in self.absent:
            return None
        where = f"{namespace}/{name}" if namespace else name
        return Unknown(f"{label} {where} is not among the input")

    def all(self, kind: type[T]) -> Iterable[T]:
        """Every readable object of a kind, by namespace and name. Ask `is_complete` before concluding from absence."""
        items = self.objects.get(kind.__name__, {})
        return [cast("T", items[key]) for key in sorted(items) if not isinstance(items[key], Unknown)]

    def unreadable(self, kind: type[T]) -> Iterable[tuple[Key, Unknown]]:
        """The objects of a kind that exist but could not be read."""
        items = self.objects.get(kind.__name__, {})
        return [(key, found) for key in sorted(items) if isinstance(found := items[key], Unknown)]

    def is_complete(self, kind: type[T] | str) -> bool:
        label = kind if isinstance(kind, str) else kind.__name__
        return "*" in self.complete or label in self.complete
