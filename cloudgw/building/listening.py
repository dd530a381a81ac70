"""Which listeners of a Gateway are made on a cloud that validates no clients and carries HTTP alone.

`build_listeners` of providers use it. Pure. A listener that asks for more is not programmed: nothing listens on its
port, and where another listener does, its hosts answer 404. Must never let a less specific listener answer for the
hosts of such a one.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudgw.objects import Note
from cloudgw.routing import heirs, ir


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """tables: with the listeners that are programmed, and the entries that stand for the others; of no port where
    none is."""

    tables: tuple[ir.Table, ...]
    notes: tuple[Note, ...]


def served(routing: ir.Routing, cloud: str) -> Served:
    """cloud: its name, for people."""
    tables: list[ir.Table] = []
    notes: list[Note] = []
    for table in routing.tables:
        found, said = without_clients(table, cloud)
        tables += found
        notes += said
    notes += streams(routing, cloud)
    return Served(tables=tuple(tables), notes=tuple(dict.fromkeys(notes)))


def without_clients(table: ir.Table, cloud: str) -> tuple[list[ir.Table], list[Note]]:
    """The table without listeners that validate clients, none where no other is left; and what is said of them."""
    closed = [listener for listener in table.listeners if listener.client is not None]
    alone = len(closed) == len(table.listeners)
    notes = [_client(listener, cloud, alone=alone) for listener in closed]
    return [] if alone else [heirs.without(table, closed)], notes


def streams(routing: ir.Routing, cloud: str) -> list[Note]:
    """What is said of listeners that carry no HTTP."""
    return [_stream(listener, cloud) for table in routing.streams for listener in table.listeners]


def _client(listener: ir.Listener, cloud: str, *, alone: bool) -> Note:
    what = f"nothing listens on port {listener.port}" if alone else "its hosts answer 404"
    message = (
        f"Gateway spec.tls.frontend: client certificates are not validated on {cloud} yet, and without that anybody "
        f"could connect: {what}; remove the validation of port {listener.port}, or use another cloud"
    )
    return Note(level="error", code="ClientCertificates", message=message, origin=listener.origin, refuses="listener")


def _stream(listener: ir.Listener, cloud: str) -> Note:
    message = (
        f"protocol: {listener.protocol} listeners are not supported on {cloud} yet; nothing is programmed for this "
        "listener; use HTTP or HTTPS, or another cloud"
    )
    return Note(level="error", code="UnsupportedProtocol", message=message, origin=listener.origin, refuses="listener")
