"""`cloudgw local`: starts, stops and shows local clouds; the state file remembers their processes and endpoints.

Clouds are found through the entry point group `cloudgw.local`; this module knows none by name. The state file is
CLOUDGW_LOCAL_STATE, else local.json below XDG_STATE_HOME (or ~/.local/state). A process is only ended when it answers
as the cloud that was started: a number alone could be anybody's by now.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from cloudgw import registry
from cloudgw.cli import clock, output
from cloudgw.cli.problem import Problem
from cloudgw.provider import Failed

STATE = "CLOUDGW_LOCAL_STATE"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
START = "start it with `cloudgw local up --detach`"
RUNNING, NOT_RUNNING = 0, 1


def run(options: argparse.Namespace) -> int:
    if options.action == "cluster":
        from cloudgw.cli import local_cluster

        return local_cluster.run(options)
    actions = {"up": _up, "down": _down, "status": _status, "env": _env, "journal": _journal}
    return actions[options.action](options)


def state_path() -> str:
    given = os.environ.get(STATE)
    if given:
        return given
    home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(home, "cloudgw", "local.json")


def _read() -> dict[str, dict[str, Any]]:
    """Cloud name -> {"pid", "endpoint"}."""
    try:
        with open(state_path(), encoding="utf-8") as stream:
            found = json.load(stream)
        return {str(name): {"pid": int(item["pid"]), "endpoint": str(item["endpoint"])} for name, item in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Problem(f"{state_path()}: is no state of `cloudgw local`; remove the file") from None


def _write(state: dict[str, dict[str, Any]]) -> None:
    path = state_path()
    if not state:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
        return
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    output.save(f"{path}.new", json.dumps(state, indent=1, sort_keys=True) + "\n", STATE)
    os.replace(f"{path}.new", path)


def _answers(name: str, endpoint: str) -> bool:
    try:
        return bool(clock.call("GET", f"{endpoint}/_cloudgw/ready").get("cloud") == name)
    except (OSError, ValueError, AttributeError):
        return False


def _running() -> dict[str, dict[str, Any]]:
    return {name: item for name, item in _read().items() if _answers(name, item["endpoint"])}


def _up(options: argparse.Namespace) -> int:
    wanted = list(dict.fromkeys(options.cloud)) or list(registry.local_names())
    if not wanted:
        raise Problem("no local cloud is installed; install them with: pip install 'cloudgw[local]'")
    state = _running()
    started: dict[str, subprocess.Popen[str]] = {}
    try:
        for name in wanted:
            if name in state:
                print(f"{name}: already running at {state[name]['endpoint']}")
                continue
            process, endpoint = _start(name, options)
            started[name] = process
            state[name] = {"pid": process.pid, "endpoint": endpoint}
            _write(state)
            print(f"{name}: ready at {endpoint}", flush=True)
        if options.detach:
            print('point clients at it with: eval "$(cloudgw local env)"')
            return RUNNING
        if started:
            print("running until Ctrl-C", flush=True)
            _stay(started)
    except BaseException:
        _end(started)
        raise
    _end(started)
    return RUNNING


def _start(name: str, options: argparse.Namespace) -> tuple[subprocess.Popen[str], str]:
    """The process and the endpoint that it says it answers at."""
    try:
        cloud = registry.local(name)
    except Failed as failed:
        raise Problem(f"--cloud {name}: {failed}") from None
    os.makedirs(os.path.dirname(state_path()) or ".", exist_ok=True)
    log = f"{os.path.splitext(state_path())[0]}-{name}.log"
    with open(log, "w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            cloud.command(0, options.rate or 60.0, options.stepped),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    assert process.stdout is not None
    timer = _Deadline(process)
    line = process.stdout.readline()
    timer.cancel()
    try:
        return process, str(json.loads(line)["endpoint"])
    except (ValueError, KeyError, TypeError):
        process.kill()
        process.wait()
        raise Problem(
            f"{name}: did not start; its log is {log}; "
            "if a module is missing, install it with: pip install 'cloudgw[local]'"
        ) from None


class _Deadline:
    """Kills a process that does not say in time where it answers, so that reading its line ends."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        import threading

        self._timer = threading.Timer(START_SECONDS, process.kill)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()


def _stay(started: dict[str, subprocess.Popen[str]]) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        while all(process.poll() is None for process in started.values()):
            time.sleep(0.5)


def _end(started: dict[str, subprocess.Popen[str]]) -> None:
    if not started:
        return
    for process in started.values():
        if process.poll() is None:
            process.terminate()
    for process in started.values():
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    _write({name: item for name, item in _read().items() if name not in started})


def _down(_: argparse.Namespace) -> int:
    state = _read()
    if not state:
        print("no local cloud runs")
        return RUNNING
    for name, item in sorted(state.items()):
        if not _answers(name, item["endpoint"]):
            print(f"{name}: was not running any more")
            continue
        for number in (signal.SIGTERM, signal.SIGKILL):  # it keeps nothing: being killed harms nobody
            with contextlib.suppress(ProcessLookupError):
                os.kill(item["pid"], number)
            end = time.monotonic() + STOP_SECONDS
            while (answers := _answers(name, item["endpoint"])) and time.monotonic() < end:
                time.sleep(0.05)
            if not answers:
                break
        else:
            raise Problem(f"{name}: process {item['pid']} does not end; end it yourself, then run this again")
        print(f"{name}: stopped")
    _write({})
    return RUNNING


def _status(_: argparse.Namespace) -> int:
    running = _running()
    for name in sorted({*registry.local_names(), *running}):
        print(f"{name}: running at {running[name]['endpoint']}" if name in running else f"{name}: not running")
    return RUNNING if running else NOT_RUNNING


def _needed() -> dict[str, dict[str, Any]]:
    running = _running()
    if not running:
        raise Problem(f"no local cloud runs; {START}")
    return running


def _env(options: argparse.Namespace) -> int:
    found: dict[str, dict[str, Any]] = {}
    for name, item in sorted(_needed().items()):
        try:
            variables = registry.local(name).env(item["endpoint"])
        except Failed as failed:
            raise Problem(str(failed)) from None
        found[name] = {"endpoint": item["endpoint"], "env": variables}
    if options.output == "json":
        print(json.dumps(found, indent=2, sort_keys=True))
        return RUNNING
    for variable, value in sorted(_together(item["env"] for item in found.values()).items()):
        print(f"export {variable}={shlex.quote(value)}")
    return RUNNING


def _together(environments: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """One environment for all clouds: each has variables of its own, but all of them have a clock."""
    found: dict[str, str] = {}
    for environment in environments:
        clocks = [one[clock.VARIABLE] for one in (found, environment) if clock.VARIABLE in one]
        found |= environment
        if clocks:
            found[clock.VARIABLE] = " ".join(clocks)
    return found


def _journal(options: argparse.Namespace) -> int:
    calls: list[dict[str, Any]] = []
    keys = ("sequence", "cloud", "operation", "write", "parameters", "outcome")
    for name, item in sorted(_needed().items()):
        try:
            answer = clock.call("GET", f"{item['endpoint']}/_cloudgw/journal?since={options.since}")
        except (OSError, ValueError) as error:
            raise Problem(f"{name}: its journal was not answered ({error}); {START}") from None
        calls += [{key: call[key] for key in keys} for call in answer]
    if options.output == "json":
        json.dump(calls, sys.stdout, indent=1, sort_keys=True)
        print()
        return RUNNING
    for call in calls:
        mark = "write" if call["write"] else "read"
        print(f"{call['sequence']:>6}  {call['cloud']}  {mark:<5}  {call['operation']}  {call['outcome']}")
    return RUNNING
