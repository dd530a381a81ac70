"""The total order in which entries of one port are tried: the first that matches answers.

Called by `tables` alone. The order is the Gateway API's
(https://gateway-api.sigs.k8s.io/reference/spec/, HTTPRouteRule matches): most specific listener, hostname, path,
method, number of headers, number of query parameters, oldest route, "namespace/name", order in the route; of GRPCRoutes
service and method instead of the path (GRPCRouteRule matches). Listeners come first because a request belongs to its
most specific listener alone, and gRPC matches before those of HTTPRoutes for the same hostname, which they are more
specific than. This module must never read anything but what is in the sort key: no file, no line, no order of the
input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cloudgw.objects import GRPCMethod, RouteMatch
from cloudgw.routing import hostnames

# (rank, minus length, value): equal only for equal values
Specific: TypeAlias = tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Rank:
    """Sort key of one entry, most specific first; two entries of one port never have the same one.

    created: RFC 3339 in UTC; "" sorts as the oldest. route: "namespace/name".
    """

    listener_hostname: Specific
    listener: str
    hostname: Specific
    grpc: tuple[int, ...]
    path: Specific
    method: int
    headers: int
    query: int
    created: str
    route: str
    rule: int
    match: int


def rank(
    *,
    listener: str,
    listener_hostname: str,
    hostname: str,
    match: RouteMatch,
    created: str,
    route: str,
    rule: int,
    position: int,
) -> Rank:
    """The rank of an entry. match: canonical. rule, position: numbers of the rule in its route, of the match in it."""
    return Rank(
        listener_hostname=hostnames.specificity(listener_hostname),
        listener=listener,
        hostname=hostnames.specificity(hostname),
        grpc=_grpc(match.grpc),
        path=_path(match),
        method=0 if match.method else 1,
        headers=-len(match.headers),
        query=-len(match.query),
        created=created,
        route=route,
        rule=rule,
        match=position,
    )


def _path(match: RouteMatch) -> Specific:
    """Exact, then the longest prefix or regular expression; of equal lengths the expression. Different values of Exact
    or PathPrefix with equal lengths never match the same path, different expressions may: their spelling must not
    decide before methods and headers do."""
    exact = match.path.type == "Exact"
    value = match.path.value if match.path.type != "RegularExpression" else ""
    return 0 if exact else 1, -len(match.path.value), value


def _grpc(grpc: GRPCMethod | None) -> tuple[int, ...]:
    """Service before method; of each an exact name, then the longest expression, then any. As with paths the spelling
    of expressions must not decide, and that of names cannot."""
    if grpc is None:
        return (1,)
    exact = 0 if grpc.type == "Exact" else 1
    parts = ((exact if value else 2, -len(value)) for value in (grpc.service, grpc.method))
    return (0, *(number for part in parts for number in part))
