"""Runs what every change must pass, on two cores: two halves of the tests at once, each in a process of its own.

Run by `make test` and `make check`. The halves take about the same time; what one prints is shown whole when both are
done. Exit 1 when one fails.
"""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import sys
import time

SLOW = ("tests/contract", "tests/errors", "tests/local")  # about half of the time


def run(name: str, arguments: list[str]) -> tuple[str, int, str, float]:
    """(name, exit code, everything printed, seconds) of one pytest."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": f".hypothesis/{name}"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return name, done.returncode, done.stdout, time.monotonic() - began


def main() -> int:
    given = sys.argv[1:]
    halves = {
        "servers": [*SLOW, *given],
        "the rest": ["tests", *(f"--ignore={folder}" for folder in SLOW), *given],
    }
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for name, code, printed, seconds in pool.map(run, halves, halves.values()):
            print(f"{printed.rstrip()}\n{name}: {seconds:.0f} s, {'passed' if code == 0 else 'FAILED'}\n", flush=True)
            failed += code != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
