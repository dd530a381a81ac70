"""The hook of a session, wired into the SDK: told of each exchange by the events that botocore emits around it.

`calls.Clients` registers it with every client that it makes. `before-send` is emitted after signing, where all that is
left is the socket; what a handler raises there comes out of the call and is not retried. Clients of credential
providers are others, so that fetching a token is not announced. Must never change a request or an answer.
botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from cloudgw.provider import UNHOOKED, Failure, Hook
from cloudgw_aws import failures

READS = ("Describe", "List", "Get")


def register(events: Any, service: str, hook: Hook) -> None:
    """events: of one client of the service ("elbv2"). Operations are told as "elbv2:CreateRule"."""
    if hook is UNHOOKED:
        return
    under_way = threading.local()  # an exchange begins and ends in one thread, but its two events share nothing

    def before(event_name: str, **_: Any) -> None:
        operation = event_name.rpartition(".")[2]
        hook.before(f"{service}:{operation}", write=is_write(operation))
        under_way.began = time.monotonic()

    def after(event_name: str, parsed_response: Any = None, exception: BaseException | None = None, **_: Any) -> None:
        began = under_way.__dict__.pop("began", None)
        if began is None:  # never left
            return
        operation = event_name.rpartition(".")[2]
        failure = failures.of_answer(operation, parsed_response) if exception is None else _lost(exception)
        seconds = time.monotonic() - began
        hook.after(f"{service}:{operation}", write=is_write(operation), seconds=seconds, failure=failure)

    events.register("before-send", before)
    events.register("response-received", after)


def is_write(operation: str) -> bool:
    """operation: "CreateRule"."""
    return not operation.startswith(READS)


def _lost(exception: BaseException) -> Failure:
    known = failures.classify(exception)
    return known or Failure(why="unknown", code=type(exception).__name__, message="no answer was read")
