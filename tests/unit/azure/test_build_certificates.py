"""Certificates: each an element of its own, and the one that each host shows."""

from __future__ import annotations

import pytest

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.routing import ir
from tests.unit.azure import samples
from tests.unit.azure.samples import certificate, codes, entry, logicals

LISTENER = "shop/edge/azure/listener/443.a.example.com"
A, WILD, B = ("a.example.com",), ("*.example.com",), ("b.example.org",)


def made(*held: ir.Certificate, hosts: tuple[str, ...] = ("a.example.com",), quota: int = 100) -> samples.Built:
    table = samples.table([entry(n, host=host) for n, host in enumerate(hosts)], 443, "HTTPS", held)
    return samples.made(samples.routing(table), quotas={"certificates": quota})


def shown(built: samples.Built, where: str = LISTENER) -> object:
    element = built[0].one(where)
    assert element is not None
    found = element.fields["certificate"]
    return found.to.rpartition("/")[2] if isinstance(found, model.Ref) else found


def test_the_first_that_is_good_for_the_host() -> None:
    built = made(certificate("b", "found", *B), certificate("a", "found", *A), certificate("w", "found", *WILD))
    assert shown(built) == "shop.a"
    assert logicals(built[0], "certificate") == ["shop.a"]
    spec = built[0].one("shop/edge/azure/certificate/shop.a").fields  # type: ignore[union-attr]
    assert (spec["fingerprint"], spec["key_vault"]) == ("f-a", None)
    assert codes(built) == []


def test_each_host_shows_its_own() -> None:
    hosts = ("a.example.com", "x.a.example.com", "*.example.com")
    built = made(certificate("a", "found", *A), certificate("w", "found", *WILD), hosts=hosts)
    found = {
        spec["hosts"][0]: spec["certificate"].to.rpartition("/")[2] for spec in samples.of_kind(built[0], "listener")
    }
    assert found == {"a.example.com": "shop.a", "*.example.com": "shop.w", "x.a.example.com": "shop.a"}


def test_without_a_good_one_the_first_is_shown() -> None:
    assert shown(made(certificate("b", "found", *B), certificate("c", "found"))) == "shop.b"


@pytest.mark.parametrize("state", ["unknown", "absent", "invalid"])
def test_one_alone_keeps_what_stands(state: str) -> None:
    graph, _ = built = made(certificate("a", state))
    assert shown(built) == "shop.a"
    where = "shop/edge/azure/certificate/shop.a"
    assert graph.one(where).spec == Unknown(f"a {state}")  # type: ignore[union-attr]
    assert graph.doubted == (frozenset() if state == "unknown" else {where})


def test_the_choice_stays_where_it_hangs_on_what_cannot_be_read() -> None:
    built = made(certificate("u", "unknown"), certificate("a", "found", *A))
    assert shown(built) == Unknown("u unknown")
    assert shown(made(certificate("a", "found", *A), certificate("u", "unknown"))) == "shop.a"
    assert shown(made(certificate("x", "absent"), certificate("a", "found", *A))) == "shop.a"
    built = made(certificate("x", "absent"), certificate("b", "found", *B))
    assert shown(built) == Unknown("x absent")
    assert logicals(built[0], "certificate") == ["shop.x"]
    assert built[0].doubted == {"shop/edge/azure/certificate/shop.x"}


def test_a_withdrawn_one_is_gone() -> None:
    built = made(certificate("a", "refused"), certificate("b", "found", *B))
    assert shown(built) == "shop.b"
    assert logicals(built[0], "certificate") == ["shop.b"]


def test_no_certificate_no_listener() -> None:
    graph, _ = built = made(certificate("a", "refused"))
    assert [model.short(where) for where in graph.elements] == ["gateway/lb"]
    assert codes(built) == ["NoCertificate"]


def test_a_host_whose_listener_has_none_shows_anothers() -> None:
    """What answers there is a 404, and no less specific listener."""
    table = samples.table([entry(1, ir.Respond(status=404)), entry(2, host="")], 443, "HTTPS", [certificate("c")])
    own = ir.Listener(
        name="own",
        owner=("Gateway", "shop", "edge"),
        port=443,
        protocol="HTTPS",
        hostname="a.example.com",
        certificates=(certificate("a", "refused"),),
        origin=samples.GATEWAY,
    )
    table = ir.Table(port=443, protocol="HTTPS", listeners=(own, *table.listeners), entries=table.entries)
    built = samples.made(samples.routing(table))
    assert shown(built) == "shop.c"
    assert samples.rows(built[0], "443.a.example.com") == [(("/*",), "not-found")]


def test_quota() -> None:
    hosts = tuple(f"h{n}.example.com" for n in range(4))
    built = made(*(certificate(f"c{n}", "found", host) for n, host in enumerate(hosts)), hosts=hosts, quota=2)
    assert logicals(built[0], "certificate") == ["shop.c0", "shop.c1"]
    assert codes(built) == ["CertificateQuota"] * 2
    assert len(samples.of_kind(built[0], "listener")) == 4
    assert all(isinstance(spec["certificate"], model.Ref) for spec in samples.of_kind(built[0], "listener"))


def test_key_vault_is_not_used_yet() -> None:
    assert samples.only(made(certificate("a"))[0], "certificate")["key_vault"] is None
