"""The controller dies wherever it may and starts again: nothing is lost, made twice, or left over."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import time

import pytest

from tests.controller import sweep
from tests.controller.stage import CLEARED, Controller, Stage, unchanging, until

pytestmark = pytest.mark.cluster
CLOUDS = ("aws", "azure", "gcp")
SAMPLES = int(os.environ.get("CLOUDGW_KILLS", "12"))  # kills in one journey on one cloud, where there are more


@pytest.mark.sweep
def test_killed_at_every_call(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """SIGKILL right before and right after calls of each journey on each cloud, which run side by side."""

    def swept(name: str) -> str:
        play = sweep.Play(stage=stage, name=name)
        play.prepare()
        play.clean()
        planned = sweep.lives(play, SAMPLES)
        began = time.monotonic()
        for plan in planned:
            play.life(plan)
        late, play.missed = play.missed, []
        for journey, kill in late:
            play.life({journey: kill})
        told = f"{sweep.told(play, planned)}; {play.killed} died in {time.monotonic() - began:.0f} s"
        assert not play.missed, f"{told}: the call of these never came, twice: {play.missed}"
        return told

    with concurrent.futures.ThreadPoolExecutor(len(CLOUDS)) as pool:
        found = list(pool.map(swept, CLOUDS))
    with capsys.disabled():
        print("", *found, sep="\n")


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_a_restart_in_steady_state_writes_nothing(stage: Stage, how: str) -> None:
    """Three load balancers stand; whoever looks at them next tells no cloud anything, and Kubernetes only the lease."""
    plays = [sweep.Play(stage=stage, name=name, controller_name="cloudgw.dev/all") for name in CLOUDS]
    for play in plays:
        play.prepare()
    controller = plays[0].start()
    controller.wait_leads(sweep.PATIENCE)
    for play in plays:
        play.controller = controller
        play.begin("made")
    for play in plays:
        play.wait("made", "it stands")
    unchanging(lambda: versions(stage))
    controller.signal(signal.Signals[how])
    controller.process.wait(sweep.PATIENCE)
    before, marks = versions(stage), stage.marks()
    controller = plays[0].start()
    controller.wait_leads(sweep.PATIENCE)
    until(lambda: seen(controller) >= len(CLOUDS), "every Gateway was looked at", sweep.PATIENCE)
    time.sleep(5)
    assert stage.writes(marks) == []
    assert versions(stage) == before
    assert controller.metric("rest_client_requests_total", method="PATCH") == 0
    assert controller.metric("rest_client_requests_total", method="DELETE") == 0


def seen(controller: Controller) -> float:
    """Passes that ended well."""
    return controller.metric("controller_runtime_reconcile_total", result="success") + controller.metric(
        "controller_runtime_reconcile_total", result="requeue_after"
    )


def versions(stage: Stage) -> dict[str, str]:
    """resourceVersion of every object that a controller may write but the lease, with the Events."""
    found = {}
    for path in (*CLEARED, "/apis/events.k8s.io/v1/events"):
        for item in stage.cluster.request("GET", path)[1]["items"]:
            metadata = item["metadata"]
            found[f"{path} {metadata.get('namespace', '')}/{metadata['name']}"] = metadata["resourceVersion"]
    return found
