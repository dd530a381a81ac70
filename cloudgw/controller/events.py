"""Events: what people see below `kubectl describe` of the object that they own.

Anybody says one, from any thread, on a transition; a task in the loop sends them. Saying never waits and never fails:
an Event is a courtesy, and what has to be known stands in statuses and metrics. The same words about the same object
are not repeated within an hour. This module must never hold up a reconciliation, and never keep more than a bounded
number.
https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from cloudgw import objects
from cloudgw.controller import kube
from cloudgw.objects import Key

log = logging.getLogger(__name__)
QUIET = 3600.0  # seconds in which the same is said once
_WAITING = 1000  # Events not sent yet; then the oldest is dropped
_REMEMBERED = 10_000
_LONGEST = 1024  # bytes of a note, as the API server counts them
_NAME = 253  # characters of an object's name
_PAUSE = 5.0  # seconds after one that was not taken


class Api(Protocol):
    """What is asked of `kube.Kube`."""

    async def create(self, path: str, body: Mapping[str, Any], /) -> dict[str, Any]: ...


class Events:
    """Made inside the loop. controller: who reports; instance: which process of it. monotonic: seconds, for tests."""

    def __init__(
        self,
        api: Api,
        *,
        controller: str = objects.CONTROLLER_NAME,
        instance: str = "cloudgw",
        monotonic: Callable[[], float] = time.monotonic,
        pause: float = _PAUSE,
    ) -> None:
        self._api, self._controller, self._instance = api, controller, instance[:128]
        self._monotonic, self._pause = monotonic, pause
        self._loop = asyncio.get_running_loop()
        self._more = asyncio.Event()
        self._lock = threading.Lock()
        self._said: OrderedDict[tuple[str, str, Key, str, str], float] = OrderedDict()
        self._queue: deque[tuple[str, dict[str, Any]]] = deque(maxlen=_WAITING)

    def say(
        self,
        kind: str,
        key: Key,
        uid: str,
        type: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        api_version: str,
        action: str = "Reconcile",
    ) -> None:
        """reason, action: CamelCase. From any thread. An object of no namespace has its Events in `default`."""
        with self._lock:
            now, about = self._monotonic(), (uid, kind, key, reason, message)
            if now - self._said.get(about, now - QUIET) < QUIET:
                return
            self._said[about] = now
            self._said.move_to_end(about)
            while len(self._said) > _REMEMBERED:
                self._said.popitem(last=False)
            self._queue.append(self._event(kind, key, uid, type, reason, message, api_version, action))
        try:
            self._loop.call_soon_threadsafe(self._more.set)
        except RuntimeError:
            log.debug("an Event comes after the end: %s", message)

    async def run(self) -> None:
        """Sends for ever what is said; one that is not taken is logged and dropped."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._queue:
                await self._send(*self._queue.popleft())

    async def _send(self, path: str, event: dict[str, Any]) -> None:
        try:
            await self._api.create(path, event)
        except kube.Refused as refused:
            # 404 and 403: its namespace is gone or going, or nobody allowed it: no use in waiting
            level = logging.DEBUG if refused.status == 404 else logging.WARNING
            log.log(level, "an Event was refused (%s): %s", refused, event["note"])
            if refused.status not in (403, 404, 409, 422):
                await asyncio.sleep(self._pause)
        except OSError as error:
            log.warning("an Event could not be sent (%s): %s", error, event["note"])
            await asyncio.sleep(self._pause)

    def _event(
        self, kind: str, key: Key, uid: str, type: str, reason: str, message: str, api_version: str, action: str
    ) -> tuple[str, dict[str, Any]]:
        namespace, suffix = key[0] or "default", f".{secrets.token_hex(8)}"
        regarding = {"apiVersion": api_version, "kind": kind, "name": key[1], "uid": uid}
        event = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"namespace": namespace, "name": key[1][: _NAME - len(suffix)].rstrip(".-") + suffix},
            "eventTime": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": self._controller,
            "reportingInstance": self._instance,
            "action": action,
            "reason": reason[:128],
            "type": type,
            "note": _short(message),
            "regarding": regarding | ({"namespace": key[0]} if key[0] else {}),
        }
        return f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", event


def _short(text: str) -> str:
    data = text.encode()
    return text if len(data) <= _LONGEST else data[: _LONGEST - 3].decode(errors="ignore") + "..."
