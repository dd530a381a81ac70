"""Manifests of the Gateway API that are no routes become objects: GatewayClass, Gateway, ListenerSet, ReferenceGrant,
BackendTLSPolicy.

Called by `catalog` with the fields of one object; raises fields.FieldError for what the API server would refuse. A
field that is set and not read here is kept by JSON pointer in `unhandled`, of the listener that holds it, else of the
object: this module must never drop a field silently. Fields and defaults:
https://gateway-api.sigs.k8s.io/reference/spec/ (v1.6, standard channel).
"""

from __future__ import annotations

import ipaddress
import re
from typing import Literal, TypeAlias

from cloudgw import objects
from cloudgw.objects import GATEWAY_GROUP, Meta
from cloudgw.sources import filters, references
from cloudgw.sources.fields import FieldError, Fields, check_hostname

From: TypeAlias = Literal["Same", "All", "Selector", "None"]
_FROM: tuple[From, ...] = ("Same", "All", "Selector", "None")

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def gateway_class(meta: Meta, fields: Fields) -> objects.GatewayClass:
    spec = fields.needed("spec")
    spec.ignore("description")
    ref = spec.child("parametersRef")
    if ref and ref.value("group") is None:  # "" is the core group
        raise FieldError(ref.at("group"), "is missing", "name the group of the parameters object")
    return objects.GatewayClass(
        meta=meta,
        controller=spec.text("controllerName", required=True),
        parameters=references.anywhere(meta, ref) if ref else None,
    )


def gateway(meta: Meta, fields: Fields) -> objects.Gateway:
    spec = fields.needed("spec")
    tls = spec.child("tls")
    frontend, backend = (tls.child("frontend"), tls.child("backend")) if tls else (None, None)
    certificate = backend.child("clientCertificateRef") if backend else None
    namespaces, selector = _from(_child(spec.child("allowedListeners"), "namespaces"), "None")
    return objects.Gateway(
        meta=meta,
        class_name=spec.text("gatewayClassName", required=True),
        listeners=_listeners(meta, spec),
        addresses=tuple(_address(address) for address in spec.children("addresses")),
        infrastructure=_infrastructure(meta, spec.child("infrastructure")),
        allowed_listeners=objects.AllowedListeners(namespaces=namespaces, selector=selector),
        frontend=_frontend(meta, frontend) if frontend else None,
        backend_certificate=references.anywhere(meta, certificate, kind="Secret") if certificate else None,
    )


def listener_set(meta: Meta, fields: Fields) -> objects.ListenerSet:
    spec = fields.needed("spec")
    parent = references.anywhere(meta, spec.needed("parentRef"), kind="Gateway", group=GATEWAY_GROUP)
    return objects.ListenerSet(meta=meta, parent=parent, listeners=_listeners(meta, spec))


def _child(fields: Fields | None, name: str) -> Fields | None:
    return fields.child(name) if fields else None


def _address(fields: Fields) -> objects.GatewayAddress:
    found = objects.GatewayAddress(type=fields.text("type", "IPAddress"), value=fields.text("value"))
    if found.type == "IPAddress" and found.value:
        try:
            ipaddress.ip_address(found.value)
        except ValueError:
            fix = "write an IPv4 or IPv6 address, or use type: Hostname"
            raise FieldError(fields.at("value"), "is no IP address", fix) from None
    return found


def _infrastructure(meta: Meta, fields: Fields | None) -> objects.Infrastructure:
    if fields is None:
        return objects.Infrastructure()
    ref = fields.child("parametersRef")
    return objects.Infrastructure(
        labels=fields.strings("labels"),
        annotations=fields.strings("annotations"),
        parameters=references.local(meta, ref) if ref else None,
    )


def _frontend(meta: Meta, fields: Fields) -> objects.FrontendTLS:
    ports = tuple(
        (one.port("port", required=True), _validation(meta, one.needed("tls"))) for one in fields.children("perPort")
    )
    if len({port for port, _ in ports}) != len(ports):
        raise FieldError(fields.at("perPort"), "names a port twice", "give each port once")
    return objects.FrontendTLS(default=_validation(meta, fields.needed("default")), per_port=ports)


def _validation(meta: Meta, fields: Fields) -> objects.ClientValidation | None:
    validation = fields.child("validation")
    if validation is None:
        return None
    authorities = tuple(references.anywhere(meta, ref) for ref in validation.children("caCertificateRefs"))
    if not authorities:
        fix = "name a ConfigMap that holds ca.crt, or remove `validation`"
        raise FieldError(validation.at("caCertificateRefs"), "is missing", fix)
    mode = validation.choice("mode", ("AllowValidOnly", "AllowInsecureFallback"), "AllowValidOnly")
    return objects.ClientValidation(
        authorities=authorities,
        mode="AllowInsecureFallback" if mode == "AllowInsecureFallback" else "AllowValidOnly",
    )


def _listeners(meta: Meta, spec: Fields) -> tuple[objects.Listener, ...]:
    return tuple(_listener(meta, listener) for listener in spec.children("listeners", apart=True))


def _listener(meta: Meta, fields: Fields) -> objects.Listener:
    tls = fields.child("tls")
    name = fields.text("name", required=True)
    if not _NAME.fullmatch(name):
        raise FieldError(fields.at("name"), "is no DNS name", "use lower-case letters, digits, dashes and dots")
    return objects.Listener(
        name=name,
        hostname=fields.hostname("hostname"),
        port=fields.port("port", required=True),
        protocol=fields.text("protocol", required=True),
        tls_mode=tls.text("mode", "Terminate") if tls else "",
        certificates=tuple(references.anywhere(meta, ref, kind="Secret") for ref in tls.children("certificateRefs"))
        if tls
        else (),
        allowed=_allowed(fields.child("allowedRoutes")),
        unhandled=fields.unread(),
    )


def _allowed(fields: Fields | None) -> objects.AllowedRoutes:
    if fields is None:
        return objects.AllowedRoutes()
    kinds = tuple(
        (kind.text("group", GATEWAY_GROUP), kind.text("kind", required=True)) for kind in fields.children("kinds")
    )
    namespaces, selector = _from(fields.child("namespaces"), "Same")
    return objects.AllowedRoutes(namespaces=namespaces, selector=selector, kinds=kinds)


def _from(fields: Fields | None, default: From) -> tuple[From, objects.Selector | None]:
    """Which namespaces: `from` and `selector`."""
    if fields is None:
        return default, None
    chosen = fields.choice("from", _FROM, default)
    selector = fields.child("selector")
    if chosen == "Selector" and selector is None:
        raise FieldError(fields.at("selector"), "is missing", "add a label selector, or use from: Same")
    return next(one for one in _FROM if one == chosen), _selector(selector) if selector else None


def _selector(fields: Fields) -> objects.Selector:
    labels = fields.strings("matchLabels")
    return objects.Selector(
        labels=tuple(sorted(labels.items())),
        expressions=tuple(
            (
                expression.text("key", required=True),
                expression.choice("operator", ("In", "NotIn", "Exists", "DoesNotExist")),
                expression.texts("values"),
            )
            for expression in fields.children("matchExpressions")
        ),
    )


def reference_grant(meta: Meta, fields: Fields) -> objects.ReferenceGrant:
    spec = fields.needed("spec")
    return objects.ReferenceGrant(
        meta=meta,
        froms=tuple(
            (one.text("group"), one.text("kind", required=True), one.text("namespace", required=True))
            for one in spec.children("from")
        ),
        tos=tuple(
            (one.text("group"), one.text("kind", required=True), one.text("name")) for one in spec.children("to")
        ),
    )


def backend_tls_policy(meta: Meta, fields: Fields) -> objects.BackendTLSPolicy:
    spec = fields.needed("spec")
    validation = spec.needed("validation")
    targets = tuple(
        objects.PolicyTarget(
            group=target.text("group"),
            kind=target.text("kind", required=True),
            name=target.text("name", required=True),
            section=target.text("sectionName"),
        )
        for target in spec.children("targetRefs")
    )
    if not targets:
        raise FieldError(spec.at("targetRefs"), "is missing", "name the Services that are spoken to with TLS")
    authorities = tuple(references.local(meta, ref) for ref in validation.children("caCertificateRefs"))
    well_known = validation.text("wellKnownCACertificates")
    if bool(authorities) is bool(well_known):
        reason = "has both caCertificateRefs and wellKnownCACertificates" if authorities else "names no authority"
        fix = "give either caCertificateRefs or wellKnownCACertificates: System"
        raise FieldError(validation.pointer, reason, fix)
    return objects.BackendTLSPolicy(
        meta=meta,
        targets=targets,
        authorities=authorities,
        well_known=well_known,
        hostname=filters.precise_hostname(validation, required=True),
        alt_names=tuple(_alt_name(name) for name in validation.children("subjectAltNames")),
        options=spec.strings("options"),
    )


def _alt_name(fields: Fields) -> tuple[str, str]:
    kind = fields.choice("type", ("Hostname", "URI"))
    if kind == "Hostname":
        return kind, check_hostname(fields.text("hostname", required=True), fields, "hostname")
    return kind, fields.text("uri", required=True)
