"""Orders that strike the caller itself: it dies before or after the effect, or stands still while its call is late."""

from __future__ import annotations

import http.client
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import conftest as c

HC = "global/healthChecks/hc"


@pytest.fixture
def caller() -> Iterator[subprocess.Popen[bytes]]:
    """Somebody on whose behalf the test calls."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(("kind", "effect"), [("kill-before", 404), ("kill-after", 200)])
def test_a_caller_is_killed(cloud: c.Cloud, caller: subprocess.Popen[bytes], kind: str, effect: int) -> None:
    cloud.control.fault(operation="write", kind=kind, pid=caller.pid)
    assert cloud.ask("GET", HC).status == 404, "reads are spared"
    with pytest.raises(http.client.RemoteDisconnected):
        cloud.ask("POST", "global/healthChecks", c.HEALTH_CHECK)
    assert caller.wait(10) == -signal.SIGKILL
    assert cloud.ask("GET", HC).status == effect
    assert [one["outcome"] for one in cloud.journal("insert healthChecks")] == [kind]


def test_a_caller_is_stopped_and_its_call_is_late(cloud: c.Cloud, caller: subprocess.Popen[bytes]) -> None:
    cloud.control.fault(operation="write", kind="stop-before", pid=caller.pid)
    thread = threading.Thread(target=lambda: cloud.make("global/healthChecks", c.HEALTH_CHECK))
    thread.start()
    end = time.monotonic() + 10
    while _state(caller.pid) != "T" and time.monotonic() < end:
        time.sleep(0.01)
    assert _state(caller.pid) == "T"
    assert cloud.ask("GET", HC).status == 404, "others are served while it is held"
    cloud.control.clear_faults()
    thread.join(10)
    assert cloud.get(HC)["name"] == "hc"
    assert [one["outcome"] for one in cloud.journal("insert healthChecks")] == ["stop-before", "ok"]


@pytest.mark.parametrize("pid", [0, 1])
def test_nobody_else_is_struck(cloud: c.Cloud, pid: int) -> None:
    with pytest.raises(ValueError, match="pid of the caller"):
        cloud.control.fault(kind="kill-before", pid=pid)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
