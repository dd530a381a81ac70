"""Groups of endpoints by zone, the backend services over them, and pods that are left out."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.routing import ir
from cloudgw_gcp import build_quota
from tests.unit.gcp import samples
from tests.unit.gcp.samples import CART, at, codes, entry, logicals, made, of_kind, routing, said, table

B, C = samples.ZONES
WHOLE = table([entry(1)])


def targets(graph: model.Graph) -> dict[str, Any]:
    return {
        zone: graph.one(at("endpoints", f"shop/cart:8080/{zone}")).fields["targets"]  # type: ignore[union-attr]
        for zone in samples.ZONES
    }


def with_pods(*addresses: str) -> ir.Routing:
    return routing(WHOLE, backends={CART: samples.backend(CART, *addresses)})


def test_pods_are_endpoints_of_their_zone() -> None:
    graph, notes = made(with_pods("10.0.64.7", "10.0.64.5", "10.0.80.5"))
    assert notes == ()
    assert targets(graph) == {B: ("node-b/10.0.64.5:8080", "node-b/10.0.64.7:8080"), C: ("node-c/10.0.80.5:8080",)}
    group = graph.one(at("neg", f"shop/cart:8080/{B}"))
    assert group is not None
    assert group.fields == {
        "zone": B,
        "network": samples.NETWORK,
        "subnetwork": samples.SUBNETWORK,
        "type": "GCE_VM_IP_PORT",
    }
    service = graph.one(at("backend-service", "shop/cart:8080"))
    assert service is not None
    assert service.fields["backends"] == tuple(model.Ref(at("neg", f"shop/cart:8080/{zone}")) for zone in (B, C))


def test_pods_on_several_ports() -> None:
    pods = dataclasses.replace(
        samples.backend(CART),
        targets=(ir.Target(address="10.0.64.5", port=8080), ir.Target(address="10.0.64.6", port=9090)),
    )
    graph, notes = made(routing(WHOLE, backends={CART: pods}))
    assert targets(graph)[B] == ("node-b/10.0.64.5:8080", "node-b/10.0.64.6:9090")
    assert notes == ()


def test_a_group_stands_in_every_zone() -> None:
    """Also where no pod is now: the first one there changes no backend service."""
    assert targets(made(with_pods())[0]) == {B: (), C: ()}
    assert logicals(made(with_pods())[0], "backend-service") == ["none", "shop/cart:8080"]


def test_what_kubernetes_says_of_a_pod_counts_where_no_machine_is_seen() -> None:
    pods = dataclasses.replace(
        samples.backend(CART),
        targets=(
            ir.Target(address="10.9.0.1", port=8080, zone=C, node="node-new"),
            ir.Target(address="10.0.64.5", port=8080, zone=C, node="node-c"),
        ),
    )
    graph, notes = made(routing(WHOLE, backends={CART: pods}))
    assert targets(graph) == {B: ("node-b/10.0.64.5:8080",), C: ("node-new/10.9.0.1:8080",)}
    assert notes == ()


@pytest.mark.parametrize(
    ("addresses", "code", "left"),
    [
        (("10.0.64.5", "10.9.0.1"), "TargetOutside", 1),
        (("10.0.64.5", "10.0.96.5"), "TargetOutside", 1),  # a zone that is not served
        (("10.0.64.5", "fd00::1"), "TargetAddress", 1),
        (("10.0.64.5", "10.0.64.6", "10.0.64.7", "10.0.80.1"), "TargetQuota", 3),
    ],
)
def test_targets_that_are_left_out(addresses: tuple[str, ...], code: str, left: int) -> None:
    graph, _ = built = made(with_pods(*addresses), quotas={"endpoints": 2})
    assert codes(built) == [code]
    assert "Service shop/cart:8080: 1 " in said(built, code)[0]
    assert sum(len(found) for found in targets(graph).values()) == left


def test_the_quota_of_endpoints() -> None:
    assert build_quota.LIMITS["endpoints"] == 10_000


def test_what_is_not_known_of_a_service() -> None:
    unseen = Unknown("slices could not be listed")
    pods = dataclasses.replace(samples.backend(CART), targets=unseen)
    graph, _ = made(routing(WHOLE, backends={CART: pods}))
    assert targets(graph) == {B: unseen, C: unseen}
    graph, _ = made(with_pods("10.0.64.5"), instances=unseen)
    assert targets(graph) == {B: unseen, C: unseen}
    graph, _ = made(routing(WHOLE, backends={CART: unseen}))
    for kind, logical in (("neg", f"/{B}"), ("endpoints", f"/{C}"), ("backend-service", "")):
        assert graph.one(at(kind, f"shop/cart:8080{logical}")).spec == unseen  # type: ignore[union-attr]
    graph, _ = made(routing(WHOLE, backends={}))
    assert isinstance(graph.one(at("backend-service", "shop/cart:8080")).spec, Unknown)  # type: ignore[union-attr]


def test_unknown_zones_keep_every_group() -> None:
    unseen = Unknown("zones could not be listed")
    graph, _ = made(with_pods("10.0.64.5"), zones=unseen)
    assert graph.one(at("backend-service", "shop/cart:8080")).fields["backends"] == unseen  # type: ignore[union-attr]
    assert graph.is_unknown(at("neg", f"shop/cart:8080/{B}"))
    assert graph.is_unknown(at("endpoints", f"shop/cart:8080/{C}"))
    assert not graph.is_unknown(at("neg", f"shop/old:8080/{B}"))


def test_probes() -> None:
    graph, _ = made(with_pods("10.0.64.5"))
    assert samples.only(graph, "health-check") == {
        "place": samples.REGION,
        "protocol": "HTTP",
        "path": "/",
        "port": None,
        "interval": 15,
        "timeout": 5,
        "healthy": 2,
        "unhealthy": 2,
    }
    assert {spec["health_check"].to for spec in of_kind(graph, "backend-service")} == {at("health-check", "http")}


def test_the_backend_service_without_endpoints() -> None:
    spec = made(routing(table([])))[0].one(at("backend-service", "none"))
    assert spec is not None
    assert (spec.fields["backends"], spec.fields["affinity"], spec.fields["timeout"]) == ((), "NONE", 30)


def test_websockets_last_a_day() -> None:
    """A timeout of the backend service ends a WebSocket, idle or not."""
    pods = {CART: samples.backend(CART, "10.0.64.5", protocol="WS")}
    graph, notes = made(routing(WHOLE, backends=pods))
    timeouts = {
        name: graph.elements[at("backend-service", name)][0].fields["timeout"] for name in ("shop/cart:8080", "none")
    }
    assert timeouts == {"shop/cart:8080": 86_400, "none": 30}
    assert notes == ()
    plain, _ = made(with_pods("10.0.64.5"))
    assert plain.elements[at("backend-service", "shop/cart:8080")][0].fields["timeout"] == 30
