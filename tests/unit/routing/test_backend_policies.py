"""BackendPolicies: which one applies, what it asks for, and what its status says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloudgw.objects import (
    Affinity,
    BackendPolicy,
    HealthCheck,
    KubernetesObject,
    Meta,
    Note,
    Origin,
    PolicyTarget,
    Service,
    ServicePort,
    Unknown,
)
from cloudgw.routing import backend_policies, backends, honoured, index, ir, resolve, statuses
from cloudgw.sources import manifests
from tests.unit.routing import world

CART = ir.BackendKey(namespace="shop", name="cart", port=80)
OTHER = ir.BackendKey(namespace="shop", name="cart", port=81)
SERVICE = Service(
    meta=Meta(namespace="shop", name="cart"),
    ports=(ServicePort(name="http-1", port=80), ServicePort(name="http-2", port=81)),
)
CHECK = HealthCheck(path="/healthz")


def policy(
    name: str = "p", *, section: str = "", created: str = "", namespace: str = "shop", **more: Any
) -> BackendPolicy:
    return BackendPolicy(
        meta=Meta(namespace=namespace, name=name, created=created, unhandled=more.pop("unhandled", ())),
        targets=more.pop("targets", (PolicyTarget(name="cart", section=section),)),
        **{"check": HealthCheck(path=f"/{name}"), **more},
    )


def view(*items: KubernetesObject, **more: Any) -> index.Index:
    return index.of(world.snapshot(*items, **more))


def path(*items: KubernetesObject, key: ir.BackendKey = CART) -> str:
    found = backend_policies.of(view(SERVICE, *items), key)
    assert isinstance(found, ir.BackendPolicy)
    return found.check.path


def said(name: str, *items: KubernetesObject, key: ir.BackendKey = CART) -> tuple[object, ...]:
    (found,) = [one for one in backend_policies.verdicts(view(*items), [key]) if one.name == name]
    if found.accepted.status is not True:
        assert found.accepted.message
    return found.accepted.status, found.accepted.reason


def test_what_it_asks_for() -> None:
    affinity = Affinity(type="Cookie", ttl=60)
    found = backend_policies.of(view(SERVICE, policy(check=CHECK, drain=0, affinity=affinity)), CART)
    where = Origin(kind="BackendPolicy", namespace="shop", name="p")
    assert found == ir.BackendPolicy(check=CHECK, drain=0, affinity=affinity, origin=where)
    assert found.asks == ("healthCheck.path", "drainSeconds", "affinity.type", "affinity.ttlSeconds")
    assert replace(found, check=HealthCheck(), drain=None, affinity=None).asks == ()


def test_what_is_asked_of_a_backend() -> None:
    made = backends.backend(view(SERVICE, policy()), CART, [])
    assert isinstance(made, ir.Backend)
    assert isinstance(made.policy, ir.BackendPolicy)
    without = backends.backend(view(SERVICE, policy(namespace="other")), CART, [])
    assert isinstance(without, ir.Backend)
    assert without.policy is None


@pytest.mark.parametrize("section", ["", "http-1"])
def test_the_older_wins_then_the_name(section: str) -> None:
    old, new = (policy(name, section=section, created=f"20{name[1:]}") for name in ("z24", "a25"))
    assert path(new, old) == "/z24"
    assert path(policy("b", section=section), policy("a", section=section)) == "/a"
    assert said("z24", SERVICE, old, new) == (True, "Accepted")
    assert said("a25", SERVICE, old, new) == (False, "Conflicted")


def test_one_for_a_port_stands_over_one_for_the_service() -> None:
    every, one = policy("a", created="2024"), policy("b", created="2025", section="http-1")
    assert path(every, one) == "/b"
    assert path(every, one, key=OTHER) == "/a"
    assert said("a", SERVICE, every, one) == said("b", SERVICE, every, one) == (True, "Accepted")


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([SERVICE, policy(section="https")], (False, "TargetNotFound")),
        ([policy()], (False, "TargetNotFound")),
        ([SERVICE, policy(unhandled=("/spec/protocol",))], (False, "Invalid")),
        ([SERVICE, policy(targets=(PolicyTarget(name="pay"), PolicyTarget(name="cart")))], (True, "Accepted")),
    ],
)
def test_what_its_status_says(items: list[KubernetesObject], expected: tuple[object, ...]) -> None:
    assert said("p", *items) == expected


@pytest.mark.parametrize("broken", ["unreadable", "unhandled"])
def test_what_cannot_be_read_leaves_open_what_it_may_ask_for(broken: str) -> None:
    """Nobody takes the younger one instead."""
    younger = policy("young", created="2025")
    if broken == "unreadable":
        seen = view(SERVICE, younger, unreadable=[("BackendPolicy", "shop", "odd")])
    else:
        seen = view(SERVICE, younger, policy("odd", created="2024", unhandled=("/spec/x",)))
    found = backend_policies.of(seen, CART)
    assert isinstance(found, Unknown)
    assert "odd" in found.reason or "BackendPolicy of namespace shop" in found.reason
    notes: list[Note] = []
    made = backends.backend(seen, CART, notes)
    assert isinstance(made, ir.Backend)
    assert made.policy == found
    assert [(note.code, "what stands stays" in note.message) for note in notes if "treated" in note.message] == [
        ("UnknownInput", True)
    ]


WORLD = """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: cloud}
spec: {controllerName: cloudgw.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: cloud, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, namespace: shop}
spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: cart, port: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: cloudgw.dev/v1alpha1
kind: BackendPolicy
metadata: {name: cart, namespace: shop, generation: 3}
spec: {targetRefs: [{name: cart}], drainSeconds: 5, healthCheck: {path: /healthz, healthyThreshold: 3}}
"""


def resolved(tmp_path: Any, *, complete: bool = True) -> tuple[Any, ir.Resolution]:
    (tmp_path / "in.yaml").write_text(WORLD)
    loaded = manifests.load([str(tmp_path)], complete=complete)
    assert not loaded.errors
    return loaded.snapshot, resolve.resolve(loaded.snapshot)


@pytest.mark.parametrize("complete", [True, False])
def test_whether_every_policy_was_seen_is_said(tmp_path: Any, complete: bool) -> None:
    _, found = resolved(tmp_path, complete=complete)
    assert found.gateways[0].policed is complete


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ((), [("Accepted", "True", "Accepted")]),
        (
            ("healthCheck.healthyThreshold",),
            [("Accepted", "True", "Accepted"), ("PartiallyInvalid", "True", "UnsupportedValue")],
        ),
        (
            ("healthCheck.healthyThreshold", "healthCheck.path", "drainSeconds"),
            [("Accepted", "False", "UnsupportedValue")],
        ),
    ],
)
def test_what_a_cloud_leaves_out_is_in_the_status(
    tmp_path: Any, lost: tuple[str, ...], expected: list[tuple[str, str, str]]
) -> None:
    snapshot, resolution = resolved(tmp_path)
    where = Origin(kind="BackendPolicy", namespace="shop", name="cart")
    notes = [
        Note(level="warning", code="X", message=field, origin=replace(where, section=field), refuses="field")
        for field in lost
    ]
    found = statuses.of(snapshot, resolution, clouds={("shop", "edge"): notes})
    (status,) = [one.status for one in found if one.kind == "BackendPolicy"]
    (ancestor,) = status["ancestors"]
    assert ancestor["ancestorRef"]["name"] == "edge"
    assert ancestor["controllerName"] == "cloudgw.dev/gateway-controller"
    assert [(one["type"], one["status"], one["reason"]) for one in ancestor["conditions"]] == expected
    assert {one["observedGeneration"] for one in ancestor["conditions"]} == {3}
    assert all(field in ancestor["conditions"][-1]["message"] for field in lost)


def test_notes_of_others_are_not_its_own() -> None:
    good = ir.Verdict(status=True, reason="Accepted")
    one = ir.BackendPolicyVerdict(namespace="shop", name="cart", accepted=good, asks=("drainSeconds",))
    verdicts = ir.Verdicts(accepted=good, backend_policies=(one,))
    where = Origin(kind="BackendPolicy", namespace="shop", name="other", section="drainSeconds")
    note = Note(level="warning", code="X", message="no", origin=where, refuses="field")
    assert honoured.by_cloud(verdicts, [note]).backend_policies == (one,)
    mine = replace(note, origin=replace(where, name="cart"))
    assert honoured.by_cloud(verdicts, [mine]).backend_policies[0].accepted.status is False
