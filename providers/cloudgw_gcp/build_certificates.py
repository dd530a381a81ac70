"""The certificates of one Gateway, each an element of its own, and which of them the proxy of a port shows.

`build` calls `certificates`. Pure. A proxy picks among its certificates by the server name, and shows the first to
clients that name none (cloud.google.com/load-balancing/docs/ssl-certificates/self-managed-certs). They are one list:
one that cannot be read or used stays in it where it was uploaded before, else it is left out, so that it keeps no other
one back. A reference whose permission is gone is withdrawn at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cloudgw.building import tls
from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.routing import ir
from cloudgw_gcp import names

GLOBAL = "global"
# load-balancing/docs/ssl-certificates/self-managed-certs: kinds of keys; regional ones take more
KEYS = {True: ("RSA-2048", "EC-P-256"), False: ("RSA-2048", "RSA-3072", "RSA-4096", "EC-P-256", "EC-P-384")}


@dataclass(slots=True, kw_only=True)
class Certificates:
    """shown: by port, what its proxy shows. doubted: those whose Secret is known to be absent or broken, and
    proxies that have no other."""

    elements: list[model.Element] = field(default_factory=list)
    shown: dict[int, tuple[model.Ref, ...] | Unknown] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    doubted: set[model.Address] = field(default_factory=set)


def usable(table: ir.Table, place: str) -> bool:
    """Whether any certificate of the port may be shown, now or once it can be read."""
    held = (one for listener in table.listeners for one in listener.certificates)
    return any(one.state != "refused" and _is_taken(one, place) for one in held)


def stands(listener: ir.Listener, standing: frozenset[str]) -> bool:
    """Whether a certificate of it can be shown because it was uploaded before. standing: as of `certificates`."""
    return any(one.state != "refused" and _logical(one) in standing for one in listener.certificates)


def certificates(
    owner: str, tables: Sequence[ir.Table], place: str, standing: frozenset[str], quota: int
) -> Certificates:
    """owner: "namespace/gateway"; tables: those that listen; standing: logical ids of those that are uploaded."""
    found = Certificates()
    made: dict[model.Address, model.Element] = {}
    best = tls.best(tables)
    for table in tables:
        if table.protocol != "HTTPS":
            continue
        held = [best[key] for key in tls.best([table])]
        found.notes += [_unfit(one, place) for one in held if not _is_taken(one, place)]
        held = [one for one in held if _is_taken(one, place)]
        found.notes += [_too_many(one, table.port, quota) for one in held[quota:]]
        held = held[:quota]
        for one in held:
            where = _address(owner, one)
            made[where] = _element(where, one, place)
            if one.state in ("absent", "invalid"):
                found.doubted.add(where)
        found.shown[table.port] = _shown(owner, held, standing)
        if isinstance(found.shown[table.port], Unknown) and all(one.state in ("absent", "invalid") for one in held):
            found.doubted.add(model.address(owner, names.PROVIDER, "target-proxy", str(table.port)))
    found.notes = list(dict.fromkeys(found.notes))
    found.elements += [made[where] for where in sorted(made)]
    return found


def _shown(owner: str, held: Sequence[ir.Certificate], standing: frozenset[str]) -> tuple[model.Ref, ...] | Unknown:
    """In the order in which listeners name them; what is absent or broken stands behind, as long as it stands."""
    there = [one for one in held if one.state == "found" or _logical(one) in standing]
    there.sort(key=lambda one: one.state in ("absent", "invalid"))
    if not there:
        return tls.unread(held[0])
    return tuple(model.Ref(_address(owner, one), "ready") for one in there)


def _is_taken(one: ir.Certificate, place: str) -> bool:
    return one.state != "found" or not one.key_type or one.key_type in KEYS[place == GLOBAL]


def _logical(one: ir.Certificate) -> str:
    return f"{one.namespace}/{one.name}"


def _address(owner: str, one: ir.Certificate) -> model.Address:
    return model.address(owner, names.PROVIDER, "certificate", _logical(one))


def _unfit(one: ir.Certificate, place: str) -> Note:
    message = (
        f"tls.certificateRefs: Secret {one.namespace}/{one.name} has a key of type {one.key_type}; Google takes "
        f"{', '.join(KEYS[place == GLOBAL])} here, and the certificate is not shown; create it with such a key"
    )
    return Note(level="error", code="CertificateKey", message=message, origin=one.origin)


def _too_many(one: ir.Certificate, port: int, quota: int) -> Note:
    message = (
        f"quota: Secret {one.namespace}/{one.name} is not shown on port {port}: a proxy takes {quota} certificates; "
        "use fewer, or wildcards"
    )
    return Note(level="error", code="CertificateQuota", message=message, origin=one.origin)


def _element(where: model.Address, one: ir.Certificate, place: str) -> model.Element:
    return tls.element(where, one, {"place": place, "fingerprint": one.fingerprint})
