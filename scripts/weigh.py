"""`python -m scripts.weigh [--record]`: seconds and memory of a plan on each cloud, and of the SDK for writes.

A person runs it when a provider's imports changed; --record writes docs/reference/weight.md. Each figure is of a fresh
process, the best of 3 by CPU. The plan is that of the examples with one class, against the local cloud of that name. It
must never measure anything but the command that is shipped.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scripts import demo_stage

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "reference" / "weight.md"
RUNS = 3
CLASSES = {
    "AWS": ("aws-class.yaml", "gateway.yaml"),
    "Azure": ("azure-class.yaml", "azure-gateway.yaml"),
    "Google Cloud": ("gcp-class.yaml", "gcp-gateway.yaml"),
}
COMMON = ("grants.yaml", "namespaces.yaml", "routes.yaml", "services.yaml", "shop-tls.json")
SDK = "from google.cloud import compute_v1"
HEAD = """# What a cloud's SDK weighs

<!-- written by `python -m scripts.weigh --record` -->

`cloudgw plan` of the [examples](../../examples) with one class, against that cloud's local stand-in; a plan imports
what reads that cloud and nothing of the others. The best of 3 by CPU, each in a fresh process, on {cpu},
Python {python}, {date}. Memory is the most that the process held.

| | wall clock, s | CPU, s | memory, MiB |
|---|---:|---:|---:|
"""
TAIL = """
Google's client is one package of 1,400 modules. A plan does without it: documents are read as JSON through google-auth.
`apply` and `destroy` import it with the first resource that they make or delete; the last row is that import alone.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    wall: float
    cpu: float
    mebibytes: float


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--record"]):
        print("usage: python -m scripts.weigh [--record]", file=sys.stderr)
        return 64
    text = table(measure())
    print(text, end="")
    if arguments:
        head = HEAD.format(cpu=processor(), python=platform.python_version(), date=time.strftime("%Y-%m-%d"))
        TABLE.write_text(f"{head}{text}{TAIL}", encoding="utf-8")
        print(f"written: {TABLE.relative_to(ROOT)}")
    return 0


def measure() -> dict[str, Weight]:
    cloudgw = [sys.executable, "-m", "cloudgw.cli.main"]
    found = {"`cloudgw --help`": weigh([*cloudgw, "--help"], ROOT, dict(os.environ))}
    with demo_stage.workplace() as demo:
        demo.start()
        for name, files in CLASSES.items():
            given = [word for file in (*files, *COMMON) for word in ("-f", file)]
            plan = [*cloudgw, "plan", "--complete", *given]
            found[f"`cloudgw plan`, {name}"] = weigh(plan, demo.folder, demo.env, code=2)
    found["`import google.cloud.compute_v1` alone"] = weigh([sys.executable, "-c", SDK], ROOT, dict(os.environ))
    return found


def weigh(command: list[str], folder: Path, env: dict[str, str], code: int = 0) -> Weight:
    """The best of some runs; one before them compiles what is not compiled. Fails where one ends with another code."""
    runs = [_once(command, folder, env, code) for _ in range(RUNS + 1)][1:]
    return min(runs, key=lambda run: run.cpu)


def _once(command: list[str], folder: Path, env: dict[str, str], code: int) -> Weight:
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != code:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}, not {code}")
    return Weight(wall=wall, cpu=used.ru_utime + used.ru_stime, mebibytes=used.ru_maxrss / 1024)


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def table(found: dict[str, Weight]) -> str:
    return "".join(
        f"| {what} | {one.wall:.2f} | {one.cpu:.2f} | {one.mebibytes:.0f} |\n" for what, one in found.items()
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
