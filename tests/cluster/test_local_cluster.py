"""`cloudgw local cluster` as a person types it: what it prints, what it leaves, and that it ends what it started.

Those without the marker `cluster` put a small program in the cluster's place.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudgw import registry
from cloudgw.cli import local_cluster, main
from cloudgw_local.cluster import build, network, processes
from cloudgw_local.cluster.api import until
from tests.cluster import able

CLUSTER = ("local", "cluster")
FAKE = """
import fcntl, json, signal, sys, os
with open(sys.argv[1], "w") as state:
    fcntl.flock(state, fcntl.LOCK_EX)
    print("compiling: 1 of 2 packages", flush=True)
    if sys.argv[2] == "broken":
        sys.exit("etcd ended with code 1")
    found = {"pid": os.getpid(), "url": "https://127.0.0.1:1", "kubeconfig": "k c", "programs": "bin", "seconds": 1.5,
             "kubernetes": "v1", "gateway_api": "v2 standard", "nodes": [], "why_no_pods": "pods need root"}
    json.dump(found, state)
    state.flush()
    print(json.dumps(found), flush=True)
    signal.pause()
"""


class Fake:
    """Stands where `registry.local_cluster()` is."""

    kind = "fine"

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def command(self, state: str, **asked: Any) -> list[str]:
        self.asked = asked
        return [sys.executable, "-c", FAKE, state, self.kind]

    def env(self, state: dict[str, Any]) -> dict[str, str]:
        return {"KUBECONFIG": state["kubeconfig"], "PATH": f"{state['programs']}:/bin"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CLOUDGW_LOCAL_STATE", str(tmp_path / "local.json"))
    yield tmp_path
    main.main([*CLUSTER, "down"])


@pytest.fixture
def fake(place: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    assert list(place.iterdir()) == []
    made = Fake()
    monkeypatch.setattr(registry, "local_cluster", lambda: made)
    return made


def said(capfd: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    """(standard output, standard error) of a command."""
    capfd.readouterr()
    assert main.main([*CLUSTER, *arguments]) == code
    captured = capfd.readouterr()
    return captured.out, captured.err


def test_its_life_in_sentences(fake: Fake, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert said(capfd, "status", code=1)[0] == "cluster: not running\n"
    assert said(capfd, "down")[0] == "no local cluster runs\n"
    refused = "error: no local cluster runs; start it with `cloudgw local cluster up --detach`\n"
    assert said(capfd, "env", code=1)[1] == refused
    out, err = said(capfd, "up", "--detach", "--channel", "experimental", "--no-pods", "--no-crds")
    assert err == "compiling: 1 of 2 packages\n"
    assert out.splitlines() == [
        "cluster: ready at https://127.0.0.1:1 in 1.5 s (Kubernetes v1, Gateway API v2 standard, no pods)",
        "cluster: without pods: pods need root",
        'point clients at it with: eval "$(cloudgw local cluster env)"',
    ]
    assert fake.asked == {"channel": "experimental", "pods": False, "crds": (), "attached": False}
    assert said(capfd, "up", "--detach")[0] == "cluster: already running at https://127.0.0.1:1\n"
    assert said(capfd, "env")[0] == "export KUBECONFIG='k c'\nexport PATH=bin:/bin\n"
    assert json.loads(said(capfd, "env", "--output", "json")[0])["KUBECONFIG"] == "k c"
    assert said(capfd, "status")[0].startswith("cluster: running at https://127.0.0.1:1 (Kubernetes v1,")
    assert said(capfd, "down")[0] == "cluster: stopped\n"
    assert list(place.iterdir()) == []


def test_a_start_that_fails_shows_why(
    fake: Fake, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "kind", "broken", raising=False)
    assert said(capfd, "up", code=1)[1].endswith("error: cluster: did not start: etcd ended with code 1\n")
    assert said(capfd, "down")[0] == "cluster: was not running any more\n"


@pytest.mark.usefixtures("fake")
def test_what_was_killed_is_not_running(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said(capfd, "up", "--detach", "--no-crds")
    state = json.loads((place / "local-cluster.json").read_text())
    os.kill(state["pid"], signal.SIGKILL)
    until(lambda: local_cluster._state() is None, "its end", 5)
    (place / "local-cluster").mkdir()
    assert said(capfd, "status", code=1)[0] == "cluster: not running\n"
    assert said(capfd, "down")[0] == "cluster: was not running any more\n"
    assert list(place.iterdir()) == []


def test_our_own_crds_are_found() -> None:
    (folder,) = local_cluster._crds()
    assert {path.stem for path in Path(folder).glob("*.yaml")} >= {"gatewayplans", "gatewaystates"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children with their parent")
def test_what_a_thread_starts_outlives_it(tmp_path: Path) -> None:
    """The kernel would end it with its thread: a test that restarts a server on a thread would lose it again."""
    started: list[subprocess.Popen[bytes]] = []
    thread = threading.Thread(target=lambda: started.append(processes.spawn(["sleep", "60"], tmp_path / "log")))
    thread.start()
    thread.join()
    time.sleep(0.2)
    assert started[0].poll() is None
    started[0].kill()
    assert started[0].wait() == -signal.SIGKILL


@pytest.fixture
def real(place: Path) -> Path:
    if reason := able.why_no_pods():
        able.refuse(reason)
    build.control_plane()
    return place


def ended(state: dict[str, Any]) -> bool:
    return not Path(f"/proc/{state['pid']}").exists()


@pytest.mark.cluster
def test_a_real_one_serves_kubectl_and_goes_without_a_trace(real: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = network._names()
    out = said(capfd, "up", "--detach")[0]
    assert "Gateway API v1.6.3 standard, pods on node-a, node-b)" in out
    exports = json.loads(said(capfd, "env", "--output", "json")[0])
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}}
    spec = {"containers": [{"name": "main", "image": "cloudgw.local/echo", "ports": [{"containerPort": 8080}]}]}
    command = (
        "kubectl apply -f - && kubectl wait --for=condition=Ready pod/one --timeout=30s && kubectl get "
        "gatewayplans,gateways,nodes -o name && kubectl delete --wait=true pod/one"
    )
    done = subprocess.run(
        command, shell=True, env=os.environ | exports, input=json.dumps(pod | {"spec": spec}), capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "pod/one condition met" in done.stdout
    assert "node/node-b" in done.stdout
    assert said(capfd, "down")[0] == "cluster: stopped\n"
    assert list(real.iterdir()) == []
    assert set(network._names()) <= set(before)


@pytest.mark.cluster
def test_a_real_one_ends_with_the_command_that_started_it(real: Path) -> None:
    command = [sys.executable, "-m", "cloudgw.cli.main", *CLUSTER, "up", "--no-crds", "--no-pods"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as starter:
        assert starter.stdout is not None
        assert "ready at https://127.0.0.1:" in starter.stdout.readline()
        state = json.loads((real / "local-cluster.json").read_text())
        os.kill(starter.pid, signal.SIGKILL)
    began = time.monotonic()
    until(lambda: ended(state), "its process to end", 20)
    assert time.monotonic() - began < 20
    assert not (real / "local-cluster").exists()
    assert not (real / "local-cluster.json").exists()
