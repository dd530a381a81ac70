"""A Gateway, ListenerSet or GatewayClass, gate by gate, with the routes and sets that have to do with it.

Called by `explain`. Each listener is a section: its gates, and the names of the routes attached to it. This module must
never decide whether a listener is valid.
"""

from __future__ import annotations

from collections.abc import Sequence

from cloudgw.explain import fixes, gates
from cloudgw.explain.model import Chain, Explanation, Section, World
from cloudgw.objects import AllowedRoutes, Gateway, GatewayClass, ListenerSet, Route, Unknown
from cloudgw.routing import conditions, ir, request
from cloudgw.routing.sets import Declared

MOST = 8  # hosts in a line


def of_gateway(world: World, gateway: Gateway) -> Explanation:
    key = (gateway.meta.namespace, gateway.meta.name)
    routing = world.routing(key)
    first = Chain("", ("object", *gates.OF_CLASS))
    _read(first, "Gateway", gateway, fixes.count(len(gateway.listeners), "listener"))
    gates.of_class(first, world, gateway)
    sections = [first.section()]
    if routing is not None:
        declared = gates.declared(world, gateway)
        sections += [_listener(world, one, routing.verdicts) for one in declared]
        sections += _sets(world, gateway, routing.verdicts)
        if stray := _refused(world, routing.verdicts, ("Gateway", *key)):
            sections.append(stray)
    return Explanation(
        kind="Gateway",
        namespace=key[0],
        name=key[1],
        sections=tuple(sections),
        answers=_ports(routing) if routing is not None else ("cloudgw answers no request for it",),
    )


def of_set(world: World, one: ListenerSet) -> Explanation:
    key = (one.meta.namespace, one.meta.name)
    first = Chain("", ("object", "parent", *gates.OF_CLASS, "listenerSet"))
    _read(first, "ListenerSet", one, fixes.count(len(one.listeners), "listener"))
    where = conditions.origin("ListenerSet", one.meta, path="/spec/parentRef")
    to = (one.parent.namespace, one.parent.name)
    gateway = world.snapshot.get(Gateway, *to)
    near = fixes.meant(fixes.near(world.snapshot, "Gateway", *to))
    routing = None
    sections: list[Section] = []
    if gateway is None:
        fix = f"correct spec.parentRef of {fixes.at(one.meta, 'ListenerSet')}{near}"
        first.failed("parent", f"Gateway {fixes.named(to)} does not exist", where, fix)
    elif isinstance(gateway, Unknown):
        first.unknown("parent", f"{gateway.reason}{near}", where, fixes.MORE_INPUT)
        first.end()
    else:
        first.ok("parent", f"Gateway {fixes.named(to)} exists", conditions.origin("Gateway", gateway.meta))
        gates.of_class(first, world, gateway)
        if not first.ended:
            gates.listener_set(first, world, one, gateway)
        routing = world.routing(to)
        if routing is not None and not first.ended:
            mine = [item for item in gates.declared(world, gateway) if item.key == ("ListenerSet", *key)]
            sections = [_listener(world, item, routing.verdicts) for item in mine]
    if routing is not None and (stray := _refused(world, routing.verdicts, ("ListenerSet", *key))):
        sections.append(stray)
    return Explanation(
        kind="ListenerSet", namespace=key[0], name=key[1], sections=(first.section(), *sections), answers=()
    )


def of_class(world: World, found: GatewayClass) -> Explanation:
    chain = Chain("", ("object", "class", "parameters"))
    where = conditions.origin("GatewayClass", found.meta)
    chain.ok("object", f"it was read: controllerName {found.controller}", where)
    if found.controller == world.controller:
        chain.ok("class", "the class is cloudgw's", where)
        gates.parameters(chain, world, found)
    else:
        fix = f"set spec.controllerName to {world.controller}, if it is meant to be cloudgw's (the field is immutable)"
        chain.failed("class", f"it belongs to {found.controller}, not to {world.controller}", where, fix)
    users = [one.meta for one in world.snapshot.all(Gateway) if one.class_name == found.meta.name]
    names = ", ".join(fixes.named((one.namespace, one.name)) for one in users)
    chain.facts.append(
        f"used by {fixes.count(len(users), 'Gateway')}: {names}" if users else "no Gateway of the input uses it"
    )
    return Explanation(kind="GatewayClass", namespace="", name=found.meta.name, sections=(chain.section(),))


def _read(chain: Chain, kind: str, one: Gateway | ListenerSet, what: str) -> None:
    chain.ok("object", f"it was read: {what}", conditions.origin(kind, one.meta))
    ignored = ", ".join(one.meta.unhandled)
    if ignored:
        chain.facts.append(f"not honoured, has no effect: {ignored}")


def _listener(world: World, one: Declared, verdicts: ir.Verdicts) -> Section:
    owner = f", of ListenerSet {fixes.named((one.meta.namespace, one.meta.name))}" if one.kind != "Gateway" else ""
    chain = Chain(f"listener {gates.said(one.spec)}{owner}", ("usable",))
    verdict = next(item for item in verdicts.listeners if item.id == one.id)
    for gate in gates.usable(world, one, verdict):
        chain.add(gate)
    chain.facts.append(f"accepts {_accepts(one, verdict)}")
    names = [
        f"{item.kind} {fixes.named((item.namespace, item.name))}"
        for item in verdicts.parents
        if one.id in item.listeners
    ]
    shown = ", ".join(dict.fromkeys(names))
    chain.facts.append(f"{fixes.count(verdict.attached, 'attached route')}{f': {shown}' if shown else ''}")
    return chain.section()


def _accepts(one: Declared, verdict: ir.ListenerVerdict) -> str:
    kinds = ", ".join(kind for _, kind in verdict.kinds) or "no kind of route"
    return f"{kinds} from {_namespaces(one.spec.allowed, one.meta.namespace)}"


def _namespaces(allowed: AllowedRoutes, home: str) -> str:
    if allowed.namespaces == "Selector":
        return f"namespaces with {fixes.asked(allowed.selector)}"
    return {"All": "every namespace", "Same": f"namespace {home}"}.get(allowed.namespaces, "no namespace")


def _sets(world: World, gateway: Gateway, verdicts: ir.Verdicts) -> list[Section]:
    found = []
    for one in verdicts.sets:
        item = world.snapshot.get(ListenerSet, one.namespace, one.name)
        if isinstance(item, ListenerSet):
            chain = Chain(f"ListenerSet {fixes.named((one.namespace, one.name))}", ("listenerSet",))
            gates.listener_set(chain, world, item, gateway)
            found.append(chain.section())
    return found


def _refused(world: World, verdicts: ir.Verdicts, key: tuple[str, str, str]) -> Section | None:
    """Routes that name the object and are not accepted: facts, because each is another object's fault."""
    chain = Chain("routes that name it and are not accepted", ())
    for one in verdicts.parents:
        route = world.snapshot.get(one.kind, one.namespace, one.name)
        assert isinstance(route, Route), one
        ref = route.parents[one.number]
        if one.accepted.status is not True and (ref.kind, ref.namespace, ref.name) == key:
            name = f"{one.kind} {fixes.named((one.namespace, one.name))}"
            chain.facts.append(f"{name}: {one.accepted.reason}: {one.accepted.message.partition(';')[0]}")
    return chain.section() if chain.facts else None


def _ports(routing: ir.Routing) -> tuple[str, ...]:
    """Per port, for which hosts somebody answers."""
    found = [
        _port(table.port, table.protocol, [one.hostname or "every host" for one in table.entries], "gets 404")
        if request.listens(table)
        else _mute(table)
        for table in routing.tables
    ]
    found += [
        _port(table.port, table.protocol, [one.hostname or "everybody" for one in table.streams], "is closed")
        if request.listens(table)
        else _mute(table)
        for table in routing.streams
    ]
    return tuple(found) or ("nobody listens on any port",)


def _mute(table: ir.Table | ir.StreamTable) -> str:
    return f"port {table.port} ({table.protocol}): nobody can connect, no certificate can be used"


def _port(port: int, protocol: str, names: Sequence[str], otherwise: str) -> str:
    hosts = list(dict.fromkeys(names))
    more = f" and {len(hosts) - MOST} more" if len(hosts) > MOST else ""
    served = f"{', '.join(hosts[:MOST])}{more}; what no route matches" if hosts else "no route is attached: everything"
    return f"port {port} ({protocol}): {served} {otherwise}"
