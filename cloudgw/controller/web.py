"""The ties of everything in the store, kept so that they can be followed both ways without looking at any object.

`store` alone holds one and changes it with every object; every step is one look into a mapping. Not thread-safe: the
store's lock guards it. It must never hold objects, and forgets a knot with its last tie.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from cloudgw.controller import ties
from cloudgw.controller.ties import Knot, Ties
from cloudgw.objects import Key


class Web:
    def __init__(self) -> None:
        self._ties: dict[Knot, Ties] = {}
        self._needing: dict[Knot, set[Knot]] = defaultdict(set)
        self._joined: dict[Knot, set[Knot]] = defaultdict(set)

    def tie(self, knot: Knot, new: Ties) -> None:
        """Replaces the ties of a knot; with `ties.NONE` it has none any more."""
        old = self._ties.get(knot, ties.NONE)
        if old == new:
            return
        _move(self._needing, knot, old.needs, new.needs)
        _move(self._joined, knot, old.joins, new.joins)
        if new == ties.NONE:
            self._ties.pop(knot, None)
        else:
            self._ties[knot] = new

    def reached(self, start: Knot) -> set[Knot]:
        """Everything that a knot depends on, itself too, whether it exists or not."""
        found, ahead = {start}, [start]
        while ahead:
            knot = ahead.pop()
            known = self._ties.get(knot)
            for near in (known.needs if known is not None else (), self._joined.get(knot, ())):
                for one in near:
                    if one not in found:
                        found.add(one)
                        ahead.append(one)
        return found

    def affected(self, start: Knot, new: Ties = ties.NONE) -> set[Key]:
        """Every Gateway that depends on a knot, with its present ties or with new ones."""
        gateways, found, ahead = set[Key](), {start}, [start]
        also: Iterable[Knot] = new.joins
        while ahead:
            knot = ahead.pop()
            if knot[0] == "Gateway":
                gateways.add(knot[1:])
                continue
            known = self._ties.get(knot)
            for near in (known.joins if known is not None else (), self._needing.get(knot, ()), also):
                for one in near:
                    if one not in found:
                        found.add(one)
                        ahead.append(one)
            also = ()
        return gateways

    def joined(self, knot: Knot) -> set[Knot]:
        """What joins a knot: the routes and ListenerSets of a Gateway, the slices and policies of a Service."""
        return self._joined.get(knot, set())

    def needed(self, knot: Knot) -> set[Knot]:
        """Who needs a knot."""
        return self._needing.get(knot, set())

    @property
    def size(self) -> int:
        """Number of ties: what is forgotten must not stay."""
        ends = (*self._needing.values(), *self._joined.values())
        return len(self._ties) + len(self._needing) + len(self._joined) + sum(len(one) for one in ends)


def _move(index: dict[Knot, set[Knot]], knot: Knot, old: frozenset[Knot], new: frozenset[Knot]) -> None:
    for to in old - new:
        index[to].discard(knot)
        if not index[to]:
            del index[to]
    for to in new - old:
        index[to].add(knot)
