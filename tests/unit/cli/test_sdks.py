"""Nobody needs the SDK of a cloud that is not theirs: a plan imports those of its own placements and no others.

Processes of their own, because an import stays for the life of one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.errors import writer
from tests.unit.cli import place as places

COMMON = places.ROOT / "tests" / "errors" / "common"
SDKS = {
    "aws": ("boto3", "botocore"),
    "azure": ("azure", "msrest", "msal", "isodate"),
    "gcp": ("google", "proto", "grpc"),
}
FILES = {
    "aws": ("class.yaml", "gateway.yaml"),
    "azure": ("azure-class.yaml", "azure-gateway.yaml"),
    "gcp": ("gcp-class.yaml", "gcp-gateway.yaml"),
}
# hidden: modules that cannot be imported, as if they were not installed
PROGRAM = """
import json, sys
words, hidden = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(hidden))
from cloudgw.cli import main
code = main.main(words)
json.dump([code, sorted({name.split(".")[0] for name, module in sys.modules.items() if module})], sys.stderr)
"""


def run(
    folder: Path, env: dict[str, str], words: Sequence[str], hidden: Sequence[str] = ()
) -> tuple[int, set[str], str]:
    """Exit code, top-level modules, output."""
    clean = {name: value for name, value in os.environ.items() if not writer.DROPPED.match(name)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([list(words), list(hidden)])],
        cwd=folder,
        env={**clean, **writer.BARE, **env, "HOME": str(folder)},
        text=True,
        capture_output=True,
        timeout=120,
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code, set(modules), done.stdout + done.stderr


@pytest.fixture(scope="module")
def clouds() -> Any:
    with writer.clouds() as found:
        yield found


@pytest.fixture(params=sorted(SDKS))
def cloud(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path, cloud: str) -> Path:
    for name in FILES[cloud]:
        (tmp_path / name).write_text((COMMON / name).read_text())
    return tmp_path


PLAN = ("plan", "--owner", "demo", "--complete", "-f", ".")


def test_a_plan_imports_the_sdk_of_its_own_cloud_alone(cloud: str, folder: Path, clouds: Any) -> None:
    env = writer.fresh(clouds[cloud])
    others = [module for name, modules in SDKS.items() if name != cloud for module in modules]
    code, modules, said = run(folder, env, PLAN, hidden=others)
    assert (code, f"Gateway shop/edge  in {cloud}/" in said) == (2, True), said
    assert SDKS[cloud][0] in modules
    assert not modules & set(others)
    code, modules, said = run(folder, env, PLAN)  # installed, and still not asked for
    assert code == 2, said
    assert not modules & set(others)


@pytest.mark.parametrize("cloud", ["gcp"], indirect=True)
def test_a_plan_does_without_a_client_that_only_writes_need(folder: Path, clouds: Any) -> None:
    code, modules, said = run(folder, writer.fresh(clouds["gcp"]), PLAN, hidden=("google.cloud", "proto", "grpc"))
    assert code == 2, said
    assert "google" in modules


def test_without_its_sdk_a_plan_says_what_to_install(cloud: str, folder: Path, clouds: Any) -> None:
    code, _, said = run(folder, writer.fresh(clouds[cloud]), PLAN, hidden=SDKS[cloud][:1])
    assert code == 1
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert "its SDK is not installed" in line
    assert line.partition("[0,")[0].partition("[1,")[0].endswith(f"install it with: pip install 'cloudgw[{cloud}]'")


def test_what_asks_no_cloud_needs_no_sdk(folder: Path) -> None:
    hidden = [name for names in SDKS.values() for name in names]
    for words in (("lint", "--targets", "aws,azure,gcp", "--complete", "-f", "."), ("capabilities",)):
        code, modules, said = run(folder, {}, words, hidden)
        assert code == 0, said
        assert not modules & set(hidden)
