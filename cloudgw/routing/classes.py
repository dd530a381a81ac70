"""Whose Gateway is it, and with which parameters?

Called by `resolve` for each Gateway. A class that cannot be seen is no reason to forget a Gateway: it is resolved with
its class Unknown, and what stands for it stays. This module must never look into parameters: the provider does.
"""

from __future__ import annotations

from cloudgw.objects import (
    OWN_GROUP,
    CustomResourceDefinition,
    Gateway,
    GatewayClass,
    Note,
    Parameters,
    Snapshot,
    Unknown,
)
from cloudgw.routing import conditions, ir

KNOWN_RELEASES = ("v1.5.", "v1.6.", "v1.7.")


def ours(
    snapshot: Snapshot, gateway: Gateway, controller_name: str, notes: list[Note]
) -> GatewayClass | Unknown | None:
    """The Gateway's class when it is ours, Unknown when that cannot be seen, None (and a note) when it is not."""
    found = snapshot.get(GatewayClass, "", gateway.class_name)
    if isinstance(found, Unknown) or (found is not None and found.controller == controller_name):
        return found
    where = conditions.origin("Gateway", gateway.meta, path="/spec/gatewayClassName")
    if found is None:
        have = ", ".join(one.meta.name for one in snapshot.all(GatewayClass) if one.controller == controller_name)
        reason = (
            f"GatewayClass {gateway.class_name} does not exist: the Gateway is left alone; create the class, or "
            f"correct the name; classes of ours: {have or 'none'}"
        )
        notes.append(conditions.note("warning", conditions.MISSING_CLASS, where, f"gatewayClassName: {reason}"))
        return None
    reason = f"GatewayClass {gateway.class_name} belongs to {found.controller}, not to {controller_name}: left alone"
    notes.append(conditions.note("info", conditions.NOT_OURS, where, f"gatewayClassName: {reason}"))
    return None


def parameters(
    snapshot: Snapshot, gateway_class: GatewayClass | Unknown, notes: list[Note]
) -> Parameters | Unknown | None:
    """The parameters object of a class: Found, Unknown, or None (and a note)."""
    if isinstance(gateway_class, Unknown):
        return Unknown(f"the GatewayClass is unknown ({gateway_class.reason})")
    where = conditions.origin("GatewayClass", gateway_class.meta, path="/spec/parametersRef")
    for pointer in gateway_class.meta.unhandled:
        reason = f"{pointer}: not honoured; it has no effect"
        notes.append(conditions.note("warning", conditions.NOT_HONOURED, where, reason))
    found = _parameters(snapshot, gateway_class)
    if isinstance(found, str):
        notes.append(conditions.note("error", conditions.MISSING_PARAMETERS, where, f"parametersRef: {found}"))
        return None
    if isinstance(found, Unknown):
        notes.append(conditions.note("warning", conditions.UNKNOWN_INPUT, where, f"parametersRef: {found.reason}"))
    return found


def verdict(snapshot: Snapshot, gateway_class: GatewayClass) -> ir.Verdict:
    """Whether the class is accepted, as far as its reference goes: what the parameters say is the provider's."""
    found = _parameters(snapshot, gateway_class)
    if isinstance(found, str):
        return ir.Verdict(status=False, reason=conditions.INVALID_PARAMETERS, message=f"parametersRef: {found}")
    if isinstance(found, Unknown):
        return ir.Verdict(status=None, reason="Pending", message=f"parametersRef: {found.reason}")
    return ir.Verdict(status=True, reason="Accepted")


def version(snapshot: Snapshot) -> ir.Verdict | None:
    """Whether the installed definitions are of a release that we know; None when none was seen."""
    bundles = sorted({one.bundle for one in snapshot.all(CustomResourceDefinition) if one.bundle})
    if not bundles:
        return None
    strange = [bundle for bundle in bundles if not bundle.startswith(KNOWN_RELEASES)]
    if not strange:
        return ir.Verdict(status=True, reason="SupportedVersion")
    message = (
        f"the Gateway API is installed in {', '.join(strange)}, which is not known; what is known of it is honoured; "
        f"install one of {', '.join(release.rstrip('.') for release in KNOWN_RELEASES)}"
    )
    return ir.Verdict(status=False, reason="UnsupportedVersion", message=message)


def _parameters(snapshot: Snapshot, gateway_class: GatewayClass) -> Parameters | Unknown | str:
    """str: why there are none."""
    ref = gateway_class.parameters
    if ref is None:
        return "missing; name the parameters object that says where to create load balancers"
    if ref.group != OWN_GROUP:
        group = f"group {ref.group}" if ref.group else "the core group"
        return f"{ref.kind} of {group} is not known; refer to a parameters object of group {OWN_GROUP}"
    if ref.namespace:
        return f"namespace {ref.namespace}: a class's parameters are cluster-scoped; remove `namespace`"
    found = snapshot.get(ref.kind, "", ref.name)
    if found is None:
        return f"{ref.kind} {ref.name} does not exist; create it, or correct the reference"
    if isinstance(found, Unknown):
        return Unknown(f"{ref.kind} {ref.name} cannot be seen ({found.reason})")
    if isinstance(found, Parameters):
        return found
    return f"{ref.kind} is no kind of parameters; refer to an object of group {OWN_GROUP}"
