"""Listeners that a Google load balancer does not serve, and those of ListenerSets, which it does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from cloudgw.graph import model
from cloudgw.objects import Note, Origin
from cloudgw.routing import ir
from cloudgw_gcp import build
from tests.unit.gcp import samples
from tests.unit.gcp.samples import entry, logicals, match, only, rows

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
        assert [model.short(where) for where in sorted(graph.elements)] == ["address/lb", "firewall/lb"]
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
    assert rows(graph, "443/a.example.com") == [(["prefix /"], "404")]
    assert rows(graph, "443/*") == [(["prefix /"], "404")]
    assert rows(graph, "443/*.example.com") == [(["prefix /"], "shop/cart:8080")]
    assert logicals(graph, "certificate") == ["shop/tls-wild"]
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
    assert logicals(graph, "forwarding-rule") == ["443"]
    assert "shop/pay:8080" not in logicals(graph, "backend-service")
    said = [note for note in notes if note.code == "UnsupportedProtocol"]
    assert [note.origin for note in said] == [origin("s0"), origin("s1"), origin("s2")]
    assert [note.message.partition(" listeners")[0] for note in said] == [
        "protocol: TLS",
        "protocol: TCP",
        "protocol: UDP",
    ]


def test_listeners_of_a_set_are_ordinary_ones() -> None:
    """Two owners may use one name for a listener and for a Secret: everything made of them is told apart."""
    foreign = ir.Certificate(
        namespace="team", name="tls-web", state="found", fingerprint="f2", key_type="RSA-2048", origin=origin("x")
    )
    of_set = listener("web", "b.example.com", owner=("ListenerSet", "team", "more"), certificates=(foreign,))
    listeners = [listener("web", "a.example.com"), of_set]
    entries = [entry(1, listener="web"), entry(1, listener=of_set.id, host="b.example.com")]
    graph, _ = made(listeners, entries)
    assert logicals(graph, "certificate") == ["shop/tls-web", "team/tls-web"]
    shown = [ref.to.split("/", 4)[4] for ref in only(graph, "target-proxy")["certificates"]]
    assert shown == ["shop/tls-web", "team/tls-web"]
    assert len({where.rpartition("/")[2] for where in graph.elements if "/route-rule/" in where}) == 2


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
    ("state", "standing", "answer"),
    [
        ("refused", ("tls-bare",), "404"),
        ("absent", (), "404"),
        ("invalid", (), "404"),
        ("absent", ("tls-bare",), "shop/cart:8080"),
        ("unknown", (), "shop/cart:8080"),
    ],
)
def test_a_listener_without_a_certificate(state: str, standing: tuple[str, ...], answer: str) -> None:
    """It is never served under the certificate of its neighbour; what is still shown goes on."""
    listeners = [bare("bare", "a.example.com", state), listener("wild", "*.example.com")]
    entries = [entry(1, listener="bare"), entry(2, samples.forward((samples.PAY, 1)), host="*.example.com")]
    table = ir.Table(port=443, protocol="HTTPS", listeners=tuple(listeners), entries=tuple(entries))
    there = frozenset(f"shop/{name}" for name in standing)
    graph, notes = samples.made(samples.routing(table), certificates=there)
    assert rows(graph, "443/a.example.com")[0] == (["prefix /"], answer)
    assert rows(graph, "443/*.example.com") == [(["prefix /"], "shop/pay:8080")]
    said = [note for note in notes if note.code == "NoCertificate"]
    assert [note.origin for note in said] == ([origin("bare")] if answer == "404" else [])
    assert all("its hosts answer 404" in note.message for note in said)


@pytest.mark.parametrize(
    ("hostnames", "heard"),
    [
        (("*.example.com", ""), ["one"]),
        (("*.a.example.com", "*.example.com"), ["one"]),
        (("a.example.com", ""), []),
        (("*.example.com", "b.example.org"), []),
        (("*.example.com", "a.example.com"), []),
    ],
)
def test_hosts_that_a_wildcard_does_not_hear(hostnames: tuple[str, str], heard: list[str]) -> None:
    """A less specific listener answers for them: that is said once for each listener."""
    listeners = [listener(name, hostname) for name, hostname in zip(("one", "two"), hostnames, strict=True)]
    _, notes = made(listeners, [entry(1, listener="one", host=hostnames[0])])
    assert [note.code for note in notes] == ["HostReadOtherwise"] * len(heard)
    assert [note.origin for note in notes] == [origin(name) for name in heard]
    assert all(f"hosts below {hostnames[0]} that have other" in note.message for note in notes)
