"""The snapshot file: what is written is what is read, and nothing else is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cloudgw import objects
from cloudgw.objects import Snapshot, Unknown
from cloudgw.sources import manifests
from tests.unit.sources import examples

CASES = sorted((Path(__file__).parents[2] / "golden" / "routing").glob("*/in.yaml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_a_snapshot_comes_back(path: Path) -> None:
    snapshot = manifests.load([str(path)], complete=True).snapshot
    text = manifests.dump(snapshot)
    back = manifests.parse_dump(text)
    assert back.objects == snapshot.objects
    assert (back.absent, back.complete) == (snapshot.absent, snapshot.complete)
    assert manifests.dump(back) == text


def test_an_object_of_every_kind_comes_back() -> None:
    """With every field of every type set, or else this would prove less than it says."""
    snapshot = examples.load(examples.everything()).snapshot
    text = manifests.dump(snapshot)
    assert manifests.parse_dump(text).objects == snapshot.objects
    seen: dict[type, set[str]] = {}
    for items in snapshot.objects.values():
        for item in items.values():
            _note_fields(item, seen)
    default = {
        f"{kind.__name__}.{field.name}"
        for kind, names in seen.items()
        for field in dataclasses.fields(kind)
        if field.name not in names
    }
    assert default == {
        "Meta.unhandled",
        "Listener.unhandled",
        "RouteRule.unhandled",
        "BackendTLSPolicy.well_known",
        "ConfigMap.problem",
        "EndpointSlice.address_type",
        *(f"Secret.{name}" for name in ("fingerprint", "names", "not_after", "key_type")),
        *(f"{kind}.hostnames" for kind in ("TCPRoute", "UDPRoute")),
    }


def _note_fields(value: Any, seen: dict[type, set[str]]) -> None:
    """The fields that differ from their default somewhere, by type."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple):
        for item in value:
            _note_fields(item, seen)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return
    names = seen.setdefault(type(value), set())
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        made = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        if item != made:
            names.add(field.name)
        _note_fields(item, seen)


def test_a_file_from_before_the_other_kinds_is_read() -> None:
    """Filters were named and not read then, and nobody asked for timeouts."""
    rule = {"filters": [{"type": "CORS", "type of": "OtherFilter"}], "unhandled": ["/spec/rules/0/timeouts"]}
    value = {"meta": {"name": "a", "namespace": "shop"}, "parents": [{"name": "edge"}], "rules": [rule]}
    route = {"kind": "HTTPRoute", "namespace": "shop", "name": "a", "value": value}
    text = json.dumps({"format_version": 1, "absent": [], "complete": [], "objects": [route]})
    found = manifests.parse_dump(text).get(objects.HTTPRoute, "shop", "a")
    assert found == objects.HTTPRoute(
        meta=objects.Meta(namespace="shop", name="a"),
        parents=(objects.ParentRef(name="edge"),),
        rules=(objects.RouteRule(filters=(objects.OtherFilter(type="CORS"),), unhandled=("/spec/rules/0/timeouts",)),),
    )


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
