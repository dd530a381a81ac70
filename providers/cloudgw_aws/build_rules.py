"""The rules of all listeners of one Gateway: every entry of its tables as one rule, or the refusal of its route.

`build` calls `compile_tables`. Pure. A match that an ALB cannot express has no rule that could answer an error for
it, so its requests would go to the next rule that matches: where that answers the same, the match is dropped with a
note; else the whole route is refused on this Gateway, and the note names the heir. Quotas refuse whole routes too,
those first that have nothing standing yet. Must never let a refused match change anybody else's answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from cloudgw.graph import model
from cloudgw.objects import Note, RouteMatch, Unknown
from cloudgw.routing import hostnames, ir
from cloudgw_aws import build_actions, build_listeners, build_match, facts, names, shapes

SPARE_RULES = 5  # kept free: warm rules and successors during a change of order

Route = tuple[str, str]
NO_ROUTE: Route = ("-", "-")


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
    def route(self) -> Route:
        parts = self.entry.key.split("/")
        return parts[1], parts[2]

    @property
    def inexpressible(self) -> build_match.Inexpressible | None:
        return self.conditions if isinstance(self.conditions, build_match.Inexpressible) else None


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
    found = {table.port: _compile_table(table, routing) for table in tables}
    rules = Rules()
    refused, undecided = _refuse_inexpressible(found, rules.notes)
    for port, ones in found.items():
        found[port] = [_left_open(one) if one.route in undecided else one for one in ones]
    refused |= _refuse_excess(found, refused, network, routing, rules.notes)
    for table in tables:
        listener = model.address(routing.owner, names.PROVIDER, "listener", str(table.port))
        kept = _kept(found[table.port], refused)
        for one in kept:
            _collect(one, rules)
        elements = [_element(one, routing.owner, listener) for one in kept]
        rules.elements += elements
        rules.order[listener] = tuple(element.address for element in elements)
    return rules


def _kept(ones: Sequence[Compiled], refused: set[Route]) -> list[Compiled]:
    """Those that become rules: of several with one match the first that is not refused."""
    kept: list[Compiled] = []
    places: set[tuple[str, str, RouteMatch]] = set()
    for number, one in enumerate(ones):
        entry = one.entry
        if one.inexpressible is not None or one.route in refused:
            continue
        if one.spare and _covered(one, ones[:number], refused):
            continue
        place = (entry.listener, entry.hostname, entry.match)
        if entry.behind and place in places:
            continue
        if entry.unknown is None:
            places.add(place)
        kept.append(one)
    return kept


def _compile_table(table: ir.Table, routing: ir.Routing) -> list[Compiled]:
    """Every entry; behind those of a listener, where entries below would answer for its hosts, a spare 404: routing saw
    that a route takes all of them, and that route may be refused here."""
    listeners = {listener.id: listener for listener in table.listeners}
    found: list[Compiled] = []
    for number, entry in enumerate(table.entries):
        found.append(_compile(entry, table, routing))
        below = table.entries[number + 1 :]
        listener = listeners.get(entry.listener)
        if listener is None or (below and below[0].listener == entry.listener) or _bars(entry, listener):
            continue
        if any(hostnames.intersect(other.hostname, listener.hostname) is not None for other in below):
            found.append(dataclasses.replace(_compile(build_listeners.barrier(listener), table, routing), spare=True))
    return found


def _bars(entry: ir.Entry, listener: ir.Listener) -> bool:
    return entry.hostname == listener.hostname and entry.match == RouteMatch() and entry.isolates


def _compile(entry: ir.Entry, table: ir.Table, routing: ir.Routing) -> Compiled:
    if entry.unknown is not None:
        return Compiled(entry=entry, table=table, conditions=None, answer=None)
    answer = build_actions.answer(entry, table, routing)
    if not entry.isolates:
        return Compiled(entry=entry, table=table, conditions=build_match.conditions(entry, table), answer=answer)
    conditions, end = build_match.barrier(entry, table)
    if end:
        message = (
            f"hostname: {entry.hostname} is longer than an ALB compares: every host that ends in {end} is taken for "
            "it where no route matches; use a shorter hostname"
        )
        said = build_actions.note("warning", "HostnameTooLong", message, entry)
        answer = dataclasses.replace(answer, notes=(*answer.notes, said))
    return Compiled(entry=entry, table=table, conditions=conditions, answer=answer)


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


def _refuse_inexpressible(found: dict[int, list[Compiled]], notes: list[Note]) -> tuple[set[Route], set[Route]]:
    """Routes that are refused whole, and those about which that cannot be decided because an answer is Unknown: not
    knowing refuses nobody. Repeated until nothing changes: a refused route is nobody's heir."""
    refused: set[Route] = set()
    undecided: set[Route] = set()
    said: dict[Route, Note] = {}
    dropped: dict[str, Note] = {}
    changed = True
    while changed:
        changed = False
        dropped.clear()
        for entries in found.values():
            for number, one in enumerate(entries):
                why = one.inexpressible
                if why is None or one.route in refused:
                    continue
                heir = _heir(one, entries[number + 1 :], refused)
                what = f"{why.field}: {why.reason}"
                if heir is None or _covered(one, entries[:number], refused):
                    message = f"{what}; the match is dropped: whoever gets its requests answers the same"
                    dropped[one.entry.key] = build_actions.note("info", "MatchDropped", message, one.entry)
                    continue
                name = _named(one.route)
                if _undecidable(one, entries[number + 1 :], refused):
                    message = f"{what}; whether {name} can be kept is not known: what stands of it stays"
                    said[one.route] = build_actions.note("warning", "MatchUndecided", message, one.entry)
                    undecided.add(one.route)
                    continue
                message = (
                    f"{what}; {name} is refused on this Gateway, because requests of this match would be "
                    f"answered by {heir}; change the match, or move it to a route of its own"
                )
                said[one.route] = build_actions.note("error", "MatchNotExpressible", message, one.entry, "route")
                refused.add(one.route)
                changed = True
    notes += [said[route] for route in sorted(said)]
    notes += [dropped[key] for key in sorted(dropped)]
    return refused, undecided - refused


def _named(route: Route) -> str:
    """For people: the name in the key of a GRPCRoute's entry begins with `grpc:`."""
    namespace, name = route
    plain = name.removeprefix("grpc:")
    return f"{'HTTPRoute' if plain == name else 'GRPCRoute'} {namespace}/{plain}"


def _undecidable(one: Compiled, below: Sequence[Compiled], refused: set[Route]) -> bool:
    """The comparison with the heir rests on an answer that nobody knows."""

    def unknown(other: Compiled) -> bool:
        return other.answer is None or isinstance(other.answer.action, Unknown)

    if unknown(one):
        return True
    for other in below:
        if other.inexpressible is None and other.route not in refused and build_match.may_share(one.entry, other.entry):
            if not _same_answer(one, other):
                return unknown(other)
            if build_match.covers(other.entry, one.entry):
                return False
    return False


def _covered(one: Compiled, above: Sequence[Compiled], refused: set[Route]) -> bool:
    """No request ever reaches it: one above takes them all."""
    return any(
        other.conditions is not None
        and other.inexpressible is None
        and other.route not in refused
        and build_match.covers(other.entry, one.entry)
        for other in above
    )


def _heir(one: Compiled, below: Sequence[Compiled], refused: set[Route]) -> str | None:
    """Who would answer instead, in words; None when every heir answers the same."""
    for other in below:
        if other.inexpressible is not None or other.route in refused:
            continue
        if not build_match.may_share(one.entry, other.entry):
            continue
        if not _same_answer(one, other):
            return f"{other.entry.origin} ({other.entry.key})"
        if build_match.covers(other.entry, one.entry):
            return None
    answer = one.answer
    if answer is not None and answer.action == shapes.fixed(404):
        return None
    return "nobody (404)"


def _same_answer(one: Compiled, other: Compiled) -> bool:
    if one.answer is None or other.answer is None:
        return False
    mine, theirs = one.answer, other.answer
    if isinstance(mine.action, Unknown) or isinstance(theirs.action, Unknown):
        return False
    return mine.action == theirs.action and mine.transforms == theirs.transforms


def _groups(rules: Sequence[Compiled]) -> set[ir.BackendKey]:
    return {backend for one in rules if one.answer is not None for backend in one.answer.backends}


def _refuse_excess(
    found: dict[int, list[Compiled]],
    refused: set[Route],
    network: facts.Network,
    routing: ir.Routing,
    notes: list[Note],
) -> set[Route]:
    """Whole routes beyond the quotas of rules and target groups of one load balancer; the last by name first, those
    that have nothing standing before those that have."""
    kept = [one for ones in found.values() for one in _kept(ones, refused)]
    room = max(1, network.rules - SPARE_RULES)
    extra: set[Route] = set()
    candidates = sorted(
        {one.route for one in kept} - {NO_ROUTE}, key=lambda route: ("/".join(route) in network.standing, route)
    )
    fresh = [route for route in candidates if "/".join(route) not in network.standing]
    own: dict[Route, list[Compiled]] = {}
    for one in kept:
        own.setdefault(one.route, []).append(one)
    while fresh:
        rules = [one for ones in found.values() for one in _kept(ones, refused | extra)]
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
                f"quota: {what}; {_named(route)} is refused on Gateway {routing.owner}; "
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
