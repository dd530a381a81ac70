"""Small routings for the tests of what is built for any cloud: one Gateway, two Services, routes called by name.

`samples` of each provider's tests take them from here and add parameters and facts of their cloud.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Note, Origin, PathMatch, PathModifier, RouteMatch, Timeouts, Unknown, URLRewrite, ValueMatch
from cloudgw.routing import ir

GATEWAY = Origin(kind="Gateway", namespace="shop", name="edge")
CART = ir.BackendKey(namespace="shop", name="cart", port=8080)
PAY = ir.BackendKey(namespace="shop", name="pay", port=8080)

Built = tuple[model.Graph, tuple[Note, ...]]


def backend(key: ir.BackendKey, *addresses: str, protocol: str = "HTTP", tls: Any = None) -> ir.Backend:
    return ir.Backend(
        key=key,
        protocol=protocol,
        port_number=8080,
        targets=tuple(ir.Target(address=address, port=8080) for address in addresses),
        tls=tls,
        origin=Origin(kind="Service", namespace=key.namespace, name=key.name),
    )


def origin(name: str) -> Origin:
    return Origin(kind="HTTPRoute", namespace="shop", name=name)


def match(
    path: str = "/",
    kind: str = "PathPrefix",
    method: str = "",
    headers: Sequence[tuple[str, ...]] = (),
    query: Sequence[tuple[str, ...]] = (),
) -> RouteMatch:
    """headers, query: (name, value[, "RegularExpression"])."""
    return RouteMatch(
        path=PathMatch(type=kind, value=path),
        method=method,
        headers=tuple(_value(*one) for one in headers),
        query=tuple(_value(*one) for one in query),
    )


def _value(name: str, value: str, kind: str = "Exact") -> ValueMatch:
    return ValueMatch(type=kind, name=name, value=value)


def forward(*shares: tuple[ir.BackendKey | int, int], rewrite: URLRewrite | None = None, **more: Any) -> ir.Forward:
    return ir.Forward(
        shares=tuple(ir.Share(to=to, weight=weight, origin=origin("x")) for to, weight in shares),
        edits=more.pop("edits", ir.Edits(rewrite=rewrite)),
        **more,
    )


def seconds(number: int) -> Timeouts:
    return Timeouts(request=number * 1000)


def replaced(path: str, kind: str = "ReplaceFullPath") -> URLRewrite:
    return URLRewrite(path=PathModifier(type=kind, value=path))


def entry(
    number: int,
    action: ir.Action | Unknown | None = None,
    *,
    host: str = "a.example.com",
    of: RouteMatch | None = None,
    route: str = "cart",
    listener: str = "http",
) -> ir.Entry:
    return ir.Entry(
        key=f"{listener}/shop/{route}/{host or '*'}/{number}",
        listener=listener,
        hostname=host,
        match=of or match(),
        action=action if action is not None else forward((CART, 1)),
        origin=origin(route),
    )


def table(
    entries: Sequence[ir.Entry],
    port: int = 80,
    protocol: str = "HTTP",
    certificates: Sequence[ir.Certificate] = (),
    hostname: str = "",
) -> ir.Table:
    listener = ir.Listener(
        name="http" if protocol == "HTTP" else "https",
        owner=("Gateway", "shop", "edge"),
        port=port,
        protocol=protocol,
        hostname=hostname,
        certificates=tuple(certificates),
        origin=GATEWAY,
    )
    return ir.Table(port=port, protocol=protocol, listeners=(listener,), entries=tuple(entries))


def certificate(name: str, state: str = "found", *hosts: str, key: str = "RSA-2048") -> ir.Certificate:
    found: dict[str, Any] = {"reason": f"{name} {state}"}
    if state == "found":
        found = {"fingerprint": f"f-{name}", "key_type": key, "names": hosts}
    return ir.Certificate(namespace="shop", name=name, state=state, origin=GATEWAY, **found)


def routing(
    *tables: ir.Table, backends: Mapping[ir.BackendKey, ir.Backend | Unknown] | None = None, **more: Any
) -> ir.Routing:
    given: dict[str, Any] = {"complete": True, "known": (("shop", "cart"),), "parameters": None, **more}
    pods = {CART: backend(CART, "10.0.0.5"), PAY: backend(PAY, "10.0.0.6")}
    return ir.Routing(
        namespace="shop",
        name="edge",
        gateway_class=None,
        tables=tables,
        backends=backends if backends is not None else pods,
        origin=GATEWAY,
        **given,
    )


def logicals(graph: model.Graph, kind: str) -> list[str]:
    return sorted(model.short(where).partition("/")[2] for where in graph.elements if model.kind_of(where) == kind)


def of_kind(graph: model.Graph, kind: str) -> list[model.Spec]:
    return [element.fields for element in graph if model.kind_of(element.address) == kind]


def only(graph: model.Graph, kind: str) -> model.Spec:
    (found,) = of_kind(graph, kind)
    return found


def codes(built: Built) -> list[str]:
    return [note.code for note in built[1]]


def said(built: Built, code: str) -> list[str]:
    return [note.message for note in built[1] if note.code == code]
