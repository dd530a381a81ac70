"""Manifests of the Gateway API become objects: GatewayClass, Gateway, HTTPRoute, ReferenceGrant.

Called by `manifests` with the fields of one object; raises fields.FieldError for what the API server would refuse. A
field that is set and not read here is kept by JSON pointer in `unhandled`, of the rule or listener that holds it, else
of the object: this module must never drop a field silently. Fields and defaults:
https://gateway-api.sigs.k8s.io/reference/spec/ (v1.6, standard channel).
"""

from __future__ import annotations

import dataclasses

from cloudgw import objects
from cloudgw.objects import GATEWAY_GROUP, Meta, ObjectRef
from cloudgw.sources.fields import FieldError, Fields, check_hostname


def gateway_class(meta: Meta, fields: Fields) -> objects.GatewayClass:
    spec = fields.child("spec", required=True) or fields
    spec.ignore("description")
    ref = spec.child("parametersRef")
    return objects.GatewayClass(
        meta=meta,
        controller=spec.text("controllerName", required=True),
        parameters=_object_ref(ref, group=None, kind="", namespace="") if ref else None,
    )


def gateway(meta: Meta, fields: Fields) -> objects.Gateway:
    spec = fields.child("spec", required=True) or fields
    spec.child("tls")  # nothing of it is read: its fields are unhandled one by one
    listeners = tuple(_listener(meta, listener) for listener in spec.children("listeners", apart=True))
    return objects.Gateway(
        meta=meta,
        class_name=spec.text("gatewayClassName", required=True),
        listeners=listeners,
    )


def _listener(meta: Meta, fields: Fields) -> objects.Listener:
    tls = fields.child("tls")
    listener = objects.Listener(
        name=fields.text("name", required=True),
        hostname=fields.hostname("hostname"),
        port=fields.port("port", required=True),
        protocol=fields.text("protocol", required=True),
        tls_mode=tls.text("mode", "Terminate") if tls else "",
        certificates=tuple(
            _object_ref(ref, group="", kind="Secret", namespace=meta.namespace)
            for ref in tls.children("certificateRefs")
        )
        if tls
        else (),
        allowed=_allowed(fields.child("allowedRoutes")),
    )
    return dataclasses.replace(listener, unhandled=fields.unread())


def _allowed(fields: Fields | None) -> objects.AllowedRoutes:
    if fields is None:
        return objects.AllowedRoutes()
    kinds = tuple(
        (kind.text("group", GATEWAY_GROUP), kind.text("kind", required=True)) for kind in fields.children("kinds")
    )
    namespaces = fields.child("namespaces")
    if namespaces is None:
        return objects.AllowedRoutes(kinds=kinds)
    chosen = namespaces.choice("from", ("Same", "All", "Selector", "None"), "Same")
    selector = namespaces.child("selector")
    if chosen == "Selector" and selector is None:
        raise FieldError(namespaces.at("selector"), "is missing", "add a label selector, or use from: Same")
    read = _selector(selector) if selector else None
    for value in ("Same", "All", "Selector", "None"):
        if chosen == value:
            return objects.AllowedRoutes(namespaces=value, selector=read, kinds=kinds)
    raise FieldError(namespaces.at("from"), "is not known", "use Same, All or Selector")


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


def http_route(meta: Meta, fields: Fields) -> objects.HTTPRoute:
    spec = fields.child("spec")
    if spec is None:
        return objects.HTTPRoute(meta=meta, parents=())
    parents = tuple(_parent(meta, parent) for parent in spec.children("parentRefs"))
    hostnames = tuple(
        check_hostname(hostname, f"{spec.at('hostnames')}/{number}")
        for number, hostname in enumerate(spec.texts("hostnames"))
    )
    rules = tuple(_rule(meta, rule) for rule in spec.children("rules", apart=True))
    if "rules" not in spec:
        rules = (objects.RouteRule(),)  # the API server's default: one rule that matches every request
    return objects.HTTPRoute(meta=meta, parents=parents, hostnames=hostnames, rules=rules)


def _parent(meta: Meta, fields: Fields) -> objects.ParentRef:
    return objects.ParentRef(
        group=fields.text("group", GATEWAY_GROUP),
        kind=fields.text("kind", "Gateway"),
        namespace=fields.text("namespace") or meta.namespace,
        name=fields.text("name", required=True),
        section=fields.text("sectionName"),
        port=fields.port("port"),
    )


def _rule(meta: Meta, fields: Fields) -> objects.RouteRule:
    rule = objects.RouteRule(
        name=fields.text("name"),
        matches=tuple(_match(match) for match in fields.children("matches")) or (objects.RouteMatch(),),
        filters=_filters(fields),
        backends=tuple(_backend(meta, backend) for backend in fields.children("backendRefs")),
    )
    return dataclasses.replace(rule, unhandled=fields.unread())


def _match(fields: Fields) -> objects.RouteMatch:
    path = fields.child("path")
    default = objects.PathMatch()
    return objects.RouteMatch(
        path=objects.PathMatch(type=path.text("type", default.type), value=path.text("value", default.value))
        if path
        else default,
        headers=tuple(_value_match(header) for header in fields.children("headers")),
        query=tuple(_value_match(param) for param in fields.children("queryParams")),
        method=fields.text("method"),
    )


def _value_match(fields: Fields) -> objects.ValueMatch:
    return objects.ValueMatch(
        type=fields.text("type", "Exact"),
        name=fields.text("name", required=True),
        value=fields.text("value", required=True),
    )


def _filters(fields: Fields) -> tuple[objects.Filter, ...]:
    return tuple(_filter(one) for one in fields.children("filters", apart=False))


def _filter(fields: Fields) -> objects.Filter:
    """A filter of a type that we do not honour is named and not read: the rule is refused because of it."""
    kind = fields.text("type", required=True)
    if kind == "RequestRedirect":
        redirect = fields.child("requestRedirect", required=True) or fields
        status = redirect.number("statusCode", 302)
        if status not in (301, 302, 303, 307, 308):
            raise FieldError(redirect.at("statusCode"), f"is {status}", "use one of 301, 302, 303, 307, 308")
        return objects.RequestRedirect(
            scheme=redirect.choice("scheme", ("http", "https")),
            hostname=_precise(redirect),
            path=_modifier(redirect.child("path")),
            port=redirect.port("port"),
            status=status,
        )
    if kind == "URLRewrite":
        rewrite = fields.child("urlRewrite", required=True) or fields
        return objects.URLRewrite(hostname=_precise(rewrite), path=_modifier(rewrite.child("path")))
    fields.ignore("requestHeaderModifier", "responseHeaderModifier", "requestMirror", "cors", "extensionRef")
    fields.ignore("externalAuth")
    return objects.OtherFilter(type=kind)


def _precise(fields: Fields) -> str:
    hostname = fields.hostname("hostname")
    if hostname.startswith("*"):
        raise FieldError(fields.at("hostname"), "is a wildcard", "use one DNS name")
    return hostname


def _modifier(fields: Fields | None) -> objects.PathModifier | None:
    if fields is None:
        return None
    kind = fields.choice("type", ("ReplaceFullPath", "ReplacePrefixMatch"))
    field = {"ReplaceFullPath": "replaceFullPath", "ReplacePrefixMatch": "replacePrefixMatch"}.get(kind)
    if field is None or fields.value(field) is None:
        missing = field or "type"
        raise FieldError(fields.at(missing), "is missing", "give type and the field of the same name")
    return objects.PathModifier(type=kind, value=fields.text(field))


def _backend(meta: Meta, fields: Fields) -> objects.BackendRef:
    return objects.BackendRef(
        ref=_object_ref(fields, group="", kind="Service", namespace=meta.namespace),
        port=fields.port("port"),
        weight=fields.number("weight", 1, high=1_000_000),
        filters=_filters(fields),
    )


def _object_ref(fields: Fields, *, group: str | None, kind: str, namespace: str) -> ObjectRef:
    """A reference with its defaults; group None and kind "" have none and must be written."""
    return ObjectRef(
        group=fields.text("group", group or "", required=group is None),
        kind=fields.text("kind", kind, required=not kind),
        namespace=fields.text("namespace") or namespace,
        name=fields.text("name", required=True),
    )


def reference_grant(meta: Meta, fields: Fields) -> objects.ReferenceGrant:
    spec = fields.child("spec", required=True) or fields
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
