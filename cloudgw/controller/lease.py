"""Who of several controllers acts: one coordination.k8s.io/Lease, and a fence that everybody asks before a write.

The operator runs it; the hook in each cloud's calls asks `held`, from any thread. Another's lease is waited out by our
own clock, from the moment when we saw it change, never by the times written in it: clocks differ. `held` says no before
anybody else may say yes, also when this process stood still meanwhile. This module must never take a lease whose holder
we did not watch for a whole duration, and never hold on to one that could not be renewed in time.
https://kubernetes.io/docs/concepts/architecture/leases/
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cloudgw.controller.kube import Kube, Refused

log = logging.getLogger(__name__)


def monotonic() -> float:
    """Seconds that go on while the machine sleeps, where the system can tell (Linux): others did not sleep."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(clock) if clock is not None else time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Another's lease as we saw it first, and when."""

    version: str
    at: float
    duration: float


class Lease:
    """identity: of this process alone, not of its pod: a container that starts again is another. duration: seconds that
    others wait; renew: seconds after its last renewal was sent that the lease is given up, and the fence falls: the
    rest of the duration is for the one call that may be under way; retry: seconds between attempts."""

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        name: str,
        identity: str,
        *,
        duration: float = 15.0,
        renew: float = 10.0,
        retry: float = 2.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        if not 0 < retry < renew < duration:
            raise ValueError(f"a lease needs retry < renew < duration, not {retry} < {renew} < {duration}")
        if not identity:
            raise ValueError("a lease needs an identity: nobody holds it under an empty name")
        self.identity, self.holder = identity, ""
        self._kube, self._clock = kube, clock
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self._duration, self._renew, self._retry = duration, renew, retry
        self._until = float("-inf")  # the fence; a float is read and written at once
        self._lease: dict[str, Any] | None = None  # as it was when we wrote it last
        self._seen: _Seen | None = None
        self._trouble = ""

    def held(self) -> bool:
        """The fence, for any thread: asks nobody, waits for nothing."""
        return self._clock() < self._until

    async def run(self, started: Callable[[], Awaitable[None]], lost: Callable[[], Awaitable[None]]) -> None:
        """For ever. started: what a leader does; may return at once or work until it is cancelled; an error of it ends
        us, with the lease given back. lost: called when the fence has fallen, and when we are stopped; nobody else of
        this process competes until it has returned. When we are stopped the lease is given back after that."""
        try:
            while True:
                await self._acquire()
                log.info("leads as %s", self.identity)
                await self._lead(started, lost)
                log.warning("does not lead any more: %s", self._trouble or "somebody else does")
        finally:
            await self.release()

    async def release(self) -> None:
        """The fence falls, then the next may take over at once; nothing where we do not hold it. Never raises."""
        lease, self._lease, self._until = self._lease, None, float("-inf")
        with contextlib.suppress(Refused, OSError):
            async with asyncio.timeout(self._renew / 2):
                while lease is not None and (lease.get("spec") or {}).get("holderIdentity") == self.identity:
                    spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
                    try:
                        await self._kube.replace(f"{self._path}/{self._name}", {**lease, "spec": spec})
                    except Refused as refused:
                        if refused.status != 409:
                            raise
                        # the renewal that was under way when we were stopped arrived
                        lease = await self._kube.get(f"{self._path}/{self._name}")
                    else:
                        log.info("gave the lease back")
                        return

    async def _acquire(self) -> None:
        while not await self._attempt():
            await asyncio.sleep(self._retry * random.uniform(1.0, 1.6))

    async def _lead(self, started: Callable[[], Awaitable[None]], lost: Callable[[], Awaitable[None]]) -> None:
        work = asyncio.ensure_future(started())
        try:
            while self.held():
                pause = min(self._retry * random.uniform(0.8, 1.2), max(self._until - self._clock(), 0.0))
                if work.done():
                    work.result()
                    await asyncio.sleep(pause)
                else:
                    await asyncio.wait({work}, timeout=pause)
                if self.held():
                    await self._attempt()
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await work
            await lost()

    async def _attempt(self) -> bool:
        """Takes or renews the lease; whether that is done. A failure leaves the fence as it is."""
        left = self._until - self._clock() if self.held() else self._renew
        try:
            async with asyncio.timeout(min(left, self._renew / 2)):
                done = await self._write()
        except (Refused, OSError) as error:
            trouble = str(error) or "no answer in time"
            if isinstance(error, Refused) and error.status == 404:
                trouble = f"{trouble}; make the namespace, or name another with --namespace"
            if trouble != self._trouble:
                log.warning("the lease %s could not be taken or renewed: %s", self._name, trouble)
            self._trouble = trouble
            return False
        self._trouble = ""
        return done and self.held()

    async def _write(self) -> bool:
        if self._lease is not None:
            try:
                return await self._replaced(self._lease)
            except Refused as refused:
                if refused.status not in (404, 409):
                    raise
        try:
            lease = await self._kube.get(f"{self._path}/{self._name}")
        except Refused as refused:
            if refused.status != 404:
                raise
            return await self._created()
        self.holder = (lease.get("spec") or {}).get("holderIdentity") or ""
        if self.holder not in ("", self.identity):
            self._lease, self._until = None, float("-inf")  # whatever we believed
            if not self._over(lease):
                return False
        return await self._replaced(lease)

    def _over(self, lease: Mapping[str, Any]) -> bool:
        """Whether nobody renewed it for as long as its holder counts on."""
        version, now = lease["metadata"]["resourceVersion"], self._clock()
        if self._seen is None or self._seen.version != version:
            duration = max(self._duration, float(lease["spec"].get("leaseDurationSeconds") or 0))
            self._seen = _Seen(version=version, at=now, duration=duration)
        return now >= self._seen.at + self._seen.duration

    async def _created(self) -> bool:
        """We are the first, or somebody deleted it: its holder may not know yet."""
        if self._lease is None and self._seen is not None and self._clock() < self._seen.at + self._seen.duration:
            return False
        about = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self._name}}
        return await self._sent(self._kube.create, self._path, {**about, "spec": self._spec({})})

    async def _replaced(self, lease: Mapping[str, Any]) -> bool:
        body = {**lease, "spec": self._spec(lease.get("spec") or {})}
        return await self._sent(self._kube.replace, f"{self._path}/{self._name}", body)

    async def _sent(
        self, write: Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]], path: str, body: Mapping[str, Any]
    ) -> bool:
        """False for a race that was lost. The fence stands from when the write left us: others saw it later."""
        sent = self._clock()
        try:
            answer = await write(path, body)
        except Refused as refused:
            if refused.status == 409 and self._lease is None:
                return False
            raise
        self._lease, self._seen, self.holder = answer, None, self.identity
        self._until = sent + self._renew
        return True

    def _spec(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Ours, from now on. What others wrote beside it stays."""
        now, before = _now(), spec.get("holderIdentity") or ""
        taken = {} if before == self.identity else {"acquireTime": now}
        transitions = int(spec.get("leaseTransitions") or 0) + (1 if spec and before != self.identity else 0)
        return {
            **spec,
            **taken,
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self._duration)),
            "renewTime": now,
            "leaseTransitions": transitions,
        }


def _now() -> str:
    """MicroTime; for people only."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
