"""Resolve: whose Gateways, which listeners, what is known, what isolates whom."""

from __future__ import annotations

import dataclasses

import pytest

from cloudgw import objects
from cloudgw.objects import Meta, ObjectRef, Secret, Unknown
from cloudgw.routing import conflicts, ir, request, resolve, sets
from tests.unit.routing import world


def https(name: str, *secrets: str, hostname: str = "", namespace: str = "shop") -> objects.Listener:
    refs = tuple(ObjectRef(kind="Secret", namespace=namespace, name=secret) for secret in secrets)
    return dataclasses.replace(world.listener(name, hostname, 443, "HTTPS"), certificates=refs)


def secret(name: str, namespace: str = "shop", **more: str) -> Secret:
    about = {"type": "kubernetes.io/tls", "fingerprint": "f" * 64, **more}
    return Secret(meta=Meta(namespace=namespace, name=name), **about)  # type: ignore[arg-type]


def test_only_gateways_of_our_classes() -> None:
    theirs = dataclasses.replace(world.CLASS, controller="example.com/other")
    resolution = resolve.resolve(world.snapshot(theirs, world.gateway()))
    assert resolution.gateways == ()
    assert [note.code for note in resolution.notes] == ["NotOurClass"]
    assert resolve.resolve(world.snapshot(world.gateway())).gateways == ()
    routing = world.resolved(world.snapshot(world.gateway(), complete=frozenset()))
    assert isinstance(routing.gateway_class, Unknown)
    assert isinstance(routing.parameters, Unknown)
    assert len(resolve.resolve(world.snapshot(theirs, world.gateway()), "example.com/other").gateways) == 1


def test_parameters() -> None:
    assert world.resolved(world.snapshot(world.CLASS, world.PARAMETERS, world.gateway())).parameters == world.PARAMETERS
    missing = world.resolved(world.snapshot(world.CLASS, world.gateway()))
    assert missing.parameters is None
    assert world.codes(missing) == ["MissingParameters"]
    unnamed = dataclasses.replace(world.CLASS, parameters=None)
    assert world.codes(world.resolved(world.snapshot(unnamed, world.gateway()))) == ["MissingParameters"]
    unseen = world.resolved(world.snapshot(world.CLASS, world.gateway(), complete=frozenset()))
    assert isinstance(unseen.parameters, Unknown)


def test_what_is_known() -> None:
    routing = world.resolved(
        world.snapshot(
            world.CLASS,
            world.gateway(),
            world.route(),
            complete=frozenset({"Service"}),
            absent=frozenset({("HTTPRoute", "shop", "old"), ("Gateway", "shop", "old")}),
            unreadable=[("HTTPRoute", "shop", "odd")],
        )
    )
    assert routing.known == (("shop", "cart"), ("shop", "old"))
    assert not routing.complete
    assert "deletions cannot be seen" in routing.incomplete
    assert "Service" not in routing.incomplete[0]
    whole = world.resolved(world.snapshot(world.CLASS, world.gateway()))
    assert whole.complete
    assert whole.incomplete == ()
    odd = world.resolved(world.snapshot(world.CLASS, world.gateway(), unreadable=[("HTTPRoute", "shop", "odd")]))
    assert not odd.complete


def test_gone() -> None:
    absent = frozenset({("Gateway", "shop", "old"), ("Gateway", "shop", "edge")})
    assert resolve.resolve(world.snapshot(world.CLASS, world.gateway(), absent=absent)).gone == (("shop", "old"),)


@pytest.mark.parametrize(
    ("listeners", "lost"),
    [
        ([world.listener("a"), world.listener("b", "x.io")], set()),
        ([world.listener("a"), world.listener("b")], {0, 1}),
        ([world.listener("a", "x.io"), world.listener("b", "x.io"), world.listener("c")], {0, 1}),
        ([world.listener("a"), world.listener("b", port=81)], set()),
        ([world.listener("a"), world.listener("b", "x.io", protocol="HTTPS")], {0, 1}),
        ([world.listener("a", protocol="TCP"), world.listener("b")], {0, 1}),
        ([world.listener("a", protocol="UDP"), world.listener("b")], set()),
        ([world.listener("a", protocol="TLS"), world.listener("b", "x.io", protocol="HTTPS")], set()),
        ([world.listener("a", protocol="ODD"), world.listener("b")], set()),
        ([world.listener("a"), world.listener("a", port=81)], {0, 1}),
    ],
)
def test_conflicts(listeners: list[objects.Listener], lost: set[int]) -> None:
    gateway = world.gateway(*listeners)
    found, _ = conflicts.find(sets.declared(gateway, []))
    assert {number for number, one in enumerate(listeners) if one.name in found} == lost


@pytest.mark.parametrize(
    ("state", "item"),
    [
        ("found", secret("tls")),
        ("absent", None),
        ("invalid", secret("tls", type="Opaque")),
        ("invalid", secret("tls", fingerprint="", problem="tls.key is missing")),
    ],
)
def test_certificates(state: str, item: Secret | None) -> None:
    things = [item] if item else []
    routing = world.resolved(world.snapshot(world.CLASS, world.gateway(https("s", "tls")), world.route(), *things))
    (certificate,) = routing.tables[0].listeners[0].certificates
    assert certificate.state == state
    if state == "found":
        assert certificate.fingerprint == "f" * 64
    else:  # what serves with it may go on serving; providers make nothing new of it
        assert "InvalidCertificateRef" in world.codes(routing)


def test_certificates_that_cannot_be_seen_keep_their_listener() -> None:
    snapshot = world.snapshot(
        world.CLASS, world.gateway(https("s", "gone", "odd")), world.route(), unreadable=[("Secret", "shop", "odd")]
    )
    (table,) = world.resolved(snapshot).tables
    assert [certificate.state for certificate in table.listeners[0].certificates] == ["absent", "unknown"]
    assert len(table.entries) == 1


def test_certificates_of_other_namespaces() -> None:
    gateway = world.gateway(https("s", "tls", namespace="other"))
    grant = world.grant("other", kind="Gateway", to="Secret")
    theirs = secret("tls", "other")
    assert world.resolved(world.snapshot(world.CLASS, gateway, theirs)).tables == ()
    assert "RefNotPermitted" in world.codes(world.resolved(world.snapshot(world.CLASS, gateway, theirs)))
    assert len(world.resolved(world.snapshot(world.CLASS, gateway, theirs, grant)).tables) == 1


def test_https_without_certificates_and_client_validation() -> None:
    assert world.resolved(world.snapshot(world.CLASS, world.gateway(https("s")))).tables == ()
    gateway = world.gateway(https("s", "tls"), world.listener())
    missing = objects.ClientValidation(authorities=(objects.ObjectRef(kind="ConfigMap", namespace="shop", name="ca"),))
    strict = dataclasses.replace(gateway, frontend=objects.FrontendTLS(default=missing))
    (table,) = world.resolved(world.snapshot(world.CLASS, strict, secret("tls"))).tables
    assert table.protocol == "HTTP"


def keys(routing: ir.Routing) -> list[str]:
    return [entry.key.rpartition("/")[0] for entry in routing.tables[0].entries]


def test_isolation_only_where_needed() -> None:
    wild, exact = world.listener("wild", "*.a.io"), world.listener("exact", "x.a.io")
    to_wild = objects.ParentRef(namespace="shop", name="edge", section="wild")
    everywhere = world.snapshot(world.CLASS, world.gateway(wild, exact), world.route())
    assert keys(world.resolved(everywhere)) == ["exact/shop/cart/x.a.io", "wild/shop/cart/*.a.io"]
    only_wild = world.snapshot(world.CLASS, world.gateway(wild, exact), world.route(parents=(to_wild,)))
    assert keys(world.resolved(only_wild)) == ["exact/-/-/isolation", "wild/shop/cart/*.a.io"]
    elsewhere = world.route(parents=(to_wild,), hostnames=("y.a.io",))
    assert keys(world.resolved(world.snapshot(world.CLASS, world.gateway(wild, exact), elsewhere))) == [
        "wild/shop/cart/y.a.io"
    ]


def test_keys_depend_on_the_match_alone() -> None:
    one = world.route("cart", world.rule(world.path("/a")), world.rule(world.path("/b")))
    other = world.route("cart", world.rule(world.path("/b"), backends=[]), world.rule(world.path("/a")))
    found = [
        {entry.key for entry in world.resolved(world.snapshot(world.CLASS, world.gateway(), route)).tables[0].entries}
        for route in (one, other)
    ]
    assert found[0] == found[1]


def test_what_can_never_answer_is_said() -> None:
    routing = world.resolved(
        world.snapshot(
            world.CLASS,
            world.gateway(),
            world.route("new", world.rule(world.path("/a/")), created="2026-02-01T00:00:00Z"),
            world.route(
                "old", world.rule(world.path("/a")), world.rule(world.path("/a")), created="2026-01-01T00:00:00Z"
            ),
        )
    )
    assert [(entry.origin.name, bool(entry.behind)) for entry in routing.tables[0].entries] == [
        ("old", False),
        ("new", True),
    ]
    assert [code for code in world.codes(routing) if code in ("Shadowed", "DuplicateMatch")] == [
        "DuplicateMatch",
        "Shadowed",
    ]


def test_an_entry_that_may_not_exist_shadows_nobody() -> None:
    selector = objects.Selector(labels=(("team", "web"),))
    allowed = objects.AllowedRoutes(namespaces="Selector", selector=selector)
    gateway = world.gateway(dataclasses.replace(world.listener(), allowed=allowed))
    seen = objects.Namespace(meta=Meta(name="shop", labels={"team": "web"}))
    routing = world.resolved(
        world.snapshot(
            world.CLASS,
            gateway,
            seen,
            world.route(namespace="blind"),
            world.route(),
            complete=frozenset({"GatewayClass"}),
        )
    )
    assert [entry.origin.namespace for entry in routing.tables[0].entries] == ["blind", "shop"]
    assert request.answer(routing, request.Request(port=80)).kind == "unknown"


def test_a_missing_gateway_and_other_parents_are_said() -> None:
    lost = world.route(parents=(objects.ParentRef(namespace="shop", name="nowhere"),))
    mesh = world.route("mesh", parents=(objects.ParentRef(group="", kind="Service", namespace="shop", name="cart"),))
    odd = world.route("odd", parents=(objects.ParentRef(kind="Ingress", namespace="shop", name="edge"),))
    notes = resolve.resolve(world.snapshot(world.CLASS, lost, mesh, odd)).notes
    assert [note.code for note in notes] == ["MissingGateway", "UnsupportedKind"]
    assert not any("mesh" in note.message for note in notes), "a Service as parent is a mesh's business"


def test_an_unknown_field_of_tls_may_have_been_meant_to_keep_clients_out() -> None:
    def resolved(pointer: str) -> ir.Routing:
        listener = dataclasses.replace(https("s", "tls"), unhandled=(f"/spec/listeners/0{pointer}",))
        return world.resolved(world.snapshot(world.CLASS, world.gateway(listener), world.route(), secret("tls")))

    assert resolved("/tls/frontendValidation").tables == ()
    assert resolved("/tls/frontendValidation").verdicts.listeners[0].accepted.reason == "UnsupportedValue"
    assert len(resolved("/tls/options").tables) == 1
    assert len(resolved("/comment").tables) == 1


@pytest.mark.parametrize(
    "odd",
    [
        dataclasses.replace(world.listener(), tls_mode="Terminate"),
        dataclasses.replace(world.listener(protocol="TCP"), hostname="a.io"),
        dataclasses.replace(world.listener(), unhandled=("/spec/listeners/0/allowedRoutes/namespaces/selektor",)),
    ],
)
def test_listeners_that_say_what_they_cannot_be(odd: objects.Listener) -> None:
    routing = world.resolved(world.snapshot(world.CLASS, world.gateway(odd), world.route()))
    assert (routing.tables, routing.streams) == ((), ())
    assert routing.verdicts.listeners[0].accepted.reason == "UnsupportedValue"


def test_labels_that_a_namespace_lacks_cannot_be_told_without_it() -> None:
    selector = objects.Selector(expressions=(("team", "DoesNotExist", ()),))
    allowed = objects.AllowedRoutes(namespaces="Selector", selector=selector)
    gateway = world.gateway(dataclasses.replace(world.listener(), allowed=allowed))
    routing = world.resolved(world.snapshot(world.CLASS, gateway, world.route()))
    assert routing.verdicts.parents[0].accepted.status is None
