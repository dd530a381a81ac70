"""Waiting for operations: many at once, failed ones among them, and answers that do not come."""

from __future__ import annotations

import collections.abc

import pytest

from cloudgw.provider import Failure
from cloudgw_gcp import calls_operations, failures
from cloudgw_local import gcp as local
from tests.unit.gcp import edge


@pytest.fixture(scope="module")
def served() -> collections.abc.Iterator[edge.Cloud]:
    with edge.serve() as cloud:
        yield cloud


@pytest.fixture
def cloud(served: edge.Cloud) -> edge.Cloud:
    served.running.control.reset()
    return served


def classified(problem: BaseException | None) -> Failure:
    assert problem is not None
    found = failures.classify(problem)
    assert found is not None
    return found


def test_operations_run_at_once(cloud: edge.Cloud) -> None:
    """Ten take as long as one, and little more than one question each."""
    began = [
        cloud.session.write.insert("healthChecks", local.REGION, {"name": f"hc-{number}", **edge.check()})
        for number in range(10)
    ]
    before = cloud.running.control.now()
    assert cloud.session.write.wait(began) == [None] * 10
    assert cloud.running.control.now() - before < 10
    assert cloud.calls().count("get operations") < 20


def test_one_that_fails_keeps_none_of_the_others(cloud: edge.Cloud) -> None:
    cloud.running.control.settings(refuse_name="bad", refuse_mode="late")
    began = [
        cloud.session.write.insert("healthChecks", local.REGION, {"name": name, **edge.check()})
        for name in ("good-a", "bad", "good-b")
    ]
    first, late, last = cloud.session.write.wait(began)
    assert (first, last) == (None, None)
    assert isinstance(late, failures.OperationFailed)
    assert classified(late).why == "invalid"
    assert "bad" in failures.told(late)
    assert cloud.session.read.get("healthChecks", local.REGION, "bad") is None
    assert cloud.session.read.get("healthChecks", local.REGION, "good-b") is not None


@pytest.mark.parametrize("kind", ["lost", "throttle", "error"])
def test_a_lost_answer_about_an_operation_is_no_end(cloud: edge.Cloud, kind: str) -> None:
    began = cloud.session.write.insert("healthChecks", local.REGION, {"name": "hc", **edge.check()})
    more = {"code": "backendError", "status": 503} if kind == "error" else {}
    cloud.running.control.fault("get operations", kind, times=1, **more)
    assert cloud.session.write.wait([began]) == [None]


def test_an_operation_that_cannot_be_seen_or_does_not_end_has_an_unknown_outcome(cloud: edge.Cloud) -> None:
    began = cloud.session.write.insert("healthChecks", local.REGION, {"name": "hc", **edge.check()})
    cloud.running.control.fault("get operations", "error", code="forbidden", status=403, times=1)
    (unseen,) = cloud.session.write.wait([began])
    assert classified(unseen).why == "outcome_unknown"
    assert "operations.get" in str(unseen)
    cloud.running.control.settings(insert_seconds=10_000.0)
    slow = cloud.session.write.insert("healthChecks", local.REGION, {"name": "slow", **edge.check()})
    before = cloud.running.control.now()
    (unended,) = cloud.session.write.wait([slow])
    assert classified(unended).why == "outcome_unknown"
    assert "600 s" in str(unended)
    assert 590 < cloud.running.control.now() - before < 620


def test_waiting_asks_more_seldom_as_time_goes_by() -> None:
    slept: list[float] = []
    ends = iter([{"status": "RUNNING"}] * 6 + [{"status": "DONE"}])
    began = calls_operations.Op(name="insert urlMaps", target="projects/p/global/urlMaps/m", path="x", document={})
    assert calls_operations.wait([began], lambda _: next(ends), slept.append) == [None]
    assert slept[0] == 1.0
    assert slept == sorted(slept)
    assert max(slept) == 8.0
