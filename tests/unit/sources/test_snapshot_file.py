"""The snapshot file: what is written is what is read, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloudgw.objects import Snapshot, Unknown
from cloudgw.sources import manifests

CASES = sorted((Path(__file__).parents[2] / "golden" / "routing").glob("*/in.yaml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_a_snapshot_comes_back(path: Path) -> None:
    snapshot = manifests.load([str(path)], complete=True).snapshot
    text = manifests.dump(snapshot)
    back = manifests.parse_dump(text)
    assert back.objects == snapshot.objects
    assert (back.absent, back.complete) == (snapshot.absent, snapshot.complete)
    assert manifests.dump(back) == text


def test_unknown_absent_and_complete() -> None:
    snapshot = Snapshot(
        objects={"Service": {("shop", "cart"): Unknown("forbidden")}},
        absent=frozenset({("HTTPRoute", "shop", "cart")}),
        complete=frozenset({"Node"}),
    )
    assert manifests.parse_dump(manifests.dump(snapshot)) == snapshot


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format_version": 2}',
        '{"format_version": 1}',
        json.dumps({"format_version": 1, "absent": [], "complete": [], "objects": [{"kind": "Service"}]}),
        json.dumps(
            {
                "format_version": 1,
                "absent": [],
                "complete": [],
                "objects": [{"kind": "Namespace", "namespace": "", "name": "a", "value": {"meta": {"name": 1}}}],
            }
        ),
        json.dumps(
            {
                "format_version": 1,
                "absent": [],
                "complete": [],
                "objects": [{"kind": "Namespace", "namespace": "", "name": "a", "value": {"meta": {"nam": "a"}}}],
            }
        ),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="snapshot"):
        manifests.parse_dump(text)
