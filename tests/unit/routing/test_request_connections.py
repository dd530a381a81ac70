"""Connections: the server name chooses the listener, and nobody gets what belongs to another one."""

from __future__ import annotations

import pytest

from cloudgw.objects import Unknown
from cloudgw.routing import ir, request
from cloudgw.routing.request import Connection
from tests.unit.routing.test_request import ONE, TWO, X, listener, routing, share


def stream(of: str, hostname: str = "", to: ir.BackendKey | int = ONE, *, unknown: Unknown | None = None) -> ir.Stream:
    action = ir.Forward(shares=(share(to, 2), share(500))) if isinstance(to, ir.BackendKey) else ir.Respond(status=to)
    return ir.Stream(key=f"{of}/{hostname}", listener=of, hostname=hostname, action=action, origin=X, unknown=unknown)


TLS = ir.StreamTable(
    port=443,
    protocol="TLS",
    listeners=(listener("exact", "x.a.io", "TLS"), listener("wild", "*.a.io", "TLS"), listener("any", "", "TLS")),
    streams=(
        stream("exact", "x.a.io", TWO),
        stream("barred", "refused.a.io", 404),
        stream("wild", "y.a.io"),
        stream("wild", "odd.a.io", unknown=Unknown("a test says so")),
        stream("any", "*.io", TWO),
    ),
)
HTTPS = ir.Table(port=443, protocol="HTTPS", listeners=(listener("web", "web.a.io"),), entries=())


@pytest.mark.parametrize(
    ("sni", "kind", "entry"),
    [
        ("x.a.io", "forward", "exact/x.a.io"),
        ("X.A.io", "forward", "exact/x.a.io"),
        ("y.a.io", "forward", "wild/y.a.io"),
        ("z.a.io", "closed", ""),  # its listener has no route for it; that of a less specific one must not serve it
        ("refused.a.io", "closed", "barred/refused.a.io"),
        ("b.io", "forward", "any/*.io"),
        ("b.org", "closed", ""),
        ("", "closed", ""),
        ("odd.a.io", "unknown", "wild/odd.a.io"),
        ("web.a.io", "closed", ""),  # an HTTPS listener's
    ],
)
def test_server_names(sni: str, kind: str, entry: str) -> None:
    found = request.connect(routing(TLS, HTTPS), Connection(port=443, protocol="TLS", sni=sni))
    assert (found.kind, found.entry) == (kind, entry)


def test_shares_of_connections() -> None:
    found = request.connect(routing(TLS), Connection(port=443, protocol="TLS", sni="x.a.io"))
    assert found.backends == ((TWO, 2), (500, 1))
    assert [(one.to, one.weight) for one in found.sent] == [(TWO, 2), (500, 1)]


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_the_first_route_gets_all_connections(protocol: str) -> None:
    other = "UDP" if protocol == "TCP" else "TCP"
    tables = (
        ir.StreamTable(port=53, protocol=other, listeners=(listener("o", "", other),), streams=(stream("o", "", TWO),)),
        ir.StreamTable(
            port=53,
            protocol=protocol,
            listeners=(listener("l", "", protocol),),
            streams=(stream("l"), stream("l", "", TWO)),
        ),
    )
    found = request.connect(routing(*tables), Connection(port=53, protocol=protocol))
    assert (found.kind, found.backends) == ("forward", ((ONE, 2), (500, 1)))


def test_nobody_serves_or_listens() -> None:
    empty = ir.StreamTable(port=53, protocol="TCP", listeners=(listener("l", "", "TCP"),), streams=())
    assert request.connect(routing(empty), Connection(port=53, protocol="TCP")).kind == "closed"
    assert request.connect(routing(empty), Connection(port=53, protocol="UDP")).kind == "none"
    assert request.connect(routing(empty), Connection(port=53, protocol="TLS")).kind == "closed"
