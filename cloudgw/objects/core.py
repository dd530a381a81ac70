"""Kubernetes' own kinds, as far as we read them: Service, EndpointSlice, Secret, ConfigMap, Namespace, Node.

`objects` re-exports it; `sources` makes the values. No secret byte is here: a Secret holds what anybody may see.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudgw.objects.base import Meta


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
class ConfigMap:
    """The certificate authorities of a ConfigMap, from its `ca.crt`. fingerprint: hex SHA-256 of the certificates in
    the order written, "" when it cannot be used (then `problem` says why). pem: the certificates, which are public."""

    meta: Meta
    fingerprint: str = ""
    pem: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomResourceDefinition:
    """One of the Gateway API's own: bundle is the release it comes from ("v1.6.3"), channel standard or experimental;
    "" when it does not say."""

    meta: Meta
    bundle: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    meta: Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    meta: Meta
    addresses: tuple[str, ...] = ()  # InternalIPs, both families
    zone: str = ""
    provider_id: str = ""
