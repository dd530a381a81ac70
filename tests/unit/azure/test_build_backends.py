"""Pools, targets, settings, probes and roots: what is known of a Service, and what is left open."""

from __future__ import annotations

import dataclasses

import pytest

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.routing import ir
from cloudgw_azure import build_backends
from tests.unit.azure import samples
from tests.unit.azure.samples import CART, PAY, codes, forward, logicals, match, one, said

ADDRESS = "shop/edge/azure"
PEM = "-----BEGIN CERTIFICATE-----\nQUJD\nREVG\n-----END CERTIFICATE-----\n"
TLS = ir.BackendTLS(
    hostname="cart.example.com", authorities=(("f", PEM + PEM.replace("QUJD", "R0hJ")),), origin=samples.GATEWAY
)
BACKEND = samples.backend(CART, "10.0.0.5")


def built(backend: ir.Backend | Unknown) -> samples.Built:
    return one(forward((CART, 1)), match("/a"), backends={CART: backend})


def spec(found: samples.Built, kind: str, logical: str = "shop.cart.8080") -> model.Spec:
    element = found[0].one(f"{ADDRESS}/{kind}/{logical}")
    assert element is not None
    return element.fields


def test_websockets() -> None:
    found = built(samples.backend(CART, "10.0.0.5", protocol="WS"))
    assert codes(found) == []
    assert spec(found, "settings")["protocol"] == "Http"


def test_a_pool_and_its_settings_agree() -> None:
    found = built(BACKEND)
    assert spec(found, "pool") == {"gateway": model.Ref(f"{ADDRESS}/gateway/lb"), "port": 8080, "protocol": "Http"}
    settings = spec(found, "settings")
    assert (settings["port"], settings["protocol"], settings["sni"], settings["roots"]) == (8080, "Http", "", ())
    assert (settings["timeout"], settings["affinity"], settings["host"], settings["draining"]) == (30, "", "", 30)
    assert spec(found, "targets")["pool"] == model.Ref(f"{ADDRESS}/pool/shop.cart.8080")


@pytest.mark.parametrize("protocol", ["HTTP", "HTTPS", "WSS"])
def test_tls_to_backends(protocol: str) -> None:
    found = built(samples.backend(CART, "10.0.0.5", protocol=protocol, tls=TLS))
    assert codes(found) == []
    assert spec(found, "pool")["protocol"] == "Https"
    settings = spec(found, "settings")
    assert (settings["protocol"], settings["sni"], settings["host"]) == ("Https", "cart.example.com", "")
    roots = [found[0].elements[ref.to][0].fields["data"] for ref in settings["roots"]]
    assert sorted(roots) == ["QUJDREVG", "R0hJREVG"]
    probe = found[0].elements[settings["probe"].to][0].fields
    assert (probe["protocol"], probe["host"]) == ("Https", "cart.example.com")


def test_well_known_authorities_need_no_root() -> None:
    tls = dataclasses.replace(TLS, authorities=(), well_known="System")
    found = built(samples.backend(CART, "10.0.0.5", tls=tls))
    assert spec(found, "settings")["roots"] == ()
    assert logicals(found[0], "trusted-root") == []


def test_probes() -> None:
    """One for everything that speaks HTTP; its interval is no shorter than its timeout, which Azure refuses."""
    found = built(BACKEND)
    assert logicals(found[0], "probe") == ["http"]
    probe = spec(found, "probe", "http")
    assert probe["interval"] >= probe["timeout"]
    assert (probe["host"], probe["path"], probe["statuses"]) == ("127.0.0.1", "/", ("200-499",))


def test_targets_that_are_left_out() -> None:
    targets = [("10.0.0.6", 8080), ("10.0.0.5", 8080), ("10.0.0.7", 9090), ("fd00::1", 8080)]
    backend = dataclasses.replace(
        BACKEND, targets=tuple(ir.Target(address=address, port=port) for address, port in targets)
    )
    found = built(backend)
    assert spec(found, "targets")["targets"] == ("10.0.0.5", "10.0.0.6")
    assert codes(found) == ["TargetAddress", "TargetPort"]
    assert "9090" in said(found, "TargetPort")[0]
    wish = samples.routing(samples.table([samples.entry(1)]), backends={CART: backend})
    found = samples.made(wish, quotas={"targets": 1})
    assert spec(found, "targets")["targets"] == ("10.0.0.5",)
    assert "1 of 2 pods" in said(found, "TargetQuota")[0]


def test_unknown_backends_stay_as_they_are() -> None:
    found = built(Unknown("Service unseen"))
    for kind in ("pool", "targets", "settings"):
        assert found[0].one(f"{ADDRESS}/{kind}/shop.cart.8080").spec == Unknown("Service unseen")  # type: ignore[union-attr]


def test_unknown_targets_are_one_unknown_field() -> None:
    found = built(dataclasses.replace(BACKEND, targets=Unknown("no slices")))
    assert spec(found, "targets")["targets"] == Unknown("no slices")
    assert spec(found, "pool")["port"] == 8080


def test_an_unknown_port_is_one_unknown_field() -> None:
    found = built(dataclasses.replace(BACKEND, targets=(), port_number=0))
    assert isinstance(spec(found, "pool")["port"], Unknown)
    assert isinstance(spec(found, "settings")["port"], Unknown)
    assert spec(found, "targets")["targets"] == ()


def test_an_unseen_policy_leaves_the_answer_open() -> None:
    unseen = Unknown("BackendTLSPolicies could not be listed")
    found = built(dataclasses.replace(BACKEND, tls=unseen))
    assert samples.rows(found[0], "80.a.example.com") == [(("/a", "/a/*"), "unknown")]
    assert spec(found, "pool")["protocol"] == unseen
    assert found[0].one(f"{ADDRESS}/settings/shop.cart.8080").spec == unseen  # type: ignore[union-attr]


def authorities(key: ir.BackendKey, *letters: str) -> ir.Backend:
    pem = "".join(PEM.replace("QUJD", letter * 4) for letter in letters)
    tls = ir.BackendTLS(hostname=f"{key.name}.example.com", authorities=(("f", pem),), origin=samples.GATEWAY)
    return samples.backend(key, "10.0.0.5", tls=tls)


def logical_of(letter: str) -> str:
    (found,) = build_backends.roots(dataclasses.replace(TLS, authorities=(("f", PEM.replace("QUJD", letter * 4)),)))
    return found


def test_authorities_beyond_the_limit() -> None:
    """Room for three certificates: that of both counts once. Who stands stays, else who comes first by name."""
    table = samples.table([samples.entry(1, of=match("/c")), samples.entry(2, forward((PAY, 1)), of=match("/p"))])
    wish = samples.routing(table, backends={CART: authorities(CART, "A", "B"), PAY: authorities(PAY, "B", "C")})
    assert codes(samples.made(wish, quotas={"roots": 5})) == []
    found = samples.made(wish, quotas={"roots": 4})
    assert codes(found) == ["TrustedRootQuota"]
    assert "shop/pay" in said(found, "TrustedRootQuota")[0]
    assert samples.rows(found[0], "80.a.example.com") == [
        (("/c", "/c/*"), "shop.cart.8080"),
        (("/p", "/p/*"), "none"),
    ]
    assert len(logicals(found[0], "trusted-root")) == 2
    found = samples.made(wish, quotas={"roots": 4}, roots=frozenset(map(logical_of, "BC")))
    assert "shop/cart" in said(found, "TrustedRootQuota")[0]


def test_one_service_with_too_many_authorities_leaves_the_room_to_others() -> None:
    table = samples.table([samples.entry(1, of=match("/c")), samples.entry(2, forward((PAY, 1)), of=match("/p"))])
    wish = samples.routing(table, backends={CART: authorities(CART, "A", "B", "C"), PAY: authorities(PAY, "D")})
    found = samples.made(wish, quotas={"roots": 4})
    assert ["shop/cart" in message for message in said(found, "TrustedRootQuota")] == [True]
    assert logicals(found[0], "trusted-root") == [logical_of("D")]
