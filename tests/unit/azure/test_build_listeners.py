"""Listeners that an Application Gateway does not serve, and those of ListenerSets, which it does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from cloudgw.graph import model
from cloudgw.objects import Note, Origin
from cloudgw.routing import ir
from cloudgw_azure import build, build_maps, build_rules
from tests.unit.azure import samples
from tests.unit.azure.samples import entry, logicals, match, of_kind, rows

CLIENT = ir.ClientValidation(authorities=(("f", "PEM"),))


def listener(name: str, hostname: str, **more: object) -> ir.Listener:
    secret = ir.Certificate(
        namespace="shop", name=f"tls-{name}", state="found", fingerprint=name, key_type="RSA-2048", origin=origin(name)
    )
    given: dict[str, object] = {"owner": ("Gateway", "shop", "edge"), "certificates": (secret,), "port": 443, **more}
    return ir.Listener(name=name, protocol="HTTPS", hostname=hostname, origin=origin(name), **given)  # type: ignore[arg-type]


def origin(name: str) -> Origin:
    return Origin(kind="Gateway", namespace="shop", name="edge", section=f'listener "{name}"')


def made(listeners: Sequence[ir.Listener], entries: Sequence[ir.Entry]) -> tuple[model.Graph, tuple[Note, ...]]:
    table = ir.Table(port=443, protocol="HTTPS", listeners=tuple(listeners), entries=tuple(entries))
    routing = samples.routing(table)
    graph, notes = samples.made(routing)
    assert notes == build.lint(routing)
    return graph, notes


def test_client_certificates_close_the_port() -> None:
    for client in (CLIENT, dataclasses.replace(CLIENT, insecure=True)):
        one = listener("one", "a.example.com", client=client)
        graph, notes = made([one], [entry(1, listener="one")])
        assert [model.short(where) for where in graph.elements] == ["gateway/lb"]
        (said,) = notes
        assert (said.code, said.level, said.origin, said.refuses) == (
            "ClientCertificates",
            "error",
            one.origin,
            "listener",
        )
        assert "nothing listens on port 443" in said.message


def test_client_certificates_close_their_hosts_where_others_listen() -> None:
    listeners = [
        listener("one", "a.example.com", client=CLIENT),
        listener("wild", "*.example.com"),
        listener("two", "", client=CLIENT),
    ]
    entries = [
        entry(1, listener="one", of=match("/x")),
        entry(2, listener="one"),
        entry(3, listener="wild", host="*.example.com"),
        entry(4, listener="two", host=""),
    ]
    graph, notes = made(listeners, entries)
    assert rows(graph, "443.a.example.com") == [(("/*",), "not-found")]
    assert rows(graph, "443.any") == [(("/*",), "not-found")]
    assert [spec["action"]["pool"].to.rpartition("/")[2] for spec in of_kind(graph, "path-rule")].count(
        "shop.cart.8080"
    ) == 1
    assert logicals(graph, "certificate") == ["shop.tls-wild"]
    assert ["answer 404" in note.message for note in notes if note.code == "ClientCertificates"] == [True, True]


def test_streams_are_not_built() -> None:
    streams = []
    for number, (protocol, port) in enumerate([("TLS", 443), ("TCP", 5432), ("UDP", 53)]):
        one = dataclasses.replace(listener(f"s{number}", "b.example.com"), protocol=protocol, port=port)
        action = samples.forward((samples.PAY, 1))
        stream = ir.Stream(key=f"s{number}/x", listener=one.id, action=action, origin=one.origin)
        streams.append(ir.StreamTable(port=port, protocol=protocol, listeners=(one,), streams=(stream,)))
    table = samples.table([entry(1, listener="https")], 443, "HTTPS", [samples.certificate("tls")])
    graph, notes = samples.made(samples.routing(table, streams=tuple(streams)))
    assert logicals(graph, "listener") == ["443.a.example.com"]
    assert "shop.pay.8080" not in logicals(graph, "pool")
    said = [note for note in notes if note.code == "UnsupportedProtocol"]
    assert [note.origin for note in said] == [origin("s0"), origin("s1"), origin("s2")]
    assert [note.message.partition(" listeners")[0] for note in said] == [
        "protocol: TLS",
        "protocol: TCP",
        "protocol: UDP",
    ]


@pytest.mark.parametrize("port", [22, 65_000, 65_535])
def test_ports_that_are_reserved(port: int) -> None:
    graph, notes = samples.made(samples.routing(samples.table([entry(1)], port), samples.table([entry(2)], 64_999)))
    assert logicals(graph, "frontend-port") == ["64999"]
    assert [(note.code, note.refuses) for note in notes] == [("PortReserved", "listener")]


def test_listeners_of_a_set_are_ordinary_ones() -> None:
    """Two owners may use one name for a listener and for a Secret: everything made of them is told apart."""
    foreign = ir.Certificate(
        namespace="team", name="tls-web", state="found", fingerprint="f2", key_type="RSA-2048", origin=origin("x")
    )
    of_set = listener("web", "b.example.com", owner=("ListenerSet", "team", "more"), certificates=(foreign,))
    listeners = [listener("web", "a.example.com"), of_set]
    entries = [entry(1, listener="web"), entry(1, listener=of_set.id, host="b.example.com")]
    graph, _ = made(listeners, entries)
    assert logicals(graph, "certificate") == ["shop.tls-web", "team.tls-web"]
    shown = {spec["hosts"]: spec["certificate"].to for spec in of_kind(graph, "listener")}
    assert shown == {
        ("a.example.com",): "shop/edge/azure/certificate/shop.tls-web",
        ("b.example.com",): "shop/edge/azure/certificate/team.tls-web",
    }
    assert len({where.rpartition("/")[2] for where in graph.elements if "/path-rule/" in where}) == 2


def test_one_secret_that_one_listener_sees_is_seen() -> None:
    """A grant that cannot be seen for one owner is no reason to doubt what another owner may use."""
    seen = listener("seen", "b.example.com").certificates[0]
    unseen = dataclasses.replace(seen, state="unknown", fingerprint="", reason="grants could not be read")
    listeners = [
        listener("one", "a.example.com", certificates=(unseen,)),
        listener("two", "b.example.com", certificates=(seen,)),
    ]
    graph, _ = made(listeners, [entry(1, listener="one")])
    assert samples.only(graph, "certificate")["fingerprint"] == "seen"


def bare(name: str, hostname: str, state: str, **more: object) -> ir.Listener:
    one = listener(name, hostname, **more)
    lost = dataclasses.replace(one.certificates[0], state=state, fingerprint="", reason=f"it is {state}")
    return dataclasses.replace(one, certificates=(lost,))


@pytest.mark.parametrize(
    ("state", "served", "answer"),
    [
        ("refused", True, "not-found"),
        ("absent", False, "not-found"),
        ("invalid", False, "not-found"),
        ("absent", True, "shop.cart.8080"),
        ("unknown", False, "shop.cart.8080"),
    ],
)
def test_a_listener_without_a_certificate(state: str, served: bool, answer: str) -> None:
    """It is never served under the certificate of its neighbour; what was served before goes on."""
    listeners = [bare("bare", "a.example.com", state), listener("wild", "*.example.com")]
    to_pay = samples.forward((samples.PAY, 1))
    entries = [entry(1, listener="bare"), entry(2, to_pay, host="*.example.com", listener="wild")]
    table = ir.Table(port=443, protocol="HTTPS", listeners=tuple(listeners), entries=tuple(entries))
    standing = frozenset({build_rules.rule_id(entries[0])} if served else ())
    graph, notes = samples.made(samples.routing(table), standing=standing)
    assert rows(graph, "443.a.example.com") == [(("/*",), answer)]
    assert rows(graph, build_maps.logical(443, "*.example.com")) == [(("/*",), "shop.pay.8080")]
    said = [note for note in notes if note.code == "NoCertificate"]
    assert [note.origin for note in said] == [origin("bare")] * (answer == "not-found")
    assert all("its hosts answer 404" in note.message for note in said)
