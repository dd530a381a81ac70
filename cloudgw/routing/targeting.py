"""Policies and the Services they target: which one is in force for a port, and why another one is not.

Called by `policies` and `backend_policies`. Older before younger, then by name; a policy for a named port before one
for the whole Service (https://gateway-api.sigs.k8s.io/geps/gep-713/, conflict resolution). Every list of policies here
is of one namespace and Service, the oldest first. This module must never look at what a policy says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from cloudgw.objects import BackendPolicy, BackendTLSPolicy, PolicyTarget, Service, Unknown
from cloudgw.routing import conditions, ir
from cloudgw.routing.index import Index

P = TypeVar("P", BackendPolicy, BackendTLSPolicy)


def in_force(index: Index, key: ir.BackendKey, policies: Sequence[P]) -> P | Unknown | None:
    """The one that applies to a Service port."""
    if not policies:
        return None
    service = index.snapshot.get(Service, key.namespace, key.name)
    if isinstance(service, Unknown):
        return Unknown(f"the port names of Service {key.namespace}/{key.name} are unknown ({service.reason})")
    ports = service.ports if isinstance(service, Service) else ()
    name = next((port.name for port in ports if (port.port, port.protocol) == (key.port, key.protocol)), "")
    # a port without a name cannot be named: "" in a target means the whole Service
    return _first(policies, key.name, name) or _first(policies, key.name, "")


def lost(index: Index, policy: P, policies: Iterable[tuple[str, Sequence[P]]]) -> tuple[bool, list[ir.Verdict]]:
    """Whether a policy is in force for one of its targets, and why not for each of the others. policies: by Service of
    those that count."""
    by_service = dict(policies)
    standings = [
        _standing(index, policy, target, by_service[target.name])
        for target in policy.targets
        if (target.group, target.kind) == ("", "Service") and target.name in by_service
    ]
    return None in standings, [one for one in standings if one is not None]


def nowhere(standings: Sequence[ir.Verdict]) -> ir.Verdict:
    """What is said of a policy that is in force for none of its targets."""
    order = (conditions.CONFLICTED, conditions.PENDING, conditions.TARGET_NOT_FOUND)
    return min(standings, key=lambda one: order.index(one.reason))


def _standing(index: Index, policy: P, target: PolicyTarget, policies: Sequence[P]) -> ir.Verdict | None:
    """Why the policy is not in force for a target, None when it is."""
    namespace, kind = policy.meta.namespace, type(policy).__name__
    named = f"targetRefs: Service {namespace}/{target.name}"
    service = index.snapshot.get(Service, namespace, target.name)
    if isinstance(service, Unknown):
        return ir.Verdict(status=None, reason=conditions.PENDING, message=f"{named} cannot be seen ({service.reason})")
    if service is None:
        message = f"{named} does not exist; create it, or correct the name"
        return ir.Verdict(status=False, reason=conditions.TARGET_NOT_FOUND, message=message)
    ports = [port.name for port in service.ports if port.name]
    if target.section and target.section not in ports:
        have = ", ".join(ports) or "none"
        message = f'{named} has no port named "{target.section}"; it has: {have}; correct sectionName'
        return ir.Verdict(status=False, reason=conditions.TARGET_NOT_FOUND, message=message)
    winner = _first(policies, target.name, target.section)
    if winner is None or winner.meta.name == policy.meta.name:
        return None
    what = f'port "{target.section}" of it' if target.section else "it"
    message = f"{named}: {kind} {winner.meta.name} is older and applies to {what}; remove one of the two"
    return ir.Verdict(status=False, reason=conditions.CONFLICTED, message=message)


def _first(policies: Sequence[P], service: str, section: str) -> P | None:
    """The oldest policy with exactly this target."""
    wanted = PolicyTarget(name=service, section=section)
    return next((one for one in policies if wanted in one.targets), None)
