"""What one Google load balancer holds at most, and which routes are refused whole when more is wanted.

`build` calls `within`. Pure. A URL map too large is refused for everybody, so that it has to be small enough before any
call. Routes that have nothing standing go first, the last by name first, and only such as free something. Limits:
cloud.google.com/load-balancing/docs/quotas (URL maps); bytes: `build_size`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cloudgw.building import quota
from cloudgw.objects import Note
from cloudgw.routing import heirs, ir
from cloudgw_gcp import build_actions, build_maps, build_rules, build_size, facts

LIMITS: Mapping[str, int] = {  # besides those in `facts`, of which others can take something
    "regexes": 5,  # of a path matcher
    "templates": 100,  # of a path matcher
    "services": 2500,  # different backend services in a URL map
    "certificates": 15,  # of a proxy
    "endpoints": 10_000,  # of a group
}
LARGE = {True: 64 * 1024, False: 128 * 1024}  # bytes, public or not: the limits that an older page of quotas gives
SPARE = {"predicates": 20, "rules": 20, "services": 2}  # for warm rules, and successors of what is replaced
SPARE_BYTES = 0.05  # likewise, and what the guess misses


def limits(network: facts.Network, *, public: bool) -> dict[str, int]:
    """What is left for us."""
    return {**LIMITS, **facts.documented(public=public), **network.quotas}


def within(
    compiled: Callable[[build_rules.Tables], build_maps.Maps],
    found: build_rules.Tables,
    network: facts.Network,
    routing: ir.Routing,
    *,
    public: bool,
) -> tuple[build_maps.Maps, tuple[Note, ...]]:
    """The path matchers of what fits, with what is said. found: of `build_rules.compile_tables`."""
    quotas = limits(network, public=public)
    fit = quota.within(
        lambda gone: build_rules.judged(found, gone),
        compiled,
        lambda maps: _budgets(maps.maps, quotas, network),
        _standing(network),
        holder="a URL map",
        owner=routing.owner,
    )
    return fit.made, (*fit.notes, *_large(fit.budgets, routing, public))


def _standing(network: facts.Network) -> set[heirs.Route]:
    """Routes of which rules stand: "<port>/<host>/<namespace>/<name>/<hash>"."""
    parts = (logical.split("/") for logical in network.standing)
    return {(found[2], found[3]) for found in parts if len(found) == 5}


def _budgets(maps: Sequence[build_maps.Map], quotas: Mapping[str, int], network: facts.Network) -> list[quota.Budget]:
    found: list[quota.Budget] = []
    for one in maps:
        found += _of_matcher(one, quotas)
    for port in sorted({one.port for one in maps}):
        found += _of_map(port, [one for one in maps if one.port == port], quotas, network)
    return found


def _of_matcher(one: build_maps.Map, quotas: Mapping[str, int]) -> list[quota.Budget]:
    takes = {row.id: _counts(row) for row in one.rows}
    users: quota.Users = {row.id: {_user(row)} for row in one.rows}
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
        found.append(quota.Budget(what=f"{what} {where}", limit=limit, fix=fix, users=users, takes=counts))
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
) -> list[quota.Budget]:
    hosts: quota.Users = {}
    services: quota.Users = {build_actions.NONE: {heirs.NO_ROUTE}}
    parts: quota.Users = {"": {heirs.NO_ROUTE}}
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
        quota.Budget(
            what=f"hostnames on port {port}",
            limit=quotas["hosts"],
            fix="use another Gateway, or wildcard hostnames",
            users=hosts,
        ),
        quota.Budget(
            what=f"backends on port {port}",
            limit=max(1, quotas["services"] - SPARE["services"]),
            fix="use another Gateway",
            users=services,
        ),
        quota.Budget(what=f"{_BYTES} {port}", limit=room, fix=wide, users=parts, takes=sizes),
    ]


_BYTES = "bytes on port"


def _large(budgets: Sequence[quota.Budget], routing: ir.Routing, public: bool) -> list[Note]:
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
