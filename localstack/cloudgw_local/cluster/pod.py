"""One pod that runs here: its containers as processes, their restarts, its end, and the status a kubelet would write.

`pods` makes one for each pod and calls `poll` some times a second. Nothing here speaks with the API server. Not known:
init containers, livenessProbe and startupProbe, exec and HTTP hooks, users and limits of resources.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloudgw_local.cluster import images, network, probes, processes

_BACK_OFF = (0.0, 1.0, 2.0, 5.0, 10.0)  # seconds before the restarts of a container; the last one stays


@dataclass(slots=True, kw_only=True)
class Container:
    """One container. again: when it is started next, in monotonic seconds; None while it runs or when it never is."""

    spec: Mapping[str, Any]
    command: Sequence[str]
    env: Mapping[str, str]
    program: images.Program
    log: Path
    process: subprocess.Popen[bytes] | None = None
    probe: probes.Probe | None = None
    restarts: int = 0
    again: float | None = 0.0
    state: dict[str, Any] = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: dict[str, Any] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return self.process is not None and self.probe is not None and self.probe.ready


class Pod:
    """A pod of this runner. document: as the server has it; refused: why it cannot start, (reason, sentence)."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.node = ""
        self.host = ""  # the node's address
        self.place: network.Place | None = None
        self.containers: list[Container] = []
        self.refused: tuple[str, str, str] | None = None  # (container, reason, sentence)
        self.told: Mapping[str, Any] = {}
        self.later = 0.0  # when a start that was refused is tried again
        self._ends: tuple[float, float] | None = None  # when it is asked to end, and when it is killed
        self._asked = False
        self._since: dict[str, tuple[str, str]] = {}
        self._began = _now()

    @property
    def uid(self) -> str:
        return str(self.document["metadata"]["uid"])

    @property
    def title(self) -> str:
        return f"{self.document['metadata']['namespace']}/{self.document['metadata']['name']}"

    @property
    def deleting(self) -> bool:
        return "deletionTimestamp" in self.document["metadata"]

    @property
    def over(self) -> bool:
        """Every container has ended and none is started again."""
        return bool(self.containers) and all(one.process is None and one.again is None for one in self.containers)

    def start(self, containers: Sequence[Container]) -> None:
        self.refused = None
        self.containers = list(containers)
        self.poll()

    def poll(self) -> None:
        """Starts what is due, notices what ended, and ends what has to."""
        now = time.monotonic()
        if self.deleting and self._ends is None:
            self._ends = self._ending(now)
        for one in self.containers:
            if one.process is not None and (code := one.process.poll()) is not None:
                self._ended(one, code, now)
            if one.process is None and one.again is not None and now >= one.again and self._ends is None:
                self._start(one)
            if one.process is not None and one.probe is not None:
                one.probe.poll()
        if self._ends is not None:
            asked, killed = self._ends
            if now >= killed:
                self.kill()
            elif now >= asked and not self._asked:
                self._asked = True
                for one in self.containers:
                    _signal(one, signal.SIGTERM)

    def kill(self) -> None:
        for one in self.containers:
            _signal(one, signal.SIGKILL)
            if one.process is not None:
                one.process.wait()

    def status(self) -> dict[str, Any]:
        """What a kubelet would write now."""
        scheduled = bool(self.node)
        contained = bool(self.containers) and all(one.ready for one in self.containers)
        gates = [gate["conditionType"] for gate in self.document["spec"].get("readinessGates") or ()]
        present = {item["type"]: item["status"] for item in self.document.get("status", {}).get("conditions") or ()}
        ready = contained and all(present.get(gate) == "True" for gate in gates)
        found: dict[str, Any] = {
            "phase": self._phase(),
            "conditions": [
                self._condition("PodScheduled", scheduled),
                self._condition("Initialized", scheduled),
                self._condition("ContainersReady", contained, "ContainersNotReady"),
                self._condition("Ready", ready, "ReadinessGatesNotReady" if contained else "ContainersNotReady"),
            ],
            "containerStatuses": self._container_statuses(),
        }
        if scheduled:
            found |= {"hostIP": self.host, "hostIPs": [{"ip": self.host}], "startTime": self._began}
        if self.place is not None:
            found |= {"podIP": self.place.address, "podIPs": [{"ip": self.place.address}]}
        return found

    def _container_statuses(self) -> list[dict[str, Any]]:
        found = []
        running = {one.spec["name"]: one for one in self.containers}
        for spec in self.document["spec"]["containers"]:
            status = {"name": spec["name"], "image": spec["image"], "imageID": "", "ready": False, "restartCount": 0}
            one = running.get(spec["name"])
            if one is not None:
                status |= {
                    "imageID": spec["image"],
                    "containerID": f"cloudgw://{self.uid}/{spec['name']}/{one.restarts}",
                    "ready": one.ready,
                    "started": one.process is not None,
                    "restartCount": one.restarts,
                    "state": one.state,
                    "lastState": one.last,
                }
            elif self.refused is not None and self.refused[0] in ("", spec["name"]):
                status["state"] = {"waiting": {"reason": self.refused[1], "message": self.refused[2]}}
            else:
                status["state"] = {"waiting": {"reason": "ContainerCreating"}}
            found.append(status)
        return found

    def _phase(self) -> str:
        if not self.containers:
            return "Pending"
        if not self.over:
            return "Running"
        codes = [one.state.get("terminated", {}).get("exitCode") for one in self.containers]
        return "Failed" if any(codes) else "Succeeded"

    def _condition(self, kind: str, true: bool, reason: str = "") -> dict[str, Any]:
        """lastTransitionTime moves with the status only."""
        value = "True" if true else "False"
        if self._since.get(kind, ("",))[0] != value:
            self._since[kind] = (value, _now())
        found = {"type": kind, "status": value, "lastTransitionTime": self._since[kind][1], "reason": None}
        return found if true or not reason else found | {"reason": reason}

    def _start(self, one: Container) -> None:
        assert self.place is not None
        one.process = processes.spawn(["ip", "netns", "exec", self.place.name, *one.command], one.log, one.env)
        one.probe = probes.Probe(one.spec, one.program, self.place.address)
        one.state, one.again = {"running": {"startedAt": _now()}}, None

    def _ended(self, one: Container, code: int, now: float) -> None:
        one.process = None
        began = one.state.get("running", {}).get("startedAt")
        exit_code = code if code >= 0 else 128 - code
        reason = "Completed" if code == 0 else "Error"
        terminated = {"exitCode": exit_code, "reason": reason, "startedAt": began, "finishedAt": _now()}
        one.state = {"terminated": terminated}
        policy = self.document["spec"].get("restartPolicy", "Always")
        if self._ends is None and (policy == "Always" or (policy == "OnFailure" and code)):
            pause = _BACK_OFF[min(one.restarts, len(_BACK_OFF) - 1)]
            one.restarts, one.again, one.last = one.restarts + 1, now + pause, one.state
            message = f"back-off {pause:.0f}s restarting container; its log ends with: {_tail(one.log)}"
            one.state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}

    def _ending(self, now: float) -> tuple[float, float]:
        """A preStop hook that sleeps is waited for; every other hook is left out."""
        metadata, pauses = self.document["metadata"], [0.0]
        for spec in self.document["spec"]["containers"]:
            sleep = ((spec.get("lifecycle") or {}).get("preStop") or {}).get("sleep") or {}
            pauses.append(float(sleep.get("seconds", 0)))
        for one in self.containers:
            one.again = None
        grace = metadata.get("deletionGracePeriodSeconds")
        return now + max(pauses), now + (30.0 if grace is None else float(grace))


def _signal(one: Container, number: signal.Signals) -> None:
    """To the container's whole process group, which is its own."""
    if one.process is not None and one.process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.process.pid, number)


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "nothing")[:300]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
