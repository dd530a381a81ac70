"""Two replicas: one works, the other waits; and the one that worked may freeze, thaw, end in order, or be cut off.

A frozen leader does not know that it froze: when it goes on, its lease is long another's. The one call that was under
way cannot be called back, so it may arrive at any later time; every other is refused by the fence. Whatever arrives
late must harm nothing: in the end the cloud is as after a life in which nobody froze.
"""

from __future__ import annotations

import concurrent.futures
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.controller import portrait
from tests.controller.stage import Controller, Stage, until
from tests.controller.sweep import JOURNEYS, PATIENCE, Journey, Play

pytestmark = pytest.mark.cluster
CLOUDS = ("aws", "azure", "gcp")


def test_a_follower_writes_nothing_and_takes_over(stage: Stage) -> None:
    play = Play(stage=stage, name="aws")
    play.prepare()
    leader = play.start()
    leader.wait_leads(PATIENCE)
    follower = play.start()
    follower.wait_ready(PATIENCE)
    play.begin("made")
    play.wait("made", "the leader makes it")
    play.quiet()
    assert kube_writes(follower) == 0
    assert cloud_writes(follower) == 0
    leader.kill()
    marks = stage.marks()
    follower.wait_leads(PATIENCE)
    play.begin("changed")
    play.wait("changed", "the follower goes on")
    assert cloud_writes(follower) > 0
    assert stage.writes(marks)


def test_a_leader_ends_in_order(stage: Stage) -> None:
    """SIGTERM in the middle of a pass: the step that runs comes to its end, the lease is free, and the next goes on."""
    play = Play(stage=stage, name="aws")
    play.prepare()
    clean(play)
    leader = play.start()
    leader.wait_leads(PATIENCE)
    follower = play.start()
    follower.wait_ready(PATIENCE)
    mark = play.cloud.mark()
    play.begin("made")
    until(lambda: [one for one in play.cloud.journal(mark) if one["write"]], "the first call", PATIENCE, 0.01)
    leader.signal(signal.SIGTERM)
    assert leader.process.wait(PATIENCE) == 0
    ended = time.monotonic()
    assert "gave the lease back" in leader.text()
    assert "did not end" not in leader.text()
    assert "cloudgw does not lead any more" not in leader.text()
    follower.wait_leads(PATIENCE)
    assert time.monotonic() - ended < 8, "the lease was waited for"
    play.wait("made", "the follower goes on")
    outcomes = {one["outcome"] for one in play.cloud.journal(mark) if one["write"]}
    assert outcomes == {"ok"}


@pytest.mark.parametrize("late", [True, False], ids=["late", "at-once"])
def test_a_leader_freezes_in_a_call(stage: Stage, late: bool) -> None:
    """Past its lease; on each cloud, at a call in the middle of a journey. late: of each journey, and that call arrives
    when another has led for long and all is done; else of a change, where it arrives at once, and the frozen one thaws
    while the other is at work."""

    def frozen(name: str) -> list[str]:
        play = Play(stage=stage, name=name)
        play.prepare()
        clean(play)
        if late:
            return [freeze(play, journey, late=True) for journey in JOURNEYS]
        first = play.start()
        first.wait_leads(PATIENCE)
        play.begin("made")
        play.wait("made", "it stands")
        assert first.stop() == 0
        return [freeze(play, "changed", late=False)]

    with concurrent.futures.ThreadPoolExecutor(len(CLOUDS)) as pool:
        told = [one for found in pool.map(frozen, CLOUDS) for one in found]
    print("", *told, sep="\n")


def clean(play: Play) -> None:
    """How many calls there are, and what stands after them."""
    play.clean()
    assert play.controller is not None
    assert play.controller.stop() == 0


def freeze(play: Play, journey: Journey, *, late: bool) -> str:
    """One journey whose leader freezes; both replicas are gone afterwards. In words, what escaped the fence."""
    index = play.calls[journey] // 2
    old = play.start()
    old.wait_leads(PATIENCE)
    new = play.start()
    new.wait_ready(PATIENCE)
    order = {"operation": "write", "kind": "stop-before", "skip": index, "pid": old.process.pid}
    play.cloud.ask("POST", "faults", order)
    mark = play.cloud.mark()
    play.begin(journey)
    until(lambda: state(old) == "T", f"{play.name} {journey}: call {index} came", PATIENCE)
    until(lambda: _held(play, mark), "it is in the journal", PATIENCE, 0.01)  # the caller was stopped before
    [held] = _held(play, mark)
    if not late:
        play.cloud.ask("DELETE", "faults")
    new.wait_leads(PATIENCE)
    if late:
        play.wait(journey, f"{play.name} {journey}: the other replica does it all")
        play.quiet()
        mark = play.cloud.mark()
        play.cloud.ask("DELETE", "faults")
        time.sleep(1)
    before = cloud_writes(new)
    old.signal(signal.SIGCONT)
    until(lambda: "does not lead any more" in old.text(), "it notices", PATIENCE)
    escaped = "at once"
    if late:
        time.sleep(3)
        since = [one for one in play.cloud.journal(mark) if one["write"]]
        since = since[: len(since) - round(cloud_writes(new) - before)]
        assert [one["operation"] for one in since] == [held["operation"]], "what else escaped the fence"
        escaped = f"late: {since[0]['outcome']}"
    assert cloud_writes(old) <= index + 1, "what left after it thawed"
    assert old.stop() == 0
    assert new.stop() == 0
    last = play.start()
    last.wait_leads(PATIENCE)
    play.wait(journey, f"{play.name} {journey}: nothing is harmed")
    play.quiet()
    assert portrait.differences(play.after[journey], play.portrait()) == ""
    assert last.stop() == 0
    return f"{play.name} {journey}: call {index} of {play.calls[journey]}, {held['operation']} {escaped}"


def _held(play: Play, mark: int) -> list[dict[str, Any]]:
    return [one for one in play.cloud.journal(mark) if one["outcome"] == "stop-before"]


def state(controller: Controller) -> str:
    text = Path(f"/proc/{controller.process.pid}/stat").read_text()
    return text.rpartition(")")[2].split()[0]


def kube_writes(controller: Controller) -> float:
    """Of objects: the lease is written by followers too, when it is free."""
    return sum(controller.metric("rest_client_requests_total", method=one) for one in ("PATCH", "POST", "DELETE"))


def cloud_writes(controller: Controller) -> float:
    return sum(count for operation, count in cloud_calls(controller).items() if writes(operation))


def cloud_calls(controller: Controller) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for line in controller.get("/metrics")[1].splitlines():
        if line.startswith("cloudgw_cloud_calls_total{"):
            operation = line.partition('operation="')[2].partition('"')[0]
            found[operation] = found.get(operation, 0.0) + float(line.rpartition(" ")[2])
    return found


def writes(operation: str) -> bool:
    """By the cloud's own name of a call."""
    name: Any = operation.rpartition(":")[2].rpartition(".")[2]
    return not name.startswith(("Describe", "List", "Get", "GET", "POST", "list", "get", "aggregated", "wait", "test"))
