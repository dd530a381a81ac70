"""The injected clock: real, a local cloud's at a rate, a local cloud's that stands still until it is moved."""

from __future__ import annotations

import time

import pytest

from cloudgw.cli import clock
from cloudgw.cli.problem import Problem
from cloudgw_local.aws import server


def test_without_the_variable_it_is_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(clock.VARIABLE, raising=False)
    assert isinstance(clock.of_environment(), clock.Real)


def test_a_stepped_clock_moves_when_somebody_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    with server.serve(host="127.0.0.1", port=0, rate=60.0, stepped=True) as running:
        monkeypatch.setenv(clock.VARIABLE, f"{running.endpoint}/_cloudgw/clock")
        found = clock.of_environment()
        before, wall = found.now(), time.monotonic()
        found.sleep(3600)
        assert found.now() - before == 3600
        assert time.monotonic() - wall < 5
        found.sleep(-1)
        assert found.now() - before == 3600


def test_whoever_sleeps_sleeps_on_all_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        server.serve(host="127.0.0.1", port=0, rate=60.0, stepped=True) as one,
        server.serve(host="127.0.0.1", port=0, rate=1000.0, stepped=False) as other,
    ):
        urls = [f"{running.endpoint}/_cloudgw/clock" for running in (one, other)]
        monkeypatch.setenv(clock.VARIABLE, " ".join(urls))
        found = clock.of_environment()
        before = [clock.Remote(url).now() for url in urls]
        assert found.now() == before[0]
        found.sleep(200)
        passed = [clock.Remote(url).now() - began for url, began in zip(urls, before, strict=True)]
        assert passed[0] == 200
        assert passed[1] >= 200


def test_a_clock_with_a_rate_is_slept_through_in_less_time() -> None:
    with server.serve(host="127.0.0.1", port=0, rate=1000.0, stepped=False) as running:
        found = clock.Remote(f"{running.endpoint}/_cloudgw/clock")
        before, wall = found.now(), time.monotonic()
        found.sleep(200)
        assert found.now() - before >= 200
        assert time.monotonic() - wall < 10


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/clock", "https://127.0.0.1/clock", "nowhere"])
def test_a_clock_that_does_not_answer_is_a_problem(url: str) -> None:
    with pytest.raises(Problem, match="the clock does not answer"):
        clock.Remote(url).now()


def test_a_saved_listing_has_its_moment() -> None:
    assert clock.Fixed(12.0).now() == 12.0
