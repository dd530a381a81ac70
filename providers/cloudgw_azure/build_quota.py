"""What one Application Gateway holds at most, and which routes are refused whole when more is wanted.

`build` calls `within`. Pure. One document too large is refused for everybody, so that it has to be small enough before
any call. Routes that have nothing standing go first, the last by name first, and only such as free something. Where the
certificates of authorities are too many it is a Service that goes: its rules answer an error. Probes have no limit of
their own. Limits: learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits,
Application Gateway; bytes: `build_size`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cloudgw.building import quota
from cloudgw.objects import Note, Unknown
from cloudgw.routing import heirs, ir
from cloudgw_azure import build_actions, build_backends, build_maps, build_rules, build_size, facts
from cloudgw_azure.build_rules import Compiled

SPARE_PATHS = 5  # of each map: for warm rules
SPARE_BACKENDS = 2  # pools and settings: for the successor of one that is replaced
SPARE_BYTES = 0.05  # of the document: for warm rules, successors, and what the guess misses
Backends = Mapping[ir.BackendKey, ir.Backend | Unknown]


def within(
    compiled: Callable[[build_rules.Tables], build_maps.Maps],
    found: build_rules.Tables,
    network: facts.Network,
    backends: Backends,
    owner: str,
) -> tuple[build_maps.Maps, tuple[Note, ...]]:
    """The maps of what fits, with what is said. found: of `build_rules.compile_tables`; owner: "namespace/gateway"."""
    stands = build_rules.standing_routes(found, network.standing)
    fit = quota.within(
        lambda gone: build_rules.judged(found, stands, gone),
        lambda kept: compiled(_trusting(kept, network, backends)),
        lambda maps: (*_budgets(maps.maps, network.quotas), _bytes(maps.maps, network, backends, owner)),
        stands,
        holder="an Application Gateway",
        owner=owner,
    )
    return fit.made, fit.notes


def _trusting(kept: build_rules.Tables, network: facts.Network, backends: Backends) -> build_rules.Tables:
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
        answer = build_actions.refused("TrustedRootQuota", message, one.entry, "share")
        return Compiled(entry=one.entry, table=one.table, match=one.match, answer=answer, spare=one.spare)

    return {port: [settled(one) for one in ones] for port, ones in kept.items()}


def _backend_of(one: Compiled) -> ir.BackendKey | None:
    to = one.answer.to if one.answer is not None else None
    return to.backend if isinstance(to, build_actions.Send) else None


def _roots_of(backend: ir.Backend | Unknown | None) -> Mapping[str, str]:
    tls = backend.tls if isinstance(backend, ir.Backend) else None
    return build_backends.roots(tls) if isinstance(tls, ir.BackendTLS) else {}


def _bytes(maps: Sequence[build_maps.Map], network: facts.Network, backends: Backends, owner: str) -> quota.Budget:
    size = build_size.Sizes(network, owner)
    roots = {key: _roots_of(backend) for key, backend in backends.items()}
    users: quota.Users = {"": {heirs.NO_ROUTE}}
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
    return quota.Budget(what="bytes in one document", limit=limit, fix=fix, users=users, takes=takes)


def _budgets(maps: Sequence[build_maps.Map], quotas: Mapping[str, int]) -> list[quota.Budget]:
    listeners: quota.Users = {}
    pools: quota.Users = {"none": {heirs.NO_ROUTE}, "not-found": {heirs.NO_ROUTE}}
    settings: quota.Users = {"none": {heirs.NO_ROUTE}, "not-found": {heirs.NO_ROUTE}}
    redirects: quota.Users = {}
    rewrites: quota.Users = {}
    found: list[quota.Budget] = []
    for one in maps:
        where = f"{one.port} {one.host}"
        own = [row for row in one.rows if row.one.entry.hostname == one.host]
        listeners[where] = {_user(row) for row in own} or {heirs.NO_ROUTE}
        paths: quota.Users = {}
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
        found.append(quota.Budget(what=what, limit=limit, fix="use fewer matches for this host", users=paths))
    limit = min(quotas["listeners"], quotas["active"], quotas["rules"])
    fix = "use another Gateway, or wildcard hostnames"
    found.append(quota.Budget(what="hostnames, each on its port,", limit=limit, fix=fix, users=listeners))
    for what, key, spare, users in (
        ("Service ports", "pools", SPARE_BACKENDS, pools),
        ("backend settings", "settings", SPARE_BACKENDS, settings),
        ("redirects", "redirects", 0, redirects),
        ("rewrite sets", "rewrites", 0, rewrites),
    ):
        limit = max(1, quotas[key] - spare)
        found.append(quota.Budget(what=what, limit=limit, fix="use another Gateway", users=users))
    return found


def _user(row: build_maps.Row) -> heirs.Route:
    """Not knowing refuses nobody."""
    return row.one.route if row.exists else heirs.NO_ROUTE
