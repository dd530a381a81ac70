"""BackendTLSPolicies: which one applies, what it asks for, and what its status says."""

from __future__ import annotations

import pytest

from cloudgw.objects import (
    BackendTLSPolicy,
    ConfigMap,
    KubernetesObject,
    Meta,
    ObjectRef,
    PolicyTarget,
    Service,
    ServicePort,
    Unknown,
)
from cloudgw.routing import index, ir, policies
from tests.unit.routing import world

CART = ir.BackendKey(namespace="shop", name="cart", port=443)
OTHER = ir.BackendKey(namespace="shop", name="cart", port=8443)
CA = ConfigMap(meta=Meta(namespace="shop", name="ca"), fingerprint="f1", pem="PEM 1")
SERVICE = Service(
    meta=Meta(namespace="shop", name="cart"),
    ports=(ServicePort(name="https-1", port=443), ServicePort(name="https-2", port=8443)),
)


def config_map(name: str = "ca", *, group: str = "", kind: str = "ConfigMap") -> ObjectRef:
    return ObjectRef(group=group, kind=kind, namespace="shop", name=name)


def policy(
    name: str = "tls",
    *,
    section: str = "",
    created: str = "",
    authorities: tuple[ObjectRef, ...] = (config_map(),),
    targets: tuple[PolicyTarget, ...] = (),
    **more: object,
) -> BackendTLSPolicy:
    fields: dict[str, object] = {"hostname": f"{name}.io", "authorities": authorities, **more}
    return BackendTLSPolicy(
        meta=Meta(namespace="shop", name=name, created=created),
        targets=targets or (PolicyTarget(name="cart", section=section),),
        **fields,  # type: ignore[arg-type]
    )


def view(*items: KubernetesObject, **more: object) -> index.Index:
    return index.of(world.snapshot(*items, **more))  # type: ignore[arg-type]


def applied(*items: KubernetesObject, key: ir.BackendKey = CART) -> ir.BackendTLS:
    found = policies.of(view(SERVICE, CA, *items), key)
    assert isinstance(found, ir.BackendTLS)
    return found


def said(name: str, *items: KubernetesObject, key: ir.BackendKey = CART) -> tuple[object, ...]:
    """(Accepted status, reason, ResolvedRefs status, reason) of one policy."""
    (found,) = [one for one in policies.verdicts(view(*items), [key]) if one.name == name]
    accepted, resolved = found.accepted, found.resolved
    if accepted.status is not True:
        assert accepted.message
    if resolved.status is not True:
        assert resolved.message
    return accepted.status, accepted.reason, resolved.status, resolved.reason


def test_what_it_asks_for() -> None:
    names = (("Hostname", "a.io"), ("URI", "spiffe://x/y"))
    found = applied(policy(alt_names=names))
    assert (found.hostname, found.authorities, found.well_known) == ("tls.io", (("f1", "PEM 1"),), "")
    assert found.alt_names == names
    assert (found.origin.kind, found.origin.name) == ("BackendTLSPolicy", "tls")
    system = applied(policy(authorities=(), well_known="System"))
    assert (system.authorities, system.well_known) == ((), "System")
    assert said("tls", SERVICE, CA, policy()) == (True, "Accepted", True, "ResolvedRefs")


def test_no_policy_and_none_that_was_seen() -> None:
    assert policies.of(view(SERVICE), CART) is None
    assert policies.verdicts(view(SERVICE), [CART]) == ()
    listed = frozenset({"Service"})
    assert policies.of(view(SERVICE, complete=listed), CART) is None, "the routing is called incomplete instead"
    seen = policies.of(view(SERVICE, CA, policy(), complete=listed), CART)
    assert isinstance(seen, ir.BackendTLS)


def test_one_that_could_not_be_read_may_be_for_any_service() -> None:
    blind = view(SERVICE, CA, policy(), unreadable=[("BackendTLSPolicy", "shop", "odd")])
    assert isinstance(policies.of(blind, CART), Unknown)


@pytest.mark.parametrize("section", ["", "https-1"])
def test_the_older_wins_then_the_name(section: str) -> None:
    old, young = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    both = (policy("b", section=section, created=old), policy("a", section=section, created=young))
    assert applied(*both).hostname == "b.io"
    assert said("b", SERVICE, CA, *both)[:2] == (True, "Accepted")
    assert said("a", SERVICE, CA, *both)[:2] == (False, "Conflicted")
    tied = (policy("b", section=section), policy("a", section=section))
    assert applied(*tied).hostname == "a.io"
    assert said("b", SERVICE, CA, *tied)[:2] == (False, "Conflicted")


def test_a_named_port_beats_the_whole_service_and_both_are_accepted() -> None:
    both = (policy("whole"), policy("port", section="https-1", created="2026-02-01T00:00:00Z"))
    assert applied(*both).hostname == "port.io"
    assert applied(*both, key=OTHER).hostname == "whole.io"
    for name in ("whole", "port"):
        assert said(name, SERVICE, CA, *both)[:2] == (True, "Accepted")


def test_an_older_policy_that_cannot_be_honoured_is_not_passed_over() -> None:
    older = policy("a", authorities=(config_map("gone"),))
    found = policies.of(view(SERVICE, CA, older, policy("b", created="2026-01-01T00:00:00Z")), CART)
    assert isinstance(found, ir.Verdict)
    assert found.reason == "NoValidCACertificate"


def test_a_port_that_is_not_there() -> None:
    lost = policy(section="gone")
    assert policies.of(view(SERVICE, CA, lost), CART) is None
    assert said("tls", SERVICE, CA, lost)[:2] == (False, "TargetNotFound")
    assert said("tls", CA, policy())[:2] == (False, "TargetNotFound")
    assert policies.verdicts(view(SERVICE, CA, policy()), []) == ()


@pytest.mark.parametrize(
    ("ref", "item", "reason"),
    [
        (config_map("gone"), CA, "InvalidCACertificateRef"),
        (config_map("bad"), ConfigMap(meta=Meta(namespace="shop", name="bad"), problem="no `ca.crt`"), "Invalid"),
        (config_map("empty"), ConfigMap(meta=Meta(namespace="shop", name="empty")), "InvalidCACertificateRef"),
        (config_map(group="x.io", kind="Bundle"), CA, "InvalidKind"),
    ],
)
def test_authorities_that_cannot_be_used(ref: ObjectRef, item: ConfigMap, reason: str) -> None:
    alone = policy(authorities=(ref,))
    found = policies.of(view(SERVICE, item, alone), CART)
    assert isinstance(found, ir.Verdict)
    assert (found.status, found.reason) == (False, "NoValidCACertificate")
    accepted = said("tls", SERVICE, item, alone)
    assert accepted[:3] == (False, "NoValidCACertificate", False)
    assert str(accepted[3]).startswith(reason)
    mixed = policy(authorities=(ref, config_map("ca")))
    assert applied(mixed, *[item] * (item is not CA)).authorities == (("f1", "PEM 1"),)
    assert said("tls", SERVICE, CA, item, mixed)[:3] == (True, "Accepted", False)


def test_an_authority_that_cannot_be_seen() -> None:
    blind = view(SERVICE, policy(), unreadable=[("ConfigMap", "shop", "ca")])
    assert isinstance(policies.of(blind, CART), Unknown)
    (found,) = policies.verdicts(blind, [CART])
    assert (found.accepted.status, found.resolved.status) == (None, None)
    half = view(
        SERVICE, CA, policy(authorities=(config_map(), config_map("odd"))), unreadable=[("ConfigMap", "shop", "odd")]
    )
    assert isinstance(policies.of(half, CART), Unknown)


@pytest.mark.parametrize(
    "wrong",
    [
        policy(authorities=(), well_known="example.com/ours"),
        policy(authorities=()),
        policy(well_known="System"),
        policy(alt_names=(("IP", "10.0.0.1"),)),
        BackendTLSPolicy(
            meta=Meta(namespace="shop", name="tls", unhandled=("/spec/validation/subjectAltName",)),
            targets=(PolicyTarget(name="cart"),),
            authorities=(config_map(),),
            hostname="a.io",
        ),
    ],
    ids=["unknown authorities", "no authorities", "two kinds of authorities", "unknown name", "unknown field"],
)
def test_what_is_wrong_with_a_policy_alone(wrong: BackendTLSPolicy) -> None:
    found = policies.of(view(SERVICE, CA, wrong), CART)
    assert isinstance(found, ir.Verdict)
    assert found.reason == "Invalid"
    assert said("tls", SERVICE, CA, wrong) == (False, "Invalid", True, "ResolvedRefs")


def test_one_of_several_targets_is_enough() -> None:
    winner = policy("a")
    wide = policy("b", targets=(PolicyTarget(name="cart"), PolicyTarget(name="pay")))
    pay = Service(meta=Meta(namespace="shop", name="pay"), ports=(ServicePort(port=443),))
    keys = [CART, ir.BackendKey(namespace="shop", name="pay", port=443)]
    found = {one.name: one.accepted for one in policies.verdicts(view(SERVICE, pay, CA, winner, wide), keys)}
    assert found["b"].status is True
    assert "BackendTLSPolicy a is older" in found["b"].message
    only = {one.name: one.accepted for one in policies.verdicts(view(SERVICE, pay, CA, winner, wide), keys[:1])}
    assert only["b"].reason == "Conflicted"
