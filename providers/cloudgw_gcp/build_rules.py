"""Which entries of the tables become route rules, and which routes are refused whole.

`build` calls `compile_tables`. Pure. A match that a URL map cannot express has no rule that could answer an error for
it: `heirs` decides. Must never let a refused match change anybody else's answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.routing import heirs, ir
from cloudgw_gcp import build_actions, build_match


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Route rules to be, on every host that the entry answers for. answer None where the entry is Unknown. spare: made
    only where no rule above takes all its requests."""

    entry: ir.Entry
    table: ir.Table
    match: build_match.Match | heirs.Inexpressible
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
        return self.match if isinstance(self.match, heirs.Inexpressible) and self.known else None

    @property
    def known(self) -> bool:
        return self.answer is not None

    @property
    def answers(self) -> object | None:
        """A prefix is cut off at the match's own path."""
        return None if self.answer is None or isinstance(self.answer.to, Unknown) else self.answer.to

    @property
    def takes_all(self) -> bool:
        return self.known and isinstance(self.match, build_match.Match) and self.match.takes_all


@dataclass(slots=True, kw_only=True)
class Rules:
    """kept: by port, in total order. refused: routes."""

    kept: dict[int, list[Compiled]] = field(default_factory=dict)
    refused: set[heirs.Route] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)


def rule_id(entry: ir.Entry) -> str:
    """Of a route rule below its matcher: "shop/cart/abcdefghij"."""
    namespace, name = heirs.route_of(entry)
    return f"{namespace}/{name}/{model.hash_of(entry.key)[:10]}"


def known_prefix(namespace: str, name: str) -> str:
    """With what the ids of all rules of a route begin."""
    return f"{namespace}/{name}/"


def compile_tables(routing: ir.Routing, tables: Sequence[ir.Table], *, regional: bool) -> Rules:
    """tables: those whose listeners can exist."""
    found = {
        table.port: [_compile(entry, table, routing, spare, regional) for entry, spare in heirs.with_spares(table)]
        for table in tables
    }
    judged = heirs.judge(found.values(), nobody=build_actions.NOT_FOUND)
    rules = Rules(refused=set(judged.refused), notes=[_said(one) for one in judged.said])
    for port, ones in found.items():
        left = [_left_open(one) if one.route in judged.undecided else one for one in ones]
        rules.kept[port] = heirs.kept(left, judged.refused)
    return rules


def _compile(entry: ir.Entry, table: ir.Table, routing: ir.Routing, spare: bool, regional: bool) -> Compiled:
    answer = build_actions.answer(entry, table, routing) if entry.unknown is None else None
    match = build_match.match(entry.match, regional=regional)
    return Compiled(entry=entry, table=table, match=match, answer=answer, spare=spare)


def _left_open(one: Compiled) -> Compiled:
    """What stands of an undecided route stays, and nothing is made of it."""
    return one if one.inexpressible is not None else replace(one, answer=None)


def _said(one: heirs.Said) -> Note:
    if one.what == "dropped":
        return build_actions.note("info", "MatchDropped", one.message, one.entry)
    if one.what == "undecided":
        return build_actions.note("warning", "MatchUndecided", one.message, one.entry)
    return build_actions.note("error", "MatchNotExpressible", one.message, one.entry, "route")
