"""The upstream conformance suite, re-told: every case has the statuses and the answers that its Go test asks for.

What is only told here and judged elsewhere (a data plane, a cluster) is in the `notes` of a case; the table of all of
them is docs/reference/upstream-cases.md.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.golden.upstream import answering, asking, cases, comparing

STEPS = cases.steps()
EXPECT = {"test", "features", "checks", "unless", "programming", "statuses", "requests", "notes"}
QUESTION = {"gateway", "port", "protocol", "sni", "host", "path", "method", "headers", "response", "grpc", "expect"}
KINDS = {"GatewayClass", "Gateway", "ListenerSet", "BackendTLSPolicy", *cases.ROUTES}
REASONS: dict[str, Any] = yaml.safe_load((cases.HERE / "reasons.yaml").read_text())


def _with(key: str) -> pytest.MarkDecorator:
    """Every step that says something of `key`."""
    return pytest.mark.parametrize("step", [one for one in STEPS if one.expect.get(key)], ids=lambda one: one.id)


@pytest.mark.parametrize("step", STEPS, ids=lambda one: one.id)
def test_form(step: cases.Step) -> None:
    """The manifests can be read, and the expectation says something about objects that are in them."""
    loaded = asking.load(step)
    assert [note.message for note in loaded.errors] == []
    expect = step.expect
    assert set(expect) <= EXPECT
    assert expect["statuses"] or expect.get("requests")
    there = {(one["kind"], _name(one)) for one in step.documents()}
    for one in expect["statuses"]:
        assert one["kind"] in KINDS
        assert (one["kind"], one["name"]) in there
        assert one["status"]
    for _, condition in cases.conditions(expect):
        assert set(condition) <= {"type", "status", "reason", "message", "observedGeneration", "absent"}
        assert len(condition) > 1
    for one in expect.get("requests", ()):
        assert set(one) <= QUESTION
        assert ("Gateway", one["gateway"]) in there
        assert one["expect"]
        assert set(one["expect"]) <= set(answering.KEYS)


@_with("statuses")
def test_statuses(step: cases.Step) -> None:
    _asked(step)
    loaded = asking.load(step)
    given = asking.all_statuses(step, loaded, asking.resolved(loaded))
    said: list[str] = []
    for one in step.expect["statuses"]:
        key = (one["kind"], one["name"])
        if key not in given:
            said.append(f"{' '.join(key)}: has no status")
            continue
        namespace = one["name"].rpartition("/")[0]
        found = comparing.differences(one["status"], given[key], namespace)
        said += [f"{' '.join(key)}: {difference}" for difference in found]
    assert said == []
    never = {(one["kind"], one["condition"], one["reason"]) for one in REASONS["never"]}
    for (kind, _), status in given.items():
        for inner, condition in cases.of_status(kind, status):
            assert (inner, condition["type"], condition["reason"]) not in never


@_with("requests")
def test_answers(step: cases.Step) -> None:
    _asked(step)
    resolution = asking.resolved(asking.load(step))
    said: list[str] = []
    for one in step.expect["requests"]:
        found = answering.differences(one["expect"], asking.hear(resolution, one))
        named = {key: value for key, value in one.items() if key != "expect"}
        said += [f"{named}: {difference}" for difference in found]
    assert said == []


def test_a_wrong_status_is_seen() -> None:
    given = {
        "conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "fine"}],
        "listeners": [{"name": "a", "attachedRoutes": 1, "supportedKinds": [{"kind": "HTTPRoute"}]}],
        "parents": [{"parentRef": {"group": comparing.GROUP, "kind": "Gateway", "name": "edge"}}],
    }
    a = {"name": "a"}
    wrong: list[dict[str, Any]] = [
        {"conditions": [{"type": "Accepted", "status": "False"}]},
        {"conditions": [{"type": "Accepted", "status": "True", "reason": "Other"}]},
        {"conditions": [{"type": "Accepted", "message": "other..."}]},
        {"conditions": [{"type": "Accepted", "absent": True}]},
        {"conditions": [{"type": "Programmed", "status": "True"}]},
        {"listeners": [{"name": "b"}, "..."]},
        {"listeners": []},
        {"listeners": [{**a, "attachedRoutes": 0}]},
        {"listeners": [{**a, "supportedKinds": []}]},
        {"listeners": [{**a, "supportedKinds": [{"kind": "TLSRoute"}, "..."]}]},
        {"parents": [{"parentRef": {"name": "edge", "namespace": "shop"}}]},
        {"attachedListenerSets": 1},
    ]
    assert [one for one in wrong if not comparing.differences(one, given, "shop")] == []
    right: dict[str, Any] = {
        "conditions": [{"type": "Accepted", "status": "True", "message": "fi..."}, {"type": "Other", "absent": True}],
        "listeners": [{**a, "attachedRoutes": 1, "supportedKinds": ["..."]}],
        "parents": [{"parentRef": {"name": "edge"}}],
        "attachedListenerSets": 0,
    }
    assert comparing.differences(right, given, "shop") == []


def test_a_wrong_answer_is_seen() -> None:
    headers = {"shop/a:80": (("X-One", "1"), ("x-one", "2"))}
    weights = {"shop/a:80": 7, "shop/b:80": 3}
    given = dict.fromkeys(answering.KEYS, "") | {
        "status": 0,
        "weights": weights,
        "request_headers": headers,
        "response_headers": (),
        "mirrors": {"shop/c:80": 20.0},
        "location": "https://to.example/x",
    }
    wrong: list[dict[str, Any]] = [
        {"backend": "shop/a"},
        {"weights": {"shop/a": 70, "shop/b": 31}},
        {"weights": {"shop/a": 70, "shop/b": 30, "shop/c": 1}},
        {"status": [404, 500]},
        {"location": "https://to.example:8443/x"},
        {"request_headers": {"X-One": "1"}},
        {"absent_request_headers": ["x-ONE"]},
        {"backend_headers": {"shop/b": {"X-One": "1,2"}}},
        {"response_headers": {"X-Two": "2"}},
        {"mirrors": ["shop/c"]},
        {"closed": True},
        {"path": "/other"},
    ]
    assert [one for one in wrong if not answering.differences(one, given)] == []
    right: dict[str, Any] = {
        "weights": {"shop/a": 70, "shop/b:80": 30},
        "location": "https://to.example:443/x",
        "request_headers": {"x-one": ["0", "1, 2"]},
        "absent_response_headers": ["X-One"],
        "mirrors": [{"to": "shop/c", "percent": 20}],
    }
    assert answering.differences(right, given) == []


def test_every_reason_is_told() -> None:
    told = {
        (kind, condition["type"], condition["reason"])
        for step in STEPS
        for kind, condition in cases.conditions(step.expect)
        if "reason" in condition
    }
    wanted = {
        (kind, condition, reason)
        for kind, conditions in REASONS["told"].items()
        for condition, reasons in conditions.items()
        for reason in reasons
    }
    assert wanted - told == set()
    assert {one for one in told if one[1] != "Accepted"} - wanted == set()


def test_there_are_cases() -> None:
    names = [step.expect["test"] for step in STEPS if "test" in step.expect]
    assert len(names) == len(set(names)) >= 131


def test_the_table_is_of_these_cases() -> None:
    """And, where the suite's module is at hand, of all its tests with their features."""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "scripts/upstream_cases.py", "--check"], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def _asked(step: cases.Step) -> None:
    """As upstream: a test is for those who claim all of its features, and some are for those who do not claim one."""
    if lacking := asking.UNCLAIMED.intersection(step.features):
        pytest.skip(f"{', '.join(sorted(lacking))} is not claimed")
    if step.unless and step.unless not in asking.UNCLAIMED:
        pytest.skip(f"{step.unless} is claimed: upstream asks this of implementations without it only")


def _name(document: Mapping[str, Any]) -> str:
    meta = document["metadata"]
    return f"{meta.get('namespace', '')}/{meta['name']}".removeprefix("/")
