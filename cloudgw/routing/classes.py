"""Whose Gateway is it, and with which parameters?

Called by `resolve` for each Gateway. A class that cannot be seen is no reason to forget a Gateway: it is resolved with
its class Unknown, and what stands for it stays. This module must never look into parameters: the provider does.
"""

from __future__ import annotations

from cloudgw.objects import Gateway, GatewayClass, Note, Parameters, Snapshot, Unknown
from cloudgw.routing import conditions


def ours(
    snapshot: Snapshot, gateway: Gateway, controller_name: str, notes: list[Note]
) -> GatewayClass | Unknown | None:
    """The Gateway's class when it is ours, Unknown when that cannot be seen, None (and a note) when it is not."""
    found = snapshot.get(GatewayClass, "", gateway.class_name)
    if isinstance(found, Unknown) or (found is not None and found.controller == controller_name):
        return found
    reason = f"GatewayClass {gateway.class_name} does not exist"
    if found is not None:
        reason = f"GatewayClass {gateway.class_name} belongs to {found.controller}, not to {controller_name}"
    where = conditions.origin("Gateway", gateway.meta, path="/spec/gatewayClassName")
    notes.append(conditions.note("info", conditions.NOT_OURS, where, f"gatewayClassName: {reason}: left alone"))
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
    ref = gateway_class.parameters
    if ref is None:
        reason = "parametersRef: missing; name the parameters object that says where to create load balancers"
        notes.append(conditions.note("error", conditions.MISSING_PARAMETERS, where, reason))
        return None
    if ref.namespace:
        reason = f"parametersRef: namespace {ref.namespace} is ignored: a class's parameters are cluster-scoped"
        notes.append(conditions.note("warning", conditions.NOT_HONOURED, where, reason))
    found = snapshot.get(ref.kind, "", ref.name)
    if found is None:
        reason = f"parametersRef: {ref.kind} {ref.name} does not exist; create it, or correct the reference"
        notes.append(conditions.note("error", conditions.MISSING_PARAMETERS, where, reason))
        return None
    if isinstance(found, Unknown):
        reason = f"parametersRef: {ref.kind} {ref.name} cannot be seen ({found.reason})"
        notes.append(conditions.note("warning", conditions.UNKNOWN_INPUT, where, reason))
        return found
    if isinstance(found, Parameters):
        return found
    reason = f"parametersRef: {ref.kind} is no kind of parameters; refer to an object of group cloudgw.dev"
    notes.append(conditions.note("error", conditions.MISSING_PARAMETERS, where, reason))
    return None
