"""A BackendTLSPolicy or BackendPolicy: which Services it is about, and what each Gateway makes of it.

Called by `explain`; `gate` by `services`, for the policy that a Service port has. It must never decide which of two
policies wins.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloudgw.explain import fixes
from cloudgw.explain.model import Chain, Explanation, Section, World
from cloudgw.objects import BackendPolicy, BackendTLSPolicy, Service, Unknown, kind_of
from cloudgw.routing import backend_policies, conditions, ir


def gate(chain: Chain, world: World, key: ir.BackendKey) -> None:
    """Adds the gate `backendPolicy`: what is asked of every load balancer that sends to a Service port."""
    found = backend_policies.of(world.view, key)
    if isinstance(found, Unknown):
        chain.unknown("backendPolicy", f"what stands stays: {found.reason}", None, fixes.MORE_INPUT)
    elif found is None:
        chain.ok("backendPolicy", "no BackendPolicy targets it: each cloud checks and drains in its own way")
    else:
        name = f"BackendPolicy {found.origin.namespace}/{found.origin.name}"
        chain.ok("backendPolicy", f"{name}: {', '.join(found.asks) or 'asks for nothing'}", found.origin)


def of_policy(world: World, policy: BackendTLSPolicy | BackendPolicy) -> Explanation:
    meta, kind = policy.meta, kind_of(policy)
    first = Chain("", ("object",))
    if isinstance(policy, BackendTLSPolicy):
        about = f"the pods' certificate must be for {policy.hostname}"
    else:
        about = ", ".join(backend_policies.asked(policy).asks) or "it asks for nothing"
    first.ok("object", f"it was read: {about}", conditions.origin(kind, meta))
    sections = [first.section()]
    for target in policy.targets:
        title = f"target {target.kind} {target.name}{f' port {target.section}' if target.section else ''}"
        chain = Chain(title, ("target",))
        _target(chain, world, policy, target.kind, target.name)
        sections.append(chain.section())
    used = [
        _in_force(routing, policy, verdicts)
        for routing in world.resolution.gateways
        for verdicts in _verdicts(routing, kind, (meta.namespace, meta.name))
    ]
    line = "a Gateway of ours sends to its Service" if used else "no Gateway of ours sends to its Services: no effect"
    return Explanation(
        kind=kind, namespace=meta.namespace, name=meta.name, sections=(*sections, *used), answers=(line,)
    )


def _target(chain: Chain, world: World, policy: BackendTLSPolicy | BackendPolicy, kind: str, name: str) -> None:
    own = kind_of(policy)
    where = conditions.origin(own, policy.meta, path="/spec/targetRefs")
    here = f"spec.targetRefs of {fixes.at(policy.meta, own)}"
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


def _verdicts(routing: ir.Routing, kind: str, key: tuple[str, str]) -> list[Mapping[str, ir.Verdict]]:
    """By gate, what a Gateway says of a policy; nothing where it does not send to its Services."""
    if kind == BackendTLSPolicy.__name__:
        said = [one for one in routing.verdicts.policies if (one.namespace, one.name) == key]
        return [{"resolved": one.resolved, "accepted": one.accepted} for one in said]
    asked = [one for one in routing.verdicts.backend_policies if (one.namespace, one.name) == key]
    return [{"accepted": one.accepted} for one in asked]


def _in_force(
    routing: ir.Routing, policy: BackendTLSPolicy | BackendPolicy, verdicts: Mapping[str, ir.Verdict]
) -> Section:
    kind = kind_of(policy)
    chain = Chain(f"as Gateway {routing.owner} uses it", tuple(verdicts))
    path = "/spec/validation" if isinstance(policy, BackendTLSPolicy) else "/spec"
    where = conditions.origin(kind, policy.meta, path=path)
    for name, verdict in verdicts.items():
        if chain.ended:
            break
        if verdict.status is False:
            fix = f"correct {fixes.at(policy.meta, kind)}"
            chain.failed(name, f"{verdict.reason}: {verdict.message}", where, fix)
        elif verdict.status is None:
            chain.unknown(name, verdict.message, where, fixes.MORE_INPUT)
        else:
            chain.ok(name, verdict.message or verdict.reason, where)
    return chain.section()
