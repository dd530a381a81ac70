"""Which listeners of a Gateway an Application Gateway is made to serve, and what the others' hosts answer.

`build` calls `served` before anything else. Pure. A listener that asks for what is not honoured here (client
certificates, connections that carry no HTTP) is not programmed: nothing listens on its port, and where another
listener does, its hosts answer 404. Must never let a less specific listener answer for the hosts of such a one.
"""

from __future__ import annotations

from cloudgw.building import listening
from cloudgw.objects import Note
from cloudgw.routing import ir

LAST_PORT = 64_999  # learn.microsoft.com/azure/application-gateway/application-gateway-components: 1 to 64999, not 22
TAKEN = (22,)


def served(routing: ir.Routing) -> listening.Served:
    """Client certificates need an SSL profile (learn.microsoft.com/azure/application-gateway/mutual-authentication-
    overview), TLS and TCP layer 4 listeners (.../tcp-tls-proxy-overview): neither is made yet. UDP is not carried."""
    tables: list[ir.Table] = []
    notes: list[Note] = []
    for table in routing.tables:
        if table.port > LAST_PORT or table.port in TAKEN:
            notes += [_reserved(listener) for listener in table.listeners]
            continue
        found, said = listening.without_clients(table, "Azure")
        tables += found
        notes += said
    notes += listening.streams(routing, "Azure")
    return listening.Served(tables=tuple(tables), notes=tuple(dict.fromkeys(notes)))


def _reserved(listener: ir.Listener) -> Note:
    message = (
        f"port: {listener.port}; an Application Gateway listens on ports 1 to {LAST_PORT} but 22; nothing is "
        "programmed for this listener; use another port"
    )
    return Note(level="error", code="PortReserved", message=message, origin=listener.origin, refuses="listener")
