"""Certificates: each an element of its own, the default and the list of a listener."""

from __future__ import annotations

from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.routing import ir
from cloudgw_aws import build
from tests.unit.aws import samples

LISTENER = "shop/edge/aws/listener/443"


def made(*certificates: ir.Certificate, quota: int = 25) -> tuple[model.Graph, tuple[Note, ...]]:
    table = samples.table([samples.entry(1, listener="https")], 443, "HTTPS", certificates)
    return build.build(samples.routing(table), samples.network(certificates=quota), samples.wanted())


def default(graph: model.Graph) -> str:
    listener = graph.one(LISTENER)
    assert listener is not None
    return str(listener.fields["certificate"].to).rpartition("/")[2]


def of_kind(graph: model.Graph, kind: str) -> list[str]:
    return [model.short(e.address).split("/", 1)[1] for e in graph if model.kind_of(e.address) == kind]


def test_one_is_the_default_and_in_no_list() -> None:
    graph, notes = made(samples.certificate("a"))
    assert default(graph) == "a"
    assert of_kind(graph, "listener-certificate") == []
    assert of_kind(graph, "certificate") == ["shop/a"]
    assert [note.code for note in notes] == ["BackendAccessUnmanaged"]


def test_two_are_both_in_the_list() -> None:
    graph, _ = made(samples.certificate("b"), samples.certificate("a"))
    assert default(graph) == "b"
    assert of_kind(graph, "listener-certificate") == ["443/shop/a", "443/shop/b"]


def test_an_unknown_one_concerns_itself_alone() -> None:
    graph, _ = made(samples.certificate("a", "unknown"), samples.certificate("b"))
    assert default(graph) == "a"
    assert graph.one("shop/edge/aws/certificate/shop/a").spec == Unknown("a unknown")  # type: ignore[union-attr]
    assert graph.one("shop/edge/aws/certificate/shop/b").fields["fingerprint"] == "f-b"  # type: ignore[union-attr]


def test_an_absent_one_keeps_what_stands_and_is_no_default() -> None:
    graph, _ = made(samples.certificate("a", "absent"), samples.certificate("b"))
    assert default(graph) == "b"
    assert isinstance(graph.one("shop/edge/aws/certificate/shop/a").spec, Unknown)  # type: ignore[union-attr]


def test_a_withdrawn_one_is_gone() -> None:
    graph, _ = made(samples.certificate("a", "refused"), samples.certificate("b"))
    assert of_kind(graph, "certificate") == ["shop/b"]


def test_no_certificate_no_listener() -> None:
    graph, notes = made(samples.certificate("a", "refused"))
    assert graph.one(LISTENER) is None
    assert of_kind(graph, "rule") == []
    assert of_kind(graph, "load-balancer") == ["lb"]
    assert "NoCertificate" in [note.code for note in notes]


def test_quota() -> None:
    graph, notes = made(*(samples.certificate(f"c{n}") for n in range(4)), quota=2)
    assert len(of_kind(graph, "listener-certificate")) == 2
    assert [note.code for note in notes].count("CertificateQuota") == 2
