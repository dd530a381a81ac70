"""A gateway whose long operation failed, on the local Azure: it is never called done, never written for ever, and can
always be mended or deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import azure_ground
import pytest

from cloudgw.testing import ground, worlds

MAKE = azure_ground.Azure
GOOD = worlds.BASE
BAD = GOOD.with_rules(*GOOD.rules, worlds.Rule(host="bad.example", to=(("two", 1),)))
BETTER = GOOD.with_rules(*GOOD.rules, worlds.Rule(host="fine.example", to=(("two", 1),)))


class LastGood(azure_ground.Azure):
    """The same cloud where a GET shows the last good document."""

    beliefs = (("azure-failed-document", "last-good"),)


def _refuse_late(cloud: Any) -> None:
    backend = "backendAddressPools/cgw-[a-z0-9]+-shop"
    cloud.control.settings(refuse_child=r"-shop\.bad-example\.", refuse_body=backend, refuse_mode="late")


def _state(cloud: azure_ground.Azure) -> str:
    return str(cloud.documents()[0]["properties"]["provisioningState"])


def _break(cloud: azure_ground.Azure, code: str, times: int) -> None:
    """The operations of so many writes end with an error that has nothing to do with what was written."""
    left = list(range(times))

    def fail(_: str) -> None:
        if left:
            left.pop()
            world: Any = cloud.control.cloud
            for one in world.world.of_type("applicationGateways"):
                one.failure = {"code": code, "message": "an internal error"}

    cloud.on_call(fail)


@pytest.mark.parametrize("keep_diary", [True, False])
@pytest.mark.parametrize("make", [azure_ground.Azure, LastGood])
def test_a_process_that_ends_while_a_bad_document_is_on_its_way(
    make: type[azure_ground.Azure], keep_diary: bool
) -> None:
    """The next one does not call it done, and what a person then changes is written once."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [GOOD])
    _refuse_late(cloud)
    process.one_pass(BAD)
    cloud.clock.sleep(15)
    process.one_pass(BAD)
    process = process.restarted(keep_diary=keep_diary)
    cloud.clock.sleep(120)
    calls = cloud.calls()
    applied = process.apply(BAD, limit=120)
    assert applied.state in ("failed", "waiting"), applied.plan.changes
    if applied.state == "failed":
        assert any("test refuses" in message for message in applied.failures), applied.failures
        assert cloud.calls() - calls <= 2, cloud.operations(calls)
    else:  # the good document is shown: the guilty one could be searched
        assert any("refused" in line for line in ground.lines(applied.plan.changes))
    calls = cloud.calls()
    assert process.apply(BETTER, limit=120).state == "done"
    assert len(cloud.operations(calls)) <= 2
    assert _state(cloud) == "Succeeded"


def test_a_plan_says_that_an_operation_failed() -> None:
    cloud = MAKE()
    process = ground.Process(cloud)
    ground.journey(process, [GOOD])
    _refuse_late(cloud)
    process.one_pass(BAD)
    cloud.clock.sleep(120)
    plan = process.restarted(keep_diary=False).plan(BAD)
    notes = [note for note in plan.notes if note.code == "OperationFailed"]
    assert [note.level for note in notes] == ["error"]
    assert "gateway/lb" in notes[0].message


@pytest.mark.parametrize("make", [azure_ground.Azure, LastGood])
@pytest.mark.parametrize("code", ["InternalServerError", "OperationTimedOut", "ScopeLocked"])
def test_operations_that_fail_whatever_they_carry_are_not_repeated_for_ever(
    make: type[azure_ground.Azure], code: str
) -> None:
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [GOOD])
    _break(cloud, code, 1000)
    calls = cloud.calls()
    applied = process.apply(BETTER, limit=120)
    assert applied.state == "failed"
    assert any("an internal error" in message for message in applied.failures), applied.failures
    assert cloud.calls() - calls <= 3
    assert applied.passes < 20


def test_an_operation_that_failed_once_is_written_again() -> None:
    cloud = MAKE()
    process = ground.Process(cloud)
    ground.journey(process, [GOOD])
    _break(cloud, "InternalServerError", 1)
    calls = cloud.calls()
    assert process.apply(BETTER).state == "done"
    assert cloud.operations(calls) == ["put_gateway", "put_gateway"]
    assert _state(cloud) == "Succeeded"


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.parametrize("make", [azure_ground.Azure, LastGood])
def test_what_failed_can_be_deleted(make: type[azure_ground.Azure], restarted: bool) -> None:
    """Also where the gateway itself was never made well, and its document is still refused."""
    for first in (GOOD, None):
        cloud = make()
        process = ground.Process(cloud)
        start = cloud.everything()
        if first is not None:
            ground.journey(process, [first])
        _refuse_late(cloud)
        process.one_pass(BAD)
        cloud.clock.sleep(500)
        assert _state(cloud) == "Failed"
        calls = cloud.calls()
        if restarted:
            process = process.restarted(keep_diary=False)
        assert process.apply(None).state == "done"
        assert cloud.operations(calls) == ["delete_gateway"]
        assert cloud.everything() == start


def test_pods_that_change_together_with_a_replacement() -> None:
    """Targets go into the document in which their pool lies, old and new."""
    cloud = MAKE()
    process = ground.Process(cloud)
    ground.journey(process, [GOOD])
    moved = replace(GOOD, scheme="public").with_service("two", worlds.Service(targets=("10.0.1.77:8080",)))
    ground.journey(process, [moved])
    (document,) = cloud.documents()
    pools = [pool["properties"]["backendAddresses"] for pool in document["properties"]["backendAddressPools"]]
    assert [{"ipAddress": "10.0.1.77"}] in pools


def test_a_plan_says_that_an_operation_runs() -> None:
    """Nothing differs, and still nobody may call it done."""
    cloud = MAKE()
    process = ground.Process(cloud)
    process.one_pass(GOOD)
    plan = process.restarted(keep_diary=False).plan(GOOD)
    assert not plan.changes
    assert plan.busy
    assert [note.code for note in plan.notes] == ["OperationRunning"]
    assert process.restarted(keep_diary=False).apply(GOOD).state == "done"
    assert _state(cloud) == "Succeeded"


def test_one_reason_is_said_once() -> None:
    """A write that fails for everybody is one line, not one for each change, and its code stands once."""
    cloud = MAKE()
    process = ground.Process(cloud)
    cloud.control.fault("PUT applicationGateways", "error", code="ResourceGroupNotFound", status=404, times=1000)
    applied = process.apply(GOOD)
    assert applied.state == "failed"
    assert len(applied.failures) == 1, applied.failures
    assert "more: ResourceGroupNotFound" in applied.failures[0]
    assert applied.failures[0].count("ResourceGroupNotFound") == 1
