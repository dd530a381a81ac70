"""The clock that a command measures and sleeps by: the real one, or those that CLOUDGW_CLOCK names (of local clouds).

`world` makes one per command and hands it to `pipeline`. A local clock runs faster than ours, so that a wait of
minutes takes seconds, or stands still until somebody moves it: then sleeping moves it. Where several local clouds run,
all of their clocks pass the same wait. A clock that does not answer is a Problem, never a silent change to the real
one.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, cast

from cloudgw.cli.problem import Problem
from cloudgw.provider import Clock

VARIABLE = "CLOUDGW_CLOCK"


def of_environment() -> Clock:
    urls = os.environ.get(VARIABLE, "").split()
    return Remote(*urls) if urls else Real()


class Real:
    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


class Fixed:
    """The moment of a saved listing: planning from a file needs no other."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def now(self) -> float:
        return self._moment

    def sleep(self, seconds: float) -> None:
        raise RuntimeError(f"a plan from a file never waits ({seconds} s)")


class Remote:
    """GET answers {"now", "rate", "stepped"}; POST <url>/advance {"seconds"} moves a stepped one. The first tells the
    time; whoever sleeps, sleeps on all of them."""

    def __init__(self, *urls: str) -> None:
        self._urls = [url.rstrip("/") for url in urls]

    def now(self) -> float:
        return float(_ask("GET", self._urls[0])["now"])

    def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        slowest = 0.0
        for url in self._urls:
            state = _ask("GET", url)
            if state.get("stepped"):
                _ask("POST", url, "/advance", {"seconds": seconds})
            else:
                slowest = max(slowest, seconds / float(state["rate"]))
        time.sleep(slowest)


def _ask(method: str, url: str, path: str = "", body: dict[str, float] | None = None) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", call(method, f"{url}{path}", body))
    except (OSError, ValueError) as error:
        raise Problem(
            f"{VARIABLE}={url}: the clock does not answer ({type(error).__name__}); "
            f"start the local cloud (`cloudgw local up --detach`) or unset {VARIABLE}"
        ) from None


def call(method: str, url: str, body: object = None) -> Any:
    """One HTTP call to a local cloud, without proxies. Raises OSError or ValueError."""
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{url} is no http URL")
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=30)
    try:
        data = None if body is None else json.dumps(body).encode()
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, target, body=data, headers={"Content-Type": "application/json"} if data else {})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise ValueError(f"{url}: answered {answer.status}")
        return json.loads(text)
    except http.client.HTTPException as error:
        raise OSError(str(error)) from None
    finally:
        connection.close()
