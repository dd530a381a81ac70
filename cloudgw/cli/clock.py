"""The clock that a command measures and sleeps by: the real one, or the one that CLOUDGW_CLOCK names (a local cloud's).

`world` makes one per command and hands it to `pipeline`. A local clock runs faster than ours, so that a wait of
minutes takes seconds, or stands still until somebody moves it: then sleeping moves it. A clock that does not answer is
a Problem, never a silent change to the real one.
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
    url = os.environ.get(VARIABLE, "")
    return Remote(url) if url else Real()


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
    """GET answers {"now", "rate", "stepped"}; POST <url>/advance {"seconds"} moves a stepped one."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def now(self) -> float:
        return float(self._ask("GET", "")["now"])

    def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        state = self._ask("GET", "")
        if state.get("stepped"):
            self._ask("POST", "/advance", {"seconds": seconds})
        else:
            time.sleep(seconds / float(state["rate"]))

    def _ask(self, method: str, path: str, body: dict[str, float] | None = None) -> dict[str, Any]:
        try:
            return cast("dict[str, Any]", call(method, f"{self._url}{path}", body))
        except (OSError, ValueError) as error:
            raise Problem(
                f"{VARIABLE}={self._url}: the clock does not answer ({type(error).__name__}); "
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
