"""What the references of listeners lead to: certificates, and authorities that clients' certificates are checked by.

Called by `listeners`. A reference to another namespace needs a ReferenceGrant before anything else is said about
it. Only names, expiry and fingerprints pass through here: this module must never see a key, and never decide whether
the listener is programmed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudgw.objects import GATEWAY_GROUP, ConfigMap, Meta, ObjectRef, Origin, Secret, Unknown
from cloudgw.routing import conditions, grants, ir
from cloudgw.routing.index import Index
from cloudgw.routing.sets import Declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """One CA reference. state, reason: as of ir.Certificate; "kind": it refers to something else than a ConfigMap."""

    state: str
    reason: str = ""
    fingerprint: str = ""
    pem: str = ""


def of_listener(index: Index, declared: Declared) -> tuple[ir.Certificate, ...]:
    """One Certificate per certificateRef, in the order written: the first is the listener's default."""
    return tuple(
        of_secret(index, declared.kind, declared.meta, ref, declared.origin(f"/tls/certificateRefs/{number}"))
        for number, ref in enumerate(declared.spec.certificates)
    )


def of_secret(index: Index, kind: str, owner: Meta, ref: ObjectRef, where: Origin) -> ir.Certificate:
    """The certificate that `owner` (a Gateway or ListenerSet) refers to."""

    def no(state: str, reason: str) -> ir.Certificate:
        return ir.Certificate(namespace=ref.namespace, name=ref.name, state=state, reason=reason, origin=where)

    name = f"{ref.namespace}/{ref.name}"
    if (ref.group, ref.kind) != ("", "Secret"):
        return no(
            "invalid", f"{ref.group or 'core'} {ref.kind} {name} is no Secret; refer to a kubernetes.io/tls Secret"
        )
    permitted = grants.permits(index, group=GATEWAY_GROUP, kind=kind, namespace=owner.namespace, target=ref)
    if isinstance(permitted, Unknown):
        return no("unknown", permitted.reason)
    if not permitted:
        return no("refused", f"no ReferenceGrant in namespace {ref.namespace} lets this {kind} use Secret {ref.name}")
    secret = index.snapshot.get(Secret, ref.namespace, ref.name)
    if isinstance(secret, Unknown):
        return no("unknown", secret.reason)
    if secret is None:
        return no("absent", f"Secret {name} does not exist; create it, or correct the reference")
    if secret.type != "kubernetes.io/tls":
        return no("invalid", f"Secret {name} has type {secret.type}; it must be kubernetes.io/tls")
    if secret.problem or not secret.fingerprint:
        return no("invalid", f"Secret {name}: {secret.problem or 'it holds no certificate'}")
    return ir.Certificate(
        namespace=ref.namespace,
        name=ref.name,
        state="found",
        fingerprint=secret.fingerprint,
        names=secret.names,
        not_after=secret.not_after,
        key_type=secret.key_type,
        origin=where,
    )


def authorities(index: Index, gateway: Meta, refs: Sequence[ObjectRef]) -> list[Authority]:
    """What a Gateway's frontend validation refers to, in the order written."""
    return [_authority(index, gateway, ref) for ref in refs]


def _authority(index: Index, gateway: Meta, ref: ObjectRef) -> Authority:
    name = f"{ref.namespace}/{ref.name}"
    if (ref.group, ref.kind) != ("", "ConfigMap"):
        reason = f"{ref.group or 'core'} {ref.kind} {name} is no ConfigMap; refer to one that holds `ca.crt`"
        return Authority(state="kind", reason=reason)
    permitted = grants.permits(index, group=GATEWAY_GROUP, kind="Gateway", namespace=gateway.namespace, target=ref)
    if isinstance(permitted, Unknown):
        return Authority(state="unknown", reason=permitted.reason)
    if not permitted:
        reason = f"no ReferenceGrant in namespace {ref.namespace} lets this Gateway use ConfigMap {ref.name}"
        return Authority(state="refused", reason=reason)
    found = index.snapshot.get(ConfigMap, ref.namespace, ref.name)
    if isinstance(found, Unknown):
        return Authority(state="unknown", reason=found.reason)
    if found is None:
        return Authority(state="absent", reason=f"ConfigMap {name} does not exist; create it, or correct the reference")
    if found.problem or not found.fingerprint:
        return Authority(state="invalid", reason=f"ConfigMap {name}: {found.problem or 'it holds no ca.crt'}")
    return Authority(state="found", fingerprint=found.fingerprint, pem=found.pem)


CODES = {
    "refused": conditions.REF_NOT_PERMITTED,
    "unknown": conditions.UNKNOWN_INPUT,
    "kind": conditions.INVALID_CA_KIND,
}


def code(state: str, otherwise: str) -> str:
    """The condition reason for a reference in this state."""
    return CODES.get(state, otherwise)
