"""BackendTLSPolicies: which one applies to a Service port, what it asks for, and what its status says.

Called by `backends` and, for the verdicts, by `resolve`. The older policy wins, one for a named port before one for the
whole Service (https://gateway-api.sigs.k8s.io/reference/spec/, BackendTLSPolicySpec). A policy that applies and cannot
be honoured must never be passed over for a younger one or for none: then nobody connects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cloudgw.objects import BackendTLSPolicy, Unknown
from cloudgw.routing import certificates, conditions, ir, targeting
from cloudgw.routing.index import Index

WELL_KNOWN = ("System",)
ALT_NAMES = ("Hostname", "URI")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What a policy says, whatever it targets. tls: where both verdicts allow it."""

    accepted: ir.Verdict
    resolved: ir.Verdict
    tls: ir.BackendTLS | Unknown | None = None


def of(index: Index, key: ir.BackendKey) -> ir.BackendTLS | ir.Verdict | Unknown | None:
    """What applies to a Service port: a Verdict says why the policy that applies cannot be honoured; None = no policy
    was seen: where there may be more than was seen, the routing is called incomplete."""
    namespace = key.namespace
    if unreadable := index.blind_policies.get(namespace):
        return Unknown(f"a BackendTLSPolicy of namespace {namespace} could not be read ({unreadable.reason})")
    applies = targeting.in_force(index, key, index.policies.get((namespace, key.name), ()))
    if not isinstance(applies, BackendTLSPolicy):
        return applies
    content = _content(index, applies)
    return content.accepted if content.accepted.status is False else content.tls


def verdicts(index: Index, keys: Iterable[ir.BackendKey]) -> tuple[ir.PolicyVerdict, ...]:
    """Of every policy that targets a Service of `keys`, by namespace and name. A policy has one verdict for a Gateway:
    it is accepted when it is in force for one of its targets."""
    services = {(key.namespace, key.name) for key in keys}
    policies = {service: index.policies.get(service, ()) for service in services}
    found = {(policy.meta.namespace, policy.meta.name): policy for ones in policies.values() for policy in ones}
    return tuple(
        _verdict(index, found[key], [(name, ones) for (home, name), ones in policies.items() if home == key[0]])
        for key in sorted(found)
    )


def _verdict(
    index: Index, policy: BackendTLSPolicy, policies: list[tuple[str, tuple[BackendTLSPolicy, ...]]]
) -> ir.PolicyVerdict:
    used, lost = targeting.lost(index, policy, policies)
    content = _content(index, policy)
    accepted = content.accepted if used else targeting.nowhere(lost)
    if used and lost and accepted.status:
        accepted = ir.Verdict(status=True, reason=accepted.reason, message=lost[0].message)
    return ir.PolicyVerdict(
        namespace=policy.meta.namespace, name=policy.meta.name, accepted=accepted, resolved=content.resolved
    )


def _content(index: Index, policy: BackendTLSPolicy) -> _Content:
    resolved = ir.Verdict(status=True, reason=conditions.RESOLVED_REFS)
    if wrong := _invalid(policy):
        return _Content(accepted=ir.Verdict(status=False, reason=conditions.INVALID, message=wrong), resolved=resolved)
    refs = certificates.authorities(index, policy.meta, policy.authorities)
    said: dict[str, str] = {}
    for one in refs:
        said.setdefault(one.state, f"validation.caCertificateRefs: {one.reason}")
    usable = tuple((one.fingerprint, one.pem) for one in refs if one.state == "found")
    bad = [one for one in refs if one.state not in ("found", "unknown")]
    if bad:
        reason = conditions.INVALID_KIND if bad[0].state == "kind" else conditions.INVALID_CA
        resolved = ir.Verdict(status=False, reason=reason, message=said[bad[0].state])
    elif "unknown" in said:
        resolved = ir.Verdict(status=None, reason=conditions.PENDING, message=said["unknown"])
    if refs and not usable:
        if "unknown" in said:
            accepted = ir.Verdict(status=None, reason=conditions.PENDING, message=said["unknown"])
            return _Content(accepted=accepted, resolved=resolved, tls=Unknown(said["unknown"]))
        accepted = ir.Verdict(status=False, reason=conditions.NO_VALID_CA, message=said[bad[0].state])
        return _Content(accepted=accepted, resolved=resolved)
    ignored = "options: none of them is known; they have no effect" if policy.options else ""
    return _Content(
        accepted=ir.Verdict(status=True, reason=conditions.ACCEPTED, message=ignored),
        resolved=resolved,
        tls=Unknown(said["unknown"])
        if "unknown" in said
        else ir.BackendTLS(
            hostname=policy.hostname,
            authorities=usable,
            well_known=policy.well_known,
            alt_names=policy.alt_names,
            origin=conditions.origin("BackendTLSPolicy", policy.meta, path="/spec/validation"),
        ),
    )


def _invalid(policy: BackendTLSPolicy) -> str:
    """What is wrong with a policy by itself, or ""."""
    # nobody can tell what an unknown field was meant to narrow
    if unknown := [pointer for pointer in policy.meta.unhandled if pointer.startswith("/spec")]:
        return f"{unknown[0]}: this field is not known; remove or correct it"
    if policy.authorities and policy.well_known:
        return "validation: caCertificateRefs and wellKnownCACertificates exclude each other; remove one of the two"
    if not policy.authorities and not policy.well_known:
        return "validation: neither caCertificateRefs nor wellKnownCACertificates is given; add one of the two"
    if policy.well_known and policy.well_known not in WELL_KNOWN:
        known = " or ".join(WELL_KNOWN)
        return f"validation.wellKnownCACertificates: {policy.well_known!r} is not supported; use {known}"
    if wrong := [kind for kind, _ in policy.alt_names if kind not in ALT_NAMES]:
        return f"validation.subjectAltNames: type {wrong[0]!r} is not known; use {' or '.join(ALT_NAMES)}"
    return ""
