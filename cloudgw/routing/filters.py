"""The filters of a rule or of one backendRef: what they ask for together, and which of them cannot be honoured.

Called by `rules` and `shares`. Which filters may stand where, how often and beside which is the Gateway API's
(https://gateway-api.sigs.k8s.io/reference/spec/, HTTPRouteFilter and GRPCRouteFilter); a filter that we do not honour
refuses the whole rule, because requests must not pass as if it had not been written. This module must never look at
other objects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cloudgw.objects import (
    CORS,
    Filter,
    HeaderModifier,
    OtherFilter,
    RequestHeaderModifier,
    RequestMirror,
    RequestRedirect,
    ResponseHeaderModifier,
    RouteMatch,
    RouteRule,
    URLRewrite,
)
from cloudgw.routing import conditions, ir

PASSING = (RequestHeaderModifier, ResponseHeaderModifier, RequestMirror)  # what every route that has filters may have
OF_RULES: dict[str, tuple[type, ...]] = {
    "HTTPRoute": (*PASSING, URLRewrite, RequestRedirect, CORS),
    "GRPCRoute": PASSING,
}
OF_BACKENDS: dict[str, tuple[type, ...]] = {"HTTPRoute": (*PASSING, URLRewrite), "GRPCRoute": PASSING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What one list of filters asks for. mirrors: with their positions in the list."""

    redirect: RequestRedirect | None = None
    rewrite: URLRewrite | None = None
    request: HeaderModifier | None = None
    response: HeaderModifier | None = None
    mirrors: tuple[tuple[int, RequestMirror], ...] = ()
    cors: CORS | None = None


NONE = Filters()


def of_rule(kind: str, rule: RouteRule, valid: Sequence[RouteMatch]) -> Filters | ir.Verdict:
    """The rule's own filters, or why they cannot be honoured. kind: of the route; valid: the rule's valid matches."""
    found = _read(rule.filters, OF_RULES.get(kind, ()), valid, "filters", f"a rule of a {kind}")
    if isinstance(found, ir.Verdict) or found.redirect is None:
        return found
    if rule.backends:
        return _clash("filters: RequestRedirect and backendRefs exclude each other; remove one of the two")
    return found


def of_backend(kind: str, rule: RouteRule, position: int, valid: Sequence[RouteMatch]) -> Filters | ir.Verdict:
    """The filters of `rule.backends[position]`, or why they cannot be honoured."""
    field = f"backendRefs[{position}].filters"
    listed = rule.backends[position].filters
    return _read(listed, OF_BACKENDS.get(kind, ()), valid, field, f"a backendRef of a {kind}")


def code(refusal: ir.Verdict) -> str:
    """The code of the note about a refusal."""
    unsupported = refusal.reason == conditions.UNSUPPORTED_VALUE
    return conditions.UNSUPPORTED_FILTER if unsupported else refusal.reason


def _read(
    listed: Sequence[Filter], allowed: tuple[type, ...], valid: Sequence[RouteMatch], field: str, place: str
) -> Filters | ir.Verdict:
    if not listed:
        return NONE
    for position, item in enumerate(listed):
        if not isinstance(item, allowed):
            return _unsupported(f"{field}[{position}]: {_named(item)} is not supported in {place}; remove it")
        if isinstance(item, RequestMirror) and not 0 <= item.numerator <= item.denominator > 0:
            part = f"{item.numerator}/{item.denominator}"
            return _unsupported(f"{field}[{position}].requestMirror: {part} is no part of all requests; correct it")
    names = [type(item).__name__ for item in listed if not isinstance(item, RequestMirror)]
    if twice := next((name for name in names if names.count(name) > 1), None):
        return _clash(f"{field}: more than one {twice}; keep one")
    found = Filters(mirrors=tuple((at, item) for at, item in enumerate(listed) if isinstance(item, RequestMirror)))
    for item in listed:
        if isinstance(item, RequestRedirect):
            found = dataclasses.replace(found, redirect=item)
        elif isinstance(item, URLRewrite):
            found = dataclasses.replace(found, rewrite=item)
        elif isinstance(item, RequestHeaderModifier):
            found = dataclasses.replace(found, request=_plain(item.headers))
        elif isinstance(item, ResponseHeaderModifier):
            found = dataclasses.replace(found, response=_plain(item.headers))
        elif isinstance(item, CORS):
            found = dataclasses.replace(found, cors=item)
    if found.redirect and found.rewrite:
        return _clash(f"{field}: RequestRedirect and URLRewrite exclude each other; remove one of the two")
    paths = [item.path for item in (found.redirect, found.rewrite) if item is not None]
    replaces = any(path is not None and path.type == "ReplacePrefixMatch" for path in paths)
    if replaces and any(match.path.type != "PathPrefix" for match in valid):
        return _clash(
            f"{field}: ReplacePrefixMatch needs matches of type PathPrefix; change the matches, or use ReplaceFullPath"
        )
    return found


def _named(item: Filter) -> str:
    if not isinstance(item, OtherFilter):
        return type(item).__name__
    return f"{item.type} ({item.ref.group} {item.ref.kind} {item.ref.name})" if item.ref else item.type


def _plain(modifier: HeaderModifier) -> HeaderModifier:
    """Of equal names the first counts, without regard to case (HTTPHeaderFilter, HTTPHeader.name)."""
    return HeaderModifier(
        set=_first_by_name(modifier.set),
        add=_first_by_name(modifier.add),
        remove=tuple({name.lower(): name for name in modifier.remove}.values()),
    )


def _first_by_name(items: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    found: dict[str, tuple[str, str]] = {}
    for name, value in items:
        found.setdefault(name.lower(), (name, value))
    return tuple(found.values())


def _unsupported(message: str) -> ir.Verdict:
    return ir.Verdict(status=False, reason=conditions.UNSUPPORTED_VALUE, message=message)


def _clash(message: str) -> ir.Verdict:
    return ir.Verdict(status=False, reason=conditions.INCOMPATIBLE_FILTERS, message=message)
