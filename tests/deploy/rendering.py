"""The chart as Helm renders it: what a cluster would be given, as plain objects.

Called by the tests of the chart and by whoever wants the controller's exact roles in a test (`rules`). The helm is the
one that stands beside the test cluster; building it the first time takes minutes, so tests that call this carry the
marker `cluster`. This module must never talk to a cluster.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cloudgw_local.cluster import build

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "cloudgw"
RELEASE, NAMESPACE = "cloudgw", "cloudgw-system"
NEEDED: Mapping[str, Any] = {"owner": "team-edge", "image": {"repository": "registry.example.com/cloudgw"}}
KUBERNETES = "1.34.0"  # what `helm template` says of the cluster; the oldest that is refused stands in Chart.yaml


class Refused(Exception):
    """What helm said on standard error."""


def render(values: Mapping[str, Any] | None = None, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """The objects of `helm template`, hooks too, in Helm's order. values: over an owner and an image, which every
    installation needs. Raises Refused when the schema or a template refuses the values."""
    text = template(json.dumps({**NEEDED, **(values or {})}, sort_keys=True), namespace)
    return [document for document in yaml.safe_load_all(text) if document]


@lru_cache(maxsize=64)
def template(values: str, namespace: str) -> str:
    """The text of `helm template`. values: JSON."""
    return helm(
        "template", RELEASE, str(CHART), "--namespace", namespace, "--kube-version", KUBERNETES, "--values", "-",
        given=values,
    )  # fmt: skip


def helm(*arguments: str, given: str = "") -> str:
    """Standard output of helm. Raises Refused."""
    program = build.tools(build.HELM) / "helm"
    done = subprocess.run([str(program), *arguments], input=given, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def of(documents: list[dict[str, Any]], kind: str, name: str = "") -> dict[str, Any]:
    """The one object of a kind; name: its suffix, where there are several."""
    found = [one for one in documents if one["kind"] == kind and one["metadata"]["name"].endswith(name)]
    assert len(found) == 1, f"{len(found)} objects of kind {kind}"
    return found[0]


def rules() -> dict[str, dict[str, Any]]:
    """The chart's named RBAC rules: name -> {scope, rules, mode?}; `rbac.omit` takes these names."""
    loaded: dict[str, dict[str, Any]] = yaml.safe_load((CHART / "files" / "rbac.yaml").read_text())
    return loaded
