"""Which listeners of a Gateway a Google load balancer is made to serve, and what the others' hosts answer.

`build` calls `served` before anything else. Pure. A listener that asks for what is not honoured here (client
certificates, connections that carry no HTTP) is not programmed: nothing listens on its port, and where another
listener does, its hosts answer 404. Must never let a less specific listener answer for the hosts of such a one.
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


def served(routing: ir.Routing) -> Served:
    """Client certificates need a trust config and a server TLS policy (cloud.google.com/load-balancing/docs/mtls), TLS,
    TCP and UDP network load balancers (.../docs/load-balancing-overview): neither is made yet."""
    tables: list[ir.Table] = []
    notes: list[Note] = []
    for table in routing.tables:
        closed = [listener for listener in table.listeners if listener.client is not None]
        notes += [_client(listener, alone=len(closed) == len(table.listeners)) for listener in closed]
        if len(closed) < len(table.listeners):
            tables.append(heirs.without(table, closed))
    notes += [_stream(listener) for table in routing.streams for listener in table.listeners]
    return Served(tables=tuple(tables), notes=tuple(dict.fromkeys(notes)))


def _client(listener: ir.Listener, *, alone: bool) -> Note:
    what = f"nothing listens on port {listener.port}" if alone else "its hosts answer 404"
    message = (
        "Gateway spec.tls.frontend: client certificates are not validated on Google Cloud yet, and without that "
        f"anybody could connect: {what}; remove the validation of port {listener.port}, or use another cloud"
    )
    return Note(level="error", code="ClientCertificates", message=message, origin=listener.origin, refuses="listener")


def _stream(listener: ir.Listener) -> Note:
    message = (
        f"protocol: {listener.protocol} listeners are not supported on Google Cloud yet; nothing is programmed for "
        "this listener; use HTTP or HTTPS, or another cloud"
    )
    return Note(level="error", code="UnsupportedProtocol", message=message, origin=listener.origin, refuses="listener")
