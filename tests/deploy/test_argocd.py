"""The health scripts for Argo CD, run as Argo CD runs them: Lua 5.1, the object as `obj`, a table as the answer."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import pytest
import yaml

from tests.deploy.rendering import ROOT

lua51 = importlib.import_module("lupa.lua51")
DATA: dict[str, str] = yaml.safe_load((ROOT / "deploy" / "argocd" / "argocd-cm.yaml").read_text())["data"]
PREFIX = "resource.customizations.health."
GENERATION = 3
CRDS = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
OURS = sorted(crd["spec"]["names"]["kind"] for crd in CRDS)
SETTLED = [kind for kind in OURS if kind not in ("GatewayPlan", "GatewayState")]


def script(group: str, kind: str) -> str:
    """As Argo CD looks it up: the kind's own key, else a wildcard."""
    wildcards: dict[str, Any] = yaml.safe_load(DATA["resource.customizations"])
    own = DATA.get(f"{PREFIX}{group}_{kind}")
    return own if own is not None else str(wildcards[f"{group}/*"]["health.lua"])


def health(kind: str, status: dict[str, Any] | None, group: str = "cloudgw.dev") -> tuple[str, str]:
    """(status, message)."""
    runtime = lua51.LuaRuntime(register_eval=False, register_builtins=False)
    obj: dict[str, Any] = {"kind": kind, "metadata": {"name": "x", "generation": GENERATION}}
    if status is not None:
        obj["status"] = status
    runtime.globals().obj = runtime.table_from(copy.deepcopy(obj), recursive=True)
    found = runtime.execute(script(group, kind))
    assert set(found.keys()) == {"status", "message"}
    return str(found["status"]), str(found["message"])


def condition(kind: str, status: str = "True", generation: int = GENERATION) -> dict[str, Any]:
    said = f"{kind} is {status}"
    return {"type": kind, "status": status, "reason": "R", "message": said, "observedGeneration": generation}


def test_scripts_are_lua_that_argo_cd_would_find() -> None:
    keys = set(DATA) - {"resource.customizations"}
    assert keys == {
        f"{PREFIX}cloudgw.dev_GatewayPlan",
        f"{PREFIX}gateway.networking.k8s.io_TCPRoute",
        f"{PREFIX}gateway.networking.k8s.io_UDPRoute",
    }
    assert all(set(key) <= set("-._abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for key in DATA)


@pytest.mark.parametrize("kind", [kind for kind in OURS if kind != "GatewayState"])
def test_what_nobody_has_looked_at_is_progressing(kind: str) -> None:
    assert health(kind, None)[0] == "Progressing"
    assert health(kind, {})[0] == "Progressing"


@pytest.mark.parametrize("kind", SETTLED)
@pytest.mark.parametrize(
    ("conditions", "wanted"),
    [
        ([condition("Ready")], ("Healthy", "Ready is True")),
        ([condition("Ready", "False")], ("Progressing", "Ready is False")),
        ([condition("Ready", "False"), condition("Stalled")], ("Degraded", "Stalled is True")),
        ([condition("Ready"), condition("Reconciling")], ("Progressing", "Reconciling is True")),
        ([condition("Ready"), condition("Stalled", "False")], ("Healthy", "Ready is True")),
        ([condition("Ready", generation=2)], ("Progressing", "the controller has not seen the last change yet")),
    ],
    ids=["ready", "not-ready", "stalled", "reconciling", "stalled-false", "stale"],
)
def test_our_kinds(kind: str, conditions: list[dict[str, Any]], wanted: tuple[str, str]) -> None:
    assert health(kind, {"observedGeneration": GENERATION, "conditions": conditions}) == wanted
    stale = {"observedGeneration": GENERATION - 1, "conditions": conditions}
    assert health(kind, stale)[0] == "Progressing"


def test_a_policy_that_one_gateway_refuses_is_degraded() -> None:
    def ancestor(status: str) -> dict[str, Any]:
        return {"ancestorRef": {"name": "edge"}, "conditions": [condition("Accepted", status)]}

    assert health("BackendPolicy", {"ancestors": [ancestor("True")]}) == ("Healthy", "Accepted is True")
    both = {"ancestors": [ancestor("True"), ancestor("False")], "conditions": [condition("Ready")]}
    assert health("BackendPolicy", both) == ("Degraded", "Accepted is False")


def test_the_controllers_record_is_never_unhealthy() -> None:
    assert health("GatewayState", None)[0] == "Healthy"


@pytest.mark.parametrize(
    ("phase", "wanted"),
    [("Empty", "Healthy"), ("Waiting", "Progressing"), ("Pending", "Suspended"), ("Approved", "Progressing")],
)
def test_a_plan_that_waits_for_a_word_is_suspended(phase: str, wanted: str) -> None:
    plans = [{"placement": "aws/eu-central-1", "digest": "0123456789abcdef", "summary": "1 to delete"}]
    status = {"observedGeneration": GENERATION, "phase": phase, "plans": plans, "conditions": [condition("Ready")]}
    found, message = health("GatewayPlan", status)
    assert found == wanted
    assert ("0123456789abcdef: 1 to delete" in message) is (phase != "Empty")
    assert health("GatewayPlan", {**status, "conditions": [condition("Stalled")]})[0] == "Degraded"
    assert health("GatewayPlan", {**status, "observedGeneration": 2})[0] == "Progressing"


def test_every_phase_of_a_plan_was_tried() -> None:
    (crd,) = [one for one in CRDS if one["spec"]["names"]["kind"] == "GatewayPlan"]
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["properties"]["status"]["properties"]["phase"]["enum"] == ["Empty", "Waiting", "Pending", "Approved"]


@pytest.mark.parametrize("kind", ["TCPRoute", "UDPRoute"])
@pytest.mark.parametrize(
    ("parents", "wanted"),
    [
        ([], "Progressing"),
        ([[condition("Accepted"), condition("ResolvedRefs")]], "Healthy"),
        ([[condition("Accepted", generation=1)]], "Progressing"),
        ([[condition("Accepted"), condition("ResolvedRefs", "False")]], "Degraded"),
        ([[condition("Accepted")], [condition("Accepted", "False")]], "Degraded"),
        ([[condition("Accepted"), condition("Programmed", "False")], [condition("Accepted")]], "Progressing"),
        ([[condition("Programmed", "Unknown"), condition("Accepted")]], "Progressing"),
    ],
)
def test_routes_that_argo_cd_does_not_know(kind: str, parents: list[list[dict[str, Any]]], wanted: str) -> None:
    status = {"parents": [{"controllerName": "x/y", "conditions": conditions} for conditions in parents]}
    assert health(kind, status, "gateway.networking.k8s.io")[0] == wanted
