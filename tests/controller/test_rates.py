"""Calls leave at the pace that a cloud publishes, from however many threads, and never later than that."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import whole_life
from hypothesis import given
from hypothesis import strategies as st
from test_hook import OPERATIONS

from cloudgw import registry
from cloudgw.controller.rates import Buckets
from cloudgw.controller.worker import Fence
from cloudgw.provider import Failed, Failure, Rate

SLOW = Rate("writes", 2, 0.5)
ALL = Rate("all", 4, 2)


class Clock:
    def __init__(self) -> None:
        self.time = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def test_what_is_there_goes_at_once_and_the_rest_in_turn() -> None:
    clock = Clock()
    buckets = Buckets(clock.now)
    assert [buckets.draw([SLOW]) for _ in range(5)] == [0, 0, 2, 4, 6]
    clock.time += 100
    assert [buckets.draw([SLOW]) for _ in range(3)] == [0, 0, 2]  # no more than it holds


def test_the_slowest_bucket_counts() -> None:
    buckets = Buckets(Clock().now)
    assert [buckets.draw([ALL, SLOW]) for _ in range(3)] == [0, 0, 2]
    assert [buckets.draw([ALL]) for _ in range(2)] == [0, 0.5]


def test_a_clock_that_steps_back_gives_nothing_and_takes_nothing() -> None:
    clock = Clock()
    buckets = Buckets(clock.now)
    buckets.draw([SLOW])
    clock.time -= 50
    assert [buckets.draw([SLOW]) for _ in range(2)] == [0, 2]


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60))
def test_no_cloud_ever_sees_more_than_its_bucket_gives(pauses: list[float]) -> None:
    """However the calls come: in any stretch of time no more leave than capacity and refill allow."""
    clock = Clock()
    buckets = Buckets(clock.now)
    left = []
    for pause in pauses:
        clock.time += pause
        left.append(clock.time + buckets.draw([SLOW]))
    assert left == sorted(left)
    for first, start in enumerate(left):
        for last in range(first, len(left)):
            assert last - first + 1 <= SLOW.capacity + (left[last] - start) * SLOW.refill + 1e-6


def fence(clock: Clock, leads: Callable[[], bool] = lambda: True) -> Fence:
    return Fence("cloud", leads, "apply", clock, lambda operation: (SLOW,) if operation == "put" else ())


def test_a_call_waits_and_others_do_not() -> None:
    clock = Clock()
    one = fence(clock)
    for _ in range(3):
        one.before("put", write=True)
        one.before("get", write=False)
    assert clock.time == 102.0


def test_who_was_told_that_it_was_too_often_waits_for_the_next_token() -> None:
    clock = Clock()
    one = fence(clock)
    one.before("put", write=True)
    one.after("put", write=True, seconds=0.1, failure=Failure(why="throttled", code="", message="slow down"))
    one.before("put", write=True)
    assert clock.time == 102.0


def test_nobody_waits_for_a_lease_that_is_lost() -> None:
    clock = Clock()
    one = fence(clock, lambda: clock.time < 101.0)
    one.before("put", write=True)
    one.before("put", write=True)
    with pytest.raises(Failed, match="does not lead any more"):
        one.before("put", write=True)
    assert clock.slept == [1.0]


@pytest.mark.parametrize("name", sorted(whole_life.GROUNDS))
def test_every_call_of_a_cloud_has_a_pace(name: str) -> None:
    """But those of identities and certificates on AWS, whose quotas are of single calls."""
    rates = registry.provider(name).rates  # type: ignore[attr-defined]
    free = {operation for operation in OPERATIONS[name] if not rates(operation)}
    assert {operation.partition(":")[0] for operation in free} == ({"acm", "sts"} if name == "aws" else set())
    found = {rate for operation in OPERATIONS[name] for rate in rates(operation)}
    assert len({rate.name for rate in found}) == len(found), "two buckets of one name"
