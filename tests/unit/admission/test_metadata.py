"""ObjectMeta: what a new object may carry."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw import admission
from tests.unit.admission.manifests import manifest

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u"}

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "/metadata/name"),
    ({"name": None}, "/metadata/name"),
    ({"name": "Web"}, "/metadata/name"),
    ({"name": "web\n"}, "/metadata/name"),
    ({"name": "a..b"}, "/metadata/name"),
    ({"name": "x" * 254}, "/metadata/name"),
    ({"name": 80}, "/metadata/name"),
    ({"name": None, "generateName": "Web-"}, "/metadata/generateName"),
    ({"generateName": "web."}, "/metadata/generateName"),
    ({"namespace": "a.b"}, "/metadata/namespace"),
    ({"labels": {"a": 1}}, "/metadata/labels/a"),
    ({"labels": []}, "/metadata/labels"),
    ({"labels": {"a/b/c": ""}}, "/metadata/labels/a~1b~1c"),
    ({"labels": {"a": "-"}}, "/metadata/labels/a"),
    ({"labels": {"a": "x" * 64}}, "/metadata/labels/a"),
    ({"annotations": {"a b": ""}}, "/metadata/annotations/a b"),
    ({"annotations": {"a": "x" * 262144}}, "/metadata/annotations"),
    ({"finalizers": [""]}, "/metadata/finalizers/0"),
    ({"finalizers": [None]}, "/metadata/finalizers/0"),
    ({"finalizers": ["orphan", "foregroundDeletion"]}, "/metadata/finalizers"),
    ({"ownerReferences": [{**OWNER, "uid": ""}]}, "/metadata/ownerReferences/0/uid"),
    ({"ownerReferences": [{**OWNER, "kind": "Event"}]}, "/metadata/ownerReferences/0"),
    ({"ownerReferences": [{**OWNER, "controller": True}] * 2}, "/metadata/ownerReferences"),
    ({"ownerReferences": [{**OWNER, "controller": "yes"}]}, "/metadata/ownerReferences/0/controller"),
    ({"generation": "1"}, "/metadata/generation"),
    ({"creationTimestamp": "yesterday"}, "/metadata/creationTimestamp"),
    ({"creationTimestamp": "2026-02-30T00:00:00Z"}, "/metadata/creationTimestamp"),
    ({"resourceVersion": "12"}, "/metadata/resourceVersion"),
]


@pytest.mark.parametrize(("change", "pointer"), REFUSED)
def test_the_server_refuses(change: dict[str, Any], pointer: str) -> None:
    document = manifest("Gateway")
    document["metadata"] |= change
    verdict = admission.check(document)
    assert verdict.refused_by_server
    assert [(problem.code, problem.pointer) for problem in verdict.problems] == [("Metadata", pointer)]
    assert verdict.problems[0].fix


ACCEPTED: list[dict[str, Any]] = [
    {"name": "a.b-c"},
    {"name": None, "generateName": "web-"},
    {"namespace": "shop"},
    {"labels": None},
    {"labels": {"a": None, "example.com/B_c": "D.e"}},
    {"annotations": {"Example.com/a": "anything: \n"}},
    {"annotations": {"a": "x" * 262143}},
    {"finalizers": ["example.com/a"]},
    {"ownerReferences": [OWNER]},
    {"generation": -1},
    {"creationTimestamp": None},
    {"creationTimestamp": "2026-01-01T00:00:00.5+01:00"},
    {"uid": "u", "selfLink": "s", "resourceVersion": ""},
    {"managedFields": [{"operation": "anything", "fieldsV1": {"f:spec": {}}}]},
]


@pytest.mark.parametrize("change", ACCEPTED)
def test_the_server_accepts(change: dict[str, Any]) -> None:
    document = manifest("Gateway")
    document["metadata"] |= change
    assert admission.check(document).problems == ()


@pytest.mark.parametrize("metadata", [None, "a", [], 1])
def test_metadata_of_another_type_is_refused(metadata: Any) -> None:
    document = {**manifest("Gateway"), "metadata": metadata}
    assert admission.check(document).refused_by_server


def test_an_unknown_field_is_dropped() -> None:
    document = manifest("Gateway")
    document["metadata"] |= {"Labels": {"a": "b"}}
    verdict = admission.check(document)
    assert [(problem.code, problem.pointer) for problem in verdict.problems] == [("UnknownField", "/metadata/Labels")]
    assert (verdict.refused_by_server, verdict.data["metadata"]) == (False, {"name": "first"})
