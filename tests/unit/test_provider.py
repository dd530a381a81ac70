"""What every provider shares of failures."""

from __future__ import annotations

import pytest

from cloudgw.provider import Failed, Failure, classified, lasting

UUID = "0b7bd1c4-6bb0-4a06-a3b4-6b1f2c1f7a10"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"AADSTS7000215: bad secret. Trace ID: {UUID} Correlation ID: {UUID} Timestamp: 2026-11-22 01:02:03Z",
         "AADSTS7000215: bad secret."),
        (f"An error occurred (tracking ID {UUID}).", "An error occurred"),
        ("Internal error. Please try again. (Code: 'E-3321442390441')", "Internal error. Please try again."),
        (f"You are not authorized. Encoded authorization failure message: {'aB3_-' * 60}",
         "You are not authorized. Encoded authorization failure message:"),
    ],
)  # fmt: skip
def test_what_differs_in_each_answer_is_not_said(said: str, kept: str) -> None:
    assert lasting(said) == kept
    assert classified(KeyError(), lambda _: Failure(why="denied", code="X", message=said)) == Failure(
        why="denied", code="X", message=kept
    )


@pytest.mark.parametrize(
    "said",
    [
        f"/subscriptions/{UUID}/resourceGroups/{'g' * 90} is locked",
        f"arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/{'n' * 32}/{'f' * 16} is in use",
        "tenant 0b7bd1c4-6bb0-4a06-a3b4-6b1f2c1f7a10 was not found",
    ],
)
def test_names_stay(said: str) -> None:
    assert lasting(said) == said


def test_what_nobody_said_is_nobodys_failure() -> None:
    assert classified(KeyError(), lambda _: None) is None
    assert classified(Failed("quota", "full"), lambda _: None) == Failure(why="quota", code="", message="full")
