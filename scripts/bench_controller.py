"""`bench_controller.py [--record] [--gateways N]`: what a large cluster costs the controller; `make bench-controller`.

A real API server with 200 Gateways, 5,000 HTTPRoutes and 10,000 EndpointSlices, the local AWS over HTTP with a clock
that runs as ours, and `cloudgw controller` as a process. Measured are its start, its memory, the way of one changed pod
and one changed route into the cloud, and what it asks for while nothing happens. It fails where pods need longer than
the goal. --record writes `docs/reference/bench-controller.{json,md}`. It must never measure a controller that is told
that it is being measured, nor scale a figure.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # in place of this folder, whose modules are nobody's to import

from cloudgw_local.aws import world as aws  # noqa: E402
from cloudgw_local.cluster import cluster  # noqa: E402
from scripts import bench_controller_table as table  # noqa: E402
from scripts import bench_controller_world as world  # noqa: E402
from tests.controller import stage as stages  # noqa: E402

RECORD = ROOT / "docs" / "reference" / "bench-controller.json"
GATEWAYS = 200
SAMPLES = 120  # of pods, and of routes
GOAL = 2.0  # seconds from a pod's change to RegisterTargets, p99
RESYNC = 300  # seconds; the controller's default is 600
PATIENCE = 1500.0
QUIET = 12.0  # seconds without a call of the cloud's API
CHECKED = 75.0  # of them after a change: what only concerned pods is looked at again after a minute
Figures = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--record", action="store_true")
    options.add_argument("--gateways", type=int, default=GATEWAYS)
    options.add_argument("--samples", type=int, default=SAMPLES)
    options.add_argument("--rest", type=int, default=RESYNC)
    options.add_argument("--keep", action="store_true", help="leave the logs")
    given = options.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="cloudgw-bench-"))
    found = measure(folder, world.Size(given.gateways), given.samples, given.rest)
    print(table.text(found))
    if given.keep:
        print(f"logs: {folder}")
    if given.record:
        RECORD.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        RECORD.with_suffix(".md").write_text(table.text(found), encoding="utf-8")
    slow = found["pods"]["p99"]
    if slow > GOAL:
        print(f"a pod's change needed {slow:.2f} s until RegisterTargets (p99), the goal is {GOAL} s", file=sys.stderr)
    return 1 if slow > GOAL else 0


def measure(folder: Path, size: world.Size, samples: int, rest: int) -> Figures:
    running = cluster.start(folder / "cluster", crds=[ROOT / "crds"])
    try:
        with stages.stage(running, folder, ()) as stage:
            stage.clouds["aws"] = stages.cloud("aws", folder, rate=1.0)
            return Bench(stage, size, rest).run(samples)
    finally:
        running.stop()


class Bench:
    """One run. Steps are told to standard error as they end."""

    def __init__(self, stage: stages.Stage, size: world.Size, rest: int) -> None:
        self.stage, self.size, self.rest = stage, size, rest
        self.cloud = stage.clouds["aws"]
        self.random = random.Random(7)

    def run(self, samples: int) -> Figures:
        self.cloud.ask("POST", "settings", {"load_balancer_quota": 1000, "security_group_rule_quota": 1000})
        began = time.monotonic()
        self.populate()
        say(f"created in {time.monotonic() - began:.0f} s")
        first, _ = self.first()
        again, controller = self.again()
        pods = self.samples(controller, samples, self.change_pod, "RegisterTargets")
        say(f"pods: {pods}")
        routes = self.samples(controller, samples, self.change_route, "")
        say(f"routes: {routes}")
        resting = self.resting(controller)
        controller.stop()
        return {
            "date": time.strftime("%Y-%m-%d"),
            "machine": table.machine(),
            "world": {"gateways": self.size.gateways, "routes": self.size.routes, "slices": self.size.slices,
                      "services": self.size.services, "elements": self.standing()},
            "goal": GOAL,
            "first": first,
            "again": again,
            "pods": pods,
            "routes": routes,
            "rest": resting,
        }  # fmt: skip

    # The world

    def populate(self) -> None:
        every = range(self.size.gateways)
        self.stage.apply(*world.shared(aws.REGION, aws.VPC, aws.PODS))
        namespace: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace"}
        self.create({**namespace, "metadata": {"name": name}} for name in ("kube-system", *map(world.namespace, every)))
        self.create(item for number in every for item in world.team(number))
        self.create(world.gateway(number) for number in every)

    def create(self, items: Iterable[world.Object]) -> None:
        def one(item: world.Object) -> None:
            path = self.stage.cluster.path_of(item, collection=True)
            status, answer = self.stage.cluster.request("POST", path, item)
            assert status in (201, 409), answer

        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            for _ in threads.map(one, items):
                pass

    def standing(self) -> Mapping[str, int]:
        kinds = ("load_balancers", "listeners", "rules", "target_groups", "security_rules")
        found = self.cloud.dump()
        targets = sum(len(group["targets"]) for group in found["target_groups"])
        return {**{kind: len(found[kind]) for kind in kinds}, "targets": targets}

    # Starts

    def start(self) -> tuple[stages.Controller, float, float]:
        """(the process, seconds until its caches were full, megabytes then). With the real clock, as in a cluster."""
        began = time.monotonic()
        controller = self.stage.start("--resync", str(RESYNC), "--no-throttle", env={"CLOUDGW_CLOCK": ""})
        controller.wait_ready(120)
        return controller, round(time.monotonic() - began, 2), memory(controller.process.pid, "VmRSS")

    def first(self) -> tuple[Figures, stages.Controller]:
        """Nothing stands in the cloud yet; until every Gateway is programmed."""
        controller, synced, after_sync = self.start()
        began, used = time.monotonic(), self.used(controller)
        stages.until(self.all_programmed, "every Gateway is programmed", PATIENCE, 2.0)
        took, spent = time.monotonic() - began, self.used(controller)
        self.quiet(controller)
        calls = self.calls(0)
        found = {
            "synced": synced,
            "megabytes after sync": after_sync,
            "programmed": round(took, 1),
            "cpu": {name: round(spent[name] - used[name], 1) for name in spent},
            "megabytes at most": memory(controller.process.pid, "VmHWM"),
            **counted(calls),
        }
        say(f"first: {found}")
        controller.stop()
        return found, controller

    def again(self) -> tuple[Figures, stages.Controller]:
        """Everything stands; until everything was looked at once."""
        mark, began = self.cloud.mark(), time.monotonic()
        controller, synced, after_sync = self.start()
        self.quiet(controller)
        done = time.monotonic() - QUIET - began
        found = {
            "synced": synced,
            "megabytes after sync": after_sync,
            "looked at everything": round(done, 1),
            "megabytes": memory(controller.process.pid, "VmRSS"),
            **counted(self.calls(mark)),
        }
        say(f"again: {found}")
        return found, controller

    def all_programmed(self) -> bool:
        _, answer = self.stage.cluster.request("GET", "/apis/gateway.networking.k8s.io/v1/gateways")
        found = [one for one in answer["items"] if stages.condition(one, "Programmed").get("status") == "True"]
        return len(found) == self.size.gateways

    def quiet(self, controller: stages.Controller, seconds: float = QUIET) -> None:
        """Every Gateway was looked at, and for so many seconds nobody called the cloud."""

        def looked() -> bool:
            return controller.metric("controller_runtime_reconcile_total") >= self.size.gateways

        stages.until(looked, "every Gateway was looked at", PATIENCE, 1.0)
        mark, since = self.cloud.mark(), time.monotonic()
        end = since + PATIENCE
        while time.monotonic() - since < seconds:
            time.sleep(1.0)
            newest = max((one["sequence"] for one in self.cloud.journal(mark)), default=mark)
            if newest != mark:
                mark, since = newest, time.monotonic()
            if since > end:
                raise stages.Impatient("the controller calls the cloud without an end")

    # Changes

    def samples(
        self, controller: stages.Controller, count: int, change: Callable[[int], str], operation: str
    ) -> Figures:
        """Changes, one a second. Seconds from the API server's answer to the arrival of the call at the cloud."""
        mark, ahead = self.cloud.mark(), self.ahead()
        asked: dict[str, float] = {}
        for number in range(count):
            word = change(number)
            asked[word] = time.time()
            time.sleep(self.random.uniform(0.5, 1.5))
        arrived: dict[str, float] = {}

        def all_arrived() -> bool:
            for entry in self.cloud.journal(mark):
                if not entry["write"] or (operation and entry["operation"] != operation):
                    continue
                said = json.dumps(entry["parameters"])
                for word in asked.keys() - arrived.keys():
                    if word in said:
                        arrived[word] = entry["time"] - ahead
            return len(arrived) == count

        stages.until(all_arrived, "every change reached the cloud", 120, 2.0)
        took = sorted(arrived[word] - asked[word] for word in asked)
        self.quiet(controller, CHECKED)
        return {"samples": count, "p50": at(took, 0.5), "p90": at(took, 0.9), "p99": at(took, 0.99),
                "longest": at(took, 1.0), **counted(self.calls(mark))}  # fmt: skip

    def ahead(self) -> float:
        """Seconds by which the cloud's clock is before ours; the quickest of many questions."""
        found = []
        for _ in range(30):
            before = time.time()
            now = float(self.cloud.ask("GET", "clock")["now"])
            after = time.time()
            found.append((after - before, now - (before + after) / 2))
        return min(found)[1]

    def change_pod(self, number: int) -> str:
        """One of three pods of a slice is replaced by a new one."""
        team, service, fresh = number * 7 % self.size.gateways, number % world.SERVICES, world.spare(number)
        pods = [world.address(team, service, 0, pod) for pod in range(world.PODS - 1)]
        where = ("discovery.k8s.io/v1", "EndpointSlice", world.namespace(team), f"app-{service}-0")
        self.stage.patch(*where, {"endpoints": world.endpoints([*pods, fresh])})
        return f'"{fresh}"'

    def change_route(self, number: int) -> str:
        """The path of one rule."""
        team, route, version = number * 7 % self.size.gateways, number % world.ROUTES, f"c{number}"
        where = (world.API, "HTTPRoute", world.namespace(team), f"route-{route}")
        self.stage.patch(*where, {"spec": {"rules": world.rules(route, version)}})
        return f'"/v{version}"'

    # Rest

    def resting(self, controller: stages.Controller) -> Figures:
        """While nothing happens; one resync falls into it when it is as long as RESYNC."""
        say(f"rests for {self.rest} s")
        mark, api, used = self.cloud.mark(), requests(controller), self.used(controller)
        time.sleep(self.rest)
        spent, asked = self.used(controller), requests(controller)
        minutes = self.rest / 60
        found = counted(self.calls(mark))
        return {
            "seconds": self.rest,
            "resync": RESYNC,
            "cloud reads a minute": round(found["reads"] / minutes, 1),
            "cloud writes": found["writes"],
            "API requests a minute": {name: round((asked[name] - api[name]) / minutes, 1) for name in asked},
            "cores": round((spent["controller"] - used["controller"]) / self.rest, 3),
            "megabytes": memory(controller.process.pid, "VmRSS"),
            "calls": found["calls"],
        }

    # What is read

    def calls(self, mark: int) -> collections.Counter[str]:
        return collections.Counter(f"{one['service']} {one['operation']}" for one in self.cloud.journal(mark))

    def used(self, controller: stages.Controller) -> dict[str, float]:
        """CPU seconds of every process."""
        parts = self.stage.cluster.parts
        found = {name: part.process.pid for name, part in parts.items()}
        found |= {"controller": controller.process.pid, "local AWS": self.cloud.process.pid}
        return {name: cpu(pid) for name, pid in found.items()}


def counted(calls: collections.Counter[str]) -> Figures:
    """Calls, and how long AWS's own limits would make them take."""
    reads = {call: count for call, count in calls.items() if world.is_read(call)}
    seconds, bucket = world.bound(calls)
    return {"reads": sum(reads.values()), "writes": calls.total() - sum(reads.values()), "bound": seconds,
            "bucket": bucket, "calls": dict(calls.most_common())}  # fmt: skip


def requests(controller: stages.Controller) -> dict[str, float]:
    methods = ("GET", "WATCH", "PUT", "PATCH", "POST", "DELETE")
    return {method: controller.metric("rest_client_requests_total", method=method) for method in methods}


def at(numbers: Sequence[float], part: float) -> float:
    """The smallest that `part` of all do not exceed. numbers: sorted."""
    index = max(0, min(len(numbers) - 1, -(-int(part * len(numbers) * 1000) // 1000) - 1))
    return round(numbers[index], 3)


def memory(pid: int, name: str) -> int:
    """Megabytes of a process: VmRSS now, VmHWM at most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return round(int(line.split()[1]) / 1024)
    return 0


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
