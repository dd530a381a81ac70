"""Which entries of the tables become route rules, and which routes are refused whole.

`build` calls `compile_tables`, `build_quota` judges what that makes. Pure. A match that a URL map cannot express has no
rule that could answer an error for it: `heirs` decides. Must never let a refused match change anybody else's answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from cloudgw.building import claims
from cloudgw.graph import model
from cloudgw.routing import heirs, ir
from cloudgw_gcp import build_actions, build_match


class Compiled(claims.Compiled[build_match.Match, build_actions.Answer]):
    """match: what its rules match. The answer cuts a prefix off at that same path."""

    __slots__ = ()

    @property
    def id(self) -> str:
        return rule_id(self.entry)

    @property
    def takes_all(self) -> bool:
        return self.known and isinstance(self.match, build_match.Match) and self.match.takes_all


Tables: TypeAlias = Mapping[int, Sequence[Compiled]]


def rule_id(entry: ir.Entry) -> str:
    """Of a route rule below its matcher: "shop/cart/abcdefghij"."""
    namespace, name = heirs.route_of(entry)
    return f"{namespace}/{name}/{model.hash_of(entry.key)[:10]}"


def known_prefix(namespace: str, name: str) -> str:
    """With what the ids of all rules of a route begin."""
    return f"{namespace}/{name}/"


def compile_tables(routing: ir.Routing, tables: Sequence[ir.Table], *, regional: bool) -> Tables:
    """Every entry, and what stands behind it, by port in total order. tables: those whose listeners can exist."""
    return {
        table.port: [_compile(entry, table, routing, spare, regional) for entry, spare in heirs.with_spares(table)]
        for table in tables
    }


def judged(found: Tables, gone: Collection[heirs.Route]) -> claims.Rules[Compiled]:
    """found: of `compile_tables`; gone: routes that a quota refuses."""
    return claims.judged(found, gone, nobody=build_actions.NOT_FOUND)


def _compile(entry: ir.Entry, table: ir.Table, routing: ir.Routing, spare: bool, regional: bool) -> Compiled:
    answer = build_actions.answer(entry, table, routing) if entry.unknown is None else None
    match = build_match.match(entry.match, regional=regional)
    return Compiled(entry=entry, table=table, match=match, answer=answer, spare=spare)
