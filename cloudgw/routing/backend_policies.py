"""BackendPolicies: which one applies to a Service port, what it asks for, and what its status says.

Called by `backends` and, for the verdicts, by `resolve`. A policy that applies and cannot be read whole leaves what it
may ask for Unknown, so that what stands stays: this module must never pass it over for a younger one or for none.
"""

from __future__ import annotations

from collections.abc import Iterable

from cloudgw.objects import BackendPolicy, Unknown
from cloudgw.routing import conditions, ir, targeting
from cloudgw.routing.index import Index


def of(index: Index, key: ir.BackendKey) -> ir.BackendPolicy | Unknown | None:
    """What applies to a Service port; None = no policy was seen, which says something only where `Routing.policed`."""
    if unreadable := index.blind_backend_policies.get(key.namespace):
        return Unknown(f"a BackendPolicy of namespace {key.namespace} could not be read ({unreadable.reason})")
    applies = targeting.in_force(index, key, index.backend_policies.get((key.namespace, key.name), ()))
    if not isinstance(applies, BackendPolicy):
        return applies
    if wrong := _invalid(applies):
        return Unknown(f"BackendPolicy {applies.meta.namespace}/{applies.meta.name}: {wrong}")
    return asked(applies)


def asked(policy: BackendPolicy) -> ir.BackendPolicy:
    """What a policy asks for, whether or not it applies anywhere."""
    return ir.BackendPolicy(
        check=policy.check,
        drain=policy.drain,
        affinity=policy.affinity,
        origin=conditions.origin("BackendPolicy", policy.meta),
    )


def verdicts(index: Index, keys: Iterable[ir.BackendKey]) -> tuple[ir.BackendPolicyVerdict, ...]:
    """Of every policy that targets a Service of `keys`, by namespace and name."""
    services = {(key.namespace, key.name) for key in keys}
    policies = {service: index.backend_policies.get(service, ()) for service in services}
    found = {(one.meta.namespace, one.meta.name): one for ones in policies.values() for one in ones}
    return tuple(
        _verdict(index, found[key], [(name, ones) for (home, name), ones in policies.items() if home == key[0]])
        for key in sorted(found)
    )


def _verdict(
    index: Index, policy: BackendPolicy, policies: list[tuple[str, tuple[BackendPolicy, ...]]]
) -> ir.BackendPolicyVerdict:
    used, lost = targeting.lost(index, policy, policies)
    if wrong := _invalid(policy):
        accepted = ir.Verdict(status=False, reason=conditions.INVALID, message=wrong)
    elif used:
        said = lost[0].message if lost else ""
        accepted = ir.Verdict(status=True, reason=conditions.ACCEPTED, message=said)
    else:
        accepted = targeting.nowhere(lost)
    return ir.BackendPolicyVerdict(
        namespace=policy.meta.namespace, name=policy.meta.name, accepted=accepted, asks=asked(policy).asks
    )


def _invalid(policy: BackendPolicy) -> str:
    """What is wrong with a policy by itself, or "": nobody can tell what an unknown field was meant to say."""
    unknown = [pointer for pointer in policy.meta.unhandled if pointer.startswith("/spec")]
    return f"{unknown[0]}: this field is not known; remove or correct it" if unknown else ""
