"""Manifests of Kubernetes' own kinds become objects: Service, EndpointSlice, Namespace, Node, Secret,
ConfigMap, parameters.

Called by `catalog` with the fields of one object; raises fields.FieldError where a field has the wrong type. Of these
kinds we read what we use and no more: fields that concern others are no notes. This module must never read files.
"""

from __future__ import annotations

from cloudgw import objects
from cloudgw.objects import GATEWAY_GROUP, Material, Meta
from cloudgw.sources import authorities, secrets
from cloudgw.sources.fields import FieldError, Fields

SERVICE_LABEL = "kubernetes.io/service-name"
ZONE_LABELS = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")


def service(meta: Meta, fields: Fields) -> objects.Service:
    spec = fields.needed("spec")
    return objects.Service(
        meta=meta,
        type=spec.text("type", "ClusterIP"),
        ports=tuple(_service_port(port) for port in spec.children("ports")),
    )


def _service_port(fields: Fields) -> objects.ServicePort:
    return objects.ServicePort(
        name=fields.text("name"),
        port=fields.port("port", required=True),
        protocol=fields.text("protocol", "TCP"),
        target=_number_or_name(fields, "targetPort"),
        node_port=fields.number("nodePort", high=65535),
        app_protocol=fields.text("appProtocol"),
    )


def _number_or_name(fields: Fields, name: str) -> int | str:
    value = fields.value(name)
    return fields.text(name) if isinstance(value, str) else fields.number(name, high=65535)


def endpoint_slice(meta: Meta, fields: Fields) -> objects.EndpointSlice:
    return objects.EndpointSlice(
        meta=meta,
        service=meta.labels.get(SERVICE_LABEL, ""),
        address_type=fields.text("addressType", required=True),
        ports=tuple(
            (port.text("name"), port.number("port", high=65535))
            for port in fields.children("ports")
            if port.text("protocol", "TCP") in ("TCP", "UDP")
        ),
        endpoints=tuple(_endpoint(endpoint) for endpoint in fields.children("endpoints")),
    )


def _endpoint(fields: Fields) -> objects.Endpoint:
    """A condition that is not set counts as ready
    (https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions)."""
    conditions = fields.child("conditions")
    return objects.Endpoint(
        addresses=fields.texts("addresses"),
        ready=conditions.flag("ready", True) if conditions else True,
        zone=fields.text("zone"),
        node=fields.text("nodeName"),
    )


def definition(meta: Meta, fields: Fields) -> objects.CustomResourceDefinition:
    """Of the Gateway API's own definitions only the annotations that say which release they are of."""
    annotations = fields.needed("metadata").strings("annotations")
    return objects.CustomResourceDefinition(
        meta=meta,
        bundle=annotations.get(f"{GATEWAY_GROUP}/bundle-version", ""),
        channel=annotations.get(f"{GATEWAY_GROUP}/channel", ""),
    )


def namespace(meta: Meta, _: Fields) -> objects.Namespace:
    return objects.Namespace(meta=meta)


def node(meta: Meta, fields: Fields) -> objects.Node:
    status, spec = fields.child("status"), fields.child("spec")
    addresses = [
        address.text("address", required=True)
        for address in (status.children("addresses") if status else ())
        if address.text("type") == "InternalIP"
    ]
    return objects.Node(
        meta=meta,
        addresses=tuple(addresses),
        zone=next((meta.labels[label] for label in ZONE_LABELS if label in meta.labels), ""),
        provider_id=spec.text("providerID") if spec else "",
    )


def parameters(meta: Meta, kind: str, fields: Fields) -> objects.Parameters:
    spec = fields.value("spec")
    if spec is not None and not isinstance(spec, dict):
        raise FieldError("/spec", "is no mapping", "write `key: value` lines below it")
    return objects.Parameters(meta=meta, kind=kind, spec=spec or {})


def secret(meta: Meta, fields: Fields) -> tuple[objects.Secret, Material | None]:
    return secrets.read(meta, fields.text("type", "Opaque"), fields.value("data"), fields.value("stringData"))


def config_map(meta: Meta, fields: Fields) -> objects.ConfigMap:
    return authorities.read(meta, fields.value("data"))
