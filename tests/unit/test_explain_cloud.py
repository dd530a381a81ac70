"""Explanations of rules: what the cloud refuses, and rules that send requests nowhere."""

from __future__ import annotations

from cloudgw import explain, objects
from cloudgw.routing import resolve
from tests.unit.routing import world


def test_what_the_cloud_refuses_is_a_gate() -> None:
    where = objects.Origin(kind="HTTPRoute", namespace="shop", name="cart", path="/spec/rules/0")
    note = objects.Note(level="error", code="X", message="cannot do it; let it be", origin=where, refuses="rule")
    snapshot = world.snapshot(
        world.CLASS,
        world.PARAMETERS,
        world.gateway(),
        world.route(),
        world.service(),
        world.endpoints("10.0.0.1"),
    )
    resolution = resolve.resolve(snapshot)
    clouds = {("shop", "edge"): (note,)}
    cause = explain.explain(snapshot, resolution, "HTTPRoute", "shop", "cart", clouds=clouds).cause
    assert cause is not None
    assert (cause.name, cause.evidence, cause.fix) == ("cloud", "Gateway shop/edge: cannot do it", ("let it be",))
    assert explain.explain(snapshot, resolution, "HTTPRoute", "shop", "cart").cause is None


def test_no_weight_is_no_answer() -> None:
    route = world.route("cart", world.rule(backends=[world.backend(weight=0)]))
    snapshot = world.snapshot(world.CLASS, world.PARAMETERS, world.gateway(), route, world.service())
    cause = explain.explain(snapshot, resolve.resolve(snapshot), "HTTPRoute", "shop", "cart").cause
    assert cause is not None
    assert cause.name == "rule"
    assert "weight above 0" in cause.fix[0]
