"""What `make demo-cluster` stands on: a real API server, pods where they can run, local clouds, `cloudgw controller`.

`demo_cluster` tells the story with it. Works in a temporary folder with a copy of `examples/`, and shows every command
as a person would type it. Must leave nothing behind, whatever ends it: no process, no network namespace, no file.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from cloudgw_local.cluster import build, cluster, pods, processes
from scripts.demo_stage import ROOT, Demo, Unexpected, expect

OWNER = "example"
SYSTEM = "cloudgw-system"
PATIENCE = 300.0  # seconds; a busy machine is no failure
CLOUDS = ("aws", "azure", "gcp")
STOP = 60.0  # seconds until a controller that was asked to end is killed


class Stage(Demo):
    """why_no_pods: "" when pods run. began: when all of this began (monotonic)."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder)
        self.began = time.monotonic()
        self.why_no_pods = ""
        self.cluster: cluster.Cluster
        self.controller: subprocess.Popen[bytes] | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    # The parts

    def start_cluster(self, above: pathlib.Path) -> None:
        self.why_no_pods = pods.why_not()
        nodes = () if self.why_no_pods else pods.nodes()
        if nodes and not nodes[0].pods:
            nodes, self.why_no_pods = (), "this machine has routes of its own to where local clouds have their pods"
        self.cluster = cluster.start(above / "cluster", controllers=True, nodes=nodes, crds=[ROOT / "crds"])
        programs = build.control_plane()
        self.env["KUBECONFIG"] = str(self.cluster.kubeconfig)
        self.env["PATH"] = os.pathsep.join(
            (str(programs), str(pathlib.Path(sys.executable).parent), self.env.get("PATH", os.defpath))
        )
        print(f"Kubernetes {build.kubernetes_version()} with Gateway API {build.gateway_api_version()} standard")
        print(
            f"without pods: {self.why_no_pods}; addresses come from the EndpointSlices of the examples"
            if self.why_no_pods
            else f"with pods on {' and '.join(node.name for node in nodes)}",
            flush=True,
        )

    def start_controller(self) -> None:
        """In the background; its log is kept to be shown when something goes wrong."""
        line = f"controller --owner {OWNER} --log-format text --listen 127.0.0.1:0"
        print(f"$ cloudgw {line} > controller.log 2>&1 &\n", flush=True)
        command = [sys.executable, "-m", "cloudgw.cli.main", *shlex.split(line)]
        self.controller = processes.spawn(command, self.folder / "controller.log", self.env)

    def stop_controller(self) -> int:
        """Its exit code; 0 where none runs."""
        process, self.controller = self.controller, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def log(self) -> str:
        path = self.folder / "controller.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """In the order in which nobody misses anybody."""
        self.stop_controller()
        if hasattr(self, "cluster"):
            self.cluster.stop()
            print("cluster: stopped", flush=True)
        self.cloudgw("local down", shown=bool(self.endpoints))

    # What a person types

    def kubectl(self, line: str, *, code: int = 0, shown: bool = True) -> str:
        return self.command(f"kubectl {line}", code=code, shown=shown)

    def command(self, line: str, *, code: int = 0, shown: bool = True) -> str:
        """Runs it, prints it with its output, and expects an exit code."""
        if shown:
            print(f"$ {line}", flush=True)
        done = subprocess.run(
            shlex.split(line),
            cwd=self.folder,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if shown else subprocess.PIPE,
            timeout=2 * PATIENCE,
        )
        if shown:
            print(f"{done.stdout}", flush=True)
        said = "" if shown else f": {done.stderr.strip()}"
        expect(done.returncode == code, f"`{line}` ends with {code}, not {done.returncode}{said}")
        return done.stdout

    def get(self, what: str) -> Any:
        """An object or a list, as `kubectl get` answers it."""
        return json.loads(self.kubectl(f"get {what} --output json", shown=False))

    def until(self, true: Callable[[], Any], what: str) -> Any:
        """What `true` answers, once that is truthy."""
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, KeyError, IndexError):
                if found := true():
                    return found
            alive = self.controller is None or self.controller.poll() is None
            expect(alive, "the controller runs")
            expect(time.monotonic() < end, f"{what} within {PATIENCE:.0f} s")
            time.sleep(0.2)

    # What stands in the clouds

    def targets(self) -> dict[str, set[str]]:
        """Addresses that each cloud sends requests to; those that drain are left out."""
        found = self.dump()
        groups = found["aws"]["target_groups"]
        resources = {name: [one["document"] for one in found[name]["resources"]] for name in ("azure", "gcp")}
        pools = [
            pool for one in resources["azure"] for pool in one.get("properties", {}).get("backendAddressPools", ())
        ]
        return {
            "aws": {target["id"] for group in groups for target in group["targets"]},
            "azure": {one["ipAddress"] for pool in pools for one in pool["properties"].get("backendAddresses", ())},
            "gcp": {point["ipAddress"] for one in resources["gcp"] for point in one.get("_endpoints", ())},
        }


def condition(found: Any, kind: str) -> dict[str, Any]:
    """A condition of an object, or of a parent of a route; {} where there is none."""
    conditions = found.get("status", found).get("conditions", ())
    return next((dict(one) for one in conditions if one["type"] == kind), {})


def _without_slices(path: pathlib.Path) -> None:
    """Where pods run the cluster makes EndpointSlices itself."""
    found = [one for one in yaml.safe_load_all(path.read_text()) if one and one["kind"] != "EndpointSlice"]
    path.write_text(yaml.safe_dump_all(found, sort_keys=False))


@contextmanager
def stage() -> Iterator[Stage]:
    """A folder with a copy of the examples. Everything ends with it; what ends is not interrupted a second time."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="cloudgw-demo-") as folder:
        above = pathlib.Path(folder)
        here = above / "demo"
        shutil.copytree(ROOT / "examples", here / "examples")
        found = Stage(here)
        try:
            found.title("A control plane: etcd, kube-apiserver and controllers; built once, which takes minutes")
            found.start_cluster(above)
            if not found.why_no_pods:
                _without_slices(here / "examples" / "services.yaml")
            found.title("Three local clouds")
            found.start()
            yield found
        except KeyboardInterrupt:
            if found.controller is not None:
                found.controller.kill()  # nobody waits for its last pass: the clouds end as well
            raise
        except Unexpected:
            print(f"\nthe end of the controller's log:\n{''.join(found.log().splitlines(True)[-40:])}", file=sys.stderr)
            raise
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            found.close()
