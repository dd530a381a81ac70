"""Which listeners of a Gateway a Google load balancer is made to serve, and what the others' hosts answer.

`build` calls `served` before anything else. Pure. A listener that asks for what is not honoured here (client
certificates, connections that carry no HTTP) is not programmed: nothing listens on its port, and where another
listener does, its hosts answer 404. Must never let a less specific listener answer for the hosts of such a one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from cloudgw.building import listening
from cloudgw.objects import Note
from cloudgw.routing import hostnames, ir


def served(routing: ir.Routing) -> listening.Served:
    """Client certificates need a trust config and a server TLS policy (cloud.google.com/load-balancing/docs/mtls), TLS,
    TCP and UDP network load balancers (.../docs/load-balancing-overview): neither is made yet."""
    found = listening.served(routing, "Google Cloud")
    return dataclasses.replace(found, notes=(*found.notes, *_hosts(found.tables)))


def _hosts(tables: Iterable[ir.Table]) -> list[Note]:
    """`*` stands for any number of letters, digits, hyphens and dots, and a host is compared with its port
    (cloud.google.com/load-balancing/docs/url-map-concepts): other hosts below a wildcard are taken for nobody's."""
    return [
        _overheard(listener, other)
        for table in tables
        for listener in table.listeners
        if listener.hostname.startswith("*.") and (other := _wider(listener, table)) is not None
    ]


def _wider(listener: ir.Listener, table: ir.Table) -> ir.Listener | None:
    """A listener of the port that is less specific."""
    wider = (one for one in table.listeners if one.hostname != listener.hostname)
    return next((one for one in wider if hostnames.covers(one.hostname, listener.hostname)), None)


def _overheard(listener: ir.Listener, other: ir.Listener) -> Note:
    message = (
        f"hostname: hosts below {listener.hostname} that have other characters than letters, digits, hyphens and dots, "
        f'or another port than {listener.port}, are answered by listener "{other.name}" of port {other.port} on Google '
        f"Cloud, and the host {listener.hostname[1:]} by this one; where that matters, give the two listeners ports of "
        "their own"
    )
    return Note(level="warning", code="HostReadOtherwise", message=message, origin=listener.origin)
