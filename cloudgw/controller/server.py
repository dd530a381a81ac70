"""The one port that the controller opens: /metrics for Prometheus, /healthz and /readyz for the kubelet. GET only.

`cli.controller` starts it in the loop that everything else runs in: a loop that hangs does not answer, which is what a
liveness probe is to find out. It shows no object and takes no input; it must never offer anything that changes
something.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import web

from cloudgw.controller import metrics, redaction

Ready: TypeAlias = Callable[[], tuple[bool, Sequence[str]]]
TICK = 1.0  # seconds between two looks at the loop's lag
BOUND = 10.0  # seconds of lag from which on the process is better started anew


@dataclass(slots=True, kw_only=True)
class Server:
    """Made by `start`. ready: whether all caches are full, and if not, what is missing, for a person."""

    ready: Ready
    bound: float = BOUND
    port: int = 0
    _lag: float = 0.0
    _due: float = field(default_factory=time.monotonic)
    _watch: asyncio.Task[None] | None = None
    _runner: web.AppRunner | None = None

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def lag(self) -> float:
        """Seconds that the loop is late: at the last tick, or with the one that is overdue."""
        return max(self._lag, time.monotonic() - self._due, 0.0)

    async def _watched(self) -> None:
        while True:
            self._due = time.monotonic() + TICK
            await asyncio.sleep(TICK)
            self._lag = max(0.0, time.monotonic() - self._due)
            metrics.loop_lag(self._lag)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=await metrics.exposed(), headers={"Content-Type": metrics.CONTENT_TYPE})

    async def _healthz(self, _: web.Request) -> web.Response:
        if self.lag < self.bound:
            return web.Response(text="ok\n")
        return web.Response(status=503, text=f"the event loop is {self.lag:.1f} s late, {self.bound:.1f} s are borne\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        ready, reasons = self.ready()
        if ready:
            return web.Response(text="ok\n")
        lines = [redaction.text(reason) for reason in reasons] or ["not ready"]
        return web.Response(status=503, text="".join(f"{line}\n" for line in lines))


async def start(listen: str, ready: Ready, *, bound: float = BOUND) -> Server:
    """listen: HOST:PORT, "0.0.0.0:8080", "[::]:8080"; port 0: a free one, see `Server.port`. Raises ValueError for no
    address, OSError for one that cannot be had."""
    host, port = address(listen)
    server = Server(ready=ready, bound=bound)
    application = web.Application(middlewares=[_nameless])
    for path, handler in (("/metrics", server._metrics), ("/healthz", server._healthz), ("/readyz", server._readyz)):
        application.router.add_get(path, handler, allow_head=False)
    server._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await server._runner.setup()
    site = web.TCPSite(server._runner, host, port)
    try:
        await site.start()
    except OSError:
        await server._runner.cleanup()
        raise
    server.port = server._runner.addresses[0][1]
    server._watch = asyncio.create_task(server._watched(), name="loop lag")
    return server


def address(listen: str) -> tuple[str, int]:
    """(host, port) of HOST:PORT. Raises ValueError."""
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{listen!r} is no address to listen on: give HOST:PORT, such as 0.0.0.0:8080")
    return host, int(port)


@web.middleware
async def _nameless(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answers do not say which server of which version they come from."""
    try:
        answer = await handler(request)
    except web.HTTPException as refused:
        refused.headers["Server"] = "cloudgw"
        raise
    answer.headers["Server"] = "cloudgw"
    return answer
