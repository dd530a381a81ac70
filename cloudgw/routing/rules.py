"""One rule of a route: which matches it has, and what it answers.

Called by `resolve`; `tables`, `streams` and `verdicts` read the rules. What cannot be honoured answers 500 on exactly
the rule's matches (a connection is closed): it never falls through to another rule, and never forwards as if the part
had not been written. This module must never know hostnames or neighbours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cloudgw.objects import Note, Origin, Route, RouteMatch, RouteRule, Unknown
from cloudgw.routing import conditions, filters, ir, matches, shares
from cloudgw.routing.index import Index

# Fields that change how a request is served, not by whom: forwarding goes on without what is not known in them.
DEGRADING = ("timeouts", "retry", "sessionPersistence")
WELL_KNOWN = {"http": 80, "https": 443}
MATCHING = ("HTTPRoute", "GRPCRoute")  # routes of other kinds have no matches: every connection is theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """matches: canonical, in the order written, with their positions. action: Redirect.port is the filter's own number
    here; `for_listener` applies the rule of the Gateway API. pools: every backend that the rule names and may use;
    those that are Unknown carry the reason. named: the same and those that get nothing: for the verdicts of policies.
    problem: why the rule cannot be honoured as written; then it answers 500. unresolved: one verdict per reference that
    leads nowhere, or nobody knows where; the rule's other references are used."""

    index: int
    origin: Origin
    matches: tuple[tuple[int, RouteMatch], ...]
    action: ir.Action | Unknown
    pools: Mapping[ir.BackendKey, Unknown | None]
    named: tuple[ir.BackendKey, ...] = ()
    problem: ir.Verdict | None = None
    unresolved: tuple[ir.Verdict, ...] = ()


def of_routes(
    index: Index, routes: Iterable[Route], notes: list[Note]
) -> Mapping[tuple[str, str, str], Sequence[Rule]]:
    """The rules of every route, by (kind, namespace, name)."""
    found: dict[tuple[str, str, str], Sequence[Rule]] = {}
    for route in routes:
        meta = route.meta
        for pointer in meta.unhandled:
            where = conditions.origin(route.kind, meta, path=pointer)
            if pointer in route_unknown(route):
                reason = f"{pointer}: this field is not known; the route answers 500 until it is removed or corrected"
                notes.append(conditions.note("error", conditions.UNKNOWN_FIELD, where, reason))
            else:
                reason = f"{pointer}: not honoured; it has no effect"
                notes.append(conditions.note("warning", conditions.NOT_HONOURED, where, reason))
        found[route.kind, meta.namespace, meta.name] = [
            read(index, route, number, notes) for number in range(len(route.rules))
        ]
    return found


def read(index: Index, route: Route, number: int, notes: list[Note]) -> Rule:
    """The rule `route.rules[number]`."""
    rule = route.rules[number]
    where = conditions.origin(
        route.kind, route.meta, section=conditions.rule_section(rule, number), path=f"/spec/rules/{number}"
    )
    valid, problems = _matches(route.kind, rule, where, notes)
    problems += _unhandled(route, rule, where, notes)
    only = [match for _, match in valid]
    own = _honoured(filters.of_rule(route.kind, rule, only), problems, where, notes)
    each = [
        _honoured(filters.of_backend(route.kind, rule, position, only), problems, where, notes)
        for position in range(len(rule.backends))
    ]
    problems += _timing(rule, where, notes)
    reader = shares.Reader(index=index, route=route, number=number, where=where, notes=notes)
    divided = reader.shares(each)
    edits = reader.edits(own, "filters")
    action = (
        ir.Respond(status=500, reason=problems[0].message)
        if problems
        else _action(rule, own, divided, edits, where, notes)
    )
    return Rule(
        index=number,
        origin=where,
        matches=tuple(valid),
        action=action,
        pools={} if isinstance(action, ir.Respond | ir.Redirect) else reader.pools,
        named=tuple(reader.named),
        problem=problems[0] if problems else None,
        unresolved=tuple(reader.unresolved),
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


def route_unknown(route: Route) -> tuple[str, ...]:
    """Fields of the route, outside its rules, that are no fields of its kind: nobody can tell what they were meant to
    narrow, so that every rule of the route answers 500. `of_routes` writes their note."""
    return tuple(pointer for pointer in route.meta.unhandled if pointer != "/spec/useDefaultGateways")


def _matches(
    kind: str, rule: RouteRule, where: Origin, notes: list[Note]
) -> tuple[list[tuple[int, RouteMatch]], list[ir.Verdict]]:
    """The matches that can be programmed, and what is wrong with the others."""
    if kind not in MATCHING:
        return [(0, RouteMatch())], []
    valid: list[tuple[int, RouteMatch]] = []
    problems: list[ir.Verdict] = []
    for position, match in enumerate(rule.matches or (RouteMatch(),)):
        if wrong := matches.problem(match):
            message = f"matches[{position}].{wrong}"
            reason = f"{message}; this match is not programmed, and the rule's others answer 500"
            notes.append(conditions.note("error", conditions.INVALID_MATCH, where, reason))
            problems.append(_unsupported(f"{message}; correct it"))
        else:
            valid.append((position, matches.canonical(match)))
    return valid, problems


def _unhandled(route: Route, rule: RouteRule, where: Origin, notes: list[Note]) -> list[ir.Verdict]:
    problems: list[ir.Verdict] = []
    for pointer in rule.unhandled:
        field = pointer.removeprefix(where.path).strip("/")
        if field.partition("/")[0] in DEGRADING:
            reason = f"{field}: not honoured; requests are forwarded without it"
            notes.append(conditions.note("warning", conditions.NOT_HONOURED, where, reason))
        else:
            reason = f"{field}: this field is not known; the rule answers 500 until it is removed or corrected"
            notes.append(conditions.note("error", conditions.UNKNOWN_FIELD, where, reason))
            problems.append(_unsupported(f"{field} is not known; remove or correct it"))
    return problems + [
        _unsupported(f"{pointer} is not known; remove or correct it") for pointer in route_unknown(route)
    ]


def _honoured(
    read: filters.Filters | ir.Verdict, problems: list[ir.Verdict], where: Origin, notes: list[Note]
) -> filters.Filters:
    """The filters; where they cannot be honoured none, and the reason joins the problems."""
    if not isinstance(read, ir.Verdict):
        return read
    reason = f"{read.message}; the rule answers 500 until then"
    notes.append(conditions.note("warning", filters.code(read), where, reason))
    problems.append(read)
    return filters.NONE


def _timing(rule: RouteRule, where: Origin, notes: list[Note]) -> list[ir.Verdict]:
    """What the API server would refuse of timeouts and sessions (HTTPRouteTimeouts, SessionPersistence)."""
    wrong = ""
    if rule.timeouts is not None:
        whole, each = rule.timeouts.request, rule.timeouts.backend_request
        if whole and each and each > whole:
            wrong = f"timeouts: backendRequest ({each} ms) is longer than request ({whole} ms); shorten it"
    session = rule.session
    if not wrong and session is not None and session.lifetime == "Permanent" and not session.absolute_timeout:
        wrong = "sessionPersistence: a Permanent cookie needs absoluteTimeout; add it"
    if not wrong:
        return []
    reason = f"{wrong}; the rule answers 500 until then"
    notes.append(conditions.note("error", conditions.UNSUPPORTED_VALUE, where, reason))
    return [_unsupported(wrong)]


def _action(
    rule: RouteRule,
    own: filters.Filters,
    divided: Sequence[ir.Share],
    edits: ir.Edits,
    where: Origin,
    notes: list[Note],
) -> ir.Action | Unknown:
    if own.redirect is not None:
        if edits.mirrors:
            said = "filters: RequestMirror has no effect beside RequestRedirect: nothing is forwarded; remove it"
            notes.append(conditions.note("warning", conditions.NOT_HONOURED, where, said))
        return _redirect(own)
    for share in divided:
        if isinstance(share.to, Unknown):
            return Unknown(f"the answer depends on what is unknown: {share.to.reason}")
    if all(share.to == 500 for share in divided):
        reason = "none of its backendRefs can be used" if divided else "it has no backendRefs with a weight"
        reason = reason if rule.backends else "it has no backendRefs"
        if not divided:
            said = f"backendRefs: {reason}; the rule answers 500 until it has one"
            notes.append(conditions.note("warning", conditions.NO_BACKEND, where, said))
        withdrawn = tuple(share.withdrawn for share in divided if share.withdrawn is not None)
        return ir.Respond(status=500, reason=reason, withdrawn=withdrawn)
    return ir.Forward(
        shares=tuple(divided),
        edits=edits,
        cors=own.cors,
        timeouts=rule.timeouts,
        retry=rule.retry,
        session=rule.session,
    )


def _redirect(own: filters.Filters) -> ir.Redirect:
    """A RequestHeaderModifier beside it has no effect: no backend sees the request."""
    asked = own.redirect
    assert asked is not None
    return ir.Redirect(
        scheme=asked.scheme,
        hostname=asked.hostname,
        path_type=asked.path.type if asked.path else "",
        path=asked.path.value if asked.path else "",
        port=asked.port,
        status=asked.status,
        response=own.response,
        cors=own.cors,
    )


def _unsupported(message: str) -> ir.Verdict:
    return ir.Verdict(status=False, reason=conditions.UNSUPPORTED_VALUE, message=message)
