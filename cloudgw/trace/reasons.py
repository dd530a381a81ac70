"""Why a candidate does not answer: one reason, the first that decides.

`trace` calls it. What a request meets is asked of `routing.matches`, one predicate at a time, and which of two comes
first of `routing.precedence`: nothing is decided here a second time. No value of a header or query parameter is shown,
neither the wanted one nor the sent one: some are credentials.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudgw.objects import RouteMatch, ValueMatch
from cloudgw.routing import hostnames, matches, precedence
from cloudgw.routing.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An entry, as far as precedence reads it. listener_hostname: of its listener. created: of the route, "" = not
    known or the oldest. route: `HTTPRoute shop/cart`; section: of the rule."""

    listener: str
    listener_hostname: str
    hostname: str
    match: RouteMatch
    created: str
    route: str
    section: str


def named(hostname: str) -> str:
    return hostname or "any host"


def host(hostname: str, asked: str) -> str:
    """Why a hostname is not for a host, "" where it is."""
    if hostnames.covers(hostname, asked):
        return ""
    return f"host: it is for {named(hostname)}"


def missed(match: RouteMatch, asked: Request) -> str:
    """The first predicate that the request does not meet, "" where it meets all."""
    if wrong := matches.problem(match):
        return f"its match is invalid and not programmed: {wrong}"
    if match.grpc is not None and not _meets(RouteMatch(grpc=match.grpc), asked):
        if not matches.is_grpc(asked.method, asked.headers):
            return "it takes gRPC alone: POST with a Content-Type that begins with application/grpc"
        return f"path: {asked.path} does not match {matches.describe(match).partition(',')[0]}"
    if not _meets(RouteMatch(path=match.path), asked):
        return f"path: {asked.path} does not match {match.path.type} {match.path.value}"
    if not _meets(RouteMatch(method=match.method), asked):
        return f"method: it is for {match.method}, not {asked.method}"
    for header in match.headers:
        if not _meets(RouteMatch(headers=(header,)), asked):
            return _value("header", header, {name.lower() for name, _ in asked.headers}, header.name.lower())
    for param in match.query:
        if not _meets(RouteMatch(query=(param,)), asked):
            return _value("query parameter", param, {name for name, _ in asked.query}, param.name)
    return ""


def _value(what: str, wanted: ValueMatch, sent: set[str], name: str) -> str:
    return f"{what} {wanted.name}: it has another value" if name in sent else f"{what} {wanted.name}: it is missing"


def _meets(match: RouteMatch, asked: Request) -> bool:
    return matches.meets(match, method=asked.method, path=asked.path, headers=asked.headers, query=asked.query)


def meets(match: RouteMatch, asked: Request) -> bool:
    return _meets(match, asked)


def later(first: Claim, other: Claim) -> str:
    """Why `first` comes before `other`, which meets the request as well (HTTPRouteRule matches)."""
    one, two = _rank(first), _rank(other)
    told = f"later in precedence: {first.route} {first.section}"
    if (one.listener_hostname, one.listener) != (two.listener_hostname, two.listener):
        return f'isolated: the host belongs to listener "{first.listener}", which is more specific'
    if one.hostname != two.hostname:
        return f"{told} is for {named(first.hostname)}, which is more specific than {named(other.hostname)}"
    if one.grpc != two.grpc:
        what = "is for gRPC" if other.match.grpc is None else "names its service or method more exactly"
        return f"{told} {what}"
    if one.path != two.path:
        path = f"{first.match.path.type} {first.match.path.value}"
        if one.path[0] != two.path[0]:
            return f"{told} has {path}, and Exact comes before other paths"
        return f"{told} has {path}, which is longer"
    if one.method != two.method:
        return f"{told} names a method as well"
    for what, mine, theirs in (("header", one.headers, two.headers), ("query parameter", one.query, two.query)):
        if mine != theirs:
            return f"{told} matches {_count(-mine, what)}, not {_count(-theirs, what)}"
    if first.match == other.match:
        return shadowed(first, other)
    return f"{told} {_tie(first, other)}"


def shadowed(first: Claim, other: Claim) -> str:
    """Of two with equal matches and hostnames."""
    return f"shadowed: {first.route} {first.section} has the same hostname and match, and {_tie(first, other)}"


def _tie(first: Claim, other: Claim) -> str:
    if first.route == other.route:
        return f"stands before {other.section} of the same route"
    if first.created != other.created:
        return "is the older route" if first.created else "has no creation time, which counts as the oldest"
    return f"comes before {other.route} by name"


def _rank(one: Claim) -> precedence.Rank:
    return precedence.rank(
        listener=one.listener,
        listener_hostname=one.listener_hostname,
        hostname=one.hostname,
        match=one.match,
        created="",
        route="",
        rule=0,
        position=0,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
