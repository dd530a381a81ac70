"""What one Google load balancer holds at most, and which routes are refused whole when more is wanted.

`build` calls `within`. Pure. A URL map too large is refused for everybody, so that it has to be small enough before any
call. Routes that have nothing standing go first, the last by name first, and only such as free something. Limits:
cloud.google.com/load-balancing/docs/quotas (URL maps); bytes: `build_size`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cloudgw.objects import Note
from cloudgw.routing import heirs, ir
from cloudgw_gcp import build_actions, build_maps, build_size, facts
from cloudgw_gcp.build_rules import Compiled

LIMITS: Mapping[str, int] = {
    "predicates": 1000,  # of a path matcher: one for each path, header and query parameter that is compared
    "rules": 1000,  # of a path matcher
    "regexes": 5,  # of a path matcher
    "templates": 100,  # of a path matcher
    "hosts": 1000,  # host rules and path matchers
    "services": 2500,  # different backend services in a URL map
    "bytes": 1_000_000,
    "certificates": 15,  # of a proxy
    "endpoints": 10_000,  # of a group
}
INTERNAL_HOSTS = 2000
LARGE = {True: 64 * 1024, False: 128 * 1024}  # bytes, public or not: the limits that an older page of quotas gives
SPARE = {"predicates": 20, "rules": 20, "services": 2}  # for warm rules, and successors of what is replaced
SPARE_BYTES = 0.05  # likewise, and what the guess misses
Users: TypeAlias = dict[object, set[heirs.Route]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Budget:
    """users: what takes a place -> the routes that want it; NO_ROUTE where no refusal frees it. takes: how many places,
    1 where it is not named."""

    what: str
    limit: int
    fix: str
    users: Users
    takes: Mapping[Any, int] = field(default_factory=dict)

    @property
    def wanted(self) -> int:
        return sum(self.takes.get(item, 1) for item in self.users)


def limits(network: facts.Network, *, public: bool) -> dict[str, int]:
    """What is left for us."""
    hosts = {} if public else {"hosts": INTERNAL_HOSTS}
    return {**LIMITS, **hosts, **network.quotas}


def within(
    compiled: Callable[[Mapping[int, Sequence[Compiled]]], build_maps.Maps],
    kept: Mapping[int, Sequence[Compiled]],
    network: facts.Network,
    routing: ir.Routing,
    *,
    public: bool,
) -> tuple[build_maps.Maps, list[Note]]:
    """The path matchers of what fits, with what is said."""
    quotas = limits(network, public=public)
    refused: set[heirs.Route] = set()
    notes: list[Note] = []
    entries = {one.route: one.entry for ones in kept.values() for one in reversed(ones)}
    stands = _standing(network)
    while True:
        maps = compiled({port: heirs.kept(ones, refused) for port, ones in kept.items()})
        budgets = _budgets(maps.maps, quotas, network)
        chosen: list[heirs.Route] = []
        for budget in budgets:
            if chosen := _chosen(budget, stands):
                break
        else:
            return maps, [*notes, *_large(budgets, routing, public)]
        for route in chosen:
            refused.add(route)
            message = (
                f"quota: {budget.wanted} {budget.what} are wanted, a URL map takes {budget.limit}; "
                f"{heirs.named(route)} is refused on Gateway {routing.owner}; {budget.fix}"
            )
            notes.append(build_actions.note("error", "GatewayQuota", message, entries[route], "route"))


def _standing(network: facts.Network) -> set[heirs.Route]:
    """Routes of which rules stand: "<port>/<host>/<namespace>/<name>/<hash>"."""
    parts = (logical.split("/") for logical in network.standing)
    return {(found[2], found[3]) for found in parts if len(found) == 5}


def _chosen(budget: _Budget, stands: set[heirs.Route]) -> list[heirs.Route]:
    """Enough routes to go. Place by place: first those that only new routes want, of these such as few want."""
    users = {item: set(routes) for item, routes in budget.users.items() if heirs.NO_ROUTE not in routes}
    last_first = {route: n for n, route in enumerate(sorted({r for rs in users.values() for r in rs}, reverse=True))}
    wants: dict[heirs.Route, list[object]] = {route: [] for route in last_first}

    def rank(number: int, item: object) -> tuple[bool, int, int, int]:
        routes = users[item]
        return bool(routes & stands), len(routes), min(last_first[route] for route in routes), number

    items = list(users)
    numbers = {item: number for number, item in enumerate(items)}
    for item, routes in users.items():
        for route in routes:
            wants[route].append(item)
    heap = sorted(rank(number, item) for number, item in enumerate(items))
    found: list[heirs.Route] = []
    excess = budget.wanted - budget.limit
    while excess > 0 and heap:
        top = heapq.heappop(heap)
        item = items[top[3]]
        if item not in users or top != rank(top[3], item):
            continue  # it is gone, or stands elsewhere in the heap
        for route in sorted(users[item], reverse=True):
            found.append(route)
            for other in wants[route]:
                users[other].discard(route)
                if users[other]:
                    heapq.heappush(heap, rank(numbers[other], other))
                else:
                    del users[other]
                    excess -= budget.takes.get(other, 1)
    return found


def _budgets(maps: Sequence[build_maps.Map], quotas: Mapping[str, int], network: facts.Network) -> list[_Budget]:
    found: list[_Budget] = []
    for one in maps:
        found += _of_matcher(one, quotas)
    for port in sorted({one.port for one in maps}):
        found += _of_map(port, [one for one in maps if one.port == port], quotas, network)
    return found


def _of_matcher(one: build_maps.Map, quotas: Mapping[str, int]) -> list[_Budget]:
    takes = {row.id: _counts(row) for row in one.rows}
    users: Users = {row.id: {_user(row)} for row in one.rows}
    found = []
    for key, what, fix in (
        ("predicates", "comparisons (a prefix is two)", "use fewer matches for this host, or fewer headers"),
        ("rules", "route rules", "use fewer matches for this host"),
        ("regexes", "regular expressions", "use fewer regular expressions for this host"),
        ("templates", "replacements of whole paths", "use Exact matches with ReplaceFullPath"),
    ):
        counts = {item: count[key] for item, count in takes.items()}
        where = f"for {one.host or 'any host'} on port {one.port}"
        limit = max(1, quotas[key] - SPARE.get(key, 0) * (not one.host))
        found.append(_Budget(what=f"{what} {where}", limit=limit, fix=fix, users=users, takes=counts))
    return found


def _counts(row: build_maps.Row) -> dict[str, int]:
    kinds = [match["path"][0] for match in row.matches]
    values = [kind for match in row.matches for part in (match["headers"], match["query"]) for _, kind, *_ in part]
    return {
        "predicates": len(kinds) + len(values),
        "rules": 1,
        "regexes": (kinds + values).count("regex"),
        "templates": kinds.count("template"),
    }


def _of_map(
    port: int, maps: Sequence[build_maps.Map], quotas: Mapping[str, int], network: facts.Network
) -> list[_Budget]:
    hosts: Users = {}
    services: Users = {build_actions.NONE: {heirs.NO_ROUTE}}
    parts: Users = {"": {heirs.NO_ROUTE}}
    sizes: dict[object, int] = {"": build_size.FRONT + build_size.WARM + build_size.reference(network)}
    for one in maps:
        own = {_user(row) for row in one.rows if row.one.entry.hostname == one.host}
        hosts[one.host] = parts[one.host,] = own if own and one.host else {heirs.NO_ROUTE}
        sizes[one.host,] = build_size.matcher(one, network)
        for row in one.rows:
            user = _user(row)
            parts[one.host, row.id] = {user}
            sizes[one.host, row.id] = build_size.row(row, one, network)
            if isinstance(row.to, build_actions.Send):
                for share in row.to.shares:
                    logical = build_actions.service_logical(share.backend, row.to.variant)
                    services.setdefault(logical, set()).add(user)
    room = int(quotas["bytes"] * (1 - SPARE_BYTES))
    wide = "use another Gateway, or fewer routes for wildcard hostnames (they stand again at each name below)"
    return [
        _Budget(
            what=f"hostnames on port {port}",
            limit=quotas["hosts"],
            fix="use another Gateway, or wildcard hostnames",
            users=hosts,
        ),
        _Budget(
            what=f"backends on port {port}",
            limit=max(1, quotas["services"] - SPARE["services"]),
            fix="use another Gateway",
            users=services,
        ),
        _Budget(what=f"{_BYTES} {port}", limit=room, fix=wide, users=parts, takes=sizes),
    ]


_BYTES = "bytes on port"


def _large(budgets: Sequence[_Budget], routing: ir.Routing, public: bool) -> list[Note]:
    found = []
    for budget in budgets:
        if budget.what.startswith(_BYTES) and budget.wanted > LARGE[public]:
            message = (
                f"quota: the URL map takes {budget.wanted} {budget.what}; Google's pages differ on the largest size, "
                f"and {LARGE[public]} is the smallest of them; {budget.fix}"
            )
            found.append(Note(level="warning", code="UrlMapLarge", message=message, origin=routing.origin))
    return found


def _user(row: build_maps.Row) -> heirs.Route:
    """Not knowing refuses nobody."""
    return row.one.route if row.exists else heirs.NO_ROUTE
