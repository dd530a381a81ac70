"""Certificates: each an element of its own, and the list that the proxy of a port shows."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.routing import ir
from cloudgw_gcp import build_quota
from tests.unit.gcp import samples
from tests.unit.gcp.samples import at, certificate, codes, entry, logicals, only


def made(
    *held: ir.Certificate, standing: tuple[str, ...] = (), quota: int = 15, spec: Mapping[str, object] | None = None
) -> samples.Built:
    table = samples.table([entry(1)], 443, "HTTPS", held)
    there = frozenset(f"shop/{name}" for name in standing)
    return samples.made(samples.routing(table), spec, certificates=there, quotas={"certificates": quota})


def shown(built: samples.Built) -> object:
    found = only(built[0], "target-proxy")["certificates"]
    return found if isinstance(found, Unknown) else [ref.to.rpartition("/")[2] for ref in found]


def test_all_of_a_port_in_the_order_of_its_listeners() -> None:
    """The first is shown to clients that name no host."""
    built = made(certificate("b"), certificate("a"), certificate("b"))
    assert shown(built) == ["b", "a"]
    assert logicals(built[0], "certificate") == ["shop/a", "shop/b"]
    spec = built[0].one(at("certificate", "shop/a")).fields  # type: ignore[union-attr]
    assert spec == {"place": samples.REGION, "fingerprint": "f-a"}
    assert codes(built) == []


@pytest.mark.parametrize("state", ["unknown", "absent", "invalid"])
def test_one_alone_keeps_what_stands(state: str) -> None:
    graph, _ = built = made(certificate("a", state), standing=("a",))
    assert shown(built) == ["a"]
    where = at("certificate", "shop/a")
    assert graph.one(where).spec == Unknown(f"a {state}")  # type: ignore[union-attr]
    assert graph.doubted == (frozenset() if state == "unknown" else {where})
    assert shown(made(certificate("a", state))) == Unknown(f"a {state}")


@pytest.mark.parametrize("state", ["unknown", "absent", "invalid"])
def test_one_that_cannot_be_read_keeps_no_other_back(state: str) -> None:
    built = made(certificate("u", state), certificate("a"))
    assert shown(built) == ["a"]
    assert logicals(built[0], "certificate") == ["shop/a", "shop/u"]


@pytest.mark.parametrize(("state", "doubted"), [("unknown", False), ("absent", True), ("invalid", True)])
def test_a_proxy_without_any_waits_alone(state: str, doubted: bool) -> None:
    """Nobody has to look again for a Secret that is known to be missing: the plan is complete without it."""
    graph, _ = made(certificate("a", state))
    proxy = at("target-proxy", "443")
    assert isinstance(only(graph, "target-proxy")["certificates"], Unknown)
    assert (proxy in graph.doubted) is doubted


def test_the_default_stays() -> None:
    """An unreadable one stays it; one that is gone does not, where another can be."""
    assert shown(made(certificate("u", "unknown"), certificate("a"), standing=("u", "a"))) == ["u", "a"]
    assert shown(made(certificate("x", "absent"), certificate("a"), standing=("x", "a"))) == ["a", "x"]


def test_a_withdrawn_one_is_gone() -> None:
    built = made(certificate("a", "refused"), certificate("b"), standing=("a",))
    assert shown(built) == ["b"]
    assert logicals(built[0], "certificate") == ["shop/b"]


def test_no_certificate_no_listener() -> None:
    graph, _ = built = made(certificate("a", "refused"))
    assert [model.short(where) for where in sorted(graph.elements)] == ["address/lb", "firewall/lb"]
    assert codes(built) == ["NoCertificate"]


def test_quota() -> None:
    built = made(*(certificate(f"c{n}") for n in range(4)), quota=2)
    assert shown(built) == ["c0", "c1"]
    assert logicals(built[0], "certificate") == ["shop/c0", "shop/c1"]
    assert codes(built) == ["CertificateQuota"] * 2
    assert build_quota.LIMITS["certificates"] == 15


@pytest.mark.parametrize(
    ("key", "regional", "everywhere"),
    [
        ("RSA-2048", True, True),
        ("EC-P-256", True, True),
        ("RSA-3072", True, False),
        ("EC-P-384", True, False),
        ("RSA-1024", False, False),
        ("Ed25519", False, False),
    ],
)
def test_keys(key: str, regional: bool, everywhere: bool) -> None:
    cases: list[tuple[Mapping[str, object], bool]] = [({}, regional), (samples.GLOBAL, everywhere)]
    for spec, taken in cases:
        built = made(certificate("a", key=key), certificate("b"), spec=spec)
        assert shown(built) == (["a", "b"] if taken else ["b"])
        assert codes(built) == ([] if taken else ["CertificateKey"])
    assert codes(made(certificate("a", key="Ed25519"))) == ["NoCertificate"]


def test_one_certificate_on_two_ports() -> None:
    tables = [samples.table([entry(n)], port, "HTTPS", [certificate("a")]) for n, port in enumerate((443, 8443))]
    graph, _ = samples.made(samples.routing(*tables))
    assert logicals(graph, "certificate") == ["shop/a"]
    assert len({spec["certificates"] for spec in samples.of_kind(graph, "target-proxy")}) == 1
