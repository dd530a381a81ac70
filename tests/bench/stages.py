"""One `cloudgw plan` in a process of its own, with a watch on every stage: `python -m tests.bench.stages plan ...`.

`scripts/bench.py` starts it and reads the JSON that it writes, alone, to standard output. It runs the command that
people run, with watches laid around the functions that the command calls; so what is measured is what is shipped, and
the stages add up to the whole. `resolve FOLDER` measures one changed route instead. It must change nothing of what the
command does.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

KILOBYTES = 1024.0  # of a megabyte


class Watch:
    """CPU seconds by stage, without those of the stages inside, and the peak of memory when each ended."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = collections.defaultdict(float)
        self.megabytes: dict[str, float] = {}
        self._inside = [0.0]

    def lay(self, module: ModuleType, name: str, stage: str) -> None:
        """Around a function of a module, for everybody who calls it by way of the module."""
        function = getattr(module, name)

        @functools.wraps(function)
        def watched(*given: Any, **named: Any) -> Any:
            began = time.process_time()
            self._inside.append(0.0)
            try:
                return function(*given, **named)
            finally:
                took = time.process_time() - began
                self.seconds[stage] += took - self._inside.pop()
                self._inside[-1] += took
                self.megabytes[stage] = peak()

        setattr(module, name, watched)


def peak() -> float:
    """Megabytes of this process, at most, so far. Not what getrusage says, where the kernel knows better: that begins
    with the size of the process that started this one."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / KILOBYTES
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES


def plan(arguments: list[str]) -> int:
    from cloudgw import pipeline, wishes
    from cloudgw.cli import inventories, main, output, world
    from cloudgw.graph import diff
    from cloudgw.plan import check, render_json
    from cloudgw.routing import resolve
    from cloudgw.sources import manifests

    del world  # loaded, so that its imports are no stage's
    watch = Watch()
    for module, name, stage in (
        (manifests, "load", "read"),
        (resolve, "resolve", "resolve"),
        (wishes, "survey", "survey"),
        (inventories, "read", "read inventory"),
        (pipeline, "observe", "observe"),
        (wishes, "wishes", "facts and build"),
        (diff, "diff", "diff"),
        (check, "check", "check"),
        (pipeline, "plan_one", "plan"),
        (render_json, "document", "render"),
        (output, "show", "render"),
    ):
        watch.lay(module, name, stage)
    began = time.process_time()
    shown = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    code = main.main(["plan", *arguments])
    total = time.process_time()
    os.dup2(shown, 1)
    stages = dict(watch.seconds)
    stages["start"] = began
    stages["rest"] = total - sum(stages.values())
    peaks = {stage: round(megabytes) for stage, megabytes in watch.megabytes.items()}
    print(json.dumps({"code": code, "cpu": total, "stages": stages, "peak": round(peak()), "peaks": peaks}))
    return 0


def one_route(folder: str) -> int:
    """A route changes: everything anew, one Gateway with a new index, one Gateway with the index at hand."""
    from cloudgw import objects
    from cloudgw.routing import classes, index, resolve
    from cloudgw.sources import manifests

    gc.disable()  # as the command does
    snapshot = manifests.load([folder], complete=True).snapshot
    before = resolve.resolve(snapshot)
    routes = dict(snapshot.objects["HTTPRoute"])
    key = sorted(routes)[len(routes) // 2]
    route = routes[key]
    assert isinstance(route, objects.HTTPRoute)
    routes[key] = dataclasses.replace(route, hostnames=("changed.example.com",))
    changed = dataclasses.replace(snapshot, objects={**snapshot.objects, "HTTPRoute": routes})
    owner = (route.parents[0].namespace, route.parents[0].name)
    whole, after = _timed(lambda: resolve.resolve(changed))
    anew, only = _timed(lambda: resolve.resolve(changed, only={owner}))
    view = index.of(changed)
    gateway = changed.get(objects.Gateway, *owner)
    assert isinstance(gateway, objects.Gateway)
    ours = classes.ours(changed, gateway, objects.CONTROLLER_NAME, [])
    assert ours is not None
    alone, routing = _timed(lambda: resolve.gateway_routing(view, gateway, ours))
    assert [one for one in after.gateways if one.owner == routing.owner] == [routing] == list(only.gateways)
    differing = [one.owner for one, other in zip(after.gateways, before.gateways, strict=True) if one != other]
    assert differing == [routing.owner], differing
    print(json.dumps({"stages": {"all": whole, "one, new index": anew, "one, index at hand": alone}}))
    return 0


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Best of 3: CPU seconds, and what came of it."""
    found: list[float] = []
    result = None
    for _ in range(3):
        began = time.process_time()
        result = work()
        found.append(time.process_time() - began)
    return min(found), result


if __name__ == "__main__":
    sys.exit(plan(sys.argv[2:]) if sys.argv[1] == "plan" else one_route(sys.argv[2]))
