"""The clusters that tests ask for by name. Each starts when the first test wants it and lives as long as the session.

Tests that use one carry the marker `cluster` (`make test-cluster`). A failure keeps the logs and says where they are.
On a machine that cannot run one these tests are skipped with the reason; in CI they fail.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudgw_local.cluster import build, cluster, pods
from tests.cluster import able

OWN = Path(__file__).resolve().parents[2] / "crds"


@contextlib.contextmanager
def _running(
    request: pytest.FixtureRequest, factory: pytest.TempPathFactory, channel: str | None, *, whole: bool = False
) -> Iterator[cluster.Cluster]:
    if reason := able.why_no_pods() if whole else able.why_no_cluster():
        able.refuse(reason)
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        build.control_plane()  # its progress must be seen: minutes of silence look like a hang
    folder = factory.mktemp(f"cluster-{'whole' if whole else channel}")
    failed = request.session.testsfailed
    running = (
        cluster.start(folder, channel=channel, controllers=True, nodes=pods.NODES, crds=[OWN])
        if whole
        else cluster.start(folder, channel=channel, crds=[OWN / "backendpolicies.yaml"] if channel else ())
    )
    try:
        yield running
    finally:
        running.stop()
        if request.session.testsfailed > failed:
            print(f"logs of the cluster: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def standard(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    """A cluster with the Gateway API's standard channel, and BackendPolicy."""
    with _running(request, tmp_path_factory, "standard") as running:
        yield running


@pytest.fixture(scope="session")
def experimental(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    """A cluster with the experimental channel, and BackendPolicy."""
    with _running(request, tmp_path_factory, "experimental") as running:
        yield running


@pytest.fixture(scope="session")
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    """A cluster without the Gateway API."""
    with _running(request, tmp_path_factory, None) as running:
        yield running


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    """A cluster with the standard channel, our own CRDs, the controllers of Kubernetes, and pods on two nodes."""
    with _running(request, tmp_path_factory, "standard", whole=True) as running:
        yield running
