"""An element in our form (a spec) and in Google's (JSON), in both directions: one table for all resources.

`kinds*` and `document` write with it, `observe` reads with it: whatever is written must come back equal, or a plan
would never be empty. Pure. The parts lie in `shapes_front`, `shapes_backends` and `shapes_paths`. Values that Google
fills in by itself are read as what they mean, so that they never differ. References are written as full links and
compared by their paths. Must never take along a member that is not ours: a write names exactly its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cloudgw.graph import model
from cloudgw_gcp import names, shapes_backends, shapes_front, shapes_paths
from cloudgw_gcp.shapes_values import IdOf, Json, RefOf

Write: TypeAlias = Callable[[model.Spec, IdOf, Mapping[str, Any]], Json]
Read: TypeAlias = Callable[[Mapping[str, Any], RefOf], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One kind of resource. managed: members that a write replaces or removes; everything else stays as it stands.

    collection: "" where the spec decides.
    """

    collection: str
    write: Write
    read: Read
    managed: tuple[str, ...] = ()


def _write_map(spec: model.Spec, id_of: IdOf, _: Mapping[str, Any]) -> Json:
    """Without its children: those and every update are the business of `document`."""
    return shapes_paths.write_map(spec, id_of)


SHAPES: Mapping[str, Shape] = {
    "address": Shape(collection="addresses", write=shapes_front.write_address, read=shapes_front.read_address),
    "firewall": Shape(
        collection="firewalls",
        write=shapes_backends.write_firewall,
        read=shapes_backends.read_firewall,
        managed=shapes_backends.FIREWALL_MEMBERS,
    ),
    "forwarding-rule": Shape(collection="forwardingRules", write=shapes_front.write_rule, read=shapes_front.read_rule),
    "target-proxy": Shape(collection="", write=shapes_front.write_proxy, read=shapes_front.read_proxy),
    "certificate": Shape(
        collection="sslCertificates", write=shapes_front.write_certificate, read=shapes_front.read_certificate
    ),
    "ssl-policy": Shape(
        collection="sslPolicies",
        write=shapes_front.write_policy,
        read=shapes_front.read_policy,
        managed=("profile", "minTlsVersion"),
    ),
    "backend-service": Shape(
        collection="backendServices",
        write=shapes_backends.write_service,
        read=shapes_backends.read_service,
        managed=shapes_backends.SERVICE_MEMBERS,
    ),
    "url-map": Shape(collection="urlMaps", write=_write_map, read=shapes_paths.read_map),
    "neg": Shape(collection="networkEndpointGroups", write=shapes_backends.write_neg, read=shapes_backends.read_neg),
    "health-check": Shape(
        collection="healthChecks",
        write=shapes_backends.write_check,
        read=shapes_backends.read_check,
        managed=(
            *shapes_backends.CHECK_MEMBERS,
            *shapes_backends.BLOCKS.values(),
            *shapes_backends.OTHER_BLOCKS,
        ),
    ),
}
KINDS_OF: Mapping[str, str] = {shape.collection: kind for kind, shape in SHAPES.items() if shape.collection} | {
    **dict.fromkeys(shapes_front.PROXIES.values(), "target-proxy")
}
"""Collection -> kind, of resources of their own."""


def collection(kind: str, spec: model.Spec) -> str:
    if kind == "target-proxy":
        return shapes_front.PROXIES[bool(spec["secure"])]
    return SHAPES[kind].collection


def place(kind: str, spec: model.Spec, id_of: IdOf) -> str:
    """ "global", a region or a zone. What is made for an address lies where that lies; firewalls are global."""
    if kind == "firewall":
        return names.GLOBAL
    if "zone" in spec or "place" in spec:
        return str(spec.get("zone") or spec["place"])
    return names.place_of(id_of(spec["address"]))[1]


def record_extra(kind: str, spec: model.Spec) -> dict[str, str]:
    """Members of the record beyond the common ones: what Google does not show again."""
    found: dict[str, Any] = {}
    if isinstance(spec.get("address"), model.Ref):
        found[names.PARENT] = spec["address"].name
    if kind in ("address", "forwarding-rule"):
        found |= {names.NETWORK: spec.get("network"), names.SUBNETWORK: spec.get("subnetwork")}
    if kind == "url-map" and spec.get("secure"):
        found[names.SECURE] = "true"
    if kind == "certificate":
        found[names.FINGERPRINT] = spec["fingerprint"]
    return {member: str(value) for member, value in found.items() if value}


def inserted(
    element: model.Element, id_of: IdOf, *, owner: str, region: str, evidence: Mapping[str, str] | None = None
) -> Json:
    """The body of an insert: name, record and members. element: its name is the suffix, its references are bound."""
    kind, spec = model.kind_of(element.address), element.fields
    extra = {names.PLACE: place(kind, spec, id_of), **record_extra(kind, spec)}
    return {
        "name": names.resource_name(owner, element.address, element.name, region),
        "description": names.record_text(owner, element.address, element.name, evidence or {}, region, extra),
        **write(kind, spec, id_of),
    }


def write(kind: str, spec: model.Spec, id_of: IdOf) -> Json:
    """The members that a spec means, of a resource that does not exist yet."""
    return SHAPES[kind].write(spec, id_of, {})


def settled(kind: str, standing: Mapping[str, Any], spec: model.Spec, id_of: IdOf) -> Json:
    """The document as it stands with exactly the managed members replaced."""
    shape = SHAPES[kind]
    kept = {member: value for member, value in standing.items() if member not in shape.managed}
    return kept | shape.write(spec, id_of, standing)


def read(kind: str, document: Mapping[str, Any], ref_of: RefOf) -> Json:
    """The spec in a document of ours, as a GET shows it: every field, the immutable ones too."""
    found = SHAPES[kind].read(document, ref_of)
    if kind == "url-map":
        found["secure"] = names.members(document.get("description")).get(names.SECURE) == "true"
    parent = _parent(document)
    return found | ({"address": parent} if parent is not None else {})


def _parent(document: Mapping[str, Any]) -> model.Ref | None:
    """The incarnation of the address that the thing was made for: the record alone says it."""
    record = names.members(document.get("description"))
    if names.PARENT not in record or "address" not in record:
        return None
    where = model.address(model.owner_of(record["address"]), names.PROVIDER, "address", "lb")
    return model.Ref(where, "exists", record[names.PARENT])
