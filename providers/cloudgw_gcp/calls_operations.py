"""Operations: what a change begins, and the waiting for its end.

`calls.Write` makes them and waits through here. Polled by GET with an injected sleep and never by the SDK, whose own
pollers leave a custom endpoint. Must never take a lost answer for an end.
cloud.google.com/compute/docs/api/how-tos/api-requests-responses#handling_api_responses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudgw.provider import Failed
from cloudgw_gcp import failures

WAIT_SECONDS = 600.0  # until an operation that does not end is given up
POLL_SECONDS = (1.0, 1.5, 8.0)  # first wait, growth, longest wait

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """What a change began. name: "insert urlMaps"; target: path of the resource; path: of the operation; document: as
    it stood at the beginning."""

    name: str
    target: str
    path: str
    document: Json = field(repr=False)


def wait(
    operations: Sequence[Op], ask: Callable[[str], Json], sleep: Callable[[float], None]
) -> list[BaseException | None]:
    """Until all have ended: for each, in their order, None or why it failed. ask: path -> the operation as it stands.

    They run at once, so waiting for one after the other asks little more than once for each, and those behind the first
    are asked about before anything is slept. One that does not end in WAIT_SECONDS altogether, or that cannot be asked
    about, is Failed("outcome_unknown").
    """
    left = WAIT_SECONDS
    found: list[BaseException | None] = []
    for one in operations:
        document, problem = one.document, ""
        pause, growth, longest = POLL_SECONDS
        asked = not found  # the first has only just begun
        while document.get("status") != "DONE" and not problem:
            if asked and left <= 0:
                problem = f"its operation has not ended after {WAIT_SECONDS:.0f} s"
                break
            if asked:
                sleep(pause)
                left, pause = left - pause, min(pause * growth, longest)
            document, problem = _asked(one, ask, document)
            asked = True
        found.append(_lost(one, problem) if problem else failures.of_operation(document))
    return found


def _asked(one: Op, ask: Callable[[str], Json], before: Json) -> tuple[Json, str]:
    """(the operation as it stands, why it will never be known). A lost or throttled answer is asked for again."""
    try:
        return ask(one.path), ""
    except Exception as problem:
        failure = failures.classify(problem)
        if failure is None:
            raise
        if failure.why in ("gone", "denied", "invalid"):
            return before, f"its operation cannot be asked about ({failure.code}; compute's operations.get is needed)"
        return before, ""


def _lost(one: Op, problem: str) -> Failed:
    name = one.target.rsplit("/", 1)[-1]
    return Failed("outcome_unknown", f"{one.name} {name}: {problem}; the next listing shows what came of it")
