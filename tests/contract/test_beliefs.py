"""The laws under the other answers to what no document of Google settles: each switchable belief, each other value."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator

import gcp_ground
import pytest
import test_laws
import yaml

from cloudgw.testing import contract, worlds


def answers() -> Iterator[tuple[str, str]]:
    """(belief, a value that is not its default)."""
    for row in yaml.safe_load(importlib.resources.files("cloudgw_local.gcp").joinpath("beliefs.yaml").read_text()):
        if row["switch"]:
            yield from ((row["id"], str(value)) for value in row["values"] if str(value) != str(row["default"]))


def believing(*beliefs: tuple[str, str]) -> contract.Make:
    class Believing(gcp_ground.GCP):
        pass

    Believing.beliefs = beliefs
    return Believing


@pytest.mark.sweep
@pytest.mark.parametrize("journey", ["create", "replace target group", "renew certificate by swap"])
@pytest.mark.parametrize("answer", list(answers()), ids="=".join)
def test_journeys(answer: tuple[str, str], journey: str) -> None:
    make = believing(answer)
    contract.apply_then_empty(make, worlds.JOURNEYS[journey])
    contract.destroyed(make, worlds.JOURNEYS[journey])


@pytest.mark.parametrize(
    "answer",
    [("gcp-late-refusal", "late"), ("gcp-insert-visible", "when-done"), ("gcp-new-endpoint", "up-until-probed")],
    ids="=".join,
)
def test_sharp_ones(answer: tuple[str, str]) -> None:
    """What happens when, and when a refusal is told, under the laws that ask for it."""
    make = believing(answer)
    assert contract.never_5xx(make, test_laws.REPLACEMENTS["pool"]) > 10
    contract.destroyed(make, worlds.JOURNEYS["insert route"])
    assert contract.sweep(make, worlds.JOURNEYS["insert route"], [("lost", False)], every=3) >= 1
