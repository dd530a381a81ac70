"""Explanations agree with the verdicts of every sample of routing: neither misses a fault, nor invents one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cloudgw import explain, objects
from cloudgw.routing import ir, resolve
from cloudgw.sources import manifests

ROOT = Path(__file__).resolve().parents[2]


def with_parameters(snapshot: objects.Snapshot) -> objects.Snapshot:
    """The samples of the statuses have classes without parameters."""
    ref = objects.ObjectRef(group="cloudgw.dev", kind="AnyClassParameters", name="any")
    classes: dict[objects.Key, objects.KubernetesObject | objects.Unknown] = {
        (one.meta.namespace, one.meta.name): dataclasses.replace(one, parameters=ref)
        for one in snapshot.all(objects.GatewayClass)
    }
    made = objects.Parameters(meta=objects.Meta(name="any"), kind=ref.kind, spec={})
    there = {**snapshot.objects, "GatewayClass": classes, ref.kind: {("", "any"): made}}
    return dataclasses.replace(snapshot, objects=there)


def faults(resolution: ir.Resolution, key: tuple[str, str, str]) -> bool:
    """Whether the verdicts of a route have something against it."""
    return any(
        one.accepted.status is False or one.resolved.status is False or one.partially is not None
        for routing in resolution.gateways
        for one in routing.verdicts.parents
        if (one.kind, one.namespace, one.name) == key
    )


# what explaining says beside the verdicts of a route: other objects' faults, and what no condition speaks of
BESIDE = {
    "object",
    "parent",
    "class",
    "gateway",
    "usable",
    "certificate",
    "references",
    "precedence",
    "backendTLS",
    "endpoints",
}
SAMPLES = sorted((ROOT / "tests" / "golden").glob("*/*/in.yaml"))


@pytest.mark.parametrize("complete", [True, False])
def test_gates_agree_with_verdicts_on_every_sample(complete: bool) -> None:
    looked = 0
    for path in SAMPLES:
        snapshot = with_parameters(manifests.load([str(path)], complete=complete).snapshot)
        resolution = resolve.resolve(snapshot)
        for kind in explain.KINDS:
            for namespace, name in snapshot.objects.get(kind, {}):
                found = explain.explain(snapshot, resolution, kind, namespace, name)
                failed = {gate.name for section in found.sections for gate in section.all() if gate.state == "failed"}
                if kind.endswith("Route"):
                    wrong = faults(resolution, (kind, namespace, name))
                    without = any(
                        "it has no backendRefs" in gate.evidence for section in found.sections for gate in section.all()
                    )
                    assert not (wrong and not failed), (path.parent.name, kind, name)
                    assert wrong or without or failed <= BESIDE, (path.parent.name, kind, name, failed)
                    looked += 1
    assert looked > 100
