"""Manifests of routes become objects: HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute.

Called by `catalog` with the fields of one object; raises fields.FieldError for what the API server would refuse. A
field that is set and not read here is kept by JSON pointer in `unhandled`, of the rule that holds it, else of the
object: this module must never drop a field silently. Fields and defaults:
https://gateway-api.sigs.k8s.io/reference/spec/ (v1.6, experimental channel).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cloudgw import objects
from cloudgw.objects import GATEWAY_GROUP, Meta
from cloudgw.sources import filters, references
from cloudgw.sources.fields import FieldError, Fields, check_hostname

_Filters = Callable[[Meta, Fields], tuple[objects.Filter, ...]]
_L4 = TypeVar("_L4", objects.TLSRoute, objects.TCPRoute, objects.UDPRoute)


def http_route(meta: Meta, fields: Fields) -> objects.HTTPRoute:
    spec = fields.child("spec")
    if spec is None:
        return objects.HTTPRoute(meta=meta, parents=())
    parents, hostnames = _parents(meta, spec), _hostnames(spec)
    rules = tuple(_http_rule(meta, rule) for rule in spec.children("rules", apart=True))
    if "rules" not in spec:
        rules = (objects.RouteRule(),)  # the API server's default: one rule that matches every request
    return objects.HTTPRoute(meta=meta, parents=parents, hostnames=hostnames, rules=rules)


def grpc_route(meta: Meta, fields: Fields) -> objects.GRPCRoute:
    """The API server gives a GRPCRoute without rules none."""
    spec = fields.child("spec")
    if spec is None:
        return objects.GRPCRoute(meta=meta, parents=())
    parents, hostnames = _parents(meta, spec), _hostnames(spec)
    rules = tuple(_grpc_rule(meta, rule) for rule in spec.children("rules", apart=True))
    return objects.GRPCRoute(meta=meta, parents=parents, hostnames=hostnames, rules=rules)


def tls_route(meta: Meta, fields: Fields) -> objects.TLSRoute:
    spec = fields.needed("spec")
    hostnames = _hostnames(spec)
    if not hostnames:
        raise FieldError(spec.at("hostnames"), "is missing", "add the server names (SNI) that clients ask for")
    return objects.TLSRoute(meta=meta, parents=_parents(meta, spec), hostnames=hostnames, rules=_l4_rules(meta, spec))


def tcp_route(meta: Meta, fields: Fields) -> objects.TCPRoute:
    spec = fields.needed("spec")
    return objects.TCPRoute(meta=meta, parents=_parents(meta, spec), rules=_l4_rules(meta, spec))


def udp_route(meta: Meta, fields: Fields) -> objects.UDPRoute:
    spec = fields.needed("spec")
    return objects.UDPRoute(meta=meta, parents=_parents(meta, spec), rules=_l4_rules(meta, spec))


def _parents(meta: Meta, spec: Fields) -> tuple[objects.ParentRef, ...]:
    return tuple(
        objects.ParentRef(
            group=parent.text("group", GATEWAY_GROUP),
            kind=parent.text("kind", "Gateway"),
            namespace=parent.text("namespace") or meta.namespace,
            implied=not parent.text("namespace"),
            name=parent.text("name", required=True),
            section=parent.text("sectionName"),
            port=parent.port("port"),
        )
        for parent in spec.children("parentRefs")
    )


def _hostnames(spec: Fields) -> tuple[str, ...]:
    return tuple(
        check_hostname(hostname, spec, "hostnames", number) for number, hostname in enumerate(spec.texts("hostnames"))
    )


def _http_rule(meta: Meta, fields: Fields) -> objects.RouteRule:
    return objects.RouteRule(
        name=fields.text("name"),
        matches=tuple(_http_match(match) for match in fields.children("matches")) or (objects.RouteMatch(),),
        filters=filters.http(meta, fields),
        backends=_backends(meta, fields, filters.http),
        timeouts=_timeouts(fields.child("timeouts")),
        retry=_retry(fields.child("retry")),
        session=_session(fields.child("sessionPersistence")),
        unhandled=fields.unread(),
    )


def _grpc_rule(meta: Meta, fields: Fields) -> objects.RouteRule:
    every = objects.RouteMatch(grpc=objects.GRPCMethod())
    return objects.RouteRule(
        name=fields.text("name"),
        matches=tuple(_grpc_match(match) for match in fields.children("matches")) or (every,),
        filters=filters.grpc(meta, fields),
        backends=_backends(meta, fields, filters.grpc),
        session=_session(fields.child("sessionPersistence")),
        unhandled=fields.unread(),
    )


def _l4_rules(meta: Meta, spec: Fields) -> tuple[objects.RouteRule, ...]:
    """One rule with backends, as version v1 demands; the deprecated versions allow more, which nobody serves."""
    rules = tuple(
        objects.RouteRule(
            name=rule.text("name"),
            backends=_backends(meta, rule, None),
            unhandled=rule.unread(),
        )
        for rule in spec.children("rules", apart=True)
    )
    if len(rules) != 1:
        raise FieldError(spec.at("rules"), f"has {len(rules)} rules", "write exactly one")
    if not rules[0].backends:
        raise FieldError(spec.at("rules", 0, "backendRefs"), "is missing", "add at least one Service")
    return rules


def _http_match(fields: Fields) -> objects.RouteMatch:
    path = fields.child("path")
    return objects.RouteMatch(
        path=objects.PathMatch(type=path.text("type", "PathPrefix"), value=path.text("value", "/"))
        if path
        else objects.PathMatch(),
        headers=_value_matches(fields, "headers"),
        query=_value_matches(fields, "queryParams"),
        method=fields.text("method"),
    )


def _grpc_match(fields: Fields) -> objects.RouteMatch:
    method = fields.child("method")
    return objects.RouteMatch(
        grpc=_grpc_method(method) if method else objects.GRPCMethod(),
        headers=_value_matches(fields, "headers"),
    )


def _grpc_method(fields: Fields) -> objects.GRPCMethod:
    found = objects.GRPCMethod(
        type=fields.text("type", "Exact"),
        service=fields.text("service"),
        method=fields.text("method"),
    )
    if not found.service and not found.method:
        raise FieldError(fields.pointer, "names neither service nor method", "give one of them, or remove `method`")
    return found


def _value_matches(fields: Fields, name: str) -> tuple[objects.ValueMatch, ...]:
    return tuple(
        objects.ValueMatch(
            type=one.text("type", "Exact"),
            name=one.text("name", required=True),
            value=one.text("value", required=True),
        )
        for one in fields.children(name)
    )


def _backends(meta: Meta, rule: Fields, read_filters: _Filters | None) -> tuple[objects.BackendRef, ...]:
    return tuple(
        objects.BackendRef(
            ref=references.anywhere(meta, backend, kind="Service"),
            port=backend.port("port"),
            weight=backend.number("weight", 1, high=1_000_000),
            filters=read_filters(meta, backend) if read_filters else (),
        )
        for backend in rule.children("backendRefs")
    )


def _timeouts(fields: Fields | None) -> objects.Timeouts | None:
    if fields is None:
        return None
    found = objects.Timeouts(request=fields.duration("request"), backend_request=fields.duration("backendRequest"))
    if found.request and found.backend_request and found.backend_request > found.request:
        raise FieldError(fields.at("backendRequest"), "is longer than request", "make it shorter, or request longer")
    return found


def _retry(fields: Fields | None) -> objects.Retry | None:
    if fields is None:
        return None
    codes = fields.numbers("codes", low=400, high=599)
    if len(set(codes)) != len(codes):
        raise FieldError(fields.at("codes"), "names a code twice", "name each code once")
    return objects.Retry(
        codes=codes,
        attempts=fields.number("attempts", low=1),
        backoff=fields.duration("backoff") or 0,
    )


def _session(fields: Fields | None) -> objects.SessionPersistence | None:
    """Both forms: sessionName and cookieConfig, and their successors cookie and header."""
    if fields is None:
        return None
    kind = fields.choice("type", ("Cookie", "Header"), "Cookie")
    cookie = fields.child("cookieConfig") or fields.child("cookie")
    header = fields.child("header")
    absolute = fields.duration("absoluteTimeout") or 0
    lifetime = cookie.choice("lifetimeType", ("Session", "Permanent"), "Session") if cookie else "Session"
    if lifetime == "Permanent" and not absolute:
        reason = "is missing, and a cookie of lifetimeType Permanent needs it"
        raise FieldError(fields.at("absoluteTimeout"), reason, "add a duration, such as 24h")
    named = cookie if kind == "Cookie" else header
    return objects.SessionPersistence(
        type=kind,
        name=fields.text("sessionName") or (named.text("name") if named else ""),
        absolute_timeout=absolute,
        idle_timeout=fields.duration("idleTimeout") or 0,
        lifetime=lifetime,
    )
