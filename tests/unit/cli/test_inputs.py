"""-f over --snapshot, minus what only --base has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cloudgw.cli import inputs
from cloudgw.objects import Namespace, Snapshot, Unknown
from cloudgw.sources import manifests


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def loaded(folder: Path, *items: Any, **options: Any) -> manifests.Loaded:
    folder.mkdir(exist_ok=True)
    (folder / "all.yaml").write_text(yaml.safe_dump_all(items))
    return manifests.load([str(folder)], **options)


def labels(snapshot: Snapshot) -> dict[str, dict[str, str]]:
    return {found.meta.name: dict(found.meta.labels) for found in snapshot.all(Namespace)}


def test_files_win_over_the_saved_snapshot(tmp_path: Path) -> None:
    below = loaded(tmp_path / "below", namespace("a", x="1"), namespace("b"), complete=True).snapshot
    above = loaded(tmp_path / "above", namespace("a", x="2"))
    found = inputs.overlay(above, below)
    assert labels(found) == {"a": {"x": "2"}, "b": {}}
    assert found.is_complete(Namespace)


def test_what_only_the_base_has_is_taken_away(tmp_path: Path) -> None:
    below = loaded(tmp_path / "below", namespace("a"), namespace("b"), complete=True).snapshot
    loaded(tmp_path / "base", namespace("a"), namespace("b"))
    above = loaded(tmp_path / "above", namespace("a"), base=[str(tmp_path / "base")])
    assert labels(inputs.overlay(above, below)) == {"a": {}}


def test_complete_files_hide_the_saved_snapshot(tmp_path: Path) -> None:
    below = loaded(tmp_path / "below", namespace("b")).snapshot
    above = loaded(tmp_path / "above", namespace("a"), complete=True)
    assert labels(inputs.overlay(above, below)) == {"a": {}}


def test_a_file_that_cannot_be_read_leaves_nothing_complete(tmp_path: Path) -> None:
    below = loaded(tmp_path / "below", namespace("a"), complete=True).snapshot
    (tmp_path / "broken.yaml").write_text("{")
    found = inputs.overlay(manifests.load([str(tmp_path / "broken.yaml")]), below)
    assert labels(found) == {"a": {}}
    assert not found.is_complete(Namespace)


def test_what_is_not_there_yet_will_be_the_youngest_and_no_file_says_how_old_something_is(tmp_path: Path) -> None:
    old, new, forged = namespace("old"), namespace("new"), namespace("old")
    old["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    forged["metadata"]["creationTimestamp"] = "1970-01-01T00:00:00Z"
    below = loaded(tmp_path / "below", old, complete=True).snapshot
    found = inputs.overlay(loaded(tmp_path / "above", forged, new), below)
    ages = {one.meta.name: one.meta.created for one in found.all(Namespace)}
    assert ages["old"] == "2020-01-01T00:00:00Z"
    assert ages["new"] > "2026-01-01T00:00:00Z"
    blind = Snapshot(objects={"Namespace": {("", "new"): Unknown("a test says so")}})
    (unread,) = inputs.overlay(loaded(tmp_path / "above", new), blind).all(Namespace)
    assert unread.meta.created == ages["new"]
