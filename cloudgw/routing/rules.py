"""One rule of an HTTPRoute: which matches it has, and what it answers.

Called by `tables`. What cannot be honoured answers 500 on exactly the rule's matches: it never falls through to another
rule, and never forwards as if the part had not been written. This module must never know hostnames or neighbours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloudgw.objects import HTTPRoute, Key, Note, Origin, RequestRedirect, RouteMatch, RouteRule, Unknown, URLRewrite
from cloudgw.routing import backends, conditions, ir, matches
from cloudgw.routing.attach import Attachment
from cloudgw.routing.index import Index

# Fields that change how a request is served, not by whom: forwarding goes on without them.
DEGRADING = ("timeouts", "retry", "sessionPersistence")
WELL_KNOWN = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """matches: canonical, in the order written, with their positions. action: Redirect.port is the filter's own number
    here; `for_listener` applies the rule of the Gateway API. pools: every backend that the rule names and may use;
    those that are Unknown carry the reason."""

    index: int
    origin: Origin
    matches: tuple[tuple[int, RouteMatch], ...]
    action: ir.Action | Unknown
    pools: Mapping[ir.BackendKey, Unknown | None]


def of_routes(index: Index, attachments: Sequence[Attachment], notes: list[Note]) -> Mapping[Key, Sequence[Rule]]:
    """The rules of every attached route, by (namespace, name): read once, however many listeners it attaches to."""
    found: dict[Key, Sequence[Rule]] = {}
    for one in attachments:
        meta = one.route.meta
        if (meta.namespace, meta.name) in found:
            continue
        for pointer in meta.unhandled:
            where = conditions.origin("HTTPRoute", meta, path=pointer)
            if pointer in route_unknown(one.route):
                reason = f"{pointer}: this field is not known; the route answers 500 until it is removed or corrected"
                notes.append(conditions.note("error", conditions.UNKNOWN_FIELD, where, reason))
            else:
                reason = f"{pointer}: not honoured; it has no effect"
                notes.append(conditions.note("warning", conditions.NOT_HONOURED, where, reason))
        found[meta.namespace, meta.name] = [
            read(index, one.route, number, notes) for number in range(len(one.route.rules))
        ]
    return found


def read(index: Index, route: HTTPRoute, number: int, notes: list[Note]) -> Rule:
    """The rule `route.rules[number]`."""
    rule = route.rules[number]
    where = conditions.origin(
        "HTTPRoute",
        route.meta,
        section=conditions.rule_section(rule, number),
        path=f"/spec/rules/{number}",
    )
    refused: list[str] = []
    valid: list[tuple[int, RouteMatch]] = []
    for position, match in enumerate(rule.matches or (RouteMatch(),)):
        if wrong := matches.problem(match):
            reason = f"matches[{position}].{wrong}; this match is not programmed, and the rule's others answer 500"
            notes.append(conditions.note("error", conditions.INVALID_MATCH, where, reason))
            refused.append(f"matches[{position}].{wrong}")
        else:
            valid.append((position, matches.canonical(match)))
    refused += _unhandled(route, rule, where, notes)
    refused += _filters(rule, [match for _, match in valid], where, notes)
    pools: dict[ir.BackendKey, Unknown | None] = {}
    shares = _shares(index, route, rule, number, where, pools, notes)
    action = ir.Respond(status=500, reason=refused[0]) if refused else _action(rule, shares, where, notes)
    return Rule(
        index=number,
        origin=where,
        matches=tuple(valid),
        action=action,
        pools={} if isinstance(action, ir.Respond | ir.Redirect) else pools,
    )


def for_listener(action: ir.Action | Unknown, listener: ir.Listener) -> ir.Action | Unknown:
    """The action as a listener answers it: the port of a Location is the filter's, else the well-known port of the
    filter's scheme, else the listener's; it is not shown where the scheme implies it
    (https://gateway-api.sigs.k8s.io/reference/spec/, HTTPRequestRedirectFilter)."""
    if not isinstance(action, ir.Redirect):
        return action
    port = action.port or WELL_KNOWN.get(action.scheme) or listener.port
    scheme = action.scheme or listener.protocol.lower()
    return dataclasses.replace(action, port=0 if WELL_KNOWN.get(scheme) == port else port)


def _unhandled(route: HTTPRoute, rule: RouteRule, where: Origin, notes: list[Note]) -> list[str]:
    refused: list[str] = []
    for pointer in rule.unhandled:
        field = pointer.removeprefix(where.path).strip("/")
        if field.partition("/")[0] in DEGRADING:
            reason = f"{field}: not honoured yet; requests are forwarded without it"
            notes.append(conditions.note("warning", conditions.NOT_HONOURED, where, reason))
        else:
            reason = f"{field}: this field is not known; the rule answers 500 until it is removed or corrected"
            notes.append(conditions.note("error", conditions.UNKNOWN_FIELD, where, reason))
            refused.append(f"{field} is not known")
    refused += [f"{pointer} is not known" for pointer in route_unknown(route)]
    return refused


def route_unknown(route: HTTPRoute) -> tuple[str, ...]:
    """Fields of the route, outside its rules, that are no fields of an HTTPRoute: nobody can tell what they were meant
    to narrow, so that every rule of the route answers 500. `of_routes` writes their note."""
    return tuple(pointer for pointer in route.meta.unhandled if pointer != "/spec/useDefaultGateways")


def _filters(rule: RouteRule, valid: Sequence[RouteMatch], where: Origin, notes: list[Note]) -> list[str]:
    """Why the rule's filters cannot be honoured."""
    code, refused = conditions.UNSUPPORTED_FILTER, ""
    others = [item.type for item in rule.filters if not isinstance(item, RequestRedirect | URLRewrite)]
    redirects = [item for item in rule.filters if isinstance(item, RequestRedirect)]
    rewrites = [item for item in rule.filters if isinstance(item, URLRewrite)]
    paths = [*(item.path for item in redirects), *(item.path for item in rewrites)]
    if others:
        refused = f"filters: {', '.join(others)} not supported yet"
    elif any(backend.filters for backend in rule.backends):
        refused = "backendRefs: filters of a single backend are not supported yet"
    else:
        code = conditions.INCOMPATIBLE_FILTERS
        if redirects and rewrites:
            refused = "filters: RequestRedirect and URLRewrite exclude each other"
        elif len(redirects) > 1 or len(rewrites) > 1:
            refused = f"filters: more than one {'RequestRedirect' if redirects else 'URLRewrite'}"
        elif redirects and rule.backends:
            refused = "filters: RequestRedirect and backendRefs exclude each other"
        elif any(path and path.type == "ReplacePrefixMatch" for path in paths) and any(
            match.path.type != "PathPrefix" for match in valid
        ):
            refused = "filters: ReplacePrefixMatch needs matches of type PathPrefix"
    if not refused:
        return []
    notes.append(conditions.note("warning", code, where, f"{refused}; the rule answers 500 until that is removed"))
    return [refused]


def _shares(
    index: Index,
    route: HTTPRoute,
    rule: RouteRule,
    number: int,
    where: Origin,
    pools: dict[ir.BackendKey, Unknown | None],
    notes: list[Note],
) -> list[ir.Share]:
    """One share per distinct answer; those of the same backend are added up, those without weight left out."""
    shares: dict[object, ir.Share] = {}
    for position, backend in enumerate(rule.backends):
        origin = dataclasses.replace(where, path=f"/spec/rules/{number}/backendRefs/{position}")
        share = backends.share(index, route, backend, origin, notes)
        if not share.weight:
            continue
        if isinstance(share.to, Unknown):
            ref = backend.ref
            key = ir.BackendKey(namespace=ref.namespace, name=ref.name, port=backend.port)
            pools.setdefault(key, share.to)
        if isinstance(share.to, ir.BackendKey):
            pools.setdefault(share.to, None)
            if same := shares.get(share.to):
                shares[share.to] = dataclasses.replace(same, weight=same.weight + share.weight)
                continue
            shares[share.to] = share
        else:
            shares[position] = share
    return list(shares.values())


def _action(rule: RouteRule, shares: Sequence[ir.Share], where: Origin, notes: list[Note]) -> ir.Action | Unknown:
    rewrite: URLRewrite | None = None
    for item in rule.filters:
        if isinstance(item, RequestRedirect):
            return ir.Redirect(
                scheme=item.scheme,
                hostname=item.hostname,
                path_type=item.path.type if item.path else "",
                path=item.path.value if item.path else "",
                port=item.port,
                status=item.status,
            )
        if isinstance(item, URLRewrite):
            rewrite = item
    for share in shares:
        if isinstance(share.to, Unknown):
            return Unknown(f"the answer depends on what is unknown: {share.to.reason}")
    if all(share.to == 500 for share in shares):
        reason = "none of its backendRefs can be used" if shares else "it has no backendRefs with a weight"
        reason = reason if rule.backends else "it has no backendRefs"
        if not shares:
            notes.append(
                conditions.note("warning", conditions.NO_BACKEND, where, f"backendRefs: {reason}; the rule answers 500")
            )
        withdrawn = tuple(share.withdrawn for share in shares if share.withdrawn is not None)
        return ir.Respond(status=500, reason=reason, withdrawn=withdrawn)
    return ir.Forward(shares=tuple(shares), rewrite=rewrite)
