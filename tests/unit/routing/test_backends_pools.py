"""Which backends a Gateway has: those that some answer names, copies and connections included."""

from __future__ import annotations

import dataclasses

from cloudgw.objects import (
    BackendTLSPolicy,
    HTTPRoute,
    KubernetesObject,
    Meta,
    Note,
    ObjectRef,
    PolicyTarget,
    RequestMirror,
    Route,
    TCPRoute,
    Unknown,
)
from cloudgw.routing import index, ir, policies, pools, rules
from tests.unit.routing import world


def key(name: str, namespace: str = "shop") -> ir.BackendKey:
    return ir.BackendKey(namespace=namespace, name=name, port=80)


def found(
    *routes: Route, items: tuple[KubernetesObject, ...] = (), complete: frozenset[str] = world.EVERYTHING
) -> dict[ir.BackendKey, ir.Backend | Unknown]:
    """The backends of all rules: of HTTPRoutes as entries, of the others as streams."""
    view = index.of(world.snapshot(*items, complete=complete))
    notes: list[Note] = []
    read = rules.of_routes(view, routes, notes)
    entries: list[ir.Entry] = []
    streams: list[ir.Stream] = []
    for (kind, _, name), of_route in read.items():
        for rule in of_route:
            where = rule.origin
            if kind == "HTTPRoute":
                entries += [
                    ir.Entry(key=name, listener="l", hostname="", match=match, action=rule.action, origin=where)
                    for _, match in rule.matches
                ]
            else:
                assert not isinstance(rule.action, ir.Redirect)
                streams.append(ir.Stream(key=name, listener="l", action=rule.action, origin=where))
    tables = [ir.Table(port=80, protocol="HTTP", listeners=(), entries=tuple(entries))]
    stream_tables = [ir.StreamTable(port=90, protocol="TCP", listeners=(), streams=tuple(streams))]
    return dict(pools.of_tables(view, tables, stream_tables, read, notes))


def tcp(name: str, *backends: str) -> TCPRoute:
    return TCPRoute(
        meta=Meta(namespace="shop", name=name),
        parents=(),
        rules=(world.rule(backends=[world.backend(one) for one in backends]),),
    )


def mirrored(name: str, to: str, namespace: str = "shop") -> HTTPRoute:
    copy = RequestMirror(ref=ObjectRef(kind="Service", namespace=namespace, name=to), port=80)
    return world.route(name, dataclasses.replace(world.rule(backends=[world.backend("a")]), filters=(copy,)))


def test_copies_and_connections_have_backends_too() -> None:
    services = tuple(world.service(name) for name in ("a", "b", "c", "unused"))
    backends = found(mirrored("one", "b"), tcp("one", "c", "gone"), items=services)
    assert list(backends) == [key("a"), key("b"), key("c")]
    assert all(isinstance(one, ir.Backend) for one in backends.values())


def test_what_may_perhaps_be_used_is_unknown() -> None:
    blind = found(
        mirrored("one", "pay", "money"), items=(world.service("a"),), complete=frozenset({"HTTPRoute", "Service"})
    )
    assert isinstance(blind[key("pay", "money")], Unknown)
    assert isinstance(blind[key("a")], ir.Backend)


def test_who_may_use_it_decides() -> None:
    """An HTTPRoute has its grant; whether the TCPRoute has one is unknown."""
    granted = world.route("a", world.rule(backends=[world.backend("pay", namespace="money")]))
    perhaps = dataclasses.replace(tcp("b"), rules=(world.rule(backends=[world.backend("pay", namespace="money")]),))
    items = (world.grant("money"), world.service("pay", namespace="money"))
    complete = frozenset({"Service", "BackendTLSPolicy"})
    for routes in ((granted, perhaps), (perhaps, granted)):
        assert isinstance(found(*routes, items=items, complete=complete)[key("pay", "money")], ir.Backend)


def test_a_policy_has_a_verdict_though_it_keeps_all_requests_away() -> None:
    policy = BackendTLSPolicy(
        meta=Meta(namespace="shop", name="tls"),
        targets=(PolicyTarget(name="a"),),
        authorities=(ObjectRef(kind="ConfigMap", namespace="shop", name="gone"),),
        hostname="a.io",
    )
    route = world.route("one", world.rule(backends=[world.backend("a")]))
    view = index.of(world.snapshot(world.service("a"), policy))
    read = rules.of_routes(view, [route], [])
    assert found(route, items=(world.service("a"), policy)) == {}
    assert pools.named(read) == (key("a"),)
    (verdict,) = policies.verdicts(view, pools.named(read))
    assert (verdict.accepted.status, verdict.accepted.reason) == (False, "NoValidCACertificate")
