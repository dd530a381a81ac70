"""Keeps what ships in deploy/ in step with what it is made of.

The chart carries copies, because Helm reads nothing outside of a chart: our CRDs (crds/), alert rules and dashboard
(deploy/prometheus/). The kustomize base is what the chart renders, which needs helm: `--base` writes it too, and builds
a helm the first time (minutes). `make golden` runs this without; tests/deploy fails where something is out of step.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
CRDS, DEPLOY = ROOT / "crds", ROOT / "deploy"
FILES, BASE = DEPLOY / "helm" / "cloudgw" / "files", DEPLOY / "kustomize" / "base"
GENERATED = "# Made by scripts/chart.py --base from the Helm chart: change that.\n"
VALUES: Mapping[str, Any] = {  # an overlay names image and owner: without an owner the controller does not start
    "owner": "none",
    "image": {"repository": "cloudgw"},
    "crds": {"enabled": False},
    "uninstall": {"force": True},
}
HELMS = ("app.kubernetes.io/managed-by", "helm.sh/chart")
ROLES = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount")


def copies() -> dict[Path, str]:
    """Path -> content of every file of the chart that is a copy, and of the list by which kustomize finds the CRDs."""
    definitions = sorted(CRDS.glob("*.yaml"))
    found = {FILES / "crds" / path.name: path.read_text() for path in definitions}
    for name in ("rules.yaml", "dashboard.json"):
        found[FILES / name] = (DEPLOY / "prometheus" / name).read_text()
    listed = "".join(f"  - crds/{path.name}\n" for path in definitions)
    found[FILES / "kustomization.yaml"] = (
        f"{GENERATED}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{listed}"
    )
    return found


def base(documents: list[dict[str, Any]]) -> dict[Path, str]:
    """Path -> content of the kustomize base. documents: the chart rendered with VALUES."""
    plain = [_plain(document) for document in documents]
    roles = [document for document in plain if document["kind"] in ROLES]
    rest = [document for document in plain if document["kind"] not in ROLES]
    return {BASE / "rbac.yaml": _text(roles), BASE / "controller.yaml": _text(rest)}


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """Without what only Helm or a person can say: Helm's labels, the image's tag, the owner."""
    for labels in _labels(document):
        for name in HELMS:
            labels.pop(name, None)
    if document["kind"] == "Deployment":
        container = document["spec"]["template"]["spec"]["containers"][0]
        container["image"] = VALUES["image"]["repository"]
        container["env"] = [one for one in container["env"] if one["name"] != "CLOUDGW_OWNER"]
    return document


def _labels(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    template = document.get("spec", {}).get("template", {}) if document["kind"] == "Deployment" else {}
    return [meta["labels"] for meta in (document["metadata"], template.get("metadata", {})) if "labels" in meta]


def _text(documents: list[dict[str, Any]]) -> str:
    return GENERATED + yaml.safe_dump_all(documents, sort_keys=False, width=120)


def write(files: Mapping[Path, str]) -> None:
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def main(arguments: list[str]) -> int:
    sys.path.insert(0, str(ROOT))
    for path in (FILES / "crds").glob("*.yaml"):
        path.unlink()
    write(copies())
    if "--base" in arguments:
        from tests.deploy import rendering

        write(base(rendering.render(VALUES)))
    print("deploy")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
