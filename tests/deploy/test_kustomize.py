"""The kustomize base: built by the kustomize in kubectl, safe to apply by mistake, and without Helm's marks."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudgw_local.cluster import build
from tests.deploy.rendering import ROOT, of

BASE, EXAMPLE = (ROOT / "deploy" / "kustomize" / name for name in ("base", "example"))


def built(folder: Path) -> list[dict[str, Any]]:
    kubectl = build.control_plane() / "kubectl"
    done = subprocess.run([str(kubectl), "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def container(documents: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = of(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def base() -> list[dict[str, Any]]:
    files = [BASE / name for name in yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]]
    return [one for file in files if file.is_file() for one in yaml.safe_load_all(file.read_text())]


def test_every_file_of_the_base_is_a_resource() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert all((BASE / name).exists() for name in listed)
    assert {path.name for path in BASE.iterdir()} == {name for name in listed if "/" not in name} | {
        "kustomization.yaml"
    }


def test_without_an_owner_nothing_starts() -> None:
    env = [one["name"] for one in container(base())["env"]]
    assert "CLOUDGW_OWNER" not in env
    assert not [one for one in container(base())["args"] if one.startswith("--owner")]
    assert container(base())["image"] == "cloudgw"


def test_nothing_of_helm_is_left() -> None:
    text = yaml.safe_dump_all(base())
    assert "helm" not in text.lower()


def test_the_namespace_takes_only_pods_that_may_do_little() -> None:
    assert of(base(), "Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.cluster
def test_the_example_names_image_owner_and_identity() -> None:
    documents = built(EXAMPLE)
    assert container(documents)["image"] == "registry.example.com/cloudgw:0.1.0"
    assert {"name": "CLOUDGW_OWNER", "value": "team-edge"} in container(documents)["env"]
    assert "eks.amazonaws.com/role-arn" in of(documents, "ServiceAccount")["metadata"]["annotations"]
    crds = {one["spec"]["names"]["kind"] for one in documents if one["kind"] == "CustomResourceDefinition"}
    assert len(crds) == len(list((ROOT / "crds").glob("*.yaml")))


@pytest.mark.cluster
def test_another_namespace_is_another_namespace_everywhere(tmp_path: Path) -> None:
    overlay = ROOT / "deploy" / "kustomize" / "example"
    relative = Path("../" * len(tmp_path.parts[1:])) / overlay.relative_to("/")
    (tmp_path / "kustomization.yaml").write_text(f"namespace: edge\nresources:\n  - {relative}\n")
    text = yaml.safe_dump_all(built(tmp_path))
    assert "namespace: cloudgw-system" not in text
    assert "cloudgw-system" not in text
