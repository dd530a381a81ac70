"""Which entries of the tables become path rules, and which routes are refused whole.

`build` calls `compile_tables`. Pure. A match that a path map cannot express has no rule that could answer an error for
it: `heirs` decides. Paths are compared without regard to case, so two entries that only case tells apart would answer
for each other: where their answers differ one route is refused, that which has nothing standing, else the lower one.
Must never let a refused match change anybody else's answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.routing import heirs, ir
from cloudgw_azure import build_actions, build_match, names


@dataclass(slots=True, kw_only=True)
class Compiled:
    """A path rule to be, on every host that the entry answers for. paths: as written; answer None where the entry is
    Unknown. spare: made only where no rule above takes all its requests."""

    entry: ir.Entry
    table: ir.Table
    paths: tuple[str, ...] | heirs.Inexpressible
    answer: build_actions.Answer | None
    spare: bool = False

    @property
    def route(self) -> heirs.Route:
        return heirs.route_of(self.entry)

    @property
    def id(self) -> str:
        return rule_id(self.entry)

    @property
    def inexpressible(self) -> heirs.Inexpressible | None:
        return self.paths if isinstance(self.paths, heirs.Inexpressible) and self.known else None

    @property
    def known(self) -> bool:
        return self.answer is not None

    @property
    def answers(self) -> object | None:
        return None if self.answer is None or isinstance(self.answer.to, Unknown) else self.answer.to

    @property
    def written(self) -> tuple[str, ...]:
        """Paths, none where they cannot be expressed."""
        return () if isinstance(self.paths, heirs.Inexpressible) else self.paths


Tables = Mapping[int, Sequence[Compiled]]


@dataclass(slots=True, kw_only=True)
class Rules:
    """kept: by port, in total order. refused: routes."""

    kept: dict[int, list[Compiled]] = field(default_factory=dict)
    refused: set[heirs.Route] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)


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


def compile_tables(routing: ir.Routing, tables: Sequence[ir.Table], standing: frozenset[str]) -> Rules:
    """tables: those whose listeners can exist. standing: ids of the rules that stand."""
    found: dict[int, list[Compiled]] = {
        table.port: [_compile(entry, table, routing, spare) for entry, spare in heirs.with_spares(table)]
        for table in tables
    }
    rules = Rules()
    stands = {one.route for ones in found.values() for one in ones if one.id in standing}
    lost: dict[heirs.Route, Note] = {}
    open_: set[heirs.Route] = set()
    while True:
        judged = heirs.judge(found.values(), nobody=build_actions.NOT_FOUND, nobody_is="nobody (not found)", gone=lost)
        more, undecided = _collisions(found, judged.refused, stands)
        open_ |= undecided
        if not more:
            break
        lost |= more
    for port, ones in found.items():
        left = judged.undecided | open_
        rules.kept[port] = heirs.kept([_left_open(one) if one.route in left else one for one in ones], judged.refused)
    rules.refused |= judged.refused
    rules.notes += [_said(one) for one in judged.said] + [lost[route] for route in sorted(lost)]
    return rules


def _compile(entry: ir.Entry, table: ir.Table, routing: ir.Routing, spare: bool) -> Compiled:
    answer = build_actions.answer(entry, routing) if entry.unknown is None else None
    return Compiled(entry=entry, table=table, paths=build_match.paths(entry.match), answer=answer, spare=spare)


def _left_open(one: Compiled) -> Compiled:
    """What stands of an undecided route stays, and nothing is made of it."""
    if one.inexpressible is not None:
        return one
    return Compiled(entry=one.entry, table=one.table, paths=one.paths, answer=None)


def _said(one: heirs.Said) -> Note:
    if one.what == "dropped":
        return build_actions.note("info", "MatchDropped", one.message, one.entry)
    if one.what == "undecided":
        return build_actions.note("warning", "MatchUndecided", one.message, one.entry)
    return build_actions.note("error", "MatchNotExpressible", one.message, one.entry, "route")


def _collisions(
    found: Tables, refused: frozenset[heirs.Route], stands: set[heirs.Route]
) -> tuple[dict[heirs.Route, Note], set[heirs.Route]]:
    """Routes that lose to another spelling of their paths, with what is said; and those that cannot be compared."""
    lost: dict[heirs.Route, Note] = {}
    undecided: set[heirs.Route] = set()
    for ones in found.values():
        kept = [one for one in heirs.kept(ones, refused) if one.written]
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
        f"would be answered by {theirs.origin} ({theirs.key}), or that one's by it; change one of the two paths"
    )
    return build_actions.note("error", "PathsDifferInCase", message, mine, "route")
