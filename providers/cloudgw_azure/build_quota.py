"""What one Application Gateway holds at most, and which routes are refused whole when more is wanted.

`build` calls `within`. Pure. One document too large is refused for everybody, so that it has to be small enough before
any call. Routes that have nothing standing go first, the last by name first, and only such as free something. Where the
certificates of authorities are too many it is a Service that goes: its rules answer an error. Probes have no limit of
their own. Limits: learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits,
Application Gateway; bytes: `build_size`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cloudgw.objects import Note, Unknown
from cloudgw.routing import heirs, ir
from cloudgw_azure import build_actions, build_backends, build_maps, build_size, facts
from cloudgw_azure.build_rules import Compiled

SPARE_PATHS = 5  # of each map: for warm rules
SPARE_BACKENDS = 2  # pools and settings: for the successor of one that is replaced
SPARE_BYTES = 0.05  # of the document: for warm rules, successors, and what the guess misses
Users = dict[object, set[heirs.Route]]
Backends = Mapping[ir.BackendKey, ir.Backend | Unknown]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Budget:
    """users: what takes a place -> the routes that want it; NO_ROUTE where no refusal frees it. takes: how many places,
    1 where it is not named."""

    what: str
    limit: int
    fix: str
    users: Users
    takes: Mapping[object, int] = field(default_factory=dict)

    @property
    def wanted(self) -> int:
        return sum(self.takes.get(item, 1) for item in self.users)


def within(
    compiled: Callable[[Mapping[int, Sequence[Compiled]]], build_maps.Maps],
    kept: Mapping[int, Sequence[Compiled]],
    network: facts.Network,
    backends: Backends,
    owner: str,
) -> tuple[build_maps.Maps, list[Note]]:
    """The maps of what fits. owner: "namespace/gateway"."""
    kept = _trusting(kept, network, backends)
    refused: set[heirs.Route] = set()
    notes: list[Note] = []
    entries = {one.route: one.entry for ones in kept.values() for one in reversed(ones)}
    stands = {one.route for ones in kept.values() for one in ones if one.id in network.standing}
    while True:
        maps = compiled({port: heirs.kept(ones, refused) for port, ones in kept.items()})
        for budget in (*_budgets(maps.maps, network.quotas), _bytes(maps.maps, network, backends, owner)):
            chosen = _chosen(budget, stands)
            if chosen:
                break
        else:
            return maps, notes
        for route in chosen:
            refused.add(route)
            message = (
                f"quota: {budget.wanted} {budget.what} are wanted, an Application Gateway takes {budget.limit}; "
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


def _trusting(
    kept: Mapping[int, Sequence[Compiled]], network: facts.Network, backends: Backends
) -> Mapping[int, Sequence[Compiled]]:
    """Entries whose Service wants more certificates of authorities than there is room for answer an error. Services
    whose certificates all stand come first, then by name; one that is too large leaves room to those after it."""
    used = {key for ones in kept.values() for one in ones if (key := _backend_of(one)) is not None}
    wanted = {key: frozenset(_roots_of(backends.get(key))) for key in used}
    limit = max(0, network.quotas["roots"] - SPARE_BACKENDS)
    trusted: set[str] = set()
    refused: set[ir.BackendKey] = set()
    for key in sorted(wanted, key=lambda one: (not wanted[one] <= network.roots, str(one))):
        if len(trusted | wanted[key]) <= limit:
            trusted |= wanted[key]
        else:
            refused.add(key)
    if not refused:
        return kept

    def settled(one: Compiled) -> Compiled:
        key = _backend_of(one)
        if key not in refused:
            return one
        message = (
            f"backendRefs {key}: its BackendTLSPolicy names {len(wanted[key])} certificates of authorities; an "
            f"Application Gateway takes {limit} for all Services; name fewer authorities"
        )
        return replace(one, answer=build_actions.refused("TrustedRootQuota", message, one.entry, "share"))

    return {port: [settled(one) for one in ones] for port, ones in kept.items()}


def _backend_of(one: Compiled) -> ir.BackendKey | None:
    to = one.answer.to if one.answer is not None else None
    return to.backend if isinstance(to, build_actions.Send) else None


def _roots_of(backend: ir.Backend | Unknown | None) -> Mapping[str, str]:
    tls = backend.tls if isinstance(backend, ir.Backend) else None
    return build_backends.roots(tls) if isinstance(tls, ir.BackendTLS) else {}


def _bytes(maps: Sequence[build_maps.Map], network: facts.Network, backends: Backends, owner: str) -> _Budget:
    size = build_size.Sizes(network, owner)
    roots = {key: _roots_of(backend) for key, backend in backends.items()}
    users: Users = {"": {heirs.NO_ROUTE}}
    takes: dict[object, int] = {"": build_size.FRONT + 2 * size.backend(None, 0) + size.certificates(maps)}

    def take(item: object, user: heirs.Route, size: int) -> None:
        users.setdefault(item, set()).add(user)
        takes[item] = size

    for one in maps:
        own = [row for row in one.rows if row.one.entry.hostname == one.host]
        for user in {_user(row) for row in own} or {heirs.NO_ROUTE}:
            take((one.port, one.host), user, size.site(one))
        for row in one.rows:
            user = _user(row)
            take((one.port, one.host, row.one.id), user, size.row(row, one))
            if isinstance(row.to, build_actions.Send):
                take(row.to.backend, user, size.backend(backends.get(row.to.backend), network.quotas["targets"]))
                if row.to.variant != build_actions.Variant():
                    take((row.to.backend, row.to.variant), user, size.settings())
                if row.to.rewrites:
                    take(repr(row.to.rewrites), user, size.content(row.to.rewrites))
                for logical, data in roots.get(row.to.backend, {}).items():
                    take((logical,), user, size.root(data))
            elif isinstance(row.to, build_maps.Lead):
                take(row.to, user, size.content(row.to))
    limit = int(network.quotas["bytes"] * (1 - SPARE_BYTES))
    fix = (
        "use another Gateway, fewer routes for wildcard hostnames (they stand again at each name below), or fewer pods"
    )
    return _Budget(what="bytes in one document", limit=limit, fix=fix, users=users, takes=takes)


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
