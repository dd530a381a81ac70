"""A Service: who sends requests there, over which routes, and why not.

Called by `explain`. Each backendRef of any route is a section, with the gates of its reference and the first failing
gate of its route, if any. This module must never decide whether a reference is permitted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from cloudgw.explain import answers, fixes, policies, references, routes
from cloudgw.explain.model import Chain, Explanation, Section, World
from cloudgw.objects import (
    ROUTE_KINDS,
    ObjectRef,
    RequestMirror,
    Route,
    Service,
)
from cloudgw.routing import attach, conditions, ir


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A reference to a Service in `route.rules[number]`."""

    route: Route
    number: int
    field: str
    ref: ObjectRef
    port: int


def of_service(world: World, service: Service) -> Explanation:
    meta = service.meta
    where = conditions.origin("Service", meta)
    first = Chain("", ("object",))
    ports = ", ".join(f"{one.port}{f' {one.name}' if one.name else ''}/{one.protocol}" for one in service.ports)
    first.ok("object", f"it was read: {service.type}, ports {ports or 'none'}", where)
    uses = list(_uses(world, meta.namespace, meta.name))
    numbers = [one.port for one in service.ports if one.port in {use.port for use in uses}] or [
        one.port for one in service.ports
    ]
    sections = [first.section()]
    for number in numbers:
        chain = Chain(f"port {number}", ("endpoints", "backendTLS", "backendPolicy"))
        key = ir.BackendKey(namespace=meta.namespace, name=meta.name, port=number)
        references.endpoints(chain, world, key)
        if not chain.ended:
            references.tls(chain, world, key)
        if not chain.ended:
            policies.gate(chain, world, key)
        sections.append(chain.section())
    sections += [_use(world, one) for one in uses]
    sends = [one for one in uses if _sends(world, one)]
    names = dict.fromkeys(
        f"{one.route.kind} {fixes.named(attach.key_of(one.route)[1:])} sends requests to port {one.port}"
        for one in sends
    )
    nobody = "no route sends requests to it" + (f" ({len(uses)} name it)" if uses else ": none names it")
    return Explanation(
        kind="Service",
        namespace=meta.namespace,
        name=meta.name,
        sections=tuple(sections),
        answers=tuple(names) or (nobody,),
    )


def _uses(world: World, namespace: str, name: str) -> Iterator[Use]:
    for kind in ROUTE_KINDS:
        for route in world.snapshot.all(kind):
            for number, rule in enumerate(route.rules):
                named = [(f"backendRefs[{position}]", one.ref, one.port) for position, one in enumerate(rule.backends)]
                named += [
                    (f"filters[{position}]", one.ref, one.port)
                    for position, one in enumerate(rule.filters)
                    if isinstance(one, RequestMirror)
                ]
                for field, ref, port in named:
                    if (ref.group, ref.kind, ref.namespace, ref.name) == ("", "Service", namespace, name):
                        yield Use(route=route, number=number, field=field, ref=ref, port=port)


def _use(world: World, one: Use) -> Section:
    """The gates of one reference where one fails, else one gate for all; then the route's own first failing gate."""
    route, meta = one.route, one.route.meta
    name = f"{route.kind} {fixes.named((meta.namespace, meta.name))}"
    title = f"{name} {conditions.rule_section(route.rules[one.number], one.number)}, {one.field}: port {one.port}"
    gates = references.explain(world, route, one.number, one.field, one.ref, one.port, title).gates
    gates = tuple(gate for gate in gates if gate.name not in ("endpoints", "backendTLS"))
    if any(gate.state == "failed" for gate in gates):
        return Section(title=title, gates=gates)
    doubts = tuple(gate for gate in gates if gate.state == "unknown")
    chain = Chain(title, ("reference", "route"))
    for gate in doubts:
        chain.add(gate)
    if not doubts:
        chain.ok("reference", f"it may send to port {one.port}", gates[0].origin)
    cause = routes.explain(world, route).cause
    where = conditions.origin(route.kind, meta)
    if cause is not None and cause.state == "failed" and cause.name not in ("endpoints", "backendTLS"):
        chain.add(dataclasses.replace(cause, name="route", evidence=f"fails at gate {cause.name}: {cause.evidence}"))
    elif any(_attached(world, one)):
        chain.ok("route", "it is attached", where)
    else:
        chain.unknown("route", "whether it is attached to a Gateway of ours cannot be seen", where)
    return chain.section()


def _attached(world: World, one: Use) -> Iterator[bool]:
    key = (one.route.kind, one.route.meta.namespace, one.route.meta.name)
    for routing in world.resolution.gateways:
        for parent in routing.verdicts.parents:
            yield (parent.kind, parent.namespace, parent.name) == key and bool(parent.listeners)


def _sends(world: World, one: Use) -> bool:
    """Whether an entry or stream of the route sends requests there."""
    key = ir.BackendKey(namespace=one.ref.namespace, name=one.ref.name, port=one.port)
    route = attach.key_of(one.route)
    path = f"/spec/rules/{one.number}"
    return any(
        isinstance(item.action, ir.Forward) and any(share.to == key for share in item.action.shares)
        for routing in world.resolution.gateways
        for item in answers.entries(routing, route, path)
    )
