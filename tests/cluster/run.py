"""`python -m tests.cluster.run`: the tests that need a cluster, or one line that says why they cannot run here.

Run by `make test-cluster`; arguments go to pytest. Exit 0 where a machine cannot (with that line), but 1 in CI.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cluster import able

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("tests/cluster", "tests/controller", "tests/deploy")


def main(arguments: list[str]) -> int:
    if reason := able.why_no_cluster() or (able.why_no_pods() if able.in_ci() else ""):
        print(f"test-cluster: cannot run here: {reason}")
        return 1 if able.in_ci() else 0
    if reason := able.why_no_pods():
        print(f"test-cluster: tests with pods are skipped: {reason}", flush=True)
    folders = [folder for folder in FOLDERS if (ROOT / folder).is_dir()]
    command = [sys.executable, "-m", "pytest", "-m", "cluster and not sweep", *folders, *arguments]
    return subprocess.call(command, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
