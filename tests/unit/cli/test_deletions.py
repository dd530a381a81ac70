"""Every object of the examples, deleted one by one: with --base the plan shows a change or a note that names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli import place as places

# of the others what stands stays, and a note says so: another grant, say, may be where nobody looked
CHANGING = ("HTTPRoute", "Service", "Gateway")


def objects() -> list[tuple[str, str, str]]:
    """(kind, namespace, name) of everything in the examples that `places.examples` copies, and of their Secret."""
    found = [
        (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"])
        for path in sorted(places.EXAMPLES.glob("*.yaml"))
        if not path.name.startswith(places.OTHER)
        for item in yaml.safe_load_all(path.read_text())
        if "kind" in item
    ]
    return [*found, ("Secret", "shop", "shop-tls")]


@pytest.fixture(scope="module")
def applied(running: Any, tmp_path_factory: pytest.TempPathFactory) -> places.Place:
    """The examples applied once, their listing saved."""
    folder = tmp_path_factory.mktemp("applied")
    base = folder / "base"
    base.mkdir()
    places.examples(base)
    place = places.Place(folder, dict(places.environment(running)))
    assert place.run("apply --owner demo --complete -f base").code == 0
    place.run("plan --owner demo --complete -f base --save-inventory inventory.json")
    return place


@pytest.mark.parametrize(("kind", "namespace", "name"), objects(), ids=str)
def test_a_deleted_object_is_seen(applied: places.Place, tmp_path: Path, kind: str, namespace: str, name: str) -> None:
    documents = []
    for path in sorted((applied.folder / "base").glob("*")):
        if path.name != "cloudgw.yaml":
            documents += list(yaml.safe_load_all(path.read_text()))
    left = [
        item
        for item in documents
        if (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]) != (kind, namespace, name)
    ]
    assert len(left) == len(documents) - 1
    (tmp_path / "branch.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": left}))
    said = applied.run(
        f"plan --owner demo -f {tmp_path / 'branch.json'} --base base --inventory inventory.json --output json"
    )
    where = f"{namespace}/{name}" if namespace else name
    changes = [change for plan in said.json["plans"] for change in plan["changes"]]
    print(kind, where, [(c["op"], c["kind"], [w["for"] for w in c["waits"]]) for c in changes], said.err)
    assert any(note["message"].startswith(f"{kind} {where}: is in --base") for note in said.json["notes"])
    assert bool(changes) is (kind in CHANGING), changes
