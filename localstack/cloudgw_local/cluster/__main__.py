"""`python -m cloudgw_local.cluster`: run a local cluster until SIGTERM.

Prints lines of progress, then one line of JSON with everything that a client needs, and nothing after it. The state
file holds the same line and is locked while this process runs, so that its number is known to be true. All data are
gone when it ends; what was killed is cleaned up by the next start.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from cloudgw_local.cluster import build, cluster, pods
from cloudgw_local.cluster.api import ClusterError

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m cloudgw_local.cluster", description="A local Kubernetes cluster.")
    parser.add_argument("--state", required=True, type=Path, help="file that says where it runs; data lie beside it")
    parser.add_argument("--channel", choices=cluster.CHANNELS, default="standard")
    parser.add_argument("--crds", action="append", default=[], type=Path, help="further CRDs: a file or a folder")
    parser.add_argument("--no-pods", action="store_true")
    parser.add_argument("--attached", action="store_true", help="end with the process that started this one")
    options = parser.parse_args()
    if options.attached and sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        with _locked(options.state) as state:
            _serve(options, state)
    except (build.BuildError, ClusterError) as problem:
        sys.exit(str(problem))


def _serve(options: argparse.Namespace, state: TextIO) -> None:
    folder = options.state.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    running: cluster.Cluster | None = None
    try:
        with contextlib.redirect_stderr(sys.stdout):
            running, found = _started(options, folder, state)
        _keep(state, found)
        print(json.dumps(found), flush=True)
        while True:
            signal.pause()
    finally:
        if running is not None:
            running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _started(options: argparse.Namespace, folder: Path, state: TextIO) -> tuple[cluster.Cluster, dict[str, Any]]:
    """The cluster, and what is told of it."""
    began = time.monotonic()
    _keep(state, {"pid": os.getpid()})
    programs = build.control_plane()
    reason = "" if options.no_pods else pods.why_not()
    nodes = () if options.no_pods or reason else pods.nodes()
    print("starting etcd, kube-apiserver and kube-controller-manager", flush=True)
    running = cluster.start(folder, channel=options.channel, controllers=True, nodes=nodes, crds=options.crds)
    (folder / "bin").mkdir()
    (folder / "bin" / "kubectl").symlink_to(programs / "kubectl")
    return running, {
        "pid": os.getpid(),
        "url": running.url,
        "kubeconfig": str(running.kubeconfig),
        "programs": str(folder / "bin"),
        "kubernetes": build.kubernetes_version(),
        "gateway_api": f"{build.gateway_api_version()} {options.channel}",
        "nodes": [node.name for node in nodes],
        "why_no_pods": reason,
        "seconds": round(time.monotonic() - began, 1),
    }


def _end(*_: object) -> NoReturn:
    """Once: what ends now must not be interrupted."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[TextIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(f"{path}: a cluster runs already")
        try:
            yield stream
        finally:
            path.unlink(missing_ok=True)


def _keep(stream: TextIO, found: dict[str, Any]) -> None:
    stream.seek(0)
    stream.truncate()
    stream.write(json.dumps(found, indent=1) + "\n")
    stream.flush()


if __name__ == "__main__":
    main()
