"""The contract laws on the local clouds, through the real providers and the real SDKs."""

from __future__ import annotations

from dataclasses import replace

import aws_ground
import azure_ground
import gcp_ground
import pytest
import test_laws

from cloudgw.testing import contract, contract_change, stage, worlds

GROUNDS: dict[str, contract.Make] = {"aws": aws_ground.AWS, "azure": azure_ground.Azure, "gcp": gcp_ground.GCP}
CREATES = {"aws": 1, "azure": 4, "gcp": 2}  # a rule; listener, rule, map, path rule of a new host; matcher, route rule
HTTPS = worlds.BASE.with_service("one", worlds.Service(protocol="HTTPS"))
PUBLIC = replace(worlds.BASE, scheme="public")
WRITES = {
    "aws": ("elbv2", "create_rule"),
    "azure": ("application_gateways", "begin_create_or_update"),
    "gcp": ("urlMaps", "update"),
}


@pytest.fixture(params=sorted(GROUNDS))
def make(request: pytest.FixtureRequest) -> contract.Make:
    return GROUNDS[request.param]


@pytest.mark.parametrize("journey", sorted(worlds.JOURNEYS))
def test_apply_then_empty(make: contract.Make, journey: str) -> None:
    contract.apply_then_empty(make, worlds.JOURNEYS[journey])


@pytest.mark.parametrize("journey", sorted(j for j in worlds.JOURNEYS if j != "destroy"))
def test_destroyed(make: contract.Make, journey: str) -> None:
    contract.destroyed(make, worlds.JOURNEYS[journey])


def test_drifted(make: contract.Make) -> None:
    assert contract.drifted(make, worlds.SECURE) >= 5


@pytest.mark.parametrize("journey", ["insert route", "replace target group", "replace load balancer"])
def test_foreign_untouched(make: contract.Make, journey: str) -> None:
    contract.foreign_untouched(make, worlds.JOURNEYS[journey])


@pytest.mark.parametrize("name", ["pool", "order", "a new backend takes over", "there and back", "a host of its own"])
def test_never_5xx(make: contract.Make, name: str) -> None:
    assert contract.never_5xx(make, test_laws.REPLACEMENTS[name]) > 10


@pytest.mark.sweep
@pytest.mark.parametrize("name", ["balancer", "both at once"])
def test_never_5xx_of_load_balancers(make: contract.Make, name: str) -> None:
    """Minutes of the cloud's time, asked at every step: with the sweep."""
    assert contract.never_5xx(make, test_laws.REPLACEMENTS[name]) > 10


@pytest.mark.parametrize("name", ["a new backend takes over", "order", "a host of its own"])
def test_neither_before_nor_after(make: contract.Make, name: str) -> None:
    before, after, *_ = test_laws.REPLACEMENTS[name]
    contract.neither_before_nor_after(make, before, after)


def test_unknown_changes_nothing(make: contract.Make) -> None:
    assert contract.unknown_changes_nothing(make, worlds.SECURE) > 20


def test_incomplete_listing(make: contract.Make) -> None:
    contract.incomplete_listing(make, worlds.BASE, test_laws.LATER)


def test_vanishing(make: contract.Make) -> None:
    contract.vanishing(make)


@pytest.mark.parametrize("plant", [False, True])
def test_insertion(make: contract.Make, plant: bool) -> None:
    contract_change.insertion(make, 50, 0, plant=plant, creates=CREATES[make().name])


@pytest.mark.parametrize("second", [HTTPS, PUBLIC])
def test_revived(make: contract.Make, second: worlds.World) -> None:
    contract_change.revived(make, worlds.BASE, second)


@pytest.mark.parametrize("after", [HTTPS, worlds.SECURE])
def test_two_writers(make: contract.Make, after: worlds.World) -> None:
    contract_change.two_writers(make, worlds.BASE, after, 5)


def test_withdrawn(make: contract.Make) -> None:
    contract_change.withdrawn(make)


def test_planning_cannot_write(make: contract.Make) -> None:
    contract_change.planning_cannot_write(make)
    with pytest.raises(PermissionError):
        make().session().read.call(*WRITES[make().name])


def test_made_once(make: contract.Make) -> None:
    contract_change.made_once(make, 10.0)


def test_lost_answer_with_stale_reads(make: contract.Make) -> None:
    contract_change.lost_answer(make, 10.0, every=8)


@pytest.mark.parametrize("journey", sorted(j for j in worlds.JOURNEYS if j != "replace load balancer"))
def test_crash_sample(make: contract.Make, journey: str) -> None:
    """A fixed sample of the sweep: every ninth call; `make sweep` runs every call."""
    cells: list[tuple[stage.FaultKind, bool]] = [("after", False), ("lost", True)]
    assert contract.sweep(make, worlds.JOURNEYS[journey], cells, every=9) >= 2


@pytest.mark.sweep
@pytest.mark.parametrize("fault", contract.FAULTS)
@pytest.mark.parametrize("journey", sorted(worlds.JOURNEYS))
def test_crash_sweep(make: contract.Make, journey: str, fault: stage.FaultKind) -> None:
    assert contract.sweep(make, worlds.JOURNEYS[journey], [(fault, True), (fault, False)]) >= 2
