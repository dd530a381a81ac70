"""The certificates of a Gateway's listeners as elements, and the listeners and ports for which none can be used.

`build_certificates` of providers use it, and `build` where no certificate is left. Pure. Which certificate a listener
shows to whom is each cloud's own. Must never let a listener be served under the certificate of another one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.routing import heirs, ir


def best(tables: Iterable[ir.Table]) -> dict[tuple[str, str], ir.Certificate]:
    """Every certificate once, by namespace and name, in the order of listeners; withdrawn ones left out. Listeners of
    several owners may refer to one Secret, and one of them may not know that it is permitted."""
    found: dict[tuple[str, str], ir.Certificate] = {}
    for table in tables:
        for listener in table.listeners:
            for one in listener.certificates:
                key = (one.namespace, one.name)
                if one.state != "refused" and (key not in found or one.state == "found"):
                    found[key] = one
    return found


def unread(one: ir.Certificate) -> Unknown:
    """Why its bytes are not known."""
    return Unknown(one.reason or f"Secret {one.namespace}/{one.name} is {one.state}")


def element(where: model.Address, one: ir.Certificate, spec: model.Spec) -> model.Element:
    """spec: of one that was read. A Secret that is gone or broken keeps what stands of it: serving an old certificate
    beats serving none."""
    return model.Element(address=where, spec=spec if one.state == "found" else unread(one), origins=(one.origin,))


def served(table: ir.Table, stands: Callable[[ir.Listener], bool] | None) -> tuple[ir.Table, list[Note]]:
    """The table as its listeners can answer it, with what is said. Where no certificate of a listener can be used, its
    hosts answer 404. One whose Secret is absent or broken may still be shown, for a bounded time: then its listener
    goes on; where nobody knows, what stands of it stays and nothing is made of it, and a rule from which a permission
    was withdrawn answers 404. stands: whether a listener is served already; None: not known."""
    if table.protocol != "HTTPS" or not any(_usable(one) for one in table.listeners):
        return table, []  # nothing listens, or the port goes on with what it has
    lost = [one for one in table.listeners if not _usable(one)]
    graced = [one for one in lost if _has_reference(one) and (stands is None or stands(one))]
    doubtful = {one.id: one for one in graced} if stands is None else {}
    closed = [one for one in lost if one not in graced]
    found = heirs.without(table, closed)
    entries = tuple(_doubted(one, doubtful.get(one.listener)) for one in found.entries)
    notes = [*(_closed(one) for one in closed), *(_kept(one) for one in doubtful.values())]
    return dataclasses.replace(found, entries=entries), notes


def _usable(listener: ir.Listener) -> bool:
    """Also where a certificate could not be seen."""
    return any(one.state in ("found", "unknown") for one in listener.certificates)


def _has_reference(listener: ir.Listener) -> bool:
    """One that is permitted."""
    return any(one.state != "refused" for one in listener.certificates)


def _doubted(entry: ir.Entry, listener: ir.Listener | None) -> ir.Entry:
    """Whether it answers hangs on whether a certificate is still shown."""
    if listener is None or entry.isolates:
        return entry
    action = entry.action
    shares = action.shares if isinstance(action, ir.Forward) else ()
    if any(share.withdrawn for share in shares) or (isinstance(action, ir.Respond) and action.withdrawn):
        return dataclasses.replace(entry, action=ir.Respond(status=404, reason=f"{_NONE}, and a grant is gone"))
    return dataclasses.replace(entry, unknown=Unknown(f'{_NONE} of listener "{listener.name}"'))


_NONE = "no certificate can be used"


def _closed(listener: ir.Listener) -> Note:
    message = (
        f'tls.certificateRefs: no certificate of listener "{listener.name}" can be used; its hosts answer 404 until '
        "one can; create the Secret, or grant the reference"
    )
    return Note(level="error", code="NoCertificate", message=message, origin=listener.origin)


def _kept(listener: ir.Listener) -> Note:
    message = (
        f'tls.certificateRefs: no Secret of listener "{listener.name}" can be used; what stands for its hosts stays as '
        "it is, and nothing new is made for them, until one can; create the Secret"
    )
    return Note(level="error", code="NoCertificate", message=message, origin=listener.origin)


def none_usable(table: ir.Table) -> Note:
    message = (
        f"tls.certificateRefs: no certificate of port {table.port} can be used; nothing listens there until one can; "
        "create the Secret, or grant the reference"
    )
    return Note(level="error", code="NoCertificate", message=message, origin=table.listeners[0].origin)
