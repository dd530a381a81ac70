"""`cloudgw local cluster`: starts, stops and shows one local Kubernetes cluster, whose process does the work itself.

Found through the entry point group `cloudgw.local-cluster`; this module knows only how to start that process. Its state
file lies beside that of the local clouds, and the process keeps it locked while it runs: so the number in it is true as
long as the lock is held, and nobody else's process is ever ended.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

import cloudgw
from cloudgw import registry
from cloudgw.cli import local
from cloudgw.cli.problem import Problem
from cloudgw.provider import Failed

STOP_SECONDS = 60.0
START = "start it with `cloudgw local cluster up --detach`"


def run(options: argparse.Namespace) -> int:
    steps = {"up": _up, "down": _down, "status": _status, "env": _env}
    return steps[options.step](options)


def state_path() -> str:
    return f"{os.path.splitext(local.state_path())[0]}-cluster.json"


def _state() -> dict[str, Any] | None:
    """What the running process says of itself; {} while it starts; None when none runs."""
    try:
        with open(state_path(), encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                found = json.loads(stream.read() or "{}")
                return found if isinstance(found, dict) else {}
    except (FileNotFoundError, ValueError):
        pass
    return None


def _up(options: argparse.Namespace) -> int:
    state = _state()
    if state is not None:
        print(f"cluster: already running at {state['url']}" if "url" in state else "cluster: is being started already")
        return local.RUNNING
    try:
        launch = registry.local_cluster()
    except Failed as failed:
        raise Problem(f"cluster: {failed}") from None
    os.makedirs(os.path.dirname(state_path()) or ".", exist_ok=True)
    log = f"{os.path.splitext(state_path())[0]}.log"
    command = launch.command(
        state_path(),
        channel=options.channel,
        pods=not options.no_pods,
        crds=() if options.no_crds else _crds(),
        attached=not options.detach,
    )
    with open(log, "w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        _show(_ready(process, log))
        if options.detach:
            print('point clients at it with: eval "$(cloudgw local cluster env)"')
            return local.RUNNING
        print("running until Ctrl-C", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            process.wait()
    except BaseException:
        _end(process)
        raise
    _end(process)
    return local.RUNNING


def _ready(process: subprocess.Popen[str], log: str) -> dict[str, Any]:
    """What it says when it is ready; until then its progress is shown."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            found: dict[str, Any] = json.loads(line)
            return found
        print(line.rstrip(), file=sys.stderr, flush=True)
    process.wait()
    with open(log, encoding="utf-8") as stream:
        said = stream.read().strip()
    raise Problem(f"cluster: did not start: {said or f'its process ended with code {process.returncode}'}")


def _show(state: dict[str, Any]) -> None:
    print(f"cluster: ready at {state['url']} in {state['seconds']} s ({_what(state)})", flush=True)
    if state["why_no_pods"]:
        print(f"cluster: without pods: {state['why_no_pods']}", flush=True)


def _what(state: dict[str, Any]) -> str:
    nodes = f"pods on {', '.join(state['nodes'])}" if state["nodes"] else "no pods"
    return f"Kubernetes {state['kubernetes']}, Gateway API {state['gateway_api']}, {nodes}"


def _end(process: subprocess.Popen[str]) -> None:
    """Politely: it has pods to end and files to remove."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _down(_: argparse.Namespace) -> int:
    state = _state()
    if state is None:
        left = os.path.exists(state_path())
        _remove()
        print("cluster: was not running any more" if left else "no local cluster runs")
        return local.RUNNING
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, KeyError):
            os.kill(state["pid"], number)
        end = time.monotonic() + STOP_SECONDS
        while _state() is not None and time.monotonic() < end:
            time.sleep(0.05)
        if _state() is None:
            _remove()
            print("cluster: stopped")
            return local.RUNNING
    raise Problem(f"cluster: process {state.get('pid')} does not end; end it yourself, then run this again")


def _remove() -> None:
    """What a killed process left behind, and the log of one that ended."""
    base = os.path.splitext(state_path())[0]
    shutil.rmtree(base, ignore_errors=True)
    for path in (state_path(), f"{base}.log"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


def _status(_: argparse.Namespace) -> int:
    state = _state()
    if state is None:
        print("cluster: not running")
        return local.NOT_RUNNING
    print(f"cluster: running at {state['url']} ({_what(state)})" if "url" in state else "cluster: is being started")
    return local.RUNNING if "url" in state else local.NOT_RUNNING


def _env(options: argparse.Namespace) -> int:
    state = _state()
    if state is None or "url" not in state:
        raise Problem(f"no local cluster runs; {START}" if state is None else "cluster: is being started; ask again")
    try:
        variables: dict[str, str] = registry.local_cluster().env(state)
    except Failed as failed:
        raise Problem(str(failed)) from None
    if options.output == "json":
        print(json.dumps(variables, indent=2, sort_keys=True))
        return local.RUNNING
    for name, value in sorted(variables.items()):
        print(f"export {name}={shlex.quote(value)}")
    return local.RUNNING


def _crds() -> list[str]:
    """Our own CRDs: beside the package in a checkout, inside of it when it is installed."""
    package = pathlib.Path(cloudgw.__file__).parent
    return [str(folder) for folder in (package / "crds", package.parent / "crds") if folder.is_dir()][:1]
