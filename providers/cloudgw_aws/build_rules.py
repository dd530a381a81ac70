"""The rules of all listeners of one Gateway: every entry of its tables as one rule, or the refusal of its route.

`build` calls `compile_tables`. Pure. A match that an ALB cannot express has no rule that could answer an error for
it, so its requests would go to the next rule that matches: `heirs` decides what becomes of it. Quotas refuse whole
routes too, those first that have nothing standing yet. Must never let a refused match change anybody else's answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.routing import heirs, ir
from cloudgw_aws import build_actions, build_match, facts, names, shapes

SPARE_RULES = 5  # kept free: warm rules and successors during a change of order

NOBODY = (shapes.fixed(404), ())  # what an ALB answers where no rule matches


@dataclass(slots=True, kw_only=True)
class Compiled:
    """A rule to be: conditions and answer None where the entry is Unknown. spare: made only where no rule above takes
    all its requests."""

    entry: ir.Entry
    table: ir.Table
    conditions: tuple[shapes.Condition, ...] | build_match.Inexpressible | None
    answer: build_actions.Answer | None
    spare: bool = False

    @property
    def route(self) -> heirs.Route:
        return heirs.route_of(self.entry)

    @property
    def inexpressible(self) -> heirs.Inexpressible | None:
        return self.conditions if isinstance(self.conditions, heirs.Inexpressible) else None

    @property
    def known(self) -> bool:
        return self.conditions is not None

    @property
    def answers(self) -> object | None:
        if self.answer is None or isinstance(self.answer.action, Unknown):
            return None
        return self.answer.action, self.answer.transforms


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
    judged = heirs.judge(found.values(), nobody=NOBODY)
    rules = Rules(notes=[_said(one) for one in judged.said])
    for port, ones in found.items():
        found[port] = [_left_open(one) if one.route in judged.undecided else one for one in ones]
    refused = judged.refused | _refuse_excess(found, judged.refused, network, routing, rules.notes)
    for table in tables:
        listener = model.address(routing.owner, names.PROVIDER, "listener", str(table.port))
        kept = heirs.kept(found[table.port], refused)
        for one in kept:
            _collect(one, rules)
        elements = [_element(one, routing.owner, listener) for one in kept]
        rules.elements += elements
        rules.order[listener] = tuple(element.address for element in elements)
    return rules


def _compile(entry: ir.Entry, table: ir.Table, routing: ir.Routing, spare: bool) -> Compiled:
    if entry.unknown is not None:
        return Compiled(entry=entry, table=table, conditions=None, answer=None, spare=spare)
    answer = build_actions.answer(entry, table, routing)
    if not entry.isolates:
        found = build_match.conditions(entry, table)
        return Compiled(entry=entry, table=table, conditions=found, answer=answer, spare=spare)
    conditions, end = build_match.barrier(entry, table)
    if end:
        message = (
            f"hostname: {entry.hostname} is longer than an ALB compares: every host that ends in {end} is taken for "
            "it where no route matches; use a shorter hostname"
        )
        said = build_actions.note("warning", "HostnameTooLong", message, entry)
        answer = dataclasses.replace(answer, notes=(*answer.notes, said))
    return Compiled(entry=entry, table=table, conditions=conditions, answer=answer, spare=spare)


def _element(one: Compiled, owner: str, listener: model.Address) -> model.Element:
    where = model.address(owner, names.PROVIDER, "rule", f"{one.table.port}/{one.entry.key}")
    origins = (one.entry.origin,)
    if one.answer is None:
        reason = one.entry.unknown or Unknown("not known")
        return model.Element(address=where, spec=reason, origins=origins)
    action = one.answer.action
    spec = {
        "listener": model.Ref(listener),
        "conditions": one.conditions,
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


def _left_open(one: Compiled) -> Compiled:
    """What stands of an undecided route stays, and nothing is made of it."""
    if one.inexpressible is not None:
        return one
    return Compiled(entry=one.entry, table=one.table, conditions=None, answer=None)


def _said(one: heirs.Said) -> Note:
    if one.what == "dropped":
        return build_actions.note("info", "MatchDropped", one.message, one.entry)
    if one.what == "undecided":
        return build_actions.note("warning", "MatchUndecided", one.message, one.entry)
    return build_actions.note("error", "MatchNotExpressible", one.message, one.entry, "route")


def _groups(rules: Sequence[Compiled]) -> set[ir.BackendKey]:
    return {backend for one in rules if one.answer is not None for backend in one.answer.backends}


def _refuse_excess(
    found: dict[int, list[Compiled]],
    refused: frozenset[heirs.Route],
    network: facts.Network,
    routing: ir.Routing,
    notes: list[Note],
) -> set[heirs.Route]:
    """Whole routes beyond the quotas of rules and target groups of one load balancer; the last by name first, those
    that have nothing standing before those that have."""
    kept = [one for ones in found.values() for one in heirs.kept(ones, refused)]
    room = max(1, network.rules - SPARE_RULES)
    extra: set[heirs.Route] = set()
    candidates = sorted(
        {one.route for one in kept} - {heirs.NO_ROUTE}, key=lambda route: ("/".join(route) in network.standing, route)
    )
    fresh = [route for route in candidates if "/".join(route) not in network.standing]
    own: dict[heirs.Route, list[Compiled]] = {}
    for one in kept:
        own.setdefault(one.route, []).append(one)
    while fresh:
        rules = [one for ones in found.values() for one in heirs.kept(ones, refused | extra)]
        groups = _groups(rules)
        over_rules, over_groups = len(rules) - room, len(groups) - network.groups + 1
        if over_rules <= 0 and over_groups <= 0:
            break
        while fresh and (over_rules > 0 or over_groups > 0):  # a route frees what is its own at most
            route = fresh.pop()
            extra.add(route)
            what = (
                f"{len(rules)} rules are wanted, the load balancer takes {network.rules} and {SPARE_RULES} stay free"
                if over_rules > 0
                else f"{len(groups)} target groups are wanted, the load balancer takes {network.groups}"
            )
            message = (
                f"quota: {what}; {heirs.named(route)} is refused on Gateway {routing.owner}; "
                f"{'ask AWS for more rules per load balancer, or ' if over_rules > 0 else ''}use another Gateway"
            )
            entry = own[route][0].entry
            notes.append(
                build_actions.note(
                    "error",
                    code="RuleQuota" if over_rules > 0 else "TargetGroupQuota",
                    message=message,
                    entry=entry,
                    refuses="route",
                )
            )
            over_rules -= len(own[route])
            over_groups -= len(_groups(own[route]))
    return extra
