"""The stage of tests that need the whole controller: made when the first test wants it, cleared for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloudgw_local.cluster import cluster
from tests.cluster import conftest
from tests.controller import stage as stages

whole = conftest.whole


@pytest.fixture(scope="session")
def platform(whole: cluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[stages.Stage]:
    """All three local clouds."""
    with stages.stage(whole, tmp_path_factory.mktemp("stage"), ("aws", "azure", "gcp")) as found:
        yield found


@pytest.fixture
def stage(platform: stages.Stage) -> Iterator[stages.Stage]:
    platform.clear()
    yield platform
    for one in platform.controllers:
        one.kill()
