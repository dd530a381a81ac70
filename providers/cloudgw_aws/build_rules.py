"""The rules of all listeners of one Gateway: every entry of its tables as one rule, or the refusal of its route.

`build` calls `compile_tables`. Pure. A match that an ALB cannot express has no rule that could answer an error for
it, so its requests would go to the next rule that matches: `heirs` decides what becomes of it. Quotas refuse whole
routes too, those first that have nothing standing yet. Must never let a refused match change anybody else's answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cloudgw.building import claims
from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.routing import heirs, ir
from cloudgw_aws import build_actions, build_match, facts, names, shapes

SPARE_RULES = 5  # kept free: warm rules and successors during a change of order

NOBODY = (shapes.fixed(404), ())  # what an ALB answers where no rule matches


class Compiled(claims.Compiled[tuple[shapes.Condition, ...], build_actions.Answer]):
    """match: the conditions of its rule."""

    __slots__ = ()


@dataclass(slots=True, kw_only=True)
class Rules:
    """elements in order per listener address; which backends they name; everything said on the way."""

    elements: list[model.Element] = field(default_factory=list)
    order: dict[model.Address, tuple[model.Address, ...]] = field(default_factory=dict)
    backends: set[ir.BackendKey] = field(default_factory=set)
    empty: bool = False
    open: bool = False  # an entry is Unknown: more backends may be meant
    notes: list[Note] = field(default_factory=list)


def compile_tables(routing: ir.Routing, tables: Sequence[ir.Table], network: facts.Network) -> Rules:
    """tables: those whose listener can exist."""
    found = {
        table.port: [_compile(entry, table, routing, spare) for entry, spare in heirs.with_spares(table)]
        for table in tables
    }
    refused: dict[heirs.Route, Note] = {}
    while True:  # what a refused route hid is there again, and heirs are looked for anew
        judged = claims.judged(found, refused, nobody=NOBODY)
        more = _excess(judged.kept, network, routing)
        if not more:
            break
        refused |= more
    rules = Rules(notes=[*judged.notes, *refused.values()])
    for table in tables:
        listener = model.address(routing.owner, names.PROVIDER, "listener", str(table.port))
        kept = judged.kept[table.port]
        for one in kept:
            _collect(one, rules)
        elements = [_element(one, routing.owner, listener) for one in kept]
        rules.elements += elements
        rules.order[listener] = tuple(element.address for element in elements)
    return rules


def _compile(entry: ir.Entry, table: ir.Table, routing: ir.Routing, spare: bool) -> Compiled:
    answer = build_actions.answer(entry, table, routing) if entry.unknown is None else None
    if answer is None or not entry.isolates:
        match = build_match.conditions(entry, table)
        return Compiled(entry=entry, table=table, match=match, answer=answer, spare=spare)
    barrier, end = build_match.barrier(entry, table)
    if end:
        message = (
            f"hostname: {entry.hostname} is longer than an ALB compares: every host that ends in {end} is taken for "
            "it where no route matches; use a shorter hostname"
        )
        said = claims.note("warning", "HostnameTooLong", message, entry)
        answer = dataclasses.replace(answer, notes=(*answer.notes, said))
    return Compiled(entry=entry, table=table, match=barrier, answer=answer, spare=spare)


def _element(one: Compiled, owner: str, listener: model.Address) -> model.Element:
    where = model.address(owner, names.PROVIDER, "rule", f"{one.table.port}/{one.entry.key}")
    origins = (one.entry.origin,)
    if one.answer is None:
        return model.Element(address=where, spec=one.reason, origins=origins)
    action = one.answer.action
    spec = {
        "listener": model.Ref(listener),
        "conditions": one.match,
        "action": action,
        "transforms": action if isinstance(action, Unknown) else one.answer.transforms,
    }
    return model.Element(address=where, spec=spec, origins=origins)


def _collect(one: Compiled, rules: Rules) -> None:
    if one.answer is None or isinstance(one.answer.action, Unknown):
        rules.open = True
        return
    rules.backends |= one.answer.backends
    rules.empty |= one.answer.empty
    for note in one.answer.notes:
        if note not in rules.notes:
            rules.notes.append(note)


def _groups(rules: Sequence[Compiled]) -> set[ir.BackendKey]:
    return {backend for one in rules if one.answer is not None for backend in one.answer.backends}


def _excess(
    kept: Mapping[int, Sequence[Compiled]], network: facts.Network, routing: ir.Routing
) -> dict[heirs.Route, Note]:
    """Whole routes beyond the quotas of rules and target groups of one load balancer, with what is said: of those that
    have nothing standing the last by name."""
    rules = [one for ones in kept.values() for one in ones]
    groups = _groups(rules)
    room = max(1, network.rules - SPARE_RULES)
    over_rules, over_groups = len(rules) - room, len(groups) - network.groups + 1
    own: dict[heirs.Route, list[Compiled]] = {}
    for one in rules:
        own.setdefault(one.route, []).append(one)
    fresh = sorted(route for route in own if route != heirs.NO_ROUTE and "/".join(route) not in network.standing)
    extra: dict[heirs.Route, Note] = {}
    while fresh and (over_rules > 0 or over_groups > 0):  # a route frees what is its own at most
        route = fresh.pop()
        what = (
            f"{len(rules)} rules are wanted, the load balancer takes {network.rules} and {SPARE_RULES} stay free"
            if over_rules > 0
            else f"{len(groups)} target groups are wanted, the load balancer takes {network.groups}"
        )
        message = (
            f"quota: {what}; {heirs.named(route)} is refused on Gateway {routing.owner}; "
            f"{'ask AWS for more rules per load balancer, or ' if over_rules > 0 else ''}use another Gateway"
        )
        extra[route] = claims.route_note(
            code="RuleQuota" if over_rules > 0 else "TargetGroupQuota", message=message, entry=own[route][0].entry
        )
        over_rules -= len(own[route])
        over_groups -= len(_groups(own[route]))
    return extra
