"""Pools, targets, settings, probes and roots: what is known of a Service, and what is left open."""

from __future__ import annotations

import dataclasses

import pytest

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.routing import ir
from tests.unit.azure import samples
from tests.unit.azure.samples import CART, codes, forward, logicals, match, one, said

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
