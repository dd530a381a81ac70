"""The contract laws on the local Azure, through the real provider and the real SDK; the sharp ones with If-Match
honoured and ignored."""

from __future__ import annotations

from dataclasses import replace

import azure_ground
import pytest
import test_laws

from cloudgw.testing import contract, contract_change, stage, worlds

MAKE = azure_ground.Azure
HTTPS = worlds.BASE.with_service("one", worlds.Service(protocol="HTTPS"))
PUBLIC = replace(worlds.BASE, scheme="public")


@pytest.mark.parametrize("journey", sorted(worlds.JOURNEYS))
def test_apply_then_empty(journey: str) -> None:
    contract.apply_then_empty(MAKE, worlds.JOURNEYS[journey])


@pytest.mark.parametrize("journey", sorted(j for j in worlds.JOURNEYS if j != "destroy"))
def test_destroyed(journey: str) -> None:
    contract.destroyed(MAKE, worlds.JOURNEYS[journey])


def test_drifted() -> None:
    assert contract.drifted(MAKE, worlds.SECURE) >= 5


@pytest.mark.parametrize("journey", ["insert route", "replace target group", "replace load balancer"])
def test_foreign_untouched(journey: str) -> None:
    contract.foreign_untouched(MAKE, worlds.JOURNEYS[journey])


@pytest.mark.parametrize("name", ["pool", "order", "a new backend takes over", "there and back"])
def test_never_5xx(name: str) -> None:
    assert contract.never_5xx(MAKE, test_laws.REPLACEMENTS[name]) > 10


@pytest.mark.sweep
@pytest.mark.parametrize("name", ["balancer", "both at once"])
def test_never_5xx_of_load_balancers(name: str) -> None:
    """Minutes of the cloud's time, asked at every step: with the sweep."""
    assert contract.never_5xx(MAKE, test_laws.REPLACEMENTS[name]) > 10


@pytest.mark.parametrize("name", ["a new backend takes over", "order"])
def test_neither_before_nor_after(name: str) -> None:
    before, after, *_ = test_laws.REPLACEMENTS[name]
    contract.neither_before_nor_after(MAKE, before, after)


def test_unknown_changes_nothing() -> None:
    assert contract.unknown_changes_nothing(MAKE, worlds.SECURE) > 20


def test_incomplete_listing() -> None:
    contract.incomplete_listing(MAKE, worlds.BASE, test_laws.LATER)


def test_vanishing() -> None:
    contract.vanishing(MAKE)


@pytest.mark.parametrize("plant", [False, True])
def test_insertion(plant: bool) -> None:
    contract_change.insertion(MAKE, 50, 0, plant=plant, creates=4)  # listener, rule, map and path rule of a new host


@pytest.mark.parametrize("second", [HTTPS, PUBLIC])
def test_revived(second: worlds.World) -> None:
    contract_change.revived(MAKE, worlds.BASE, second)


@pytest.mark.parametrize("after", [HTTPS, worlds.SECURE])
def test_two_writers(after: worlds.World) -> None:
    contract_change.two_writers(MAKE, worlds.BASE, after, 5)


def test_withdrawn() -> None:
    contract_change.withdrawn(MAKE)


def test_planning_cannot_write() -> None:
    contract_change.planning_cannot_write(MAKE)
    with pytest.raises(PermissionError):
        MAKE().session().read.call("application_gateways", "begin_create_or_update")


def test_made_once() -> None:
    contract_change.made_once(MAKE, 10.0)


def test_lost_answer_with_stale_reads() -> None:
    contract_change.lost_answer(MAKE, 10.0, every=8)


@pytest.mark.parametrize("journey", sorted(j for j in worlds.JOURNEYS if j != "replace load balancer"))
def test_crash_sample(journey: str) -> None:
    """A fixed sample of the sweep: every ninth call; `make sweep` runs every call."""
    cells: list[tuple[stage.FaultKind, bool]] = [("after", False), ("lost", True)]
    assert contract.sweep(MAKE, worlds.JOURNEYS[journey], cells, every=9) >= 2


@pytest.mark.sweep
@pytest.mark.parametrize("fault", contract.FAULTS)
@pytest.mark.parametrize("journey", sorted(worlds.JOURNEYS))
def test_crash_sweep(journey: str, fault: stage.FaultKind) -> None:
    assert contract.sweep(MAKE, worlds.JOURNEYS[journey], [(fault, True), (fault, False)]) >= 2
