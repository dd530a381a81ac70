"""`bench.py [--record]`: how long `cloudgw plan` takes for 10,000 HTTPRoutes, and in how much memory; by `make bench`.

The world of `tests/bench/world.py`, as YAML and as JSON lists, is planned against the inventory that it would have once
applied, each time in a fresh process. Best of 3 by CPU seconds. It fails where that is more than 1.5 times the record
in `docs/reference/bench.json`, scaled by how fast a small loop runs here and ran there, so that a slower machine is no
slower program. --record writes the record anew. It must never measure anything but the command that is shipped.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # in place of this folder, whose modules are nobody's to import

from tests.bench import recording, world  # noqa: E402

RECORD = ROOT / "docs" / "reference" / "bench.json"
TABLE = ROOT / "docs" / "reference" / "bench.md"
RUNS = 3
FACTOR = 1.5
SHARE = 20  # one changed route must cost less than this part of resolving everything
GOALS = {"yaml": 6.0, "json": 3.0}  # CPU seconds
GOAL_MEGABYTES = 600
HOW = (
    "make bench RECORD=1 writes this file; make bench compares with it. Best of 3 by CPU seconds of the whole process, "
    "from the start of the interpreter to its end, each in a fresh process. It fails where the CPU seconds are more "
    "than 1.5 times those here, times calibration there / calibration here. calibration: CPU seconds of a pure Python "
    "loop (scripts/bench.py, calibrate), the best of many. stages: CPU seconds without those of the stages inside. "
    "peaks: megabytes of the process, at most, when the stage had ended. wall is shown and compared with nothing. "
    "inventory: what a listing would show once everything was applied, made by the kinds' own commits against a "
    "recorder (tests/bench/recording.py), so that the plan has nothing to change; every field of every element is "
    "compared. one changed route: CPU seconds of resolving, in one process; the results are compared."
)
Figures = dict[str, Any]


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--record"]):
        print("usage: bench.py [--record]", file=sys.stderr)
        return 64
    with tempfile.TemporaryDirectory(prefix="cloudgw-bench-") as made:
        found = measure(Path(made))
    show(found)
    if arguments:
        RECORD.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        TABLE.write_text(table(found), encoding="utf-8")
        print(f"written: {RECORD.relative_to(ROOT)}, {TABLE.relative_to(ROOT)}")
        return 0
    problems = compare(found, json.loads(RECORD.read_text(encoding="utf-8")))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def measure(folder: Path) -> Figures:
    began = time.monotonic()
    size = {form: prepare(folder, form) for form in GOALS}
    elements = inventory(folder)
    print(f"prepared in {time.monotonic() - began:.0f} s", flush=True)
    fastest = calibrate()
    runs: dict[str, list[Figures]] = {form: [] for form in GOALS}
    for _ in range(RUNS):
        for form, kept in runs.items():
            options = ["-f", form, "--complete", "--owner", world.OWNER, "--inventory", "inventory.json"]
            kept.append(process(folder, "plan", *options))
            assert kept[-1].pop("code") == 0, "the plan against the recorded inventory is not empty"
            fastest = min(fastest, calibrate())
    one = process(folder, "resolve", "json")
    return {
        "how": HOW,
        "date": time.strftime("%Y-%m-%d"),
        "machine": {"cpu": processor(), "cores": os.cpu_count(), "python": platform.python_version()},
        "calibration": round(min(fastest, calibrate()), 4),
        "goals": {"cpu": GOALS, "megabytes": GOAL_MEGABYTES},
        "world": {
            "gateways": world.GATEWAYS,
            "routes": world.GATEWAYS * world.ROUTES,
            "services": world.GATEWAYS * world.SERVICES,
            "files": world.GATEWAYS + len(world.CLASSES),
            "elements": elements,
            "megabytes": size,
        },
        "plan": {form: min(kept, key=lambda run: float(run["cpu"])) for form, kept in runs.items()},
        "one changed route": one["stages"],
    }


def prepare(folder: Path, form: str) -> float:
    """Writes the files; answers their megabytes."""
    world.write(folder / form, form)
    return round(sum(file.stat().st_size for file in (folder / form).iterdir()) / 1e6, 1)


def inventory(folder: Path) -> int:
    """Writes the recorded inventory; answers how many elements it shows."""
    from cloudgw import pipeline, registry
    from cloudgw.cli import inventories
    from cloudgw.sources import collector, manifests

    with collector.paused():
        found = recording.inventory(manifests.load([str(folder / "json")], complete=True).snapshot)
        (folder / "inventory.json").write_text(inventories.dump([found]), encoding="utf-8")
        observed = pipeline.observe(registry.provider(found.placement.provider), found, world.OWNER)
        return sum(len(incarnations) for incarnations in observed.elements.values())


def process(folder: Path, *arguments: str) -> Figures:
    """One measured process: its own figures, with the CPU and wall seconds of the whole of it."""
    before, began = children(), time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.bench.stages", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: Figures = json.loads(done.stdout)
    wall, cpu = time.monotonic() - began, children() - before
    if "cpu" in found:
        found["stages"]["end"] = cpu - found["cpu"]
    rounded = {"cpu": round(cpu, 2), "wall": round(wall, 2)}
    stages = {stage: round(seconds, 3) for stage, seconds in found["stages"].items()}
    return {**{key: value for key, value in found.items() if key not in rounded}, **rounded, "stages": stages}


def children() -> float:
    """CPU seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def calibrate() -> float:
    """CPU seconds of a loop of plain Python: what this machine is worth now. Best of 5."""
    found = []
    for _ in range(5):
        began = time.process_time()
        counts: dict[int, int] = {}
        for number in range(1_000_000):
            key = number * 7919 % 1000
            counts[key] = counts.get(key, 0) + 1
        found.append(time.process_time() - began)
    return min(found)


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def compare(found: Figures, record: Figures) -> list[str]:
    """What is too slow, in words."""
    scale = found["calibration"] / record["calibration"]
    problems = []
    for form, run in found["plan"].items():
        allowed = FACTOR * record["plan"][form]["cpu"] * scale
        print(f"{form}: {run['cpu']:.2f} s of CPU, {allowed:.2f} s allowed (this machine counts {scale:.2f} times)")
        if run["cpu"] > allowed:
            slower = max(run["stages"], key=lambda stage: _growth(stage, run, record["plan"][form], scale))
            problems.append(
                f"plan of {form}: {run['cpu']:.2f} s of CPU, more than {allowed:.2f} s; {slower} grew most: make it "
                "faster, or say why it must be slower and record anew: make bench RECORD=1"
            )
    one = found["one changed route"]
    if one["one, index at hand"] * SHARE > one["all"]:
        problems.append(
            f"one changed route: {one['one, index at hand']:.3f} s of CPU for one Gateway, {one['all']:.3f} s for all "
            f"{found['world']['gateways']}: something is done for every Gateway again; it belongs into routing.index"
        )
    return problems


def _growth(stage: str, run: Figures, record: Figures, scale: float) -> float:
    return float(run["stages"][stage]) - scale * float(record["stages"].get(stage, 0.0))


def show(found: Figures) -> None:
    for form, run in found["plan"].items():
        goal = "goal met" if run["cpu"] < GOALS[form] and run["peak"] < GOAL_MEGABYTES else "goal missed"
        print(
            f"plan of {found['world']['routes']} HTTPRoutes from {form}: {run['cpu']:.2f} s of CPU, "
            f"{run['wall']:.2f} s, {run['peak']:.0f} MB ({goal}: {GOALS[form]:.0f} s, {GOAL_MEGABYTES} MB)"
        )
        print("  " + ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in run["stages"].items()))
    one = ", ".join(f"{what} {seconds * 1000:.0f} ms" for what, seconds in found["one changed route"].items())
    print(f"one changed route: {one}")


def table(found: Figures) -> str:
    """The record for people."""
    forms = list(found["plan"])
    machine, size = found["machine"], found["world"]
    heads = [f"{form.upper()} ({size['megabytes'][form]} MB)" for form in forms]
    lines = [
        "# How long a large plan takes",
        "",
        "<!-- written by `make bench RECORD=1` from docs/reference/bench.json -->",
        "",
        f"`cloudgw plan` for {size['routes']:,} HTTPRoutes of {size['gateways']} Gateways from {size['files']} files, "
        f"against an inventory that shows all {size['elements']:,} elements as they should be. Best of {RUNS} on "
        f"{machine['cpu']}, one core, Python {machine['python']}, {found['date']}.",
        "",
        f"| CPU seconds | {' | '.join(heads)} |",
        f"|---|{'---:|' * len(forms)}",
    ]
    for stage in found["plan"][forms[0]]["stages"]:
        cells = [f"{found['plan'][form]['stages'][stage]:.2f}" for form in forms]
        lines.append(f"| {stage} | {' | '.join(cells)} |")
    for what, key, unit in (
        ("all", "cpu", ".2f"),
        ("wall clock", "wall", ".2f"),
        ("memory at most, MB", "peak", ".0f"),
    ):
        lines.append(f"| **{what}** | {' | '.join(format(found['plan'][form][key], unit) for form in forms)} |")
    one = found["one changed route"]
    lines += [
        "",
        "One changed route is resolved by resolving its one Gateway: "
        f"{one['one, index at hand'] * 1000:.0f} ms of CPU with the index at hand, "
        f"{one['one, new index'] * 1000:.0f} ms with a new index of everything, {one['all'] * 1000:.0f} ms for all.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
