"""BackendTLSPolicies: which one applies to a Service port, what it asks for, and what its status says.

Called by `backends` and, for the verdicts, by `resolve`. The older policy wins, one for a named port before one for the
whole Service (https://gateway-api.sigs.k8s.io/reference/spec/, BackendTLSPolicySpec). A policy that applies and cannot
be honoured must never be passed over for a younger one or for none: then nobody connects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cloudgw.objects import BackendTLSPolicy, PolicyTarget, Service, Unknown
from cloudgw.routing import certificates, conditions, ir
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
    candidates = index.policies.get((namespace, key.name))
    if not candidates:
        return None
    service = index.snapshot.get(Service, namespace, key.name)
    if isinstance(service, Unknown):
        return Unknown(f"the port names of Service {namespace}/{key.name} are unknown ({service.reason})")
    ports = service.ports if isinstance(service, Service) else ()
    name = next((port.name for port in ports if (port.port, port.protocol) == (key.port, key.protocol)), "")
    # a port without a name cannot be named: "" in a target means the whole Service
    applies = _first(index, namespace, key.name, name) or _first(index, namespace, key.name, "")
    if applies is not None:
        content = _content(index, applies)
        return content.accepted if content.accepted.status is False else content.tls
    return None


def verdicts(index: Index, keys: Iterable[ir.BackendKey]) -> tuple[ir.PolicyVerdict, ...]:
    """Of every policy that targets a Service of `keys`, by namespace and name. A policy has one verdict for a Gateway:
    it is accepted when it is in force for one of its targets."""
    services = {(key.namespace, key.name) for key in keys}
    found = {
        (policy.meta.namespace, policy.meta.name): policy
        for service in services
        for policy in index.policies.get(service, ())
    }
    return tuple(_verdict(index, found[key], services) for key in sorted(found))


def _verdict(index: Index, policy: BackendTLSPolicy, services: set[tuple[str, str]]) -> ir.PolicyVerdict:
    namespace = policy.meta.namespace
    standings = [
        _standing(index, policy, target)
        for target in policy.targets
        if (target.group, target.kind) == ("", "Service") and (namespace, target.name) in services
    ]
    content = _content(index, policy)
    lost = [one for one in standings if one is not None]
    if None in standings:
        accepted = content.accepted
        if lost and accepted.status:
            accepted = ir.Verdict(status=True, reason=accepted.reason, message=lost[0].message)
    else:
        order = (conditions.CONFLICTED, conditions.PENDING, conditions.TARGET_NOT_FOUND)
        accepted = min(lost, key=lambda one: order.index(one.reason))
    return ir.PolicyVerdict(namespace=namespace, name=policy.meta.name, accepted=accepted, resolved=content.resolved)


def _standing(index: Index, policy: BackendTLSPolicy, target: PolicyTarget) -> ir.Verdict | None:
    """Why the policy is not in force for a target, None when it is."""
    namespace = policy.meta.namespace
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
    winner = _first(index, namespace, target.name, target.section)
    if winner is None or winner.meta.name == policy.meta.name:
        return None
    what = f'port "{target.section}" of it' if target.section else "it"
    message = f"{named}: BackendTLSPolicy {winner.meta.name} is older and applies to {what}; remove one of the two"
    return ir.Verdict(status=False, reason=conditions.CONFLICTED, message=message)


def _first(index: Index, namespace: str, service: str, section: str) -> BackendTLSPolicy | None:
    """The oldest policy with exactly this target."""
    wanted = PolicyTarget(name=service, section=section)
    return next((one for one in index.policies.get((namespace, service), ()) if wanted in one.targets), None)


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
