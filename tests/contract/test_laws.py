"""The contract laws on the two in-memory clouds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudgw.testing import contract, grounds, worlds

GROUNDS = {"objects": grounds.Objects, "documents": grounds.Documents}
Rule = worlds.Rule
LATER = worlds.BASE.with_rules(
    Rule(host="a.example", path="/new", to=(("three", 1),)),
    Rule(host="a.example", to=(("two", 1),)),
).with_service("three", worlds.Service(targets=("10.0.1.20:8080",)))
ANY = Rule(host="*", to=(("two", 1),))
OWN = Rule(host="a.example", to=(("one", 1),))
REPLACEMENTS = {
    "pool": (worlds.BASE, worlds.BASE.with_service("one", worlds.Service(protocol="HTTPS"))),
    "balancer": (worlds.BASE, replace(worlds.BASE, scheme="public")),
    "both at once": (
        worlds.BASE,
        replace(worlds.BASE, scheme="public").with_service("one", worlds.Service(protocol="HTTPS")),
    ),
    "there and back": (
        worlds.BASE,
        worlds.BASE.with_service("one", worlds.Service(protocol="HTTPS")),
        worlds.BASE,
    ),
    "a new backend takes over": (worlds.BASE, LATER),
    "order": (LATER, LATER.with_rules(*reversed(LATER.rules))),
    "a host of its own": (worlds.BASE.with_rules(ANY), worlds.BASE.with_rules(OWN, ANY), worlds.BASE.with_rules(ANY)),
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


@pytest.mark.parametrize("journey", sorted(j for j in worlds.JOURNEYS if j != "destroy"))
def test_foreign_untouched(make: contract.Make, journey: str) -> None:
    contract.foreign_untouched(make, worlds.JOURNEYS[journey])


@pytest.mark.parametrize("journey", sorted(worlds.JOURNEYS))
def test_crash_sweep(make: contract.Make, journey: str) -> None:
    cells = [(fault, keep) for fault in contract.FAULTS for keep in (True, False)]
    assert contract.sweep(make, worlds.JOURNEYS[journey], cells) >= 6


@pytest.mark.parametrize("name", sorted(REPLACEMENTS))
def test_never_5xx(make: contract.Make, name: str) -> None:
    assert contract.never_5xx(make, REPLACEMENTS[name]) > 20


@pytest.mark.parametrize("lag", [1.0, 2.0])
@pytest.mark.parametrize("name", sorted(REPLACEMENTS))
def test_never_5xx_with_stale_reads(make: contract.Make, name: str, lag: float) -> None:
    assert contract.never_5xx(make, REPLACEMENTS[name], lag=lag) > 20


@pytest.mark.parametrize("name", ["a new backend takes over", "order", "pool"])
def test_neither_before_nor_after(make: contract.Make, name: str) -> None:
    before, after, *_ = REPLACEMENTS[name]
    contract.neither_before_nor_after(make, before, after)
    for index in range(6):
        contract.neither_before_nor_after(make, before, after, [(index, "after")])


def test_unknown_changes_nothing(make: contract.Make) -> None:
    assert contract.unknown_changes_nothing(make, worlds.SECURE) > 20


def test_unknown_beside_an_edit(make: contract.Make) -> None:
    also = replace(worlds.SECURE, ranges=("10.0.0.0/8", "10.9.0.0/16"))
    contract.unknown_changes_nothing(make, worlds.SECURE, also=also)


def test_incomplete_listing(make: contract.Make) -> None:
    contract.incomplete_listing(make, worlds.BASE, LATER)


def test_vanishing(make: contract.Make) -> None:
    contract.vanishing(make)
