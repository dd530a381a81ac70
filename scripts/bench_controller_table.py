"""The figures of `make bench-controller` for people. Pure but for the name of the processor."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Figures = Mapping[str, Any]


def machine() -> dict[str, Any]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    load = os.getloadavg()[0]
    return {
        "cpu": next(named, platform.machine()),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load before": round(load, 1),
    }


def text(found: Figures) -> str:
    size, about, first, again, rest = (found[key] for key in ("world", "machine", "first", "again", "rest"))
    cpu = ", ".join(f"{name} {seconds:.0f}" for name, seconds in sorted(first["cpu"].items(), key=lambda one: -one[1]))
    lines = [
        "# What a large cluster costs the controller",
        "",
        "<!-- written by `make bench-controller RECORD=1` from docs/reference/bench-controller.json -->",
        "",
        f"A real API server with {size['gateways']:,} Gateways, {size['routes']:,} HTTPRoutes, {size['services']:,} "
        f"Services and {size['slices']:,} EndpointSlices; {_elements(size['elements'])} at AWS, which is the local one "
        "over HTTP, its quotas raised, its clock as fast as ours, called with `--no-throttle`. API server, etcd, "
        f"local AWS, controller and this measurement share {about['cores']} cores of {about['cpu']}; Python "
        f"{about['python']}, {found['date']}, load {about['load before']} before it began.",
        "",
        "*At AWS* is how long AWS's own limits make these calls take, however fast the client is: token buckets of "
        "capacity c and refill r give n calls in (n - c) / r seconds "
        "([Elastic Load Balancing](https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/"
        "elb-api-throttling.html), [EC2](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/throttling.html)).",
        "",
        "| | measured | reads | writes | at AWS at least |",
        "|---|---:|---:|---:|---:|",
        f"| caches full after a start | {again['synced']:.1f} s | | | |",
        f"| everything created, from nothing | {first['programmed']:.0f} s {_calls(first)}",
        f"| everything looked at after a restart | {again['looked at everything']:.0f} s {_calls(again)}",
        "",
        "| memory, MB | |",
        "|---|---:|",
        f"| when the caches are full | {again['megabytes after sync']} |",
        f"| when everything was looked at | {again['megabytes']} |",
        f"| at most, while everything is created | {first['megabytes at most']} |",
        f"| after all changes below | {rest['megabytes']} |",
        "",
        f"CPU seconds of the creation: {cpu}.",
        "",
        "| one change a second, seconds | p50 | p90 | p99 | longest | samples | reads | writes | at AWS at least |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        f"| a pod of an EndpointSlice to RegisterTargets {_took(found['pods'])}",
        f"| an HTTPRoute to the first call that writes {_took(found['routes'])}",
        "",
        "From the API server's answer to the writer until the call arrives at the cloud. The goal for pods is "
        f"{found['goal']:.0f} s (p99). Changes go round all Gateways; of the calls "
        "also those are counted with which it looks at its work a minute later.",
        "",
        f"At rest, {rest['seconds']} s with a look at everything each {rest['resync']} s (default: 600 s): "
        f"{rest['cloud reads a minute']:.0f} reads a minute of AWS, {rest['cloud writes']} writes, "
        f"{_requests(rest['API requests a minute'])} of the API server a minute, {rest['cores']:.3f} cores.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _elements(found: Mapping[str, int]) -> str:
    *most, last = [f"{count:,} {kind.replace('_', ' ')}" for kind, count in found.items()]
    return f"{', '.join(most)} and {last}"


def _calls(found: Figures) -> str:
    return f"| {found['reads']:,} | {found['writes']:,} | {found['bound']:.0f} s ({found['bucket']}) |"


def _took(found: Figures) -> str:
    cells = [f"{found[key]:.2f}" for key in ("p50", "p90", "p99", "longest")]
    return f"| {' | '.join(cells)} | {found['samples']} {_calls(found)}"


def _requests(found: Mapping[str, float]) -> str:
    return ", ".join(f"{count:.0f} {method}" for method, count in found.items() if count)
