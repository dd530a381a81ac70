"""A Service or BackendTLSPolicy: who sends requests there, over which routes, and why not.

Called by `explain`. Each backendRef of any route is a section, with the gates of its reference and the first failing
gate of its route, if any. This module must never decide whether a reference is permitted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from cloudgw.explain import answers, fixes, references, routes
from cloudgw.explain.model import Chain, Explanation, Section, World
from cloudgw.objects import (
    ROUTE_KINDS,
    BackendTLSPolicy,
    ObjectRef,
    RequestMirror,
    Route,
    Service,
    Unknown,
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
        chain = Chain(f"port {number}", ("endpoints", "backendTLS"))
        key = ir.BackendKey(namespace=meta.namespace, name=meta.name, port=number)
        references.endpoints(chain, world, key)
        if not chain.ended:
            references.tls(chain, world, key)
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


def of_policy(world: World, policy: BackendTLSPolicy) -> Explanation:
    meta = policy.meta
    where = conditions.origin("BackendTLSPolicy", meta)
    first = Chain("", ("object",))
    first.ok("object", f"it was read: the pods' certificate must be for {policy.hostname}", where)
    sections = [first.section()]
    for target in policy.targets:
        chain = Chain(
            f"target {target.kind} {target.name}{f' port {target.section}' if target.section else ''}", ("target",)
        )
        _target(chain, world, policy, target.kind, target.name)
        sections.append(chain.section())
    used = False
    for routing in world.resolution.gateways:
        for one in routing.verdicts.policies:
            if (one.namespace, one.name) == (meta.namespace, meta.name):
                used = True
                sections.append(_in_force(routing, one, policy))
    line = "a Gateway of ours sends to its Service" if used else "no Gateway of ours sends to its Services: no effect"
    return Explanation(
        kind="BackendTLSPolicy", namespace=meta.namespace, name=meta.name, sections=tuple(sections), answers=(line,)
    )


def _target(chain: Chain, world: World, policy: BackendTLSPolicy, kind: str, name: str) -> None:
    where = conditions.origin("BackendTLSPolicy", policy.meta, path="/spec/targetRefs")
    here = f"spec.targetRefs of {fixes.at(policy.meta, 'BackendTLSPolicy')}"
    if kind != "Service":
        chain.failed("target", f"{kind} {name} is no Service", where, f"name a Service in {here}")
        return
    found = world.snapshot.get(Service, policy.meta.namespace, name)
    full = fixes.named((policy.meta.namespace, name))
    if isinstance(found, Unknown):
        chain.unknown("target", found.reason, where, fixes.MORE_INPUT)
    elif found is None:
        near = fixes.meant(fixes.near(world.snapshot, "Service", policy.meta.namespace, name))
        fix = f"correct the name in {here}{near}; a policy targets Services of its own namespace only"
        chain.failed("target", f"Service {full} does not exist", where, fix)
    else:
        chain.ok("target", f"Service {full} exists", conditions.origin("Service", found.meta))


def _in_force(routing: ir.Routing, one: ir.PolicyVerdict, policy: BackendTLSPolicy) -> Section:
    chain = Chain(f"as Gateway {routing.owner} uses it", ("resolved", "accepted"))
    where = conditions.origin("BackendTLSPolicy", policy.meta, path="/spec/validation")
    for name, verdict in (("resolved", one.resolved), ("accepted", one.accepted)):
        if chain.ended:
            break
        if verdict.status is False:
            fix = f"correct {fixes.at(policy.meta, 'BackendTLSPolicy')}"
            chain.failed(name, f"{verdict.reason}: {verdict.message}", where, fix)
        elif verdict.status is None:
            chain.unknown(name, verdict.message, where, fixes.MORE_INPUT)
        else:
            chain.ok(name, verdict.message or verdict.reason, where)
    return chain.section()


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
