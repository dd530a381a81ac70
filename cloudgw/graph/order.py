"""Order and waiting among changes: `needs` (order across groups) and `joint` (same commit or not at all).

`order` is Kahn's algorithm with ties broken by key: that is the determinism of a plan. `settle` spreads waits until
nothing goes without what it needs or must go with. `pipeline` calls both; plan checks add waits in between.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cloudgw.graph import model


def order(changes: Iterable[model.Change]) -> tuple[list[model.Change], list[model.Change]]:
    """(topological, cyclic): every change after what it needs, and after what must go with it where that is no cycle;
    ties by key. Changes on a cycle of `needs` come second, by key."""
    by_key = {change.key: change for change in changes}
    first, stuck = _kahn(by_key, {key: set(change.needs) | set(change.joint) for key, change in by_key.items()})
    if not stuck:
        return first, []
    return _kahn(by_key, {key: set(change.needs) for key, change in by_key.items()})


def _kahn(
    by_key: Mapping[str, model.Change], edges: Mapping[str, set[str]]
) -> tuple[list[model.Change], list[model.Change]]:
    missing = {key: sum(1 for other in needed if other in by_key and other != key) for key, needed in edges.items()}
    followers: dict[str, list[str]] = {}
    for key, needed in edges.items():
        for other in needed:
            if other in by_key and other != key:
                followers.setdefault(other, []).append(key)
    ready = [key for key, count in missing.items() if not count]
    heapq.heapify(ready)
    done: list[model.Change] = []
    while ready:
        key = heapq.heappop(ready)
        done.append(by_key[key])
        for follower in followers.get(key, ()):
            missing[follower] -= 1
            if not missing[follower]:
                heapq.heappush(ready, follower)
    stuck = [by_key[key] for key in sorted(missing) if missing[key] > 0]
    return done, stuck


def settle(changes: Sequence[model.Change]) -> list[model.Change]:
    """The same changes; those that need, or must go with, a waiting one wait too, saying for which."""
    by_key = {change.key: change for change in changes}
    dependents: dict[str, list[str]] = {}
    for change in changes:
        for other in (*change.needs, *change.joint):
            dependents.setdefault(other, []).append(change.key)
    queue = [change.key for change in changes if change.waits]
    while queue:
        cause = by_key[queue.pop()]
        for key in dependents.get(cause.key, ()):
            follower = by_key[key]
            if not follower.waits:
                wait = model.Wait(what="change", message=cause.key, until=cause.waits[0].until)
                by_key[key] = replace(follower, waits=(wait,))
                queue.append(key)
    return [by_key[change.key] for change in changes]


def closed(keys: Iterable[str], by_key: Mapping[str, model.Change]) -> set[str]:
    """The keys, with everything that must go with them."""
    found: set[str] = set()
    queue = list(keys)
    while queue:
        key = queue.pop()
        if key in found or key not in by_key:
            continue
        found.add(key)
        queue.extend(by_key[key].joint)
    return found
