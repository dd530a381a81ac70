"""The committed schemas: where they come from, and that they are what the script makes of it."""

from __future__ import annotations

import importlib.resources
import json
import pathlib
import shutil
import time

import pytest

from cloudgw import admission
from scripts import admission as script
from tests.unit.admission.manifests import manifest

TEXT = importlib.resources.files("cloudgw.admission").joinpath("schemas.json").read_text(encoding="utf-8")


def test_the_file_names_its_source_and_its_licence() -> None:
    raw = json.loads(TEXT)
    assert (raw["module"], raw["version"], raw["licence"]) == ("sigs.k8s.io/gateway-api", "v1.6.3", "Apache-2.0")
    assert raw["sum"].startswith("h1:")
    assert raw["later"]["version"] == "v1.7.0"


def test_the_file_is_small_and_holds_no_prose_of_upstream() -> None:
    assert len(TEXT) < 100_000
    assert TEXT.count("\n") < 20
    assert '"description":"' not in TEXT


def test_the_file_is_what_the_script_makes() -> None:
    if shutil.which("go") is None and not pathlib.Path("/usr/local/go/bin/go").exists():
        pytest.skip("Go is not installed")
    try:
        made = script.build(offline=True)
    except script.Failure as failure:
        pytest.skip(f"the modules are not in Go's cache: {failure}")
    assert made == TEXT


def test_a_word_that_nobody_handles_ends_the_script() -> None:
    with pytest.raises(script.Failure, match="'x-kubernetes-embedded-resource'; teach it"):
        script.Store().node({"type": "object", "x-kubernetes-embedded-resource": True}, "A")
    with pytest.raises(script.Failure, match="reason"):
        script.Store().node({"x-kubernetes-validations": [{"rule": "a", "message": "b", "reason": "c"}]}, "A")


def test_equal_nodes_are_stored_once() -> None:
    store = script.Store()
    leaf = {"type": "string", "description": "dropped"}
    number = store.node({"type": "object", "properties": {"a": leaf, "b": {**leaf, "description": "other"}}}, "A")
    assert (number, store.nodes[1]["properties"]) == (1, {"a": 0, "b": 0})


def test_a_thousand_routes_take_a_moment() -> None:
    admission.check(manifest("HTTPRoute"))  # reads the schemas and compiles
    start = time.perf_counter()
    for _ in range(1000):
        assert admission.check(manifest("HTTPRoute")).problems == ()
    assert time.perf_counter() - start < 5, "0.3 s are usual"
