"""Objects of a cluster below those of -f: for every command that reads objects."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from cloudgw.cli import inputs
from cloudgw.objects import HTTPRoute, Material, Snapshot
from cloudgw.sources import cluster, manifests
from tests.unit.cli import place as places

GUIDE = places.ROOT / "docs" / "guide" / "find-the-cause"


@pytest.fixture
def asked(place: places.Place, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The arguments that the cluster was read with; it holds what the guide's folder holds."""
    shutil.copytree(GUIDE, place.folder / "cluster")
    found: list[Any] = []

    def load(path: str | None = None, context: str | None = None) -> manifests.Loaded:
        found.append((path, context))
        return manifests.load([str(place.folder / "cluster")], complete=True)

    monkeypatch.setattr(cluster, "load", load)
    return found


@pytest.mark.parametrize(
    ("option", "arguments"),
    [
        ("--live", (None, None)),
        ("--kubeconfig mine.yaml", ("mine.yaml", None)),
        ("--context test", (None, "test")),
        ("--live --kubeconfig k --context c", ("k", "c")),
    ],
)
def test_a_cluster_is_read_alone(place: places.Place, asked: list[Any], option: str, arguments: Any) -> None:
    said = place.run(f"explain httproute/cart {option}")
    assert "first failing gate: listener" in said.out
    assert asked == [arguments]
    assert place.run(f"status {option}").code == 2


def test_files_lie_over_the_cluster(place: places.Place, asked: list[Any]) -> None:
    text = (GUIDE / "2-cart.yaml").read_text()
    (place.folder / "change.yaml").write_text(text.replace("sectionName: https", "sectionName: web"))
    said = place.run("explain httproute/cart --live -f change.yaml")
    assert said.code == 0, said.out
    assert "2 ready" in said.out
    assert len(asked) == 1


def test_no_file_of_the_configuration_lies_over_a_cluster(place: places.Place, asked: list[Any]) -> None:
    (place.folder / "cloudgw.yaml").write_text("files: [nowhere.yaml]\n")
    assert place.run("status gtw --live").code == 0
    assert asked == [(None, None)]


def test_a_changed_route_keeps_its_age(place: places.Place, asked: list[Any]) -> None:
    """Without it, a route would become the oldest as soon as it stands in a file."""
    text = (GUIDE / "6-account.yaml").read_text().partition("---\n")[2]
    dropped = [line for line in text.splitlines() if "creationTimestamp" not in line]
    (place.folder / "change.yaml").write_text("\n".join(dropped))
    said = place.run("explain httproute/account-v2 --live -f change.yaml")
    assert "first failing gate: precedence" in said.out
    assert asked


def test_plan_takes_a_cluster_too(place: places.Place, asked: list[Any]) -> None:
    (place.folder / "empty.json").write_text("{}")
    said = place.run("plan --live --owner us --inventory empty.json")
    assert said.code == 1
    assert "empty.json" in said.err
    assert asked == [(None, None)]


def test_a_cluster_that_cannot_be_read_is_an_error(place: places.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(path: str | None = None, context: str | None = None) -> manifests.Loaded:
        raise cluster.ClusterError(f"no context {context} in {path}; give --context")

    monkeypatch.setattr(cluster, "load", load)
    said = place.run("status --context test")
    assert (said.code, said.out) == (1, "")
    assert said.err == "error: the cluster cannot be read: no context test in None; give --context\n"


def test_a_snapshot_and_a_cluster_exclude_each_other(place: places.Place) -> None:
    said = place.run("status --live --snapshot s.json")
    assert said.code == 1
    assert "--snapshot and a cluster exclude each other" in said.err


def test_materials_of_the_cluster_are_kept(asked: list[Any]) -> None:
    material = Material(fingerprint="ab", certificate_pem=b"", key_pem=b"")
    below = Snapshot(materials={"ab": material}, complete=frozenset({"HTTPRoute"}))
    found = inputs.overlay(manifests.Loaded(snapshot=Snapshot()), below)
    assert found.materials == {"ab": material}
    assert found.is_complete(HTTPRoute)
    assert asked == []
