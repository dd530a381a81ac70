"""What a document of a cloud holds at most, and which routes are refused whole when more is wanted.

`build_quota` of providers count and call `within`. Pure. A document too large is refused for everybody, so that it has
to be small enough before any call. Routes that have nothing standing go first, the last by name first, and only such
as free something. Must never refuse a route because something is not known.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from cloudgw.building import claims
from cloudgw.objects import Note
from cloudgw.routing import heirs

Users: TypeAlias = dict[object, set[heirs.Route]]
C = TypeVar("C", bound=claims.Compiled[Any, Any])
D = TypeVar("D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit(Generic[D]):
    """made: of those that fit; budgets: what it takes; notes: what is said of matches and routes that are left out."""

    made: D
    budgets: Sequence[Budget]
    notes: tuple[Note, ...]


def within(
    rules: Callable[[Collection[heirs.Route]], claims.Rules[C]],
    made: Callable[[Mapping[int, Sequence[C]]], D],
    budgets: Callable[[D], Sequence[Budget]],
    stands: set[heirs.Route],
    *,
    holder: str,
    owner: str,
) -> Fit[D]:
    """rules: of all but these routes, judged anew: what a refused route hid is there again. made: of what is kept;
    budgets: of what was made; stands: routes that have something standing; holder: what takes no more, for people;
    owner: "namespace/gateway"."""
    refused: dict[heirs.Route, Note] = {}
    while True:
        judged = rules(refused)
        entries = {one.route: one.entry for ones in judged.kept.values() for one in reversed(ones)}
        found = made(judged.kept)
        counted = budgets(found)
        for budget in counted:
            if chosen := _chosen(budget, stands):
                break
        else:
            return Fit(made=found, budgets=counted, notes=(*judged.notes, *refused.values()))
        for route in chosen:
            message = (
                f"quota: {budget.wanted} {budget.what} are wanted, {holder} takes {budget.limit}; "
                f"{heirs.named(route)} is refused on Gateway {owner}; {budget.fix}"
            )
            refused[route] = claims.route_note("GatewayQuota", message, entries[route])


def _chosen(budget: Budget, stands: set[heirs.Route]) -> list[heirs.Route]:
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
