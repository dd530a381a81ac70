"""Whether a container is ready, asked as a kubelet asks: from this machine, at the pod's address.

`pods` polls it. Known: httpGet and tcpSocket (grpc counts as tcpSocket); exec does not run and counts as ready. A probe
asks on a thread of its own, so that a program that hangs holds up nobody.
"""

from __future__ import annotations

import concurrent.futures
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from cloudgw_local.cluster import images

FIRST = 0.1  # seconds between tries until the first success: a kubelet would wait for whole seconds
_POOL = concurrent.futures.ThreadPoolExecutor(max_workers=16, thread_name_prefix="probes")


class Probe:
    """The readiness of one container since it was started. `poll` never blocks."""

    def __init__(self, container: Mapping[str, Any], program: images.Program, address: str) -> None:
        self.ready = False
        self._container = container
        self._address = address
        self._probe = container.get("readinessProbe") or _usual(container, program)
        self._asked: concurrent.futures.Future[bool] | None = None
        self._next = time.monotonic() + float(self._probe.get("initialDelaySeconds", 0))
        self._failures = 0

    def poll(self) -> bool:
        """Ready or not, as far as is known now."""
        if not ("httpGet" in self._probe or "tcpSocket" in self._probe or "grpc" in self._probe):
            self.ready = True
        elif self._asked is not None and self._asked.done():
            self._judge(self._asked.result())
            self._asked = None
        elif self._asked is None and time.monotonic() >= self._next:
            self._asked = _POOL.submit(self._ask)
        return self.ready

    def _judge(self, fine: bool) -> None:
        self._failures = 0 if fine else self._failures + 1
        if fine:
            self.ready = True
        elif self._failures >= int(self._probe.get("failureThreshold", 3)):
            self.ready = False
        period = float(self._probe.get("periodSeconds", 10))
        self._next = time.monotonic() + (period if self.ready else min(FIRST, period))

    def _ask(self) -> bool:
        seconds = float(self._probe.get("timeoutSeconds", 1))
        kind = next(one for one in ("httpGet", "tcpSocket", "grpc") if one in self._probe)
        action = self._probe[kind]
        host, port = action.get("host") or self._address, port_of(self._container, action["port"])
        try:
            if kind != "httpGet":
                socket.create_connection((host, port), seconds).close()
                return True
            connection = (
                http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl._create_unverified_context())
                if action.get("scheme") == "HTTPS"
                else http.client.HTTPConnection(host, port, timeout=seconds)
            )
            headers = {item["name"]: item["value"] for item in action.get("httpHeaders") or ()}
            connection.request("GET", action.get("path") or "/", headers=headers)
            fine = 200 <= connection.getresponse().status < 400
            connection.close()
            return fine
        except (OSError, http.client.HTTPException):
            return False


def port_of(container: Mapping[str, Any], port: int | str) -> int:
    """A port by number or by its name in the container; 0 for no such name."""
    if isinstance(port, int):
        return port
    return next((item["containerPort"] for item in container.get("ports") or () if item.get("name") == port), 0)


def _usual(container: Mapping[str, Any], program: images.Program) -> dict[str, Any]:
    """What a program that says how it is asked is asked by: quickly, and unready at once."""
    if not program.ready:
        return {}
    port = next((item["containerPort"] for item in container.get("ports") or ()), 8080)
    return {"httpGet": {"path": program.ready, "port": port}, "periodSeconds": 0.5, "failureThreshold": 1}
