"""The test cluster is what it claims to be: the version linked in, the CRDs of the channel, and gone when stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cloudgw_local.cluster import build, cluster, processes
from cloudgw_local.cluster.api import ClusterError
from tests.cluster import schemas

pytestmark = pytest.mark.cluster
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def test_the_server_tells_the_version_that_go_mod_names(standard: cluster.Cluster) -> None:
    status, answer = standard.request("GET", "/version")
    assert (status, answer["gitVersion"]) == (200, build.kubernetes_version())
    assert f"v{answer['major']}.{answer['minor']}." in build.kubernetes_version()


@pytest.mark.parametrize("channel", cluster.CHANNELS)
def test_the_crds_of_a_channel_are_served(channel: str, request: pytest.FixtureRequest) -> None:
    running: cluster.Cluster = request.getfixturevalue(channel)
    for kind in schemas.served(channel):
        assert running.request("GET", f"/apis/{schemas.GROUP}/{kind.version}/{kind.plural}")[0] == 200, kind.label
    crd = running.request("GET", f"{CRDS}/httproutes.{schemas.GROUP}")[1]
    assert crd["metadata"]["annotations"][f"{schemas.GROUP}/channel"] == channel


def test_the_policy_keeps_experimental_crds_off_a_standard_cluster(standard: cluster.Cluster) -> None:
    wanted = [crd for crd in cluster.gateway_api("experimental") if crd["kind"] == "CustomResourceDefinition"]
    with pytest.raises(ClusterError, match="prohibited by default"):
        standard.apply(wanted[:1])


def test_a_user_may_what_it_was_granted_and_no_more(standard: cluster.Cluster) -> None:
    assert standard.request("GET", "/api/v1/secrets")[0] == 200
    assert standard.request("GET", "/api/v1/secrets", user="stranger")[0] == 403


def test_kubectl_works_with_the_kubeconfig(standard: cluster.Cluster) -> None:
    kubectl = str(build.control_plane() / "kubectl")
    command = [kubectl, "--kubeconfig", str(standard.kubeconfig), "get", "crd", "-o", "name"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 0, asked.stderr
    assert f"customresourcedefinition.apiextensions.k8s.io/gateways.{schemas.GROUP}" in asked.stdout.splitlines()


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children with their parent")
def test_a_cluster_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = f"""
import pathlib, time
from cloudgw_local.cluster import cluster
running = cluster.start(pathlib.Path({str(tmp_path)!r}), channel=None)
print(*(process.pid for process in running.processes), flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=build.HERE.parents[1]
    ) as owner:
        assert owner.stdout is not None
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        os.kill(owner.pid, 9)
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)


def test_a_server_that_cannot_start_shows_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "free_ports", lambda count: [1 << 17] * count)
    with pytest.raises(ClusterError, match=r"ended with code \d+\n.*etcd\.log"):
        cluster.start(tmp_path, channel=None)
