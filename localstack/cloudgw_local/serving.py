"""The frame around every local cloud: control API, HTTP server, disputed facts, and the process that runs them.

The server module of each cloud gives its settings, its secrets and the cloud itself; its `__main__` calls `main`. It
must never know what a request means, and nothing here may print but the one line that says where a process answers.
"""

from __future__ import annotations

import argparse
import collections.abc
import contextlib
import importlib.resources
import json
import signal
import threading
from typing import Any, Protocol

import yaml

from cloudgw_local import clock, control, httpd, journal


class Cloud(control.Cloud, Protocol):
    """What a server module makes for its control API."""

    def answer(self, request: httpd.Request) -> httpd.Response | None: ...


class Running:
    """A local cloud that answers at `endpoint`; `control` is the control API without HTTP."""

    def __init__(self, endpoint: str, controls: control.Control) -> None:
        self.endpoint = endpoint
        self.control = controls


def beliefs(package: str, prefix: str, answers: collections.abc.Mapping[str, str]) -> dict[str, str]:
    """The disputed facts of the package's beliefs.yaml by id: the given answers where there are some, else the
    defaults. Raises ValueError for an answer to nothing, or one that is none of the values."""
    text = importlib.resources.files(package).joinpath("beliefs.yaml").read_text()
    rows = {row["id"]: row for row in yaml.safe_load(text) if row["id"].startswith(prefix)}
    for name, answer in answers.items():
        if name not in rows or not rows[name]["switch"]:
            raise ValueError(f"no belief {name!r} that can be answered otherwise")
        if answer not in map(str, rows[name]["values"]):
            raise ValueError(f"belief {name} is one of {rows[name]['values']}, not {answer!r}")
    return {name: answers.get(name, str(row["default"])) for name, row in rows.items()}


@contextlib.contextmanager
def serve(
    name: str,
    make: collections.abc.Callable[[control.Control], Cloud],
    *,
    settings: dict[str, Any],
    secrets: collections.abc.Collection[str],
    host: str,
    port: int,
    rate: float,
    stepped: bool,
) -> collections.abc.Iterator[Running]:
    """Serve on a thread until the context ends. Port 0 takes a free one."""
    log = journal.Journal(name, secrets)
    controls = control.Control(
        name, clock=clock.Clock(rate, stepped), journal=log, settings=settings, lock=threading.RLock()
    )
    cloud = make(controls)
    controls.attach(cloud)
    listening = httpd.Server(host, port, control=controls, answer=cloud.answer)
    listening.start()
    try:
        yield Running(listening.endpoint, controls)
    finally:
        listening.stop()


def main(
    name: str, title: str, serve_cloud: collections.abc.Callable[..., contextlib.AbstractContextManager[Running]]
) -> None:
    """The process of one cloud: prints one JSON line when it answers, and serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog=f"python -m cloudgw_local.{name}", description=f"A local {title} for tests.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, default=60.0, help="cloud seconds per wall second")
    parser.add_argument("--stepped", action="store_true", help="time moves only when the control API advances it")
    parser.add_argument("--belief", action="append", default=[], metavar="ID=VALUE", help="answer a disputed fact")
    options = parser.parse_args()
    answers = dict(text.split("=", 1) for text in options.belief)
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # waited for, not handled: a handler could meet a lock that it needs
    with serve_cloud(
        host=options.host, port=options.port, rate=options.rate, stepped=options.stepped, beliefs=answers
    ) as running:
        print(json.dumps({"cloud": name, "endpoint": running.endpoint}), flush=True)
        signal.sigwait(ends)
