"""GatewayClass, Gateway, ListenerSet and what attaches to them that is no route: grants, policies, parameters.

`objects` re-exports it; `sources` makes the values. Field names and defaults are those of
https://gateway-api.sigs.k8s.io/reference/spec/ (v1.6). This module must never decide anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cloudgw.objects.base import Meta, ObjectRef, Selector


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
class ClientValidation:
    """How clients' certificates are checked. authorities: ConfigMaps that hold `ca.crt`."""

    authorities: tuple[ObjectRef, ...]
    mode: Literal["AllowValidOnly", "AllowInsecureFallback"] = "AllowValidOnly"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontendTLS:
    """default: for every HTTPS listener; per_port: (port, validation) replaces it there, None = no validation."""

    default: ClientValidation | None = None
    per_port: tuple[tuple[int, ClientValidation | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAddress:
    """value "" = assign one of this type."""

    type: str = "IPAddress"
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Infrastructure:
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    parameters: ObjectRef | None = None  # in the Gateway's namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedListeners:
    """Which namespaces may attach ListenerSets."""

    namespaces: Literal["All", "Selector", "Same", "None"] = "None"
    selector: Selector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    meta: Meta
    class_name: str
    listeners: tuple[Listener, ...]
    addresses: tuple[GatewayAddress, ...] = ()
    infrastructure: Infrastructure = Infrastructure()
    allowed_listeners: AllowedListeners = AllowedListeners()
    frontend: FrontendTLS | None = None
    backend_certificate: ObjectRef | None = None  # spec.tls.backend.clientCertificateRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSet:
    """parent: (group, kind, namespace, name) of the Gateway, defaults filled in."""

    meta: Meta
    parent: ObjectRef
    listeners: tuple[Listener, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceGrant:
    meta: Meta
    froms: tuple[tuple[str, str, str], ...]  # (group, kind, namespace)
    tos: tuple[tuple[str, str, str], ...]  # (group, kind, name or "" for all)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTarget:
    """section: the name of a Service's port, "" = all of them. The target is in the policy's namespace."""

    group: str = ""
    kind: str = "Service"
    name: str
    section: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendTLSPolicy:
    """How a Gateway speaks TLS to a Service. Either authorities (ConfigMaps that hold `ca.crt`) or well_known is given.
    alt_names: (type Hostname or URI, value)."""

    meta: Meta
    targets: tuple[PolicyTarget, ...]
    authorities: tuple[ObjectRef, ...] = ()
    well_known: str = ""
    hostname: str
    alt_names: tuple[tuple[str, str], ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """What is left out ("", 0, ()) is as without a policy. interval, timeout: seconds; statuses: "200", "200-299"."""

    path: str = ""
    port: int = 0
    interval: int = 0
    timeout: int = 0
    healthy: int = 0
    unhealthy: int = 0
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Affinity:
    """cookie: its name, "" = the cloud's; ttl: seconds, 0 = as the cloud has it."""

    type: Literal["Cookie", "ClientIP"]
    cookie: str = ""
    ttl: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendPolicy:
    """How load balancers treat the pods of Services (docs/reference/crds.md). drain: seconds, None = left out."""

    meta: Meta
    targets: tuple[PolicyTarget, ...]
    check: HealthCheck = HealthCheck()
    drain: int | None = None
    affinity: Affinity | None = None
