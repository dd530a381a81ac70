"""The processes of a cluster: started with a log each, paused, killed and started again with the same command.

`cluster` and `pods` start everything here. A process dies with this one, even when this one is killed (Linux). Nothing
here may end a process but its own, each by its handle.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_LINES = 15  # of a log, in an error
# The kernel ends a child with the *thread* that started it, so one thread that never ends starts them all.
_SPAWNER = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None  # looked up before any fork


def spawn(command: Sequence[Path | str], log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C reaches only us. The log is continued."""
    return _SPAWNER.submit(_spawned, [str(part) for part in command], log, env).result()


def _spawned(command: list[str], log: Path, env: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    with open(log, "ab") as stream:
        return subprocess.Popen(
            command,
            stdout=stream,
            stderr=stream,
            stdin=subprocess.DEVNULL,
            env=env,
            start_new_session=True,
            preexec_fn=_die_with_us,
        )


def _die_with_us() -> None:
    """Even by SIGKILL (PR_SET_PDEATHSIG)."""
    if _PRCTL is not None:
        _PRCTL(1, signal.SIGKILL)


class Part:
    """One program of the control plane. command: never changes, so a restart has the same port and data."""

    def __init__(self, name: str, command: Sequence[Path | str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = command
        self.process = spawn(command, self.log)

    def kill(self) -> None:
        """At once: an API server that is asked politely drains for a minute and keeps its port."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Kills it if it runs. Ready some seconds later."""
        self.kill()
        self.process = spawn(self._command, self.log)

    def pause(self) -> None:
        """It answers nobody any more, but its connections stay open."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)


def tails(folder: Path) -> str:
    """The last lines of every log of a folder."""
    parts = [f"\n{path}:\n" + "\n".join(path.read_text().splitlines()[-_LINES:]) for path in folder.glob("*.log")]
    return "".join(parts)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; all are held until each is known, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [int(item.getsockname()[1]) for item in sockets]
