"""A child of the gateway in our form (a spec) and in Azure's (JSON), in both directions: one table for all kinds.

`document` writes with it, `observe` reads with it: whatever is written must come back equal, or a plan would never be
empty. Pure. The parts lie in `shapes_front`, `shapes_backends` and `shapes_paths`. What Azure shows of a mutable child
and we never write is kept as canonical JSON in the field `extra`, so that it differs and is repaired. Members:
learn.microsoft.com/rest/api/application-gateway/application-gateways/create-or-update.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cloudgw.graph import model
from cloudgw_azure import document_parts, shapes_backends, shapes_front, shapes_paths
from cloudgw_azure.shapes_values import IdOf, RefOf

Write: TypeAlias = Callable[[model.Spec, IdOf], dict[str, Any]]
Read: TypeAlias = Callable[[Mapping[str, Any], RefOf], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One kind of child. collection: its array in the document; a path rule's is that of its map.

    defaults: members that Azure may fill in by itself, with the value that means nothing. extra: whether what is left
    is a field of the spec. kept: members of others that a write carries along untouched.
    """

    collection: str
    write: Write
    read: Read
    members: frozenset[str]
    defaults: Mapping[str, Any]
    extra: bool = False
    kept: frozenset[str] = frozenset()


def _shape(collection: str, part: Any, write: Write, read: Read, *, extra: bool = False) -> Shape:
    members, defaults = part.MEMBERS[collection]
    return Shape(
        collection=collection,
        write=write,
        read=read,
        members=frozenset(members),
        defaults=defaults,
        extra=extra,
        kept=frozenset(part.KEPT.get(collection, ())),
    )


SHAPES: Mapping[str, Shape] = {
    "frontend-port": _shape("frontendPorts", shapes_front, shapes_front.write_port, shapes_front.read_port),
    "certificate": _shape(
        "sslCertificates", shapes_front, shapes_front.write_certificate, shapes_front.read_certificate
    ),
    "listener": _shape(
        "httpListeners", shapes_front, shapes_front.write_listener, shapes_front.read_listener, extra=True
    ),
    "trusted-root": _shape(
        "trustedRootCertificates", shapes_backends, shapes_backends.write_root, shapes_backends.read_root
    ),
    "pool": _shape("backendAddressPools", shapes_backends, shapes_backends.write_pool, shapes_backends.read_pool),
    "probe": _shape("probes", shapes_backends, shapes_backends.write_probe, shapes_backends.read_probe, extra=True),
    "settings": _shape(
        "backendHttpSettingsCollection",
        shapes_backends,
        shapes_backends.write_settings,
        shapes_backends.read_settings,
        extra=True,
    ),
    "path-map": _shape("urlPathMaps", shapes_paths, shapes_paths.write_map, shapes_paths.read_map, extra=True),
    "path-rule": _shape("pathRules", shapes_paths, shapes_paths.write_path, shapes_paths.read_path, extra=True),
    "rule": _shape("requestRoutingRules", shapes_paths, shapes_paths.write_rule, shapes_paths.read_rule, extra=True),
    "redirect": _shape("redirectConfigurations", shapes_paths, shapes_paths.write_redirect, shapes_paths.read_redirect),
    "rewrite-set": _shape("rewriteRuleSets", shapes_paths, shapes_paths.write_rewrites, shapes_paths.read_rewrites),
}
KIND_OF: Mapping[str, str] = {shape.collection: kind for kind, shape in SHAPES.items()}


def write(kind: str, spec: model.Spec, id_of: IdOf, standing: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The `properties` of a child. standing: what the child shows now, for what is not ours to say."""
    shape = SHAPES[kind]
    found = shape.write(spec, id_of)
    if shape.extra and spec.get("extra"):
        found |= json.loads(spec["extra"])
    return found | {name: standing[name] for name in sorted(shape.kept) if standing and name in standing}


def read(kind: str, properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:
    """The fields of a spec that the child's `properties` hold: all but `gateway`, a path rule's `map`, a pool's
    port and protocol and a certificate's fingerprint, which lie elsewhere."""
    shape = SHAPES[kind]
    found = shape.read(properties, ref_of)
    if shape.extra:
        found["extra"] = _extra(shape, properties)
    return found


def _extra(shape: Shape, properties: Mapping[str, Any]) -> str:
    known = shape.members | shape.kept | document_parts.back_references(shape.collection)
    left = {
        name: value
        for name, value in properties.items()
        if name not in known and not _means_nothing(shape, name, value)
    }
    return json.dumps(left, sort_keys=True, separators=(",", ":")) if left else ""


def _means_nothing(shape: Shape, name: str, value: Any) -> bool:
    return value is None or (value == shape.defaults[name] if name in shape.defaults else value in ("", False, [], {}))
