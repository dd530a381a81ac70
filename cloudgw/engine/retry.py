"""One retry policy per failure class, with clock and sleep injected. The only module that knows tenacity.

Retried within a pass: only what certainly had no effect and passes soon (throttled, not_ready). Everything else is
for the next pass, which observes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from cloudgw.graph import table
from cloudgw.provider import Clock, Failed, Failure, Partial, Why

Result = TypeVar("Result")
ATTEMPTS: dict[Why, int] = {"throttled": 8, "not_ready": 6}
FIRST_SECONDS = 1.0
LONGEST_SECONDS = 20.0


def call(attempt: Callable[[], Result], classify: Callable[[BaseException], Failure | None], clock: Clock) -> Result:
    """attempt's result, or its last exception. Retries only where nothing was done before the failure."""
    passing: dict[str, int] = {}

    def again(exception: BaseException) -> bool:
        if isinstance(exception, Partial | Failed) and exception.done:
            return False
        failure = failure_of(exception, classify)
        if failure is None or failure.why not in ATTEMPTS:
            return False
        passing[failure.why] = passing.get(failure.why, 0) + 1
        return passing[failure.why] < ATTEMPTS[failure.why]

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(again),
        wait=tenacity.wait_exponential(multiplier=FIRST_SECONDS, max=LONGEST_SECONDS),
        sleep=clock.sleep,
        reraise=True,
    )
    return retrying(attempt)


def failure_of(exception: BaseException, classify: Callable[[BaseException], Failure | None]) -> Failure | None:
    """The Failure in an exception, whoever raised it; None for a defect."""
    if isinstance(exception, table.NoRoom):
        return Failure(why="quota", code="NoRoom", message=f"{exception}; remove entries of others, or of this Gateway")
    if isinstance(exception, Failed):
        return Failure(why=exception.why, code=exception.why, message=str(exception), guilty=exception.key)
    if isinstance(exception, Partial):
        inner = failure_of(exception.cause, classify)
        if inner is None:
            return None
        return Failure(why=inner.why, code=inner.code, message=inner.message, guilty=inner.guilty or exception.key)
    return classify(exception)
