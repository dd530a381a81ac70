"""What one Application Gateway holds at most, and which routes are refused whole when more is wanted.

`build` calls `within`. Pure. One document too large is refused for everybody, so that it has to be small enough before
any call. Routes that have nothing standing go first, the last by name first, and only such as free something. Limits:
learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits, Application Gateway.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cloudgw.objects import Note
from cloudgw.routing import heirs
from cloudgw_azure import build_actions, build_maps
from cloudgw_azure.build_rules import Compiled

SPARE_PATHS = 5  # of each map: for warm rules
SPARE_BACKENDS = 2  # pools and settings: for the successor of one that is replaced
Users = dict[object, set[heirs.Route]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Budget:
    """users: what takes a place -> the routes that want it; NO_ROUTE where no refusal frees it."""

    what: str
    limit: int
    fix: str
    users: Users


def within(
    compiled: Callable[[Mapping[int, Sequence[Compiled]]], build_maps.Maps],
    kept: Mapping[int, Sequence[Compiled]],
    quotas: Mapping[str, int],
    standing: frozenset[str],
    owner: str,
) -> tuple[build_maps.Maps, list[Note]]:
    """The maps of what fits. owner: "namespace/gateway"."""
    refused: set[heirs.Route] = set()
    notes: list[Note] = []
    entries = {one.route: one.entry for ones in kept.values() for one in reversed(ones)}
    stands = {one.route for ones in kept.values() for one in ones if one.id in standing}
    while True:
        maps = compiled({port: heirs.kept(ones, refused) for port, ones in kept.items()})
        for budget in _budgets(maps.maps, quotas):
            chosen = _chosen(budget, stands)
            if chosen:
                break
        else:
            return maps, notes
        for route in chosen:
            refused.add(route)
            message = (
                f"quota: {len(budget.users)} {budget.what} are wanted, an Application Gateway takes {budget.limit}; "
                f"{heirs.named(route)} is refused on Gateway {owner}; {budget.fix}"
            )
            notes.append(build_actions.note("error", "GatewayQuota", message, entries[route], "route"))


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
    excess = len(budget.users) - budget.limit
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
                    excess -= 1
    return found


def _budgets(maps: Sequence[build_maps.Map], quotas: Mapping[str, int]) -> list[_Budget]:
    listeners: Users = {}
    pools: Users = {"none": {heirs.NO_ROUTE}, "not-found": {heirs.NO_ROUTE}}
    settings: Users = {"none": {heirs.NO_ROUTE}, "not-found": {heirs.NO_ROUTE}}
    redirects: Users = {}
    rewrites: Users = {}
    found: list[_Budget] = []
    for one in maps:
        where = f"{one.port} {one.host}"
        own = [row for row in one.rows if row.one.entry.hostname == one.host]
        listeners[where] = {_user(row) for row in own} or {heirs.NO_ROUTE}
        paths: Users = {}
        for row in one.rows:
            user = _user(row)
            for path in row.paths:
                paths[path] = {user}
            if isinstance(row.to, build_actions.Send):
                pools.setdefault(row.to.backend, set()).add(user)
                settings.setdefault(build_actions.pool_logical(row.to.backend), set()).add(user)
                logical = build_actions.settings_logical(row.to.backend, row.to.variant)
                settings.setdefault(logical, set()).add(user)
                if row.to.rewrites:
                    rewrites.setdefault(repr(row.to.rewrites), set()).add(user)
            elif isinstance(row.to, build_maps.Lead):
                redirects.setdefault(row.to, set()).add(user)
        what = f"paths for {one.host or 'any host'} on port {one.port}"
        limit = max(1, quotas["paths"] - SPARE_PATHS)
        found.append(_Budget(what=what, limit=limit, fix="use fewer matches for this host", users=paths))
    limit = min(quotas["listeners"], quotas["active"], quotas["rules"])
    fix = "use another Gateway, or wildcard hostnames"
    found.append(_Budget(what="hostnames, each on its port,", limit=limit, fix=fix, users=listeners))
    for what, key, spare, users in (
        ("Service ports", "pools", SPARE_BACKENDS, pools),
        ("backend settings", "settings", SPARE_BACKENDS, settings),
        ("redirects", "redirects", 0, redirects),
        ("rewrite sets", "rewrites", 0, rewrites),
    ):
        limit = max(1, quotas[key] - spare)
        found.append(_Budget(what=what, limit=limit, fix="use another Gateway", users=users))
    return found


def _user(row: build_maps.Row) -> heirs.Route:
    """Not knowing refuses nobody."""
    return row.one.route if row.exists else heirs.NO_ROUTE
