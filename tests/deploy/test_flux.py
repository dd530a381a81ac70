"""Flux's health expressions, evaluated as Flux does: a field of the object is a variable, `failed` is asked first.

The objects are what a controller of ours would write for golden inputs (`cloudgw status`), and some of what others do.
An object without any status cannot be evaluated; Flux then goes on waiting
(https://github.com/fluxcd/pkg/blob/main/runtime/cel/status_evaluator.go).
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cloudgw.cli import main
from tests.deploy.rendering import ROOT

FOLDER = ROOT / "deploy" / "flux"
EXPRESSIONS: list[dict[str, str]] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["spec"][
    "healthCheckExprs"
]
CASES = sorted(path.parent for path in (ROOT / "tests" / "golden" / "routing").glob("*/in.yaml"))
GENERATION = 2
cel = importlib.import_module("cel_expr_python.cel")
ENGINE = cel.NewEnv(variables=dict.fromkeys(("metadata", "spec", "status"), cel.Type.DYN))


def holds(expression: str, item: dict[str, Any]) -> bool:
    """Flux: what cannot be evaluated is an error that stops the check; here it fails the test."""
    answer = ENGINE.compile(expression).eval(data=item)
    assert answer.type() == cel.Type.BOOL, answer.value()
    return bool(answer.value())


def health(item: dict[str, Any]) -> str:
    (found,) = [one for one in EXPRESSIONS if (one["apiVersion"], one["kind"]) == (item["apiVersion"], item["kind"])]
    data = {name: item[name] for name in ("metadata", "spec", "status")}
    if "failed" in found and holds(found["failed"], data):
        return "Failed"
    return "Current" if holds(found["current"], data) else "InProgress"


def condition(kind: str, status: str = "True", generation: int = GENERATION, reason: str = "R") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": "m", "observedGeneration": generation}


def made(kind: str, status: dict[str, Any], parents: int = 1) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "x", "generation": GENERATION},
        "spec": {"parentRefs": [{"name": f"p{number}"} for number in range(parents)]},
        "status": status,
    }


def test_every_kind_has_one_entry() -> None:
    kinds = [one["kind"] for one in EXPRESSIONS]
    assert len(kinds) == len(set(kinds))
    assert {"Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"} <= set(kinds)


@pytest.mark.parametrize("kind", [one["kind"] for one in EXPRESSIONS])
def test_what_no_controller_has_seen_is_not_ready(kind: str) -> None:
    assert health(made(kind, {})) == "InProgress"


@pytest.mark.parametrize("kind", ["Gateway", "ListenerSet"])
@pytest.mark.parametrize(
    ("conditions", "wanted"),
    [
        ([condition("Accepted"), condition("Programmed")], "Current"),
        ([condition("Accepted"), condition("Programmed", "False", reason="Pending")], "InProgress"),
        ([condition("Accepted"), condition("Programmed", generation=1)], "InProgress"),
        ([condition("Accepted", "False"), condition("Programmed", "False")], "Failed"),
        ([condition("Accepted", "False", 1), condition("Programmed", "False", 1)], "InProgress"),
    ],
    ids=["programmed", "pending", "stale", "refused", "was-refused"],
)
def test_gateways(kind: str, conditions: list[dict[str, Any]], wanted: str) -> None:
    assert health(made(kind, {"conditions": conditions})) == wanted


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"])
@pytest.mark.parametrize(
    ("parents", "wanted"),
    [
        ([[condition("Accepted"), condition("ResolvedRefs"), condition("Programmed")]], "Current"),
        ([[condition("Accepted"), condition("ResolvedRefs")]], "Current"),
        ([[condition("Accepted"), condition("Programmed", "False")]], "InProgress"),
        ([[condition("Accepted"), condition("ResolvedRefs", "False")]], "InProgress"),
        ([[condition("Accepted", generation=1)]], "InProgress"),
        ([[condition("Accepted", "False", reason="NoMatchingParent")]], "InProgress"),
        ([[condition("Accepted", "False", reason="UnsupportedValue")]], "Failed"),
    ],
    ids=["programmed", "others", "pending", "unresolved", "stale", "may-come", "unsupported"],
)
def test_routes(kind: str, parents: list[list[dict[str, Any]]], wanted: str) -> None:
    status = {"parents": [{"conditions": conditions} for conditions in parents]}
    assert health(made(kind, status)) == wanted
    if wanted == "Current":
        assert health(made(kind, status, parents=2)) == "InProgress", "one of two parents has answered"


def written(capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Any]]:
    """Objects of golden inputs with the statuses that we would write, spec and generation added."""
    for case in CASES:
        main.main(["status", "-f", str(case / "in.yaml"), "--output", "json"])
        specs = {
            (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one.get("spec", {})
            for one in yaml.safe_load_all((case / "in.yaml").read_text())
            if one
        }
        for item in json.loads(capsys.readouterr().out)["items"]:
            key = (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"])
            if key in specs and item["apiVersion"].endswith("/v1"):
                yield {**item, "spec": specs[key]}


def test_our_own_statuses_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    found: dict[tuple[str, str], int] = {}
    for item in written(capsys):
        said = health(item)
        found[item["kind"], said] = found.get((item["kind"], said), 0) + 1
        if item["kind"] == "Gateway":
            assert said != "Current", "nobody has asked a cloud"
    assert found["GatewayClass", "Current"] > 0
    assert found["Gateway", "InProgress"] > 0
    assert {said for kind, said in found if kind == "HTTPRoute"} >= {"InProgress"}


def test_the_release_gives_values_that_the_chart_takes() -> None:
    import jsonschema_rs

    schema = json.loads((ROOT / "deploy" / "helm" / "cloudgw" / "values.schema.json").read_text())
    release = yaml.safe_load((FOLDER / "helmrelease.yaml").read_text())
    jsonschema_rs.validate(schema, release["spec"]["values"])
