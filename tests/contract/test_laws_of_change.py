"""The laws of `contract_change` on the two in-memory clouds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cloudgw.testing import clouds, contract, contract_change, documents, ground, grounds, worlds

GROUNDS = {"objects": grounds.Objects, "documents": grounds.Documents}
HTTPS = worlds.BASE.with_service("one", worlds.Service(protocol="HTTPS"))
GRPC = worlds.BASE.with_service("one", worlds.Service(protocol="GRPC"))
PUBLIC = replace(worlds.BASE, scheme="public")
DUAL = replace(worlds.BASE, scheme="dual")


@pytest.fixture(params=sorted(GROUNDS))
def make(request: pytest.FixtureRequest) -> contract.Make:
    return GROUNDS[request.param]


@pytest.mark.parametrize("at", [0, 25, 50])
@pytest.mark.parametrize("plant", [False, True])
def test_insertion(make: contract.Make, at: int, plant: bool) -> None:
    contract_change.insertion(make, 50, at, plant=plant)


def test_repeated_inserts() -> None:
    assert contract_change.repeated_inserts(grounds.Objects, 40) <= 4


@pytest.mark.parametrize("passes", [1, 2, 3, 5, 8, 12])
@pytest.mark.parametrize(
    "chain", [(worlds.BASE, HTTPS, GRPC), (worlds.BASE, PUBLIC, DUAL), (worlds.BASE, HTTPS, PUBLIC)]
)
def test_half_way(make: contract.Make, chain: tuple[worlds.World, ...], passes: int) -> None:
    contract_change.half_way(make, chain, passes)


@pytest.mark.parametrize("second", [HTTPS, PUBLIC])
def test_revived(make: contract.Make, second: worlds.World) -> None:
    contract_change.revived(make, worlds.BASE, second)


@pytest.mark.parametrize("ticks", [1, 2, 5, 10])
@pytest.mark.parametrize("after", [HTTPS, PUBLIC, worlds.SECURE])
def test_two_writers(make: contract.Make, after: worlds.World, ticks: int) -> None:
    contract_change.two_writers(make, worlds.BASE, after, ticks)


def _forwards(kind: str, spec: Any) -> bool:
    return bool(kind == "rule" and spec["action"][0] == "forward")


def _objects_refuse(cloud: Any, verdict: Callable[[Any], str]) -> None:
    cloud.cloud.refuses = lambda kind, spec: verdict(spec["host"]) if _forwards(kind, spec) else ""


def _documents_refuse(mode: str, named: bool, shows: bool = False) -> Callable[[Any, Callable[[Any], str]], None]:
    def refuse(cloud: Any, verdict: Callable[[Any], str]) -> None:
        cloud.cloud.refuses = lambda kind, child: verdict(child["host"]) if _forwards(kind, child) else ""
        cloud.cloud.mode, cloud.cloud.named, cloud.cloud.shows_refused = mode, named, shows

    return refuse


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_cloud_refuses_an_object(bad: int) -> None:
    took = contract_change.cloud_refuses(grounds.Objects, _objects_refuse, bad, 50)
    assert took["writes"] <= 50 + 2 * bad


@pytest.mark.parametrize("count", [10, 34, 50])
@pytest.mark.parametrize("bad", [1, 2, 3])
@pytest.mark.parametrize("named", [False, True])
def test_cloud_refuses_a_child(count: int, bad: int, named: bool) -> None:
    took = contract_change.cloud_refuses(grounds.Documents, _documents_refuse("sync", named), bad, count)
    assert took["writes"] <= took["bound"], took


@pytest.mark.parametrize("bad", [1, 2])
@pytest.mark.parametrize("shows", [False, True])
def test_cloud_refuses_a_child_late(bad: int, shows: bool) -> None:
    """shows: listings show the refused document until a good one is put."""
    took = contract_change.cloud_refuses(grounds.Documents, _documents_refuse("late", False, shows), bad, 34)
    restored = took["writes"] // 2  # every failed operation is followed by the last good document
    assert took["writes"] <= took["bound"] + restored, took


def test_withdrawn(make: contract.Make) -> None:
    contract_change.withdrawn(make)


def test_name_taken_objects() -> None:
    def occupy(cloud: Any, name: str) -> list[str]:
        return [cloud.cloud.create("balancer", {"scheme": "internal", "ranges": [], "title": name}, None)]

    contract_change.name_taken(grounds.Objects, occupy)


@pytest.mark.parametrize("lag", [0.0, clouds.STALENESS_SECONDS])
def test_lost_answer(lag: float) -> None:
    contract_change.lost_answer(grounds.Objects, lag)


def test_late_neighbour(make: contract.Make) -> None:
    contract_change.late_neighbour(make)


@pytest.mark.parametrize("lag", [1.0, clouds.STALENESS_SECONDS])
def test_made_once(lag: float) -> None:
    contract_change.made_once(grounds.Objects, lag)


@pytest.mark.parametrize("lag", [0.0, 1.0, clouds.STALENESS_SECONDS])
def test_back_at_once(lag: float) -> None:
    assert contract_change.back_at_once(grounds.Objects, lag) > 20


def test_drained() -> None:
    contract_change.drained(grounds.Objects, "update rule", "delete pool")


def test_claims() -> None:
    contract_change.claims(grounds.Objects)


def test_nobody_home(make: contract.Make) -> None:
    contract_change.nobody_home(make)


def test_other_gateway(make: contract.Make) -> None:
    contract_change.other_gateway(make)


def test_planning_cannot_write(make: contract.Make) -> None:
    contract_change.planning_cannot_write(make)


@pytest.mark.parametrize("honours", [True, False])
def test_if_match_honoured_or_ignored(honours: bool) -> None:
    def make() -> ground.Ground:
        return grounds.Documents(cloud=documents.Cloud(honours_etag=honours))

    contract.foreign_untouched(make, worlds.JOURNEYS["insert route"])
