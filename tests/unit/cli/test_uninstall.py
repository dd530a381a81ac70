"""`cloudgw uninstall-check`: which Gateways need the controller. Asked of a real API server in tests/deploy."""

from __future__ import annotations

from typing import Any

from cloudgw.cli import uninstall
from cloudgw.controller import names


def gateway(name: str, *finalizers: str, of: str = "ours", deleting: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": "shop", "name": name}
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "spec": {"gatewayClassName": of}}


def test_only_our_finalizer_counts() -> None:
    gateways = [gateway("a"), gateway("b", "example.com/other"), gateway("c", "example.com/other", names.FINALIZER)]
    assert [one.name for one in uninstall.held(gateways, frozenset())] == ["c"]


def test_another_controllers_class_is_not_ours_and_a_class_that_is_gone_may_have_been() -> None:
    gateways = [gateway("a", names.FINALIZER, of="theirs"), gateway("b", names.FINALIZER, of="gone")]
    assert [one.name for one in uninstall.held(gateways, frozenset({"theirs"}))] == ["b"]


def test_a_gateway_in_deletion_is_told_apart() -> None:
    (one,) = uninstall.held([gateway("a", names.FINALIZER, deleting=True)], frozenset())
    assert one.told == "Gateway shop/a (class ours): is being deleted, its load balancer is not gone yet"
