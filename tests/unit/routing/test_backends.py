"""References to Services: what may be used, how it is spoken to, and which pods are ready."""

from __future__ import annotations

import dataclasses

import pytest

from cloudgw import objects
from cloudgw.objects import (
    BackendTLSPolicy,
    ConfigMap,
    GRPCRoute,
    HTTPRoute,
    KubernetesObject,
    Meta,
    Note,
    ObjectRef,
    PolicyTarget,
    Route,
    ServicePort,
    TCPRoute,
    TLSRoute,
    UDPRoute,
    Unknown,
)
from cloudgw.routing import backends, index, ir
from tests.unit.routing import world

CART = ir.BackendKey(namespace="shop", name="cart", port=80)
DNS = dataclasses.replace(CART, protocol="UDP")
WHERE = objects.Origin(kind="HTTPRoute", namespace="shop", name="cart")
POLICY = BackendTLSPolicy(
    meta=Meta(namespace="shop", name="tls"),
    targets=(PolicyTarget(name="cart"),),
    authorities=(ObjectRef(kind="ConfigMap", namespace="shop", name="ca"),),
    hostname="a.io",
)
CA = ConfigMap(meta=Meta(namespace="shop", name="ca"), fingerprint="f1", pem="PEM 1")


def referent(
    *items: KubernetesObject, kind: type[Route] = HTTPRoute, port: int = 80, notes: list[Note] | None = None
) -> backends.Referent:
    route = kind(meta=Meta(namespace="shop", name="cart"), parents=())
    ref = ObjectRef(kind="Service", namespace="shop", name="cart")
    said: list[Note] = [] if notes is None else notes
    return backends.resolve(
        index.of(world.snapshot(*items)), route, ref, port, WHERE, "backendRefs[0]", "it is answered with 500", said
    )


def backend(
    *items: KubernetesObject, notes: list[Note] | None = None, key: ir.BackendKey = CART, **more: object
) -> ir.Backend:
    view = index.of(world.snapshot(*items, **more))  # type: ignore[arg-type]
    found = backends.backend(view, key, [] if notes is None else notes)
    assert isinstance(found, ir.Backend)
    return found


@pytest.mark.parametrize(
    ("app", "kind", "usable"),
    [
        ("", HTTPRoute, True),
        ("http", HTTPRoute, True),
        ("HTTPS", HTTPRoute, True),
        ("grpc", HTTPRoute, True),
        ("kubernetes.io/h2c", HTTPRoute, True),
        ("kubernetes.io/ws", HTTPRoute, True),
        ("kubernetes.io/wss", HTTPRoute, True),
        ("mysql", HTTPRoute, False),
        ("kubernetes.io/h3", HTTPRoute, False),
        ("", GRPCRoute, True),
        ("kubernetes.io/h2c", GRPCRoute, True),
        ("grpc", GRPCRoute, True),
        ("kubernetes.io/ws", GRPCRoute, False),
        ("mysql", TCPRoute, True),
        ("kubernetes.io/wss", TLSRoute, True),
    ],
)
def test_application_protocols(app: str, kind: type[Route], usable: bool) -> None:
    notes: list[Note] = []
    found = referent(world.service(one=ServicePort(port=80, app_protocol=app)), kind=kind, notes=notes)
    assert found.to == (CART if usable else 500)
    assert found.key == CART
    assert [note.code for note in notes] == ([] if usable else ["UnsupportedProtocol"])
    if not usable:
        assert found.unresolved is not None
        assert (found.unresolved.status, found.unresolved.reason) == (False, "UnsupportedProtocol")


@pytest.mark.parametrize(
    ("app", "spoken"),
    [("", "HTTP"), ("HTTPS", "HTTPS"), ("grpc", "H2C"), ("kubernetes.io/h2c", "H2C"), ("mysql", "TCP")],
)
def test_how_it_is_spoken_to(app: str, spoken: str) -> None:
    assert backend(world.service(one=ServicePort(port=80, app_protocol=app))).protocol == spoken


def test_udp_ports_are_for_udp_routes() -> None:
    service = world.service(one=ServicePort(port=80, protocol="UDP", target=53, node_port=30053))
    assert referent(service, kind=UDPRoute).to == DNS
    missing = referent(service)
    assert missing.to == 500
    assert missing.unresolved is not None
    assert "has no TCP port 80; it has: none" in missing.unresolved.message
    assert referent(world.service(), kind=UDPRoute).to == 500
    found = backend(service, world.endpoints("10.0.0.1", port=("", 53)), key=DNS)
    assert (found.protocol, found.node_port) == ("UDP", 30053)
    assert found.targets == (ir.Target(address="10.0.0.1", port=53),)


def test_one_number_for_two_protocols() -> None:
    service = world.service(one=ServicePort(name="tcp", port=80), two=ServicePort(name="udp", port=80, protocol="UDP"))
    assert referent(service, kind=TCPRoute).to == CART
    assert referent(service, kind=UDPRoute).to == DNS
    assert (str(CART), str(DNS)) == ("shop/cart:80", "shop/cart:80/udp")
    assert backend(service).protocol == "HTTP"
    assert backend(service, key=DNS).protocol == "UDP"


def test_services_without_backends() -> None:
    external = dataclasses.replace(world.service(), type="ExternalName")
    for found in (referent(external), referent(world.service(), port=0), referent()):
        assert found.to == 500
        assert found.unresolved is not None
        assert found.unresolved.reason == "BackendNotFound"


def test_a_policy_that_applies() -> None:
    items = (world.service(), POLICY, CA)
    assert referent(*items).to == CART
    tls = backend(*items).tls
    assert isinstance(tls, ir.BackendTLS)
    assert tls.authorities == (("f1", "PEM 1"),)
    assert backend(world.service(), CA).tls is None


@pytest.mark.parametrize(
    ("kind", "to"), [(HTTPRoute, 500), (GRPCRoute, 500), (TLSRoute, 500), (TCPRoute, CART)], ids=str
)
def test_a_policy_that_cannot_be_honoured_lets_nobody_through(kind: type[Route], to: ir.BackendKey | int) -> None:
    notes: list[Note] = []
    found = referent(world.service(), POLICY, kind=kind, notes=notes)
    assert (found.to, found.key, found.unresolved) == (to, CART, None)
    assert [note.code for note in notes] == ["NoValidCACertificate"] * (to == 500)
    assert backend(world.service(), POLICY).tls is None


def test_a_policy_that_cannot_be_seen() -> None:
    notes: list[Note] = []
    found = backend(world.service(), POLICY, unreadable=[("ConfigMap", "shop", "ca")], notes=notes)
    assert isinstance(found.tls, Unknown)
    assert "whether TLS is spoken to it is unknown" in notes[0].message


def test_targets() -> None:
    port = ServicePort(name="web", port=80, target="http")
    unready = dataclasses.replace(
        world.endpoints(name="b", port=("web", 9090)),
        endpoints=(objects.Endpoint(addresses=("10.0.0.9",), ready=False),),
    )
    notes: list[Note] = []
    found = backend(
        world.service(web=port),
        world.endpoints("10.0.0.2", "10.0.0.1", name="a", port=("web", 8080)),
        world.endpoints("10.0.0.1", name="c", port=("web", 8080)),
        world.endpoints("10.0.0.3", name="e", port=("other", 8080)),
        world.endpoints("fd00::1", name="d", family="IPv6"),
        unready,
        notes=notes,
    )
    assert found.targets == (ir.Target(address="10.0.0.1", port=8080), ir.Target(address="10.0.0.2", port=8080))
    assert found.port_number == 8080
    assert [note.code for note in notes] == ["UnsupportedAddressType"]


def test_a_headless_service_is_reached_at_the_ports_of_its_slices() -> None:
    """The port of a headless Service without a name is that of its slices; whoever made those."""
    service = world.service(one=ServicePort(port=80, target=80))
    found = backend(service, world.endpoints("10.0.0.1", port=("", 3000)))
    assert found.targets == (ir.Target(address="10.0.0.1", port=3000),)
    assert found.port_number == 3000


def test_no_slice_is_not_zero_targets() -> None:
    without = backend(world.service())
    assert isinstance(without.targets, Unknown)
    assert without.port_number == 8080
    assert backend(world.service(), world.endpoints()).targets == ()
    assert isinstance(backend(world.service(), world.endpoints("fd00::1", family="IPv6")).targets, Unknown)


def test_an_unreadable_slice_may_hold_anything() -> None:
    found = backend(world.service(), world.endpoints("10.0.0.1"), unreadable=[("EndpointSlice", "shop", "odd")])
    assert isinstance(found.targets, Unknown)
