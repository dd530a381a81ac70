"""The certificates of one Gateway, each an element of its own, and which of them a listener shows to whom.

`build` calls `certificates`. Pure. One certificate that cannot be read or used concerns itself alone: what stands of
it stays, and the listener's others go on. A reference whose permission is gone is withdrawn at once.
docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cloudgw.building import tls
from cloudgw.graph import model
from cloudgw.objects import Note
from cloudgw.routing import ir
from cloudgw_aws import facts, names


@dataclass(slots=True, kw_only=True)
class Certificates:
    """doubted: those whose Secret is known to be absent or broken.
    default: port -> address of the certificate for clients that name no host, or one nobody has."""

    elements: list[model.Element] = field(default_factory=list)
    default: dict[int, model.Address] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    doubted: set[model.Address] = field(default_factory=set)


def certificates(owner: str, tables: Sequence[ir.Table], network: facts.Network) -> Certificates:
    """owner: "namespace/gateway"; tables: of the listeners that are programmed."""
    found = Certificates()
    made: dict[model.Address, model.Element] = {}
    extras = 0
    for table in tables:
        held = _held(table)
        if not held:
            continue
        for one in held:
            where = _address(owner, one)
            if where not in made or one.state == "found":
                made[where] = _element(where, one)
            if one.state in ("absent", "invalid"):
                found.doubted.add(where)
        usable = [one for one in held if one.state in ("found", "unknown")] or held
        found.default[table.port] = _address(owner, usable[0])
        if len(held) == 1:
            continue
        listener = model.address(owner, names.PROVIDER, "listener", str(table.port))
        for one in held:  # the default too: it stays in the list when another becomes the default
            extras += 1
            if extras > network.certificates:
                message = (
                    f"quota: Secret {one.namespace}/{one.name} is not shown on port {table.port}: a load balancer "
                    f"takes {network.certificates} certificates beside the default; use fewer, or wildcards"
                )
                found.notes.append(Note(level="error", code="CertificateQuota", message=message, origin=one.origin))
                continue
            spec = {"listener": model.Ref(listener), "certificate": model.Ref(_address(owner, one), "ready")}
            logical = f"{table.port}/{one.namespace}/{one.name}"
            where = model.address(owner, names.PROVIDER, "listener-certificate", logical)
            found.elements.append(model.Element(address=where, spec=spec, origins=(one.origin,)))
    found.elements += [made[where] for where in sorted(made)]
    return found


def _address(owner: str, one: ir.Certificate) -> model.Address:
    return model.address(owner, names.PROVIDER, "certificate", f"{one.namespace}/{one.name}")


def _held(table: ir.Table) -> list[ir.Certificate]:
    """Every certificate of a port once, in the order of its listeners."""
    return list(tls.best([table]).values()) if table.protocol == "HTTPS" else []


def _element(where: model.Address, one: ir.Certificate) -> model.Element:
    return tls.element(where, one, {"key_type": one.key_type, "fingerprint": one.fingerprint})
