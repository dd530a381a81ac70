"""Which listeners of a Gateway can be programmed, with their certificates, and why the others cannot.

Called by `resolve`. A listener that cannot be programmed still owns its hosts: `tables` sees to it that no less
specific listener answers for them. This module must never look at routes.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudgw.objects import Gateway, Listener, Note
from cloudgw.routing import certificates, conditions, conflicts, ir
from cloudgw.routing.index import Index

FRONTEND_VALIDATION = "/spec/tls/frontend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A listener by its position in the Gateway. refused: why it is not programmed, "" when it is. family: listeners
    of one family share a port and are told apart by hostname."""

    position: int
    listener: ir.Listener
    family: str
    refused: str = ""


def stand(index: Index, gateway: Gateway, notes: list[Note]) -> list[Standing]:
    """Every listener, in the order written; adds a note for each one that is not programmed, and each certificate that
    is not usable."""
    lost = conflicts.find(gateway.listeners)
    return [
        _stand(index, gateway, position, listener, lost.get(position), notes)
        for position, listener in enumerate(gateway.listeners)
    ]


def _stand(
    index: Index,
    gateway: Gateway,
    position: int,
    listener: Listener,
    conflict: tuple[str, str] | None,
    notes: list[Note],
) -> Standing:
    where = conditions.origin(
        "Gateway", gateway.meta, section=f'listener "{listener.name}"', path=f"/spec/listeners/{position}"
    )
    held = certificates.resolve(index, gateway, listener, position) if listener.protocol == "HTTPS" else ()
    for certificate in held:
        if certificate.state != "found":
            level: conditions.Level = "warning" if certificate.state == "unknown" else "error"
            code = conditions.REF_NOT_PERMITTED if certificate.state == "refused" else conditions.INVALID_CERTIFICATE
            code = conditions.UNKNOWN_INPUT if certificate.state == "unknown" else code
            notes.append(conditions.note(level, code, certificate.origin, f"tls.certificateRefs: {certificate.reason}"))
    code, refused = conflict or _refusal(gateway, listener, held)
    if refused:
        notes.append(conditions.note("error", code, where, f"{refused}; nothing is programmed for this listener"))
    for pointer in listener.unhandled:
        notes.append(
            conditions.note("warning", conditions.NOT_HONOURED, where, f"{pointer}: not honoured; it has no effect")
        )
    return Standing(
        position=position,
        family=conflicts.FAMILIES.get(listener.protocol, listener.protocol),
        refused=refused,
        listener=ir.Listener(
            name=listener.name,
            owner=("Gateway", gateway.meta.namespace, gateway.meta.name),
            port=listener.port,
            protocol=listener.protocol,
            hostname=listener.hostname,
            certificates=held,
            origin=where,
        ),
    )


def _refusal(gateway: Gateway, listener: Listener, held: tuple[ir.Certificate, ...]) -> tuple[str, str]:
    if listener.protocol not in ("HTTP", "HTTPS"):
        return (
            conditions.UNSUPPORTED_PROTOCOL,
            f"protocol: {listener.protocol} is not supported yet; use HTTP or HTTPS",
        )
    if listener.protocol == "HTTP":
        return "", ""
    if listener.tls_mode not in ("", "Terminate"):
        return conditions.UNSUPPORTED_VALUE, f"tls.mode: {listener.tls_mode} is not possible with HTTPS; use Terminate"
    if any(pointer.startswith(FRONTEND_VALIDATION) for pointer in gateway.meta.unhandled):
        reason = "client certificates are not validated yet, and without that anybody could connect; remove the field"
        return conditions.UNSUPPORTED_VALUE, f"{FRONTEND_VALIDATION}: {reason}"
    if not held:
        return conditions.INVALID_CERTIFICATE, "tls.certificateRefs: empty; refer to a kubernetes.io/tls Secret"
    if all(certificate.state == "refused" for certificate in held):
        return conditions.INVALID_CERTIFICATE, "tls.certificateRefs: none of the certificates may be used"
    return "", ""
