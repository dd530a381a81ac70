"""Filters of HTTPRoutes and GRPCRoutes: what is done to a request or a response on the way.

Called by `route_kinds` with one entry of `filters`, of a rule or of a backendRef. A filter of a type that is not read
here is named and left unread: who routes decides what follows. This module must never decide whether a cloud can do it.
Fields and defaults: https://gateway-api.sigs.k8s.io/reference/spec/ (v1.6).
"""

from __future__ import annotations

from collections.abc import Callable

from cloudgw import objects
from cloudgw.objects import Meta
from cloudgw.sources import references
from cloudgw.sources.fields import FieldError, Fields, check_hostname

# The field of each type, whether it is read or not; those of an unread type are no unknown fields.
_FIELDS = ("requestHeaderModifier", "responseHeaderModifier", "requestMirror", "cors", "extensionRef", "externalAuth")


def http(meta: Meta, fields: Fields) -> tuple[objects.Filter, ...]:
    """The filters of a rule or backendRef of an HTTPRoute."""
    return tuple(_filter(meta, one, _HTTP) for one in fields.children("filters"))


def grpc(meta: Meta, fields: Fields) -> tuple[objects.Filter, ...]:
    """The filters of a rule or backendRef of a GRPCRoute."""
    return tuple(_filter(meta, one, _GRPC) for one in fields.children("filters"))


def _filter(meta: Meta, fields: Fields, known: _Table) -> objects.Filter:
    kind = fields.text("type", required=True)
    if kind in known:
        name, parse = known[kind]
        return parse(meta, fields.needed(name))
    fields.ignore(*_FIELDS)
    return objects.OtherFilter(type=kind)


def _redirect(_: Meta, fields: Fields) -> objects.RequestRedirect:
    status = fields.number("statusCode", 302)
    if status not in (301, 302, 303, 307, 308):
        raise FieldError(fields.at("statusCode"), f"is {status}", "use one of 301, 302, 303, 307, 308")
    return objects.RequestRedirect(
        scheme=fields.choice("scheme", ("http", "https")),
        hostname=precise_hostname(fields),
        path=_modifier(fields.child("path")),
        port=fields.port("port"),
        status=status,
    )


def _rewrite(_: Meta, fields: Fields) -> objects.URLRewrite:
    return objects.URLRewrite(hostname=precise_hostname(fields), path=_modifier(fields.child("path")))


def precise_hostname(fields: Fields, *, required: bool = False) -> str:
    """The field `hostname`, which must be no wildcard."""
    hostname = check_hostname(fields.text("hostname", required=required), fields, "hostname")
    if hostname.startswith("*"):
        raise FieldError(fields.at("hostname"), "is a wildcard", "use one DNS name")
    return hostname


def _modifier(fields: Fields | None) -> objects.PathModifier | None:
    if fields is None:
        return None
    kind = fields.choice("type", ("ReplaceFullPath", "ReplacePrefixMatch"))
    field = {"ReplaceFullPath": "replaceFullPath", "ReplacePrefixMatch": "replacePrefixMatch"}.get(kind)
    if field is None or field not in fields:
        raise FieldError(fields.at(field or "type"), "is missing", "give type and the field of the same name")
    return objects.PathModifier(type=kind, value=fields.text(field))


def _headers(fields: Fields) -> objects.HeaderModifier:
    return objects.HeaderModifier(
        set=_pairs(fields, "set"),
        add=_pairs(fields, "add"),
        remove=fields.texts("remove"),
    )


def _pairs(fields: Fields, name: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (header.text("name", required=True), header.text("value", required=True)) for header in fields.children(name)
    )


def _request_headers(_: Meta, fields: Fields) -> objects.RequestHeaderModifier:
    return objects.RequestHeaderModifier(headers=_headers(fields))


def _response_headers(_: Meta, fields: Fields) -> objects.ResponseHeaderModifier:
    return objects.ResponseHeaderModifier(headers=_headers(fields))


def _mirror(meta: Meta, fields: Fields) -> objects.RequestMirror:
    backend, fraction = fields.needed("backendRef"), fields.child("fraction")
    if fraction is not None and "percent" in fields:
        raise FieldError(fields.at("fraction"), "stands beside percent", "give one of the two")
    numerator, denominator = fields.number("percent", 100, high=100), 100
    if fraction is not None:
        numerator = fraction.number("numerator", required=True)
        denominator = fraction.number("denominator", 100, low=1)
        if numerator > denominator:
            raise FieldError(fraction.at("numerator"), f"is {numerator}", f"use at most the denominator, {denominator}")
    return objects.RequestMirror(
        ref=references.anywhere(meta, backend, kind="Service"),
        port=backend.port("port"),
        numerator=numerator,
        denominator=denominator,
    )


def _cors(_: Meta, fields: Fields) -> objects.CORS:
    return objects.CORS(
        allow_origins=fields.texts("allowOrigins"),
        allow_credentials=fields.flag("allowCredentials", False),
        allow_methods=fields.texts("allowMethods"),
        allow_headers=fields.texts("allowHeaders"),
        expose_headers=fields.texts("exposeHeaders"),
        max_age=fields.number("maxAge", 5, low=1),
    )


def _extension(meta: Meta, fields: Fields) -> objects.OtherFilter:
    return objects.OtherFilter(type="ExtensionRef", ref=references.local(meta, fields))


_Table = dict[str, tuple[str, Callable[[Meta, Fields], objects.Filter]]]  # type -> (its field, how it is read)
_GRPC: _Table = {
    "RequestHeaderModifier": ("requestHeaderModifier", _request_headers),
    "ResponseHeaderModifier": ("responseHeaderModifier", _response_headers),
    "RequestMirror": ("requestMirror", _mirror),
    "ExtensionRef": ("extensionRef", _extension),
}
_HTTP: _Table = {
    **_GRPC,
    "RequestRedirect": ("requestRedirect", _redirect),
    "URLRewrite": ("urlRewrite", _rewrite),
    "CORS": ("cors", _cors),
}
