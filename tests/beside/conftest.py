"""The stage for other people's programs: all three local clouds, and pods with addresses that each of them knows.

The definitions of Flagger stand on it too. Made when the first test wants it; on a machine that cannot run pods these
tests are skipped with the reason, and fail in CI.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from cloudgw_local.cluster import build, cluster, pods
from tests.beside import programs
from tests.cluster import able
from tests.cluster.conftest import OWN
from tests.controller import stage as stages

RANGE = "10.0.64.0/20"  # where machines of all three local clouds have their pods


def nodes() -> list[pods.Node]:
    """Two, with ranges that no route of this machine leads into yet; none where there are no two such ranges."""
    shown = subprocess.run(["ip", "-json", "route"], check=True, capture_output=True, text=True).stdout
    taken = [ipaddress.ip_network(one["dst"], strict=False) for one in json.loads(shown) if one["dst"] != "default"]
    free = [
        str(one)
        for one in ipaddress.ip_network(RANGE).subnets(new_prefix=24)
        if not any(one.version == other.version and one.overlaps(other) for other in taken)
    ][-2:]  # the first ones belong to the examples
    if len(free) < 2:
        return []
    return [
        pods.Node(name=f"node-{one}", zone=f"eu-central-1{one}", pods=part)
        for one, part in zip("ab", free, strict=True)
    ]


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[stages.Stage]:
    """All three local clouds beside a whole cluster."""
    if reason := able.why_no_pods():
        able.refuse(reason)
    found = nodes()
    if not found:
        able.refuse(f"this machine has routes of its own into all of {RANGE}")
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        build.control_plane()
    folder = tmp_path_factory.mktemp("beside")
    failed = request.session.testsfailed
    definitions = [OWN, programs.module(build.FLAGGER, "github.com/fluxcd/flagger") / "artifacts/flagger/crd.yaml"]
    running = cluster.start(folder / "cluster", controllers=True, nodes=found, crds=definitions)
    try:
        with stages.stage(running, folder, ("aws", "azure", "gcp")) as stage:
            yield stage
    finally:
        running.stop()
        if request.session.testsfailed > failed:
            print(f"logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def stage(platform: stages.Stage) -> Iterator[stages.Stage]:
    platform.clear()
    yield platform
    for one in platform.controllers:
        one.kill()
