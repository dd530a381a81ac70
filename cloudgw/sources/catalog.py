"""The kinds that are read, and one manifest of one of them as an object.

Called by `manifests` for what stands in files, and by whoever lists a cluster. Another kind is the caller's to name or
to pass over. This module must never read files, and never show the content of a Secret.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloudgw.objects import GATEWAY_GROUP, OWN_GROUP, Key, KubernetesObject, Material, Meta, Origin
from cloudgw.sources import gateway_kinds, kinds, policy_kinds, route_kinds
from cloudgw.sources.fields import FieldError, Fields

OTHER_GROUPS = ("gateway.networking.x-k8s.io", "networking.x-k8s.io")  # experimental kinds, and the first alpha
DEFINITIONS = "apiextensions.k8s.io"


class VersionError(FieldError):
    """A version of a known kind that has another shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """versions: that have the shape that is read, the best first. strict: a field that nobody read is kept in
    Meta.unhandled."""

    versions: tuple[str, ...]
    parse: Callable[[Meta, Fields], Any]
    namespaced: bool = True
    strict: bool = False
    bare: bool = False  # nothing but the metadata is read


def _gateway_api(parse: Callable[[Meta, Fields], Any], *older: str, namespaced: bool = True) -> Kind:
    return Kind(versions=("v1", *older), parse=parse, namespaced=namespaced, strict=True)


KINDS: dict[tuple[str, str], Kind] = {
    (GATEWAY_GROUP, "GatewayClass"): _gateway_api(gateway_kinds.gateway_class, "v1beta1", namespaced=False),
    (GATEWAY_GROUP, "Gateway"): _gateway_api(gateway_kinds.gateway, "v1beta1"),
    (GATEWAY_GROUP, "ListenerSet"): _gateway_api(gateway_kinds.listener_set),
    (GATEWAY_GROUP, "HTTPRoute"): _gateway_api(route_kinds.http_route, "v1beta1"),
    (GATEWAY_GROUP, "GRPCRoute"): _gateway_api(route_kinds.grpc_route),
    (GATEWAY_GROUP, "TLSRoute"): _gateway_api(route_kinds.tls_route, "v1alpha3", "v1alpha2"),
    (GATEWAY_GROUP, "TCPRoute"): _gateway_api(route_kinds.tcp_route, "v1alpha2"),
    (GATEWAY_GROUP, "UDPRoute"): _gateway_api(route_kinds.udp_route, "v1alpha2"),
    (GATEWAY_GROUP, "ReferenceGrant"): _gateway_api(gateway_kinds.reference_grant, "v1beta1"),
    (GATEWAY_GROUP, "BackendTLSPolicy"): _gateway_api(gateway_kinds.backend_tls_policy, "v1alpha3"),
    (OWN_GROUP, "BackendPolicy"): Kind(versions=("v1alpha1",), parse=policy_kinds.backend_policy, strict=True),
    ("", "Service"): Kind(versions=("v1",), parse=kinds.service),
    ("", "Secret"): Kind(versions=("v1",), parse=kinds.secret),
    ("", "ConfigMap"): Kind(versions=("v1",), parse=kinds.config_map),
    ("", "Namespace"): Kind(versions=("v1",), parse=kinds.namespace, namespaced=False),
    ("", "Node"): Kind(versions=("v1",), parse=kinds.node, namespaced=False),
    (DEFINITIONS, "CustomResourceDefinition"): Kind(
        versions=("v1",), parse=kinds.definition, namespaced=False, bare=True
    ),
    ("discovery.k8s.io", "EndpointSlice"): Kind(versions=("v1",), parse=kinds.endpoint_slice),
}


def is_taken(group: str, kind: str) -> bool:
    """Whether somebody else's kind is written with our group: objects are known by their kind's name alone."""
    return group == OWN_GROUP and (group, kind) not in KINDS and any(kind == known for _, known in KINDS)


def concerns(group: str, name: str) -> bool:
    """Whether an object of a known kind is one that is read: of definitions those of kinds in KINDS, and all of the
    Gateway API's."""
    return group != DEFINITIONS or name.endswith(f".{GATEWAY_GROUP}") or name == f"backendpolicies.{OWN_GROUP}"


def is_namespaced(group: str, kind: str) -> bool:
    """Of a known kind, or of parameters: those of a class belong to no namespace."""
    known = KINDS.get((group, kind))
    return known.namespaced if known else not (group == OWN_GROUP and kind.endswith("ClassParameters"))


def key(data: dict[str, Any], *, namespaced: bool) -> Key | None:
    """(namespace, name) of a manifest, "default" where the namespace is left out; None without a usable name."""
    metadata = data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str) or not name:
        return None
    namespace = metadata.get("namespace") or "default"
    if not isinstance(namespace, str):
        return None
    return (namespace if namespaced else "", name)


def read(data: dict[str, Any], subject: Origin) -> tuple[KubernetesObject, Material | None]:
    """The object that a manifest of a kind in KINDS, or of parameters, describes. subject: its kind, key and place.
    Raises FieldError, with pointers into the manifest."""
    group, _, version = str(data.get("apiVersion")).rpartition("/")
    known = KINDS.get((group, subject.kind))
    if known is not None and version not in known.versions:
        raise VersionError("/apiVersion", f"version {version} is not supported", f"use {known.versions[0]}")
    fields = Fields(data)
    meta = _meta(fields, subject)
    if known is None:
        return kinds.parameters(meta, subject.kind, fields), None
    found, material = known.parse(meta, fields), None
    if isinstance(found, tuple):
        found, material = found
    if known.strict and (unread := fields.unread()):
        found = dataclasses.replace(found, meta=dataclasses.replace(meta, unhandled=unread))
    return found, material


def _meta(fields: Fields, subject: Origin) -> Meta:
    fields.ignore("apiVersion", "kind", "status")
    metadata = Fields(fields.value("metadata"), "metadata")
    return Meta(
        namespace=subject.namespace,
        name=subject.name,
        uid=metadata.text("uid"),
        generation=metadata.number("generation", high=2**63),
        created=metadata.text("creationTimestamp"),
        labels=metadata.strings("labels"),
        file=subject.file,
        line=subject.line,
    )
