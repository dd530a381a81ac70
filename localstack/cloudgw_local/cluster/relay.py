"""Brings ports of this machine's 127.0.0.1 into pods: there the same address and port reach the same program.

`pods` opens them for the API server, and for what a test names (a local cloud): their certificates and settings say
127.0.0.1, which in a pod's network namespace is the pod itself. One thread carries all bytes. It must never listen
anywhere but inside of a namespace.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import threading
from collections.abc import Iterable

_NETWORK = 0x40000000  # CLONE_NEWNET
_OWN = "/proc/thread-self/ns/net"
_CHUNK = 1 << 16


class Relays:
    """Every relay of one pod runner."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: dict[str, list[asyncio.Server]] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="relays", daemon=True)
        self._thread.start()

    def open(self, namespace: str, ports: Iterable[int]) -> None:
        """Listens in a namespace of `ip netns`; returns when it does."""
        asyncio.run_coroutine_threadsafe(self._open(namespace, tuple(ports)), self._loop).result(10)

    def close(self, namespace: str) -> None:
        """Ends listening; connections end with the pod's processes."""
        for server in self._servers.pop(namespace, ()):
            self._loop.call_soon_threadsafe(server.close)

    def stop(self) -> None:
        for namespace in list(self._servers):
            self.close(namespace)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _open(self, namespace: str, ports: tuple[int, ...]) -> None:
        for listening in _listening(namespace, ports):
            port = listening.getsockname()[1]

            async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int = port) -> None:
                await _carry(reader, writer, port)

            self._servers.setdefault(namespace, []).append(await asyncio.start_server(carry, sock=listening))


def _listening(namespace: str, ports: tuple[int, ...]) -> list[socket.socket]:
    """A socket stays in the network namespace that its thread was in when it was made; the thread comes back."""
    libc = ctypes.CDLL(None, use_errno=True)
    own, there = os.open(_OWN, os.O_RDONLY), os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, _NETWORK):
            raise OSError(ctypes.get_errno(), f"cannot enter network namespace {namespace}")
        try:
            return [socket.create_server(("127.0.0.1", port)) for port in ports]
        finally:
            if libc.setns(own, _NETWORK):
                os._exit(70)  # a thread that is lost in another network would lead everything there
    finally:
        os.close(own)
        os.close(there)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    try:
        there, back = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side ends; then the other is told so."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()
