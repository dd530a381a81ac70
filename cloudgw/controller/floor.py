"""A floor under targets: when a Service loses more than half of its ready endpoints in one step, they are listed anew.

`passes` asks before it does anything. Pods come and go; but a watch that fell behind, or a slice that is written in
pieces, must not empty a load balancer. A Service without any slice is Unknown already (`routing.backends`). Pure but
for the listing that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from cloudgw.controller.store import Store
from cloudgw.objects import EndpointSlice, Key, Unknown
from cloudgw.routing import ir

Counts: TypeAlias = Mapping[ir.BackendKey, int]
Fresh: TypeAlias = Callable[[Key], Mapping[str, str]]
"""(namespace, name) of a Service -> name of each of its EndpointSlices -> resourceVersion, as the server says now."""


def counts(routing: ir.Routing) -> Counts:
    """Ready targets of each backend, of those that are known."""
    return {
        key: len(one.targets)
        for key, one in routing.backends.items()
        if not isinstance(one, Unknown) and not isinstance(one.targets, Unknown)
    }


def shrunken(before: Counts, now: Counts) -> frozenset[Key]:
    """Services that lost more than half."""
    return frozenset((key.namespace, key.name) for key, count in before.items() if count > 2 * now.get(key, count))


def stale(services: frozenset[Key], store: Store, fresh: Fresh) -> bool:
    """Whether the store is behind for one of these Services. Raises what `fresh` raises."""
    slices = {key: live for key in store.keys("EndpointSlice") if (live := store.get("EndpointSlice", key)) is not None}
    for namespace, name in sorted(services):
        there = fresh((namespace, name))
        known = [
            key[1]
            for key, live in slices.items()
            if key[0] == namespace and isinstance(live.item, EndpointSlice) and live.item.service == name
        ]
        # by version, also those that nobody can read: they must not hold the Gateway up for ever
        seen = {one: live.version for one in there if (live := slices.get((namespace, one))) is not None}
        if dict(there) != seen or not there.keys() >= set(known):
            return True
    return False
