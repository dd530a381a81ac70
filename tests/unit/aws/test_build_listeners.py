"""Listeners that an Application Load Balancer does not serve, and those of ListenerSets, which it does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from cloudgw.graph import model
from cloudgw.objects import Note, Origin, RouteMatch, Unknown
from cloudgw.routing import ir
from cloudgw_aws import build, facts, names
from tests.unit.aws import samples

CLIENT = ir.ClientValidation(authorities=(("f", "PEM"),))


def listener(name: str, hostname: str, **more: object) -> ir.Listener:
    secret = ir.Certificate(
        namespace="shop", name=f"tls-{name}", state="found", fingerprint=name, key_type="RSA-2048", origin=origin(name)
    )
    given: dict[str, object] = {"owner": ("Gateway", "shop", "edge"), "certificates": (secret,), **more}
    return ir.Listener(name=name, port=443, protocol="HTTPS", hostname=hostname, origin=origin(name), **given)  # type: ignore[arg-type]


def origin(name: str) -> Origin:
    return Origin(kind="Gateway", namespace="shop", name="edge", section=f'listener "{name}"')


def made(listeners: Sequence[ir.Listener], entries: Sequence[ir.Entry]) -> tuple[model.Graph, tuple[Note, ...]]:
    table = ir.Table(port=443, protocol="HTTPS", listeners=tuple(listeners), entries=tuple(entries))
    routing = samples.routing(table)
    graph, notes = build.build(routing, samples.network(), samples.wanted())
    assert [note for note in notes if note.code != "BackendAccessUnmanaged"] == list(build.lint(routing))
    return graph, notes


def rules(graph: model.Graph) -> list[tuple[str, object]]:
    order = graph.order.get("shop/edge/aws/listener/443", ())
    fields = [graph.elements[where][0].fields for where in order]
    return [
        (where.split("/rule/443/")[1], one["action"].get("status", "forward"))
        for where, one in zip(order, fields, strict=True)
    ]


def kinds(graph: model.Graph, kind: str) -> list[str]:
    return sorted(model.short(where).partition("/")[2] for where in graph.elements if model.kind_of(where) == kind)


def test_client_certificates_close_the_port() -> None:
    for client in (CLIENT, dataclasses.replace(CLIENT, insecure=True)):
        one = listener("one", "a.example.com", client=client)
        graph, notes = made([one], [samples.entry(1, listener="one")])
        assert kinds(graph, "listener") + kinds(graph, "rule") + kinds(graph, "certificate") == []
        assert [where for where in graph.elements if "security-group-rule/lb" in where] == []
        (said,) = (note for note in notes if note.code == "ClientCertificates")
        assert (said.level, said.origin) == ("error", one.origin)
        assert "nothing listens on port 443" in said.message


def test_client_certificates_close_their_hosts_where_others_listen() -> None:
    listeners = [
        listener("one", "a.example.com", client=CLIENT),
        listener("wild", "*.example.com"),
        listener("two", "", client=CLIENT),
    ]
    entries = [
        samples.entry(1, listener="one", of=samples.match("/x")),
        samples.entry(2, listener="one"),
        samples.entry(3, listener="wild", host="*.example.com"),
        samples.entry(4, listener="two", host=""),
    ]
    graph, notes = made(listeners, entries)
    assert rules(graph) == [
        ("one/-/-/isolation/a.example.com", 404),
        ("wild/shop/cart/*.example.com/3", "forward"),
        ("two/-/-/isolation/*", 404),
    ]
    assert kinds(graph, "certificate") == ["shop/tls-wild"]
    assert ["answer 404" in note.message for note in notes if note.code == "ClientCertificates"] == [True, True]


def test_streams_are_not_built() -> None:
    passing = listener("pass", "b.example.com", certificates=())
    tls = dataclasses.replace(passing, protocol="TLS", tls_mode="Passthrough")
    streams = []
    for number, (protocol, port) in enumerate([("TLS", 443), ("TCP", 5432), ("UDP", 53)]):
        one = dataclasses.replace(tls, protocol=protocol, port=port, name=f"s{number}", origin=origin(f"s{number}"))
        action = samples.forward((samples.PAY, 1))
        stream = ir.Stream(key=f"s{number}/x", listener=one.id, action=action, origin=one.origin)
        streams.append(ir.StreamTable(port=port, protocol=protocol, listeners=(one,), streams=(stream,)))
    table = samples.table([samples.entry(1, listener="https")], 443, "HTTPS", [samples.certificate("tls")])
    routing = samples.routing(table, streams=tuple(streams))
    graph, notes = build.build(routing, samples.network(), samples.wanted())
    assert kinds(graph, "listener") == ["443"]
    assert kinds(graph, "target-group") == ["shop/cart:8080"]
    said = [note for note in notes if note.code == "UnsupportedProtocol"]
    assert [note.origin for note in said] == [origin("s0"), origin("s1"), origin("s2")]
    assert [note.message.partition(" listeners")[0] for note in said] == [
        "protocol: TLS",
        "protocol: TCP",
        "protocol: UDP",
    ]
    assert set(said) <= set(build.lint(routing))


def test_listeners_of_a_set_are_ordinary_ones() -> None:
    """Two owners may use one name for a listener and for a Secret: everything made of them is told apart."""
    foreign = ir.Certificate(
        namespace="team", name="tls-web", state="found", fingerprint="f2", key_type="RSA-2048", origin=origin("x")
    )
    of_set = listener("web", "b.example.com", owner=("ListenerSet", "team", "more"), certificates=(foreign,))
    listeners = [listener("web", "a.example.com"), of_set]
    entries = [
        samples.entry(1, listener="web"),
        samples.entry(1, listener=of_set.id, host="b.example.com"),
    ]
    graph, _ = made(listeners, entries)
    assert [where for where, _ in rules(graph)] == [
        "web/shop/cart/a.example.com/1",
        "team:more:web/shop/cart/b.example.com/1",
    ]
    assert kinds(graph, "certificate") == ["shop/tls-web", "team/tls-web"]
    assert kinds(graph, "listener-certificate") == ["443/shop/tls-web", "443/team/tls-web"]
    where = graph.order["shop/edge/aws/listener/443"][1]
    record = names.record_of(names.tags_of("dev", where, "x", {}))
    assert record is not None
    assert record.address == where
    rule = {"RuleArn": "r"}
    tags = {"r": names.tags_of("dev", where, "x", {})}
    content = {"owner": "dev", "load_balancers": [], "target_groups": [], "rules": [rule], "tags": tags}
    assert facts._read_standing(content).routes == {"shop/edge": {"shop/cart"}}


def test_incomplete_input_knows_the_routes_of_a_set() -> None:
    of_set = listener("web", "", owner=("ListenerSet", "team", "more"))
    table = ir.Table(port=443, protocol="HTTPS", listeners=(of_set,), entries=())
    graph, _ = build.build(samples.routing(table, complete=False), samples.network(), samples.wanted())
    assert not graph.is_unknown("shop/edge/aws/rule/443/team:more:web/shop/cart/b.example.com/9")
    assert graph.is_unknown("shop/edge/aws/rule/443/team:more:web/shop/other/b.example.com/9")


def test_one_secret_that_one_listener_sees_is_seen() -> None:
    """A grant that cannot be seen for one owner is no reason to doubt what another owner may use."""
    seen = listener("seen", "b.example.com").certificates[0]
    unseen = dataclasses.replace(seen, state="unknown", fingerprint="", reason="grants could not be read")
    listeners = [
        listener("one", "a.example.com", certificates=(unseen,)),
        listener("two", "b.example.com", certificates=(seen,)),
    ]
    graph, _ = made(listeners, [])
    assert graph.one("shop/edge/aws/certificate/shop/tls-seen").fields["fingerprint"] == "seen"  # type: ignore[union-attr]


def test_lint_needs_neither_parameters_nor_an_account() -> None:
    table = samples.table([samples.entry(1, of=RouteMatch(query=samples.match(query=[("q", "v")]).query))])
    assert [note.code for note in build.lint(samples.routing(table))] == ["MatchNotExpressible"]
    assert build.lint(samples.routing()) == ()


def bare(name: str, hostname: str, state: str, **more: object) -> ir.Listener:
    one = listener(name, hostname, **more)
    lost = dataclasses.replace(one.certificates[0], state=state, fingerprint="", reason=f"it is {state}")
    return dataclasses.replace(one, certificates=(lost,))


def test_a_listener_without_a_certificate() -> None:
    """It is never served under the certificate of its neighbour."""
    entries = [
        samples.entry(1, listener="bare"),
        samples.entry(2, samples.forward((samples.PAY, 1)), host="*.example.com", listener="wild"),
    ]
    wild = listener("wild", "*.example.com")
    graph, notes = made([bare("bare", "a.example.com", "refused"), wild], entries)
    assert rules(graph) == [("bare/-/-/isolation/a.example.com", 404), ("wild/shop/cart/*.example.com/2", "forward")]
    assert [note.origin for note in notes if note.code == "NoCertificate"] == [origin("bare")]
    graph, notes = made([bare("bare", "a.example.com", "unknown"), wild], entries)
    assert [answer for _, answer in rules(graph)] == ["forward", "forward"]
    assert [note for note in notes if note.code == "NoCertificate"] == []


def test_a_listener_whose_secret_is_gone_keeps_what_stands() -> None:
    """Whether its certificate is still shown is not known: nothing is made, and nobody else answers."""
    entries = [
        samples.entry(1, listener="bare"),
        samples.entry(2, samples.forward((samples.PAY, 1)), host="*.example.com", listener="wild"),
    ]
    for state in ("absent", "invalid"):
        graph, notes = made([bare("bare", "a.example.com", state), listener("wild", "*.example.com")], entries)
        own, barrier, other = graph.order["shop/edge/aws/listener/443"]
        assert isinstance(graph.elements[own][0].spec, Unknown)
        assert barrier.endswith("/bare/-/-/isolation/a.example.com")
        assert graph.elements[barrier][0].fields["action"]["status"] == 404
        assert graph.elements[other][0].fields["action"]["type"] == "forward"
        (said,) = (note for note in notes if note.code == "NoCertificate")
        assert "what stands for its hosts stays as it is" in said.message
        revoked = dataclasses.replace(samples.forward((500, 1)).shares[0], withdrawn=samples.PAY)
        shares = (revoked, *samples.forward((samples.CART, 1)).shares)
        gone = [samples.entry(1, ir.Forward(shares=shares), listener="bare"), entries[1]]
        graph, _ = made([bare("bare", "a.example.com", state), listener("wild", "*.example.com")], gone)
        assert [answer for _, answer in rules(graph)] == [404, "forward"]
