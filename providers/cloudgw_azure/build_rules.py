"""Which entries of the tables become path rules, and which routes are refused whole.

`build` calls `compile_tables`, `build_quota` judges what that makes. Pure. A match that a path map cannot express has
no rule that could answer an error for it: `heirs` decides. Paths are compared without regard to case, so two entries
that only case tells apart would answer for each other: where their answers differ one route is refused, that which has
nothing standing, else the lower one. Must never let a refused match change anybody else's answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from cloudgw.building import claims
from cloudgw.graph import model
from cloudgw.objects import Note
from cloudgw.routing import heirs, ir
from cloudgw_azure import build_actions, build_match, names


class Compiled(claims.Compiled[tuple[str, ...], build_actions.Answer]):
    """match: the paths of its rule, as written."""

    __slots__ = ()

    @property
    def id(self) -> str:
        return rule_id(self.entry)

    @property
    def paths(self) -> tuple[str, ...]:
        """None where they cannot be expressed."""
        return () if isinstance(self.match, heirs.Inexpressible) else self.match

    @property
    def takes_all(self) -> bool:
        return self.known and build_match.takes_all(self.paths)


Tables: TypeAlias = Mapping[int, Sequence[Compiled]]


def rule_id(entry: ir.Entry) -> str:
    """Logical id of a path rule below its map. No name of a route holds "_", so that what is made of one route has a
    beginning that nothing made of another has (`known_prefix`)."""
    namespace, name = heirs.route_of(entry)
    return names.logical(namespace, _undotted(name), model.hash_of(entry.key)[:10])


def known_prefix(namespace: str, name: str) -> str:
    """With what the ids of all rules of a route begin; those that were cut are not among them."""
    return f"{namespace}.{_undotted(name)}."


def _undotted(name: str) -> str:
    return name.replace(".", "_")


def compile_tables(routing: ir.Routing, tables: Sequence[ir.Table]) -> Tables:
    """Every entry, and what stands behind it, by port in total order. tables: those whose listeners can exist."""
    return {
        table.port: [_compile(entry, table, routing, spare) for entry, spare in heirs.with_spares(table)]
        for table in tables
    }


def standing_routes(found: Tables, standing: frozenset[str]) -> set[heirs.Route]:
    """standing: ids of the rules that stand."""
    return {one.route for ones in found.values() for one in ones if one.id in standing}


def stands(listener: ir.Listener, table: ir.Table, standing: frozenset[str]) -> bool:
    """Whether a rule of a listener's routes does. standing: ids of the rules that do."""
    return any(one.listener == listener.id and not one.isolates and rule_id(one) in standing for one in table.entries)


def judged(found: Tables, stands: set[heirs.Route], gone: Collection[heirs.Route]) -> claims.Rules[Compiled]:
    """found: of `compile_tables`; stands: routes that have something standing; gone: routes that a quota refuses."""
    lost: dict[heirs.Route, Note] = {}
    open_: set[heirs.Route] = set()
    while True:
        judged = heirs.judge(
            found.values(),
            nobody=build_actions.NOT_FOUND,
            nobody_is="nobody (not found)",
            gone={*gone, *lost},
        )
        more, undecided = _collisions(found, judged.refused, stands)
        open_ |= undecided
        if not more:
            break
        lost |= more
    opened = claims.left_open(found, judged.undecided | open_)
    kept = {port: heirs.kept(ones, judged.refused) for port, ones in opened.items()}
    return claims.Rules(kept=kept, notes=(*claims.said(judged.said, found), *(lost[route] for route in sorted(lost))))


def _compile(entry: ir.Entry, table: ir.Table, routing: ir.Routing, spare: bool) -> Compiled:
    answer = build_actions.answer(entry, routing) if entry.unknown is None else None
    return Compiled(entry=entry, table=table, match=build_match.paths(entry.match), answer=answer, spare=spare)


def _collisions(
    found: Tables, refused: frozenset[heirs.Route], stands: set[heirs.Route]
) -> tuple[dict[heirs.Route, Note], set[heirs.Route]]:
    """Routes that lose to another spelling of their paths, with what is said; and those that cannot be compared."""
    lost: dict[heirs.Route, Note] = {}
    undecided: set[heirs.Route] = set()
    for ones in found.values():
        kept = [one for one in heirs.kept(ones, refused) if one.paths]
        twice = build_match.spellings(one.entry for one in kept)
        near = [
            one
            for one in kept
            if any(step.casefold() in twice for step in build_match.steps(one.entry.match.path.value))
        ]
        for number, above in enumerate(near):
            for below in near[number + 1 :]:
                if {above.route, below.route} & (lost.keys() | {heirs.NO_ROUTE}):
                    continue
                if not build_match.collide(above.entry, below.entry):
                    continue
                if above.answers is None or below.answers is None:
                    undecided.add(below.route)
                elif above.answers != below.answers:
                    loser, winner = (above, below) if _yields(above, below, stands) else (below, above)
                    lost[loser.route] = _collision(loser, winner)
    return lost, undecided - lost.keys()


def _yields(above: Compiled, below: Compiled, stands: set[heirs.Route]) -> bool:
    """The one above, where it alone has nothing standing."""
    return above.route not in stands and below.route in stands


def _collision(loser: Compiled, winner: Compiled) -> Note:
    mine, theirs = loser.entry, winner.entry
    message = (
        f"path: {mine.match.path.value} and {theirs.match.path.value} are one path for an Application Gateway, which "
        f"compares without regard to case; {heirs.named(loser.route)} is refused on this Gateway, because its requests "
        f"would be answered by {theirs.origin}, or that one's by it; change one of the two paths"
    )
    return claims.note("error", "PathsDifferInCase", message, mine, "route")
