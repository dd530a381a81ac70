"""Other people's programs as processes of this machine: where they come from, and how they are run and ended.

Called by the tests beside it, and by hand to build all of them: `python -m tests.beside.programs`. A program is a Go
tool of `cloudgw_local.cluster.build`, started with the kubeconfig of the test cluster. Its log is kept, for a test
reads what it said. This module must never end a process but its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cloudgw_local.cluster import build

TOOLS = (build.FLAGGER, build.PROMTOOL, build.EXTERNAL_DNS, build.CERT_MANAGER)
LOCAL = {"GOTOOLCHAIN": "local", "GOWORK": "off"}


def module(tools: Path, name: str) -> Path:
    """The source of a module that a tool is built from, with whatever files come with it; checked against go.sum."""
    command = [build.go(tools), "mod", "download", "-json", name]
    shown = subprocess.run(command, cwd=tools, check=True, capture_output=True, text=True, env={**os.environ, **LOCAL})
    return Path(json.loads(shown.stdout)["Dir"])


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process for as long as the block runs; what it writes stands in `log`."""
    with (
        open(log, "wb") as stream,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    for one in TOOLS:
        try:
            print(build.tools(one))
        except build.BuildError as problem:
            print(f"{one.name}: {problem}; its tests are skipped, and fail in CI", file=sys.stderr)
