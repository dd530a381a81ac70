"""What one object may say about another: the world read from raw manifests, selectors, grants, backends, certificates.

Called by the other modules of this package. Every question is answered from the manifests alone, by walking over all
objects, so that each function can be read next to the sentence of the Gateway API documentation it repeats. Must never
import cloudgw: this package is the second opinion.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import functools
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

Manifest = dict[str, Any]

GATEWAY_GROUP = "gateway.networking.k8s.io"
LATEST = datetime.datetime.max.replace(tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Every object that exists, by (API group, kind), then by (namespace, name); namespace "" when cluster-scoped."""

    objects: dict[tuple[str, str], dict[tuple[str, str], Manifest]]

    def of(self, group: str, kind: str) -> dict[tuple[str, str], Manifest]:
        return self.objects.get((group, kind), {})


def read(objects: list[Manifest]) -> World:
    """Index manifests. The version of an API is not looked at: v1 and v1beta1 of a kind are the same objects."""
    world = World(objects={})
    for manifest in objects:
        version = manifest["apiVersion"]
        group = version.rpartition("/")[0]
        kind = manifest["kind"]
        meta = manifest["metadata"]
        cluster = kind in ("GatewayClass", "Namespace")
        key = ("" if cluster else meta.get("namespace", "default"), meta["name"])
        world.objects.setdefault((group, kind), {})[key] = manifest
    return world


def born(manifest: Manifest) -> datetime.datetime:
    """creationTimestamp; an object without one is younger than every object that has one."""
    stamp = manifest["metadata"].get("creationTimestamp")
    if stamp is None:
        return LATEST
    parsed = stamp if isinstance(stamp, datetime.datetime) else datetime.datetime.fromisoformat(stamp)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)


def age_order(manifest: Manifest) -> tuple[datetime.datetime, str]:
    """Oldest first, then alphabetical order of the text "{namespace}/{name}"."""
    meta = manifest["metadata"]
    return born(manifest), f"{meta.get('namespace', 'default')}/{meta['name']}"


def namespace_allowed(world: World, rule: Manifest | None, default: str, owner: str, asking: str) -> bool:
    """May something in namespace `asking` attach to an object in namespace `owner`?

    rule: `allowedRoutes.namespaces` or `allowedListeners.namespaces`; default: what `from` means when it is not set.
    """
    rule = rule or {}
    source = rule.get("from", default)
    if source == "All":
        return True
    if source == "Same":
        return asking == owner
    if source == "Selector":
        namespace = world.of("", "Namespace").get(("", asking))
        selector = rule.get("selector")
        if namespace is None or selector is None:
            return False
        return selects(selector, namespace["metadata"].get("labels") or {})
    if source == "None":
        return False
    raise ValueError(f"namespaces.from {source!r} is no value of the specification")


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    """A Kubernetes label selector: all of matchLabels and all of matchExpressions; the empty one selects everything."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for expression in selector.get("matchExpressions") or []:
        key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
        if operator == "In":
            held = key in labels and labels[key] in values
        elif operator == "NotIn":
            held = key not in labels or labels[key] not in values
        elif operator == "Exists":
            held = key in labels
        elif operator == "DoesNotExist":
            held = key not in labels
        else:
            raise ValueError(f"label selector operator {operator!r} is no operator of Kubernetes")
        if not held:
            return False
    return True


def granted(world: World, source: tuple[str, str], target: tuple[str, str, str]) -> bool:
    """Is a reference from a Gateway API kind to a core object permitted?

    source: (kind, namespace). target: (kind, namespace, name). Always inside one namespace; across namespaces when some
    ReferenceGrant in the target's namespace holds a `from` and a `to` that fit.
    """
    from_kind, from_namespace = source
    to_kind, to_namespace, to_name = target
    if from_namespace == to_namespace:
        return True
    for (namespace, _), grant in world.of(GATEWAY_GROUP, "ReferenceGrant").items():
        if namespace != to_namespace:
            continue
        trusted = any(
            (entry["group"], entry["kind"], entry["namespace"]) == (GATEWAY_GROUP, from_kind, from_namespace)
            for entry in grant["spec"]["from"]
        )
        covered = any(
            (entry["group"], entry["kind"]) == ("", to_kind) and entry.get("name") in (None, "", to_name)
            for entry in grant["spec"]["to"]
        )
        if trusted and covered:
            return True
    return False


def backend(world: World, route_kind: str, route_namespace: str, ref: Manifest) -> str | None:
    """The backend a backendRef names, as "namespace/name:port"; None when the reference is invalid."""
    if ref.get("group", "") != "" or ref.get("kind", "Service") != "Service" or ref.get("port") is None:
        return None
    namespace, name, port = ref.get("namespace") or route_namespace, ref["name"], ref["port"]
    if not granted(world, (route_kind, route_namespace), ("Service", namespace, name)):
        return None
    service = world.of("", "Service").get((namespace, name))
    if service is None or service["spec"].get("type") == "ExternalName":
        return None
    transport = "UDP" if route_kind == "UDPRoute" else "TCP"
    for offered in service["spec"].get("ports") or []:
        if offered["port"] == port and offered.get("protocol", "TCP") == transport:
            return f"{namespace}/{name}:{port}"
    return None


def certificate_usable(world: World, owner_kind: str, owner_namespace: str, ref: Manifest) -> bool:
    """Does a certificateRef of a Gateway or ListenerSet name a TLS Secret that can be used and may be used?"""
    if ref.get("group", "") != "" or ref.get("kind", "Secret") != "Secret":
        return False
    namespace, name = ref.get("namespace") or owner_namespace, ref["name"]
    if not granted(world, (owner_kind, owner_namespace), ("Secret", namespace, name)):
        return False
    secret = world.of("", "Secret").get((namespace, name))
    if secret is None or secret.get("type") != "kubernetes.io/tls":
        return False
    data = secret.get("data") or {}
    return "tls.crt" in data and "tls.key" in data and _pair(data["tls.crt"], data["tls.key"])


@functools.lru_cache(maxsize=64)
def _pair(certificate: str, key: str) -> bool:
    try:
        x509.load_pem_x509_certificate(base64.b64decode(certificate, validate=True))
        serialization.load_pem_private_key(base64.b64decode(key, validate=True), password=None)
    except (ValueError, TypeError, binascii.Error):
        return False
    return True
