"""The bench measures what it says: the world is the same in both forms, fits a load balancer, and is fully made.

Two Gateways stand for the 200: every Gateway is written by the same lines.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudgw.cli import inventories, main
from cloudgw.objects import HTTPRoute, Snapshot
from cloudgw.sources import manifests
from cloudgw_aws import facts
from tests.bench import recording, world

FORMS = ("yaml", "json")
FEW = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("world")
    for form in FORMS:
        world.write(made / form, form, FEW)
    found = inventories.dump([recording.inventory(read(made / "json"))])
    (made / "inventory.json").write_text(found)
    return made


def read(folder: Path) -> Snapshot:
    loaded = manifests.load([str(folder)], complete=True)
    assert not loaded.errors
    return loaded.snapshot


def test_both_forms_say_the_same(folder: Path) -> None:
    routes = {
        form: [(one.meta.namespace, one.meta.name, one.parents, one.hostnames, one.rules) for one in found]
        for form in FORMS
        for found in [read(folder / form).all(HTTPRoute)]
    }
    assert len(routes["yaml"]) == FEW * world.ROUTES
    assert routes["yaml"] == routes["json"]


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_left_to_do(
    form: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    options = ["-f", form, "--complete", "--owner", world.OWNER, "--inventory", "inventory.json"]
    code = main.main(["plan", *options])
    said = capsys.readouterr().out
    assert code == 0, said
    assert said.count("Nothing to change") == FEW


def test_a_missing_rule_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The empty plan above is empty because everything was compared."""
    monkeypatch.chdir(folder)
    (found,) = inventories.read("inventory.json")
    gone = found.content["rules"].pop()
    del found.content["tags"][gone["RuleArn"]]
    Path("less.json").write_text(inventories.dump([found]))
    options = ["-f", "yaml", "--complete", "--owner", world.OWNER, "--inventory", "less.json"]
    assert main.main(["plan", *options]) == 2


def test_a_gateway_fits_one_load_balancer(folder: Path) -> None:
    (found,) = inventories.read(str(folder / "inventory.json"))
    assert len(found.content["rules"]) == FEW * world.ROUTES
    assert len(found.content["target_groups"]) == FEW * world.SERVICES
    assert facts.QUOTAS["rules-per-application-load-balancer"] > world.ROUTES
    assert facts.QUOTAS["target-groups-per-application-load-balancer"] > world.SERVICES
