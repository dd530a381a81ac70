"""Which listeners of a Gateway can be programmed, with their certificates, and why the others cannot.

Called by `resolve`. A listener that cannot be programmed still owns its hosts: `tables` sees to it that no less
specific listener answers for them. Reasons are evaluated in the order of
https://gateway-api.sigs.k8s.io/reference/spec/, ListenerConditionReason. This module must never look at routes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from cloudgw.objects import GATEWAY_GROUP, ClientValidation, Gateway, Note, Origin, Unknown
from cloudgw.routing import certificates, conditions, conflicts, hostnames, ir
from cloudgw.routing.index import Index
from cloudgw.routing.sets import Declared

KINDS = {
    "HTTP": ("HTTPRoute", "GRPCRoute"),
    "HTTPS": ("HTTPRoute", "GRPCRoute"),
    "TLS": ("TLSRoute",),
    "TCP": ("TCPRoute",),
    "UDP": ("UDPRoute",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A listener, in order of precedence. refused: why it is not programmed, "" when it is. family: listeners of one
    family share a port and are told apart by hostname. unknown: whether it is one of this Gateway's cannot be seen.
    verdict.attached is filled in later."""

    declared: Declared
    listener: ir.Listener
    family: str
    refused: str = ""
    verdict: ir.ListenerVerdict

    @property
    def unknown(self) -> Unknown | None:
        return self.declared.unknown


def stand(index: Index, gateway: Gateway, declared: Sequence[Declared], notes: list[Note]) -> list[Standing]:
    """Every listener; adds a note for each one that is not programmed, and each reference that is not usable."""
    lost, doubted = conflicts.find(declared)
    declared = [dataclasses.replace(one, unknown=one.unknown or doubted.get(one.id)) for one in declared]
    overlaps = conflicts.overlapping(declared)
    found = [_stand(index, gateway, one, lost.get(one.id), overlaps.get(one.id, ""), notes) for one in declared]
    return [_overlapping_certificates(one, found) for one in found]


def _stand(
    index: Index,
    gateway: Gateway,
    declared: Declared,
    conflict: tuple[str, str] | None,
    overlap: str,
    notes: list[Note],
) -> Standing:
    spec, where = declared.spec, declared.origin()
    held = certificates.of_listener(index, declared) if _terminates(declared) else ()
    references = [
        _reference(one.state, f"tls.certificateRefs: {one.reason}", conditions.INVALID_CERTIFICATE, one.origin, notes)
        for one in held
        if one.state != "found"
    ]
    validation = _validation(gateway, declared)
    found = certificates.authorities(index, gateway.meta, validation.authorities) if validation else []
    frontend = conditions.origin("Gateway", gateway.meta, path="/spec/tls/frontend")
    references += [
        _reference(one.state, f"tls.frontend: caCertificateRefs: {one.reason}", conditions.INVALID_CA, frontend, notes)
        for one in found
        if one.state != "found"
    ]
    kinds, strange = _kinds(declared)
    if strange:
        references.append(ir.Verdict(status=False, reason=conditions.INVALID_ROUTE_KINDS, message=strange))
        notes.append(conditions.note("warning", conditions.INVALID_ROUTE_KINDS, where, strange))
    code, refused = conflict or _refusal(declared, held, validation, found)
    if refused:
        notes.append(conditions.note("error", code, where, f"{refused}; nothing is programmed for this listener"))
    for pointer in spec.unhandled:
        if pointer in refused:
            continue
        notes.append(
            conditions.note("warning", conditions.NOT_HONOURED, where, f"{pointer}: not honoured; it has no effect")
        )
    if code == conditions.INVALID_TLS:
        references.append(ir.Verdict(status=False, reason=conditions.INVALID_CERTIFICATE, message=refused))
    accepted = not refused or code in (conditions.INVALID_CERTIFICATE, conditions.INVALID_TLS)
    listener = ir.Listener(
        name=spec.name,
        owner=declared.key,
        port=spec.port,
        protocol=spec.protocol,
        hostname=spec.hostname,
        tls_mode=spec.tls_mode,
        certificates=held,
        client=_client(validation, found),
        origin=where,
    )
    return Standing(
        declared=declared,
        family=conflicts.FAMILIES.get(spec.protocol, spec.protocol),
        refused=refused,
        listener=listener,
        verdict=ir.ListenerVerdict(
            id=declared.id,
            name=spec.name,
            owner=declared.key,
            accepted=_accepted(declared.unknown)
            if accepted
            else ir.Verdict(status=False, reason=code, message=refused),
            resolved=conditions.resolved(references),
            programmed=_programmed(code if code in _TOLD else "Invalid", refused, held, declared.unknown),
            conflicted=ir.Verdict(status=True, reason=code, message=refused) if code in _CONFLICTS else None,
            overlapping=ir.Verdict(status=True, reason="OverlappingHostnames", message=overlap) if overlap else None,
            kinds=() if code in (conditions.UNSUPPORTED_PROTOCOL, conditions.UNSUPPORTED_VALUE) else kinds,
        ),
    )


_CONFLICTS = (conditions.PROTOCOL_CONFLICT, conditions.HOSTNAME_CONFLICT, conditions.LISTENER_CONFLICT)
_TOLD = (*_CONFLICTS, conditions.INVALID_TLS)  # reasons that Programmed has too


def _yes(reason: str) -> ir.Verdict:
    return ir.Verdict(status=True, reason=reason)


def _accepted(unknown: Unknown | None) -> ir.Verdict:
    if unknown is None:
        return _yes("Accepted")
    return ir.Verdict(status=None, reason=conditions.PENDING, message=unknown.reason)


def _programmed(code: str, refused: str, held: Sequence[ir.Certificate], unknown: Unknown | None) -> ir.Verdict | None:
    if refused:
        return ir.Verdict(status=False, reason=code, message=refused)
    if unknown is not None:
        return ir.Verdict(status=None, reason="Pending", message=unknown.reason)
    if held and not any(one.state in ("found", "unknown") for one in held):
        return ir.Verdict(status=False, reason="Invalid", message="none of its certificates can be used")
    return None


def _overlapping_certificates(one: Standing, others: Sequence[Standing]) -> Standing:
    """A certificate that is good for another listener's hostname too: clients may reuse its connections there."""
    if one.verdict.overlapping is not None or not one.listener.certificates:
        return one
    names = {name for held in one.listener.certificates if held.state == "found" for name in held.names}
    shared = [
        f'"{other.listener.name}" ({other.listener.hostname})'
        for other in others
        if other is not one
        and (other.listener.port, other.family) == (one.listener.port, one.family)
        and other.listener.hostname
        and any(hostnames.covers(name, other.listener.hostname) for name in names)
    ]
    if not shared:
        return one
    message = (
        f"its certificate is also good for listener {', '.join(shared)} on port {one.listener.port}: a client that "
        "reuses a connection may meet the wrong one"
    )
    verdict = ir.Verdict(status=True, reason="OverlappingCertificates", message=message)
    return dataclasses.replace(one, verdict=dataclasses.replace(one.verdict, overlapping=verdict))


def _terminates(declared: Declared) -> bool:
    spec = declared.spec
    return spec.protocol == "HTTPS" or (spec.protocol == "TLS" and spec.tls_mode == "Terminate")


def _reference(state: str, reason: str, otherwise: str, where: Origin, notes: list[Note]) -> ir.Verdict:
    """What is wrong with a reference, said once. reason: "<field>: <reason>"; otherwise: the code where the state has
    none of its own."""
    code = certificates.code(state, otherwise)
    said = conditions.note("warning" if state == "unknown" else "error", code, where, reason)
    if said not in notes:
        notes.append(said)
    return ir.Verdict(status=None if state == "unknown" else False, reason=code, message=reason)


def _validation(gateway: Gateway, declared: Declared) -> ClientValidation | None:
    """What the Gateway asks of clients on this listener: that of the port replaces the default. HTTPS only."""
    if gateway.frontend is None or declared.spec.protocol != "HTTPS":
        return None
    return dict(gateway.frontend.per_port).get(declared.spec.port, gateway.frontend.default)


def _client(validation: ClientValidation | None, found: Sequence[certificates.Authority]) -> ir.ClientValidation | None:
    if validation is None:
        return None
    unseen = next((one for one in found if one.state == "unknown"), None)
    return ir.ClientValidation(
        authorities=Unknown(unseen.reason)
        if unseen
        else tuple((one.fingerprint, one.pem) for one in found if one.state == "found"),
        insecure=validation.mode == "AllowInsecureFallback",
    )


def _kinds(declared: Declared) -> tuple[tuple[tuple[str, str], ...], str]:
    """supportedKinds, and which of allowedRoutes.kinds are none."""
    able = KINDS.get(declared.spec.protocol, ())
    asked = declared.spec.allowed.kinds
    if not asked:
        return tuple((GATEWAY_GROUP, kind) for kind in able), ""
    good = tuple(dict.fromkeys(one for one in asked if one[0] == GATEWAY_GROUP and one[1] in able))
    bad = [f"{kind} ({group or 'core'})" for group, kind in asked if (group, kind) not in good]
    strange = ""
    if bad:
        may = f"protocol {declared.spec.protocol} carries {' and '.join(able)}" if able else "the protocol carries none"
        strange = f"allowedRoutes.kinds: {', '.join(bad)}: no route of that kind can attach here; {may}"
    return good, strange


def _narrowing(declared: Declared) -> str:
    """A field that nobody knows, where it may have been meant to narrow who gets in; "" = none."""
    pointers = [one for one in declared.spec.unhandled if "/tls/" in one or "/allowedRoutes" in one]
    if declared.spec.protocol == "HTTPS" and declared.kind == "Gateway":
        pointers += [one for one in declared.meta.unhandled if one.startswith("/spec/tls/frontend")]
    return next((one for one in pointers if "/tls/options" not in one), "")


def _refusal(
    declared: Declared,
    held: tuple[ir.Certificate, ...],
    validation: ClientValidation | None,
    found: Sequence[certificates.Authority],
) -> tuple[str, str]:
    spec = declared.spec
    if spec.protocol not in KINDS:
        reason = f"protocol: {spec.protocol} is not supported; use one of {', '.join(KINDS)}"
        return conditions.UNSUPPORTED_PROTOCOL, reason
    if strange := _narrowing(declared):
        reason = f"{strange}: this field is not known, and it may have been meant to keep somebody out; correct it"
        return conditions.UNSUPPORTED_VALUE, reason
    if spec.protocol not in ("HTTPS", "TLS") and spec.tls_mode:
        reason = f"tls: protocol {spec.protocol} carries no TLS; use {'HTTPS' if spec.protocol == 'HTTP' else 'TLS'}"
        return conditions.UNSUPPORTED_VALUE, f"{reason}, or remove `tls`"
    if spec.protocol in conflicts.WITHOUT_HOSTNAME and spec.hostname:
        return conditions.UNSUPPORTED_VALUE, f"hostname: protocol {spec.protocol} knows none; remove it"
    if spec.protocol == "HTTPS" and spec.tls_mode not in ("", "Terminate"):
        return conditions.UNSUPPORTED_VALUE, f"tls.mode: {spec.tls_mode} is not possible with HTTPS; use Terminate"
    if spec.protocol == "TLS" and spec.tls_mode not in ("Terminate", "Passthrough"):
        said = f"{spec.tls_mode!r} is not known" if spec.tls_mode else "missing"
        return conditions.UNSUPPORTED_VALUE, f"tls.mode: {said}; use Terminate or Passthrough"
    if validation is not None and not any(one.state in ("found", "unknown") for one in found):
        reason = "tls.frontend: none of the caCertificateRefs can be used, and without one no client can be checked"
        return conditions.NO_VALID_CA, reason
    if not _terminates(declared):
        return "", ""
    if not held:
        return conditions.INVALID_TLS, "tls.certificateRefs: empty; refer to a kubernetes.io/tls Secret"
    if all(certificate.state == "refused" for certificate in held):
        return conditions.INVALID_CERTIFICATE, "tls.certificateRefs: none of the certificates may be used"
    return "", ""
