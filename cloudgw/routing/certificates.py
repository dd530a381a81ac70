"""The certificates of a listener: what each certificateRef leads to.

Called by `listeners`. A reference to another namespace needs a ReferenceGrant before anything else is said about
it. Only names, expiry and fingerprints pass through here: this module must never see a key, and never decide whether
the listener is programmed.
"""

from __future__ import annotations

from cloudgw.objects import GATEWAY_GROUP, Gateway, Listener, ObjectRef, Origin, Secret, Unknown
from cloudgw.routing import conditions, grants, ir
from cloudgw.routing.index import Index


def resolve(index: Index, gateway: Gateway, listener: Listener, position: int) -> tuple[ir.Certificate, ...]:
    """One Certificate per certificateRef, in the order written: the first is the listener's default."""
    return tuple(
        _one(
            index,
            gateway,
            ref,
            conditions.origin(
                "Gateway",
                gateway.meta,
                section=f'listener "{listener.name}"',
                path=f"/spec/listeners/{position}/tls/certificateRefs/{number}",
            ),
        )
        for number, ref in enumerate(listener.certificates)
    )


def _one(index: Index, gateway: Gateway, ref: ObjectRef, where: Origin) -> ir.Certificate:
    def no(state: str, reason: str) -> ir.Certificate:
        return ir.Certificate(namespace=ref.namespace, name=ref.name, state=state, reason=reason, origin=where)

    name = f"{ref.namespace}/{ref.name}"
    if (ref.group, ref.kind) != ("", "Secret"):
        return no(
            "invalid", f"{ref.group or 'core'} {ref.kind} {name} is no Secret; refer to a kubernetes.io/tls Secret"
        )
    permitted = grants.permits(index, group=GATEWAY_GROUP, kind="Gateway", namespace=gateway.meta.namespace, target=ref)
    if isinstance(permitted, Unknown):
        return no("unknown", permitted.reason)
    if not permitted:
        return no("refused", f"no ReferenceGrant in namespace {ref.namespace} lets this Gateway use Secret {ref.name}")
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
