"""A stage for the whole controller: a real API server, real local clouds, and `cloudgw controller` as a process.

Tests drive it as life would: objects through the API server, faults through the clouds' control API, signals to the
process. Each test takes namespaces of its own and begins with empty clouds.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cloudgw import registry
from cloudgw.cli import clock
from cloudgw_local.cluster import cluster

ROOT = Path(__file__).resolve().parents[2]
OWNER = "team"
SYSTEM = "cloudgw-system"
PATIENCE = 40.0  # seconds
RATE = 60.0  # cloud seconds per second


class Impatient(AssertionError):
    """Something did not become true in time."""


def until(true: Callable[[], Any], what: str, patience: float = PATIENCE, pause: float = 0.1) -> Any:
    """What `true` answers, once that is truthy."""
    end = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException, KeyError, IndexError):
            if found := true():
                return found
        if time.monotonic() > end:
            raise Impatient(f"not within {patience:.0f} s: {what}")
        time.sleep(pause)


@dataclass(slots=True)
class Cloud:
    """One local cloud as a process."""

    name: str
    process: subprocess.Popen[str]
    endpoint: str
    env: Mapping[str, str]

    def ask(self, method: str, what: str, body: Any = None) -> Any:
        return clock.call(method, f"{self.endpoint}/_cloudgw/{what}", body)

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"journal?since={since}"))

    def mark(self) -> int:
        """The number of the newest call, for `journal(since)`."""
        return max((int(one["sequence"]) for one in self.journal()), default=0)

    def dump(self) -> Any:
        return self.ask("GET", "dump")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def cloud(name: str, folder: Path, rate: float = RATE) -> Cloud:
    local = registry.local(name)
    log = open(folder / f"{name}.log", "w")  # noqa: SIM115
    process = subprocess.Popen(
        local.command(0, rate, False), stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    endpoint = json.loads(process.stdout.readline())["endpoint"]
    return Cloud(name, process, endpoint, local.env(endpoint))


@dataclass(slots=True)
class Controller:
    """`cloudgw controller` as a process."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples with these labels."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith((f"{name}{{", f"{name} ")) and all(f'{k}="{v}"' in line for k, v in labels.items()):
                total += float(line.rpartition(" ")[2])
        return total

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_ready(self, patience: float = PATIENCE) -> None:
        until(lambda: self.get("/readyz")[0] == 200, f"the controller is ready; its log: {self.log}", patience)

    def wait_leads(self, patience: float = PATIENCE) -> None:
        until(lambda: "works for owner" in self.text(), f"the controller leads; its log: {self.log}", patience)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self, patience: float = 40.0) -> int:
        """SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(patience)


@dataclass(slots=True)
class Stage:
    cluster: cluster.Cluster
    folder: Path
    clouds: dict[str, Cloud] = field(default_factory=dict)
    controllers: list[Controller] = field(default_factory=list)

    # The cluster

    def apply(self, *documents: Mapping[str, Any] | str | Path) -> None:
        """Objects, YAML text, or files; by server-side apply."""
        self.cluster.apply([one for item in documents for one in loaded(item)])

    def get(self, api: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """An object; None where there is none."""
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        path = self.cluster.path_of({"apiVersion": api, "kind": kind, "metadata": metadata})
        status, answer = self.cluster.request("GET", path)
        if status not in (200, 404):
            raise OSError(f"{path}: {status} {answer.get('message', '')}")
        return answer if status == 200 else None

    def delete(self, api: str, kind: str, namespace: str, name: str) -> None:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        self.cluster.delete({"apiVersion": api, "kind": kind, "metadata": metadata})

    def patch(
        self, api: str, kind: str, namespace: str, name: str, body: Any, content_type: str = ""
    ) -> dict[str, Any]:
        """A merge patch, or a JSON patch where the body is a list."""
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        path = self.cluster.path_of({"apiVersion": api, "kind": kind, "metadata": metadata})
        kind_of = "application/json-patch+json" if isinstance(body, list) else "application/merge-patch+json"
        status, answer = self.cluster.request("PATCH", path, body, content_type=content_type or kind_of)
        assert status == 200, answer
        return answer

    def gateway(self, namespace: str, name: str) -> dict[str, Any] | None:
        return self.get("gateway.networking.k8s.io/v1", "Gateway", namespace, name)

    def route(self, namespace: str, name: str) -> dict[str, Any] | None:
        return self.get("gateway.networking.k8s.io/v1", "HTTPRoute", namespace, name)

    def programmed(self, namespace: str, name: str, patience: float = PATIENCE) -> dict[str, Any]:
        """The Gateway, once its newest generation is programmed."""

        def true() -> dict[str, Any] | None:
            found = self.gateway(namespace, name)
            one = condition(found, "Programmed") if found is not None else {}
            done = found is not None and one.get("status") == "True"
            return found if found and done and one["observedGeneration"] == found["metadata"]["generation"] else None

        return dict(until(true, f"Gateway {namespace}/{name} is programmed", patience))

    def gone(self, namespace: str, name: str, patience: float = PATIENCE) -> None:
        until(lambda: self.gateway(namespace, name) is None, f"Gateway {namespace}/{name} is gone", patience)

    # Clouds and controllers

    def env(self) -> dict[str, str]:
        """Of a process that reaches the clouds; their clocks are joined, as `cloudgw local env` does."""
        clocks = " ".join(one.env["CLOUDGW_CLOCK"] for one in self.clouds.values())
        found = {key: value for one in self.clouds.values() for key, value in one.env.items()}
        return {**os.environ, **found, "CLOUDGW_CLOCK": clocks}

    def start(
        self,
        *arguments: str,
        kubeconfig: Path | None = None,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = (),
    ) -> Controller:
        """Runs beside the test; `wait_ready` and `wait_leads` are the test's. command: in place of the module."""
        port = free_port()
        log = self.folder / f"controller-{len(self.controllers)}.log"
        started = [
            *(command or (sys.executable, "-m", "cloudgw.cli.main")),
            "controller", "--owner", OWNER, "--namespace", SYSTEM, "--listen", f"127.0.0.1:{port}",
            "--kubeconfig", str(kubeconfig or self.cluster.kubeconfig), "--log-format", "text", *arguments,
        ]  # fmt: skip
        with open(log, "wb") as stream:
            process = subprocess.Popen(
                started, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, env={**self.env(), **(env or {})}
            )
        self.controllers.append(Controller(process, log, port))
        return self.controllers[-1]

    def writes(self, since: Mapping[str, int]) -> list[str]:
        """What every cloud was told to change after `marks`."""
        return [
            f"{name} {one['operation']}"
            for name, cloud_ in self.clouds.items()
            for one in cloud_.journal(since[name])
            if one["write"]
        ]

    def marks(self) -> dict[str, int]:
        return {name: one.mark() for name, one in self.clouds.items()}

    def clear(self) -> None:
        """No controller runs, nothing of the Gateway API and of ours is left, the clouds are new."""
        for one in self.controllers:
            one.kill()
        self.controllers.clear()
        for path in CLEARED:
            _, answer = self.cluster.request("GET", path)
            for item in answer.get("items", ()):
                metadata = item["metadata"]
                where = f"/namespaces/{metadata['namespace']}" if metadata.get("namespace") else ""
                head, _, plural = path.rpartition("/")
                target = f"{head}{where}/{plural}/{metadata['name']}"
                if metadata.get("finalizers"):
                    body = {"metadata": {"finalizers": None}}
                    self.cluster.request("PATCH", target, body, content_type="application/merge-patch+json")
                self.cluster.request("DELETE", target)
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/cloudgw"
        self.cluster.request("DELETE", lease)
        for cloud_ in self.clouds.values():
            cloud_.ask("POST", "reset", {})


GATEWAY_API = "/apis/gateway.networking.k8s.io/v1"
OURS = "/apis/cloudgw.dev/v1alpha1"
CLEARED = (
    *(
        f"{GATEWAY_API}/{plural}"
        for plural in ("gateways", "httproutes", "grpcroutes", "listenersets", "referencegrants")
    ),
    f"{GATEWAY_API}/backendtlspolicies",
    f"{GATEWAY_API}/gatewayclasses",
    *(
        f"{OURS}/{plural}"
        for plural in (
            "gatewayplans",
            "gatewaystates",
            "awsgatewayclassparameters",
            "azuregatewayclassparameters",
            "gcpgatewayclassparameters",
            "awsgatewayparameters",
            "azuregatewayparameters",
            "gcpgatewayparameters",
            "backendpolicies",
        )
    ),
)


def loaded(item: Mapping[str, Any] | str | Path) -> Iterable[Mapping[str, Any]]:
    if isinstance(item, Mapping):
        return [item]
    text = item.read_text() if isinstance(item, Path) else item
    return [one for one in yaml.safe_load_all(text) if one]


def condition(found: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A condition of an object, or of an entry of its status; {} where there is none."""
    conditions = found.get("status", found).get("conditions", ())
    return next((dict(one) for one in conditions if one["type"] == kind), {})


def unchanging(look: Callable[[], object], seconds: float = 6.0, patience: float = 240.0) -> None:
    """Until it stays the same for so long."""
    before, since, end = look(), time.monotonic(), time.monotonic() + patience
    while time.monotonic() - since < seconds:
        assert time.monotonic() < end, "it never stops changing"
        time.sleep(0.5)
        if (now := look()) != before:
            before, since = now, time.monotonic()


def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def stage(running: cluster.Cluster, folder: Path, clouds: Sequence[str] = ("aws",)) -> Iterator[Stage]:
    """running: a cluster with the standard channel and our definitions."""
    found = Stage(running, folder)
    namespace: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace"}
    running.apply([{**namespace, "metadata": {"name": name}} for name in (SYSTEM, "shop", "payments")])
    try:
        for name in clouds:
            found.clouds[name] = cloud(name, folder)
        yield found
    finally:
        for controller in found.controllers:
            controller.kill()
        for one in found.clouds.values():
            one.stop()
