"""The certificates of one Gateway, each an element of its own, and which of them the listener for a host shows.

`build` calls `certificates`. Pure. A listener of an Application Gateway shows one certificate
(learn.microsoft.com/azure/application-gateway/ssl-overview), so the choice is made here: for each host the first
reference of its Gateway listener that is good for the host. One that cannot be read or used keeps what stands of it,
and where the choice hangs on it the choice stays too. A reference whose permission is gone is withdrawn at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cloudgw.building import tls
from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.routing import hostnames, ir
from cloudgw_azure import names

Place = tuple[int, str]
"""Port and host."""


@dataclass(slots=True, kw_only=True)
class Certificates:
    """shown: what the listener of a place shows. doubted: those whose Secret is known to be absent or broken."""

    elements: list[model.Element] = field(default_factory=list)
    shown: dict[Place, model.Ref | Unknown] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    doubted: set[model.Address] = field(default_factory=set)


def usable(table: ir.Table) -> bool:
    """Whether any certificate of the port may be shown, now or once it can be read."""
    return any(one.state != "refused" for listener in table.listeners for one in listener.certificates)


def certificates(owner: str, places: Sequence[tuple[ir.Table, str]], gateway: model.Ref, quota: int) -> Certificates:
    """owner: "namespace/gateway"; places: table and host of every listener that is made, in order."""
    found = Certificates()
    best = tls.best(table for table, _ in places)
    made: dict[model.Address, model.Element] = {}
    for table, host in places:
        if table.protocol != "HTTPS":
            continue
        held = [best[one.namespace, one.name] for one in _held(table, host)]
        chosen = _choose(held, host)
        if isinstance(chosen, Unknown):
            found.shown[table.port, host] = chosen
            needed = [one for one in held if one.state != "found"]
        else:
            where, needed = _address(owner, chosen), [chosen]
            if len(made) >= quota and where not in made:
                found.notes.append(_too_many(chosen, host, quota))
                where, needed = next((at for one in held if (at := _address(owner, one)) in made), min(made)), []
            found.shown[table.port, host] = model.Ref(where, "ready")
        for one in needed:
            where = _address(owner, one)
            made[where] = _element(where, one, gateway)
            if one.state in ("absent", "invalid"):
                found.doubted.add(where)
    found.elements += [made[where] for where in sorted(made)]
    return found


def _address(owner: str, one: ir.Certificate) -> model.Address:
    return model.address(owner, names.PROVIDER, "certificate", names.logical(one.namespace, one.name))


def _held(table: ir.Table, host: str) -> list[ir.Certificate]:
    """Those of the most specific listener for the host; where that has none (what answers there is a 404), those of
    the port."""
    covering = [listener for listener in table.listeners if hostnames.covers(listener.hostname, host)]
    covering.sort(key=lambda listener: (hostnames.specificity(listener.hostname), listener.id))
    for listener in [*covering[:1], *table.listeners]:
        held = [one for one in listener.certificates if one.state != "refused"]
        if held:
            return held
    return []


def _choose(held: Sequence[ir.Certificate], host: str) -> ir.Certificate | Unknown:
    """The first that is good for the host, else the first that can be used. Where one that cannot be read may be it,
    nobody knows."""
    if len(held) == 1:
        return held[0]
    good = next((one for one in held if one.state == "found" and _covers(one, host)), None)
    earlier = held if good is None else held[: held.index(good)]
    doubt = next((one for one in earlier if one.state == "unknown"), None)
    if good is None and doubt is None:
        doubt = next((one for one in earlier if one.state != "found"), None)
    if doubt is not None:
        return tls.unread(doubt)
    return good or held[0]


def _covers(one: ir.Certificate, host: str) -> bool:
    """A wildcard of a certificate stands for one label (RFC 6125, section 6.4.3)."""
    parent = host.partition(".")[2]
    return any(name == host or (name.startswith("*.") and name[2:] == parent and host) for name in one.names)


def _too_many(one: ir.Certificate, host: str, quota: int) -> Note:
    """The host gets a certificate that is there already: its clients refuse it, and nobody else answers for it."""
    message = (
        f"quota: Secret {one.namespace}/{one.name} is not shown for {host or 'any host'}: an Application Gateway "
        f"takes {quota} certificates; use fewer, or wildcards"
    )
    return Note(level="error", code="CertificateQuota", message=message, origin=one.origin)


def _element(where: model.Address, one: ir.Certificate, gateway: model.Ref) -> model.Element:
    return tls.element(where, one, {"gateway": gateway, "fingerprint": one.fingerprint, "key_vault": None})
